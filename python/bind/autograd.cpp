// Tensor.backward, the engine's entry for torch.autograd, and grad mode.
#include "autograd/engine.h"
#include "convert.h"
#include "hooks.h"
#include "ops/functions.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

std::string size_text(IntSpan sizes) { return "torch.Size(" + to_string(sizes) + ")"; }

// The gradient a root starts with: the given one, checked, or 1 for a scalar.
Tensor root_gradient(const Tensor& root, PyObject* given, size_t i) {
    if (given == Py_None) {
        if (!requires_grad(root)) return {};
        WG_CHECK(root.numel() == 1, "grad can be implicitly created only for scalar outputs");
        return ones_like(root);
    }
    if (!is_tensor(given))
        fail_type(
            str("gradients can be either Tensors or None, but got ", Py_TYPE(given)->tp_name));
    const Tensor& g = tensor_of(given);
    WG_CHECK(same_shape(g.sizes(), root.sizes()), "Mismatch in shape: grad_output[", i,
             "] has a shape of ", size_text(g.sizes()), " and output[", i, "] has a shape of ",
             size_text(root.sizes()), ".");
    return g;
}

// A bool as PyTorch reads it: an integer of one byte.
bool flag(PyObject* o) {
    if (PyBool_Check(o)) return o == Py_True;
    const long value = PyLong_AsLong(o);
    if (value == -1 && PyErr_Occurred()) throw PythonError{};
    if (value >= 0 && value <= 255) return value != 0;
    PyErr_SetString(PyExc_OverflowError, value < 0
                                             ? "unsigned byte integer is less than minimum"
                                             : "unsigned byte integer is greater than maximum");
    throw PythonError{};
}

// The options of a pass, as given.
struct Request {
    PyObject *retain_graph, *create_graph, *allow_unused;
    bool accumulate;
};

std::vector<Tensor> differentiate(std::span<PyObject* const> roots,
                                  std::span<PyObject* const> grads, PyObject* inputs,
                                  const Request& request) {
    std::vector<Tensor> root_tensors, root_grads, targets;
    for (size_t i = 0; i < roots.size(); ++i) {
        if (!is_tensor(roots[i])) {
            PyErr_SetString(PyExc_AssertionError, "Expected output to be a torch.Tensor");
            throw PythonError{};
        }
        root_tensors.push_back(tensor_of(roots[i]));
        root_grads.push_back(root_gradient(root_tensors[i], grads[i], i));
    }
    BackwardOptions options;
    options.retain_graph =
        flag(request.retain_graph == Py_None ? request.create_graph : request.retain_graph);
    options.create_graph = flag(request.create_graph);
    options.allow_unused = flag(request.allow_unused);
    options.accumulate = request.accumulate;
    for (size_t i = 0; i < roots.size(); ++i)
        WG_CHECK(requires_grad(root_tensors[i]), "element ", i,
                 " of tensors does not require grad and does not have a grad_fn");
    if (inputs) {
        const Py_ssize_t n = PyTuple_GET_SIZE(inputs);
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* o = PyTuple_GET_ITEM(inputs, i);
            WG_CHECK(is_tensor(o), "all inputs have to be Tensors or GradientEdges, but got ",
                     Py_TYPE(o)->tp_name);
            WG_CHECK(options.accumulate || requires_grad(tensor_of(o)),
                     "One of the differentiated Tensors does not require grad");
            targets.push_back(tensor_of(o));
        }
    }
    if (options.accumulate && options.create_graph) warn_create_graph();
    std::vector<Tensor> result = run_backward(root_tensors, root_grads, targets, options);
    if (!options.accumulate && !options.allow_unused)
        for (size_t i = 0; i < result.size(); ++i)
            WG_CHECK(
                result[i].defined(), "The differentiated Tensor at index ", i,
                " appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.");
    return result;
}

// _run_backward(roots, grads, retain_graph, create_graph, inputs, allow_unused, accumulate)
PyObject* run(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs != 7 || !PyTuple_Check(args[0]) || !PyTuple_Check(args[1]) ||
            !PyTuple_Check(args[4]))
            fail_type(
                "_run_backward takes (roots, grads, retain_graph, create_graph, inputs, allow_unused, accumulate)");
        const size_t n = size_t(PyTuple_GET_SIZE(args[0]));
        WG_CHECK(n == size_t(PyTuple_GET_SIZE(args[1])), "got ", n, " tensors and ",
                 PyTuple_GET_SIZE(args[1]), " gradients");
        const Request request{args[2], args[3], args[5], args[6] == Py_True};
        const bool has_inputs = PyTuple_GET_SIZE(args[4]) > 0;
        PyObject* const* roots = &PyTuple_GET_ITEM(args[0], 0);
        PyObject* const* grads = &PyTuple_GET_ITEM(args[1], 0);
        std::vector<Tensor> r =
            differentiate({roots, n}, {grads, n}, has_inputs ? args[4] : nullptr, request);
        if (request.accumulate) Py_RETURN_NONE;
        return to_python(TensorList(std::move(r)));
    });
}

PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_enabled()); }
PyObject* set_enabled(PyObject*, PyObject* on) {
    if (!PyBool_Check(on)) {
        PyErr_Format(PyExc_TypeError,
                     "set_grad_enabled(): argument 'enabled' (position 1) must be bool, not %s",
                     Py_TYPE(on)->tp_name);
        return nullptr;
    }
    set_grad_enabled(on == Py_True);
    Py_RETURN_NONE;
}

PyObject* queue(PyObject*, PyObject* callable) {
    return guarded([&]() -> PyObject* {
        queue_callback([f = Object::borrow(callable)] { check(PyObject_CallNoArgs(f.get())); });
        Py_RETURN_NONE;
    });
}

PyObject* make_subclass(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        // (class, tensor, requires_grad)
        if (nargs != 3 || !PyType_Check(args[0]) || !is_tensor(args[1]))
            fail_type("_make_subclass takes (class, tensor, requires_grad)");
        Tensor t = detach(tensor_of(args[1]));
        WG_CHECK(args[2] != Py_True || is_floating(t.dtype()),
                 "Only Tensors of floating point and complex dtype can require gradients");
        set_requires_grad(t, args[2] == Py_True);
        return wrap_as(reinterpret_cast<PyTypeObject*>(args[0]), std::move(t));
    });
}

PyMethodDef functions_[] = {
    {"_run_backward", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(run)),
     METH_FASTCALL, nullptr},
    {"_make_subclass", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(make_subclass)),
     METH_FASTCALL, nullptr},
    {"is_grad_enabled", is_enabled, METH_NOARGS, "Whether operations of this thread are recorded."},
    {"_set_grad_enabled", set_enabled, METH_O, nullptr},
    {"_queue_callback", queue, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* backward_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                          PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        PyObject* values[4] = {Py_None, Py_None, Py_False,
                               Py_None};  // gradient, retain_graph, create_graph, inputs
        static constexpr std::string_view names[] = {"gradient", "retain_graph", "create_graph",
                                                     "inputs"};
        if (nargs > 4)
            fail_type(str("Tensor.backward() takes from 1 to 5 positional arguments but ",
                          nargs + 1, " were given"));
        for (Py_ssize_t i = 0; i < nargs; ++i) values[i] = args[i];
        const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
        for (Py_ssize_t k = 0; k < nkw; ++k) {
            const std::string_view key =
                Convert<std::string_view>::get(PyTuple_GET_ITEM(kwnames, k));
            size_t i = 0;
            while (i < 4 && names[i] != key) ++i;
            if (i == 4)
                fail_type(str("Tensor.backward() got an unexpected keyword argument '", key, "'"));
            values[i] = args[nargs + k];
        }
        Object inputs;
        if (values[3] != Py_None) {
            const Object items = PyDict_Check(values[3]) ? check(PyDict_Values(values[3]))
                                                         : Object::borrow(values[3]);
            inputs = is_tensor(values[3]) ? check(PyTuple_Pack(1, values[3]))
                                          : check(PySequence_Tuple(items.get()));
            WG_CHECK(PyTuple_GET_SIZE(inputs.get()) > 0,
                     "`inputs` argument to `backward()` cannot be empty.");
        }
        // A sequence of gradients is taken as well; those without a root are ignored.
        Object given = Object::borrow(values[0]);
        if (given.get() != Py_None && !is_tensor(given.get())) {
            const Object all = check(PySequence_Tuple(given.get()));
            WG_CHECK(PyTuple_GET_SIZE(all.get()) > 0, "got 1 tensors and 0 gradients");
            given = Object::borrow(PyTuple_GET_ITEM(all.get(), 0));
        }
        PyObject* root[] = {self};
        PyObject* grad[] = {given.get()};
        differentiate(root, grad, inputs.get(), {values[1], values[2], Py_True, true});
        Py_RETURN_NONE;
    });
}

void warn_create_graph() {
    warn_once(
        WarningKind::User,
        "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient which can cause "
        "a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you have to use this function, make "
        "sure to reset the .grad fields of your parameters to None after use to break the cycle and avoid the leak. (Triggered "
        "internally at /__w/pytorch/pytorch/torch/csrc/autograd/engine.cpp:1307.)");
}

void add_autograd(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
