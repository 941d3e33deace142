#include "cpu/nan.h"

#include "dispatch/isa.h"

namespace wg {

WG_DECLARE_PER_ISA(const nan_impl::Kernels& nan_kernels();)

namespace {

// Chosen at start-up: asked for every gradient in anomaly mode.
const nan_impl::Kernels kernels_ = WG_BEST_ISA(nan_kernels)();

}  // namespace

bool any_nan(DType dtype, const void* values, int64_t n) {
    return dtype == DType::Float32 ? kernels_.of_float(static_cast<const float*>(values), n)
                                   : kernels_.of_double(static_cast<const double*>(values), n);
}

}  // namespace wg
