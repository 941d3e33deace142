// Forward mode with nested levels, which the public API does not have: derivatives of derivatives must not mix.
// First derivatives of all operations are tested from Python.
#include "support.h"

namespace wg::test {
namespace {

// d f(x) / dx along v, with a level of its own.
template <class F>
Tensor jvp(F f, const Tensor& x, const Tensor& v) {
    const int level = enter_forward_level();
    Tensor t;
    {
        const Tensor y = f(make_dual(x, v, level));
        t = tangent(y, level);
        if (!t.defined()) t = zeros_like(y, {});
    }
    exit_forward_level(level);
    return t;
}
template <class F>
Tensor derivative(F f, const Tensor& x) {
    return jvp(f, x, ones_like(x));
}

double number(const Tensor& t) { return values(t)[0]; }

TEST(Forward, LevelsDoNotMix) {
    // d/dx (x * d/dy (x + y)) = 1; it would be 2 if the levels were one.
    const Tensor x = tensor({3.0}), one = tensor({1.0});
    const auto outer = [&](const Tensor& a) {
        return mul(a, derivative([&](const Tensor& b) { return add(a, b); }, one));
    };
    EXPECT_EQ(number(derivative(outer, x)), 1);
    // d/dx (x * d/dy (x * y)) = 2 x
    const auto product = [&](const Tensor& a) {
        return mul(a, derivative([&](const Tensor& b) { return mul(a, b); }, one));
    };
    EXPECT_EQ(number(derivative(product, x)), 6);
    // The inner function does not read the outer variable, and the other way round.
    const auto constant = [&](const Tensor&) {
        return derivative([](const Tensor& b) { return mul(b, b); }, x);
    };
    EXPECT_EQ(number(derivative(constant, x)), 0);
    EXPECT_EQ(open_forward_levels, 0);
}

TEST(Forward, HigherDerivatives) {
    const Tensor x = tensor({0.7});
    const auto f = [](const Tensor& a) { return sin(mul(a, a)); };
    const auto f1 = [&](const Tensor& a) { return derivative(f, a); };
    const auto f2 = [&](const Tensor& a) { return derivative(f1, a); };
    const auto f3 = [&](const Tensor& a) { return derivative(f2, a); };
    const double a = 0.7, s = std::sin(a * a), c = std::cos(a * a);
    EXPECT_NEAR(number(f1(x)), 2 * a * c, 1e-14);
    EXPECT_NEAR(number(f2(x)), 2 * c - 4 * a * a * s, 1e-14);
    EXPECT_NEAR(number(f3(x)), -12 * a * s - 8 * a * a * a * c, 1e-13);
}

// Each kind of rule: transposed, own, views, several outputs, saved outputs, writes.
Tensor program(const Tensor& x) {
    Tensor m = mm(view(x, {2, 3}), t(view(exp(x), {2, 3})));
    Tensor w = softmax(m, 1, {});
    Tensor y = clone(w);
    Tensor row = select(y, 0, 1);
    const Tensor factor = row + 2.0;
    const Arg product[] = {row, factor};
    elementwise_(Op::mul, row, product);
    Tensor places = as_strided(y, {2}, {2}, 0);
    copy_(places, sum(x * x));
    const TensorList parts = unbind(cumprod(flatten(y, 0, 1), 0, {}), 0);
    Tensor total = var(y, Dims{0, 1}, Scalar(1), false);
    for (const Tensor& p : parts) total = total + log(p) * p;
    return total;
}

TEST(Forward, SecondDerivativesOfAProgram) {
    std::mt19937 rng(5);
    const Tensor x = random({6}, rng, 0.5, 1.5), v = random({6}, rng), u = random({6}, rng);
    const auto along_v = [&](const Tensor& a) { return jvp(program, a, v); };
    const Tensor twice = jvp(along_v, x, u);

    const Tensor l = leaf(x);
    const Tensor g = gradients(program(l), tensor({1.0}, {}), {l}, true)[0];
    EXPECT_NEAR(number(along_v(x)), weighted_sum(g, v), 1e-12);
    const Tensor h = gradients(g, v, {l})[0];
    EXPECT_NEAR(number(twice), weighted_sum(h, u), 1e-10);
    // Forward over reverse, at an inner level.
    const Tensor mixed = jvp(
        [&](const Tensor& a) {
            const Tensor b = view(a, {6});
            set_requires_grad(b, true);
            return gradients(program(b), tensor({1.0}, {}), {b}, true)[0];
        },
        x, u);
    EXPECT_NEAR(weighted_sum(mixed, v), number(twice), 1e-10);
    // Reverse over two levels of forward.
    const Tensor third = gradients(jvp([&](const Tensor& a) { return jvp(program, a, v); }, l, u),
                                   tensor({1.0}, {}), {l})[0];
    const double eps = 1e-5;
    const auto at = [&](double s) { return number(jvp(along_v, add(x, mul(u, s)), u)); };
    EXPECT_NEAR(weighted_sum(third, u), (at(eps) - at(-eps)) / (2 * eps), 1e-5);
}

TEST(Forward, WritesAtSeveralLevels) {
    const Tensor x = tensor({2.0, 3.0});
    // y = x; y[0] *= y[1], twice differentiated along (1, 1): 2.
    const auto f = [](const Tensor& a) {
        Tensor y = clone(a);
        Tensor first = select(y, 0, 0);
        const Tensor last = select(y, 0, 1);
        const Arg args[] = {first, last};
        elementwise_(Op::mul, first, args);
        return y;
    };
    const Tensor second = derivative([&](const Tensor& a) { return derivative(f, a); }, x);
    EXPECT_EQ(values(second), (Values{2, 0}));
    // Into a constant, from the outer level only.
    const auto into = [&](const Tensor& a) {
        return derivative(
            [&](const Tensor& b) {
                Tensor z = zeros({2}, DType::Float64);
                copy_(z, a);
                return mul(z, b);
            },
            x);
    };
    EXPECT_EQ(values(derivative(into, x)), (Values{1, 1}));
}

TEST(Forward, LevelsCloseInOrder) {
    const int outer = enter_forward_level(), inner = enter_forward_level();
    EXPECT_ERROR(exit_forward_level(outer), "not the last that was created");
    const Tensor x = tensor({1.0});
    const Tensor d = make_dual(x, x, inner);
    EXPECT_ERROR(make_dual(d, x, inner), "already has a forward gradient");
    EXPECT_ERROR(make_dual(x, d, inner), "itself has a forward gradient");
    EXPECT_ERROR(make_dual(x, x, 2), "invalid index");
    exit_forward_level(inner);
    EXPECT_FALSE(has_tangent(d, inner));
    exit_forward_level(outer);
    EXPECT_ERROR(exit_forward_level(outer), "not the last that was created");
}

TEST(Forward, WindowsBeyondTheTangentsMemory) {
    // The tangent of an operation's result is dense, the result's storage may be larger.
    const int level = enter_forward_level();
    const Tensor all = tensor({1, 2, 3, 4, 5, 6});
    Tensor part = as_strided(all, {2}, {1}, 0);
    copy_(part, make_dual(tensor({7, 8}), tensor({1, 2}), level));
    EXPECT_EQ(values(tangent(as_strided(part, {3}, {2}, 0), level)), (Values{1, 0, 0}));
    const Tensor small = make_dual(alias(all, Dims{2}, Dims{1}, 0), tensor({1, 2}), level);
    const Tensor wide = as_strided(small, {6}, {1}, 0);
    EXPECT_EQ(values(tangent(wide, level)), (Values{1, 2, 0, 0, 0, 0}));
    exit_forward_level(level);
}

}  // namespace
}  // namespace wg::test
