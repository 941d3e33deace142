// What elementwise operations make of tangents (Note [Forward mode] in autograd/forward.h).
#pragma once

#include "autograd/record.h"
#include "ops/elementwise.h"

namespace wg {

// Whether the node stands for a derivative that PyTorch lacks: "torch::autograd::NotImplemented" is the only
// name with a namespace.
inline bool not_implemented(const char* node_name) { return *node_name == 't'; }

bool any_tangent(Args args);
// Gives the result its tangents.
void push_elementwise(const RowInfo& r, Op op, Args args, const Tensor& out, const Params& params);
// What an operation in place will do to tangents: that of the same operation out of place, on the values before.
TangentUpdate tangents_of_write(Op op, const Tensor& self, Args args, const Params& params,
                                const char* node_name);

}  // namespace wg
