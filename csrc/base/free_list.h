// Memory for the small objects every operation makes: tensors, nodes, storage headers with data.
// Start with pool_allocate and pool_free: a pop from and a push to the free list of a size class.
// Not thread safe: one lock protects the core (under Python the GIL); pool threads never come here.
#pragma once

#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define WG_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WG_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef WG_ADDRESS_SANITIZER
#define WG_ADDRESS_SANITIZER 0
#endif

namespace wg {

// Whether freed memory is kept for reuse. Under AddressSanitizer it is not: a use after free, an
// overrun or a wrong size at the end of an object's life is then found where it happens.
inline constexpr bool kReusesMemory = !WG_ADDRESS_SANITIZER;

namespace pool {

inline constexpr size_t kAlignment = 64;  // a cache line; also the step between size classes
inline constexpr size_t kLargestBlock = 1024;
inline constexpr size_t kClasses = kLargestBlock / kAlignment;

struct FreeBlock {
    FreeBlock* next;
};

// Free blocks of 64, 128, ... 1024 bytes. Hidden, so that position-independent code reaches the
// lists without a load from the global offset table.
[[gnu::visibility("hidden")]] inline constinit FreeBlock* free_lists[kClasses] = {};

// Takes a block of an empty class: carves a slab into blocks, keeps the rest.
void* refill(size_t size_class);
void* allocate_unpooled(size_t nbytes);
void free_unpooled(void* p, size_t nbytes) noexcept;

}  // namespace pool

// A block of at least `nbytes`, 64-byte aligned. Throws std::bad_alloc.
inline void* pool_allocate(size_t nbytes) {
    if (!kReusesMemory || nbytes - 1 >= pool::kLargestBlock) [[unlikely]]
        return pool::allocate_unpooled(nbytes);
    const size_t size_class = (nbytes - 1) / pool::kAlignment;
    pool::FreeBlock* const block = pool::free_lists[size_class];
    if (!block) [[unlikely]]
        return pool::refill(size_class);
    pool::free_lists[size_class] = block->next;
    return block;
}

// Gives back a block of pool_allocate(nbytes). Null is allowed.
inline void pool_free(void* p, size_t nbytes) noexcept {
    if (!p) return;
    if (!kReusesMemory || nbytes - 1 >= pool::kLargestBlock) [[unlikely]]
        return pool::free_unpooled(p, nbytes);
    pool::FreeBlock*& head = pool::free_lists[(nbytes - 1) / pool::kAlignment];
    head = new (p) pool::FreeBlock{head};
}

}  // namespace wg
