// Views of several parts of a tensor at once: split, chunk, unbind and their relatives.
#include <algorithm>

#include "autograd/record.h"
#include "ops/dims.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

namespace {

template <Name... names, class... V>
TensorList split_parts(const char* name, const Tensor& t, const Dims& sizes, int64_t dim,
                       V... shown) {
    TensorList parts;
    parts.reserve(sizes.size());
    Dims shape(t.sizes());
    int64_t offset = t.offset();
    for (int64_t size : sizes) {
        shape[dim] = size;
        parts.push_back(view_of(t, shape, t.strides(), offset, ViewKind::MultiOutput));
        offset += size * t.strides()[size_t(dim)];
    }
    if (!parts.empty())
        record(name, std::span<const Tensor>(parts), {t}, {},
               with<names...>(shown...)(on_rows([n = parts.size(), dim](Backward& d) {
                   TensorList grads;
                   for (size_t i = 0; i < n; ++i) grads.push_back(d.grad(i));
                   d.set(0, cat(grads, d.dim(dim)));
               })));
    return parts;
}

}  // namespace

TensorList split_with_sizes(const Tensor& t, const Dims& sizes, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"split_with_sizes.default">([&] { return split_with_sizes(t, sizes, dim); }, t,
                                                 sizes, optional_argument(dim, 0));
    WG_CHECK(t.dim() > 0, "split expects at least a 1-dimensional tensor");
    const int64_t given_dim = dim;
    dim = wrap_dim(dim, t.dim());
    for (int64_t s : sizes)
        WG_CHECK(
            s >= 0,
            "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
            to_string(sizes));
    int64_t sum = 0;
    for (int64_t s : sizes)
        if (__builtin_add_overflow(sum, s, &sum)) sum = -1;
    WG_CHECK(sum == t.size(dim), "split_with_sizes expects split_sizes to sum exactly to ",
             t.size(dim), " (input tensor's size at dimension ", given_dim,
             "), but got split_sizes=", to_string(sizes));
    return split_parts<"self_sym_sizes", "split_sizes", "dim">("SplitWithSizesBackward0", t, sizes,
                                                               dim, SizesOf<0>{}, sizes, given_dim);
}

TensorList split(const Tensor& t, int64_t split_size, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"split.Tensor">([&] { return split(t, split_size, dim); }, t, split_size,
                                     optional_argument(dim, 0));
    WG_CHECK(t.dim() > 0, "split expects at least a 1-dimensional tensor");
    const int64_t given_dim = dim;
    dim = wrap_dim(dim, t.dim());
    WG_CHECK(split_size >= 0,
             "split expects split_size be non-negative, but got split_size=", split_size);
    const int64_t size = t.size(dim);
    WG_CHECK(split_size > 0 || size == 0,
             "split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
    Dims sizes;
    for (int64_t at = 0; at < size; at += sizes.back())
        sizes.push_back(std::min(split_size, size - at));
    if (sizes.empty()) sizes.push_back(0);
    return split_parts<"self_sym_sizes", "split_size", "dim">("SplitBackward0", t, sizes, dim,
                                                              SizesOf<0>{}, split_size, given_dim);
}

TensorList chunk(const Tensor& t, int64_t chunks, int64_t dim) {
    WG_CHECK(t.dim() > 0, "chunk expects at least a 1-dimensional tensor");
    WG_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
    const int64_t size = t.size(dim);
    const int64_t split_size = size / chunks + (size % chunks != 0);
    // An empty dimension still gives as many parts as were asked for.
    if (split_size == 0) return split_with_sizes(t, Dims(size_t(chunks), 0), dim);
    return split(t, split_size, dim);
}

TensorList unbind(const Tensor& t, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"unbind.int">([&] { return unbind(t, dim); }, t, optional_argument(dim, 0));
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    WG_CHECK_INDEX(t.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
    Dims sizes(t.sizes()), strides(t.strides());
    const int64_t n = sizes[dim], stride = strides[dim];
    sizes.erase(size_t(dim));
    strides.erase(size_t(dim));
    TensorList parts;
    parts.reserve(size_t(n));
    for (int64_t i = 0; i < n; ++i)
        parts.push_back(view_of(t, sizes, strides, t.offset() + i * stride, ViewKind::MultiOutput));
    if (n > 0)
        record("UnbindBackward0", std::span<const Tensor>(parts), {t}, {},
               with<"dim">(given)(on_rows([n, dim](Backward& d) {
                   TensorList grads;
                   for (int64_t i = 0; i < n; ++i) grads.push_back(d.grad(size_t(i)));
                   d.set(0, stack(grads, d.dim(dim)));
               })));
    return parts;
}

TensorList tensor_split(const Tensor& t, int64_t sections, int64_t dim) {
    WG_CHECK(t.dim() > 0,
             "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ",
             t.dim(), " dims");
    dim = wrap_dim(dim, t.dim());
    WG_CHECK(sections > 0, "number of sections must be larger than 0, got ", sections);
    const int64_t size = t.size(dim);
    TensorList parts;
    for (int64_t i = 0, at = 0; i < sections; ++i) {
        const int64_t length = size / sections + (i < size % sections);
        parts.push_back(slice(t, dim, at, at + length));
        at += length;
    }
    return parts;
}

TensorList tensor_split_at(const Tensor& t, const Dims& indices, int64_t dim) {
    WG_CHECK(t.dim() > 0,
             "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ",
             t.dim(), " dims");
    TensorList parts;
    int64_t at = 0;
    for (int64_t end : indices) {
        parts.push_back(slice(t, dim, at, end));
        at = end;
    }
    parts.push_back(slice(t, dim, at, {}));
    return parts;
}

TensorList tensor_split_by(const Tensor& t, const Tensor& by, int64_t dim) {
    WG_CHECK(by.dtype() == DType::Int64,
             "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
             info(by.dtype()).scalar_name);
    WG_CHECK(by.dim() <= 1,
             "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
             "one-dimensional tensor, but got a tensor with ",
             by.dim(), " dims");
    if (by.dim() == 0) return tensor_split(t, by.to_int(), dim);
    const Tensor values = contiguous(detach(by));
    return tensor_split_at(t, Dims(values.data<int64_t>(), values.data<int64_t>() + values.numel()),
                           dim);
}

namespace {

void check_split_dims(const Tensor& t, const char* name, int64_t least) {
    WG_CHECK(t.dim() >= least, "torch.", name, " requires a tensor with at least ", least,
             " dimension, but got a tensor with ", t.dim(), " dimensions!");
}

TensorList split_equally(const Tensor& t, const char* name, int64_t sections, int64_t dim) {
    const int64_t size = t.size(dim);
    WG_CHECK(sections != 0 && size % sections == 0, "torch.", name,
             " attempted to split along dimension ", dim, ", but the size of the dimension ", size,
             " is not divisible by the split_size ", sections, "!");
    return tensor_split(t, sections, dim);
}

int64_t horizontal(const Tensor& t) { return t.dim() == 1 ? 0 : 1; }

}  // namespace

TensorList hsplit(const Tensor& t, int64_t sections) {
    check_split_dims(t, "hsplit", 1);
    return split_equally(t, "hsplit", sections, horizontal(t));
}
TensorList hsplit_at(const Tensor& t, const Dims& indices) {
    check_split_dims(t, "hsplit", 1);
    return tensor_split_at(t, indices, horizontal(t));
}
TensorList vsplit(const Tensor& t, int64_t sections) {
    check_split_dims(t, "vsplit", 2);
    return split_equally(t, "vsplit", sections, 0);
}
TensorList vsplit_at(const Tensor& t, const Dims& indices) {
    check_split_dims(t, "vsplit", 2);
    return tensor_split_at(t, indices, 0);
}
TensorList dsplit(const Tensor& t, int64_t sections) {
    check_split_dims(t, "dsplit", 3);
    return split_equally(t, "dsplit", sections, 2);
}
TensorList dsplit_at(const Tensor& t, const Dims& indices) {
    check_split_dims(t, "dsplit", 3);
    return tensor_split_at(t, indices, 2);
}

Tensor narrow_from(const Tensor& t, int64_t dim, const Tensor& start, int64_t length) {
    WG_CHECK(start.dim() == 0 && is_integral(start.dtype()),
             "start must be an 0-dim integral Tensor.");
    return narrow(t, dim, start.to_int(), length);
}

Tensor narrow(const Tensor& t, int64_t dim, int64_t start, int64_t length) {
    WG_CHECK(t.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
    WG_CHECK(length >= 0, "narrow(): length must be non-negative.");
    const int64_t size = t.size(dim);
    WG_CHECK_INDEX(start >= -size && start <= size,
                   "start out of range (expected to be in range of [", -size, ", ", size,
                   "], but got ", start, ")");
    if (start < 0) start += size;
    WG_CHECK(length <= size - start, "start (", start, ") + length (", length,
             ") exceeds dimension size (", size, ").");
    return slice(t, dim, start, start + length);
}

}  // namespace wg
