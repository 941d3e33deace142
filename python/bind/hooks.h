// Hooks: Python callables on tensors and nodes, and the handles that remove them (hooks.cpp).
#pragma once

#include "python.h"

namespace wg::py {

// The form in which a Python callable sits in NodeHooks and AutogradMeta; the collector looks for these.
struct PyTensorHook {
    Object callable;
    Tensor operator()(const Tensor& grad) const;
};
struct PyAccumulateHook {
    Object callable;
    void operator()(const Tensor& leaf) const;
};
struct PyPreHook {
    Object callable;
    void operator()(Grads& grad_outputs) const;
};
struct PyPostHook {
    Object callable;
    void operator()(Grads& grad_inputs, const Grads& grad_outputs) const;
};

PyObject* register_hook(PyObject* tensor, PyObject* callable);
PyObject* register_post_accumulate_grad_hook(PyObject* tensor, PyObject* callable);
PyObject* register_node_hook(Node* node, PyObject* callable);
PyObject* register_node_prehook(Node* node, PyObject* callable);

// Visits the Python objects that a node itself holds.
int visit_node(const Node& node, visitproc visit, void* arg);

// torch._C._remove_hook(key): what RemovableHandle.remove calls.
void add_hooks(PyObject* module);

// AssertionError "Torch not compiled with CUDA enabled" for other devices.
void require_cpu(Device d);

}  // namespace wg::py
