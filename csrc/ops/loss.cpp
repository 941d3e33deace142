// Losses. `reduction` is 0 for a value per element, 1 for the mean, 2 for the sum.
#include <algorithm>

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"

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

// A loss of input - target: `value` gives it per element and `slope` its derivative. Both are called
// with operations recorded or not as the caller wants.
template <class Value, class Slope>
Tensor difference_loss(const char* node, const Tensor& input, const Tensor& target,
                       int64_t reduction, Value value, Slope slope) {
    Tensor out;
    {
        GradMode off(false);
        out = value(input - target);
    }
    record(node, out, {input, target}, {save("self", input), save("target", target)},
           [reduction, slope](Backward& d) {
               const Tensor diff = d.saved(0) - d.saved(1);
               const Tensor g = slope(diff) * spread(d.grad(), reduction, diff.numel());
               if (d.needs(0)) d.set(0, g);
               if (d.needs(1)) d.set(1, -g);
           });
    return out;
}

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, int64_t reduction) {
    const auto value = [=](const Tensor& diff) {
        if (reduction == NONE || !is_floating(diff.dtype())) return reduced(diff * diff, reduction);
        return reduce_values(Reduction::SquareSum, diff, dim_mask({}, diff.dim()), false,
                             reduction == MEAN ? double(diff.numel()) : 1.0);
    };
    return difference_loss("MseLossBackward0", input, target, reduction, value,
                           [](const Tensor& diff) { return 2.0 * diff; });
}

Tensor l1_loss(const Tensor& input, const Tensor& target, int64_t reduction) {
    return reduced(abs(input - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, int64_t reduction, double beta) {
    WG_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta.");
    if (beta == 0) return l1_loss(input, target, reduction);
    const auto value = [=](const Tensor& diff) {
        const Tensor size = abs(diff);
        return reduced(where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction);
    };
    return difference_loss(
        "SmoothL1LossBackward0", input, target, reduction, value,
        [beta](const Tensor& diff) { return where(abs(diff) < beta, diff / beta, sign(diff)); });
}

Tensor huber_loss(const Tensor& input, const Tensor& target, int64_t reduction, double delta) {
    WG_CHECK(delta > 0, "huber_loss does not support non-positive values for delta.");
    const auto value = [=](const Tensor& diff) {
        const Tensor size = abs(diff);
        return reduced(where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)),
                       reduction);
    };
    return difference_loss("HuberLossBackward0", input, target, reduction, value,
                           [delta](const Tensor& diff) {
                               return where(abs(diff) <= delta, diff, delta * sign(diff));
                           });
}

Tensor kl_div(const Tensor& input, const Tensor& target, int64_t reduction, bool log_target) {
    if (log_target) return reduced(exp(target) * (target - input), reduction);
    // 0 log 0 is 0: the logarithm is taken of 1 there.
    const Tensor entropy = target * log(where(target == 0, 1.0, target));
    return reduced(entropy - target * input, reduction);
}

// --- binary targets ---

namespace {

Tensor weighted(const Tensor& t, const Tensor& weight) { return weight.defined() ? t * weight : t; }

// log of a probability, cut at -100 as the loss defines it.
Tensor log_of_probability(const Tensor& p) { return clamp_min(log(p), -100.0); }

}  // namespace

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight_,
                            int64_t reduction) {
    const Tensor weight = weight_.value_or(Tensor());
    WG_CHECK(input.dtype() == target.dtype(), "Found dtype ", scalar_name(target), " but expected ",
             scalar_name(input));
    WG_CHECK_NOT_IMPLEMENTED(is_floating(input.dtype()),
                             "\"binary_cross_entropy\" not implemented for '", scalar_name(input),
                             "'");
    Tensor out;
    {
        GradMode off(false);
        const DimMask every = dim_mask({}, input.dim());
        WG_CHECK(input.numel() == 0 ||
                     (reduce_values(Reduction::Min, input, every, false).to_double() >= 0 &&
                      reduce_values(Reduction::Max, input, every, false).to_double() <= 1),
                 "all elements of input should be between 0 and 1");
        const Tensor no = clamp_min(log1p(-input), -100.0), yes = log_of_probability(input);
        out = reduced(weighted((target - 1.0) * no - target * yes, weight), reduction);
    }
    record(
        "BinaryCrossEntropyBackward0", out, {input, target},
        {save("self", input), save("target", target), save_if(weight.defined(), "weight", weight)},
        [reduction, has_weight = weight.defined()](Backward& d) {
            const Tensor p = d.saved(0), t = d.saved(1);
            const Tensor g = weighted(spread(d.grad(), reduction, p.numel()),
                                      has_weight ? d.saved(2) : Tensor());
            // Neither probability may make the quotient infinite.
            if (d.needs(0)) d.set(0, g * (p - t) / clamp_min((1.0 - p) * p, 1e-12));
            if (d.needs(1)) d.set(1, g * (log_of_probability(1.0 - p) - log_of_probability(p)));
        });
    return out;
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const OptTensor& weight_, const OptTensor& pos_weight_,
                                        int64_t reduction) {
    const Tensor weight = weight_.value_or(Tensor()), pos_weight = pos_weight_.value_or(Tensor());
    WG_CHECK_VALUE(same_shape(input.sizes(), target.sizes()), "Target size (torch.Size(",
                   to_string(target.sizes()), ")) must be the same as input size (torch.Size(",
                   to_string(input.sizes()), "))");
    Tensor out;
    {
        GradMode off(false);
        // log(1 + exp(-x)), which does not overflow.
        const Tensor no = log1p(exp(-abs(input))) + maximum(-input, 0.0);
        const Tensor each = pos_weight.defined()
                                ? (1.0 - target) * input + ((pos_weight - 1.0) * target + 1.0) * no
                                : (1.0 - target) * input + no;
        out = reduced(weighted(each, weight), reduction);
    }
    record(
        "BinaryCrossEntropyWithLogitsBackward0", out, {input, target},
        {save("self", input), save("target", target), save_if(weight.defined(), "weight", weight),
         save_if(pos_weight.defined(), "pos_weight", pos_weight)},
        [reduction, has_weight = weight.defined(), has_pos = pos_weight.defined()](Backward& d) {
            const Tensor x = d.saved(0), t = d.saved(1);
            const Tensor g = weighted(spread(d.grad(), reduction, x.numel()),
                                      has_weight ? d.saved(2) : Tensor());
            if (d.needs(0)) {
                if (has_pos) {
                    const Tensor positive = d.saved(3) * t;
                    d.set(0, g * ((positive + 1.0 - t) * sigmoid(x) - positive));
                } else {
                    d.set(0, g * (sigmoid(x) - t));
                }
            }
            if (d.needs(1))
                d.set(1, has_pos ? g * (log_sigmoid(-x) - d.saved(3) * log_sigmoid(x)) : -(g * x));
        });
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
    Tensor total;           // the weights of the targets that count, added up

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
    const char* node() const {
        return sizes.size() > 2 ? "NllLoss2DBackward0" : "NllLossBackward0";
    }
};

// What the loops read: contiguous values without history.
Tensor compact(const Tensor& t) {
    GradMode off(false);
    return contiguous(detach(t));
}

template <class F>
void visit_floating(DType dtype, F&& f) {
    visit_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>)
            fail(ErrorKind::NotImplemented,
                 str("\"nll_loss_out_frame\" not implemented for '", info(dtype).scalar_name, "'"));
        else f(tag);
    });
}

// The sum of the weights of the targets that count.
Tensor total_weight(const Picks& k, DType dtype) {
    Tensor total = empty({}, dtype);
    visit_floating(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        double sum = 0;
        k.for_targets([&](int64_t, int64_t c, int64_t) {
            sum += k.weight.defined() ? double(C(k.weight.data<T>()[c])) : 1.0;
        });
        *total.data<T>() = T(C(sum));
    });
    return total;
}

Tensor picked(const Picks& k, const Tensor& x);

// From the gradient of the loss to that of the scores.
Tensor put_back(const Picks& k, const Tensor& g) {
    const Tensor grad = compact(g);
    Tensor out = zeros(k.sizes, g.dtype());
    visit_floating(g.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        const T* from = grad.data<T>();
        const T* weight = k.weight.defined() ? k.weight.data<T>() : nullptr;
        T* to = out.data<T>();
        const C share = k.reduction == MEAN ? C(1) / C(*k.total.data<T>()) : C(1);
        k.for_targets([&](int64_t i, int64_t c, int64_t at) {
            to[at] =
                T(-(weight ? C(weight[c]) : C(1)) * share * C(from[k.reduction == NONE ? i : 0]));
        });
    });
    record("NllLossBackwardBackward0", out, {g}, {},
           [k](Backward& d) { d.set(0, picked(k, d.grad())); });
    return out;
}

Tensor picked(const Picks& k, const Tensor& x) {
    const Tensor scores = compact(x);
    Tensor out = k.reduction == NONE ? zeros(k.target_sizes, x.dtype()) : empty({}, x.dtype());
    visit_floating(x.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        const T* from = scores.data<T>();
        const T* weight = k.weight.defined() ? k.weight.data<T>() : nullptr;
        T* to = out.data<T>();
        double sum = 0;
        k.for_targets([&](int64_t i, int64_t c, int64_t at) {
            const C loss = -(weight ? C(weight[c]) : C(1)) * C(from[at]);
            if (k.reduction == NONE) to[i] = T(loss);
            else sum += double(loss);
        });
        if (k.reduction == MEAN) sum /= double(C(*k.total.data<T>()));
        if (k.reduction != NONE) *to = T(C(sum));
    });
    if (grad_enabled() && requires_grad(x))
        record(k.node(), out, {x},
               {save("self", x), save("target", k.target),
                save_if(k.weight.defined(), "weight", k.weight), save("total_weight", k.total)},
               [k](Backward& d) { d.set(0, put_back(k, d.grad())); });
    return out;
}

void check_picks(const Tensor& input, const Tensor& target, const Tensor& weight) {
    const int64_t n = input.dim();
    WG_CHECK_VALUE(n > 0, "Expected 1 or more dimensions (got 0)");
    WG_CHECK_VALUE(n == 1 || (target.dim() > 0 && target->dims[0] == input->dims[0]),
                   "Expected input batch_size (", input->dims[0], ") to match target batch_size (",
                   target.dim() > 0 ? target->dims[0] : 0, ").");
    WG_CHECK(n > 2 || target.dim() <= 1,
             "0D or 1D target tensor expected, multi-target not supported");
    WG_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8,
             "expected target dtype to be Long or Byte, but got ", scalar_name(target));
    const int64_t classes = input->dims[n == 1 ? 0 : 1];
    if (n > 2) {
        bool same = target.dim() == n - 1;
        for (int64_t d = 2; same && d < n; ++d) same = target->dims[d - 1] == input->dims[d];
        WG_CHECK(same, "size mismatch (got input: ", to_string(input.sizes()),
                 " , target: ", to_string(target.sizes()));
        WG_CHECK(!weight.defined() || weight.numel() == classes,
                 "weight tensor should be defined either for all or no classes");
    } else {
        WG_CHECK(n == 2 || target.numel() == 1,
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
    check_picks(input, target, scale);
    const IntSpan sizes = input.sizes();
    if (sizes.size() == 3 || sizes.size() > 4) {
        // The dims behind the classes as two, as the node for images has them.
        const Dims image{sizes[0], sizes[1], 1, count(sizes.subspan(2))};
        const Tensor out = nll_loss(reshape(input, image), reshape(target, {sizes[0], 1, image[3]}),
                                    weight, reduction, ignore_index);
        return reduction == NONE ? reshape(out, Dims(target.sizes())) : out;
    }
    const bool batched = sizes.size() > 1;
    Picks k{batched ? sizes[0] : 1,
            sizes[batched ? 1 : 0],
            batched ? count(sizes.subspan(2)) : 1,
            ignore_index,
            reduction,
            Dims(sizes),
            Dims(target.sizes()),
            compact(cast_values(target, DType::Int64)),
            scale.defined() ? compact(scale) : scale,
            {}};
    k.total = total_weight(k, input.dtype());
    return picked(k, input);
}

// --- cross entropy ---

namespace {

// Products and quotients with numbers, under the names they have inside PyTorch's own compositions.
Tensor times(const Tensor& t, double s) { return binary(Op::mul, t, s, {}, "MulBackward1"); }
Tensor over(const Tensor& t, double s) { return binary(Op::div, t, s, {}, "DivBackward1"); }

// The weight of each class, to broadcast along the classes of `input`.
Tensor along_classes(const Tensor& weight, const Tensor& input, int64_t class_dim) {
    Dims shape(size_t(input.dim()), 1);
    shape[class_dim] = weight.numel();
    return view(weight, shape);
}

// Target: a probability for each class.
Tensor cross_entropy_of_probabilities(const Tensor& input, const Tensor& target,
                                      const Tensor& weight, int64_t reduction,
                                      double label_smoothing) {
    const int64_t class_dim = input.dim() == 1 ? 0 : 1;
    WG_CHECK(is_floating(target.dtype()),
             "Expected floating point type for target with class probabilities, got ",
             scalar_name(target));
    WG_CHECK(input.dim() > 0, "Expected 1 or more dimensions (got 0)");
    const int64_t classes = input->dims[class_dim];
    WG_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
             "cross_entropy: weight tensor should be defined either for all ", classes,
             " classes or no classes but got weight tensor of shape: ", to_string(weight.sizes()));
    Tensor terms = log_softmax(input, class_dim) *
                   (label_smoothing > 0
                        ? times(target, 1 - label_smoothing) + label_smoothing / double(classes)
                        : target);
    if (weight.defined()) terms = terms * along_classes(weight, input, class_dim);
    if (reduction == NONE) return -sum_over(terms, Dims{class_dim});
    const Tensor total = -sum_all(terms);
    // The mean is over the samples, not over the elements.
    return reduction == SUM ? total : over(total, double(input.numel()) / double(classes));
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight_,
                     int64_t reduction, int64_t ignore_index, double label_smoothing) {
    const Tensor weight = weight_.value_or(Tensor());
    WG_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
             "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
    if (same_shape(input.sizes(), target.sizes())) {
        WG_CHECK(ignore_index < 0, "ignore_index is not supported for floating point target");
        return cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing);
    }
    const int64_t class_dim = input.dim() == 1 ? 0 : 1;
    const Tensor logs = log_softmax(input, class_dim);
    const Tensor nll = nll_loss(logs, target, weight_, reduction, ignore_index);
    if (label_smoothing == 0) return nll;

    // Mixed with the loss against the uniform distribution.
    const Tensor ignored = eq(target, Scalar(ignore_index));
    Tensor uniform = -sum_over(
        weight.defined() ? logs * along_classes(weight, input, class_dim) : logs, Dims{class_dim});
    uniform = masked_fill_value(uniform, ignored, 0);
    if (reduction == MEAN) {
        const Tensor counted = logical_not(ignored);
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
    return times(nll, 1 - label_smoothing) +
           times(uniform, label_smoothing / double(input->dims[class_dim]));
}

}  // namespace wg
