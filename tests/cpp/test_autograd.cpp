// The engine: graphs of every form, what it frees, in-place writes through views, hooks, errors.
// A missing or doubled gradient is the worst fault, so derivatives are compared with finite differences.
#include "support.h"

namespace wg::test {
namespace {

void mul_to(Tensor self, const Arg& other) {
    const Arg args[] = {self, other};
    elementwise_(Op::mul, self, args);
}
void add_to(Tensor self, const Arg& other) {
    const Arg args[] = {self, other};
    elementwise_(Op::add, self, args);
}
void apply_to(Op op, Tensor self) {
    const Arg args[] = {self};
    elementwise_(op, self, args);
}

// --- graphs ---

TEST(Engine, SumsTheGradientsOfAllPaths) {
    const Tensor x = leaf({2, 3});
    const Tensor a = mul(x, x), b = add(a, x), c = mul(a, b);  // x^4 + x^3
    backward(sum(c));
    EXPECT_EQ(values(gradient_of(x)), (Values{4 * 8 + 3 * 4, 4 * 27 + 3 * 9}));
}

TEST(Engine, DiamondsOfDiamondsTakeLinearTime) {
    const Tensor x = leaf({1});
    Tensor y = mul(x, 1.0);
    for (int i = 0; i < 60; ++i) y = add(y, y);  // 2^60 paths
    backward(y);
    EXPECT_EQ(values(gradient_of(x))[0], 0x1p60);
}

TEST(Engine, UsesOneTensorInManyPlaces) {
    const Tensor x = leaf({0.5});
    TensorList terms;
    for (int i = 1; i <= 50; ++i) terms.push_back(mul(x, double(i)));
    backward(sum(cat(terms)));
    EXPECT_EQ(values(gradient_of(x))[0], 1275);
}

TEST(Engine, RandomGraphsAgainstFiniteDifferences) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        std::mt19937 inputs(seed);
        check_gradients(
            {random({2, 3}, inputs, 0.5, 1.5), random({3}, inputs, 0.5, 1.5),
             random({2, 1}, inputs, 0.5, 1.5)},
            [&](const TensorList& xs) {
                std::mt19937 rng(seed + 1000);
                TensorList pool = xs;
                for (int step = 0; step < 12; ++step) {
                    const Tensor a = pool[rng() % pool.size()], b = pool[rng() % pool.size()];
                    switch (rng() % 6) {
                    case 0: pool.push_back(mul(a, b)); break;
                    case 1: pool.push_back(add(a, b)); break;
                    case 2: pool.push_back(tanh(a)); break;
                    case 3: pool.push_back(div(a, add(mul(b, b), 1.0))); break;
                    case 4: pool.push_back(sub(Arg(a), Arg(0.3))); break;
                    default: pool.push_back(mul(sum(a), b)); break;
                    }
                }
                return tanh(mul(pool.back(), 0.1));
            },
            "random graph " + std::to_string(seed), 1e-6);
    }
}

TEST(Engine, ChainOfAMillionNodes) {
    const Tensor x = leaf({1, 2});
    {
        Tensor y = mul(x, 1.0);
        for (int i = 0; i < 1000000; ++i) y = add(y, 0.0);
        backward(sum(y), {.retain_graph = true});
        EXPECT_EQ(values(gradient_of(x)), (Values{1, 1}));
        const Tensor roots[] = {sum(y)}, seeds[] = {ones({}, DType::Float64)}, inputs[] = {x};
        const TensorList g =
            run_backward(roots, seeds, inputs, {.retain_graph = true, .accumulate = false});
        EXPECT_EQ(values(g[0]), (Values{1, 1}));
    }  // freed here, without recursion
    Tensor y = mul(x, 1.0);
    for (int i = 0; i < 200000; ++i) y = mul(y, y);  // nodes that save tensors
    y = Tensor();
}

TEST(Engine, DeepChainsOfViewsAndInPlaceWrites) {
    const Tensor x = leaf({1, 2});
    Tensor y = mul(x, 1.0);
    for (int i = 0; i < 20000; ++i) mul_to(slice(y, 0, 0, 1), 1.0);
    backward(sum(y));
    EXPECT_EQ(values(gradient_of(x)), (Values{1, 1}));
}

TEST(Engine, RunsTheNodeRecordedLastFirst) {
    std::string order;
    const Tensor x = leaf({1});
    const Tensor a = exp(x), b = sin(x), c = add(a, b);
    for (const auto& [t, name] : {std::pair(a, 'a'), {b, 'b'}, {c, 'c'}})
        grad_fn(t)->own_hooks().pre.push_back([&order, name = name](Grads&) { order += name; });
    backward(c);
    EXPECT_EQ(order, "cba");
}

// --- accumulation ---

TEST(Accumulation, AddsUpAcrossPassesAndWritesInPlace) {
    const Tensor x = leaf({1, 2});
    backward(mul(x, 3.0));
    const Tensor g = gradient_of(x);
    backward(mul(x, 4.0));
    EXPECT_TRUE(gradient_of(x).is_same(g));
    EXPECT_EQ(values(g), (Values{7, 7}));
}

TEST(Accumulation, NeverSharesTheCallersTensors) {
    const Tensor x = leaf({1, 2}), z = leaf({1, 2});
    const Tensor seed = tensor({1, 10});
    const Tensor y = add(x, z);
    backward(y, seed);  // the seed goes through unchanged, to both
    EXPECT_NE(gradient_of(x).raw(), seed.raw());
    EXPECT_NE(gradient_of(x).raw(), gradient_of(z).raw());
    backward(mul(x, 1.0), seed);
    EXPECT_EQ(values(seed), (Values{1, 10}));
    EXPECT_EQ(values(gradient_of(x)), (Values{2, 20}));
    EXPECT_EQ(values(gradient_of(z)), (Values{1, 10}));
}

TEST(Accumulation, TakesOverWhatNobodyElseHolds) {
    const Tensor x = leaf({1, 2});
    Tensor seen;
    const Tensor y = mul(x, 2.0);
    grad_fn(y)->own_hooks().post.push_back([&](Grads& in, const Grads&) { seen = in[0]; });
    backward(y);
    EXPECT_NE(gradient_of(x).raw(), seen.raw());  // the hook kept it, so it was copied
    const Values before = values(gradient_of(x));
    mul_to(seen, 100.0);
    EXPECT_EQ(values(gradient_of(x)), before);
}

TEST(Accumulation, GradientsReusedInPlaceAreNotSeenElsewhere) {
    // retain_grad and a hook both look at gradients that later nodes would like to overwrite.
    const Tensor x = leaf({1, 2});
    const Tensor a = mul(x, 2.0), b = exp(a);
    retain_grad(a);
    retain_grad(b);
    const Tensor seed = tensor({1, 1});
    backward(neg(sin(b)), seed);
    const Values bv = values(b);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_DOUBLE_EQ(values(gradient_of(b))[i], -std::cos(bv[i]));
        EXPECT_DOUBLE_EQ(values(gradient_of(a))[i], -std::cos(bv[i]) * bv[i]);
        EXPECT_DOUBLE_EQ(values(gradient_of(x))[i], -std::cos(bv[i]) * bv[i] * 2);
    }
    EXPECT_EQ(values(seed), (Values{1, 1}));
}

TEST(Accumulation, LayoutFollowsTheLeaf) {
    Tensor x = transpose(ones({2, 3}, DType::Float64), 0, 1);
    x = detach(x);
    set_requires_grad(x, true);
    backward(mul(x, ones({3, 2}, DType::Float64)));
    EXPECT_EQ(to_string(gradient_of(x).strides()), to_string(x.strides()));
}

TEST(Accumulation, ExpandedGradientsAreStoredDense) {
    const Tensor x = leaf(ones({2, 3}, DType::Float64));
    backward(sum(x));
    EXPECT_EQ(to_string(gradient_of(x).strides()), "[3, 1]");
    mul_to(gradient_of(x), 2.0);
    EXPECT_EQ(values(gradient_of(x)), (Values{2, 2, 2, 2, 2, 2}));
}

// --- what a pass keeps and frees ---

TEST(Graph, IsFreedUnlessRetained) {
    const char* message = "Trying to backward through the graph a second time";
    const Tensor x = leaf({1, 2});
    Tensor y = exp(x);
    backward(y, {.retain_graph = true});
    backward(y);
    EXPECT_DOUBLE_EQ(values(gradient_of(x))[0], 2 * std::exp(1));
    EXPECT_ERROR(backward(y), message);
    EXPECT_ERROR(grad_fn(y)->saved_value(0), message);
    y = mul(x, x);
    gradients(y, ones_like(y), {x});
    EXPECT_NO_THROW(backward(y));
    EXPECT_ERROR(backward(y), message);
    y = add(x, x);  // saves nothing, so may run again
    backward(y);
    EXPECT_NO_THROW(backward(y));
    y = mul(x, 1.0);
    const Tensor two = tensor({2});
    mul_to(slice(y, 0, 0, 1), two);
    backward(y);
    EXPECT_ERROR(backward(y), message);
}

TEST(Graph, AnErrorLeavesTheEngineUsable) {
    const Tensor x = leaf({1, 2});
    const Tensor y = exp(mul(x, 1.0));
    grad_fn(y)->own_hooks().pre.push_back(
        [](Grads&) { fail(ErrorKind::Runtime, "from the hook"); });
    for (int i = 0; i < 2; ++i) EXPECT_ERROR(backward(y, {.retain_graph = true}), "from the hook");
    grad_fn(y)->hooks->pre.clear();
    backward(y);
    EXPECT_EQ(values(gradient_of(x)), values(y));
    backward(mul(x, 2.0));
    EXPECT_DOUBLE_EQ(values(gradient_of(x))[0], std::exp(1) + 2);
}

TEST(Graph, CreateGraphGivesDerivativesOfDerivatives) {
    const Tensor x = leaf({0.5});
    Tensor d = sin(x);
    const double s = std::sin(0.5), c = std::cos(0.5);
    for (const double wanted : {c, -s, -c, s, c}) {
        d = gradients(d, ones_like(d), {x}, true)[0];
        EXPECT_DOUBLE_EQ(values(d)[0], wanted);
    }
    EXPECT_TRUE(requires_grad(d));
    d = gradients(sin(x), ones({1}, DType::Float64), {x}, false)[0];
    EXPECT_FALSE(requires_grad(d));
}

TEST(Graph, NoGradRecordsNothing) {
    const Tensor x = leaf({1});
    {
        GradMode off(false);
        EXPECT_FALSE(requires_grad(exp(x)));
        GradMode on(true);
        EXPECT_TRUE(requires_grad(exp(x)));
    }
    EXPECT_TRUE(grad_enabled());
    EXPECT_FALSE(requires_grad(exp(detach(x))));
    EXPECT_FALSE(requires_grad(eq(x, 1)));
}

// --- saved tensors and versions ---

TEST(Versions, AWriteToASavedTensorIsAnError) {
    const Tensor x = leaf({1, 2});
    const Tensor a = mul(x, 1.0);
    Tensor y = mul(a, a);
    add_to(a, 1);
    EXPECT_ERROR(
        backward(y),
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        "[torch.DoubleTensor [2]], which is output 0 of Add, is at version 1; expected version 0 instead.");
    const Tensor e = exp(x);
    y = mul(e, 2.0);
    add_to(e, 1);
    EXPECT_ERROR(backward(y), "[torch.DoubleTensor [2]], which is output 0 of");
    // A write through a view or a detached alias counts; a write to the result of an op that saved its inputs does not.
    const Tensor b = mul(x, 1.0);
    y = sin(b);
    add_to(detach(slice(b, 0, 0, 1)), 1);
    EXPECT_ERROR(backward(y), "modified by an inplace operation");
    const Tensor s = sin(x);
    add_to(s, 1);
    EXPECT_NO_THROW(backward(s));
    // Only what the wanted gradients read is saved.
    const Tensor constant = tensor({3, 4});
    y = mul(constant, constant);
    y = mul(mul(x, constant), 1.0);
    const Tensor other = mul(x, 2.0);
    y = mul(other, constant);
    add_to(other, 1);
    EXPECT_NO_THROW(backward(y));
}

// --- views and in-place ---

TEST(Views, WritesThroughViewsChangeTheHistoryOfTheBase) {
    const Tensor x = leaf({1, 2, 3}), w = leaf({5});
    const Tensor y = mul(x, 2.0);
    const Tensor v = slice(y, 0, 1, 2);
    mul_to(v, w);
    EXPECT_EQ(node_name(y), "torch::autograd::CopySlices");
    EXPECT_EQ(node_name(v), "AsStridedBackward0");
    EXPECT_EQ(values(y), (Values{2, 20, 6}));
    backward(sum(y));
    EXPECT_EQ(values(gradient_of(x)), (Values{2, 10, 2}));
    EXPECT_EQ(values(gradient_of(w)), (Values{4}));
}

TEST(Views, EveryViewSeesAWriteThroughAnother) {
    const Tensor x = leaf({1, 2, 3, 4});
    const Tensor y = mul(x, 1.0);
    const Tensor square = view(y, {2, 2}), column = select(square, 1, 0), last = slice(y, 0, 3, 4);
    const Tensor old = mul(column, 1.0);  // before the write
    apply_to(Op::exp, select(square, 0, 0));
    const TensorList g = gradients(cat({column, old, last}), tensor({1, 1, 1, 1, 1}), {x});
    EXPECT_DOUBLE_EQ(values(g[0])[0], std::exp(1) + 1);
    EXPECT_EQ(values(g[0])[2], 2);
    EXPECT_EQ(values(g[0])[3], 1);
    EXPECT_EQ(values(g[0])[1], 0);
}

TEST(Views, AViewOfABaseWithoutHistoryGainsOne) {
    const Tensor y = zeros({3}, DType::Float64), w = leaf({5});
    const Tensor v = slice(y, 0, 0, 1), other = slice(y, 0, 0, 2);
    EXPECT_FALSE(requires_grad(other));
    add_to(v, w);
    EXPECT_TRUE(requires_grad(y));
    EXPECT_TRUE(requires_grad(other));
    backward(sum(mul(other, other)));
    EXPECT_EQ(values(gradient_of(w)), (Values{10}));
}

// A random program of views, in-place writes and reads, as a function of two inputs.
Tensor random_program(const TensorList& xs, unsigned seed) {
    std::mt19937 rng(seed);
    Tensor base = mul(xs[0], 1.0);
    TensorList pool{base, view(base, {4, 3}), transpose(base, 0, 1)};
    TensorList reads;
    const auto any = [&]() -> Tensor { return pool[rng() % pool.size()]; };
    for (int step = 0; step < 14; ++step) {
        const Tensor t = any();
        switch (rng() % 9) {
        case 0: pool.push_back(select(t, 0, int64_t(rng() % uint64_t(t.size(0))))); break;
        case 1:
            pool.push_back(slice(t, t.dim() - 1, int64_t(rng() % 2), {}, 1 + int64_t(rng() % 2)));
            break;
        case 2:
            if (t.dim() > 1) pool.push_back(transpose(t, 0, 1));
            break;
        case 3: pool.push_back(unsqueeze(t, 0)); break;
        case 4: mul_to(t, 1.5); break;
        case 5: apply_to(Op::sin, t); break;  // saves a copy, so that later writes are allowed
        case 6: mul_to(t, select(select(xs[1], 0, 0), 0, 0)); break;
        case 7: add_to(t, sum(mul(any(), 0.1))); break;
        default: reads.push_back(sum(sin(mul(t, 1.0)))); break;
        }
        // Views with an empty dim lead nowhere.
        if (pool.back().numel() == 0 || pool.back().dim() == 0 || pool.back().dim() > 5)
            pool.pop_back();
    }
    Tensor y = sum(mul(base, base));
    for (const Tensor& t : pool) y = add(y, sum(sin(t)));
    for (const Tensor& r : reads) y = add(y, r);
    return y;
}

TEST(Views, RandomProgramsOfViewsAndWritesAgainstFiniteDifferences) {
    for (unsigned seed = 0; seed < 150 && !HasFailure(); ++seed) {
        std::mt19937 rng(seed);
        check_gradients(
            {random({3, 4}, rng), random({2, 2}, rng)},
            [&](const TensorList& xs) { return random_program(xs, seed + 500); },
            "program " + std::to_string(seed), 1e-5);
    }
}

TEST(Views, GradientsOfIntermediatesAfterAWrite) {
    // The filtered pass must reach an input that only the written slice leads to, and one that only the rest does.
    const Tensor a = leaf({1, 2, 3}), w = leaf({4}), u = leaf({7});
    const Tensor b = mul(a, mul(u, 1.0));
    const Tensor v = slice(b, 0, 0, 1);
    const Tensor early = mul(v, 3.0);
    mul_to(v, w);
    const Tensor y = add(sum(b), sum(early));
    const auto only = [&](const Tensor& t) { return values(gradients(y, ones_like(y), {t})[0]); };
    EXPECT_EQ(only(w), (Values{7}));
    EXPECT_EQ(only(a), (Values{7 * 4 + 7 * 3, 7, 7}));
    EXPECT_EQ(only(u), (Values{1 * 4 + 1 * 3 + 2 + 3}));
}

TEST(Views, RulesOfLeavesAndNoGrad) {
    const Tensor x = leaf({1, 2});
    EXPECT_ERROR(mul_to(x, 2.0),
                 "a leaf Variable that requires grad is being used in an in-place operation.");
    EXPECT_ERROR(
        mul_to(slice(x, 0, 0, 1), 2.0),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    const Tensor y = mul(x, 1.0);
    Tensor v;
    {
        GradMode off(false);
        v = slice(y, 0, 0, 1);
    }
    EXPECT_ERROR(
        mul_to(v, 2.0),
        "A view was created in no_grad mode and is being modified inplace with grad mode enabled.");
    const TensorList parts = unbind(y);
    EXPECT_ERROR(mul_to(parts[0], 2.0),
                 "Output 0 of Unbind is a view and is being modified inplace.");
    EXPECT_EQ(values(y), (Values{1, 2}));
}

TEST(Views, RetainGradFollowsAnInPlaceWrite) {
    const Tensor x = leaf({1, 2});
    const Tensor y = mul(x, 2.0);
    retain_grad(y);
    mul_to(y, 3.0);
    backward(sum(mul(y, 5.0)));
    EXPECT_EQ(values(gradient_of(y)), (Values{5, 5}));
    EXPECT_EQ(values(gradient_of(x)), (Values{30, 30}));
}

TEST(Views, InPlaceOnItself) {
    std::mt19937 rng(3);
    check_gradients(
        {random({4}, rng)},
        [](const TensorList& xs) {
            const Tensor y = mul(xs[0], 1.0);
            add_to(y, y);
            return mul(y, y);
        },
        "y.add_(y)");
}

// --- inputs= and what leads nowhere ---

TEST(Inputs, OnlyTheWantedPartsOfTheGraphRun) {
    int ran = 0;
    const Tensor a = leaf({1}), b = leaf({2});
    const Tensor x = exp(a), y = exp(b);
    grad_fn(y)->own_hooks().pre.push_back([&](Grads&) { ++ran; });
    const Tensor z = mul(x, y);
    EXPECT_DOUBLE_EQ(values(gradients(z, ones_like(z), {a})[0])[0], std::exp(3));
    EXPECT_EQ(ran, 0);
    EXPECT_FALSE(gradient_of(a).defined());
    // A gradient in the middle of the graph, and one of the root itself.
    const TensorList g = gradients(z, ones_like(z), {x, z, b});
    EXPECT_DOUBLE_EQ(values(g[0])[0], std::exp(2));
    EXPECT_EQ(values(g[1])[0], 1);
    EXPECT_DOUBLE_EQ(values(g[2])[0], std::exp(3));
    EXPECT_EQ(ran, 1);
}

TEST(Inputs, UnusedOnesStayUndefined) {
    const Tensor a = leaf({1}), b = leaf({2});
    const Tensor y = exp(a);
    const TensorList g = gradients(y, ones_like(y), {a, b});
    EXPECT_TRUE(g[0].defined());
    EXPECT_FALSE(g[1].defined());
}

TEST(Inputs, TheSameInputTwice) {
    const Tensor a = leaf({3});
    const Tensor y = mul(a, a);
    const TensorList g = gradients(y, ones_like(y), {a, a});
    EXPECT_EQ(values(g[0])[0], 6);
    EXPECT_EQ(values(g[1])[0], 6);
}

TEST(Inputs, AccumulateOnlyThere) {
    const Tensor a = leaf({1}), b = leaf({2});
    const Tensor m = mul(a, b), y = mul(m, m);
    const Tensor roots[] = {y}, seeds[] = {ones_like(y)}, inputs[] = {a, m};
    run_backward(roots, seeds, inputs, {});
    EXPECT_EQ(values(gradient_of(a))[0], 8);
    EXPECT_EQ(values(gradient_of(m))[0], 4);
    EXPECT_FALSE(gradient_of(b).defined());
}

TEST(Inputs, SeveralRoots) {
    const Tensor a = leaf({2});
    const Tensor x = mul(a, 3.0), y = mul(x, x);
    const Tensor roots[] = {x, y, a, x},
                 seeds[] = {tensor({1}), tensor({1}), tensor({100}), tensor({1000})};
    run_backward(roots, seeds, {}, {});
    EXPECT_EQ(values(gradient_of(a))[0], 3 + 2 * 6 * 3 + 100 + 3000);
}

// --- hooks ---

TEST(Hooks, RunInOrderAndMayReplaceGradients) {
    const Tensor x = leaf({1, 2});
    const Tensor y = mul(x, 1.0), z = mul(y, 1.0);
    auto& h = grad_fn(y)->own_hooks();
    h.on_tensor.push_back({0, [](const Tensor& g) { return mul(g, 2.0); }});
    h.on_tensor.push_back({0, [](const Tensor& g) { return add(g, 1.0); }});
    h.pre.push_back([](Grads& g) { g[0] = mul(g[0], 10.0); });
    h.post.push_back([](Grads& in, const Grads& out) { in[0] = add(in[0], out[0]); });
    own_meta(x).hooks.push_back([](const Tensor& g) { return neg(g); });
    int after = 0;
    own_meta(x).post_accumulate.push_back(
        [&](const Tensor& leaf) { after += leaf.is_same(x) && gradient_of(leaf).defined(); });
    retain_grad(y);
    backward(z);
    EXPECT_EQ(values(gradient_of(y)), (Values{3, 3}));
    EXPECT_EQ(values(gradient_of(x)), (Values{-60, -60}));
    EXPECT_EQ(after, 1);
}

TEST(Hooks, MayStartAPassOfTheirOwn) {
    const Tensor x = leaf({1, 2}), other = leaf({5});
    const Tensor shared = exp(x);
    const Tensor y = mul(shared, 3.0), z = mul(shared, 7.0);
    Tensor inner;
    grad_fn(y)->own_hooks().pre.push_back([&](Grads&) {
        const GradMode on(true);  // off inside a pass
        backward(mul(other, other));  // another graph
        inner = gradients(z, ones_like(z), {x})[0];  // the same nodes, while they wait
    });
    const Tensor roots[] = {y, z}, seeds[] = {ones_like(y), ones_like(z)};
    run_backward(roots, seeds, {}, {.retain_graph = true});
    EXPECT_EQ(values(gradient_of(other))[0], 10);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_DOUBLE_EQ(values(gradient_of(x))[i], 10 * values(shared)[i]);
        EXPECT_DOUBLE_EQ(values(inner)[i], 7 * values(shared)[i]);
    }
}

TEST(Hooks, CallbacksRunWhenTheOutermostPassEnds) {
    std::string order;
    const Tensor x = leaf({1});
    const Tensor y = exp(x);
    own_meta(x).hooks.push_back([&](const Tensor& g) {
        queue_callback([&] { order += "callback "; });
        order += "hook ";
        return g;
    });
    backward(y);
    EXPECT_EQ(order, "hook callback ");
    EXPECT_ERROR(queue_callback([] {}),
                 "Final callbacks can only be installed during backward pass.");
}

// --- gradients of the wrong form ---

TEST(Conform, UndoesBroadcastingInOnePlace) {
    std::mt19937 rng(1);
    check_gradients(
        {random({3, 1, 2}, rng), random({4, 1}, rng), random({}, rng)},
        [](const TensorList& xs) { return mul(mul(xs[0], xs[1]), xs[2]); }, "broadcast");
}

TEST(Conform, RefusesGradientsThatDoNotFit) {
    const Tensor x = leaf(ones({2, 3}, DType::Float64));
    const auto returns = [&](const Tensor& g) {
        const Tensor y = clone(detach(x));
        record("OddBackward0", y, {x}, {}, [g](Backward& d) { d.set(0, g); });
        backward(y);
    };
    EXPECT_ERROR(
        returns(ones({2, 4}, DType::Float64)),
        "Function OddBackward0 returned an invalid gradient at index 0 - got [2, 4] but expected shape compatible with [2, 3]");
    EXPECT_ERROR(returns(ones({3}, DType::Float64)),
                 "returned an invalid gradient at index 0 - got [3]");
    returns(ones({2, 3}, DType::Float32));
    EXPECT_EQ(gradient_of(x).dtype(), DType::Float64);
    returns(ones({2, 3}, DType::Int64));
    returns(ones({5, 2, 3}, DType::Float64));  // summed over the extra dim
    EXPECT_EQ(values(gradient_of(x)), (Values{7, 7, 7, 7, 7, 7}));
}

TEST(Leaves, Rules) {
    const Tensor x = leaf({1}), ints = ones({1}, DType::Int32);
    EXPECT_TRUE(is_leaf(x));
    const Tensor y = exp(x);
    EXPECT_FALSE(is_leaf(y));
    EXPECT_ERROR(set_requires_grad(y, false),
                 "you can only change requires_grad flags of leaf variables.");
    EXPECT_ERROR(set_requires_grad(ints, true),
                 "only Tensors of floating point and complex dtype can require gradients");
    EXPECT_ERROR(retain_grad(ints), "can't retain_grad on Tensor that has requires_grad=False");
    EXPECT_ERROR(set_grad(x, x), "can't assign Variable as its own grad");
    EXPECT_ERROR(set_grad(x, ones({2}, DType::Float64)),
                 "attempting to assign a gradient of size '[2]' to a tensor of size '[1]'.");
    EXPECT_ERROR(
        set_grad(x, ones({1})),
        "attempting to assign a gradient with dtype 'float' to a tensor with grad_dtype 'Double'.");
    set_grad(x, tensor({4}));
    backward(y);
    EXPECT_DOUBLE_EQ(values(gradient_of(x))[0], 4 + std::exp(1));
    set_grad(x, Tensor());
    EXPECT_FALSE(gradient_of(x).defined());
}

// --- nothing leaks: what a graph held is gone when its last tensor is ---

struct Witness {
    std::shared_ptr<int> token = std::make_shared<int>(0);
    // A tensor hook on t that keeps the token alive as long as t's node lives.
    void watch(const Tensor& t) const {
        grad_fn(t)->own_hooks().on_tensor.push_back(
            {0, [token = token](const Tensor& g) { return g; }});
    }
    long alive() const { return token.use_count() - 1; }
};

TEST(Lifetime, GraphsDieWithTheirLastTensor) {
    const Witness w;
    const Tensor x = leaf({1, 2});
    {
        const Tensor a = exp(x), b = sigmoid(a), c = mul(b, a);  // saved inputs and saved results
        const Tensor v = slice(c, 0, 0, 1);
        apply_to(Op::exp, v);
        for (const Tensor& t : {a, b, c}) w.watch(t);
        const Tensor g = gradients(sum(c), ones({}, DType::Float64), {x}, true)[0];
        w.watch(g);
        EXPECT_EQ(w.alive(), 4);
    }
    EXPECT_EQ(w.alive(), 0);
    EXPECT_EQ(x->refs, 1u);
}

TEST(Lifetime, ABackwardPassFreesWhatTheNodesSaved) {
    const Tensor x = leaf({1, 2});
    const Tensor a = mul(x, 2.0);
    const uint32_t before = a->refs;
    Tensor y = mul(sin(a), a);
    EXPECT_GT(a->refs, before);
    backward(y);
    EXPECT_EQ(a->refs, before);
}

TEST(Lifetime, TheAccumulatorLivesWithTheGraph) {
    const Tensor x = leaf({1});
    {
        const Tensor y = exp(x);
        EXPECT_EQ(grad_fn(y)->edges[0].node.get(), gradient_edge(x).node.get());
        EXPECT_EQ(x->refs, 2u);  // exp saves its result, so this is the accumulator
    }
    EXPECT_EQ(x->refs, 1u);  // only its memory stays with the leaf
}

TEST(Lifetime, TheGraphKeepsItsLeavesAlive) {
    Tensor x = leaf({1});
    const Tensor y = exp(x);
    const Node* accumulator = gradient_edge(x).node.get();
    x = Tensor();
    const auto* leaf_node = dynamic_cast<const AccumulateGrad*>(accumulator);
    ASSERT_NE(leaf_node, nullptr);
    backward(y);
    EXPECT_DOUBLE_EQ(values(gradient_of(leaf_node->variable()))[0], std::exp(1));
}

}  // namespace
}  // namespace wg::test
