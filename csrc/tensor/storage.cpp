#include "tensor/storage.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/free_list.h"
#include "tensor/allocator.h"

namespace wg {

namespace {
constexpr size_t kInlineLimit = 1024 - kStorageHeader;
}

Ref<Storage> Storage::allocate(size_t nbytes) {
    if (nbytes <= kInlineLimit) {
        const size_t block = kStorageHeader + nbytes;
        char* memory = static_cast<char*>(pool_allocate(block));
        auto* s = new (memory) Storage;
        s->data = memory + kStorageHeader;
        s->nbytes = s->capacity = nbytes;
        s->block_bytes = uint32_t(block);
        return Ref<Storage>(s);
    }
    void* data = wg::allocate(nbytes);
    auto* s = new (pool_allocate(sizeof(Storage))) Storage;
    s->data = static_cast<char*>(data);
    s->nbytes = s->capacity = nbytes;
    return Ref<Storage>(s);
}

Ref<Storage> Storage::wrap(void* data, size_t nbytes, void (*deleter)(void*), void* owner) {
    auto* s = new (pool_allocate(sizeof(Storage))) Storage;
    s->data = static_cast<char*>(data);
    s->nbytes = s->capacity = nbytes;
    s->deleter = deleter;
    s->owner = owner;
    return Ref<Storage>(s);
}

void Storage::destroy(Storage* s) noexcept {
    const size_t block = s->block_bytes;
    if (block) {
        if (s->data != reinterpret_cast<char*>(s) + kStorageHeader)
            wg::deallocate(s->data, s->capacity);
        pool_free(s, block);
        return;
    }
    if (s->deleter) {
        s->deleter(s->owner);
    } else {
        wg::deallocate(s->data, s->capacity);
    }
    pool_free(s, sizeof(Storage));
}

void Storage::resize(size_t size) {
    WG_CHECK(resizable && !deleter, "Trying to resize storage that is not resizable");
    if (size > capacity) {
        char* fresh = static_cast<char*>(wg::allocate(size));
        if (nbytes) std::memcpy(fresh, data, nbytes);
        const bool is_inline =
            block_bytes && data == reinterpret_cast<char*>(this) + kStorageHeader;
        if (!is_inline) wg::deallocate(data, capacity);
        data = fresh;
        capacity = size;
    }
    nbytes = size;
}

}  // namespace wg
