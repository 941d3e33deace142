// Random tensors: the fills of cpu/random.h on tensors of any layout, and what is built on them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "autograd/record.h"
#include "cpu/random.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {
namespace {

// The dims of t from the outermost (largest stride) to the innermost.
SmallVector<int, 8> memory_order(const Tensor& t) {
    SmallVector<int, 8> order;
    for (int d = 0; d < int(t.dim()); ++d) order.push_back(d);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return t.strides()[a] > t.strides()[b]; });
    return order;
}

Tensor reordered(const Tensor& t, const SmallVector<int, 8>& order) {
    Dims sizes, strides;
    for (int d : order) {
        sizes.push_back(t.sizes()[d]);
        strides.push_back(t.strides()[d]);
    }
    return alias(t, sizes, strides, t.offset());
}

// Runs f(TypeTag, pointer, n) on the elements in the order they lie in memory, as PyTorch draws for
// them; a tensor with gaps is filled by way of a copy.
template <class F>
void fill(const Tensor& t, const char* kernel, F f) {
    check_real(t.dtype(), kernel);
    const Tensor dense = t.is_contiguous() ? t : reordered(t, memory_order(t));
    const Tensor target = dense.is_contiguous() ? dense : empty(dense.sizes(), t.dtype());
    visit_dtype(t.dtype(), [&](auto tag) {
        f(tag, target.mutable_data<typename decltype(tag)::type>(), target.numel());
    });
    if (!target.is_same(dense)) copy_values(dense, target);
}

template <class F>
void fill_floats(const Tensor& t, const char* name, F f) {
    WG_CHECK_NOT_IMPLEMENTED(is_floating(t.dtype()), "\"", name, "\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
    fill(t, name, [&](auto tag, auto* out, int64_t n) {
        using T = typename decltype(tag)::type;
        if constexpr (!std::is_integral_v<T>) f(out, n);
    });
}

// The largest finite value, as a double.
template <class T>
constexpr double largest =
    std::is_same_v<T, Half>       ? 65504.0
    : std::is_same_v<T, BFloat16> ? 0x1.fep127
                                  : std::numeric_limits<compute_type<T>>::max();

// An in-place sampler: the rules of writing around `write`. What was there before has gradient zero.
template <class F>
Tensor& sampled(Tensor& t, const char* node_name, F write) {
    const bool recorded = is_differentiable(t.dtype()) && any_requires_grad({t});
    check_inplace(t, recorded);
    write();
    Ref<Node> node;
    if (recorded) {
        const Tensor* inputs[] = {&t};
        node = make_node(node_name, inputs, [](Backward& d) { d.set(0, zeros_like(d.grad())); });
    }
    rebase_history(t, std::move(node));
    clear_tangents(t);
    return t;
}

// Of complex numbers both parts are drawn.
template <class F>
Tensor& on_parts(Tensor& t, const char* node_name, F draw) {
    return sampled(t, node_name, [&] {
        Unrecorded off;
        const Tensor target = t.is_lazy() ? empty_like(t) : t;
        Tensor parts = parts_of(target);
        draw(parts);
        if (target.is_same(t)) --*t->version;  // sampled() counts the write
        else copy_values(t, target);
    });
}

}  // namespace

Tensor& uniform_(Tensor& t, double from, double to, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"uniform_.default">(
            [&]() -> Tensor& { return uniform_(t, from, to, g); }, t, from, to);
    if (is_complex(t.dtype()))
        return on_parts(t, "UniformBackward0",
                        [&](Tensor& parts) { uniform_(parts, from, to, g); });
    return sampled(t, "UniformBackward0", [&] {
        fill_floats(t, "check_uniform_bounds", [&](auto* out, int64_t n) {
            using T = std::remove_pointer_t<decltype(out)>;
            const auto check_bound = [&](const char* name, double v) {
                WG_CHECK(v >= -largest<T> && v <= largest<T>, name, " is out of bounds for ",
                         info(t.dtype()).c_name);
            };
            check_bound("from", from);
            check_bound("to", to);
            WG_CHECK(from <= to,
                     "uniform_ expects to return a [from, to) range, but found from=", from,
                     " > to=", to);
            WG_CHECK(to - from <= largest<T>, "uniform_ expects to-from <= std::numeric_limits<",
                     info(t.dtype()).scalar_name, ">::max(), but found to=", to, " and from=", from,
                     " which result in to-from to exceed the limit");
            fill_uniform(out, n, from, to, g);
        });
    });
}

Tensor& normal_(Tensor& t, double mean, double std, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"normal_.default">([&]() -> Tensor& { return normal_(t, mean, std, g); },
                                              t, mean, std);
    if (is_complex(t.dtype()))  // each part has half of the variance
        return on_parts(t, "NormalBackward0", [&](Tensor& parts) {
            WG_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
            normal_(parts, mean, std / std::sqrt(2.0), g);
        });
    return sampled(t, "NormalBackward0", [&] {
        WG_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
        // Only dense memory takes the block scheme, as in PyTorch.
        const bool serial = !has_contiguous_layout(t);
        fill_floats(t, "normal_kernel_cpu", [&](auto* out, int64_t n) {
            if (serial) fill_normal_serial(out, n, mean, std, g);
            else fill_normal(out, n, mean, std, g);
        });
    });
}

Tensor& log_normal_(Tensor& t, double mean, double std, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"log_normal_.default">(
            [&]() -> Tensor& { return log_normal_(t, mean, std, g); }, t, mean, std);
    return sampled(t, "LogNormalBackward0", [&] {
        WG_CHECK(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
        fill_floats(t, "log_normal_cpu",
                    [&](auto* out, int64_t n) { fill_log_normal(out, n, mean, std, g); });
    });
}

Tensor& cauchy_(Tensor& t, double median, double sigma, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"cauchy_.default">(
            [&]() -> Tensor& { return cauchy_(t, median, sigma, g); }, t, median, sigma);
    return sampled(t, "CauchyBackward0", [&] {
        WG_CHECK(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
        WG_CHECK(is_floating(t.dtype()),
                 "Cauchy distribution is a continuous probability distribution. dtype must be a "
                 "floating point but you specified ",
                 info(t.dtype()).c_name);
        fill_floats(t, "cauchy_cpu",
                    [&](auto* out, int64_t n) { fill_cauchy(out, n, median, sigma, g); });
    });
}

Tensor& exponential_(Tensor& t, double lambda, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"exponential_.default">(
            [&]() -> Tensor& { return exponential_(t, lambda, g); }, t, lambda);
    return sampled(t, "ExponentialBackward0", [&] {
        WG_CHECK(lambda > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambda);
        WG_CHECK(
            is_floating(t.dtype()),
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            "floating point but you specified ",
            info(t.dtype()).scalar_name);
        fill_floats(t, "exponential_cpu",
                    [&](auto* out, int64_t n) { fill_exponential(out, n, lambda, g); });
    });
}

Tensor& geometric_(Tensor& t, double p, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"geometric_.default">([&]() -> Tensor& { return geometric_(t, p, g); },
                                                 t, p);
    return sampled(t, "GeometricBackward0", [&] {
        WG_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
        fill(t, "geometric_cpu", [&](auto tag, auto* out, int64_t n) {
            if constexpr (!std::is_same_v<typename decltype(tag)::type, bool>)
                fill_geometric(out, n, p, g);
            else fail(ErrorKind::NotImplemented, "\"geometric_cpu\" not implemented for 'Bool'");
        });
    });
}

namespace {

// What a dtype can hold, and with floats up to where it holds every integer.
template <class T>
struct IntegersOf {
    static constexpr bool floating = !std::is_integral_v<T>;
    static constexpr int digits = std::is_same_v<T, Half>       ? 11
                                  : std::is_same_v<T, BFloat16> ? 8
                                  : std::is_same_v<T, float>    ? 24
                                                                : 53;
    static bool holds(int64_t v) {
        if constexpr (floating) return double(v) >= -largest<T> && double(v) <= largest<T>;
        else if constexpr (std::is_same_v<T, bool>) return v == 0 || v == 1;
        else return v == int64_t(T(v));
    }
    static bool is_exact(int64_t v) {
        return !floating || (v >= -(int64_t(1) << digits) && v <= int64_t(1) << digits);
    }
};

// The bounds as a floating type tells them apart: where it skips integers, the lower one moves up and
// the upper one down to a number it has.
template <class T>
int64_t rounded_to(int64_t v) {
    return int64_t(double(compute_type<T>(T(compute_type<T>(v)))));
}
template <class T>
int64_t spacing(int64_t v) {
    return int64_t(1) << (std::bit_width(uint64_t(std::abs(v))) - IntegersOf<T>::digits);
}
template <class T>
int64_t up_to_exact(int64_t from) {
    const int64_t next = rounded_to<T>(from + 1);
    return next >= from ? from : next + spacing<T>(from + 1);
}
template <class T>
int64_t down_to_exact(int64_t to) {
    const int64_t last = rounded_to<T>(to - 1);
    return last < to ? to : last - spacing<T>(to - 1);
}

// last: the greatest number that may be drawn.
template <class T>
void check_integers(const Tensor& t, int64_t from, int64_t last) {
    const char* type = info(t.dtype()).c_name;
    const auto check_bound = [&](const char* name, int64_t v) {
        WG_CHECK(IntegersOf<T>::holds(v), name, " is out of bounds for ", type);
    };
    const auto warn_bound = [&](const char* name, int64_t v) {
        if (IntegersOf<T>::is_exact(v)) return;
        const int d = IntegersOf<T>::digits;
        warn(WarningKind::User,
             str(name, " is out of bounds [-(2^", d, "), 2^", d, "]. Due to precision limitations ",
                 type,
                 " can support discrete uniform distribution only within this range. This warning "
                 "will become an error in version 1.7 release, please fix the code in advance"));
    };
    check_bound("from", from);
    check_bound("to - 1", last);
    warn_bound("from", from);
    warn_bound("to - 1", last);
}

Tensor& random_between(Tensor& t, const char* node, int64_t from, OptInt to, Generator& g) {
    return sampled(t, node, [&] {
        WG_CHECK(!to || from < *to,
                 "random_ expects 'from' to be less than 'to', but got from=", from,
                 " >= to=", *to);
        WG_CHECK(!is_complex(t.dtype()),
                 "check_random_bounds handles only integral, floating-point and boolean types");
        fill(t, "random_from_to", [&](auto tag, auto* out, int64_t n) {
            using T = typename decltype(tag)::type;
            int64_t first = from, last;
            if (to) {
                last = *to;
                if constexpr (IntegersOf<T>::floating) {
                    first = up_to_exact<T>(from);
                    last = down_to_exact<T>(*to);
                    WG_CHECK(
                        first < last,
                        "random_ expects 'from' casted to dtype to be less than 'to' casted to "
                        "dtype, but got from=",
                        first, " >= to=", last);
                }
                --last;
                check_integers<T>(t, first, last);
            } else {
                if constexpr (IntegersOf<T>::floating) last = int64_t(1) << IntegersOf<T>::digits;
                else last = int64_t(std::numeric_limits<T>::max());
                if (IntegersOf<T>::floating && first != INT64_MIN) first = up_to_exact<T>(from);
                WG_CHECK(first == INT64_MIN || first < last,
                         "random_ expects 'from' casted to dtype to be less than or equal to "
                         "'to_inc' casted to dtype, but got from=",
                         first, " > to_inc=", last);
                if (first != INT64_MIN) check_integers<T>(t, first, last);
            }
            fill_random_range(out, n, first, uint64_t(last) - uint64_t(first) + 1, g);
        });
    });
}

}  // namespace

Tensor& random_range_(Tensor& t, int64_t from, OptInt to, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"random_.from">(
            [&]() -> Tensor& { return random_range_(t, from, to, g); }, t, from, to);
    return random_between(t, "RandomBackward0", from, to, g);
}
Tensor& random_to_(Tensor& t, int64_t to, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"random_.to">([&]() -> Tensor& { return random_to_(t, to, g); }, t, to);
    return random_between(t, "RandomBackward1", 0, to, g);
}

Tensor& random_full_(Tensor& t, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"random_.default">([&]() -> Tensor& { return random_full_(t, g); }, t);
    return sampled(t, "RandomBackward2", [&] {
        fill(t, "random_kernel_cpu", [&](auto, auto* out, int64_t n) { fill_random(out, n, g); });
    });
}

Tensor& bernoulli_(Tensor& t, double p, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"bernoulli_.float">([&]() -> Tensor& { return bernoulli_(t, p, g); }, t,
                                               p);
    return sampled(t, "BernoulliBackward2", [&] {
        WG_CHECK(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
        fill(t, "bernoulli_scalar_cpu_",
             [&](auto, auto* out, int64_t n) { fill_bernoulli(out, n, p, g); });
    });
}

Tensor& bernoulli_tensor_(Tensor& t, const Tensor& p, Generator& g) {
    if (watched()) [[unlikely]]
        return watch_write<"bernoulli_.Tensor">(
            [&]() -> Tensor& { return bernoulli_tensor_(t, p, g); }, t, p);
    return sampled(t, "BernoulliBackward1", [&] {
        check_real(t.dtype(), "bernoulli_tensor_cpu_self_");
        WG_CHECK_NOT_IMPLEMENTED(is_floating(p.dtype()),
                                 "\"bernoulli_tensor_cpu_p_\" not implemented for '",
                                 info(p.dtype()).scalar_name, "'");
        const Tensor expanded = expand(detach(p), Dims(t.sizes()));
        const Tensor probabilities =
            contiguous(to_dtype(t.is_contiguous() ? expanded : reordered(expanded, memory_order(t)),
                                p.dtype() == DType::Float64 ? DType::Float64 : DType::Float32));
        const auto check_range = [](const auto* v, int64_t n) {
            for (int64_t i = 0; i < n; ++i)
                WG_CHECK(v[i] >= 0 && v[i] <= 1,
                         "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
        };
        fill(t, "bernoulli_tensor_cpu_self_", [&](auto, auto* out, int64_t n) {
            if (probabilities.dtype() == DType::Float64) {
                check_range(probabilities.data<double>(), n);
                fill_bernoulli(out, probabilities.data<double>(), n, g);
            } else {
                check_range(probabilities.data<float>(), n);
                fill_bernoulli(out, probabilities.data<float>(), n, g);
            }
        });
    });
}

Tensor multinomial(const Tensor& weights, int64_t samples, bool replacement, Generator& g) {
    if (watched()) [[unlikely]]
        return watch<"multinomial.default">(
            [&] { return multinomial(weights, samples, replacement, g); }, weights, samples,
            optional_argument(replacement, false));
    WG_CHECK(weights.dim() == 1 || weights.dim() == 2, "prob_dist must be 1 or 2 dim");
    WG_CHECK(is_floating(weights.dtype()),
             "multinomial only supports floating-point dtypes for input, got: ",
             info(weights.dtype()).scalar_name);
    WG_CHECK(samples > 0, "cannot sample n_sample <= 0 samples");
    const int64_t categories = weights.size(-1), rows = weights.dim() == 2 ? weights.size(0) : 1;
    WG_CHECK(replacement || samples <= categories,
             "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    WG_CHECK(categories <= (int64_t(1) << 24), "number of categories cannot exceed 2^24");
    const Tensor w = contiguous(detach(weights));
    visit_dtype(w.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        for (int64_t r = 0; r < rows; ++r) {
            double sum = 0;
            for (int64_t i = 0; i < categories; ++i) {
                const double v = double(compute_type<T>(w.data<T>()[r * categories + i]));
                WG_CHECK(v >= 0 && v <= 1.7976931348623157e308,
                         "probability tensor contains either `inf`, `nan` or element < 0");
                sum += v;
            }
            WG_CHECK(sum > 0, "invalid multinomial distribution (sum of probabilities <= 0)");
        }
    });
    Dims sizes;
    if (weights.dim() == 2) sizes.push_back(rows);
    sizes.push_back(samples);
    Tensor out = empty(sizes, DType::Int64);
    visit_dtype(w.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (!std::is_integral_v<T>)
            fill_multinomial(out.mutable_data<int64_t>(), w.data<T>(), rows, categories, samples,
                             replacement, g);
    });
    return out;
}

Tensor dropout(const Tensor& x, double p, bool train) {
    WG_CHECK(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
    if (p == 0 || !train || x.numel() == 0) return x;
    if (p == 1) return mul(x, zeros({}, x.dtype()));
    Tensor noise = make_empty_like(x, {}, {});
    bernoulli_(noise, 1 - p, default_generator());
    const Arg args[] = {noise, 1 - p};
    elementwise_(Op::div, noise, args, {}, "DivBackward1");
    return mul(x, noise);
}

}  // namespace wg
