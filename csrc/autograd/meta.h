// The autograd side of a tensor: does it require grad, which node made it, where its gradient is.
// Start with grad_fn(): for views it may have to make the node anew (Note [Views and in-place]).
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "autograd/node.h"
#include "tensor/grad_mode.h"

namespace wg {

class AccumulateGrad;
struct Tangent;

// What a view shows of a storage.
struct Window {
    DType dtype;
    bool conjugate, negative;
    Dims sizes, strides;  // the strides and the offset count elements of the dtype
    int64_t offset;
    static Window of(const Tensor& t) {
        return {t.dtype(),       t->conjugate,      t->negative,
                Dims(t.sizes()), Dims(t.strides()), t.offset()};
    }
};

struct AutogradMeta final : TensorExtras {
    Tensor grad;
    // What gradients of a leaf are brought to, if that was set; in it none means any.
    std::optional<std::optional<DType>> grad_dtype;
    AccumulateGrad* accumulator = nullptr;  // Note [Accumulators]
    Ref<Node> accumulator_of_another;  // of the leaf that this was unpacked in place of
    // Of a variable of a transform: what it stands for, and where its gradient goes on to (Note [Levels]).
    Tensor stands_for;
    Edge passes_on;
    // Of what is a view outside of all transforms alone (part_from_base): the base that it has there.
    Ref<TensorImpl> base_outside;
    // Tensor hooks: run by the accumulator of a leaf; a node has its own list of those of its outputs.
    // A new history drops them, detach_() makes them the hooks of a leaf.
    std::vector<NodeHooks::TensorHook> hooks;
    std::vector<std::function<void(const Tensor& leaf)>> post_accumulate;
    std::shared_ptr<TensorImpl*> weak_self;  // for retain_grad; cleared when the tensor dies
    Tangent* tangents = nullptr;  // a list, of open levels only (forward.cpp)
    int base_levels =
        std::numeric_limits<int>::max();  // a view shares tangents of lower levels with its base
    // Of a view that shows numbers of another kind than its base, or is made of such a view: what was made of the base
    // one after the other, up to the view itself (Note [Views and in-place]).
    std::vector<Window> made_by;
    ~AutogradMeta() override;
};

inline AutogradMeta* meta(const TensorImpl& t) noexcept {
    return static_cast<AutogradMeta*>(t.extras);
}
inline AutogradMeta* meta(const Tensor& t) noexcept { return meta(*t.impl()); }
inline AutogradMeta& own_meta(const Tensor& t) {
    if (!t->extras) t->extras = new AutogradMeta;
    return *meta(t);
}

// A view requires grad when its base does, also one made without recording. A base is no view.
inline bool requires_grad(const TensorImpl& t) noexcept {
    return t.requires_grad || t.grad_fn ||
           (t.view_base && (t.view_base->requires_grad || t.view_base->grad_fn));
}
inline bool requires_grad(const Tensor& t) noexcept { return requires_grad(*t.impl()); }

Node* view_grad_fn(const Tensor& view);

// The node whose output t is; null for leaves.
inline Node* grad_fn(const Tensor& t) {
    if (t->view_base) [[unlikely]]
        return view_grad_fn(t);
    return node_of(t->grad_fn);
}
inline bool is_leaf(const Tensor& t) { return grad_fn(t) == nullptr; }

Edge accumulator_edge(const Tensor& leaf);
// Later graphs get a new one.
void forget_accumulator(const Tensor& leaf);

inline constexpr const char* kNoVersions = "Inference tensors do not track version counter.";

// Where t's gradient goes: its grad_fn, a leaf's accumulator, or nowhere.
inline Edge gradient_edge(const Tensor& t) {
    if (Node* fn = grad_fn(t)) return {Ref<Node>(fn), t->output_nr};
    // The flag of the tensor itself: a view made without recording passes nothing on.
    if (t->requires_grad) return accumulator_edge(t);
    return {};
}

Tensor detach(const Tensor& t);  // shares memory and versions, has no history
void count_apart(const Tensor& t);  // gives t, new, a version counter of its own
void set_requires_grad(const Tensor& t, bool on);
void retain_grad(const Tensor& t);
void set_grad(const Tensor& t, const Tensor& grad);  // checks that it fits
// `Tensor.grad_dtype` of a leaf: the dtype of its gradients, none if that may be any.
std::optional<DType> grad_dtype(const Tensor& leaf);
void set_grad_dtype(const Tensor& leaf, std::optional<DType> dtype);

}  // namespace wg
