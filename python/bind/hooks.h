// Hooks: Python callables on tensors and nodes (hooks.cpp). As in PyTorch the callables of one place are an
// OrderedDict, from which handles remove them; C++ holds the dict as one hook.
#pragma once

#include "python.h"

namespace wg::py {

// The forms in which a dict of callables sits in NodeHooks and AutogradMeta.
struct PyTensorHooks {
    Object dict;
    Tensor operator()(const Tensor& grad) const;
};
struct PyAccumulateHooks {
    Object dict;
    void operator()(const Tensor& leaf) const;
};
struct PyPreHooks {
    Object dict;
    void operator()(Grads& grad_outputs) const;
};
struct PyPostHooks {
    Object dict;
    void operator()(Grads& grad_inputs, const Grads& grad_outputs) const;
};

// register_hook and the like: a RemovableHandle.
PyObject* register_hook(PyObject* tensor, PyObject* callable);
PyObject* register_post_accumulate_grad_hook(PyObject* tensor, PyObject* callable);
PyObject* register_node_hook(Node* node, PyObject* callable);
PyObject* register_node_prehook(Node* node, PyObject* callable);
// The dicts; None without hooks.
PyObject* tensor_hooks(PyObject* tensor);
PyObject* post_accumulate_grad_hooks(PyObject* tensor);
void set_tensor_hooks(PyObject* tensor, PyObject* dict);
void set_post_accumulate_grad_hooks(PyObject* tensor, PyObject* dict);

// Visits the dicts, for the garbage collector.
int visit_hooks(const AutogradMeta& meta, visitproc visit, void* arg);
int visit_hooks(const NodeHooks& hooks, visitproc visit, void* arg);

void add_hooks(PyObject* module);

}  // namespace wg::py
