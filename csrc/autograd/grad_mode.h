// Whether operations record history: one flag per thread.
#pragma once

#include <utility>

namespace wg {

inline thread_local bool grad_enabled_ = true;

inline bool grad_enabled() noexcept { return grad_enabled_; }
inline void set_grad_enabled(bool on) noexcept { grad_enabled_ = on; }

class GradMode {
public:
    explicit GradMode(bool on) noexcept : previous_(std::exchange(grad_enabled_, on)) {}
    ~GradMode() { grad_enabled_ = previous_; }
    GradMode(const GradMode&) = delete;

private:
    bool previous_;
};

}  // namespace wg
