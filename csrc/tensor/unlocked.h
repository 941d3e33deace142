// Long loops let others have the lock of the core (docs/architecture.md, Threads). Start with Unlocked; parallel_for
// (cpu/thread_pool.h) is where nearly all of it happens.
//
// Note [Loops without the lock]
// A loop that takes some tenths of a millisecond runs without the lock, shorter ones know nothing of this: beside a thread of
// plain Python who gives the lock up waits five milliseconds for it, and a program of loops that take ten microseconds would
// run a hundred times slower, while nobody misses the lock for so short a time. Meanwhile others may do anything to the
// tensors that the loop reads:
//
// - A loop touches raw memory only, no counts of references and no free lists, and what it reads never
//   tells it where to go: indices that a caller gave were checked before and may be others now (KeepLock).
// - The tensors it works on are held by its operation. One that is given other memory meanwhile, or whose storage moves,
//   leaves the old to the loops that run (keep_for_loops), and so does a pass that puts back what hooks have packed.
// - What several threads may add to, the gradients of leaves, is added to with the lock (KeepLock).
// - Threads that write to a tensor, or give it another shape, while another works on it are at their own
//   risk, as in PyTorch: results, and the derivatives of what is computed just then, are a mixture.
#pragma once

#include <cstdint>
#include <utility>

#include "base/intrusive_ptr.h"

namespace wg {

// Installed by the binding; without it the lock is never given up.
struct LockProvider {
    void* (*release)() noexcept = nullptr;  // null: it stays with this thread
    void (*acquire)(void* released) noexcept = nullptr;
};
inline LockProvider lock_provider;

inline thread_local bool keeps_lock = false;  // or has given it up already

struct Generation;
struct Storage;

// A loop over so many grains of parallel_for is long.
inline constexpr int64_t kLongLoop = 16;

// Gives the lock up for its life, if `worthwhile`, once however they nest. Not for threads of the pool.
class Unlocked {
public:
    explicit Unlocked(bool worthwhile) noexcept {
        if (worthwhile && lock_provider.release && !keeps_lock) begin();
    }
    ~Unlocked() {
        if (released_) end();
    }
    Unlocked(const Unlocked&) = delete;

private:
    void begin() noexcept;
    void end() noexcept;
    void* released_ = nullptr;
    Generation* generation_ = nullptr;
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

// Of memory that a tensor or a storage had until now: it goes when the loops that run have ended.
void keep_for_loops(Ref<Storage> memory) noexcept;

}  // namespace wg
