// What decides the dtypes of an elementwise operation, and what single operations want differently from
// all others. Only the files elementwise*.cpp look here; promotion itself is declared in elementwise.h.
#pragma once

#include <variant>
#include <vector>

#include "ops/elementwise.h"

namespace wg {

inline const char* scalar_name(DType d) { return info(d).scalar_name; }

// Of the operands broadcast together.
Dims common_shape(Args args);
// Strides of a fresh result, as PyTorch lays them out: without gaps, dims in the order of the operands'.
Dims result_strides(Args args, const Dims& shape);

// What some operations refuse before they look at shapes.
void check_operands(Op op, Args args);
// The dtype to compute in: promotion, then what the row makes of integers.
DType compute_dtype(const RowInfo& r, Op op, Args args);
// What the loop over `compute` writes: bool for tests, real numbers for some rows over complex ones.
inline DType result_dtype(const RowInfo& r, Op op, DType compute) {
    if (r.is_test) return DType::Bool;
    return op == Op::abs || op == Op::angle ? to_real(compute) : compute;
}
// "\"exp_cpu\" not implemented for ..." when the row has no such dtype.
void check_supported(const RowInfo& r, Op op, DType d, Args args);
[[noreturn]] void fail_not_implemented(Op op, const RowInfo& r, DType d, Args args);
// Integers have no infinity to divide into.
void check_integer_arguments(Op op, DType compute, Args args);

// Operations that PyTorch cannot differentiate in place: some of them never, then the node has a name of
// its own, some not with these parameters.
struct MissingDerivative {
    const char* message = nullptr;
    const char* node = nullptr;
};
MissingDerivative missing_inplace_derivative(Op op, const Params& params);

// Numbers that do not fit where PyTorch converts them to the dtype of the operation, and others that
// it refuses.
void check_parameters(Op op, DType compute, Args args, const Params& params);
// Operand `k`, a number, as one element of `dtype`, with that check.
void store_number(Op op, size_t k, Scalar s, void* to, DType dtype);
inline bool is_half(DType d) { return is_floating(d) && item_size(d) == 2; }
// With 16-bit operands, numbers and tensors of other dtypes are rounded to 16 bits before use; only the
// second operand of a product or quotient keeps its precision, if it is a number or has no dims.
bool rounds_operand(Op op, size_t k, const Arg& arg, DType compute_as);
// A number of a computation in `compute_as`, with that rounding, as its loop takes it.
void store_operand(Op op, size_t k, Scalar s, char* to, DType compute, DType compute_as,
                   bool rounds);

// Operand `value`, a number, as the gradient formulas take it.
Tensor number_in_formula(Op op, Scalar value);

// The row whose loop does the work: powers by the usual numbers have rows of their own.
Op loop_of_power(const Arg& exponent, DType compute);
inline Op loop_of(Op op, Args args, DType compute) {
    return op == Op::pow ? loop_of_power(args[1], compute) : op;
}
// Powers of and by numbers that are no loop's work over complex numbers and bools; of others nothing.
Tensor easy_power(Args args, DType compute);
// PyTorch keeps an exponent in double. Rounding to float must not make it whole, or x^y of 0 and of
// negative numbers would be another.
float narrow_exponent(double exponent) noexcept;

// The row that an in-place form is: some gradients read the result there, as PyTorch's do, which spares a
// copy of the old values.
Op written_form(Op op) noexcept;

// What a node shows of its parameters, under their names.
struct NamedNumber {
    std::string name;
    std::variant<std::monostate, bool, int64_t, double, Scalar, std::string, Dims> value;
};
std::vector<NamedNumber> named_parameters(Op op, const double* params, unsigned whole);

// Whose messages name dtypes as C++ does.
bool clamps_to_numbers(Op op, Args args);

// Whether out= may have another dtype than the result.
bool casts_into_out(Op op, Args args);

// floor(int) and the like: the values themselves.
inline bool is_identity_on(const RowInfo& r, DType d) {
    return r.dtypes == DTypes::ROUNDING && is_integral(d);
}

// The row that does the same on bool, where the row itself is about numbers.
Op on_bool(Op op, Args args);

}  // namespace wg
