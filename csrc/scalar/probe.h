// Probe finds at compile time what a formula reads: give each argument a bit, and the result
// carries the bits of all arguments that took part. `reads(f(Probe{1}, Probe{2}, Probe{4})) == 5`
// says that f ignores its second argument.
#pragma once

#include "scalar/isa.h"

namespace wg {
inline namespace WG_ISA {

struct Probe {
    unsigned mask = 0;

    constexpr Probe() = default;
    constexpr Probe(unsigned bits) : mask(bits) {}  // Clang 14 has no T(0) for aggregates
};

namespace detail {

template <class T>
inline constexpr bool is_probe = traits::is_same<T, Probe>;

// A Probe, or a number beside one.
template <class... T>
concept Probed = (is_probe<T> || ...) && ((is_probe<T> || Arithmetic<T>) && ...);

}  // namespace detail

WG_INLINE constexpr unsigned reads(Probe p) { return p.mask; }
WG_INLINE constexpr unsigned reads(Arithmetic auto) { return 0; }

#define WG_PROBE_OPERATOR(op)                         \
    template <class A, class B>                       \
        requires detail::Probed<A, B>                 \
    WG_INLINE constexpr Probe operator op(A a, B b) { \
        return {reads(a) | reads(b)};                 \
    }
WG_PROBE_OPERATOR(+)
WG_PROBE_OPERATOR(-)
WG_PROBE_OPERATOR(*)
WG_PROBE_OPERATOR(/)
WG_PROBE_OPERATOR(%)
WG_PROBE_OPERATOR(&)
WG_PROBE_OPERATOR(|)
WG_PROBE_OPERATOR(^)
WG_PROBE_OPERATOR(<<)
WG_PROBE_OPERATOR(>>)
WG_PROBE_OPERATOR(==)
WG_PROBE_OPERATOR(!=)
WG_PROBE_OPERATOR(<)
WG_PROBE_OPERATOR(<=)
WG_PROBE_OPERATOR(>)
WG_PROBE_OPERATOR(>=)
WG_PROBE_OPERATOR(&&)
WG_PROBE_OPERATOR(||)
#undef WG_PROBE_OPERATOR

WG_INLINE constexpr Probe operator-(Probe p) { return p; }
WG_INLINE constexpr Probe operator+(Probe p) { return p; }
WG_INLINE constexpr Probe operator~(Probe p) { return p; }
WG_INLINE constexpr Probe operator!(Probe p) { return p; }

template <class C, class A, class B>
    requires detail::Probed<C, A, B>
WG_INLINE constexpr Probe where(C condition, A a, B b) {
    return {reads(condition) | reads(a) | reads(b)};
}

#define WG_FN1(name) \
    WG_INLINE constexpr Probe name(Probe x) { return x; }
#define WG_FN_TEST(name) WG_FN1(name)
#define WG_FN2(name)                           \
    template <class A, class B>                \
        requires detail::Probed<A, B>          \
    WG_INLINE constexpr Probe name(A a, B b) { \
        return {reads(a) | reads(b)};          \
    }
#define WG_FN3(name)                                \
    template <class A, class B, class C>            \
        requires detail::Probed<A, B, C>            \
    WG_INLINE constexpr Probe name(A a, B b, C c) { \
        return {reads(a) | reads(b) | reads(c)};    \
    }
#include "scalar/functions.def"

}  // namespace WG_ISA
}  // namespace wg
