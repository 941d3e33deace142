// Lists of dimensions as arguments.
#pragma once

#include "tensor/shape.h"

namespace wg {

// Which dims of a tensor of rank `ndim` the list names; "dim 1 appears multiple times in the list of dims".
inline SmallVector<bool, 8> dim_set(const Dims& dims, int64_t ndim) {
    SmallVector<bool, 8> set(size_t(ndim == 0 ? 1 : ndim), false);
    for (int64_t d : dims) {
        d = wrap_dim(d, ndim);
        WG_CHECK(!set[d], "dim ", d, " appears multiple times in the list of dims");
        set[d] = true;
    }
    return set;
}

}  // namespace wg
