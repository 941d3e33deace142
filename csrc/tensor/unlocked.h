// Loops over many elements let others have the lock of the core (docs/architecture.md, Threads). Start with Unlocked;
// parallel_for (cpu/thread_pool.h) is where nearly all of it happens.
//
// Note [Loops without the lock]
// Every range that is long enough for more than one thread of the pool runs without the lock: giving it up and taking
// it back costs a tenth of a microsecond where nobody waits for it, such a range takes five at least. Shorter ones know
// nothing of this. Whoever gets the lock meanwhile may do anything to the tensors that the loop reads:
//
// - A loop touches raw memory only, no counts of references and no free lists, and what it reads never
//   tells it where to go: indices that a caller gave were checked before and may be others now (KeepLock).
// - The tensors it works on are held by its operation. One that is given other memory meanwhile, or whose storage moves,
//   leaves the old to the loops that run (keep_for_loops), until the last that had begun by then has ended.
// - A tensor written to meanwhile must not be saved for backward as if the loop had read what is there now: the
//   version saved is that from before the loop, so that the derivative fails. Writes are counted when they
//   are done, so one that overlaps a loop is counted after its beginning; while any loop runs without the lock
//   bump_version() notes them, the loop finds them at its end (Written), and what its operation saves is put
//   right then (saved_tensor.cpp). Without such writes this costs nothing.
// - What several threads may add to, the gradients of leaves, is added to with the lock (KeepLock).
// - Two threads that write to one tensor at the same time get some mixture, as in PyTorch.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/intrusive_ptr.h"
#include "base/site.h"
#include "tensor/storage.h"

namespace wg {

// Installed by the binding; without it the lock is never given up.
struct LockProvider {
    void* (*release)() noexcept = nullptr;  // null: it stays with this thread
    void (*acquire)(void* released) noexcept = nullptr;
};
inline LockProvider lock_provider;

inline thread_local bool keeps_lock = false;  // or has given it up already

// Gives the lock up for its life, if `worthwhile`, once however they nest. Not for threads of the pool.
class Unlocked {
public:
    explicit Unlocked(bool worthwhile) noexcept {
        if (worthwhile && lock_provider.release) begin();
    }
    ~Unlocked() {
        if (released_) end();
    }
    Unlocked(const Unlocked&) = delete;

private:
    friend struct RunningLoops;
    void begin() noexcept;
    void end() noexcept;
    void* released_ = nullptr;
    uint64_t begun_;
    Unlocked *older_, *newer_;  // of all threads
};

// In its life this thread keeps the lock.
class KeepLock {
public:
    KeepLock() noexcept : before_(std::exchange(keeps_lock, true)) {}
    ~KeepLock() { keeps_lock = before_; }
    KeepLock(const KeepLock&) = delete;

private:
    bool before_;
};

// Lets others have the lock for a moment.
inline void offer_lock() noexcept {
    if (lock_provider.release)
        if (void* released = lock_provider.release()) lock_provider.acquire(released);
}

// --- what others do while loops run without the lock ---

inline Unlocked* oldest_loop = nullptr;  // that runs

// Memory that a tensor had until now.
void keep_for_loops(Ref<Storage> memory);
// A block of allocate(nbytes): deallocates it when no loop uses it.
void deallocate_after_loops(char* data, size_t nbytes);

// A counter of versions that another thread counted up during a loop of this one.
struct Written {
    const uint32_t* counter;
    uint32_t before;
};
void note_write(const uint32_t* counter);
// Those during the loops of the operation that this thread runs, which is at `site`; forgets them.
std::vector<Written> take_written(const Site& site);

// What is to be done when a node has saved what it needs: pack_saved() in autograd/saved_tensor.h.
inline constexpr uint8_t kSavedHooks = 1, kWrittenMeanwhile = 2;
inline thread_local uint8_t save_checks = 0;

}  // namespace wg
