// See thread_pool.h. One job runs at a time: its caller owns `busy_`, publishes the job together
// with a number of seats, works itself, closes the seats and waits only for the workers that had
// sat down. A worker that the system has not scheduled yet is never waited for.
#include "cpu/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

#include "tensor/unlocked.h"

namespace wg {
namespace {

// Chunks per thread: enough that a thread on a busy core delays the end by at most a part of its
// share, few enough that the shared counter does not matter.
constexpr int64_t kChunksPerThread = 4;

// How long a thread watches before it sleeps, since waking one up takes microseconds, and tens of them on
// virtual machines: a worker for the next job, the caller for the workers to end their last chunks.
constexpr std::chrono::microseconds kWatchTime{20}, kJoinTime{50};

constinit thread_local bool in_region = false;

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// True as soon as `ready` is, false after `most` without it.
template <class Ready>
bool spin_until(Ready ready, std::chrono::microseconds most) noexcept {
    if (ready()) return true;
    const auto deadline = std::chrono::steady_clock::now() + most;
    do {
        for (int i = 0; i < 8; ++i) {
            cpu_relax();
            if (ready()) return true;
        }
    } while (std::chrono::steady_clock::now() < deadline);
    return false;
}

struct Job {
    pool_impl::RangeFn fn;
    void* body;
    int64_t begin, end, chunk, n_chunks;
    std::atomic<int64_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr error;

    void work() noexcept {
        try {
            for (;;) {
                const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
                if (i >= n_chunks) return;
                const int64_t b = begin + i * chunk;
                fn(body, b, std::min(b + chunk, end));
            }
        } catch (...) {
            if (!failed.exchange(true)) error = std::current_exception();
            next.store(n_chunks, std::memory_order_relaxed);
        }
    }
};

class Pool {
public:
    // False, with nothing done, when another thread is using the pool.
    bool run(Job& job, int helpers) {
        if (busy_.exchange(true, std::memory_order_acquire)) return false;
        add_workers(helpers);
        {
            std::lock_guard lock(mutex_);
            job_ = &job;
            seats_.store(std::min(helpers, workers_), std::memory_order_relaxed);
        }
        if (helpers == 1) {
            wake_.notify_one();
        } else {
            wake_.notify_all();
        }
        in_region = true;
        job.work();
        in_region = false;
        {
            std::lock_guard lock(mutex_);
            job_ = nullptr;
            seats_.store(0, std::memory_order_relaxed);
        }
        const auto done = [this] { return active_.load(std::memory_order_acquire) == 0; };
        if (!spin_until(done, kJoinTime)) {
            std::unique_lock lock(mutex_);
            idle_.wait(lock, done);
        }
        busy_.store(false, std::memory_order_release);
        return true;
    }

private:
    // Workers are detached and sleep until the process ends; nothing they touch while asleep is
    // ever destroyed. Called by the owner of busy_ only. When the system refuses a thread the
    // job runs with those there are.
    void add_workers(int wanted) noexcept {
        if (workers_ >= wanted) return;
        pthread_attr_t attr;
        if (pthread_attr_init(&attr) != 0) return;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        // Signals belong to the program's own threads.
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        while (workers_ < wanted) {
            pthread_t id;
            if (pthread_create(&id, &attr, &Pool::worker_main, this) != 0) break;
            ++workers_;
        }
        pthread_sigmask(SIG_SETMASK, &old, nullptr);
        pthread_attr_destroy(&attr);
    }

    static void* worker_main(void* self) {
        in_region = true;
        static_cast<Pool*>(self)->serve();
        return nullptr;
    }

    [[noreturn]] void serve() {
        const auto seat_free = [this] { return seats_.load(std::memory_order_relaxed) > 0; };
        for (;;) {
            spin_until(seat_free, kWatchTime);
            Job* job;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, seat_free);
                seats_.fetch_sub(1, std::memory_order_relaxed);
                active_.fetch_add(1, std::memory_order_relaxed);
                job = job_;
            }
            job->work();
            std::lock_guard lock(mutex_);
            // The caller may return, and the job die with it, as soon as this reads 0.
            if (active_.fetch_sub(1, std::memory_order_release) == 1) idle_.notify_one();
        }
    }

    std::atomic<bool> busy_{false};
    int workers_ = 0;  // touched by the owner of busy_ only
    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    Job* job_ = nullptr;  // guarded by mutex_
    // Written under mutex_, watched without it by threads about to sleep.
    std::atomic<int> seats_{0};
    std::atomic<int> active_{0};
};

alignas(Pool) unsigned char pool_storage[sizeof(Pool)];

// A forked child has none of the workers, and locks in whatever state they were: start afresh.
void make_pool() noexcept { new (pool_storage) Pool; }

// Made at once, not where it is first used: a fork may interrupt a loop there, and its child would wait for ever for that to
// be done.
[[maybe_unused]] const bool pool_made = [] {
    make_pool();
    pthread_atfork(nullptr, nullptr, &make_pool);
    return true;
}();

Pool& pool() { return *std::launder(reinterpret_cast<Pool*>(pool_storage)); }

// The number a variable such as OMP_NUM_THREADS starts with ("4", "4,2"); 0 when there is none.
int threads_from_env(const char* name) noexcept {
    const char* text = std::getenv(name);
    if (text == nullptr) return 0;
    char* rest = nullptr;
    const long n = std::strtol(text, &rest, 10);
    return rest != text && n > 0 && n <= 4096 ? static_cast<int>(n) : 0;
}

int available_cores() noexcept {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

namespace pool_impl {

constinit std::atomic<int> thread_count{0};

int init_thread_count() noexcept {
    int n = threads_from_env("WHYGRAD_NUM_THREADS");
    if (n == 0) n = threads_from_env("OMP_NUM_THREADS");
    if (n == 0) n = available_cores();
    int unset = 0;
    return thread_count.compare_exchange_strong(unset, n) ? n : unset;
}

void run_parallel(int64_t begin, int64_t end, int64_t grain, RangeFn fn, void* body) {
    if (in_region) return fn(body, begin, end);
    const int64_t size = end - begin;
    const Unlocked unlocked(size / kLongLoop >= grain);
    const int64_t threads = num_threads();
    const int64_t most = std::min(size / std::max<int64_t>(grain, 1), threads * kChunksPerThread);
    if (threads == 1 || most < 2) return fn(body, begin, end);
    int64_t chunk = (size + most - 1) / most;
    // Long ranges of elements: keep chunks on vector and cache line boundaries.
    if (chunk >= 512) chunk = (chunk + 63) / 64 * 64;
    const int64_t n_chunks = (size + chunk - 1) / chunk;
    Job job{fn, body, begin, end, chunk, n_chunks, {}, {}, {}};
    const int helpers = static_cast<int>(std::min(threads, n_chunks) - 1);
    if (helpers < 1 || !pool().run(job, helpers)) return fn(body, begin, end);
    if (job.error) std::rethrow_exception(job.error);
}

}  // namespace pool_impl

void set_num_threads(int n) {
    if (n < 1) {
        throw std::invalid_argument(
            "set_num_threads: the number of threads must be positive; got " + std::to_string(n));
    }
    pool_impl::thread_count.store(n, std::memory_order_relaxed);
}

bool in_parallel_region() noexcept { return in_region; }

}  // namespace wg
