// Forward mode: where tangents are kept, and how they go through operations (Note [Forward mode]).
// Start with push_forward(); transposed() is the rule of every operation that has none of its own.
#include "autograd/forward.h"

#include <vector>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "ops/functions.h"
#include "tensor/shape.h"

namespace wg {

// One tangent of one tensor: an element of the tensor's list and of its level's.
struct Tangent {
    Tensor value;
    int level;
    AutogradMeta* owner;
    Tangent* next_of_owner;
    Tangent* previous = nullptr;  // in the level
    Tangent* next = nullptr;
};

namespace {

std::vector<Tangent*> levels_;  // the first of each

void unlink(Tangent* t) noexcept {
    Tangent** of_owner = &t->owner->tangents;
    while (*of_owner != t) of_owner = &(*of_owner)->next_of_owner;
    *of_owner = t->next_of_owner;
    (t->previous ? t->previous->next : levels_[size_t(t->level)]) = t->next;
    if (t->next) t->next->previous = t->previous;
}

Tangent* own_tangent(const TensorImpl& t, int level) noexcept {
    if (!t.extras) return nullptr;
    for (Tangent* at = meta(t)->tangents; at; at = at->next_of_owner)
        if (at->level == level) return at;
    return nullptr;
}

// The tensor whose tangents a view without own ones shares at this level.
const TensorImpl* tangent_base(const TensorImpl& t, int level) noexcept {
    if (!t.view_base || (t.extras && level >= meta(t)->base_levels)) return nullptr;
    return t.view_base.get();
}

bool lies_like(const Tensor& a, const Tensor& b) {
    if (!same_shape(a.sizes(), b.sizes()) || a->conjugate != b->conjugate ||
        a->negative != b->negative)
        return false;
    for (int64_t d = 0; d < a.dim(); ++d)
        if (a->dims[d] != 1 && a.strides()[size_t(d)] != b.strides()[size_t(d)]) return false;
    return true;
}

// Whether t's storage has the elements of such a window, which counts elements of `dtype`.
bool has_window(const Tensor& t, DType dtype, IntSpan sizes, IntSpan strides, int64_t offset) {
    int64_t last = offset;
    for (size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == 0) return true;
        last += (sizes[d] - 1) * strides[d];
    }
    return offset >= 0 && size_t(last + 1) * item_size(dtype) <= t->storage->nbytes;
}

// The dtype of a view of the tangent of `base` that is to be that of `view`.
DType window_dtype(const Tensor& tangent, const Tensor& base, const Tensor& view) {
    if (is_complex(base.dtype()) == is_complex(view.dtype())) return tangent.dtype();
    return is_complex(view.dtype()) ? to_complex(tangent.dtype()) : to_real(tangent.dtype());
}
// The place of `view` in the tangent of `base`, in elements of such a view.
int64_t offset_in(const Tensor& tangent, const Tensor& base, const Tensor& view) {
    return view.offset() - offset_as(base.dtype(), base.offset(), view.dtype()) +
           offset_as(tangent.dtype(), tangent.offset(), window_dtype(tangent, base, view));
}

// Zeros that lie in a storage like that of t.
Tensor zero_image(const Tensor& t) {
    const int64_t n = int64_t(t->storage->nbytes / t.itemsize());
    const Tensor all = zeros({n}, t.dtype());
    Tensor image = has_window(all, t.dtype(), t.sizes(), t.strides(), t.offset())
                       ? alias(all, t.sizes(), t.strides(), t.offset())
                       : zeros_like(t, {});
    if (t.is_lazy()) image->set_lazy(t->conjugate, t->negative);
    return image;
}

}  // namespace

void drop_tangents(AutogradMeta& m) noexcept {
    while (Tangent* t = m.tangents) {
        unlink(t);
        delete t;
    }
}

int enter_forward_level() {
    levels_.push_back(nullptr);
    return open_forward_levels++;
}

void exit_forward_level(int level) {
    WG_CHECK(
        level >= 0 && level + 1 == open_forward_levels,
        "Exiting a forward AD level that is not the last that was created is not support. Ensure "
        "they are released in the reverse order they were created.");
    // What dies with a tangent may run any code: it finds the level closed.
    std::vector<Tensor> dying;
    for (Tangent* t; (t = levels_.back());) {
        unlink(t);
        dying.push_back(std::move(t->value));
        delete t;
    }
    levels_.pop_back();
    --open_forward_levels;
}

bool has_tangent(const Tensor& t, int level) {
    if (own_tangent(*t.impl(), level)) return true;
    const TensorImpl* base = tangent_base(*t.impl(), level);
    return base && own_tangent(*base, level);
}

bool has_visible_tangent(const Tensor& t) {
    if (!t->view_base && (!t->extras || !meta(t)->tangents)) return false;
    for (int level = visible_forward_levels(); level-- > 0;)
        if (has_tangent(t, level)) return true;
    return false;
}

Tensor tangent(const Tensor& t, int level) {
    return level >= 0 && level < visible_forward_levels() ? any_tangent_of(t, level) : Tensor();
}

Tensor any_tangent_of(const Tensor& t, int level) {
    if (const Tangent* own = own_tangent(*t.impl(), level)) return own->value;
    const TensorImpl* of = tangent_base(*t.impl(), level);
    const Tangent* shared = of ? own_tangent(*of, level) : nullptr;
    if (!shared) return {};
    const Tensor base(t->view_base), all = shared->value;
    const int64_t offset = offset_in(all, base, t);
    const DType dtype = window_dtype(all, base, t);
    if (!lies_like(all, base) || !has_window(all, dtype, t.sizes(), t.strides(), offset)) return {};
    VisibleLevels lower(level);
    Window place = Window::of(t);
    place.dtype = dtype;
    place.offset = offset;
    const Tensor window = window_as(all, place);
    set_tangent(t, level, window);
    return window;
}

void set_tangent(const Tensor& t, int level, Tensor value) {
    if (Tangent* own = own_tangent(*t.impl(), level)) {
        std::swap(own->value, value);
        return;
    }
    AutogradMeta& m = own_meta(t);
    Tangent*& first = levels_[size_t(level)];
    auto* made = new Tangent{std::move(value), level, &m, m.tangents, nullptr, first};
    if (first) first->previous = made;
    first = m.tangents = made;
}

void share_tangents(const Tensor& to, const Tensor& from) {
    for (int level = 0; level < visible_forward_levels(); ++level)
        if (Tensor v = tangent(from, level); v.defined()) set_tangent(to, level, std::move(v));
}

void inherit_tangent_levels(const Tensor& to, const Tensor& from) {
    if (from->extras && meta(from)->base_levels != kAllLevels)
        own_meta(to).base_levels = meta(from)->base_levels;
}

namespace {

// A view of all of t that has the tangents of lower levels only.
template <class F>
Tensor primal_of(const char* node_name, const Tensor& t, int level, F derivative) {
    VisibleLevels lower(level);
    Tensor out = view_of(t, t.sizes(), t.strides(), t.offset());
    own_meta(out).base_levels = level;
    record(node_name, out, {t}, {}, std::move(derivative));
    return out;
}

}  // namespace

void attach_tangent(const Tensor& t, const Tensor& tangent, int level) {
    WG_CHECK(!has_tangent(tangent, level),
             "Setting a forward grad that itself has a forward gradient at the same level", level,
             " is not supported.");
    WG_CHECK(is_differentiable(t.dtype()) && is_differentiable(tangent.dtype()),
             "Expected both tensor and its forward grad to be floating point or complex");
    WG_CHECK(
        same_shape(t.sizes(), tangent.sizes()),
        "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
        "supported. Tensor is of size ",
        to_string(t.sizes()), " while the given forward gradient is of size ",
        to_string(tangent.sizes()), ".");
    Tensor value = tangent;
    const bool same_storage_size =
        t->storage->nbytes / t.itemsize() == tangent->storage->nbytes / tangent.itemsize();
    if (!lies_like(tangent, t) || tangent.offset() != t.offset() || !same_storage_size) {
        VisibleLevels lower(level);
        value = to_dtype(zero_image(t), tangent.dtype());
        copy_(value, tangent);
    }
    set_tangent(t, level, std::move(value));
}

Tensor make_dual(const Tensor& t, const Tensor& tangent, int level) {
    WG_CHECK(
        !has_tangent(t, level),
        "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level ",
        level, " is not supported.");
    WG_CHECK(level >= 0 && level < open_forward_levels,
             "Trying to access a forward AD level with an invalid index. This index was either not "
             "created or is already deleted.");
    Tensor out = primal_of("ViewBackward0", t, level, [sizes = Dims(t.sizes())](Backward& d) {
        d.set(0, reshape(d.grad(), sizes));
    });
    attach_tangent(out, tangent, level);
    return out;
}

std::pair<Tensor, Tensor> unpack_dual(const Tensor& t, int level) {
    return {
        primal_of("torch::autograd::Identity", t, level, [](Backward& d) { d.set(0, d.grad()); }),
        tangent(t, level)};
}

// --- what an operation makes of tangents ---

Forward::Forward(std::span<const Tensor* const> inputs, int level) {
    for (const Tensor* t : inputs) {
        tangents_.push_back(t->defined() ? wg::tangent(*t, level) : Tensor());
        any_ = any_ || tangents_.back().defined();
    }
}

Tensor Forward::sum(Tensor a, Tensor b) {
    if (!a.defined()) return b;
    return b.defined() ? add(a, b) : a;
}

Tensor Forward::fresh(Tensor value, const Tensor& like) const {
    if (!value.defined()) return zeros_like(like, {});
    bool shared = false;
    for (const Tensor& t : tangents_)
        shared = shared || (t.defined() && t->storage == value->storage);
    if (!shared && lies_like(value, like)) return value;
    Tensor copy = is_expanded(like.sizes(), like.strides())
                      ? empty(like.sizes(), value.dtype())
                      : empty_strided(like.sizes(), like.strides(), value.dtype());
    return copy_(copy, value);
}

namespace {

// Takes the gradients of inputs that need one.
class Sink final : public NodeOf<Sink> {
public:
    void apply(Grads&, Grads&) override {}
    std::string name() const override { return "Sink"; }
};

// For the time of its life a node has edges just where its inputs have tangents.
class TangentEdges {
public:
    TangentEdges(Node& node, const Forward& d) : node_(node), kept_(std::move(node.edges)) {
        static Node* const sink = Sink::make().release();
        node.edges.clear();
        for (size_t i = 0; i < d.size(); ++i)
            node.add_edge(d.has(i) ? Edge{Ref<Node>(sink), 0} : Edge{});
    }
    ~TangentEdges() { node_.edges = std::move(kept_); }
    TangentEdges(const TangentEdges&) = delete;

private:
    Node& node_;
    SmallVector<Edge, 2> kept_;
};

// What scatter() reads of a source that is larger than the index; the derivative knows of no more.
Tensor leading_part(Tensor v, IntSpan sizes) {
    for (int64_t dim = 0; dim < v.dim(); ++dim)
        if (v.size(dim) != sizes[size_t(dim)]) v = narrow(v, dim, 0, sizes[size_t(dim)]);
    return v;
}

// The derivative of a node is linear in the gradients u of its outputs: u -> J^T u. The gradient of
// <J^T u, v> with respect to u is J v, the tangents of the outputs where v are those of the inputs.
Grads transposed(Node& node, std::span<const Tensor> outputs, std::span<const Tensor* const> inputs,
                 const Forward& d) {
    bool recorded = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
        recorded = recorded || (inputs[i]->defined() && requires_grad(*inputs[i])) ||
                   (d.has(i) && requires_grad(d.tangent(i)));
    }
    BackwardOptions options;
    options.accumulate = false;
    options.create_graph = recorded && grad_enabled();
    options.since = next_sequence_nr();
    Grads u, grads, results;
    SmallVector<Edge, 4> roots, targets;
    SmallVector<Tensor, 4> values;
    {
        GradMode on(true);
        SavedTensorHooks* const hooks = std::exchange(saved_tensor_hooks, nullptr);
        struct Restore {
            SavedTensorHooks* hooks;
            ~Restore() { saved_tensor_hooks = hooks; }
        } restore{hooks};
        for (const Tensor& out : outputs) {
            u.push_back(is_differentiable(out.dtype()) ? zeros(Dims(out.sizes()), out.dtype())
                                                       : Tensor());
            if (u.back().defined()) u.back()->requires_grad = true;
        }
        {
            const TangentEdges edges(node, d);
            Grads in(u);
            apply_node(node, in, grads);
        }
        for (size_t i = 0; i < grads.size(); ++i) {
            Tensor& g = grads[i];
            if (!d.has(i) || !g.defined()) continue;
            Tensor v = d.tangent(i);
            if (is_expandable(v.sizes(), g.sizes())) g = sum_to(g, v.sizes());
            else v = leading_part(v, g.sizes());
            g = conform_dtype(g, inputs[i]->dtype());
            if (!requires_grad(g)) continue;
            roots.push_back(gradient_edge(g));
            values.push_back(std::move(v));
        }
    }
    results.resize(outputs.size());
    if (roots.empty()) return results;
    SmallVector<size_t, 2> places;
    for (size_t k = 0; k < u.size(); ++k)
        if (u[k].defined()) {
            targets.push_back(accumulator_edge(u[k]));
            places.push_back(k);
        }
    const std::vector<Tensor> found = run_backward(
        std::span<const Edge>(roots.data(), roots.size()), {values.data(), values.size()},
        std::span<const Edge>(targets.data(), targets.size()), options);
    for (size_t i = 0; i < places.size(); ++i) results[places[i]] = found[i];
    return results;
}

}  // namespace

void push_forward(Node& node, std::span<const Tensor> outputs,
                  std::span<const Tensor* const> inputs, ForwardRule rule) {
    const int levels = visible_forward_levels();
    for (int level = 0; level < levels; ++level) {
        const Forward d(inputs, level);
        if (!d.any()) continue;
        {
            VisibleLevels lower(level);
            if (rule) {
                set_tangent(outputs[0], level, d.fresh(rule(d), outputs[0]));
            } else {
                const Grads found = transposed(node, outputs, inputs, d);
                for (size_t k = 0; k < outputs.size(); ++k)
                    if (is_differentiable(outputs[k].dtype()))
                        set_tangent(outputs[k], level, d.fresh(found[k], outputs[k]));
            }
        }
        share_with_saved_output(node, outputs);
    }
}

void push_rule(const Tensor& output, std::span<const Tensor* const> inputs, ForwardRule rule) {
    const int levels = visible_forward_levels();
    for (int level = 0; level < levels; ++level) {
        const Forward d(inputs, level);
        if (!d.any()) continue;
        VisibleLevels lower(level);
        set_tangent(output, level, d.fresh(rule(d), output));
    }
}

bool push_windows(std::span<const Tensor> outputs, const Tensor& t, const void* f,
                  void (*record)(const void* f, std::span<const Tensor> windows,
                                 const Tensor& of)) {
    for (const Tensor& out : outputs)
        if (!out.is_view() || out->storage != t->storage) return false;
    const int levels = visible_forward_levels();
    SmallVector<std::pair<int, Tensor>, 1> found;
    for (int level = 0; level < levels; ++level) {
        Tensor v = tangent(t, level);
        if (!v.defined()) continue;
        if (!lies_like(v, t)) return false;
        for (const Tensor& out : outputs)
            if (!has_window(v, window_dtype(v, t, out), out.sizes(), out.strides(),
                            offset_in(v, t, out)))
                return false;
        found.emplace_back(level, std::move(v));
    }
    for (const auto& [level, v] : found) {
        VisibleLevels lower(level);
        std::vector<Tensor> windows;
        for (const Tensor& out : outputs) {
            Tensor w = alias(v, out.sizes(), out.strides(), offset_in(v, t, out));
            w->dtype = window_dtype(v, t, out);
            w->set_lazy(out->conjugate, out->negative);
            make_view(w, v,
                      out->view_kind == ViewKind::MultiOutput ? out->view_kind : ViewKind::Default);
            windows.push_back(std::move(w));
        }
        record(f, windows, v);
        for (size_t k = 0; k < outputs.size(); ++k) set_tangent(outputs[k], level, windows[k]);
    }
    return true;
}

// --- in-place writes ---

void TangentUpdate::collect(Node& derivative, const Tensor& self,
                            std::span<const Tensor* const> inputs) {
    if (!is_differentiable(self.dtype())) return;
    const int levels = visible_forward_levels();
    for (int level = 0; level < levels; ++level) {
        const Forward d(inputs, level);
        if (!d.any()) continue;
        VisibleLevels lower(level);
        const Grads found = transposed(derivative, {&self, 1}, inputs, d);
        values_.emplace_back(level, d.fresh(found[0], self));
    }
}

void TangentUpdate::collect(const Tensor& result) {
    for (int level = 0; level < visible_forward_levels(); ++level)
        if (Tensor v = tangent(result, level); v.defined())
            values_.emplace_back(level, std::move(v));
}

namespace {

// Undefined: zero.
void write_tangent(const Tensor& t, int level, const Tensor& value) {
    Tensor current = tangent(t, level);
    VisibleLevels lower(level);
    if (!current.defined()) {
        if (!value.defined()) return;
        if (tangent_base(*t.impl(), level)) {
            const Tensor base(t->view_base);
            set_tangent(base, level, zero_image(base));
            current = any_tangent_of(t, level);
        }
    }
    if (current.defined()) {
        if (value.defined()) copy_(current, value);
        else zero_(current);
        return;
    }
    Tensor fresh = is_expanded(t.sizes(), t.strides())
                       ? empty(t.sizes(), t.dtype())
                       : empty_strided(t.sizes(), t.strides(), t.dtype());
    set_tangent(t, level, copy_(fresh, value));
}

}  // namespace

void TangentUpdate::apply(const Tensor& self, Node* node) const {
    if (!is_differentiable(self.dtype())) return;
    const int levels = visible_forward_levels();
    for (int level = 0; level < levels; ++level) {
        const Tensor* value = nullptr;
        for (const auto& [l, v] : values_)
            if (l == level) value = &v;
        write_tangent(self, level, value ? *value : Tensor());
    }
    if (node) share_with_saved_output(*node, {&self, 1});
}

void share_with_saved_output(Node& node, std::span<const Tensor> outputs) {
    const size_t n = node.saved_names().size();
    for (size_t i = 0; i < n; ++i) {
        const SavedTensor* s = node.saved_slot(i);
        if (!s || !s->is_output()) continue;
        for (const Tensor& out : outputs)
            if (s->stored().defined() && out->output_nr == s->output_nr())
                share_tangents(s->stored(), out);
    }
}

void fail_forward_out(const char* name) {
    fail(ErrorKind::NotImplemented,
         str("Trying to use forward AD with ", name,
             "_out that does not support it because it is an out= function"));
}

}  // namespace wg
