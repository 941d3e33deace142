"""Views: what they are views of, how their histories are made anew, and what may be changed when.

A case is a line of code that ends at its first exception. `of` tells what a tensor is a view of,
`story` the names of the nodes behind it.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, scripts, table

SETUP = """
seen = []
def make(name, forward, backward): return type(name, (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
def no_grad(f): return torch.no_grad()(f)()
def of(t, **bases): return t._is_view(), None if t._base is None else [k for k, b in bases.items() if t._base is b], t.requires_grad, t.is_leaf, t._version, t.output_nr
def story(t, depth=6): return walk(t.grad_fn, depth)
def walk(f, depth): return f if f is None or depth == 0 else (f.name(), [(walk(n, depth - 1), k) for n, k in f.next_functions])
x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
w = torch.tensor([2.0, 3.0, 4.0], requires_grad=True)
c = torch.zeros(2, 3)
y = x * 2
"""

test_what_is_a_view = table(
    """
of(x); of(y); of(c)
of(x[0], x=x); of(y[0], y=y); of(c[0], c=c)
of(y[0][0], y=y); of(y.view(-1)[2:4].view(2, 1), y=y)
of(y.detach(), y=y); of(y.data, y=y); of(c.detach(), c=c)
of(y.detach()[0], y=y); d = y.detach(); of(d[0], d=d); of(d[0][0], d=d)
of(y[0].detach(), y=y); of(c[0].detach(), c=c)
d = c.detach(); of(d.view(-1), d=d, c=c)
d = c[0].detach(); of(d[:1], d=d, c=c)
of(x.view_as(x), x=x); of(x.expand_as(x), x=x); of(x.reshape(2, 3), x=x); of(x.reshape(-1), x=x); of(x.t().reshape(-1), x=x)
of(x.contiguous(), x=x); x.contiguous() is x; of(x.t().contiguous(), x=x)
of(x.flatten(), x=x); w.flatten() is w; of(w.flatten(), w=w); of(w.reshape(3), w=w); w.reshape(3) is w
of(x.to(torch.float32), x=x); x.to(torch.float32) is x; x.float() is x; of(x.double(), x=x)
of(x.squeeze(), x=x); of(x.unsqueeze(0), x=x); of(x.expand(2, 3), x=x); of(x.permute(0, 1), x=x); of(x.transpose(0, 0), x=x)
of(x.T, x=x); of(w.t(), w=w); of(x.mT, x=x); of(x.swapaxes(0, 1), x=x); of(x.movedim(0, 0), x=x)
of(x.narrow(0, 0, 2), x=x); of(x[:], x=x); of(x[...], x=x); of(x[None], x=x); of(x[()], x=x); of(x[True], x=x); of(x[0:2], x=x)
of(x[[0]], x=x); of(x[torch.tensor(0)], x=x); of(x[torch.tensor([0])], x=x); of(x[x > 0], x=x); of(x[:, [0]], x=x)
of(x.diagonal(), x=x); of(x.as_strided((2,), (1,)), x=x); of(x.unfold(0, 1, 1), x=x); of(x.unflatten(1, (3, 1)), x=x)
[of(t, x=x) for t in x.unbind()]; [of(t, x=x) for t in x.split(1)]; [of(t, x=x) for t in x.chunk(2)]; [of(t, x=x) for t in x.tensor_split(2)]
[of(t, x=x) for t in x.split([1, 1])]; [of(t, x=x) for t in torch.split(x, 3, 1)]; [of(t, x=x) for t in x.split_with_sizes([2])]
[of(t, x=x) for t in x]; [of(t, y=y) for t in y]
of(x.broadcast_to(2, 2, 3), x=x); [of(t, x=x, w=w) for t in torch.broadcast_tensors(x, w)]; [of(t, w=w) for t in torch.meshgrid(w, w, indexing="ij")]
of(x.type_as(x), x=x); of(torch.atleast_2d(x), x=x); of(torch.atleast_2d(w), w=w); torch.atleast_1d(x) is x; of(torch.ravel(x), x=x)
of(x.clone(), x=x); of(x.flip(0), x=x); of(x.tile(1), x=x); of(x.repeat(1, 1), x=x); of(x.expand(1, 2, 3), x=x)
of(x.requires_grad_(), x=x); of(x.view(2, 3).requires_grad_(), x=x)
of(no_grad(lambda: x[0]), x=x); of(no_grad(lambda: y[0]), y=y); of(no_grad(lambda: c[0]), c=c); of(no_grad(lambda: y[0][0]), y=y)
of(no_grad(lambda: x.detach()), x=x); of(no_grad(lambda: x.unbind()[0]), x=x); of(no_grad(lambda: x.detach()[0]), x=x)
v = no_grad(lambda: x[0]); of(v[0], x=x, v=v)
v = no_grad(lambda: x[0]); of(v.view(3, 1)[0], x=x); v.is_leaf; v.grad_fn
c.requires_grad_(); v = c[0]; of(v, c=c); story(v)
v = c[0]; c.requires_grad_(); of(v, c=c); story(v); v.requires_grad
v = c[0]; v.requires_grad_(); of(v, c=c); c.requires_grad; story(v[:1])
v = c[0]; v.requires_grad_(); (v * 2).sum().backward(); v.grad; c.grad
v = c[0]; v.requires_grad_(); u = v[:1]; of(u, c=c, v=v); story(u); (u * 2).sum().backward(); v.grad
p = nn.Parameter(c); of(p, c=c); of(p[0], p=p)
p = nn.Parameter(c[0]); of(p, c=c, p=p); of(p[:1], p=p, c=c)
p = nn.Parameter(y[0].detach()); of(p, y=y); of(p[:1], p=p)
t = torch.as_tensor(c); t is c; of(t)
t = torch.from_numpy(c.numpy()); of(t, c=c); of(t[0], t=t)
of(torch.tensor(1.0).expand(3)); of(torch.zeros(0, 3)[:0]); of(torch.zeros(1, 3).squeeze(0))
x[0]._base._base; y[0]._base is y; c.view(6).view(3, 2)._base is c
b = x[0]._base; b is x; b.grad_fn
v = y.view(-1); del y; v._base.grad_fn.name(); v._base[0]
v = (x * 3).view(-1); v._base; v._base is v._base; story(v)
x.t()._base is x.t()._base; y.t()._base is y
setattr(x[0], "_base", getattr(x, "_base"))
x._is_view; x[0]._is_view()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_histories_made_anew = table(
    """
b = torch.arange(6.0)[2:].detach(); v = b[1:]; v.mul_(w); (b * b).sum().backward(); w.grad
y[0].mul_(2); y.sum().backward(); y.sum().backward()
F2 = make("F2", lambda ctx, t: (ctx.mark_dirty(t), t.mul_(2))[1], lambda ctx, h: h.expand(2, 3) * 2); F2.apply(y[0]); y.sum().backward()
v = y[0]; v.mul_(3); story(v); story(y)
v = y[0]; u = v[1:]; u.mul_(3); story(u); story(v); story(y)
v = y[0]; u = v[1:]; v.mul_(3); story(u); story(v); story(y)
v = y[0]; u = v[1:]; y.mul_(3); story(u); story(v); story(y)
v = y[0]; u = y[1]; v.mul_(3); story(u); story(v); story(y)
v = y[0]; u = y[0]; v.mul_(3); u.mul_(2); story(u); story(v); story(y); y.sum().backward(); x.grad
v = y[0]; v.mul_(3); v.mul_(2); story(v); story(y)
v = y[0]; y.mul_(3); v.mul_(2); story(v); story(y); y.sum().backward(); x.grad
v = y[0]; v.mul_(3); y.mul_(2); story(v); story(y); v.sum().backward(); x.grad
v = y.t(); v.mul_(w[:2]); story(v); story(y); y.sum().backward(); x.grad; w.grad
v = y.view(-1); u = v.view(3, 2); t = u.t(); t.mul_(2); story(t); story(v); (t * v.view(2, 3)).sum().backward(); x.grad
v = y.unsqueeze(0); v.mul_(3); story(v); story(y)
v = y.squeeze(); v.mul_(3); story(v); story(y)
v = y.permute(1, 0); v.mul_(3); story(v); story(y)
v = y.transpose(0, 1); v.mul_(3); story(v); story(y)
v = y.narrow(1, 1, 2); v.mul_(3); story(v); story(y)
v = y[:, 1:]; v.mul_(3); story(v); story(y)
v = y[:, ::2]; v.mul_(3); story(v); story(y); y.sum().backward(); x.grad
v = y[..., 0]; v.mul_(3); story(v); story(y)
v = y[None, 0, :, None]; v.mul_(3); story(v); story(y)
v = y.diagonal(); v.mul_(3); story(v); story(y); y.sum().backward(); x.grad
v = y.as_strided((2, 2), (3, 1)); v.mul_(3); story(v); story(y); y.sum().backward(); x.grad
v = y.as_strided((2,), (1,), 2); v.mul_(3); story(v); story(y); v.sum().backward(); x.grad
v = y.as_strided((2, 2), (1, 1)); v.mul_(3)
v = y.as_strided((3, 2), (0, 1)); v.zero_()
v = y.as_strided((2, 3), (3, 1)); y.mul_(3); story(v); (v * v).sum().backward(); x.grad
v = y[0].as_strided((2,), (1,)); v.mul_(3); story(v); y.sum().backward(); x.grad
v = y.t().as_strided((2, 2), (1, 2), 1); v.mul_(3); story(v); y.sum().backward(); x.grad
v = y.unfold(1, 2, 1); v.mul_(3)
v = y.unfold(1, 1, 1); v.mul_(3); story(v); story(y); y.sum().backward(); x.grad
v = y.reshape(-1); v.mul_(3); story(v); story(y)
v = y.t().reshape(-1); v.mul_(3); story(v); story(y); y.sum().backward(); x.grad
v = y.flatten(); v.mul_(3); story(v); story(y)
v = y.unflatten(1, (3, 1)); v.mul_(3); story(v); story(y)
v = y.view_as(y); v.mul_(3); story(v); story(y)
v = y.movedim(0, 1); v.mul_(3); story(v); story(y)
v = y.expand(2, 3); v.mul_(3); story(v); story(y)
v = y[:1].expand(2, 3); v.mul_(3)
v = y[:1].expand(2, 3); y.mul_(3); story(v); v.sum().backward(); x.grad
v = y[:1].expand(2, 3); v[0] = 1.0; story(v); story(y)
v = y[:1].expand(2, 3); v[0].mul_(2); story(v); story(y); y.sum().backward(); x.grad
v = y.expand(2, 2, 3); v[0, 0, 0] = 9.0; y; story(y)
v = y.broadcast_to(2, 2, 3); v.copy_(c)
v = c.expand(2, 2, 3); v.add_(1)
v = c.expand(2, 2, 3); v.fill_(1)
v = c.expand(2, 2, 3); v.zero_(); c
v = c.expand(2, 2, 3); v.copy_(c)
v = c.expand(2, 2, 3); v[:, 0].add_(1)
v = c.expand(2, 2, 3); v.detach_(); v.requires_grad_()
v = c.expand(1, 2, 3); v.add_(1); c
v = y[0]; v.copy_(w); story(v); story(y); y.sum().backward(); x.grad; w.grad
v = y[0]; v.copy_(w.detach()); story(v); story(y); y.sum().backward(); x.grad
v = y[0]; v.zero_(); story(v); story(y); y.sum().backward(); x.grad
v = y[0]; v.fill_(w[0]); story(v); story(y); y.sum().backward(); x.grad; w.grad
v = y[0]; v[1] = w[0]; story(v); story(y); y.sum().backward(); x.grad; w.grad
v = y[0]; v.add_(w); story(v); story(y); v.sum().backward(); x.grad; w.grad
v = y[0]; v.exp_(); story(v); story(y); y.sum().backward(); x.grad
v = y[0]; v.sigmoid_(); y.mul_(2); y.sum().backward(); x.grad
v = y[0]; v.exp_(); v.mul_(2); y.sum().backward()
v = y[0]; v.exp_(); y[1].mul_(2); y.sum().backward()
v = y[0]; z = v * v; y[1].mul_(2); z.sum().backward()
v = y[0]; z = v * v; v.mul_(2); z.sum().backward()
v = y[0]; z = v.exp(); y.mul_(2); z.sum().backward(); x.grad
v = y[0]; z = y * y; v.mul_(2); z.sum().backward()
v = y[0].clone(); z = v * v; y.mul_(2); z.sum().backward(); x.grad
v = y[0]; z = v * 2; y.mul_(2); (z + v).sum().backward(); x.grad
v = y[0]; z = v.detach(); zz = z * w; v.mul_(2); zz.sum().backward()
v = y[0]; z = v.data; zz = z * w; v.mul_(2); zz.sum().backward(); w.grad
v = c[0]; v.add_(w); story(v); story(c); of(v, c=c); c.requires_grad; c.sum().backward(); w.grad
v = c[0]; u = c[0]; v.add_(w); story(u); u.requires_grad; u.sum().backward(); w.grad
v = c[0]; u = c[1]; v.add_(w); story(u); u.requires_grad; u.sum().backward(); w.grad
v = c[0]; c.add_(w); story(v); v.requires_grad; v.sum().backward(); w.grad
v = c[0]; u = v[:1]; c.add_(w); story(u); u.requires_grad; u.is_leaf
v = c[0]; u = v[:1]; u.add_(w[:1]); story(v); story(c)
v = c[0]; v.add_(1); v.requires_grad; v._version; c._version
v = c.t(); v.add_(w[:, None]); c.mul_(2); v.mul_(3); story(v); story(c); v.sum().backward(); w.grad
v = c.view(-1); c[0] = w; v[3:] = w * w; story(v); story(c); (v * v).sum().backward(); w.grad
v = c.unbind()[0]; v.add_(1); c
v = c.unbind()[0]; v.add_(w)
v = c.unbind()[0]; c.add_(w); story(v)
v = c.unbind()[0]; u = v[:1]; u.add_(1); c
v = c.unbind()[0]; u = v[:1]; u.add_(w[:1])
v = c[0].unbind()[0]; v.add_(1); c
v = c.split(1)[1]; v.mul_(2); v.add_(w)
v = c.chunk(2)[1]; c.requires_grad_(); v.add_(1)
v = c[0]; c.requires_grad_(); v.add_(1)
v = c[0]; c.requires_grad_(); v.requires_grad; v.is_leaf; of(v, c=c)
v = c[0]; c.requires_grad_(); no_grad(lambda: v.add_(1)); c
v = c[0]; c.requires_grad_(); c.mul(2).sum().backward(); c.grad; v.grad
v = c[0]; v.requires_grad_(); v.add_(1)
v = c[0]; v.requires_grad_(); c.add_(1); v; v._version
v = c[0]; v.requires_grad_(); c.add_(w); story(v); of(v, c=c)
v = c[0]; v.requires_grad_(); z = v * v; c.add_(1); z.sum().backward()
v = c[0]; u = v.requires_grad_()[:1]; u.mul_(2)
v = c[0]; u = v[:1]; v.requires_grad_(); u.mul_(2); c
a, b = y.unbind(); a.mul_(2)
a, b = y.unbind(); a[0] = 1.0
a, b = y.unbind(); a[:1].mul_(2)
a, b = y.unbind(); y.mul_(2); a.sum()
a, b = y.unbind(); y.mul_(2); a.grad_fn
a, b = y.unbind(); y.mul_(2); a.requires_grad, a.is_leaf, a.shape, a.tolist()
a, b = y.unbind(); y.mul_(2); a[:1]
a, b = y.unbind(); y.mul_(2); a.detach()
a, b = y.unbind(); y.mul_(2); a.mul_(2)
a, b = y.unbind(); no_grad(lambda: y.mul_(2)); a.grad_fn
a, b = y.unbind(); y.detach().mul_(2); a.grad_fn
a, b = y.unbind(); y.data.mul_(2); a.sum().backward(); x.grad
a, b = y.unbind(); v = a[:1]; y.mul_(2); v.grad_fn
a, b = y.unbind(); v = a.detach(); v.mul_(2); y; a.grad_fn
a, b = y.unbind(); no_grad(lambda: a.mul_(2)); a.grad_fn; b.grad_fn
a, b = y.split(1); a.mul_(2)
a, b = y.chunk(2); a.mul_(2)
a, b = y.tensor_split(2); a.mul_(2)
a, b = y.split_with_sizes([1, 1]); a.mul_(2)
a, = y.split(2); a.mul_(2)
a, = y.chunk(1); a.mul_(2)
a, = y[:1].unbind(); a.mul_(2)
a, b = y[:, :2].unbind(1); a.mul_(2)
a, b = y.view(2, 3).unbind(); a.mul_(2)
a, b = y; a.mul_(2)
a = list(y.t())[0]; a.mul_(2)
for r in y: r.mul_(2)
for r in c: r.add_(1)
for r in c: r.add_(w)
a, b = x.unbind(); a.mul_(2)
a, b = x.unbind(); no_grad(lambda: a.mul_(2)); a.grad_fn; a.sum().backward()
a, b = x.detach().unbind(); a.mul_(2); x
a, b = no_grad(lambda: y.unbind()); a.mul_(2)
a, b = no_grad(lambda: y.unbind()); y.mul_(2); a.grad_fn
a, b = no_grad(lambda: c.unbind()); a.mul_(2); c
a, b = no_grad(lambda: c.unbind()); a.mul_(w)
a, b = no_grad(lambda: c.split(1)); c.mul_(w); a.grad_fn
a, b = torch.broadcast_tensors(y, w); b.mul_(2)
a, b = torch.broadcast_tensors(y, w * 1); a.mul_(2); story(y)
a, b = torch.broadcast_tensors(y, w * 1); b.mul_(2)
m, i = y.max(1); m.mul_(2); story(m); m.sum().backward(); x.grad
m, i = y.max(1); v = m[:1]; v.mul_(2); story(v); story(m); m.sum().backward(); x.grad
a, b = torch.var_mean(y, 1); a.mul_(2); story(a); (a + b).sum().backward(); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_grad_modes = table(
    """
v = no_grad(lambda: y[0]); v.mul_(2)
v = no_grad(lambda: y[0]); v[0] = 1.0
v = no_grad(lambda: y[0]); y.mul_(2); v.grad_fn
v = no_grad(lambda: y[0]); y.mul_(2); v.requires_grad; v.sum()
v = no_grad(lambda: y[0]); no_grad(lambda: y.mul_(2)); v.grad_fn; v.requires_grad
v = no_grad(lambda: y[0]); no_grad(lambda: v.mul_(2)); story(v); story(y); y.sum().backward(); x.grad
v = no_grad(lambda: y[0]); u = v[:1]; u.mul_(2)
v = no_grad(lambda: y[0]); u = v[:1]; y.mul_(2); u.grad_fn
v = y[0]; u = no_grad(lambda: v[:1]); u.mul_(2)
v = y[0]; u = no_grad(lambda: v[:1]); v.mul_(2); u.grad_fn
v = y[0]; u = no_grad(lambda: v[:1]); of(u, y=y); u.requires_grad; y.mul_(2); v.sum().backward(); x.grad
v = y[0]; no_grad(lambda: v.mul_(2)); story(v); story(y); v._version; y.sum().backward(); x.grad
v = y[0]; no_grad(lambda: v.copy_(w)); story(v); y.sum().backward(); x.grad; w.grad
v = y[0]; no_grad(lambda: y.mul_(2)); story(v); v.sum().backward(); x.grad
v = y[0]; no_grad(lambda: y.mul_(2)); v.mul_(3); story(v); y.sum().backward(); x.grad
v = no_grad(lambda: c[0]); v.add_(1); c
v = no_grad(lambda: c[0]); v.add_(w)
v = no_grad(lambda: c[0]); c.add_(w); v.grad_fn
v = no_grad(lambda: c[0]); c.add_(w); v.requires_grad
v = no_grad(lambda: c[0]); v.requires_grad_(); v.grad_fn; (v * 2).sum().backward(); v.grad
v = no_grad(lambda: c[0]); v.requires_grad_(); v.add_(1)
v = no_grad(lambda: c[0]); v.requires_grad_(); u = v[:1]; u.add_(1)
v = no_grad(lambda: x[0]); v.mul_(2)
v = no_grad(lambda: x[0]); v.requires_grad; v.is_leaf; v.grad_fn; v.sum()
v = no_grad(lambda: x[0]); v.requires_grad_()
v = no_grad(lambda: x[0]); v.requires_grad = True
v = no_grad(lambda: x[0]); no_grad(lambda: v.zero_()); x
v = no_grad(lambda: x[0]); v.detach().zero_(); x
v = no_grad(lambda: x[0]); v.detach_()
v = no_grad(lambda: y[0]); v.detach_()
v = no_grad(lambda: c[0]); v.detach_(); v.requires_grad
v = no_grad(lambda: x.detach()[0]); v.mul_(2); x
v = no_grad(lambda: x.detach())[0]; v.mul_(2); x
no_grad(lambda: x.mul_(2)); x; x._version; x.grad_fn
z = x * x; no_grad(lambda: x.mul_(2)); z.sum().backward()
z = x * 2; no_grad(lambda: x.mul_(2)); z.sum().backward(); x.grad
z = x * x; no_grad(lambda: x[0].mul_(2)); z.sum().backward()
z = x * x; x.data.mul_(2); z.sum().backward(); x.grad
z = x * x; x.detach().mul_(2); z.sum().backward()
no_grad(lambda: y.mul_(2)); story(y); y.sum().backward(); x.grad
no_grad(lambda: y.zero_()); story(y); y.requires_grad
no_grad(lambda: c.add_(w)); c.requires_grad; c
no_grad(lambda: c.__setitem__(0, w)); c.requires_grad; c
z = no_grad(lambda: x * 2); z.requires_grad_(); z.is_leaf; z.view(-1).mul_(2)
z = no_grad(lambda: x * 2); z.add_(w); story(z)
v = no_grad(lambda: (x * 2)[0]); v.add_(1); of(v)
v = no_grad(lambda: (x * 2)[0]); v.add_(w)
v = no_grad(lambda: (x * 2)[0].clone()); v.add_(w); story(v)
v = torch.enable_grad()(lambda: y[0])(); v.mul_(2); story(v)
v = no_grad(lambda: torch.enable_grad()(lambda: y[0])()); v.mul_(2); story(v)
torch.set_grad_enabled(False); v = y[0]; torch.set_grad_enabled(True); u = y[0]; u.mul_(2); v.grad_fn
torch.set_grad_enabled(False); v = y[0]; torch.set_grad_enabled(True); u = y[1]; u.mul_(2); v + 1
torch.set_grad_enabled(False); v = y[0]; torch.set_grad_enabled(True); u = y[1]; u.mul_(2); v.detach(); v.data; v.clone()
torch.set_grad_enabled(False); v = y[0]; torch.set_grad_enabled(True); z = v * w; z.sum().backward(); w.grad; x.grad
torch.set_grad_enabled(False); v = y[0]; v.mul_(2); torch.set_grad_enabled(True); v.mul_(2)
torch.set_grad_enabled(False); y.t_(); torch.set_grad_enabled(True); story(y); y.shape; y.sum().backward()
torch.set_grad_enabled(False); y.unsqueeze_(0); torch.set_grad_enabled(True); y.mul_(2); y.sum().backward()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_leaves_detach_and_data = table(
    """
x[0].mul_(2)
x[0][0] = 1.0
x.view(-1).mul_(2)
x.t().zero_()
v = x[0]; v += 1
v = x[0]; z = v * 2; v.data.mul_(2); x; z.sum().backward(); x.grad
v = x.view(-1); v.detach_()
v = y.view(-1); v.detach_()
v = c.view(-1); v.detach_(); of(v, c=c)
v = y.unbind()[0]; v.detach_()
v = y.expand(2, 2, 3); v.detach_()
v = y[0]; v.detach(); v.detach().detach_(); story(v)
v = y[0]; y.detach_(); y.requires_grad; story(v); v.requires_grad; v.is_leaf
v = y[0]; y.detach_(); v.sum().backward(); x.grad
v = y[0]; y.detach_(); v.mul_(2); story(v); story(y); y
v = y[0]; y.detach_(); y.mul_(2); v; story(v)
v = y[0]; y.detach_(); y.add_(w); story(v); story(y); v.sum().backward(); w.grad; x.grad
v = y[0]; y.detach_(); y.requires_grad_(); v.mul_(2)
v = y[0]; y.detach_(); y.requires_grad_(); y[1].sum().backward(); y.grad
v = y[0]; y.mul_(2); y.detach_(); story(v)
v = y[0]; v.mul_(2); y.detach_(); story(v); story(y)
y.detach_() is y; of(y); y.grad_fn; y.requires_grad_(); (y * 2).sum().backward(); y.grad; x.grad
y.detach_(); y.add_(w); story(y)
x.detach_(); x.requires_grad; x[0].mul_(2); x
c.detach_() is c; c._version
z = y * y; y.detach_(); z.sum().backward(); x.grad
d = y.detach(); d._version; y.mul_(2); d._version; d.mul_(2); y._version; d.data_ptr() == y.data_ptr()
d = y.detach(); d.requires_grad_(); d.mul_(2)
d = y.detach(); d.requires_grad_(); y.mul_(2); d; d._version
d = y.detach(); z = d * w; d.mul_(2); z.sum().backward()
d = y.detach(); z = y * y; d.mul_(2); z.sum().backward()
d = y.detach(); d.resize_(6)
d = y.detach(); d.resize_(2, 3); d.t_(); d.shape; y.shape
d = y.detach(); d.unsqueeze_(0); d.shape, y.shape
d = y.detach(); d.data = torch.zeros(2); y; d
d = x.data; d.mul_(2); x; x._version; d._version; of(d, x=x)
d = x.data; d.resize_(6); x.shape; d.shape
d = x.data; d.resize_(2, 3) is d
x.data = torch.zeros(3); x; x._version; x.requires_grad
x.data = torch.zeros(2, 3, dtype=torch.float64); x.dtype
x.data = torch.zeros(2, 3).long()
x.data = w; x; x.requires_grad; x.is_leaf; x.data_ptr() == w.data_ptr()
x.data = w * 2; x; x.grad_fn; x.requires_grad
x.data = x; x
x.data = x[0]; x; of(x); x._version
x.data = x.data; x
x.data += 1; x; x._version
x.data[0] = 7; x; x._version
x.data.zero_(); x; x._version
v = x[0]; x.data = torch.zeros(2, 3); v; v._base is x; story(v)
v = x[0]; x.data = torch.zeros(2, 3); v.data_ptr() == x.data_ptr(); (v * 2).sum().backward(); x.grad
v = y[0]; y.data = torch.zeros(2, 3); v; v.mul_(2); y; story(y); story(v)
v = y[0]; y.data = torch.zeros(2, 3); y.mul_(2); v; story(v)
v = y[0]; v.data = torch.zeros(3); y; of(v, y=y); v.mul_(2); y; story(y)
v = y[0]; v.data = torch.zeros(3); y.mul_(2); v; story(v)
v = y[0]; v.data = torch.zeros(4)
v = y[0]; v.data = torch.zeros(4); v.sum().backward()
v = y[0]; v.data = torch.zeros(3); v.sum().backward(); x.grad
v = c[0]; c.data = torch.ones(2, 3); v; v._version, c._version; v.add_(1); c; of(v, c=c)
v = c[0]; v.data = torch.ones(3); v._version; c.add_(w); v.requires_grad
y.data = torch.zeros(2, 3); story(y); y.sum().backward(); x.grad
y.data = torch.zeros(4); story(y); y.sum().backward()
z = y * y; y.data = torch.zeros(2, 3); z.sum().backward(); x.grad
z = y.exp(); z.data = torch.zeros(2, 3); z.sum().backward(); x.grad
z = y * y; y.data.mul_(0); z.sum().backward(); x.grad
z = y * y; v = y[0]; v.data.mul_(0); z.sum().backward(); x.grad
x.resize_(6)
y.resize_(6)
y.detach_().resize_(6); y
c.resize_(6); c; c._version
c.resize_(1); c; c.resize_(2, 3); c
v = c[0]; v.resize_(2); v; of(v, c=c); v._version, c._version
v = c[0]; c.resize_(3); v; v._version
v = c[0]; v.resize_(2, 2); v.shape; c.shape
no_grad(lambda: x.resize_(6)); x.shape
no_grad(lambda: y.resize_(6)); y.shape; story(y); y.sum().backward()
c.resize_(0); c.shape; c.resize_(2, 3).shape; c._version
c.resize_(-1)
c.resize_("a")
c.resize_((3, 2)); c.shape, c.stride(), c._version
c.t_(); c.resize_(3, 2); c.stride(); c.resize_(2, 3); c.stride()
x.requires_grad_(False).mul_(2); x; x.requires_grad_(True); x.grad_fn
y.requires_grad_(False)
y.requires_grad = False
y.requires_grad_(True) is y; y.requires_grad = True; story(y)
v = y[0]; v.requires_grad_(False)
v = y[0].detach(); v.requires_grad_(); v.mul_(2)
v = y[0].detach(); v.requires_grad_(); of(v, y=y); y.mul_(2); v; v._version
v = y.detach()[0]; v.requires_grad_(); of(v); (v * 2).sum().backward(); v.grad
v = c[0]; v.requires_grad_(); v.requires_grad_(False); v.add_(w); story(c)
v = c.view(-1); c.requires_grad_(); c.requires_grad_(False); v.add_(1); c
v = x.view(-1); x.requires_grad_(False); v.requires_grad; story(v)
v = x.view(-1); x.requires_grad_(False); v.mul_(2)
v = x.view(-1); x.requires_grad_(False); x.mul_(2); v; story(v)
v = x.view(-1); x.requires_grad_(False); x.mul_(2); v.sum().backward(); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_functions_and_views = table(
    """
z = Same.apply(y); z is y; of(z, y=y); story(z); z._version
z = Same.apply(y); z.mul_(2)
z = Same.apply(y); y.mul_(2); story(z)
z = Same.apply(x); of(z, x=x); z.mul_(2)
z = Same.apply(c); z is c; of(z, c=c); z.requires_grad
z = Same.apply(c); z.add_(w); story(z); story(c)
z = Same.apply(c); c.add_(w); z.requires_grad; story(z)
z = Same.apply(y[0]); of(z, y=y); story(z); z.mul_(2)
z = Same.apply(y[0]); y.mul_(2); z.grad_fn
z = Same.apply(y.detach()); of(z); z.add_(w); story(z)
z = no_grad(lambda: Same.apply(y)); z is y; of(z, y=y); z.mul_(2)
z = First.apply(y); of(z, y=y); story(z); z.sum().backward(); x.grad
z = First.apply(y); z.mul_(2)
z = First.apply(y); y.mul_(2); z.grad_fn
z = First.apply(y); no_grad(lambda: z.mul_(2)); story(z); z.sum().backward(); x.grad
z = First.apply(y); v = z[:1]; v.mul_(2)
z = First.apply(y); v = z[:1]; of(v, y=y, z=z); story(v)
z = First.apply(x); z.mul_(2)
z = First.apply(c); z.add_(1); c; of(z, c=c)
z = First.apply(c); z.add_(w); story(z)
z = First.apply(y.detach()); z.add_(w); story(z)
z = no_grad(lambda: First.apply(y)); of(z, y=y); z.mul_(2)
z = Flat.apply(y); of(z, y=y); story(z); z.sum().backward(); x.grad
z = Flat.apply(y); z.mul_(2)
z = Flat.apply(y); z[0] = 1.0
z = Flat.apply(y); z.detach().mul_(2); y; story(z); z.sum().backward(); x.grad
z = Flat.apply(y).clone(); z.mul_(2); story(z)
a, b = Halves.apply(y); of(a, y=y); of(b, y=y); story(a); a.output_nr, b.output_nr
a, b = Halves.apply(y); a.mul_(2)
a, b = Halves.apply(y); (a * b).sum().backward(); x.grad
a, b = Halves.apply(c); a.add_(w); story(a); c
a, b = Halves.apply(c); a.add_(1); c
a, b = Mixed.apply(y); of(a, y=y); of(b, y=y); a.mul_(2)
a, b = Mixed.apply(y); b.mul_(2); story(b); b.sum().backward(); x.grad
z = Write.apply(y); z is y; story(y); y._version; y.sum().backward(); x.grad
z = Write.apply(x)
z = Write.apply(x[0])
z = Write.apply(c); z is c; c; c._version; c.requires_grad
z = Write.apply(y[0]); of(z, y=y); story(z); story(y); y.sum().backward(); x.grad
v = y[0]; z = Write.apply(v); z is v; story(v); story(y); y._version, v._version; y.sum().backward(); x.grad
v = y[0]; u = v[:1]; z = Write.apply(v); story(u); u.sum().backward(); x.grad
v = y[0]; u = v[:1]; z = Write.apply(u); story(v); story(y); y.sum().backward(); x.grad
v = y.t(); Write.apply(v); Write.apply(v); story(v); y.sum().backward(); x.grad
v = y[0]; y.mul_(2); Write.apply(v); story(v); y.sum().backward(); x.grad
v = y[0]; Write.apply(y); story(v); v.sum().backward(); x.grad
v = c[0]; z = Write.apply(v); z is v; c; c._version
v = c[0]; c.requires_grad_(); Write.apply(v)
v = y.unbind()[0]; Write.apply(v)
v = y.split(1)[0]; Write.apply(v)
v = no_grad(lambda: y[0]); Write.apply(v)
v = y[:1].expand(2, 3); Write.apply(v)
z = no_grad(lambda: Write.apply(y)); z is y; story(y); y._version
z = no_grad(lambda: Write.apply(x)); z is x; x; x._version
WriteBoth.apply(y, y * 1)
v, u = y[0], y[1]; WriteBoth.apply(v, u)
v, u = y[0], c[0]; WriteBoth.apply(v, u); story(y); story(c); (y.sum() + c.sum()).backward(); x.grad
v, u = y.clone(), c; WriteBoth.apply(v, u); story(v); story(u); u is c; c.requires_grad
AddTo.apply(c, w); story(c); c._version; c.sum().backward(); w.grad
AddTo.apply(c[0], w); story(c); c.sum().backward(); w.grad
v = c[0]; AddTo.apply(v, w); story(v); story(c); v._version
AddTo.apply(y, w); story(y); y.sum().backward(); x.grad; w.grad
AddTo.apply(y[0], w); story(y); y.sum().backward(); x.grad; w.grad
DirtyNotReturned.apply(y)
DirtyNotReturned.apply(c)
DirtyView.apply(y)
DirtyUnchanged.apply(y); y._version; story(y); y.sum().backward(); x.grad
z = NotMarked.apply(y); z is y; story(z); y._version; z.sum().backward(); x.grad
z = NotMarked.apply(c); z is c; c; c.requires_grad
z = SavesAndWrites.apply(y); z.sum().backward()
z = SavesResult.apply(y); z.sum().backward(); x.grad
v = y[0]; z = SavesResult.apply(v); y.sum().backward(); x.grad
z = Constant.apply(y); of(z, y=y); story(z); z.mul_(2); z.sum().backward()
z = SameDetached.apply(y); of(z, y=y); story(z); z.mul_(2); y; story(z)
z = SameNotDifferentiable.apply(y); z is y; z.requires_grad; of(z, y=y)
a, b = SameTwice.apply(y); a is b; of(a, y=y); story(a); a.output_nr, b.output_nr
""",
    setup=SETUP
    + """
def hand(ctx, g): return g * 10
def dirty(ctx, *ts): ctx.mark_dirty(*ts)
Same = make("Same", lambda ctx, t: t, hand)
First = make("First", lambda ctx, t: t[0], lambda ctx, g: torch.stack([g, g * 0]))
Flat = make("Flat", lambda ctx, t: t.view(-1), lambda ctx, g: g.view(2, 3) * 10)
Halves = make("Halves", lambda ctx, t: (t[0], t[1]), lambda ctx, g, h: torch.stack([g, h]))
Mixed = make("Mixed", lambda ctx, t: (t[0], t[1] * 2), lambda ctx, g, h: torch.stack([g, h * 2]))
Write = make("Write", lambda ctx, t: (dirty(ctx, t), t.mul_(3))[1], lambda ctx, g: g * 3)
WriteBoth = make("WriteBoth", lambda ctx, s, t: (dirty(ctx, s, t), s.mul_(3), t.mul_(2))[1:], lambda ctx, g, h: (g * 3, h * 2))
AddTo = make("AddTo", lambda ctx, s, t: (dirty(ctx, s), s.add_(t))[1], lambda ctx, g: (g, g.sum_to_size(3)))
DirtyNotReturned = make("DirtyNotReturned", lambda ctx, t: (dirty(ctx, t), t.mul_(3), t * 2)[2], hand)
DirtyView = make("DirtyView", lambda ctx, t: (dirty(ctx, t), t.mul_(3), t.view(-1))[2], hand)
DirtyUnchanged = make("DirtyUnchanged", lambda ctx, t: (dirty(ctx, t), t)[1], hand)
NotMarked = make("NotMarked", lambda ctx, t: t.mul_(3), hand)
SavesAndWrites = make("SavesAndWrites", lambda ctx, t: (ctx.save_for_backward(t), dirty(ctx, t), t.mul_(3))[2], lambda ctx, g: g * ctx.saved_tensors[0])
SavesResult = make("SavesResult", lambda ctx, t: (dirty(ctx, t), t.mul_(3), ctx.save_for_backward(t))[1], lambda ctx, g: g * ctx.saved_tensors[0])
Constant = make("Constant", lambda ctx, t: torch.ones(2), lambda ctx, g: None)
SameDetached = make("SameDetached", lambda ctx, t: t.detach(), hand)
SameNotDifferentiable = make("SameNotDifferentiable", lambda ctx, t: (ctx.mark_non_differentiable(t), t)[1], hand)
ViewNotDifferentiable = make("ViewNotDifferentiable", lambda ctx, t: (lambda v: (ctx.mark_non_differentiable(v), v)[1])(t[0]), hand)
SameTwice = make("SameTwice", lambda ctx, t: (t, t), lambda ctx, g, h: g + h)
""",
    tol=SUMMED,
)

test_copies = table(
    """
v = c[0]; d = copy.deepcopy(v); kin(d, c=c); d.add_(1); c
v = c.view(-1); d = copy.deepcopy([c, v]); d[1].add_(1); d[0]; kin(d[1]); c
v = x.detach()[0]; d = copy.deepcopy([x, v]); d[1].add_(1); d[0]; d[0].requires_grad
v = x.detach(); d = copy.deepcopy([x, v, x]); d[0] is d[2]; d[1].add_(1); d[0]
v = c[:, ::2]; d = copy.deepcopy(v); d.stride(), d.storage_offset(), d.is_contiguous()
v = c[1, 1:]; d = copy.deepcopy(v); d.stride(), d.storage_offset()
v = c.t(); d = copy.deepcopy(v); d.stride()
v = c[:1].expand(4, 3); d = copy.deepcopy(v); d.stride(); d.add_(1)
d = copy.deepcopy(x); kin(d); d.grad; d is x
x.grad = torch.ones(2, 3); d = copy.deepcopy(x); d.grad; d.grad is x.grad; d.grad.add_(1); x.grad
x.grad = torch.ones(3, 2).t(); d = copy.deepcopy(x); d.grad.stride()
d = copy.deepcopy(x[0])
d = copy.deepcopy(y)
d = copy.deepcopy(y.detach()); kin(d); d.requires_grad
d = copy.deepcopy(no_grad(lambda: y[0])); kin(d); d
d = copy.deepcopy(no_grad(lambda: x * 2)); kin(d); d
d = copy.deepcopy({"a": c, "b": [c, c[0]]}); d["b"][0] is d["a"]; d["b"][1].add_(1); d["a"]
x.add_one = 5; d = copy.deepcopy(x); hasattr(d, "add_one")
x.note = [1]; d = copy.deepcopy(x); d.note; d.note is x.note
p = nn.Parameter(c); p.note = [1]; d = copy.deepcopy(p); type(d).__name__; d.requires_grad; hasattr(d, "note")
p = nn.Parameter(c, requires_grad=False); d = copy.deepcopy(p); d.requires_grad; type(d).__name__
_m = {}; d = copy.deepcopy(x, _m); copy.deepcopy(x, _m) is d; copy.deepcopy(x) is d
_m = {id(x): 3}; copy.deepcopy(x, _m)
d = x.__deepcopy__({}); d is x; d
d = no_grad(lambda: copy.deepcopy(x)); d.requires_grad
d = copy.deepcopy(c.long()); d.dtype
d = copy.deepcopy(torch.tensor(3)); d
d = copy.deepcopy(torch.zeros(0, 3)); d.shape
d = copy.copy(x); kin(d, x=x); d.requires_grad; d.is_leaf; d is x
d = copy.copy(y); kin(d, y=y)
x.note = [1]; d = copy.copy(x); d.note is x.note
d = pickle.loads(pickle.dumps(c[0])); kin(d, c=c); d.add_(1); c
d = pickle.loads(pickle.dumps(x)); d.requires_grad; d.grad; d
x.grad = torch.ones(2, 3); d = pickle.loads(pickle.dumps(x)); d.grad
d = pickle.loads(pickle.dumps(y))
d = pickle.loads(pickle.dumps(y.detach().t())); d.stride(); d
d = pickle.loads(pickle.dumps([c, c[0]])); d[1].add_(1); d[0]; kin(d[1])
d = pickle.loads(pickle.dumps(c.half())); d
d = pickle.loads(pickle.dumps(c > 0)); d
d = pickle.loads(pickle.dumps(nn.Parameter(c))); type(d).__name__; d.requires_grad
d = y.clone(); kin(d, y=y); story(d)
d = y[0].clone(); kin(d, y=y); d.mul_(2); y
d = torch.zeros_like(y); kin(d); d.requires_grad
d = y.new_tensor([1.0]); kin(d); d.requires_grad
d = torch.tensor(y[0]); kin(d); d.requires_grad
d = torch.as_tensor(y); d is y
d = torch.as_tensor(y, dtype=torch.float64); story(d)
d = torch.tensor([y[0, 0], y[0, 1]]); d.requires_grad
d = torch.stack(list(y[0])); story(d, 2)
""",
    setup=SETUP + "import copy, pickle\ndef kin(t, **bases): return of(t, **bases)[:4]\n",
    tol=SUMMED,
)

test_programs = scripts(
    tol=SUMMED,
    a_tower_of_views="""
        x = torch.arange(12.0).requires_grad_()
        y = x * 1
        a = y.view(3, 4)
        b = a.t()
        c = b[1:3]
        d = c.unsqueeze(0)
        e = d[..., 1:]
        views = [y, a, b, c, d, e]
        def stories(): return [graph(v) for v in views]
        e.mul_(2)
        stories()
        c.add_(1)
        stories()
        y.mul_(3)
        stories()
        b[0] = 5.0
        stories()
        [v._version for v in views]
        sum((v * v).sum() for v in views).backward()
        x.grad
    """,
    views_taken_between_changes="""
        x = torch.arange(6.0).requires_grad_()
        y = x * 1
        a = y[:3]
        a.mul_(2)
        b = y[2:5]
        b.mul_(3)
        c = a[1:]
        c.mul_(5)
        d = y.view(2, 3)
        d[1].exp_()
        graph(a)
        graph(b)
        graph(c)
        graph(d)
        (a.sum() + b.sum() + c.sum() + d.sum()).backward()
        x.grad
    """,
    two_bases="""
        x = torch.ones(4, requires_grad=True)
        a, b = x * 2, x * 3
        u, v = a[:2], b[2:]
        u.copy_(v)
        v.copy_(u * 5)
        a[2:].copy_(b[:2])
        graph(a)
        graph(b)
        (a * b).sum().backward()
        x.grad
    """,
    overlapping_windows="""
        x = torch.arange(5.0).requires_grad_()
        y = x * 1
        a, b = y[:3], y[2:]
        a += b
        b += a
        y
        graph(a)
        graph(b)
        y.sum().backward()
        x.grad
        z = x * 1
        z[1:].add_(z[:-1])
        z[1:] = z[:-1] * 2
        z.sum().backward()
    """,
    rows_written_in_a_loop="""
        w = torch.tensor(0.5, requires_grad=True)
        h = torch.zeros(4, 2)
        h[0] = 1
        for i in range(1, 4): h[i] = h[i - 1] * w + i
        h
        h.sum().backward()
        w.grad
        k = torch.zeros(4, 2)
        k[0] = 1
        for i in range(1, 4): k[i] = k[i - 1].clone() * w + i
        k.sum().backward()
        w.grad
        graph(k)[:6]
    """,
    a_buffer_reused="""
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        buffer = torch.zeros(2, 2)
        for step in range(3): buffer[step % 2] = x * (step + 1)
        graph(buffer)
        buffer.sum().backward()
        x.grad
        buffer.detach_()
        buffer[0].add_(x)
        buffer.sum().backward()
        x.grad
        buffer = buffer.detach()
        buffer.requires_grad
    """,
    a_leaf_that_becomes_a_result="""
        c = torch.zeros(3)
        v = c[1:]
        c.requires_grad_()
        (c * 2).sum().backward()
        c.grad
        c.requires_grad_(False)
        w = torch.ones(3, requires_grad=True)
        c.mul_(w)
        c.is_leaf, v.is_leaf, v.requires_grad
        c.grad
        v.sum().backward()
        w.grad
        c.requires_grad_(False)
        c.detach_()
        c.requires_grad_()
        c.is_leaf
        c.grad
        v.add_(1)
    """,
    views_of_gradients="""
        x = torch.ones(2, 3, requires_grad=True)
        x.sum().backward()
        v = x.grad[0]
        v._base is x.grad
        v.mul_(5)
        x.grad
        x.sum().backward()
        v
        x.grad = None
        v._base
        (x * x).sum().backward(create_graph=True)
        u = x.grad[0]
        u.mul_(2)
        graph(x.grad)
        x.grad.sum().backward(inputs=[x])
        x.grad
    """,
    many_outputs_after_a_change="""
        x = torch.arange(4.0).requires_grad_()
        y = x * 1
        a, b = y.chunk(2)
        z = a * a
        y.mul_(2)
        z.sum().backward()
        a + 1
        b + 1
        c, d = y.chunk(2)
        (c * d).sum().backward()
        x.grad
        with torch.no_grad(): c.mul_(3)
        y
        d + 1
    """,
    versions_are_shared="""
        c = torch.zeros(2, 3)
        v, d, e, t = c[0], c.detach(), c.data, c.numpy()
        q = torch.from_numpy(t)
        f = nn.Parameter(c)
        c.add_(1)
        [u._version for u in (c, v, d, e, q, f)]
        v.add_(1)
        d[0].add_(1)
        e.add_(1)
        q.add_(1)
        with torch.no_grad(): f.add_(1)
        t += 1
        c
        [u._version for u in (c, v, d, e, q, f)]
        c.data.add_(1)
        c.detach().add_(1)
        [u._version for u in (c, v, d, e, q, f)]
        w = v.view(3).detach()[1:]
        w.zero_()
        [u._version for u in (c, v, d, w)]
    """,
)
