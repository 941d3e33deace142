// Half (IEEE binary16) and BFloat16: 16-bit storage types. Nothing is computed in them: they are widened to float,
// computed on, and rounded back to nearest even. load_as_float / store_from_float do this for a block.
#pragma once

#include "scalar/vec.h"

namespace wg {

// The types are the same for every instruction set, hence outside the inline namespace; their conversions are always
// inlined, so no symbol of theirs can be shared.
namespace detail {

WG_INLINE float float_of_bits(uint32_t bits) {
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}
WG_INLINE uint32_t bits_of_float(float f) {
    uint32_t bits;
    __builtin_memcpy(&bits, &f, sizeof bits);
    return bits;
}

}  // namespace detail

struct Half {
    uint16_t bits;

    Half() = default;
    WG_INLINE explicit Half(float f);
    WG_INLINE explicit operator float() const;
    static WG_INLINE constexpr Half from_bits(uint16_t b) { return Half(b, 0); }

private:
    WG_INLINE constexpr Half(uint16_t b, int) : bits(b) {}
};

struct BFloat16 {
    uint16_t bits;

    BFloat16() = default;
    WG_INLINE explicit BFloat16(float f);
    WG_INLINE explicit operator float() const;
    static WG_INLINE constexpr BFloat16 from_bits(uint16_t b) { return BFloat16(b, 0); }

private:
    WG_INLINE constexpr BFloat16(uint16_t b, int) : bits(b) {}
};

// The conversions are written once, over U = uint32_t or a vector of them and F = float or a vector; `cast` turns
// bits into numbers and back, and `pick` chooses lane by lane.
namespace detail {

template <class Number>
struct HalfCode;

template <>
struct HalfCode<float> {
    using U = uint32_t;
    static WG_INLINE float number(U u) { return float_of_bits(u); }
    static WG_INLINE U bits(float f) { return bits_of_float(f); }
    static WG_INLINE U pick(bool c, U a, U b) { return c ? a : b; }
};

#if !WG_DEVICE_CODE
template <class T, int N>
struct HalfCode<Vec<T, N>> {
    using U = Vec<uint32_t, N>;
    static WG_INLINE Vec<float, N> number(U u) { return bit_cast<float>(u); }
    static WG_INLINE U bits(Vec<float, N> f) { return bit_cast<uint32_t>(f); }
    static WG_INLINE U pick(Mask<uint32_t, N> c, U a, U b) { return where(c, a, b); }
};
#endif

// Half bits (in the low 16 of each U) to float. Shifting the exponent field into place leaves it 112 too small,
// which a multiplication repairs exactly, subnormals included.
template <class F>
WG_INLINE F half_to_float(typename HalfCode<F>::U h) {
    using C = HalfCode<F>;
    using U = typename C::U;
    const U sign = (h & U(0x8000u)) << 16;
    const U magnitude = (h & U(0x7fffu)) << 13;
    const U finite = C::bits(C::number(magnitude) * F(0x1p112f));
    return C::number(sign | C::pick(magnitude >= U(0x7c00u << 13), magnitude | U(0x7f800000u), finite));
}

template <class F>
WG_INLINE typename HalfCode<F>::U float_to_half(F f) {
    using C = HalfCode<F>;
    using U = typename C::U;
    const U bits = C::bits(f);
    const U sign = (bits >> 16) & U(0x8000u);
    const U magnitude = bits & U(0x7fffffffu);
    // Rounds to nearest even by adding just under half a unit, or exactly half when the last kept bit is odd.
    const U normal = (magnitude - U(112u << 23) + U(0xfffu) + ((magnitude >> 13) & U(1u))) >> 13;
    // Below 2^-14 the spacing is 2^-24, which is that of float at 0.5: the addition rounds.
    const U subnormal = C::bits(C::number(magnitude) + F(0.5f)) - U(0x3f000000u);
    U h = C::pick(magnitude < U(0x38800000u), subnormal, normal);
    h = C::pick(magnitude >= U(0x477ff000u), U(0x7c00u), h);
    h = C::pick(magnitude > U(0x7f800000u), U(0x7e00u), h);
    return sign | h;
}

template <class F>
WG_INLINE F bfloat16_to_float(typename HalfCode<F>::U b) {
    return HalfCode<F>::number(b << 16);
}

template <class F>
WG_INLINE typename HalfCode<F>::U float_to_bfloat16(F f) {
    using C = HalfCode<F>;
    using U = typename C::U;
    const U bits = C::bits(f);
    const U rounded = (bits + U(0x7fffu) + ((bits >> 16) & U(1u))) >> 16;
    return C::pick((bits & U(0x7fffffffu)) > U(0x7f800000u), U(0x7fc0u), rounded);
}

}  // namespace detail

WG_INLINE Half::Half(float f) : bits(uint16_t(detail::float_to_half<float>(f))) {}
WG_INLINE Half::operator float() const { return detail::half_to_float<float>(bits); }
WG_INLINE BFloat16::BFloat16(float f) : bits(uint16_t(detail::float_to_bfloat16<float>(f))) {}
WG_INLINE BFloat16::operator float() const { return detail::bfloat16_to_float<float>(bits); }

#if !WG_DEVICE_CODE
inline namespace WG_ISA {

// A block of n <= lanes numbers as floats (the other lanes zero), and back.
template <int N = kLanes<float>>
WG_INLINE Vec<float, N> load_as_float(const Half* p, int n = N) {
    const auto h = Vec<uint16_t, N>::load(reinterpret_cast<const uint16_t*>(p), n);
    return detail::half_to_float<Vec<float, N>>(convert<uint32_t>(h));
}
template <int N = kLanes<float>>
WG_INLINE Vec<float, N> load_as_float(const BFloat16* p, int n = N) {
    const auto b = Vec<uint16_t, N>::load(reinterpret_cast<const uint16_t*>(p), n);
    return detail::bfloat16_to_float<Vec<float, N>>(convert<uint32_t>(b));
}
template <int N>
WG_INLINE void store_from_float(Half* p, int n, Vec<float, N> x) {
    convert<uint16_t>(detail::float_to_half(x)).store(reinterpret_cast<uint16_t*>(p), n);
}
template <int N>
WG_INLINE void store_from_float(BFloat16* p, int n, Vec<float, N> x) {
    convert<uint16_t>(detail::float_to_bfloat16(x)).store(reinterpret_cast<uint16_t*>(p), n);
}

// The same for float itself, so that one loop serves every storage type computed in float.
template <int N = kLanes<float>>
WG_INLINE Vec<float, N> load_as_float(const float* p, int n = N) {
    return Vec<float, N>::load(p, n);
}
template <int N>
WG_INLINE void store_from_float(float* p, int n, Vec<float, N> x) {
    x.store(p, n);
}

}  // namespace WG_ISA
#endif

}  // namespace wg
