// Random numbers against PyTorch 2.13: values it printed, and hashes of the bytes it filled.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cpu/random.h"
#include "cpu/random_kernels.h"
#include "dispatch/isa.h"
#include "tensor/dtype.h"

namespace wg {
WG_DECLARE_PER_ISA(const random_impl::RandomKernels& random_kernels();)
}

namespace {

using wg::BFloat16;
using wg::Generator;
using wg::Half;

// FNV-1a.
uint64_t hash_bytes(const void* data, size_t n) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; ++i) h = (h ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
    return h;
}

// bool has no vector of its own.
template <class T>
struct Buffer {
    explicit Buffer(size_t n) : size(n), data(new T[n]()) {}
    T operator[](size_t i) const { return data[i]; }
    size_t size;
    std::unique_ptr<T[]> data;
};

// What fill(out, n, generator) makes of n elements after seed 1.
template <class T, class F>
Buffer<T> filled(int64_t n, F fill) {
    Generator g(1);
    Buffer<T> out(n);
    fill(out.data.get(), n, g);
    return out;
}
// Its hash for 1003 elements: more than a block, a twist and a chunk, and no multiple of any.
template <class T, class F>
uint64_t hash_of(F fill) {
    const Buffer<T> out = filled<T>(1003, fill);
    return hash_bytes(out.data.get(), out.size * sizeof(T));
}

// Through functions of the C library, whose last bit varies.
template <class T>
void expect_close(const Buffer<T>& got, std::vector<double> want, double tolerance) {
    ASSERT_EQ(got.size, want.size());
    for (size_t i = 0; i < want.size(); ++i)
        EXPECT_NEAR(double(wg::compute_type<T>(got[i])), want[i], std::abs(want[i]) * tolerance)
            << i;
}

std::vector<uint8_t> state_of(const Generator& g) {
    std::vector<uint8_t> state(Generator::kStateBytes);
    g.get_state(state.data());
    return state;
}

TEST(Generator, IsTheMersenneTwister) {
    Generator g(5489);
    std::mt19937 reference(5489);
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(g.random(), reference()) << i;
    std::vector<uint32_t> some(2000);
    for (int n : {0, 1, 5, 623, 624, 625, 1500}) {
        g.draw(some.data(), n);
        for (int i = 0; i < n; ++i) ASSERT_EQ(some[i], reference());
    }
    const uint64_t high = reference();
    EXPECT_EQ(g.random64(), high << 32 | reference());
}

TEST(Generator, Seeds) {
    const auto first = [](uint64_t seed) { return int64_t(Generator(seed).random64()); };
    EXPECT_EQ(first(0), -8322921849960486353);
    EXPECT_EQ(first(1), 7692698082559361259);
    EXPECT_EQ(first(uint64_t(-1)), 1800993050274709794);
    EXPECT_EQ(first(uint64_t(1) << 63), first(0));  // only 32 bits reach the state
    EXPECT_EQ(first(1234567890123), 4204944615264807030);
    EXPECT_EQ(Generator().initial_seed(), 67280421310721u);
    EXPECT_EQ(Generator(uint64_t(-1)).initial_seed(), uint64_t(-1));
    Generator a, b;
    EXPECT_NE(a.seed(), b.seed());
    EXPECT_EQ(Generator(a.initial_seed()).random64(), a.random64());
}

// Every kind of call in one stream; the second number of a pair of normals waits across the others.
TEST(Generator, StateHasPyTorchsBytes) {
    Generator g(0);
    EXPECT_EQ(hash_bytes(state_of(g).data(), g.kStateBytes), 0xd383c07ab3df60e4);
    g.manual_seed(123);
    float f[20];
    double d[2];
    int64_t n[3];
    wg::fill_normal(f, 3, 0, 1, g);
    EXPECT_NEAR(f[0], -0.11146711558103561, 1e-7);
    EXPECT_NEAR(f[2], -0.3696345090866089, 1e-7);
    wg::fill_uniform(f, 2, 0, 1, g);
    EXPECT_EQ(f[0], 0.18405646085739136f);
    EXPECT_EQ(f[1], 0.7264467477798462f);
    wg::fill_normal(d, 2, 0, 1, g);
    EXPECT_NEAR(d[0], -0.24041797675874255, 1e-15);
    EXPECT_NEAR(d[1], -1.350102785483954, 1e-15);
    wg::fill_random_range(n, 3, 0, 7, g);
    EXPECT_EQ((std::vector<int64_t>(n, n + 3)), (std::vector<int64_t>{6, 6, 4}));
    wg::fill_normal(f, 20, 0, 1, g);
    EXPECT_EQ(f[18], -1.7018303871154785f);
    EXPECT_EQ(f[19], -0.7498023509979248f);
    wg::fill_normal(f, 1, 0, 1, g);
    EXPECT_NEAR(f[0], -0.1880965530872345, 1e-7);
    wg::fill_normal(f, 1, 0, 1, g);
    EXPECT_NEAR(f[0], -0.7817869186401367, 1e-7);
    // The bytes but for the cached normal number, which came through the C library.
    std::vector<uint8_t> state = state_of(g);
    double cached;
    std::memcpy(&cached, &state[5024], 8);
    EXPECT_NEAR(cached, -0.22890507536770088, 1e-15);
    EXPECT_EQ(state[5040], 1);
    std::memset(&state[5024], 0, 8);
    EXPECT_EQ(hash_bytes(state.data(), state.size()), 0x4ed21d8b8c1c56b2);
}

TEST(Generator, ContinuesFromASavedState) {
    for (int draws : {0, 1, 623, 624, 625}) {
        Generator g(42);
        for (int i = 0; i < draws; ++i) g.random();
        g.normal();
        const std::vector<uint8_t> state = state_of(g);
        Generator other;
        other.set_state(state.data(), state.size());
        EXPECT_EQ(state_of(other), state);
        EXPECT_EQ(other.initial_seed(), 42u);
        for (int i = 0; i < 5; ++i) EXPECT_EQ(other.normal(), g.normal());
        for (int i = 0; i < 1000; ++i) ASSERT_EQ(other.random(), g.random());
    }
    // Seeding forgets the second normal number of a pair.
    Generator g(7);
    const double first = g.normal();
    g.manual_seed(7);
    EXPECT_EQ(g.normal(), first);
}

TEST(Generator, RefusesWhatIsNoState) {
    Generator g(3);
    const std::vector<uint8_t> good = state_of(g);
    const auto refused = [&](const std::vector<uint8_t>& state) {
        try {
            g.set_state(state.data(), state.size());
            return std::string();
        } catch (const wg::Error& e) {
            return std::string(e.what());
        }
    };
    EXPECT_EQ(refused(good), "");
    EXPECT_EQ(refused(std::vector<uint8_t>(10)),
              "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to "
              "be 10");
    for (auto [offset, value] : {std::pair{8, 0}, {9, 255}, {12, 0}, {17, 255}}) {
        std::vector<uint8_t> bad = good;
        bad[offset] = uint8_t(value);
        EXPECT_EQ(refused(bad), "Invalid mt19937 state") << offset;
    }
    EXPECT_EQ(state_of(g), good);
    // `left` and `next` that contradict each other never lead outside the state.
    std::vector<uint8_t> odd = good;
    odd[8] = 200;
    odd[16] = 0x6e;
    odd[17] = 2;
    EXPECT_EQ(refused(odd), "");
    for (int i = 0; i < 1000; ++i) g.random();
}

TEST(Random, DefaultGeneratorIsOne) {
    EXPECT_EQ(&wg::default_generator(), &wg::default_generator());
}

TEST(Random, Uniform) {
    const auto fill = [](auto* out, int64_t n, Generator& g) {
        wg::fill_uniform(out, n, -2, 5, g);
    };
    EXPECT_EQ(hash_of<float>(fill), 0xbdfca991617c8ba6);
    EXPECT_EQ(hash_of<double>(fill), 0x3d56641dea7479ef);
    EXPECT_EQ(hash_of<Half>(fill), 0x538f690083d340ec);
    EXPECT_EQ(hash_of<BFloat16>(fill), 0x55ccf6e163cb5756);
}

// A coarse type rounds some values up to the excluded end; they become the other one.
TEST(Random, UniformExcludesItsEnd) {
    const auto fill = [](auto* out, int64_t n, Generator& g) {
        wg::fill_uniform(out, n, 100, 101, g);
    };
    const Buffer<BFloat16> x = filled<BFloat16>(10000, fill);
    std::set<float> values;
    for (size_t i = 0; i < x.size; ++i) values.insert(float(x[i]));
    EXPECT_EQ(values, (std::set<float>{100, 100.5}));
}

TEST(Random, NormalInBlocks) {
    const auto fill = [](auto* out, int64_t n, Generator& g) {
        wg::fill_normal(out, n, 0.25, 3, g);
    };
    EXPECT_EQ(hash_of<float>(fill), 0xcdf2ee8269de3663);
    EXPECT_EQ(hash_of<Half>(fill), 0x1c299a79995fd9a0);
    EXPECT_EQ(hash_of<BFloat16>(fill), 0x1ffd544ada04ce1f);
    const Buffer<double> x = filled<double>(1003, fill);
    Buffer<double> some(7);
    for (int i = 0; size_t at : {0, 8, 500, 985, 986, 987, 1002}) some.data[i++] = x[at];
    expect_close(some,
                 {-0.6838686625700963, -0.26169032295176176, -1.4298187512751412,
                  -0.10281475078584124, -4.42167043942341, -4.514790391135337, 4.904297610436822},
                 1e-14);
}

TEST(Random, NormalOneByOne) {
    const std::vector<double> want{2.234056514711357, 1.0507722948775564, 0.4350317747120449,
                                   2.1139519860562648, -1.1057178941116488};
    const auto fill = [](auto* out, int64_t n, Generator& g) {
        wg::fill_normal(out, n, 0.25, 3, g);
    };
    expect_close(filled<double>(5, fill), want, 1e-14);
    expect_close(filled<float>(5, fill), want, 1e-7);
    expect_close(filled<Half>(5, fill), want, 1e-3);
    expect_close(filled<BFloat16>(5, fill), want, 8e-3);
    // Asked for, it also fills what blocks would.
    const Buffer<double> many = filled<double>(40, [](double* out, int64_t n, Generator& g) {
        wg::fill_normal_serial(out, n, 0.25, 3, g);
    });
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(many[i], want[i], 1e-14);
}

TEST(Random, OtherContinuous) {
    expect_close(
        filled<double>(
            4, [](double* o, int64_t n, Generator& g) { wg::fill_exponential(o, n, 1.5, g); }),
        {0.04199769131603476, 0.16954505636340902, 0.17793521083895616, 0.12994643570282155},
        1e-14);
    expect_close(
        filled<double>(
            4, [](double* o, int64_t n, Generator& g) { wg::fill_log_normal(o, n, .5, .75, g); }),
        {2.7074686711161857, 2.0141415477318474, 1.7267792076898172, 2.6273822190276612}, 1e-14);
    expect_close(
        filled<double>(4,
                       [](double* o, int64_t n, Generator& g) { wg::fill_cauchy(o, n, .5, 2, g); }),
        {-9.799098584794027, -1.8483464260586868, -1.7083671446697752, -2.715903526277646}, 1e-14);
    expect_close(filled<int64_t>(12, [](int64_t* o, int64_t n,
                                        Generator& g) { wg::fill_geometric(o, n, .2, g); }),
                 {13, 7, 7, 8, 3, 10, 4, 2, 3, 4, 4, 5}, 0);
}

TEST(Random, IntegersWithoutBounds) {
    const auto fill = [](auto* out, int64_t n, Generator& g) { wg::fill_random(out, n, g); };
    EXPECT_EQ(hash_of<uint8_t>(fill), 0xe2ca0ea03ae26a1b);
    EXPECT_EQ(hash_of<int8_t>(fill), 0x4e415a5e8475fc9b);
    EXPECT_EQ(hash_of<int16_t>(fill), 0x289a5d817fd1989e);
    EXPECT_EQ(hash_of<int32_t>(fill), 0x7094e1d98c27c7cf);
    EXPECT_EQ(hash_of<int64_t>(fill), 0x0e590187d6b230bb);
    EXPECT_EQ(hash_of<bool>(fill), 0x178b413532488d59);
    EXPECT_EQ(hash_of<Half>(fill), 0x600b003c9fcd96d7);
    EXPECT_EQ(hash_of<BFloat16>(fill), 0x2874c20e0e104e87);
    EXPECT_EQ(hash_of<float>(fill), 0x9fb617e06c96651f);
    EXPECT_EQ(hash_of<double>(fill), 0x457b3810e29e827e);
}

TEST(Random, IntegersInARange) {
    const auto hash = [](int64_t from, int64_t to) {
        return hash_of<int64_t>([=](int64_t* out, int64_t n, Generator& g) {
            wg::fill_random_range(out, n, from, uint64_t(to) - uint64_t(from), g);
        });
    };
    const int64_t limit = int64_t(1) << 28;  // from here on 64 bits are drawn
    EXPECT_EQ(hash(0, 10), 0x5537f17bf3a3f92d);
    EXPECT_EQ(hash(-100, 100), 0x539e3fd2f6b4ab93);
    EXPECT_EQ(hash(0, limit - 1), 0xfb92f8131eecf254);
    EXPECT_EQ(hash(-5, limit - 5), 0xcc4e96fd308eb7f5);
    EXPECT_EQ(hash(-(int64_t(1) << 40), int64_t(1) << 41), 0x80fd0d56dfe44028);
    EXPECT_EQ(hash(INT64_MIN, INT64_MIN), 0xfbfe26d8038679bb);  // all of int64
}

TEST(Random, Bernoulli) {
    const auto fill = [](auto* out, int64_t n, Generator& g) {
        wg::fill_bernoulli(out, n, 0.3, g);
    };
    EXPECT_EQ(hash_of<float>(fill), 0xfb658ef94cae5d38);
    EXPECT_EQ(hash_of<bool>(fill), 0x10560b48dd6a70e0);
    for (double p : {0.0, 1.0}) {
        const auto all = filled<uint8_t>(
            5000, [p](uint8_t* out, int64_t n, Generator& g) { wg::fill_bernoulli(out, n, p, g); });
        EXPECT_EQ(std::accumulate(all.data.get(), all.data.get() + all.size, 0), int(5000 * p));
    }
}

template <class P>
uint64_t bernoulli_of_probabilities() {
    std::vector<P> p;
    for (int i = 0; i < 1003; ++i) p.push_back(P(float(i % 11) / 16));
    return hash_of<uint8_t>(
        [&](uint8_t* out, int64_t n, Generator& g) { wg::fill_bernoulli(out, p.data(), n, g); });
}

TEST(Random, BernoulliOfProbabilities) {
    EXPECT_EQ(bernoulli_of_probabilities<float>(), 0x343830b2f041a614);
    EXPECT_EQ(bernoulli_of_probabilities<double>(), 0xacbedd0ffcf3c3cd);
    EXPECT_EQ(bernoulli_of_probabilities<Half>(), 0x343830b2f041a614);
    EXPECT_EQ(bernoulli_of_probabilities<BFloat16>(), 0x343830b2f041a614);
}

TEST(Random, Permutation) {
    const auto fill = [](auto* out, int64_t n, Generator& g) { wg::fill_randperm(out, n, g); };
    EXPECT_EQ(hash_of<int64_t>(fill), 0xb62d5520378bb157);
    const std::vector<double> ten{5, 6, 1, 2, 0, 8, 9, 3, 7, 4};
    expect_close(filled<int64_t>(10, fill), ten, 0);
    expect_close(filled<uint8_t>(10, fill), ten, 0);
    expect_close(filled<Half>(10, fill), ten, 0);
    EXPECT_EQ(filled<int64_t>(1, fill)[0], 0);
    filled<int64_t>(0, fill);
}

template <class T>
std::vector<int64_t> multinomial(int64_t samples, bool replacement) {
    std::vector<T> weights;
    for (float w : {1, 2, 3, 4, 0, 5, 6, 1, 0, 2, 2, 2}) weights.push_back(T(w));
    std::vector<int64_t> out(2 * samples);
    Generator g(1);
    wg::fill_multinomial(out.data(), weights.data(), 2, 6, samples, replacement, g);
    return out;
}

TEST(Random, Multinomial) {
    const std::vector<int64_t> four{5, 3, 0, 2, 0, 5, 3, 4};
    EXPECT_EQ(multinomial<float>(4, false), four);
    EXPECT_EQ(multinomial<double>(4, false), four);
    EXPECT_EQ(multinomial<Half>(4, false), four);
    EXPECT_EQ(multinomial<BFloat16>(4, false), four);
    EXPECT_EQ(multinomial<float>(1, false), (std::vector<int64_t>{5, 0}));
    EXPECT_EQ(multinomial<float>(1, true), (std::vector<int64_t>{5, 0}));
    EXPECT_EQ(multinomial<float>(8, true),
              (std::vector<int64_t>{0, 2, 2, 1, 3, 1, 3, 5, 3, 1, 1, 0, 4, 0, 0, 0}));
}

TEST(Random, MultinomialRefusesBadWeights) {
    Generator g(1);
    int64_t out[4];
    for (bool replacement : {false, true})
        for (float bad : {-1.0f, std::numeric_limits<float>::infinity(), std::nanf(""), 0.0f}) {
            const float weights[] = {0, bad};
            EXPECT_THROW(wg::fill_multinomial(out, weights, 1, 2, 2, replacement, g), wg::Error)
                << bad;
        }
}

// The tables of all instruction sets that the machine can run give the same bits.
TEST(Random, InstructionSetsAgree) {
    std::vector<const wg::random_impl::RandomKernels*> tables;
    WG_IF_AVX2(if (wg::best_isa() >= wg::Isa::Avx2) tables.push_back(&wg::avx2::random_kernels());)
    WG_IF_AVX512(if (wg::best_isa() >= wg::Isa::Avx512)
                     tables.push_back(&wg::avx512::random_kernels());)
    const auto run = [](const wg::random_impl::RandomKernels& k) {
        std::vector<uint32_t> words(624);
        std::mt19937 seed(9);
        for (uint32_t& w : words) w = seed();
        k.twist(words.data());
        std::vector<uint32_t> bits(624);
        k.temper(words.data(), bits.data(), 624);
        std::vector<float> f(624);
        std::vector<double> d(312);
        for (int n : {0, 1, 7, 8, 9, 17, 624}) k.uniform_float(bits.data(), f.data(), n, -1.5f, 3);
        k.uniform_double(bits.data(), d.data(), 312, -1.5, 3);
        std::vector<float> normal(624);
        k.uniform_float(bits.data(), normal.data(), 624, 0, 1);
        // The ends of the interval: log 1 = 0, the largest radius, an angle of 0 and nearly 2 pi.
        normal[0] = 0;
        normal[1] = normal[9] = 1 - 0x1p-24f;
        normal[8] = 0;
        k.box_muller(normal.data(), 39, 0.5f, 2);
        EXPECT_EQ(normal[0], 0.5f);
        EXPECT_NEAR(normal[1], 0.5 + 2 * 5.76808, 1e-4);
        uint64_t h =
            hash_bytes(words.data(), words.size() * 4) ^ hash_bytes(bits.data(), bits.size() * 4);
        return h ^ hash_bytes(f.data(), f.size() * 4) ^ hash_bytes(d.data(), d.size() * 8) ^
               hash_bytes(normal.data(), normal.size() * 4);
    };
    const uint64_t baseline = run(wg::baseline::random_kernels());
    for (const auto* table : tables) EXPECT_EQ(run(*table), baseline);
}

}  // namespace
