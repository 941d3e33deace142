// Mathematical functions of numbers and of vectors of numbers, each written once. The list is functions.def.
// A function takes Vec<T, N>, or a plain float or double (the same code with one lane, so that an element gives the
// same bits wherever it lies), and two-argument ones take a plain number on either side.
#pragma once

#include "scalar/vec.h"

#if !WG_DEVICE_CODE
#include <cmath>
#endif

namespace wg {
inline namespace WG_ISA {

namespace libm {
#define WG_LIBM1(name)                                                              \
    WG_INLINE float name(float x) { return __builtin_##name##f(x); }                \
    WG_INLINE double name(double x) { return __builtin_##name(x); }
#define WG_LIBM2(name)                                                              \
    WG_INLINE float name(float x, float y) { return __builtin_##name##f(x, y); }    \
    WG_INLINE double name(double x, double y) { return __builtin_##name(x, y); }
WG_LIBM1(exp) WG_LIBM1(exp2) WG_LIBM1(expm1) WG_LIBM1(log) WG_LIBM1(log2) WG_LIBM1(log10) WG_LIBM1(log1p)
WG_LIBM1(sqrt) WG_LIBM1(sin) WG_LIBM1(cos) WG_LIBM1(tan) WG_LIBM1(asin) WG_LIBM1(acos) WG_LIBM1(atan)
WG_LIBM1(sinh) WG_LIBM1(cosh) WG_LIBM1(tanh) WG_LIBM1(asinh) WG_LIBM1(acosh) WG_LIBM1(atanh)
WG_LIBM1(erf) WG_LIBM1(erfc) WG_LIBM1(floor) WG_LIBM1(ceil) WG_LIBM1(rint) WG_LIBM1(trunc)
WG_LIBM2(atan2) WG_LIBM2(pow) WG_LIBM2(fmod) WG_LIBM2(copysign)
#undef WG_LIBM1
#undef WG_LIBM2
}  // namespace libm

#define WG_MAP1(name)                                                               \
    template <Floating T, int N>                                                    \
    WG_INLINE Vec<T, N> name(Vec<T, N> x) {                                         \
        return map_lanes([](T v) __attribute__((always_inline)) { return libm::name(v); }, x);                    \
    }
WG_MAP1(exp) WG_MAP1(exp2) WG_MAP1(expm1) WG_MAP1(log) WG_MAP1(log2) WG_MAP1(log10) WG_MAP1(log1p)
WG_MAP1(sqrt) WG_MAP1(sin) WG_MAP1(cos) WG_MAP1(tan) WG_MAP1(asin) WG_MAP1(acos) WG_MAP1(atan)
WG_MAP1(sinh) WG_MAP1(cosh) WG_MAP1(tanh) WG_MAP1(asinh) WG_MAP1(acosh) WG_MAP1(atanh)
WG_MAP1(erf) WG_MAP1(erfc) WG_MAP1(floor) WG_MAP1(ceil) WG_MAP1(trunc) WG_MAP1(rint)
#undef WG_MAP1
#define WG_MAP2(name)                                                               \
    template <Floating T, int N>                                                    \
    WG_INLINE Vec<T, N> name(Vec<T, N> x, Vec<T, N> y) {                            \
        return map_lanes([](T a, T b) __attribute__((always_inline)) { return libm::name(a, b); }, x, y);         \
    }
WG_MAP2(atan2) WG_MAP2(pow) WG_MAP2(fmod) WG_MAP2(copysign)
#undef WG_MAP2

template <Floating T, int N>
WG_INLINE Vec<T, N> round(Vec<T, N> x) {
    return rint(x);
}
template <Floating T, int N>
WG_INLINE Vec<T, N> rsqrt(Vec<T, N> x) {
    return 1 / sqrt(x);
}
template <Floating T, int N>
WG_INLINE Vec<T, N> reciprocal(Vec<T, N> x) {
    return 1 / x;
}
template <Floating T, int N>
WG_INLINE Vec<T, N> sigmoid(Vec<T, N> x) {
    const Vec<T, N> e = exp(-abs(x));
    return where(x >= 0, Vec<T, N>(1), e) / (1 + e);
}
template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isnan(Vec<T, N> x) {
    return x != x;
}
template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isinf(Vec<T, N> x) {
    if constexpr (Floating<T>)
        return abs(x) == T(__builtin_huge_val());
    else
        return Mask<T, N>(false);
}
template <Arithmetic T, int N>
WG_INLINE Mask<T, N> isfinite(Vec<T, N> x) {
    if constexpr (Floating<T>)
        return abs(x) < T(__builtin_huge_val());
    else
        return Mask<T, N>(true);
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> abs(Vec<T, N> x) {
    if constexpr (Floating<T>) {
        using U = detail::lane_uint<T>;
        return bit_cast<T>(bit_cast<U>(x) & (U(-1) >> 1));
    } else if constexpr (traits::is_signed<T>) {
        return where(x < 0, -x, x);
    } else {
        return x;
    }
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> sign(Vec<T, N> x) {
    const Vec<T, N> zero(0);
    return where(x > 0, Vec<T, N>(1), where(x < 0, Vec<T, N>(-1), Floating<T> ? zero : zero));
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> maximum(Vec<T, N> a, Vec<T, N> b) {
    return where(a > b || isnan(a), a, b);
}
template <Arithmetic T, int N>
WG_INLINE Vec<T, N> minimum(Vec<T, N> a, Vec<T, N> b) {
    return where(a < b || isnan(a), a, b);
}
template <Floating T, int N>
WG_INLINE Vec<T, N> fma(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
    Vec<T, N> r;
    for (int i = 0; i < N; ++i) {
        if constexpr (sizeof(T) == 4)
            r.set(i, __builtin_fmaf(a[i], b[i], c[i]));
        else
            r.set(i, __builtin_fma(a[i], b[i], c[i]));
    }
    return r;
}

// Plain numbers, alone or beside a Vec.
#define WG_FN1(name)                         \
    template <Arithmetic T>                  \
    WG_INLINE T name(T x) {                  \
        return name(Vec<T, 1>(x)).raw;       \
    }
#define WG_FN_TEST(name)                     \
    template <Arithmetic T>                  \
    WG_INLINE bool name(T x) {               \
        return name(Vec<T, 1>(x)).raw;       \
    }
#define WG_FN2(name)                                                \
    template <Arithmetic A, Arithmetic B>                           \
    WG_INLINE auto name(A a, B b) {                                 \
        using T = decltype(a + b);                                  \
        return name(Vec<T, 1>(a), Vec<T, 1>(b)).raw;                \
    }                                                               \
    template <Arithmetic T, int N, Arithmetic S>                    \
    WG_INLINE Vec<T, N> name(Vec<T, N> a, S b) {                    \
        return name(a, Vec<T, N>(b));                               \
    }                                                               \
    template <Arithmetic T, int N, Arithmetic S>                    \
    WG_INLINE Vec<T, N> name(S a, Vec<T, N> b) {                    \
        return name(Vec<T, N>(a), b);                               \
    }
#define WG_FN3(name)                                                        \
    template <Floating T>                                                   \
    WG_INLINE T name(T a, T b, T c) {                                       \
        return name(Vec<T, 1>(a), Vec<T, 1>(b), Vec<T, 1>(c)).raw;          \
    }
#include "scalar/functions.def"

}  // namespace WG_ISA
}  // namespace wg
