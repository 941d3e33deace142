// One formula for every kind of number: Dual against finite differences, Probe at compile time, and
// formulas as the table of operators writes them on all types.
#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "scalar/dual.h"
#include "scalar/math.h"
#include "scalar/probe.h"

namespace wg {
inline namespace WG_ISA {
namespace {

// ---- formulas in the style of the table ----

template <class G, class X, class Y>
constexpr auto sigmoid_gradient(G g, X, Y y) {
    return g * y * (1 - y);
}
template <class G, class X, class P>
constexpr auto leaky_gradient(G g, X x, P slope) {
    return g * where(x > 0, 1.0, slope);
}
template <class X>
constexpr auto skip_nan(X x) {
    return where(isnan(x), x, x * 2);
}
template <class X>
constexpr auto of_everything(X x) {
    return 0.5 * pow(x, 2.0) + where(x > 0 && !isinf(x), 0, exp(-abs(x))) -
           maximum(x, 0) / (1 + x * x);
}

static_assert(reads(sigmoid_gradient(Probe{1}, Probe{2}, Probe{4})) == 5);
static_assert(reads(leaky_gradient(Probe{1}, Probe{2}, 0.01)) == 3);
static_assert(reads(skip_nan(Probe{2})) == 2);
static_assert(reads(of_everything(Probe{8})) == 8);
static_assert(reads(where(true, Probe{1}, 0.0)) == 1);
static_assert(reads(where(Probe{1} > 2, 1.0, 0)) == 1);
static_assert(reads(where(Probe{1} != Probe{2} || !isnan(Probe{4}), Probe{8}, Probe{16})) == 31);
static_assert(reads(fma(Probe{1}, 2.0, Probe{4})) == 5);
static_assert(reads(atan2(1, Probe{2}) - -Probe{1}) == 3);
static_assert(reads(0.0) == 0);

static_assert(std::is_same_v<decltype(sigmoid_gradient(1.f, 1.f, 1.f)), float>);
static_assert(
    std::is_same_v<decltype(leaky_gradient(Vec<float>(), Vec<float>(), 0.5)), Vec<float>>);
static_assert(std::is_same_v<decltype(leaky_gradient(Vec<double>(), Vec<double>(), Vec<double>())),
                             Vec<double>>);
static_assert(std::is_same_v<decltype(skip_nan(Vec<float, 1>())), Vec<float, 1>>);
static_assert(std::is_same_v<decltype(skip_nan(Dual())), Dual>);

TEST(Formula, SameValueForEveryType) {
    for (double x : {-3.0, -0.5, 0.0, 0.25, 2.0}) {
        const double expected = of_everything(x);
        EXPECT_NEAR(of_everything(float(x)), expected, 1e-6);
        EXPECT_NEAR((of_everything(Vec<float>(x))[0]), expected, 1e-6);
        EXPECT_EQ((of_everything(Vec<double>(x))[0]), expected);
        EXPECT_EQ((of_everything(Vec<double, 1>(x))[0]), expected);
        EXPECT_EQ(of_everything(Dual(x)).v, expected);
        EXPECT_EQ((leaky_gradient(Vec<double>(3), Vec<double>(x), 0.5)[0]),
                  leaky_gradient(3.0, x, 0.5));
        EXPECT_EQ((sigmoid_gradient(Vec<double>(3), Vec<double>(x), Vec<double>(x))[0]),
                  3 * x * (1 - x));
        EXPECT_EQ((skip_nan(Vec<double>(x))[0]), 2 * x);
    }
    EXPECT_TRUE(std::isnan(skip_nan(NAN)));
}

// ---- Dual ----

// The derivative of f at x by central differences of fourth order.
template <class F>
double difference(F f, double x) {
    const double h = 1e-3;
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
}

template <class F>
void check_dual(const char* name, F f, double low, double high) {
    for (int i = 0; i <= 40; ++i) {
        const double x = low + (high - low) * (i + 0.37) / 41;
        const Dual y = f(Dual(x, 1));
        EXPECT_EQ(y.v, f(x)) << name << " at " << x;
        const double expected = difference(f, x);
        EXPECT_NEAR(y.d, expected, 1e-7 * std::max(1.0, std::fabs(expected)))
            << name << " at " << x;
        EXPECT_EQ(f(Dual(x, -4)).d, -4 * y.d) << name << " is linear in the derivative";
        EXPECT_EQ(f(Dual(x)).d, 0) << name << " of a constant";
    }
}
#define CHECK_DUAL(name, low, high) check_dual(#name, [](auto x) { return name(x); }, low, high)

TEST(Dual, MatchesFiniteDifferences) {
    CHECK_DUAL(exp, -3, 3);
    CHECK_DUAL(exp2, -3, 3);
    CHECK_DUAL(expm1, -3, 3);
    CHECK_DUAL(log, 0.2, 5);
    CHECK_DUAL(log2, 0.2, 5);
    CHECK_DUAL(log10, 0.2, 5);
    CHECK_DUAL(log1p, -0.8, 5);
    CHECK_DUAL(sqrt, 0.2, 5);
    CHECK_DUAL(rsqrt, 0.2, 5);
    CHECK_DUAL(reciprocal, 0.2, 5);
    CHECK_DUAL(sin, -6, 6);
    CHECK_DUAL(cos, -6, 6);
    CHECK_DUAL(tan, -1.3, 1.3);
    CHECK_DUAL(asin, -0.9, 0.9);
    CHECK_DUAL(acos, -0.9, 0.9);
    CHECK_DUAL(atan, -5, 5);
    CHECK_DUAL(sinh, -3, 3);
    CHECK_DUAL(cosh, -3, 3);
    CHECK_DUAL(tanh, -3, 3);
    CHECK_DUAL(asinh, -5, 5);
    CHECK_DUAL(acosh, 1.2, 5);
    CHECK_DUAL(atanh, -0.9, 0.9);
    CHECK_DUAL(erf, -3, 3);
    CHECK_DUAL(erfc, -3, 3);
    CHECK_DUAL(sigmoid, -6, 6);
    CHECK_DUAL(abs, 0.5, 3);
    CHECK_DUAL(abs, -3, -0.5);
    CHECK_DUAL(floor, 0.1, 0.9);
    CHECK_DUAL(ceil, 0.1, 0.9);
    CHECK_DUAL(round, 0.1, 0.4);
    CHECK_DUAL(trunc, 0.1, 0.9);
    CHECK_DUAL(sign, 0.1, 0.9);
    CHECK_DUAL(of_everything, 0.1, 4);
    CHECK_DUAL(of_everything, -4, -0.1);
}

TEST(Dual, MatchesFiniteDifferencesInEachArgument) {
    const double p = 1.7;
#define CHECK_DUAL2(name, low, high)                                           \
    check_dual(#name " first", [p](auto x) { return name(x, p); }, low, high); \
    check_dual(#name " second", [p](auto x) { return name(p, x); }, low, high)
    CHECK_DUAL2(atan2, -3, 3);
    CHECK_DUAL2(pow, 0.2, 3);
    CHECK_DUAL2(fmod, 0.9, 1.6);
    CHECK_DUAL2(copysign, 0.2, 3);
    CHECK_DUAL2(maximum, -3, 1.6);
    CHECK_DUAL2(minimum, 1.8, 3);
    check_dual("a + b", [p](auto x) { return x + p - (p - x) * x; }, -3, 3);
    check_dual("a / b", [p](auto x) { return x / p + p / x; }, 0.2, 3);
    check_dual("fma", [](auto x) { return fma(x, x, x); }, -3, 3);
}

TEST(Dual, TiesAndKinksAreThoseOfPyTorch) {
    const Dual a(2, 1), b(2, 5), zero(0, 1);
    EXPECT_EQ(maximum(a, b).d, 3);
    EXPECT_EQ(minimum(a, b).d, 3);
    EXPECT_EQ(abs(zero).d, 0);
    EXPECT_EQ(sign(zero).d, 0);
    EXPECT_EQ(round(Dual(0.5, 1)).d, 0);
    EXPECT_EQ(pow(zero, 0.0).d, 0);
    EXPECT_EQ(pow(zero, 1.0).d, 1);
    EXPECT_EQ(pow(zero, Dual(2, 1)).d, 0);
    EXPECT_EQ(pow(Dual(-2, 1), 3.0).d, 12);
    EXPECT_EQ(copysign(zero, Dual(-1)).d, 0);
    EXPECT_EQ(where(a == b, a, 7).d, 1);
}

}  // namespace
}  // namespace WG_ISA
}  // namespace wg
