// x[...] and x[...] = v: Python's index expressions as select, slice, unsqueeze and index operations.
// Start with Walk::apply.
#include "convert.h"
#include "data.h"
#include "ops/functions.h"
#include "override.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

// The legacy rule: a short list that holds slices, None, sequences or tensors is read as a tuple.
bool is_legacy_tuple(PyObject* index) {
    if (is_tensor(index) || is_ndarray(index) || !PySequence_Check(index)) return false;
    const Py_ssize_t n = PySequence_Size(index);
    if (n < 0) PyErr_Clear();
    if (n < 0 || n >= 32) return false;
    for (Py_ssize_t i = 0; i < n; ++i) {
        const Object item = Object::steal(PySequence_GetItem(index, i));
        if (!item) {
            PyErr_Clear();
            return false;
        }
        PyObject* o = item.get();
        if (is_tensor(o) || PySequence_Check(o) || PySlice_Check(o) || o == Py_Ellipsis ||
            o == Py_None)
            return true;
    }
    return false;
}

// x[(a, b)] is x[a, b]; x[[a, b]] indexes with a tensor, but for the legacy rule.
Object as_tuple(PyObject* index) {
    if (PyTuple_Check(index)) return Object::borrow(index);
    if (!is_legacy_tuple(index)) return check(PyTuple_Pack(1, index));
    warn(
        WarningKind::User,
        "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
        "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
        "which will result either in an error or a different result (Triggered internally at "
        "/__w/pytorch/pytorch/torch/csrc/autograd/python_variable_indexing.cpp:349.)");
    return check(PySequence_Tuple(index));
}

// A sequence or array of indices: bools and bytes are masks, everything else is made int64.
Tensor index_tensor(PyObject* item) {
    const DType dtype = dtype_of_data(item);
    const bool is_mask = dtype == DType::Bool || dtype == DType::UInt8;
    return tensor_from_data(item, is_mask ? dtype : DType::Int64);
}

// True or False as the indices of a new dim of length one.
Tensor bool_index(bool value) { return zeros({value ? 1 : 0}, DType::Int64); }

[[noreturn]] void fail_select(const Tensor& t, int64_t index, int64_t position, int64_t size) {
    WG_CHECK_INDEX(
        index != 0 || t.dim() > 0,
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
        "to convert a 0-dim tensor to a number");
    fail(ErrorKind::Index,
         str("index ", index, " is out of bounds for dimension ", position, " with size ", size));
}

// `position` is where the index stands between the brackets, which is what the message counts.
Tensor select_at(const Tensor& t, int64_t dim, int64_t index, int64_t position) {
    const int64_t size = dim < t.dim() ? t.size(dim) : 0;
    if (index >= -size && index < size) [[likely]]
        return select(t, dim, index);
    fail_select(t, index, position, size);
}

struct Range {
    Py_ssize_t start, stop, step;
    bool covers(int64_t size) const { return start == 0 && stop >= size && step == 1; }
};

void warn_truncated() {
    warn(WarningKind::User,
         "Truncating the start/stop/step of slice. This is likely because of saved old models when "
         "the start/stop/step were larger. (Triggered internally at "
         "/__w/pytorch/pytorch/torch/csrc/autograd/python_variable_indexing.cpp:46.)");
}

Range range_of(PyObject* item) {
    Range r;
    check(PySlice_Unpack(item, &r.start, &r.stop, &r.step));
    WG_CHECK_VALUE(r.step > 0, "step must be greater than zero");
    if (r.start == PY_SSIZE_T_MIN || r.stop == PY_SSIZE_T_MIN) [[unlikely]]
        warn_truncated();
    return r;
}

// x[a:b:c]: always a view of its own, even of everything.
Tensor slice_first(const Tensor& t, PyObject* item) {
    const Range r = range_of(item);
    WG_CHECK_INDEX(t.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
    return slice(t, 0, r.start, r.stop, r.step);
}

struct Walk {
    Tensor result;
    int64_t dim = 0;  // of result, next to be indexed
    int64_t slot = 0;  // of indices; behind dim after a mask, which covers several dims in one slot
    TensorList indices;  // advanced: undefined for full slices
    bool advanced = false;
    bool changed = false;

    void put_index(Tensor t) {
        while (int64_t(indices.size()) < slot) indices.emplace_back();
        indices.push_back(std::move(t));
        ++slot;
        advanced = true;
    }
    void skip(int64_t dims) {
        dim += dims;
        slot += dims;
    }

    static int64_t consumed_dims(PyObject* item) {
        if (item == Py_None || item == Py_Ellipsis || PyBool_Check(item)) return 0;
        if (is_tensor(item)) {
            const Tensor& t = tensor_of(item);
            if (t.dtype() == DType::Bool || t.dtype() == DType::UInt8) return t.dim();
        }
        return 1;
    }

    void apply(PyObject* index) {
        const Object tuple = as_tuple(index);
        const Py_ssize_t n = PyTuple_GET_SIZE(tuple.get());
        int64_t specified = 0;
        for (Py_ssize_t i = 0; i < n; ++i)
            specified += consumed_dims(PyTuple_GET_ITEM(tuple.get(), i));
        WG_CHECK_INDEX(specified <= result.dim(), "too many indices for tensor of dimension ",
                       result.dim());
        const int64_t rank = result.dim();
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* item = PyTuple_GET_ITEM(tuple.get(), i);
            if (item == Py_None) {
                result = unsqueeze(result, dim);
                skip(1);
                changed = true;
            } else if (item == Py_Ellipsis) {
                skip(rank - specified);
            } else if (PySlice_Check(item)) {
                apply_slice(item);
            } else if (PyBool_Check(item)) {
                apply_bool(item == Py_True);
            } else if (is_tensor(item)) {
                apply_tensor(tensor_of(item), i);
            } else if (is_int_like(item)) {
                result = select_at(result, dim, index_value(item), i);
                changed = true;
            } else if (PySequence_Check(item) || is_ndarray(item)) {
                apply_tensor(index_tensor(item), i);
            } else {
                fail(
                    ErrorKind::Index,
                    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got " +
                        std::string(Py_TYPE(item)->tp_name) + ")");
            }
        }
    }

    void apply_tensor(const Tensor& t, int64_t position) {
        if (t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::UInt8) {
            result = select_at(result, dim, t.to_int(), position);
            changed = true;
            return;
        }
        const bool is_mask = t.dtype() == DType::Bool || t.dtype() == DType::UInt8;
        if (t.dim() == 0 && is_mask) return apply_bool(t.to_int() != 0);
        put_index(t);
        dim += is_mask ? t.dim() : 1;
    }

    // A bool indexes a new dim of length one.
    void apply_bool(bool value) {
        result = unsqueeze(result, dim);
        changed = true;
        put_index(bool_index(value));
        ++dim;
    }

    void apply_slice(PyObject* item) {
        const Range r = range_of(item);
        // Behind a mask given as a list, which covers more dims than it was counted for, nothing is left.
        const int64_t size = dim < result.dim() ? result.size(dim) : 0;
        if (!r.covers(size)) {
            result = slice(result, dim, r.start, r.stop, r.step);
            changed = true;
        }
        skip(1);
    }
};

Tensor value_to_assign(PyObject* value, const Tensor& t) {
    if (is_tensor(value)) return tensor_of(value);
    if (!PyFloat_Check(value) && !PyBool_Check(value) && !PyComplex_Check(value) &&
        !is_int_like(value))
        fail_type(str("can't assign a ", Py_TYPE(value)->tp_name, " to a torch.",
                      info(t.dtype()).legacy_name));
    return full({}, is_int(value) ? Scalar(index_value(value)) : to_scalar(value), t.dtype());
}

// Leading dims of size one in an assigned value do not count.
Dims without_leading_ones(IntSpan sizes) {
    size_t first = 0;
    while (first < sizes.size() && sizes[first] == 1) ++first;
    return Dims(sizes.begin() + first, sizes.end());
}
Tensor without_leading_ones(const Tensor& v) {
    const Dims sizes = without_leading_ones(v.sizes());
    return sizes.size() < v.sizes().size() ? view(v, sizes) : v;
}

void assign(Tensor target, const Tensor& v) {
    if (same_shape(target.sizes(), v.sizes())) {
        copy_(target, v);
    } else if (v.dim() == 0) {
        fill_tensor_(target, v);
    } else {
        const Tensor stripped = view(v, without_leading_ones(v.sizes()));
        const bool fits = same_shape(target.sizes(), stripped.sizes());
        copy_(target, fits ? stripped : expand(stripped, Dims(target.sizes())));
    }
}

bool is_numpy_int(PyObject* o) { return is_numpy_object(o) && PyIndex_Check(o); }

}  // namespace

namespace {

PyObject* get_item(PyObject* self, PyObject* index) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (is_int(index) || (t.dim() == 0 && is_numpy_int(index)))
            return wrap(select_at(t, 0, index_value(index), 0));
        if (PySlice_Check(index)) return wrap(slice_first(t, index));
        Walk w;
        w.result = t;
        w.apply(index);
        if (w.advanced)
            return with_histories([&] { return wrap(wg::index(w.result, w.indices)); },
                                  [&] { check_histories({&self, 1}, false); });
        if (!w.changed) return wrap(alias_view(t));
        return wrap(w.result);
    });
}

int set_item(PyObject* self, PyObject* index, PyObject* value) {
    return guarded(
        [&] {
            if (!value) fail_type("Tensor does not support deleting items");
            const Tensor t = tensor_of(self);
            const Tensor v = value_to_assign(value, t);
            const auto assign = [&](const Tensor& to, const Tensor& from) {
                naming_write(is_tensor(value) ? "copy" : "fill", is_tensor(value) ? nullptr : self,
                             [&] { wg::py::assign(to, from); });
            };
            if (index == Py_False) return 0;
            if (index == Py_True) {
                assign(unsqueeze(t, 0), v);
                return 0;
            }
            if (is_int(index) || (t.dim() == 0 && is_numpy_int(index))) {
                assign(select_at(t, 0, index_value(index), 0), v);
                return 0;
            }
            if (PySlice_Check(index)) {
                // A slice of everything is the tensor itself, and its history stays a plain one.
                const bool everything = t.dim() > 0 && range_of(index).covers(t.size(0));
                assign(everything ? t : slice_first(t, index), v);
                return 0;
            }
            Walk w;
            w.result = t;
            w.apply(index);
            if (!w.advanced) {
                assign(w.result, v);
                return 0;
            }
            return naming_write("index_put", nullptr, [&] {
                index_put_(w.result, w.indices, without_leading_ones(v));
                return 0;
            });
        },
        -1);
}

Py_ssize_t length(PyObject* self) {
    return guarded(
        [&]() -> Py_ssize_t {
            const Tensor& t = tensor_of(self);
            if (t.dim() == 0) fail_type("len() of a 0-d tensor");
            return t.sizes()[0];
        },
        Py_ssize_t(-1));
}

}  // namespace

PyObject* tensor_getitem(PyObject* self, PyObject* index) {
    PyObject* const given[] = {self, index};
    if (!is_plain(self) || may_be_overridden(&index, 1)) [[unlikely]]
        if (const Answer a = ask_overrides(call_of_method("__getitem__", given, 2),
                                           [&] { return get_item(self, index); }))
            return a.result;
    return get_item(self, index);
}

int tensor_setitem(PyObject* self, PyObject* index, PyObject* value) {
    PyObject* const given[] = {self, index, value};
    if (value && (!is_plain(self) || may_be_overridden(given + 1, 2))) [[unlikely]] {
        const auto plainly = [&] {
            return set_item(self, index, value) == 0 ? Py_NewRef(Py_None) : nullptr;
        };
        if (const Answer a = ask_overrides(call_of_method("__setitem__", given, 3), plainly)) {
            Py_XDECREF(a.result);
            return a.result ? 0 : -1;
        }
    }
    return set_item(self, index, value);
}

Py_ssize_t tensor_length(PyObject* self) {
    if (!is_plain(self)) [[unlikely]] {
        const auto plainly = [&]() -> PyObject* {
            const Py_ssize_t n = length(self);
            return n < 0 ? nullptr : PyLong_FromSsize_t(n);
        };
        if (const Answer a = ask_overrides(
                call_of_method("__len__", &self, 1, nullptr, Told::Function, true), plainly)) {
            const Py_ssize_t n = a.result ? PyNumber_AsSsize_t(a.result, PyExc_OverflowError) : -1;
            Py_XDECREF(a.result);
            return n;
        }
    }
    return length(self);
}

}  // namespace wg::py
