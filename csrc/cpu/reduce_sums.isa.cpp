// Reductions that add: sums, norms, counts.
//
// Note [Accuracy of sums]
// Floats are added in single precision only a few at a time (16 per lane, or 64 rows of a column, in
// groups of 8); those partial sums go into doubles, and the doubles are added with the rounding
// error of each addition kept in a second double. So a sum is right to about the rounding of its
// result and of the short partial sums, whatever its length.
#include "cpu/reduce_kernels.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

struct Total {
    double hi, lo;
};

// s += x, with the rounding error added to e.
template <class V>
WG_INLINE void add_exactly(V& s, V& e, V x) {
    const V t = s + x, z = t - s;
    e = e + ((s - (t - z)) + (x - z));
    s = t;
}
WG_INLINE void add_exactly(Total& total, double x) { add_exactly(total.hi, total.lo, x); }
// After an overflow the error is NaN, the sum is right.
WG_INLINE double value_of(const Total& t) { return t.hi - t.hi == 0 ? t.hi + t.lo : t.hi; }

// What is added instead of each element.
struct Itself {
    template <class V>
    static WG_INLINE V map(V x, double) {
        return x;
    }
};
struct WithoutNan {
    template <class V>
    static WG_INLINE V map(V x, double) {
        return where(x == x, x, V(0));
    }
};
struct Absolute {
    template <class V>
    static WG_INLINE V map(V x, double) {
        return abs(x);
    }
};
struct Squared {
    template <class V>
    static WG_INLINE V map(V x, double) {
        return x * x;
    }
};
struct Powered {
    // Not inlined: it is long, and the loops have it in dozens of places.
    template <class V>
    [[gnu::noinline]] static V map(V x, double p) {
        return pow(abs(x), V(p));
    }
};

// What becomes of the sum.
double kept(double sum, double) { return sum; }
double divided(double sum, double count) { return sum / count; }
double root(double sum, double) { return __builtin_sqrt(sum); }
double power_root(double sum, double p) { return pow(sum, 1 / p); }

template <class Element, class Map>
struct FloatLoops {
    using T = Element;
    using C = compute_type<T>;
    using Acc = Total;
    static constexpr int W = kLanes<C>;
    using V = Vec<C, W>;
    using D = Vec<double, W>;

    static WG_INLINE void init(Acc& a) { a = {0, 0}; }
    static WG_INLINE void combine(Acc& a, const Acc& b) {
        add_exactly(a, b.hi);
        a.lo += b.lo;
    }

    static WG_INLINE C one(const T* p, double param) {
        return Map::map(Vec<C, 1>(C(*p)), param).raw;
    }
    static WG_INLINE V some(const T* p, double param) {
        return Map::map(load_elements<W>(p), param);
    }
    // Not inlined: rare and long.
    [[gnu::noinline]] static V first_of(const T* p, int n) { return load_elements<W>(p, n); }

    // Long rows are read in four places at once, some pages apart: one core gets half as much again out of memory as
    // from one place.
    static constexpr int64_t kApart = 4096;
    // The sum of 64 vectors: 16 steps with four vectors `apart` in each.
    template <int64_t apart, int64_t step>
    static WG_INLINE D sum_of_64(const T* p, double param) {
        V s[4];
        for (int k = 0; k < 4; ++k) s[k] = some(p + k * apart, param);
#pragma GCC unroll 1
        for (int i = 1; i < 16; ++i) {
            p += step;
            for (int k = 0; k < 4; ++k) s[k] += some(p + k * apart, param);
        }
        return convert<double>((s[0] + s[1]) + (s[2] + s[3]));
    }

    static WG_INLINE void row(Acc& a, const T* p, int64_t n, int64_t stride, int64_t,
                              double param) {
        if (stride != 1) {
            while (n > 0) {
                const int64_t block = n < 256 ? n : 256;
                double s0 = 0, s1 = 0;
                int64_t i = 0;
                for (; i + 2 <= block; i += 2) {
                    s0 += double(one(p + i * stride, param));
                    s1 += double(one(p + (i + 1) * stride, param));
                }
                if (i < block) s0 += double(one(p + i * stride, param));
                add_exactly(a, s0 + s1);
                n -= block;
                p += block * stride;
            }
            return;
        }
        if (n >= W) {
            D total = 0, error = 0;
            for (; n >= 4 * kApart; n -= 4 * kApart, p += 4 * kApart)
                for (int64_t i = 0; i < kApart; i += 16 * W)
                    add_exactly(total, error, sum_of_64<kApart, W>(p + i, param));
            for (; n >= 64 * W; n -= 64 * W, p += 64 * W)
                add_exactly(total, error, sum_of_64<W, 4 * W>(p, param));
            V rest[2] = {V(0), V(0)};
            for (; n >= 2 * W; n -= 2 * W, p += 2 * W) {
                rest[0] += some(p, param);
                rest[1] += some(p + W, param);
            }
            if (n >= W) {
                rest[0] += some(p, param);
                n -= W;
                p += W;
            }
            add_exactly(total, error, convert<double>(rest[0] + rest[1]));
            const double e = sum_lanes(error);
            add_exactly(a, sum_lanes(total));
            a.lo += e;
        }
        double tail = 0;
        for (int64_t i = 0; i < n; ++i) tail += double(one(p + i, param));
        add_exactly(a, tail);
    }

    // Adds `rows` <= 8 rows into sums, which has room for whole vectors. Nothing from `end` on is read;
    // what lies between a row's last column and `end` may be.
    template <int rows>
    static WG_INLINE void add_rows(C* sums, const T* p, int64_t stride, int64_t m, const T* end,
                                   double param) {
        const auto add = [&](int64_t j, auto load) {
            V x[rows];
            for (int r = 0; r < rows; ++r) x[r] = Map::map(load(p + r * stride + j), param);
            for (int width = 1; width < rows; width *= 2)
                for (int r = 0; r + width < rows; r += 2 * width) x[r] += x[r + width];
            (V::load(sums + j) + x[0]).store(sums + j);
        };
        // Where each row of a tile lies in pages of its own, the hardware does not see what comes next.
        constexpr int64_t page = 4096 / sizeof(T), line = 64 / sizeof(T);
        const bool fetches = rows > 1 && stride >= page;
        int64_t j = 0;
        for (; j + W <= m; j += W) {
            if (fetches && j % line == 0)
                for (int r = rows; r < 2 * rows; ++r) __builtin_prefetch(p + r * stride + j);
            add(j, [](const T* q) { return load_elements<W>(q); });
        }
        if (j == m) return;
        if (end - p >= (rows - 1) * stride + j + W)
            add(j, [](const T* q) { return load_elements<W>(q); });
        else add(j, [&](const T* q) { return first_of(q, int(m - j)); });
    }

    static void columns(Acc* acc, const T* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double param) {
        // Few columns without gaps: several rows count as one wider row.
        if (m < 4 * W && stride == m && n * m >= 1024) {
            const int64_t k = kReduceTile / 2 / m;
            Acc wide[kReduceTile / 2];
            for (int64_t j = 0; j < k * m; ++j) init(wide[j]);
            columns(wide, p, n / k, k * m, k * m, 0, param);
            for (int64_t g = 0; g < k; ++g)
                for (int64_t j = 0; j < m; ++j) combine(acc[j], wide[g * m + j]);
            p += n / k * k * m;
            n %= k;
        }
        alignas(64) C sums[kReduceTile + W];
        const T* end = p + (n - 1) * stride + m;
        while (n > 0) {
            const int64_t block = n < 128 ? n : 128;
            for (int64_t j = 0; j < m; j += W) V(0).store(sums + j);
            int64_t i = 0;
            for (; i + 8 <= block; i += 8) add_rows<8>(sums, p + i * stride, stride, m, end, param);
            for (; i < block; ++i) add_rows<1>(sums, p + i * stride, stride, m, end, param);
            for (int64_t j = 0; j < m; ++j) add_exactly(acc[j], double(sums[j]));
            p += block * stride;
            n -= block;
        }
    }
};

template <class T, class Map, double (*finish_sum)(double, double)>
struct FloatSum {
    using Loops = FloatLoops<T, Map>;
    using Result = T;

    static WG_INLINE T finish(const Total& a, double param) {
        return T(compute_type<T>(finish_sum(value_of(a), param)));
    }
};

// Integers and bool: in int64, wrapping around.
struct Value {
    template <class T>
    static WG_INLINE uint64_t map(T x) {
        return uint64_t(int64_t(x));
    }
};
struct Truth {
    template <class T>
    static WG_INLINE uint64_t map(T x) {
        return x != T(0);
    }
};

template <class Element, class Map>
struct IntegerSum {
    using Loops = IntegerSum;
    using T = Element;
    using Acc = uint64_t;
    using Result = int64_t;
    using S = stored<T>;

    static WG_INLINE uint64_t value(S x) {
        if constexpr (std::is_same_v<T, bool>) return x != 0;
        else return Map::map(compute_type<T>(x));
    }
    static WG_INLINE void init(Acc& a) { a = 0; }
    static WG_INLINE void combine(Acc& a, const Acc& b) { a += b; }
    static WG_INLINE int64_t finish(const Acc& a, double) { return int64_t(a); }
    static void row(Acc& a, const S* p, int64_t n, int64_t stride, int64_t, double) {
        uint64_t s = 0;
        if (stride == 1)
            for (int64_t i = 0; i < n; ++i) s += value(p[i]);
        else
            for (int64_t i = 0; i < n; ++i) s += value(p[i * stride]);
        a += s;
    }
    static void columns(Acc* acc, const S* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double) {
        for (int64_t i = 0; i < n; ++i, p += stride)
            for (int64_t j = 0; j < m; ++j) acc[j] += value(p[j]);
    }
};

template <class T>
void add_for_type(ReduceTable& table) {
    if constexpr (std::is_integral_v<T>) {
        add_kernel<IntegerSum<T, Value>>(table, Reduction::Sum);
    } else {
        add_kernel<FloatSum<T, Itself, kept>>(table, Reduction::Sum);
        add_kernel<FloatSum<T, Itself, divided>>(table, Reduction::Mean);
        add_kernel<FloatSum<T, WithoutNan, kept>>(table, Reduction::NanSum);
        add_kernel<FloatSum<T, Absolute, kept>>(table, Reduction::NormOne);
        add_kernel<FloatSum<T, Squared, root>>(table, Reduction::NormTwo);
        add_kernel<FloatSum<T, Squared, divided>>(table, Reduction::SquareSum);
        add_kernel<FloatSum<T, Powered, power_root>>(table, Reduction::NormPower);
    }
    add_kernel<IntegerSum<T, Truth>>(table, Reduction::NonZero);
}

}  // namespace

void add_sum_kernels(ReduceTable& table) {
#define WG_ROW(E, T, name, legacy, cat) add_for_type<T>(table);
    WG_REAL_DTYPES(WG_ROW)
#undef WG_ROW
}

}  // namespace WG_ISA
}  // namespace wg
