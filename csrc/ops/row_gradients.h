// Gradients with rows (Note [Rows] in autograd/rows.h), for derivatives that take them.
#pragma once

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

// The gradient of a tensor of fewer dims than `rank`, so that it broadcasts with one of that many: the new dims
// come first, but behind the rows.
inline Tensor aligned(const Backward& d, const Tensor& g, int64_t rank) {
    const int64_t missing = rank + d.front() - g.dim();
    if (!d.front() || missing <= 0) return g;
    Dims sizes(g.sizes());
    for (int64_t i = 0; i < missing; ++i) sizes.insert(1, 1);
    return reshape(g, sizes);
}

// The same, expanded to these sizes of a tensor.
inline Tensor spread(const Backward& d, const Tensor& g, const Dims& sizes) {
    return expand(aligned(d, g, int64_t(sizes.size())), d.sizes(sizes));
}

// What was saved with a batch of its copies, for derivatives that need both of one shape.
inline Tensor like_rows(const Backward& d, const Tensor& saved) {
    return d.front() ? in_each_row(saved, d.grad().sizes()[0]) : saved;
}

}  // namespace wg
