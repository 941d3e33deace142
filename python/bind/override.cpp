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

// The class's __torch_function__, borrowed; null if it has none, or the one of classes that override nothing.
PyObject* override_of(PyTypeObject* type) noexcept {
    if (type == parameter_type_) return nullptr;
    PyObject* f = _PyType_Lookup(type, name_);
    return f == disabled_ ? nullptr : f;
}
bool type_overrides(PyTypeObject* type) noexcept {
    return type != tensor_type && override_of(type);
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
    return type_overrides(type) && found(o);
}
constexpr int kDepth = 2;  // x[[[subclass]]] is looked into, and lists of tensors are

using Asked = SmallVector<PyObject*, 4>;

// One argument of each class, subclasses before their bases, else in order.
void add_asked(PyObject* arg, Asked& asked) {
    size_t at = asked.size();
    for (size_t i = 0; i < asked.size(); ++i) {
        if (Py_TYPE(asked[i]) == Py_TYPE(arg)) return;
        if (at == asked.size() && PyType_IsSubtype(Py_TYPE(arg), Py_TYPE(asked[i]))) at = i;
    }
    asked.insert(at, arg);
}
void collect(PyObject* o, Told told, Asked& asked) {
    if (told == Told::Function) {  // what is in lists is no argument of its own
        if (override_of(Py_TYPE(o))) add_asked(o, asked);
        return;
    }
    any_overriding(o, kDepth, [&](PyObject* arg) {
        add_asked(arg, asked);
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

Object tuple_of_types(const Asked& asked) {
    Object types = check(PyTuple_New(Py_ssize_t(asked.size())));
    for (size_t i = 0; i < asked.size(); ++i)
        PyTuple_SET_ITEM(types.get(), Py_ssize_t(i),
                         Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(asked[i]))));
    return types;
}

std::string repr(PyObject* o) {
    const Object r = check(PyObject_Repr(o));
    return PyUnicode_AsUTF8(r.get());
}
std::string text_attribute(PyObject* o, const char* name) {
    const Object a = check(PyObject_GetAttrString(o, name));
    const Object text = check(PyObject_Str(a.get()));
    return PyUnicode_AsUTF8(text.get());
}

// PyTorch's name of a function in Python.
std::string public_name(PyObject* function) {
    std::string module = text_attribute(function, "__module__");
    for (const auto& [ours, theirs] : {std::pair<std::string_view, const char*>{"whygrad", "torch"},
                                       {"_functions", "functional"}})
        if (const size_t at = module.find(ours); at != module.npos)
            module.replace(at, ours.size(), theirs);
    return module + "." + text_attribute(function, "__name__");
}

Object attribute_of_tensor(const char* name) {
    return check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
}

Object callable_of(const Call& call) {
    if (call.callable) return Object::borrow(call.callable);
    Object f = attribute_of_tensor(call.name);
    return call.accessor ? check(PyObject_GetAttrString(f.get(), call.accessor)) : f;
}

[[noreturn]] void fail_unanswered(const Call& call, const Asked& asked, PyObject* mode) {
    if (call.told == Told::Function) {
        const Object types = check(PySequence_List(tuple_of_types(asked).get()));
        fail_type(str("no implementation found for '",
                      call.callable ? public_name(call.callable) : str("torch._tensor.", call.name),
                      "' on types that implement __torch_function__: ", repr(types.get()),
                      mode ? " nor in mode " + repr(mode) : ""));
    }
    std::string text = str("Multiple dispatch failed for '", call.where, call.name,
                           call.accessor ? "." : "", call.accessor ? call.accessor : "",
                           "'; all __torch_function__ handlers returned NotImplemented:\n\n");
    const auto line = [&](const char* what, PyObject* o) {
        text += str("  - ", what, repr(o), "\n");
    };
    if (mode) line("mode object ", mode);
    for (PyObject* o : asked) line("tensor subclass ", reinterpret_cast<PyObject*>(Py_TYPE(o)));
    text += "\nFor more information, try re-running with TORCH_LOGS=not_implemented";
    fail_type(text);
}

bool has_mode() noexcept { return !thread_.modes.empty() && thread_.asks != Asks::Nobody; }

// What the mode and the classes say; NotImplemented from all of them is an error, but of operators.
Object answer(const Call& call, const Asked& asked, PyObject* args, PyObject* kwargs) {
    const Object callable = callable_of(call);
    Asked listed = asked;
    // In PyTorch, what takes no arguments names the class of the tensor whoever asks.
    if (call.told == Told::Self && asked.empty()) listed.push_back(call.args[0]);
    const Object types = tuple_of_types(listed);
    Object mode, result;
    if (has_mode()) {
        // The mode's own calls go to the one around it.
        mode = pop_mode();
        struct Restore {
            PyObject* mode;
            ~Restore() { push_mode(mode); }
        } restore{mode.get()};
        result = ask(mode.get(), callable.get(), types.get(), args, kwargs);
        if (result.get() != Py_NotImplemented) return result;
    }
    for (PyObject* o : asked) {
        warn_of_method(o);
        result = ask(o, callable.get(), types.get(), args, kwargs);
        if (result.get() != Py_NotImplemented) return result;
    }
    if (!call.is_operator) fail_unanswered(call, asked, mode.get());
    return result;
}

// The class of the results if all who are asked have what Tensor has for __torch_function__, and the first is
// the most derived: then it need not be called. Else null.
PyTypeObject* class_of_results(const Asked& asked) noexcept {
    PyTypeObject* first = asked.empty() ? nullptr : Py_TYPE(asked[0]);
    for (PyObject* o : asked)
        if (override_of(Py_TYPE(o)) != default_ || !PyType_IsSubtype(first, Py_TYPE(o)))
            return nullptr;
    return first;
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
    const auto is_changed = [](PyObject* item) {
        return is_tensor(item) || PyTuple_Check(item) || PyList_Check(item);
    };
    PyObject** const items = PySequence_Fast_ITEMS(o);
    if (std::none_of(items, items + PySequence_Fast_GET_SIZE(o), is_changed)) return value;
    const Object list = check(PySequence_List(o));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
        Object item = converted(Object::borrow(PyList_GET_ITEM(list.get(), i)), cls);
        check(PyList_SetItem(list.get(), i, item.release()));
    }
    if (PyList_CheckExact(o)) return list;
    return check(PyObject_CallOneArg(reinterpret_cast<PyObject*>(Py_TYPE(o)), list.get()));
}

// What these give belongs to others, and keeps its class.
constexpr const char* kept_properties_[] = {"_base", "grad", "_grad"};

Object nowrap_functions() {
    Object all = check(PySet_New(nullptr));
    for (const char* name : kept_properties_) {
        const Object property = attribute_of_tensor(name);
        check(PySet_Add(all.get(), check(PyObject_GetAttrString(property.get(), "__get__")).get()));
    }
    return all;
}
bool gives_as_it_is(PyObject* callable) {
    static PyObject* const kept = nowrap_functions().release();
    static PyTypeObject* const kind =
        Py_TYPE(check(PyObject_GetAttrString(attribute_of_tensor("grad").get(), "__get__")).get());
    if (Py_TYPE(callable) != kind) return false;
    const int found = PySet_Contains(kept, callable);
    check(found);
    return found;
}
bool gives_as_it_is(const Call& call) noexcept {
    return call.accessor && std::any_of(std::begin(kept_properties_), std::end(kept_properties_),
                                        [&](std::string_view name) { return name == call.name; });
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

// Functions in Python do not ask a class that says `_overrides_operations_only`: it hears of what they call.
bool overrides_functions(PyTypeObject* type) noexcept {
    static PyObject* const name = PyUnicode_InternFromString("_overrides_operations_only");
    return type_overrides(type) && !_PyType_Lookup(type, name);
}
bool anybody_overrides(PyObject* const* args, Py_ssize_t n) noexcept {
    if (has_mode()) return true;
    return thread_.asks == Asks::Everybody && std::any_of(args, args + n, [](PyObject* o) {
               return !is_plain(o) && overrides_functions(Py_TYPE(o));
           });
}
PyObject* has_override(PyObject*, PyObject* o) {
    return PyBool_FromLong(!is_plain(o) && anybody_overrides(&o, 1));
}
PyObject* has_override_among(PyObject*, PyObject* const* args, Py_ssize_t n) {
    return PyBool_FromLong(anybody_overrides(args, n));
}
PyObject* has_override_in(PyObject*, PyObject* sequence) {
    return guarded([&] {
        const Object args = check(PySequence_Fast(sequence, "expected a sequence"));
        return PyBool_FromLong(anybody_overrides(PySequence_Fast_ITEMS(args.get()),
                                                 PySequence_Fast_GET_SIZE(args.get())));
    });
}
// (function, those to be asked, args, kwargs or None, name of an operation or None): what they answer to a
// function in Python, or to one that is an operation of this name in PyTorch.
PyObject* handle(PyObject*, PyObject* const* args, Py_ssize_t n) {
    return guarded([&]() -> PyObject* {
        if (n != 5 || !PyTuple_Check(args[2])) fail_type("_handle_torch_function: wrong arguments");
        const Object among = check(PySequence_Fast(args[1], "expected a sequence"));
        PyObject* kwargs = args[3] == Py_None ? nullptr : args[3];
        Call call{"", "", PySequence_Fast_ITEMS(among.get()),
                  PySequence_Fast_GET_SIZE(among.get())};
        call.callable = args[0];
        if (args[4] == Py_None) call.told = Told::Function;
        else if (!(call.name = PyUnicode_AsUTF8(args[4]))) throw PythonError{};
        Asked asked;
        if (thread_.asks == Asks::Everybody)
            for (Py_ssize_t i = 0; i < call.nargs; ++i) collect(call.args[i], call.told, asked);
        PyTypeObject* cls = has_mode() ? nullptr : class_of_results(asked);
        if (!cls) return answer(call, asked, args[2], kwargs).release();
        Object result;
        {
            const Asking no_subclass(Asks::Modes);
            result = check(PyObject_Call(args[0], args[2], kwargs));
        }
        return converted(std::move(result), reinterpret_cast<PyObject*>(cls)).release();
    });
}
PyObject* get_nowrap_functions(PyObject*, PyObject*) {
    return guarded([&] { return nowrap_functions().release(); });
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
        WG_CHECK(i >= 0 && size_t(i) < thread_.modes.size(),
                 "Tried to get stack at idx that's too big");
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
    {"_has_torch_function_unary", has_override, METH_O, nullptr},
    {"_has_torch_function_variadic", c_function(has_override_among), METH_FASTCALL, nullptr},
    {"_handle_torch_function", c_function(handle), METH_FASTCALL, nullptr},
    {"_get_nowrap_functions", get_nowrap_functions, METH_NOARGS, nullptr},
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

PyObject* get_property(PyObject* self, void* closure) {
    const auto& p = *static_cast<const PyGetSetDef*>(closure);
    if (!is_plain(self)) [[unlikely]] {
        Call call = call_of_method(p.name, &self, 1, nullptr, Told::Self);
        call.accessor = "__get__";
        call.is_question = true;
        if (const Answer a = ask_overrides(call, [&] { return p.get(self, p.closure); }))
            return a.result;
    }
    return p.get(self, p.closure);
}
int set_property(PyObject* self, PyObject* value, void* closure) {
    const auto& p = *static_cast<const PyGetSetDef*>(closure);
    if (!is_plain(self)) [[unlikely]] {
        PyObject* args[] = {self, value};
        Call call = call_of_method(p.name, args, value ? 2 : 1, nullptr, Told::Self);
        call.accessor = value ? "__set__" : "__delete__";
        call.n_asked = 1;
        call.is_question = true;
        const auto plainly = [&] {
            return p.set(self, value, p.closure) == 0 ? Py_NewRef(Py_None) : nullptr;
        };
        if (const Answer a = ask_overrides(call, plainly)) {
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
bool class_overrides(PyObject* o) noexcept { return type_overrides(Py_TYPE(o)); }

Answer ask_overrides(const Call& call, Plainly plainly) noexcept {
    const bool mode = has_mode();
    const bool profiled = !call.is_question && is_to_be_profiled();
    if (!mode && thread_.asks != Asks::Everybody && !profiled) return {};
    return guarded(
        [&]() -> Answer {
            const Py_ssize_t n_named = call.kwnames ? PyTuple_GET_SIZE(call.kwnames) : 0;
            const Py_ssize_t n = call.n_asked < 0 ? call.nargs + n_named : call.n_asked;
            Asked asked;
            if (thread_.asks == Asks::Everybody)
                for (Py_ssize_t i = 0; i < n; ++i) collect(call.args[i], call.told, asked);
            if (!mode) {
                const auto profile = [&] {
                    return profiled_call(callable_of(call).get(), call.name, call.args, call.nargs,
                                         call.kwnames);
                };
                if (std::none_of(asked.begin(), asked.end(), class_overrides))
                    return profiled ? Answer{true, profile().release()} : Answer{};
                if (PyTypeObject* cls = class_of_results(asked)) {
                    const Asking no_subclass(Asks::Modes);
                    Object result = profiled ? profile() : check(plainly());
                    if (gives_as_it_is(call)) return {true, result.release()};
                    return {
                        true,
                        converted(std::move(result), reinterpret_cast<PyObject*>(cls)).release()};
                }
            }
            const Object args = check(PyTuple_New(call.nargs));
            for (Py_ssize_t i = 0; i < call.nargs; ++i)
                PyTuple_SET_ITEM(args.get(), i, Py_NewRef(call.args[i]));
            Object kwargs;
            if (n_named || call.told == Told::Function) kwargs = check(PyDict_New());
            for (Py_ssize_t i = 0; i < n_named; ++i)
                check(PyDict_SetItem(kwargs.get(), PyTuple_GET_ITEM(call.kwnames, i),
                                     call.args[call.nargs + i]));
            try {
                return {true, answer(call, asked, args.get(), kwargs.get()).release()};
            } catch (...) {
                if (!call.is_operator) throw;
                set_python_error();
                if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw PythonError{};
                PyErr_Clear();
                return {true, Py_NewRef(Py_NotImplemented)};
            }
        },
        Answer{true, nullptr});
}

Answer ask_modes(PyObject* module, const char* name, PyObject* const* args, Py_ssize_t nargs,
                 PyObject* kwnames) noexcept {
    const Object callable = Object::steal(PyObject_GetAttrString(module, name));
    if (!callable) return {true, nullptr};
    Call call{"torch.", name, args, nargs, kwnames};
    call.callable = callable.get();
    call.n_asked = 0;
    call.is_question = true;
    return ask_overrides(call, [] { return Py_NewRef(Py_NotImplemented); });
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
        return as_subclass(self, type).release();
    });
}

PyGetSetDef overridable_property(const PyGetSetDef& property) {
    return {property.name, get_property, property.set ? set_property : nullptr, property.doc,
            new PyGetSetDef(property)};
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
