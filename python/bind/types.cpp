// torch.dtype, torch.device, torch.Size, torch.layout and torch.memory_format.
#include "convert.h"

#include <algorithm>
#include <cstring>
#include <memory>

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
PyObject* dtype_is_complex(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* dtype_is_signed(PyObject* o, void*) {
    return PyBool_FromLong(dtype_at(o) != DType::UInt8 && dtype_at(o) != DType::Bool);
}
PyObject* dtype_itemsize(PyObject* o, void*) { return PyLong_FromSize_t(item_size(dtype_at(o))); }
PyObject* dtype_module(PyObject*, void*) { return PyUnicode_FromString("torch"); }

PyGetSetDef dtype_properties_[] = {
    {"is_floating_point", dtype_is_floating, nullptr, nullptr, nullptr},
    {"is_complex", dtype_is_complex, nullptr, nullptr, nullptr},
    {"is_signed", dtype_is_signed, nullptr, nullptr, nullptr},
    {"itemsize", dtype_itemsize, nullptr, nullptr, nullptr},
    {"__module__", dtype_module, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef dtype_methods_[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
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
        {"float", DType::Float32}, {"double", DType::Float64}, {"half", DType::Float16},
        {"long", DType::Int64},    {"int", DType::Int32},      {"short", DType::Int16}};
    for (const auto& [name, d] : aliases)
        check(PyModule_AddObjectRef(module, name, dtype_object(d)));
    check(PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(dtype_type)));
}

// --- device ---

struct PyDevice {
    PyObject_HEAD Device device;
};

Device& device_at(PyObject* o) { return reinterpret_cast<PyDevice*>(o)->device; }

// What PyTorch knows beside the CPU and CUDA.
constexpr std::string_view kAbsentDevices[] = {
    "ipu",  "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve",   "fpga",
    "maia", "xla", "lazy",   "vulkan", "mps",    "meta",  "hpu", "mtia", "privateuseone"};

Device parse_device(std::string_view text) {
    Device d;
    std::string_view type = text.substr(0, text.find(':'));
    if (type == "cpu") d.type = DeviceType::CPU;
    else if (type == "cuda") d.type = DeviceType::CUDA;
    else if (type.find_first_of("0123456789") != std::string_view::npos)
        fail(ErrorKind::Runtime, str("Invalid device string: '", text, "'"));
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
        const bool ok = !digits.empty() && digits.size() < 4 &&
                        digits.find_first_not_of("0123456789") == std::string_view::npos &&
                        (digits.size() == 1 || digits[0] != '0');
        WG_CHECK(ok, "Invalid device string: '", text, "'");
        d.index = int8_t(std::stoi(std::string(digits)));
    }
    return d;
}

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        static const char* names[] = {"type", "index", nullptr};
        PyObject *type = nullptr, *index = nullptr;
        if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device", const_cast<char**>(names),
                                         &type, &index))
            return nullptr;
        Device d = device_of_object(type);
        if (index && index != Py_None) d.index = int8_t(to_int64(index));
        return wrap_device(d);
    });
}
const char* device_name(Device d) { return d.type == DeviceType::CPU ? "cpu" : "cuda"; }
PyObject* device_repr(PyObject* o) {
    const Device d = device_at(o);
    if (d.index < 0) return PyUnicode_FromFormat("device(type='%s')", device_name(d));
    return PyUnicode_FromFormat("device(type='%s', index=%d)", device_name(d), int(d.index));
}
PyObject* device_str(PyObject* o) {
    const Device d = device_at(o);
    if (d.index < 0) return PyUnicode_FromString(device_name(d));
    return PyUnicode_FromFormat("%s:%d", device_name(d), int(d.index));
}
PyObject* device_compare(PyObject* a, PyObject* b, int how) {
    if (Py_TYPE(b) != device_type || (how != Py_EQ && how != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((device_at(a) == device_at(b)) == (how == Py_EQ));
}
Py_hash_t device_hash(PyObject* o) {
    return Py_hash_t(device_at(o).type) * 1000 + device_at(o).index + 7;
}
PyObject* device_get_type(PyObject* o, void*) {
    return PyUnicode_FromString(device_name(device_at(o)));
}
PyObject* device_get_index(PyObject* o, void*) {
    if (device_at(o).index < 0) Py_RETURN_NONE;
    return PyLong_FromLong(device_at(o).index);
}
PyObject* device_reduce(PyObject* o, PyObject*) {
    return Py_BuildValue("(O(N))", device_type, device_str(o));
}
PyGetSetDef device_properties_[] = {
    {"type", device_get_type, nullptr, nullptr, nullptr},
    {"index", device_get_index, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef device_methods_[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                 {nullptr, nullptr, 0, nullptr}};

// --- Size ---

PyObject* size_repr(PyObject* o) {
    const Object list = Object::steal(PySequence_List(o));
    if (!list) return nullptr;
    return PyUnicode_FromFormat("torch.Size(%R)", list.get());
}
PyObject* size_numel(PyObject* o, PyObject*) {
    return guarded([&] {
        int64_t n = 1;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) n *= to_int64(PyTuple_GET_ITEM(o, i));
        return PyLong_FromLongLong(n);
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
PyObject* size_concat(PyObject* a, PyObject* b) {
    // torch.Size only joins with tuples; a list on the right is an error as for tuples.
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
        if (PyLong_Check(item)) continue;
        PyObject* number = is_int_like(item) ? PyNumber_Index(item) : nullptr;
        if (!number) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_TypeError,
                             "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                             Py_TYPE(item)->tp_name);
            Py_DECREF(o);
            return nullptr;
        }
        PyTuple_SET_ITEM(o, i, number);
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
           o == reinterpret_cast<PyObject*>(&PyBool_Type);
}

DType dtype_of_object(PyObject* o) {
    if (is_dtype(o)) return dtype_at(o);
    if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
    if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
    if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
    fail_type(str("argument 'dtype' must be torch.dtype, not ", Py_TYPE(o)->tp_name));
}

Device device_of_object(PyObject* o) {
    if (Py_TYPE(o) == device_type) return device_at(o);
    if (PyUnicode_Check(o)) return parse_device(Convert<std::string_view>::get(o));
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
                      {Py_sq_concat, slot(size_concat)},
                      {Py_sq_repeat, slot(size_repeat)},
                      {Py_tp_methods, size_methods_}},
                     0, reinterpret_cast<PyObject*>(&PyTuple_Type));
    check(PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(size_type)));
    layout_type = make_constants(module, "torch.layout", {"torch.strided"});
    memory_format_type =
        make_constants(module, "torch.memory_format",
                       {"torch.contiguous_format", "torch.preserve_format", "torch.channels_last"});
}

}  // namespace wg::py
