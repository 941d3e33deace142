// kernel_table[op]: the inner loops of the elementwise operations, plain arrays of function pointers.
// An inner loop works on contiguous elements of one dtype; everything else (strides, broadcasting, casts,
// threads) is cpu/elementwise_loop.h. Filled once at start-up for the best instruction set.
#pragma once

#include <cstdint>

#include "ops/op.h"
#include "tensor/dtype.h"

namespace wg {

// What an inner loop is told beside its operands: the numbers of the operation, and whether the results are so many that
// no cache will hold them: then they go past the caches where the hardware can do that.
struct LoopParams {
    const double* numbers;
    bool streams = false;
    LoopParams(const double* p) : numbers(p) {}
    double operator[](int i) const { return numbers[i]; }
};

// out[i] = f(in[0][i], in[1][i], ...) for i < n. `in` has a slot per operand a, b, c; for gradients
// slots g, a, b, c, y, of which those the formula does not read may be null. out may be one of the in.
using LoopFn = void (*)(void* out, const void* const* in, int64_t n, LoopParams params);

inline constexpr int kMaxLoopInputs = 5;

struct OpKernels {
    LoopFn forward[kNumDTypes] = {};
    LoopFn gradient[3][kNumDTypes] = {};
};

extern OpKernels kernel_table[kNumOps];

// The dtype whose loop serves `dtype`: the half types compute in float32.
inline DType kernel_dtype(DType d) noexcept {
    return d == DType::Float16 || d == DType::BFloat16 ? DType::Float32 : d;
}

// "avx512", "avx2" or "baseline": what the table was filled with.
const char* cpu_capability() noexcept;

}  // namespace wg
