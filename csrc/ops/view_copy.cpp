// What relates to views and is none: copies of views (select_copy), parts that share memory with a tensor but
// not its history (unsafe_split), and copies of a tensor with a view of it replaced (select_scatter).
#include <cstring>
#include <set>

#include "autograd/record.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

// --- copies of views ---

namespace {

// Node names live as long as the program.
const char* kept_name(std::string name) {
    static auto& names = *new std::set<std::string>;
    return names.insert(std::move(name)).first->c_str();
}

// The outputs of `from`'s node become `to`, which is made of the same values.
void hand_over(std::span<const Tensor> from, std::span<const Tensor> to, std::string_view suffix) {
    Ref<Node> node;
    for (const Tensor& t : from)
        if (t->grad_fn) node = Ref<Node>(node_of(t->grad_fn));
    if (!node) return;
    node->rename(kept_name(node->name() + std::string(suffix)));
    node->outputs.clear();
    for (size_t i = 0; i < from.size(); ++i)
        if (from[i]->grad_fn) set_history(to[i], *node);
}

constexpr auto kSame = [](const Forward& d) { return d.tangent(0); };

void copy_tangents(const Tensor& to, const Tensor& from) {
    const Tensor* inputs[] = {&from};
    if (has_tangent(from)) push_rule(to, inputs, ForwardRule(kSame));
}

Tensor copied(const Tensor& view) {
    Tensor out = empty(view.sizes(), view.dtype());
    copy_values(out, view);
    hand_over({&view, 1}, {&out, 1}, "_copy");
    copy_tangents(out, view);
    return out;
}
TensorList copied(const TensorList& views) {
    TensorList out;
    for (const Tensor& v : views) {
        out.push_back(empty(v.sizes(), v.dtype()));
        copy_values(out.back(), v);
    }
    hand_over(views, out, "_copy");
    for (size_t i = 0; i < out.size(); ++i) copy_tangents(out[i], views[i]);
    return out;
}

}  // namespace

Tensor alias_copy(const Tensor& t) { return copied(alias_view(t)); }
Tensor as_strided_copy(const Tensor& t, const Dims& size, const Dims& stride, OptInt offset) {
    return copied(as_strided(t, size, stride, offset));
}
Tensor detach_copy(const Tensor& t) {
    if (has_tangent(t))
        fail(ErrorKind::NotImplemented,
             "Trying to use forward AD with aten::detach_copy that does not support it.");
    Tensor out = empty(t.sizes(), t.dtype());
    copy_values(out, t);
    record("torch::autograd::NotImplemented", out, {t}, {}, [](Backward&) {
        fail(ErrorKind::Runtime, "derivative for aten::detach_copy is not implemented");
    });
    return out;
}
Tensor diagonal_copy(const Tensor& t, int64_t offset, int64_t dim1, int64_t dim2) {
    return copied(diagonal(t, offset, dim1, dim2));
}
Tensor expand_copy(const Tensor& t, const Dims& size, bool implicit) {
    return copied(expand(t, size, implicit));
}
Tensor permute_copy(const Tensor& t, const Dims& dims) { return copied(permute(t, dims)); }
Tensor select_copy(const Tensor& t, int64_t dim, int64_t index) {
    const Tensor out = copied(select(t, dim, index));
    refuse_complex_history("select_copy", out, t);
    return out;
}
Tensor slice_copy(const Tensor& t, int64_t dim, OptInt start, OptInt end, int64_t step) {
    const Tensor out = copied(slice(t, dim, start, end, step));
    refuse_complex_history("slice_copy", out, t);
    return out;
}
TensorList split_copy(const Tensor& t, int64_t split_size, int64_t dim) {
    return copied(split(t, split_size, dim));
}
TensorList split_with_sizes_copy(const Tensor& t, const Dims& sizes, int64_t dim) {
    return copied(split_with_sizes(t, sizes, dim));
}
Tensor squeeze_copy(const Tensor& t) { return copied(squeeze(t)); }
Tensor squeeze_copy_dim(const Tensor& t, int64_t dim) { return copied(squeeze_dim(t, dim)); }
Tensor squeeze_copy_dims(const Tensor& t, const Dims& dims) {
    return copied(squeeze_dims(t, dims));
}
Tensor t_copy(const Tensor& x) { return copied(t(x)); }
Tensor transpose_copy(const Tensor& t, int64_t dim0, int64_t dim1) {
    return copied(transpose(t, dim0, dim1));
}
TensorList unbind_copy(const Tensor& t, int64_t dim) { return copied(unbind(t, dim)); }
Tensor unfold_copy(const Tensor& t, int64_t dim, int64_t size, int64_t step) {
    return copied(unfold(t, dim, size, step));
}
Tensor unsqueeze_copy(const Tensor& t, int64_t dim) { return copied(unsqueeze(t, dim)); }
Tensor view_copy(const Tensor& t, const Dims& size) { return copied(view(t, size)); }
Tensor view_copy_dtype(const Tensor& t, DType dtype) {
    return copied(view_dtype(t.is_lazy() ? clone(t) : t, dtype));
}

Tensor narrow_copy(const Tensor& t, int64_t dim, int64_t start, int64_t length) {
    if (watched()) [[unlikely]]
        return watch<"narrow_copy.default">([&] { return narrow_copy(t, dim, start, length); }, t,
                                            dim, start, length);
    Tensor out;
    {
        Unrecorded off;
        out = copied(narrow(t, dim, start, length));
    }
    record("NarrowCopyBackward0", out, {t}, {},
           with<"dim", "start", "length", "self_sym_sizes">(dim, start, length, Dims(t.sizes()))(
               [](Backward& d, int64_t dim, int64_t start, int64_t length, const Dims& sizes) {
                   dim = wrap_dim(dim, int64_t(sizes.size()));
                   if (start < 0) start += sizes[size_t(dim)];
                   d.set(0, slice_backward(d.grad(), sizes, dim, start, start + length, 1));
               }));
    return out;
}

// --- parts that share memory only ---

namespace {

// "SplitBackward0" becomes "UnsafeSplitBackward0".
template <class Split>
TensorList unrelated(const Tensor& t, Split split) {
    const TensorList views = split(t);
    const TensorList shown = t.is_lazy() ? split(resolved(t)) : views;
    TensorList parts;
    for (size_t i = 0; i < views.size(); ++i) {
        const Tensor& v = views[i];
        Tensor part = alias(shown[i]);
        part->own_version = VersionCounter::make();
        part->version = &part->own_version->version;
        if (has_tangent(v)) share_tangents(part, v);
        parts.push_back(std::move(part));
    }
    Ref<Node> node;
    for (const Tensor& v : views)
        if (v->grad_fn) node = Ref<Node>(node_of(v->grad_fn));
    if (node) node->rename(kept_name("Unsafe" + node->name()));
    hand_over(views, parts, "");
    return parts;
}

}  // namespace

TensorList unsafe_split(const Tensor& t, int64_t split_size, int64_t dim) {
    return unrelated(t, [&](const Tensor& whole) { return split(whole, split_size, dim); });
}
TensorList unsafe_split_with_sizes(const Tensor& t, const Dims& sizes, int64_t dim) {
    return unrelated(t, [&](const Tensor& whole) { return split_with_sizes(whole, sizes, dim); });
}
TensorList unsafe_chunk(const Tensor& t, int64_t chunks, int64_t dim) {
    return unrelated(t, [&](const Tensor& whole) { return chunk(whole, chunks, dim); });
}

// --- copies with a view replaced ---

namespace {

// With all of t's memory around it, so that a window on the copy means the same elements.
Tensor copy_with_memory(const Tensor& t) {
    Unrecorded off;
    if (may_overlap_itself(t) || t.is_lazy()) return clone(t);
    Ref<Storage> memory = Storage::allocate(t->storage->nbytes);
    if (const size_t n = memory->nbytes) std::memcpy(memory->data, t->storage->data, n);
    return from_storage(std::move(memory), t.sizes(), t.strides(), t.offset(), t.dtype());
}

template <class Window, class F>
Tensor scattered(const char* name, const Tensor& t, const Tensor& src, Window window, F f) {
    Tensor out = copy_with_memory(t);
    {
        Unrecorded off;
        const Tensor part = window(out);
        WG_CHECK(same_shape(part.sizes(), src.sizes()),
                 "expected src to have a size equal to the slice of self. src size = ",
                 to_string(src.sizes()), ", slice size = ", to_string(part.sizes()));
        check_not_expanded(part);
        warn_if_discards(src.dtype(), part.dtype());
        copy_values(part, src);
    }
    record(name, out, {t, src}, {}, std::move(f));
    return out;
}

Tensor zeros_of(const Dims& sizes, const Tensor& g) { return zeros(sizes, g.dtype()); }

}  // namespace

Tensor select_scatter(const Tensor& t, const Tensor& src, int64_t dim, int64_t index) {
    if (watched()) [[unlikely]]
        return watch<"select_scatter.default">([&] { return select_scatter(t, src, dim, index); },
                                               t, src, dim, index);
    const Tensor out = scattered(
        "SelectScatterBackward0", t, src, [&](const Tensor& x) { return select(x, dim, index); },
        with<"dim", "index">(
            dim, index)([sizes = Dims(src.sizes())](Backward& d, int64_t dim, int64_t index) {
            const Tensor& g = d.grad();
            if (d.needs(0)) d.set(0, select_scatter(g, zeros_of(sizes, g), dim, index));
            if (d.needs(1)) d.set(1, select(g, dim, index));
        }));
    refuse_complex_history("select_scatter", out, t, src);
    return out;
}

Tensor slice_scatter(const Tensor& t, const Tensor& src, int64_t dim, OptInt start, OptInt end,
                     int64_t step) {
    if (watched()) [[unlikely]]
        return watch<"slice_scatter.default">(
            [&] { return slice_scatter(t, src, dim, start, end, step); }, t, src, dim, start, end,
            optional_argument(step, 1));
    const Tensor out = scattered(
        "SliceScatterBackward0", t, src,
        [&](const Tensor& x) { return slice(x, dim, start, end, step); },
        with<"dim", "start", "end", "step">(dim, start, end, step)(
            [sizes = Dims(src.sizes())](Backward& d, int64_t dim, OptInt start, OptInt end,
                                        int64_t step) {
                const Tensor& g = d.grad();
                if (d.needs(0))
                    d.set(0, slice_scatter(g, zeros_of(sizes, g), dim, start, end, step));
                if (d.needs(1)) d.set(1, slice(g, dim, start, end, step));
            }));
    refuse_complex_history("slice_scatter", out, t, src);
    return out;
}

Tensor diagonal_scatter(const Tensor& t, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
    if (watched()) [[unlikely]]
        return watch<"diagonal_scatter.default">(
            [&] { return diagonal_scatter(t, src, offset, dim1, dim2); }, t, src, offset, dim1,
            dim2);
    return scattered(
        "DiagonalScatterBackward0", t, src,
        [&](const Tensor& x) { return diagonal(x, offset, dim1, dim2); },
        with<"offset", "dim1", "dim2">(offset, dim1, dim2)(
            [sizes = Dims(src.sizes())](Backward& d, int64_t offset, int64_t dim1, int64_t dim2) {
                const Tensor& g = d.grad();
                if (d.needs(0))
                    d.set(0, diagonal_scatter(g, zeros_of(sizes, g), offset, dim1, dim2));
                if (d.needs(1)) d.set(1, diagonal(g, offset, dim1, dim2));
            }));
}

Tensor as_strided_scatter(const Tensor& t, const Tensor& src, const Dims& size, const Dims& stride,
                          OptInt storage_offset) {
    if (watched()) [[unlikely]]
        return watch<"as_strided_scatter.default">(
            [&] { return as_strided_scatter(t, src, size, stride, storage_offset); }, t, src, size,
            stride, storage_offset);
    return scattered(
        "AsStridedScatterBackward0", t, src,
        [&](const Tensor& x) { return as_strided(x, size, stride, storage_offset); },
        with<"size", "stride", "storage_offset">(size, stride, storage_offset)(
            [sizes = Dims(src.sizes())](Backward& d, const Dims& size, const Dims& stride,
                                        OptInt offset) {
                const Tensor g = contiguous(d.grad());
                if (d.needs(0))
                    d.set(0, as_strided_scatter(g, zeros_of(sizes, g), size, stride, offset));
                if (d.needs(1)) d.set(1, as_strided(g, size, stride, offset));
            }));
}

}  // namespace wg
