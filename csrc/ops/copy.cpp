// Tensors filled with a value, copies, casts and the in-place writes copy_, fill_ and zero_.
// copy_values and fill_values move the data; everything else is rules and history around them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/record.h"
#include "autograd/transform.h"
#include "cpu/cast.h"
#include "cpu/copy.h"
#include "ops/checked_scalar.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

void copy_values(const Tensor& to, const Tensor& from) {
    if (to.numel() == 0) return;
    if (to.dtype() == from.dtype() && to.is_contiguous() && from.is_contiguous() &&
        to.numel() == from.numel() && to.nbytes() <= 4096) {
        std::memmove(to.address(), from.address(), to.nbytes());
        return;
    }
    if (to.is_lazy() || from.is_lazy()) [[unlikely]]
        return copy_lazy_values(to, from);
    if (same_shape(to.sizes(), from.sizes()))
        return copy_strided(to.address(), to.dtype(), to.strides(), from.address(), from.dtype(),
                            from.strides(), to.sizes());
    copy_strided(to.address(), to.dtype(), to.strides(), from.address(), from.dtype(),
                 broadcast_strides(from.sizes(), from.strides(), to.sizes()), to.sizes());
}

void warn_if_discards(DType from, DType to) {
    if (is_complex(from) && !is_complex(to) && to != DType::Bool) [[unlikely]]
        warn_once(
            WarningKind::User,
            "Casting complex values to real discards the imaginary part (Triggered internally at "
            "/__w/pytorch/pytorch/aten/src/ATen/native/Copy.cpp:310.)");
}

void fill_values(const Tensor& to, Scalar value) {
    alignas(16) char element[kMaxItemSize] = {};
    // What overflows a half type is an error, but becomes infinite where it fills one element, as in PyTorch.
    const bool is_half = to.dtype() == DType::Float16 || to.dtype() == DType::BFloat16;
    if (is_half && to.numel() == 1) value.store(element, to.dtype());
    else store_checked(value, element, to.dtype());
    if (to.numel() == 0) return;
    if (to.is_lazy()) [[unlikely]] {
        const Tensor single = empty({}, to.dtype());
        std::memcpy(single.address(), element, to.itemsize());
        return copy_lazy_values(to, single);
    }
    if (to.numel() == 1) return void(std::memcpy(to.address(), element, to.itemsize()));
    if (to.is_contiguous() && to.nbytes() <= 4096) {
        const int64_t item = int64_t(to.itemsize());
        cast_fn(to.dtype(), to.dtype())(to.address(), item, element, 0, to.numel());
        return;
    }
    copy_strided(to.address(), to.dtype(), to.strides(), element, to.dtype(), Dims(to.dim(), 0),
                 to.sizes());
}

Tensor full(const Dims& sizes, Scalar value, OptDType dtype) {
    Tensor out = empty(sizes, dtype.value_or(value.natural_dtype()));
    fill_values(out, value);
    return out;
}

Tensor zeros(const Dims& sizes, OptDType dtype) {
    for (int64_t s : sizes) WG_CHECK(s >= 0, "zeros: Dimension size must be non-negative.");
    return full(sizes, 0, dtype.value_or(default_dtype()));
}

Tensor ones(const Dims& sizes, OptDType dtype) {
    return full(sizes, 1, dtype.value_or(default_dtype()));
}

Tensor full_like(const Tensor& t, Scalar value, OptDType dtype) {
    Tensor out = empty_like(t, dtype.value_or(t.dtype()));
    fill_values(out, value);
    return out;
}

Tensor zeros_like(const Tensor& t, OptDType dtype) { return full_like(t, 0, dtype); }
Tensor ones_like(const Tensor& t, OptDType dtype) { return full_like(t, 1, dtype); }

Tensor scalar_tensor(Scalar value, OptDType dtype) {
    return full({}, value, dtype.value_or(default_dtype()));
}

Tensor wrapped_number(Scalar value) {
    // Not natural_dtype(): a Python float keeps its precision until it meets a tensor.
    Tensor out = empty({}, value.is_floating()  ? DType::Float64
                           : value.is_complex() ? DType::Complex128
                                                : value.natural_dtype());
    value.store(out.mutable_raw(), out.dtype());
    out->wrapped_number = true;
    return out;
}

namespace {

bool records(const Tensor& self, Inputs inputs) {
    return is_differentiable(self.dtype()) && any_requires_grad(inputs);
}

}  // namespace

Tensor& copy_(Tensor& self, const Tensor& src, bool) {
    if (watched()) [[unlikely]]
        return watch_write<"copy_.default">([&]() -> Tensor& { return copy_(self, src); }, self,
                                            src);
    const bool recorded = records(self, {self, src});
    check_history(self, recorded, has_history_outside(src));
    // A tensor over the same elements may be copied, whatever overlaps in it.
    const bool same = self.address() == src.address() && self.dtype() == src.dtype() &&
                      self->conjugate == src->conjugate && self->negative == src->negative &&
                      std::ranges::equal(self.sizes(), src.sizes()) &&
                      std::ranges::equal(self.strides(), src.strides());
    if (!same) {
        check_not_expanded(self);
        check_no_partial_overlap(self, src, true);
    }
    if (!same_shape(self.sizes(), src.sizes())) {
        const Dims shape = broadcast_shapes(self.sizes(), src.sizes());
        WG_CHECK(same_shape(shape, self.sizes()), "output with shape ", to_string(self.sizes()),
                 " doesn't match the broadcast shape ", to_string(shape));
    }
    Ref<Node> node;
    if (recorded) {
        const Tensor* inputs[] = {&self, &src};
        node = make_node(
            "torch::autograd::CopyBackwards", inputs, on_rows([from = src.dtype()](Backward& d) {
                if (d.needs(0)) d.set(0, zeros_like(d.grad()));
                if (d.needs(1))
                    d.set(1, is_complex(from) ? d.grad() : conform_dtype(d.grad(), from));
            }));
    }
    warn_if_discards(src.dtype(), self.dtype());
    TangentUpdate tangents;
    if (forward_mode()) [[unlikely]]
        tangents.collect(src);
    if (!same) copy_values(self, src);
    rebase_history(self, std::move(node));
    if (forward_mode()) [[unlikely]]
        tangents.apply(self);
    return self;
}

Tensor& copy_arg_(Tensor& self, const Arg& src, bool non_blocking) {
    return copy_(self, src.is_tensor() ? src.tensor() : wrapped_number(src.scalar()), non_blocking);
}

namespace {

Tensor& fill_with(Tensor& self, Scalar value, const char* node_name) {
    const bool recorded = records(self, {self});
    check_inplace(self, recorded, "");
    Ref<Node> node;
    if (recorded) {
        const Tensor* inputs[] = {&self};
        node = make_node(node_name, inputs, [](Backward& d) { d.set(0, zeros_like(d.grad())); });
    }
    fill_values(self, value);
    rebase_history(self, std::move(node));
    clear_tangents(self);
    return self;
}

}  // namespace

Tensor& fill_(Tensor& self, Scalar value) {
    if (watched()) [[unlikely]]
        return watch_write<"fill_.Scalar">([&]() -> Tensor& { return fill_(self, value); }, self,
                                           value);
    return fill_with(self, value, "FillBackward2");
}
Tensor& zero_(Tensor& self) {
    if (watched()) [[unlikely]]
        return watch_write<"zero_.default">([&]() -> Tensor& { return zero_(self); }, self);
    return fill_with(self, 0, "ZeroBackward0");
}

// Recorded for integers as well, as PyTorch does.
Tensor& fill_tensor_(Tensor& self, const Tensor& value) {
    if (watched()) [[unlikely]]
        return watch_write<"fill_.Tensor">([&]() -> Tensor& { return fill_tensor_(self, value); },
                                           self, value);
    const bool recorded = any_requires_grad({self, value});
    check_history(self, recorded, has_history_outside(value));
    WG_CHECK(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
             value.dim(), " dimensions.");
    check_not_expanded(self);
    Ref<Node> node;
    if (recorded) {
        const Tensor* inputs[] = {&self, &value};
        node = make_node("FillBackward3", inputs, [](Backward& d) {
            if (d.needs(0)) d.set(0, zeros_like(d.grad()));
            if (d.needs(1)) d.set(1, sum(d.grad()));
        });
    }
    TangentUpdate tangents;
    if (forward_mode()) [[unlikely]]
        tangents.collect(value);
    copy_values(self, value);
    rebase_history(self, std::move(node));
    if (forward_mode()) [[unlikely]]
        tangents.apply(self);
    return self;
}

bool copied_by_write(Tensor& out, const Tensor& t) {
    if (!t->inference || inference_mode()) [[likely]]
        return false;
    copy_(out, t);
    return true;
}

Tensor clone(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"clone.default">([&] { return clone(t); }, t);
    Tensor out = empty_like(t);
    if (copied_by_write(out, t)) return out;
    copy_values(out, t);
    record("CloneBackward0", out, {t}, {}, on_rows([](Backward& d) { d.set(0, d.grad()); }),
           [](const Forward& d) { return clone(d.tangent(0)); });
    return out;
}

Tensor contiguous(const Tensor& t) {
    if (t.is_contiguous()) return t;
    if (watched()) [[unlikely]]
        return watch<"clone.default">([&] { return contiguous(t); }, t);
    Tensor out = empty(t.sizes(), t.dtype());
    if (copied_by_write(out, t)) return out;
    copy_values(out, t);
    record("CloneBackward0", out, {t}, {}, on_rows([](Backward& d) { d.set(0, d.grad()); }));
    return out;
}

Tensor to_dtype(const Tensor& t, DType dtype, bool copy) {
    if (t.dtype() == dtype && !copy) return t;
    if (watched()) [[unlikely]]
        return watch<"_to_copy.default">([&] { return to_dtype(t, dtype, copy); }, t,
                                         Argument{dtype, "dtype"});
    Tensor out = empty_like(t, dtype);
    if (copied_by_write(out, t)) return out;
    copy_values(out, t);
    warn_if_discards(t.dtype(), dtype);
    if (is_differentiable(dtype))
        record("ToCopyBackward0", out, {t}, {}, on_rows([from = t.dtype()](Backward& d) {
                   d.set(0, conform_dtype(d.grad(), from));
               }),
               [dtype](const Forward& d) { return to_dtype(d.tangent(0), dtype, true); });
    return out;
}

Tensor type_as(const Tensor& t, const Tensor& other) { return to_dtype(t, other.dtype()); }

}  // namespace wg
