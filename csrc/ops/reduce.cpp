// Sums and means, and what undoes broadcasting. Start with reduce_values(), which calls the kernels of
// cpu/reduce.h; the rest are dtype rules and derivatives.
#include "autograd/record.h"
#include "ops/reduce_common.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

DimMask dim_mask(const OptDims& dims, int64_t ndim) {
    const DimMask all = ndim >= 64 ? ~DimMask(0) : (DimMask(1) << ndim) - 1;
    if (!dims || dims->empty()) return all;
    DimMask mask = 0;
    for (int64_t d : *dims) {
        d = wrap_dim(d, ndim);
        WG_CHECK(!(mask >> d & 1), "dim ", d, " appears multiple times in the list of dims");
        mask |= DimMask(1) << d;
    }
    return mask & all;
}

Dims reduced_shape(IntSpan sizes, DimMask mask, bool keepdim) {
    Dims shape;
    for (size_t d = 0; d < sizes.size(); ++d)
        if (!(mask >> d & 1)) shape.push_back(sizes[d]);
        else if (keepdim) shape.push_back(1);
    return shape;
}

Tensor with_reduced_dims(const Tensor& result, IntSpan sizes, DimMask mask, bool keepdim,
                         bool listed) {
    if (keepdim || (result.dim() == 0 && !listed)) return result;
    Tensor t = result;
    for (size_t d = 0; d < sizes.size(); ++d)
        if (mask >> d & 1) t = unsqueeze(t, int64_t(d));
    return t;
}

int64_t reduced_count(IntSpan sizes, DimMask mask) {
    int64_t n = 1;
    for (size_t d = 0; d < sizes.size(); ++d)
        if (mask >> d & 1) n *= sizes[d];
    return n;
}

Tensor reduce_values(Reduction op, const Tensor& t, DimMask mask, bool keepdim, double param,
                     const Tensor* second) {
    if (is_complex(t.dtype())) [[unlikely]]
        return reduce_complex(op, t, mask, keepdim, param, second);
    const ReduceKernel* k = find_reduction(op, t.dtype());
    WG_CHECK_NOT_IMPLEMENTED(k, "reduction not implemented for '", info(t.dtype()).scalar_name,
                             "'");
    char* other = second ? second->address() : nullptr;
    if (t.is_contiguous() && !keepdim && mask + 1 == DimMask(1) << t.dim()) {
        Tensor out = empty({}, reduced_dtype(*k));
        const int64_t n = t.numel(), one = 1;
        reduce(*k, t.dtype(), t.address(), {&n, 1}, {&one, 1}, 1, out.address(), other, param);
        return out;
    }
    Tensor out = empty(reduced_shape(t.sizes(), mask, keepdim), reduced_dtype(*k));
    reduce(*k, t.dtype(), t.raw(), t.sizes(), t.strides(), mask, out.address(), other, param);
    return out;
}

Tensor cast_values(const Tensor& t, DType dtype) {
    if (t.dtype() == dtype) return t;
    warn_if_discards(t.dtype(), dtype);
    Tensor out = empty_like(t, dtype);
    copy_values(out, t);
    return out;
}

void check_autograd_dtype(const Tensor& t, DType result) {
    WG_CHECK(is_differentiable(result) || !grad_enabled() || !requires_grad(t),
             "Autograd not support dtype: ", info(result).scalar_name);
}

namespace {

// A complex gradient of a real tensor stays one, which the engine refuses.
Tensor as_dtype(const Tensor& g, DType dtype) {
    return is_complex(g.dtype()) && !is_complex(dtype) ? g : conform_dtype(g, dtype);
}

// The gradient g of a reduced tensor, one for each element that went into it.
Tensor unreduced(const Backward& d, const Tensor& g, const Dims& sizes, DimMask mask, bool keepdim,
                 bool listed) {
    const Tensor kept = kept_dims(d, g, sizes, mask, keepdim);
    return expand(with_reduced_dims(kept, sizes, mask, keepdim || d.front(), listed),
                  d.sizes(sizes));
}

Tensor sum_values(const Tensor& t, DimMask mask, bool keepdim, OptDType dtype) {
    if (!dtype) return reduce_values(Reduction::Sum, t, mask, keepdim);
    check_autograd_dtype(t, *dtype);
    return cast_values(reduce_values(Reduction::Sum, cast_values(t, *dtype), mask, keepdim),
                       *dtype);
}

Tensor sum_dims(const Tensor& t, DimMask mask, bool keepdim, OptDType dtype, const OptDims& dim) {
    if (watched()) [[unlikely]]
        return watch<"sum.dim_IntList">([&] { return sum_dims(t, mask, keepdim, dtype, dim); }, t,
                                        dim, optional_argument(keepdim, false),
                                        optional_argument(dtype, OptDType(), "dtype"));
    const bool listed = dim && !dim->empty();
    Tensor out = sum_values(t, mask, keepdim, dtype);
    if (recorded(t))
        record("SumBackward1", out, {t}, {},
               with<"self_sym_sizes", "dim", "keepdim">(Dims(t.sizes()), dim, keepdim)(
                   on_rows([mask, listed, from = t.dtype()](Backward& d, const Dims& sizes,
                                                            const OptDims&, bool keepdim) {
                       d.set(0,
                             as_dtype(unreduced(d, d.grad(), sizes, mask, keepdim, listed), from));
                   })),
               [&](const Forward& d) { return sum_dims(d.tangent(0), mask, keepdim, dtype, dim); });
    return out;
}

}  // namespace

Tensor sum_all(const Tensor& t, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"sum.default">([&] { return sum_all(t, dtype); }, t,
                                    optional_argument(dtype, OptDType(), "dtype"));
    Tensor out = sum_values(t, dim_mask({}, t.dim()), false, dtype);
    if (recorded(t))
        record("SumBackward0", out, {t}, {},
               with<"self_sym_sizes">(Dims(t.sizes()))(
                   on_rows([from = t.dtype()](Backward& d, const Dims& sizes) {
                       d.set(0, as_dtype(spread(d, d.grad(), sizes), from));
                   })),
               [dtype](const Forward& d) { return sum_all(d.tangent(0), dtype); });
    return out;
}

Tensor sum_over(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    return sum_dims(t, dim_mask(dim, t.dim()), keepdim, dtype, dim);
}

Tensor sum(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    return dim || keepdim ? sum_over(t, dim, keepdim, dtype) : sum_all(t, dtype);
}

Tensor sum_to(const Tensor& t, IntSpan sizes) {
    if (same_shape(t.sizes(), sizes)) return t;
    WG_CHECK(is_expandable(sizes, t.sizes()), "size {", to_string(sizes),
             "} is not expandable to size {", to_string(t.sizes()), "}.");
    if (sizes.empty()) return sum_all(t);
    const size_t lead = size_t(t.dim()) - sizes.size();
    Dims dims;
    for (size_t d = 0; d < size_t(t.dim()); ++d)
        if (d < lead || (sizes[d - lead] == 1 && t.sizes()[d] != 1)) dims.push_back(int64_t(d));
    Tensor out = sum_over(t, dims, true);
    return lead > 0 ? view(out, Dims(sizes)) : out;
}

Tensor sum_to_size(const Tensor& t, const Dims& size) {
    WG_CHECK(is_expandable(size, t.sizes()), "size {", to_string(size),
             "} is not expandable to size {", to_string(t.sizes()), "}.");
    return size.empty() ? sum_all(t) : sum_to(t, size);
}

Tensor trace(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"trace.default">([&] { return trace(t); }, t);
    WG_CHECK(t.dim() == 2, "trace: expected a matrix, but got tensor with dim ", t.dim());
    WG_CHECK_NOT_IMPLEMENTED(t.dtype() != DType::Bool, "\"trace\" not implemented for 'Bool'");
    const int64_t rows = t->dims[0], columns = t->dims[1], n = std::min(rows, columns);
    Tensor out = empty({}, is_integral(t.dtype()) ? DType::Int64 : t.dtype());
    visit_any_dtype(t.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using Sum = std::conditional_t<
            std::is_integral_v<T>, int64_t,
            std::conditional_t<sizeof(T) == 2, float,
                               std::conditional_t<is_complex_number<T>, Complex<double>, double>>>;
        Sum sum(0);
        const T* at = t.data<T>();
        for (int64_t i = 0; i < n; ++i, at += t->dims[2] + t->dims[3])
            sum += Sum(compute_type<T>(*at));
        if constexpr (std::is_integral_v<T>) *out.mutable_data<int64_t>() = sum;
        else *out.mutable_data<T>() = T(compute_type<T>(sum));
    });
    record("TraceBackward0", out, {t}, {}, with<"self_sym_sizes">(SizesOf<0>{})([=](Backward& d) {
               const Tensor places = arange(0, n * (columns + 1), columns + 1, DType::Int64);
               Tensor g = zeros({rows * columns}, d.grad().dtype());
               index_fill_tensor_(g, 0, places, d.grad());
               g.bump_version();  // PyTorch writes twice
               d.set(0, view(g, {rows, columns}));
           }));
    return out;
}

namespace {

void check_mean_dtypes(const Tensor& t, OptDType dtype) {
    WG_CHECK(!dtype || is_differentiable(*dtype),
             "mean(): could not infer output dtype. Optional dtype must be either a "
             "floating point or complex dtype. Got: ",
             info(*dtype).scalar_name);
    WG_CHECK(dtype || is_differentiable(t.dtype()),
             "mean(): could not infer output dtype. Input dtype must be either a "
             "floating point or complex dtype. Got: ",
             info(t.dtype()).scalar_name);
}

Tensor mean_values(const Tensor& t, DimMask mask, bool keepdim, OptDType dtype) {
    const Tensor in = dtype ? cast_values(t, *dtype) : t;
    return reduce_values(Reduction::Mean, in, mask, keepdim,
                         double(reduced_count(t.sizes(), mask)));
}

}  // namespace

Tensor mean_all(const Tensor& t, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"mean.default">([&] { return mean_all(t, dtype); }, t,
                                     optional_argument(dtype, OptDType(), "dtype"));
    check_mean_dtypes(t, dtype);
    Tensor out = mean_values(t, dim_mask({}, t.dim()), false, dtype);
    if (recorded(t))
        record("MeanBackward0", out, {t}, {},
               with<"self_sym_sizes", "self_sym_numel">(Dims(t.sizes()), NumelOf<0>{})(
                   on_rows([from = t.dtype()](Backward& d, const Dims& sizes, NumelOf<0>) {
                       d.set(0, spread(d, as_dtype(d.grad(), from), sizes) / double(count(sizes)));
                   })),
               [dtype](const Forward& d) { return mean_all(d.tangent(0), dtype); });
    return out;
}

Tensor mean_over(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"mean.dim">([&] { return mean_over(t, dim, keepdim, dtype); }, t, dim,
                                 optional_argument(keepdim, false),
                                 optional_argument(dtype, OptDType(), "dtype"));
    check_mean_dtypes(t, dtype);
    const DimMask mask = dim_mask(dim, t.dim());
    Tensor out = mean_values(t, mask, keepdim, dtype);
    if (recorded(t))
        record("MeanBackward1", out, {t}, {},
               with<"self_sym_sizes", "self_sym_numel", "dim", "keepdim">(
                   Dims(t.sizes()), NumelOf<0>{}, dim, keepdim)(on_rows(
                   [mask, from = t.dtype(), listed = dim && !dim->empty()](
                       Backward& d, const Dims& sizes, NumelOf<0>, const OptDims&, bool keepdim) {
                       const Tensor g = as_dtype(d.grad(), from);
                       d.set(0, unreduced(d, g, sizes, mask, keepdim, listed) /
                                    double(reduced_count(sizes, mask)));
                   })),
               [&](const Forward& d) { return mean_over(d.tangent(0), dim, keepdim, dtype); });
    return out;
}

Tensor mean(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    return dim || keepdim ? mean_over(t, dim, keepdim, dtype) : mean_all(t, dtype);
}

}  // namespace wg
