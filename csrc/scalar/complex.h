// Complex<T>: a complex number and its arithmetic. Division is scaled (Smith, 1962), products are the plain ones, and
// with real numbers part by part. Functions of complex numbers are in complex_math.h. For the host only.
#pragma once

#include <cmath>
#include <complex>

#include "scalar/isa.h"

namespace wg {

template <class T>
struct Complex {
    T re, im;

    Complex() = default;
    template <Arithmetic S>
    constexpr Complex(S real) : re(T(real)), im(0) {}
    constexpr Complex(T real, T imag) : re(real), im(imag) {}
    template <class S>
    constexpr explicit Complex(const Complex<S>& z) : re(T(z.re)), im(T(z.im)) {}
    constexpr Complex(const std::complex<T>& z) : re(z.real()), im(z.imag()) {}
    std::complex<T> std() const { return {re, im}; }

    friend constexpr Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
    friend constexpr Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
    friend constexpr Complex operator-(Complex a) { return {-a.re, -a.im}; }
    friend constexpr Complex operator*(Complex a, Complex b) {
        return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    }
    friend constexpr Complex operator/(Complex a, Complex b) {
        const T c = std::fabs(b.re), d = std::fabs(b.im);
        if (c >= d) {
            if (c == 0 && d == 0) return {a.re / c, a.im / d};
            const T ratio = b.im / b.re, scale = T(1) / (b.re + b.im * ratio);
            return {(a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale};
        }
        const T ratio = b.re / b.im, scale = T(1) / (b.re * ratio + b.im);
        return {(a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale};
    }
    template <Arithmetic S>
    friend constexpr Complex operator*(Complex a, S b) {
        return {a.re * T(b), a.im * T(b)};
    }
    template <Arithmetic S>
    friend constexpr Complex operator*(S a, Complex b) {
        return b * a;
    }
    template <Arithmetic S>
    friend constexpr Complex operator/(Complex a, S b) {
        return {a.re / T(b), a.im / T(b)};
    }
    Complex& operator+=(Complex b) { return *this = *this + b; }
    friend constexpr bool operator==(Complex a, Complex b) { return a.re == b.re && a.im == b.im; }
    friend constexpr bool operator!=(Complex a, Complex b) { return !(a == b); }
};

template <class T>
inline constexpr bool is_complex_number = false;
template <class T>
inline constexpr bool is_complex_number<Complex<T>> = true;
template <class T>
concept ComplexNumber = is_complex_number<T>;

template <class T>
inline Complex<T> conj(Complex<T> z) {
    return {z.re, -z.im};
}

}  // namespace wg
