// The parts of torch.func's transforms that are the core's (Note [Levels]); whygrad/func/ puts them together.
#include "autograd/transform.h"

#include "autograd/engine.h"
#include "convert.h"
#include "pass_log.h"
#include "rows.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

std::string class_text(PyObject* o) {
    const Object text = check(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(o))));
    return PyUnicode_AsUTF8(text.get());
}

PyObject* enter(PyObject*, PyObject*) {
    return guarded([&]() -> PyObject* {
        enter_level();
        Py_RETURN_NONE;
    });
}
PyObject* enter_forward(PyObject*, PyObject*) {
    return guarded([] { return PyLong_FromLong(enter_forward_transform()); });
}
PyObject* leave(PyObject*, PyObject*) {
    if (transform_level == 0) {
        PyErr_SetString(PyExc_RuntimeError, "_leave_level: there is no level to leave");
        return nullptr;
    }
    return PyBool_FromLong(leave_level());
}
PyObject* level(PyObject*, PyObject*) { return PyLong_FromLong(transform_level); }

PyObject* level_of(PyObject*, PyObject* o) {
    return guarded([&]() -> PyObject* {
        if (!is_tensor(o)) fail_type("_level_of takes a tensor");
        return PyLong_FromLong(std::min(tensor_of(o)->level, transform_level));
    });
}

PyObject* variable(PyObject*, PyObject* o) {
    return guarded([&] {
        WG_CHECK(transform_level > 0, "_variable: not in a transform");
        WG_CHECK_VALUE(is_tensor(o), "Thing passed to transform API must be Tensor, got ",
                       class_text(o));
        return wrap(make_variable(tensor_of(o)));
    });
}

// _dual_variable(tensor, tangent, level of forward mode)
PyObject* dual_variable(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&] {
        if (nargs != 3 || !is_tensor(args[0]) || !is_tensor(args[1]))
            fail_type("_dual_variable takes two tensors and a level");
        const int64_t level = to_int64(args[2]);
        return wrap(
            make_dual_variable(tensor_of(args[0]), tensor_of(args[1]),
                               level >= 0 && level < open_forward_levels ? int(level) : -1));
    });
}

// _tangent(tensor, level of forward mode): None where there is none.
PyObject* tangent_at(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&] {
        if (nargs != 2 || !is_tensor(args[0])) fail_type("_tangent takes a tensor and a level");
        const int64_t level = to_int64(args[1]);
        return wrap_or_none(level >= 0 && level < open_forward_levels
                                ? any_tangent_of(tensor_of(args[0]), int(level))
                                : Tensor());
    });
}

// The tensor itself where that can be, so that identity and attributes survive.
PyObject* lowered(PyObject*, PyObject* o) {
    return guarded([&] {
        WG_CHECK(is_tensor(o), "Expected tensors, got unsupported type ", class_text(o));
        Tensor t = lower(tensor_of(o));
        return t.is_same(tensor_of(o)) ? Py_NewRef(o) : wrap(std::move(t));
    });
}

PyObject* root(PyObject*, PyObject* o) {
    return guarded([&] {
        if (!is_tensor(o)) fail_type("_keep_root takes a tensor");
        Tensor t = keep_root(tensor_of(o));
        return t.is_same(tensor_of(o)) ? Py_NewRef(o) : wrap(std::move(t));
    });
}

const Tensor& tensor_at(PyObject* tuple, Py_ssize_t i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    if (!is_tensor(o)) fail_type("_pull_back takes tuples of tensors");
    return tensor_of(o);
}

// _pull_back(roots, gradients or None, variables, retain_graph, ran_own_code, rows of the gradients)
PyObject* pull(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs < 5 || nargs > 6 || !PyTuple_Check(args[0]) || !PyTuple_Check(args[2]) ||
            !(args[1] == Py_None || PyTuple_Check(args[1])))
            fail_type(
                "_pull_back takes (roots, gradients, variables, retain_graph, ran_own_code, rows)");
        NormalMode normal;  // so that gradients are no inference tensors
        SmallVector<Tensor, 2> roots, grads, variables;
        std::optional<PyRows> rows;
        if (nargs > 5) rows.emplace(args[5]);
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[0]); ++i)
            roots.push_back(tensor_at(args[0], i));
        WG_CHECK(args[1] == Py_None || size_t(PyTuple_GET_SIZE(args[1])) == roots.size(),
                 "_pull_back: one gradient for each root");
        for (size_t i = 0; i < roots.size(); ++i) {
            PyObject* given =
                args[1] == Py_None ? Py_None : PyTuple_GET_ITEM(args[1], Py_ssize_t(i));
            grads.push_back(given_gradient(given, roots[i].sizes(), i, rows.has_value()));
            check_kind(grads[i], roots[i], i);
            if (grads[i].defined()) continue;
            check_scalar(roots[i].numel(), roots[i].dtype());
            grads[i] = ones_like(detach(roots[i]));
            if (rows) grads[i] = in_each_row(grads[i], rows->n);
        }
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[2]); ++i)
            variables.push_back(tensor_at(args[2], i));
        const uint8_t level = variables.empty() ? transform_level : variables[0]->level;
        const LoggedPass logged(level, [&] {
            std::vector<Edge> from;
            for (const Tensor& t : roots)
                if (requires_grad(t)) from.push_back(gradient_edge(t));
            return from;
        });
        std::vector<Tensor> r =
            pull_back({roots.data(), roots.size()}, {grads.data(), grads.size()},
                      {variables.data(), variables.size()}, args[3] == Py_True, args[4] == Py_True,
                      rows ? &*rows : nullptr);
        if (r.empty()) r.resize(variables.size());
        for (size_t i = 0; i < r.size(); ++i) {
            if (r[i].defined()) continue;
            r[i] = zeros_like(detach(variables[i]));
            if (rows) r[i] = in_each_row(r[i], rows->n);
        }
        return to_python(TensorList(std::move(r)));
    });
}

PyObject* history_outside(PyObject*, PyObject* o) {
    return guarded([&] { return PyBool_FromLong(has_history_outside(tensor_of(o))); });
}

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t)) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef functions_[] = {
    {"_enter_level", enter, METH_NOARGS, nullptr},
    {"_enter_forward_transform", enter_forward, METH_NOARGS, nullptr},
    {"_leave_level", leave, METH_NOARGS, nullptr},
    {"_transform_level", level, METH_NOARGS, nullptr},
    {"_level_of", level_of, METH_O, nullptr},
    {"_variable", variable, METH_O, nullptr},
    {"_dual_variable", fast(dual_variable), METH_FASTCALL, nullptr},
    {"_tangent", fast(tangent_at), METH_FASTCALL, nullptr},
    {"_lower", lowered, METH_O, nullptr},
    {"_has_history_outside", history_outside, METH_O, nullptr},
    {"_keep_root", root, METH_O, nullptr},
    {"_pull_back", fast(pull), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void fail_captured(const char* name, PyObject* last) {
    // The overloads of the operators that have several, if a tensor is written and if a number is.
    struct Overloads {
        const char *names, *tensor, *number;
    };
    static constexpr Overloads overloads[] = {
        {" add sub subtract mul multiply div divide true_divide floor_divide ", ".Tensor",
         ".Tensor"},
        {" bitwise_and bitwise_or bitwise_xor eq ne not_equal lt less le less_equal gt greater ge greater_equal fmod "
         "remainder pow lerp fill masked_fill ",
         ".Tensor", ".Scalar"},
        {" clamp clip clamp_min clamp_max ", ".Tensor", ""},
        {" bitwise_left_shift bitwise_right_shift ", ".Tensor", ".Tensor_Scalar"},
        {" xlogy ", ".Tensor", ".Scalar_Other"},
        {" bernoulli ", ".Tensor", ".float"},
        {" index_fill ", ".int_Tensor", ".int_Scalar"},
        {" scatter ", ".src", ".value"},
    };
    std::string base = name;
    if (base.ends_with('_')) base.pop_back();
    std::string full = "aten::" + base + "_";
    for (const Overloads& o : overloads)
        if (std::string_view(o.names).find(" " + base + " ") != std::string_view::npos)
            full += last && is_tensor(last) ? o.tensor : o.number;
    if (base == "div" && last && PyUnicode_Check(last)) full += "_mode";  // its rounding_mode
    throw CapturedWrite(full);
}

void add_transforms(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
