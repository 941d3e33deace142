"""`torch.func`: vjp, jacrev, hessian and linearize."""

from __future__ import annotations

import contextlib
import warnings

import pytest
from parity import GRADIENT, data, numbers, parity, subject, table

# PyTorch computes the rows at once, and where they lie in memory depends on how.
JACOBIAN = GRADIENT.ignoring("stride", "contiguous", "offset", "is_view")

SETUP = """
vjp, jacrev, hessian = torch.func.vjp, torch.func.jacrev, torch.func.hessian
linearize = torch.func.linearize
x = data(3, dtype="float64")
y = data(3, dtype="float64", salt=1)
s = data(dtype="float64", salt=2)
m = data(2, 3, dtype="float64", salt=3)
f = lambda a: a.sin() * a
g = lambda a, b: a * a * b
tree = lambda a: {"a": a * 2, "b": (a.sum(), [a * a])}
def called(pair, *cotangents, **options): return pair[0], pair[1](*cotangents, **options), *pair[2:]
"""

test_vjp = table(
    """
called(vjp(f, x), y)
called(vjp(f, x), y, retain_graph=True)
called(vjp(f, x), y, True, True)
called(vjp(f, x), y, create_graph=False)
called(vjp(g, x, y), x)
called(vjp(g, x, s), x)
called(vjp(lambda a, b: a * b["k"], x, {"k": s}), y)
called(vjp(lambda d: d["k"][0] * 2, {"k": [x]}), y)
called(vjp(tree, x), {"a": x, "b": (s, [y])})
called(vjp(lambda a: (a,), x), (y,))
called(vjp(lambda a: [a, a * a], x), [y, x])
called(vjp(lambda a: a, x), y)
vjp(lambda a: a, x)[0] is x
vjp(lambda a: y, x)[0] is y
called(vjp(lambda a: a.view(3, 1), x), y.view(3, 1))
called(vjp(lambda a: a[1:], x), y[1:])
called(vjp(lambda a: (a * 2)[1:], x), y[1:])
called(vjp(lambda a: a.detach(), x), y)
called(vjp(lambda a: y * 2, x), y)
called(vjp(lambda a: torch.ones(3, dtype=torch.float64), x), y)
called(vjp(lambda a: a.long(), x), y.long())
called(vjp(lambda a: a.float(), x), y.float())
called(vjp(lambda a: a.float(), x), y)
called(vjp(lambda a: (a * 2, (a, y)), x, has_aux=True), y)
called(vjp(lambda a: (a * 2, a * 3), x, has_aux=True), y)
called(vjp(lambda: x * 2), y)
called(vjp(lambda a: torch.no_grad()(lambda: a * 2)(), x), y)
pair = vjp(f, x); pair[1](x), pair[1](y), pair[1](x * y)
pair = vjp(f, x); pair[1](x, retain_graph=False); pair[1](y)
vjp(f)
vjp(f, 1.0)
vjp(f, None)
vjp(f, [x, "a"])
vjp(f, x.long())
vjp(lambda a: 1, x)
vjp(lambda a: True, x)
vjp(lambda a: (a, 1.0), x)
vjp(lambda a: "text", x)
vjp(lambda a: None, x)
vjp(lambda a: [], x)
vjp(lambda a: (), x)
vjp(lambda a: {}, x)
vjp(f, x, has_aux=True)
vjp(lambda a: (a, a, a), x, has_aux=True)
vjp(lambda a: (a, "text"), x, has_aux=True)
vjp(f, x)[1](s)
vjp(f, x)[1]((y,))
vjp(f, x)[1](m)
vjp(f, x)[1](1.0)
vjp(tree, x)[1](y)
vjp(tree, x)[1]({"a": x, "b": (s, (y,))})
vjp(lambda a: (a, (a, a)), x)[1](((x, (x, x)),))
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_jacrev = table(
    """
jacrev(f)(x)
jacrev(f)(s)
jacrev(lambda a: a.sum())(x)
jacrev(lambda a: (a.sum(),))(x)
jacrev(lambda a: a @ y)(m)
jacrev(lambda a: a.t() * s)(m)
jacrev(tree)(x)
jacrev(g, argnums=(0, 1))(x, y)
jacrev(g, argnums=(1,))(x, s)
jacrev(g, argnums=-1)(x, s)
jacrev(lambda a, b: [a * b["k"], b["k"]], argnums=(0, 1))(x, {"k": s})
jacrev(lambda d: d["a"] * d["b"])({"a": x, "b": s})
jacrev(lambda a: (a * 2, (a, y)), has_aux=True)(x)
jacrev(f, chunk_size=2)(x)
jacrev(f, chunk_size=1)(x)
jacrev(lambda a: torch.ones(2, dtype=torch.float64))(x)
jacrev(lambda a: y * 2)(x)
jacrev(lambda a: a)(x)
jacrev(lambda a: a.float())(x)
jacrev(lambda a: a[:0])(x)
jacrev(lambda a: a)(torch.zeros(0))
jacrev(lambda a: a.sum())(torch.zeros(0))
jacrev(lambda a: a.clone().mul_(a).add_(1))(x)
jacrev(f).__name__, jacrev(tree).__wrapped__ is tree
jacrev(f, chunk_size=0)(x)
jacrev(f, chunk_size=-3)
jacrev(f)(1.0)
jacrev(f)()
jacrev(f, argnums=1)(x)
jacrev(f, argnums="0")(x)
jacrev(g, argnums=(0, 0))(x, y)
jacrev(f, argnums=())(x)
jacrev(lambda a: 1)(x)
jacrev(lambda a: [])(x)
jacrev(lambda a: a.long())(x)
jacrev(lambda a: (a, a > 0))(x)
jacrev(f, has_aux=True)(x)
jacrev(lambda a: (a, 1), has_aux=True)(x)
jacrev(f)(x.long())
""",
    setup=SETUP,
    tol=JACOBIAN,
)

test_hessian = table(
    """
hessian(lambda a: (a ** 3).sum())(x)
hessian(lambda a: a ** 3)(x)
hessian(lambda a: (a ** 3).sum())(s)
hessian(lambda a: (a @ y).prod())(m)
hessian(lambda a, b: (a ** 2 * b ** 3).sum(), argnums=(0, 1))(x, y)
hessian(lambda a, b: (a ** 2 * b ** 3).sum(), argnums=1)(x, s)
hessian(lambda d: (d["a"] * d["b"]).sum())({"a": x, "b": s})
hessian(lambda a: {"k": a.sum()})(x)
hessian(lambda a: a.sum())(x)
hessian(lambda a: torch.ones(()))(x)
hessian(lambda a: 1.0)(x)
hessian(f, argnums=2)(x)
""",
    setup=SETUP,
    tol=JACOBIAN,
)

LINEARIZED = {
    "of one": (lambda torch, x, s: (torch.func.linearize(lambda a: a.sin() * a, x), (x,))),
    "of two": (lambda torch, x, s: (torch.func.linearize(lambda a, b: a * a * b, x, s), (x, s))),
    "of a tree": (
        lambda torch, x, s: (
            torch.func.linearize(lambda d: {"z": d["a"] * 2}, {"a": x}),
            ({"a": x},),
        )
    ),
    "a tree": (lambda torch, x, s: (torch.func.linearize(lambda a: (a * a, a.sum()), x), (x,))),
    "nested": (
        lambda torch, x, s: (
            torch.func.linearize(torch.func.grad(lambda a: a.exp().sum()), x),
            (x,),
        )
    ),
    "too few": (lambda torch, x, s: (torch.func.linearize(lambda a, b: a * b, x, s), (x,))),
    "a tuple": (lambda torch, x, s: (torch.func.linearize(torch.sin, x), ((x,),))),
    "another shape": (lambda torch, x, s: (torch.func.linearize(torch.sin, x), (s,))),
    "another dtype": (lambda torch, x, s: (torch.func.linearize(torch.sin, x), (x.float(),))),
}


@parity(which=LINEARIZED, tol=GRADIENT)
def test_linearize(torch, which):
    x, s = data(torch, 3, dtype="float64"), data(torch, dtype="float64", salt=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own graphs
        (value, push), tangents = LINEARIZED[which](torch, x, s)
    yield value
    yield lambda: push(*tangents)
    yield lambda: push(*tangents)


# --- history --------------------------------------------------------------------------------------


@parity(
    x_grad=(False, True),
    w_grad=(False, True),
    v_grad=(False, True),
    outside=("grad", "no_grad at vjp", "no_grad at the call"),
    tol=GRADIENT,
)
def test_history_of_a_vjp(torch, x_grad, w_grad, v_grad, outside):
    x = data(torch, 3, dtype="float64", grad=x_grad)
    w = data(torch, 3, dtype="float64", grad=w_grad, salt=1)
    v = data(torch, 3, dtype="float64", grad=v_grad, salt=2)
    with torch.no_grad() if outside == "no_grad at vjp" else contextlib.nullcontext():
        out, pull = torch.func.vjp(lambda a: a.sin() * w, x)
    yield out
    with torch.no_grad() if outside == "no_grad at the call" else contextlib.nullcontext():
        (g,) = pull(v)
    yield g
    yield pull(v, create_graph=False)
    leaves = [t for t in (x, w, v) if t.requires_grad]
    for result in (out, g):
        if result.requires_grad:
            yield torch.autograd.grad(result.sum(), leaves, allow_unused=True, retain_graph=True)


@parity(tol=GRADIENT)
def test_an_output_may_be_written_to_before_the_vjp(torch):
    w = data(torch, 3, dtype="float64", grad=True)
    out, pull = torch.func.vjp(lambda a: a * w, data(torch, 3, dtype="float64", salt=1))
    out.mul_(2)
    yield pull(torch.ones(3, dtype=torch.float64))
    out.sum().backward()
    yield w


@parity(tol=GRADIENT)
def test_a_vjp_outlives_the_transform_around_it(torch):
    x = data(torch, 3, dtype="float64")
    kept = []

    def f(a):
        out, pull = torch.func.vjp(torch.sin, a)
        kept.append(pull)
        return out.sum()

    yield torch.func.grad(f)(x)
    yield kept[0](x)
    yield torch.func.grad(lambda a: (a * 2).sum())(x)


@parity(tol=GRADIENT)
def test_a_vjp_called_inside_another_transform(torch):
    x = data(torch, 3, dtype="float64")
    _, pull = torch.func.vjp(lambda a: a.exp() * a, x)
    yield torch.func.grad(lambda v: (pull(v)[0] ** 2).sum())(x)
    yield torch.func.grad(lambda v: torch.func.grad(lambda u: (pull(u)[0] * v).sum())(v).sum())(x)


@parity(x_grad=(False, True), w_grad=(False, True), tol=JACOBIAN)
def test_history_of_a_jacobian(torch, x_grad, w_grad):
    x = data(torch, 3, dtype="float64", grad=x_grad)
    w = data(torch, 3, dtype="float64", grad=w_grad, salt=1)
    for jacobian in (
        torch.func.jacrev(lambda a: a.exp() * w)(x),
        torch.func.jacrev(torch.func.jacrev(lambda a: (a**3 * w).sum()))(x),
        torch.func.jacrev(lambda a: a * 2)(x),
    ):
        yield numbers(torch, jacobian), jacobian.requires_grad
        if jacobian.requires_grad:
            leaves = [t for t in (x, w) if t.requires_grad]
            yield torch.autograd.grad(jacobian.sum(), leaves, allow_unused=True)


OUTPUTS = {
    "two": lambda a: (a * 2, a.sum()),
    "one is empty": lambda a: (a[:0], a * a, a[:0]),
    "all are empty": lambda a: (a[:0], a[3:]),
    "of several dtypes": lambda a: {"k": a.float() * a, "l": [a.half() * 2, a.sum()]},
    "one twice": lambda a: (lambda b: (b, b))(a * 2),
    "one is constant": lambda a: (a.detach() * 2, a * 3),
    "no operation": lambda a: (a, a),
}


@parity(outputs=OUTPUTS, chunk_size=(None, 2, 100), grad=(False, True), tol=GRADIENT)
def test_the_outputs_share_a_pass(torch, outputs, chunk_size, grad):
    """A hook is called once for the rows of all outputs, and these lie in one tensor for each argument."""
    x = data(torch, 3, dtype="float64", grad=grad)
    seen = []

    def f(a):
        b = a.exp()
        b.register_hook(lambda g: seen.append(tuple(g.shape)))
        b.grad_fn.register_hook(
            lambda after, before: seen.append((after[0].shape, before[0].dim()))
        )
        return OUTPUTS[outputs](b)

    jacobian = torch.func.jacrev(f, chunk_size=chunk_size)(x)
    yield jacobian, seen
    if grad:
        leaves = torch.utils._pytree.tree_leaves(jacobian)
        yield torch.autograd.grad(sum(t.sum() for t in leaves), x, allow_unused=True)


LAYOUTS = {
    "elementwise": lambda a: a.sin(),
    "broadcast": lambda a: a[:, None] * a,
    "several": lambda a: (a * a, a.exp().sum()),
    "softmax": lambda a: a.softmax(0),
    "transposed": lambda a: (a[:, None] * a).t(),
}


@parity(f=LAYOUTS, tol=GRADIENT)
def test_where_jacobians_lie_in_memory(torch, f):
    """The batch of a vmap is before the rows."""
    func, f = torch.func, LAYOUTS[f]
    x = data(torch, 3, dtype="float64")
    xs = data(torch, 4, 3, dtype="float64")
    yield func.jacrev(f)(x), func.jacrev(func.jacrev(f))(x), func.hessian(f)(x)
    for out_dim in (0, 1):
        yield torch.vmap(func.jacrev(f), out_dims=out_dim)(xs), torch.vmap(func.hessian(f))(xs)
    yield torch.vmap(torch.vmap(func.jacrev(f)))(xs.view(2, 2, 3))


@parity(outputs=OUTPUTS, tol=JACOBIAN)
def test_a_jacobian_row_by_row(torch, outputs):
    if outputs == "all are empty":
        return  # in PyTorch an assertion
    seen = []

    def f(a):
        b = a.exp()
        b.register_hook(lambda g: seen.append((type(g) is torch.Tensor, g.tolist())))
        return OUTPUTS[outputs](b)

    yield torch.func.jacrev(f, chunk_size=1)(data(torch, 3, dtype="float64")), seen


@parity(tol=JACOBIAN)
def test_mixed_nestings(torch):
    func = torch.func
    x = data(torch, 3, dtype="float64")
    y = data(torch, 3, dtype="float64", salt=1)
    f = lambda a: (a.exp() * a * y).sum()  # noqa: E731
    yield func.jacrev(func.grad(f))(x)
    yield func.grad(lambda a: (func.jacrev(func.grad(f))(a) ** 2).sum())(x)
    yield func.grad(lambda a: func.vjp(func.grad(f), a)[1](y)[0].sum())(x)
    yield func.jacrev(lambda a: func.vjp(torch.sin, a)[1](y))(x)
    yield func.vjp(lambda a: func.jacrev(torch.sin)(a), x)[1](torch.ones(3, 3, dtype=torch.float64))
    yield func.grad(lambda a: func.hessian(f)(a).prod())(x)
    yield func.hessian(lambda a: (func.grad(f)(a) * a).sum())(x)
    yield func.grad(lambda a: torch.autograd.grad(f(a), a, create_graph=True)[0].prod())(x)


def test_a_jacobian_by_finite_differences():
    torch = subject()
    x = data(torch, 3, dtype="float64")

    def f(a):
        return torch.stack([a.prod(), (a.exp() * a.flip(0)).sum(), a[0] / (2 + a[2] ** 2)])

    jacobian = torch.func.jacrev(f)(x)
    for j in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[j] = 1e-6
        column = (f(x + step) - f(x - step)) / 2e-6
        for i in range(3):
            assert jacobian[i, j].item() == pytest.approx(column[i].item(), rel=1e-7, abs=1e-9)
    _, push = torch.func.linearize(f, x)
    v = data(torch, 3, dtype="float64", salt=1)
    assert push(v).tolist() == pytest.approx((jacobian @ v).tolist(), rel=1e-12)
