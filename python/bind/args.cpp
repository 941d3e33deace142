#include "args.h"

#include <algorithm>
#include <cstring>

namespace wg::py {

std::vector<Parameter> parse_signature(const char* text) {
    std::vector<Parameter> result;
    bool keyword_only = false;
    std::string s(text);
    size_t at = 0;
    while (at < s.size()) {
        // Split at commas outside brackets and quotes.
        size_t end = at;
        int depth = 0;
        while (end < s.size() && (s[end] != ',' || depth)) {
            if (s[end] == '(' || s[end] == '[') ++depth;
            if (s[end] == ')' || s[end] == ']') --depth;
            ++end;
        }
        std::string item = s.substr(at, end - at);
        at = end + 1;
        item.erase(0, item.find_first_not_of(' '));
        item.erase(item.find_last_not_of(' ') + 1);
        if (item == "*") {
            keyword_only = true;
            continue;
        }
        Parameter p;
        p.keyword_only = keyword_only;
        const size_t eq = item.find('=');
        p.name = item.substr(0, eq);
        p.key = check(PyUnicode_InternFromString(p.name.c_str()));
        if (eq != std::string::npos) {
            p.default_text = item.substr(eq + 1);
            Object globals = check(PyDict_New());
            p.default_value = check(
                PyRun_String(p.default_text.c_str(), Py_eval_input, globals.get(), globals.get()));
        }
        result.push_back(std::move(p));
    }
    return result;
}

const char* type_name_of(PyObject* o) {
    if (is_tensor(o)) return is_exact_tensor(o) ? "Tensor" : Py_TYPE(o)->tp_name;
    const char* name = Py_TYPE(o)->tp_name;
    if (const char* dot = std::strrchr(name, '.');
        dot && !std::strncmp(name, "torch.", 6) && !is_dtype(o))
        return dot + 1;
    return name;
}

namespace {

std::string describe_value(PyObject* o) {
    if (PyTuple_Check(o) || PyList_Check(o)) {
        const bool tuple = PyTuple_Check(o);
        std::string s = tuple ? "tuple of (" : "list of [";
        const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
        for (Py_ssize_t i = 0; i < n; ++i) {
            if (i) s += ", ";
            s += type_name_of(PySequence_Fast_GET_ITEM(o, i));
        }
        if (tuple && n == 1) s += ",";
        return s + (tuple ? ")" : "]");
    }
    return type_name_of(o);
}

bool is_shape_name(const std::string& name) {
    return name == "shape" || name == "size" || name == "dims";
}

}  // namespace

std::string describe_arguments(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    std::string s = "(";
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        if (i) s += ", ";
        s += type_name_of(args[i]);
    }
    const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < nkw; ++i) {
        if (i + nargs) s += ", ";
        s += PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
        s += "=";
        s += type_name_of(args[nargs + i]);
    }
    return s + ")";
}

std::string Overload::describe(bool is_method) const {
    std::string s = "(";
    bool star = false, first = true;
    for (size_t i = is_method ? 1 : 0; i < parameters.size(); ++i) {
        const Parameter& p = parameters[i];
        if (!first) s += ", ";
        first = false;
        if (p.keyword_only && !star) {
            s += "*, ";
            star = true;
        }
        s += str(types[i].name, " ", p.name);
        if (p.default_value) s += str(" = ", p.default_text);
    }
    const bool has_out = !parameters.empty() && parameters.back().name == "out";
    if ((this->forms & wg::forms::OUT) && !is_method && !has_out)
        s += star ? ", Tensor out = None" : ", *, Tensor out = None";
    return s + ")";
}

bool Overload::takes(Py_ssize_t count) const {
    const auto required = std::count_if(parameters.begin(), parameters.end(),
                                        [](const Parameter& p) { return !p.default_value; });
    return count >= required && count <= Py_ssize_t(parameters.size());
}

std::string Overload::describe_mismatch(PyObject* const* args, Py_ssize_t nargs,
                                        bool is_method) const {
    const size_t shift = is_method ? 1 : 0;
    const bool has_out = (forms & wg::forms::OUT) && !is_method;
    if (size_t(nargs) != parameters.size() - shift || nargs == 0 || has_out ||
        parameters.back().keyword_only)
        return {};
    std::string s = "\n      didn't match because some of the arguments have invalid types: (";
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        const char* mark = types[size_t(i) + shift].accepts(args[i]) ? "" : "!";
        s += str(i ? ", " : "", mark, describe_value(args[i]), mark);
    }
    return s + ")";
}

bool Overload::match(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
                     Object& temporary, const char* op, bool is_method, std::string* why) const {
    const Py_ssize_t n = Py_ssize_t(parameters.size());
    const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    Py_ssize_t positional = 0;
    while (positional < n && !parameters[positional].keyword_only) ++positional;
    const Py_ssize_t shift = is_method ? 1 : 0;

    // x.view(2, 3): the ints from here on are one argument.
    Py_ssize_t given = nargs;
    for (Py_ssize_t i = 0; i < given && i < positional; ++i) {
        values[i] = args[i];
        if (!types[i].is_dims || !is_int_like(args[i])) continue;
        if (i > 1 || (!is_method && i > 0 && types[0].is_tensor)) continue;
        Py_ssize_t last = i;
        while (last + 1 < nargs && is_int_like(args[last + 1])) ++last;
        if (last + 1 != nargs) continue;
        temporary = check(PyTuple_New(nargs - i));
        for (Py_ssize_t k = i; k < nargs; ++k)
            PyTuple_SET_ITEM(temporary.get(), k - i, Py_NewRef(args[k]));
        values[i] = temporary.get();
        given = i + 1;
    }
    if (given > positional) {
        if (why)
            *why = str(op, "() takes ", positional - shift, " positional argument",
                       positional - shift == 1 ? "" : "s", " but ", given - shift,
                       given - shift == 1 ? " was" : " were", " given");
        return false;
    }
    for (Py_ssize_t i = given; i < n; ++i) values[i] = nullptr;
    for (Py_ssize_t k = 0; k < nkw; ++k) {
        PyObject* key = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = 0;
        while (i < n && parameters[i].key.get() != key) ++i;
        if (i == n)  // not the interned object: compare text
            for (i = 0; i < n && PyUnicode_Compare(parameters[i].key.get(), key) != 0;) ++i;
        // torch.sum(input=x) and numpy's names for the same things
        if (i == n) {
            static const char* const synonyms[][2] = {
                {"axis", "dim"}, {"keepdims", "keepdim"}, {"x", "input"},   {"x1", "input"},
                {"x2", "other"}, {"a", "input"},          {"self", "input"}};
            for (const auto& [from, to] : synonyms)
                if (PyUnicode_CompareWithASCIIString(key, from) == 0)
                    for (i = 0; i < n && parameters[i].name != to;) ++i;
        }
        if (i >= n) {
            if (why)
                *why =
                    str(op, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(key), "'");
            return false;
        }
        if (values[i]) {
            if (why)
                *why = str(op, "() got multiple values for argument '", parameters[i].name, "'");
            return false;
        }
        values[i] = args[nargs + k];
    }
    int n_missing = 0;
    for (Py_ssize_t i = 0; i < n; ++i) {
        if (!values[i]) {
            if (parameters[i].default_value) {
                values[i] = parameters[i].default_value.get();
                continue;
            }
            ++n_missing;
            continue;
        }
        // A shape has to be a sequence, while one int will do where dims are reduced.
        const bool bare_int = types[i].is_dims && i == 1 && !is_method && types[0].is_tensor &&
                              is_int_like(values[i]) && is_shape_name(parameters[i].name);
        if (values[i] == parameters[i].default_value.get() ||
            (types[i].accepts(values[i]) && !bare_int))
            continue;
        if (why && types[i].accepts == Convert<TensorList>::accepts &&
            (PyList_Check(values[i]) || PyTuple_Check(values[i]))) {
            Py_ssize_t k = 0;
            while (is_tensor(PySequence_Fast_GET_ITEM(values[i], k))) ++k;
            *why = str("expected Tensor as element ", k, " in argument ", i, ", but got ",
                       type_name_of(PySequence_Fast_GET_ITEM(values[i], k)));
        } else if (why) {
            const std::string position =
                i < given && !temporary ? str(" (position ", i + 1 - shift, ")") : "";
            *why = str(op, "(): argument '", parameters[i].name, "'", position, " must be ",
                       types[i].name, ", not ", type_name_of(values[i]));
        }
        return false;
    }
    if (n_missing) {
        if (!why) return false;
        std::string missing;
        for (Py_ssize_t i = 0; i < n; ++i)
            if (!values[i])
                missing += str(missing.empty() ? "" : ", ", "\"", parameters[i].name, "\"");
        *why = str(op, "() missing ", n_missing, " required positional argument",
                   n_missing == 1 ? "s" : "", ": ", missing);
        return false;
    }
    return true;
}

}  // namespace wg::py
