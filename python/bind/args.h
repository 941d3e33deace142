// Signatures: how calls from Python are matched to the parameters of an operation.
// A signature is text, "input, dim=None, keepdim=False, *, dtype=None". The types come from the C++
// function (Overload::of), or stand before the names (Parser). "dim[1]" is a list of ints that may
// be given as one int; OPTIONS stands for the parameters of TensorOptions.
// Start with Overload::match; what does not match ends in fail_call.
#pragma once

#include <string>
#include <vector>

#include "convert.h"

namespace wg::py {

constexpr int kMaxParameters = 16;

struct Parameter {
    std::string name;
    Object key;  // interned
    Object default_value;  // null: required
    std::string default_text;
    bool keyword_only = false;
    bool takes_int = false;  // a list of ints of which one int will do
    std::string type;  // as the text has it, else empty
};

struct Type {
    bool (*accepts)(PyObject*);
    const char* name;
    bool is_dims = false;
    bool is_optional = false;
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
    Py_ssize_t n_positional = 0, n_required = 0;
    Py_ssize_t n_leading = 0;  // up to the last one without a default
    bool has_dims = false;
    std::vector<PyObject*> defaults;  // of all parameters, null for none; borrowed
    bool gives_tuple = false;
    bool gives_list = false;  // as many tensors as it comes to
    int out = -1;  // the parameter that add_out() has added

    // Fills values (borrowed or kept in `temporary`). On mismatch returns false with the reason in `why`.
    bool match(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
               Object& temporary, const char* op, bool is_method, std::string* why) const;
    std::string describe(bool is_method) const;
    bool has_parameter(const char* name) const;
    // Takes its parameters and types, and counts them.
    void set(std::vector<Parameter> p, std::vector<Type> t);
    // Appends out=None, a tensor or as many as there are results; does nothing when there is one.
    void add_out();

    template <class R, class... A>
    static Overload of(const char* signature, unsigned forms, R (*f)(A...));

private:
    void summarize();  // what follows from the parameters and types
    bool match_plainly(PyObject* const* args, Py_ssize_t nargs, PyObject** values) const;
};

std::vector<Parameter> parse_signature(const char* text);

// TypeError for a call that none of the overloads takes, worded as PyTorch words it.
[[noreturn]] void fail_call(const char* op, const std::vector<Overload>& overloads,
                            PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                            bool is_method);

// Says that `used` is an old overload, and which ones to use instead.
void warn_deprecated(const char* op, const std::vector<Overload>& overloads, const Overload& used,
                     bool is_method);

// A call with out=: computes, then writes into the given tensors (out.cpp).
PyObject* call_with_out(const char* op, const Overload& o, PyObject** values);

// The signatures of a function that is written against the C API: texts with types,
// "torch.dtype dtype, bool copy=False".
class Parser {
public:
    Parser(const char* name, bool is_method, std::initializer_list<const char*> signatures);
    // Fills values, self included for a method, and returns which signature matched.
    int parse(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
              Object& temporary) const;

private:
    const char* name_;
    bool is_method_;
    std::vector<Overload> overloads_;
};

const char* type_name_of(PyObject* o);

namespace detail {

template <class T>
using bare = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T>
constexpr bool is_optional_v = false;
template <class T>
constexpr bool is_optional_v<std::optional<T>> = true;

template <class T>
constexpr bool is_tuple_v = false;
template <class... T>
constexpr bool is_tuple_v<std::tuple<T...>> = true;

// How many Python parameters become one C++ parameter.
template <class T>
constexpr size_t width_v = 1;
template <>
inline constexpr size_t width_v<TensorOptions> = 5;

template <class T>
void add_types(std::vector<Type>& types) {
    if constexpr (std::is_same_v<T, TensorOptions>) {
        types.push_back({Convert<OptDType>::accepts, Convert<DType>::name, false, true});
        types.push_back({Convert<Layout>::accepts, Convert<Layout>::name, false, true});
        types.push_back(
            {Convert<std::optional<Device>>::accepts, Convert<Device>::name, false, true});
        types.push_back({Convert<OptBool>::accepts, Convert<bool>::name, false, true});
        types.push_back({Convert<OptBool>::accepts, Convert<bool>::name, false, true});
    } else {
        types.push_back({Convert<T>::accepts, Convert<T>::name,
                         std::is_same_v<T, Dims> || std::is_same_v<T, OptDims>, is_optional_v<T>});
    }
}

// A non-const Tensor& parameter is the tensor itself (in-place operations).
template <class A>
decltype(auto) read(PyObject* const* values) {
    if constexpr (std::is_same_v<A, Tensor&>) return (tensor_of(*values));
    else if constexpr (std::is_same_v<A, Generator&>) return (generator_of_object(*values));
    else if constexpr (std::is_same_v<bare<A>, TensorOptions>) return to_options(values);
    else return Convert<bare<A>>::get(*values);
}

template <class R, class... A, size_t... I>
PyObject* invoke_with(R (*f)(A...), PyObject* const* values, std::index_sequence<I...>) {
    constexpr size_t widths[] = {width_v<bare<A>>..., 0};
    constexpr auto offset = [widths](size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < i; ++k) n += widths[k];
        return n;
    };
    if constexpr (std::is_void_v<R>) {
        f(read<A>(values + offset(I))...);
        Py_RETURN_NONE;
    } else if constexpr (std::is_same_v<R, Tensor&>) {
        return wrap(f(read<A>(values + offset(I))...));
    } else if constexpr (std::is_same_v<R, RowChoice>) {
        return wrap(f(read<A>(values + offset(I))...).fresh());
    } else {
        return to_python(f(read<A>(values + offset(I))...));
    }
}

template <class... A, size_t... I>
void write_with(RowChoice (*f)(A...), PyObject* const* values, Tensor& target, const char* out_name,
                std::index_sequence<I...>) {
    if (out_name) f(read<A>(values + I)...).into(target, out_name);
    else f(read<A>(values + I)...).in_place(target);
}

}  // namespace detail

template <class R, class... A>
Overload Overload::of(const char* signature, unsigned forms, R (*f)(A...)) {
    Overload o;
    std::vector<Type> types;
    (detail::add_types<detail::bare<A>>(types), ...);
    o.set(parse_signature(signature), std::move(types));
    o.function = reinterpret_cast<const void*>(f);
    o.forms = forms;
    o.gives_tuple = detail::is_tuple_v<R>;
    o.gives_list = std::is_same_v<R, TensorList>;
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
