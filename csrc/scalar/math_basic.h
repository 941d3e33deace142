// The functions that are a few operations: absolute value and sign, rounding, extremes, roots,
// classification, fma; and the tools the approximations are made of (mad, poly, patch_lanes). Part
// of math.h.
#pragma once

#include "scalar/hardware.h"

namespace wg {
inline namespace WG_ISA {

template <class T>
inline constexpr T kInf = T(__builtin_bit_cast(double, uint64_t(0x7ff0000000000000)));
template <class T>
inline constexpr T kNan = T(__builtin_bit_cast(double, uint64_t(0x7ff8000000000000)));

// ---- classification and signs ----

template <Arithmetic T, int N>
WG_INLINE Vec<T, N> abs(Vec<T, N> x) {
    if constexpr (Floating<T>) {
        using U = detail::lane_uint<T>;
        return bit_cast<T>(bit_cast<U>(x) & U(U(-1) >> 1));
    } else if constexpr (traits::is_signed<T>) {
        return where(x < 0, -x, x);
    } else {
        return x;
    }
}

template <Floating T, int N>
WG_INLINE Vec<T, N> copysign(Vec<T, N> magnitude, Vec<T, N> from) {
    using U = detail::lane_uint<T>;
    constexpr U value = U(-1) >> 1;
    return bit_cast<T>((bit_cast<U>(magnitude) & value) | (bit_cast<U>(from) & ~value));
}

template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isnan(Vec<T, N> x) {
    return x != x;
}
template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isinf(Vec<T, N> x) {
    if constexpr (Floating<T>) return abs(x) == kInf<T>;
    else return Mask<T, N>(false);
}
template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isfinite(Vec<T, N> x) {
    if constexpr (Floating<T>) return abs(x) < kInf<T>;
    else return Mask<T, N>(true);
}

// -1, 0 or 1; 0 for NaN, as PyTorch has it.
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> sign(Vec<T, N> x) {
    const Vec<T, N> positive = where(x > 0, Vec<T, N>(1), Vec<T, N>(0));
    if constexpr (traits::is_signed<T>) return where(x < 0, Vec<T, N>(-1), positive);
    else return positive;
}

// The larger and the smaller; NaN if either is.
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> maximum(Vec<T, N> a, Vec<T, N> b) {
    return where(a > b || isnan(a), a, b);
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> minimum(Vec<T, N> a, Vec<T, N> b) {
    return where(a < b || isnan(a), a, b);
}

// ---- rounding ----

// To the nearest integer, half to even. Adding and subtracting 2^(mantissa bits) leaves no room for
// a fraction.
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> round(Vec<T, N> x) {
    if constexpr (Floating<T>) {
        const Vec<T, N> big = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
        const Vec<T, N> a = abs(x);
        return copysign(where(a < big, (a + big) - big, a), x);
    } else {
        return x;
    }
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> floor(Vec<T, N> x) {
    if constexpr (Floating<T>) {
        const Vec<T, N> r = round(x);
        return where(r > x, r - 1, r);
    } else {
        return x;
    }
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> ceil(Vec<T, N> x) {
    if constexpr (Floating<T>) {
        const Vec<T, N> r = round(x);
        return copysign(where(r < x, r + 1, r), x);
    } else {
        return x;
    }
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> trunc(Vec<T, N> x) {
    if constexpr (Floating<T>) return copysign(floor(abs(x)), x);
    else return x;
}

// ---- exactly rounded by the hardware ----

template <Floating T, int N>
WG_INLINE Vec<T, N> sqrt(Vec<T, N> x) {
    return detail::hardware_sqrt(x);
}
template <Floating T, int N>
WG_INLINE Vec<T, N> rsqrt(Vec<T, N> x) {
    return 1 / sqrt(x);
}
template <Floating T, int N>
WG_INLINE Vec<T, N> reciprocal(Vec<T, N> x) {
    return 1 / x;
}

// a * b + c, rounded once. Without the instruction this is a slow library call: approximations use
// mad().
template <Floating T, int N>
WG_INLINE Vec<T, N> fma(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
    return detail::hardware_fma(a, b, c);
}

namespace detail {

// a * b + c, rounded once or twice, whichever is fast.
template <class T, int N>
WG_INLINE Vec<T, N> mad(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
#if WG_HAS_FMA
    return fma(a, b, c);
#else
    return a * b + c;
#endif
}

// c0 + c1 x + c2 x^2 + ... by Horner's rule
template <class V, class... C>
WG_INLINE V poly(V x, double c0, C... higher) {
    if constexpr (sizeof...(higher) == 0) return V(c0);
    else return mad(poly(x, higher...), x, V(c0));
}
// Every second term of that, from the first one on, in z = x^2.
template <class V>
WG_INLINE V poly_alternate(V, double c0) {
    return V(c0);
}
template <class V, class... C>
WG_INLINE V poly_alternate(V z, double c0, double, C... higher) {
    if constexpr (sizeof...(higher) == 0) return V(c0);
    else return mad(poly_alternate(z, higher...), z, V(c0));
}
// poly() with many terms, in two chains: half the time that a result waits for the one before it.
template <class V, class... C>
WG_INLINE V long_poly(V x, double c0, C... higher) {
    const V z = x * x;
    return mad(poly_alternate(z, higher...), x, poly_alternate(z, c0, higher...));
}

// r with the lanes in m replaced by f(x, ...): for arguments too rare to be worth vector code. The vectors are copied to
// memory there and not before: one of which a lane is picked by its number would lie in memory always.
template <class F, class T, int N, class... X>
WG_INLINE Vec<T, N> patch_lanes(Mask<T, N> m, Vec<T, N> r, F f, X... x) {
    if constexpr (N == 1) {
        return m.raw ? Vec<T, N>(f(x[0]...)) : r;
    } else if (__builtin_expect(any(m), 0)) {
        T lanes[1 + sizeof...(X)][N];
        uint8_t chosen[N];
        r.store(lanes[0]);
        int k = 0;
        (x.store(lanes[++k]), ...);
        m.store_bool(chosen);
#pragma GCC unroll 1
        for (int i = 0; i < N; ++i) {
            if (!chosen[i]) continue;
            if constexpr (sizeof...(X) == 1) lanes[0][i] = f(lanes[1][i]);
            else lanes[0][i] = f(lanes[1][i], lanes[2][i]);
        }
        return Vec<T, N>::load(lanes[0]);
    }
    return r;
}

}  // namespace detail

}  // namespace WG_ISA
}  // namespace wg
