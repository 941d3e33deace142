// Products of tensors of any ranks, made of those of matrices and vectors (matmul.cpp): matmul, kron, linear.
#include <algorithm>

#include "autograd/record.h"
#include "ops/functions.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// Forgets that `t`, made here and seen by nobody else, had another shape: unlike view(), no view relation.
Tensor unsafe_view(const Tensor& t, const Dims& shape) {
    if (watched()) [[unlikely]]
        return watch<"_unsafe_view.default">([&] { return unsafe_view(t, shape); }, t, shape);
    const auto strides = view_strides(t.sizes(), t.strides(), shape);
    WG_CHECK(
        strides,
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two contiguous subspaces). Use .reshape(...) instead.");
    Tensor out = alias(t, shape, *strides, t.offset());
    if (recorded(t))
        record("UnsafeViewBackward0", out, {t}, {},
               with<"self_sym_sizes">(Dims(t.sizes()))(on_rows([](Backward& d, const Dims& from) {
                   d.set(0, reshape(d.grad(), d.sizes(from)));
               })));
    return out;
}

// Vector times matrix: the row that mm gives, without its first dim.
Tensor without_row(const Tensor& row) {
    if (watched()) [[unlikely]]
        return watch<"squeeze_.dim">([&] { return without_row(row); }, row, 0);
    const int64_t size = row->dims[1], one = 1;
    Tensor out = alias(row, {&size, 1}, {&one, 1}, row.offset());
    record("SqueezeBackward4", out, {row}, {},
           with<"self_sym_sizes", "dim">(SizesOf<0>{}, int64_t(0))(
               on_rows([](Backward& d) { d.set(0, unsqueeze(d.grad(), d.dim(0))); })));
    out.bump_version();  // PyTorch squeezes the product in place
    return out;
}

// Whether the batch dims of `big` and its rows (columns, when exchanged) lie in memory as one dim.
bool rows_are_viewable(const Tensor& big, bool exchanged) {
    Dims sizes(big.sizes()), strides(big.strides());
    const size_t n = sizes.size();
    if (exchanged) {
        sizes[n - 2] = sizes[n - 1];
        strides[n - 2] = strides[n - 1];
    }
    for (size_t d = 0; d + 2 < n; ++d)
        if (strides[d] != strides[d + 1] * sizes[d + 1]) return false;
    return true;
}

bool wants_grad(const Tensor& t) { return grad_enabled() && requires_grad(t); }

// A batch of matrices times one matrix or vector, as a single product over all the rows of the batch.
Tensor folded(const Tensor& big, const Tensor& small, bool exchanged) {
    Dims shape(big.sizes().first(size_t(big.dim() - 1)));
    const Tensor rows = reshape(big, {count(shape), big.sizes().back()});
    if (small.dim() == 1) return unsafe_view(mv(rows, small), shape);
    shape.push_back(small->dims[1]);
    const Tensor out = unsafe_view(mm(rows, small), shape);
    return exchanged ? contiguous(transpose(out, -2, -1)) : out;
}

// Exchanged: a b = (b^T a^T)^T, so that the batch comes first.
Tensor folded_exchanged(const Tensor& a, const Tensor& b) {
    return folded(transpose(b, -2, -1), a.dim() == 2 ? t(a) : a, true);
}

Tensor batched(const Tensor& a, const Tensor& b) {
    const IntSpan sa = a.sizes(), sb = b.sizes();
    const int64_t n = sa.size() > 1 ? sa[sa.size() - 2] : 1, p = sb.size() > 1 ? sb.back() : 1;
    const int64_t ka = sa.back(), kb = sb.size() > 1 ? sb[sb.size() - 2] : sb[0];
    const IntSpan batch_a = sa.first(sa.size() > 2 ? sa.size() - 2 : 0),
                  batch_b = sb.first(sb.size() > 2 ? sb.size() - 2 : 0);
    const Dims batch = broadcast_shapes(batch_a, batch_b);
    const auto with = [&](int64_t rows, int64_t columns) {
        Dims shape(batch);
        shape.push_back(rows);
        shape.push_back(columns);
        return shape;
    };
    const int64_t items = count(batch);
    const Tensor left = reshape(expand(a, with(n, ka)), {items, n, ka});
    const Tensor right =
        reshape(expand(b.dim() == 1 ? unsqueeze(b, 1) : b, with(kb, p)), {items, kb, p});
    Tensor out = bmm(left, right);
    if (b.dim() == 1) out = squeeze_dim(out, -1);
    Dims shape(batch);
    if (a.dim() > 1) shape.push_back(n);
    if (b.dim() > 1) shape.push_back(p);
    return unsafe_view(out, shape);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
    const int64_t m = a.dim(), n = b.dim();
    WG_CHECK(m > 0 && n > 0, "both arguments to matmul need to be at least 1D, but they are ", m,
             "D and ", n, "D");
    if (m == 2 && n == 2) return mm(a, b);
    if (m == 1 && n == 1) return dot(a, b);
    if (m == 2 && n == 1) return mv(a, b);
    if (m == 1 && n == 2) return without_row(mm(unsqueeze(a, 0), b));
    if (m >= 3 && n <= 2) {
        if (wants_grad(b) || a.numel() == 0 || rows_are_viewable(a, false))
            return folded(a, b, false);
    } else if (n >= 3 && m <= 2) {
        if (wants_grad(a)) return folded_exchanged(a, b);
        if (m == 1 && (b.numel() == 0 || rows_are_viewable(b, true))) return folded_exchanged(a, b);
    } else if (m == 3 && n == 3) {
        if (b->dims[0] == 1 && a->dims[0] > 1 && wants_grad(b))
            return folded(a, squeeze_dim(b, 0), false);
        if (a->dims[0] == 1 && b->dims[0] > 1 && wants_grad(a))
            return folded_exchanged(squeeze_dim(a, 0), b);
    }
    return batched(a, b);
}

// Every element of a times all of b.
Tensor kron(const Tensor& a, const Tensor& b) {
    const int64_t n = std::max(a.dim(), b.dim());
    Dims left, right, shape;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t da = i - (n - a.dim()), db = i - (n - b.dim());
        const int64_t rows = da >= 0 ? a->dims[da] : 1, columns = db >= 0 ? b->dims[db] : 1;
        left.push_back(rows);
        left.push_back(1);
        right.push_back(1);
        right.push_back(columns);
        shape.push_back(rows * columns);
    }
    return unsafe_view(mul(unsafe_view(a, left), unsafe_view(b, right)), shape);
}

Tensor linear(const Tensor& input, const Tensor& weight, const OptTensor& bias) {
    WG_CHECK(input.dim() > 0 && weight.dim() > 0,
             "both arguments to linear need to be at least 1D, but they are ", input.dim(),
             "D and ", weight.dim(), "D");
    const bool has_bias = bias && bias->defined();
    if (has_bias && input.dim() == 2) return addmm(*bias, input, t(weight), 1, 1);
    // One product for all rows, where the bias is, or squeezes to, a vector.
    const auto is_vector = [](const Tensor& b) {
        return b.dim() == 1
                   ? has_contiguous_layout(b)
                   : std::ranges::count_if(b.sizes(), [](int64_t s) { return s != 1; }) == 1;
    };
    if (has_bias && has_contiguous_layout(input) && is_vector(*bias)) {
        Dims shape(input.sizes());
        const int64_t columns = shape.back();
        shape.resize(shape.size() - 1);
        const Tensor rows = view(input, {count(shape), columns});
        shape.push_back(weight->dims[0]);
        return view(addmm(*bias, rows, t(weight), 1, 1), shape);
    }
    Tensor out = matmul(input, t(weight));
    if (has_bias) elementwise_(Op::add, out, std::initializer_list<Arg>{out, *bias});
    return out;
}

}  // namespace wg
