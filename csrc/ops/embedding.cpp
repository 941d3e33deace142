// Rows of a table by their numbers (embedding), and numbers as rows (one_hot).
#include <algorithm>
#include <vector>

#include "autograd/record.h"
#include "ops/elementwise.h"
#include "ops/indexed.h"
#include "ops/row_gradients.h"
#include "tensor/watch.h"

namespace wg {

namespace {

// The gradient of the table: row i is the sum of the gradients of the places that show row i, or
// their mean; none reach the padding row.
Tensor embedding_gradient(const Tensor& grad, const Tensor& indices, const Dims& table,
                          int64_t padding_idx, bool scale_grad_by_freq) {
    const Tensor flat = reshape(indices, {-1});
    Tensor rows = reshape(grad, {flat.numel(), table[1]});
    if (padding_idx >= 0)
        rows = masked_fill_value(rows, unsqueeze(eq(flat, Scalar(padding_idx)), 1), 0);
    if (scale_grad_by_freq) {
        const CheckedIndices places = checked_indices(flat, table[0], false, [](int64_t) {
            fail(ErrorKind::Index, "index out of range in self");
        });
        const int64_t* at = places.data<int64_t>();
        std::vector<int64_t> frequency(size_t(table[0]), 0);
        for (int64_t i = 0; i < places.numel(); ++i) ++frequency[size_t(at[i])];
        Tensor weights = empty(Dims{places.numel(), 1}, DType::Float64);
        for (int64_t i = 0; i < places.numel(); ++i)
            weights.mutable_data<double>()[i] = 1.0 / double(frequency[size_t(at[i])]);
        rows = mul(rows, to_dtype(weights, grad.dtype()));
    }
    Tensor out = zeros(table, grad.dtype());
    index_add_(out, 0, flat, rows);
    *out->version = 0;  // nobody has seen it before
    return out;
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx,
                 bool scale_grad_by_freq, bool sparse) {
    if (watched()) [[unlikely]]
        return watch<"embedding.default">(
            [&] { return embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse); },
            weight, indices, optional_argument(padding_idx, -1),
            optional_argument(scale_grad_by_freq, false), optional_argument(sparse, false));
    WG_CHECK(weight.dim() == 2, "'weight' must be 2-D");
    WG_CHECK(
        indices.dtype() == DType::Int64 || indices.dtype() == DType::Int32,
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got ",
        tensor_type_name(indices.dtype()), " instead (while checking arguments for embedding)");
    WG_CHECK_NOT_IMPLEMENTED(!sparse,
                             "embedding: sparse gradients are not supported; pass sparse=False");
    Dims shape(indices.sizes());
    shape.push_back(weight.size(1));
    const Tensor rows = index_select(detach(weight), 0, reshape(detach(indices), {-1}));
    const Tensor out = alias(rows, shape, contiguous_strides(shape), 0);
    refuse_complex_history("embedding", out, weight);
    // What the gradient leaves out or scales on purpose has its tangent all the same, as in PyTorch.
    record("EmbeddingBackward0", out, {weight}, {save("indices", indices)},
           with<"weight_sym_argsize_0", "padding_idx", "scale_grad_by_freq", "sparse">(
               weight.size(0), padding_idx, scale_grad_by_freq, sparse)(
               [table = Dims(weight.sizes()), padding_idx, scale_grad_by_freq](Backward& d) {
                   d.set(0, embedding_gradient(d.grad(), d.saved(0), table, padding_idx,
                                               scale_grad_by_freq));
               }),
           [&](const Forward& d) { return embedding(d.tangent(0), indices, -1, false, false); });
    return out;
}

Tensor one_hot(const Tensor& t, int64_t num_classes) {
    WG_CHECK(t.dtype() == DType::Int64,
             "one_hot is only applicable to index tensor of type LongTensor.");
    const CheckedIndices values(contiguous(detach(t)));
    const int64_t* v = values.data<int64_t>();
    if (values.numel() == 0)
        WG_CHECK(num_classes > 0, "Can not infer total number of classes from empty tensor.");
    int64_t largest = -1;
    for (int64_t i = 0; i < values.numel(); ++i) {
        WG_CHECK(v[i] >= 0, "Class values must be non-negative.");
        largest = std::max(largest, v[i]);
    }
    if (num_classes == -1) num_classes = largest + 1;
    WG_CHECK(largest < num_classes, "Class values must be smaller than num_classes.");
    Dims shape(t.sizes());
    shape.push_back(num_classes);
    Tensor out = zeros(shape, DType::Int64);
    for (int64_t i = 0; i < values.numel(); ++i)
        out.mutable_data<int64_t>()[i * num_classes + v[i]] = 1;
    return out;
}

}  // namespace wg
