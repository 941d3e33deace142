// The search for NaN in contiguous elements.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

// Whether one of n elements of float32 or float64 is NaN.
bool any_nan(DType dtype, const void* values, int64_t n);

namespace nan_impl {

struct Kernels {
    bool (*of_float)(const float* values, int64_t n);
    bool (*of_double)(const double* values, int64_t n);
};

}  // namespace nan_impl
}  // namespace wg
