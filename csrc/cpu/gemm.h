// Matrix products of row-major matrices on the CPU: gemm, gemm_batched, dot.
// float, double: packed kernels per instruction set. Half, BFloat16: summed in float, rounded once.
// int8..int64, uint8: wrap around. Work is shared out over the thread pool.
#pragma once

#include <cstdint>

#include "scalar/half.h"

namespace wg {

namespace gemm_impl {
template <class T>
struct Scalar {
    using type = T;
};
template <>
struct Scalar<Half> {
    using type = float;
};
template <>
struct Scalar<BFloat16> {
    using type = float;
};
}  // namespace gemm_impl

// The type of alpha and beta, and of sums: float for the 16-bit floats, else T itself.
template <class T>
using gemm_scalar_t = typename gemm_impl::Scalar<T>::type;

// c = alpha * op(a) * op(b) + beta * c, where op(a) is m x k, op(b) is k x n and c is m x n, all
// row-major, and op transposes when its flag is set: a is stored as m x k, or k x m when trans_a,
// with rows lda elements apart, likewise b and c. As in BLAS, c is not read when beta is 0 and
// a and b are not read when alpha is 0 or k is 0. c must not overlap a or b. Sizes may be 0.
// T: float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t.
template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, gemm_scalar_t<T> alpha,
          const T* a, int64_t lda, const T* b, int64_t ldb, gemm_scalar_t<T> beta, T* c,
          int64_t ldc);

// `count` products of the same shape; the i-th reads a + i * stride_a and b + i * stride_b (0 to
// reuse one matrix) and writes c + i * stride_c.
template <class T>
void gemm_batched(int64_t count, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                  gemm_scalar_t<T> alpha, const T* a, int64_t lda, int64_t stride_a, const T* b,
                  int64_t ldb, int64_t stride_b, gemm_scalar_t<T> beta, T* c, int64_t ldc,
                  int64_t stride_c);

// Sum of x[i * incx] * y[i * incy]; the same value for any number of threads.
template <class T>
gemm_scalar_t<T> dot(int64_t n, const T* x, int64_t incx, const T* y, int64_t incy);

}  // namespace wg
