// The thread pool: coverage of ranges, exceptions, nesting, concurrent callers, fork.
#include "cpu/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/free_list.h"

#if defined(__SANITIZE_THREAD__)
#define WG_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WG_TSAN 1
#endif
#endif

namespace {

// Sets the number of threads for one test.
class Threads {
public:
    explicit Threads(int n) : old_(wg::num_threads()) { wg::set_num_threads(n); }
    ~Threads() { wg::set_num_threads(old_); }

private:
    int old_;
};

// Each index of [begin, end) must be visited exactly once; plain ints, so that TSan sees overlap.
void expect_covered(int64_t begin, int64_t end, int64_t grain) {
    std::vector<int> seen(static_cast<size_t>(end - begin));
    wg::parallel_for(begin, end, grain, [&](int64_t b, int64_t e) {
        ASSERT_LE(begin, b);
        ASSERT_LT(b, e);
        ASSERT_LE(e, end);
        for (int64_t i = b; i < e; ++i) ++seen[static_cast<size_t>(i - begin)];
    });
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], 1) << "index " << i;
}

TEST(ThreadPool, CoversEveryIndexOnce) {
    for (int threads : {1, 2, 3, 8}) {
        Threads use(threads);
        for (int64_t size : {1, 2, 3, 7, 64, 1000, 12345, 200000}) {
            for (int64_t grain : {0, 1, 3, 100, 4096}) {
                expect_covered(0, size, grain);
                expect_covered(-17, size - 17, grain);
            }
        }
    }
}

TEST(ThreadPool, EmptyRangeCallsNothing) {
    Threads use(4);
    wg::parallel_for(5, 5, 1, [](int64_t, int64_t) { FAIL(); });
    wg::parallel_for(5, 3, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST(ThreadPool, ChunksAreAtLeastGrain) {
    Threads use(4);
    std::mutex mutex;
    int calls = 0;
    wg::parallel_for(0, 1000, 300, [&](int64_t b, int64_t e) {
        std::lock_guard lock(mutex);
        ++calls;
        if (e != 1000) {
            EXPECT_GE(e - b, 300);
        }
    });
    EXPECT_GE(calls, 2);
    EXPECT_LE(calls, 4);
}

TEST(ThreadPool, SmallRangeRunsInlineInOneCall) {
    Threads use(4);
    int calls = 0;
    const auto me = std::this_thread::get_id();
    wg::parallel_for(3, 103, 100, [&](int64_t b, int64_t e) {
        EXPECT_EQ(b, 3);
        EXPECT_EQ(e, 103);
        EXPECT_EQ(std::this_thread::get_id(), me);
        EXPECT_FALSE(wg::in_parallel_region());
        ++calls;
    });
    EXPECT_EQ(calls, 1);
}

TEST(ThreadPool, AcceptsConstAndStatefulBodies) {
    Threads use(2);
    std::atomic<int64_t> sum{0};
    const auto body = [&sum](int64_t b, int64_t e) { sum += e - b; };
    wg::parallel_for(0, 1000, 1, body);
    struct Counter {
        std::atomic<int64_t> total{0};
        void operator()(int64_t b, int64_t e) { total += e - b; }
    } counter;
    wg::parallel_for(0, 1000, 1, counter);
    EXPECT_EQ(sum, 1000);
    EXPECT_EQ(counter.total, 1000);
}

TEST(ThreadPool, OtherThreadsTakePart) {
    Threads use(3);
    std::mutex mutex;
    std::set<std::thread::id> ids;
    // Each chunk waits until three threads have met, so the caller alone cannot finish.
    std::atomic<int> arrived{0};
    wg::parallel_for(0, 3, 1, [&](int64_t, int64_t) {
        {
            std::lock_guard lock(mutex);
            ids.insert(std::this_thread::get_id());
        }
        ++arrived;
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (arrived < 3 && std::chrono::steady_clock::now() < give_up) {
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(ids.size(), 3u);
}

TEST(ThreadPool, NestedRunsInline) {
    Threads use(4);
    std::vector<int> seen(64 * 64);
    wg::parallel_for(0, 64, 1, [&](int64_t b, int64_t e) {
        EXPECT_TRUE(wg::in_parallel_region());
        for (int64_t i = b; i < e; ++i) {
            const auto me = std::this_thread::get_id();
            wg::parallel_for(0, 64, 1, [&](int64_t b2, int64_t e2) {
                EXPECT_EQ(std::this_thread::get_id(), me);
                for (int64_t j = b2; j < e2; ++j) ++seen[static_cast<size_t>(i * 64 + j)];
            });
        }
    });
    EXPECT_FALSE(wg::in_parallel_region());
    for (int s : seen) ASSERT_EQ(s, 1);
}

TEST(ThreadPool, ExceptionReachesTheCaller) {
    Threads use(4);
    for (int64_t bad : {0, 1, 500, 999}) {
        try {
            wg::parallel_for(0, 1000, 1, [&](int64_t b, int64_t e) {
                if (b <= bad && bad < e) throw std::runtime_error("bad " + std::to_string(bad));
            });
            FAIL() << "nothing thrown";
        } catch (const std::runtime_error& error) {
            EXPECT_EQ(error.what(), "bad " + std::to_string(bad));
        }
        EXPECT_FALSE(wg::in_parallel_region());
        expect_covered(0, 1000, 1);
    }
    // All of them throwing is no different.
    EXPECT_THROW(wg::parallel_for(0, 1000, 1, [](int64_t, int64_t) { throw 1; }), int);
    expect_covered(0, 1000, 1);
}

TEST(ThreadPool, SeveralCallersAtOnce) {
    Threads use(3);
    std::vector<std::thread> callers;
    std::atomic<int64_t> total{0};
    for (int t = 0; t < 4; ++t) {
        callers.emplace_back([&] {
            for (int repeat = 0; repeat < 200; ++repeat) {
                std::vector<int64_t> data(997);
                wg::parallel_for(0, 997, 10, [&](int64_t b, int64_t e) {
                    for (int64_t i = b; i < e; ++i) data[static_cast<size_t>(i)] = i;
                });
                total += std::accumulate(data.begin(), data.end(), int64_t{0});
            }
        });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(total, int64_t{4} * 200 * 997 * 996 / 2);
}

TEST(ThreadPool, ManyJobsBackToBackAndAfterSleep) {
    Threads use(2);
    int64_t sum = 0;
    for (int repeat = 0; repeat < 3000; ++repeat) {
        int64_t parts[2] = {0, 0};
        wg::parallel_for(0, 2, 1, [&](int64_t b, int64_t e) {
            for (int64_t i = b; i < e; ++i) parts[i] = repeat + i;
        });
        sum += parts[0] + parts[1];
        if (repeat % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_EQ(sum, int64_t{3000} * 2999 + 3000);
}

TEST(ThreadPool, NumThreadsCanGrowAndShrink) {
    for (int n : {2, 6, 1, 3, 12, 2}) {
        Threads use(n);
        EXPECT_EQ(wg::num_threads(), n);
        expect_covered(0, 5000, 7);
    }
    EXPECT_THROW(wg::set_num_threads(0), std::invalid_argument);
    EXPECT_THROW(wg::set_num_threads(-3), std::invalid_argument);
}

// TSan does not follow threads made in a forked child; in ASan's a thread may wait for ever for a lock of its allocator, which
// another thread had at the fork.
#if !defined(WG_TSAN) && !WG_ADDRESS_SANITIZER
int run_in_child(void (*body)()) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);  // a deadlock ends the child by a signal
        body();
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

TEST(ThreadPool, ForkedChildHasAPoolOfItsOwn) {
    Threads use(3);
    expect_covered(0, 1000, 1);  // the parent has workers
    EXPECT_EQ(run_in_child([] {
                  EXPECT_EQ(wg::num_threads(), 3);
                  std::atomic<int> arrived{0};
                  // Needs real workers in the child: the chunks wait for one another.
                  wg::parallel_for(0, 2, 1, [&](int64_t, int64_t) {
                      ++arrived;
                      while (arrived < 2) std::this_thread::yield();
                  });
                  expect_covered(0, 1000, 1);
              }),
              0);
    expect_covered(0, 1000, 1);
}

TEST(ThreadPool, ForkWhileAnotherThreadUsesThePool) {
    Threads use(3);
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        while (!stop) expect_covered(0, 4000, 1);
    });
    for (int i = 0; i < 10; ++i) EXPECT_EQ(run_in_child([] { expect_covered(0, 1000, 1); }), 0);
    stop = true;
    busy.join();
}

// The defaults are read once per process: each case asks a child that has not read them yet.
TEST(ThreadPool, DefaultComesFromTheEnvironment) {
    const auto threads_with = [](const char* own, const char* omp) {
        const pid_t child = fork();
        if (child == 0) {
            own ? setenv("WHYGRAD_NUM_THREADS", own, 1) : unsetenv("WHYGRAD_NUM_THREADS");
            omp ? setenv("OMP_NUM_THREADS", omp, 1) : unsetenv("OMP_NUM_THREADS");
            wg::pool_impl::thread_count = 0;
            _exit(wg::num_threads());
        }
        int status = -1;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    EXPECT_EQ(threads_with("5", "7"), 5);
    EXPECT_EQ(threads_with(nullptr, "7"), 7);
    EXPECT_EQ(threads_with("nonsense", "3,2"), 3);
    EXPECT_EQ(threads_with("0", "-1"), threads_with(nullptr, nullptr));
    EXPECT_GE(threads_with(nullptr, nullptr), 1);
}
#endif

}  // namespace
