// Functions that the rows of elementwise.def need beyond scalar/math.h, written once for every kind of
// number. Start with the row that names one.
#pragma once

#include "ops/op.h"
#include "scalar/math.h"
#include "scalar/probe.h"
#include "scalar/vec.h"

namespace wg {
inline namespace WG_ISA {

template <class T>
inline constexpr bool is_integer_number = Integer<T>;
template <class T, int N>
inline constexpr bool is_integer_number<Vec<T, N>> = Integer<T>;

template <class T, class... Read>
constexpr WG_INLINE T zero(const T&, const Read&...) {
    return T(0);
}
template <class... Read>
constexpr WG_INLINE Probe zero(const Probe& g, const Probe& read, const Read&... others) {
    return g + (read + ... + others);
}

template <class T>
concept Numbers = !is_tensor<T>;

template <class T>
constexpr WG_INLINE T square_of(const T& x) {
    return x * x;
}

template <Numbers T>
constexpr WG_INLINE T conj(const T& x) {
    return x;
}

// a - p b.
template <class T, class P>
constexpr WG_INLINE auto less_scaled(const T& a, const P& p, const T& b) {
    return a - p * b;
}

// x with other numbers in place of NaN and infinities; over complex numbers in each part (scalar/complex_math.h).
template <class T, class P>
constexpr WG_INLINE T only_finite(const T& x, const P& nan, const P& posinf, const P& neginf) {
    return where(isnan(x), nan,
                 where(x == kInf<double>, posinf, where(x == -kInf<double>, neginf, x)));
}

// The argument of a real number, and the derivatives of it and of sgn: flat over real numbers; over complex ones
// functions of tensors (ops/complex.cpp), which read what these do not.
template <Numbers T>
constexpr WG_INLINE T angle(const T& x) {
    return where(isnan(x), x, where(x < 0, T(3.14159265358979323846), T(0)));
}
constexpr WG_INLINE Probe angle(const Probe& x) { return x; }
template <Numbers T>
constexpr WG_INLINE T angle_slope(const T& g, const T&) {
    return zero(g);
}
constexpr WG_INLINE Probe angle_slope(const Probe& g, const Probe& x) { return g + x; }
template <Numbers T>
constexpr WG_INLINE T sgn_slope(const T& g, const T&, const T&) {
    return zero(g);
}
constexpr WG_INLINE Probe sgn_slope(const Probe& g, const Probe& x, const Probe& y) {
    return g + x + y;
}

// x^N for N = 1, 2, 3; over tensors one operation, where PyTorch has pow.
template <int N, class T>
constexpr WG_INLINE T raised(const T& x) {
    if constexpr (N == 1) return x;
    else return x * raised<N - 1>(x);
}

template <Numbers T, class M>
constexpr WG_INLINE T masked_fill(const T& x, const M& mask, double value) {
    return where(mask, T(value), x);
}

// x where the mask holds, else a product with zero: not a number where x is none.
template <Numbers T, class M>
constexpr WG_INLINE T times_mask(const T& x, const M& mask) {
    return x * where(mask, T(1), T(0));
}

template <Numbers T>
constexpr WG_INLINE T sgn(const T& x) {
    return sign(x);
}

// Some of PyTorch's derivatives take a parameter as a float.
template <class T>
constexpr WG_INLINE T rounded_to_float(const T& x) {
    return x;
}
constexpr WG_INLINE double rounded_to_float(double x) { return double(float(x)); }
template <int N>
WG_INLINE Vec<double, N> rounded_to_float(const Vec<double, N>& x) {
    return convert<double>(convert<float>(x));
}

// The argument of tanh in the approximation of gelu (Hendrycks and Gimpel, 2016), and its derivative.
template <class T>
constexpr WG_INLINE T gelu_inner(const T& x) {
    return 0.79788456080286535588 * (x + 0.044715 * (x * x * x));
}
template <class T>
constexpr WG_INLINE T gelu_inner_slope(const T& x) {
    return 0.79788456080286535588 * (1 + 0.134145 * x * x);
}
// The second derivative of that approximation.
template <class T>
constexpr WG_INLINE T gelu_tanh_curvature(const T& x) {
    const T t = tanh(gelu_inner(x)), slope = gelu_inner_slope(x);
    return (1 - t * t) * (slope + 0.10703222440890037 * (x * x) - x * t * (slope * slope));
}

template <class T>
constexpr WG_INLINE T normal_density(const T& x) {
    return 0.39894228040143267794 * exp(-0.5 * x * x);
}

// Over complex numbers a product of two roots, which is right in the left half of the plane too (ops/complex.cpp).
template <class T>
constexpr WG_INLINE T acosh_slope(const T& g, const T& x) {
    return g * rsqrt(x * x - 1);
}

template <class T>
constexpr WG_INLINE T silu_slope(const T& g, const T& x) {
    const T s = sigmoid(x);
    return g * conj(s) * conj(1 + x * (1 - s));
}
template <class T>
constexpr WG_INLINE T mish_slope(const T& g, const T& x) {
    const T t = tanh(log1p(exp(x)));
    return g * (t + x * sigmoid(x) * (1 - t * t));
}

// a log(b), which is 0 where a is, unless b is NaN.
template <Numbers T>
constexpr WG_INLINE T xlogy(const T& a, const T& b) {
    return where(isnan(b), b, where(a == 0, T(0), a * log(b)));
}

template <Numbers T>
constexpr WG_INLINE T xlogy_slope(const T& g, const T& a, const T& b) {
    return where(a == 0 && b <= 0, T(0), xlogy(g, b));
}
template <Numbers T>
constexpr WG_INLINE T xlogy_other_slope(const T& g, const T& a, const T& b) {
    return g * a / b;
}

// log(x / (1 - x)) of x cut to [eps, 1 - eps]; a negative eps: not cut.
template <class T, class P>
constexpr WG_INLINE T logit_of(const T& x, const P& eps) {
    const T cut = where(x < eps, T(eps), where(x > 1 - eps, T(1 - eps), x));
    const T p = where(eps < 0, x, cut);
    return log(p / (1 - p));
}
template <class T, class P>
constexpr WG_INLINE T logit_slope(const T& g, const T& x, const P& eps) {
    const auto low = where(eps < 0, 0.0, eps);
    const auto outside = where(eps < 0, kNan<double>, 0.0);
    return where(x >= low && x <= 1 - low, g / (x * (1 - x)), outside);
}

// Remainder with the sign of the dividend.
template <class T>
WG_INLINE T modulo_trunc(const T& a, const T& b) {
    if constexpr (is_integer_number<T>) return a - (a / b) * b;
    else return fmod(a, b);
}

// Remainder with the sign of the divisor, as Python's %.
template <class T>
WG_INLINE T modulo_floor(const T& a, const T& b) {
    const T m = modulo_trunc(a, b);
    return where((m != 0) && ((b < 0) ^ (m < 0)), m + b, m);
}

template <class T>
constexpr WG_INLINE T trunc_divide(const T& a, const T& b) {
    if constexpr (is_integer_number<T>) return a / b;
    else return trunc(a / b);
}

// The quotient belonging to modulo_floor, exact where floor(a / b) would round up, as Python's //.
template <class T>
constexpr WG_INLINE T floor_divide(const T& a, const T& b) {
    if constexpr (is_integer_number<T>) {
        const T q = a / b;
        return where((q * b != a) && ((a < 0) ^ (b < 0)), q - 1, q);
    } else {
        const T m = fmod(a, b);
        T q = (a - m) / b;
        q = where((m != 0) && ((b < 0) ^ (m < 0)), q - 1, q);
        const T whole = floor(q);
        const T rounded = where(q - whole > 0.5, whole + 1, whole);
        return where(b == 0, a / b, where(q != 0, rounded, copysign(T(0), a / b)));
    }
}

template <class T>
WG_INLINE T integer_power(T base, T exponent) {
    if (exponent < 0)
        return base == 1 ? T(1) : base == T(-1) ? (exponent % 2 ? T(-1) : T(1)) : T(0);
    T result = 1;
    while (exponent > 0) {
        if (exponent & 1) __builtin_mul_overflow(result, base, &result);
        exponent = T(exponent >> 1);
        if (exponent) __builtin_mul_overflow(base, base, &base);
    }
    return result;
}

template <class T>
WG_INLINE T power(const T& a, const T& b) {
    if constexpr (is_integer_number<T>) {
        T r = a;
        for (int i = 0; i < T::lanes; ++i) r.set(i, integer_power(a[i], b[i]));
        return r;
    } else {
        // The common exponents are exact products.
        if (all(b == 2)) return a * a;
        if (all(b == 3)) return a * a * a;
        if (all(b == 1)) return a;
        if (all(b == 0.5)) return where(a == -kInf<double>, T(kInf<double>), sqrt(a) + 0.0);
        return pow(a, b);
    }
}

template <ComplexNumber T>
inline T power(const T& a, const T& b) {
    return pow(a, b);
}

// The derivatives of a^b by a and by b: flat in a where b is 0, in b where 0^b is 0. As PyTorch has it,
// roots of numbers have the derivatives of roots, which differ at -0 and -inf.
template <class T>
WG_INLINE T pow_slope(const T& g, const T& a, const T& b) {
    if (all(b == 0.5)) return g * (0.5 * rsqrt(a));
    if (all(b == 1.5)) return g * (1.5 * sqrt(a));
    return where(b == 0, T(0), g * (b * power(a, b - 1)));
}
constexpr WG_INLINE Probe pow_slope(const Probe& g, const Probe& a, const Probe& b) {
    return g + a + b;
}
template <class T>
constexpr WG_INLINE T pow_exponent_slope(const T& g, const T& a, const T& b, const T& y) {
    return g * where(a == 0 && b >= 0, T(0), y * log(a));
}

// prelu, whose two slopes are one operation to PyTorch.
template <class T>
constexpr WG_INLINE auto prelu_slope(const T& g, const T& a, const T& b) {
    return where(a > 0, g, b * g);
}
template <class T>
constexpr WG_INLINE auto prelu_weight_slope(const T& g, const T& a, const T&) {
    return where(a >= 0, 0.0, a * g);
}
constexpr WG_INLINE Probe prelu_weight_slope(const Probe& g, const Probe& a, const Probe& b) {
    return g + a + b;  // the one operation has an edge to each
}

template <class T>
WG_INLINE T bit_not(const T& x) {
    return ~x;
}

}  // namespace WG_ISA
}  // namespace wg
