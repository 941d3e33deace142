#include "base/error.h"

#include <cstdio>
#include <mutex>
#include <set>

namespace wg {
namespace {

void print_warning(WarningKind, const std::string& message) {
    std::fprintf(stderr, "Warning: %s\n", message.c_str());
}

WarningHandler handler_ = print_warning;
bool warn_always_ = false;

}  // namespace

void set_warning_handler(WarningHandler handler) { handler_ = handler ? handler : print_warning; }

void warn(WarningKind kind, const std::string& message) { handler_(kind, message); }

void warn_once(WarningKind kind, const std::string& message) {
    static std::mutex mutex;
    static std::set<std::string> shown;
    {
        const std::lock_guard lock(mutex);
        if (!shown.insert(message).second && !warn_always_) return;
    }
    warn(kind, message);
}

void set_warn_always(bool on) noexcept { warn_always_ = on; }
bool warn_always() noexcept { return warn_always_; }

}  // namespace wg
