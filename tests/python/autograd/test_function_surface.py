"""The whole surface of autograd.Function: marks, attributes of ctx, classes, options, lifetimes.

A case is a line of code that ends at its first exception. `make` makes a Function of two lambdas,
`also` does things in order and gives the last.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import copy
import gc
import pickle
import threading
import traceback
import weakref

import pytest
from parity import SUMMED, parity, table

SETUP = """
Function, once = torch.autograd.Function, torch.autograd.function.once_differentiable
grad = torch.autograd.grad
seen = []
def make(forward, backward=lambda ctx, *g: g[0], name="F", **more): return type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward), **{k: staticmethod(v) for k, v in more.items()}})
def also(*a): return a[-1]
def story(t, depth=6): return walk(t.grad_fn, depth)
def walk(f, depth): return f if f is None or depth == 0 else (f.name(), [(walk(n, depth - 1), k) for n, k in f.next_functions])
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
w = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
c = torch.tensor([7.0, 8.0, 9.0])
y = x * 2
"""

test_marks_of_outputs = table(
    """
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, c); z[1] is c; z[1]._is_view(); z[1]._base is c; z[1].add_(1); c; c._version
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, w); z[1]._is_view(); z[1]._base is w; z[1]
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, w); z[1].add_(1); w
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, y); z[1]._is_view(); z[1]._base is y; z[1].add_(1); y
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, y[:2]); z[1]._is_view(); z[1]._base is y; z[1].add_(1); y
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, c[:2]); z[1]._is_view(); z[1]._base is c; z[1].add_(1); c
z = make(lambda ctx, a, b: also(ctx.mark_non_differentiable(b), (a, b))).apply(x, torch.arange(3)); z[1]._is_view(); z[1]; z[1].add_(1)
z = make(lambda ctx, a, b: (a, b)).apply(x, torch.arange(3)); z[1]._is_view(); z[1]; z[1].add_(1)
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(x); z[1]._is_view(); z[1]._base is x; z[1]; z[1].add_(1)
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), v))(a[:2])).apply(x); z._is_view(); z; z.requires_grad_()
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(y); z[1]._is_view(); z[1]._base is y; z[1]; z[1].add_(1); y
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))((a * 2)[:2])).apply(y); z[1]._is_view(); z[1]; z[1].add_(1)
z = make(lambda ctx, a: (a * 1, a.detach())).apply(y); z[1]._is_view(); z[1]; z[1].add_(1)
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a.detach())).apply(y); z[1]._is_view(); z[1]; z[1].add_(1)
z = make(lambda ctx, a: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1))).apply(y); z is y; z; y; x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1))).apply(x)
z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1), (a, b * 1))).apply(y, w); z[0] is y; z; y
z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1), (a, b * 1))).apply(c, w); z[0] is c; z; c
z = make(lambda ctx, a: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1))).apply(y[:2]); z; y; y.sum().backward(); x.grad
v = y[:2]; z = make(lambda ctx, a: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.add_(1))).apply(v); z is v; v; y
y.retain_grad(); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(y); z is y; y.retains_grad; z.sum().backward(); y.grad; x.grad
y.retain_grad(); y.sum().backward(retain_graph=True); y.grad; z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(y); y.grad; z.sum().backward(); y.grad
c.grad = torch.ones(3); z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.mul_(b)), lambda ctx, g: (g * 2, g)).apply(c, w); c.grad; z.sum().backward(); c.grad
c.grad = torch.ones(3); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(c); c.grad
c.grad = torch.ones(3); z = c.mul_(w); c.grad; z.grad_fn is c.grad_fn
c.grad = torch.ones(3); z = make(lambda ctx, b: c, lambda ctx, g: (g * 2)).apply(w); z is c; c.grad; z.sum().backward(); c.grad
c.grad = torch.ones(3); c.register_hook
y.register_hook(lambda g: seen.append("old")); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(y); y.register_hook(lambda g: seen.append("new")); z.sum().backward(); seen
w2 = w.detach().requires_grad_(); w2.register_hook(lambda g: seen.append("leaf")); torch.set_grad_enabled(False); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(w2); z is w2; z.requires_grad, w2.requires_grad, w2
a, b = x.sum(), c.sum(); z = (torch.stack([x.sum(), x.mean()])).unbind(); f = z[0].grad_fn; f.register_prehook(lambda g: (g[0], g[0] * 7)); z[0].backward(); x.grad
z = (torch.stack([x.sum(), x.mean()])).unbind(); f = z[0].grad_fn; f.register_prehook(lambda g: (seen.append([k if k is None else k.item() for k in g]), (None, g[0] * 7))[1]); z[0].backward(); x.grad; seen
z = (torch.stack([x.sum(), x.mean()])).unbind(); f = z[0].grad_fn; f.register_prehook(lambda g: (g[0], 5)); z[0].backward(); x.grad
z = (torch.stack([x.sum(), x.mean()])).unbind(); f = z[0].grad_fn; f.register_prehook(lambda g: (g[0], torch.ones(9))); z[0].backward(); x.grad
z = (torch.stack([x.sum(), x.mean()])).unbind(); f = z[0].grad_fn; f.register_prehook(lambda g: (g[0], torch.tensor(1.0).double())); z[0].backward(); x.grad
z = (x * 2).sum(); z.grad_fn.next_functions[0][0].register_hook(lambda gi, go: (gi[0], torch.ones(3))); z.backward(); x.grad
z = (x * w).sum(); z.grad_fn.next_functions[0][0].register_hook(lambda gi, go: (seen.append([k is None for k in gi]), (torch.ones(3), torch.ones(3)))[1]); torch.autograd.grad(z, x); seen
z = make(lambda ctx, a, b: a * 1, lambda ctx, g: (None, None)).apply(x, w); z.grad_fn.register_hook(lambda gi, go: (seen.append([k is None for k in gi]), (torch.ones(3), torch.ones(3)))[1]); torch.autograd.grad(z.sum(), [x, w]); seen
z = make(lambda ctx, a, b: a * 1, lambda ctx, g: (None, None)).apply(x, w); z.grad_fn.register_hook(lambda gi, go: (torch.ones(4), torch.ones(3).double())); torch.autograd.grad(z.sum(), [x, w]); seen
x.register_hook(lambda g: seen.append(g)); z = make(lambda ctx, a, b: a * 1, lambda ctx, g: (None, None)).apply(x, w); torch.autograd.grad(z.sum(), [x, w], allow_unused=True); seen
x.register_hook(lambda g: torch.ones(3)); z = make(lambda ctx, a, b: a * 1, lambda ctx, g: (None, None)).apply(x, w); torch.autograd.grad(z.sum(), [x, w], allow_unused=True); seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_marks_and_views = table(
    """
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(y); z[1]._is_view(); z[1].is_leaf; (z[1] * 2).sum().backward(); z[1].grad; x.grad; y.requires_grad
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(x); (z[1] * 2).sum().backward(); z[1].grad; x.grad; z[1].detach_()
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(x); z[1].requires_grad_(False); z[1].requires_grad
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2])).apply(x); x.add_(1)
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(a[:2].long())).apply(x); z[1]
z = make(lambda ctx, a, b: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(b[:2])).apply(x, torch.arange(3)); z[1]; z[1].add_(1)
z = make(lambda ctx, a, b: (a * 1, b[:2])).apply(x, torch.arange(3)); z[1]; z[1].add_(1)
z = make(lambda ctx, a, b: (lambda v: also(ctx.mark_non_differentiable(v), (a * 1, v)))(b[:2])).apply(x, c); z[1]; z[1].add_(1)
z = make(lambda ctx, a: (lambda v: also(ctx.mark_non_differentiable(v), v))(y[:2])).apply(c); z
z = make(lambda ctx, a: y[:2]).apply(c); z; y.add_(1); z
z = make(lambda ctx, a: y[:2]).apply(w); z; y.add_(1); z; z.add_(1)
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: g + h).apply(x); z[0].grad_fn.register_prehook(lambda g: (seen.append([k is None for k in g]), (g[0], g[0] * 5))[1]); z[0].sum().backward(); x.grad; seen
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: g + h).apply(x); z[0].grad_fn.register_prehook(lambda g: (g[0], torch.ones(9))); z[0].sum().backward(); x.grad
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: g + h).apply(x); z[0].grad_fn.register_prehook(lambda g: (g[0], 5)); z[0].sum().backward(); x.grad
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: g + h).apply(x); z[0].grad_fn.register_prehook(lambda g: (g[0], torch.ones(3).double())); z[0].sum().backward(); x.grad
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: also(seen.append(h.dtype), g + h)).apply(x); z[0].grad_fn.register_prehook(lambda g: (None, None)); z[0].sum().backward(); x.grad; seen
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: also(seen.append(h.dtype), g + h)).apply(x); z[1].register_hook(lambda g: seen.append(g)); z[0].sum().backward(); x.grad; seen
z = make(lambda ctx, a: also(ctx.set_materialize_grads(False), (a * 1, a * 2)), lambda ctx, g, h: g + h).apply(x); z[0].grad_fn.register_prehook(lambda g: (seen.append([k is None for k in g]), (g[0], g[0] * 5))[1]); z[0].sum().backward(); x.grad; seen
v = y[:2]; v.retain_grad(); v.sum().backward(retain_graph=True); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(v); v.grad; z.sum().backward(); v.grad
y.retain_grad(); y.sum().backward(retain_graph=True); v = y[:2]; z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(v); y.grad; y.sum().backward(); y.grad
c.grad = torch.ones(3); c.foo = 5; z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.mul_(b)), lambda ctx, g: (g * 2, g)).apply(c, w); c.foo; z.retain_grad(); z.sum().backward(); c.grad
c.grad = torch.ones(3); p = c[:2]; z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.mul_(b[:2])), lambda ctx, g: (g * 2, torch.ones(3))).apply(p, w); c.grad; p.grad; c
c.grad = torch.ones(3); z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), ctx.mark_non_differentiable(a), a.mul_(2), a)).apply(c, w); c.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_attributes_of_ctx_and_classes = table(
    """
FN = torch.autograd.function; f = make(lambda ctx, t: also(ctx.save_for_backward(t), t * 1)).apply(y).grad_fn; f.saved_variables[0] is y
f = make(lambda ctx, t: also(ctx.save_for_backward(t), t * 1)).apply(y).grad_fn; f.maybe_clear_saved_tensors(); f.saved_tensors
Function.clear_saved_tensors_on_access
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward()
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward(retain_graph=True); z.sum().backward()
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); len(z.grad_fn.saved_tensors); len(z.grad_fn.saved_tensors)
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), ctx.maybe_clear_saved_tensors(), seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward()
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward(); len(z.grad_fn.saved_tensors)
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx._raw_saved_tensors)), seen.append(len(ctx.saved_tensors)), seen.append(len(ctx._raw_saved_tensors)), g))}); z = f.apply(y); z.sum().backward(retain_graph=True)
f = type("C", (Function,), {"clear_saved_tensors_on_access": 5, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward(retain_graph=True)
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward(); seen
make(lambda ctx, t: also(ctx.mark_dirty(5), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.mark_dirty(None), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.mark_non_differentiable(5), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.mark_non_differentiable(None), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.mark_non_differentiable([t]), t * 1)).apply(c)
make(lambda ctx, t: also(setattr(ctx, "dirty_tensors", 5), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "dirty_tensors", [t]), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "non_differentiable", 5), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "non_differentiable", {}), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "to_save", 5), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "to_save", [t]), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "to_save", None), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.save_for_backward(5), t * 1)).apply(c)
make(lambda ctx, t: also(ctx.mark_shared_storage((t, t)), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads(5), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads("a"), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads(None), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads(1), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads(torch.tensor(True)), t * 1)).apply(y)
make(lambda ctx, t: also(ctx.set_materialize_grads(value=False), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "_is_pure_view", 0), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "_is_pure_view", True), t * 1)).apply(y)
make(lambda ctx, t: also(setattr(ctx, "_materialize_non_diff_grads", False), (a:=t * 1, t.long())), lambda ctx, g, h: also(seen.append(h is None), g)).apply(y)[0].sum().backward(); seen
make(lambda ctx, t: (lambda r: also(ctx.mark_non_differentiable(r), setattr(ctx, "_materialize_non_diff_grads", False), (t * 1, t * 2, r)))(t * 3), lambda ctx, g, h, k: also(seen.append((h is None, k is None)), g)).apply(y)[0].sum().backward(); seen
make(lambda ctx, t: also(setattr(ctx, "_materialize_non_diff_grads", 5), t * 1)).apply(y)
make(lambda ctx, t: t * 1).apply(y).grad_fn._materialize_non_diff_grads
make(lambda ctx, t: t * 1).apply(y).grad_fn._register_hook
make(lambda ctx, t: also(seen.append(ctx.next_functions), t * 1)).apply(y); len(seen[0])
make(lambda ctx, t: also(seen.append(ctx._input_metadata), t * 1)).apply(y); len(seen[0])
make(lambda ctx, t: also(seen.append(ctx.requires_grad), t * 1)).apply(y); seen
make(lambda ctx, t: also(seen.append(ctx.saved_tensors), t * 1)).apply(y); seen
make(lambda ctx, t: also(seen.append(ctx._raw_saved_tensors), t * 1)).apply(y); seen
make(lambda ctx, t: also(ctx.save_for_backward(t), seen.append(ctx.saved_tensors), t * 1)).apply(y); seen
make(lambda ctx, t: also(seen.append(ctx.next_functions), t * 1)).apply(c); seen
make(lambda ctx, t: also(seen.append(ctx.needs_input_grad), t * 1)).apply(c); seen
make(lambda ctx, t: also(seen.append(ctx), t * 1)).apply(c); seen[0].name(); seen[0].saved_tensors; seen[0].needs_input_grad; seen[0].next_functions; seen[0].metadata; seen[0].register_hook(print)
make(lambda ctx, t: also(seen.append(ctx), ctx.save_for_backward(t), t * 1)).apply(c); seen[0].saved_tensors; seen[0].to_save; seen[0]._raw_saved_tensors; seen[0].dirty_tensors
make(lambda ctx, t: also(seen.append(ctx), ctx.save_for_backward(t), t * 1)).apply(y); seen[0].saved_tensors[0] is y; seen[0].to_save is None; seen[0].name(); seen[0].next_functions; seen[0]._sequence_nr() > 0
make(lambda ctx, t: also(seen.append(ctx), ctx.save_for_backward(t), t * 1), lambda ctx, g: also(ctx.save_for_backward(g), seen.append((ctx.to_save, len(ctx.saved_tensors))), g)).apply(y).sum().backward(); seen[1:]
make(lambda ctx, t: t * 1, lambda ctx, g: also(ctx.mark_dirty(g), g)).apply(y).sum().backward()
make(lambda ctx, t: t * 1, lambda ctx, g: also(ctx.set_materialize_grads(False), g)).apply(y).sum().backward(); x.grad
make(lambda ctx, t: t * 1, lambda ctx, g: also(ctx.mark_non_differentiable(g), g)).apply(y).sum().backward(); x.grad
type(make(lambda ctx, t: t * 1).apply(y).grad_fn)._forward_cls.__name__; make(lambda ctx, t: t * 1)._backward_cls.__name__; make(lambda ctx, t: t * 1)._backward_cls.__module__; make(lambda ctx, t: t * 1)._backward_cls.__qualname__
make(lambda ctx, t: t * 1)._backward_cls.__mro__[1].__name__; FN = torch.autograd.function; [k.__name__ for k in Function.__mro__]; type(Function).__name__; [k.__name__ for k in FN.InplaceFunction.__mro__]; [k.__name__ for k in FN.BackwardCFunction.__mro__]
FN = torch.autograd.function; sorted(FN.__all__); type(FN.FunctionMeta).__name__; FN.Function is Function
FN = torch.autograd.function; FN.InplaceFunction()
FN = torch.autograd.function; FN.InplaceFunction(True).inplace; FN.InplaceFunction(inplace=False).inplace
FN = torch.autograd.function; k = FN.BackwardCFunction(); k.name(); k.saved_tensors; k.next_functions; k.metadata
(lambda d, h: (type(d).__name__, len(d), h.remove(), len(d)))(*Function._register_hook(None, print))
(lambda d: Function._register_hook(d, print)[0] is d)(__import__("collections").OrderedDict())
Function._register_hook({}, print)
Function.vmap(None, None)
Function.setup_context(None, (), None)
Function.vjp is Function.backward
Function.apply()
Function.boxed_grads_call
Function().forward(x)
Function()(x)
k = Function(); k.x = 5; k.x; k.saved_tensors; k.name(); k.next_functions
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1), "backward": staticmethod(lambda ctx, g: g), "vmap": staticmethod(lambda *a: None), "generate_vmap_rule": True}).apply(y).sum().backward(); x.grad
type("A", (Function,), {"forward": staticmethod(lambda a: a * 1), "setup_context": staticmethod(lambda ctx, inputs, output: seen.append(inputs))}).apply(a=y); seen
type("A", (Function,), {"forward": staticmethod(lambda ctx, a, b=2: a * b), "backward": staticmethod(lambda ctx, g: (g, None))}).apply(y, b=3)
type("A", (Function,), {"forward": staticmethod(lambda ctx, a, *, b=2: a * b), "backward": staticmethod(lambda ctx, g: g)}).apply(y, b=3)
type("A", (Function,), {"forward": staticmethod(lambda ctx, a, **k: a * k["b"]), "backward": staticmethod(lambda ctx, g: g)}).apply(y, b=3)
type("A", (Function,), {"forward": staticmethod(lambda a, *, b=2: a * b), "setup_context": staticmethod(lambda ctx, inputs, output: seen.append(len(inputs))), "backward": staticmethod(lambda ctx, g: (g, None))}).apply(y, b=3); seen
type("A", (Function,), {"forward": staticmethod(lambda a, **k: a * 2), "setup_context": staticmethod(lambda ctx, inputs, output: seen.append(len(inputs))), "backward": staticmethod(lambda ctx, g: (g, None))}).apply(y, b=3); seen
type("A", (Function,), {"forward": staticmethod(lambda a, b=3: a * 2), "setup_context": staticmethod(lambda ctx, inputs, output: seen.append(len(inputs))), "backward": staticmethod(lambda ctx, g: (g, None))}).apply(y).sum().backward(); seen
type("A", (Function,), {"forward": staticmethod(lambda a, *r: a * 2), "setup_context": staticmethod(lambda ctx, inputs, output: seen.append(len(inputs))), "backward": staticmethod(lambda ctx, g: (g, None, None))}).apply(y, 2, 3).sum().backward(); seen
w = torch.ones(3, requires_grad=True); z = make(lambda ctx, t: t * 1, once(lambda ctx, g: g * 2)).apply(x); g, = grad(z, x, w, create_graph=True); g; g.grad_fn.name(); g.grad_fn.next_functions[0][0].name(); g.sum().backward()
z = make(lambda ctx, t: (t * 1, t * 2), once(lambda ctx, g, h: g + h)).apply(x); g, = grad(z[0].sum() + z[1].sum() * x.sum(), x, create_graph=True); story(g)
once(lambda ctx: (3, None))(None); once(5)
""",
    setup=SETUP,
    tol=SUMMED,
)

test_saved_tensors_that_are_cleared_and_boxed_gradients = table(
    """
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(ctx.maybe_clear_saved_tensors(), seen.append(len(ctx.saved_tensors)), g))}); z = f.apply(y); z.sum().backward(); seen
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(seen.append(ctx.maybe_clear_saved_tensors()), seen.append(len(ctx._raw_saved_tensors)), g))}); z = f.apply(y); z.sum().backward(); seen; z.grad_fn._raw_saved_tensors
f = type("C", (Function,), {"clear_saved_tensors_on_access": True, "forward": staticmethod(lambda ctx, t: also(ctx.save_for_backward(t, t), t * 1)), "backward": staticmethod(lambda ctx, g: also(len(ctx.saved_tensors), seen.append(len(ctx._raw_saved_tensors)), g))}); z = f.apply(y); z.sum().backward(); seen
f = type("C", (Function,), {"clear_saved_tensors_on_access": 5, "forward": staticmethod(lambda ctx, t: t * 1), "backward": staticmethod(lambda ctx, g: g)}); z = f.apply(y)
f = type("C", (Function,), {"clear_saved_tensors_on_access": 5, "forward": staticmethod(lambda ctx, t: t * 1), "backward": staticmethod(lambda ctx, g: g)}); z = f.apply(c)
f = type("C", (Function,), {"clear_saved_tensors_on_access": None, "forward": staticmethod(lambda ctx, t: t * 1), "backward": staticmethod(lambda ctx, g: g)}); z = f.apply(y)
f = type("C", (Function,), {"boxed_grads_call": True, "forward": staticmethod(lambda ctx, t: (t * 1, t * 2)), "backward": staticmethod(lambda ctx, g: also(seen.append((type(g).__name__, len(g))), g[0]))}); z = f.apply(y); z[0].sum().backward(); seen; x.grad
f = type("C", (Function,), {"boxed_grads_call": True, "forward": staticmethod(lambda ctx, t: t * 1), "backward": staticmethod(lambda ctx, *g: also(seen.append((type(g[0]).__name__, len(g))), g[0][0]))}); z = f.apply(y); z.sum().backward(); seen; x.grad
f = type("C", (Function,), {"boxed_grads_call": 5, "forward": staticmethod(lambda ctx, t: t * 1), "backward": staticmethod(lambda ctx, *g: also(seen.append((type(g[0]).__name__, len(g))), g[0]))}); z = f.apply(y); z.sum().backward(); seen; x.grad
f = type("C", (Function,), {"boxed_grads_call": True, "forward": staticmethod(lambda ctx, t: (t * 1, t * 2)), "backward": staticmethod(lambda ctx, g: also(seen.append([h is None for h in g]), g.clear(), torch.ones(3)))}); z = f.apply(y); z[0].sum().backward(); seen; x.grad
f = type("C", (Function,), {"boxed_grads_call": True, "forward": staticmethod(lambda ctx, t: also(ctx.set_materialize_grads(False), (t * 1, t * 2))), "vjp": staticmethod(lambda ctx, g: also(seen.append([h is None for h in g]), torch.ones(3)))}); z = f.apply(y); z[0].sum().backward(); seen; z[0].grad_fn.apply([c, c]); z[0].grad_fn.apply_boxed([c, c])
f = make(lambda ctx, t: t * 1, vjp=lambda ctx, t: t * 5).apply(y).grad_fn; f.apply(c)
type("N", (torch.autograd.function.InplaceFunction,), {"forward": staticmethod(lambda ctx, a: a * 2), "backward": staticmethod(lambda ctx, g: g)}).apply(y).sum().backward(); x.grad
type("S", (torch.autograd.function._SingleLevelFunction,), {"forward": staticmethod(lambda ctx, a: a * 2), "backward": staticmethod(lambda ctx, g: g * 7)}).apply(y).sum().backward(); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)


def scale(torch):
    """A Function that multiplies by 3, of an engine."""

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 3

        @staticmethod
        def backward(ctx, g):
            (ctx.x,) = ctx.saved_tensors
            return g * 3

    return Scale


@parity
def test_where_an_exception_comes_from(torch):
    """Tracebacks contain the line of forward, backward or a hook that raised."""

    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, bad):
            if bad:
                raise KeyError("forward")  # here 1
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise KeyError("backward")  # here 2

    def last_line(f):
        try:
            f()
        except Exception as error:
            return traceback.extract_tb(error.__traceback__)[-1].line
        return None

    def hook(g):
        raise KeyError("hook")  # here 3

    x = torch.ones(2, requires_grad=True)
    yield last_line(lambda: Fails.apply(x, True))
    yield last_line(lambda: Fails.apply(x, False).sum().backward())
    y = scale(torch).apply(x)
    y.register_hook(hook)
    yield last_line(lambda: y.sum().backward())
    yield x.grad


@parity
def test_threads(torch):
    """Functions run in several threads at once, each with its own ctx."""
    function = scale(torch)
    xs = [torch.full((2,), float(k), requires_grad=True) for k in range(4)]

    def work(x):
        for _ in range(20):
            function.apply(function.apply(x)).sum().backward()

    threads = [threading.Thread(target=work, args=(x,)) for x in xs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    yield [x.grad for x in xs]


@parity
def test_copies_of_ctx_and_of_results(torch):
    y = scale(torch).apply(torch.ones(2, requires_grad=True))
    yield lambda: copy.deepcopy(y)
    yield lambda: copy.copy(torch.autograd.Function) is torch.autograd.Function
    yield lambda: pickle.loads(pickle.dumps(y.detach()))


@pytest.mark.parametrize("through", ["attribute", "saved", "hook", "output"])
def test_ctx_does_not_leak(torch, through):
    """A ctx that holds its own output, in any way, is freed with it."""
    function = scale(torch)
    x = torch.ones(2, requires_grad=True)
    y = function.apply(x)
    ctx = y.grad_fn
    if through == "attribute":
        ctx.mine = y
    elif through == "hook":
        ctx.register_hook(lambda *a, y=y: None)
    elif through == "output":
        y.of = ctx
    z = function.apply(y)
    gone = [weakref.ref(ctx), weakref.ref(y), weakref.ref(z.grad_fn)]
    del ctx, y, z
    gc.collect()
    assert [g() for g in gone] == [None] * 3


def test_ctx_outlives_its_graph(torch):
    seen = []

    class Keeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(ctx)
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = torch.ones(2, requires_grad=True)
    Keeps.apply(x)
    (ctx,) = seen
    gc.collect()
    assert ctx.saved_tensors[0] is x
    assert ctx.next_functions[0][0].variable is x
    assert ctx.name() == "KeepsBackward"
    out = Keeps.apply(x)
    assert out.grad_fn is seen[1]
    seen.clear()
    out.sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="second time"):
        _ = out.grad_fn.saved_tensors


def test_gradients_in_a_list_can_be_freed(torch):
    """With boxed_grads_call backward holds the only reference to its gradients."""

    class Boxed(torch.autograd.Function):
        boxed_grads_call = True

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grads):
            alive = weakref.ref(grads[0])
            grads.clear()
            seen.append(alive() is None)
            return torch.ones(3)

    seen = []
    x = torch.ones(3, requires_grad=True)
    (Boxed.apply(x) * torch.ones(3)).sum().backward()
    assert seen == [True]
