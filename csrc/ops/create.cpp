// Tensors made from a rule: arange, linspace, logspace, eye.
// The order of operations is PyTorch's, so that the values are too, to the last bit.
#include <cmath>

#include "ops/checked_scalar.h"
#include "ops/functions.h"
#include "scalar/complex_math.h"

namespace wg {
namespace {

// The number of elements of arange; `T` is the element type.
template <class T>
int64_t arange_size(Scalar start, Scalar end, Scalar step) {
    // Only int64 is checked and counted in integers, as doubles do not have the precision.
    using Acc = std::conditional_t<std::is_same_v<T, int64_t>, int64_t, double>;
    const Acc first = to_checked<Acc>(start), last = to_checked<Acc>(end),
              by = to_checked<Acc>(step);
    const double given = step.to_double();
    WG_CHECK(given > 0 || given < 0, "step must be nonzero");
    WG_CHECK_VALUE(by != 0, "step must be nonzero");
    if constexpr (!std::is_same_v<T, int64_t>)
        WG_CHECK(std::isfinite(first) && std::isfinite(last), "unsupported range: ", first, " -> ",
                 last);
    WG_CHECK((by > 0 && last >= first) || (by < 0 && last <= first),
             "upper bound and lower bound inconsistent with step sign");
    if constexpr (std::is_same_v<T, int64_t>) {
        // The difference may exceed int64.
        const uint64_t distance =
            by > 0 ? uint64_t(last) - uint64_t(first) : uint64_t(first) - uint64_t(last);
        const uint64_t stride = by > 0 ? uint64_t(by) : -uint64_t(by);
        const uint64_t n = distance / stride + (distance % stride != 0);
        WG_CHECK(n <= uint64_t(INT64_MAX), "invalid size, possible overflow?");
        return int64_t(n);
    } else {
        const double size = std::ceil((end.to_double() - start.to_double()) / given);
        WG_CHECK(size >= 0 && size < 0x1p63, "invalid size, possible overflow?");
        return int64_t(size);
    }
}

template <class T>
void fill_arange(T* out, int64_t n, Scalar start, Scalar step) {
    if constexpr (std::is_integral_v<T>) {
        const uint64_t first = uint64_t(to_checked<int64_t>(start)),
                       by = uint64_t(to_checked<int64_t>(step));
        for (int64_t i = 0; i < n; ++i) out[i] = T(first + by * uint64_t(i));
    } else {
        // PyTorch fills pairs of 32-byte vectors: the first element of each vector is rounded to T, the
        // others are that plus multiples of the step. What is left after the last pair is computed
        // one by one.
        using Acc = std::conditional_t<sizeof(T) == 2, float, double>;
        using C = compute_type<T>;
        const Acc first = Acc(start.to_double()), by = Acc(step.to_double());
        constexpr int64_t kLanes = 32 / int64_t(sizeof(T));
        int64_t i = 0;
        for (const int64_t paired = n - n % (2 * kLanes); i < paired; i += kLanes) {
            const T base = T(C(std::fma(by, Acc(i), first)));
            for (int64_t k = 0; k < kLanes; ++k)
                out[i + k] = T(C(std::fma(Acc(k), by, Acc(C(base)))));
        }
        for (; i < n; ++i) out[i] = T(C(std::fma(by, Acc(i), first)));
    }
}

// Rounds to T after every step: half types have no fused multiply-add.
template <class T>
compute_type<T> multiply_add(compute_type<T> a, compute_type<T> b, compute_type<T> c) {
    using C = compute_type<T>;
    if constexpr (is_complex_number<T>) return a * b + c;
    else if constexpr (std::is_same_v<T, C>) return std::fma(a, b, c);
    else return C(T(C(T(a * C(T(b)))) + c));
}

// The ends of linspace and logspace and their distance, each rounded to the element type; integers are
// spaced in double. linspace goes on in that type, logspace in double.
template <class T>
struct Spacing {
    using Step = std::conditional_t<std::is_integral_v<T>, double, T>;
    using C = compute_type<Step>;
    C first, last, distance;

    Spacing(Scalar start, Scalar end)
        : first(rounded(to_checked<T>(start))), last(rounded(to_checked<T>(end))),
          distance(rounded(last - first)) {}
    static C rounded(auto x) { return C(Step(C(x))); }
};

DType spaced_dtype(OptDType dtype, const char* name) {
    const DType d = dtype.value_or(default_dtype());
    WG_CHECK_NOT_IMPLEMENTED(d != DType::Bool, "\"", name, "\" not implemented for '",
                             info(d).scalar_name, "'");
    return d;
}

}  // namespace

Tensor arange(Scalar start, Scalar end, Scalar step, OptDType dtype) {
    bool floating = false;
    for (const Scalar& s : {start, end, step}) {
        if (s.is_complex()) s.to_double();  // or fails
        floating = floating || s.is_floating() || s.is_complex();
    }
    const DType d = dtype.value_or(floating ? default_dtype() : DType::Int64);
    WG_CHECK_NOT_IMPLEMENTED(d != DType::Bool && !is_complex(d),
                             "\"arange_cpu\" not implemented for '", info(d).scalar_name, "'");
    return visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const int64_t n = arange_size<T>(start, end, step);
        Tensor out = empty(Dims{n}, d);
        fill_arange(out.mutable_data<T>(), n, start, step);
        return out;
    });
}

// arange with the end included, counted in double.
Tensor closed_range(Scalar start, Scalar end, Scalar step, OptDType dtype) {
    const DType d = dtype.value_or(default_dtype());
    WG_CHECK_NOT_IMPLEMENTED(d != DType::Bool && !is_complex(d),
                             "\"range_cpu\" not implemented for '", info(d).scalar_name, "'");
    return visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        using Acc = std::conditional_t<std::is_integral_v<T>, int64_t,
                                       std::conditional_t<sizeof(T) == 2, float, double>>;
        const Acc first = to_checked<Acc>(start), last = to_checked<Acc>(end),
                  by = to_checked<Acc>(step);
        WG_CHECK(by > 0 || by < 0, "step must be nonzero");
        WG_CHECK(std::isfinite(start.to_double()) && std::isfinite(end.to_double()),
                 "unsupported range: ", start.to_double(), " -> ", end.to_double());
        WG_CHECK((by > 0 && last >= first) || (by < 0 && last <= first),
                 "upper bound and lower bound inconsistent with step sign");
        const double size = (end.to_double() - start.to_double()) / step.to_double() + 1;
        WG_CHECK(size >= 0 && size < 0x1p63, "invalid size, possible overflow?");
        Tensor out = empty(Dims{int64_t(size)}, d);
        for (int64_t i = 0; i < out.numel(); ++i)
            out.mutable_data<T>()[i] = T(compute_type<T>(first + Acc(i) * by));
        return out;
    });
}

Tensor linspace(Scalar start, Scalar end, int64_t steps, OptDType dtype) {
    WG_CHECK(steps >= 0, "number of steps must be non-negative");
    const DType d = spaced_dtype(dtype, "linspace_cpu");
    Tensor out = empty(Dims{steps}, d);
    if (steps == 0) return out;
    visit_any_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        T* p = out.mutable_data<T>();
        if (steps == 1) {
            *p = T(to_checked<T>(start));
            return;
        }
        using Step = typename Spacing<T>::Step;
        using C = compute_type<Step>;
        using S = Spacing<T>;
        const S s(start, end);
        const C by = S::rounded(s.distance / S::rounded(C(steps - 1)));
        // Counted from the nearer end.
        for (int64_t i = 0; i < steps; ++i)
            p[i] = T(compute_type<T>(i < steps / 2
                                         ? multiply_add<Step>(by, C(i), s.first)
                                         : multiply_add<Step>(-by, C(steps - i - 1), s.last)));
    });
    return out;
}

Tensor logspace(Scalar start, Scalar end, int64_t steps, double base, OptDType dtype) {
    WG_CHECK(steps >= 0, "number of steps must be non-negative");
    const DType d = spaced_dtype(dtype, "logspace_cpu");
    Tensor out = empty(Dims{steps}, d);
    if (steps == 0) return out;
    if (is_complex(d)) {
        visit_complex(d, [&](auto tag) {
            using T = typename decltype(tag)::type;
            const Tensor exponents = linspace(start, end, steps, d);
            for (int64_t i = 0; i < steps; ++i)
                out.mutable_data<T>()[i] = pow(T(base), exponents.data<T>()[i]);
        });
        return out;
    }
    visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        T* p = out.mutable_data<T>();
        if (steps == 1) {
            *p = T(to_checked<T>(Scalar(std::pow(base, start.to_double()))));
            return;
        }
        const Spacing<T> s(start, end);
        const double by = double(s.distance) / double(steps - 1);
        for (int64_t i = 0; i < steps; ++i) {
            const double exponent = i < steps / 2 ? double(s.first) + by * double(i)
                                                  : double(s.last) - by * double(steps - i - 1);
            const double value = std::pow(base, exponent);
            // Out of range the casts apply (cpu/cast.h), narrow integers by way of int32.
            if constexpr (std::is_integral_v<T>) {
                using Wide = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
                constexpr Wide lowest = std::numeric_limits<Wide>::min();
                p[i] = T(value >= double(lowest) && value < -double(lowest) ? Wide(value) : lowest);
            } else {
                p[i] = T(compute_type<T>(value));
            }
        }
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
