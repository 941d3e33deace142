// Functions of float. Most are computed in double and rounded once: a short polynomial there leaves
// no need for compensation or for care with subnormal results, and the answer is off by little more
// than half an ulp. exp, exp2, sigmoid, tanh, erf, normal_cdf and, where there is fma, sin and cos are
// float throughout, twice as fast and within 2.5 ulp. Part of math.h; see Note [Approximations] there.
#pragma once

#include "scalar/math_basic.h"

namespace wg {
inline namespace WG_ISA {

namespace detail {

// f, a function of doubles, applied to floats a register of doubles at a time.
template <class F, int N>
WG_INLINE Vec<float, N> in_double(F f, Vec<float, N> x) {
    const Vec<double, N> wide = convert<double>(x);
    if constexpr (N == 1 || N * 8 <= WG_VEC_BYTES) {
        return convert<float>(f(wide));
    } else {
        const Halves<double, N> h = split(wide);
        return convert<float>(join(f(h.lo), f(h.hi)));
    }
}
template <class F, int N>
WG_INLINE Vec<float, N> in_double(F f, Vec<float, N> x, Vec<float, N> y) {
    const Vec<double, N> wide_x = convert<double>(x), wide_y = convert<double>(y);
    if constexpr (N == 1 || N * 8 <= WG_VEC_BYTES) {
        return convert<float>(f(wide_x, wide_y));
    } else {
        const Halves<double, N> hx = split(wide_x), hy = split(wide_y);
        return convert<float>(join(f(hx.lo, hy.lo), f(hx.hi, hy.hi)));
    }
}

// Adding this to a number of up to half its size rounds to an integer, kept in the low bits of the
// sum.
template <class T>
inline constexpr T kRounder = sizeof(T) == 4 ? T(0x1.8p23) : T(0x1.8p52);

template <class T, int N>
WG_INLINE Vec<T, N> nearest(Vec<T, N> x) {
    return (x + kRounder<T>)-kRounder<T>;
}

// 2^k for an integer k in the range of normal exponents.
template <class T, int N>
WG_INLINE Vec<T, N> power_of_two(Vec<T, N> k) {
    constexpr int mantissa = sizeof(T) == 4 ? 23 : 52, bias = sizeof(T) == 4 ? 127 : 1023;
    return bit_cast<T>(bit_cast<lane_uint<T>>(k + (kRounder<T> + bias)) << mantissa);
}

template <class T, int N>
WG_INLINE Vec<T, N> clamp(Vec<T, N> x, double low, double high) {
    x = where(x < low, Vec<T, N>(low), x);
    return where(x > high, Vec<T, N>(high), x);
}

// x = 2^exponent (1 + fraction) with 1 + fraction between sqrt(1/2) and sqrt(2), for normal x > 0.
template <int N>
struct Parts {
    Vec<double, N> exponent, fraction;
};
template <int N>
WG_INLINE Parts<N> parts(Vec<double, N> x) {
    constexpr uint64_t root_half = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000,
                       two52 = 0x4330000000000000;
    const Vec<uint64_t, N> u = bit_cast<uint64_t>(x) + (one - root_half);
    const Vec<double, N> m = bit_cast<double>((u & 0x000fffffffffffff) + root_half);
    return {bit_cast<double>((u >> 52) | two52) - (0x1p52 + 1023), m - 1};
}

// A mask that is true where the lowest bit is set.
template <class T, int N>
WG_INLINE Mask<T, N> odd(Vec<lane_uint<T>, N> n) {
    return ((n & 1) != 0).template as<T>();
}

// The cores, good to about 2^-30 for doubles that came from floats.
inline constexpr double kLog2e = 0x1.71547652b82fep+0, kLn2 = 0x1.62e42fefa39efp-1;
inline constexpr double kPi = 0x1.921fb54442d18p+1, kHalfPi = 0x1.921fb54442d18p+0;

// 2^f - 1 for |f| <= 1/2
template <int N>
WG_INLINE Vec<double, N> exp2m1_small(Vec<double, N> f) {
    return f * poly(f, 0x1.62e42fefa39efp-1, 0x1.ebfbe045f4d3cp-3, 0x1.c6b08d883dca1p-5,
                    0x1.3b2a1b7152befp-7, 0x1.5d879ead06a82p-10, 0x1.443fffc90db59p-13,
                    0x1.00a581594758ep-16);
}
// |x| < 1000
template <int N>
WG_INLINE Vec<double, N> short_exp2(Vec<double, N> x) {
    const Vec<double, N> k = nearest(x), scale = power_of_two(k);
    return mad(scale, exp2m1_small(x - k), scale);
}
template <int N>
WG_INLINE Vec<double, N> short_exp(Vec<double, N> x) {
    return short_exp2(x * kLog2e);
}
template <int N>
WG_INLINE Vec<double, N> short_expm1(Vec<double, N> x) {
    const Vec<double, N> y = x * kLog2e, k = nearest(y), scale = power_of_two(k);
    return mad(scale, exp2m1_small(y - k), scale - 1);
}

// log(1 + f) for the fractions of parts()
template <int N>
WG_INLINE Vec<double, N> log1p_small(Vec<double, N> f) {
    return f * poly(f, 0x1.0000000294d3fp+0, -0x1.ffffff9b54336p-2, 0x1.555540bfde981p-2,
                    -0x1.000029dbd8b37p-2, 0x1.99a6e4e0efb7fp-3, -0x1.5554c03ac1ed9p-3,
                    0x1.23115669be2f7p-3, -0x1.fcc1c03210548p-4, 0x1.e94d9cb15bff0p-4,
                    -0x1.dbfb5485ff03dp-4, 0x1.0d33d860b6dfcp-4);
}
// the same to 2^-38, for pow, which multiplies it
template <int N>
WG_INLINE Vec<double, N> log1p_small_long(Vec<double, N> f) {
    return f * poly(f, 0x1.fffffffffbcb0p-1, -0x1.fffffffecae59p-2, 0x1.5555556e75120p-2,
                    -0x1.0000015fdf390p-2, 0x1.999982ba66962p-3, -0x1.555468681e9b4p-3,
                    0x1.2495b3ff17576p-3, -0x1.0022d10053211p-3, 0x1.c6c74537edb73p-4,
                    -0x1.94a481a90569fp-4, 0x1.72df5f43a0b36p-4, -0x1.7eaf366ddb3dfp-4,
                    0x1.7450fbf77bc18p-4, -0x1.827a940e44864p-5);
}
template <int N>
WG_INLINE Vec<double, N> short_log(Vec<double, N> x) {
    const Parts<N> p = parts(x);
    return mad(p.exponent, Vec<double, N>(kLn2), log1p_small(p.fraction));
}
// For -1 < x: the fraction is x itself where 1 + x needs no exponent, so that nothing is lost near
// 0.
template <int N>
WG_INLINE Vec<double, N> short_log1p(Vec<double, N> x) {
    const Parts<N> p = parts(1 + x);
    const Vec<double, N> f = where(p.exponent == 0, x, p.fraction);
    return mad(p.exponent, Vec<double, N>(kLn2), log1p_small(f));
}

// x less the nearest multiple of pi/2, for |x| <= kLargeAngle, and which multiple (in the low bits).
template <class T, int N>
struct Reduced {
    Vec<T, N> r;
    Vec<lane_uint<T>, N> quadrant;
};
template <int N>
WG_INLINE Reduced<double, N> reduce(Vec<double, N> x) {
    const Vec<double, N> shifted = x * 0x1.45f306dc9c883p-1 + kRounder<double>,
                         k = shifted - kRounder<double>;
    return {(x - k * 0x1.921fb544p+0) - k * 0x1.0b4611a626331p-34, bit_cast<uint64_t>(shifted)};
}
template <int N>
WG_INLINE Vec<double, N> sin_small(Vec<double, N> r, Vec<double, N> z) {
    return r * poly(z, 0x1.fffffffff67afp-1, -0x1.5555554946d41p-3, 0x1.1111074a72dd8p-7,
                    -0x1.a00ee754eb761p-13, 0x1.6cb727dcd8c09p-19);
}
template <int N>
WG_INLINE Vec<double, N> cos_small(Vec<double, N> z) {
    return poly(z, 0x1.ffffffff97789p-1, -0x1.ffffffbdce807p-2, 0x1.55553a7ee3389p-5,
                -0x1.6c078349adc82p-10, 0x1.990665ec46be4p-16);
}
// The same in float, with fma: the first remainder is exact, being a multiple of 2^-24 below 1, and
// each of the others is rounded once.
template <int N>
WG_INLINE Reduced<float, N> reduce(Vec<float, N> x) {
    using V = Vec<float, N>;
    const V shifted = fma(x, V(0x1.45f306p-1f), V(kRounder<float>)), k = shifted - kRounder<float>;
    const V r = fma(k, V(-0x1.4442dp-24f), fma(k, V(-0x1.921fb4p+0f), x));
    return {fma(k, V(-0x1.846988p-48f), r), bit_cast<uint32_t>(shifted)};
}
template <int N>
WG_INLINE Vec<float, N> sin_small(Vec<float, N> r, Vec<float, N> z) {
    return mad(r * z, poly(z, -0x1.555556p-3, 0x1.11110ep-7, -0x1.a012dcp-13, 0x1.6d7e14p-19), r);
}
template <int N>
WG_INLINE Vec<float, N> cos_small(Vec<float, N> z) {
    return poly(z, 1, -0.5, 0x1.555554p-5, -0x1.6c1256p-10, 0x1.9b96a2p-16);
}
// sin(x + quarters pi/2), for an x that was reduced
template <class T, int N>
WG_INLINE Vec<T, N> sin_reduced(Reduced<T, N> q, int quarters) {
    using U = lane_uint<T>;
    constexpr int bits = sizeof(T) * 8;
    const Vec<T, N> z = q.r * q.r;
    const Vec<U, N> n = q.quadrant + U(quarters);
    const Vec<T, N> value = where(odd<T>(n), cos_small(z), sin_small(q.r, z));
    return bit_cast<T>(bit_cast<U>(value) ^ ((n << (bits - 2)) & (U(1) << (bits - 1))));
}
template <int N>
WG_INLINE Vec<double, N> tan_reduced(Reduced<double, N> q) {
    const Vec<double, N> z = q.r * q.r, s = sin_small(q.r, z), c = cos_small(z);
    const Mask<double, N> swap = odd<double>(q.quadrant);
    return where(swap, -c, s) / where(swap, s, c);
}

// From here on arguments of sin, cos and tan are too large for reduce(); in double they go to libm.
inline constexpr double kLargeAngle = 1e6;

// reduce() for a float of kLargeAngle and more, by the method of Payne and Hanek (1983): it is m 2^e for an integer m, and
// m times those bits of 2/pi that are worth 8 2^-e and more is a multiple of 4, whose angle is a full turn. The product
// with the 96 bits that follow is exact enough for all floats. No call: where a loop holds one, compilers keep no
// constant in a register of vectors.
WG_INLINE Reduced<double, 1> reduce_large(float x) {
    constexpr uint32_t two_over_pi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                        0xdb629599, 0x3c439041, 0xfe5163ab};  // after 32 zeros
    const uint32_t u = bit_cast<uint32_t>(x);
    const uint64_t m = (u & 0x7fffff) | 0x800000;
    const int e = int(u >> 23 & 255) - 150, first = e + 30, skipped = first & 31;
    const uint32_t* const w = two_over_pi + (first >> 5);
    const uint64_t middle = uint64_t(w[2]) << 32 | w[3];
    const uint64_t high =
        (uint64_t(w[0]) << 32 | w[1]) << skipped | uint64_t(w[2]) >> (32 - skipped);
    const uint64_t low = (middle << skipped) >> 32;
    const uint64_t quarters = m * high + (m * low >> 32);  // in units of 2^-62
    const uint64_t n = (quarters + (uint64_t(1) << 61)) >> 62;
    const double r = double(int64_t(quarters - (n << 62))) * (kHalfPi * 0x1p-62);
    return {u >> 31 ? -r : r, u >> 31 ? 0 - n : n};
}
// f of a large float, which is NaN if that is infinite
template <class F>
WG_INLINE float of_large(float x, F f) {
    return float(f(reduce_large(x)).raw) + (x - x);
}

// atan(t) for 0 <= t <= 1
template <int N>
WG_INLINE Vec<double, N> atan_unit(Vec<double, N> t) {
    return t * poly(t * t, 0x1.fffffffc2a380p-1, -0x1.55554e0e469f1p-2, 0x1.9997487e0a8d1p-3,
                    -0x1.246cdc54ccccbp-3, 0x1.c4a3bc440e5b2p-4, -0x1.67d5dafeabbdep-4,
                    0x1.11d441ed69f45p-4, -0x1.67dc8deede52ep-5, 0x1.67058e7678bcfp-6,
                    -0x1.ccc30f71c7f9cp-8, 0x1.153ed56f10b71p-10);
}
// For |x| <= 1/2: asin|x|. Beyond: half of acos|x|, from the half-angle formula.
template <int N>
WG_INLINE Vec<double, N> asin_folded(Vec<double, N> a) {
    const Mask<double, N> beyond = a > 0.5;
    const Vec<double, N> z = where(beyond, (1 - a) * 0.5, a * a), s = where(beyond, sqrt(z), a);
    return s * poly(z, 0x1.00000000fe8b6p+0, 0x1.5555492f1a8aep-3, 0x1.33393497c1b7cp-4,
                    0x1.6c9cfbc488c34p-5, 0x1.04fe14951c7dbp-5, 0x1.d4231abfa02b9p-7,
                    0x1.34c1ce91248dfp-5);
}

// erfc(x) exp(x^2) for 0 <= x <= 10.2
template <int N>
WG_INLINE Vec<double, N> scaled_erfc(Vec<double, N> x) {
    const Vec<double, N> t = (x - 2) / (x + 2);
    return poly(t, 0x1.46e80e231a018p+0, -0x1.7bf5ed072e2b2p-4, -0x1.5407c1aa2b90dp-3,
                0x1.4ffa2faadb371p-3, -0x1.bc2a7197a9051p-5, -0x1.074ca90de9231p-7,
                0x1.1da85bdbfed1ap-7, 0x1.4e31bfbcea938p-10, -0x1.784bf5e46a3aep-10,
                -0x1.d884a6942cfcfp-12, 0x1.5d5ff301f3291p-13, 0x1.f9dd49457e9e5p-14,
                0x1.4e5217619c730p-16) /
           (1 + 2 * x);
}

// The few functions that neural networks spend their time in do it all in float, for speed.

// x = k ln 2 + r; the first part of ln 2 is short enough for k times it to be exact.
template <int N>
struct FloatExpArgument {
    Vec<float, N> k, r;
};
template <int N>
WG_INLINE FloatExpArgument<N> exp_argument(Vec<float, N> x) {
    using V = Vec<float, N>;
    const V k = mad(x, V(kLog2e), V(kRounder<float>)) - kRounder<float>;
    return {k, mad(k, V(0x1.bd0106p-13f), mad(k, V(-0.693359375f), x))};
}
// exp(r) - 1 and exp(r) for |r| <= ln(2)/2
template <int N>
WG_INLINE Vec<float, N> expm1_small(Vec<float, N> r) {
    return mad(r * r, poly(r, 0x1p-1, 0x1.5554dcp-3, 0x1.555518p-5, 0x1.120be2p-7, 0x1.6d117cp-10),
               r);
}
template <int N>
WG_INLINE Vec<float, N> exp_small(Vec<float, N> r) {
    return 1 + expm1_small(r);
}
// y 2^k: 2^k may lie outside the normal range, its two factors do not.
template <int N>
WG_INLINE Vec<float, N> scale(Vec<float, N> y, Vec<float, N> k) {
    const Vec<float, N> half = nearest(0.5f * k);
    return y * power_of_two(half) * power_of_two(k - half);
}
// 2^f - 1 for |f| <= 1/2
template <int N>
WG_INLINE Vec<float, N> exp2m1_small(Vec<float, N> f) {
    return f * poly(f, 0x1.62e430p-1, 0x1.ebfbe0p-3, 0x1.c6af6cp-5, 0x1.3b2a54p-7, 0x1.5f0890p-10,
                    0x1.44138ap-13);
}
// Where 2^k and the result are normal.
inline constexpr float kModerateExp = 87, kModerateExp2 = 126;
template <int N>
WG_INLINE Vec<float, N> exp2_moderate(Vec<float, N> x) {
    const Vec<float, N> k = nearest(x), power = power_of_two(k);
    return mad(power, exp2m1_small(x - k), power);
}
template <int N>
WG_INLINE Vec<float, N> exp_moderate(Vec<float, N> x) {
    const FloatExpArgument<N> a = exp_argument(x);
    return exp_small(a.r) * power_of_two(a.k);
}

// What log-like functions give outside (0, inf).
template <int N>
WG_INLINE Vec<float, N> log_edges(Vec<float, N> r, Vec<float, N> x) {
    const Vec<float, N> low = where(x < 0, Vec<float, N>(kNan<float>), Vec<float, N>(-kInf<float>));
    r = where(x < kInf<float>, r, x);
    return where(x <= 0, low, r);
}

}  // namespace detail

template <int N>
WG_INLINE Vec<float, N> exp(Vec<float, N> x) {
    Vec<float, N> r = detail::exp_moderate(x);
    if (__builtin_expect(any(abs(x) > detail::kModerateExp), 0)) {
        const detail::FloatExpArgument<N> a = detail::exp_argument(detail::clamp(x, -104, 89));
        r = detail::scale(detail::exp_small(a.r), a.k);
    }
    return r;
}
template <int N>
WG_INLINE Vec<float, N> exp2(Vec<float, N> x) {
    Vec<float, N> r = detail::exp2_moderate(x);
    if (__builtin_expect(any(abs(x) > detail::kModerateExp2), 0)) {
        const Vec<float, N> near = detail::clamp(x, -151, 129), k = detail::nearest(near);
        r = detail::scale(1 + detail::exp2m1_small(near - k), k);
    }
    return r;
}
template <int N>
WG_INLINE Vec<float, N> expm1(Vec<float, N> x) {
    const Vec<float, N> r =
        detail::in_double([](auto v) { return detail::short_expm1(v); }, detail::clamp(x, -50, 90));
    return where(x == 0, x, r);
}
template <int N>
WG_INLINE Vec<float, N> sigmoid(Vec<float, N> x) {
    return 1 / (1 + exp(-x));
}
// Near 0 a series in x^2; beyond, 1 - 2 / (exp(2|x|) + 1), which forgives the error of its small
// second term.
template <int N>
WG_INLINE Vec<float, N> tanh(Vec<float, N> x) {
    using V = Vec<float, N>;
    const V size = abs(x), a = where(size > 10, V(10), size), z = a * a;
    const V series = detail::mad(a * z,
                                 detail::poly(z, -0x1.555554p-2, 0x1.1110a2p-3, -0x1.b9f184p-5,
                                              0x1.635bf6p-6, -0x1.09dd08p-7, 0x1.0e16fcp-9),
                                 a);
    const V beyond = 1 - 2 / (detail::exp_moderate(a + a) + 1);
    return copysign(where(a < 0.7f, series, beyond), x);
}
template <int N>
WG_INLINE Vec<float, N> sinh(Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double(
        [](auto v) {
            const auto e = detail::short_expm1(v);
            return 0.5 * (e + e / (e + 1));
        },
        detail::clamp(abs(x), 0, 100));
    return copysign(r, x);
}
template <int N>
WG_INLINE Vec<float, N> cosh(Vec<float, N> x) {
    return detail::in_double(
        [](auto v) {
            const auto e = detail::short_exp(v);
            return 0.5 * (e + 1 / e);
        },
        detail::clamp(x, -100, 100));
}

template <int N>
WG_INLINE Vec<float, N> log(Vec<float, N> x) {
    return detail::log_edges(detail::in_double([](auto v) { return detail::short_log(v); }, x), x);
}
template <int N>
WG_INLINE Vec<float, N> log2(Vec<float, N> x) {
    const auto f = [](auto v) {
        const auto p = detail::parts(v);
        return p.exponent + detail::log1p_small(p.fraction) * detail::kLog2e;
    };
    return detail::log_edges(detail::in_double(f, x), x);
}
template <int N>
WG_INLINE Vec<float, N> log10(Vec<float, N> x) {
    const auto f = [](auto v) {
        const auto p = detail::parts(v);
        return p.exponent * 0x1.34413509f79ffp-2 +
               detail::log1p_small(p.fraction) * 0x1.bcb7b1526e50ep-2;
    };
    return detail::log_edges(detail::in_double(f, x), x);
}
template <int N>
WG_INLINE Vec<float, N> log1p(Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double([](auto v) { return detail::short_log1p(v); }, x);
    const Vec<float, N> low =
        where(x < -1, Vec<float, N>(kNan<float>), Vec<float, N>(-kInf<float>));
    return where(x <= -1, low, where(x < kInf<float> && x != 0, r, x));
}
template <int N>
WG_INLINE Vec<float, N> asinh(Vec<float, N> x) {
    const Vec<float, N> a = abs(x);
    const Vec<float, N> r = detail::in_double(
        [](auto v) {
            const auto square = v * v;
            return detail::short_log1p(v + square / (1 + sqrt(1 + square)));
        },
        a);
    return copysign(where(a < kInf<float>, r, a), x);
}
template <int N>
WG_INLINE Vec<float, N> acosh(Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double(
        [](auto v) { return detail::short_log1p((v - 1) + sqrt((v - 1) * (v + 1))); }, x);
    return where(x < 1, Vec<float, N>(kNan<float>), where(x < kInf<float>, r, x));
}
template <int N>
WG_INLINE Vec<float, N> atanh(Vec<float, N> x) {
    const Vec<float, N> a = abs(x);
    const Vec<float, N> r =
        detail::in_double([](auto v) { return 0.5 * detail::short_log1p(2 * v / (1 - v)); }, a);
    const Vec<float, N> edge =
        where(a == 1, Vec<float, N>(kInf<float>), Vec<float, N>(kNan<float>));
    return copysign(where(a < 1, r, edge), x);
}

namespace detail {
// sin(|x| + quarters pi/2) where that needs no libm.
template <int N>
WG_INLINE Vec<float, N> sin_of_size(Vec<float, N> size, int quarters) {
#if WG_HAS_FMA
    return sin_reduced(reduce(size), quarters);
#else
    return in_double([quarters](auto v) { return sin_reduced(reduce(v), quarters); }, size);
#endif
}
}  // namespace detail

template <int N>
WG_INLINE Vec<float, N> sin(Vec<float, N> x) {
    const Vec<float, N> a = abs(x), r = detail::sin_of_size(a, 0);
    const Vec<uint32_t, N> sign = bit_cast<uint32_t>(x) ^ bit_cast<uint32_t>(a);
    return detail::patch_lanes(
        a > detail::kLargeAngle, bit_cast<float>(bit_cast<uint32_t>(r) ^ sign),
        [](float v) {
            return detail::of_large(v, [](auto q) { return detail::sin_reduced(q, 0); });
        },
        x);
}
template <int N>
WG_INLINE Vec<float, N> cos(Vec<float, N> x) {
    const Vec<float, N> a = abs(x);
    return detail::patch_lanes(
        a > detail::kLargeAngle, detail::sin_of_size(a, 1),
        [](float v) {
            return detail::of_large(v, [](auto q) { return detail::sin_reduced(q, 1); });
        },
        x);
}
template <int N>
WG_INLINE Vec<float, N> tan(Vec<float, N> x) {
    const Vec<float, N> r =
        detail::in_double([](auto v) { return detail::tan_reduced(detail::reduce(v)); }, x);
    return detail::patch_lanes(
        abs(x) > detail::kLargeAngle, r,
        [](float v) { return detail::of_large(v, [](auto q) { return detail::tan_reduced(q); }); },
        x);
}
template <int N>
WG_INLINE Vec<float, N> asin(Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double(
        [](auto v) {
            const auto p = detail::asin_folded(v);
            return where(v > 0.5, detail::kHalfPi - 2 * p, p);
        },
        abs(x));
    return copysign(r, x);
}
template <int N>
WG_INLINE Vec<float, N> acos(Vec<float, N> x) {
    return detail::in_double(
        [](auto v) {
            const auto a = abs(v), p = detail::asin_folded(a);
            const auto middle = detail::kHalfPi - copysign(p, v);
            return where(a > 0.5, where(v > 0, 2 * p, detail::kPi - 2 * p), middle);
        },
        x);
}
template <int N>
WG_INLINE Vec<float, N> atan(Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double(
        [](auto v) {
            const auto beyond = v > 1;
            const auto p = detail::atan_unit(where(beyond, 1 / v, v));
            return where(beyond, detail::kHalfPi - p, p);
        },
        abs(x));
    return copysign(r, x);
}
// Squares of floats neither overflow nor vanish in double.
template <int N>
WG_INLINE Vec<float, N> hypot(Vec<float, N> x, Vec<float, N> y) {
    const Vec<float, N> r =
        detail::in_double([](auto v, auto u) { return sqrt(v * v + u * u); }, x, y);
    return where(isinf(x) || isinf(y), Vec<float, N>(kInf<float>), r);
}
template <int N>
WG_INLINE Vec<float, N> atan2(Vec<float, N> y, Vec<float, N> x) {
    const Vec<float, N> r = detail::in_double(
        [](auto v, auto u) {
            const auto a = abs(v), b = abs(u);
            const auto steep = a > b;
            const auto small = where(steep, b, a), large = where(steep, a, b);
            // Two zeros, two infinities; two that are equal in between give 1 as well.
            const auto ratio = where(large == 0, small, where(small == large, 1, small / large));
            const auto first = detail::atan_unit(ratio);
            const auto upper = where(steep, detail::kHalfPi - first, first);
            return where(copysign(decltype(u)(1), u) < 0, detail::kPi - upper, upper);
        },
        y, x);
    return copysign(r, y);
}

// Below 1 a series in x^2; beyond, 1 - exp(log(erfc(x))).
template <int N>
WG_INLINE Vec<float, N> erf(Vec<float, N> x) {
    const Vec<float, N> a = detail::clamp(abs(x), 0, 4), z = a * a;
    const Vec<float, N> series =
        a + a * detail::poly(z, 0x1.06eba8p-3, -0x1.81273ep-2, 0x1.ce2d1p-4, -0x1.b7fabap-6,
                             0x1.541270p-8, -0x1.a45088p-11, 0x1.4a5672p-14);
    const Vec<float, N> minus_log_erfc = detail::poly(
        a, -0x1.4fb068p-12, 0x1.2156fap+0, 0x1.437eb4p-1, 0x1.c2e356p-4, -0x1.b0e246p-6,
        0x1.37ecc6p-8, -0x1.38e5e6p-11, 0x1.825ce4p-15, -0x1.b77830p-20);
    const Vec<float, N> r = 1 - detail::exp_moderate(-minus_log_erfc);
    return copysign(where(a < 1, series, r), x);
}
// The integral of the normal distribution from -inf to x, to 1.7 * 2^-24 of 1: below 0 it is
// exp2(log2(.)), above 0 one less that of -x.
template <int N>
WG_INLINE Vec<float, N> normal_cdf(Vec<float, N> x) {
    using V = Vec<float, N>;
    const V a = abs(x);
    const V log2 = detail::long_poly(a, -1, -0x1.26aedcp+0, -0x1.d63a4cp-2, -0x1.ae06d0p-5,
                                     0x1.cda270p-8, -0x1.ab6dbap-14, -0x1.c5225ep-13,
                                     0x1.b984dap-15, -0x1.82d5dep-18, 0x1.10216ep-22);
    const V below = where(a > 5.6f, V(0), detail::exp2_moderate(log2));
    return where(x < 0, below, 1 - below);
}
template <int N>
WG_INLINE Vec<float, N> erfc(Vec<float, N> x) {
    return detail::in_double(
        [](auto v) {
            const auto a = abs(v), r = detail::scaled_erfc(a) * detail::short_exp(-a * a);
            return where(v < 0, 2 - r, r);
        },
        detail::clamp(x, -10.2, 10.2));
}

template <int N>
WG_INLINE Vec<float, N> pow(Vec<float, N> x, Vec<float, N> y) {
    using V = Vec<float, N>;
    V r = detail::in_double(
        [](auto u, auto v) {
            const auto a = abs(u);
            const auto p = detail::parts(a);
            auto l = p.exponent + detail::log1p_small_long(p.fraction) * detail::kLog2e;
            l = where(a < kInf<double>, l, a);
            l = where(a == 0, -kInf<double>, l);
            return detail::short_exp2(detail::clamp(l * v, -160, 130));
        },
        x, y);
    // y is an even integer, or an odd one, or none; from 2^24 on every float is even.
    const auto whole = round(y) == y;
    const auto even = 2 * round(0.5f * y) == y || !(abs(y) < 0x1p24f);
    r = where(x < 0 && x > -kInf<float> && !whole, V(kNan<float>), r);
    r = where(whole && !even, copysign(r, x), r);
    const auto one = x == 1 || y == 0 || (x == -1 && isinf(y));
    return where(one, V(1), r);
}

// The remainder of the division truncated towards zero, exact: a quotient below 2^28 times a float
// fits a double.
template <int N>
WG_INLINE Vec<float, N> fmod(Vec<float, N> x, Vec<float, N> y) {
    const Vec<float, N> a = abs(x), b = abs(y);
    const Vec<float, N> r = detail::in_double(
        [](auto v, auto w) {
            const auto left = v - floor(v / w) * w;
            return where(left < 0, left + w, left);  // the quotient was rounded up to an integer
        },
        a, b);
    const auto plain = a < b * 0x1p27f && b < kInf<float>;
    return detail::patch_lanes(
        !plain, copysign(r, x), [](float v, float w) { return __builtin_fmodf(v, w); }, x, y);
}

}  // namespace WG_ISA
}  // namespace wg
