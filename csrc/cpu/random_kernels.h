// Between random.cpp, which draws numbers in order, and random_loops.isa.cpp, which twists, tempers
// and converts them in bulk. One table per instruction set; all of them give the same values.
#pragma once

#include <cstdint>

namespace wg::random_impl {

inline constexpr int kStateWords = 624;
inline constexpr int kNormalBlock = 16;

// A word of the state as the number it stands for.
__attribute__((always_inline)) inline uint32_t temper_word(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

struct RandomKernels {
    // Mersenne Twister: replaces all words of the state by the next ones.
    void (*twist)(uint32_t* state);
    void (*temper)(const uint32_t* words, uint32_t* out, int64_t n);
    // out[i] = u * (to - from) + from, rounded once, where u has the low 24 bits of bits[i], or 53
    // bits of the pair bits[2i], bits[2i + 1]. A result rounded up to `to` becomes `from`.
    void (*uniform_float)(const uint32_t* bits, float* out, int64_t n, float from, float to);
    void (*uniform_double)(const uint32_t* bits, double* out, int64_t n, double from, double to);
    // Blocks of 16 uniform numbers become 16 normal ones: element i with element i + 8, for i < 8.
    void (*box_muller)(float* data, int64_t blocks, float mean, float std);
};

}  // namespace wg::random_impl
