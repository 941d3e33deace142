// The modes of a thread: grad mode, inference mode, the layout of gradients. The context managers around them are in
// whygrad/_grad_mode.py.
#include "tensor/grad_mode.h"

#include "autograd/engine.h"
#include "convert.h"
#include "override.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

// The value of an argument that must be a bool; -1 with an exception if it is none.
int bool_argument(PyObject* o, const char* function) {
    if (PyBool_Check(o)) return o == Py_True;
    PyErr_Format(PyExc_TypeError, "%s(): argument 'enabled' (position 1) must be bool, not %s",
                 function, Py_TYPE(o)->tp_name);
    return -1;
}

PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_flag()); }
PyObject* set_grad(PyObject* module, PyObject* o) {
    if (open_modes) [[unlikely]]
        if (const Answer a = ask_modes(module, "_set_grad_enabled", &o, 1)) return a.result;
    const int on = bool_argument(o, "set_grad_enabled");
    if (on < 0) return nullptr;
    set_grad_enabled(on);
    Py_RETURN_NONE;
}

PyObject* is_layout_enforced(PyObject*, PyObject*) { return PyBool_FromLong(layout_enforced); }
PyObject* enforce_layout(PyObject*, PyObject* o) {
    const int on = bool_argument(o, "set_grad_layout_enforcement_enabled");
    if (on < 0) return nullptr;
    layout_enforced = on;
    Py_RETURN_NONE;
}

PyObject* is_inference_mode(PyObject*, PyObject*) { return PyBool_FromLong(inference_mode()); }

// _InferenceMode(on): made, it switches inference mode on and grad mode off, or the other way round. Left, or
// dropped, it restores the modes of the thread as they were.
struct InferenceMode {
    PyObject_HEAD;
    bool active;
    uint8_t modes;
    bool multithreading;
};
InferenceMode& self_of(PyObject* o) { return *reinterpret_cast<InferenceMode*>(o); }

PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
    int on = 1;
    if (!PyArg_ParseTuple(args, "p", &on)) return nullptr;
    PyObject* const o = type->tp_alloc(type, 0);
    if (!o) return nullptr;
    self_of(o).modes = modes_;
    self_of(o).active = true;
    self_of(o).multithreading = std::exchange(multithreading_enabled, !on);
    modes_ = on ? kInferenceMode : kGradMode;
    return o;
}

void restore(InferenceMode& m) {
    if (!m.active) return;
    m.active = false;
    modes_ = m.modes;
    multithreading_enabled = m.multithreading;
}

PyObject* enter(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* leave(PyObject* o, PyObject*) {
    restore(self_of(o));
    Py_RETURN_NONE;
}

void drop(PyObject* o) {
    restore(self_of(o));
    PyTypeObject* const type = Py_TYPE(o);
    type->tp_free(o);
    Py_DECREF(type);
}

// _unsafe_set_version_counter(tensors, versions): as if each had been written to so often.
PyObject* set_versions(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs != 2 || !PyTuple_Check(args[0]) || !PyTuple_Check(args[1]))
            fail_type("_unsafe_set_version_counter takes (tuple of tensors, tuple of versions)");
        const Py_ssize_t n = PyTuple_GET_SIZE(args[0]);
        WG_CHECK(n == PyTuple_GET_SIZE(args[1]), "tensors_len=", n,
                 ", versions_len=", PyTuple_GET_SIZE(args[1]));
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* const o = PyTuple_GET_ITEM(args[0], i);
            if (!is_tensor(o)) fail_type("_unsafe_set_version_counter takes tensors");
            const Tensor& t = tensor_of(o);
            const int64_t version = to_int64(PyTuple_GET_ITEM(args[1], i));
            WG_CHECK(
                !t->untracked,
                "Tried to call torch.autograd._unsafe_set_version() on a tensor that does not have a version counter. "
                "Was it created in inference mode?");
            WG_CHECK(version >= 0, "Cannot set a version_counter to a value below 0: ", version);
            *t->version = uint32_t(version);
        }
        Py_RETURN_NONE;
    });
}

PyMethodDef functions_[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS,
     "Whether operations of this thread are recorded."},
    {"_set_grad_enabled", set_grad, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference_mode, METH_NOARGS,
     "Whether new tensors of this thread are inference tensors."},
    {"_is_grad_layout_enforcement_enabled", is_layout_enforced, METH_NOARGS, nullptr},
    {"_set_grad_layout_enforcement_enabled", enforce_layout, METH_O, nullptr},
    {"_unsafe_set_version_counter",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_versions)), METH_FASTCALL,
     nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef methods_[] = {
    {"__enter__", enter, METH_NOARGS, nullptr},
    {"__exit__", leave, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots_[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(drop)},
    {Py_tp_methods, methods_},
    {0, nullptr},
};
PyType_Spec spec_{"torch._C._InferenceMode", sizeof(InferenceMode), 0, Py_TPFLAGS_DEFAULT, slots_};

}  // namespace

void add_grad_modes(PyObject* module) {
    check(PyModule_AddFunctions(module, functions_));
    const Object type = check(PyType_FromSpec(&spec_));
    check(PyModule_AddObjectRef(module, "_InferenceMode", type.get()));
}

}  // namespace wg::py
