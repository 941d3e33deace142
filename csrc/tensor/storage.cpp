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

Ref<Storage> Storage::allocate_large(size_t nbytes) {
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
    return block_bytes && data == reinterpret_cast<const char*>(this) + kHeader;
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

// Loops that run go on in the old memory: Note [Loops without the lock].
void Storage::move_to(Ref<Storage> other) noexcept {
    if (nbytes) std::memcpy(other->data, data, nbytes);
    const bool goes_with_header = is_inline();
    std::swap(data, other->data);
    std::swap(capacity, other->capacity);
    std::swap(deleter, other->deleter);
    std::swap(owner, other->owner);
    if (goes_with_header) other->data = nullptr;
    keep_for_loops(std::move(other));
}

void Storage::resize(size_t size) {
    WG_CHECK(resizable && !deleter, "Trying to resize storage that is not resizable");
    if (size > capacity) move_to(allocate_large(size));
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
    const auto unmap = [](void* p) {
        const auto* m = static_cast<Mapping*>(p);
        munmap(m->data, m->nbytes);
        delete m;
    };
    move_to(wrap(memory, nbytes, unmap, new Mapping{memory, size}));
    shared = true;
}

}  // namespace wg
