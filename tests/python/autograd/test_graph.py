"""torch.autograd.graph: nodes, what they save and the hooks on it, edges as roots and inputs, hooks on
several gradients."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc
import weakref

import pytest
from parity import CLOSE, GRADIENT, parity, scripts, subject, table

SETUP = """
import torch.autograd.graph as G
seen = []
def facts(t): return [list(t.shape), t.requires_grad, t.is_leaf, t._version, t.grad_fn.name() if t.grad_fn else None]
def pack(t): seen.append(["pack", *facts(t), torch.is_grad_enabled()]); return t.detach().clone() if not t.is_leaf else t
def unpack(t): seen.append(["unpack", list(t.shape), torch.is_grad_enabled()]); return t
def hooked(f, pack=pack, unpack=unpack):
    with G.saved_tensors_hooks(pack, unpack): return f()
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x, None, x * x); return ctx.to_save[2]
    @staticmethod
    def backward(ctx, g): x, nothing, y = ctx.saved_tensors; return 2 * g * x + 0 * y
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) / 4 + 0.5).requires_grad_()
v = (torch.arange(6.0).reshape(2, 3) / 8 + 0.25).requires_grad_()
""".replace("import torch.autograd.graph as G", "G = torch.autograd.graph")

OPERATIONS = """
w * x
w * v
w * 2
w / v
w / 2
2 / w
w.exp()
w.exp().exp()
w ** 2
w ** v
w.tanh().sin()
torch.lerp(w, v, w)
torch.addcmul(w, v, w)
torch.where(x > 2, w, v)
w.clamp(0.6, v)
w @ v.T
w.mm(x.T)
F.linear(w, v, v[:, 0][:2])
w.prod()
w.softmax(1)
w.norm()
w.std()
w[[0, 1]]
w.gather(0, torch.zeros(2, 3).long())
w.index_select(0, torch.tensor([0]))
w.masked_fill(x > 2, 1.0)
w.cumprod(0)
w.max()
torch.cat([w, v]) * 3
w.sum() + v.view(-1)[0]
F.mse_loss(w, v)
F.cross_entropy(w, torch.tensor([0, 2]))
F.layer_norm(w, (3,), v[0], v[1])
F.gelu(w)
F.prelu(w, v[0])
Square.apply(w)
(w * 1).exp_()
(w * 1).mul_(v)
(w * 1).sigmoid_().mul_(3)
(w * 1).index_put_((torch.tensor([0]),), v[0])
(w * 1).masked_fill_(x > 2, 0)
(w * 1).pow_(2)
(w * 1).copy_(v)
"""

test_what_hooks_see = table(
    "\n".join(
        f"y = hooked(lambda: {line}); seen; y.sum().backward(); seen; w.grad; v.grad"
        for line in OPERATIONS.strip().splitlines()
    ),
    setup=SETUP,
    tol=GRADIENT,
)

# (Whether a derivative was put together from a view of something is an engine's own.)
test_gradients_of_gradients_through_hooks = table(
    "\n".join(
        f"y = hooked(lambda: {line}, lambda t: t.clone(), lambda t: t); g = torch.autograd.grad(y.sum(), [w, v], create_graph=True, allow_unused=True); g; s = sum((h * h).sum() for h in g if h is not None); torch.autograd.grad(s, [w, v], allow_unused=True) if s.requires_grad else s"
        for line in OPERATIONS.strip().splitlines()
    ),
    setup=SETUP,
    tol=GRADIENT.ignoring("is_view"),
)

test_hooks = table(
    """
y = hooked(lambda: w * w, lambda t: t + 1, lambda t: t); y.sum().backward(); w.grad
y = hooked(lambda: w * v, lambda t: 5, lambda n: torch.full((2, 3), 7.0)); y.sum().backward(); w.grad; v.grad
y = hooked(lambda: w * v, lambda t: None, lambda n: n); y.sum().backward()
y = hooked(lambda: w * v, lambda t: t, lambda t: 3); y.sum().backward()
y = hooked(lambda: w * v, lambda t: t, lambda t: 3); y.grad_fn._saved_self
y = hooked(lambda: w * v, lambda t: t, lambda t: t[:1]); y.sum().backward(); w.grad
y = hooked(lambda: w * v, lambda t: t, lambda t: t[:, :2]); y.sum().backward()
y = hooked(lambda: w * v, lambda t: t, lambda t: t.double()); y.sum().backward(); w.grad
y = hooked(lambda: w * v, lambda t: t.detach().add_(1))
hooked(lambda: torch.mul(w, v), lambda: 1)
hooked(lambda: torch.mul(w, v), lambda t, u: 1)
hooked(lambda: w * v, lambda t: 1 / 0); w
y = hooked(lambda: w * v, lambda t: t, lambda t: 1 / 0); y.sum().backward()
y = hooked(lambda: w * v, lambda t: t, lambda: 1); y.sum().backward()
hooked(lambda: 1, 1, 2)
hooked(lambda: 1, None, None)
G.saved_tensors_hooks(lambda t: t)
h = G.saved_tensors_hooks(lambda t: (h.__exit__(), t)[1], lambda t: t); h.__enter__(); y = w * v; y.sum().backward(); w.grad; v.grad
h = G.saved_tensors_hooks(lambda t: (h.__exit__(), h.__enter__(), t)[2], lambda t: t); h.__enter__(); y = w * v; h.__exit__(); y.sum().backward(); w.grad; v.grad
hooked(lambda: w * v, 1, 2)
h = G.saved_tensors_hooks(pack, unpack); h.pack_hook is pack; h.unpack_hook is unpack
h = G.saved_tensors_hooks(pack, unpack); h.__enter__(); y = w * v; h.__exit__(); z = w * v; len(seen)
y = hooked(lambda: hooked(lambda: w * v, lambda t: t * 2, lambda t: t), lambda t: t * 3, lambda t: t); y.sum().backward(); w.grad
y = hooked(lambda: (hooked(lambda: w.exp(), lambda t: t * 2, lambda t: t) * v).sum(), lambda t: t * 3, lambda t: t); y.backward(); w.grad; v.grad
y = hooked(lambda: w * v); y.sum().backward(); y.sum().backward()
y = hooked(lambda: w * v); y.sum().backward(retain_graph=True); y.sum().backward(); seen; w.grad
y = hooked(lambda: w * v); y.sum().backward(); y.grad_fn._saved_self
y = hooked(lambda: w * v); y.grad_fn._saved_self; y.grad_fn._saved_other; seen
y = hooked(lambda: w * v); a = y.grad_fn._saved_self; a.is_leaf; a.requires_grad; a is w; (a * 2).sum().backward(); w.grad
y = hooked(lambda: w.exp() * v); a = y.grad_fn._saved_self; a.grad_fn; (a * 2).sum().backward(); w.grad
y = hooked(lambda: w * v); torch.autograd.grad(y.sum(), w); seen
with torch.no_grad(): y = hooked(lambda: w * v); seen
y = hooked(lambda: x * x); seen
u = w * 1; y = hooked(lambda: u * u, lambda t: t.clone(), lambda t: t); u.add_(1); y.sum().backward(); w.grad
u = w * 1; y = hooked(lambda: u * u, lambda t: t, lambda t: t); u.add_(1); y.sum().backward(); w.grad
y = hooked(lambda: w.exp(), lambda t: t.clone(), lambda t: t); y.add_(1); y.sum().backward(); w.grad
y = hooked(lambda: Square.apply(w)); f = y.grad_fn; f.saved_tensors; f.saved_tensors; seen
y = hooked(lambda: Square.apply(w)); f = y.grad_fn; len(f._raw_saved_tensors)
y = hooked(lambda: torch.where(x > 2, w, v), lambda t: 1 - t.int(), lambda t: t.bool()); y.sum().backward(); w.grad; v.grad
y = hooked(lambda: w * v, lambda t: t.numpy(force=True), lambda a: torch.from_numpy(a)); y.sum().backward(); w.grad
a = w.detach().requires_grad_(); y = hooked(lambda: a * a, lambda t: t.half(), lambda t: t.float()); (g,) = torch.autograd.grad(y.sum(), a, create_graph=True); g; torch.autograd.grad(g.sum(), a)
""",
    setup=SETUP,
    tol=CLOSE,
)


@parity
def test_what_was_unpacked_before_an_error(torch):
    """It is put back: the next pass unpacks it again."""
    calls, failing = [], True

    def unpack(t):
        calls.append(t.tolist())
        if failing and len(calls) == 2:
            raise ValueError("no")
        return t

    x, w = torch.tensor([1.0], requires_grad=True), torch.tensor([2.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), unpack):
        y = x * w
    yield lambda: y.backward(retain_graph=True)
    failing = False
    y.backward()
    yield calls, x.grad, w.grad


test_disabling_hooks = scripts(
    nested="""
message = torch._C._autograd._saved_tensors_hooks_get_disabled_error_message
with torch.autograd.graph.disable_saved_tensors_hooks("first"):
    message()
    with torch.autograd.graph.disable_saved_tensors_hooks("second"): message()
    inner = message()
after = message()
torch._C._autograd._saved_tensors_hooks_is_enabled()
""",
    refused="""
def inside(message):
    with torch.autograd.graph.disable_saved_tensors_hooks(message):
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t): return "set"
def outside(message):
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        with torch.autograd.graph.disable_saved_tensors_hooks(message): return "disabled"
inside("not here")
outside("not now")
torch._C._autograd._saved_tensors_hooks_is_enabled()
w = torch.ones(2, requires_grad=True)
(w * w).sum().backward()
w.grad
""",
    while_set="""
A = torch._C._autograd
def disable(**how):
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t): A._saved_tensors_hooks_disable("not now", **how)
disable()
A._saved_tensors_hooks_is_enabled()
A._saved_tensors_hooks_enable()
disable(fail_if_non_empty=False)
A._saved_tensors_hooks_get_disabled_error_message()
A._saved_tensors_hooks_enable()
""",
)

test_raw_saved_tensors = table(
    """
y = w * v; y.grad_fn._raw_saved_self.register_hooks(pack, unpack); seen; y.sum().backward(); seen; w.grad; v.grad
y = w * v; y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 2, lambda t: t); y.sum().backward(); w.grad; v.grad
y = w.exp(); y.grad_fn._raw_saved_result.register_hooks(pack, unpack); seen; y.sum().backward(); w.grad
y = w.exp(); z = y * y; z.grad_fn._raw_saved_self.register_hooks(pack, unpack); seen; z.sum().backward(); w.grad
y = w * w; s = y.grad_fn._raw_saved_self; s.register_hooks(pack, unpack); s.register_hooks(pack, unpack)
y = hooked(lambda: w * w); y.grad_fn._raw_saved_self.register_hooks(pack, unpack)
y = w * x; y.grad_fn._raw_saved_self.register_hooks(pack, unpack)
y = w * 2; y.grad_fn._raw_saved_self.register_hooks(pack, unpack)
y = w * 2; y.grad_fn._raw_saved_other.register_hooks(lambda t: t + 1, lambda t: t); y.grad_fn._saved_other; y.sum().backward(); w.grad
y = w / 2; y.grad_fn._raw_saved_other.register_hooks(lambda t: t + 2, lambda t: t); y.sum().backward(); w.grad
y = w ** 2; hasattr(y.grad_fn, "_raw_saved_exponent"); y.grad_fn._saved_exponent
y = w.exp(); s = y.grad_fn._raw_saved_result; y.sum().backward(); s.register_hooks(pack, unpack)
y = w.exp(); y.sum().backward(); s = y.grad_fn._raw_saved_result; s.register_hooks(pack, unpack)
y = w * w; y.grad_fn._raw_saved_self.register_hooks(lambda t: t.add_(1), unpack)
y = w[[0, 1]]; r = y.grad_fn._raw_saved_indices; len(r); r[0].register_hooks(lambda t: 1 - t, lambda t: t); y.grad_fn._saved_indices; (y * x).sum().backward(); w.grad
y = Square.apply(w); r = y.grad_fn._raw_saved_tensors; len(r); r[0].register_hooks(lambda t: t * 3, lambda t: t); y.sum().backward(); w.grad
y = Square.apply(w); y.grad_fn._raw_saved_tensors[1].register_hooks(pack, unpack)
torch._C._autograd.SavedTensor()
u = w * 1; y = u * u; y.grad_fn._raw_saved_self.register_hooks(lambda t: t.clone(), lambda t: t); u.mul_(2); y.sum().backward()
u = w * 1; y = u * x; u.mul_(2); y.grad_fn._raw_saved_other.register_hooks(lambda t: t.clone(), lambda t: t); y.sum().backward(); w.grad
u = w * 1; y = u * u; u.mul_(2); y.grad_fn._raw_saved_other.register_hooks(lambda t: t.clone(), lambda t: t)
[n for n in dir((w * v).grad_fn) if n.startswith("_raw")]
[n for n in dir(torch.where(x > 1, w, v).grad_fn) if n.startswith("_raw")]
[n for n in dir((w + v).grad_fn) if n.startswith("_raw")]
f = w.clamp(max=v).grad_fn; [n for n in dir(f) if "_saved" in n]; f._saved_min; f._raw_saved_min.data; f._raw_saved_max.data
f = w.clamp(min=v).grad_fn; f._raw_saved_max.data; f._raw_saved_max.register_hooks(pack, unpack)
f = w.clamp(max=2.0).grad_fn; [n for n in dir(f) if "_saved" in n]; f._saved_min
type((w * v).grad_fn._raw_saved_self).__name__
s = (w * v).grad_fn._raw_saved_self; s.unpack() is w; s.register_hooks(lambda t: t * 2, lambda t: t * 3); s.unpack()
y = w * v; s = y.grad_fn._raw_saved_self; y.sum().backward(); s.unpack()
y = w * x; y.grad_fn._raw_saved_self.unpack()
y = w[[0, 1]]; y.sum().backward(); y.grad_fn._raw_saved_indices
""",
    setup=SETUP,
    tol=CLOSE,
)

test_edges = table(
    """
y = w.exp(); torch.autograd.grad(G.get_gradient_edge(y), w, torch.ones(2, 3))
y = w.exp(); torch.autograd.grad(G.get_gradient_edge(y.sum()), w)
y = w.exp(); torch.autograd.grad(G.get_gradient_edge(y), w)
y = w.exp(); torch.autograd.grad(G.get_gradient_edge(y), w, torch.ones(3))
y = w.exp(); torch.autograd.grad(y.sum(), G.get_gradient_edge(y))
y = w.exp(); torch.autograd.grad(y.sum(), [G.get_gradient_edge(y), w, G.get_gradient_edge(w)])
y = w.exp(); torch.autograd.grad(y.sum(), {"a": G.get_gradient_edge(y), "b": w})
y = w.exp(); torch.autograd.grad(y.sum(), G.get_gradient_edge(v))
y = w.exp(); torch.autograd.grad(y.sum(), G.get_gradient_edge(v), allow_unused=True)
y = w.exp(); torch.autograd.grad(y.sum(), G.get_gradient_edge(v), materialize_grads=True)
y = w.exp(); torch.autograd.grad(y.sum(), [w, G.get_gradient_edge(y)], materialize_grads=True)
y = w.exp(); torch.autograd.backward(G.get_gradient_edge(y), torch.ones(2, 3)); w.grad
y = w.exp(); torch.autograd.backward([G.get_gradient_edge(y), v.sum()], [torch.ones(2, 3), None]); w.grad; v.grad
y = w.exp(); torch.autograd.backward(G.get_gradient_edge(y)); w.grad
y = w.exp(); y.sum().backward(inputs=[G.get_gradient_edge(w)]); w.grad
y = w.exp() * v; y.sum().backward(inputs=[G.get_gradient_edge(w)]); w.grad; v.grad
y = w.exp() * v; y.sum().backward(inputs=G.get_gradient_edge(w)); w.grad; v.grad
y = w.exp(); (y * v).sum().backward(inputs=[G.get_gradient_edge(y)]); w.grad; v.grad
G.get_gradient_edge(x)
G.get_gradient_edge(torch.no_grad()(lambda: w.view(3, 2))())
torch.autograd.grad((w.exp().grad_fn, 0), w)
torch.autograd.grad(G.GradientEdge(w.exp().grad_fn, 1), w, torch.ones(2, 3))
torch.autograd.grad(w.exp(), G.GradientEdge(None, 0), torch.ones(2, 3))
w.exp().sum().backward(inputs=[G.GradientEdge(3, 0)])
e = G.get_gradient_edge(w.exp()); e.node; e.output_nr; e.ownership_token; len(e); e._fields
e = G.get_gradient_edge(w); e.node; e.node.variable is w
e = G.get_gradient_edge(torch.stack([w, v]).unbind()[1]); e.output_nr
a, b = torch.stack([w, v]).unbind(); torch.autograd.grad([G.get_gradient_edge(b)], [w, v], [torch.ones(2, 3)], allow_unused=True)
y = (w * 1); u = y[0]; u.mul_(3); torch.autograd.grad(G.get_gradient_edge(y), w, torch.ones(2, 3))
e = G.get_gradient_edge(w.exp() * v); torch.autograd.grad(e, [w, v], torch.ones(2, 3), create_graph=True)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_nodes = table(
    """
isinstance((w * v).grad_fn, G.Node)
isinstance(G.get_gradient_edge(w).node, G.Node)
isinstance(Square.apply(w).grad_fn, G.Node)
issubclass(Square, G.Node), issubclass(type(Square.apply(w).grad_fn), G.Node), issubclass(torch.autograd.Function, G.Node)
isinstance(w, G.Node), isinstance(None, G.Node), issubclass(int, G.Node), issubclass(type((w * v).grad_fn), G.Node)
G.Node()
y = torch.stack([w, v]); f = y.grad_fn; len(f._input_metadata); m = f._input_metadata[0]; m.shape; m.dtype; m.device; m.is_nested_tensor
f = torch.stack([w, v]).unbind()[0].grad_fn; [m.shape for m in f._input_metadata]
f = w.double().max(0).values.grad_fn; [(m.shape, m.dtype) for m in f._input_metadata]
f = w.exp().grad_fn; g = w.exp().grad_fn; g._sequence_nr() - f._sequence_nr()
f = w.exp().grad_fn; f._set_sequence_nr(5); f._sequence_nr()
f = Square.apply(w).grad_fn; f._input_metadata[0].shape
torch._C._current_graph_task_id()
torch._C._will_engine_execute_node(w.exp().grad_fn)
w.register_hook(lambda g: seen.append(torch._C._current_graph_task_id() >= 0)); w.exp().sum().backward(); seen
y = w.exp(); n = y.grad_fn; m = v.exp().grad_fn; y.register_hook(lambda g: seen.extend([torch._C._will_engine_execute_node(n), torch._C._will_engine_execute_node(m)])); y.sum().backward(); seen
y = w.exp(); n = G.get_gradient_edge(w).node; y.register_hook(lambda g: seen.append(torch._C._will_engine_execute_node(n))); torch.autograd.grad(y.sum(), w)
G.increment_version(x); x._version
G.increment_version([x, w]); x._version; w._version
G.increment_version(iter([x, x])); x._version
G.increment_version(3)
G.increment_version([3])
G.increment_version([x, 3]); x._version
u = w * 1; y = u * u; G.increment_version(u); y.sum().backward()
G.set_warn_on_accumulate_grad_stream_mismatch(False)
G.set_warn_on_accumulate_grad_stream_mismatch(1)
G.set_override_stale_capture_stream(True)
G.set_override_stale_capture_stream(None)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_hooks_on_several_gradients = table(
    """
h = G.register_multi_grad_hook((w, v), seen.append); (w * v).sum().backward(); seen; h.remove(); (w * v).sum().backward(); len(seen)
h = G.register_multi_grad_hook((w, v), seen.append); w.exp().sum().backward(); seen
h = G.register_multi_grad_hook((w, w), seen.append); (w * v).sum().backward(); seen
h = G.register_multi_grad_hook((w, v), seen.append); (w * v).sum().backward(); (w + v).sum().backward(); seen
a = w * 2; b = v * 3; h = G.register_multi_grad_hook((a, b), seen.append); torch.autograd.grad((a * b).sum(), w); seen
a = w * 2; b = v * 3; h = G.register_multi_grad_hook((a, b), seen.append); torch.autograd.grad((a * b).sum(), [a]); seen
a = w * 2; b = v * 3; h = G.register_multi_grad_hook((a, b), seen.append); (a * b).sum().backward(inputs=[w]); seen
h = G.register_multi_grad_hook((w, v), seen.append); torch.autograd.grad((w * v).sum(), [w])
h = G.register_multi_grad_hook((w, v), seen.append, mode="any"); (w * v).sum().backward(); (w * v).sum().backward(); len(seen); seen
h = G.register_multi_grad_hook((w, v), seen.append, mode="any"); torch.autograd.grad((w * v).sum(), [w]); seen; h.remove()
h = G.register_multi_grad_hook((x, w), seen.append, mode="any"); w.sum().backward(); seen
G.register_multi_grad_hook((w, v), seen.append, mode="some")
G.register_multi_grad_hook((x, w), seen.append)
G.register_multi_grad_hook(3, seen.append)
h = G.register_multi_grad_hook([], seen.append); h.remove()
h = G.register_multi_grad_hook((w, v), lambda grads: 1 / 0); (w * v).sum().backward()
a, b = torch.stack([w, v]).unbind(); h = G.register_multi_grad_hook((a, b), seen.append); a.sum().backward(); seen
type(G.register_multi_grad_hook((w,), seen.append)).__name__
""",
    setup=SETUP,
    tol=CLOSE,
)

test_writing_to_saved_tensors = scripts(
    tol=CLOSE,
    before_a_write="""
w = torch.arange(1.0, 4.0).requires_grad_()
with torch.autograd.graph.allow_mutation_on_saved_tensors() as context:
    b = w.clone()
    y = (b**2).sum()
    sizes = [len(context.cloned), len(context.original)]
    b.sin_()
    then = [len(context.cloned), len(context.original)]
    y.backward()
w.grad
y = w.exp()
y.add_(1)
y.sum().backward()
""",
    kinds_of_writes="""
def after(write, f=lambda b: b * b):
    w = torch.arange(1.0, 4.0).requires_grad_()
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = w.clone()
        y = f(b)
        write(b)
        y.sum().backward()
        return w.grad, b.detach()
after(lambda b: b.zero_())
after(lambda b: b.mul_(b))
after(lambda b: b[:2].fill_(7))
after(lambda b: b.__setitem__(0, 5))
after(lambda b: b.index_fill_(0, torch.tensor([1]), 3))
after(lambda b: b.masked_fill_(b > 1, 0))
after(lambda b: b.copy_(torch.zeros(3)))
after(lambda b: torch.add(torch.ones(3), 1, out=b.detach()))
after(lambda b: b.detach().zero_())
after(lambda b: b.zero_().add_(1).mul_(2))
after(lambda b: b.exp_(), lambda b: b.view(3, 1).sin())
after(lambda b: b.t_(), lambda b: b.sin())
after(lambda b: b.uniform_() and None, lambda b: b.cos())
""",
    results="""
w = torch.arange(1.0, 4.0).requires_grad_()
with torch.autograd.graph.allow_mutation_on_saved_tensors():
    y = w.exp()
    z = y.tanh()
    y.add_(1)
    z.mul_(0)
    (y + z).sum().backward()
w.grad
""",
    outside="""
w = torch.arange(1.0, 4.0).requires_grad_()
with torch.autograd.graph.allow_mutation_on_saved_tensors(): y = (w**2).sum()
y.backward()
def nested():
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        with torch.autograd.graph.allow_mutation_on_saved_tensors(): pass
nested()
with torch.autograd.graph.allow_mutation_on_saved_tensors() as context: names = [n for n in dir(context) if n in ("clear", "cloned", "original")]
""",
)


@parity(tol=GRADIENT, dtype=["float32", "float64", "bfloat16"])
def test_saving_on_the_cpu(torch, dtype):
    w = torch.ones(2, 3, dtype=getattr(torch, dtype), requires_grad=True)
    for options in ({}, {"pin_memory": False}, {"device_type": "cuda"}):
        with torch.autograd.graph.save_on_cpu(**options):
            y = (w * w).exp() @ w.t()
        y.sum().backward()
        yield w.grad


@pytest.mark.parametrize("wrap", [list, tuple, lambda t: {"t": t}], ids=["list", "tuple", "dict"])
def test_what_hooks_keep_is_collected(wrap):
    """A packed object that leads back to the graph is garbage with it, result and all."""
    torch = subject()

    class Token:
        pass

    token = Token()
    w = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t, token=token: (wrap(t), token), lambda p: p[0]
    ):
        y = w.exp()
        y.back = y
    gone = weakref.ref(token)
    del token, w, y
    gc.collect()
    assert gone() is None


def test_writing_to_a_view_of_what_is_saved():
    """PyTorch goes by the address of the first element and misses this one."""
    torch = subject()
    w = torch.arange(1.0, 4.0).requires_grad_()
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = w.clone()
        y = b[:2] * b[1:]
        b.zero_()
        y.sum().backward()
    assert w.grad.tolist() == [2, 4, 2]
