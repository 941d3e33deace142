#include "autograd/node.h"

#include <algorithm>
#include <numeric>

#include "autograd/meta.h"
#include "tensor/shape.h"

namespace wg {

namespace {
uint64_t next_sequence_nr_ = 0;

// Note [Destroying graphs]
// The last reference to a loss frees its whole graph. Freeing a node drops its edges, which may free
// the next node: recursion would overflow the stack on a deep graph. So a node that dies while
// another is being disposed of is put on a list, chained through `python`, which a dead node
// does not need, and the outermost call works the list off.
Node* dying_ = nullptr;
bool disposing_ = false;

}  // namespace

Node::Node() : sequence_nr(next_sequence_nr_++) {}

Node::~Node() { delete hooks; }

void (*forget_python_node)(Node*) noexcept = nullptr;

void Node::on_last_reference() noexcept {
    if (python && forget_python_node) forget_python_node(this);
    python = dying_;
    dying_ = this;
    if (disposing_) return;
    disposing_ = true;
    while (dying_) {
        Node* n = dying_;
        dying_ = static_cast<Node*>(n->python);
        n->python = nullptr;
        n->dispose();
    }
    disposing_ = false;
}

// "Mul" of MulBackward0 and MulBackward; "Pow1" of PowBackward1.
std::string Node::short_name() const {
    std::string s = name();
    std::string number;
    if (!s.empty() && s.back() >= '0' && s.back() <= '9') {
        if (s.back() != '0') number = s.back();
        s.pop_back();
    }
    return s.ends_with("Backward") ? s.substr(0, s.size() - 8) + number : name();
}

void Node::visit_owned(OwnedVisitor& visitor) const {
    for (const Edge& e : edges)
        if (e.node) visitor.node(*e.node);
}

SavedTensor::SavedTensor(const Tensor& t, const Node* output_of) {
    if (!t.defined()) return;
    version_ = t.version();
    if (output_of) {
        // Holding the output itself would make a cycle with its grad_fn.
        is_output_ = true;
        output_nr_ = t->output_nr;
        data_ = alias(t);
    } else {
        had_node_ = bool(t->grad_fn);
        data_ = t;
    }
}

void SavedTensor::fail_modified(const Node* owner) const {
    WG_CHECK(
        data_.version() != version_,
        "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, "
        "please use out-of-place `.detach()` instead");
    // PyTorch names the two dtypes without a legacy tensor type of their own in another way.
    const DTypeInfo& dtype = info(data_.dtype());
    const bool unnamed = data_.dtype() == DType::Bool || data_.dtype() == DType::BFloat16;
    std::string message = str(
        "one of the variables needed for gradient computation has been modified by an inplace operation: [",
        unnamed ? str("CPU", dtype.scalar_name, "Type") : str("torch.", dtype.legacy_name), " ",
        to_string(data_.sizes()), "]");
    const Node* fn = is_output_ ? owner : grad_fn(data_);
    if (fn)
        message += str(", which is output ", is_output_ ? output_nr_ : data_->output_nr, " of ",
                       fn->short_name(), ",");
    message += str(
        " is at version ", data_.version(), "; expected version ", version_,
        " instead. Hint: enable anomaly detection to find the operation that failed to compute its "
        "gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).");
    fail(ErrorKind::Runtime, message);
}

Tensor SavedTensor::unpack(const Node* owner) const {
    if (!data_.defined()) return {};
    unpack_data(owner);
    if (!is_output_) return data_;
    Tensor t = alias(data_);
    t->grad_fn = Ref<GraphNode>(const_cast<Node*>(owner));
    t->output_nr = output_nr_;
    return t;
}

void unpack_in_order(const Node& node) {
    const std::vector<Node::SavedName> names = node.saved_names();
    std::vector<size_t> order(names.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::ranges::sort(order, {}, [&](size_t i) {
        return std::pair(names[i].is_output, std::string_view(names[i].name));
    });
    for (size_t i : order) node.saved_value(i);
}

void fail_released() {
    fail(
        ErrorKind::Runtime,
        "Trying to backward through the graph a second time (or directly access saved tensors after they have "
        "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
        "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if "
        "you need to access saved tensors after calling backward.");
}

}  // namespace wg
