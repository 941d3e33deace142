// The pieces of torch.Tensor that other files of the binding define and tensor_type.cpp puts together.
#pragma once

#include <vector>

#include "python.h"

namespace wg::py {

extern PyGetSetDef tensor_properties[];  // properties.cpp
extern PyMethodDef tensor_methods[];  // methods.cpp

// operators.cpp: the slots, and what the class has under their names. take_slots: for a class made in Python.
void add_operators(std::vector<PyType_Slot>& slots, std::vector<PyMethodDef>& methods);
void take_slots(PyTypeObject* type);

// tensor_type.cpp: frees what can be part of a cycle.
void break_cycles(TensorImpl& t);

// autograd.cpp
PyObject* backward_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                          PyObject* kwnames);
void warn_create_graph();

// data.cpp: torch.Tensor(...), Tensor.new and Tensor.new_tensor
PyObject* new_of_dtype(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
PyObject* new_tensor(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);

// override.cpp
PyObject* as_subclass_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames);

// indexing.cpp
PyObject* tensor_getitem(PyObject* self, PyObject* index);
int tensor_setitem(PyObject* self, PyObject* index, PyObject* value);
Py_ssize_t tensor_length(PyObject* self);

}  // namespace wg::py
