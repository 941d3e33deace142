// Storage: a reference-counted block of bytes that tensors share.
// Small blocks live right behind their header, so that a small result costs one allocation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/free_list.h"
#include "base/intrusive_ptr.h"

namespace wg {

struct Storage {
    uint32_t refs = 0;
    // Counts in-place writes. It lives here because every tensor over this memory shares it, except
    // those made by `.data` (see VersionCounter in tensor.h).
    uint32_t version = 0;
    char* data = nullptr;
    size_t nbytes = 0;
    size_t capacity = 0;  // bytes at `data`
    // Foreign memory (numpy, buffers): called with `owner` when the last tensor goes.
    void (*deleter)(void* owner) = nullptr;
    void* owner = nullptr;
    uint32_t block_bytes =
        0;  // size of the pool block when the data lies behind the header, else 0
    bool resizable = true;  // false once others hold `data` itself
    bool shared = false;  // with processes that are forked from this one
    void* python = nullptr;  // its Python object while there is one

    static Ref<Storage> allocate(size_t nbytes) {
        if (nbytes > kInlineLimit) [[unlikely]]
            return allocate_large(nbytes);
        const size_t block = kHeader + nbytes;
        char* const memory = static_cast<char*>(pool_allocate(block));
        auto* s = new (memory) Storage;
        s->data = memory + kHeader;
        s->nbytes = s->capacity = nbytes;
        s->block_bytes = uint32_t(block);
        return Ref<Storage>(s);
    }
    static Ref<Storage> wrap(void* data, size_t nbytes, void (*deleter)(void*), void* owner);
    static void destroy(Storage* s) noexcept;

    // Only for own memory. It is replaced by a block of `nbytes` with the same beginning if it is too small; it
    // stays if it is large enough, since tensors may go on to show all of it.
    void resize(size_t nbytes);
    // Moves the bytes to memory that forked processes share; RuntimeError if there is none. Who has looked at the
    // old memory itself (NumPy) goes on to see that.
    void share();

private:
    static constexpr size_t kHeader = 64;  // keeps the data behind it 64-byte aligned
    static constexpr size_t kInlineLimit = pool::kLargestBlock - kHeader;
    static Ref<Storage> allocate_large(size_t nbytes);
    bool is_inline() const noexcept;
    // The contents, into memory that nobody else has.
    void move_to(Ref<Storage> other) noexcept;
    void free_data() noexcept;
};

static_assert(sizeof(Storage) <= 64);

}  // namespace wg
