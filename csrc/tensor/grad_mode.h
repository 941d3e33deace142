// What operations of this thread do beside computing: record history (grad mode), or give inference tensors, which
// nothing is recorded of (inference mode).
#pragma once

#include <cstdint>

namespace wg {

// Both flags in one byte, so that the question which every operation asks is one comparison. Inference mode wins.
inline constexpr uint8_t kGradMode = 1, kInferenceMode = 2;
inline thread_local uint8_t modes_ = kGradMode;

// Whether operations are recorded.
inline bool grad_enabled() noexcept { return modes_ == kGradMode; }
// Whether new tensors are inference tensors (TensorImpl::inference).
inline bool inference_mode() noexcept { return modes_ & kInferenceMode; }
// The flag alone, as Python sees it: it can be set within inference mode, and changes nothing there.
inline bool grad_flag() noexcept { return modes_ & kGradMode; }
inline void set_grad_enabled(bool on) noexcept {
    modes_ = uint8_t((modes_ & ~kGradMode) | (on ? kGradMode : 0));
}

// Whether gradients get the strides of their leaves (torch.autograd.enforce_grad_layout_policy).
inline thread_local bool layout_enforced = true;

class GradMode {
public:
    explicit GradMode(bool on) noexcept : previous_(grad_flag()) { set_grad_enabled(on); }
    ~GradMode() { set_grad_enabled(previous_); }
    GradMode(const GradMode&) = delete;

private:
    bool previous_;
};

// Switches inference mode off, and leaves grad mode as it is.
class NormalMode {
public:
    NormalMode() noexcept : previous_(modes_) { modes_ &= kGradMode; }
    ~NormalMode() { modes_ = previous_; }
    NormalMode(const NormalMode&) = delete;

private:
    uint8_t previous_;
};

}  // namespace wg
