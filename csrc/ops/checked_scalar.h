// Scalar to a C++ type as PyTorch converts numbers that users give: RuntimeError when it does not fit.
#pragma once

#include <cmath>
#include <limits>

#include "tensor/scalar.h"

namespace wg {

// The C++ name of an element type as PyTorch's messages print it.
template <class T>
inline constexpr const char* cpp_name = nullptr;
template <>
inline constexpr const char* cpp_name<uint8_t> = "uint8_t";
template <>
inline constexpr const char* cpp_name<int8_t> = "int8_t";
template <>
inline constexpr const char* cpp_name<int16_t> = "int16_t";
template <>
inline constexpr const char* cpp_name<int32_t> = "int";
template <>
inline constexpr const char* cpp_name<int64_t> = "int64_t";
template <>
inline constexpr const char* cpp_name<Half> = "c10::Half";
template <>
inline constexpr const char* cpp_name<BFloat16> = "c10::BFloat16";
template <>
inline constexpr const char* cpp_name<float> = "float";
template <>
inline constexpr const char* cpp_name<double> = "double";
template <>
inline constexpr const char* cpp_name<bool> = "bool";
template <>
inline constexpr const char* cpp_name<Complex<float>> = "c10::complex<float>";
template <>
inline constexpr const char* cpp_name<Complex<double>> = "c10::complex<double>";

// Infinities and NaN pass into floating types; -1 passes into uint8 as 255, but -256 does not.
template <class T>
compute_type<T> to_checked(Scalar value) {
    using C = compute_type<T>;
    bool fits = true;
    if constexpr (is_complex_number<T>) {
        const Complex<double> z = value.to_complex();
        const auto fits_part = [](double v) {
            return !std::isfinite(v) || std::fabs(v) <= std::numeric_limits<decltype(T::re)>::max();
        };
        WG_CHECK(fits_part(z.re) && fits_part(z.im), "value cannot be converted to type ",
                 cpp_name<T>, " without overflow");
        return T(z);
    } else if constexpr (std::is_same_v<T, bool>) {
        return value.to_bool();
    } else if (value.is_complex()) {
        fits = value.to_complex().im == 0;
    } else if constexpr (std::is_integral_v<T>) {
        constexpr int64_t lo = std::numeric_limits<T>::min(), hi = std::numeric_limits<T>::max();
        if (value.is_floating()) {
            const double v = value.to_double();
            // hi + 1 is a power of two; hi itself is not representable for int64.
            fits = v >= double(lo) && (sizeof(T) == 8 ? v < -double(lo) : v <= double(hi));
        } else {
            const int64_t v = value.to_int();
            fits = !value.is_large() && v <= hi && v >= (std::is_unsigned_v<T> ? -hi : lo);
        }
    } else {
        constexpr double largest = std::is_same_v<T, Half>       ? 65504.0
                                   : std::is_same_v<T, BFloat16> ? 0x1.fep127
                                                                 : std::numeric_limits<C>::max();
        const double v = value.to_double();
        fits = !std::isfinite(v) || std::fabs(v) <= largest;
    }
    if constexpr (!is_complex_number<T>) {
        WG_CHECK(fits, "value cannot be converted to type ", cpp_name<T>, " without overflow");
        if constexpr (std::is_integral_v<T>) return T(value.to_int());
        else return C(value.to_double());
    }
}

// Writes the number as one element of `dtype`.
inline void store_checked(Scalar value, void* to, DType dtype) {
    visit_any_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        *static_cast<T*>(to) = T(to_checked<T>(value));
    });
}

inline void check_fits(Scalar value, DType dtype) {
    alignas(16) char unused[kMaxItemSize];
    store_checked(value, unused, dtype);
}

}  // namespace wg
