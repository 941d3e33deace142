// New random tensors as Python asks for them. Each exists with a generator and without, as PyTorch lists
// them; the in-place samplers that draw the numbers are in random.cpp.
#include <algorithm>
#include <limits>

#include "autograd/record.h"
#include "cpu/random.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// `out` or a new tensor of this size, with numbers drawn into it.
template <class Draw>
Tensor drawn(const char* name, const Dims& size, DType standard, const OptTensor& out,
             const TensorOptions& o, Draw draw) {
    if (out)
        return written(name, *out, o, [&] {
            Tensor t = *out;
            resize_quietly(t, size);
            draw(t);
        });
    Tensor t = empty(size, o.dtype.value_or(standard));
    {
        Unrecorded off;
        draw(t);
    }
    *t->version = 0;  // nobody has seen it before
    return finished(t, o);
}

template <class Draw>
Tensor drawn_like(const Tensor& like, OptMemoryFormat format, const TensorOptions& o, Draw draw) {
    TensorOptions plain = o;
    plain.requires_grad = false;
    Tensor t = make_empty_like(like, format, plain);
    draw(t);
    *t->version = 0;
    return finished(t, o);
}

// For derivatives that are zero.
template <Name operand>
void record_zeros(const char* name, const Tensor& out, const Tensor& a) {
    record(name, out, {a}, {}, with<operand>(Dims(a.sizes()))([](Backward& d, const Dims& sizes) {
               d.set(0, zeros(sizes, d.grad().dtype()));
           }));
}

}  // namespace

Tensor make_rand_from(const Dims& size, Generator& g, const OptTensor& out,
                      const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"rand.default">([&] { return make_rand_from(size, g, out, o); }, size);
    return drawn("rand", size, default_dtype(), out, o, [&](Tensor& t) { uniform_(t, 0, 1, g); });
}
Tensor make_rand(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    return make_rand_from(size, default_generator(), out, o);
}
Tensor make_randn_from(const Dims& size, Generator& g, const OptTensor& out,
                       const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"randn.default">([&] { return make_randn_from(size, g, out, o); }, size);
    WG_CHECK(!out || !requires_grad(*out), "cannot resize variables that require grad");
    const bool resized = out && !same_shape(out->sizes(), size);
    return drawn("randn", size, default_dtype(), out, o, [&](Tensor& t) {
        normal_(t, 0, 1, g);
        if (resized) t.bump_version();
    });
}
Tensor make_randn(const Dims& size, const OptTensor& out, const TensorOptions& o) {
    return make_randn_from(size, default_generator(), out, o);
}
Tensor make_randint_between_from(int64_t low, int64_t high, const Dims& size, Generator& g,
                                 const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"randint.low">(
            [&] { return make_randint_between_from(low, high, size, g, out, o); }, low, high, size);
    return drawn("randint", size, DType::Int64, out, o,
                 [&](Tensor& t) { random_range_(t, low, high, g); });
}
Tensor make_randint_between(int64_t low, int64_t high, const Dims& size, const OptTensor& out,
                            const TensorOptions& o) {
    return make_randint_between_from(low, high, size, default_generator(), out, o);
}
Tensor make_randint_from(int64_t high, const Dims& size, Generator& g, const OptTensor& out,
                         const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"randint.default">([&] { return make_randint_from(high, size, g, out, o); },
                                        high, size);
    return make_randint_between_from(0, high, size, g, out, o);
}
Tensor make_randint(int64_t high, const Dims& size, const OptTensor& out, const TensorOptions& o) {
    return make_randint_between_from(0, high, size, default_generator(), out, o);
}

Tensor make_randperm_from(int64_t n, Generator& g, const OptTensor& out, const TensorOptions& o) {
    if (watched() && !out) [[unlikely]]
        return watch<"randperm.default">([&] { return make_randperm_from(n, g, out, o); }, n);
    WG_CHECK(n >= 0, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
    return drawn("randperm", Dims{n}, DType::Int64, out, o, [&](Tensor& t) {
        WG_CHECK(t.dtype() != DType::Float16 || n <= 2049,
                 "n cannot be greater than 2049 for Half type.");
        Tensor order = t.is_contiguous() ? t : empty(Dims{n}, t.dtype());
        check_real(t.dtype(), "randperm");
        visit_dtype(t.dtype(), [&](auto tag) {
            using T = typename decltype(tag)::type;
            if constexpr (std::is_same_v<T, bool>) {
                fail(ErrorKind::NotImplemented, "\"randperm\" not implemented for 'Bool'");
            } else {
                if constexpr (std::is_integral_v<T>)
                    WG_CHECK(n <= int64_t(std::numeric_limits<T>::max()),
                             "value cannot be converted to type ",
                             std::is_same_v<T, int32_t> ? "int" : str(info(t.dtype()).name, "_t"),
                             " without overflow");
                fill_randperm(order.mutable_data<T>(), n, g);
            }
        });
        if (!order.is_same(t)) copy_values(t, order);
        t.bump_version();
    });
}
Tensor make_randperm(int64_t n, const OptTensor& out, const TensorOptions& o) {
    return make_randperm_from(n, default_generator(), out, o);
}

// --- shaped as another tensor ---

Tensor rand_like_from(const Tensor& t, Generator& g, OptMemoryFormat f, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"rand_like.default">([&] { return rand_like_from(t, g, f, o); }, t);
    return drawn_like(t, f, o, [&](Tensor& r) { uniform_(r, 0, 1, g); });
}
Tensor rand_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    return rand_like_from(t, default_generator(), format, o);
}
Tensor randn_like_from(const Tensor& t, Generator& g, OptMemoryFormat f, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"randn_like.default">([&] { return randn_like_from(t, g, f, o); }, t);
    return drawn_like(t, f, o, [&](Tensor& r) { normal_(r, 0, 1, g); });
}
Tensor randn_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o) {
    return randn_like_from(t, default_generator(), format, o);
}
Tensor randint_like_between_from(const Tensor& t, int64_t low, int64_t high, Generator& g,
                                 OptMemoryFormat format, const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"randint_like.low_dtype">(
            [&] { return randint_like_between_from(t, low, high, g, format, o); }, t, low, high);
    return drawn_like(t, format, o, [&](Tensor& r) { random_range_(r, low, high, g); });
}
Tensor randint_like_between(const Tensor& t, int64_t low, int64_t high, OptMemoryFormat format,
                            const TensorOptions& o) {
    return randint_like_between_from(t, low, high, default_generator(), format, o);
}
Tensor randint_like_tensor_from(const Tensor& t, const Tensor& high, Generator& g,
                                OptMemoryFormat format, const TensorOptions& o) {
    WG_CHECK(high.dim() == 0, "high must be a scalar tensor and on CPU");
    return randint_like_between_from(t, 0, high.to_int(), g, format, o);
}
Tensor randint_like_tensor(const Tensor& t, const Tensor& high, OptMemoryFormat format,
                           const TensorOptions& o) {
    return randint_like_tensor_from(t, high, default_generator(), format, o);
}
Tensor randint_like_from(const Tensor& t, int64_t high, Generator& g, OptMemoryFormat format,
                         const TensorOptions& o) {
    if (watched()) [[unlikely]]
        return watch<"randint_like.default">(
            [&] { return randint_like_from(t, high, g, format, o); }, t, high);
    return randint_like_between_from(t, 0, high, g, format, o);
}
Tensor randint_like(const Tensor& t, int64_t high, OptMemoryFormat format, const TensorOptions& o) {
    return randint_like_between_from(t, 0, high, default_generator(), format, o);
}

// --- normal ---

namespace {

void check_std(const Tensor& std) {
    WG_CHECK(!is_complex(std.dtype()), "normal expects standard deviation to be non-complex");
    if (std.numel() == 0) return;
    Unrecorded off;
    WG_CHECK(min_all(std).to_double() >= 0, "normal expects all elements of std >= 0.0");
}

// Standard normal numbers in the shape, times std, plus mean.
template <class Spread>
Tensor normal_in(IntSpan shape, DType dtype, const OptTensor& out, Generator& g, Spread spread) {
    Unrecorded off;
    Tensor t = out ? *out : empty(shape, dtype);
    if (out) resize_out(t, shape);
    normal_(t, 0, 1, g);
    spread(t);
    *t->version = out ? *t->version : 0;
    return t;
}

void check_no_gradient(const OptTensor& out, std::initializer_list<const Tensor*> operands) {
    if (!out || !grad_enabled()) return;
    bool any = requires_grad(*out);
    for (const Tensor* t : operands) any = any || requires_grad(*t);
    WG_CHECK(!any,
             "normal(): functions with out=... arguments don't support automatic differentiation, "
             "but one of the arguments requires grad.");
}

Tensor plain(const Tensor& t, DType dtype) { return to_dtype(detach(t), dtype); }

}  // namespace

Tensor normal_of_tensors(const Tensor& mean, const Tensor& std, Generator& g,
                         const OptTensor& out) {
    if (watched() && !out) [[unlikely]]
        return watch<"normal.Tensor_Tensor">([&] { return normal_of_tensors(mean, std, g, out); },
                                             mean, std);
    check_no_gradient(out, {&mean, &std});
    check_std(std);
    const Dims shape = broadcast_shapes(mean.sizes(), std.sizes());
    const Tensor t = normal_in(shape, mean.dtype(), out, g, [&](Tensor& r) {
        copy_values(r, mul(r, plain(std, r.dtype())) + plain(mean, r.dtype()));
    });
    if (!out) {
        refuse_complex_history("normal", t, mean, std);
        record("NormalBackward3", t, {mean, std}, {},
               with<"mean_sym_sizes", "std_sym_sizes">(Dims(mean.sizes()), Dims(std.sizes()))(
                   [](Backward& d, const Dims& a, const Dims& b) {
                       if (d.needs(0)) d.set(0, zeros(a, d.grad().dtype()));
                       if (d.needs(1)) d.set(1, zeros(b, d.grad().dtype()));
                   }));
    }
    return t;
}

Tensor normal_of_mean(const Tensor& mean, double std, Generator& g, const OptTensor& out) {
    if (watched() && !out) [[unlikely]]
        return watch<"normal.Tensor_float">([&] { return normal_of_mean(mean, std, g, out); }, mean,
                                            std);
    check_no_gradient(out, {&mean});
    WG_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
    const Dims shape = out ? broadcast_shapes(mean.sizes(), out->sizes()) : Dims(mean.sizes());
    const Tensor t = normal_in(shape, mean.dtype(), out, g, [&](Tensor& r) {
        copy_values(r, mul(r, Arg(Scalar(std))) + plain(mean, r.dtype()));
    });
    if (!out) {
        refuse_complex_history("normal", t, mean);
        record_zeros<"mean_sym_sizes">("NormalBackward1", t, mean);
    }
    return t;
}

Tensor normal_of_std(double mean, const Tensor& std, Generator& g, const OptTensor& out) {
    if (watched() && !out) [[unlikely]]
        return watch<"normal.float_Tensor">([&] { return normal_of_std(mean, std, g, out); }, mean,
                                            std);
    check_no_gradient(out, {&std});
    check_std(std);
    const Tensor t = normal_in(std.sizes(), std.dtype(), out, g, [&](Tensor& r) {
        copy_values(r, mul(r, plain(std, r.dtype())) + mean);
    });
    if (!out) record_zeros<"std_sym_sizes">("NormalBackward2", t, std);
    return t;
}

Tensor make_normal(double mean, double std, const Dims& size, Generator& g, const OptTensor& out,
                   const TensorOptions& o) {
    return drawn("normal", size, default_dtype(), out, o,
                 [&](Tensor& t) { normal_(t, mean, std, g); });
}

// --- bernoulli, multinomial ---

Tensor bernoulli_out(const Tensor& p, Generator& g, const OptTensor& out) {
    if (watched() && !out) [[unlikely]]
        return watch<"bernoulli.default">([&] { return bernoulli_out(p, g, out); }, p);
    Tensor t = out ? *out : empty(p.sizes(), p.dtype());
    if (out) {
        WG_CHECK(!grad_enabled() || !(requires_grad(p) || requires_grad(t)),
                 "bernoulli(): functions with out=... arguments don't support automatic "
                 "differentiation, but one of the arguments requires grad.");
        resize_quietly(t, p.sizes());
    }
    if (t.numel() > 0 || !is_complex(t.dtype())) {
        Unrecorded off;
        bernoulli_tensor_(t, p, g);
    }
    if (out) return t;
    *t->version = 0;
    refuse_complex_history("bernoulli", t, p);
    record("BernoulliBackward0", t, {p}, {}, [](Backward& d) { d.set(0, zeros_like(d.grad())); });
    return t;
}
Tensor bernoulli(const Tensor& p, Generator& g) { return bernoulli_out(p, g, {}); }

Tensor bernoulli_like(const Tensor& like, double p, Generator& g) {
    if (watched()) [[unlikely]]
        return watch<"bernoulli.p">([&] { return bernoulli_like(like, p, g); }, like, p);
    Tensor t = empty_like(like);
    bernoulli_(t, p, g);
    *t->version = 0;
    record("torch::autograd::NotImplemented", t, {like}, {}, [](Backward&) {
        fail(ErrorKind::Runtime, "derivative for aten::bernoulli is not implemented");
    });
    return t;
}

Tensor multinomial_out(const Tensor& weights, int64_t samples, bool replacement, Generator& g,
                       const OptTensor& out) {
    WG_CHECK(!out || out->dtype() == DType::Int64,
             "multinomial expects Long tensor out, got: ", info(out->dtype()).scalar_name);
    const Tensor t = multinomial(weights, samples, replacement, g);
    if (!out) return t;
    resize_quietly(*out, t.sizes());
    copy_values(*out, t);
    out->bump_version();
    return *out;
}

}  // namespace wg
