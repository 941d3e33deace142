// Long loops let others have the lock of the core (docs/architecture.md, Threads).
//
// Note [Loops without the lock]
// Whoever has the lock may free or swap the memory of any tensor, so memory that is given up while a loop runs
// without it is kept until the last such loop has ended (Storage::destroy, Storage::resize): pointers taken before stay
// good. A loop may be an Unlocked one if it touches only raw memory, finds its way without reading it, and
// nothing that was read from a tensor before it is used after it. Products of matrices are: they take long, and the
// operands of their derivatives are held. Elementwise loops and reductions are not: they are steps of operations
// that go on with shapes they have read, and take a few milliseconds for ten million elements, no more than the
// interpreter lets a thread run. A backward pass offers the lock between nodes (Pass::run).
#pragma once

namespace wg {

// Installed by the binding; without it the lock is never given up.
struct LockProvider {
    void* (*release)() noexcept = nullptr;
    void (*acquire)(void* released) noexcept = nullptr;
};
inline LockProvider lock_provider;

// Gives the lock up for its life, if `worthwhile`.
class Unlocked {
public:
    explicit Unlocked(bool worthwhile) noexcept {
        if (worthwhile && lock_provider.release) begin();
    }
    ~Unlocked() {
        if (active_) end();
    }
    Unlocked(const Unlocked&) = delete;

private:
    void begin() noexcept;
    void end() noexcept;
    bool active_ = false;
    void* released_ = nullptr;
};

// Lets others have the lock for a moment.
inline void offer_lock() noexcept {
    if (lock_provider.release) lock_provider.acquire(lock_provider.release());
}

}  // namespace wg
