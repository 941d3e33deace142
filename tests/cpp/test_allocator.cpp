// The pool of small blocks and the caching allocator: alignment, reuse, limits, counts, failure.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "base/free_list.h"
#include "tensor/allocator.h"

namespace {

constexpr size_t KiB = size_t(1) << 10;
constexpr size_t MiB = size_t(1) << 20;

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 64 == 0; }

long page_faults() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

// Blocks with a pattern of their own: overlapping blocks would destroy each other's.
struct Block {
    unsigned char* data;
    size_t size;
    unsigned char pattern;

    // Whole small blocks; of large ones both ends and one byte of each page.
    template <class F>
    void each_byte(F&& f) const {
        const size_t step = size <= 64 * KiB ? 1 : 4096;
        for (size_t i = 0; i < size; i += step) f(data[i]);
        f(data[size - 1]);
    }
    void fill() const {
        each_byte([&](unsigned char& b) { b = pattern; });
    }
    bool intact() const {
        bool ok = true;
        each_byte([&](unsigned char& b) { ok = ok && b == pattern; });
        return ok;
    }
};

// Random allocations and frees; `size_of(rng)` picks the sizes.
template <class Allocate, class Free, class SizeOf>
void stress(int steps, size_t live, Allocate allocate, Free free_block, SizeOf size_of) {
    std::mt19937 rng(7);
    std::vector<Block> blocks;
    for (int i = 0; i < steps; ++i) {
        if (blocks.size() < live && rng() % 5 < 3) {
            Block b{nullptr, size_of(rng), static_cast<unsigned char>(rng())};
            b.data = static_cast<unsigned char*>(allocate(b.size));
            ASSERT_TRUE(aligned(b.data));
            b.fill();
            blocks.push_back(b);
        } else if (!blocks.empty()) {
            std::swap(blocks[rng() % blocks.size()], blocks.back());
            ASSERT_TRUE(blocks.back().intact()) << blocks.back().size;
            free_block(blocks.back().data, blocks.back().size);
            blocks.pop_back();
        }
    }
    for (const Block& b : blocks) {
        ASSERT_TRUE(b.intact());
        free_block(b.data, b.size);
    }
}

TEST(Pool, BlocksAreAlignedDisjointAndReused) {
    for (size_t size : {1, 63, 64, 65, 200, 1023, 1024, 1025, 5000}) {
        void* p = wg::pool_allocate(size);
        EXPECT_TRUE(aligned(p));
        std::memset(p, 1, size);
        wg::pool_free(p, size);
        if (wg::kReusesMemory && size <= 1024) {
            void* again = wg::pool_allocate(size);
            EXPECT_EQ(again, p) << size;
            wg::pool_free(again, size);
        }
    }
    wg::pool_free(nullptr, 8);
}

TEST(Pool, Stress) {
    stress(200'000, 5'000, wg::pool_allocate, wg::pool_free,
           [](auto& rng) { return 1 + rng() % 1200; });
}

class Allocator : public testing::Test {
protected:
    void SetUp() override {
        wg::empty_cache();
        before_ = wg::memory_stats();
        limit_ = wg::cache_limit();
    }
    void TearDown() override {
        wg::set_cache_limit(limit_);
        wg::empty_cache();
        const wg::MemoryStats after = wg::memory_stats();
        EXPECT_EQ(after.cached, 0u);
        EXPECT_EQ(after.allocated, before_.allocated);
        EXPECT_EQ(after.reserved, before_.reserved);
        EXPECT_EQ(after.allocations - before_.allocations,
                  after.deallocations - before_.deallocations);
    }
    wg::MemoryStats before_;
    size_t limit_ = 0;
};

TEST_F(Allocator, NothingForZeroBytes) {
    EXPECT_EQ(wg::allocate(0), nullptr);
    wg::deallocate(nullptr, 0);
    EXPECT_EQ(wg::memory_stats().allocations, before_.allocations);
}

TEST_F(Allocator, EverySizeIsWritableAndAligned) {
    std::vector<size_t> sizes;
    for (size_t n = 1; n <= 1100; ++n) sizes.push_back(n);
    for (size_t n = 2 * KiB; n <= 64 * MiB; n *= 2)
        for (size_t d : {n - 1, n, n + 1, n + n / 8, n + n / 8 + 1}) sizes.push_back(d);
    for (size_t n : sizes) {
        Block b{static_cast<unsigned char*>(wg::allocate(n)), n, 0xa5};
        ASSERT_TRUE(aligned(b.data)) << n;
        b.fill();
        ASSERT_TRUE(b.intact()) << n;
        wg::deallocate(b.data, n);
    }
}

TEST_F(Allocator, WastesAtMostAnEighth) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "no size classes under AddressSanitizer";
    wg::set_cache_limit(0);
    for (size_t n = 600; n <= 100 * MiB; n += 1 + n / 7) {
        if (n > 64 * KiB && n < 2 * MiB) continue;  // mapped two MiB at a time, see below
        void* p = wg::allocate(n);
        const size_t reserved = wg::memory_stats().reserved - before_.reserved;
        EXPECT_GE(reserved, n);
        EXPECT_LE(reserved - n, n / 8) << n;
        wg::deallocate(p, n);
    }
}

TEST_F(Allocator, ReusesAFreedBlock) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "nothing is reused under AddressSanitizer";
    for (size_t n : {100 * size_t(1), 5 * KiB, 60 * KiB, 100 * KiB, 1 * MiB, 3 * MiB, 40 * MiB}) {
        void* p = wg::allocate(n);
        wg::deallocate(p, n);
        const uint64_t hits = wg::memory_stats().cache_hits;
        void* again = wg::allocate(n - n / 100);
        EXPECT_EQ(again, p) << n;
        EXPECT_EQ(wg::memory_stats().cache_hits, hits + 1);
        wg::deallocate(again, n - n / 100);
    }
}

TEST_F(Allocator, AReusedBlockCostsNoPageFaults) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "nothing is reused under AddressSanitizer";
    constexpr size_t n = 40 * MiB;
    for (int round = 0; round < 3; ++round) {
        const long before = page_faults();
        void* p = wg::allocate(n);
        std::memset(p, round, n);
        wg::deallocate(p, n);
        if (round > 0) {
            EXPECT_LT(page_faults() - before, 10);
        }
    }
}

TEST_F(Allocator, CutsAndJoinsFreeRanges) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "nothing is reused under AddressSanitizer";
    char* whole = static_cast<char*>(wg::allocate(48 * MiB));
    wg::deallocate(whole, 48 * MiB);
    const size_t reserved = wg::memory_stats().reserved;
    // Three parts of the range, freed in an order that joins forwards, backwards and both.
    char* a = static_cast<char*>(wg::allocate(20 * MiB));
    char* b = static_cast<char*>(wg::allocate(10 * MiB));
    char* c = static_cast<char*>(wg::allocate(18 * MiB));
    EXPECT_EQ(a, whole);
    EXPECT_EQ(b, whole + 20 * MiB);
    EXPECT_EQ(c, whole + 30 * MiB);
    EXPECT_EQ(wg::memory_stats().reserved, reserved);
    EXPECT_EQ(wg::memory_stats().cached, 0u);
    wg::deallocate(a, 20 * MiB);
    wg::deallocate(c, 18 * MiB);
    wg::deallocate(b, 10 * MiB);
    void* again = wg::allocate(48 * MiB);
    EXPECT_EQ(again, whole);
    wg::deallocate(again, 48 * MiB);
}

TEST_F(Allocator, TakesTheBestFit) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "nothing is reused under AddressSanitizer";
    wg::deallocate(wg::allocate(48 * MiB), 48 * MiB);
    char* large = static_cast<char*>(wg::allocate(30 * MiB));
    char* between = static_cast<char*>(wg::allocate(6 * MiB));
    char* small = static_cast<char*>(wg::allocate(12 * MiB));
    wg::deallocate(small, 12 * MiB);
    wg::deallocate(large, 30 * MiB);
    char* p = static_cast<char*>(wg::allocate(11 * MiB));
    EXPECT_EQ(p, small);
    wg::deallocate(p, 11 * MiB);
    wg::deallocate(between, 6 * MiB);
}

TEST_F(Allocator, CacheStaysWithinItsLimitAndDropsTheOldest) {
    if (!wg::kReusesMemory) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
    wg::set_cache_limit(4000);
    // Three blocks of 1024 fit, and a fourth drives out the one freed first.
    void* p[4];
    for (void*& q : p) q = wg::allocate(1024);
    for (void* q : p) wg::deallocate(q, 1024);
    EXPECT_EQ(wg::memory_stats().cached, 3 * 1024u);
    std::set<void*> kept;
    for (int i = 0; i < 3; ++i) kept.insert(wg::allocate(1024));
    EXPECT_EQ(kept, (std::set<void*>{p[1], p[2], p[3]}));
    for (void* q : kept) wg::deallocate(q, 1024);
    // What is larger than the limit does not drive out what is cached.
    wg::deallocate(wg::allocate(8 * MiB), 8 * MiB);
    EXPECT_EQ(wg::memory_stats().cached, 3 * 1024u);
    wg::set_cache_limit(1500);
    EXPECT_EQ(wg::memory_stats().cached, 1024u);
    wg::set_cache_limit(0);
    EXPECT_EQ(wg::memory_stats().cached, 0u);
    wg::deallocate(wg::allocate(100), 100);
    EXPECT_EQ(wg::memory_stats().cached, 0u);
}

TEST_F(Allocator, CountsBytesAndPeaks) {
    wg::reset_peak_memory_stats();
    void* a = wg::allocate(1000);
    void* b = wg::allocate(3 * MiB + 5);
    EXPECT_EQ(wg::memory_stats().allocated - before_.allocated, 1000 + 3 * MiB + 5);
    wg::deallocate(b, 3 * MiB + 5);
    wg::MemoryStats s = wg::memory_stats();
    EXPECT_EQ(s.allocated - before_.allocated, 1000u);
    EXPECT_EQ(s.peak_allocated - before_.allocated, 1000 + 3 * MiB + 5);
    EXPECT_GE(s.peak_reserved, s.peak_allocated);
    EXPECT_EQ(s.allocations - before_.allocations, 2u);
    EXPECT_EQ(s.deallocations - before_.deallocations, 1u);
    wg::reset_peak_memory_stats();
    s = wg::memory_stats();
    EXPECT_EQ(s.peak_allocated, s.allocated);
    EXPECT_EQ(s.peak_reserved, s.reserved);
    wg::deallocate(a, 1000);
}

TEST_F(Allocator, FailureIsCleanAndLeavesItUsable) {
    void* kept = wg::allocate(2 * MiB);
    for (size_t n : {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2 + 1, SIZE_MAX / 2, size_t(1) << 62,
                     size_t(1) << 47}) {
        wg::deallocate(wg::allocate(5 * MiB), 5 * MiB);
        const wg::MemoryStats before = wg::memory_stats();
        try {
            wg::allocate(n);
            FAIL() << n;
        } catch (const std::bad_alloc& error) {
            const auto* oom = dynamic_cast<const wg::OutOfMemory*>(&error);
            ASSERT_NE(oom, nullptr);
            EXPECT_EQ(oom->requested(), n);
            EXPECT_NE(std::string(oom->what()).find(std::to_string(n)), std::string::npos);
        }
        EXPECT_EQ(wg::memory_stats().allocated, before.allocated);
        EXPECT_EQ(wg::memory_stats().allocations, before.allocations);
    }
    void* p = wg::allocate(3 * MiB);
    std::memset(p, 1, 3 * MiB);
    wg::deallocate(p, 3 * MiB);
    wg::deallocate(kept, 2 * MiB);
}

// A cache full of pieces must not stand in the way of a request that memory would suffice for.
TEST_F(Allocator, GivesBackTheCacheWhenTheSystemHasNoMore) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer does not survive a limit on the address space";
#endif
    if (!wg::kReusesMemory) GTEST_SKIP() << "AddressSanitizer needs the address space";
    const pid_t child = fork();
    if (child == 0) {
        void* p = wg::allocate(512 * MiB);
        char* gap = static_cast<char*>(wg::allocate(16 * MiB));
        wg::deallocate(p, 512 * MiB);
        rlimit limit{800 * MiB, 800 * MiB};
        setrlimit(RLIMIT_AS, &limit);
        void* larger = nullptr;
        try {
            larger = wg::allocate(600 * MiB);
        } catch (const std::bad_alloc&) {
            _exit(1);
        }
        *static_cast<char*>(larger) = *gap = 1;
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(Allocator, WorksAfterFork) {
    void* p = wg::allocate(4 * MiB);
    std::memset(p, 3, 4 * MiB);
    const pid_t child = fork();
    if (child == 0) {
        void* q = wg::allocate(4 * MiB);
        std::memset(q, 4, 4 * MiB);
        const bool ok = static_cast<char*>(p)[MiB] == 3;
        wg::deallocate(p, 4 * MiB);
        wg::deallocate(q, 4 * MiB);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(static_cast<char*>(p)[MiB], 3);
    wg::deallocate(p, 4 * MiB);
}

TEST_F(Allocator, StressSmall) {
    stress(100'000, 2'000, wg::allocate, wg::deallocate,
           [](auto& rng) { return 1 + rng() % (size_t(1) << rng() % 18); });
}

TEST_F(Allocator, StressLargeWithATightCache) {
    wg::set_cache_limit(20 * MiB);
    stress(3'000, 30, wg::allocate, wg::deallocate,
           [](auto& rng) { return 1 + rng() % (size_t(1) << (15 + rng() % 9)); });
    EXPECT_LE(wg::memory_stats().cached, 20 * MiB);
}

}  // namespace
