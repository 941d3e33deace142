"""`torch.func`: jvp, jacfwd and hessian, among themselves and with the other transforms."""

from __future__ import annotations

import threading

import pytest
from parity import GRADIENT, SUMMED, data, numbers, parity, subject, table

SETUP = """
func = torch.func
grad, vjp, jacrev, jacfwd, jvp, vmap = func.grad, func.vjp, func.jacrev, func.jacfwd, func.jvp, torch.vmap
hessian, linearize, grad_and_value = func.hessian, func.linearize, func.grad_and_value
F = torch.nn.functional
fw = torch.autograd.forward_ad
def d(*shape, **options): return data(*shape, dtype="float64", **options)
def plain(t): return t.detach().clone(memory_format=torch.contiguous_format) if isinstance(t, torch.Tensor) else t
def tree(r):
    leaves, spec = torch.utils._pytree.tree_flatten(r)
    return torch.utils._pytree.tree_unflatten([plain(t) for t in leaves], spec)
x, t, y, u = d(3), d(3, salt=1), d(3, salt=2), d(3, salt=3)
s, one = d(salt=4), torch.tensor(1.0, dtype=torch.float64)
m, w = d(2, 3, salt=5), d(4, 3, salt=6)
f = lambda a: a.sin() * a
def net(a): return F.linear(F.linear(a, w).tanh(), w.T).tanh()
def loss(a): return (net(a) ** 2).sum()
def push(g, *primals, n=0): return jvp(g, primals, tuple(d(*p.shape, salt=10 + n + i) for i, p in enumerate(primals)))
def no_grad(g):
    def run(*args):
        with torch.no_grad(): return g(*args)
    return run
b, v = d(4, 3, salt=20), d(4, 3, salt=21)
def writes(a):
    b = a * 1; b[1:].mul_(a[:2]); b[0] = 5; return b
def fills(a):
    b = torch.zeros(3, dtype=a.dtype); b[1:] = a[1:]; b.view(3)[0] = a[2] ** 2; return b
def switched_off(a):
    with fw._set_fwd_grad_enabled(False): return a * 2
def unpacks(a):
    p, v = fw.unpack_dual(a); return p * v
def with_hooks(g, *args):
    with torch.autograd.graph.saved_tensors_hooks(lambda a: a, lambda a: a): return g(*args)
def writes_gradient(a):
    b = a * 1; b.mul_(grad(lambda c: (c * c * b).sum())(a)); return b
def opens_level(a):
    with fw.dual_level(): return a
def fails(a): raise KeyError("own")
def closed(a):
    with fw.dual_level():
        p = fw.make_dual(a, t)
        rs = [grad(lambda b: (b * b * p).sum())(y), grad(lambda b: (b ** 3).sum())(p), vjp(torch.sin, p)[1](u)[0], jacrev(f)(p), vjp(torch.sin, p)[0]]
        return tree([tuple(fw.unpack_dual(r)) for r in rs])
def log(g, *args):
    r = []
    g(lambda a: (r.append((torch.is_grad_enabled(), a.requires_grad, (a * 2).requires_grad)), a)[1], *args)
    return r
"""

# Each row gives values; how they were recorded is each engine's own.
test_values_and_tangents = table(
    """
r = tree(jvp(f, (x,), (t,)))
r = tree(jvp(lambda a, b: a * a * b, (x, y), (t, u)))
r = tree(jvp(lambda a, b: a * b, (x, s), (t, one)))
r = tree(jvp(lambda a, b: (a * b['k'], {'z': [a, b['k'].sum()]}), (x, {'k': y}), (t, {'k': u})))
r = tree(jvp(lambda a: [a, (a * a,)], (x,), (t,)))
r = tree(jvp(lambda a: a, (x,), (t,)))
r = tree(jvp(lambda a: y, (x,), (t,)))
r = tree(jvp(lambda a: x, (x,), (t,)))
r = tree(jvp(lambda a: torch.ones(2), (x,), (t,)))
r = tree(jvp(lambda a: (a * 2, y, a.detach(), a.argmax(), a > 0), (x,), (t,)))
r = tree(jvp(lambda a, b: a * 2, (x, y), (t, u), strict=True))
r = tree(jvp(lambda a: (a * 2, {'k': a + 1, 'c': y}), (x,), (t,), has_aux=True))
r = tree(jvp(f, (x,), (t.float(),)))
r = tree(jvp(lambda a: a.float(), (x,), (t,)))
r = tree(jvp(f, (x,), (one.expand(3),)))
r = tree(jvp(f, (s.expand(3),), (t,)))
r = tree(jvp(f, (m.T,), (d(3, 2),)))
r = tree(jvp(f, (m[:, 1],), (d(2),)))
r = tree(jvp(f, (torch.ones(0),), (torch.ones(0),)))
r = tree(jvp(net, (x,), (t,)))
r = tree(jvp(lambda a: a[1:].view(2, 1).T, (x,), (t,)))
r = tree(jvp(lambda a: a.chunk(3), (x,), (t,)))
r = tree(jvp(lambda a: (a * 1).mul_(a).add_(y), (x,), (t,)))
r = tree(jvp(writes, (x,), (t,)))
r = tree(jvp(fills, (x,), (t,)))
a, b = x.clone(), t.clone(); r = tree((jvp(lambda a: a.mul_(2), (a,), (b,)), a, b))
a, b = x.clone(), t.clone(); r = tree((jvp(lambda a: a[1:].mul_(2), (a,), (b,)), a, b))
r = tree(jvp(no_grad(f), (x,), (t,)))
r = tree(no_grad(lambda: jvp(f, (x,), (t,)))())
r = tree(jvp(lambda a: a * float(a.sum()) if a[0] > -9 else a, (x,), (t,)))
r = tree(jvp(switched_off, (x,), (t,)))
with fw._set_fwd_grad_enabled(False): r = tree(jvp(f, (x,), (t,)))
r = tree(jvp(unpacks, (x,), (t,)))
r = tree(with_hooks(jvp, f, (x,), (t,)))
r = tree(jvp(lambda a: with_hooks(torch.sin, a), (x,), (t,)))
r = log(jvp, (x.clone().requires_grad_(),), (t,))
r = log(no_grad(jvp), (x,), (t,))
r = log(no_grad(jvp), (x.clone().requires_grad_(),), (t,))
r = log(lambda g: grad(lambda a: jvp(g, (a,), (t,))[1].sum())(x))
r = log(lambda g: jvp(lambda a: grad(lambda c: g(c).sum())(a), (x,), (t,)))
r = (jvp(f, (x,), (t,)), fw._current_level, torch.is_grad_enabled())[1:]
""",
    setup=SETUP,
    tol=SUMMED,
)

test_jacobians_in_forward_mode = table(
    """
r = tree(jacfwd(f)(x))
r = tree(jacfwd(torch.sum)(m))
r = tree(jacfwd(lambda a: a @ a.T)(m))
r = tree(jacfwd(lambda a, b: a * b.sum(), 1)(x, m))
r = tree(jacfwd(lambda a, b: a * b.sum(), (1, 0))(x, m))
r = tree(jacfwd(lambda a, b: a * b.sum(), (0,))(x, m))
r = tree(jacfwd(lambda a: a['u'] * a['v'][0])({'u': x, 'v': [y]}))
r = tree(jacfwd(lambda a: {'p': a.sum(), 'q': (a * 2, a[1:])})(x))
r = tree(jacfwd(lambda a: torch.ones(2))(x))
r = tree(jacfwd(lambda a: y)(x))
r = tree(jacfwd(lambda a: a.argmax())(x))
r = tree(jacfwd(lambda a: a)(s))
r = tree(jacfwd(lambda a: a[:0])(x))
r = tree(jacfwd(lambda a: a * 2)(torch.ones(0)))
r = tree(jacfwd(lambda a: (a.sin(), {'k': a * 2, 'c': y}), has_aux=True)(x))
r = tree(jacfwd(lambda a: a * a.sum().item())(x))
r = tree(jacfwd(lambda a: a.sin() if a.sum() > 0 else a.cos())(x))
r = tree(jacfwd(lambda a: a * 2 if bool((a > -5).all()) else a)(x))
r = tree(jacfwd(net)(x))
r = tree(jacfwd(lambda a: (a * 1).mul_(a)[1:])(x))
r = tree(jacfwd(no_grad(f))(x))
r = tree(jacfwd(lambda a, b: torch.where(a > 0, a * b, b), (0, 1))(x, y))
r = tree(jacfwd(lambda a: torch.cat([a, a * a]).cumsum(0))(x))
r = tree(jacfwd(lambda a: torch.softmax(a, -1).log())(m))
r = jacfwd(lambda a: a * torch.rand(3), randomness='same')(x).shape
r = tree(jacfwd(lambda a: a[a > 0] ** 2)(x))
r = tree(jacfwd(lambda a: a.masked_select(a < 0.5) * a.sum())(x))
r = tree(jacfwd(lambda a: a * (a > 0).nonzero().numel())(x))
r = tree(jacfwd(lambda a: a[torch.where(a > 0)[0]])(x))
r = tree(hessian(lambda a: (a[a > 0] ** 3).sum())(x))
r = tree(jacfwd(fills)(x))
r = tree(jacfwd(lambda a: y.clone().mul_(a))(x))
r = tree(jacfwd(lambda a: torch.zeros(3, dtype=a.dtype).copy_(a) * a)(x))
r = tree(jacfwd(lambda a: torch.zeros(3, dtype=a.dtype).add_(a) * a)(x))
r = tree(jacfwd(lambda a: a.data * a)(x))
r = tree(jacfwd(lambda a: sum(a.tolist()) * a)(x))
r = tree(jacfwd(lambda a: (fills(a), a * 2), has_aux=True)(x))
r = jacfwd(lambda a: fills(a) * torch.rand(3), randomness='same')(x).shape
jacfwd(lambda a: fills(a) * torch.rand(3))(x)
r = tree(hessian(lambda a: (fills(a) * a).sum())(x))
r = tree(hessian(lambda a: fills(a) * a)(x))
r = tree(hessian(lambda a, b: (fills(a) * fills(b)).sum(), argnums=(0, 1))(x, y))
r = tree(jacfwd(jacfwd(fills))(x))
r = tree(jacrev(jacfwd(fills))(x))
r = tree(grad(lambda a: jacfwd(fills)(a).sum())(x))
r = tree(vmap(jacfwd(lambda a: a.clone().mul_(a)))(b))
r = tree(hessian(loss)(x))
r = tree(hessian(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(x, y))
r = tree(hessian(lambda p: (p['w'] @ p['b']).tanh().sum())({'w': m, 'b': x}))
r = tree(hessian(f)(x))
r = tree(hessian(lambda a: (a * a.sum().item()).sum())(x))
r = tree([g(loss)(x) for g in (lambda h: jacfwd(jacrev(h)), lambda h: jacrev(jacfwd(h)), lambda h: jacfwd(jacfwd(h)), lambda h: jacrev(jacrev(h)), hessian)])
r = tree(jacfwd(jacfwd(jacfwd(lambda a: (a ** 4).sum() * a[0])))(x))
r = tree(jacfwd(grad(lambda a: (a ** 3).prod()))(x))
r = jacfwd(f).__name__, hessian(net).__name__, jacfwd(torch.sin).__name__
""",
    setup=SETUP,
    tol=SUMMED,
)

test_nested_transforms = table(
    """
r = tree(jvp(lambda a: a * jvp(lambda b: a + b, (one,), (one,))[1], (one,), (one,)))
r = tree(grad(lambda a: a * jvp(lambda b: a + b, (one,), (one,))[1])(one))
r = tree(jvp(lambda a: a * grad(lambda b: a + b)(one), (one,), (one,)))
r = tree(jvp(lambda a: a * grad(lambda b: a * b)(one), (one,), (one,)))
r = tree(jacfwd(lambda a: a * jacfwd(lambda b: a * b * b)(one))(one))
r = tree(jvp(lambda a: jvp(f, (a,), (t,)), (x,), (u,)))
r = tree(jvp(lambda a: jvp(f, (y,), (a,)), (x,), (u,)))
r = tree(jvp(lambda a: jvp(lambda b: a * b.sin(), (a,), (a * a,)), (x,), (u,)))
r = tree(jvp(lambda a: jvp(lambda b: jvp(lambda c: a * b.sin() * c ** 3, (a,), (b,))[1], (a * 2,), (a,))[1], (x,), (t,)))
r = tree(jvp(grad(loss), (x,), (t,)))
r = tree(jvp(grad_and_value(loss), (x,), (t,)))
r = tree(jvp(lambda a: grad(lambda b: (a * b ** 3).sum())(y), (x,), (t,)))
r = tree(jvp(lambda a: grad(lambda b: (a * b ** 3).sum(), has_aux=False)(a.sin()), (x,), (t,)))
r = tree(jvp(lambda a: grad(lambda b: ((a * b ** 3).sum(), a * b), has_aux=True)(a.sin()), (x,), (t,)))
r = tree(jvp(lambda a: vjp(f, a)[1](t)[0], (x,), (u,)))
r = tree(jvp(lambda a: vjp(f, y)[1](a)[0], (x,), (u,)))
r = tree(jvp(lambda a: vjp(lambda b: a * b, y)[0], (x,), (u,)))
r = tree(jvp(lambda a: vjp(lambda b: b.detach() * a, y)[0], (x,), (u,)))
r = tree(jvp(lambda a: vjp(lambda b: (b.detach() * a)[1:], y)[0], (x,), (u,)))
r = tree(jvp(jacrev(f), (x,), (t,)))
r = tree(jvp(jacfwd(f), (x,), (t,)))
r = tree(jvp(hessian(loss), (x,), (t,)))
r = tree(grad(lambda a: jvp(f, (a,), (t,))[1].sum())(x))
r = tree(grad(lambda a: jvp(f, (y,), (a,))[1].sum())(x))
r = tree(grad(lambda a: jvp(f, (a,), (a,))[0].sum())(x))
r = tree(grad(lambda a: jvp(grad(loss), (a,), (a.sin(),))[1].sum())(x))
r = tree(grad(lambda a: jvp(grad(loss), (y,), (a,))[1].sum())(x))
r = tree(grad(lambda a: jvp(lambda b: grad(lambda c: (c ** 3 * b).sum())(b), (y,), (a,))[1].sum())(x))
r = tree(grad(lambda a: jvp(lambda b: vjp(f, b)[1](t)[0], (y,), (a,))[1].sum())(x))
r = tree(grad(lambda a: jvp(lambda b: jacrev(f)(b), (y,), (a,))[1].sum())(x))
r = tree(grad(lambda a: jvp(lambda b: a * b, (y,), (t,))[1].prod())(x))
r = tree(grad(lambda a: jvp(no_grad(f), (a,), (t,))[1].sum())(x))
r = tree(jvp(lambda a: grad(lambda b: (b * no_grad(f)(b)).sum())(a), (x,), (t,)))
r = tree(vjp(lambda a: jvp(f, (a,), (t,)), x)[1]((t, u)))
r = tree(jacrev(lambda a: jvp(f, (a,), (a,)))(x))
r = tree(grad(grad(lambda a: jvp(lambda b: (b ** 4), (a,), (one,))[1]))(s))
r = tree(grad(lambda a: jvp(lambda b: grad(lambda c: (c ** 4))(b), (a,), (one,))[1])(s))
r = tree(jvp(lambda a: grad(lambda b: jvp(lambda c: a * b * c ** 3, (b,), (a,))[1])(a), (s,), (one,)))
r = tree(jvp(writes_gradient, (x,), (t,)))
r = closed(x)
""",
    setup=SETUP,
    tol=SUMMED,
)

test_batches = table(
    """
r = tree(vmap(lambda a, e: jvp(f, (a,), (e,)))(b, v))
r = tree(vmap(lambda a: jvp(f, (a,), (t,)))(b))
r = tree(vmap(lambda e: jvp(f, (x,), (e,)))(v))
r = tree(vmap(lambda e: jvp(lambda a: a.mul_(2), (x.clone(),), (e,)))(v))
r = tree(vmap(lambda a: jvp(lambda c: c * a, (x,), (t,)))(b))
r = tree(vmap(lambda a: jvp(f, (x,), (t,)))(b))
r = tree(vmap(lambda a, e: jvp(f, (a,), (e,)), (1, 0))(b, d(3, 4)))
r = tree(vmap(lambda a: vmap(lambda e: jvp(f, (a,), (e,)))(v))(b))
r = tree(vmap(lambda e: vmap(lambda a: jvp(f, (a,), (e,)))(b))(v))
r = tree(vmap(lambda e: vmap(lambda a: jvp(lambda c: c * a * e, (x,), (e,)))(b))(v))
r = tree(jvp(lambda a: vmap(f)(a), (b,), (v,)))
r = tree(jvp(lambda a: vmap(lambda c: c * a.sum())(b), (x,), (t,)))
r = tree(jvp(vmap(grad(loss)), (b,), (v,)))
r = tree(vmap(lambda a, e: jvp(grad(loss), (a,), (e,)))(b, v))
r = tree(vmap(lambda e: jvp(grad(loss), (x,), (e,)))(v))
r = tree(vmap(lambda e: jvp(lambda a: jvp(f, (a,), (e,)), (x,), (t,)))(v))
r = tree(vmap(grad(lambda a: jvp(f, (a,), (t,))[1].sum()))(b))
r = tree(grad(lambda a: vmap(lambda e: jvp(f, (a,), (e,))[1])(v).sum())(x))
r = tree(vmap(jacfwd(f))(b))
r = tree(vmap(jacfwd(net))(b))
r = tree(vmap(hessian(loss))(b))
r = tree(vmap(jacrev(jacfwd(loss)))(b))
r = tree(vmap(jacfwd(jacfwd(loss)))(b))
r = tree(vmap(jacfwd(lambda a, c: a * c.sum(), (0, 1)), (0, None))(b, x))
r = tree(jacfwd(vmap(f))(b))
r = tree(jacfwd(lambda a: vmap(lambda c: c * a)(b))(x))
r = tree(vmap(lambda a: vmap(jacfwd(lambda c: c * a.sin()))(b))(v))
vmap(lambda e: jvp(f, (x,), (e,)))(d(4, 2))
jacfwd(lambda a: vmap(lambda c: c * c.item())(a))(x)
""",
    setup=SETUP,
    tol=SUMMED,
)

test_refusals = table(
    """
jvp(f, [x], (t,))
jvp(f, x, (t,))
jvp(f, (x,), t)
jvp(f, (x,), [t])
jvp(f, (x,), (t, t))
jvp(f, (), ())
jvp(f, ([],), ([],))
jvp(f, (1.0,), (1.0,))
jvp(f, (x,), (1.0,))
jvp(f, (x,), (torch.ones(2),))
jvp(f, (x,), (torch.ones(3, 1),))
jvp(f, (torch.arange(3),), (t,))
jvp(f, (x,), (torch.arange(3),))
jvp(lambda a: None, (x,), (t,))
jvp(lambda a: 1.0, (x,), (t,))
jvp(lambda a: (), (x,), (t,))
jvp(lambda a: (a, 1), (x,), (t,))
jvp(lambda a: (a, None), (x,), (t,))
jvp(lambda a: a, (x,), (t,), has_aux=True)
jvp(lambda a: (a, 3), (x,), (t,), has_aux=True)
jvp(lambda a: torch.ones(2), (x,), (t,), strict=True)
jvp(lambda a: (a, y), (x,), (t,), strict=True)
jvp(lambda a: y.mul_(a), (x,), (t,))
jvp(lambda a: jvp(lambda b: a.mul_(b), (y,), (u,)), (x,), (t,))
jvp(lambda a: a.requires_grad_(), (x,), (t,))
jvp(lambda a: a.backward(), (s,), (one,))
jvp(opens_level, (x,), (t,))
with fw.dual_level(): jvp(f, (x,), (t,))
jvp(fails, (x,), (t,))
jvp(f, (x,))
jvp(f, (x,), (t,), True)
jacfwd(f)([])
jacfwd(f, 1)(x)
jacfwd(f, (0, 0))(x)
jacfwd(f, "a")(x)
jacfwd(f, ())(x)
jacfwd(f)(torch.arange(3))
jacfwd(f, randomness="other")(x)
jacfwd(f, chunk_size=2)
jacfwd(lambda a: 1.0)(x)
jacfwd(lambda a: None)(x)
jacfwd(f, has_aux=True)(x)
jacfwd(lambda a: (a, 3), has_aux=True)(x)
jacfwd(lambda a: a * torch.rand(3))(x)
hessian(f, 3)(x)
hessian(f, "a")(x)
hessian(f)(torch.arange(3))
hessian(lambda a: 1.0)(x)
hessian(lambda a: (a * torch.rand(3)).sum())(x)
""",
    setup=SETUP,
    tol=SUMMED,
)

FUNCTIONS = (
    SETUP
    + """
class Old(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def jvp(ctx, v): return v * 20
class New(torch.autograd.Function):
    @staticmethod
    def forward(a, b): return a * b
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs); ctx.save_for_backward(*inputs)
    @staticmethod
    def jvp(ctx, v, e):
        a, b = ctx.saved_tensors
        return v * b + a * e
    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a
class Mapped(New):
    generate_vmap_rule = True
class Backward(torch.autograd.Function):
    @staticmethod
    def forward(a): return a * 2
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g): return g
class Same(Backward):
    @staticmethod
    def forward(a): return a
    @staticmethod
    def jvp(ctx, a): return a
class Flat(Same):
    @staticmethod
    def forward(a): return a.view(-1)
    @staticmethod
    def jvp(ctx, a): return a.reshape(-1) * 2
"""
)
test_custom_functions = table(
    """
jvp(Old.apply, (x,), (t,))
jvp(Backward.apply, (x,), (t,))
r = tree(jvp(Same.apply, (x,), (t,)))
r = tree(jvp(lambda a: Same.apply(a * 2) * a, (x,), (t,)))
r = tree(jvp(lambda a: jvp(Same.apply, (a,), (t,)), (x,), (t,)))
r = tree(jvp(Flat.apply, (x,), (t,)))
r = tree(jvp(New.apply, (x, y), (t, u)))
r = tree(jvp(lambda a: New.apply(a, a.sin()) * a, (x,), (t,)))
r = tree(grad(lambda a: jvp(lambda b: New.apply(a, b), (y,), (t,))[1].sum())(x))
r = tree(jvp(grad(lambda a: New.apply(a, a * a).sum()), (x,), (t,)))
r = tree(jacfwd(lambda a: Mapped.apply(a, y))(x))
r = tree(hessian(lambda a: Mapped.apply(a, a * y).sum())(x))
jacfwd(lambda a: New.apply(a, y))(x)
""",
    setup=FUNCTIONS,
    tol=SUMMED,
)


@parity(tol=SUMMED)
def test_histories_outside(torch):
    """What a jvp gives can be differentiated by what stands outside, also what it only closes over."""
    x = data(torch, 3, dtype="float64", grad=True)
    w = data(torch, 3, dtype="float64", grad=True, salt=1)
    v = data(torch, 3, dtype="float64", grad=True, salt=2)
    jvp = torch.func.jvp
    output, pushed = jvp(lambda a: (a * w).sin() * a.detach(), (x,), (v,))
    yield output.requires_grad, pushed.requires_grad
    yield [numbers(torch, g) for g in torch.autograd.grad((output * pushed).sum(), (x, w, v))]
    output, pushed = jvp(lambda a: a[1:] * 1, (x * 2,), (v,))
    yield [numbers(torch, g) for g in torch.autograd.grad((output * pushed).sum(), (x, v))]
    output, pushed = jvp(torch.func.grad(lambda a: (a**3 * w).sum()), (x,), (v,))
    yield [numbers(torch, g) for g in torch.autograd.grad((output * pushed).sum(), (x, w, v))]
    with torch.no_grad():
        output, pushed = jvp(lambda a: a * w, (x,), (v,))
    yield output.requires_grad, pushed.requires_grad
    columns = torch.func.jacfwd(lambda a: (a * w).sin())(x)
    yield [numbers(torch, g) for g in torch.autograd.grad((columns**2).sum(), (x, w))]


@parity()
def test_levels_are_left_after_errors(torch):
    func, fw = torch.func, torch.autograd.forward_ad

    def fails(a):
        raise KeyError("own")

    x = data(torch, 3)
    for transform in (
        lambda a: func.jvp(fails, (a,), (a,)),
        func.jacfwd(fails),
        func.hessian(fails),
        func.jacfwd(lambda a: func.jvp(fails, (a,), (a,))),
    ):
        with pytest.raises(KeyError):
            transform(x)
    with fw.dual_level():
        yield fw.unpack_dual(fw.make_dual(x, x) * 2).tangent
    x.mul_(2)
    yield x


def test_tangents_are_gone_with_their_level():
    """Also of what escaped, and the levels of two threads do not close each other."""
    torch = subject()
    kept = []
    x = torch.ones(3)
    torch.func.jvp(lambda a: kept.append(a * 2) or a, (x,), (x,))
    with torch.autograd.forward_ad.dual_level():
        assert torch.autograd.forward_ad.unpack_dual(kept[0]).tangent is None

    inside, leave = threading.Event(), threading.Event()
    found = []

    def waits(a):
        inside.set()
        assert leave.wait(10)
        return a * 3

    thread = threading.Thread(target=lambda: found.append(torch.func.jvp(waits, (x,), (x,))))
    thread.start()
    assert inside.wait(10)

    def lets_go(a):
        leave.set()
        thread.join(10)
        return a * 2

    own = torch.func.jvp(lets_go, (x,), (x,))
    assert own[1].tolist() == [2, 2, 2] and found[0][1].tolist() == [3, 3, 3]
    with torch.autograd.forward_ad.dual_level() as level:
        assert level == 0


def test_one_run_for_all_columns():
    """jacfwd calls its function once."""
    torch = subject()
    calls = []
    torch.func.jacfwd(lambda a: calls.append(a.shape) or a * 2)(torch.ones(5))
    torch.func.hessian(lambda a: calls.append(a.shape) or (a * a).sum())(torch.ones(5))
    assert calls == [(5,), (5,)]


@parity(tol=GRADIENT)
def test_hessian_of_a_network_in_three_ways(torch):
    torch_nn, func = torch.nn, torch.func
    model = torch_nn.Sequential(torch_nn.Linear(3, 4), torch_nn.Tanh(), torch_nn.Linear(4, 1))
    params = {k: data(torch, *p.shape, salt=i) for i, (k, p) in enumerate(model.named_parameters())}
    x = data(torch, 5, 3, salt=9)

    def loss(params):
        return (func.functional_call(model, params, (x,)) ** 2).mean()

    for h in (func.hessian(loss), func.jacrev(func.jacfwd(loss)), func.jacrev(func.jacrev(loss))):
        leaves = torch.utils._pytree.tree_leaves(h(params))
        yield [numbers(torch, leaf) for leaf in leaves]


def test_what_pytorch_refuses_or_gets_wrong():
    """linearize among other transforms, negative argnums, nested levels through a custom Function's jvp."""
    torch = subject()
    func = torch.func
    x, t, u = (torch.tensor(v, dtype=torch.float64) for v in ([1.0, 2.0], [3.0, 5.0], [7.0, 11.0]))

    def f(a):
        return a.sin() * a

    def along(a, v):
        return func.jvp(f, (a,), (v,))[1]

    def same(a, b):
        assert torch.allclose(a, b)

    expected = func.jvp(lambda a: along(a, t), (x,), (u,))
    for pushed in (
        func.jvp(lambda a: func.linearize(f, a)[1](t), (x,), (u,)),
        (along(x, t), func.linearize(lambda a: along(a, t), x)[1](u)),
    ):
        same(pushed[0], expected[0])
        same(pushed[1], expected[1])
    same(func.jvp(lambda a: func.linearize(f, x)[1](a), (t,), (u,))[1], along(x, u))
    same(func.vmap(lambda v: func.linearize(f, x)[1](v))(torch.stack([t, u]))[1], along(x, u))
    same(func.jacfwd(lambda a, b: a * b * b, -1)(x, t), func.jacfwd(lambda b: x * b * b)(t))

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(a, b):
            return a * b

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx, v, w):
            a, b = ctx.saved_tensors
            return v * b + a * w

    second = func.jvp(lambda a: func.jvp(lambda b: Product.apply(b, b), (a,), (t,))[1], (x,), (u,))
    same(second[0], 2 * x * t)
    same(second[1], 2 * t * u)
