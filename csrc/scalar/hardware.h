// The operations of the hardware for which compilers have no vector operator: square root,
// fused multiply-add and stores past the caches. The only intrinsics of scalar/, because the alternative, a loop over the
// lanes that the optimiser is to turn into one instruction, is not turned reliably: inside a loop
// GCC 12 leaves 16 scalar operations (exp of float: 1.2 ns an element instead of 0.2).
#pragma once

#include "scalar/vec.h"

#if !WG_DEVICE_CODE && (defined(__SSE2__) || defined(__x86_64__))
#include <immintrin.h>
#define WG_HAS_X86 1
#else
#define WG_HAS_X86 0
#endif

namespace wg {
inline namespace WG_ISA {
namespace detail {

// GCC 12 warns about the undefined register inside _mm512_sqrt_ps, hence the masked form with every
// lane selected.

#if WG_DEVICE_CODE
WG_INLINE float lane_sqrt(float x) { return ::sqrtf(x); }
WG_INLINE double lane_sqrt(double x) { return ::sqrt(x); }
WG_INLINE float lane_fma(float a, float b, float c) { return ::fmaf(a, b, c); }
WG_INLINE double lane_fma(double a, double b, double c) { return ::fma(a, b, c); }
#else
WG_INLINE float lane_sqrt(float x) { return __builtin_sqrtf(x); }
WG_INLINE double lane_sqrt(double x) { return __builtin_sqrt(x); }
WG_INLINE float lane_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
WG_INLINE double lane_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#endif

template <class T, int N>
WG_INLINE Vec<T, N> hardware_sqrt(Vec<T, N> x) {
    constexpr int bytes = N * int(sizeof(T));
    if constexpr (N > 1 && bytes > WG_VEC_BYTES) {
        const Halves<T, N> h = split(x);
        return join(hardware_sqrt(h.lo), hardware_sqrt(h.hi));
    }
#if WG_HAS_X86
#ifdef __AVX512F__
    else if constexpr (bytes == 64) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw((raw_t<T, N>)_mm512_maskz_sqrt_ps(-1, (__m512)x.raw));
        else return Vec<T, N>::from_raw((raw_t<T, N>)_mm512_maskz_sqrt_pd(-1, (__m512d)x.raw));
    }
#endif
#ifdef __AVX__
    else if constexpr (bytes == 32) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw((raw_t<T, N>)_mm256_sqrt_ps((__m256)x.raw));
        else return Vec<T, N>::from_raw((raw_t<T, N>)_mm256_sqrt_pd((__m256d)x.raw));
    }
#endif
    else if constexpr (bytes == 16) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw((raw_t<T, N>)_mm_sqrt_ps((__m128)x.raw));
        else return Vec<T, N>::from_raw((raw_t<T, N>)_mm_sqrt_pd((__m128d)x.raw));
    }
#endif
    else {
        return map_lanes([](T v) { return lane_sqrt(v); }, x);
    }
}

template <class T, int N>
WG_INLINE Vec<T, N> hardware_fma(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
    constexpr int bytes = N * int(sizeof(T));
    if constexpr (N > 1 && bytes > WG_VEC_BYTES) {
        const Halves<T, N> x = split(a), y = split(b), z = split(c);
        return join(hardware_fma(x.lo, y.lo, z.lo), hardware_fma(x.hi, y.hi, z.hi));
    }
#if WG_HAS_X86 && WG_HAS_FMA
#ifdef __AVX512F__
    else if constexpr (bytes == 64) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm512_fmadd_ps((__m512)a.raw, (__m512)b.raw, (__m512)c.raw));
        else
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm512_fmadd_pd((__m512d)a.raw, (__m512d)b.raw, (__m512d)c.raw));
    }
#endif
    else if constexpr (bytes == 32) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm256_fmadd_ps((__m256)a.raw, (__m256)b.raw, (__m256)c.raw));
        else
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm256_fmadd_pd((__m256d)a.raw, (__m256d)b.raw, (__m256d)c.raw));
    } else if constexpr (bytes == 16) {
        if constexpr (sizeof(T) == 4)
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm_fmadd_ps((__m128)a.raw, (__m128)b.raw, (__m128)c.raw));
        else
            return Vec<T, N>::from_raw(
                (raw_t<T, N>)_mm_fmadd_pd((__m128d)a.raw, (__m128d)b.raw, (__m128d)c.raw));
    }
#endif
    else {
        Vec<T, N> r;
        for (int i = 0; i < N; ++i) r.set(i, lane_fma(a[i], b[i], c[i]));
        return r;
    }
}

}  // namespace detail

#if !WG_DEVICE_CODE
// Stores past the caches, at an address that is a multiple of the vector's size; read by others after stream_end().
template <class T>
WG_INLINE void stream(T* p, Vec<T> v) {
#if WG_HAS_X86
    if constexpr (sizeof(v.raw) == 16)
        _mm_stream_si128(reinterpret_cast<__m128i*>(p), (__m128i)v.raw);
#ifdef __AVX__
    if constexpr (sizeof(v.raw) == 32)
        _mm256_stream_si256(reinterpret_cast<__m256i*>(p), (__m256i)v.raw);
#endif
#ifdef __AVX512F__
    if constexpr (sizeof(v.raw) == 64)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(p), (__m512i)v.raw);
#endif
#else
    v.store(p);
#endif
}
WG_INLINE void stream_end() {
#if WG_HAS_X86
    _mm_sfence();
#endif
}
#endif

}  // namespace WG_ISA
}  // namespace wg
