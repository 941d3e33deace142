// Operations that choose among rows of elementwise.def by their arguments: clamp, div, where, gelu.
// RowChoice leaves it to the caller whether the result is fresh, in place or out=.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "ops/functions.h"
#include "scalar/complex_math.h"

namespace wg {

namespace {

RowChoice choose_clamp(const Tensor& x, const std::optional<Arg>& min,
                       const std::optional<Arg>& max) {
    WG_CHECK(min || max, "torch.clamp: At least one of 'min' or 'max' must not be None");
    if (min && max) return {Op::clamp_both, {x, *min, *max}};
    return min ? RowChoice{Op::clamp_low, {x, *min}} : RowChoice{Op::clamp_high, {x, *max}};
}

template <class T>
std::optional<Arg> operand(const std::optional<T>& value) {
    return value ? std::optional<Arg>(*value) : std::nullopt;
}

}  // namespace

RowChoice clamp_tensors(const Tensor& x, const OptTensor& min, const OptTensor& max) {
    return choose_clamp(x, operand(min), operand(max));
}
RowChoice clamp_numbers(const Tensor& x, OptScalar min, OptScalar max) {
    return choose_clamp(x, operand(min), operand(max));
}

Tensor clamp(const Tensor& x, const std::optional<Arg>& min, const std::optional<Arg>& max) {
    return choose_clamp(x, min, max).fresh();
}

RowChoice div_rounded(const Arg& a, const Arg& b, OptString mode) {
    if (!mode) return {Op::div, {a, b}};
    if (*mode == "floor") return {Op::div_floor, {a, b}};
    WG_CHECK(*mode == "trunc",
             "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '", *mode,
             "'");
    return {Op::div_trunc, {a, b}};
}
RowChoice div_rounded(const Tensor& a, Scalar b, OptString mode) {
    return div_rounded(Arg(a), Arg(b), mode);
}
RowChoice true_divide(const Arg& a, const Arg& b) { return {Op::div, {a, b}}; }
RowChoice true_divide(const Tensor& a, Scalar b) { return {Op::div, {a, b}}; }

RowChoice round_to(const Tensor& x, int64_t decimals) {
    WG_CHECK_NOT_IMPLEMENTED(is_floating(x.dtype()), decimals ? "\"round_cpu" : "\"round_vml_cpu",
                             "\" not implemented for '", info(x.dtype()).scalar_name, "'");
    return {Op::round_scaled,
            {x},
            {{std::pow(10.0, double(std::abs(decimals))), decimals < 0 ? 1.0 : 0.0}}};
}

RowChoice logit(const Tensor& x, OptDouble eps) {
    return {Op::logit_within, {x}, {{eps.value_or(-1.0)}}};
}

RowChoice nan_to_num(const Tensor& x, OptDouble nan, OptDouble posinf, OptDouble neginf) {
    const DType part = to_real(x.dtype());
    if (!is_floating(part)) return {Op::add, {x, Scalar(false)}};  // the values themselves
    const double largest = part == DType::Float16    ? 65504.0
                           : part == DType::BFloat16 ? 0x1.fep127
                           : part == DType::Float32  ? double(std::numeric_limits<float>::max())
                                                     : std::numeric_limits<double>::max();
    return {Op::nan_replaced,
            {x},
            {{nan.value_or(0), posinf.value_or(largest), neginf.value_or(-largest)}}};
}

// Powers in float64, whatever the operands are.
namespace {

Tensor as_double(const Tensor& t) {
    return to_dtype(t, is_complex(t.dtype()) ? DType::Complex128 : DType::Float64);
}
Scalar as_double(Scalar s) { return s.is_complex() ? s : Scalar(s.to_double()); }

template <class B>
Tensor& write_float_power(Tensor& a, const B& b) {
    WG_CHECK(a.dtype() == DType::Float64 || a.dtype() == DType::Complex128,
             "the base given to float_power_ has dtype ", info(a.dtype()).scalar_name,
             " but the operation's result requires dtype ",
             info(is_complex(a.dtype()) || is_complex(Arg(b)) ? DType::Complex128 : DType::Float64)
                 .scalar_name);
    return elementwise_(Op::pow, a, std::initializer_list<Arg>{a, as_double(b)});
}

}  // namespace

Tensor float_power(const Tensor& a, const Tensor& b) { return pow(as_double(a), as_double(b)); }
Tensor float_power(const Tensor& a, Scalar b) { return pow(as_double(a), as_double(b)); }
Tensor float_power(Scalar a, const Tensor& b) { return pow(as_double(a), as_double(b)); }
Tensor& float_power_(Tensor& a, const Tensor& b) { return write_float_power(a, b); }
Tensor& float_power_(Tensor& a, Scalar b) { return write_float_power(a, b); }

RowChoice gelu(const Tensor& x, std::string_view approximate) {
    if (approximate == "tanh") return {Op::gelu_tanh, {x}};
    WG_CHECK(approximate == "none", "approximate argument must be either none or tanh.");
    return {Op::gelu_erf, {x}};
}

// Klambauer et al., "Self-Normalizing Neural Networks", 2017, equation 14: mean 0 and variance 1 stay.
RowChoice selu(const Tensor& x) {
    return {Op::elu,
            {x},
            {{1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1}, 4}};
}
RowChoice relu6(const Tensor& x) { return {Op::hardtanh, {x}, {{0, 6}, 3}}; }

RowChoice where_tensors(const Tensor& condition, const Tensor& a, const Tensor& b) {
    return {Op::where_choice, {condition, a, b}};
}
Tensor where_values(const Tensor& condition, Scalar a, const Tensor& b) {
    return where_choice(condition, a, b);
}
Tensor where_values(const Tensor& condition, const Tensor& a, Scalar b) {
    return where_choice(condition, a, b);
}
Tensor where_values(const Tensor& condition, Scalar a, Scalar b) {
    return where_choice(condition, wrapped_number(a), wrapped_number(b));
}

Tensor where_method(const Tensor& self, const Tensor& condition, const Tensor& other) {
    return where_choice(condition, self, other);
}
Tensor where_method(const Tensor& self, const Tensor& condition, Scalar other) {
    return where_choice(condition, self, other);
}

Tensor rsub(const Tensor& self, const Arg& other, Scalar alpha) {
    const char* node = other.is_tensor() ? "RsubBackward0" : "RsubBackward1";
    if (alpha.category() == Category::Integral && alpha.to_int() == 1)
        return binary(Op::sub, other, self, {}, node);
    return binary(Op::sub_scaled, other, self, alpha_params(alpha), node);
}

Tensor rsub_by(const Tensor& self, const Tensor& other, Scalar alpha) {
    return rsub(self, Arg(other), alpha);
}
Tensor rsub_by(const Tensor& self, Scalar other, Scalar alpha) {
    return rsub(self, Arg(other), alpha);
}

// A number as exponent or base leaves less to record.
Tensor pow_slope(const Tensor& g, const Tensor& a, const Tensor& b) {
    if (!b->wrapped_number) return where(b == 0, 0.0, g * conj(b * pow(a, b - 1)));
    if (is_complex(b.dtype())) {
        const auto exponent = *b.data<Complex<double>>();
        return exponent == 0 ? zero(g)
                             : g * conj(mul(Scalar(exponent), pow(a, Scalar(exponent - 1))));
    }
    const double exponent = b.to_double();
    return exponent == 0 ? zero(g) : g * conj(exponent * pow(a, exponent - 1));
}
Tensor pow_exponent_slope(const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& y) {
    // Where 0 to the power is constant; complex powers of 0 have no derivative.
    const Tensor flat = is_complex(b.dtype()) ? real(b) >= 0 && imag(b) == 0 : b >= 0;
    // To complex exponents negative numbers have logarithms.
    if (!a->wrapped_number) {
        const Tensor base = is_complex(y.dtype()) ? conform_dtype(a, y.dtype()) : a;
        return g * where(a == 0 && flat, 0.0, conj(y * log(base)));
    }
    if (is_complex(y.dtype())) {
        const Complex<double> base = is_complex(a.dtype()) ? complex_item(a) : a.to_double();
        const Tensor slope = conj(mul(y, Scalar(log(base))));
        return g * (base == 0 ? where(flat, 0.0, slope) : slope);
    }
    const double base = a.to_double();
    const Tensor slope = conj(y * std::log(base));
    return g * (base == 0 ? where(flat, 0.0, slope) : slope);
}
Tensor xlogy_slope(const Tensor& g, const Tensor& a, const Tensor& b) {
    if (!b->wrapped_number) return masked_fill(xlogy(Arg(g), Arg(b)), a == 0 && b <= 0, 0.0);
    const double other = b.to_double();
    const Tensor slope = xlogy(Arg(g), Arg(other));
    return other > 0 ? slope : masked_fill(slope, a == 0, 0.0);
}
Tensor xlogy_other_slope(const Tensor& g, const Tensor& a, const Tensor& b) {
    return (a->wrapped_number ? g * a.to_double() : g * a) / b;
}

TensorList broadcast_tensors(const TensorList& tensors) {
    Dims shape;
    for (const Tensor& t : tensors) shape = broadcast_shapes(shape, t.sizes());
    TensorList out;
    for (const Tensor& t : tensors)
        out.push_back(same_shape(t.sizes(), shape) ? t : expand(t, shape));
    return out;
}

}  // namespace wg
