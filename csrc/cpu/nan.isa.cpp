// The loop that looks for NaN.
#include "cpu/nan.h"

#include <algorithm>

#include "cpu/edge.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

// A lane of a sum is NaN if one of its terms is, whatever the others are: one addition for each vector. It may also be
// that of infinities, so then each element is looked at.
template <class T>
bool any_nan(const T* values, int64_t n) {
    using V = Vec<T>;
    constexpr int64_t W = V::lanes;
    V a(0), b(0), c(0), d(0);
    int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
        a = a + V::load(values + i);
        b = b + V::load(values + i + W);
        c = c + V::load(values + i + 2 * W);
        d = d + V::load(values + i + 3 * W);
    }
    for (; i + W <= n; i += W) a = a + V::load(values + i);
    if (i < n) b = b + Edge<T>(int(n - i)).load(values + i);
    const V sum = (a + b) + (c + d);
    return any(sum != sum) && std::any_of(values, values + n, [](T v) { return v != v; });
}

}  // namespace

const nan_impl::Kernels& nan_kernels() {
    static constexpr nan_impl::Kernels kernels = {any_nan<float>, any_nan<double>};
    return kernels;
}

}  // namespace WG_ISA
}  // namespace wg
