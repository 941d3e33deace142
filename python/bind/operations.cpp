// torch.NAME and Tensor.NAME for every row of elementwise.def and structural.def.
// An Operation is the Python callable; call_unary and call_binary are its fast ways in, call_any matches
// the overloads one after the other.
#include "args.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "ops/functions.h"
#include "ops/old_forms.h"

namespace wg::py {
namespace {

using namespace forms;

struct Operation {
    PyObject_HEAD vectorcallfunc vectorcall;
    const char* name;
    Op op;  // of an elementwise row
    bool is_method;
    bool is_inplace;
    bool takes_number;  // as the second operand
    const std::vector<Overload>* overloads;
};

PyTypeObject *function_type_ = nullptr, *method_type_ = nullptr;

Operation* as_operation(PyObject* o) { return reinterpret_cast<Operation*>(o); }

// --- elementwise rows as overloads ---

struct RowCall {
    Op op;
    int n_parameters;
    bool is_inplace;
    int out;  // index of the out parameter, or -1
};

bool accepts_tensor(PyObject* o) { return is_tensor(o); }

// op with a factor on the second operand: x.add(y, alpha=2)
std::optional<Op> scaled(Op op) {
    if (op == Op::add) return Op::add_scaled;
    if (op == Op::sub) return Op::sub_scaled;
    return std::nullopt;
}

PyObject* invoke_row(PyObject* const* values, const void* context) {
    const auto& c = *static_cast<const RowCall*>(context);
    const RowInfo& r = row(c.op);
    SmallVector<Arg, 3> args;
    for (int i = 0; i < r.arity; ++i) args.push_back(Convert<Arg>::get(values[i]));
    Params p;
    Op op = c.op;
    for (int i = 0; i < c.n_parameters && !scaled(op); ++i)
        p.p[i] = to_scalar(values[r.arity + i]).to_double();
    Tensor multiple;
    if (const auto with_alpha = scaled(op)) {
        WG_CHECK(!PyComplex_Check(values[r.arity]),
                 "For non-complex input tensors, argument alpha must not be a complex number.");
        const Scalar alpha = to_scalar(values[r.arity]);
        const bool whole = alpha.category() == Category::Integral;
        if (!whole || alpha.to_int() != 1) {
            op = *with_alpha;
            p = alpha_params(alpha);
            const DType result = result_type({args.data(), args.size()});
            if (result == DType::Bool) {
                p.p[0] = alpha.to_bool();
            } else if (whole && std::fabs(p.p[0]) > 0x1p53 && is_integral(result)) {
                multiple = binary(Op::mul, args[1], alpha);  // more digits than a double has
                args[1] = Arg(multiple);
                p.p[0] = 1;
            }
        }
    }
    Tensor number;
    if (std::none_of(args.begin(), args.end(), [](const Arg& a) { return a.is_tensor(); })) {
        number = wrapped_number(args[0].scalar());
        args[0] = Arg(number);
    }
    const Args span{args.data(), args.size()};
    if (c.is_inplace) return wrap(elementwise_(op, tensor_of(values[0]), span, p));
    if (c.out >= 0 && values[c.out] != Py_None)
        return wrap(
            elementwise_out(op, tensor_of(values[c.out]), span, p, op == c.op ? nullptr : r.name));
    return wrap(elementwise(op, span, p));
}

const char* operand_names(Op op, int arity) {
    switch (op) {
    case Op::pow: return "input, exponent";
    case Op::lerp: return "input, end, weight";
    case Op::addcmul:
    case Op::addcdiv: return "input, tensor1, tensor2";
    case Op::clamp_min: return "input, min";
    case Op::clamp_max: return "input, max";
    default: return arity == 1 ? "input" : "input, other";
    }
}

// What may stand in the place of an operand: a tensor, a number, or either.
enum class Operand : char { Tensor = 'T', Number = 'N', Either = 'E' };

// alpha; a complex one is refused later, with a reason.
bool accepts_factor(PyObject* o) { return PyComplex_Check(o) || Convert<double>::accepts(o); }

bool accepts_number(PyObject* o) { return !is_tensor(o) && Convert<Arg>::accepts(o); }

// The overloads of a row, as PyTorch lists them: one letter per operand. An overload that starts with a
// number is a function only.
std::vector<const char*> operand_kinds(Op op, int arity, std::string_view name = {}) {
    // Of these, only the first name takes numbers on both sides.
    if (name == "multiply" || name == "divide" || name == "true_divide" || name == "floor_divide")
        return {"TT", "TN"};
    switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::floor_divide: return {"EE"};
    case Op::pow:
    case Op::remainder:
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor:
    case Op::xlogy: return {"TT", "NT", "TN"};
    case Op::fmod:
    case Op::clamp_min:
    case Op::clamp_max:
    case Op::eq:
    case Op::ne:
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge: return {"TT", "TN"};
    case Op::lerp: return {"TTT", "TTN"};
    default: return {arity == 1 ? "T" : arity == 2 ? "TT" : "TTT"};
    }
}

bool takes_number(Op op) {
    return row(op).arity == 2 && std::strcmp(operand_kinds(op, 2).back(), "TT") != 0;
}

Overload row_overload(Op op, const char* kinds, bool is_method, bool is_inplace) {
    const RowInfo& r = row(op);
    std::string signature = operand_names(op, r.arity);
    const bool keyword_only = op == Op::addcmul || op == Op::addcdiv;
    std::string parameters = r.parameters;
    const bool alpha = scaled(op).has_value();
    if (alpha) parameters = "alpha=1";
    if (!parameters.empty()) signature += (keyword_only || alpha ? ", *, " : ", ") + parameters;
    const bool number_first = Operand(kinds[0]) == Operand::Number;
    if (number_first) signature.replace(0, std::strlen("input"), "self");
    const bool has_out = (r.forms & OUT) && !is_method && !is_inplace &&
                         (!number_first || op == Op::pow || op == Op::xlogy);
    if (has_out) signature += std::string(keyword_only || alpha ? "" : ", *") + ", out=None";

    Overload o;
    std::vector<Parameter> names = parse_signature(signature.c_str());
    std::vector<Type> types;
    o.forms = number_first ? r.forms & ~unsigned(METHOD) : r.forms;
    if (!has_out) o.forms &= ~unsigned(OUT);
    auto* call = new RowCall{op, int(names.size()) - r.arity - has_out, is_inplace,
                             has_out ? int(names.size()) - 1 : -1};  // lives as long as the module
    for (int i = 0; i < r.arity; ++i) {
        const auto kind = Operand(kinds[i]);
        const bool tensor_only = kind == Operand::Tensor || (i == 0 && is_inplace);
        types.push_back({tensor_only               ? accepts_tensor
                         : kind == Operand::Number ? accepts_number
                                                   : Convert<Arg>::accepts,
                         kind == Operand::Number ? "Number" : "Tensor"});
    }
    for (int i = 0; i < call->n_parameters; ++i)
        types.push_back({alpha ? accepts_factor : Convert<double>::accepts, "Number"});
    if (has_out) types.push_back({Convert<OptTensor>::accepts, "Tensor", false, true});
    o.set(std::move(names), std::move(types));
    o.function = call;
    o.invoke = invoke_row;
    return o;
}

// --- calling ---

PyObject* call_overload(const Operation& op, const Overload& o, PyObject** values) {
    if (!op.is_inplace || o.invoke == invoke_row) return o.invoke(values, o.function);
    // The in-place form of an operation that is defined out of place.
    PyObject* self = values[0];
    if (o.write) {
        o.write(values, o.function, tensor_of(self), nullptr);
        return Py_NewRef(self);
    }
    bool others = false;
    for (size_t i = 1; i < o.parameters.size(); ++i)
        if (values[i] && is_tensor(values[i]))
            others = others || requires_grad(tensor_of(values[i]));
    inplace(tensor_of(self), others, [&](const Tensor& snapshot) {
        const Object wrapped = check(wrap(snapshot));
        values[0] = wrapped.get();
        const Object result = check(o.invoke(values, o.function));
        values[0] = self;
        return tensor_of(result.get());
    });
    return Py_NewRef(self);
}

PyObject* call_any(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Operation& op = *as_operation(self);
        const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
        if (op.is_method && (nargs < 1 || !is_tensor(args[0])))
            fail_type(str("descriptor '", op.name,
                          "' for 'torch._C.TensorBase' objects doesn't apply to a '",
                          nargs < 1 ? "NoneType" : Py_TYPE(args[0])->tp_name, "' object"));
        PyObject* values[kMaxParameters];
        Object temporary;
        for (const Overload& o : *op.overloads) {
            if (!o.match(args, nargs, kwnames, values, temporary, op.name, op.is_method, nullptr))
                continue;
            if (o.forms & DEPRECATED) warn_deprecated(op.name, *op.overloads, o, op.is_method);
            return o.out < 0 || values[o.out] == Py_None ? call_overload(op, o, values)
                                                         : call_with_out(op.name, o, values);
        }
        fail_call(op.name, *op.overloads, args, nargs, kwnames, op.is_method);
    });
}

PyObject* call_unary(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames || !is_tensor(args[0])) [[unlikely]]
        return call_any(self, args, nargsf, kwnames);
    return guarded([&] { return wrap(unary(as_operation(self)->op, tensor_of(args[0]))); });
}

PyObject* call_binary(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames || !is_tensor(args[0]) ||
        !(is_tensor(args[1]) || (as_operation(self)->takes_number && is_number(args[1]))))
        [[unlikely]]
        return call_any(self, args, nargsf, kwnames);
    return guarded([&] {
        const Arg operands[] = {tensor_of(args[0]), Convert<Arg>::get(args[1])};
        return wrap(elementwise(as_operation(self)->op, operands));
    });
}

// --- the callable types ---

PyObject* bind_method(PyObject* self, PyObject* object, PyObject*) {
    if (!object || object == Py_None) return Py_NewRef(self);
    return PyMethod_New(self, object);
}

PyObject* get_name(PyObject* o, void*) { return PyUnicode_FromString(as_operation(o)->name); }
PyObject* get_module(PyObject*, void*) { return PyUnicode_FromString("torch"); }
PyObject* get_doc(PyObject* o, void*) {
    const Operation& op = *as_operation(o);
    std::string doc;
    for (const Overload& v : *op.overloads)
        doc += (doc.empty() ? "" : "\n") + std::string(op.name) + v.describe(op.is_method);
    return PyUnicode_FromString(doc.c_str());
}
PyObject* operation_repr(PyObject* o) {
    const Operation& op = *as_operation(o);
    if (op.is_method)
        return PyUnicode_FromFormat("<method '%s' of 'torch._C.TensorBase' objects>", op.name);
    return PyUnicode_FromFormat("<built-in method %s of type object at %p>", op.name, o);
}
PyObject* operation_reduce(PyObject* o, PyObject*) { return get_name(o, nullptr); }

PyMethodDef operation_methods_[] = {
    {"__reduce__", operation_reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef operation_properties_[] = {
    {"__name__", get_name, nullptr, nullptr, nullptr},
    {"__qualname__", get_name, nullptr, nullptr, nullptr},
    {"__module__", get_module, nullptr, nullptr, nullptr},
    {"__doc__", get_doc, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMemberDef operation_members_[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Operation, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyTypeObject* make_type(const char* name, bool binds) {
    std::vector<PyType_Slot> slots = {
        {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
        {Py_tp_repr, reinterpret_cast<void*>(operation_repr)},
        {Py_tp_getset, operation_properties_},
        {Py_tp_methods, operation_methods_},
        {Py_tp_members, operation_members_},
    };
    if (binds) slots.push_back({Py_tp_descr_get, reinterpret_cast<void*>(bind_method)});
    slots.push_back({0, nullptr});
    unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
    if (binds) flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Spec spec = {name, sizeof(Operation), 0, flags, slots.data()};
    return reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec)).release());
}

struct Entry {
    std::vector<Overload> overloads, methods, inplace;
    unsigned forms = 0;
    Op op = Op::count;
};

Object make_operation(const std::string& name, const Entry& e, bool is_method, bool is_inplace) {
    std::vector<Overload> overloads;
    for (const Overload& o : is_inplace ? e.inplace : is_method ? e.methods : e.overloads)
        if (o.forms & (is_method ? METHOD : FUNCTION | NN)) overloads.push_back(o);
    auto* op = PyObject_New(Operation, is_method ? method_type_ : function_type_);
    if (!op) throw PythonError{};
    op->name = (new std::string(name))->c_str();  // operations live as long as the module
    op->op = e.op;
    op->is_method = is_method;
    op->is_inplace = is_inplace;
    op->takes_number = e.op != Op::count && takes_number(e.op);
    op->overloads = new std::vector<Overload>(overloads);
    op->vectorcall = call_any;
    if (e.op != Op::count && !is_inplace && overloads.front().invoke == invoke_row) {
        const RowInfo& r = row(e.op);
        if (r.arity == 1 && !*r.parameters) op->vectorcall = call_unary;
        if (r.arity == 2) op->vectorcall = call_binary;
    }
    return Object::steal(reinterpret_cast<PyObject*>(op));
}

std::map<std::string, Entry> collect_entries() {
    std::map<std::string, Entry> entries;
    const auto add_row = [&](const char* name, Op op) {
        const RowInfo& r = row(op);
        if (r.forms == NOWHERE) return;
        Entry& e = entries[name];
        e.op = op;
        e.forms |= r.forms;
        for (const char* kinds : operand_kinds(op, r.arity, name)) {
            e.overloads.push_back(row_overload(op, kinds, false, false));
            if (Operand(kinds[0]) == Operand::Number) continue;
            if (r.forms & METHOD) e.methods.push_back(row_overload(op, kinds, true, false));
            if (r.forms & INPLACE) e.inplace.push_back(row_overload(op, kinds, true, true));
        }
    };
    for (int i = 0; i < kNumOps; ++i) add_row(row(Op(i)).name, Op(i));
#define WG_ALIAS(alias, name) add_row(#alias, Op::name);
#include "ops/elementwise.def"

    const auto add = [&](const char* name, unsigned forms, Overload o) {
        Entry& e = entries[name];
        e.forms |= forms;
        if (forms & INPLACE) e.inplace.push_back(o);
        if (forms & METHOD) e.methods.push_back(o);
        if (forms & OUT) o.add_out();
        e.overloads.push_back(std::move(o));
    };
#define WG_OP(name, forms, signature, function) \
    add(#name, forms, Overload::of(signature, forms, function));
#define WG_FN(type, function) static_cast<std::add_pointer_t<type>>(function)
#include "ops/structural.def"
    return entries;
}

}  // namespace

void fail_type(const std::string& message) { fail(ErrorKind::Type, message); }

void add_operations(PyObject* module) {
    function_type_ = make_type("torch.builtin_function", false);
    method_type_ = make_type("torch.builtin_method", true);
    Object nn = check(PyModule_New("whygrad._C._nn"));
    Object names = check(PyList_New(0));
    for (const auto& entry : collect_entries()) {
        const std::string& name = entry.first;  // a lambda cannot capture structured bindings
        const Entry& e = entry.second;
        const auto put = [&](PyObject* where, const std::string& as, bool is_method,
                             bool is_inplace) {
            check(PyObject_SetAttrString(where, as.c_str(),
                                         make_operation(as, e, is_method, is_inplace).get()));
        };
        if (e.forms & FUNCTION) {
            put(module, name, false, false);
            check(PyList_Append(names.get(), check(PyUnicode_FromString(name.c_str())).get()));
        }
        if (e.forms & METHOD) put(reinterpret_cast<PyObject*>(tensor_type), name, true, false);
        if (e.forms & NN) put(nn.get(), name, false, false);
        if (!e.inplace.empty()) {
            const std::string in_place = name + "_";
            if (e.forms & METHOD)
                put(reinterpret_cast<PyObject*>(tensor_type), in_place, true, true);
            if (e.forms & FUNCTION) {
                put(module, in_place, false, true);
                check(PyList_Append(names.get(),
                                    check(PyUnicode_FromString(in_place.c_str())).get()));
            }
            if (e.forms & NN) put(nn.get(), in_place, false, true);
        }
    }
    check(PyModule_AddObjectRef(module, "_nn", nn.get()));
    check(PyModule_AddObjectRef(module, "_function_names", names.get()));
}

}  // namespace wg::py
