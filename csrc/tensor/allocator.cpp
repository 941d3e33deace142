// The caching allocator of CPU tensor memory.
// Start with Note [Caching] and CachingAllocator::allocate.
#include "tensor/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <set>
#include <utility>

#include "base/free_list.h"

namespace wg {

namespace {

// Note [Caching]
// The size of a block follows from the bytes asked for (block_size), so that no block needs a
// header and data can start on a page. It is a multiple of 64 bytes in steps of an eighth of a
// power of two: at most 1/8 is wasted.
//
//   up to 64 KiB     from malloc; freed into the list of its size, which serves the next request of
//                    the same size
//   up to 1 MiB      the same lists, but cut from mapped memory
//   above            mapped memory. Free ranges are cut to fit and joined again with their free
//                    neighbours and the best fit is taken: sizes may vary and still reuse memory
//
// Mapped memory is asked for in huge pages of 2 MiB: filling 40 MiB for the first time took 2.0 ms
// with them, 15.6 ms without, and 1.0 ms when the pages are there already.
//
// A free block holds its own list entries. One list orders all of them by the time they were freed;
// when more than the limit is cached, the oldest go back to the system.

constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t kLargestMalloc = size_t(64) << 10;
constexpr size_t kLargestListed = size_t(1) << 20;
// Above this, blocks are multiples of a huge page, which is no more than an eighth either.
constexpr size_t kLargestClassed = size_t(16) << 20;
constexpr size_t kDefaultLimit = size_t(8) << 30;
// AddressSanitizer ends the program when asked for more than it can give.
constexpr size_t kLargestRequest =
    kReusesMemory ? (SIZE_MAX >> 1) - 2 * kHugePage : size_t(1) << 38;

// Whether a block in use is mapped memory. A free range always is, however little is left of it.
constexpr bool is_mapped(size_t size) { return kReusesMemory && size > kLargestMalloc; }

constexpr int kStepBits = 3;  // 8 sizes between powers of two

constexpr size_t round_up(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

constexpr size_t block_size(size_t nbytes) {
    if (nbytes > kLargestClassed) return round_up(nbytes, kHugePage);
    const int width = std::bit_width(nbytes - 1);
    const size_t step = size_t(1) << std::max(width - 1 - kStepBits, 6);
    return round_up(nbytes, step);
}

// Index of the list of blocks of `size`, which block_size returned.
constexpr size_t list_index(size_t size) {
    const size_t units = size / kDataAlignment;
    constexpr size_t kPerOctave = size_t(1) << kStepBits;
    if (units <= kPerOctave) return units - 1;
    const int octave = std::bit_width(units - 1) - 1 - kStepBits;
    return octave * kPerOctave + ((units - 1) >> octave);
}
constexpr size_t kLists = list_index(kLargestListed) + 1;

static_assert(block_size(1) == 64 && block_size(512) == 512 && block_size(513) == 576);
static_assert(block_size(1024) == 1024 && block_size(1025) == 1152 && block_size(5000) == 5120);
static_assert(list_index(64) == 0 && list_index(512) == 7 && list_index(576) == 8);
static_assert(list_index(1024) == 15 && list_index(1152) == 16 && kLists == 96);

// A circular doubly linked list; the sentinel is a Link too.
struct Link {
    Link* prev = this;
    Link* next = this;

    Link() = default;
    Link(const Link&) = delete;
    bool empty() const { return next == this; }
    void remove() {
        prev->next = next;
        next->prev = prev;
    }
    void insert_after(Link& at) {
        prev = &at;
        next = at.next;
        prev->next = next->prev = this;
    }
};

// What a free block holds. `listed`: it is in the list of its size, otherwise in the range sets.
struct FreeBlock {
    Link age;
    Link list;
    size_t size;
    bool listed;

    char* begin() { return reinterpret_cast<char*>(this); }
    char* end() { return begin() + size; }
    static FreeBlock* of_age(Link* l) {
        return reinterpret_cast<FreeBlock*>(reinterpret_cast<char*>(l) - offsetof(FreeBlock, age));
    }
    static FreeBlock* of_list(Link* l) {
        return reinterpret_cast<FreeBlock*>(reinterpret_cast<char*>(l) - offsetof(FreeBlock, list));
    }
};
static_assert(sizeof(FreeBlock) <= kDataAlignment);

// Memory straight from the system, starting on a huge page; nullptr when there is none.
char* map_memory(size_t size) {
    const size_t room = size + kHugePage;  // whatever its address, an aligned range lies in it
    void* const p =
        ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    char* const first = static_cast<char*>(p);
    char* const start =
        reinterpret_cast<char*>(round_up(reinterpret_cast<size_t>(first), kHugePage));
    if (start != first) ::munmap(first, start - first);
    ::munmap(start + size, first + room - (start + size));
#ifdef MADV_HUGEPAGE
    ::madvise(start, size, MADV_HUGEPAGE);
#endif
    return start;
}

// The memory of the machine, or what the control group leaves of it.
size_t physical_memory() {
    size_t bytes = size_t(::sysconf(_SC_PHYS_PAGES)) * size_t(::sysconf(_SC_PAGE_SIZE));
    for (const char* path :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        size_t limit = 0;
        if (std::ifstream(path) >> limit) bytes = std::min(bytes, limit);
    }
    return bytes;
}

size_t initial_limit() {
    if (const char* text = std::getenv("WHYGRAD_CACHE_LIMIT")) {
        char* end = nullptr;
        const unsigned long long value = std::strtoull(text, &end, 10);
        if (end != text && *end == '\0') return value;
    }
    return std::min(physical_memory() / 4, kDefaultLimit);
}

class CachingAllocator {
public:
    void* allocate(size_t nbytes);
    void deallocate(void* p, size_t nbytes) noexcept;
    void release_down_to(size_t cached) noexcept {
        while (stats_.cached > cached) release(*FreeBlock::of_age(by_age_.prev));
    }
    void set_limit(size_t nbytes) noexcept {
        limit_ = nbytes;
        release_down_to(limit_);
    }
    size_t limit() const noexcept { return limit_; }
    const MemoryStats& stats() const noexcept { return stats_; }
    void reset_peaks() noexcept {
        stats_.peak_allocated = stats_.allocated;
        stats_.peak_reserved = stats_.reserved;
    }

private:
    void* find_cached(size_t size) noexcept;
    void* cut(FreeBlock& range, size_t size) noexcept;
    void* from_system(size_t size) noexcept;
    void cache_listed(void* p, size_t size) noexcept;
    void cache_range(char* p, size_t size) noexcept;
    FreeBlock& make_free(void* p, size_t size, bool listed) noexcept;
    void forget(FreeBlock& block) noexcept;
    void release(FreeBlock& block) noexcept;
    void return_to_system(void* p, size_t size, bool mapped) noexcept;
    void grow_reserved(size_t bytes) noexcept {
        stats_.reserved += bytes;
        stats_.peak_reserved = std::max(stats_.peak_reserved, stats_.reserved);
    }

    Link lists_[kLists];
    Link by_age_;  // newest first
    std::set<std::pair<size_t, FreeBlock*>> ranges_by_size_;
    std::set<FreeBlock*> ranges_by_address_;
    size_t limit_ = initial_limit();
    MemoryStats stats_;
};

void* CachingAllocator::allocate(size_t nbytes) {
    if (nbytes == 0) return nullptr;
    if (nbytes > kLargestRequest) [[unlikely]]
        throw OutOfMemory(nbytes);
    const size_t size = kReusesMemory ? block_size(nbytes) : nbytes;
    void* p = find_cached(size);
    if (p) {
        ++stats_.cache_hits;
    } else {
        p = from_system(size);
        if (!p) [[unlikely]] {
            release_down_to(0);
            p = from_system(size);
            if (!p) throw OutOfMemory(nbytes);
        }
    }
    ++stats_.allocations;
    stats_.allocated += nbytes;
    stats_.peak_allocated = std::max(stats_.peak_allocated, stats_.allocated);
    return p;
}

void CachingAllocator::deallocate(void* p, size_t nbytes) noexcept {
    if (!p) return;
    ++stats_.deallocations;
    stats_.allocated -= nbytes;
    const size_t size = kReusesMemory ? block_size(nbytes) : nbytes;
    if (!kReusesMemory || size > limit_) {
        return_to_system(p, size, is_mapped(size));
    } else if (size <= kLargestListed) {
        cache_listed(p, size);
    } else {
        cache_range(static_cast<char*>(p), size);
    }
    release_down_to(limit_);
}

void* CachingAllocator::find_cached(size_t size) noexcept {
    if (!kReusesMemory) return nullptr;
    if (size <= kLargestListed) {
        Link& list = lists_[list_index(size)];
        if (!list.empty()) {
            FreeBlock& block = *FreeBlock::of_list(list.next);
            forget(block);
            return &block;
        }
        if (size <= kLargestMalloc) return nullptr;
    }
    const auto best = ranges_by_size_.lower_bound({size, nullptr});
    return best == ranges_by_size_.end() ? nullptr : cut(*best->second, size);
}

// Takes the first `size` bytes of a range; the rest stays cached.
void* CachingAllocator::cut(FreeBlock& range, size_t size) noexcept {
    const size_t rest = range.size - size;
    forget(range);
    if (rest) cache_range(range.begin() + size, rest);
    return &range;
}

void* CachingAllocator::from_system(size_t size) noexcept {
    if (!is_mapped(size)) {
        void* p = nullptr;
        if (::posix_memalign(&p, kDataAlignment, size) != 0) return nullptr;
        grow_reserved(size);
        return p;
    }
    // At least a huge page: what is not needed now is cached for the next request.
    const size_t mapped = std::max(size, kHugePage);
    char* const p = map_memory(mapped);
    if (!p) return nullptr;
    grow_reserved(mapped);
    if (mapped > size) cache_range(p + size, mapped - size);
    return p;
}

FreeBlock& CachingAllocator::make_free(void* p, size_t size, bool listed) noexcept {
    FreeBlock& block = *new (p) FreeBlock;
    block.size = size;
    block.listed = listed;
    block.age.insert_after(by_age_);
    stats_.cached += size;
    return block;
}

void CachingAllocator::cache_listed(void* p, size_t size) noexcept {
    make_free(p, size, true).list.insert_after(lists_[list_index(size)]);
}

// Joins the range with the free ranges before and behind it.
void CachingAllocator::cache_range(char* p, size_t size) noexcept {
    const auto behind = ranges_by_address_.lower_bound(reinterpret_cast<FreeBlock*>(p));
    FreeBlock* const next = behind == ranges_by_address_.end() ? nullptr : *behind;
    FreeBlock* const prev = behind == ranges_by_address_.begin() ? nullptr : *std::prev(behind);
    if (next && next->begin() == p + size) {
        size += next->size;
        forget(*next);
    }
    if (prev && prev->end() == p) {
        p = prev->begin();
        size += prev->size;
        forget(*prev);
    }
    FreeBlock& block = make_free(p, size, false);
    try {
        ranges_by_address_.insert(&block);
        ranges_by_size_.insert({size, &block});
    } catch (const std::bad_alloc&) {  // no memory for a set's node: do without caching the range
        release(block);
    }
}

// Takes a block out of the cache.
void CachingAllocator::forget(FreeBlock& block) noexcept {
    stats_.cached -= block.size;
    block.age.remove();
    if (block.listed) {
        block.list.remove();
    } else {
        ranges_by_address_.erase(&block);
        ranges_by_size_.erase({block.size, &block});
    }
}

void CachingAllocator::release(FreeBlock& block) noexcept {
    forget(block);
    return_to_system(&block, block.size, !block.listed || is_mapped(block.size));
}

void CachingAllocator::return_to_system(void* p, size_t size, bool mapped) noexcept {
    stats_.reserved -= size;
    if (mapped) {
        ::munmap(p, size);
    } else {
        std::free(p);
    }
}

// Never destroyed: tensors with static storage may outlive everything else.
CachingAllocator& allocator() {
    static CachingAllocator& instance = *new CachingAllocator;
    return instance;
}

}  // namespace

OutOfMemory::OutOfMemory(size_t requested)
    : requested_(requested),
      message_(
          "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
          "to allocate " +
          std::to_string(requested) + " bytes. Error code 12 (Cannot allocate memory)") {}

void* allocate(size_t nbytes) { return allocator().allocate(nbytes); }
void deallocate(void* p, size_t nbytes) noexcept { allocator().deallocate(p, nbytes); }
MemoryStats memory_stats() noexcept { return allocator().stats(); }
void reset_peak_memory_stats() noexcept { allocator().reset_peaks(); }
void empty_cache() noexcept { allocator().release_down_to(0); }
size_t cache_limit() noexcept { return allocator().limit(); }
void set_cache_limit(size_t nbytes) noexcept { allocator().set_limit(nbytes); }

}  // namespace wg
