// Views and in-place operations.
//
// Note [Views and in-place]
// A view shares memory with its base, so writing through either changes both, and both histories.
// Every view knows its root base (view_base). Writing through a view makes a CopySlices node the new
// grad_fn of the base: it sends the gradient of the written slice through the operation's node and
// the rest to the base's former history. The view itself, and all other views of the base, notice by
// the shared version counter that they are out of date (attr_version): when grad_fn is asked for the
// next time they become an as_strided of the base as it is now. A view that no window of its base's numbers can be
// (their parts, conjugates, negatives, or complex numbers made of them) keeps how it was made (AutogradMeta::made_by), and
// that is done again: what lies before the first such step, and each step behind it, is an as_strided.
#include <algorithm>

#include "autograd/record.h"
#include "autograd/transform.h"
#include "ops/functions.h"

namespace wg {

int64_t offset_as(DType from, int64_t offset, DType to) {
    return offset * int64_t(item_size(from)) / int64_t(item_size(to));
}

namespace {

// t's memory, as lazy as that.
Tensor made_lazy(Tensor t, bool conjugate, bool negative) {
    if (is_complex(t.dtype()) && t->conjugate != conjugate) t = conj_view(t);
    return t->negative != negative ? neg_view(t) : t;
}

}  // namespace

Tensor window_as(const Tensor& whole, const Window& w) {
    if (is_complex(whole.dtype()) == is_complex(w.dtype))
        return as_strided(made_lazy(whole, w.conjugate, w.negative), w.sizes, w.strides, w.offset);
    if (is_complex(whole.dtype())) {
        const Tensor parts = view_as_real(made_lazy(whole, false, whole->negative));
        return as_strided(made_lazy(parts, false, w.negative), w.sizes, w.strides, w.offset);
    }
    Dims pairs(w.sizes), steps;
    pairs.push_back(2);
    for (int64_t s : w.strides) steps.push_back(2 * s);
    steps.push_back(1);
    return made_lazy(view_as_complex(as_strided(whole, pairs, steps, 2 * w.offset)), w.conjugate,
                     w.negative);
}

namespace {

// Applies an in-place operation's derivative to the slice of the base that it wrote.
class CopySlices final : public NodeOf<CopySlices> {
public:
    CopySlices(const Tensor& base, const Tensor& view, Ref<Node> fn)
        : base_sizes_(base.sizes()), base_strides_(base.strides()), base_offset_(base.offset()),
          base_conjugate_(base->conjugate), base_negative_(base->negative),
          base_dtype_(base.dtype()), gives_real_parts_(fn->gives_real_parts()),
          window_(Window::of(view)), fn_(std::move(fn)) {
        add_edge(gradient_edge(base));
        for (size_t i = 1; i < fn_->edges.size(); ++i) add_edge(Edge(fn_->edges[i]));
        site = fn_->site;
    }

    void apply(Grads& in, Grads& out) override {
        if (released) fail_released();
        // A copy of the gradient in the base's layout, in which the slice can be replaced.
        const bool same_kind = is_complex(window_.dtype) == is_complex(base_dtype_);
        Tensor result =
            empty_strided(base_sizes_, base_strides_, same_kind ? in[0].dtype() : base_dtype_);
        if (base_conjugate_ || base_negative_) result->set_lazy(base_conjugate_, base_negative_);
        copy_(result, in[0]);
        Window window(window_);
        window.offset -=
            same_kind ? base_offset_ : offset_as(base_dtype_, base_offset_, window_.dtype);
        Tensor slice = window_as(result, window);
        Grads fn_in, fn_out;
        fn_in.push_back(clone_in(slice, MemoryFormat::Contiguous));
        fn_out.resize(fn_->edges.size());
        fn_->apply(fn_in, fn_out);
        for (size_t i = 0; i < fn_out.size(); ++i) {
            if (i == 0) {
                if (fn_out[0].defined()) copy_(slice, fn_out[0]);
                else zero_(slice);
                *result->version = 0;  // the writes above built it
                if (edges[0]) out[0] = result;
            } else {
                out[i] = fn_out[i];
            }
        }
    }
    std::string name() const override { return "torch::autograd::CopySlices"; }
    bool gives_real_parts() const override { return gives_real_parts_; }
    void release_saved() override {
        fn_.reset();
        released = true;
    }
    void visit_owned(OwnedVisitor& visitor) const override {
        Node::visit_owned(visitor);
        if (fn_) visitor.node(*fn_);
    }

private:
    Dims base_sizes_, base_strides_;
    int64_t base_offset_;
    bool base_conjugate_, base_negative_;
    DType base_dtype_;
    bool gives_real_parts_;
    Window window_;
    Ref<Node> fn_;
};

// Throws when the way the view was made does not allow its history to be rewritten.
void check_view_kind(const Tensor& view, ViewKind kind, bool indirect) {
    if (kind == ViewKind::Default || kind == ViewKind::None) return;
    const std::string happened =
        indirect ? "and its base or another view of its base has been modified inplace"
                 : "and is being modified inplace";
    const bool untraced = kind == ViewKind::NoGrad || kind == ViewKind::Inference;
    const bool inference = kind == ViewKind::Inference;
    const std::string origin =
        inference ? "was created in inference mode " + happened + " in normal mode."
                  : "was created in no_grad mode " + happened + " with grad mode enabled.";
    std::string message;
    if (const Node* fn = node_of(view->grad_fn)) {
        message = str("Output ", view->output_nr, " of ", fn->short_name(), " is a view ");
        message += untraced ? "of a view which " + origin : happened + ".";
    } else {
        message = "A view " + origin;
    }
    if (kind == ViewKind::MultiOutput)
        message +=
            " This view is the output of a function that returns multiple views. Such functions do not allow the "
            "output views to be modified inplace. You should replace the inplace operation by an out-of-place one.";
    else if (untraced)
        message += str(
            " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by "
            "moving both the view and the inplace either both inside the ",
            inference ? "inference_mode" : "no_grad",
            " block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be "
            "tracked).");
    else if (kind == ViewKind::CustomFunction)
        message +=
            " This view was created inside a custom Function (or because an input was returned as-is) and the autograd "
            "logic to handle view+inplace would override the custom backward associated with the custom Function, "
            "leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the "
            "custom Function.";
    fail(ErrorKind::Runtime, message);
}

bool shows_other_numbers(const Tensor& view, const Tensor& base) {
    return is_complex(view.dtype()) != is_complex(base.dtype()) ||
           view->conjugate != base->conjugate || view->negative != base->negative;
}

void remember_steps(const Tensor& view, const Tensor& from) {
    const AutogradMeta* m = meta(from);
    const bool continues = m && !m->made_by.empty();
    if (!continues && !shows_other_numbers(view, from)) return;
    std::vector<Window> steps;
    if (continues) steps = m->made_by;
    else if (from.is_view()) steps.push_back(Window::of(from));
    steps.push_back(Window::of(view));
    own_meta(view).made_by = std::move(steps);
}

// What such a step makes of t.
Tensor step(const Tensor& t, const Window& w) {
    if (is_complex(t.dtype()) != is_complex(w.dtype))
        return is_complex(w.dtype) ? view_as_complex(t) : view_as_real(t);
    if (t->conjugate != w.conjugate) return conj_view(t);
    if (t->negative != w.negative) return neg_view(t);
    return as_strided(t, w.sizes, w.strides, w.offset);
}

// False of a view of an inference tensor, which is none to autograd.
bool mark_view(const Tensor& view, const Tensor& base, ViewKind kind) {
    if (base->inference || base->untracked) [[unlikely]] {
        WG_CHECK(base->inference, kNoVersions);
        return false;
    }
    view->view_base = base->view_base ? base->view_base : base.ref();
    if (kind != ViewKind::CustomFunction) {
        if (!grad_enabled()) kind = inference_mode() ? ViewKind::Inference : ViewKind::NoGrad;
        if (base->view_kind == ViewKind::Inference ||
            (kind == ViewKind::Default && base->view_base))
            kind = base->view_kind;
    }
    view->view_kind = kind;
    view->attr_version = view.version();
    if (forward_mode() && base->extras) [[unlikely]]
        inherit_tangent_levels(view, base);
    return true;
}

}  // namespace

void make_view(const Tensor& view, const Tensor& base, ViewKind kind) {
    if (mark_view(view, base, kind)) remember_steps(view, base);
}

// Of the same numbers: there are steps to remember only where the base has some.
Tensor view_of(const Tensor& base, IntSpan sizes, IntSpan strides, int64_t offset, ViewKind kind) {
    Tensor v = alias(base, sizes, strides, offset);
    if (mark_view(v, base, kind) && base->extras) [[unlikely]]
        remember_steps(v, base);
    return v;
}

namespace {

// Hooks stay with the history that they were registered for.
void drop_hooks(const Tensor& t) {
    if (t->extras) std::exchange(meta(t)->hooks, {});
}

// retain_grad follows the tensor to its new node.
void move_retained(const Tensor& t, Node* from, uint32_t from_nr, Node& to, uint32_t to_nr) {
    if (!t->retains_grad || !from || !from->hooks) return;
    auto& list = from->hooks->retain;
    for (size_t i = 0; i < list.size(); ++i) {
        if (list[i].output_nr != from_nr || *list[i].tensor != t.impl()) continue;
        to.own_hooks().retain.push_back({to_nr, list[i].tensor});
        list.erase(list.begin() + long(i));
        return;
    }
}

// The node takes the place of t's former history.
void replace_history(const Tensor& t, Node& node) {
    const Ref<GraphNode> former = t->grad_fn;
    const uint32_t former_nr = t->output_nr;
    set_history(t, node);
    drop_hooks(t);
    move_retained(t, node_of(former), former_nr, node, t->output_nr);
}

}  // namespace

Node* view_grad_fn(const Tensor& view) {
    const Tensor base(view->view_base);
    if (!view->grad_fn && !requires_grad(base)) return nullptr;
    if (view->attr_version != view.version()) {
        check_view_kind(view, view->view_kind, true);
        // Also when the base does not require grad any more.
        Ref<Node> node;
        const AutogradMeta* m = meta(view);
        if (!m || m->made_by.empty()) {
            node =
                as_strided_node(base, view.sizes(), view.strides(), view.offset(), view.offset());
        } else {
            GradMode on(true);
            Tensor made = base;
            for (const Window& w : m->made_by) made = step(made, w);
            // A form in place of another view (t_) has changed it since.
            if (!same_shape(made.sizes(), view.sizes()) ||
                !same_shape(made.strides(), view.strides()))
                made = as_strided(made, view.sizes(), view.strides(), view.offset());
            if (!made->grad_fn) return nullptr;
            node = Ref<Node>(node_of(made->grad_fn));
            node->outputs.clear();
        }
        view->attr_version = view.version();
        replace_history(view, *node);
    }
    return node_of(view->grad_fn);
}

void check_history(const Tensor& t, bool records, bool from_outside) {
    announce_write(t);
    // What has parted from its base (part_from_base) is a view outside, where this history would be its base's, too.
    if (from_outside && records && t->extras && meta(t)->base_outside)
        check_view_kind(t, ViewKind::CustomFunction, false);
    if (!grad_enabled() || !(records || requires_grad(t))) return;
    if (t.is_view()) check_view_kind(t, t->view_kind, false);
    WG_CHECK(
        !(t.is_view() && requires_grad(t) && is_leaf(Tensor(t->view_base))),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    WG_CHECK(!(requires_grad(t) && is_leaf(t)),
             "a leaf Variable that requires grad is being used in an in-place operation.");
}

void check_not_expanded(const Tensor& t) {
    WG_CHECK(
        !is_expanded(t.sizes(), t.strides()),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
        "Please clone() the tensor before performing the operation.");
}

void check_inplace(const Tensor& t, bool records, const char* on_expanded) {
    check_history(t, records);
    if (!on_expanded) check_not_expanded(t);
    else if (*on_expanded) warn_if_expanded(t, on_expanded);
}

void warn_if_expanded(const Tensor& t, const char* op_name) {
    if (!is_expanded(t.sizes(), t.strides())) return;
    const std::string_view name(op_name);
    const bool indices = name == "index_put_";
    const int line = indices ? 976 : name == "index_fill_" ? 1913 : 2450;
    warn(
        WarningKind::User,
        str("Use of ", op_name,
            " on expanded tensors is deprecated. Please clone() the tensor before performing this "
            "operation. This also applies to advanced indexing e.g. ",
            indices ? "tensor[indices] = tensor" : "tensor[mask] = scalar",
            " (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/TensorAdvancedIndexing.cpp:",
            line, ".)"));
}

void rebase_history(const Tensor& t, Ref<Node> node) {
    if (node && t.is_view()) {
        const Tensor base(t->view_base);
        node->add_output(t);
        auto slices = CopySlices::make(base, t, std::move(node));
        t.bump_version();
        replace_history(base, *slices);
        t->attr_version = t.version() - 1;  // out of date, whatever was asked of it before
        view_grad_fn(t);
        return;
    }
    t.bump_version();
    if (node) replace_history(t, *node);
}

Tensor& inplace(Tensor& self, const std::vector<Tensor>& others,
                const std::function<Tensor(const Tensor&)>& f) {
    const bool records = grad_enabled() && is_differentiable(self.dtype()) &&
                         (any_requires_grad(others) || requires_grad(self));
    check_history(self, records, any_history_outside(others));
    check_not_expanded(self);
    // The derivative may read the values from before the write: it gets a copy. The edges of the new node
    // are self's own, so the copy has self's place in the graph while they are made; what is saved for
    // a derivative of the derivative is the recorded copy.
    // Tangents go along with the copy, and through f.
    const bool forward = forward_mode() && is_differentiable(self.dtype());
    const Tensor old = records || forward ? clone(self) : detach(self);
    const Ref<GraphNode> copied = old->grad_fn;
    if (copied) {
        old->grad_fn = Ref<GraphNode>(grad_fn(self));
        old->output_nr = self->output_nr;
    }
    PackLater pack_later;
    const Tensor result = f(old);
    if (copied) {
        old->grad_fn = copied;
        old->output_nr = 0;
    }
    WG_CHECK(can_cast(result.dtype(), self.dtype()), "result type ",
             info(result.dtype()).scalar_name, " can't be cast to the desired output type ",
             info(self.dtype()).scalar_name);
    WG_CHECK(same_shape(result.sizes(), self.sizes()), "output with shape ",
             to_string(self.sizes()), " doesn't match the broadcast shape ",
             to_string(result.sizes()));
    TangentUpdate tangents;
    if (forward) [[unlikely]]
        tangents.collect(result);
    copy_values(self, result);
    Ref<Node> node;
    if (records && result->grad_fn) {
        node = Ref<Node>(grad_fn(result));
        node->outputs.clear();
    }
    Node* made = node.get();
    rebase_history(self, std::move(node));
    if (made) made->resave_output(self);
    if (forward) [[unlikely]]
        tangents.apply(self, made);
    pack_later.finish();
    return self;
}

Tensor& view_in_place(Tensor& self, const char* node_name,
                      const std::function<Tensor(const Tensor&)>& view) {
    check_history(self, false);
    const Tensor v = view(self);
    self->set_ndim(v.dim());
    std::copy(v->dims, v->dims + 2 * v.dim(), self->dims);
    self->offset = v.offset();
    self->update_geometry();
    if (v->grad_fn) {
        const Ref<Node> node(node_of(v->grad_fn));
        node->rename(node_name);
        node->outputs.clear();
        replace_history(self, *node);
        self.bump_version();
        self->attr_version = self.version();
    } else {
        self.bump_version();
    }
    if (forward_mode()) [[unlikely]]
        share_tangents(self, v);
    return self;
}

void resize_out(const Tensor& out, IntSpan shape) {
    if (same_shape(out.sizes(), shape)) return;
    if (out.numel() != 0)
        warn(
            WarningKind::User,
            str("An output with one or more elements was resized since it had shape ",
                to_string(out.sizes()), ", which does not match the required output shape ",
                to_string(shape),
                ". This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless they have "
                "zero elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with "
                "t.resize_(0). (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/Resize.cpp:30.)"));
    resize_values(out, shape);
}

void resize_values(const Tensor& t, IntSpan shape) {
    if (same_shape(t.sizes(), shape)) return;
    int64_t n = 1, needed = 0;
    bool overflows = false;
    for (int64_t s : shape) overflows |= __builtin_mul_overflow(n, s, &n);
    WG_CHECK(!overflows, "numel: integer multiplication overflow");
    overflows = __builtin_add_overflow(t.offset(), n, &needed) ||
                __builtin_mul_overflow(needed, int64_t(t.itemsize()), &needed);
    WG_CHECK(!overflows, "Storage size calculation overflowed with sizes=", to_string(shape));
    int64_t step = 1;
    for (size_t d = shape.size(); d-- > 1;)
        overflows |= __builtin_mul_overflow(step, std::max<int64_t>(shape[d], 1), &step);
    WG_CHECK(!overflows, "Stride calculation overflowed");
    if (n > 0 && size_t(needed) > t->storage->nbytes) t->storage->resize(size_t(needed));
    const Dims strides = contiguous_strides(shape);
    t->set_ndim(int64_t(shape.size()));
    std::copy(shape.begin(), shape.end(), t->dims);
    std::copy(strides.begin(), strides.end(), t->dims + shape.size());
    t->update_geometry();
}

Tensor& write_out(Tensor& out, const Tensor& result, const char* op_name) {
    WG_CHECK(
        !(grad_enabled() && (requires_grad(result) || requires_grad(out))), op_name,
        "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
        "requires grad.");
    WG_CHECK(can_cast(result.dtype(), out.dtype()), "result type ",
             info(result.dtype()).scalar_name, " can't be cast to the desired output type ",
             info(out.dtype()).scalar_name);
    if (has_tangent(result) || has_tangent(out)) [[unlikely]]
        fail_forward_out(op_name);
    announce_write(out, false);
    resize_out(out, result.sizes());
    copy_values(out, result);
    out.bump_version();
    return out;
}

// --- leaves ---

Tensor detach(const Tensor& t) {
    Tensor r = alias(t);
    // In normal mode a detached inference tensor has a version counter.
    if (t->inference && !inference_mode()) [[unlikely]]
        count_apart(r);
    return r;
}

void count_apart(const Tensor& t) {
    t->own_version = VersionCounter::make();
    t->version = &t->own_version->version;
    t->untracked = false;
}

void set_requires_grad(const Tensor& t, bool on) {
    if (t->grad_fn) {  // as the view was made, even if its base has changed since
        WG_CHECK(
            on,
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
            "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
        return;
    }
    WG_CHECK(!on || is_differentiable(t.dtype()),
             "only Tensors of floating point and complex dtype can require gradients");
    WG_CHECK(
        !on || !t->inference || inference_mode(),
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    t->requires_grad = on;
}

void retain_grad(const Tensor& t) {
    WG_CHECK(requires_grad(t), "can't retain_grad on Tensor that has requires_grad=False");
    if (!t->grad_fn || t->retains_grad) return;
    Node* fn = grad_fn(t);
    AutogradMeta& m = own_meta(t);
    if (!m.weak_self) m.weak_self = std::make_shared<TensorImpl*>(t.impl());
    fn->own_hooks().retain.push_back({t->output_nr, m.weak_self});
    t->retains_grad = true;
}

namespace {
std::optional<DType> leaf_grad_dtype(const Tensor& t) {
    return t->extras && meta(t)->grad_dtype ? *meta(t)->grad_dtype : t.dtype();
}
}  // namespace

std::optional<DType> grad_dtype(const Tensor& leaf) {
    WG_CHECK(is_leaf(leaf), "grad_dtype can only be accessed on leaf tensors.");
    return leaf_grad_dtype(leaf);
}

void set_grad_dtype(const Tensor& leaf, std::optional<DType> dtype) {
    WG_CHECK(is_leaf(leaf), "grad_dtype can only be set on leaf tensors.");
    AutogradMeta& m = own_meta(leaf);
    WG_CHECK(
        !dtype || !m.grad.defined() || m.grad.dtype() == *dtype, "Cannot set grad_dtype to '",
        info(*dtype).scalar_name, "' because there is already a gradient with dtype '",
        info(m.grad.dtype()).c_name,
        "'. Please clear the gradient (.grad = None) before changing grad_dtype, or ensure the new grad_dtype "
        "matches the existing gradient's dtype.");
    m.grad_dtype = dtype;
    if (m.accumulator) accumulator_edge(leaf).node->outputs[0].grad_dtype = dtype;
}

void set_grad(const Tensor& t, const Tensor& grad) {
    if (grad.defined()) {
        WG_CHECK(!grad.is_same(t), "can't assign Variable as its own grad");
        const std::optional<DType> wanted = leaf_grad_dtype(t);
        WG_CHECK(
            !wanted || grad.dtype() == *wanted, "attempting to assign a gradient with dtype '",
            info(grad.dtype()).c_name, "' to a tensor with grad_dtype '", info(*wanted).scalar_name,
            "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the "
            "tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with "
            "caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that assume they "
            "match.");
        WG_CHECK(same_shape(grad.sizes(), t.sizes()), "attempting to assign a gradient of size '",
                 to_string(grad.sizes()), "' to a tensor of size '", to_string(t.sizes()),
                 "'. Please ensure that the gradient and the tensor are the same size");
    }
    if (!grad.defined() && !t->extras) return;
    own_meta(t).grad = grad;
}

}  // namespace wg
