// torch._C._autograd: the stack of saved tensor hooks (start with CallableHooks; what it is for is told in Note
// [Saved tensor hooks]), SavedTensor and _InputMetadata objects.
#include "graph.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "autograd/record.h"
#include "collector.h"
#include "convert.h"
#include "node_type.h"

namespace wg::py {
namespace {

class PackedObject final : public PackedTensor {
public:
    PackedObject(Object value, Object unpack)
        : value_(std::move(value)), unpack_(std::move(unpack)) {}
    Tensor unpack() const override {
        const Object result = check(PyObject_CallOneArg(unpack_.get(), value_.get()));
        if (!is_tensor(result.get()))
            fail_type(str(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
                Py_TYPE(result.get())->tp_name));
        return tensor_of(result.get());
    }
    PyObject* value() const { return value_.get(); }
    PyObject* unpack_hook() const { return unpack_.get(); }
    int visit(visitproc visit, void* arg) const {
        Py_VISIT(value_.get());
        Py_VISIT(unpack_.get());
        return 0;
    }

private:
    Object value_, unpack_;
};

class CallableHooks final : public SavedTensorHooks {
public:
    CallableHooks(PyObject* pack, PyObject* unpack)
        : pack_(Object::borrow(pack)), unpack_(Object::borrow(unpack)) {}
    std::unique_ptr<PackedTensor> pack(const Tensor& t) override {
        note_entanglement();
        const Object pack = pack_,
                     unpack = unpack_;  // the hook may end its context, and with it this
        const Object arg = check(wrap(t));
        Object value = check(PyObject_CallOneArg(pack.get(), arg.get()));
        return std::make_unique<PackedObject>(std::move(value), unpack);
    }

    pybind11::object callables() const {
        return pybind11::reinterpret_steal<pybind11::object>(
            check(PyTuple_Pack(2, pack_.get(), unpack_.get())).release());
    }

private:
    Object pack_, unpack_;
};

// Of this thread; the last one is the one in force. With a message set none may be.
struct Stack {
    std::vector<std::unique_ptr<CallableHooks>> hooks;
    std::optional<std::string> disabled;
    void update() const { saved_tensor_hooks = hooks.empty() ? nullptr : hooks.back().get(); }
};
// Never destroyed: threads may end after the interpreter, and the callables with it.
thread_local Stack* stack_ = nullptr;
Stack& stack() {
    if (!stack_) stack_ = new Stack;
    return *stack_;
}

// The callable of this thread that sees tensors before they are written to, or None.
void set_write_watcher(const pybind11::object& callable) {
    static thread_local WriteWatcher* const watcher = new WriteWatcher;  // as the stack
    write_watcher = nullptr;
    *watcher = {};
    if (callable.is_none()) return;
    *watcher = [f = Object::borrow(callable.ptr())](const Tensor& t, bool) {
        const Object callable = f, arg = check(wrap(t));  // it may be taken back meanwhile
        check(PyObject_CallOneArg(callable.get(), arg.get()));
    };
    write_watcher = watcher;
}

struct SavedObject {
    Ref<Node> node;
    size_t index;
};

void register_hooks(SavedObject& s, const pybind11::function& pack,
                    const pybind11::function& unpack) {
    translated([&] {
        SavedTensor* saved = s.node->released ? nullptr : s.node->hookable_slot(s.index);
        WG_CHECK(
            !s.node->released,
            "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
            "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through "
            "the graph a second time or if you need to access saved variables after calling backward.");
        WG_CHECK(saved && saved->defined(),
                 "Calling register_hooks on a saved tensor with value None is forbidden");
        WG_CHECK(
            !saved->is_packed(),
            "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks is "
            "allowed at a time.");
        CallableHooks hooks(pack.ptr(), unpack.ptr());
        saved->pack(hooks, s.node.get(), true);
    });
}

// What is kept as it is: what the hooks have made of a tensor, or the tensor, an output without its history.
pybind11::object saved_data(const SavedObject& s) {
    return translated([&]() -> pybind11::object {
        const SavedTensor* saved = s.node->released ? nullptr : s.node->hookable_slot(s.index);
        if (!saved || !saved->defined()) return pybind11::none();
        if (const auto* p = static_cast<const PackedObject*>(saved->packed()))
            return pybind11::reinterpret_borrow<pybind11::object>(p->value());
        return pybind11::reinterpret_steal<pybind11::object>(
            check(wrap(saved->stored())).release());
    });
}

pybind11::object saved_unpack_hook(const SavedObject& s) {
    const SavedTensor* saved = s.node->released ? nullptr : s.node->saved_slot(s.index);
    const auto* p = saved ? static_cast<const PackedObject*>(saved->packed()) : nullptr;
    if (!p) return pybind11::none();
    return pybind11::reinterpret_borrow<pybind11::object>(p->unpack_hook());
}

// The tensor, by the way of its hooks.
pybind11::object saved_unpack(const SavedObject& s) {
    return translated([&] {
        if (s.node->released) fail_released();
        return pybind11::reinterpret_steal<pybind11::object>(
            check(wrap_or_none(s.node->saved_value(s.index))).release());
    });
}

void push(const pybind11::function& pack, const pybind11::function& unpack) {
    translated([&] {
        if (stack().disabled) fail(ErrorKind::Runtime, *stack().disabled);
        check_hooks_allowed();
        stack().hooks.push_back(std::make_unique<CallableHooks>(pack.ptr(), unpack.ptr()));
        stack().update();
    });
}
void pop() {
    if (stack().hooks.empty()) return;
    const auto dropped = std::move(stack().hooks.back());
    stack().hooks.pop_back();
    stack().update();
}

void disable(const std::string& message, bool fail_if_non_empty) {
    translated([&] {
        stack().disabled = message;
        if (fail_if_non_empty && !stack().hooks.empty()) fail(ErrorKind::Runtime, message);
    });
}

// The pair in force, or None.
pybind11::object top() {
    if (stack().hooks.empty()) return pybind11::none();
    return stack().hooks.back()->callables();
}

const Tensor& view_argument(const pybind11::object& o) {
    if (!is_tensor(o.ptr())) fail_type("expected a Tensor");
    const Tensor& t = tensor_of(o.ptr());
    WG_CHECK(
        t.is_view(),
        "Expected meta != nullptr to be true, but got false.  (Could this error message be improved?  If so, "
        "please report an enhancement request to PyTorch.)");
    return t;
}

// How a view was made, by PyTorch's numbers.
enum class Creation : uint8_t { Default, CustomFunction, MultiOutput, NoGrad, Inference };
constexpr ViewKind kKinds[] = {ViewKind::Default, ViewKind::CustomFunction, ViewKind::MultiOutput,
                               ViewKind::NoGrad, ViewKind::Inference};

Creation creation_of(const pybind11::object& view) {
    return translated([&] {
        const ViewKind kind = view_argument(view)->view_kind;
        return Creation(std::find(std::begin(kKinds), std::end(kKinds), kind) - kKinds);
    });
}
void set_creation(const pybind11::object& view, Creation c) {
    translated([&] { view_argument(view)->view_kind = kKinds[size_t(c)]; });
}

// The place of a view in its base, looked at in another tensor: None if t is no view, or, if that is checked, `base`
// does not lie in memory as its base does.
PyObject* view_of_another(PyObject*, PyObject* const* args, Py_ssize_t n) {
    return guarded([&]() -> PyObject* {
        if (n != 3 || !is_tensor(args[0])) fail_type("_view_of_another(view, base, checked)");
        if (!is_tensor(args[1]))
            fail_type(str("_view_func(): argument 'new_base' (position 1) must be Tensor, not ",
                          Py_TYPE(args[1])->tp_name));
        const Tensor &t = tensor_of(args[0]), &base = tensor_of(args[1]);
        if (!t.is_view()) Py_RETURN_NONE;
        const Tensor own(t->view_base);
        if (args[2] == Py_True &&
            !(same_shape(own.sizes(), base.sizes()) && own.offset() == base.offset() &&
              same_shape(own.strides(), base.strides())))
            Py_RETURN_NONE;
        Window w = Window::of(t);
        if (t.dtype() == own.dtype()) w.dtype = base.dtype();
        return check(wrap(window_as(base, w))).release();
    });
}
PyMethodDef view_functions_[] = {
    {"_view_of_another",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(view_of_another)), METH_FASTCALL,
     nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void* saved_hooks_of_thread() { return &stack(); }
void share_saved_hooks(void* of_another_thread) { stack_ = static_cast<Stack*>(of_another_thread); }

int visit_packed(const PackedTensor& packed, visitproc visit, void* arg) {
    return static_cast<const PackedObject&>(packed).visit(visit, arg);
}

PyObject* wrap_saved(Node& node, size_t i) {
    return pybind11::cast(SavedObject{Ref<Node>(&node), i}).release().ptr();
}

PyObject* input_metadata(const Node& node) {
    pybind11::tuple all(node.outputs.size());
    for (size_t i = 0; i < node.outputs.size(); ++i) all[i] = pybind11::cast(node.outputs[i]);
    return all.release().ptr();
}

void add_graph(pybind11::module_& m) {
    pybind11::module_ autograd = m.def_submodule("_autograd");
    autograd.attr("__spec__") =
        pybind11::module_::import("importlib.machinery")
            .attr("ModuleSpec")(autograd.attr("__name__"), pybind11::none());
    autograd.attr("__module__") = "torch._C._autograd";  // of its classes
    pybind11::class_<SavedObject>(autograd, "SavedTensor")
        .def(pybind11::init([]() -> SavedObject {
            throw std::runtime_error(
                "Trying to create a SavedTensor object from Python is forbidden.");
        }))
        .def("register_hooks", register_hooks)
        .def("unpack", saved_unpack)
        .def_property_readonly("data", saved_data)
        .def_property_readonly("unpack_hook", saved_unpack_hook);
    const auto no = [](const OutputInfo&) { return false; };
    pybind11::class_<OutputInfo>(autograd, "_InputMetadata")
        .def_property_readonly("shape",
                               [](const OutputInfo& o) {
                                   return std::vector<int64_t>(o.sizes.begin(), o.sizes.end());
                               })
        .def_property_readonly(
            "dtype",
            [](const OutputInfo& o) {
                return pybind11::reinterpret_borrow<pybind11::object>(dtype_object(o.dtype));
            })
        .def_property_readonly(
            "device",
            [](const OutputInfo& o) {
                return pybind11::reinterpret_steal<pybind11::object>(wrap_device(o.device));
            })
        .def_property_readonly("is_nested_tensor", no)
        .def_property_readonly("is_cpp_nested_tensor", no);
    autograd.def("_push_saved_tensors_default_hooks", push);
    autograd.def("_pop_saved_tensors_default_hooks", pop);
    autograd.def("_storage_address", [](const pybind11::object& t) {
        return is_tensor(t.ptr()) ? reinterpret_cast<uintptr_t>(tensor_of(t.ptr())->storage.get())
                                  : 0;
    });
    autograd.def("_set_write_watcher", set_write_watcher);
    autograd.def("_saved_tensors_hooks_enable", [] { stack().disabled.reset(); });
    autograd.def("_saved_tensors_hooks_disable", disable, pybind11::arg("error_message"),
                 pybind11::arg("fail_if_non_empty") = true);
    autograd.def("_saved_tensors_hooks_get_disabled_error_message",
                 [] { return stack().disabled; });
    autograd.def("_saved_tensors_hooks_is_enabled", [] { return !stack().disabled; });
    autograd.def("_top_saved_tensors_default_hooks", [](bool) { return top(); });
    pybind11::enum_<Creation>(autograd, "CreationMeta")
        .value("DEFAULT", Creation::Default)
        .value("IN_CUSTOM_FUNCTION", Creation::CustomFunction)
        .value("MULTI_OUTPUT_NODE", Creation::MultiOutput)
        .value("NO_GRAD_MODE", Creation::NoGrad)
        .value("INFERENCE_MODE", Creation::Inference);
    autograd.def("_get_creation_meta", creation_of);
    autograd.def("_set_creation_meta", set_creation);
    for (const char* name : {"_get_sequence_nr", "_unsafe_set_version_counter"})
        autograd.attr(name) = m.attr(name);
    check(PyModule_AddFunctions(m.ptr(), view_functions_));
}

}  // namespace wg::py
