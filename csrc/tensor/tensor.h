// Tensor: a handle to a TensorImpl, which is a strided window on a Storage plus its place in the graph.
// Start with TensorImpl. Nothing here records history: autograd/ owns the meaning of grad_fn,
// view_base and extras, this file only keeps them with the tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/free_list.h"
#include "base/intrusive_ptr.h"
#include "base/small_vector.h"
#include "tensor/dtype.h"
#include "tensor/grad_mode.h"
#include "tensor/storage.h"

namespace wg {

using IntSpan = std::span<const int64_t>;
using Dims = SmallVector<int64_t, 5>;
inline constexpr int64_t kMaxDims = 64;  // sets of dims fit into a uint64_t

enum class DeviceType : uint8_t { CPU, CUDA };
struct Device {
    DeviceType type = DeviceType::CPU;
    int8_t index = -1;
    bool operator==(const Device&) const = default;
};

// A node of the graph as the tensor sees it; autograd/node.h derives from it.
struct GraphNode {
    uint32_t refs = 0;
    virtual void on_last_reference() noexcept = 0;
    static void destroy(GraphNode* n) noexcept { n->on_last_reference(); }

protected:
    ~GraphNode() = default;
};

// The rarely used part of a tensor's autograd state; autograd/meta.h derives from it.
struct TensorExtras {
    Ref<Storage> resolved;  // of a lazy tensor: Note [Conjugate views]
    virtual ~TensorExtras() = default;
};

// A version counter apart from the storage's: for tensors made by `.data`, which share memory but not versions,
// and for those whose `.data` was set, which go on sharing the versions of their former memory.
struct VersionCounter {
    uint32_t refs = 0;
    uint32_t version = 0;
    Ref<Storage> former;  // keeps the counter of that memory alive, when it is shared
    static Ref<VersionCounter> make() {
        return Ref<VersionCounter>(new (pool_allocate(sizeof(VersionCounter))) VersionCounter);
    }
    static void destroy(VersionCounter* v) noexcept {
        v->~VersionCounter();
        pool_free(v, sizeof(VersionCounter));
    }
};

// How a view was made: decides what an in-place operation on it may do (autograd/view.cpp).
enum class ViewKind : uint8_t { None, Default, NoGrad, MultiOutput, CustomFunction, Inference };

// How many function transforms (torch.func) this thread is in: Note [Levels] in autograd/transform.h.
inline thread_local uint8_t transform_level = 0;

struct TensorImpl {
    uint32_t refs = 0;
    DType dtype = DType::Float32;
    uint8_t ndim = 0;
    bool contiguous : 1 = true;  // and not lazy; the strides of dims of size 1 do not count
    bool packed : 1 = true;  // contiguous, and these strides are too
    bool requires_grad : 1 =
        false;  // set on a leaf by the user; see autograd/meta.h for the whole rule
    bool wrapped_number : 1 = false;  // a Python number: weakest in type promotion
    bool owns_python : 1 = false;  // keeps its Python object alive (it has attributes, hooks, ...)
    bool retains_grad : 1 = false;
    bool : 0;  // the next four are one byte, which most calls ask about as a whole
    // Made in inference mode, or from a tensor that was: never saved for backward, and its views are no views.
    // Most of them count no writes, so that writing to them is an error in normal mode; `.data =` and detach()
    // part the two.
    bool inference : 1 = inference_mode();
    bool untracked : 1 = inference_mode();
    // The values are the conjugates, or the negatives, of what the memory holds: the tensor is lazy.
    bool conjugate : 1 = false;
    bool negative : 1 = false;
    ViewKind view_kind = ViewKind::None;
    Device device;
    uint8_t level =
        transform_level;  // the transform that it was made in; a view's is that of its base
    uint32_t output_nr = 0;  // which output of grad_fn this tensor is
    Ref<Storage> storage;
    int64_t byte_offset = 0;  // of the first element, where the storage has memory
    int64_t numel = 1;
    int64_t offset = 0;  // in elements
    int64_t* dims = inline_dims;  // ndim sizes, then ndim strides (in elements)
    static constexpr int64_t kInlineDims = 4;
    int64_t inline_dims[2 * kInlineDims];
    uint32_t* version = nullptr;  // the storage's or own_version's
    Ref<VersionCounter> own_version;
    Ref<GraphNode> grad_fn;
    Ref<TensorImpl> view_base;  // the tensor this one is a differentiable view of
    uint32_t attr_version = 0;  // version at which grad_fn of a view was last right
    TensorExtras* extras = nullptr;
    void* python = nullptr;  // its Python object while there is one

    IntSpan sizes() const noexcept { return {dims, ndim}; }
    IntSpan strides() const noexcept { return {dims + ndim, ndim}; }
    bool lazy() const noexcept { return conjugate || negative; }
    void set_lazy(bool conj, bool neg);

    // Sets rank and makes room; the caller fills dims and then calls update_geometry().
    void set_ndim(int64_t n) {
        if (n > kInlineDims || dims != inline_dims) [[unlikely]]
            return set_many_dims(n);
        ndim = uint8_t(n);
    }
    // Recomputes numel, contiguous and byte_offset from dims, offset and storage.
    void update_geometry();

    // On this memory; the caller sets the dtype and the shape.
    static Ref<TensorImpl> make(Ref<Storage> storage) {
        return Ref<TensorImpl>(new (pool_allocate(sizeof(TensorImpl)))
                                   TensorImpl(std::move(storage)));
    }
    static void destroy(TensorImpl* t) noexcept;
    explicit TensorImpl(Ref<Storage> s) noexcept
        : storage(std::move(s)), version(&storage->version) {}
    TensorImpl(const TensorImpl&) = delete;
    ~TensorImpl();

private:
    void set_many_dims(int64_t n);
};

// Called when the last owner of a tensor that keeps its Python object alive is gone.
extern void (*release_python_object)(void* object) noexcept;

class Tensor {
public:
    Tensor() = default;
    explicit Tensor(Ref<TensorImpl> impl) noexcept : impl_(std::move(impl)) {}
    explicit Tensor(TensorImpl* impl) noexcept : impl_(impl) {}

    bool defined() const noexcept { return bool(impl_); }
    explicit operator bool() const = delete;
    TensorImpl* impl() const noexcept { return impl_.get(); }
    TensorImpl* operator->() const noexcept { return impl_.get(); }
    const Ref<TensorImpl>& ref() const noexcept { return impl_; }
    TensorImpl* release() noexcept { return impl_.release(); }
    bool is_same(const Tensor& other) const noexcept { return impl_ == other.impl_; }

    DType dtype() const noexcept { return impl_->dtype; }
    Device device() const noexcept { return impl_->device; }
    int64_t dim() const noexcept { return impl_->ndim; }
    int64_t numel() const noexcept { return impl_->numel; }
    size_t itemsize() const noexcept { return item_size(impl_->dtype); }
    size_t nbytes() const noexcept { return size_t(impl_->numel) * itemsize(); }
    IntSpan sizes() const noexcept { return impl_->sizes(); }
    IntSpan strides() const noexcept { return impl_->strides(); }
    // Size and stride of a dimension; negative counts from the end; IndexError out of range.
    int64_t size(int64_t d) const;
    int64_t stride(int64_t d) const;
    int64_t offset() const noexcept { return impl_->offset; }
    // Whether the values lie in memory one after the other: not those of a lazy tensor.
    bool is_contiguous() const noexcept { return impl_->contiguous; }
    bool is_packed() const noexcept { return impl_->packed; }
    bool is_lazy() const noexcept { return impl_->lazy(); }
    bool is_view() const noexcept { return bool(impl_->view_base); }
    // Where the first element lies, whose value is to be found there unless the tensor is lazy. Read anew each
    // time: resizing one tensor moves the memory of all that share the storage.
    char* address() const noexcept { return impl_->storage->data + impl_->byte_offset; }
    // The values at the tensor's strides, to be read; to be read and written, before bump_version() of the tensor
    // or copy_values() to it. Note [Conjugate views].
    const char* raw() const {
        if (impl_->lazy()) [[unlikely]]
            return resolved_memory();
        return address();
    }
    char* mutable_raw() const {
        if (impl_->lazy()) [[unlikely]]
            return memory_to_write();
        return address();
    }
    template <class T>
    const T* data() const {
        return reinterpret_cast<const T*>(raw());
    }
    template <class T>
    T* mutable_data() const {
        return reinterpret_cast<T*>(mutable_raw());
    }
    uint32_t version() const noexcept { return *impl_->version; }
    // After every write in place. RuntimeError if it is to be counted and the tensor is untracked.
    void bump_version() const {
        if (impl_->inference || impl_->untracked || impl_->lazy()) [[unlikely]]
            return bump_special();
        ++*impl_->version;
    }
    // Nobody else holds the tensor. One that keeps its Python object may have other holders there.
    bool is_unique() const noexcept { return impl_->refs == 1 && !impl_->owns_python; }
    // No other tensor and no view can see this memory: it may become the result of what reads it. An inference
    // tensor may not, results are normal ones; nor a lazy one.
    bool owns_memory_alone() const noexcept {
        return is_unique() && impl_->storage->refs == 1 && !impl_->storage->deleter &&
               !impl_->inference && !impl_->lazy();
    }
    // The value of element 0 as C++ type; the tensor must have at least one element.
    double to_double() const;
    int64_t to_int() const;

private:
    void bump_special() const;
    const char* resolved_memory() const;
    char* memory_to_write() const;
    Ref<TensorImpl> impl_;
};

using OptTensor = std::optional<Tensor>;

// Puts what was written to mutable_raw() of lazy tensors into their memory; forgets it, after a failure.
void finish_writes();
void drop_writes() noexcept;

// Memory without values. Contiguous unless strides are given; storage covers all elements.
Tensor empty(IntSpan sizes, DType dtype);
Tensor empty_strided(IntSpan sizes, IntSpan strides, DType dtype);
// Same shape as t; keeps the order of its dimensions when t is dense (PyTorch's preserve_format).
Tensor empty_like(const Tensor& t, DType dtype);
inline Tensor empty_like(const Tensor& t) { return empty_like(t, t.dtype()); }
// Another window on t's storage, sharing its version counter and as lazy; no history, no view relation.
Tensor alias(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset);
Tensor alias(const Tensor& t);
// Window on a storage; checks nothing.
Tensor from_storage(Ref<Storage> storage, IntSpan sizes, IntSpan strides, int64_t offset,
                    DType dtype);

}  // namespace wg
