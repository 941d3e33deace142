#include "convert.h"

#include <algorithm>
#include <cmath>

#include "small_int.h"

namespace wg::py {

bool is_numpy_scalar(PyObject* o) noexcept {
    // numpy.generic, without importing numpy: by the module of the type.
    const char* name = Py_TYPE(o)->tp_name;
    return std::string_view(name).starts_with("numpy.") && !PySequence_Check(o) &&
           PyNumber_Check(o);
}

bool is_other_int(PyObject* o) noexcept {
    if (PyLong_Check(o)) return !PyBool_Check(o);
    if (is_tensor(o)) {
        const Tensor& t = tensor_of(o);
        return t.numel() == 1 && t.dim() == 0 && is_integral(t.dtype());
    }
    return PyIndex_Check(o) && !PyBool_Check(o) && !PySequence_Check(o);
}

bool is_index_like(PyObject* o) noexcept {
    return is_int_like(o) ||
           (is_tensor(o) && tensor_of(o).numel() == 1 && !is_differentiable(tensor_of(o).dtype()));
}

bool is_element_of_ints(PyObject* o) noexcept {
    return is_int_like(o) ||
           (is_tensor(o) && tensor_of(o).dim() == 0 && tensor_of(o).dtype() == DType::Bool);
}

bool is_real_number(PyObject* o) noexcept {
    return PyFloat_Check(o) || PyLong_Check(o) || is_numpy_scalar(o);
}

namespace {

// A tensor that is read for its number. A class with an __index__ of its own is asked for it (batched tensors).
bool is_read_as_number(PyObject* o) noexcept {
    return is_tensor(o) &&
           Py_TYPE(o)->tp_as_number->nb_index == tensor_type->tp_as_number->nb_index;
}

}  // namespace

int64_t to_int64(PyObject* o) {
    if (is_small_int(o)) [[likely]]
        return small_int(o);
    if (PyLong_CheckExact(o)) {
        int overflow;
        const int64_t v = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (!overflow) return v;
    }
    if (is_read_as_number(o)) return tensor_of(o).to_int();
    Object index = PyLong_Check(o) ? Object::borrow(o) : check(PyNumber_Index(o));
    const int64_t v = PyLong_AsLongLong(index.get());
    if (v == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            fail(ErrorKind::Value, "Overflow when unpacking long long");
        }
        throw PythonError{};
    }
    return v;
}

double to_double(PyObject* o) {
    if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
    if (is_read_as_number(o)) return tensor_of(o).to_double();
    const double v = PyFloat_AsDouble(o);
    if (v == -1.0 && PyErr_Occurred()) throw PythonError{};
    return v;
}

Scalar integer_scalar(PyObject* o) {
    int overflow;
    const int64_t v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow) return Scalar(v);
    const uint64_t large = PyLong_AsUnsignedLongLong(o);
    if (PyErr_Occurred()) throw PythonError{};
    return Scalar::large(large);
}

Scalar to_scalar(PyObject* o) {
    if (PyFloat_Check(o)) return Scalar(PyFloat_AS_DOUBLE(o));
    if (PyBool_Check(o)) return Scalar(o == Py_True);
    if (PyLong_Check(o)) return integer_scalar(o);
    if (PyComplex_Check(o) || std::string_view(Py_TYPE(o)->tp_name).starts_with("numpy.complex")) {
        const Py_complex z = PyComplex_AsCComplex(o);
        if (PyErr_Occurred()) throw PythonError{};
        return Scalar(Complex<double>(z.real, z.imag));
    }
    if (is_read_as_number(o)) {
        const Tensor& t = tensor_of(o);
        if (is_complex(t.dtype())) return Scalar(complex_item(t));
        if (t.dtype() == DType::Bool) return Scalar(t.to_int() != 0);
        if (is_integral(t.dtype())) return Scalar(t.to_int());
        return Scalar(t.to_double());
    }
    if (std::string_view(Py_TYPE(o)->tp_name).starts_with("numpy.bool"))
        return Scalar(bool(PyObject_IsTrue(o)));
    if (is_tensor(o) ? is_integral(tensor_of(o).dtype()) : PyIndex_Check(o))
        return Scalar(to_int64(o));
    return Scalar(to_double(o));
}

bool is_int_sequence(PyObject* o) noexcept {
    if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
    // As in PyTorch, the first element decides; args.cpp checks the others.
    return PySequence_Fast_GET_SIZE(o) == 0 || is_element_of_ints(PySequence_Fast_GET_ITEM(o, 0));
}

Dims to_dims(PyObject* o) {
    Dims dims;
    if (!PyTuple_Check(o) && !PyList_Check(o)) {
        dims.push_back(to_int64(o));
        return dims;
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) dims.push_back(to_int64(PySequence_Fast_GET_ITEM(o, i)));
    return dims;
}

void check_pin_memory(PyObject* wanted) {
    WG_CHECK(wanted != Py_True,
             "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory "
             "allocator is available on this system.");
}

TensorOptions to_options(PyObject* const* values) {
    TensorOptions o;
    o.dtype = Convert<OptDType>::get(values[0]);
    o.device = Convert<Device>::get(values[2]);
    require_cpu(o.device);
    check_pin_memory(values[3]);
    o.requires_grad = values[4] == Py_True;
    return o;
}

bool is_tensor_sequence(PyObject* o) noexcept {
    if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i)
        if (!is_tensor(PySequence_Fast_GET_ITEM(o, i))) return false;
    return true;
}

TensorList to_tensor_list(PyObject* o) {
    TensorList list;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) list.push_back(tensor_of(PySequence_Fast_GET_ITEM(o, i)));
    return list;
}

bool any_requires_grad(PyObject* o) {
    if (is_tensor(o)) return requires_grad(tensor_of(o));
    if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
        if (any_requires_grad(PySequence_Fast_GET_ITEM(o, i))) return true;
    return false;
}

void check_histories(std::span<PyObject* const> args, bool writes) {
    if (!grad_enabled()) return;
    if (writes) {
        const Tensor& t = tensor_of(args[0]);
        check_history(t, is_differentiable(t.dtype()) &&
                             std::any_of(args.begin(), args.end(), any_requires_grad));
    }
    for (PyObject* o : args) {
        if (is_tensor(o)) grad_fn(tensor_of(o));
        else if (PyTuple_Check(o) || PyList_Check(o))
            check_histories({PySequence_Fast_ITEMS(o), size_t(PySequence_Fast_GET_SIZE(o))}, false);
    }
}

PyObject* to_python(const TensorList& list) {
    Object tuple = check(PyTuple_New(Py_ssize_t(list.size())));
    for (size_t i = 0; i < list.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), wrap_or_none(list[i]));
    return tuple.release();
}

}  // namespace wg::py
