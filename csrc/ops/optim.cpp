// Optimizer steps over lists of parameters: one call updates them all, one pass over the elements each.
#include "ops/optim.h"

#include <cmath>

#include "autograd/record.h"
#include "cpu/optim.h"
#include "ops/functions.h"

namespace wg {
namespace {

// A tensor to read or write element by element next to the parameter: the tensor itself when it is laid
// out alike, else a copy, written back by the destructor when `writes`. Complex numbers count as two real ones.
class Lane {
public:
    Lane(const Tensor& t, const Tensor& like, bool writes) : target_(t), writes_(writes) {
        if (writes) target_.bump_version();  // or fails, which the destructor could not
        const bool alike = t.dtype() == like.dtype() && t.is_contiguous();
        values_ = alike ? t : contiguous(to_dtype(detach(t), like.dtype(), true));
    }
    ~Lane() {
        if (writes_ && !values_.is_same(target_)) copy_values(target_, values_);
    }
    Lane(const Lane&) = delete;
    char* data() const { return values_.address(); }  // it is contiguous

private:
    Tensor target_, values_;
    bool writes_;
};

// The real numbers that a parameter consists of.
struct Elements {
    DType dtype;
    int64_t count;
};
Elements elements_of(const Tensor& t, const char* name) {
    const bool pairs = is_complex(t.dtype());
    const DType dtype = pairs ? to_real(t.dtype()) : t.dtype();
    WG_CHECK_NOT_IMPLEMENTED(is_floating(dtype), "\"", name, "\" not implemented for '",
                             info(dtype).scalar_name, "'");
    return {dtype, pairs ? 2 * t.numel() : t.numel()};
}

void check_lists(const char* name, const TensorList& params, const TensorList& others) {
    WG_CHECK(params.size() == others.size(), name, ": lists of different lengths: ", params.size(),
             " and ", others.size());
    for (size_t i = 0; i < params.size(); ++i)
        WG_CHECK(!others[i].defined() || params[i].numel() == others[i].numel(), name,
                 ": parameter ", i, " has ", params[i].numel(), " elements, its state or gradient ",
                 others[i].numel());
}

}  // namespace

void sgd_step(const TensorList& params, const TensorList& grads, TensorList& momentum_buffers,
              const SgdOptions& o) {
    Unrecorded off;
    check_lists("sgd", params, grads);
    for (size_t k = 0; k < params.size(); ++k) {
        const Tensor& p = params[k];
        bool first = false;
        if (o.momentum != 0 && !momentum_buffers[k].defined()) {
            momentum_buffers[k] = empty_like(p);
            first = true;
        }
        const Elements e = elements_of(p, "sgd");
        std::optional<Lane> buffer;
        if (o.momentum != 0) buffer.emplace(momentum_buffers[k], p, true);
        const Lane param(p, p, true), grad(grads[k], p, false);
        sgd_pass(e.dtype,
                 {o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, first},
                 param.data(), grad.data(), buffer ? buffer->data() : nullptr, e.count);
    }
}

void adam_step(const TensorList& params, const TensorList& grads, const TensorList& exp_avgs,
               const TensorList& exp_avg_sqs, const TensorList& max_exp_avg_sqs,
               const TensorList& steps, const AdamOptions& o) {
    Unrecorded off;
    check_lists("adam", params, grads);
    check_lists("adam", params, exp_avgs);
    check_lists("adam", params, exp_avg_sqs);
    if (o.amsgrad) check_lists("adam", params, max_exp_avg_sqs);
    WG_CHECK(params.size() == steps.size(), "adam: lists of different lengths");
    for (size_t k = 0; k < params.size(); ++k) {
        const Tensor& p = params[k];
        const Elements e = elements_of(p, "adam");
        const double step = steps[k].to_double() + 1;
        steps[k].bump_version();
        fill_values(steps[k], Scalar(step));
        const double step_size = o.lr / (1 - std::pow(o.beta1, step));
        const double root = std::sqrt(1 - std::pow(o.beta2, step));
        const Lane param(p, p, true), grad(grads[k], p, false), avg(exp_avgs[k], p, true),
            sq(exp_avg_sqs[k], p, true);
        std::optional<Lane> max_sq;
        if (o.amsgrad) max_sq.emplace(max_exp_avg_sqs[k], p, true);
        adam_pass(e.dtype,
                  {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, step_size, root, o.maximize,
                   o.decoupled},
                  param.data(), grad.data(), avg.data(), sq.data(),
                  max_sq ? max_sq->data() : nullptr, e.count);
    }
}

}  // namespace wg
