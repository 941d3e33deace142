// New tensors as Python asks for them: with dtype, requires_grad, memory_format and out=.
// Start with placed(), which puts values into a new tensor or into `out`.
#include <algorithm>

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

Tensor finished(Tensor t, const TensorOptions& o) {
    if (!o.requires_grad) return t;
    WG_CHECK(is_differentiable(t.dtype()),
             "Only Tensors of floating point and complex dtype can require gradients");
    set_requires_grad(t, true);
    return t;
}

void check_factory_out(const char* name, const Tensor& out, const TensorOptions& o) {
    WG_CHECK(!o.dtype || *o.dtype == out.dtype(), "dtype ", info(*o.dtype).scalar_name,
             " does not match dtype of out parameter (", info(out.dtype()).scalar_name, ")");
    WG_CHECK(
        !grad_enabled() || !requires_grad(out), "aten::", name,
        "(): functions with out=... arguments don't support automatic differentiation, but one "
        "of the arguments requires grad.");
}

void resize_quietly(const Tensor& out, IntSpan shape) {
    if (!same_shape(out.sizes(), shape)) resize_values(out, shape);
}

namespace {

// make(dtype) gives the values: a new tensor, or what goes into `out` in its dtype.
template <class Make>
Tensor placed(const char* name, const OptTensor& out, const TensorOptions& o, Make make) {
    if (!out) return finished(make(o.dtype), o);
    check_factory_out(name, *out, o);
    const Tensor values = make(out->dtype());
    resize_quietly(*out, values.sizes());
    copy_values(*out, values);
    out->bump_version();
    return finished(*out, o);
}

Tensor filled(Tensor t, Scalar value) {
    fill_values(t, value);
    return t;
}

Tensor empty_in(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    const DType dtype = o.dtype.value_or(t.dtype());
    if (format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve)
        return empty_like(t, dtype);
    return empty_strided(t.sizes(), format_strides(t.sizes(), *format), dtype);
}

}  // namespace

Dims format_strides(IntSpan sizes, MemoryFormat format) {
    if (format != MemoryFormat::ChannelsLast) return contiguous_strides(sizes);
    WG_CHECK(sizes.size() == 4, "required rank 4 tensor to use channels_last format");
    Dims strides(sizes);
    int64_t n = 1;
    for (const size_t d : {1, 3, 2, 0}) {
        strides[d] = n;
        n *= std::max<int64_t>(sizes[d], 1);
    }
    return strides;
}

bool is_contiguous_in(const Tensor& t, MemoryFormat format) {
    if (format != MemoryFormat::ChannelsLast) return t.is_contiguous();
    if (t.dim() != 4) return false;
    if (t.numel() == 0) return t.is_contiguous();
    const Dims wanted = format_strides(t.sizes(), format);
    for (size_t d = 0; d < 4; ++d)
        if (t->dims[d] != 1 && t->dims[4 + d] != wanted[d]) return false;
    return true;
}

Tensor clone_in(const Tensor& t, OptMemoryFormat format) {
    if (format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve) return clone(t);
    Tensor out = empty_strided(t.sizes(), format_strides(t.sizes(), *format), t.dtype());
    if (copied_by_write(out, t)) return out;
    copy_values(out, t);
    record("CloneBackward0", out, {t}, {}, [](Backward& d) { d.set(0, d.grad()); });
    return out;
}

Tensor contiguous_in(const Tensor& t, OptMemoryFormat format) {
    const MemoryFormat wanted = format.value_or(MemoryFormat::Contiguous);
    if (wanted == MemoryFormat::ChannelsLast) format_strides(t.sizes(), wanted);
    if (is_contiguous_in(t, wanted)) return t;
    WG_CHECK(wanted != MemoryFormat::Preserve,
             "preserve memory format is unsupported by the contiguous operator");
    return clone_in(t, wanted);
}

Tensor to_format(const Tensor& t, DType dtype, MemoryFormat format) {
    Tensor out = empty_strided(t.sizes(), format_strides(t.sizes(), format), dtype);
    if (copied_by_write(out, t)) return out;
    copy_values(out, t);
    if (is_differentiable(dtype))
        record("ToCopyBackward0", out, {t}, {},
               [from = t.dtype()](Backward& d) { d.set(0, conform_dtype(d.grad(), from)); });
    return out;
}

// --- of a size ---

Tensor make_empty(const Dims& size, OptMemoryFormat format, const OptTensor& out,
                  const TensorOptions& o) {
    WG_CHECK(format != MemoryFormat::Preserve, "unsupported memory format Preserve");
    if (out) {
        WG_CHECK(!requires_grad(*out), "cannot resize variables that require grad");
        check_factory_out("empty", *out, o);
        resize_quietly(*out, size);
        out->bump_version();
        return finished(*out, o);
    }
    const DType dtype = o.dtype.value_or(default_dtype());
    if (format != MemoryFormat::ChannelsLast) return finished(empty(size, dtype), o);
    return finished(empty_strided(size, format_strides(size, *format), dtype), o);
}
Tensor make_empty_strided(const Dims& size, const Dims& stride, const TensorOptions& o) {
    WG_CHECK(size.size() == stride.size(), "dimensionality of sizes (", size.size(),
             ") must match dimensionality of strides (", stride.size(), ")");
    return finished(empty_strided(size, stride, o.dtype.value_or(default_dtype())), o);
}
Tensor make_zeros(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    return placed("zeros", out, o, [&](OptDType d) { return zeros(size, d); });
}
Tensor make_ones(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    return placed("ones", out, o, [&](OptDType d) { return ones(size, d); });
}
Tensor make_full(const Dims& size, Scalar value, const OptTensor& out, const TensorOptions& o) {
    return placed("full", out, o, [&](OptDType d) { return full(size, value, d); });
}
Tensor make_scalar_tensor(Scalar value, const TensorOptions& o) {
    return finished(scalar_tensor(value, o.dtype), o);
}

// --- of another tensor's size ---

Tensor make_empty_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    return finished(empty_in(t, format, o), o);
}
Tensor make_zeros_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    return finished(filled(empty_in(t, format, o), 0), o);
}
Tensor make_ones_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    return finished(filled(empty_in(t, format, o), 1), o);
}
Tensor make_full_like(const Tensor& t, Scalar value, OptMemoryFormat format,
                      const TensorOptions& o) {
    return finished(filled(empty_in(t, format, o), value), o);
}

// --- of another tensor's dtype ---

Tensor new_empty(const Tensor& t, const Dims& size, const TensorOptions& o) {
    return finished(empty(size, o.dtype.value_or(t.dtype())), o);
}
Tensor new_empty_strided(const Tensor& t, const Dims& size, const Dims& stride, TensorOptions o) {
    o.dtype = o.dtype.value_or(t.dtype());
    return make_empty_strided(size, stride, o);
}
Tensor new_zeros(const Tensor& t, const Dims& size, const TensorOptions& o) {
    return finished(full(size, 0, o.dtype.value_or(t.dtype())), o);
}
Tensor new_ones(const Tensor& t, const Dims& size, const TensorOptions& o) {
    return finished(full(size, 1, o.dtype.value_or(t.dtype())), o);
}
Tensor new_full(const Tensor& t, const Dims& size, Scalar value, const TensorOptions& o) {
    return finished(full(size, value, o.dtype.value_or(t.dtype())), o);
}

// --- ranges ---

Tensor make_arange(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                   const TensorOptions& o) {
    const auto make = [&](OptDType d) { return arange(start, end, step, d); };
    if (out) {
        const Tensor values = make(out->dtype());
        if (out->numel() != values.numel() && out->numel() > 0)
            warn(
                WarningKind::User,
                str("The number of elements in the out tensor of shape ", to_string(out->sizes()),
                    " is ", out->numel(), " which does not match the computed number of elements ",
                    values.numel(),
                    ". Note that this may occur as a result of rounding error. The out tensor will "
                    "be resized to a tensor of shape (",
                    values.numel(), ",)."));
    }
    return placed("arange", out, o, make);
}
Tensor make_arange_to(Scalar end, const OptTensor& out, const TensorOptions& o) {
    return make_arange(0, end, 1, out, o);
}
Tensor make_arange_between(Scalar start, Scalar end, const TensorOptions& o) {
    return make_arange(start, end, 1, {}, o);
}

Tensor make_range(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                  const TensorOptions& o) {
    warn(
        WarningKind::User,
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values "
        "in [start, end).");
    return placed("range", out, o, [&](OptDType d) { return closed_range(start, end, step, d); });
}

namespace {

Scalar end_point(const char* name, const Tensor& start, const Tensor& end, const Tensor& t) {
    WG_CHECK(start.dim() == 0 && end.dim() == 0, name,
             " only supports 0-dimensional start and end tensors, but got start with ", start.dim(),
             " dimension(s)", end.dim() ? str(" and end with ", end.dim(), " dimension(s).") : ".");
    if (t.dtype() == DType::Bool) return Scalar(t.to_int() != 0);
    if (is_complex(t.dtype())) return Scalar(complex_item(t));
    return is_integral(t.dtype()) ? Scalar(t.to_int()) : Scalar(t.to_double());
}

}  // namespace

Tensor make_linspace(Scalar start, Scalar end, int64_t steps, const OptTensor& out,
                     const TensorOptions& o) {
    return placed("linspace", out, o, [&](OptDType d) { return linspace(start, end, steps, d); });
}
Tensor make_linspace_tt(const Tensor& start, const Tensor& end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o) {
    return make_linspace(end_point("linspace", start, end, start),
                         end_point("linspace", start, end, end), steps, out, o);
}
Tensor make_linspace_nt(Scalar start, const Tensor& end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o) {
    return make_linspace_tt(wrapped_number(start), end, steps, out, o);
}
Tensor make_linspace_tn(const Tensor& start, Scalar end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o) {
    return make_linspace_tt(start, wrapped_number(end), steps, out, o);
}

Tensor make_logspace(Scalar start, Scalar end, int64_t steps, double base, const OptTensor& out,
                     const TensorOptions& o) {
    return placed("logspace", out, o,
                  [&](OptDType d) { return logspace(start, end, steps, base, d); });
}
Tensor make_logspace_tt(const Tensor& start, const Tensor& end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o) {
    return make_logspace(end_point("logspace", start, end, start),
                         end_point("logspace", start, end, end), steps, base, out, o);
}
Tensor make_logspace_nt(Scalar start, const Tensor& end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o) {
    return make_logspace_tt(wrapped_number(start), end, steps, base, out, o);
}
Tensor make_logspace_tn(const Tensor& start, Scalar end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o) {
    return make_logspace_tt(start, wrapped_number(end), steps, base, out, o);
}

Tensor make_eye(int64_t n, int64_t m, const OptTensor& out, const TensorOptions& o) {
    return placed("eye", out, o, [&](OptDType d) { return eye(n, m, d); });
}
Tensor make_eye_square(int64_t n, const OptTensor& out, const TensorOptions& o) {
    return placed("eye", out, o, [&](OptDType d) { return eye(n, {}, d); });
}

}  // namespace wg
