// Casts: how an element of one dtype becomes one of another, a run at a time.
// Out of range and NaN to integer give what x86 and PyTorch give: the smallest int32 or int64,
// of which narrower types keep the low bits (so a negative float to uint8 wraps).
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

// Converts n elements. Strides are in bytes; src_stride 0 repeats one element. The ranges must not
// overlap unless both dtypes are equal and the ranges are the same.
using CastFn = void (*)(char* dst, int64_t dst_stride, const char* src, int64_t src_stride,
                        int64_t n);

// Never null; for equal dtypes it copies.
CastFn cast_fn(DType to, DType from);

namespace cast_impl {

// [to][from]; one table of the real dtypes per instruction set (cast_loops.isa.cpp), and one of the
// others (cast_complex.cpp).
struct CastTable {
    CastFn rows[kNumDTypes][kNumDTypes];
};

}  // namespace cast_impl
}  // namespace wg
