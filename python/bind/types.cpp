// torch.dtype, torch.finfo, torch.iinfo, torch.device, torch.Size, torch.layout, torch.memory_format, and the types of
// torch.return_types.
#include "args.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

namespace wg::py {

PyTypeObject *dtype_type = nullptr, *device_type = nullptr, *size_type = nullptr,
             *layout_type = nullptr, *memory_format_type = nullptr;

namespace {

PyTypeObject* make(const char* name, size_t size, std::vector<PyType_Slot> slots,
                   unsigned flags = 0, PyObject* base = nullptr) {
    slots.push_back({0, nullptr});
    PyType_Spec spec = {name, int(size), 0, unsigned(Py_TPFLAGS_DEFAULT) | flags, slots.data()};
    PyObject* type = base ? PyType_FromSpecWithBases(&spec, check(PyTuple_Pack(1, base)).get())
                          : PyType_FromSpec(&spec);
    return reinterpret_cast<PyTypeObject*>(check(type).release());
}

template <class F>
void* slot(F* f) {
    return reinterpret_cast<void*>(f);
}

// --- dtype ---

struct PyDType {
    PyObject_HEAD DType dtype;
};
PyDType* dtypes_[kNumDTypes];

DType dtype_at(PyObject* o) { return reinterpret_cast<PyDType*>(o)->dtype; }

PyObject* dtype_repr(PyObject* o) {
    return PyUnicode_FromFormat("torch.%s", info(dtype_at(o)).name);
}
PyObject* dtype_reduce(PyObject* o, PyObject*) {
    return PyUnicode_FromString(info(dtype_at(o)).name);
}
PyObject* dtype_is_floating(PyObject* o, void*) {
    return PyBool_FromLong(is_floating(dtype_at(o)));
}
PyObject* dtype_is_complex(PyObject* o, void*) { return PyBool_FromLong(is_complex(dtype_at(o))); }
PyObject* dtype_is_signed(PyObject* o, void*) {
    return PyBool_FromLong(dtype_at(o) != DType::UInt8 && dtype_at(o) != DType::Bool);
}
PyObject* dtype_itemsize(PyObject* o, void*) { return PyLong_FromSize_t(item_size(dtype_at(o))); }
PyObject* dtype_to_real(PyObject* o, PyObject*) {
    return Py_NewRef(dtype_object(to_real(dtype_at(o))));
}
PyObject* dtype_to_complex(PyObject* o, PyObject*) {
    return guarded([&] {
        const DType d = dtype_at(o);
        WG_CHECK(is_differentiable(d), "Unknown Complex ScalarType for ", info(d).scalar_name);
        return Py_NewRef(dtype_object(to_complex(d)));
    });
}

PyGetSetDef dtype_properties_[] = {
    {"is_floating_point", dtype_is_floating, nullptr, nullptr, nullptr},
    {"is_complex", dtype_is_complex, nullptr, nullptr, nullptr},
    {"is_signed", dtype_is_signed, nullptr, nullptr, nullptr},
    {"itemsize", dtype_itemsize, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef dtype_methods_[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
                                {"to_real", dtype_to_real, METH_NOARGS, nullptr},
                                {"to_complex", dtype_to_complex, METH_NOARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

void add_dtypes(PyObject* module) {
    dtype_type = make("torch.dtype", sizeof(PyDType),
                      {{Py_tp_repr, slot(dtype_repr)},
                       {Py_tp_getset, dtype_properties_},
                       {Py_tp_methods, dtype_methods_}},
                      Py_TPFLAGS_DISALLOW_INSTANTIATION);
    for (int i = 0; i < kNumDTypes; ++i) {
        dtypes_[i] = PyObject_New(PyDType, dtype_type);
        dtypes_[i]->dtype = DType(i);
        check(PyModule_AddObjectRef(module, info(DType(i)).name,
                                    reinterpret_cast<PyObject*>(dtypes_[i])));
    }
    static constexpr std::pair<const char*, DType> aliases[] = {
        {"float", DType::Float32},    {"double", DType::Float64},    {"half", DType::Float16},
        {"long", DType::Int64},       {"int", DType::Int32},         {"short", DType::Int16},
        {"cfloat", DType::Complex64}, {"cdouble", DType::Complex128}};
    for (const auto& [name, d] : aliases)
        check(PyModule_AddObjectRef(module, name, dtype_object(d)));
    check(PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(dtype_type)));
}

// --- finfo and iinfo ---

// tp_new of a type whose arguments a Parser reads.
int parse_new(const Parser& parser, PyObject* args, PyObject* kwargs, PyObject** values) {
    std::vector<PyObject*> given;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i)
        given.push_back(PyTuple_GET_ITEM(args, i));
    const Object names = kwargs ? check(PySequence_Tuple(kwargs)) : Object();
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names.get()); ++i)
        given.push_back(PyDict_GetItem(kwargs, PyTuple_GET_ITEM(names.get(), i)));
    Object temporary;
    return parser.parse(given.data(), PyTuple_GET_SIZE(args), names.get(), values, temporary);
}

PyTypeObject *finfo_type, *iinfo_type;

PyObject* wrap_info(PyTypeObject* type, DType d) {
    auto* o = PyObject_New(PyDType, type);
    if (!o) throw PythonError{};
    o->dtype = d;
    return reinterpret_cast<PyObject*>(o);
}
PyObject* finfo_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    return guarded([&] {
        static const Parser parser("finfo", false, {"torch.dtype type", ""});
        PyObject* v[kMaxParameters];
        const bool given = parse_new(parser, args, kwargs, v) == 0;
        const DType d = given ? dtype_of_object(v[0]) : default_dtype();
        if (!is_differentiable(d))
            fail_type(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'");
        return wrap_info(type, to_real(d));
    });
}
PyObject* iinfo_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    return guarded([&] {
        static const Parser parser("iinfo", false, {"torch.dtype type"});
        PyObject* v[kMaxParameters];
        parse_new(parser, args, kwargs, v);
        const DType d = dtype_of_object(v[0]);
        if (is_differentiable(d))
            fail_type(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'");
        if (d == DType::Bool) fail_type("torch.bool is not supported by torch.iinfo");
        return wrap_info(type, d);
    });
}

// What std::numeric_limits says, for the half types too.
struct FloatLimits {
    double eps, max, tiny, resolution;
};
FloatLimits float_limits(DType d) {
    const auto of = [](auto zero) {
        using L = std::numeric_limits<decltype(zero)>;
        return FloatLimits{L::epsilon(), L::max(), L::min(), std::pow(10.0, -L::digits10)};
    };
    switch (d) {
    case DType::Float16: return {0x1p-10, 65504.0, 0x1p-14, 1e-3};
    case DType::BFloat16: return {0x1p-7, 0x1.fep127, 0x1p-126, 1e-2};
    case DType::Float32: return of(0.0f);
    default: return of(0.0);
    }
}
struct IntLimits {
    int64_t min, max;
};
IntLimits int_limits(DType d) {
    IntLimits limits{};
    visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>)
            limits = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    });
    return limits;
}

PyObject* info_bits(PyObject* o, void*) { return PyLong_FromSize_t(8 * item_size(dtype_at(o))); }
PyObject* info_dtype(PyObject* o, void*) { return PyUnicode_FromString(info(dtype_at(o)).name); }
template <double FloatLimits::* value>
PyObject* finfo_value(PyObject* o, void*) {
    return PyFloat_FromDouble(float_limits(dtype_at(o)).*value);
}
PyObject* finfo_min(PyObject* o, void*) {
    return PyFloat_FromDouble(-float_limits(dtype_at(o)).max);
}
template <int64_t IntLimits::* value>
PyObject* iinfo_value(PyObject* o, void*) {
    return PyLong_FromLongLong(int_limits(dtype_at(o)).*value);
}

PyObject* finfo_repr(PyObject* o) {
    const FloatLimits l = float_limits(dtype_at(o));
    char text[256];
    std::snprintf(
        text, sizeof text,
        "finfo(resolution=%g, min=%g, max=%g, eps=%g, smallest_normal=%g, tiny=%g, dtype=%s)",
        l.resolution, -l.max, l.max, l.eps, l.tiny, l.tiny, info(dtype_at(o)).name);
    return PyUnicode_FromString(text);
}
PyObject* iinfo_repr(PyObject* o) {
    const IntLimits l = int_limits(dtype_at(o));
    char text[128];
    std::snprintf(text, sizeof text, "iinfo(min=%g, max=%g, dtype=%s)", double(l.min),
                  double(l.max), info(dtype_at(o)).name);
    return PyUnicode_FromString(text);
}
PyObject* info_compare(PyObject* a, PyObject* b, int how) {
    if (Py_TYPE(a) != Py_TYPE(b) || (how != Py_EQ && how != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((dtype_at(a) == dtype_at(b)) == (how == Py_EQ));
}

PyGetSetDef finfo_properties_[] = {
    {"bits", info_bits, nullptr, nullptr, nullptr},
    {"eps", finfo_value<&FloatLimits::eps>, nullptr, nullptr, nullptr},
    {"max", finfo_value<&FloatLimits::max>, nullptr, nullptr, nullptr},
    {"min", finfo_min, nullptr, nullptr, nullptr},
    {"tiny", finfo_value<&FloatLimits::tiny>, nullptr, nullptr, nullptr},
    {"smallest_normal", finfo_value<&FloatLimits::tiny>, nullptr, nullptr, nullptr},
    {"resolution", finfo_value<&FloatLimits::resolution>, nullptr, nullptr, nullptr},
    {"dtype", info_dtype, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyGetSetDef iinfo_properties_[] = {
    {"bits", info_bits, nullptr, nullptr, nullptr},
    {"max", iinfo_value<&IntLimits::max>, nullptr, nullptr, nullptr},
    {"min", iinfo_value<&IntLimits::min>, nullptr, nullptr, nullptr},
    {"dtype", info_dtype, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

void add_infos(PyObject* module) {
    const auto add = [&](const char* name, newfunc make_new, reprfunc repr,
                         PyGetSetDef* properties) {
        PyTypeObject* type = make(name, sizeof(PyDType),
                                  {{Py_tp_new, slot(make_new)},
                                   {Py_tp_repr, slot(repr)},
                                   {Py_tp_richcompare, slot(info_compare)},
                                   {Py_tp_hash, slot(PyObject_HashNotImplemented)},
                                   {Py_tp_getset, properties}});
        check(PyModule_AddObjectRef(module, std::strchr(name, '.') + 1,
                                    reinterpret_cast<PyObject*>(type)));
        return type;
    };
    finfo_type = add("torch.finfo", finfo_new, finfo_repr, finfo_properties_);
    iinfo_type = add("torch.iinfo", iinfo_new, iinfo_repr, iinfo_properties_);
}

// --- device ---

struct PyDevice {
    PyObject_HEAD Device device;
};

// Indices of 128 and more wrap round, and print as 16 bits, as PyTorch has it.
bool has_index(Device d) { return d.index != -1; }
int shown_index(Device d) { return uint16_t(d.index); }

Device& device_at(PyObject* o) { return reinterpret_cast<PyDevice*>(o)->device; }

// What PyTorch knows beside the CPU and CUDA.
constexpr std::string_view kAbsentDevices[] = {
    "ipu",  "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve",   "fpga",
    "maia", "xla", "lazy",   "vulkan", "mps",    "meta",  "hpu", "mtia", "privateuseone"};

Device parse_device(std::string_view text) {
    Device d;
    std::string_view type = text.substr(0, text.find(':'));
    WG_CHECK(!text.empty(), "Device string must not be empty");
    WG_CHECK(
        !type.empty() &&
            std::ranges::all_of(type, [](char c) { return std::isalpha(uint8_t(c)) || c == '_'; }),
        "Invalid device string: '", text, "'");
    if (type == "cpu") d.type = DeviceType::CPU;
    else if (type == "cuda") d.type = DeviceType::CUDA;
    else if (std::ranges::find(kAbsentDevices, type) != std::end(kAbsentDevices))
        fail(ErrorKind::NotImplemented, str("whygrad has no device '", type, "'"));
    else
        fail(
            ErrorKind::Runtime,
            str("Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, "
                "mps, meta, hpu, mtia, privateuseone device type at start of device string: ",
                type));
    if (type.size() < text.size()) {
        const std::string_view digits = text.substr(type.size() + 1);
        const bool ok = !digits.empty() && digits.size() < 10 &&
                        digits.find_first_not_of("0123456789") == std::string_view::npos &&
                        (digits.size() == 1 || digits[0] != '0');
        WG_CHECK(ok, "Invalid device string: '", text, "'");
        d.index = int8_t(std::stoi(std::string(digits)));
    }
    return d;
}

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        static const Parser parser("device", false,
                                   {"torch.device device", "str type, int? index=-1"});
        std::vector<PyObject*> given(&PyTuple_GET_ITEM(args, 0),
                                     &PyTuple_GET_ITEM(args, 0) + PyTuple_GET_SIZE(args));
        const Object names = check(PyTuple_New(kwargs ? PyDict_GET_SIZE(kwargs) : 0));
        PyObject *key, *value;
        for (Py_ssize_t at = 0, k = 0; kwargs && PyDict_Next(kwargs, &at, &key, &value); ++k) {
            PyTuple_SET_ITEM(names.get(), k, Py_NewRef(key));
            given.push_back(value);
        }
        PyObject* values[kMaxParameters];
        Object temporary;
        const int form =
            parser.parse(given.data(), PyTuple_GET_SIZE(args), names.get(), values, temporary);
        PyObject *type = values[0], *index = given.size() > 1 ? values[1] : Py_None;
        if (form == 0 && is_int(type))
            WG_CHECK(to_int64(type) >= 0, "Device index must not be negative");
        Device d = device_of_object(type);
        if (index == Py_None) return wrap_device(d);
        WG_CHECK(to_int64(index) >= 0, "Device index must not be negative");
        WG_CHECK(!has_index(d),
                 "type (string) must not include an index because index was passed explicitly: ",
                 Convert<std::string_view>::get(type));
        d.index = int8_t(to_int64(index));
        return wrap_device(d);
    });
}
const char* device_name(Device d) { return d.type == DeviceType::CPU ? "cpu" : "cuda"; }
PyObject* device_repr(PyObject* o) {
    const Device d = device_at(o);
    if (!has_index(d)) return PyUnicode_FromFormat("device(type='%s')", device_name(d));
    return PyUnicode_FromFormat("device(type='%s', index=%d)", device_name(d), shown_index(d));
}
PyObject* device_str(PyObject* o) {
    const Device d = device_at(o);
    if (!has_index(d)) return PyUnicode_FromString(device_name(d));
    return PyUnicode_FromFormat("%s:%d", device_name(d), shown_index(d));
}
PyObject* device_compare(PyObject* a, PyObject* b, int how) {
    if (Py_TYPE(b) != device_type) Py_RETURN_NOTIMPLEMENTED;
    if (how != Py_EQ && how != Py_NE)
        return PyErr_SetString(PyExc_TypeError, "comparison not implemented"), nullptr;
    return PyBool_FromLong((device_at(a) == device_at(b)) == (how == Py_EQ));
}
Py_hash_t device_hash(PyObject* o) {
    return Py_hash_t(device_at(o).type) * 1000 + device_at(o).index + 7;
}
PyObject* device_get_type(PyObject* o, void*) {
    return PyUnicode_FromString(device_name(device_at(o)));
}
PyObject* device_get_index(PyObject* o, void*) {
    if (!has_index(device_at(o))) Py_RETURN_NONE;
    return PyLong_FromLong(device_at(o).index);
}
PyObject* device_reduce(PyObject* o, PyObject*) {
    const Device d = device_at(o);
    if (!has_index(d)) return Py_BuildValue("(O(s))", device_type, device_name(d));
    return Py_BuildValue("(O(si))", device_type, device_name(d), int(d.index));
}
// In `with device:` tensors are made on the device, which can only be the CPU.
PyObject* device_enter(PyObject* o, PyObject*) {
    return guarded([&] {
        require_cpu(device_at(o));
        return Py_NewRef(o);
    });
}
PyObject* device_exit(PyObject*, PyObject*) { Py_RETURN_NONE; }
PyGetSetDef device_properties_[] = {
    {"type", device_get_type, nullptr, nullptr, nullptr},
    {"index", device_get_index, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef device_methods_[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                 {"__enter__", device_enter, METH_NOARGS, nullptr},
                                 {"__exit__", device_exit, METH_VARARGS, nullptr},
                                 {nullptr, nullptr, 0, nullptr}};

// --- Size ---

PyObject* size_repr(PyObject* o) {
    const Object list = Object::steal(PySequence_List(o));
    if (!list) return nullptr;
    return PyUnicode_FromFormat("torch.Size(%R)", list.get());
}
PyObject* size_numel(PyObject* o, PyObject*) {
    return guarded([&] {
        uint64_t n = 1;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
            n *= uint64_t(to_int64(PyTuple_GET_ITEM(o, i)));
        return PyLong_FromLongLong(int64_t(n));
    });
}
PyObject* as_size(PyObject* tuple) {
    if (!tuple) return nullptr;
    const Object owned = Object::steal(tuple);
    if (!PyTuple_Check(tuple)) return Py_NewRef(tuple);
    return PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(size_type), tuple, nullptr);
}
PyObject* size_subscript(PyObject* o, PyObject* key) {
    PyObject* r = PyTuple_Type.tp_as_mapping->mp_subscript(o, key);
    return r && PySlice_Check(key) ? as_size(r) : r;
}
// With a tuple on either side; what a list on the left says to it is the list's affair.
PyObject* size_add(PyObject* a, PyObject* b) {
    if (!PyTuple_Check(a)) Py_RETURN_NOTIMPLEMENTED;
    if (!PyTuple_Check(b))
        return PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not %s) to torch.Size",
                            Py_TYPE(b)->tp_name);
    return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_repeat(PyObject* o, Py_ssize_t n) {
    return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(o, n));
}
PyObject* size_reduce(PyObject* o, PyObject*) {
    return Py_BuildValue("(O(N))", size_type, PySequence_Tuple(o));
}
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject* o = PyTuple_Type.tp_new(type, args, kwargs);
    if (!o) return nullptr;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
        PyObject* item = PyTuple_GET_ITEM(o, i);
        if (is_int(item)) continue;
        const Object number = Object::steal(PyNumber_Index(item));
        if (!number) {
            PyErr_Format(PyExc_TypeError,
                         "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                         Py_TYPE(item)->tp_name);
            Py_DECREF(o);
            return nullptr;
        }
        if (is_numpy_scalar(item)) continue;  // kept as it is
        PyTuple_SET_ITEM(o, i, Py_NewRef(number.get()));
        Py_DECREF(item);
    }
    return o;
}
PyMethodDef size_methods_[] = {
    {"numel", size_numel, METH_NOARGS, "The product of the sizes."},
    {"__reduce__", size_reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// --- layout and memory_format: named constants ---

struct PyConstant {
    PyObject_HEAD const char* name;
};
PyObject* constant_repr(PyObject* o) {
    return PyUnicode_FromString(reinterpret_cast<PyConstant*>(o)->name);
}
PyObject* constant_reduce(PyObject* o, PyObject*) {
    return PyUnicode_FromString(std::strchr(reinterpret_cast<PyConstant*>(o)->name, '.') + 1);
}
PyMethodDef constant_methods_[] = {{"__reduce__", constant_reduce, METH_NOARGS, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

// --- torch.return_types: C's tuples with named fields ---

PyObject* fields_repr(PyObject* o) {
    PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(o));
    return guarded([&] {
        const Object names = check(PyObject_GetAttrString(type, "__match_args__"));
        std::string text = std::string(Py_TYPE(o)->tp_name) + "(";
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
            const Object value = check(PyObject_Repr(PyTuple_GET_ITEM(o, i)));
            text += std::string(i ? ",\n" : "\n") +
                    PyUnicode_AsUTF8(PyTuple_GET_ITEM(names.get(), i)) + "=" +
                    PyUnicode_AsUTF8(value.get());
        }
        return PyUnicode_FromString((text + ")").c_str());
    });
}

// _named_tuple(qualified name, names of the fields)
PyObject* make_named_tuple(PyObject*, PyObject* args) {
    const char* name;
    PyObject* fields;
    if (!PyArg_ParseTuple(args, "sO!", &name, &PyTuple_Type, &fields)) return nullptr;
    return guarded([&] {
        // A type refers to its names, and lives as long as the process.
        const auto keep = [](const char* text) { return (new std::string(text))->c_str(); };
        std::vector<PyStructSequence_Field> described;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); ++i)
            described.push_back({keep(PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields, i))), nullptr});
        const int n = int(described.size());
        described.push_back({nullptr, nullptr});
        PyStructSequence_Desc description = {keep(name), nullptr, described.data(), n};
        PyTypeObject* type = PyStructSequence_NewType(&description);
        if (!type) throw PythonError{};
        type->tp_repr = fields_repr;
        return reinterpret_cast<PyObject*>(type);
    });
}
PyMethodDef functions_[] = {{"_named_tuple", make_named_tuple, METH_VARARGS, nullptr},
                            {nullptr, nullptr, 0, nullptr}};

PyTypeObject* make_constants(PyObject* module, const char* type_name,
                             std::initializer_list<const char*> names) {
    PyTypeObject* type =
        make(type_name, sizeof(PyConstant),
             {{Py_tp_repr, slot(constant_repr)}, {Py_tp_methods, constant_methods_}},
             Py_TPFLAGS_DISALLOW_INSTANTIATION);
    for (const char* name : names) {
        auto* c = PyObject_New(PyConstant, type);
        c->name = name;
        check(PyModule_AddObjectRef(module, std::strchr(name, '.') + 1,
                                    reinterpret_cast<PyObject*>(c)));
    }
    check(PyModule_AddObjectRef(module, std::strchr(type_name, '.') + 1,
                                reinterpret_cast<PyObject*>(type)));
    return type;
}

}  // namespace

PyObject* dtype_object(DType d) { return reinterpret_cast<PyObject*>(dtypes_[int(d)]); }
bool is_dtype(PyObject* o) noexcept { return Py_TYPE(o) == dtype_type; }
bool is_python_dtype(PyObject* o) noexcept {
    return o == reinterpret_cast<PyObject*>(&PyFloat_Type) ||
           o == reinterpret_cast<PyObject*>(&PyLong_Type) ||
           o == reinterpret_cast<PyObject*>(&PyBool_Type) ||
           o == reinterpret_cast<PyObject*>(&PyComplex_Type);
}

DType dtype_of_object(PyObject* o) {
    if (is_dtype(o)) return dtype_at(o);
    if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
    if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
    if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
    if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::Complex128;
    fail_type(str("argument 'dtype' must be torch.dtype, not ", Py_TYPE(o)->tp_name));
}

Device device_of_object(PyObject* o) {
    if (Py_TYPE(o) == device_type) return device_at(o);
    if (Convert<std::string_view>::accepts(o))
        return parse_device(Convert<std::string_view>::get(o));
    WG_CHECK(!is_int(o), "Cannot access accelerator device when none is available.");
    fail_type(str("device(): argument 'type' (position 1) must be str, not ", Py_TYPE(o)->tp_name));
}

MemoryFormat memory_format_of_object(PyObject* o) {
    const std::string_view name = reinterpret_cast<PyConstant*>(o)->name;
    if (name == "torch.preserve_format") return MemoryFormat::Preserve;
    if (name == "torch.channels_last") return MemoryFormat::ChannelsLast;
    return MemoryFormat::Contiguous;
}

void require_cpu(Device d) {
    if (d.type == DeviceType::CPU) return;
    PyErr_SetString(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    throw PythonError{};
}

PyObject* wrap_device(Device d) {
    auto* o = PyObject_New(PyDevice, device_type);
    if (!o) throw PythonError{};
    o->device = d;
    return reinterpret_cast<PyObject*>(o);
}

PyObject* wrap_ints(IntSpan values) {
    Object tuple = check(PyTuple_New(Py_ssize_t(values.size())));
    for (size_t i = 0; i < values.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), PyLong_FromLongLong(values[i]));
    return tuple.release();
}

PyObject* wrap_size(IntSpan sizes) {
    Object o = check(size_type->tp_alloc(size_type, Py_ssize_t(sizes.size())));
    for (size_t i = 0; i < sizes.size(); ++i)
        PyTuple_SET_ITEM(o.get(), Py_ssize_t(i), PyLong_FromLongLong(sizes[i]));
    return o.release();
}

void add_types(PyObject* module) {
    add_dtypes(module);
    add_infos(module);
    device_type = make("torch.device", sizeof(PyDevice),
                       {{Py_tp_new, slot(device_new)},
                        {Py_tp_repr, slot(device_repr)},
                        {Py_tp_str, slot(device_str)},
                        {Py_tp_richcompare, slot(device_compare)},
                        {Py_tp_hash, slot(device_hash)},
                        {Py_tp_getset, device_properties_},
                        {Py_tp_methods, device_methods_}});
    check(PyModule_AddObjectRef(module, "device", reinterpret_cast<PyObject*>(device_type)));
    size_type = make("torch.Size", sizeof(PyTupleObject) - sizeof(PyObject*),
                     {{Py_tp_new, slot(size_new)},
                      {Py_tp_repr, slot(size_repr)},
                      {Py_mp_subscript, slot(size_subscript)},
                      {Py_nb_add, slot(size_add)},
                      {Py_sq_repeat, slot(size_repeat)},
                      {Py_tp_methods, size_methods_}},
                     0, reinterpret_cast<PyObject*>(&PyTuple_Type));
    check(PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(size_type)));
    check(PyModule_AddFunctions(module, functions_));
    layout_type = make_constants(module, "torch.layout", {"torch.strided"});
    memory_format_type =
        make_constants(module, "torch.memory_format",
                       {"torch.contiguous_format", "torch.preserve_format", "torch.channels_last"});
}

}  // namespace wg::py
