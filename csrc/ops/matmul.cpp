// Products of matrices and vectors on cpu/gemm.h. Start with Matrix, which says how an operand lies in
// memory without copying it where gemm can read it, and product(), which multiplies two of them.
#include <algorithm>

#include "autograd/record.h"
#include "cpu/gemm.h"
#include "ops/checked_scalar.h"
#include "ops/functions.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

namespace {

const char* scalar_name(const Tensor& t) { return info(t.dtype()).scalar_name; }

// C++ names of element types, as PyTorch's messages about mm print them.
const char* cpp_type_name(DType d) {
    switch (d) {
    case DType::UInt8: return "unsigned char";
    case DType::Int8: return "signed char";
    case DType::Int16: return "short";
    case DType::Int32: return "int";
    case DType::Int64: return "long int";
    case DType::Float16: return "c10::Half";
    case DType::BFloat16: return "c10::BFloat16";
    case DType::Float32: return "float";
    case DType::Float64: return "double";
    case DType::Complex64: return "c10::complex<float>";
    case DType::Complex128: return "c10::complex<double>";
    case DType::Bool: return "bool";
    }
    return "?";
}

// Calls f with the element type of a product; bool has none.
template <class F>
void visit_product_dtype(DType dtype, const char* kernel, F&& f) {
    visit_dtype(dtype, [&](auto tag) {
        if constexpr (std::is_same_v<typename decltype(tag)::type, bool>)
            fail(ErrorKind::NotImplemented, str("\"", kernel, "\" not implemented for 'Bool'"));
        else f(tag);
    });
}

bool is_one(const Scalar& s) { return s.is_complex() ? s.to_complex() == 1 : s.to_double() == 1; }
Scalar conj(const Scalar& s) { return s.is_complex() ? Scalar(wg::conj(s.to_complex())) : s; }

// A contiguous copy without history.
Tensor compact(const Tensor& t) {
    Tensor copy = empty(t.sizes(), t.dtype());
    copy_values(copy, t);
    return copy;
}

// A matrix, or a batch of them, as gemm reads it: element (i, j) of item b is at b * step + i * ld + j,
// or with i and j exchanged when transposed.
struct Matrix {
    Tensor t;  // keeps a copy alive where one was needed
    bool transposed = false;
    int64_t ld = 1, step = 0;

    // `flip`: the transpose of t is meant.
    explicit Matrix(const Tensor& source, bool flip = false) : t(source) {
        if (!fits()) {
            t = compact(source);
            fits();
        }
        transposed ^= flip;
    }
    int64_t rows() const { return t.sizes()[size_t(t.dim() - 2)]; }
    int64_t columns() const { return t.sizes()[size_t(t.dim() - 1)]; }

private:
    bool fits() {
        const int64_t n = t.dim();
        const int64_t r = rows(), c = columns(), sr = t->dims[2 * n - 2], sc = t->dims[2 * n - 1];
        step = n == 3 ? t->dims[n] : 0;
        transposed = false;
        if ((sc == 1 || c <= 1) && (sr >= c || r <= 1)) {
            ld = r <= 1 ? std::max<int64_t>(c, 1) : sr;
            return true;
        }
        if ((sr == 1 || r <= 1) && (sc >= r || c <= 1)) {
            ld = c <= 1 ? std::max<int64_t>(r, 1) : sc;
            transposed = true;
            return true;
        }
        return false;
    }
};

bool is_column_major(const Tensor& t) {
    const int64_t n = t.dim();
    const int64_t sr = t->dims[2 * n - 2], sc = t->dims[2 * n - 1];
    return sr == 1 && sc == t->dims[n - 2] && sc > 1;
}

template <class T>
gemm_scalar_t<T> factor(const Scalar& s) {
    if constexpr (std::is_integral_v<T>) return gemm_scalar_t<T>(s.to_int());
    else return gemm_scalar_t<T>(s.to_double());
}

void product_into(const Tensor& out, const Tensor& a, bool flip_a, const Tensor& b, bool flip_b,
                  Scalar beta, Scalar alpha, const char* kernel);

// The same of complex matrices, as four products of real ones.
void complex_product_into(const Tensor& out, const Tensor& a, bool flip_a, const Tensor& b,
                          bool flip_b, const Scalar& beta, const Scalar& alpha,
                          const char* kernel) {
    Unrecorded off;
    const Tensor x = resolved(a), y = resolved(b);
    const Tensor a_re = compact(part_of(x, 0)), a_im = compact(part_of(x, 1));
    const Tensor b_re = compact(part_of(y, 0)), b_im = compact(part_of(y, 1));
    const DType part = to_real(out.dtype());
    const Tensor re = empty(out.sizes(), part), im = empty(out.sizes(), part);
    product_into(re, a_im, flip_a, b_im, flip_b, 0, -1, kernel);
    product_into(re, a_re, flip_a, b_re, flip_b, 1, 1, kernel);
    product_into(im, a_re, flip_a, b_im, flip_b, 0, 1, kernel);
    product_into(im, a_im, flip_a, b_re, flip_b, 1, 1, kernel);
    Tensor product = empty(out.sizes(), out.dtype());
    copy_values(part_of(product, 0), re);
    copy_values(part_of(product, 1), im);
    if (!is_one(alpha)) product = mul(product, Arg(alpha));
    if (beta.to_bool()) product = add(mul(out, Arg(beta)), product);
    copy_values(out, product);
}

// out = alpha * op(a) op(b) + beta * out for contiguous out of shape (m, n) or (batch, m, n).
void product_into(const Tensor& out, const Tensor& a, bool flip_a, const Tensor& b, bool flip_b,
                  Scalar beta, Scalar alpha, const char* kernel) {
    if (is_complex(out.dtype())) [[unlikely]]
        return complex_product_into(out, a, flip_a, b, flip_b, beta, alpha, kernel);
    const Matrix x(a, flip_a), y(b, flip_b);
    const int64_t k = flip_a ? x.rows() : x.columns();
    const int64_t n = out.dim(), rows = out->dims[n - 2], columns = out->dims[n - 1];
    visit_product_dtype(out.dtype(), kernel, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if (n == 2)
            gemm<T>(x.transposed, y.transposed, rows, columns, k, factor<T>(alpha),
                    x.t.template data<T>(), x.ld, y.t.template data<T>(), y.ld, factor<T>(beta),
                    out.mutable_data<T>(), columns ? columns : 1);
        else
            gemm_batched<T>(out->dims[0], x.transposed, y.transposed, rows, columns, k,
                            factor<T>(alpha), x.t.template data<T>(), x.ld, x.step,
                            y.t.template data<T>(), y.ld, y.step, factor<T>(beta),
                            out.mutable_data<T>(), columns ? columns : 1, rows * columns);
    });
}

// op(a) op(b) for 2-d or 3-d a and b, without history.
Tensor product(const Tensor& a, bool flip_a, const Tensor& b, bool flip_b, const char* kernel) {
    const int64_t n = a.dim();
    const int64_t rows = a->dims[flip_a ? n - 1 : n - 2], columns = b->dims[flip_b ? n - 2 : n - 1];
    const int64_t shape[] = {n == 3 ? a->dims[0] : rows, n == 3 ? rows : columns, columns};
    Tensor out = empty({shape, size_t(n)}, a.dtype());
    product_into(out, a, flip_a, b, flip_b, 0, 1, kernel);
    return out;
}

Tensor transposed(const Tensor& x) { return x.dim() == 2 ? t(x) : transpose(x, 1, 2); }
Tensor multiply(const Tensor& a, const Tensor& b) { return a.dim() == 2 ? mm(a, b) : bmm(a, b); }

// Keeps a factor for the gradient of the other one.
Save save_for(const Tensor& other, const char* name, const Tensor& factor) {
    return save_if(is_differentiated(other), name, factor);
}

Tensor scaled(const Tensor& t, const Scalar& s) { return is_one(s) ? t : mul(t, Arg(s)); }

Tensor scaled_if(const Tensor& t, const Scalar& s) { return t.defined() ? scaled(t, s) : t; }

// The tangent of multiply(a, b), the inputs i and i + 1; undefined if neither has one.
Tensor product_tangent(const Forward& d, size_t i, Tensor (*multiply)(const Tensor&, const Tensor&),
                       const Tensor& a, const Tensor& b) {
    Tensor left, right;
    if (d.has(i)) left = multiply(d.tangent(i), b);
    if (d.has(i + 1)) right = multiply(a, d.tangent(i + 1));
    return Forward::sum(left, right);
}

// The gradients of a product with respect to its factors: g b^T and a^T g. A matrix stored by columns
// gets a gradient stored the same way (but not one of a batch), so that the transposed view it came from sees a dense one. Each needs the
// other factor, which is saved for it alone.
Tensor grad_of_left(const Tensor& g, const Tensor& b, bool by_columns) {
    const char* kernel = "addmm_impl_cpu_";
    if (!recording() && !watched())
        return by_columns ? transposed(product(conj(b), false, g, true, kernel))
                          : product(g, false, conj(b), true, kernel);
    return by_columns ? transposed(multiply(conj(b), transposed(g)))
                      : multiply(g, conj(transposed(b)));
}
Tensor grad_of_right(const Tensor& g, const Tensor& a, bool by_columns) {
    const char* kernel = "addmm_impl_cpu_";
    if (!recording() && !watched())
        return by_columns ? transposed(product(g, true, conj(a), false, kernel))
                          : product(conj(a), true, g, false, kernel);
    return by_columns ? transposed(multiply(transposed(g), conj(a)))
                      : multiply(conj(transposed(a)), g);
}

// The same from a gradient of matrices, or batches of them, with rows: one product for all rows. They become rows of
// the left factor, or columns of the right one.
Tensor grad_of_left(const Backward& d, const Tensor& b, bool by_columns) {
    const Tensor& g = d.grad();
    if (!d.front()) return grad_of_left(g, b, by_columns);
    const int64_t n = g.size(0), m = g.size(-2), p = g.size(-1), k = b.size(-2);
    if (g.dim() == 3) return reshape(grad_of_left(reshape(g, {n * m, p}), b, false), {n, m, k});
    const int64_t batch = g.size(1);
    const Tensor whole = reshape(movedim_one(g, 0, 1), {batch, n * m, p});
    return movedim_one(reshape(grad_of_left(whole, b, false), {batch, n, m, k}), 1, 0);
}
Tensor grad_of_right(const Backward& d, const Tensor& a, bool by_columns) {
    const Tensor& g = d.grad();
    if (!d.front()) return grad_of_right(g, a, by_columns);
    const int64_t n = g.size(0), m = g.size(-2), p = g.size(-1), k = a.size(-1);
    if (g.dim() == 3) {
        const Tensor whole = reshape(movedim_one(g, 0, 1), {m, n * p});
        return movedim_one(reshape(grad_of_right(whole, a, false), {k, n, p}), 1, 0);
    }
    const int64_t batch = g.size(1);
    const Tensor whole = reshape(permute(g, {1, 2, 0, 3}), {batch, m, n * p});
    return permute(reshape(grad_of_right(whole, a, false), {batch, k, n, p}), {2, 0, 1, 3});
}

void check_shapes(const Tensor& a, const Tensor& b) {
    WG_CHECK(a->dims[1] == b->dims[0], "mat1 and mat2 shapes cannot be multiplied (", a->dims[0],
             "x", a->dims[1], " and ", b->dims[0], "x", b->dims[1], ")");
}

}  // namespace

// --- two matrices ---

namespace {

// As PyTorch keeps them: for the layout of a gradient that is wanted.
PairOfInts matrix_strides(const Tensor& t) {
    if (!requires_grad(t)) return {-1, -1};
    return {t->dims[2], t->dims[3]};
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
    if (watched()) [[unlikely]]
        return watch<"mm.default">([&] { return mm(a, b); }, a, b);
    WG_CHECK(a.dim() == 2, "self must be a matrix");
    WG_CHECK(b.dim() == 2, "mat2 must be a matrix");
    check_shapes(a, b);
    WG_CHECK(a.dtype() == b.dtype(),
             "expected m1 and m2 to have the same dtype, but got: ", cpp_type_name(a.dtype()),
             " != ", cpp_type_name(b.dtype()));
    Tensor out = product(a, false, b, false, "addmm_impl_cpu_");
    if (any_recorded({a, b}))
        record("MmBackward0", out, {a, b}, {save_for(b, "self", a), save_for(a, "mat2", b)},
               with<"self_sym_sizes", "self_sym_strides", "mat2_sym_sizes", "mat2_sym_strides">(
                   SizesOf<0, 0>{}, matrix_strides(a), SizesOf<1, 1>{}, matrix_strides(b))(
                   on_rows([left = is_column_major(a), right = is_column_major(b)](Backward& d) {
                       if (d.needs(0)) d.set(0, grad_of_left(d, d.saved(1), left));
                       if (d.needs(1)) d.set(1, grad_of_right(d, d.saved(0), right));
                   })),
               [&](const Forward& d) { return product_tangent(d, 0, mm, a, b); });
    return out;
}

namespace {

void check_batches(const Tensor& a, const Tensor& b) {
    WG_CHECK(a.dim() == 3, "batch1 must be a 3D tensor");
    WG_CHECK(b.dim() == 3, "batch2 must be a 3D tensor");
    WG_CHECK(b->dims[0] == a->dims[0] && b->dims[1] == a->dims[2],
             "Expected size for first two dimensions of batch2 tensor to be: [", a->dims[0], ", ",
             a->dims[2], "] but got: [", b->dims[0], ", ", b->dims[1], "].");
}

}  // namespace

Tensor bmm(const Tensor& a, const Tensor& b) {
    if (watched()) [[unlikely]]
        return watch<"bmm.default">([&] { return bmm(a, b); }, a, b);
    check_batches(a, b);
    WG_CHECK(a.dtype() == b.dtype(), "expected scalar type ", scalar_name(a), " but found ",
             scalar_name(b));
    Tensor out = product(a, false, b, false, "baddbmm");
    if (any_recorded({a, b}))
        record("BmmBackward0", out, {a, b}, {save_for(b, "self", a), save_for(a, "mat2", b)},
               on_rows([](Backward& d) {
                   if (d.needs(0)) d.set(0, grad_of_left(d, d.saved(1), false));
                   if (d.needs(1)) d.set(1, grad_of_right(d, d.saved(0), false));
               }),
               [&](const Forward& d) { return product_tangent(d, 0, bmm, a, b); });
    return out;
}

// --- a matrix or vector with a vector ---

namespace {

// The value of beta * out + alpha * a v; out is contiguous.
void vector_product_into(const Tensor& out, const Tensor& a, const Tensor& v, Scalar beta,
                         Scalar alpha) {
    if (is_complex(out.dtype()))
        return product_into(alias(out, Dims{out.numel(), 1}, Dims{1, 1}, out.offset()), a, false,
                            alias(v, Dims{v.numel(), 1}, Dims{v.strides()[0], 1}, v.offset()),
                            false, beta, alpha, "addmv_impl_cpu");
    const Matrix x(a);
    const Tensor y = v.strides()[0] > 0 ? v : compact(v);
    visit_product_dtype(out.dtype(), "addmv_impl_cpu", [&](auto tag) {
        using T = typename decltype(tag)::type;
        gemm<T>(x.transposed, false, out.numel(), 1, y.numel(), factor<T>(alpha),
                x.t.template data<T>(), x.ld, y.template data<T>(), y.strides()[0], factor<T>(beta),
                out.mutable_data<T>(), 1);
    });
}

void check_vector_product(const Tensor& a, const Tensor& v, int64_t self_dim, int64_t self_size,
                          const Tensor& self) {
    WG_CHECK(a.dim() == 2 && v.dim() == 1 && self_dim <= 1,
             "vector + matrix @ vector expected, got ", self_dim, ", ", a.dim(), ", ", v.dim());
    WG_CHECK(a->dims[1] == v->dims[0] && (self_size == a->dims[0] || self_size == 1),
             "size mismatch, got input (", self_size, "), mat (", a->dims[0], "x", a->dims[1],
             "), vec (", v->dims[0], ")");
    WG_CHECK(a.dtype() == v.dtype() && self.dtype() == a.dtype(),
             "addmv input tensors must have the same dtype, but got ", scalar_name(self), ", ",
             scalar_name(a), ", and ", scalar_name(v));
}

}  // namespace

namespace {

// Of the gradient of a product a v: those of a and of v.
Tensor outer_rows(const Backward& d, const Tensor& v) {
    return d.front() ? mul(unsqueeze(d.grad(), -1), v) : outer(d.grad(), v);
}
Tensor times_adjoint(const Backward& d, const Tensor& a) {
    return d.front() ? mm(d.grad(), conj(a)) : mv(conj(t(a)), d.grad());
}

}  // namespace

Tensor mv(const Tensor& a, const Tensor& v) {
    if (watched()) [[unlikely]]
        return watch<"mv.default">([&] { return mv(a, v); }, a, v);
    WG_CHECK_INDEX(a.dim() > 0, "Dimension specified as 0 but tensor has no dimensions");
    check_vector_product(a, v, 1, a.dim() > 0 ? a->dims[0] : 1, v);
    Tensor out = empty(a.sizes().first(1), a.dtype());
    vector_product_into(out, a, v, 0, 1);
    if (any_recorded({a, v}))
        record("MvBackward0", out, {a, v}, {save_for(v, "self", a), save_for(a, "vec", v)},
               on_rows([](Backward& d) {
                   if (d.needs(0)) d.set(0, outer_rows(d, conj(d.saved(1))));
                   if (d.needs(1)) d.set(1, times_adjoint(d, d.saved(0)));
               }),
               [&](const Forward& d) { return product_tangent(d, 0, mv, a, v); });
    return out;
}

namespace {

Tensor dot_as(const char* node, const char* name, const Tensor& a, const Tensor& b) {
    WG_CHECK(a.dim() == 1 && b.dim() == 1, "1D tensors expected, but got ", a.dim(), "D and ",
             b.dim(), "D tensors");
    WG_CHECK(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ",
             scalar_name(a), " and ", scalar_name(b));
    WG_CHECK(a.numel() == b.numel(), "inconsistent tensor size, expected tensor [", a.numel(),
             "] and src [", b.numel(), "] to have the same number of elements, but got ", a.numel(),
             " and ", b.numel(), " elements respectively");
    Tensor out = empty({}, a.dtype());
    // vdot takes the conjugate of its first factor.
    const bool conjugates = std::string_view(name) == "vdot";
    if (is_complex(a.dtype())) {
        Unrecorded off;
        const Tensor x = conjugates ? conj(a) : a;
        product_into(alias(out, Dims{1, 1}, Dims{1, 1}, 0),
                     alias(x, Dims{1, x.numel()}, Dims{1, x.strides()[0]}, x.offset()), false,
                     alias(b, Dims{b.numel(), 1}, Dims{b.strides()[0], 1}, b.offset()), false, 0, 1,
                     name);
        // PyTorch multiplies what lies in memory: of two conjugates it shows the conjugate of that.
        if (b->conjugate && a->conjugate != conjugates) {
            const Tensor values = out;
            out = empty({}, a.dtype());
            out->set_lazy(true, false);
            copy_values(out, values);
        }
    } else
        visit_product_dtype(a.dtype(), name, [&](auto tag) {
            using T = typename decltype(tag)::type;
            *out.mutable_data<T>() =
                T(dot<T>(a.numel(), a.data<T>(), a.strides()[0], b.data<T>(), b.strides()[0]));
        });
    if (any_recorded({a, b}))
        record(node, out, {a, b},
               {save_for(b, "self", a),
                save_for(a, std::string_view(name) == "vdot" ? "other" : "tensor", b)},
               on_rows([conjugates](Backward& d) {
                   const Tensor g = aligned(d, d.grad(), 1);
                   if (d.needs(0))
                       d.set(0, conjugates ? conj(g) * d.saved(1) : g * conj(d.saved(1)));
                   if (d.needs(1)) d.set(1, g * (conjugates ? d.saved(0) : conj(d.saved(0))));
               }),
               [&](const Forward& d) {
                   return conjugates ? product_tangent(d, 0, vdot, a, b)
                                     : product_tangent(d, 0, dot, a, b);
               });
    return out;
}

}  // namespace

Tensor dot(const Tensor& a, const Tensor& b) {
    if (watched()) [[unlikely]]
        return watch<"dot.default">([&] { return dot(a, b); }, a, b);
    return dot_as("DotBackward0", "dot", a, b);
}
Tensor vdot(const Tensor& a, const Tensor& b) {
    if (watched()) [[unlikely]]
        return watch<"vdot.default">([&] { return vdot(a, b); }, a, b);
    return dot_as("VdotBackward0", "vdot", a, b);
}

Tensor outer(const Tensor& a, const Tensor& b) {
    WG_CHECK(a.dim() == 1, "outer: Expected 1-D argument self, but got ", a.dim(), "-D");
    WG_CHECK(b.dim() == 1, "outer: Expected 1-D argument vec2, but got ", b.dim(), "-D");
    return mul(reshape(a, {a.numel(), 1}), b);
}

// --- beta * self + alpha * (a product) ---

namespace {

// As expand() says it.
void check_expandable(const Tensor& self, const Dims& shape) {
    if (is_expandable(self.sizes(), shape)) return;
    Unrecorded off;
    expand(self, shape);
}

// A contiguous copy of self, broadcast; without values when beta is 0, as nothing then reads them.
Tensor start_from(const Tensor& self, IntSpan shape, const Scalar& beta, const Scalar& alpha) {
    for (const Scalar& s : {beta, alpha})
        if (s.is_complex()) check_fits(s, self.dtype());
    check_expandable(self, Dims(shape));
    Tensor out = empty(shape, self.dtype());
    if (beta.to_bool()) copy_values(out, self);
    return out;
}

// `whole`: self has the shape of the result, to be written into it.
Tensor plus_product(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta,
                    const Scalar& alpha, bool whole) {
    WG_CHECK(a.dim() == 2, "mat1 must be a matrix, got ", a.dim(), "-D tensor");
    WG_CHECK(b.dim() == 2, "mat2 must be a matrix, got ", b.dim(), "-D tensor");
    check_shapes(a, b);
    const int64_t shape[] = {a->dims[0], b->dims[1]};
    WG_CHECK(self.dtype() == b.dtype(), "self and mat2 must have the same dtype, but got ",
             scalar_name(self), " and ", scalar_name(b));
    WG_CHECK(a.dtype() == b.dtype(), "mat1 and mat2 must have the same dtype, but got ",
             scalar_name(a), " and ", scalar_name(b));
    WG_CHECK(!whole || same_shape(self.sizes(), shape), "Bad in-place call: input tensor size ",
             to_string(self.sizes()), " and output tensor size ", to_string(shape),
             " should match");
    Tensor out = start_from(self, shape, beta, alpha);
    product_into(out, a, false, b, false, beta, alpha, "addmm_impl_cpu_");
    if (any_recorded({self, a, b}))
        record("AddmmBackward0", out, {self, a, b},
               {save_for(b, "mat1", a), save_for(a, "mat2", b)},
               with<"beta", "alpha", "mat1_sym_sizes", "mat1_sym_strides", "mat2_sym_sizes",
                    "mat2_sym_strides">(beta, alpha, SizesOf<1, 0>{}, matrix_strides(a),
                                        SizesOf<2, 1>{}, matrix_strides(b))(
                   on_rows([=, left = is_column_major(a), right = is_column_major(b)](Backward& d) {
                       if (d.needs(0)) d.set(0, scaled(d.grad(), conj(beta)));
                       if (d.needs(1))
                           d.set(1, scaled(grad_of_left(d, d.saved(1), left), conj(alpha)));
                       if (d.needs(2))
                           d.set(2, scaled(grad_of_right(d, d.saved(0), right), conj(alpha)));
                   })),
               [&](const Forward& d) {
                   Tensor product = scaled_if(product_tangent(d, 1, mm, a, b), alpha);
                   return d.has(0)
                              ? Forward::sum(expand(scaled(d.tangent(0), beta), Dims(out.sizes())),
                                             product)
                              : product;
               });
    return out;
}

}  // namespace

Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"addmm.default">([&] { return addmm(self, a, b, beta, alpha); }, self, a, b,
                                      optional_argument(beta, 1, "beta"),
                                      optional_argument(alpha, 1, "alpha"));
    return plus_product(self, a, b, beta, alpha, false);
}
Tensor& addmm_(Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
    return inplace(self, {a, b},
                   [&](const Tensor& old) { return plus_product(old, a, b, beta, alpha, true); });
}

Tensor addmv(const Tensor& self, const Tensor& a, const Tensor& v, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"addmv.default">([&] { return addmv(self, a, v, beta, alpha); }, self, a, v,
                                      optional_argument(beta, 1, "beta"),
                                      optional_argument(alpha, 1, "alpha"));
    check_vector_product(a, v, self.dim(), self.dim() > 0 ? self->dims[0] : 1, self);
    Tensor out = start_from(self, a.sizes().first(1), beta, alpha);
    vector_product_into(out, a, v, beta, alpha);
    if (any_recorded({self, a, v}))
        record("AddmvBackward0", out, {self, a, v}, {save_for(v, "mat", a), save_for(a, "vec", v)},
               with<"beta", "alpha">(beta, alpha)(on_rows([=](Backward& d) {
                   if (d.needs(0)) d.set(0, scaled(d.grad(), conj(beta)));
                   if (d.needs(1)) d.set(1, scaled(outer_rows(d, conj(d.saved(1))), conj(alpha)));
                   if (d.needs(2)) d.set(2, scaled(times_adjoint(d, d.saved(0)), conj(alpha)));
               })),
               [&](const Forward& d) {
                   Tensor product = scaled_if(product_tangent(d, 1, mv, a, v), alpha);
                   return d.has(0)
                              ? Forward::sum(expand(scaled(d.tangent(0), beta), Dims(out.sizes())),
                                             product)
                              : product;
               });
    return out;
}

Tensor addr(const Tensor& self, const Tensor& u, const Tensor& v, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"addr.default">([&] { return addr(self, u, v, beta, alpha); }, self, u, v,
                                     optional_argument(beta, 1, "beta"),
                                     optional_argument(alpha, 1, "alpha"));
    WG_CHECK(u.dim() == 1, "addr: Expected 1-D argument vec1, but got ", u.dim(), "-D");
    WG_CHECK(v.dim() == 1, "addr: Expected 1-D argument vec2, but got ", v.dim(), "-D");
    const Arg operands[] = {self, u, v};
    const DType dtype = result_type(operands);
    for (const auto& [factor, name] : {std::pair(beta, "beta"), std::pair(alpha, "alpha")}) {
        WG_CHECK(factor.category() != Category::Boolean || dtype == DType::Bool, "Boolean ", name,
                 " only supported for Boolean results.");
        WG_CHECK(!factor.is_floating() || is_differentiable(dtype),
                 "For integral input tensors, argument ", name,
                 " must not be a floating point number.");
        if (factor.is_complex()) check_fits(factor, dtype);
    }
    const Dims shape{u->dims[0], v->dims[0]};
    Tensor out;
    {
        Unrecorded off;
        const Tensor start = expand(self, shape);
        const Tensor product =
            mul(reshape(to_dtype(u, dtype), {-1, 1}), reshape(to_dtype(v, dtype), {1, -1}));
        if (dtype == DType::Bool) {
            out = alpha.to_bool() ? product : zeros(shape, dtype);
            if (beta.to_bool()) out = logical_or(out, start);
        } else {
            out = mul(product, alpha);
            if (beta.to_bool()) out = add(mul(to_dtype(start, dtype), beta), out);
        }
    }
    if (any_recorded({self, u, v}))
        record("AddrBackward0", out, {self, u, v}, {save_for(v, "vec1", u), save_for(u, "vec2", v)},
               with<"beta", "alpha">(beta, alpha)([](Backward& d, Scalar beta, Scalar alpha) {
                   if (d.needs(0)) d.set(0, scaled(d.grad(), conj(beta)));
                   if (d.needs(1)) d.set(1, scaled(mv(d.grad(), conj(d.saved(1))), conj(alpha)));
                   if (d.needs(2)) d.set(2, scaled(mv(t(d.grad()), conj(d.saved(0))), conj(alpha)));
               }));
    return out;
}

Tensor& addr_(Tensor& self, const Tensor& u, const Tensor& v, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch_write<"addr_.default">(
            [&]() -> Tensor& { return addr_(self, u, v, beta, alpha); }, self, u, v,
            optional_argument(beta, 1, "beta"), optional_argument(alpha, 1, "alpha"));
    return inplace(self, {u, v}, [&](const Tensor& old) {
        WG_CHECK(old.dim() == 2, "2D tensor expected, got ", old.dim(), "D tensor for input");
        WG_CHECK(u.dim() != 1 || v.dim() != 1 ||
                     (old->dims[0] == u->dims[0] && old->dims[1] == v->dims[0]),
                 "size mismatch, input: ", to_string(old.sizes()), ", v1: ", to_string(u.sizes()),
                 ", v2: ", to_string(v.sizes()));
        return addr(old, u, v, beta, alpha);
    });
}

Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"baddbmm.default">([&] { return baddbmm(self, a, b, beta, alpha); }, self, a,
                                        b, optional_argument(beta, 1, "beta"),
                                        optional_argument(alpha, 1, "alpha"));
    const int64_t shape[] = {a.size(0), a.size(1), b.size(2)};
    check_expandable(self, Dims(shape));
    check_batches(a, b);
    WG_CHECK(self.dtype() == a.dtype(), "Input dtypes must be the same, got: input ",
             cpp_type_name(self.dtype()), ", batch1: ", cpp_type_name(a.dtype()),
             ", batch2: ", cpp_type_name(b.dtype()));
    WG_CHECK(a.dtype() == b.dtype(), "expected scalar type ", scalar_name(a), " but found ",
             scalar_name(b));
    Tensor out = start_from(self, shape, beta, alpha);
    product_into(out, a, false, b, false, beta, alpha, "baddbmm");
    if (any_recorded({self, a, b}))
        record("BaddbmmBackward0", out, {self, a, b},
               {save_for(b, "batch1", a), save_for(a, "batch2", b)},
               with<"beta", "alpha">(beta, alpha)(on_rows([=](Backward& d) {
                   if (d.needs(0)) d.set(0, scaled(d.grad(), conj(beta)));
                   if (d.needs(1))
                       d.set(1, scaled(grad_of_left(d, d.saved(1), false), conj(alpha)));
                   if (d.needs(2))
                       d.set(2, scaled(grad_of_right(d, d.saved(0), false), conj(alpha)));
               })),
               [&](const Forward& d) {
                   Tensor product = scaled_if(product_tangent(d, 1, bmm, a, b), alpha);
                   return d.has(0)
                              ? Forward::sum(expand(scaled(d.tangent(0), beta), Dims(out.sizes())),
                                             product)
                              : product;
               });
    return out;
}

Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
    if (watched()) [[unlikely]]
        return watch<"addbmm.default">([&] { return addbmm(self, a, b, beta, alpha); }, self, a, b,
                                       optional_argument(beta, 1, "beta"),
                                       optional_argument(alpha, 1, "alpha"));
    const int64_t shape[] = {a.size(1), b.size(2)};
    check_expandable(self, Dims(shape));
    WG_CHECK(a.dim() == 3, "batch1 must be a 3D tensor");
    WG_CHECK(a->dims[0] == b->dims[0], "batch1 and batch2 must have same number of batches, got ",
             a->dims[0], " and ", b->dims[0]);
    WG_CHECK(a->dims[2] == b->dims[1], "Incompatible matrix sizes for bmm (", a->dims[1], "x",
             a->dims[2], " and ", b->dims[1], "x", b->dims[2], ")");
    WG_CHECK(self.dtype() == b.dtype(), "self and mat2 must have the same dtype, but got ",
             scalar_name(self), " and ", scalar_name(b));
    WG_CHECK(a.dtype() == b.dtype(), "mat1 and mat2 must have the same dtype, but got ",
             scalar_name(a), " and ", scalar_name(b));
    Tensor out = start_from(self, shape, beta, alpha);
    {
        Unrecorded off;
        if (a->dims[0] == 0) copy_values(out, mul(out, Arg(beta)));
        for (int64_t i = 0; i < a->dims[0]; ++i)
            product_into(out, select(a, 0, i), false, select(b, 0, i), false,
                         i == 0 ? beta : Scalar(1), alpha, "addmm_impl_cpu_");
    }
    if (any_recorded({self, a, b}))
        record("AddbmmBackward0", out, {self, a, b},
               {save_for(b, "batch1", a), save_for(a, "batch2", b)},
               with<"beta", "alpha", "batch1_sym_argsize_0", "batch1_sym_argsize_1",
                    "batch2_sym_argsize_2">(beta, alpha, a.size(0), a.size(1), b.size(2))(
                   [=, batches = a->dims[0], shape = Dims(shape)](Backward& d) {
                       if (d.needs(0)) d.set(0, scaled(d.grad(), conj(beta)));
                       if (!d.needs(1) && !d.needs(2)) return;
                       const Tensor g =
                           expand(unsqueeze(d.grad(), 0), {batches, shape[0], shape[1]});
                       if (d.needs(1))
                           d.set(1, scaled(bmm(g, conj(transposed(d.saved(1)))), conj(alpha)));
                       if (d.needs(2))
                           d.set(2, scaled(bmm(conj(transposed(d.saved(0))), g), conj(alpha)));
                   }));
    return out;
}

// --- with a dtype for the result ---

namespace {

[[noreturn]] Tensor not_on_cpu(const char* op) {
    fail(ErrorKind::NotImplemented,
         str("Could not run 'aten::", op, ".dtype' with arguments from the 'CPU' backend."));
}

}  // namespace

Tensor mm(const Tensor&, const Tensor&, DType) { not_on_cpu("mm"); }
Tensor bmm(const Tensor&, const Tensor&, DType) { not_on_cpu("bmm"); }
Tensor addmm(const Tensor&, const Tensor&, const Tensor&, DType, Scalar, Scalar) {
    not_on_cpu("addmm");
}
Tensor baddbmm(const Tensor&, const Tensor&, const Tensor&, DType, Scalar, Scalar) {
    not_on_cpu("baddbmm");
}

}  // namespace wg
