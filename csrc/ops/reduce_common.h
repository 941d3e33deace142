// What the reductions share: sets of dims, shapes with and without the reduced dims, the call of the kernels.
#pragma once

#include "autograd/record.h"
#include "cpu/reduce.h"
#include "ops/functions.h"

namespace wg {

// A set of dims; bit d stands for dim d.
using DimMask = uint64_t;

// No list and an empty list both mean every dim. "dim 0 appears multiple times in the list of dims".
DimMask dim_mask(const OptDims& dims, int64_t ndim);

// The shape without the dims of the mask, or with 1 in their place.
Dims reduced_shape(IntSpan sizes, DimMask mask, bool keepdim);

// A result of a reduction brought to the shape it has under keepdim=True, so that it broadcasts. One
// without dims does so as it is; `listed` (dims were named) gives them back all the same, as PyTorch does.
Tensor with_reduced_dims(const Tensor& result, IntSpan sizes, DimMask mask, bool keepdim,
                         bool listed);

// Before a derivative takes a gradient with rows, a result of a reduction gets its dims back, as under keepdim=True;
// others stay as they are. And the same for what was saved of such a result.
inline Tensor kept_dims(const Backward& d, const Tensor& g, IntSpan sizes, DimMask mask,
                        bool keepdim) {
    return d.front() ? with_reduced_dims(g, d.sizes(sizes), mask << 1, keepdim, true) : g;
}
inline Tensor kept_dims_of_saved(const Backward& d, const Tensor& t, IntSpan sizes, DimMask mask,
                                 bool keepdim) {
    return d.front() ? with_reduced_dims(t, sizes, mask, keepdim, true) : t;
}

// The number of elements that go into one result.
int64_t reduced_count(IntSpan sizes, DimMask mask);

// Computes without recording. `second` receives the second output where it is not null; its dtype is
// the caller's business.
Tensor reduce_values(Reduction op, const Tensor& t, DimMask mask, bool keepdim, double param = 0,
                     const Tensor* second = nullptr);

// The same of complex numbers, without the detour: reduce_values() calls it.
Tensor reduce_complex(Reduction op, const Tensor& t, DimMask mask, bool keepdim, double param,
                      const Tensor* second);

// a + b, where an undefined tensor counts for nothing.
inline Tensor sum_of_defined(const Tensor& a, const Tensor& b) {
    return !a.defined() ? b : !b.defined() ? a : a + b;
}

// "Autograd not support dtype: Long"
void check_autograd_dtype(const Tensor& t, DType result);

// t in another dtype, without history.
Tensor cast_values(const Tensor& t, DType dtype);

}  // namespace wg
