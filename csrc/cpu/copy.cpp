// copy_strided: reduces the two layouts to as few dimensions as possible, cuts the work into tiles
// and shares the tiles out to the pool. Start at the end of the file.
//
// Note [Tiles]
// After sorting, dimension 0 is the one along which dst is densest; a tile is up to t0 x t1 elements
// of dimensions 0 and 1, worked off as t1 runs along dimension 0. Rows that lie in memory one after
// the other make long runs. When src is densest along another dimension (a transposed copy), that one
// becomes dimension 1 and a tile is a narrow band along it: the few rows of src it reads are streamed,
// the cache lines of dst it writes are completed at once, and blocks of 4 x 4 are turned in registers
// (10^7 floats transposed: 6 ms on one thread, against 19 ms element by element). When dimension 0
// is very short, the runs go along dimension 1 instead.
#include "cpu/copy.h"

#include <algorithm>
#include <cstring>

#include "cpu/cast.h"
#include "cpu/thread_pool.h"

namespace wg {
namespace {

constexpr int64_t kParallelElements = 32768;  // less than this is not worth waking a thread for
constexpr int64_t kTileElements = 4096;
constexpr int64_t kBlock = 4;  // side of the blocks that a transposed copy turns in registers

struct Dim {
    int64_t size, dst, src;  // strides in bytes
};
using CopyDims = SmallVector<Dim, 8>;

// Without dims of size 1, from the densest in dst outwards, neighbours merged where both sides allow.
CopyDims simplify(IntSpan sizes, IntSpan dst_strides, int64_t dst_item, IntSpan src_strides,
                  int64_t src_item) {
    CopyDims dims;
    for (size_t d = sizes.size(); d-- > 0;)
        if (sizes[d] != 1)
            dims.push_back({sizes[d], dst_strides[d] * dst_item, src_strides[d] * src_item});
    // Insertion sort: nearly always sorted already.
    for (size_t i = 1; i < dims.size(); ++i)
        for (size_t j = i; j > 0; --j) {
            const Dim &inner = dims[j - 1], &outer = dims[j];
            if (inner.dst < outer.dst || (inner.dst == outer.dst && inner.src <= outer.src)) break;
            std::swap(dims[j - 1], dims[j]);
        }
    size_t kept = 0;
    for (size_t d = 1; d < dims.size(); ++d) {
        Dim& inner = dims[kept];
        const Dim& outer = dims[d];
        if (outer.dst == inner.dst * inner.size && outer.src == inner.src * inner.size)
            inner.size *= outer.size;
        else dims[++kept] = outer;
    }
    if (!dims.empty()) dims.resize(kept + 1, Dim{});
    return dims;
}

// One tile: n1 runs of n0 elements.
template <class T>
void copy_tile(char* dst, const char* src, const Dim& d0, const Dim& d1, int64_t n0, int64_t n1) {
    for (int64_t i1 = 0; i1 < n1; ++i1) {
        char* d = dst + i1 * d1.dst;
        const char* s = src + i1 * d1.src;
        if (d0.dst == sizeof(T) && d0.src == sizeof(T)) {
            std::memmove(d, s, size_t(n0) * sizeof(T));
        } else if (d0.dst == sizeof(T)) {
            T* out = reinterpret_cast<T*>(d);
            for (int64_t i = 0; i < n0; ++i) out[i] = *reinterpret_cast<const T*>(s + i * d0.src);
        } else {
            for (int64_t i = 0; i < n0; ++i)
                *reinterpret_cast<T*>(d + i * d0.dst) = *reinterpret_cast<const T*>(s + i * d0.src);
        }
    }
}

// A tile of a transposed copy: dimension 0 is contiguous in dst, dimension 1 in src.
template <class T>
void transpose_tile(char* dst, const char* src, const Dim& d0, const Dim& d1, int64_t n0,
                    int64_t n1) {
    if (d0.dst != sizeof(T) || d1.src != sizeof(T)) return copy_tile<T>(dst, src, d0, d1, n0, n1);
    for (int64_t i1 = 0; i1 < n1; i1 += kBlock)
        for (int64_t i0 = 0; i0 < n0; i0 += kBlock) {
            char* d = dst + i1 * d1.dst + i0 * int64_t(sizeof(T));
            const char* s = src + i0 * d0.src + i1 * int64_t(sizeof(T));
            if (i0 + kBlock > n0 || i1 + kBlock > n1) {
                copy_tile<T>(d, s, d0, d1, std::min(kBlock, n0 - i0), std::min(kBlock, n1 - i1));
                continue;
            }
            T rows[kBlock][kBlock];
            for (int k = 0; k < kBlock; ++k) std::memcpy(rows[k], s + k * d0.src, sizeof rows[k]);
            for (int k = 0; k < kBlock; ++k) {
                const T column[kBlock] = {rows[0][k], rows[1][k], rows[2][k], rows[3][k]};
                std::memcpy(d + k * d1.dst, column, sizeof column);
            }
        }
}

using TileFn = void (*)(char*, const char*, const Dim&, const Dim&, int64_t, int64_t);

TileFn tile_fn(size_t itemsize, bool transposed) {
    switch (itemsize) {
    case 1: return transposed ? &transpose_tile<uint8_t> : &copy_tile<uint8_t>;
    case 2: return transposed ? &transpose_tile<uint16_t> : &copy_tile<uint16_t>;
    case 4: return transposed ? &transpose_tile<uint32_t> : &copy_tile<uint32_t>;
    case 8: return transposed ? &transpose_tile<uint64_t> : &copy_tile<uint64_t>;
    default: return transposed ? &transpose_tile<Complex<double>> : &copy_tile<Complex<double>>;
    }
}

}  // namespace

void copy_strided(char* dst, DType dst_dtype, IntSpan dst_strides, const char* src, DType src_dtype,
                  IntSpan src_strides, IntSpan sizes) {
    int64_t numel = 1;
    for (int64_t s : sizes) numel *= s;
    if (numel == 0) return;
    const int64_t dst_item = int64_t(item_size(dst_dtype)),
                  src_item = int64_t(item_size(src_dtype));
    const CastFn cast = cast_fn(dst_dtype, src_dtype);

    CopyDims dims = simplify(sizes, dst_strides, dst_item, src_strides, src_item);
    if (dims.size() <= 1) {
        const Dim d = dims.empty() ? Dim{1, dst_item, src_item} : dims[0];
        parallel_for(0, d.size, kParallelElements, [&](int64_t begin, int64_t end) {
            cast(dst + begin * d.dst, d.dst, src + begin * d.src, d.src, end - begin);
        });
        return;
    }

    // Note [Tiles]
    size_t densest_in_src = 0;
    for (size_t d = 1; d < dims.size(); ++d)
        if (dims[d].src != 0 && dims[d].src < dims[densest_in_src].src && dims[d].size >= 4)
            densest_in_src = d;
    int64_t t0, t1;
    const bool transposed = densest_in_src != 0 && dims[0].size >= 4;
    if (transposed) {
        std::swap(dims[1], dims[densest_in_src]);
        t0 = std::max<int64_t>(kBlock, 64 / dst_item);
        t1 = 256;
    } else {
        if (dims[0].size < 16 && dims[1].size > dims[0].size) {
            std::swap(dims[0], dims[1]);
            t1 = dims[1].size;
            t0 = std::max<int64_t>(1, kTileElements / t1);
        } else {
            t0 = std::min(dims[0].size, kTileElements);
            t1 = std::max<int64_t>(1, kTileElements / t0);
        }
    }
    const int64_t tiles0 = (dims[0].size + t0 - 1) / t0, tiles1 = (dims[1].size + t1 - 1) / t1;
    const int64_t tiles = numel / (dims[0].size * dims[1].size) * tiles0 * tiles1;
    const TileFn same_type =
        dst_dtype == src_dtype ? tile_fn(size_t(dst_item), transposed) : nullptr;

    const int64_t grain = std::max<int64_t>(1, kParallelElements * tiles / numel);
    parallel_for(0, tiles, grain, [&](int64_t begin, int64_t end) {
        // Where the first tile lies; after that an odometer over tile0, tile1 and the outer dims.
        int64_t rest = begin;
        int64_t i0 = rest % tiles0 * t0;
        rest /= tiles0;
        int64_t i1 = rest % tiles1 * t1;
        rest /= tiles1;
        SmallVector<int64_t, 8> outer(dims.size(), 0);
        char* to = dst;
        const char* from = src;
        for (size_t d = 2; d < dims.size(); ++d) {
            outer[d] = rest % dims[d].size;
            rest /= dims[d].size;
            to += outer[d] * dims[d].dst;
            from += outer[d] * dims[d].src;
        }
        for (int64_t tile = begin; tile < end; ++tile) {
            const int64_t n0 = std::min(t0, dims[0].size - i0),
                          n1 = std::min(t1, dims[1].size - i1);
            char* tile_dst = to + i0 * dims[0].dst + i1 * dims[1].dst;
            const char* tile_src = from + i0 * dims[0].src + i1 * dims[1].src;
            if (same_type) {
                same_type(tile_dst, tile_src, dims[0], dims[1], n0, n1);
            } else {
                for (int64_t i = 0; i < n1; ++i)
                    cast(tile_dst + i * dims[1].dst, dims[0].dst, tile_src + i * dims[1].src,
                         dims[0].src, n0);
            }
            if ((i0 += t0) < dims[0].size) continue;
            i0 = 0;
            if ((i1 += t1) < dims[1].size) continue;
            i1 = 0;
            for (size_t d = 2; d < dims.size(); ++d) {
                to += dims[d].dst;
                from += dims[d].src;
                if (++outer[d] < dims[d].size) break;
                to -= dims[d].size * dims[d].dst;
                from -= dims[d].size * dims[d].src;
                outer[d] = 0;
            }
        }
    });
}

}  // namespace wg
