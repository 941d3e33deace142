// Operations as those who watch them see them, and recorded again without being computed.
#include "autograd/replay.h"
#include "ops/elementwise_watch.h"
#include "support.h"
#include "tensor/watch.h"

namespace wg::test {
namespace {

// Lists names; may give other results than the operation.
class Listener final : public OperationWatcher {
public:
    Listener() { push_watcher(*this); }
    ~Listener() { pop_watcher(*this); }
    std::vector<Tensor> operation(OperationCall& call) override {
        names.push_back(call.name());
        return replacement.empty() ? call.run() : replacement;
    }
    std::vector<std::string> names;
    std::vector<Tensor> replacement;
};
using Names = std::vector<std::string>;

TEST(Watch, LeavesAreSeenAndWhatTheyDoIsNot) {
    const Tensor a = tensor({1, 2, 3, 4}, {2, 2}), bias = tensor({1, 2});
    Listener l;
    linear(a, a, bias);
    EXPECT_EQ(l.names, (Names{"t.default", "addmm.default"}));
    l.names.clear();
    layer_norm(a, {2});
    softmax(mul(a, 2), -1);
    EXPECT_EQ(l.names, (Names{"native_layer_norm.default", "mul.Tensor", "_softmax.default"}));
}

TEST(Watch, WatchersAreAStack) {
    const Tensor a = tensor({1, 2});
    Listener outer;
    {
        Listener inner;
        exp(a);
        EXPECT_EQ(inner.names, Names{"exp.default"});
        EXPECT_EQ(outer.names, Names{"exp.default"});
        inner.replacement = {a};
        EXPECT_TRUE(sin(a).is_same(a));
        EXPECT_EQ(outer.names, Names{"exp.default"});
    }
    cos(a);
    EXPECT_EQ(outer.names, (Names{"exp.default", "cos.default"}));
    const Unwatched nobody;
    cos(a);
    EXPECT_EQ(outer.names.size(), 2u);
}

TEST(Watch, ArgumentsAreThoseOfPyTorch) {
    class Arguments final : public OperationWatcher {
    public:
        Arguments() { push_watcher(*this); }
        ~Arguments() { pop_watcher(*this); }
        std::vector<Tensor> operation(OperationCall& call) override {
            count = call.arguments().size();
            last = call.arguments().back().keyword ? call.arguments().back().keyword : "";
            return call.run();
        }
        size_t count = 0;
        std::string last;
    } arguments;
    const Tensor a = tensor({1, 2, 3, 4}, {2, 2});
    addmm(a, a, a);
    EXPECT_EQ(arguments.count, 3u);
    addmm(a, a, a, 1, 2);
    EXPECT_EQ(arguments.count, 4u);
    EXPECT_EQ(arguments.last, "alpha");
    sum_over(a, Dims{0});
    EXPECT_EQ(arguments.count, 2u);
    sum_over(a, Dims{0}, true);
    EXPECT_EQ(arguments.count, 3u);
}

TEST(Watch, EveryElementwiseOperationIsListed) {
    const std::vector<std::string> names = elementwise_watch_names();
    for (const char* name : {"exp.default", "exp_.default", "add.Tensor", "mul.Scalar",
                             "rsub.Scalar", "pow.Tensor_Scalar", "pow.Scalar", "where.self",
                             "clamp.default", "gelu.default", "eq.Scalar", "maximum.default"})
        EXPECT_TRUE(std::ranges::find(names, name) != names.end()) << name;
}

// Hooks that keep what they are given.
class KeepingHooks final : public SavedTensorHooks {
public:
    KeepingHooks() { saved_tensor_hooks = this; }
    ~KeepingHooks() { saved_tensor_hooks = nullptr; }
    std::unique_ptr<PackedTensor> pack(const Tensor& t) override {
        class Kept final : public PackedTensor {
        public:
            explicit Kept(Tensor t) : t_(std::move(t)) {}
            Tensor unpack() const override { return t_; }

        private:
            Tensor t_;
        };
        ++count;
        return std::make_unique<Kept>(detach(t));
    }
    int count = 0;
};

// The gradient of sum(sin(f(x))) where f is recorded again for x from what it was for `then`.
template <class F>
Tensor gradient_again(F f, const Tensor& then, const Tensor& x) {
    KeepingHooks hooks;
    std::unique_ptr<Replay> replay;
    {
        const Tensor inputs[] = {then};
        Notes notes(inputs);
        const Tensor results[] = {f(then)};
        replay = notes.finish(results);
    }
    EXPECT_TRUE(replay);
    const int count = std::exchange(hooks.count, 0);
    const Tensor inputs[] = {x};
    const Tensor y = replay->play(inputs)[0];
    EXPECT_EQ(hooks.count, count);
    backward(sum_all(sin(y)));
    return gradient_of(x);
}

TEST(Replay, HasTheHistoryOfTheOperation) {
    const auto check = [](auto f) {
        const Tensor value = tensor({0.5, 1, 1.5, 2}, {2, 2});
        const Tensor plain = leaf(value);
        backward(sum_all(sin(f(plain))));
        EXPECT_EQ(values(gradient_again(f, leaf(value), leaf(value))), values(gradient_of(plain)));
    };
    check([](const Tensor& x) { return exp(x); });
    check([](const Tensor& x) { return mul(x, x); });
    check([](const Tensor& x) { return pow(x, 3); });
    check([](const Tensor& x) { return mm(x, x); });
    check([](const Tensor& x) { return layer_norm(x, {2}); });
    check([](const Tensor& x) { return softmax(x, 0); });
    check([](const Tensor& x) { return linear(exp(x), x); });  // several nodes
}

TEST(Replay, ViewsAndWritesRunAgain) {
    const Tensor x = tensor({1, 2});
    const Tensor inputs[] = {x};
    KeepingHooks hooks;
    {
        Notes notes(inputs);
        const Tensor results[] = {unsqueeze(x, 0)};
        EXPECT_FALSE(notes.finish(results));
    }
    Notes notes(inputs);
    Tensor written = x;
    const Tensor results[] = {zero_(written)};
    EXPECT_FALSE(notes.finish(results));
}

}  // namespace
}  // namespace wg::test
