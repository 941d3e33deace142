// __torch_function__: calls that an argument's class, or a mode that is open, answers in place of whygrad.
// Every entry from Python asks first, and is_plain() answers for nearly all: start there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "python.h"

namespace wg::py {

// Note [Plain arguments]
// Tensor and Parameter are the classes of nearly all arguments, and neither overrides anything. While a mode
// is open on some thread, which may answer any call, both places are null: then no argument is plain, every call
// takes the slow way round, and no call needs a second test.
extern PyTypeObject* plain_types[2];
inline bool is_plain(PyObject* o) noexcept {
    return Py_TYPE(o) == plain_types[0] || Py_TYPE(o) == plain_types[1];
}
// The same for operands, which may be numbers; with a mode open there is a tensor beside every number.
inline bool is_plain_operand(PyObject* o) noexcept {
    return is_plain(o) || PyFloat_CheckExact(o) || PyLong_CheckExact(o);
}

extern int open_modes;  // on all threads; a profiler counts as one
void count_open_modes(int change);

// The open modes of this thread, handed to one that goes on in its place; gives back what was in their place.
struct OverrideState {
    int asks = 0;
    std::vector<PyObject*> modes;
};
OverrideState exchange_overrides(OverrideState state);

// Whether the class of an argument, or of an element of a list or tuple, may override a call.
bool may_override(PyObject* o) noexcept;
inline bool may_be_overridden(PyObject* const* args, Py_ssize_t n) noexcept {
    return open_modes ||
           std::any_of(args, args + n, [](PyObject* o) { return !is_plain(o) && may_override(o); });
}

// What came of asking; without an answer the call goes on.
struct Answer {
    bool given = false;
    PyObject* result = nullptr;  // null: an exception is set
    explicit operator bool() const noexcept { return given; }
};

// How those who may answer are told of a call. PyTorch has one way for what takes arguments in C, one for its
// methods without arguments and its properties, and one for its functions in Python.
enum class Told : char {
    Operation,  // types: those that override; keywords if there are any
    Self,  // types: at least that of the tensor; keywords if there are any
    Function,  // types: all that have __torch_function__, Tensor too; keywords always
};

// A call: positional arguments, then those that `kwnames` names. `where` and `name` say for errors what was
// called: "torch.", "add".
struct Call {
    const char* where;
    const char* name;
    PyObject* const* args;
    Py_ssize_t nargs;
    PyObject* kwnames = nullptr;
    Told told = Told::Operation;
    PyObject* callable = nullptr;  // null: what Tensor has under the name
    const char* accessor = nullptr;  // of a property: "__get__"
    Py_ssize_t n_asked = -1;  // the arguments whose classes are asked; all if negative
    bool is_question = false;  // makes no tensor, and is not in profiles
    // Of an operator "no answer from anybody", and a TypeError of those who answer, are NotImplemented.
    bool is_operator = false;
};

// What the call does when the class of an argument has nothing to say but what Tensor says: a function object
// that lives in the caller.
class Plainly {
public:
    template <class F>
    Plainly(const F& f) noexcept
        : function_(&f),
          call_([](const void* g) -> PyObject* { return (*static_cast<const F*>(g))(); }) {}
    PyObject* operator()() const { return call_(function_); }

private:
    const void* function_;
    PyObject* (*call_)(const void*);
};

// Asks the open mode and the classes of the arguments.
Answer ask_overrides(const Call& call, Plainly plainly) noexcept;

inline Call call_of_method(const char* name, PyObject* const* args, Py_ssize_t nargs,
                           PyObject* kwnames = nullptr, Told told = Told::Operation,
                           bool is_question = false) {
    Call call{"torch.Tensor.", name, args, nargs, kwnames, told};
    call.is_question = is_question;
    return call;
}

// Asks the open mode about a function of the module.
Answer ask_modes(PyObject* module, const char* name, PyObject* const* args, Py_ssize_t nargs,
                 PyObject* kwnames = nullptr) noexcept;

// Whether the object's own class may override calls.
bool class_overrides(PyObject* o) noexcept;

// --- the entries of method tables, each with the question in front ---

template <size_t N>
struct Literal {
    char text[N];
    constexpr Literal(const char (&s)[N]) { std::copy_n(s, N, text); }
};
using FastFunction = PyObject*(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

inline PyCFunction fast_function(FastFunction* f) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

template <Literal name, bool is_question, PyCFunction F>
PyObject* overridable(PyObject* self, PyObject* none) {
    if (!is_plain(self)) [[unlikely]]
        if (const Answer a =
                ask_overrides(call_of_method(name.text, &self, 1, nullptr, Told::Self, is_question),
                              [&] { return F(self, none); }))
            return a.result;
    return F(self, none);
}
template <Literal name, bool is_question, FastFunction* F, Told told>
PyObject* overridable_fast(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                           PyObject* kwnames) {
    const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (!is_plain(self) || (n && may_be_overridden(args, n))) [[unlikely]] {
        PyObject* all[32] = {self};
        if (n < 32) {
            std::copy_n(args, n, all + 1);
            if (const Answer a = ask_overrides(
                    call_of_method(name.text, all, nargs + 1, kwnames, told, is_question),
                    [&] { return F(self, args, nargs, kwnames); }))
                return a.result;
        }
    }
    return F(self, args, nargs, kwnames);
}
// `asked` is the name under which those who answer hear of it.
template <Literal name, auto F, Literal asked = name, Told told = Told::Operation,
          bool is_question = false>
PyMethodDef method(const char* doc = nullptr) {
    if constexpr (std::is_convertible_v<decltype(F), FastFunction*>) {
        return {name.text, fast_function(overridable_fast<asked, is_question, F, told>),
                METH_FASTCALL | METH_KEYWORDS, doc};
    } else {
        return {name.text, overridable<asked, is_question, F>, METH_NOARGS, doc};
    }
}
template <Literal name, auto F, Literal asked = name>
PyMethodDef question(const char* doc = nullptr) {
    return method<name, F, asked, Told::Operation, true>(doc);
}
// A function of the module that modes are asked about, but not the classes of its arguments.
template <Literal name, FastFunction* F>
PyObject* asked_of_modes(PyObject* module, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
    if (open_modes) [[unlikely]]
        if (const Answer a = ask_modes(module, name.text, args, nargs, kwnames)) return a.result;
    return F(module, args, nargs, kwnames);
}
template <Literal name, FastFunction* F>
PyMethodDef creator(const char* doc = nullptr) {
    return {name.text, fast_function(asked_of_modes<name, F>), METH_FASTCALL | METH_KEYWORDS, doc};
}
// A property that asks before it gets and sets; lives as long as the type.
PyGetSetDef overridable_property(const PyGetSetDef& property);

// Whether a vmap runs on this thread; operations.cpp.
bool vmap_is_running();

void add_overrides(PyObject* module);

}  // namespace wg::py
