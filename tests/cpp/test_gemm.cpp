// Matrix products against a plain triple loop in higher precision: shapes, transposes, leading
// dimensions, alpha and beta, special values, batches, every type and every instruction set.
// Operands are allocated to the last element and gaps between rows of C are watched, so reads and
// writes out of bounds show (reads under ASan).
#include "cpu/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpu/gemm_kernel.h"
#include "cpu/thread_pool.h"
#include "dispatch/isa.h"

namespace wg {
WG_DECLARE_PER_ISA(const gemm_impl::GemmKernels& gemm_kernel_table();)
}

namespace {

using wg::BFloat16;
using wg::gemm_scalar_t;
using wg::Half;
using wg::gemm_impl::GemmArgs;
using wg::gemm_impl::GemmKernels;

class Threads {
public:
    explicit Threads(int n) : old_(wg::num_threads()) { wg::set_num_threads(n); }
    ~Threads() { wg::set_num_threads(old_); }

private:
    int old_;
};

std::mt19937_64 rng(20240607);

int64_t pick(const std::vector<int64_t>& from) { return from[rng() % from.size()]; }

// Numbers used to check with: what T holds, with bits to spare for sums.
template <class T>
using Exact = std::conditional_t<std::is_same_v<T, double>, long double, double>;
template <class T>
Exact<T> number(T x) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
        return static_cast<double>(float(x));
    } else {
        return static_cast<Exact<T>>(x);
    }
}
template <class T>
T random_value() {
    if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(rng());
    } else {
        const double x = static_cast<double>(static_cast<int64_t>(rng())) * 0x1p-62;
        if constexpr (std::is_same_v<T, double>) {
            return x;
        } else {
            return T(float(x));
        }
    }
}

// A row-major matrix without an element after its last one; gaps between rows hold `gap`.
template <class T>
struct Matrix {
    int64_t rows, cols, ld;
    std::vector<T> data;

    Matrix(int64_t r, int64_t c, int64_t extra, T gap) : rows(r), cols(c), ld(c + extra) {
        data.assign(static_cast<size_t>(r > 0 ? (r - 1) * ld + c : 0), gap);
        for (int64_t i = 0; i < r; ++i)
            for (int64_t j = 0; j < c; ++j) at(i, j) = random_value<T>();
    }
    T& at(int64_t i, int64_t j) { return data[static_cast<size_t>(i * ld + j)]; }
    const T& at(int64_t i, int64_t j) const { return data[static_cast<size_t>(i * ld + j)]; }
    void fill(T value) {
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < cols; ++j) at(i, j) = value;
    }
};

template <class T>
T gap_value() {
    if constexpr (std::is_integral_v<T>) {
        return T(77);
    } else {
        return T(std::numeric_limits<float>::quiet_NaN());
    }
}
template <class T>
bool same_bits(T x, T y) {
    return std::memcmp(&x, &y, sizeof(T)) == 0;
}

// Unit roundoff of the sums, and of the stored result.
template <class T>
constexpr double kSumError = std::is_same_v<T, double> ? 0x1p-53 : 0x1p-24;
template <class T>
constexpr double kStoreError = std::is_same_v<T, Half>       ? 0x1p-11
                               : std::is_same_v<T, BFloat16> ? 0x1p-8
                                                             : 0;
// Half the spacing of subnormal numbers.
template <class T>
constexpr double kStoreTiny = std::is_same_v<T, Half> ? 0x1p-25 : 1e-37;

template <class T>
struct Product {
    bool trans_a, trans_b;
    int64_t m, n, k;
    gemm_scalar_t<T> alpha, beta;
    Matrix<T> a, b, c;

    Product(bool ta, bool tb, int64_t m_, int64_t n_, int64_t k_, gemm_scalar_t<T> al,
            gemm_scalar_t<T> be, int64_t extra = 0)
        : trans_a(ta), trans_b(tb), m(m_), n(n_), k(k_), alpha(al), beta(be),
          a(ta ? k : m, ta ? m : k, extra, gap_value<T>()),
          b(tb ? n : k, tb ? k : n, 2 * extra, gap_value<T>()), c(m, n, extra, gap_value<T>()) {}

    std::string name() const {
        return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " trans " +
               std::to_string(trans_a) + std::to_string(trans_b) + " alpha " +
               std::to_string(alpha) + " beta " + std::to_string(beta) + " lda " +
               std::to_string(a.ld);
    }
    GemmArgs<T, gemm_scalar_t<T>> args() {
        return {trans_a, trans_b,       m,   n, k, alpha, a.data.data(), a.ld, b.data.data(), b.ld,
                beta,    c.data.data(), c.ld};
    }
    void run() {
        wg::gemm<T>(trans_a, trans_b, m, n, k, alpha, a.data.data(), a.ld, b.data.data(), b.ld,
                    beta, c.data.data(), c.ld);
    }

    // Runs `call` and compares every element of C and every gap.
    template <class Call>
    void check(Call call) {
        const Matrix<T> before = c;
        call();
        for (int64_t i = 0; i < m; ++i) {
            for (int64_t j = 0; j < n; ++j) {
                if (!right(before, i, j)) {
                    FAIL() << name() << ": wrong at " << i << ", " << j << ": "
                           << number(c.at(i, j));
                }
            }
        }
        for (size_t i = 0; i < c.data.size(); ++i) {
            if (static_cast<int64_t>(i) % c.ld >= n) {
                ASSERT_TRUE(same_bits(c.data[i], before.data[i])) << name() << ": gap written";
            }
        }
    }
    void check() {
        check([this] { run(); });
    }

private:
    bool right(const Matrix<T>& before, int64_t i, int64_t j) const {
        // By pointers: this loop is where the time goes, above all under the sanitizers.
        const T *x = a.data.data() + i * (trans_a ? 1 : a.ld),
                *y = b.data.data() + j * (trans_b ? b.ld : 1);
        const int64_t dx = trans_a ? a.ld : 1, dy = trans_b ? 1 : b.ld;
        if constexpr (std::is_integral_v<T>) {
            uint64_t sum = 0;
            for (int64_t p = 0; p < k; ++p) sum += uint64_t(x[p * dx]) * uint64_t(y[p * dy]);
            sum = uint64_t(alpha) * sum + uint64_t(beta) * uint64_t(before.at(i, j));
            return c.at(i, j) == static_cast<T>(sum);
        } else {
            Exact<T> sum = 0, size = 0;
            for (int64_t p = 0; p < k; ++p) {
                const Exact<T> term = number(x[p * dx]) * number(y[p * dy]);
                sum += term;
                size += std::abs(term);
            }
            sum *= alpha;
            size *= std::abs(alpha);
            if (beta != 0) {
                sum += beta * number(before.at(i, j));
                size += std::abs(beta * number(before.at(i, j)));
            }
            const Exact<T> bound = kSumError<T> * double(k + 8) * size +
                                   kStoreError<T> * 1.01 * std::abs(sum) + kStoreTiny<T>;
            return std::abs(number(c.at(i, j)) - sum) <= bound;
        }
    }
};

const std::vector<int64_t> kSizes = {0,  1,  1,  2,  3,  4,  5,  6,  7,  8,  9,  13, 15,  16,
                                     17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 100, 130};

template <class T>
Product<T> random_product() {
    const auto scalar = [] { return static_cast<gemm_scalar_t<T>>(pick({0, 1, 1, 1, 2, -3})); };
    return Product<T>(rng() % 2, rng() % 2, pick(kSizes), pick(kSizes), pick(kSizes), scalar(),
                      scalar(), pick({0, 0, 1, 5, 16}));
}

template <class T>
class Gemm : public testing::Test {};
using Types =
    testing::Types<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, RandomShapes) {
    for (int threads : {1, 3}) {
        Threads use(threads);
        for (int i = 0; i < 150; ++i) ASSERT_NO_FATAL_FAILURE(random_product<TypeParam>().check());
    }
}

TYPED_TEST(Gemm, ShapesBeyondOneBlock) {
    for (int threads : {1, 3}) {
        Threads use(threads);
        for (int trans = 0; trans < 4; ++trans) {
            const bool ta = trans & 1, tb = trans & 2;
            for (auto [m, n, k] : {std::array<int64_t, 3>{9, 745, 261},
                                   {67, 131, 530},
                                   {270, 35, 33},
                                   {25, 30, 1100},
                                   {4, 5, 3001},
                                   {130, 140, 64}}) {
                ASSERT_NO_FATAL_FAILURE(Product<TypeParam>(ta, tb, m, n, k, 1, 0, 3).check());
                ASSERT_NO_FATAL_FAILURE(Product<TypeParam>(ta, tb, m, n, k, 2, 1).check());
            }
        }
    }
}

TYPED_TEST(Gemm, ProductsWithVectors) {
    for (int threads : {1, 3}) {
        Threads use(threads);
        for (int trans = 0; trans < 4; ++trans) {
            const bool ta = trans & 1, tb = trans & 2;
            for (auto [rows, k] : {std::array<int64_t, 2>{1, 5},
                                   {1, 1000},
                                   {5, 1},
                                   {7, 100},
                                   {300, 40},
                                   {5000, 33},
                                   {37, 5000},
                                   {700, 700}}) {
                for (int64_t extra : {0, 3}) {
                    ASSERT_NO_FATAL_FAILURE(
                        Product<TypeParam>(ta, tb, 1, rows, k, 1, 0, extra).check());
                    ASSERT_NO_FATAL_FAILURE(
                        Product<TypeParam>(ta, tb, rows, 1, k, 3, 2, extra).check());
                    ASSERT_NO_FATAL_FAILURE(
                        Product<TypeParam>(ta, tb, rows, 1, k, 1, 0, extra).check());
                }
            }
        }
    }
}

TYPED_TEST(Gemm, Batched) {
    using T = TypeParam;
    for (int threads : {1, 3}) {
        Threads use(threads);
        for (auto [count, m, n, k] : {std::array<int64_t, 4>{0, 3, 3, 3},
                                      {1, 5, 6, 7},
                                      {5, 17, 9, 20},
                                      {300, 3, 5, 4},
                                      {3, 120, 130, 90},
                                      {40, 33, 1, 40},
                                      {2000, 8, 8, 8}}) {
            for (int trans = 0; trans < 4; ++trans) {
                const bool ta = trans & 1, tb = trans & 2;
                for (int shared = 0; shared < 3; ++shared) {
                    // Each matrix of a batch is a block of rows; 1: one A for all, 2: one B.
                    const int64_t ra = ta ? k : m, ca = ta ? m : k;
                    const int64_t rb = tb ? n : k, cb = tb ? k : n;
                    const Matrix<T> a((shared == 1 ? 1 : count) * ra, ca, 1, gap_value<T>());
                    const Matrix<T> b((shared == 2 ? 1 : count) * rb, cb, 0, gap_value<T>());
                    Matrix<T> c(count * m, n, 2, gap_value<T>());
                    Matrix<T> expected = c;
                    const int64_t sa = shared == 1 ? 0 : ra * a.ld,
                                  sb = shared == 2 ? 0 : rb * b.ld;
                    wg::gemm_batched<T>(count, ta, tb, m, n, k, 1, a.data.data(), a.ld, sa,
                                        b.data.data(), b.ld, sb, 1, c.data.data(), c.ld, m * c.ld);
                    Threads one(1);
                    for (int64_t i = 0; i < count; ++i)
                        wg::gemm<T>(ta, tb, m, n, k, 1, a.data.data() + i * sa, a.ld,
                                    b.data.data() + i * sb, b.ld, 1,
                                    expected.data.data() + i * m * c.ld, c.ld);
                    for (size_t i = 0; i < c.data.size(); ++i) {
                        if (static_cast<int64_t>(i) % c.ld >= n) {
                            ASSERT_TRUE(same_bits(c.data[i], expected.data[i]));
                        } else {
                            const double x = double(number(c.data[i]));
                            const double y = double(number(expected.data[i]));
                            const double bound = kStoreError<T> * 2 * std::abs(y) +
                                                 kSumError<T> * double(k + 8) * double(k) * 8;
                            ASSERT_LE(std::abs(x - y), std::is_integral_v<T> ? 0 : bound)
                                << count << ": " << m << "x" << n << "x" << k << " at " << i;
                        }
                    }
                }
            }
        }
    }
}

template <class T>
class GemmFloat : public testing::Test {};
using FloatTypes = testing::Types<float, double, Half, BFloat16>;
TYPED_TEST_SUITE(GemmFloat, FloatTypes);

TYPED_TEST(GemmFloat, BetaZeroDoesNotReadC) {
    using T = TypeParam;
    for (auto [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                           {1, 30, 9},
                           {30, 1, 9},
                           {20, 70, 30},
                           {2, 3, 500},
                           {3, 3, 0},
                           {100, 100, 300}}) {
        for (int trans = 0; trans < 4; ++trans) {
            Product<T> p(trans & 1, trans & 2, m, n, k, 1, 0, 2);
            p.c.fill(gap_value<T>());
            ASSERT_NO_FATAL_FAILURE(p.check());
        }
    }
}

TYPED_TEST(GemmFloat, AlphaZeroDoesNotReadOperands) {
    using T = TypeParam;
    for (auto [m, n, k] : {std::array<int64_t, 3>{1, 8, 4}, {8, 1, 4}, {9, 20, 30}}) {
        for (int beta : {0, 1, 2}) {
            Product<T> p(false, true, m, n, k, 0, static_cast<gemm_scalar_t<T>>(beta), 1);
            p.a.fill(gap_value<T>());
            p.b.fill(gap_value<T>());
            const Matrix<T> before = p.c;
            p.run();
            for (int64_t i = 0; i < m; ++i) {
                for (int64_t j = 0; j < n; ++j) {
                    EXPECT_EQ(number(p.c.at(i, j)), beta * number(before.at(i, j)));
                }
            }
        }
    }
}

// One NaN or infinity in A or B reaches exactly the row or column of C it belongs to.
TYPED_TEST(GemmFloat, SpecialValuesSpreadAsTheyShould) {
    using T = TypeParam;
    const float inf = std::numeric_limits<float>::infinity();
    for (auto [m, n, k] : {std::array<int64_t, 3>{1, 21, 6},
                           {21, 1, 6},
                           {5, 5, 7},
                           {7, 5, 600},
                           {33, 50, 40},
                           {80, 90, 300}}) {
        for (int trans = 0; trans < 4; ++trans) {
            for (float special : {inf, -inf, std::numeric_limits<float>::quiet_NaN()}) {
                for (bool in_a : {true, false}) {
                    Product<T> p(trans & 1, trans & 2, m, n, k, 1, 0, 1);
                    p.a.fill(T(0.5f));
                    p.b.fill(T(1.0f));
                    const int64_t row = m - 1, col = n / 2, at = k - 2;
                    if (in_a) {
                        (p.trans_a ? p.a.at(at, row) : p.a.at(row, at)) = T(special);
                    } else {
                        (p.trans_b ? p.b.at(col, at) : p.b.at(at, col)) = T(special);
                    }
                    p.run();
                    for (int64_t i = 0; i < m; ++i) {
                        for (int64_t j = 0; j < n; ++j) {
                            const float got = float(number(p.c.at(i, j)));
                            if (in_a ? i != row : j != col) {
                                ASSERT_EQ(got, 0.5f * float(k)) << p.name();
                            } else if (std::isnan(special)) {
                                ASSERT_TRUE(std::isnan(got)) << p.name();
                            } else {
                                ASSERT_EQ(got, special) << p.name();
                            }
                        }
                    }
                }
            }
        }
    }
}

TEST(GemmHalf, RoundsOnceAtTheEnd) {
    // 2048 + 1 is a tie in binary16: summing in it would never leave 2048.
    std::vector<Half> ones(4096, Half(1.0f));
    Half sum(0.0f);
    wg::gemm<Half>(false, false, 1, 1, 4096, 1, ones.data(), 4096, ones.data(), 1, 0, &sum, 1);
    EXPECT_EQ(float(sum), 4096.0f);
    std::vector<BFloat16> ones16(4096, BFloat16(1.0f));
    std::vector<BFloat16> sums(6);
    wg::gemm<BFloat16>(false, false, 2, 3, 600, 1, ones16.data(), 600, ones16.data(), 3, 0,
                       sums.data(), 3);
    for (BFloat16 s : sums) EXPECT_EQ(float(s), 600.0f);
    EXPECT_EQ(wg::dot<Half>(4096, ones.data(), 1, ones.data(), 1), 4096.0f);
}

// Every instruction set this machine has, one thread.
std::vector<std::pair<const char*, const GemmKernels*>> all_kernels() {
    std::vector<std::pair<const char*, const GemmKernels*>> all;
    all.emplace_back("baseline", &wg::baseline::gemm_kernel_table());
    WG_IF_AVX2(if (wg::best_isa() >= wg::Isa::Avx2)
                   all.emplace_back("avx2", &wg::avx2::gemm_kernel_table());)
    WG_IF_AVX512(if (wg::best_isa() >= wg::Isa::Avx512)
                     all.emplace_back("avx512", &wg::avx512::gemm_kernel_table());)
    return all;
}

TEST(GemmKernels, EveryInstructionSet) {
    for (const auto& [name, kernels] : all_kernels()) {
        SCOPED_TRACE(name);
        const auto check = [](auto product, auto kernel) {
            product.check([&] { kernel(product.args()); });
        };
        for (int i = 0; i < 150; ++i) {
            ASSERT_NO_FATAL_FAILURE(check(random_product<float>(), kernels->f32.gemm));
            ASSERT_NO_FATAL_FAILURE(check(random_product<double>(), kernels->f64.gemm));
            if (i % 5 != 0) continue;
            ASSERT_NO_FATAL_FAILURE(check(random_product<int8_t>(), kernels->i8));
            ASSERT_NO_FATAL_FAILURE(check(random_product<int16_t>(), kernels->i16));
            ASSERT_NO_FATAL_FAILURE(check(random_product<int32_t>(), kernels->i32));
            ASSERT_NO_FATAL_FAILURE(check(random_product<int64_t>(), kernels->i64));
            ASSERT_NO_FATAL_FAILURE(check(random_product<uint8_t>(), kernels->u8));
            auto half = random_product<Half>();
            auto brain = random_product<BFloat16>();
            ASSERT_NO_FATAL_FAILURE(check(std::move(half), kernels->f16));
            ASSERT_NO_FATAL_FAILURE(check(std::move(brain), kernels->bf16));
        }
        for (int trans = 0; trans < 4; ++trans) {
            const bool ta = trans & 1, tb = trans & 2;
            for (auto [m, n, k] :
                 {std::array<int64_t, 3>{19, 800, 270}, {6, 1500, 40}, {50, 7, 900}}) {
                ASSERT_NO_FATAL_FAILURE(
                    check(Product<float>(ta, tb, m, n, k, 1, 1, 2), kernels->f32.gemm));
                ASSERT_NO_FATAL_FAILURE(
                    check(Product<double>(ta, tb, m, n, k, 1, 0), kernels->f64.gemm));
            }
        }
        for (int64_t n : {0, 1, 5, 16, 31, 127, 128, 300, 1000}) {
            std::vector<double> x, y;
            double expected = 0;
            for (int64_t i = 0; i < n; ++i) {
                x.push_back(random_value<double>());
                y.push_back(random_value<double>());
                expected += x.back() * y.back();
            }
            EXPECT_NEAR(kernels->f64.dot(n, x.data(), y.data()), expected, 1e-12);
        }
    }
}

TYPED_TEST(Gemm, Dot) {
    using T = TypeParam;
    for (int64_t n : {0, 1, 7, 100, 1000, 40000, 300000}) {
        for (int64_t incx : {1, 3}) {
            for (int64_t incy : {1, 2}) {
                const Matrix<T> x(n, 1, incx - 1, gap_value<T>());
                const Matrix<T> y(n, 1, incy - 1, gap_value<T>());
                const auto got = wg::dot<T>(n, x.data.data(), incx, y.data.data(), incy);
                {
                    Threads use(5);
                    EXPECT_EQ(wg::dot<T>(n, x.data.data(), incx, y.data.data(), incy), got);
                }
                if constexpr (std::is_integral_v<T>) {
                    uint64_t sum = 0;
                    for (int64_t i = 0; i < n; ++i)
                        sum += uint64_t(x.at(i, 0)) * uint64_t(y.at(i, 0));
                    ASSERT_EQ(+got, +static_cast<T>(sum));
                } else {
                    Exact<T> sum = 0, size = 0;
                    for (int64_t i = 0; i < n; ++i) {
                        sum += number(x.at(i, 0)) * number(y.at(i, 0));
                        size += std::abs(number(x.at(i, 0)) * number(y.at(i, 0)));
                    }
                    ASSERT_LE(std::abs(got - sum),
                              kSumError<T> * size * double(std::min<int64_t>(n, 5000)));
                }
            }
        }
    }
}

TEST(GemmThreads, SeveralCallersAtOnce) {
    Threads use(3);
    std::vector<Product<float>> products;
    for (int i = 0; i < 4; ++i) products.emplace_back(i & 1, i & 2, 150 + i, 140, 130, 1, 0);
    std::vector<std::thread> callers;
    for (auto& product : products) {
        callers.emplace_back([&product] {
            for (int repeat = 0; repeat < 10; ++repeat) product.run();
        });
    }
    for (auto& caller : callers) caller.join();
    for (auto& product : products) product.check();
}

}  // namespace
