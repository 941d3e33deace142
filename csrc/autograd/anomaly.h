// Anomaly mode: says which call of the forward pass the failure of a backward pass goes back to, and
// takes NaN for a failure. Start with explain_failure().
//
// Note [Anomaly mode]
// A node knows its Site at all times. In the mode the site of a new node also leads to the calls that were
// in progress, and to the node whose turn made it, if one did. Both are shared: consecutive nodes of one
// function have them in common, so that taking them rarely costs an allocation, and a walk over the frames up to one
// that is known to be of the same call as last time, which has the same callers still (Anchor).
// They become text when a pass fails. The binding keeps the frames (python/bind/site.cpp).
#pragma once

#include <string>

#include "autograd/node.h"

namespace wg {

// Of the process, as in PyTorch.
struct AnomalyMode {
    bool enabled = false;
    bool check_nan = true;
};
inline AnomalyMode anomaly_mode;

// A node whose turn recorded others, as far as messages need it: it keeps no graph alive.
struct Cause {
    uint32_t refs = 0;
    std::string name;
    Site site;
    static void destroy(Cause* c) noexcept { delete c; }
};

// A node's turn in a pass; nodes recorded meanwhile are its doing.
class Turn {
public:
    explicit Turn(const Node& node) noexcept;
    ~Turn();
    Turn(const Turn&) = delete;
    // Of the turn that this thread is in; null outside.
    static Ref<Cause> current_cause();

private:
    const Node& node_;
    Ref<Cause> cause_;  // made when first asked for
    Turn* outer_;
};

// RuntimeError if one of the gradients that the node returned contains NaN.
void check_for_nan(const Node& node, const Grads& grads);

// Warns where the node was recorded, and what induced that. For the handler of the exception its turn ended with.
void explain_failure(const Node& node) noexcept;

}  // namespace wg
