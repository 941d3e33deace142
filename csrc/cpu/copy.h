// Copies between any two strided layouts and dtypes.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace wg {

// dst[i] = src[i] for every index i of `sizes`, cast to dst's dtype. Strides are in elements: those of dst
// are not negative, those of src may be 0 (broadcasts) or negative (reverses). The ranges must not
// overlap unless they are the same.
void copy_strided(char* dst, DType dst_dtype, IntSpan dst_strides, const char* src, DType src_dtype,
                  IntSpan src_strides, IntSpan sizes);

}  // namespace wg
