// Half (IEEE binary16) and BFloat16: 16-bit storage types. Nothing is computed in them: they are
// widened to float, computed on, and rounded back to nearest even. load_as_float / store_from_float
// do this for a block.
#pragma once

#include "scalar/vec.h"

namespace wg {

// The types are the same for every instruction set, hence outside the inline namespace; their
// conversions are always inlined, so no symbol of theirs can be shared.
namespace detail {

WG_INLINE float float_of_bits(int32_t bits) {
    float f;
    WG_MEMCPY(&f, &bits, sizeof f);
    return f;
}
WG_INLINE int32_t bits_of_float(float f) {
    int32_t bits;
    WG_MEMCPY(&bits, &f, sizeof bits);
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

// The conversions are written once, over F = float or a vector of floats and I = int32_t or a
// vector of those (signed, because instruction sets before AVX-512 compare only signed integers).
namespace detail {

template <class F>
struct HalfCode;

template <>
struct HalfCode<float> {
    using I = int32_t;
    static WG_INLINE float number(I i) { return float_of_bits(i); }
    static WG_INLINE I bits(float f) { return bits_of_float(f); }
    static WG_INLINE I pick(bool c, I a, I b) { return c ? a : b; }
};

#if !WG_DEVICE_CODE
template <class T, int N>
struct HalfCode<Vec<T, N>> {
    using I = Vec<int32_t, N>;
    static WG_INLINE Vec<float, N> number(I i) { return bit_cast<float>(i); }
    static WG_INLINE I bits(Vec<float, N> f) { return bit_cast<int32_t>(f); }
    static WG_INLINE I pick(Mask<int32_t, N> c, I a, I b) { return where(c, a, b); }
};
#endif

// Half bits (in the low 16 of each I) to float. Shifting the exponent field into place leaves it
// 112 too small, which a multiplication repairs exactly, subnormals included.
template <class F>
WG_INLINE F half_to_float(typename HalfCode<F>::I h) {
    using C = HalfCode<F>;
    using I = typename C::I;
    const I magnitude = (h & I(0x7fff)) << 13;
    const I finite = C::bits(C::number(magnitude) * F(0x1p112f));
    const I value = C::pick(magnitude >= I(0x7c00 << 13), magnitude | I(0x7f800000), finite);
    // The sign of h, in bit 15, comes to bit 31 and nothing else does.
    return C::number(value | ((h & I(0x8000)) << 16));
}

template <class F>
WG_INLINE typename HalfCode<F>::I float_to_half(F f) {
    using C = HalfCode<F>;
    using I = typename C::I;
    const I bits = C::bits(f), magnitude = bits & I(0x7fffffff);
    // Rounds to nearest even by adding just under half a unit, or exactly half when the last kept
    // bit is odd.
    const I normal = (magnitude + I(0xfff - (112 << 23)) + ((magnitude >> 13) & I(1))) >> 13;
    // Below 2^-14 the spacing is 2^-24, which is that of float at 0.5: the addition rounds.
    const I subnormal = C::bits(C::number(magnitude) + F(0.5f)) - I(0x3f000000);
    I h = C::pick(magnitude < I(0x38800000), subnormal, normal);
    h = C::pick(magnitude >= I(0x477ff000), I(0x7c00), h);
    h = C::pick(magnitude > I(0x7f800000), I(0x7e00), h);
    return h | ((bits >> 16) & I(0x8000));
}

template <class F>
WG_INLINE F bfloat16_to_float(typename HalfCode<F>::I b) {
    return HalfCode<F>::number(b << 16);
}

template <class F>
WG_INLINE typename HalfCode<F>::I float_to_bfloat16(F f) {
    using C = HalfCode<F>;
    using I = typename C::I;
    const I bits = C::bits(f), kept = (bits >> 16) & I(0xffff), dropped = bits & I(0xffff);
    // Up when what is dropped is more than half a unit, or half with the last kept bit odd.
    const I rounded = kept + ((dropped + I(0x7fff) + (kept & I(1))) >> 16);
    return C::pick((bits & I(0x7fffffff)) > I(0x7f800000), I(0x7fc0), rounded);
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
    return detail::half_to_float<Vec<float, N>>(convert<int32_t>(h));
}
template <int N = kLanes<float>>
WG_INLINE Vec<float, N> load_as_float(const BFloat16* p, int n = N) {
    const auto b = Vec<uint16_t, N>::load(reinterpret_cast<const uint16_t*>(p), n);
    return detail::bfloat16_to_float<Vec<float, N>>(convert<int32_t>(b));
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
