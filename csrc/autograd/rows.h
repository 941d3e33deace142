// Gradients for a batch of gradients, by a pass for each row: is_grads_batched, vmap of a vjp, rows of Jacobians.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace wg {

// A pass for gradients of the roots; gives those of its inputs, undefined where there are none. `more`: another
// pass over the same graph follows.
using RowPass = std::function<std::vector<Tensor>(std::span<const Tensor> grads, bool more)>;

// Runs a pass for each row of those gradients that have rows (all the same number, at least one), and gives the
// results, stacked. Undefined where no row had a gradient, else zeros take the place of missing ones.
std::vector<Tensor> by_rows(std::span<const Tensor> grads, std::span<const char> has_rows,
                            const RowPass& pass);

}  // namespace wg
