// What a node keeps for its derivative. Start with SavedTensor; hooks may stand between it and its
// value (Note [Saved tensor hooks]).
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "autograd/node.h"

namespace wg {

// Note [Saved tensor hooks]
// While hooks are set (saved_tensor_hooks, one pointer per thread) everything that a node saves is handed to
// them once the node has its place in the graph, and what they return is kept instead (pack_saved).
// Derivatives know nothing of this: before one runs, Unpacked puts the tensors back for the time of the run. In-place
// operations first save the result of the operation that they are made of, so they wait (PackLater).

// What the hooks made of a saved tensor.
class PackedTensor {
public:
    virtual ~PackedTensor() = default;
    virtual Tensor unpack() const = 0;
};

class SavedTensorHooks {
public:
    virtual std::unique_ptr<PackedTensor> pack(const Tensor& t) = 0;

protected:
    ~SavedTensorHooks() = default;
};
inline thread_local SavedTensorHooks* saved_tensor_hooks = nullptr;

// Saved value of an input or output, checked on the way back.
class SavedTensor {
public:
    SavedTensor() = default;
    // `output_of`: the node being recorded when the tensor is its own output.
    SavedTensor(const Tensor& t, const Node* output_of);
    explicit SavedTensor(const Tensor& t) : SavedTensor(t, nullptr) {}
    // The same for a defined tensor, in place of one that is not packed.
    void keep(const Tensor& t) {
        if ((t->inference || t->untracked) && !is_admitted(t)) [[unlikely]]
            fail_inference(t);
        data_ = t;
        version_ = t.version();
        had_node_ = bool(t->grad_fn);
    }
    // For a time: what hooks have unpacked may be an inference tensor.
    static SavedTensor unpacked(const Tensor& t) noexcept {
        SavedTensor s;
        s.data_ = t;
        s.version_ = t.version();
        s.had_node_ = bool(t->grad_fn);
        return s;
    }
    bool defined() const noexcept { return data_.defined() || packed_; }
    bool is_output() const noexcept { return is_output_; }
    uint32_t output_nr() const noexcept { return output_nr_; }
    bool is_packed() const noexcept { return bool(packed_); }
    const PackedTensor* packed() const noexcept { return packed_ ? packed_->value.get() : nullptr; }
    // As it is kept: an output as an alias. Undefined where hooks have packed it.
    const Tensor& stored() const noexcept { return data_; }
    // The tensor with its history; RuntimeError if it was modified since.
    Tensor unpack(const Node* owner) const;
    // The values only: what a derivative that is not itself recorded needs. Not of one that is packed.
    const Tensor& unpack_data(const Node* owner) const {
        if (modified()) [[unlikely]]
            fail_modified(owner);
        return data_;
    }
    // Whether it can be used as it is.
    bool is_ready() const noexcept { return !packed_ && (!data_.defined() || !modified()); }
    // Hands the tensor to the hooks and keeps what they return. `detached`: they get no history with it.
    void pack(SavedTensorHooks& hooks, const Node* owner, bool detached);
    void reset() noexcept {
        data_ = Tensor();
        packed_.reset();
    }
    void visit_owned(OwnedVisitor& visitor) const;

private:
    struct Packed {
        uint32_t refs = 0;
        std::unique_ptr<PackedTensor> value;
        Edge edge;  // where the gradient of the tensor goes; that of an output to its owner
        static void destroy(Packed* p) noexcept { delete p; }
    };
    // Of one that is defined and not packed.
    bool modified() const noexcept {
        return (data_->version && *data_->version != version_) || was_detached();
    }
    bool was_detached() const noexcept { return had_node_ && !data_->grad_fn && !data_->view_base; }
    [[noreturn]] void fail_modified(const Node* owner) const;
    // An inference tensor from outside of a transform that runs (Note [Levels]).
    static bool is_admitted(const Tensor& t) noexcept {
        return t->inference && t->level < transform_level;
    }
    [[noreturn]] static void fail_inference(const Tensor& t);
    Tensor data_;
    Ref<Packed> packed_;
    uint32_t version_ = 0;
    uint32_t output_nr_ = 0;
    bool is_output_ = false;
    bool had_node_ = false;
};

// For a node whose derivative does not run because no gradient arrived: the errors are the same.
void check_saved(Node& node);

// Makes all that a node saved ready for its derivative, whatever of that a pass needs: nothing may have been
// modified, and for as long as this lives what hooks have packed is unpacked. As in PyTorch inputs come first,
// by their names, then outputs: the first that was modified is the one that the error names.
class Unpacked {
public:
    Unpacked(Node& node, std::span<const SavedTensor> saved) {
        for (const SavedTensor& s : saved)
            if (!s.is_ready()) [[unlikely]] {
                unpack(node);
                return;
            }
    }
    ~Unpacked() {
        if (!packed_.empty()) [[unlikely]]
            restore();
    }
    Unpacked(const Unpacked&) = delete;

private:
    void unpack(Node& node);
    void restore() noexcept;
    std::vector<std::pair<SavedTensor*, SavedTensor>> packed_;
};

// To be called when the node has saved what it needs, and again when it saves more.
void hand_to_hooks(Node& node);
inline void pack_saved(Node& node) {
    if (saved_tensor_hooks) [[unlikely]]
        hand_to_hooks(node);
}

// Nodes recorded in its life are packed when finish() says that they are complete.
class PackLater {
public:
    PackLater() noexcept;
    ~PackLater();
    void finish();
    PackLater(const PackLater&) = delete;

private:
    friend void hand_to_hooks(Node& node);
    PackLater* previous_;
    std::vector<Ref<Node>> nodes_;
};

}  // namespace wg
