// Random numbers on the CPU, value for value those of PyTorch: same seed, same tensors.
// Start with Generator, a Mersenne Twister; the fill_ functions below write contiguous buffers.
// A tensor that is not contiguous is filled in the order of its memory (dimensions sorted by
// stride), and by fill_normal_serial. Values do not depend on threads or the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace wg {

class Generator {
public:
    static constexpr uint64_t kDefaultSeed = 67280421310721;
    // Size of a state as torch.get_rng_state() returns it; the bytes are the same.
    static constexpr size_t kStateBytes = 5056;

    explicit Generator(uint64_t seed = kDefaultSeed) { manual_seed(seed); }

    // Of a negative seed: its two's complement.
    void manual_seed(uint64_t seed);
    // Seeds from the system's entropy and returns that seed.
    uint64_t seed();
    uint64_t initial_seed() const noexcept { return seed_; }

    uint32_t random();
    // Two draws, the high half first.
    uint64_t random64() {
        const uint64_t high = random();
        return high << 32 | random();
    }
    // The next n results of random().
    void draw(uint32_t* out, int64_t n);
    // In [0, 1), a multiple of 2^-53.
    double uniform();
    // Standard normal, by Box-Muller: the second number of a pair is kept for the next call.
    double normal();

    void get_state(uint8_t* out) const;
    // Throws on a state that is none. The stream continues as where the state was taken.
    void set_state(const uint8_t* state, size_t nbytes);

private:
    void twist();

    uint32_t words_[624];
    int unread_ = 0;  // words left before the next twist
    int next_ = 0;    // the word read next
    uint64_t seed_ = 0;
    std::optional<double> cached_normal_;
    std::optional<float> cached_float_normal_;  // part of PyTorch's state, never drawn from
};

// The generator used where none is given; seeded from the system's entropy.
Generator& default_generator();

// T is float, double, Half or BFloat16 where nothing else is said.

// Uniform over [from, to), of 24 random bits, 53 for double. What rounds up to `to` becomes `from`.
template <class T>
void fill_uniform(T* out, int64_t n, double from, double to, Generator& g);

// Normal. From 16 elements on in blocks of 16 (in double precision for double, else in float); a
// last incomplete block makes the last 16 elements be drawn again.
template <class T>
void fill_normal(T* out, int64_t n, double mean, double std, Generator& g);
// Normal, one number after the other in double precision: tensors of fewer than 16 elements, or not
// contiguous.
template <class T>
void fill_normal_serial(T* out, int64_t n, double mean, double std, Generator& g);
template <class T>
void fill_log_normal(T* out, int64_t n, double mean, double std, Generator& g);
template <class T>
void fill_cauchy(T* out, int64_t n, double median, double sigma, Generator& g);
template <class T>
void fill_exponential(T* out, int64_t n, double lambda, Generator& g);

// Number of trials up to the first success. T: any element type but bool.
template <class T>
void fill_geometric(T* out, int64_t n, double p, Generator& g);

// Integers base, base + 1, ... base + range - 1; range 0 stands for all of int64 and ignores base.
// Ranges from 2^28 on take 64 bits for each number. T: any element type.
template <class T>
void fill_random_range(T* out, int64_t n, int64_t base, uint64_t range, Generator& g);
// random_() without bounds: all non-negative values of an integer type; for a floating type the
// integers from 0 to the largest up to which all are exact. T: any element type.
template <class T>
void fill_random(T* out, int64_t n, Generator& g);

// 1 with probability p, else 0. T: any element type.
template <class T>
void fill_bernoulli(T* out, int64_t n, double p, Generator& g);
// The same with p[i] for out[i]. T: any element type; P: float, double, Half or BFloat16.
template <class T, class P>
void fill_bernoulli(T* out, const P* p, int64_t n, Generator& g);

// A random permutation of 0 ... n - 1. T: any element type that can hold n - 1.
template <class T>
void fill_randperm(T* out, int64_t n, Generator& g);

// For each row of weights (contiguous, `categories` each) draws `samples` categories into out.
// Without replacement samples <= categories. Throws when a row has a negative or infinite weight,
// or no positive one; out and g are then as before, or partly written.
template <class T>
void fill_multinomial(int64_t* out, const T* weights, int64_t rows, int64_t categories,
                      int64_t samples, bool replacement, Generator& g);

}  // namespace wg
