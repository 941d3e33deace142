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
//
// Note [Deep nesting]
// A pass inside another, by a hook or a Function that calls backward, needs C stack and a part of Python's
// recursion limit. So that any depth works, every kPassesPerStack-th pass, and one for which the binding finds
// that the limit comes near, runs on a thread of its own while this one waits (run_elsewhere).
#include "autograd/engine.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "autograd/anomaly.h"
#include "autograd/record.h"
#include "autograd/rows.h"
#include "autograd/transform.h"
#include "ops/functions.h"
#include "tensor/unlocked.h"
#include "tensor/watch.h"

namespace wg {

NodeObserver* node_observer = nullptr;

namespace {

class Observed {
public:
    Observed(int64_t (NodeObserver::*begin)(const Node&), const Node& node)
        : observer_(node_observer), begun_(observer_ ? (observer_->*begin)(node) : 0) {}
    ~Observed() {
        if (observer_) [[unlikely]]
            observer_->end(begun_);
    }
    Observed(const Observed&) = delete;

private:
    NodeObserver* observer_;
    int64_t begun_;
};

class Pass;
thread_local Pass* current_pass_ = nullptr;
thread_local int passes_on_stack_ = 0;
constexpr int kPassesPerStack = 50;
constexpr size_t kWorkBetweenOffers = 20'000;  // some milliseconds
int running_passes_ = 0;
int64_t next_pass_id_ = 0;

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
        ++passes_on_stack_;
        current_pass_ = this;
        previous_filtered_ = std::exchange(pass_is_filtered, false);
    }
    ~Pass() {
        if (exclusive_)
            for (Node* n : visited_) n->pass = PassState{};
        --running_passes_;
        --passes_on_stack_;
        current_pass_ = previous_;
        pass_is_filtered = previous_filtered_;
    }

    PassState& state(const Node* n) { return exclusive_ ? const_cast<Node*>(n)->pass : table_[n]; }
    bool wants(const Node* n) { return state(n).wanted; }

    bool will_run(const Node& n) {
        WG_CHECK(!(capturing_ && n.is_accumulator),
                 "A leaf node was passed to _will_engine_execute_node but we are currently running "
                 "autograd.grad(). This is currently not supported.");
        const PassState& s = state(&n);
        return s.seen && s.wanted;
    }

    bool within_filtered() const noexcept {
        for (const Pass* p = this; p; p = p->previous_)
            if (!p->targets_.empty()) return true;
        return false;
    }

    uint8_t level() const noexcept { return options_.level; }

    const int64_t id = next_pass_id_++;

    void run(std::span<const Edge> roots, std::span<const Tensor> grads,
             std::span<const Edge> inputs, std::vector<Tensor>& captured);
    // The nodes of the pass as they run when no hook interferes.
    std::vector<Node*> order();
    void at_end(std::function<void()> f) { callbacks_.push_back(std::move(f)); }
    Node* current() const noexcept { return current_; }

private:
    struct Capture {
        Node* node;
        uint32_t output_nr;
        size_t index;
    };

    void count_dependencies(std::span<const Edge> roots, uint64_t live);
    void mark_wanted(std::span<const Edge> roots, std::span<const Edge> targets);
    void deliver(const Edge& edge, Tensor grad);
    void evaluate(Node& node, std::vector<Tensor>& captured);
    bool must_run(const Node& node) const;
    // Whether what lies behind the node may matter (BackwardOptions::since).
    bool walks_on(const Node& n) const noexcept {
        return !options_.since || (n.sequence_nr >= options_.since && !n.is_accumulator);
    }
    void run_tensor_hooks(Node& node, Grads& in);
    void run_node(Node& node, Grads& in, Grads& out);

    BackwardOptions options_;
    bool exclusive_;
    Pass* previous_;
    bool previous_filtered_;
    bool capturing_ = false;
    Node* current_ = nullptr;
    size_t work_ = 0;  // since others were offered the lock; about a tenth of a microsecond is 1
    std::unordered_map<const Node*, PassState> table_;
    std::vector<Node*> visited_;
    std::vector<Node*> ready_;  // a heap by sequence number
    std::vector<Capture> captures_;
    // Held until the state of the nodes is cleared: hooks may take the roots out of their graph.
    SmallVector<Edge, 2> roots_;
    std::vector<Edge> targets_;
    std::vector<std::function<void()>> callbacks_;
};

// Nodes that lead to none of the levels `live` do not run: their leaves are variables of transforms that have
// ended (Note [Levels]).
void Pass::count_dependencies(std::span<const Edge> roots, uint64_t live) {
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
            if (e.node->levels && !(e.node->levels & live)) [[unlikely]] {
                s.wanted = false;
                pass_is_filtered = true;
                continue;
            }
            if (walks_on(*e.node)) stack.push_back(e.node.get());
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
                if (to && !state(to).seen && walks_on(*to)) {
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

bool lies_dense(const Tensor& t) { return t.is_contiguous() || is_dense(t.sizes(), t.strides()); }

// Brings the gradient of `edge`, made by the node `from` or the caller's (null), to the form of the output it
// belongs to: the one place that undoes broadcasting.
void conform(Tensor& grad, const Edge& edge, const Node* from, size_t index, bool has_rows) {
    const OutputInfo& output = edge.node->outputs[edge.input_nr];
    IntSpan sizes = grad.sizes();
    if (has_rows) [[unlikely]]
        sizes = sizes.subspan(1);
    if (!same_shape(sizes, output.sizes)) {
        WG_CHECK(is_expandable(output.sizes, sizes),
                 from ? str("Function ", from->name(), " returned an ") : "",
                 "invalid gradient at index ", index, " - got ", to_string(sizes),
                 " but expected shape compatible with ", to_string(output.sizes));
        grad = has_rows ? sum_rows_to(grad, output.sizes) : sum_to(grad, output.sizes);
    }
    if (output.grad_dtype && grad.dtype() != *output.grad_dtype) {
        WG_CHECK(is_differentiable(*output.grad_dtype), "a gradient cannot have the dtype '",
                 info(*output.grad_dtype).scalar_name,
                 "', which the grad_dtype of its tensor asks for");
        WG_CHECK(
            !from || !is_complex(grad.dtype()) || is_complex(*output.grad_dtype) ||
                from->gives_real_parts(),
            "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but got "
            "false.");
        grad = conform_dtype(grad, *output.grad_dtype);
    }
}

void Pass::deliver(const Edge& edge, Tensor grad) {
    Node* to = edge.node.get();
    PassState& s = state(to);
    if (grad.defined()) {
        if (s.buffer.size() < to->outputs.size()) s.buffer.resize(to->outputs.size());
        Tensor& sum = s.buffer[edge.input_nr];
        if (!sum.defined()) {
            sum = std::move(grad);
        } else if (!grad_enabled() && sum.owns_memory_alone() && lies_dense(sum)) {
            elementwise_(Op::add, sum, std::initializer_list<Arg>{sum, grad});
        } else if (!grad_enabled() && grad.owns_memory_alone() && lies_dense(grad) &&
                   (same_shape(grad.strides(), sum.strides()) || !lies_dense(sum))) {
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

// As in PyTorch hooks also see missing gradients, which the binding shows as None.
Tensor run_tensor_hook(const NodeHooks::TensorHook& hook, const Tensor& grad, const RowView* rows) {
    const bool shows = rows && grad.defined();
    const Tensor r = hook(shows ? rows->shown(grad) : grad);
    if (!r.defined()) return grad;
    return shows ? rows->hidden(r) : r;
}

// Hooks of the node's tensors, then retain_grad. Lists are copied: a hook may add or remove hooks.
void Pass::run_tensor_hooks(Node& node, Grads& in) {
    if (node.is_accumulator) {
        const Tensor& leaf = static_cast<AccumulateGrad&>(node).variable();
        if (!leaf->extras) return;
        const auto hooks = meta(leaf)->hooks;
        for (const auto& h : hooks) in[0] = run_tensor_hook(h, in[0], options_.rows);
        return;
    }
    if (!node.hooks) return;
    const auto on_tensor = node.hooks->on_tensor;
    for (const auto& h : on_tensor)
        in[h.output_nr] = run_tensor_hook(h.hook, in[h.output_nr], options_.rows);
    const auto retain = node.hooks->retain;
    for (const auto& r : retain)
        if (TensorImpl* t = *r.tensor; t && in[r.output_nr].defined()) {
            const KeepLock shared;  // passes of several threads may meet here
            AutogradMeta& m = own_meta(Tensor(t));
            const Tensor& g = in[r.output_nr];
            // Of rows as useless as PyTorch's: a tensor of a vmap that ends with the pass.
            if (options_.rows) m.grad = options_.rows->shown(clone_in(g, MemoryFormat::Contiguous));
            else m.grad = m.grad.defined() ? add(m.grad, g) : clone_in(g, MemoryFormat::Contiguous);
        }
}

// Whether the pass needs more of the node than the gradients that arrive there.
bool Pass::must_run(const Node& node) const {
    if (node.is_accumulator && node.edges.empty()) return !capturing_;
    for (size_t i = 0; i < node.edges.size(); ++i)
        if (node.needs(i)) return true;
    if (capturing_) return false;
    for (const Edge& e : targets_)
        if (e.node.get() == &node) return true;
    return false;
}

void apply(Node& node, Grads& in, Grads& out, const RowView* rows = nullptr) {
    const Observed observed(&NodeObserver::begin_derivative, node);
    out.resize(node.edges.size());
    const auto run = [&] {
        if (rows) [[unlikely]]
            return node.apply_rows(*rows, in, out);
        node.apply(in, out);
    };
    if (node.handles_undefined()) return run();
    if (node.released) fail_released();
    for (const Tensor& t : in)
        if (t.defined()) return run();
    check_saved(node);
}

void Pass::run_node(Node& node, Grads& in, Grads& out) {
    if (node.hooks && !node.hooks->pre.empty()) [[unlikely]] {
        const auto pre = node.hooks->pre;
        if (options_.rows) in = shown(*options_.rows, in);
        for (const auto& h : pre) h(in);
        if (options_.rows) hide(*options_.rows, in);
    }
    Grads before;  // for post hooks; those that come while the node runs see none
    if (node.hooks && !node.hooks->post.empty()) before = in;
    {
        struct Running {
            Node& node;
            explicit Running(Node& n) : node(n) { ++node.running; }
            ~Running() { --node.running; }
        } running(node);
        apply(node, in, out, options_.rows);
    }
    for (size_t i = 0; i < node.edges.size(); ++i)
        if (node.edges[i].node && out[i].defined())
            conform(out[i], node.edges[i], &node, i, options_.rows);
    if (node.hooks && !node.hooks->post.empty()) [[unlikely]] {
        const auto post = node.hooks->post;
        if (options_.rows) {
            out = shown(*options_.rows, out);
            before = shown(*options_.rows, before);
        }
        for (const auto& h : post) h(out, before);
        if (options_.rows) hide(*options_.rows, out);
    }
}

void Pass::evaluate(Node& node, std::vector<Tensor>& captured) {
    const Observed observed(&NodeObserver::begin_turn, node);
    // Anew for each node: hooks of the one before may have changed it.
    set_grad_enabled(options_.create_graph);
    Grads in, out;
    {
        PassState& s = state(&node);
        for (Tensor& t : s.buffer) in.push_back(std::move(t));
        s.buffer.clear();
    }
    in.resize(node.outputs.size());
    if (!in.empty() && in[0].defined()) work_ += size_t(in[0].numel()) >> 8;

    // As in PyTorch, autograd.grad gives a gradient as it is after the tensor's hooks, but where the pass goes
    // on from there as it is before them.
    const auto capture = [&] {
        for (const Capture& c : captures_)
            if (c.node == &node) captured[c.index] = in[c.output_nr];
    };
    const bool runs = state(&node).wanted && must_run(node);
    if (runs) capture();
    if (node.hooks || node.is_accumulator) run_tensor_hooks(node, in);
    if (!runs) return capture();
    run_node(node, in, out);
    in.clear();
    if (!options_.retain_graph && node.running == 0) node.release_saved();
    if (anomaly_mode.enabled && anomaly_mode.check_nan) [[unlikely]]
        check_for_nan(node, out);
    for (size_t i = 0; i < node.edges.size(); ++i)
        if (const Edge& e = node.edges[i]; e.node) deliver(e, std::move(out[i]));
}

void Pass::run(std::span<const Edge> roots, std::span<const Tensor> grads,
               std::span<const Edge> inputs, std::vector<Tensor>& captured) {
    for (const Edge& e : roots) roots_.push_back(e);
    count_dependencies(roots_, inputs.empty() ? live_levels() : ~uint64_t(0));

    if (!inputs.empty()) {
        capturing_ = !options_.accumulate;
        if (capturing_) captured.resize(inputs.size());
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (capturing_) captures_.push_back({inputs[i].node.get(), inputs[i].input_nr, i});
            targets_.push_back(inputs[i]);
        }
        mark_wanted(roots_, targets_);
    }

    GradMode mode(options_.create_graph);
    for (const Edge& e : roots_) ++state(e.node.get()).dependencies;  // the delivery below
    for (size_t i = 0; i < roots_.size(); ++i) {
        Tensor g = grads[i];
        if (g.defined()) conform(g, roots_[i], nullptr, i, options_.rows);
        deliver(roots_[i], std::move(g));
    }
    // As in PyTorch the hooks of a single root's tensor run even if nobody wants its gradient.
    if (roots_.size() == 1 && ready_.empty()) ready_.push_back(roots_[0].node.get());
    while (!ready_.empty()) {
        std::pop_heap(ready_.begin(), ready_.end(), Later{});
        Node* n = ready_.back();
        ready_.pop_back();
        const Ref<Node> alive(n);
        current_ = n;
        try {
            std::optional<Turn> turn;
            if (anomaly_mode.enabled) [[unlikely]]
                turn.emplace(*n);
            evaluate(*n, captured);
            if ((work_ += n->edges.size() + 1) > kWorkBetweenOffers) [[unlikely]] {
                offer_lock();
                work_ = 0;
            }
        } catch (...) {
            if (anomaly_mode.enabled) explain_failure(*n);
            throw;
        }
    }
    current_ = nullptr;
    for (size_t i = 0; i < callbacks_.size(); ++i) {  // which may queue more
        const auto f = callbacks_[i];
        f();
    }
}

std::vector<Node*> Pass::order() {
    std::unordered_map<const Node*, uint32_t> awaited;
    for (const Edge& e : roots_) ++awaited[e.node.get()];
    for (const Node* n : visited_)
        for (const Edge& e : n->edges)
            if (e.node) ++awaited[e.node.get()];
    std::vector<Node*> order, ready;
    const auto deliver = [&](Node* n) {
        if (--awaited[n] > 0 || !wants(n)) return;
        ready.push_back(n);
        std::push_heap(ready.begin(), ready.end(), Later{});
    };
    for (const Edge& e : roots_) deliver(e.node.get());
    while (!ready.empty()) {
        std::pop_heap(ready.begin(), ready.end(), Later{});
        Node* const n = ready.back();
        ready.pop_back();
        order.push_back(n);
        for (const Edge& e : n->edges)
            if (e.node) deliver(e.node.get());
    }
    return order;
}

bool needs_other_stack() {
    return passes_on_stack_ > 0 && (passes_on_stack_ >= kPassesPerStack ||
                                    (stack_provider.is_short && stack_provider.is_short()));
}

// What operations of a thread depend on, besides their operands.
struct ThreadState {
    Pass* pass = current_pass_;
    bool filtered = pass_is_filtered;
    uint8_t modes = modes_;
    bool layout = layout_enforced;
    int forward_levels = forward_levels_seen;
    TransformState transforms = transform_state();
    bool multithreading = multithreading_enabled;
    SavedTensorHooks* hooks = saved_tensor_hooks;
    const WriteWatcher* watcher = write_watcher;
    void apply() const {
        current_pass_ = pass;
        pass_is_filtered = filtered;
        modes_ = modes;
        layout_enforced = layout;
        forward_levels_seen = forward_levels;
        set_transform_state(transforms);
        multithreading_enabled = multithreading;
        saved_tensor_hooks = hooks;
        write_watcher = watcher;
    }
};

// Runs f on a thread of its own, in the state of this one, which waits.
void run_elsewhere(const std::function<void()>& f) {
    const ThreadState state;
    std::exception_ptr error;
    const std::function<void()> body = [&] {
        state.apply();
        try {
            f();
        } catch (...) {
            error = std::current_exception();
        }
    };
    try {
        if (stack_provider.run_elsewhere) stack_provider.run_elsewhere(body);
        else std::thread(body).join();
    } catch (const std::system_error&) {
        return f();  // no thread to be had
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace

Tensor Node::zero_gradient(size_t output_nr) const {
    return zeros(Dims(outputs[output_nr].sizes), outputs[output_nr].dtype);
}

bool pass_wants(const Node* node) noexcept { return !current_pass_ || current_pass_->wants(node); }

void apply_node(Node& node, Grads& in, Grads& out) {
    struct Unfiltered {
        bool saved = std::exchange(pass_is_filtered, false);
        ~Unfiltered() { pass_is_filtered = saved; }
    } unfiltered;
    apply(node, in, out);
}

void queue_callback(std::function<void()> f) {
    WG_CHECK(current_pass_, "Final callbacks can only be installed during backward pass.");
    current_pass_->at_end(std::move(f));
}

std::vector<Tensor> run_backward(std::span<const Edge> roots, std::span<const Tensor> grads,
                                 std::span<const Edge> inputs, const BackwardOptions& options) {
    const Unwatched unwatched;  // Note [Watched operations]
    std::vector<Tensor> captured;
    const auto run = [&] {
        Pass pass(options);
        pass.run(roots, grads, inputs, captured);
    };
    if (needs_other_stack()) [[unlikely]]
        run_elsewhere(run);
    else run();
    return captured;
}

std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                 std::span<const Tensor> inputs, const BackwardOptions& options) {
    SmallVector<Edge, 4> from, to;
    for (const Tensor& t : roots) {
        from.push_back(gradient_edge(t));
        WG_CHECK(from.back(), "element ", from.size() - 1,
                 " of tensors does not require grad and does not have a grad_fn");
    }
    for (const Tensor& t : inputs) {
        if (options.accumulate) retain_grad(t);
        to.push_back(gradient_edge(t));
    }
    return run_backward(std::span<const Edge>(from.data(), from.size()), grads,
                        std::span<const Edge>(to.data(), to.size()), options);
}

int64_t current_pass_id() noexcept { return current_pass_ ? current_pass_->id : -1; }

Node* current_node() noexcept { return current_pass_ ? current_pass_->current() : nullptr; }

uint8_t current_pass_level() noexcept { return current_pass_ ? current_pass_->level() : 0; }

bool in_filtered_pass() noexcept { return current_pass_ && current_pass_->within_filtered(); }

std::vector<Node*> pass_order() {
    WG_CHECK(current_pass_,
             "_current_graph_task_execution_order should only be called during the backward pass");
    WG_CHECK(
        !multithreading_enabled,
        "get_current_graph_task_execution_order expects the current backward to be executed with multithreading "
        "disabled, e.g. by running:\n\n>>> with torch.autograd.set_multithreading_enabled(False):\n...     "
        "torch.autograd.grad(...)\n");
    return current_pass_->order();
}

bool pass_will_run(const Node& node) {
    WG_CHECK(current_pass_,
             "_get_should_execute_nodes should only be called during the backward pass");
    return current_pass_->will_run(node);
}

// --- AccumulateGrad ---

namespace {

// Whether a gradient lies in memory like the leaf if that is dense, else contiguously. As in PyTorch only strides
// are compared: `.data =` may have given the leaf another shape since.
bool obeys_layout(const Tensor& grad, const Tensor& leaf) {
    if (!lies_dense(leaf)) return has_contiguous_layout(grad);
    for (int64_t d = 0; d < grad.dim(); ++d)
        if (grad->dims[d] != 1 &&
            (d >= leaf.dim() || grad->dims[grad.dim() + d] != leaf->dims[leaf.dim() + d]))
            return false;
    return true;
}

// Whether it may become .grad as it is. What was expanded does not fit, even to size 1.
bool fits_layout(const Tensor& grad, const Tensor& leaf) {
    if (!layout_enforced) return true;
    if (!obeys_layout(grad, leaf)) return false;
    if (lies_dense(leaf))
        for (const int64_t stride : grad.strides())
            if (stride == 0) return false;
    return true;
}

void warn_of_layout(const Tensor& grad, const Tensor& leaf, int line) {
    const auto geometry = [](const char* name, const Tensor& t) {
        return str("\n", name, ".sizes() = ", to_string(t.sizes()),
                   ", strides() = ", to_string(t.strides()));
    };
    warn_once(
        WarningKind::User,
        str("grad and param do not obey the gradient layout contract. This is not an error, but may impair performance.",
            geometry("grad", grad), geometry("param", leaf),
            " (Triggered internally at /__w/pytorch/pytorch/torch/csrc/autograd/functions/accumulate_grad.h:",
            line, ".)"));
}

// The gradient in the leaf's layout, or contiguous when that is not dense.
Tensor copied_for(const Tensor& leaf, const Tensor& grad) {
    if (!lies_dense(leaf)) return clone_in(grad, MemoryFormat::Contiguous);
    Tensor copy = empty_like(leaf, grad.dtype());
    return copy_(copy, grad);
}

}  // namespace

AccumulateGrad::AccumulateGrad() : Node(std::numeric_limits<uint64_t>::max()) {
    is_accumulator = true;
}

Ref<Node> AccumulateGrad::of(const Tensor& leaf) {
    AutogradMeta& m = own_meta(leaf);
    if (m.accumulator_of_another) [[unlikely]]
        return m.accumulator_of_another;
    AccumulateGrad* a = m.accumulator;
    if (a && a->refs > 0) return Ref<Node>(a);
    // One that waits for its turn to die (Note [Destroying graphs]) cannot be taken back.
    if (!a || !a->resting_) [[unlikely]]
        a = m.accumulator = make();
    a->resting_ = false;
    a->leaf_ = leaf;
    a->levels = 1;
    if (leaf->level || anomaly_mode.enabled || a->outputs.empty() ||
        a->outputs[0].dtype != leaf.dtype() || !same_shape(a->outputs[0].sizes, leaf.sizes()))
        [[unlikely]]
        a->describe(leaf, m);
    return Ref<Node>(a);
}

AccumulateGrad* AccumulateGrad::make() {
    return new (pool_allocate(sizeof(AccumulateGrad))) AccumulateGrad;
}

void AccumulateGrad::describe(const Tensor& leaf, const AutogradMeta& m) {
    if (leaf->level) {
        // A tensor that has outlived the transform it was made in is as good as any other.
        const bool is_variable = m.stands_for.defined();
        levels = level_bit(is_variable ? leaf->level : std::min(leaf->level, transform_level));
        if (m.passes_on) add_edge(Edge(m.passes_on));
    }
    if (anomaly_mode.enabled) site.capture();
    if (!outputs.empty() && outputs[0].dtype == leaf.dtype() &&
        same_shape(outputs[0].sizes, leaf.sizes()))
        return;
    outputs.clear();
    add_output(leaf);
    if (m.grad_dtype) outputs[0].grad_dtype = *m.grad_dtype;
}

void AccumulateGrad::dispose() noexcept {
    // Both may run Python code that uses the leaf, or be the last reference to it, which frees this.
    const Tensor leaf = std::move(leaf_);
    const std::unique_ptr<NodeHooks> dropped(std::exchange(hooks, nullptr));
    if (!edges.empty()) [[unlikely]]
        edges.clear();
    site = Site();
    resting_ = meta(leaf)->accumulator == this;
    if (!resting_) free(this);
}

void AccumulateGrad::free(AccumulateGrad* a) noexcept {
    a->~AccumulateGrad();
    pool_free(a, sizeof(AccumulateGrad));
}

AutogradMeta::~AutogradMeta() {
    if (weak_self) *weak_self = nullptr;
    if (accumulator) AccumulateGrad::free(accumulator);
    if (tangents) [[unlikely]]
        drop_tangents(*this);
}

Edge accumulator_edge(const Tensor& leaf) { return {AccumulateGrad::of(leaf), 0}; }

void forget_accumulator(const Tensor& leaf) {
    if (leaf->extras && meta(leaf)->accumulator && meta(leaf)->accumulator->refs > 0)
        meta(leaf)->accumulator = nullptr;
}

// Passes of several threads may meet here.
void AccumulateGrad::accumulate(Tensor g) {
    const KeepLock shared;
    AutogradMeta& m = own_meta(leaf_);
    if (m.grad.defined()) {
        const bool in_place = !grad_flag();
        if (in_place) elementwise_(Op::add, m.grad, std::initializer_list<Arg>{m.grad, g});
        else m.grad = add(m.grad, g);
        if (!obeys_layout(m.grad, leaf_) && layout_enforced) [[unlikely]]
            warn_of_layout(m.grad, leaf_, in_place ? 252 : 282);
    } else if (!grad_flag() && g.is_unique() && fits_layout(g, leaf_)) {
        // Nobody else holds the tensor: it becomes .grad itself. As in PyTorch that counts the tensor, not its
        // memory, so that gradients of views of one gradient can share it.
        const bool as_is = !g.is_view() && !requires_grad(g) && !g->inference && !has_tangent(g);
        m.grad = as_is ? std::move(g) : detach(g);
    } else {
        m.grad = copied_for(leaf_, g);
    }
}

void AccumulateGrad::apply(Grads& in, Grads& out) {
    if (!edges
             .empty()) {  // a variable of a transform: its gradient is that of the tensor it stands for
        out[0] = std::move(in[0]);
        return;
    }
    if (in[0].defined()) {
        WG_CHECK(!grad_fn(leaf_), "leaf variable has been moved into the graph interior");
        if (requires_grad(leaf_)) accumulate(std::move(in[0]));
    }
    if (!leaf_->extras || meta(leaf_)->post_accumulate.empty()) return;
    const auto hooks = meta(leaf_)->post_accumulate;
    for (const auto& h : hooks) h(leaf_);
}

}  // namespace wg
