// Writing by index: x[tensors] = v, index_add, index_copy, index_fill, masked_fill.
// Where the elements are is Note [Advanced indexing] in indexed.h; each operation exists on a fresh copy
// and in place through recorded_write.
#include <cstring>

#include "ops/checked_scalar.h"
#include "ops/indexed.h"
#include "ops/indexed_node.h"
#include "ops/recorded_write.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// The number in a tensor of one element.
Scalar item(const Tensor& t) {
    if (t.dtype() == DType::Bool) return Scalar(t.to_int() != 0);
    if (is_complex(t.dtype())) return Scalar(complex_item(t));
    return is_integral(t.dtype()) ? Scalar(t.to_int()) : Scalar(t.to_double());
}

// values, of the region's shape or broadcast to it, over the region in `r`: written, or added.
// Always in the order of the index, so that the result never depends on the number of threads.
void write_region(const IndexedRegion& r, const Tensor& values, bool accumulate) {
    Unrecorded off;
    // The walk needs one stride along the index shape, and memory other than the region's own.
    Tensor source = expand(values, r.shape);
    if (!one_stride(r, source.strides()) || values->storage == r.base->storage) {
        source = empty(r.shape, values.dtype());
        copy_values(source, values);
    }
    visit_any_dtype(r.base.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using C = compute_type<T>;
        if (accumulate) {
            for_each_run(
                r, r.base.mutable_raw(), source.raw(), source.strides(), false,
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
                r, r.base.mutable_raw(), source.raw(), source.strides(), false,
                [](char* to, const char* from, int64_t n, int64_t to_stride, int64_t from_stride) {
                    for (int64_t i = 0; i < n; ++i)
                        std::memcpy(to + i * to_stride, from + i * from_stride, sizeof(T));
                });
        }
    });
}

}  // namespace

// --- along one dimension ---

namespace {

// The slices of target along dim that `index` names; `bad` is told the first index out of range.
template <class Bad>
IndexedRegion slices(const Tensor& target, int64_t dim, const Tensor& index, bool negative,
                     Bad bad) {
    const Tensor t = target.dim() == 0 ? alias(target, Dims{1}, Dims{1}, target.offset()) : target;
    const CheckedIndices places = checked_indices(index, t.size(dim), negative, bad);
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
        r.offsets.mutable_data<int64_t>()[i] = places.data<int64_t>()[i] * stride;
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

// The gradient of `source` (its sizes are `from`), which went to slices of what g belongs to.
Tensor slices_of(const Tensor& g, int64_t dim, const Tensor& index, const Dims& from) {
    const Tensor slices = index_select(g, dim, index);
    return from.empty() ? slices : expand(slices, from);
}

void add(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
         const Tensor& source, Scalar alpha) {
    const auto region = [&](const Tensor& to) {
        const int64_t d = wrap_dim(dim, to.dim()), n = index.numel();
        WG_CHECK_INDEX(index.dim() <= 1,
                       "index_add_(): Index is supposed to be a vector, but got dim: ", index.dim(),
                       " with type: ", info(index.dtype()).scalar_name,
                       " and size: ", to_string(index.sizes()));
        WG_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
                 "index_add_(): Expected dtype int32/int64 for index but got: ",
                 info(index.dtype()).scalar_name);
        WG_CHECK(to.dtype() == source.dtype(), "index_add_(): self (", info(to.dtype()).scalar_name,
                 ") and source (", info(source.dtype()).scalar_name,
                 ") must have the same scalar type");
        WG_CHECK(d < std::max<int64_t>(source.dim(), 1), "index_add_(): Indexing dim ", d,
                 " is out of bounds of the source tensor with dim ", source.dim());
        const int64_t length = source.dim() == 0 ? 1 : source.size(d);
        WG_CHECK(n == length, "index_add_(): Number of indices (", n,
                 ") should be equal to source.size(dim): (", length, "), for dim: ", d);
        WG_CHECK(
            same_but_along(to, source, d),
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ",
            to_string(to.sizes()), " source.shape = ", to_string(source.sizes()));
        check_not_expanded(to);
        check_no_overlap(to, index);
        check_no_overlap(to, source);
        return slices(to, d, index, false, [&](int64_t bad) {
            if (to.numel() == 0) return;
            WG_CHECK_INDEX(to.dim() > 1, "index out of range in self");
            fail(ErrorKind::Runtime, str("index ", bad, " is out of bounds for dimension ", d,
                                         " with size ", to.dim() == 0 ? 1 : to.size(d)));
        });
    };
    recorded_write(
        "IndexAddBackward0", target, self, {source},
        SaveList{save_if(is_differentiated(source), "index", index),
                 save_if(is_differentiated(source), "source", source)},
        [&](const Tensor& to) {
            Unrecorded off;
            const IndexedRegion r = region(to);
            if (to.numel() == 0) return;
            const bool plain = alpha.is_complex()    ? false
                               : alpha.is_floating() ? alpha.to_double() == 1
                                                     : alpha.to_int() == 1;
            if (alpha.is_complex()) check_fits(alpha, to.dtype());
            // alpha takes the dtype before the product, not after it.
            const Scalar factor = is_differentiable(to.dtype()) ? alpha
                                  : to.dtype() == DType::Bool   ? Scalar(alpha.to_bool())
                                                                : Scalar(alpha.to_int());
            write_region(r, reshape(plain ? source : mul(source, factor), r.shape), true);
        },
        with<"dim", "alpha", "source_dim">(
            dim, alpha, source.dim())([dim, alpha, from = Dims(source.sizes())](Backward& d) {
            if (d.needs(0)) d.set(0, d.grad());
            if (!d.needs(1)) return;
            const Tensor g = slices_of(d.grad(), dim, d.saved(0), from);
            const Complex<double> z = conj(alpha.to_complex());
            const Scalar factor = alpha.is_complex() ? Scalar(z) : alpha;
            d.set(1, z == 1 ? g : binary(Op::mul, g, factor, {}, "MulBackward1"));
        }));
}

void copy_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 const Tensor& source) {
    const auto region = [&](const Tensor& to) {
        const int64_t d = wrap_dim(dim, to.dim()), n = index.numel();
        check_not_expanded(to);
        check_no_overlap(to, index);
        check_no_overlap(to, source);
        WG_CHECK_INDEX(index.dim() <= 1, "index_copy_(): Index should have dimension 1 or 0 (got ",
                       index.dim(), ")");
        WG_CHECK_INDEX(source.dim() > 0 || n == 1,
                       "index_copy_(): When source is scalar, index should have one element (got ",
                       n, ")");
        WG_CHECK_INDEX(
            to.dim() == 0 || source.dim() == 0 || to.dim() == source.dim(),
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            "dimensionality (",
            source.dim(), "), destination dimensionality (", to.dim(), ")");
        WG_CHECK(index.dtype() == DType::Int64,
                 "index_copy_(): Expected a long tensor for index, but got ",
                 info(index.dtype()).scalar_name);
        WG_CHECK(to.dtype() == source.dtype(),
                 "index_copy_(): self and source expected to have the same dtype, but got (self) ",
                 info(to.dtype()).scalar_name, " and (source) ", info(source.dtype()).scalar_name);
        WG_CHECK(
            same_shape(slice_shape(to, d), slice_shape(source, d)),
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ",
            joined(slice_shape(to, d)), " at dimension ", d,
            " and source slice shape: ", joined(slice_shape(source, d)), " at dimension 0.");
        const int64_t length = source.dim() == 0 ? 1 : source.size(d);
        WG_CHECK_INDEX(n == length, "index_copy_(): Number of indices (", n,
                       ") should be equal to source.size(dim) (", length, ")");
        return slices(to, d, index, false, [&](int64_t bad) {
            fail(ErrorKind::Index,
                 str("index_copy_(): index ", bad, " is out of bounds for dimension ", d,
                     " with size ", to.dim() == 0 ? 1 : to.size(d)));
        });
    };
    recorded_write(
        "IndexCopyBackward0", target, self, {source},
        SaveList{save("index", index), save_if(is_differentiated(source), "source", source)},
        [&](const Tensor& to) {
            Unrecorded off;
            const IndexedRegion r = region(to);
            write_region(r, reshape(source, r.shape), false);
        },
        with<"dim", "source_dim">(dim,
                                  source.dim())([dim, from = Dims(source.sizes())](Backward& d) {
            if (d.needs(0)) d.set(0, index_fill(d.grad(), dim, d.saved(0), 0));
            if (d.needs(1)) d.set(1, slices_of(d.grad(), dim, d.saved(0), from));
        }));
}

void write_filled(const Tensor& to, int64_t dim, const Tensor& index, Scalar value) {
    WG_CHECK_INDEX(index.dtype() == DType::Int64, "index_fill_(): Expected dtype int64 for index.");
    warn_if_expanded(to, "index_fill_");
    check_no_overlap(to, index);
    WG_CHECK(index.dim() <= 1, "Index has to be a vector/scalar");
    WG_CHECK(!value.is_complex() || is_complex(to.dtype()),
             "index_fill_(): Converting complex Scalar to non-complex type is not supported");
    const int64_t d = wrap_dim(dim, to.dim());
    const Tensor element = full({}, value, to.dtype());
    const IndexedRegion r = slices(to, d, index, true, [&](int64_t bad) {
        fail(ErrorKind::Index, str("index ", bad, " is out of bounds for dimension ", d,
                                   " with size ", to.dim() == 0 ? 1 : to.size(d)));
    });
    write_region(r, element, false);
}

void fill_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 Scalar value) {
    recorded_write(
        "IndexFillBackward0", target, self, {}, SaveList{save("index", index)},
        [&](const Tensor& to) { write_filled(to, dim, index, value); },
        with<"dim">(dim)(
            [](Backward& d, int64_t dim) { d.set(0, index_fill(d.grad(), dim, d.saved(0), 0)); }));
}

void fill_slices(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                 const Tensor& value) {
    recorded_write(
        "IndexFillBackward1", target, self, {value}, SaveList{save("index", index)},
        [&](const Tensor& to) {
            WG_CHECK(value.dim() == 0,
                     "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
                     value.dim(), " dimension(s).");
            write_filled(to, dim, index, item(value));
        },
        with<"dim">(dim)([](Backward& d, int64_t dim) {
            const Tensor kept = index_fill(d.grad(), dim, d.saved(0), 0);
            if (d.needs(0)) d.set(0, kept);
            // Not a sum over index_select: an index that occurs twice fills its slice once.
            if (d.needs(1)) d.set(1, sum(d.grad() - kept));
        }));
}

}  // namespace

Tensor& index_add_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                   Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch_write<"index_add_.default">(
            [&]() -> Tensor& { return index_add_(self, dim, index, source, alpha); }, self, dim,
            index, source, optional_argument(alpha, 1, "alpha"));
    add(self, self, dim, index, source, alpha);
    return self;
}
Tensor index_add(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"index_add.default">([&] { return index_add(t, dim, index, source, alpha); },
                                          t, dim, index, source,
                                          optional_argument(alpha, 1, "alpha"));
    const Tensor out = contiguous_copy(t);
    add(out, t, dim, index, source, alpha);
    return out;
}
Tensor& index_copy_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
    if (watched()) [[unlikely]]
        return watch_write<"index_copy_.default">(
            [&]() -> Tensor& { return index_copy_(self, dim, index, source); }, self, dim, index,
            source);
    copy_slices(self, self, dim, index, source);
    return self;
}
Tensor index_copy(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source) {
    if (watched()) [[unlikely]]
        return watch<"index_copy.default">([&] { return index_copy(t, dim, index, source); }, t,
                                           dim, index, source);
    const Tensor out = contiguous_copy(t);
    copy_slices(out, t, dim, index, source);
    return out;
}
Tensor& index_fill_(Tensor& self, int64_t dim, const Tensor& index, Scalar value) {
    if (watched()) [[unlikely]]
        return watch_write<"index_fill_.int_Scalar">(
            [&]() -> Tensor& { return index_fill_(self, dim, index, value); }, self, dim, index,
            value);
    fill_slices(self, self, dim, index, value);
    return self;
}
Tensor index_fill(const Tensor& t, int64_t dim, const Tensor& index, Scalar value) {
    if (watched()) [[unlikely]]
        return watch<"index_fill.int_Scalar">([&] { return index_fill(t, dim, index, value); }, t,
                                              dim, index, value);
    const Tensor out = fresh_copy(t);
    fill_slices(out, t, dim, index, value);
    return out;
}
Tensor& index_fill_tensor_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
    if (watched()) [[unlikely]]
        return watch_write<"index_fill_.int_Tensor">(
            [&]() -> Tensor& { return index_fill_tensor_(self, dim, index, value); }, self, dim,
            index, value);
    fill_slices(self, self, dim, index, value);
    return self;
}
Tensor index_fill_tensor(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& value) {
    if (watched()) [[unlikely]]
        return watch<"index_fill.int_Tensor">(
            [&] { return index_fill_tensor(t, dim, index, value); }, t, dim, index, value);
    const Tensor out = fresh_copy(t);
    fill_slices(out, t, dim, index, value);
    return out;
}

// --- masks ---

namespace {

// Where the mask is true, the value goes into target.
void write_masked(const Tensor& target, const Tensor& mask, Scalar number) {
    Unrecorded off;
    WG_CHECK(mask.dtype() == DType::Bool,
             "masked_fill_ only supports boolean masks, but got mask with dtype ",
             info(mask.dtype()).c_name);
    warn_if_expanded(target, "masked_fill_");
    check_no_partial_overlap(target, mask);
    const Dims shape = broadcast_shapes(target.sizes(), mask.sizes());
    WG_CHECK(same_shape(shape, target.sizes()), "output with shape ", to_string(target.sizes()),
             " doesn't match the broadcast shape ", to_string(shape));
    alignas(16) char element[kMaxItemSize] = {};
    store_checked(number, element, target.dtype());
    const Tensor wanted = contiguous(expand(mask, shape));
    if (is_expanded(target.sizes(), target.strides())) {
        // Elements that share memory: one that is not wanted must not put the old value back.
        Tensor value = empty({}, target.dtype());
        std::memcpy(value.mutable_raw(), element, target.itemsize());
        return write_region(indexed_region(target, {wanted}), value, false);
    }
    // On a strided target the blend runs on a copy.
    const Tensor values = contiguous(target);
    const auto blend = [&](auto tag) {
        using T = decltype(tag);
        T value;
        std::memcpy(&value, element, sizeof(T));
        const uint8_t* m = wanted.data<uint8_t>();
        T* v = values.mutable_data<T>();
        parallel_for(0, values.numel(), 65536, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) v[i] = m[i] ? value : v[i];
        });
    };
    switch (target.itemsize()) {
    case 1: blend(uint8_t{}); break;
    case 2: blend(uint16_t{}); break;
    case 4: blend(uint32_t{}); break;
    case 8: blend(uint64_t{}); break;
    default: blend(Complex<double>{});
    }
    if (!values.is_same(target)) copy_values(target, values);
}

Tensor copy_for_mask(const Tensor& t, const Tensor& mask) {
    const Dims shape = broadcast_shapes(mask.sizes(), t.sizes());
    Tensor out = empty(shape, t.dtype());
    copy_values(out, t);
    return out;
}

void fill_masked(const Tensor& target, const Tensor& self, const Tensor& mask, Scalar value) {
    recorded_write(
        "MaskedFillBackward0", target, self, {}, SaveList{save("mask", mask)},
        [&](const Tensor& to) { write_masked(to, mask, value); },
        [](Backward& d) { d.set(0, masked_fill_value(d.grad(), d.saved(0), 0)); });
}

void fill_masked(const Tensor& target, const Tensor& self, const Tensor& mask,
                 const Tensor& value) {
    recorded_write(
        "MaskedFillBackward1", target, self, {value}, SaveList{save("mask", mask)},
        [&](const Tensor& to) {
            WG_CHECK(
                value.dim() == 0,
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
                value.dim(), " dimension(s).");
            write_masked(to, mask, item(value));
        },
        [](Backward& d) {
            const Tensor mask = d.saved(0);
            if (d.needs(0)) d.set(0, masked_fill_value(d.grad(), mask, 0));
            if (d.needs(1)) d.set(1, sum(masked_fill_value(d.grad(), logical_not(mask), 0)));
        });
}

}  // namespace

Tensor& masked_fill_value_(Tensor& self, const Tensor& mask, Scalar value) {
    if (watched()) [[unlikely]]
        return watch_write<"masked_fill_.Scalar">(
            [&]() -> Tensor& { return masked_fill_value_(self, mask, value); }, self, mask, value);
    fill_masked(self, self, mask, value);
    return self;
}
Tensor masked_fill_value(const Tensor& t, const Tensor& mask, Scalar value) {
    if (watched()) [[unlikely]]
        return watch<"masked_fill.Scalar">([&] { return masked_fill_value(t, mask, value); }, t,
                                           mask, value);
    const Tensor out = copy_for_mask(t, mask);
    fill_masked(out, t, mask, value);
    return out;
}
Tensor& masked_fill_(Tensor& self, const Tensor& mask, const Tensor& value) {
    if (watched()) [[unlikely]]
        return watch_write<"masked_fill_.Tensor">(
            [&]() -> Tensor& { return masked_fill_(self, mask, value); }, self, mask, value);
    fill_masked(self, self, mask, value);
    return self;
}
Tensor masked_fill(const Tensor& t, const Tensor& mask, const Tensor& value) {
    if (watched()) [[unlikely]]
        return watch<"masked_fill.Tensor">([&] { return masked_fill(t, mask, value); }, t, mask,
                                           value);
    const Tensor out = copy_for_mask(t, mask);
    fill_masked(out, t, mask, value);
    return out;
}

// --- masked_scatter ---

namespace {

void check_masked_scatter(const Tensor& to, const Tensor& mask, const Tensor& source) {
    check_not_expanded(to);
    WG_CHECK(to.dtype() == source.dtype(),
             "masked_scatter: expected self and source to have same dtypes but got",
             info(to.dtype()).scalar_name, " and ", info(source.dtype()).scalar_name);
    if (mask.dtype() == DType::UInt8)
        warn(
            WarningKind::User,
            "masked_scatter_ received a mask with dtype torch.uint8, this behavior is now deprecated,please use a mask "
            "with dtype torch.bool instead.");
    WG_CHECK(mask.dtype() == DType::Bool,
             "masked_scatter_ only supports boolean masks, but got mask with dtype ",
             info(mask.dtype()).scalar_name);
    WG_CHECK(mask.dim() <= to.dim(), "expand(CPUBoolType{", to_string(mask.sizes()),
             "}, size=", to_string(to.sizes()), "): the number of sizes provided (", to.dim(),
             ") must be greater or equal to the number of dimensions in the tensor (", mask.dim(),
             ")");
}

// The elements of source, in order, go where the mask is true.
void scatter_masked(const Tensor& target, const Tensor& self, const Tensor& mask,
                    const Tensor& source) {
    recorded_write(
        "MaskedScatterBackward0", target, self, {source}, SaveList{save("mask", mask)},
        [&](const Tensor& to) {
            Unrecorded off;
            check_masked_scatter(to, mask, source);
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
                std::memcpy(values.mutable_raw() + size_t(i) * size, from.raw() + taken, size);
                taken += size;
            }
            if (!values.is_same(to)) copy_values(to, values);
        },
        with<"source_sym_sizes">(Dims(source.sizes()))([](Backward& d, const Dims& sizes) {
            const Tensor mask = d.saved(0);
            if (d.needs(0)) d.set(0, masked_fill_value(d.grad(), mask, 0));
            if (!d.needs(1)) return;
            const Tensor used = masked_select(d.grad(), mask);
            const int64_t rest = count(sizes) - used.numel();
            d.set(1, view(rest ? cat({used, zeros({rest}, used.dtype())}) : used, sizes));
        }));
}

}  // namespace

Tensor& masked_scatter_(Tensor& self, const Tensor& mask, const Tensor& source) {
    if (watched()) [[unlikely]]
        return watch_write<"masked_scatter_.default">(
            [&]() -> Tensor& { return masked_scatter_(self, mask, source); }, self, mask, source);
    scatter_masked(self, self, mask, source);
    return self;
}
Tensor masked_scatter(const Tensor& t, const Tensor& mask, const Tensor& source) {
    if (watched()) [[unlikely]]
        return watch<"masked_scatter.default">([&] { return masked_scatter(t, mask, source); }, t,
                                               mask, source);
    const Tensor out = copy_for_mask(t, mask);
    scatter_masked(out, t, mask, source);
    return out;
}

// --- x[indices] = values ---

namespace {

// The mask of x[mask] = one value, which PyTorch makes a masked_fill_; undefined when it is none.
Tensor fill_mask(const Tensor& self, const TensorList& indices, const Tensor& values) {
    Tensor mask;
    if (values.numel() != 1) return mask;
    int64_t dim = 0;  // of self
    for (const Tensor& index : indices) {
        if (!index.defined()) {
            ++dim;
            continue;
        }
        if (!is_mask(index) || mask.defined()) return {};
        check_mask_shape(self, dim, index);
        dim += index.dim();
        mask = index;
    }
    for (; mask.defined() && dim < self.dim(); ++dim) mask = unsqueeze(mask, -1);
    return mask;
}

void put(const Tensor& target, const Tensor& self, const TensorList& indices, const Tensor& values,
         bool accumulate) {
    recorded_write(
        "IndexPutBackward0", target, self, {values}, save_indices(indices),
        [&](const Tensor& to) {
            Unrecorded off;
            check_index_count(to, indices);
            warn_if_expanded(to, "index_put_");
            if (!accumulate)
                if (const Tensor mask = fill_mask(to, indices, values); mask.defined())
                    return write_masked(to, mask, item(values));
            for (const Tensor& index : indices)
                if (index.defined()) check_no_overlap(to, index);
            check_no_overlap(to, values);
            write_region(indexed_region(to, indices, values), values, accumulate);
        },
        with<"accumulate">(accumulate)([n = indices.size(), accumulate,
                                        sizes = Dims(values.sizes())](Backward& d) {
            const TensorList at = saved_indices(d, n);
            if (d.needs(0))
                d.set(0, accumulate
                             ? d.grad()
                             : index_put(d.grad(), at, expand(zeros({}, d.grad().dtype()), sizes)));
            if (d.needs(1)) d.set(1, sum_to(index(d.grad(), at), sizes));
        }));
}

}  // namespace

Tensor& index_put_(Tensor& self, const TensorList& indices, const Tensor& values, bool accumulate) {
    if (watched()) [[unlikely]]
        return watch_write<"index_put_.default">(
            [&]() -> Tensor& { return index_put_(self, indices, values, accumulate); }, self,
            indices, values, optional_argument(accumulate, false));
    put(self, self, indices, values, accumulate);
    return self;
}

Tensor index_put(const Tensor& t, const TensorList& indices, const Tensor& values,
                 bool accumulate) {
    if (watched()) [[unlikely]]
        return watch<"index_put.default">([&] { return index_put(t, indices, values, accumulate); },
                                          t, indices, values, optional_argument(accumulate, false));
    const Tensor out = fresh_copy(t);
    put(out, t, indices, values, accumulate);
    return out;
}

}  // namespace wg
