"""Which gradients share memory, and who sees it when one of them is changed.

A case is a line of code. `keep` and `keeps` are hooks that keep the gradients they see in `seen`.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, table

SETUP = """
seen = []
def ties(a, b): return a is b, a.data_ptr() == b.data_ptr()
def make(name, forward, backward): return type(name, (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
def keep(g): seen.append(g)
def keeps(*gs): seen.extend(k for g in gs for k in (g if isinstance(g, tuple) else (g,)) if k is not None)
x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
w = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]], requires_grad=True)
g = torch.ones(2, 3)
y = x * 2
"""

test_aliasing = table(
    """
_ = x.register_hook(keep); x.backward(g); ties(seen[0], g); ties(seen[0], x.grad); ties(g, x.grad)
_ = x.register_hook(keep); x.sum().backward(); ties(seen[0], x.grad); seen[0].add_(1); x.grad
_ = x.register_hook(keep); (x * 2).sum().backward(); ties(seen[0], x.grad); seen[0].add_(1); x.grad
_ = x.register_hook(keep); (x * 2).sum().backward(); (x * 2).sum().backward(); seen; ties(seen[1], x.grad)
_ = x.register_hook(keep); (x + w).sum().backward(); ties(seen[0], w.grad); w.grad.add_(1); seen[0]; x.grad
_ = x.register_hook(keep), w.register_hook(keep); (x + w).backward(g); ties(seen[0], seen[1]); ties(seen[0], g); ties(x.grad, w.grad)
_ = y.register_hook(keep); y.backward(g); ties(seen[0], g)
_ = y.register_hook(keep); (y + 0).backward(g); ties(seen[0], g)
_ = y.register_hook(keep); y.view(6).backward(torch.ones(6)); seen[0]._base is None; seen[0].stride()
_ = y.register_hook(keep); y.t().backward(g.t()); ties(seen[0], g); seen[0].stride()
_ = y.register_hook(keep); (y + y).backward(g); ties(seen[0], g); g; seen[0]
_ = y.register_hook(keep); (y + w).backward(g); ties(seen[0], w.grad); w.grad.mul_(7); seen[0]
_ = y.register_hook(keep); (y * 3 + y).backward(g); g; seen[0]; x.grad
_ = y.register_hook(keep); torch.autograd.backward([y, y * 1], [g, g]); g; seen[0]
_ = y.register_hook(keep); torch.autograd.backward([y, y], [g, g]); g; seen[0]
_ = y.register_hook(keep); k, = torch.autograd.grad(y, y, g); ties(k, g); ties(k, seen[0])
_ = y.register_hook(keep); y.retain_grad(); y.backward(g); ties(seen[0], y.grad); ties(y.grad, g); y.grad.add_(1); g; seen[0]
y.retain_grad(); (y + 0).backward(g); ties(y.grad, g)
y.retain_grad(); z = y + 0; z.retain_grad(); z.backward(g); ties(y.grad, z.grad); ties(z.grad, g)
y.retain_grad(); y.view(6).sum().backward(); ties(y.grad, x.grad)
z = x + 0; z.retain_grad(); z.backward(g); ties(z.grad, x.grad); z.grad.add_(1); x.grad; g
z = x.view(6); z.retain_grad(); z.sum().backward(); ties(z.grad, x.grad); x.grad.add_(1); z.grad
_ = y.grad_fn.register_hook(keeps); y.backward(g); ties(seen[0], x.grad); ties(seen[1], g); seen[0].add_(1); x.grad
_ = y.grad_fn.register_prehook(keeps); y.backward(g); ties(seen[0], g)
z = x + w; _ = z.grad_fn.register_hook(keeps); z.backward(g); ties(seen[0], seen[1]); ties(seen[0], seen[2]); ties(x.grad, seen[0]); ties(w.grad, seen[1]); x.grad.add_(1); w.grad; seen
_ = y.register_hook(lambda k: k.mul_(5)); y.backward(g); g; x.grad
_ = y.register_hook(lambda k: k.mul_(5)); (y + 0).backward(g); g; x.grad
_ = y.register_hook(lambda k: k.mul_(5)); (y + w).backward(g); g; x.grad; w.grad
_ = y.register_hook(lambda k: k.mul_(5)); (w + y).backward(g); g; x.grad; w.grad
_ = y.register_hook(lambda k: k.mul_(5)); z = y + 0; z.retain_grad(); z.backward(g); g; z.grad; x.grad
_ = x.register_hook(lambda k: k.mul_(5)); z = x + 0; z.retain_grad(); z.backward(g); g; z.grad; x.grad
_ = x.register_hook(lambda k: k.mul_(5)), w.register_hook(keep); (x + w).sum().backward(); seen; x.grad; w.grad
_ = x.register_hook(keep), w.register_hook(lambda k: k.mul_(5)); (x + w).sum().backward(); seen; x.grad; w.grad
_ = x.register_hook(lambda k: k.mul_(5)); torch.stack([x, w]).sum().backward(); x.grad; w.grad
_ = x.register_hook(lambda k: k.mul_(5)); h = torch.ones(4, 3); torch.cat([x, w]).backward(h); h; x.grad; w.grad
_ = x.register_hook(lambda k: k.t_().t_()); x.backward(g); g; x.grad is g
_ = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad)); x.backward(g); ties(seen[0], g); seen[0] is x.grad
_ = x.register_post_accumulate_grad_hook(lambda p: (seen.append(p.grad), setattr(p, "grad", None))[1]); x.backward(g); ties(seen[0], g); (x * 2).sum().backward(); seen
_ = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad)); (x * 2).sum().backward(); (x * 2).sum().backward(); seen[0] is seen[1]; seen[0]
k = []; _ = y.register_hook(lambda h: k.append(h * 1)); (y * 2).sum().backward(); ties(k[0], x.grad)
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: (keep(h), h)[1]); F2.apply(x).backward(g); ties(seen[0], g); ties(x.grad, g); ties(x.grad, seen[0]); x.grad.add_(1); g
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: (keep(h), h)[1]); F2.apply(x).sum().backward(); ties(x.grad, seen[0]); x.grad.add_(1)
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: h); F2.apply(x).sum().backward(); x.grad.stride(); x.grad.add_(1)
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: h * 1); F2.apply(x).sum().backward(); x.grad.stride(); x.grad.add_(1)
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: (keep(h), h.mul_(2))[1]); F2.apply(x).backward(g); g; x.grad; seen
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: h.mul_(2)); (F2.apply(x) + w).backward(g); g; x.grad; w.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: h.mul_(2)); (w + F2.apply(x)).backward(g); g; x.grad; w.grad
F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: h.mul_(2)); (w * 3 + F2.apply(x)).backward(g); g; x.grad; w.grad
F2 = make("F2", lambda ctx, s, t: s + t, lambda ctx, h: (h, h)); F2.apply(x, w).backward(g); ties(x.grad, w.grad); ties(x.grad, g)
F2 = make("F2", lambda ctx, s, t: s + t, lambda ctx, h: (h, h)); F2.apply(x * 1, w * 1).sum().backward(); ties(x.grad, w.grad); x.grad.add_(1); w.grad
F2 = make("F2", lambda ctx, s, t: s + t, lambda ctx, h: (h, h.view(2, 3))); F2.apply(x, w).backward(g); ties(x.grad, w.grad); x.grad.add_(1); w.grad; g
c = torch.full((2, 3), 7.0); F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: c); F2.apply(x).sum().backward(); F2.apply(x).sum().backward(); c; x.grad; ties(x.grad, c)
c = torch.full((2, 3), 7.0); F2 = make("F2", lambda ctx, t: t * 1, lambda ctx, h: c); (F2.apply(x) + F2.apply(x)).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); _ = y.register_hook(lambda h: c); z = y * 1; (z + y).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); _ = x.register_hook(lambda h: c); (x * 1).sum().backward(); (x * 1).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); a = x * 1; b = x * 1; _ = a.register_hook(lambda h: c), b.register_hook(lambda h: c); (a + b).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); z = y + 0; _ = z.grad_fn.register_hook(lambda i, o: (c, None)); (z + y).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); z = y + 0; _ = z.grad_fn.register_prehook(lambda o: (c,)); (z + y).sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); z = y + 0; _ = z.grad_fn.register_prehook(lambda o: (c,)); z.sum().backward(); c; x.grad
c = torch.full((2, 3), 7.0); x.grad = c; _ = x.register_hook(lambda h: c); (x * 1).sum().backward(); c; x.grad is c
_ = x.register_hook(lambda h: x.grad); x.grad = torch.full((2, 3), 7.0); (x * 1).sum().backward(); x.grad
_ = x.register_hook(lambda h: x.grad); x.grad = torch.full((2, 3), 7.0); h = x.grad; (x * 1).sum().backward(); (x * 1).sum().backward(); h; x.grad is h
it = iter([g, g]); _ = y.register_hook(lambda h: next(it)); y.sum().backward(retain_graph=True); y.sum().backward(); g; x.grad
_ = x.register_hook(lambda h: torch.enable_grad()(lambda: w * 2)()); x.backward(g); x.grad.requires_grad; x.grad.grad_fn
v = torch.ones(1, 3, requires_grad=True); _ = v.register_hook(lambda h: torch.ones(3).as_strided((1, 3), (0, 1))); v.sum().backward(); v.grad.stride()
v = torch.ones(3, 2).t().requires_grad_(); v.backward(g); v.grad.stride(); v.grad
v = torch.ones(3, 1, requires_grad=True); _ = v.register_hook(lambda h: torch.ones(3, 4)[:, 1:2].t().contiguous().t()); v.sum().backward(); v.grad.stride()
k, l = torch.autograd.grad(x + w, [x, w], g); k.add_(1); l; g
k, l = torch.autograd.grad((x + w).sum(), [x, w]); k.mul_(3); l
k, l = torch.autograd.grad((x + w) * 2, [x, w], g); k.mul_(3); l; ties(k, l)
k, l = torch.autograd.grad(x.view(6) + w.view(6), [x, w], torch.ones(6)); k.mul_(3); l; ties(k, l)
k, l, m = torch.autograd.grad(y + w, [y, w, x], g); ties(k, l); ties(k, g); k.add_(1); l; m
z = x + w; k, l, m = torch.autograd.grad(z, [z, x, w], g); ties(k, g); ties(k, l); ties(l, m); k.add_(1); l; m; g
x.grad = torch.autograd.grad(x + w, x, g)[0]; x.grad.add_(1); g
(x + w).backward(g, inputs=[x]); ties(x.grad, g); x.grad.add_(1); g
z = x + w; z.backward(g, inputs=[z]); ties(z.grad, g); z.grad.add_(1); g
z = x + w; z.backward(g, inputs=[z, x]); ties(z.grad, x.grad); z.grad.add_(1); x.grad
x.expand(4, 2, 3).backward(torch.ones(1, 2, 3).expand(4, 2, 3)); x.grad.add_(1)
x[None].backward(g[None]); ties(x.grad, g); x.grad._base is None; x.grad.add_(1); g
x.view(3, 2).backward(g.view(3, 2)); ties(x.grad, g); x.grad.add_(1); g
x.squeeze().backward(g); ties(x.grad, g)
x.contiguous().backward(g); ties(x.grad, g)
x.to(torch.float32).backward(g); ties(x.grad, g)
x.unbind()[0].backward(torch.ones(3)); x.grad.add_(1); x.grad
h = torch.ones(3); x.select(0, 1).backward(h); x.grad.add_(1); h
h = torch.ones(6); x.flatten().backward(h); x.grad.data_ptr() == h.data_ptr(); x.grad.add_(1); h
h = torch.ones(6); x.reshape(6).backward(h); x.grad.add_(1); h
h = torch.ones(3, 2); x.t().backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.requires_grad_(); torch.where(g > 0, x, w).backward(h); x.grad.add_(1); h; w.grad
h = torch.ones(2, 3); torch.maximum(x, w).backward(h); x.grad.add_(1); h; w.grad
h = torch.ones(2, 3); x.clone().backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.masked_fill(x > 100, 0).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.relu().backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.clamp(0, 100).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); F.dropout(x, 0.0).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.tril(5).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.roll(0).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.repeat(1, 1).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.expand(2, 3).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.sum_to_size(2, 3).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.index_fill(0, torch.tensor([], dtype=torch.int64), 1).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); x.index_put((torch.tensor([0]),), w[:1]).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); x.scatter_add(0, torch.tensor([[0]]), w[:1, :1]).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); x.index_add(0, torch.tensor([0]), w[:1]).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); torch.cat([x]).backward(h); x.grad.add_(1); h
h = torch.ones(1, 2, 3); torch.stack([x]).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); (x * 1).add_(w).backward(h); x.grad.add_(1); w.grad.add_(2); h
h = torch.ones(2, 3); torch.zeros(2, 3).copy_(x).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); (x - w).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); torch.lerp(x, w, 0.0).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); torch.addcmul(x, w, w).backward(h); x.grad.add_(1); h
h = torch.ones(2, 3); F.linear(x, torch.eye(3), w[0]).backward(h); x.grad.add_(1); w.grad; h
h = torch.ones(2, 3); torch.addmm(x, w, torch.eye(3)).backward(h); x.grad.add_(1); h
""",
    setup=SETUP,
    tol=SUMMED,
)
