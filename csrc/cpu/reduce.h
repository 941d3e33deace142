// Reductions of strided data: sums, extremes, norms, moments over any set of dimensions.
// Start with reduce(); the inner loops are in reduce_*.isa.cpp, found through reduce_kernels.h.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace wg {

enum class Reduction : uint8_t {
    Sum,        // integers and bool give int64
    Mean,       // Sum / param
    NanSum,     // NaN counts as 0
    NormOne,    // sum of |x|
    NormTwo,    // root of the sum of squares
    NormPower,  // (sum of |x|^param)^(1/param)
    SquareSum,  // sum of squares / param
    NonZero,    // number of elements that are not 0: int64
    Prod,       // integers and bool give int64
    Max,        // NaN wins
    Min,
    ArgMax,     // second output: index of the first greatest element, int64
    ArgMin,
    Any,        // bool
    All,
    Variance,   // sum of squared deviations / param; second output: the mean
    Deviation,  // the square root of that
};
inline constexpr int kNumReductions = int(Reduction::Deviation) + 1;

// The loops of a reduction of elements of one dtype.
struct ReduceKernel;

// Null where the reduction does not exist for elements of that dtype.
const ReduceKernel* find_reduction(Reduction op, DType in) noexcept;
// The same where it must exist.
const ReduceKernel& reduction(Reduction op, DType in);

// The dtype of the (first) output of a reduction of `in`.
DType reduced_dtype(const ReduceKernel& kernel) noexcept;
DType reduced_dtype(Reduction op, DType in);

// Reduces the dims d with bit d set in `mask`. `out` and `second` are contiguous in the order of the
// kept dims; either may be null where the reduction has two outputs. Nothing to reduce gives the
// neutral element, which is meaningless for extremes: the caller must refuse it.
// The result does not depend on the number of threads.
void reduce(const ReduceKernel& kernel, DType dtype, const char* in, IntSpan sizes, IntSpan strides,
            uint64_t mask, char* out, char* second, double param);

}  // namespace wg
