// Vectors of elements in the type they are computed in: the half types in float, others as they are.
#pragma once

#include <type_traits>

#include "scalar/half.h"
#include "scalar/vec.h"
#include "tensor/dtype.h"

namespace wg {
inline namespace WG_ISA {

// Loads N elements, or the first n.
template <int N, class T>
WG_INLINE Vec<compute_type<T>, N> load_elements(const T* p, int n = N) {
    if constexpr (std::is_same_v<T, compute_type<T>>) return Vec<T, N>::load(p, n);
    else return load_as_float<N>(p, n);
}
template <int N, class T>
WG_INLINE void store_elements(T* p, Vec<compute_type<T>, N> v, int n = N) {
    if constexpr (std::is_same_v<T, compute_type<T>>) v.store(p, n);
    else store_from_float(p, n, v);
}

// Calls f(i, lanes) for the vectors of n elements; lanes < N only for the last.
template <int N, class F>
WG_INLINE void for_vectors(int64_t n, F f) {
    int64_t i = 0;
    for (; i + N <= n; i += N) f(i, N);
    if (i < n) f(i, int(n - i));
}

}  // namespace WG_ISA
}  // namespace wg
