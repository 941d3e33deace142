// The bulk loops of random numbers. Start with box_muller; random_kernels.h says what each does.
// PyTorch's values are reproduced bit for bit, so the approximations and every rounding, fused or
// not, are part of the specification: see Note [Box-Muller in float].
#include "cpu/random_kernels.h"
#include "scalar/math_basic.h"
#include "scalar/vec.h"

namespace wg {
inline namespace WG_ISA {
namespace {

using random_impl::kNormalBlock;
using random_impl::kStateWords;

constexpr int kShift = 397;

// Half a block of normal numbers is 8 floats: a vector at most.
constexpr int kHalfBlock = kNormalBlock / 2;
using F = Vec < float, kLanes<float><kHalfBlock ? kLanes<float> : kHalfBlock>;

WG_INLINE uint32_t next_word(uint32_t word, uint32_t following, uint32_t shifted) {
    const uint32_t mixed = (word & 0x80000000u) | (following & 0x7fffffffu);
    return shifted ^ (mixed >> 1) ^ ((0u - (following & 1u)) & 0x9908b0dfu);
}

// The words are replaced in order, so those before kStateWords - kShift combine with old words and
// the others with new ones, which lie 227 behind: far enough for any vector.
void twist(uint32_t* s) {
    constexpr int kOld = kStateWords - kShift;
#pragma GCC ivdep
    for (int i = 0; i < kOld; ++i) s[i] = next_word(s[i], s[i + 1], s[i + kShift]);
#pragma GCC ivdep
    for (int i = kOld; i < kStateWords - 1; ++i) s[i] = next_word(s[i], s[i + 1], s[i - kOld]);
    s[kStateWords - 1] = next_word(s[kStateWords - 1], s[0], s[kShift - 1]);
}

void temper(const uint32_t* words, uint32_t* __restrict out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = random_impl::temper_word(words[i]);
}

void uniform_float(const uint32_t* bits, float* out, int64_t n, float from, float to) {
    const float width = to - from;
    for (int64_t i = 0; i < n; i += F::lanes) {
        const int count = n - i < F::lanes ? int(n - i) : F::lanes;
        const auto low = Vec<uint32_t, F::lanes>::load(bits + i, count) & 0xffffffu;
        const F u = convert<float>(bit_cast<int32_t>(low)) * 0x1p-24f;
        const F x = fma(u, F(width), F(from));
        where(x == to, F(from), x).store(out + i, count);
    }
}

void uniform_double(const uint32_t* bits, double* out, int64_t n, double from, double to) {
    const double width = to - from;
    for (int64_t i = 0; i < n; ++i) {
        const uint64_t high = bits[2 * i] & 0x1fffffu;
        const double u = double(int64_t(high << 32 | bits[2 * i + 1])) * 0x1p-53;
        const double x = __builtin_fma(u, width, from);
        out[i] = x == to ? from : x;
    }
}

// Note [Box-Muller in float]
// From u1 in (0, 1] and u2 in [0, 1): radius sqrt(-2 log u1), angle 2 pi u2. The logarithm and the
// sine are the single precision approximations of S. Moshier's Cephes library (logf, sinf, cosf;
// Methods and Programs for Mathematical Functions, 1989): same intervals, same polynomials. Which
// steps are fused was found by comparison with PyTorch's values on a machine that can fuse.

// log(x) for normal x > 0: x = 2^e * (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)).
WG_INLINE F cephes_log(F x) {
    const auto bits = bit_cast<uint32_t>(x);
    const F half_to_one = bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);
    const F exponent = convert<float>(bit_cast<int32_t>(bits >> 23) - 126);
    const auto small = half_to_one < 0.707106781186547524f;
    const F m = where(small, half_to_one + half_to_one, half_to_one) - 1.0f;
    const F e = where(small, exponent - 1.0f, exponent);

    const F square = m * m;
    constexpr float kCoefficients[] = {-1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f,
                                       1.4249322787e-1f,  -1.6668057665e-1f, 2.0000714765e-1f,
                                       -2.4999993993e-1f, 3.3333331174e-1f};
    F p = 7.0376836292e-2f;
    for (float c : kCoefficients) p = fma(p, m, F(c));
    // log 2 in two parts, the larger one exact in few bits.
    p = fma(p * m, square, e * -2.12194440e-4f);
    p = fma(square, F(-0.5f), p);
    return fma(e, F(0.693359375f), m + p);
}

// Sine and cosine of x in [0, 2 pi]: x is reduced to [-pi/4, pi/4] around the even octant j.
WG_INLINE void cephes_sincos(F x, F& sine, F& cosine) {
    const auto j = (convert<int32_t>(x * 1.27323954473516f) + 1) & ~1;
    const F octant = convert<float>(j);
    // pi/4 in three parts.
    x = fma(octant, F(-0.78515625f), x);
    x = fma(octant, F(-2.4187564849853515625e-4f), x);
    x = fma(octant, F(-3.77489497744594108e-8f), x);
    const F square = x * x;

    F c = fma(F(2.443315711809948e-5f), square, F(-1.388731625493765e-3f));
    c = fma(c, square, F(4.166664568298827e-2f)) * square;
    c = fma(c, square, square * -0.5f) + 1.0f;
    F s = fma(F(-1.9515295891e-4f), square, F(8.3321608736e-3f));
    s = fma(s, square, F(-1.6666654611e-1f)) * square;
    s = fma(s, x, x);

    const auto swapped = ((j & 2) != 0).template as<float>();
    const F sine_size = where(swapped, c, s);
    const F cosine_size = where(swapped, s, c);
    sine = where(((j & 4) != 0).template as<float>(), -sine_size, sine_size);
    cosine = where((((j - 2) & 4) == 0).template as<float>(), -cosine_size, cosine_size);
}

void box_muller(float* data, int64_t blocks, float mean, float std) {
    for (int64_t b = 0; b < blocks; ++b, data += kNormalBlock) {
        for (float* first = data; first != data + kHalfBlock; first += F::lanes) {
            float* const second = first + kHalfBlock;
            const F radius = sqrt(cephes_log(1.0f - F::load(first)) * -2.0f);
            F sine, cosine;
            cephes_sincos(F::load(second) * 6.28318530717958647693f, sine, cosine);
            fma(radius * cosine, F(std), F(mean)).store(first);
            fma(radius * sine, F(std), F(mean)).store(second);
        }
    }
}

}  // namespace

const random_impl::RandomKernels& random_kernels() {
    static constexpr random_impl::RandomKernels table{twist, temper, uniform_float, uniform_double,
                                                      box_muller};
    return table;
}

}  // namespace WG_ISA
}  // namespace wg
