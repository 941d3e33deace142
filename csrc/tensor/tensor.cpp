#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>

#include "tensor/scalar.h"
#include "tensor/shape.h"

namespace wg {

void (*release_python_object)(void*) noexcept = nullptr;

void TensorImpl::set_many_dims(int64_t n) {
    WG_CHECK(n <= kMaxDims, "only tensors with up to ", kMaxDims, " dims are supported");
    if (dims != inline_dims) pool_free(dims, size_t(ndim) * 2 * sizeof(int64_t));
    dims = n <= kInlineDims ? inline_dims
                            : static_cast<int64_t*>(pool_allocate(size_t(n) * 2 * sizeof(int64_t)));
    ndim = uint8_t(n);
}

void TensorImpl::update_geometry() {
    const int64_t* sizes = dims;
    const int64_t* strides = dims + ndim;
    int64_t n = 1;
    uint64_t step = 1;
    bool dense = true, exact = true, overflows = false;
    for (int d = ndim - 1; d >= 0; --d) {
        if (sizes[d] != 1 && strides[d] != n) dense = false;
        exact &= uint64_t(strides[d]) == step;
        if (sizes[d] > 1) step *= uint64_t(sizes[d]);
        overflows |= __builtin_mul_overflow(n, sizes[d], &n);
    }
    if (overflows) [[unlikely]] {  // expanded tensors can have more elements than there are numbers
        WG_CHECK(std::ranges::count(this->sizes(), 0) > 0,
                 "numel: integer multiplication overflow");
        n = 0;
    }
    numel = n;
    contiguous = (dense || n == 0) && !lazy();
    packed = contiguous && exact;
    byte_offset = storage->data ? offset * int64_t(item_size(dtype)) : 0;
}

TensorImpl::~TensorImpl() {
    delete extras;
    if (dims != inline_dims) pool_free(dims, size_t(ndim) * 2 * sizeof(int64_t));
}

void TensorImpl::destroy(TensorImpl* t) noexcept {
    if (t->owns_python) {
        t->refs = 1;  // the Python object may still look at the tensor while it is torn down
        t->owns_python = false;
        void* object = t->python;
        release_python_object(object);
        return;
    }
    t->~TensorImpl();
    pool_free(t, sizeof(TensorImpl));
}

int64_t Tensor::size(int64_t d) const {
    WG_CHECK_INDEX(dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
    return impl_->dims[wrap_dim(d, dim())];
}
int64_t Tensor::stride(int64_t d) const {
    WG_CHECK_INDEX(dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
    return impl_->dims[dim() + wrap_dim(d, dim())];
}

void Tensor::bump_special() const {
    if (is_lazy()) finish_writes();
    if ((impl_->inference || impl_->untracked) && inference_mode()) return;
    WG_CHECK(
        !impl_->untracked,
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
        "normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
    ++*impl_->version;
}

void TensorImpl::set_lazy(bool conj, bool neg) {
    conjugate = conj;
    negative = neg;
    update_geometry();
}

namespace {

// For numbers that must be real.
Scalar complex_element(const Tensor& t) {
    return visit_complex(t.dtype(), [&](auto tag) {
        return Scalar(Complex<double>(*t.data<typename decltype(tag)::type>()));
    });
}

}  // namespace

double Tensor::to_double() const {
    if (is_complex(dtype())) return complex_element(*this).to_double();
    return visit_dtype(dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        return double(compute_type<T>(*data<T>()));
    });
}
int64_t Tensor::to_int() const {
    if (is_complex(dtype())) {
        const Complex<double> z = complex_element(*this).to_complex();
        WG_CHECK(z.im == 0, "value cannot be converted to type int64_t without overflow");
        return int64_t(z.re);
    }
    return visit_dtype(dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_same_v<T, compute_type<T>>) return int64_t(*data<T>());
        else return int64_t(float(*data<T>()));
    });
}

namespace {

// The number of bytes that sizes and strides reach from offset 0.
size_t storage_bytes(IntSpan sizes, IntSpan strides, size_t itemsize) {
    size_t last = 0;
    for (size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == 0) return 0;
        size_t reach;
        if (__builtin_mul_overflow(size_t(sizes[d] - 1), size_t(strides[d]), &reach) ||
            __builtin_add_overflow(last, reach, &last))
            fail(ErrorKind::Runtime, "Storage size calculation overflowed with sizes=" +
                                         to_string(sizes) + " and strides=" + to_string(strides));
    }
    size_t bytes;
    if (__builtin_add_overflow(last, size_t(1), &last) ||
        __builtin_mul_overflow(last, itemsize, &bytes))
        fail(ErrorKind::Runtime, "Storage size calculation overflowed with sizes=" +
                                     to_string(sizes) + " and strides=" + to_string(strides));
    return bytes;
}

}  // namespace

Tensor from_storage(Ref<Storage> storage, IntSpan sizes, IntSpan strides, int64_t offset,
                    DType dtype) {
    auto t = TensorImpl::make(std::move(storage));
    t->dtype = dtype;
    t->set_ndim(int64_t(sizes.size()));
    if (!sizes.empty()) {
        std::memcpy(t->dims, sizes.data(), sizes.size_bytes());
        std::memcpy(t->dims + sizes.size(), strides.data(), strides.size_bytes());
    }
    t->offset = offset;
    t->update_geometry();
    return Tensor(std::move(t));
}

namespace {

void check_not_negative(IntSpan sizes) {
    for (int64_t s : sizes)
        WG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ",
                 to_string(sizes));
}

// Called when something overflows. PyTorch counts the elements from the first dim on, with zeros, and the
// strides from the last, without; an empty tensor may pass both.
void check_too_large(IntSpan sizes, DType dtype) {
    uint64_t bytes = 1;
    bool overflows = false;
    for (int64_t s : sizes) overflows |= __builtin_mul_overflow(bytes, uint64_t(s), &bytes);
    overflows |= __builtin_mul_overflow(bytes, item_size(dtype), &bytes);
    if (overflows || bytes > uint64_t(INT64_MAX))
        fail(ErrorKind::Runtime,
             "Storage size calculation overflowed with sizes=" + to_string(sizes));
    int64_t stride = 1;
    for (size_t d = sizes.size(); d-- > 1;)
        WG_CHECK(!__builtin_mul_overflow(stride, std::max<int64_t>(sizes[d], 1), &stride),
                 "Stride calculation overflowed");
}

}  // namespace

Tensor empty(IntSpan sizes, DType dtype) {
    const int64_t ndim = int64_t(sizes.size());
    int64_t n = 1, bytes = 0;
    bool is_empty = false, overflows = false;
    for (int64_t d = ndim - 1; d >= 0; --d) {
        if (sizes[d] < 0) [[unlikely]]
            check_not_negative(sizes);
        is_empty |= sizes[d] == 0;
        overflows |= __builtin_mul_overflow(n, std::max<int64_t>(sizes[d], 1), &n);
    }
    overflows |= __builtin_mul_overflow(n, int64_t(item_size(dtype)), &bytes);
    if (overflows) [[unlikely]]
        check_too_large(sizes, dtype);
    if (is_empty) n = bytes = 0;
    auto t = TensorImpl::make(Storage::allocate(size_t(bytes)));
    t->dtype = dtype;
    t->set_ndim(ndim);
    t->numel = n;
    for (int64_t d = ndim - 1, stride = 1; d >= 0; --d) {
        t->dims[d] = sizes[d];
        t->dims[ndim + d] = stride;
        stride *= std::max<int64_t>(sizes[d], 1);
    }
    return Tensor(std::move(t));
}

Tensor empty_strided(IntSpan sizes, IntSpan strides, DType dtype) {
    check_not_negative(sizes);
    auto storage = Storage::allocate(storage_bytes(sizes, strides, item_size(dtype)));
    return from_storage(std::move(storage), sizes, strides, 0, dtype);
}

Tensor empty_like(const Tensor& t, DType dtype) {
    if (t.is_contiguous()) {
        // The strides are the contiguous ones up to those of size-1 dimensions, which carry over.
        auto r = TensorImpl::make(Storage::allocate(size_t(t.numel()) * item_size(dtype)));
        r->dtype = dtype;
        r->set_ndim(t.dim());
        for (int64_t i = 0; i < 2 * t.dim(); ++i) r->dims[i] = t->dims[i];
        r->numel = t.numel();
        r->packed = t->packed;
        return Tensor(std::move(r));
    }
    return empty_strided(t.sizes(), dense_strides_like(t.sizes(), t.strides()), dtype);
}

Tensor alias(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
    auto r = TensorImpl::make(t->storage);
    r->dtype = t.dtype();
    r->device = t.device();
    r->level = t->level;
    r->inference = t->inference;
    r->conjugate = t->conjugate;
    r->negative = t->negative;
    r->untracked = t->untracked || t->inference;
    r->own_version = t->own_version;
    r->version = t->version;
    r->set_ndim(int64_t(sizes.size()));
    const size_t n = sizes.size();
    for (size_t d = 0; d < n; ++d) {
        r->dims[d] = sizes[d];
        r->dims[n + d] = strides[d];
    }
    r->offset = offset;
    r->update_geometry();
    return Tensor(std::move(r));
}

Tensor alias(const Tensor& t) { return alias(t, t.sizes(), t.strides(), t.offset()); }

}  // namespace wg
