// The garbage collector's view of the C++ graph (collector.cpp, Note [Garbage collection]).
#pragma once

#include "python.h"

namespace wg::py {

// Some object behind the graph may refer to Python objects: from now on full collections look through it.
void note_entanglement() noexcept;

// Within a full collection, shows the collector that the caller owns one reference to the tensor or
// node. False, or nothing, when it has no shadow.
bool has_shadow(const TensorImpl* tensor) noexcept;
int visit_shadow(const TensorImpl* tensor, visitproc visit, void* arg);
int visit_shadow(const Node* node, visitproc visit, void* arg);

void add_collector(PyObject* module);

}  // namespace wg::py
