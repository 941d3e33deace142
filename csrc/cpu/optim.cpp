#include "cpu/optim.h"

#include "cpu/thread_pool.h"
#include "dispatch/isa.h"

namespace wg {

WG_DECLARE_PER_ISA(const optim_impl::Kernels& optim_kernels();)

namespace {

constexpr int64_t kGrain = 16384;  // elements

const optim_impl::Kernels& kernels() {
    static const optim_impl::Kernels& best = WG_BEST_ISA(optim_kernels)();
    return best;
}

}  // namespace

void sgd_pass(DType dtype, const SgdPass& pass, char* param, const char* grad, char* buffer,
              int64_t n) {
    const auto fn = kernels().sgd[int(dtype)];
    const int64_t item = int64_t(item_size(dtype));
    parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
        const int64_t at = begin * item;
        fn(pass, param + at, grad + at, buffer ? buffer + at : nullptr, end - begin);
    });
}

void adam_pass(DType dtype, const AdamPass& pass, char* param, const char* grad, char* avg,
               char* avg_sq, char* max_avg_sq, int64_t n) {
    const auto fn = kernels().adam[int(dtype)];
    const int64_t item = int64_t(item_size(dtype));
    parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
        const int64_t at = begin * item;
        fn(pass, param + at, grad + at, avg + at, avg_sq + at,
           max_avg_sq ? max_avg_sq + at : nullptr, end - begin);
    });
}

}  // namespace wg
