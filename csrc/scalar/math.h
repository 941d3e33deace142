// Mathematical functions of numbers and of vectors of numbers, each written once. The list is
// functions.def. A function takes Vec<T, N>, or a plain number (the same code with one lane, so
// that an element gives the same bits wherever it lies in a tensor); two-argument functions take a
// plain number on either side. Start with math_basic.h.
//
// Note [Approximations]: polynomials are interpolations at Chebyshev nodes of the function named
// beside them, on the interval that argument reduction leaves, with as many terms as the stated
// precision takes (that of normal_cdf is a minimax one, its error weighted with the result).
// Without hardware fma (mad in math_basic.h) every product and sum is rounded by itself; the bounds
// in tests/cpp/test_scalar.cpp hold on every instruction set. Results may differ between instruction
// sets in the last bit, never between lanes.
#pragma once

#include "scalar/math_basic.h"
#if WG_DEVICE_CODE
#include "scalar/math_device.h"
#else
#include "scalar/math_double.h"
#include "scalar/math_float.h"
#endif

namespace wg {
inline namespace WG_ISA {

// Integer powers wrap around; a negative exponent gives 0, or 1 / x where that is an integer.
template <Integer T, int N>
WG_INLINE Vec<T, N> pow(Vec<T, N> x, Vec<T, N> y) {
    const auto power = [](T base, T exponent) {
        if constexpr (traits::is_signed<T>) {
            if (exponent < 0) {
                if (base == -1) return exponent & 1 ? T(-1) : T(1);
                return base == 1 ? T(1) : T(0);
            }
        }
        Vec<T, 1> result = 1, square = base;
        for (; exponent != 0; exponent = T(exponent >> 1)) {
            if (exponent & 1) result = result * square;
            square = square * square;
        }
        return result.raw;
    };
    return map_lanes(power, x, y);
}
template <Integer T, int N>
WG_INLINE Vec<T, N> fmod(Vec<T, N> x, Vec<T, N> y) {
    return x % y;
}

// Plain numbers, alone or beside a Vec.
#define WG_FN1(name)                   \
    template <Arithmetic T>            \
    WG_INLINE T name(T x) {            \
        return name(Vec<T, 1>(x)).raw; \
    }
#define WG_FN_TEST(name)               \
    template <Arithmetic T>            \
    WG_INLINE bool name(T x) {         \
        return name(Vec<T, 1>(x)).raw; \
    }
#define WG_FN2(name)                                 \
    template <Arithmetic A, Arithmetic B>            \
    WG_INLINE auto name(A a, B b) {                  \
        using T = decltype(true ? A() : B());        \
        return name(Vec<T, 1>(a), Vec<T, 1>(b)).raw; \
    }                                                \
    template <Arithmetic T, int N, Arithmetic S>     \
    WG_INLINE Vec<T, N> name(Vec<T, N> a, S b) {     \
        return name(a, Vec<T, N>(b));                \
    }                                                \
    template <Arithmetic T, int N, Arithmetic S>     \
    WG_INLINE Vec<T, N> name(S a, Vec<T, N> b) {     \
        return name(Vec<T, N>(a), b);                \
    }
#define WG_FN3(name)                                               \
    template <Arithmetic T>                                        \
    WG_INLINE T name(T a, T b, T c) {                              \
        return name(Vec<T, 1>(a), Vec<T, 1>(b), Vec<T, 1>(c)).raw; \
    }
#include "scalar/functions.def"

}  // namespace WG_ISA
}  // namespace wg
