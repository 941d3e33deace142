// torch.Tensor as a Python type: making, finding and freeing the objects.
//
// Note [Identity]
// A tensor has at most one Python object, found through TensorImpl::python. Normally the object owns
// the tensor. When Python drops an object that has something to lose (attributes, a subclass, weak
// references) while C++ still holds the tensor, ownership turns round: the object survives with one
// reference owned by the tensor (owns_python), and no longer counts as an owner itself. When C++
// drops the tensor in turn, TensorImpl::destroy gives that reference back. A plain object has nothing
// to lose: it is freed, and made anew when asked for.
#include "tensor_type.h"

#include "collector.h"
#include "override.h"

#include <cstddef>
#include <vector>

namespace wg::py {

PyTypeObject* tensor_type = nullptr;

namespace {

// Freed objects of the exact type, kept for the next tensor.
constexpr int kMaxFree = 256;
PyTensor* free_[kMaxFree];
int n_free_ = 0;

PyTensor* as_py(PyObject* o) { return reinterpret_cast<PyTensor*>(o); }

bool has_something_to_lose(PyObject* o) {
    if (as_py(o)->dict || as_py(o)->weakrefs || Py_TYPE(o) != tensor_type) return true;
    // A gradient with a history leads back to its tensor: only the collector can free the two, and it
    // sees Python objects alone.
    const TensorImpl* t = as_py(o)->tensor.impl();
    return t->extras && meta(*t)->grad.defined() && meta(*t)->grad->grad_fn;
}

// Turns ownership round if the tensor lives on; true when the object survives.
bool survive(PyObject* o) {
    PyTensor* self = as_py(o);
    TensorImpl* impl = self->tensor.impl();
    if (!impl || impl->owns_python || impl->refs <= 1 || !has_something_to_lose(o)) return false;
    impl->owns_python = true;
    --impl->refs;
    Py_INCREF(o);
    track(o);
    return true;
}

void tensor_finalize(PyObject* o) { survive(o); }

void tensor_dealloc(PyObject* o) {
    PyTensor* self = as_py(o);
    PyTypeObject* type = Py_TYPE(o);
    if (type == tensor_type && self->tensor.defined() && has_something_to_lose(o)) {
        Py_SET_REFCNT(o, 1);
        if (survive(o)) {
            Py_SET_REFCNT(o, Py_REFCNT(o) - 1);
            return;
        }
        Py_SET_REFCNT(o, 0);
    }
    if (PyObject_GC_IsTracked(o)) PyObject_GC_UnTrack(o);
    if (self->weakrefs) PyObject_ClearWeakRefs(o);
    Py_CLEAR(self->dict);
    if (TensorImpl* impl = self->tensor.impl()) {
        impl->python = nullptr;
        self->tensor = Tensor();
    }
    if (type == tensor_type && n_free_ < kMaxFree) {
        free_[n_free_++] = self;
        Py_DECREF(type);
        return;
    }
    self->tensor.~Tensor();
    type->tp_free(o);
    Py_DECREF(type);
}

int tensor_traverse(PyObject* o, visitproc visit, void* arg) {
    PyTensor* self = as_py(o);
    Py_VISIT(Py_TYPE(o));
    const TensorImpl* impl = self->tensor.impl();
    // What the object holds lives as long as the tensor. Without a shadow nobody can tell who else holds that.
    if (impl && !has_shadow(impl) && (impl->refs > 1 || impl->owns_python)) return 0;
    Py_VISIT(self->dict);
    return impl ? visit_shadow(impl, visit, arg) : 0;
}

int tensor_clear(PyObject* o) {
    PyTensor* self = as_py(o);
    Py_CLEAR(self->dict);
    if (self->tensor.defined()) break_cycles(*self->tensor.impl());
    return 0;
}

int tensor_setattro(PyObject* o, PyObject* name, PyObject* value) {
    const int r = PyObject_GenericSetAttr(o, name, value);
    if (as_py(o)->dict) track(o);
    return r;
}

// Called by TensorImpl::destroy for a tensor that owns its object.
void release_object(void* object) noexcept {
    forget_finalized(static_cast<PyObject*>(object));
    Py_DECREF(static_cast<PyObject*>(object));
}

PyObject* get_dict(PyObject* o, void*) {
    PyObject* d = PyObject_GenericGetDict(o, nullptr);
    track(o);
    return d;
}

// _TensorMeta.__init__
PyObject* class_init(PyObject* cls, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        check(PyType_Type.tp_init(cls, args, kwargs));
        take_slots(reinterpret_cast<PyTypeObject*>(cls));
        Py_RETURN_NONE;
    });
}
PyMethodDef class_init_method_ = {
    "__init__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(class_init)),
    METH_VARARGS | METH_KEYWORDS, nullptr};

// (class, name, value): an attribute about which its slots are not told, Note [Operators].
PyObject* set_operator(PyObject*, PyObject* args) {
    return guarded([&]() -> PyObject* {
        PyObject *cls, *name, *value;
        if (!PyArg_ParseTuple(args, "O!UO", &PyType_Type, &cls, &name, &value)) throw PythonError{};
        auto* const type = reinterpret_cast<PyTypeObject*>(cls);
        check(PyDict_SetItem(type->tp_dict, name, value));
        PyType_Modified(type);
        Py_RETURN_NONE;
    });
}
PyMethodDef functions_[] = {{"_set_operator", set_operator, METH_VARARGS, nullptr},
                            {nullptr, nullptr, 0, nullptr}};

PyMemberDef members_[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef dict_property_[] = {
    {"__dict__", get_dict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

void track(PyObject* o) {
    note_entanglement();
    if (!PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
}

void break_cycles(TensorImpl& t) {
    const Tensor keep(&t);
    const auto fn = std::move(t.grad_fn);
    if (!t.extras) return;
    AutogradMeta& m = *meta(keep);
    const auto other = std::move(m.accumulator_of_another);
    const auto hooks = std::exchange(m.hooks, {});
    const auto post = std::exchange(m.post_accumulate, {});
    const Tensor grad = std::exchange(m.grad, {});
}

PyObject* wrap(Tensor t) {
    TensorImpl* impl = t.impl();
    if (impl->python) {
        PyObject* o = static_cast<PyObject*>(impl->python);
        Py_INCREF(o);
        return o;
    }
    PyTensor* self;
    if (n_free_ > 0) {
        self = free_[--n_free_];
        Py_INCREF(tensor_type);
        _Py_NewReference(reinterpret_cast<PyObject*>(self));
    } else {
        self = PyObject_GC_New(PyTensor, tensor_type);
        if (!self) throw PythonError{};
        new (&self->tensor) Tensor;
        self->dict = nullptr;
        self->weakrefs = nullptr;
    }
    impl->python = self;
    self->tensor = std::move(t);
    return reinterpret_cast<PyObject*>(self);
}

PyObject* wrap_as(PyTypeObject* type, Tensor t) {
    static PyObject* const dispatch =
        check(PyUnicode_InternFromString("__torch_dispatch__")).release();
    if (!PyType_IsSubtype(type, tensor_type))
        fail_type(
            "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your "
            "class inherits from Tensor.");
    if (_PyType_Lookup(type, dispatch))
        fail(ErrorKind::NotImplemented,
             str("whygrad does not have __torch_dispatch__, which ", type->tp_name,
                 " defines; __torch_function__ is there"));
    PyObject* o = type->tp_alloc(type, 0);
    if (!o) throw PythonError{};
    PyTensor* self = as_py(o);
    new (&self->tensor) Tensor;
    t->python = self;
    self->tensor = std::move(t);
    return o;
}

void add_tensor_type(PyObject* module) {
    std::vector<PyType_Slot> slots = {
        {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
        {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
        {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
        {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
        {Py_tp_setattro, reinterpret_cast<void*>(tensor_setattro)},
        {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
    };
    std::vector<PyGetSetDef>* properties =
        new std::vector<PyGetSetDef>;  // lives as long as the type
    for (PyGetSetDef* p = tensor_properties; p->name; ++p)
        properties->push_back(overridable_property(*p));
    properties->push_back(dict_property_[0]);
    properties->push_back(PyGetSetDef{});
    // Methods, properties and operators are those of a base class, as the interpreter's messages about them
    // say; Tensor has its slots from there.
    std::vector<PyType_Slot> base_slots = slots;
    auto* const methods = new std::vector<PyMethodDef>;  // lives as long as the type
    for (PyMethodDef* m = tensor_methods; m->ml_name; ++m) methods->push_back(*m);
    add_operators(base_slots, *methods);
    methods->push_back({});
    base_slots.push_back({Py_mp_subscript, reinterpret_cast<void*>(tensor_getitem)});
    base_slots.push_back({Py_mp_ass_subscript, reinterpret_cast<void*>(tensor_setitem)});
    base_slots.push_back({Py_mp_length, reinterpret_cast<void*>(tensor_length)});
    base_slots.push_back({Py_tp_members, members_});
    base_slots.push_back({Py_tp_methods, methods->data()});
    base_slots.push_back({Py_tp_getset, properties->data()});
    base_slots.push_back({0, nullptr});
    slots.push_back({0, nullptr});
    constexpr unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
    PyType_Spec base_spec = {"torch._C.TensorBase", sizeof(PyTensor), 0, flags, base_slots.data()};
    const Object base = check(PyType_FromSpec(&base_spec));
    check(PyModule_AddObjectRef(module, "TensorBase", base.get()));
    // Scripts print `<class 'torch.Tensor'>`.
    PyType_Spec spec = {"torch.Tensor", sizeof(PyTensor), 0, flags, slots.data()};
    tensor_type = reinterpret_cast<PyTypeObject*>(
        check(PyType_FromSpecWithBases(&spec, base.get())).release());
    tensor_type->tp_name =
        "Tensor";  // the interpreter's messages say "'Tensor' object ...", as for a class
    // Programs derive metaclasses from this one. Until Python 3.12 a spec cannot name a metaclass.
    auto* const type_type = reinterpret_cast<PyObject*>(&PyType_Type);
    const Object meta = check(PyObject_CallFunction(type_type, "s(O){s:s}", "_TensorMeta",
                                                    type_type, "__module__", "torch._C"));
    const Object init =
        check(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(meta.get()), &class_init_method_));
    check(PyObject_SetAttrString(meta.get(), "__init__", init.get()));
    for (PyObject* type : {base.get(), reinterpret_cast<PyObject*>(tensor_type)})
        Py_SET_TYPE(type, reinterpret_cast<PyTypeObject*>(Py_NewRef(meta.get())));
    check(PyModule_AddObjectRef(module, "_TensorMeta", meta.get()));
    check(PyModule_AddFunctions(module, functions_));
    release_python_object = release_object;
    check(PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)));
}

}  // namespace wg::py
