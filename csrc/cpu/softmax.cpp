#include "cpu/softmax.h"

#include <algorithm>

#include "cpu/thread_pool.h"
#include "dispatch/isa.h"
#include "tensor/unlocked.h"

namespace wg {

WG_DECLARE_PER_ISA(const softmax_impl::Kernels& softmax_kernels();)

namespace {

constexpr int64_t kGrain = 8192;  // elements

const softmax_impl::Kernels& kernels() {
    static const softmax_impl::Kernels& best = WG_BEST_ISA(softmax_kernels)();
    return best;
}

// Calls run(offset in elements, rows) for groups of rows, or for each slab of columns.
template <class F>
void share_out(int64_t outer, int64_t length, int64_t inner, F run) {
    const int64_t size = length * inner;
    if (outer * size == 0) return;
    const Unlocked unlocked(outer * size >= kLongLoop * kGrain);
    parallel_for(0, outer, std::max<int64_t>(1, kGrain / size), [&](int64_t begin, int64_t end) {
        if (inner == 1) return run(begin * size, end - begin);
        for (int64_t o = begin; o < end; ++o) run(o * size, 1);
    });
}

}  // namespace

void softmax_forward(bool log, DType dtype, const char* x, char* y, int64_t outer, int64_t length,
                     int64_t inner) {
    const auto fn = kernels().forward[int(dtype)];
    const int64_t item = int64_t(item_size(dtype));
    share_out(outer, length, inner, [&](int64_t at, int64_t rows) {
        fn(log, x + at * item, y + at * item, rows, length, inner);
    });
}

void softmax_backward(bool log, DType dtype, const char* g, const char* y, char* gx, int64_t outer,
                      int64_t length, int64_t inner) {
    const auto fn = kernels().backward[int(dtype)];
    const int64_t item = int64_t(item_size(dtype));
    share_out(outer, length, inner, [&](int64_t at, int64_t rows) {
        fn(log, g + at * item, y + at * item, gx + at * item, rows, length, inner);
    });
}

}  // namespace wg
