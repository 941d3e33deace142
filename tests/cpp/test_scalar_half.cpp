// Half and BFloat16 against a slow conversion written from the definition of the formats: every
// 16-bit pattern, and floats around every rounding boundary.
#include "scalar/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

namespace wg {
inline namespace WG_ISA {
namespace {

static_assert(std::is_trivially_copyable_v<Half> && sizeof(Half) == 2);
static_assert(std::is_trivially_copyable_v<BFloat16> && sizeof(BFloat16) == 2);
static_assert(!std::is_convertible_v<float, Half> && !std::is_convertible_v<Half, float>);

template <class T>
constexpr int kExponentBits = std::is_same_v<T, Half> ? 5 : 8;
template <class T>
constexpr int kMantissaBits = 15 - kExponentBits<T>;

// The number a pattern stands for, as sign, exponent and mantissa say.
template <class T>
double decode(uint16_t bits) {
    constexpr int m = kMantissaBits<T>, e = kExponentBits<T>, bias = (1 << (e - 1)) - 1;
    const int mantissa = bits & ((1 << m) - 1), exponent = (bits >> m) & ((1 << e) - 1);
    double value;
    if (exponent == (1 << e) - 1) value = mantissa ? NAN : INFINITY;
    else if (exponent == 0) value = std::ldexp(mantissa, 1 - bias - m);
    else value = std::ldexp(mantissa + (1 << m), exponent - bias - m);
    return bits >> 15 ? -value : value;
}

// The nearest pattern, ties to even, found by looking among all of one sign: patterns grow with the
// number.
template <class T>
uint16_t encode(float f) {
    static const std::vector<double> values = [] {
        std::vector<double> v;
        for (int i = 0; i < 0x8000 && !std::isinf(decode<T>(uint16_t(i))); ++i)
            v.push_back(decode<T>(uint16_t(i)));
        v.push_back(2 * v.back() -
                    v[v.size() - 2]);  // what would follow the largest rounds to infinity
        return v;
    }();
    const double a = std::fabs(double(f));
    const uint16_t sign = std::signbit(f) ? 0x8000 : 0;
    const size_t up = std::lower_bound(values.begin(), values.end(), a) - values.begin();
    if (up == values.size()) return uint16_t(sign | (values.size() - 1));
    if (up == 0) return sign;
    const double middle = (values[up] + values[up - 1]) / 2;
    const size_t nearest = a > middle || (a == middle && up % 2 == 0) ? up : up - 1;
    return uint16_t(sign | nearest);
}

template <class T>
class HalfTypes : public testing::Test {};
using Types = testing::Types<Half, BFloat16>;
TYPED_TEST_SUITE(HalfTypes, Types);

TYPED_TEST(HalfTypes, EveryPatternWidensExactlyAndComesBack) {
    using T = TypeParam;
    constexpr int L = kLanes<float>;
    for (int base = 0; base < 0x10000; base += L) {
        T block[L], back[L];
        for (int i = 0; i < L; ++i) block[i] = T::from_bits(uint16_t(base + i));
        const Vec<float> wide = load_as_float(block, L);
        store_from_float(back, L, wide);
        for (int i = 0; i < L; ++i) {
            const uint16_t bits = uint16_t(base + i);
            const double expected = decode<T>(bits);
            const float number = static_cast<float>(block[i]);
            if (std::isnan(expected)) {
                EXPECT_TRUE(std::isnan(number) && std::isnan(wide[i])) << std::hex << bits;
                EXPECT_TRUE(std::isnan(decode<T>(back[i].bits)) &&
                            std::isnan(decode<T>(T(number).bits)))
                    << std::hex << bits;
            } else {
                ASSERT_EQ(number, expected) << std::hex << bits;
                ASSERT_EQ(wide[i], expected) << std::hex << bits;
                ASSERT_EQ(std::signbit(wide[i]), std::signbit(expected));
                ASSERT_EQ(T(number).bits, bits);
                ASSERT_EQ(back[i].bits, bits);
            }
        }
    }
}

TYPED_TEST(HalfTypes, RoundsToNearestEven) {
    using T = TypeParam;
    std::vector<float> numbers = {0.0f,          -0.0f,        INFINITY,      -INFINITY,
                                  65504.0f,      65519.99f,    65520.0f,      -65520.0f,
                                  3.4028235e38f, 1e-45f,       2.9802322e-8f, 2.9802326e-8f,
                                  6.1035156e-5f, 6.097555e-5f, 1e-40f};
    for (int bits = 0; bits < 0x7c00;
         ++bits) {  // every boundary between neighbours, and both sides of it
        const float middle = float((decode<T>(uint16_t(bits)) + decode<T>(uint16_t(bits + 1))) / 2);
        for (float f : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, INFINITY)}) {
            numbers.push_back(f);
            numbers.push_back(-f);
        }
    }
    std::mt19937 random(11);
    for (int i = 0; i < 200000; ++i) {
        const uint32_t bits = random();
        float f;
        std::memcpy(&f, &bits, 4);
        if (!std::isnan(f)) numbers.push_back(f);
    }
    constexpr int L = kLanes<float>;
    while (numbers.size() % L) numbers.push_back(1);
    for (size_t i = 0; i < numbers.size(); i += L) {
        T block[L];
        store_from_float(block, L, Vec<float>::load(&numbers[i]));
        for (int j = 0; j < L; ++j) {
            const float f = numbers[i + j];
            ASSERT_EQ(T(f).bits, encode<T>(f)) << std::hexfloat << f;
            ASSERT_EQ(block[j].bits, encode<T>(f)) << std::hexfloat << f;
        }
    }
}

TYPED_TEST(HalfTypes, NanStaysNanAndPartialBlocksStayInBounds) {
    using T = TypeParam;
    constexpr int L = kLanes<float>;
    for (uint32_t bits : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
        float f;
        std::memcpy(&f, &bits, 4);
        EXPECT_TRUE(std::isnan(decode<T>(T(f).bits)));
    }
    for (int n = 0; n <= L; ++n) {
        const std::vector<T> from(n, T(1.5f));
        std::vector<T> to(L, T(7.0f));
        const Vec<float> x = load_as_float(from.data(), n);
        for (int i = 0; i < L; ++i) EXPECT_EQ(x[i], i < n ? 1.5f : 0.0f);
        store_from_float(to.data(), n, x);
        for (int i = 0; i < L; ++i) EXPECT_EQ(float(to[i]), i < n ? 1.5f : 7.0f);
    }
}

}  // namespace
}  // namespace WG_ISA
}  // namespace wg
