// Functions of complex numbers, by the names that the formulas of elementwise rows use: those of <complex>, at whose
// branch cuts, infinities and signed zeros PyTorch's results lie, and what it lacks.
#pragma once

#include "scalar/complex.h"

namespace wg {

#define WG_STD(name)                           \
    template <class T>                         \
    inline Complex<T> name(Complex<T> z) {     \
        return Complex<T>(std::name(z.std())); \
    }
WG_STD(exp)
WG_STD(log)
WG_STD(log10)
WG_STD(sqrt)
WG_STD(sin)
WG_STD(cos)
WG_STD(tan)
WG_STD(asin)
WG_STD(acos)
WG_STD(atan)
WG_STD(sinh)
WG_STD(cosh)
WG_STD(tanh)
WG_STD(asinh)
WG_STD(acosh)
WG_STD(atanh)
#undef WG_STD

template <class T>
inline T abs(Complex<T> z) {
    return std::hypot(z.re, z.im);
}
template <class T>
inline T angle(Complex<T> z) {
    return std::atan2(z.im, z.re);
}
template <class T>
inline Complex<T> exp2(Complex<T> z) {
    return exp(z * 0.69314718055994530942);
}
template <class T>
inline Complex<T> log2(Complex<T> z) {
    return log(z) / 0.69314718055994530942;
}
// Without the cancellation of exp(z) - 1: its real part is expm1(x) cos(y) + cos(y) - 1.
template <class T>
inline Complex<T> expm1(Complex<T> z) {
    const T half = std::sin(z.im / 2), e = std::exp(z.re);
    return {std::expm1(z.re) * std::cos(z.im) - 2 * half * half, e * std::sin(z.im)};
}
// Kahan's way: log(1 + z), with what rounding has added to 1 + z taken out again.
template <class T>
inline Complex<T> log1p(Complex<T> z) {
    const Complex<T> u(z.re + 1, z.im), added(u.re - 1, z.im);
    if (u == Complex<T>(1)) return z;
    return added == z ? log(u) : log(u) * (z / added);
}
template <class T>
inline Complex<T> reciprocal(Complex<T> z) {
    return Complex<T>(1) / z;
}
template <class T>
inline Complex<T> rsqrt(Complex<T> z) {
    return reciprocal(sqrt(z));
}
template <class T>
inline Complex<T> sigmoid(Complex<T> z) {
    return Complex<T>(1) / (Complex<T>(1) + exp(-z));
}
// z / |z|, 0 at 0.
template <class T>
inline Complex<T> sign(Complex<T> z) {
    const T r = abs(z);
    return r == 0 ? Complex<T>(0) : Complex<T>(z.re / r, z.im / r);
}
template <class T>
inline Complex<T> pow(Complex<T> a, Complex<T> b) {
    return Complex<T>(std::pow(a.std(), b.std()));
}
// a + (-p) b, where the minus of a real factor leaves its imaginary part +0.
template <class T>
inline Complex<T> less_scaled(Complex<T> a, Complex<T> p, Complex<T> b) {
    return a + Complex<T>(-p.re, p.im == 0 ? p.im : -p.im) * b;
}
template <class T>
inline bool isnan(Complex<T> z) {
    return std::isnan(z.re) || std::isnan(z.im);
}
template <class T>
inline bool isinf(Complex<T> z) {
    return std::isinf(z.re) || std::isinf(z.im);
}
template <class T>
inline bool isfinite(Complex<T> z) {
    return std::isfinite(z.re) && std::isfinite(z.im);
}
// The parameters are real.
template <class T>
inline Complex<T> only_finite(Complex<T> z, Complex<T> nan, Complex<T> posinf, Complex<T> neginf) {
    const auto part = [&](T x) {
        return std::isnan(x) ? nan.re : std::isfinite(x) ? x : x > 0 ? posinf.re : neginf.re;
    };
    return {part(z.re), part(z.im)};
}
template <class A, class B>
    requires(is_complex_number<A> || is_complex_number<B>)
inline auto where(bool condition, A a, B b) {
    using C = std::conditional_t<is_complex_number<A>, A, B>;
    return condition ? C(a) : C(b);
}

}  // namespace wg
