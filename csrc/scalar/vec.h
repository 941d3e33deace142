// Vec<T, N>: N numbers of type T computed on together, and Mask<T, N>: the outcome of comparing
// them. Written with the compilers' vector types, so that one template serves every instruction
// set. Vec<T, 1> is a plain number with the same interface (it is what device code and the
// overloads for float and double in math.h use). Mixing with any C++ number converts the number to
// T first: `0.5 * x` is single precision for Vec<float>.
#pragma once

#include "scalar/isa.h"

// Vectors wider than a register are fine here: every function is inlined, none has an ABI.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

// NVRTC does not know vectors, and never comes to where they are converted.
#if WG_DEVICE_CODE
#define WG_CONVERT(vector, ...) __VA_ARGS__()
#else
#define WG_CONVERT(vector, ...) __builtin_convertvector(vector, __VA_ARGS__)
#endif

// GCC 11 lacks it; there, halves go through memory.
#if defined(__has_builtin) && !WG_DEVICE_CODE
#if __has_builtin(__builtin_shufflevector)
#define WG_HAS_SHUFFLE 1
#endif
#endif
#ifndef WG_HAS_SHUFFLE
#define WG_HAS_SHUFFLE 0
#endif

namespace wg {
inline namespace WG_ISA {

#if WG_DEVICE_CODE
template <class T>
inline constexpr int kLanes = 1;
#else
template <class T>
inline constexpr int kLanes = WG_VEC_BYTES / int(sizeof(T));
#endif

template <class T, int N = kLanes<T>>
struct Vec;
template <class T, int N = kLanes<T>>
struct Mask;
template <class U, class T, int N>
WG_INLINE Vec<U, N> bit_cast(Vec<T, N> x);

namespace detail {

// What a Vec holds: the number itself for one lane, else a vector of the compiler.
#if WG_DEVICE_CODE
template <class T, int N>
struct raw;
#else
template <class T, int N>
struct raw {
    typedef T type __attribute__((vector_size(N * sizeof(T))));
};
#endif
template <class T>
struct raw<T, 1> {
    using type = T;
};
template <class T, int N>
using raw_t = typename raw<T, N>::type;

template <class T>
using lane_int = typename traits::ints<sizeof(T)>::s;
template <class T>
using lane_uint = typename traits::ints<sizeof(T)>::u;

// What a Mask holds: a bool, or a vector of integers that are 0 or -1.
template <class T, int N>
struct mask_raw {
    using type = raw_t<lane_int<T>, N>;
};
template <class T>
struct mask_raw<T, 1> {
    using type = bool;
};

// Integers overflow by wrapping around, so they are added and multiplied as unsigned; a lone number
// narrower than int would be promoted to (signed) int.
template <class T, int N>
struct wrapping {
    using type = raw_t<lane_uint<T>, N>;
};
template <class T>
    requires(sizeof(T) < 4)
struct wrapping<T, 1> {
    using type = uint32_t;
};

// Same bits as another type of the same size.
template <class To, class From>
WG_INLINE To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    WG_MEMCPY(&to, &from, sizeof(To));
    return to;
}

// Copies n < 2 * Step elements in pieces of powers of two: no loop, no call.
template <int Step, class T>
WG_INLINE void copy_some(T* to, const T* from, int n) {
    if (n & Step) {
        WG_MEMCPY(to, from, Step * sizeof(T));
        to += Step;
        from += Step;
    }
    if constexpr (Step > 1) copy_some<Step / 2>(to, from, n);
}

}  // namespace detail

template <class T, int N>
struct Mask {
    using raw_type = typename detail::mask_raw<T, N>::type;
    static constexpr int lanes = N;

    raw_type raw;

    Mask() = default;
    WG_INLINE Mask(bool all)
        requires(N == 1)
        : raw(all) {}
    WG_INLINE explicit Mask(bool all)
        requires(N > 1)
        : raw(raw_type{} - detail::lane_int<T>(all)) {}
    static WG_INLINE Mask from_raw(raw_type r) {
        Mask m;
        m.raw = r;
        return m;
    }

    // Bytes that are zero or not, as a bool tensor holds them; lanes from n on are false.
    static WG_INLINE Mask load_bool(const uint8_t* p) { return load_bool(p, N); }
    static WG_INLINE Mask load_bool(const uint8_t* p, int n);
    WG_INLINE void store_bool(uint8_t* p) const { store_bool(p, N); }
    WG_INLINE void store_bool(uint8_t* p, int n) const;

    // The same truth values for lanes of another type.
    template <class U>
    WG_INLINE Mask<U, N> as() const {
        if constexpr (N == 1 || sizeof(U) == sizeof(T)) return Mask<U, N>::from_raw(raw);
        else return Mask<U, N>::from_raw(WG_CONVERT(raw, typename Mask<U, N>::raw_type));
    }

    WG_INLINE bool operator[](int i) const {
        if constexpr (N == 1) return raw;
        else return raw[i] != 0;
    }

    friend WG_INLINE Mask operator&&(Mask a, Mask b) { return from_raw(a.raw & b.raw); }
    friend WG_INLINE Mask operator||(Mask a, Mask b) { return from_raw(a.raw | b.raw); }
    friend WG_INLINE Mask operator&(Mask a, Mask b) { return from_raw(a.raw & b.raw); }
    friend WG_INLINE Mask operator|(Mask a, Mask b) { return from_raw(a.raw | b.raw); }
    friend WG_INLINE Mask operator^(Mask a, Mask b) { return from_raw(a.raw ^ b.raw); }
    friend WG_INLINE Mask operator!(Mask a) {
        if constexpr (N == 1) return from_raw(!a.raw);
        else return from_raw(~a.raw);
    }

    friend WG_INLINE Vec<T, N> where(Mask m, Vec<T, N> a, Vec<T, N> b) {
        if constexpr (N * int(sizeof(T)) > WG_VEC_BYTES && N > 1) {
            // Compilers go lane by lane for `?:` on vectors wider than a register, but not for
            // bits.
            using Bits = typename Vec<T, N>::int_type;
            const Bits select = Bits::from_raw(m.raw);
            return bit_cast<T>((select & bit_cast<detail::lane_int<T>>(a)) |
                               (~select & bit_cast<detail::lane_int<T>>(b)));
        } else {
            return Vec<T, N>::from_raw(m.raw ? a.raw : b.raw);
        }
    }
    friend WG_INLINE bool any(Mask m) {
        if constexpr (N == 1) {
            return m.raw;
        } else {
            constexpr int bytes = N * int(sizeof(T));
#if defined(__AVX512DQ__)
            if constexpr (bytes == 64 && sizeof(T) == 4) {
                using Ints = detail::raw_t<int32_t, 16>;
                return __builtin_ia32_cvtd2mask512((Ints)m.raw) != 0;
            }
            if constexpr (bytes == 64 && sizeof(T) == 8) {
                using Ints = detail::raw_t<long long, 8>;
                return __builtin_ia32_cvtq2mask512((Ints)m.raw) != 0;
            }
#endif
#if defined(__AVX2__)
            if constexpr (bytes == 32) {
                using Bytes = detail::raw_t<char, 32>;
                return __builtin_ia32_pmovmskb256((Bytes)m.raw) != 0;
            }
#endif
#if defined(__SSE2__)
            if constexpr (bytes == 16) {
                using Bytes = detail::raw_t<char, 16>;
                return __builtin_ia32_pmovmskb128((Bytes)m.raw) != 0;
            }
#endif
            if constexpr (bytes > WG_VEC_BYTES) {
                using Half = Mask<T, N / 2>;
                Half h[2];
                WG_MEMCPY(&h, &m, sizeof(h));
                return any(h[0] || h[1]);
            }
            detail::lane_int<T> seen = 0;
            for (int i = 0; i < N; ++i) seen |= m.raw[i];
            return seen != 0;
        }
    }
    friend WG_INLINE bool all(Mask m) { return !any(!m); }
};

template <class T, int N>
struct Vec {
    static_assert(N > 0 && (N & (N - 1)) == 0, "lanes come in powers of two");
    using value_type = T;
    using raw_type = detail::raw_t<T, N>;
    using mask_type = Mask<T, N>;
    using int_type = Vec<detail::lane_int<T>, N>;
    using uint_type = Vec<detail::lane_uint<T>, N>;
    static constexpr int lanes = N;

    raw_type raw;

    Vec() = default;
    template <Arithmetic S>
    WG_INLINE Vec(S every_lane) {
        if constexpr (N == 1) raw = T(every_lane);
        else raw = T(every_lane) - raw_type{};
    }
    static WG_INLINE Vec from_raw(raw_type r) {
        Vec v;
        v.raw = r;
        return v;
    }

    static WG_INLINE Vec load(const T* p) {
        Vec v;
        WG_MEMCPY(&v.raw, p, sizeof(v.raw));
        return v;
    }
    // The first n lanes from p, the others zero; reads nothing beyond p + n.
    static WG_INLINE Vec load(const T* p, int n) {
        if (n >= N) return load(p);
        T lanes_[N] = {};
        if constexpr (N > 1) detail::copy_some<N / 2>(lanes_, p, n);
        return load(lanes_);
    }
    WG_INLINE void store(T* p) const { WG_MEMCPY(p, &raw, sizeof(raw)); }
    WG_INLINE void store(T* p, int n) const {
        if (n >= N) return store(p);
        T lanes_[N];
        store(lanes_);
        if constexpr (N > 1) detail::copy_some<N / 2>(p, lanes_, n);
    }
    // 0, 1, 2, ... by lane.
    static WG_INLINE Vec iota() {
        T lanes_[N];
        for (int i = 0; i < N; ++i) lanes_[i] = T(i);
        return load(lanes_);
    }

    WG_INLINE T operator[](int i) const {
        if constexpr (N == 1) return raw;
        else return raw[i];
    }
    WG_INLINE void set(int i, T value) {
        if constexpr (N == 1) raw = value;
        else raw[i] = value;
    }

    // Arithmetic. Integers wrap around; / and % of integers are lane by lane as in C++, and give 0
    // for a zero divisor instead of a trap (a caller who needs an error looks for zeros first).
    friend WG_INLINE Vec operator+(Vec a, Vec b) {
        if constexpr (Integer<T>) return wrap(a.unsigned_raw() + b.unsigned_raw());
        else return from_raw(a.raw + b.raw);
    }
    friend WG_INLINE Vec operator-(Vec a, Vec b) {
        if constexpr (Integer<T>) return wrap(a.unsigned_raw() - b.unsigned_raw());
        else return from_raw(a.raw - b.raw);
    }
    friend WG_INLINE Vec operator*(Vec a, Vec b) {
        if constexpr (Integer<T>) return wrap(a.unsigned_raw() * b.unsigned_raw());
        else return from_raw(a.raw * b.raw);
    }
    friend WG_INLINE Vec operator/(Vec a, Vec b) {
        if constexpr (Integer<T>) return by_lane(a, b, [](T x, T y) { return divide(x, y); });
        else return from_raw(a.raw / b.raw);
    }
    friend WG_INLINE Vec operator%(Vec a, Vec b)
        requires Integer<T>
    {
        return a - (a / b) * b;
    }
    friend WG_INLINE Vec operator-(Vec a) {
        if constexpr (Integer<T>) return Vec(0) - a;
        else return from_raw(-a.raw);
    }
    friend WG_INLINE Vec operator+(Vec a) { return a; }

    friend WG_INLINE Vec operator&(Vec a, Vec b)
        requires Integer<T>
    {
        return from_raw(raw_type(a.raw & b.raw));
    }
    friend WG_INLINE Vec operator|(Vec a, Vec b)
        requires Integer<T>
    {
        return from_raw(raw_type(a.raw | b.raw));
    }
    friend WG_INLINE Vec operator^(Vec a, Vec b)
        requires Integer<T>
    {
        return from_raw(raw_type(a.raw ^ b.raw));
    }
    friend WG_INLINE Vec operator~(Vec a)
        requires Integer<T>
    {
        return from_raw(raw_type(~a.raw));
    }
    // Shifts by a distance that is the same for all lanes and less than the width.
    friend WG_INLINE Vec operator<<(Vec a, int distance)
        requires Integer<T>
    {
        return wrap(a.unsigned_raw() << distance);
    }
    friend WG_INLINE Vec operator>>(Vec a, int distance)
        requires Integer<T>
    {
        return from_raw(raw_type(a.raw >> distance));
    }
    // Shifts lane by lane; a distance outside [0, width) shifts every bit out.
    friend WG_INLINE Vec operator<<(Vec a, Vec distance)
        requires Integer<T>
    {
        return by_lane(a, distance, [](T x, T d) {
            return d < 0 || d >= T(8 * sizeof(T)) ? T(0) : T(detail::lane_uint<T>(x) << d);
        });
    }
    friend WG_INLINE Vec operator>>(Vec a, Vec distance)
        requires Integer<T>
    {
        return by_lane(a, distance, [](T x, T d) {
            constexpr int last = 8 * sizeof(T) - 1;
            const bool out = d < 0 || d > T(last);
            return T(traits::is_signed<T> || !out ? x >> (out ? last : int(d)) : T(0));
        });
    }

    WG_INLINE Vec& operator+=(Vec b) { return *this = *this + b; }
    WG_INLINE Vec& operator-=(Vec b) { return *this = *this - b; }
    WG_INLINE Vec& operator*=(Vec b) { return *this = *this * b; }
    WG_INLINE Vec& operator/=(Vec b) { return *this = *this / b; }

    friend WG_INLINE mask_type operator==(Vec a, Vec b) { return mask(a.raw == b.raw); }
    friend WG_INLINE mask_type operator!=(Vec a, Vec b) { return mask(a.raw != b.raw); }
    friend WG_INLINE mask_type operator<(Vec a, Vec b) { return mask(a.raw < b.raw); }
    friend WG_INLINE mask_type operator<=(Vec a, Vec b) { return mask(a.raw <= b.raw); }
    friend WG_INLINE mask_type operator>(Vec a, Vec b) { return mask(a.raw > b.raw); }
    friend WG_INLINE mask_type operator>=(Vec a, Vec b) { return mask(a.raw >= b.raw); }

    friend WG_INLINE Vec where(bool condition, Vec a, Vec b) { return condition ? a : b; }

private:
    using wrapping_type = typename detail::wrapping<T, N>::type;

    WG_INLINE wrapping_type unsigned_raw() const {
        if constexpr (N == 1) return wrapping_type(raw);
        else return (wrapping_type)raw;
    }
    static WG_INLINE Vec wrap(wrapping_type u) {
        if constexpr (N == 1) return from_raw(T(u));
        else return from_raw((raw_type)u);
    }
    template <class R>
    static WG_INLINE mask_type mask(R r) {
        return mask_type::from_raw((typename mask_type::raw_type)r);
    }
    template <class F>
    static WG_INLINE Vec by_lane(Vec a, Vec b, F f) {
        Vec r;
        for (int i = 0; i < N; ++i) r.set(i, f(a[i], b[i]));
        return r;
    }
    static WG_INLINE T divide(T x, T y) {
        if (y == 0) return 0;
        if constexpr (traits::is_signed<T>)
            if (y == -1) return T(detail::lane_uint<T>(0) - detail::lane_uint<T>(x));
        return T(x / y);
    }
};

template <class T, int N>
WG_INLINE Mask<T, N> Mask<T, N>::load_bool(const uint8_t* p, int n) {
    const Vec<uint8_t, N> bytes = Vec<uint8_t, N>::load(p, n);
    return (bytes != 0).template as<T>();
}

template <class T, int N>
WG_INLINE void Mask<T, N>::store_bool(uint8_t* p, int n) const {
    const Mask<uint8_t, N> bytes = as<uint8_t>();
    where(bytes, Vec<uint8_t, N>(1), Vec<uint8_t, N>(0)).store(p, n);
}

// The bits of each lane as another type of the same width.
template <class U, class T, int N>
WG_INLINE Vec<U, N> bit_cast(Vec<T, N> x) {
    static_assert(sizeof(U) == sizeof(T));
    return Vec<U, N>::from_raw(detail::bits_as<detail::raw_t<U, N>>(x.raw));
}

// Each lane converted as static_cast<U> does.
template <class U, class T, int N>
WG_INLINE Vec<U, N> convert(Vec<T, N> x) {
    if constexpr (traits::is_same<U, T>) return x;
    else if constexpr (N == 1) return Vec<U, 1>(x.raw);
    else return Vec<U, N>::from_raw(WG_CONVERT(x.raw, typename Vec<U, N>::raw_type));
}

// The lower and the upper half of the lanes, and back.
template <class T, int N>
struct Halves {
    Vec<T, N / 2> lo, hi;
};
#if WG_HAS_SHUFFLE
namespace detail {

template <int... I>
struct lane_list {};
template <int N, int... I>
constexpr auto make_lane_list() {
    if constexpr (sizeof...(I) == N) return lane_list<I...>{};
    else return make_lane_list<N, I..., int(sizeof...(I))>();
}

template <class T, int N, int... I>
WG_INLINE Halves<T, N> split_raw(raw_t<T, N> x, lane_list<I...>) {
    return {Vec<T, N / 2>::from_raw(__builtin_shufflevector(x, x, I...)),
            Vec<T, N / 2>::from_raw(__builtin_shufflevector(x, x, (N / 2 + I)...))};
}
template <class T, int H, int... I>
WG_INLINE Vec<T, 2 * H> join_raw(raw_t<T, H> lo, raw_t<T, H> hi, lane_list<I...>) {
    return Vec<T, 2 * H>::from_raw(__builtin_shufflevector(lo, hi, I...));
}

}  // namespace detail
#endif
template <class T, int N>
WG_INLINE Halves<T, N> split(Vec<T, N> x) {
    static_assert(N > 1 && sizeof(Halves<T, N>) == sizeof(x));
#if WG_HAS_SHUFFLE
    if constexpr (N > 2) return detail::split_raw<T, N>(x.raw, detail::make_lane_list<N / 2>());
    else
#endif
        return detail::bits_as<Halves<T, N>>(x);
}
template <class T, int H>
WG_INLINE Vec<T, 2 * H> join(Vec<T, H> lo, Vec<T, H> hi) {
#if WG_HAS_SHUFFLE
    if constexpr (H > 1)
        return detail::join_raw<T, H>(lo.raw, hi.raw, detail::make_lane_list<2 * H>());
    else
#endif
        return detail::bits_as<Vec<T, 2 * H>>(Halves<T, 2 * H>{lo, hi});
}

// f applied to the number in each lane.
template <class F, class T, int N>
WG_INLINE Vec<T, N> map_lanes(F f, Vec<T, N> x) {
    Vec<T, N> r;
    for (int i = 0; i < N; ++i) r.set(i, f(x[i]));
    return r;
}
template <class F, class T, int N>
WG_INLINE Vec<T, N> map_lanes(F f, Vec<T, N> x, Vec<T, N> y) {
    Vec<T, N> r;
    for (int i = 0; i < N; ++i) r.set(i, f(x[i], y[i]));
    return r;
}

// The sum of all lanes, added pairwise.
template <class T, int N>
WG_INLINE T sum_lanes(Vec<T, N> x) {
    if constexpr (N == 1) {
        return x.raw;
    } else {
        const Halves<T, N> h = split(x);
        return sum_lanes(h.lo + h.hi);
    }
}

// The same vocabulary for plain numbers.
template <class A, class B>
    requires(Arithmetic<A> && Arithmetic<B>)
WG_INLINE constexpr auto where(bool condition, A a, B b) {
    return condition ? a : b;
}
WG_INLINE constexpr bool any(bool condition) { return condition; }
WG_INLINE constexpr bool all(bool condition) { return condition; }

template <class U, Arithmetic T>
WG_INLINE U bit_cast(T x) {
    return detail::bits_as<U>(x);
}
template <class U, Arithmetic T>
WG_INLINE constexpr U convert(T x) {
    return static_cast<U>(x);
}

}  // namespace WG_ISA
}  // namespace wg
