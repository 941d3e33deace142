// The functions of math.h in CUDA code: one lane, from the device's own library. Part of math.h.
#pragma once

#include "scalar/math_basic.h"

namespace wg {
inline namespace WG_ISA {

#define WG_DEVICE1(name)                                                                      \
    WG_INLINE Vec<float, 1> name(Vec<float, 1> x) { return Vec<float, 1>(::name##f(x.raw)); } \
    WG_INLINE Vec<double, 1> name(Vec<double, 1> x) { return Vec<double, 1>(::name(x.raw)); }
WG_DEVICE1(exp)
WG_DEVICE1(exp2)
WG_DEVICE1(expm1)
WG_DEVICE1(log)
WG_DEVICE1(log2)
WG_DEVICE1(log10)
WG_DEVICE1(log1p)
WG_DEVICE1(sin)
WG_DEVICE1(cos)
WG_DEVICE1(tan)
WG_DEVICE1(asin)
WG_DEVICE1(acos)
WG_DEVICE1(atan)
WG_DEVICE1(sinh)
WG_DEVICE1(cosh)
WG_DEVICE1(tanh)
WG_DEVICE1(asinh)
WG_DEVICE1(acosh)
WG_DEVICE1(atanh)
WG_DEVICE1(erf)
WG_DEVICE1(erfc)
#undef WG_DEVICE1

#define WG_DEVICE2(name)                                                \
    WG_INLINE Vec<float, 1> name(Vec<float, 1> x, Vec<float, 1> y) {    \
        return Vec<float, 1>(::name##f(x.raw, y.raw));                  \
    }                                                                   \
    WG_INLINE Vec<double, 1> name(Vec<double, 1> x, Vec<double, 1> y) { \
        return Vec<double, 1>(::name(x.raw, y.raw));                    \
    }
WG_DEVICE2(atan2)
WG_DEVICE2(hypot)
WG_DEVICE2(pow)
WG_DEVICE2(fmod)
#undef WG_DEVICE2

template <Floating T>
WG_INLINE Vec<T, 1> sigmoid(Vec<T, 1> x) {
    const Vec<T, 1> e = exp(-abs(x));
    return where(x < 0, e, Vec<T, 1>(1)) / (1 + e);
}
template <Floating T>
WG_INLINE Vec<T, 1> normal_cdf(Vec<T, 1> x) {
    return T(0.5) * (1 + erf(x * T(0.70710678118654752440)));
}

}  // namespace WG_ISA
}  // namespace wg
