"""How `.grad` comes to be and grows: taken over, copied, added to in place or anew, set by hand.

A case is a line of code that ends at its first exception. `lay` tells how a tensor lies in memory,
`ties` whether two are one object or share memory.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, table

SETUP = """
def lay(t): return None if t is None else (tuple(t.shape), t.stride(), t.storage_offset(), t._base is None, t.requires_grad, t.dtype)
def ties(a, b): return a is b, a.data_ptr() == b.data_ptr()
def no_grad(f): return torch.no_grad()(f)()
x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
w = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]], requires_grad=True)
g = torch.ones(2, 3)
"""

test_first_gradient = table(
    """
x.backward(g); ties(x.grad, g); lay(x.grad)
x.backward(torch.ones(2, 3)); lay(x.grad); x.grad._version
(x + 0).backward(g); ties(x.grad, g)
x.view_as(x).backward(g); ties(x.grad, g); lay(x.grad)
x.clone().backward(g); ties(x.grad, g)
x.reshape(3, 2).backward(torch.ones(3, 2)); lay(x.grad)
x.t().backward(torch.ones(3, 2)); lay(x.grad)
x.t().backward(torch.ones(2, 3).t()); lay(x.grad)
x.t().clone().backward(torch.ones(3, 2)); lay(x.grad)
(x.t() * 2).backward(torch.ones(3, 2)); lay(x.grad)
x.sum().backward(); lay(x.grad)
x.sum(0).backward(torch.ones(3)); lay(x.grad)
x.sum(1, keepdim=True).backward(torch.ones(2, 1)); lay(x.grad)
x.mean().backward(); lay(x.grad)
x.expand(4, 2, 3).sum().backward(); lay(x.grad)
x[0].sum().backward(); lay(x.grad)
x[:, 1:].sum().backward(); lay(x.grad)
x[..., None].sum().backward(); lay(x.grad)
x.flip(0).sum().backward(); lay(x.grad)
x.permute(1, 0)[None].sum().backward(); lay(x.grad)
x.diagonal().sum().backward(); lay(x.grad)
x.unbind(1)[0].sum().backward(); lay(x.grad)
x.as_strided((2, 2), (1, 1)).sum().backward(); lay(x.grad)
x.double().sum().backward(); lay(x.grad)
x.half().sum().backward(); lay(x.grad)
x.backward(torch.ones(3, 2).t()); lay(x.grad)
x.backward(torch.ones(1, 1).expand(2, 3)); lay(x.grad)
x.backward(torch.ones(2, 1).expand(2, 3)); lay(x.grad)
x.backward(torch.ones(4, 6)[::2, ::2]); lay(x.grad)
x.backward(torch.ones(7)[1:].view(2, 3)); lay(x.grad)
u = torch.ones(6); x.backward(u.view(2, 3)); lay(x.grad); u.data_ptr() == x.grad.data_ptr()
x.view(-1).backward(torch.ones(1).expand(6)); lay(x.grad)
(x + w).backward(g); ties(x.grad, w.grad); ties(x.grad, g); lay(w.grad)
(x + w).sum().backward(); ties(x.grad, w.grad); x.grad.add_(1); w.grad
(x - w).backward(g); ties(x.grad, g); ties(w.grad, g)
(x + x).backward(g); ties(x.grad, g); lay(x.grad)
(x * 1 + w * 1).backward(g); ties(x.grad, w.grad)
torch.stack([x, w]).backward(torch.ones(2, 2, 3)); lay(x.grad); lay(w.grad)
torch.stack([x, w], 2).backward(torch.ones(2, 3, 2)); lay(x.grad); lay(w.grad)
torch.cat([x, w]).backward(torch.ones(4, 3)); lay(x.grad); lay(w.grad); x.grad.data_ptr() == w.grad.data_ptr()
torch.cat([x, w], 1).backward(torch.ones(2, 6)); lay(x.grad); lay(w.grad)
torch.cat([x, x]).backward(torch.ones(4, 3)); lay(x.grad)
torch.where(g > 0, x, w).backward(g); ties(x.grad, g); lay(w.grad)
c = torch.ones(2, 3).t().clone().t().requires_grad_(); lay(c); c.sum().backward(); lay(c.grad)
c = torch.ones(3, 2).t().requires_grad_(); (c * 2).sum().backward(); lay(c.grad)
c = torch.ones(3, 2).t().requires_grad_(); c.backward(g); ties(c.grad, g); lay(c.grad)
c = torch.ones(3, 2).t().requires_grad_(); h = torch.ones(3, 2).t(); c.backward(h); ties(c.grad, h); lay(c.grad)
c = torch.ones(4, 3)[::2].requires_grad_(); lay(c); c.sum().backward(); lay(c.grad)
c = torch.ones(2, 6)[:, ::2].requires_grad_(); c.backward(g); ties(c.grad, g); lay(c.grad)
c = torch.ones(1).expand(3).requires_grad_(); lay(c); c.sum().backward(); lay(c.grad)
c = torch.ones(3, 1).expand(3, 2).requires_grad_(); (c * 2).sum().backward(); lay(c.grad)
c = torch.ones(2, 1, 3).requires_grad_(); c.backward(torch.ones(2, 1, 3).transpose(0, 1).contiguous().transpose(0, 1)); lay(c.grad)
c = torch.ones(6).as_strided((2, 1, 3), (3, 7, 1)).requires_grad_(); lay(c); (c * 2).sum().backward(); lay(c.grad)
c = torch.ones(1, 3).t().requires_grad_(); lay(c); (c * 2).sum().backward(); lay(c.grad)
c = torch.ones(2, 3, 4).permute(2, 0, 1).requires_grad_(); c.exp().sum().backward(); lay(c.grad)
c = torch.ones(2, 3, 4).permute(2, 0, 1).requires_grad_(); c.contiguous().sum().backward(); lay(c.grad)
c = torch.tensor(1.0, requires_grad=True); c.backward(); lay(c.grad)
c = torch.tensor(1.0, requires_grad=True); h = torch.tensor(2.0); c.backward(h); ties(c.grad, h)
c = torch.zeros(0, 3, requires_grad=True); c.sum().backward(); lay(c.grad)
c = torch.zeros(0, 3, requires_grad=True); (c * 2).backward(torch.zeros(0, 3)); lay(c.grad)
c = torch.zeros(3, 0, requires_grad=True).t(); c.sum().backward()
c = torch.zeros(3, 0).t().requires_grad_(); (c * 2).sum().backward(); lay(c.grad)
c = torch.zeros(2, 0, requires_grad=True); (c @ torch.zeros(0, 2)).sum().backward(); lay(c.grad)
c = torch.zeros(0, requires_grad=True); torch.cat([c, x[0]]).sum().backward(); lay(c.grad)
c = torch.zeros(0, requires_grad=True); c.prod().backward(); lay(c.grad)
c = torch.zeros(0, requires_grad=True); c.mean().backward(); lay(c.grad)
h = g; x.backward(g.detach()); x.grad.data_ptr() == g.data_ptr()
x.backward(g.view(2, 3)); x.grad.data_ptr() == g.data_ptr()
x.backward(g[:]); x.grad.data_ptr() == g.data_ptr(); lay(x.grad)
x.backward(gradient=w); x.grad is w; lay(x.grad); x.grad.grad_fn
x.backward(w.detach()); x.grad.data_ptr() == w.data_ptr()
x.backward(x.detach()); x.grad.data_ptr() == x.data_ptr()
x.backward(x); x.grad is x; lay(x.grad)
x.backward(w * 1); lay(x.grad)
x.backward(w * 1, create_graph=True); lay(x.grad); x.grad.grad_fn.name()
x.backward(w, create_graph=True); x.grad is w; x.grad.data_ptr() == w.data_ptr(); x.grad.grad_fn
x.backward(g, create_graph=True); ties(x.grad, g); lay(x.grad)
(x * w).sum().backward(create_graph=True); lay(x.grad); x.grad.grad_fn.name(), w.grad.grad_fn.name()
(x * 2).sum().backward(create_graph=True); lay(x.grad); x.grad.grad_fn
x.t().sum().backward(create_graph=True); lay(x.grad)
c = torch.ones(3, 2).t().requires_grad_(); c.backward(g, create_graph=True); lay(c.grad)
c = torch.ones(3, 2).t().requires_grad_(); (c * c).sum().backward(create_graph=True); lay(c.grad)
c = torch.ones(3, 2).t().requires_grad_(); (c * c.contiguous()).sum().backward(create_graph=True); lay(c.grad)
x.sum().backward(create_graph=True); lay(x.grad); x.grad.add_(1); x.grad
x.expand(2, 2, 3).backward(torch.ones(1, 1, 1).expand(2, 2, 3)); lay(x.grad)
no_grad(lambda: x.sum().backward())
y = x.sum(); no_grad(lambda: y.backward()); lay(x.grad)
p = nn.Parameter(torch.ones(2)); (p * 2).sum().backward(); type(p.grad).__name__; lay(p.grad)
p = nn.Parameter(torch.ones(2)); q = nn.Parameter(torch.zeros(2)); p.backward(q); type(p.grad).__name__; p.grad is q; lay(p.grad)
""",
    setup=SETUP,
    tol=SUMMED,
)

test_next_gradients = table(
    """
y = x * 2; no_grad(lambda: x.set_(torch.ones(2, 2))); (x * 3).sum().backward(); x.grad
y = x * 2; no_grad(lambda: x.set_(torch.ones(2, 2))); y.sum().backward(); x.grad
y = x * 2; no_grad(lambda: x.set_(torch.ones(2, 2))); y.sum().backward(retain_graph=True); torch.autograd.grad(y.sum(), x)
y = x * 2; no_grad(lambda: x.set_(torch.zeros(2, 3))); x.register_hook(lambda g: g * 2); (y.sum() + x.sum()).backward(); x.grad
h = []; y = x * 2; y.grad_fn.next_functions[0][0].register_hook(lambda *a: h.append(1)); no_grad(lambda: x.set_(torch.ones(4))); x.register_post_accumulate_grad_hook(lambda t: h.append(t.grad)); (x * 2).sum().backward(); h
x.grad = torch.ones(2, 3); no_grad(lambda: x.set_(torch.ones(4))); x.grad; (x * 2).sum().backward()
x.sum().backward(); h = x.grad; x.sum().backward(); h is x.grad; h; x.grad._version
x.sum().backward(); h = x.grad; _p = h.data_ptr(); x.sum().backward(create_graph=True); h is x.grad; h; _p == x.grad.data_ptr(); lay(x.grad)
(x * w).sum().backward(create_graph=True); h = x.grad; (x * w).sum().backward(); h is x.grad; h; lay(x.grad)
(x * w).sum().backward(create_graph=True); h = x.grad; (x * w).sum().backward(create_graph=True); h is x.grad; lay(x.grad); x.grad.grad_fn.name(); x.grad
(x * w).sum().backward(create_graph=True); h = x.grad; k = h * h; (x * w).sum().backward(); k.sum().backward()
x.sum().backward(); v = x.grad[0]; x.sum().backward(); v
x.sum().backward(); v = x.grad.detach(); x.sum().backward(); v
x.sum().backward(); v = x.grad.clone(); x.sum().backward(); v; x.grad
x.sum().backward(); k = x.grad * w; x.sum().backward(); k.sum().backward()
x.grad = torch.ones(1, 3).expand(2, 3); (x * 2).sum().backward()
x.grad = torch.ones(1, 3).expand(2, 3); (x * 2).sum().backward(create_graph=True); lay(x.grad)
u = torch.zeros(4, 3); x.grad = u[1:3]; (x * 2).sum().backward(); u; x.grad is u
u = torch.zeros(2, 3); x.grad = u; x.grad is u; (x * 2).sum().backward(); u; x.grad is u
u = torch.zeros(2, 3); x.grad = u; (x * 2).sum().backward(create_graph=True); u; x.grad is u
u = torch.zeros(2, 3); x.grad = u; w.grad = u; (x * 2 + w).sum().backward(); u; x.grad is w.grad
u = torch.zeros(2, 3); x.grad = u; w.grad = u.view(2, 3); (x * 2 + w).sum().backward(); u
u = torch.zeros(2, 3, requires_grad=True); x.grad = u; (x * 2).sum().backward(); u; x.grad is u; u.requires_grad
u = torch.zeros(2, 3, requires_grad=True); x.grad = u; (x * 2).sum().backward(create_graph=True); x.grad is u; lay(x.grad); x.grad.grad_fn.name()
u = torch.zeros(2, 3, requires_grad=True) * 1; x.grad = u; (x * 2).sum().backward(); u; x.grad is u; u.grad_fn.name()
x.grad = x.detach(); (x * 2).sum().backward(); x; x.grad
x.grad = x.data; (x * w).sum().backward(); x
x.grad = w.detach(); y = (x * w).sum(); y.backward()
x.grad = w.detach(); y = (x * w).sum(); y.backward(retain_graph=True); y.backward()
x.grad = g; y = (x * g).sum(); y.backward(); g; y.backward()
x.grad = g; y = (x * x * g).sum(); y.backward(); g
x.grad = torch.zeros(2, 3, dtype=torch.float64)
x.grad = torch.zeros(2, 3, dtype=torch.float16)
x.grad = torch.zeros(2, 3).long()
x.grad = torch.zeros(6)
x.grad = torch.zeros(3, 2)
x.grad = torch.zeros(1, 3)
x.grad = torch.zeros(0)
x.grad = 0
x.grad = 0.0
x.grad = [1.0]
x.grad = np.zeros((2, 3))
x.grad = (g,)
x.grad = True
x.grad = x
x.grad = x.view(2, 3)
x.grad = x * 1
x.grad = nn.Parameter(g); type(x.grad).__name__; x.sum().backward(); x.grad
x.grad = g; del x.grad; x.grad
del x.grad; del x.grad
x.grad = None; x.grad = None; x.grad
x.grad = g; x.grad.zero_(); g; x.sum().backward(); g
x.grad = g; x.grad += 1; g; x.grad is g
x.grad = g; x.grad = x.grad * 2; g; x.grad is g
x.sum().backward(); x.grad.requires_grad_(); (x * 2).sum().backward(); x.grad
x.sum().backward(); x.grad.data = torch.zeros(2, 3); (x * 2).sum().backward(); x.grad
x.sum().backward(); x.grad.data = torch.zeros(3); (x * 2).sum().backward()
x.sum().backward(); x.grad.data = torch.zeros(2, 3, dtype=torch.float64); (x * 2).sum().backward(); x.grad
x.sum().backward(); x.grad.data = torch.zeros(1, 3); (x * 2).sum().backward()
x.sum().backward(); x.data = torch.zeros(4); (x * 2).sum().backward()
x.sum().backward(); x.data = torch.zeros(2, 3, dtype=torch.float64); (x * 2).sum().backward()
x.sum().backward(); x.grad.t_(); (x * 2).sum().backward()
x.sum().backward(); x.grad[0] = 7; x.sum().backward(); x.grad
x.sum().backward(); x.grad.detach_(); x.grad
(x * w).sum().backward(create_graph=True); x.grad.detach_(); lay(x.grad); (x * w).sum().backward(); x.grad
(x * w).sum().backward(create_graph=True); x.grad.zero_(); lay(x.grad); x.grad.grad_fn.name()
(x * w).sum().backward(create_graph=True); no_grad(lambda: x.grad.zero_()); x.grad; x.grad.sum().backward(); w.grad
h = torch.ones(2, 3, dtype=torch.float16, requires_grad=True); (h * x).sum().backward(); (h * x).sum().backward(); h.grad; h.grad.dtype
h = torch.ones(2, 3, dtype=torch.float16, requires_grad=True); h.float().sum().backward(); h.double().sum().backward(); h.grad
h = torch.ones(2, dtype=torch.bfloat16, requires_grad=True); (h * 256).sum().backward(); (h * 1).sum().backward(); h.grad
h = torch.ones(2, dtype=torch.float16, requires_grad=True); (h * 2048).sum().backward(); (h * 1).sum().backward(); h.grad
c = torch.zeros(0, 3, requires_grad=True); c.sum().backward(); k = c.grad; c.sum().backward(); k is c.grad
c = torch.tensor(1.0, requires_grad=True); c.grad = torch.zeros(1)
c = torch.tensor([1.0], requires_grad=True); c.grad = torch.tensor(0.0)
c = torch.tensor(1.0, requires_grad=True); c.grad = torch.tensor(3.0); c.backward(); c.grad
c = torch.ones(2); c.grad = torch.ones(2); c.requires_grad_(); (c * 2).sum().backward(); c.grad
y = x * 2; y.grad = g; y.grad; y.sum().backward(); y.grad; x.grad
y = x * 2; y.retain_grad(); y.grad = g; y.sum().backward(); y.grad; g
y = x * 2; y.grad = torch.zeros(3)
i = torch.arange(3); i.grad = torch.ones(3)
i = torch.arange(3); i.grad = torch.arange(3); i.grad
x.grad = g; d = x.detach(); d.grad; x.data.grad; x.clone().grad
x.grad = g; import copy; c = copy.deepcopy(x); c.grad is g; c.grad; c.grad.add_(1); g
x.grad = g; x.requires_grad_(False); x.grad; x.requires_grad_(); x.sum().backward(); x.grad
x.grad = g; x.detach_(); x.grad
x.grad = g; x.data = torch.zeros(2, 3); x.grad is g
x.sum().backward(); x.grad.sum().backward()
x.sum().backward(create_graph=True); x.grad.sum().backward()
(x * x).sum().backward(create_graph=True); x.grad.sum().backward(); x.grad
(x ** 3).sum().backward(create_graph=True); h = x.grad; x.grad = None; h.sum().backward(create_graph=True); x.grad; x.grad.sum().backward(); x.grad
(x * x).sum().backward(create_graph=True); h, = torch.autograd.grad(x.grad.sum(), x); h; x.grad
a, b = x * 1, x * 1; a.backward(g); h = x.grad; b.backward(g); h is x.grad; g; x.grad
x.backward(g); x.backward(g); g; x.grad; ties(x.grad, g)
torch.autograd.backward([x, x], [g, g]); x.grad; g; ties(x.grad, g)
torch.autograd.backward([x, x * 1], [g, g]); x.grad; g
k = torch.autograd.grad(x.sum(), x)[0]; x.grad = k; x.sum().backward(); k
k, l = torch.autograd.grad((x + w).sum(), [x, w]); ties(k, l); lay(k); lay(l)
k, l = torch.autograd.grad(x + w, [x, w], g); ties(k, l); ties(k, g)
k, = torch.autograd.grad(x, x, g); ties(k, g); lay(k)
k, = torch.autograd.grad(x * 1, x, g); ties(k, g)
k, = torch.autograd.grad(x + 0, x, g); ties(k, g); k.add_(1); g
k, = torch.autograd.grad(x.view(-1), x, torch.ones(6)); lay(k)
k, = torch.autograd.grad(x.t(), x, torch.ones(3, 2)); lay(k)
k, = torch.autograd.grad(x.sum(), x); lay(k); k.add_(1)
k, = torch.autograd.grad(x.sum(0), x, torch.ones(3)); lay(k)
k, = torch.autograd.grad(x.expand(4, 2, 3), x, torch.ones(4, 2, 3)); lay(k)
k, = torch.autograd.grad(x.mean(), x); lay(k)
k, = torch.autograd.grad(x.double().sum(), x); lay(k)
c = torch.ones(3, 2).t().requires_grad_(); k, = torch.autograd.grad((c * g).sum(), c); lay(k)
c = torch.ones(3, 2).t().requires_grad_(); k, = torch.autograd.grad(c.sum(), c); lay(k)
c = torch.ones(3, 2).t().requires_grad_(); k, = torch.autograd.grad(c, c, g); ties(k, g); lay(k)
c = torch.ones(1).expand(3).requires_grad_(); k, = torch.autograd.grad((c * 2).sum(), c); lay(k)
""",
    setup=SETUP,
    tol=SUMMED,
)
