#include "base/error.h"

#include <cstdio>

namespace wg {
namespace {

void print_warning(WarningKind, const std::string& message) {
    std::fprintf(stderr, "Warning: %s\n", message.c_str());
}

WarningHandler handler_ = print_warning;

}  // namespace

void set_warning_handler(WarningHandler handler) { handler_ = handler ? handler : print_warning; }

void warn(WarningKind kind, const std::string& message) { handler_(kind, message); }

}  // namespace wg
