// The operations as C++ functions on tensors: `wg::sum(x, {0}, true)`. Recorded when grad mode is on.
// Elementwise functions come from elementwise.def; structural ones are declared here by the file
// that defines them. What Python sees of each is its row in structural.def.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "ops/elementwise.h"
#include "tensor/scalar.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace wg {

using OptDims = std::optional<Dims>;
using OptInt = std::optional<int64_t>;
using OptDouble = std::optional<double>;
using OptBool = std::optional<bool>;
using OptScalar = std::optional<Scalar>;
using OptDType = std::optional<DType>;
using TensorList = std::vector<Tensor>;
using TwoTensors = std::tuple<Tensor, Tensor>;

// --- copy.cpp: creation, copies, casts ---
Tensor full(const Dims& sizes, Scalar value, OptDType dtype = {});
Tensor zeros(const Dims& sizes, OptDType dtype = {});
Tensor ones(const Dims& sizes, OptDType dtype = {});
Tensor zeros_like(const Tensor& t, OptDType dtype = {});
Tensor ones_like(const Tensor& t, OptDType dtype = {});
Tensor full_like(const Tensor& t, Scalar value, OptDType dtype = {});
Tensor scalar_tensor(Scalar value, OptDType dtype = {});
void copy_values(const Tensor& to,
                 const Tensor& from);  // broadcast and cast; no history, no version
void fill_values(const Tensor& to, Scalar value);
Tensor& copy_(Tensor& self, const Tensor& src, bool non_blocking = false);
Tensor& copy_arg_(Tensor& self, const Arg& src, bool non_blocking = false);
Tensor& fill_(Tensor& self, Scalar value);
Tensor& fill_tensor_(Tensor& self, const Tensor& value);
Tensor& zero_(Tensor& self);
Tensor clone(const Tensor& t);  // dense copy, same order of dims
Tensor contiguous(const Tensor& t);  // t itself when it already is
Tensor to_dtype(const Tensor& t, DType dtype, bool copy = false);
Tensor type_as(const Tensor& t, const Tensor& other);
Tensor arange(Scalar start, Scalar end, Scalar step, OptDType dtype = {});
Tensor closed_range(Scalar start, Scalar end, Scalar step, OptDType dtype = {});
Tensor linspace(Scalar start, Scalar end, int64_t steps, OptDType dtype = {});
Tensor logspace(Scalar start, Scalar end, int64_t steps, double base = 10.0, OptDType dtype = {});
Tensor eye(int64_t n, OptInt m = {}, OptDType dtype = {});

// --- view.cpp: other windows on the same memory ---
Tensor view(const Tensor& t, const Dims& shape);
Tensor reshape(const Tensor& t, const Dims& shape);
Tensor permute(const Tensor& t, const Dims& dims);
Tensor transpose(const Tensor& t, int64_t dim0, int64_t dim1);
Tensor t(const Tensor& x);
Tensor expand(const Tensor& t, const Dims& sizes, bool implicit = false);
Tensor squeeze(const Tensor& t);
Tensor squeeze_dim(const Tensor& t, int64_t dim);
Tensor squeeze_dims(const Tensor& t, const Dims& dims);
Tensor unsqueeze(const Tensor& t, int64_t dim);
Tensor flatten(const Tensor& t, int64_t start_dim = 0, int64_t end_dim = -1);
Tensor select(const Tensor& t, int64_t dim, int64_t index);
Tensor slice(const Tensor& t, int64_t dim, OptInt start, OptInt end, int64_t step = 1);
// Zeros of those sizes with grad in the place of the slice.
Tensor slice_backward(const Tensor& grad, const Dims& sizes, int64_t dim, int64_t start,
                      int64_t end, int64_t step);
// How much memory such a window needs; RuntimeError where that cannot be counted. Strides are not negative.
size_t window_bytes(const Dims& sizes, const Dims& strides, int64_t offset, size_t itemsize);
Tensor narrow(const Tensor& t, int64_t dim, int64_t start, int64_t length);
Tensor narrow_from(const Tensor& t, int64_t dim, const Tensor& start, int64_t length);
TensorList split(const Tensor& t, int64_t split_size, int64_t dim = 0);
TensorList split_with_sizes(const Tensor& t, const Dims& sizes, int64_t dim = 0);
TensorList chunk(const Tensor& t, int64_t chunks, int64_t dim = 0);
TensorList unbind(const Tensor& t, int64_t dim = 0);
Tensor alias_view(const Tensor& t);  // x[...]: AliasBackward0
Tensor as_strided(const Tensor& t, const Dims& sizes, const Dims& strides, OptInt offset = {});

// view_in_place.cpp
Tensor& t_(Tensor& self);
Tensor& transpose_(Tensor& self, int64_t dim0, int64_t dim1);
Tensor& squeeze_(Tensor& self);
Tensor& squeeze_dim_(Tensor& self, int64_t dim);
Tensor& squeeze_dims_(Tensor& self, const Dims& dims);
Tensor& unsqueeze_(Tensor& self, int64_t dim);
Tensor& as_strided_(Tensor& self, const Dims& sizes, const Dims& strides, OptInt offset = {});
Tensor diagonal(const Tensor& t, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
Tensor view_as(const Tensor& t, const Tensor& other);
bool is_same_size(const Tensor& a, const Tensor& b);
Tensor view_dtype(const Tensor& t, DType dtype);  // the same bytes, never differentiable
Tensor adjoint(const Tensor& t);
Tensor unfold(const Tensor& t, int64_t dim, int64_t size, int64_t step);
Tensor reshape_as(const Tensor& t, const Tensor& other);
Tensor ravel(const Tensor& t);
Tensor positive(const Tensor& t);
Tensor unflatten(const Tensor& t, int64_t dim, const Dims& sizes);
Tensor movedim(const Tensor& t, const Dims& source, const Dims& destination);
Tensor movedim_one(const Tensor& t, int64_t source, int64_t destination);
Tensor expand_as(const Tensor& t, const Tensor& other);
Tensor broadcast_to(const Tensor& t, const Dims& sizes);
TensorList broadcast_tensors(const TensorList& tensors);
TensorList tensor_split(const Tensor& t, int64_t sections, int64_t dim = 0);
TensorList tensor_split_at(const Tensor& t, const Dims& indices, int64_t dim = 0);
// tensor_split along the second (of one dim: the first), first or third dim; an equal division or none.
TensorList hsplit(const Tensor& t, int64_t sections);
TensorList hsplit_at(const Tensor& t, const Dims& indices);
TensorList vsplit(const Tensor& t, int64_t sections);
TensorList vsplit_at(const Tensor& t, const Dims& indices);
TensorList dsplit(const Tensor& t, int64_t sections);
TensorList dsplit_at(const Tensor& t, const Dims& indices);
TensorList tensor_split_by(const Tensor& t, const Tensor& sections_or_indices, int64_t dim = 0);

// --- view_copy.cpp: copies of views, parts without a common history, copies with a view replaced ---
Tensor alias_copy(const Tensor& t);
Tensor as_strided_copy(const Tensor& t, const Dims& size, const Dims& stride, OptInt offset = {});
Tensor detach_copy(const Tensor& t);
Tensor diagonal_copy(const Tensor& t, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1);
Tensor expand_copy(const Tensor& t, const Dims& size, bool implicit = false);
Tensor permute_copy(const Tensor& t, const Dims& dims);
Tensor select_copy(const Tensor& t, int64_t dim, int64_t index);
Tensor slice_copy(const Tensor& t, int64_t dim, OptInt start, OptInt end, int64_t step = 1);
TensorList split_copy(const Tensor& t, int64_t split_size, int64_t dim = 0);
TensorList split_with_sizes_copy(const Tensor& t, const Dims& sizes, int64_t dim = 0);
Tensor squeeze_copy(const Tensor& t);
Tensor squeeze_copy_dim(const Tensor& t, int64_t dim);
Tensor squeeze_copy_dims(const Tensor& t, const Dims& dims);
Tensor t_copy(const Tensor& x);
Tensor transpose_copy(const Tensor& t, int64_t dim0, int64_t dim1);
TensorList unbind_copy(const Tensor& t, int64_t dim = 0);
Tensor unfold_copy(const Tensor& t, int64_t dim, int64_t size, int64_t step);
Tensor unsqueeze_copy(const Tensor& t, int64_t dim);
Tensor view_copy(const Tensor& t, const Dims& size);
Tensor view_copy_dtype(const Tensor& t, DType dtype);
Tensor narrow_copy(const Tensor& t, int64_t dim, int64_t start, int64_t length);
TensorList unsafe_split(const Tensor& t, int64_t split_size, int64_t dim = 0);
TensorList unsafe_split_with_sizes(const Tensor& t, const Dims& sizes, int64_t dim = 0);
TensorList unsafe_chunk(const Tensor& t, int64_t chunks, int64_t dim = 0);
Tensor select_scatter(const Tensor& t, const Tensor& src, int64_t dim, int64_t index);
Tensor slice_scatter(const Tensor& t, const Tensor& src, int64_t dim = 0, OptInt start = {},
                     OptInt end = {}, int64_t step = 1);
Tensor diagonal_scatter(const Tensor& t, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0,
                        int64_t dim2 = 1);
Tensor as_strided_scatter(const Tensor& t, const Tensor& src, const Dims& size, const Dims& stride,
                          OptInt storage_offset = {});

// --- set.cpp: other memory for a tensor ---
// What .data = and set_ have in common; checks nothing.
void set_memory(const Tensor& t, Ref<Storage> storage, IntSpan sizes, IntSpan strides,
                int64_t offset);
Tensor& set_(Tensor& self);
Tensor& set_storage_(Tensor& self, const Ref<Storage>& source);
Tensor& set_storage_window_(Tensor& self, const Ref<Storage>& source, int64_t storage_offset,
                            const Dims& size, const OptDims& stride = {});
Tensor& set_tensor_(Tensor& self, const Tensor& source);
Tensor& set_tensor_window_(Tensor& self, const Tensor& source, int64_t storage_offset,
                           const Dims& size, const OptDims& stride = {});
bool is_set_to(const Tensor& t, const Tensor& other);
Tensor& fill_diagonal_(Tensor& self, Scalar value, bool wrap = false);

// --- cat.cpp, index.cpp ---
Tensor cat(const TensorList& tensors, int64_t dim = 0);
Tensor stack(const TensorList& tensors, int64_t dim = 0);
Tensor hstack(const TensorList& tensors);
Tensor vstack(const TensorList& tensors);
Tensor dstack(const TensorList& tensors);
Tensor column_stack(const TensorList& tensors);
Tensor atleast_1d(const Tensor& t);
TensorList atleast_1d(const TensorList& tensors);
Tensor atleast_2d(const Tensor& t);
TensorList atleast_2d(const TensorList& tensors);
Tensor atleast_3d(const Tensor& t);
TensorList atleast_3d(const TensorList& tensors);
Tensor repeat(const Tensor& t, const Dims& repeats);
Tensor tile(const Tensor& t, const Dims& dims);
Tensor repeat_interleave(const Tensor& t, int64_t repeats, OptInt dim = {},
                         OptInt output_size = {});
Tensor repeat_interleave_each(const Tensor& t, const Tensor& repeats, OptInt dim = {},
                              OptInt output_size = {});
// Index i repeated repeats[i] times.
Tensor repeat_interleave_indices(const Tensor& repeats, OptInt output_size = {});
Tensor roll(const Tensor& t, const Dims& shifts, const Dims& dims = {});
Tensor flip(const Tensor& t, const Dims& dims);
Tensor tril(const Tensor& t, int64_t diagonal = 0);
Tensor triu(const Tensor& t, int64_t diagonal = 0);
Tensor& tril_(Tensor& self, int64_t diagonal = 0);
Tensor& triu_(Tensor& self, int64_t diagonal = 0);
// Advanced indexing: one entry per leading dim, undefined = full slice; integer, bool or uint8 tensors.
Tensor index(const Tensor& t, const TensorList& indices);
Tensor& index_put_(Tensor& self, const TensorList& indices, const Tensor& values,
                   bool accumulate = false);
Tensor index_put(const Tensor& t, const TensorList& indices, const Tensor& values,
                 bool accumulate = false);
Tensor index_select(const Tensor& t, int64_t dim, const Tensor& index);
Tensor& index_add_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                   Scalar alpha = 1);
Tensor index_add(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha = 1);
Tensor& index_copy_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_copy(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source);
Tensor& index_fill_(Tensor& self, int64_t dim, const Tensor& index, Scalar value);
Tensor index_fill(const Tensor& t, int64_t dim, const Tensor& index, Scalar value);
Tensor& index_fill_tensor_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& value);
Tensor index_fill_tensor(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& value);
Tensor take(const Tensor& t, const Tensor& index);
Tensor put(const Tensor& t, const Tensor& index, const Tensor& source, bool accumulate = false);
Tensor& put_(Tensor& self, const Tensor& index, const Tensor& source, bool accumulate = false);
Tensor take_along_dim(const Tensor& t, const Tensor& indices, OptInt dim = {});
Tensor gather(const Tensor& t, int64_t dim, const Tensor& index, bool sparse_grad = false);
Tensor scatter(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter_value(const Tensor& t, int64_t dim, const Tensor& index, Scalar value);
Tensor scatter_add(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src);
// reduce: sum, prod, mean, amax or amin; index_reduce has no sum.
Tensor scatter_reduce(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self = true);
Tensor& scatter_reduce_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                        std::string_view reduce, bool include_self = true);
Tensor& index_reduce_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self = true);
Tensor index_reduce(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self = true);
Tensor& scatter_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
Tensor& scatter_value_(Tensor& self, int64_t dim, const Tensor& index, Scalar value);
Tensor& scatter_add_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter_reduced(const Tensor& t, int64_t dim, const Tensor& index, const Tensor& src,
                       std::string_view reduce);
Tensor scatter_value_reduced(const Tensor& t, int64_t dim, const Tensor& index, Scalar value,
                             std::string_view reduce);
Tensor& scatter_reduced_(Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                         std::string_view reduce);
Tensor& scatter_value_reduced_(Tensor& self, int64_t dim, const Tensor& index, Scalar value,
                               std::string_view reduce);
Tensor masked_scatter(const Tensor& t, const Tensor& mask, const Tensor& source);
Tensor& masked_scatter_(Tensor& self, const Tensor& mask, const Tensor& source);
Tensor masked_fill(const Tensor& t, const Tensor& mask, const Tensor& value);
Tensor masked_fill_value(const Tensor& t, const Tensor& mask, Scalar value);
Tensor& masked_fill_(Tensor& self, const Tensor& mask, const Tensor& value);
Tensor& masked_fill_value_(Tensor& self, const Tensor& mask, Scalar value);
Tensor masked_select(const Tensor& t, const Tensor& mask);
Tensor nonzero(const Tensor& t);
TensorList nonzero_tuple(const Tensor& t);  // one index tensor per dim; where(condition)
Tensor one_hot(const Tensor& t, int64_t num_classes = -1);
Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t padding_idx = -1,
                 bool scale_grad_by_freq = false, bool sparse = false);

// --- reduce.cpp ---
Tensor sum(const Tensor& t, const OptDims& dim = {}, bool keepdim = false, OptDType dtype = {});
Tensor sum_all(const Tensor& t, OptDType dtype = {});  // SumBackward0
Tensor sum_over(const Tensor& t, const OptDims& dim, bool keepdim = false,
                OptDType dtype = {});  // SumBackward1
Tensor sum_to(const Tensor& t, IntSpan sizes);  // undoes broadcasting; recorded
Tensor trace(const Tensor& t);
Tensor sum_to_size(const Tensor& t, const Dims& size);
Tensor mean(const Tensor& t, const OptDims& dim = {}, bool keepdim = false, OptDType dtype = {});
Tensor mean_all(const Tensor& t, OptDType dtype = {});
Tensor mean_over(const Tensor& t, const OptDims& dim, bool keepdim = false, OptDType dtype = {});

// --- reduce_minmax.cpp ---
Tensor amax(const Tensor& t, const OptDims& dim = {}, bool keepdim = false);
Tensor amin(const Tensor& t, const OptDims& dim = {}, bool keepdim = false);
TwoTensors aminmax(const Tensor& t, OptInt dim = {}, bool keepdim = false);  // (min, max)
Tensor max_all(const Tensor& t);
Tensor min_all(const Tensor& t);
TwoTensors max_along(const Tensor& t, int64_t dim, bool keepdim = false);  // (values, indices)
TwoTensors min_along(const Tensor& t, int64_t dim, bool keepdim = false);
Tensor max_of_two(const Tensor& a, const Tensor& b);
Tensor min_of_two(const Tensor& a, const Tensor& b);
Tensor argmax(const Tensor& t, OptInt dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& t, OptInt dim = {}, bool keepdim = false);
Tensor all(const Tensor& t);
Tensor any(const Tensor& t);
Tensor all_over(const Tensor& t, const OptDims& dim, bool keepdim = false);
Tensor all_along(const Tensor& t, int64_t dim, bool keepdim = false);
Tensor any_along(const Tensor& t, int64_t dim, bool keepdim = false);
Tensor any_over(const Tensor& t, const OptDims& dim, bool keepdim = false);

// --- reduce_stats.cpp ---
Tensor prod_all(const Tensor& t, OptDType dtype = {});
Tensor prod(const Tensor& t, int64_t dim, bool keepdim = false, OptDType dtype = {});
Tensor count_nonzero(const Tensor& t, const Dims& dim = {});
Tensor count_nonzero_along(const Tensor& t, OptInt dim);
Tensor nansum(const Tensor& t, const OptDims& dim = {}, bool keepdim = false, OptDType dtype = {});
Tensor nanmean(const Tensor& t, const OptDims& dim = {}, bool keepdim = false, OptDType dtype = {});
Tensor var(const Tensor& t, const OptDims& dim = {}, OptScalar correction = {},
           bool keepdim = false);
Tensor std_deviation(const Tensor& t, const OptDims& dim = {}, OptScalar correction = {},
                     bool keepdim = false);
TwoTensors var_mean(const Tensor& t, const OptDims& dim = {}, OptScalar correction = {},
                    bool keepdim = false);
TwoTensors std_mean(const Tensor& t, const OptDims& dim = {}, OptScalar correction = {},
                    bool keepdim = false);
Tensor var_unbiased(const Tensor& t, bool unbiased);
Tensor std_unbiased(const Tensor& t, bool unbiased);
TwoTensors var_mean_unbiased(const Tensor& t, bool unbiased);
TwoTensors std_mean_unbiased(const Tensor& t, bool unbiased);
Tensor var_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased = true,
                         bool keepdim = false);
Tensor std_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased = true,
                         bool keepdim = false);
TwoTensors var_mean_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased = true,
                                  bool keepdim = false);
TwoTensors std_mean_unbiased_over(const Tensor& t, const OptDims& dim, bool unbiased = true,
                                  bool keepdim = false);
Tensor logsumexp(const Tensor& t, const Dims& dim, bool keepdim = false);
Tensor vector_norm(const Tensor& t, Scalar ord = 2, const OptDims& dim = {}, bool keepdim = false,
                   OptDType dtype = {});
Tensor norm_over(const Tensor& t, Scalar p, const Dims& dim, bool keepdim = false);
Tensor norm(const Tensor& t, OptScalar p = Scalar(2), const OptDims& dim = {}, bool keepdim = false,
            OptDType dtype = {});
Tensor dist(const Tensor& a, const Tensor& b, Scalar p = 2);
Tensor renorm(const Tensor& t, Scalar p, int64_t dim, Scalar maxnorm);

// --- scan.cpp ---
Tensor cumsum(const Tensor& t, int64_t dim, OptDType dtype = {});
Tensor cumprod(const Tensor& t, int64_t dim, OptDType dtype = {});

// --- softmax.cpp ---
Tensor softmax(const Tensor& t, int64_t dim, OptDType dtype = {});
Tensor log_softmax(const Tensor& t, int64_t dim, OptDType dtype = {});

// --- loss.cpp: reduction is 0 none, 1 mean, 2 sum ---
Tensor mse_loss(const Tensor& input, const Tensor& target, int64_t reduction = 1);
Tensor l1_loss(const Tensor& input, const Tensor& target, int64_t reduction = 1);
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, int64_t reduction = 1,
                      double beta = 1);
Tensor huber_loss(const Tensor& input, const Tensor& target, int64_t reduction = 1,
                  double delta = 1);
Tensor kl_div(const Tensor& input, const Tensor& target, int64_t reduction = 1,
              bool log_target = false);
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight = {},
                            int64_t reduction = 1);
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const OptTensor& weight = {},
                                        const OptTensor& pos_weight = {}, int64_t reduction = 1);
Tensor nll_loss(const Tensor& input, const Tensor& target, const OptTensor& weight = {},
                int64_t reduction = 1, int64_t ignore_index = -100);
Tensor cross_entropy(const Tensor& input, const Tensor& target, const OptTensor& weight = {},
                     int64_t reduction = 1, int64_t ignore_index = -100,
                     double label_smoothing = 0);

// --- nn.cpp ---
Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t dim = 1, double eps = 1e-8);
Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p = 2, double eps = 1e-6,
                         bool keepdim = false);
Tensor glu(const Tensor& t, int64_t dim = -1);
Tensor prelu(const Tensor& t, const Tensor& weight);
Tensor layer_norm(const Tensor& t, const Dims& normalized_shape, const OptTensor& weight = {},
                  const OptTensor& bias = {}, double eps = 1e-5);
Tensor rms_norm(const Tensor& t, const Dims& normalized_shape, const OptTensor& weight = {},
                OptDouble eps = {});

// --- matmul.cpp ---
Tensor matmul(const Tensor& a, const Tensor& b);
Tensor mm(const Tensor& a, const Tensor& b);
Tensor bmm(const Tensor& a, const Tensor& b);
// With a dtype for the result: PyTorch has these on GPUs only, and so they fail.
Tensor mm(const Tensor& a, const Tensor& b, DType out_dtype);
Tensor bmm(const Tensor& a, const Tensor& b, DType out_dtype);
Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, DType out_dtype, Scalar beta,
             Scalar alpha);
Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, DType out_dtype, Scalar beta,
               Scalar alpha);
Tensor mv(const Tensor& a, const Tensor& v);
Tensor dot(const Tensor& a, const Tensor& b);
Tensor vdot(const Tensor& a, const Tensor& b);
Tensor outer(const Tensor& a, const Tensor& b);
Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta = 1,
             Scalar alpha = 1);
Tensor& addmm_(Tensor& self, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor addmv(const Tensor& self, const Tensor& a, const Tensor& v, Scalar beta = 1,
             Scalar alpha = 1);
Tensor addr(const Tensor& self, const Tensor& u, const Tensor& v, Scalar beta = 1,
            Scalar alpha = 1);
Tensor& addr_(Tensor& self, const Tensor& u, const Tensor& v, Scalar beta = 1, Scalar alpha = 1);
Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta = 1,
               Scalar alpha = 1);
Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, Scalar beta = 1,
              Scalar alpha = 1);
Tensor kron(const Tensor& a, const Tensor& b);
Tensor linear(const Tensor& input, const Tensor& weight, const OptTensor& bias = {});

// --- einsum.cpp ---
Tensor einsum(std::string_view equation, const TensorList& operands);
// y[..., k] = x1[..., i] weight[k, i, j] x2[..., j] + bias[k]
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const OptTensor& bias);
Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b);
Tensor inner(const Tensor& a, const Tensor& b);

// --- conjugate.cpp: Note [Conjugate views] ---
// conj() as Python calls it: a view, or t itself if that is real. In formulas conj() is the product of a loop.
Tensor conj_view(const Tensor& t);
Tensor neg_view(const Tensor& t);
// t itself where there is nothing to do.
Tensor resolve_conj(const Tensor& t);
Tensor resolve_neg(const Tensor& t);
bool is_conj(const Tensor& t);
bool is_neg(const Tensor& t);
// t itself, or a copy that is not lazy; without history.
Tensor resolved(const Tensor& t);
// copy_values() where one of the two is lazy.
void copy_lazy_values(const Tensor& to, const Tensor& from);

// --- complex.cpp ---
Tensor view_as_real(const Tensor& t);
Tensor view_as_complex(const Tensor& t);
Tensor real(const Tensor& t);
Tensor imag(const Tensor& t);
Tensor conj_physical(const Tensor& t);
Tensor& conj_physical_(Tensor& self);  // of real numbers too, as PyTorch's, recorded
Tensor make_complex(const Tensor& re, const Tensor& im);
Tensor polar(const Tensor& size, const Tensor& angle);
// The parts of complex numbers as windows without history: both along a last dim, or one (0 real, 1 imaginary).
Tensor parts_of(const Tensor& t);
Tensor part_of(const Tensor& t, int64_t which);
Complex<double> complex_item(const Tensor& t);
// Of a cast from complex to real numbers.
void warn_if_discards(DType from, DType to);
// A gradient in the dtype of what it belongs to: a real tensor has the real part of a complex one.
Tensor conform_dtype(const Tensor& g, DType dtype);

// --- query.cpp ---
bool is_floating_point(const Tensor& t);
bool is_complex(const Tensor& t);
bool is_signed(const Tensor& t);
bool is_inference(const Tensor& t);
bool is_nonzero(const Tensor& t);
int64_t numel(const Tensor& t);
int64_t get_device(const Tensor& t);  // the index of an accelerator; -1 of the CPU
bool is_distributed(const Tensor& t);
// Pages that an accelerator may read. There is none, which is an error where they are asked for.
bool is_pinned(const Tensor& t, std::optional<Device> device);
Tensor pin_memory(const Tensor& t, std::optional<Device> device);
bool equal(const Tensor& a, const Tensor& b);
Tensor isclose(const Tensor& input, const Tensor& other, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);
bool allclose(const Tensor& input, const Tensor& other, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false);
DType result_type_of(const Tensor& a, const Tensor& b);
DType result_type_nt(Scalar a, const Tensor& b);
DType result_type_tn(const Tensor& a, Scalar b);
DType result_type_nn(Scalar a, Scalar b);

// --- factory.cpp: new tensors as Python asks for them ---
struct TensorOptions {
    OptDType dtype;
    Device device;
    bool requires_grad = false;
};
enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast };
using OptMemoryFormat = std::optional<MemoryFormat>;
Dims format_strides(IntSpan sizes, MemoryFormat format);
bool is_contiguous_in(const Tensor& t, MemoryFormat format);
Tensor finished(Tensor t, const TensorOptions& o);  // with requires_grad set
// An out= that `write` fills: what has a history gets a node without a formula.
Tensor written(const char* name, const Tensor& out, const TensorOptions& o,
               const std::function<void()>& write);
void resize_quietly(const Tensor& out, IntSpan shape);
Tensor clone_in(const Tensor& t, OptMemoryFormat format);
// To PyTorch the copy of an inference tensor, made in normal mode, is a new tensor that is written to: does that
// for `out`, which is to be a copy of such a t, and returns true.
bool copied_by_write(Tensor& out, const Tensor& t);
Tensor contiguous_in(const Tensor& t, OptMemoryFormat format);
Tensor& resize_as_(Tensor& self, const Tensor& other, OptMemoryFormat format = {});  // set.cpp
Tensor to_format(const Tensor& t, DType dtype, MemoryFormat format);  // always a copy
Tensor make_empty(const Dims& size, OptMemoryFormat format, const OptTensor& out,
                  const TensorOptions& o);
Tensor make_empty_strided(const Dims& size, const Dims& stride, const TensorOptions& o);
Tensor make_zeros(const Dims& size, const OptTensor& out, const TensorOptions& o);
Tensor make_ones(const Dims& size, const OptTensor& out, const TensorOptions& o);
Tensor make_full(const Dims& size, Scalar value, const OptTensor& out, const TensorOptions& o);
Tensor make_scalar_tensor(Scalar value, const TensorOptions& o);
Tensor make_empty_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o);
Tensor make_zeros_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o);
Tensor make_ones_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o);
Tensor make_full_like(const Tensor& t, Scalar value, OptMemoryFormat format,
                      const TensorOptions& o);
Tensor new_empty(const Tensor& t, const Dims& size, const TensorOptions& o);
Tensor new_empty_strided(const Tensor& t, const Dims& size, const Dims& stride, TensorOptions o);
Tensor new_zeros(const Tensor& t, const Dims& size, const TensorOptions& o);
Tensor new_ones(const Tensor& t, const Dims& size, const TensorOptions& o);
Tensor new_full(const Tensor& t, const Dims& size, Scalar value, const TensorOptions& o);
Tensor make_arange(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                   const TensorOptions& o);
Tensor make_arange_to(Scalar end, const OptTensor& out, const TensorOptions& o);
Tensor make_arange_between(Scalar start, Scalar end, const TensorOptions& o);
Tensor make_range(Scalar start, Scalar end, Scalar step, const OptTensor& out,
                  const TensorOptions& o);
Tensor make_linspace(Scalar start, Scalar end, int64_t steps, const OptTensor& out,
                     const TensorOptions& o);
Tensor make_linspace_tt(const Tensor& start, const Tensor& end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o);
Tensor make_linspace_nt(Scalar start, const Tensor& end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o);
Tensor make_linspace_tn(const Tensor& start, Scalar end, int64_t steps, const OptTensor& out,
                        const TensorOptions& o);
Tensor make_logspace(Scalar start, Scalar end, int64_t steps, double base, const OptTensor& out,
                     const TensorOptions& o);
Tensor make_logspace_tt(const Tensor& start, const Tensor& end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o);
Tensor make_logspace_nt(Scalar start, const Tensor& end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o);
Tensor make_logspace_tn(const Tensor& start, Scalar end, int64_t steps, double base,
                        const OptTensor& out, const TensorOptions& o);
Tensor make_eye(int64_t n, int64_t m, const OptTensor& out, const TensorOptions& o);
Tensor make_eye_square(int64_t n, const OptTensor& out, const TensorOptions& o);

// --- forms.cpp: choices among elementwise rows ---
RowChoice clamp_tensors(const Tensor& x, const OptTensor& min, const OptTensor& max);
RowChoice clamp_numbers(const Tensor& x, OptScalar min, OptScalar max);
using OptString = std::optional<std::string_view>;
RowChoice div_rounded(const Arg& a, const Arg& b, OptString rounding_mode);
RowChoice div_rounded(const Tensor& a, Scalar b, OptString rounding_mode);
RowChoice true_divide(const Arg& a, const Arg& b);
RowChoice true_divide(const Tensor& a, Scalar b);
RowChoice round_to(const Tensor& x, int64_t decimals);
RowChoice logit(const Tensor& x, OptDouble eps);
RowChoice nan_to_num(const Tensor& x, OptDouble nan, OptDouble posinf, OptDouble neginf);
Tensor float_power(const Tensor& a, const Tensor& b);
Tensor float_power(const Tensor& a, Scalar b);
Tensor float_power(Scalar a, const Tensor& b);
Tensor& float_power_(Tensor& a, const Tensor& b);
Tensor& float_power_(Tensor& a, Scalar b);
RowChoice gelu(const Tensor& x, std::string_view approximate);
RowChoice selu(const Tensor& x);
RowChoice relu6(const Tensor& x);
RowChoice where_tensors(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where_values(const Tensor& condition, Scalar a, const Tensor& b);
Tensor where_values(const Tensor& condition, const Tensor& a, Scalar b);
Tensor where_values(const Tensor& condition, Scalar a, Scalar b);
Tensor where_method(const Tensor& self, const Tensor& condition, const Tensor& other);
Tensor where_method(const Tensor& self, const Tensor& condition, Scalar other);
Tensor rsub(const Tensor& self, const Arg& other, Scalar alpha = 1);
Tensor rsub_by(const Tensor& self, const Tensor& other, Scalar alpha);
Tensor rsub_by(const Tensor& self, Scalar other, Scalar alpha);

// --- random.cpp: what is drawn, in place; what Python calls ---
class Generator;
Tensor& uniform_(Tensor& t, double from, double to, Generator& g);
Tensor& normal_(Tensor& t, double mean, double std, Generator& g);
Tensor& log_normal_(Tensor& t, double mean, double std, Generator& g);
Tensor& cauchy_(Tensor& t, double median, double sigma, Generator& g);
Tensor& exponential_(Tensor& t, double lambda, Generator& g);
Tensor& geometric_(Tensor& t, double p, Generator& g);
Tensor& random_full_(Tensor& t, Generator& g);
Tensor& random_to_(Tensor& t, int64_t to, Generator& g);
Tensor& random_range_(Tensor& t, int64_t from, OptInt to, Generator& g);
Tensor& bernoulli_(Tensor& t, double p, Generator& g);
Tensor& bernoulli_tensor_(Tensor& t, const Tensor& p, Generator& g);
Tensor make_rand_from(const Dims& size, Generator& g, const OptTensor& out, const TensorOptions& o);
Tensor make_rand(const Dims& size, const OptTensor& out, const TensorOptions& o);
Tensor make_randn_from(const Dims& size, Generator& g, const OptTensor& out,
                       const TensorOptions& o);
Tensor make_randn(const Dims& size, const OptTensor& out, const TensorOptions& o);
Tensor make_randint_between_from(int64_t low, int64_t high, const Dims& size, Generator& g,
                                 const OptTensor& out, const TensorOptions& o);
Tensor make_randint_between(int64_t low, int64_t high, const Dims& size, const OptTensor& out,
                            const TensorOptions& o);
Tensor make_randint_from(int64_t high, const Dims& size, Generator& g, const OptTensor& out,
                         const TensorOptions& o);
Tensor make_randint(int64_t high, const Dims& size, const OptTensor& out, const TensorOptions& o);
Tensor make_randperm_from(int64_t n, Generator& g, const OptTensor& out, const TensorOptions& o);
Tensor make_randperm(int64_t n, const OptTensor& out, const TensorOptions& o);
Tensor rand_like_from(const Tensor& t, Generator& g, OptMemoryFormat f, const TensorOptions& o);
Tensor rand_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o);
Tensor randn_like_from(const Tensor& t, Generator& g, OptMemoryFormat f, const TensorOptions& o);
Tensor randn_like(const Tensor& t, OptMemoryFormat format, const TensorOptions& o);
Tensor randint_like_between_from(const Tensor& t, int64_t low, int64_t high, Generator& g,
                                 OptMemoryFormat format, const TensorOptions& o);
Tensor randint_like_between(const Tensor& t, int64_t low, int64_t high, OptMemoryFormat format,
                            const TensorOptions& o);
Tensor randint_like_tensor_from(const Tensor& t, const Tensor& high, Generator& g,
                                OptMemoryFormat format, const TensorOptions& o);
Tensor randint_like_tensor(const Tensor& t, const Tensor& high, OptMemoryFormat format,
                           const TensorOptions& o);
Tensor randint_like_from(const Tensor& t, int64_t high, Generator& g, OptMemoryFormat format,
                         const TensorOptions& o);
Tensor randint_like(const Tensor& t, int64_t high, OptMemoryFormat format, const TensorOptions& o);
Tensor normal_of_tensors(const Tensor& mean, const Tensor& std, Generator& g, const OptTensor& out);
Tensor normal_of_mean(const Tensor& mean, double std, Generator& g, const OptTensor& out);
Tensor normal_of_std(double mean, const Tensor& std, Generator& g, const OptTensor& out);
Tensor make_normal(double mean, double std, const Dims& size, Generator& g, const OptTensor& out,
                   const TensorOptions& o);
Tensor bernoulli_out(const Tensor& p, Generator& g, const OptTensor& out);
Tensor bernoulli(const Tensor& p, Generator& g);
Tensor bernoulli_like(const Tensor& t, double p, Generator& g);
Tensor multinomial_out(const Tensor& weights, int64_t samples, bool replacement, Generator& g,
                       const OptTensor& out);
Tensor multinomial(const Tensor& weights, int64_t samples, bool replacement, Generator& g);
Tensor dropout(const Tensor& x, double p, bool train);

}  // namespace wg
