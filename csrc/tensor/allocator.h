// Memory for the elements of CPU tensors. Freed blocks are kept and reused: a fresh mapping costs a
// page fault for each page, which for a large result is several times the price of computing it.
// Start with allocate and deallocate; Note [Caching] in allocator.cpp says what is kept.
// Not thread safe: one lock protects the core (under Python the GIL). Safe after fork.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

namespace wg {

inline constexpr size_t kDataAlignment = 64;

// There is no memory, even after everything cached has been given back to the system.
class OutOfMemory : public std::bad_alloc {
public:
    explicit OutOfMemory(size_t requested);
    const char* what() const noexcept override { return message_.c_str(); }
    size_t requested() const noexcept { return requested_; }

private:
    size_t requested_;
    std::string message_;
};

// Uninitialised memory, 64-byte aligned; nullptr for 0 bytes. Throws OutOfMemory.
void* allocate(size_t nbytes);
// Takes back what allocate(nbytes) returned.
void deallocate(void* p, size_t nbytes) noexcept;

// Sizes are in bytes. "Allocated" counts what callers asked for, "reserved" what is held from the
// system: blocks in use, rounded to their size class, and blocks cached.
struct MemoryStats {
    size_t allocated = 0;
    size_t peak_allocated = 0;
    size_t reserved = 0;
    size_t peak_reserved = 0;
    size_t cached = 0;
    uint64_t allocations = 0;
    uint64_t deallocations = 0;
    uint64_t cache_hits = 0;
};
MemoryStats memory_stats() noexcept;
// Both peaks start again from the current values.
void reset_peak_memory_stats() noexcept;

// Gives all cached memory back to the system.
void empty_cache() noexcept;
// The most that may stay cached; the default is the environment variable WHYGRAD_CACHE_LIMIT
// (bytes) or else a quarter of the machine's (or container's) memory, at most 8 GiB. 0 turns
// caching off.
size_t cache_limit() noexcept;
void set_cache_limit(size_t nbytes) noexcept;

}  // namespace wg
