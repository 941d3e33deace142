// gather and scatter: an index per element along one dimension.
#include <cstring>
#include <limits>

#include "cpu/thread_pool.h"
#include "ops/checked_scalar.h"
#include "ops/elementwise.h"
#include "ops/indexed.h"
#include "ops/recorded_write.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

namespace {

void check_index_dtype(const char* name, const Tensor& index) {
    WG_CHECK(index.numel() == 0 || index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
             name, "(): Expected dtype int32/int64 for index");
}

// A 0-d tensor takes part as one of shape [1].
int64_t size_at(const Tensor& t, int64_t d) { return t.dim() == 0 ? 1 : t->dims[d]; }
int64_t stride_at(const Tensor& t, int64_t d) { return t.dim() == 0 ? 1 : t->dims[t.dim() + d]; }

// Calls visit(line of `indexed`, line of `other`, indices, n) for every row of the index, all its
// elements in order. An element of the row lies i * row_stride + index * dim_stride into the line of
// `indexed` (row_stride is 0 when the row runs along dim), i * other_stride into the line of `other`.
struct Lines {
    int64_t n, row_stride, dim_stride, other_stride;  // in elements
};
template <class T>
struct Side {
    const Tensor& t;
    T* data;
};
template <class T>
Side<const T> reading(const Tensor& t) {
    return {t, t.data<T>()};
}
template <class T>
Side<T> writing(const Tensor& t) {
    return {t, t.mutable_data<T>()};
}
template <class A, class B, class Visit>
void for_each_line(Side<A> a, Side<B> b, const Tensor& index, const Tensor& places, int64_t dim,
                   bool parallel, Visit visit) {
    const Tensor &indexed = a.t, &other = b.t;
    const int64_t ndim = std::max<int64_t>(index.dim(), 1), last = ndim - 1;
    const int64_t n = size_at(index, last);
    if (index.numel() == 0) return;
    const Lines lines{n, last == dim ? 0 : stride_at(indexed, last), stride_at(indexed, dim),
                      stride_at(other, last)};
    const int64_t* rows_of_places = places.data<int64_t>();
    const auto range = [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            int64_t rest = row, at = 0, other_at = 0;
            for (int64_t d = last - 1; d >= 0; --d) {
                const int64_t i = rest % index->dims[d];
                rest /= index->dims[d];
                if (d != dim) at += i * stride_at(indexed, d);
                other_at += i * stride_at(other, d);
            }
            visit(a.data + at, b.data + other_at, rows_of_places + row * n, lines);
        }
    };
    const int64_t rows = index.numel() / n;
    if (parallel) parallel_for(0, rows, 16384 / n + 1, range);
    else range(0, rows);
}

void fail_range(int64_t) { fail(ErrorKind::Index, "index out of range in self"); }

CheckedIndices checked_places(const Tensor& index, const Tensor& t, int64_t dim) {
    const int64_t size = size_at(t, dim);
    return checked_indices(index, size, false, [&](int64_t bad) {
        fail(ErrorKind::Runtime,
             str("index ", bad, " is out of bounds for dimension ", dim, " with size ", size));
    });
}

// Elements are moved as integers of their size.
template <class F>
void visit_size(size_t itemsize, F f) {
    switch (itemsize) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    case 8: return f(uint64_t{});
    default: return f(Complex<double>{});
    }
}

}  // namespace

Tensor gather(const Tensor& t, int64_t dim, const Tensor& index, bool sparse_grad) {
    if (watched()) [[unlikely]]
        return watch<"gather.default">([&] { return gather(t, dim, index, sparse_grad); }, t, dim,
                                       index, optional_argument(sparse_grad, false, "sparse_grad"));
    WG_CHECK_NOT_IMPLEMENTED(!sparse_grad || !any_requires_grad({t}),
                             "gather: sparse gradients are not supported; pass sparse_grad=False");
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    check_index_dtype("gather", index);
    if (index.numel() > 0) {
        WG_CHECK(std::max<int64_t>(index.dim(), 1) == std::max<int64_t>(t.dim(), 1),
                 "Index tensor must have the same number of dimensions as input tensor");
        for (int64_t d = 0; d < std::max<int64_t>(t.dim(), 1); ++d)
            WG_CHECK(d == dim || size_at(index, d) <= size_at(t, d),
                     "Size does not match at dimension ", d, " expected index ",
                     to_string(index.sizes()), " to be no larger than self ", to_string(t.sizes()),
                     " apart from dimension ", dim);
    }
    const CheckedIndices places = checked_places(index, t, dim);
    Tensor out = empty(index.sizes(), t.dtype());
    visit_size(t.itemsize(), [&](auto element) {
        using T = decltype(element);
        for_each_line(reading<T>(t), writing<T>(out), index, places, dim, true,
                      [](const T* from, T* to, const int64_t* at, const Lines& l) {
                          for (int64_t i = 0; i < l.n; ++i)
                              to[i * l.other_stride] =
                                  from[i * l.row_stride + at[i] * l.dim_stride];
                      });
    });
    record("GatherBackward0", out, {t}, {save("index", index), save("self", t)},
           with<"dim", "sparse_grad">(given, sparse_grad)(on_rows([dim](Backward& d) {
               const Dims sizes(d.saved(1).sizes());
               if (!d.front()) {
                   Tensor g = zeros(sizes, d.grad().dtype());
                   return d.set(0, scatter_add_(g, dim, d.saved(0), d.grad()));
               }
               // What has no dims counts as one of a single element, and so it must behind the rows.
               const Tensor index = d.saved(0);
               const Dims places = index.dim() == 0 ? Dims{1} : Dims(index.sizes());
               Tensor g = zeros(d.sizes(sizes.empty() ? Dims{1} : sizes), d.grad().dtype());
               scatter_add_(g, d.dim(dim), like_rows(d, reshape(index, places)),
                            reshape(d.grad(), d.sizes(places)));
               d.set(0, reshape(g, d.sizes(sizes)));
           })));
    return out;
}

Tensor take_along_dim(const Tensor& t, const Tensor& indices, OptInt dim) {
    WG_CHECK(
        !dim || t.dim() == indices.dim(),
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but got ",
        t.dim(), " dimensions for input, and ", indices.dim(), " dimensions for indices");
    WG_CHECK(indices.dtype() == DType::Int64,
             "torch.take_along_dim(): dtype of indices should be Long but got ",
             info(indices.dtype()).scalar_name);
    if (!dim) return gather(reshape(t, {-1}), 0, reshape(indices, {-1}));
    const int64_t d = wrap_dim(*dim, t.dim());
    // Both are broadcast against each other in all dims but d; indices count modulo the size.
    const Tensor wrapped = remainder(indices, Scalar(t.size(d)));
    Dims a(t.sizes()), b(indices.sizes());
    a[d] = b[d];
    const Dims index_shape = broadcast_shapes(a, b);
    Dims shape(index_shape);
    shape[d] = t.size(d);
    return gather(expand(t, shape), d, expand(wrapped, index_shape));
}

// --- scatter ---

namespace {

// `src` undefined: a value is scattered, which fits any index.
void check_scatter_shapes(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    if (index.numel() == 0) return;
    const int64_t ndim = std::max<int64_t>(self.dim(), 1);
    WG_CHECK(std::max<int64_t>(index.dim(), 1) == ndim,
             "Index tensor must have the same number of dimensions as self tensor");
    bool fits = true;
    for (int64_t d = 0; d < ndim; ++d) fits &= d == dim || size_at(index, d) <= size_at(self, d);
    // A src of fewer dims than self is told so by its own size(), as in PyTorch.
    for (int64_t d = 0; fits && src.defined() && d < ndim; ++d)
        fits &= size_at(index, d) <= (src.dim() == 0 ? 1 : src.size(d));
    if (src.defined())
        WG_CHECK(std::max<int64_t>(src.dim(), 1) == ndim,
                 "Index tensor must have the same number of dimensions as src tensor");
    if (fits) return;
    std::string message =
        str("Expected index ", to_string(index.sizes()), " to be no larger than self ",
            to_string(self.sizes()), " apart from dimension ", dim);
    if (src.defined()) message += " and to be no larger size than src " + to_string(src.sizes());
    fail(ErrorKind::Runtime, message);
}

// All but the range of the index. Gives dim counted from the front.
int64_t check_scatter(const Tensor& to, int64_t dim, const Tensor& index, const Tensor& src) {
    dim = wrap_dim(dim, to.dim());
    check_index_dtype("scatter", index);
    WG_CHECK(!src.defined() || to.dtype() == src.dtype(),
             "scatter(): Expected self.dtype to be equal to src.dtype");
    check_scatter_shapes(to, dim, index, src);
    check_not_expanded(to);
    check_no_overlap(to, index);
    if (src.defined()) check_no_overlap(to, src);
    return dim;
}

// What may be written to, and where: the index, checked to lie in self.
struct Places {
    int64_t dim;
    CheckedIndices index;
};
Places scatter_places(const Tensor& to, int64_t dim, const Tensor& index, const Tensor& src) {
    dim = check_scatter(to, dim, index, src);
    return {dim, checked_places(index, to, dim)};
}

// The part of src that the index reads: its first elements along every dimension.
Tensor read_part(const Tensor& src, const Tensor& index) {
    return src.dim() == 0 ? src : alias(src, index.sizes(), src.strides(), src.offset());
}

// Other memory than target's, so that nothing is read after it was overwritten.
Tensor separate(const Tensor& src, const Tensor& target) {
    return src->storage == target->storage ? fresh_copy(src) : src;
}

void scatter_into(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                  const Tensor& src) {
    recorded_write(
        "ScatterBackward0", target, self, {src}, std::initializer_list<Save>{save("index", index)},
        [&](const Tensor& to) {
            const Places at = scatter_places(to, dim, index, src);
            if (index.numel() == 0) return;
            const Tensor values = separate(read_part(src, index), to);
            visit_size(to.itemsize(), [&](auto element) {
                using T = decltype(element);
                for_each_line(writing<T>(to), reading<T>(values), index, at.index, at.dim, false,
                              [](T* to, const T* from, const int64_t* at, const Lines& l) {
                                  for (int64_t i = 0; i < l.n; ++i)
                                      to[i * l.row_stride + at[i] * l.dim_stride] =
                                          from[i * l.other_stride];
                              });
            });
        },
        with<"dim">(dim)([](Backward& d, int64_t dim) {
            const Tensor index = d.saved(0);
            if (d.needs(0)) d.set(0, scatter_value(d.grad(), dim, index, 0));
            if (d.needs(1)) d.set(1, gather(d.grad(), dim, index));
        }));
}

void scatter_into(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                  Scalar value) {
    recorded_write(
        "ScatterBackward1", target, self, {}, std::initializer_list<Save>{save("index", index)},
        [&](const Tensor& to) {
            const Places at = scatter_places(to, dim, index, {});
            alignas(16) char bytes[kMaxItemSize] = {};
            store_checked(value, bytes, to.dtype());
            visit_size(to.itemsize(), [&](auto element) {
                using T = decltype(element);
                std::memcpy(&element, bytes, sizeof(T));
                for_each_line(writing<T>(to), reading<T>(to), index, at.index, at.dim, false,
                              [element](T* to, const T*, const int64_t* at, const Lines& l) {
                                  for (int64_t i = 0; i < l.n; ++i)
                                      to[i * l.row_stride + at[i] * l.dim_stride] = element;
                              });
            });
        },
        with<"dim">(dim)([](Backward& d, int64_t dim) {
            d.set(0, scatter_value(d.grad(), dim, d.saved(0), 0));
        }));
}

void scatter_add_into(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                      const Tensor& src) {
    recorded_write(
        "ScatterAddBackward0", target, self, {src},
        std::initializer_list<Save>{save("index", index)},
        [&](const Tensor& to) {
            const Places at = scatter_places(to, dim, index, src);
            if (index.numel() == 0) return;
            const Tensor values = separate(read_part(src, index), to);
            visit_any_dtype(to.dtype(), [&](auto tag) {
                using T = typename decltype(tag)::type;
                using C = compute_type<T>;
                for_each_line(writing<T>(to), reading<T>(values), index, at.index, at.dim, false,
                              [](T* to, const T* from, const int64_t* at, const Lines& l) {
                                  for (int64_t i = 0; i < l.n; ++i) {
                                      T& sum = to[i * l.row_stride + at[i] * l.dim_stride];
                                      const T x = from[i * l.other_stride];
                                      if constexpr (std::is_same_v<T, bool>) sum = sum || x;
                                      else if constexpr (std::is_integral_v<T>)
                                          sum = T(uint64_t(sum) + uint64_t(x));
                                      else sum = T(C(C(sum) + C(x)));
                                  }
                              });
            });
        },
        with<"dim">(dim)([](Backward& d, int64_t dim) {
            if (d.needs(0)) d.set(0, d.grad());
            if (d.needs(1)) d.set(1, gather(d.grad(), dim, d.saved(0)));
        }));
}

// Adds or multiplies instead of replacing. PyTorch has no derivative of it.
void scatter_combined(const Tensor& target, const Tensor& self, int64_t dim, const Tensor& index,
                      const Tensor& src, std::string_view reduce) {
    const bool add = reduce == "add";
    recorded_write(
        "torch::autograd::NotImplemented", target, self, {src}, std::initializer_list<Save>{},
        [&](const Tensor& to) {
            const int64_t along = check_scatter(to, dim, index, src);
            WG_CHECK(add || reduce == "multiply",
                     "reduce argument must be either add or multiply.");
            const CheckedIndices places = checked_places(index, to, along);
            if (index.numel() == 0) return;
            const Tensor values = separate(read_part(src, index), to);
            visit_any_dtype(to.dtype(), [&](auto tag) {
                using T = typename decltype(tag)::type;
                using C = compute_type<T>;
                for_each_line(writing<T>(to), reading<T>(values), index, places, along, false,
                              [add](T* to, const T* from, const int64_t* at, const Lines& l) {
                                  for (int64_t i = 0; i < l.n; ++i) {
                                      T& into = to[i * l.row_stride + at[i] * l.dim_stride];
                                      const T x = from[i * l.other_stride];
                                      if constexpr (std::is_same_v<T, bool>)
                                          into = add ? into || x : into && x;
                                      else if constexpr (std::is_integral_v<T>)
                                          into = add ? T(uint64_t(into) + uint64_t(x))
                                                     : T(uint64_t(into) * uint64_t(x));
                                      else into = T(add ? C(C(into) + C(x)) : C(C(into) * C(x)));
                                  }
                              });
            });
        },
        [in_place = target.is_same(self)](Backward&) {
            fail(ErrorKind::Runtime,
                 str("derivative for aten::scatter", in_place ? "_" : "", " is not implemented"));
        });
}

void warn_of_reduce() {
    warn(
        WarningKind::User,
        "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed in a future PyTorch "
        "release. Use torch.scatter_reduce instead for more reduction options.");
}

// The value as a source of the index's shape.
Tensor repeated(Scalar value, const Tensor& index, DType dtype) {
    Tensor t = empty({}, dtype);
    store_checked(value, t.mutable_raw(), dtype);
    return expand(t, Dims(index.sizes()));
}

}  // namespace

Tensor scatter_reduced(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src,
                       std::string_view reduce) {
    warn_of_reduce();
    const Tensor out = contiguous_copy(t);
    scatter_combined(out, t, dim, index, src, reduce);
    return out;
}
Tensor& scatter_reduced_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                         std::string_view reduce) {
    warn_of_reduce();
    scatter_combined(self, self, dim, index, src, reduce);
    return self;
}
Tensor scatter_value_reduced(const Tensor& t, int64_t dim, const Tensor& index, Scalar value,
                             std::string_view reduce) {
    const Tensor out = contiguous_copy(t);
    scatter_combined(out, t, dim, index, repeated(value, index, t.dtype()), reduce);
    return out;
}
Tensor& scatter_value_reduced_(Tensor& self, int64_t dim, const Tensor& index, Scalar value,
                               std::string_view reduce) {
    scatter_combined(self, self, dim, index, repeated(value, index, self.dtype()), reduce);
    return self;
}

Tensor scatter(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src) {
    if (watched()) [[unlikely]]
        return watch<"scatter.src">([&] { return scatter(t, dim, index, src); }, t, dim, index,
                                    src);
    const Tensor out = contiguous_copy(t);
    scatter_into(out, t, dim, index, src);
    return out;
}
Tensor& scatter_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    if (watched()) [[unlikely]]
        return watch_write<"scatter_.src">(
            [&]() -> Tensor& { return scatter_(self, dim, index, src); }, self, dim, index, src);
    scatter_into(self, self, dim, index, src);
    return self;
}
Tensor scatter_value(const Tensor& t, int64_t dim, const Tensor& index, Scalar value) {
    if (watched()) [[unlikely]]
        return watch<"scatter.value">([&] { return scatter_value(t, dim, index, value); }, t, dim,
                                      index, value);
    const Tensor out = contiguous_copy(t);
    scatter_into(out, t, dim, index, value);
    return out;
}
Tensor& scatter_value_(Tensor& self, int64_t dim, const Tensor& index, Scalar value) {
    if (watched()) [[unlikely]]
        return watch_write<"scatter_.value">(
            [&]() -> Tensor& { return scatter_value_(self, dim, index, value); }, self, dim, index,
            value);
    scatter_into(self, self, dim, index, value);
    return self;
}
Tensor scatter_add(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src) {
    if (watched()) [[unlikely]]
        return watch<"scatter_add.default">([&] { return scatter_add(t, dim, index, src); }, t, dim,
                                            index, src);
    const Tensor out = contiguous_copy(t);
    scatter_add_into(out, t, dim, index, src);
    return out;
}
Tensor& scatter_add_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    if (watched()) [[unlikely]]
        return watch_write<"scatter_add_.default">(
            [&]() -> Tensor& { return scatter_add_(self, dim, index, src); }, self, dim, index,
            src);
    scatter_add_into(self, self, dim, index, src);
    return self;
}

// --- reductions of what an index sends to the same place ---

namespace {

enum class Reduce { Sum, Prod, Mean, Amax, Amin };

// What a place holds before the first value, if it is not the element of self.
template <class T>
T identity_of(Reduce r) {
    using Limits = std::numeric_limits<compute_type<T>>;
    if (r == Reduce::Prod) return T(compute_type<T>(1));
    if (is_complex_number<T> || (r != Reduce::Amax && r != Reduce::Amin))
        return T(compute_type<T>(0));
    if constexpr (std::is_integral_v<T>)
        return r == Reduce::Amax ? Limits::lowest() : Limits::max();
    else return T(r == Reduce::Amax ? -Limits::infinity() : Limits::infinity());
}

template <class T>
T reduced(T a, T b, Reduce r) {
    using C = compute_type<T>;
    if constexpr (!is_complex_number<T>) {
        if (r == Reduce::Amax || r == Reduce::Amin) {
            if constexpr (!std::is_integral_v<T>)
                if (C(a) != C(a) || C(b) != C(b)) return C(a) != C(a) ? a : b;
            return (r == Reduce::Amax ? C(a) < C(b) : C(b) < C(a)) ? b : a;
        }
    }
    if constexpr (std::is_same_v<T, bool>) return r == Reduce::Prod ? a && b : a || b;
    else if constexpr (std::is_integral_v<T>)
        return r == Reduce::Prod ? T(uint64_t(a) * uint64_t(b)) : T(uint64_t(a) + uint64_t(b));
    else return T(r == Reduce::Prod ? C(C(a) * C(b)) : C(C(a) + C(b)));
}

// How many values each place of `like` receives, and one more for its own if that counts; at least 1.
Tensor counts(const Tensor& like, int64_t dim, const Tensor& index, bool include_self) {
    Unrecorded off;
    Tensor n = full(Dims(like.sizes()), Scalar(int64_t(include_self)), like.dtype());
    scatter_add_(n, dim, index, expand(ones({}, like.dtype()), Dims(index.sizes())));
    return masked_fill_value(n, eq(n, Scalar(0)), 1);
}

// `index` and `src` fit `t`: `places` is the index, checked.
Tensor reduced_values(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& places,
                      const Tensor& src, Reduce reduce, bool include_self) {
    Unrecorded off;
    const Tensor out = contiguous_copy(t);
    if (index.numel() == 0) return out;
    const Tensor values = contiguous(read_part(src, index));
    visit_any_dtype(t.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        const T identity = identity_of<T>(reduce);
        if (!include_self)
            for_each_line(writing<T>(out), reading<T>(values), index, places, dim, false,
                          [identity](T* to, const T*, const int64_t* at, const Lines& l) {
                              for (int64_t i = 0; i < l.n; ++i)
                                  to[i * l.row_stride + at[i] * l.dim_stride] = identity;
                          });
        for_each_line(writing<T>(out), reading<T>(values), index, places, dim, false,
                      [reduce](T* to, const T* from, const int64_t* at, const Lines& l) {
                          for (int64_t i = 0; i < l.n; ++i) {
                              T& into = to[i * l.row_stride + at[i] * l.dim_stride];
                              into = reduced<T>(into, from[i * l.other_stride], reduce);
                          }
                      });
    });
    if (reduce != Reduce::Mean) return out;
    const Tensor n = counts(out, dim, index, include_self);
    return is_differentiable(t.dtype()) ? div(out, n) : div_floor(out, n);
}

bool has_any(const Tensor& mask) {
    Unrecorded off;
    return any(mask).to_int() != 0;
}

// The same gradient, which cannot be differentiated.
Tensor not_twice(const Tensor& gradient, const char* name) {
    const Tensor out = detach(gradient);
    record("torch::autograd::Error", out, {gradient}, {}, [name](Backward&) {
        const char* src = std::string_view(name) == "index_reduce" ? "source" : "src";
        fail(ErrorKind::Runtime,
             str(name, "(): Double backward is unsupported for ", src, " when >1 zeros in ", src,
                 " are scattered to the same position in self"));
    });
    return out;
}

// The derivative of both forms: `read` gathers what belongs to src, `add_to` adds values of src's shape where they
// go, `cleared` has zeros there, `again` is the operation on other operands.
template <class Read, class Add, class Clear, class Again>
void reduced_gradients(Backward& d, const Tensor& self, const Tensor& src, const Tensor& result,
                       const char* name, Reduce reduce, bool include_self, Read read, Add add_to,
                       Clear cleared, Again again) {
    const Tensor& g = d.grad();
    const auto as_g = [&](const Tensor& mask) { return to_dtype(mask, g.dtype()); };
    Tensor of_self, of_src;
    switch (reduce) {
    case Reduce::Sum:
        of_self = g;
        if (d.needs(1)) of_src = read(g);
        break;
    case Reduce::Mean: {
        const Tensor n = add_to(include_self ? ones_like(g) : zeros_like(g), ones_like(src));
        const Tensor share = g / masked_fill_value(n, n == 0, 1);
        of_self = share;
        if (d.needs(1)) of_src = read(share);
        break;
    }
    case Reduce::Amax:
    case Reduce::Amin: {
        // Ties share the gradient.
        const Tensor own = as_g(self == result), from_src = as_g(src == read(result));
        const Tensor share = g / add_to(own, from_src);
        of_self = own * share;
        if (d.needs(1)) of_src = from_src * read(share);
        break;
    }
    case Reduce::Prod:
        // The product of the other factors: a quotient, unless the factor is 0.
        if (d.needs(0)) {
            const Tensor factor = masked_fill_value(self, self == 0, 1);
            of_self = g * again(factor, src) / factor;
        }
        if (d.needs(1)) {
            const Tensor zero = src == 0;
            const Tensor zeros = read(add_to(zeros_like(g), as_g(zero)));
            const Tensor alone = zero && zeros == 1;
            const Tensor rest = again(self, masked_fill_value(src, alone, 1));
            of_src =
                where(alone, read(g * rest), read(g * result) / masked_fill_value(src, zero, 1));
            // The first derivative is right then, its own is not: the other zeros count as constants.
            if (grad_enabled() && has_any(zeros > 1)) of_src = not_twice(of_src, name);
        }
        break;
    }
    if (d.needs(0)) d.set(0, include_self ? of_self : cleared(of_self));
    if (d.needs(1)) d.set(1, of_src);
}

const char* kReductions[] = {"sum", "prod", "mean", "amax", "amin"};

std::optional<Reduce> reduction_of(std::string_view name) {
    for (size_t i = 0; i < std::size(kReductions); ++i)
        if (name == kReductions[i]) return Reduce(i);
    return {};
}

// The recorded operations, which in place have histories over complex numbers as well.
Tensor scatter_reduction(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src,
                         std::string_view reduce, bool include_self) {
    const int64_t along = wrap_dim(dim, t.dim());
    check_index_dtype("scatter", index);
    WG_CHECK(t.dtype() == src.dtype(), "scatter(): Expected self.dtype to be equal to src.dtype");
    check_scatter_shapes(t, along, index, src);
    const std::optional<Reduce> r = reduction_of(reduce);
    WG_CHECK(r, "reduce argument must be either sum, prod, mean, amax or amin, got ", reduce);
    WG_CHECK_NOT_IMPLEMENTED(
        r != Reduce::Mean || t.dtype() != DType::Bool || index.numel() == 0,
        "\"scatter_gather_tensor_cpu_reduce_mean\" not implemented for 'Bool'");
    if (r == Reduce::Amax) check_real(t.dtype(), "scatter_gather_tensor_cpu_reduce_amax");
    if (r == Reduce::Amin) check_real(t.dtype(), "scatter_gather_tensor_cpu_reduce_amin");
    const CheckedIndices places = checked_places(index, t, along);
    const Tensor out = reduced_values(t, along, index, places, src, *r, include_self);
    record(
        "ScatterReduceBackward0", out, {t, src},
        {save("self", t), save("index", index), save("src", src), save_output("result", out)},
        with<"dim", "reduce", "include_self">(dim, kReductions[int(*r)], include_self)(
            [r = *r](Backward& d, int64_t dim, const char* name, bool include_self) {
                const Tensor index = d.saved(1);
                reduced_gradients(
                    d, d.saved(0), d.saved(2), d.saved(3), "scatter_reduce", r, include_self,
                    [&](const Tensor& x) { return gather(x, dim, index); },
                    [&](const Tensor& x, const Tensor& y) { return scatter_add(x, dim, index, y); },
                    [&](const Tensor& x) { return scatter_value(x, dim, index, 0); },
                    [&](const Tensor& x, const Tensor& y) {
                        return scatter_reduce(x, dim, index, y, name, include_self);
                    });
            }));
    return out;
}

Tensor index_reduction(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                       std::string_view reduce, bool include_self) {
    const std::optional<Reduce> r = reduction_of(reduce);
    WG_CHECK(r && r != Reduce::Sum,
             "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ",
             reduce, ".");
    const int64_t along = wrap_dim(dim, t.dim()), n = index.numel();
    WG_CHECK_INDEX(index.dim() <= 1,
                   "index_reduce_(): Index is supposed to be a vector, but got dim: ", index.dim(),
                   " with type: ", info(index.dtype()).scalar_name,
                   " and size: ", to_string(index.sizes()));
    WG_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
             "index_reduce_(): Expected dtype int32/int64 for index but got: ",
             info(index.dtype()).scalar_name);
    WG_CHECK(t.dtype() == source.dtype(), "index_reduce_(): self (", info(t.dtype()).scalar_name,
             ") and source (", info(source.dtype()).scalar_name,
             ") must have the same scalar type");
    WG_CHECK(along < std::max<int64_t>(source.dim(), 1), "index_reduce_(): Indexing dim ", along,
             " is out of bounds of the source tensor with dim ", source.dim());
    const int64_t length = source.dim() == 0 ? 1 : source.size(along);
    WG_CHECK(n == length, "index_reduce_(): Number of indices (", n,
             ") should be equal to source.size(dim): (", length, "), for dim: ", along);
    bool fits = t.dim() == source.dim();
    for (int64_t d = 0; fits && d < t.dim(); ++d)
        fits = d == along || t->dims[d] == source->dims[d];
    WG_CHECK(
        fits,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ",
        to_string(t.sizes()), " source.shape = ", to_string(source.sizes()));
    warn_once(
        WarningKind::User,
        "index_reduce() is in beta and the API may change at any time. (Triggered internally at "
        "/__w/pytorch/pytorch/aten/src/ATen/native/TensorAdvancedIndexing.cpp:1523.)");
    WG_CHECK_NOT_IMPLEMENTED(r != Reduce::Mean || t.dtype() != DType::Bool,
                             "\"div_floor_cpu\" not implemented for 'Bool'");
    if (t.dim() < 2 || !include_self)
        check_real(t.dtype(),
                   include_self ? "index_func_" : "index_reduce_func_exclude_input_init");
    if (r == Reduce::Amax) check_real(t.dtype(), "maximum_cpu");
    if (r == Reduce::Amin) check_real(t.dtype(), "minimum_cpu");
    const CheckedIndices places = checked_indices(index, size_at(t, along), false, fail_range);
    // Each slice goes where the index says: as if every element of it had that index.
    Dims column(size_t(std::max<int64_t>(source.dim(), 0)), 1);
    if (!column.empty()) column[size_t(along)] = n;
    const Tensor spread = contiguous(expand(reshape(places, column), Dims(source.sizes())));
    const Tensor out = reduced_values(t, along, spread, spread, source, *r, include_self);
    record(
        "IndexReduceBackward0", out, {t, source},
        {save("self", t), save("index", index), save("source", source), save_output("result", out)},
        with<"dim", "reduce", "include_self">(
            dim, kReductions[int(*r)],
            include_self)([r = *r](Backward& d, int64_t dim, const char* name, bool include_self) {
            const Tensor index = d.saved(1);
            reduced_gradients(
                d, d.saved(0), d.saved(2), d.saved(3), "index_reduce", r, include_self,
                [&](const Tensor& x) { return index_select(x, dim, index); },
                [&](const Tensor& x, const Tensor& y) { return index_add(x, dim, index, y, 1); },
                [&](const Tensor& x) { return index_fill(x, dim, index, 0); },
                [&](const Tensor& x, const Tensor& y) {
                    return index_reduce(x, dim, index, y, name, include_self);
                });
        }));
    return out;
}

template <class F>
Tensor& reduced_in_place(Tensor& self, const Tensor& index, const Tensor& src, F reduced) {
    return inplace(self, {src}, [&](const Tensor& old) {
        const Tensor result = reduced(old);
        check_no_overlap(self, index);
        check_no_overlap(self, src);
        return result;
    });
}

}  // namespace

Tensor scatter_reduce(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
    if (watched()) [[unlikely]]
        return watch<"scatter_reduce.two">(
            [&] { return scatter_reduce(t, dim, index, src, reduce, include_self); }, t, dim, index,
            src, reduce, optional_argument(include_self, true, "include_self"));
    const Tensor out = scatter_reduction(t, dim, index, src, reduce, include_self);
    refuse_complex_history("scatter_reduce", out, t, src);
    return out;
}
Tensor index_reduce(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self) {
    if (watched()) [[unlikely]]
        return watch<"index_reduce.default">(
            [&] { return index_reduce(t, dim, index, source, reduce, include_self); }, t, dim,
            index, source, reduce, optional_argument(include_self, true, "include_self"));
    const Tensor out = index_reduction(t, dim, index, source, reduce, include_self);
    refuse_complex_history("index_reduce", out, t, source);
    return out;
}

Tensor& scatter_reduce_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                        std::string_view reduce, bool include_self) {
    if (watched()) [[unlikely]]
        return watch_write<"scatter_reduce_.two">(
            [&]() -> Tensor& {
                return scatter_reduce_(self, dim, index, src, reduce, include_self);
            },
            self, dim, index, src, reduce, optional_argument(include_self, true, "include_self"));
    return reduced_in_place(self, index, src, [&](const Tensor& old) {
        return scatter_reduction(old, dim, index, src, reduce, include_self);
    });
}
Tensor& index_reduce_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self) {
    if (watched()) [[unlikely]]
        return watch_write<"index_reduce_.default">(
            [&]() -> Tensor& {
                return index_reduce_(self, dim, index, source, reduce, include_self);
            },
            self, dim, index, source, reduce,
            optional_argument(include_self, true, "include_self"));
    return reduced_in_place(self, index, source, [&](const Tensor& old) {
        return index_reduction(old, dim, index, source, reduce, include_self);
    });
}

}  // namespace wg
