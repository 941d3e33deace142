// Accuracy of scalar/math.h: every function against a wider libm, over the whole range of its
// argument, as vectors and as plain numbers. The largest error of each function is printed.
#include "scalar/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace wg {
inline namespace WG_ISA {
namespace {

template <class T>
constexpr T inf = std::numeric_limits<T>::infinity();
template <class T>
constexpr T nan = std::numeric_limits<T>::quiet_NaN();

template <class T>
using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;

// The distance of `got` from the exact value, in units of the last place of T there.
template <class T>
double error_in_ulps(T got, Wide<T> exact) {
    const T rounded = static_cast<T>(exact);
    if (std::isnan(rounded) || std::isnan(got))
        return std::isnan(rounded) && std::isnan(got) ? 0 : 1e30;
    if (std::isinf(rounded) || std::isinf(got)) {
        if (rounded == got) return 0;
        // An infinity is one step beyond the largest finite number.
        const T largest = std::numeric_limits<T>::max();
        return std::fabs(rounded) == largest || std::fabs(got) == largest ? 1 : 1e30;
    }
    if (rounded == 0 && got == 0) return std::signbit(rounded) == std::signbit(got) ? 0 : 1e30;
    const T size = std::max(std::fabs(rounded), std::numeric_limits<T>::min());
    const T ulp = std::nextafter(size, inf<T>) - size;
    return static_cast<double>(std::fabs(static_cast<Wide<T>>(got) - exact) / ulp);
}

// Arguments: special values, every so many bit patterns, and random ones of moderate size.
template <class T>
std::vector<T> arguments(int count) {
    using Limits = std::numeric_limits<T>;
    std::vector<T> xs;
    for (T x : {T(0),
                Limits::denorm_min(),
                Limits::min(),
                Limits::min() / 3,
                Limits::epsilon(),
                T(0.125),
                T(0.25),
                T(0.5),
                T(0.75),
                T(1),
                T(1.5),
                T(2),
                T(2.5),
                T(3),
                T(4),
                T(5),
                T(10),
                T(16),
                T(17),
                T(20),
                T(31),
                T(64),
                T(100),
                T(127),
                T(128),
                T(150),
                T(709),
                T(710),
                T(745),
                T(1000),
                T(1e4),
                T(1e6),
                T(1e7),
                T(1e10),
                T(1e30),
                T(1.5707963267948966),
                T(3.141592653589793),
                T(0.34657359),
                T(0.69314718),
                T(0.70710678),
                T(1.41421356),
                T(88.72283),
                T(-103.97),
                T(6),
                T(9.2),
                T(10.05),
                T(26.5),
                T(1e5),
                T(8388608),
                T(16777216),
                Limits::max(),
                inf<T>,
                nan<T>})
        for (T s : {x, std::nextafter(x, inf<T>), std::nextafter(x, -inf<T>)}) {
            xs.push_back(s);
            xs.push_back(-s);
        }
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    const Bits stride = std::numeric_limits<Bits>::max() / (count / 2) | 1;
    Bits bits = 0;
    for (int i = 0; i < count / 2; ++i, bits += stride) xs.push_back(bit_cast<T>(bits));
    std::mt19937_64 random(7);
    for (int i = 0; i < count / 2; ++i) {
        const double scale[] = {1, 2, 12, 120};
        xs.push_back(T(std::uniform_real_distribution<double>(-1, 1)(random) * scale[i % 4]));
    }
    while (xs.size() % 64 != 0) xs.push_back(T(1));
    return xs;
}

template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

// Runs `f` over all arguments as vectors and as numbers, which must agree to the bit.
template <class T, class F, class Reference>
void check1(const char* name, double bound, F f, Reference reference, int count) {
    double worst = 0;
    T worst_at = 0;
    const std::vector<T> xs = arguments<T>(count);
    for (size_t i = 0; i < xs.size(); i += kLanes<T>) {
        T lanes[kLanes<T>];
        f(Vec<T>::load(&xs[i])).store(lanes);
        for (int j = 0; j < kLanes<T>; ++j) {
            const T x = xs[i + j];
            ASSERT_TRUE(same(lanes[j], f(x)))
                << name << " of " << x << ": vector " << lanes[j] << ", number " << f(x);
            const double error = error_in_ulps<T>(lanes[j], reference(static_cast<Wide<T>>(x)));
            if (error > worst) worst = error, worst_at = x;
        }
    }
    std::printf("%-10s %-6s %.3f ulp at %.9g\n", name, sizeof(T) == 4 ? "float" : "double", worst,
                double(worst_at));
    EXPECT_LE(worst, bound) << name << " at " << std::hexfloat << worst_at << ": got "
                            << f(worst_at);
}

template <class T, class F, class Reference>
void check2(const char* name, double bound, F f, Reference reference, int count) {
    double worst = 0;
    T worst_x = 0, worst_y = 0;
    const auto check = [&](const T* xs, const T* ys) {
        T lanes[kLanes<T>];
        f(Vec<T>::load(xs), Vec<T>::load(ys)).store(lanes);
        for (int j = 0; j < kLanes<T>; ++j) {
            ASSERT_TRUE(same(lanes[j], f(xs[j], ys[j])))
                << name << " of " << xs[j] << " and " << ys[j] << ": vector " << lanes[j]
                << ", number " << f(xs[j], ys[j]);
            const double error = error_in_ulps<T>(
                lanes[j], reference(static_cast<Wide<T>>(xs[j]), static_cast<Wide<T>>(ys[j])));
            if (error > worst) worst = error, worst_x = xs[j], worst_y = ys[j];
        }
    };
    std::vector<T> xs = arguments<T>(count);
    std::vector<T> ys = xs;
    std::shuffle(ys.begin(), ys.end(), std::mt19937(3));
    for (size_t i = 0; i < xs.size(); i += kLanes<T>) check(&xs[i], &ys[i]);
    // Every special value with every other.
    const size_t special = 256;
    for (size_t i = 0; i < special; ++i) {
        std::fill(ys.begin(), ys.begin() + special, xs[i]);
        for (size_t j = 0; j < special; j += kLanes<T>) check(&xs[j], &ys[j]);
    }
    std::printf("%-10s %-6s %.3f ulp at %.9g, %.9g\n", name, sizeof(T) == 4 ? "float" : "double",
                worst, double(worst_x), double(worst_y));
    EXPECT_LE(worst, bound) << name << " at " << std::hexfloat << worst_x << ", " << worst_y
                            << ": got " << f(worst_x, worst_y);
}

#define CHECK1(name, T, bound, count) \
    check1<T>(                        \
        #name, bound, [](auto x) { return name(x); }, [](auto x) { return std::name(x); }, count)
#define CHECK1_AS(name, T, bound, count, exact) \
    check1<T>(#name, bound, [](auto x) { return name(x); }, [](auto x) { return exact; }, count)
#define CHECK2(name, T, bound, count)                            \
    check2<T>(                                                   \
        #name, bound, [](auto x, auto y) { return name(x, y); }, \
        [](auto x, auto y) { return std::name(x, y); }, count)

constexpr int kMany = 60'000, kSome = 20'000;

TEST(MathFloat, ExponentialsAndLogarithms) {
    CHECK1(exp, float, 1.2, kMany);
    CHECK1(exp2, float, 1.2, kMany);
    CHECK1(expm1, float, 0.6, kMany);
    CHECK1(log, float, 0.6, kMany);
    CHECK1(log2, float, 0.6, kMany);
    CHECK1(log10, float, 0.6, kMany);
    CHECK1(log1p, float, 0.6, kMany);
    // Where exp(-x) overflows the result is 0, not a denormal number, as PyTorch's.
    CHECK1_AS(sigmoid, float, 2.5, kMany, 1 / (1 + std::exp(x < -88.7228391 ? -x * 1e6 : -x)));
}

TEST(MathFloat, Trigonometric) {
    CHECK1(sin, float, 2.4, kMany);
    CHECK1(cos, float, 2.4, kMany);
    CHECK1(tan, float, 0.6, kMany);
    CHECK1(asin, float, 0.6, kMany);
    CHECK1(acos, float, 0.6, kMany);
    CHECK1(atan, float, 0.6, kMany);
}

TEST(MathFloat, Hyperbolic) {
    CHECK1(sinh, float, 0.6, kMany);
    CHECK1(cosh, float, 0.6, kMany);
    CHECK1(tanh, float, 1.2, kMany);
    CHECK1(asinh, float, 0.6, kMany);
    CHECK1(acosh, float, 0.6, kMany);
    CHECK1(atanh, float, 0.6, kMany);
}

TEST(MathFloat, ErrorFunction) {
    CHECK1(erf, float, 1.2, kMany);
    CHECK1(erfc, float, 0.6, kMany);
}

// The distribution is exact to a part of 1, not of itself.
template <class T>
void check_normal_cdf(double bound) {
    for (T x : arguments<T>(kMany)) {
        if (std::isnan(x)) {
            EXPECT_TRUE(std::isnan(normal_cdf(x)));
            continue;
        }
        const Wide<T> exact = std::erfc(-static_cast<Wide<T>>(x) * std::sqrt(Wide<T>(0.5))) / 2;
        ASSERT_LE(std::fabs(static_cast<double>(static_cast<Wide<T>>(normal_cdf(x)) - exact)),
                  bound)
            << "at " << x;
        if (x < -9) {
            EXPECT_EQ(normal_cdf(x), T(0));
        }
        if (x > 9) {
            EXPECT_EQ(normal_cdf(x), T(1));
        }
    }
    // Vectors give the same as numbers.
    CHECK1_AS(normal_cdf, T, inf<double>, kSome, std::erfc(-x * std::sqrt(decltype(x)(0.5))) / 2);
}
TEST(MathFloat, NormalDistribution) { check_normal_cdf<float>(0x1.bp-24); }
TEST(MathDouble, NormalDistribution) { check_normal_cdf<double>(0x1.4p-53); }

TEST(MathFloat, TwoArguments) {
    CHECK2(pow, float, 0.6, kMany);
    CHECK2(atan2, float, 0.6, kMany);
    CHECK2(fmod, float, 0, kMany);
    CHECK2(copysign, float, 0, kSome);
}

// Bounds of double are those of the vector code; what goes through libm has its.
TEST(MathDouble, ExponentialsAndLogarithms) {
    CHECK1(exp, double, 1, kMany);
    CHECK1(exp2, double, 1, kSome);
    CHECK1(expm1, double, 1.5, kMany);
    CHECK1(log, double, 1, kMany);
    CHECK1(log2, double, 1, kSome);
    CHECK1(log10, double, 2, kSome);
    CHECK1(log1p, double, 1.5, kMany);
    CHECK1_AS(sigmoid, double, 2.5, kMany,
              1 / (1 + std::exp(x < -709.782712893384L ? -x * 1e6L : -x)));
}

TEST(MathDouble, Trigonometric) {
    CHECK1(sin, double, 1, kMany);
    CHECK1(cos, double, 1, kMany);
    CHECK1(tan, double, 1, kSome);
    CHECK1(asin, double, 1, kSome);
    CHECK1(acos, double, 1, kSome);
    CHECK1(atan, double, 1, kSome);
}

TEST(MathDouble, Hyperbolic) {
    CHECK1(sinh, double, 2, kSome);
    CHECK1(cosh, double, 2, kSome);
    CHECK1(tanh, double, 2.5, kMany);
    CHECK1(asinh, double, 2, kSome);
    CHECK1(acosh, double, 2, kSome);
    CHECK1(atanh, double, 2, kSome);
}

TEST(MathDouble, ErrorFunction) {
    CHECK1(erf, double, 1.5, kMany);
    CHECK1(erfc, double, 5, kSome);
}

TEST(MathDouble, TwoArguments) {
    CHECK2(pow, double, 1, kSome);
    CHECK2(atan2, double, 1, kSome);
    CHECK2(fmod, double, 0, kSome);
    CHECK2(copysign, double, 0, kSome);
}

template <class T>
void check_simple() {
    CHECK1(sqrt, T, 0.5, kSome);
    CHECK1_AS(rsqrt, T, 1.5, kSome, 1 / std::sqrt(x));
    CHECK1_AS(reciprocal, T, 0.5, kSome, 1 / x);
    CHECK1(floor, T, 0, kSome);
    CHECK1(ceil, T, 0, kSome);
    CHECK1(trunc, T, 0, kSome);
    CHECK1_AS(round, T, 0, kSome, std::nearbyint(x));
    CHECK1_AS(abs, T, 0, kSome, std::fabs(x));
    CHECK1_AS(sign, T, 0, kSome, Wide<T>((x > 0) - (x < 0)));
    const auto larger = [](auto x, auto y) {
        return std::isnan(x) || std::isnan(y) ? x + y : x > y ? x : y;
    };
    const auto smaller = [](auto x, auto y) {
        return std::isnan(x) || std::isnan(y) ? x + y : x < y ? x : y;
    };
    check2<T>("maximum", 0, [](auto x, auto y) { return maximum(x, y); }, larger, kSome);
    check2<T>("minimum", 0, [](auto x, auto y) { return minimum(x, y); }, smaller, kSome);
    for (T x : arguments<T>(kSome)) {
        EXPECT_EQ(isnan(x), std::isnan(x));
        EXPECT_EQ(isinf(x), std::isinf(x));
        EXPECT_EQ(isfinite(x), std::isfinite(x));
        EXPECT_TRUE(same<T>(fma(x, T(1.1), T(-1)), std::fma(x, T(1.1), T(-1))));
    }
}
TEST(MathFloat, Simple) { check_simple<float>(); }
TEST(MathDouble, Simple) { check_simple<double>(); }

// Powers at the corners where calculus has no answer, as IEEE 754 and PyTorch give them.
TEST(MathFloat, PowCorners) {
    const float n = nan<float>, i = inf<float>;
    const float cases[][3] = {{0, 0, 1},         {n, 0, 1},       {1, n, 1},       {-1, i, 1},
                              {-1, -i, 1},       {0, -1, i},      {-0.0f, -1, -i}, {-0.0f, -2, i},
                              {-0.0f, 3, -0.0f}, {-2, 3, -8},     {-2, 0.5f, n},   {-i, 3, -i},
                              {-i, 0.5f, i},     {-i, -3, -0.0f}, {i, -1, 0},      {0.5f, i, 0},
                              {0.5f, -i, i},     {2, -i, 0},      {n, 1, n},       {2, n, n}};
    for (const auto& c : cases)
        EXPECT_TRUE(same(pow(c[0], c[1]), c[2]))
            << c[0] << " to the " << c[1] << ": " << pow(c[0], c[1]);
}

TEST(MathInteger, WrapsAndNeverTraps) {
    EXPECT_EQ(abs(int8_t(-128)), int8_t(-128));
    EXPECT_EQ(abs(int32_t(-5)), 5);
    EXPECT_EQ(abs(uint8_t(200)), 200);
    EXPECT_EQ(sign(int64_t(-9)), -1);
    EXPECT_EQ(sign(uint8_t(9)), 1);
    EXPECT_EQ(maximum(int16_t(-3), int16_t(2)), 2);
    EXPECT_EQ(minimum(uint8_t(3), uint8_t(200)), 3);
    EXPECT_EQ(pow(int64_t(3), int64_t(13)), 1594323);
    EXPECT_EQ(pow(-1, -3), -1);
    EXPECT_EQ(pow(1, -3), 1);
    EXPECT_EQ(pow(2, -1), 0);
    EXPECT_EQ(pow(int8_t(2), int8_t(7)), int8_t(-128));
    EXPECT_EQ(fmod(-7, 3), -1);
    EXPECT_EQ(fmod(7, 0), 7);
    EXPECT_EQ(floor(7), 7);
    EXPECT_FALSE(isnan(7));
    EXPECT_TRUE(isfinite(7));
}

// A plain number may stand on either side, and takes the type of the vector.
TEST(Math, MixesWithNumbers) {
    const Vec<float> x = 3;
    EXPECT_EQ(pow(x, 2.0)[0], 9.0f);
    EXPECT_EQ(pow(2, x)[0], 8.0f);
    EXPECT_EQ(maximum(x, 4)[0], 4.0f);
    EXPECT_EQ(minimum(0.5, x)[0], 0.5f);
    EXPECT_EQ((0.1 * Vec<float>(3))[0], 0.1f * 3);
    static_assert(std::is_same_v<decltype(pow(x, 2.0)), Vec<float>>);
    static_assert(std::is_same_v<decltype(maximum(1.0f, 2)), float>);
}

}  // namespace
}  // namespace WG_ISA
}  // namespace wg
