// Tensors from Python data and numpy arrays, and arrays from tensors.
// numpy is reached through the buffer protocol and its __array_interface__; nothing of it is linked.
#include "data.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "args.h"
#include "hooks.h"
#include "ops/functions.h"
#include "override.h"
#include "storage.h"
#include "tensor/shape.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

bool derives_from(PyObject* o, std::string_view name) noexcept {
    PyObject* order = Py_TYPE(o)->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); ++i)
        if (reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(order, i))->tp_name == name)
            return true;
    return false;
}

}  // namespace

bool is_ndarray(PyObject* o) noexcept { return derives_from(o, "numpy.ndarray"); }
bool is_numpy_object(PyObject* o) noexcept { return derives_from(o, "numpy.generic"); }
bool is_numpy_bool(PyObject* o) noexcept {  // by its names of NumPy 2 and 1
    return derives_from(o, "numpy.bool") || derives_from(o, "numpy.bool_");
}

namespace {

bool is_sequence(PyObject* o) { return PySequence_Check(o) && !is_tensor(o); }

std::optional<DType> dtype_of_typestr(std::string_view s);

// The dtype of a numpy array or scalar.
DType dtype_of_numpy(PyObject* o) {
    const Object np_dtype = check(PyObject_GetAttrString(o, "dtype"));
    const Object typestr = check(PyObject_GetAttrString(np_dtype.get(), "str"));
    if (const auto dtype = dtype_of_typestr(Convert<std::string_view>::get(typestr.get())))
        return *dtype;
    const Object type = check(PyObject_GetAttrString(np_dtype.get(), "type"));
    const Object name = check(PyObject_GetAttrString(type.get(), "__name__"));
    fail_type(str(
        "can't convert np.ndarray of type numpy.", PyUnicode_AsUTF8(name.get()),
        ". The only supported types are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, "
        "uint64, uint32, uint16, uint8, and bool."));
}

DType dtype_of_number(PyObject* o) {
    if (PyUnicode_Check(o) || PyBytes_Check(o))
        fail_type(str("new(): invalid data type '", Py_TYPE(o)->tp_name, "'"));
    // Before the number types of Python, which numpy.float64 and complex128 derive from.
    if (is_numpy_object(o)) return dtype_of_numpy(o);
    if (PyFloat_Check(o)) return default_dtype();
    if (PyBool_Check(o)) return DType::Bool;
    if (PyLong_Check(o)) return DType::Int64;
    if (PyComplex_Check(o)) return to_complex(default_dtype());
    fail(ErrorKind::Runtime, str("Could not infer dtype of ", Py_TYPE(o)->tp_name));
}

}  // namespace

DType dtype_of_data(PyObject* o) {
    if (is_tensor(o)) return tensor_of(o).dtype();
    if (!is_sequence(o) || PyUnicode_Check(o) || PyBytes_Check(o)) return dtype_of_number(o);
    if (is_ndarray(o)) return dtype_of_numpy(o);
    const Py_ssize_t n = PySequence_Size(o);
    if (n < 0) throw PythonError{};
    if (n == 0) return default_dtype();
    std::optional<DType> d;
    for (Py_ssize_t i = 0; i < n; ++i) {
        const Object item = check(PySequence_GetItem(o, i));
        if (item.get() == o) fail_type("new(): self-referential lists are incompatible");
        const DType e = dtype_of_data(item.get());
        d = d ? promote(*d, e) : e;
    }
    return *d;
}

namespace {

// Sizes as the first elements tell them; tensors count as single numbers.
Dims infer_sizes(PyObject* o) {
    Dims sizes;
    Object at = Object::borrow(o);
    while (is_sequence(at.get())) {
        const Py_ssize_t n = PySequence_Size(at.get());
        if (n < 0) throw PythonError{};
        sizes.push_back(n);
        WG_CHECK_VALUE(sizes.size() <= 128, "too many dimensions '", Py_TYPE(at.get())->tp_name,
                       "'");
        if (n == 0) break;
        at = check(PySequence_GetItem(at.get(), 0));
    }
    return sizes;
}

// The element that `o` is, by Python's protocols: __float__ for floating dtypes, else a float that fits or
// __index__.
void store_number(PyObject* o, char* to, DType d) {
    if (is_complex(d)) {
        const Py_complex z = PyComplex_AsCComplex(o);
        if (PyErr_Occurred()) throw PythonError{};
        return Scalar(Complex<double>(z.real, z.imag)).store(to, d);
    }
    if (is_floating(d)) {
        const double v = PyFloat_AsDouble(o);
        if (v == -1.0 && PyErr_Occurred()) throw PythonError{};
        return Scalar(v).store(to, d);
    }
    if (d == DType::Bool &&
        (PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o) || is_numpy_bool(o)))
        return Scalar(PyObject_IsTrue(o) == 1).store(to, d);
    const bool floating = PyFloat_Check(o);
    const Scalar value = floating ? Scalar(PyFloat_AS_DOUBLE(o)) : Scalar(index_value(o));
    visit_dtype(d, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            constexpr double lo = double(std::numeric_limits<T>::min()),
                             hi = double(std::numeric_limits<T>::max());
            const double v = value.to_double();
            const int64_t n = floating ? 0 : value.to_int();
            const bool fits = floating                ? v >= lo && v <= hi
                              : std::is_unsigned_v<T> ? n >= -int64_t(hi) && n <= int64_t(hi)
                                                      : n == int64_t(T(n));
            WG_CHECK(fits, "value cannot be converted to type ", info(d).name, " without overflow");
        }
    });
    value.store(to, d);
}

void warn_of_arrays() {
    warn_once(
        WarningKind::User,
        "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting the "
        "list to a single numpy.ndarray with numpy.array() before converting to a tensor. (Triggered internally "
        "at /__w/pytorch/pytorch/torch/csrc/utils/tensor_new.cpp:252.)");
}

// Writes nested data into a contiguous tensor; sizes must be the same everywhere.
void store_nested(PyObject* o, const Dims& sizes, size_t d, const Dims& strides, char* to,
                  DType dtype) {
    if (d == sizes.size()) return store_number(o, to, dtype);
    if (is_ndarray(o)) warn_of_arrays();
    const Object fast = check(PySequence_Fast(o, "not a sequence"));
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.get());
    WG_CHECK_VALUE(n == sizes[d], "expected sequence of length ", sizes[d], " at dim ", d, " (got ",
                   n, ")");
    const int64_t step = strides[d] * int64_t(item_size(dtype));
    for (Py_ssize_t i = 0; i < n; ++i)
        store_nested(PySequence_Fast_GET_ITEM(fast.get(), i), sizes, d + 1, strides, to + i * step,
                     dtype);
}

// numpy's one-letter kinds with the item size.
std::optional<DType> dtype_of_typestr(std::string_view s) {
    if (s.size() < 3) return {};
    WG_CHECK_VALUE(s[0] != '>' || s[2] == '1',
                   "given numpy array has byte order different from the native byte order. "
                   "Conversion between byte orders is currently not supported.");
    const std::string_view kind = s.substr(1);
    static constexpr std::pair<std::string_view, DType> kinds[] = {
        {"f4", DType::Float32},   {"f8", DType::Float64},    {"f2", DType::Float16},
        {"i8", DType::Int64},     {"i4", DType::Int32},      {"i2", DType::Int16},
        {"i1", DType::Int8},      {"u1", DType::UInt8},      {"b1", DType::Bool},
        {"c8", DType::Complex64}, {"c16", DType::Complex128}};
    for (const auto& [k, d] : kinds)
        if (k == kind) return d;
    return {};
}

const char* typestr_of(DType d) {
    switch (d) {
    case DType::Float32: return "<f4";
    case DType::Float64: return "<f8";
    case DType::Float16: return "<f2";
    case DType::Int64: return "<i8";
    case DType::Int32: return "<i4";
    case DType::Int16: return "<i2";
    case DType::Int8: return "|i1";
    case DType::UInt8: return "|u1";
    case DType::Complex64: return "<c8";
    case DType::Complex128: return "<c16";
    case DType::Bool: return "|b1";
    case DType::BFloat16: break;
    }
    fail_type("Got unsupported ScalarType BFloat16");
}

void drop_object(void* o) {
    const PyGILState_STATE s = PyGILState_Ensure();
    Py_DECREF(static_cast<PyObject*>(o));
    PyGILState_Release(s);
}

PyObject* attribute(PyObject* dict, const char* name) { return PyDict_GetItemString(dict, name); }

// {shape, typestr, data, strides, version}: what numpy needs to look at the memory.
PyObject* array_interface(const Tensor& t) {
    const int64_t item = int64_t(t.itemsize());
    Dims byte_strides;
    for (int64_t s : t.strides()) byte_strides.push_back(s * item);
    t->storage->resizable = false;
    static char nothing;
    WG_CHECK(!t.is_lazy(), "a lazy tensor has no memory to show");
    void* data = t.address() ? t.address() : &nothing;
    return Py_BuildValue("{s:N,s:s,s:(Ni),s:N,s:i}", "shape", wrap_ints(t.sizes()), "typestr",
                         typestr_of(t.dtype()), "data", PyLong_FromVoidPtr(data), 0, "strides",
                         wrap_ints(byte_strides), "version", 3);
}

PyObject* get_array_interface(PyObject*, PyObject* o) {
    return guarded([&] { return array_interface(tensor_of(o)); });
}

// --- module functions: (data, dtype or None, ...) prepared by Python ---

void set_options(Tensor& t, PyObject* device, bool requires_grad) {
    require_cpu(Convert<Device>::get(device));
    TensorOptions o;
    o.requires_grad = requires_grad;
    finished(t, o);
}

void warn_copy(const char* function) {
    warn(WarningKind::User,
         str("To copy construct from a tensor, it is recommended to use "
             "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
             "rather than ",
             function, "(sourceTensor)."));
}

// The values of an object with one of Python's protocols for arrays, without copying them.
std::optional<Tensor> shared(PyObject* o) {
    if (is_tensor(o)) return tensor_of(o);
    if (is_ndarray(o)) return tensor_from_numpy(o);
    return std::nullopt;
}

// A copy of a batched tensor, or with its dtype the tensor itself; null for any other object. Its own memory has no
// values, its methods know where they are.
PyObject* of_batched(PyObject* o, PyObject* dtype, bool copies) {
    if (!vmap_is_running() || !is_tensor(o) || !may_override(o)) return nullptr;
    Object t = Object::borrow(o);
    if (copies) t = check(PyObject_CallMethod(o, "detach", nullptr));
    if (copies) t = check(PyObject_CallMethod(t.get(), "clone", nullptr));
    if (dtype != Py_None) t = check(PyObject_CallMethod(t.get(), "to", "O", dtype));
    return t.release();
}

PyObject* tensor_function(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        if (nargs == 1 && !kwnames && !is_tensor(args[0])) return wrap(tensor_from_data(args[0]));
        static const Parser parser(
            "tensor", false,
            {"object data, *, torch.dtype dtype=None, torch.device device=None, bool "
             "pin_memory=False, bool requires_grad=False"});
        PyObject* v[kMaxParameters];
        Object temporary;
        parser.parse(args, nargs, kwnames, v, temporary);
        if (is_tensor(v[0])) warn_copy("torch.tensor");
        if (PyObject* t = of_batched(v[0], v[1], true)) return t;
        Tensor t = tensor_from_data(v[0], Convert<OptDType>::get(v[1]));
        check_pin_memory(v[3]);
        set_options(t, v[2], v[4] == Py_True);
        return wrap(std::move(t));
    });
}

PyObject* as_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        static const Parser parser(
            "as_tensor", false,
            {"object data, *, torch.dtype dtype=None, torch.device device=None"});
        PyObject* v[kMaxParameters];
        Object temporary;
        parser.parse(args, nargs, kwnames, v, temporary);
        require_cpu(Convert<Device>::get(v[2]));
        const OptDType dtype = Convert<OptDType>::get(v[1]);
        if (PyObject* t = of_batched(v[0], v[1], false)) return t;
        const auto memory = shared(v[0]);
        if (!memory) return wrap(tensor_from_data(v[0], dtype));
        return wrap(to_dtype(*memory, dtype.value_or(memory->dtype())));
    });
}

void release_buffer(void* owner) {
    const PyGILState_STATE s = PyGILState_Ensure();
    auto* view = static_cast<Py_buffer*>(owner);
    PyBuffer_Release(view);
    delete view;
    PyGILState_Release(s);
}

// A tensor over the memory of an object with the buffer protocol; count -1 is all of it.
Tensor tensor_from_buffer(PyObject* buffer, DType dtype, int64_t count, int64_t offset) {
    const int64_t item = int64_t(item_size(dtype));
    WG_CHECK_VALUE(PyObject_CheckBuffer(buffer),
                   "object does not implement Python buffer protocol.");
    auto view = std::make_unique<Py_buffer>();
    const bool writable = PyObject_GetBuffer(buffer, view.get(), PyBUF_WRITABLE) == 0;
    if (!writable) {
        PyErr_Clear();
        if (PyObject_GetBuffer(buffer, view.get(), PyBUF_SIMPLE) != 0) {
            PyErr_Clear();
            fail(ErrorKind::Runtime, "could not retrieve buffer from object");
        }
    }
    const int64_t length = view->len;
    // A tensor that starts at the offset, as PyTorch makes it.
    const int64_t start = std::clamp<int64_t>(offset, 0, length);
    auto storage = Storage::wrap(static_cast<char*>(view->buf) + start, size_t(length - start),
                                 release_buffer, view.get());
    view.release();
    if (!writable)
        warn_once(
            WarningKind::User,
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you "
            "can write to the underlying (supposedly non-writable) buffer using the tensor. You may want to copy "
            "the buffer to protect its data or make it writable before converting it to a tensor. This type of "
            "warning will be suppressed for the rest of this program. (Triggered internally at "
            "/__w/pytorch/pytorch/torch/csrc/utils/tensor_new.cpp:1591.)");
    WG_CHECK_VALUE(length > 0 && count != 0, "both buffer length (", length, ") and count (", count,
                   ") must not be 0");
    WG_CHECK_VALUE(offset >= 0 && offset < length, "offset (", offset,
                   " bytes) must be non-negative and no greater than buffer length (", length,
                   " bytes) minus 1");
    WG_CHECK_VALUE(count > 0 || (length - offset) % item == 0, "buffer length (", length - offset,
                   " bytes) after offset (", offset, " bytes) must be a multiple of element size (",
                   item, ")");
    if (count < 0) count = (length - offset) / item;
    WG_CHECK_VALUE(count <= (length - offset) / item, "requested buffer length (", count, " * ",
                   item, " bytes) after offset (", offset,
                   " bytes) must not be greater than actual buffer length (", length, " bytes)");
    WG_CHECK_VALUE(offset % item == 0, "offset must be a multiple of the element size");
    const Dims sizes{count}, strides{1};
    return from_storage(std::move(storage), sizes, strides, 0, dtype);
}

// What asarray() looks at without copying: a tensor, an array, or a buffer as elements of `dtype`.
std::optional<Tensor> alias_of(PyObject* o, OptDType dtype, bool writable) {
    if (is_tensor(o)) return tensor_of(o);
    if (is_ndarray(o)) return tensor_from_numpy(o, writable);
    if (is_numpy_object(o)) dtype_of_numpy(o);  // or says what is wrong
    else if (PyObject_CheckBuffer(o))
        return tensor_from_buffer(o, dtype.value_or(default_dtype()), -1, 0);
    return std::nullopt;
}

PyObject* asarray(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        static const Parser parser(
            "asarray", false,
            {"object obj, *, torch.dtype dtype=None, torch.device device=None, bool copy=None, bool "
             "requires_grad=None"});
        PyObject* v[kMaxParameters];
        Object temporary;
        parser.parse(args, nargs, kwnames, v, temporary);
        PyObject* obj = v[0];
        const OptDType dtype = Convert<OptDType>::get(v[1]);
        const bool copies = v[3] == Py_True, aliases = v[3] == Py_False;
        if (PyObject* t = of_batched(obj, v[1], copies)) return t;
        WG_CHECK(
            !aliases || !is_numpy_object(obj),
            "can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray. ");
        const auto memory = alias_of(obj, dtype, !copies);
        WG_CHECK_VALUE(memory || !aliases, "can't alias arbitrary sequence into a tensor.");
        const bool had_gradient = is_tensor(obj) && requires_grad(*memory);
        if (had_gradient && v[4] == Py_None)
            warn(
                WarningKind::User,
                "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of "
                "False. Pass requires_grad=False explicitly to get the old behavior and silence this "
                "warning. (Triggered internally at "
                "/__w/pytorch/pytorch/torch/csrc/utils/tensor_new.cpp:1737.)");
        const bool wanted = v[4] == Py_None ? had_gradient : v[4] == Py_True;
        Tensor t;
        if (memory) t = *memory;
        else if (!is_numpy_object(obj)) t = tensor_from_data(obj, dtype);
        else if (const DType own = dtype_of_numpy(obj); true)
            t = to_dtype(tensor_from_data(obj, own), dtype.value_or(own));
        if (memory) {
            const DType to = dtype.value_or(t.dtype());
            WG_CHECK_VALUE(!aliases || to == t.dtype(), "can't alias tensor with dtype '",
                           info(t.dtype()).scalar_name, "' into dtype '", info(to).scalar_name,
                           "'.");
            if (to != t.dtype()) t = to_dtype(t, to);
            else if (copies) t = clone(t);
        }
        require_cpu(Convert<Device>::get(v[2]));
        if (requires_grad(t) && !wanted && !is_leaf(t)) t = detach(t);
        else if (requires_grad(t) && !wanted) set_requires_grad(t, false);
        else if (wanted && !requires_grad(t)) set_options(t, v[2], true);
        return wrap(std::move(t));
    });
}

PyObject* from_numpy(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        constexpr const char* name = "torch._VariableFunctionsClass.from_numpy";
        if (kwnames && PyTuple_GET_SIZE(kwnames))
            fail_type(str(name, "() takes no keyword arguments"));
        if (nargs != 1) fail_type(str(name, "() takes exactly one argument (", nargs, " given)"));
        PyObject* const array = args[0];
        if (!is_ndarray(array))
            fail_type(str("expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")"));
        return wrap(tensor_from_numpy(array));
    });
}

// All memory that t shares, in one dimension.
PyObject* whole_storage(PyObject*, PyObject* o) {
    return guarded([&] {
        const Tensor& t = tensor_of(o);
        const Dims sizes{int64_t(t->storage->nbytes / t.itemsize())}, strides{1};
        return wrap(from_storage(t->storage, sizes, strides, 0, t.dtype()));
    });
}

PyObject* from_buffer(PyObject*, PyObject* const* given, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        static const Parser parser("frombuffer", false,
                                   {"object buffer, *, torch.dtype dtype, int count=-1, int "
                                    "offset=0, bool requires_grad=False"});
        PyObject* args[kMaxParameters];
        Object temporary;
        parser.parse(given, nargs, kwnames, args, temporary);
        Tensor t = tensor_from_buffer(args[0], dtype_of_object(args[1]), to_int64(args[2]),
                                      to_int64(args[3]));
        set_options(t, Py_None, args[4] == Py_True);
        return wrap(std::move(t));
    });
}

PyMethodDef functions_[] = {
    creator<"tensor", tensor_function>(
        "A new tensor with the values of numbers, nested sequences, arrays or tensors."),
    creator<"as_tensor", as_tensor>(
        "Data as a tensor, without a copy where it is a tensor or array of the dtype already."),
    creator<"asarray", asarray>("as_tensor() with a choice of copying."),
    {"frombuffer", fast_function(from_buffer), METH_FASTCALL | METH_KEYWORDS,
     "A 1-d tensor over the memory of an object with the buffer protocol."},
    {"from_numpy", fast_function(from_numpy), METH_FASTCALL | METH_KEYWORDS,
     "A tensor over the memory of a numpy array."},
    {"_whole_storage", whole_storage, METH_O, nullptr},
    {"_array_interface", get_array_interface, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype) {
    if (is_tensor(data)) {
        GradMode off(false);
        return clone(to_dtype(detach(tensor_of(data)), dtype.value_or(tensor_of(data).dtype())));
    }
    if (is_ndarray(data)) {
        const Tensor view = tensor_from_numpy(data, false);
        return to_dtype(view, dtype.value_or(view.dtype()), true);
    }
    if (PyUnicode_Check(data) || PyBytes_Check(data)) dtype_of_number(data);  // says what is wrong
    const Dims sizes = infer_sizes(data);
    if (!dtype) dtype = dtype_of_data(data);
    Tensor t = empty(sizes, *dtype);
    if (t.numel() > 0)
        store_nested(data, sizes, 0, contiguous_strides(sizes), t.mutable_raw(), *dtype);
    return t;
}

Tensor tensor_from_numpy(PyObject* array, bool writable) {
    const Object interface = check(PyObject_GetAttrString(array, "__array_interface__"));
    const Dims sizes = to_dims(attribute(interface.get(), "shape"));
    const Object itemsize = check(PyObject_GetAttrString(array, "itemsize"));
    const int64_t item = to_int64(itemsize.get());
    const Object byte_strides = check(PyObject_GetAttrString(array, "strides"));
    Dims strides = to_dims(byte_strides.get());
    for (int64_t& stride : strides) {
        WG_CHECK_VALUE(
            stride >= 0,
            "At least one stride in the given numpy array is negative, and tensors with negative strides are "
            "not currently supported. (You can probably work around this by making a copy of your array "
            " with array.copy().) ");
        WG_CHECK_VALUE(
            item > 0 && stride % item == 0,
            "given numpy array strides not a multiple of the element byte size. Copy the numpy array "
            "to reallocate the memory.");
        stride /= item;
    }
    const DType dtype = dtype_of_numpy(array);
    PyObject* data = attribute(interface.get(), "data");
    if (writable && PyTuple_GetItem(data, 1) == Py_True)
        warn_once(
            WarningKind::User,
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing "
            "to this tensor will result in undefined behavior. You may want to copy the array to protect its data or "
            "make it writable before converting it to a tensor. This type of warning will be suppressed for the rest of "
            "this program. (Triggered internally at /__w/pytorch/pytorch/torch/csrc/utils/tensor_numpy.cpp:213.)");
    void* address = PyLong_AsVoidPtr(PyTuple_GetItem(data, 0));
    int64_t last = 0;
    for (size_t d = 0; d < sizes.size(); ++d)
        last = sizes[d] == 0 || last < 0 ? -1 : last + (sizes[d] - 1) * strides[d];
    Py_INCREF(array);
    auto storage = Storage::wrap(address, size_t(last + 1) * size_t(item), drop_object, array);
    return from_storage(std::move(storage), sizes, strides, 0, dtype);
}

PyObject* new_tensor(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        static const Parser parser("new_tensor", false,
                                   {"object data, *, torch.dtype dtype=None, torch.device "
                                    "device=None, bool requires_grad=False"});
        PyObject* v[kMaxParameters];
        Object temporary;
        parser.parse(args, nargs, kwnames, v, temporary);
        if (is_tensor(v[0])) warn_copy("tensor.new_tensor");
        if (PyObject* t = of_batched(v[0], v[1], true)) return t;
        Tensor t =
            tensor_from_data(v[0], Convert<OptDType>::get(v[1]).value_or(tensor_of(self).dtype()));
        set_options(t, v[2], v[3] == Py_True);
        return wrap(std::move(t));
    });
}

namespace {

// What legacy constructors make of an object that is neither a size nor a tensor.
Tensor tensor_of_sequence(PyObject* data, DType dtype) {
    if (PyUnicode_Check(data) || PyBytes_Check(data)) dtype_of_number(data);  // says what is wrong
    if (!is_sequence(data))
        fail_type(str("new(): data must be a sequence (got ", Py_TYPE(data)->tp_name, ")"));
    return tensor_from_data(data, dtype);
}

std::string described(DType dtype) {
    return str(
        "TensorOptions(dtype=", info(dtype).c_name,
        ", device=cpu, layout=Strided, requires_grad=false (default), pinned_memory=false (default), "
        "memory_format=(nullopt))");
}

Tensor tensor_of_storage(PyObject* storage, DType dtype) {
    const Object typed = Object::steal(PyObject_GetAttrString(storage, "dtype"));
    if (!typed) PyErr_Clear();
    else if (const DType given = dtype_of_object(typed.get()); given != dtype)
        fail(ErrorKind::Runtime, str("Expected a Storage of type ", info(dtype).scalar_name,
                                     " or an UntypedStorage, but got type ",
                                     info(given).scalar_name, " for argument 1 'storage'"));
    Tensor t = empty(Dims{0}, dtype);
    return set_storage_(t, storage_of(storage));
}

}  // namespace

// x.new(2, 3), x.new([1, 2]), x.new(t): as torch.Tensor(...), with the dtype of x.
PyObject* new_of_dtype(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        enum { Empty, OfStorage, Alias, OfSize, OfData };
        static const Parser parser(
            "new", false,
            {"*, torch.device device=None", "torch.Storage storage", "Tensor other",
             "tuple of ints size, *, torch.device device=None",
             "object data, *, torch.device device=None"});
        PyObject* v[kMaxParameters];
        Object temporary;
        const int form = parser.parse(args, nargs, kwnames, v, temporary);
        const DType dtype = tensor_of(self).dtype();
        if (form == OfStorage) return wrap(tensor_of_storage(v[0], dtype));
        if (form == Alias) {
            const Tensor& other = tensor_of(v[0]);
            if (other.dtype() != dtype)
                fail_type(
                    str("expected ", described(dtype), " (got ", described(other.dtype()), ")"));
            return wrap(alias_view(other));
        }
        const Device device = Convert<Device>::get(v[form == Empty ? 0 : 1]);
        WG_CHECK(device.type == DeviceType::CPU,
                 "legacy constructor expects device type: cpu but device type: cuda was passed");
        if (form == Empty) return wrap(empty(Dims{0}, dtype));
        // Of ints in a list or tuple the tensor is made, of the same in a torch.Size one of that size.
        const bool data = form == OfData || (nargs == 1 && v[0] == args[0] && is_sequence(v[0]) &&
                                             Py_TYPE(v[0]) != size_type);
        return wrap(data ? tensor_of_sequence(v[0], dtype) : empty(to_dims(v[0]), dtype));
    });
}

void add_creation(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

// torch.Tensor(2, 3), torch.Tensor([1, 2]), torch.Tensor(t)
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        if (type == tensor_type && kwargs)
            if (const Object names = check(PySequence_Tuple(kwargs)); PyTuple_GET_SIZE(names.get()))
                fail_type(str("new() got an unexpected keyword argument '",
                              PyUnicode_AsUTF8(PyTuple_GET_ITEM(names.get(), 0)), "'"));
        const Py_ssize_t n = PyTuple_GET_SIZE(args);
        Tensor t;
        if (n == 0) {
            t = empty(Dims{0}, default_dtype());
        } else if (PyObject* first = PyTuple_GET_ITEM(args, 0); n == 1 && is_tensor(first)) {
            if (PyObject* batched = of_batched(first, Py_None, false)) return batched;
            t = alias_view(tensor_of(first));
        } else if (is_int(first) || Py_TYPE(first) == size_type) {
            t = empty(to_dims(is_int(first) ? args : first), default_dtype());
        } else if (n == 1) {
            t = tensor_of_sequence(first, default_dtype());
        } else {
            fail_type(str("new(): data must be a sequence (got ", Py_TYPE(first)->tp_name, ")"));
        }
        return type == tensor_type ? wrap(std::move(t)) : wrap_as(type, std::move(t));
    });
}

}  // namespace wg::py
