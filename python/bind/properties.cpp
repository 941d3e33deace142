// The properties of torch.Tensor.
#include "autograd/engine.h"
#include "convert.h"
#include "hooks.h"
#include "ops/functions.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

// A property that computes a tensor.
template <Tensor (*F)(const Tensor&)>
PyObject* get_tensor(PyObject* o, void*) {
    return guarded([&] { return wrap_or_none(F(tensor_of(o))); });
}
template <bool (*F)(const Tensor&)>
PyObject* get_bool(PyObject* o, void*) {
    return guarded([&] { return PyBool_FromLong(F(tensor_of(o))); });
}
template <int64_t (*F)(const Tensor&)>
PyObject* get_int(PyObject* o, void*) {
    return guarded([&] { return PyLong_FromLongLong(F(tensor_of(o))); });
}

PyObject* get_shape(PyObject* o, void*) {
    return guarded([&] { return wrap_size(tensor_of(o).sizes()); });
}
PyObject* get_dtype(PyObject* o, void*) { return Py_NewRef(dtype_object(tensor_of(o).dtype())); }
PyObject* get_device(PyObject* o, void*) {
    return guarded([&] { return wrap_device(tensor_of(o).device()); });
}

PyObject* get_grad(PyObject* o, void*) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(o);
        AutogradMeta* m = meta(t);
        if (m && m->grad.defined()) return wrap(m->grad);
        if (requires_grad(t) && !t->retains_grad && t->grad_fn)
            warn(
                WarningKind::User,
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
                "you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information. "
                "(Triggered internally at /__w/pytorch/pytorch/build/aten/src/ATen/core/TensorBody.h:493.)");
        Py_RETURN_NONE;
    });
}
int set_grad_property(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            if (!value || value == Py_None) {
                set_grad(tensor_of(o), Tensor());
                return 0;
            }
            if (!is_tensor(value))
                fail_type(str("assigned grad expected to be a Tensor or None but got grad of type ",
                              Py_TYPE(value)->tp_name));
            set_grad(tensor_of(o), tensor_of(value));
            return 0;
        },
        -1);
}

PyObject* get_grad_dtype(PyObject* o, void*) {
    return guarded([&]() -> PyObject* {
        const std::optional<DType> d = grad_dtype(tensor_of(o));
        return Py_NewRef(d ? dtype_object(*d) : Py_None);
    });
}
int set_grad_dtype_property(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            if (!value) fail_type("grad_dtype cannot be deleted");
            WG_CHECK(value == Py_None || is_dtype(value),
                     "grad_dtype must be a torch.dtype or None, but got ", Py_TYPE(value)->tp_name);
            check(get_grad(o, nullptr));  // as in PyTorch, which warns of one that is no leaf
            set_grad_dtype(tensor_of(o),
                           value == Py_None ? std::nullopt : std::optional(dtype_of_object(value)));
            return 0;
        },
        -1);
}

PyObject* get_requires_grad(PyObject* o, void*) {
    return guarded([&] { return PyBool_FromLong(sees_history(tensor_of(o))); });
}
int set_requires_grad_property(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            WG_CHECK(value && PyBool_Check(value), "requires_grad must be a bool");
            WG_CHECK(value == Py_False || !tensor_of(o)->grad_fn,
                     "you can only change requires_grad flags of leaf variables.");
            set_requires_grad(tensor_of(o), value == Py_True);
            return 0;
        },
        -1);
}

PyObject* get_grad_fn(PyObject* o, void*) {
    return guarded([&] {
        const Tensor& t = tensor_of(o);
        return wrap_node(sees_history(t) ? grad_fn(t) : nullptr);
    });
}

// As in PyTorch no more than another way to detach_().
int drop_grad_fn(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            WG_CHECK(value, "Deletion of _grad_fn not allowed. Detach tensor instead!");
            WG_CHECK(value == Py_None, "_grad_fn can be only set to None");
            check(PyObject_CallMethod(o, "detach_", nullptr));
            return 0;
        },
        -1);
}

// What became of the first form of no_grad.
PyObject* get_volatile(PyObject*, void*) {
    if (PyErr_WarnEx(PyExc_UserWarning, "volatile was removed (Variable.volatile is always False)",
                     1) < 0)
        return nullptr;
    Py_RETURN_FALSE;
}
int set_volatile(PyObject*, PyObject*, void*) {
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.", 1);
}

// The values without history or shared version counter: writes through it go unnoticed by autograd.
Tensor data_of(const Tensor& t) {
    Tensor d = alias(t);
    if (!t->inference || !inference_mode()) count_apart(d);
    return d;
}
int set_data(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            WG_CHECK(value, "Deleting tensor data is not allowed. Delete tensor instead!");
            if (!is_tensor(value))
                fail_type(
                    str("Variable data has to be a tensor, but got ", Py_TYPE(value)->tp_name));
            const Tensor &t = tensor_of(o), &from = tensor_of(value);
            WG_CHECK(!(requires_grad(t) && !is_differentiable(from.dtype())),
                     "data set to a tensor that requires gradients must be "
                     "floating point or complex dtype");
            // As in PyTorch, what is recorded already goes on to expect the old shape, but not the old dtype.
            if (t.dtype() != from.dtype()) forget_accumulator(t);
            t->dtype = from.dtype();
            t->inference = from->inference;
            t->conjugate = from->conjugate;
            t->negative = from->negative;
            set_memory(t, from->storage, from.sizes(), from.strides(), from.offset());
            return 0;
        },
        -1);
}

void warn_of_scalar(const char* property, const char* advice, int line) {
    warn_once(
        WarningKind::User,
        str("Tensor.", property, " is deprecated on 0-D tensors. ", advice,
            " (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/TensorShape.cpp:",
            line, ".)"));
}
constexpr const char* kIdentity = "This function is the identity in these cases.";
constexpr const char* kUseConj = "Consider using x.conj().";

Tensor transpose_last(const Tensor& t, const char* property, const char* advice, int line) {
    WG_CHECK(t.dim() != 1, "tensor.", property,
             " is only supported on matrices or batches of matrices. Got 1-D tensor.");
    if (t.dim() > 0) return transpose(t, -2, -1);
    warn_of_scalar(property, advice, line);
    return t;
}
Tensor m_transposed(const Tensor& t) { return transpose_last(t, "mT", kIdentity, 4373); }
Tensor m_adjoint(const Tensor& t) {
    const Tensor h = transpose_last(t, "mH", kUseConj, 4382);
    return t.dim() > 0 ? conj_view(h) : h;
}
Tensor reversed_dims(const Tensor& t) {
    if (t.dim() == 0) warn_of_scalar("T", kIdentity, 4321);
    else if (t.dim() != 2)
        warn_once(
            WarningKind::User,
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an "
            "error in a future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - "
            "1, -1, -1))` to reverse the dimensions of a tensor. (Triggered internally at "
            "/__w/pytorch/pytorch/aten/src/ATen/native/TensorShape.cpp:4314.)");
    Dims dims;
    for (int64_t d = t.dim() - 1; d >= 0; --d) dims.push_back(d);
    return permute(t, dims);
}
Tensor transpose_2d(const Tensor& t) {
    WG_CHECK(t.dim() == 0 || t.dim() == 2,
             "tensor.H is only supported on matrices (2-D tensors). Got ", t.dim(), "-D tensor.",
             t.dim() > 2 ? " For batches of matrices, consider using tensor.mH" : "");
    if (t.dim() > 0) return conj_view(transpose(t, 0, 1));
    warn_of_scalar("H", kUseConj, 4335);
    return t;
}
Tensor base_of(const Tensor& t) { return Tensor(t->view_base); }
bool no(const Tensor&) { return false; }
bool yes(const Tensor&) { return true; }
bool leaf(const Tensor& t) { return is_leaf(t) || !sees_history(t); }
bool retains(const Tensor& t) { return t->retains_grad; }
int64_t version_of(const Tensor& t) {
    WG_CHECK(!t->untracked, kNoVersions);
    return t.version();
}
int64_t output_nr_of(const Tensor& t) { return t->output_nr; }
int64_t ndim_of(const Tensor& t) { return t.dim(); }
int64_t itemsize_of(const Tensor& t) { return int64_t(t.itemsize()); }
int64_t nbytes_of(const Tensor& t) { return int64_t(t.nbytes()); }

PyObject* get_hooks(PyObject* o, void*) {
    return guarded([&] { return tensor_hooks(o); });
}
template <void (*Set)(PyObject* tensor, PyObject* dict)>
int set_hooks(PyObject* o, PyObject* dict, void*) {
    return guarded([&] { return Set(o, dict), 0; }, -1);
}
PyObject* get_accumulate_hooks(PyObject* o, void*) {
    return guarded([&] { return post_accumulate_grad_hooks(o); });
}

PyObject* get_name(PyObject*, void*) { Py_RETURN_NONE; }
PyObject* get_layout(PyObject*, void*) {
    return guarded([] {
        const Object module = check(PyImport_ImportModule("whygrad._C"));
        return check(PyObject_GetAttrString(module.get(), "strided")).release();
    });
}

// x.real = values, x.imag = values
template <Tensor (*F)(const Tensor&)>
int set_part(PyObject* o, PyObject* value, void*) {
    return guarded(
        [&] {
            WG_CHECK(value, "Deleting tensor parts is not allowed.");
            Tensor part = F(tensor_of(o));
            if (is_tensor(value)) copy_(part, tensor_of(value), false);
            else fill_(part, to_scalar(value));
            return 0;
        },
        -1);
}

}  // namespace

PyGetSetDef tensor_properties[] = {
    {"shape", get_shape, nullptr, "The sizes, as torch.Size.", nullptr},
    {"dtype", get_dtype, nullptr, nullptr, nullptr},
    {"device", get_device, nullptr, nullptr, nullptr},
    {"grad", get_grad, set_grad_property, "The gradient accumulated by backward(), or None.",
     nullptr},
    {"grad_dtype", get_grad_dtype, set_grad_dtype_property,
     "The dtype of the gradients of a leaf; None: any. The default is its own.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad_property, nullptr, nullptr},
    {"grad_fn", get_grad_fn, nullptr,
     "The node of the graph that made the tensor; None for leaves.", nullptr},
    {"_grad", get_grad, set_grad_property, nullptr, nullptr},
    {"_grad_fn", get_grad_fn, drop_grad_fn, nullptr, nullptr},
    {"volatile", get_volatile, set_volatile, nullptr, nullptr},
    {"is_leaf", get_bool<leaf>, nullptr, nullptr, nullptr},
    {"retains_grad", get_bool<retains>, nullptr, nullptr, nullptr},
    {"_backward_hooks", get_hooks, set_hooks<set_tensor_hooks>, nullptr, nullptr},
    {"_post_accumulate_grad_hooks", get_accumulate_hooks, set_hooks<set_post_accumulate_grad_hooks>,
     nullptr, nullptr},
    {"data", get_tensor<data_of>, set_data,
     "The values, without history and without sharing versions.", nullptr},
    {"T", get_tensor<reversed_dims>, nullptr, nullptr, nullptr},
    {"mT", get_tensor<m_transposed>, nullptr, nullptr, nullptr},
    {"H", get_tensor<transpose_2d>, nullptr, nullptr, nullptr},
    {"mH", get_tensor<m_adjoint>, nullptr, nullptr, nullptr},
    {"real", get_tensor<real>, set_part<real>, "The real parts, a view.", nullptr},
    {"imag", get_tensor<imag>, set_part<imag>, "The imaginary parts, a view.", nullptr},
    {"_base", get_tensor<base_of>, nullptr, nullptr, nullptr},
    {"_version", get_int<version_of>, nullptr, "How often the memory was written in place.",
     nullptr},
    {"output_nr", get_int<output_nr_of>, nullptr, nullptr, nullptr},
    {"ndim", get_int<ndim_of>, nullptr, nullptr, nullptr},
    {"itemsize", get_int<itemsize_of>, nullptr, nullptr, nullptr},
    {"nbytes", get_int<nbytes_of>, nullptr, nullptr, nullptr},
    {"is_cpu", get_bool<yes>, nullptr, nullptr, nullptr},
    {"is_cuda", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_sparse", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_quantized", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_meta", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_mps", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_sparse_csr", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_mkldnn", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_nested", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_xpu", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_xla", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_mtia", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_maia", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_ipu", get_bool<no>, nullptr, nullptr, nullptr},
    {"is_vulkan", get_bool<no>, nullptr, nullptr, nullptr},
    {"layout", get_layout, nullptr, nullptr, nullptr},
    {"name", get_name, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace wg::py
