// Functions of double. The common ones are vector code of about one ulp, which takes more care than
// in math_float.h: arguments are reduced with constants in several parts, and results summed from
// the smallest term up. The rare ones go through libm lane by lane. Part of math.h; see Note
// [Approximations] there.
#pragma once

#include "scalar/math_float.h"

namespace wg {
inline namespace WG_ISA {

namespace detail {

inline constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;

// exp(r) - 1 - r for |r| <= ln(2)/2
template <int N>
WG_INLINE Vec<double, N> exp_rest(Vec<double, N> r) {
    return (r * r) * poly(r, 0x1.0000000000000p-1, 0x1.5555555555557p-3, 0x1.5555555555556p-5,
                          0x1.11111111100dcp-7, 0x1.6c16c16c162d4p-10, 0x1.a01a01abe7fe1p-13,
                          0x1.a01a01a6d889cp-16, 0x1.71de0231960ebp-19, 0x1.27e4db646b17ep-22,
                          0x1.af4de97ca4194p-26, 0x1.1f730349868cep-29);
}
// x = k ln 2 + r
template <int N>
struct ExpArgument {
    Vec<double, N> k, r;
};
template <int N>
WG_INLINE ExpArgument<N> exp_argument(Vec<double, N> x) {
    const Vec<double, N> k = nearest(x * kLog2e);
    return {k, (x - k * kLn2High) - k * kLn2Low};
}

// log(1 + f) + e ln 2 + extra, for the fractions of parts(): the series of atanh(f / (2 + f)),
// arranged so that the largest term, f, is added last.
template <int N>
WG_INLINE Vec<double, N> log_sum(Vec<double, N> e, Vec<double, N> f, Vec<double, N> extra) {
    const Vec<double, N> s = f / (2 + f), w = s * s, half_square = 0.5 * f * f;
    const Vec<double, N> rest =
        w * poly(w, 0x1.5555555555555p-1, 0x1.9999999999a38p-2, 0x1.2492492476cccp-2,
                 0x1.c71c720159177p-3, 0x1.745cf9048dd95p-3, 0x1.3b1c355a8f7a2p-3,
                 0x1.0fbe95d716020p-3, 0x1.0c039c49989c6p-3);
    const Vec<double, N> low = s * (half_square + rest) + (e * kLn2Low + extra);
    return e * kLn2High + (f - (half_square - low));
}
template <int N>
WG_INLINE Vec<double, N> log_edges(Vec<double, N> r, Vec<double, N> x) {
    const Vec<double, N> low =
        where(x < 0, Vec<double, N>(kNan<double>), Vec<double, N>(-kInf<double>));
    r = where(x < kInf<double>, r, x);
    return where(x <= 0, low, r);
}

// sin(x + quarters pi/2) for |x| <= kLargeAngle. The remainder after the multiple of pi/2 is kept
// as r + tail: pi/2 in three parts, of which the first two times k are exact.
template <int N>
WG_INLINE Vec<double, N> sin_shifted_long(Vec<double, N> x, int quarters) {
    using V = Vec<double, N>;
    const V shifted = x * 0x1.45f306dc9c883p-1 + kRounder<double>, k = shifted - kRounder<double>;
    const V t = x - k * 0x1.921fb544p+0, u = k * 0x1.0b4611a6p-34;
    const V d = t - u, back = d - t, d_error = (t - (d - back)) - (u + back);
    const V rest = d_error - k * 0x1.3198a2e037073p-69;
    const V r = d + rest, tail = rest - (r - d);

    const V z = r * r, half = 0.5 * z;
    const V s = poly(z, -0x1.5555555555555p-3, 0x1.1111111111110p-7, -0x1.a01a01a019937p-13,
                     0x1.71de3a54607a5p-19, -0x1.ae64541295cdfp-26, 0x1.61217ee5cca1bp-33,
                     -0x1.ab17bdcbd3414p-41);
    const V c = poly(z, 0x1.5555555555555p-5, -0x1.6c16c16c16967p-10, 0x1.a01a019f4e9b4p-16,
                     -0x1.27e4fa17bf139p-22, 0x1.1eeb68cd22f56p-29, -0x1.907d8f29fe831p-37);
    const V sine = r + (r * z * s + (tail - half * tail));
    const V w = 1 - half;
    const V cosine = w + (((1 - w) - half) + (z * z * c - r * tail));

    const Vec<uint64_t, N> n = bit_cast<uint64_t>(shifted) + uint64_t(quarters);
    const V value = where(odd<double>(n), cosine, where(k == 0 && x == 0, x, sine));
    return bit_cast<double>(bit_cast<uint64_t>(value) ^ ((n & 2) << 62));
}

}  // namespace detail

template <int N>
WG_INLINE Vec<double, N> exp(Vec<double, N> x) {
    const auto [k, r] = detail::exp_argument(detail::clamp(x, -746, 710));
    // 2^k may lie outside the normal range, its two factors do not.
    const Vec<double, N> half = detail::nearest(0.5 * k);
    const Vec<double, N> y = 1 + (r + detail::exp_rest(r));
    return y * detail::power_of_two(half) * detail::power_of_two(k - half);
}
template <int N>
WG_INLINE Vec<double, N> expm1(Vec<double, N> x) {
    const auto [k, r] = detail::exp_argument(detail::clamp(x, -50, 710));
    const Vec<double, N> rest = detail::exp_rest(r), half_scale = detail::power_of_two(k - 1);
    const Vec<double, N> y = 2 * (((half_scale - 0.5) + half_scale * r) + half_scale * rest);
    return where(k == 0, where(x == 0, x, r + rest), y);
}
template <int N>
WG_INLINE Vec<double, N> sigmoid(Vec<double, N> x) {
    const Vec<double, N> e = exp(-abs(x));
    const Vec<double, N> r = where(x < 0, e, Vec<double, N>(1)) / (1 + e);
    // As 1 / (1 + exp(-x)), which is 0 where exp(-x) is infinite.
    return where(x < -0x1.62e42fefa39efp+9, Vec<double, N>(0), r);
}
template <int N>
WG_INLINE Vec<double, N> tanh(Vec<double, N> x) {
    const Vec<double, N> e = expm1(2 * detail::clamp(abs(x), 0, 20));
    return copysign(e / (e + 2), x);
}

template <int N>
WG_INLINE Vec<double, N> log(Vec<double, N> x) {
    const Mask<double, N> subnormal = x < 0x1p-1022;
    const detail::Parts<N> p = detail::parts(where(subnormal, x * 0x1p54, x));
    const Vec<double, N> e = p.exponent - where(subnormal, Vec<double, N>(54), Vec<double, N>(0));
    return detail::log_edges(detail::log_sum(e, p.fraction, Vec<double, N>(0)), x);
}
template <int N>
WG_INLINE Vec<double, N> log1p(Vec<double, N> x) {
    using V = Vec<double, N>;
    const V u = 1 + x, back = u - 1, lost = (1 - (u - back)) + (x - back);
    const detail::Parts<N> p = detail::parts(u);
    const Mask<double, N> whole = p.exponent == 0;
    const V r =
        detail::log_sum(p.exponent, where(whole, x, p.fraction), where(whole, V(0), lost / u));
    const V low = where(x < -1, V(kNan<double>), V(-kInf<double>));
    return where(x <= -1, low, where(x < kInf<double> && x != 0, r, x));
}

template <int N>
WG_INLINE Vec<double, N> sin(Vec<double, N> x) {
    return detail::patch_lanes(
        abs(x) > detail::kLargeAngle, detail::sin_shifted_long(x, 0),
        [](double v) { return __builtin_sin(v); }, x);
}
template <int N>
WG_INLINE Vec<double, N> cos(Vec<double, N> x) {
    return detail::patch_lanes(
        abs(x) > detail::kLargeAngle, detail::sin_shifted_long(x, 1),
        [](double v) { return __builtin_cos(v); }, x);
}

// Below 1 a series in x^2; above, 1 - exp(-x^2) h(x).
template <int N>
WG_INLINE Vec<double, N> erf(Vec<double, N> x) {
    const Vec<double, N> a = detail::clamp(abs(x), 0, 6), z = a * a;
    const Vec<double, N> series =
        a + a * detail::poly(z, 0x1.06eba8214db69p-3, -0x1.812746b0379e7p-2, 0x1.ce2f21a042bdep-4,
                             -0x1.b82ce312889bap-6, 0x1.565bcd0e6502dp-8, -0x1.c02db3feeb579p-11,
                             0x1.f9a326c233146p-14, -0x1.f4d2561aeafd4p-17, 0x1.b9e6509b9867dp-20,
                             -0x1.5f6d925a0bc7ap-23, 0x1.fc4356498c2d9p-27, -0x1.4e607b41a6416p-30,
                             0x1.7f072188e194dp-34, -0x1.29b9f1b3df556p-38);
    const Vec<double, N> t = (a - 2) / (a + 2);
    const Vec<double, N> h =
        detail::poly(t, 0x1.46e80e2277954p+0, -0x1.7bf5ec1700618p-4, -0x1.5407bebf33127p-3,
                     0x1.4ffa1e14e22cep-3, -0x1.bc2b956000922p-5, -0x1.0742340809a5cp-7,
                     0x1.1dd2eb5f97a3bp-7, 0x1.4d4628d051d24p-10, -0x1.7de447f7e9a6dp-10,
                     -0x1.dc6f51e38b324p-12, 0x1.b07b1f098fa4ep-13, 0x1.3d7c909ff563cp-13,
                     -0x1.9f22bd1bc5501p-21, -0x1.46d27a23eea4ap-15, -0x1.d8454b6b207e7p-17,
                     0x1.6e8851903dcdbp-17) /
        (1 + 2 * a);
    const Vec<double, N> r = where(a < 1, series, 1 - exp(-z) * h);
    return copysign(r, x);
}
template <int N>
WG_INLINE Vec<double, N> normal_cdf(Vec<double, N> x) {
    return 0.5 * (1 + erf(x * 0.70710678118654752440));
}

#define WG_BY_LANE(name)                                                   \
    template <int N>                                                       \
    WG_INLINE Vec<double, N> name(Vec<double, N> x) {                      \
        return map_lanes([](double v) { return __builtin_##name(v); }, x); \
    }
WG_BY_LANE(exp2)
WG_BY_LANE(log2)
WG_BY_LANE(log10)
WG_BY_LANE(tan)
WG_BY_LANE(asin)
WG_BY_LANE(acos)
WG_BY_LANE(atan)
WG_BY_LANE(sinh)
WG_BY_LANE(cosh)
WG_BY_LANE(asinh)
WG_BY_LANE(acosh)
WG_BY_LANE(atanh)
WG_BY_LANE(erfc)
#undef WG_BY_LANE

#define WG_BY_LANE(name)                                                                   \
    template <int N>                                                                       \
    WG_INLINE Vec<double, N> name(Vec<double, N> x, Vec<double, N> y) {                    \
        return map_lanes([](double v, double w) { return __builtin_##name(v, w); }, x, y); \
    }
WG_BY_LANE(atan2)
WG_BY_LANE(hypot)
WG_BY_LANE(pow)
WG_BY_LANE(fmod)
#undef WG_BY_LANE

}  // namespace WG_ISA
}  // namespace wg
