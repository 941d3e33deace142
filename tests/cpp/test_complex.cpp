// Complex numbers in the core: casts, loops of the rows against <complex>, reductions and products by parts.
#include <complex>

#include "cpu/cast.h"
#include "dispatch/kernel_table.h"
#include "ops/functions.h"
#include "support.h"

namespace wg::test {
namespace {

using Z = std::complex<double>;

Tensor numbers(const std::vector<Z>& v, const Dims& sizes, DType dtype = DType::Complex128) {
    Tensor t = empty(sizes, DType::Complex128);
    for (size_t i = 0; i < v.size(); ++i) t.mutable_data<Complex<double>>()[i] = v[i];
    return to_dtype(t, dtype);
}

std::vector<Z> samples(size_t n, double shift = 0) {
    std::vector<Z> v;
    for (size_t i = 0; i < n; ++i) {
        const double at = double(i) + shift;
        v.emplace_back(std::sin(3 * at) + 0.1, 2 * std::cos(5 * at));
    }
    return v;
}

void expect_numbers(const Tensor& got, const std::vector<Z>& wanted, double tolerance = 1e-12) {
    ASSERT_TRUE(is_complex(got.dtype()));
    const Tensor t = contiguous(to_dtype(got, DType::Complex128));
    ASSERT_EQ(size_t(t.numel()), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
        const Z z = t.data<Complex<double>>()[i].std();
        EXPECT_LE(std::abs(z - wanted[i]), tolerance * (1 + std::abs(wanted[i]))) << i;
    }
}

TEST(Complex, Promotion) {
    EXPECT_EQ(promote(DType::Complex64, DType::Float32), DType::Complex64);
    EXPECT_EQ(promote(DType::Complex64, DType::Float64), DType::Complex128);
    EXPECT_EQ(promote(DType::Int64, DType::Complex64), DType::Complex64);
    EXPECT_EQ(to_complex(DType::Float64), DType::Complex128);
    EXPECT_EQ(to_real(DType::Complex64), DType::Float32);
    EXPECT_THROW(to_complex(DType::Float16), Error);
    EXPECT_FALSE(can_cast(DType::Complex64, DType::Float64));
}

TEST(Complex, ScalarsThatAreNotRealDoNotBecomeReal) {
    const Scalar z(Complex<double>(1, 2));
    EXPECT_THROW(z.to_double(), Error);
    EXPECT_THROW(fill_values(empty(Dims{2}, DType::Float32), z), Error);
    EXPECT_EQ(Scalar(Complex<double>(3, 0)).to_double(), 3);
    EXPECT_TRUE(Scalar(Complex<double>(0, 1)).to_bool());
}

TEST(Complex, LoopsAgreeWithTheLibrary) {
    const auto a = samples(37), b = samples(37, 0.5);
    const Tensor x = numbers(a, {37}), y = numbers(b, {37});
    const auto each = [&](auto f) {
        std::vector<Z> v;
        for (size_t i = 0; i < a.size(); ++i) v.push_back(f(a[i], b[i]));
        return v;
    };
    expect_numbers(mul(x, y), each([](Z p, Z q) { return p * q; }));
    expect_numbers(div(x, y), each([](Z p, Z q) { return p / q; }));
    expect_numbers(exp(x), each([](Z p, Z) { return std::exp(p); }));
    expect_numbers(pow(x, y), each([](Z p, Z q) { return std::pow(p, q); }));
    expect_numbers(expm1(x), each([](Z p, Z) { return std::exp(p) - 1.0; }));
    expect_numbers(log1p(x), each([](Z p, Z) { return std::log(1.0 + p); }));
    const Tensor size = abs(numbers(a, {37}, DType::Complex64));
    EXPECT_EQ(size.dtype(), DType::Float32);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(size.data<float>()[i], std::abs(a[i]), 1e-6);
}

TEST(Complex, ReductionsAndProducts) {
    const auto a = samples(12), b = samples(12, 0.25);
    const Tensor x = numbers(a, {3, 4}), y = numbers(b, {4, 3});
    Z total = 0, product = 1;
    for (const Z z : a) total += z, product *= z;
    expect_numbers(sum_all(x), {total});
    expect_numbers(prod_all(x), {product});
    std::vector<Z> wanted;
    for (size_t i = 0; i < 3; ++i)
        for (size_t j = 0; j < 3; ++j) {
            Z z = 0;
            for (size_t k = 0; k < 4; ++k) z += a[i * 4 + k] * b[k * 3 + j];
            wanted.push_back(z);
        }
    expect_numbers(mm(x, y), wanted);
    Z inner = 0;
    for (size_t i = 0; i < 12; ++i) inner += std::conj(a[i]) * b[i];
    expect_numbers(vdot(numbers(a, {12}), numbers(b, {12})), {inner});
}

TEST(Complex, GradientsOfPartsAndProducts) {
    Tensor x = numbers(samples(5), {5}), r = tensor({1, 2, 3, 4, 5}, {5});
    set_requires_grad(x, true);
    set_requires_grad(r, true);
    // The loss Re(sum(x r)): r by the real part, 0 by the imaginary one; Re(x) by r.
    backward(sum_all(real(mul(x, r))));
    expect_numbers(gradient_of(x), {1, 2, 3, 4, 5});
    EXPECT_EQ(gradient_of(r).dtype(), DType::Float64);
    EXPECT_EQ(values(gradient_of(r)), values(detach(real(x))));
}

// Note [Conjugate views]
TEST(Complex, AWriteToAConjugateEndsOrLeavesNothing) {
    std::vector<Z> now = samples(3);
    const Tensor z = numbers(now, {3}), c = conj_view(z);
    const auto begin = [&](size_t i, Z value) {
        c.mutable_data<Complex<double>>()[i] = {value.real(), value.imag()};
    };
    EXPECT_EQ(c.mutable_raw(), c.mutable_raw());
    begin(0, {7, 8});
    begin(1, {5, 6});
    c.bump_version();
    now[0] = {7, -8}, now[1] = {5, -6};
    expect_numbers(z, now);
    begin(0, 1);
    drop_writes();
    c.bump_version();
    expect_numbers(z, now);
    // One that failed without a word is known by the versions.
    begin(0, 1);
    z.bump_version();
    c.bump_version();
    expect_numbers(z, now);
    begin(0, 1);
    z.bump_version();
    begin(2, {0, 3});
    c.bump_version();
    now[2] = {0, -3};
    expect_numbers(z, now);
}

}  // namespace
}  // namespace wg::test
