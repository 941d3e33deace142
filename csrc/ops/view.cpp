// Views: other windows on the same memory. Each is a few lines of index arithmetic, then view_of() and
// the derivative. The ones made of others (narrow, chunk, movedim, ...) are at the end.
#include <algorithm>
#include <limits>

#include "autograd/record.h"
#include "ops/dims.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// The gradient of a window: zeros with `grad` in the place that window() cuts out. Its own derivative
// is the window again.
template <class Window>
Tensor embed(const char* name, const Tensor& grad, const Dims& sizes, Window window) {
    Tensor out = zeros(sizes, grad.dtype());
    {
        Unrecorded off;
        copy_values(window(out), grad);
    }
    record(name, out, {grad}, {}, [window](Backward& d) { d.set(0, window(d.grad())); });
    return out;
}

}  // namespace

// --- shapes ---

namespace {

Tensor view_as_node(const char* name, const Tensor& t, IntSpan shape, IntSpan strides) {
    if (watched()) [[unlikely]]
        return watch<"view.default">([&] { return view_as_node(name, t, shape, strides); }, t,
                                     shape);
    Tensor out = view_of(t, shape, strides, t.offset());
    if (recorded(t))
        record(name, out, {t}, {},
               with<"self_sym_sizes">(Dims(t.sizes()))(on_rows([](Backward& d, const Dims& sizes) {
                   d.set(0, reshape(d.grad(), d.sizes(sizes)));
               })));
    return out;
}

// The strides of a window of this shape on all of t, if there is one.
std::optional<Dims> strides_of_view(const Tensor& t, IntSpan shape) {
    if (t.is_packed() && t.numel() > 0) return contiguous_strides(shape);
    return view_strides(t.sizes(), t.strides(), shape);
}

// Nobody else sees the copy, so its reshaped form is not a view of anything.
Tensor copy_as(const Tensor& copy, const Dims& shape) {
    if (watched()) [[unlikely]]
        return watch<"_unsafe_view.default">([&] { return copy_as(copy, shape); }, copy, shape);
    Tensor out = alias(copy, shape, contiguous_strides(shape), 0);
    if (recorded(copy))
        record(
            "UnsafeViewBackward0", out, {copy}, {},
            with<"self_sym_sizes">(Dims(copy.sizes()))(on_rows([](Backward& d, const Dims& from) {
                d.set(0, reshape(d.grad(), d.sizes(from)));
            })));
    return out;
}

}  // namespace

Tensor view(const Tensor& t, const Dims& shape) {
    const Dims sizes = infer_shape(shape, t.numel());
    const auto strides = strides_of_view(t, sizes);
    WG_CHECK(
        strides,
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two contiguous subspaces). Use .reshape(...) instead.");
    return view_as_node("ViewBackward0", t, sizes, *strides);
}

Tensor reshape(const Tensor& t, const Dims& shape) {
    const Dims sizes = infer_shape(shape, t.numel());
    if (const auto strides = strides_of_view(t, sizes))
        return view_as_node(has_contiguous_layout(t) ? "ViewBackward0" : "ReshapeAliasBackward0", t,
                            sizes, *strides);
    return copy_as(contiguous(t), sizes);
}

Tensor flatten(const Tensor& t, int64_t start_dim, int64_t end_dim) {
    start_dim = wrap_dim(start_dim, t.dim());
    end_dim = wrap_dim(end_dim, t.dim());
    WG_CHECK(start_dim <= end_dim,
             "flatten() has invalid args: start_dim cannot come after end_dim");
    if (t.dim() == 0) return reshape(t, {1});
    if (start_dim == end_dim) return t;
    const IntSpan sizes = t.sizes();
    Dims shape(sizes.begin(), sizes.begin() + start_dim);
    shape.push_back(count(sizes.subspan(size_t(start_dim), size_t(end_dim - start_dim + 1))));
    shape.append(sizes.begin() + end_dim + 1, sizes.end());
    return reshape(t, shape);
}

Tensor unflatten(const Tensor& t, int64_t dim, const Dims& sizes) {
    dim = wrap_dim(dim, t.dim());
    WG_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
    WG_CHECK(t.dim() > 0,
             "unflatten got an unexpected error:\nDimension specified as 0 but tensor has no "
             "dimensions");
    const int64_t size = t.size(dim);
    int64_t known = 1, inferred = 0;
    for (int64_t s : sizes)
        if (s == -1) ++inferred;
        else if (__builtin_mul_overflow(known, s, &known)) known = 0;
    WG_CHECK(inferred <= 1,
             "unflatten got an unexpected error:\nonly one dimension can be inferred");
    WG_CHECK(inferred ? known != 0 && size % known == 0 : known == size,
             "unflatten: Provided sizes ", to_string(sizes),
             " don't multiply up to the size of dim ", dim, " (", size, ") in the input tensor");
    Dims shape(t.sizes().begin(), t.sizes().begin() + dim);
    const Dims parts = infer_shape(sizes, size);
    shape.append(parts.begin(), parts.end());
    shape.append(t.sizes().begin() + dim + 1, t.sizes().end());
    return view(t, shape);
}

Tensor view_dtype(const Tensor& t, DType dtype) {
    if (watched()) [[unlikely]]
        return watch<"view.dtype">([&] { return view_dtype(t, dtype); }, t, dtype);
    WG_CHECK(
        !t->conjugate,
        "torch.Tensor.view is not supported for conjugate view tensors when converting to a different dtype.");
    WG_CHECK(
        !t->negative,
        "torch.Tensor.view is not supported for tensors with negative bit set when converting to a different dtype.");
    const DType from = t.dtype();
    const int64_t from_size = int64_t(item_size(from)), to_size = int64_t(item_size(dtype));
    Dims sizes(t.sizes()), strides(t.strides());
    int64_t offset = t.offset();
    if (from_size != to_size) {
        const int64_t last = t.dim() - 1;
        const auto message = [&](const std::string& must, const std::string& got) {
            return str("self.", must, " to view ", info(from).scalar_name, " as ",
                       info(dtype).scalar_name, " (different element sizes)", got);
        };
        WG_CHECK(last >= 0, message("dim() cannot be 0", ""));
        const auto check_last_stride = [&] {
            WG_CHECK(strides[size_t(last)] == 1,
                     message("stride(-1) must be 1", str(", but got ", strides[size_t(last)])));
        };
        if (from_size > to_size) {
            check_last_stride();
            const int64_t factor = from_size / to_size;
            for (int64_t d = 0; d < last; ++d) strides[size_t(d)] *= factor;
            sizes[size_t(last)] *= factor;
            offset *= factor;
        } else {
            const int64_t factor = to_size / from_size;
            const auto check_divides = [&](const std::string& what, int64_t value) {
                WG_CHECK(value % factor == 0, message(str(what, " must be divisible by ", factor),
                                                      str(", but got ", value)));
            };
            check_divides("size(-1)", sizes[size_t(last)]);
            check_divides("storage_offset()", offset);
            check_last_stride();
            for (int64_t d = 0; d < last; ++d) {
                check_divides(str("stride(", d, ")"), strides[size_t(d)]);
                strides[size_t(d)] /= factor;
            }
            sizes[size_t(last)] /= factor;
            offset /= factor;
        }
    }
    Tensor out = alias(t, sizes, strides, t.offset());
    out->dtype = dtype;
    out->offset = offset;
    out->update_geometry();
    return out;
}

bool is_same_size(const Tensor& a, const Tensor& b) { return same_shape(a.sizes(), b.sizes()); }

Tensor view_as(const Tensor& t, const Tensor& other) { return view(t, Dims(other.sizes())); }
Tensor reshape_as(const Tensor& t, const Tensor& other) { return reshape(t, Dims(other.sizes())); }

Tensor ravel(const Tensor& t) { return view(contiguous_in(t, {}), {-1}); }
Tensor positive(const Tensor& t) {
    WG_CHECK(t.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
    return t;
}

// --- the order of dimensions ---

Tensor permute(const Tensor& t, const Dims& dims) {
    if (watched()) [[unlikely]]
        return watch<"permute.default">([&] { return permute(t, dims); }, t, dims);
    const int64_t n = t.dim();
    WG_CHECK(
        int64_t(dims.size()) == n,
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
        "desired ordering of dimensions i.e. input.dim() = ",
        n, " is not equal to len(dims) = ", dims.size());
    Dims order(dims), inverse(size_t(n), -1), sizes(size_t(n), 0), strides(size_t(n), 0);
    for (int64_t i = 0; i < n; ++i) {
        const int64_t from = order[i] = wrap_dim(dims[i], n);
        WG_CHECK(inverse[from] < 0, "permute(): duplicate dims are not allowed.");
        inverse[from] = i;
        sizes[i] = t->dims[from];
        strides[i] = t->dims[n + from];
    }
    Tensor out = view_of(t, sizes, strides, t.offset());
    if (recorded(t))
        record("PermuteBackward0", out, {t}, {},
               with<"dims">(Dims(dims))(on_rows([inverse](Backward& d) {
                   Dims order;
                   if (d.front()) order.push_back(0);
                   for (const int64_t i : inverse) order.push_back(d.dim(i));
                   d.set(0, permute(d.grad(), order));
               })));
    return out;
}

namespace {

Tensor swapped(const Tensor& t, int64_t a, int64_t b) {
    Dims sizes(t.sizes()), strides(t.strides());
    if (a != b) {
        std::swap(sizes[a], sizes[b]);
        std::swap(strides[a], strides[b]);
    }
    return view_of(t, sizes, strides, t.offset());
}

}  // namespace

Tensor transpose(const Tensor& t, int64_t dim0, int64_t dim1) {
    if (watched()) [[unlikely]]
        return watch<"transpose.int">([&] { return transpose(t, dim0, dim1); }, t, dim0, dim1);
    const int64_t given0 = dim0, given1 = dim1;
    dim0 = wrap_dim(dim0, t.dim());
    dim1 = wrap_dim(dim1, t.dim());
    Tensor out = swapped(t, dim0, dim1);
    record(
        "TransposeBackward0", out, {t}, {},
        with<"dim0", "dim1">(given0, given1)(on_rows([](Backward& d, int64_t dim0, int64_t dim1) {
            const bool has_dims = d.grad().dim() > d.front();
            d.set(0, has_dims ? transpose(d.grad(), d.dim(dim0), d.dim(dim1)) : d.grad());
        })));
    return out;
}

Tensor adjoint(const Tensor& t) {
    WG_CHECK(
        t.dim() != 1,
        "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.");
    if (t.dim() == 0)
        warn_once(
            WarningKind::User,
            "adjoint() is deprecated on 0-D tensors. Consider using x.conj(). (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/TensorShape.cpp:4390.)");
    return t.dim() == 0 ? t : conj_view(transpose(t, -2, -1));
}

Tensor t(const Tensor& x) {
    if (watched()) [[unlikely]]
        return watch<"t.default">([&] { return t(x); }, x);
    WG_CHECK(x.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", x.dim(), "D");
    Tensor out = swapped(x, 0, x.dim() < 2 ? 0 : 1);
    record("TBackward0", out, {x}, {}, on_rows([](Backward& d) {
               const Tensor& g = d.grad();
               d.set(0, !d.front() ? t(g) : g.dim() == 3 ? transpose(g, 1, 2) : g);
           }));
    return out;
}

Tensor movedim(const Tensor& t, const Dims& source, const Dims& destination) {
    WG_CHECK(source.size() == destination.size(),
             "movedim: Invalid source or destination dims: source (", to_string(source),
             " dims) should contain the same number of dims as destination (",
             to_string(destination), " dims)");
    const int64_t n = t.dim();
    if (n == 0) {
        for (size_t i = 0; i < source.size(); ++i)
            wrap_dim(source[i], 0), wrap_dim(destination[i], 0);
        return alias_view(t);
    }
    Dims order(size_t(n), -1);
    SmallVector<bool, 8> moved(size_t(n), false);
    for (size_t i = 0; i < source.size(); ++i) {
        const int64_t from = wrap_dim(source[i], n), to = wrap_dim(destination[i], n);
        WG_CHECK(!moved[from], "movedim: repeated dim in `source` (", to_string(source), ")");
        WG_CHECK(order[to] < 0, "movedim: repeated dim in `destination` (", to_string(destination),
                 ")");
        moved[from] = true;
        order[to] = from;
    }
    int64_t next = 0;
    for (int64_t d = 0; d < n; ++d) {
        if (order[d] >= 0) continue;
        while (moved[next]) ++next;
        order[d] = next++;
    }
    return permute(t, order);
}

Tensor movedim_one(const Tensor& t, int64_t source, int64_t destination) {
    return movedim(t, Dims{source}, Dims{destination});
}

// --- dimensions of size 1 ---

Tensor expand(const Tensor& t, const Dims& sizes, bool) {
    if (watched()) [[unlikely]]
        return watch<"expand.default">([&] { return expand(t, sizes); }, t, sizes);
    const int64_t n = t.dim(), m = int64_t(sizes.size());
    const bool scalar = n == 0;  // all its dims are new, and none is packed
    WG_CHECK(m >= n, "expand(", tensor_type_name(t.dtype()), "{", to_string(t.sizes()),
             "}, size=", to_string(sizes), "): the number of sizes provided (", m,
             ") must be greater or equal to the number of dimensions in the tensor (", n, ")");
    Dims shape(sizes), strides(size_t(m), 0);
    for (int64_t i = m - 1; i >= 0; --i) {
        const int64_t d = i - (m - n);
        const int64_t size = d >= 0 ? t->dims[d] : 1;
        strides[i] = scalar      ? 0
                     : d >= 0    ? t->dims[n + d]
                     : i + 1 < m ? shape[i + 1] * strides[i + 1]
                                 : 1;
        if (sizes[i] == -1) {
            WG_CHECK(!scalar, "numel: integer multiplication overflow");
            WG_CHECK(
                d >= 0,
                "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension ",
                i);
            shape[i] = size;
        } else if (size != sizes[i]) {
            WG_CHECK(size == 1, "The expanded size of the tensor (", sizes[i],
                     ") must match the existing size (", size, ") at non-singleton dimension ", i,
                     ".  Target sizes: ", to_string(sizes),
                     ".  Tensor sizes: ", to_string(t.sizes()));
            strides[i] = 0;
        }
    }
    for (int64_t s : shape) WG_CHECK(s >= 0, "numel: integer multiplication overflow");
    Tensor out = view_of(t, shape, strides, t.offset());
    if (recorded(t))
        record("ExpandBackward0", out, {t}, {},
               with<"self_sym_sizes">(Dims(t.sizes()))(on_rows([](Backward& d, const Dims& from) {
                   // PyTorch sums what has no dims to begin with, too.
                   if (d.front()) d.set(0, sum_rows_to(d.grad(), from));
                   else d.set(0, from.empty() ? sum(d.grad()) : sum_to(d.grad(), from));
               })));
    return out;
}

Tensor expand_as(const Tensor& t, const Tensor& other) { return expand(t, Dims(other.sizes())); }
Tensor broadcast_to(const Tensor& t, const Dims& sizes) { return expand(t, sizes); }

namespace {

// Without those dims d of size 1 for which drop(d).
template <class Drop, class Given>
Tensor squeezed(const char* name, const Tensor& t, Given given, Drop drop) {
    Dims sizes, strides, dropped;
    for (int64_t d = 0; d < t.dim(); ++d) {
        if (t->dims[d] == 1 && drop(d)) {
            dropped.push_back(d);
            continue;
        }
        sizes.push_back(t->dims[d]);
        strides.push_back(t->dims[t.dim() + d]);
    }
    Tensor out = view_of(t, sizes, strides, t.offset());
    if (recorded(t)) {
        auto derivative = on_rows([dropped](Backward& b) {
            Tensor g = b.grad();
            for (int64_t d : dropped) g = unsqueeze(g, b.dim(d));
            b.set(0, g);
        });
        if constexpr (std::is_same_v<Given, NotShown>)
            record(name, out, {t}, {}, with<"self_sym_sizes">(SizesOf<0>{})(std::move(derivative)));
        else
            record(name, out, {t}, {},
                   with<"self_sym_sizes", "dim">(SizesOf<0>{}, given)(std::move(derivative)));
    }
    return out;
}

}  // namespace

Tensor squeeze(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"squeeze.default">([&] { return squeeze(t); }, t);
    return squeezed("SqueezeBackward0", t, NotShown{}, [](int64_t) { return true; });
}

Tensor squeeze_dim(const Tensor& t, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"squeeze.dim">([&] { return squeeze_dim(t, dim); }, t, dim);
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    return squeezed("SqueezeBackward1", t, given, [dim](int64_t d) { return d == dim; });
}

Tensor squeeze_dims(const Tensor& t, const Dims& dims) {
    if (watched()) [[unlikely]]
        return watch<"squeeze.dims">([&] { return squeeze_dims(t, dims); }, t, dims);
    const auto drop = dim_set(dims, t.dim());
    return squeezed("SqueezeBackward2", t, dims, [&](int64_t d) { return drop[d]; });
}

Tensor unsqueeze(const Tensor& t, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"unsqueeze.default">([&] { return unsqueeze(t, dim); }, t, dim);
    const int64_t n = t.dim(), given = dim;
    dim = wrap_dim(dim, n + 1);
    Dims sizes(t.sizes()), strides(t.strides());
    const int64_t stride = dim < n ? t->dims[dim] * t->dims[n + dim] : 1;
    sizes.insert(size_t(dim), 1);
    strides.insert(size_t(dim), stride);
    Tensor out = view_of(t, sizes, strides, t.offset());
    record("UnsqueezeBackward0", out, {t}, {},
           with<"dim">(given)(on_rows(
               [](Backward& d, int64_t dim) { d.set(0, squeeze_dim(d.grad(), d.dim(dim))); })));
    return out;
}

// --- parts ---

Tensor select(const Tensor& t, int64_t dim, int64_t index) {
    if (watched()) [[unlikely]]
        return watch<"select.int">([&] { return select(t, dim, index); }, t, dim, index);
    const int64_t n = t.dim();
    WG_CHECK_INDEX(n > 0, "select() cannot be applied to a 0-dim tensor.");
    const int64_t given = dim, given_index = index;
    dim = wrap_dim(dim, n);
    const int64_t size = t->dims[dim];
    if (index < -size || index >= size) [[unlikely]]
        fail(ErrorKind::Index, str("select(): index ", index, " out of range for tensor of size ",
                                   to_string(t.sizes()), " at dimension ", dim));
    if (index < 0) index += size;
    Dims sizes(t.sizes()), strides(t.strides());
    const int64_t offset = t.offset() + index * strides[dim];
    sizes.erase(size_t(dim));
    strides.erase(size_t(dim));
    Tensor out = view_of(t, sizes, strides, offset);
    if (recorded(t))
        record("SelectBackward0", out, {t}, {},
               with<"self_sym_sizes", "dim", "index">(Dims(t.sizes()), given, given_index)(
                   on_rows([](Backward& d, const Dims& from, int64_t given, int64_t index) {
                       const int64_t dim = d.dim(given);
                       d.set(0, embed("SelectBackwardBackward0", d.grad(), d.sizes(from),
                                      [dim, index](const Tensor& g) {
                                          return select(g, dim, index);
                                      }));
                   })));
    return out;
}

// PyTorch computes both in 64 bits, and refuses what has overflowed.
static void check_long_step(Dims sizes, Dims strides, int64_t dim, int64_t length, int64_t step) {
    sizes[dim] = int64_t(uint64_t(length) + uint64_t(step) - 1) / step;
    strides[dim] = int64_t(uint64_t(strides[dim]) * uint64_t(step));
    WG_CHECK(sizes[dim] >= 0, "Storage size calculation overflowed with sizes=", to_string(sizes),
             " and strides=", to_string(strides));
    WG_CHECK(strides[dim] >= 0,
             "as_strided: Negative strides are not supported at the moment, got strides: ",
             to_string(strides));
}

Tensor slice(const Tensor& t, int64_t dim, OptInt start, OptInt end, int64_t step) {
    if (watched()) [[unlikely]]
        return watch<"slice.Tensor">(
            [&] { return slice(t, dim, start, end, step); }, t, dim, start.value_or(0),
            end.value_or(std::numeric_limits<int64_t>::max()), optional_argument(step, 1));
    WG_CHECK_INDEX(t.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
    WG_CHECK(step > 0, "slice step must be positive");
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    const int64_t size = t->dims[dim];
    const auto clamped = [size](int64_t at) {
        return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
    };
    const int64_t first = clamped(start.value_or(0));
    const int64_t last = std::max(first, clamped(end.value_or(size)));
    Dims sizes(t.sizes()), strides(t.strides());
    const int64_t offset = t.offset() + first * strides[dim];
    sizes[dim] = (last - first) / step + ((last - first) % step != 0);
    if (step > std::numeric_limits<int32_t>::max()) [[unlikely]]
        check_long_step(sizes, strides, dim, last - first, step);
    strides[dim] = int64_t(uint64_t(strides[dim]) * uint64_t(step));
    Tensor out = view_of(t, sizes, strides, offset);
    if (recorded(t))
        record("SliceBackward0", out, {t}, {},
               with<"self_sym_sizes", "dim", "start", "end", "step">(
                   Dims(t.sizes()), given, start, end,
                   step)(on_rows([dim, first, last](Backward& d, const Dims& from, int64_t, OptInt,
                                                    OptInt, int64_t step) {
                   d.set(0, slice_backward(d.grad(), d.sizes(from), d.dim(dim), first, last, step));
               })));
    return out;
}

Tensor slice_backward(const Tensor& grad, const Dims& sizes, int64_t dim, int64_t start,
                      int64_t end, int64_t step) {
    return embed("SliceBackwardBackward0", grad, sizes,
                 [=](const Tensor& g) { return slice(g, dim, start, end, step); });
}

Tensor alias_view(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"alias.default">([&] { return alias_view(t); }, t);
    Tensor out = view_of(t, t.sizes(), t.strides(), t.offset());
    record("AliasBackward0", out, {t}, {}, on_rows([](Backward& d) { d.set(0, d.grad()); }));
    return out;
}

Tensor diagonal(const Tensor& t, int64_t offset, int64_t dim1, int64_t dim2) {
    if (watched()) [[unlikely]]
        return watch<"diagonal.default">([&] { return diagonal(t, offset, dim1, dim2); }, t,
                                         optional_argument(offset, 0), optional_argument(dim1, 0),
                                         optional_argument(dim2, 1));
    const int64_t a = wrap_dim(dim1, t.dim()), b = wrap_dim(dim2, t.dim());
    WG_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
    const int64_t rows = t->dims[a], columns = t->dims[b];
    // Clamped first, as the offset may be any number.
    const int64_t length = offset >= 0 ? std::min(rows, columns - std::min(offset, columns))
                                       : std::min(rows + std::max(offset, -rows), columns);
    const int64_t stride_a = t.strides()[size_t(a)], stride_b = t.strides()[size_t(b)];
    int64_t start = t.offset();
    if (length > 0) start += offset >= 0 ? offset * stride_b : -offset * stride_a;
    Dims sizes(t.sizes()), strides(t.strides());
    for (int64_t d : {std::max(a, b), std::min(a, b)}) {
        sizes.erase(size_t(d));
        strides.erase(size_t(d));
    }
    sizes.push_back(std::max<int64_t>(length, 0));
    strides.push_back(stride_a + stride_b);
    Tensor out = view_of(t, sizes, strides, start);
    if (recorded(t))
        record(
            "DiagonalBackward0", out, {t}, {},
            with<"self_sym_sizes", "offset", "dim1", "dim2">(Dims(t.sizes()), offset, dim1, dim2)(
                on_rows([](Backward& d, const Dims& from, int64_t offset, int64_t a, int64_t b) {
                    d.set(0, embed("DiagonalBackwardBackward0", d.grad(), d.sizes(from),
                                   [offset, a = d.dim(a), b = d.dim(b)](const Tensor& g) {
                                       return diagonal(g, offset, a, b);
                                   }));
                })));
    return out;
}

namespace {

// Windows may overlap: the gradients of what they share are added up. Of a tensor without dims there is one window, or
// none, and no dim `dim`.
Tensor add_windows(const Tensor& g, const Dims& from, int64_t dim, int64_t size, int64_t step) {
    if (size_t(dim) == from.size())
        return size == 0 ? zeros(from, g.dtype()) : clone(reshape(g, from));
    const int64_t windows = (from[size_t(dim)] - size) / step + 1;
    const Tensor first =
        reshape(arange(Scalar(0), Scalar(windows * step), Scalar(step)), {windows, 1});
    const Tensor places =
        reshape(add(first, arange(Scalar(0), Scalar(size), Scalar(1))), {windows * size});
    const Tensor flat = flatten(movedim_one(g, -1, dim + 1), dim, dim + 1);
    return index_add(zeros(from, g.dtype()), dim, places, flat, 1);
}

Tensor unfold_backward(const Tensor& g, const Dims& from, int64_t dim, int64_t size, int64_t step) {
    Tensor out = [&] {
        Unrecorded off;
        return add_windows(g, from, dim, size, step);
    }();
    const bool without_dims = size_t(dim) == from.size();
    record("UnfoldBackwardBackward0", out, {g}, {}, on_rows([=](Backward& d) {
               const Tensor& g = d.grad();
               if (without_dims && g.dim()) d.set(0, narrow(unsqueeze(g, -1), -1, 0, size));
               else d.set(0, unfold(g, d.dim(dim), size, step));
           }));
    return out;
}

}  // namespace

// Windows of `size` along dim, one every `step` elements; the place in the window is the last dim.
Tensor unfold(const Tensor& t, int64_t dim, int64_t size, int64_t step) {
    if (watched()) [[unlikely]]
        return watch<"unfold.default">([&] { return unfold(t, dim, size, step); }, t, dim, size,
                                       step);
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    const int64_t length = t.dim() ? t.size(dim) : 1, stride = t.dim() ? t.stride(dim) : 1;
    WG_CHECK(size >= 0, "size is ", size, " but must be >= 0");
    WG_CHECK(size <= length, "maximum size for tensor at dimension ", dim, " is ", length,
             " but size is ", size);
    WG_CHECK(step > 0, "step is ", step, " but must be > 0");
    Dims sizes(t.sizes()), strides(t.strides());
    if (t.dim()) {
        sizes[size_t(dim)] = (length - size) / step + 1;
        strides[size_t(dim)] = stride * step;
    }
    sizes.push_back(size);
    strides.push_back(stride);
    Tensor out = view_of(t, sizes, strides, t.offset());
    if (recorded(t))
        record(
            "UnfoldBackward0", out, {t}, {},
            with<"self_sym_sizes", "dimension", "size", "step">(Dims(t.sizes()), given, size, step)(
                on_rows([dim](Backward& d, const Dims& from, int64_t, int64_t size, int64_t step) {
                    d.set(0, unfold_backward(d.grad(), d.sizes(from), d.dim(dim), size, step));
                })));
    return out;
}

}  // namespace wg
