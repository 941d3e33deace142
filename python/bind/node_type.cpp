// grad_fn objects. Every node name is a Python type of its own ("MulBackward0"), made when first seen.
#include "node_type.h"

#include <cstring>
#include <map>
#include <string>

#include "autograd/engine.h"
#include "convert.h"
#include "hooks.h"

namespace wg::py {
namespace {

std::string type_name(const Node& n) {
    const std::string name = n.name();
    const size_t at = name.rfind("::");
    return at == std::string::npos ? name : name.substr(at + 2);
}

PyObject* get_next_functions(PyObject* o, void*) {
    return guarded([&] {
        const Node& n = node_at(o);
        Object tuple = check(PyTuple_New(Py_ssize_t(n.edges.size())));
        for (size_t i = 0; i < n.edges.size(); ++i) {
            const Edge& e = n.edges[i];
            Object fn = check(wrap_node(e.node.get()));
            PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i),
                             Py_BuildValue("(Oi)", fn.get(), int(e.node ? e.input_nr : 0)));
        }
        return tuple.release();
    });
}
PyObject* get_name(PyObject* o, PyObject*) {
    return guarded([&] { return to_python(node_at(o).name()); });
}
PyObject* get_sequence_nr(PyObject* o, PyObject*) {
    return guarded([&] { return PyLong_FromUnsignedLongLong(node_at(o).sequence_nr); });
}
PyObject* register_hook_method(PyObject* o, PyObject* callable) {
    return guarded([&] { return register_node_hook(&node_at(o), callable); });
}
PyObject* register_prehook_method(PyObject* o, PyObject* callable) {
    return guarded([&] { return register_node_prehook(&node_at(o), callable); });
}
PyObject* get_metadata(PyObject* o, void*) {
    // A dict that lives with the Python object.
    if (!as_node(o)->dict && !(as_node(o)->dict = PyDict_New())) return nullptr;
    PyObject* d = PyDict_GetItemString(as_node(o)->dict, "_metadata");
    if (!d) {
        d = PyDict_New();
        PyDict_SetItemString(as_node(o)->dict, "_metadata", d);
        Py_DECREF(d);
    }
    return Py_NewRef(d);
}
PyObject* get_site(PyObject* o, void*) {
    return guarded([&] { return resolve_site(node_at(o).site); });
}
PyMemberDef node_members_[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyNode, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyNode, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

// Without the module, as PyTorch prints them: <MulBackward0 object at 0x7f...>.
PyObject* node_repr(PyObject* o) {
    const Object name =
        Object::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(o)), "__name__"));
    if (!name) return nullptr;
    return PyUnicode_FromFormat("<%U object at %p>", name.get(), o);
}

PyTypeObject* type_for(const std::string& name) {
    static auto& types = *new std::map<std::string, PyTypeObject*>;
    auto& type = types[name];
    if (type) return type;
    PyType_Slot slots[] = {
        {Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
        {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
        {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
        {Py_tp_getattro, reinterpret_cast<void*>(node_getattro)},
        {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
        {Py_tp_getset, node_properties},
        {Py_tp_methods, node_methods},
        {Py_tp_members, node_members_},
        {0, nullptr},
    };
    // Types without a module are deprecated.
    const char* lasting = (new std::string("builtins." + name))->c_str();
    PyType_Spec spec = {lasting, sizeof(PyNode), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        slots};
    type = reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec)).release());
    return type;
}

}  // namespace

Node& node_at(PyObject* o) {
    WG_CHECK(as_node(o)->node, "Attribute access on a Function whose graph has been freed");
    return *as_node(o)->node;
}

PyGetSetDef node_properties[] = {
    {"next_functions", get_next_functions, nullptr, "(node, index of its output) for each input.",
     nullptr},
    {"metadata", get_metadata, nullptr, nullptr, nullptr},
    {"_site", get_site, nullptr,
     "(file, line, end line, column, end column, function) that recorded the node.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef node_methods[] = {
    {"name", get_name, METH_NOARGS, nullptr},
    {"_sequence_nr", get_sequence_nr, METH_NOARGS, nullptr},
    {"register_hook", register_hook_method, METH_O, nullptr},
    {"register_prehook", register_prehook_method, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

int node_traverse(PyObject* o, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(o));
    Py_VISIT(as_node(o)->dict);
    if (as_node(o)->owns && as_node(o)->node->refs == 1)
        return visit_node(*as_node(o)->node, visit, arg);
    return 0;
}
int node_clear(PyObject* o) {
    Py_CLEAR(as_node(o)->dict);
    return 0;
}
void node_dealloc(PyObject* o) {
    PyObject_GC_UnTrack(o);
    PyNode* self = as_node(o);
    if (self->weakrefs) PyObject_ClearWeakRefs(o);
    Py_CLEAR(self->dict);
    if (self->node && self->owns) {
        self->node->python = nullptr;
        Ref<Node>::steal(std::exchange(self->node, nullptr));
    }
    PyTypeObject* type = Py_TYPE(o);
    type->tp_free(o);
    Py_DECREF(type);
}

// `_saved_self`, `_saved_result`, ... and AccumulateGrad's `variable`.
PyObject* node_getattro(PyObject* o, PyObject* name) {
    PyObject* found = PyObject_GenericGetAttr(o, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError) || !as_node(o)->node) return found;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    return guarded([&]() -> PyObject* {
        const std::string_view text = Convert<std::string_view>::get(name);
        const Node& n = *as_node(o)->node;
        PyObject* result = nullptr;
        if (text == "variable") {
            if (const auto* leaf = dynamic_cast<const AccumulateGrad*>(&n))
                result = wrap(leaf->variable());
        } else if (text.starts_with("_saved_")) {
            for (auto& [saved, t] : n.saved_values())
                if (text.substr(7) == saved) result = wrap_or_none(std::move(t));
        }
        if (!result) {
            PyErr_Restore(type, value, trace);
            return nullptr;
        }
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        return result;
    });
}

PyObject* wrap_node(Node* node) {
    if (!node) Py_RETURN_NONE;
    if (PyObject* ctx = function_context(*node)) return Py_NewRef(ctx);
    if (node->python) return Py_NewRef(static_cast<PyObject*>(node->python));
    PyTypeObject* type = type_for(type_name(*node));
    PyObject* o = type->tp_alloc(type, 0);
    if (!o) throw PythonError{};
    as_node(o)->node = node;
    as_node(o)->owns = true;
    ++node->refs;
    node->python = o;
    return o;
}

}  // namespace wg::py
