// Writing by index: x[tensors] = v, index_add, index_copy, index_fill, masked_fill.
// Where the elements are is Note [Advanced indexing] in indexed.h; each operation exists on a fresh copy
// and in place through recorded_write.
#include <cstring>

#include "ops/checked_scalar.h"
#include "ops/indexed.h"
#include "ops/indexed_node.h"
#include "ops/recorded_write.h"

namespace wg {

namespace {

// Whether the dims of the index shape can be walked with one stride.
bool one_stride(const IndexedRegion& r, IntSpan strides) {
    int64_t expected = -1;
    for (size_t d = r.first + r.count; d-- > r.first;) {
        if (r.shape[d] == 1) continue;
        if (expected >= 0 && strides[d] != expected) return false;
        expected = strides[d] * r.shape[d];
    }
    return true;
}

// values, of the region's shape or broadcast to it, over the region in `r`: written, or added.
// Always in the order of the index, so that the result never depends on the number of threads.
void write_region(const IndexedRegion& r, const Tensor& values, bool accumulate) {
    GradMode off(false);
    // The walk needs one stride along the index shape, and memory other than the region's own.
    Tensor source = expand(values, r.shape);
    if (!one_stride(r, source.strides()) || values->storage == r.base->storage) {
        source = empty(r.shape, values.dtype());
        copy_values(source, values);
    }
    visit_dtype(r.base.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        if (accumulate) {
            for_each_run(
                r, source.raw(), source.strides(), false,
                [](char* to, const char* from, int64_t n, int64_t to_stride, int64_t from_stride) {
                    for (int64_t i = 0; i < n; ++i) {
                        T& sum = *reinterpret_cast<T*>(to + i * to_stride);
                        const T& x = *reinterpret_cast<const T*>(from + i * from_stride);
                        if constexpr (std::is_same_v<T, bool>) sum = sum || x;
                        else if constexpr (std::is_integral_v<T>)
                            sum = T(uint64_t(sum) + uint64_t(x));
                        else sum = T(C(C(sum) + C(x)));
                    }
                });
        } else {
            for_each_run(
                r, source.raw(), source.strides(), false,
                [](char* to, const char* from, int64_t n, int64_t to_stride, int64_t from_stride) {
                    for (int64_t i = 0; i < n; ++i)
                        std::memcpy(to + i * to_stride, from + i * from_stride, sizeof(T));
                });
        }
    });
}

// What PyTorch hands on to masked_fill_: one value where one mask is true.
bool is_fill(const TensorList& indices, const Tensor& values, bool accumulate) {
    if (accumulate || values.numel() != 1) return false;
    int defined = 0;
    for (const Tensor& i : indices)
        if (i.defined()) ++defined, accumulate |= i.dtype() != DType::Bool;
    return defined == 1 && !accumulate;
}

void put(const Tensor& target, const Tensor& self, const TensorList& indices, const Tensor& values,
         bool accumulate) {
    WG_CHECK(self.dtype() == values.dtype(),
             "Index put requires the source and destination dtypes match, got ",
             info(self.dtype()).scalar_name, " for the destination and ",
             info(values.dtype()).scalar_name, " for the source.");
    const bool in_place = target.is_same(self);
    if (in_place) check_history(self, any_requires_grad({self, values}));
    const IndexedRegion r = indexed_region(target, indices);
    WG_CHECK(is_expandable(values.sizes(), r.shape), "shape mismatch: value tensor of shape ",
             to_string(values.sizes()), " cannot be broadcast to indexing result of shape ",
             to_string(r.shape));
    recorded_write(
        "IndexPutBackward0", target, self, {values}, save_indices(indices),
        [&](const Tensor&) {
            if (in_place && is_fill(indices, values, accumulate))
                warn_if_expanded(self, "masked_fill_");
            write_region(r, values, accumulate);
        },
        [n = indices.size(), accumulate, sizes = Dims(values.sizes())](Backward& d) {
            const TensorList at = saved_indices(d, n);
            if (d.needs(0))
                d.set(0,
                      accumulate ? d.grad() : index_put(d.grad(), at, zeros({}, d.grad().dtype())));
            if (d.needs(1)) d.set(1, sum_to(index(d.grad(), at), sizes));
        },
        "index_put_");
}

}  // namespace

Tensor& index_put_(Tensor& self, const TensorList& indices, const Tensor& values, bool accumulate) {
    put(self, self, indices, values, accumulate);
    return self;
}

Tensor index_put(const Tensor& t, const TensorList& indices, const Tensor& values,
                 bool accumulate) {
    const Tensor out = fresh_copy(t);
    put(out, t, indices, values, accumulate);
    return out;
}

// --- along one dimension ---

namespace {

// The slices of target along dim that `index` names; `bad` is told the first index out of range.
template <class Bad>
IndexedRegion slices(const Tensor& target, int64_t dim, const Tensor& index, bool negative,
                     Bad bad) {
    const Tensor t = target.dim() == 0 ? alias(target, Dims{1}, Dims{1}, target.offset()) : target;
    const Tensor places = checked_indices(index, t.size(dim), negative, bad);
    const int64_t n = places.numel(), stride = t.stride(dim);
    IndexedRegion r;
    r.base = t;
    r.shape = Dims(t.sizes());
    r.strides = Dims(t.strides());
    r.shape[dim] = n;
    r.strides[dim] = 0;
    r.first = size_t(dim);
    r.count = 1;
    r.offsets = empty(Dims{n}, DType::Int64);
    for (int64_t i = 0; i < n; ++i)
        r.offsets.data<int64_t>()[i] = places.data<int64_t>()[i] * stride;
    return r;
}

// Fits the shape check of index_add and index_copy: equal but along dim.
bool same_but_along(const Tensor& a, const Tensor& b, int64_t dim) {
    if (a.dim() != b.dim()) return false;
    for (int64_t d = 0; d < a.dim(); ++d)
        if (d != dim && a->dims[d] != b->dims[d]) return false;
    return true;
}

Dims slice_shape(const Tensor& t, int64_t dim) {
    Dims shape(t.sizes());
    if (!shape.empty()) shape.erase(size_t(dim));
    return shape;
}

std::string joined(IntSpan values) {
    std::string s;
    for (int64_t v : values) s += (s.empty() ? "" : " ") + std::to_string(v);
    return s;
}

void add(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
         const Tensor& source, Scalar alpha) {
    dim = wrap_dim(dim, self.dim());
    const int64_t n = index.numel();
    WG_CHECK_INDEX(index.dim() <= 1,
                   "index_add_(): Index is supposed to be a vector, but got dim: ", index.dim(),
                   " with type: ", info(index.dtype()).scalar_name,
                   " and size: ", to_string(index.sizes()));
    WG_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
             "index_add_(): Expected dtype int32/int64 for index but got: ",
             info(index.dtype()).scalar_name);
    WG_CHECK(self.dtype() == source.dtype(), "index_add_(): self (", info(self.dtype()).scalar_name,
             ") and source (", info(source.dtype()).scalar_name,
             ") must have the same scalar type");
    WG_CHECK(dim < std::max<int64_t>(source.dim(), 1), "index_add_(): Indexing dim ", dim,
             " is out of bounds of the source tensor with dim ", source.dim());
    const int64_t length = source.dim() == 0 ? 1 : source.size(dim);
    WG_CHECK(n == length, "index_add_(): Number of indices (", n,
             ") should be equal to source.size(dim): (", length, "), for dim: ", dim);
    WG_CHECK(
        same_but_along(self, source, dim),
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ",
        to_string(self.sizes()), " source.shape = ", to_string(source.sizes()));
    const int64_t size = self.dim() == 0 ? 1 : self.size(dim);
    const IndexedRegion r = slices(target, dim, index, false, [&](int64_t bad) {
        WG_CHECK_INDEX(self.dim() > 1, "index out of range in self");
        fail(ErrorKind::Runtime,
             str("index ", bad, " is out of bounds for dimension ", dim, " with size ", size));
    });
    recorded_write(
        "IndexAddBackward0", target, self, {source}, SaveList{save("index", index)},
        [&](const Tensor&) {
            GradMode off(false);
            const bool plain = alpha.is_floating() ? alpha.to_double() == 1 : alpha.to_int() == 1;
            // For integers alpha loses its fraction before the product, not after it.
            const Scalar factor = is_floating(self.dtype()) ? alpha : Scalar(alpha.to_int());
            write_region(r, reshape(plain ? source : mul(source, factor), r.shape), true);
        },
        [dim, alpha](Backward& d) {
            if (d.needs(0)) d.set(0, d.grad());
            if (!d.needs(1)) return;
            const Tensor g = index_select(d.grad(), dim, d.saved(0));
            d.set(1, mul(g, alpha));
        });
}

void copy_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 const Tensor& source) {
    dim = wrap_dim(dim, self.dim());
    WG_CHECK_INDEX(index.dim() <= 1, "index_copy_(): Index should have dimension 1 or 0 (got ",
                   index.dim(), ")");
    WG_CHECK(index.dtype() == DType::Int64,
             "index_copy_(): Expected a long tensor for index, but got ",
             info(index.dtype()).scalar_name);
    WG_CHECK(self.dtype() == source.dtype(),
             "index_copy_(): self and source expected to have the same dtype, but got (self) ",
             info(self.dtype()).scalar_name, " and (source) ", info(source.dtype()).scalar_name);
    WG_CHECK_INDEX(
        self.dim() == 0 || source.dim() == 0 || self.dim() == source.dim(),
        "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
        "dimensionality (",
        source.dim(), "), destination dimensionality (", self.dim(), ")");
    WG_CHECK(
        same_shape(slice_shape(self, dim), slice_shape(source, dim)),
        "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ",
        joined(slice_shape(self, dim)), " at dimension ", dim,
        " and source slice shape: ", joined(slice_shape(source, dim)), " at dimension 0.");
    const int64_t length = source.dim() == 0 ? 1 : source.size(dim);
    WG_CHECK_INDEX(index.numel() == length, "index_copy_(): Number of indices (", index.numel(),
                   ") should be equal to source.size(dim) (", length, ")");
    const int64_t size = self.dim() == 0 ? 1 : self.size(dim);
    const IndexedRegion r = slices(target, dim, index, false, [&](int64_t bad) {
        fail(ErrorKind::Index, str("index_copy_(): index ", bad, " is out of bounds for dimension ",
                                   dim, " with size ", size));
    });
    recorded_write(
        "IndexCopyBackward0", target, self, {source}, SaveList{save("index", index)},
        [&](const Tensor&) {
            GradMode off(false);
            write_region(r, reshape(source, r.shape), false);
        },
        [dim](Backward& d) {
            if (d.needs(0)) d.set(0, index_fill(d.grad(), dim, d.saved(0), 0));
            if (d.needs(1)) d.set(1, index_select(d.grad(), dim, d.saved(0)));
        });
}

IndexedRegion filled_slices(const Tensor& target, int64_t dim, const Tensor& index) {
    WG_CHECK_INDEX(index.dtype() == DType::Int64, "index_fill_(): Expected dtype int64 for index.");
    WG_CHECK(index.dim() <= 1, "Index has to be a vector/scalar");
    const int64_t size = target.dim() == 0 ? 1 : target.size(dim);
    return slices(target, dim, index, true, [&](int64_t bad) {
        fail(ErrorKind::Index,
             str("index ", bad, " is out of bounds for dimension ", dim, " with size ", size));
    });
}

void fill_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 Scalar value) {
    dim = wrap_dim(dim, self.dim());
    const IndexedRegion r = filled_slices(target, dim, index);
    const Tensor element = full({}, value, self.dtype());
    recorded_write(
        "IndexFillBackward0", target, self, {}, SaveList{save("index", index)},
        [&](const Tensor&) { write_region(r, element, false); },
        [dim](Backward& d) { d.set(0, index_fill(d.grad(), dim, d.saved(0), 0)); }, "index_fill_");
}

void fill_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 const Tensor& value) {
    WG_CHECK(value.dim() == 0,
             "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
             value.dim(), " dimension(s).");
    dim = wrap_dim(dim, self.dim());
    const IndexedRegion r = filled_slices(target, dim, index);
    recorded_write(
        "IndexFillBackward1", target, self, {value}, SaveList{save("index", index)},
        [&](const Tensor&) {
            GradMode off(false);
            write_region(r, to_dtype(value, self.dtype()), false);
        },
        [dim](Backward& d) {
            const Tensor kept = index_fill(d.grad(), dim, d.saved(0), 0);
            if (d.needs(0)) d.set(0, kept);
            // Not a sum over index_select: an index that occurs twice fills its slice once.
            if (d.needs(1)) d.set(1, sum(d.grad() - kept));
        },
        "index_fill_");
}

}  // namespace

Tensor& index_add_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                   Scalar alpha) {
    add(self, self, dim, index, source, alpha);
    return self;
}
Tensor index_add(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha) {
    const Tensor out = fresh_copy(t);
    add(out, t, dim, index, source, alpha);
    return out;
}
Tensor& index_copy_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
    copy_slices(self, self, dim, index, source);
    return self;
}
Tensor index_copy(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source) {
    const Tensor out = fresh_copy(t);
    copy_slices(out, t, dim, index, source);
    return out;
}
Tensor& index_fill_(Tensor& self, int64_t dim, const Tensor& index, Scalar value) {
    fill_slices(self, self, dim, index, value);
    return self;
}
Tensor index_fill(const Tensor& t, int64_t dim, const Tensor& index, Scalar value) {
    const Tensor out = fresh_copy(t);
    fill_slices(out, t, dim, index, value);
    return out;
}
Tensor& index_fill_tensor_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
    fill_slices(self, self, dim, index, value);
    return self;
}
Tensor index_fill_tensor(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& value) {
    const Tensor out = fresh_copy(t);
    fill_slices(out, t, dim, index, value);
    return out;
}

// --- masks ---

namespace {

void check_mask(const Tensor& mask) {
    WG_CHECK(mask.dtype() == DType::Bool,
             "masked_fill_ only supports boolean masks, but got mask with dtype ",
             info(mask.dtype()).c_name);
}

// Where the mask is true, `element` (one value of target's dtype) goes into target.
void write_masked(const Tensor& target, const Tensor& mask, const void* element) {
    GradMode off(false);
    const Tensor wanted = contiguous(expand(mask, Dims(target.sizes())));
    if (is_expanded(target.sizes(), target.strides())) {
        // Elements that share memory: one that is not wanted must not put the old value back.
        Tensor value = empty({}, target.dtype());
        std::memcpy(value.raw(), element, target.itemsize());
        return write_region(indexed_region(target, {wanted}), value, false);
    }
    // On a strided target the blend runs on a copy.
    const Tensor values = contiguous(target);
    const auto blend = [&](auto tag) {
        using T = decltype(tag);
        T value;
        std::memcpy(&value, element, sizeof(T));
        const uint8_t* m = wanted.data<uint8_t>();
        T* v = values.data<T>();
        parallel_for(0, values.numel(), 65536, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) v[i] = m[i] ? value : v[i];
        });
    };
    switch (target.itemsize()) {
    case 1: blend(uint8_t{}); break;
    case 2: blend(uint16_t{}); break;
    case 4: blend(uint32_t{}); break;
    default: blend(uint64_t{});
    }
    if (!values.is_same(target)) copy_values(target, values);
}

// What the in-place forms may write to, or the error that says why not.
void check_mask_fits(const Tensor& self, const Tensor& mask) {
    const Dims shape = broadcast_shapes(mask.sizes(), self.sizes());
    WG_CHECK(same_shape(shape, self.sizes()), "output with shape ", to_string(self.sizes()),
             " doesn't match the broadcast shape ", to_string(shape));
}

Tensor copy_for_mask(const Tensor& t, const Tensor& mask) {
    const Dims shape = broadcast_shapes(mask.sizes(), t.sizes());
    Tensor out = empty(shape, t.dtype());
    copy_values(out, t);
    return out;
}

void fill_masked(const Tensor& target, const Tensor& self, const Tensor& mask, Scalar value) {
    alignas(8) char element[8] = {};
    store_checked(value, element, self.dtype());
    recorded_write(
        "MaskedFillBackward0", target, self, {}, SaveList{save("mask", mask)},
        [&](const Tensor& to) { write_masked(to, mask, element); },
        [](Backward& d) { d.set(0, masked_fill_value(d.grad(), d.saved(0), 0)); }, "masked_fill_");
}

void fill_masked(const Tensor& target, const Tensor& self, const Tensor& mask,
                 const Tensor& value) {
    recorded_write(
        "MaskedFillBackward1", target, self, {value}, SaveList{save("mask", mask)},
        [&](const Tensor& to) {
            GradMode off(false);
            const Tensor element = to_dtype(value, self.dtype());
            write_masked(to, mask, element.raw());
        },
        [](Backward& d) {
            const Tensor mask = d.saved(0);
            if (d.needs(0)) d.set(0, masked_fill_value(d.grad(), mask, 0));
            if (d.needs(1)) d.set(1, sum(masked_fill_value(d.grad(), logical_not(mask), 0)));
        },
        "masked_fill_");
}

void check_fill_value(const Tensor& value) {
    WG_CHECK(value.dim() == 0,
             "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
             value.dim(), " dimension(s).");
}

}  // namespace

Tensor& masked_fill_value_(Tensor& self, const Tensor& mask, Scalar value) {
    check_mask(mask);
    check_mask_fits(self, mask);
    fill_masked(self, self, mask, value);
    return self;
}
Tensor masked_fill_value(const Tensor& t, const Tensor& mask, Scalar value) {
    check_mask(mask);
    const Tensor out = copy_for_mask(t, mask);
    fill_masked(out, t, mask, value);
    return out;
}
Tensor& masked_fill_(Tensor& self, const Tensor& mask, const Tensor& value) {
    check_fill_value(value);
    check_mask(mask);
    check_mask_fits(self, mask);
    fill_masked(self, self, mask, value);
    return self;
}
Tensor masked_fill(const Tensor& t, const Tensor& mask, const Tensor& value) {
    check_fill_value(value);
    check_mask(mask);
    const Tensor out = copy_for_mask(t, mask);
    fill_masked(out, t, mask, value);
    return out;
}

// --- masked_scatter ---

namespace {

// The elements of source, in order, go where the mask is true.
void scatter_masked(const Tensor& target, const Tensor& self, const Tensor& mask,
                    const Tensor& source) {
    recorded_write(
        "MaskedScatterBackward0", target, self, {source}, SaveList{save("mask", mask)},
        [&](const Tensor& to) {
            GradMode off(false);
            const Tensor wanted = contiguous(expand(mask, Dims(to.sizes())));
            const Tensor from = contiguous(source), values = contiguous(to);
            const size_t size = to.itemsize();
            size_t taken = 0;
            const size_t available = from.nbytes();
            const uint8_t* m = wanted.data<uint8_t>();
            for (int64_t i = 0; i < values.numel(); ++i) {
                if (!m[i]) continue;
                WG_CHECK(taken < available,
                         "Number of elements of source < number of ones in mask");
                std::memcpy(values.raw() + size_t(i) * size, from.raw() + taken, size);
                taken += size;
            }
            if (!values.is_same(to)) copy_values(to, values);
        },
        [sizes = Dims(source.sizes())](Backward& d) {
            const Tensor mask = d.saved(0);
            if (d.needs(0)) d.set(0, masked_fill_value(d.grad(), mask, 0));
            if (!d.needs(1)) return;
            const Tensor used = masked_select(d.grad(), mask);
            const int64_t rest = count(sizes) - used.numel();
            d.set(1, view(rest ? cat({used, zeros({rest}, used.dtype())}) : used, sizes));
        });
}

void check_masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
    WG_CHECK(self.dtype() == source.dtype(),
             "masked_scatter: expected self and source to have same dtypes but got",
             info(self.dtype()).scalar_name, " and ", info(source.dtype()).scalar_name);
    if (mask.dtype() == DType::UInt8)
        warn(
            WarningKind::User,
            "masked_scatter_ received a mask with dtype torch.uint8, this behavior is now deprecated,please use a mask "
            "with dtype torch.bool instead.");
    WG_CHECK(mask.dtype() == DType::Bool,
             "masked_scatter_ only supports boolean masks, but got mask with dtype ",
             info(mask.dtype()).scalar_name);
}

}  // namespace

Tensor& masked_scatter_(Tensor& self, const Tensor& mask, const Tensor& source) {
    check_masked_scatter(self, mask, source);
    scatter_masked(self, self, expand(mask, Dims(self.sizes())), source);
    return self;
}
Tensor masked_scatter(const Tensor& t, const Tensor& mask, const Tensor& source) {
    const Tensor out = copy_for_mask(t, mask);
    check_masked_scatter(t, mask, source);
    scatter_masked(out, t, mask, source);
    return out;
}

}  // namespace wg
