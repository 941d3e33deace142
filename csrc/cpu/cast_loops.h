// How one element is cast and how a run of them is: what the tables of cast functions are made of
// (cast_loops.isa.cpp, cast_complex.cpp). Start with convert(); cast_run applies it to a run.
#pragma once

#include <cstring>
#include <type_traits>

#include "cpu/cast.h"

namespace wg {
inline namespace WG_ISA {

// Bool is read as a byte: memory from outside may hold other values than 0 and 1.
template <class T>
using stored_element = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

template <class Int, class Float>
WG_INLINE Int truncate(Float x) {
    constexpr Int lowest = Int(Int(1) << (sizeof(Int) * 8 - 2)) * -2;
    return x >= Float(lowest) && x < -Float(lowest) ? Int(x) : lowest;
}

template <class To, class From>
WG_INLINE stored_element<To> convert(stored_element<From> x) {
    using C = compute_type<From>;
    if constexpr (std::is_same_v<To, From> && !std::is_same_v<To, bool>) {
        return x;
    } else if constexpr (is_complex_number<From>) {
        if constexpr (is_complex_number<To>) return To(x);
        else if constexpr (std::is_same_v<To, bool>) return x.re != 0 || x.im != 0;
        else return convert<To, decltype(x.re)>(x.re);
    } else if constexpr (is_complex_number<To>) {
        return To(C(x));
    } else if constexpr (std::is_same_v<To, bool>) {
        return C(x) != C(0);
    } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<C>) {
        if constexpr (sizeof(To) == 8 || std::is_same_v<To, uint8_t>)
            return To(truncate<int64_t>(C(x)));
        else return To(truncate<int32_t>(C(x)));
    } else {
        if constexpr (std::is_same_v<From, bool>) x = x != 0;
        return To(compute_type<To>(C(x)));
    }
}

template <class To, class From>
void cast_run(char* dst, int64_t dst_stride, const char* src, int64_t src_stride, int64_t n) {
    using D = stored_element<To>;
    using S = stored_element<From>;
    if (n <= 0) return;
    if (dst_stride == sizeof(D) && src_stride == sizeof(S)) {
        if constexpr (std::is_same_v<To, From>) {
            std::memmove(dst, src, size_t(n) * sizeof(D));
        } else {
            D* __restrict d = reinterpret_cast<D*>(dst);
            const S* __restrict s = reinterpret_cast<const S*>(src);
            for (int64_t i = 0; i < n; ++i) d[i] = convert<To, From>(s[i]);
        }
        return;
    }
    if (src_stride == 0) {
        const D value = convert<To, From>(*reinterpret_cast<const S*>(src));
        if (dst_stride == sizeof(D)) {
            D* d = reinterpret_cast<D*>(dst);
            for (int64_t i = 0; i < n; ++i) d[i] = value;
        } else {
            for (int64_t i = 0; i < n; ++i) *reinterpret_cast<D*>(dst + i * dst_stride) = value;
        }
        return;
    }
    for (int64_t i = 0; i < n; ++i)
        *reinterpret_cast<D*>(dst + i * dst_stride) =
            convert<To, From>(*reinterpret_cast<const S*>(src + i * src_stride));
}

}  // namespace WG_ISA
}  // namespace wg
