// Elementwise operations on tensors, all from the rows of elementwise.def.
// Start with elementwise(): every form (fresh, in-place, out=, with Python numbers) goes through it.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include "ops/op.h"
#include "tensor/scalar.h"
#include "tensor/tensor.h"

namespace wg {

// Where Python finds an operation: bits, in the last column but some of the .def files.
namespace forms {
enum : unsigned {
    NOWHERE = 0,
    FUNCTION = 1,
    METHOD = 2,
    NN = 4,
    INPLACE = 8,  // Tensor.name_, torch._C._nn.name_
    OUT = 16,
    DEPRECATED = 32,  // an old overload: it warns, and messages do not list it
    INPLACE_FUNCTION = 64,  // torch.name_
    OWN_FAULTS =
        128,  // reported before those of histories: made of other operations, or never recorded
    TENSOR = FUNCTION | METHOD | INPLACE | OUT,
    EVERYWHERE = TENSOR | INPLACE_FUNCTION,
    TENSOR_ONLY = FUNCTION | METHOD,
};
}

using TwoGradients = std::array<Tensor, 2>;

// A row as data.
struct RowInfo {
    const char* name;
    const char* node;  // for tensor operands
    const char* node_scalar;  // when the last operand is a Python number
    const char* node_reversed;  // when the first one is
    bool same_node;  // all three are the same
    const char* operands[3];  // "input", "exponent"
    const char* parameters;  // "negative_slope=0.01"
    const char* shown;  // what nodes show of them; null: all
    int arity;
    bool is_test;  // gives bool
    DTypes dtypes;
    bool is_complex;  // takes complex numbers as well
    bool complex_parameter;  // the first one may be complex over them
    unsigned forms;
    double lo, hi;
    bool differentiable;
    // Per gradient a bit: PyTorch changes it in place once it is made, which its version shows.
    unsigned writes_gradient;
    unsigned reads[3];  // per gradient: bits g a b c y
    bool passes_through[3];  // the gradient is g itself
    // The gradient formula over tensors, for derivatives of derivatives.
    Tensor (*gradient[3])(const Tensor& g, const Tensor* abc, const Tensor& y, const double* p);
    // Those of both operands as one operation, where PyTorch has it so.
    TwoGradients (*gradients)(const Tensor& g, const Tensor& a, const Tensor& b);
};
extern const RowInfo row_table[kNumOps];
inline const RowInfo& row(Op op) noexcept { return row_table[int(op)]; }

// An operand: a tensor, or a Python number that never becomes one.
class Arg {
public:
    Arg(const Tensor& t) : tensor_(&t) {}
    Arg(Scalar s) : tensor_(nullptr), scalar_(s) {}
    Arg(double v) : Arg(Scalar(v)) {}
    Arg(int v) : Arg(Scalar(v)) {}
    bool is_tensor() const noexcept { return tensor_ != nullptr; }
    const Tensor& tensor() const noexcept { return *tensor_; }
    const Scalar& scalar() const noexcept { return scalar_; }

private:
    const Tensor* tensor_;
    Scalar scalar_;
};
// Whether an operand is complex.
inline bool is_complex(const Arg& a) noexcept {
    return a.is_tensor() ? is_complex(a.tensor().dtype()) : a.scalar().is_complex();
}
using Args = std::span<const Arg>;

struct Params {
    double p[3] = {0, 0, 0};  // p[2] is the imaginary part of p[0] in rows of a complex_parameter
    uint8_t whole = 0;  // bits: those that the caller gave as integers
};
inline Params complex_params(const Scalar& first, double second = 0) {
    const Complex<double> z = first.to_complex();
    return {{z.re, second, z.im}, uint8_t(first.category() == Category::Integral)};
}
// The parameters of add_scaled and sub_scaled: how alpha was given decides which dtypes it may meet.
inline Params alpha_params(const Scalar& alpha) {
    return complex_params(alpha, double(int(alpha.category())));
}

template <>
inline constexpr bool is_tensor<Tensor> = true;

Tensor elementwise(Op op, Args args, const Params& params = {}, const char* node = nullptr);
// args[0] is self.
Tensor& elementwise_(Op op, Tensor& self, Args args, const Params& params = {},
                     const char* node = nullptr);
// `name`: what messages call the operation, if it is not the row's name.
Tensor& elementwise_out(Op op, Tensor& out, Args args, const Params& params = {},
                        const char* name = nullptr);

// Calls f with the operands. Of numbers alone the first becomes a tensor, as weak in promotion as a number.
Tensor wrapped_number(Scalar value);
template <class F>
auto with_a_tensor(Args args, F f) {
    for (const Arg& a : args)
        if (a.is_tensor()) return f(args);
    const Tensor number = wrapped_number(args[0].scalar());
    SmallVector<Arg, 3> made(args);
    made[0] = Arg(number);
    return f(Args(made.data(), made.size()));
}

// A row with its operands, chosen by the arguments of a call: what clamp(), div() with a rounding mode
// and the like come down to. Refers to the caller's tensors.
struct RowChoice {
    Op op;
    SmallVector<Arg, 3> args;
    Params params = {};
    const char* node = nullptr;

    Tensor fresh() const {
        return with_a_tensor(Args(args.data(), args.size()),
                             [&](Args a) { return elementwise(op, a, params, node); });
    }
    Tensor& in_place(Tensor& self) const {
        return elementwise_(op, self, Args(args.data(), args.size()), params, node);
    }
    Tensor& into(Tensor& out, const char* name) const {
        with_a_tensor(Args(args.data(), args.size()),
                      [&](Args a) { elementwise_out(op, out, a, params, name); });
        return out;
    }
};

inline Tensor unary(Op op, const Tensor& x, const Params& params = {}) {
    const Arg args[] = {x};
    return elementwise(op, args, params);
}
inline Tensor binary(Op op, const Arg& a, const Arg& b, const Params& params = {},
                     const char* node = nullptr) {
    const Arg args[] = {a, b};
    return elementwise(op, args, params, node);
}
inline Tensor ternary(Op op, const Arg& a, const Arg& b, const Arg& c, const Params& params = {}) {
    const Arg args[] = {a, b, c};
    return elementwise(op, args, params);
}

// wg::exp(x), wg::leaky_relu(x, {0.01}), wg::mul(a, b), wg::eq(a, 0), ...
#define WG_UNARY_P(name, ...) \
    inline Tensor name(const Tensor& x, const Params& p = {}) { return unary(Op::name, x, p); }
#define WG_BINARY_P(name, ...)                                             \
    inline Tensor name(const Arg& a, const Arg& b, const Params& p = {}) { \
        return binary(Op::name, a, b, p);                                  \
    }
#define WG_TERNARY_P(name, ...)                                                          \
    inline Tensor name(const Arg& a, const Arg& b, const Arg& c, const Params& p = {}) { \
        return ternary(Op::name, a, b, c, p);                                            \
    }
#define WG_SLOPE(name, ...)                                 \
    template <class... P>                                   \
    Tensor name(const Tensor& a, const Tensor& b, P... p) { \
        return binary(Op::name, a, b, {{double(p)...}});    \
    }
#define WG_TEST(name, ...) \
    inline Tensor name(const Tensor& x) { return unary(Op::name, x); }
#define WG_COMPARE(name, ...) \
    inline Tensor name(const Arg& a, const Arg& b) { return binary(Op::name, a, b); }
#include "ops/elementwise.def"

Tensor zeros_like(const Tensor& t, std::optional<DType> dtype);
Tensor masked_fill_value(const Tensor& t, const Tensor& mask, Scalar value);
Tensor to_dtype(const Tensor& t, DType dtype, bool copy);

// The vocabulary of the formulas over tensors. Arithmetic with C++ numbers has the node that it has inside
// PyTorch's own compositions.
template <class... Read>
Tensor zero(const Tensor& g, const Read&...) {
    return zeros_like(g, {});
}
inline Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
    return masked_fill_value(x, mask, value);
}
inline Tensor times_mask(const Tensor& x, const Tensor& mask) {
    return mul(x, to_dtype(mask, x.dtype(), false));
}
inline Tensor trunc_divide(const Tensor& a, const Tensor& b) { return div_trunc(a, b); }
inline Tensor floor_divide(const Tensor& a, const Tensor& b) { return div_floor(a, b); }
inline Tensor where(const Tensor& condition, const Arg& a, const Arg& b) {
    return where_choice(condition, a, b);
}
// Over real numbers the tensor itself.
Tensor conj(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return neg(x); }
// A parameter of a row over complex numbers.
struct Factor {
    Complex<double> value;
    Arg arg() const { return value.im == 0 ? Scalar(value.re) : Scalar(value); }
};
inline Factor conj(Factor f) { return {conj(f.value)}; }
template <class T>
concept Number = std::is_arithmetic_v<T> || std::is_same_v<T, Factor>;
template <class T>
concept Operand = std::is_same_v<T, Tensor> || Number<T>;
template <class A, class B>
concept TensorPair =
    Operand<A> && Operand<B> && (std::is_same_v<A, Tensor> || std::is_same_v<B, Tensor>);
inline Arg as_arg(const Tensor& t) { return t; }
inline Arg as_arg(Factor f) { return f.arg(); }
template <class T>
    requires std::is_arithmetic_v<T>
Arg as_arg(T number) {
    return number;
}
#define WG_OPERATOR(symbol, name, node_number_left, node_number_right)                             \
    template <class A, class B>                                                                    \
        requires TensorPair<A, B>                                                                  \
    Tensor operator symbol(const A& a, const B& b) {                                               \
        const char* node = Number<A> ? node_number_left : Number<B> ? node_number_right : nullptr; \
        return binary(Op::name, as_arg(a), as_arg(b), {}, node);                                   \
    }
WG_OPERATOR(+, add, "AddBackward1", "AddBackward1")
WG_OPERATOR(-, sub, nullptr, "SubBackward1")
WG_OPERATOR(*, mul, "MulBackward1", "MulBackward1")
WG_OPERATOR(/, div, nullptr, "DivBackward1")
WG_OPERATOR(==, eq, nullptr, nullptr)
WG_OPERATOR(!=, ne, nullptr, nullptr)
WG_OPERATOR(<, lt, nullptr, nullptr)
WG_OPERATOR(<=, le, nullptr, nullptr)
WG_OPERATOR(>, gt, nullptr, nullptr)
WG_OPERATOR(>=, ge, nullptr, nullptr)
WG_OPERATOR(&&, logical_and, nullptr, nullptr)
WG_OPERATOR(||, logical_or, nullptr, nullptr)
#undef WG_OPERATOR
Tensor acosh_slope(const Tensor& g, const Tensor& x);
Tensor angle_slope(const Tensor& g, const Tensor& x);
Tensor sgn_slope(const Tensor& g, const Tensor& x, const Tensor& y);
template <int N>
Tensor raised(const Tensor& x) {
    return pow(x, N);
}
Tensor xlogy_slope(const Tensor& g, const Tensor& a, const Tensor& b);
Tensor xlogy_other_slope(const Tensor& g, const Tensor& a, const Tensor& b);
TwoGradients prelu_slopes(const Tensor& g, const Tensor& a, const Tensor& b);
Tensor prelu_slope(const Tensor& g, const Tensor& a, const Tensor& b);
Tensor prelu_weight_slope(const Tensor& g, const Tensor& a, const Tensor& b);
Tensor pow_slope(const Tensor& g, const Tensor& a, const Tensor& b);
Tensor pow_exponent_slope(const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& y);

// PyTorch's type promotion over operands: tensors with dimensions outrank 0-d tensors, which outrank
// Python numbers, within a category.
DType result_type(Args args);
DType promote(DType a, DType b);
bool can_cast(DType from, DType to) noexcept;  // by category, as in-place results need

// x cut to [min, max]; either may be missing.
Tensor clamp(const Tensor& x, const std::optional<Arg>& min, const std::optional<Arg>& max);

}  // namespace wg
