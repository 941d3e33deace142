// Who watches the operations of a thread: told of each by PyTorch's name for it, before it runs, and free not to run
// it. Operations ask watched() in their first line; start with Note [Watched operations].
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/scalar.h"
#include "tensor/tensor.h"

namespace wg {

// Note [Watched operations]
// What PyTorch shows below its autograd ("aten.addmm.default") are here the functions that record a node, or that
// have none but compute; what they are composed of is part of them, what is composed of them is not seen. Such a function
// begins with
//
//     if (watched()) [[unlikely]] return watch<"mm.default">([&] { return mm(a, b); }, a, b);
//
// the name, the operation itself, its arguments: the one place that names it, from which the table of all names is made
// as the library is loaded. Watchers of a thread are a stack. The innermost is told; while it listens and while it
// runs the operation, which calls the function anew, the next one is the innermost. With none left the function does
// its work and what it calls is not seen. Derivatives are not seen either. While nobody watches on any thread,
// all this is one test of a global variable.

using Value = std::variant<std::monostate, bool, int64_t, double, Scalar, std::string, DType, Dims,
                           Tensor, std::vector<Tensor>>;

struct Argument {
    Value value;
    const char* keyword = nullptr;
    bool is_default = false;  // left out, as PyTorch leaves it out
};

inline Value to_value(bool v) { return v; }
inline Value to_value(int v) { return int64_t(v); }
inline Value to_value(int64_t v) { return v; }
inline Value to_value(double v) { return v; }
inline Value to_value(const Scalar& v) { return v; }
inline Value to_value(DType v) { return v; }
inline Value to_value(IntSpan v) { return Dims(v); }
inline Value to_value(const Dims& v) { return v; }
inline Value to_value(const char* v) { return std::string(v); }
inline Value to_value(std::string_view v) { return std::string(v); }
inline Value to_value(const Tensor& v) { return v.defined() ? Value(v) : Value(); }
inline Value to_value(const std::vector<Tensor>& v) { return v; }
template <class T>
Value to_value(const std::optional<T>& v) {
    return v ? to_value(*v) : Value();
}
template <class T>
Argument to_argument(const T& v) {
    return {to_value(v)};
}
inline Argument to_argument(const Argument& a) { return a; }

// An argument with a default.
template <class T, class D>
Argument optional_argument(const T& v, const D& other, const char* keyword = nullptr) {
    return {to_value(v), keyword, v == T(other)};
}
template <class D>
Argument optional_argument(const Scalar& v, const D& other, const char* keyword = nullptr) {
    return {v, keyword, v.to_double() == double(other)};
}

class OperationCall {
public:
    OperationCall(const char* name, std::vector<Argument> arguments);
    const char* name() const noexcept { return name_; }  // "mm.default"
    const std::vector<Argument>& arguments() const noexcept { return arguments_; }
    // Those among the arguments, in order.
    std::vector<Tensor> tensors() const;
    virtual std::vector<Tensor> run() = 0;
    // Whether it gives a list of tensors, not a tensor or a tuple.
    virtual bool gives_list() const noexcept = 0;

protected:
    ~OperationCall() = default;

private:
    const char* name_;
    std::vector<Argument> arguments_;
};

class OperationWatcher {
public:
    // Gives the results: what call.run() gives, or others like them in its stead.
    virtual std::vector<Tensor> operation(OperationCall& call) = 0;

protected:
    ~OperationWatcher() = default;

private:
    friend class WatcherScope;
    OperationWatcher* below_ = nullptr;
};

inline int open_watchers = 0;  // of the process
inline thread_local OperationWatcher* innermost_watcher = nullptr;
inline bool watched() noexcept { return open_watchers && innermost_watcher; }

void push_watcher(OperationWatcher& watcher) noexcept;
// Must be the innermost.
void pop_watcher(OperationWatcher& watcher) noexcept;

// Asks the innermost watcher.
std::vector<Tensor> watched_call(OperationCall& call);

// For as long as it lives nobody watches this thread.
class Unwatched {
public:
    Unwatched() noexcept : previous_(std::exchange(innermost_watcher, nullptr)) {}
    ~Unwatched() { innermost_watcher = previous_; }
    Unwatched(const Unwatched&) = delete;

private:
    OperationWatcher* previous_;
};

// The names of all operations that can be seen, but elementwise ones (ops/elementwise_watch.cpp).
std::vector<const char*>& watched_names();

namespace watch_impl {

template <size_t N>
struct Name {
    char text[N];
    constexpr Name(const char (&from)[N]) { std::copy_n(from, N, text); }
};

inline bool add_name(const char* name) {
    watched_names().push_back(name);
    return true;
}
template <Name name>
struct Known {
    static inline const bool listed = add_name(name.text);
};

// How the results of a function are kept as a list.
template <class R>
struct Results {  // a tuple
    static std::vector<Tensor> list(R r) {
        return std::apply([](auto&... t) { return std::vector<Tensor>{std::move(t)...}; }, r);
    }
    static R from(std::vector<Tensor> list) {
        return [&]<size_t... I>(std::index_sequence<I...>) {
            return R(std::move(list[I])...);
        }(std::make_index_sequence<std::tuple_size_v<R>>());
    }
};
template <>
struct Results<Tensor> {
    static std::vector<Tensor> list(Tensor t) { return {std::move(t)}; }
    static Tensor from(std::vector<Tensor> list) { return std::move(list[0]); }
};
template <>
struct Results<std::vector<Tensor>> {
    static std::vector<Tensor> list(std::vector<Tensor> l) { return l; }
    static std::vector<Tensor> from(std::vector<Tensor> l) { return l; }
};

template <class F>
class CallOf final : public OperationCall {
public:
    using R = decltype(std::declval<const F&>()());
    CallOf(const char* name, std::vector<Argument> arguments, const F& f)
        : OperationCall(name, std::move(arguments)), f_(f) {}
    std::vector<Tensor> run() override {
        if constexpr (std::is_reference_v<R>) return {f_()};
        else return Results<R>::list(f_());
    }

    bool gives_list() const noexcept override { return std::is_same_v<R, std::vector<Tensor>>; }

private:
    const F& f_;
};

}  // namespace watch_impl

template <class F>
auto watch_call(const char* name, std::vector<Argument> arguments, const F& run) {
    watch_impl::CallOf<F> call(name, std::move(arguments), run);
    return watch_impl::Results<decltype(run())>::from(watched_call(call));
}

// `run` gives a tensor, a tuple of tensors or a vector of them.
template <watch_impl::Name name, class F, class... A>
auto watch(const F& run, const A&... args) {
    (void)watch_impl::Known<name>::listed;
    return watch_call(name.text, {to_argument(args)...}, run);
}
// The same for an operation that writes to `self` and gives it back.
template <watch_impl::Name name, class F, class... A>
Tensor& watch_write(const F& run, Tensor& self, const A&... args) {
    (void)watch_impl::Known<name>::listed;
    watch_impl::CallOf<F> call(name.text, {to_argument(self), to_argument(args)...}, run);
    watched_call(call);
    return self;
}

}  // namespace wg
