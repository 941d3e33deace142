// x[...] and x[...] = v: Python's index expressions as select, slice, unsqueeze and index operations.
// Start with Walk::apply.
#include "convert.h"
#include "ops/functions.h"
#include "data.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

bool is_advanced_sequence(PyObject* o) { return PyList_Check(o); }

bool is_ndarray(PyObject* o) { return std::string_view(Py_TYPE(o)->tp_name) == "numpy.ndarray"; }

// x[(a, b)] is x[a, b]; x[[a, b]] indexes with a tensor; a list holding slices or None is a tuple (the legacy rule).
Object as_tuple(PyObject* index) {
    if (PyTuple_Check(index)) return Object::borrow(index);
    return check(PyTuple_Pack(1, index));
}

struct Walk {
    Tensor result;
    int64_t dim = 0;     // of result, next to be indexed
    int64_t slot = 0;    // of indices; behind dim after a mask, which covers several dims in one slot
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
        if (is_advanced_sequence(item)) {
            const Tensor t = tensor_from_data(item);
            if (t.dtype() == DType::Bool) return t.dim();
        }
        return 1;
    }

    void apply(PyObject* index) {
        const Object tuple = as_tuple(index);
        const Py_ssize_t n = PyTuple_GET_SIZE(tuple.get());
        int64_t specified = 0;
        for (Py_ssize_t i = 0; i < n; ++i) specified += consumed_dims(PyTuple_GET_ITEM(tuple.get(), i));
        WG_CHECK_INDEX(specified <= result.dim(), "too many indices for tensor of dimension ", result.dim());
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
                // A bool indexes a new dim of length one or zero.
                result = unsqueeze(result, dim);
                changed = true;
                Tensor t = empty({}, DType::Bool);
                *t.data<bool>() = item == Py_True;
                Dims one{1};
                put_index(reshape(t, one));
                ++dim;
            } else if (is_tensor(item)) {
                apply_tensor(tensor_of(item));
            } else if (is_int_like(item)) {
                result = select(result, dim, to_int64(item));
                changed = true;
            } else if (PySequence_Check(item) || is_ndarray(item)) {
                apply_tensor(tensor_from_data(item));
            } else {
                fail(ErrorKind::Index,
                     "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got " +
                         std::string(Py_TYPE(item)->tp_name) + ")");
            }
        }
    }

    void apply_tensor(const Tensor& t) {
        if (t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::UInt8) {
            result = select(result, dim, t.to_int());
            changed = true;
            return;
        }
        if (t.dim() == 0 && (t.dtype() == DType::Bool || t.dtype() == DType::UInt8)) {
            result = unsqueeze(result, dim);
            changed = true;
            Dims one{1};
            put_index(reshape(to_dtype(t, DType::Bool), one));
            ++dim;
            return;
        }
        put_index(t);
        const bool is_mask = t.dtype() == DType::Bool || t.dtype() == DType::UInt8;
        dim += is_mask ? t.dim() : 1;
    }

    void apply_slice(PyObject* item) {
        auto* s = reinterpret_cast<PySliceObject*>(item);
        const auto bound = [](PyObject* o) -> OptInt {
            if (o == Py_None) return {};
            return to_int64(o);
        };
        const int64_t step = s->step == Py_None ? 1 : to_int64(s->step);
        WG_CHECK_VALUE(step > 0, "step must be greater than zero");
        if (s->start != Py_None || s->stop != Py_None || step != 1) {
            result = slice(result, dim, bound(s->start), bound(s->stop), step);
            changed = true;
        }
        skip(1);
    }
};

}  // namespace

PyObject* tensor_getitem(PyObject* self, PyObject* index) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (is_int(index)) {
            WG_CHECK_INDEX(t.dim() > 0, "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                                        "to convert a 0-dim tensor to a number");
            return wrap(select(t, 0, to_int64(index)));
        }
        Walk w;
        w.result = t;
        w.apply(index);
        if (w.advanced) return wrap(wg::index(w.result, w.indices));
        if (!w.changed) return wrap(alias_view(t));
        return wrap(w.result);
    });
}

int tensor_setitem(PyObject* self, PyObject* index, PyObject* value) {
    return guarded(
        [&] {
            if (!value) fail_type("Tensor does not support deleting items");
            Tensor t = tensor_of(self);
            Walk w;
            w.result = t;
            if (is_int(index) && t.dim() == 0)
                fail(ErrorKind::Index, "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
                                       "convert a 0-dim tensor to a number");
            w.apply(index);
            Tensor v;
            if (is_tensor(value)) {
                v = tensor_of(value);
            } else if (is_number(value)) {
                v = wrapped_number(to_scalar(value));
            } else {
                fail_type(str("can't assign a ", Py_TYPE(value)->tp_name, " to a torch.", info(t.dtype()).legacy_name));
            }
            if (w.advanced) {
                WG_CHECK(v.dtype() == t.dtype() || v->wrapped_number,
                         "Index put requires the source and destination dtypes match, got ", info(t.dtype()).scalar_name,
                         " for the destination and ", info(v.dtype()).scalar_name, " for the source.");
                if (v->wrapped_number) v = to_dtype(v, t.dtype());
                index_put_(w.result, w.indices, v);
                return 0;
            }
            Tensor target = w.changed ? w.result : alias_view(t);
            // Leading dims of size one in the value do not count.
            Tensor source = v;
            if (source.dim() > target.dim()) {
                Dims sizes(source.sizes());
                while (int64_t(sizes.size()) > target.dim() && sizes[0] == 1) sizes.erase(0);
                if (int64_t(sizes.size()) != source.dim()) source = view(contiguous(source), sizes);
            }
            if (!is_tensor(value)) fill_(target, to_scalar(value));
            else if (source.dim() == 0) fill_tensor_(target, source);
            else copy_(target, source);
            return 0;
        },
        -1);
}

Py_ssize_t tensor_length(PyObject* self) {
    return guarded(
        [&]() -> Py_ssize_t {
            const Tensor& t = tensor_of(self);
            if (t.dim() == 0) fail_type("len() of a 0-d tensor");
            return t.sizes()[0];
        },
        Py_ssize_t(-1));
}

}  // namespace wg::py
