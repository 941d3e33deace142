// Views of conjugates and of negatives, and how all other operations come to read and write the values of such views.
#include <cstring>
#include <utility>
#include <vector>

#include "autograd/record.h"
#include "cpu/elementwise_loop.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "tensor/unlocked.h"
#include "tensor/watch.h"

// Note [Conjugate views]
// z.conj() is another window on z's memory with the bit `conjugate` set: its values are the conjugates of what lies
// there. The imaginary part of such a view is a window on the same memory with the bit `negative`. A tensor with one of
// these bits is lazy. Views hand the bits on (alias() copies them); conj(), real(), imag() and the like below change
// them; nothing else has to know of them:
//
// - is_contiguous() is false of a lazy tensor. So is the packed bit. All that works on contiguous memory makes a
//   contiguous copy first, which is not lazy, and the short ways of real tensors need no test of their own. What asks
//   for the layout, and not for values in memory, calls has_contiguous_layout().
// - Values are read through Tensor::raw(), which of a lazy tensor is not its memory but a buffer of the same strides
//   that holds the values as they are now. It lives as long as the tensor. Its type is const: what would write through
//   it does not compile.
// - Values are written through Tensor::mutable_raw(), which gives such a buffer as well. Every write in place ends with
//   bump_version(), and that puts the buffer into the memory (finish_writes). A write that fails leaves the memory as it
//   was (drop_writes).
// - copy_values() and fill_values() know the bits, so that copies and casts need no buffers.
// - Tensor::address() is the memory itself: for those who compare places, or have seen that the tensor is contiguous.
//
// Histories are as for all views. A gradient is that of the values, and goes through the nodes of conj() and the like;
// window_as() finds the place of a lazy view in another tensor (Note [Views and in-place]).

namespace wg {

namespace {

// Another view of t's memory, with these bits.
Tensor memory_as(const Tensor& t, bool conjugate, bool negative) {
    Tensor out = alias(t);
    out->set_lazy(conjugate, negative);
    return out;
}

// -x for all x of a tensor of real numbers that is not lazy.
void negate_values(const Tensor& t) {
    WG_CHECK_NOT_IMPLEMENTED(t.dtype() != DType::Bool, "\"neg_cpu\" not implemented for 'Bool'");
    const DType compute = kernel_dtype(t.dtype());
    const cpu::Operand x{t.address(), t.dtype(), t.strides()};
    const Params none;
    cpu::elementwise_loop(kernel_table[int(Op::neg)].forward[int(compute)], x, {&x, 1}, t.sizes(),
                          compute, compute, none.p);
}

// The values of t, which is not lazy and does not overlap itself, become their conjugates, negatives, or both.
void change_values(const Tensor& t, bool conjugate, bool negative) {
    if (!is_complex(t.dtype())) {
        if (negative) negate_values(t);
    } else if (conjugate) {
        negate_values(part_of(t, negative ? 0 : 1));
    } else if (negative) {
        negate_values(parts_of(t));
    }
}

}  // namespace

void copy_lazy_values(const Tensor& to, const Tensor& from) {
    if (from.is_lazy() && from.dtype() != to.dtype()) return copy_values(to, resolved(from));
    const bool conjugate = is_complex(to.dtype()) && to->conjugate != from->conjugate;
    const bool negative = to->negative != from->negative;
    const Tensor memory = memory_as(to, false, false), source = memory_as(from, false, false);
    if (may_overlap_itself(memory) && (conjugate || negative)) {
        // Each element is to be changed once: in a copy.
        const Tensor changed = empty_like(from, to.dtype());
        copy_values(changed, source);
        change_values(changed, conjugate, negative);
        return copy_values(memory, changed);
    }
    copy_values(memory, source);
    change_values(memory, conjugate, negative);
}

Tensor resolved(const Tensor& t) {
    if (!t.is_lazy()) return t;
    Tensor out = empty_like(t);
    copy_values(out, t);
    return out;
}

// --- buffers ---

namespace {

// The values of t in new memory, at t's strides.
Tensor resolved_in_place(const Tensor& t) {
    const Tensor dense = resolved(t);
    if (same_shape(dense.strides(), t.strides())) return dense;
    Tensor out = empty_strided(t.sizes(), t.strides(), t.dtype());
    copy_values(out, dense);
    return out;
}

struct PendingWrite {
    Tensor to, values;
    uint32_t version;  // of `to`; if it has changed since, the write has failed
};
thread_local std::vector<PendingWrite> pending_;

}  // namespace

const char* Tensor::resolved_memory() const {
    const Tensor now = resolved_in_place(*this);
    Ref<Storage>& buffer = own_meta(*this).resolved;
    // An operation may hold the address already: of the same values.
    if (buffer && buffer->nbytes == now->storage->nbytes) {
        if (buffer->nbytes) std::memcpy(buffer->data, now->storage->data, buffer->nbytes);
    } else {
        keep_for_loops(std::exchange(buffer, now->storage));
    }
    return buffer->data;
}

char* Tensor::memory_to_write() const {
    std::erase_if(pending_, [](const PendingWrite& w) { return w.version != w.to.version(); });
    for (const PendingWrite& w : pending_)
        if (w.to.is_same(*this)) return w.values.address();
    pending_.push_back({*this, resolved_in_place(*this), version()});
    return pending_.back().values.address();
}

void finish_writes() {
    while (!pending_.empty()) {
        const PendingWrite w = std::move(pending_.back());
        pending_.pop_back();
        if (w.version == w.to.version()) copy_values(w.to, w.values);
    }
}

void drop_writes() noexcept { pending_.clear(); }

// --- views ---

Tensor conj_view(const Tensor& t) {
    if (!is_complex(t.dtype())) return t;
    if (watched()) [[unlikely]]
        return watch<"_conj.default">([&] { return conj_view(t); }, t);
    Tensor out = memory_as(t, !t->conjugate, t->negative);
    make_view(out, t);
    record("ConjBackward0", out, {t}, {}, [](Backward& d) { d.set(0, conj_view(d.grad())); });
    return out;
}

Tensor neg_view(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"_neg_view.default">([&] { return neg_view(t); }, t);
    Tensor out = memory_as(t, t->conjugate, !t->negative);
    make_view(out, t);
    record("NegViewBackward0", out, {t}, {}, [](Backward& d) { d.set(0, neg(d.grad())); });
    return out;
}

Tensor resolve_conj(const Tensor& t) { return t->conjugate ? clone(t) : t; }
Tensor resolve_neg(const Tensor& t) { return t->negative ? clone(t) : t; }
bool is_conj(const Tensor& t) { return t->conjugate; }
bool is_neg(const Tensor& t) { return t->negative; }

}  // namespace wg
