// Loops of the elementwise rows over complex numbers, one element after the other: their functions are those of
// <complex>, which know no vectors. A row whose formula gives a real number (abs) writes real ones. Gradients of complex
// operands are the formulas over tensors.
#include "dispatch/kernel_table.h"
#include "ops/row.h"
#include "scalar/complex_math.h"

namespace wg {
namespace {

// PyTorch multiplies the second operand of a sum by alpha, that of a difference by -alpha, also where that is 1: infinities
// and NaN become NaN in both parts, and zeros get other signs.
template <class Row, class C>
inline C second_operand(C b) {
    if constexpr (Row::op == Op::add) return C(1) * b;
    else if constexpr (Row::op == Op::sub) return -(C(-1) * b);
    else return b;
}

template <class Row, class C>
void complex_loop(void* out, const void* const* in, int64_t n, LoopParams params) {
    const C p0(Complex<double>(params[0], Row::complex_parameter ? params[2] : 0)), p1(params[1]),
        p2(params[2]);
    const C* a = static_cast<const C*>(in[0]);
    const C* b = Row::arity > 1 ? static_cast<const C*>(in[1]) : a;
    const C* c = Row::arity > 2 ? static_cast<const C*>(in[2]) : a;
    using Value = decltype(Row::forward(*a, *b, *c, p0, p1, p2));
    using Result = std::conditional_t<Row::is_test, bool, Value>;
    Result* to = static_cast<Result*>(out);
    for (int64_t i = 0; i < n; ++i) {
        to[i] = Result(Row::forward(a[i], second_operand<Row>(b[i]), c[i], p0, p1, p2));
    }
}

template <class Row>
void add_row(OpKernels* table) {
    if constexpr (Row::is_complex) {
        table[int(Row::op)].forward[int(DType::Complex64)] = complex_loop<Row, Complex<float>>;
        table[int(Row::op)].forward[int(DType::Complex128)] = complex_loop<Row, Complex<double>>;
    }
}

}  // namespace

void add_complex_kernels(OpKernels* table);
void add_complex_kernels(OpKernels* table) {
#define WG_UNARY_P(name, ...) add_row<row_##name>(table);
#define WG_BINARY_P(name, ...) add_row<row_##name>(table);
#define WG_TERNARY_P(name, ...) add_row<row_##name>(table);
#define WG_TEST(name, ...) add_row<row_##name>(table);
#define WG_COMPARE(name, ...) add_row<row_##name>(table);
#include "ops/elementwise.def"
}

}  // namespace wg
