// softmax and log_softmax, and their gradients: one loop each.
#include "cpu/softmax.h"

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

namespace {

struct Extents {
    int64_t outer, length, inner;
};

Extents extents(IntSpan sizes, int64_t dim) {
    if (sizes.empty()) return {1, 1, 1};
    const size_t d = size_t(dim);
    return {count(sizes.first(d)), sizes[d], count(sizes.subspan(d + 1))};
}

// t laid out without gaps in the order of its indices, without history.
Tensor compact(const Tensor& t, DType dtype) {
    Unrecorded off;
    return contiguous(cast_values(detach(t), dtype));
}

// The gradient of x from that of y = softmax(x) or log_softmax(x).
Tensor gradient(bool log, const Tensor& g, const Tensor& y, int64_t given) {
    const int64_t dim = wrap_dim(given, y.dim());
    const Tensor grad = compact(g, y.dtype()),
                 value = y.is_contiguous() ? y : compact(y, y.dtype());
    Tensor out = empty(y.sizes(), y.dtype());
    const Extents e = extents(y.sizes(), dim);
    softmax_backward(log, y.dtype(), grad.raw(), value.raw(), out.mutable_raw(), e.outer, e.length,
                     e.inner);
    const auto total = [dim](const Tensor& t) { return sum_over(t, Dims{dim}, true); };
    if (log)
        record("LogSoftmaxBackwardDataBackward0", out, {g, y},
               {save("grad_output", g), save("output", y)},
               with<"dim">(given)([total](Backward& d) {
                   const Tensor g = d.saved(0), p = exp(d.saved(1)), gg = d.grad();
                   if (d.needs(0)) d.set(0, gg - total(gg * p));
                   if (d.needs(1)) d.set(1, -total(g) * p * gg);
               }));
    else
        record("SoftmaxBackwardDataBackward0", out, {g, y},
               {save("grad_output", g), save("output", y)},
               with<"dim">(given)([total, dim](Backward& d) {
                   const Tensor g = d.saved(0), y = d.saved(1), gg = d.grad();
                   if (d.needs(0)) d.set(0, gradient(false, gg, y, dim));
                   if (d.needs(1)) d.set(1, gg * (g - total(g * y)) - g * total(gg * y));
               }));
    return out;
}

Tensor softmax_along(bool log, const Tensor& t, int64_t dim, OptDType dtype) {
    const Tensor x = dtype ? to_dtype(t, *dtype) : t;
    if (watched()) [[unlikely]] {
        const auto run = [&] { return softmax_along(log, x, dim, {}); };
        return log ? watch<"_log_softmax.default">(run, x, dim, false)
                   : watch<"_softmax.default">(run, x, dim, false);
    }
    const int64_t given = dim;
    dim = wrap_dim(dim, x.dim());
    if (x.numel() == 0 && !is_floating(x.dtype())) return empty(x.sizes(), x.dtype());
    WG_CHECK_NOT_IMPLEMENTED(is_floating(x.dtype()), "\"", log ? "log_softmax" : "softmax",
                             dim + 1 >= x.dim() ? "_lastdim" : "",
                             "_kernel_impl\" not implemented for '", info(x.dtype()).scalar_name,
                             "'");
    Tensor out = empty(x.sizes(), x.dtype());
    const Extents e = extents(x.sizes(), dim);
    {
        const Tensor in = x.is_contiguous() ? x : compact(x, x.dtype());
        softmax_forward(log, x.dtype(), in.raw(), out.mutable_raw(), e.outer, e.length, e.inner);
    }
    record(log ? "LogSoftmaxBackward0" : "SoftmaxBackward0", out, {x}, {save_output("result", out)},
           with<"dim">(given)(on_rows([log](Backward& d, int64_t dim) {
               const Tensor y = d.saved(0);
               if (d.front() && y.dim() == 0)  // over one element, of each row
                   d.set(0, reshape(gradient(log, unsqueeze(d.grad(), 1),
                                             unsqueeze(like_rows(d, y), 1), 1),
                                    d.sizes({})));
               else d.set(0, gradient(log, d.grad(), like_rows(d, y), d.dim(dim)));
           })));
    return out;
}

}  // namespace

Tensor softmax(const Tensor& t, int64_t dim, OptDType dtype) {
    return softmax_along(false, t, dim, dtype);
}
Tensor log_softmax(const Tensor& t, int64_t dim, OptDType dtype) {
    return softmax_along(true, t, dim, dtype);
}

}  // namespace wg
