// Dual numbers v + d e with e^2 = 0: computing with them gives value and derivative at once
// (forward mode). Every derivative below is written from the definition of its function and not
// from the table of operators: evaluating a row's forward formula on a Dual checks the row's
// gradient formula. At ties and kinks the choice is PyTorch's.
#pragma once

#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {

struct Dual {
    double v = 0;  // value
    double d = 0;  // derivative

    Dual() = default;
    template <Arithmetic S>
    Dual(S constant) : v(double(constant)) {}
    Dual(double value, double derivative) : v(value), d(derivative) {}

    friend Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
    friend Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
    friend Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
    friend Dual operator/(Dual a, Dual b) { return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v}; }
    friend Dual operator-(Dual a) { return {-a.v, -a.d}; }
    friend Dual operator+(Dual a) { return a; }

    friend bool operator==(Dual a, Dual b) { return a.v == b.v; }
    friend bool operator!=(Dual a, Dual b) { return a.v != b.v; }
    friend bool operator<(Dual a, Dual b) { return a.v < b.v; }
    friend bool operator<=(Dual a, Dual b) { return a.v <= b.v; }
    friend bool operator>(Dual a, Dual b) { return a.v > b.v; }
    friend bool operator>=(Dual a, Dual b) { return a.v >= b.v; }

    friend Dual where(bool condition, Dual a, Dual b) { return condition ? a : b; }
};

namespace detail {

// A slope times how fast the argument moves; an argument that stands still contributes nothing,
// even where the slope is infinite.
inline double chain(double slope, double d) { return d == 0 ? 0 : slope * d; }

}  // namespace detail

// One row per function of one argument: name and slope at v.
#define WG_DUAL1(name, slope)                        \
    inline Dual name(Dual x) {                       \
        [[maybe_unused]] const double v = x.v;       \
        return {name(v), detail::chain(slope, x.d)}; \
    }
WG_DUAL1(exp, exp(v))
WG_DUAL1(exp2, exp2(v) * 0.6931471805599453)
WG_DUAL1(expm1, exp(v))
WG_DUAL1(log, 1 / v)
WG_DUAL1(log2, 1 / (v * 0.6931471805599453))
WG_DUAL1(log10, 1 / (v * 2.302585092994046))
WG_DUAL1(log1p, 1 / (1 + v))
WG_DUAL1(sqrt, 0.5 / sqrt(v))
WG_DUAL1(rsqrt, -0.5 / (v * sqrt(v)))
WG_DUAL1(reciprocal, -1 / (v * v))
WG_DUAL1(sin, cos(v))
WG_DUAL1(cos, -sin(v))
WG_DUAL1(tan, 1 / (cos(v) * cos(v)))
WG_DUAL1(asin, 1 / sqrt((1 - v) * (1 + v)))
WG_DUAL1(acos, -1 / sqrt((1 - v) * (1 + v)))
WG_DUAL1(atan, 1 / (1 + v * v))
WG_DUAL1(sinh, cosh(v))
WG_DUAL1(cosh, sinh(v))
WG_DUAL1(tanh, 1 / (cosh(v) * cosh(v)))
WG_DUAL1(asinh, 1 / sqrt(v * v + 1))
WG_DUAL1(acosh, 1 / sqrt((v - 1) * (v + 1)))
WG_DUAL1(atanh, 1 / ((1 - v) * (1 + v)))
WG_DUAL1(erf, 1.1283791670955126 * exp(-v * v))
WG_DUAL1(erfc, -1.1283791670955126 * exp(-v * v))
WG_DUAL1(normal_cdf, 0.3989422804014327 * exp(-0.5 * v * v))
WG_DUAL1(sigmoid, exp(-abs(v)) / ((1 + exp(-abs(v))) * (1 + exp(-abs(v)))))
WG_DUAL1(floor, 0)
WG_DUAL1(ceil, 0)
WG_DUAL1(round, 0)
WG_DUAL1(trunc, 0)
WG_DUAL1(abs, sign(v))
WG_DUAL1(sign, 0)
#undef WG_DUAL1

inline Dual atan2(Dual y, Dual x) {
    return {atan2(y.v, x.v), (x.v * y.d - y.v * x.d) / (x.v * x.v + y.v * y.v)};
}

inline Dual hypot(Dual x, Dual y) {
    const double value = hypot(x.v, y.v);
    return {value, (x.v * x.d + y.v * y.d) / value};
}

// x^0 is flat in x, and 0^y in y from y = 0 on, whatever the limits say.
inline Dual pow(Dual x, Dual y) {
    const double value = pow(x.v, y.v);
    const double by_x = y.v == 0 ? 0 : y.v * pow(x.v, y.v - 1);
    const double by_y = x.v == 0 && y.v >= 0 ? 0 : value * log(x.v);
    return {value, detail::chain(by_x, x.d) + detail::chain(by_y, y.d)};
}

inline Dual fmod(Dual x, Dual y) {
    return {fmod(x.v, y.v), x.d - detail::chain(trunc(x.v / y.v), y.d)};
}

inline Dual copysign(Dual magnitude, Dual from) {
    const double value = copysign(magnitude.v, from.v);
    return {value, magnitude.v == 0 ? 0 : value / magnitude.v * magnitude.d};
}

inline Dual maximum(Dual a, Dual b) {
    return {maximum(a.v, b.v), a.v == b.v                ? 0.5 * (a.d + b.d)
                               : a.v > b.v || isnan(a.v) ? a.d
                                                         : b.d};
}
inline Dual minimum(Dual a, Dual b) {
    return {minimum(a.v, b.v), a.v == b.v                ? 0.5 * (a.d + b.d)
                               : a.v < b.v || isnan(a.v) ? a.d
                                                         : b.d};
}

inline Dual fma(Dual a, Dual b, Dual c) {
    return {fma(a.v, b.v, c.v), a.d * b.v + a.v * b.d + c.d};
}

inline bool isnan(Dual x) { return isnan(x.v); }
inline bool isinf(Dual x) { return isinf(x.v); }
inline bool isfinite(Dual x) { return isfinite(x.v); }

}  // namespace WG_ISA
}  // namespace wg
