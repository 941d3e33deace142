#include "autograd/anomaly.h"

#include <algorithm>

#include "cpu/nan.h"
#include "ops/elementwise.h"
#include "ops/functions.h"
#include "tensor/grad_mode.h"
#include "tensor/shape.h"

namespace wg {

namespace {

thread_local Turn* turn_ = nullptr;

bool has_nan(const Tensor& t) {
    if (t.dtype() == DType::Float32 || t.dtype() == DType::Float64) {
        if (t.is_contiguous()) return any_nan(t.dtype(), t.raw(), t.numel());
        // In whatever order the elements lie, and each once where they are expanded.
        Dims sizes;
        int64_t n = 1;
        for (int64_t d = 0; d < t.dim(); ++d) {
            sizes.push_back(t.strides()[d] == 0 ? std::min<int64_t>(t.sizes()[d], 1)
                                                : t.sizes()[d]);
            n *= sizes.back();
        }
        if (is_dense(sizes, t.strides())) return any_nan(t.dtype(), t.raw(), n);
    }
    const GradMode off(false);
    return is_differentiable(t.dtype()) && any(isnan(t)).to_int() != 0;
}

// PyTorch says where in its own source it warns.
std::string triggered_at(int line) {
    return str(
        " (Triggered internally at /__w/pytorch/pytorch/torch/csrc/autograd/python_anomaly_mode.cpp:",
        line, ".)");
}

// `induced`: not the failure itself but what it goes back to.
void warn_of(const std::string& name, const Site& site, bool induced) {
    const std::string calls = site_provider.stack ? site_provider.stack(site) : std::string();
    if (calls.empty()) {
        warn(
            WarningKind::User,
            str("Error detected in ", name,
                ". No forward pass information available. Enable detect anomaly during forward pass "
                "for more information.",
                triggered_at(100)));
    } else if (induced) {
        warn(WarningKind::User,
             str("\n\nPrevious calculation was induced by ", name,
                 ". Traceback of forward call that induced the previous calculation:\n", calls,
                 triggered_at(129)));
    } else {
        warn(WarningKind::User,
             str("Error detected in ", name, ". Traceback of forward call that caused the error:\n",
                 calls, triggered_at(122)));
    }
}

}  // namespace

Turn::Turn(const Node& node) noexcept : node_(node), outer_(std::exchange(turn_, this)) {}

Turn::~Turn() { turn_ = outer_; }

Ref<Cause> Turn::current_cause() {
    if (!turn_) return {};
    if (!turn_->cause_)
        turn_->cause_ = Ref<Cause>(new Cause{0, turn_->node_.name(), turn_->node_.site});
    return turn_->cause_;
}

void check_for_nan(const Node& node, const Grads& grads) {
    for (size_t i = 0; i < grads.size(); ++i)
        WG_CHECK(!grads[i].defined() || !has_nan(grads[i]), "Function '", node.name(),
                 "' returned nan values in its ", i, "th output.");
}

void explain_failure(const Node& node) noexcept {
    try {
        warn_of(node.name(), node.site, false);
        const auto cause_of = [](const Site& site) {
            return site_provider.cause ? site_provider.cause(site) : nullptr;
        };
        for (const Cause* c = cause_of(node.site); c; c = cause_of(c->site))
            warn_of(c->name, c->site, true);
    } catch (...) {
        // The failure itself is what the user has to see.
    }
}

}  // namespace wg
