// Signatures: how calls from Python are matched to the parameters of an operation.
// A signature is text, "input, dim=None, keepdim=False, *, dtype=None"; the types come from the C++
// function (Overload::of). Start with Operation::call.
#pragma once

#include <string>
#include <vector>

#include "convert.h"

namespace wg::py {

constexpr int kMaxParameters = 12;

struct Parameter {
    std::string name;
    Object key;  // interned
    Object default_value;  // null: required
    std::string default_text;
    bool keyword_only = false;
};

struct Type {
    bool (*accepts)(PyObject*);
    const char* name;
    bool is_dims;  // takes the remaining positional ints: x.view(2, 3)
    bool is_optional;
    bool is_tensor;
};

// One way to call an operation.
struct Overload {
    std::vector<Parameter> parameters;
    std::vector<Type> types;
    PyObject* (*invoke)(PyObject* const* values, const void* function) = nullptr;
    // Of a function that chooses a row: writes the result to `target`, in place when `out_name` is null.
    void (*write)(PyObject* const* values, const void* function, Tensor& target,
                  const char* out_name) = nullptr;
    const void* function = nullptr;
    unsigned forms = 0;

    // Fills values (borrowed or kept in `temporary`). On mismatch returns false with the reason in `why`.
    bool match(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
               Object& temporary, const char* op, bool is_method, std::string* why) const;
    std::string describe(bool is_method) const;
    // Whether so many arguments, self included, can be enough and not too many.
    bool takes(Py_ssize_t count) const;
    // Which of the arguments have the wrong types, if their number is right: a line of the message.
    std::string describe_mismatch(PyObject* const* args, Py_ssize_t nargs, bool is_method) const;

    template <class R, class... A>
    static Overload of(const char* signature, unsigned forms, R (*f)(A...));
};

std::vector<Parameter> parse_signature(const char* text);

// The arguments' types as error messages list them: "(Tensor, int, dim=str)".
std::string describe_arguments(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
const char* type_name_of(PyObject* o);

namespace detail {

template <class T>
using bare = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T>
constexpr bool is_optional_v = false;
template <class T>
constexpr bool is_optional_v<std::optional<T>> = true;

template <class A>
decltype(auto) read(PyObject* o) {
    return Convert<bare<A>>::get(o);
}

// A non-const Tensor& parameter is the tensor itself (in-place operations).
template <class T>
decltype(auto) argument(PyObject* o) {
    if constexpr (std::is_same_v<T, Tensor&>) return (tensor_of(o));
    else return read<T>(o);
}

template <class R, class... A, size_t... I>
PyObject* invoke_with(R (*f)(A...), PyObject* const* values, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
        f(argument<A>(values[I])...);
        Py_RETURN_NONE;
    } else if constexpr (std::is_same_v<R, Tensor&>) {
        return wrap(f(argument<A>(values[I])...));
    } else if constexpr (std::is_same_v<R, RowChoice>) {
        return wrap(f(argument<A>(values[I])...).fresh());
    } else {
        return to_python(f(argument<A>(values[I])...));
    }
}

template <class... A, size_t... I>
void write_with(RowChoice (*f)(A...), PyObject* const* values, Tensor& target, const char* out_name,
                std::index_sequence<I...>) {
    if (out_name) f(argument<A>(values[I])...).into(target, out_name);
    else f(argument<A>(values[I])...).in_place(target);
}

}  // namespace detail

template <class R, class... A>
Overload Overload::of(const char* signature, unsigned forms, R (*f)(A...)) {
    Overload o;
    o.parameters = parse_signature(signature);
    o.types = {Type{Convert<detail::bare<A>>::accepts, Convert<detail::bare<A>>::name,
                    std::is_same_v<detail::bare<A>, Dims>, detail::is_optional_v<detail::bare<A>>,
                    std::is_same_v<detail::bare<A>, Tensor>}...};
    WG_CHECK(o.types.size() == o.parameters.size(), "signature and function differ: ", signature);
    o.function = reinterpret_cast<const void*>(f);
    o.forms = forms;
    o.invoke = [](PyObject* const* values, const void* function) {
        return detail::invoke_with(reinterpret_cast<R (*)(A...)>(const_cast<void*>(function)),
                                   values, std::index_sequence_for<A...>{});
    };
    if constexpr (std::is_same_v<R, RowChoice>)
        o.write = [](PyObject* const* values, const void* function, Tensor& target,
                     const char* out_name) {
            detail::write_with(reinterpret_cast<R (*)(A...)>(const_cast<void*>(function)), values,
                               target, out_name, std::index_sequence_for<A...>{});
        };
    return o;
}

}  // namespace wg::py
