// Losses. `reduction` is 0 for a value per element, 1 for the mean, 2 for the sum.
#include <algorithm>
#include <limits>

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "tensor/watch.h"

namespace wg {

namespace {

enum : int64_t { NONE = 0, MEAN = 1, SUM = 2 };

const char* scalar_name(const Tensor& t) { return info(t.dtype()).scalar_name; }

Tensor reduced(const Tensor& values, int64_t reduction) {
    if (reduction == NONE) return values;
    return reduction == MEAN ? mean_all(values) : sum_all(values);
}

// What the gradient of a reduced loss is to each of the n elements.
Tensor spread(const Tensor& g, int64_t reduction, int64_t n) {
    return reduction == MEAN ? g / double(n) : g;
}

// Weights have no gradient in PyTorch, which says so rather than leave it out.
void check_constant(const Tensor& t, const char* name, const char* function) {
    WG_CHECK(!t.defined() || !grad_enabled() || !requires_grad(t), "The function '", function,
             "' is not differentiable with respect to argument '", name,
             "'. This input cannot have requires_grad True.");
}

// The sum over elements that the derivative of a reduced loss by its gradient takes.
Tensor gathered(const Tensor& values, int64_t reduction) {
    if (reduction == NONE) return values;
    return sum_all(reduction == MEAN ? values / double(values.numel()) : values);
}

// --- losses of a difference ---

// A loss of d = input - target: per element value(d), with the derivative slope(d) and the second one,
// times g, bent(g, input, target). The gradient has the dtype of what it is for; `mixes`: whether the other
// operand may have another.
template <class Value, class Slope, class Bent, class Shown>
struct DifferenceLoss {
    const char *kernel, *node, *second_node;
    int64_t reduction;
    bool mixes;
    Shown shown;  // with<...>(...) of the parameters
    Value value;
    Slope slope;
    Bent bent;

    // Bools are numbers here.
    static Tensor difference(const Tensor& a, const Tensor& b) {
        const Arg both[] = {a, b};
        const DType dtype = result_type(both);
        return (a.dtype() == DType::Bool ? to_dtype(a, dtype) : a) -
               (b.dtype() == DType::Bool ? to_dtype(b, dtype) : b);
    }

    // d loss / d a, where b is the other of the two.
    Tensor gradient(const Tensor& g, const Tensor& a, const Tensor& b) const {
        WG_CHECK(mixes || a.dtype() == b.dtype(), "Found dtype ", scalar_name(b), " but expected ",
                 scalar_name(a));
        Tensor out;
        {
            Unrecorded off;
            const Tensor d = difference(a, b);
            out = to_dtype(slope(d) * spread(g, reduction, d.numel()), a.dtype());
        }
        record(second_node, out, {g, a, b},
               {save("grad_output", g), save("self", a), save("target", b)},
               shown([loss = *this](Backward& back) {
                   const Tensor a = back.saved(1), b = back.saved(2), gg = back.grad();
                   const Tensor d = difference(a, b);
                   if (back.needs(0)) back.set(0, gathered(gg * loss.slope(d), loss.reduction));
                   if (!back.needs(1) && !back.needs(2)) return;
                   const Tensor h =
                       loss.bent(gg * spread(back.saved(0), loss.reduction, d.numel()), a, b);
                   if (back.needs(1)) back.set(1, h);
                   if (back.needs(2)) back.set(2, -h);
               }));
        return out;
    }

    Tensor operator()(const Tensor& input, const Tensor& target) const {
        Tensor out;
        {
            Unrecorded off;
            const Arg both[] = {input, target};
            WG_CHECK_NOT_IMPLEMENTED(is_floating(result_type(both)), "\"", kernel,
                                     "\" not implemented for '",
                                     info(result_type(both)).scalar_name, "'");
            out = value(difference(input, target));
        }
        record(node, out, {input, target}, {save("self", input), save("target", target)},
               shown([loss = *this](Backward& back) {
                   const Tensor a = back.saved(0), b = back.saved(1);
                   if (back.needs(0)) back.set(0, loss.gradient(back.grad(), a, b));
                   if (back.needs(1)) back.set(1, loss.gradient(back.grad(), b, a));
               }));
        return out;
    }
};
template <class Shown, class Value, class Slope, class Bent>
DifferenceLoss(const char*, const char*, const char*, int64_t, bool, Shown, Value, Slope, Bent)
    -> DifferenceLoss<Value, Slope, Bent, Shown>;

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, int64_t reduction) {
    if (watched()) [[unlikely]]
        return watch<"mse_loss.default">([&] { return mse_loss(input, target, reduction); }, input,
                                         target, optional_argument(reduction, 1));
    const auto value = [=](const Tensor& d) {
        if (reduction == NONE) return d * d;
        return reduce_values(Reduction::SquareSum, d, dim_mask({}, d.dim()), false,
                             reduction == MEAN ? double(d.numel()) : 1.0);
    };
    const DifferenceLoss loss{
        "mse_cpu",
        "MseLossBackward0",
        "MseLossBackwardBackward0",
        reduction,
        true,
        with<"reduction">(reduction),
        value,
        [](const Tensor& d) { return 2.0 * d; },
        [](const Tensor& g, const Tensor&, const Tensor&) { return 2.0 * g; }};
    return loss(input, target);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, int64_t reduction) {
    return reduced(abs(input - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, int64_t reduction, double beta) {
    if (watched()) [[unlikely]]
        return watch<"smooth_l1_loss.default">(
            [&] { return smooth_l1_loss(input, target, reduction, beta); }, input, target,
            reduction, beta);
    WG_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta.");
    if (beta == 0) return l1_loss(input, target, reduction);
    const auto value = [=](const Tensor& d) {
        const Tensor size = abs(d);
        return reduced(where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction);
    };
    const auto slope = [beta](const Tensor& d) {
        return where(d <= -beta, -1.0, where(d >= beta, 1.0, d / beta));
    };
    const auto bent = [beta](const Tensor& g, const Tensor& a, const Tensor& b) {
        return where(abs(a - b) < beta, g / beta, 0.0);  // not of bools
    };
    const DifferenceLoss loss{"smooth_l1_cpu",
                              "SmoothL1LossBackward0",
                              "SmoothL1LossBackwardBackward0",
                              reduction,
                              true,
                              with<"reduction", "beta">(reduction, beta),
                              value,
                              slope,
                              bent};
    return loss(input, target);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, int64_t reduction, double delta) {
    if (watched()) [[unlikely]]
        return watch<"huber_loss.default">(
            [&] { return huber_loss(input, target, reduction, delta); }, input, target, reduction,
            delta);
    WG_CHECK(delta > 0, "huber_loss does not support non-positive values for delta.");
    const Arg both[] = {input, target};
    WG_CHECK(can_cast(result_type(both), input.dtype()), "result type ",
             info(result_type(both)).scalar_name, " can't be cast to the desired output type ",
             scalar_name(input));
    const auto value = [&](const Tensor& d) {
        const Tensor size = abs(d);
        const Tensor each = where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta));
        return reduced(to_dtype(each, input.dtype()), reduction);
    };
    const auto slope = [delta](const Tensor& d) {
        return where(d < -delta, -delta, where(d > delta, delta, d));
    };
    const auto bent = [delta](const Tensor& g, const Tensor& a, const Tensor& b) {
        return where(abs(a - b) < delta, g, 0.0);
    };
    const DifferenceLoss loss{"huber_cpu",
                              "HuberLossBackward0",
                              "HuberLossBackwardBackward0",
                              reduction,
                              false,
                              with<"reduction", "delta">(reduction, delta),
                              value,
                              slope,
                              bent};
    return loss(input, target);
}

Tensor kl_div(const Tensor& input, const Tensor& target, int64_t reduction, bool log_target) {
    WG_CHECK(!is_complex(input.dtype()) && !is_complex(target.dtype()),
             "kl_div: Complex inputs not supported.");
    WG_CHECK(is_floating(input.dtype()) && is_floating(target.dtype()),
             "kl_div: Integral inputs not supported.");
    return reduced(log_target ? exp(target) * (target - input)
                              : xlogy(Arg(target), Arg(target)) - target * input,
                   reduction);
}

// --- binary targets ---

namespace {

Tensor weighted(const Tensor& t, const Tensor& weight) { return weight.defined() ? t * weight : t; }

// t times or minus other, in place: the dtype and the shape are t's.
void multiply_by(Tensor& t, const Tensor& other) {
    const Arg args[] = {t, other};
    elementwise_(Op::mul, t, args);
}
void subtract(Tensor& t, const Tensor& other) {
    const Arg args[] = {t, other};
    elementwise_(Op::sub, t, args);
}

// A gradient by the elements of a weighted and reduced loss, n of them, in its place. PyTorch writes there as well,
// which the version of the gradient shows.
void weigh(Tensor& slope, const Tensor& weight, int64_t reduction, int64_t n) {
    if (weight.defined()) multiply_by(slope, weight);
    if (reduction != MEAN) return;
    const Arg args[] = {slope, double(n)};
    elementwise_(Op::div, slope, args, {}, "DivBackward1");
}

void check_probabilities(const Tensor& t, const char* name) {
    const DimMask every = dim_mask({}, t.dim());
    WG_CHECK(t.numel() == 0 || (reduce_values(Reduction::Min, t, every, false).to_double() >= 0 &&
                                reduce_values(Reduction::Max, t, every, false).to_double() <= 1),
             "all elements of ", name, " should be between 0 and 1");
}

// Cross entropy of probabilities. Where they are 0 or 1, logarithms are cut at -100 and quotients by
// p (1 - p) at 1e-12.
struct BinaryCrossEntropy {
    int64_t reduction;
    Tensor weight;  // or undefined

    Tensor value(const Tensor& p, const Tensor& t) const {
        Tensor each = (t - 1.0) * clamp_min(log1p(-p), -100.0) - t * clamp_min(log(p), -100.0);
        if (weight.defined()) multiply_by(each, weight);
        return reduced(each, reduction);
    }

    Tensor scaled(const Tensor& g, int64_t n) const {
        return spread(weighted(g, weight), reduction, n);
    }

    // By p.
    Tensor gradient(const Tensor& g, const Tensor& p, const Tensor& t) const {
        static constexpr double eps = 1e-12;
        Tensor out;
        {
            Unrecorded off;
            out = scaled(g * (p - t) / clamp_min((1.0 - p) * p, eps), p.numel());
        }
        record("BinaryCrossEntropyBackwardBackward0", out, {g, p, t},
               {save("grad_output", g), save("self", p), save("target", t),
                save_if(weight.defined(), "weight", weight)},
               with<"reduction">(int64_t(reduction))([reduction = reduction](Backward& d) {
                   const Tensor g = d.saved(0), p = d.saved(1), t = d.saved(2), gg = d.grad();
                   const BinaryCrossEntropy loss{reduction, d.saved(3)};
                   const Tensor above = p + eps, below = 1.0 - p + eps;
                   if (d.needs(0))
                       d.set(0, gathered(weighted(gg * ((p - t) / (above * below)), loss.weight),
                                         loss.reduction));
                   const auto bent = [&](const Tensor& slope) {
                       return loss.scaled(gg * g * slope, p.numel());
                   };
                   if (d.needs(1))
                       d.set(1,
                             bent((square(p) - 2.0 * p * t + t) / (square(above) * square(below))));
                   if (d.needs(2)) d.set(2, -bent(reciprocal(clamp_min((1.0 - p) * p, eps))));
               }));
        return out;
    }
};

}  // namespace

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight,
                            int64_t reduction) {
    if (watched()) [[unlikely]]
        return watch<"binary_cross_entropy.default">(
            [&] { return binary_cross_entropy(input, target, weight, reduction); }, input, target,
            Argument{to_value(weight), nullptr, !weight}, optional_argument(reduction, 1));
    const BinaryCrossEntropy loss{reduction, weight.value_or(Tensor())};
    check_constant(loss.weight, "weight", "binary_cross_entropy");
    WG_CHECK(input.dtype() == target.dtype(), "Found dtype ", scalar_name(target), " but expected ",
             scalar_name(input));
    WG_CHECK_NOT_IMPLEMENTED(is_floating(input.dtype()),
                             "\"binary_cross_entropy\" not implemented for '", scalar_name(input),
                             "'");
    Tensor out;
    {
        Unrecorded off;
        check_probabilities(input, "input");
        check_probabilities(target, "target");
        out = loss.value(input, target);
    }
    record("BinaryCrossEntropyBackward0", out, {input, target},
           {save("self", input), save("target", target),
            save_if(loss.weight.defined(), "weight", loss.weight)},
           with<"reduction">(reduction)([reduction](Backward& d) {
               const Tensor p = d.saved(0), t = d.saved(1);
               const BinaryCrossEntropy loss{reduction, d.saved(2)};
               if (d.needs(0)) d.set(0, loss.gradient(d.grad(), p, t));
               if (!d.needs(1)) return;
               Tensor slope = logit(p, {}).fresh();
               elementwise_(Op::neg, slope, std::initializer_list<Arg>{slope});
               multiply_by(slope, d.grad());
               weigh(slope, loss.weight, reduction, p.numel());
               d.set(1, slope);
           }));
    return out;
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const OptTensor& weight_, const OptTensor& pos_weight_,
                                        int64_t reduction) {
    if (watched()) [[unlikely]]
        return watch<"binary_cross_entropy_with_logits.default">(
            [&] {
                return binary_cross_entropy_with_logits(input, target, weight_, pos_weight_,
                                                        reduction);
            },
            input, target, Argument{to_value(weight_), nullptr, !weight_},
            Argument{to_value(pos_weight_), nullptr, !pos_weight_},
            optional_argument(reduction, 1));
    const Tensor weight = weight_.value_or(Tensor()), pos_weight = pos_weight_.value_or(Tensor());
    check_constant(weight, "weight", "binary_cross_entropy_with_logits");
    check_constant(pos_weight, "pos_weight", "binary_cross_entropy_with_logits");
    Tensor out;
    {
        Unrecorded off;
        Tensor log_p = log_sigmoid(input);
        if (pos_weight.defined()) {
            // What the positive term counts for beside the other one.
            const Tensor factor = (pos_weight - 1.0) * target + 1.0;
            multiply_by(log_p, factor);
        }
        out = ones_like(target);
        subtract(out, target);
        multiply_by(out, input);
        subtract(out, log_p);
        if (weight.defined()) multiply_by(out, weight);
        out = reduced(out, reduction);
    }
    refuse_complex_history("binary_cross_entropy_with_logits", out, input, target);
    record(
        "BinaryCrossEntropyWithLogitsBackward0", out, {input, target},
        {save("self", input), save("target", target), save_if(weight.defined(), "weight", weight),
         save_if(pos_weight.defined(), "pos_weight", pos_weight)},
        with<"reduction">(reduction)([reduction](Backward& d) {
            const Tensor x = d.saved(0), t = d.saved(1), weight = d.saved(2),
                         pos_weight = d.saved(3), g = d.grad();
            const bool has_pos = pos_weight.defined();
            if (d.needs(0)) {
                const Tensor positive = has_pos ? pos_weight * t : t;
                Tensor slope;
                if (grad_enabled()) {
                    slope = has_pos ? (positive + 1.0 - t) * sigmoid(x) - positive : sigmoid(x) - t;
                    slope = weighted(slope * g, weight);
                } else {
                    slope = has_pos ? positive + 1.0 : sigmoid(x);
                    subtract(slope, t);
                    if (has_pos) {
                        multiply_by(slope, sigmoid(x));
                        subtract(slope, positive);
                    }
                    multiply_by(slope, g);
                    if (weight.defined()) multiply_by(slope, weight);
                }
                weigh(slope, {}, reduction, x.numel());
                d.set(0, slope);
            }
            if (!d.needs(1)) return;
            Tensor slope = has_pos ? log_sigmoid(-x) : -x * g;
            if (has_pos) {
                subtract(slope, log_sigmoid(x) * pos_weight);
                multiply_by(slope, g);
            }
            weigh(slope, weight, reduction, x.numel());
            d.set(1, slope);
        }));
    return out;
}

// --- class indices ---

namespace {

// Picks one score per target: x has shape (samples, classes, places), places being the dims behind the
// classes. The loss is linear in x, so that its transpose is its derivative, whose derivative is the loss.
struct Picks {
    int64_t samples, classes, places;
    int64_t ignore_index, reduction;
    Dims sizes, target_sizes;
    Tensor target, weight;  // int64, contiguous; per class, contiguous or undefined
    Tensor given_target, given_weight;  // as the caller passed them
    Tensor total;  // the weights of the targets that count, added up

    // Calls f(number of the target, its class, where its score is) for targets that count.
    template <class F>
    void for_targets(F f) const {
        const int64_t* t = target.data<int64_t>();
        for (int64_t n = 0, i = 0; n < samples; ++n)
            for (int64_t s = 0; s < places; ++s, ++i) {
                const int64_t c = t[i];
                if (c == ignore_index) continue;
                if (c < 0 || c >= classes) [[unlikely]]
                    fail(ErrorKind::Index, str("Target ", c, " is out of bounds."));
                f(i, c, (n * classes + c) * places + s);
            }
    }
    bool image() const { return sizes.size() > 2; }
    Save saved_target() const { return save("target", given_target); }
    Save saved_weight() const { return save_if(weight.defined(), "weight", given_weight); }
};

// What the loops read: contiguous values without history.
Tensor compact(const Tensor& t) {
    Unrecorded off;
    return contiguous(detach(t));
}

template <class F>
void visit_floating(const Picks& k, DType dtype, F&& f) {
    check_real(dtype, k.image() ? "nll_loss2d_forward_out_frame" : "nll_loss_out_frame");
    visit_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>)
            fail(ErrorKind::NotImplemented,
                 str(k.image() ? "\"nll_loss2d_forward_out_frame" : "\"nll_loss_out_frame",
                     "\" not implemented for '", info(dtype).scalar_name, "'"));
        else f(tag);
    });
}

// The sum of the weights of the targets that count.
Tensor total_weight(const Picks& k, DType dtype) {
    Tensor total = empty({}, dtype);
    visit_floating(k, dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        double sum = 0;
        k.for_targets([&](int64_t, int64_t c, int64_t) {
            sum += k.weight.defined() ? double(C(k.weight.data<T>()[c])) : 1.0;
        });
        *total.mutable_data<T>() = T(C(sum));
    });
    return total;
}

Tensor picked(const Picks& k, const Tensor& x);

// From the gradient of the loss to that of the scores, which do not matter for it.
Tensor put_back(const Picks& k, const Tensor& g, const Tensor& x) {
    const Tensor grad = compact(g);
    Tensor out = zeros(k.sizes, g.dtype());
    visit_floating(k, g.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        const T* from = grad.data<T>();
        const T* weight = k.weight.defined() ? k.weight.data<T>() : nullptr;
        T* to = out.mutable_data<T>();
        const C share = k.reduction == MEAN ? C(1) / C(*k.total.data<T>()) : C(1);
        k.for_targets([&](int64_t i, int64_t c, int64_t at) {
            to[at] =
                T(-(weight ? C(weight[c]) : C(1)) * share * C(from[k.reduction == NONE ? i : 0]));
        });
    });
    record(k.image() ? "NllLoss2DBackwardBackward0" : "NllLossBackwardBackward0", out, {g, x},
           {k.saved_target(), k.saved_weight()},
           with<"reduction", "ignore_index">(int64_t(k.reduction),
                                             int64_t(k.ignore_index))([k](Backward& d) {
               if (d.needs(0)) d.set(0, picked(k, d.grad()));
               if (d.needs(1)) d.set(1, zeros(k.sizes, d.grad().dtype()));
           }));
    return out;
}

Tensor picked(const Picks& k, const Tensor& x) {
    const Tensor scores = compact(x);
    Tensor out = k.reduction == NONE ? zeros(k.target_sizes, x.dtype()) : empty({}, x.dtype());
    visit_floating(k, x.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        const T* from = scores.data<T>();
        const T* weight = k.weight.defined() ? k.weight.data<T>() : nullptr;
        T* to = out.mutable_data<T>();
        double sum = 0;
        k.for_targets([&](int64_t i, int64_t c, int64_t at) {
            const C loss = -(weight ? C(weight[c]) : C(1)) * C(from[at]);
            if (k.reduction == NONE) to[i] = T(loss);
            else sum += double(loss);
        });
        if (k.reduction == MEAN) sum /= double(C(*k.total.data<T>()));
        if (k.reduction != NONE) *to = T(C(sum));
    });
    record(k.image() ? "NllLoss2DBackward0" : "NllLossBackward0", out, {x},
           {save("self", x), k.saved_target(), k.saved_weight(), save("total_weight", k.total)},
           with<"reduction", "ignore_index">(int64_t(k.reduction), int64_t(k.ignore_index))(
               [k](Backward& d) { d.set(0, put_back(k, d.grad(), d.saved(0))); }));
    return out;
}

void check_picks(const Tensor& input, const Tensor& target, const Tensor& weight,
                 int64_t reduction) {
    const int64_t n = input.dim();
    WG_CHECK_VALUE(n > 0, "Expected 1 or more dimensions (got 0)");
    WG_CHECK_VALUE(n == 1 || (target.dim() > 0 && target->dims[0] == input->dims[0]),
                   "Expected input batch_size (", input->dims[0], ") to match target batch_size (",
                   target.dim() > 0 ? target->dims[0] : 0, ").");
    WG_CHECK(n > 2 || target.dim() <= 1,
             "0D or 1D target tensor expected, multi-target not supported");
    check_constant(weight, "weight", n > 2 ? "nll_loss2d_forward" : "nll_loss_forward");
    WG_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8,
             "expected target dtype to be Long or Byte, but got ", scalar_name(target));
    const int64_t classes = input->dims[n == 1 ? 0 : 1];
    if (n > 2) {
        WG_CHECK(n != 4 || target.dim() == 3,
                 "only batches of spatial targets supported (3D tensors) but got targets of "
                 "dimension: ",
                 target.dim());
        bool same = target.dim() == n - 1;
        for (int64_t d = 2; same && d < n; ++d) same = target->dims[d - 1] == input->dims[d];
        WG_CHECK(same, "size mismatch (got input: ", to_string(input.sizes()),
                 " , target: ", to_string(target.sizes()));
        WG_CHECK(!weight.defined() || weight.numel() == classes,
                 "weight tensor should be defined either for all or no classes");
        WG_CHECK(target.dtype() == DType::Int64 || (reduction != NONE && target.numel() == 0),
                 "expected scalar type Long but found ", scalar_name(target));
    } else {
        WG_CHECK_VALUE(
            n == 2 || target.numel() == 1,
            "For 1D input, 1D target must have size 1, but got target size: ", target.numel());
        WG_CHECK(
            !weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
            "weight tensor should be defined either for all ", classes,
            " classes or no classes but got weight tensor of shape: ", to_string(weight.sizes()));
    }
    WG_CHECK(!weight.defined() || weight.dtype() == input.dtype(), "expected scalar type ",
             scalar_name(input), " but found ", scalar_name(weight));
}

}  // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const OptTensor& weight,
                int64_t reduction, int64_t ignore_index) {
    const Tensor scale = weight.value_or(Tensor());
    check_picks(input, target, scale, reduction);
    const IntSpan sizes = input.sizes();
    if (sizes.size() == 3 || sizes.size() > 4) {
        // The dims behind the classes as two, as the node for images has them.
        const Dims image{sizes[0], sizes[1], 1, count(sizes.subspan(2))};
        const Tensor out = nll_loss(reshape(input, image), reshape(target, {sizes[0], 1, image[3]}),
                                    weight, reduction, ignore_index);
        return reduction == NONE ? reshape(out, Dims(target.sizes())) : out;
    }
    if (watched()) [[unlikely]] {
        const auto run = [&] { return nll_loss(input, target, weight, reduction, ignore_index); };
        return sizes.size() > 2 ? watch<"nll_loss2d_forward.default">(run, input, target, weight,
                                                                      reduction, ignore_index)
                                : watch<"nll_loss_forward.default">(run, input, target, weight,
                                                                    reduction, ignore_index);
    }
    const bool batched = sizes.size() > 1;
    Picks k{batched ? sizes[0] : 1,
            sizes[batched ? 1 : 0],
            batched ? count(sizes.subspan(2)) : 1,
            ignore_index,
            reduction,
            Dims(sizes),
            batched ? Dims(target.sizes()) : Dims{},
            compact(cast_values(target, DType::Int64)),
            scale.defined() ? compact(scale) : scale,
            target,
            scale,
            {}};
    k.total = total_weight(k, input.dtype());
    return picked(k, input);
}

// --- cross entropy ---

namespace {

// The weight of each class, to broadcast along the classes of `input`.
Tensor along_classes(const Tensor& weight, const Tensor& input, int64_t class_dim) {
    Dims shape(size_t(input.dim()), 1);
    shape[class_dim] = weight.numel();
    return view(weight, shape);
}

// Target: a probability for each class.
Tensor cross_entropy_of_probabilities(const Tensor& input, const Tensor& target,
                                      const Tensor& weight, int64_t reduction, double smoothing) {
    WG_CHECK_INDEX(input.dim() > 0, "Dimension specified as 1 but tensor has no dimensions");
    const int64_t class_dim = input.dim() == 1 ? 0 : 1;
    const int64_t classes = input->dims[class_dim];
    WG_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
             "cross_entropy: weight tensor should be defined either for all ", classes,
             " classes or no classes but got weight tensor of shape: ", to_string(weight.sizes()));
    Tensor terms =
        log_softmax(input, class_dim) *
        (smoothing > 0 ? target * (1 - smoothing) + smoothing / double(classes) : target);
    if (weight.defined()) terms = terms * along_classes(weight, input, class_dim);
    if (reduction == NONE) return -sum_over(terms, Dims{class_dim});
    if (reduction == MEAN && terms.numel() == 0) {
        Tensor nan = sum_all(terms);
        return -fill_(nan, Scalar(std::numeric_limits<double>::quiet_NaN()));
    }
    const Tensor total = -sum_all(terms);
    // The mean is over the samples, not over the elements.
    return reduction == SUM ? total : total / int(input.numel() / classes);
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight_,
                     int64_t reduction, int64_t ignore_index, double smoothing) {
    const Tensor weight = weight_.value_or(Tensor());
    const bool probabilities = same_shape(input.sizes(), target.sizes());
    if (probabilities) {
        WG_CHECK(is_floating(target.dtype()),
                 "Expected floating point type for target with class probabilities, got ",
                 scalar_name(target));
        WG_CHECK(ignore_index < 0, "ignore_index is not supported for floating point target");
    }
    WG_CHECK(!(smoothing > 1), "label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
    if (probabilities)
        return cross_entropy_of_probabilities(input, target, weight, reduction, smoothing);
    const int64_t class_dim = input.dim() == 1 ? 0 : 1;
    const Tensor logs = log_softmax(input, class_dim);
    const Tensor nll = nll_loss(logs, target, weight_, reduction, ignore_index);
    if (!(smoothing > 0)) return nll;

    // Mixed with the loss against the uniform distribution.
    Tensor uniform = -sum_over(
        weight.defined() ? logs * along_classes(weight, input, class_dim) : logs, Dims{class_dim});
    const Tensor ignored = eq(target, Scalar(ignore_index));
    masked_fill_value_(uniform, ignored, 0);
    if (reduction == MEAN) {
        const Tensor counted = bitwise_not(ignored);
        const Tensor used =
            weight.defined()
                ? reshape(index_select(weight, 0, reshape(where(ignored, 0, target), {-1})),
                          Dims(target.sizes())) *
                      counted
                : counted;
        uniform = sum_all(uniform) / sum_all(used);
    } else if (reduction == SUM) {
        uniform = sum_all(uniform);
    }
    return nll * (1 - smoothing) + uniform * (smoothing / double(input->dims[class_dim]));
}

}  // namespace wg
