// The inner kernel of the matrix product, and the transposition its packing needs. Included by
// gemm_kernel.isa.cpp only; start with `tile`.
//
// Note [Inner kernel]
// A tile of C, up to kRows rows by kVecs vectors, stays in registers while k outer products are
// added to it: per step kVecs loads from B, one broadcast from A per row and rows * vecs
// multiply-adds. These must be at least latency * throughput (8 for two units of 4 cycles) and leave
// room for B and A in the register file: 8 x 3 of 32 registers, 6 x 2 of 16.
#pragma once

#include <cstdint>
#include <utility>

#include "cpu/edge.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wg {
inline namespace WG_ISA {
namespace gemm_tile {

#if WG_VEC_BYTES == 64 || defined(__aarch64__)
constexpr int kRows = 8, kVecs = 3;
#else
constexpr int kRows = 6, kVecs = 2;
#endif

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
        if constexpr (kCheapEdges) bv[Vecs - 1] = edge.load(b + (Vecs - 1) * W);
        else bv[Vecs - 1] = V::load(b + (Vecs - 1) * W);
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
    ((table.at[AlongRows][I / kVecs][I % kVecs] =
          &tile<T, AlongRows, I / kVecs + 1, I % kVecs + 1>),
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

// a0 b0 a1 b1 ...: the lower or upper half of both, interleaved.
template <bool Upper, class T, int N>
WG_INLINE Vec<T, N> interleave(Vec<T, N> a, Vec<T, N> b) {
    constexpr int H = Upper ? N / 2 : 0;
    using V = Vec<T, N>;
#if defined(__clang__) || __GNUC__ >= 12
    if constexpr (N == 2) return V::from_raw(__builtin_shufflevector(a.raw, b.raw, H, H + N));
    else if constexpr (N == 4)
        return V::from_raw(__builtin_shufflevector(a.raw, b.raw, H, H + N, H + 1, H + 1 + N));
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

// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < cols, where rows <= N; lanes
// from `rows` on are filled with some number.
template <int N, class T>
WG_INLINE void pack_transposed(T* to, int64_t to_stride, const T* from, int64_t from_stride,
                               int64_t rows, int64_t cols) {
    using V = Vec<T, N>;
    const T* row[N];
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) row[i] = from + (i < rows ? i : rows - 1) * from_stride;
    V block[N];
    int64_t j = 0;
    for (; j + N <= cols; j += N) {
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) block[i] = V::load(row[i] + j);
        transpose(block);
#pragma GCC unroll 16
        for (int i = 0; i < N; ++i) block[i].store(to + (j + i) * to_stride);
    }
    for (; j < cols; ++j)
        for (int i = 0; i < N; ++i) to[j * to_stride + i] = row[i][j];
}

}  // namespace gemm_tile
}  // namespace WG_ISA
}  // namespace wg
