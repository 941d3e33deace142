// The table of inner loops behind cpu/reduce.h, and what those loops share. A loop reduces a tile of
// n x m elements into m accumulators; cutting the work into tiles is reduce.cpp.
#pragma once

#include <type_traits>

#include "cpu/elements.h"
#include "cpu/reduce.h"
#include "tensor/dtype.h"

namespace wg {

struct ReduceKernel {
    size_t acc_size = 0;  // 0: no such reduction
    DType result = DType::Float32;
    size_t second_size = 0;  // item size of the second output
    void (*init)(void* acc, int64_t m) = nullptr;
    // acc[j] takes in the elements at p + i * sn + j * sm (bytes) for i < n; the first has index `first`.
    void (*run)(void* acc, const char* p, int64_t n, int64_t sn, int64_t m, int64_t sm,
                int64_t first, double param) = nullptr;
    // acc[j] takes in what other[j] has seen, which comes after it.
    void (*combine)(void* acc, const void* other, int64_t m) = nullptr;
    // Writes result j to out + j * so and second + j * second_so (bytes); either may be null.
    void (*finish)(const void* acc, int64_t m, char* out, int64_t so, char* second,
                   int64_t second_so, double param) = nullptr;
};

using ReduceTable = ReduceKernel[kNumReductions][kNumDTypes];

inline constexpr int64_t kReduceTile = 512;  // the greatest m
inline constexpr size_t kMaxAccSize = 32;  // bytes

inline namespace WG_ISA {

// Bool is read as a byte: memory from outside may hold other values than 0 and 1.
template <class T>
using stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

// Loops L give: T, Acc; init(Acc&), row(Acc&, const T*, n, stride, first, param),
// columns(Acc*, const T*, n, stride, m, first, param) and combine(Acc&, const Acc&). Strides inside L are
// in elements.
template <class L>
struct LoopEntry {
    using T = stored<typename L::T>;
    using Acc = typename L::Acc;
    static_assert(sizeof(Acc) <= kMaxAccSize);

    static void init(void* acc, int64_t m) {
        for (int64_t j = 0; j < m; ++j) L::init(static_cast<Acc*>(acc)[j]);
    }
    static void run(void* acc_, const char* p, int64_t n, int64_t sn, int64_t m, int64_t sm,
                    int64_t first, double param) {
        Acc* acc = static_cast<Acc*>(acc_);
        constexpr int64_t item = sizeof(T);
        if (m > 1 && sm == item && sn != item)
            return L::columns(acc, reinterpret_cast<const T*>(p), n, sn / item, m, first, param);
        for (int64_t j = 0; j < m; ++j)
            L::row(acc[j], reinterpret_cast<const T*>(p + j * sm), n, sn / item, first, param);
    }
    static void combine(void* acc, const void* other, int64_t m) {
        for (int64_t j = 0; j < m; ++j)
            L::combine(static_cast<Acc*>(acc)[j], static_cast<const Acc*>(other)[j]);
    }
};

// A kernel K gives: Loops, which it may share with others; Result; finish(Acc, param) and, if it has a
// second output, second(Acc).
template <class K>
struct KernelEntry {
    using Loop = LoopEntry<typename K::Loops>;
    using Acc = typename Loop::Acc;

    static void finish(const void* acc, int64_t m, char* out, int64_t so, char* second,
                       int64_t second_so, double param) {
        for (int64_t j = 0; j < m; ++j) {
            const Acc& a = static_cast<const Acc*>(acc)[j];
            if (out) *reinterpret_cast<typename K::Result*>(out + j * so) = K::finish(a, param);
            if constexpr (requires { K::second(a); })
                if (second)
                    *reinterpret_cast<decltype(K::second(a))*>(second + j * second_so) =
                        K::second(a);
        }
    }
    static ReduceKernel make() {
        size_t second_size = 0;
        if constexpr (requires(Acc a) { K::second(a); }) second_size = sizeof(K::second(Acc{}));
        return {sizeof(Acc), dtype_of<typename K::Result>,
                second_size, &Loop::init,
                &Loop::run,  &Loop::combine,
                &finish};
    }
};

template <class K>
void add_kernel(ReduceTable& table, Reduction op) {
    table[int(op)][int(dtype_of<typename K::Loops::T>)] = KernelEntry<K>::make();
}

}  // namespace WG_ISA
}  // namespace wg
