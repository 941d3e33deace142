// as_strided: any window on the memory of a tensor, and its gradient.
#include "autograd/record.h"
#include "ops/dims.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// How many elements of a storage the geometry reaches from its offset.
int64_t extent(IntSpan sizes, IntSpan strides) {
    int64_t last = 0;
    for (size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == 0) return 0;
        last += (sizes[d] - 1) * strides[d];
    }
    return last + 1;
}

void check_as_strided(const Tensor& t, const Dims& sizes, const Dims& strides, int64_t offset) {
    WG_CHECK(sizes.size() == strides.size(), "mismatch in length of strides and shape");
    for (int64_t s : strides)
        WG_CHECK(s >= 0,
                 "as_strided: Negative strides are not supported at the moment, got strides: ",
                 to_string(strides));
    WG_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
    const size_t bytes = window_bytes(sizes, strides, offset, t.itemsize());
    WG_CHECK(bytes <= t->storage->nbytes, "setStorage: sizes ", to_string(sizes), ", strides ",
             to_string(strides), ", storage offset ", offset, ", and itemsize ", t.itemsize(),
             " requiring a storage size of ", bytes, " are out of bounds for storage of size ",
             t->storage->nbytes);
}

// A flat tensor of n zeros with grad added where the window lies: elements that several indices
// of the window share receive the sum.
Tensor add_window(const Tensor& grad, int64_t n, const Dims& strides, int64_t offset) {
    Tensor flat = zeros({n}, grad.dtype());
    const Dims sizes(grad.sizes());
    if (!may_overlap_itself(sizes, strides)) {
        Tensor window = as_strided(flat, sizes, strides, offset);
        copy_(window, grad);
    } else {
        const Tensor places = arange(0, n, 1, DType::Int64);
        index_add_(flat, 0, reshape(alias(places, sizes, strides, offset), {-1}),
                   reshape(grad, {-1}));
    }
    return flat;
}

}  // namespace

// Note [The gradient of as_strided]
// The gradient of the window is summed into a flat image of the storage, and the input's geometry is read
// from that. An input that overlaps itself has several elements for one place: each is given an
// equal share, so that the sum over them is right.
Ref<Node> as_strided_node(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset,
                          std::optional<int64_t> given_offset) {
    const Tensor* inputs[] = {&t};
    return make_node(
        "AsStridedBackward0", inputs,
        with<"size", "stride", "storage_offset">(
            Dims(sizes), Dims(strides),
            given_offset)([offset, from = Dims(t.sizes()), from_strides = Dims(t.strides()),
                           from_offset = t.offset()](Backward& d, const Dims& sizes,
                                                     const Dims& strides, OptInt) {
            if (d.grad().numel() == 0 || std::ranges::find(from, 0) != from.end()) {
                Tensor none = empty(from, d.grad().dtype());
                return d.set(0, zero_(none));
            }
            // Dims that lead nowhere are summed out first.
            Tensor g = d.grad();
            Dims steps;
            for (int64_t i = int64_t(sizes.size()) - 1; i >= 0; --i) {
                if (sizes[i] == 1) g = squeeze_dim(g, i);
                else if (strides[i] == 0) g = sum(g, Dims{i});
                else steps.insert(0, strides[i]);
            }
            const int64_t base = std::min(offset, from_offset);
            const int64_t n = std::max(offset - base + extent(sizes, strides),
                                       from_offset - base + extent(from, from_strides));
            Tensor flat = add_window(g, n, steps, offset - base);
            if (may_overlap_itself(from, from_strides)) {
                const Tensor shares =
                    add_window(ones(from, d.grad().dtype()), n, from_strides, from_offset - base);
                elementwise_(Op::div, flat, std::initializer_list<Arg>{flat, maximum(shares, 1)});
            }
            d.set(0, as_strided(flat, from, from_strides, from_offset - base));
        }));
}

Tensor as_strided(const Tensor& t, const Dims& sizes, const Dims& strides, OptInt storage_offset) {
    if (watched()) [[unlikely]]
        return watch<"as_strided.default">(
            [&] { return as_strided(t, sizes, strides, storage_offset); }, t, sizes, strides,
            optional_argument(storage_offset, OptInt()));
    const int64_t offset = storage_offset.value_or(t.offset());
    check_as_strided(t, sizes, strides, offset);
    Tensor out = view_of(t, sizes, strides, offset);
    if (!recorded(t)) return out;
    const Ref<Node> node = as_strided_node(t, sizes, strides, offset, storage_offset);
    if (any_requires_grad({t})) set_history(out, *node);
    else node->add_output(out);
    if (has_tangent(t)) [[unlikely]] {
        const Tensor* inputs[] = {&t};
        const auto record = [](const void*, std::span<const Tensor> windows, const Tensor& of) {
            const Tensor& w = windows[0];
            if (any_requires_grad({of}))
                set_history(w,
                            *as_strided_node(of, w.sizes(), w.strides(), w.offset(), w.offset()));
        };
        if (!push_windows({&out, 1}, t, nullptr, record))
            push_forward(*node, {&out, 1}, inputs, {});
    }
    return out;
}

}  // namespace wg
