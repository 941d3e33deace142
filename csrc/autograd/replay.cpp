#include "autograd/replay.h"

#include <algorithm>

#include "autograd/forward.h"
#include "autograd/meta.h"

namespace wg {

// --- the first time ---

Notes::Notes(std::span<const Tensor> inputs)
    : outer_(recording_notes), inputs_(inputs.begin(), inputs.end()) {
    for (const Tensor& t : inputs_)
        edges_.push_back(grad_enabled() && requires_grad(t) ? gradient_edge(t) : Edge());
    recording_notes = this;
}

Notes::~Notes() {
    if (recording_notes == this) recording_notes = outer_;
}

Notes::Seen& Notes::seen(const Node& node) {
    for (Seen& s : nodes_)
        if (s.node.get() == &node) return s;
    return nodes_.emplace_back(Seen{Ref<Node>(const_cast<Node*>(&node)), {}});
}

void Notes::node(const Node& node) {
    seen(node);
    if (outer_) outer_->node(node);
}

void Notes::saved(const Node& node, size_t slot, const SavedTensor& tensor) {
    seen(node).saved.push_back({slot, tensor.stored(), tensor.is_output(), tensor.output_nr()});
    if (outer_) outer_->saved(node, slot, tensor);
}

Replay::Place Notes::place_of(const Edge& edge) const {
    for (size_t i = 0; i < edges_.size(); ++i)
        if (edges_[i].node == edge.node && edges_[i].input_nr == edge.input_nr)
            return {Replay::From::Input, uint32_t(i), 0};
    for (size_t k = 0; k < nodes_.size(); ++k)
        if (nodes_[k].node == edge.node) return {Replay::From::Node, uint32_t(k), edge.input_nr};
    return {};
}

Replay::Place Notes::place_of(const Value& value, const Node& node,
                              std::span<const Tensor> results) const {
    const auto index = [](std::span<const Tensor> tensors, auto is_it) {
        return uint32_t(std::ranges::find_if(tensors, is_it) - tensors.begin());
    };
    const uint32_t i = index(inputs_, [&](const Tensor& t) { return t.is_same(value.tensor); });
    if (i < inputs_.size()) return {Replay::From::Input, i, 0};
    const uint32_t j = index(results, [&](const Tensor& t) {
        if (!value.is_output) return t.is_same(value.tensor);
        return t.defined() && node_of(t->grad_fn) == &node && t->output_nr == value.output_nr;
    });
    if (j < results.size()) return {Replay::From::Result, j, value.output_nr};
    return {Replay::From::Kept, 0, value.output_nr};
}

std::unique_ptr<Replay> Notes::finish(std::span<const Tensor> results) {
    if (recording_notes == this) recording_notes = outer_;
    for (const Tensor& r : results)
        for (const Tensor& t : inputs_)
            if (r.defined() && r->storage == t->storage) return {};
    if (forward_mode())
        for (const Tensor& t : inputs_)
            if (has_tangent(t)) return {};

    auto replay = std::make_unique<Replay>();
    for (const Seen& s : nodes_) {
        Replay::NodeMade& made = replay->nodes_.emplace_back();
        made.node = s.node->again();
        if (!made.node) return {};
        made.outputs = s.node->outputs;
        for (const Edge& e : s.node->edges) {
            made.edges.push_back(e ? place_of(e) : Replay::Place());
            if (e && made.edges.back().from == Replay::From::Nowhere) return {};
        }
        for (const Value& v : s.saved) {
            Replay::Saved& to = made.saved.emplace_back();
            to.slot = v.slot;
            to.is_output = v.is_output;
            to.place = place_of(v, *s.node, results);
            if (to.place.from == Replay::From::Kept) to.kept = detach(v.tensor);
        }
    }
    for (const Tensor& r : results) {
        Replay::Result& to = replay->results_.emplace_back();
        if (!r.defined()) continue;
        to.value = detach(r);
        to.version = r->inference ? 0 : r.version();
        if (!r->grad_fn) {
            if (r->requires_grad) return {};
            continue;
        }
        to.history = place_of({Ref<Node>(node_of(r->grad_fn)), r->output_nr});
        if (to.history.from != Replay::From::Node) return {};
    }
    return replay;
}

// --- again ---

bool Replay::modified() const noexcept {
    return std::ranges::any_of(results_, [](const Result& r) {
        return r.value.defined() && !r.value->inference && r.value.version() != r.version;
    });
}

std::vector<Tensor> Replay::play(std::span<const Tensor> inputs) {
    std::vector<Tensor> results;
    for (const Result& r : results_)
        results.push_back(!r.value.defined()   ? Tensor()
                          : r.value->inference ? detach(r.value)
                                               : alias(r.value));
    const bool records = grad_enabled() && std::ranges::any_of(inputs, [](const Tensor& t) {
                             return requires_grad(t);
                         });
    if (!records || nodes_.empty()) return results;

    std::vector<Ref<Node>> nodes;
    for (const NodeMade& made : nodes_) {
        Ref<Node> node = made.node->again();
        for (const Place& p : made.edges) {
            Edge e;
            if (p.from == From::Input) e = gradient_edge(inputs[p.index]);
            if (p.from == From::Node) e = {nodes[p.index], p.output_nr};
            node->add_edge(std::move(e));
        }
        node->outputs = made.outputs;
        node->site.capture();
        nodes.push_back(std::move(node));
    }
    for (size_t j = 0; j < results.size(); ++j) {
        const Place& p = results_[j].history;
        if (p.from != From::Node) continue;
        results[j]->grad_fn = Ref<GraphNode>(nodes[p.index].get());
        results[j]->output_nr = p.output_nr;
    }
    for (size_t k = 0; k < nodes.size(); ++k) {
        Node& node = *nodes[k];
        for (Saved& s : nodes_[k].saved) {
            Tensor t = s.place.from == From::Input    ? inputs[s.place.index]
                       : s.place.from == From::Result ? results[s.place.index]
                                                      : std::move(s.kept);
            SavedTensor* slot = node.saved_slot(s.slot);
            if (!slot) continue;
            if (s.is_output && s.place.from == From::Kept) t->output_nr = s.place.output_nr;
            *slot = SavedTensor(t, s.is_output ? &node : nullptr);
        }
        pack_saved(node);
    }
    return results;
}

}  // namespace wg
