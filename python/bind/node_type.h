// grad_fn objects: the Python side of graph nodes (node_type.cpp) and of autograd.Function (function.cpp).
#pragma once

#include "python.h"

namespace wg::py {

struct PyNode {
    PyObject_HEAD Node* node;  // counted when `owns`; a Function's ctx is owned by its node instead
    bool owns;
    PyObject* dict;
    PyObject* weakrefs;
};

inline PyNode* as_node(PyObject* o) { return reinterpret_cast<PyNode*>(o); }
// The node, or RuntimeError when the graph it was part of is gone.
Node& node_at(PyObject* o);

extern PyGetSetDef node_properties[];
extern PyMethodDef node_methods[];
int node_traverse(PyObject* o, visitproc visit, void* arg);
int node_clear(PyObject* o);
void node_dealloc(PyObject* o);
PyObject* node_getattro(PyObject* o, PyObject* name);

// The ctx object when the node is that of a Python Function, else null.
PyObject* function_context(const Node& node);

}  // namespace wg::py
