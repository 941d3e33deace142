// The loops of softmax. A row is a run of elements read by vectors, its end through a mask; when the
// softmax runs along another dim than the last, neighbouring columns are the lanes.
#include "cpu/softmax.h"
#include "cpu/elements.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

template <class T>
struct Softmax {
    using C = compute_type<T>;
    static constexpr int W = kLanes<C>;
    using V = Vec<C, W>;
    static constexpr bool in_place = std::is_same_v<T, C>;

    static WG_INLINE V load(const T* p, int n = W) { return load_elements<W>(p, n); }
    static WG_INLINE void store(T* p, V v, int n = W) { store_elements<W>(p, v, n); }
    // The first n lanes of x, `other` elsewhere.
    static WG_INLINE V masked(V x, int n, C other) {
        return where(V::iota() < V(C(n)), x, V(other));
    }
    template <int N>
    static WG_INLINE C greatest_lane(Vec<C, N> v) {
        if constexpr (N == 1) {
            return v.raw;
        } else {
            const Halves<C, N> h = split(v);
            return greatest_lane(maximum(h.lo, h.hi));
        }
    }

    // The same with short sums: add(i, lanes) gives a vector; they are added in single precision 64 at a time.
    template <class F>
    static WG_INLINE double sum_vectors(int64_t length, F add) {
        double total = 0;
        int64_t i = 0;
        while (i < length) {
            V sum(0);
            for (int k = 0; k < 64 && i + W <= length; ++k, i += W) sum += add(i, W);
            if (length - i < W && i < length) {
                sum += masked(add(i, int(length - i)), int(length - i), C(0));
                i = length;
            }
            total += double(sum_lanes(sum));
        }
        return total;
    }

    static WG_INLINE void forward_row(bool log_of, const T* x, T* y, int64_t length) {
        if (length <= W) {  // one vector: everything stays in registers
            const int n = int(length);
            const V row = masked(load(x, n), n, -kInf<C>);
            const V moved = row - V(greatest_lane(row));
            const V e = masked(exp(moved), n, C(0));
            const V sum(sum_lanes(e));
            return store(y, log_of ? moved - log(sum) : e / sum, n);
        }
        V best(-kInf<C>);
        for_vectors<W>(length, [&](int64_t i, int n) {
            best = maximum(best, masked(load(x + i, n), n, -kInf<C>));
        });
        const V shift(greatest_lane(best));
        if (log_of) {
            const double sum =
                sum_vectors(length, [&](int64_t i, int n) { return exp(load(x + i, n) - shift); });
            const V minus(C(log(sum)));
            for_vectors<W>(
                length, [&](int64_t i, int n) { store(y + i, load(x + i, n) - shift - minus, n); });
            return;
        }
        const double sum = sum_vectors(length, [&](int64_t i, int n) {
            const V e = exp(load(x + i, n) - shift);
            if constexpr (in_place) store(y + i, e, n);
            return e;
        });
        const V scale(C(1.0 / sum));
        for_vectors<W>(length, [&](int64_t i, int n) {
            if constexpr (in_place) store(y + i, load(y + i, n) * scale, n);
            else store(y + i, exp(load(x + i, n) - shift) * scale, n);
        });
    }

    static WG_INLINE void backward_row(bool log_of, const T* g, const T* y, T* gx, int64_t length) {
        if (length <= W) {
            const int n = int(length);
            const V gi = load(g, n), yi = load(y, n);
            if (log_of) return store(gx, gi - exp(yi) * V(sum_lanes(gi)), n);
            return store(gx, yi * (gi - V(sum_lanes(gi * yi))), n);
        }
        if (log_of) {
            const V sum(C(sum_vectors(length, [&](int64_t i, int n) { return load(g + i, n); })));
            for_vectors<W>(length, [&](int64_t i, int n) {
                store(gx + i, load(g + i, n) - exp(load(y + i, n)) * sum, n);
            });
            return;
        }
        const V sum(C(sum_vectors(
            length, [&](int64_t i, int n) { return load(g + i, n) * load(y + i, n); })));
        for_vectors<W>(length, [&](int64_t i, int n) {
            store(gx + i, load(y + i, n) * (load(g + i, n) - sum), n);
        });
    }

    static WG_INLINE void forward_columns(bool log_of, const T* x, T* y, int64_t length,
                                          int64_t stride, int n) {
        V best(-kInf<C>), sum(0);
        for (int64_t i = 0; i < length; ++i) best = maximum(best, load(x + i * stride, n));
        for (int64_t i = 0; i < length; ++i) sum += exp(load(x + i * stride, n) - best);
        const V scale = log_of ? log(sum) : V(1) / sum;
        for (int64_t i = 0; i < length; ++i) {
            const V moved = load(x + i * stride, n) - best;
            store(y + i * stride, log_of ? moved - scale : exp(moved) * scale, n);
        }
    }

    static WG_INLINE void backward_columns(bool log_of, const T* g, const T* y, T* gx,
                                           int64_t length, int64_t stride, int n) {
        V sum(0);
        for (int64_t i = 0; i < length; ++i) {
            const V gi = load(g + i * stride, n);
            sum += log_of ? gi : gi * load(y + i * stride, n);
        }
        for (int64_t i = 0; i < length; ++i) {
            const V gi = load(g + i * stride, n), yi = load(y + i * stride, n);
            store(gx + i * stride, log_of ? gi - exp(yi) * sum : yi * (gi - sum), n);
        }
    }

    static void forward(bool log_of, const char* x_, char* y_, int64_t rows, int64_t length,
                        int64_t inner) {
        const T* x = reinterpret_cast<const T*>(x_);
        T* y = reinterpret_cast<T*>(y_);
        if (inner == 1) {
            for (int64_t r = 0; r < rows; ++r)
                forward_row(log_of, x + r * length, y + r * length, length);
            return;
        }
        for_vectors<W>(inner, [&](int64_t j, int n) {
            forward_columns(log_of, x + j, y + j, length, inner, n);
        });
    }
    static void backward(bool log_of, const char* g_, const char* y_, char* gx_, int64_t rows,
                         int64_t length, int64_t inner) {
        const T* g = reinterpret_cast<const T*>(g_);
        const T* y = reinterpret_cast<const T*>(y_);
        T* gx = reinterpret_cast<T*>(gx_);
        if (inner == 1) {
            for (int64_t r = 0; r < rows; ++r)
                backward_row(log_of, g + r * length, y + r * length, gx + r * length, length);
            return;
        }
        for_vectors<W>(inner, [&](int64_t j, int n) {
            backward_columns(log_of, g + j, y + j, gx + j, length, inner, n);
        });
    }
};

template <class T>
void add_for_type(softmax_impl::Kernels& k) {
    k.forward[int(dtype_of<T>)] = &Softmax<T>::forward;
    k.backward[int(dtype_of<T>)] = &Softmax<T>::backward;
}

}  // namespace

const softmax_impl::Kernels& softmax_kernels() {
    static const softmax_impl::Kernels kernels = [] {
        softmax_impl::Kernels k = {};
        add_for_type<float>(k);
        add_for_type<double>(k);
        add_for_type<Half>(k);
        add_for_type<BFloat16>(k);
        return k;
    }();
    return kernels;
}

}  // namespace WG_ISA
}  // namespace wg
