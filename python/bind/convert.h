// Python values to C++ arguments and results back. Convert<T> says for each parameter type whether an
// object fits (for choosing overloads), how to read it, and what PyTorch calls the type in errors.
#pragma once

#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "ops/functions.h"
#include "python.h"

namespace wg::py {

inline bool is_int(PyObject* o) noexcept { return PyLong_Check(o) && !PyBool_Check(o); }
// int, or something with __index__ (numpy integers, 0-d integer tensors), but not bool.
bool is_other_int(PyObject* o) noexcept;
inline bool is_int_like(PyObject* o) noexcept { return PyLong_CheckExact(o) || is_other_int(o); }
// The same in places for a list of ints, where a tensor of one element may have dims.
bool is_index_like(PyObject* o) noexcept;
// The same in a list of ints, where PyTorch takes a 0-d bool tensor for an int.
bool is_element_of_ints(PyObject* o) noexcept;
bool is_numpy_scalar(PyObject* o) noexcept;
bool is_real_number(PyObject* o) noexcept;  // bool, int, float, numpy scalars
inline bool is_number(PyObject* o) noexcept { return is_real_number(o) || PyComplex_Check(o); }
// A 0-d tensor without gradient, which may stand for a number.
inline bool is_number_tensor(PyObject* o) noexcept {
    return is_tensor(o) && tensor_of(o).dim() == 0 && !requires_grad(tensor_of(o));
}
int64_t to_int64(PyObject* o);
double to_double(PyObject* o);
Scalar to_scalar(PyObject* o);
bool is_int_sequence(PyObject* o) noexcept;
Dims to_dims(PyObject* o);
bool is_tensor_sequence(PyObject* o) noexcept;
TensorList to_tensor_list(PyObject* o);
bool any_requires_grad(PyObject* o);  // a tensor, or one of a list

template <class T>
struct Convert;

template <>
struct Convert<Tensor> {
    static constexpr const char* name = "Tensor";
    static bool accepts(PyObject* o) { return is_tensor(o); }
    static const Tensor& get(PyObject* o) { return tensor_of(o); }
};
template <>
struct Convert<int64_t> {
    static constexpr const char* name = "int";
    static bool accepts(PyObject* o) { return is_int_like(o); }
    static int64_t get(PyObject* o) { return to_int64(o); }
};
template <>
struct Convert<double> {
    static constexpr const char* name = "float";
    static bool accepts(PyObject* o) { return is_real_number(o) || is_number_tensor(o); }
    static double get(PyObject* o) { return to_double(o); }
};
template <>
struct Convert<bool> {
    static constexpr const char* name = "bool";
    static bool accepts(PyObject* o) { return PyBool_Check(o); }
    static bool get(PyObject* o) { return PyObject_IsTrue(o); }
};
template <>
struct Convert<Scalar> {
    static constexpr const char* name = "Number";
    static bool accepts(PyObject* o) { return is_number(o) || is_number_tensor(o); }
    static Scalar get(PyObject* o) { return to_scalar(o); }
};
template <>
struct Convert<DType> {
    static constexpr const char* name = "torch.dtype";
    static bool accepts(PyObject* o) { return is_dtype(o) || is_python_dtype(o); }
    static DType get(PyObject* o) { return dtype_of_object(o); }
};
template <>
struct Convert<Dims> {
    static constexpr const char* name = "tuple of ints";
    static bool accepts(PyObject* o) { return is_int_sequence(o) || is_index_like(o); }
    static Dims get(PyObject* o) { return to_dims(o); }
};
template <>
struct Convert<TensorList> {
    static constexpr const char* name = "tuple of Tensors";
    static bool accepts(PyObject* o) { return is_tensor_sequence(o); }
    static TensorList get(PyObject* o) { return to_tensor_list(o); }
};
template <>
struct Convert<std::string_view> {
    static constexpr const char* name = "str";
    static bool accepts(PyObject* o) { return PyUnicode_Check(o) || PyBytes_Check(o); }
    static std::string_view get(PyObject* o) {
        if (PyBytes_Check(o)) return {PyBytes_AS_STRING(o), size_t(PyBytes_GET_SIZE(o))};
        Py_ssize_t n;
        const char* s = PyUnicode_AsUTF8AndSize(o, &n);
        if (!s) throw PythonError{};
        return {s, size_t(n)};
    }
};
template <>
struct Convert<Device> {
    static constexpr const char* name = "torch.device";
    static bool accepts(PyObject* o) {
        return Py_TYPE(o) == device_type || Convert<std::string_view>::accepts(o) || is_int(o);
    }
    static Device get(PyObject* o) { return o == Py_None ? Device{} : device_of_object(o); }
};
enum class Layout { Strided };
template <>
struct Convert<Layout> {
    static constexpr const char* name = "torch.layout";
    static bool accepts(PyObject* o) { return o == Py_None || Py_TYPE(o) == layout_type; }
    static Layout get(PyObject*) { return Layout::Strided; }
};
template <>
struct Convert<MemoryFormat> {
    static constexpr const char* name = "torch.memory_format";
    static bool accepts(PyObject* o) { return Py_TYPE(o) == memory_format_type; }
    static MemoryFormat get(PyObject* o) { return memory_format_of_object(o); }
};
// None stands for the default generator.
template <>
struct Convert<Generator> {
    static constexpr const char* name = "torch.Generator";
    static bool accepts(PyObject* o) { return o == Py_None || is_generator(o); }
    static Generator& get(PyObject* o) { return generator_of_object(o); }
};
// The five parameters that OPTIONS stands for in a signature.
TensorOptions to_options(PyObject* const* values);
void check_pin_memory(PyObject* wanted);
// A tensor or a number.
template <>
struct Convert<Arg> {
    static constexpr const char* name = "Tensor";
    static bool accepts(PyObject* o) { return is_tensor(o) || is_number(o); }
    static Arg get(PyObject* o) {
        if (is_exact_tensor(o)) return Arg(tensor_of(o));
        if (PyFloat_CheckExact(o)) return Arg(Scalar(PyFloat_AS_DOUBLE(o)));
        return is_tensor(o) ? Arg(tensor_of(o)) : Arg(to_scalar(o));
    }
};
template <class T>
struct Convert<std::optional<T>> {
    static constexpr const char* name = Convert<T>::name;
    static bool accepts(PyObject* o) { return o == Py_None || Convert<T>::accepts(o); }
    static std::optional<T> get(PyObject* o) {
        if (o == Py_None) return std::nullopt;
        return Convert<T>::get(o);
    }
};

inline PyObject* to_python(Tensor t) { return wrap_or_none(std::move(t)); }
inline PyObject* to_python(bool v) { return PyBool_FromLong(v); }
inline PyObject* to_python(int64_t v) { return PyLong_FromLongLong(v); }
inline PyObject* to_python(double v) { return PyFloat_FromDouble(v); }
inline PyObject* to_python(const std::string& v) {
    return PyUnicode_FromStringAndSize(v.data(), Py_ssize_t(v.size()));
}
inline PyObject* to_python(DType d) { return Py_NewRef(dtype_object(d)); }
PyObject* to_python(const TensorList& list);  // a tuple
template <class... T>
PyObject* to_python(std::tuple<T...> values) {
    Object tuple = check(PyTuple_New(sizeof...(T)));
    Py_ssize_t i = 0;
    std::apply(
        [&](auto&... v) { (PyTuple_SET_ITEM(tuple.get(), i++, to_python(std::move(v))), ...); },
        values);
    return tuple.release();
}

}  // namespace wg::py
