// Tensors made of other tensors' elements in another arrangement: cat, stack, repeat, roll, flip, tril.
#include <algorithm>
#include <cstring>
#include <vector>

#include "autograd/record.h"
#include "cpu/copy.h"
#include "ops/dims.h"
#include "ops/functions.h"
#include "ops/recorded_write.h"
#include "tensor/watch.h"

namespace wg {

namespace {

DType common_dtype(const TensorList& tensors) {
    std::vector<Arg> args(tensors.begin(), tensors.end());
    return result_type(args);
}

// The part [at, at + size) of t along dim, without history.
Tensor part(const Tensor& t, int64_t dim, int64_t at, int64_t size) {
    Dims sizes(t.sizes());
    sizes[dim] = size;
    return alias(t, sizes, t.strides(), t.offset() + at * t.strides()[size_t(dim)]);
}

// Tensors of shape [0] take part in any cat: once upon a time that was the shape of "no tensor".
bool is_nothing(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

// Where real tensors stand beside complex ones they get the real part of the gradient.
class GradientDTypes {
public:
    GradientDTypes(const TensorList& tensors, const Tensor& out) {
        if (!is_complex(out.dtype())) return;
        for (const Tensor& t : tensors) dtypes_.push_back(t.dtype());
    }
    Tensor conform(const Tensor& g, size_t i) const {
        return dtypes_.empty() ? g : conform_dtype(g, dtypes_[i]);
    }

private:
    std::vector<DType> dtypes_;
};

}  // namespace

Tensor cat(const TensorList& tensors, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"cat.default">([&] { return cat(tensors, dim); }, tensors,
                                    optional_argument(dim, 0));
    const int64_t given = dim;
    WG_CHECK_VALUE(!tensors.empty(), "torch.cat(): expected a non-empty list of Tensors");
    const Tensor* model = nullptr;
    for (size_t i = 0; i < tensors.size(); ++i) {
        WG_CHECK(tensors[i].dim() > 0, "zero-dimensional tensor (at position ", i,
                 ") cannot be concatenated");
        if (!model && !is_nothing(tensors[i])) model = &tensors[i];
    }
    const Tensor& first = model ? *model : tensors[0];
    // Of nothing but empty tensors, PyTorch does not look at dim.
    dim = model ? wrap_dim(dim, first.dim()) : 0;
    Dims shape(first.sizes());
    shape[dim] = 0;
    Dims lengths;  // -1: nothing
    for (size_t i = 0; i < tensors.size(); ++i) {
        const Tensor& t = tensors[i];
        if (is_nothing(t)) {
            lengths.push_back(-1);
            continue;
        }
        WG_CHECK(t.dim() == first.dim(), "Tensors must have same number of dimensions: got ",
                 first.dim(), " and ", t.dim());
        for (int64_t d = 0; d < t.dim(); ++d)
            WG_CHECK(d == dim || t->dims[d] == first->dims[d],
                     "Sizes of tensors must match except in dimension ", dim, ". Expected size ",
                     first->dims[d], " but got size ", t->dims[d], " for tensor number ", i,
                     " in the list.");
        lengths.push_back(t->dims[dim]);
        shape[dim] += t->dims[dim];
    }
    Tensor out = empty(shape, common_dtype(tensors));
    int64_t at = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
        if (lengths[i] <= 0) continue;
        copy_values(part(out, dim, at, lengths[i]), tensors[i]);
        at += lengths[i];
    }
    if (is_differentiable(out.dtype()) && any_recorded(tensors)) {
        const GradientDTypes dtypes(tensors, out);
        record("CatBackward0", out, std::span<const Tensor>(tensors), {},
               with<"dim">(given)(on_rows([lengths, dim, dtypes](Backward& d) {
                   int64_t at = 0;
                   for (size_t i = 0; i < lengths.size(); ++i) {
                       if (lengths[i] < 0) {
                           d.set(i, zeros(d.sizes(Dims{0}), d.grad().dtype()));
                           continue;
                       }
                       const Tensor g = narrow(d.grad(), d.dim(dim), at, lengths[i]);
                       d.set(i, dtypes.conform(g, i));
                       at += lengths[i];
                   }
               })));
    }
    return out;
}

Tensor stack(const TensorList& tensors, int64_t dim) {
    if (watched()) [[unlikely]]
        return watch<"stack.default">([&] { return stack(tensors, dim); }, tensors,
                                      optional_argument(dim, 0));
    WG_CHECK(!tensors.empty(), "stack expects a non-empty TensorList");
    const Tensor& first = tensors[0];
    const int64_t given = dim;
    dim = wrap_dim(dim, first.dim() + 1);
    for (size_t i = 1; i < tensors.size(); ++i)
        WG_CHECK(same_shape(tensors[i].sizes(), first.sizes()),
                 "stack expects each tensor to be equal size, but got ", to_string(first.sizes()),
                 " at entry 0 and ", to_string(tensors[i].sizes()), " at entry ", i);
    Dims shape(first.sizes());
    shape.insert(size_t(dim), int64_t(tensors.size()));
    Tensor out = empty(shape, common_dtype(tensors));
    Dims strides(out.strides());
    const int64_t step = strides[dim];
    strides.erase(size_t(dim));
    for (size_t i = 0; i < tensors.size(); ++i)
        copy_values(alias(out, first.sizes(), strides, int64_t(i) * step), tensors[i]);
    if (is_differentiable(out.dtype()) && any_recorded(tensors))
        record(
            "StackBackward0", out, std::span<const Tensor>(tensors), {},
            with<"dim">(given)(on_rows([dim, dtypes = GradientDTypes(tensors, out)](Backward& d) {
                for (size_t i = 0; i < d.num_inputs(); ++i)
                    d.set(i, dtypes.conform(select(d.grad(), d.dim(dim), int64_t(i)), i));
            })));
    return out;
}

Tensor atleast_1d(const Tensor& t) { return t.dim() == 0 ? reshape(t, {1}) : t; }
Tensor atleast_2d(const Tensor& t) {
    return t.dim() == 0 ? reshape(t, {1, 1}) : t.dim() == 1 ? unsqueeze(t, 0) : t;
}
Tensor atleast_3d(const Tensor& t) {
    return t.dim() == 0   ? reshape(t, {1, 1, 1})
           : t.dim() == 1 ? unsqueeze(unsqueeze(t, 0), -1)
           : t.dim() == 2 ? unsqueeze(t, -1)
                          : t;
}

namespace {

template <class F>
TensorList map(const TensorList& tensors, F f) {
    TensorList out;
    out.reserve(tensors.size());
    for (const Tensor& t : tensors) out.push_back(f(t));
    return out;
}

void check_not_empty(const TensorList& tensors, const char* name) {
    WG_CHECK(!tensors.empty(), name, " expects a non-empty TensorList");
}

}  // namespace

TensorList atleast_1d(const TensorList& tensors) {
    return map(tensors, [](const Tensor& t) { return atleast_1d(t); });
}
TensorList atleast_2d(const TensorList& tensors) {
    return map(tensors, [](const Tensor& t) { return atleast_2d(t); });
}
TensorList atleast_3d(const TensorList& tensors) {
    return map(tensors, [](const Tensor& t) { return atleast_3d(t); });
}

Tensor hstack(const TensorList& tensors) {
    check_not_empty(tensors, "hstack");
    const TensorList parts = atleast_1d(tensors);
    return cat(parts, parts[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(const TensorList& tensors) {
    check_not_empty(tensors, "vstack");
    return cat(atleast_2d(tensors), 0);
}
Tensor dstack(const TensorList& tensors) {
    check_not_empty(tensors, "dstack");
    return cat(atleast_3d(tensors), 2);
}
Tensor column_stack(const TensorList& tensors) {
    check_not_empty(tensors, "column_stack");
    return hstack(map(
        tensors, [](const Tensor& t) { return t.dim() <= 1 ? reshape(t, {t.numel(), 1}) : t; }));
}

// --- repetition ---

Tensor repeat(const Tensor& t, const Dims& repeats) {
    if (watched()) [[unlikely]]
        return watch<"repeat.default">([&] { return repeat(t, repeats); }, t, repeats);
    WG_CHECK(
        int64_t(repeats.size()) >= t.dim(),
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
    const size_t lead = repeats.size() - size_t(t.dim());
    // Each dimension of the result is a pair (copy, index in t), read with stride 0 along the first.
    Dims shape, paired_sizes, paired_strides;
    for (size_t d = 0; d < repeats.size(); ++d) {
        const int64_t size = d < lead ? 1 : t->dims[d - lead];
        shape.push_back(size * repeats[d]);
        paired_sizes.push_back(repeats[d]);
        paired_strides.push_back(0);
        paired_sizes.push_back(size);
        paired_strides.push_back(d < lead ? 0 : t.strides()[d - lead]);
    }
    Tensor out = empty(shape, t.dtype());
    if (out.numel() > 0) {
        const Dims out_strides = contiguous_strides(paired_sizes);
        copy_strided(out.mutable_raw(), out.dtype(), out_strides, t.raw(), t.dtype(),
                     paired_strides, paired_sizes);
    }
    record("RepeatBackward0", out, {t}, {},
           with<"self_sym_sizes", "repeats">(Dims(t.sizes()), repeats)(
               [lead](Backward& d, const Dims& from, const Dims& repeats) {
                   Tensor g = d.grad();
                   if (std::ranges::find(repeats, 0) != repeats.end()) {
                       g = empty(from, g.dtype());
                       return d.set(0, zero_(g));
                   }
                   for (size_t i = 0; i < lead; ++i) g = sum(g, Dims{0});
                   Dims pairs, copies;
                   for (size_t i = 0; i < from.size(); ++i) {
                       if (repeats[lead + i] != 1) {
                           copies.push_back(int64_t(pairs.size()));
                           pairs.push_back(repeats[lead + i]);
                       }
                       pairs.push_back(from[i]);
                   }
                   d.set(0, copies.empty() ? g : sum(reshape(g, pairs), copies));
               }));
    return out;
}

Tensor tile(const Tensor& t, const Dims& dims) {
    Dims repeats(dims);
    while (int64_t(repeats.size()) < t.dim()) repeats.insert(0, 1);
    return repeat(t, repeats);
}

Tensor repeat_interleave(const Tensor& t, int64_t repeats, OptInt dim, OptInt output_size) {
    WG_CHECK(repeats >= 0, "Repeats must be non-negative");
    const Tensor input = dim ? t : flatten(t);
    const int64_t d = wrap_dim(dim.value_or(0), input.dim());
    const Tensor column = unsqueeze(input, d + 1);
    Dims shape(column.sizes());
    shape[d + 1] = repeats;
    WG_CHECK(!output_size || *output_size == shape[d] * repeats,
             "repeat_interleave: Invalid output_size, expected ", shape[d] * repeats, " but got ",
             *output_size);
    const Tensor repeated = expand(column, shape);
    return flatten(repeated.is_contiguous() ? clone(repeated) : contiguous(repeated), d, d + 1);
}

Tensor repeat_interleave_indices(const Tensor& repeats, OptInt output_size) {
    WG_CHECK(repeats.dim() == 1, "repeat_interleave only accept 1D vector as repeat");
    WG_CHECK(repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32,
             "repeats has to be Long or Int tensor");
    const Tensor counts = contiguous(to_dtype(detach(repeats), DType::Int64));
    const int64_t n = counts.numel();
    const int64_t* count = counts.data<int64_t>();
    int64_t total = 0;
    for (int64_t i = 0; i < n; ++i) {
        WG_CHECK(count[i] >= 0, "repeats can not be negative");
        WG_CHECK(!__builtin_add_overflow(total, count[i], &total),
                 "numel: integer multiplication overflow");
    }
    WG_CHECK(!output_size || *output_size == total, "allocated size does not match required size");
    Tensor out = empty(Dims{total}, repeats.dtype());
    visit_dtype(out.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T> && sizeof(T) >= 4) {
            T* to = out.mutable_data<T>();
            for (int64_t i = 0; i < n; ++i) to = std::fill_n(to, count[i], T(i));
        }
    });
    return out;
}

Tensor repeat_interleave_each(const Tensor& t, const Tensor& repeats, OptInt dim,
                              OptInt output_size) {
    const Tensor input = dim ? t : flatten(t);
    const int64_t d = wrap_dim(dim.value_or(0), input.dim());
    Tensor counts = repeats;
    if (counts.dim() == 0 || (counts.dim() == 1 && counts.numel() == 1)) {
        counts = expand(reshape(counts, {1}), {input.size(d)});
    } else {
        WG_CHECK(counts.dim() == 1, "repeats must be 0-dim or 1-dim tensor");
        WG_CHECK(counts.numel() == input.size(d),
                 "repeats must have the same size as input along dim, but got ",
                 "repeats.size(0) = ", counts.numel(), " and input.size(", d,
                 ") = ", input.size(d));
    }
    return index_select(input, d, repeat_interleave_indices(counts, output_size));
}

// --- order ---

namespace {

Tensor rolled(const Tensor& t, int64_t shift, int64_t dim) {
    Tensor out = empty(t.sizes(), t.dtype());
    const int64_t size = t.size(dim);
    if (t.numel() == 0) return out;
    const int64_t start = (size - shift % size) % size;  // the element that comes first
    if (start < size)
        copy_values(part(out, dim, 0, size - start), part(t, dim, start, size - start));
    if (start > 0) copy_values(part(out, dim, size - start, start), part(t, dim, 0, start));
    return out;
}

}  // namespace

Tensor roll(const Tensor& t, const Dims& shifts, const Dims& dims) {
    if (watched()) [[unlikely]]
        return watch<"roll.default">([&] { return roll(t, shifts, dims); }, t, shifts, dims);
    WG_CHECK(!shifts.empty(), "`shifts` required");
    WG_CHECK(shifts.size() == dims.size() || (dims.empty() && shifts.size() == 1),
             "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
    if (t.numel() == 0) {
        Tensor out = empty_like(t);
        record("RollBackward0", out, {t}, {},
               with<"shifts", "dims">(shifts, dims)([](Backward& d) { d.set(0, d.grad()); }));
        return out;
    }
    Tensor out;
    {
        Unrecorded off;
        if (dims.empty() && shifts.size() == 1) {
            const Tensor flat = contiguous(t);
            out = alias(flat, Dims{flat.numel()}, Dims{1}, flat.offset());
            out = alias(rolled(out, shifts[0], 0), t.sizes(), contiguous_strides(t.sizes()), 0);
        } else {
            WG_CHECK_INDEX(t.dim() > 0, "Dimension specified as ", dims[0],
                           " but tensor has no dimensions");
            out = t;
            for (size_t i = 0; i < dims.size(); ++i)
                out = rolled(out, shifts[i], wrap_dim(dims[i], t.dim()));
        }
    }
    record("RollBackward0", out, {t}, {},
           with<"shifts", "dims">(
               shifts, dims)(on_rows([](Backward& d, const Dims& shifts, const Dims& dims) {
               Dims back(shifts), along;
               for (int64_t& s : back) s = -s;
               for (const int64_t dim : dims) along.push_back(d.dim(dim));
               const Tensor& g = d.grad();
               if (g.numel() == 0) return d.set(0, g);
               if (!d.front() || !dims.empty()) return d.set(0, roll(g, back, along));
               const Tensor flat = reshape(g, {g.size(0), g.numel() / g.size(0)});
               d.set(0, reshape(roll(flat, back, {1}), Dims(g.sizes())));
           })));
    return out;
}

Tensor flip(const Tensor& t, const Dims& dims) {
    if (watched()) [[unlikely]]
        return watch<"flip.default">([&] { return flip(t, dims); }, t, dims);
    const auto flipped = dim_set(dims, t.dim());
    Tensor out = empty_like(t);
    if (t.numel() > 0) {
        Dims strides(t.strides());
        const char* first = t.raw();
        for (int64_t d = 0; d < t.dim(); ++d) {
            if (!flipped[d]) continue;
            first += (t->dims[d] - 1) * strides[d] * int64_t(t.itemsize());
            strides[d] = -strides[d];
        }
        copy_strided(out.mutable_raw(), out.dtype(), out.strides(), first, t.dtype(), strides,
                     t.sizes());
    }
    record("FlipBackward0", out, {t}, {},
           with<"dims">(dims)(on_rows([](Backward& d, const Dims& dims) {
               Dims along;
               if (d.grad().dim() > d.front())
                   for (const int64_t dim : dims) along.push_back(d.dim(dim));
               d.set(0, flip(d.grad(), along));
           })));
    return out;
}

// --- triangles ---

namespace {

// Row i keeps its columns up to i + k (lower) or from i + k on (upper), the others become zero.
void clear_triangle(const Tensor& t, int64_t k, bool lower) {
    if (t.numel() == 0) return;
    const int64_t item = int64_t(t.itemsize()), rows = t.size(-2), columns = t.size(-1);
    const int64_t row_step = t.stride(-2) * item, column_step = t.stride(-1) * item;
    // Beyond these every element is on the same side.
    k = std::clamp(k, -rows - 1, columns + 1);
    const int64_t matrices = t.numel() / (rows * columns);
    for (int64_t m = 0; m < matrices; ++m) {
        char* matrix = t.mutable_raw();
        int64_t rest = m;
        for (int64_t d = t.dim() - 3; d >= 0; --d) {
            matrix += rest % t->dims[d] * t->dims[t.dim() + d] * item;
            rest /= t->dims[d];
        }
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t border = std::clamp<int64_t>(i + k + (lower ? 1 : 0), 0, columns);
            const int64_t begin = lower ? border : 0, end = lower ? columns : border;
            char* row = matrix + i * row_step;
            if (column_step == item)
                std::memset(row + begin * item, 0, size_t((end - begin) * item));
            else
                for (int64_t j = begin; j < end; ++j)
                    std::memset(row + j * column_step, 0, size_t(item));
        }
    }
}

// Both forms. As in PyTorch an expanded tensor may be written to: clearing twice clears.
template <bool lower>
void triangle(const Tensor& target, const Tensor& self, int64_t diagonal) {
    recorded_write(
        lower ? "TrilBackward0" : "TriuBackward0", target, self, {}, {},
        [diagonal](const Tensor& t) {
            WG_CHECK(t.dim() >= 2, lower ? "tril" : "triu",
                     ": input tensor must have at least 2 dimensions");
            clear_triangle(t, diagonal, lower);
        },
        with<"diagonal">(diagonal)([](Backward& d, int64_t diagonal) {
            d.set(0, lower ? tril(d.grad(), diagonal) : triu(d.grad(), diagonal));
        }));
}

}  // namespace

Tensor tril(const Tensor& t, int64_t diagonal) {
    if (watched()) [[unlikely]]
        return watch<"tril.default">([&] { return tril(t, diagonal); }, t,
                                     optional_argument(diagonal, 0));
    Tensor out = contiguous_copy(t);
    triangle<true>(out, t, diagonal);
    return out;
}
Tensor triu(const Tensor& t, int64_t diagonal) {
    if (watched()) [[unlikely]]
        return watch<"triu.default">([&] { return triu(t, diagonal); }, t,
                                     optional_argument(diagonal, 0));
    Tensor out = contiguous_copy(t);
    triangle<false>(out, t, diagonal);
    return out;
}
Tensor& tril_(Tensor& self, int64_t diagonal) {
    if (watched()) [[unlikely]]
        return watch_write<"tril_.default">([&]() -> Tensor& { return tril_(self, diagonal); },
                                            self, optional_argument(diagonal, 0));
    triangle<true>(self, self, diagonal);
    return self;
}
Tensor& triu_(Tensor& self, int64_t diagonal) {
    if (watched()) [[unlikely]]
        return watch_write<"triu_.default">([&]() -> Tensor& { return triu_(self, diagonal); },
                                            self, optional_argument(diagonal, 0));
    triangle<false>(self, self, diagonal);
    return self;
}

}  // namespace wg
