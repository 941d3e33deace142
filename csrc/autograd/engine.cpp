// The engine: walks the graph from the roots, each node once, when all its gradients have arrived.
// Start with run_backward(); Pass::evaluate is one node's turn.
//
// Note [State in nodes]
// A pass needs a count of awaited gradients and a buffer per node. It keeps them in the node
// (Node::pass), without any table, as long as it is the only pass. A pass that starts while another
// runs (a hook that calls backward, a second thread) may meet the same nodes, so it keeps its state in a
// hash map of its own.
//
// Note [Order]
// Among ready nodes the one recorded last goes first, and accumulation into leaves before all: then
// gradients are used soon after they are made, and the order is that of PyTorch.
#include "autograd/engine.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

namespace {

class Pass;
thread_local Pass* current_pass_ = nullptr;
int running_passes_ = 0;
std::vector<std::function<void()>> callbacks_;
uint64_t next_hook_id_ = 1;

struct Later {
    bool operator()(const Node* a, const Node* b) const noexcept {
        return a->sequence_nr < b->sequence_nr;
    }
};

class Pass {
public:
    explicit Pass(const BackwardOptions& options)
        : options_(options), exclusive_(running_passes_ == 0), previous_(current_pass_) {
        ++running_passes_;
        current_pass_ = this;
        previous_filtered_ = std::exchange(pass_is_filtered, false);
    }
    ~Pass() {
        if (exclusive_)
            for (Node* n : visited_) n->pass = PassState{};
        --running_passes_;
        current_pass_ = previous_;
        pass_is_filtered = previous_filtered_;
    }

    PassState& state(const Node* n) { return exclusive_ ? const_cast<Node*>(n)->pass : table_[n]; }
    bool wants(const Node* n) { return state(n).wanted; }

    void run(std::span<const Tensor> roots, std::span<const Tensor> grads,
             std::span<const Tensor> inputs, std::vector<Tensor>& captured);

private:
    struct Capture {
        Node* node;
        uint32_t output_nr;
        size_t index;
    };

    void count_dependencies(std::span<const Edge> roots);
    void mark_wanted(std::span<const Edge> roots, std::span<const Edge> targets);
    void deliver(const Edge& edge, Tensor grad);
    void evaluate(Node& node, std::vector<Tensor>& captured);

    BackwardOptions options_;
    bool exclusive_;
    Pass* previous_;
    bool previous_filtered_;
    bool capturing_ = false;
    std::unordered_map<const Node*, PassState> table_;
    std::vector<Node*> visited_;
    std::vector<Node*> ready_;  // a heap by sequence number
    std::vector<Capture> captures_;
};

void Pass::count_dependencies(std::span<const Edge> roots) {
    std::vector<Node*> stack;
    for (const Edge& e : roots) {
        PassState& s = state(e.node.get());
        if (s.seen) continue;
        s.seen = true;
        visited_.push_back(e.node.get());
        stack.push_back(e.node.get());
    }
    while (!stack.empty()) {
        Node* n = stack.back();
        stack.pop_back();
        for (const Edge& e : n->edges) {
            if (!e.node) continue;
            PassState& s = state(e.node.get());
            ++s.dependencies;
            if (s.seen) continue;
            s.seen = true;
            visited_.push_back(e.node.get());
            stack.push_back(e.node.get());
        }
    }
}

// A node is wanted when it is a target or leads to one.
void Pass::mark_wanted(std::span<const Edge> roots, std::span<const Edge> targets) {
    for (Node* n : visited_) state(n).wanted = false;
    for (const Edge& t : targets)
        if (t.node) state(t.node.get()).wanted = true;
    // In order of recording, a node comes after all the nodes it leads to... except where hooks or in-place
    // rewriting made younger edges, so walk depth first and settle each node after its successors.
    struct Frame {
        Node* node;
        size_t next;
    };
    for (Node* n : visited_) state(n).seen = false;
    std::vector<Frame> stack;
    for (const Edge& root : roots) {
        if (state(root.node.get()).seen) continue;
        state(root.node.get()).seen = true;
        stack.push_back({root.node.get(), 0});
        while (!stack.empty()) {
            Frame& f = stack.back();
            if (f.next < f.node->edges.size()) {
                Node* to = f.node->edges[f.next++].node.get();
                if (to && !state(to).seen) {
                    state(to).seen = true;
                    stack.push_back({to, 0});
                }
                continue;
            }
            Node* n = f.node;
            stack.pop_back();
            PassState& s = state(n);
            for (const Edge& e : n->edges)
                if (e.node && state(e.node.get()).wanted) s.wanted = true;
        }
    }
    pass_is_filtered = true;
}

// Brings a gradient to the form of the output it belongs to: the one place that undoes broadcasting.
Tensor conform(Tensor grad, const OutputInfo& output, const Node& from, size_t index) {
    if (!same_shape(grad.sizes(), output.sizes)) {
        WG_CHECK(is_expandable(output.sizes, grad.sizes()), "Function ", from.name(),
                 " returned an invalid gradient at index ", index, " - got ",
                 to_string(grad.sizes()), " but expected shape compatible with ",
                 to_string(output.sizes));
        grad = sum_to(grad, output.sizes);
    }
    if (grad.dtype() != output.dtype) {
        WG_CHECK(is_floating(grad.dtype()), "Function ", from.name(),
                 " returned an invalid gradient at index ", index, " - expected dtype ",
                 info(output.dtype).name, " but got ", info(grad.dtype()).name);
        grad = to_dtype(grad, output.dtype);
    }
    return grad;
}

void Pass::deliver(const Edge& edge, Tensor grad) {
    Node* to = edge.node.get();
    PassState& s = state(to);
    if (grad.defined()) {
        if (s.buffer.size() < to->outputs.size()) s.buffer.resize(to->outputs.size());
        Tensor& sum = s.buffer[edge.input_nr];
        if (!sum.defined()) {
            sum = std::move(grad);
        } else if (!grad_enabled() && sum.owns_memory_alone() && sum.is_contiguous()) {
            elementwise_(Op::add, sum, std::initializer_list<Arg>{sum, grad});
        } else if (!grad_enabled() && grad.owns_memory_alone() && grad.is_contiguous()) {
            elementwise_(Op::add, grad, std::initializer_list<Arg>{sum, grad});
            *grad->version = 0;  // as good as a fresh sum
            sum = std::move(grad);
        } else {
            sum = add(sum, grad);
        }
    }
    if (--s.dependencies == 0 && s.wanted) {
        ready_.push_back(to);
        std::push_heap(ready_.begin(), ready_.end(), Later{});
    }
}

Tensor run_tensor_hook(const NodeHooks::TensorHook& hook, const Tensor& grad) {
    Tensor r = hook(grad);
    return r.defined() ? r : grad;
}

void Pass::evaluate(Node& node, std::vector<Tensor>& captured) {
    PassState& s = state(&node);
    Grads in, out;
    for (Tensor& t : s.buffer) in.push_back(std::move(t));
    in.resize(node.outputs.size());
    s.buffer.clear();

    // As in PyTorch, autograd.grad gives the gradient of a non-leaf before its tensor hooks, of a leaf after.
    const auto capture = [&] {
        for (const Capture& c : captures_)
            if (c.node == &node) captured[c.index] = in[c.output_nr];
    };
    if (!node.is_accumulator) capture();
    if (node.hooks) [[unlikely]] {
        // By index and on a copy: a hook may add or remove hooks.
        const auto on_tensor = node.hooks->on_tensor;
        for (const auto& h : on_tensor)
            if (in[h.output_nr].defined())
                in[h.output_nr] = run_tensor_hook(h.hook, in[h.output_nr]);
        const auto retain = node.hooks->retain;
        for (const auto& r : retain)
            if (TensorImpl* t = *r.tensor; t && in[r.output_nr].defined()) {
                AutogradMeta& m = own_meta(Tensor(t));
                const Tensor& g = in[r.output_nr];
                m.grad = m.grad.defined() ? add(m.grad, g) : clone(g);
            }
    }
    auto* leaf = node.is_accumulator ? static_cast<AccumulateGrad*>(&node) : nullptr;
    if (leaf && in[0].defined() && leaf->variable()->extras) {
        const auto hooks = meta(leaf->variable())->hooks;
        for (const auto& h : hooks) in[0] = run_tensor_hook(h.hook, in[0]);
    }
    if (leaf) capture();
    if (node.hooks && !node.hooks->pre.empty()) [[unlikely]] {
        const auto pre = node.hooks->pre;
        for (const auto& h : pre) h.hook(in);
    }
    if (capturing_ && leaf) return;

    bool any_defined = false, all_defined = true, any_wanted = false;
    for (const Tensor& t : in) (t.defined() ? any_defined : all_defined) = t.defined();
    for (size_t i = 0; i < node.edges.size(); ++i) any_wanted = any_wanted || node.needs(i);
    if (!leaf && !any_wanted) return;
    out.resize(node.edges.size());
    if (any_defined || node.handles_undefined()) {
        if (!all_defined && !node.handles_undefined())
            for (size_t i = 0; i < in.size(); ++i)
                if (!in[i].defined())
                    in[i] = zeros(Dims(node.outputs[i].sizes), node.outputs[i].dtype);
        Grads before;
        const bool has_post = node.hooks && !node.hooks->post.empty();
        if (has_post) before = in;
        node.apply(in, out);
        if (has_post) {
            const auto post = node.hooks->post;
            for (const auto& h : post) h.hook(out, before);
        }
    }
    in.clear();
    if (!options_.retain_graph) node.release_saved();
    for (size_t i = 0; i < node.edges.size(); ++i) {
        const Edge& e = node.edges[i];
        if (!e.node) continue;
        Tensor g = i < out.size() ? std::move(out[i]) : Tensor();
        if (g.defined()) g = conform(std::move(g), e.node->outputs[e.input_nr], node, i);
        deliver(e, std::move(g));
    }
}

void Pass::run(std::span<const Tensor> roots, std::span<const Tensor> grads,
               std::span<const Tensor> inputs, std::vector<Tensor>& captured) {
    SmallVector<Edge, 2> root_edges;
    for (const Tensor& t : roots) {
        Edge e = gradient_edge(t);
        WG_CHECK(e.node, "element ", root_edges.size(),
                 " of tensors does not require grad and does not have a grad_fn");
        root_edges.push_back(std::move(e));
    }
    count_dependencies(root_edges);

    std::vector<Edge> targets;
    if (!inputs.empty()) {
        capturing_ = !options_.accumulate;
        if (capturing_) captured.resize(inputs.size());
        for (size_t i = 0; i < inputs.size(); ++i) {
            Edge e = gradient_edge(inputs[i]);
            if (!options_.accumulate) captures_.push_back({e.node.get(), e.input_nr, i});
            targets.push_back(std::move(e));
        }
        mark_wanted(root_edges, targets);
    }

    GradMode mode(options_.create_graph);
    for (size_t i = 0; i < roots.size(); ++i) {
        ++state(root_edges[i].node.get()).dependencies;  // the delivery below
    }
    for (size_t i = 0; i < roots.size(); ++i) deliver(root_edges[i], grads[i]);
    while (!ready_.empty()) {
        std::pop_heap(ready_.begin(), ready_.end(), Later{});
        Node* n = ready_.back();
        ready_.pop_back();
        const Ref<Node> alive(n);
        evaluate(*n, captured);
    }
}

}  // namespace

bool pass_wants(const Node* node) noexcept { return !current_pass_ || current_pass_->wants(node); }

uint64_t next_hook_id() noexcept { return next_hook_id_++; }

void queue_callback(std::function<void()> f) {
    WG_CHECK(current_pass_, "Final callbacks can only be installed during backward pass.");
    callbacks_.push_back(std::move(f));
}

std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                 std::span<const Tensor> inputs, const BackwardOptions& options) {
    std::vector<Tensor> captured;
    if (options.accumulate)
        for (const Tensor& t : inputs)
            retain_grad(t);  // backward(inputs=) accumulates in non-leaves too
    {
        Pass pass(options);
        pass.run(roots, grads, inputs, captured);
    }
    if (running_passes_ == 0) {
        auto list = std::move(callbacks_);
        callbacks_.clear();
        for (auto& f : list) f();
    }
    return captured;
}

// --- AccumulateGrad ---

AccumulateGrad::AccumulateGrad() {
    sequence_nr = std::numeric_limits<uint64_t>::max();
    is_accumulator = true;
}

Ref<Node> AccumulateGrad::of(const Tensor& leaf) {
    AutogradMeta& m = own_meta(leaf);
    AccumulateGrad* a = m.accumulator;
    if (a && a->refs > 0) return Ref<Node>(a);
    if (!a) a = m.accumulator = new (pool_allocate(sizeof(AccumulateGrad))) AccumulateGrad;
    a->leaf_ = leaf;
    if (a->outputs.empty() || a->outputs[0].dtype != leaf.dtype() ||
        !same_shape(a->outputs[0].sizes, leaf.sizes())) {
        a->outputs.clear();
        a->add_output(leaf);
    }
    return Ref<Node>(a);
}

void AccumulateGrad::dispose() noexcept {
    if (hooks) delete std::exchange(hooks, nullptr);
    const Tensor leaf = std::move(leaf_);  // may be the last reference to it, and free this
}

void AccumulateGrad::free(AccumulateGrad* a) noexcept {
    a->~AccumulateGrad();
    pool_free(a, sizeof(AccumulateGrad));
}

AutogradMeta::~AutogradMeta() {
    if (weak_self) *weak_self = nullptr;
    if (accumulator) AccumulateGrad::free(accumulator);
}

Edge accumulator_edge(const Tensor& leaf) { return {AccumulateGrad::of(leaf), 0}; }

void AccumulateGrad::apply(Grads& in, Grads&) {
    if (!in[0].defined() || !requires_grad(leaf_)) return;
    Tensor g = std::move(in[0]);
    AutogradMeta& m = own_meta(leaf_);
    if (!m.grad.defined()) {
        // Nobody else holds the gradient and it is laid out like the leaf: it becomes .grad itself.
        const bool same_layout = std::ranges::equal(g.strides(), leaf_.strides()) ||
                                 (g.is_contiguous() && leaf_.is_contiguous());
        if (!grad_enabled() && g.owns_memory_alone() && same_layout) {
            m.grad = std::move(g);
        } else {
            Tensor copy;
            if (grad_enabled()) {
                copy = clone(g);
            } else {
                copy = empty_like(leaf_);
                copy_values(copy, g);
                copy.bump_version();
            }
            m.grad = std::move(copy);
        }
    } else if (!grad_enabled()) {
        elementwise_(Op::add, m.grad, std::initializer_list<Arg>{m.grad, g});
    } else {
        m.grad = add(m.grad, g);
    }
    if (!m.post_accumulate.empty()) {
        const auto hooks = m.post_accumulate;
        for (const auto& h : hooks) h.hook(leaf_);
    }
}

}  // namespace wg
