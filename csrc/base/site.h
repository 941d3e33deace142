// Site: where in the user's program something happened, as an opaque pair.
// The binding knows what it means (a code object and an instruction offset); the core only keeps it.
// Taken when a node is made, resolved to file, line and columns only when somebody asks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace wg {

class Site;
struct Cause;  // autograd/anomaly.h

// Installed by the binding; all null in a program without Python.
struct SiteProvider {
    void (*capture)(Site& site) noexcept = nullptr;
    void (*retain)(void* code) noexcept = nullptr;
    void (*release)(void* code) noexcept = nullptr;
    // Of a site taken in anomaly mode: the calls in progress, as a traceback; what induced them, or null.
    std::string (*stack)(const Site& site) = nullptr;
    const Cause* (*cause)(const Site& site) = nullptr;
};
inline SiteProvider site_provider;

class Site {
public:
    Site() = default;
    Site(const Site& o) noexcept : code_(o.code_), offset_(o.offset_) {
        if (code_) site_provider.retain(code_);
    }
    Site(Site&& o) noexcept : code_(std::exchange(o.code_, nullptr)), offset_(o.offset_) {}
    Site& operator=(Site o) noexcept {
        std::swap(code_, o.code_);
        std::swap(offset_, o.offset_);
        return *this;
    }
    ~Site() {
        if (code_) site_provider.release(code_);
    }

    // Of an empty one: becomes the place where the program is now.
    void capture() noexcept {
        if (site_provider.capture) site_provider.capture(*this);
    }
    // For the provider: takes over one reference to `code`.
    void set(void* code, int64_t offset) noexcept {
        code_ = code;
        offset_ = offset;
    }
    void* code() const noexcept { return code_; }
    int64_t offset() const noexcept { return offset_; }

private:
    void* code_ = nullptr;
    int64_t offset_ = 0;
};

}  // namespace wg
