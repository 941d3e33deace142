// Matrix products on one thread; compiled once per instruction set. Start with `gemm` below.
//
// Note [Matrix product]
// The inner kernel is in gemm_tile.h. Around it: a block of B (kDepth x kCols, most of the
// second-level cache) is copied into panels in the order the kernel reads it; each group of rows of A
// is copied likewise (8 KB, stays in the first-level cache) and runs along the whole block. Small
// operands are read in place. Products of few rows with a transposed B are dot products: both sides
// are contiguous already.
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_tile.h"
#include "scalar/half.h"
#include "scalar/vec.h"

namespace wg {
inline namespace WG_ISA {
namespace {

using namespace gemm_impl;
using namespace gemm_tile;

WG_INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
WG_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Packed rows of A are this far apart.
constexpr int kPackedRows = 8;

// The block of B: most of a second-level cache of 1 MB (where there is AVX-512) or 256 KB.
#if WG_VEC_BYTES == 64
constexpr int64_t kDepth = 256, kBlockBytes = 720 << 10;
#else
constexpr int64_t kDepth = 256, kBlockBytes = 192 << 10;
#endif
template <class T>
constexpr int64_t kPanelCols = kVecs * kLanes<T>;
template <class T>
constexpr int64_t kCols = kBlockBytes / int64_t(kDepth * sizeof(T)) / kPanelCols<T> * kPanelCols<T>;

// `total` cut into the fewest parts of at most `most`, as equal as can be, larger ones first.
struct Parts {
    int64_t count, size, larger;
    WG_INLINE Parts(int64_t total, int64_t most)
        : count(ceil_div(total, most)), size(total / count), larger(total - size * count) {}
    WG_INLINE int64_t operator[](int64_t i) const { return size + (i < larger); }
};

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
        pack_transposed<N>(to + r, kPackedRows, from + r * g.lda, g.lda, lesser(N, rows - r),
                           depth);
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
constexpr int64_t kDirectPanelsA = 8;
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
        !g.trans_b && (g.m <= kDirectRows || g.k * g.n * int64_t(sizeof(T)) <= kDirectBytesB);
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
    if (g.trans) gemv_cols(g);
    else gemv_rows(g);
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
    if (g.m <= 0 || g.n <= 0) return;
    // With few rows or columns each widened element is used only a few times: keep it close.
    constexpr int64_t kK = 512;
    const int64_t kM = g.n <= 8 ? 32 : 256, kN = g.m <= 8 ? 32 : 512;
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
                if (g.trans_a) widen(a, g.a + p * g.lda + i, g.lda, f.k, m);
                else widen(a, g.a + i * g.lda + p, g.lda, m, f.k);
                if (g.trans_b) widen(b, g.b + j * g.ldb + p, g.ldb, n, f.k);
                else widen(b, g.b + p * g.ldb + j, g.ldb, f.k, n);
                if (m == 1 && g.alpha != 0.0f)
                    gemv<float>({!f.trans_b, f.trans_b ? n : f.k, f.trans_b ? f.k : n, f.alpha, b,
                                 f.ldb, a, f.beta, c, 1});
                else if (n == 1 && g.alpha != 0.0f)
                    gemv<float>({f.trans_a, f.trans_a ? f.k : m, f.trans_a ? m : f.k, f.alpha, a,
                                 f.lda, b, f.beta, c, 1});
                else gemm(f);
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
using Wide = typename traits::ints<(sizeof(T) > 4 ? 8 : 4)>::u;

// c[j] += sum of R factors times elements j of R rows.
template <int R, class T>
WG_INLINE void add_int_rows(T* __restrict c, const T* __restrict rows, int64_t ld,
                            const Wide<T>* factors, int64_t cols) {
    for (int64_t j = 0; j < cols; ++j) {
        Wide<T> sum = Wide<T>(c[j]);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum += factors[r] * Wide<T>(rows[r * ld + j]);
        c[j] = T(sum);
    }
}

template <class T>
void gemm_int(const GemmArgs<T>& g) {
    using U = Wide<T>;
    // A block of B is 32 KB.
    constexpr int64_t kRowsB = 64, kColsB = 512 / sizeof(T);
    constexpr int R = 4;
    const U alpha = U(g.alpha), beta = U(g.beta);
    for (int64_t i = 0; i < g.m; ++i) {
        T* c = g.c + i * g.ldc;
        for (int64_t j = 0; j < g.n; ++j) c[j] = beta == 0 ? T(0) : T(beta * U(c[j]));
    }
    if (g.trans_b && !g.trans_a && g.m <= R) {
        for (int64_t i = 0; i < g.m; ++i) {
            for (int64_t j = 0; j < g.n; ++j) {
                const T* a = g.a + i * g.lda;
                const T* b = g.b + j * g.ldb;
                U sum = 0;
                for (int64_t p = 0; p < g.k; ++p) sum += U(a[p]) * U(b[p]);
                T& c = g.c[i * g.ldc + j];
                c = T(U(c) + alpha * sum);
            }
        }
        return;
    }
    const bool copy = g.trans_b || g.m > 8;
    T block[kRowsB * kColsB];
    for (int64_t p0 = 0; p0 < g.k; p0 += kRowsB) {
        const int64_t depth = lesser(kRowsB, g.k - p0);
        for (int64_t j0 = 0; j0 < g.n; j0 += kColsB) {
            const int64_t cols = lesser(kColsB, g.n - j0);
            const T* b = g.b + p0 * g.ldb + j0;
            int64_t ldb = g.ldb;
            if (g.trans_b) {
                for (int64_t strip = 0; strip < cols; strip += 8)
                    for (int64_t p = 0; p < depth; ++p)
                        for (int64_t j = strip; j < lesser(strip + 8, cols); ++j)
                            block[p * kColsB + j] = g.b[(j0 + j) * g.ldb + p0 + p];
            } else if (copy) {
                for (int64_t p = 0; p < depth; ++p)
                    __builtin_memcpy(block + p * kColsB, b + p * ldb, size_t(cols) * sizeof(T));
            }
            if (copy) {
                b = block;
                ldb = kColsB;
            }
            for (int64_t i = 0; i < g.m; ++i) {
                T* c = g.c + i * g.ldc + j0;
                U factors[kRowsB];
                for (int64_t p = 0; p < depth; ++p)
                    factors[p] =
                        alpha * U(g.trans_a ? g.a[(p0 + p) * g.lda + i] : g.a[i * g.lda + p0 + p]);
                int64_t p = 0;
                for (; p + R <= depth; p += R)
                    add_int_rows<R>(c, b + p * ldb, ldb, factors + p, cols);
                for (; p < depth; ++p) add_int_rows<1>(c, b + p * ldb, ldb, factors + p, cols);
            }
        }
    }
}

template <class T>
constexpr FloatKernels<T> float_kernels() {
    return {&gemm<T>, &gemv<T>, &dot<T>};
}

constexpr GemmKernels kKernels = {
    float_kernels<float>(), float_kernels<double>(), &gemm16<Half>,
    &gemm16<BFloat16>,      &gemm_int<int8_t>,       &gemm_int<int16_t>,
    &gemm_int<int32_t>,     &gemm_int<int64_t>,      &gemm_int<uint8_t>,
};

}  // namespace

const GemmKernels& gemm_kernel_table() { return kKernels; }

}  // namespace WG_ISA
}  // namespace wg
