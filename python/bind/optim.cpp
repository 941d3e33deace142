// Optimizer steps: lists of tensors from torch.optim to ops/optim.h.
#include "ops/optim.h"

#include "autograd/transform.h"
#include "convert.h"

namespace wg::py {
namespace {

// Keyword arguments of a step by name; what is asked for and missing keeps its value.
class Keywords {
public:
    Keywords(PyObject* const* values, PyObject* names) : values_(values), names_(names) {}
    void read(const char* name, double& to) const {
        if (PyObject* v = find(name)) to = to_double(v);
    }
    void read(const char* name, bool& to) const {
        if (PyObject* v = find(name)) to = PyObject_IsTrue(v);
    }

private:
    PyObject* find(const char* name) const {
        const Py_ssize_t n = names_ ? PyTuple_GET_SIZE(names_) : 0;
        for (Py_ssize_t i = 0; i < n; ++i)
            if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names_, i), name) == 0)
                return values_[i];
        return nullptr;
    }
    PyObject* const* values_;
    PyObject* names_;
};

// A list of tensors, None for undefined.
TensorList read_list(PyObject* o) {
    const Object fast = check(PySequence_Fast(o, "expected a list of tensors"));
    TensorList list;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.get());
    list.reserve(size_t(n));
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(fast.get(), i);
        if (item == Py_None) list.emplace_back();
        else if (is_tensor(item)) list.push_back(tensor_of(item));
        else fail_type(str("expected a list of tensors, found ", Py_TYPE(item)->tp_name));
    }
    return list;
}

PyObject* sgd(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        if (nargs != 3) fail_type("_sgd_step takes (params, grads, momentum_buffers)");
        const Keywords kw(args + nargs, kwnames);
        SgdOptions o;
        kw.read("lr", o.lr);
        kw.read("momentum", o.momentum);
        kw.read("dampening", o.dampening);
        kw.read("weight_decay", o.weight_decay);
        kw.read("nesterov", o.nesterov);
        kw.read("maximize", o.maximize);
        TensorList buffers = read_list(args[2]);
        std::vector<bool> missing;
        for (const Tensor& b : buffers) missing.push_back(!b.defined());
        const TensorList params = read_list(args[0]);
        // As in PyTorch, of what a step writes to first.
        for (const Tensor& b : buffers)
            if (b.defined()) check_not_captured(b, "aten::mul_.Tensor");
        for (const Tensor& p : params) check_not_captured(p, "aten::add_.Tensor");
        if (o.momentum != 0) buffers.resize(params.size());
        sgd_step(params, read_list(args[1]), buffers, o);
        for (size_t i = 0; i < missing.size(); ++i)
            if (missing[i]) check(PyList_SetItem(args[2], Py_ssize_t(i), wrap(buffers[i])));
        Py_RETURN_NONE;
    });
}

PyObject* adam(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        if (nargs != 6)
            fail_type(
                "_adam_step takes (params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps)");
        const Keywords kw(args + nargs, kwnames);
        AdamOptions o;
        kw.read("lr", o.lr);
        kw.read("beta1", o.beta1);
        kw.read("beta2", o.beta2);
        kw.read("eps", o.eps);
        kw.read("weight_decay", o.weight_decay);
        kw.read("amsgrad", o.amsgrad);
        kw.read("maximize", o.maximize);
        kw.read("decoupled", o.decoupled);
        const TensorList params = read_list(args[0]), averages = read_list(args[2]),
                         steps = read_list(args[5]);
        for (const Tensor& t : steps) check_not_captured(t, "aten::add_.Tensor");
        if (o.decoupled && o.weight_decay != 0)
            for (const Tensor& p : params) check_not_captured(p, "aten::mul_.Tensor");
        for (const Tensor& t : averages) check_not_captured(t, "aten::lerp_.Scalar");
        for (const Tensor& p : params) check_not_captured(p, "aten::addcdiv_");
        adam_step(params, read_list(args[1]), averages, read_list(args[3]), read_list(args[4]),
                  steps, o);
        Py_RETURN_NONE;
    });
}

PyMethodDef functions_[] = {
    {"_sgd_step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(sgd)),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_adam_step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(adam)),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_optim(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
