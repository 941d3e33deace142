// Reading by index: x[tensors], index_select, masked_select, nonzero, take.
// The address calculation of advanced indexing is Note [Advanced indexing] in indexed.h.
#include "ops/indexed.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "autograd/record.h"
#include "ops/indexed_node.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

// --- where the indexed elements are ---

namespace {

// Index tensors as integers, masks replaced by the indices of their true elements.
TensorList expand_masks(const Tensor& t, const TensorList& indices) {
    for (const Tensor& index : indices)
        WG_CHECK_INDEX(!index.defined() || is_mask(index) || index.dtype() == DType::Int64 ||
                           index.dtype() == DType::Int32,
                       "tensors used as indices must be long, int, byte or bool tensors");
    TensorList result;
    for (const Tensor& index : indices) {
        if (!index.defined() || !is_mask(index)) {
            result.push_back(index);
            continue;
        }
        if (index.dtype() == DType::UInt8)
            warn(
                WarningKind::User,
                "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead."
                " (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/IndexingUtils.h:37.)");
        check_mask_shape(t, int64_t(result.size()), index);
        const Tensor places = nonzero(index);
        const int64_t n = places.size(0);
        for (int64_t i = 0; i < index.dim(); ++i)
            result.push_back(alias(places, Dims{n}, Dims{places.stride(0)}, i * places.stride(1)));
    }
    return result;
}

// The shape that the indices are broadcast to.
Dims common_shape(const TensorList& indices) {
    Dims shape;
    try {
        for (const Tensor& index : indices)
            if (index.defined()) shape = broadcast_shapes(shape, index.sizes());
    } catch (const Error&) {
        std::string shapes;
        for (const Tensor& index : indices)
            if (index.defined()) shapes += (shapes.empty() ? "" : ", ") + to_string(index.sizes());
        fail(ErrorKind::Index,
             "shape mismatch: indexing tensors could not be broadcast together with shapes " +
                 shapes);
    }
    return shape;
}

// What is to be written into the region of this shape; the dtype comes last, as in PyTorch.
void check_values(const Tensor& t, const Tensor& values, IntSpan shape) {
    WG_CHECK(is_expandable(values.sizes(), shape), "shape mismatch: value tensor of shape ",
             to_string(values.sizes()), " cannot be broadcast to indexing result of shape ",
             to_string(shape));
    WG_CHECK(t.dtype() == values.dtype(),
             "Index put requires the source and destination dtypes match, got ",
             info(t.dtype()).scalar_name, " for the destination and ",
             info(values.dtype()).scalar_name, " for the source.");
}

}  // namespace

void check_index_count(const Tensor& t, const TensorList& indices) {
    WG_CHECK_INDEX(int64_t(indices.size()) <= t.dim(), "too many indices for tensor of dimension ",
                   t.dim(), " (got ", indices.size(), ")");
}

void check_mask_shape(const Tensor& t, int64_t dim, const Tensor& mask) {
    for (int64_t i = 0; i < mask.dim(); ++i)
        WG_CHECK_INDEX(mask->dims[i] == t.size(dim + i), "The shape of the mask ",
                       to_string(mask.sizes()), " at index ", i,
                       " does not match the shape of the indexed tensor ", to_string(t.sizes()),
                       " at index ", dim + i);
}

IndexedRegion indexed_region(const Tensor& t, const TensorList& raw_indices, const Tensor& values) {
    Unrecorded off;
    check_index_count(t, raw_indices);
    IndexedRegion r;
    r.indices = expand_masks(t, raw_indices);
    const TensorList& indices = r.indices;
    const Dims index_shape = common_shape(indices);
    check_index_count(t, indices);
    Dims indexed, kept;  // dims of t
    for (int64_t d = 0; d < t.dim(); ++d) {
        const bool is_kept = size_t(d) >= indices.size() || !indices[size_t(d)].defined();
        (is_kept ? kept : indexed).push_back(d);
    }
    const bool adjacent =
        indexed.empty() || indexed.back() - indexed.front() + 1 == int64_t(indexed.size());

    r.first = adjacent && !indexed.empty() ? size_t(indexed.front()) : 0;
    r.count = index_shape.size();
    r.base = t;
    for (size_t i = 0; i <= kept.size(); ++i) {
        if (i == r.first)
            for (int64_t s : index_shape) {
                r.shape.push_back(s);
                r.strides.push_back(0);
            }
        if (i == kept.size()) break;
        r.shape.push_back(t->dims[kept[i]]);
        r.strides.push_back(t->dims[t.dim() + kept[i]]);
    }

    const int64_t n = wg::count(index_shape);
    for (int64_t d : indexed)
        WG_CHECK_INDEX(n == 0 || t->dims[d] != 0,
                       "index is out of bounds for dimension with size 0");
    if (values.defined()) check_values(t, values, r.shape);
    r.offsets = zeros({n}, DType::Int64);
    if (wg::count(r.shape) == 0) return r;
    int64_t* offsets = r.offsets.mutable_data<int64_t>();
    for (size_t j = 0; j < indexed.size(); ++j) {
        const int64_t d = indexed[j], size = t->dims[d], stride = t->dims[t.dim() + d];
        const CheckedIndices values =
            checked_indices(indices[size_t(d)], size, true, [&](int64_t bad) {
                fail(ErrorKind::Index, str("index ", bad, " is out of bounds for dimension ", j,
                                           " with size ", size));
            });
        const Tensor all = same_shape(values.sizes(), index_shape)
                               ? Tensor(values)
                               : contiguous(expand(values, index_shape));
        const int64_t* v = all.data<int64_t>();
        for (int64_t i = 0; i < n; ++i) offsets[i] += v[i] * stride;
    }
    return r;
}

bool one_stride(const IndexedRegion& r, IntSpan strides) {
    int64_t expected = -1;
    for (size_t d = r.first + r.count; d-- > r.first;) {
        if (r.shape[d] == 1) continue;
        if (expected >= 0 && strides[d] != expected) return false;
        expected = strides[d] * r.shape[d];
    }
    return true;
}

indexing_impl::Loops indexing_impl::plan_loops(const IndexedRegion& r, IntSpan other_strides,
                                               int64_t itemsize) {
    Loops loops{{}, {1, itemsize, itemsize}, 0};
    SmallVector<Loop, 8> dims;
    for (size_t d = r.shape.size(); d-- > 0;) {
        if (d >= r.first && d < r.first + r.count) continue;
        if (r.shape[d] != 1)
            dims.push_back({r.shape[d], r.strides[d] * itemsize, other_strides[d] * itemsize});
    }
    std::stable_sort(dims.begin(), dims.end(),
                     [](const Loop& a, const Loop& b) { return a.base < b.base; });
    for (const Loop& l : dims) {
        if (!loops.outer.empty()) {
            Loop& inner = loops.outer.back();
            if (l.base == inner.base * inner.size && l.other == inner.other * inner.size) {
                inner.size *= l.size;
                continue;
            }
        }
        loops.outer.push_back(l);
    }
    // Runs along a kept dimension, unless they would be shorter than those along the index.
    if (!loops.outer.empty() &&
        (loops.outer[0].size >= 4 || loops.outer[0].size >= r.offsets.numel())) {
        loops.run = loops.outer[0];
        loops.outer.erase(0);
    }
    for (size_t d = r.first + r.count; d-- > r.first;)
        if (r.shape[d] != 1) {
            loops.index_stride = other_strides[d] * itemsize;
            break;
        }
    return loops;
}

namespace {

// Whether the strides of the kept dims fall from dim to dim, as those of most tensors do.
bool in_order(const IndexedRegion& r) {
    int64_t last = std::numeric_limits<int64_t>::max();
    for (size_t d = 0; d < r.shape.size(); ++d) {
        if (d >= r.first && d < r.first + r.count) continue;
        if (r.shape[d] == 0 || r.strides[d] >= last || r.strides[d] == 0) return false;
        last = r.strides[d];
    }
    return true;
}

// Strides of the indices over the dims of the result, as PyTorch's iterator sees them.
Dims index_strides(const IndexedRegion& r, const Tensor& index) {
    Dims padded(r.shape.size(), 1);
    std::copy_n(r.shape.begin() + r.first, r.count, padded.begin() + r.first);
    const Dims index_shape(padded.begin() + r.first, padded.begin() + r.first + r.count);
    Dims strides(view(expand(index, index_shape), padded).strides());
    for (size_t d = 0; d < strides.size(); ++d)
        if (padded[d] != r.shape[d]) strides[d] = 0;
    return strides;
}

// Strides of a fresh result. PyTorch's iterator lays it out by the operands: two dims change places when
// the first operand that has a stride in both of them says so.
Dims result_strides(const IndexedRegion& r) {
    bool plain = in_order(r);
    for (const Tensor& index : r.indices)
        plain = plain && (!index.defined() || (index.is_contiguous() && index.numel() > 0 &&
                                               size_t(index.dim()) == r.count));
    if (plain) return contiguous_strides(r.shape);
    SmallVector<Dims, 4> operands{r.strides};
    for (const Tensor& index : r.indices)
        if (index.defined()) operands.push_back(index_strides(r, index));
    const auto order_of = [&](int a, int b) {  // 1: a belongs outside b, -1: it is right inside
        for (const Dims& strides : operands) {
            if (strides[a] == 0 || strides[b] == 0) continue;
            if (strides[a] != strides[b]) return strides[a] < strides[b] ? -1 : 1;
            if (r.shape[a] > r.shape[b]) return 1;
        }
        return 0;
    };
    const int n = int(r.shape.size());
    SmallVector<int, 8> order;  // innermost first
    for (int d = n - 1; d >= 0; --d) order.push_back(d);
    bool moved = false;
    for (int i = 1; i < n; ++i) {
        int moving = i;
        for (int j = i - 1; j >= 0; --j) {
            const int which = order_of(order[j], order[moving]);
            if (which < 0) break;
            if (which == 0) continue;
            std::swap(order[j], order[moving]);
            moving = j;
            moved = true;
        }
    }
    if (!moved) return contiguous_strides(r.shape);
    Dims strides(size_t(n), 0);
    int64_t next = 1;
    for (int d : order) {
        strides[d] = next;
        next *= r.shape[d];
    }
    return strides;
}

// Copies the region into `out`, which has its shape.
void read_region(const IndexedRegion& r, const Tensor& out) {
    if (out.numel() == 0) return;
    if (!one_stride(r, out.strides())) {
        Unrecorded off;
        const Tensor walked = empty(r.shape, out.dtype());
        read_region(r, walked);
        return copy_values(out, walked);
    }
    const auto read = [&](auto element) {
        using T = decltype(element);
        for_each_run(
            r, r.base.raw(), out.mutable_raw(), out.strides(), true,
            [](const char* from, char* to, int64_t n, int64_t from_stride, int64_t to_stride) {
                if (from_stride == sizeof(T) && to_stride == sizeof(T) && n > 1) {
                    std::memcpy(to, from, size_t(n) * sizeof(T));
                    return;
                }
                for (int64_t i = 0; i < n; ++i)
                    *reinterpret_cast<T*>(to + i * to_stride) =
                        *reinterpret_cast<const T*>(from + i * from_stride);
            });
    };
    switch (out.itemsize()) {
    case 1: return read(uint8_t{});
    case 2: return read(uint16_t{});
    case 4: return read(uint32_t{});
    case 8: return read(uint64_t{});
    default: return read(Complex<double>{});
    }
}

}  // namespace

namespace {

// Indices of one dim more, which they take as a whole, and the gradient as these give it: indices that
// do not stand together put their own dims first.
void add_rows(TensorList& indices, Tensor& grad) {
    int64_t dims = 0;
    bool apart = false, ended = false;
    for (const Tensor& i : indices) {
        if (!i.defined()) {
            ended = ended || dims > 0;
            continue;
        }
        apart = apart || ended;
        const bool is_mask = i.dtype() == DType::Bool || i.dtype() == DType::UInt8;
        dims = std::max(dims, is_mask ? int64_t(1) : i.dim());
    }
    if (apart) grad = movedim_one(grad, 0, dims);
    indices.insert(indices.begin(), Tensor());
}

}  // namespace

Tensor index(const Tensor& t, const TensorList& indices) {
    if (watched()) [[unlikely]]
        return watch<"index.Tensor">([&] { return index(t, indices); }, t, indices);
    const IndexedRegion r = indexed_region(t, indices);
    Tensor out = empty_strided(r.shape, result_strides(r), t.dtype());
    read_region(r, out);
    if (any_recorded({t})) {
        record_indexed("IndexBackward0", out, t, indices,
                       with<"self_sym_sizes">(Dims(t.sizes()))(
                           on_rows([n = indices.size()](Backward& d, const Dims& from) {
                               TensorList at = saved_indices(d, n);
                               Tensor g = zeros(d.sizes(from), d.grad().dtype()), given = d.grad();
                               if (d.front()) add_rows(at, given);
                               index_put_(g, at, given, true);
                               if (g->grad_fn) node_of(g->grad_fn)->rename("IndexPutImplBackward0");
                               d.set(0, g);
                           })));
    }
    return out;
}

// --- one index tensor along one dimension ---

Tensor index_select(const Tensor& t, int64_t dim, const Tensor& index) {
    if (watched()) [[unlikely]]
        return watch<"index_select.default">([&] { return index_select(t, dim, index); }, t, dim,
                                             index);
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    WG_CHECK_INDEX(index.dim() <= 1, "index_select(): Index is supposed to be a vector");
    WG_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
             "index_select(): Expected dtype int32 or int64 for index");
    WG_CHECK(t.dim() > 0 || index.numel() == 1,
             "index_select(): Index to scalar can have only 1 value, got ", index.numel(),
             " value(s)");
    const int64_t size = t.dim() == 0 ? 1 : t.size(dim), n = index.numel();
    WG_CHECK(size > 0 || n == 0 || t.dim() == 1,
             "index_select(): self indexing axis dim should be positive");
    IndexedRegion r;
    r.offsets = checked_indices(index, size, false, [&](int64_t bad) {
        WG_CHECK_INDEX(dim == 1 || (t.numel() == 0 && t.dim() > 1), "index out of range in self");
        fail(ErrorKind::Runtime,
             str("INDICES element is out of DATA bounds, id=", bad, " axis_dim=", size));
    });
    r.base = t;
    r.shape = Dims(t.sizes());
    r.strides = Dims(t.strides());
    Tensor out;
    if (t.dim() == 0) {
        out = empty({}, t.dtype());
    } else {
        const int64_t stride = r.strides[dim];
        Tensor offsets = empty(Dims{n}, DType::Int64);
        for (int64_t i = 0; i < n; ++i)
            offsets.mutable_data<int64_t>()[i] = r.offsets.data<int64_t>()[i] * stride;
        r.offsets = offsets;
        r.shape[dim] = n;
        r.strides[dim] = 0;
        r.first = size_t(dim);
        r.count = 1;
        out = empty(r.shape, t.dtype());
    }
    read_region(r, out);
    record("IndexSelectBackward0", out, {t}, {save("index", index)},
           with<"self_sym_sizes", "dim">(
               Dims(t.sizes()), given)(on_rows([](Backward& d, const Dims& from, int64_t dim) {
               if (d.front() && from.empty()) return d.set(0, d.grad());
               Tensor g = zeros(d.sizes(from), d.grad().dtype());
               d.set(0, index_add_(g, d.dim(dim), d.saved(0), d.grad()));
           })));
    return out;
}

// --- masks ---

namespace {

// Calls visit(linear position) for every true element, in order.
template <class Visit>
void for_each_true(const Tensor& contiguous_values, Visit visit) {
    visit_any_dtype(contiguous_values.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using Stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
        const Stored* v = contiguous_values.data<Stored>();
        for (int64_t i = 0; i < contiguous_values.numel(); ++i)
            if (compute_type<Stored>(v[i]) != compute_type<Stored>(0)) visit(i);
    });
}

}  // namespace

Tensor nonzero(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"nonzero.default">([&] { return nonzero(t); }, t);
    Unrecorded off;
    const Tensor values = contiguous(t);
    int64_t n = 0;
    for_each_true(values, [&](int64_t) { ++n; });
    const int64_t ndim = t.dim();
    Tensor out = empty_strided(Dims{n, ndim}, Dims{1, n}, DType::Int64);
    int64_t* p = out.mutable_data<int64_t>();
    int64_t row = 0;
    for_each_true(values, [&](int64_t at) {
        for (int64_t d = ndim - 1; d > 0; --d) {
            p[row + d * n] = at % t->dims[d];
            at /= t->dims[d];
        }
        if (ndim > 0) p[row] = at;
        ++row;
    });
    return out;
}

TensorList nonzero_tuple(const Tensor& t) {
    const Tensor places = nonzero(atleast_1d(detach(t)));
    return unbind(places, 1);
}

Tensor masked_select(const Tensor& t, const Tensor& mask) {
    if (watched()) [[unlikely]]
        return watch<"masked_select.default">([&] { return masked_select(t, mask); }, t, mask);
    WG_CHECK(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask");
    const Dims shape = broadcast_shapes(mask.sizes(), t.sizes());
    Tensor out;
    {
        Unrecorded off;
        const Tensor values = atleast_1d(expand(t, shape)),
                     wanted = atleast_1d(expand(mask, shape));
        out = index(values, {wanted});
    }
    record("MaskedSelectBackward0", out, {t}, {save("mask", mask), save("self", t)},
           [shape](Backward& d) {
               Tensor g = zeros(shape.empty() ? Dims{1} : shape, d.grad().dtype());
               index_put_(g, {atleast_1d(expand(d.saved(0), shape))}, d.grad());
               d.set(0, reshape(g, shape));
           });
    return out;
}

// --- flat indices ---

Tensor take(const Tensor& t, const Tensor& index) {
    if (watched()) [[unlikely]]
        return watch<"take.default">([&] { return take(t, index); }, t, index);
    WG_CHECK(index.dtype() == DType::Int64, "take(): Expected a long tensor for index, but got ",
             info(index.dtype()).scalar_name);
    WG_CHECK_INDEX(t.numel() > 0 || index.numel() == 0,
                   "take(): tried to take from an empty tensor");
    Tensor out = empty(index.sizes(), t.dtype());
    {
        Unrecorded off;
        const CheckedIndices places = checked_indices(index, t.numel(), true, [&](int64_t bad) {
            fail(ErrorKind::Index, str("out of range: tried to access index ", bad,
                                       " on a tensor of ", t.numel(), " elements."));
        });
        const Tensor values = contiguous(t);
        IndexedRegion r;
        r.base = values;
        r.shape = Dims{out.numel()};
        r.strides = Dims{0};
        r.count = 1;
        r.offsets = places;
        read_region(r, alias(out, r.shape, Dims{1}, 0));
    }
    record("TakeBackward0", out, {t}, {save("index", index), save("self", t)},
           [from = Dims(t.sizes())](Backward& d) {
               Tensor g = zeros({count(from)}, d.grad().dtype());
               index_put_(g, {reshape(d.saved(0), {-1})}, reshape(d.grad(), {-1}), true);
               d.set(0, reshape(g, from));
           });
    return out;
}

// The flat positions of t that `index` names receive the elements of `source`, in order.
Tensor put(const Tensor& t, const Tensor& index, const Tensor& source, bool accumulate) {
    if (watched()) [[unlikely]]
        return watch<"put.default">([&] { return put(t, index, source, accumulate); }, t, index,
                                    source, optional_argument(accumulate, false));
    WG_CHECK(index.dtype() == DType::Int64, "put_(): Expected a long tensor for index, but got ",
             info(index.dtype()).scalar_name);
    WG_CHECK(t.dtype() == source.dtype(),
             "put_(): self and source expected to have the same dtype, but got self.dtype = ",
             info(t.dtype()).scalar_name, " and source.dtype = ", info(source.dtype()).scalar_name);
    WG_CHECK_INDEX(source.numel() == index.numel(),
                   "put_(): Expected source and index to have the same number of elements, but got "
                   "source.numel() = ",
                   source.numel(), ", index.numel() = ", index.numel());
    WG_CHECK_INDEX(t.numel() > 0 || index.numel() == 0,
                   "put_(): Tried to put elements into an empty tensor");
    Tensor out = empty_like(t);
    {
        Unrecorded off;
        const CheckedIndices places = checked_indices(index, t.numel(), true, [&](int64_t bad) {
            fail(ErrorKind::Index, str("out of range: tried to access index ", bad,
                                       " on a tensor of ", t.numel(), " elements."));
        });
        Tensor flat = empty(Dims{t.numel()}, t.dtype());
        copy_values(reshape(flat, Dims(t.sizes())), t);
        index_put_(flat, {reshape(places, {-1})}, reshape(source, {-1}), accumulate);
        copy_values(out, reshape(flat, Dims(t.sizes())));
    }
    record("PutBackward0", out, {t, source},
           {save("index", index), save_if(is_differentiated(source), "source", source)},
           with<"accumulate">(accumulate)([accumulate, from = Dims(source.sizes())](Backward& d) {
               const Tensor index = d.saved(0), g = d.grad();
               if (d.needs(0))
                   d.set(0, accumulate ? g : put(g, index, zeros(from, g.dtype()), false));
               if (d.needs(1)) d.set(1, reshape(take(g, index), from));
           }));
    return out;
}

Tensor& put_(Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
    if (watched()) [[unlikely]]
        return watch_write<"put_.default">(
            [&]() -> Tensor& { return put_(self, index, source, accumulate); }, self, index, source,
            optional_argument(accumulate, false));
    return inplace(self, {source},
                   [&](const Tensor& old) { return put(old, index, source, accumulate); });
}

}  // namespace wg
