// Variance and mean in one pass over memory: each block's mean and squared deviations are computed
// while the block is in the cache, and blocks are combined exactly (Chan, Golub and LeVeque, 1979).
#include "cpu/reduce_kernels.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

struct Moments {
    double n, mean, squares;  // squares: the sum of squared deviations from the mean
};

template <class Element>
struct MomentLoops {
    using T = Element;
    using C = compute_type<T>;
    using Acc = Moments;
    static constexpr int W = kLanes<double>;
    using D = Vec<double, W>;

    static WG_INLINE void init(Acc& a) { a = {0, 0, 0}; }
    static WG_INLINE void combine(Acc& a, const Acc& b) {
        if (b.n == 0) return;
        if (a.n == 0) {
            a = b;
            return;
        }
        const double n = a.n + b.n, delta = b.mean - a.mean;
        a.mean += delta * (b.n / n);
        a.squares += b.squares + delta * delta * (a.n * b.n / n);
        a.n = n;
    }
    static WG_INLINE D some(const T* p) { return convert<double>(load_elements<W>(p)); }

    static void row(Acc& a, const T* p, int64_t n, int64_t stride, int64_t, double) {
        constexpr int64_t longest = 1024;
        for (; n > 0; n -= longest, p += longest * stride) {
            const int64_t length = n < longest ? n : longest;
            double sum = 0, squares = 0;
            int64_t vectors = 0;
            if (stride == 1 && length >= 4 * W) {
                D s[2] = {D(0), D(0)};
                for (; vectors + 2 * W <= length; vectors += 2 * W)
                    for (int k = 0; k < 2; ++k) s[k] += some(p + vectors + k * W);
                sum = sum_lanes(s[0] + s[1]);
            }
            for (int64_t i = vectors; i < length; ++i) sum += double(C(p[i * stride]));
            const double mean = sum / double(length);
            if (vectors > 0) {
                D s[2] = {D(0), D(0)};
                for (int64_t i = 0; i < vectors; i += 2 * W)
                    for (int k = 0; k < 2; ++k) {
                        const D x = some(p + i + k * W) - D(mean);
                        s[k] += x * x;
                    }
                squares = sum_lanes(s[0] + s[1]);
            }
            for (int64_t i = vectors; i < length; ++i) {
                const double x = double(C(p[i * stride])) - mean;
                squares += x * x;
            }
            combine(a, {double(length), mean, squares});
        }
    }
    static void columns(Acc* acc, const T* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double) {
        double mean[kReduceTile], squares[kReduceTile];
        constexpr int64_t longest = 64;
        for (; n > 0; n -= longest, p += longest * stride) {
            const int64_t rows = n < longest ? n : longest;
            for (int64_t j = 0; j < m; ++j) mean[j] = squares[j] = 0;
            for (int64_t i = 0; i < rows; ++i)
                for (int64_t j = 0; j < m; ++j) mean[j] += double(C(p[i * stride + j]));
            for (int64_t j = 0; j < m; ++j) mean[j] /= double(rows);
            for (int64_t i = 0; i < rows; ++i)
                for (int64_t j = 0; j < m; ++j) {
                    const double x = double(C(p[i * stride + j])) - mean[j];
                    squares[j] += x * x;
                }
            for (int64_t j = 0; j < m; ++j) combine(acc[j], {double(rows), mean[j], squares[j]});
        }
    }
};

template <class T, bool root>
struct Variance {
    using Loops = MomentLoops<T>;
    using C = compute_type<T>;
    using Result = T;

    static WG_INLINE T finish(const Moments& a, double divisor) {
        const double variance = a.squares / divisor;
        return T(C(root ? __builtin_sqrt(variance) : variance));
    }
    static WG_INLINE T second(const Moments& a) { return T(C(a.n == 0 ? kNan<double> : a.mean)); }
};

template <class T>
void add_for_type(ReduceTable& table) {
    add_kernel<Variance<T, false>>(table, Reduction::Variance);
    add_kernel<Variance<T, true>>(table, Reduction::Deviation);
}

}  // namespace

void add_moment_kernels(ReduceTable& table) {
    add_for_type<float>(table);
    add_for_type<double>(table);
    add_for_type<Half>(table);
    add_for_type<BFloat16>(table);
}

}  // namespace WG_ISA
}  // namespace wg
