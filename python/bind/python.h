// The CPython side of the binding: owning references, errors across the border, the types we define.
// Everything hot is written against the C API; pybind11 only makes the module (module.cpp).
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <span>
#include <string>
#include <utility>

#include "autograd/record.h"
#include "autograd/transform.h"
#include "ops/functions.h"
#include "tensor/tensor.h"

namespace wg::py {

// An owned PyObject*.
class Object {
public:
    Object() = default;
    Object(std::nullptr_t) {}
    Object(const Object& o) noexcept : p_(o.p_) { Py_XINCREF(p_); }
    Object(Object&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    Object& operator=(Object o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Object() { Py_XDECREF(p_); }
    static Object steal(PyObject* p) noexcept {
        Object o;
        o.p_ = p;
        return o;
    }
    static Object borrow(PyObject* p) noexcept {
        Py_XINCREF(p);
        return steal(p);
    }
    PyObject* get() const noexcept { return p_; }
    PyObject* release() noexcept { return std::exchange(p_, nullptr); }
    explicit operator bool() const noexcept { return p_ != nullptr; }

private:
    PyObject* p_ = nullptr;
};

// A Python exception is set; unwinds C++ frames back to the binding.
struct PythonError {};

// Puts the exception that is set aside for its life.
class WithoutError {
public:
    WithoutError() noexcept { PyErr_Fetch(&type_, &value_, &trace_); }
    ~WithoutError() { PyErr_Restore(type_, value_, trace_); }
    WithoutError(const WithoutError&) = delete;

private:
    PyObject *type_, *value_, *trace_;
};

// Steals p; throws PythonError when it is null.
inline Object check(PyObject* p) {
    if (!p) throw PythonError{};
    return Object::steal(p);
}
inline void check(int status) {
    if (status < 0) throw PythonError{};
}

// Sets the Python exception that belongs to the C++ exception in flight.
void set_python_error() noexcept;

// Runs f; a C++ exception becomes a Python one and the result `failure`.
template <class F, class R = PyObject*>
inline R guarded(F&& f, R failure = nullptr) noexcept {
    try {
        return f();
    } catch (...) {
        set_python_error();
        return failure;
    }
}

[[noreturn]] void fail_type(const std::string& message);

// What recording looks at before anything is computed, and what therefore is the first fault of a call: whether
// args[0] may be written to, if it is to be, and the histories of all tensors among `args`, also of those in lists.
void check_histories(std::span<PyObject* const> args, bool writes);

// Runs the operation f; `look`, which calls check_histories, is for when it fails and costs nothing before.
template <class F, class L>
inline auto with_histories(F&& f, L&& look) {
    try {
        return f();
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::Type) look();
        throw;
    }
}

// Runs f, an operation of this name that writes to its first operand: the error about a tensor that a
// function transform has captured names it as PyTorch does.
[[noreturn]] void fail_captured(const char* name, PyObject* last_operand);
template <class F>
inline auto naming_write(const char* name, PyObject* last_operand, F&& f) {
    try {
        return f();
    } catch (const CapturedWrite&) {
        fail_captured(name, last_operand);
    }
}

// --- tensors (tensor_type.cpp) ---

struct PyTensor {
    PyObject_HEAD Tensor tensor;  // counted unless impl->owns_python (Note [Identity])
    PyObject* dict;
    PyObject* weakrefs;
};
extern PyTypeObject* tensor_type;

inline bool is_exact_tensor(PyObject* o) noexcept { return Py_TYPE(o) == tensor_type; }
inline bool is_tensor(PyObject* o) noexcept {
    return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
inline Tensor& tensor_of(PyObject* o) noexcept { return reinterpret_cast<PyTensor*>(o)->tensor; }

// The Python object of a tensor: always the same one while it or its attributes are alive.
PyObject* wrap(Tensor t);
// None for an undefined tensor.
inline PyObject* wrap_or_none(Tensor t) {
    if (!t.defined()) Py_RETURN_NONE;
    return wrap(std::move(t));
}
// A new object of a subclass around the tensor (Parameter).
PyObject* wrap_as(PyTypeObject* type, Tensor t);
// From now on the garbage collector looks at the object.
void track(PyObject* tensor);

// Python runs the finalizer of an object once. For one that the finalizer kept alive it has to run again, so
// this goes before the object is handed out.
inline void forget_finalized(PyObject* o) noexcept {
    struct GcHead {
        uintptr_t next, prev;
    };
    reinterpret_cast<GcHead*>(o)[-1].prev &= ~uintptr_t(1);
}

// --- dtypes, devices, sizes (types.cpp) ---

extern PyTypeObject *dtype_type, *device_type, *size_type, *layout_type, *memory_format_type;
PyObject* dtype_object(DType d);  // borrowed
bool is_dtype(PyObject* o) noexcept;
bool is_python_dtype(PyObject* o) noexcept;  // float, int or bool, which stand for dtypes
DType dtype_of_object(PyObject* o);
Device device_of_object(PyObject* o);  // torch.device, "cpu", "cuda:0", or int
PyObject* wrap_device(Device d);
void require_cpu(Device d);  // AssertionError for what this build does not have
MemoryFormat memory_format_of_object(PyObject* o);
PyObject* wrap_size(IntSpan sizes);
PyObject* wrap_ints(IntSpan values);  // a plain tuple

// --- generators (random.cpp) ---

bool is_generator(PyObject* o) noexcept;
Generator& generator_of_object(PyObject* o);  // None: the default one

// --- graph nodes (node_type.cpp) ---

PyObject* wrap_node(Node* node);  // None for null

// --- the roots of a pass (autograd.cpp) ---

// Fails for a complex gradient of a real output, or the other way round.
void check_kind(const Tensor& g, const Tensor& output, size_t i);
// The given gradient of a root of this shape; undefined if it is to be 1.
Tensor given_gradient(PyObject* given, IntSpan sizes, size_t i, bool has_rows = false);
void check_scalar(int64_t numel, DType dtype);  // that it can be 1

// --- where the user is (site.cpp) ---

void install_site_provider();
// (filename, line, end line, column, end column, function name) or None.
PyObject* resolve_site(const Site& site);
// A list of lines as of traceback.format_stack; empty for one that was not taken in anomaly mode.
Object stack_lines(const Site& site);

// --- threads (threads.cpp) ---

void install_thread_providers();

// Each file of the binding adds its part to the module.
void add_types(PyObject* module);
void add_tensor_type(PyObject* module);
void add_operations(PyObject* module);
void add_creation(PyObject* module);
void add_autograd(PyObject* module);
void add_transforms(PyObject* module);
void add_grad_modes(PyObject* module);
void add_optim(PyObject* module);
void add_forward(PyObject* module);
void add_functions(PyObject* module);
void add_random(PyObject* module);

}  // namespace wg::py
