// The methods of torch.Tensor that are not rows of a table: questions, conversions, leaves.
#include <cstring>

#include "args.h"
#include "ops/functions.h"
#include "override.h"
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
int64_t address_of(const Tensor& t) {
    return t.numel() == 0 ? 0 : int64_t(reinterpret_cast<intptr_t>(t.address()));
}
bool is_zerotensor(const Tensor&) { return false; }
bool has_complex_dtype(const Tensor& t) { return is_complex(t.dtype()); }
bool is_view(const Tensor& t) { return t.is_view(); }
Tensor detached(const Tensor& t) { return detach(t); }

PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (nargs == 0 && !kwnames) return wrap_size(t.sizes());
        if (nargs == 1 && !kwnames && is_int(args[0]))
            return PyLong_FromLongLong(t.size(to_int64(args[0])));
        static const Parser parser("size", false, {"int dim=None"});
        PyObject* dim;
        Object temporary;
        parser.parse(args, nargs, kwnames, &dim, temporary);
        return dim == Py_None ? wrap_size(t.sizes()) : PyLong_FromLongLong(t.size(to_int64(dim)));
    });
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (nargs == 0 && !kwnames) return wrap_ints(t.strides());
        static const Parser parser("stride", false, {"int dim=None"});
        PyObject* dim;
        Object temporary;
        parser.parse(args, nargs, kwnames, &dim, temporary);
        if (dim == Py_None) return wrap_ints(t.strides());
        return PyLong_FromLongLong(t.stride(to_int64(dim)));
    });
}

// The memory_format=None of a method that takes nothing else.
OptMemoryFormat format_argument(const Parser& parser, PyObject* const* args, Py_ssize_t nargs,
                                PyObject* kwnames) {
    if (nargs == 0 && !kwnames) return {};
    PyObject* value;
    Object temporary;
    parser.parse(args, nargs, kwnames, &value, temporary);
    return Convert<OptMemoryFormat>::get(value);
}

PyObject* is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                        PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser("is_contiguous", false,
                                   {"*, torch.memory_format memory_format=None"});
        const OptMemoryFormat format = format_argument(parser, args, nargs, kwnames);
        return PyBool_FromLong(
            is_contiguous_in(tensor_of(self), format.value_or(MemoryFormat::Contiguous)));
    });
}

PyObject* number_at(const char* p, DType d) {
    return visit_any_dtype(d, [&](auto tag) -> PyObject* {
        using T = typename decltype(tag)::type;
        // A bool from outside may be a byte that C++ knows no bool of.
        std::conditional_t<std::is_same_v<T, bool>, uint8_t, T> v;
        std::memcpy(&v, p, sizeof(T));
        if constexpr (is_complex_number<T>) return PyComplex_FromDoubles(v.re, v.im);
        else if constexpr (std::is_same_v<T, bool>) return PyBool_FromLong(v != 0);
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

void refuse_in_transform(const char* what, const char* method) {
    WG_CHECK(
        transform_level == 0, "You are attempting to call Tensor.", what,
        " inside of a function being transformed by a functorch transform. This is unsupported, please attempt to use the "
        "functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call ",
        method, " outside of a function being transformed instead.");
}

PyObject* requires_grad_(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
    return guarded([&] {
        bool on = true;
        if (nargs > 0 || kwnames) {
            static const Parser parser("requires_grad_", false, {"bool requires_grad=True"});
            PyObject* value;
            Object temporary;
            parser.parse(args, nargs, kwnames, &value, temporary);
            on = value == Py_True;
        }
        refuse_in_transform("requires_grad_() (or perhaps using torch.autograd.functional.* APIs)",
                            "requires_grad_()");
        const Tensor& t = tensor_of(self);
        WG_CHECK(
            on || !t->grad_fn,
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
            "that doesn't require differentiation use var_no_grad = var.detach().");
        WG_CHECK(!on || is_differentiable(t.dtype()),
                 "only Tensors of floating point dtype can require gradients");
        set_requires_grad(t, on);
        return Py_NewRef(self);
    });
}

PyObject* detach_(PyObject* self, PyObject*) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        check_not_captured(t, "aten::detach_");
        if (inference_mode() || t->inference) return Py_NewRef(self);
        WG_CHECK(
            !t.is_view(),
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, "
            "and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be "
            "called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
            "torch/optim/optimizer.py as the solution.");
        t->grad_fn.reset();
        t->output_nr = 0;
        t->requires_grad = false;
        if (t->extras) drop_tangents(*meta(t));
        return Py_NewRef(self);
    });
}

PyObject* retain_grad_method(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        refuse_in_transform("retain_grad()", "retain_grad()");
        retain_grad(tensor_of(self));
        Py_RETURN_NONE;
    });
}

// A copy in a dtype and memory format; self when there is nothing to change.
PyObject* converted(PyObject* self, DType dtype, bool copy, OptMemoryFormat format) {
    const Tensor& t = tensor_of(self);
    const bool kept = format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve ||
                      (dtype == t.dtype() && *format == MemoryFormat::Contiguous);
    if (dtype == t.dtype() && !copy && (kept || is_contiguous_in(t, *format)))
        return Py_NewRef(self);
    if (kept && !(copy && format == MemoryFormat::Contiguous))
        return wrap(to_dtype(t, dtype, copy));
    return wrap(to_format(t, dtype, *format));
}

PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (nargs == 1 && !kwnames && is_dtype(args[0])) {
            const DType dtype = dtype_of_object(args[0]);
            return dtype == t.dtype() ? Py_NewRef(self) : wrap(to_dtype(t, dtype));
        }
        static const Parser parser(
            "to", false,
            {"torch.device device=None, torch.dtype dtype=None, bool non_blocking=False, bool "
             "copy=False, *, torch.memory_format memory_format=None",
             "torch.dtype dtype, bool non_blocking=False, bool copy=False, *, torch.memory_format "
             "memory_format=None",
             "Operand tensor, bool non_blocking=False, bool copy=False, *, torch.memory_format "
             "memory_format=None"});
        PyObject* values[kMaxParameters];
        Object temporary;
        const int form = parser.parse(args, nargs, kwnames, values, temporary);
        DType dtype = t.dtype();
        Device device = t.device();
        if (form == 0) {
            if (values[0] != Py_None) device = device_of_object(values[0]);
            if (values[1] != Py_None) dtype = dtype_of_object(values[1]);
        } else if (form == 1) {
            dtype = dtype_of_object(values[0]);
        } else if (is_tensor(values[0])) {
            dtype = tensor_of(values[0]).dtype();
            device = tensor_of(values[0]).device();
        } else {
            dtype = wrapped_number(to_scalar(values[0])).dtype();
        }
        require_cpu(device);
        PyObject* const* rest = values + (form == 0 ? 2 : 1);  // non_blocking, copy, memory_format
        return converted(self, dtype, rest[1] == Py_True, Convert<OptMemoryFormat>::get(rest[2]));
    });
}

template <DType D>
constexpr const char* kConversion = D == DType::Float32    ? "float"
                                    : D == DType::Float64  ? "double"
                                    : D == DType::Float16  ? "half"
                                    : D == DType::BFloat16 ? "bfloat16"
                                    : D == DType::Int64    ? "long"
                                    : D == DType::Int32    ? "int"
                                    : D == DType::Int16    ? "short"
                                    : D == DType::Int8     ? "char"
                                    : D == DType::UInt8    ? "byte"
                                                           : "bool";

template <DType D>
PyObject* convert_to(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&] {
        if (nargs == 0 && !kwnames)
            return tensor_of(self).dtype() == D ? Py_NewRef(self)
                                                : wrap(to_dtype(tensor_of(self), D));
        static const Parser parser(kConversion<D>, false,
                                   {"*, torch.memory_format memory_format=None"});
        return converted(self, D, false, format_argument(parser, args, nargs, kwnames));
    });
}
PyObject* cpu(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser("cpu", false, {"*, torch.memory_format memory_format=None"});
        return converted(self, tensor_of(self).dtype(), false,
                         format_argument(parser, args, nargs, kwnames));
    });
}

PyObject* resize_(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&] {
        static const Parser parser(
            "resize_", false, {"tuple of ints size, *, torch.memory_format memory_format=None"});
        PyObject* values[2];
        Object temporary;
        parser.parse(args, nargs, kwnames, values, temporary);
        const Tensor& t = tensor_of(self);
        check_not_captured(t, "aten::resize_");
        WG_CHECK(inference_mode() || !requires_grad(t),
                 "cannot resize variables that require grad");
        WG_CHECK(!has_tangent(t), "cannot resize variables that has a forward grad");
        const Dims shape = to_dims(values[0]);
        for (int64_t s : shape) WG_CHECK(s >= 0, "numel: integer multiplication overflow");
        if (same_shape(t.sizes(), shape)) return Py_NewRef(self);
        resize_values(t, shape);
        t.bump_version();
        return Py_NewRef(self);
    });
}

}  // namespace

PyMethodDef tensor_methods[] = {
    question<"size", size>(),
    question<"stride", stride>(),
    question<"dim", simple<dim_of>>(),
    question<"ndimension", simple<dim_of>, "dim">(),
    question<"numel", simple<numel_of>>(),
    question<"nelement", simple<numel_of>, "numel">(),
    question<"element_size", simple<itemsize_of>>(),
    question<"get_device", simple<get_device>>(),
    question<"storage_offset", simple<offset_of>>(),
    question<"data_ptr", simple<address_of>>(),
    question<"is_contiguous", is_contiguous>(),
    question<"is_floating_point", simple<is_floating_point>>(),
    question<"is_complex", simple<has_complex_dtype>>(),
    question<"_is_zerotensor", simple<is_zerotensor>>(),
    question<"is_inference", simple<is_inference>>(),
    question<"is_signed", simple<is_signed>>(),
    question<"_is_view", simple<is_view>>(),
    method<"item", item>("The value of a tensor of one element as a Python number."),
    question<"tolist", tolist>("The values as nested lists."),
    method<"detach", simple<detached>>("The same memory without history."),
    method<"detach_", detach_>(),
    question<"requires_grad_", requires_grad_>(),
    question<"retain_grad", retain_grad_method>(),
    method<"to", to>(),
    method<"float", convert_to<DType::Float32>>(),
    method<"double", convert_to<DType::Float64>>(),
    method<"half", convert_to<DType::Float16>>(),
    method<"bfloat16", convert_to<DType::BFloat16>>(),
    method<"cfloat", convert_to<DType::Complex64>>(),
    method<"cdouble", convert_to<DType::Complex128>>(),
    method<"long", convert_to<DType::Int64>>(),
    method<"int", convert_to<DType::Int32>>(),
    method<"short", convert_to<DType::Int16>>(),
    method<"char", convert_to<DType::Int8>>(),
    method<"byte", convert_to<DType::UInt8>>(),
    method<"bool", convert_to<DType::Bool>>(),
    method<"cpu", cpu>(),
    method<"resize_", resize_>(),
    method<"new", new_of_dtype, "new", Told::Self>(
        "A tensor of this size, or of these data, with this tensor's dtype."),
    method<"new_tensor", new_tensor, "new_tensor", Told::Self>(
        "A tensor of other data with this tensor's dtype."),
    {"backward", fast_function(backward_method), METH_FASTCALL | METH_KEYWORDS,
     "Accumulates the gradient of this tensor into the leaves of its graph."},
    {"as_subclass", fast_function(as_subclass_method), METH_FASTCALL | METH_KEYWORDS,
     "The same values and history as a tensor of a subclass."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace wg::py
