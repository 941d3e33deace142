// Vec and Mask against the same operation on each lane by itself, for every element type and
// vectors of one lane to more than a register.
#include "scalar/vec.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

namespace wg {
inline namespace WG_ISA {
namespace {

template <class T, int N>
struct Case {
    using type = T;
    static constexpr int lanes = N;
};
template <class C>
class VecOf : public testing::Test {};
using Cases =
    testing::Types<Case<float, 1>, Case<float, kLanes<float>>, Case<float, 2 * kLanes<float>>,
                   Case<double, 1>, Case<double, kLanes<double>>, Case<double, 2 * kLanes<double>>,
                   Case<int8_t, 1>, Case<int8_t, kLanes<int8_t>>, Case<uint8_t, 1>,
                   Case<uint8_t, kLanes<uint8_t>>, Case<int16_t, 1>, Case<int16_t, kLanes<int16_t>>,
                   Case<int32_t, 1>, Case<int32_t, kLanes<int32_t>>, Case<int64_t, 1>,
                   Case<int64_t, kLanes<int64_t>>, Case<int64_t, 2 * kLanes<int64_t>>>;
TYPED_TEST_SUITE(VecOf, Cases);

// Lanes that meet every sign, zero, and for integers the extremes.
template <class T>
std::vector<T> numbers(int count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<T> v(count);
    for (T& x : v) {
        const int kind = int(random() % 8);
        x = kind == 0   ? T(0)
            : kind == 1 ? std::numeric_limits<T>::lowest()
            : kind == 2 ? std::numeric_limits<T>::max()
            : kind == 3 ? T(-1)
                        : T(int(random() % 200) - 100);
    }
    return v;
}

TYPED_TEST(VecOf, OperatorsWorkLaneByLane) {
    using T = typename TypeParam::type;
    constexpr int N = TypeParam::lanes;
    using V = Vec<T, N>;
    for (unsigned round = 0; round < 64; ++round) {
        const std::vector<T> a = numbers<T>(N, 2 * round), b = numbers<T>(N, 2 * round + 1);
        const V x = V::load(a.data()), y = V::load(b.data());
        const auto sum = x + y, difference = x - y, product = x * y, negative = -x,
                   chosen = where(x < y, x, y);
        const auto less = x < y, equal = x == y;
        const auto quotient = x / y;
        for (int i = 0; i < N; ++i) {
            if constexpr (Floating<T>) {
                EXPECT_EQ(sum[i], a[i] + b[i]);
                EXPECT_EQ(difference[i], a[i] - b[i]);
                EXPECT_EQ(product[i], a[i] * b[i]);
                EXPECT_EQ(negative[i], -a[i]);
                if (b[i] != 0) {
                    EXPECT_EQ(quotient[i], a[i] / b[i]);
                }
            } else {
                using U = uint64_t;  // modulo 2^64 and then 2^bits: integers wrap around
                EXPECT_EQ(sum[i], T(U(a[i]) + U(b[i])));
                EXPECT_EQ(difference[i], T(U(a[i]) - U(b[i])));
                EXPECT_EQ(product[i], T(U(a[i]) * U(b[i])));
                EXPECT_EQ(negative[i], T(-U(a[i])));
                const bool overflows = std::is_signed_v<T> && b[i] == T(-1);
                EXPECT_EQ(quotient[i], b[i] == 0 ? T(0) : overflows ? T(-U(a[i])) : T(a[i] / b[i]));
                EXPECT_EQ((x % y)[i], b[i] == 0 ? a[i] : overflows ? T(0) : T(a[i] % b[i]));
                EXPECT_EQ((x & y)[i], T(a[i] & b[i]));
                EXPECT_EQ((x | y)[i], T(a[i] | b[i]));
                EXPECT_EQ((x ^ y)[i], T(a[i] ^ b[i]));
                EXPECT_EQ((~x)[i], T(~a[i]));
                EXPECT_EQ((x << 3)[i], T(U(a[i]) << 3));
                EXPECT_EQ((x >> 3)[i], T(a[i] >> 3));
                constexpr int bits = 8 * sizeof(T);
                const bool out = b[i] < 0 || b[i] >= T(bits);
                EXPECT_EQ((x << y)[i], out ? T(0) : T(U(a[i]) << b[i]));
                EXPECT_EQ((x >> y)[i], out ? (a[i] < 0 ? T(-1) : T(0)) : T(a[i] >> b[i]));
            }
            EXPECT_EQ(chosen[i], a[i] < b[i] ? a[i] : b[i]);
            EXPECT_EQ(less[i], a[i] < b[i]);
            EXPECT_EQ((x <= y)[i], a[i] <= b[i]);
            EXPECT_EQ((x > y)[i], a[i] > b[i]);
            EXPECT_EQ((x >= y)[i], a[i] >= b[i]);
            EXPECT_EQ(equal[i], a[i] == b[i]);
            EXPECT_EQ((x != y)[i], a[i] != b[i]);
            EXPECT_EQ((less && equal)[i], false);
            EXPECT_EQ((less || equal)[i], a[i] <= b[i]);
            EXPECT_EQ((!less)[i], a[i] >= b[i]);
            EXPECT_EQ((less ^ equal)[i], a[i] <= b[i]);
        }
        bool one = false, every = true;
        for (int i = 0; i < N; ++i) one |= a[i] < b[i], every &= a[i] < b[i];
        EXPECT_EQ(any(less), one);
        EXPECT_EQ(all(less), every);
    }
}

TYPED_TEST(VecOf, PartialLoadsAndStoresStayInBounds) {
    using T = typename TypeParam::type;
    constexpr int N = TypeParam::lanes;
    using V = Vec<T, N>;
    for (int n = 0; n <= N; ++n) {
        // Blocks of exactly n elements: a sanitizer sees any access beyond.
        const std::unique_ptr<T[]> from(new T[n]), to(new T[n]);
        for (int i = 0; i < n; ++i) from[i] = T(i + 1);
        const V x = V::load(from.get(), n);
        for (int i = 0; i < N; ++i) EXPECT_EQ(x[i], i < n ? T(i + 1) : T(0));
        x.store(to.get(), n);
        for (int i = 0; i < n; ++i) EXPECT_EQ(to[i], T(i + 1));
        std::vector<T> whole(N, T(77));
        x.store(whole.data(), n);
        for (int i = 0; i < N; ++i) EXPECT_EQ(whole[i], i < n ? T(i + 1) : T(77));

        const std::unique_ptr<uint8_t[]> truth(new uint8_t[n]), back(new uint8_t[n]);
        for (int i = 0; i < n; ++i) truth[i] = uint8_t(i % 3);  // any value but 0 is true
        const Mask<T, N> mask = Mask<T, N>::load_bool(truth.get(), n);
        mask.store_bool(back.get(), n);
        for (int i = 0; i < N; ++i) EXPECT_EQ(mask[i], i < n && i % 3 != 0);
        for (int i = 0; i < n; ++i) EXPECT_EQ(back[i], i % 3 != 0);
    }
}

TYPED_TEST(VecOf, NumbersTakeTheTypeOfTheLanes) {
    using T = typename TypeParam::type;
    constexpr int N = TypeParam::lanes;
    using V = Vec<T, N>;
    const V x = 3;
    static_assert(std::is_same_v<decltype(0.5 * x), V>);
    EXPECT_EQ((2 * x - 1)[N - 1], T(5));
    EXPECT_EQ((7.9 + x)[0], T(T(7.9) + T(3)));
    EXPECT_EQ(where(x > 2, 1.0, 0)[0], T(1));
    EXPECT_EQ(where(x > 3, x, 9)[0], T(9));
    EXPECT_EQ(where(false, x, 8.0)[0], T(8));
    EXPECT_TRUE(all(3 == x) && any(x >= 3) && !any(x != 3) && !any(x < 3.0));
    EXPECT_TRUE(all(Mask<T, N>(true)) && !any(Mask<T, N>(false)));
    for (int i = 0; i < N && i < 100; ++i) EXPECT_EQ(V::iota()[i], T(i));
    V y = x;
    y += 2;
    y *= x;
    y -= 1;
    y /= 2;
    EXPECT_EQ(y[0], T(7));
    y.set(N - 1, T(4));
    EXPECT_EQ(y[N - 1], T(4));
}

template <class To, class From, int N>
void check_convert() {
    std::vector<From> a(N);
    for (int i = 0; i < N; ++i)
        a[i] = From(i * 3 % 100) + From(std::is_floating_point_v<From> ? 0.75 : 0);
    const auto x = Vec<From, N>::load(a.data());
    const Vec<To, N> y = convert<To>(x);
    const Mask<To, N> mask = (x > 40).template as<To>();
    for (int i = 0; i < N; ++i) {
        EXPECT_EQ(y[i], To(a[i]));
        EXPECT_EQ(mask[i], a[i] > 40);
    }
}

TEST(Vec, Converts) {
    constexpr int N = kLanes<float>;
    check_convert<double, float, N>();
    check_convert<float, double, N>();
    check_convert<float, double, N / 2>();
    check_convert<int32_t, float, N>();
    check_convert<float, int32_t, N>();
    check_convert<int64_t, double, N / 2>();
    check_convert<double, int64_t, N / 2>();
    check_convert<float, int8_t, N>();
    check_convert<uint8_t, float, N>();
    check_convert<int64_t, uint8_t, N>();
    check_convert<int16_t, int64_t, N>();
    check_convert<float, double, 1>();
    check_convert<int8_t, double, 1>();
    check_convert<float, float, N>();
}

TEST(Vec, SplitsJoinsCastsAndSums) {
    constexpr int N = kLanes<float>;
    const auto x = Vec<float>::iota();
    const auto h = split(x);
    const auto back = join(h.lo, h.hi);
    for (int i = 0; i < N / 2; ++i) {
        EXPECT_EQ(h.lo[i], float(i));
        EXPECT_EQ(h.hi[i], float(i + N / 2));
    }
    for (int i = 0; i < N; ++i) EXPECT_EQ(back[i], float(i));
    EXPECT_EQ(sum_lanes(x), float(N * (N - 1) / 2));
    EXPECT_EQ(bit_cast<int32_t>(Vec<float>(1.0f))[N - 1], 0x3f800000);
    EXPECT_EQ(bit_cast<int32_t>(1.0f), 0x3f800000);
    EXPECT_EQ(map_lanes([](float v) { return v + 1; }, x)[N - 1], float(N));
    EXPECT_EQ(where(true, 1, 2.5), 1.0);
    EXPECT_TRUE(any(true) && !all(false));
}

}  // namespace
}  // namespace WG_ISA
}  // namespace wg
