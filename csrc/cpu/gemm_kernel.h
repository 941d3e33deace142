// Between gemm.cpp, which checks, splits and shares out the work, and gemm_kernel.isa.cpp, which is
// compiled once per instruction set and does it on one thread. Plain types only: both sides must
// see the same ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wg {

struct Half;
struct BFloat16;

namespace gemm_impl {

// c = alpha * op(a) * op(b) + beta * c; c is not read when beta is 0. Row-major, see gemm.h.
template <class T, class Scalar = T>
struct GemmArgs {
    bool trans_a, trans_b;
    int64_t m, n, k;
    Scalar alpha;
    const T* a;
    int64_t lda;
    const T* b;
    int64_t ldb;
    Scalar beta;
    T* c;
    int64_t ldc;
};

// y = alpha * a * x + beta * y, or with the transpose of a; a is rows x cols, x contiguous.
template <class T>
struct GemvArgs {
    bool trans;
    int64_t rows, cols;
    T alpha;
    const T* a;
    int64_t lda;
    const T* x;
    T beta;
    T* y;
    int64_t incy;  // 1 when trans
};

template <class T>
struct FloatKernels {
    void (*gemm)(const GemmArgs<T>&);
    void (*gemv)(const GemvArgs<T>&);
    T (*dot)(int64_t n, const T* x, const T* y);
};

struct GemmKernels {
    FloatKernels<float> f32;
    FloatKernels<double> f64;
    void (*f16)(const GemmArgs<Half, float>&);
    void (*bf16)(const GemmArgs<BFloat16, float>&);
    void (*i8)(const GemmArgs<int8_t>&);
    void (*i16)(const GemmArgs<int16_t>&);
    void (*i32)(const GemmArgs<int32_t>&);
    void (*i64)(const GemmArgs<int64_t>&);
    void (*u8)(const GemmArgs<uint8_t>&);
};

// Those of the best instruction set of this machine.
const GemmKernels& gemm_kernels();

// Work space of this thread, kept between calls, 64-byte aligned. A slot is invalidated by the
// next request for the same slot.
enum class Scratch { Pack, Widen, Vector, Count };
void* scratch(Scratch slot, size_t bytes);

}  // namespace gemm_impl
}  // namespace wg
