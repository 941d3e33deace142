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

// Asks the open mode and the classes of the arguments, which are positional ones and then those that
// `kwnames` names. `where` and `name` say for errors what was called: "torch.", "add".
Answer ask_overrides(PyObject* callable, const char* where, const char* name, PyObject* const* args,
                     Py_ssize_t nargs, PyObject* kwnames = nullptr);
// For operators: "no answer from anybody" is NotImplemented. `method` is an attribute of Tensor.
Answer ask_overrides_of_operator(const char* method, PyObject* a, PyObject* b);
// Of a method or a property ("__get__", "__set__") of Tensor that is no Operation. A question makes no
// tensor, and is not in profiles.
Answer ask_overrides_of_method(const char* method, bool is_question, PyObject* const* args,
                               Py_ssize_t nargs, PyObject* kwnames = nullptr);
Answer ask_overrides_of_property(const char* property, const char* accessor, PyObject* const* args,
                                 Py_ssize_t nargs);

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
        if (const Answer a = ask_overrides_of_method(name.text, is_question, &self, 1))
            return a.result;
    return F(self, none);
}
template <Literal name, bool is_question, FastFunction* F>
PyObject* overridable_fast(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                           PyObject* kwnames) {
    const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (!is_plain(self) || (n && may_be_overridden(args, n))) [[unlikely]] {
        PyObject* all[32] = {self};
        if (n < 32) {
            std::copy_n(args, n, all + 1);
            if (const Answer a =
                    ask_overrides_of_method(name.text, is_question, all, nargs + 1, kwnames))
                return a.result;
        }
    }
    return F(self, args, nargs, kwnames);
}
template <Literal name, auto F, bool is_question = false>
PyMethodDef method(const char* doc = nullptr) {
    if constexpr (std::is_convertible_v<decltype(F), FastFunction*>) {
        return {name.text, fast_function(overridable_fast<name, is_question, F>),
                METH_FASTCALL | METH_KEYWORDS, doc};
    } else {
        return {name.text, overridable<name, is_question, F>, METH_NOARGS, doc};
    }
}
template <Literal name, auto F>
PyMethodDef question(const char* doc = nullptr) {
    return method<name, F, true>(doc);
}
// A property that asks before it gets and sets; lives as long as the type.
PyGetSetDef overridable_property(const PyGetSetDef& property);

// Whether a vmap runs on this thread; operations.cpp.
bool vmap_is_running();

void add_overrides(PyObject* module);

}  // namespace wg::py
