// Running sums and products: cumsum, cumprod. Start with scanned(), which calls cpu/scan.h.
#include "cpu/scan.h"

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"

namespace wg {

namespace {

Tensor scanned(Scan op, const Tensor& t, int64_t dim, bool reverse, DType dtype) {
    WG_CHECK_NOT_IMPLEMENTED(dtype != DType::Bool, "\"", op == Scan::Sum ? "cumsum" : "cumprod",
                             "_out_cpu\" not implemented for 'Bool'");
    Tensor in = t;
    {
        GradMode off(false);
        in = contiguous(cast_values(t, dtype));
    }
    Tensor out = empty(t.sizes(), dtype);
    const IntSpan sizes = in.sizes();
    if (sizes.empty()) {
        copy_values(out, in);
        return out;
    }
    scan(op, dtype, in.raw(), out.raw(), count(sizes.first(size_t(dim))), sizes[size_t(dim)],
         count(sizes.subspan(size_t(dim) + 1)), reverse);
    return out;
}

// Integers and bool are added up and multiplied in int64.
DType scan_dtype(const Tensor& t, const OptDType& dtype) {
    if (dtype) return *dtype;
    return is_floating(t.dtype()) ? t.dtype() : DType::Int64;
}

Tensor sum_from(const Tensor& t, int64_t dim, bool reverse, DType dtype) {
    Tensor out = scanned(Scan::Sum, t, dim, reverse, dtype);
    record("CumsumBackward0", out, {t}, {}, [dim, reverse, from = t.dtype()](Backward& d) {
        const Tensor g = sum_from(d.grad(), dim, !reverse, d.grad().dtype());
        d.set(0, g.dtype() == from ? g : to_dtype(g, from));
    });
    return out;
}

// The gradient of a running product with respect to x[i] is the sum over k >= i of g[k] times the
// product of x[j] for j <= k other than i.
Tensor cumprod_gradient(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
    const Tensor zeros = x == 0;
    if (x.dim() == 0) return g;
    const bool any_zero =
        reduce_values(Reduction::Any, zeros, dim_mask({}, x.dim()), false).to_int() != 0;
    if (!any_zero) return sum_from(g * y, dim, true, g.dtype()) / x;
    if (!grad_enabled()) {
        // Before the first zero as above, beyond it nothing. At it: with 1 in its place.
        const Tensor seen = cumsum(zeros, dim);
        const Tensor first = (seen == 1) && zeros;
        const Tensor others = cumprod(where(first, ones_like(x), x), dim);
        const Tensor at_first =
            sum_from(g * where(seen > 0, others, zeros_like(x)), dim, true, g.dtype());
        const Tensor before = sum_from(g * y, dim, true, g.dtype()) / where(zeros, ones_like(x), x);
        return where(first, at_first, where(seen > 0, zeros_like(x), before));
    }
    // To be differentiated again, the formula must not divide: element by element.
    const int64_t n = x.size(dim);
    TensorList parts;
    Tensor prefix = ones_like(narrow(x, dim, 0, 1));
    for (int64_t i = 0; i < n; ++i) {
        Tensor total = narrow(g, dim, i, 1);
        if (i + 1 < n) {
            const Tensor rest = cumprod(narrow(x, dim, i + 1, n - i - 1), dim);
            total = total + sum_over(narrow(g, dim, i + 1, n - i - 1) * rest, Dims{dim}, true);
        }
        parts.push_back(prefix * total);
        prefix = prefix * narrow(x, dim, i, 1);
    }
    return cat(parts, dim);
}

}  // namespace

Tensor cumsum(const Tensor& t, int64_t dim, OptDType dtype) {
    return sum_from(t, wrap_dim(dim, t.dim()), false, scan_dtype(t, dtype));
}

Tensor cumprod(const Tensor& t, int64_t dim, OptDType dtype) {
    dim = wrap_dim(dim, t.dim());
    Tensor out = scanned(Scan::Product, t, dim, false, scan_dtype(t, dtype));
    record("CumprodBackward0", out, {t}, {save("self", t), save_output("result", out)},
           [dim, from = t.dtype()](Backward& d) {
               const Tensor x = d.saved(0), g = d.grad();
               const Tensor gradient = cumprod_gradient(
                   g, x.dtype() == g.dtype() ? x : to_dtype(x, g.dtype()), d.saved(1), dim);
               d.set(0, gradient.dtype() == from ? gradient : to_dtype(gradient, from));
           });
    return out;
}

}  // namespace wg
