// Errors and warnings of the core.
// Start with WG_CHECK: it throws wg::Error with the message put together from its arguments. The kind
// says which Python exception the binding raises; the text is the user's.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace wg {

enum class ErrorKind { Runtime, Value, Type, Index, NotImplemented, Memory };

class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

// Concatenates the printed forms of its arguments.
template <class... Args>
std::string str(const Args&... args) {
    std::ostringstream out;
    (out << ... << args);
    return out.str();
}

[[noreturn]] inline void fail(ErrorKind kind, const std::string& message) {
    throw Error(kind, message);
}

enum class WarningKind { User, Deprecation };
using WarningHandler = void (*)(WarningKind, const std::string&);

// Where warnings go: stderr until the binding installs Python's.
void set_warning_handler(WarningHandler handler);
void warn(WarningKind kind, const std::string& message);
// Like warn(), but each message once in the life of the process, unless set_warn_always(true).
void warn_once(WarningKind kind, const std::string& message);
void set_warn_always(bool on) noexcept;
bool warn_always() noexcept;

}  // namespace wg

#define WG_CHECK_KIND(kind, cond, ...)                                 \
    do {                                                               \
        if (!(cond)) [[unlikely]]                                      \
            ::wg::fail(::wg::ErrorKind::kind, ::wg::str(__VA_ARGS__)); \
    } while (0)
#define WG_CHECK(cond, ...) WG_CHECK_KIND(Runtime, cond, __VA_ARGS__)
#define WG_CHECK_VALUE(cond, ...) WG_CHECK_KIND(Value, cond, __VA_ARGS__)
#define WG_CHECK_TYPE(cond, ...) WG_CHECK_KIND(Type, cond, __VA_ARGS__)
#define WG_CHECK_INDEX(cond, ...) WG_CHECK_KIND(Index, cond, __VA_ARGS__)
#define WG_CHECK_NOT_IMPLEMENTED(cond, ...) WG_CHECK_KIND(NotImplemented, cond, __VA_ARGS__)
