// Recording: how an operation attaches its derivative to its result. All of autograd that ops/ sees.
//
//     Tensor mm(const Tensor& a, const Tensor& b) {
//         Tensor out = ...;
//         record("MmBackward0", out, {a, b}, {save("self", a), save("mat2", b)}, [](Backward& d) {
//             if (d.needs(0)) d.set(0, mm(d.grad(), t(d.saved(1))));
//             if (d.needs(1)) d.set(1, mm(t(d.saved(0)), d.grad()));
//         });
//         return out;
//     }
//
// The derivative is written with recorded operations, so it can be differentiated again. Numbers that it keeps have
// names as well, see with().
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <tuple>
#include <type_traits>

#include "autograd/forward.h"
#include "autograd/rows.h"
#include "autograd/saved_tensor.h"

namespace wg {

// What a derivative sees of its node.
class Backward {
public:
    Backward(const Node& node, const SavedTensor* saved, Grads& in, Grads& out,
             const RowView* rows = nullptr)
        : node_(node), saved_(saved), in_(in), out_(out), rows_(rows) {}
    // The gradient of output i: zeros where none arrived. A derivative that can do without asks first.
    const Tensor& grad(size_t i = 0) const {
        if (!in_[i].defined()) [[unlikely]] {
            in_[i] = node_.zero_gradient(i);
            if (rows_) in_[i] = in_each_row(in_[i], rows_->n);
        }
        return in_[i];
    }
    // For a derivative that takes rows (on_rows): how many dims gradients have in front of their tensor's, 0 or 1,
    // the dim of a gradient that is this one of its tensor, and the sizes of a gradient of a tensor of these sizes.
    int64_t front() const noexcept { return rows_ ? 1 : 0; }
    int64_t dim(int64_t of_tensor) const noexcept {
        return of_tensor < 0 ? of_tensor : of_tensor + front();
    }
    Dims sizes(IntSpan of_tensor) const {
        Dims all;
        if (rows_) all.push_back(rows_->n);
        for (const int64_t s : of_tensor) all.push_back(s);
        return all;
    }
    bool has_grad(size_t i) const noexcept { return in_[i].defined(); }
    bool needs(size_t i) const noexcept { return node_.needs(i); }
    Tensor saved(size_t i) const { return saved_[i].unpack(&node_); }
    void set(size_t i, Tensor g) { out_[i] = std::move(g); }
    size_t num_inputs() const { return node_.edges.size(); }

private:
    const Node& node_;
    const SavedTensor* saved_;
    Grads& in_;
    Grads& out_;
    const RowView* rows_;
};

// A tensor to keep for the derivative, under PyTorch's name for it (`grad_fn._saved_NAME`).
struct Save {
    const char* name;
    const Tensor* tensor;
    bool is_output = false;
};
inline Save save(const char* name, const Tensor& t) { return {name, &t, false}; }
// Keeps t only when `wanted`, e.g. when the gradient that reads it has a taker.
inline Save save_if(bool wanted, const char* name, const Tensor& t) {
    return {name, wanted ? &t : nullptr, false};
}
inline Save save_output(const char* name, const Tensor& t) { return {name, &t, true}; }

// Numbers, sizes and flags that a derivative keeps, under PyTorch's names for them (`grad_fn._saved_NAME`):
//
//     with<"dim", "index">(dim, index)([](Backward& d, int64_t dim, int64_t index) { ... })
//
// is a derivative. The names are part of its type, so they cost nothing. Dims are those that the caller gave, as
// PyTorch shows them. A value that nobody but Python looks at is left out of the lambda's parameters with all others.
template <size_t N>
struct Name {
    char text[N];
    constexpr Name(const char (&from)[N]) {
        for (size_t i = 0; i < N; ++i) text[i] = from[i];
    }
};

// Stand for the sizes of input I and their product, for Python only: the edge knows them, or saved tensor number S
// where there is no edge.
template <size_t I, size_t S = size_t(-1)>
struct SizesOf {};
template <size_t I>
struct NumelOf {};
struct NotShown {};
using PairOfInts = std::array<int64_t, 2>;  // none if negative

namespace detail {

inline SavedNumber as_saved_number(const Node&, bool v) { return v; }
inline SavedNumber as_saved_number(const Node&, int64_t v) { return v; }
inline SavedNumber as_saved_number(const Node&, double v) { return v; }
inline SavedNumber as_saved_number(const Node&, const Scalar& v) { return v; }
inline SavedNumber as_saved_number(const Node&, const Dims& v) { return v; }
inline SavedNumber as_saved_number(const Node&, const char* v) { return std::string(v); }
inline SavedNumber as_saved_number(const Node&, const std::string& v) { return v; }
template <class T>
SavedNumber as_saved_number(const Node& n, const std::optional<T>& v) {
    return v ? as_saved_number(n, *v) : SavedNumber();
}
inline SavedNumber as_saved_number(const Node&, const PairOfInts& v) {
    return v[0] < 0 ? Dims() : Dims(v);
}
template <size_t I, size_t S>
SavedNumber as_saved_number(const Node& n, SizesOf<I, S>) {
    if (S != size_t(-1) && !n.edges[I] && !n.released) {
        const Tensor t = n.saved_value(S);
        if (t.defined()) return Dims(t.sizes());
    }
    return n.input_sizes(I);
}
template <size_t I>
SavedNumber as_saved_number(const Node& n, NumelOf<I>) {
    int64_t numel = 1;
    for (const int64_t s : n.input_sizes(I)) numel *= s;
    return numel;
}

template <class F, class Values, Name... names>
struct NamedDerivative {
    [[no_unique_address]] Values values;
    [[no_unique_address]] F f;
    static constexpr const char* kNames[] = {names.text...};

    void operator()(Backward& d) {
        if constexpr (std::is_invocable_v<F&, Backward&>) f(d);
        else std::apply([&](const auto&... v) { f(d, v...); }, values);
    }
    SavedNumber number(const Node& node, size_t i) const {
        SavedNumber found;
        std::apply(
            [&](const auto&... v) {
                (void)((i-- == 0 && (found = as_saved_number(node, v), true)) || ...);
            },
            values);
        return found;
    }
};

template <class F>
concept HasNumbers = requires { F::kNames; };

template <class F>
struct OnRows : F {};
template <class F>
inline constexpr bool takes_rows = false;
template <class F>
inline constexpr bool takes_rows<OnRows<F>> = true;
template <class F, class Values, Name... names>
inline constexpr bool takes_rows<NamedDerivative<F, Values, names...>> = takes_rows<F>;

template <class Values, Name... names>
struct Numbers {
    Values values;
    template <class F>
    auto operator()(F f) && {
        return NamedDerivative<F, Values, names...>{std::move(values), std::move(f)};
    }
    template <class F>
    auto operator()(F f) const& {
        return NamedDerivative<F, Values, names...>{values, std::move(f)};
    }
};

}  // namespace detail

template <Name... names, class... V>
auto with(V... values) {
    static_assert(sizeof...(names) == sizeof...(V));
    return detail::Numbers<std::tuple<V...>, names...>{std::tuple<V...>(std::move(values)...)};
}

// The derivative of a lambda that takes gradients with rows as well (Note [Rows]): it counts the dims of gradients with
// what Backward says of them, or from the end.
template <class F>
detail::OnRows<F> on_rows(F f) {
    return {std::move(f)};
}

// A node whose derivative is a function object.
template <class F>
class FunctionNode final : public NodeOf<FunctionNode<F>> {
    static_assert(std::is_same_v<F, std::decay_t<F>>,
                  "the derivative is to be moved into its node");

public:
    FunctionNode(const char* name, F&& f) : name_(name), f_(std::move(f)) {}

    void apply(Grads& in, Grads& out) override {
        if (this->released) fail_released();
        const Unpacked unpacked(*this, {saved_.data(), saved_.size()});
        Backward d(*this, saved_.data(), in, out);
        f_(d);
    }
    void apply_rows(const RowView& rows, Grads& in, Grads& out) override {
        if (this->released) fail_released();
        const Unpacked unpacked(*this, {saved_.data(), saved_.size()});
        if constexpr (detail::takes_rows<F>) {
            Backward d(*this, saved_.data(), in, out, &rows);
            f_(d);
        } else {
            Node::apply_rows(rows, in, out);
        }
    }
    std::string name() const override { return name_; }
    void rename(const char* name) override { name_ = name; }
    void release_saved() override {
        for (SavedTensor& s : saved_) {
            this->released |= s.defined();
            s.reset();
        }
    }
    void resave_output(const Tensor& out) override {
        for (SavedTensor& s : saved_)
            if (s.is_output()) s = SavedTensor(out, this);
    }
    std::vector<Node::SavedName> saved_names() const override {
        std::vector<Node::SavedName> all(saved_names_.begin(), saved_names_.end());
        if constexpr (detail::HasNumbers<F>)
            for (const char* name : F::kNames) all.push_back({name, false, true});
        return all;
    }
    SavedNumber saved_number(size_t i) const override {
        if constexpr (detail::HasNumbers<F>) return f_.number(*this, i - saved_.size());
        return {};
    }
    Tensor saved_value(size_t i) const override {
        if (this->released) fail_released();
        return saved_[i].unpack(this);
    }
    SavedTensor* saved_slot(size_t i) override { return i < saved_.size() ? &saved_[i] : nullptr; }
    void visit_owned(OwnedVisitor& visitor) const override {
        Node::visit_owned(visitor);
        for (const SavedTensor& s : saved_) s.visit_owned(visitor);
    }
    Ref<Node> again() const override {
        auto node = FunctionNode::make(name_, F(f_));
        for (size_t i = 0; i < saved_.size(); ++i) node->saved_.push_back(SavedTensor());
        node->saved_names_ = saved_names_;
        return Ref<Node>::steal(node.release());
    }
    void keep(const Save& s) {
        saved_names_.push_back({s.name, s.is_output});
        // An output without history can be held like any tensor.
        const bool own = s.is_output && s.tensor && (*s.tensor)->grad_fn.get() == this;
        saved_.push_back(s.tensor ? SavedTensor(*s.tensor, own ? this : nullptr) : SavedTensor());
    }

private:
    struct KeptName {
        const char* name;
        bool is_output;
        operator Node::SavedName() const { return {name, is_output, false}; }
    };
    const char* name_;
    F f_;
    SmallVector<SavedTensor, 2> saved_;
    SmallVector<KeptName, 2> saved_names_;
};

// Makes `out` output number `n` of the node.
inline void set_history(const Tensor& out, Node& node) {
    out->output_nr = node.add_output(out);
    out->grad_fn = Ref<GraphNode>(&node);
}

// An operation on inference tensors alone is not recorded, whatever they require.
template <class Tensors>
bool any_tracked(const Tensors& tensors) noexcept {
    for (const Tensor& t : tensors)
        if (t.defined() && !t->inference) return true;
    return false;
}

inline bool any_requires_grad(
    std::initializer_list<std::reference_wrapper<const Tensor>> tensors) noexcept {
    if (!grad_enabled()) return false;
    for (const Tensor& t : tensors)
        if (t.defined() && requires_grad(t)) return !t->inference || any_tracked(tensors);
    return false;
}
inline bool any_requires_grad(std::span<const Tensor> tensors) noexcept {
    if (!grad_enabled()) return false;
    for (const Tensor& t : tensors)
        if (t.defined() && requires_grad(t)) return !t->inference || any_tracked(tensors);
    return false;
}

inline bool any_tangent(
    std::initializer_list<std::reference_wrapper<const Tensor>> tensors) noexcept {
    if (!forward_mode()) return false;
    for (const Tensor& t : tensors)
        if (has_tangent(t)) return true;
    return false;
}
inline bool any_tangent(std::span<const Tensor> tensors) noexcept {
    if (!forward_mode()) return false;
    for (const Tensor& t : tensors)
        if (has_tangent(t)) return true;
    return false;
}

// Whether an operation of these has a derivative that somebody wants, for a history or for tangents. Asked where
// what record() needs costs something.
inline bool any_recorded(
    std::initializer_list<std::reference_wrapper<const Tensor>> tensors) noexcept {
    return any_requires_grad(tensors) || any_tangent(tensors);
}
inline bool any_recorded(std::span<const Tensor> tensors) noexcept {
    return any_requires_grad(tensors) || any_tangent(tensors);
}
inline bool recorded(const Tensor& t) noexcept {
    return (grad_enabled() && requires_grad(t)) || has_tangent(t);
}
// Whether a derivative of t may be wanted, whatever the grad mode.
inline bool is_differentiated(const Tensor& t) noexcept {
    return requires_grad(t) || has_tangent(t);
}
// Whether operations of any tensors may be recorded: a derivative that has no derivative will not do.
inline bool recording() noexcept { return grad_enabled() || forward_mode(); }

// An operation whose derivative PyTorch has for real numbers only refuses to give `out` a history.
template <class... Inputs>
void refuse_complex_history(const char* name, const Tensor& out, const Inputs&... inputs) {
    if (is_complex(out.dtype())) [[unlikely]]
        WG_CHECK(!any_requires_grad({inputs...}), name,
                 " does not support automatic differentiation for outputs with complex dtype.");
}

// Makes the node when recording is on and some input requires grad; the caller attaches outputs.
// Gradient i of the derivative belongs to inputs[i].
template <class F>
Ref<Node> make_node(const char* name, std::span<const Tensor* const> inputs, F f) {
    auto node = FunctionNode<F>::make(name, std::move(f));
    for (const Tensor* t : inputs) node->add_edge(t->defined() ? gradient_edge(*t) : Edge{});
    node->site.capture();
    return Ref<Node>::steal(node.release());
}

using Inputs = std::initializer_list<std::reference_wrapper<const Tensor>>;

// For operations without a rule of their own for tangents.
struct Transposed {};

template <class F>
void record(const char* name, std::span<const Tensor> outputs, Inputs inputs,
            std::initializer_list<Save> saves, F f);

// The tangents of views without saved tensors, whose derivative depends on nothing but the gradient: it is that of
// the windows on the tangents too.
template <class F>
bool record_windows(const char* name, std::span<const Tensor> outputs, const Tensor& t,
                    const F& f) {
    const std::pair<const char*, const F*> c{name, &f};
    return push_windows(outputs, t, &c,
                        [](const void* p, std::span<const Tensor> windows, const Tensor& of) {
                            const auto& [name, f] = *static_cast<const decltype(c)*>(p);
                            record(name, windows, {of}, {}, F(*f));
                        });
}

// Attaches the derivative `f`, which it takes, to the outputs (those that are not floating point stay without history).
// `rule` makes the tangent of a single output from those of the inputs: (const Forward& d) -> Tensor.
// Operations without one get it from f, see Note [Forward mode].
template <class F, class List, class Rule>
void record_all(const char* name, std::span<const Tensor> outputs, const List& inputs,
                std::initializer_list<Save> saves, F&& f, const Rule& rule) {
    const bool history = any_requires_grad(inputs);
    bool forward = any_tangent(inputs);
    if (!history && !forward) return;
    constexpr bool has_rule = !std::is_same_v<Rule, Transposed>;
    if constexpr (!has_rule)
        if (forward && inputs.size() == 1 && saves.size() == 0) [[unlikely]] {
            forward = !record_windows(name, outputs, *inputs.begin(), f);
            if (!history && !forward) return;
        }
    auto node = FunctionNode<F>::make(name, std::move(f));
    if (history)
        for (const Tensor& t : inputs) node->add_edge(t.defined() ? gradient_edge(t) : Edge{});
    node->site.capture();
    for (const Tensor& out : outputs) {
        if (!is_differentiable(out.dtype())) continue;
        if (history) set_history(out, *node);
        else node->add_output(out);
    }
    for (const Save& s : saves) node->keep(s);
    if (forward) [[unlikely]] {
        SmallVector<const Tensor*, 4> pointers;
        for (const Tensor& t : inputs) pointers.push_back(&t);
        ForwardRule given;
        if constexpr (has_rule) given = ForwardRule(rule);
        push_forward(*node, outputs, {pointers.data(), pointers.size()}, given);
    }
    if (history) pack_saved(*node);
}

template <class F>
void record(const char* name, std::span<const Tensor> outputs, Inputs inputs,
            std::initializer_list<Save> saves, F f) {
    record_all(name, outputs, inputs, saves, std::move(f), Transposed{});
}
template <class F, class Rule = Transposed>
void record(const char* name, const Tensor& output, Inputs inputs,
            std::initializer_list<Save> saves, F f, const Rule& rule = {}) {
    record_all(name, std::span<const Tensor>(&output, 1), inputs, saves, std::move(f), rule);
}
// For operations over a list of tensors (cat, stack, ...): gradient i belongs to inputs[i].
template <class F, class Rule = Transposed>
void record(const char* name, const Tensor& output, std::span<const Tensor> inputs,
            std::initializer_list<Save> saves, F f, const Rule& rule = {}) {
    record_all(name, std::span<const Tensor>(&output, 1), inputs, saves, std::move(f), rule);
}

// --- Views and in-place (view.cpp, Note [Views and in-place]) ---

// Marks `view`, an alias of `base`'s memory, as a differentiable view of it.
void make_view(const Tensor& view, const Tensor& base, ViewKind kind = ViewKind::Default);
// alias() + make_view(): the body of a view operation; record its derivative afterwards.
Tensor view_of(const Tensor& base, IntSpan sizes, IntSpan strides, int64_t offset,
               ViewKind kind = ViewKind::Default);

// A recorded window on the memory of `whole`: also of the parts of complex numbers, of numbers made of real ones, and
// of conjugates and negatives.
Tensor window_as(const Tensor& whole, const Window& w);
// The same place counted in elements of another dtype.
int64_t offset_as(DType from, int64_t offset, DType to);

// The node of as_strided(t, ...), whether t requires grad or not (ops/view.cpp).
Ref<Node> as_strided_node(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset,
                          std::optional<int64_t> given_offset);

// Told of every tensor before it is written to, in place or as out=; of this thread
// (graph.allow_mutation_on_saved_tensors, function transforms).
using WriteWatcher = std::function<void(const Tensor&, bool in_place)>;
inline thread_local const WriteWatcher* write_watcher = nullptr;
inline void announce_write(const Tensor& t, bool in_place = true) {
    if (write_watcher) [[unlikely]]
        (*write_watcher)(t, in_place);
}

// Must precede every write to t: PyTorch's rules for leaves, views and overlapping memory.
// `records`: whether the operation will be recorded (some operand requires grad). Expanded tensors
// are refused, unless `on_expanded` is "", or the name of an operation that warns of them.
void check_inplace(const Tensor& t, bool records, const char* on_expanded = nullptr);
// The part about leaves and views. `from_outside`: whether what is written has a history outside of all transforms.
void check_history(const Tensor& t, bool records, bool from_outside = false);
void check_not_expanded(const Tensor& t);  // the part about overlapping memory
void warn_if_expanded(const Tensor& t, const char* op_name);
// Must follow: t's history is now `node` (null: nothing was recorded). Also bumps the version.
void rebase_history(const Tensor& t, Ref<Node> node);

// In-place form of an operation given out of place: `f` gets a tensor with self's values and
// history and returns the new value, whose dtype must be castable and shape equal to self's.
Tensor& inplace(Tensor& self, const std::vector<Tensor>& others,
                const std::function<Tensor(const Tensor& old)>& f);

// In-place form of a view: self becomes what `view` makes of it, by a node of this name.
Tensor& view_in_place(Tensor& self, const char* node_name,
                      const std::function<Tensor(const Tensor&)>& view);

// Makes t contiguous with this shape, enlarging its storage when needed. No version, no checks.
void resize_values(const Tensor& t, IntSpan shape);

// Gives `out` the shape, with PyTorch's warning when it had elements of another shape.
void resize_out(const Tensor& out, IntSpan shape);

// As if the values were computed elsewhere: out= forms. Resizes `out` (with PyTorch's warning when
// it had elements), checks the cast, copies.
Tensor& write_out(Tensor& out, const Tensor& result, const char* op_name);

}  // namespace wg
