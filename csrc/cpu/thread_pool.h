// The pool that every CPU kernel shares: parallel_for splits a range into chunks that the caller
// and the workers take one by one, so a core that is busy elsewhere only takes fewer of them.
// Threads that wait sleep after some microseconds; a range that is not worth splitting costs one comparison. A
// long one runs without the lock of the core: Note [Loops without the lock].
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace wg {

namespace pool_impl {

using RangeFn = void (*)(void* body, int64_t begin, int64_t end);

extern std::atomic<int> thread_count;  // 0 until it is first read or set
int init_thread_count() noexcept;
void run_parallel(int64_t begin, int64_t end, int64_t grain, RangeFn fn, void* body);

}  // namespace pool_impl

// Threads a parallel_for may use, the caller included. Default: WHYGRAD_NUM_THREADS, else
// OMP_NUM_THREADS, else the cores this process may run on.
inline int num_threads() noexcept {
    const int n = pool_impl::thread_count.load(std::memory_order_relaxed);
    return n != 0 ? n : pool_impl::init_thread_count();
}

// Throws std::invalid_argument when n < 1.
void set_num_threads(int n);

// True inside the body of a parallel_for that was split.
bool in_parallel_region() noexcept;

// Calls f(b, e) on disjoint ranges that cover [begin, end), each of at least `grain` indices
// (except the last); ranges may run at the same time and in any order. One call f(begin,
// end) when the range is no longer than grain, when only one thread is allowed, when called from
// inside another parallel_for, or when another thread is using the pool. The first exception
// thrown by f reaches the caller after every running range has ended; ranges not yet started are
// dropped. Where ranges are cut depends on the number of threads: a reduction that must be
// reproducible iterates over blocks of its own.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& f) {
    if (begin >= end) return;
    if (end - begin <= grain) {
        f(begin, end);
        return;
    }
    using Body = std::remove_reference_t<F>;
    pool_impl::run_parallel(
        begin, end, grain,
        [](void* body, int64_t b, int64_t e) { (*static_cast<Body*>(body))(b, e); },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace wg
