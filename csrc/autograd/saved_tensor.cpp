#include "autograd/saved_tensor.h"

#include <algorithm>
#include <numeric>

#include "autograd/anomaly.h"
#include "autograd/forward.h"
#include "autograd/meta.h"
#include "autograd/replay.h"
#include "tensor/shape.h"
#include "tensor/unlocked.h"

namespace wg {

SavedTensor::SavedTensor(const Tensor& t, const Node* output_of) {
    if (!t.defined()) return;
    if ((t->inference || t->untracked) && !is_admitted(t)) [[unlikely]]
        fail_inference(t);
    version_ = t.version();
    if (output_of) {
        // Holding the output itself would make a cycle with its grad_fn.
        is_output_ = true;
        output_nr_ = t->output_nr;
        data_ = alias(t);
        if (forward_mode()) [[unlikely]]
            share_tangents(data_, t);
    } else {
        had_node_ = bool(t->grad_fn);
        data_ = t;
    }
}

void SavedTensor::fail_inference(const Tensor& t) {
    fail(
        ErrorKind::Runtime,
        t->inference
            ? "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
              "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
              "use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
            : kNoVersions);
}

void SavedTensor::fail_modified(const Node* owner) const {
    WG_CHECK(
        !was_detached(),
        "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, "
        "please use out-of-place `.detach()` instead");
    std::string message = str(
        "one of the variables needed for gradient computation has been modified by an inplace operation: [",
        tensor_type_name(data_.dtype()), " ", to_string(data_.sizes()), "]");
    const Node* fn = is_output_ ? owner : grad_fn(data_);
    if (fn)
        message +=
            str(", which is output ", is_output_ ? output_nr_ : 0, " of ", fn->short_name(), ",");
    message += str(
        " is at version ", data_.version(), "; expected version ", version_, " instead. Hint: ",
        anomaly_mode.enabled
            ? "the backtrace further above shows the operation that failed to compute its gradient. The variable in "
              "question was changed in there or anywhere later. Good luck!"
            : "enable anomaly detection to find the operation that failed to compute its gradient, with "
              "torch.autograd.set_detect_anomaly(True, check_nan=False).");
    fail(ErrorKind::Runtime, message);
}

namespace {

// The values of `t` as a tensor whose gradient goes along the edge.
Tensor with_edge(const Tensor& t, const Edge& edge) {
    Tensor r = alias(t);
    if (forward_mode()) [[unlikely]]
        share_tangents(r, t);
    if (!edge) return r;
    if (edge.node->is_accumulator) {
        r->requires_grad = true;
        own_meta(r).accumulator_of_another = edge.node;
    } else {
        r->grad_fn = Ref<GraphNode>(edge.node.get());
        r->output_nr = edge.input_nr;
    }
    return r;
}

}  // namespace

Tensor SavedTensor::unpack(const Node* owner) const {
    if (!defined()) return {};
    const Edge own{is_output_ ? Ref<Node>(const_cast<Node*>(owner)) : Ref<Node>(), output_nr_};
    if (const Ref<Packed> packed = packed_) {  // another pass may take it while the hook runs
        const Tensor t = packed->value->unpack();
        return with_edge(t, own.node ? own : packed->edge);
    }
    unpack_data(owner);
    return is_output_ ? with_edge(data_, own) : data_;
}

void SavedTensor::pack(SavedTensorHooks& hooks, const Node* owner, bool detached) {
    // Not checked here: the hooks take care of the values from now on.
    const Tensor t =
        is_output_ ? with_edge(data_, {Ref<Node>(const_cast<Node*>(owner)), output_nr_}) : data_;
    const uint32_t version = t.version();
    Ref<Packed> packed(new Packed);
    if (!is_output_) packed->edge = gradient_edge(t);
    {
        GradMode off(false);
        packed->value = hooks.pack(detached ? detach(t) : t);
    }
    WG_CHECK(
        version == t.version(),
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
        "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you "
        "need to perform in-place operations on the input to a pack hook.");
    packed_ = std::move(packed);
    data_ = Tensor();
}

void SavedTensor::visit_owned(OwnedVisitor& visitor) const {
    if (data_.defined()) visitor.tensor(*data_.impl());
    if (!packed_) return;
    visitor.packed(*packed_->value);
    if (packed_->edge) visitor.node(*packed_->edge.node);
}

namespace {

// The saved tensors of a node, in PyTorch's order.
std::vector<size_t> saved_order(const Node& node) {
    const std::vector<Node::SavedName> names = node.saved_names();
    std::vector<size_t> order(names.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::ranges::stable_sort(order, {}, [&](size_t i) {
        return std::pair(names[i].is_output, std::string_view(names[i].name));
    });
    return order;
}

thread_local PackLater* pack_later_ = nullptr;

}  // namespace

void Unpacked::unpack(Node& node) {
    try {
        SmallVector<SavedTensor*, 4> slots;
        for (const size_t i : saved_order(node))
            if (SavedTensor* s = node.saved_slot(i)) slots.push_back(s);
        const auto unpack = [&](SavedTensor* s) {
            const Tensor t = s->unpack(&node);
            if (s->is_packed())
                packed_.emplace_back(s, std::exchange(*s, SavedTensor::unpacked(t)));
        };
        for (SavedTensor* s : slots) unpack(s);
        // While a hook ran other passes may have put back what they had unpacked.
        const auto is_packed = [](const SavedTensor* s) { return s->is_packed(); };
        for (auto s = slots.begin();
             (s = std::find_if(slots.begin(), slots.end(), is_packed)) != slots.end();)
            unpack(*s);
    } catch (...) {
        restore();
        throw;
    }
}

void check_saved(Node& node) {
    for (const size_t i : saved_order(node))
        if (const SavedTensor* s = node.saved_slot(i)) s->unpack(&node);
}

void Unpacked::restore() noexcept {
    for (auto& [slot, packed] : packed_) {
        if (!slot->defined()) continue;  // a pass that ran meanwhile has freed it
        if (slot->stored().defined()) keep_for_loops(slot->stored()->storage);  // of such a pass
        *slot = std::move(packed);
    }
}

void hand_to_hooks(Node& node) {
    if (pack_later_) {
        pack_later_->nodes_.emplace_back(&node);
        return;
    }
    if (recording_notes) recording_notes->node(node);
    for (const size_t i : saved_order(node)) {
        if (!saved_tensor_hooks) return;  // a hook has ended its own context
        if (SavedTensor* s = node.saved_slot(i); s && s->defined() && !s->is_packed()) {
            if (recording_notes) recording_notes->saved(node, i, *s);
            s->pack(*saved_tensor_hooks, &node, false);
        }
    }
}

PackLater::PackLater() noexcept : previous_(std::exchange(pack_later_, this)) {}

PackLater::~PackLater() {
    if (pack_later_ == this) pack_later_ = previous_;
}

void PackLater::finish() {
    pack_later_ = previous_;
    for (const Ref<Node>& n : std::exchange(nodes_, {})) hand_to_hooks(*n);
}

}  // namespace wg
