// Copies, creation, views, cat and indexing: values against element-by-element references, gradients and
// gradients of gradients against finite differences, and errors instead of accesses out of bounds.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "cpu/cast.h"
#include "cpu/copy.h"
#include "cpu/thread_pool.h"
#include "ops/functions.h"

namespace wg {
namespace {

using Values = std::vector<double>;

Tensor tensor(const Values& values, const Dims& sizes, DType dtype = DType::Float64) {
    Tensor t = empty(sizes, DType::Float64);
    std::copy(values.begin(), values.end(), t.mutable_data<double>());
    return to_dtype(t, dtype);
}
Tensor ints(std::initializer_list<double> values) {
    return tensor(values, {int64_t(values.size())}, DType::Int64);
}
Tensor bools(std::initializer_list<double> values) {
    return tensor(values, {int64_t(values.size())}, DType::Bool);
}
Tensor iota(const Dims& sizes) {
    Values v(size_t(count(sizes)), 0);
    for (size_t i = 0; i < v.size(); ++i) v[i] = double(i);
    return tensor(v, sizes);
}

double element(const Tensor& t, const Dims& index) {
    int64_t at = t.offset();
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * t.strides()[d];
    return from_storage(t->storage, {}, {}, at, t.dtype()).to_double();
}

// Row-major values, read by strides alone.
Values values(const Tensor& t) {
    Values v;
    Dims index(size_t(t.dim()), 0);
    for (int64_t i = 0; i < t.numel(); ++i) {
        v.push_back(element(t, index));
        for (int64_t d = t.dim() - 1; d >= 0; --d) {
            if (++index[d] < t.size(d)) break;
            index[d] = 0;
        }
    }
    return v;
}

void expect(const Tensor& t, const Dims& sizes, const Values& wanted) {
    EXPECT_EQ(to_string(t.sizes()), to_string(sizes));
    EXPECT_EQ(values(t), wanted);
}

std::string error_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& e) {
        return e.what();
    }
    return "(no error)";
}

std::string node_name(const Tensor& t) { return grad_fn(t) ? grad_fn(t)->name() : "(none)"; }

// --- derivatives against finite differences ---

using Function = std::function<Tensor(const TensorList&)>;

double sum_of_products(const Tensor& a, const Tensor& b) {
    const Values x = values(a), y = values(b);
    double s = 0;
    for (size_t i = 0; i < x.size(); ++i) s += x[i] * y[i];
    return s;
}

Tensor random(IntSpan sizes, std::mt19937& rng) {
    Tensor t = empty(sizes, DType::Float64);
    for (int64_t i = 0; i < t.numel(); ++i)
        t.mutable_data<double>()[i] = std::uniform_real_distribution<>(-1, 1)(rng);
    return t;
}

TensorList leaves(const TensorList& xs) {
    TensorList out;
    for (const Tensor& x : xs) {
        out.push_back(clone(detach(x)));
        set_requires_grad(out.back(), true);
    }
    return out;
}

TensorList gradients(const Tensor& y, const Tensor& w, const TensorList& xs, bool create_graph) {
    const Tensor roots[] = {y}, seeds[] = {w};
    return run_backward(roots, seeds, xs,
                        {.retain_graph = true, .create_graph = create_graph, .accumulate = false});
}

// d f / d xs[i] along every direction must equal `analytic`.
void compare(const std::function<double(const TensorList&)>& f, const TensorList& xs,
             const TensorList& analytic, const char* what) {
    const double h = 1e-5;
    for (size_t i = 0; i < xs.size(); ++i) {
        const Values got =
            analytic[i].defined() ? values(analytic[i]) : Values(size_t(xs[i].numel()), 0.0);
        ASSERT_EQ(int64_t(got.size()), xs[i].numel()) << what;
        for (int64_t k = 0; k < xs[i].numel(); ++k) {
            double& x = xs[i].mutable_data<double>()[k];
            const double at = x;
            x = at + h;
            const double up = f(xs);
            x = at - h;
            const double down = f(xs);
            x = at;
            const double slope = (up - down) / (2 * h);
            EXPECT_NEAR(got[size_t(k)], slope, 1e-6 * (1 + std::fabs(slope)))
                << what << " of input " << i << " at " << k;
        }
    }
}

void check_gradients(const TensorList& inputs, const Function& f) {
    std::mt19937 rng(7);
    TensorList xs = leaves(inputs);
    const Tensor y = f(xs);
    xs.push_back(
        random(y.sizes(), rng));  // the weights of the outputs are an input of the gradient
    set_requires_grad(xs.back(), true);
    const size_t n = inputs.size();
    TensorList firsts(xs.begin(), xs.begin() + long(n));
    const TensorList grads = gradients(y, xs.back(), firsts, true);
    compare(
        [&](const TensorList& at) {
            GradMode off(false);
            return sum_of_products(f(at), xs.back());
        },
        firsts, grads, "gradient");

    TensorList directions;
    for (const Tensor& x : firsts) directions.push_back(random(x.sizes(), rng));
    const auto directional = [&](const TensorList& g) {
        double s = 0;
        for (size_t i = 0; i < n; ++i)
            if (g[i].defined()) s += sum_of_products(g[i], directions[i]);
        return s;
    };
    TensorList second(xs.size());
    for (size_t i = 0; i < n; ++i) {
        if (!grads[i].defined() || !requires_grad(grads[i])) continue;
        const TensorList part = gradients(grads[i], directions[i], xs, false);
        for (size_t k = 0; k < xs.size(); ++k)
            if (part[k].defined()) second[k] = second[k].defined() ? second[k] + part[k] : part[k];
    }
    compare(
        [&](const TensorList& at) {
            const TensorList fresh = leaves(TensorList(at.begin(), at.begin() + long(n)));
            return directional(gradients(f(fresh), detach(at.back()), fresh, false));
        },
        xs, second, "second gradient");
}

// --- casts and copies ---

template <class T>
double real_part(const T& x) {
    if constexpr (is_complex_number<T>) return double(x.re);
    else return double(compute_type<T>(x));
}

TEST(Cast, AllPairsAgreeWithScalarConversion) {
    const Values samples = {0, 1, -1, 2.5, -2.5, 100, 127,  -128, 3.75, 0,
                            1, 7, -7, 42,  55,   -55, 63.5, 2,    3};
    for (int from = 0; from < kNumDTypes; ++from)
        for (int to = 0; to < kNumDTypes; ++to)
            for (bool strided : {false, true}) {
                const int64_t n = int64_t(samples.size());
                Tensor src = empty(Dims{2 * n}, DType(from)), dst = empty(Dims{3 * n}, DType(to));
                Values in, out, wanted;
                const int64_t ss = strided ? 2 : 1, ds = strided ? 3 : 1;
                for (int64_t i = 0; i < n; ++i)
                    visit_any_dtype(DType(from), [&](auto tag) {
                        using T = typename decltype(tag)::type;
                        const bool is_unsigned = std::is_same_v<T, uint8_t>;
                        const double v =
                            is_unsigned ? std::fabs(samples[size_t(i)]) : samples[size_t(i)];
                        src.mutable_data<T>()[i * ss] = T(compute_type<T>(v));
                        in.push_back(real_part(src.data<T>()[i * ss]));
                    });
                cast_fn(DType(to), DType(from))(dst.mutable_raw(), ds * int64_t(dst.itemsize()),
                                                src.raw(), ss * int64_t(src.itemsize()), n);
                for (int64_t i = 0; i < n; ++i)
                    visit_any_dtype(DType(to), [&](auto tag) {
                        using T = typename decltype(tag)::type;
                        const double v = in[size_t(i)];
                        out.push_back(real_part(dst.data<T>()[i * ds]));
                        if constexpr (is_complex_number<T>)
                            wanted.push_back(double(decltype(T::re)(v)));
                        else if constexpr (std::is_same_v<T, bool>) wanted.push_back(v != 0);
                        else if constexpr (std::is_integral_v<T>)
                            wanted.push_back(double(T(int64_t(v))));
                        else wanted.push_back(double(compute_type<T>(T(compute_type<T>(v)))));
                    });
                EXPECT_EQ(out, wanted) << info(DType(from)).name << " -> " << info(DType(to)).name;
            }
}

TEST(Cast, OutOfRangeIsDefined) {
    const double inf = INFINITY;
    const Tensor x = tensor({NAN, inf, -inf, 300.7, 3e9, -1.5, 1e20}, {7});
    expect(to_dtype(x, DType::Int32), {7}, {-0x1p31, -0x1p31, -0x1p31, 300, -0x1p31, -1, -0x1p31});
    expect(to_dtype(x, DType::Int64), {7}, {-0x1p63, -0x1p63, -0x1p63, 300, 3e9, -1, -0x1p63});
    expect(to_dtype(x, DType::UInt8), {7}, {0, 0, 0, 44, 0, 255, 0});
    expect(to_dtype(x, DType::Int8), {7}, {0, 0, 0, 44, 0, -1, 0});
    expect(to_dtype(x, DType::Bool), {7}, {1, 1, 1, 1, 1, 1, 1});
}

TEST(Copy, RandomLayoutsMatchElementByElement) {
    std::mt19937 rng(1);
    const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<>(lo, hi)(rng); };
    for (int round = 0; round < 300; ++round) {
        const int ndim = pick(0, 5);
        Dims sizes, order;
        for (int d = 0; d < ndim; ++d) {
            sizes.push_back(pick(0, 20) == 0 ? 0 : pick(1, ndim <= 2 ? 150 : 9));
            order.push_back(d);
        }
        // Either side: a permutation of a contiguous tensor with gaps; the source may broadcast.
        const auto layout = [&](bool broadcast) {
            std::shuffle(order.begin(), order.end(), rng);
            Dims strides(size_t(ndim), 0);
            int64_t next = 1;
            for (int64_t d : order) {
                next *= pick(1, 4) == 1 ? 2 : 1;
                strides[d] = next;
                next *= std::max<int64_t>(sizes[d], 1);
                if (broadcast && pick(1, 5) == 1) strides[d] = 0;
            }
            return strides;
        };
        const Dims to = layout(false), from = layout(true);
        const DType a = DType(pick(0, kNumDTypes - 1)),
                    b = pick(0, 1) ? a : DType(pick(0, kNumDTypes - 1));
        Tensor src = empty_strided(sizes, from, b), dst = empty_strided(sizes, to, a);
        for (int64_t i = 0; i < int64_t(src->storage->nbytes / src.itemsize()); ++i)
            fill_values(alias(src, Dims{}, Dims{}, i), pick(0, 100));
        copy_strided(dst.mutable_raw(), a, to, src.raw(), b, from, sizes);
        Values wanted = values(src);
        if (a == DType::Bool)
            for (double& v : wanted) v = v != 0;
        EXPECT_EQ(values(dst), wanted) << to_string(sizes) << to_string(to) << to_string(from);
    }
}

TEST(Copy, LargeTransposedCopiesUseAllThreads) {
    for (DType d : {DType::UInt8, DType::BFloat16, DType::Float32, DType::Float64}) {
        const Tensor x = empty(Dims{1001, 517}, d);
        for (int64_t i = 0; i < x.numel(); ++i)
            visit_dtype(d, [&](auto tag) {
                using T = typename decltype(tag)::type;
                x.mutable_data<T>()[i] = T(compute_type<T>((i * 7 + i / 517) % 251));
            });
        const Tensor y = contiguous(transpose(x, 0, 1));
        ASSERT_TRUE(y.is_contiguous());
        int64_t wrong = 0;
        for (int64_t i = 0; i < 517; ++i)
            for (int64_t j = 0; j < 1001; ++j) wrong += element(y, {i, j}) != element(x, {j, i});
        EXPECT_EQ(wrong, 0) << info(d).name;
    }
}

TEST(Copy, InPlaceRules) {
    Tensor x = iota({6});
    Tensor head = slice(x, 0, 1, {});
    EXPECT_EQ(error_of([&] { copy_(head, slice(x, 0, 0, 5)); }).substr(0, 62),
              "unsupported operation: some elements of the input tensor and t");
    Tensor three = zeros({3});
    EXPECT_EQ(error_of([&] { copy_(three, zeros({2, 3})); }),
              "output with shape [3] doesn't match the broadcast shape [2, 3]");
    EXPECT_EQ(
        error_of([&] { copy_(three, zeros({4})); }),
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0");
    const uint32_t version = three.version();
    fill_(three, 2);
    copy_(three, ones({1}, DType::Int64));
    EXPECT_EQ(three.version(), version + 2);
    expect(three, {3}, {1, 1, 1});
    EXPECT_EQ(error_of([] { full({1}, 300, DType::UInt8); }),
              "value cannot be converted to type uint8_t without overflow");
    EXPECT_EQ(error_of([] { full({1}, 1e300, DType::Float32); }),
              "value cannot be converted to type float without overflow");
}

TEST(Copy, Gradients) {
    const Tensor a = iota({2, 3}), b = iota({3});
    check_gradients({a, b}, [](const TensorList& x) {
        Tensor y = x[0] * 2;
        Tensor row = select(y, 0, 1);
        copy_(row, x[1] * x[1]);
        return y * y;
    });
    check_gradients({a, tensor({3}, {})}, [](const TensorList& x) {
        Tensor y = x[0] * x[0];
        Tensor column = select(y, 1, 0);
        fill_tensor_(column, x[1] * x[1]);
        Tensor row = select(y, 0, 0);
        zero_(row);
        return y;
    });
    check_gradients({a}, [](const TensorList& x) { return contiguous(t(clone(x[0]) * x[0])); });
    Tensor x = ones({2});
    set_requires_grad(x, true);
    EXPECT_EQ(node_name(clone(x)), "CloneBackward0");
    EXPECT_EQ(node_name(to_dtype(x, DType::Float64)), "ToCopyBackward0");
    Tensor y = clone(x);
    EXPECT_EQ(node_name(zero_(y)), "ZeroBackward0");
    EXPECT_EQ(node_name(fill_(y, 1.0)), "FillBackward2");
    EXPECT_EQ(node_name(copy_(y, ones({2}))), "torch::autograd::CopyBackwards");
}

// --- creation ---

TEST(Create, ArangeLinspaceEye) {
    expect(arange(0, 5, 2), {3}, {0, 2, 4});
    EXPECT_EQ(arange(0, 5, 2).dtype(), DType::Int64);
    EXPECT_EQ(arange(0.0, 1, 0.5).dtype(), DType::Float32);
    expect(arange(3, 0, -1, DType::Int8), {3}, {3, 2, 1});
    expect(arange(int64_t(1) << 62, (int64_t(1) << 62) + 2, 1), {2}, {0x1p62, 0x1p62});
    expect(linspace(0, 10, 5, DType::Int64), {5}, {0, 2, 5, 7, 10});
    expect(linspace(0, 1, 5), {5}, {0, 0.25, 0.5, 0.75, 1});
    EXPECT_EQ(linspace(3, 4, 1).numel(), 1);
    expect(eye(2, 3), {2, 3}, {1, 0, 0, 0, 1, 0});
    expect(eye(3, 2), {3, 2}, {1, 0, 0, 1, 0, 0});
    EXPECT_EQ(eye(0).numel(), 0);
    EXPECT_EQ(error_of([] { arange(0, 5, 0); }), "step must be nonzero");
    EXPECT_EQ(error_of([] { arange(5, 0, 1); }),
              "upper bound and lower bound inconsistent with step sign");
    EXPECT_EQ(error_of([] { arange(0, INFINITY, 1); }), "unsupported range: 0 -> inf");
}

// --- views ---

TEST(View, ShareMemoryAndStrides) {
    const Tensor x = iota({2, 3, 4});
    expect(permute(x, {2, 0, 1}), {4, 2, 3}, values(permute(x, {-1, -3, -2})));
    EXPECT_EQ(to_string(permute(x, {2, 0, 1}).strides()), "[1, 12, 4]");
    EXPECT_EQ(to_string(unsqueeze(transpose(x, 0, 2), 1).strides()), "[1, 12, 4, 12]");
    EXPECT_EQ(to_string(expand(iota({4}), {2, -1}).strides()), "[0, 1]");
    expect(select(x, 1, -1), {2, 4}, {8, 9, 10, 11, 20, 21, 22, 23});
    expect(slice(select(x, 0, 1), 1, -3, {}, 2), {3, 2}, {13, 15, 17, 19, 21, 23});
    expect(slice(iota({4}), 0, 9, {}), {0}, {});
    EXPECT_EQ(slice(iota({4}), 0, 9, {}).offset(), 4);
    expect(diagonal(select(x, 0, 0), 1), {3}, {1, 6, 11});
    expect(diagonal(select(x, 0, 0), -1), {2}, {4, 9});
    expect(diagonal(select(x, 0, 0), 10), {0}, {});
    expect(as_strided(iota({5}), {2, 3}, {2, 1}), {2, 3}, {0, 1, 2, 2, 3, 4});
    EXPECT_EQ(reshape(x, {6, 4})->storage, x->storage);
    EXPECT_NE(reshape(transpose(x, 1, 2), {24})->storage, x->storage);
    expect(reshape(transpose(select(x, 0, 0), 0, 1), {12}), {12},
           {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
    const TensorList parts = split(x, 2, 1);
    expect(parts[1], {2, 1, 4}, {8, 9, 10, 11, 20, 21, 22, 23});
    EXPECT_EQ(chunk(x, 5, 2).size(), 4u);
    EXPECT_EQ(chunk(zeros({0, 3}), 3).size(), 3u);
    EXPECT_EQ(unbind(x, 2).size(), 4u);
    EXPECT_EQ(squeeze(zeros({1, 2, 1})).dim(), 1);
    EXPECT_EQ(squeeze_dims(zeros({1, 2, 1}), {0}).dim(), 2);
}

TEST(View, Errors) {
    const Tensor x = iota({2, 3, 4}), v = iota({4});
    EXPECT_EQ(
        error_of([&] { view(transpose(x, 1, 2), {24}); }),
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
        "contiguous subspaces). Use .reshape(...) instead.");
    EXPECT_EQ(error_of([&] { select(x, 1, 3); }),
              "select(): index 3 out of range for tensor of size [2, 3, 4] at dimension 1");
    EXPECT_EQ(
        error_of([&] { expand(v, {5}); }),
        "The expanded size of the tensor (5) must match the existing size (4) at non-singleton dimension 0.  Target "
        "sizes: [5].  Tensor sizes: [4]");
    EXPECT_EQ(error_of([&] { narrow(x, 1, 3, 1); }),
              "start (3) + length (1) exceeds dimension size (3).");
    EXPECT_EQ(error_of([&] { narrow(x, 1, 0, INT64_MAX); }).substr(0, 11), "start (0) +");
    EXPECT_EQ(
        error_of([&] { as_strided(v, {2, 3}, {2, 1}, 0); }),
        "setStorage: sizes [2, 3], strides [2, 1], storage offset 0, and itemsize 8 requiring a storage size of 40 are "
        "out of bounds for storage of size 32");
    EXPECT_NE(error_of([&] { as_strided(v, {int64_t(1) << 40, 3}, {int64_t(1) << 40, 1}); }),
              "(no error)");
    EXPECT_NE(error_of([&] { as_strided(v, {1}, {1}, INT64_MAX); }), "(no error)");
    EXPECT_EQ(error_of([&] { split_with_sizes(x, {INT64_MAX, INT64_MAX, 5}, 1); }).substr(0, 16),
              "split_with_sizes");
    EXPECT_EQ(error_of([&] { flip(x, {0, 0}); }),
              "dim 0 appears multiple times in the list of dims");
}

TEST(View, Gradients) {
    const Tensor x = iota({2, 3, 4}), m = iota({3, 3});
    const auto same = [](auto f) { return [f](const TensorList& x) { return f(x[0] * x[0]); }; };
    check_gradients({x}, same([](const Tensor& t) { return permute(t, {2, 0, 1}); }));
    check_gradients({x}, same([](const Tensor& t) { return reshape(transpose(t, 0, 2), {4, 6}); }));
    check_gradients({x}, same([](const Tensor& t) { return view(t, {-1, 2}); }));
    check_gradients({x}, same([](const Tensor& t) { return select(t, 1, 2); }));
    check_gradients({x}, same([](const Tensor& t) { return slice(t, 2, 1, {}, 2); }));
    check_gradients({x}, same([](const Tensor& t) { return diagonal(t, 1, 0, 2); }));
    check_gradients({x},
                    same([](const Tensor& t) { return squeeze(unsqueeze(slice(t, 0, 0, 1), 2)); }));
    check_gradients({iota({3, 1})}, same([](const Tensor& t) { return expand(t, {2, 3, 4}); }));
    check_gradients({x},
                    same([](const Tensor& t) { return split_with_sizes(t, {1, 0, 2}, 1)[2]; }));
    check_gradients({x},
                    same([](const Tensor& t) { return mul(unbind(t, 1)[0], unbind(t, 1)[2]); }));
    check_gradients({m}, same([](const Tensor& t) { return as_strided(t, {3, 3}, {2, 1}, 1); }));
    // The input overlaps itself: its rows are one and the same.
    check_gradients({iota({3})}, same([](const Tensor& t) {
                        return as_strided(expand(t, {2, 3}), {2, 2}, {1, 1}, 0);
                    }));
    // A window into a view with an offset of its own.
    check_gradients(
        {m}, same([](const Tensor& t) { return as_strided(select(t, 0, 1), {2, 2}, {1, 1}, 3); }));
}

// --- other arrangements ---

TEST(Cat, ValuesAndErrors) {
    expect(cat({iota({1, 2}), full({2, 2}, 7.0)}, 0), {3, 2}, {0, 1, 7, 7, 7, 7});
    expect(cat({iota({2, 1}), full({2, 2}, 7.0)}, -1), {2, 3}, {0, 7, 7, 1, 7, 7});
    expect(cat({zeros({0}), iota({2, 1})}, 1), {2, 1}, {0, 1});
    EXPECT_EQ(cat({ints({1}), tensor({2.5}, {1}, DType::Float32)}).dtype(), DType::Float32);
    expect(stack({iota({2}), iota({2})}, 1), {2, 2}, {0, 0, 1, 1});
    EXPECT_EQ(
        error_of([] { cat({zeros({2, 3}), zeros({2, 4})}, 0); }),
        "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the "
        "list.");
    EXPECT_EQ(
        error_of([] { stack({zeros({3}), zeros({4})}); }),
        "stack expects each tensor to be equal size, but got [3] at entry 0 and [4] at entry 1");
    EXPECT_EQ(error_of([] { cat({}); }), "torch.cat(): expected a non-empty list of Tensors");
}

TEST(Cat, Gradients) {
    const Tensor a = iota({2, 3}), b = iota({1, 3});
    check_gradients(
        {a, b}, [](const TensorList& x) { return cat({x[0] * x[0], x[1], zeros({0}), x[0]}, 0); });
    check_gradients({a}, [](const TensorList& x) { return stack({x[0] * x[0], x[0]}, 1); });
    check_gradients({a}, [](const TensorList& x) { return repeat(x[0] * x[0], {2, 1, 3}); });
    check_gradients({a}, [](const TensorList& x) { return roll(x[0] * x[0], {1, -2}, {0, 1}); });
    check_gradients({a}, [](const TensorList& x) { return flip(x[0] * x[0], {1}); });
    check_gradients({a},
                    [](const TensorList& x) { return tril(x[0] * x[0]) + triu(x[0] * x[0], 1); });
    check_gradients({a}, [](const TensorList& x) {
        return repeat_interleave_each(x[0] * x[0], ints({1, 0, 2}), 1);
    });
}

TEST(Rearranged, Values) {
    const Tensor a = iota({2, 3});
    expect(repeat(a, {1, 2}), {2, 6}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
    expect(repeat(iota({2}), {2, 0}), {2, 0}, {});
    expect(roll(a, {1}), {2, 3}, {5, 0, 1, 2, 3, 4});
    expect(roll(a, {-1}, {1}), {2, 3}, {1, 2, 0, 4, 5, 3});
    expect(flip(transpose(a, 0, 1), {0, 1}), {3, 2}, {5, 2, 4, 1, 3, 0});
    expect(tril(a), {2, 3}, {0, 0, 0, 3, 4, 0});
    expect(triu(a, 1), {2, 3}, {0, 1, 2, 0, 0, 5});
    expect(tril(a, INT64_MAX), {2, 3}, values(a));
    expect(triu(a, INT64_MIN), {2, 3}, values(a));
    expect(repeat_interleave(iota({2}), 2), {4}, {0, 0, 1, 1});
}

// --- indexing ---

TEST(Index, LayoutOfTheResult) {
    const Tensor x = iota({2, 3, 4}), i = ints({0, 1});
    const Tensor none;
    expect(index(x, {i, i}), {2, 4}, {0, 1, 2, 3, 16, 17, 18, 19});
    expect(index(x, {none, i, i}), {2, 2}, {0, 5, 12, 17});
    expect(index(x, {i, none, i}), {2, 3}, {0, 4, 8, 13, 17, 21});
    expect(index(x, {none, none, ints({-1})}), {2, 3, 1}, {3, 7, 11, 15, 19, 23});
    expect(index(x, {none, tensor({0, 2}, {2, 1}, DType::Int64), i}), {2, 2, 2},
           {0, 1, 8, 9, 12, 13, 20, 21});
    expect(index(select(x, 0, 0), {bools({1, 0, 1})}), {2, 4}, {0, 1, 2, 3, 8, 9, 10, 11});
    EXPECT_EQ(to_string(index(transpose(x, 0, 2), {i}).strides()), "[6, 1, 3]");
    EXPECT_EQ(to_string(index(permute(x, {1, 2, 0}), {none, i}).strides()), "[1, 3, 6]");
    expect(index(x, {ints({})}), {0, 3, 4}, {});
}

TEST(Index, OutOfRangeNeverReadsOrWrites) {
    const Tensor v = iota({3}), m = iota({2, 3});
    EXPECT_EQ(error_of([&] { index(v, {ints({5})}); }),
              "index 5 is out of bounds for dimension 0 with size 3");
    EXPECT_EQ(error_of([&] { index(v, {ints({0, -4})}); }),
              "index -4 is out of bounds for dimension 0 with size 3");
    EXPECT_EQ(
        error_of([&] { index(v, {bools({1, 0})}); }),
        "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor [3] at index 0");
    EXPECT_EQ(error_of([&] { index(v, {iota({2})}); }),
              "tensors used as indices must be long, int, byte or bool tensors");
    EXPECT_EQ(
        error_of([&] { index(m, {ints({0, 1}), ints({0, 1, 2})}); }),
        "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]");
    EXPECT_EQ(error_of([&] { index(zeros({0, 3}), {ints({0})}); }),
              "index is out of bounds for dimension with size 0");
    Tensor w = clone(m);
    const Tensor bad = tensor({0, 3}, {1, 2}, DType::Int64);
    EXPECT_EQ(error_of([&] { index_put_(w, {ints({0, 2})}, ones({3}, DType::Float64)); }),
              "index 2 is out of bounds for dimension 0 with size 2");
    EXPECT_EQ(
        error_of([&] { index_put_(w, {ints({0})}, ones({2}, DType::Float64)); }),
        "shape mismatch: value tensor of shape [2] cannot be broadcast to indexing result of shape [1, 3]");
    EXPECT_EQ(error_of([&] { gather(m, 1, bad); }),
              "index 3 is out of bounds for dimension 1 with size 3");
    EXPECT_EQ(error_of([&] { scatter_value_(w, 1, bad, 1); }),
              "index 3 is out of bounds for dimension 1 with size 3");
    EXPECT_EQ(error_of([&] { scatter_add_(w, 1, bad, m); }),
              "index 3 is out of bounds for dimension 1 with size 3");
    EXPECT_EQ(error_of([&] { index_add_(w, 1, ints({4}), iota({2, 1})); }),
              "index 4 is out of bounds for dimension 1 with size 3");
    EXPECT_EQ(error_of([&] { index_fill_(w, 1, ints({-4}), 1); }),
              "index -4 is out of bounds for dimension 1 with size 3");
    EXPECT_EQ(error_of([&] { index_copy_(w, 0, ints({2}), iota({1, 3})); }),
              "index_copy_(): index 2 is out of bounds for dimension 0 with size 2");
    EXPECT_EQ(error_of([&] { index_select(m, 0, ints({-1})); }), "index out of range in self");
    EXPECT_EQ(error_of([&] { embedding(m, ints({2})); }), "index out of range in self");
    EXPECT_EQ(error_of([&] { take(m, ints({6})); }),
              "out of range: tried to access index 6 on a tensor of 6 elements.");
    EXPECT_EQ(error_of([&] { one_hot(ints({3}), 3); }),
              "Class values must be smaller than num_classes.");
    expect(w, {2, 3}, values(m));
    EXPECT_EQ(w.version(), 0u);
}

TEST(Index, Writes) {
    Tensor m = iota({2, 3});
    index_put_(m, {ints({1, 1})}, tensor({10}, {}), true);
    expect(m, {2, 3}, {0, 1, 2, 23, 24, 25});
    index_put_(m, {bools({1, 0})}, tensor({7, 8, 9}, {3}));
    expect(m, {2, 3}, {7, 8, 9, 23, 24, 25});
    index_put_(m, {ints({0, 1})}, index(m, {ints({1, 0})}));
    expect(m, {2, 3}, {23, 24, 25, 7, 8, 9});
    expect(index_add(iota({3}), 0, ints({0, 0}), ones({2}, DType::Float64), 2), {3}, {4, 1, 2});
    expect(
        index_add(tensor({1, 2}, {2}, DType::Int8), 0, ints({0}), tensor({127}, {1}, DType::Int8)),
        {2}, {-128, 2});
    expect(scatter_value(iota({2, 3}), 1, tensor({0, 2}, {2, 1}, DType::Int64), 9), {2, 3},
           {9, 1, 2, 3, 4, 9});
    expect(gather(iota({2, 3}), 0, tensor({1, 0, 1}, {1, 3}, DType::Int64)), {1, 3}, {3, 1, 5});
    expect(masked_fill_value(transpose(iota({2, 3}), 0, 1), bools({1, 0}), 5), {3, 2},
           {5, 3, 5, 4, 5, 5});
    expect(masked_select(iota({2, 3}), bools({1, 0, 1})), {4}, {0, 2, 3, 5});
    expect(nonzero(tensor({0, 1, 2, 0}, {2, 2})), {2, 2}, {0, 1, 1, 0});
    EXPECT_EQ(to_string(nonzero(tensor({0, 1, 2, 0}, {2, 2})).strides()), "[1, 2]");
    Tensor column = transpose(zeros({3, 2}), 0, 1);
    masked_fill_value_(column, bools({0, 1, 1}), 4);
    expect(column, {2, 3}, {0, 4, 4, 0, 4, 4});
}

TEST(Index, LargeGathersMatchElementByElement) {
    const Tensor x = iota({300, 70});
    std::mt19937 rng(3);
    Tensor at = empty(Dims{5000}, DType::Int64);
    for (int64_t i = 0; i < at.numel(); ++i)
        at.mutable_data<int64_t>()[i] = int64_t(rng() % 600) - 300;
    const Tensor rows = index(x, {at});
    int64_t wrong = 0;
    for (int64_t i = 0; i < at.numel(); ++i)
        for (int64_t j = 0; j < 70; ++j)
            wrong += element(rows, {i, j}) != element(x, {(at.data<int64_t>()[i] + 300) % 300, j});
    EXPECT_EQ(wrong, 0);
    const Tensor columns = index(x, {Tensor(), remainder(at, 70)});
    for (int64_t i = 0; i < at.numel(); ++i)
        for (int64_t r = 0; r < 300; r += 37)
            wrong +=
                element(columns, {r, i}) != element(x, {r, (at.data<int64_t>()[i] + 700) % 70});
    EXPECT_EQ(wrong, 0);
}

TEST(Index, Gradients) {
    const Tensor m = iota({3, 4}), i = ints({0, 2, 0}), none;
    const Tensor mask = bools({1, 0, 1, 1});
    const Tensor places = tensor({0, 3, 1, 1, 2, 2}, {3, 2}, DType::Int64);
    const auto sq = [](const Tensor& t) { return t * t; };
    check_gradients({m}, [=](const TensorList& x) { return index(sq(x[0]), {i}); });
    check_gradients({m}, [=](const TensorList& x) { return index(sq(x[0]), {none, mask}); });
    check_gradients({m},
                    [=](const TensorList& x) { return index(sq(x[0]), {i, ints({1, 1, 1})}); });
    check_gradients({m, iota({4})},
                    [=](const TensorList& x) { return index_put(sq(x[0]), {i}, sq(x[1]), true); });
    check_gradients({m, iota({2, 4})}, [=](const TensorList& x) {
        Tensor y = sq(x[0]);
        index_put_(y, {ints({2, 0})}, sq(x[1]));
        return y;
    });
    check_gradients({m}, [=](const TensorList& x) { return index_select(sq(x[0]), 0, i); });
    check_gradients({m, iota({3, 3})},
                    [=](const TensorList& x) { return index_add(sq(x[0]), 1, i, sq(x[1]), 2.5); });
    check_gradients({m, iota({3, 2})}, [=](const TensorList& x) {
        return index_copy(sq(x[0]), 1, ints({3, 1}), sq(x[1]));
    });
    check_gradients({m, tensor({2}, {})}, [=](const TensorList& x) {
        return index_fill_tensor(sq(x[0]), 1, i, sq(x[1]));
    });
    check_gradients({m}, [=](const TensorList& x) { return gather(sq(x[0]), 1, places); });
    check_gradients({m, iota({3, 2})}, [=](const TensorList& x) {
        return scatter(sq(x[0]), 1, tensor({0, 3, 1, 2, 2, 0}, {3, 2}, DType::Int64), sq(x[1]));
    });
    check_gradients({m, iota({3, 2})}, [=](const TensorList& x) {
        return scatter_add(sq(x[0]), 1, places, sq(x[1]));
    });
    check_gradients({m},
                    [=](const TensorList& x) { return scatter_value(sq(x[0]), 1, places, 3); });
    check_gradients({m, tensor({2}, {})},
                    [=](const TensorList& x) { return masked_fill(sq(x[0]), mask, sq(x[1])); });
    check_gradients({m}, [=](const TensorList& x) { return masked_select(sq(x[0]), mask); });
    check_gradients({m}, [=](const TensorList& x) { return take(sq(x[0]), ints({0, -1, 0})); });
    check_gradients({m}, [=](const TensorList& x) { return embedding(sq(x[0]), i); });
}

TEST(Index, EmbeddingGradientRules) {
    const TensorList m = leaves({iota({3, 2})});
    const Tensor i = ints({0, 2, 0}), g = ones({3, 2}, DType::Float64);
    expect(gradients(embedding(m[0], i), g, m, false)[0], {3, 2}, {2, 2, 0, 0, 1, 1});
    expect(gradients(embedding(m[0], i, 2), g, m, false)[0], {3, 2}, {2, 2, 0, 0, 0, 0});
    expect(gradients(embedding(m[0], i, -1, true), g, m, false)[0], {3, 2}, {1, 1, 0, 0, 1, 1});
}

TEST(Index, SavedIndicesAreChecked) {
    Tensor x = iota({3}), i = ints({0, 1});
    set_requires_grad(x, true);
    const Tensor y = index(x, {i});
    fill_(i, 2);
    const Tensor roots[] = {y}, seeds[] = {ones({2}, DType::Float64)};
    EXPECT_NE(error_of([&] {
                  run_backward(roots, seeds, {}, {});
              }).find("modified by an inplace operation"),
              std::string::npos);
}

}  // namespace
}  // namespace wg
