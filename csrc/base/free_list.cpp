// The slow half of the pool: slabs for its free lists, and what is too large for them.
#include "base/free_list.h"

namespace wg::pool {

namespace {

// Slabs live as long as the program: what a class has needed at once it will likely need again.
constexpr size_t kSlabBytes = size_t(64) << 10;

constexpr std::align_val_t kAlign{kAlignment};

}  // namespace

void* refill(size_t size_class) {
    const size_t block_bytes = (size_class + 1) * kAlignment;
    const size_t count = kSlabBytes / block_bytes;
    char* const slab = static_cast<char*>(::operator new(count * block_bytes, kAlign));
    // Linked from the back, so that blocks are handed out in the order of their addresses.
    FreeBlock* head = free_lists[size_class];
    for (size_t i = count; --i > 0;) head = new (slab + i * block_bytes) FreeBlock{head};
    free_lists[size_class] = head;
    return slab;
}

void* allocate_unpooled(size_t nbytes) { return ::operator new(nbytes, kAlign); }

void free_unpooled(void* p, [[maybe_unused]] size_t nbytes) noexcept {
#ifdef __cpp_sized_deallocation
    ::operator delete(p, nbytes, kAlign);  // AddressSanitizer checks the size
#else
    ::operator delete(p, kAlign);
#endif
}

}  // namespace wg::pool
