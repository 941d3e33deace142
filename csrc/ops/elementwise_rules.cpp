// Dtypes of elementwise operations: promotion, and what single operations want differently.
#include "ops/elementwise_rules.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "autograd/record.h"
#include "cpu/cast.h"
#include "dispatch/kernel_table.h"
#include "ops/checked_scalar.h"
#include "ops/functions.h"
#include "tensor/shape.h"

namespace wg {

// --- type promotion ---

DType promote(DType a, DType b) {
    if (a == b) return a;
    const Category ca = category(a), cb = category(b);
    if (std::max(ca, cb) == Category::Complex) {
        const bool is_double = a == DType::Float64 || b == DType::Float64 ||
                               a == DType::Complex128 || b == DType::Complex128;
        return is_double ? DType::Complex128 : DType::Complex64;
    }
    if (ca != cb) return ca > cb ? a : b;
    if (ca == Category::Floating) {
        const bool half_pair = item_size(a) == 2 && item_size(b) == 2;
        return half_pair ? DType::Float32 : std::max(a, b);
    }
    // uint8 with a signed type of the same or smaller size needs the next larger one.
    if (a == DType::UInt8 || b == DType::UInt8) {
        const DType other = a == DType::UInt8 ? b : a;
        return other == DType::Int8 ? DType::Int16 : other;
    }
    return std::max(a, b);
}

DType result_type(Args args) {
    std::optional<DType> dims, zero_dim, wrapped;
    const auto merge = [](std::optional<DType>& into, DType d) {
        into = into ? promote(*into, d) : d;
    };
    bool large = false;
    for (const Arg& arg : args) {
        if (!arg.is_tensor()) {
            large = large || arg.scalar().is_large();
            merge(wrapped, arg.scalar().natural_dtype());
        } else if (const Tensor& t = arg.tensor(); t->wrapped_number) {
            merge(wrapped, is_floating(t.dtype())  ? default_dtype()
                           : is_complex(t.dtype()) ? to_complex(default_dtype())
                                                   : t.dtype());
        } else {
            merge(t.dim() > 0 ? dims : zero_dim, t.dtype());
        }
    }
    // A weaker group decides only when its category is higher.
    const auto combine = [](std::optional<DType> strong,
                            std::optional<DType> weak) -> std::optional<DType> {
        if (!strong) return weak;
        if (!weak || category(*weak) <= category(*strong)) return strong;
        if (is_complex(*weak) && is_floating(*strong)) return to_complex(*strong);
        return weak;
    };
    const auto tensors = combine(dims, zero_dim);
    WG_CHECK(
        !large || tensors != DType::Bool,
        "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote Bool and UInt64");
    return *combine(tensors, wrapped);
}

bool can_cast(DType from, DType to) noexcept { return category(from) <= category(to); }

// --- one operation or the other ---

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The names of the kernels that PyTorch's messages show, where they are not the rows'.
const char* kernel_name(Op op, bool number_operand) {
    switch (op) {
    case Op::pow: return "pow";
    case Op::floor_divide: return "div_floor_cpu";
    case Op::bitwise_left_shift: return "lshift_cpu";
    case Op::bitwise_right_shift: return "rshift_cpu";
    case Op::addcmul: return "addcmul_cpu_out";
    case Op::lerp: return number_operand ? "lerp_kernel_scalar" : "lerp_kernel_tensor";
    case Op::clamp_low:
    case Op::clamp_min: return number_operand ? "clamp_min_scalar_cpu" : "clamp_min_cpu";
    case Op::clamp_high:
    case Op::clamp_max: return number_operand ? "clamp_max_scalar_cpu" : "clamp_max_cpu";
    case Op::clamp_both: return number_operand ? "clamp_scalar_cpu" : "clamp_cpu";
    case Op::floor: return "floor_vml_cpu";
    case Op::ceil: return "ceil_vml_cpu";
    case Op::round: return "round_vml_cpu";
    case Op::trunc: return "trunc_vml_cpu";
    case Op::erf: return "erf_vml_cpu";
    case Op::erfc: return "erfc_vml_cpu";
    case Op::celu:
    case Op::celu_written:
    case Op::elu_written: return "elu_cpu";
    case Op::leaky_relu_written: return "leaky_relu_cpu";
    case Op::threshold_written: return "threshold_cpu";
    case Op::prelu_kernel: return "prelu_cpu";
    case Op::softshrink: return "softshrink_check";
    case Op::logit_within: return "logit_cpu";
    case Op::gelu_erf:
    case Op::gelu_tanh: return "GeluKernelImpl";
    default: return nullptr;
    }
}

DType dtype_of_arg(const Arg& a) {
    return a.is_tensor() ? a.tensor().dtype() : a.scalar().natural_dtype();
}

bool has_zero(const Arg& arg, DType dtype) {
    if (!arg.is_tensor()) {
        alignas(8) char value[8] = {};
        arg.scalar().store(value, dtype);
        return std::all_of(value, value + 8, [](char c) { return c == 0; });
    }
    const Tensor t = contiguous(to_dtype(detach(arg.tensor()), DType::Int64));
    return std::find(t.data<int64_t>(), t.data<int64_t>() + t.numel(), 0) !=
           t.data<int64_t>() + t.numel();
}

}  // namespace

namespace {

// Where PyTorch has words of its own for complex numbers.
void fail_complex_operand(Op op, DType d, Args args) {
    const bool number = args.size() > 1 && !args[1].is_tensor(), first = is_complex(args[0]);
    switch (op) {
    case Op::sign:
        fail(
            ErrorKind::NotImplemented,
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.");
    case Op::floor:
    case Op::ceil:
    case Op::trunc:
        fail(ErrorKind::NotImplemented, str(row(op).name, " is not supported for complex inputs"));
    case Op::clamp_both:
    case Op::clamp_low:
    case Op::clamp_high:
        WG_CHECK(first || !number, "value cannot be converted to type double without overflow");
        if (!first)
            check_real(d, op == Op::clamp_both  ? "clamp_cpu"
                          : op == Op::clamp_low ? "maximum_cpu"
                                                : "minimum_cpu");
        [[fallthrough]];
    case Op::clamp_min:
    case Op::clamp_max:
        if (op == Op::clamp_min && !number) check_real(d, "maximum_cpu");
        if (op == Op::clamp_max && !number) check_real(d, "minimum_cpu");
        [[fallthrough]];
    case Op::relu:
    case Op::hardtanh: fail(ErrorKind::NotImplemented, "clamp is not supported for complex types");
    case Op::maximum:
    case Op::minimum:
        fail(ErrorKind::Runtime, str(row(op).name, " not implemented for complex tensors."));
    default: break;
    }
}

}  // namespace

void fail_not_implemented(Op op, const RowInfo& r, DType d, Args args) {
    if (d == DType::Bool) {
        if (op == Op::relu) fail(ErrorKind::Runtime, "Boolean inputs not supported for relu");
        if (op == Op::hardtanh) fail(ErrorKind::Runtime, "Bool inputs not supported for hardtanh");
    }
    if (is_complex(d)) fail_complex_operand(op, d, args);
    bool number_operand = false;
    for (const Arg& a : args) number_operand = number_operand || !a.is_tensor();
    const char* kernel = kernel_name(op, number_operand);
    fail(ErrorKind::NotImplemented, str("\"", kernel ? std::string(kernel) : str(r.name, "_cpu"),
                                        "\" not implemented for '", scalar_name(d), "'"));
}

void check_operands(Op op, Args args) {
    switch (op) {
    case Op::clamp_both:
    case Op::clamp_low:
    case Op::clamp_high:
    case Op::clamp_min:
    case Op::clamp_max:
    case Op::maximum:
    case Op::minimum: {
        // Other complex operands fail for want of a kernel, after shapes and dtypes have been looked at.
        const bool clamps = op != Op::maximum && op != Op::minimum,
                   bounded = op == Op::clamp_min || op == Op::clamp_max,
                   early = !clamps || !args[1].is_tensor() || (!bounded && is_complex(args[0]));
        if (const DType d = early ? result_type(args) : DType::Bool; is_complex(d))
            fail_complex_operand(op, d, args);
        break;
    }
    case Op::sub:
    case Op::sub_scaled: {
        const bool a = dtype_of_arg(args[0]) == DType::Bool,
                   b = dtype_of_arg(args[1]) == DType::Bool;
        WG_CHECK(
            !a || !b,
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead.");
        WG_CHECK(
            !a && !b,
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead.");
        break;
    }
    case Op::neg:
        WG_CHECK(
            dtype_of_arg(args[0]) != DType::Bool,
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead.");
        break;
    case Op::addcdiv:
        WG_CHECK(
            is_differentiable(dtype_of_arg(args[1])) || is_differentiable(dtype_of_arg(args[2])),
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value "
            "* torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value "
            "* tensor1 / tensor2), for all dtypes.");
        break;
    case Op::lerp: {
        // A 0-d weight is taken as a number.
        const DType d = dtype_of_arg(args[0]);
        const auto check = [&](const Arg& a, const char* name) {
            WG_CHECK(!a.is_tensor() || a.tensor().dtype() == d, "expected dtype ", info(d).c_name,
                     " for `", name, "` but got dtype ", info(a.tensor().dtype()).c_name);
        };
        check(args[1], "end");
        if (args[2].is_tensor() && args[2].tensor().dim() > 0) check(args[2], "weight");
        break;
    }
    case Op::pow:
        WG_CHECK(args[1].is_tensor() || is_differentiable(dtype_of_arg(args[0])) ||
                     is_differentiable(dtype_of_arg(args[1])) || args[1].scalar().to_double() >= 0,
                 "Integers to negative integer powers are not allowed.");
        break;
    case Op::where_choice:
        WG_CHECK(
            args[0].tensor().dtype() == DType::Bool || args[0].tensor().dtype() == DType::UInt8,
            "where expected condition to be a boolean tensor, but got a tensor with dtype ",
            scalar_name(args[0].tensor().dtype()));
        if (args[0].tensor().dtype() == DType::UInt8)
            warn(
                WarningKind::User,
                "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future "
                "version of PyTorch. Use a boolean condition instead.");
        break;
    default: break;
    }
}

DType compute_dtype(const RowInfo& r, Op op, Args args) {
    DType d;
    if (op == Op::where_choice) d = result_type(args.subspan(1));
    else if (op == Op::square && args[0].tensor().dtype() == DType::Bool)
        d = DType::Int64;  // x ** 2
    else if (args.size() == 1 ||
             (op == Op::lerp && !(args[2].is_tensor() && args[2].tensor().dim() == 0)))
        d = args[0].tensor().dtype();
    else d = result_type(args);
    return r.dtypes == DTypes::FLOATS && !is_differentiable(d) ? default_dtype() : d;
}

void check_supported(const RowInfo& r, Op op, DType d, Args args) {
    if (op == Op::pow && d == DType::Bool && !args[1].is_tensor()) return;  // bool ** True
    if (is_complex(d)) {
        if (!r.is_complex) fail_not_implemented(op, r, d, args);
        return;
    }
    const bool integral = is_integral(d);
    bool ok = true;
    switch (r.dtypes) {
    case DTypes::FLOATS:
    case DTypes::ALL: break;
    case DTypes::FLOATS_ONLY: ok = is_floating(d); break;
    case DTypes::ROUNDING: ok = is_floating(d) || integral; break;
    case DTypes::NUMBERS: ok = d != DType::Bool; break;
    case DTypes::INTEGERS: ok = integral; break;
    case DTypes::INTEGRAL: ok = !is_floating(d); break;
    default: break;
    }
    if (!ok) fail_not_implemented(op, r, d, args);
}

void check_integer_arguments(Op op, DType compute, Args args) {
    check_supported(row(op), op, compute, args);
    switch (op) {
    case Op::floor_divide:
    case Op::div_floor:
    case Op::div_trunc:
    case Op::fmod:
    case Op::remainder: WG_CHECK(!has_zero(args[1], compute), "ZeroDivisionError"); break;
    default: break;
    }
}

MissingDerivative missing_inplace_derivative(Op op, const Params& params) {
    switch (op) {
    case Op::asinh:
        return {"the derivative for 'inplace version of asinh' is not implemented.",
                "AsinhBackward1"};
    case Op::acosh:
        return {"the derivative for 'inplace version of acosh' is not implemented.",
                "AcoshBackward1"};
    case Op::atanh:
        return {"the derivative for 'inplace version of atanh' is not implemented.",
                "AtanhBackward1"};
    case Op::elu_written:
    case Op::celu_written:
        if (params.p[0] >= 0) return {};
        return {
            "In-place elu backward calculation is triggered with a negative slope which is not supported. This is "
            "caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead."};
    case Op::leaky_relu_written:
        if (params.p[0] >= 0) return {};
        return {
            "In-place leakyReLu backward calculation is triggered with a negative slope which is not supported. This "
            "is caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead. File an issue at https://github.com/pytorch/pytorch if you do require supporting in-place "
            "leakRelu backward calculation with negative slope"};
    default: return {};
    }
}

namespace {

// What a parameter is to the dtype: among integers, -1 and 255 both fit a byte.
void check_fits(double value, DType dtype, double imag = 0) {
    const bool whole = value == std::nearbyint(value) && std::fabs(value) < 0x1p63;
    check_fits(imag != 0                      ? Scalar(Complex<double>(value, imag))
               : whole && !is_floating(dtype) ? Scalar(int64_t(value))
                                              : Scalar(value),
               dtype);
}

}  // namespace

void check_parameters(Op op, DType compute, Args args, const Params& params) {
    check_supported(row(op), op, compute, args);
    const double* p = params.p;
    switch (op) {
    case Op::hardtanh:
        WG_CHECK(compute != DType::UInt8 || (p[0] >= 0 && p[1] >= 0),
                 "cannot do hardtanh on an unsigned type with negative limits");
        check_fits(p[0], compute);
        check_fits(p[1], compute);
        break;
    case Op::add_scaled:
    case Op::sub_scaled: {
        const auto kind = Category(int(p[1]));
        WG_CHECK(kind != Category::Boolean || compute == DType::Bool,
                 "Boolean alpha only supported for Boolean results.");
        WG_CHECK(kind != Category::Floating || is_differentiable(compute),
                 "For integral input tensors, argument alpha must not be a floating point number.");
        WG_CHECK(kind != Category::Complex || is_complex(compute),
                 "For non-complex input tensors, argument alpha must not be a complex number.");
        check_fits(p[0], compute, p[2]);
        break;
    }
    case Op::addcmul:
    case Op::addcdiv: check_fits(p[0], kernel_dtype(compute), p[2]); break;
    case Op::threshold:
    case Op::threshold_written:
        check_fits(p[0], kernel_dtype(compute));
        check_fits(p[1], compute);
        break;
    case Op::celu_written:
    case Op::celu: WG_CHECK(p[0] != 0, "ZeroDivisionError: alpha cannot be 0 for CELU"); break;
    case Op::softshrink: {
        const double largest = compute == DType::Float16    ? 65504.0
                               : compute == DType::BFloat16 ? 0x1.fep127
                               : compute == DType::Float32  ? std::numeric_limits<float>::max()
                                                            : std::numeric_limits<double>::max();
        WG_CHECK(p[0] >= 0 && p[0] <= largest, "lambda must be in range [0, ", largest,
                 "] for input dtype ", scalar_name(compute), ", but found ", p[0]);
        break;
    }
    case Op::nan_replaced:
    case Op::round_scaled: break;
    default:
        for (double v : params.p) check_fits(v, kernel_dtype(compute));
    }
}

void store_number(Op op, size_t k, Scalar s, void* to, DType dtype) {
    switch (op) {
    case Op::clamp_both:
    case Op::clamp_low:
    case Op::clamp_high:
    case Op::clamp_min:
    case Op::clamp_max: return store_checked(s, to, dtype);
    case Op::where_choice:
        if (is_floating(dtype) && item_size(dtype) == 2) break;
        return store_checked(s, to, dtype);
    case Op::lerp: return k == 2 ? store_checked(s, to, dtype) : s.store(to, dtype);
    case Op::pow:
        if (k == 0 || dtype == DType::Float64) break;
        if (dtype != DType::Float32) return store_checked(s, to, dtype);
        return Scalar(double(narrow_exponent(s.to_double()))).store(to, dtype);
    default: break;
    }
    s.store(to, dtype);
}

bool rounds_operand(Op op, size_t k, const Arg& arg, DType compute_as) {
    if (!is_half(compute_as)) return false;
    const bool single = !arg.is_tensor() || arg.tensor().dim() == 0;
    const bool keeps = op == Op::mul || op == Op::div || op == Op::div_trunc;
    return !(k == 1 && single && keeps) && !(k == 2 && op == Op::lerp);
}

void store_operand(Op op, size_t k, Scalar s, char* to, DType compute, DType compute_as,
                   bool rounds) {
    if (!rounds) return store_number(op, k, s, to, compute);
    alignas(8) char narrow[kMaxItemSize];
    store_number(op, k, s, narrow, compute_as);
    cast_fn(compute, compute_as)(to, 0, narrow, 0, 1);
}

float narrow_exponent(double exponent) noexcept {
    const float narrow = float(exponent);
    if (double(narrow) == exponent || narrow != std::nearbyint(narrow)) return narrow;
    return std::nextafter(narrow, exponent > narrow ? float(kInfinity) : -float(kInfinity));
}

Tensor number_in_formula(Op op, Scalar value) {
    // Of numbers alone formulas would compute in the default dtype: 1 - weight.
    if (op == Op::lerp)
        return full({}, value, value.is_complex() ? DType::Complex128 : DType::Float64);
    return wrapped_number(value);
}

Op loop_of_power(const Arg& arg, DType compute) {
    if (arg.is_tensor() || !is_differentiable(compute)) return Op::pow;
    if (arg.scalar().is_complex() && arg.scalar().to_complex().im != 0) return Op::pow;
    const double exponent = arg.scalar().to_complex().re;
    if (exponent == 2) return Op::square;
    if (exponent == -1) return Op::reciprocal;
    if (compute == DType::Float16) return Op::pow;
    return exponent == 0.5 ? Op::sqrt : exponent == -0.5 ? Op::rsqrt : Op::pow;
}

Tensor easy_power(Args args, DType compute) {
    const auto is = [&](size_t k, double v) {
        return !args[k].is_tensor() && args[k].scalar().to_complex() == Complex<double>(v);
    };
    Unrecorded off;
    if (is_complex(compute) && is(0, 1)) return ones_like(args[1].tensor());
    if (args[1].is_tensor()) return {};
    const Tensor x = to_dtype(detach(args[0].tensor()), compute);
    if (is(1, 0)) return ones_like(x);
    if (is(1, 1)) return x;
    if (is(1, 3)) return mul(square(x), x);
    return is(1, -2) ? reciprocal(square(x)) : Tensor();
}

bool clamps_to_numbers(Op op, Args args) {
    return !args.back().is_tensor() &&
           (op == Op::clamp_both || op == Op::clamp_low || op == Op::clamp_high ||
            op == Op::clamp_min || op == Op::clamp_max);
}

bool casts_into_out(Op op, Args args) {
    const RowInfo& r = row(op);
    switch (op) {
    case Op::square: return true;
    case Op::lerp: return !args[2].is_tensor();
    case Op::clamp_both:
    case Op::clamp_low:
    case Op::clamp_high: return args[1].is_tensor();
    default: return r.arity > 1 || r.dtypes == DTypes::FLOATS || r.is_test;
    }
}

Op written_form(Op op) noexcept {
    switch (op) {
    case Op::leaky_relu: return Op::leaky_relu_written;
    case Op::elu: return Op::elu_written;
    case Op::celu: return Op::celu_written;
    case Op::threshold: return Op::threshold_written;
    default: return op;
    }
}

Op on_bool(Op op, Args args) {
    if (op == Op::pow && !args[1].is_tensor() && args[0].is_tensor() &&
        dtype_of_arg(args[0]) == DType::Bool && dtype_of_arg(args[1]) == DType::Bool)
        return Op::ge;  // x ** True is x, x ** False is True
    const auto all_bool = [&] {
        return std::all_of(args.begin(), args.end(), [](const Arg& a) {
            return a.is_tensor() && a.tensor().dtype() == DType::Bool;
        });
    };
    switch (op) {
    case Op::bitwise_not: return all_bool() ? Op::logical_not : op;
    case Op::clamp_low:
    case Op::clamp_min: return all_bool() ? Op::maximum : op;
    case Op::clamp_high:
    case Op::clamp_max: return all_bool() ? Op::minimum : op;
    default: return op;
    }
}

namespace {

// "a=1, b" as pairs of names and values.
std::vector<std::pair<std::string, std::string>> parse_names(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> parsed;
    while (!text.empty()) {
        const size_t end = std::min(text.find(", "), text.size());
        const std::string_view part = text.substr(0, end);
        const size_t equals = std::min(part.find('='), part.size());
        parsed.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return parsed;
}

}  // namespace

std::vector<NamedNumber> named_parameters(Op op, const double* params, unsigned whole) {
    const RowInfo& r = row(op);
    const auto known = parse_names(r.parameters);
    const auto shown = r.shown ? parse_names(r.shown) : known;
    std::vector<NamedNumber> numbers;
    for (const auto& [name, text] : shown) {
        NamedNumber& n = numbers.emplace_back();
        n.name = name;
        const auto at = std::ranges::find(known, name, [](const auto& k) { return k.first; });
        if (at == known.end()) {  // a constant
            if (text == "True" || text == "False") n.value = text == "True";
            else if (text == "None") n.value = std::monostate();
            else if (text.starts_with('\'')) n.value = text.substr(1, text.size() - 2);
            else n.value = Scalar(int64_t(std::stoll(text)));
            continue;
        }
        const auto i = size_t(at - known.begin());
        const double v = params[i];
        // Slopes get numbers without saying how they were given.
        const bool slope = std::string_view(r.name).ends_with("_backward") &&
                           at->second.find('.') == std::string::npos && v == std::nearbyint(v) &&
                           std::fabs(v) < 0x1p53;
        if (op == Op::logit_within && v < 0) continue;
        n.value = whole >> i & 1 || slope ? Scalar(int64_t(v))
                  : r.complex_parameter && i == 0 && params[2] != 0
                      ? Scalar(Complex<double>(v, params[2]))
                      : Scalar(v);
    }
    return numbers;
}

Dims common_shape(Args args) {
    Dims shape;
    bool first = true;
    for (const Arg& arg : args) {
        if (!arg.is_tensor()) continue;
        shape = first ? Dims(arg.tensor().sizes()) : broadcast_shapes(shape, arg.tensor().sizes());
        first = false;
    }
    return shape;
}

Dims result_strides(Args args, const Dims& shape) {
    // Compare dims by the operands' strides, first operand first; ambiguous pairs keep their order.
    SmallVector<Dims, 3> strides;
    for (const Arg& arg : args)
        if (arg.is_tensor())
            strides.push_back(
                broadcast_strides(arg.tensor().sizes(), arg.tensor().strides(), shape));
    SmallVector<int, 8> order;  // innermost first
    for (int d = int(shape.size()) - 1; d >= 0; --d) order.push_back(d);
    const auto compare = [&](int a, int b) {  // 1: a is outer to b
        for (const Dims& s : strides) {
            if (s[a] == 0 || s[b] == 0) continue;
            if (s[a] != s[b]) return s[a] < s[b] ? -1 : 1;
            if (shape[a] > shape[b]) return 1;
        }
        return 0;
    };
    for (size_t i = 1; i < order.size(); ++i) {
        size_t at = i;
        for (size_t j = i; j-- > 0;) {
            const int c = compare(order[j], order[at]);
            if (c > 0) {
                std::swap(order[j], order[at]);
                at = j;
            } else if (c < 0) {
                break;
            }
        }
    }
    // Only the usual order looks at a dim of no elements as at one of one.
    if (std::is_sorted(order.begin(), order.end(), std::greater<>()))
        return contiguous_strides(shape);
    Dims result(shape.size());
    int64_t n = 1;
    for (int d : order) {
        result[d] = n;
        n *= shape[d];
    }
    return result;
}

}  // namespace wg
