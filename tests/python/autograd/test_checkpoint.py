"""torch.utils.checkpoint: both ways to run a function again in the backward pass, against PyTorch and
against the same program without a checkpoint."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc
import random
import re
import threading
import traceback
import weakref

import numpy as np
import pytest
from parity import GRADIENT, SELFTEST, parity, scripts, subject, table

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


def whygrad():
    """For what PyTorch does not do, or does not show."""
    if SELFTEST:
        pytest.skip("of whygrad alone")
    torch = subject()
    return torch, torch.utils.checkpoint.checkpoint


def random_function(torch, checkpoint, rng, depth):
    """A random function of a vector: elementwise operations, products, in-place writes, several
    uses of a value, and calls of more of its kind through `checkpoint`."""
    steps = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(["unary", "scale", "twice", "write", "view", "matrix", "call", "call"])
        inner = (
            random_function(torch, checkpoint, rng, depth - 1) if depth and kind == "call" else None
        )
        steps.append(
            (kind, rng.choice(["sin", "cos", "tanh", "exp", "sigmoid"]), inner, rng.random())
        )

    def run(a, weight):
        for kind, name, inner, number in steps:
            if kind == "unary":
                a = getattr(a, name)()
            elif kind == "scale":
                a = a * weight * (number + 0.5)
            elif kind == "twice":
                a = getattr(a, name)() * a + a
            elif kind == "write":
                a = a * 1
                a[0] = 0.5
                a.mul_(weight).sigmoid_()
            elif kind == "view":
                a = (a.view(2, 2).T * weight.view(2, 2)).reshape(4)
            elif kind == "matrix":
                a = (a.view(2, 2) @ weight.view(2, 2)).flatten().tanh()
            elif inner is not None:
                a = checkpoint(inner, a, weight)
        return a.tanh()

    return run


@pytest.mark.parametrize("seed", range(40))
def test_random_nests_against_no_checkpoint(seed):
    """Values, gradients and gradients of gradients are those of the program without checkpoints."""
    torch, checkpoint = whygrad()
    results = []
    for with_checkpoints in (False, True):
        choices = random.Random(seed + 1000)

        def call(function, *args):
            stop = choices.random() < 0.5
            if not with_checkpoints:
                return function(*args)
            return checkpoint(function, *args, use_reentrant=False, early_stop=stop)

        function = random_function(torch, call, random.Random(seed), 3)
        a = torch.tensor([0.3, -0.7, 1.1, 0.2], dtype=torch.float64, requires_grad=True)
        w = torch.tensor([0.9, 0.4, -0.6, 1.2], dtype=torch.float64, requires_grad=True)
        y = call(function, a, w)
        first = torch.autograd.grad(y.sum(), [a, w], create_graph=True, allow_unused=True)
        first = [g for g in first if g is not None]
        total = sum((g * g).sum() for g in first)
        second = []
        if total.requires_grad:
            second = torch.autograd.grad(total, [a, w], allow_unused=True, retain_graph=True)
        y.sum().backward()
        kept = [t.detach().numpy() for t in (y, *first, *second, a.grad, w.grad) if t is not None]
        results.append(kept)
    assert len(results[0]) == len(results[1])
    for plain, again in zip(*results, strict=True):
        np.testing.assert_allclose(again, plain, rtol=1e-12, atol=1e-14)


SIZE = 1 << 16


def in_use(torch):
    gc.collect()
    return torch.memory_stats()["allocated_bytes.current"]


def chain(a, log=None):
    for _ in range(6):
        a = a.sin()
        if log is not None:
            log.append(weakref.ref(a))
    return a


@pytest.mark.parametrize("way", [True, False])
@pytest.mark.parametrize("depth", [1, 2])
def test_activations_are_not_kept(way, depth):
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    before = in_use(torch)
    log = []

    def f(a):
        return chain(a, log) if depth == 1 else checkpoint(chain, a.exp(), log, use_reentrant=False)

    y = checkpoint(f, x, use_reentrant=way)
    assert len(log) == 6
    alive = [ref for ref in log if ref() is not None]
    assert [ref() for ref in alive] in ([], [y])  # the result may be one of them
    assert in_use(torch) - before < 1.5 * 4 * SIZE  # only the result
    y.sum().backward()
    del y
    assert all(ref() is None for ref in log)
    assert in_use(torch) - before < 1.5 * 4 * SIZE  # only the gradient
    plain = []
    kept = chain(x, plain)
    assert all(ref() is not None for ref in plain[:-1]) and kept is not None


def test_what_a_pass_does_not_need_is_not_kept_after_it():
    """A pass over a part of a region saves all of it again, and frees the rest at its end."""
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    y = torch.ones(SIZE, requires_grad=True)
    a, b = checkpoint(lambda s, t: (chain(s), chain(t)), x, y, use_reentrant=False)
    a, b = a.sum(), b.sum()
    before = in_use(torch)
    for _ in range(3):
        torch.autograd.grad(a, x, retain_graph=True)
        assert in_use(torch) - before < 4 * SIZE
    node = b.grad_fn.next_functions[0][0]
    for _ in range(3):
        node._saved_self  # noqa: B018
        assert in_use(torch) - before < 4 * SIZE
    torch.autograd.grad(b, y)


def test_what_a_pass_has_used_is_freed_within_it():
    """Of a sequence of checkpoints one at a time is in memory during the pass, and goes with its
    arguments."""
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    y = x
    for _ in range(8):
        y = checkpoint(chain, y, use_reentrant=False)
    y = y.sum()
    at_the_end = []
    x.register_hook(lambda g: at_the_end.append(in_use(torch)))
    before = in_use(torch)
    torch.reset_peak_memory_stats()
    y.backward()
    peak = torch.memory_stats()["allocated_bytes.peak"] - before
    assert peak < 10 * 4 * SIZE
    assert at_the_end[0] - before < -5 * 4 * SIZE


def test_what_the_graph_has_dropped_is_not_saved_again():
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    at_the_end = []

    def f(a):
        a = a * 1
        (slope,) = torch.autograd.grad(chain(a).sum(), a)
        return (a * slope).exp()

    y = checkpoint(f, x, use_reentrant=False).sum()
    x.register_hook(lambda g: at_the_end.append(in_use(torch)))
    before = in_use(torch)
    y.backward(retain_graph=True)
    assert at_the_end[0] - before < 3 * 4 * SIZE


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_pass_within_the_function_in_a_group(early_stop):
    """PyTorch fails with an assertion of its own."""
    torch, checkpoint = whygrad()
    calls = []

    def f(a):
        calls.append(a)
        b = (a * 2).sin()
        return (b * torch.autograd.grad(b.sum(), a, create_graph=True)[0]).exp()

    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with torch.utils.checkpoint.GraphExecGroup():
        y = checkpoint(f, w, use_reentrant=False, early_stop=early_stop)
        (got,) = torch.autograd.grad(y.sum(), w)
    assert len(calls) == 3
    assert got.equal(torch.autograd.grad(f(w).sum(), w)[0])


def test_graphs_die_without_the_collector():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)

    class Held:
        pass

    def make():
        held = Held()

        def f(a):
            return (a * (held is not None)).sin().exp()

        y = checkpoint(lambda a: checkpoint(f, a, use_reentrant=False), w, use_reentrant=False)
        return y, weakref.ref(held)

    gc.collect()
    gc.disable()
    try:
        y, ref = make()
        assert ref() is not None
        y.sum().backward()
        assert ref() is None  # the graph has been freed
        y, ref = make()
        del y
        assert ref() is None
        y, ref = make()
        torch.autograd.grad(y.sum(), w, retain_graph=True)
        assert ref() is not None
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_cycles_are_collected():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)

    class Model(torch.nn.Module):
        def forward(self, a):
            return (a * 2).sin().exp()

    model = Model()
    model.result = checkpoint(model, w, use_reentrant=False)
    ref = weakref.ref(model)
    del model
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_function_that_writes_to_what_it_saved(early_stop):
    """As without a checkpoint; unless the function is stopped before it writes."""
    torch, checkpoint = whygrad()
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def f(a):
        b = a * 2
        c = b.sin()
        b.add_(1)
        return c

    y = checkpoint(f, w, use_reentrant=False, early_stop=early_stop)
    if early_stop:
        y.sum().backward()
        np.testing.assert_allclose(w.grad.numpy(), 2 * np.cos([2.0, 4.0, 6.0]), rtol=1e-6)
        return
    with pytest.raises(RuntimeError) as plain:
        f(w).sum().backward()
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert str(caught.value) == str(plain.value).replace(", which is output 0 of Add,", "")


def test_a_function_that_catches_the_stop():
    """PyTorch fails with an assertion of its own; here the function ends and nothing is lost."""
    torch, checkpoint = whygrad()
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    caught = []

    def f(a):
        for attempt in range(3):
            try:
                return (a * 2).sin()
            except Exception as error:
                caught.append(error)
        return a

    checkpoint(f, w, use_reentrant=False).sum().backward()
    assert len(caught) == 3
    np.testing.assert_allclose(w.grad.numpy(), 2 * np.cos([2.0, 4.0, 6.0]), rtol=1e-6)


def test_groups_and_passes_of_threads():
    torch, checkpoint = whygrad()
    group = torch.utils.checkpoint.GraphExecGroup
    seen, grads = [], []
    weights = [torch.full((3,), float(i), requires_grad=True) for i in range(4)]
    results = [checkpoint(chain, w, use_reentrant=False) for w in weights]

    def work(y, w):
        seen.append(group._get_current_group())
        for _ in range(20):
            grads.append(torch.autograd.grad(y.sum(), w, retain_graph=True)[0].tolist())

    with group():
        threads = [threading.Thread(target=work, args=pair) for pair in zip(results, weights)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert seen == [None] * 4
    want = [torch.autograd.grad(chain(w).sum(), w)[0].tolist() for w in weights]
    assert len(grads) == 80 and all(g in want for g in grads)


# --- debug=True -----------------------------------------------------------------------------------


def failing(torch, **options):
    w = torch.ones(3, requires_grad=True)
    runs = iter([lambda a: a.sin().exp(), lambda a: a.double().cos().exp()])
    y = torch.utils.checkpoint.checkpoint(
        lambda a: next(runs)(a), w, use_reentrant=False, **options
    )
    with pytest.raises(torch.utils.checkpoint.CheckpointError) as caught:
        y.sum().backward()
    return caught.value


@pytest.mark.parametrize("how", ["argument", "context"])
def test_debug(how):
    """The error that PyTorch gives, with the saved tensors in place of the operators."""
    torch, _ = whygrad()
    if how == "argument":
        error = failing(torch, debug=True)
    else:
        with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):
            error = failing(torch, debug=False)
    text = str(error)
    assert text.startswith(
        " An error happened while unpacking tensors; dumping logs of latest computation\n"
        "because you passed `debug=True` to `torch.utils.checkpoint.checkpoint()`.\n"
    )
    plain = failing(torch)
    assert str(error.__cause__) == str(plain) and isinstance(error.__cause__, type(plain))
    assert "ERROR: Detected non-determinism while running activation checkpointing" in text
    first, again = re.search(
        r"original forward:\n\n(.*)\nTensors saved during recomputation:\n\n(.*?)\n\+", text, re.S
    ).groups()
    assert first.splitlines() == [
        "$1: torch.FloatTensor [3] from no operation",
        "$2: torch.FloatTensor [3] from ExpBackward0",
    ]
    assert again.splitlines() == [
        "$1: torch.DoubleTensor [3] from ToCopyBackward0",
        "$2: torch.DoubleTensor [3] from ExpBackward0",
    ]
    line = failing.__code__.co_firstlineno + 2
    assert len(re.findall(rf"^{re.escape(__file__)}:{line}:<lambda>$", text, re.M)) == 4
    assert "utils/checkpoint.py" not in text


def test_debug_off_and_undecided():
    torch, _ = whygrad()
    set_debug = torch.utils.checkpoint.set_checkpoint_debug_enabled
    tip = "Tip: To see a more detailed error message"
    with set_debug(False):
        assert tip in str(failing(torch, debug=True))
        with set_debug(None):
            assert tip not in str(failing(torch, debug=True))
            assert tip in str(failing(torch, debug=False))
    assert tip not in str(failing(torch, debug=True))


def test_tracebacks_show_the_function():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)
    runs = iter([False, True])

    def the_function(a):
        if next(runs):
            raise KeyError("again")
        return a.sin().exp()

    y = checkpoint(the_function, w, use_reentrant=False)
    with pytest.raises(KeyError) as caught:
        y.sum().backward()
    assert "the_function" in [f.name for f in traceback.extract_tb(caught.tb)]


def test_selective_checkpointing_is_missing_by_name():
    torch, _ = whygrad()
    with pytest.raises(AttributeError, match="create_selective_checkpoint_contexts"):
        torch.utils.checkpoint.create_selective_checkpoint_contexts([])
