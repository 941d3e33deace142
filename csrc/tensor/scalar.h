// Scalar: a number given by the user (bool, int, float or complex), before it takes a tensor's dtype.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

class Scalar {
public:
    Scalar() = default;  // without a value
    Scalar(bool v) noexcept : category_(Category::Boolean), int_(v) {}
    Scalar(int v) noexcept : category_(Category::Integral), int_(v) {}
    Scalar(int64_t v) noexcept : category_(Category::Integral), int_(v) {}
    Scalar(double v) noexcept : category_(Category::Floating), double_(v) {}
    Scalar(Complex<double> v) noexcept : category_(Category::Complex), double_(v.re), imag_(v.im) {}
    // From 2^63 on: an integer that only unsigned ones have room for.
    static Scalar large(uint64_t v) noexcept {
        Scalar s = int64_t(v);
        s.is_large_ = true;
        return s;
    }

    Category category() const noexcept { return category_; }
    bool is_floating() const noexcept { return category_ == Category::Floating; }
    bool is_complex() const noexcept { return category_ == Category::Complex; }
    bool is_large() const noexcept { return is_large_; }
    // RuntimeError for a complex number that is not real, also below.
    double to_double() const {
        if (is_floating()) return double_;
        if (is_complex()) return real_of_complex();
        return is_large_ ? double(uint64_t(int_)) : double(int_);
    }
    int64_t to_int() const { return category_ >= Category::Floating ? int64_t(to_double()) : int_; }
    bool to_bool() const noexcept {
        return is_complex() ? double_ != 0 || imag_ != 0 : is_floating() ? double_ != 0 : int_ != 0;
    }
    Complex<double> to_complex() const {
        return is_complex() ? Complex<double>(double_, imag_) : Complex<double>(to_double());
    }

    // Writes the number as one element of `dtype`.
    void store(void* to, DType dtype) const {
        visit_any_dtype(dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            if constexpr (is_complex_number<T>) *static_cast<T*>(to) = T(to_complex());
            else if constexpr (std::is_same_v<T, bool>) *static_cast<T*>(to) = to_bool();
            else if constexpr (std::is_integral_v<T>) *static_cast<T*>(to) = T(to_int());
            else *static_cast<T*>(to) = T(compute_type<T>(to_double()));
        });
    }
    // The dtype a tensor made of this number alone has.
    DType natural_dtype() const {
        return category_ == Category::Boolean    ? DType::Bool
               : category_ == Category::Integral ? DType::Int64
               : category_ == Category::Floating ? default_dtype()
                                                 : wg::to_complex(default_dtype());
    }

private:
    double real_of_complex() const {
        WG_CHECK(imag_ == 0, "value cannot be converted to type double without overflow");
        return double_;
    }

    Category category_;
    bool is_large_ = false;
    union {
        int64_t int_;
        double double_;
    };
    double imag_;  // only of complex numbers
};

}  // namespace wg
