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
    Operand,  // any: the operand is cast to the dtype of out
    Early,  // as Same, with the dtype of the operand and before anything else
    Truth,  // bool or uint8, looked at before anything else
};

// What memory out may share, as far as the operation looks: with its first operand, with the others.
struct Sharing {
    enum Allowed { Any, Same, None } first, others;
    bool expanded = false;  // whether several places of out may be one
    bool first_of_all = false;  // looked at before out is resized
};

// Whose gradient would get lost, and is therefore refused before anything is computed.
enum class Differentiable {
    Yes,  // the operands' and that of out
    InParts,  // that of out if it is a leaf: else it gets a node that has no formula
    OfOut,  // that of out
    No,  // nobody's: places and truth values have none, parts are copied without
};

struct OutRule {
    const char* op;
    Rule rule;
    const char* text = nullptr;  // %r, %o: the dtype of the result, of out
    Sharing sharing = {Sharing::Any, Sharing::Any};
    Differentiable differentiable = Differentiable::Yes;
    bool shaped_first = false;  // whether out has its shape before anybody looks at its dtype
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

constexpr const char* kScalarType =
    "Expected object of scalar type %r but got scalar type %o for argument 'out'";

constexpr const char* kDot = "result dtype %o does not match input dtype %r";

constexpr Sharing kAny = {Sharing::Any, Sharing::Any, true};
constexpr Sharing kFirstWhole = {Sharing::Same, Sharing::Any};
constexpr Sharing kWhole = {Sharing::Same, Sharing::Same};
constexpr Sharing kFirstOnly = {Sharing::Same, Sharing::None};
constexpr Sharing kApart = {Sharing::None, Sharing::None};
constexpr Sharing kApartFirst = {Sharing::None, Sharing::None, false, true};

constexpr OutRule rules_[] = {
    {"sum", Rule::Taken, nullptr, kAny},
    {"prod", Rule::Taken, nullptr, kAny},
    {"nansum", Rule::Taken, "nansum: provided dtype must match dtype of result. Got %o and %r.",
     kAny},
    {"nanmean", Rule::Taken, "nansum: provided dtype must match dtype of result. Got %o and %r."},
    {"cumsum", Rule::Taken, nullptr, kFirstWhole},
    {"cumprod", Rule::Taken, nullptr, kFirstWhole},
    {"var", Rule::Operand, kCast, kAny, Differentiable::Yes, true},
    {"std", Rule::Operand, kCast, kAny, Differentiable::Yes, true},
    {"mean", Rule::TakenFloat, kCast, {}, Differentiable::Yes, true},
    {"mean of all", Rule::TakenFloat,
     "mean.dtype_out(): input types can't be cast to the desired output type %o"},
    {"addbmm", Rule::Same, "self and mat2 must have the same dtype, but got %o and %r",
     kFirstWhole},
    {"mm", Rule::Same, kSame},
    {"linear", Rule::Same, kSame},
    {"bmm", Rule::Same, kSame},
    {"mv", Rule::Same, "addmv input tensors must have the same dtype, but got %o, %r, and %r",
     kAny},
    {"addmm", Rule::Same, kSame, kFirstWhole},
    {"addmv", Rule::Same, kSame, kFirstWhole},
    {"baddbmm", Rule::Same, kSame, kFirstWhole},
    {"matmul", Rule::Same, kSame},
    {"complex", Rule::Same, kScalarType, kWhole},
    {"polar", Rule::Same, kScalarType, kWhole},
    {"gather", Rule::Same, kSame, kApart},
    {"take_along_dim", Rule::Same, kSame, kApart},
    {"scatter", Rule::Same, kSame, kFirstOnly},
    {"scatter_add", Rule::Same, kSame, kFirstOnly},
    {"index_add", Rule::Same, kSame, kFirstOnly},
    {"index_copy", Rule::Same, kSame, kFirstOnly},
    {"scatter_reduce", Rule::Same, kSame, kFirstOnly},
    {"index_reduce", Rule::Same, kSame, kFirstOnly},
    {"renorm", Rule::Same, kSame, kFirstWhole},
    {"addr", Rule::Cast, kCast, kWhole},
    {"slice_scatter", Rule::Same, kSame, kAny, Differentiable::Yes, true},
    {"narrow_copy", Rule::Same,
     "Expected self.dtype() == output.dtype() to be true, but got false.", kAny},
    {"unbind_copy", Rule::Same, kSame, kAny, Differentiable::OfOut},
    {"split_copy", Rule::Same, kSame, kAny, Differentiable::No},
    {"split_with_sizes_copy", Rule::Same, kSame, kAny, Differentiable::No},
    {"_copy", Rule::Same, kSame, kAny, Differentiable::InParts, true},  // all others of that ending
    {"float_power", Rule::Same,
     "the output given to float_power has dtype %o but the operation's result requires dtype %r",
     kWhole},
    {"tril", Rule::Same, kSame, kAny},
    {"triu", Rule::Same, kSame, kAny},
    {"softmax", Rule::Same, kSame, {}, Differentiable::InParts},
    {"log_softmax", Rule::Same, kSame, {}, Differentiable::InParts},
    {"argmax", Rule::Same, kSame, kAny, Differentiable::No},
    {"argmin", Rule::Same, kSame, kAny, Differentiable::No},
    {"norm", Rule::Same, kSame, kAny},
    {"linalg_vector_norm", Rule::Same, kSame, kAny},
    {"amax", Rule::Early, kExtremes, kAny},
    {"amin", Rule::Early, kExtremes, kAny},
    {"all", Rule::Truth, "all only supports bool tensor for result, got: %o", kAny,
     Differentiable::No},
    {"any", Rule::Truth, "any only supports bool tensor for result, got: %o", kAny,
     Differentiable::No},
    {"max", Rule::Cast, kCanCast, kWhole},
    {"min", Rule::Cast, kCanCast, kWhole},
    {"max of all", Rule::Cast, kCanCast, kAny},
    {"min of all", Rule::Cast, kCanCast, kAny},
    {"aminmax", Rule::Same, kSame, {Sharing::Same, Sharing::Any, true}},
    {"outer", Rule::Cast, kCast, kWhole},
    {"ger", Rule::Cast, kCast, kWhole},
    {"kron", Rule::Cast, kCast, kApart, Differentiable::Yes, true},
    {"logsumexp", Rule::Cast,
     "logsumexp(): Expected floating point type for result tensor, but got: %o"},
    {"index_select", Rule::Same, "index_select(): self and result must have the same scalar type",
     kApartFirst},
    {"masked_select", Rule::Same, "masked_select(): self and result must have the same scalar type",
     kApartFirst},
    {"take", Rule::Same,
     "take(): self and out expected to have the same dtype, but got self.dtype = %r and out.dtype = "
     "%o",
     kApartFirst},
    {"nonzero", Rule::Same,
     "nonzero: Expected out tensor to have scalar type Long but got scalar type%o", kApartFirst,
     Differentiable::No},
    {"dot", Rule::Same, kDot, {}, Differentiable::Yes, true},
    {"vdot", Rule::Same, kDot, {}, Differentiable::Yes, true},
    {"inner", Rule::Same, kTensordot},
    {"tensordot", Rule::Same, kTensordot},
    {"where", Rule::Same, "Expected out type to be %r but got %o"},
    {"clamp", Rule::Same, "Found dtype %o but expected %r"},
    {"clip", Rule::Same, "Found dtype %o but expected %r"},
    {"cat", Rule::Cast, kCat, kApart},
    {"concat", Rule::Cast, kCat, kApart},
    {"concatenate", Rule::Cast, kCat, kApart},
    {"stack", Rule::Cast, kCat, kApart, Differentiable::Yes, true},
    {"hstack", Rule::Cast, kCat, kApart},
    {"vstack", Rule::Cast, kCat, kApart},
    {"row_stack", Rule::Cast, kCat, kApart},
    {"dstack", Rule::Cast, kCat, kApart},
    {"column_stack", Rule::Cast, kCat, kApart},
};

const OutRule* find_rule(std::string_view op) {
    for (const OutRule& r : rules_)
        if (op == r.op) return &r;
    return nullptr;
}

// Overloads that take all elements may have a rule of their own.
OutRule rule_of(const std::string& op, bool of_all) {
    const OutRule* rule = of_all ? find_rule(op + " of all") : nullptr;
    if (!rule) rule = find_rule(op);
    if (!rule && op.ends_with("_copy")) rule = find_rule("_copy");
    return rule ? *rule : OutRule{"", Rule::Cast, kCast};
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
    const bool truth = to == DType::Bool || to == DType::UInt8;
    if (r.rule == Rule::Truth ? truth : from == to) return;
    const bool same = r.rule == Rule::Same || r.rule == Rule::Early || r.rule == Rule::Truth;
    if (!same && can_cast(from, to)) return;
    if (!r.text)
        fail(ErrorKind::Runtime, str("Expected out tensor to have dtype ", info(from).c_name,
                                     ", but got ", info(to).c_name, " instead"));
    fail(r.text == kCat ? ErrorKind::Type : ErrorKind::Runtime, filled_in(r.text, from, to));
}

void check_sharing(Sharing::Allowed allowed, const Tensor& out, PyObject* operand) {
    if (is_tensor(operand)) {
        if (allowed == Sharing::Same) check_no_partial_overlap(out, tensor_of(operand));
        if (allowed == Sharing::None) check_no_overlap(out, tensor_of(operand));
    } else if (PyTuple_Check(operand) || PyList_Check(operand)) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(operand); ++i)
            check_sharing(allowed, out, PySequence_Fast_GET_ITEM(operand, i));
    }
}

void check_memory(const Sharing& sharing, const Tensor& out, std::span<PyObject* const> operands) {
    WG_CHECK(
        sharing.expanded || !is_expanded(out.sizes(), out.strides()),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
        "Please clone() the tensor before performing the operation.");
    for (size_t i = 0; i < operands.size(); ++i)
        check_sharing(i == 0 ? sharing.first : sharing.others, out, operands[i]);
}

void write(const OutRule& rule, const Tensor& out, const Tensor& result,
           std::span<PyObject* const> operands, Ref<Node> node = {}) {
    const bool resized = !same_shape(out.sizes(), result.sizes());
    if (!rule.shaped_first) check_dtype(rule, result, out);
    if (rule.sharing.first_of_all) check_memory(rule.sharing, out, operands);
    resize_out(out, result.sizes());
    if (rule.shaped_first) check_dtype(rule, result, out);
    // Like a new tensor it gets the layout of the result.
    if (resized && is_dense(result.sizes(), result.strides())) {
        std::copy_n(result.strides().begin(), result.dim(), out->dims + result.dim());
        out->update_geometry();
    }
    if (!rule.sharing.first_of_all) check_memory(rule.sharing, out, operands);
    copy_values(out, result);
    rebase_history(out, std::move(node));
}

// What out gets where PyTorch records the call but has no formula; null when nothing requires grad.
Ref<Node> node_without_formula(const char* op, std::span<PyObject* const> values) {
    SmallVector<const Tensor*, 4> inputs;
    for (PyObject* o : values)
        if (is_tensor(o) && any_requires_grad(o)) inputs.push_back(&tensor_of(o));
    if (!grad_enabled() || inputs.size() == 0) return {};
    return make_node(
        "torch::autograd::NotImplemented", {inputs.data(), inputs.size()}, [op](Backward&) {
            fail(ErrorKind::Runtime, str("derivative for aten::", op, " is not implemented"));
        });
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

bool any_tangent(PyObject* o) {
    if (is_tensor(o)) return has_tangent(tensor_of(o));
    if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
        if (any_tangent(PySequence_Fast_GET_ITEM(o, i))) return true;
    return false;
}

void check_no_gradient(const char* op, const OutRule& rule, const Overload& o,
                       PyObject* const* values) {
    if (forward_mode()) [[unlikely]]
        for (size_t i = 0; i < o.parameters.size(); ++i)
            if (any_tangent(values[i])) fail_forward_out(o.gives_tuple ? op : out_name(op));
    if (!grad_enabled() || rule.differentiable == Differentiable::No) return;
    const bool parts = rule.differentiable == Differentiable::InParts;
    for (int i = 0; i < int(o.parameters.size()); ++i)
        WG_CHECK(
            !(rule.differentiable == Differentiable::Yes ||
              (i == o.out && (!parts || is_leaf(tensor_of(values[i]))))) ||
                !any_requires_grad(values[i]),
            parts ? "aten::" : "", o.gives_tuple ? op : out_name(op),
            "(): functions with out=... arguments don't support automatic differentiation, but one "
            "of the arguments requires grad.");
}

// Parts go each into a tensor of its own; those of split_copy as copy_() does it.
void write_parts(std::string_view op, const OutRule& rule, TensorList outs, const TensorList& parts,
                 std::span<PyObject* const> operands) {
    const char* name = op == "split_copy"    ? "split_copy_Tensor_out()"
                       : op == "unbind_copy" ? "unbind_copy_int_out"
                                             : "split_with_sizes_copy_out";
    WG_CHECK(outs.size() == parts.size(), name, " expected an out= argument of size ", parts.size(),
             ", got size ", outs.size());
    for (size_t i = 0; i < outs.size(); ++i)
        if (op == "split_copy") copy_(outs[i], parts[i]);
        else write(rule, outs[i], parts[i], operands);
}

}  // namespace

PyObject* call_with_out(const char* op, const Overload& o, PyObject** values) {
    PyObject* out = values[o.out];
    if (o.write) {
        o.write(values, o.function, tensor_of(out), out_name(op));
        return Py_NewRef(out);
    }
    OutRule rule = rule_of(op, !o.has_parameter("dim") && !o.has_parameter("other"));
    check_no_gradient(op, rule, o, values);
    Ref<Node> node;
    if (rule.differentiable == Differentiable::InParts)
        node = node_without_formula(op, {values, size_t(o.out) + 1});
    GradMode off(false);
    if (rule.rule == Rule::Early || rule.rule == Rule::Truth)
        check_dtype(rule, tensor_of(values[0]), tensor_of(out));
    bool takes_dtype = rule.rule == Rule::Taken;
    if (rule.rule == Rule::TakenFloat)
        takes_dtype = is_differentiable(tensor_of(out).dtype()) &&
                      is_differentiable(tensor_of(values[0]).dtype());
    Object cast;
    if (rule.rule == Rule::Operand && is_differentiable(tensor_of(out).dtype()) &&
        is_differentiable(tensor_of(values[0]).dtype())) {
        cast = check(wrap(to_dtype(tensor_of(values[0]), tensor_of(out).dtype())));
        values[0] = cast.get();
    }
    for (size_t i = 0; i < o.parameters.size(); ++i) {
        if (o.parameters[i].name != "dtype") continue;
        if (values[i] != Py_None) {
            if (rule.rule == Rule::TakenFloat) rule.text = kSame;
            rule.rule = Rule::Same;
        } else if (takes_dtype) values[i] = dtype_object(tensor_of(out).dtype());
    }
    const std::span<PyObject* const> operands(values, size_t(o.out));
    const Object result = check(o.invoke(values, o.function));
    if (o.gives_list) {
        write_parts(op, rule, to_tensor_list(out), to_tensor_list(result.get()), operands);
        Py_RETURN_NONE;
    }
    if (!o.gives_tuple) {
        write(rule, tensor_of(out), tensor_of(result.get()), operands, std::move(node));
        return Py_NewRef(out);
    }
    const TensorList outs = to_tensor_list(out), results = to_tensor_list(result.get());
    if (outs.size() != results.size())
        fail_type(str("expected tuple of ", results.size(), " elements but got ", outs.size()));
    rule.rule = Rule::Same;
    rule.text = kSame;
    for (size_t i = 0; i < outs.size(); ++i) write(rule, outs[i], results[i], operands);
    return check(PySequence_Tuple(out)).release();
}

}  // namespace wg::py
