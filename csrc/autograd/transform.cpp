#include "autograd/transform.h"

#include <optional>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "autograd/rows.h"

namespace wg {

namespace {

constexpr const char* kNoHooks =
    "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your use "
    "case.";

struct Level {
    uint8_t modes;  // grad mode and inference mode, as they were outside
    bool ran_own_code = false;
    uint64_t outside;  // the levels in which results can have a history
    const WriteWatcher* watcher;
    std::optional<int> forward = {};  // the level of forward mode, of a transform in that
    int forward_levels_seen = kAllLevels;  // as they were outside
};
thread_local std::vector<Level>* levels_ = nullptr;
std::vector<Level>& levels() {
    // Never destroyed: a thread may end after everything else.
    static thread_local auto* const own = new std::vector<Level>;
    if (!levels_) levels_ = own;
    return *levels_;
}

// The levels whose histories a tensor of this level can have.
uint64_t visible_levels() noexcept {
    const uint64_t own = level_bit(transform_level);
    return levels().empty() ? own : own | levels().back().outside;
}

const WriteWatcher guard_captured_ = [](const Tensor& t, bool in_place) {
    if (in_place) check_not_captured(t, "aten::copy_");
};

// The history that matters at this level.
uint64_t visible_history(const Tensor& t) {
    if (!t.defined() || !requires_grad(t)) return 0;
    const Edge e = gradient_edge(t);
    return e ? e.node->levels & visible_levels() : 0;
}

// Views of variables become views of what these stand for.
Ref<TensorImpl> lowered_base(const Tensor& base) {
    if (base->level <= transform_level) return base.ref();
    if (base->extras && meta(base)->stands_for.defined()) {
        const Tensor& original = meta(base)->stands_for;
        return original->view_base ? original->view_base : original.ref();
    }
    return lower(base).ref();
}

}  // namespace

CapturedWrite::CapturedWrite(const std::string& operation)
    : Error(
          ErrorKind::Runtime,
          "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place operation (" +
              operation +
              ") that would mutate a captured Tensor. This is not supported; please rewrite the function being transformed "
              "to explicitly accept the mutated Tensor(s) as inputs.") {}

TransformState transform_state() noexcept { return {&levels(), transform_level}; }
void set_transform_state(TransformState s) noexcept {
    levels_ = static_cast<std::vector<Level>*>(s.levels);
    transform_level = s.level;
}

void check_hooks_allowed() {
    for (const Level& l : levels()) WG_CHECK(l.forward, kNoHooks);
}

namespace {

void push_level() {
    WG_CHECK(transform_level < 255, "torch.func: at most 255 transforms can be nested");
    levels().push_back({modes_, false, grad_enabled() ? visible_levels() : 0, write_watcher});
    modes_ &= kGradMode;
    ++transform_level;
    write_watcher = &guard_captured_;
}

// Levels of forward mode that transforms of any thread have entered, innermost last. One that another thread has
// entered a level within is closed together with that.
struct ForwardTransform {
    int level;
    bool left;
};
std::vector<ForwardTransform> forward_transforms_;

void leave_forward_level(int level) {
    for (ForwardTransform& t : forward_transforms_) t.left = t.left || t.level == level;
    while (!forward_transforms_.empty() && forward_transforms_.back().left) {
        const int last = forward_transforms_.back().level;
        forward_transforms_.pop_back();
        if (last + 1 == open_forward_levels) exit_forward_level(last);
    }
}

}  // namespace

void enter_level() {
    WG_CHECK(!saved_tensor_hooks, kNoHooks);
    push_level();
    set_grad_enabled(true);
}

int enter_forward_transform() {
    WG_CHECK(open_forward_levels == int(forward_transforms_.size()),
             "Nested forward mode AD is not supported at the moment");
    push_level();
    const int level = enter_forward_level();
    forward_transforms_.push_back({level, false});
    levels().back().forward = level;
    levels().back().forward_levels_seen = std::exchange(forward_levels_seen, kAllLevels);
    return level;
}

bool leave_level() noexcept {
    const Level left = levels().back();
    levels().pop_back();
    --transform_level;
    write_watcher = left.watcher;
    modes_ =
        left.forward ? uint8_t((modes_ & kGradMode) | (left.modes & kInferenceMode)) : left.modes;
    if (left.forward) {
        forward_levels_seen = left.forward_levels_seen;
        leave_forward_level(*left.forward);
    }
    if (left.ran_own_code) note_own_code();
    return left.ran_own_code;
}

void note_own_code() noexcept {
    if (!levels().empty()) levels().back().ran_own_code = true;
}

namespace {

// A tensor of this level with the memory of t, of which something may be recorded.
Tensor alias_inside(const Tensor& t) {
    Tensor v = alias(t);
    v->level = transform_level;
    if (t->inference) [[unlikely]] {
        v->inference = false;
        count_apart(v);
    }
    return v;
}

}  // namespace

Tensor make_variable(const Tensor& t) {
    WG_CHECK(is_differentiable(t.dtype()),
             "only Tensors of floating point dtype can require gradients");
    Tensor v = alias_inside(t);
    v->requires_grad = true;
    AutogradMeta& m = own_meta(v);
    m.stands_for = t;
    // Whatever grad mode is outside: what is recorded later may depend on t through the variable.
    if (requires_grad(t)) m.passes_on = gradient_edge(t);
    share_tangents(v, t);
    return v;
}

namespace {

// t as a tensor of this level: with its memory, its history and its tangents.
Tensor entered(const Tensor& t) {
    Tensor v = alias_inside(t);
    share_tangents(v, t);
    VisibleLevels none(0);
    record("AliasBackward0", v, {t}, {}, [](Backward& d) { d.set(0, d.grad()); });
    return v;
}

}  // namespace

Tensor make_dual_variable(const Tensor& t, const Tensor& tangent, int forward_level) {
    WG_CHECK(forward_level >= 0 && forward_level < open_forward_levels,
             "Trying to access a forward AD level with an invalid index. This index was either not "
             "created or is already deleted.");
    VisibleLevels around(forward_level);
    Tensor v = entered(t);
    // Also the tangent may be written to, together with v.
    attach_tangent(v, entered(tangent), forward_level);
    return v;
}

namespace {

// Gives `to` what f makes of the tangents of `from`.
void map_tangents(const Tensor& to, const Tensor& from, Tensor (*f)(const Tensor&)) {
    for (int level = visible_forward_levels(); level-- > 0;) {
        const Tensor v = tangent(from, level);
        if (!v.defined()) continue;
        VisibleLevels around(level);
        Tensor own = f(v);
        if (!to.is_same(from) || !own.is_same(v)) set_tangent(to, level, std::move(own));
    }
}

// The base of r, which stands for t at this level, if it is a view here.
void lower_base(const Tensor& r, const Tensor& t) {
    ViewKind kind = t->view_kind;
    Ref<TensorImpl> base = t->view_base;
    if (t->extras && meta(t)->base_outside) {
        if (transform_level == 0) {
            base = meta(t)->base_outside;
            kind = ViewKind::CustomFunction;
        } else if (!r.is_same(t)) {
            own_meta(r).base_outside = meta(t)->base_outside;
        }
    }
    if (!base) return;
    r->view_base = lowered_base(Tensor(base));
    r->view_kind = kind;
    r->attr_version = r.version();
}

}  // namespace

bool has_history_outside(const Tensor& t) {
    return transform_level && (visible_history(t) & level_bit(0));
}

void part_from_base(const Tensor& view) {
    const Tensor base(view->view_base);
    view->level = transform_level;
    if (has_history_outside(base)) return;
    AutogradMeta& m = own_meta(view);
    m.base_outside = base.ref();
    m.base_levels = std::numeric_limits<int>::max();
    view->view_base.reset();
    view->view_kind = ViewKind::None;
}

Tensor lower(const Tensor& t) {
    if (t->level <= transform_level) return t;
    if (t->extras && meta(t)->stands_for.defined()) return meta(t)->stands_for;
    // Where grad mode is off, nothing that was made inside has a history.
    const bool detached = requires_grad(t) && !(grad_enabled() && visible_history(t));
    const Tensor r = detached ? alias(t) : t;
    if (forward_mode()) [[unlikely]]
        map_tangents(r, t, lower);
    lower_base(r, t);
    r->level = transform_level;
    return r;
}

Tensor keep_root(const Tensor& t) {
    const Edge e = gradient_edge(t);
    if (!e || e.node->is_accumulator) return t;
    Tensor r = alias(t);
    r->grad_fn = Ref<GraphNode>(e.node.get());
    r->output_nr = e.input_nr;
    return r;
}

namespace {

// A gradient for the user: one that was made inside has not left it yet; others may still lead to dead variables.
Tensor result_outside(const Tensor& t) {
    if (t->level > transform_level) return lower(t);
    const Tensor r = requires_grad(t) && !visible_history(t) ? detach(t) : t;
    if (forward_mode()) [[unlikely]]
        map_tangents(r, t, result_outside);
    return r;
}

}  // namespace

std::vector<Tensor> pull_back(std::span<const Tensor> roots, std::span<const Tensor> grads,
                              std::span<const Tensor> variables, bool retain_graph,
                              bool ran_own_code, const RowView* rows) {
    SmallVector<Edge, 2> from, to;
    SmallVector<Tensor, 2> given;
    uint64_t history = 0;
    for (size_t i = 0; i < roots.size(); ++i) {
        if (!requires_grad(roots[i])) continue;
        Edge e = gradient_edge(roots[i]);
        if (!e) continue;
        history |= e.node->levels & visible_levels();
        history |= visible_history(grads[i]);
        from.push_back(std::move(e));
        given.push_back(grads[i]);
    }
    if (from.empty() || variables.empty()) return std::vector<Tensor>(variables.size());
    for (const Tensor& v : variables) to.push_back(gradient_edge(v));
    BackwardOptions options;
    // A history may also be that of a tangent of what the graph has saved.
    options.create_graph = grad_enabled() && (history || ran_own_code || forward_mode());
    options.retain_graph = retain_graph || options.create_graph;
    options.accumulate = false;
    options.level = variables[0]->level;
    options.rows = rows;
    std::vector<Tensor> result = run_backward(
        {from.data(), from.size()}, {given.data(), given.size()}, {to.data(), to.size()}, options);
    for (Tensor& t : result)
        if (t.defined()) t = result_outside(t);
    return result;
}

}  // namespace wg
