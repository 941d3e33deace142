// Running sums and products along the middle of three dims.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

enum class Scan { Sum, Product };

// out[o][i][j] = in[o][0][j] + ... + in[o][i][j] (or times).
// Contiguous, same dtype; floats are accumulated in double. Bool is not a dtype to scan in.
void scan(Scan op, DType dtype, const char* in, char* out, int64_t outer, int64_t length,
          int64_t inner);

}  // namespace wg
