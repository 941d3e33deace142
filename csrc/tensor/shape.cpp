#include "tensor/shape.h"

#include <algorithm>
#include <numeric>

namespace wg {

std::string to_string(IntSpan values) {
    std::string s = "[";
    for (size_t i = 0; i < values.size(); ++i) {
        if (i) s += ", ";
        s += std::to_string(values[i]);
    }
    return s + "]";
}

void dim_out_of_range(int64_t d, int64_t n) {
    fail(ErrorKind::Index, str("Dimension out of range (expected to be in range of [", -n, ", ",
                               n - 1, "], but got ", d, ")"));
}

int64_t count(IntSpan sizes) noexcept {
    uint64_t n = 1;  // wraps round where the caller has not checked
    for (int64_t s : sizes) n *= uint64_t(s);
    return int64_t(n);
}

Dims contiguous_strides(IntSpan sizes) {
    Dims strides(sizes.size());
    uint64_t n = 1;  // wraps round in a shape without elements
    for (size_t d = sizes.size(); d-- > 0;) {
        strides[d] = int64_t(n);
        n *= uint64_t(std::max<int64_t>(sizes[d], 1));
    }
    return strides;
}

namespace {

// Dims ordered from the innermost (smallest stride) to the outermost; size-1 dims keep their place
// relative to their right neighbour.
SmallVector<int, 8> memory_order(IntSpan sizes, IntSpan strides) {
    SmallVector<int, 8> order;
    for (int d = int(sizes.size()) - 1; d >= 0; --d) order.push_back(d);
    // Insertion sort: stable, and dims of size 1 or stride 0 never decide.
    for (size_t i = 1; i < order.size(); ++i) {
        size_t at = i;
        for (size_t j = i; j-- > 0;) {
            const int a = order[j], b = order[at];
            if (strides[a] == 0 || strides[b] == 0) continue;
            if (strides[b] < strides[a] || (strides[b] == strides[a] && sizes[b] < sizes[a])) {
                std::rotate(order.begin() + j, order.begin() + at, order.begin() + at + 1);
                at = j;
            } else {
                break;
            }
        }
    }
    return order;
}

}  // namespace

Dims dense_strides_like(IntSpan sizes, IntSpan strides) {
    if (is_dense(sizes, strides)) return Dims(strides);
    Dims result(sizes.size());
    int64_t n = 1;
    for (int d : memory_order(sizes, strides)) {
        result[d] = n;
        n *= std::max<int64_t>(sizes[d], 1);
    }
    return result;
}

bool has_contiguous_layout(const Tensor& t) {
    if (!t.is_lazy()) return t.is_contiguous();
    int64_t step = 1;
    for (int64_t d = t.dim() - 1; d >= 0; --d) {
        if (t->dims[d] != 1 && t->dims[t.dim() + d] != step) return t.numel() == 0;
        step *= t->dims[d];
    }
    return true;
}

bool is_dense(IntSpan sizes, IntSpan strides) {
    SmallVector<int, 8> order;
    for (int d = 0; d < int(sizes.size()); ++d)
        if (sizes[d] == 0) return true;
        else if (sizes[d] != 1) order.push_back(d);
    std::sort(order.begin(), order.end(), [&](int a, int b) { return strides[a] < strides[b]; });
    int64_t expected = 1;
    for (int d : order) {
        if (strides[d] != expected) return false;
        expected *= sizes[d];
    }
    return true;
}

bool is_expanded(IntSpan sizes, IntSpan strides) noexcept {
    bool expanded = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == 0) return false;
        expanded |= sizes[d] > 1 && strides[d] == 0;
    }
    return expanded;
}

bool may_overlap_itself(IntSpan sizes, IntSpan strides) {
    SmallVector<int, 8> order;
    for (int d = 0; d < int(sizes.size()); ++d)
        if (sizes[d] == 0) return false;
        else if (sizes[d] != 1) order.push_back(d);
    std::sort(order.begin(), order.end(), [&](int a, int b) { return strides[a] < strides[b]; });
    int64_t reach = 0;  // the largest offset the inner dims can reach
    for (int d : order) {
        if (strides[d] <= reach) return true;
        reach += strides[d] * (sizes[d] - 1);
    }
    return false;
}

namespace {

enum class Overlap { None, Partial, Full };

// Of operands over one memory. Those with gaps between their elements, other than one with itself, count as apart,
// as in PyTorch.
[[gnu::noinline]] Overlap overlap_in_memory(const Tensor& a, const Tensor& b, bool lazy_too) {
    if (!lazy_too && (a.is_lazy() || b.is_lazy())) return Overlap::None;
    if (a.numel() == 0 || b.numel() == 0) return Overlap::None;
    if (a.is_same(b)) return Overlap::Full;
    if (!is_dense(a.sizes(), a.strides()) || !is_dense(b.sizes(), b.strides()))
        return Overlap::None;
    const char *first = a.address(), *second = b.address();
    if (first == second && a.nbytes() == b.nbytes() && same_shape(a.strides(), b.strides()))
        return Overlap::Full;
    return first + a.nbytes() <= second || second + b.nbytes() <= first ? Overlap::None
                                                                        : Overlap::Partial;
}

inline Overlap overlap(const Tensor& a, const Tensor& b, bool lazy_too = false) {
    return a->storage != b->storage ? Overlap::None : overlap_in_memory(a, b, lazy_too);
}

void fail_overlap() {
    fail(ErrorKind::Runtime,
         "unsupported operation: some elements of the input tensor and the written-to tensor refer "
         "to a single memory location. Please clone() the tensor before performing the operation.");
}

}  // namespace

void check_no_partial_overlap(const Tensor& written, const Tensor& read, bool lazy_too) {
    if (overlap(written, read, lazy_too) == Overlap::Partial) fail_overlap();
}
void check_no_overlap(const Tensor& written, const Tensor& read) {
    if (overlap(written, read) != Overlap::None) fail_overlap();
}

Dims broadcast_shapes(IntSpan a, IntSpan b) {
    const size_t n = std::max(a.size(), b.size());
    Dims result(n);
    for (size_t i = n; i-- > 0;) {  // the last mismatch is the one to report
        const int64_t sa = i < n - a.size() ? 1 : a[i - (n - a.size())];
        const int64_t sb = i < n - b.size() ? 1 : b[i - (n - b.size())];
        WG_CHECK(sa == sb || sa == 1 || sb == 1, "The size of tensor a (", sa,
                 ") must match the size of tensor b (", sb, ") at non-singleton dimension ", i);
        result[i] = sa == 1 ? sb : sa;
    }
    return result;
}

bool is_expandable(IntSpan shape, IntSpan target) noexcept {
    if (shape.size() > target.size()) return false;
    const size_t lead = target.size() - shape.size();
    for (size_t i = 0; i < shape.size(); ++i)
        if (shape[i] != target[lead + i] && shape[i] != 1) return false;
    return true;
}

Dims broadcast_strides(IntSpan sizes, IntSpan strides, IntSpan target) {
    Dims result(target.size(), 0);
    const size_t lead = target.size() - sizes.size();
    for (size_t i = 0; i < sizes.size(); ++i)
        result[lead + i] = sizes[i] == 1 && target[lead + i] != 1 ? 0 : strides[i];
    return result;
}

Dims infer_shape(IntSpan shape, int64_t numel) {
    Dims result(shape);
    int64_t known = 1;
    int inferred = -1;
    for (size_t d = 0; d < shape.size(); ++d) {
        if (shape[d] == -1) {
            WG_CHECK(inferred < 0, "only one dimension can be inferred");
            inferred = int(d);
        } else {
            WG_CHECK(shape[d] >= 0, "invalid shape dimension ", shape[d], " at index ", d,
                     " of shape ", to_string(shape));
            if (__builtin_mul_overflow(known, shape[d], &known)) known = -1;
        }
    }
    const bool fits = inferred < 0 ? known == numel : known > 0 && numel % known == 0;
    if (inferred >= 0 && known == 0 && numel == 0)
        fail(ErrorKind::Runtime,
             str("cannot reshape tensor of 0 elements into shape ", to_string(shape),
                 " because the unspecified dimension size -1 can be any value and is "
                 "ambiguous"));
    WG_CHECK(fits, "shape '", to_string(shape), "' is invalid for input of size ", numel);
    if (inferred >= 0) result[inferred] = numel / known;
    return result;
}

std::optional<Dims> view_strides(IntSpan sizes, IntSpan strides, IntSpan shape) {
    const int64_t numel = count(sizes);
    if (numel == 0) {
        int64_t product = 1;
        for (int64_t s : shape)
            WG_CHECK(!__builtin_mul_overflow(product, s, &product),
                     "numel: integer multiplication overflow");
        if (same_shape(sizes, shape)) return Dims(strides);
        return contiguous_strides(shape);
    }
    Dims result(shape.size(), 1);
    // Walk chunks of dims that are contiguous among themselves; each must be filled exactly by
    // trailing dims of the new shape.
    int64_t view_d = int64_t(shape.size()) - 1;
    int64_t chunk_stride = sizes.empty() ? 1 : strides[sizes.size() - 1];
    int64_t chunk = 1, filled = 1;
    if (sizes.empty()) {
        std::fill(result.begin(), result.end(), 1);
        return result;
    }
    for (int64_t d = int64_t(sizes.size()) - 1; d >= 0; --d) {
        chunk *= sizes[d];
        if (d == 0 || (sizes[d - 1] != 1 && strides[d - 1] != chunk * chunk_stride)) {
            while (view_d >= 0 && (filled < chunk || shape[view_d] == 1)) {
                result[view_d] = filled * chunk_stride;
                filled *= shape[view_d];
                --view_d;
            }
            if (filled != chunk) return std::nullopt;
            if (d > 0) {
                chunk_stride = strides[d - 1];
                chunk = 1;
                filled = 1;
            }
        }
    }
    if (view_d != -1) return std::nullopt;
    return result;
}

}  // namespace wg
