#include "tensor/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/free_list.h"
#include "tensor/allocator.h"
#include "tensor/unlocked.h"

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

bool Storage::is_inline() const noexcept {
    return block_bytes && data == reinterpret_cast<const char*>(this) + kStorageHeader;
}

void Storage::free_data() noexcept {
    if (deleter) deleter(owner);
    else if (!is_inline()) wg::deallocate(data, capacity);
}

void Storage::destroy(Storage* s) noexcept {
    const size_t block = s->block_bytes;
    s->free_data();
    pool_free(s, block ? block : sizeof(Storage));
}

void Storage::resize(size_t size) {
    WG_CHECK(resizable && !deleter, "Trying to resize storage that is not resizable");
    if (size > capacity) {
        char* fresh = static_cast<char*>(wg::allocate(size));
        if (nbytes) std::memcpy(fresh, data, nbytes);
        if (!is_inline()) deallocate_after_loops(data, capacity);
        data = fresh;
        capacity = size;
    }
    nbytes = size;
}

namespace {
struct Mapping {
    void* data;
    size_t nbytes;
};
}  // namespace

void Storage::share() {
    if (shared) return;
    const size_t size = std::max<size_t>(nbytes, 1);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WG_CHECK(memory != MAP_FAILED, "unable to mmap ", size, " bytes: ", std::strerror(errno));
    if (nbytes) std::memcpy(memory, data, nbytes);
    if (!is_inline()) {
        // A storage that has only the old memory, to go with it.
        Ref<Storage> old(new (pool_allocate(sizeof(Storage))) Storage);
        old->data = data;
        old->capacity = capacity;
        old->deleter = std::exchange(deleter, nullptr);
        old->owner = owner;
        keep_for_loops(std::move(old));
    }
    data = static_cast<char*>(memory);
    capacity = nbytes;
    owner = new Mapping{memory, size};
    deleter = [](void* p) {
        const auto* m = static_cast<Mapping*>(p);
        munmap(m->data, m->nbytes);
        delete m;
    };
    shared = true;
}

}  // namespace wg
