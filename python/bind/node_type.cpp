// grad_fn objects. Every node name is a Python type of its own ("MulBackward0"), made when first seen.
#include "node_type.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "collector.h"
#include "convert.h"
#include "graph.h"
#include "hooks.h"
#include "ops/functions.h"

namespace wg::py {
namespace {

std::string type_name(const Node& n) {
    const std::string name = n.name();
    // Of a few kinds of nodes there is no class of its own.
    if (name == "torch::autograd::Identity") return "CppFunction";
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
PyObject* get_requires_grad(PyObject* o, void*) {
    return guarded([&] {
        node_at(o);
        return Py_NewRef(Py_True);  // a node is made only where some input requires grad
    });
}
PyObject* get_name(PyObject* o, PyObject*) {
    return guarded([&] { return to_python(node_at(o).name()); });
}
PyObject* set_sequence_nr(PyObject* o, PyObject* number) {
    return guarded([&]() -> PyObject* {
        node_at(o).sequence_nr = uint64_t(Convert<int64_t>::get(number));
        Py_RETURN_NONE;
    });
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
// The dict of a tensor becomes one of the hooks of its node.
PyObject* register_hook_dict(PyObject* o, PyObject* tensor) {
    return guarded([&]() -> PyObject* {
        Node& n = node_at(o);
        if (!is_tensor(tensor)) fail_type("_register_hook_dict expected a variable");
        const Object dict = check(tensor_hooks(tensor));
        if (dict.get() != Py_None)
            n.own_hooks().on_tensor.push_back({tensor_of(tensor)->output_nr, PyTensorHooks{dict}});
        Py_RETURN_NONE;
    });
}

// What every object has, and the names of the saved tensors.
PyObject* get_dir(PyObject* o, PyObject*) {
    return guarded([&] {
        auto* const object = reinterpret_cast<PyObject*>(&PyBaseObject_Type);
        Object list = check(PyObject_CallMethod(object, "__dir__", "O", o));
        std::string last;  // the elements of a list have one name
        for (const auto& [name, is_output, is_number] : node_at(o).saved_names()) {
            if (name == last) continue;
            last = name;
            for (const char* prefix : {"_saved_", "_raw_saved_"}) {
                const Object text = check(to_python(prefix + name.substr(0, name.find('['))));
                check(PyList_Append(list.get(), text.get()));
                if (is_number) break;
            }
        }
        return list.release();
    });
}

struct Metadata final : NodeHooks::Attachment {
    Object dict;
};
PyObject* get_metadata(PyObject* o, void*) {
    return guarded([&] {
        auto& attachment = node_at(o).own_hooks().attachment;
        if (!attachment) {
            auto fresh = std::make_unique<Metadata>();
            fresh->dict = check(PyDict_New());
            if (const Object lines = stack_lines(node_at(o).site); PyList_GET_SIZE(lines.get()) > 0)
                check(PyDict_SetItemString(fresh->dict.get(), "traceback_", lines.get()));
            attachment = std::move(fresh);
            note_entanglement();
        }
        return Py_NewRef(static_cast<Metadata&>(*attachment).dict.get());
    });
}
PyObject* get_input_metadata(PyObject* o, void*) {
    return guarded([&] { return input_metadata(node_at(o)); });
}
PyObject* get_site(PyObject* o, void*) {
    return guarded([&] { return resolve_site(node_at(o).site); });
}

// Runs the derivative alone: no hooks, nothing freed.
PyObject* node_call(PyObject* o, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        if (kwargs && PyDict_GET_SIZE(kwargs) > 0) fail_type("keyword arguments are not supported");
        Node& n = node_at(o);
        const Ref<Node> alive(&n);
        Grads in, out;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
            PyObject* a = PyTuple_GET_ITEM(args, i);
            if (a != Py_None && !is_tensor(a)) fail_type(str("argument ", i, " is not a Variable"));
            in.push_back(a == Py_None ? Tensor() : tensor_of(a));
        }
        if (in.size() != n.outputs.size())
            fail_type(
                str("expected ", n.outputs.size(), " arguments, got ", in.size(), " instead"));
        apply_node(n, in, out);
        if (out.size() == 1) return wrap_or_none(out[0]);
        Object tuple = check(PyTuple_New(Py_ssize_t(out.size())));
        for (size_t i = 0; i < out.size(); ++i)
            PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), wrap_or_none(out[i]));
        return tuple.release();
    });
}

int node_traverse(PyObject* o, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(o));
    return as_node(o)->owns ? visit_shadow(as_node(o)->node, visit, arg) : 0;
}
void node_dealloc(PyObject* o) {
    PyObject_GC_UnTrack(o);
    PyNode* self = as_node(o);
    if (self->node) {
        self->node->python = nullptr;
        Ref<Node>::steal(std::exchange(self->node, nullptr));
    }
    PyTypeObject* type = Py_TYPE(o);
    type->tp_free(o);
    Py_DECREF(type);
}

PyObject* number_object(std::monostate) { Py_RETURN_NONE; }
PyObject* number_object(int64_t v) { return PyLong_FromUnsignedLongLong(uint64_t(v)); }
PyObject* number_object(const Scalar& s) {
    if (s.category() == Category::Boolean) return PyBool_FromLong(s.to_bool());
    if (s.is_complex()) {
        const Complex<double> z = s.to_complex();
        return PyComplex_FromDoubles(z.re, z.im);
    }
    return s.is_floating() ? PyFloat_FromDouble(s.to_double()) : PyLong_FromLongLong(s.to_int());
}
PyObject* number_object(const Dims& dims) {
    Object tuple = check(PyTuple_New(Py_ssize_t(dims.size())));
    for (size_t i = 0; i < dims.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), number_object(dims[i]));
    return tuple.release();
}
template <class T>
PyObject* number_object(const T& v) {
    return to_python(v);
}

PyObject* saved_object(const Node& n, size_t i, bool is_number) {
    if (!is_number) return wrap_or_none(n.saved_value(i));
    return std::visit([](const auto& v) { return number_object(v); }, n.saved_number(i));
}

// `_saved_NAME`: what the node saved; `_raw_saved_NAME`: how. Null for other names.
Object saved_attribute(Node& n, std::string_view text) {
    const bool raw = text.starts_with("_raw");
    const std::string_view prefix = raw ? "_raw_saved_" : "_saved_";
    if (!text.starts_with(prefix)) return {};
    text.remove_prefix(prefix.size());
    const std::vector<Node::SavedName> names = n.saved_names();
    const auto value = [&](size_t i) {
        return check(raw ? wrap_saved(n, i) : saved_object(n, i, names[i].is_number));
    };
    std::vector<Object> list;
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i].name == text && !(raw && names[i].is_number)) return value(i);
        if (names[i].name == str(text, "[]")) list.push_back(value(i));
    }
    if (list.empty()) return {};
    if (raw && n.released) fail_released();
    Object tuple = check(PyTuple_New(Py_ssize_t(list.size())));
    for (size_t i = 0; i < list.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), list[i].release());
    return tuple;
}

// The saved tensors.
PyObject* node_getattro(PyObject* o, PyObject* name) {
    PyObject* found = PyObject_GenericGetAttr(o, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError) || !as_node(o)->node) return found;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    return guarded([&]() -> PyObject* {
        const Object dropped[] = {Object::steal(type), Object::steal(value), Object::steal(trace)};
        const std::string_view text = Convert<std::string_view>::get(name);
        if (Object saved = saved_attribute(*as_node(o)->node, text)) return saved.release();
        PyErr_Restore(Py_XNewRef(type), Py_XNewRef(value), Py_XNewRef(trace));
        throw PythonError{};
    });
}

PyObject* get_variable(PyObject* o, void*) {
    return guarded([&] { return wrap(static_cast<const AccumulateGrad&>(node_at(o)).variable()); });
}

// Of AccumulateGrad, beside what every node has.
PyGetSetDef* accumulator_properties() {
    static auto& all = *new std::vector<PyGetSetDef>;
    if (all.empty()) {
        for (PyGetSetDef* p = node_properties; p->name; ++p) all.push_back(*p);
        all.push_back({"variable", get_variable, nullptr, "The leaf.", nullptr});
        all.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
    }
    return all.data();
}

PyTypeObject* type_for(const std::string& name) {
    static auto& types = *new std::map<std::string, PyTypeObject*>;
    auto& type = types[name];
    if (type) return type;
    PyType_Slot slots[] = {
        {Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
        {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
        {Py_tp_getattro, reinterpret_cast<void*>(node_getattro)},
        {Py_tp_call, reinterpret_cast<void*>(node_call)},
        {Py_tp_getset, name == "AccumulateGrad" ? accumulator_properties() : node_properties},
        {Py_tp_methods, node_methods},
        {0, nullptr},
    };
    // Types without a module are deprecated, but messages show tp_name, which is to be PyTorch's.
    const char* lasting = (new std::string("builtins." + name))->c_str();
    PyType_Spec spec = {lasting, sizeof(PyNode), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        slots};
    type = reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec)).release());
    type->tp_name = lasting + std::strlen("builtins.");
    return type;
}

// The class of the nodes of that name.
PyObject* class_of_name(PyObject*, PyObject* name) {
    return guarded([&] {
        const std::string text(Convert<std::string_view>::get(name));
        return Py_NewRef(reinterpret_cast<PyObject*>(type_for(text)));
    });
}

// (inputs, tensors, message or None): the tensors get a node behind the inputs that lets no gradient through, with
// a message by an error.
PyObject* end_graph(PyObject*, PyObject* args) {
    return guarded([&]() -> PyObject* {
        PyObject *from, *to, *message;
        if (!PyArg_ParseTuple(args, "O!O!O", &PyTuple_Type, &from, &PyTuple_Type, &to, &message))
            throw PythonError{};
        std::vector<Tensor> inputs, outputs;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(from); ++i) {
            inputs.push_back(tensor_of(PyTuple_GET_ITEM(from, i)));
            outputs.push_back(tensor_of(PyTuple_GET_ITEM(to, i)));
        }
        const GradMode on(true);
        const std::span<const Tensor> ins(inputs), outs(outputs);
        if (message == Py_None) {
            record_all(
                "torch::autograd::UndefinedGradBackward", outs, ins, {}, [](Backward&) {},
                Transposed{});
        } else {
            record_all(
                "torch::autograd::Error", outs, ins, {},
                [text = std::string(Convert<std::string_view>::get(message))](Backward&) {
                    fail(ErrorKind::Runtime, text);
                },
                Transposed{});
        }
        Py_RETURN_NONE;
    });
}

PyMethodDef functions_[] = {
    {"_class_of_nodes", class_of_name, METH_O, nullptr},
    {"_end_graph", end_graph, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_node_types(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

bool is_node_type(PyTypeObject* type) noexcept {
    return type->tp_dealloc == node_dealloc || is_context_type(type);
}
bool is_node(PyObject* o) noexcept { return is_node_type(Py_TYPE(o)); }

Node& node_at(PyObject* o) {
    WG_CHECK(as_node(o)->node, "Attribute access on a Function whose graph has been freed");
    return *as_node(o)->node;
}

PyGetSetDef node_properties[] = {
    {"next_functions", get_next_functions, nullptr, "(node, index of its output) for each input.",
     nullptr},
    {"metadata", get_metadata, nullptr, "A dict that lives as long as the node.", nullptr},
    {"requires_grad", get_requires_grad, nullptr, nullptr, nullptr},
    {"_input_metadata", get_input_metadata, nullptr, "Shape, dtype and device of each output.",
     nullptr},
    {"_site", get_site, nullptr,
     "(file, line, end line, column, end column, function) that recorded the node.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef node_methods[] = {
    {"name", get_name, METH_NOARGS, nullptr},
    {"__dir__", get_dir, METH_NOARGS, nullptr},
    {"_sequence_nr", get_sequence_nr, METH_NOARGS, nullptr},
    {"_set_sequence_nr", set_sequence_nr, METH_O, nullptr},
    {"register_hook", register_hook_method, METH_O, nullptr},
    {"register_prehook", register_prehook_method, METH_O, nullptr},
    {"_register_hook_dict", register_hook_dict, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* wrap_node(Node* node) {
    if (!node) Py_RETURN_NONE;
    if (PyObject* ctx = wrap_context(*node)) return ctx;
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

int visit_python_of(const Node& node, visitproc visit, void* arg) {
    Py_VISIT(owned_context(node));
    if (!node.hooks) return 0;
    if (node.hooks->attachment)
        Py_VISIT(static_cast<const Metadata&>(*node.hooks->attachment).dict.get());
    return visit_hooks(*node.hooks, visit, arg);
}

void clear_python_of(Node& node) {
    if (!node.hooks) return;
    const auto on_tensor = std::exchange(node.hooks->on_tensor, {});
    const auto pre = std::exchange(node.hooks->pre, {});
    const auto post = std::exchange(node.hooks->post, {});
    const auto attachment = std::move(node.hooks->attachment);
}

}  // namespace wg::py
