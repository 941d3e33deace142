// Tensors from Python data: numbers, nested sequences, numpy arrays (data.cpp).
#pragma once

#include <optional>

#include "python.h"

namespace wg::py {

// A fresh tensor with the values of `data`; the dtype is inferred unless given.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype = {});

// A tensor over the memory of a numpy array.
Tensor tensor_from_numpy(PyObject* array);

}  // namespace wg::py
