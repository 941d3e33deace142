// Tensors made from a rule: arange, linspace, logspace, eye.
// The order of operations is PyTorch's, so that the values are too, to the last bit.
#include <cmath>

#include "ops/checked_scalar.h"
#include "ops/functions.h"

namespace wg {
namespace {

template <class T>
T from_compute(compute_type<T> x) {
    return T(x);
}

// The number of elements of arange; `T` is the element type.
template <class T>
int64_t arange_size(Scalar start, Scalar end, Scalar step) {
    using Acc = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
    const Acc first = to_checked<Acc>(start), last = to_checked<Acc>(end), by = to_checked<Acc>(step);
    const double given = step.to_double();
    WG_CHECK(given > 0 || given < 0, "step must be nonzero");
    WG_CHECK_VALUE(by != 0, "step must be nonzero");
    if constexpr (!std::is_integral_v<T>)
        WG_CHECK(std::isfinite(first) && std::isfinite(last), "unsupported range: ", first, " -> ", last);
    WG_CHECK((by > 0 && last >= first) || (by < 0 && last <= first),
             "upper bound and lower bound inconsistent with step sign");
    double size;
    if constexpr (std::is_same_v<T, int64_t>) {
        // In integers, as doubles do not have the precision; the difference may exceed int64.
        const uint64_t distance = by > 0 ? uint64_t(last) - uint64_t(first) : uint64_t(first) - uint64_t(last);
        const uint64_t stride = by > 0 ? uint64_t(by) : -uint64_t(by);
        const uint64_t n = distance / stride + (distance % stride != 0);
        WG_CHECK(n <= uint64_t(INT64_MAX), "invalid size, possible overflow?");
        return int64_t(n);
    } else {
        size = std::ceil((end.to_double() - start.to_double()) / given);
        WG_CHECK(size >= 0 && size < 0x1p63, "invalid size, possible overflow?");
        return int64_t(size);
    }
}

// Lanes of float in the widest vector of this machine. PyTorch computes the start of each pair of
// vectors in double, rounds it, and adds multiples of the step to that.
int64_t float_lanes() {
#if defined(__x86_64__)
    static const int64_t lanes = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
                                     ? 16
                                     : 8;
    return lanes;
#else
    return 4;
#endif
}

template <class T>
void fill_arange(T* out, int64_t n, Scalar start, Scalar step) {
    if constexpr (std::is_integral_v<T>) {
        const uint64_t first = uint64_t(start.to_int()), by = uint64_t(step.to_int());
        for (int64_t i = 0; i < n; ++i) out[i] = T(first + by * uint64_t(i));
    } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
        const float first = float(start.to_double()), by = float(step.to_double());
        for (int64_t i = 0; i < n; ++i) out[i] = T(std::fma(by, float(i), first));
    } else {
        const double first = start.to_double(), by = step.to_double();
        const int64_t lanes = float_lanes() * int64_t(sizeof(float)) / int64_t(sizeof(T));
        int64_t i = 0;
        for (; i + 2 * lanes <= n; i += 2 * lanes)
            for (int64_t half = 0; half < 2; ++half) {
                const T base = T(std::fma(by, double(i + half * lanes), first));
                for (int64_t k = 0; k < lanes; ++k)
                    out[i + half * lanes + k] = T(std::fma(double(k), by, double(base)));
            }
        for (; i < n; ++i) out[i] = T(std::fma(by, double(i), first));
    }
}

// Rounds to T after every step: half types have no fused multiply-add.
template <class T>
compute_type<T> multiply_add(compute_type<T> a, compute_type<T> b, compute_type<T> c) {
    using C = compute_type<T>;
    if constexpr (std::is_same_v<T, C>) return std::fma(a, b, c);
    else return C(T(C(T(a * C(T(b)))) + c));
}

// Calls put(i, value) with the points of linspace, counted from the nearer end.
template <class T, class Put>
void for_each_point(Scalar start, Scalar end, int64_t steps, Put put) {
    using Step = std::conditional_t<std::is_integral_v<T>, double, T>;
    using C = compute_type<Step>;
    const C first = C(Step(C(to_checked<T>(start)))), last = C(Step(C(to_checked<T>(end))));
    if (steps == 1) return put(0, first);
    C by = C(Step(last - first));
    by = C(Step(by / C(Step(C(steps - 1)))));
    for (int64_t i = 0; i < steps; ++i)
        put(i, i < steps / 2 ? multiply_add<Step>(by, C(i), first)
                             : multiply_add<Step>(-by, C(steps - i - 1), last));
}

DType spaced_dtype(OptDType dtype, const char* name) {
    const DType d = dtype.value_or(default_dtype());
    WG_CHECK_NOT_IMPLEMENTED(d != DType::Bool, "\"", name, "\" not implemented for 'Bool'");
    return d;
}

}  // namespace

Tensor arange(Scalar start, Scalar end, Scalar step, OptDType dtype) {
    const bool floating = start.is_floating() || end.is_floating() || step.is_floating();
    const DType d = dtype.value_or(floating ? default_dtype() : DType::Int64);
    WG_CHECK_NOT_IMPLEMENTED(d != DType::Bool, "\"arange_cpu\" not implemented for 'Bool'");
    return visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const int64_t n = arange_size<T>(start, end, step);
        Tensor out = empty(Dims{n}, d);
        fill_arange(out.data<T>(), n, start, step);
        return out;
    });
}

Tensor linspace(double start, double end, int64_t steps, OptDType dtype) {
    WG_CHECK(steps >= 0, "number of steps must be non-negative");
    const DType d = spaced_dtype(dtype, "linspace_cpu");
    Tensor out = empty(Dims{steps}, d);
    if (steps == 0) return out;
    visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        T* p = out.data<T>();
        for_each_point<T>(start, end, steps, [&](int64_t i, auto x) { p[i] = T(compute_type<T>(x)); });
    });
    return out;
}

Tensor logspace(double start, double end, int64_t steps, double base, OptDType dtype) {
    WG_CHECK(steps >= 0, "number of steps must be non-negative");
    const DType d = spaced_dtype(dtype, "logspace_cpu");
    Tensor out = empty(Dims{steps}, d);
    if (steps == 0) return out;
    visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        T* p = out.data<T>();
        for_each_point<T>(start, end, steps, [&](int64_t i, auto x) {
            p[i] = T(compute_type<T>(std::pow(base, double(x))));
        });
    });
    return out;
}

Tensor eye(int64_t n, OptInt m, OptDType dtype) {
    WG_CHECK(n >= 0, "n must be greater or equal to 0, got ", n);
    const int64_t columns = m.value_or(n);
    WG_CHECK(columns >= 0, "m must be greater or equal to 0, got ", columns);
    Tensor out = zeros({n, columns}, dtype);
    const int64_t size = std::min(n, columns);
    if (size > 0) fill_values(alias(out, Dims{size}, Dims{columns + 1}, 0), 1);
    return out;
}

}  // namespace wg
