// Tensors that take other memory or another shape: set_, resize_as_; and fill_diagonal_, which is windows on memory.
#include <utility>

#include "autograd/record.h"
#include "ops/functions.h"
#include "tensor/unlocked.h"

namespace wg {

size_t window_bytes(const Dims& sizes, const Dims& strides, int64_t offset, size_t itemsize) {
    bool empty = false;
    for (int64_t s : sizes) empty |= s == 0;
    size_t last = 0, bytes = 0;
    bool overflow = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
        overflow |= sizes[d] < 0;
        size_t reach = 0;
        if (!empty && sizes[d] > 0)
            overflow |= __builtin_mul_overflow(size_t(sizes[d] - 1), size_t(strides[d]), &reach) ||
                        __builtin_add_overflow(last, reach, &last);
    }
    overflow |= __builtin_add_overflow(last, size_t(offset) + 1, &last) ||
                __builtin_mul_overflow(last, itemsize, &bytes) || bytes > size_t(INT64_MAX);
    WG_CHECK(!overflow, "Storage size calculation overflowed with sizes=", to_string(sizes),
             " and strides=", to_string(strides));
    return empty ? 0 : bytes;
}

// t keeps its version counter, its history and its Python object.
void set_memory(const Tensor& t, Ref<Storage> storage, IntSpan sizes, IntSpan strides,
                int64_t offset) {
    if (!t->own_version) {
        t->own_version = VersionCounter::make();
        if (t->storage->refs > 1) {
            t->own_version->former = t->storage;
        } else {
            t->own_version->version = t.version();
            t->version = &t->own_version->version;
        }
    }
    const Dims kept_sizes(sizes), kept_strides(strides);  // they may be t's own
    t->set_ndim(int64_t(kept_sizes.size()));
    std::copy(kept_sizes.begin(), kept_sizes.end(), t->dims);
    std::copy(kept_strides.begin(), kept_strides.end(), t->dims + kept_sizes.size());
    t->offset = offset;
    keep_for_loops(std::exchange(t->storage, std::move(storage)));
    t->update_geometry();
}

namespace {

// `source` is undefined where it is a storage, or none.
template <class Change>
Tensor& set_recorded(Tensor& self, const Tensor& source, Change change) {
    if (any_tangent({self, source}))
        fail(
            ErrorKind::NotImplemented,
            "Trying to use forward AD with set_ that does not support it because it has not been implemented yet.\n"
            "Please file an issue to PyTorch at "
            "https://github.com/pytorch/pytorch/issues/new?template=feature-request.yml so that we can prioritize "
            "its implementation.");
    const bool records = any_requires_grad({self, source});
    check_history(self, records);
    Ref<Node> node;
    if (records) {
        const Tensor* inputs[] = {&self, &source};
        node = make_node(
            "torch::autograd::NotImplemented", {inputs, source.defined() ? 2u : 1u},
            [](Backward&) { fail(ErrorKind::Runtime, "derivative for set_ is not implemented"); });
    }
    change();
    rebase_history(self, std::move(node));
    forget_accumulator(self);  // graphs to come expect gradients of the new shape
    return self;
}

void check_same_dtype(const Tensor& self, const Tensor& source) {
    WG_CHECK(self.dtype() == source.dtype(), "Could not set tensor of type ",
             info(source.dtype()).c_name, " to a tensor of type ", info(self.dtype()).c_name);
}

// A window on the memory, which grows where it is too small.
void set_window(const Tensor& self, const Ref<Storage>& memory, int64_t offset, const Dims& sizes,
                const OptDims& given) {
    const Dims strides =
        given && !(given->empty() && !sizes.empty()) ? *given : contiguous_strides(sizes);
    WG_CHECK(sizes.size() == strides.size(), "unequal size length (", sizes.size(),
             ") and stride length (", strides.size(), ")");
    WG_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
    int64_t numel = 1;
    bool fits = true;
    for (int64_t n : sizes) fits = fits && n >= 0 && !__builtin_mul_overflow(numel, n, &numel);
    WG_CHECK(fits, "numel: integer multiplication overflow");
    for (int64_t n : strides)
        WG_CHECK(n >= 0, "Storage size calculation overflowed with sizes=", to_string(sizes),
                 " and strides=", to_string(strides));
    const size_t bytes = window_bytes(sizes, strides, offset, self.itemsize());
    if (bytes > memory->nbytes) memory->resize(bytes);
    set_memory(self, memory, sizes, strides, offset);
}

}  // namespace

Tensor& set_(Tensor& self) {
    return set_recorded(self, {}, [&] {
        const int64_t none = 0, one = 1;
        set_memory(self, Storage::allocate(0), {&none, 1}, {&one, 1}, 0);
    });
}
Tensor& set_storage_(Tensor& self, const Ref<Storage>& source) {
    return set_recorded(self, {}, [&] {
        set_window(self, source, 0, {int64_t(source->nbytes / self.itemsize())}, {});
    });
}
Tensor& set_storage_window_(Tensor& self, const Ref<Storage>& source, int64_t storage_offset,
                            const Dims& size, const OptDims& stride) {
    return set_recorded(self, {}, [&] { set_window(self, source, storage_offset, size, stride); });
}
Tensor& set_tensor_(Tensor& self, const Tensor& source) {
    return set_recorded(self, source, [&] {
        check_same_dtype(self, source);
        set_memory(self, source->storage, source.sizes(), source.strides(), source.offset());
    });
}
Tensor& set_tensor_window_(Tensor& self, const Tensor& source, int64_t storage_offset,
                           const Dims& size, const OptDims& stride) {
    WG_CHECK(has_contiguous_layout(source),
             "passed in tensor to be used as storage must be contiguous");
    return set_recorded(self, source, [&] {
        check_same_dtype(self, source);
        set_window(self, source->storage, storage_offset, size, stride);
    });
}

bool is_set_to(const Tensor& t, const Tensor& other) {
    // As in PyTorch a lazy tensor is set to nothing, itself included.
    return !t.is_lazy() && !other.is_lazy() && t->storage == other->storage &&
           t.offset() == other.offset() && same_shape(t.sizes(), other.sizes()) &&
           same_shape(t.strides(), other.strides());
}

// Every format that exists here is the usual one.
Tensor& resize_as_(Tensor& self, const Tensor& other, OptMemoryFormat) {
    WG_CHECK(!requires_grad(self), "cannot resize variables that require grad");
    WG_CHECK(!has_tangent(self), "cannot resize variables that has a forward grad");
    if (!same_shape(self.sizes(), other.sizes())) {
        resize_values(self, other.sizes());
        self.bump_version();
    }
    return self;
}

Tensor& fill_diagonal_(Tensor& self, Scalar value, bool wrap) {
    const int64_t n = self.dim();
    WG_CHECK(n >= 2, "dimensions must larger than 1");
    const int64_t height = self->dims[0], width = self->dims[1];
    for (int64_t d = 1; n > 2 && d < n; ++d)
        WG_CHECK(self->dims[d] == height, "all dimensions of input must be of equal length");
    int64_t step = 0;
    for (int64_t s : self.strides()) step += s;
    Tensor diagonal = as_strided(self, {std::min(height, width)}, {step}, self.offset());
    fill_(diagonal, value);
    if (!wrap || n != 2 || height <= width + 1) return self;
    // Again from the row after the one that it leaves out at the bottom; in one window where rows follow each other.
    const int64_t first = width + 1;
    if (self.stride(0) == width * self.stride(1)) {
        const int64_t rest = (height * width + first - 1) / first - std::min(height, width);
        Tensor next = as_strided(self, {rest}, {step}, self.offset() + first * self.stride(0));
        fill_(next, value);
        return self;
    }
    for (int64_t row = first; row < height; row += first) {
        Tensor next = as_strided(self, {std::min(height - row, width)}, {step},
                                 self.offset() + row * self.stride(0));
        fill_(next, value);
    }
    return self;
}

}  // namespace wg
