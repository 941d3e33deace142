// The outer loop of elementwise operations: brings operands of any strides, shape and dtype to the
// contiguous runs that a LoopFn works on, block by block, over all threads.
#pragma once

#include <span>

#include "dispatch/kernel_table.h"
#include "tensor/tensor.h"

namespace wg::cpu {

// One operand as seen from the iteration shape; strides in elements, 0 where it is broadcast.
struct Operand {
    char* data = nullptr;
    DType dtype = DType::Float32;
    IntSpan strides;
};

// Runs `fn` over `sizes`. Inputs are converted to `compute`, the output from `result` (the dtype the loop
// writes: compute, or Bool for tests). inputs[i].data == nullptr: slot i is not read.
void elementwise_loop(LoopFn fn, const Operand& out, std::span<const Operand> inputs, IntSpan sizes,
                      DType compute, DType result, const double* params);

// Elements per thread below which more threads do not pay.
inline constexpr int64_t kElementwiseGrain = 32768;

// All operands contiguous, of the dtype of the loop, and of `n` elements.
void contiguous_loop(LoopFn fn, char* out, size_t out_itemsize, const char* const* inputs,
                     int num_inputs, size_t itemsize, int64_t n, const double* params);

}  // namespace wg::cpu
