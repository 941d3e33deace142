// Start with ask_overrides(). Tensor.__torch_function__, which subclasses inherit, is default_override().
#include "override.h"

#include <pybind11/pybind11.h>

#include <vector>

#include "args.h"
#include "ops/functions.h"
#include "profiler.h"
#include "tensor_type.h"

namespace wg::py {

PyTypeObject* plain_types[2] = {nullptr, nullptr};
int open_modes = 0;

namespace {

PyObject* name_ = nullptr;  // "__torch_function__"
PyObject* default_ = nullptr;  // as Tensor has it
PyObject* disabled_ = nullptr;  // as classes have it that override nothing
PyTypeObject* parameter_type_ = nullptr;

enum class Asks : int { Everybody, Modes, Nobody };
struct ThreadState {
    Asks asks = Asks::Everybody;
    std::vector<PyObject*> modes;  // owned, the innermost last
};
thread_local ThreadState thread_;

void push_mode(PyObject* mode) {
    thread_.modes.push_back(Py_NewRef(mode));
    count_open_modes(+1);
}
Object pop_mode() {
    PyObject* mode = thread_.modes.back();
    thread_.modes.pop_back();
    count_open_modes(-1);
    return Object::steal(mode);
}

class Asking {
public:
    explicit Asking(Asks a) noexcept : previous_(std::exchange(thread_.asks, a)) {}
    ~Asking() { thread_.asks = previous_; }
    Asking(const Asking&) = delete;

private:
    Asks previous_;
};

bool class_overrides(PyTypeObject* type) noexcept {
    if (type == tensor_type || type == parameter_type_) return false;
    const PyObject* f = _PyType_Lookup(type, name_);
    return f && f != disabled_;
}

constexpr unsigned long kSimple = Py_TPFLAGS_LONG_SUBCLASS | Py_TPFLAGS_UNICODE_SUBCLASS |
                                  Py_TPFLAGS_BYTES_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS |
                                  Py_TPFLAGS_TYPE_SUBCLASS;

template <class F>
bool any_overriding(PyObject* o, int depth, F&& found) {
    PyTypeObject* type = Py_TYPE(o);
    if (type->tp_flags & kSimple || o == Py_None || PyFloat_CheckExact(o)) return false;
    if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
        bool any = false;
        for (Py_ssize_t i = 0; depth > 0 && i < PySequence_Fast_GET_SIZE(o); ++i)
            any |= any_overriding(PySequence_Fast_GET_ITEM(o, i), depth - 1, found);
        return any;
    }
    return class_overrides(type) && found(o);
}
constexpr int kDepth = 2;  // x[[[subclass]]] is looked into, and lists of tensors are

// One argument of each class, subclasses before their bases, else in order.
void collect(PyObject* o, std::vector<PyObject*>& overriding) {
    any_overriding(o, kDepth, [&](PyObject* arg) {
        auto at = overriding.end();
        for (auto i = overriding.begin(); i != overriding.end(); ++i) {
            if (Py_TYPE(*i) == Py_TYPE(arg)) return true;
            if (at == overriding.end() && PyType_IsSubtype(Py_TYPE(arg), Py_TYPE(*i))) at = i;
        }
        overriding.insert(at, arg);
        return true;
    });
}

Object ask(PyObject* who, PyObject* callable, PyObject* types, PyObject* args, PyObject* kwargs) {
    const Object f = check(PyObject_GetAttr(who, name_));
    return check(PyObject_CallFunctionObjArgs(f.get(), callable, types, args, kwargs, nullptr));
}

void warn_of_method(PyObject* who) {
    const Object f = check(PyObject_GetAttr(who, name_));
    if (PyMethod_Check(f.get()) && PyMethod_GET_SELF(f.get()) == who)
        warn_once(
            WarningKind::User,
            "Defining your `__torch_function__` as a plain method is deprecated and will be an error in future, please "
            "define it as a classmethod. (Triggered internally at "
            "/__w/pytorch/pytorch/torch/csrc/utils/python_arg_parser.cpp:359.)");
}

[[noreturn]] void fail_unanswered(const char* where, const char* name,
                                  const std::vector<PyObject*>& overriding, PyObject* mode) {
    std::string text = str("Multiple dispatch failed for '", where, name,
                           "'; all __torch_function__ handlers returned NotImplemented:\n\n");
    const auto line = [&](const char* what, PyObject* o) {
        const Object r = check(PyObject_Repr(o));
        text += str("  - ", what, PyUnicode_AsUTF8(r.get()), "\n");
    };
    if (mode) line("mode object ", mode);
    for (PyObject* o : overriding)
        line("tensor subclass ", reinterpret_cast<PyObject*>(Py_TYPE(o)));
    text += "\nFor more information, try re-running with TORCH_LOGS=not_implemented";
    fail_type(text);
}

// The answer, or NotImplemented of all who were asked. Null when there was nobody to ask.
Object answer(PyObject* callable, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
              std::vector<PyObject*>& overriding, Object& mode) {
    const Py_ssize_t n_named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (thread_.asks == Asks::Everybody)
        for (Py_ssize_t i = 0; i < nargs + n_named; ++i) collect(args[i], overriding);
    const bool has_mode = !thread_.modes.empty() && thread_.asks != Asks::Nobody;
    if (overriding.empty() && !has_mode) return {};

    const Object positional = check(PyTuple_New(nargs));
    for (Py_ssize_t i = 0; i < nargs; ++i)
        PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
    Object named;
    if (n_named) named = check(PyDict_New());
    for (Py_ssize_t i = 0; i < n_named; ++i)
        check(PyDict_SetItem(named.get(), PyTuple_GET_ITEM(kwnames, i), args[nargs + i]));
    const Object types = check(PyTuple_New(Py_ssize_t(overriding.size())));
    for (size_t i = 0; i < overriding.size(); ++i)
        PyTuple_SET_ITEM(types.get(), Py_ssize_t(i),
                         Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(overriding[i]))));

    Object result;
    if (has_mode) {
        // The mode's own calls go to the one around it.
        mode = pop_mode();
        struct Restore {
            PyObject* mode;
            ~Restore() { push_mode(mode); }
        } restore{mode.get()};
        result = ask(mode.get(), callable, types.get(), positional.get(), named.get());
        if (result.get() != Py_NotImplemented) return result;
    }
    for (PyObject* o : overriding) {
        warn_of_method(o);
        result = ask(o, callable, types.get(), positional.get(), named.get());
        if (result.get() != Py_NotImplemented) return result;
    }
    return result;
}

// The same, where "no answer from anybody" is an error.
Object final_answer(PyObject* callable, const char* where, const char* name, PyObject* const* args,
                    Py_ssize_t nargs, PyObject* kwnames) {
    std::vector<PyObject*> overriding;
    Object mode;
    Object r = answer(callable, args, nargs, kwnames, overriding, mode);
    if (r && r.get() == Py_NotImplemented) fail_unanswered(where, name, overriding, mode.get());
    return r;
}

Object attribute_of_tensor(const char* name) {
    return check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
}

template <class F>
Answer guarded_answer(F&& f) noexcept {
    return guarded(
        [&] {
            Object r = f();
            return r ? Answer{true, r.release()} : Answer{};
        },
        Answer{true, nullptr});
}

// --- what a class that overrides nothing inherits ---

Object as_subclass(PyObject* tensor, PyTypeObject* cls) {
    Tensor t = alias_view(tensor_of(tensor));
    return check(cls == tensor_type ? wrap(std::move(t)) : wrap_as(cls, std::move(t)));
}

Object converted(Object value, PyObject* cls) {
    PyObject* o = value.get();
    if (is_tensor(o)) {
        const int is = PyObject_IsInstance(o, cls);
        check(is);
        return is ? value : as_subclass(o, reinterpret_cast<PyTypeObject*>(cls));
    }
    if (!PyTuple_Check(o) && !PyList_Check(o)) return value;
    const Object list = check(PySequence_List(o));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
        Object item = converted(Object::borrow(PyList_GET_ITEM(list.get(), i)), cls);
        check(PyList_SetItem(list.get(), i, item.release()));
    }
    if (PyList_CheckExact(o)) return list;
    return check(PyObject_CallOneArg(reinterpret_cast<PyObject*>(Py_TYPE(o)), list.get()));
}

// What these give belongs to others, and keeps its class.
bool gives_as_it_is(PyObject* callable) {
    static PyObject* const kept[] = {
        PyObject_GetAttrString(attribute_of_tensor("_base").get(), "__get__"),
        PyObject_GetAttrString(attribute_of_tensor("grad").get(), "__get__")};
    if (Py_TYPE(callable) != Py_TYPE(kept[0])) return false;
    for (PyObject* k : kept) {
        const int same = PyObject_RichCompareBool(callable, k, Py_EQ);
        check(same);
        if (same) return true;
    }
    return false;
}

PyObject* default_override(PyObject* cls, PyObject* const* given, Py_ssize_t n, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        PyObject* v[4] = {nullptr, nullptr, nullptr, nullptr};
        static const char* const names[] = {"func", "types", "args", "kwargs"};
        std::copy_n(given, std::min<Py_ssize_t>(n, 4), v);
        for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
            for (int k = 0; k < 4; ++k)
                if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), names[k]) == 0)
                    v[k] = given[n + i];
        if (!v[0] || !v[1] || n > 4)
            fail_type("__torch_function__() takes func, types, args=() and kwargs=None");
        const Object types = check(PySequence_Tuple(v[1]));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types.get()); ++i) {
            const int is = PyObject_IsSubclass(cls, PyTuple_GET_ITEM(types.get(), i));
            check(is);
            if (!is) return Py_NewRef(Py_NotImplemented);
        }
        const Object args = v[2] ? check(PySequence_Tuple(v[2])) : check(PyTuple_New(0));
        PyObject* kwargs = v[3] == Py_None ? nullptr : v[3];
        Object result;
        {
            const Asking no_subclass(std::max(thread_.asks, Asks::Modes));
            result = check(PyObject_Call(v[0], args.get(), kwargs));
        }
        if (cls == reinterpret_cast<PyObject*>(tensor_type) || gives_as_it_is(v[0]))
            return result.release();
        return converted(std::move(result), cls).release();
    });
}

PyObject* disabled_override(PyObject*, PyObject* given) {
    return guarded([&] {
        PyObject *func, *types, *args = nullptr, *kwargs = nullptr;
        if (!PyArg_ParseTuple(given, "OO|OO", &func, &types, &args, &kwargs)) throw PythonError{};
        const Object positional = args ? check(PySequence_Tuple(args)) : check(PyTuple_New(0));
        const Asking no_subclass(std::max(thread_.asks, Asks::Modes));
        return PyObject_Call(func, positional.get(), kwargs == Py_None ? nullptr : kwargs);
    });
}

template <class F>
PyCFunction c_function(F* f) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef default_method_ = {"__torch_function__", c_function(default_override),
                               METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
                               "Runs `func` and gives its result in the class of the operand."};
PyMethodDef disabled_function_ = {"_disabled_torch_function_impl", disabled_override, METH_VARARGS,
                                  "The __torch_function__ of classes that override nothing."};

// --- questions from Python ---

bool anybody_overrides(PyObject* const* args, Py_ssize_t n) {
    if (!thread_.modes.empty() && thread_.asks != Asks::Nobody) return true;
    return thread_.asks == Asks::Everybody && std::any_of(args, args + n, [](PyObject* o) {
               return !is_plain(o) && class_overrides(Py_TYPE(o));
           });
}
PyObject* has_override(PyObject*, PyObject* const* args, Py_ssize_t n) {
    return PyBool_FromLong((open_modes || n) && anybody_overrides(args, n));
}
PyObject* has_override_in(PyObject*, PyObject* sequence) {
    return guarded([&] {
        const Object args = check(PySequence_Fast(sequence, "expected a sequence"));
        return PyBool_FromLong(anybody_overrides(PySequence_Fast_ITEMS(args.get()),
                                                 PySequence_Fast_GET_SIZE(args.get())));
    });
}
PyObject* push(PyObject*, PyObject* mode) {
    push_mode(mode);
    Py_RETURN_NONE;
}
PyObject* pop(PyObject*, PyObject*) {
    return guarded([&] {
        WG_CHECK(!thread_.modes.empty(), "trying to pop from empty mode stack");
        return pop_mode().release();
    });
}
PyObject* length(PyObject*, PyObject*) { return PyLong_FromSize_t(thread_.modes.size()); }
PyObject* at(PyObject*, PyObject* index) {
    return guarded([&] {
        const long i = PyLong_AsLong(index);
        if (i == -1 && PyErr_Occurred()) throw PythonError{};
        WG_CHECK(i >= 0 && size_t(i) < thread_.modes.size(), "no mode at index ", i);
        return Py_NewRef(thread_.modes[size_t(i)]);
    });
}
PyObject* is_enabled(PyObject*, PyObject*) {
    return PyBool_FromLong(thread_.asks == Asks::Everybody);
}
PyObject* is_all_disabled(PyObject*, PyObject*) {
    return PyBool_FromLong(thread_.asks == Asks::Nobody);
}
// The class that is, beside Tensor, the one of most arguments and overrides nothing.
PyObject* set_parameter_type(PyObject*, PyObject* type) {
    parameter_type_ = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
    count_open_modes(0);
    Py_RETURN_NONE;
}

PyMethodDef functions_[] = {
    {"_has_torch_function", has_override_in, METH_O, nullptr},
    {"_has_torch_function_unary", c_function(has_override), METH_FASTCALL, nullptr},
    {"_has_torch_function_variadic", c_function(has_override), METH_FASTCALL, nullptr},
    {"_push_on_torch_function_stack", push, METH_O, nullptr},
    {"_pop_torch_function_stack", pop, METH_NOARGS, nullptr},
    {"_len_torch_function_stack", length, METH_NOARGS, nullptr},
    {"_get_function_stack_at", at, METH_O, nullptr},
    {"_is_torch_function_enabled", is_enabled, METH_NOARGS, nullptr},
    {"_is_torch_function_all_disabled", is_all_disabled, METH_NOARGS, nullptr},
    {"_set_parameter_type", set_parameter_type, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// As context managers; `kind` is what they disable.
template <Asks kind>
struct Disable {
    std::vector<Asks> previous;
    void enter() { previous.push_back(std::exchange(thread_.asks, std::max(thread_.asks, kind))); }
    void exit(const pybind11::args&) {
        if (previous.empty()) return;
        thread_.asks = previous.back();
        previous.pop_back();
    }
};
template <Asks kind>
void add_disable(pybind11::module_& m, const char* name) {
    using D = Disable<kind>;
    pybind11::class_<D>(m, name)
        .def(pybind11::init<>())
        .def("__enter__", &D::enter)
        .def("__exit__", &D::exit);
}

struct Accessors {
    PyGetSetDef plain;
};
PyObject* get_property(PyObject* self, void* closure) {
    const PyGetSetDef& p = static_cast<Accessors*>(closure)->plain;
    if (!is_plain(self)) [[unlikely]]
        if (const Answer a = ask_overrides_of_property(p.name, "__get__", &self, 1))
            return a.result;
    return p.get(self, p.closure);
}
int set_property(PyObject* self, PyObject* value, void* closure) {
    const PyGetSetDef& p = static_cast<Accessors*>(closure)->plain;
    if (!is_plain(self) || (value && may_be_overridden(&value, 1))) [[unlikely]] {
        PyObject* args[] = {self, value};
        const char* how = value ? "__set__" : "__delete__";
        if (const Answer a = ask_overrides_of_property(p.name, how, args, value ? 2 : 1)) {
            Py_XDECREF(a.result);
            return a.result ? 0 : -1;
        }
    }
    return p.set(self, value, p.closure);
}

}  // namespace

void count_open_modes(int change) {
    open_modes += change;
    plain_types[0] = open_modes ? nullptr : tensor_type;
    plain_types[1] = open_modes ? nullptr : parameter_type_;
}

OverrideState exchange_overrides(OverrideState state) {
    OverrideState before{int(thread_.asks), std::move(thread_.modes)};
    thread_.asks = Asks(state.asks);
    thread_.modes = std::move(state.modes);
    return before;
}

bool may_override(PyObject* o) noexcept {
    return any_overriding(o, kDepth, [](PyObject*) { return true; });
}

Answer ask_overrides(PyObject* callable, const char* where, const char* name, PyObject* const* args,
                     Py_ssize_t nargs, PyObject* kwnames) {
    return guarded_answer([&] {
        Object r = final_answer(callable, where, name, args, nargs, kwnames);
        return !r && is_to_be_profiled() ? profiled_call(callable, name, args, nargs, kwnames) : r;
    });
}

Answer ask_overrides_of_operator(const char* method, PyObject* a, PyObject* b) {
    return guarded_answer([&] {
        PyObject* const args[] = {a, b};
        if (!may_be_overridden(args, 2)) return Object();
        std::vector<PyObject*> overriding;
        Object mode;
        const Object callable = attribute_of_tensor(method);
        Object r = answer(callable.get(), args, 2, nullptr, overriding, mode);
        return !r && is_to_be_profiled() ? profiled_call(callable.get(), method, args, 2, nullptr)
                                         : r;
    });
}

Answer ask_overrides_of_method(const char* method, bool is_question, PyObject* const* args,
                               Py_ssize_t nargs, PyObject* kwnames) {
    const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (!may_be_overridden(args, n)) return {};
    return guarded_answer([&] {
        const Object callable = attribute_of_tensor(method);
        Object r = final_answer(callable.get(), "torch.Tensor.", method, args, nargs, kwnames);
        return !r && !is_question && is_to_be_profiled()
                   ? profiled_call(callable.get(), method, args, nargs, kwnames)
                   : r;
    });
}

Answer ask_overrides_of_property(const char* property, const char* accessor, PyObject* const* args,
                                 Py_ssize_t nargs) {
    if (!may_be_overridden(args, nargs)) return {};
    return guarded_answer([&] {
        const Object callable =
            check(PyObject_GetAttrString(attribute_of_tensor(property).get(), accessor));
        const std::string name = str(property, ".", accessor);
        return final_answer(callable.get(), "torch.Tensor.", name.c_str(), args, nargs, nullptr);
    });
}

PyObject* as_subclass_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser("as_subclass", false, {"object cls"});
        PyObject* cls;
        Object temporary;
        parser.parse(args, nargs, kwnames, &cls, temporary);
        if (!PyType_Check(cls))
            fail_type(str("cls must be a type (got ", Py_TYPE(cls)->tp_name, ")"));
        auto* type = reinterpret_cast<PyTypeObject*>(cls);
        if (!PyType_IsSubtype(type, tensor_type))
            fail_type(
                "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your "
                "class inherits from Tensor.");
        return as_subclass(self, type).release();
    });
}

PyGetSetDef overridable_property(const PyGetSetDef& property) {
    auto* accessors = new Accessors{property};
    return {property.name, get_property, property.set ? set_property : nullptr, property.doc,
            accessors};
}

void add_overrides(PyObject* module) {
    name_ = check(PyUnicode_InternFromString("__torch_function__")).release();
    default_ = check(PyDescr_NewClassMethod(tensor_type, &default_method_)).release();
    check(PyDict_SetItem(tensor_type->tp_dict, name_, default_));
    PyType_Modified(tensor_type);
    disabled_ = check(PyCFunction_New(&disabled_function_, nullptr)).release();
    check(PyModule_AddObjectRef(module, disabled_function_.ml_name, disabled_));
    check(PyModule_AddFunctions(module, functions_));
    count_open_modes(0);
    auto m = pybind11::reinterpret_borrow<pybind11::module_>(module);
    add_disable<Asks::Modes>(m, "DisableTorchFunctionSubclass");
    add_disable<Asks::Nobody>(m, "DisableTorchFunction");
}

}  // namespace wg::py
