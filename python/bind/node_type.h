// grad_fn objects: the Python side of graph nodes (node_type.cpp) and of autograd.Function (function.cpp).
#pragma once

#include "python.h"

namespace wg::py {

struct PyNode {
    PyObject_HEAD Node* node;
    bool owns;  // counts as an owner of the node; a Function's ctx may be owned by its node instead
};

inline PyNode* as_node(PyObject* o) { return reinterpret_cast<PyNode*>(o); }
bool is_node(PyObject* o) noexcept;  // of either kind
bool is_node_type(PyTypeObject* type) noexcept;
// The node, or RuntimeError when the graph it was part of is gone.
Node& node_at(PyObject* o);

// What both kinds have.
extern PyGetSetDef node_properties[];
extern PyMethodDef node_methods[];

void add_node_types(PyObject* module);

// --- function.cpp ---

bool is_context_type(PyTypeObject* type) noexcept;
// A new reference to the ctx object when the node is that of a Python Function, else null.
PyObject* wrap_context(Node& node);
// The ctx object if the node owns it, else null.
PyObject* owned_context(const Node& node);

// The Python objects that the node itself owns, for the garbage collector.
int visit_python_of(const Node& node, visitproc visit, void* arg);
void clear_python_of(Node& node);

}  // namespace wg::py
