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
};

// Pushes `grads` (one per root, same shape) through the graph of `roots`.
// With `inputs` and !accumulate, returns their gradients in order (undefined: unused).
std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                 std::span<const Tensor> inputs, const BackwardOptions& options);

// Ends in a leaf: adds what arrives to its .grad.
class AccumulateGrad final : public NodeOf<AccumulateGrad> {
public:
    explicit AccumulateGrad(const Tensor& leaf);
    ~AccumulateGrad();
    void apply(Grads& in, Grads& out) override;
    std::string name() const override { return "torch::autograd::AccumulateGrad"; }
    bool handles_undefined() const override { return true; }
    void visit_owned(OwnedVisitor& visitor) const override { visitor.tensor(*leaf_.impl()); }
    const Tensor& variable() const noexcept { return leaf_; }

private:
    Tensor leaf_;
};

uint64_t next_hook_id() noexcept;

// Runs f when the outermost running pass has ended.
void queue_callback(std::function<void()> f);

}  // namespace wg
