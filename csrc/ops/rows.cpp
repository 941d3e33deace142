// The rows of elementwise.def as data: names, what each gradient reads, gradients over tensors.
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <string_view>

#include "cpu/elementwise_kernels.h"
#include "ops/elementwise.h"

namespace wg {
namespace {

// The gradient formulas evaluated on tensors; parameters stay plain numbers, of which the first may be complex.
template <class Row, int I>
Tensor tensor_gradient(const Tensor& g, const Tensor* abc, const Tensor& y, const double* p) {
    if constexpr (Row::complex_parameter)
        return Row::template gradient<I, Tensor, Factor>(g, abc[0], abc[1], abc[2], y,
                                                         {{p[0], p[2]}}, {{p[1], 0}}, {});
    else
        return Row::template gradient<I, Tensor, double>(g, abc[0], abc[1], abc[2], y, p[0], p[1],
                                                         p[2]);
}

// A formula that reads only g is g itself if it is so for some numbers.
template <class Row, int I>
bool passes_through() {
    if (gradient_reads<Row, I>() != 1) return false;
    for (double g : {0.3, -1.7, 5.0}) {
        const double r =
            Row::template gradient<I, double, double>(g, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7);
        if (r != g) return false;
    }
    return true;
}

template <class Row, int I>
void add_gradient(RowInfo& r) {
    r.reads[I] = gradient_reads<Row, I>();
    r.passes_through[I] = passes_through<Row, I>();
    r.gradient[I] = tensor_gradient<Row, I>;
}

// Three names with `separator` between them; what is left out is as the one before it.
std::array<std::string, 3> three(std::string_view text, std::string_view separator) {
    std::array<std::string, 3> names;
    for (std::string& name : names) {
        name = text.substr(0, text.find(separator));
        if (name.size() < text.size()) text.remove_prefix(name.size() + separator.size());
    }
    return names;
}

// The texts of a row, apart.
struct Texts {
    // "PowBackward1|PowBackward0|PowBackward2": the node for tensors, for a number as last operand and for
    // one as first operand.
    std::array<std::string, 3> nodes;
    std::array<std::string, 3> operands;
    std::string parameters;
    std::string shown;
};

// Cuts the text up to `end` off; all of it if there is none.
std::string cut(std::string_view& text, char end) {
    const size_t at = text.find(end);
    const std::string part(text.substr(0, at));
    text.remove_prefix(at == text.npos ? text.size() : at + 1);
    if (text.starts_with(' ')) text.remove_prefix(1);
    return part;
}

template <class Row>
RowInfo make_row(std::string_view text, const char* node, unsigned form, double lo, double hi) {
    static auto& kept = *new std::deque<Texts>;  // rows point into it for the program's life
    const auto parts = std::ranges::count(text, ';');
    Texts& texts = kept.emplace_back();
    texts.nodes = three(node, "|");
    texts.operands = three(parts ? cut(text, ';') : "input, other", ", ");
    texts.parameters = cut(text, ';');
    texts.shown = text;
    RowInfo r{};
    r.name = Row::name;
    r.node = texts.nodes[0].c_str();
    r.node_scalar = texts.nodes[1].c_str();
    r.node_reversed = texts.nodes[2].c_str();
    r.same_node = texts.nodes[0] == texts.nodes[1];
    for (int i = 0; i < 3; ++i) r.operands[i] = texts.operands[i].c_str();
    r.parameters = texts.parameters.c_str();
    r.shown = parts == 2 ? texts.shown.c_str() : nullptr;
    r.arity = Row::arity;
    r.is_test = Row::is_test;
    r.dtypes = Row::dtypes;
    r.is_complex = Row::is_complex;
    r.complex_parameter = Row::complex_parameter;
    r.forms = form;
    r.lo = lo;
    r.hi = hi;
    if constexpr (!Row::is_test && has_floats(Row::dtypes)) {
        r.differentiable = true;
        r.writes_gradient = Row::op == Op::maximum || Row::op == Op::minimum ? 3
                            : Row::op == Op::copysign                        ? 2
                                                                             : 0;
        if constexpr (Row::op == Op::prelu_kernel) r.gradients = prelu_slopes;
        add_gradient<Row, 0>(r);
        if constexpr (Row::arity > 1) add_gradient<Row, 1>(r);
        if constexpr (Row::arity > 2) add_gradient<Row, 2>(r);
    }
    return r;
}

using namespace forms;

#define WG_UNARY_P(name, forms_, parameters, node, fwd, grad, lo, hi, dtypes) \
    make_row<row_##name>(parameters, node, forms_, lo, hi),
#define WG_BINARY_P(name, forms_, parameters, node, fwd, ga, gb, lo, hi, dtypes) \
    make_row<row_##name>(parameters, node, forms_, lo, hi),
#define WG_TERNARY_P(name, forms_, parameters, node, fwd, ga, gb, gc, lo, hi, dtypes) \
    make_row<row_##name>(parameters, node, forms_, lo, hi),
#define WG_TEST(name, forms_, fwd, dtypes) make_row<row_##name>("", "", forms_, 0, 0),
#define WG_COMPARE(name, forms_, node, fwd, dtypes) make_row<row_##name>("", node, forms_, 0, 0),

}  // namespace

const RowInfo row_table[kNumOps] = {
#include "ops/elementwise.def"
};

}  // namespace wg
