// Complex numbers: views of their parts, conjugates, tensors made of two real ones, and the derivatives of rows that are
// not holomorphic. Everything else about them is in the rows of elementwise.def (whose loops over complex numbers are
// cpu/elementwise_complex.cpp) and in the operations themselves.
//
// A gradient is that of a real loss by the real part plus i times that by the imaginary part: the engine takes the real
// part of one that arrives at a real tensor (conform_dtype).
#include "autograd/record.h"
#include "cpu/reduce.h"
#include "ops/functions.h"
#include "ops/reduce_common.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// t's memory as numbers of another dtype.
Tensor reinterpreted(const Tensor& t, DType dtype, IntSpan sizes, IntSpan strides, int64_t offset) {
    Tensor v = alias(t, sizes, strides, offset);
    v->dtype = dtype;
    v->update_geometry();
    return v;
}

}  // namespace

Complex<double> complex_item(const Tensor& t) {
    return visit_complex(t.dtype(), [&](auto tag) {
        return Complex<double>(*t.data<typename decltype(tag)::type>());
    });
}

Tensor parts_of(const Tensor& t) {
    WG_CHECK(!t->conjugate, "the parts of a conjugate view do not lie in its memory");
    Dims sizes(t.sizes()), strides;
    for (int64_t s : t.strides()) strides.push_back(2 * s);
    sizes.push_back(2);
    strides.push_back(1);
    return reinterpreted(t, to_real(t.dtype()), sizes, strides, 2 * t.offset());
}

Tensor part_of(const Tensor& t, int64_t which) {
    const Tensor parts = parts_of(t);
    const size_t n = size_t(t.dim());
    return alias(parts, parts.sizes().first(n), parts.strides().first(n), parts.offset() + which);
}

Tensor view_as_real(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"view_as_real.default">([&] { return view_as_real(t); }, t);
    WG_CHECK(is_complex(t.dtype()), "view_as_real is only supported for complex tensors");
    WG_CHECK(
        !t->conjugate,
        "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor so you can view "
        "it as real, use self.resolve_conj(); however, be warned that the resulting tensor will NOT alias the "
        "original.");
    Tensor out = parts_of(t);
    make_view(out, t);
    record("ViewAsRealBackward0", out, {t}, {},
           [](Backward& d) { d.set(0, view_as_complex(contiguous(d.grad()))); });
    return out;
}

Tensor view_as_complex(const Tensor& t) {
    if (watched()) [[unlikely]]
        return watch<"view_as_complex.default">([&] { return view_as_complex(t); }, t);
    WG_CHECK(
        is_floating(t.dtype()),
        "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: ",
        info(t.dtype()).scalar_name);
    const size_t n = size_t(t.dim());
    WG_CHECK(n > 0, "Input tensor must have one or more dimensions");
    WG_CHECK(t.sizes()[n - 1] == 2, "Tensor must have a last dimension of size 2");
    WG_CHECK(t.strides()[n - 1] == 1, "Tensor must have a last dimension with stride 1");
    Dims strides;
    for (size_t d = 0; d + 1 < n; ++d) {
        WG_CHECK(t.strides()[d] % 2 == 0,
                 "Tensor must have a stride divisible by 2 for all but last dimension");
        strides.push_back(t.strides()[d] / 2);
    }
    WG_CHECK(t.offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
    Tensor out =
        reinterpreted(t, to_complex(t.dtype()), t.sizes().first(n - 1), strides, t.offset() / 2);
    make_view(out, t);
    record("ViewAsComplexBackward0", out, {t}, {}, [](Backward& d) {
        const Tensor& g = d.grad();
        d.set(0, view_as_real(is_complex(g.dtype()) ? g : to_dtype(g, to_complex(g.dtype()))));
    });
    return out;
}

Tensor real(const Tensor& t) {
    if (!is_complex(t.dtype())) return t;
    return select(view_as_real(t->conjugate ? conj_view(t) : t), t.dim(), 0);
}
Tensor imag(const Tensor& t) {
    WG_CHECK(is_complex(t.dtype()), "imag is not implemented for tensors with non-complex dtypes.");
    const Tensor parts = t->conjugate ? neg_view(view_as_real(conj_view(t))) : view_as_real(t);
    return select(parts, t.dim(), 1);
}

namespace {

Tensor conjugated(const char* node, const Tensor& t) {
    Tensor out = empty_like(t);
    copy_values(out, t);
    if (is_complex(t.dtype())) {
        const Tensor parts = part_of(out, 1);
        const Tensor negated = neg(parts);
        copy_values(parts, negated);
    }
    out->wrapped_number = t->wrapped_number;
    record(
        node, out, {t}, {}, [](Backward& d) { d.set(0, conj(d.grad())); },
        [](const Forward& d) { return conj(d.tangent(0)); });
    return out;
}

}  // namespace

Tensor conj(const Tensor& t) { return is_complex(t.dtype()) ? conjugated("ConjBackward0", t) : t; }
Tensor conj_physical(const Tensor& t) {
    return is_complex(t.dtype()) ? conjugated("ConjPhysicalBackward0", t) : t;
}

Tensor& conj_physical_(Tensor& self) {
    return inplace(self, {},
                   [](const Tensor& old) { return conjugated("ConjPhysicalBackward1", old); });
}

Tensor conform_dtype(const Tensor& g, DType dtype) {
    const Tensor t = is_complex(g.dtype()) && !is_complex(dtype) ? real(g) : g;
    return t.dtype() == dtype ? t : to_dtype(t, dtype);
}

namespace {

// Complex numbers of these parts, which broadcast.
Tensor joined(const Tensor& re, const Tensor& im) {
    Unrecorded off;
    const Tensor zeros = add(re, im);  // for its shape and layout
    Tensor out = empty_like(zeros, to_complex(re.dtype()));
    copy_values(part_of(out, 0), re);
    copy_values(part_of(out, 1), im);
    return out;
}

void check_parts(const Tensor& a, const Tensor& b) {
    WG_CHECK(is_floating(a.dtype()) && is_floating(b.dtype()) && a.dtype() != DType::BFloat16 &&
                 b.dtype() != DType::BFloat16,
             "Expected both inputs to be Half, Float or Double tensors but got ",
             info(a.dtype()).scalar_name, " and ", info(b.dtype()).scalar_name);
    WG_CHECK(a.dtype() == b.dtype(), "Expected object of scalar type ", info(a.dtype()).scalar_name,
             " but got scalar type ", info(b.dtype()).scalar_name, " for second argument");
}

}  // namespace

Tensor make_complex(const Tensor& re, const Tensor& im) {
    if (watched()) [[unlikely]]
        return watch<"complex.default">([&] { return make_complex(re, im); }, re, im);
    check_parts(re, im);
    Tensor out = joined(re, im);
    record("ComplexBackward0", out, {re, im}, {}, [](Backward& d) {
        const Tensor& g = d.grad();
        if (d.needs(0)) d.set(0, real(g));
        if (d.needs(1)) d.set(1, is_complex(g.dtype()) ? imag(g) : zeros_like(g));
    });
    return out;
}

Tensor polar(const Tensor& size, const Tensor& angle) {
    if (watched()) [[unlikely]]
        return watch<"polar.default">([&] { return polar(size, angle); }, size, angle);
    check_parts(size, angle);
    Tensor out;
    {
        Unrecorded off;
        out = joined(mul(size, cos(angle)), mul(size, sin(angle)));
    }
    record("PolarBackward0", out, {size, angle}, {save_output("result", out)}, [](Backward& d) {
        const Tensor z = d.saved(0), g = conj(d.grad());
        if (d.needs(0)) d.set(0, real(g * sgn(z)));
        if (d.needs(1)) d.set(1, real(g * mul(z, Scalar(Complex<double>(0, 1)))));
    });
    return out;
}

// --- derivatives of rows that over complex numbers are not the formula for real ones ---

Tensor acosh_slope(const Tensor& g, const Tensor& x) {
    if (!is_complex(x.dtype())) return g * rsqrt(x * x - 1);
    return g * conj(rsqrt(x + 1) * rsqrt(x - 1));
}

Tensor sgn_slope(const Tensor& g, const Tensor& x, const Tensor& y) {
    if (!is_complex(x.dtype())) return zero(g);
    const Tensor r = abs(x);
    return masked_fill((g - y * real(conj(y) * g)) / r, r == 0, 0.0);
}

Tensor angle_slope(const Tensor& g, const Tensor& x) {
    if (!is_complex(x.dtype())) return zero(g);
    const Tensor along = g * x / pow(abs(x), 2);
    return where(x == 0, 0.0, mul(along, Scalar(Complex<double>(0, 1))));
}

// --- reductions: the parts are reduced by the kernels for real numbers ---

Tensor reduce_complex(Reduction op, const Tensor& t, DimMask mask, bool keepdim, double param,
                      const Tensor* second) {
    const auto shape = [&] { return reduced_shape(t.sizes(), mask, keepdim); };
    // Into `to`, whose last dim is that of the parts.
    const auto reduce_parts = [&](Reduction of, char* to, char* other) {
        const Tensor parts = parts_of(resolved(t));
        reduce(reduction(of, parts.dtype()), parts.dtype(), parts.raw(), parts.sizes(),
               parts.strides(), mask, to, other, param);
    };
    switch (op) {
    case Reduction::Sum:
    case Reduction::Mean: {
        Tensor out = empty(shape(), t.dtype());
        reduce_parts(Reduction::Sum, out.mutable_raw(), nullptr);
        if (op == Reduction::Sum) return out;
        // A quotient of complex numbers, as PyTorch has it: infinities become NaN.
        Unrecorded off;
        return div(out, Scalar(reduced_count(t.sizes(), mask)));
    }
    case Reduction::NonZero:
    case Reduction::Any:
    case Reduction::All:
        return reduce_values(op, cast_values(t, DType::Bool), mask, keepdim, param);
    case Reduction::Variance:
    case Reduction::Deviation: {
        Unrecorded off;
        Dims pairs = shape();
        pairs.push_back(2);
        const Tensor both = empty(pairs, to_real(t.dtype()));
        reduce_parts(Reduction::Variance, both.mutable_raw(),
                     second ? second->mutable_raw() : nullptr);
        const Tensor out = add(select(both, -1, 0), select(both, -1, 1));
        return op == Reduction::Variance ? out : sqrt(out);
    }
    case Reduction::Prod: {
        // The reduced dims last, as one; then one product after the other.
        Dims order, kept;
        for (int64_t d = 0; d < t.dim(); ++d)
            if (!(mask >> d & 1)) order.push_back(d);
        for (int64_t d = 0; d < t.dim(); ++d)
            if (mask >> d & 1) order.push_back(d);
        Unrecorded off;
        const Tensor in = contiguous(permute(detach(t), order));
        Tensor out = empty(shape(), t.dtype());
        const int64_t n = reduced_count(t.sizes(), mask);
        visit_complex(t.dtype(), [&](auto tag) {
            using C = typename decltype(tag)::type;
            const C* from = in.data<C>();
            for (int64_t i = 0; i < out.numel(); ++i) {
                C product(1);
                for (int64_t k = 0; k < n; ++k) product = product * *from++;
                out.mutable_data<C>()[i] = product;
            }
        });
        return out;
    }
    default:
        fail(ErrorKind::NotImplemented,
             str("reduction not implemented for '", info(t.dtype()).scalar_name, "'"));
    }
}

}  // namespace wg
