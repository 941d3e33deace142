// Operations that write into part of a tensor, in both forms: on a fresh copy and in place.
#pragma once

#include "autograd/record.h"
#include "autograd/transform.h"
#include "ops/functions.h"

namespace wg {

// Runs write(target) and records `derivative` (gradient 0 belongs to `self`, the others to `others`).
// target is self itself for the in-place form, else a fresh copy of it. `write` checks the arguments: as
// in PyTorch, a leaf or view that must not be written to is refused first.
template <class Write, class F>
void recorded_write(const char* name, const Tensor& target, const Tensor& self, Inputs others,
                    std::span<const Save> saves, Write write, F derivative) {
    const bool in_place = target.is_same(self);
    const bool recorded = (in_place || is_differentiable(target.dtype())) &&
                          (any_requires_grad({self}) || any_requires_grad(others));
    const bool forward =
        is_differentiable(target.dtype()) && (has_tangent(self) || any_tangent(others));
    if (in_place) check_history(self, recorded, any_history_outside(others));
    Ref<Node> node;
    TangentUpdate tangents;
    if (recorded || forward) {
        auto fresh = FunctionNode<F>::make(name, std::move(derivative));
        if (recorded) {
            fresh->add_edge(gradient_edge(self));
            for (const Tensor& t : others) fresh->add_edge(gradient_edge(t));
        }
        fresh->site.capture();
        for (const Save& s : saves) fresh->keep(s);
        if (forward) [[unlikely]] {
            SmallVector<const Tensor*, 4> inputs{&self};
            for (const Tensor& t : others) inputs.push_back(&t);
            tangents.collect(*fresh, target, {inputs.data(), inputs.size()});
        }
        if (recorded) {
            pack_saved(*fresh);
            node = Ref<Node>::steal(fresh.release());
        }
    }
    write(target);
    if (in_place) rebase_history(self, std::move(node));
    else if (node) set_history(target, *node);
    if (forward) [[unlikely]]
        tangents.apply(target);
}

// A copy of t's values in its layout, without history.
inline Tensor fresh_copy(const Tensor& t) {
    Unrecorded off;
    return clone(t);
}

inline Tensor contiguous_copy(const Tensor& t) {
    Unrecorded off;
    return clone_in(t, MemoryFormat::Contiguous);
}

}  // namespace wg
