"""What a backward pass is asked for and what it then runs: roots, inputs, order, and what is freed.

A case is a line of code that ends at its first exception. `tap` gives a tensor on whose way back
its name is noted in `seen`, with what its Function was told to compute; `noted` hangs such a note
on the node of a tensor.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, scripts, table

SETUP = """
seen = []
def make(name, forward, backward): return type(name, (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
def tap(t, name): return make(name, lambda ctx, t: t.clone(), lambda ctx, g: (seen.append((name, ctx.needs_input_grad)), g)[1]).apply(t)
def noted(t, name): return (t.grad_fn.register_hook(lambda i, o: seen.append((name, [k is not None for k in i]))), t)[1]
def numbers(*ts): return [t.grad_fn._sequence_nr() - ts[0].grad_fn._sequence_nr() for t in ts]
Add = make("Add", lambda ctx, a, b: a + b, lambda ctx, g: (seen.append(ctx.needs_input_grad), (g if ctx.needs_input_grad[0] else None, g if ctx.needs_input_grad[1] else None))[1])
Two = make("Two", lambda ctx, a, b: (a * 1, b * 1), lambda ctx, g, h: (seen.append((ctx.needs_input_grad, g.tolist(), h.tolist())), (g, h))[1])
Raw = make("Raw", lambda ctx, a, b: (ctx.set_materialize_grads(False), a * 1, b * 1)[1:], lambda ctx, g, h: (seen.append((g is None, h is None)), (g, h))[1])
grad = torch.autograd.grad
backward = torch.autograd.backward
x = torch.tensor([1.0, 2.0], requires_grad=True)
w = torch.tensor([3.0, 4.0], requires_grad=True)
c = torch.tensor([5.0, 6.0])
ones = torch.ones(2)
y = x * w
"""

test_inputs_of_backward = table(
    """
y.sum().backward(inputs=[x, x]); x.grad; w.grad
y.sum().backward(inputs=[y, y]); y.grad; x.grad
y.sum().backward(inputs=[y, x]); y.grad; x.grad; w.grad
(y * y).sum().backward(inputs=[y, x]); y.grad; x.grad; w.grad
(y * y).sum().backward(inputs=[y]); (y * 2).sum().backward(inputs=[y]); y.grad; y.retains_grad
z = y * y; z.sum().backward(inputs=[y], retain_graph=True); z.sum().backward(inputs=[y]); y.grad
z = y * y; z.sum().backward(inputs=[y], retain_graph=True); z.sum().backward(); y.grad; x.grad
z = y * y; z.sum().backward(inputs=[y]); z.sum().backward(inputs=[y])
z = y * y; z.sum().backward(inputs=[y]); y.sum().backward(); x.grad
y.sum().backward(inputs=[w * 1])
y.sum().backward(inputs=[torch.ones(2, requires_grad=True)]); x.grad
y.sum().backward(inputs=[x, torch.ones(2, requires_grad=True)]); x.grad
y.sum().backward(inputs=[c])
y.sum().backward(inputs=[x, c])
y.sum().backward(inputs=[x, c.long()])
y.sum().backward(inputs=(x,)); x.grad
y.sum().backward(inputs={x}); x.grad
y.sum().backward(inputs=iter([x])); x.grad
y.sum().backward(inputs=(t for t in (x, w))); x.grad; w.grad
y.sum().backward(inputs=())
y.sum().backward(inputs=None); x.grad
y.sum().backward(inputs=3)
y.sum().backward(inputs="x")
y.sum().backward(inputs=[None])
y.sum().backward(inputs=[3])
y.sum().backward(inputs=[[x]])
y.sum().backward(inputs=np.ones(2))
s = y.sum(); s.backward(inputs=[s]); s.grad
s = y.sum(); s.backward(inputs=[s, x]); s.grad; x.grad
s = y.sum(); s.backward(torch.tensor(3.0), inputs=[s]); s.grad
backward([y, y], [ones, ones], inputs=[y]); y.grad
backward([y, y * 2], [ones, ones], inputs=[y]); y.grad; x.grad
x.backward(ones, inputs=[x]); x.grad
x.backward(ones, inputs=[w]); x.grad; w.grad
v = y[:1]; y.sum().backward(inputs=[v])
v = y[:1]; (v * 2).sum().backward(inputs=[v]); v.grad; x.grad
v = y[:1]; (v * 2).sum().backward(inputs=[y]); y.grad; v.grad
v = y[:1]; y.mul_(2); (v * 2).sum().backward(inputs=[y]); y.grad
v = y[:1]; y.mul_(2); (v * 2).sum().backward(inputs=[v]); v.grad
v = y[:1]; v.mul_(2); (y * 2).sum().backward(inputs=[y]); y.grad
v = y[:1]; v.mul_(2); (y * 2).sum().backward(inputs=[v])
a, b = y.unbind(); (a * 2).backward(inputs=[a]); a.grad; b.grad
a, b = y.unbind(); (a * 2).backward(inputs=[b]); a.grad; b.grad
a, b = y.unbind(); (a * 2).backward(inputs=[a, b]); a.grad; b.grad
a, b = y.unbind(); (a * b).backward(inputs=[b]); a.grad; b.grad
z = y; y = y * 2; y.sum().backward(inputs=[z]); z.grad; x.grad
z = y.mul_(2); z.sum().backward(inputs=[y]); y.grad; z is y
y.sum().backward(inputs=[x], create_graph=True); x.grad.requires_grad; w.grad
y.sum().backward(inputs=[y], create_graph=True); y.grad.requires_grad
(y * y).sum().backward(inputs=[y], create_graph=True); y.grad.grad_fn.name()
x.grad = c; y.sum().backward(inputs=[x]); x.grad is c; c
y.grad = c; y.sum().backward(inputs=[y]); y.grad is c; c
y.grad = c; (y * y).sum().backward(inputs=[y], create_graph=True); y.grad is c; c
y.backward(ones, inputs=[y]); y.grad is ones; y.grad.data_ptr() == ones.data_ptr()
z = y * 1; z.backward(ones, inputs=[y]); y.grad.data_ptr() == ones.data_ptr()
z = y.view(1, 2); z.sum().backward(inputs=[y]); y.grad.stride()
d = y.double(); (d * 2).sum().backward(inputs=[y, d]); y.grad; d.grad
y.detach_(); x.sum().backward(inputs=[y])
k = y.detach().requires_grad_(); (y + k).sum().backward(inputs=[k]); k.grad; x.grad
x.sum().backward(inputs=[x]); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_inputs_of_grad = table(
    """
grad(y.sum(), [x, x])
a, b = grad(y.sum(), [x, x]); a is b; a.data_ptr() == b.data_ptr()
grad(y.sum(), [y, y])
grad(y.sum(), [x, y, w])
grad(y.sum(), x, allow_unused=True)
grad(y.sum(), [x, w, c], allow_unused=True)
grad(y.sum(), [c])
grad(y.sum(), [x, torch.ones(2, requires_grad=True)])
grad(y.sum(), [x, torch.ones(2, requires_grad=True)], allow_unused=True)
grad(y.sum(), [x, torch.ones(3, requires_grad=True)], materialize_grads=True)
grad(y.sum(), [x, torch.ones(3, dtype=torch.float64, requires_grad=True)], allow_unused=True, materialize_grads=True)
grad(y.sum(), [x, torch.ones(3, 2).t().requires_grad_()], materialize_grads=True)[1].stride()
grad(y.sum(), [x], materialize_grads=True, allow_unused=False)
grad(y.sum(), [x], materialize_grads=True, allow_unused=None)
grad(y.sum(), [x, c], materialize_grads=True)
grad(c.sum(), [x], allow_unused=True)
grad(c.sum(), [x], materialize_grads=True)
grad([y.sum(), c.sum()], [x])
grad([y.sum(), c.sum()], [x], allow_unused=True)
grad([c.sum(), y.sum()], [x], [None, None])
grad([c, y], [x], [ones, ones])
grad(x.sum(), w, allow_unused=True)
grad(x.sum(), w * 1, allow_unused=True)
grad(x.sum(), w * 1)
grad(x, x, ones)
grad(x, [x, w], ones, allow_unused=True)
grad(x, [x, w], ones)
s = x.sum(); grad(s, s)
s = x.sum(); grad(s, [s, x])
grad(y, y, ones); x.grad
grad(y, y, c)
k, = grad(y, y, c); k is c; k.data_ptr() == c.data_ptr()
grad([y, y], y, [ones, c])
grad([y, y], [y, x], [ones, c])
grad([y, y * 1], [y], [ones, c])
grad([x, x], x, [ones, c])
grad([y, x], [x], [ones, c])
grad((y, x), (x,), (ones, c))
grad(iter([y.sum()]), iter([x]))
grad(y.sum(), (t for t in (x, w)))
grad(y.sum(), {"a": x, "b": w})
grad(y.sum(), x, create_graph=True)[0].grad_fn.name()
grad(y.sum(), x, retain_graph=True); grad(y.sum(), x); y.sum().backward()
s = y.sum(); grad(s, x, retain_graph=False); grad(s, x)
s = y.sum(); grad(s, x, retain_graph=None, create_graph=True); grad(s, x)
s = y.sum(); grad(s, x, retain_graph=False, create_graph=True); grad(s, x)
s = (y * y).sum(); k, = grad(s, x, retain_graph=False, create_graph=True); k.sum().backward()
s = y.sum(); grad(s, y); grad(s, x)
z = y * y; grad(z.sum(), y); y.sum().backward(); x.grad
z = y * y; grad(z.sum(), x); y.sum().backward()
v = y[:1]; grad(y.sum(), v)
v = y[:1]; grad(y.sum(), v, allow_unused=True)
v = y[:1]; grad(v.sum(), [v, y])
v = y[:1]; v.mul_(2); grad(y.sum(), v)
v = y[:1]; v.mul_(2); grad(y.sum(), [y, x])
v = y[:1]; y.mul_(2); grad(v.sum(), [y, v])
v = y.view(2, 1); y.mul_(2); grad((y + v.view(2)).sum(), [v, y])
u = y; y = y.mul_(3); grad(y.sum(), u)
a, b = y.unbind(); grad(a * b, [a, b])
a, b = y.unbind(); grad(a * 2, [a, b], allow_unused=True)
a, b = y.unbind(); grad(a * 2, [b])
a, b = y.unbind(); grad(a * 2, b, materialize_grads=True)
a, b = y.unbind(); grad([a, b], y)
m, i = y.max(0); grad(m, i)
m, i = y.max(0); grad(m, [y, i], allow_unused=True)
m, i = y.max(0); grad(i, y)
m, i = y.max(0); grad([m, i], y)
grad(y.sum(), x, only_inputs=True)
grad(y.sum(), x, only_inputs=False)
grad(y.sum(), x, is_grads_batched=False)
grad(outputs=y, inputs=x, grad_outputs=ones)
grad(y, x, ones, True); grad(y, x, ones, False); grad(y, x, ones)
grad()
grad(y)
grad(y.sum(), None)
grad(None, x)
grad([None], x)
grad(y.sum(), [None])
grad(y.sum(), [x, None], allow_unused=True)
grad(y.sum(), x, [])
grad(y, x, [])
grad([y.sum()], x, ())
grad(y.sum(), x, None)
grad([y.sum(), y.sum()], x, [None])
grad([y.sum(), y.sum()], x, [None, None, None])
grad(y.sum(), [[x]])
grad([[y.sum()]], [x])
grad(3.0, x)
grad(y.sum(), 3.0)
grad(y.sum(), x, foo=1)
""",
    setup=SETUP,
    tol=SUMMED,
)

test_gradients_given = table(
    """
y.backward(None)
y.backward(ones.double()); x.grad
y.backward(ones.half()); x.grad; x.grad.dtype
y.backward(torch.ones(2, 1))
y.backward(torch.ones(1, 2))
y.backward(torch.ones(1))
y.backward(torch.ones(()))
y.backward(torch.ones(3))
y.backward(torch.ones(0))
y.backward(torch.ones(2, 2))
y.backward(torch.ones(1).expand(2)); x.grad
y.backward(torch.ones(4)[::2]); x.grad
y.backward(w); x.grad; x.grad.requires_grad; w.grad
y.backward(w, create_graph=True); x.grad.grad_fn.name(); w.grad
y.backward(y); x.grad; w.grad
y.backward(c.long())
y.backward(c > 5)
y.backward([ones])
y.backward((ones,))
y.backward(True)
y.backward([])
backward(y, [ones]); x.grad
backward(y, (ones,)); x.grad
backward([y], ones); x.grad
backward((y,), [ones, ones])
backward([y, y], [ones, c]); x.grad
backward([y, y], [ones])
backward([y, y], ones)
backward([y, y])
backward([y.sum(), y.sum()]); x.grad
backward([y.sum(), y], [None, ones]); x.grad
backward([y.sum(), y], [None, None])
backward([y, x], [ones, c]); x.grad; w.grad
backward([x, y], [c, ones]); x.grad; c
backward([x, x, x], [ones, ones, ones]); x.grad; ones
backward([x, c], [ones, ones])
backward([c, x], [None, ones])
backward([y.sum(), c.sum()])
backward([y.sum(), x.detach().sum()])
backward(y.sum(), None); x.grad
backward(y.sum(), [None]); x.grad
backward(y.sum(), []); x.grad
backward(y.sum(), [None, None])
backward(y.sum(), torch.tensor(2.0)); x.grad
backward(y.sum(), [torch.tensor([2.0])])
backward(y.sum(), [torch.tensor([[2.0]])])
backward(y[:1], [torch.tensor(2.0)])
backward(y[:1]); x.grad
backward(y[:1].view(1, 1, 1)); x.grad
y[:1].backward(torch.tensor(2.0))
y[:1].view(1, 1).backward(torch.tensor([2.0]))
y[:0].backward()
y[:0].backward(torch.ones(0)); x.grad
y[:0].sum().backward(); x.grad
y.sum().backward(torch.tensor(2)); x.grad
y.sum().backward(torch.tensor(True))
y.sum().backward(2.0)
y.sum().backward(torch.tensor(2.0, dtype=torch.float64)); x.grad
y.sum().backward(torch.tensor(float("nan"))); x.grad
(x * torch.tensor([0.0, 1.0])).backward(torch.tensor([float("inf"), 1.0])); x.grad
backward(y.sum(), grad_variables=torch.tensor(2.0)); x.grad
backward(y.sum(), torch.tensor(1.0), grad_variables=torch.tensor(2.0))
backward(y.sum(), grad_tensors=torch.tensor(3.0), retain_graph=True, create_graph=False, inputs=[x]); x.grad
backward({"a": y.sum()})
backward({y.sum()}); x.grad
backward(iter([y.sum()])); x.grad
backward(3)
backward("a")
backward(None)
backward([None])
backward([3.0])
backward()
backward([y.sum(), 3])
y.sum().backward(retain_graph=None); y.sum().backward()
y.sum().backward(None, None, None, None); x.grad
y.sum().backward(None, True); y.sum().backward(); x.grad
y.sum().backward(None, False, True); x.grad.requires_grad
y.sum().backward(1, 2, 3, 4, 5)
y.double().backward(ones); x.grad
y.double().backward(ones.double()); x.grad.dtype
y.half().backward(ones); x.grad
i = torch.tensor(3); i.backward()
b = torch.tensor(True); b.backward()
c.backward(ones)
c.sum().backward()
c.backward()
y.detach().backward(ones)
x.backward()
x.sum().detach().requires_grad_().backward(); x.grad
s = torch.tensor(2.0, requires_grad=True); s.backward(); s.backward(); s.grad
s = torch.tensor([2.0], requires_grad=True); s.backward(); s.grad
s = torch.tensor([[2.0]], requires_grad=True); s.backward(torch.tensor([[5.0]])); s.backward(torch.tensor(5.0))
y[0].backward(); x.grad; y[1].backward()
y.sum().backward(); y[0].backward()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_only_what_is_asked_for = table(
    """
a, b = tap(x, "a"), tap(w, "b"); (a * b).sum().backward(); seen
a, b = tap(x, "a"), tap(w, "b"); grad((a * b).sum(), x); seen
a, b = tap(x, "a"), tap(w, "b"); grad((a * b).sum(), w); seen
a, b = tap(x, "a"), tap(w, "b"); grad((a * b).sum(), a); seen
a, b = tap(x, "a"), tap(w, "b"); grad((a * b).sum(), [a, w]); seen
a, b = tap(x, "a"), tap(w, "b"); (a * b).sum().backward(inputs=[b]); seen; b.grad; w.grad
a, b = tap(x, "a"), tap(w, "b"); (a * b).sum().backward(inputs=[torch.ones(2, requires_grad=True)]); seen
a, b = tap(x, "a"), tap(c, "b"); (a * b).sum().backward(); seen
z = Add.apply(x, w); z.sum().backward(); seen
z = Add.apply(x, w); grad(z.sum(), x); seen
z = Add.apply(x, w); grad(z.sum(), w); seen
z = Add.apply(x, c); z.sum().backward(); seen
z = Add.apply(x, w); z.sum().backward(inputs=[w]); seen
z = Add.apply(x, x); grad(z.sum(), x); seen
z = Add.apply(x * 1, w * 1); grad(z.sum(), w); seen
z = Add.apply(x * 1, w * 1); grad(z.sum(), z); seen
z = Add.apply(x, w); grad(z.sum(), [z, w]); seen
p, q = Two.apply(x, w); p.sum().backward(); seen; w.grad
p, q = Two.apply(x, w); grad(p.sum(), w); seen
p, q = Two.apply(x, w); grad(q.sum(), [x]); seen
p, q = Two.apply(x, w); grad(p.sum(), [p, x]); seen
p, q = Two.apply(x, w); grad(p.sum(), [q, x], allow_unused=True); seen
p, q = Two.apply(x, w); grad(p.sum(), [q], allow_unused=True); seen
p, q = Two.apply(x, c); (p * q).sum().backward(); seen; q.requires_grad
p, q = Raw.apply(x, w); p.sum().backward(); seen; x.grad; w.grad
p, q = Raw.apply(x, w); grad(p.sum(), [x, w], allow_unused=True); seen
p, q = Raw.apply(x, w); grad(p.sum(), [x, w])
p, q = Raw.apply(x, w); grad(p.sum(), [w], materialize_grads=True); seen
p, q = Raw.apply(x * 1, w * 1); (p * 2).sum().backward(); seen; w.grad
z = noted(y * 1, "z"); y = noted(y, "y"); grad(z.sum(), x); seen
z = noted(y * 1, "z"); y = noted(y, "y"); grad(z.sum(), y); seen
z = noted(y * w, "z"); y = noted(y, "y"); grad(z.sum(), y); seen
z = noted(y * w, "z"); y = noted(y, "y"); grad(z.sum(), w); seen
z = noted(torch.where(c > 5, y, w), "z"); y = noted(y, "y"); grad(z.sum(), w); seen
z = noted(torch.cat([y, w]), "z"); y = noted(y, "y"); grad(z.sum(), w); seen
z = noted(torch.addcmul(x, y, w), "z"); y = noted(y, "y"); grad(z.sum(), x); seen
z = noted(y / w, "z"); y = noted(y, "y"); grad(z.sum(), w); seen
z = noted(torch.outer(y, w), "z"); y = noted(y, "y"); grad(z.sum(), w); seen
z = noted(torch.dot(y, w), "z"); y = noted(y, "y"); grad(z, w); seen
z = noted(y ** w, "z"); y = noted(y, "y"); grad(z.sum(), y); seen
z = noted(torch.lerp(y, w, x), "z"); grad(z.sum(), w); seen
z = noted(F.mse_loss(y, w), "z"); grad(z, w); seen
z = noted(F.linear(y, torch.ones(2, 2, requires_grad=True), w), "z"); grad(z.sum(), w); seen
z = noted(F.layer_norm(y, (2,), w, x), "z"); grad(z.sum(), x); seen
z = noted(F.cross_entropy(y[None], torch.tensor([1])), "z"); grad(z, y); seen
a = noted(y * 2, "a"); b = noted(y * 3, "b"); grad([a.sum(), b.sum()], a); seen
a = noted(y * 2, "a"); b = noted(a * 3, "b"); grad([b.sum(), a.sum()], a); seen
a = noted(y * 2, "a"); b = noted(a * 3, "b"); y = noted(y, "y"); grad(b.sum(), [a, x]); seen
a = noted(y * 2, "a"); b = noted(w * 3, "b"); grad((a + b).sum(), x); seen
a = noted(y * 2, "a"); b = noted(w * 3, "b"); (a + b).sum().backward(inputs=[w]); seen; x.grad
a = noted(y * 2, "a"); d = a.detach(); grad((a + d).sum(), x); seen
a = noted(y * 2, "a"); grad((a * 0).sum(), x); seen
m, i = y.max(0); m = noted(m, "m"); grad(m, x); seen
a, b = y.unbind(); a = noted(a, "n"); grad(b, x); seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_order_of_nodes = table(
    """
a = noted(x * 2, "a"); b = noted(x * 3, "b"); noted(a + b, "s").sum().backward(); seen
b = noted(x * 3, "b"); a = noted(x * 2, "a"); noted(a + b, "s").sum().backward(); seen
a = noted(x * 2, "a"); b = noted(a * 3, "b"); d = noted(x * 4, "d"); (b + d).sum().backward(); seen
d = noted(x * 4, "d"); a = noted(x * 2, "a"); b = noted(a * 3, "b"); (b + d).sum().backward(); seen
a = noted(x * 2, "a"); d = noted(x * 4, "d"); b = noted(a * 3, "b"); (d + b).sum().backward(); seen
a = noted(x * 2, "a"); b = noted(w * 3, "b"); backward([a.sum(), b.sum()]); seen
a = noted(x * 2, "a"); b = noted(w * 3, "b"); backward([b.sum(), a.sum()]); seen
a = noted(x * 2, "a"); b = noted(w * 3, "b"); t, s = b.sum(), a.sum(); backward([s, t]); seen
a = noted(x * 2, "a"); b = noted(w * 3, "b"); backward([a, b], [ones, ones]); seen
a = noted(x * 2, "a"); b = noted(a * 3, "b"); backward([a, b], [ones, ones]); seen; x.grad
a = noted(x * 2, "a"); b = noted(a * 3, "b"); backward([b, a], [ones, ones]); seen; x.grad
x.register_hook(lambda g: seen.append("x")); a = noted(x * 2, "a"); b = noted(a * 3, "b"); (a + b).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); a = noted(x * 2, "a"); b = noted(w * 3, "b"); (a + b).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); (x + w).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); (w + x).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); torch.stack([w, x, w]).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); backward([x, w], [ones, ones]); seen
x.register_hook(lambda g: seen.append("x")); w.register_hook(lambda g: seen.append("w")); backward([w, x], [ones, ones]); seen
x.register_hook(lambda g: seen.append("x")); a = noted(w * 2, "a"); backward([x, a], [ones, ones]); seen
x.register_hook(lambda g: seen.append("x")); a = noted(w * 2, "a"); backward([a, x], [ones, ones]); seen
x.register_hook(lambda g: seen.append("x")); a = noted(w * 2, "a"); (a + x).sum().backward(); seen
x.register_hook(lambda g: seen.append("x")); a = noted(w * 2, "a"); (x + a).sum().backward(); seen
ts = [torch.ones(2, requires_grad=True) for _ in range(4)]; [t.register_hook(lambda g, k=k: seen.append(k)) for k, t in enumerate(ts)] and None; torch.stack(ts).sum().backward(); seen
ts = [torch.ones(2, requires_grad=True) for _ in range(4)]; [t.register_hook(lambda g, k=k: seen.append(k)) for k, t in enumerate(ts)] and None; sum(ts).sum().backward(); seen
ts = [noted(x * k, k) for k in range(4)]; torch.stack(ts[::-1]).sum().backward(); seen
ts = [noted(x * k, k) for k in range(4)]; sum(ts).sum().backward(); seen
ts = [noted(x * k, k) for k in range(4)]; ((ts[0] + ts[2]) * (ts[3] + ts[1])).sum().backward(); seen
a = noted(x.unbind()[0], "u"); b = noted(x[1], "i"); (a * b).backward(); seen
a = noted(x * 2, "a"); a.mul_(3); a = noted(a, "b"); a.sum().backward(); seen
a = noted(x * 2, "a"); v = noted(a[:1], "v"); v.mul_(3); noted(v, "w"); noted(a, "c"); a.sum().backward(); seen
a = noted(x * 2, "a"); v = noted(a[:1], "v"); a.mul_(3); noted(v, "w"); noted(a, "c"); (v.sum() + a.sum()).backward(); seen
a = tap(x, "a"); b = tap(x, "b"); d = tap(a, "d"); (d + b).sum().backward(); [s[0] for s in seen]
a, b = Two.apply(noted(x * 1, "x"), noted(w * 1, "w")); (noted(a * 1, "a") + noted(b * 1, "b")).sum().backward(); seen
z = x.neg(); numbers(z, z * 2, z * 3)
z = x.neg(); numbers(z, torch.stack([z, z]), z[0], z.view(2, 1), z.sum())
a = y * 2; b = a[0]; numbers(a, b); d = x * 2; a.mul_(2); numbers(d, a); numbers(a, b)
a = y * 2; b = a[:1]; d = x * 2; b.mul_(2); numbers(d, a, b)
d = x * 2; a = x.detach() * 2; b = y * 2; numbers(d, b)
d = x * 2; a = torch.no_grad()(lambda: x * 2)(); b = y * 2; numbers(d, b)
d = x * 2; a = tap(y, "a"); b = y * 2; numbers(d, a, b)
x.view_as(x).grad_fn.next_functions[0][0]._sequence_nr() > 10**9
k, = grad((y * y).sum(), x, create_graph=True); z = y * 1; z.grad_fn._sequence_nr() > k.grad_fn._sequence_nr() > y.grad_fn._sequence_nr()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_freeing = table(
    """
z = y * y; s = z.sum(); t = z.mean(); s.backward(); t.backward()
z = y * y; s = z.sum(); t = y.mean(); s.backward(); t.backward()
z = y.exp(); s = z.sum(); t = z.mean(); s.backward(retain_graph=True); t.backward(); x.grad
z = y + 1; s = z.sum(); t = z.mean(); s.backward(); t.backward()
z = x + 1; s = z.sum(); t = z.mean(); s.backward(); t.backward(); x.grad
z = x * 2; s = z.sum(); t = z.mean(); s.backward(); t.backward(); x.grad
z = x.view(2, 1); s = z.sum(); s.backward(); s.backward(); x.grad
z = x.expand(3, 2).sum(0).t().neg().reshape(1, 2); z.sum().backward(); z.sum().backward(); x.grad
z = torch.cat([x, w]); z.sum().backward(); z.sum().backward(); x.grad
z = torch.where(c > 5, x, w); z.sum().backward(); z.sum().backward()
z = x.sin(); z.sum().backward(); z.mean().backward()
z = x.relu(); z.sum().backward(); z.mean().backward()
z = x.clone(); z.sum().backward(); z.mean().backward(); x.grad
z = x.double(); z.sum().backward(); z.mean().backward(); x.grad
z = x / 2; z.sum().backward(); z.mean().backward(); x.grad
z = 2 / x; z.sum().backward(); z.mean().backward()
z = x ** 2; z.sum().backward(); z.mean().backward()
z = x ** 1; z.sum().backward(); z.mean().backward()
z = x ** 0; z.sum().backward(); z.mean().backward()
z = x * c; z.sum().backward(); z.mean().backward()
z = x.abs(); z.sum().backward(); z.mean().backward()
z = x.sum(0, keepdim=True); z.sum().backward(); z.mean().backward(); x.grad
z = x.mean(0, keepdim=True); z.sum().backward(); z.mean().backward(); x.grad
z = x.cumsum(0); z.sum().backward(); z.mean().backward(); x.grad
z = x.max(); z.backward(); z.backward()
z = x.amax(); z.backward(); z.backward()
z = x.max(0)[0]; z.backward(); z.backward()
z = x[0]; z.backward(); z.backward(); x.grad
z = x[[0]]; z.sum().backward(); z.mean().backward()
z = x[c > 5]; z.sum().backward(); z.mean().backward()
z = x.index_select(0, torch.tensor([0])); z.sum().backward(); z.mean().backward()
z = x.gather(0, torch.tensor([0])); z.sum().backward(); z.mean().backward()
z = x.masked_fill(c > 5, 0); z.sum().backward(); z.mean().backward()
z = x.flip(0).roll(1); z.sum().backward(); z.mean().backward(); x.grad
z = x.repeat(2); z.sum().backward(); z.mean().backward(); x.grad
z = x[None].tril(); z.sum().backward(); z.mean().backward(); x.grad
z = x.clamp(0, 1); z.sum().backward(); z.mean().backward()
z = x.round(); z.sum().backward(); z.mean().backward(); x.grad
z = F.dropout(x, 0.5); z.sum().backward(); z.mean().backward()
z = F.mse_loss(x, c); z.backward(); z.backward()
z = torch.dot(x, c); z.backward(); z.backward()
z = torch.outer(x, c); z.sum().backward(); z.mean().backward()
z = torch.add(x, w, alpha=3); z.sum().backward(); z.mean().backward(); x.grad; w.grad
z = torch.addcmul(x, c, c); z.sum().backward(); z.mean().backward(); x.grad
z = x.unsqueeze(0).squeeze(0).unbind()[0]; z.backward(); z.backward(); x.grad
z = x.norm(); z.backward(); z.backward()
z = tap(x, "z"); z.sum().backward(); z.mean().backward(); x.grad; seen
z = (x * 1).mul_(2); z.sum().backward(); z.mean().backward(); x.grad
z = (x * 1).zero_(); z.sum().backward(); z.mean().backward(); x.grad
z = x * 1; z[0] = 3.0; z.sum().backward(); z.mean().backward(); x.grad
z = x * 1; z[:1].mul_(2); z.sum().backward(); z.mean().backward(); x.grad
a = y.exp(); b = y.sin(); a.sum().backward(); b.sum().backward()
a = x.exp(); b = x.sin(); a.sum().backward(); b.sum().backward(); x.grad
a = x.exp(); b = a.sin(); d = a.cos(); grad(b.sum(), a); d.sum().backward(); x.grad
a = x.exp(); b = a.sin(); d = a.cos(); grad(b.sum(), x); d.sum().backward()
a = x.exp(); b = w.exp(); s = (a * b).sum(); grad(s, x); b.sum().backward(); w.grad
a = x.exp(); b = w.exp(); s = (a * b).sum(); grad(s, x); a.sum().backward()
a = x.exp(); b = w.exp(); s = (a * b).sum(); s.backward(inputs=[w]); a.sum().backward(); x.grad
a = x.exp(); b = w.exp(); s = (a + b).sum(); s.backward(inputs=[a]); s.backward(inputs=[b]); a.grad; b.grad
a = x.exp(); grad(a, a, ones); a.sum().backward(); x.grad
a = x.exp(); s = a.sum(); grad(s, s); s.backward(); x.grad
a = y.exp(); s = a.sum(); grad(s, a, create_graph=True); s.backward(); s.backward()
a = y.exp(); k, = grad(a.sum(), x, create_graph=True); k.sum().backward(); a.sum().backward()
a = y.exp(); k, = grad(a.sum(), x, create_graph=True); k.sum().backward(retain_graph=True); a.sum().backward(); k.sum().backward()
a = y.exp(); s = a.sum(); s.backward(); a.grad_fn._saved_result
a = y.exp(); s = a.sum(); s.backward(retain_graph=True); a.grad_fn._saved_result.shape
a = y * y; a.grad_fn.next_functions[0][0].name(); a.sum().backward(); a.grad_fn.next_functions[0][0].name()
a = y.exp(); a.sum().backward(); b = a * 2; b.sum().backward()
a = y.exp(); a.sum().backward(); b = a.detach() * x; b.sum().backward(); x.grad
a = y.exp(); a.sum().backward(); a.mul_(2); a.sum().backward()
a = y.exp(); v = a[:1]; a.sum().backward(); v.sum().backward()
a = y + 1; v = a[:1]; a.sum().backward(); v.sum().backward()
p, q = Two.apply(x, w); p.sum().backward(); q.sum().backward(); x.grad; w.grad; seen
S = make("S", lambda ctx, t: (ctx.save_for_backward(t), t * t)[1], lambda ctx, g: 2 * g * ctx.saved_tensors[0]); z = S.apply(x); z.sum().backward(); z.sum().backward()
S = make("S", lambda ctx, t: (ctx.save_for_backward(t), t * t)[1], lambda ctx, g: 2 * g * ctx.saved_tensors[0]); z = S.apply(x); z.sum().backward(); z.grad_fn.saved_tensors
S = make("S", lambda ctx, t: (ctx.save_for_backward(None), t * t)[1], lambda ctx, g: g); z = S.apply(x); z.sum().backward(); z.sum().backward(); z.grad_fn.saved_tensors
S = make("S", lambda ctx, t: (ctx.save_for_backward(t), t * t)[1], lambda ctx, g: g); z = S.apply(x); z.sum().backward(); z.sum().backward()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_many_uses = table(
    """
z = x; z = z + x; z = z * x; z = z - x; z = z / x; z.sum().backward(); x.grad
z = sum([x] * 50); z.sum().backward(); x.grad
z = torch.stack([x] * 10).prod(0); z.sum().backward(); x.grad
z = torch.cat([x, x * x, x]); (z * z).sum().backward(); x.grad
z = torch.einsum("i,i,i->", x, x, x); z.backward(); x.grad
z = torch.addcmul(x, x, x); z.sum().backward(); x.grad
z = torch.addcdiv(x, x, x); z.sum().backward(); x.grad
z = torch.lerp(x, x, x); z.sum().backward(); x.grad
z = torch.where(x > 1, x, x); z.sum().backward(); x.grad
z = torch.outer(x, x); (z @ x).sum().backward(); x.grad
z = x.clamp(x, x); z.sum().backward(); x.grad
z = torch.maximum(x, x) + torch.minimum(x, x); z.sum().backward(); x.grad
z = x ** x; z.sum().backward(); x.grad
z = torch.atan2(x, x) + torch.hypot(x, x) + torch.fmod(x, x); z.sum().backward(); x.grad
z = x.expand(3, 2) + x.expand(3, 2) * x; z.sum().backward(); x.grad
z = x[0] * x[1] * x.sum() * x.prod(); z.backward(); x.grad
z = x[[0, 0, 1, 0]] * x[0]; z.sum().backward(); x.grad
z = x.unbind(); (z[0] * z[0] * z[1]).backward(); x.grad
z = torch.zeros(2); z += x; z += x; z *= x; z.sum().backward(); x.grad
z = x * 1; z.mul_(z).add_(z).mul_(x); z.sum().backward(); x.grad
z = torch.zeros(3, 2); z[0] = x; z[1] = x * x; z[2] = z[0] * z[1]; z.sum().backward(); x.grad
z = F.mse_loss(x, x) + F.l1_loss(x, x * 2); z.backward(); x.grad
z = torch.dot(x, x) * x; z.sum().backward(); x.grad
z = F.linear(x, torch.outer(x, x), x); z.sum().backward(); x.grad
z = Add.apply(x, x); z.sum().backward(); x.grad; seen
z = Add.apply(Add.apply(x, x), x); z.sum().backward(); x.grad; seen
p, q = Two.apply(x, x); (p * q).sum().backward(); x.grad; seen
p, q = Raw.apply(x, x); p.sum().backward(); x.grad; seen
k, = grad((x * x * x).sum(), x, create_graph=True); k, = grad((k * x).sum(), x, create_graph=True); (k * x).sum().backward(); x.grad
z = x.index_add(0, torch.tensor([0, 0]), x); (z * z).sum().backward(); x.grad
z = x.scatter_add(0, torch.tensor([1, 1]), x); (z * x).sum().backward(); x.grad
z = x.index_put((torch.tensor([0, 0]),), x, accumulate=True); (z * x).sum().backward(); x.grad
z = x.masked_scatter(x > 1, x * x); z.sum().backward(); x.grad
z = x @ x; z.backward(); x.grad
z = x.view(2, 1) * x.view(1, 2) + x; z.sum().backward(); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_dtypes_and_sizes = table(
    """
d = x.double(); d.retain_grad(); (d * d).sum().backward(); d.grad.dtype, x.grad.dtype; x.grad
h = x.half(); h.retain_grad(); (h * w).sum().backward(); h.grad.dtype, w.grad.dtype
e = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True); (e * x).sum().backward(); e.grad; x.grad
e = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); (e * x).sum().backward(); e.grad; x.grad
e = torch.tensor(2.0, requires_grad=True); (e * x.half()).sum().backward(); e.grad; x.grad
e = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); (e + 1).to(torch.float16).backward(); e.grad
e = torch.tensor([1.0], dtype=torch.float64, requires_grad=True); torch.cat([e, x]).sum().backward(); e.grad; x.grad
e = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True); torch.where(c > 5, e, x).sum().backward(); e.grad; x.grad
e = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True); torch.zeros(2).copy_(e).sum().backward(); e.grad
e = torch.zeros(2, dtype=torch.float64); e.copy_(x); e.sum().backward(); x.grad
e = torch.zeros(2, dtype=torch.float64); e += x; e.sum().backward(); x.grad
e = torch.zeros(2, dtype=torch.float64); e[0] = x[1]; e.sum().backward(); x.grad
b = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True); (b * x).sum().backward(); b.grad; x.grad
b = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True); h = torch.tensor([1.0, 2.0], dtype=torch.float16, requires_grad=True); (b * h).sum().backward(); b.grad; h.grad
y.sum(dtype=torch.float64).backward(); x.grad
y.mean(dtype=torch.float64).backward(); x.grad
y.softmax(0, dtype=torch.float64).sum().backward(); x.grad.dtype
y.cumsum(0, dtype=torch.float64).sum().backward(); x.grad
y.prod(dtype=torch.float64).backward(); x.grad
y.long().sum().backward()
y.to(torch.int32).float().sum().backward()
y.bool().float().sum().backward()
(y * torch.tensor([1, 2])).sum().backward(); x.grad
(y * torch.tensor([True, False])).sum().backward(); x.grad
(y / torch.tensor(2)).sum().backward(); x.grad
(x.double() ** 2).sum().backward(); x.grad
e = torch.zeros(0, 2, requires_grad=True); (e + x).sum().backward(); e.grad; x.grad
e = torch.zeros(0, 2, requires_grad=True); (e * x).sum(0).sum().backward(); e.grad; x.grad
e = torch.zeros(0, 2, requires_grad=True); torch.cat([e, x[None]]).sum().backward(); e.grad; x.grad
e = torch.zeros(0, 2, requires_grad=True); e.max(1)[0].sum().backward(); e.grad
e = torch.zeros(0, 2, requires_grad=True); (e @ torch.ones(2, 0)).sum().backward(); e.grad
e = torch.zeros(0, 2, requires_grad=True); F.linear(e, torch.ones(3, 2, requires_grad=True)).sum().backward(); e.grad
e = torch.zeros(2, 0, requires_grad=True); f = torch.ones(0, 3, requires_grad=True); (e @ f).sum().backward(); e.grad; f.grad
e = torch.zeros(0, requires_grad=True); e.sum().backward(); e.grad; x[e.long()].sum().backward(); x.grad
x[[]].sum().backward(); x.grad
x[x > 100].sum().backward(); x.grad
x[2:].sum().backward(); x.grad
x.narrow(0, 1, 0).sum().backward(); x.grad
x.split([0, 2])[0].sum().backward(); x.grad
x.index_select(0, torch.zeros(0, dtype=torch.int64)).sum().backward(); x.grad
x.expand(0, 2).sum().backward(); x.grad
x.repeat(0).sum().backward(); x.grad
x.new_zeros(0, requires_grad=True).backward(torch.zeros(0))
e = torch.zeros(0, requires_grad=True); e.softmax(0).sum().backward(); e.grad
e = torch.zeros(0, requires_grad=True); e.norm().backward(); e.grad
e = torch.zeros(0, requires_grad=True); e.var().backward(); e.grad
e = torch.zeros(0, 3, requires_grad=True); F.cross_entropy(e, torch.zeros(0, dtype=torch.int64), reduction="sum").backward(); e.grad
e = torch.zeros(0, 3, requires_grad=True); F.cross_entropy(e, torch.zeros(0, dtype=torch.int64)).backward(); e.grad
e = torch.zeros(0, 3, requires_grad=True); F.mse_loss(e, torch.zeros(0, 3)).backward(); e.grad
e = torch.zeros(0, 3, requires_grad=True); F.layer_norm(e, (3,)).sum().backward(); e.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_programs = scripts(
    tol=SUMMED,
    roots_that_are_views_changed_in_place="""
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * 2
        v = y[:2]
        v.mul_(3)
        v.backward(torch.ones(2), retain_graph=True)
        x.grad
        y.backward(torch.ones(3), retain_graph=True)
        x.grad
        y.add_(1)
        v.backward(torch.ones(2), retain_graph=True)
        x.grad
        torch.autograd.backward([v, y, y[0]], [torch.ones(2), torch.ones(3), None])
        x.grad
    """,
    roots_inside_each_other="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        a = x * 2
        b = a * 3
        c = b * 4
        torch.autograd.grad([a, b, c], [x, a, b, c], [torch.ones(2)] * 3, retain_graph=True)
        torch.autograd.grad([c, b, a], [x, a, b, c], [torch.ones(2)] * 3, retain_graph=True)
        torch.autograd.backward([b, c, a], [torch.ones(2)] * 3)
        x.grad
    """,
    parts_are_freed="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        a = x.exp()
        b = a.sin()
        c = a.cos()
        d = (b * c).sum()
        torch.autograd.grad(d, b)
        torch.autograd.grad(b.sum(), a, retain_graph=True)
        torch.autograd.grad(d, b)
        torch.autograd.grad(c.sum(), x)
        torch.autograd.grad(b.sum(), a)
        torch.autograd.grad(b.sum(), a)
        a.sum().backward()
        x.grad
    """,
    frozen_and_thawed="""
        x = torch.ones(2, requires_grad=True)
        w = torch.ones(2, requires_grad=True)
        w.requires_grad_(False)
        y = x * w
        w.requires_grad_(True)
        y.sum().backward()
        x.grad, w.grad
        y = x * w
        w.requires_grad_(False)
        y.sum().backward()
        x.grad, w.grad
        w.requires_grad_(True)
        torch.autograd.grad((x * w).sum(), w)
    """,
    backward_in_a_loop="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        s = torch.zeros(())
        for i in range(3): s = s + (x * i).sum(); s.backward(retain_graph=True)
        x.grad
        for i in range(2): (x * x).sum().backward()
        x.grad
        for i in range(2): s = s * x.sum()
        s.backward()
        x.grad
        s.backward()
    """,
    second_order="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        w = torch.tensor([3.0, 4.0], requires_grad=True)
        f = (x ** 2 * w).sum()
        a, b = torch.autograd.grad(f, [x, w], create_graph=True)
        torch.autograd.grad(a.sum(), [x, w], retain_graph=True)
        torch.autograd.grad(b.sum(), [x, w], retain_graph=True, allow_unused=True)
        torch.autograd.grad(b.sum(), [x, w], retain_graph=True, materialize_grads=True)
        torch.autograd.grad(b.sum(), [w], retain_graph=True)
        torch.autograd.grad([a, b], [x, w], [torch.ones(2), torch.ones(2)], retain_graph=True)
        (a.sum() + b.sum()).backward()
        x.grad, w.grad
    """,
    grad_outputs_that_require_grad="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        v = torch.tensor([1.0, 1.0], requires_grad=True)
        a, = torch.autograd.grad(x * x * x, x, v, create_graph=True)
        torch.autograd.grad(a, v, torch.tensor([1.0, 10.0]), retain_graph=True)
        torch.autograd.grad(a.sum(), [x, v], retain_graph=True)
        b, = torch.autograd.grad(x * x, x, v)
        b.requires_grad
        (x * x).backward(v)
        x.grad.requires_grad, v.grad
        (x * x).backward(v, create_graph=True)
        x.grad.requires_grad
        x.grad.sum().backward()
        v.grad
    """,
    undefined_gradients="""
        seen = []
        class Split(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(False)
                return x * 1, x * 2, x * 3
            @staticmethod
            def backward(ctx, *gs):
                seen.append([g is None for g in gs])
                gs = [g for g in gs if g is not None]
                return sum(gs) if gs else None
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        for k in range(3): Split.apply(x)[k].sum().backward()
        seen, x.grad
        a, b, c = Split.apply(Split.apply(x)[1])
        torch.autograd.backward([a.sum(), c.sum()])
        seen, x.grad
        torch.autograd.grad(Split.apply(x), x, [None, torch.ones(2), None])
        torch.autograd.grad(Split.apply(x), x, [torch.ones(2), torch.ones(2), torch.ones(2)])
        seen
    """,
)
