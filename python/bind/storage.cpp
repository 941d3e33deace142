// torch._C.StorageBase: the memory of a tensor as an object. One at a time per storage, as with tensors: asking
// again gives the same object while somebody holds it. What a program does with one is in storage.py.
#include "storage.h"

#include "convert.h"

namespace wg::py {
namespace {

struct PyStorage {
    PyObject_HEAD Storage* storage;
};

PyTypeObject* base_type_ = nullptr;
PyObject* class_ = nullptr;  // UntypedStorage, which derives from it

PyStorage* as_storage(PyObject* o) { return reinterpret_cast<PyStorage*>(o); }

Storage& storage_at(PyObject* o) {
    if (!as_storage(o)->storage) fail(ErrorKind::Type, "this storage was not initialized");
    return *as_storage(o)->storage;
}

void dealloc(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    if (Storage* s = std::exchange(as_storage(o)->storage, nullptr)) {
        s->python = nullptr;
        Ref<Storage>::steal(s);
    }
    type->tp_free(o);
    Py_DECREF(type);
}

PyObject* nbytes(PyObject* o, PyObject*) {
    return guarded([&] { return PyLong_FromSize_t(storage_at(o).nbytes); });
}
PyObject* data_ptr(PyObject* o, PyObject*) {
    return guarded([&] {
        const Storage& s = storage_at(o);
        return PyLong_FromSize_t(s.nbytes ? reinterpret_cast<size_t>(s.data) : 0);
    });
}
PyObject* resizable(PyObject* o, PyObject*) {
    return guarded([&] {
        const Storage& s = storage_at(o);
        return PyBool_FromLong(s.resizable && !s.deleter);
    });
}
PyObject* resize(PyObject* o, PyObject* size) {
    return guarded([&] {
        const int64_t n = to_int64(size);
        WG_CHECK(n >= 0, "resize_: expected a size that is not negative, got ", n);
        storage_at(o).resize(size_t(n));
        return Py_NewRef(o);
    });
}
PyObject* share(PyObject* o, PyObject*) {
    return guarded([&] {
        storage_at(o).share();
        return Py_NewRef(o);
    });
}
PyObject* is_shared(PyObject* o, PyObject*) {
    return guarded([&] { return PyBool_FromLong(storage_at(o).shared); });
}
// The bytes as a tensor over the same memory.
PyObject* bytes(PyObject* o, PyObject*) {
    return guarded([&] {
        const Ref<Storage> s(&storage_at(o));
        const int64_t n = int64_t(s->nbytes), step = 1;
        return wrap(from_storage(s, {&n, 1}, {&step, 1}, 0, DType::UInt8));
    });
}
PyObject* get_cdata(PyObject* o, void*) {
    return guarded([&] { return PyLong_FromVoidPtr(&storage_at(o)); });
}

PyMethodDef methods_[] = {
    {"nbytes", nbytes, METH_NOARGS, "Size in bytes."},
    {"data_ptr", data_ptr, METH_NOARGS, "Address of the first byte; 0 when there is none."},
    {"resizable", resizable, METH_NOARGS, nullptr},
    {"resize_", resize, METH_O, "Changes the size in bytes; the beginning keeps its values."},
    {"share_memory_", share, METH_NOARGS,
     "Moves the bytes to memory that processes forked from now on share."},
    {"is_shared", is_shared, METH_NOARGS, "Whether forked processes share the memory."},
    {"_bytes", bytes, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef properties_[] = {
    {"_cdata", get_cdata, nullptr, "Tells storages apart.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyType_Slot slots_[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_methods, methods_},
    {Py_tp_getset, properties_},
    {0, nullptr},
};
PyType_Spec spec_ = {"torch._C.StorageBase", sizeof(PyStorage), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                     slots_};

PyObject* set_class(PyObject*, PyObject* type) {
    return guarded([&]() -> PyObject* {
        if (!PyType_Check(type) ||
            !PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), base_type_))
            fail(ErrorKind::Type, "expected a class derived from StorageBase");
        Py_XDECREF(std::exchange(class_, Py_NewRef(type)));
        Py_RETURN_NONE;
    });
}
PyObject* storage_of_tensor(PyObject*, PyObject* tensor) {
    return guarded([&] {
        if (!is_tensor(tensor)) fail(ErrorKind::Type, "expected a Tensor");
        return wrap_storage(tensor_of(tensor)->storage);
    });
}

PyMethodDef functions_[] = {
    {"_set_storage_class", set_class, METH_O, nullptr},
    {"_storage_of", storage_of_tensor, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* wrap_storage(const Ref<Storage>& storage) {
    if (storage->python) return Py_NewRef(static_cast<PyObject*>(storage->python));
    auto* type = reinterpret_cast<PyTypeObject*>(class_);
    PyObject* o = type->tp_alloc(type, 0);
    if (!o) throw PythonError{};
    as_storage(o)->storage = Ref<Storage>(storage).release();
    storage->python = o;
    return o;
}

bool is_storage(PyObject* o) {
    if (PyObject_TypeCheck(o, base_type_)) return true;
    if (is_tensor(o) || !PyObject_HasAttrString(o, "_untyped_storage")) return false;
    const Object inner = check(PyObject_GetAttrString(o, "_untyped_storage"));
    return PyObject_TypeCheck(inner.get(), base_type_);
}

Ref<Storage> storage_of(PyObject* o) {
    if (PyObject_TypeCheck(o, base_type_)) return Ref<Storage>(&storage_at(o));
    const Object inner = check(PyObject_GetAttrString(o, "_untyped_storage"));
    return Ref<Storage>(&storage_at(inner.get()));
}

void add_storage(PyObject* module) {
    base_type_ = reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec_)).release());
    check(PyModule_AddObjectRef(module, "StorageBase", reinterpret_cast<PyObject*>(base_type_)));
    check(PyModule_AddFunctions(module, functions_));
}

}  // namespace wg::py
