// The elements that advanced indexing names, x[i, :, j] with index tensors i and j, as an address
// calculation shared by reading (index.cpp) and writing (index_put.cpp). Start with IndexedRegion.
#pragma once

#include "autograd/record.h"
#include "cpu/thread_pool.h"
#include "ops/functions.h"
#include "tensor/unlocked.h"

namespace wg {

// Note [Advanced indexing]
// Masks count as the index tensors of their nonzero(). All index tensors are broadcast to one shape.
// When they stand next to each other that shape replaces the dimensions they index, otherwise it
// comes first. An element of the result is found at
//     sum over the other dims of index * stride   +   offsets[position in the index shape]
// where offsets holds what the index tensors contribute, checked against the sizes once.
struct IndexedRegion {
    Tensor base;  // the indexed tensor, its dims permuted so that the indexed ones are adjacent
    Dims shape;  // of the result
    Dims strides;  // of base along the dims of the result; 0 along those of the index shape
    size_t first = 0, count = 0;  // the dims of the result that are the index shape
    Tensor offsets;  // int64, contiguous, in elements
    TensorList indices;  // that it was made of, without masks
};

// `values`, when given, are to be written there: they are checked before the range of the indices.
IndexedRegion indexed_region(const Tensor& t, const TensorList& indices, const Tensor& values = {});

void check_index_count(const Tensor& t, const TensorList& indices);

// Whether the mask has the sizes of t from `dim` on.
void check_mask_shape(const Tensor& t, int64_t dim, const Tensor& mask);

inline bool is_mask(const Tensor& index) {
    return index.dtype() == DType::Bool || index.dtype() == DType::UInt8;
}

// Whether a tensor of the region's shape with these strides has one stride along the index shape.
bool one_stride(const IndexedRegion& r, IntSpan strides);

namespace indexing_impl {

struct Loop {
    int64_t size, base, other;  // strides in bytes
};
struct Loops {
    SmallVector<Loop, 8> outer;  // from the fastest to the slowest
    Loop run;  // innermost
    int64_t index_stride;  // of the other side, in bytes
};
Loops plan_loops(const IndexedRegion& r, IntSpan other_strides, int64_t itemsize);

}  // namespace indexing_impl

// Calls run(base element, other element, n, base stride, other stride), strides in bytes, for runs
// that together cover the region; `first` is the memory of its base, `other` that of a tensor of the region's
// shape with the given strides, which are those of one dimension along the index shape. In order of the index when not parallel.
template <class Base, class Other, class Run>
void for_each_run(const IndexedRegion& r, Base* first, Other* other, IntSpan other_strides,
                  bool parallel, Run run) {
    if (count(r.shape) == 0) return;
    const auto loops = indexing_impl::plan_loops(r, other_strides, int64_t(r.base.itemsize()));
    const int64_t item = int64_t(r.base.itemsize()), n = r.offsets.numel();
    const int64_t* offsets = r.offsets.data<int64_t>();
    int64_t passes = 1;
    for (const auto& l : loops.outer) passes *= l.size;
    const auto range = [&](int64_t begin, int64_t end) {
        SmallVector<int64_t, 8> at(loops.outer.size(), 0);
        Base* base = first;
        Other* to = other;
        int64_t k = begin % n, rest = begin / n;
        for (size_t d = 0; d < loops.outer.size(); ++d) {
            at[d] = rest % loops.outer[d].size;
            rest /= loops.outer[d].size;
            base += at[d] * loops.outer[d].base;
            to += at[d] * loops.outer[d].other;
        }
        for (int64_t left = end - begin; left > 0;) {
            const int64_t stop = k + left < n ? k + left : n;
            left -= stop - k;
            for (; k < stop; ++k)
                run(base + offsets[k] * item, to + k * loops.index_stride, loops.run.size,
                    loops.run.base, loops.run.other);
            k = 0;
            for (size_t d = 0; d < loops.outer.size(); ++d) {
                base += loops.outer[d].base;
                to += loops.outer[d].other;
                if (++at[d] < loops.outer[d].size) break;
                base -= loops.outer[d].size * loops.outer[d].base;
                to -= loops.outer[d].size * loops.outer[d].other;
                at[d] = 0;
            }
        }
    };
    const int64_t grain = 16384 / loops.run.size + 1;
    if (parallel) parallel_for(0, passes * n, grain, range);
    else range(0, passes * n);
}

// They may be in the caller's memory: the lock is kept until they have been used. Note [Loops without the lock]
class CheckedIndices : public Tensor {
public:
    explicit CheckedIndices(Tensor values) noexcept : Tensor(std::move(values)) {}

private:
    KeepLock lock_;
};

// The values of an index tensor as contiguous int64, each checked to lie in [0, size), or in
// [-size, size) when `negative`, and then made positive. `bad` is called with the first that does not.
template <class Bad>
CheckedIndices checked_indices(const Tensor& index, int64_t size, bool negative, Bad bad) {
    Unrecorded off;
    const Tensor values = contiguous(to_dtype(index, DType::Int64));
    const int64_t* v = values.data<int64_t>();
    const int64_t n = values.numel();
    const int64_t lowest = negative ? -size : 0;
    bool fits = true, below_zero = false;
    for (int64_t i = 0; i < n; ++i) {
        fits &= (v[i] >= lowest) & (v[i] < size);
        below_zero |= v[i] < 0;
    }
    if (!fits)
        for (int64_t i = 0; i < n; ++i)
            if (v[i] < lowest || v[i] >= size) bad(v[i]);
    if (!below_zero) return CheckedIndices(values);
    Tensor wrapped = empty(values.sizes(), DType::Int64);
    for (int64_t i = 0; i < n; ++i)
        wrapped.mutable_data<int64_t>()[i] = v[i] < 0 ? v[i] + size : v[i];
    return CheckedIndices(wrapped);
}

}  // namespace wg
