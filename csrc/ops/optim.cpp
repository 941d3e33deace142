// Optimizer steps over lists of parameters: one call updates them all, element by element in one pass.
// SGD with momentum: Sutskever et al., 2013; Adam: Kingma and Ba, 2015; AdamW: Loshchilov and Hutter, 2019.
#include "ops/optim.h"

#include <cmath>

#include "autograd/record.h"
#include "cpu/thread_pool.h"
#include "ops/functions.h"

namespace wg {
namespace {

constexpr int64_t kGrain = 16384;

// Runs f(i) for i < n over the threads.
template <class F>
void each(int64_t n, F f) {
    parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) { f(begin, end); });
}

// A tensor to read or write element by element next to the parameter: the tensor itself when it is laid
// out alike, else a copy, written back by the destructor when `writes`.
class Lane {
public:
    Lane(const Tensor& t, const Tensor& like, bool writes) : target_(t), writes_(writes) {
        const bool alike = t.dtype() == like.dtype() && t.is_contiguous();
        values_ = alike ? t : contiguous(to_dtype(detach(t), like.dtype(), true));
    }
    ~Lane() {
        if (writes_ && !values_.is_same(target_)) copy_values(target_, values_);
        if (writes_) target_.bump_version();
    }
    Lane(const Lane&) = delete;
    template <class T>
    T* data() const {
        return values_.data<T>();
    }

private:
    Tensor target_, values_;
    bool writes_;
};

template <class F>
void visit_floats(DType d, const char* name, F f) {
    switch (d) {
    case DType::Float32: return f(TypeTag<float>{});
    case DType::Float64: return f(TypeTag<double>{});
    case DType::Float16: return f(TypeTag<Half>{});
    case DType::BFloat16: return f(TypeTag<BFloat16>{});
    default:
        fail(ErrorKind::NotImplemented,
             str("\"", name, "\" not implemented for '", info(d).scalar_name, "'"));
    }
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
    GradMode off(false);
    check_lists("sgd", params, grads);
    for (size_t k = 0; k < params.size(); ++k) {
        const Tensor& p = params[k];
        bool first = false;
        if (o.momentum != 0 && !momentum_buffers[k].defined()) {
            momentum_buffers[k] = empty_like(p);
            first = true;
        }
        const Lane param(p, p, true), grad(grads[k], p, false);
        std::optional<Lane> buffer;
        if (o.momentum != 0) buffer.emplace(momentum_buffers[k], p, true);
        visit_floats(p.dtype(), "sgd", [&](auto tag) {
            using T = typename decltype(tag)::type;
            using C = compute_type<T>;
            T* x = param.data<T>();
            const T* g = grad.data<T>();
            T* m = buffer ? buffer->data<T>() : nullptr;
            const C lr = C(o.lr), momentum = C(o.momentum), keep = C(1 - o.dampening),
                    decay = C(o.weight_decay);
            const C sign = o.maximize ? C(-1) : C(1);
            each(p.numel(), [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                    C d = C(g[i]) * sign;
                    if (o.weight_decay != 0) d += decay * C(x[i]);
                    if (m) {
                        const C v = first ? d : C(m[i]) * momentum + keep * d;
                        m[i] = T(v);
                        d = o.nesterov ? d + momentum * v : v;
                    }
                    x[i] = T(C(x[i]) - lr * d);
                }
            });
        });
    }
}

void adam_step(const TensorList& params, const TensorList& grads, const TensorList& exp_avgs,
               const TensorList& exp_avg_sqs, const TensorList& max_exp_avg_sqs,
               const TensorList& steps, const AdamOptions& o) {
    GradMode off(false);
    check_lists("adam", params, grads);
    check_lists("adam", params, exp_avgs);
    check_lists("adam", params, exp_avg_sqs);
    if (o.amsgrad) check_lists("adam", params, max_exp_avg_sqs);
    WG_CHECK(params.size() == steps.size(), "adam: lists of different lengths");
    for (size_t k = 0; k < params.size(); ++k) {
        const Tensor& p = params[k];
        const double step = steps[k].to_double() + 1;
        fill_values(steps[k], Scalar(step));
        steps[k].bump_version();
        const double correction1 = 1 - std::pow(o.beta1, step);
        const double correction2_sqrt = std::sqrt(1 - std::pow(o.beta2, step));
        const Lane param(p, p, true), grad(grads[k], p, false), avg(exp_avgs[k], p, true),
            sq(exp_avg_sqs[k], p, true);
        std::optional<Lane> max_sq;
        if (o.amsgrad) max_sq.emplace(max_exp_avg_sqs[k], p, true);
        visit_floats(p.dtype(), "adam", [&](auto tag) {
            using T = typename decltype(tag)::type;
            using C = compute_type<T>;
            T* x = param.data<T>();
            const T* g = grad.data<T>();
            T* m = avg.data<T>();
            T* v = sq.data<T>();
            T* top = max_sq ? max_sq->data<T>() : nullptr;
            const C w1 = C(1 - o.beta1), beta2 = C(o.beta2), w2 = C(1 - o.beta2), eps = C(o.eps);
            const C step_size = C(o.lr / correction1), root = C(correction2_sqrt),
                    decay = C(o.weight_decay);
            const C shrink = C(1 - o.lr * o.weight_decay), sign = o.maximize ? C(-1) : C(1);
            const bool couples = o.weight_decay != 0 && !o.decoupled,
                       decouples = o.weight_decay != 0 && o.decoupled;
            each(p.numel(), [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                    C d = C(g[i]) * sign, w = C(x[i]);
                    if (decouples) w *= shrink;
                    if (couples) d += decay * w;
                    const C mi = C(m[i]) + w1 * (d - C(m[i]));
                    const C vi = C(v[i]) * beta2 + w2 * d * d;
                    m[i] = T(mi);
                    v[i] = T(vi);
                    C scale = vi;
                    if (top) {
                        scale = C(top[i]) > vi ? C(top[i]) : vi;
                        top[i] = T(scale);
                    }
                    x[i] = T(w - step_size * (mi / (C(std::sqrt(scale)) / root + eps)));
                }
            });
        });
    }
}

}  // namespace wg
