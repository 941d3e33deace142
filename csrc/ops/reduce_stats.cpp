// Products, counts, moments, norms and logsumexp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "autograd/record.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "tensor/watch.h"

namespace wg {

namespace {

Tensor as_dtype(const Tensor& t, DType dtype) { return conform_dtype(t, dtype); }
// A complex gradient of a real tensor stays one, which the engine refuses, as PyTorch's does.
Tensor gradient_as(const Tensor& g, DType dtype) {
    return is_complex(g.dtype()) && !is_complex(dtype) ? g : as_dtype(g, dtype);
}
const char* scalar_name(DType d) { return info(d).scalar_name; }

// --- products ---

// For each element the product of the others along `dim`, without division: of those before it, and
// of those after it.
Tensor products_of_others(const Tensor& x, int64_t dim) {
    const int64_t n = x.size(dim);
    if (n <= 1) return ones_like(x);
    Dims edge(x.sizes());
    edge[size_t(dim)] = 1;
    const auto running = [&](const Tensor& t) {
        return cumprod(cat({ones(edge, x.dtype()), t}, dim), dim);
    };
    const Tensor before = running(narrow(x, dim, 0, n - 1));
    return before * flip(running(flip(narrow(x, dim, 1, n - 1), Dims{dim})), Dims{dim});
}

// g times the products of the other elements, along `dim` or all; y is the product, broadcastable.
Tensor prod_gradient(const Tensor& g, const Tensor& x, const Tensor& y, OptInt dim) {
    const bool any_zero =
        reduce_values(Reduction::All, detach(x), dim_mask({}, x.dim()), false).to_int() == 0;
    if (!any_zero) return g * conj(y / x);
    if (dim) return g * conj(products_of_others(x, *dim));
    // As in PyTorch, two zeros leave nothing, not even NaN; unless somebody differentiates this.
    if (!any_recorded({g, x}) &&
        reduce_values(Reduction::NonZero, detach(x), dim_mask({}, x.dim()), false).to_int() <
            x.numel() - 1)
        return zeros_like(x);
    return view(g * conj(products_of_others(reshape(x, {-1}), 0)), Dims(x.sizes()));
}

Tensor prod_values(const Tensor& t, DimMask mask, bool keepdim, OptDType dtype) {
    if (!dtype) return reduce_values(Reduction::Prod, t, mask, keepdim);
    check_autograd_dtype(t, *dtype);
    return cast_values(reduce_values(Reduction::Prod, cast_values(t, *dtype), mask, keepdim),
                       *dtype);
}

}  // namespace

Tensor prod_all(const Tensor& t, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"prod.default">([&] { return prod_all(t, dtype); }, t,
                                     optional_argument(dtype, OptDType(), "dtype"));
    Tensor out = prod_values(t, dim_mask({}, t.dim()), false, dtype);
    if (recorded(t))
        record("ProdBackward0", out, {t}, {save("self", t), save_output("result", out)},
               [from = t.dtype()](Backward& d) {
                   const Tensor x = d.saved(0), g = d.grad();
                   if (x.dim() == 0) return d.set(0, gradient_as(g, from));
                   d.set(0, gradient_as(prod_gradient(g, as_dtype(x, g.dtype()), d.saved(1), {}),
                                        from));
               });
    return out;
}

Tensor prod(const Tensor& t, int64_t dim, bool keepdim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"prod.dim_int">([&] { return prod(t, dim, keepdim, dtype); }, t, dim,
                                     optional_argument(keepdim, false),
                                     optional_argument(dtype, OptDType(), "dtype"));
    const int64_t given = dim;
    dim = wrap_dim(dim, t.dim());
    const DimMask mask = dim_mask(Dims{dim}, t.dim());
    Tensor out = prod_values(t, mask, keepdim, dtype);
    if (recorded(t))
        record("ProdBackward1", out, {t}, {save("self", t), save_output("result", out)},
               with<"dim", "keepdim">(given, keepdim)([=, from = t.dtype()](Backward& d) {
                   const Tensor x = d.saved(0);
                   if (x.dim() == 0) return d.set(0, gradient_as(d.grad(), from));
                   const Tensor g = with_reduced_dims(d.grad(), x.sizes(), mask, keepdim, true);
                   const Tensor y = with_reduced_dims(d.saved(1), x.sizes(), mask, keepdim, true);
                   d.set(0, gradient_as(prod_gradient(g, as_dtype(x, g.dtype()), y, dim), from));
               }));
    return out;
}

// --- counts, sums that skip NaN ---

Tensor count_nonzero_along(const Tensor& t, OptInt dim) {
    return count_nonzero(t, dim ? Dims{*dim} : Dims{});
}
Tensor count_nonzero(const Tensor& t, const Dims& dim) {
    if (watched()) [[unlikely]]
        return watch<"count_nonzero.dim_IntList">([&] { return count_nonzero(t, dim); }, t, dim);
    return reduce_values(Reduction::NonZero, t, dim_mask(dim, t.dim()), false);
}

Tensor nansum(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"nansum.default">([&] { return nansum(t, dim, keepdim, dtype); }, t, dim,
                                       optional_argument(keepdim, false),
                                       optional_argument(dtype, OptDType(), "dtype"));
    const DimMask mask = dim_mask(dim, t.dim());
    WG_CHECK(!is_complex(t.dtype()), "nansum on CPU does not support complex inputs");
    if (dtype) check_real(*dtype, "nansum_cpu");
    if (!is_floating(t.dtype())) return sum_over(t, dim, keepdim, dtype);
    if (dtype && !is_floating(*dtype)) {  // the cast would make numbers of the NaNs
        check_autograd_dtype(t, *dtype);
        Unrecorded off;
        return sum_over(where(isnan(t), Scalar(0), t), dim, keepdim, dtype);
    }
    Tensor out =
        reduce_values(Reduction::NanSum, dtype ? cast_values(t, *dtype) : t, mask, keepdim);
    if (recorded(t))
        record(
            "NansumBackward0", out, {t}, {save("self", t)},
            with<"dim", "keepdim">(dim, keepdim)([=, listed = dim && !dim->empty()](Backward& d) {
                const Tensor x = detach(d.saved(0));
                const Tensor g = with_reduced_dims(as_dtype(d.grad(), x.dtype()), x.sizes(), mask,
                                                   keepdim, listed);
                d.set(0, expand(g, Dims(x.sizes())) * (x == x));
            }));
    return out;
}

Tensor nanmean(const Tensor& t, const OptDims& dim, bool keepdim, OptDType dtype) {
    WG_CHECK(is_differentiable(t.dtype()),
             "nanmean(): expected input to have floating point or complex dtype but got ",
             scalar_name(t.dtype()));
    WG_CHECK(
        !dtype || is_differentiable(*dtype),
        "nanmean(): could not infer output dtype. Optional dtype must be either a floating point "
        "or complex dtype. Got: ",
        scalar_name(*dtype));
    const Tensor data = detach(t);
    return nansum(t, dim, keepdim, dtype) / sum_over(data == data, dim, keepdim);
}

// --- variance ---

namespace {

struct Spread {
    DimMask mask;
    bool of_all;  // no dims were given
    bool listed;
    bool keepdim;
    double degrees;  // of freedom: what the sum of squares is divided by, unless negative
};

struct SpreadValues {
    Spread how;
    Tensor value, mean;
};

SpreadValues spread_values(const char* name, Reduction op, const Tensor& t, const OptDims& dim,
                           double correction, bool keepdim, bool with_mean) {
    WG_CHECK(is_differentiable(t.dtype()), with_mean ? name : "std and var",
             " only support floating point and complex dtypes");
    SpreadValues s;
    const DimMask mask = dim_mask(dim, t.dim());
    const double n = double(reduced_count(t.sizes(), mask));
    s.how = {mask, !dim || t.dim() == 0, dim && !dim->empty(), keepdim, n - correction};
    // Without results there is nothing that the elements would go into.
    if ((count(reduced_shape(t.sizes(), mask, false)) ? n : 0) - correction <= 0)
        warn(
            WarningKind::User,
            str(name,
                "(): degrees of freedom is <= 0. Correction should be strictly less than the "
                "reduction factor (input numel divided by output numel). (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/ReduceOps.cpp:1861.)"));
    if (with_mean) s.mean = empty(reduced_shape(t.sizes(), mask, keepdim), t.dtype());
    s.value = reduce_values(op, t, mask, keepdim, n == 0 ? 0 : std::max(0.0, s.how.degrees),
                            with_mean ? &s.mean : nullptr);
    return s;
}

Tensor var_gradient(const Tensor& g, const Tensor& x, const Spread& s) {
    if (s.of_all && s.degrees <= 0) {  // the division by zero, without what it hides
        const Tensor data = detach(x);
        return g * where(data == mean_all(data), std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity());
    }
    if (s.of_all) return (2.0 / s.degrees) * g * (x - mean_all(x));
    Dims dims;
    for (int64_t d = 0; d < x.dim(); ++d)
        if (s.mask >> d & 1) dims.push_back(d);
    return (2.0 / s.degrees) *
           with_reduced_dims(g, x.sizes(), s.mask, s.keepdim, s.listed && x.dim() > 1) *
           (x - mean_over(x, dims, true));
}

Tensor std_gradient(const Tensor& g, const Tensor& x, const Tensor& y, const Spread& s) {
    return var_gradient(masked_fill(g / (y * 2.0), y == 0, 0.0), x, s);
}

Tensor mean_gradient(const Tensor& g, const Tensor& x, const Spread& s) {
    const Tensor whole = with_reduced_dims(g, x.sizes(), s.mask, s.keepdim, s.listed);
    return expand(whole, broadcast_shapes(whole.sizes(), x.sizes())) /
           double(reduced_count(x.sizes(), s.mask));
}

// What the gradients above take of a gradient with rows (kept_dims).
Spread for_rows(const Backward& d, Spread s) {
    s.keepdim = s.keepdim || d.front();
    return s;
}
Tensor given(const Backward& d, size_t i, const Tensor& x, const Spread& s) {
    return kept_dims(d, d.grad(i), x.sizes(), s.mask, s.keepdim);
}
Tensor std_gradient_of(const Backward& d, const Tensor& x, const Tensor& y, const Spread& s) {
    return std_gradient(given(d, 0, x, s), x,
                        kept_dims_of_saved(d, y, x.sizes(), s.mask, s.keepdim), for_rows(d, s));
}
Tensor var_gradient_of(const Backward& d, const Tensor& x, const Spread& s) {
    return var_gradient(given(d, 0, x, s), x, for_rows(d, s));
}

double correction_of(const OptScalar& correction) {
    return correction ? correction->to_double() : 1.0;
}

}  // namespace

Tensor var(const Tensor& t, const OptDims& dim, OptScalar correction, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"var.correction">([&] { return var(t, dim, correction, keepdim); }, t,
                                       Argument{to_value(dim), nullptr, !dim},
                                       Argument{to_value(correction), "correction", !correction},
                                       optional_argument(keepdim, false, "keepdim"));
    const SpreadValues s = spread_values("var", Reduction::Variance, t, dim,
                                         correction_of(correction), keepdim, false);
    if (recorded(t))
        record("VarBackward0", s.value, {t}, {save("self", t)},
               with<"dim", "correction", "keepdim">(dim, correction, keepdim)(on_rows(
                   [how = s.how](Backward& d) { d.set(0, var_gradient_of(d, d.saved(0), how)); })));
    return s.value;
}

Tensor std_deviation(const Tensor& t, const OptDims& dim, OptScalar correction, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"std.correction">([&] { return std_deviation(t, dim, correction, keepdim); },
                                       t, Argument{to_value(dim), nullptr, !dim},
                                       Argument{to_value(correction), "correction", !correction},
                                       optional_argument(keepdim, false, "keepdim"));
    const SpreadValues s = spread_values("std", Reduction::Deviation, t, dim,
                                         correction_of(correction), keepdim, false);
    if (recorded(t))
        record("StdBackward0", s.value, {t}, {save("self", t), save_output("result", s.value)},
               with<"dim", "correction", "keepdim">(dim, correction,
                                                    keepdim)(on_rows([how = s.how](Backward& d) {
                   d.set(0, std_gradient_of(d, d.saved(0), d.saved(1), how));
               })));
    return s.value;
}

TwoTensors var_mean(const Tensor& t, const OptDims& dim, OptScalar correction, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"var_mean.correction">(
            [&] { return var_mean(t, dim, correction, keepdim); }, t,
            Argument{to_value(dim), nullptr, !dim},
            Argument{to_value(correction), "correction", !correction},
            optional_argument(keepdim, false, "keepdim"));
    const SpreadValues s = spread_values("var_mean", Reduction::Variance, t, dim,
                                         correction_of(correction), keepdim, true);
    const Tensor outs[] = {s.value, s.mean};
    if (recorded(t))
        record("VarMeanBackward0", std::span<const Tensor>(outs), {t}, {save("self", t)},
               with<"dim", "correction", "keepdim">(dim, correction,
                                                    keepdim)(on_rows([how = s.how](Backward& d) {
                   const Tensor x = d.saved(0);
                   d.set(0, sum_of_defined(d.has_grad(0) ? var_gradient_of(d, x, how) : Tensor(),
                                           d.has_grad(1) ? mean_gradient(given(d, 1, x, how), x,
                                                                         for_rows(d, how))
                                                         : Tensor()));
               })));
    return {s.value, s.mean};
}

TwoTensors std_mean(const Tensor& t, const OptDims& dim, OptScalar correction, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"std_mean.correction">(
            [&] { return std_mean(t, dim, correction, keepdim); }, t,
            Argument{to_value(dim), nullptr, !dim},
            Argument{to_value(correction), "correction", !correction},
            optional_argument(keepdim, false, "keepdim"));
    const SpreadValues s = spread_values("std_mean", Reduction::Deviation, t, dim,
                                         correction_of(correction), keepdim, true);
    const Tensor outs[] = {s.value, s.mean};
    if (recorded(t))
        record("StdMeanBackward0", std::span<const Tensor>(outs), {t},
               {save("self", t), save_output("result0", s.value)},
               with<"dim", "correction", "keepdim">(dim, correction,
                                                    keepdim)(on_rows([how = s.how](Backward& d) {
                   const Tensor x = d.saved(0);
                   d.set(0,
                         sum_of_defined(
                             d.has_grad(0) ? std_gradient_of(d, x, d.saved(1), how) : Tensor(),
                             d.has_grad(1) ? mean_gradient(given(d, 1, x, how), x, for_rows(d, how))
                                           : Tensor()));
               })));
    return {s.value, s.mean};
}

// The older spelling: `unbiased` means correction 1.
Tensor var_unbiased(const Tensor& t, bool unbiased) {
    return var(t, {}, Scalar(int(unbiased)), false);
}
Tensor std_unbiased(const Tensor& t, bool unbiased) {
    return std_deviation(t, {}, Scalar(int(unbiased)), false);
}
TwoTensors var_mean_unbiased(const Tensor& t, bool unbiased) {
    return var_mean(t, {}, Scalar(int(unbiased)), false);
}
TwoTensors std_mean_unbiased(const Tensor& t, bool unbiased) {
    return std_mean(t, {}, Scalar(int(unbiased)), false);
}
Tensor var_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased, bool keepdim) {
    return var(t, dim, Scalar(int(unbiased)), keepdim);
}
Tensor std_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased, bool keepdim) {
    return std_deviation(t, dim, Scalar(int(unbiased)), keepdim);
}
TwoTensors var_mean_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased,
                                  bool keepdim) {
    return var_mean(t, dim, Scalar(int(unbiased)), keepdim);
}
TwoTensors std_mean_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased,
                                  bool keepdim) {
    return std_mean(t, dim, Scalar(int(unbiased)), keepdim);
}

// --- logsumexp ---

Tensor logsumexp(const Tensor& t, const Dims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"logsumexp.default">([&] { return logsumexp(t, dim, keepdim); }, t, dim,
                                          optional_argument(keepdim, false));
    const DimMask mask = dim_mask(dim, t.dim());
    // PyTorch reduces the sum over no dims, and the maximum over all of them.
    WG_CHECK(!dim.empty() || keepdim || t.dim() == 0 || t.numel() == 0,
             "output with shape [] doesn't match the broadcast shape ",
             to_string(Dims(size_t(t.dim()), 1)));
    Tensor out;
    {
        Unrecorded off;
        const Tensor x = is_differentiable(t.dtype()) ? detach(t) : cast_values(t, default_dtype());
        if (x.numel() == 0) {
            out = log(reduce_values(Reduction::Sum, x, mask, keepdim));
        } else {
            const Tensor greatest = reduce_values(Reduction::Max, real(x), mask, true);
            const Tensor shift = where(isinf(greatest), 0.0, greatest);
            out = log(reduce_values(Reduction::Sum, exp(x - shift), mask, keepdim)) +
                  (keepdim ? shift : reshape(shift, reduced_shape(t.sizes(), mask, false)));
        }
    }
    if (recorded(t))
        record("LogsumexpBackward0", out, {t}, {save("self", t), save_output("result", out)},
               with<"dim", "keepdim">(dim, keepdim)(on_rows([=](Backward& d) {
                   const Tensor x = d.saved(0);
                   const auto spread = [&](const Tensor& t, bool keepdim) {
                       return with_reduced_dims(t, x.sizes(), mask, keepdim, !dim.empty());
                   };
                   const Tensor y = spread(d.saved(1), keepdim);
                   const Tensor g = kept_dims(d, d.grad(), x.sizes(), mask, keepdim);
                   d.set(0, spread(g, keepdim || d.front()) * conj(exp(x - y)));
               })));
    return out;
}

// --- norms ---

namespace {

// The derivative of (sum |x|^p)^(1/p) = y: sign(x) (|x| / y)^(p - 1), and its limits.
Tensor norm_gradient(const Tensor& g, const Tensor& x, const Tensor& y, double p, DimMask mask) {
    if (p == 1) return sgn(x) * g;
    if (p == 2) {
        Tensor direction = x / y;  // whose layout masked_fill would not keep
        return g * masked_fill_value_(direction, y == 0, 0.0);
    }
    if (std::isinf(p)) {
        const Tensor size = abs(x);
        const Tensor chosen = (size == y) || ((size != size) && (y != y));
        const Tensor share = as_dtype(chosen, g.dtype());
        return sgn(x) * (share * (g / reduce_values(Reduction::Sum, detach(share), mask, true)));
    }
    if (p < 1) return sgn(x) * masked_fill(pow(abs(x), p - 1), x == 0, 0.0) * g * pow(y, 1 - p);
    const Tensor scale = masked_fill(g / pow(y, p - 1), y == 0, 0.0);
    return (p < 2 ? sgn(x) * pow(abs(x), p - 1) : x * pow(abs(x), p - 2)) * scale;
}

// Of no elements, only norms of a finite positive order are defined.
void check_norm_of_nothing(const Tensor& x, double p, DimMask mask) {
    const bool listed = mask != dim_mask({}, x.dim());
    std::ostringstream which;
    which << p;
    for (int64_t d = 0; listed && d < x.dim(); ++d)
        WG_CHECK(!(mask >> d & 1) || x.size(d) > 0, "linalg.vector_norm cannot compute the ",
                 which.str(), " norm on the dimension ", d,
                 "because this dimension is empty and the operation does not have an identity");
    WG_CHECK(listed || x.numel() > 0, "linalg.vector_norm cannot compute the ", which.str(),
             " norm on an empty tensor because the operation does not have an identity");
}

Tensor norm_values(const Tensor& x, double p, DimMask mask, bool keepdim) {
    if (is_complex(x.dtype())) {
        Unrecorded off;
        return norm_values(abs(x), p, mask, keepdim);
    }
    if (p == 0) return cast_values(reduce_values(Reduction::NonZero, x, mask, keepdim), x.dtype());
    if (p < 0 || std::isinf(p)) check_norm_of_nothing(x, p, mask);
    if (std::isinf(p)) {
        Unrecorded off;
        return reduce_values(p > 0 ? Reduction::Max : Reduction::Min, abs(x), mask, keepdim);
    }
    if (p == 1) return reduce_values(Reduction::NormOne, x, mask, keepdim);
    if (p == 2) return reduce_values(Reduction::NormTwo, x, mask, keepdim);
    return reduce_values(Reduction::NormPower, x, mask, keepdim, p);
}

template <Name order>
Tensor recorded_norm(const char* node, const Tensor& t, Scalar ord, const OptDims& dim,
                     bool keepdim, OptDType dtype) {
    WG_CHECK(!ord.is_complex(),
             "linalg.vector_norm: Expected a non-complex scalar as the order of norm.");
    WG_CHECK(is_differentiable(t.dtype()),
             "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
             scalar_name(t.dtype()));
    WG_CHECK(!dtype || is_differentiable(*dtype),
             "linalg.vector_norm: dtype should be floating point or complex, but got ",
             scalar_name(*dtype));
    WG_CHECK(!dtype || is_complex(*dtype) == is_complex(t.dtype()),
             "linalg.vector_norm: dtype should be ",
             is_complex(t.dtype()) ? "complex for complex" : "real for real", " inputs, but got ",
             scalar_name(*dtype));
    WG_CHECK(!dtype || promote(t.dtype(), *dtype) == *dtype,
             "linalg.vector_norm: the dtype of the input (", scalar_name(t.dtype()),
             ") should be convertible without narrowing to the specified dtype (",
             scalar_name(*dtype), ")");
    const DimMask mask = dim_mask(dim, t.dim());
    const double p = ord.to_double();
    Tensor out = norm_values(dtype ? cast_values(t, *dtype) : t, p, mask, keepdim);
    if (recorded(t))
        record(node, out, {t}, {save("self", t), save_output("result", out)},
               with<order, "dim", "keepdim">(ord, dim, keepdim)(
                   on_rows([=, from = t.dtype(), listed = dim && !dim->empty()](Backward& d) {
                       if (p == 0) return;
                       const Tensor saved = d.saved(0);
                       const bool of_complex = is_complex(saved.dtype());
                       const Tensor x = as_dtype(of_complex ? abs(saved) : saved, d.grad().dtype());
                       const auto spread = [&](const Tensor& r, bool keepdim) {
                           return with_reduced_dims(r, x.sizes(), mask, keepdim, listed);
                       };
                       const Tensor kept = kept_dims(d, d.grad(), x.sizes(), mask, keepdim);
                       const Tensor g = norm_gradient(spread(kept, keepdim || d.front()), x,
                                                      spread(d.saved(1), keepdim), p, mask);
                       d.set(0, as_dtype(of_complex ? g * sgn(saved) : g, from));
                   })));
    return out;
}

}  // namespace

Tensor vector_norm(const Tensor& t, Scalar ord, const OptDims& dim, bool keepdim, OptDType dtype) {
    if (watched()) [[unlikely]]
        return watch<"linalg_vector_norm.default">(
            [&] { return vector_norm(t, ord, dim, keepdim, dtype); }, t, optional_argument(ord, 2),
            Argument{to_value(dim), nullptr, !dim}, optional_argument(keepdim, false),
            optional_argument(dtype, OptDType(), "dtype"));
    return recorded_norm<"ord">("LinalgVectorNormBackward0", t, ord, dim, keepdim, dtype);
}
Tensor norm_over(const Tensor& t, Scalar p, const Dims& dim, bool keepdim) {
    if (watched()) [[unlikely]]
        return watch<"norm.ScalarOpt_dim">([&] { return norm_over(t, p, dim, keepdim); }, t, p, dim,
                                           optional_argument(keepdim, false));
    return recorded_norm<"p">("NormBackward1", t, p, dim, keepdim, {});
}

Tensor norm(const Tensor& t, OptScalar p, const OptDims& dim, bool keepdim, OptDType dtype) {
    return vector_norm(t, p ? *p : Scalar(2), dim, keepdim, dtype);
}

Tensor dist(const Tensor& a, const Tensor& b, Scalar p) {
    if (watched()) [[unlikely]]
        return watch<"dist.default">([&] { return dist(a, b, p); }, a, b, optional_argument(p, 2));
    Tensor out;
    {
        Unrecorded off;
        out = vector_norm(a - b, p);
    }
    record("DistBackward0", out, {a, b},
           {save("self", a), save("other", b), save_output("result", out)},
           with<"p">(p)([order = p.to_double()](Backward& d) {
               if (order == 0) return;
               const auto gradient = [&] {
                   const Tensor x = d.saved(0) - d.saved(1);
                   return norm_gradient(d.grad(), x, d.saved(2), order, dim_mask({}, x.dim()));
               };
               if (d.needs(0)) d.set(0, gradient());
               if (d.needs(1)) d.set(1, -gradient());
           }));
    return out;
}

// Each slice along dim whose norm exceeds the largest allowed is scaled down to it.
Tensor renorm(const Tensor& t, Scalar order, int64_t dim, Scalar largest) {
    if (watched()) [[unlikely]]
        return watch<"renorm.default">([&] { return renorm(t, order, dim, largest); }, t, order,
                                       dim, largest);
    WG_CHECK(!order.is_complex(), "renorm: p must be real-valued");
    WG_CHECK(!largest.is_complex(), "renorm: maxnorm must be real-valued");
    const double p = order.to_double(), limit = largest.to_double();
    WG_CHECK(p > 0, "renorm: non-positive-norm not supported");
    WG_CHECK(limit >= 0, "renorm: expected maxnorm to be >= 0 but got ", limit);
    WG_CHECK(t.dim() > 1, "renorm: input needs at least 2 dimensions, got ", t.dim(),
             " dimensions");
    const int64_t kept = wrap_dim(dim, t.dim());
    Dims others;
    for (int64_t d = 0; d < t.dim(); ++d)
        if (d != kept) others.push_back(d);
    const auto norms_of = [others, order](const Tensor& x) {
        const OptDType wide =
            is_floating(x.dtype()) && x.itemsize() == 2 ? OptDType(DType::Float32) : OptDType();
        return vector_norm(x, order, others, true, wide);
    };
    Tensor out;
    {
        Unrecorded off;
        const Tensor norms = norms_of(t);
        const Tensor factor = where(norms > limit, limit / (norms + 1e-7), 1.0);
        out = mul(t, to_dtype(factor, t.dtype()));
    }
    record("RenormBackward0", out, {t}, {save("self", t)},
           with<"p", "dim", "maxnorm">(order, dim, largest)([=](Backward& d) {
               const Tensor x = d.saved(0), &g = d.grad();
               const Tensor norms = norms_of(x);
               const Tensor inverse = reciprocal(norms + 1e-7);
               const bool of_complex = is_complex(x.dtype());
               const Tensor wide = of_complex ? x : as_dtype(x, norms.dtype());
               const Tensor product =
                   of_complex ? real(conj(x) * g) : as_dtype(g, norms.dtype()) * x;
               const Tensor along = norm_gradient(sum(product, others, true), wide, norms, p,
                                                  dim_mask(others, x.dim()));
               const Tensor scaled = limit * inverse * (g - inverse * along);
               d.set(0, where(norms > limit, as_dtype(scaled, g.dtype()), g));
           }));
    return out;
}

}  // namespace wg
