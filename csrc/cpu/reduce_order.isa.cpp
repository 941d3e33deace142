// Reductions that compare and multiply: greatest and least elements with and without their places,
// products, any and all. A NaN is greater and less than every number; of equals the first is taken.
#include "cpu/reduce_kernels.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

// Elements as they are compared: halves as floats, bool as 0 and 1.
template <class T>
WG_INLINE compute_type<stored<T>> element(const stored<T>& x) {
    if constexpr (std::is_same_v<T, bool>) return x != 0;
    else return compute_type<T>(x);
}

struct Greater {
    template <class V>
    static WG_INLINE auto before(V a, V b) {
        return a > b;
    }
    template <class C>
    static WG_INLINE Vec<C> pick(Vec<C> a, Vec<C> b) {
        return maximum(a, b);
    }
};
struct Less {
    template <class V>
    static WG_INLINE auto before(V a, V b) {
        return a < b;
    }
    template <class C>
    static WG_INLINE Vec<C> pick(Vec<C> a, Vec<C> b) {
        return minimum(a, b);
    }
};

// Whether x replaces the best so far, which came before it.
template <class Order, class C>
WG_INLINE bool replaces(C x, C best) {
    return Order::before(x, best) || (x != x && best == best);
}

// The best of n > 0 elements.
template <class T, class Order>
WG_INLINE compute_type<stored<T>> best_of(const stored<T>* p, int64_t n, int64_t stride) {
    using C = compute_type<stored<T>>;
    constexpr int W = kLanes<C>;
    C best = element<T>(p[0]);
    int64_t i = 1;
    if (stride == 1 && n >= 2 * W && !std::is_same_v<T, bool>) {
        Vec<C> a = load_elements<W>(p), b = load_elements<W>(p + W);
        for (i = 2 * W; i + 2 * W <= n; i += 2 * W) {
            a = Order::pick(a, load_elements<W>(p + i));
            b = Order::pick(b, load_elements<W>(p + i + W));
        }
        a = Order::pick(a, b);
        best = a[0];
        for (int k = 1; k < W; ++k)
            if (replaces<Order>(C(a[k]), best)) best = a[k];
    }
    for (; i < n; ++i) {
        const C x = element<T>(p[i * stride]);
        if (replaces<Order>(x, best)) best = x;
    }
    return best;
}

template <class Element, class Order>
struct Extreme {
    using Loops = Extreme;
    using T = Element;
    using S = stored<T>;
    using C = compute_type<S>;
    struct Acc {
        C value;
        bool any;
    };
    using Result = T;

    static WG_INLINE void init(Acc& a) { a = {C(0), false}; }
    static WG_INLINE void take(Acc& a, C x) {
        if (!a.any || replaces<Order>(x, a.value)) a = {x, true};
    }
    static WG_INLINE void combine(Acc& a, const Acc& b) {
        if (b.any) take(a, b.value);
    }
    static WG_INLINE T finish(const Acc& a, double) { return T(a.value); }

    static void row(Acc& a, const S* p, int64_t n, int64_t stride, int64_t, double) {
        take(a, best_of<T, Order>(p, n, stride));
    }
    static void columns(Acc* acc, const S* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double) {
        C best[kReduceTile];
        for (int64_t j = 0; j < m; ++j) best[j] = element<T>(p[j]);
        for (int64_t i = 1; i < n; ++i) {
            const S* row = p + i * stride;
            for (int64_t j = 0; j < m; ++j) {
                const C x = element<T>(row[j]), y = best[j];
                best[j] = Order::before(y, x) | (y != y) ? y : x;
            }
        }
        for (int64_t j = 0; j < m; ++j) take(acc[j], best[j]);
    }
};

template <class Element, class Order>
struct Place {
    using Loops = Place;
    using T = Element;
    using S = stored<T>;
    using C = compute_type<S>;
    struct Acc {
        C value;
        int64_t index;  // -1: nothing seen
    };
    using Result = T;
    static constexpr int64_t kBlock = 2048;  // stays in the first-level cache for a second look
    static constexpr int64_t kStep = 64;  // looked at together

    static WG_INLINE bool matches(C x, C best) { return (x == best) | (x != x); }
    // The beginning of the first step with an element that matches.
    static WG_INLINE int64_t near(const S* p, int64_t n, C best) {
        int64_t i = 0;
        for (; i + kStep <= n; i += kStep) {
            int found = 0;
            for (int64_t k = 0; k < kStep; ++k) found |= matches(element<T>(p[i + k]), best);
            if (found) break;
        }
        return i;
    }
    static WG_INLINE void init(Acc& a) { a = {C(0), -1}; }
    static WG_INLINE bool improves(const Acc& a, C x) {
        return a.index < 0 || replaces<Order>(x, a.value);
    }
    static WG_INLINE void combine(Acc& a, const Acc& b) {
        if (b.index >= 0 && improves(a, b.value)) a = b;
    }
    static WG_INLINE T finish(const Acc& a, double) { return T(a.value); }
    static WG_INLINE int64_t second(const Acc& a) { return a.index; }

    static void row(Acc& a, const S* p, int64_t n, int64_t stride, int64_t first, double) {
        for (int64_t begin = 0; begin < n; begin += kBlock) {
            const int64_t length = n - begin < kBlock ? n - begin : kBlock;
            const S* block = p + begin * stride;
            const C best = best_of<T, Order>(block, length, stride);
            if (!improves(a, best)) continue;
            int64_t i = stride == 1 ? near(block, length, best) : 0;
            while (i + 1 < length && !matches(element<T>(block[i * stride]), best)) ++i;
            a = {best, first + begin + i};
        }
    }
    static void columns(Acc* acc, const S* p, int64_t n, int64_t stride, int64_t m, int64_t first,
                        double) {
        // Indices as wide as the elements, so that one comparison selects both.
        using I = std::conditional_t<sizeof(C) == 4, int32_t, int64_t>;
        C best[kReduceTile];
        I at[kReduceTile];
        constexpr int64_t longest = int64_t(1) << 30;
        for (int64_t begin = 0; begin < n; begin += longest) {
            const int64_t rows = n - begin < longest ? n - begin : longest;
            const S* block = p + begin * stride;
            for (int64_t j = 0; j < m; ++j) {
                best[j] = element<T>(block[j]);
                at[j] = 0;
            }
            for (int64_t i = 1; i < rows; ++i) {
                const S* row = block + i * stride;
                for (int64_t j = 0; j < m; ++j) {
                    const C x = element<T>(row[j]);
                    const bool better =
                        Order::before(x, best[j]) | ((x != x) & (best[j] == best[j]));
                    best[j] = better ? x : best[j];
                    at[j] = better ? I(i) : at[j];
                }
            }
            for (int64_t j = 0; j < m; ++j)
                if (improves(acc[j], best[j])) acc[j] = {best[j], first + begin + at[j]};
        }
    }
};

template <class Element>
struct Product {
    using Loops = Product;
    using T = Element;
    using S = stored<T>;
    using Acc = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    using Result = std::conditional_t<std::is_integral_v<T>, int64_t, T>;

    static WG_INLINE Acc value(S x) {
        if constexpr (std::is_integral_v<T>) return Acc(int64_t(element<T>(x)));
        else return Acc(element<T>(x));
    }
    static WG_INLINE void init(Acc& a) { a = Acc(1); }
    static WG_INLINE void combine(Acc& a, const Acc& b) { a *= b; }
    static WG_INLINE Result finish(const Acc& a, double) {
        if constexpr (std::is_integral_v<T>) return int64_t(a);
        else return T(compute_type<T>(a));
    }
    static void row(Acc& a, const S* p, int64_t n, int64_t stride, int64_t, double) {
        Acc product[4] = {a, Acc(1), Acc(1), Acc(1)};
        int64_t i = 0;
        for (; i + 4 <= n; i += 4)
            for (int k = 0; k < 4; ++k) product[k] *= value(p[(i + k) * stride]);
        for (; i < n; ++i) product[0] *= value(p[i * stride]);
        a = (product[0] * product[1]) * (product[2] * product[3]);
    }
    static void columns(Acc* acc, const S* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double) {
        for (int64_t i = 0; i < n; ++i, p += stride)
            for (int64_t j = 0; j < m; ++j) acc[j] *= value(p[j]);
    }
};

// Any: `decides` is true; all: it is false.
template <class Element, bool decides>
struct Truth {
    using Loops = Truth;
    using T = Element;
    using S = stored<T>;
    using Acc = uint8_t;  // whether a deciding element was seen
    using Result = bool;

    static WG_INLINE uint8_t is(S x) {
        return uint8_t((element<T>(x) != compute_type<S>(0)) == decides);
    }
    static WG_INLINE void init(Acc& a) { a = 0; }
    static WG_INLINE void combine(Acc& a, const Acc& b) { a |= b; }
    static WG_INLINE bool finish(const Acc& a, double) { return (a != 0) == decides; }
    static void row(Acc& a, const S* p, int64_t n, int64_t stride, int64_t, double) {
        for (int64_t begin = 0; begin < n && !a; begin += 1024) {
            const int64_t end = n - begin < 1024 ? n : begin + 1024;
            uint8_t seen = 0;
            if (stride == 1)
                for (int64_t i = begin; i < end; ++i) seen |= is(p[i]);
            else
                for (int64_t i = begin; i < end; ++i) seen |= is(p[i * stride]);
            a = seen;
        }
    }
    static void columns(Acc* acc, const S* p, int64_t n, int64_t stride, int64_t m, int64_t,
                        double) {
        for (int64_t i = 0; i < n; ++i, p += stride)
            for (int64_t j = 0; j < m; ++j) acc[j] |= is(p[j]);
    }
};

template <class T>
void add_for_type(ReduceTable& table) {
    add_kernel<Extreme<T, Greater>>(table, Reduction::Max);
    add_kernel<Extreme<T, Less>>(table, Reduction::Min);
    add_kernel<Place<T, Greater>>(table, Reduction::ArgMax);
    add_kernel<Place<T, Less>>(table, Reduction::ArgMin);
    add_kernel<Product<T>>(table, Reduction::Prod);
    add_kernel<Truth<T, true>>(table, Reduction::Any);
    add_kernel<Truth<T, false>>(table, Reduction::All);
}

}  // namespace

void add_order_kernels(ReduceTable& table) {
#define WG_ROW(E, T, name, legacy, cat) add_for_type<T>(table);
    WG_REAL_DTYPES(WG_ROW)
#undef WG_ROW
}

}  // namespace WG_ISA
}  // namespace wg
