// Operations that are recorded again without being computed, for selective checkpoints.
// Start with Note [Operations recorded again]; Notes writes down, Replay does it again.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "autograd/saved_tensor.h"

namespace wg {

// Note [Operations recorded again]
// When a checkpointed function runs again, some of its operations have results that were kept. What follows
// needs a history all the same: the nodes of such an operation, with what they save. Which that is is written down the
// first time, while the operation runs: hand_to_hooks() passes every node (hooks are set in a checkpoint), and of
// each is noted where its edges lead and what it saves. Both are inputs or results of the operation, other nodes of
// it, or something that only the operation knows (the deviation of layer_norm), which is then kept as the results
// are. To play that again is to make the nodes anew (Node::again()) with the inputs of now in the place of those
// of then. No code of the operation runs. What was noted can be played once: the tensors go to the graph.
//
// An operation whose results are windows on its inputs has no kernel worth sparing, and one that writes has an
// effect on other tensors: these are not noted, nor is one of which a node cannot be made anew. They run again.

class Replay {
public:
    // The results, with a history that leads to `inputs`, one for each of those at the time.
    std::vector<Tensor> play(std::span<const Tensor> inputs);
    // Whether a result was written to after it was kept.
    bool modified() const noexcept;

private:
    friend class Notes;
    enum class From : uint8_t { Nowhere, Input, Result, Node, Kept };
    struct Place {
        From from = From::Nowhere;
        uint32_t index = 0;  // of the input, the result or the node
        uint32_t output_nr = 0;  // of a node; of what the node saves of its own outputs
    };
    struct Saved {
        size_t slot;
        Place place;
        Tensor kept;
        bool is_output;
    };
    struct NodeMade {
        Ref<Node> node;  // to make others of
        SmallVector<OutputInfo, 1> outputs;
        std::vector<Place> edges;
        std::vector<Saved> saved;
    };
    struct Result {
        Tensor value;  // without history
        uint32_t version;
        Place history;
    };
    std::vector<NodeMade> nodes_;
    std::vector<Result> results_;
};

// Writes down what this thread records in its life.
class Notes {
public:
    explicit Notes(std::span<const Tensor> inputs);
    ~Notes();
    Notes(const Notes&) = delete;
    // Null if it cannot be done again so. The notes end.
    std::unique_ptr<Replay> finish(std::span<const Tensor> results);

    // For hand_to_hooks(): a node, and then what of it is packed.
    void node(const Node& node);
    void saved(const Node& node, size_t slot, const SavedTensor& tensor);

private:
    struct Value {
        size_t slot;
        Tensor tensor;
        bool is_output;
        uint32_t output_nr;
    };
    struct Seen {
        Ref<Node> node;
        std::vector<Value> saved;
    };
    Replay::Place place_of(const Value& value, const Node& node,
                           std::span<const Tensor> results) const;
    Replay::Place place_of(const Edge& edge) const;
    Seen& seen(const Node& node);
    Notes* outer_;
    std::vector<Tensor> inputs_;
    std::vector<Edge> edges_;
    std::vector<Seen> nodes_;
};
inline thread_local Notes* recording_notes = nullptr;

}  // namespace wg
