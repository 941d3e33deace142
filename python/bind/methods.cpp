// The methods of torch.Tensor that are not rows of a table: questions, conversions, leaves.
#include <cstring>

#include "convert.h"
#include "hooks.h"
#include "ops/functions.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

// A method of no arguments.
template <auto F>
PyObject* simple(PyObject* self, PyObject*) {
    return guarded([&] { return to_python(F(tensor_of(self))); });
}

int64_t dim_of(const Tensor& t) { return t.dim(); }
int64_t numel_of(const Tensor& t) { return t.numel(); }
int64_t itemsize_of(const Tensor& t) { return int64_t(t.itemsize()); }
int64_t offset_of(const Tensor& t) { return t.offset(); }
int64_t address_of(const Tensor& t) { return int64_t(reinterpret_cast<intptr_t>(t.raw())); }
bool floating(const Tensor& t) { return is_floating(t.dtype()); }
bool never(const Tensor&) { return false; }
bool is_signed(const Tensor& t) { return t.dtype() != DType::UInt8 && t.dtype() != DType::Bool; }
bool is_view(const Tensor& t) { return t.is_view(); }
bool nonzero_value(const Tensor& t) { return t.numel() == 1 && t.to_double() != 0; }
Tensor detached(const Tensor& t) { return detach(t); }

PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        if (n == 0 || args[0] == Py_None) return wrap_size(t.sizes());
        if (!is_int_like(args[0]))
            fail_type(str("size(): argument 'dim' (position 1) must be int, not ",
                          Py_TYPE(args[0])->tp_name));
        return PyLong_FromLongLong(t.size(to_int64(args[0])));
    });
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        if (n == 0) return wrap_ints(t.strides());
        return PyLong_FromLongLong(t.stride(to_int64(args[0])));
    });
}
PyObject* is_contiguous(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) {
    return PyBool_FromLong(tensor_of(self).is_contiguous());
}

PyObject* number_at(const char* p, DType d) {
    return visit_dtype(d, [&](auto tag) -> PyObject* {
        using T = typename decltype(tag)::type;
        T v;
        std::memcpy(&v, p, sizeof(T));
        if constexpr (std::is_same_v<T, bool>) return PyBool_FromLong(v);
        else if constexpr (std::is_integral_v<T>) return PyLong_FromLongLong(int64_t(v));
        else return PyFloat_FromDouble(double(compute_type<T>(v)));
    });
}

PyObject* item(PyObject* self, PyObject*) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        WG_CHECK(t.numel() == 1, "a Tensor with ", t.numel(),
                 " elements cannot be converted to Scalar");
        return number_at(t.raw(), t.dtype());
    });
}

PyObject* to_list(const Tensor& t, int64_t d, const char* at) {
    if (d == t.dim()) return number_at(at, t.dtype());
    const int64_t n = t.sizes()[d], step = t.strides()[d] * int64_t(t.itemsize());
    Object list = check(PyList_New(n));
    for (int64_t i = 0; i < n; ++i) {
        PyObject* o = to_list(t, d + 1, at + i * step);
        if (!o) throw PythonError{};
        PyList_SET_ITEM(list.get(), i, o);
    }
    return list.release();
}
PyObject* tolist(PyObject* self, PyObject*) {
    return guarded([&] { return to_list(tensor_of(self), 0, tensor_of(self).raw()); });
}

PyObject* requires_grad_(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
    return guarded([&] {
        const Py_ssize_t n = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        bool on = true;
        if (n > 0) {
            if (!PyBool_Check(args[0]))
                fail_type(str(
                    "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not ",
                    Py_TYPE(args[0])->tp_name));
            on = args[0] == Py_True;
        }
        const Tensor& t = tensor_of(self);
        WG_CHECK(
            on || is_leaf(t),
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
            "that doesn't require differentiation use var_no_grad = var.detach().");
        WG_CHECK(!on || is_floating(t.dtype()),
                 "only Tensors of floating point dtype can require gradients");
        set_requires_grad(t, on);
        return Py_NewRef(self);
    });
}

PyObject* detach_(PyObject* self, PyObject*) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        WG_CHECK(
            !t.is_view() || t->view_kind == ViewKind::NoGrad,
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, "
            "and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be "
            "called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
            "torch/optim/optimizer.py as the solution.");
        t->grad_fn.reset();
        t->output_nr = 0;
        t->requires_grad = false;
        return Py_NewRef(self);
    });
}

PyObject* retain_grad_method(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        retain_grad(tensor_of(self));
        Py_RETURN_NONE;
    });
}

// to(dtype), to(device), to(device, dtype), to(other), with non_blocking, copy and memory_format.
PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        DType dtype = t.dtype();
        bool copy = false;
        Device device = t.device();
        const auto set_device = [&](PyObject* o) { device = device_of_object(o); };
        const auto place = [&](PyObject* o) {
            if (o == Py_None) return;
            if (is_dtype(o)) dtype = dtype_of_object(o);
            else if (is_tensor(o)) dtype = tensor_of(o).dtype(), device = tensor_of(o).device();
            else if (PyUnicode_Check(o) || Py_TYPE(o) == device_type || is_int(o)) {
                set_device(o);
            } else if (Py_TYPE(o) == &PyType_Type) {
                dtype = dtype_of_object(o);
            } else {
                fail_type(str(
                    "to() received an invalid combination of arguments - got (",
                    Py_TYPE(o)->tp_name,
                    "), but expected one of:\n * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = "
                    "False, bool copy = False, *, torch.memory_format memory_format = None)\n * (torch.dtype dtype, bool "
                    "non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n * (Tensor tensor, "
                    "bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n"));
            }
        };
        Py_ssize_t bools = 0;
        for (Py_ssize_t i = 0; i < nargs; ++i) {
            if (PyBool_Check(args[i])) {
                if (bools++ == 1) copy = args[i] == Py_True;
            } else {
                place(args[i]);
            }
        }
        const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
        for (Py_ssize_t k = 0; k < nkw; ++k) {
            const std::string_view key =
                Convert<std::string_view>::get(PyTuple_GET_ITEM(kwnames, k));
            PyObject* v = args[nargs + k];
            if (key == "dtype") {
                if (v != Py_None) dtype = dtype_of_object(v);
            } else if (key == "device") {
                if (v != Py_None) set_device(v);
            } else if (key == "copy") {
                copy = PyObject_IsTrue(v);
            } else if (key == "other" || key == "tensor") {
                place(v);
            } else if (key != "non_blocking" && key != "memory_format") {
                fail_type(str("to() got an unexpected keyword argument '", key, "'"));
            }
        }
        require_cpu(device);
        if (dtype == t.dtype() && !copy) return Py_NewRef(self);
        return wrap(to_dtype(t, dtype, copy));
    });
}

PyObject* type_as(PyObject* self, PyObject* other) {
    return guarded([&]() -> PyObject* {
        if (!is_tensor(other))
            fail_type(str("type_as(): argument 'other' (position 1) must be Tensor, not ",
                          Py_TYPE(other)->tp_name));
        return wrap(to_dtype(tensor_of(self), tensor_of(other).dtype()));
    });
}

// Python conversions to a dtype return self when nothing changes, as Tensor.to does.
template <DType D>
PyObject* convert_to(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) {
    if (tensor_of(self).dtype() == D) return Py_NewRef(self);
    return guarded([&] { return wrap(to_dtype(tensor_of(self), D)); });
}
PyObject* cpu(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) { return Py_NewRef(self); }

PyObject* resize_(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject*) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        WG_CHECK(!requires_grad(t), "cannot resize variables that require grad");
        Dims shape;
        if (nargs == 1 && !is_int_like(args[0])) shape = to_dims(args[0]);
        else
            for (Py_ssize_t i = 0; i < nargs; ++i) shape.push_back(to_int64(args[i]));
        for (int64_t s : shape)
            WG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ",
                     to_string(shape));
        resize_values(t, shape);
        t.bump_version();
        return Py_NewRef(self);
    });
}

PyObject* is_same_size(PyObject* self, PyObject* other) {
    return guarded([&] {
        if (!is_tensor(other))
            fail_type("is_same_size(): argument 'other' (position 1) must be Tensor");
        return PyBool_FromLong(same_shape(tensor_of(self).sizes(), tensor_of(other).sizes()));
    });
}

template <class F>
PyCFunction fast(F* f) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

}  // namespace

void require_cpu(Device d) {
    if (d.type == DeviceType::CPU) return;
    PyErr_SetString(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    throw PythonError{};
}

PyMethodDef tensor_methods[] = {
    {"size", fast(size), kFast, nullptr},
    {"stride", fast(stride), kFast, nullptr},
    {"dim", simple<dim_of>, METH_NOARGS, nullptr},
    {"ndimension", simple<dim_of>, METH_NOARGS, nullptr},
    {"numel", simple<numel_of>, METH_NOARGS, nullptr},
    {"nelement", simple<numel_of>, METH_NOARGS, nullptr},
    {"element_size", simple<itemsize_of>, METH_NOARGS, nullptr},
    {"storage_offset", simple<offset_of>, METH_NOARGS, nullptr},
    {"data_ptr", simple<address_of>, METH_NOARGS, nullptr},
    {"is_contiguous", fast(is_contiguous), kFast, nullptr},
    {"is_floating_point", simple<floating>, METH_NOARGS, nullptr},
    {"is_complex", simple<never>, METH_NOARGS, nullptr},
    {"is_inference", simple<never>, METH_NOARGS, nullptr},
    {"is_signed", simple<is_signed>, METH_NOARGS, nullptr},
    {"is_nonzero", simple<nonzero_value>, METH_NOARGS, nullptr},
    {"is_same_size", is_same_size, METH_O, nullptr},
    {"_is_view", simple<is_view>, METH_NOARGS, nullptr},
    {"item", item, METH_NOARGS, "The value of a tensor of one element as a Python number."},
    {"tolist", tolist, METH_NOARGS, "The values as nested lists."},
    {"detach", simple<detached>, METH_NOARGS, "The same memory without history."},
    {"detach_", detach_, METH_NOARGS, nullptr},
    {"requires_grad_", fast(requires_grad_), kFast, nullptr},
    {"retain_grad", retain_grad_method, METH_NOARGS, nullptr},
    {"to", fast(to), kFast, nullptr},
    {"type_as", type_as, METH_O, nullptr},
    {"float", fast(convert_to<DType::Float32>), kFast, nullptr},
    {"double", fast(convert_to<DType::Float64>), kFast, nullptr},
    {"half", fast(convert_to<DType::Float16>), kFast, nullptr},
    {"bfloat16", fast(convert_to<DType::BFloat16>), kFast, nullptr},
    {"long", fast(convert_to<DType::Int64>), kFast, nullptr},
    {"int", fast(convert_to<DType::Int32>), kFast, nullptr},
    {"short", fast(convert_to<DType::Int16>), kFast, nullptr},
    {"char", fast(convert_to<DType::Int8>), kFast, nullptr},
    {"byte", fast(convert_to<DType::UInt8>), kFast, nullptr},
    {"bool", fast(convert_to<DType::Bool>), kFast, nullptr},
    {"cpu", fast(cpu), kFast, nullptr},
    {"resize_", fast(resize_), kFast, nullptr},
    {"backward", fast(backward_method), kFast,
     "Accumulates the gradient of this tensor into the leaves of its graph."},
    {"register_hook", register_hook, METH_O, nullptr},
    {"register_post_accumulate_grad_hook", register_post_accumulate_grad_hook, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace wg::py
