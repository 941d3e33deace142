#include "hooks.h"

#include <algorithm>

#include "autograd/engine.h"
#include "convert.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

Object call(const Object& callable, PyObject* arg) {
    return check(PyObject_CallOneArg(callable.get(), arg));
}

// What a hook that replaces gradients may return.
Tensor checked_replacement(PyObject* result, const Tensor& grad, PyObject* callable) {
    if (result == Py_None) return {};
    const auto name = [&] {
        const Object n = Object::steal(PyObject_GetAttrString(callable, "__name__"));
        if (n) return std::string(PyUnicode_AsUTF8(n.get()));
        PyErr_Clear();
        return std::string("hook");
    };
    if (!is_tensor(result))
        fail_type(str("expected Variable, but hook returned '", Py_TYPE(result)->tp_name, "'"));
    const Tensor& r = tensor_of(result);
    if (grad.defined()) {
        WG_CHECK(r.dtype() == grad.dtype(), "hook '", name(),
                 "' has changed the type of value (was torch.", info(grad.dtype()).legacy_name,
                 " got torch.", info(r.dtype()).legacy_name, ")");
        WG_CHECK(std::ranges::equal(r.sizes(), grad.sizes()), "hook '", name(),
                 "' has changed the size of value");
    }
    return r;
}

Object grads_tuple(const Grads& grads) {
    Object t = check(PyTuple_New(Py_ssize_t(grads.size())));
    for (size_t i = 0; i < grads.size(); ++i)
        PyTuple_SET_ITEM(t.get(), Py_ssize_t(i), wrap_or_none(grads[i]));
    return t;
}

void replace_grads(PyObject* result, Grads& grads, PyObject* callable) {
    if (result == Py_None) return;
    Object tuple = PyTuple_Check(result) ? Object::borrow(result) : check(PyTuple_Pack(1, result));
    WG_CHECK(PyTuple_GET_SIZE(tuple.get()) == Py_ssize_t(grads.size()),
             "hook has returned an incorrect number of values (got ", PyTuple_GET_SIZE(tuple.get()),
             ", but expected ", grads.size(), ")");
    for (size_t i = 0; i < grads.size(); ++i) {
        PyObject* r = PyTuple_GET_ITEM(tuple.get(), Py_ssize_t(i));
        const Tensor t = checked_replacement(r, grads[i], callable);
        grads[i] = t;
    }
}

// Where a hook sits, for removing it: kept by the handle through a capsule.
struct HookPlace {
    Ref<Node> node;
    Tensor leaf;
    uint64_t id;
    enum { OnTensor, OnLeaf, Accumulate, Pre, Post } list;
};

template <class List>
void erase_hook(List& list, uint64_t id) {
    for (size_t i = 0; i < list.size(); ++i)
        if (list[i].id == id) {
            const auto keep = std::move(list[i]);  // its destructor may run Python code
            list.erase(list.begin() + long(i));
            return;
        }
}

void free_place(PyObject* capsule) {
    delete static_cast<HookPlace*>(PyCapsule_GetPointer(capsule, "hook"));
}

PyObject* remove_hook(PyObject*, PyObject* capsule) {
    return guarded([&]() -> PyObject* {
        auto* p = static_cast<HookPlace*>(PyCapsule_GetPointer(capsule, "hook"));
        if (!p) throw PythonError{};
        switch (p->list) {
        case HookPlace::OnLeaf:
            if (auto* m = meta(p->leaf)) erase_hook(m->hooks, p->id);
            break;
        case HookPlace::Accumulate:
            if (auto* m = meta(p->leaf)) erase_hook(m->post_accumulate, p->id);
            break;
        case HookPlace::OnTensor:
            if (p->node->hooks) erase_hook(p->node->hooks->on_tensor, p->id);
            break;
        case HookPlace::Pre:
            if (p->node->hooks) erase_hook(p->node->hooks->pre, p->id);
            break;
        case HookPlace::Post:
            if (p->node->hooks) erase_hook(p->node->hooks->post, p->id);
            break;
        }
        Py_RETURN_NONE;
    });
}

PyObject* handle_class_ = nullptr;  // whygrad.utils.hooks.RemovableHandle's maker, set from Python

PyObject* make_handle(HookPlace place) {
    Object capsule = check(PyCapsule_New(new HookPlace(std::move(place)), "hook", free_place));
    if (!handle_class_) return capsule.release();
    return PyObject_CallOneArg(handle_class_, capsule.get());
}

PyObject* set_handle_class(PyObject*, PyObject* cls) {
    Py_XSETREF(handle_class_, Py_NewRef(cls));
    Py_RETURN_NONE;
}

PyMethodDef functions_[] = {
    {"_remove_hook", remove_hook, METH_O, nullptr},
    {"_set_hook_handle", set_handle_class, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

template <class Hook, class List>
int visit_list(const List& list, visitproc visit, void* arg) {
    for (const auto& entry : list)
        if (const auto* h = entry.hook.template target<Hook>()) Py_VISIT(h->callable.get());
    return 0;
}

}  // namespace

Tensor PyTensorHook::operator()(const Tensor& grad) const {
    const Object arg = check(wrap(grad));
    return checked_replacement(call(callable, arg.get()).get(), grad, callable.get());
}
void PyAccumulateHook::operator()(const Tensor& leaf) const {
    const Object arg = check(wrap(leaf));
    call(callable, arg.get());
}
void PyPreHook::operator()(Grads& grads) const {
    replace_grads(call(callable, grads_tuple(grads).get()).get(), grads, callable.get());
}
void PyPostHook::operator()(Grads& grad_inputs, const Grads& grad_outputs) const {
    const Object in = grads_tuple(grad_inputs), out = grads_tuple(grad_outputs);
    const Object r =
        check(PyObject_CallFunctionObjArgs(callable.get(), in.get(), out.get(), nullptr));
    replace_grads(r.get(), grad_inputs, callable.get());
}

PyObject* register_hook(PyObject* self, PyObject* callable) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        WG_CHECK(requires_grad(t),
                 "cannot register a hook on a tensor that doesn't require gradient");
        const uint64_t id = next_hook_id();
        PyTensorHook hook{Object::borrow(callable)};
        track(self);
        if (Node* fn = grad_fn(t)) {
            fn->own_hooks().on_tensor.push_back({id, std::move(hook), t->output_nr});
            return make_handle({Ref<Node>(fn), {}, id, HookPlace::OnTensor});
        }
        own_meta(t).hooks.push_back({id, std::move(hook)});
        return make_handle({{}, t, id, HookPlace::OnLeaf});
    });
}

PyObject* register_post_accumulate_grad_hook(PyObject* self, PyObject* callable) {
    return guarded([&] {
        const Tensor& t = tensor_of(self);
        WG_CHECK(requires_grad(t),
                 "cannot register a hook on a tensor that doesn't require gradient");
        WG_CHECK(is_leaf(t), "post accumulate grad hooks cannot be registered on non-leaf tensors");
        const uint64_t id = next_hook_id();
        track(self);
        own_meta(t).post_accumulate.push_back({id, PyAccumulateHook{Object::borrow(callable)}});
        return make_handle({{}, t, id, HookPlace::Accumulate});
    });
}

PyObject* register_node_hook(Node* node, PyObject* callable) {
    const uint64_t id = next_hook_id();
    node->own_hooks().post.push_back({id, PyPostHook{Object::borrow(callable)}});
    return make_handle({Ref<Node>(node), {}, id, HookPlace::Post});
}
PyObject* register_node_prehook(Node* node, PyObject* callable) {
    const uint64_t id = next_hook_id();
    node->own_hooks().pre.push_back({id, PyPreHook{Object::borrow(callable)}});
    return make_handle({Ref<Node>(node), {}, id, HookPlace::Pre});
}

int visit_node_hooks(const Node& node, visitproc visit, void* arg);
int visit_node_hooks(const Node& node, visitproc visit, void* arg) {
    if (!node.hooks) return 0;
    if (int r = visit_list<PyTensorHook>(node.hooks->on_tensor, visit, arg)) return r;
    if (int r = visit_list<PyPreHook>(node.hooks->pre, visit, arg)) return r;
    return visit_list<PyPostHook>(node.hooks->post, visit, arg);
}

int visit_hooks(const TensorImpl& impl, visitproc visit, void* arg) {
    if (impl.extras) {
        const auto* m = static_cast<const AutogradMeta*>(impl.extras);
        if (int r = visit_list<PyTensorHook>(m->hooks, visit, arg)) return r;
        if (int r = visit_list<PyAccumulateHook>(m->post_accumulate, visit, arg)) return r;
    }
    // What the node holds belongs to this tensor alone if nobody else holds the node.
    if (impl.grad_fn && impl.grad_fn->refs == 1)
        return visit_node(*node_of(impl.grad_fn), visit, arg);
    return 0;
}

void add_hooks(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
