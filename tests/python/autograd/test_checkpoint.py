"""torch.utils.checkpoint: both ways to run a function again in the backward pass, against PyTorch."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, parity, scripts, table

SETUP = """
import functools
C = torch.utils.checkpoint
G = torch.autograd.graph
calls = []
class Log:
    def __init__(self, name): self.name = name
    def __enter__(self): calls.append("enter " + self.name)
    def __exit__(self, *error): calls.append(["exit " + self.name, error[0]])
def logs(): calls.append("contexts"); return Log("first"), Log("again")
def again(f, *a, **k): return C.checkpoint(f, *a, use_reentrant=False, **k)
def node(f, *a, **k): return C.checkpoint(f, *a, use_reentrant=True, **k)
def f(*a, **k): calls.append("f"); return functools.reduce(lambda x, y: x * y, [t.sin() for t in [*a, *k.values()]]).exp()
def deep(a, depth, **k): calls.append(depth); return a.sin().exp() if depth == 0 else again(deep, a.cos(), depth - 1, **k).sin() * 2
def fickle(first, then, **k): runs = iter([first] + 9 * [then]); return again(lambda a: next(runs)(a), w, **k)
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): calls.append("forward"); ctx.save_for_backward(x, None, x * x); return ctx.to_save[2]
    @staticmethod
    def backward(ctx, g): x, nothing, y = ctx.saved_tensors; return 2 * g * x + 0 * y
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) / 4 + 0.5).requires_grad_()
v = (torch.arange(6.0).reshape(2, 3) / 8 + 0.25).requires_grad_()
"""

test_calls_and_gradients = table(
    """
y = again(f, w); y; calls; y.sum().backward(); calls; w.grad
y = again(f, w, v); y.sum().backward(); calls; w.grad; v.grad
y = again(f, w, b=v, c=x); y.sum().backward(); calls; w.grad; v.grad
y = again(f, w, x); z = again(f, y, v); z.sum().backward(); calls; w.grad; v.grad
y = again(lambda: f(w, v)); y.sum().backward(); calls; w.grad; v.grad
y = again(f, x); y; y.requires_grad; calls
y = again(lambda a, s: f(a) * s, w, 2.5); y.sum().backward(); w.grad; calls
y = again(f, w); y.sum().backward(); y.sum().backward()
y = again(f, w); y.sum().backward(retain_graph=True); y.sum().backward(retain_graph=True); calls; y.sum().backward(); calls; w.grad
y = again(f, w, v); torch.autograd.grad(y.sum(), w); calls; w.grad
y = again(f, w, v); torch.autograd.grad(y.sum(), [v, w]); calls
y = again(f, w, v); y.sum().backward(inputs=[v]); calls; w.grad; v.grad
y = again(f, w, v); torch.autograd.grad(y, v, torch.ones(2, 3)); calls
y = again(lambda a: a, w); y is w; y.sum().backward(); w.grad
y = again(lambda a: a.view(-1), w); y.sum().backward(); w.grad; calls
y = again(lambda a: a + 1, w); y.sum().backward(); w.grad
y = again(f, w.detach()); y.requires_grad
y = again(lambda a: f(a.detach()) * a, w); y.sum().backward(); calls; w.grad
y = again(lambda a: f(a).detach(), w); y.requires_grad; calls
a = w.detach().requires_grad_(); y = again(f, a, w); y.sum().backward(); a.grad; w.grad; calls
y = again(f, w); z = y * v; z.sum().backward(); calls; w.grad; v.grad
y = again(f, w) + again(f, w); y.sum().backward(); calls; w.grad
y = again(f, w); y.register_hook(lambda g: calls.append(g)); y.retain_grad(); y.sum().backward(); y.grad; calls
y = again(lambda a: (f(a), f(v)), w); y[0].sum().backward(retain_graph=True); calls; y[1].sum().backward(); calls; w.grad; v.grad
y = again(lambda a: (f(a), 3, None, "s", {"b": [f(v)]}), w); y; y[4]["b"][0].sum().backward(); calls; v.grad; w.grad
y = again(lambda d, *rest: f(d["a"][0], rest[1]), {"a": [w]}, 3, v); y.sum().backward(); calls; w.grad; v.grad
y = again(lambda d: d, {"a": w}); y["a"] is w
y = again(lambda a: None, w); y
y = again(Square.apply, w); y.sum().backward(); calls; w.grad
y = again(lambda a: Square.apply(a.exp()), w); torch.autograd.grad(y.sum(), w, create_graph=True); calls
y = again(lambda a: F.cross_entropy(a * v, torch.tensor([0, 2])), w); y.backward(); w.grad; v.grad
y = again(lambda a: a[torch.tensor([0, 0])].exp(), w); y.sum().backward(); w.grad
y = again(lambda a: torch.where(x > 2, a, v).exp(), w); y.sum().backward(); w.grad; v.grad
y = again(lambda a: (a * 1).sin_().add_(v).exp_(), w); y.sum().backward(); w.grad; v.grad
y = again(lambda a: (a * 1).sin_().add_(v).exp_().sin(), w, early_stop=False); y.sum().backward(); w.grad; v.grad
y = again(lambda a: a.double().sin().float(), w); y.sum().backward(); w.grad
y = again(lambda a: a.split(1), w); (y[0] * y[1]).sum().backward(); w.grad
y = again(lambda a: torch.cat([a, again(f, a)]).exp(), w); y.sum().backward(); w.grad; calls
y = again(f, w.T[1:].T); y.sum().backward(); w.grad
y = again(f, w); y.grad_fn._saved_result; calls; y.grad_fn._saved_result; calls; y.sum().backward(); calls; w.grad
y = again(lambda a: f(a).sin(), w); y.grad_fn._saved_self.grad_fn; calls
y = again(f, w[:0]); y.sum().backward(); w.grad; calls
y = again(f, w.to(torch.float64)); y.sum().backward(); w.grad; calls
y = again(f, w.to(torch.bfloat16)); y.sum().backward(); w.grad.shape; calls
g = torch.autograd.grad(again(f, w, v).sum(), [w, v], create_graph=True); calls; g; sum((t * t).sum() for t in g).backward(); calls; w.grad; v.grad
g = torch.autograd.grad(again(Square.apply, w).sum(), w, create_graph=True)[0]; (g * g).sum().backward(); w.grad; calls
g = torch.autograd.grad(again(f, w).sum(), w, create_graph=True)[0]; h = torch.autograd.grad(g.sum(), w, create_graph=True)[0]; torch.autograd.grad(h.sum(), w); calls
torch.autograd.gradcheck(lambda a: again(lambda b: b.sin().exp() * b, a), torch.rand(3, dtype=torch.float64, requires_grad=True))
torch.autograd.gradgradcheck(lambda a: again(lambda b: b.sin().exp() * b, a), torch.rand(3, dtype=torch.float64, requires_grad=True))
torch.autograd.functional.hessian(lambda a: again(lambda b: (b.sin().exp() * b).sum(), a), torch.arange(3.0))
with torch.no_grad(): y = again(f, w)
with torch.no_grad(): y = again(f, w, context_fn=logs)
y = torch.no_grad()(lambda: again(torch.enable_grad()(f), w))(); y; y.sum().backward(); calls; w.grad
y = again(lambda a: torch.no_grad()(f)(a) * a, w); y.sum().backward(); calls; w.grad
y = again(lambda a: calls.append(torch.is_grad_enabled()) or a.exp(), w); torch.autograd.grad(y.sum(), w, retain_graph=True); torch.autograd.grad(y.sum(), w, create_graph=True); calls; torch.is_grad_enabled()
C.checkpoint.__name__; C.checkpoint.__module__[-16:]
""",
    setup=SETUP,
    tol=GRADIENT.ignoring("is_view"),
)

test_nesting = table(
    "\n".join(
        f"y = deep(w, {depth}, early_stop={stop}); calls; y.sum().backward(retain_graph=True); calls; w.grad; y.sum().backward(); calls; w.grad"
        for depth in (1, 2, 3, 6)
        for stop in (True, False)
    )
    + """
y = again(deep, w, 2); g = torch.autograd.grad(y.sum(), w, create_graph=True)[0]; calls; g.sum().backward(); calls; w.grad
y = again(lambda a: f(again(f, again(f, a) * 2)), w); y.sum().backward(); calls; w.grad
y = again(lambda a: again(f, a) + again(f, a.exp()) * again(f, a), w); y.sum().backward(); calls; w.grad
y = again(lambda a: again(f, a, v), w); torch.autograd.grad(y.sum(), v); calls
y = again(lambda a: again(f, a, b=v), w); y.sum().backward(); calls; w.grad; v.grad
y = again(lambda a: again(lambda: f(a)), w); y.sum().backward(); calls; w.grad
y = again(lambda a: node(f, a.sin()), w); y.sum().backward(); calls; w.grad
y = node(lambda a: again(f, a.sin()), w); y.sum().backward(); calls; w.grad
y = node(lambda a: node(f, node(f, a)), w); y.sum().backward(); calls; w.grad
y = again(lambda a: again(lambda b: node(lambda c: again(f, c), b), a), w); y.sum().backward(); calls; w.grad
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_early_stop = table(
    """
y = again(lambda a: (f(a), calls.append("end"))[0], w); y.sum().backward(); calls; w.grad
y = again(lambda a: (f(a), calls.append("end"))[0], w, early_stop=False); y.sum().backward(); calls; w.grad
with C.set_checkpoint_early_stop(False): y = again(lambda a: (f(a), calls.append("end"))[0], w)
with C.set_checkpoint_early_stop(True): y = again(lambda a: (f(a), calls.append("end"))[0], w, early_stop=False)
with C.set_checkpoint_early_stop(False): y = deep(w, 2)
s = C.set_checkpoint_early_stop(False); y = again(lambda a: (f(a), calls.append("end"))[0], w); y.sum().backward(); calls
s = C.set_checkpoint_early_stop(False); s.__enter__(); s.__exit__(None, None, None); y = again(lambda a: (f(a), calls.append("end"))[0], w); y.sum().backward(); calls
y = again(f, w, context_fn=logs); calls; y.sum().backward(retain_graph=True); calls; y.sum().backward(); calls
y = again(f, w, context_fn=logs, early_stop=False); y.sum().backward(); calls
y = again(f, w, context_fn=functools.partial(logs)); y.sum().backward(); calls
y = again(lambda a: 1 / 0, w, context_fn=logs)
y = again(f, w, context_fn=lambda: 1)
y = again(f, w, context_fn=lambda: (1, 2))
y = again(f, w, context_fn=3)
y = again(f, w, context_fn=C.noop_context_fn); y.sum().backward(); calls
a, b = C.noop_context_fn(); a is b; type(a)
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_early_stop_holds_at_the_call = scripts(
    tol=GRADIENT,
    inside="""
w = torch.arange(1.0, 4.0).requires_grad_()
calls = []
def f(a):
    y = a.sin().exp()
    calls.append("end")
    return y
with torch.utils.checkpoint.set_checkpoint_early_stop(False):
    y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y.sum().backward()
with torch.utils.checkpoint.set_checkpoint_early_stop(False):
    with torch.utils.checkpoint.set_checkpoint_early_stop(True):
        y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False, early_stop=False)
    z = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y.sum().backward()
z.sum().backward()
w.grad
""",
    after_an_error="""
w = torch.arange(1.0, 4.0).requires_grad_()
calls = []
def f(a):
    y = a.sin().exp()
    calls.append("end")
    return y
def fail():
    with torch.utils.checkpoint.set_checkpoint_early_stop(False):
        1 / 0
fail()
y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y.sum().backward()
""",
)

DIFFERING = {
    "fewer": "lambda a: a.sin().exp(), lambda a: a.exp()",
    "none": "lambda a: a.sin().exp(), lambda a: a",
    "more": "lambda a: a.sin().exp(), lambda a: a.cos().sin().exp().tanh()",
    "more, then as before": "lambda a: a.sin().exp(), lambda a: (a.sin().exp(), a.exp())",
    "shapes": "lambda a: (a * 1).sin().exp().sum(), lambda a: torch.cat([a, a]).sin().exp().sum()",
    "dtypes": "lambda a: (a * 1).sin().exp().sum(), lambda a: a.double().sin().exp().sum()",
    "one": "lambda a: a.sin() * a.sum(), lambda a: a.sin() * a[0]",
    "no grad": "lambda a: a.sin().exp(), torch.no_grad()(lambda a: a.sin().exp())",
    "failure": "lambda a: a.sin().exp(), lambda a: a.sin() / 'a'",
    "values": "lambda a: a.sin().exp(), lambda a: a.cos().exp()",
}

test_what_differs = table(
    "\n".join(
        f"y = fickle({functions}, {options}); y.sum().backward(); w.grad"
        for functions in DIFFERING.values()
        for options in (
            "early_stop=True",
            "early_stop=False",
            "determinism_check='none'",
            "early_stop=False, determinism_check='none', preserve_rng_state=False",
        )
    )
    + """
y = fickle(lambda a: a.sin().exp(), lambda a: a.exp()); y.sum().backward(retain_graph=True)
y = again(f, w, determinism_check="other")
y = again(f, w, determinism_check=None)
y = again(3, w, determinism_check=3, context_fn=4)
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_errors = table(
    """
y = C.checkpoint(f, w)
y = C.checkpoint(f, x)
y = C.checkpoint(f, w, use_reentrant=None, preserve_rng_state=False)
y = C.checkpoint(f, w, b=3)
y = C.checkpoint()
y = C.checkpoint(use_reentrant=False)
y = C.checkpoint(function=f, use_reentrant=False, a=w); y.sum().backward(); w.grad
y = node(f, w, b=v, c=3)
y = again(lambda a: a, w, b=v, c=3)
y = node(f, w, context_fn=logs)
y = node(f, w, debug=True)
y = node(f, w, debug=0)
y = node(f, w, debug=None)
y = node(f, w, b=1, debug=True)
y = node(f, w, context_fn=C.noop_context_fn, debug=False, determinism_check=7, early_stop=False); calls
y = again(f, w, debug=True, context_fn=logs)
y = again(f, w, debug=True, context_fn=logs, determinism_check="other")
y = again(f, w, debug=0, context_fn=logs)
y = again(3, w)
y = node(3, w)
y = C.checkpoint(f, w, use_reentrant=0); y.grad_fn
y = C.checkpoint(f, w, use_reentrant="False"); y.grad_fn
y = again(f, w, early_stop=0); y.sum().backward(); calls
y = again(lambda a: 1 / 0, w)
y = again(lambda a: w.add_(1), w)
y = again(f, w, preserve_rng_state="no"); y.sum().backward(); w.grad
a = w * 1; y = again(f, a); a.add_(1); y.sum().backward()
a = w * 1; y = again(f, x, b=a); a.add_(1); y.sum().backward(); w.grad
a = w * 1; y = again(lambda b: b + 1, a); a.add_(1); y.sum().backward(); w.grad
a = w.detach(); y = again(f, v, a); a.add_(1); y.sum().backward()
y = again(f, w); w.data.add_(1); y.sum().backward(); w.grad
a = w * 2; y = again(lambda b: b.mul_(v).sin(), a); a; y.sum().backward()
a = w * 2; y = again(lambda b: b.mul_(v), a); a; y.sum().backward()
a = torch.ones(2, 3); y = again(lambda b: a.mul_(2) * b, v); y.sum().backward(); a; v.grad
y = again(f, w); y.add_(1); y.sum().backward(); w.grad
y = again(f, w) * 1; y.mul_(v); y.sum().backward(); w.grad; v.grad
class Twice(Square): backward = staticmethod(lambda ctx, g: ctx.saved_tensors[0] * ctx.saved_tensors[2])
raise C.CheckpointError("a", 3)
issubclass(C.CheckpointError, RuntimeError); C.CheckpointError.__mro__
with G.disable_saved_tensors_hooks("not here"): y = again(f, w)
with G.disable_saved_tensors_hooks("not here"): y = node(f, w)
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_exceptions_and_catching = scripts(
    tol=GRADIENT,
    a_second_attempt="""
w = torch.arange(1.0, 4.0).requires_grad_()
calls = []
def f(a):
    calls.append(torch.is_grad_enabled())
    if len(calls) == 2:
        raise KeyError("second")
    return (a * 2).sin()
y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y.sum().backward(retain_graph=True)
torch.is_grad_enabled()
z = (w * w).sum()
z.grad_fn.next_functions[0][0]._saved_self
y.sum().backward()
w.grad
""",
    the_first_attempt="""
w = torch.arange(1.0, 4.0).requires_grad_()
kept = []
def f(a):
    kept.append(a.sin().exp())
    raise ValueError("first")
torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y = kept[0] * w
y.grad_fn._saved_other
torch.utils.checkpoint.checkpoint(f, w, use_reentrant=True)
torch.is_grad_enabled()
w.exp().grad_fn._saved_result
""",
    everything_is_caught="""
w = torch.arange(1.0, 4.0).requires_grad_()
caught = []
def f(a):
    try:
        return (a * 2).sin()
    except Exception as error:
        caught.append(type(error).__name__)
        return a
    finally:
        caught.append("finally")
y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
y.sum().backward()
w.grad
""",
    a_debugging_hook_twice="""
w = torch.arange(1.0, 4.0).requires_grad_()
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0] + ctx.saved_tensors[0]
y = torch.utils.checkpoint.checkpoint(Twice.apply, w, use_reentrant=False)
y.sum().backward()
""",
)

test_hooks_around = table(
    """
y = hooked(lambda: again(lambda a, c, n, b: f(a, c, b) * n, w * 1, x, 5, b=v)); seen; y.sum().backward(); seen; w.grad; v.grad
y = hooked(lambda: again(lambda a: a + 1, w)); y.sum().backward(); seen
y = hooked(lambda: again(lambda: f(w))); y.sum().backward(); seen
y = hooked(lambda: again(f, x)); seen
y = hooked(lambda: again(f, again(f, w))); y.sum().backward(); seen; calls; w.grad
y = hooked(lambda: again(f, w) * v); y.sum().backward(retain_graph=True); y.sum().backward(); seen; w.grad; v.grad
y = hooked(lambda: node(f, w, v)); y.sum().backward(); seen; w.grad; v.grad
y = again(lambda a: hooked(lambda: a.exp() * v).sin(), w); y.sum().backward(); seen; w.grad; v.grad
y = hooked(lambda: again(f, w), lambda t: t + 1, lambda t: t); y.sum().backward(); w.grad
y = hooked(lambda: again(f, w), lambda t: 1 / 0); seen
y = hooked(lambda: again(f, w), unpack=lambda t: 1 / 0); y.sum().backward()
with G.save_on_cpu(): y = again(f, w)
y = again(f, w); hooked(lambda: y.sum().backward()); seen; w.grad
y = again(f, w); y.grad_fn._raw_saved_result.register_hooks(pack, unpack)
with G.allow_mutation_on_saved_tensors() as m: a = w * 1; y = again(f, a); a.add_(1); y.sum().backward()
w.grad
h = G.register_multi_grad_hook((w, v), seen.append); y = again(f, w, v); y.sum().backward(); seen
w.register_hook(lambda g: seen.append(g)); y = again(lambda a: (a * 2).sin(), w); y.sum().backward(); seen
y = again(lambda a: kept.append(a * 2) or kept[-1].register_hook(seen.append) and kept[-1].sin(), w); y.sum().backward(); len(seen); w.grad
w.register_post_accumulate_grad_hook(lambda t: t.data.zero_()); y = again(f, w); y.sum().backward(); w
""",
    setup=SETUP
    + """
seen = []
kept = []
def facts(t): return [list(t.shape), t.requires_grad, t.is_leaf, t.grad_fn.name() if t.grad_fn else None]
def pack(t): seen.append(["pack", *facts(t), torch.is_grad_enabled()]); return t
def unpack(t): seen.append(["unpack", *facts(t), torch.is_grad_enabled()]); return t
def hooked(f, pack=pack, unpack=unpack):
    with G.saved_tensors_hooks(pack, unpack): return f()
""",
    tol=GRADIENT,
)

test_passes_within = scripts(
    tol=GRADIENT,
    **{
        name: f"""
calls = []
w = torch.arange(1.0, 4.0).requires_grad_()
def f(a):
    calls.append("f")
    b = (a * 2).sin()
    {line}
    return b.exp() * a.cos()
y = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False, early_stop=True)
w.grad
y.sum().backward()
z = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False, early_stop=False)
z.sum().backward()
"""
        for name, line in {
            "graph_created": "b = b * torch.autograd.grad(b.sum(), a, create_graph=True)[0]",
            "graph_kept": "b = b * torch.autograd.grad(b.sum(), a, retain_graph=True)[0]",
            "graph_freed": "b.sum().backward(); b = b.detach()",
            "graph_of_another": "b = b * torch.autograd.grad(a.exp().sum(), a)[0]",
            "in_between": "b = b.sin(); c = torch.autograd.grad(b.sum(), a, create_graph=True)[0]; b = c.sin() * torch.autograd.grad(c.sum(), a, create_graph=True)[0]",
        }.items()
    },
)

test_groups = scripts(
    tol=GRADIENT,
    shared="""
calls = []
w = torch.arange(1.0, 4.0).requires_grad_()
v = torch.arange(2.0, 5.0).requires_grad_()
def f(a, b):
    calls.append("f")
    return a.sin().exp(), (b * b).cos()
y, z = torch.utils.checkpoint.checkpoint(f, w, v, use_reentrant=False)
def passes():
    return torch.autograd.grad(y.sum(), w, retain_graph=True), torch.autograd.grad(z.sum(), v, retain_graph=True)
passes()
with torch.utils.checkpoint.GraphExecGroup():
    a = passes()
with torch.utils.checkpoint.GraphExecGroup() as group:
    b = passes()
type(group).__name__
def reuse():
    with group:
        return passes()
reuse()
passes()
""",
    overlapping="""
w = torch.arange(1.0, 4.0).requires_grad_()
def f(a):
    b = (a * 2).sin()
    return b.exp(), b.tanh()
def passes():
    with torch.utils.checkpoint.GraphExecGroup():
        y, z = torch.utils.checkpoint.checkpoint(f, w, use_reentrant=False)
        torch.autograd.grad(y.sum(), w, retain_graph=True)
        torch.autograd.grad(z.sum(), w)
passes()
""",
    nested="""
G = torch.utils.checkpoint.GraphExecGroup
def nest():
    try:
        with G() as group:
            with G():
                pass
    except RuntimeError as error:
        return str(error).replace(repr(group), "it"), G._get_current_group()
nest()
G._get_current_group()
G().__exit__()
with G() as g: same = G._get_current_group() is g
""",
)

test_one_node = table(
    """
y = node(f, w); y; calls; y.sum().backward(); calls; w.grad
y = node(f, w, v); y.grad_fn; graph(y); y.sum().backward(); w.grad; v.grad
y = node(f, w, x); y.sum().backward(); w.grad
y = node(f, x); y.requires_grad; calls
y = node(lambda: f(w)); y.requires_grad
y = node(lambda a: f(a, v), w); y.sum().backward(); w.grad; v.grad
y = node(lambda a: f(a, v), x); y.requires_grad
y = node(f, w); y.sum().backward(retain_graph=True); y.sum().backward(); calls; w.grad; y.sum().backward()
y = node(lambda a, b: (a * b, a.long(), b, a), w, x); y; y[3] is w; y[2] is x; sum(t.sum() for t in y).backward(); w.grad
y = node(lambda a: (f(a), 3, None, "s", {"b": a}), w); y; y[0].sum().backward(); w.grad; calls
y = node(lambda a: [f(a)], w); y
y = node(lambda a: {"b": f(a)}, w); y
y = node(lambda a: None, w); y
y = node(lambda a, b: f(a, b[0]), w, [v]); y.sum().backward(); w.grad; v.grad
y = node(lambda b: f(b[0]), [w]); y.requires_grad
y = node(lambda a: f(a).detach(), w); y.requires_grad; y.sum().backward()
y = node(lambda a: (f(a), a.detach()), w); y[1].requires_grad; y[0].sum().backward(); w.grad
y = node(lambda a: (f(a), a.detach()), w); y[1].sum().backward()
y = node(lambda a: (f(a), a.exp()), w); y[0].sum().backward(); w.grad
y = node(lambda a: calls.append([a.requires_grad, a.is_leaf, torch.is_grad_enabled()]) or a.exp(), w * 1); y.sum().backward(); calls
a = w * 1; y = node(f, a); a.add_(1); y.sum().backward()
with torch.no_grad(): y = node(f, w)
y = node(f, w); torch.autograd.grad(y.sum(), v)
y = node(f, w); torch.autograd.grad(y.sum(), w)
y = node(f, w); y.sum().backward(inputs=[w])
y = node(f, w, v); torch.autograd.backward(y.sum(), inputs=[w, v])
y = node(f, w) * v; torch.autograd.grad(y.sum(), v)
y = again(lambda a: node(f, a), w); torch.autograd.grad(y.sum(), w)
y = node(lambda a: a * torch.autograd.grad(f(a).sum(), a)[0] if torch.is_grad_enabled() else a, w); y.sum().backward(); w.grad
z = node(f, w).sum(); a = v * 3; a.register_hook(lambda g: z.backward()); torch.autograd.grad(a.sum(), v)
z = node(f, w).sum(); a = v * 3; a.register_hook(lambda g: z.backward()); a.sum().backward(inputs=[v])
z = node(f, w).sum(); a = v * 3; a.register_hook(lambda g: z.backward()); a.sum().backward(); w.grad; v.grad
z = node(f, w).sum(); a = v * 3; a.register_hook(lambda g: torch.autograd.grad(z, w) and None); a.sum().backward()
a = v * 3; a.register_hook(lambda g: calls.append(torch.autograd._is_checkpoint_valid())); a.sum().backward(retain_graph=True); torch.autograd.grad(a.sum(), v); calls; torch.autograd.Variable._execution_engine.is_checkpoint_valid()
y = node(f, w); y.sum().backward(create_graph=True); w.grad
y = node(lambda a: 1 / 0, w)
y = node(f, w, preserve_rng_state=False); y.sum().backward(); w.grad
y = node(Square.apply, w); y.sum().backward(); calls; w.grad
y = node(nn.Linear(3, 2), w); y; y.sum().backward(); w.grad
y = C.CheckpointFunction.apply(f, True, w, v); y.sum().backward(); w.grad; v.grad
y = C.CheckpointFunction.apply(f, False, w)
y = C.CheckpointFunction.apply(f, True)
y = C.CheckpointFunction.apply(f)
C.CheckpointFunction.__mro__[1].__name__; C.CheckpointFunction._backward_cls.__name__
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_small_functions = table(
    """
C.detach_variable((w, 3, None, w * 2, [w], x, x.long()))
[t.requires_grad for t in C.detach_variable((w, x, w * 2))]; C.detach_variable((w,))[0] is w
C.detach_variable(())
C.detach_variable([w])
C.detach_variable(w)
C.detach_variable(3)
C.check_backward_validity((w, 3))
C.check_backward_validity((3, x))
C.check_backward_validity(iter([x, w]))
C.check_backward_validity([])
C.check_backward_validity(3)
C.get_device_states(w, 3)
C.get_device_states()
C.set_device_states([], [])
C.set_device_states([0], [torch.get_rng_state()], device_type="meta")
C.set_device_states([0], [torch.get_rng_state()], device_type=3)
[(p.name, p.value) for p in C.CheckpointPolicy]; C.CheckpointPolicy(3).name; str(C.CheckpointPolicy.MUST_SAVE)
C.CheckpointPolicy(6)
C.set_checkpoint_early_stop()
C.set_checkpoint_debug_enabled()
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_device_types = scripts(
    tol=GRADIENT,
    one_after_the_other="""
C = torch.utils.checkpoint
D = C.DefaultDeviceType
D._default_device_type = None
D.get_device_type()
w = torch.ones(3, requires_grad=True)
def run(kind, way):
    D.set_device_type(kind)
    C.checkpoint(torch.sin, w, use_reentrant=way).sum().backward()
    return D.get_device_type(), D().get_device_type()
run("cuda", True)
run("cuda", False)
run("cpu", True)
run("cpu", False)
run("meta", True)
run("meta", False)
def wrong():
    try:
        return run("other", False)
    except AttributeError as error:
        return str(error)
wrong()
D.set_device_type(3)
D.get_device_type()
D.set_device_type()
D.get_device_type()
D._default_device_type = None
w.grad
""",
)

test_sequential = table(
    "\n".join(
        f"y = C.checkpoint_sequential(model, {segments}, w, use_reentrant={way}); y; y.sum().backward(); w.grad; [p.grad for p in model.parameters()]; calls"
        for segments in (1, 2, 3, 4)
        for way in (True, False)
    )
    + """
y = C.checkpoint_sequential(model, 2, w)
y = C.checkpoint_sequential(model, 2, x)
y = C.checkpoint_sequential(model, 0, w, use_reentrant=False)
y = C.checkpoint_sequential(model, -1, w, use_reentrant=False); y.sum().backward(); w.grad
y = C.checkpoint_sequential(model, 9, w, use_reentrant=False)
y = C.checkpoint_sequential(model, 1.5, w, use_reentrant=False)
y = C.checkpoint_sequential(model, 2, w, use_reentrant=False, other=3)
y = C.checkpoint_sequential(model, 2, w, use_reentrant=True, debug=True, context_fn=3)
y = C.checkpoint_sequential(model, 0, w, other=3)
y = C.checkpoint_sequential(model, 2, w, use_reentrant=False, preserve_rng_state=False); y.sum().backward(); w.grad
y = C.checkpoint_sequential([torch.sin, torch.cos, torch.exp], 2, w, True); y.sum().backward(); w.grad
y = C.checkpoint_sequential((torch.sin, torch.cos, torch.exp), 3, w, False); y.sum().backward(); w.grad
y = C.checkpoint_sequential([], 2, w, False)
y = C.checkpoint_sequential([], 0, w, False)
y = C.checkpoint_sequential(iter([torch.sin]), 1, w, False)
y = C.checkpoint_sequential(torch.sin, 1, w, False)
y = C.checkpoint_sequential([torch.sin, torch.cos], 2, w, v, use_reentrant=False)
y = C.checkpoint_sequential(functions=[torch.sin, torch.cos], segments=2, input=w, use_reentrant=False)
y = C.checkpoint_sequential(nn.ModuleList([nn.Tanh(), nn.Tanh()]), 2, w, use_reentrant=False); y.sum().backward(); w.grad
""",
    setup=SETUP
    + """
class Noted(nn.Module):
    def __init__(self, name): super().__init__(); self.name = name
    def forward(self, x): calls.append(self.name); return x.tanh()
torch.manual_seed(3)
model = nn.Sequential(nn.Linear(3, 4), Noted("first"), nn.Linear(4, 4), Noted("second"), nn.Linear(4, 2))
""",
    tol=GRADIENT,
)


@parity(tol=GRADIENT, way=[True, False], preserve=[True, False], depth=[1, 3])
def test_random_numbers(torch, way, preserve, depth):
    """Dropout drops the same again, and the generator goes on as if there were no checkpoint."""
    checkpoint = torch.utils.checkpoint.checkpoint
    torch.manual_seed(5)
    w = torch.ones(50, requires_grad=True)
    states = []

    def f(a, depth):
        a = torch.nn.functional.dropout(a * 1.5, 0.4) * torch.rand(50)
        states.append(torch.get_rng_state().sum().item())
        if depth > 1:
            a = checkpoint(f, a, depth - 1, use_reentrant=way, preserve_rng_state=preserve)
        return a * torch.rand(50)

    y = checkpoint(f, w, depth, use_reentrant=way, preserve_rng_state=preserve)
    yield y
    yield torch.rand(3)
    yield lambda: y.sum().backward()
    yield states
    yield torch.rand(3)
    yield w.grad
    if preserve:
        yield bool((w.grad == 0).equal(y == 0))


@parity(tol=GRADIENT, way=[True, False])
def test_modules(torch, way):
    """A network whose blocks are checkpoints, trained for some steps."""
    nn, checkpoint = torch.nn, torch.utils.checkpoint.checkpoint

    class Block(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.norm, self.up, self.down = (
                nn.LayerNorm(size),
                nn.Linear(size, 2 * size),
                nn.Linear(2 * size, size),
            )
            self.drop = nn.Dropout(0.2)

        def forward(self, x, *, scale=1.0):
            return x + scale * self.drop(self.down(nn.functional.gelu(self.up(self.norm(x)))))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(10, 6)
            self.blocks = nn.ModuleList([Block(6) for _ in range(3)])
            self.head = nn.Linear(6, 10)

        def forward(self, tokens):
            x = self.embed(tokens)
            for block in self.blocks:
                options = {} if way else {"scale": 0.5}
                x = checkpoint(block, x, use_reentrant=way, **options)
            return self.head(x)

    torch.manual_seed(1)
    net = Net()
    tokens = torch.randint(0, 10, (4, 5))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(tokens).flatten(0, 1), tokens.flatten())
        loss.backward()
        optimizer.step()
        yield loss.item()
    yield [p.grad for p in net.parameters()]


# The log without the traces and without what PyTorch detaches; tensors by their order in it.
DEBUG = """
import re
def log(y):
    try:
        y.sum().backward()
    except C.CheckpointError as error:
        text = str(error)
    head, rest = text.split("\\n\\n$", 1)
    heads = re.findall(r"^\\|  .*", text, re.M)
    tail = text[text.index("|       3. Log"):]
    lines = [line for line in tail.splitlines() if ".detach.default" not in line]
    numbers = {}
    def number(match): return "$" + str(numbers.setdefault(match[0], len(numbers)))
    out = []
    for line in lines:
        if line.startswith("Operations executed"):
            numbers.clear()
        out.append(re.sub(r"\\$\\d+", number, line))
    counts = re.findall(r"\\((\\d+) of (\\d+) in original\\)", text)
    return head, heads, out, counts
"""
# One case: PyTorch's logger does not come back after an error, within this process.
test_debug_log = table(
    """
y = fickle(lambda a: F.linear(a, v).tanh().exp(), lambda a: F.linear(a, v).sin().view(4).exp(), debug=True); log(y)
""",
    setup=SETUP + DEBUG,
    tol=GRADIENT,
)
