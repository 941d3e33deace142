// out=: which dtypes an operation writes into, and what it says of the others.
// The names and texts are facts of PyTorch, where each operation checks for itself.
#include <cstring>

#include "args.h"

namespace wg::py {
namespace {

enum class Rule {
    Cast,  // what can be cast without losing its category
    Same,  // the dtype of the result only
    Taken,  // any: the operation computes in the dtype of out
    TakenFloat,  // as Taken, when the result can be cast to it
};

struct OutRule {
    const char* op;
    Rule rule;
    const char* text = nullptr;  // %r, %o: the dtype of the result, of out
};

constexpr const char* kCast = "result type %r can't be cast to the desired output type %o";
constexpr const char* kSame = nullptr;  // "Expected out tensor to have dtype ..."
constexpr const char* kExtremes =
    "Expected the dtype for input and out to match, but got %r for input's dtype and %o for out's "
    "dtype.";
constexpr const char* kTensordot =
    "tensordot: Expected the output tensor to have dtype %r, but got an output tensor with dtype %o";
constexpr const char* kCat = "torch.cat(): input types can't be cast to the desired output type %o";
constexpr const char* kCanCast =
    "Expected canCast( typeMetaToScalarType(self.dtype()), typeMetaToScalarType(out.dtype())) to be "
    "true, but got false.";

constexpr OutRule rules_[] = {
    {"sum", Rule::Taken},
    {"prod", Rule::Taken},
    {"nansum", Rule::Taken},
    {"cumsum", Rule::Taken},
    {"cumprod", Rule::Taken},
    {"mean", Rule::TakenFloat, kCast},
    {"mean of all", Rule::TakenFloat,
     "mean.dtype_out(): input types can't be cast to the desired output type %o"},
    {"addbmm", Rule::Same, "self and mat2 must have the same dtype, but got %o and %r"},
    {"mm", Rule::Same, kSame},
    {"bmm", Rule::Same, kSame},
    {"mv", Rule::Same, kSame},
    {"addmm", Rule::Same, kSame},
    {"addmv", Rule::Same, kSame},
    {"baddbmm", Rule::Same, kSame},
    {"matmul", Rule::Same, kSame},
    {"gather", Rule::Same, kSame},
    {"take_along_dim", Rule::Same, kSame},
    {"scatter", Rule::Same, kSame},
    {"scatter_add", Rule::Same, kSame},
    {"index_add", Rule::Same, kSame},
    {"index_copy", Rule::Same, kSame},
    {"tril", Rule::Same, kSame},
    {"triu", Rule::Same, kSame},
    {"softmax", Rule::Same, kSame},
    {"log_softmax", Rule::Same, kSame},
    {"argmax", Rule::Same, kSame},
    {"argmin", Rule::Same, kSame},
    {"norm", Rule::Same, kSame},
    {"linalg_vector_norm", Rule::Same, kSame},
    {"amax", Rule::Same, kExtremes},
    {"amin", Rule::Same, kExtremes},
    {"all", Rule::Same, "all only supports bool tensor for result, got: %o"},
    {"any", Rule::Same, "any only supports bool tensor for result, got: %o"},
    {"max", Rule::Cast, kCanCast},
    {"min", Rule::Cast, kCanCast},
    {"logsumexp", Rule::Cast,
     "logsumexp(): Expected floating point type for result tensor, but got: %o"},
    {"index_select", Rule::Same, "index_select(): self and result must have the same scalar type"},
    {"masked_select", Rule::Same,
     "masked_select(): self and result must have the same scalar type"},
    {"take", Rule::Same,
     "take(): self and out expected to have the same dtype, but got self.dtype = %r and out.dtype = "
     "%o"},
    {"nonzero", Rule::Same,
     "nonzero: Expected out tensor to have scalar type Long but got scalar type%o"},
    {"dot", Rule::Same, "result dtype %o does not match input dtype %r"},
    {"vdot", Rule::Same, "result dtype %o does not match input dtype %r"},
    {"inner", Rule::Same, kTensordot},
    {"tensordot", Rule::Same, kTensordot},
    {"where", Rule::Same, "Expected out type to be %r but got %o"},
    {"clamp", Rule::Same, "Found dtype %o but expected %r"},
    {"clip", Rule::Same, "Found dtype %o but expected %r"},
    {"cat", Rule::Cast, kCat},
    {"concat", Rule::Cast, kCat},
    {"concatenate", Rule::Cast, kCat},
    {"stack", Rule::Cast, kCat},
    {"hstack", Rule::Cast, kCat},
    {"vstack", Rule::Cast, kCat},
    {"row_stack", Rule::Cast, kCat},
    {"dstack", Rule::Cast, kCat},
    {"column_stack", Rule::Cast, kCat},
};

const OutRule& rule_of(const char* op) {
    for (const OutRule& r : rules_)
        if (std::strcmp(r.op, op) == 0) return r;
    static constexpr OutRule standard = {"", Rule::Cast, kCast};
    return standard;
}

std::string filled_in(const char* text, DType result, DType out) {
    std::string s;
    for (; *text; ++text) {
        if (*text != '%') s += *text;
        else s += info(*++text == 'r' ? result : out).scalar_name;
    }
    return s;
}

void check_dtype(const OutRule& r, const Tensor& result, const Tensor& out) {
    const DType from = result.dtype(), to = out.dtype();
    if (from == to || r.rule == Rule::Taken || (r.rule != Rule::Same && can_cast(from, to))) return;
    if (!r.text)
        fail(ErrorKind::Runtime, str("Expected out tensor to have dtype ", info(from).c_name,
                                     ", but got ", info(to).c_name, " instead"));
    fail(r.text == kCat ? ErrorKind::Type : ErrorKind::Runtime, filled_in(r.text, from, to));
}

void write(const OutRule& rule, const Tensor& out, const Tensor& result) {
    check_dtype(rule, result, out);
    if (!same_shape(out.sizes(), result.sizes())) {
        resize_out(out, result.sizes());
        // Like a new tensor it gets the layout of the result.
        if (is_dense(result.sizes(), result.strides())) {
            std::copy_n(result.strides().begin(), result.dim(), out->dims + result.dim());
            out->update_geometry();
        }
    }
    copy_values(out, result);
    out.bump_version();
}

void check_no_gradient(const char* op, bool wants_gradient) {
    WG_CHECK(
        !wants_gradient, op,
        "(): functions with out=... arguments don't support automatic differentiation, but one "
        "of the arguments requires grad.");
}

// What messages about out= call an operation that is another name of a row.
const char* out_name(const char* name) {
    static constexpr const char* names[][2] = {
        {"clip", "clamp"},       {"divide", "div"},
        {"true_divide", "div"},  {"outer", "mul"},
        {"ger", "mul"},          {"kron", "mul"},
        {"concat", "cat"},       {"concatenate", "cat"},
        {"hstack", "cat"},       {"vstack", "cat"},
        {"row_stack", "cat"},    {"dstack", "cat"},
        {"column_stack", "cat"}, {"take_along_dim", "gather"},
        {"nanmean", "nansum"}};
    for (const auto& [alias, row] : names)
        if (std::strcmp(name, alias) == 0) return row;
    return name;
}

}  // namespace

PyObject* call_with_out(const char* op, const Overload& o, PyObject** values) {
    PyObject* out = values[o.out];
    if (o.write) {
        o.write(values, o.function, tensor_of(out), out_name(op));
        return Py_NewRef(out);
    }
    bool wants_gradient = false;
    const bool over_dims = o.has_parameter("dim");
    const char* name = std::strcmp(op, "mean") == 0 && !over_dims ? "mean of all" : op;
    const OutRule& rule = rule_of(name);
    const bool takes_dtype =
        rule.rule == Rule::Taken ||
        (rule.rule == Rule::TakenFloat && is_floating(tensor_of(out).dtype()) &&
         is_floating(tensor_of(values[0]).dtype()));
    for (size_t i = 0; i < o.parameters.size(); ++i) {
        PyObject* v = values[i];
        if (is_tensor(v)) wants_gradient |= requires_grad(tensor_of(v));
        else if (o.types[i].accepts == Convert<TensorList>::accepts)
            for (const Tensor& t : to_tensor_list(v)) wants_gradient |= requires_grad(t);
        if (takes_dtype && v == Py_None && o.parameters[i].name == "dtype")
            values[i] = dtype_object(tensor_of(out).dtype());
    }
    wants_gradient = wants_gradient && grad_enabled();
    GradMode off(false);
    const Object result = check(o.invoke(values, o.function));
    if (!o.gives_tuple) {
        // Places and truth values have no gradient that could get lost.
        check_no_gradient(out_name(op),
                          wants_gradient && is_floating(tensor_of(result.get()).dtype()));
        write(rule, tensor_of(out), tensor_of(result.get()));
        return Py_NewRef(out);
    }
    const TensorList outs = to_tensor_list(out), results = to_tensor_list(result.get());
    if (outs.size() != results.size())
        fail_type(str("expected tuple of ", results.size(), " elements but got ", outs.size()));
    check_no_gradient(op, wants_gradient);
    static constexpr OutRule same = {"", Rule::Same};
    for (size_t i = 0; i < outs.size(); ++i) write(same, outs[i], results[i]);
    return check(PySequence_Tuple(out)).release();
}

}  // namespace wg::py
