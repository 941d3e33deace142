// Functions of nn.functional that are compositions in C++: gated units, distances, similarities.
#include "autograd/record.h"
#include "ops/functions.h"

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
        GradMode off(false);
        const TwoHalves h = halves(x, dim);
        const Tensor s = sigmoid(h.b);
        out = cat({g * s, sigmoid_backward(g, s) * h.a}, dim);
    }
    record("GluBackwardBackward0", out, {g, x}, {save("grad_output", g), save("self", x)},
           [dim](Backward& d) {
               const Tensor g = d.saved(0);
               const TwoHalves h = halves(d.saved(1), dim), gg = halves(d.grad(), dim);
               const Tensor s = sigmoid(h.b);
               if (d.needs(0)) d.set(0, gg.a * s + sigmoid_backward(gg.b, s) * h.a);
               if (!d.needs(1)) return;
               const Tensor by_a = sigmoid_backward(gg.b * g, s);
               const Tensor by_b = sigmoid_backward(gg.a * g, s) + by_a * h.a * (1.0 - 2.0 * s);
               d.set(1, cat({by_a, by_b}, dim));
           });
    return out;
}

}  // namespace

// a sigmoid(b), where a and b are the halves of t along dim. Dauphin et al., 2016.
Tensor glu(const Tensor& t, int64_t dim) {
    WG_CHECK(t.dim() > 0, "glu does not support scalars because halving size must be even");
    dim = wrap_dim(dim, t.dim());
    WG_CHECK(t.size(dim) % 2 == 0, "Halving dimension must be even, but dimension ", dim,
             " is size ", t.size(dim));
    WG_CHECK_NOT_IMPLEMENTED(is_floating(t.dtype()), "\"glu_cpu\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
    Tensor out;
    {
        GradMode off(false);
        const TwoHalves h = halves(t, dim);
        out = h.a * sigmoid(h.b);
    }
    record("GluBackward0", out, {t}, {save("self", t)},
           [dim](Backward& d) { d.set(0, glu_gradient(d.grad(), d.saved(0), dim)); });
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

// --- distances ---

namespace {

// At least eps, which the gradient knows nothing of.
Tensor at_least(const Tensor& length, double eps) {
    Tensor t = clone(length);
    GradMode off(false);
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
Tensor pairwise_distance(const Tensor& a, const Tensor& b, Scalar p, double eps, bool keepdim) {
    const int64_t dim = std::max(a.dim(), b.dim());
    return norm_over(a - b + eps, p, Dims{dim == 0 ? 0 : dim - 1}, keepdim);
}

}  // namespace wg
