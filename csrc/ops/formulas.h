// Functions that the rows of elementwise.def need beyond scalar/math.h, written once for every kind of
// number. Start with the row that names one.
#pragma once

#include "scalar/math.h"
#include "scalar/vec.h"

namespace wg {
inline namespace WG_ISA {

template <class T>
inline constexpr bool is_integer_number = Integer<T>;
template <class T, int N>
inline constexpr bool is_integer_number<Vec<T, N>> = Integer<T>;

template <class T>
constexpr WG_INLINE T zero(const T&) {
    return T(0);
}

template <class T>
constexpr WG_INLINE T square_of(const T& x) {
    return x * x;
}

// The argument of tanh in the approximation of gelu (Hendrycks and Gimpel, 2016).
template <class T>
constexpr WG_INLINE T gelu_inner(const T& x) {
    return 0.79788456080286535588 * (x + 0.044715 * x * x * x);
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
WG_INLINE T trunc_divide(const T& a, const T& b) {
    if constexpr (is_integer_number<T>) return a / b;
    else return trunc(a / b);
}

// The quotient belonging to modulo_floor, exact where floor(a / b) would round up, as Python's //.
template <class T>
WG_INLINE T floor_divide(const T& a, const T& b) {
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
        if (all(b == 0.5)) return sqrt(a);
        return pow(a, b);
    }
}

template <class T>
WG_INLINE T bit_not(const T& x) {
    return ~x;
}

}  // namespace WG_ISA
}  // namespace wg
