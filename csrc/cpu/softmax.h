// softmax and log_softmax along the middle of three dims, forward and backward, each row in one visit.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

// All arrays contiguous of shape (outer, length, inner) and of one floating dtype.
// y = exp(x) / sum exp(x), or its logarithm.
void softmax_forward(bool log, DType dtype, const char* x, char* y, int64_t outer, int64_t length,
                     int64_t inner);
// From the gradient g of y to that of x.
void softmax_backward(bool log, DType dtype, const char* g, const char* y, char* gx, int64_t outer,
                      int64_t length, int64_t inner);

namespace softmax_impl {

// inner == 1: `rows` rows; otherwise one slab of `inner` columns.
struct Kernels {
    using Forward = void (*)(bool log, const char* x, char* y, int64_t rows, int64_t length,
                             int64_t inner);
    using Backward = void (*)(bool log, const char* g, const char* y, char* gx, int64_t rows,
                              int64_t length, int64_t inner);
    Forward forward[kNumDTypes];  // null for what is not floating
    Backward backward[kNumDTypes];
};

}  // namespace softmax_impl
}  // namespace wg
