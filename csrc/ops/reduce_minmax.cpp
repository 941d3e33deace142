// Greatest and least elements, with or without their places; any and all.
#include <cmath>

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// An extreme of nothing does not exist.
void check_not_empty(const char* name, const Tensor& t, DimMask mask, bool all_dims,
                     const char* colon = "()", const OptDims& given = {}) {
    if (t.numel() != 0) return;
    WG_CHECK(
        !all_dims, name,
        "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
        "dim with the 'dim' argument.");
    // With the dims as they were given, one after the other.
    if (given)
        for (int64_t d : *given)
            WG_CHECK_INDEX(t.size(d) != 0, name, colon, ": Expected reduction dim ", d,
                           " to have non-zero size.");
    for (int64_t d = 0; d < t.dim(); ++d)
        WG_CHECK_INDEX(!(mask >> d & 1) || t->dims[d] != 0, name, colon,
                       ": Expected reduction dim ", d, " to have non-zero size.");
}

// Complex numbers have no order.
void check_ordered(const Tensor& t, const char* kernel) {
    WG_CHECK_NOT_IMPLEMENTED(!is_complex(t.dtype()), "\"", kernel, "\" not implemented for '",
                             info(t.dtype()).scalar_name, "'");
}

// The gradient goes to the elements that equal the extreme, in equal parts. A NaN makes the gradients
// of its slice NaN. `listed`: dims were named, and one without dims then counts as one of a single dim.
Tensor share_among_equals(const Backward& d, const Tensor& g, const Tensor& x, const Tensor& result,
                          DimMask mask, bool keepdim, bool listed) {
    const Dims shape = x.dim() == 0 && listed ? Dims{1} : reduced_shape(x.sizes(), mask, true);
    const auto restored = [&](const Tensor& t, const Dims& shape) {
        return keepdim ? t : view(t, shape);
    };
    const Tensor chosen = detach(x) == restored(detach(result), shape);
    return restored(g, d.sizes(shape)) / reduce_values(Reduction::Sum, chosen, mask, true) * chosen;
}

// The one of max() belongs to the elements that are NaN if it is.
Tensor fill_equals(const Backward& d, const Tensor& x, const Tensor& result) {
    const Tensor& g = d.grad();
    const Tensor data = detach(x), value = detach(result);
    const Tensor chosen = std::isnan(value.to_double()) ? data != data : data == value;
    if (d.front()) return where(chosen, aligned(d, g / sum_all(chosen), x.dim()), 0.0);
    Tensor out = zeros(Dims(x.sizes()), g.dtype());
    return masked_fill_(out, chosen, g / sum_all(chosen));
}

Tensor extreme_over(const char* name, const char* node, Reduction op, const Tensor& t,
                    const OptDims& dim, bool keepdim) {
    const bool listed = dim && !dim->empty();
    check_not_empty(name, t, 0, !listed, "()", dim);
    const DimMask mask = dim_mask(dim, t.dim());
    check_ordered(t, op == Reduction::Max ? "max_values_cpu" : "min_values_cpu");
    Tensor out = reduce_values(op, t, mask, keepdim);
    if (recorded(t))
        record(node, out, {t}, {save("self", t), save_output("result", out)},
               with<"dim", "keepdim">(dim ? *dim : Dims(), keepdim)(on_rows([=](Backward& d) {
                   d.set(0, share_among_equals(d, d.grad(), d.saved(0), d.saved(1), mask, keepdim,
                                               listed));
               })));
    return out;
}

Tensor extreme_of_all(const char* name, const char* node, Reduction op, const Tensor& t) {
    check_not_empty(name, t, 0, true);
    check_ordered(t, op == Reduction::Max ? "max_all" : "min_all");
    Tensor out = reduce_values(op, t, dim_mask({}, t.dim()), false);
    if (recorded(t))
        record(node, out, {t}, {save("self", t), save_output("result", out)},
               on_rows([](Backward& d) { d.set(0, fill_equals(d, d.saved(0), d.saved(1))); }));
    return out;
}

TwoTensors extreme_and_place(const char* name, const char* node, Reduction op, const Tensor& t,
                             int64_t dim, bool keepdim) {
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    const DimMask mask = dim_mask(Dims{dim}, t.dim());
    WG_CHECK(!is_complex(t.dtype()), name, "(): does not support complex input");
    check_not_empty(name, t, mask, false);
    const Dims shape = reduced_shape(t.sizes(), mask, keepdim);
    Tensor indices = empty(shape, DType::Int64);
    Tensor values = reduce_values(op, t, mask, keepdim, 0, &indices);
    if (recorded(t)) {
        const Tensor outs[] = {values, indices};
        record(node, std::span<const Tensor>(outs), {t}, {save("indices", indices)},
               with<"self_sym_sizes", "dim", "keepdim">(SizesOf<0>{}, given, keepdim)(
                   on_rows([dim, keepdim, sizes = Dims(t.sizes())](Backward& d) {
                       if (d.front() && sizes.empty()) return d.set(0, d.grad());
                       const auto along = [&](const Tensor& x) {
                           return keepdim || sizes.empty() ? x : unsqueeze(x, d.dim(dim));
                       };
                       Tensor out = empty(d.sizes(sizes), d.grad().dtype());
                       zero_(out);
                       const Tensor at = like_rows(d, d.saved(0));
                       d.set(0, scatter_(out, d.dim(dim), along(at), along(d.grad())));
                   })));
    }
    return {values, indices};
}

Tensor place(const char* name, Reduction op, const Tensor& t, OptInt dim, bool keepdim) {
    WG_CHECK(!is_complex(t.dtype()), name, "(): does not support complex input");
    WG_CHECK(t.dtype() != DType::Bool, name, "(): does not support bool input");
    const ReduceKernel& k = reduction(op, t.dtype());
    if (!dim) {
        WG_CHECK_INDEX(t.numel() != 0, name,
                       "(): Expected reduction dim to be specified for input.numel() == 0.");
        // Places count in the order of the indices, whatever the strides.
        Tensor flat = detach(t);
        {
            Unrecorded off;
            flat = contiguous(flat);
        }
        Tensor out = empty(keepdim ? Dims(size_t(t.dim()), 1) : Dims(), DType::Int64);
        const int64_t n = t.numel(), one = 1;
        reduce(k, t.dtype(), flat.raw(), {&n, 1}, {&one, 1}, 1, nullptr, out.mutable_raw(), 0);
        return out;
    }
    const DimMask mask = dim_mask(Dims{*dim}, t.dim());
    check_not_empty(name, t, mask, false);
    Tensor out = empty(reduced_shape(t.sizes(), mask, keepdim), DType::Int64);
    reduce(k, t.dtype(), t.raw(), t.sizes(), t.strides(), mask, nullptr, out.mutable_raw(), 0);
    return out;
}

}  // namespace

Tensor amax(const Tensor& t, const OptDims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"amax.default">([&] { return amax(t, dim, keepdim); }, t, dim,
                                     optional_argument(keepdim, false));
    return extreme_over("amax", "AmaxBackward0", Reduction::Max, t, dim, keepdim);
}
Tensor amin(const Tensor& t, const OptDims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"amin.default">([&] { return amin(t, dim, keepdim); }, t, dim,
                                     optional_argument(keepdim, false));
    return extreme_over("amin", "AminBackward0", Reduction::Min, t, dim, keepdim);
}

Tensor max_all(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"max.default">([&] { return max_all(t); }, t);
    return extreme_of_all("max", "MaxBackward1", Reduction::Max, t);
}
Tensor min_all(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"min.default">([&] { return min_all(t); }, t);
    return extreme_of_all("min", "MinBackward1", Reduction::Min, t);
}

TwoTensors max_along(const Tensor& t, int64_t dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"max.dim">([&] { return max_along(t, dim, keepdim); }, t, dim,
                                optional_argument(keepdim, false));
    return extreme_and_place("max", "MaxBackward0", Reduction::ArgMax, t, dim, keepdim);
}
TwoTensors min_along(const Tensor& t, int64_t dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"min.dim">([&] { return min_along(t, dim, keepdim); }, t, dim,
                                optional_argument(keepdim, false));
    return extreme_and_place("min", "MinBackward0", Reduction::ArgMin, t, dim, keepdim);
}

Tensor max_of_two(const Tensor& a, const Tensor& b) { return maximum(a, b); }
Tensor min_of_two(const Tensor& a, const Tensor& b) { return minimum(a, b); }

TwoTensors aminmax(const Tensor& t, OptInt dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"aminmax.default">([&] { return aminmax(t, dim, keepdim); }, t,
                                        optional_argument(dim, OptInt(), "dim"),
                                        optional_argument(keepdim, false, "keepdim"));
    check_ordered(t, "aminmax_cpu");
    OptDims dims;
    if (dim) dims = Dims{*dim};
    const DimMask mask = dim_mask(dims, t.dim());
    WG_CHECK(
        dim || t.numel() != 0,
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
    check_not_empty("aminmax", t, mask, false, "");
    const Tensor outs[] = {reduce_values(Reduction::Min, t, mask, keepdim),
                           reduce_values(Reduction::Max, t, mask, keepdim)};
    if (recorded(t))
        record("AminmaxBackward0", std::span<const Tensor>(outs), {t},
               {save("self", t), save_output("min", outs[0]), save_output("max", outs[1])},
               with<"dim", "keepdim">(dim, keepdim)(on_rows([=, listed = bool(dim)](Backward& d) {
                   const auto share = [&, x = d.saved(0)](size_t i) {
                       return d.has_grad(i) ? share_among_equals(d, d.grad(i), x, d.saved(1 + i),
                                                                 mask, keepdim, listed)
                                            : Tensor();
                   };
                   Tensor low = share(0);
                   const Tensor high = share(1);
                   if (!low.defined() || !high.defined())
                       return d.set(0, low.defined() ? low : high);
                   elementwise_(Op::add, low, std::initializer_list<Arg>{low, high});
                   d.set(0, low);
               })));
    return {outs[0], outs[1]};
}

Tensor argmax(const Tensor& t, OptInt dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"argmax.default">([&] { return argmax(t, dim, keepdim); }, t,
                                       optional_argument(dim, OptInt()),
                                       optional_argument(keepdim, false));
    return place("argmax", Reduction::ArgMax, t, dim, keepdim);
}
Tensor argmin(const Tensor& t, OptInt dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"argmin.default">([&] { return argmin(t, dim, keepdim); }, t,
                                       optional_argument(dim, OptInt()),
                                       optional_argument(keepdim, false));
    return place("argmin", Reduction::ArgMin, t, dim, keepdim);
}

namespace {

Tensor truth(Reduction op, const Tensor& t, const OptDims& dim, bool keepdim) {
    // Here an empty list of dims reduces nothing.
    const Tensor out = dim && dim->empty() ? cast_values(t, DType::Bool)
                                           : reduce_values(op, t, dim_mask(dim, t.dim()), keepdim);
    return t.dtype() == DType::UInt8 ? cast_values(out, DType::UInt8) : out;
}

}  // namespace

Tensor all(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"all.default">([&] { return all(t); }, t);
    return truth(Reduction::All, t, {}, false);
}
Tensor any(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"any.default">([&] { return any(t); }, t);
    return truth(Reduction::Any, t, {}, false);
}
Tensor all_over(const Tensor& t, const OptDims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"all.dims">([&] { return all_over(t, dim, keepdim); }, t, dim,
                                 optional_argument(keepdim, false));
    return truth(Reduction::All, t, dim, keepdim);
}
Tensor all_along(const Tensor& t, int64_t dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"all.dim">([&] { return all_along(t, dim, keepdim); }, t, dim,
                                optional_argument(keepdim, false));
    return truth(Reduction::All, t, Dims{dim}, keepdim);
}
Tensor any_along(const Tensor& t, int64_t dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"any.dim">([&] { return any_along(t, dim, keepdim); }, t, dim,
                                optional_argument(keepdim, false));
    return truth(Reduction::Any, t, Dims{dim}, keepdim);
}
Tensor any_over(const Tensor& t, const OptDims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"any.dims">([&] { return any_over(t, dim, keepdim); }, t, dim,
                                 optional_argument(keepdim, false));
    return truth(Reduction::Any, t, dim, keepdim);
}

}  // namespace wg
