// Loops without the lock: what others do meanwhile. Here another thread runs a function whenever the lock is given up, so
// that what they do happens during the loop; at the end threads with a lock as Python has it, for the thread sanitizer.
#include <sys/wait.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "base/free_list.h"
#include "cpu/thread_pool.h"
#include "ops/elementwise.h"
#include "support.h"
#include "tensor/unlocked.h"

namespace wg::test {
namespace {

std::function<void()> meanwhile;
int given_up = 0, taken_back = 0;

class Unlocking : public testing::Test {
protected:
    void SetUp() override {
        given_up = taken_back = 0;
        lock_provider = {[]() noexcept -> void* {
                             ++given_up;
                             if (const auto f = std::exchange(meanwhile, {})) std::thread(f).join();
                             return &given_up;
                         },
                         [](void*) noexcept { ++taken_back; }};
    }
    void TearDown() override {
        lock_provider = {};
        meanwhile = {};
        EXPECT_EQ(given_up, taken_back);
    }
};

constexpr int64_t kSide = 1100;  // of a matrix that loops take long over
Tensor matrix() {
    static const Tensor numbers = [] {
        std::mt19937 rng(5);
        return random({kSide, kSide}, rng, 0.5, 1.5, DType::Float32);
    }();
    const Tensor copy = empty(Dims{kSide, kSide}, DType::Float32);
    std::copy_n(numbers.data<float>(), kSide * kSide, copy.mutable_data<float>());
    return copy;
}

using Operation = std::function<Tensor(const Tensor&)>;
struct Named {
    const char* name;
    Operation f;
};
std::vector<Named> operations() {
    return {
        {"sin", [](const Tensor& x) { return sin(x); }},
        {"mul", [](const Tensor& x) { return mul(x, x); }},
        {"mul of a column", [](const Tensor& x) { return mul(x, narrow(x, 1, 0, 1)); }},
        {"prod", [](const Tensor& x) { return prod(x, 0); }},
        {"cumprod", [](const Tensor& x) { return cumprod(x, 0); }},
        {"var", [](const Tensor& x) { return var(x, Dims{0}); }},
        {"std", [](const Tensor& x) { return std_deviation(x, Dims{0}); }},
        {"norm", [](const Tensor& x) { return norm_over(x, Scalar(3), {0}); }},
        {"logsumexp", [](const Tensor& x) { return logsumexp(x, {0}); }},
        {"amax", [](const Tensor& x) { return amax(x, Dims{0}); }},
        {"glu", [](const Tensor& x) { return glu(x, 0); }},
        {"mse_loss", [](const Tensor& x) { return mse_loss(x, zeros_like(x)); }},
        {"mm", [](const Tensor& x) { return mm(x, x); }},
    };
}

TEST_F(Unlocking, MemoryTakenAwayMeanwhileLastsUntilTheEnd) {
    const std::vector<std::function<void(const Tensor&)>> ways = {
        [](const Tensor& x) {
            Tensor t = x;
            set_(t);
        },
        [](const Tensor& x) { x->storage->resize(x->storage->capacity * 2); },
        [](const Tensor& x) { x->storage->share(); },
    };
    // One that is told another shape in the middle of several loops may go on with that.
    const std::string_view of_one_loop = "sin mul mm";
    for (const Named& op : operations())
        for (const auto& take_away : ways) {
            if (&take_away == &ways[0] && of_one_loop.find(op.name) == of_one_loop.npos) continue;
            const GradMode off(false);
            const Values expected = values(op.f(matrix()));
            const Tensor x = matrix();
            std::vector<Tensor> reused;
            meanwhile = [&] {
                const GradMode off(false);
                take_away(x);
                for (int i = 0; i < 4; ++i) {
                    reused.push_back(empty(Dims{kSide, kSide}, DType::Float32));
                    std::fill_n(reused.back().mutable_data<float>(), kSide * kSide, -1.0f);
                }
            };
            EXPECT_EQ(values(op.f(x)), expected) << op.name;
            EXPECT_FALSE(meanwhile) << op.name;
        }
}

TEST_F(Unlocking, BuffersOfLazyTensorsLastUntilTheEnd) {
    const GradMode off(false);
    const Values expected = values(neg(matrix()));
    const Tensor x = neg_view(matrix());
    const float* const read = x.data<float>();
    std::vector<Tensor> reused;
    meanwhile = [&] {
        const GradMode off(false);
        Tensor t = x;
        set_tensor_(t, neg_view(cat({matrix(), matrix()})));
        EXPECT_NE(t.data<float>(), read);  // its values need a larger buffer
        for (int i = 0; i < 4; ++i) {
            reused.push_back(empty(Dims{kSide, kSide}, DType::Float32));
            std::fill_n(reused.back().mutable_data<float>(), kSide * kSide, 1.0f);
        }
    };
    const Unlocked loop(true);
    EXPECT_FALSE(meanwhile);
    EXPECT_EQ(Values(read, read + kSide * kSide), expected);
}

TEST_F(Unlocking, AForkedChildKeepsNothingForLoopsOfItsParent) {
    if (!kReusesMemory) GTEST_SKIP();
    bool reused = false;
    meanwhile = [&] {
        const pid_t child = fork();
        if (child == 0) {
            Tensor t = matrix();
            const void* const given_up = t.raw();
            set_(t);
            _exit(matrix().raw() == given_up ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        reused = status == 0;
    };
    exp(matrix());
    EXPECT_TRUE(reused);
}

TEST_F(Unlocking, WhatOthersFreeIsUsedAgainAtOnce) {
    const void *first = nullptr, *second = nullptr;
    meanwhile = [&] {
        first = matrix().raw();
        second = matrix().raw();
    };
    exp(matrix());
    EXPECT_NE(first, nullptr);
    if (kReusesMemory) {
        EXPECT_EQ(first, second);
    }
}

TEST_F(Unlocking, GradientsOfLeavesAreAddedToWithTheLock) {
    const Tensor x = leaf(matrix());
    const Tensor g = matrix();
    for (int i = 0; i < 3; ++i) {
        const Tensor roots[] = {x}, seeds[] = {g};
        given_up = taken_back = 0;
        run_backward(roots, seeds, std::span<const Tensor>(), {});
        EXPECT_EQ(given_up, 0);
    }
    EXPECT_FLOAT_EQ(float(element(gradient_of(x), {1, 2})), 3 * float(element(g, {1, 2})));
}

TEST_F(Unlocking, RetainedGradientsAreAddedToWithTheLock) {
    const Tensor y = mul(leaf(matrix()), 1.0), g = matrix();
    const Tensor roots[] = {y}, seeds[] = {g}, inputs[] = {y};
    for (int i = 0; i < 3; ++i) {
        given_up = taken_back = 0;
        run_backward(roots, seeds, inputs, {.retain_graph = true});
        EXPECT_EQ(given_up, 0);
    }
    EXPECT_FLOAT_EQ(float(element(gradient_of(y), {1, 2})), 3 * float(element(g, {1, 2})));
}

TEST_F(Unlocking, ShortLoopsAndThoseThatIndicesLeadKeepIt) {
    const Tensor t = matrix(), few = narrow(t, 0, 0, 1);
    given_up = taken_back = 0;
    const GradMode off(false);
    sum(exp(few));
    clone(few);
    softmax(few, 1);
    cumsum(few, 1);
    EXPECT_EQ(given_up, 0);
    Tensor places = empty(Dims{kSide, kSide}, DType::Int64);
    std::fill_n(places.mutable_data<int64_t>(), kSide * kSide, 7);
    gather(t, 0, places);
    take(t, places);
    EXPECT_EQ(given_up, 0);
}

TEST_F(Unlocking, OneLongRowGivesItUpToo) {
    const Tensor row = reshape(matrix(), {1, kSide * kSide});
    const GradMode off(false);
    for (const auto& f : std::vector<Operation>{[](const Tensor& x) { return softmax(x, 1); },
                                                [](const Tensor& x) { return cumsum(x, 1); },
                                                [](const Tensor& x) { return sum(x); },
                                                [](const Tensor& x) { return neg(x); }}) {
        given_up = taken_back = 0;
        f(row);
        EXPECT_GT(given_up, 0);
    }
}

TEST_F(Unlocking, HoweverLoopsNestItIsGivenUpOnce) {
    {
        const Unlocked outer(true);
        {
            const Unlocked inner(true);
        }
        parallel_for(0, 100, 1, [](int64_t, int64_t) {});
        EXPECT_EQ(given_up, 1);
        EXPECT_EQ(taken_back, 0);
    }
    EXPECT_EQ(taken_back, 1);
}

TEST_F(Unlocking, AnExceptionTakesItBack) {
    EXPECT_THROW(parallel_for(0, 100, 1, [](int64_t, int64_t) { throw std::runtime_error("no"); }),
                 std::runtime_error);
    EXPECT_EQ(given_up, 1);
    EXPECT_EQ(taken_back, 1);
    parallel_for(0, 100, 1, [](int64_t, int64_t) {});
    EXPECT_EQ(taken_back, 2);
}

// Of several threads.
std::mutex lock;

TEST(Unlocked, ThreadsThatShareTensors) {
    lock_provider = {[]() noexcept -> void* {
                         lock.unlock();
                         return &lock;
                     },
                     [](void*) noexcept { lock.lock(); }};
    constexpr int kThreads = 4, kRounds = 3;
    lock.lock();
    const Tensor w = leaf(matrix()), x = matrix();
    const auto loss = [&] {
        const Tensor h = tanh(mm(x, w));
        return sum(mul(softmax(h, 1), cat({narrow(h, 0, 100, kSide - 100), narrow(w, 0, 0, 100)})));
    };
    backward(loss());
    const Values once = values(gradient_of(w));
    set_grad(w, {});
    lock.unlock();
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            const std::lock_guard held(lock);
            Tensor own = matrix();
            for (int k = 0; k < kRounds; ++k) {
                if (i == 0)  // its temporaries go while loops of others run
                    for (int j = 0; j < 3; ++j)
                        elementwise_(Op::mul, own, std::initializer_list<Arg>{own, Scalar(0.5)});
                backward(loss());
            }
        });
    for (std::thread& t : threads) t.join();
    lock.lock();
    const Values all = values(gradient_of(w));
    for (size_t i = 0; i < all.size(); ++i)
        ASSERT_NEAR(all[i], once[i] * kThreads * kRounds, 1e-3 + 1e-3 * std::fabs(all[i]));
    lock.unlock();
    lock_provider = {};
}

}  // namespace
}  // namespace wg::test
