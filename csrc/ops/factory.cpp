// New tensors as Python asks for them: with dtype, requires_grad, memory_format and out=.
// Start with placed(), which puts values into a new tensor or into `out`.
#include <algorithm>

#include "autograd/record.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

Tensor finished(Tensor t, const TensorOptions& o) {
    WG_CHECK(!o.requires_grad || is_differentiable(t.dtype()),
             "Only Tensors of floating point and complex dtype can require gradients");
    // An out= that is a leaf may have required grad before.
    if (t->requires_grad != o.requires_grad && !t->grad_fn) set_requires_grad(t, o.requires_grad);
    return t;
}

Tensor written(const char* name, const Tensor& out, const TensorOptions& o,
               const std::function<void()>& write) {
    WG_CHECK(!o.dtype || *o.dtype == out.dtype(), "dtype ", info(*o.dtype).scalar_name,
             " does not match dtype of out parameter (", info(out.dtype()).scalar_name, ")");
    const bool recorded = grad_enabled() && requires_grad(out);
    WG_CHECK(
        !recorded || !is_leaf(out), "aten::", name,
        "(): functions with out=... arguments don't support automatic differentiation, but one "
        "of the arguments requires grad.");
    Ref<Node> node;
    if (recorded) {
        const Tensor* inputs[] = {&out};
        node = make_node("torch::autograd::NotImplemented", inputs, [name](Backward&) {
            fail(ErrorKind::Runtime, str("derivative for aten::", name, " is not implemented"));
        });
    }
    {
        Unrecorded off;
        write();
    }
    if (node) {
        --*out->version;  // counted once
        rebase_history(out, std::move(node));
    }
    return finished(out, o);
}

void resize_quietly(const Tensor& out, IntSpan shape) {
    if (!same_shape(out.sizes(), shape)) resize_values(out, shape);
}

namespace {

// make(dtype) gives the values: a new tensor, or what goes into `out` in its dtype; `checked`: not into one that is
// expanded.
template <class Make>
Tensor placed(const char* name, const OptTensor& out, const TensorOptions& o, Make make,
              bool checked = false) {
    if (!out) return finished(make(o.dtype), o);
    return written(name, *out, o, [&] {
        const Tensor values = make(out->dtype());
        if (checked) check_not_expanded(*out);
        resize_quietly(*out, values.sizes());
        copy_values(*out, values);
        out->bump_version();
    });
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
    if (format != MemoryFormat::ChannelsLast) return has_contiguous_layout(t);
    if (t.dim() != 4) return false;
    if (t.numel() == 0) return has_contiguous_layout(t);
    const Dims wanted = format_strides(t.sizes(), format);
    for (size_t d = 0; d < 4; ++d)
        if (t->dims[d] != 1 && t->dims[4 + d] != wanted[d]) return false;
    return true;
}

Tensor clone_in(const Tensor& t, OptMemoryFormat format) {
    if (format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve) return clone(t);
    if (watched()) [[unlikely]]
        return watch<"clone.default">([&] { return clone_in(t, format); }, t);
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
    if (watched()) [[unlikely]]
        return watch<"_to_copy.default">([&] { return to_format(t, dtype, format); }, t,
                                         Argument{dtype, "dtype"});
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
    if (watched() && !out) [[unlikely]]
        return watch<"empty.memory_format">([&] { return make_empty(size, format, out, o); }, size);
    WG_CHECK(format != MemoryFormat::Preserve, "unsupported memory format Preserve");
    if (out) {
        WG_CHECK(!requires_grad(*out), "cannot resize variables that require grad");
        return written("empty", *out, o, [&] {
            if (same_shape(out->sizes(), size)) return;
            resize_quietly(*out, size);
            out->bump_version();
        });
    }
    const DType dtype = o.dtype.value_or(default_dtype());
    if (format != MemoryFormat::ChannelsLast) return finished(empty(size, dtype), o);
    return finished(empty_strided(size, format_strides(size, *format), dtype), o);
}
Tensor make_empty_strided(const Dims& size, const Dims& stride, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"empty_strided.default">([&] { return make_empty_strided(size, stride, o); },
                                              size, stride);
    WG_CHECK(size.size() == stride.size(), "dimensionality of sizes (", size.size(),
             ") must match dimensionality of strides (", stride.size(), ")");
    return finished(empty_strided(size, stride, o.dtype.value_or(default_dtype())), o);
}
Tensor make_zeros(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"zeros.default">([&] { return make_zeros(size, out, o); }, size);
    return placed("zeros", out, o, [&](OptDType d) { return zeros(size, d); });
}
Tensor make_ones(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"ones.default">([&] { return make_ones(size, out, o); }, size);
    return placed("ones", out, o, [&](OptDType d) { return ones(size, d); });
}
Tensor make_full(const Dims& size, Scalar value, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"full.default">([&] { return make_full(size, value, out, o); }, size, value);
    return placed("full", out, o, [&](OptDType d) { return full(size, value, d); });
}
Tensor make_scalar_tensor(Scalar value, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"scalar_tensor.default">([&] { return make_scalar_tensor(value, o); }, value);
    return finished(scalar_tensor(value, o.dtype), o);
}

// --- of another tensor's size ---

Tensor make_empty_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"empty_like.default">([&] { return make_empty_like(t, format, o); }, t);
    return finished(empty_in(t, format, o), o);
}
Tensor make_zeros_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"zeros_like.default">([&] { return make_zeros_like(t, format, o); }, t);
    return finished(filled(empty_in(t, format, o), 0), o);
}
Tensor make_ones_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"ones_like.default">([&] { return make_ones_like(t, format, o); }, t);
    return finished(filled(empty_in(t, format, o), 1), o);
}
Tensor make_full_like(const Tensor& t, Scalar value, OptMemoryFormat format,
                      const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"full_like.default">([&] { return make_full_like(t, value, format, o); }, t,
                                          value);
    return finished(filled(empty_in(t, format, o), value), o);
}

// --- of another tensor's dtype ---

Tensor new_empty(const Tensor& t, const Dims& size, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"new_empty.default">([&] { return new_empty(t, size, o); }, t, size);
    return finished(empty(size, o.dtype.value_or(t.dtype())), o);
}
Tensor new_empty_strided(const Tensor& t, const Dims& size, const Dims& stride, TensorOptions o) {
    o.dtype = o.dtype.value_or(t.dtype());
    return make_empty_strided(size, stride, o);
}
Tensor new_zeros(const Tensor& t, const Dims& size, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"new_zeros.default">([&] { return new_zeros(t, size, o); }, t, size);
    return finished(full(size, 0, o.dtype.value_or(t.dtype())), o);
}
Tensor new_ones(const Tensor& t, const Dims& size, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"new_ones.default">([&] { return new_ones(t, size, o); }, t, size);
    return finished(full(size, 1, o.dtype.value_or(t.dtype())), o);
}
Tensor new_full(const Tensor& t, const Dims& size, Scalar value, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"new_full.default">([&] { return new_full(t, size, value, o); }, t, size,
                                         value);
    return finished(full(size, value, o.dtype.value_or(t.dtype())), o);
}

// --- ranges ---

Tensor make_arange(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                   const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"arange.start_step">([&] { return make_arange(start, end, step, out, o); },
                                          start, end, step);
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
    return placed("arange", out, o, make, true);
}
Tensor make_arange_to(Scalar end, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"arange.default">([&] { return make_arange_to(end, out, o); }, end);
    return make_arange(0, end, 1, out, o);
}
Tensor make_arange_between(Scalar start, Scalar end, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"arange.start">([&] { return make_arange_between(start, end, o); }, start,
                                     end);
    return make_arange(start, end, 1, {}, o);
}

Tensor make_range(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                  const TensorOptions& o) {
    warn(
        WarningKind::User,
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values "
        "in [start, end).");
    return placed(
        "range", out, o, [&](OptDType d) { return closed_range(start, end, step, d); }, true);
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

// The dtype of numbers between these ends, if `wanted`, the caller's or that of out=, leaves it open.
OptDType spaced_dtype(const char* name, const Scalar& start, const Scalar& end, int64_t steps,
                      OptDType wanted, bool into_out) {
    WG_CHECK(steps >= 0, "number of steps must be non-negative");
    if (into_out || (!start.is_complex() && !end.is_complex())) return wanted;
    const DType inferred = to_complex(default_dtype());
    WG_CHECK(!wanted || is_complex(*wanted), "torch.", name, "(): inferred dtype ",
             info(inferred).c_name, " can't be safely cast to passed dtype ",
             wanted ? info(*wanted).scalar_name : "");
    return wanted ? wanted : inferred;
}

}  // namespace

Tensor make_linspace(Scalar start, Scalar end, int64_t steps, const OptTensor& out,
                     const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"linspace.default">([&] { return make_linspace(start, end, steps, out, o); },
                                         start, end, steps);
    return placed(
        "linspace", out, o,
        [&](OptDType d) {
            return linspace(start, end, steps,
                            spaced_dtype("linspace", start, end, steps, d, out.has_value()));
        },
        true);
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
    if (watched() && !out) [[unlikely]]
        return watch<"logspace.default">(
            [&] { return make_logspace(start, end, steps, base, out, o); }, start, end, steps,
            base);
    return placed(
        "logspace", out, o,
        [&](OptDType d) {
            return logspace(start, end, steps, base,
                            spaced_dtype("logspace", start, end, steps, d, out.has_value()));
        },
        true);
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
    if (watched() && !out) [[unlikely]]
        return watch<"eye.m">([&] { return make_eye(n, m, out, o); }, n, m);
    return placed("eye", out, o, [&](OptDType d) { return eye(n, m, d); });
}
Tensor make_eye_square(int64_t n, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"eye.default">([&] { return make_eye_square(n, out, o); }, n);
    return placed("eye", out, o, [&](OptDType d) { return eye(n, {}, d); });
}

}  // namespace wg
