// The generator and the fill functions. Draws are made in order in chunks that stay in cache; the
// loops over a chunk are in random_loops.isa.cpp.
#include "cpu/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cpu/random_kernels.h"
#include "dispatch/isa.h"
#include "tensor/dtype.h"

namespace wg {

WG_DECLARE_PER_ISA(const random_impl::RandomKernels& random_kernels();)

namespace {

using random_impl::kNormalBlock;
using random_impl::kStateWords;
using random_impl::RandomKernels;

const RandomKernels& kernels = WG_BEST_ISA(random_kernels)();

constexpr double kTwoPi = 2 * std::numbers::pi;

constexpr uint64_t kMask53 = (uint64_t(1) << 53) - 1;
double uniform53(uint64_t bits) { return double(int64_t(bits & kMask53)) * 0x1p-53; }
float uniform24(uint32_t bits) { return float(bits & 0xffffffu) * 0x1p-24f; }
uint64_t join(const uint32_t* pair) { return uint64_t(pair[0]) << 32 | pair[1]; }

template <class T>
inline constexpr bool is_half_type = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// The element type's value of a number.
template <class T>
T to_element(double x) {
    if constexpr (is_half_type<T>) {
        return T(float(x));
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        return T(int64_t(x));
    } else {
        return T(x);
    }
}
template <class T>
T to_element(int64_t x) {
    if constexpr (is_half_type<T>) return T(float(x));
    else return T(x);
}
template <class T>
compute_type<T> from_element(T x) {
    return compute_type<T>(x);
}

constexpr int64_t kChunk = 1024;  // elements; a whole number of blocks of normal numbers
static_assert(kChunk % kNormalBlock == 0);

// Calls f(bits, i, count) for consecutive ranges [i, i + count) of [0, n), Words draws an element.
template <int Words, class F>
void for_chunks(int64_t n, Generator& g, F f) {
    uint32_t bits[kChunk * Words];
    for (int64_t i = 0; i < n; i += kChunk) {
        const int64_t count = std::min(kChunk, n - i);
        g.draw(bits, count * Words);
        f(bits, i, count);
    }
}

// out[i] = f(u) with u uniform over [0, 1), of 53 bits.
template <class T, class F>
void fill_from_uniform53(T* out, int64_t n, Generator& g, F f) {
    for_chunks<2>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = 0; j < count; ++j)
            out[i + j] = to_element<T>(f(uniform53(join(bits + 2 * j))));
    });
}

// PyTorch's state, byte for byte.
struct State {
    uint64_t seed;
    int32_t left;  // draws up to and including the one that twists
    int32_t seeded;
    uint64_t next;
    uint64_t words[kStateWords];
    double unused_x;
    double normal;
    double unused_rho;
    int32_t normal_valid;
    int32_t padding;
    float float_normal;
    bool float_normal_valid;
    uint8_t end_padding[3];
};
static_assert(sizeof(State) == Generator::kStateBytes);

}  // namespace

// ---- Generator ----------------------------------------------------------------------------------

void Generator::manual_seed(uint64_t seed) {
    seed_ = seed;
    words_[0] = uint32_t(seed);
    for (uint32_t i = 1; i < kStateWords; ++i)
        words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
    unread_ = next_ = 0;
    cached_normal_.reset();
    cached_float_normal_.reset();
}

uint64_t Generator::seed() {
    std::random_device entropy;
    const uint64_t high = entropy();
    manual_seed(high << 32 | entropy());
    return seed_;
}

void Generator::twist() {
    kernels.twist(words_);
    unread_ = kStateWords;
    next_ = 0;
}

uint32_t Generator::random() {
    if (unread_ == 0) twist();
    --unread_;
    return random_impl::temper_word(words_[next_++]);
}

void Generator::draw(uint32_t* out, int64_t n) {
    while (n > 0) {
        if (unread_ == 0) twist();
        const int count = int(std::min<int64_t>(n, unread_));
        kernels.temper(words_ + next_, out, count);
        next_ += count;
        unread_ -= count;
        out += count;
        n -= count;
    }
}

double Generator::uniform() { return uniform53(random64()); }

double Generator::normal() {
    if (cached_normal_) return *std::exchange(cached_normal_, std::nullopt);
    const double angle = kTwoPi * uniform();
    const double radius = std::sqrt(-2 * std::log1p(-uniform()));
    cached_normal_ = radius * std::sin(angle);
    return radius * std::cos(angle);
}

void Generator::get_state(uint8_t* out) const {
    State s{};
    s.seed = seed_;
    s.left = unread_ + 1;
    s.seeded = 1;
    s.next = uint64_t(next_);
    std::copy(words_, words_ + kStateWords, s.words);
    s.normal = cached_normal_.value_or(0);
    s.normal_valid = cached_normal_.has_value();
    s.float_normal = cached_float_normal_.value_or(0);
    s.float_normal_valid = cached_float_normal_.has_value();
    std::memcpy(out, &s, sizeof s);
}

void Generator::set_state(const uint8_t* state, size_t nbytes) {
    WG_CHECK(nbytes == kStateBytes, "Expected a CPUGeneratorImplState of size ", kStateBytes,
             " but found the input RNG state size to be ", nbytes);
    State s;
    // The bool apart, since a bool must not hold any byte but 0 and 1.
    std::memcpy(&s, state, offsetof(State, float_normal_valid));
    s.float_normal_valid = state[offsetof(State, float_normal_valid)] != 0;
    const uint64_t unread = uint64_t(s.left) - 1;
    WG_CHECK(s.seeded == 1 && unread < uint64_t(kStateWords) && s.next <= kStateWords,
             "Invalid mt19937 state");
    seed_ = s.seed;
    // Words behind the last are never read, whatever the state claims.
    unread_ = std::min(int(unread), kStateWords - int(s.next));
    next_ = int(s.next);
    for (int i = 0; i < kStateWords; ++i) words_[i] = uint32_t(s.words[i]);
    cached_normal_ = s.normal_valid ? std::optional(s.normal) : std::nullopt;
    cached_float_normal_ = s.float_normal_valid ? std::optional(s.float_normal) : std::nullopt;
}

Generator& default_generator() {
    static Generator& instance = *[] {
        auto* g = new Generator;
        g->seed();
        return g;
    }();
    return instance;
}

// ---- continuous distributions -------------------------------------------------------------------

template <class T>
void fill_uniform(T* out, int64_t n, double from, double to, Generator& g) {
    if constexpr (std::is_same_v<T, double>) {
        for_chunks<2>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
            kernels.uniform_double(bits, out + i, count, from, to);
        });
    } else if constexpr (std::is_same_v<T, float>) {
        for_chunks<1>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
            kernels.uniform_float(bits, out + i, count, float(from), float(to));
        });
    } else {
        const T first{float(from)}, end{float(to)};
        float buffer[kChunk];
        for_chunks<1>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
            kernels.uniform_float(bits, buffer, count, float(from), float(to));
            for (int64_t j = 0; j < count; ++j) {
                const T x{buffer[j]};
                out[i + j] = float(x) == float(end) ? first : x;
            }
        });
    }
}

namespace {

// Turns a block of uniform numbers into normal ones, each with the one half a block behind.
void box_muller(double* block, double mean, double std) {
    for (int i = 0; i < kNormalBlock / 2; ++i) {
        double& first = block[i];
        double& second = block[i + kNormalBlock / 2];
        const double radius = std::sqrt(-2 * std::log(1 - first));
        const double angle = kTwoPi * second;
        first = std::fma(radius * std::cos(angle), std, mean);
        second = std::fma(radius * std::sin(angle), std, mean);
    }
}

void box_muller_blocks(double* data, int64_t blocks, double mean, double std) {
    for (int64_t b = 0; b < blocks; ++b) box_muller(data + b * kNormalBlock, mean, std);
}
void box_muller_blocks(float* data, int64_t blocks, double mean, double std) {
    kernels.box_muller(data, blocks, float(mean), float(std));
}

// float and double. All elements are drawn, then the last 16 again when they do not end a block.
template <class T>
void fill_normal_blocks(T* out, int64_t n, double mean, double std, Generator& g) {
    const int64_t whole = n - n % kNormalBlock;
    for (int64_t i = 0; i < whole; i += kChunk) {
        const int64_t count = std::min(kChunk, whole - i);
        fill_uniform(out + i, count, 0, 1, g);
        box_muller_blocks(out + i, count / kNormalBlock, mean, std);
    }
    if (whole == n) return;
    fill_uniform(out + whole, n - whole, 0, 1, g);
    T* const last = out + n - kNormalBlock;
    fill_uniform(last, kNormalBlock, 0, 1, g);
    box_muller_blocks(last, 1, mean, std);
}

// Half types: only whole blocks are drawn, in float.
template <class T>
void fill_normal_blocks_half(T* out, int64_t n, double mean, double std, Generator& g) {
    float buffer[kChunk];
    const auto fill = [&](T* to, int64_t count) {
        fill_uniform(buffer, count, 0, 1, g);
        box_muller_blocks(buffer, count / kNormalBlock, mean, std);
        for (int64_t j = 0; j < count; ++j) to[j] = T(buffer[j]);
    };
    const int64_t whole = n - n % kNormalBlock;
    for (int64_t i = 0; i < whole; i += kChunk) fill(out + i, std::min(kChunk, whole - i));
    if (whole != n) fill(out + n - kNormalBlock, kNormalBlock);
}

}  // namespace

template <class T>
void fill_normal(T* out, int64_t n, double mean, double std, Generator& g) {
    if (n < kNormalBlock) {
        fill_normal_serial(out, n, mean, std, g);
    } else if constexpr (is_half_type<T>) {
        fill_normal_blocks_half(out, n, mean, std, g);
    } else {
        fill_normal_blocks(out, n, mean, std, g);
    }
}

template <class T>
void fill_normal_serial(T* out, int64_t n, double mean, double std, Generator& g) {
    for (int64_t i = 0; i < n; ++i) out[i] = to_element<T>(std::fma(g.normal(), std, mean));
}

template <class T>
void fill_log_normal(T* out, int64_t n, double mean, double std, Generator& g) {
    for (int64_t i = 0; i < n; ++i)
        out[i] = to_element<T>(std::exp(std::fma(g.normal(), std, mean)));
}

template <class T>
void fill_cauchy(T* out, int64_t n, double median, double sigma, Generator& g) {
    fill_from_uniform53(out, n, g, [=](double u) {
        return std::fma(sigma, std::tan(std::numbers::pi * (u - 0.5)), median);
    });
}

template <class T>
void fill_exponential(T* out, int64_t n, double lambda, Generator& g) {
    fill_from_uniform53(out, n, g,
                        [factor = -1 / lambda](double u) { return factor * std::log1p(-u); });
}

template <class T>
void fill_geometric(T* out, int64_t n, double p, Generator& g) {
    fill_from_uniform53(out, n, g, [log_failure = std::log1p(-p)](double u) {
        return std::ceil(std::log(u) / log_failure);
    });
}

// ---- discrete distributions ---------------------------------------------------------------------

template <class T>
void fill_random_range(T* out, int64_t n, int64_t base, uint64_t range, Generator& g) {
    if (range != 0 && range < uint64_t(1) << 28) {
        for_chunks<1>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
            for (int64_t j = 0; j < count; ++j)
                out[i + j] = to_element<T>(int64_t(bits[j] % uint32_t(range)) + base);
        });
        return;
    }
    for_chunks<2>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = 0; j < count; ++j) {
            const uint64_t x = join(bits + 2 * j);
            out[i + j] = to_element<T>(int64_t(range ? x % range + uint64_t(base) : x));
        }
    });
}

template <class T>
void fill_random(T* out, int64_t n, Generator& g) {
    constexpr bool kWide = std::is_same_v<T, int64_t> || std::is_same_v<T, double>;
    constexpr uint64_t kRange = [] {
        if constexpr (std::is_same_v<T, bool>) return uint64_t(2);
        else if constexpr (std::is_same_v<T, Half>) return (uint64_t(1) << 11) + 1;
        else if constexpr (std::is_same_v<T, BFloat16>) return (uint64_t(1) << 8) + 1;
        else if constexpr (std::is_integral_v<T>)
            return uint64_t(std::numeric_limits<T>::max()) + 1;
        else return (uint64_t(1) << std::numeric_limits<T>::digits) + 1;
    }();
    for_chunks<kWide ? 2 : 1>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = 0; j < count; ++j) {
            const uint64_t x = kWide ? join(bits + 2 * j) : bits[j];
            out[i + j] = to_element<T>(int64_t(x % kRange));
        }
    });
}

template <class T>
void fill_bernoulli(T* out, int64_t n, double p, Generator& g) {
    // u < p in integers: u is a multiple of 2^-53.
    const uint64_t below = uint64_t(std::ceil(p * 0x1p53));
    const T values[] = {to_element<T>(int64_t(0)), to_element<T>(int64_t(1))};
    for_chunks<2>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = 0; j < count; ++j)
            out[i + j] = values[(join(bits + 2 * j) & kMask53) < below];
    });
}

template <class T, class P>
void fill_bernoulli(T* out, const P* p, int64_t n, Generator& g) {
    constexpr int kWords = std::is_same_v<P, double> ? 2 : 1;
    for_chunks<kWords>(n, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = 0; j < count; ++j) {
            bool one;
            if constexpr (kWords == 2) {
                one = uniform53(join(bits + 2 * j)) < p[i + j];
            } else {
                one = uniform24(bits[j]) < float(p[i + j]);
            }
            out[i + j] = to_element<T>(int64_t(one));
        }
    });
}

template <class T>
void fill_randperm(T* out, int64_t n, Generator& g) {
    // Where 32 bits would be noticeably uneven: each element is put at a random place among those
    // before it, and what was there goes to the end.
    if (n >= int64_t(UINT32_MAX / 20)) {
        for (int64_t i = 0; i < n; ++i) {
            const int64_t at = int64_t(g.random64() % uint64_t(i + 1));
            if (at != i) out[i] = out[at];
            out[at] = to_element<T>(i);
        }
        return;
    }
    // Fisher-Yates from the front: element i changes places with one of those from i on.
    for (int64_t i = 0; i < n; ++i) out[i] = to_element<T>(i);
    for_chunks<1>(n - 1, g, [&](const uint32_t* bits, int64_t i, int64_t count) {
        for (int64_t j = i; j < i + count; ++j)
            std::swap(out[j], out[j + bits[j - i] % uint32_t(n - j)]);
    });
}

// ---- multinomial --------------------------------------------------------------------------------

namespace {

// Without replacement: the largest of weight / exponential, a race won in proportion to weight.
// Equal elements occur with half types; their order is that of the algorithm, which was found by
// comparison with PyTorch, as was the crossover.
template <class T>
void multinomial_race(int64_t* out, const T* weights, int64_t categories, int64_t samples,
                      Generator& g, std::vector<T>& race) {
    race.resize(size_t(categories));
    fill_exponential(race.data(), categories, 1, g);
    for (int64_t i = 0; i < categories; ++i)
        race[i] = T(from_element(weights[i]) / from_element(race[i]));
    using Entry = std::pair<compute_type<T>, int64_t>;
    std::vector<Entry> entries(static_cast<size_t>(categories));
    for (int64_t i = 0; i < categories; ++i) entries[i] = {from_element(race[i]), i};
    // Half types draw zeros: a weight of 0 then gives NaN, which counts as the largest.
    const auto ahead = [](const Entry& a, const Entry& b) {
        return (std::isnan(a.first) && !std::isnan(b.first)) || a.first > b.first;
    };
    const auto first = entries.begin();
    if (samples == 1) {
        std::iter_swap(first, std::min_element(first, entries.end(), ahead));
    } else if (samples * 64 <= categories) {
        std::partial_sort(first, first + samples, entries.end(), ahead);
    } else {
        std::nth_element(first, first + samples - 1, entries.end(), ahead);
        std::sort(first, first + samples - 1, ahead);
    }
    for (int64_t s = 0; s < samples; ++s) out[s] = entries[s].second;
}

// With replacement: binary search in the cumulative distribution.
template <class T>
void multinomial_search(int64_t* out, const std::vector<compute_type<T>>& cumulative,
                        int64_t samples, Generator& g) {
    for (int64_t s = 0; s < samples; ++s) {
        const double u = g.uniform();
        const auto at = std::lower_bound(cumulative.begin(), cumulative.end(), u,
                                         [](auto c, double x) { return double(c) < x; });
        out[s] = std::min<int64_t>(at - cumulative.begin(), int64_t(cumulative.size()) - 1);
    }
}

}  // namespace

template <class T>
void fill_multinomial(int64_t* out, const T* weights, int64_t rows, int64_t categories,
                      int64_t samples, bool replacement, Generator& g) {
    using C = compute_type<T>;
    constexpr const char* kNoWeight =
        "invalid multinomial distribution (sum of probabilities <= 0)";
    if (!replacement || samples == 1) {
        for (int64_t i = 0; i < rows * categories; ++i)
            WG_CHECK(std::isfinite(from_element(weights[i])) && from_element(weights[i]) >= 0,
                     "probability tensor contains either `inf`, `nan` or element < 0");
        for (int64_t r = 0; r < rows; ++r) {
            const T* row = weights + r * categories;
            WG_CHECK(std::any_of(row, row + categories, [](T w) { return from_element(w) > 0; }),
                     kNoWeight);
        }
        std::vector<T> race;
        for (int64_t r = 0; r < rows; ++r)
            multinomial_race(out + r * samples, weights + r * categories, categories, samples, g,
                             race);
        return;
    }
    std::vector<C> cumulative(static_cast<size_t>(categories));
    for (int64_t r = 0; r < rows; ++r) {
        C sum = 0;
        for (int64_t i = 0; i < categories; ++i) {
            const C w = from_element(weights[r * categories + i]);
            WG_CHECK(w >= 0,
                     "invalid multinomial distribution (encountering probability entry < 0)");
            WG_CHECK(std::isfinite(w),
                     "invalid multinomial distribution (encountering probability entry = infinity "
                     "or NaN)");
            cumulative[i] = sum += w;
        }
        WG_CHECK(sum > 0, kNoWeight);
        for (C& c : cumulative) c /= sum;
        multinomial_search<T>(out + r * samples, cumulative, samples, g);
    }
}

// ---- instances ----------------------------------------------------------------------------------

#define WG_CONTINUOUS(T)                                                       \
    template void fill_uniform(T*, int64_t, double, double, Generator&);       \
    template void fill_normal(T*, int64_t, double, double, Generator&);        \
    template void fill_normal_serial(T*, int64_t, double, double, Generator&); \
    template void fill_log_normal(T*, int64_t, double, double, Generator&);    \
    template void fill_cauchy(T*, int64_t, double, double, Generator&);        \
    template void fill_exponential(T*, int64_t, double, Generator&);           \
    template void fill_multinomial(int64_t*, const T*, int64_t, int64_t, int64_t, bool, Generator&);
WG_CONTINUOUS(float)
WG_CONTINUOUS(double)
WG_CONTINUOUS(Half)
WG_CONTINUOUS(BFloat16)
#undef WG_CONTINUOUS

#define WG_DISCRETE(E, T, ...)                                                   \
    template void fill_random_range(T*, int64_t, int64_t, uint64_t, Generator&); \
    template void fill_random(T*, int64_t, Generator&);                          \
    template void fill_bernoulli(T*, int64_t, double, Generator&);               \
    template void fill_bernoulli(T*, const float*, int64_t, Generator&);         \
    template void fill_bernoulli(T*, const double*, int64_t, Generator&);        \
    template void fill_bernoulli(T*, const Half*, int64_t, Generator&);          \
    template void fill_bernoulli(T*, const BFloat16*, int64_t, Generator&);      \
    template void fill_randperm(T*, int64_t, Generator&);                        \
    template void fill_geometric(T*, int64_t, double, Generator&);
WG_REAL_DTYPES(WG_DISCRETE)
#undef WG_DISCRETE

}  // namespace wg
