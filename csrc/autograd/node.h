// Node: one recorded operation of the graph; its edges lead to the nodes of its inputs.
// Start with Node::apply, which every operation's derivative implements; the engine (engine.cpp)
// calls it, checks and un-broadcasts what it returns, and passes that on along the edges.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/site.h"
#include "tensor/scalar.h"
#include "tensor/tensor.h"

namespace wg {

class Node;
class RowView;
class PackedTensor;
class SavedTensor;

struct Edge {
    Ref<Node> node;  // null: nobody wants this gradient
    uint32_t input_nr = 0;
    explicit operator bool() const noexcept { return bool(node); }
};

// What a node's output looks like; gradients flowing into the node are brought to this form.
struct OutputInfo {
    SmallVector<int64_t, 4> sizes;
    DType dtype = DType::Float32;
    std::optional<DType> grad_dtype;  // of the gradients; none: any (`Tensor.grad_dtype` of a leaf)
    Device device;
    bool is_tensor = false;  // a custom Function may return other things as well

    OutputInfo() = default;
    explicit OutputInfo(const Tensor& t)
        : sizes(t.sizes()), dtype(t.dtype()), grad_dtype(t.dtype()), device(t.device()),
          is_tensor(true) {}
};

using Grads = SmallVector<Tensor, 3>;

// What a node keeps that is no tensor, as Python is shown it. Integers and sizes are unsigned there, as PyTorch
// shows them; a Scalar is what the user gave.
using SavedNumber = std::variant<std::monostate, bool, int64_t, double, Scalar, std::string, Dims>;

// Shown what a node owns, each reference once: for the binding's garbage collection.
struct OwnedVisitor {
    virtual void node(const Node& n) = 0;
    virtual void tensor(const TensorImpl& t) = 0;
    virtual void packed(const PackedTensor& p) = 0;

protected:
    ~OwnedVisitor() = default;
};

// What a backward pass keeps per node (see Note [State in nodes] in engine.cpp).
struct PassState {
    uint32_t dependencies = 0;  // edges into the node that have not delivered yet
    bool seen = false;
    bool wanted = true;  // leads to one of autograd.grad's inputs
    SmallVector<Tensor, 1> buffer;  // gradients of the node's outputs, as far as summed up
};
inline thread_local bool pass_is_filtered = false;
bool pass_wants(const Node* node) noexcept;

// Hooks of a node. The callables come from the binding; they live in a separate object because
// almost no node has any. Each list runs in order.
struct NodeHooks {
    using PreHook = std::function<void(Grads& grad_outputs)>;
    using PostHook = std::function<void(Grads& grad_inputs, const Grads& grad_outputs)>;
    using TensorHook = std::function<Tensor(const Tensor& grad)>;

    struct OnTensor {
        uint32_t output_nr;  // which output of the node the tensor is
        TensorHook hook;
    };
    std::vector<OnTensor> on_tensor;  // run first
    std::vector<PreHook> pre;
    std::vector<PostHook> post;
    // retain_grad() of outputs: where to put the gradient, after the tensor hooks. The pointer is
    // cleared when the tensor dies.
    struct Retain {
        uint32_t output_nr;
        std::shared_ptr<TensorImpl*> tensor;
    };
    std::vector<Retain> retain;
    // What the binding keeps with the node.
    struct Attachment {
        virtual ~Attachment() = default;
    };
    std::unique_ptr<Attachment> attachment;
    ~NodeHooks();
};

// The number that this thread's next node gets.
inline thread_local uint64_t next_sequence_nr_ = 0;
inline uint64_t next_sequence_nr() noexcept { return next_sequence_nr_; }

class Node : public GraphNode {
public:
    // Derivative: from the gradients of the outputs (undefined: zero) to those of the inputs.
    // Leave an element undefined for zero, or when !needs(i).
    virtual void apply(Grads& grad_outputs, Grads& grad_inputs) = 0;
    // The same for gradients with rows: Note [Rows] in rows.h. Unless the node knows better, one row after the other.
    virtual void apply_rows(const RowView& rows, Grads& grad_outputs, Grads& grad_inputs);
    // PyTorch's class name of the node, e.g. "MulBackward0".
    virtual std::string name() const = 0;
    // As PyTorch prints it in "which is output 0 of Exp".
    virtual std::string short_name() const;
    // Frees what the derivative needs and sets `released` if that was anything: a second backward then fails.
    virtual void release_saved() {}
    // In-place forms have names of their own.
    virtual void rename(const char*) {}
    // `out` has taken the place of the output that is saved, if one is.
    virtual void resave_output(const Tensor&) {}
    // The engine calls apply() only when some gradient is defined, unless the node says that it
    // deals with none as well (custom Functions, accumulation).
    virtual bool handles_undefined() const { return false; }
    // Whether a real operand beside complex ones gets the real part of what apply() gives.
    virtual bool gives_real_parts() const { return false; }
    Tensor zero_gradient(size_t output_nr) const;
    // What nodes of this kind save, PyTorch's `_saved_*` attributes; the names outlive the
    // tensors. "NAME[]" is one of a list of that name. The i-th value is undefined where this node did not need it.
    struct SavedName {
        std::string name;
        bool is_output = false;
        bool is_number = false;  // never a tensor
    };
    virtual std::vector<SavedName> saved_names() const { return {}; }
    virtual Tensor saved_value(size_t) const { return {}; }
    virtual SavedNumber saved_number(size_t) const { return {}; }
    // The i-th as it is stored; null where this node did not need it, or it is a number.
    virtual SavedTensor* saved_slot(size_t) { return nullptr; }
    // The same for hooks of its own: a number that is a saved tensor to PyTorch has become one.
    virtual SavedTensor* hookable_slot(size_t i) { return saved_slot(i); }
    virtual void visit_owned(OwnedVisitor& visitor) const;
    Dims input_sizes(size_t i) const;  // none without an edge
    // Another node of this kind that has saved nothing yet and leads nowhere; null if there is no such thing. See
    // Note [Operations recorded again].
    virtual Ref<Node> again() const { return {}; }

    // Whether the running pass wants the gradient of input i (see engine.cpp).
    bool needs(size_t i) const noexcept {
        return edges[i].node && (!pass_is_filtered || pass_wants(edges[i].node.get()));
    }

    SmallVector<Edge, 2> edges;
    SmallVector<OutputInfo, 1> outputs;
    uint64_t sequence_nr = 0;  // counts the nodes of a thread
    // The levels of the leaves that the node leads to, one bit each: Note [Levels] in transform.h.
    uint64_t levels = 0;
    Site site;
    NodeHooks* hooks = nullptr;
    void* python = nullptr;  // weak pointer to its Python object, if any (cleared by the binding)

    bool is_accumulator = false;  // an AccumulateGrad
    bool released = false;
    uint32_t running =
        0;  // threads that run its derivative: what that reads is not freed meanwhile
    PassState pass;

    void add_edge(Edge&& e) {
        if (e.node) levels |= e.node->levels;
        edges.emplace_back(std::move(e));
    }
    uint32_t add_output(const Tensor& t) {
        outputs.emplace_back(t);
        return uint32_t(outputs.size() - 1);
    }
    NodeHooks& own_hooks() {
        if (!hooks) hooks = new NodeHooks;
        return *hooks;
    }
    static void destroy(Node* n) noexcept { n->on_last_reference(); }

protected:
    Node() : Node(next_sequence_nr_++) {}
    explicit Node(uint64_t number) : sequence_nr(number) {}
    virtual ~Node();
    // Frees the most derived object: `this->~Derived()` and its memory.
    virtual void dispose() noexcept = 0;

private:
    void on_last_reference() noexcept final;
};

// Supplies dispose() and pooled memory to a concrete node type.
template <class Derived>
class NodeOf : public Node {
public:
    template <class... Args>
    static Ref<Derived> make(Args&&... args) {
        return Ref<Derived>(new (pool_allocate(sizeof(Derived)))
                                Derived(std::forward<Args>(args)...));
    }

protected:
    void dispose() noexcept override {
        auto* d = static_cast<Derived*>(this);
        d->~Derived();
        pool_free(d, sizeof(Derived));
    }
};

inline Node* node_of(const Ref<GraphNode>& g) noexcept { return static_cast<Node*>(g.get()); }

// "Trying to backward through the graph a second time ..."
[[noreturn]] void fail_released();

}  // namespace wg
