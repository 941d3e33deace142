// Operations that choose among rows of elementwise.def by their arguments: clamp, div, where, gelu.
#include "ops/functions.h"

namespace wg {

Tensor clamp_tensors(const Tensor& x, const OptTensor& min, const OptTensor& max) {
    const auto arg = [](const OptTensor& t) { return t ? std::optional<Arg>(*t) : std::nullopt; };
    return clamp(x, arg(min), arg(max));
}

Tensor clamp_numbers(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max) {
    const auto arg = [](const std::optional<Scalar>& s) {
        return s ? std::optional<Arg>(*s) : std::nullopt;
    };
    return clamp(x, arg(min), arg(max));
}

Tensor div_rounded(const Tensor& a, const Arg& b, std::optional<std::string_view> rounding_mode) {
    if (!rounding_mode) return div(a, b);
    if (*rounding_mode == "floor") return div_floor(a, b);
    WG_CHECK(*rounding_mode == "trunc",
             "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
             *rounding_mode, "'");
    return div_trunc(a, b);
}

Tensor true_divide(const Tensor& a, const Arg& b) { return div(a, b); }

Tensor where_function(const Tensor& condition, const Arg& a, const Arg& b) {
    if (a.is_tensor() || b.is_tensor()) return where_choice(condition, a, b);
    return where_choice(condition, wrapped_number(a.scalar()), wrapped_number(b.scalar()));
}

Tensor where_method(const Tensor& self, const Tensor& condition, const Arg& other) {
    return where_choice(condition, self, other);
}

Tensor gelu(const Tensor& x, std::string_view approximate) {
    if (approximate == "tanh") return gelu_tanh(x);
    WG_CHECK(approximate == "none", "approximate argument must be either none or tanh.");
    return gelu_erf(x);
}

Tensor rsub(const Tensor& self, const Arg& other) {
    return binary(Op::sub, other, self, {}, other.is_tensor() ? "RsubBackward0" : "RsubBackward1");
}

// empty() and its kin as Python calls them.
Tensor empty_of(const Dims& sizes, OptDType dtype) {
    return empty(sizes, dtype.value_or(default_dtype()));
}
Tensor empty_shaped(const Tensor& t, OptDType dtype) {
    return empty_like(t, dtype.value_or(t.dtype()));
}
Tensor empty_strided_of(const Dims& sizes, const Dims& strides, OptDType dtype) {
    return empty_strided(sizes, strides, dtype.value_or(default_dtype()));
}

}  // namespace wg
