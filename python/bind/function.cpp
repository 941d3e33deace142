// autograd.Function: a node whose derivative is Python code. Start with function_apply.
//
// Note [ctx]
// `ctx` is the Python object of its node and what `grad_fn` shows. Each keeps the other alive, but only one owns: while
// Python holds ctx, ctx owns the node; when Python drops it, the node takes it over (context_finalize),
// until it is handed out again (wrap_context).
#include <cstring>

#include <algorithm>
#include <memory>

#include "autograd/engine.h"
#include "autograd/rows.h"
#include "autograd/transform.h"
#include "collector.h"
#include "convert.h"
#include "graph.h"
#include "hooks.h"
#include "node_type.h"
#include "profiler.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

PyTypeObject* context_type_ = nullptr;

struct Context {
    PyNode base;
    PyObject* dict;
    PyObject* weakrefs;
    // Set by the user's forward, read when it returns.
    PyObject* to_save;
    PyObject* non_differentiable;
    PyObject* dirty;
    PyObject* needs_input_grad;
    PyObject* saved_for_forward;  // what saved_tensors gives until apply returns
    bool materialize_grads;
    bool materialize_non_diff_grads;  // also those of outputs without derivative
};
Context* as_context(PyObject* o) { return reinterpret_cast<Context*>(o); }

class PythonNode final : public NodeOf<PythonNode> {
public:
    // With a ctx that owns the node.
    explicit PythonNode(PyObject* ctx) : ctx_(ctx) {
        as_context(ctx)->base = {as_context(ctx)->base.ob_base, this, true};
        ++refs;
    }
    ~PythonNode() {
        if (!ctx_) return;
        as_context(ctx_)->base.node = nullptr;
        Py_DECREF(ctx_);
    }
    void apply(Grads& in, Grads& out) override;
    void apply_rows(const RowView& rows, Grads& in, Grads& out) override {
        in = shown(rows, in);
        apply(in, out);
        hide(rows, out);
    }
    std::string name() const override {
        const char* full = Py_TYPE(ctx_)->tp_name;
        const char* dot = std::strrchr(full, '.');
        std::string name = dot ? dot + 1 : full;
        if (of_transform) name.insert(std::min(name.size(), name.rfind("Backward")), "Generated");
        return name;
    }
    bool handles_undefined() const override { return true; }
    void release_saved() override {
        saved.clear();
        released = true;
    }
    void visit_owned(OwnedVisitor& visitor) const override {
        Node::visit_owned(visitor);
        for (const SavedTensor& t : saved) t.visit_owned(visitor);
    }
    std::vector<SavedName> saved_names() const override {
        return std::vector<SavedName>(saved.size(), {"tensors[]", false, false});
    }
    // What the user asks for as saved_tensors.
    void check_saved() const {
        WG_CHECK(
            !(clears_on_access && accessed),
            "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the "
            "autograd.Function. Either access saved_tensors only once, or set clear_saved_tensors_on_access=False.");
        if (released) fail_released();
    }
    Tensor saved_value(size_t i) const override {
        check_saved();
        return saved[i].unpack(this);
    }
    SavedTensor* saved_slot(size_t i) override { return i < saved.size() ? &saved[i] : nullptr; }
    // The two ways of Note [ctx].
    bool owns_context() const { return ctx_ && !as_context(ctx_)->base.owns; }
    PyObject* hand_out() {
        if (!owns_context()) return Py_XNewRef(ctx_);
        as_context(ctx_)->base.owns = true;
        ++refs;
        forget_finalized(ctx_);
        return ctx_;
    }
    void take_over() {
        Py_INCREF(ctx_);
        as_context(ctx_)->base.owns = false;
        --refs;
    }
    PyObject* context() const { return ctx_; }
    void forget_context() { ctx_ = nullptr; }
    bool is_input_tensor(size_t i) const { return i < tensor_inputs.size() && tensor_inputs[i]; }

    std::vector<SavedTensor> saved;
    std::vector<bool> tensor_inputs;  // per argument of apply
    std::vector<bool> without_derivative;  // per output
    bool of_transform = false;  // of nothing outside: PyTorch makes a Function of its own for it
    bool clears_on_access = false;  // the class's clear_saved_tensors_on_access
    bool accessed = false;
    bool boxed = false;  // backward gets one list

private:
    PyObject* ctx_;
};

PythonNode* python_node(PyObject* ctx) {
    return static_cast<PythonNode*>(as_context(ctx)->base.node);
}

void PythonNode::apply(Grads& in, Grads& out) {
    const Object ctx = Object::steal(hand_out());
    const bool materialize = as_context(ctx.get())->materialize_grads;
    const bool all = as_context(ctx.get())->materialize_non_diff_grads;
    Object args = check(PyTuple_New(Py_ssize_t(in.size())));
    for (size_t i = 0; i < in.size(); ++i) {
        Tensor g = in[i];
        if (!g.defined() && materialize && outputs[i].is_tensor && (all || !without_derivative[i]))
            g = zeros(Dims(outputs[i].sizes), outputs[i].dtype);
        PyTuple_SET_ITEM(args.get(), Py_ssize_t(i), wrap_or_none(std::move(g)));
    }
    static PyObject* const names[] = {PyUnicode_InternFromString("apply"),
                                      PyUnicode_InternFromString("apply_boxed")};
    const Object backward = check(PyObject_GetAttr(ctx.get(), names[boxed]));
    if (boxed) {
        // The list alone holds the gradients, so that backward may free them.
        const Object list = check(PySequence_List(args.get()));
        in.clear();
        args = check(PyTuple_Pack(1, list.get()));
    }
    Object result = check(PyObject_Call(backward.get(), args.get(), nullptr));
    if (!PyTuple_Check(result.get())) result = check(PyTuple_Pack(1, result.get()));

    const size_t expected = tensor_inputs.size();
    size_t got = size_t(PyTuple_GET_SIZE(result.get()));
    // Extra gradients are fine while they are None.
    while (got > expected && PyTuple_GET_ITEM(result.get(), Py_ssize_t(got) - 1) == Py_None) --got;
    WG_CHECK(got == expected, "function ", name(),
             " returned an incorrect number of gradients (expected ", expected, ", got ", got, ")");
    size_t edge = 0;
    for (size_t i = 0; i < expected; ++i) {
        PyObject* g = PyTuple_GET_ITEM(result.get(), Py_ssize_t(i));
        if (!tensor_inputs[i]) {
            WG_CHECK(g == Py_None, "function ", name(),
                     " returned a gradient different than None at position ", i + 1,
                     ", but the corresponding forward input was not a Variable");
            continue;
        }
        if (g != Py_None) {
            WG_CHECK(is_tensor(g), "expected Variable or None (got ", Py_TYPE(g)->tp_name, ")");
            if (const Edge& e = edges[edge]; e && is_complex(tensor_of(g).dtype()))
                WG_CHECK(
                    is_complex(e.node->outputs[e.input_nr].dtype),
                    "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be "
                    "true, but got false.  (Could this error message be improved?  If so, please report an "
                    "enhancement request to PyTorch.)");
            out[edge] = tensor_of(g);  // hooks of the node see it even where nobody wants it
        }
        ++edge;
    }
}

// Where it is in the tuple, which may be null, or -1.
Py_ssize_t position(PyObject* tuple, PyObject* o) {
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); ++i)
        if (PyTuple_GET_ITEM(tuple, i) == o) return i;
    return -1;
}
bool contains(PyObject* tuple, PyObject* o) { return position(tuple, o) >= 0; }

// The attributes that forward sets. PyTorch's messages break off here as well.
void check_tuple(PyObject* tuple, const char* name) {
    WG_CHECK(!tuple || PyTuple_Check(tuple), "autograd internal error: ", name,
             " attribute is expected to be a tuple but is ");
}
void check_tensor_tuple(PyObject* tuple, const char* name, const char* message) {
    check_tuple(tuple, name);
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); ++i)
        WG_CHECK(is_tensor(PyTuple_GET_ITEM(tuple, i)), message);
}

// With several differentiable outputs, those that are views cannot be written to.
void forbid_writes_to_several_views(PyObject* outputs) {
    int differentiable = 0;
    for (int pass = 0; pass < 2; ++pass)
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(outputs); ++i) {
            PyObject* o = PyTuple_GET_ITEM(outputs, i);
            if (!is_tensor(o)) continue;
            const Tensor& t = tensor_of(o);
            if (pass == 0 && t->grad_fn) ++differentiable;
            if (pass == 1 && differentiable > 1 && t.is_view())
                t->view_kind = ViewKind::MultiOutput;
        }
}

// The output handed out for an input is another tensor than the one that setup_context saw.
void check_saved_as_is(Context* ctx, PyObject* args, PyObject* outputs) {
    for (Py_ssize_t i = 0; ctx->to_save && i < PyTuple_GET_SIZE(ctx->to_save); ++i) {
        PyObject* saved = PyTuple_GET_ITEM(ctx->to_save, i);
        WG_CHECK(
            !contains(args, saved) || !contains(outputs, saved) || contains(ctx->dirty, saved),
            "An input that has been returned as-is as output is being saved for backward. This is not supported if you "
            "override setup_context. You should return and save a view of the input instead, e.g. with x.view_as(x) or "
            "setup ctx inside the forward function itself.");
    }
}

bool read_flag(PyObject* cls, PyObject* name) {
    const Object flag = check(PyObject_GetAttr(cls, name));
    WG_CHECK(PyBool_Check(flag.get()), PyUnicode_AsUTF8(name), " must be a bool, got ",
             Py_TYPE(flag.get())->tp_name);
    return flag.get() == Py_True;
}

bool is_differentiable(PyObject* output, const Context* ctx) {
    return wg::is_differentiable(tensor_of(output).dtype()) &&
           !contains(ctx->non_differentiable, output);
}

// Gives one output of forward, or one of several, its history. Returns the object to hand out.
Object finish_output(PyObject* o, bool several, Context* ctx, PyObject* args, PythonNode* node,
                     bool executable) {
    Object out = Object::borrow(o);
    Tensor t = tensor_of(o);
    const bool is_input = contains(args, o);
    bool is_dirty = contains(ctx->dirty, o);
    const bool differentiable = is_differentiable(o, ctx);
    if (is_dirty && !is_input) {
        warn(
            WarningKind::User,
            "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated "
            "should be passed to ctx.mark_dirty().");
        t.bump_version();
        is_dirty = false;
    }
    const bool recorded = executable && differentiable;
    if (is_input && !recorded && requires_grad(t)) {
        // What comes out has none of the history of what went in.
        if (is_dirty) t.bump_version();
        const Tensor d = detach(t);
        if (executable) node->add_output(d);
        return check(wrap(d));
    }
    if (is_dirty) {
        if (recorded) {
            // Rebasing counts the write; where that is refused, it counts all the same.
            const uint32_t version = t.version();
            t.bump_version();
            WG_CHECK(!(requires_grad(t) && !t->grad_fn),
                     "a leaf Variable that requires grad has been used in an in-place operation.");
            WG_CHECK(
                !several || !t.is_view(),
                "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return "
                "more than one Tensor. This is not supported by the current autograd engine. You should either make sure "
                "the input is not a view (using .clone() for example) or make your Function only return one Tensor "
                "(potentially splitting it into two Functions: one doing the inplace that returns a single Tensor and a "
                "second one that does the other operations). You can ask on the forum https://discuss.pytorch.org/ if you "
                "need help to do this change.");
            check_inplace(t, true);
            *t->version = version;
            rebase_history(t, Ref<Node>(node));
            if (t->extras) std::exchange(meta(t)->grad, {});  // it was that of the values before
        } else {
            t.bump_version();
            if (executable) node->add_output(t);
        }
        return out;
    }
    if (is_input) {
        // Returning an input as it is: the output is a view of it with a history of its own.
        Tensor v =
            alias(t, t.sizes(), *view_strides(t.sizes(), t.strides(), t.sizes()), t.offset());
        make_view(v, t, ViewKind::CustomFunction);
        if (transform_level && v.is_view()) [[unlikely]]
            part_from_base(v);
        if (recorded) set_history(v, *node);
        else if (executable) node->add_output(v);
        return check(wrap(std::move(v)));
    }
    if (t.is_view()) {
        t->view_kind = ViewKind::CustomFunction;
        if (transform_level) part_from_base(t);
    }
    if (!executable) {
        // Whatever forward has switched on.
        if (t->grad_fn && !t.is_view()) t->grad_fn.reset();
        return out;
    }
    if (!differentiable) {
        if (!t.is_view()) t->grad_fn.reset();
        t->requires_grad = false;
        node->add_output(t);
        return out;
    }
    set_history(t, *node);
    t->attr_version = t.version();
    track(o);
    return out;
}

// The tangents of one level, as arguments of jvp.
Object jvp_arguments(PyObject* ctx, PyObject* args, int level, bool& any) {
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    Object values = check(PyTuple_New(n + 1));
    PyTuple_SET_ITEM(values.get(), 0, Py_NewRef(ctx));
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* a = PyTuple_GET_ITEM(args, i);
        Tensor v;
        if (is_tensor(a)) {
            v = tangent(tensor_of(a), level);
            any = any || v.defined();
            if (!v.defined() && as_context(ctx)->materialize_grads &&
                wg::is_differentiable(tensor_of(a).dtype()))
                v = zeros_like(tensor_of(a), {});
        }
        PyTuple_SET_ITEM(values.get(), i + 1, wrap_or_none(std::move(v)));
    }
    return values;
}

const TensorImpl* root(const Tensor& t) { return t.is_view() ? t->view_base.get() : t.impl(); }

// The tangent of the argument that `view` looks at, if there is one.
Tensor tangent_of_viewed(const Tensor& view, PyObject* args, int level) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
        PyObject* a = PyTuple_GET_ITEM(args, i);
        if (!is_tensor(a)) continue;
        const Tensor& t = tensor_of(a);
        if (root(view) == root(t)) return any_tangent_of(t, level);
    }
    return {};
}

// The tangent that jvp gave for an output of forward. `versions`: those of the tangents that it was given.
void set_output_tangent(PyObject* given, PyObject* raw, const Tensor& out, Context* ctx,
                        PyObject* args, const std::vector<uint32_t>& versions, Py_ssize_t i,
                        int level) {
    if (!wg::is_differentiable(out.dtype()) || contains(ctx->non_differentiable, raw)) {
        WG_CHECK(given == Py_None, "Function's jvp returned a gradient at position ", i,
                 ", but  the corresponding forward output is not a differentiable Tensor."
                 "You should return None at that position instead.");
        return;
    }
    if (given == Py_None) return;
    const Tensor& value = tensor_of(given);
    const Py_ssize_t at = position(args, raw);
    const bool is_input = at >= 0;
    const Tensor before = is_input ? any_tangent_of(tensor_of(raw), level) : Tensor();
    if (is_input && contains(ctx->dirty, raw)) {
        if (before.defined()) {
            WG_CHECK(
                !value->version || value.version() != versions[size_t(at)],
                "An inplace custom Function is not modifying the forward mode gradients inplace. If the forward is "
                "modifying an input inplace, then the jvp function must modify the corresponding gradient inplace.");
            WG_CHECK(
                before.is_same(value),
                "An inplace custom Function is not returning the forward mode gradients as-is. If the forward is "
                "modifying an input inplace, then the jvp function must modify the gradient inplace and return it "
                "as-is.");
            return;
        }
    } else if ((is_input ? before.defined() : out.is_view()) && transform_level == 0) {
        // In a transform PyTorch's results are wrappers of their own, views of nothing.
        WG_CHECK(
            value.is_view(),
            "A custom Function's forward is returning a view (or an input as-is) but the jvp is not returning a "
            "view.");
        const Tensor viewed = is_input ? Tensor() : tangent_of_viewed(out, args, level);
        WG_CHECK(
            !viewed.defined() || root(viewed) == root(value),
            "A custom Function is returning a view but the jvp is not returning a view of the ",
            viewed.is_view() ? "same base as the given grad input." : "given grad input.");
    }
    attach_tangent(out, value, level);
}

// Asks jvp for the tangents of what forward returned, if an input has one.
void push_forward(PyObject* cls, PyObject* ctx, PyObject* args, PyObject* raw, PyObject* result) {
    const int levels = visible_forward_levels();
    const Py_ssize_t n = PyTuple_GET_SIZE(raw);
    for (int level = 0; level < levels; ++level) {
        bool any = false;
        const Object values = jvp_arguments(ctx, args, level, any);
        if (!any) continue;
        std::vector<uint32_t> versions;
        for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(values.get()); ++i) {
            PyObject* v = PyTuple_GET_ITEM(values.get(), i);
            versions.push_back(is_tensor(v) ? tensor_of(v).version() : 0);
        }
        VisibleLevels lower(level);
        const Object jvp = check(PyObject_GetAttrString(cls, "jvp"));
        Object found = check(PyObject_Call(jvp.get(), values.get(), nullptr));
        if (!PyTuple_Check(found.get())) found = check(PyTuple_Pack(1, found.get()));
        WG_CHECK(PyTuple_GET_SIZE(found.get()) == n,
                 "Function's jvp returned an invalid number of forward gradients (expected ", n,
                 " but got ", PyTuple_GET_SIZE(found.get()), ")");
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* v = PyTuple_GET_ITEM(found.get(), i);
            WG_CHECK(v == Py_None || is_tensor(v), "expected Variable or None (got ",
                     Py_TYPE(v)->tp_name, ") for grad output ", i, ".");
        }
        for (Py_ssize_t i = 0; i < n; ++i)
            if (PyObject* o = PyTuple_GET_ITEM(result, i); is_tensor(o))
                set_output_tangent(PyTuple_GET_ITEM(found.get(), i), PyTuple_GET_ITEM(raw, i),
                                   tensor_of(o), as_context(ctx), args, versions, i, level);
    }
}

// _C._function_apply(function class, backward class, args)
PyObject* function_apply(PyObject*, PyObject* const* argv, Py_ssize_t nargs) {
    return guarded([&]() -> PyObject* {
        if (nargs != 3 || !PyTuple_Check(argv[2]))
            fail_type("_function_apply(cls, ctx class, args)");
        PyObject *cls = argv[0], *ctx_class = argv[1], *args = argv[2];
        const Py_ssize_t n = PyTuple_GET_SIZE(args);
        const ProfiledFunction profiled(cls);

        Object ctx_object = check(PyObject_CallNoArgs(ctx_class));
        Context* ctx = as_context(ctx_object.get());
        const Ref<PythonNode> node(python_node(ctx_object.get()));
        note_entanglement();
        bool executable = false;
        Object needs = check(PyTuple_New(n));
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* a = PyTuple_GET_ITEM(args, i);
            const bool is_t = is_tensor(a);
            const bool wants = is_t && requires_grad(tensor_of(a));
            node->tensor_inputs.push_back(is_t);
            executable = executable || wants;
            PyTuple_SET_ITEM(needs.get(), i, PyBool_FromLong(wants));
        }
        executable = executable && grad_flag();
        ctx->needs_input_grad = needs.release();
        if (executable) {
            for (Py_ssize_t i = 0; i < n; ++i)
                if (node->tensor_inputs[size_t(i)]) {
                    const Tensor& t = tensor_of(PyTuple_GET_ITEM(args, i));
                    node->add_edge(gradient_edge(t));
                }
            node->site.capture();
            node->of_transform = transform_level && !(node->levels & level_bit(0));
        }

        static PyObject* const clears = PyUnicode_InternFromString("clear_saved_tensors_on_access");
        static PyObject* const boxed = PyUnicode_InternFromString("boxed_grads_call");
        static PyObject* const has_setup = PyUnicode_InternFromString("_has_setup_context");
        static PyObject* const forward_name = PyUnicode_InternFromString("forward");
        node->clears_on_access = read_flag(cls, clears);
        node->boxed = read_flag(cls, boxed);
        const Object forward = check(PyObject_GetAttr(cls, forward_name));
        const Object separate = check(PyObject_GetAttr(cls, has_setup));
        WG_CHECK(
            separate.get() == Py_True || transform_level == 0,
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override "
            "the setup_context staticmethod. For more details, please see "
            "https://pytorch.org/docs/main/notes/extending.func.html");
        note_own_code();
        Object raw;
        {
            const GradMode no_history(false);
            const VisibleLevels no_tangents(0);
            if (separate.get() == Py_True) {
                raw = check(PyObject_Call(forward.get(), args, nullptr));
                const Object setup = check(PyObject_GetAttrString(cls, "setup_context"));
                check(PyObject_CallFunctionObjArgs(setup.get(), ctx_object.get(), args, raw.get(),
                                                   nullptr));
            } else {
                Object with_ctx = check(PyTuple_New(n + 1));
                PyTuple_SET_ITEM(with_ctx.get(), 0, Py_NewRef(ctx_object.get()));
                for (Py_ssize_t i = 0; i < n; ++i)
                    PyTuple_SET_ITEM(with_ctx.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
                raw = check(PyObject_Call(forward.get(), with_ctx.get(), nullptr));
            }
        }
        check_tensor_tuple(ctx->non_differentiable, "non_differentiable",
                           "mark_non_differentiable only accepts variable arguments, but got ");
        check_tensor_tuple(ctx->dirty, "dirty_tensors",
                           "mark_dirty can only accept variables, but argument ");

        const bool many = PyTuple_Check(raw.get());
        Object outputs = many ? raw : check(PyTuple_Pack(1, raw.get()));
        const Py_ssize_t n_out = PyTuple_GET_SIZE(outputs.get());
        for (Py_ssize_t i = 0; ctx->dirty && i < PyTuple_GET_SIZE(ctx->dirty); ++i)
            WG_CHECK(
                contains(outputs.get(), PyTuple_GET_ITEM(ctx->dirty, i)),
                "Some elements marked as dirty during the forward method were not returned as output. The "
                "inputs that are modified inplace must all be outputs of the Function.");
        if (separate.get() == Py_True && grad_flag()) check_saved_as_is(ctx, args, outputs.get());
        Object result = check(PyTuple_New(n_out));
        for (Py_ssize_t i = 0; i < n_out; ++i) {
            PyObject* o = PyTuple_GET_ITEM(outputs.get(), i);
            if (!is_tensor(o)) {
                if (executable) node->outputs.emplace_back();
                node->without_derivative.push_back(true);
                PyTuple_SET_ITEM(result.get(), i, Py_NewRef(o));
                continue;
            }
            node->without_derivative.push_back(!is_differentiable(o, ctx));
            PyTuple_SET_ITEM(
                result.get(), i,
                finish_output(o, n_out > 1, ctx, args, node.get(), executable).release());
        }
        if (executable) forbid_writes_to_several_views(result.get());
        if (forward_mode()) [[unlikely]]
            push_forward(cls, ctx_object.get(), args, outputs.get(), result.get());
        if (executable && ctx->to_save) {
            check_tuple(ctx->to_save, "to_save");
            for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(ctx->to_save); ++i) {
                PyObject* s = PyTuple_GET_ITEM(ctx->to_save, i);
                if (s == Py_None) {
                    node->saved.emplace_back();
                    continue;
                }
                if (!is_tensor(s))
                    fail_type(str("save_for_backward can only save variables, but argument ", i,
                                  " is of type ", Py_TYPE(s)->tp_name));
                const Tensor& t = tensor_of(s);
                // A view that was written to reaches the node through its base alone.
                const bool is_output =
                    node_of(t->grad_fn) == node.get() ||
                    (t.is_view() && contains(ctx->dirty, s) && is_differentiable(s, ctx));
                node->saved.emplace_back(t, is_output ? node.get() : nullptr);
            }
            pack_saved(*node);
        }
        Py_CLEAR(ctx->to_save);
        Py_CLEAR(ctx->dirty);
        Py_CLEAR(ctx->non_differentiable);
        Py_CLEAR(ctx->saved_for_forward);
        return many ? result.release() : Py_NewRef(PyTuple_GET_ITEM(result.get(), 0));
    });
}

// --- ctx ---

PyObject* context_new(PyTypeObject* type, PyObject*, PyObject*) {
    return guarded([&] {
        Object o = check(type->tp_alloc(type, 0));
        as_context(o.get())->materialize_grads = true;
        as_context(o.get())->materialize_non_diff_grads = true;
        PythonNode::make(o.get());
        return o.release();
    });
}
int context_traverse(PyObject* o, visitproc visit, void* arg) {
    Context* c = as_context(o);
    Py_VISIT(Py_TYPE(o));
    Py_VISIT(c->dict);
    Py_VISIT(c->to_save);
    Py_VISIT(c->non_differentiable);
    Py_VISIT(c->dirty);
    Py_VISIT(c->needs_input_grad);
    Py_VISIT(c->saved_for_forward);
    return c->base.owns ? visit_shadow(c->base.node, visit, arg) : 0;
}
int context_clear(PyObject* o) {
    Context* c = as_context(o);
    Py_CLEAR(c->dict);
    Py_CLEAR(c->to_save);
    Py_CLEAR(c->non_differentiable);
    Py_CLEAR(c->dirty);
    Py_CLEAR(c->needs_input_grad);
    Py_CLEAR(c->saved_for_forward);
    return 0;
}
void context_finalize(PyObject* o) {
    const PyNode& self = as_context(o)->base;
    if (!self.node || !self.owns || self.node->refs == 1) return;
    python_node(o)->take_over();
}
void context_dealloc(PyObject* o) {
    PyObject_GC_UnTrack(o);
    if (as_context(o)->weakrefs) PyObject_ClearWeakRefs(o);
    context_clear(o);
    if (PythonNode* n = python_node(o); n && as_context(o)->base.owns) {
        n->forget_context();
        as_context(o)->base.node = nullptr;
        Ref<Node>::steal(n);
    }
    PyTypeObject* type = Py_TYPE(o);
    type->tp_free(o);
    Py_DECREF(type);
}

PyObject* get_saved_tensors(PyObject* o, void*) {
    return guarded([&]() -> PyObject* {
        if (PyObject* saved = as_context(o)->saved_for_forward) return Py_NewRef(saved);
        PythonNode* n = python_node(o);
        if (n) n->check_saved();
        const size_t size = n ? n->saved.size() : 0;
        Object tuple = check(PyTuple_New(Py_ssize_t(size)));
        for (size_t i = 0; i < size; ++i)
            PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), wrap_or_none(n->saved[i].unpack(n)));
        if (n && n->clears_on_access) {
            n->accessed = true;
            const auto freed = std::exchange(n->saved, {});
        }
        return tuple.release();
    });
}
PyObject* get_saved_variables(PyObject* o, void* closure) {
    if (PyErr_WarnEx(PyExc_DeprecationWarning,
                     "'saved_variables' is deprecated; use 'saved_tensors'", 1) < 0)
        return nullptr;
    return get_saved_tensors(o, closure);
}
PyObject* maybe_clear_saved_tensors(PyObject* o, PyObject*) {
    return guarded([&] {
        if (PythonNode* n = python_node(o); n && n->clears_on_access) n->release_saved();
        return Py_NewRef(Py_None);
    });
}
PyObject* get_raw_saved_tensors(PyObject* o, void*) {
    return guarded([&] {
        PythonNode* n = python_node(o);
        if (n && n->released) fail_released();
        const size_t size = n ? n->saved.size() : 0;
        Object tuple = check(PyTuple_New(Py_ssize_t(size)));
        for (size_t i = 0; i < size; ++i)
            PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), wrap_saved(*n, i));
        return tuple.release();
    });
}
PyObject* get_needs_input_grad(PyObject* o, void*) {
    PyObject* v = as_context(o)->needs_input_grad;
    return Py_NewRef(v ? v : Py_None);
}
int set_needs_input_grad(PyObject* o, PyObject* v, void*) {
    Py_XSETREF(as_context(o)->needs_input_grad, Py_XNewRef(v));
    return 0;
}
int check_bool(PyObject* v, const char* setter) {
    if (v && PyBool_Check(v)) return 0;
    PyErr_Format(PyExc_TypeError,
                 "%s received an invalid combination of arguments - got (), but expected (bool)",
                 setter);
    return -1;
}
int set_materialize(PyObject* o, PyObject* v, void*) {
    if (check_bool(v, "set_materialize_grads") < 0) return -1;
    as_context(o)->materialize_grads = v == Py_True;
    return 0;
}
PyObject* get_materialize_non_diff(PyObject* o, void*) {
    return PyBool_FromLong(as_context(o)->materialize_non_diff_grads);
}
int set_materialize_non_diff(PyObject* o, PyObject* v, void*) {
    if (check_bool(v, "set_materialize_non_diff_grads") < 0) return -1;
    as_context(o)->materialize_non_diff_grads = v == Py_True;
    return 0;
}
// A hint that the output is a view and nothing else, of no use here.
int set_pure_view(PyObject*, PyObject* v, void*) { return check_bool(v, "set_pure_view"); }
template <PyObject* Context::* Field>
PyObject* get_tuple(PyObject* o, void*) {
    PyObject* v = as_context(o)->*Field;
    if (!v) Py_RETURN_NONE;
    return Py_NewRef(v);
}
template <PyObject* Context::* Field>
int set_tuple(PyObject* o, PyObject* v, void*) {
    Py_XSETREF(as_context(o)->*Field, v == Py_None ? nullptr : Py_XNewRef(v));
    return 0;
}

PyMethodDef functions_[] = {
    {"_function_apply", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function_apply)),
     METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_context_type(PyTypeObject* type) noexcept {
    return type == context_type_ || PyType_IsSubtype(type, context_type_);
}
PyObject* wrap_context(Node& node) {
    auto* n = dynamic_cast<PythonNode*>(&node);
    return n ? n->hand_out() : nullptr;
}
PyObject* owned_context(const Node& node) {
    const auto* n = dynamic_cast<const PythonNode*>(&node);
    return n && n->owns_context() ? n->context() : nullptr;
}

void add_functions(PyObject* module) {
    static std::vector<PyGetSetDef> properties;
    for (PyGetSetDef* p = node_properties; p->name; ++p) properties.push_back(*p);
    properties.push_back({"saved_tensors", get_saved_tensors, nullptr, nullptr, nullptr});
    properties.push_back({"_raw_saved_tensors", get_raw_saved_tensors, nullptr, nullptr, nullptr});
    properties.push_back(
        {"needs_input_grad", get_needs_input_grad, set_needs_input_grad, nullptr, nullptr});
    properties.push_back({"saved_variables", get_saved_variables, nullptr, nullptr, nullptr});
    properties.push_back({"materialize_grads", nullptr, set_materialize, nullptr, nullptr});
    properties.push_back({"_materialize_non_diff_grads", get_materialize_non_diff,
                          set_materialize_non_diff, nullptr, nullptr});
    properties.push_back({"_is_pure_view", nullptr, set_pure_view, nullptr, nullptr});
    properties.push_back(
        {"to_save", get_tuple<&Context::to_save>, set_tuple<&Context::to_save>, nullptr, nullptr});
    properties.push_back({"non_differentiable", get_tuple<&Context::non_differentiable>,
                          set_tuple<&Context::non_differentiable>, nullptr, nullptr});
    properties.push_back({"dirty_tensors", get_tuple<&Context::dirty>, set_tuple<&Context::dirty>,
                          nullptr, nullptr});
    properties.push_back({"saved_for_forward", get_tuple<&Context::saved_for_forward>,
                          set_tuple<&Context::saved_for_forward>, nullptr, nullptr});
    properties.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
    static std::vector<PyMethodDef> methods;
    for (PyMethodDef* m = node_methods; m->ml_name; ++m)
        if (std::string_view(m->ml_name) != "__dir__") methods.push_back(*m);
    methods.push_back(
        {"maybe_clear_saved_tensors", maybe_clear_saved_tensors, METH_NOARGS, nullptr});
    methods.push_back({nullptr, nullptr, 0, nullptr});
    static PyMemberDef members[] = {
        {"__dictoffset__", T_PYSSIZET, offsetof(Context, dict), READONLY, nullptr},
        {"__weaklistoffset__", T_PYSSIZET, offsetof(Context, weakrefs), READONLY, nullptr},
        {nullptr, 0, 0, 0, nullptr},
    };
    PyType_Slot slots[] = {
        {Py_tp_new, reinterpret_cast<void*>(context_new)},
        {Py_tp_dealloc, reinterpret_cast<void*>(context_dealloc)},
        {Py_tp_traverse, reinterpret_cast<void*>(context_traverse)},
        {Py_tp_clear, reinterpret_cast<void*>(context_clear)},
        {Py_tp_finalize, reinterpret_cast<void*>(context_finalize)},
        {Py_tp_getset, properties.data()},
        {Py_tp_methods, methods.data()},
        {Py_tp_members, members},
        {0, nullptr},
    };
    PyType_Spec spec = {"torch._C._FunctionBase", sizeof(Context), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    context_type_ = reinterpret_cast<PyTypeObject*>(check(PyType_FromSpec(&spec)).release());
    check(
        PyModule_AddObjectRef(module, "_FunctionBase", reinterpret_cast<PyObject*>(context_type_)));
    check(PyModule_AddFunctions(module, functions_));
}

}  // namespace wg::py
