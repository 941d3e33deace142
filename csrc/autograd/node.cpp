#include "autograd/node.h"

#include "autograd/meta.h"
#include "tensor/shape.h"

namespace wg {

namespace {
// Note [Destroying graphs]
// The last reference to a loss frees its whole graph. Freeing a node drops its edges, which may free
// the next node: recursion would overflow the stack on a deep graph. So a node that dies while
// another is being disposed of is put on a list, chained through `python`, which a dead node
// does not need, and the outermost call works the list off.
Node* dying_ = nullptr;
bool disposing_ = false;

}  // namespace

NodeHooks::~NodeHooks() = default;

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

Dims Node::input_sizes(size_t i) const {
    const Edge& e = edges[i];
    return e ? Dims(IntSpan(e.node->outputs[e.input_nr].sizes)) : Dims();
}

void Node::visit_owned(OwnedVisitor& visitor) const {
    for (const Edge& e : edges)
        if (e.node) visitor.node(*e.node);
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
