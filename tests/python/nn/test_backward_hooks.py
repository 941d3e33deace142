"""Backward hooks of modules: full hooks and pre-hooks, the older kind, those of all modules.

A case is a line of code that ends at its first exception.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc
import weakref

from parity import SUMMED, table

SETUP = """
import copy, pickle
seen = []
G = nn.modules.module
G._global_is_full_backward_hook = None
H = torch.utils.hooks
def s(v): return [None if t is None else (t.tolist() if isinstance(t, torch.Tensor) else type(t).__name__) for t in v] if isinstance(v, tuple) else type(v).__name__ if not isinstance(v, torch.Tensor) else v.tolist()
def note(m, gi, go): seen.append((type(m).__name__, type(gi).__name__, s(gi), type(go).__name__, s(go)))
def pre(m, go): seen.append(("pre", s(go)))
class M(nn.Module):
    def __init__(self, f): super().__init__(); self.f = f
    def forward(self, *a, **k): return self.f(*a, **k)
def walk(f, depth=8): return f if f is None or depth == 0 else (f.name(), [(walk(n, depth - 1), k) for n, k in f.next_functions])
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = torch.tensor([3.0, 4.0], requires_grad=True)
c = torch.tensor([5.0, 6.0])
m = M(lambda a: a * 2)
m2 = M(lambda a, b: a * b)
"""

test_full_hooks = table(
    """
h = m.register_full_backward_hook(note); type(h).__name__; z = m(x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_full_backward_hook(note); z = m(x*3); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_full_backward_hook(note); z = m(c); walk(z.grad_fn)
h = m2.register_full_backward_hook(note); z = m2(x, c); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m2.register_full_backward_hook(note); z = m2(x, y); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m2.register_full_backward_hook(note); z = m2(x, 3); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m2.register_full_backward_hook(note); z = m2(3, x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m2.register_full_backward_hook(note); z = m2(c, b=x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m2.register_full_backward_hook(note); z = m2(a=c, b=x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(pre); z = m(x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(pre); h2 = m.register_full_backward_hook(note); z = m(x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: go[0] * 10); h2 = m.register_full_backward_hook(note); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,)); h2 = m.register_full_backward_hook(note); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: [go[0] * 10]); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,)*2); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: ()); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: (None,)); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_pre_hook(lambda m, go: 5); z = m(x); z.sum().backward(); seen; x.grad
h = m.register_full_backward_hook(lambda m, gi, go: gi[0] * 10); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,)); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: [gi[0] * 10]); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,)*2); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: ()); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: 5); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: "ab"); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: (None,)); z = m(x); z.sum().backward(); x.grad
h = m2.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10, c)); z = m2(x, c); z.sum().backward(); x.grad
h = m2.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10, None)); z = m2(x, c); z.sum().backward(); x.grad
h = m2.register_full_backward_hook(lambda m, gi, go: (None, None)); z = m2(x, y); z.sum().backward(); x.grad; y.grad
h = m.register_full_backward_hook(lambda m, gi, go: 1/0); z = m(x); z.sum().backward(); x.grad
h = m.register_full_backward_hook(lambda m, gi, go: gi[0]*2); m.register_full_backward_hook(note); m.register_full_backward_hook(lambda m, gi, go: gi[0]*3, prepend=True); z = m(x); z.sum().backward(); x.grad; seen
h = m.register_full_backward_pre_hook(lambda m, go: go[0]*2); m.register_full_backward_pre_hook(pre); m.register_full_backward_pre_hook(lambda m, go: go[0]*3, prepend=True); z = m(x); z.sum().backward(); x.grad; seen
k = M(lambda a: (a * 2, a * 3)); k.register_full_backward_hook(note); z = k(x); type(z).__name__; walk(z[0].grad_fn); z[0].sum().backward(); seen; x.grad
k = M(lambda a: (a * 2, a * 3)); k.register_full_backward_hook(note); z = k(x); (z[0].sum() + z[1].sum()).backward(); seen; x.grad
k = M(lambda a: (a * 2, a.detach())); k.register_full_backward_hook(note); z = k(x); walk(z[0].grad_fn); z[1].requires_grad; (z[0].sum() + z[1].sum()).backward(); seen; x.grad
k = M(lambda a: (a * 2, 5, a.long())); k.register_full_backward_hook(note); z = k(x); walk(z[0].grad_fn); z[1]; z[2]; z[0].sum().backward(); seen
k = M(lambda a: [a * 2, a * 3]); k.register_full_backward_hook(note); z = k(x); type(z).__name__; walk(z[0].grad_fn); (z[0].sum() + z[1].sum()).backward(); seen
k = M(lambda a: {"a": a * 2}); k.register_full_backward_hook(note); z = k(x); type(z).__name__; walk(z["a"].grad_fn); z["a"].sum().backward(); seen
k = M(lambda a: {"a": (a * 2, a)}); k.register_full_backward_hook(note); z = k(x); walk(z["a"][0].grad_fn); z["a"][0].sum().backward(); seen
k = M(lambda a: (a * 2, (a * 3, a))); k.register_full_backward_hook(note); z = k(x); walk(z[0].grad_fn); walk(z[1][0].grad_fn); (z[0].sum() + z[1][0].sum()).backward(); seen
k = M(lambda a: a[0] * 2); k.register_full_backward_hook(note); z = k((x, y)); walk(z.grad_fn); z.sum().backward(); seen
k = M(lambda a: a[0] * 2); k.register_full_backward_hook(note); z = k([x, y]); walk(z.grad_fn); z.sum().backward(); seen
k = M(lambda a: 5); k.register_full_backward_hook(note); z = k(x); z
k = M(lambda a: None); k.register_full_backward_hook(note); z = k(x); z
k = M(lambda a: a); k.register_full_backward_hook(note); z = k(x); z is x; walk(z.grad_fn); z.sum().backward(); seen
k = M(lambda a: c); k.register_full_backward_hook(note); z = k(x); z is c; walk(z.grad_fn)
k = M(lambda a: y * 2); k.register_full_backward_hook(note); z = k(x); walk(z.grad_fn); z.sum().backward(); seen; y.grad; x.grad
k = M(lambda a: y * 2); k.register_full_backward_hook(note); z = k(c); walk(z.grad_fn); z.sum().backward(); seen; y.grad
k = M(lambda: y * 2); k.register_full_backward_hook(note); z = k(); walk(z.grad_fn); z.sum().backward(); seen; y.grad
k = M(lambda a: y * 2); k.register_full_backward_hook(lambda m, gi, go: (c,)); z = k(c); z.sum().backward(); seen; y.grad
k = M(lambda: y * 2); k.register_full_backward_hook(lambda m, gi, go: ()); z = k(); z.sum().backward(); seen; y.grad
k = M(lambda a: y * 2); k.register_full_backward_hook(lambda m, gi, go: (None,)); z = k(c); z.sum().backward(); seen; y.grad
k = M(lambda a: a.add_(1)); k.register_full_backward_hook(note); z = k(x)
k = M(lambda a: a.add_(1)); k.register_full_backward_hook(note); z = k(x * 1)
k = M(lambda a: a.add_(1)); k.register_full_backward_hook(note); z = k(c)
m.register_full_backward_hook(note); z = m(x); z.add_(1)
m.register_full_backward_hook(note); z = m(x); z.mul_(c); z.sum().backward()
m.register_full_backward_hook(note); z = m(x).detach_()
m.register_full_backward_hook(note); z = m(x); z[0] = 1
m.register_full_backward_hook(note); z = m(c); z.add_(1)
m.register_full_backward_pre_hook(pre); z = m(x); z.add_(1)
m.register_full_backward_hook(note); torch.set_grad_enabled(False); z = m(x); z.requires_grad
m.register_full_backward_hook(note); z = m(x); g, = torch.autograd.grad(z.sum(), x); seen; g
m.register_full_backward_hook(note); z = m(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); g.requires_grad; seen
k = M(lambda a: a ** 3); k.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,)); z = k(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); walk(g.grad_fn, 3); g.sum().backward(); x.grad
m.register_full_backward_hook(note); z = m(x); z.sum().backward(retain_graph=True); z.sum().backward(); len(seen); z.sum().backward()
k = M(lambda a: a.exp().sin()); k.register_full_backward_hook(note); k.register_full_backward_pre_hook(pre); z = torch.utils.checkpoint.checkpoint(k, x, use_reentrant=False); z.sum().backward(); seen; x.grad
k = M(lambda a: a.exp().sin()); k.register_full_backward_hook(note); k.register_full_backward_pre_hook(pre); z = torch.utils.checkpoint.checkpoint(k, x, use_reentrant=True); z.sum().backward(); seen; x.grad
m.register_full_backward_hook(note); z = m(m(x)); z.sum().backward(); seen
m.register_full_backward_hook(note); z = m(x) + m(y); z.sum().backward(); len(seen)
h = m.register_full_backward_hook(note); z = m(x); h.remove(); z.sum().backward(); len(seen); m._backward_hooks
h = m.register_full_backward_hook(note); h.remove(); z = m(x); walk(z.grad_fn)
k = M(lambda a, b: (a * 2, b * 3)); k.register_full_backward_hook(note); p, q = k(x, y); p.sum().backward(); seen; x.grad; y.grad; q.sum().backward(); seen; y.grad
k = M(lambda a, b: (a * 2, b * 3)); k.register_full_backward_hook(note); p, q = k(x, y); torch.autograd.grad(p.sum(), x); seen
k = M(lambda a, b: a * 2); k.register_full_backward_hook(note); p = k(x, y); p.sum().backward(); seen; y.grad
k = M(lambda a: (a * 2).sum()); k.register_full_backward_hook(note); p = k(x); p.backward(); seen
k = M(lambda a: x * 2); k.register_full_backward_hook(note); p = k(y); p.sum().backward(); seen; x.grad
k = M(lambda a: a * 2); k.register_full_backward_hook(note); i = []; k.f = lambda a: (i.append(a), a * 2)[1]; p = k(x); i[0] is x; walk(i[0].grad_fn); i[0].sum().backward(); seen
k = M(lambda a: a * 2); k.register_full_backward_hook(note); v = nn.Parameter(c); i = []; k.f = lambda a: (i.append(type(a).__name__), a * 2)[1]; p = k(v); i
m._is_full_backward_hook; m.register_full_backward_hook(note); m._is_full_backward_hook; m._backward_pre_hooks; len(m._backward_hooks)
m.register_full_backward_hook(5); z = m(x); z.sum().backward()
m.register_full_backward_hook(None); z = m(x); z.sum().backward()
m.register_full_backward_pre_hook(None); z = m(x); z.sum().backward()
m.register_full_backward_hook()
m.register_full_backward_hook(note, True)
m.register_full_backward_hook(hook=note, prepend=True)
m.register_full_backward_pre_hook(pre, True)
k = M(lambda a: (a * 2, a)); k.register_full_backward_hook(note); z = k(x); (z[1] * 3).sum().backward(); seen
k = M(lambda a: (a * 2).detach()); k.register_full_backward_hook(note); z = k(x); z.requires_grad
k = M(lambda a: a * 2); k.register_full_backward_hook(note); a = x * 1; hs = k.register_forward_pre_hook(lambda m, a: (a[0] * 3,)); k.register_forward_hook(lambda m, a, o: (seen.append((walk(a[0].grad_fn, 2), walk(o.grad_fn, 2))), o * 5)[1]); z = k(a); walk(z.grad_fn); z.sum().backward(); seen
m.register_full_backward_hook(note); e = []; b = x * 1; k = M(lambda a: (e.append(a), a * 2)[1]); k.register_full_backward_hook(note); z = k(b); e[0].sum().backward(); z.sum().backward()
k = M(lambda a: a * y); k.register_full_backward_hook(note); z = k(x); torch.autograd.grad(z.sum(), y); seen
k = M(lambda a: a * y); k.register_full_backward_hook(note); z = k(c); torch.autograd.grad(z.sum(), y); seen
k = M(lambda a, b: a); k.register_full_backward_hook(note); z = k(x.double(), y.half()); z.dtype; z.sum().backward(); seen
k = M(lambda a: a.relu_()); k.register_full_backward_hook(note); z = k(x * 1)
m.register_full_backward_hook(note); i = torch.arange(2); z = m2(x, i); m2.register_full_backward_hook(note); z = m2(x, i); z.sum().backward(); seen
k = M(lambda a: a.exp()); k.register_full_backward_hook(lambda m, gi, go: [c]); z = k(c)
k = M(lambda a: x.exp()); k.register_full_backward_hook(lambda m, gi, go: [None]); z = k(c); z.sum().backward()
k = M(lambda a: x.exp()); k.register_full_backward_hook(lambda m, gi, go: 0); z = k(c); z.sum().backward()
k = M(lambda a: x.exp()); k.register_full_backward_hook(lambda m, gi, go: (None, None)); z = k(c); z.sum().backward()
k = M(lambda a: a.exp()); k.register_full_backward_hook(lambda m, gi, go: (5,)); z = k(x); z.sum().backward()
k = M(lambda a: a.exp()); k.register_full_backward_hook(lambda m, gi, go: (torch.ones(7),)); z = k(x); z.sum().backward()
k = M(lambda a: a.exp()); k.register_full_backward_pre_hook(lambda m, go: (5,)); z = k(x); z.sum().backward()
k = M(lambda a: a.exp()); k.register_full_backward_pre_hook(lambda m, go: (torch.ones(7),)); z = k(x); z.sum().backward()
k = M(lambda a: (a.exp(), 5, a.sin())); k.register_full_backward_pre_hook(lambda m, go: (go[0], None, go[0])); z = k(x); z[0].sum().backward(); x.grad
k = M(lambda a: (a.exp(), 5, a.sin())); k.register_full_backward_pre_hook(lambda m, go: (go[0], 7, go[0])); z = k(x); z[0].sum().backward(); x.grad
k = M(lambda a, n, b: a*b); k.register_full_backward_hook(lambda m, gi, go: (gi[0], "q", gi[2] * 2)); z = k(x, 5, y); z.sum().backward(); x.grad; y.grad
m.register_full_backward_hook(note); m.zero_grad(); w = m.requires_grad_(False); w is m
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (go[0], go[0]))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (go[0], 5))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (go[0], c.double()))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (None, 5))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (go[0], None))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
k = M(lambda a: (a.exp(), a.sin())); k.register_full_backward_hook(note); k.register_full_backward_pre_hook(lambda m, go: (seen.append(s(go)), (go[0], go[0]*5))[1]); z = k(x); z[0].sum().backward(); x.grad; seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_hooks_that_are_not_full = table(
    """
h = m.register_backward_hook(note); z = m(x); walk(z.grad_fn); z.sum().backward(); seen; x.grad
h = m.register_backward_hook(note); z = m(x); h.remove(); z.sum().backward(); seen
h = m2.register_backward_hook(note); z = m2(x, y); z.sum().backward(); seen
k = M(lambda a: (a * 2).exp()); h = k.register_backward_hook(note); z = k(x); z.sum().backward(); seen
k = M(lambda a: a); h = k.register_backward_hook(note); z = k(x); z is x; z.sum().backward(); seen
k = M(lambda a: a); h = k.register_backward_hook(note); z = k(x * 1); z.sum().backward(); seen
k = M(lambda a: (a * 2, a * 3)); h = k.register_backward_hook(note); z = k(x); (z[0].sum() + z[1].sum()).backward(); seen
k = M(lambda a: [a * 2, a * 3]); h = k.register_backward_hook(note); z = k(x); z[0].sum().backward(); seen
k = M(lambda a: {"p": a * 2, "q": a * 3}); h = k.register_backward_hook(note); z = k(x); z["p"].sum().backward(); seen
k = M(lambda a: {"p": [a * 2, a], "q": a * 3}); h = k.register_backward_hook(note); z = k(x); z["p"][0].sum().backward(); seen
k = M(lambda a: {"p": 3, "q": a * 3}); h = k.register_backward_hook(note); z = k(x); seen
k = M(lambda a: {}); h = k.register_backward_hook(note); z = k(x); seen
k = M(lambda a: (5, a * 2)); h = k.register_backward_hook(note); z = k(x); seen; z[1].sum().backward(); seen
k = M(lambda a: ((a * 2, 5), a * 2)); h = k.register_backward_hook(note); z = k(x); z[0][0].sum().backward(); seen
k = M(lambda a: ()); h = k.register_backward_hook(note); z = k(x); seen
k = M(lambda a: 5); h = k.register_backward_hook(note); z = k(x); seen
k = M(lambda a: None); h = k.register_backward_hook(note); z = k(x); seen
k = M(lambda a: (a * 2,)); h = k.register_backward_hook(note); z = k(x); z[0].sum().backward(); seen
k = M(lambda a: a[0] * 2); h = k.register_backward_hook(note); z = k((x, y)); z.sum().backward(); seen
k = M(lambda a: a[0] * 2); h = k.register_backward_hook(note); z = k([x, y]); z.sum().backward(); seen
k = M(lambda a: (a * 2).view(2, 1)); h = k.register_backward_hook(note); z = k(x); z.sum().backward(); seen
k = M(lambda a, b: a * b); h = k.register_backward_hook(note); z = k(x, b=y); z.sum().backward(); seen
k = M(lambda a, b: a * b); h = k.register_backward_hook(note); z = k(x, 2); z.sum().backward(); seen
k = M(lambda a, b: a * b); h = k.register_backward_hook(note); z = k(x, x); z.sum().backward(); seen
h = m2.register_backward_hook(note); z = m2(x * 1, y); z.sum().backward(); seen
h = m2.register_backward_hook(note); z = m2(x, c); z.sum().backward(); seen
h = m2.register_backward_hook(note); z = m2(c, c); z.requires_grad; seen
h = m.register_backward_hook(lambda m, gi, go: (gi[0] * 10, None)); z = m(x); z.sum().backward(); x.grad
h = m.register_backward_hook(lambda m, gi, go: gi[0] * 10); z = m(x); z.sum().backward(); x.grad
h = m.register_backward_hook(lambda m, gi, go: (gi[0] * 10,)); z = m(x); z.sum().backward(); x.grad
h = m.register_backward_hook(lambda m, gi, go: 5); z = m(x); z.sum().backward(); x.grad
h = m.register_backward_hook(lambda m, gi, go: 1 / 0); z = m(x); z.sum().backward(); x.grad
h = m.register_backward_hook(note); m.register_backward_hook(lambda m, gi, go: (gi[0] * 10, None)); m.register_backward_hook(note); z = m(x); z.sum().backward(); x.grad; seen
h = m.register_backward_hook(note); m.register_full_backward_hook(note)
h = m.register_full_backward_hook(note); m.register_backward_hook(note)
h = m.register_full_backward_hook(note); h.remove(); m.register_backward_hook(note)
h = m.register_backward_hook(note); h.remove(); m.register_full_backward_hook(note)
h = m.register_full_backward_pre_hook(pre); m.register_backward_hook(note); z = m(x); z.sum().backward(); seen
m._is_full_backward_hook; m.register_backward_hook(note); m._is_full_backward_hook
m.register_backward_hook(None); z = m(x); z.sum().backward()
m.register_backward_hook(note, prepend=True)
k = M(lambda a: a.exp()); k.register_backward_hook(note); z = k(x * 1); z = k(x); z = k(x.exp())
k = M(lambda a: a * 2); k.register_backward_hook(note); z = k(x.exp())
k = M(lambda a, b: a * b); k.register_backward_hook(note); z = k(x.exp(), y.exp())
k = M(lambda a, b: a * b); k.register_backward_hook(note); z = k(x.exp(), c); z = k(x.exp(), y)
k = M(lambda a: a.unbind()); k.register_backward_hook(note); z = k(x.exp())
k = M(lambda a: (a.exp(), c)); k.register_backward_hook(note); z = k(x.exp())
k = M(lambda a: (c, a.exp())); k.register_backward_hook(note); z = k(x.exp())
k = M(lambda: x.exp()); k.register_backward_hook(note); z = k()
k = M(lambda a: a); k.register_backward_hook(note); z = k(x.exp()); z.sum().backward(); seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_hooks_of_all_modules = table(
    """
h = G.register_module_full_backward_hook(note); z = m(x); h.remove(); z.sum().backward(); seen; walk(z.grad_fn)
h = G.register_module_full_backward_pre_hook(pre); z = m(x); h.remove(); z.sum().backward(); seen; walk(z.grad_fn)
h = G.register_module_backward_hook(note); z = m(x); h.remove(); z.sum().backward(); seen; walk(z.grad_fn)
h = G.register_module_backward_hook(note); h2 = G.register_module_backward_hook(note); h.remove(); h2.remove(); G._global_is_full_backward_hook; h = G.register_module_full_backward_hook(note)
h = G.register_module_full_backward_hook(note); h.remove(); h2 = G.register_module_backward_hook(note)
h = G.register_module_full_backward_hook(lambda *a: seen.append("global")); m.register_full_backward_hook(lambda *a: seen.append("own")); p = G.register_module_full_backward_pre_hook(lambda *a: seen.append("gpre")); m.register_full_backward_pre_hook(lambda *a: seen.append("pre")); z = m(x); h.remove(); p.remove(); z.sum().backward(); seen
h = G.register_module_full_backward_hook(lambda *a: seen.append("global")); m.register_backward_hook(lambda *a: seen.append("own")); z = m(x); h.remove(); z.sum().backward(); seen; walk(z.grad_fn)
h = G.register_module_backward_hook(lambda *a: seen.append("global")); m.register_full_backward_hook(lambda *a: seen.append("own")); z = m(x); h.remove(); z.sum().backward(); seen; walk(z.grad_fn)
h = G.register_module_full_backward_hook(note, ); s = nn.Sequential(m, m2 and nn.ReLU()); z = s(x); h.remove(); z.sum().backward(); seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_the_hook_object_and_helpers = table(
    """
B = H.BackwardHook(m, [lambda m, gi, go: seen.append("user")], [lambda m, go: seen.append("pre")]); a = B.setup_input_hook((x,)); z = B.setup_output_hook(a[0] * 2); z.sum().backward(); seen; sorted(k for k in vars(B))
H.BackwardHook()
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x, 5, "a", y)); z = B.setup_output_hook(a[0] * 2); a[1:3]; z.sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); b = B.setup_input_hook((x,))
B = H.BackwardHook(m, [note],[]); a = B.setup_output_hook(x)
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((c,)); z = B.setup_output_hook(x * 2); z.sum().backward(); seen
B = H.BackwardHook(m, [note],[]); z = B.setup_output_hook(x * 2); z.sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); z = B.setup_output_hook(a[0] * 2); (z + a[0]).sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); z = B.setup_output_hook(a[0] * 2); a[0].sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); z = B.setup_output_hook((a[0] * 2, 3)); z; z[0].sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook(()); z = B.setup_output_hook((x * 2, 3)); z; z[0].sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); z = B.setup_output_hook(a[0] * 2); z.sum().backward(retain_graph=True); z.sum().backward(); seen
B = H.BackwardHook(m, [],[pre]); a = B.setup_input_hook((c,)); z = B.setup_output_hook(x * 2); z.sum().backward(); seen
B = H.BackwardHook(m, [note],[]); a = B.setup_input_hook((x,)); z = B.setup_output_hook(a[0] * 2); B.setup_output_hook(z).sum().backward(); seen; B.grad_outputs; B.n_inputs; B.n_outputs; B.input_tensors_index; B.output_tensors_index
B = H.BackwardHook(m, [note],[]); B.n_inputs, B.n_outputs, B.input_tensors_index, B.grad_outputs, B.output_tensors_index
H.unserializable_hook(nonexistent := (lambda g: g)); vars(nonexistent); x.register_hook(nonexistent); H.warn_if_has_hooks(x)
H.unserializable_hook(note) is note; x.register_hook(note); H.warn_if_has_hooks(x)
len([H.warn_if_has_hooks(t) for t in (x, c)])
H.BackwardHook(m, [note])
""",
    setup=SETUP,
    tol=SUMMED,
)

test_copies_and_pickles = table(
    """
m.register_full_backward_hook(note); p = pickle = __import__("pickle"); m.f = len; q = pickle.loads(pickle.dumps(nn.Linear(2, 2))); sorted(vars(q))
cp = __import__("copy"); m.register_full_backward_hook(lambda m, gi, go: seen.append(m is q)); m.register_full_backward_pre_hook(lambda m, go: seen.append(m is q)); q = cp.deepcopy(m); q(x).sum().backward(); seen; m(x).sum().backward(); seen; q._backward_hooks is m._backward_hooks; len(q._backward_hooks)
cp = __import__("copy"); h = m.register_full_backward_hook(note); q = cp.copy(m); h.remove(); len(q._backward_hooks)
q = copy.deepcopy(m); q.__dict__.pop("_backward_hooks"); q2 = M(None); q2.__setstate__({k: v for k, v in vars(q).items() if "hook" not in k}); sorted(vars(q2)); q2(x)
q = M.__new__(M); q.__setstate__({"f": m.f, "_parameters": {}, "_modules": {}, "_buffers": {}, "training": True}); sorted({*vars(q), "_forward_hooks", "_backward_hooks"})
m.register_full_backward_hook(print); m.f = abs; q = pickle.loads(pickle.dumps(nn.Sequential(nn.ReLU()))); q.register_full_backward_hook(note); q(x).sum().backward(); seen
q = nn.Linear(2, 2); q.register_full_backward_hook(nn.functional.relu); p = pickle.loads(pickle.dumps(q)); len(p._backward_hooks); p._is_full_backward_hook
m.register_full_backward_hook(lambda *a: 1); m.f = abs; nn.Module.__reduce_ex__; len(copy.copy(m)._backward_hooks)
""",
    setup=SETUP,
    tol=SUMMED,
)


def test_a_module_with_hooks_is_freed(torch):
    """The nodes of a call hold the hooks and through them the module, in a cycle of Python objects."""
    m = torch.nn.Linear(2, 2)
    m.register_full_backward_hook(lambda module, gi, go: None)
    m.register_full_backward_pre_hook(lambda module, go, holds=m: None)
    m.last = m(torch.ones(2, requires_grad=True))
    m.last.sum().backward()
    gone = weakref.ref(m)
    del m
    gc.collect()
    assert gone() is None


def test_a_string_as_output_has_no_node(torch):
    """PyTorch looks for a tensor in the first character of the first character, without end."""

    class Text(torch.nn.Module):
        def forward(self):
            return "text"

    m = Text()
    m.register_backward_hook(lambda *a: None)
    assert m() == "text"
