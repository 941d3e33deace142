#include "tensor/storage.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/free_list.h"
#include "tensor/allocator.h"
#include "tensor/unlocked.h"

namespace wg {

namespace {

// Note [Loops without the lock]
int unlocked_loops_ = 0;
struct Retired {
    Storage* storage;  // or, null, the block that one had
    char* data;
    size_t nbytes;
};
std::vector<Retired> retired_;

// In a child process that another thread forked meanwhile none of the loops goes on.
void forget_loops() { unlocked_loops_ = 0; }

}  // namespace

void Unlocked::begin() noexcept {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_loops);
    static_cast<void>(registered);
    ++unlocked_loops_;
    active_ = true;
    released_ = lock_provider.release();
}

void Unlocked::end() noexcept {
    lock_provider.acquire(released_);
    if (--unlocked_loops_ > 0) return;
    for (const Retired& r : std::exchange(retired_, {}))
        if (r.storage) Storage::destroy(r.storage);
        else wg::deallocate(r.data, r.nbytes);
}

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
    if (unlocked_loops_ > 0) [[unlikely]]
        return retired_.push_back({s, nullptr, 0});
    const size_t block = s->block_bytes;
    s->free_data();
    pool_free(s, block ? block : sizeof(Storage));
}

void Storage::resize(size_t size) {
    WG_CHECK(resizable && !deleter, "Trying to resize storage that is not resizable");
    if (size > capacity) {
        char* fresh = static_cast<char*>(wg::allocate(size));
        if (nbytes) std::memcpy(fresh, data, nbytes);
        if (!is_inline() && unlocked_loops_ > 0) retired_.push_back({nullptr, data, capacity});
        else if (!is_inline()) wg::deallocate(data, capacity);
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
    if (unlocked_loops_ > 0) {
        // A storage that has only the old memory, to go with it.
        auto* old = new (pool_allocate(sizeof(Storage))) Storage;
        old->data = is_inline() ? nullptr : data;
        old->capacity = capacity;
        old->deleter = std::exchange(deleter, nullptr);
        old->owner = owner;
        retired_.push_back({old, nullptr, 0});
    } else {
        free_data();
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
