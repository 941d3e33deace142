// Running sums and products: cumsum, cumprod. Start with scanned(), which calls cpu/scan.h.
#include "cpu/scan.h"

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "tensor/watch.h"

namespace wg {

namespace {

Tensor scanned(Scan op, const Tensor& t, int64_t dim, DType dtype) {
    check_autograd_dtype(t, dtype);
    Tensor in = t;
    {
        Unrecorded off;
        in = contiguous(cast_values(t, dtype));
    }
    Tensor out = empty(t.sizes(), dtype);
    const IntSpan sizes = in.sizes();
    if (sizes.empty()) {
        copy_values(out, in);
        return out;
    }
    if (out.numel() == 0) return out;
    WG_CHECK_NOT_IMPLEMENTED(dtype != DType::Bool, "\"", op == Scan::Sum ? "cumsum" : "cumprod",
                             "_out_cpu\" not implemented for 'Bool'");
    scan(op, dtype, in.raw(), out.mutable_raw(), count(sizes.first(size_t(dim))),
         sizes[size_t(dim)], count(sizes.subspan(size_t(dim) + 1)));
    return out;
}

Tensor as_dtype(const Tensor& t, DType dtype) { return conform_dtype(t, dtype); }

// Integers and bool are added up and multiplied in int64.
DType scan_dtype(const Tensor& t, const OptDType& dtype) {
    if (dtype) return *dtype;
    return is_differentiable(t.dtype()) ? t.dtype() : DType::Int64;
}

// Running sums from the end.
Tensor reversed_cumsum(const Tensor& t, int64_t dim) {
    return flip(cumsum(flip(t, Dims{dim}), dim), Dims{dim});
}

// The gradient of a running product with respect to x[i] is the sum over k >= i of g[k] times the
// product of x[j] for j <= k other than i.
Tensor cumprod_gradient(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
    if (x.numel() <= 1 || x.size(dim) == 1) return g;
    const Tensor zero = x == 0;
    if (!reduce_values(Reduction::Any, zero, dim_mask({}, x.dim()), false).to_int())
        return reversed_cumsum(y * g, dim) / x;
    if (!recording()) {
        // Before the first zero as above, beyond it nothing. At it: with 1 in its place.
        const Tensor seen = cumsum(zero, dim);
        const Tensor first = (seen == 1) && zero;
        const Tensor others = cumprod(where(first, ones_like(x), x), dim);
        const Tensor at_first = reversed_cumsum(g * where(seen > 0, others, zeros_like(x)), dim);
        const Tensor before = reversed_cumsum(g * y, dim) / where(zero, ones_like(x), x);
        return where(first, at_first, where(seen > 0, zeros_like(x), before));
    }
    // To be differentiated again, the formula must not divide: element by element.
    const int64_t n = x.size(dim);
    Dims edge(x.sizes());
    edge[size_t(dim)] = 1;
    Tensor out = zeros(Dims(x.sizes()), g.dtype());
    for (int64_t i = 0; i < n; ++i) {
        const Tensor until = i == 0 ? ones(edge, x.dtype()) : prod(narrow(x, dim, 0, i), dim, true);
        Tensor others = until;  // the products up to each k >= i
        if (i + 1 < n) {
            const Tensor after = cumprod(narrow(x, dim, i + 1, n - i - 1), dim);
            others = cat({until, i == 0 ? after : expand(until, Dims(after.sizes())) * after}, dim);
        }
        Tensor place = select(out, dim, i);
        copy_(place, sum_over(narrow(g, dim, i, n - i) * others, Dims{dim}));
    }
    return out;
}

}  // namespace

Tensor cumsum(const Tensor& t, int64_t dim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"cumsum.default">([&] { return cumsum(t, dim, dtype); }, t, dim,
                                       optional_argument(dtype, OptDType(), "dtype"));
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    Tensor out = scanned(Scan::Sum, t, dim, scan_dtype(t, dtype));
    record("CumsumBackward0", out, {t}, {},
           with<"dim">(given)(on_rows([dim, from = t.dtype()](Backward& d) {
               const Tensor g = as_dtype(d.grad(), from);
               const bool whole = g.numel() <= 1 || g.dim() == d.front() || g.size(d.dim(dim)) == 1;
               d.set(0, whole ? g : reversed_cumsum(g, d.dim(dim)));
           })));
    return out;
}

Tensor cumprod(const Tensor& t, int64_t dim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"cumprod.default">([&] { return cumprod(t, dim, dtype); }, t, dim,
                                        optional_argument(dtype, OptDType(), "dtype"));
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    Tensor out = scanned(Scan::Product, t, dim, scan_dtype(t, dtype));
    record("CumprodBackward0", out, {t}, {save("self", t), save_output("result", out)},
           with<"dim">(given)([dim, from = t.dtype()](Backward& d) {
               const Tensor g = as_dtype(d.grad(), from);
               d.set(0, cumprod_gradient(g, conj(d.saved(0)), conj(d.saved(1)), dim));
           }));
    return out;
}

}  // namespace wg
