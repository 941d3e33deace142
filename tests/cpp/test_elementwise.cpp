// elementwise() and its in-place and out= forms: promotion, broadcasting, strides, result layout, errors.
// Values against a plain double loop over the indices.
#include <algorithm>

#include "cpu/elementwise_loop.h"
#include "support.h"

namespace wg::test {
namespace {

constexpr DType U8 = DType::UInt8, I8 = DType::Int8, I16 = DType::Int16, I32 = DType::Int32,
                I64 = DType::Int64;
constexpr DType F16 = DType::Float16, BF16 = DType::BFloat16, F32 = DType::Float32,
                F64 = DType::Float64, B = DType::Bool;

Tensor of_dtype(DType dtype, bool zero_dim = false) {
    return zero_dim ? scalar_tensor(Scalar(1), dtype) : ones({2}, dtype);
}

// --- promotion ---

TEST(Promotion, TableOfTensorPairs) {
    const DType order[] = {U8, I8, I16, I32, I64, F16, BF16, F32, F64, B};
    const DType wanted[10][10] = {
        {U8, I16, I16, I32, I64, F16, BF16, F32, F64, U8},
        {I16, I8, I16, I32, I64, F16, BF16, F32, F64, I8},
        {I16, I16, I16, I32, I64, F16, BF16, F32, F64, I16},
        {I32, I32, I32, I32, I64, F16, BF16, F32, F64, I32},
        {I64, I64, I64, I64, I64, F16, BF16, F32, F64, I64},
        {F16, F16, F16, F16, F16, F16, F32, F32, F64, F16},
        {BF16, BF16, BF16, BF16, BF16, F32, BF16, F32, F64, BF16},
        {F32, F32, F32, F32, F32, F32, F32, F32, F64, F32},
        {F64, F64, F64, F64, F64, F64, F64, F64, F64, F64},
        {U8, I8, I16, I32, I64, F16, BF16, F32, F64, B},
    };
    for (int i = 0; i < 10; ++i)
        for (int j = 0; j < 10; ++j) {
            EXPECT_EQ(promote(order[i], order[j]), wanted[i][j])
                << info(order[i]).name << " with " << info(order[j]).name;
            EXPECT_EQ(add(of_dtype(order[i]), of_dtype(order[j])).dtype(), wanted[i][j]);
        }
}

TEST(Promotion, ZeroDimTensorsAndNumbersDecideOnlyByCategory) {
    const auto dtype = [](const Arg& a, const Arg& b) { return add(a, b).dtype(); };
    EXPECT_EQ(dtype(of_dtype(F32), of_dtype(F64, true)), F32);
    EXPECT_EQ(dtype(of_dtype(I8), of_dtype(I64, true)), I8);
    EXPECT_EQ(dtype(of_dtype(I8), of_dtype(F64, true)), F64);
    EXPECT_EQ(dtype(of_dtype(F32, true), of_dtype(F64, true)), F64);
    EXPECT_EQ(dtype(of_dtype(B), of_dtype(U8, true)), U8);
    EXPECT_EQ(dtype(of_dtype(I8), 1), I8);
    EXPECT_EQ(dtype(of_dtype(I8), 1.5), F32);
    EXPECT_EQ(dtype(of_dtype(F16), 1.5), F16);
    EXPECT_EQ(dtype(of_dtype(B), 1), I64);
    EXPECT_EQ(dtype(of_dtype(B), Scalar(true)), B);
    EXPECT_EQ(dtype(of_dtype(B, true), 1.5), F32);
    EXPECT_EQ(dtype(of_dtype(F64, true), 1.5), F64);
    EXPECT_EQ(dtype(1.5, of_dtype(I64, true)), F32);
    EXPECT_EQ(dtype(wrapped_number(Scalar(2.5)), of_dtype(F16)), F16);
    set_default_dtype(F64);
    EXPECT_EQ(dtype(of_dtype(I8), 1.5), F64);
    EXPECT_EQ(exp(of_dtype(I8)).dtype(), F64);
    set_default_dtype(F32);
}

TEST(Promotion, IntegersBecomeFloatsWhereTheResultIsReal) {
    for (const DType d : {U8, I64, B}) {
        EXPECT_EQ(exp(of_dtype(d)).dtype(), F32);
        EXPECT_EQ(div(of_dtype(d), of_dtype(d)).dtype(), F32);
        EXPECT_EQ(eq(of_dtype(d), of_dtype(d)).dtype(), B);
    }
    EXPECT_EQ(floor(of_dtype(I16)).dtype(), I16);
    EXPECT_EQ(div(of_dtype(I32), of_dtype(F64)).dtype(), F64);
    EXPECT_EQ(lt(of_dtype(I32), 0.5).dtype(), B);
}

TEST(Promotion, ComparisonsConvertBothSidesFirst) {
    EXPECT_EQ(values(lt(tensor({1, 2}, {2}, I32), Arg(1.5))), (Values{1, 0}));
    EXPECT_EQ(values(eq(tensor({0.1}, {1}, F32), tensor({0.1}, {1}, F64))), (Values{0}));
}

TEST(Promotion, ClassesOfDtypes) {
    EXPECT_ERROR(sub(of_dtype(B), of_dtype(B)),
                 "Subtraction, the `-` operator, with two bool tensors is not supported.");
    EXPECT_ERROR(neg(of_dtype(B)),
                 "Negation, the `-` operator, on a bool tensor is not supported.");
    EXPECT_ERROR(binary(Op::bitwise_and, of_dtype(F32), of_dtype(F32)),
                 "not implemented for 'Float'");
    EXPECT_ERROR(frac(of_dtype(I32)), "not implemented for 'Int'");
    EXPECT_ERROR(where(of_dtype(F32), Arg(of_dtype(F32)), Arg(of_dtype(F32))),
                 "expected condition to be a boolean tensor");
}

TEST(Promotion, HalfTypesComputeInFloatAndRoundOnce) {
    for (const DType d : {F16, BF16}) {
        std::mt19937 rng(3);
        const Tensor a = random({97}, rng, -2, 2, d), b = random({97}, rng, -2, 2, d);
        const Values x = values(a), y = values(b), got = values(mul(a, b));
        for (size_t i = 0; i < x.size(); ++i) {
            const Tensor rounded =
                to_dtype(scalar_tensor(Scalar(double(float(x[i]) * float(y[i]))), F32), d);
            EXPECT_EQ(got[i], rounded.to_double()) << info(d).name;
        }
    }
}

// --- shapes and strides ---

// A random tensor of this shape under random strides: permuted, sliced with steps, expanded, or plain.
Tensor random_layout(const Dims& sizes, std::mt19937& rng, DType dtype) {
    const size_t n = sizes.size();
    std::vector<size_t> order(n);
    for (size_t d = 0; d < n; ++d) order[d] = d;
    std::shuffle(order.begin(), order.end(), rng);
    Dims big(n), back(n);
    std::vector<int64_t> step(n);
    for (size_t at = 0; at < n; ++at) {
        const size_t d = order[at];
        back[d] = int64_t(at);
        step[d] = 1 + int64_t(rng() % 4 == 0);
        const bool expanded = rng() % 8 == 0;
        big[at] = expanded ? 1 : sizes[d] * step[d];
        if (expanded) step[d] = 0;
    }
    Tensor t = permute(random(big, rng, -4, 4, dtype), back);
    for (size_t d = 0; d < n; ++d)
        if (step[d] == 2) t = slice(t, int64_t(d), int64_t(rng() % 2), {}, 2);
    return expand(t, sizes);
}

// Operand shape that broadcasts to `sizes`: leading dims dropped, some dims 1.
Dims narrower(const Dims& sizes, std::mt19937& rng) {
    const size_t drop = rng() % 3 ? 0 : rng() % (sizes.size() + 1);
    Dims s(sizes.begin() + drop, sizes.end());
    for (int64_t& x : s)
        if (rng() % 5 == 0) x = 1;
    return s;
}

double read_broadcast(const Tensor& t, const Dims& index) {
    Dims own;
    const size_t lead = index.size() - size_t(t.dim());
    for (size_t d = 0; d < size_t(t.dim()); ++d)
        own.push_back(t.size(int64_t(d)) == 1 ? 0 : index[lead + d]);
    return element(t, own);
}

TEST(Elementwise, RandomShapesStridesAndDtypesAgainstAPlainLoop) {
    std::mt19937 rng(17);
    const DType dtypes[] = {F64, F64, F32, F16, I32, I64, U8, B};
    for (int round = 0; round < 600; ++round) {
        Dims sizes;
        for (size_t d = rng() % 6; d > 0; --d)
            sizes.push_back(rng() % 12 == 0 ? 0 : 1 + int64_t(rng() % 6));
        if (round % 50 == 0) sizes = {3, 40, 700};  // more than one thread
        Tensor operands[3];
        for (Tensor& t : operands) t = random_layout(narrower(sizes, rng), rng, dtypes[rng() % 8]);
        Dims shape = broadcast_shapes(operands[0].sizes(), operands[1].sizes());
        for (const Op op : {Op::add, Op::mul, Op::maximum, Op::lt, Op::where_choice}) {
            std::vector<Arg> args{operands[0], operands[1]};
            Tensor condition;
            if (op == Op::where_choice) {
                condition = to_dtype(operands[0], B);
                args = {condition, operands[1], operands[2]};
                shape = broadcast_shapes(shape, operands[2].sizes());
            }
            const Tensor got = elementwise(op, args);
            ASSERT_EQ(to_string(got.sizes()), to_string(shape));
            ASSERT_TRUE(is_dense(got.sizes(), got.strides()));
            if (got.numel() == 0) continue;
            // Operands are converted first: a 0-d int32 of -2 meets uint8 as 254.
            const DType compute = result_type(Args(args).subspan(op == Op::where_choice));
            const auto rounded = [](double v, DType dtype) {
                alignas(8) char one[8];
                (is_floating(dtype) ? Scalar(v) : Scalar(int64_t(v))).store(one, dtype);
                return read(one, dtype);
            };
            Dims index(shape.size(), 0);
            do {
                double v[3];
                for (size_t k = 0; k < args.size(); ++k)
                    v[k] = rounded(read_broadcast(args[k].tensor(), index), compute);
                double wanted = 0;
                switch (op) {
                case Op::add: wanted = v[0] + v[1]; break;
                case Op::mul: wanted = v[0] * v[1]; break;
                case Op::maximum: wanted = std::max(v[0], v[1]); break;
                case Op::lt: wanted = v[0] < v[1]; break;
                default: wanted = read_broadcast(condition, index) != 0 ? v[1] : v[2];
                }
                // Exact in double, then rounded to the result's dtype.
                const double tolerance = (got.dtype() == F16 ? 2e-3 : 2e-7) * std::fabs(wanted);
                ASSERT_NEAR(element(got, index), rounded(wanted, got.dtype()), tolerance)
                    << row(op).name << " at " << to_string(index) << " of " << to_string(shape)
                    << ", " << info(got.dtype()).name;
            } while (next_index(index, shape));
        }
    }
}

TEST(Elementwise, InPlaceAndOutWriteTheSameValuesIntoAnyLayout) {
    std::mt19937 rng(23);
    for (int round = 0; round < 300; ++round) {
        Dims sizes;
        for (size_t d = rng() % 5; d > 0; --d) sizes.push_back(1 + int64_t(rng() % 6));
        if (round % 40 == 0) sizes = {50, 900};
        const DType dtype = round % 3 ? F64 : F32;
        Tensor self = random_layout(sizes, rng, dtype);
        if (may_overlap_itself(self.sizes(), self.strides())) continue;
        const Tensor other = random_layout(narrower(sizes, rng), rng, round % 2 ? F64 : I32);
        const Arg both[] = {self, other};
        const Values wanted = values(to_dtype(elementwise(Op::sub, both), dtype));
        Tensor out = empty_like(self);
        if (round % 2) out = to_dtype(out, F64);
        elementwise_out(Op::sub, out, both);
        EXPECT_EQ(values(to_dtype(out, dtype)), wanted);
        const uint32_t before = self.version();
        elementwise_(Op::sub, self, both);
        EXPECT_EQ(values(self), wanted);
        EXPECT_EQ(self.version(), before + 1);
    }
}

TEST(Elementwise, OverlappingOperandsAreRefusedUnlessTheyCoincide) {
    const char* message =
        "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
        "memory location. Please clone() the tensor before performing the operation.";
    const Values v = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    Tensor x = tensor(v, {3, 3});
    const auto add_to = [](Tensor to, const Tensor& from) {
        const Arg args[] = {to, from};
        elementwise_(Op::add, to, args);
    };
    EXPECT_ERROR(add_to(x, select(x, 0, 0)), message);
    EXPECT_ERROR(add_to(x, transpose(x, 0, 1)), message);
    EXPECT_ERROR(add_to(slice(x, 0, 1, 3), slice(x, 0, 0, 2)), message);
    Tensor head = slice(x, 0, 0, 2);
    const Tensor tail = slice(x, 0, 1, 3);
    const Arg shifted[] = {tail, Arg(1)};
    EXPECT_ERROR(elementwise_out(Op::add, head, shifted), message);
    EXPECT_EQ(values(x), v);
    add_to(x, alias(x));
    EXPECT_EQ(values(x), (Values{0, 2, 4, 6, 8, 10, 12, 14, 16}));
    add_to(slice(x, 0, 0, 1), slice(x, 0, 1, 2));
    EXPECT_EQ(values(x), (Values{6, 10, 14, 6, 8, 10, 12, 14, 16}));
}

TEST(Elementwise, ResultsKeepTheOrderOfTheOperandsDims) {
    const auto strides = [](const Tensor& t) { return to_string(t.strides()); };
    const Tensor a = transpose(ones({5, 3}), 0, 1);  // [3, 5], strides [1, 3]
    EXPECT_EQ(strides(exp(a)), "[1, 3]");
    EXPECT_EQ(strides(add(a, a)), "[1, 3]");
    EXPECT_EQ(strides(add(a, ones({3, 5}))), "[1, 3]");  // the first operand decides
    EXPECT_EQ(strides(add(ones({3, 5}), a)), "[5, 1]");
    EXPECT_EQ(strides(add(a, ones({5}))), "[1, 3]");
    EXPECT_EQ(strides(add(a, 1.0)), "[1, 3]");
    EXPECT_EQ(strides(eq(a, a)), "[1, 3]");
    EXPECT_EQ(strides(exp(slice(ones({6, 4}), 0, 0, {}, 2))), "[4, 1]");
    EXPECT_EQ(strides(exp(expand(ones({3, 1}), {3, 4}))), "[4, 1]");
    EXPECT_EQ(strides(permute(exp(permute(ones({2, 3, 4}), {2, 0, 1})), {1, 2, 0})), "[12, 4, 1]");
    // No operand has the full shape: the permuted one still decides.
    EXPECT_EQ(strides(add(unsqueeze(a, 0), ones({2, 1, 1}))), "[15, 1, 3]");
}

TEST(Elementwise, NumbersOnBothSides) {
    const Tensor x = tensor({1, 2, 4});
    EXPECT_EQ(values(sub(Arg(10), Arg(x))), (Values{9, 8, 6}));
    EXPECT_EQ(values(sub(Arg(x), Arg(10))), (Values{-9, -8, -6}));
    EXPECT_EQ(values(div(Arg(8.0), Arg(x))), (Values{8, 4, 2}));
    EXPECT_EQ(values(pow(Arg(2.0), Arg(x))), (Values{2, 4, 16}));
    EXPECT_EQ(values(lerp(x, Arg(tensor({3, 2, 0})), Arg(0.5))), (Values{2, 2, 2}));
    EXPECT_EQ(values(add(tensor({250, 3}, {2}, U8), Arg(10))), (Values{4, 13}));  // wraps
    const Tensor y = leaf({1, 2, 4});
    EXPECT_EQ(node_name(pow(y, Arg(2.0))), "PowBackward0");
    EXPECT_EQ(node_name(pow(Arg(y), Arg(y))), "PowBackward1");
    EXPECT_EQ(values(gradients(div(Arg(8.0), Arg(y)), ones({3}, F64), {y})[0]),
              (Values{-8, -2, -0.5}));
}

TEST(Elementwise, EmptyAndZeroDim) {
    EXPECT_EQ(to_string(add(zeros({0, 3}), zeros({3})).sizes()), "[0, 3]");
    EXPECT_EQ(to_string(add(zeros({1}), zeros({0})).sizes()), "[0]");
    EXPECT_EQ(add(scalar_tensor(Scalar(1.5)), scalar_tensor(Scalar(2.0))).dim(), 0);
    EXPECT_ERROR(
        add(zeros({2, 3}), zeros({2, 4})),
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1");
}

TEST(Elementwise, MoreThanFourDims) {
    std::mt19937 rng(2);
    const Tensor a = random({2, 1, 3, 2, 1, 2}, rng), b = random({3, 1, 2, 3, 1}, rng);
    const Tensor c = mul(a, b);
    EXPECT_EQ(to_string(c.sizes()), "[2, 3, 3, 2, 3, 2]");
    Dims index(size_t(6), 0);
    do ASSERT_EQ(element(c, index), read_broadcast(a, index) * read_broadcast(b, index));
    while (next_index(index, c.sizes()));
}

TEST(Elementwise, BlocksAndThreadsCoverEveryElementOnce) {
    // Around the block size of converted operands and the grain of the threads.
    for (const int64_t n : {int64_t(1023), int64_t(1024), int64_t(1025), cpu::kElementwiseGrain - 1,
                            cpu::kElementwiseGrain + 1, 4 * cpu::kElementwiseGrain + 3}) {
        const Tensor x = arange(Scalar(0), Scalar(n), Scalar(1), I32);
        const Tensor y = add(x, 0.5);  // int32 by way of a buffer
        ASSERT_EQ(y.numel(), n);
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y.data<float>()[i], float(i) + 0.5f);
        const Tensor strided =
            slice(arange(Scalar(0), Scalar(2 * n), Scalar(1), F64), 0, {}, {}, 2);
        const Tensor z = neg(strided);
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(z.data<double>()[i], -2.0 * double(i));
    }
}

// --- errors of the in-place and out= forms ---

TEST(InPlace, Errors) {
    Tensor ints = ones({2}, I32), floats = ones({2}), grad = leaf({1, 2});
    const auto add_to = [](Tensor& self, const Arg& other) {
        const Arg args[] = {self, other};
        elementwise_(Op::add, self, args);
    };
    EXPECT_ERROR(add_to(ints, 1.5),
                 "result type Float can't be cast to the desired output type Int");
    EXPECT_ERROR(add_to(floats, ones({3, 2})),
                 "output with shape [2] doesn't match the broadcast shape [3, 2]");
    EXPECT_ERROR(add_to(grad, 1),
                 "a leaf Variable that requires grad is being used in an in-place operation.");
    Tensor view = slice(grad, 0, 0, 1);
    EXPECT_ERROR(
        add_to(view, 1),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    Tensor expanded = expand(ones({1}), {4});
    EXPECT_ERROR(
        add_to(expanded, 1),
        "more than one element of the written-to tensor refers to a single memory location");
    EXPECT_EQ(values(ints), (Values{1, 1}));
    EXPECT_EQ(values(grad), (Values{1, 2}));
    {
        GradMode off(false);
        add_to(grad, 1);
    }
    EXPECT_EQ(values(grad), (Values{2, 3}));
    EXPECT_TRUE(is_leaf(grad));
}

std::string last_warning;

TEST(Out, ResizesAndWarns) {
    set_warning_handler([](WarningKind, const std::string& m) { last_warning = m; });
    const Tensor a = tensor({1, 2, 3}), b = tensor({10, 20, 30}), recording = leaf({1, 2, 3});
    const Arg args[] = {a, b};
    Tensor fresh = empty(Dims{0}, F64);
    elementwise_out(Op::add, fresh, args);
    EXPECT_EQ(values(fresh), (Values{11, 22, 33}));
    EXPECT_EQ(last_warning, "");
    Tensor wrong = ones({2, 2}, F64);
    elementwise_out(Op::add, wrong, args);
    EXPECT_EQ(values(wrong), (Values{11, 22, 33}));
    EXPECT_NE(last_warning.find(
                  "An output with one or more elements was resized since it had shape [2, 2]"),
              std::string::npos);
    set_warning_handler(nullptr);
    Tensor half = empty(Dims{3}, F16);
    elementwise_out(Op::add, half, args);
    EXPECT_EQ(values(half), (Values{11, 22, 33}));
    Tensor ints = empty(Dims{3}, I32);
    EXPECT_ERROR(elementwise_out(Op::add, ints, args),
                 "result type Double can't be cast to the desired output type Int");
    const Arg recorded[] = {recording, Arg(1)};
    EXPECT_ERROR(
        elementwise_out(Op::add, fresh, recorded),
        "functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.");
    // A strided out of the right shape is written where it lies.
    Tensor memory = zeros({3, 2}, F64);
    Tensor column = select(memory, 1, 1);
    elementwise_out(Op::add, column, args);
    EXPECT_EQ(values(memory), (Values{0, 11, 0, 22, 0, 33}));
}

// --- gradients through promotion and broadcasting ---

TEST(Gradients, TakeTheShapeAndDtypeOfTheirInputs) {
    const Tensor a = leaf(tensor({1, 2, 3}, {3, 1}, F32)), b = leaf(tensor({4, 5}, {2}, F64));
    const Tensor c = scalar_tensor(Scalar(3), I64);
    const Tensor y = mul(mul(a, b), c);
    const TensorList g = gradients(y, ones_like(y), {a, b});
    EXPECT_EQ(to_string(g[0].sizes()), "[3, 1]");
    EXPECT_EQ(g[0].dtype(), F32);
    EXPECT_EQ(values(g[0]), (Values{27, 27, 27}));
    EXPECT_EQ(to_string(g[1].sizes()), "[2]");
    EXPECT_EQ(g[1].dtype(), F64);
    EXPECT_EQ(values(g[1]), (Values{18, 18}));
}

TEST(Gradients, ThroughBroadcastStridedAndExpandedOperands) {
    std::mt19937 rng(31);
    const std::function<Tensor(const TensorList&)> functions[] = {
        [](const TensorList& x) { return mul(x[0], x[1]); },
        [](const TensorList& x) { return mul(transpose(x[0], 0, 1), x[0]); },
        [](const TensorList& x) { return div(x[1], add(mul(x[0], x[0]), 1.0)); },
        [](const TensorList& x) { return mul(slice(x[0], 0, 0, {}, 2), expand(x[1], {2, 3})); },
        [](const TensorList& x) {
            return maximum(unsqueeze(x[0], 0), unsqueeze(unsqueeze(x[1], 1), 2));
        },
        [](const TensorList& x) { return where(lt(x[0], x[1]), Arg(mul(x[0], x[0])), Arg(x[1])); },
    };
    for (const auto& f : functions)
        check_gradients({random({3, 3}, rng), random({3}, rng)}, f, "broadcast");
}

// --- results past the caches ---

// Of so many elements that they are stored past the caches, at the start of a vector or beside it, with a rest: against the
// same operation on parts that are not.
TEST(Loops, LargeResults) {
    constexpr int64_t n = (34 << 20) / 4 + 21, part = 1 << 18;
    const Tensor ramp = arange(Scalar(0), Scalar(n + 1), Scalar(1), F32);
    const Tensor whole = mul(sub(ramp, Scalar(n / 2)), 1e-6);
    using Operation = Tensor (*)(const Tensor& x, const Tensor& one);
    const Operation operations[] = {
        [](const Tensor& x, const Tensor&) { return sin(x); },
        [](const Tensor& x, const Tensor&) { return add(x, x); },
        [](const Tensor& x, const Tensor&) { return mul(x, 0.5); },
        [](const Tensor& x, const Tensor& one) { return sub(x, one); },
        [](const Tensor& x, const Tensor&) {
            Tensor to = narrow(empty(Dims{x.numel() + 1}, F32), 0, 1, x.numel());
            return elementwise_out(Op::mul, to, std::initializer_list<Arg>{x, x});
        },
        [](const Tensor& x, const Tensor&) {
            const Tensor t = leaf(x);
            return gradients(sin(t), ones_like(t), {t})[0];
        },
    };
    for (const int64_t first : {0, 1}) {
        const Tensor x = narrow(whole, 0, first, n), one = narrow(x, 0, 5, 1);
        for (const Operation f : operations) {
            const Tensor all = f(x, one);
            for (int64_t i = 0; i < n; i += part) {
                const int64_t m = std::min(part, n - i);
                const Tensor wanted = f(narrow(x, 0, i, m), one);
                ASSERT_TRUE(std::equal(wanted.data<float>(), wanted.data<float>() + m,
                                       narrow(all, 0, i, m).data<float>()))
                    << first << " " << i;
            }
        }
    }
}

}  // namespace
}  // namespace wg::test
