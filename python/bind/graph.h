// torch._C._autograd: saved tensor hooks and what nodes show of themselves (graph.cpp).
#pragma once

#include <pybind11/pybind11.h>

#include "python.h"

namespace wg::py {

// Runs f; throws what pybind11 understands.
template <class F>
auto translated(F&& f) {
    try {
        return f();
    } catch (...) {
        set_python_error();
        throw pybind11::error_already_set();
    }
}

// The stack of saved tensor hooks, for a thread that runs in the place of another.
void* saved_hooks_of_thread();
void share_saved_hooks(void* of_another_thread);

// The Python object that hooks made of a saved tensor, for the garbage collector.
int visit_packed(const PackedTensor& packed, visitproc visit, void* arg);

// `grad_fn._raw_saved_NAME`: the i-th saved tensor of the node, on which hooks can be set.
PyObject* wrap_saved(Node& node, size_t i);
// `grad_fn._input_metadata`
PyObject* input_metadata(const Node& node);

void add_graph(pybind11::module_& m);

}  // namespace wg::py
