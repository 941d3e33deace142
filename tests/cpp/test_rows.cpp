// Checks that hold for every row of ops/elementwise.def, and its ties and edges by name.
// Start with Sample: operands inside the row's domain, and parameters that make sense for it.
#include <cstring>
#include <set>

#include "dispatch/kernel_table.h"
#include "ops/row.h"
#include "scalar/dual.h"
#include "support.h"

namespace wg::test {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool named(const RowInfo& r, std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const char* n) { return std::strcmp(r.name, n) == 0; });
}

// Parameters: those the table gives ("alpha=1, scale=1") on even turns, others on odd ones. They rise, so
// that min_val < max_val.
Params parameters(const RowInfo& r, int turn) {
    Params p{{0.4, 1.3, 2.1}};
    if (r.complex_parameter) p.p[2] = 0;  // the imaginary part of the first
    if (turn % 2 || !std::strchr(r.parameters, '=')) return p;
    int i = 0;
    for (const char* at = r.parameters; (at = std::strchr(at, '='));)
        p.p[i++] = std::strtod(++at, nullptr);
    return p;
}

// One set of operands from the row's domain.
struct Sample {
    double v[3] = {1, 1, 1};
    Params params;
};
std::vector<Sample> samples(const RowInfo& r, int n) {
    std::mt19937 rng(5);
    std::uniform_real_distribution<> draw(r.lo, r.hi);
    // Tested by the table on positive numbers only, because their formulas have poles at 0.
    const bool both_signs = named(r, {"div", "fmod", "remainder", "atan2", "hypot", "addcdiv"});
    std::vector<Sample> all;
    for (int i = 0; i < n; ++i) {
        Sample s;
        for (int k = 0; k < r.arity; ++k) {
            s.v[k] = draw(rng);
            if (both_signs && (i >> k & 1)) s.v[k] = -s.v[k];
        }
        if (r.arity > 1 && named(r, {"where_choice"})) s.v[0] = s.v[0] > 0;
        s.params = parameters(r, i / 8);
        all.push_back(s);
    }
    return all;
}

template <class F>
void for_each_differentiable(F f) {
    for (int i = 0; i < kNumOps; ++i) {
        const RowInfo& r = row(Op(i));
        if (r.differentiable && !named(r, {"floor_divide"})) f(Op(i), r);
        if (testing::Test::HasFatalFailure()) return;
    }
}

// --- the formulas of a row ---

template <class Row, int I>
void check_gradient_formula() {
    const RowInfo& r = row(Row::op);
    // PyTorch rounds a constant of these to float in every dtype.
    const double tolerance = named(r, {"celu", "celu_written", "hardsigmoid"}) ? 1e-7 : 1e-12;
    for (const Sample& s : samples(r, 400)) {
        Dual d[3] = {s.v[0], s.v[1], s.v[2]};
        d[I].d = 1;
        const double* p = s.params.p;
        const Dual y = Row::template forward<Dual, double>(d[0], d[1], d[2], p[0], p[1], p[2]);
        const double g = 0.7;
        const double got = Row::template gradient<I, double, double>(g, s.v[0], s.v[1], s.v[2], y.v,
                                                                     p[0], p[1], p[2]);
        ASSERT_NEAR(got, g * y.d, tolerance * (1 + std::fabs(y.d)))
            << Row::name << ", gradient " << I << ", at " << s.v[0] << " " << s.v[1] << " "
            << s.v[2] << ", parameters " << p[0] << " " << p[1] << " " << p[2];
    }
}

template <class Row>
void check_gradient_formulas() {
    if constexpr (has_floats(Row::dtypes)) {
        check_gradient_formula<Row, 0>();
        if constexpr (Row::arity > 1) check_gradient_formula<Row, 1>();
        if constexpr (Row::arity > 2) check_gradient_formula<Row, 2>();
    }
}

TEST(Rows, GradientFormulasAreTheDerivativesOfTheForwardFormulas) {
#define WG_UNARY_P(name, ...) check_gradient_formulas<row_##name>();
#define WG_BINARY_P(name, ...) check_gradient_formulas<row_##name>();
#define WG_TERNARY_P(name, ...) check_gradient_formulas<row_##name>();
#include "ops/elementwise.def"
}

TEST(Rows, WhatAGradientReadsIsKnown) {
    EXPECT_EQ(row(Op::sigmoid).reads[0], 1u | 16u);  // g and y, not x
    EXPECT_EQ(row(Op::mul).reads[0], 1u | 4u);       // g and b
    EXPECT_EQ(row(Op::mul).reads[1], 1u | 2u);
    EXPECT_TRUE(row(Op::add).passes_through[0]);
    EXPECT_TRUE(row(Op::add).passes_through[1]);
    EXPECT_TRUE(row(Op::sub).passes_through[0]);
    EXPECT_FALSE(row(Op::sub).passes_through[1]);
}

TEST(Rows, NamesAreUnique) {
    std::set<std::string> names;
    for (int i = 0; i < kNumOps; ++i)
        EXPECT_TRUE(names.insert(row(Op(i)).name).second) << row(Op(i)).name;
}

// --- fused gradient loops against the formula over tensors ---

TEST(Rows, FusedGradientsEqualTensorGradients) {
    GradMode off(false);
    for (const DType dtype : {DType::Float32, DType::Float64}) {
        const double tolerance = dtype == DType::Float32 ? 1e-6 : 1e-14;
        for_each_differentiable([&](Op op, const RowInfo& r) {
            for (int turn = 0; turn < 2; ++turn) {
                const auto all = samples(r, 75);
                const Params params = parameters(r, turn);
                std::mt19937 rng(9);
                const Tensor g = random({75}, rng, -2, 2, dtype);
                Tensor abc[3];
                std::vector<Arg> args;
                for (int k = 0; k < r.arity; ++k) {
                    Values v;
                    for (const Sample& s : all) v.push_back(s.v[k]);
                    abc[k] = tensor(v, {75}, dtype);
                }
                for (int k = 0; k < r.arity; ++k)
                    args.push_back(op == Op::where_choice && k == 0
                                       ? abc[k] = to_dtype(abc[k], DType::Bool)
                                       : abc[k]);
                const Tensor y = elementwise(op, args, params);
                if (op == Op::where_choice) abc[0] = to_dtype(abc[0], dtype);
                for (int i = 0; i < r.arity; ++i) {
                    const Tensor fused = empty(Dims{75}, dtype);
                    const LoopFn loop = kernel_table[int(op)].gradient[i][int(dtype)];
                    ASSERT_NE(loop, nullptr) << r.name;
                    const void* in[kMaxLoopInputs] =
                        {};  // the loop must not touch what it does not read
                    if (r.reads[i] & 1) in[0] = g.raw();
                    for (int k = 0; k < r.arity; ++k)
                        if (r.reads[i] >> (k + 1) & 1) in[k + 1] = abc[k].raw();
                    if (r.reads[i] & 16) in[4] = y.raw();
                    loop(fused.mutable_raw(), in, 75, params.p);
                    const Values got = values(fused),
                                 wanted = values(r.gradient[i](g, abc, y, params.p));
                    for (size_t n = 0; n < got.size(); ++n)
                        ASSERT_NEAR(got[n], wanted[n], tolerance * (1 + 4 * std::fabs(wanted[n])))
                            << r.name << ", gradient " << i << ", " << info(dtype).name
                            << ", element " << n;
                }
            }
        });
    }
}

// --- first and second derivatives by the engine ---

// The gradient of hardsigmoid has no derivative, as in PyTorch.
template <class F>
void for_each_differentiable_twice(F f) {
    for_each_differentiable([&](Op op, const RowInfo& r) {
        if (!named(r, {"hardsigmoid", "hardsigmoid_backward"})) f(op, r);
    });
}

TEST(Rows, DerivativesByTheEngineEqualFiniteDifferences) {
    for_each_differentiable_twice([](Op op, const RowInfo& r) {
        for (int turn = 0; turn < 2; ++turn) {
            const auto all = samples(r, 9);
            const Params params = parameters(r, turn);
            const int first = op == Op::where_choice;  // the condition is no differentiable input
            TensorList inputs;
            for (int k = first; k < r.arity; ++k) {
                Values v;
                for (const Sample& s : all) v.push_back(s.v[k]);
                inputs.push_back(tensor(v, {3, 3}));
            }
            const Tensor condition = tensor({1, 0, 1, 1, 0, 0, 1, 0, 1}, {3, 3}, DType::Bool);
            check_gradients(
                inputs,
                [&](const TensorList& xs) {
                    std::vector<Arg> args;
                    if (first) args.push_back(condition);
                    for (const Tensor& x : xs) args.push_back(x);
                    return elementwise(op, args, params);
                },
                r.name);
        }
    });
}

// y.op_(): the value and both derivatives are those of the op out of place.
TEST(Rows, DerivativesOfInPlaceFormsEqualFiniteDifferences) {
    for_each_differentiable_twice([](Op op, const RowInfo& r) {
        // The inverse hyperbolic functions have no derivative in place, as in PyTorch.
        if (op == Op::where_choice || named(r, {"asinh", "acosh", "atanh"})) return;
        const auto all = samples(r, 5);
        TensorList inputs;
        for (int k = 0; k < r.arity; ++k) {
            Values v;
            for (const Sample& s : all) v.push_back(s.v[k]);
            inputs.push_back(tensor(v));
        }
        for (const bool through_view : {false, true}) {
            check_gradients(
                inputs,
                [&](const TensorList& xs) {
                    Tensor base = mul(xs[0], 1.0);
                    Tensor self = through_view ? slice(base, 0, 1, 4) : base;
                    std::vector<Arg> args{self};
                    TensorList others;
                    for (size_t k = 1; k < xs.size(); ++k)
                        others.push_back(through_view ? slice(xs[k], 0, 1, 4) : xs[k]);
                    for (const Tensor& t : others) args.push_back(t);
                    elementwise_(op, self, args, parameters(r, 0));
                    return mul(base, base);
                },
                std::string(r.name) + (through_view ? "_ through a view" : "_"), 1e-6);
        }
    });
}

TEST(Rows, FloorDivideHasNoDerivative) {
    const Tensor a = leaf({5, 7}), b = leaf({2, 3});
    const Tensor y = binary(Op::floor_divide, a, b);
    EXPECT_TRUE(requires_grad(y));
    EXPECT_ERROR(backward(y), "derivative for aten::floor_divide is not implemented");
}

// --- the loops ---

// n elements with guard bytes on both sides, at an address that is not a multiple of the vector size.
class Guarded {
public:
    Guarded(size_t n, size_t itemsize)
        : bytes_(n * itemsize), memory_(bytes_ + 2 * kGuard, kFill) {}
    char* data() { return memory_.data() + kGuard; }
    const char* data() const { return memory_.data() + kGuard; }
    bool intact() const {
        const auto untouched = [](char c) { return c == kFill; };
        return std::all_of(memory_.begin(), memory_.begin() + kGuard, untouched) &&
               std::all_of(memory_.end() - kGuard, memory_.end(), untouched);
    }
    bool same_bytes(const Guarded& other) const {
        return std::memcmp(data(), other.data(), bytes_) == 0;
    }

private:
    static constexpr char kFill = 0x5a;
    static constexpr long kGuard = 72;
    size_t bytes_;
    std::vector<char> memory_;
};

// The forward formula of a row in double; what the integer loops give too where nothing overflows.
using Reference = double (*)(double a, double b, double c, const double* p);
template <class Row>
double reference(double a, double b, double c, const double* p) {
    if constexpr (!has_floats(Row::dtypes)) {
        const auto i = int64_t(a), j = int64_t(b);
        if (Row::op == Op::bitwise_left_shift) return double(j < 0 ? 0 : i * (int64_t(1) << j));
        if (Row::op == Op::bitwise_right_shift) return double(j < 0 ? -(i < 0) : i >> j);
        if (Row::op == Op::bitwise_and) return double(i & j);
        if (Row::op == Op::bitwise_or) return double(i | j);
        if (Row::op == Op::bitwise_xor) return double(i ^ j);
        return double(~i);
    } else if constexpr (Row::is_test) {
        return double(Row::template forward<double, double>(a, b, c, p[0], p[1], p[2]) ? 1 : 0);
    } else {
        return double(Row::template forward<double, double>(a, b, c, p[0], p[1], p[2]));
    }
}
const Reference references[] = {
#define WG_UNARY_P(name, ...) reference<row_##name>,
#define WG_BINARY_P(name, ...) reference<row_##name>,
#define WG_TERNARY_P(name, ...) reference<row_##name>,
#define WG_TEST(name, ...) reference<row_##name>,
#define WG_COMPARE(name, ...) reference<row_##name>,
#include "ops/elementwise.def"
};

// Small whole numbers, so that no integer type overflows; unsigned and divisor-like operands stay above 0.
double whole_number(DType dtype, int operand, size_t i) {
    static constexpr double dividends[] = {-3, 2, 1, 3, -1, 0, -2},
                            divisors[] = {2, -1, 3, 1, -2, -3};
    if (dtype == DType::Bool) return double((i >> operand) & 1);
    const double v = operand == 0 ? dividends[i % 7] : divisors[i % 6];
    return dtype == DType::UInt8 ? std::fabs(v) : v;
}

TEST(Rows, LoopsOfEveryDtypeAndLength) {
    for (int o = 0; o < kNumOps; ++o) {
        const RowInfo& r = row(Op(o));
        Params params = parameters(r, 0);
        const auto in_domain = samples(r, 71);
        for (int d = 0; d < kNumDTypes; ++d) {
            const auto dtype = DType(d);
            const LoopFn loop = kernel_table[o].forward[d];
            if (!loop || is_complex(dtype)) continue;
            if (!is_floating(dtype)) params = Params{{2, 3, 1}};
            visit_dtype(dtype, [&](auto tag) {
                using T = typename decltype(tag)::type;
                if constexpr (std::is_same_v<T, compute_type<T>>) {
                    const size_t out_size = r.is_test ? 1 : sizeof(T);
                    Guarded whole(71, out_size);
                    for (size_t n = 0; n <= 71; ++n) {
                        const size_t length =
                            n == 0 ? 71
                                   : n - 1;  // the longest first: the others must agree with it
                        std::vector<Guarded> in(3, Guarded(length, sizeof(T)));
                        double v[3][71];
                        for (size_t i = 0; i < length; ++i)
                            for (int k = 0; k < 3; ++k) {
                                v[k][i] = is_floating(dtype) && !r.is_test
                                              ? in_domain[i].v[k]
                                              : whole_number(dtype, k, i);
                                const T x = T(v[k][i]);
                                std::memcpy(in[size_t(k)].data() + i * sizeof(T), &x, sizeof(T));
                                v[k][i] = double(x);
                            }
                        Guarded out(length, out_size);
                        const void* slots[kMaxLoopInputs] = {};
                        for (int k = 0; k < r.arity; ++k) slots[k] = in[size_t(k)].data();
                        loop(out.data(), slots, int64_t(length), params.p);
                        ASSERT_TRUE(out.intact())
                            << r.name << ", " << info(dtype).name << ", length " << length;
                        if (n == 0) {
                            whole = out;
                            for (size_t i = 0; i < length; ++i) {
                                double got;
                                if (r.is_test) {
                                    got = double(uint8_t(out.data()[i]));
                                } else {
                                    T x;
                                    std::memcpy(&x, out.data() + i * sizeof(T), sizeof(T));
                                    got = double(x);
                                }
                                double wanted = references[o](v[0][i], v[1][i], v[2][i], params.p);
                                if (std::isinf(wanted))
                                    continue;  // 0 to a negative power, among integers
                                if (dtype == DType::Bool && !r.is_test)
                                    wanted = wanted != 0 && Op(o) != Op::bitwise_not
                                                 ? 1.0
                                                 : double(Op(o) == Op::bitwise_not);
                                else if (!r.is_test && !is_floating(dtype))
                                    wanted = double(T(int64_t(wanted)));
                                const double tolerance = dtype == DType::Float32   ? 3e-6
                                                         : dtype == DType::Float64 ? 4e-15
                                                                                   : 0;
                                ASSERT_NEAR(got, wanted, tolerance * (1 + std::fabs(wanted)))
                                    << r.name << ", " << info(dtype).name << ", of " << v[0][i]
                                    << " " << v[1][i] << " " << v[2][i];
                            }
                            continue;
                        }
                        // An element has the same bits wherever it lies.
                        ASSERT_EQ(std::memcmp(out.data(), whole.data(), length * out_size), 0)
                            << r.name << ", " << info(dtype).name << ": length " << length
                            << " differs from length 71";
                        if (r.is_test) continue;
                        for (int k = 0; k < r.arity; ++k) {  // over an operand
                            Guarded target = in[size_t(k)];
                            const void* over[kMaxLoopInputs] = {slots[0], slots[1], slots[2],
                                                                nullptr, nullptr};
                            over[k] = target.data();
                            loop(target.data(), over, int64_t(length), params.p);
                            ASSERT_TRUE(target.intact() && target.same_bytes(out))
                                << r.name << ", " << info(dtype).name << ": wrong over operand "
                                << k << ", length " << length;
                        }
                    }
                }
            });
        }
    }
}

// pow has short cuts for common exponents; an element must not depend on where it lies or on what is beside it.
TEST(Rows, PowerIsTheSameAtEveryPosition) {
    std::mt19937 rng(4);
    for (const DType dtype : {DType::Float32, DType::Float64})
        for (const double exponent : {0.5, 1.0, 2.0, 3.0, 2.5}) {
            const Tensor x = random({71}, rng, 0.1, 9, dtype);
            const Values all = values(pow(x, Arg(exponent)));
            for (int64_t i = 0; i < 71; ++i)
                EXPECT_EQ(values(pow(slice(x, 0, i, i + 1), Arg(exponent)))[0], all[size_t(i)])
                    << exponent;
        }
}

TEST(Rows, EveryDtypeOfTheClassHasALoop) {
    for (int o = 0; o < kNumOps; ++o) {
        const RowInfo& r = row(Op(o));
        for (int d = 0; d < kNumDTypes; ++d) {
            const auto dtype = DType(d);
            if (kernel_dtype(dtype) != dtype) continue;
            bool wanted = false;
            switch (r.dtypes) {
            case DTypes::FLOATS:
            case DTypes::FLOATS_ONLY:
            case DTypes::ROUNDING: wanted = is_floating(dtype); break;
            case DTypes::NUMBERS: wanted = dtype != DType::Bool; break;
            case DTypes::ALL: wanted = true; break;
            case DTypes::INTEGERS: wanted = is_integral(dtype); break;
            case DTypes::INTEGRAL: wanted = !is_floating(dtype); break;
            default: FAIL();
            }
            if (is_complex(dtype)) wanted = r.is_complex;
            EXPECT_EQ(kernel_table[o].forward[d] != nullptr, wanted)
                << r.name << ", " << info(dtype).name;
            const int gradients = wanted && is_floating(dtype) && r.differentiable ? r.arity : 0;
            for (int i = 0; i < gradients; ++i) {
                EXPECT_NE(kernel_table[o].gradient[i][d], nullptr)
                    << r.name << ", " << info(dtype).name;
            }
        }
    }
}

// --- ties and edges, where PyTorch's choice counts ---

// Value and gradients of y = f(xs) summed, for float32 and float64.
void expect_edges(const std::function<Tensor(const TensorList&)>& f,
                  const std::vector<Values>& inputs, const Values& value,
                  const std::vector<Values>& grads) {
    for (const DType dtype : {DType::Float32, DType::Float64}) {
        TensorList xs;
        for (const Values& v : inputs) xs.push_back(leaf(tensor(v, {int64_t(v.size())}, dtype)));
        const auto same = [&](const Tensor& got, const Values& wanted, const char* what) {
            const Values v = got.defined() ? values(got) : Values(wanted.size(), 0.0);
            ASSERT_EQ(v.size(), wanted.size());
            for (size_t i = 0; i < v.size(); ++i) {
                const bool equal = std::isnan(wanted[i]) ? std::isnan(v[i]) : v[i] == wanted[i];
                EXPECT_TRUE(equal)
                    << what << ", element " << i << ": " << v[i] << " instead of " << wanted[i];
            }
        };
        const Tensor y = f(xs);
        same(y, value, "value");
        // Both by the fused loops and by the formula over tensors.
        for (const bool create_graph : {false, true}) {
            const TensorList g = gradients(y, ones_like(y), xs, create_graph);
            for (size_t i = 0; i < xs.size(); ++i)
                same(g[i], grads[i], create_graph ? "gradient, tensors" : "gradient, fused");
        }
    }
}

TEST(Edges, MaximumAndMinimumShareATie) {
    expect_edges([](const TensorList& x) { return maximum(x[0], x[1]); }, {{1, 2, 3}, {2, 2, 2}},
                 {2, 2, 3}, {{0, 0.5, 1}, {1, 0.5, 0}});
    expect_edges([](const TensorList& x) { return minimum(x[0], x[1]); }, {{1, 2, 3}, {2, 2, 2}},
                 {1, 2, 2}, {{1, 0.5, 0}, {0, 0.5, 1}});
}

TEST(Edges, MaximumAndMinimumPropagateNaN) {
    for (const Op op : {Op::maximum, Op::minimum}) {
        const Tensor y = binary(op, tensor({kNaN, 1, kNaN}), tensor({1, kNaN, kNaN}));
        for (const double v : values(y)) EXPECT_TRUE(std::isnan(v)) << row(op).name;
    }
}

TEST(Edges, AbsAndSignAtZero) {
    expect_edges([](const TensorList& x) { return abs(x[0]); }, {{-2, 0, 3}}, {2, 0, 3},
                 {{-1, 0, 1}});
    expect_edges([](const TensorList& x) { return sign(x[0]); }, {{-2, 0, 3}}, {-1, 0, 1},
                 {{0, 0, 0}});
}

TEST(Edges, ReluAtZeroAndNaN) {
    expect_edges([](const TensorList& x) { return relu(x[0]); }, {{-1, 0, 2}}, {0, 0, 2},
                 {{0, 0, 1}});
    EXPECT_TRUE(std::isnan(values(relu(tensor({kNaN})))[0]));
    expect_edges([](const TensorList& x) { return leaky_relu(x[0], {{0.25}}); }, {{-4, 0, 2}},
                 {-1, 0, 2}, {{0.25, 0.25, 1}});
}

TEST(Edges, ClampLetsTheGradientThroughAtItsBounds) {
    expect_edges([](const TensorList& x) { return clamp(x[0], Arg(-1), Arg(1)); },
                 {{-2, -1, 0, 1, 2}}, {-1, -1, 0, 1, 1}, {{0, 1, 1, 1, 0}});
    expect_edges([](const TensorList& x) { return clamp(x[0], Arg(1), {}); }, {{0, 1, 2}},
                 {1, 1, 2}, {{0, 1, 1}});
    expect_edges([](const TensorList& x) { return clamp(x[0], {}, Arg(1)); }, {{0, 1, 2}},
                 {0, 1, 1}, {{1, 1, 0}});
    // At a bound the gradient goes to x and not to the bound; with min > max the result is max.
    expect_edges([](const TensorList& x) { return clamp(x[0], Arg(x[1]), Arg(x[2])); },
                 {{0, 1, 5, 1}, {1, 1, 1, 3}, {4, 4, 4, 2}}, {1, 1, 4, 2},
                 {{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 1, 1}});
    EXPECT_TRUE(std::isnan(values(clamp(tensor({kNaN}), Arg(0), Arg(1)))[0]));
}

TEST(Edges, HardFunctionsAtTheirCorners) {
    expect_edges([](const TensorList& x) { return hardtanh(x[0], {{-1, 1}}); }, {{-1, 0, 1}},
                 {-1, 0, 1}, {{0, 1, 0}});
    expect_edges([](const TensorList& x) { return hardsigmoid(x[0]); }, {{-3, 3}}, {0, 1},
                 {{0, 0}});
    expect_edges([](const TensorList& x) { return threshold(x[0], {{1, -7}}); }, {{0, 1, 2}},
                 {-7, -7, 2}, {{0, 0, 1}});
    expect_edges([](const TensorList& x) { return hardshrink(x[0], {{0.5}}); },
                 {{-1, -0.5, 0.5, 1}}, {-1, 0, 0, 1}, {{1, 0, 0, 1}});
    expect_edges([](const TensorList& x) { return softshrink(x[0], {{0.5}}); },
                 {{-1, -0.5, 0.5, 1}}, {-0.5, 0, 0, 0.5}, {{1, 0, 0, 1}});
}

TEST(Edges, PowAtZero) {
    // 0^0 = 1, flat in both; 0^2; 0^-1 has an infinite slope in the base.
    expect_edges([](const TensorList& x) { return pow(x[0], x[1]); }, {{0, 0, 0, 1}, {0, 2, 1, 0}},
                 {1, 0, 0, 1}, {{0, 0, 1, 0}, {0, 0, 0, 0}});
    expect_edges([](const TensorList& x) { return pow(x[0], Arg(0)); }, {{0, kNaN, kInf}},
                 {1, 1, 1}, {{0, 0, 0}});
    expect_edges([](const TensorList& x) { return pow(x[0], x[1]); }, {{0}, {-1}}, {kInf},
                 {{-kInf}, {-kInf}});
}

TEST(Edges, RootsAndLogarithmsAtZero) {
    expect_edges([](const TensorList& x) { return sqrt(x[0]); }, {{0, -1}}, {0, kNaN},
                 {{kInf, kNaN}});
    expect_edges([](const TensorList& x) { return log(x[0]); }, {{0, -1}}, {-kInf, kNaN},
                 {{kInf, -1}});
    expect_edges([](const TensorList& x) { return hypot(x[0], x[1]); }, {{0}, {0}}, {0},
                 {{kNaN}, {kNaN}});
    expect_edges([](const TensorList& x) { return div(x[0], x[1]); }, {{1, 0}, {0, 0}},
                 {kInf, kNaN}, {{kInf, kInf}, {-kInf, kNaN}});
}

TEST(Edges, SaturationKeepsGradientsFinite) {
    for (const DType dtype : {DType::Float32, DType::Float64}) {
        const auto check = [&](Op op, const Params& p = {}) {
            const Tensor x = leaf(tensor({-1000, 1000}, {2}, dtype));
            const Tensor y = unary(op, x, p);
            for (const double v : values(y)) EXPECT_TRUE(std::isfinite(v)) << row(op).name;
            for (const double g : values(gradients(y, ones_like(y), {x})[0]))
                EXPECT_TRUE(std::isfinite(g)) << row(op).name;
        };
        for (const Op op : {Op::sigmoid, Op::tanh, Op::erf, Op::log_sigmoid, Op::gelu_erf,
                            Op::gelu_tanh, Op::silu})
            check(op);
        check(Op::softplus, {{1, 20}});
        check(Op::elu, {{1, 1, 1}});
        check(Op::celu, {{1}});
    }
}

TEST(Edges, RemaindersAndQuotientsFollowTheDivisorOrTheDividend) {
    const Values a = {7, -7, 7, -7, 6}, b = {3, 3, -3, -3, 3};
    for (const DType dtype : {DType::Int64, DType::Int8, DType::Float32, DType::Float64}) {
        const Tensor x = tensor(a, {5}, dtype), y = tensor(b, {5}, dtype);
        EXPECT_EQ(values(remainder(x, y)), (Values{1, 2, -2, -1, 0}));
        EXPECT_EQ(values(fmod(x, y)), (Values{1, -1, 1, -1, 0}));
        EXPECT_EQ(values(binary(Op::floor_divide, x, y)), (Values{2, -3, -3, 2, 2}));
        EXPECT_EQ(values(binary(Op::div_trunc, x, y)), (Values{2, -2, -2, 2, 2}));
    }
    EXPECT_EQ(values(binary(Op::floor_divide, tensor({1.0}), tensor({0.1})))[0],
              9);  // as 1.0 // 0.1 in Python
}

TEST(Edges, RoundGoesToEvenAndZerosKeepTheirSign) {
    EXPECT_EQ(values(round(tensor({0.5, 1.5, 2.5, -0.5, -1.5}))), (Values{0, 2, 2, -0.0, -2}));
    EXPECT_TRUE(std::signbit(values(round(tensor({-0.3})))[0]));
    EXPECT_TRUE(std::signbit(values(trunc(tensor({-0.3})))[0]));
    EXPECT_TRUE(std::signbit(values(ceil(tensor({-0.3})))[0]));
}

TEST(Edges, WhereTakesNoGradientFromTheOtherBranch) {
    const Tensor x = leaf({0, 4});
    // The unused branch divides by zero; its gradient must still be 0, not NaN.
    const Tensor y = where(eq(x, 0), Arg(1.0), Arg(x));
    EXPECT_EQ(values(y), (Values{1, 4}));
    EXPECT_EQ(values(gradients(y, ones_like(y), {x})[0]), (Values{0, 1}));
}

TEST(Edges, IntegerErrorsAreClean) {
    const Tensor a = tensor({1, 2}, {2}, DType::Int32),
                 zero_in_it = tensor({1, 0}, {2}, DType::Int32);
    for (const Op op : {Op::floor_divide, Op::remainder, Op::fmod, Op::div_floor, Op::div_trunc})
        EXPECT_ERROR(binary(op, a, zero_in_it), "ZeroDivisionError");
    EXPECT_ERROR(pow(a, Arg(-1)), "Integers to negative integer powers are not allowed.");
    // The most negative integer divided by -1 must not trap.
    for (const DType dtype : {DType::Int32, DType::Int64}) {
        const double low = dtype == DType::Int32 ? -0x1p31 : -0x1p63;
        const Tensor x = full({70}, Scalar(int64_t(low)), dtype),
                     minus_one = full({70}, Scalar(-1), dtype);
        for (const Op op : {Op::floor_divide, Op::remainder, Op::fmod, Op::div_trunc})
            EXPECT_NO_THROW(binary(op, x, minus_one));
    }
}

}  // namespace
}  // namespace wg::test
