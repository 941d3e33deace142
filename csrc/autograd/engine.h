// The backward pass. run_backward() is all of tensor.backward() and autograd.grad() below the binding.
#pragma once

#include <span>
#include <vector>

#include "autograd/meta.h"

namespace wg {

struct BackwardOptions {
    bool retain_graph = false;
    bool create_graph = false;
    // autograd.grad: return the gradients of `inputs` instead of accumulating them in leaves.
    // backward(inputs=): accumulate in those only.
    bool accumulate = true;
    bool allow_unused = true;
    uint8_t level = 0;  // the transform whose variables it is for: only hooks of that level run
    // Nodes with a smaller number lead to none of the inputs: they are not walked through.
    uint64_t since = 0;
    const RowView* rows = nullptr;  // the gradients have rows: Note [Rows]
};

// Pushes `grads` (one per root, same shape, or with rows) through the graph of `roots`.
// With `inputs` and !accumulate, returns their gradients in order (undefined: unused).
std::vector<Tensor> run_backward(std::span<const Edge> roots, std::span<const Tensor> grads,
                                 std::span<const Edge> inputs, const BackwardOptions& options);
// Of tensors. backward(inputs=) accumulates in non-leaves too.
std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                 std::span<const Tensor> inputs, const BackwardOptions& options);

// Told when a node's turn and its derivative begin, and given back at the end what it answered. Null but
// while somebody profiles.
struct NodeObserver {
    virtual int64_t begin_turn(const Node& node) = 0;
    virtual int64_t begin_derivative(const Node& node) = 0;
    virtual void end(int64_t begun) noexcept = 0;

protected:
    ~NodeObserver() = default;
};
extern NodeObserver* node_observer;

// The number of the running pass of this thread, -1 outside of one.
int64_t current_pass_id() noexcept;
uint8_t current_pass_level() noexcept;  // 0 outside of one
Node* current_node() noexcept;  // whose turn it is in the running pass; null outside of one
// Whether the running pass, or one that it runs in, is one for `inputs` only.
bool in_filtered_pass() noexcept;
// Whether the running pass, if it goes on, runs the node.
bool pass_will_run(const Node& node);
// The nodes of the running pass in the order in which they run; RuntimeError with multithreading_enabled, as in PyTorch.
std::vector<Node*> pass_order();

// A flag of each thread, which decides nothing else: on the CPU a pass runs on the thread that calls it.
inline thread_local bool multithreading_enabled = true;

// Installed by the binding; see Note [Deep nesting].
struct StackProvider {
    bool (*is_short)() = nullptr;
    // Runs a function that throws nothing on a thread of its own, and waits. std::system_error: there is none.
    void (*run_elsewhere)(const std::function<void()>& f) = nullptr;
};
inline StackProvider stack_provider;

// Ends in a leaf: adds what arrives to its .grad.
//
// Note [Accumulators]
// An AccumulateGrad keeps its leaf alive and dies with the last graph that ends in it. Every training
// step would make those of all parameters anew, which costs as much as an operation. So the memory of
// a dead one stays with the leaf, which it no longer keeps alive, until the next graph or the end of the leaf:
// AutogradMeta::accumulator points to it, alive or not.
class AccumulateGrad final : public Node {
public:
    // The one of `leaf`, alive.
    static Ref<Node> of(const Tensor& leaf);
    // Frees one that is not alive.
    static void free(AccumulateGrad* a) noexcept;
    void apply(Grads& in, Grads& out) override;
    void apply_rows(const RowView&, Grads& in, Grads& out) override { apply(in, out); }
    std::string name() const override { return "torch::autograd::AccumulateGrad"; }
    bool handles_undefined() const override { return true; }
    void visit_owned(OwnedVisitor& visitor) const override {
        Node::visit_owned(visitor);
        visitor.tensor(*leaf_.impl());
    }
    const Tensor& variable() const noexcept { return leaf_; }

protected:
    void dispose() noexcept override;

private:
    AccumulateGrad();
    // Out of the way of of(), which nearly always finds one that fits its leaf.
    [[gnu::noinline]] static AccumulateGrad* make();
    [[gnu::noinline]] void describe(const Tensor& leaf, const AutogradMeta& m);
    void accumulate(Tensor grad);
    Tensor leaf_;
    bool resting_ = false;  // not alive, kept for the next graph
};

// Runs the node's derivative alone, outside of any pass: no hooks, nothing is freed.
void apply_node(Node& node, Grads& in, Grads& out);

// Runs f at the end of the running pass; dropped when the pass fails.
void queue_callback(std::function<void()> f);

}  // namespace wg
