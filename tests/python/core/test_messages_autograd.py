"""Errors of autograd from several sides: methods, functions, operators, in-place forms and out=.

A case is a line of code; what it raises or warns of is compared between the two engines, so that no
text of PyTorch stands here (and values only have to be near). `x` is a matrix, `w` one that requires grad, `n` one of integers.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SETUP = """
Function = torch.autograd.Function
once_differentiable = torch.autograd.function.once_differentiable
def make(name, **members): return type(name, (Function,), {k: staticmethod(v) for k, v in members.items()})
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) + 1).requires_grad_()
n = x.long()
"""

test_writing_to_a_leaf = table(
    """
w.add_(1)
w += 1
w[0] = 1
w[0, 0] = x[0, 0]
w[[0]] = x[0]
w[w > 1] = 0
w.exp_()
torch.relu_(w)
torch.sigmoid_(w)
F.relu(w, inplace=True)
F.leaky_relu(w, inplace=True)
nn.ReLU(inplace=True)(w)
w.copy_(x)
w.zero_()
w.fill_(2)
w.uniform_()
w.normal_()
w.bernoulli_()
w.clamp_(0, 1)
w.masked_fill_(x > 1, 0)
w.index_put_((n[:, 0],), x[0])
w.scatter_(1, n[:, :1] % 3, 1.0)
w.index_add_(0, torch.tensor([0]), x[:1])
w.index_copy_(0, torch.tensor([0]), x[:1])
w.index_fill_(0, torch.tensor([0]), 1.0)
w.resize_(6)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_out = table(
    """
torch.add(x, x, out=w)
torch.matmul(x, x.T, out=torch.empty(2, 2, requires_grad=True))
torch.matmul(w, w.T, out=torch.empty(2, 2))
torch.mm(w, w.T, out=torch.empty(2, 2))
torch.cat([w, w], out=torch.empty(4, 3))
torch.stack([w, w], out=torch.empty(2, 2, 3))
torch.sum(w, 0, out=torch.empty(3))
torch.mean(w, 0, out=torch.empty(3))
torch.exp(w, out=torch.empty(2, 3))
torch.clamp(w, 0, 1, out=torch.empty(2, 3))
torch.where(x > 1, w, w, out=torch.empty(2, 3))
torch.index_select(w, 0, torch.tensor([0]), out=torch.empty(1, 3))
torch.gather(w, 0, n[:1] % 2, out=torch.empty(1, 3))
torch.cumsum(w, 0, out=torch.empty(2, 3))
torch.tril(w, out=torch.empty(2, 3))
torch.prod(w, 0, out=torch.empty(3))
torch.var(w, 0, out=torch.empty(3))
torch.argmax(w, 0, out=torch.empty(3).long())
torch.eq(w, w, out=torch.empty(2, 3).bool())
torch.max(w, 0, out=(torch.empty(3), torch.empty(3).long()))
torch.addmm(w[:, :2], w, w.T, out=torch.empty(2, 2))
torch.pow(w, 2, out=torch.empty(2, 3))
torch.pow(2, w, out=torch.empty(2, 3))
torch.div(w, 2, rounding_mode="floor", out=torch.empty(2, 3))
torch.logsumexp(w, 0, out=torch.empty(3))
torch.norm(w, out=torch.empty(()))
torch.masked_select(w, x > 1, out=torch.empty(0))
torch.take(w, n, out=torch.empty(2, 3))
torch.dot(w[0], w[0], out=torch.empty(()))
torch.bmm(w[None], w.T[None], out=torch.empty(1, 2, 2))
torch.full((2,), 1.0, out=torch.empty(2, requires_grad=True))
torch.arange(3.0, out=torch.empty(3, requires_grad=True))
torch.outer(w[0], w[0], out=torch.empty(3, 3))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_writing_to_a_view = table(
    """
w.view(-1).mul_(2)
w.T.add_(1)
w.T[0] = 1
w[0][0] = 5
w[0] += 1
w.unsqueeze(0).exp_()
w.expand(2, 2, 3).add_(1)
w.unbind()[0].add_(1)
w.split(1)[0].zero_()
w.chunk(2)[0].zero_()
w.detach().add_(1); w
w.data.add_(1); w
w.diagonal().fill_(0)
F.relu(w[0], inplace=True)
w[0].copy_(x[0])
w[0].detach_()
(w * 1).view(-1).detach_()
w.detach_(); w
x.requires_grad_(); x[0] = 1
torch.set_grad_enabled(False); v = w[0]; torch.set_grad_enabled(True); v.add_(1)
torch.set_grad_enabled(False); v = w.view(-1); torch.set_grad_enabled(True); v[0] = 1
torch.set_grad_enabled(False); v = w.unbind()[0]; torch.set_grad_enabled(True); v.add_(1)
y = w * 1; torch.set_grad_enabled(False); v = y[0]; torch.set_grad_enabled(True); y.add_(1); v.grad_fn
y = w * 1; a, b = y.unbind(); y.add_(1); a.grad_fn
y = w * 1; a, b = y.chunk(2); a += 1
y = w * 1; a, b = y.tensor_split(2); a += 1
y = w * 1; a, b = torch.split(y, [1, 1]); a.zero_()
y = w * 1; a, b = y; a.zero_()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_saved_and_changed = table(
    """
v = w * 1; y = v * v; v.add_(1); y.sum().backward()
v = w * 1; y = v * v; v += 1; y.sum().backward()
v = w * 1; y = v.sin(); v[0] = 1; y.sum().backward()
v = w * 1; y = v.pow(2); v.zero_(); y.sum().backward()
v = w * 1; y = v / x; x.add_(1); y.sum().backward()
v = w * 1; y = v @ x.T; x.add_(1); y.sum().backward()
v = w * 1; y = torch.mm(v, v.T); v.fill_(1); y.sum().backward()
y = w.exp(); y.add_(1); y.sum().backward()
y = w.exp(); y *= 2; y.sum().backward()
y = w.sigmoid(); y[0] = 0; y.sum().backward()
y = w.tanh(); y.mul_(y); y.sum().backward()
y = w.sqrt(); torch.add(x, x, out=y)
y = w.softmax(1); y.add_(1); y.sum().backward()
y = w.log_softmax(1); y.add_(1); y.sum().backward()
y = w.relu(); y.add_(1); y.sum().backward()
v = w * 1; y = F.relu(v); v.add_(1); y.sum().backward()
v = w * 1; y = v.prod(); v.add_(1); y.backward()
v = w * 1; y = v.norm(); v.add_(1); y.backward()
v = w * 1; y = v.std(); v.add_(1); y.backward()
v = w * 1; y = v.max(); v.add_(1); y.backward()
i = torch.tensor([0]); y = w[i]; i.add_(1); y.sum().backward()
i = torch.tensor([0]); y = w.index_select(0, i); i.add_(1); y.sum().backward()
i = n % 2; y = w.gather(0, i); i.add_(0); y.sum().backward()
m = x > 1; y = w.masked_fill(m, 0); m.logical_not_(); y.sum().backward()
m = x > 1; y = torch.where(m, w, x); m.logical_not_(); y.sum().backward()
v = w * 1; y = F.mse_loss(v, x); v.add_(1); y.backward()
v = w * 1; y = F.linear(v, x); x.add_(1); y.sum().backward()
v = w * 1; y = F.cross_entropy(v, torch.tensor([0, 1])); v.add_(1); y.backward()
v = w * 1; y = torch.addcmul(v, v, v); v.add_(1); y.sum().backward()
v = w * 1; y = torch.lerp(v, x, v); v.add_(1); y.sum().backward()
v = w * 1; y = torch.maximum(v, x); v.add_(1); y.sum().backward()
v = w * 1; y = v.clamp(0, 3); v.add_(1); y.sum().backward()
v = w * 1; y = v.abs(); v.add_(1); y.sum().backward()
v = w * 1; y = v[0] * v[0]; v[0].add_(1); y.sum().backward()
v = w * 1; y = v[0] * v[0]; v.add_(1); y.sum().backward()
v = w.double() * 1; y = v * v; v.add_(1); y.sum().backward()
v = w.half() * 1; y = v * v; v.add_(1); y.sum().backward()
v = w.bfloat16() * 1; y = v * v; v.add_(1); y.sum().backward()
f = make("Square", forward=lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], backward=lambda ctx, g: 2 * g * ctx.saved_tensors[0]); v = w * 1; y = f.apply(v); v.add_(1); y.sum().backward()
y = w.exp(); y.grad_fn._saved_result; y.add_(1); y.grad_fn
""",
    setup=SETUP,
    tol=CLOSE,
)

# A factor is kept for the gradient of the other factors only.
test_constant_factors_changed = table(
    """
v = w * 1; y = torch.mm(v, x.T); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.mm(x, v.T); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = v @ x[0]; v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = x @ v[0]; v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.dot(v[0], x[0]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.bmm(v[None], x.T[None]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.bmm(x[None], v.T[None]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.linear(v, x); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.linear(x, v); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.linear(x, x, v[:, 0]); x.add_(1); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addmm(v[:, :2], x, x.T); x.add_(1); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addmm(x[:, :2], v, x.T); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addmm(x[:, :2], v, x.T); x.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addmv(x[:, 0], v, x[0]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addmv(x[:, 0], x, v[0]); x.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.baddbmm(x[None, :, :2], v[None], x.T[None]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addbmm(x[:, :2], x[None], v.T[None]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.addbmm(x[:, :2], x[None], v.T[None]); x.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.einsum("ij,kj->ik", v, x); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.einsum("ij,kj,lj->ikl", v, x, x); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.tensordot(v, x, dims=2); v.add_(1); y.backward(); w.grad
v = w * 1; y = torch.tensordot(v, x, dims=([1], [1])); x.add_(1); y.sum().backward(); w.grad
v = w * 1; y = torch.outer(v[0], x[0]); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.bilinear(v, x, torch.ones(2, 3, 3)); v.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.bilinear(v, x, torch.ones(2, 3, 3)); x.add_(1); y.sum().backward(); w.grad
v = w * 1; y = F.bilinear(x, x, v.reshape(1, 2, 3).expand(3, 2, 3).permute(1, 0, 2)); v.add_(1); y.sum().backward(); w.grad
""",
    setup=SETUP,
    tol=CLOSE,
)

# Of several that were modified, and whatever is asked for, the error names the first by its name.
test_which_of_the_changed = table(
    """
v = w * 1; u = w * 2; y = v * u; v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w * 2; y = v * u; u.add_(1); torch.autograd.grad(y.sum(), v)
v = w * 1; u = w * 2; y = v * u; v.add_(1); torch.autograd.grad(y.sum(), v)
v = w * 1; u = w * 2; y = v / u; v.add_(1); torch.autograd.grad(y.sum(), v)
v = w * 1; u = w * 2; y = v / u; v.add_(1); u[0].add_(1); torch.autograd.grad(y.sum(), u)
v = w * 1; u = w[0] * 2; y = torch.lerp(v, u, w); v.add_(1); torch.autograd.grad(y.sum(), u)
v = w * 1; u = w[0] * 2; y = torch.lerp(v, u, w); v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w[0] * 2; y = torch.addcmul(w, v, u); v.add_(1); torch.autograd.grad(y.sum(), v)
v = w * 1; u = w[0] * 2; y = torch.addcdiv(w, v, u); v.add_(1); u.add_(1); torch.autograd.grad(y.sum(), w)
v = w * 1; u = w[0] * 2; y = torch.addcdiv(w, v, u); u.add_(1); torch.autograd.grad(y.sum(), w)
v = w * 1; u = w.T * 2; y = v @ u; v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w.T * 2; y = torch.addmm(x[:, :2], v, u); v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w[0] * 2; y = torch.addmv(x[:, 0], v, u); u.add_(1); torch.autograd.grad(y.sum(), u)
v = w * 1; u = w[0] * 2; y = torch.mv(v, u); u.add_(1); v.add_(1); torch.autograd.grad(y.sum(), u)
v = w * 1; u = w * 2; y = torch.where(x > 1, v, u); v.add_(1); u.add_(1); y.sum().backward(); w.grad
v = w * 1; u = w * 2; y = v ** u; v.add_(1); u[0].add_(1); y.sum().backward()
v = w * 1; u = w * 2; y = torch.atan2(v, u); u[0].add_(1); v.add_(1); y.sum().backward()
v = w * 1; u = w[0] * 2; y = F.prelu(v, u); v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w * 2; y = v.clamp(u, w); u.add_(1); v[0].add_(1); y.sum().backward()
v = w * 1; t = n[:, 0] % 3; y = F.nll_loss(v, t); t.add_(0); v.add_(1); y.backward()
v = w * 1; u = w[0] * 1; y = F.layer_norm(v, (3,), u); v.add_(1); u.add_(1); y.sum().backward()
v = w * 1; u = w * 2; y = F.mse_loss(v, u); u.add_(1); v[0].add_(1); torch.autograd.grad(y, v)
v = w * 1; u = w * 2; y = F.binary_cross_entropy_with_logits(v, u); u.add_(1); v[0].add_(1); y.backward()
v = w * 1; y = v.prod(1); v.add_(1); y.add_(1); y.sum().backward()
v = w * 1; i = n % 2; y = v.scatter(0, i, 1.0); i.add_(0); y.sum().backward()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_graphs_of_products = table(
    """
graph(torch.tensordot(w, w, dims=2))
graph(torch.tensordot(w[0], w[0], dims=1))
graph(torch.tensordot(w, x, dims=([1], [1])))
graph(torch.tensordot(w[None], x[None], dims=3))
graph(torch.tensordot(w, w, dims=0))
graph(torch.einsum("ij,ij->", w, x))
graph(torch.einsum("i,i->", w[0], x[0]))
graph(torch.einsum("ij,jk->ik", w, x.T))
graph(F.bilinear(w, x, torch.ones(2, 3, 3)))
graph(F.linear(w, x)); graph(F.linear(x, w, w[:, 0])); graph(F.linear(w[None], x, w[:, 0]))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_backward_twice = table(
    """
y = (w * w).sum(); y.backward(); y.backward()
y = (w * w).sum(); torch.autograd.grad(y, w); torch.autograd.grad(y, w)
y = (w * w).sum(); y.backward(retain_graph=True); y.backward(); y.backward()
y = (w * 2).sum(); y.backward(); y.backward(); w.grad
y = w.exp(); z = y.sum(); z.backward(); y.mean().backward()
y = w.exp(); y.sum().backward(); y.grad_fn._saved_result
y = (w * w); y.sum().backward(); y.grad_fn._saved_self
""",
    setup=SETUP,
    tol=CLOSE,
)

test_grad_arguments = table(
    """
torch.autograd.backward([w.sum(), x.sum()])
torch.autograd.backward(x.sum())
torch.autograd.backward([])
torch.autograd.grad(x.sum(), w)
torch.autograd.grad(w.sum(), x)
torch.autograd.grad([w.sum(), x.sum()], w)
torch.autograd.grad(w * 2, w)
torch.autograd.grad((w * 2).sum(), [])
torch.autograd.grad([], w)
torch.autograd.grad(w.sum(), w, grad_outputs=torch.ones(2))
torch.autograd.grad(w.sum(), w, [torch.ones(()), torch.ones(())])
torch.autograd.grad([w.sum(), w.sum()], w, torch.ones(()))
torch.autograd.grad(w.sum(), "w")
torch.autograd.grad("w", w)
torch.autograd.grad(w * 2, w, x[0])
torch.autograd.grad(w * 2, w, n)
torch.autograd.grad(w * 2, w, "g")
torch.autograd.grad(w.sum(), [x, w], allow_unused=True)
torch.autograd.grad(w.sum(), [w, w.exp()])
y = w * 2; torch.autograd.grad(w.sum(), y)
y = w * 2; z = y.detach(); torch.autograd.grad(z.sum(), y)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_backward_arguments = table(
    """
(w * 2).backward()
(w * 2).backward(torch.ones(3))
(w * 2).backward(torch.ones(2, 3, 1))
(w * 2).backward(n)
(w * 2).backward(1)
(w * 2).backward("a")
(w * 2).backward([x, x])
(w * 2).backward(torch.ones(2, 3, dtype=torch.float64))
(w * 2).sum().backward(torch.ones(1))
(w * 2).sum().backward(inputs=x)
(w * 2).sum().backward(inputs=[w * 3])
(w * 2).sum().backward(gradient=None, retain=True)
n.sum().backward()
(x > 1).sum().backward()
w.argmax().backward()
w.detach().sum().backward()
w.data.sum().backward()
torch.set_grad_enabled(False); y = w.sum(); torch.set_grad_enabled(True); y.backward()
w.sum().backward(inputs={"a": w})
w.sum().backward(inputs={})
w.sum().backward(inputs={w: 1})
w.sum().backward(inputs={w})
torch.autograd.backward(w.sum(), inputs={"a": w})
torch.autograd.grad(w.sum(), {"a": w})
torch.autograd.grad(w.sum(), {w: 1})
torch.autograd.grad((w.sum(), x.sum()), {"a": w}, allow_unused=True)
torch.autograd.grad({"a": w.sum()}, w)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_numpy = table(
    """
np.asarray(w)
w.__array__()
np.sum(w)
np.sin(w)
(w * 2).numpy()
w.numpy(force=True)
(w * 2).sum().numpy()
nn.Parameter(x).numpy()
float(w.sum()); w.tolist(); w.sum().item()
w.numpy()
w.tolist(); float(w.sum()); complex(w.sum()); int(w.sum()); bool(w.sum())
import math; math.sqrt(w.sum())
""",
    setup=SETUP,
    tol=CLOSE,
)

test_hooks = table(
    """
x.register_hook(print)
x.retain_grad()
x.register_post_accumulate_grad_hook(print)
n.register_hook(print)
w.detach().register_hook(print)
w.register_hook(lambda g: 1); w.sum().backward()
w.register_hook(lambda g: g[0]); w.sum().backward()
w.register_hook(lambda g: g.double()); w.sum().backward()
w.register_hook(lambda g: g.long()); w.sum().backward()
w.register_hook(lambda: None); w.sum().backward()
w.register_hook(5)
w.register_hook(5); w.sum().backward()
y = w * 1; y.register_hook(lambda g: "a"); y.sum().backward()
y = w * 1; y.register_hook(lambda g: torch.ones(5)); y.sum().backward()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_integers_that_require_grad = table(
    """
torch.ones(2, dtype=torch.int64, requires_grad=True)
torch.zeros(2, dtype=torch.bool, requires_grad=True)
torch.full((2,), 1, requires_grad=True)
torch.arange(3, requires_grad=True)
torch.empty(2, dtype=torch.int32, requires_grad=True)
torch.randint(0, 5, (2,), requires_grad=True)
torch.randperm(3, requires_grad=True)
torch.eye(2, dtype=torch.uint8, requires_grad=True)
torch.zeros_like(n, requires_grad=True)
torch.ones_like(x, dtype=torch.int8, requires_grad=True)
torch.full_like(n, 2, requires_grad=True)
torch.tensor(True, requires_grad=True)
torch.tensor([1], dtype=torch.int64, requires_grad=True)
torch.linspace(0, 4, 3, dtype=torch.int64, requires_grad=True)
torch.scalar_tensor(1, dtype=torch.int64, requires_grad=True)
n.new_ones(2, requires_grad=True)
n.new_tensor([1], requires_grad=True)
x.long().requires_grad_(True)
n.requires_grad_(False); n.requires_grad = False
nn.Parameter(n)
nn.Parameter(n, requires_grad=False)
nn.Parameter(torch.ones(2, dtype=torch.bool))
nn.Linear(2, 2, dtype=torch.int64)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_flags_and_attributes = table(
    """
x.requires_grad = 1
x.requires_grad = "a"
x.requires_grad = None
x.requires_grad_("a")
x.requires_grad_(1)
x.requires_grad_(None)
(w * 2).requires_grad = False
(w * 2).requires_grad_(False)
y = w * 2; y.requires_grad_(); y.requires_grad = True; y
w.grad = x[0]
w.grad = n
w.grad = w
w.grad = torch.ones(2, 3, dtype=torch.float64)
w.grad = "a"
del w.grad; w.grad
x.grad = x.clone(); x.grad
y = w * 2; y.grad
y = w * 2; y.sum().backward(); y.grad
y = w * 2; y.retain_grad(); y.sum().backward(); y.grad
y = w * 2; y.grad = x
(w * 2)[0].grad
w.data = x[0]; w
w.data = 5
w.data = w.double()
w.data = None
y = w * 2; y.data = n
w.output_nr; w._version; (w * 1)._version
delattr(x, getattr("requires_grad", "__str__")())
setattr(w, "grad_fn", getattr(w, "grad_fn"))
setattr(w, "is_leaf", getattr(w, "is_leaf"))
setattr(w, "shape", getattr(w, "shape"))
setattr(w, "dtype", getattr(w, "dtype"))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_hooks_that_return = table(
    """
_h = w.register_post_accumulate_grad_hook(lambda t: 1); w.sum().backward()
_h = w.register_post_accumulate_grad_hook(lambda t: [t]); w.sum().backward()
_h = w.register_post_accumulate_grad_hook(lambda t: t); w.sum().backward()
_h = w.register_post_accumulate_grad_hook(lambda t: t * 2); w.sum().backward()
_h = w.register_post_accumulate_grad_hook(lambda t: t.double()); w.sum().backward()
_h = w.register_post_accumulate_grad_hook(lambda t: t[0]); w.sum().backward()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_flags = table(
    """
w.sum().backward(retain_graph="a")
w.sum().backward(retain_graph=1.5)
w.sum().backward(retain_graph=256)
w.sum().backward(retain_graph=-1)
w.sum().backward(retain_graph=2**70)
w.sum().backward(create_graph=[])
w.sum().backward(create_graph=None)
w.sum().backward(torch.ones(2), retain_graph="a")
x.sum().backward(retain_graph="a")
y = w.exp().sum(); y.backward(retain_graph=1); y.backward(retain_graph=0); y.backward()
torch.autograd.backward(w.sum(), retain_graph="a")
torch.autograd.grad(w.sum(), w, create_graph="a")
torch.autograd.grad(w.sum(), w, create_graph=1)
torch.autograd.grad(w.sum(), w, allow_unused="a")
torch.autograd.grad(w.sum(), w, materialize_grads="a")
""",
    setup=SETUP,
    tol=CLOSE,
)

test_gradients_to_differentiate = table(
    """
g, = torch.autograd.grad(w.var(), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w.var(unbiased=False), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w.std(), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w.std(0).sum(), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w.var(0).sum(), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w.var(correction=6), w, create_graph=True); graph(g)
g, = torch.autograd.grad(w[0].var(correction=5), w, create_graph=True); graph(g)
torch.autograd.grad(w.sum(1, dtype=torch.float64).sum(), w)
w[0, 0].detach().requires_grad_().sum_to_size(()).grad_fn
""",
    setup=SETUP,
    tol=CLOSE,
)

# `v` is a view that has missed a change of its base `b`.
STALE = """
b = w * 1
with torch.no_grad(): v = b.t()
b.mul_(2)
"""
NOW_DIFFERENTIABLE = """
b = x.clone()
v = b.t()
b.mul_(w)
"""
FLAGS = """
v.is_leaf
v.requires_grad
v.requires_grad = False; v.requires_grad
v.requires_grad = True; v.requires_grad
v.requires_grad_(); v.requires_grad
v.requires_grad_(False); v.requires_grad
v.grad
v.retain_grad(); v.retains_grad
v.grad_fn.name()
v.output_nr
v.detach_()
v.detach().requires_grad
v.mul(2).requires_grad
v.mul_(2).requires_grad
v.backward()
v == 1
v.register_hook(print)
"""
test_flags_of_stale_views = table(FLAGS, setup=SETUP + STALE, tol=CLOSE)
test_flags_of_views_that_became_differentiable = table(
    FLAGS, setup=SETUP + NOW_DIFFERENTIABLE, tol=CLOSE
)

test_detaching_and_writing_views = table(
    """
unrecorded(w.t).detach_()
unrecorded(x.t).detach_()
w.t().detach_()
x[0].detach_()
w.unbind()[0].detach_()
(w * 1)[0].detach_()
v = w[0]; Write.apply(v)
v = x[0]; v.requires_grad_(); Write.apply(v)
v = unrecorded(w.t); Write.apply(v)
v = (w * 1).unbind()[0]; Write.apply(v)
v = (w * 1).expand(2, 2, 3); Write.apply(v)
""",
    setup=SETUP
    + "unrecorded = torch.no_grad()(lambda f: f())\n"
    + "Write = make('Write', forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], backward=lambda ctx, g: g)\n",
    tol=CLOSE,
)

# A comparison in place cuts the history off; logical operations in place leave it as it is.
test_comparisons_in_place = table(
    """
y = w.clone(); y.eq_(x); y; (y * 2).sum().backward(); w.grad
y = w.clone(); y.ge_(2); y; (y * 2).sum().backward(); w.grad
y = x.clone(); y.lt_(w); y; (y * 2).sum().backward(); w.grad
y = w.clone(); y.ne_(w); y
y = w.clone(); y.logical_and_(x); y; (y * 2).sum().backward(); w.grad
y = w.clone(); y.logical_not_(); y; (y * 2).sum().backward(); w.grad
w.logical_or_(x)
w.logical_xor_(x)
w.logical_not_(); w.sum().backward(); w.grad
w.gt_(1)
""",
    setup=SETUP,
    tol=CLOSE,
)

# What nodes save, before and after it is freed; `dir` names it in both cases.
SAVED = """
def saved(t, *names):
    f = t.grad_fn
    before = [(n, show(getattr(f, n))) for n in dir(f) if n.startswith("_saved_") and n[7:] in names]
    t.sum().backward()
    return before, [(n, freed(f, n)) for n in dir(f) if n.startswith("_saved_") and n[7:] in names]
def show(v): return [show(x) for x in v] if isinstance(v, tuple) else v.tolist() if hasattr(v, "tolist") else v
def freed(f, name):
    try: return show(getattr(f, name))
    except RuntimeError as error: return str(error)
v = (torch.arange(6.0).reshape(2, 3) / 8 + 0.25).requires_grad_()
i = torch.tensor([0, 1])
"""
test_saved_tensors = table(
    """
saved(w * v, "self", "other")
saved(w * x, "self", "other")
saved(w * 2, "self", "other")
saved(2 / v, "self", "other")
saved(v.exp(), "self", "result")
saved(v.pow(2), "self", "exponent", "result")
saved(v.pow(w), "self", "exponent", "result")
saved(2 ** v, "self", "exponent", "result")
saved(v.clamp(0, 1), "self", "min", "max")
saved(v.clamp(v, w), "self", "min", "max")
saved(torch.lerp(v, w, 0.5), "self", "end", "weight")
saved(torch.lerp(v, w, w), "self", "end", "weight")
saved(torch.addcmul(v, w, x, value=3), "self", "tensor1", "tensor2")
saved(torch.where(v > 0, v, w), "condition", "self", "other")
saved(torch.remainder(v, 2), "self", "other")
saved(F.prelu(v, w[0]), "self", "weight")
saved(v[[0, 0]], "indices")
saved(v[:, [0, 0]], "indices")
saved(v[v > 0.5], "indices")
saved(v.index_put((i,), w), "indices")
saved(v.index_select(0, i), "index")
saved(v.gather(0, i[None]), "index", "self")
saved(F.embedding(i, v), "indices")
saved(v.softmax(0), "result")
saved(v.prod(), "self", "result")
saved(v @ w.t(), "self", "mat2")
saved(v.norm(), "self", "result")
saved(F.mse_loss(v, w), "self", "target")
""",
    setup=SETUP + SAVED,
    tol=CLOSE,
)

# Gradients that PyTorch gives as operations of their own, and integers that take part in a graph.
test_nodes_of_gradients = table(
    """
y = F.prelu(x - 2, (p := torch.tensor([0.5], requires_grad=True))); g, = torch.autograd.grad((y * y).sum(), p, create_graph=True); g; g.sum().backward(); p.grad
y = F.prelu(w - 3, (p := torch.tensor([0.5, 1, 2], requires_grad=True))); g, h = torch.autograd.grad((y * y).sum(), [w, p], create_graph=True); g; h; (g * g).sum().backward(); w.grad; p.grad
y = F.prelu(w - 3, (p := torch.tensor([0.5]))); g, = torch.autograd.grad((y * y).sum(), w, create_graph=True); g; (g * g).sum().backward(); w.grad
y = F.prelu(w - 3, (p := torch.tensor(0.5, requires_grad=True))); g, h = torch.autograd.grad((y * y).sum(), [w, p], create_graph=True); g; h; (h * h).backward(); w.grad; p.grad
g, = torch.autograd.grad((w[[0, 0]] ** 2).sum(), w, create_graph=True); g
g, = torch.autograd.grad((w[w > 2] ** 2).sum(), w, create_graph=True); g; g.sum().backward(); w.grad
v = x.clone().requires_grad_(); [g._version for g in torch.autograd.grad(torch.maximum(w, v).sum(), [w, v])]
v = x.clone().requires_grad_(); [g._version for g in torch.autograd.grad(torch.minimum(w, v).sum(), [w, v], create_graph=True)]
[g._version for g in torch.autograd.grad(torch.maximum(w, w).sum(), w)]
n.fill_(w[0, 0]); n; n.requires_grad; n.float()
n.masked_fill_(n > 2, w[0, 0]); n; n.requires_grad
t = x > 2; t[...] = w[0, 0]; t; t.requires_grad
t = x > 2; t[True] = w[0, 0]; t
t = x > 2; t[0:1] = w[0, 0]; t
t = x > 2; t[...] = w; t
n[...] = w; n; n.is_leaf
x.data = torch.zeros(4); x
y = (w * w).sum(); w.data = torch.zeros(2, 2); y.backward(); w.grad
y = (w * 2).sum(); w.data = torch.zeros(2, 2); w._version; w.stride(); y.backward()
b = w * 1; b.data = torch.zeros(4)[1:]; b.storage_offset(); b.sum().backward(); w.grad
b = w.clone(); v = b[0]; b.data = torch.zeros(4); b.mul_(2); v.grad_fn
x[torch.tensor(False)].stride(); x.t()[torch.tensor(False)].stride()
""",
    setup=SETUP,
    tol=CLOSE,
)
