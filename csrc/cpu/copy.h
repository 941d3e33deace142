// Copies between any two strided layouts and dtypes.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace wg {

// dst[i] = src[i] for every index i of `sizes`, cast to dst's dtype. Strides are in elements and
// not negative; 0 in src_strides broadcasts. The two must not overlap unless they are the same.
void copy_strided(char* dst, DType dst_dtype, IntSpan dst_strides, const char* src, DType src_dtype,
                  IntSpan src_strides, IntSpan sizes);

}  // namespace wg
