// Forward mode: tensors that carry tangents, and what operations make of them.
// Start with Note [Forward mode]; recording calls push_forward() and TangentUpdate from record.h.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "autograd/meta.h"

namespace wg {

// Note [Forward mode]
// Inside a level a tensor may have a tangent: the directional derivative of it along whatever the level's user
// chose. Levels nest and are numbered from 0; the tangent of level l is a tensor that may have tangents of lower
// levels only. So what level l makes of an operation is computed with all tangents of level l and above out of sight
// (VisibleLevels): nested derivatives do not mix. It is computed with recorded operations, so that its
// gradient exists and lower levels see it.
//
// An elementwise operation has a diagonal Jacobian: its gradient formulas, applied to tangents, give the tangent
// of the result (ops/elementwise.cpp). A view's tangent is the same window on the tangent. Where an operation says a
// rule of its own (the last argument of record()), that is used. All others have their derivative, u -> J^T u,
// which is linear in u: the engine differentiates it once more, and that is the tangent J v (push_forward).
//
// A tangent lies in memory as its tensor does, and is written to in place when its tensor is: so the tangents of
// views and bases share memory as they do themselves.
//
// While no level is open all this costs one test of a global variable where history is recorded.

inline int open_forward_levels = 0;  // of the process
inline constexpr int kAllLevels = std::numeric_limits<int>::max();
inline thread_local int forward_levels_seen = kAllLevels;

// The levels below this are open and seen.
inline int visible_forward_levels() noexcept {
    return std::min(open_forward_levels, forward_levels_seen);
}
inline bool forward_mode() noexcept { return open_forward_levels > 0 && forward_levels_seen > 0; }

// For as long as it lives this thread sees only the levels below n.
class VisibleLevels {
public:
    explicit VisibleLevels(int n) noexcept
        : previous_(std::exchange(forward_levels_seen, std::min(n, forward_levels_seen))) {}
    ~VisibleLevels() { forward_levels_seen = previous_; }
    VisibleLevels(const VisibleLevels&) = delete;

private:
    int previous_;
};

// Operations in the life of this are part of another one, which has its derivative: they have none.
class Unrecorded {
    GradMode no_history_{false};
    VisibleLevels no_tangents_{0};
};

int enter_forward_level();  // its number
// Must be the innermost; its tangents are gone afterwards.
void exit_forward_level(int level);

bool has_visible_tangent(const Tensor& t);
inline bool has_tangent(const Tensor& t) {
    return forward_mode() && t.defined() && has_visible_tangent(t);
}
// Whether the tangent of level l exists, seen or not.
bool has_tangent(const Tensor& t, int level);
// Undefined where there is none, or the level is out of sight.
Tensor tangent(const Tensor& t, int level);
Tensor any_tangent_of(const Tensor& t, int level);  // also if it is out of sight
void set_tangent(const Tensor& t, int level, Tensor value);
// Gives `to`, another tensor with the values of `from`, the same tangents.
void share_tangents(const Tensor& to, const Tensor& from);
// The view `to` of `from` looks for its tangents where `from` does.
void inherit_tangent_levels(const Tensor& to, const Tensor& from);

void drop_tangents(AutogradMeta& m) noexcept;

// A view of t with this tangent; PyTorch's checks.
Tensor make_dual(const Tensor& t, const Tensor& tangent, int level);
// The same for a tensor that has just been made, in place of a tangent that it has.
void attach_tangent(const Tensor& t, const Tensor& tangent, int level);
// t without its tangent of the level, as a view with the history of t, and the tangent.
std::pair<Tensor, Tensor> unpack_dual(const Tensor& t, int level);

// What a rule sees: the tangents of one level.
class Forward {
public:
    Forward(std::span<const Tensor* const> inputs, int level);
    bool has(size_t i) const noexcept { return tangents_[i].defined(); }
    const Tensor& tangent(size_t i) const noexcept { return tangents_[i]; }
    bool any() const noexcept { return any_; }
    size_t size() const noexcept { return tangents_.size(); }
    // a + b, where undefined is zero.
    static Tensor sum(Tensor a, Tensor b);
    // The value in the layout of `like`, sharing memory with no tangent; zeros if undefined.
    Tensor fresh(Tensor value, const Tensor& like) const;

private:
    SmallVector<Tensor, 3> tangents_;
    bool any_ = false;
};

// A rule of an operation with one result: a reference to a function object (const Forward&) -> Tensor.
class ForwardRule {
public:
    ForwardRule() = default;
    template <class F>
    explicit ForwardRule(const F& f)
        : f_(&f),
          call_([](const void* g, const Forward& d) { return (*static_cast<const F*>(g))(d); }) {}
    explicit operator bool() const noexcept { return call_ != nullptr; }
    Tensor operator()(const Forward& d) const { return call_(f_, d); }

private:
    const void* f_ = nullptr;
    Tensor (*call_)(const void*, const Forward&) = nullptr;
};

// Gives the outputs their tangents: by the rule, or from the node's derivative, whose gradient i belongs to inputs[i].
void push_forward(Node& node, std::span<const Tensor> outputs,
                  std::span<const Tensor* const> inputs, ForwardRule rule);

// The same for a single output without node.
void push_rule(const Tensor& output, std::span<const Tensor* const> inputs, ForwardRule rule);

// If the outputs are windows on t's memory with tangents that lie like t, gives them their tangents: windows on these,
// whose history `record` makes. Else returns false.
bool push_windows(std::span<const Tensor> outputs, const Tensor& t, const void* f,
                  void (*record)(const void* f, std::span<const Tensor> windows, const Tensor& of));

// The tangents that a write will give to a tensor: collected before, put in place after it.
class TangentUpdate {
public:
    // As `derivative` says, as for push_forward(); inputs[0] is the tensor itself.
    void collect(Node& derivative, const Tensor& self, std::span<const Tensor* const> inputs);
    // Those of the values that will be written, which were computed out of place.
    void collect(const Tensor& result);
    // After the write; `node` is the history it made, if any. Tangents that nothing was collected for become zero.
    void apply(const Tensor& self, Node* node = nullptr) const;

private:
    SmallVector<std::pair<int, Tensor>, 1> values_;
};
// After a write of values without derivative.
inline void clear_tangents(const Tensor& t) {
    if (forward_mode()) [[unlikely]]
        TangentUpdate().apply(t);
}

// After the tangents of `out` are set: what `node` saved of it has them too.
void share_with_saved_output(Node& node, std::span<const Tensor> outputs);

// "Trying to use forward AD with NAME_out that does not support it because it is an out= function"
[[noreturn]] void fail_forward_out(const char* name);

}  // namespace wg
