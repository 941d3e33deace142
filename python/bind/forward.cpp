// torch._C's side of torch.autograd.forward_ad: levels, dual tensors, the switch.
#include "autograd/forward.h"
#include "args.h"
#include "convert.h"
#include "override.h"

namespace wg::py {
namespace {

// The public API has one level; whoever nests levels (the core can) enters them by another door.
PyObject* enter_level(PyObject*, PyObject*) {
    return guarded([] {
        WG_CHECK(open_forward_levels == 0, "Nested forward mode AD is not supported at the moment");
        return PyLong_FromLong(enter_forward_level());
    });
}

PyObject* exit_level(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        static const Parser parser("_exit_dual_level", false, {"int level"});
        PyObject* value;
        Object temporary;
        parser.parse(args, nargs, kwnames, &value, temporary);
        const int64_t level = to_int64(value);
        WG_CHECK(level >= 0, "Dual level must be a positive number.");
        exit_forward_level(level < 0 || level >= open_forward_levels ? -1 : int(level));
        Py_RETURN_NONE;
    });
}

PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(forward_levels_seen > 0); }
PyObject* set_enabled(PyObject*, PyObject* on) {
    return guarded([&]() -> PyObject* {
        if (!PyBool_Check(on))
            fail_type(
                str("set_fwd_grad_enabled(): argument 'enabled' (position 1) must be bool, not ",
                    Py_TYPE(on)->tp_name));
        forward_levels_seen = on == Py_True ? kAllLevels : 0;
        Py_RETURN_NONE;
    });
}

// A level as a number that cannot be meant by mistake if it is out of range.
int level_of(PyObject* o) {
    const int64_t level = to_int64(o);
    return level >= 0 && level < open_forward_levels ? int(level) : -1;
}

PyObject* make_dual_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser("_make_dual", false,
                                   {"Tensor primal, Tensor tangent, int level"});
        PyObject* values[3];
        Object temporary;
        parser.parse(args, nargs, kwnames, values, temporary);
        WG_CHECK(open_forward_levels == 0 || level_of(values[2]) >= 0,
                 "Invalid level given to _make_dual");
        return wrap(make_dual(tensor_of(values[0]), tensor_of(values[1]), level_of(values[2])));
    });
}

PyObject* unpack_dual_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser("_unpack_dual", false, {"Tensor dual, int level"});
        PyObject* values[2];
        Object temporary;
        parser.parse(args, nargs, kwnames, values, temporary);
        auto [primal, tangent] = unpack_dual(tensor_of(values[0]), level_of(values[1]));
        const Object p = check(wrap(std::move(primal))),
                     t = check(wrap_or_none(std::move(tangent)));
        const Object both = check(PyTuple_Pack(2, p.get(), t.get()));
        static PyObject* const types =
            check(PyImport_ImportModule("whygrad.return_types")).release();
        const Object type = check(PyObject_GetAttrString(types, "_unpack_dual"));
        return PyObject_CallOneArg(type.get(), both.get());
    });
}

// A function of the module with the question to the classes of its arguments in front.
template <Literal name, FastFunction* F>
PyObject* asked(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    if (may_be_overridden(args, nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0))) [[unlikely]] {
        const Object callable = Object::steal(PyObject_GetAttrString(module, name.text));
        if (!callable) return nullptr;
        Call call{"torch.", name.text, args, nargs, kwnames};
        call.callable = callable.get();
        if (const Answer a = ask_overrides(call, [&] { return F(module, args, nargs, kwnames); }))
            return a.result;
    }
    return F(module, args, nargs, kwnames);
}

template <class F>
PyCFunction fast(F* f) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef functions_[] = {
    {"_enter_dual_level", enter_level, METH_NOARGS,
     "Opens the level of forward mode and gives its number."},
    {"_exit_dual_level", fast(exit_level), kFast, "Closes it; its tangents are gone."},
    {"_is_fwd_grad_enabled", is_enabled, METH_NOARGS,
     "Whether operations of this thread see tangents."},
    {"_set_fwd_grad_enabled", set_enabled, METH_O, nullptr},
    {"_make_dual", fast(asked<"_make_dual", make_dual_tensor>), kFast, nullptr},
    {"_unpack_dual", fast(asked<"_unpack_dual", unpack_dual_tensor>), kFast, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_forward(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
