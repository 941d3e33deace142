// Tensor.backward and the engine's entry for torch.autograd.
#include "autograd/anomaly.h"
#include "autograd/engine.h"
#include "convert.h"
#include "hooks.h"
#include "node_type.h"
#include "ops/functions.h"
#include "override.h"
#include "pass_log.h"
#include "rows.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

std::string size_text(IntSpan sizes) { return "torch.Size(" + to_string(sizes) + ")"; }

}  // namespace

Tensor given_gradient(PyObject* given, IntSpan sizes, size_t i, bool has_rows) {
    if (given == Py_None) return {};
    if (!is_tensor(given))
        fail_type(
            str("gradients can be either Tensors or None, but got ", _PyType_Name(Py_TYPE(given))));
    const Tensor& g = tensor_of(given);
    WG_CHECK(!has_rows || g.dim() > 0, "the gradient ", i, " has no rows");
    WG_CHECK(same_shape(has_rows ? g.sizes().subspan(1) : g.sizes(), sizes),
             "Mismatch in shape: grad_output[", i, "] has a shape of ", size_text(g.sizes()),
             " and output[", i, "] has a shape of ", size_text(sizes), ".");
    return g;
}

void check_kind(const Tensor& g, const Tensor& output, size_t i) {
    WG_CHECK(
        !g.defined() || is_complex(g.dtype()) == is_complex(output.dtype()),
        "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
        "dtype: grad_output[",
        i, "] has a dtype of torch.", info(g.dtype()).name, " and output[", i,
        "] has a dtype of torch.", info(output.dtype()).name, ".");
}

void check_scalar(int64_t numel, DType dtype) {
    WG_CHECK(numel == 1, "grad can be implicitly created only for scalar outputs");
    WG_CHECK(!is_complex(dtype),
             "grad can be implicitly created only for real scalar outputs but got torch.",
             info(dtype).name);
}

namespace {

// A torch.autograd.graph.GradientEdge, if o is one.
bool is_gradient_edge(PyObject* o) {
    return PyTuple_Check(o) && !PyTuple_CheckExact(o) && PyTuple_GET_SIZE(o) >= 2 &&
           std::string_view(Py_TYPE(o)->tp_name) == "GradientEdge";
}
Edge gradient_edge_of(PyObject* o) {
    PyObject* const fn = PyTuple_GET_ITEM(o, 0);
    const Object outputs = check(PyObject_GetAttrString(fn, "_input_metadata"));
    const int64_t nr = Convert<int64_t>::get(PyTuple_GET_ITEM(o, 1));
    if (!is_node(fn) || nr < 0 || nr >= PyTuple_Size(outputs.get())) {
        PyErr_SetString(PyExc_IndexError, "tuple index out of range");
        throw PythonError{};
    }
    return {Ref<Node>(&node_at(fn)), uint32_t(nr)};
}

// What a pass starts from: a tensor or an edge, and the gradient there.
struct Root {
    Edge edge;
    Tensor grad;
};
Root root_of(PyObject* o, PyObject* given, size_t i, const RowView* rows) {
    if (is_tensor(o)) {
        const Tensor& t = tensor_of(o);
        Tensor g = given_gradient(given, t.sizes(), i, rows);
        check_kind(g, t, i);
        if (!sees_history(t)) return {Edge{}, std::move(g)};
        if (!g.defined()) {
            check_scalar(t.numel(), t.dtype());
            g = ones_like(t);
            if (rows) g = in_each_row(g, rows->n);
        }
        Edge e = gradient_edge(t);
        // Not of a tensor that has outlived the transform it was made in.
        if (e && e.node->levels && !(e.node->levels & live_levels())) e = {};
        return {std::move(e), std::move(g)};
    }
    if (!is_gradient_edge(o)) {
        PyErr_SetString(PyExc_AssertionError, "Expected output to be a torch.Tensor");
        throw PythonError{};
    }
    Edge e = gradient_edge_of(o);
    const OutputInfo& output = e.node->outputs[e.input_nr];
    Tensor g = given_gradient(given, output.sizes, i, rows);
    if (!g.defined()) {
        int64_t numel = 1;
        for (const int64_t s : output.sizes) numel *= s;
        check_scalar(numel, output.dtype);
        g = full(Dims(output.sizes), Scalar(1), output.dtype);
        if (rows) g = in_each_row(g, rows->n);
    }
    return {std::move(e), std::move(g)};
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
    PyObject* rows = nullptr;  // null: gradients have none
};

std::vector<Tensor> differentiate(std::span<PyObject* const> roots,
                                  std::span<PyObject* const> grads, PyObject* inputs,
                                  const Request& request) {
    WG_CHECK(
        !request.accumulate || !(transform_level || vmap_is_running()),
        "backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp "
        "instead or call backward() outside of functorch transforms.");
    SmallVector<Edge, 2> from, targets;
    SmallVector<Tensor, 2> root_grads;
    std::optional<PyRows> rows;
    if (request.rows) rows.emplace(request.rows);
    for (size_t i = 0; i < roots.size(); ++i) {
        Root r = root_of(roots[i], grads[i], i, rows ? &*rows : nullptr);
        from.push_back(std::move(r.edge));
        root_grads.push_back(std::move(r.grad));
    }
    BackwardOptions options;
    options.retain_graph =
        flag(request.retain_graph == Py_None ? request.create_graph : request.retain_graph);
    options.create_graph = flag(request.create_graph);
    options.allow_unused = flag(request.allow_unused);
    options.accumulate = request.accumulate;
    for (size_t i = 0; i < roots.size(); ++i)
        WG_CHECK(from[i], "element ", i,
                 " of tensors does not require grad and does not have a grad_fn");
    // What was made outside of the level of the roots takes no part.
    if (!options.accumulate)
        for (PyObject* o : roots)
            if (is_tensor(o)) options.level = std::max(options.level, tensor_of(o)->level);
    if (inputs) {
        const Py_ssize_t n = PyTuple_GET_SIZE(inputs);
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* o = PyTuple_GET_ITEM(inputs, i);
            if (is_gradient_edge(o)) {
                PyObject* const fn = PyTuple_GET_ITEM(o, 0);
                WG_CHECK(is_node(fn),
                         "GradientEdge's first object must be an autograd.graph.Node but got ",
                         Py_TYPE(fn)->tp_name);
                targets.push_back(gradient_edge_of(o));
                continue;
            }
            WG_CHECK(is_tensor(o), "all inputs have to be Tensors or GradientEdges, but got ",
                     Py_TYPE(o)->tp_name);
            const Tensor& t = tensor_of(o);
            WG_CHECK(options.accumulate || requires_grad(t),
                     "One of the differentiated Tensors does not require grad");
            if (options.accumulate) retain_grad(t);  // in non-leaves too
            targets.push_back(t->level < options.level ? Edge{} : gradient_edge(t));
        }
    }
    if (options.accumulate && options.create_graph) warn_create_graph();
    if (rows) options.rows = &*rows;
    const LoggedPass logged(options.level,
                            [&] { return std::span<const Edge>(from.data(), from.size()); });
    std::vector<Tensor> result =
        run_backward(std::span<const Edge>(from.data(), from.size()),
                     std::span<const Tensor>(root_grads.data(), root_grads.size()),
                     std::span<const Edge>(targets.data(), targets.size()), options);
    if (!options.accumulate && !options.allow_unused)
        for (size_t i = 0; i < result.size(); ++i)
            WG_CHECK(
                result[i].defined(), "The differentiated Tensor at index ", i,
                " appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.");
    return result;
}

// _run_backward(roots, grads, retain_graph, create_graph, inputs, allow_unused, accumulate, rows of the gradients)
PyObject* run(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        PyObject* const rows = nargs > 7 ? args[7] : nullptr;
        if (nargs < 7 || nargs > 8 || !PyTuple_Check(args[0]) || !PyTuple_Check(args[1]) ||
            !PyTuple_Check(args[4]))
            fail_type(
                "_run_backward takes (roots, grads, retain_graph, create_graph, inputs, allow_unused, accumulate, rows)");
        const size_t n = size_t(PyTuple_GET_SIZE(args[0]));
        WG_CHECK(n == size_t(PyTuple_GET_SIZE(args[1])), "got ", n, " tensors and ",
                 PyTuple_GET_SIZE(args[1]), " gradients");
        const Request request{args[2], args[3], args[5], args[6] == Py_True, rows};
        const bool has_inputs = PyTuple_GET_SIZE(args[4]) > 0;
        PyObject* const* roots = &PyTuple_GET_ITEM(args[0], 0);
        PyObject* const* grads = &PyTuple_GET_ITEM(args[1], 0);
        std::vector<Tensor> r =
            differentiate({roots, n}, {grads, n}, has_inputs ? args[4] : nullptr, request);
        if (request.accumulate) Py_RETURN_NONE;
        return to_python(TensorList(std::move(r)));
    });
}

// _root_gradient(root, given or None, index): the gradient that a pass begins with, None if nothing is recorded.
PyObject* root_gradient(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs != 3) fail_type("_root_gradient(root, given, index)");
        return wrap_or_none(root_of(args[0], args[1], size_t(to_int64(args[2])), nullptr).grad);
    });
}

PyObject* queue(PyObject*, PyObject* callable) {
    return guarded([&]() -> PyObject* {
        queue_callback([f = Object::borrow(callable)] { check(PyObject_CallNoArgs(f.get())); });
        Py_RETURN_NONE;
    });
}

bool bool_argument(PyObject* o, const char* function, const char* name, int position) {
    if (!PyBool_Check(o))
        fail_type(str(function, "(): argument '", name, "' (position ", position,
                      ") must be bool, not ", Py_TYPE(o)->tp_name));
    return o == Py_True;
}
PyObject* set_anomaly(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs < 1)
            fail_type("set_anomaly_enabled() missing 1 required positional arguments: \"enabled\"");
        if (nargs > 2)
            fail_type(str("set_anomaly_enabled() takes 2 positional arguments but ", nargs,
                          " were given"));
        const bool on = bool_argument(args[0], "set_anomaly_enabled", "enabled", 1);
        anomaly_mode.check_nan =
            nargs < 2 || bool_argument(args[1], "set_anomaly_enabled", "check_nan", 2);
        anomaly_mode.enabled = on;
        Py_RETURN_NONE;
    });
}
PyObject* is_anomaly(PyObject*, PyObject*) { return PyBool_FromLong(anomaly_mode.enabled); }
PyObject* is_nan_checked(PyObject*, PyObject*) { return PyBool_FromLong(anomaly_mode.check_nan); }
PyObject* set_multithreading(PyObject*, PyObject* on) {
    return guarded([&]() -> PyObject* {
        multithreading_enabled = bool_argument(on, "set_multithreading_enabled", "enabled", 1);
        Py_RETURN_NONE;
    });
}
PyObject* is_multithreading(PyObject*, PyObject*) {
    return PyBool_FromLong(multithreading_enabled);
}
PyObject* sequence_nr(PyObject*, PyObject*) {
    return PyLong_FromUnsignedLongLong(next_sequence_nr());
}
PyObject* execution_order(PyObject*, PyObject*) {
    return guarded([&] {
        const std::vector<Node*> nodes = pass_order();
        Object list = check(PyList_New(0));
        for (Node* n : nodes) check(PyList_Append(list.get(), check(wrap_node(n)).get()));
        return list.release();
    });
}

PyObject* node_of_turn(PyObject*, PyObject*) {
    return guarded([] { return wrap_node(current_node()); });
}
PyObject* pass_id(PyObject*, PyObject*) { return PyLong_FromLongLong(current_pass_id()); }
PyObject* checkpoint_valid(PyObject*, PyObject*) { return PyBool_FromLong(!in_filtered_pass()); }
PyObject* will_run(PyObject*, PyObject* node) {
    return guarded([&]() -> PyObject* {
        WG_CHECK(is_node(node), "_will_engine_execute_node expects an grad_fn, but got ",
                 Py_TYPE(node)->tp_name);
        return PyBool_FromLong(pass_will_run(node_at(node)));
    });
}

PyObject* increment_version(PyObject*, PyObject* tensors) {
    return guarded([&]() -> PyObject* {
        WG_CHECK(Py_TYPE(tensors)->tp_iter || PySequence_Check(tensors),
                 "increment_version expect a Iterable[Tensor] as input");
        const Object list = check(PySequence_Tuple(tensors));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list.get()); ++i)
            WG_CHECK(is_tensor(PyTuple_GET_ITEM(list.get(), i)),
                     "increment_version expects each element of the iterable to be a tensor");
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list.get()); ++i)
            if (const Tensor& t = tensor_of(PyTuple_GET_ITEM(list.get(), i)); !t->inference)
                t.bump_version();
        Py_RETURN_NONE;
    });
}

PyObject* node_type_test(PyObject*, PyObject* type) {
    return PyBool_FromLong(PyType_Check(type) &&
                           is_node_type(reinterpret_cast<PyTypeObject*>(type)));
}

// The node of t, or the accumulator of a leaf.
PyObject* edge_of_tensor(PyObject*, PyObject* o) {
    return guarded([&]() -> PyObject* {
        if (!is_tensor(o)) fail_type("takes a tensor");
        const Edge e = gradient_edge(tensor_of(o));
        const Object node = check(wrap_node(e.node.get()));
        return Py_BuildValue("(OI)", node.get(), e.input_nr);
    });
}

PyObject* make_subclass(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        // (class, tensor, requires_grad)
        if (nargs != 3 || !PyType_Check(args[0]) || !is_tensor(args[1]))
            fail_type("_make_subclass takes (class, tensor, requires_grad)");
        // A batched tensor stays one: its own memory has no values.
        if (vmap_is_running() && may_override(args[1]))
            return PyObject_CallMethod(args[1], "detach", nullptr);
        Tensor t = detach(tensor_of(args[1]));
        WG_CHECK(args[2] != Py_True || is_differentiable(t.dtype()),
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
    {"set_anomaly_enabled",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_anomaly)), METH_FASTCALL,
     nullptr},
    {"is_anomaly_enabled", is_anomaly, METH_NOARGS, "Whether anomaly mode is on."},
    {"is_anomaly_check_nan_enabled", is_nan_checked, METH_NOARGS,
     "Whether NaN is a failure in anomaly mode."},
    {"_set_multithreading_enabled", set_multithreading, METH_O, nullptr},
    {"_is_multithreading_enabled", is_multithreading, METH_NOARGS, nullptr},
    {"_get_sequence_nr", sequence_nr, METH_NOARGS, nullptr},
    {"_current_graph_task_execution_order", execution_order, METH_NOARGS, nullptr},
    {"_queue_callback", queue, METH_O, nullptr},
    {"_root_gradient", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(root_gradient)),
     METH_FASTCALL, nullptr},
    {"_current_graph_task_id", pass_id, METH_NOARGS, nullptr},
    {"_current_autograd_node", node_of_turn, METH_NOARGS, nullptr},
    {"_is_checkpoint_valid", checkpoint_valid, METH_NOARGS, nullptr},
    {"_will_engine_execute_node", will_run, METH_O, nullptr},
    {"_increment_version", increment_version, METH_O, nullptr},
    {"_is_node_type", node_type_test, METH_O, nullptr},
    {"_gradient_edge", edge_of_tensor, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// values: gradient, retain_graph, create_graph, inputs
PyObject* backward_from(PyObject* self, PyObject* const* values) {
    Object inputs;
    if (values[3] != Py_None) {
        const Object items =
            PyDict_Check(values[3]) ? check(PyDict_Values(values[3])) : Object::borrow(values[3]);
        inputs = is_tensor(values[3]) || is_gradient_edge(values[3])
                     ? check(PyTuple_Pack(1, values[3]))
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
}

Answer ask_about_backward(PyObject* self, PyObject* const* values) {
    static PyObject* const names =
        check(Py_BuildValue("(ssss)", "gradient", "retain_graph", "create_graph", "inputs"))
            .release();
    PyObject* const all[] = {self, values[0], values[1], values[2], values[3]};
    Call call = call_of_method("backward", all, 1, names, Told::Function);
    call.n_asked = 1;
    call.is_question = true;
    return ask_overrides(call,
                         [&] { return guarded([&] { return backward_from(self, values); }); });
}

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
        if (!is_plain(self)) [[unlikely]]
            if (const Answer a = ask_about_backward(self, values)) return a.result;
        return backward_from(self, values);
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
