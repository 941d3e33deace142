#include "tensor/unlocked.h"

#include <pthread.h>

#include <utility>

#include "tensor/allocator.h"

namespace wg {

// All of it is protected by the lock.
struct RunningLoops {
    static inline Unlocked* newest = nullptr;
    static inline uint64_t clock = 0;  // loops that have begun

    struct Write {
        Written what;
        uint64_t at;
    };
    static inline std::vector<Write> writes;

    // Given up at `at`: loops that began by then may use it.
    struct Retired {
        Ref<Storage> storage;  // or, null, a block
        char* data;
        size_t nbytes;
        uint64_t at;
    };
    static inline std::vector<Retired>& retired = *new std::vector<Retired>;

    static void add(Unlocked& u) {
        u.begun_ = ++clock;
        u.older_ = newest;
        u.newer_ = nullptr;
        (newest ? newest->newer_ : oldest_loop) = &u;
        newest = &u;
    }
    static void remove(Unlocked& u) {
        (u.older_ ? u.older_->newer_ : oldest_loop) = u.newer_;
        (u.newer_ ? u.newer_->older_ : newest) = u.older_;
    }
    // Whether a loop that runs had begun by then.
    static bool concerns(uint64_t at) { return oldest_loop && oldest_loop->begun_ <= at; }
    static void settle();
    // In a child process that another thread forked meanwhile none of the loops goes on.
    static void forget() { oldest_loop = newest = nullptr; }
};

void RunningLoops::settle() {
    std::erase_if(writes, [](const Write& w) { return !concerns(w.at); });
    std::vector<Retired> over;
    for (Retired& r : retired)
        if (!concerns(r.at)) over.push_back(std::move(r));
    std::erase_if(retired, [](const Retired& r) { return !concerns(r.at); });
    for (const Retired& r : over)
        if (!r.storage) deallocate(r.data, r.nbytes);
    // Last `over` itself: the owner of foreign memory may run any code when that goes.
}

namespace {

// Where the operation was whose loops others wrote during; compared only.
struct Meanwhile {
    void* code = nullptr;
    int64_t offset = 0;
    std::vector<Written> writes;
};
thread_local Meanwhile meanwhile_;

}  // namespace

void Unlocked::begin() noexcept {
    if (keeps_lock) return;
    static const int registered = pthread_atfork(nullptr, nullptr, RunningLoops::forget);
    static_cast<void>(registered);
    RunningLoops::add(*this);
    released_ = lock_provider.release();
    if (released_) keeps_lock = true;
    else RunningLoops::remove(*this);
}

void Unlocked::end() noexcept {
    lock_provider.acquire(released_);
    keeps_lock = false;
    RunningLoops::remove(*this);
    if (!RunningLoops::writes.empty()) [[unlikely]] {
        const Site site = Site::here();
        Meanwhile& m = meanwhile_;
        if (m.code != site.code() || m.offset != site.offset()) m.writes.clear();
        m.code = site.code();
        m.offset = site.offset();
        for (const auto& w : RunningLoops::writes)
            if (w.at >= begun_) m.writes.push_back(w.what);
        if (!m.writes.empty()) save_checks |= kWrittenMeanwhile;
    }
    if (!RunningLoops::writes.empty() || !RunningLoops::retired.empty()) [[unlikely]]
        RunningLoops::settle();
}

void keep_for_loops(Ref<Storage> memory) {
    if (oldest_loop && memory)
        RunningLoops::retired.push_back({std::move(memory), nullptr, 0, RunningLoops::clock});
}

void deallocate_after_loops(char* data, size_t nbytes) {
    if (oldest_loop) RunningLoops::retired.push_back({{}, data, nbytes, RunningLoops::clock});
    else deallocate(data, nbytes);
}

void note_write(const uint32_t* counter) {
    RunningLoops::writes.push_back({{counter, *counter}, RunningLoops::clock});
}

std::vector<Written> take_written(const Site& site) {
    save_checks &= uint8_t(~kWrittenMeanwhile);
    std::vector<Written> writes = std::exchange(meanwhile_.writes, {});
    if (meanwhile_.code != site.code() || meanwhile_.offset != site.offset()) writes.clear();
    return writes;
}

}  // namespace wg
