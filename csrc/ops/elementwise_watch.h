// How those who watch (tensor/watch.h) see elementwise operations.
#pragma once

#include "ops/elementwise.h"
#include "tensor/watch.h"

namespace wg {

Tensor watch_elementwise(Op op, Args args, const Params& params, const char* node);
Tensor& watch_elementwise_(Op op, Tensor& self, Args args, const Params& params, const char* node);

// "exp.default", "add_.Tensor" and all others.
std::vector<std::string> elementwise_watch_names();

}  // namespace wg
