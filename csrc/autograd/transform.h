// Function transforms (torch.func.grad, vjp, ...): levels around a function, on the one tape that there is.
// Start with Note [Levels]; python/whygrad/func/ puts the transforms together from these parts.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "autograd/meta.h"

namespace wg {

// Note [Levels]
// A transform runs its function one level deeper (enter_level), with variables in the place of the arguments that it
// differentiates by: leaves that share the memory of what they stand for, and through which gradients flow on
// to the history of that, if it has one (make_variable). The rest is an ordinary pass for these inputs.
// A tape cannot confuse the levels, but some things have to be known:
//  - Which results have a history outside of the transform? Every node carries the set of the levels of the leaves it
//    leads to (Node::levels; ordinary leaves are of level 0). A result of which no bit is left outside is detached
//    (lower), and a pass outside does not run nodes that lead to dead variables alone.
//  - Which hooks run? Those that were registered for tensors of the level that a pass is for (BackwardOptions::level).
//  - Which tensors were made inside? TensorImpl::level says it. The others may not be written to, and what
//    requires grad outside does not look so in there: sees_history.
// Grad mode is on inside, inference mode is off. If nothing is recorded outside, results have no history there.
// Inference tensors from outside may be used like others there, and that they are written to later is not noticed.
//
// A transform in forward mode (enter_forward_transform) has a level of the same kind, in which nothing is a leaf
// and grad mode stays as it is, and a level of forward mode (Note [Forward mode]) for the tangents of its
// dual tensors (make_dual_variable). What stands for a tensor has its tangents of the levels around, and what leaves
// a level leaves it together with them.

inline uint64_t level_bit(unsigned level) noexcept { return uint64_t(1) << std::min(level, 63u); }

// Of this level and all those around it.
inline uint64_t live_levels() noexcept { return (level_bit(transform_level) << 1) - 1; }

// Whether t requires grad, seen from the level that it was made in.
inline bool sees_history(const Tensor& t) {
    if (!requires_grad(t)) return false;
    if (t->level == 0) return true;
    // As it is stored: a question does not make the history of a view anew, and so cannot fail.
    const Node* fn = node_of(t->grad_fn);
    if (!fn && t->view_base) fn = node_of(t->view_base->grad_fn);
    return !fn || !fn->levels || (fn->levels & level_bit(t->level));
}

// A write to a tensor that was made outside; the binding puts the operation's name into the message.
class CapturedWrite : public Error {
public:
    explicit CapturedWrite(const std::string& operation);
};

// The levels of a thread, for another one that goes on in its place.
struct TransformState {
    void* levels;
    uint8_t level;
};
TransformState transform_state() noexcept;
void set_transform_state(TransformState s) noexcept;

// Saved tensor hooks and transforms exclude each other.
void check_hooks_allowed();
// Throws for a tensor that is to be changed and was made outside.
inline void check_not_captured(const Tensor& t, const char* operation) {
    if (t->level < transform_level) [[unlikely]]
        throw CapturedWrite(operation);
}

void enter_level();
// Gives the number of the level of forward mode.
int enter_forward_transform();
// Leaves either. Whether code ran in there that may look at what it likes when gradients pass (hooks, custom Functions).
bool leave_level() noexcept;
// To be called when such code is registered.
void note_own_code() noexcept;

// A variable of this level that stands for t.
Tensor make_variable(const Tensor& t);
// The tensor for which operations see this tangent, with the history and the other tangents of t.
Tensor make_dual_variable(const Tensor& t, const Tensor& tangent, int forward_level);
// Whether t, or one of several, has a history outside of all transforms that counts here; false where none runs.
bool has_history_outside(const Tensor& t);
template <class Tensors>
bool any_history_outside(const Tensors& tensors) {
    return transform_level && std::any_of(tensors.begin(), tensors.end(), has_history_outside);
}
// Makes of a view that a custom Function returns in a transform a tensor of this level with a history of its own, as
// PyTorch's results are: wrappers that know no base. Writes to it are then nothing to its base but other values.
// It stays the view that it is where the base has a history outside of all transforms.
void part_from_base(const Tensor& view);
// What a value of the level above is in this one.
Tensor lower(const Tensor& t);
// Goes on having the history of t, whatever is done to t.
Tensor keep_root(const Tensor& t);

// The gradients of the variables; undefined for those that no root depends on. To be called outside of the level.
// With `rows` all gradients have rows, and so have the results (rows.h).
std::vector<Tensor> pull_back(std::span<const Tensor> roots, std::span<const Tensor> grads,
                              std::span<const Tensor> variables, bool retain_graph,
                              bool ran_own_code, const RowView* rows = nullptr);

}  // namespace wg
