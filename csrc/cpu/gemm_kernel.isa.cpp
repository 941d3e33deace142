// Matrix products on one thread; compiled once per instruction set. Start with `gemm` below.
//
// Note [Matrix product]
// The inner kernel (`tile`) keeps a block of C, up to kRows rows by kVecs vectors, in registers and
// adds k outer products to it: per step kVecs loads from B, one broadcast from A per row, and
// rows * vecs multiply-adds, which must be at least latency * throughput (8 for two units of 4
// cycles) and leave room for B and A in the register file: 8 x 3 of 32 registers, 6 x 2 of 16.
// Around it: a block of B (kDepth x kCols, half of the second-level cache) is copied into panels in
// the order the kernel reads it; each group of rows of A is copied likewise (a few KB, stays in the
// first-level cache) and runs along the whole block. Small operands are read in place.
#include "cpu/gemm_kernel.h"

#include <utility>

#include "scalar/half.h"
#include "scalar/vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wg {
inline namespace WG_ISA {
namespace {

using namespace gemm_impl;

WG_INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
WG_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

#if WG_VEC_BYTES == 64 || defined(__aarch64__)
constexpr int kRows = 8, kVecs = 3;
#else
constexpr int kRows = 6, kVecs = 2;
#endif

// Packed rows of A are this far apart.
constexpr int kPackedRows = 8;

// The block of B: together about half of the second-level cache (1 MB where there is AVX-512, at
// least 256 KB elsewhere).
#if WG_VEC_BYTES == 64
constexpr int64_t kDepth = 256, kBlockBytes = 720 << 10;
#else
constexpr int64_t kDepth = 256, kBlockBytes = 192 << 10;
#endif
template <class T>
constexpr int64_t kPanelCols = kVecs * kLanes<T>;
template <class T>
constexpr int64_t kCols =
    kBlockBytes / int64_t(kDepth * sizeof(T)) / kPanelCols<T> * kPanelCols<T>;

WG_INLINE Vec<float> mul_add(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(__AVX512F__)
    return Vec<float>::from_raw(_mm512_fmadd_ps(a.raw, b.raw, c.raw));
#elif defined(__FMA__)
    return Vec<float>::from_raw(_mm256_fmadd_ps(a.raw, b.raw, c.raw));
#else
    return a * b + c;
#endif
}
WG_INLINE Vec<double> mul_add(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
    return Vec<double>::from_raw(_mm512_fmadd_pd(a.raw, b.raw, c.raw));
#elif defined(__FMA__)
    return Vec<double>::from_raw(_mm256_fmadd_pd(a.raw, b.raw, c.raw));
#else
    return a * b + c;
#endif
}

// The last vector of a row: its first `count` lanes exist.
template <class T>
struct Edge;

#if defined(__AVX512F__)
constexpr bool kCheapEdges = true;  // a masked load costs as much as any
template <>
struct Edge<float> {
    __mmask16 mask;
    WG_INLINE explicit Edge(int count) : mask(__mmask16((1u << count) - 1)) {}
    WG_INLINE Vec<float> load(const float* p) const {
        return Vec<float>::from_raw(_mm512_maskz_loadu_ps(mask, p));
    }
    WG_INLINE void store(float* p, Vec<float> v) const { _mm512_mask_storeu_ps(p, mask, v.raw); }
};
template <>
struct Edge<double> {
    __mmask8 mask;
    WG_INLINE explicit Edge(int count) : mask(__mmask8((1u << count) - 1)) {}
    WG_INLINE Vec<double> load(const double* p) const {
        return Vec<double>::from_raw(_mm512_maskz_loadu_pd(mask, p));
    }
    WG_INLINE void store(double* p, Vec<double> v) const { _mm512_mask_storeu_pd(p, mask, v.raw); }
};
#else
constexpr bool kCheapEdges = false;
template <class T>
struct Edge {
    int count;
    WG_INLINE explicit Edge(int n) : count(n) {}
    WG_INLINE Vec<T> load(const T* p) const {
#if defined(__AVX2__)
        // Only to load: masked stores take tens of cycles on some machines.
        const __m256i lanes = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(kLanesBefore + 8 - count * int(sizeof(T) / 4)));
        if constexpr (sizeof(T) == 4)
            return Vec<T>::from_raw(_mm256_maskload_ps(p, lanes));
        else
            return Vec<T>::from_raw(_mm256_maskload_pd(p, lanes));
#else
        return Vec<T>::load(p, count);
#endif
    }
    WG_INLINE void store(T* p, Vec<T> v) const { v.store(p, count); }

    static constexpr int32_t kLanesBefore[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
};
#endif

// One block of C: rows x (vecs vectors, the last with `last` lanes).
template <class T>
struct Tile {
    int64_t k;
    const T* a;
    int64_t a_stride;  // between rows when A is read along rows, else between steps of k
    const T* b;
    int64_t b_stride;
    T* c;
    int64_t c_stride;
    T alpha, beta;
    int last;
};

template <class T, bool AlongRows, int Rows, int Vecs>
void tile(const Tile<T>& t) {
    using V = Vec<T>;
    constexpr int W = kLanes<T>;
    const Edge<T> edge(t.last);
    V acc[Rows][Vecs];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < Vecs; ++v) acc[r][v] = V(T(0));

    // C is touched again only after the loop.
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < Vecs; ++v) __builtin_prefetch(t.c + r * t.c_stride + v * W, 1);

    const T* a = t.a;
    const T* b = t.b;
    const int64_t a_stride = t.a_stride, b_stride = t.b_stride;
    for (int64_t p = 0; p < t.k; ++p) {
        V bv[Vecs];
#pragma GCC unroll 3
        for (int v = 0; v < Vecs - 1; ++v) bv[v] = V::load(b + v * W);
        // Without cheap edges, what is read here is padded to whole vectors.
        if constexpr (kCheapEdges)
            bv[Vecs - 1] = edge.load(b + (Vecs - 1) * W);
        else
            bv[Vecs - 1] = V::load(b + (Vecs - 1) * W);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r) {
            const V av(AlongRows ? a[r * a_stride] : a[r]);
#pragma GCC unroll 3
            for (int v = 0; v < Vecs; ++v) acc[r][v] = mul_add(av, bv[v], acc[r][v]);
        }
        a += AlongRows ? 1 : a_stride;
        b += b_stride;
    }

    const V alpha(t.alpha), beta(t.beta);
    T* c = t.c;
    if (t.beta == T(0)) {
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r, c += t.c_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < Vecs - 1; ++v) (alpha * acc[r][v]).store(c + v * W);
            edge.store(c + (Vecs - 1) * W, alpha * acc[r][Vecs - 1]);
        }
    } else {
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r, c += t.c_stride) {
#pragma GCC unroll 3
            for (int v = 0; v < Vecs - 1; ++v)
                mul_add(beta, V::load(c + v * W), alpha * acc[r][v]).store(c + v * W);
            T* const end = c + (Vecs - 1) * W;
            edge.store(end, mul_add(beta, edge.load(end), alpha * acc[r][Vecs - 1]));
        }
    }
}

template <class T>
using TileKernel = void (*)(const Tile<T>&);

// tile<T, AlongRows, rows, vecs> at [AlongRows][rows - 1][vecs - 1].
template <class T>
struct TileKernels {
    TileKernel<T> at[2][kRows][kVecs];
};
template <class T, bool AlongRows, int... I>
constexpr void fill(TileKernels<T>& table, std::integer_sequence<int, I...>) {
    ((table.at[AlongRows][I / kVecs][I % kVecs] = &tile<T, AlongRows, I / kVecs + 1, I % kVecs + 1>),
     ...);
}
template <class T>
constexpr TileKernels<T> make_tile_kernels() {
    TileKernels<T> table{};
    fill<T, false>(table, std::make_integer_sequence<int, kRows * kVecs>());
    fill<T, true>(table, std::make_integer_sequence<int, kRows * kVecs>());
    return table;
}
template <class T>
constexpr TileKernels<T> kTileKernels = make_tile_kernels<T>();

// `total` cut into the fewest parts of at most `most`, as equal as can be, larger ones first.
struct Parts {
    int64_t count, size, larger;
    WG_INLINE Parts(int64_t total, int64_t most)
        : count(ceil_div(total, most)), size(total / count), larger(total - size * count) {}
    WG_INLINE int64_t operator[](int64_t i) const { return size + (i < larger); }
};

// a0 b0 a1 b1 ...: the lower or upper half of both, interleaved.
template <bool Upper, class T, int N>
WG_INLINE Vec<T, N> interleave(Vec<T, N> a, Vec<T, N> b) {
    constexpr int H = Upper ? N / 2 : 0;
    using V = Vec<T, N>;
#if defined(__clang__) || __GNUC__ >= 12
    if constexpr (N == 2)
        return V::from_raw(__builtin_shufflevector(a.raw, b.raw, H, H + N));
    else if constexpr (N == 4)
        return V::from_raw(
            __builtin_shufflevector(a.raw, b.raw, H, H + N, H + 1, H + 1 + N));
    else if constexpr (N == 8)
        return V::from_raw(__builtin_shufflevector(a.raw, b.raw, H, H + N, H + 1, H + 1 + N, H + 2,
                                                   H + 2 + N, H + 3, H + 3 + N));
    else
        return V::from_raw(__builtin_shufflevector(
            a.raw, b.raw, H, H + N, H + 1, H + 1 + N, H + 2, H + 2 + N, H + 3, H + 3 + N, H + 4,
            H + 4 + N, H + 5, H + 5 + N, H + 6, H + 6 + N, H + 7, H + 7 + N));
#else
    typename V::int_type::raw_type order{};
    for (int i = 0; i < N; ++i) order[i] = H + i / 2 + (i % 2) * N;
    return V::from_raw(__builtin_shuffle(a.raw, b.raw, order));
#endif
}

// Transposes N rows of N: each of log2(N) perfect shuffles rotates the bits of (row, lane) by one.
template <class T, int N>
WG_INLINE void transpose(Vec<T, N> (&rows)[N]) {
    Vec<T, N> next[N];
#pragma GCC unroll 4
    for (int step = 1; step < N; step *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < N / 2; ++i) {
            next[2 * i] = interleave<false>(rows[i], rows[i + N / 2]);
            next[2 * i + 1] = interleave<true>(rows[i], rows[i + N / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) rows[i] = next[i];
    }
}

// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < cols, where rows <= N and
// lanes from `rows` on are written as zeros.
template <int N, class T>
WG_INLINE void pack_transposed(T* to, int64_t to_stride, const T* from, int64_t from_stride,
                               int64_t rows, int64_t cols) {
    using V = Vec<T, N>;
    V block[N];
    int64_t j = 0;
    if (rows == N) {
        for (; j + N <= cols; j += N) {
#pragma GCC unroll 16
            for (int i = 0; i < N; ++i) block[i] = V::load(from + i * from_stride + j);
            transpose(block);
#pragma GCC unroll 16
            for (int i = 0; i < N; ++i) block[i].store(to + (j + i) * to_stride);
        }
    }
    for (; j < cols; ++j) {
        int i = 0;
        for (; i < rows; ++i) to[j * to_stride + i] = from[i * from_stride + j];
        for (; i < N; ++i) to[j * to_stride + i] = T(0);
    }
}

// Rows of op(A) for the kernel: to[p * kPackedRows + r].
template <class T>
void pack_a(T* to, const GemmArgs<T>& g, int64_t i0, int rows, int64_t p0, int64_t depth) {
    if (g.trans_a) {
        const T* from = g.a + p0 * g.lda + i0;
        if (rows == 8) {
            for (int64_t p = 0; p < depth; ++p)
                Vec<T, 8>::load(from + p * g.lda).store(to + p * kPackedRows);
        } else {
            for (int64_t p = 0; p < depth; ++p)
                for (int r = 0; r < rows; ++r) to[p * kPackedRows + r] = from[p * g.lda + r];
        }
        return;
    }
    constexpr int N = kLanes<T> < kPackedRows ? kLanes<T> : kPackedRows;
    const T* from = g.a + i0 * g.lda + p0;
    for (int r = 0; r < rows; r += N)
        pack_transposed<N>(to + r, kPackedRows, from + r * g.lda, g.lda, lesser(N, rows - r), depth);
}

// A panel of op(B), `cols` wide (padded to vecs vectors), for the kernel: to[p * vecs * W + j].
template <class T>
void pack_b(T* to, const GemmArgs<T>& g, int64_t j0, int64_t cols, int64_t vecs, int64_t p0,
            int64_t depth) {
    constexpr int W = kLanes<T>;
    const int64_t stride = vecs * W;
    if (g.trans_b) {
        const T* from = g.b + j0 * g.ldb + p0;
        for (int64_t j = 0; j < cols; j += W)
            pack_transposed<W>(to + j, stride, from + j * g.ldb, g.ldb, lesser(W, cols - j), depth);
        return;
    }
    const T* from = g.b + p0 * g.ldb + j0;
    const Edge<T> edge(static_cast<int>(cols - (vecs - 1) * W));
    for (int64_t p = 0; p < depth; ++p, from += g.ldb, to += stride) {
        for (int64_t v = 0; v < vecs - 1; ++v) Vec<T>::load(from + v * W).store(to + v * W);
        edge.load(from + (vecs - 1) * W).store(to + (vecs - 1) * W);
    }
}

template <class T>
void scale_c(const GemmArgs<T>& g) {
    for (int64_t i = 0; i < g.m; ++i) {
        T* c = g.c + i * g.ldc;
        for (int64_t j = 0; j < g.n; ++j) c[j] = g.beta == T(0) ? T(0) : g.beta * c[j];
    }
}

// R x kDotCols dot products of rows of A with rows of B.
constexpr int kDotRows = kVecs == 3 ? 4 : 2, kDotCols = 4;
template <int R, class T>
void dot_tile(const GemmArgs<T>& g, int64_t i, int64_t j) {
    using V = Vec<T>;
    constexpr int W = kLanes<T>, C = kDotCols;
    const int cols = static_cast<int>(lesser(C, g.n - j));
    const T* a = g.a + i * g.lda;
    const T* b[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) b[c] = g.b + (j + lesser(c, cols - 1)) * g.ldb;
    V acc[R][C];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) acc[r][c] = V(T(0));
    int64_t p = 0;
    for (; p + W <= g.k; p += W) {
        V av[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) av[r] = V::load(a + r * g.lda + p);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
            const V bv = V::load(b[c] + p);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) acc[r][c] = mul_add(av[r], bv, acc[r][c]);
        }
    }
    if (p < g.k) {
        const Edge<T> edge(static_cast<int>(g.k - p));
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const V av = edge.load(a + r * g.lda + p);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) acc[r][c] = mul_add(av, edge.load(b[c] + p), acc[r][c]);
        }
    }
    for (int r = 0; r < R; ++r) {
        T* to = g.c + (i + r) * g.ldc + j;
        T sums[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sums[c] = sum_lanes(acc[r][c]);
        for (int c = 0; c < cols; ++c)
            to[c] = g.beta == T(0) ? g.alpha * sums[c] : g.alpha * sums[c] + g.beta * to[c];
    }
}

// a * b^T with few rows of a: both are contiguous along k, nothing needs packing.
template <class T>
void gemm_dots(const GemmArgs<T>& g) {
    for (int64_t j = 0; j < g.n; j += kDotCols) {
        int64_t i = 0;
        for (; i + kDotRows <= g.m; i += kDotRows) dot_tile<kDotRows>(g, i, j);
        switch (g.m - i) {
            case 1: dot_tile<1>(g, i, j); break;
            case 2: dot_tile<2>(g, i, j); break;
            case 3: dot_tile<3>(g, i, j); break;
            default: break;
        }
    }
}

// Below these, copying costs more than it saves (measured).
constexpr int64_t kDirectBytesB = 64 << 10;
constexpr int64_t kDirectRows = 16;
constexpr int64_t kDirectPanelsA = 2;
constexpr int64_t kDotMaxRows = 24, kDotMinDepth = 32;

template <class T>
void gemm(const GemmArgs<T>& g) {
    constexpr int W = kLanes<T>;
    if (g.m <= 0 || g.n <= 0) return;
    if (g.k <= 0 || g.alpha == T(0)) return scale_c(g);
    if (g.trans_b && !g.trans_a && g.m <= kDotMaxRows && g.k >= kDotMinDepth * g.m)
        return gemm_dots(g);

    const Parts blocks(ceil_div(g.n, W), kCols<T> / W);
    const Parts depths(g.k, kDepth);
    const Parts row_groups(g.m, kRows);
    const bool direct_b =
        !g.trans_b &&
        (g.m <= kDirectRows || g.k * g.n * int64_t(sizeof(T)) <= kDirectBytesB);
    const bool direct_a = ceil_div(g.n, kPanelCols<T>) <= kDirectPanelsA;

    const int64_t a_size = direct_a ? 0 : (kPackedRows * depths[0] + W - 1) / W * W;
    const int64_t b_cols = direct_b ? (kCheapEdges ? 0 : kPanelCols<T>) : blocks[0] * W;
    T* a_pack = nullptr;
    if (a_size + b_cols > 0)
        a_pack = static_cast<T*>(
            scratch(Scratch::Pack, size_t(a_size + b_cols * depths[0]) * sizeof(T)));
    T* const b_pack = a_pack + a_size;

    Tile<T> t;
    t.c_stride = g.ldc;
    t.alpha = g.alpha;
    for (int64_t block = 0, v0 = 0; block < blocks.count; v0 += blocks[block++]) {
        const Parts panels(blocks[block], kVecs);
        for (int64_t d = 0, p0 = 0; d < depths.count; p0 += depths[d++]) {
            t.k = depths[d];
            t.beta = p0 == 0 ? g.beta : T(1);
            if (!direct_b) {
                T* to = b_pack;
                for (int64_t panel = 0, v = v0; panel < panels.count; v += panels[panel++]) {
                    const int64_t vecs = panels[panel];
                    pack_b(to, g, v * W, lesser(vecs * W, g.n - v * W), vecs, p0, t.k);
                    to += vecs * W * t.k;
                }
            } else if (!kCheapEdges && g.n % W != 0 && block == blocks.count - 1) {
                const int64_t vecs = panels[panels.count - 1];
                const int64_t v = v0 + blocks[block] - vecs;
                pack_b(b_pack, g, v * W, g.n - v * W, vecs, p0, t.k);
            }
            for (int64_t group = 0, i0 = 0; group < row_groups.count; i0 += row_groups[group++]) {
                const int rows = static_cast<int>(row_groups[group]);
                const bool along_rows = direct_a && !g.trans_a;
                if (direct_a) {
                    t.a = g.a + (g.trans_a ? p0 * g.lda + i0 : i0 * g.lda + p0);
                    t.a_stride = g.lda;
                } else {
                    pack_a(a_pack, g, i0, rows, p0, t.k);
                    t.a = a_pack;
                    t.a_stride = kPackedRows;
                }
                const auto& kernels = kTileKernels<T>.at[along_rows][rows - 1];
                const T* packed = b_pack;
                for (int64_t panel = 0, v = v0; panel < panels.count; v += panels[panel++]) {
                    const int64_t vecs = panels[panel];
                    const int64_t cols = lesser(vecs * W, g.n - v * W);
                    t.last = static_cast<int>(cols - (vecs - 1) * W);
                    t.c = g.c + i0 * g.ldc + v * W;
                    if (direct_b && (kCheapEdges || t.last == W)) {
                        t.b = g.b + p0 * g.ldb + v * W;
                        t.b_stride = g.ldb;
                    } else {
                        t.b = packed;
                        t.b_stride = vecs * W;
                        packed += vecs * W * t.k;
                    }
                    kernels[vecs - 1](t);
                }
            }
        }
    }
}

template <class T>
T dot(int64_t n, const T* x, const T* y) {
    using V = Vec<T>;
    constexpr int W = kLanes<T>, U = 8;
    V acc[U];
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) acc[u] = V(T(0));
    int64_t i = 0;
    for (; i + U * W <= n; i += U * W) {
#pragma GCC unroll 8
        for (int u = 0; u < U; ++u)
            acc[u] = mul_add(V::load(x + i + u * W), V::load(y + i + u * W), acc[u]);
    }
    for (; i < n; i += W) {
        const int rest = static_cast<int>(lesser(W, n - i));
        acc[0] = mul_add(V::load(x + i, rest), V::load(y + i, rest), acc[0]);
    }
#pragma GCC unroll 3
    for (int half = U / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int u = 0; u < half; ++u) acc[u] = acc[u] + acc[u + half];
    return sum_lanes(acc[0]);
}

// Rows of a are contiguous: four dot products at a time.
template <class T>
void gemv_rows(const GemvArgs<T>& g) {
    using V = Vec<T>;
    constexpr int W = kLanes<T>, R = 4, U = 2;
    const auto put = [&](int64_t i, T sum) {
        T* y = g.y + i * g.incy;
        *y = g.beta == T(0) ? g.alpha * sum : g.alpha * sum + g.beta * *y;
    };
    int64_t i = 0;
    for (; i + R <= g.rows; i += R) {
        const T* a = g.a + i * g.lda;
        V acc[R][U];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
            for (int u = 0; u < U; ++u) acc[r][u] = V(T(0));
        int64_t j = 0;
        for (; j + U * W <= g.cols; j += U * W) {
#pragma GCC unroll 2
            for (int u = 0; u < U; ++u) {
                const V x = V::load(g.x + j + u * W);
#pragma GCC unroll 4
                for (int r = 0; r < R; ++r)
                    acc[r][u] = mul_add(V::load(a + r * g.lda + j + u * W), x, acc[r][u]);
            }
        }
        for (; j < g.cols; j += W) {
            const int rest = static_cast<int>(lesser(W, g.cols - j));
            const V x = V::load(g.x + j, rest);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r)
                acc[r][0] = mul_add(V::load(a + r * g.lda + j, rest), x, acc[r][0]);
        }
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) put(i + r, sum_lanes(acc[r][0] + acc[r][1]));
    }
    for (; i < g.rows; ++i) put(i, dot(g.cols, g.a + i * g.lda, g.x));
}

// y += alpha * sum of R rows of a, times x[r].
template <int R, class T>
WG_INLINE void add_rows(T* y, const T* a, int64_t lda, const T* x, T alpha, int64_t cols) {
    using V = Vec<T>;
    constexpr int W = kLanes<T>;
    V xs[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) xs[r] = V(alpha * x[r]);
    int64_t j = 0;
    for (; j + W <= cols; j += W) {
        V sum = V::load(a + j) * xs[0];
#pragma GCC unroll 8
        for (int r = 1; r < R; ++r) sum = mul_add(V::load(a + r * lda + j), xs[r], sum);
        (V::load(y + j) + sum).store(y + j);
    }
    if (j < cols) {
        const int rest = static_cast<int>(cols - j);
        V sum = V::load(a + j, rest) * xs[0];
#pragma GCC unroll 8
        for (int r = 1; r < R; ++r) sum = mul_add(V::load(a + r * lda + j, rest), xs[r], sum);
        (V::load(y + j, rest) + sum).store(y + j, rest);
    }
}

// The transpose of a times x: rows of a are added to y, eight at a time, in pieces of y that stay
// in the first-level cache.
template <class T>
void gemv_cols(const GemvArgs<T>& g) {
    constexpr int64_t kPiece = 8192 / sizeof(T);
    for (int64_t j = 0; j < g.cols; j += kPiece) {
        const int64_t cols = lesser(kPiece, g.cols - j);
        T* y = g.y + j;
        const T* a = g.a + j;
        for (int64_t p = 0; p < cols; ++p) y[p] = g.beta == T(0) ? T(0) : g.beta * y[p];
        int64_t i = 0;
        for (; i + 8 <= g.rows; i += 8)
            add_rows<8>(y, a + i * g.lda, g.lda, g.x + i, g.alpha, cols);
        for (; i < g.rows; ++i) add_rows<1>(y, a + i * g.lda, g.lda, g.x + i, g.alpha, cols);
    }
}

template <class T>
void gemv(const GemvArgs<T>& g) {
    if (g.trans)
        gemv_cols(g);
    else
        gemv_rows(g);
}

// to[i * cols + j] = from[i * ld + j]
template <class H>
void widen(float* to, const H* from, int64_t ld, int64_t rows, int64_t cols) {
    constexpr int W = kLanes<float>;
    for (int64_t i = 0; i < rows; ++i, to += cols, from += ld) {
        int64_t j = 0;
        for (; j + W <= cols; j += W) load_as_float(from + j).store(to + j);
        for (; j < cols; ++j) to[j] = float(from[j]);
    }
}

// Sixteen-bit floats are widened block by block, multiplied and summed in single precision, and
// rounded once at the end.
template <class H>
void gemm16(const GemmArgs<H, float>& g) {
    constexpr int64_t kM = 256, kN = 512, kK = 512;
    if (g.m <= 0 || g.n <= 0) return;
    const int64_t mm = lesser(kM, g.m), nn = lesser(kN, g.n), kk = lesser(kK, g.k);
    float* const a = static_cast<float*>(
        scratch(Scratch::Widen, size_t(mm * kk + kk * nn + mm * nn) * sizeof(float)));
    float* const b = a + mm * kk;
    float* const c = b + kk * nn;
    for (int64_t j = 0; j < g.n; j += kN) {
        const int64_t n = lesser(kN, g.n - j);
        for (int64_t i = 0; i < g.m; i += kM) {
            const int64_t m = lesser(kM, g.m - i);
            GemmArgs<float> f{g.trans_a, g.trans_b, m, n, 0, g.alpha, a, 0, b, 0, 0.0f, c, n};
            if (g.k <= 0) gemm(f);
            for (int64_t p = 0; p < g.k; p += kK) {
                f.k = lesser(kK, g.k - p);
                f.lda = g.trans_a ? m : f.k;
                f.ldb = g.trans_b ? f.k : n;
                f.beta = p == 0 ? 0.0f : 1.0f;
                if (g.trans_a)
                    widen(a, g.a + p * g.lda + i, g.lda, f.k, m);
                else
                    widen(a, g.a + i * g.lda + p, g.lda, m, f.k);
                if (g.trans_b)
                    widen(b, g.b + j * g.ldb + p, g.ldb, n, f.k);
                else
                    widen(b, g.b + p * g.ldb + j, g.ldb, f.k, n);
                gemm(f);
            }
            for (int64_t r = 0; r < m; ++r) {
                H* to = g.c + (i + r) * g.ldc + j;
                const float* from = c + r * n;
                if (g.beta == 0.0f)
                    for (int64_t s = 0; s < n; ++s) to[s] = H(from[s]);
                else
                    for (int64_t s = 0; s < n; ++s) to[s] = H(from[s] + g.beta * float(to[s]));
            }
        }
    }
}

// Integers wrap around: computed modulo 2^bits, unsigned and at least as wide as int, so that
// nothing is promoted to a signed type that could overflow.
template <class T>
void gemm_int(const GemmArgs<T>& g) {
    using Wide = typename traits::ints<(sizeof(T) > 4 ? 8 : 4)>::u;
    constexpr int64_t kBlock = 128;
    const Wide alpha = Wide(g.alpha), beta = Wide(g.beta);
    for (int64_t i = 0; i < g.m; ++i) {
        T* c = g.c + i * g.ldc;
        for (int64_t j = 0; j < g.n; ++j) c[j] = beta == 0 ? T(0) : T(beta * Wide(c[j]));
    }
    T rows[kBlock * kBlock];  // of op(B)
    for (int64_t p0 = 0; p0 < g.k; p0 += kBlock) {
        const int64_t depth = lesser(kBlock, g.k - p0);
        for (int64_t j0 = 0; j0 < g.n; j0 += kBlock) {
            const int64_t cols = lesser(kBlock, g.n - j0);
            const T* b = g.b + p0 * g.ldb + j0;
            int64_t ldb = g.ldb;
            if (g.trans_b) {
                for (int64_t j = 0; j < cols; ++j)
                    for (int64_t p = 0; p < depth; ++p)
                        rows[p * kBlock + j] = g.b[(j0 + j) * g.ldb + p0 + p];
                b = rows;
                ldb = kBlock;
            }
            for (int64_t i = 0; i < g.m; ++i) {
                T* __restrict c = g.c + i * g.ldc + j0;
                for (int64_t p = 0; p < depth; ++p) {
                    const T* __restrict row = b + p * ldb;
                    const T a = g.trans_a ? g.a[(p0 + p) * g.lda + i] : g.a[i * g.lda + p0 + p];
                    const Wide factor = alpha * Wide(a);
                    for (int64_t j = 0; j < cols; ++j) c[j] = T(Wide(c[j]) + factor * Wide(row[j]));
                }
            }
        }
    }
}

template <class T>
constexpr FloatKernels<T> float_kernels() {
    return {&gemm<T>, &gemv<T>, &dot<T>};
}

constexpr GemmKernels kKernels = {
    float_kernels<float>(), float_kernels<double>(), &gemm16<Half>,      &gemm16<BFloat16>,
    &gemm_int<int8_t>,      &gemm_int<int16_t>,      &gemm_int<int32_t>, &gemm_int<int64_t>,
    &gemm_int<uint8_t>,
};

}  // namespace
}  // namespace WG_ISA

#define WG_JOIN_(a, b) a##b
#define WG_JOIN(a, b) WG_JOIN_(a, b)
const gemm_impl::GemmKernels& gemm_impl::WG_JOIN(gemm_kernels_, WG_ISA)() { return kKernels; }

}  // namespace wg
