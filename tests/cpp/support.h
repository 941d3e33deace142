// What the tests of tensors, operations and the engine share: values read by strides alone, random
// tensors, gradients by the engine and by finite differences.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "ops/functions.h"

namespace wg::test {

using Values = std::vector<double>;

inline std::string error_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "(no error)";
}

// Expects f to throw with a message that contains `text`.
#define EXPECT_ERROR(statement, text)                                                         \
    do {                                                                                      \
        const std::string message_ = ::wg::test::error_of([&] { statement; });                \
        EXPECT_NE(message_.find(text), std::string::npos) << "the message was: " << message_; \
    } while (0)

// The next index in row-major order; false after the last one.
inline bool next_index(Dims& index, IntSpan sizes) {
    for (size_t d = sizes.size(); d-- > 0;) {
        if (++index[d] < sizes[d]) return true;
        index[d] = 0;
    }
    return false;
}

// Where the element lies, counted in elements from the start of the storage.
inline int64_t position(const Tensor& t, const Dims& index) {
    int64_t at = t.offset();
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * t.strides()[d];
    return at;
}

// Of a complex number the real part.
inline double read(const void* from, DType dtype) {
    return visit_any_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (is_complex_number<T>) return double(static_cast<const T*>(from)->re);
        else return double(compute_type<T>(*static_cast<const T*>(from)));
    });
}
inline double element(const Tensor& t, const Dims& index) {
    return read(t->storage->data + position(t, index) * int64_t(t.itemsize()), t.dtype());
}

// Row-major values.
inline Values values(const Tensor& t) {
    Values v;
    if (!t.defined() || t.numel() == 0) return v;
    Dims index(size_t(t.dim()), 0);
    do v.push_back(element(t, index));
    while (next_index(index, t.sizes()));
    return v;
}

inline Tensor tensor(const Values& v, const Dims& sizes, DType dtype = DType::Float64) {
    Tensor t = empty(sizes, DType::Float64);
    std::copy(v.begin(), v.end(), t.mutable_data<double>());
    return to_dtype(t, dtype);
}
inline Tensor tensor(const Values& v) { return tensor(v, {int64_t(v.size())}); }

inline Tensor random(const Dims& sizes, std::mt19937& rng, double lo = -1, double hi = 1,
                     DType dtype = DType::Float64) {
    Tensor t = empty(sizes, DType::Float64);
    std::uniform_real_distribution<> draw(lo, hi);
    for (int64_t i = 0; i < t.numel(); ++i) t.mutable_data<double>()[i] = draw(rng);
    return to_dtype(t, dtype);
}

inline Tensor leaf(const Tensor& t) {
    Tensor l = clone(detach(t));
    set_requires_grad(l, true);
    return l;
}
inline Tensor leaf(const Values& v) { return leaf(tensor(v)); }

inline std::string node_name(const Tensor& t) { return grad_fn(t) ? grad_fn(t)->name() : "(none)"; }
inline Tensor gradient_of(const Tensor& leaf) { return leaf->extras ? meta(leaf)->grad : Tensor(); }

inline void backward(const Tensor& y, const Tensor& g, const BackwardOptions& options = {}) {
    const Tensor roots[] = {y}, seeds[] = {g};
    run_backward(roots, seeds, {}, options);
}
inline void backward(const Tensor& y, const BackwardOptions& options = {}) {
    backward(y, ones_like(y), options);
}

inline TensorList gradients(const Tensor& y, const Tensor& g, const TensorList& inputs,
                            bool create_graph = false) {
    const Tensor roots[] = {y}, seeds[] = {g};
    return run_backward(roots, seeds, inputs,
                        {.retain_graph = true, .create_graph = create_graph, .accumulate = false});
}

inline double weighted_sum(const Tensor& t, const Tensor& weights) {
    const Values a = values(t), b = values(weights);
    double s = 0;
    for (size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
    return s;
}

// Expects analytic[i] (undefined: zero) to be the derivative of f by xs[i], which are contiguous.
inline void compare_with_differences(const std::function<double(const TensorList&)>& f,
                                     const TensorList& xs, const TensorList& analytic,
                                     const std::string& what, double tolerance) {
    const double h = 1e-5;
    for (size_t i = 0; i < xs.size(); ++i) {
        const size_t n = size_t(xs[i].numel());
        const Values got = analytic[i].defined() ? values(analytic[i]) : Values(n, 0.0);
        ASSERT_EQ(got.size(), n) << what << ": gradient " << i << " has the wrong shape";
        for (size_t k = 0; k < n; ++k) {
            double& x = xs[i].mutable_data<double>()[k];
            const double at = x;
            x = at + h;
            const double up = f(xs);
            x = at - h;
            const double down = f(xs);
            x = at;
            const double wanted = (up - down) / (2 * h);
            EXPECT_NEAR(got[k], wanted, tolerance * (1 + std::fabs(wanted)))
                << what << ": input " << i << ", element " << k << ", at " << at;
        }
    }
}

// First and second derivatives of f by the engine against central differences. `inputs` are float64.
inline void check_gradients(const TensorList& inputs,
                            const std::function<Tensor(const TensorList&)>& f,
                            const std::string& what, double tolerance = 1e-7) {
    std::mt19937 rng(11);
    TensorList xs;
    for (const Tensor& t : inputs) xs.push_back(leaf(t));
    const Tensor y = f(xs);
    // The weights of the outputs are an input of the first derivative too.
    const Tensor w = leaf(random(Dims(y.sizes()), rng));
    const auto value = [&](const TensorList& at) {
        GradMode off(false);
        return weighted_sum(f(at), w);
    };
    const TensorList first = gradients(y, w, xs, true);
    compare_with_differences(value, xs, first, what + ", first derivative", tolerance);
    if (testing::Test::HasFailure()) return;

    TensorList directions, roots, seeds, by = xs;
    by.push_back(w);
    for (size_t i = 0; i < xs.size(); ++i) {
        directions.push_back(random(Dims(xs[i].sizes()), rng));
        if (!first[i].defined() || !requires_grad(first[i])) continue;
        roots.push_back(first[i]);
        seeds.push_back(directions[i]);
    }
    const auto slope = [&](const TensorList& at) {
        const TensorList inner(at.begin(), at.end() - 1);
        const TensorList g = gradients(f(inner), at.back(), inner);
        double s = 0;
        for (size_t i = 0; i < inner.size(); ++i)
            if (g[i].defined()) s += weighted_sum(g[i], directions[i]);
        return s;
    };
    TensorList second(by.size());
    if (!roots.empty())
        second = run_backward(roots, seeds, by,
                              {.retain_graph = true, .create_graph = false, .accumulate = false});
    compare_with_differences(slope, by, second, what + ", second derivative", tolerance);
}

}  // namespace wg::test
