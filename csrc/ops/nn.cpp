// Functions of nn.functional that are compositions in C++: gated units, norms of layers, distances, similarities.
#include <limits>

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "tensor/watch.h"

namespace wg {

// --- gated units ---

namespace {

struct TwoHalves {
    Tensor a, b;
};
TwoHalves halves(const Tensor& t, int64_t dim) {
    const int64_t n = t.size(dim) / 2;
    return {narrow(t, dim, 0, n), narrow(t, dim, n, n)};
}

Tensor glu_gradient(const Tensor& g, const Tensor& x, int64_t dim) {
    Tensor out;
    {
        Unrecorded off;
        const TwoHalves h = halves(x, dim);
        const Tensor s = sigmoid(h.b);
        out = cat({g * s, sigmoid_backward(g, s) * h.a}, dim);
    }
    record("GluBackwardBackward0", out, {g, x}, {save("grad_output", g), save("self", x)},
           with<"dim">(dim)([dim](Backward& d) {
               const Tensor g = d.saved(0);
               const TwoHalves h = halves(d.saved(1), dim), gg = halves(d.grad(), dim);
               const Tensor s = sigmoid(h.b);
               if (d.needs(0)) d.set(0, gg.a * s + sigmoid_backward(gg.b, s) * h.a);
               if (!d.needs(1)) return;
               const Tensor by_a = sigmoid_backward(gg.b * g, s);
               const Tensor by_b = sigmoid_backward(gg.a * g, s) + by_a * h.a * (1.0 - 2.0 * s);
               d.set(1, cat({by_a, by_b}, dim));
           }));
    return out;
}

}  // namespace

// a sigmoid(b), where a and b are the halves of t along dim. Dauphin et al., 2016.
Tensor glu(const Tensor& t, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"glu.default">([&] { return glu(t, dim); }, t, optional_argument(dim, -1));
    WG_CHECK(t.dim() > 0, "glu does not support scalars because halving size must be even");
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    WG_CHECK(t.size(dim) % 2 == 0, "Halving dimension must be even, but dimension ", dim,
             " is size ", t.size(dim));
    WG_CHECK_NOT_IMPLEMENTED(is_floating(t.dtype()), "\"glu_cpu\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
    Tensor out;
    {
        Unrecorded off;
        const TwoHalves h = halves(t, dim);
        out = h.a * sigmoid(h.b);
    }
    record("GluBackward0", out, {t}, {save("self", t)},
           with<"dim">(given)([](Backward& d, int64_t dim) {
               d.set(0, glu_gradient(d.grad(), d.saved(0), dim));
           }));
    return out;
}

// t where positive, else weight * t; one weight, or one for each channel (dimension 1). He et al., 2015.
Tensor prelu(const Tensor& t, const Tensor& weight) {
    WG_CHECK(t.dtype() == weight.dtype(), "prelu: Type promoting not supported. Got ",
             info(t.dtype()).scalar_name, " and ", info(weight.dtype()).scalar_name);
    if (weight.numel() != 1) {
        WG_CHECK(t.dim() > 0, "Not allow zero-dim input tensor.");
        const int64_t channels = t.dim() > 1 ? t.size(1) : 1;
        WG_CHECK(channels == weight.numel(),
                 "Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
                 weight.numel(), " and channel size = ", channels, ".");
    }
    WG_CHECK(
        weight.dim() <= 1,
        "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
    Dims shape(size_t(t.dim()), 1);
    if (t.dim() > 0) shape[t.dim() > 1 ? 1 : 0] = weight.numel();
    return prelu_kernel(t, weight.dim() == t.dim() ? weight : view(weight, shape));
}

// By input and by weight, as one node; who wants one of them leaves the other unused.
TwoGradients prelu_slopes(const Tensor& g, const Tensor& x, const Tensor& w) {
    TwoGradients out;
    {
        Unrecorded off;
        const Tensor positive = x > 0;
        out = {where(positive, g, w * g), where(positive, 0.0, x * g)};
    }
    record("PreluKernelBackwardBackward0", std::span<const Tensor>(out), {g, x, w},
           {save("grad_output", g), save("self", x), save("weight", w)}, [](Backward& d) {
               const Tensor g = d.saved(0), x = d.saved(1), w = d.saved(2);
               const Tensor positive = x > 0;
               const Tensor by_input = d.has_grad(0) ? d.grad(0) : Tensor();
               const Tensor by_weight = d.has_grad(1) ? d.grad(1) : Tensor();
               if (d.needs(0)) {
                   Tensor sum;
                   if (by_input.defined()) sum = where(positive, by_input, w * by_input);
                   if (by_weight.defined())
                       sum = sum_of_defined(sum, where(positive, 0.0, x * by_weight));
                   d.set(0, sum);
               }
               const auto where_negative = [&](const Tensor& by) {
                   // At 0 as PyTorch, which takes the other side here.
                   return by.defined() ? where(x >= 0, 0.0, g * by) : zeros_like(x);
               };
               if (d.needs(1)) d.set(1, where_negative(by_weight));
               if (d.needs(2)) d.set(2, where_negative(by_input));
           });
    return out;
}

Tensor prelu_slope(const Tensor& g, const Tensor& a, const Tensor& b) {
    return prelu_slopes(g, a, b)[0];
}
Tensor prelu_weight_slope(const Tensor& g, const Tensor& a, const Tensor& b) {
    return prelu_slopes(g, a, b)[1];
}

// --- layer_norm, rms_norm ---

namespace {

// The last dims, over which a layer is normalised, and what follows from them.
struct Layer {
    int64_t rank;  // of the normalised shape
    double eps;

    Dims inner(const Tensor& t) const {
        Dims dims;
        for (int64_t d = t.dim() - rank; d < t.dim(); ++d) dims.push_back(d);
        return dims;
    }
    Tensor mean(const Tensor& t) const { return mean_over(t, inner(t), true); }
    Tensor deviation_inverse(const Tensor& centred) const {
        return rsqrt(mean(centred * centred) + eps);
    }
    Dims shape_in(const Tensor& t) const { return Dims(t.sizes().last(size_t(rank))); }
    // Takes out of v what is constant over a layer or goes along with its normalised values.
    Tensor project(const Tensor& v, const Tensor& normal) const {
        return v - mean(v) - normal * mean(v * normal);
    }
    Tensor over_layers(const Tensor& t) const {
        return sum_to(t, Dims(t.sizes().last(size_t(rank))));
    }
};

// `shape` must be that of the last dims, and of the parameters; PyTorch prints the layers' shapes differently.
void check_shape(const Tensor& t, const Dims& shape, const char* rest) {
    const IntSpan sizes = t.sizes();
    if (sizes.size() >= shape.size() && same_shape(sizes.last(shape.size()), shape)) return;
    const std::string list = to_string(shape);
    fail(ErrorKind::Runtime,
         str("Given normalized_shape=", list, ", expected input with shape [", rest, list.substr(1),
             ", but got input of size", to_string(sizes)));
}
void check_parameter(const Tensor& p, const Dims& shape, const char* name) {
    WG_CHECK(!p.defined() || same_shape(p.sizes(), shape), "Expected ", name,
             " to be of same shape as normalized_shape, but got ", name, " of shape ",
             to_string(p.sizes()), " and normalized_shape = ", to_string(shape));
}
void check_rank(const Dims& shape) {
    WG_CHECK(!shape.empty(),
             "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
             "one element, but got normalized_shape = []");
}

Tensor times(const Tensor& t, const Tensor& weight) { return weight.defined() ? t * weight : t; }

struct LayerGradients {
    Tensor input, weight, bias;
};

// With n the normalised values, r one over the deviation, P the projection and v = g w:
// dx = r P(v), dw = sum g n, db = sum g. In turn dn = r P(dx) and dr = -r^2 mean(n dx), which gives the
// derivative of these.
LayerGradients layer_gradients(const Layer& layer, const Tensor& g, const Tensor& x,
                               const Tensor& mean, const Tensor& r, const Tensor& weight,
                               const Tensor& bias) {
    LayerGradients out;
    {
        Unrecorded off;
        const DType compute = r.dtype();
        const Tensor grad = contiguous(to_dtype(g, compute));
        const Tensor normal = (contiguous(to_dtype(x, compute)) - mean) * r;
        out.input = to_dtype(r * layer.project(times(grad, weight), normal), x.dtype());
        if (weight.defined())
            out.weight = to_dtype(layer.over_layers(grad * normal), weight.dtype());
        if (bias.defined()) out.bias = to_dtype(layer.over_layers(grad), bias.dtype());
    }
    TensorList made{out.input};
    if (weight.defined()) made.push_back(out.weight);
    if (bias.defined()) made.push_back(out.bias);
    const Tensor none;
    record("NativeLayerNormBackwardBackward0", std::span<const Tensor>(made),
           {g, x, none, none, weight, bias},
           {save("grad_out", g), save("input", x), save("weight", weight), save("bias", bias)},
           with<"normalized_shape">(layer.shape_in(x))(
               [layer, has_bias = bias.defined()](Backward& d) {
                   const Tensor g = d.saved(0), x = d.saved(1), w = d.saved(2), v = times(g, w);
                   const Tensor centred = x - layer.mean(x), r = layer.deviation_inverse(centred);
                   const Tensor n = centred * r;
                   Tensor by_g, by_x;
                   if (d.has_grad(0)) {
                       const Tensor& u = d.grad(0);
                       const Tensor p = layer.project(u, n);
                       by_g = times(r * p, w);
                       by_x = n * layer.mean(v * p) +
                              layer.project(layer.mean(v * n) * u + layer.mean(u * n) * v, n);
                       by_x = by_x * -(r * r);
                       if (d.needs(4)) d.set(4, layer.over_layers(g * r * p));
                   }
                   if (w.defined() && d.has_grad(1)) {
                       const Tensor& u = d.grad(1);
                       by_g = sum_of_defined(by_g, u * n);
                       by_x = sum_of_defined(by_x, r * layer.project(u * g, n));
                   }
                   const size_t of_bias = w.defined() ? 2 : 1;
                   if (has_bias && d.has_grad(of_bias))
                       by_g = sum_of_defined(by_g, expand(d.grad(of_bias), Dims(g.sizes())));
                   if (d.needs(0)) d.set(0, by_g);
                   if (d.needs(1)) d.set(1, by_x);
               }));
    return out;
}

}  // namespace

// (x - mean) / sqrt(variance + eps) * weight + bias over the last dims. Ba et al., 2016.
Tensor layer_norm(const Tensor& t, const Dims& normalized_shape, const OptTensor& weight,
                  const OptTensor& bias, double eps) {
    if (watched()) [[unlikely]]
        return watch<"native_layer_norm.default">(
            [&] { return layer_norm(t, normalized_shape, weight, bias, eps); }, t, normalized_shape,
            weight, bias, eps);
    const Tensor w = weight.value_or(Tensor()), b = bias.value_or(Tensor());
    check_rank(normalized_shape);
    check_parameter(w, normalized_shape, "weight");
    check_parameter(b, normalized_shape, "bias");
    check_shape(t, normalized_shape, "*, ");
    WG_CHECK_NOT_IMPLEMENTED(is_floating(t.dtype()),
                             "\"LayerNormKernelImpl\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
    const bool half = t.itemsize() == 2;
    for (const Tensor& p : {w, b})
        WG_CHECK(!p.defined() || p.dtype() == t.dtype() || (half && p.dtype() == DType::Float32),
                 "mixed dtype (CPU): expect parameter to have scalar type of Float");
    const Layer layer{int64_t(normalized_shape.size()), eps};
    Tensor out, mean, r;
    {
        Unrecorded off;
        const Tensor x = contiguous(half ? to_dtype(t, DType::Float32) : t);
        mean = layer.mean(x);
        const Tensor centred = x - mean;
        r = layer.deviation_inverse(centred);
        out = times(centred * r, w);
        if (b.defined()) out = out + b;
        out = to_dtype(out, t.dtype());
    }
    record("NativeLayerNormBackward0", out, {t, w, b},
           {save("input", t), save_output("result1", mean), save_output("result2", r),
            save("weight", w), save("bias", b)},
           with<"normalized_shape">(layer.shape_in(t))([layer](Backward& d) {
               const LayerGradients g = layer_gradients(layer, d.grad(), d.saved(0), d.saved(1),
                                                        d.saved(2), d.saved(3), d.saved(4));
               if (d.needs(0)) d.set(0, g.input);
               if (d.needs(1)) d.set(1, g.weight);
               if (d.needs(2)) d.set(2, g.bias);
           }));
    return out;
}

// x / sqrt(mean(x^2) + eps) * weight over the last dims. Zhang and Sennrich, 2019.
Tensor rms_norm(const Tensor& t, const Dims& normalized_shape, const OptTensor& weight,
                OptDouble eps) {
    const Tensor w = weight.value_or(Tensor());
    check_rank(normalized_shape);
    check_parameter(w, normalized_shape, "weight");
    WG_CHECK_VALUE(t.dim() >= int64_t(normalized_shape.size()), "Input tensor must have at least ",
                   normalized_shape.size(), " dimensions, but got ", t.dim());
    check_shape(t, normalized_shape, "*");
    WG_CHECK_NOT_IMPLEMENTED(is_differentiable(t.dtype()), "\"rms_norm\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
    if (w.defined() && w.dtype() != t.dtype())
        warn_once(WarningKind::User,
                  str("Mismatch dtype between input and weight: input dtype = ",
                      info(t.dtype()).c_name, ", weight dtype = ", info(w.dtype()).c_name,
                      ", Cannot dispatch to fused implementation. (Triggered internally at "
                      "/__w/pytorch/pytorch/aten/src/ATen/native/layer_norm.cpp:346.)"));
    const Tensor x = t.itemsize() == 2 ? to_dtype(t, DType::Float32) : t;
    const double smallest = to_real(x.dtype()) == DType::Float64
                                ? std::numeric_limits<double>::epsilon()
                                : std::numeric_limits<float>::epsilon();
    const Layer layer{int64_t(normalized_shape.size()), eps.value_or(smallest)};
    const Tensor normal = x * rsqrt(layer.mean(pow(x, 2)) + layer.eps);
    return contiguous(to_dtype(times(normal, w), t.dtype()));
}

// --- distances ---

namespace {

// At least eps, which the gradient knows nothing of.
Tensor at_least(const Tensor& length, double eps) {
    Tensor t = clone(length);
    Unrecorded off;
    const Arg args[] = {t, eps};
    elementwise_(Op::clamp_min, t, args);
    return t;
}

}  // namespace

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t dim, double eps) {
    const Arg both[] = {a, b};
    const DType dtype = result_type(both);
    WG_CHECK(is_floating(dtype), "expected common dtype to be floating point, yet common dtype is ",
             info(dtype).scalar_name);
    const Dims shape = broadcast_shapes(a.sizes(), b.sizes());
    const bool same = same_shape(a.sizes(), b.sizes());
    const auto prepared = [&](const Tensor& t) {
        const Tensor cast = is_floating(t.dtype()) ? t : to_dtype(t, dtype);
        return same ? cast : expand(cast, shape);
    };
    const Tensor x = prepared(a), y = prepared(b);
    const auto length = [&](const Tensor& t) {
        return at_least(vector_norm(t, 2, Dims{dim}, true), eps);
    };
    const Tensor x_length = length(x), y_length = length(y);
    return sum_over((x / x_length) * (y / y_length), Dims{dim});
}

// The norm of a - b + eps along the last dim.
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
    const int64_t dim = std::max(a.dim(), b.dim());
    return norm_over(a - b + eps, p, Dims{dim == 0 ? 0 : dim - 1}, keepdim);
}

}  // namespace wg
