// Ref<T>: an owning pointer to an object that carries its own reference count.
// T has a `uint32_t refs` and a static `void destroy(T*) noexcept` that runs when the count reaches 0.
// Counts are not atomic: one lock protects the core (under Python the GIL); see docs/architecture.md.
#pragma once

#include <cstdint>
#include <utility>

namespace wg {

template <class T>
class Ref {
public:
    constexpr Ref() noexcept = default;
    constexpr Ref(std::nullptr_t) noexcept {}
    // Shares `p`: the count goes up by one.
    explicit Ref(T* p) noexcept : p_(p) {
        if (p_) ++p_->refs;
    }
    Ref(const Ref& other) noexcept : Ref(other.p_) {}
    Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
    ~Ref() { drop(p_); }

    Ref& operator=(const Ref& other) noexcept {
        if (other.p_) ++other.p_->refs;
        drop(std::exchange(p_, other.p_));
        return *this;
    }
    Ref& operator=(Ref&& other) noexcept {
        drop(std::exchange(p_, std::exchange(other.p_, nullptr)));
        return *this;
    }

    // Takes over one count that the caller owns.
    static Ref steal(T* p) noexcept {
        Ref r;
        r.p_ = p;
        return r;
    }
    // Gives the count to the caller.
    T* release() noexcept { return std::exchange(p_, nullptr); }

    void reset() noexcept { drop(std::exchange(p_, nullptr)); }
    T* get() const noexcept { return p_; }
    T& operator*() const noexcept { return *p_; }
    T* operator->() const noexcept { return p_; }
    explicit operator bool() const noexcept { return p_ != nullptr; }
    bool operator==(const Ref& other) const noexcept { return p_ == other.p_; }

private:
    static void drop(T* p) noexcept {
        if (p && --p->refs == 0) T::destroy(p);
    }
    T* p_ = nullptr;
};

}  // namespace wg
