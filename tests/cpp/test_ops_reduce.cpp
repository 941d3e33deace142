// Reductions, products, softmax and losses: values against plain loops in double over the same
// elements, gradients and gradients of gradients against finite differences.
#include "reduce_support.h"

namespace {

using Fold = std::function<double(const std::vector<double>&)>;
std::vector<double> folded(const Tensor& t, uint64_t mask, const Fold& f) {
    std::vector<double> result;
    for (const auto& slice : slices(t, mask)) result.push_back(f(slice));
    return result;
}

double sum_of(const std::vector<double>& v) {
    long double s = 0;
    for (double x : v) s += x;
    return double(s);
}
double product_of(const std::vector<double>& v) {
    long double s = 1;
    for (double x : v) s *= x;
    return double(s);
}
double variance_of(const std::vector<double>& v) {
    const double mean = sum_of(v) / double(v.size());
    long double s = 0;
    for (double x : v) s += (x - mean) * (x - mean);
    return double(s) / (double(v.size()) - 1);
}
double norm_of(const std::vector<double>& v, double p) {
    if (p == kInf) {
        double m = 0;
        for (double x : v) m = std::max(m, std::fabs(x));
        return m;
    }
    long double s = 0;
    for (double x : v) s += p == 0 ? x != 0 : std::pow(std::fabs(x), p);
    return p == 0 ? double(s) : std::pow(double(s), 1 / p);
}

Dims dims_of(uint64_t mask, int64_t ndim) {
    Dims dims;
    for (int64_t d = 0; d < ndim; ++d)
        if (mask >> d & 1) dims.push_back(d);
    return dims;
}

// The layouts a reduction meets: contiguous, permuted, with gaps, broadcast.
std::vector<Tensor> layouts(DType dtype) {
    return {
        random_tensor({}, dtype),
        random_tensor({3}, dtype),
        random_tensor({1000}, dtype),
        random_tensor({4, 5, 6}, dtype),
        permute(random_tensor({6, 4, 5}, dtype), {1, 2, 0}),
        transpose(random_tensor({70, 33}, dtype), 0, 1),
        slice(random_tensor({9, 40}, dtype), 1, 3, 38, 2),
        slice(random_tensor({64, 10}, dtype), 0, 1, 60, 3),
        expand(random_tensor({3, 1, 17}, dtype), {3, 4, 17}),
        random_tensor({300, 7}, dtype),
        random_tensor({7, 700}, dtype),
        random_tensor({2, 3, 1, 5}, dtype),
    };
}

void for_cases(DType dtype, const std::function<void(const Tensor&, uint64_t)>& f) {
    for (const Tensor& t : layouts(dtype)) {
        const uint64_t every = (uint64_t(1) << t.dim()) - 1;
        for (uint64_t mask = t.dim() == 0 ? 0 : 1; mask <= every; ++mask) {
            SCOPED_TRACE(str(info(dtype).name, " ", to_string(t.sizes()), " strides ",
                             to_string(t.strides()), " mask ", mask));
            f(t, mask);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

double tolerance_of(DType dtype) {
    switch (dtype) {
    case DType::Float32: return 2e-6;
    case DType::Float16: return 2e-3;
    case DType::BFloat16: return 1.6e-2;
    default: return 1e-13;
    }
}

const DType kFloats[] = {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16};
const DType kIntegers[] = {DType::UInt8, DType::Int8,  DType::Int16,
                           DType::Int32, DType::Int64, DType::Bool};

TEST(Reduce, SumMeanOfFloats) {
    for (DType dtype : kFloats)
        for_cases(dtype, [&](const Tensor& t, uint64_t mask) {
            const Dims dims = dims_of(mask, t.dim());
            const double tolerance = tolerance_of(dtype) * 4;
            expect_values(sum(t, dims), folded(t, mask, sum_of), tolerance);
            const auto mean_of = [](const std::vector<double>& v) {
                return sum_of(v) / double(v.size());
            };
            expect_values(mean(t, dims), folded(t, mask, mean_of), tolerance);
            EXPECT_EQ(sum(t, dims).dtype(), dtype);
            EXPECT_EQ(sum(t, dims, true).dim(), t.dim());
        });
}

TEST(Reduce, SumProductCountOfIntegers) {
    for (DType dtype : kIntegers)
        for_cases(dtype, [&](const Tensor& t, uint64_t mask) {
            const Dims dims = dims_of(mask, t.dim());
            expect_values(sum(t, dims), folded(t, mask, sum_of), 0);
            EXPECT_EQ(sum(t, dims).dtype(), DType::Int64);
            const auto count_of = [](const std::vector<double>& v) {
                return double(std::count_if(v.begin(), v.end(), [](double x) { return x != 0; }));
            };
            expect_values(count_nonzero(t, dims), folded(t, mask, count_of), 0);
            const auto any_of = [&](const std::vector<double>& v) {
                return double(count_of(v) > 0);
            };
            const auto all_of = [&](const std::vector<double>& v) {
                return double(count_of(v) == double(v.size()));
            };
            if (t.dim() > 0) {
                expect_values(any_over(t, dims), folded(t, mask, any_of), 0);
                expect_values(all_over(t, dims), folded(t, mask, all_of), 0);
            }
        });
    EXPECT_EQ(prod_all(tensor({2, -3, 5, 7, 11}, {5}, DType::Int8)).to_int(), -2310);
}

TEST(Reduce, Extremes) {
    for (DType dtype : {DType::Float32, DType::Float64, DType::Float16, DType::UInt8, DType::Int8,
                        DType::Int32, DType::Int64, DType::Bool})
        for_cases(dtype, [&](const Tensor& t, uint64_t mask) {
            const Dims dims = dims_of(mask, t.dim());
            const auto greatest = [](const std::vector<double>& v) {
                return *std::max_element(v.begin(), v.end());
            };
            const auto least = [](const std::vector<double>& v) {
                return *std::min_element(v.begin(), v.end());
            };
            expect_values(amax(t, dims), folded(t, mask, greatest), 0);
            expect_values(amin(t, dims), folded(t, mask, least), 0);
            if (dims.size() != 1) return;
            const auto place = [](const std::vector<double>& v) {
                return double(std::max_element(v.begin(), v.end()) - v.begin());
            };
            const auto [values, indices] = max_along(t, dims[0]);
            expect_values(values, folded(t, mask, greatest), 0);
            expect_values(indices, folded(t, mask, place), 0);
            const auto low_place = [](const std::vector<double>& v) {
                return double(std::min_element(v.begin(), v.end()) - v.begin());
            };
            expect_values(std::get<1>(min_along(t, dims[0])), folded(t, mask, low_place), 0);
            if (dtype != DType::Bool) expect_values(argmax(t, dims[0]), folded(t, mask, place), 0);
        });
    // Places in the order of indices, not of memory.
    const Tensor t = transpose(tensor({0, 9, 9, 0, 0, 9}, {2, 3}), 0, 1);  // 0 0 / 9 0 / 9 9
    EXPECT_EQ(argmax(t).to_int(), 2);
    expect_values(std::get<1>(max_along(tensor(std::vector<double>(64, -kInf), {64}), 0)), {0});
}

TEST(Reduce, NanWins) {
    for (int64_t length : {3, 40, 3000})
        for (int64_t at : {int64_t(0), length / 2, length - 1}) {
            std::vector<double> v(size_t(length), 0);
            for (double& x : v) x = random_number();
            v[size_t(at)] = kNan;
            for (DType dtype : {DType::Float32, DType::Float64}) {
                const Tensor t = tensor(v, {length}, dtype),
                             columns = expand(reshape(t, {length, 1}), {length, 40});
                const Tensor dense = contiguous(columns);
                EXPECT_TRUE(std::isnan(max_all(t).to_double()));
                EXPECT_TRUE(std::isnan(min_all(t).to_double()));
                EXPECT_EQ(argmax(t).to_int(), at);
                EXPECT_EQ(argmin(t).to_int(), at);
                expect_values(amax(dense, Dims{0}), std::vector<double>(40, kNan));
                expect_values(argmin(dense, 0), std::vector<double>(40, double(at)));
                EXPECT_TRUE(std::isnan(sum(t).to_double()));
                EXPECT_FALSE(std::isnan(nansum(t).to_double()));
            }
        }
    // Of two the first.
    EXPECT_EQ(argmax(tensor({1, kNan, 5, kNan}, {4})).to_int(), 1);
}

TEST(Reduce, MomentsNormsProducts) {
    for (DType dtype : {DType::Float32, DType::Float64})
        for_cases(dtype, [&](const Tensor& t, uint64_t mask) {
            const Dims dims = dims_of(mask, t.dim());
            const double tolerance = tolerance_of(dtype) * 4;
            if (t.dim() > 0 && slices(t, mask)[0].size() > 1) {
                expect_values(var(t, dims), folded(t, mask, variance_of), tolerance);
                expect_values(
                    std::get<0>(std_mean(t, dims)),
                    folded(t, mask, [](const auto& v) { return std::sqrt(variance_of(v)); }),
                    tolerance);
                expect_values(
                    std::get<1>(var_mean(t, dims)),
                    folded(t, mask, [](const auto& v) { return sum_of(v) / double(v.size()); }),
                    tolerance);
            }
            for (double p : {0.0, 1.0, 2.0, 3.0, 0.5, kInf})
                expect_values(vector_norm(t, p, dims),
                              folded(t, mask, [p](const auto& v) { return norm_of(v, p); }),
                              tolerance * 8);
            expect_values(logsumexp(t, dims),
                          folded(t, mask,
                                 [](const auto& v) {
                                     double s = 0;
                                     for (double x : v) s += std::exp(x);
                                     return std::log(s);
                                 }),
                          tolerance * 4);
            if (dims.size() == 1) {
                const Tensor near_one = t * 0.01 + 1.0;
                expect_values(prod(near_one, dims[0]), folded(near_one, mask, product_of),
                              tolerance * 100);
            }
        });
    // Far from zero the variance is that of the deviations.
    expect_values(var(tensor({1e8, 1e8 + 1, 1e8 + 2}, {3})), {1.0});
}

TEST(Reduce, Accuracy) {
    const Tensor ones_1e8 = expand(ones({1}), {100000000});
    EXPECT_EQ(sum(ones_1e8).to_double(), 1e8);
    const Tensor tenth = full({1 << 22}, 0.1f);
    EXPECT_NEAR(sum(tenth).to_double(), double(0.1f) * (1 << 22), 0.1);
    // 1 - 1/2 + 1/3 - ... along rows and columns.
    std::vector<double> series(1 << 20);
    for (size_t i = 0; i < series.size(); ++i) series[i] = (i % 2 ? -1.0 : 1.0) / double(i + 1);
    const Tensor row = tensor(series, {1, 1 << 20}, DType::Float32);
    EXPECT_NEAR(sum(row).to_double(), std::log(2.0), 1e-6);
    expect_values(
        sum(contiguous(expand(reshape(slice(row, 1, 0, 1 << 14), {1 << 14, 1}), {1 << 14, 40})),
            Dims{0}),
        std::vector<double>(40, std::log(2.0)), 1e-4);
    // Halves are summed in more than their own precision.
    EXPECT_EQ(sum(full({4096}, 1.0, DType::BFloat16)).to_double(), 4096);
    EXPECT_EQ(mean(full({100000}, 8.0, DType::Float16)).to_double(), 8);
    expect_values(sum(tensor({1e308, 1e308}, {2})), {kInf});
    expect_values(sum(tensor({kInf, 1}, {2})), {kInf});
    expect_values(sum(tensor({kInf, -kInf}, {2})), {kNan});
}

TEST(Reduce, LargeAndThreads) {
    for (DType dtype : {DType::Float32, DType::Float64, DType::Int32}) {
        const Tensor t = random_tensor({600, 1000}, dtype),
                     tall = random_tensor({60000, 10}, dtype);
        std::vector<std::vector<double>> results[2];
        const int before = num_threads();
        for (int threads : {1, 2}) {
            set_num_threads(threads);
            for (const Tensor& x : {t, tall, transpose(t, 0, 1)}) {
                auto& r = results[threads - 1];
                r.push_back(values_of(sum(x)));
                r.push_back(values_of(sum(x, Dims{0})));
                r.push_back(values_of(sum(x, Dims{1})));
                r.push_back(values_of(amax(x, Dims{0})));
                r.push_back(values_of(argmax(x)));
                r.push_back(values_of(argmin(x, 1)));
                if (is_floating(dtype)) r.push_back(values_of(var(x)));
            }
        }
        set_num_threads(before);
        EXPECT_EQ(results[0], results[1]);
        expect_values(sum(tall, Dims{0}), folded(tall, 1, sum_of), tolerance_of(dtype) * 100);
        expect_values(var(to_dtype(tall, DType::Float64)), folded(tall, 3, variance_of), 1e-10);
        EXPECT_EQ(argmax(tall).to_int(), [&] {
            const auto v = values_of(tall);
            return std::max_element(v.begin(), v.end()) - v.begin();
        }());
    }
}

TEST(Reduce, Empty) {
    const Tensor none = empty(Dims{2, 0}, DType::Float32);
    expect_values(sum(none, Dims{1}), {0, 0});
    expect_values(prod(none, 1), {1, 1});
    expect_values(mean(none, Dims{1}), {kNan, kNan});
    expect_values(logsumexp(none, {1}), {-kInf, -kInf});
    EXPECT_EQ(amax(none, Dims{0}).numel(), 0);
    EXPECT_EQ(all(none).to_int(), 1);
    EXPECT_EQ(any(none).to_int(), 0);
    expect_error([&] { amax(none, Dims{1}); },
                 "amax(): Expected reduction dim 1 to have non-zero size.");
    expect_error([&] { max_all(none); },
                 "max(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                 "the reduction dim with the 'dim' argument.");
    expect_error([&] { argmax(none); },
                 "argmax(): Expected reduction dim to be specified for input.numel() == 0.");
    expect_error([&] { sum(none, Dims{0, -2}); },
                 "dim 0 appears multiple times in the list of dims");
    expect_error(
        [&] { mean(empty(Dims{2}, DType::Int64)); },
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
        "Got: Long");
}

TEST(Scan, SumsAndProducts) {
    for (DType dtype : {DType::Float64, DType::Float32, DType::Int32}) {
        const Tensor t = permute(random_tensor({5, 3, 300}, dtype), {1, 0, 2});
        for (int64_t dim = 0; dim < 3; ++dim) {
            Tensor expected = zeros_like(contiguous(t), DType::Float64),
                   product = ones_like(expected);
            Tensor s = zeros(Dims{1}, DType::Float64), p = ones(Dims{1}, DType::Float64);
            for (int64_t i = 0; i < t.size(dim); ++i) {
                const Tensor x = to_dtype(select(t, dim, i), DType::Float64);
                s = s + x;
                p = p * x;
                copy_values(select(expected, dim, i), s);
                copy_values(select(product, dim, i), p);
            }
            const Tensor sums = cumsum(t, dim), products = cumprod(t, dim);
            expect_values(sums, values_of(expected), 1e-5);
            if (is_floating(dtype)) expect_values(products, values_of(product), 1e-5);
            EXPECT_EQ(sums.dtype(), is_floating(dtype) ? dtype : DType::Int64);
        }
    }
}

// --- products of matrices ---

std::vector<double> naive_product(const Tensor& a, const Tensor& b) {
    const auto x = values_of(a), y = values_of(b);
    const int64_t batch = a.dim() == 3 ? a.size(0) : 1, m = a.size(-2), k = a.size(-1),
                  n = b.size(-1);
    std::vector<double> c(size_t(batch * m * n), 0);
    for (int64_t s = 0; s < batch; ++s)
        for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j)
                for (int64_t l = 0; l < k; ++l)
                    c[size_t((s * m + i) * n + j)] +=
                        x[size_t((s * m + i) * k + l)] * y[size_t((s * k + l) * n + j)];
    return c;
}

// A matrix of that shape: contiguous, transposed, with gaps, in steps, broadcast.
std::vector<Tensor> matrices(int64_t m, int64_t n, DType dtype) {
    return {random_tensor({m, n}, dtype),
            t(random_tensor({n, m}, dtype)),
            slice(random_tensor({m, n + 3}, dtype), 1, 1, n + 1),
            t(slice(random_tensor({n, m + 2}, dtype), 1, 0, m)),
            slice(random_tensor({m, 2 * n}, dtype), 1, 0, {}, 2),
            expand(random_tensor({1, n}, dtype), {m, n})};
}

TEST(Matmul, EveryLayout) {
    for (DType dtype : {DType::Float32, DType::Float64, DType::Float16, DType::Int64})
        for (const Dims& s : {Dims{8, 16, 16}, Dims{1, 1, 1}, Dims{5, 1, 3}, Dims{1, 7, 1},
                              Dims{3, 4, 0}, Dims{2, 0, 3}})
            for (const Tensor& a : matrices(s[0], s[1], dtype))
                for (const Tensor& b : matrices(s[1], s[2], dtype)) {
                    SCOPED_TRACE(str(info(dtype).name, " ", to_string(s), to_string(a.strides()),
                                     to_string(b.strides())));
                    expect_values(mm(a, b), naive_product(a, b), tolerance_of(dtype) * 16);
                    const Tensor c = random_tensor({s[2]}, dtype);
                    expect_values(addmm(c, a, b, 2, 3), values_of(c * 2 + mm(a, b) * 3),
                                  tolerance_of(dtype) * 64);
                    if (s[2] == 0) continue;
                    const Tensor v = select(b, 1, 0);
                    expect_values(mv(a, v), naive_product(a, unsqueeze(v, 1)),
                                  tolerance_of(dtype) * 16);
                }
}

TEST(Matmul, EveryRank) {
    const std::pair<Dims, Dims> cases[] = {
        {{4}, {4}},
        {{3, 4}, {4}},
        {{4}, {4, 5}},
        {{2, 3, 4}, {4}},
        {{4}, {2, 4, 5}},
        {{2, 3, 4}, {4, 5}},
        {{3, 4}, {2, 4, 5}},
        {{2, 3, 4}, {2, 4, 5}},
        {{2, 3, 4}, {1, 4, 5}},
        {{1, 3, 4}, {2, 4, 5}},
        {{6, 1, 3, 4}, {2, 4, 5}},
        {{6, 2, 3, 4}, {4}},
        {{0, 3, 4}, {4, 5}},
        {{2, 3, 0}, {2, 0, 5}},
        {{5, 2, 3, 4}, {5, 1, 4, 2}},
    };
    for (const auto& [sa, sb] : cases) {
        SCOPED_TRACE(to_string(sa) + " @ " + to_string(sb));
        for (int flip = 0; flip < 2; ++flip) {
            // Flipped: the last two dims lie in memory in the other order.
            const auto make = [&](const Dims& s) {
                if (!flip || s.size() < 2) return random_tensor(s);
                Dims stored(s);
                std::swap(stored[s.size() - 1], stored[s.size() - 2]);
                return transpose(random_tensor(stored), -1, -2);
            };
            const Tensor a = make(sa), b = make(sb);
            // By definition: broadcast, multiply, sum.
            const Tensor left = a.dim() == 1 ? unsqueeze(a, 0) : a,
                         right = b.dim() == 1 ? unsqueeze(b, 1) : b;
            Tensor expected = sum(unsqueeze(left, -1) * unsqueeze(right, -3), Dims{-2});
            if (b.dim() == 1) expected = squeeze_dim(expected, -1);
            if (a.dim() == 1) expected = squeeze_dim(expected, b.dim() == 1 ? -1 : -2);
            for (int grads = 0; grads < 4; ++grads) {
                const Tensor x = grads & 1 ? leaf(detach(a)) : a,
                             y = grads & 2 ? leaf(detach(b)) : b;
                const Tensor c = matmul(x, y);
                EXPECT_EQ(Dims(c.sizes()), Dims(expected.sizes()));
                expect_values(c, values_of(expected), 1e-12);
            }
        }
    }
}

TEST(Matmul, Einsum) {
    const Tensor a = random_tensor({2, 3}), b = random_tensor({3, 4}), c = random_tensor({5, 2, 3}),
                 v = random_tensor({3});
    const Tensor s = random_tensor({3, 3});
    expect_values(einsum("ij,jk->ik", {a, b}), naive_product(a, b));
    expect_values(einsum("ij,jk->ki", {a, b}), values_of(t(mm(a, b))));
    expect_values(einsum("ij,jk", {a, b}), naive_product(a, b));
    expect_values(einsum(" ij -> ji ", {a}), values_of(t(a)));
    expect_values(einsum("ij->", {a}), {sum_of(values_of(a))});
    expect_values(einsum("ii->i", {s}), values_of(diagonal(s)));
    expect_values(einsum("ii", {s}), {sum_of(values_of(diagonal(s)))});
    expect_values(einsum("i,j->ij", {v, v}), values_of(outer(v, v)));
    expect_values(einsum("i,i->i", {v, v}), values_of(v * v));
    expect_values(einsum("bij,j->bi", {c, v}), values_of(matmul(c, v)));
    expect_values(einsum("...ij,jk->...ik", {c, b}), values_of(matmul(c, b)));
    expect_values(einsum("...j,j->...", {c, v}), values_of(matmul(c, v)));
    expect_values(einsum("ij,jk,kl->il", {a, b, t(b)}), values_of(mm(mm(a, b), t(b))));
    expect_values(einsum("ij,kl->", {a, b}), {sum_of(values_of(a)) * sum_of(values_of(b))});
    expect_values(einsum("ij,ij,ij->i", {a, a, a}), values_of(sum(a * a * a, Dims{1})));
    expect_values(einsum("bn,anm,bm->ba",
                         {random_tensor({2, 0}), random_tensor({3, 0, 4}), random_tensor({2, 4})}),
                  std::vector<double>(6, 0));
    expect_error([&] { einsum("ij,jk", {a}); },
                 "einsum(): fewer operands were provided than specified in the equation");
    expect_error([&] { einsum("ij,ij", {a, b}); },
                 "einsum(): subscript i has size 3 for operand 1 which does not "
                 "broadcast with previously seen size 2");
    expect_error([&] { einsum("i1->i", {a}); },
                 "einsum(): invalid subscript given at index 1 in the equation string, "
                 "subscripts must be in [a-zA-Z]");
    expect_values(inner(c, a), values_of(matmul(c, t(a))));
    expect_values(tensordot(c, a, {1, 2}, {0, 1}), values_of(einsum("bij,ij->b", {c, a})));
}

TEST(Matmul, Errors) {
    const Tensor a = ones({2, 3}), b = ones({4, 5}), v = ones({4});
    expect_error([&] { mm(a, b); }, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)");
    expect_error([&] { mm(v, b); }, "self must be a matrix");
    expect_error([&] { mm(a, to_dtype(t(a), DType::Float64)); },
                 "expected m1 and m2 to have the same dtype, but got: float != double");
    expect_error([&] { mv(a, v); }, "size mismatch, got input (2), mat (2x3), vec (4)");
    expect_error([&] { dot(a, v); }, "1D tensors expected, but got 2D and 1D tensors");
    expect_error([&] { dot(v, ones({3})); },
                 "inconsistent tensor size, expected tensor [4] and src [3] to have the same "
                 "number of elements, but got 4 and 3 elements respectively");
    expect_error([&] { matmul(ones({}), v); },
                 "both arguments to matmul need to be at least 1D, but they are 0D and 1D");
    expect_error([&] { mm(to_dtype(a, DType::Bool), to_dtype(t(a), DType::Bool)); },
                 "\"addmm_impl_cpu_\" not implemented for 'Bool'");
    expect_error(
        [&] { einsum("ij->k", {a}); },
        "einsum(): output subscript k does not appear in the equation for any input operand");
}

// --- softmax ---

TEST(Softmax, Values) {
    for (DType dtype : kFloats)
        for (const Tensor& x :
             {random_tensor({5, 3}, dtype), random_tensor({4, 1000}, dtype),
              random_tensor({2, 17, 20}, dtype), transpose(random_tensor({7, 9}, dtype), 0, 1),
              random_tensor({1, 1}, dtype)})
            for (int64_t dim = 0; dim < x.dim(); ++dim) {
                const Tensor e = exp(to_dtype(x * 3, DType::Float64)),
                             expected = e / sum(e, Dims{dim}, true);
                const double tolerance = tolerance_of(dtype) * 4;
                expect_values(softmax(x * 3, dim), values_of(expected), tolerance);
                expect_values(log_softmax(x * 3, dim), values_of(log(expected)), tolerance);
            }
    // Neither large numbers nor infinities overflow.
    expect_values(softmax(tensor({1000, 1000, -kInf, -1e30}, {4}, DType::Float32), 0),
                  {0.5, 0.5, 0, 0});
    expect_values(softmax(tensor({-kInf, -kInf}, {2}), 0), {kNan, kNan});
    expect_values(log_softmax(tensor({1e4, 0}, {2}, DType::Float32), 0), {0, -1e4});
    expect_values(softmax(tensor({3}, {}), 0), {1});
    expect_error([] { softmax(empty(Dims{2}, DType::Int64), 0); },
                 "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'");
}

// --- losses ---

TEST(Loss, ClassIndices) {
    const Tensor x = random_tensor({3, 4}), target = tensor({1, 3, 0}, {3}, DType::Int64);
    const Tensor w = tensor({0.5, 1, 2, 4}, {4});
    const auto v = values_of(x);
    const double a = -v[1], b = -v[4 + 3], c = -v[8];
    expect_values(nll_loss(x, target), {(a + b + c) / 3});
    expect_values(nll_loss(x, target, {}, 2), {a + b + c});
    expect_values(nll_loss(x, target, w, 0), {a, 4 * b, 0.5 * c});
    expect_values(nll_loss(x, target, w), {(a + 4 * b + 0.5 * c) / 5.5});
    expect_values(nll_loss(x, target, w, 1, 3), {(a + 0.5 * c) / 1.5});
    expect_values(nll_loss(x, full({3}, int64_t(-100), DType::Int64)), {kNan});
    expect_values(cross_entropy(x, target), values_of(nll_loss(log_softmax(x, 1), target)));
    // Smoothed indices are probabilities.
    const Tensor even =
        tensor({.025, .925, .025, .025, .025, .025, .025, .925, .925, .025, .025, .025}, {3, 4});
    const Tensor sharp = tensor({0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0}, {3, 4});
    for (int64_t r : {0, 1, 2}) {
        const auto expected = values_of(cross_entropy(x, even, {}, r));
        expect_values(cross_entropy(x, target, {}, r, -100, 0.1), expected);
        expect_values(cross_entropy(x, sharp, {}, r, -100, 0.1), expected);
    }
    expect_values(cross_entropy(x, sharp, w, 0), values_of(cross_entropy(x, target, w, 0)));
    const Tensor all_logs = log_softmax(x, 1);
    expect_values(
        cross_entropy(x, target, w, 1, 3, 1.0),
        {-sum_of(values_of(all_logs * w * tensor({1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1}, {3, 4}))) /
         4 / 1.5});
    const Tensor image = random_tensor({2, 3, 4, 5}),
                 labels = tensor(std::vector<double>(40, 2), {2, 4, 5}, DType::Int64);
    expect_values(nll_loss(image, labels, {}, 0), values_of(neg(select(image, 1, 2))));
    expect_values(nll_loss(select(image, 3, 1), select(labels, 2, 1), {}, 0),
                  values_of(neg(select(select(image, 3, 1), 1, 2))));
    expect_error([&] { nll_loss(x, tensor({0, 5, 1}, {3}, DType::Int64)); },
                 "Target 5 is out of bounds.");
    expect_error([&] { nll_loss(x, tensor({0, 1}, {2}, DType::Int64)); },
                 "Expected input batch_size (3) to match target batch_size (2).");
    expect_error([&] { nll_loss(x, to_dtype(target, DType::Int32)); },
                 "expected target dtype to be Long or Byte, but got Int");
    expect_error(
        [&] { nll_loss(x, target, random_tensor({3})); },
        "weight tensor should be defined either for all 4 classes or no classes but got weight tensor of shape: [3]");
}

TEST(Loss, Values) {
    const Tensor x = tensor({0.25, -2, 3, 0}, {4}), y = tensor({0, 0, 1, 0.5}, {4});
    expect_values(mse_loss(x, y, 0), {0.0625, 4, 4, 0.25});
    expect_values(mse_loss(x, y), {8.3125 / 4});
    expect_values(mse_loss(x, y, 2), {8.3125});
    expect_values(l1_loss(x, y), {4.75 / 4});
    expect_values(smooth_l1_loss(x, y, 0, 0.5), {0.0625, 1.75, 1.75, 0.25});
    expect_values(huber_loss(x, y, 0, 0.5), {0.03125, 0.875, 0.875, 0.125});
    const Tensor p = tensor({0.2, 1, 0, 0.5}, {4});
    expect_values(binary_cross_entropy(p, y, {}, 0), {-std::log(0.8), 100, 100, std::log(2.0)});
    expect_values(binary_cross_entropy_with_logits(x, y, {}, {}, 0),
                  {std::log1p(std::exp(0.25)), std::log1p(std::exp(-2.0)),
                   std::log1p(std::exp(-3.0)), std::log(2.0)});
    expect_values(binary_cross_entropy_with_logits(tensor({-1000, 1000}, {2}), tensor({1, 0}, {2}),
                                                   {}, {}, 0),
                  {1000, 1000});
    expect_values(kl_div(x, y, 0), {0, 0, -3, 0.5 * std::log(0.5)});
    expect_error([&] { binary_cross_entropy(x, y); },
                 "all elements of input should be between 0 and 1");
}

// --- gradients ---

}  // namespace
