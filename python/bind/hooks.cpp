#include "hooks.h"

#include <algorithm>

#include "autograd/engine.h"
#include "convert.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

std::string name_of_hook(PyObject* callable) {
    const Object name = Object::steal(PyObject_GetAttrString(callable, "__name__"));
    if (name && PyUnicode_Check(name.get())) return PyUnicode_AsUTF8(name.get());
    PyErr_Clear();
    return "<unknown>";
}

// What a hook returned in place of `grad`.
Tensor checked_replacement(PyObject* result, const Tensor& grad, PyObject* callable) {
    if (result == Py_None) return {};
    WG_CHECK(grad.defined(), "can't replace a None gradient with a non-None value");
    if (!is_tensor(result))
        fail_type(str("expected Variable, but hook returned '", Py_TYPE(result)->tp_name, "'"));
    const Tensor& r = tensor_of(result);
    WG_CHECK(r.dtype() == grad.dtype(), "hook '", name_of_hook(callable),
             "' has changed the type of value (was ", tensor_type_name(grad.dtype()), " got ",
             tensor_type_name(r.dtype()), ")");
    WG_CHECK(std::ranges::equal(r.sizes(), grad.sizes()), "hook '", name_of_hook(callable),
             "' has changed the size of value");
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
    if (!PyTuple_Check(result))
        fail_type(str("expected tuple, but hook returned '", Py_TYPE(result)->tp_name, "'"));
    WG_CHECK(PyTuple_GET_SIZE(result) == Py_ssize_t(grads.size()), "hook '", name_of_hook(callable),
             "' has returned an incorrect number of values (got ", PyTuple_GET_SIZE(result),
             ", but expected ", grads.size(), ")");
    for (size_t i = 0; i < grads.size(); ++i)
        grads[i] = checked_replacement(PyTuple_GET_ITEM(result, Py_ssize_t(i)), grads[i], callable);
}

// f(callable) for each hook of the pass's level; on a copy, since hooks may add and remove hooks. Those registered
// in a function transform are pairs of the callable and their level.
template <class F>
void for_each_hook(PyObject* dict, F f) {
    const Object hooks = check(PyMapping_Values(dict));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.get()); ++i) {
        PyObject* hook = PyList_GET_ITEM(hooks.get(), i);
        long level = 0;
        if (PyTuple_CheckExact(hook)) {
            level = PyLong_AsLong(PyTuple_GET_ITEM(hook, 1));
            hook = PyTuple_GET_ITEM(hook, 0);
        }
        if (level == current_pass_level()) f(hook);
    }
}

// Each hook gets what the one before it returned, if that was not None.
Tensor call_in_turn(PyObject* dict, Tensor value) {
    for_each_hook(dict, [&](PyObject* callable) {
        const Object arg = check(wrap_or_none(value));
        const Object result = check(PyObject_CallOneArg(callable, arg.get()));
        if (Tensor r = checked_replacement(result.get(), value, callable); r.defined())
            value = std::move(r);
    });
    return value;
}

// The dict in the first hook of kind `Hooks` in a list, or null.
template <class Hooks, class Hook>
PyObject* dict_in(const Hook& hook) {
    const Hooks* h = hook.template target<Hooks>();
    return h ? h->dict.get() : nullptr;
}
template <class Hooks, class Hook>
PyObject* dict_in(const std::vector<Hook>& list) {
    for (const Hook& hook : list)
        if (PyObject* d = dict_in<Hooks>(hook)) return d;
    return nullptr;
}

Object from_module(const char* module, const char* name) {
    const Object m = check(PyImport_ImportModule(module));
    return check(PyObject_GetAttrString(m.get(), name));
}
Object new_dict() {
    static PyObject* const type = from_module("collections", "OrderedDict").release();
    return check(PyObject_CallNoArgs(type));
}

// Puts the callable into the dict; returns the handle that takes it out.
PyObject* add_to(PyObject* dict, PyObject* callable, unsigned level) {
    note_own_code();
    static PyObject* const type = from_module("whygrad.utils.hooks", "RemovableHandle").release();
    Object handle = check(PyObject_CallOneArg(type, dict));
    const Object id = check(PyObject_GetAttrString(handle.get(), "id"));
    const Object hook =
        level ? check(Py_BuildValue("(OI)", callable, level)) : Object::borrow(callable);
    check(PyObject_SetItem(dict, id.get(), hook.get()));
    return handle.release();
}

// The dict of a list of hooks, made when there is none.
template <class Hooks, class Hook>
PyObject* own_dict(std::vector<Hook>& list) {
    if (!dict_in<Hooks>(list)) list.push_back(Hooks{new_dict()});
    return dict_in<Hooks>(list);
}

void check_hookable(const Tensor& t) {
    WG_CHECK(sees_history(t), "cannot register a hook on a tensor that doesn't require gradient");
}

template <class Hooks, class Hook>
int visit_list(const std::vector<Hook>& list, visitproc visit, void* arg) {
    for (const Hook& hook : list) Py_VISIT(dict_in<Hooks>(hook));
    return 0;
}

template <PyObject* (*Register)(PyObject* tensor, PyObject* callable)>
PyObject* register_on_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    return guarded([&] {
        if (nargs != 2 || !is_tensor(args[0])) fail_type("takes (tensor, hook)");
        return Register(args[0], args[1]);
    });
}
template <class F>
PyCFunction fast(F* f) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
PyMethodDef functions_[] = {
    {"_register_hook", fast(register_on_tensor<register_hook>), METH_FASTCALL, nullptr},
    {"_register_post_accumulate_grad_hook",
     fast(register_on_tensor<register_post_accumulate_grad_hook>), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_hooks(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

Tensor PyTensorHooks::operator()(const Tensor& grad) const {
    return call_in_turn(dict.get(), grad);
}
void PyAccumulateHooks::operator()(const Tensor& leaf) const {
    // Checked like the hooks that may replace what they get; then nothing may have been replaced.
    WG_CHECK(call_in_turn(dict.get(), leaf).is_same(leaf),
             "Tensor post accumulate grad hooks should return None.");
}
void PyPreHooks::operator()(Grads& grads) const {
    for_each_hook(dict.get(), [&](PyObject* callable) {
        const Object arg = grads_tuple(grads);
        const Object result = check(PyObject_CallOneArg(callable, arg.get()));
        replace_grads(result.get(), grads, callable);
    });
}
void PyPostHooks::operator()(Grads& grad_inputs, const Grads& grad_outputs) const {
    const Object out = grads_tuple(grad_outputs);
    for_each_hook(dict.get(), [&](PyObject* callable) {
        const Object in = grads_tuple(grad_inputs);
        const Object result =
            check(PyObject_CallFunctionObjArgs(callable, in.get(), out.get(), nullptr));
        replace_grads(result.get(), grad_inputs, callable);
    });
}

PyObject* tensor_hooks(PyObject* self) {
    const Tensor& t = tensor_of(self);
    grad_fn(t);  // a new history drops them
    PyObject* dict = t->extras ? dict_in<PyTensorHooks>(meta(t)->hooks) : nullptr;
    return Py_NewRef(dict ? dict : Py_None);
}

void set_tensor_hooks(PyObject* self, PyObject* dict) {
    const Tensor& t = tensor_of(self);
    WG_CHECK(dict, "Deletion of _backwards_hooks not allowed!");
    const auto dropped = std::exchange(own_meta(t).hooks, {});
    if (dict == Py_None) return;
    own_meta(t).hooks.push_back(PyTensorHooks{Object::borrow(dict)});
    track(self);
}

PyObject* register_hook(PyObject* self, PyObject* callable) {
    const Tensor& t = tensor_of(self);
    check_hookable(t);
    Node* fn = grad_fn(t);
    AutogradMeta& m = own_meta(t);
    if (!dict_in<PyTensorHooks>(m.hooks)) {
        PyObject* dict = own_dict<PyTensorHooks>(m.hooks);
        if (fn)
            fn->own_hooks().on_tensor.push_back(
                {t->output_nr, PyTensorHooks{Object::borrow(dict)}});
    }
    track(self);
    return add_to(dict_in<PyTensorHooks>(m.hooks), callable, std::min(t->level, transform_level));
}

PyObject* register_post_accumulate_grad_hook(PyObject* self, PyObject* callable) {
    const Tensor& t = tensor_of(self);
    check_hookable(t);
    WG_CHECK(is_leaf(t), "post accumulate grad hooks cannot be registered on non-leaf tensors");
    track(self);
    return add_to(own_dict<PyAccumulateHooks>(own_meta(t).post_accumulate), callable,
                  std::min(t->level, transform_level));
}

PyObject* post_accumulate_grad_hooks(PyObject* self) {
    const Tensor& t = tensor_of(self);
    PyObject* dict = t->extras ? dict_in<PyAccumulateHooks>(meta(t)->post_accumulate) : nullptr;
    return Py_NewRef(dict ? dict : Py_None);
}

void set_post_accumulate_grad_hooks(PyObject* self, PyObject* dict) {
    const Tensor& t = tensor_of(self);
    WG_CHECK(dict, "Deletion of _post_accumulate_grad_hooks not allowed!");
    const auto dropped = std::exchange(own_meta(t).post_accumulate, {});
    if (dict == Py_None) return;
    own_meta(t).post_accumulate.push_back(PyAccumulateHooks{Object::borrow(dict)});
    track(self);
}

namespace {
// The innermost open one that the node has to do with.
unsigned level_of(const Node& node) {
    unsigned level = transform_level;
    while (level > 0 && !(node.levels & level_bit(level))) --level;
    return level;
}
}  // namespace

PyObject* register_node_hook(Node* node, PyObject* callable) {
    return add_to(own_dict<PyPostHooks>(node->own_hooks().post), callable, level_of(*node));
}
PyObject* register_node_prehook(Node* node, PyObject* callable) {
    return add_to(own_dict<PyPreHooks>(node->own_hooks().pre), callable, level_of(*node));
}

int visit_hooks(const AutogradMeta& meta, visitproc visit, void* arg) {
    if (int r = visit_list<PyTensorHooks>(meta.hooks, visit, arg)) return r;
    return visit_list<PyAccumulateHooks>(meta.post_accumulate, visit, arg);
}
int visit_hooks(const NodeHooks& hooks, visitproc visit, void* arg) {
    for (const auto& h : hooks.on_tensor) Py_VISIT(dict_in<PyTensorHooks>(h.hook));
    if (int r = visit_list<PyPreHooks>(hooks.pre, visit, arg)) return r;
    return visit_list<PyPostHooks>(hooks.post, visit, arg);
}

}  // namespace wg::py
