// Cycles that run through the C++ graph, for Python's garbage collector.
//
// Note [Garbage collection]
// A hook that refers to its tensor, an attribute that holds a result computed from the tensor, a gradient
// with a history: such cycles run through tensors and nodes of C++, which the collector cannot see. Making
// all of those Python objects would cost more than the operations, so they are shown to it only while it
// looks. When a full collection starts, start() makes a shadow for every tensor and node that is in reach of a Python
// object: an object with the same number of references, which visits what the tensor or node owns. Python's
// own algorithm does the rest: references from elsewhere in C++ (a running pass, say) are not explained by
// any shadow and keep everything behind them alive. finish() takes the shadows away.
//
// A tensor with a Python object keeps that alive, directly or by taking it over when Python drops it (Note
// [Identity]), so the shadow holds a reference to the object for the time of the collection.
//
// In collections of the younger generations there are no shadows; they see the attributes of tensors
// that nobody else holds. Tensors start untracked, so that those collections never walk the
// thousands of temporaries; start() tracks the ones it finds.
#include "collector.h"

#include <unordered_map>
#include <vector>

#include "graph.h"
#include "hooks.h"
#include "node_type.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

struct Shadow {
    PyObject_HEAD
        // One of the two; held, so that nothing dies before finish().
        Ref<TensorImpl>
            tensor;
    Ref<Node> node;
    PyObject* object;  // of the tensor, held as well
    Py_ssize_t references;  // what stands in ob_refcnt on behalf of C++
};

bool entangled_ = false;
std::unordered_map<const void*, Shadow*> shadows_;

Shadow* shadow_of(const void* p) noexcept {
    if (shadows_.empty()) return nullptr;
    const auto it = shadows_.find(p);
    return it == shadows_.end() ? nullptr : it->second;
}

// The references to the tensor or node, the shadow's own left out. A Python object that is owned by its tensor
// still relies on it.
Py_ssize_t count_references(const Shadow& s) noexcept {
    if (s.node) return Py_ssize_t(s.node->refs) - 1;
    return Py_ssize_t(s.tensor->refs) - 1 + (s.tensor->owns_python ? 1 : 0);
}

// Calls f for each reference that the tensor or node owns in C++.
template <class F>
void for_each_owned(const Shadow& s, F f) {
    struct Visitor final : OwnedVisitor {
        explicit Visitor(F& f) : f(f) {}
        void node(const Node& n) override { f(&n); }
        void tensor(const TensorImpl& t) override { f(&t); }
        void packed(const PackedTensor& p) override { f(&p); }
        F& f;
    } visitor(f);
    if (s.node) return s.node->visit_owned(visitor);
    const TensorImpl& t = *s.tensor;
    if (t.grad_fn) f(static_cast<const Node*>(t.grad_fn.get()));
    if (t.view_base) f(t.view_base.get());
    if (!t.extras) return;
    const AutogradMeta& m = *meta(t);
    if (m.accumulator_of_another) f(static_cast<const Node*>(m.accumulator_of_another.get()));
    if (m.passes_on) f(static_cast<const Node*>(m.passes_on.node.get()));
    if (m.stands_for.defined()) f(static_cast<const TensorImpl*>(m.stands_for.impl()));
    if (m.grad.defined()) f(static_cast<const TensorImpl*>(m.grad.impl()));
}

int shadow_traverse(PyObject* o, visitproc visit, void* arg) {
    const Shadow& s = *reinterpret_cast<Shadow*>(o);
    if (!s.node && !s.tensor) return 0;
    int result = 0;
    for_each_owned(s, [&](const auto* owned) {
        if (result) return;
        if constexpr (std::is_same_v<decltype(owned), const PackedTensor*>)
            result = visit_packed(*owned, visit, arg);
        else result = visit_shadow(owned, visit, arg);
    });
    if (result) return result;
    Py_VISIT(s.object);
    if (s.node) return visit_python_of(*s.node, visit, arg);
    if (s.tensor->owns_python) Py_VISIT(static_cast<PyObject*>(s.tensor->python));
    return s.tensor->extras ? visit_hooks(*meta(*s.tensor), visit, arg) : 0;
}

int shadow_clear(PyObject* o) {
    const Shadow& s = *reinterpret_cast<Shadow*>(o);
    if (s.node) clear_python_of(*s.node);
    if (s.tensor) break_cycles(*s.tensor);
    return 0;
}

// Runs on what seems garbage. A finalizer that ran before may have made new references in C++.
void shadow_finalize(PyObject* o) {
    Shadow& s = *reinterpret_cast<Shadow*>(o);
    if (!s.node && !s.tensor) return;
    const Py_ssize_t more = count_references(s) - s.references;
    if (more <= 0) return;
    s.references += more;
    Py_SET_REFCNT(o, Py_REFCNT(o) + more);
}

void shadow_dealloc(PyObject* o) {
    PyObject_GC_UnTrack(o);
    PyObject_GC_Del(o);
}

PyTypeObject make_shadow_type() {
    PyTypeObject t{};
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(&t), 1);
    t.tp_name = "whygrad._C._Shadow";
    t.tp_basicsize = sizeof(Shadow);
    t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
    t.tp_dealloc = shadow_dealloc;
    t.tp_traverse = shadow_traverse;
    t.tp_clear = shadow_clear;
    t.tp_finalize = shadow_finalize;
    return t;
}
PyTypeObject shadow_type_ = make_shadow_type();

// --- finding what is in reach ---

// Whether a tensor with this Python object can be part of a cycle that runs through C++.
bool leads_somewhere(const TensorImpl& t) noexcept {
    return t.grad_fn || t.view_base || t.extras || t.refs > 1 || t.owns_python;
}

// Python knows what is in it.
void add_shadow(const PackedTensor*, std::vector<Shadow*>&) {}

template <class T>
void add_shadow(const T* p, std::vector<Shadow*>& pending) {
    const auto [it, is_new] = shadows_.try_emplace(p, nullptr);
    if (!is_new) return;
    Shadow* s = PyObject_GC_New(Shadow, &shadow_type_);
    if (!s) {
        shadows_.erase(it);
        throw PythonError{};
    }
    it->second = s;
    new (&s->tensor) Ref<TensorImpl>;
    new (&s->node) Ref<Node>;
    s->object = nullptr;
    if constexpr (std::is_same_v<T, TensorImpl>) {
        s->tensor = Ref<TensorImpl>(const_cast<TensorImpl*>(p));
        s->object = Py_XNewRef(static_cast<PyObject*>(p->python));
        if (s->object) track(s->object);
    } else {
        s->node = Ref<Node>(const_cast<Node*>(p));
    }
    s->references = count_references(*s);
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(s), s->references);
    pending.push_back(s);
}

void add_root(PyObject* o, std::vector<Shadow*>& pending) {
    if (is_tensor(o)) {
        const TensorImpl* t = tensor_of(o).impl();
        if (t && leads_somewhere(*t)) add_shadow(t, pending);
    } else if (is_node(o)) {
        if (as_node(o)->node) add_shadow(static_cast<const Node*>(as_node(o)->node), pending);
    }
}

struct Search {
    std::vector<PyObject*> found;
    PyTypeObject* other = nullptr;  // a type that is known to be neither
};

// Notes tensors that the collector does not track; it knows the others anyway.
int note_untracked(PyObject* o, void* arg) {
    auto& search = *static_cast<Search*>(arg);
    if (Py_TYPE(o) == search.other || !PyType_IS_GC(Py_TYPE(o))) return 0;
    if (!is_tensor(o)) search.other = Py_TYPE(o);
    else if (!PyObject_GC_IsTracked(o)) search.found.push_back(o);
    return 0;
}

void make_shadows() {
    std::vector<Shadow*> pending;
    {
        const Object gc = check(PyImport_ImportModule("gc"));
        const Object objects = check(PyObject_CallMethod(gc.get(), "get_objects", nullptr));
        Search search;
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects.get()); ++i) {
            PyObject* o = PyList_GET_ITEM(objects.get(), i);
            if (is_tensor(o) || is_node(o)) search.found.push_back(o);
            if (o != objects.get()) Py_TYPE(o)->tp_traverse(o, note_untracked, &search);
        }
        for (PyObject* o : search.found) add_root(o, pending);
    }
    while (!pending.empty()) {
        const Shadow* s = pending.back();
        pending.pop_back();
        for_each_owned(*s, [&](const auto* owned) { add_shadow(owned, pending); });
    }
    for (const auto& [p, s] : shadows_) PyObject_GC_Track(s);
}

void remove_shadows() {
    const auto shadows = std::exchange(shadows_, {});
    std::vector<Object> objects;
    std::vector<Ref<TensorImpl>> tensors;
    std::vector<Ref<Node>> nodes;
    for (const auto& [p, s] : shadows) {
        objects.push_back(Object::steal(std::exchange(s->object, nullptr)));
        if (s->tensor) tensors.push_back(std::move(s->tensor));
        if (s->node) nodes.push_back(std::move(s->node));
        auto* o = reinterpret_cast<PyObject*>(s);
        // Whoever else got hold of it (gc.DEBUG_SAVEALL) keeps an empty object.
        Py_SET_REFCNT(o, Py_REFCNT(o) - s->references);
        if (Py_REFCNT(o) == 0) shadow_dealloc(o);
    }
    // Python objects first: they find their tensors alive.
    objects.clear();
}

// One of gc.callbacks: (phase, info).
PyObject* on_collection(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs != 2 || !PyUnicode_Check(args[0])) fail_type("takes (phase, info)");
        const bool starts = PyUnicode_CompareWithASCIIString(args[0], "start") == 0;
        if (!starts) {
            remove_shadows();
            Py_RETURN_NONE;
        }
        PyObject* generation = PyDict_GetItemString(args[1], "generation");
        if (!entangled_ || !generation || PyLong_AsLong(generation) < 2) Py_RETURN_NONE;
        try {
            make_shadows();
        } catch (...) {
            remove_shadows();
            throw;
        }
        Py_RETURN_NONE;
    });
}

PyMethodDef callback_ = {"_on_collection",
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(on_collection)),
                         METH_FASTCALL, nullptr};

}  // namespace

void note_entanglement() noexcept { entangled_ = true; }

bool has_shadow(const TensorImpl* tensor) noexcept { return shadow_of(tensor) != nullptr; }

int visit_shadow(const TensorImpl* tensor, visitproc visit, void* arg) {
    Py_VISIT(reinterpret_cast<PyObject*>(shadow_of(tensor)));
    return 0;
}
int visit_shadow(const Node* node, visitproc visit, void* arg) {
    Py_VISIT(reinterpret_cast<PyObject*>(shadow_of(node)));
    return 0;
}

void add_collector(PyObject* module) {
    check(PyType_Ready(&shadow_type_));
    const Object callback = check(PyCFunction_NewEx(&callback_, nullptr, module));
    const Object gc = check(PyImport_ImportModule("gc"));
    const Object callbacks = check(PyObject_GetAttrString(gc.get(), "callbacks"));
    check(PyList_Append(callbacks.get(), callback.get()));
}

}  // namespace wg::py
