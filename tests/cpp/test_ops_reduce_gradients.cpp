// Gradients of reductions, products and losses, to second order, against finite differences.
#include "reduce_support.h"

namespace {

using Function = std::function<Tensor(const TensorList&)>;

std::vector<Tensor> gradients(const Tensor& y, const Tensor& seed, const TensorList& inputs,
                              bool create_graph) {
    BackwardOptions options;
    options.accumulate = false;
    options.create_graph = options.retain_graph = create_graph;
    return run_backward({&y, 1}, {&seed, 1}, inputs, options);
}

// sum(f(inputs) * seed) at the inputs with element i of input k moved by h.
double moved(const std::function<double(const TensorList&)>& f, const TensorList& inputs, size_t k,
             size_t i, double h) {
    TensorList copies;
    for (const Tensor& t : inputs) copies.push_back(clone(detach(t)));
    copies[k].mutable_data<double>()[i] += h;
    return f(copies);
}

void expect_slopes(const std::function<double(const TensorList&)>& f, const TensorList& inputs,
                   const std::vector<Tensor>& slopes, double tolerance) {
    constexpr double h = 1e-6;
    for (size_t k = 0; k < inputs.size(); ++k) {
        const std::vector<double> got = slopes[k].defined()
                                            ? values_of(slopes[k])
                                            : std::vector<double>(size_t(inputs[k].numel()), 0);
        ASSERT_EQ(int64_t(got.size()), inputs[k].numel());
        for (size_t i = 0; i < got.size(); ++i) {
            const double expected =
                (moved(f, inputs, k, i, h) - moved(f, inputs, k, i, -h)) / (2 * h);
            EXPECT_NEAR(got[i], expected, tolerance * std::max(1.0, std::fabs(expected)))
                << "input " << k << " element " << i;
        }
    }
}

// First and second derivatives; the inputs are contiguous float64.
void check_gradients(const char* node, const Function& f, TensorList inputs) {
    SCOPED_TRACE(node);
    for (Tensor& t : inputs) t = leaf(detach(t));
    const Tensor y = f(inputs);
    EXPECT_EQ(node_name(y), node);
    const Tensor seed = random_tensor(Dims(y.sizes()));
    const auto value = [&](const TensorList& at) { return sum(detach(f(at)) * seed).to_double(); };
    expect_slopes(value, inputs, gradients(y, seed, inputs, false), 1e-6);

    TensorList directions;
    for (const Tensor& t : inputs) directions.push_back(random_tensor(Dims(t.sizes())));
    const auto slope_along = [&](const TensorList& at) {
        const std::vector<Tensor> g = gradients(f(at), seed, at, true);
        Tensor total = zeros(Dims{}, DType::Float64);
        for (size_t k = 0; k < g.size(); ++k)
            if (g[k].defined()) total = total + sum(g[k] * directions[k]);
        return total;
    };
    const Tensor slope = slope_along(inputs);
    std::vector<Tensor> curvature(inputs.size(), Tensor());
    if (requires_grad(slope))
        curvature = gradients(slope, ones(Dims{}, DType::Float64), inputs, false);
    const auto slope_value = [&](const TensorList& at) {
        TensorList leaves;
        for (const Tensor& t : at) leaves.push_back(leaf(detach(t)));
        return slope_along(leaves).to_double();
    };
    expect_slopes(slope_value, inputs, curvature, 1e-5);
}

TEST(Gradients, Reductions) {
    const Tensor x = random_tensor({3, 4});
    const auto one = [&](const char* node, const std::function<Tensor(const Tensor&)>& f) {
        check_gradients(node, [&](const TensorList& in) { return f(in[0]); }, {x});
    };
    one("SumBackward0", [](const Tensor& t) { return sum(t * t); });
    one("SumBackward1", [](const Tensor& t) { return sum(t * t, Dims{0}); });
    one("SumBackward1", [](const Tensor& t) { return sum(t * t, Dims{-1}, true); });
    one("SumBackward1", [](const Tensor& t) { return sum_to(t * t, Dims{1, 4}); });
    one("MeanBackward0", [](const Tensor& t) { return mean(t * t); });
    one("MeanBackward1", [](const Tensor& t) { return mean(t * t, Dims{0, 1}, true); });
    one("ProdBackward0", [](const Tensor& t) { return prod_all(t); });
    one("ProdBackward1", [](const Tensor& t) { return prod(t, 1, true); });
    one("AmaxBackward0", [](const Tensor& t) { return amax(t * t, Dims{1}); });
    one("MinBackward1", [](const Tensor& t) { return min_all(t * t); });
    one("MaxBackward0", [](const Tensor& t) { return std::get<0>(max_along(t * t, 0)); });
    one("AminmaxBackward0", [](const Tensor& t) { return std::get<0>(aminmax(t, 1)); });
    one("VarBackward0", [](const Tensor& t) { return var(t, Dims{1}); });
    one("VarBackward0", [](const Tensor& t) { return var(t, {}, Scalar(0)); });
    one("StdBackward0", [](const Tensor& t) { return std_deviation(t, Dims{0}, {}, true); });
    one("VarMeanBackward0", [](const Tensor& t) { return std::get<0>(var_mean(t, Dims{0})); });
    one("StdMeanBackward0", [](const Tensor& t) { return std::get<1>(std_mean(t, Dims{0})); });
    one("LogsumexpBackward0", [](const Tensor& t) { return logsumexp(t, {1}); });
    for (double p : {1.0, 2.0, 3.0, 0.5, 1.5, kInf})
        one("LinalgVectorNormBackward0",
            [p](const Tensor& t) { return vector_norm(t, p, Dims{1}); });
    one("CumsumBackward0", [](const Tensor& t) { return cumsum(t * t, 0); });
    one("CumprodBackward0", [](const Tensor& t) { return cumprod(t, 1); });
    one("NansumBackward0", [](const Tensor& t) { return nansum(t * t, Dims{0}); });
    one("SoftmaxBackward0", [](const Tensor& t) { return softmax(t, 1); });
    one("SoftmaxBackward0", [](const Tensor& t) { return softmax(t, 0); });
    one("LogSoftmaxBackward0", [](const Tensor& t) { return log_softmax(t, 1); });
    one("LogSoftmaxBackward0", [](const Tensor& t) { return log_softmax(t, 0); });
}

TEST(Gradients, Zeros) {
    for (const std::vector<double>& v :
         {std::vector<double>{1.5, 0, -2, 0.5, 3}, {0.0, 2, 0, 0.5, -1}, {0.0, 0, 0, 1, 1}}) {
        check_gradients("ProdBackward0", [](const TensorList& in) { return prod_all(in[0]); },
                        {tensor(v, {5})});
        check_gradients("ProdBackward1", [](const TensorList& in) { return prod(in[0], 0); },
                        {tensor(v, {5})});
        check_gradients("CumprodBackward0", [](const TensorList& in) { return cumprod(in[0], 0); },
                        {tensor(v, {5})});
    }
    // Norms at 0 have the gradient 0, not NaN.
    for (double p : {1.0, 2.0, 3.0, kInf}) {
        const Tensor x = leaf(zeros(Dims{3}, DType::Float64));
        const auto g = gradients(vector_norm(x, p), ones(Dims{}, DType::Float64), {x}, false);
        expect_values(g[0], {0, 0, 0});
    }
    const Tensor tied = leaf(tensor({3, 1, 3}, {3}));
    expect_values(gradients(max_all(tied), ones(Dims{}, DType::Float64), {tied}, false)[0],
                  {0.5, 0, 0.5});
    expect_values(
        gradients(std::get<0>(max_along(tied, 0)), ones(Dims{}, DType::Float64), {tied}, false)[0],
        {1, 0, 0});
}

TEST(Gradients, Products) {
    const Tensor a = random_tensor({2, 3}), b = random_tensor({3, 4}), c = random_tensor({2, 3, 2}),
                 v = random_tensor({3});
    check_gradients("MmBackward0", [](const TensorList& in) { return mm(in[0], in[1]); }, {a, b});
    check_gradients("MmBackward0", [](const TensorList& in) { return mm(t(in[0]), t(in[1])); },
                    {b, a});
    check_gradients("BmmBackward0",
                    [](const TensorList& in) { return bmm(in[0], transpose(in[1], 1, 2)); },
                    {c, c});
    check_gradients("MvBackward0", [](const TensorList& in) { return mv(in[0], in[1]); }, {a, v});
    check_gradients("DotBackward0", [](const TensorList& in) { return dot(in[0], in[1]); }, {v, v});
    check_gradients("AddmmBackward0",
                    [](const TensorList& in) { return addmm(in[0], in[1], in[2], 2.0, -0.5); },
                    {random_tensor({4}), a, b});
    check_gradients("AddmvBackward0",
                    [](const TensorList& in) { return addmv(in[0], in[1], in[2], 2.0, -0.5); },
                    {random_tensor({2}), a, v});
    check_gradients("BaddbmmBackward0",
                    [](const TensorList& in) { return baddbmm(in[0], in[1], in[2], 2.0, -0.5); },
                    {random_tensor({3, 1}), c, random_tensor({2, 2, 4})});
    check_gradients("UnsafeViewBackward0",
                    [](const TensorList& in) { return matmul(in[0], in[1]); },
                    {random_tensor({2, 2, 3}), b});
    check_gradients("CloneBackward0", [](const TensorList& in) { return matmul(in[0], in[1]); },
                    {a, random_tensor({2, 3, 2})});
    check_gradients("SqueezeBackward4", [](const TensorList& in) { return matmul(in[0], in[1]); },
                    {v, b});
    check_gradients("AddmmBackward0",
                    [](const TensorList& in) { return linear(in[0], in[1], in[2]); },
                    {a, random_tensor({4, 3}), random_tensor({4})});
    check_gradients("ViewBackward0",
                    [](const TensorList& in) { return linear(in[0], in[1], in[2]); },
                    {random_tensor({2, 2, 3}), random_tensor({4, 3}), random_tensor({4})});
    check_gradients("ViewBackward0", [](const TensorList& in) { return einsum("bij,kj->kb", in); },
                    {c, random_tensor({4, 2})});
    check_gradients("DistBackward0", [](const TensorList& in) { return dist(in[0], in[1], 3); },
                    {v, random_tensor({3})});
    // The gradient of a weight that is multiplied transposed comes out dense.
    const Tensor w = leaf(random_tensor({4, 3}));
    const Tensor y = linear(a, w);
    EXPECT_TRUE(gradients(y, ones({2, 4}, DType::Float64), {w}, false)[0].is_contiguous());
}

TEST(Gradients, Losses) {
    const Tensor x = random_tensor({3, 4}), y = random_tensor({3, 4}),
                 p = abs(random_tensor({3, 4})) * 0.8 + 0.1;
    const Tensor target = tensor({1, 3, 0}, {3}, DType::Int64), w = abs(random_tensor({4})) + 0.5;
    for (int64_t r : {0, 1, 2}) {
        const auto both = [&](const char* node,
                              const std::function<Tensor(const Tensor&, const Tensor&)>& f,
                              const Tensor& a) {
            check_gradients(node, [&](const TensorList& in) { return f(in[0], in[1]); }, {a, p});
        };
        both(
            "MseLossBackward0", [&](const Tensor& a, const Tensor& b) { return mse_loss(a, b, r); },
            x);
        both(
            "SmoothL1LossBackward0",
            [&](const Tensor& a, const Tensor& b) { return smooth_l1_loss(a, b, r, 0.5); }, x);
        both(
            "HuberLossBackward0",
            [&](const Tensor& a, const Tensor& b) { return huber_loss(a, b, r, 0.5); }, x);
        both(
            "BinaryCrossEntropyBackward0",
            [&](const Tensor& a, const Tensor& b) { return binary_cross_entropy(a, b, w, r); }, p);
        both(
            "BinaryCrossEntropyWithLogitsBackward0",
            [&](const Tensor& a, const Tensor& b) {
                return binary_cross_entropy_with_logits(a, b, w, w, r);
            },
            x);
        check_gradients(
            "NllLossBackward0",
            [&](const TensorList& in) { return nll_loss(in[0] * in[0] * in[0], target, w, r, 3); },
            {x});
        check_gradients("NllLossBackward0",
                        [&](const TensorList& in) { return cross_entropy(in[0], target, {}, r); },
                        {x});
        check_gradients(
            "AddBackward0",
            [&](const TensorList& in) { return cross_entropy(in[0], target, w, r, 3, 0.2); }, {x});
        check_gradients(
            r == 1 ? "DivBackward1" : "NegBackward0",
            [&](const TensorList& in) { return cross_entropy(in[0], in[1], w, r, -100, 0.2); },
            {x, p});
    }
    check_gradients("MeanBackward0", [&](const TensorList& in) { return kl_div(in[0], in[1]); },
                    {x, p});
}

}  // namespace
