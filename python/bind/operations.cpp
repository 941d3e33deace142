// torch.NAME and Tensor.NAME for every row of elementwise.def and structural.def.
// An Operation is what a Python callable stands for; call_unary and call_binary are its fast ways in, call_any matches
// the overloads one after the other.
#include "args.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "ops/checked_scalar.h"
#include "ops/functions.h"
#include "ops/old_forms.h"
#include "override.h"
#include "storage.h"

namespace wg::py {
namespace {

using namespace forms;

struct Operation {
    PyObject_HEAD vectorcallfunc vectorcall;
    const char* name;
    const char* home;
    Op op;  // of an elementwise row
    bool is_method;
    bool is_inplace;
    bool writes;  // to its first operand
    bool takes_number;  // as the second operand
    bool draws;  // random numbers
    bool takes_self;  // and nothing else, a method
    const char* where;  // for errors: "torch.linalg."
    const std::vector<Overload>* overloads;
    PyObject* callable;  // what Python finds under the name; borrowed, the module keeps it
    PyMethodDef definition;  // its
    PyObject* named_results
        [2];  // the types of result tuples, without and with out=; found when first needed
};

// Functions are built-in functions whose __self__ is an Operation; methods find theirs by number.
PyTypeObject* operation_type_ = nullptr;

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

// Where numbers count as tensors, PyTorch takes one for out= as well: a tensor that is written and returned.
template <class F>
PyObject* with_out(PyObject* out, F write) {
    Tensor target = is_tensor(out) ? tensor_of(out) : wrapped_number(to_scalar(out));
    target->wrapped_number = false;
    write(target);
    return wrap(target);
}

void set_parameter(Params& p, int i, const Scalar& value, const RowInfo& r, const Arg& first) {
    const Complex<double> z = value.to_complex();
    p.p[i] = z.re;
    if (value.category() == Category::Integral) p.whole |= uint8_t(1u << i);
    if (z.im == 0) return;
    if (r.is_complex) p.p[2] = z.im;
    else if (!is_complex(first))  // complex operands are refused later
        check_fits(value, first.is_tensor() ? first.tensor().dtype() : default_dtype());
}

PyObject* invoke_row(PyObject* const* values, const void* context) {
    const auto& c = *static_cast<const RowCall*>(context);
    const RowInfo& r = row(c.op);
    SmallVector<Arg, 3> args;
    for (int i = 0; i < r.arity; ++i) args.push_back(Convert<Arg>::get(values[i]));
    Params p;
    Op op = c.op;
    for (int i = 0; i < c.n_parameters && !scaled(op); ++i)
        set_parameter(p, i, to_scalar(values[r.arity + i]), r, args[0]);
    Tensor multiple;
    if (const auto with_alpha = scaled(op)) {
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
    return with_a_tensor(Args{args.data(), args.size()}, [&](Args operands) -> PyObject* {
        if (c.is_inplace) return wrap(elementwise_(op, tensor_of(values[0]), operands, p));
        if (c.out >= 0 && values[c.out] != Py_None)
            return with_out(values[c.out], [&](Tensor& out) {
                elementwise_out(op, out, operands, p, op == c.op ? nullptr : r.name);
            });
        return wrap(elementwise(op, operands, p));
    });
}

// What may stand in the place of an operand: a tensor, a number, or either.
enum class Operand : char { Tensor = 'T', Number = 'N', Either = 'E' };

bool accepts_number(PyObject* o) { return !is_tensor(o) && Convert<Arg>::accepts(o); }

// Whether numbers count as tensors, in every place.
bool counts_numbers(Op op) {
    return op == Op::add || op == Op::sub || op == Op::mul || op == Op::div ||
           op == Op::floor_divide;
}

// The overloads of a row, as PyTorch lists them: one letter per operand. An overload that starts with a
// number is a function only.
std::vector<const char*> operand_kinds(Op op, int arity, std::string_view name = {}) {
    // As the other names of these, but messages list a second overload, and its alpha goes by position.
    if (name == "multiply" || name == "subtract" || name == "floor_divide") return {"EE", "TN"};
    if (counts_numbers(op)) return {"EE"};
    switch (op) {
    case Op::pow:
    case Op::remainder:
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor:
    case Op::bitwise_left_shift:
    case Op::bitwise_right_shift:
    case Op::xlogy: return {"TT", "NT", "TN"};
    case Op::copysign:
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

Overload row_overload(Op op, unsigned row_forms, const char* kinds, bool is_method,
                      bool is_inplace) {
    const RowInfo& r = row(op);
    std::string signature = r.operands[0];
    for (int i = 1; i < r.arity; ++i) signature += str(", ", r.operands[i]);
    const bool keyword_only = op == Op::addcmul || op == Op::addcdiv;
    std::string parameters = r.parameters;
    const bool alpha = scaled(op).has_value();
    if (alpha) parameters = "alpha=1";
    const bool star = keyword_only || (alpha && Operand(kinds[1]) != Operand::Number);
    if (!parameters.empty()) signature += (star ? ", *, " : ", ") + parameters;
    const bool number_first = Operand(kinds[0]) == Operand::Number;
    if (number_first) signature.replace(0, std::strlen("input"), "self");
    const bool has_out = (row_forms & OUT) && !is_method && !is_inplace &&
                         (!number_first || op == Op::pow || op == Op::xlogy) &&
                         !(counts_numbers(op) && kinds[1] == 'N');
    if (has_out) signature += std::string(star ? "" : ", *") + ", out=None";

    Overload o;
    std::vector<Parameter> names = parse_signature(signature.c_str());
    std::vector<Type> types;
    if (r.is_test && !(is_inplace && *r.node)) row_forms |= OWN_FAULTS;
    o.forms = number_first ? row_forms & ~unsigned(METHOD) : row_forms;
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
        types.push_back({Convert<Scalar>::accepts, "Number"});
    const bool numbers = Operand(kinds[0]) == Operand::Either;
    if (has_out)
        types.push_back(
            {numbers ? Convert<std::optional<Arg>>::accepts : Convert<OptTensor>::accepts, "Tensor",
             false, true});
    o.set(std::move(names), std::move(types));
    o.function = call;
    o.invoke = invoke_row;
    return o;
}

// --- calling ---

// A tuple of results as the type of that name in return_types, where there is one.
PyObject* named(Operation& op, bool with_out, Object tuple) {
    PyObject*& type = op.named_results[with_out];
    if (!type) {
        static PyObject* const types =
            check(PyImport_ImportModule("whygrad.return_types")).release();
        const std::string name = std::string(op.name) + (with_out ? "_out" : "");
        type = PyObject_GetAttrString(types, name.c_str());
        if (!type) {
            PyErr_Clear();
            type = Py_NewRef(Py_None);
        }
    }
    return type == Py_None ? tuple.release() : PyObject_CallOneArg(type, tuple.get());
}

PyObject* call_overload(const Operation& op, const Overload& o, PyObject** values) {
    if (!op.is_inplace || o.invoke == invoke_row) return o.invoke(values, o.function);
    // The in-place form of an operation that is defined out of place.
    PyObject* self = values[0];
    if (o.write) {
        o.write(values, o.function, tensor_of(self), nullptr);
        return Py_NewRef(self);
    }
    const Tensor& target = tensor_of(self);
    TensorList others;
    for (size_t i = 1; i < o.parameters.size(); ++i) {
        if (is_tensor(values[i])) others.push_back(tensor_of(values[i]));
        else if (values[i] == Py_None && o.parameters[i].name == "dtype")
            values[i] = dtype_object(target.dtype());
    }
    inplace(tensor_of(self), others, [&](const Tensor& snapshot) {
        const Object wrapped = check(wrap(snapshot));
        PyObject* read[kMaxParameters];
        std::copy_n(values, o.parameters.size(), read);
        read[0] = wrapped.get();
        const Object result = check(o.invoke(read, o.function));
        const Tensor& value = tensor_of(result.get());
        const char* bad = "Bad in-place call: input tensor ";
        WG_CHECK(same_shape(value.sizes(), target.sizes()), bad, "size ", to_string(target.sizes()),
                 " and output tensor size ", to_string(value.sizes()), " should match");
        WG_CHECK(value.dtype() == target.dtype(), bad, "dtype ", info(target.dtype()).c_name,
                 " and output tensor dtype ", info(value.dtype()).c_name, " should match");
        return value;
    });
    return Py_NewRef(self);
}

// Note [Who draws]
// While a vmap runs on this thread, random operations ask it, with function, tuple and dict, before they draw;
// NotImplemented says to go on (_batching/random.py). A mode of __torch_function__ could not stand for this: modes
// answer calls, from the outside, and this decides what a call that nobody has answered draws. A mode is put aside
// while it answers, and programs can list, pop and disable modes; within all of these `torch.rand` is still to draw
// for the samples of the vmap, after every mode and every class has had its say. And with a mode open no call is
// plain, Note [Plain arguments], which would slow down all the operations that draw nothing. Watchers
// (tensor/watch.h) hear of C++ functions, which know nothing of batched tensors.
thread_local PyObject* drawer_ = nullptr;

PyObject* set_random_interception(PyObject*, PyObject* drawer) {
    Py_XDECREF(std::exchange(drawer_, drawer == Py_None ? nullptr : Py_NewRef(drawer)));
    Py_RETURN_NONE;
}

Object ask_drawer(PyObject* callable, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    const Object drawer = Object::borrow(drawer_);
    const Object given = check(PyTuple_New(nargs));
    for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(given.get(), i, Py_NewRef(args[i]));
    const Object named = check(PyDict_New());
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
        if (PyDict_SetItem(named.get(), PyTuple_GET_ITEM(kwnames, i), args[nargs + i]))
            throw PythonError{};
    return check(
        PyObject_CallFunctionObjArgs(drawer.get(), callable, given.get(), named.get(), nullptr));
}

PyObject* call_matching(Operation& op, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        if (op.draws && drawer_) [[unlikely]] {
            Object drawn = ask_drawer(op.callable, args, nargs, kwnames);
            if (drawn.get() != Py_NotImplemented) return drawn.release();
        }
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
            const bool with_out = o.out >= 0 && values[o.out] != Py_None;
            const auto call = [&] {
                return with_out ? call_with_out(op.name, o, values) : call_overload(op, o, values);
            };
            const auto look = [&] {
                const size_t last = o.parameters.size() - 1;
                const bool given_out = o.parameters[last].name == "out" && values[last] != Py_None;
                if (!given_out && !(o.forms & OWN_FAULTS))
                    check_histories({values, last + 1}, op.writes);
            };
            const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
            PyObject* result = naming_write(op.name, n ? args[n - 1] : nullptr,
                                            [&] { return with_histories(call, look); });
            return o.gives_tuple ? named(op, with_out, check(result)) : result;
        }
        fail_call(op.name, *op.overloads, args, nargs, kwnames, op.is_method);
    });
}

[[gnu::noinline]] Answer ask(Operation& op, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames, Plainly plainly) {
    Call call{op.where, op.name, args, nargs, kwnames};
    call.callable = op.callable;
    if (op.takes_self && nargs == 1) call.told = Told::Self;
    return ask_overrides(call, plainly);
}

PyObject* call_any(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    Operation& op = *as_operation(self);
    const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    const auto plainly = [&] { return call_matching(op, args, nargs, kwnames); };
    if (may_be_overridden(args, nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0))) [[unlikely]]
        if (const Answer a = ask(op, args, nargs, kwnames, plainly)) return a.result;
    return plainly();
}

PyObject* apply_unary(Op op, PyObject* a) {
    return guarded([&] { return wrap(unary(op, tensor_of(a))); });
}
PyObject* call_unary(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames || !is_tensor(args[0])) [[unlikely]]
        return call_any(self, args, nargsf, kwnames);
    Operation& op = *as_operation(self);
    if (!is_plain(args[0])) [[unlikely]]
        if (const Answer a = ask(op, args, 1, nullptr, [&] { return apply_unary(op.op, args[0]); }))
            return a.result;
    return apply_unary(op.op, args[0]);
}

PyObject* apply_binary(Op op, PyObject* const* args) {
    return guarded([&] {
        return with_histories(
            [&] {
                const Arg operands[] = {tensor_of(args[0]), Convert<Arg>::get(args[1])};
                return wrap(elementwise(op, operands));
            },
            [&] {
                if (!row(op).is_test) check_histories({args, 2}, false);
            });
    });
}
PyObject* call_binary(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
    Operation& op = *as_operation(self);
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames || !is_tensor(args[0]) ||
        !(is_tensor(args[1]) || (op.takes_number && is_number(args[1])))) [[unlikely]]
        return call_any(self, args, nargsf, kwnames);
    if (!is_plain(args[0]) || (!is_plain(args[1]) && is_tensor(args[1]))) [[unlikely]]
        if (const Answer a = ask(op, args, 2, nullptr, [&] { return apply_binary(op.op, args); }))
            return a.result;
    return apply_binary(op.op, args);
}

// --- the callable types ---

std::string doc_of(const Operation& op) {
    std::string doc;
    for (const Overload& v : *op.overloads)
        doc += (doc.empty() ? "" : "\n") + std::string(op.name) + v.describe(op.is_method);
    return doc;
}

// A built-in function is pickled as an attribute of its __self__: that becomes the module.
PyObject* function_reduce(PyObject* o, PyObject*) {
    return guarded([&] {
        const Object importlib = check(PyImport_ImportModule("importlib"));
        const Object load = check(PyObject_GetAttrString(importlib.get(), "import_module"));
        return Py_BuildValue("O(s)", load.get(), as_operation(o)->home);
    });
}

PyMethodDef function_methods_[] = {
    {"__reduce__", function_reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// --- the entries of methods ---
//
// Methods are method descriptors like those of any type in C, as in PyTorch. The interpreter's short way of calling these is
// for objects of exactly their type, and Tensor derives from it; what it does else is to look up `vectorcall`, which is
// ours. Only a bound method calls the definition's function, which has no context, so that there is one for each method.

PyObject* call_descriptor(PyObject* descriptor, PyObject* const* args, size_t nargsf,
                          PyObject* kwnames) {
    auto* const definition =
        reinterpret_cast<char*>(reinterpret_cast<PyMethodDescrObject*>(descriptor)->d_method);
    auto* const op = reinterpret_cast<Operation*>(definition - offsetof(Operation, definition));
    return op->vectorcall(reinterpret_cast<PyObject*>(op), args, nargsf, kwnames);
}

constexpr int kMaxMethods = 1024;
Operation* methods_[kMaxMethods];
int n_methods_ = 0;

PyObject* call_method(Operation& op, PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                      PyObject* kwnames) {
    auto* const callable = reinterpret_cast<PyObject*>(&op);
    const Py_ssize_t n = 1 + nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject* few[8];
    few[0] = self;
    if (n <= 8) [[likely]] {
        for (Py_ssize_t i = 1; i < n; ++i) few[i] = args[i - 1];
        return op.vectorcall(callable, few, size_t(nargs + 1), kwnames);
    }
    return guarded([&] {
        std::vector<PyObject*> many(args, args + n - 1);
        many.insert(many.begin(), self);
        return op.vectorcall(callable, many.data(), size_t(nargs + 1), kwnames);
    });
}

template <int I>
PyObject* method_entry(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return call_method(*methods_[I], self, args, nargs, kwnames);
}
constexpr auto kMethodEntries = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<FastFunction*, sizeof...(I)>{method_entry<I>...};
}(std::make_integer_sequence<int, kMaxMethods>());

// PyTorch's functions are methods of a type, and say so: "built-in method add of type object at ...".
PyType_Slot function_slots_[] = {{Py_tp_methods, function_methods_}, {0, nullptr}};
PyType_Spec function_spec_ = {"builtins.type", sizeof(Operation), 0, Py_TPFLAGS_DEFAULT,
                              function_slots_};

PyTypeObject* make_type(PyType_Spec& spec) {
    return reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec)).release());
}

constexpr const char* kHome = "whygrad._C";  // of the functions of torch

struct Entry {
    std::vector<Overload> overloads, methods, inplace;
    unsigned forms = 0;
    Op op = Op::count;
};

// The callable of that name; `home` is the module that has it, null for a method.
Object make_operation(const std::string& name, const Entry& e, const char* home, bool is_inplace) {
    const bool is_method = !home;
    std::vector<Overload> overloads;
    for (const Overload& o : is_inplace ? e.inplace : is_method ? e.methods : e.overloads)
        if (o.forms & (is_method ? METHOD : FUNCTION | NN)) overloads.push_back(o);
    auto* op = PyObject_New(Operation, operation_type_);
    if (!op) throw PythonError{};
    op->name = (new std::string(name))->c_str();  // operations live as long as the module
    op->home = home;
    op->op = e.op;
    op->is_method = is_method;
    op->is_inplace = is_inplace;
    op->writes = name.back() == '_' && name[0] != '_';
    op->takes_number = e.op != Op::count && takes_number(e.op);
    op->draws = name == "dropout" ||
                std::any_of(overloads.begin(), overloads.end(),
                            [](const Overload& o) { return o.has_parameter("generator"); });
    op->takes_self = is_method && std::all_of(overloads.begin(), overloads.end(),
                                              [](auto& o) { return o.parameters.size() == 1; });
    op->where = is_method                         ? "torch.Tensor."
                : name.starts_with("linalg_")     ? "torch.linalg."
                : name.starts_with("special_")    ? "torch.special."
                : home == std::string_view(kHome) ? "torch."
                                                  : "torch.nn.";
    op->overloads = new std::vector<Overload>(overloads);
    op->named_results[0] = op->named_results[1] = nullptr;
    op->vectorcall = call_any;
    if (e.op != Op::count && !is_inplace && overloads.front().invoke == invoke_row) {
        const RowInfo& r = row(e.op);
        if (r.arity == 1 && !*r.parameters) op->vectorcall = call_unary;
        if (r.arity == 2) op->vectorcall = call_binary;
    }
    Object self = Object::steal(reinterpret_cast<PyObject*>(op));
    WG_CHECK(n_methods_ < kMaxMethods, "too many methods");
    const auto call =
        is_method ? fast_function(kMethodEntries[size_t(n_methods_)])
                  : reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(op->vectorcall));
    op->definition = {op->name, call, METH_FASTCALL | METH_KEYWORDS,
                      (new std::string(doc_of(*op)))->c_str()};
    if (is_method) {
        Object method = check(PyDescr_NewMethod(tensor_type->tp_base, &op->definition));
        reinterpret_cast<PyMethodDescrObject*>(method.get())->vectorcall = call_descriptor;
        op->callable = method.get();
        methods_[n_methods_++] = reinterpret_cast<Operation*>(self.release());
        return method;
    }
    static PyObject* const torch = check(PyUnicode_InternFromString("torch")).release();
    Object function = check(PyCFunction_NewEx(&op->definition, self.get(), torch));
    op->callable = function.get();
    return function;
}

std::map<std::string, Entry> collect_entries() {
    std::map<std::string, Entry> entries;
    const auto add_row = [&](const char* name, Op op, unsigned forms) {
        const RowInfo& r = row(op);
        if (forms == NOWHERE) return;
        Entry& e = entries[name];
        e.op = op;
        e.forms |= forms;
        for (const char* kinds : operand_kinds(op, r.arity, name)) {
            e.overloads.push_back(row_overload(op, forms, kinds, false, false));
            if (Operand(kinds[0]) == Operand::Number) continue;
            if (forms & METHOD) e.methods.push_back(row_overload(op, forms, kinds, true, false));
            if (forms & INPLACE) e.inplace.push_back(row_overload(op, forms, kinds, true, true));
        }
    };
    for (int i = 0; i < kNumOps; ++i) add_row(row(Op(i)).name, Op(i), row(Op(i)).forms);
#define WG_ALIAS(alias, name, forms) add_row(#alias, Op::name, forms);
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

bool vmap_is_running() { return drawer_; }

void fail_type(const std::string& message) { fail(ErrorKind::Type, message); }

void add_operations(PyObject* module) {
    static PyMethodDef functions[] = {
        {"_set_random_interception", set_random_interception, METH_O, nullptr},
        {nullptr, nullptr, 0, nullptr},
    };
    check(PyModule_AddFunctions(module, functions));
    Object aliases = check(PyList_New(0));
#define WG_ALIAS(alias, name, forms) \
    check(PyList_Append(aliases.get(), check(PyUnicode_FromString(#alias)).get()));
#include "ops/elementwise.def"
    check(PyObject_SetAttrString(module, "_elementwise_aliases", aliases.get()));
    operation_type_ = make_type(function_spec_);
    operation_type_->tp_name = "type";  // a spec must name a module
    static constexpr const char* nn_home = "whygrad._C._nn";
    PyObject* nn = PyImport_AddModule(nn_home);  // borrowed
    if (!nn) throw PythonError{};
    const Object machinery = check(PyImport_ImportModule("importlib.machinery"));
    const Object spec =
        check(PyObject_CallMethod(machinery.get(), "ModuleSpec", "sO", nn_home, Py_None));
    check(PyObject_SetAttrString(nn, "__spec__", spec.get()));
    Object names = check(PyList_New(0));
    for (const auto& entry : collect_entries()) {
        const std::string& name = entry.first;  // a lambda cannot capture structured bindings
        const Entry& e = entry.second;
        const auto put = [&](PyObject* where, const char* home, bool is_inplace) {
            const std::string as = name + (is_inplace ? "_" : "");
            check(PyObject_SetAttrString(where, as.c_str(),
                                         make_operation(as, e, home, is_inplace).get()));
            if (where == module)
                check(PyList_Append(names.get(), check(PyUnicode_FromString(as.c_str())).get()));
        };
        auto* const methods = reinterpret_cast<PyObject*>(tensor_type);
        if (e.forms & FUNCTION) put(module, kHome, false);
        if (e.forms & METHOD) put(methods, nullptr, false);
        if (e.forms & NN) put(nn, nn_home, false);
        if (e.inplace.empty()) continue;
        if (e.forms & INPLACE_FUNCTION) put(module, kHome, true);
        if (e.forms & METHOD) put(methods, nullptr, true);
        if (e.forms & NN) put(nn, nn_home, true);
    }
    check(PyModule_AddObjectRef(module, "_nn", nn));
    check(PyModule_AddObjectRef(module, "_function_names", names.get()));
}

}  // namespace wg::py
