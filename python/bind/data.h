// Tensors from Python data: numbers, nested sequences, numpy arrays (data.cpp).
#pragma once

#include <optional>

#include "convert.h"

namespace wg::py {

// By the names of its types: numpy is not linked, nor imported before somebody else does.
bool is_ndarray(PyObject* o) noexcept;
bool is_numpy_object(PyObject* o) noexcept;  // a numpy scalar
bool is_numpy_bool(PyObject* o) noexcept;

// An int, or what __index__ gives.
inline int64_t index_value(PyObject* o) {
    const Object number = PyLong_Check(o) ? Object::borrow(o) : check(PyNumber_Index(o));
    const int64_t value = PyLong_AsLongLong(number.get());
    if (value != -1 || !PyErr_Occurred()) return value;
    PyErr_Clear();
    fail(ErrorKind::Value, "Overflow when unpacking long long");
}

// A fresh tensor with the values of `data`; the dtype is inferred unless given.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype = {});

// The dtype that it infers.
DType dtype_of_data(PyObject* data);

// A tensor over the memory of a numpy array; warns of one that must not be written to, if `writable`.
Tensor tensor_from_numpy(PyObject* array, bool writable = true);

}  // namespace wg::py
