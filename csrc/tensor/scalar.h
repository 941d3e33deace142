// Scalar: a number given by the user (bool, int or float), before it takes a tensor's dtype.
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
    // From 2^63 on: an integer that only unsigned ones have room for.
    static Scalar large(uint64_t v) noexcept {
        Scalar s = int64_t(v);
        s.is_large_ = true;
        return s;
    }

    Category category() const noexcept { return category_; }
    bool is_floating() const noexcept { return category_ == Category::Floating; }
    bool is_large() const noexcept { return is_large_; }
    double to_double() const noexcept {
        return is_floating() ? double_ : is_large_ ? double(uint64_t(int_)) : double(int_);
    }
    int64_t to_int() const noexcept { return is_floating() ? int64_t(double_) : int_; }
    bool to_bool() const noexcept { return is_floating() ? double_ != 0 : int_ != 0; }

    // Writes the number as one element of `dtype`.
    void store(void* to, DType dtype) const {
        visit_dtype(dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            if constexpr (std::is_same_v<T, bool>) *static_cast<T*>(to) = to_bool();
            else if constexpr (std::is_integral_v<T>) *static_cast<T*>(to) = T(to_int());
            else *static_cast<T*>(to) = T(compute_type<T>(to_double()));
        });
    }
    // The dtype a tensor made of this number alone has.
    DType natural_dtype() const noexcept {
        return category_ == Category::Boolean    ? DType::Bool
               : category_ == Category::Integral ? DType::Int64
                                                 : default_dtype();
    }

private:
    Category category_;
    bool is_large_ = false;
    union {
        int64_t int_;
        double double_;
    };
};

}  // namespace wg
