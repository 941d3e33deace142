// Shapes and strides: wrapping dims, broadcasting, which reshapes are views.
#pragma once

#include <optional>
#include <string>

#include "tensor/tensor.h"

namespace wg {

std::string to_string(IntSpan values);  // "[2, 3]"

[[noreturn]] void dim_out_of_range(int64_t d, int64_t ndim);

// d counted from the end when negative; a 0-d tensor accepts 0 and -1 as dims, as PyTorch does.
inline int64_t wrap_dim(int64_t d, int64_t ndim) {
    const int64_t n = ndim == 0 ? 1 : ndim;
    if (d < -n || d >= n) [[unlikely]]
        dim_out_of_range(d, n);
    return d < 0 ? d + n : d;
}

int64_t count(IntSpan sizes) noexcept;  // product
Dims contiguous_strides(IntSpan sizes);
// Strides of a dense tensor whose dims lie in memory in the same order as in `strides`.
Dims dense_strides_like(IntSpan sizes, IntSpan strides);
// A loop, not memcmp: shapes are a few numbers long, and the call costs more than the comparison.
inline bool same_shape(IntSpan a, IntSpan b) noexcept {
    if (a.size() != b.size()) return false;
    for (size_t d = 0; d < a.size(); ++d)
        if (a[d] != b[d]) return false;
    return true;
}
// Whether the elements follow each other, be the tensor lazy or not.
bool has_contiguous_layout(const Tensor& t);
// No gaps and no overlap: a permutation of a contiguous tensor.
bool is_dense(IntSpan sizes, IntSpan strides);
// Some dim of several elements has stride 0. What PyTorch refuses to write to; other overlaps pass.
bool is_expanded(IntSpan sizes, IntSpan strides) noexcept;
// Two different indices may name the same element (expanded tensors, overlapping as_strided).
bool may_overlap_itself(IntSpan sizes, IntSpan strides);
inline bool may_overlap_itself(const Tensor& t) {
    return !t.is_contiguous() && may_overlap_itself(t.sizes(), t.strides());
}
// An operation whose operand shares only part of the memory it writes would read what it has written:
// RuntimeError. As in PyTorch, operands with gaps between their elements pass, and lazy ones, of which there are copies,
// unless `lazy_too`.
void check_no_partial_overlap(const Tensor& written, const Tensor& read, bool lazy_too = false);
// Nor may both be the same memory.
void check_no_overlap(const Tensor& written, const Tensor& read);

// The common shape, or the error "The size of tensor a (3) must match the size of tensor b (4) ...".
Dims broadcast_shapes(IntSpan a, IntSpan b);
// Whether `shape` can be expanded to `target`.
bool is_expandable(IntSpan shape, IntSpan target) noexcept;
// Strides (0 where broadcast) under which a tensor reads as `target`; must be expandable.
Dims broadcast_strides(IntSpan sizes, IntSpan strides, IntSpan target);

// Replaces one -1 in `shape` by what `numel` leaves; "shape '[4]' is invalid for input of size 6".
Dims infer_shape(IntSpan shape, int64_t numel);
// The strides that make `shape` a view of the given geometry, if it can be one.
std::optional<Dims> view_strides(IntSpan sizes, IntSpan strides, IntSpan shape);

}  // namespace wg
