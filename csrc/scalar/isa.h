// What every file of scalar/ and every *.isa.cpp shares: the instruction set being compiled for,
// the names of the fixed-width types (NVRTC has no <cstdint>) and the function qualifiers. Start
// with vec.h.
//
// Code compiled once per instruction set lives in `namespace wg { inline namespace WG_ISA { ... }
// }`: the same template then has a different symbol for each set, and the linker can never keep the
// AVX-512 copy of a function for a machine without AVX-512.
#pragma once

#ifndef WG_ISA
#define WG_ISA baseline
#endif

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define WG_DEVICE_CODE 1
#define WG_HD __host__ __device__
#else
#define WG_DEVICE_CODE 0
#define WG_HD
#endif

// What NVRTC calls differently, or lacks.
#if WG_DEVICE_CODE
#define WG_MEMCPY memcpy
#else
#define WG_MEMCPY __builtin_memcpy
#endif

// Functions of one line to a few: never a call, never a symbol.
#define WG_INLINE WG_HD inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define WG_VEC_BYTES 64
#elif defined(__AVX2__)
#define WG_VEC_BYTES 32
#else
#define WG_VEC_BYTES 16
#endif

// Fused multiply-add is one instruction here; elsewhere it would be a slow call into libm.
#if defined(__FMA__) || WG_DEVICE_CODE
#define WG_HAS_FMA 1
#else
#define WG_HAS_FMA 0
#endif

#ifdef __CUDACC_RTC__
using int8_t = signed char;
using int16_t = short;
using int32_t = int;
using int64_t = long long;
using uint8_t = unsigned char;
using uint16_t = unsigned short;
using uint32_t = unsigned int;
using uint64_t = unsigned long long;
#else
#include <cstdint>
#endif

namespace wg {

// The few type traits needed, since <type_traits> does not exist under NVRTC.
namespace traits {

template <class A, class B>
inline constexpr bool is_same = false;
template <class A>
inline constexpr bool is_same<A, A> = true;

template <class A, class... Bs>
inline constexpr bool is_one_of = (is_same<A, Bs> || ...);

template <class T>
inline constexpr bool is_floating = is_one_of<T, float, double>;
template <class T>
inline constexpr bool is_integer =
    is_one_of<T, signed char, short, int, long, long long, unsigned char, unsigned short,
              unsigned int, unsigned long, unsigned long long>;
template <class T>
inline constexpr bool is_arithmetic = is_floating<T> || is_integer<T> || is_one_of<T, bool, char>;
template <class T>
inline constexpr bool is_signed = T(-1) < T(0);

// Integers by width.
template <int Bytes>
struct ints;
template <>
struct ints<1> {
    using s = int8_t;
    using u = uint8_t;
};
template <>
struct ints<2> {
    using s = int16_t;
    using u = uint16_t;
};
template <>
struct ints<4> {
    using s = int32_t;
    using u = uint32_t;
};
template <>
struct ints<8> {
    using s = int64_t;
    using u = uint64_t;
};

}  // namespace traits

template <class T>
concept Arithmetic = traits::is_arithmetic<T>;
template <class T>
concept Floating = traits::is_floating<T>;
template <class T>
concept Integer = traits::is_integer<T>;

}  // namespace wg
