#include "args.h"

#include <algorithm>
#include <cstring>

#include "small_int.h"
#include "storage.h"

namespace wg::py {

// --- signatures as text ---

namespace {

constexpr const char* kOptions =
    "dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False";

void strip(std::string& s) {
    s.erase(0, s.find_first_not_of(' '));
    s.erase(s.find_last_not_of(' ') + 1);
}

Parameter parse_parameter(const std::string& item, bool keyword_only) {
    Parameter p;
    p.keyword_only = keyword_only;
    const size_t eq = item.find('=');
    std::string name = item.substr(0, eq);
    if (const size_t space = name.rfind(' '); space != std::string::npos) {
        p.type = name.substr(0, space);
        name.erase(0, space + 1);
    }
    if (const size_t bracket = name.find('['); bracket != std::string::npos) {
        p.takes_int = true;
        name.erase(bracket);
    }
    p.name = name;
    p.key = check(PyUnicode_InternFromString(name.c_str()));
    if (eq != std::string::npos) {
        p.default_text = item.substr(eq + 1);
        Object globals = check(PyDict_New());
        p.default_value = check(
            PyRun_String(p.default_text.c_str(), Py_eval_input, globals.get(), globals.get()));
    }
    return p;
}

}  // namespace

std::vector<Parameter> parse_signature(const char* text) {
    std::vector<Parameter> result;
    bool keyword_only = false;
    std::string s(text);
    if (const size_t at = s.find("OPTIONS"); at != std::string::npos)
        s.replace(at, std::strlen("OPTIONS"), kOptions);
    size_t at = 0;
    while (at < s.size()) {
        // Split at commas outside brackets.
        size_t end = at;
        int depth = 0;
        while (end < s.size() && (s[end] != ',' || depth)) {
            if (s[end] == '(' || s[end] == '[') ++depth;
            if (s[end] == ')' || s[end] == ']') --depth;
            ++end;
        }
        std::string item = s.substr(at, end - at);
        at = end + 1;
        strip(item);
        if (item == "*") keyword_only = true;
        else result.push_back(parse_parameter(item, keyword_only));
    }
    return result;
}

void Overload::set(std::vector<Parameter> p, std::vector<Type> t) {
    parameters = std::move(p);
    types = std::move(t);
    WG_CHECK(types.size() == parameters.size() && parameters.size() <= kMaxParameters,
             "signature and function differ");
    summarize();
}

void Overload::summarize() {
    n_positional = n_required = n_leading = 0;
    defaults.clear();
    for (const Parameter& q : parameters) {
        if (!q.keyword_only) ++n_positional;
        defaults.push_back(q.default_value.get());
        if (q.default_value) continue;
        ++n_required;
        n_leading = Py_ssize_t(defaults.size());
    }
    has_dims = std::ranges::any_of(types, [](const Type& t) { return t.is_dims; });
}

void Overload::add_out() {
    if (!parameters.empty() && parameters.back().name == "out") return;
    out = int(parameters.size());
    parameters.push_back(parse_parameter("out=None", true));
    if (gives_tuple || gives_list)
        types.push_back(
            {Convert<std::optional<TensorList>>::accepts, Convert<TensorList>::name, false, true});
    else types.push_back({Convert<OptTensor>::accepts, Convert<Tensor>::name, false, true});
    WG_CHECK(parameters.size() <= kMaxParameters, "too many parameters");
    summarize();
}

bool Overload::has_parameter(const char* name) const {
    return std::ranges::any_of(parameters, [&](const Parameter& p) { return p.name == name; });
}

std::string Overload::describe(bool is_method) const {
    std::string s = "(";
    bool star = false;
    for (size_t i = is_method ? 1 : 0; i < parameters.size(); ++i) {
        const Parameter& p = parameters[i];
        if (s.size() > 1) s += ", ";
        if (p.keyword_only && !star) s += "*, ";
        star = p.keyword_only;
        s += str(types[i].name, " ", p.name);
        if (p.default_value) s += str(" = ", p.default_text);
    }
    return s + ")";
}

// --- matching ---

namespace {

// numpy's names for some parameters.
bool is_synonym(const std::string& name, PyObject* key) {
    static constexpr const char* synonyms[][2] = {{"axis", "dim"}, {"keepdims", "keepdim"},
                                                  {"x", "input"},  {"a", "input"},
                                                  {"x1", "input"}, {"x2", "other"}};
    for (const auto& [from, to] : synonyms)
        if (name == to && PyUnicode_CompareWithASCIIString(key, from) == 0) return true;
    return false;
}

PyObject* find_keyword(const Parameter& p, PyObject* kwnames, PyObject* const* values) {
    const Py_ssize_t n = PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t k = 0; k < n; ++k)
        if (PyTuple_GET_ITEM(kwnames, k) == p.key.get()) return values[k];
    for (Py_ssize_t k = 0; k < n; ++k)  // not the interned object: compare text
        if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), p.key.get()) == 0) return values[k];
    for (Py_ssize_t k = 0; k < n; ++k)
        if (is_synonym(p.name, PyTuple_GET_ITEM(kwnames, k))) return values[k];
    return nullptr;
}

std::string too_many(const Overload& o, Py_ssize_t given, const char* op, Py_ssize_t shift) {
    const Py_ssize_t least = o.n_required - shift, most = o.n_positional - shift;
    std::string s = str(op, "() takes ");
    if (least != most) s += str("from ", least, " to ", most, " positional arguments but ", given);
    else s += str(most, " positional argument", most == 1 ? "" : "s", " but ", given);
    return s + (least == most && given == 1 ? " was given" : " were given");
}

// PyTorch has the plural where the singular belongs, and the other way round.
std::string missing(const Overload& o, size_t from, const char* op) {
    std::string names;
    int n = 0;
    for (size_t i = from; i < o.parameters.size(); ++i)
        if (!o.parameters[i].default_value)
            names += str(n++ ? ", " : "", "\"", o.parameters[i].name, "\"");
    return str(op, "() missing ", n, " required positional argument", n == 1 ? "s" : "", ": ",
               names);
}

std::string wrong_type(const Overload& o, size_t i, PyObject* value, bool keyword, const char* op,
                       Py_ssize_t shift) {
    const bool is_list = PyList_Check(value) || PyTuple_Check(value);
    std::string s = str(op, "(): argument '", o.parameters[i].name, "'");
    if (!keyword) s += str(" (position ", Py_ssize_t(i) + 1 - shift, ")");
    s += str(" must be ", o.types[i].name);
    if (is_list && o.types[i].is_dims && !keyword)
        return s + str(", but found element of type ",
                       type_name_of(PySequence_Fast_GET_ITEM(value, 0)), " at pos 0");
    return s + str(", not ", type_name_of(value));
}

// A list where one of tensors belongs ends the search for an overload.
void check_tensors(const Type& type, PyObject* value, Py_ssize_t position) {
    if (type.accepts != Convert<TensorList>::accepts &&
        type.accepts != Convert<std::optional<TensorList>>::accepts)
        return;
    if (!PyList_Check(value) && !PyTuple_Check(value)) return;
    Py_ssize_t k = 0;
    while (is_tensor(PySequence_Fast_GET_ITEM(value, k))) ++k;
    fail_type(str("expected Tensor as element ", k, " in argument ", position, ", but got ",
                  type_name_of(PySequence_Fast_GET_ITEM(value, k))));
}

std::string wrong_keywords(const Overload& o, Py_ssize_t nargs, PyObject* kwnames, const char* op,
                           Py_ssize_t shift) {
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(kwnames); ++k) {
        PyObject* key = PyTuple_GET_ITEM(kwnames, k);
        size_t i = size_t(shift);
        while (i < o.parameters.size() && PyUnicode_Compare(o.parameters[i].key.get(), key)) ++i;
        if (i == o.parameters.size())
            return str(op, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(key), "'");
        if (Py_ssize_t(i) < nargs)
            return str(op, "() got multiple values for argument '", PyUnicode_AsUTF8(key), "'");
    }
    return "invalid keyword arguments";
}

// The first int decides that a list is one of ints; the others are looked at when it is read.
void check_elements(PyObject* list, const std::string& name, const char* op) {
    for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(list); ++k) {
        PyObject* item = PySequence_Fast_GET_ITEM(list, k);
        if (is_small_int(item)) [[likely]]
            continue;
        if (!PyLong_CheckExact(item)) {
            // PyTorch reads sizes otherwise than dims, and what it says of a bool among them is this.
            WG_CHECK(!is_tensor(item) || tensor_of(item).dtype() != DType::Bool ||
                         (name != "size" && name != "shape" && name != "repeats"),
                     "Expected scalar.isIntegral( false) to be true, but got false.");
            if (!PyBool_Check(item) && !is_element_of_ints(item))
                fail_type(str(op, "(): argument '", name, "' failed to unpack the object at pos ",
                              k + 1, " with error \"type must be tuple of ints,but got ",
                              type_name_of(item), "\""));
        }
        int overflow = 0;
        if (PyLong_Check(item)) PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow)
            fail_type(str(op, "(): argument '", name, "' failed to unpack the object at pos ",
                          k + 1, " with error \"Overflow when unpacking long long"));
    }
}

// x.view(2, 3): nothing but a list of ints, which is spread; `at` is its place. Others have more rules, and are left to
// match().
bool match_spread(const Overload& o, PyObject* const* args, Py_ssize_t nargs, Py_ssize_t at,
                  PyObject** values, Object& temporary) {
    if (o.n_positional != at + 1 || o.n_leading > at + 1 || nargs <= at ||
        !o.types[size_t(at)].is_dims || o.parameters[size_t(at)].takes_int)
        return false;
    for (Py_ssize_t i = at; i < nargs; ++i)
        if (!is_small_int(args[i])) return false;
    if (at > 0 && !o.types[0].accepts(args[0])) return false;
    temporary = check(PyTuple_New(nargs - at));
    for (Py_ssize_t i = at; i < nargs; ++i)
        PyTuple_SET_ITEM(temporary.get(), i - at, Py_NewRef(args[i]));
    std::copy(o.defaults.begin(), o.defaults.end(), values);
    if (at > 0) values[0] = args[0];
    values[at] = temporary.get();
    return true;
}

}  // namespace

// Nearly all calls: arguments by position, of the right types, and no lists of ints, which have rules of their own.
inline bool Overload::match_plainly(PyObject* const* args, Py_ssize_t nargs,
                                    PyObject** values) const {
    if (nargs < n_leading || nargs > n_positional) return false;
    for (Py_ssize_t i = 0; i < nargs; ++i) {
        values[i] = args[i];
        if (!types[size_t(i)].accepts(args[i])) return false;
    }
    for (Py_ssize_t i = nargs, n = Py_ssize_t(defaults.size()); i < n; ++i)
        values[i] = defaults[size_t(i)];
    return true;
}

bool Overload::match(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
                     Object& temporary, const char* op, bool is_method, std::string* why) const {
    const Py_ssize_t n = Py_ssize_t(parameters.size()), shift = is_method ? 1 : 0;
    if (!kwnames && (has_dims ? match_spread(*this, args, nargs, shift, values, temporary)
                              : match_plainly(args, nargs, values)))
        return true;
    const Py_ssize_t nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    const auto fail = [&](auto&& message) {
        if (why) *why = message();
        return false;
    };
    const auto extra = [&] {
        return fail([&] { return too_many(*this, nargs - shift, op, shift); });
    };
    // x.view(2, 3): a list that is the only positional parameter may be spread.
    const bool spread = n_positional - shift == 1 && types[size_t(shift)].is_dims;
    if (nargs > n_positional && !spread) return extra();
    Py_ssize_t given = nargs, used = 0;
    for (Py_ssize_t i = 0; i < n; ++i) {
        const Parameter& p = parameters[size_t(i)];
        const Type& type = types[size_t(i)];
        PyObject* value = nullptr;
        bool keyword = false;
        if (i < given && !p.keyword_only) {
            value = args[i];
        } else if (nkw > used) {
            value = find_keyword(p, kwnames, args + nargs);
            keyword = value;
            used += keyword;
        }
        if (!value) {
            if (!p.default_value) return fail([&] { return missing(*this, size_t(i), op); });
            values[i] = p.default_value.get();
            continue;
        }
        values[i] = value;
        const bool spreads = spread && i == shift && !keyword;
        const bool is_one_of_many = spreads && !p.takes_int && is_small_int(value);
        if (!is_one_of_many && type.accepts(value) &&
            (!type.is_dims || p.takes_int || !is_index_like(value)))
            continue;
        if (spreads && is_element_of_ints(value)) {
            temporary = check(PyTuple_New(nargs - i));
            for (Py_ssize_t k = i; k < nargs; ++k)
                PyTuple_SET_ITEM(temporary.get(), k - i, Py_NewRef(args[k]));
            values[i] = temporary.get();
            given = i + 1;
            continue;
        }
        if (given > n_positional) return extra();
        check_tensors(type, value, i - shift);
        return fail([&] { return wrong_type(*this, size_t(i), value, keyword, op, shift); });
    }
    if (given > n_positional) return extra();
    if (used != nkw) return fail([&] { return wrong_keywords(*this, nargs, kwnames, op, shift); });
    for (Py_ssize_t i = shift; i < n; ++i)
        if (types[size_t(i)].is_dims && (PyTuple_Check(values[i]) || PyList_Check(values[i])))
            check_elements(values[i], parameters[size_t(i)].name, op);
    return true;
}

// --- what to say when nothing matches ---

const char* type_name_of(PyObject* o) {
    if (is_tensor(o)) return is_exact_tensor(o) ? "Tensor" : Py_TYPE(o)->tp_name;
    return Py_TYPE(o)->tp_name;
}

namespace {

struct Call {
    PyObject* const* args;
    Py_ssize_t nargs;  // without self
    PyObject* kwnames;
    Py_ssize_t n_keywords() const { return kwnames ? PyTuple_GET_SIZE(kwnames) : 0; }
    PyObject* key(Py_ssize_t k) const { return PyTuple_GET_ITEM(kwnames, k); }
    Py_ssize_t count() const { return nargs + n_keywords(); }
};

std::string describe_value(PyObject* o) {
    if (!PyTuple_Check(o) && !PyList_Check(o)) return type_name_of(o);
    const bool tuple = PyTuple_Check(o);
    std::string s = str(type_name_of(o), tuple ? " of (" : " of [");
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) {
        if (i) s += ", ";
        s += type_name_of(PySequence_Fast_GET_ITEM(o, i));
    }
    if (tuple && n == 1) s += ",";
    return s + (tuple ? ")" : "]");
}

// The list of arguments: `positional` and `keyword` print one; keywords come last first.
template <class P, class K>
std::string list_of(const Call& c, P positional, K keyword) {
    std::string s = "(";
    for (Py_ssize_t i = 0; i < c.nargs; ++i) s += (i ? ", " : "") + positional(i);
    for (Py_ssize_t k = c.n_keywords(); k-- > 0;)
        s += c.nargs ? ", " + keyword(k) : keyword(k) + ", ";
    return s + ")";
}

std::string describe_arguments(const Call& c) {
    return list_of(
        c, [&](Py_ssize_t i) { return std::string(type_name_of(c.args[i])); },
        [&](Py_ssize_t k) {
            return str(PyUnicode_AsUTF8(c.key(k)), "=", type_name_of(c.args[c.nargs + k]));
        });
}

// Types are compared by name, and those of parameters with a default never agree.
bool agrees(const Overload& o, size_t i, PyObject* value) {
    if (o.parameters[i].default_value) return false;
    const std::string_view want = o.types[i].name, got = type_name_of(value);
    return want == got || (want == "float" && got == "int");
}

// Which keywords or types are wrong when the number of arguments is right, "*" counted as one.
struct Mismatch {
    std::vector<std::string> keywords;
    std::string types;
    bool compared = false;
};

Mismatch mismatch(const Overload& o, const Call& c, bool is_method) {
    const size_t shift = is_method ? 1 : 0;
    std::vector<int> order;  // of the printed parameters; -1 for the star
    for (size_t i = shift; i < o.parameters.size(); ++i) {
        if (o.parameters[i].keyword_only && (i == shift || !o.parameters[i - 1].keyword_only))
            order.push_back(-1);
        order.push_back(int(i));
    }
    if (order.empty()) order.push_back(-1);  // "()" counts as one
    Mismatch m;
    const auto find = [&](PyObject* key) {
        for (size_t i = shift + size_t(c.nargs); i < o.parameters.size(); ++i)
            if (!o.parameters[i].default_value &&
                PyUnicode_Compare(o.parameters[i].key.get(), key) == 0)
                return int(i);
        return -1;
    };
    for (Py_ssize_t k = c.n_keywords(); k-- > 0;)
        if (find(c.key(k)) < 0) m.keywords.push_back(PyUnicode_AsUTF8(c.key(k)));
    m.compared = size_t(c.count()) == order.size();
    if (!m.compared) return m;
    const auto marked = [&](int i, const std::string& text, PyObject* value) {
        return i >= 0 && agrees(o, size_t(i), value) ? text : "!" + text + "!";
    };
    m.types = list_of(
        c,
        [&](Py_ssize_t i) {
            return marked(order[size_t(i)], describe_value(c.args[i]), c.args[i]);
        },
        [&](Py_ssize_t k) {
            PyObject* value = c.args[c.nargs + k];
            return marked(find(c.key(k)),
                          str(PyUnicode_AsUTF8(c.key(k)), "=", describe_value(value)), value);
        });
    return m;
}

std::string joined(const std::vector<std::string>& items) {
    std::string s;
    for (const std::string& item : items) s += (s.empty() ? "" : ", ") + item;
    return s;
}

// PyTorch's methods without parameters are plain C methods, and say so. Before Python 3.11 a call with
// keywords makes a bound method first, which is named after the class of the object.
void check_no_arguments(const char* op, const Call& c, PyObject* self) {
    const char* owner = PY_VERSION_HEX < 0x030B0000 ? type_name_of(self) : "TensorBase";
    if (c.n_keywords()) fail_type(str(owner, ".", op, "() takes no keyword arguments"));
    fail_type(str("TensorBase.", op, "() takes no arguments (", c.nargs, " given)"));
}

}  // namespace

void fail_call(const char* op, const std::vector<Overload>& overloads, PyObject* const* args,
               Py_ssize_t nargs, PyObject* kwnames, bool is_method) {
    const Py_ssize_t shift = is_method ? 1 : 0;
    const Call c{args + shift, nargs - shift, kwnames};
    std::vector<const Overload*> shown, plausible;
    for (const Overload& o : overloads) {
        if (o.forms & forms::DEPRECATED) continue;
        shown.push_back(&o);
        const Py_ssize_t most = Py_ssize_t(o.parameters.size()) - shift;
        if (c.count() >= o.n_required - shift && c.count() <= most) plausible.push_back(&o);
    }
    if (is_method && overloads.size() == 1 && overloads[0].parameters.size() == 1)
        check_no_arguments(op, c, args[0]);
    // If only one takes that many arguments, its own complaint says more than the list of all.
    if (overloads.size() == 1) plausible = shown;
    if (plausible.size() == 1) {
        PyObject* values[kMaxParameters];
        Object temporary;
        std::string why;
        if (!plausible[0]->match(args, nargs, kwnames, values, temporary, op, is_method, &why))
            fail_type(why);
    }
    const std::string start = str(op, "() received an invalid combination of arguments - got ");
    if (shown.size() == 1) {
        const Mismatch m = mismatch(*shown[0], c, is_method);
        if (!m.keywords.empty())
            fail_type(start + "unrecognized keyword arguments: " + joined(m.keywords));
        fail_type(start + (m.compared ? m.types : describe_arguments(c)) + ", but expected " +
                  shown[0]->describe(is_method));
    }
    std::string message = start + describe_arguments(c) + ", but expected one of:";
    for (const Overload* o : shown) {
        message += "\n * " + o->describe(is_method);
        const Mismatch m = mismatch(*o, c, is_method);
        if (!m.compared) continue;
        message += "\n      didn't match because some of the ";
        message += m.keywords.empty() ? "arguments have invalid types: " + m.types
                                      : "keywords were incorrect: " + joined(m.keywords);
    }
    fail_type(message + "\n");
}

void warn_deprecated(const char* op, const std::vector<Overload>& overloads, const Overload& used,
                     bool is_method) {
    std::string message =
        str("This overload of ", op, " is deprecated:\n\t", op, used.describe(is_method),
            "\nConsider using one of the following signatures instead:");
    for (const Overload& o : overloads)
        if (!(o.forms & forms::DEPRECATED)) message += str("\n\t", op, o.describe(is_method));
    warn(WarningKind::User, message);
}

// --- functions with typed signatures ---

namespace {

bool accepts_anything(PyObject*) { return true; }

Type type_named(const std::string& name, bool optional) {
    static constexpr Type types[] = {
        {Convert<Tensor>::accepts, "Tensor"},
        {Convert<TensorList>::accepts, "tuple of Tensors"},
        {Convert<int64_t>::accepts, "int"},
        {Convert<double>::accepts, "float"},
        {Convert<Scalar>::accepts, "Number"},
        {Convert<bool>::accepts, "bool"},
        {Convert<std::string_view>::accepts, "str"},
        {Convert<Dims>::accepts, "tuple of ints", true},
        {Convert<DType>::accepts, "torch.dtype"},
        {Convert<Device>::accepts, "torch.device"},
        {Convert<MemoryFormat>::accepts, "torch.memory_format"},
        {Convert<Ref<Storage>>::accepts, "torch.Storage"},
        {accepts_anything, "object"},
    };
    if (name == "Operand") return {Convert<Arg>::accepts, "Tensor"};  // numbers count as tensors
    if (name == "int?") return {Convert<OptInt>::accepts, "int"};
    static constexpr Type optional_types[] = {
        {Convert<OptTensor>::accepts, "Tensor"},
        {Convert<OptDType>::accepts, "torch.dtype"},
        {Convert<std::optional<Device>>::accepts, "torch.device"},
        {Convert<OptMemoryFormat>::accepts, "torch.memory_format"},
        {Convert<OptInt>::accepts, "int"},
        {Convert<OptBool>::accepts, "bool"},
    };
    if (optional)
        for (Type t : optional_types)
            if (name == t.name) {
                t.is_optional = true;
                return t;
            }
    for (const Type& t : types)
        if (name == t.name) return t;
    fail(ErrorKind::Runtime, "unknown type in a signature: " + name);
}

}  // namespace

Parser::Parser(const char* name, bool is_method, std::initializer_list<const char*> signatures)
    : name_(name), is_method_(is_method) {
    for (const char* text : signatures) {
        std::vector<Parameter> parameters = parse_signature(text);
        if (is_method) parameters.insert(parameters.begin(), parse_parameter("Tensor self", false));
        std::vector<Type> types;
        for (const Parameter& p : parameters)
            types.push_back(type_named(p.type, p.default_text == "None"));
        Overload o;
        o.set(std::move(parameters), std::move(types));
        overloads_.push_back(std::move(o));
    }
}

int Parser::parse(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** values,
                  Object& temporary) const {
    for (size_t i = 0; i < overloads_.size(); ++i)
        if (overloads_[i].match(args, nargs, kwnames, values, temporary, name_, is_method_,
                                nullptr))
            return int(i);
    fail_call(name_, overloads_, args, nargs, kwnames, is_method_);
}

}  // namespace wg::py
