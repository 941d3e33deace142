"""Hooks: their order, what they see, what they may return, and what they may do while they run.

A case is a line of code that ends at its first exception. `log`, `pre`, `post` and `acc` make hooks
of a tensor, of a node before and after it runs, and of a leaf after accumulation: each notes in
`seen` what it saw and returns what its function makes of it. `accumulator` gives a leaf's node.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import table

SETUP = """
seen = []
def show(gs): return None if gs is None else tuple(show(g) if isinstance(g, tuple) else None if g is None else g.tolist() for g in gs)
def log(name, change=None):
    def hook(g):
        seen.append((name, None if g is None else (g.tolist(), g.requires_grad), torch.is_grad_enabled()))
        return None if change is None else change(g)
    return hook
def pre(name, change=None):
    def hook(gs):
        seen.append((name, show(gs), torch.is_grad_enabled()))
        return None if change is None else change(gs)
    return hook
def post(name, change=None):
    def hook(inputs, outputs):
        seen.append((name, show(inputs), show(outputs), torch.is_grad_enabled()))
        return None if change is None else change(inputs, outputs)
    return hook
def acc(name, change=None):
    def hook(p):
        seen.append((name, p.tolist(), p.grad.tolist(), torch.is_grad_enabled()))
        return None if change is None else change(p)
    return hook
def accumulator(t): return t.view_as(t).grad_fn.next_functions[0][0]
def fail(*a): raise KeyError("mine")
def make(name, forward, backward): return type(name, (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 3
n = y.grad_fn
"""

test_order = table(
    """
_ = y.register_hook(log("h")), n.register_prehook(pre("pre")), n.register_hook(post("post")); y.backward(torch.ones(2)); seen
_ = n.register_hook(post("post")), n.register_prehook(pre("pre")), y.register_hook(log("h")); y.backward(torch.ones(2)); seen
_ = n.register_prehook(pre("pre", lambda g: (g[0] * 2,))), y.register_hook(log("h", lambda g: g * 10)); y.backward(torch.ones(2)); seen; x.grad
_ = n.register_prehook(pre("a", lambda g: (g[0] + 1,))), n.register_prehook(pre("b", lambda g: (g[0] * 5,))); y.backward(torch.ones(2)); seen; x.grad
_ = n.register_hook(post("a", lambda i, o: (i[0] + 1, None))), n.register_hook(post("b", lambda i, o: (i[0] * 5, None))); y.backward(torch.ones(2)); seen; x.grad
_ = x.register_hook(log("h")), x.register_post_accumulate_grad_hook(acc("acc")); y.backward(torch.ones(2)); seen
_ = x.register_post_accumulate_grad_hook(acc("acc")), x.register_hook(log("h", lambda g: g * 7)); y.backward(torch.ones(2)); seen
_ = x.register_post_accumulate_grad_hook(acc("first")), x.register_post_accumulate_grad_hook(acc("second")); y.backward(torch.ones(2)); seen
k = accumulator(x); _ = k.register_hook(post("post")), k.register_prehook(pre("pre")), x.register_hook(log("h")), x.register_post_accumulate_grad_hook(acc("acc")); y.backward(torch.ones(2)); seen
k = accumulator(x); _ = x.register_post_accumulate_grad_hook(acc("acc")), k.register_hook(post("post")); (y * y).sum().backward(); seen
k = accumulator(x); _ = k.register_prehook(pre("pre", lambda g: (g[0] * 2,))), x.register_hook(log("h", lambda g: g + 1)); y.backward(torch.ones(2)); seen; x.grad
z = y * y; _ = z.register_hook(log("z")), y.register_hook(log("y")), x.register_hook(log("x")); z.sum().backward(); seen
z = y.exp(); w = y.sin(); _ = w.register_hook(log("w")), z.register_hook(log("z")), y.register_hook(log("y")); (z * 0 + w * 0).sum().backward(); seen
z = y * 2; w = y * 3; _ = w.grad_fn.register_hook(post("w")), z.grad_fn.register_hook(post("z")), n.register_hook(post("y")); (z + w).sum().backward(); seen
z = y * 2; w = y * 3; _ = w.grad_fn.register_hook(post("w")), z.grad_fn.register_hook(post("z")), n.register_hook(post("y")); (w + z).sum().backward(); seen
a = x * 1; b = x * 2; _ = a.register_hook(log("a")), b.register_hook(log("b")); torch.autograd.backward([a.sum(), b.sum()]); seen
a = x * 1; b = x * 2; _ = a.register_hook(log("a")), b.register_hook(log("b")); torch.autograd.backward([b.sum(), a.sum()]); seen
s = y.sum(); _ = s.register_hook(log("s")), s.grad_fn.register_prehook(pre("p")); s.backward(); seen
v = torch.ones(2, requires_grad=True); u = torch.ones(2, requires_grad=True); _ = u.register_post_accumulate_grad_hook(acc("u")), v.register_post_accumulate_grad_hook(acc("v")); (u * v).sum().backward(); seen
v = torch.ones(2, requires_grad=True); u = torch.ones(2, requires_grad=True); _ = u.register_hook(log("u")), v.register_hook(log("v")); (v + u).sum().backward(); seen
v = torch.ones(2, requires_grad=True); u = torch.ones(2, requires_grad=True); a = v * 2; b = u * 2; _ = u.register_hook(log("u")), v.register_hook(log("v")), a.register_hook(log("a")), b.register_hook(log("b")); (a + b).sum().backward(); seen
v = torch.ones(2, requires_grad=True); a = v * 2; b = x * 2; c = a * b; _ = x.register_hook(log("x")), v.register_hook(log("v")), a.register_hook(log("a")), b.register_hook(log("b")); c.sum().backward(); seen
k = accumulator(x); _ = k.register_hook(post("late")); z = x * 2 + y; z.sum().backward(); seen
h = y.register_hook(log("1")), y.register_hook(log("2")); h[0].remove(); h = y.register_hook(log("3")); y.sum().backward(); seen
""",
    setup=SETUP,
)

test_retained_gradients = table(
    """
y.retain_grad(); _ = n.register_prehook(pre("pre", lambda g: (g[0] * 2,))); y.backward(torch.ones(2)); y.grad; x.grad
_ = n.register_prehook(pre("pre", lambda g: (g[0] * 2,))); y.retain_grad(); y.backward(torch.ones(2)); y.grad; x.grad
_ = y.register_hook(lambda g: seen.append(y.grad)); y.retain_grad(); y.sum().backward(); seen
y.retain_grad(); _ = y.register_hook(lambda g: seen.append(y.grad)); y.sum().backward(); seen
y.retain_grad(); _ = n.register_prehook(lambda g: seen.append(y.grad)); y.sum().backward(); seen
y.retain_grad(); _ = n.register_hook(lambda i, o: seen.append(y.grad is not None)); y.sum().backward(); seen
y.retain_grad(); _ = y.register_hook(lambda g: g.mul_(4)); y.sum().backward(); y.grad
y.retain_grad(); _ = y.register_hook(seen.append); (y * 2).sum().backward(); seen[0] is y.grad; seen[0].add_(1); y.grad
y.retain_grad(); y.sum().backward(retain_graph=True); y.sum().backward(); y.grad
y.retain_grad(); y.sum().backward(retain_graph=True); g = y.grad; y.sum().backward(); g is y.grad; g
y.retain_grad(); y.sum().backward(inputs=[x]); y.grad
y.retain_grad(); torch.autograd.grad(y.sum(), x, retain_graph=True); y.grad; torch.autograd.grad(y.sum(), y); y.grad
y.retain_grad(); y.sum().backward(inputs=[y]); y.grad; x.grad
y.retain_grad(); _ = y.register_hook(log("h", lambda g: g * 2)); y.sum().backward(inputs=[y]); y.grad; seen
_ = y.register_hook(log("h", lambda g: g * 2)); y.sum().backward(inputs=[y]); y.grad; seen
y.retain_grad(); y.mul_(2); y.sum().backward(); y.grad; x.grad
y.retain_grad(); y.mul_(2); _ = y.register_hook(log("after")); y.sum().backward(); y.grad; seen
_ = y.register_hook(log("before")); y.mul_(2); y.retain_grad(); y.mul_(5); y.sum().backward(); y.grad; seen
y.retain_grad(); y.mul_(2); y.retain_grad(); y.retains_grad; y.sum().backward(); y.grad
v = y[0:1]; y.retain_grad(); v.mul_(2); (y * 3).sum().backward(); y.grad; x.grad
v = y[0:1]; v.retain_grad(); v.mul_(2); v.retains_grad; (y * 3).sum().backward(); v.grad
y.retain_grad(); y.detach_(); y.retains_grad; y.requires_grad_(); y.sum().backward(); y.grad
y.retain_grad(); y.sum().backward(create_graph=True); y.grad; y.grad.requires_grad
y.retain_grad(); (y * y).sum().backward(create_graph=True); y.grad.requires_grad, x.grad.requires_grad
y.retain_grad(); z = y.detach(); z.retains_grad; z.requires_grad_(); z.sum().backward(); z.grad; y.grad
x.retain_grad(); x.retains_grad; y.sum().backward(); x.grad
y.retain_grad(); torch.autograd.backward([y, y], [torch.ones(2), torch.ones(2)]); y.grad
y.retain_grad(); y.backward(torch.ones(2)); y.grad
g = torch.ones(2); y.retain_grad(); y.backward(g); y.grad is g; g.add_(1); y.grad
y.retain_grad(); y.grad = torch.ones(2); y.sum().backward(); y.grad
y.retain_grad(); y.sum().backward(); y.grad = None; (x * 1).sum().backward(); y.grad
y.retain_grad(); _ = y.register_hook(fail); y.sum().backward()
y.retain_grad(); _ = n.register_hook(fail); y.sum().backward()
p, q = y.unbind(); p.retain_grad(); q.retain_grad(); (p * 5).backward(); p.grad; q.grad
m, i = y.max(0); m.retain_grad(); m.backward(); m.grad; i.requires_grad
y.retain_grad(); z = y.view(2, 1); z.retain_grad(); (z * 2).sum().backward(); y.grad; z.grad
y.retain_grad(); z = y.expand(3, 2); z.retain_grad(); z.sum().backward(); z.grad.stride(); y.grad
""",
    setup=SETUP,
)

test_history_that_hooks_see = table(
    """
_ = y.register_hook(log("before")); y.mul_(2); _ = y.register_hook(log("after")); y.sum().backward(); seen
_ = y.register_hook(log("before")); y.mul_(2); y.add_(1); _ = y.register_hook(log("after")); (y * 3).sum().backward(); seen
_ = y.register_hook(log("before", lambda g: g * 10)); y.mul_(2); y.sum().backward(); seen; x.grad
_ = y.register_hook(log("before")); y[0] = 5.0; _ = y.register_hook(log("after")); y.sum().backward(); seen; x.grad
_ = y.register_hook(log("base")); v = y[:1]; v.mul_(4); _ = y.register_hook(log("new")), v.register_hook(log("v")); y.sum().backward(); seen; x.grad
v = y[:1]; _ = v.register_hook(log("v")); v.mul_(4); y.sum().backward(); seen
v = y[:1]; _ = v.register_hook(log("v")); v.mul_(4); _ = v.register_hook(log("w")); v.sum().backward(); seen
v = y[:1]; _ = v.register_hook(log("v")); y.mul_(4); v.sum().backward(); seen
v = y[:1]; _ = v.register_hook(log("v")); y.mul_(4); v.grad_fn.name(); _ = v.register_hook(log("w")); v.sum().backward(); seen
v = y[:1]; y.mul_(4); _ = v.register_hook(log("w")); v.sum().backward(); seen
h = y.register_hook(log("before")); y.mul_(2); h.remove(); y.sum().backward(); seen
h = y.register_hook(log("before")); y.mul_(2); len(y._backward_hooks or ()); y.sum().backward(); seen
_ = y.register_hook(log("y")); z = y * 1; y.mul_(2); z.sum().backward(); seen
_ = y.register_hook(log("y")); z = y * 1; y.mul_(2); (z + y).sum().backward(); seen
_ = y.register_hook(log("y")); y.copy_(torch.ones(2)); y.requires_grad; y.sum().backward(); seen
_ = y.register_hook(log("y")); y.zero_(); y.sum().backward(); seen; x.grad
_ = x.register_hook(log("x")); x.data.mul_(2); y.sum().backward(); seen
_ = x.register_hook(log("x")); torch.set_grad_enabled(False); x.mul_(2); torch.set_grad_enabled(True); (x * 2).sum().backward(); seen
t = torch.zeros(2); t.add_(x); _ = t.register_hook(log("t")); t.mul_(2); _ = t.register_hook(log("u")); t.sum().backward(); seen
_ = n.register_hook(post("post")); y.mul_(2); _ = y.grad_fn.register_hook(post("new")); y.sum().backward(); seen
_ = n.register_prehook(pre("pre")); y.mul_(2); n is y.grad_fn; n is y.grad_fn.next_functions[0][0]; y.sum().backward(); seen
_ = y.register_hook(log("y")); d = y.detach(); d._backward_hooks; d.requires_grad_(); d.sum().backward(); seen
_ = x.register_hook(log("x")); d = x.detach().requires_grad_(); (d * 2).sum().backward(); seen; d._backward_hooks
_ = y.register_hook(log("y")); d = y.clone(); d.sum().backward(); seen
_ = x.register_hook(log("x")); x.requires_grad_(False); x.requires_grad_(True); (x * 2).sum().backward(); seen
_ = x.register_hook(log("x")); x.grad = torch.ones(2); (x * 2).sum().backward(); seen; x.grad
_ = x.register_hook(log("x")); x.detach_(); x.requires_grad; x.requires_grad_(); (x * 2).sum().backward(); seen
_ = y.register_hook(log("y")); y.data = torch.ones(2); (y * 2).sum().backward(); seen
_ = x.register_hook(log("x")); x.data = torch.ones(3); (x * 2).sum().backward(); seen
_ = y.register_hook(log("y")); y = y.t_() if y.dim() > 1 else y.unsqueeze_(0); y.sum().backward(); seen
import copy; _ = x.register_hook(log("x")); c = copy.deepcopy(x); c._backward_hooks; (c * 2).sum().backward(); seen
import copy; _ = x.register_post_accumulate_grad_hook(acc("x")); c = copy.deepcopy(x); (c * 2).sum().backward(); seen
import copy; p = nn.Parameter(torch.ones(2)); _ = p.register_hook(log("p")); c = copy.deepcopy(p); (c * 2).sum().backward(); seen; c._backward_hooks
import copy; p = nn.Parameter(torch.ones(2)); (p * 2).sum().backward(); c = copy.deepcopy(p); c.grad; c.grad is p.grad
import copy; c = copy.deepcopy(y)
z = y * y; _ = y.register_hook(log("saved")); z.grad_fn._saved_self._backward_hooks is None; z.sum().backward(); seen
z = y.exp(); _ = z.register_hook(log("result")); z.sum().backward(); len(seen)
p, q = y.unbind(); _ = p.register_hook(log("p")); p2 = y.unbind()[0]; (p2 + q).backward(); seen
v = y.view(2, 1); _ = v.register_hook(log("v")); w = v.view(2); w.sum().backward(); seen
v = y.expand(3, 2); _ = v.register_hook(log("v")), y.register_hook(log("y")); v.sum().backward(); seen
v = x.expand(3, 2); _ = v.register_hook(lambda g: seen.append((tuple(g.shape), g.stride()))); (v * 2).sum().backward(); seen
v = x.expand(3, 2); _ = v.register_hook(lambda g: seen.append((tuple(g.shape), g.stride()))); v.sum().backward(); seen
v = x[[0, 0, 1]]; _ = v.register_hook(log("v")), x.register_hook(log("x")); v.sum().backward(); seen
v = torch.tensor(2.0, requires_grad=True); _ = v.register_hook(log("v")); (v * x).sum().backward(); seen
v = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); _ = v.register_hook(lambda g: seen.append((g.dtype, g.item()))); (v * x).sum().backward(); seen
h = x.half(); _ = h.register_hook(lambda g: seen.append(g.dtype)); (h * x).sum().backward(); seen
""",
    setup=SETUP,
)

test_what_hooks_return = table(
    """
_ = y.register_hook(lambda g: g.view(1, 2)); y.sum().backward()
_ = y.register_hook(lambda g: True); y.sum().backward()
_ = y.register_hook(lambda g: [g]); y.sum().backward()
_ = y.register_hook(lambda g: np.ones(2)); y.sum().backward()
_ = y.register_hook(lambda g: NotImplemented); y.sum().backward()
_ = y.register_hook(lambda g: {}); y.sum().backward()
_ = y.register_hook(lambda g: (None,)); y.sum().backward()
_ = y.register_hook(lambda g: y); y.sum().backward(); x.grad; x.grad.requires_grad
_ = y.register_hook(lambda g: x); y.sum().backward(); x.grad
_ = x.register_hook(lambda g: x); y.sum().backward(); x.grad is x; x.grad
_ = x.register_hook(lambda g: x.detach()); y.sum().backward(); x.grad; x.grad.data_ptr() == x.data_ptr()
c = torch.ones(2); _ = x.register_hook(lambda g: c); y.sum().backward(); x.grad is c; c.add_(1); x.grad
_ = x.register_hook(lambda g: torch.ones(()).expand(2)); y.sum().backward(); x.grad.stride(); x.grad.add_(1)
_ = x.register_hook(lambda g: torch.ones(4)[::2]); y.sum().backward(); x.grad.stride()
_ = y.register_hook(lambda g: torch.ones(4)[::2]); y.sum().backward(); x.grad.stride()
_ = y.register_hook(lambda g: g.zero_()); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: (g.add_(1), None)[1]); (y * 2).sum().backward(); x.grad
g = torch.ones(2); _ = y.register_hook(lambda h: (h.add_(1), None)[1]); y.backward(g); g; x.grad
g = torch.ones(2); _ = x.register_hook(lambda h: (h.add_(1), None)[1]); x.backward(g); g; x.grad; x.grad is g
_ = x.register_hook(lambda g: (g.add_(1), None)[1]); (x + x).sum().backward(); x.grad
v = torch.ones(2, requires_grad=True); _ = v.register_hook(lambda g: (g.add_(1), None)[1]); (x + v).backward(torch.ones(2)); x.grad; v.grad
v = torch.ones(2, requires_grad=True); _ = v.register_hook(lambda g: (g.add_(1), None)[1]); (v + x).backward(torch.ones(2)); x.grad; v.grad
a = y + 0; b = y + 0; _ = a.register_hook(lambda g: (g.mul_(10), None)[1]); (a + b).backward(torch.ones(2)); x.grad
a = y + 0; b = y + 0; _ = b.register_hook(lambda g: (g.mul_(10), None)[1]); (a + b).backward(torch.ones(2)); x.grad
_ = y.register_hook(lambda g: (g.t_() if g.dim() == 2 else g.unsqueeze_(0), None)[1]); y.sum().backward()
_ = y.register_hook(lambda g: g.requires_grad_()); y.sum().backward(); x.grad; x.grad.requires_grad
_ = y.register_hook(lambda g: torch.zeros(0)); y.sum().backward()
_ = y.register_hook(lambda g: torch.ones(2, dtype=torch.int64)); y.sum().backward()
_ = y.register_hook(lambda g: nn.Parameter(g)); y.sum().backward(); x.grad
_ = x.register_hook(lambda g: nn.Parameter(g * 1)); y.sum().backward(); x.grad; type(x.grad)
_ = x.register_hook(lambda g: g.double()); y.sum().backward()
_ = x.register_hook(lambda g: g[:1]); y.sum().backward()
_ = x.register_hook(lambda g: g.sum()); y.sum().backward()
_ = x.register_hook(lambda g: g.view(2, 1)); torch.autograd.grad(y.sum(), x)
_ = x.register_hook(lambda g: g.view(2, 1)); y.sum().backward(inputs=[x])
_ = x.register_hook(lambda g: "a"), x.register_hook(log("second")); y.sum().backward(); seen
_ = x.register_hook(lambda g: None), x.register_hook(log("second")); y.sum().backward(); seen
_ = n.register_prehook(lambda g: None); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (None,)); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: ()); y.sum().backward()
_ = n.register_prehook(lambda g: (g[0], g[0])); y.sum().backward()
_ = n.register_prehook(lambda g: [g[0] * 2]); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: g[0] * 2); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (1,)); y.sum().backward()
_ = n.register_prehook(lambda g: ("a",)); y.sum().backward()
_ = n.register_prehook(lambda g: "a"); y.sum().backward()
_ = n.register_prehook(lambda g: 0); y.sum().backward()
_ = n.register_prehook(lambda g: {}); y.sum().backward()
_ = n.register_prehook(lambda g: (g[0].double(),)); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (g[0][:1],)); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (torch.ones(3),)); y.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (torch.ones(3, 2),)); y.sum().backward(); x.grad
_ = n.register_prehook(lambda a, b: None); y.sum().backward()
_ = n.register_prehook(fail); y.sum().backward()
_ = n.register_hook(lambda i, o: None); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (None, None)); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: ()); y.sum().backward()
_ = n.register_hook(lambda i, o: [i[0] * 2, None]); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: i[0] * 2); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (i[0], i[0])); y.sum().backward()
_ = n.register_hook(lambda i, o: (1, None)); y.sum().backward()
_ = n.register_hook(lambda i, o: ("a", None)); y.sum().backward()
_ = n.register_hook(lambda i, o: 3); y.sum().backward()
_ = n.register_hook(lambda i, o: (i[0].double(), None)); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (i[0][:1], None)); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (torch.ones(3), None)); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (torch.ones(3, 2), None)); y.sum().backward(); x.grad
_ = n.register_hook(lambda i, o: (i[0].mul_(10), None)[:0] or None); y.sum().backward(); x.grad
_ = n.register_hook(lambda i: None); y.sum().backward()
_ = n.register_hook(fail); y.sum().backward()
k = accumulator(x); _ = k.register_prehook(lambda g: (g[0] * 2,)); y.sum().backward(); x.grad
k = accumulator(x); _ = k.register_prehook(lambda g: (None,)); y.sum().backward(); x.grad
k = accumulator(x); _ = k.register_prehook(lambda g: (g[0].double(),)); y.sum().backward(); x.grad
k = accumulator(x); _ = k.register_prehook(lambda g: (g[0][:1],)); y.sum().backward(); x.grad
k = accumulator(x); _ = k.register_hook(lambda i, o: seen.append((i, show(o)))); y.sum().backward(); seen
k = accumulator(x); _ = k.register_hook(lambda i, o: (torch.ones(2),)); y.sum().backward()
k = accumulator(x); _ = k.register_hook(lambda i, o: ()); y.sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(lambda p: p); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda p: p.grad); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda p: False); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda: None); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(fail); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda p: (p.grad.mul_(3), None)[1]); y.sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", None)); y.sum().backward(); x.grad; (x * 1).sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", torch.zeros(2))); y.sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(lambda p: (p.data.sub_(p.grad), None)[1]); y.sum().backward(); x
""",
    setup=SETUP,
)

test_captures = table(
    """
_ = x.register_hook(log("x", lambda g: g * 10)), x.register_post_accumulate_grad_hook(acc("acc")); torch.autograd.grad(y.sum(), x); seen
k = accumulator(x); _ = k.register_hook(post("post")), k.register_prehook(pre("pre", lambda g: (g[0] * 2,))); torch.autograd.grad(y.sum(), x); seen
_ = x.register_hook(log("x", lambda g: g * 10)), x.register_post_accumulate_grad_hook(acc("acc")); y.sum().backward(inputs=[x]); seen; x.grad
k = accumulator(x); _ = k.register_hook(post("post")), k.register_prehook(pre("pre", lambda g: (g[0] * 2,))); y.sum().backward(inputs=[x]); seen; x.grad
_ = x.register_hook(log("x")); torch.autograd.grad(y.sum(), y); seen
_ = x.register_hook(log("x")); y.sum().backward(inputs=[y]); seen; x.grad
v = torch.ones(2, requires_grad=True); _ = x.register_hook(log("x")), v.register_hook(log("v")); torch.autograd.grad((x * v).sum(), v); seen
v = torch.ones(2, requires_grad=True); z = y * v; _ = y.register_hook(log("y")), z.register_hook(log("z")); torch.autograd.grad(z.sum(), v); seen
v = torch.ones(2, requires_grad=True); z = y * v; _ = n.register_hook(post("y")), z.grad_fn.register_hook(post("z")); torch.autograd.grad(z.sum(), v); seen
v = torch.ones(2, requires_grad=True); z = y * v; _ = z.grad_fn.register_hook(post("z")); torch.autograd.grad(z.sum(), y); seen
v = torch.ones(2, requires_grad=True); z = y * v; _ = z.grad_fn.register_hook(post("z", lambda i, o: (i[0] * 2, i[1]))); torch.autograd.grad(z.sum(), y); seen
v = torch.ones(2, requires_grad=True); z = y * v; _ = z.grad_fn.register_hook(post("z", lambda i, o: (i[0], torch.ones(2)))); torch.autograd.grad(z.sum(), y, retain_graph=True); z.sum().backward(inputs=[y]); v.grad; seen
z = y * y; _ = y.register_hook(log("y", lambda g: g * 10)); a, b = torch.autograd.grad(z.sum(), [y, x]); seen
z = y * y; _ = y.register_hook(log("y", lambda g: g * 10)); a, b = torch.autograd.grad(z.sum(), [x, y]); seen
z = y * y; _ = n.register_prehook(pre("n", lambda g: (g[0] * 10,))); a, b = torch.autograd.grad(z.sum(), [x, y]); seen
z = y * y; _ = y.register_hook(log("y")); a, b = torch.autograd.grad(z.sum(), [y, y]); a is b; seen
z = y * y; y.retain_grad(); a, = torch.autograd.grad(z.sum(), [y]); y.grad; a
_ = y.register_hook(log("y", lambda g: g * 10)); a, = torch.autograd.grad(y, y, torch.ones(2)); seen; a
_ = y.register_hook(log("y", lambda g: g * 10)); y.retain_grad(); y.backward(torch.ones(2), inputs=[y]); y.grad; seen
_ = n.register_prehook(pre("n", lambda g: (g[0] * 10,))); a, = torch.autograd.grad(y, y, torch.ones(2)); seen; a
_ = n.register_hook(post("n")); a, = torch.autograd.grad(y, y, torch.ones(2)); seen; a
_ = x.register_hook(log("x", lambda g: g * 10)); torch.autograd.grad(x, x, torch.ones(2)); seen
_ = x.register_hook(log("x", lambda g: g * 10)); x.backward(torch.ones(2)); seen; x.grad
p, q = y.unbind(); _ = p.register_hook(log("p")), q.register_hook(log("q")); torch.autograd.grad(p * 2 + q * 3, [p, q]); seen
p, q = y.unbind(); _ = p.register_hook(log("p")), q.register_hook(log("q")); torch.autograd.grad(p * 2, [p]); seen
p, q = y.unbind(); _ = p.register_hook(log("p")), q.register_hook(log("q")); torch.autograd.grad(p * 2, [p, q], allow_unused=True); seen
p, q = y.unbind(); _ = p.register_hook(log("p")), q.register_hook(log("q")); torch.autograd.grad(p * 2, [q], allow_unused=True); seen
p, q = y.unbind(); _ = p.register_hook(log("p")), q.register_hook(log("q")); torch.autograd.grad(p * 2, [x]); seen
p, q = y.unbind(); _ = q.register_hook(log("q", lambda g: torch.tensor(7.0))); torch.autograd.grad(p * 2, [x]); seen
p, q = y.unbind(); _ = q.register_hook(log("q", lambda g: torch.tensor(7.0))); torch.autograd.grad(p * 2, [q, x]); seen
p, q = y.unbind(); _ = q.register_hook(log("q", lambda g: torch.ones(5))); torch.autograd.grad(p * 2, [x]); seen
p, q = y.unbind(); q.retain_grad(); (p * 2).backward(); q.grad; x.grad
p, q = y.unbind(); q.retain_grad(); _ = q.register_hook(log("q")); (p * 2).backward(); q.grad; seen
p, q = y.unbind(); _ = p.grad_fn.register_prehook(pre("n")), p.grad_fn.register_hook(post("n")); (p * 2).backward(); seen
p, q = y.unbind(); _ = p.grad_fn.register_prehook(lambda g: (g[0], torch.tensor(5.0))); (p * 2).backward(); x.grad
p, q = y.unbind(); _ = p.grad_fn.register_prehook(lambda g: (None, None)); (p * 2).backward(); x.grad
p, q = y.unbind(); _ = p.grad_fn.register_prehook(lambda g: (g[1], g[0])); (p * 2).backward(); x.grad
p, q = y.split(1); _ = p.register_hook(log("p")), q.register_hook(log("q")); (q * 2).backward(); seen; x.grad
p, q = y.chunk(2); _ = p.grad_fn.register_prehook(pre("n")); (q * 2).backward(); seen; x.grad
a, b = torch.var_mean(y); _ = a.register_hook(log("a")), b.register_hook(log("b")), a.grad_fn.register_prehook(pre("n")); b.backward(); seen; x.grad
a, b = torch.aminmax(y); _ = a.register_hook(log("a")), b.register_hook(log("b")), a.grad_fn.register_prehook(pre("n")); b.backward(); seen; x.grad
F2 = make("F2", lambda ctx, t: (t * 1, t * 2), lambda ctx, g, h: (seen.append(show((g, h))), g + h)[1]); a, b = F2.apply(y); _ = a.register_hook(log("a")), b.register_hook(log("b")); b.sum().backward(); seen
F2 = make("F2", lambda ctx, t: (ctx.set_materialize_grads(False), t * 1, t * 2)[1:], lambda ctx, g, h: (seen.append(show((g, h))), h)[1]); a, b = F2.apply(y); _ = a.register_hook(log("a")), b.register_hook(log("b")); b.sum().backward(); seen
F2 = make("F2", lambda ctx, t: (t * 1, t * 2), lambda ctx, g, h: (seen.append(show((g, h))), g + h)[1]); a, b = F2.apply(y); _ = a.grad_fn.register_prehook(pre("n")), a.grad_fn.register_hook(post("n")); b.sum().backward(); seen
F2 = make("F2", lambda ctx, t: (t * 1, t * 2), lambda ctx, g, h: g); a, b = F2.apply(y); _ = a.register_hook(lambda g: torch.ones(2) if g is None else g * 2); b.sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(y); _ = y.register_hook(log("y")), n.register_hook(post("n")), x.register_hook(log("x")), x.register_post_accumulate_grad_hook(seen.append); a.sum().backward(); seen; x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(x); _ = x.register_hook(log("x")), a.grad_fn.register_hook(post("a")), x.register_post_accumulate_grad_hook(seen.append); a.sum().backward(); seen; x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(x); _ = x.register_hook(lambda g: torch.ones(2)); a.sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(x); k = accumulator(x); _ = k.register_prehook(pre("pre")), k.register_hook(post("post")); a.sum().backward(); seen; x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(x); k = accumulator(x); _ = k.register_prehook(lambda g: (torch.ones(2),)); a.sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(y); (a + y).sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(y); _ = y.register_hook(log("y")); torch.autograd.grad(a.sum(), x)
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(y); _ = y.register_hook(log("y")); torch.autograd.grad(a.sum(), [y, x], allow_unused=True); seen
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, g: None); a = F2.apply(y); y.retain_grad(); a.sum().backward(); y.grad
""",
    setup=SETUP,
)

test_changing_hooks_while_they_run = table(
    """
z = x * x; z.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: (z.grad_fn.register_hook(post("late")), t)[1]); z.sum().backward(); seen
z = x * x; z.grad_fn.register_hook(post("first")); z.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: (z.grad_fn.register_hook(post("late")), t)[1]); z.sum().backward(); seen
z = x * x; z.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: (z.grad_fn.register_hook(post("late", lambda i, o: (i[0] * 2, i[1]))), t)[1]); z.sum().backward(); x.grad
z = x * x; z.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: (z.grad_fn.register_prehook(pre("late")), t)[1]); z.sum().backward(); seen
_ = y.register_hook(lambda g: y.register_hook(log("late")) and None); y.sum().backward(retain_graph=True); seen; len(y._backward_hooks)
h = y.register_hook(lambda g: h.remove()); _ = y.register_hook(log("second")); y.sum().backward(retain_graph=True); y.sum().backward(); seen; len(y._backward_hooks)
_ = y.register_hook(lambda g: h.remove()); h = y.register_hook(log("b")); _ = y.register_hook(log("c")); y.sum().backward(); seen
h = y.register_hook(log("a")); _ = y.register_hook(lambda g: h.remove()); _ = y.register_hook(log("c")); y.sum().backward(retain_graph=True); y.sum().backward(); seen
_ = y.register_hook(lambda g: y._backward_hooks.clear()); _ = y.register_hook(log("b")); y.sum().backward(); seen
_ = y.register_hook(lambda g: x.register_hook(log("x")) and None); y.sum().backward(); seen
_ = y.register_hook(lambda g: x.register_post_accumulate_grad_hook(acc("x")) and None); y.sum().backward(); seen
_ = y.register_hook(lambda g: n.register_prehook(pre("n")) and None); y.sum().backward(retain_graph=True); y.sum().backward(); seen
_ = y.register_hook(lambda g: n.register_hook(post("n")) and None); y.sum().backward(); seen
_ = n.register_prehook(lambda g: n.register_prehook(pre("late")) and None); y.sum().backward(retain_graph=True); seen; y.sum().backward(); seen
_ = n.register_prehook(lambda g: n.register_hook(post("late")) and None); y.sum().backward(); seen
_ = n.register_hook(lambda i, o: n.register_hook(post("late")) and None); y.sum().backward(retain_graph=True); seen; y.sum().backward(); len(seen)
h = n.register_prehook(lambda g: h.remove()); _ = n.register_prehook(pre("second")); y.sum().backward(retain_graph=True); y.sum().backward(); len(seen)
h = n.register_hook(lambda i, o: h.remove()); _ = n.register_hook(post("second")); y.sum().backward(retain_graph=True); y.sum().backward(); len(seen)
_ = n.register_prehook(lambda g: h.remove()); h = n.register_prehook(pre("gone")); y.sum().backward(); seen
_ = n.register_hook(lambda i, o: h.remove()); h = n.register_hook(post("gone")); y.sum().backward(); seen
_ = n.register_hook(lambda i, o: y.register_hook(log("late")) and None); y.sum().backward(retain_graph=True); y.sum().backward(); seen
_ = n.register_hook(lambda i, o: x.register_hook(log("x")) and None); y.sum().backward(); seen
_ = x.register_post_accumulate_grad_hook(lambda p: x.register_post_accumulate_grad_hook(acc("late")) and None); y.sum().backward(retain_graph=True); seen; y.sum().backward(); seen
h = x.register_post_accumulate_grad_hook(lambda p: h.remove()); _ = x.register_post_accumulate_grad_hook(acc("second")); y.sum().backward(retain_graph=True); y.sum().backward(); seen
_ = x.register_post_accumulate_grad_hook(lambda p: h.remove()); h = x.register_post_accumulate_grad_hook(acc("gone")); y.sum().backward(); seen
_ = x.register_post_accumulate_grad_hook(lambda p: p.register_hook(log("x")) and None); y.sum().backward(retain_graph=True); y.sum().backward(); seen
_ = x.register_hook(lambda g: x.register_post_accumulate_grad_hook(acc("acc")) and None); y.sum().backward(); seen
_ = x.register_hook(lambda g: x.requires_grad_(False) and None); y.sum().backward(); x.grad; x.requires_grad
_ = y.register_hook(lambda g: x.requires_grad_(False) and None); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: (y.detach_(), None)[1]); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: (y.mul_(2), None)[1]); y.sum().backward(); x.grad; y
z = y * y; _ = z.register_hook(lambda g: (y.data.mul_(2), None)[1]); z.sum().backward(); x.grad
z = y * y; _ = z.register_hook(lambda g: (y.mul_(2), None)[1]); z.sum().backward()
z = y * y; _ = y.register_hook(lambda g: (y.mul_(2), None)[1]); z.sum().backward(); x.grad
_ = x.register_hook(lambda g: (setattr(x, "grad", torch.full((2,), 5.0)), None)[1]); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: (setattr(x, "grad", torch.full((2,), 5.0)), None)[1]); y.sum().backward(); x.grad
_ = x.register_hook(lambda g: setattr(x, "data", torch.zeros(2))); y.sum().backward(); x; x.grad
_ = y.register_hook(lambda g: setattr(y, "_backward_hooks", None)); _ = y.register_hook(log("b")); y.sum().backward(); seen
_ = y.register_hook(lambda g: y.retain_grad()); y.sum().backward(retain_graph=True); y.grad; y.sum().backward(); y.grad
_ = y.register_hook(lambda g: y.retain_grad()); _ = y.register_hook(log("b", lambda g: g * 2)); y.sum().backward(); y.grad
_ = n.register_prehook(lambda g: y.retain_grad()); y.sum().backward(); y.grad
""",
    setup=SETUP,
)

test_passes_inside_hooks = table(
    """
_ = y.register_hook(lambda g: (x * 5).sum().backward()); y.sum().backward(); x.grad
_ = x.register_hook(lambda g: (torch.ones(2, requires_grad=True) * 5).sum().backward()); y.sum().backward(); x.grad
v = torch.ones(2, requires_grad=True); _ = y.register_hook(lambda g: torch.autograd.grad((v * v).sum(), v)[0]); y.sum().backward(); x.grad; v.grad
torch.set_grad_enabled(True); _ = y.register_hook(lambda g: (seen.append((x * 5).requires_grad), None)[1]); y.sum().backward(); seen
z = y * y; _ = z.register_hook(lambda g: y.sum().backward(retain_graph=True)); z.sum().backward(); x.grad
z = y * y; s = z.sum(); s2 = z.mean(); _ = n.register_hook(lambda i, o: (seen.append(1), s2.backward(retain_graph=True) if len(seen) < 2 else None)[2:] or None); s.backward(retain_graph=True); x.grad; len(seen)
z = y * y; s = z.sum(); s2 = z.mean(); _ = z.register_hook(lambda g: (seen.append(g.tolist()), s2.backward(retain_graph=True) if len(seen) < 3 else None, None)[2]); s.backward(); x.grad; seen
z = y * y; s = z.sum(); s2 = y.mean(); _ = z.register_hook(lambda g: s2.backward()); s.backward(); x.grad
z = y * y; s = z.sum(); s2 = z.mean(); _ = s.register_hook(lambda g: s2.backward()); s.backward()
z = y.exp(); s = z.sum(); _ = z.register_hook(lambda g: torch.autograd.grad(z.mean(), x, retain_graph=True)[0]); s.backward(retain_graph=True); len(seen)
z = y * y; s = z.sum(); t = z.mean(); _ = z.register_hook(lambda g: (seen.append(torch.autograd.grad(t, y, retain_graph=True)[0].tolist()), None)[1] if len(seen) < 1 and not seen.append(0) else None); s.backward(); x.grad; seen
_ = x.register_hook(lambda g: (seen.append(x.grad), x.grad is None and (x * 2).sum().backward(), None)[2] if not seen else None); y.sum().backward(); x.grad; len(seen)
_ = x.register_post_accumulate_grad_hook(lambda p: (seen.append(p.grad.tolist()), len(seen) < 3 and (p * 2).sum().backward(), None)[2]); y.sum().backward(); x.grad; seen
_ = x.register_post_accumulate_grad_hook(lambda p: (seen.append(p.grad.tolist()), setattr(p, "grad", None), len(seen) < 3 and torch.enable_grad()(lambda: (p * 2).sum())().backward(), None)[3]); y.sum().backward(); x.grad; seen
k = accumulator(x); _ = k.register_prehook(lambda g: (seen.append(1), len(seen) < 3 and (x * 2).sum().backward(), None)[2]); y.sum().backward(); x.grad
k = accumulator(x); _ = k.register_hook(lambda i, o: (seen.append(x.grad.tolist()), len(seen) < 3 and torch.enable_grad()(lambda: (x * 2).sum())().backward(), None)[2]); y.sum().backward(); x.grad; seen
_ = y.register_hook(lambda g: torch.enable_grad()(lambda: (x * 5).sum())().backward()); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: torch.autograd.grad(torch.enable_grad()(lambda: (x * x).sum())(), x)[0]); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: torch.autograd.grad(torch.enable_grad()(lambda: (x * x).sum())(), x, create_graph=True)[0]); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: torch.autograd.grad((x * x).sum(), x)[0]); y.sum().backward(create_graph=True); x.grad
_ = y.register_hook(lambda g: g * torch.autograd.grad((x * x).sum(), x, create_graph=True)[0]); torch.autograd.grad(y.sum(), x, create_graph=True)[0].sum().backward(); x.grad
_ = y.register_hook(lambda g: y.sum().backward()); y.sum().backward(inputs=[y])
F2 = make("F2", lambda ctx, t: t * 2, lambda ctx, g: (torch.enable_grad()(lambda: (x * 5).sum())().backward(), g * 2)[1]); F2.apply(y).sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 2, lambda ctx, g: (torch.enable_grad()(lambda: F2.apply(x) if len(seen) < 3 and not seen.append(1) else x * 1)().sum().backward(), g * 2)[1]); F2.apply(y).sum().backward(); x.grad; seen
s = y.sum(); _ = y.register_hook(lambda g: s.backward() if not seen and not seen.append(1) else None); s.backward()
s = y.sum(); _ = y.register_hook(lambda g: s.backward(retain_graph=True) if not seen and not seen.append(1) else None); s.backward(); x.grad
s = (y * y).sum(); _ = y.register_hook(lambda g: s.backward(retain_graph=True) if not seen and not seen.append(1) else None); s.backward(); x.grad
s = (y * y).sum(); _ = y.register_hook(lambda g: s.backward(retain_graph=True) if not seen and not seen.append(1) else None); s.backward(retain_graph=True); s.backward(); x.grad
s = (y * y).sum(); _ = n.register_prehook(lambda g: s.backward(retain_graph=True) if not seen and not seen.append(1) else None); s.backward(retain_graph=True); s.backward(); x.grad
s = (y * y).sum(); _ = y.register_hook(lambda g: fail() if seen else (seen.append(1), s.backward(retain_graph=True))[1]); s.backward(retain_graph=True)
a = y * 2; b = y * 3; s = (a + b).sum(); _ = b.register_hook(lambda g: (seen.append(torch.autograd.grad(a.sum(), x, retain_graph=True)[0].tolist()), None)[1]); s.backward(); seen; x.grad
a = y * 2; b = y * 3; s = (a + b).sum(); _ = a.register_hook(lambda g: (seen.append(torch.autograd.grad(b.sum(), x, retain_graph=True)[0].tolist()), None)[1]); s.backward(); seen; x.grad
a = y * 2; b = y * 3; s = (a + b).sum(); _ = b.register_hook(lambda g: a.sum().backward(retain_graph=True)); s.backward(); x.grad
a = y * 2; b = y * 3; s = (a + b).sum(); _ = a.register_hook(lambda g: b.sum().backward(retain_graph=True)); s.backward(); x.grad
a = y * 2; b = y * 3; s = (a + b).sum(); _ = a.register_hook(lambda g: s.backward(retain_graph=True) if not seen and not seen.append(1) else None); s.backward(); x.grad
a = y.exp(); b = y.sin(); s = (a * b).sum(); r = (a + b).sum(); _ = a.register_hook(lambda g: (r.backward(retain_graph=True), None)[1] if not seen and not seen.append(1) else None); s.backward(); x.grad.isfinite()
""",
    setup=SETUP,
)

test_handles = table(
    """
h = x.register_hook(id); h.remove(); h.remove(); len(x._backward_hooks)
h = x.register_hook(id); k = x.register_hook(id); k.id - h.id; list(x._backward_hooks) == [h.id, k.id]
h = x.register_hook(id); k = n.register_hook(id); l = n.register_prehook(id); m = x.register_post_accumulate_grad_hook(id); k.id - h.id, l.id - k.id, m.id - l.id
h = x.register_hook(id); h.hooks_dict_ref() is x._backward_hooks; h.extra_dict_ref
h = x.register_hook(id); type(h) is torch.utils.hooks.RemovableHandle; torch.utils.hooks.RemovableHandle.next_id == h.id + 1
h = x.register_post_accumulate_grad_hook(id); h.hooks_dict_ref() is x._post_accumulate_grad_hooks; type(x._post_accumulate_grad_hooks).__name__
x._backward_hooks; x._post_accumulate_grad_hooks; y._backward_hooks
h = x.register_hook(id); type(x._backward_hooks).__name__; h.remove(); x._backward_hooks is None, len(x._backward_hooks)
h = x.register_hook(log("x")); _d = x._backward_hooks; _d[h.id] is not None; del _d[h.id]; y.sum().backward(); seen
h = x.register_hook(log("x")); x._backward_hooks[-1] = log("mine"); y.sum().backward(); seen
h = x.register_hook(log("x")); x._backward_hooks["key"] = log("mine"); y.sum().backward(); seen
h = x.register_hook(log("x")); x._backward_hooks[h.id] = log("other"); y.sum().backward(); seen
h = x.register_hook(log("x")); x._backward_hooks[99999] = 3; y.sum().backward()
h = x.register_hook(log("x")); x._backward_hooks = None; y.sum().backward(); seen; h.remove()
h = x.register_hook(log("x")); x._backward_hooks = {}; y.sum().backward(); seen
h = x.register_hook(log("x")); _k = x._backward_hooks; x._backward_hooks = None; x._backward_hooks = _k; y.sum().backward(); seen
x._backward_hooks = 3
x._backward_hooks = [log("x")]
y._backward_hooks = {0: log("mine")}; y.sum().backward(); seen
y._backward_hooks = {0: log("mine")}; _ = y.register_hook(log("h")); y.sum().backward(); seen; len(y._backward_hooks)
h = y.register_hook(log("y")); h.__enter__() is h; h.__exit__(None, None, None); y.sum().backward(); seen
h = y.register_hook(log("y")); h.__exit__(KeyError, KeyError(1), None); y.sum().backward(); seen
h = x.register_hook(id); del x, y, n; __import__("gc").collect() >= 0; h.hooks_dict_ref() is None; h.remove()
h = n.register_hook(id); del y, n; h.remove()
h = n.register_prehook(id); _d = h.hooks_dict_ref(); type(_d).__name__; len(_d); h.remove(); len(_d)
h = n.register_hook(log("a")); _d = h.hooks_dict_ref(); k = n.register_hook(log("b")); _d is k.hooks_dict_ref(); list(_d) == [h.id, k.id]
a, b = n.register_hook(id), n.register_prehook(id); a.hooks_dict_ref() is b.hooks_dict_ref()
h = x.register_hook(id); _s = h.__getstate__(); len(_s); _s[1] == h.id; _s[0] is x._backward_hooks; _s[2]
h = x.register_hook(id); k = object.__new__(type(h)); k.__setstate__(h.__getstate__()); k.id == h.id; k.remove(); len(x._backward_hooks)
import copy; h = x.register_hook(id); k = copy.deepcopy(h); k.id == h.id; k.remove(); len(x._backward_hooks)
H = torch.utils.hooks.RemovableHandle; from collections import OrderedDict; _d = OrderedDict(); h = H(_d); _d[h.id] = 1; h.remove(); _d; h.remove()
H = torch.utils.hooks.RemovableHandle; from collections import OrderedDict; _d, _e = OrderedDict(), OrderedDict(); h = H(_d, extra_dict=_e); _d[h.id] = _e[h.id] = 1; h.remove(); _d, _e
H = torch.utils.hooks.RemovableHandle; from collections import OrderedDict; _d, _e, _f = OrderedDict(), OrderedDict(), OrderedDict(); h = H(_d, extra_dict=[_e, _f]); _d[h.id] = _e[h.id] = _f[h.id] = 1; h.remove(); _d, _e, _f
H = torch.utils.hooks.RemovableHandle; H({})
H = torch.utils.hooks.RemovableHandle; H(None)
H = torch.utils.hooks.RemovableHandle; H()
h = y.register_hook(id); y.register_hook is y.register_hook; y.register_hook.__name__
y.register_hook(hook=id)
y.register_hook(None)
y.register_hook("a"); y.sum().backward()
n.register_hook(None); y.sum().backward()
n.register_prehook(3); y.sum().backward()
n.register_hook()
n.register_hook(id, id)
n.register_prehook()
x.register_post_accumulate_grad_hook(hook=id)
x.register_post_accumulate_grad_hook(3); y.sum().backward()
x.detach().register_post_accumulate_grad_hook(id)
y.register_post_accumulate_grad_hook(id)
torch.ones(2).register_post_accumulate_grad_hook(id)
torch.ones(2).register_hook(id)
torch.arange(2).register_hook(id)
y.detach().register_hook(id)
torch.set_grad_enabled(False); _ = x.register_hook(log("x")), y.register_hook(log("y")); torch.set_grad_enabled(True); y.sum().backward(); seen
torch.set_grad_enabled(False); z = x * 2; z.register_hook(id)
""",
    setup=SETUP,
)

test_accumulators = table(
    """
k = accumulator(x); k.name(); k.variable is x; k.next_functions; k is n.next_functions[0][0]; k is accumulator(x)
k = accumulator(x); k(torch.ones(2)); x.grad
k = accumulator(x); k(None); x.grad
k = accumulator(x); k(torch.ones(3))
k = accumulator(x); k()
k = accumulator(x); k(torch.ones(2), torch.ones(2))
k = accumulator(x); _ = k.register_prehook(pre("pre")), k.register_hook(post("post")), x.register_hook(log("x")); k(torch.ones(2)); seen; x.grad
k = accumulator(x); _ = k.register_hook(post("post")); del k; y.sum().backward(); seen
del y, n; k = accumulator(x); _ = k.register_hook(post("post")); del k; (x * 2).sum().backward(); seen
del y, n; k = accumulator(x); _ = k.register_hook(post("post")); (x * 2).sum().backward(); seen
del y, n; _ = accumulator(x).register_prehook(pre("pre")); (x * 2).sum().backward(); seen
del y, n; _ = x.register_post_accumulate_grad_hook(acc("acc")); (x * 2).sum().backward(); (x * 2).sum().backward(); seen
del y, n; _ = x.register_hook(log("x")); (x * 2).sum().backward(); (x * 2).sum().backward(); seen
k = accumulator(x); k.metadata["a"] = 1; accumulator(x).metadata
k = accumulator(x); h = k.register_hook(post("post")); h.remove(); y.sum().backward(); seen
k = accumulator(x); k.requires_grad
k = accumulator(x); setattr(k, "note", getattr(k, "name"))
x.view_as(x).grad_fn.name(); x.expand_as(x).grad_fn.name(); x.expand_as(x).grad_fn.next_functions[0][0] is accumulator(x)
k = accumulator(x); _ = x.register_post_accumulate_grad_hook(lambda p: seen.append(p is x)); y.sum().backward(); seen
k = accumulator(x); torch.set_grad_enabled(False); k(torch.ones(2)); x.grad
k = accumulator(x); g = torch.ones(2); k(g); x.grad is g; x.grad.data_ptr() == g.data_ptr()
k = accumulator(x); g = x * 2; k(g); x.grad.requires_grad
k = accumulator(x); k(torch.ones(2)); g = x.grad; k(torch.ones(2)); g is x.grad; x.grad
k = accumulator(x); x.requires_grad_(False); k(torch.ones(2)); x.grad
d = accumulator(x); x.detach_(); x.requires_grad_(); d is accumulator(x)
n(torch.ones(2)); n(torch.ones(2)); x.grad
_ = y.register_hook(log("y")), n.register_prehook(pre("pre")), n.register_hook(post("post")); n(torch.ones(2)); seen
n(torch.ones(3)); n(torch.ones(2, dtype=torch.float64))
n(None); n(torch.ones(1)); n(torch.tensor(2.0))
y.sum().backward(); n(torch.ones(2))
z = y.exp(); z.sum().backward(); z.grad_fn(torch.ones(2))
z = y * y; z.grad_fn(torch.ones(2)); torch.set_grad_enabled(False); z.grad_fn(torch.ones(2))
""",
    setup=SETUP,
)

test_grad_mode_in_hooks = table(
    """
_ = y.register_hook(log("y")), n.register_prehook(pre("pre")), n.register_hook(post("post")), x.register_hook(log("x")), x.register_post_accumulate_grad_hook(acc("acc")); y.backward(torch.ones(2), create_graph=True); seen
_ = y.register_hook(log("y")), n.register_prehook(pre("pre")), n.register_hook(post("post")), x.register_hook(log("x")), x.register_post_accumulate_grad_hook(acc("acc")); torch.autograd.grad(y.sum(), x, create_graph=True); seen
torch.set_grad_enabled(False); _ = y.register_hook(log("y")), x.register_hook(log("x")), x.register_post_accumulate_grad_hook(acc("acc")); y.backward(torch.ones(2), create_graph=True); seen; torch.is_grad_enabled()
torch.set_grad_enabled(False); _ = y.register_hook(log("y")), x.register_hook(log("x")), x.register_post_accumulate_grad_hook(acc("acc")); y.backward(torch.ones(2)); seen; torch.is_grad_enabled()
_ = x.register_post_accumulate_grad_hook(lambda p: torch.enable_grad()(lambda: p.mul_(2))()); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda p: (p.mul_(2), None)[1]); y.sum().backward(); x
_ = x.register_post_accumulate_grad_hook(lambda p: (p.mul_(2), None)[1]); y.sum().backward(create_graph=True)
_ = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.requires_grad)); (y * y).sum().backward(create_graph=True); seen
_ = y.register_hook(lambda g: g * 2); a, = torch.autograd.grad(y.sum(), x, create_graph=True); a.requires_grad
_ = y.register_hook(lambda g: g * y); a, = torch.autograd.grad(y.sum(), x, create_graph=True); a.requires_grad; a.sum().backward(); x.grad
_ = y.register_hook(lambda g: g * y); a, = torch.autograd.grad(y.sum(), x); a.requires_grad
_ = x.register_hook(lambda g: torch.enable_grad()(lambda: g * x)()); a, = torch.autograd.grad(y.sum(), x); a.requires_grad; a
_ = x.register_hook(lambda g: torch.enable_grad()(lambda: g * x)()); y.sum().backward(); x.grad.requires_grad; x.grad
_ = x.register_hook(lambda g: torch.enable_grad()(lambda: g * x)()); x.grad = torch.ones(2); y.sum().backward(); x.grad.requires_grad; x.grad
_ = y.register_hook(lambda g: torch.enable_grad()(lambda: g * x)()); y.retain_grad(); y.sum().backward(); y.grad; x.grad
_ = n.register_hook(lambda i, o: torch.enable_grad()(lambda: (i[0] * x, None))()); a, = torch.autograd.grad(y.sum(), x); a
_ = n.register_hook(lambda i, o: (i[0] * x, None)); a, = torch.autograd.grad(y.sum(), x, create_graph=True); a.sum().backward(); x.grad
_ = n.register_prehook(lambda g: (g[0] * x,)); a, = torch.autograd.grad(y.sum(), x, create_graph=True); a.sum().backward(); x.grad
F2 = make("F2", lambda ctx, t: t * 2, lambda ctx, g: (seen.append((torch.is_grad_enabled(), g.requires_grad)), torch.enable_grad()(lambda: g * x)())[1]); a, = torch.autograd.grad(F2.apply(x).sum(), x); a; seen
""",
    setup=SETUP,
)

test_callbacks = table(
    """
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append("end"))), x.register_post_accumulate_grad_hook(acc("acc")); y.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: (e.queue_callback(lambda: seen.append(1)), e.queue_callback(lambda: seen.append(2)), None)[2]); y.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: (seen.append(1), e.queue_callback(lambda: seen.append(2))))); y.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append(torch.is_grad_enabled()))); y.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append(torch.is_grad_enabled()))); y.sum().backward(create_graph=True); seen
e = torch.autograd.Variable._execution_engine; torch.set_grad_enabled(False); _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append(torch.is_grad_enabled()))); torch.autograd.backward(y, torch.ones(2)); seen
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(fail)); y.sum().backward()
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: (x * 5).sum().backward())); y.sum().backward(); x.grad
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: torch.enable_grad()(lambda: (x * 5).sum())().backward())); y.sum().backward(); x.grad
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append("end"))); torch.autograd.grad(y.sum(), x); seen
e = torch.autograd.Variable._execution_engine; _ = x.register_post_accumulate_grad_hook(lambda p: e.queue_callback(lambda: seen.append(p.grad.tolist()))); (x + y).sum().backward(); seen
e = torch.autograd.Variable._execution_engine; _ = n.register_hook(lambda i, o: e.queue_callback(lambda: seen.append("n"))), y.register_hook(lambda g: e.queue_callback(lambda: seen.append("y"))); y.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; z = y * 1; _ = y.register_hook(lambda g: e.queue_callback(lambda: seen.append("outer"))), z.register_hook(lambda g: (e.queue_callback(lambda: seen.append("z")), torch.enable_grad()(lambda: (x * 2).sum())().backward(), seen.append("inner done"), None)[3]); z.sum().backward(); seen
e = torch.autograd.Variable._execution_engine; e.queue_callback(seen.append)
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(3)); y.sum().backward()
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda a: None)); y.sum().backward()
e = torch.autograd.Variable._execution_engine; _ = y.register_hook(lambda g: e.queue_callback(lambda: 5)); y.sum().backward(); x.grad
e = torch.autograd.Variable._execution_engine; type(e).__name__; e is torch.autograd.Variable._execution_engine
""",
    setup=SETUP,
)

test_exceptions = table(
    """
_ = y.register_hook(lambda g: next(iter(()))); y.sum().backward()
_ = y.register_hook(lambda g: sys_exit(3)); y.sum().backward()
_ = y.register_hook(lambda g: int("a")); y.sum().backward()
_ = y.register_hook(lambda g: raising(Custom(1, 2))); y.sum().backward()
_ = y.register_hook(lambda g: raising(Custom)); y.sum().backward()
_ = y.register_hook(lambda g: raising(OSError(2, "text"))); y.sum().backward()
_ = y.register_hook(lambda g: g + torch.ones(3)); y.sum().backward()
_ = y.register_hook(lambda g: g.view(5)); y.sum().backward()
_ = y.register_hook(lambda g: x.add_(1)); y.sum().backward()
_ = y.register_hook(lambda g: x.add_(1)); y.sum().backward(create_graph=True)
_ = y.register_hook(lambda g: x.detach().sum().backward()); y.sum().backward()
_ = y.register_hook(lambda g: assert_that(False)); y.sum().backward()
_ = x.register_hook(lambda g: raising(Custom(1, 2))); y.sum().backward()
_ = n.register_prehook(lambda g: raising(Custom(1, 2))); y.sum().backward()
_ = n.register_hook(lambda i, o: raising(Custom(1, 2))); y.sum().backward()
_ = x.register_post_accumulate_grad_hook(lambda p: raising(Custom(1, 2))); y.sum().backward()
_ = accumulator(x).register_hook(lambda i, o: raising(Custom(1, 2))); y.sum().backward()
_ = y.register_hook(fail); caught(lambda: y.sum().backward()); y.sum().backward()
_ = y.register_hook(fail); caught(lambda: y.sum().backward(retain_graph=True)); y._backward_hooks.clear(); y.sum().backward(); x.grad
z = y * y; _ = y.register_hook(fail); caught(lambda: z.sum().backward()); y._backward_hooks.clear(); z.sum().backward()
z = y * y; _ = y.register_hook(fail); caught(lambda: z.sum().backward(retain_graph=True)); y._backward_hooks.clear(); z.sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(fail); caught(lambda: y.sum().backward()); x.grad; (x * 1).sum().backward()
_ = x.register_hook(fail); caught(lambda: y.sum().backward()); x.grad
v = torch.ones(2, requires_grad=True); a = v * 2; _ = y.register_hook(fail); caught(lambda: (a + y).sum().backward()); v.grad; x.grad
v = torch.ones(2, requires_grad=True); a = v * 2; _ = a.register_hook(fail); caught(lambda: (a + y).sum().backward()); v.grad; x.grad
_ = y.register_hook(fail); caught(lambda: y.sum().backward(create_graph=True)); torch.is_grad_enabled()
torch.set_grad_enabled(False); _ = y.register_hook(fail); caught(lambda: y.backward(torch.ones(2))); torch.is_grad_enabled()
_ = y.register_hook(fail); torch.autograd.grad(y.sum(), x)
e = caught(lambda: (y.register_hook(lambda g: raising(Custom(1, 2))), y.sum().backward())); type(e).__name__, e.args, str(e), e.__cause__, e.__context__
e = caught(lambda: (y.register_hook(lambda g: chained()), y.sum().backward())); type(e).__name__, e.args, type(e.__cause__).__name__
e = caught(lambda: (y.register_hook(fail), y.sum().backward())); [f.name for f in traceback.extract_tb(e.__traceback__) if f.name in ("fail", "caught")]
e = caught(lambda: (x.register_post_accumulate_grad_hook(fail), y.sum().backward())); [f.name for f in traceback.extract_tb(e.__traceback__) if f.name in ("fail", "caught")]
e = caught(lambda: (n.register_hook(fail), y.sum().backward())); [f.name for f in traceback.extract_tb(e.__traceback__) if f.name in ("fail", "caught")]
k = Custom(5); e = caught(lambda: (y.register_hook(lambda g: raising(k)), y.sum().backward())); e is k
_ = y.register_hook(lambda g: warnings.warn("mine", UserWarning)); y.sum().backward(); x.grad
_ = y.register_hook(lambda g: warnings.warn("mine", UserWarning)), x.register_hook(lambda g: warnings.warn("other", DeprecationWarning)); y.sum().backward(); x.grad
warnings.simplefilter("error"); _ = y.register_hook(lambda g: warnings.warn("mine", UserWarning)); caught(lambda: y.sum().backward()); x.grad
""",
    setup=SETUP
    + """
import traceback, warnings, functools
class Custom(Exception): pass
def raising(e): raise e
def sys_exit(code): raise SystemError(code)
def assert_that(a): assert a, "text"
def chained():
    try: 1 / 0
    except ZeroDivisionError as error: raise Custom("mine") from error
def caught(f):
    try: f()
    except Exception as error: return error
""",
)

test_callables = table(
    """
_ = y.register_hook(Called()); y.sum().backward(); seen; x.grad
_ = y.register_hook(Called().method); y.sum().backward(); seen; x.grad
_ = y.register_hook(Called.of_class); y.sum().backward(); seen
_ = y.register_hook(functools.partial(lambda k, g: g * k, 3)); y.sum().backward(); x.grad
_ = y.register_hook(functools.partial(lambda k, g: g.double(), 3)); y.sum().backward()
_ = y.register_hook(functools.partial(lambda k, g: g[:1], 3)); y.sum().backward()
_ = y.register_hook(Wrong()); y.sum().backward()
_ = y.register_hook(Wrong().method); y.sum().backward()
_ = y.register_hook(torch.neg); y.sum().backward(); x.grad
_ = y.register_hook(torch.Tensor.double); y.sum().backward()
_ = y.register_hook(torch.Tensor.sum); y.sum().backward()
_ = y.register_hook(seen.append); y.sum().backward(); seen
_ = y.register_hook(lambda *g: seen.append(len(g))); y.sum().backward(); seen
_ = y.register_hook(lambda g, k=5: g * k); y.sum().backward(); x.grad
_ = y.register_hook(lambda g, *, k: g * k); y.sum().backward()
_ = y.register_hook(lambda a, b: a); y.sum().backward()
_ = y.register_hook(generator); y.sum().backward()
_ = y.register_hook(coroutine); y.sum().backward()
_ = y.register_hook(nn.Identity()); y.sum().backward(); x.grad
_ = y.register_hook(nn.ReLU()), y.register_hook(nn.Flatten(0)); y.backward(torch.tensor([-1.0, 2.0])); x.grad
_ = n.register_hook(Called()); y.sum().backward()
_ = n.register_prehook(Called()); y.sum().backward(); len(seen)
_ = x.register_post_accumulate_grad_hook(Called()); y.sum().backward(); x.grad
_ = x.register_post_accumulate_grad_hook(Called().method); y.sum().backward()
h = torch.Tensor.register_hook(y, log("y")); y.sum().backward(); seen
f = log("same"); a, b = y.register_hook(f), y.register_hook(f); a.id == b.id; y.sum().backward(); len(seen)
f = log("same"); a, b = y.register_hook(f), y.register_hook(f); a.remove(); y.sum().backward(); len(seen)
f = log("same"); _ = x.register_hook(f), y.register_hook(f); y.sum().backward(); seen
""",
    setup=SETUP
    + """
import functools
class Called:
    def __call__(self, g): seen.append("call"); return g * 5 if isinstance(g, torch.Tensor) else None
    def method(self, g): seen.append("method"); return g * 7
    @classmethod
    def of_class(cls, g): seen.append(cls.__name__)
class Wrong:
    def __call__(self, g): return g.double()
    def method(self, g): return g.double()
def generator(g): yield g
async def coroutine(g): return g
""",
)
