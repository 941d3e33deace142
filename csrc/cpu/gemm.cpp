// See gemm.h. Here a product is cut into tasks for the pool, each a block of C of one product of the
// batch; gemm_kernel.isa.cpp does a task. Products with a vector take a path of their own.
#include "cpu/gemm.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <vector>

#include "cpu/gemm_kernel.h"
#include "cpu/thread_pool.h"
#include "dispatch/isa.h"
#include "tensor/unlocked.h"

namespace wg {

WG_DECLARE_PER_ISA(const gemm_impl::GemmKernels& gemm_kernel_table();)

namespace gemm_impl {

void* scratch(Scratch slot, size_t bytes) {
    struct Buffer {
        void* data = nullptr;
        size_t size = 0;
        ~Buffer() { std::free(data); }
    };
    static thread_local Buffer buffers[static_cast<size_t>(Scratch::Count)];
    Buffer& buffer = buffers[static_cast<size_t>(slot)];
    if (buffer.size < bytes) {
        std::free(buffer.data);
        buffer.size = 0;
        bytes = (bytes + 4095) / 4096 * 4096;
        buffer.data = std::aligned_alloc(64, bytes);
        if (buffer.data == nullptr) throw std::bad_alloc();
        buffer.size = bytes;
    }
    return buffer.data;
}

const GemmKernels& gemm_kernels() {
    static const GemmKernels& best = WG_BEST_ISA(gemm_kernel_table)();
    return best;
}

namespace {

template <class T>
using Args = GemmArgs<T, gemm_scalar_t<T>>;

template <class T>
constexpr bool kIsFloat = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T>
const FloatKernels<T>& float_kernels(const GemmKernels& kernels) {
    if constexpr (std::is_same_v<T, float>) {
        return kernels.f32;
    } else {
        return kernels.f64;
    }
}

void run_kernel(const GemmKernels& k, const Args<float>& g) { k.f32.gemm(g); }
void run_kernel(const GemmKernels& k, const Args<double>& g) { k.f64.gemm(g); }
void run_kernel(const GemmKernels& k, const Args<Half>& g) { k.f16(g); }
void run_kernel(const GemmKernels& k, const Args<BFloat16>& g) { k.bf16(g); }
void run_kernel(const GemmKernels& k, const Args<int8_t>& g) { k.i8(g); }
void run_kernel(const GemmKernels& k, const Args<int16_t>& g) { k.i16(g); }
void run_kernel(const GemmKernels& k, const Args<int32_t>& g) { k.i32(g); }
void run_kernel(const GemmKernels& k, const Args<int64_t>& g) { k.i64(g); }
void run_kernel(const GemmKernels& k, const Args<uint8_t>& g) { k.u8(g); }

// n elements x[i * inc] side by side: x itself, or a copy in `space`.
template <class T>
const T* gathered(int64_t n, const T* x, int64_t inc, T* space) {
    if (inc == 1) return x;
    for (int64_t i = 0; i < n; ++i) space[i] = x[i * inc];
    return space;
}

// op(a) or op(b) is a vector (m or n is 1).
template <class T>
void run_vector(const GemmKernels& kernels, const Args<T>& g) {
    const auto& own = float_kernels<T>(kernels);
    GemvArgs<T> v{};
    const T* x;
    int64_t incx;
    if (g.m == 1) {
        v = {!g.trans_b,
             g.trans_b ? g.n : g.k,
             g.trans_b ? g.k : g.n,
             g.alpha,
             g.b,
             g.ldb,
             nullptr,
             g.beta,
             g.c,
             1};
        x = g.a;
        incx = g.trans_a ? g.lda : 1;
    } else {
        v = {g.trans_a,
             g.trans_a ? g.k : g.m,
             g.trans_a ? g.m : g.k,
             g.alpha,
             g.a,
             g.lda,
             nullptr,
             g.beta,
             g.c,
             g.ldc};
        x = g.b;
        incx = g.trans_b ? 1 : g.ldb;
    }
    T* space = nullptr;
    if (incx != 1 || (v.trans && v.incy != 1))
        space = static_cast<T*>(scratch(Scratch::Vector, size_t(g.k + v.cols) * sizeof(T)));
    v.x = gathered(g.k, x, incx, space);
    if (!v.trans || v.incy == 1) return own.gemv(v);
    // The kernel for this layout writes contiguous results only.
    v.y = space + g.k;
    v.incy = 1;
    v.beta = T(0);
    own.gemv(v);
    for (int64_t j = 0; j < v.cols; ++j) {
        T& c = g.c[j * g.ldc];
        c = g.beta == T(0) ? v.y[j] : v.y[j] + g.beta * c;
    }
}

// On this thread.
template <class T>
void run_one(const GemmKernels& kernels, const Args<T>& g) {
    if constexpr (kIsFloat<T>) {
        if ((g.m == 1 || g.n == 1) && g.k > 0 && g.alpha != T(0)) return run_vector(kernels, g);
    }
    run_kernel(kernels, g);
}

// Multiply-adds that are worth a task: some microseconds, what handing it to a thread costs.
constexpr double kTaskCost = 256 * 1024;
// Entering a product costs about as much as this many multiply-adds.
constexpr double kEntryCost = 2048;

// Multiply-adds during which other threads should have the lock: some tenths of a millisecond.
constexpr double kLongCost = 16 * 1024 * 1024;

// The cost of one product in multiply-adds of the float kernel.
template <class T>
double cost_of(int64_t m, int64_t n, int64_t k) {
    double weight = 1;
    if constexpr (!kIsFloat<T>) {
        weight = std::is_same_v<gemm_scalar_t<T>, float> ? 2 : 8;
    } else {
        // Each element of the matrix is used once, memory decides.
        weight = m == 1 || n == 1 ? 8 : sizeof(T) / 4.0;
    }
    return kEntryCost + weight * double(m) * double(n) * double(k);
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Blocks of C that become tasks.
struct Tiling {
    int64_t rows, cols;  // of a block
    int64_t row_blocks, col_blocks;

    Tiling(int64_t m, int64_t n, int64_t wanted) : rows(m), cols(n), row_blocks(1), col_blocks(1) {
        if (wanted < 2) return;
        // Each block packs its own part of B, used once per row, and of A, used once per column;
        // packing an element of B costs about as much as 20 multiply-adds, of A half that.
        double best = -1;
        for (int64_t across = 1; across <= wanted; ++across) {
            if (wanted % across != 0) continue;
            const int64_t c = std::min(n, round_up(ceil_div(n, across), 16));
            const int64_t r = std::min(m, round_up(ceil_div(m, wanted / across), 24));
            const double blocks = double(ceil_div(n, c)) * double(ceil_div(m, r));
            // Time of all blocks, were they to run on `wanted` threads.
            const double time = (1 + 20.0 / double(r) + 10.0 / double(c)) * double(r) * double(c) *
                                double(ceil_div(int64_t(blocks), wanted));
            if (best < 0 || time < best) {
                best = time;
                rows = r;
                cols = c;
            }
        }
        row_blocks = ceil_div(m, rows);
        col_blocks = ceil_div(n, cols);
    }
};

template <class T>
void run(int64_t count, const Args<T>& g, int64_t stride_a, int64_t stride_b, int64_t stride_c) {
    if (count <= 0 || g.m <= 0 || g.n <= 0) return;
    const GemmKernels& kernels = gemm_kernels();
    const double cost = cost_of<T>(g.m, g.n, g.k);
    const Unlocked unlocked(cost * double(count) >= kLongCost && !in_parallel_region());
    if (cost * double(count) < 2 * kTaskCost || num_threads() == 1 || in_parallel_region()) {
        Args<T> item = g;
        for (int64_t i = 0; i < count; ++i) {
            run_one<T>(kernels, item);
            item.a += stride_a;
            item.b += stride_b;
            item.c += stride_c;
        }
        return;
    }
    // A few tasks per thread, so that one on a busy core does not hold up the others; as many for
    // each thread.
    const int64_t threads = num_threads();
    int64_t wanted = ceil_div(4 * threads, count);
    wanted = std::min(wanted, std::max<int64_t>(1, int64_t(cost / kTaskCost)));
    if (wanted > threads) wanted = wanted / threads * threads;
    const Tiling tiling(g.m, g.n, wanted);
    const int64_t blocks = tiling.row_blocks * tiling.col_blocks;
    const int64_t grain = std::max<int64_t>(1, int64_t(kTaskCost * double(blocks) / cost));
    parallel_for(0, count * blocks, grain, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t item = task / blocks, block = task % blocks;
            const int64_t i = block % tiling.row_blocks * tiling.rows;
            const int64_t j = block / tiling.row_blocks * tiling.cols;
            Args<T> part = g;
            part.m = std::min(tiling.rows, g.m - i);
            part.n = std::min(tiling.cols, g.n - j);
            part.a += item * stride_a + (g.trans_a ? i : i * g.lda);
            part.b += item * stride_b + (g.trans_b ? j * g.ldb : j);
            part.c += item * stride_c + i * g.ldc + j;
            run_one<T>(kernels, part);
        }
    });
}

// The sum over one block, on this thread.
template <class T>
gemm_scalar_t<T> dot_block(int64_t n, const T* x, int64_t incx, const T* y, int64_t incy) {
    if constexpr (kIsFloat<T>) {
        T* space = nullptr;
        if (incx != 1 || incy != 1)
            space = static_cast<T*>(scratch(Scratch::Vector, size_t(2 * n) * sizeof(T)));
        return float_kernels<T>(gemm_kernels())
            .dot(n, gathered(n, x, incx, space), gathered(n, y, incy, space ? space + n : nullptr));
    } else if constexpr (std::is_integral_v<T>) {
        uint64_t sum = 0;  // exact modulo 2^bits of T
        for (int64_t i = 0; i < n; ++i) sum += uint64_t(x[i * incx]) * uint64_t(y[i * incy]);
        return T(sum);
    } else {
        float sums[8] = {};
        for (int64_t i = 0; i < n; ++i) sums[i % 8] += float(x[i * incx]) * float(y[i * incy]);
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
               ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    }
}

}  // namespace
}  // namespace gemm_impl

template <class T>
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, gemm_scalar_t<T> alpha,
          const T* a, int64_t lda, const T* b, int64_t ldb, gemm_scalar_t<T> beta, T* c,
          int64_t ldc) {
    gemm_impl::run<T>(1, {trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc}, 0, 0, 0);
}

template <class T>
void gemm_batched(int64_t count, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                  gemm_scalar_t<T> alpha, const T* a, int64_t lda, int64_t stride_a, const T* b,
                  int64_t ldb, int64_t stride_b, gemm_scalar_t<T> beta, T* c, int64_t ldc,
                  int64_t stride_c) {
    gemm_impl::run<T>(count, {trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc},
                      stride_a, stride_b, stride_c);
}

template <class T>
gemm_scalar_t<T> dot(int64_t n, const T* x, int64_t incx, const T* y, int64_t incy) {
    // Fixed blocks, so that the result does not depend on how they are shared out.
    constexpr int64_t kBlock = 32 * 1024;
    if (n <= kBlock) return gemm_impl::dot_block<T>(n, x, incx, y, incy);
    gemm_impl::gemm_kernels();  // so that no loop makes them: a fork may interrupt it
    std::vector<gemm_scalar_t<T>> sums(size_t(gemm_impl::ceil_div(n, kBlock)));
    parallel_for(0, int64_t(sums.size()), 4, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i * kBlock;
            sums[size_t(i)] = gemm_impl::dot_block<T>(std::min(kBlock, n - first), x + first * incx,
                                                      incx, y + first * incy, incy);
        }
    });
    if constexpr (std::is_integral_v<T>) {
        uint64_t total = 0;
        for (const T sum : sums) total += uint64_t(sum);
        return T(total);
    } else {
        double total = 0;
        for (const auto sum : sums) total += double(sum);
        return gemm_scalar_t<T>(total);
    }
}

#define WG_GEMM(T)                                                                                 \
    template void gemm<T>(bool, bool, int64_t, int64_t, int64_t, gemm_scalar_t<T>, const T*,       \
                          int64_t, const T*, int64_t, gemm_scalar_t<T>, T*, int64_t);              \
    template void gemm_batched<T>(int64_t, bool, bool, int64_t, int64_t, int64_t,                  \
                                  gemm_scalar_t<T>, const T*, int64_t, int64_t, const T*, int64_t, \
                                  int64_t, gemm_scalar_t<T>, T*, int64_t, int64_t);                \
    template gemm_scalar_t<T> dot<T>(int64_t, const T*, int64_t, const T*, int64_t);
WG_GEMM(float)
WG_GEMM(double)
WG_GEMM(Half)
WG_GEMM(BFloat16)
WG_GEMM(int8_t)
WG_GEMM(int16_t)
WG_GEMM(int32_t)
WG_GEMM(int64_t)
WG_GEMM(uint8_t)
#undef WG_GEMM

}  // namespace wg
