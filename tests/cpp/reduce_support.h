// What the tests of reductions, products and losses share: tensors from values and back.
#pragma once

#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>
#include "autograd/engine.h"
#include "autograd/record.h"
#include "cpu/reduce.h"
#include "cpu/thread_pool.h"
#include "ops/functions.h"

namespace {

using namespace wg;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::mt19937_64 rng(20261);

double random_number() { return double(int64_t(rng())) * 0x1p-63; }

Tensor tensor(const std::vector<double>& values, const Dims& sizes, DType dtype = DType::Float64) {
    Tensor t = empty(sizes, DType::Float64);
    std::copy(values.begin(), values.end(), t.mutable_data<double>());
    return to_dtype(t, dtype);
}
Tensor random_tensor(const Dims& sizes, DType dtype = DType::Float64) {
    std::vector<double> values(size_t(count(sizes)), 0);
    for (double& v : values)
        v = is_floating(dtype) ? random_number()
                               : double(int64_t(rng() % 7) - (dtype == DType::UInt8 ? 0 : 3));
    return tensor(values, sizes, dtype);
}
Tensor leaf(Tensor t) {
    set_requires_grad(t, true);
    return t;
}

std::vector<double> values_of(const Tensor& t) {
    GradMode off(false);
    const Tensor c = contiguous(to_dtype(detach(t), DType::Float64));
    return {c.data<double>(), c.data<double>() + c.numel()};
}

void expect_values(const Tensor& t, const std::vector<double>& expected, double tolerance = 1e-12) {
    const std::vector<double> got = values_of(t);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(expected[i]))
            EXPECT_TRUE(std::isnan(got[i])) << "element " << i << ": " << got[i];
        else if (std::isinf(expected[i])) EXPECT_EQ(got[i], expected[i]) << "element " << i;
        else
            EXPECT_NEAR(got[i], expected[i], tolerance * std::max(1.0, std::fabs(expected[i])))
                << "element " << i;
    }
}

[[maybe_unused]] void expect_error(const std::function<void()>& f, const std::string& message) {
    try {
        f();
        FAIL() << "no error: " << message;
    } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()), message);
    }
}

[[maybe_unused]] std::string node_name(const Tensor& t) {
    return grad_fn(t) ? grad_fn(t)->name() : "";
}

// For every slice along the dims of `mask` the list of its elements, in the order of the outputs.
[[maybe_unused]] std::vector<std::vector<double>> slices(const Tensor& t, uint64_t mask) {
    const std::vector<double> v = values_of(t);
    const IntSpan sizes = t.sizes();
    int64_t outputs = 1;
    for (size_t d = 0; d < sizes.size(); ++d)
        if (!(mask >> d & 1)) outputs *= sizes[d];
    std::vector<std::vector<double>> result(size_t(outputs), std::vector<double>{});
    for (size_t i = 0; i < v.size(); ++i) {
        int64_t rest = int64_t(i), at = 0, scale = 1;
        for (size_t d = sizes.size(); d-- > 0;) {
            const int64_t index = rest % sizes[d];
            rest /= sizes[d];
            if (mask >> d & 1) continue;
            at += index * scale;
            scale *= sizes[d];
        }
        result[size_t(at)].push_back(v[i]);
    }
    return result;
}

}  // namespace
