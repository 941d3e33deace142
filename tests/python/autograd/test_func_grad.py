"""`torch.func.grad` and `grad_and_value`: what they return, of which arguments, and with what history."""

from __future__ import annotations

import contextlib
import sys
import warnings

import pytest
from parity import GRADIENT, SUMMED, data, parity, subject, table

# --- arguments and results ------------------------------------------------------------------------

SETUP = """
from collections import OrderedDict, namedtuple
grad, grad_and_value = torch.func.grad, torch.func.grad_and_value
x = data(2, 3, dtype="float64")
y = data(2, 3, dtype="float64", salt=1)
s = data(dtype="float64", salt=2)
Pair = namedtuple("Pair", "a b")
f = lambda a: (a ** 3).sum()
g = lambda a, b: (a * a * b).sum()
def aux(a, b=None): return (a ** 3).sum(), {"square": a * a, "same": [a], "const": (y,)}
"""

test_results = table(
    """
grad(f)(x)
grad(f)(s)
grad(f)(a=x)
grad(g)(x, y)
grad(g)(x, b=y)
grad(g, 1)(x, y)
grad(g, -1)(x, y)
grad(g, argnums=(0, 1))(x, y)
grad(g, argnums=(1, 0))(x, y)
grad(g, argnums=(-1,))(x, y)
grad(g, argnums=(0, -1))(x, y)
grad(g, True)(x, y)
grad_and_value(f)(x)
grad_and_value(g, (0, 1))(x, y)
grad(aux, has_aux=True)(x)
grad_and_value(aux, has_aux=True)(x)
grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": x, "b": [y]})
grad(lambda d: sum(v.sum() for v in d.values()))(OrderedDict(b=x, a=s))
grad(lambda p: (p.a * p.b).sum())(Pair(x, y))
grad(lambda d, k: (d * k[0]).sum(), argnums=(0, 1))(x, [y])
grad(lambda d, k: (d * k[0]).sum(), argnums=(1,))(x, (y, s))
grad(lambda t: x.sum())(())
grad(lambda a: torch.ones(()))(x)
grad(lambda a: a.detach().sum())(x)
grad(lambda a: a.sum().long())(x)
grad(lambda a: a)(s)
grad_and_value(lambda a: a)(s)[1] is s
grad_and_value(lambda a: (a, a.view(1)), has_aux=True)(s)
grad(lambda a: a.float().sum())(x)
grad(lambda a: a.sum())(torch.ones(2).bfloat16())
grad(lambda a: a.sum())(torch.zeros(0))
grad(lambda a: a.t()[0].prod())(x)
grad(lambda a: (a[0] * a[1]).sum())(x)
grad(f)(x.t())
grad(f)(x[:, ::2])
grad(lambda a: a.expand(2, 3).sum())(s)
grad(f).__name__, grad(aux).__name__, grad(f).__wrapped__ is f
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_refusals = table(
    """
grad(1)(x)
grad(f)()
grad(f)(1.0)
grad(f)("x")
grad(f)(None)
grad(f, argnums=1)(x)
grad(f, argnums=-2)(x)
grad(f, argnums=(0, 2))(x, y)
grad(g, argnums=(0, 0))(x, y)
grad(g, argnums=(0, -2))(x, y)
grad(f, argnums=[0])(x)
grad(f, argnums=())(x)
grad(f, argnums=0.0)(x)
grad(f, argnums="0")(x)
grad(f, argnums=(0.0,))(x)
grad(f, argnums=("x",))(x)
grad(f, argnums=((0,),))(x)
grad(f, argnums=None)(x)
grad(lambda a: a)(x)
grad(lambda a: a.sum().reshape(1))(x)
grad(lambda a: 1.0)(x)
grad(lambda a: None)(x)
grad(lambda a: (a.sum(),))(x)
grad(lambda a: [a.sum(), a])(x)
grad(f, has_aux=True)(x)
grad(lambda a: (a.sum(), a, a), has_aux=True)(x)
grad(lambda a: [a.sum(), a], has_aux=True)(x)
grad(lambda a: (a.sum(), 1), has_aux=True)(x)
grad(lambda a: (a.sum(), [a, None]), has_aux=True)(x)
grad(lambda a: (a.sum(), "text"), has_aux=True)(x)
grad(lambda a: (a, a), has_aux=True)(x)
grad(f)(torch.ones(2, dtype=torch.int64))
grad(f)(torch.ones(2) > 0)
grad(f)({"a": x, "b": 1})
grad(f)([x, None])
grad(lambda a: int("x"))(x)
grad(lambda a: (a @ a).sum())(x)
""",
    setup=SETUP,
)


@parity
def test_a_failing_function_leaves_nothing_behind(torch):
    x = data(torch, 3)
    torch.set_grad_enabled(False)

    def fail(a):
        torch.set_grad_enabled(False)
        raise KeyError("inside")

    yield lambda: torch.func.grad(fail)(x)
    yield torch.is_grad_enabled()
    yield lambda: torch.func.grad(lambda a: torch.func.grad(fail)(a).sum())(x)
    yield torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    x.requires_grad_()
    yield torch.func.grad(lambda a: (a**3).sum())(x)
    yield lambda: x.sum().backward()
    yield x


# --- history --------------------------------------------------------------------------------------

CLOSURES = {
    "nothing": lambda torch, a, w: (a**3).sum(),
    "a product": lambda torch, a, w: (a * a * w).sum(),
    "a sum": lambda torch, a, w: (a * a + w).sum(),
    "only w": lambda torch, a, w: (w * w).sum(),
    "captured as it is": lambda torch, a, w: w[0] if w.dim() and w.numel() == 1 else w.sum(),
    "detached": lambda torch, a, w: (a * a * w.detach()).sum(),
    "constant": lambda torch, a, w: torch.ones((), dtype=torch.float64),
    "w in no_grad": lambda torch, a, w: (a * a * double_in_no_grad(torch, w)).sum(),
    "a in no_grad": lambda torch, a, w: (a * double_in_no_grad(torch, a) * w).sum(),
    "a leaf made inside": lambda torch, a, w: (
        a * torch.ones(3, dtype=torch.float64, requires_grad=True)
    ).sum(),
    "a parameter made inside": lambda torch, a, w: (
        a * torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) * w
    ).sum(),
}


def double_in_no_grad(torch, t):
    with torch.no_grad():
        return t * 2


@parity(
    closure=CLOSURES,
    x_grad=(False, True),
    w_grad=("no", "leaf", "computed"),
    no_grad=(False, True),
    tol=GRADIENT,
)
def test_results_have_the_history_of_what_they_depend_on(torch, closure, x_grad, w_grad, no_grad):
    x = data(torch, 3, dtype="float64", grad=x_grad)
    v = data(torch, 3, dtype="float64", grad=w_grad != "no", salt=1)
    w = v * 1 if w_grad == "computed" else v

    def f(a):
        value = CLOSURES[closure](torch, a, w)
        return value, (a * 2, w, w * 2, a * w)

    with torch.no_grad() if no_grad else contextlib.nullcontext():
        gradient, (value, aux) = torch.func.grad_and_value(f, has_aux=True)(x)
    yield gradient, value, aux
    for result in (gradient, value, *aux):
        if result.requires_grad:
            leaves = [t for t in (x, v) if t.requires_grad]
            yield torch.autograd.grad(result.sum(), leaves, allow_unused=True, retain_graph=True)
    total = sum((r.sum() for r in (gradient, value, *aux)), torch.zeros(()))
    if total.requires_grad:
        total.backward()
    yield x, v


@parity
def test_what_a_function_sees_of_histories(torch):
    x = data(torch, 3)
    w = data(torch, 3, grad=True, salt=1)
    computed = w * 2
    seen = []

    def look(*tensors):
        seen.append([(t.requires_grad, t.is_leaf, t.grad_fn is None) for t in tensors])

    def f(a):
        look(a, w, computed, w * 2, computed * 2, a * w, a.detach(), w.detach(), x, x * 2)

        def g(b):
            look(a, b, a * 2, b * 2, a * b, w, w * 2, computed)
            return (a * b).sum()

        look(torch.func.grad(g)(a), torch.func.grad(g)(w), torch.func.grad(lambda b: b.sum())(a))
        return a.sum()

    torch.func.grad(f)(x)
    yield seen
    seen.clear()
    torch.func.grad(f)(w)
    yield seen


@parity
def test_no_grad_inside_and_outside(torch):
    x = data(torch, 3, dtype="float64", grad=True)

    def f(a):
        with torch.no_grad():
            c = a * a
        return (a * a * a - c).sum()

    yield torch.func.grad(f)(x)
    with torch.no_grad():
        yield torch.func.grad(f)(x)
        yield torch.func.grad(lambda a: torch.func.grad(f)(a).sum())(x)

    def outer(a):
        with torch.no_grad():
            inner = torch.func.grad(lambda b: (b**3).sum())(a)
        return (inner * a).sum()

    yield torch.func.grad(outer)(x)

    def switched(a):
        torch.set_grad_enabled(False)
        return (a * a).sum()

    yield torch.func.grad(switched)(x)
    yield torch.is_grad_enabled()
    with torch.no_grad():
        yield torch.func.grad(lambda a: (torch.is_grad_enabled() and (a * a)).sum())(x)


@parity(tol=GRADIENT)
def test_backward_through_a_gradient(torch):
    x = data(torch, 4, dtype="float64", grad=True)
    w = data(torch, 4, dtype="float64", grad=True, salt=1)
    g = torch.func.grad(lambda a: (a.sin() * w * a).sum())(x)
    ((g**2).sum() + x.sum()).backward()
    yield x, w
    h = torch.func.grad(lambda a: torch.func.grad(lambda b: (b**4 * a * w).sum())(a).sum())(x)
    h.sum().backward()
    yield x, w


@parity
def test_a_second_backward_through_a_result(torch):
    x = data(torch, 4, dtype="float64", grad=True)
    g = torch.func.grad(lambda a: (a**3).sum())(x)
    yield lambda: g.sum().backward(retain_graph=True)
    yield lambda: g.sum().backward()
    yield lambda: g.sum().backward()
    yield x


# --- nesting --------------------------------------------------------------------------------------


@parity(depth=(1, 2, 3, 4, 6), tol=GRADIENT)
def test_nested_gradients(torch, depth):
    def f(a):
        return a**7 / 840

    for _ in range(depth):
        f = torch.func.grad(f)
    for grad in (False, True):
        x = torch.tensor(1.25, dtype=torch.float64, requires_grad=grad)
        yield f(x)


@parity(tol=GRADIENT)
def test_levels_are_not_confused(torch):
    """The inner derivative is of b alone: a constant to it, though both are the same number."""
    grad = torch.func.grad
    x = torch.tensor(3.0, dtype=torch.float64)
    yield grad(lambda a: a * grad(lambda b: a + b)(a))(x)
    yield grad(lambda a: a * grad(lambda b: a * b)(torch.tensor(2.0, dtype=torch.float64)))(x)
    yield grad(lambda a: grad(lambda b: grad(lambda c: a * b * b * c**3)(a * b))(a))(x)
    yield grad(lambda a: grad(lambda b: b * grad(lambda c: a**3)(b) + a * b)(a))(x)


def test_seventy_levels():
    """More than the bits of a word."""
    torch = subject()

    def f(a):
        return (2 * a).exp()

    for _ in range(70):
        f = torch.func.grad(f)
    x = torch.tensor(0.5, dtype=torch.float64)
    assert f(x).item() == pytest.approx(2.0**70 * 2.718281828459045, rel=1e-12)
    assert not f(x).requires_grad
    x.requires_grad_()
    assert f(x).requires_grad


def test_too_many_levels_are_an_error():
    torch = subject()

    def f(a, n=0):
        return torch.func.grad(lambda b: f(b, n + 1))(a) if n < 300 else a

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        with pytest.raises(RuntimeError, match="at most 255"):
            f(torch.ones(()))
    finally:
        sys.setrecursionlimit(limit)
    assert torch.func.grad(lambda a: a * a)(torch.ones(())).item() == 2


# --- programs -------------------------------------------------------------------------------------


@parity(tol=SUMMED)
def test_meta_learning(torch):
    """MAML: the loss after some steps of gradient descent, differentiated by the weights before."""
    xs, ys = data(torch, 8, 2, dtype="float64"), data(torch, 8, 1, dtype="float64", salt=1)
    weights = {
        "w1": data(torch, 2, 5, dtype="float64", grad=True, salt=2),
        "w2": data(torch, 5, 1, dtype="float64", grad=True, salt=3),
    }

    def loss(p):
        return ((torch.tanh(xs @ p["w1"]) @ p["w2"] - ys) ** 2).mean()

    def adapted(p):
        for _ in range(3):
            g = torch.func.grad(loss)(p)
            p = {k: v - 0.1 * g[k] for k, v in p.items()}
        return loss(p)

    plain = {k: v.detach() for k, v in weights.items()}
    yield torch.func.grad_and_value(adapted)(plain)
    value = adapted(weights)
    value.backward()
    yield value.detach(), [w.grad for w in weights.values()]


@parity(tol=SUMMED)
def test_hessian_vector_products(torch):
    x, v = data(torch, 5, dtype="float64"), data(torch, 5, dtype="float64", salt=1)

    def f(a):
        return (a.sin() * a * a.sum()).sum()

    grad = torch.func.grad
    yield grad(lambda a: (grad(f)(a) * v).sum())(x)
    yield torch.func.vjp(grad(f), x)[1](v)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of itself when it first needs forward mode
        h = torch.func.hessian(f)(x)
    yield h @ v


@parity(tol=SUMMED)
def test_newton_steps(torch):
    def f(a):
        return ((a - 1) ** 4).sum() + (a[0] * a[1] - 1) ** 2

    x = torch.tensor([2.0, 1.5], dtype=torch.float64)
    for _ in range(5):
        g = torch.func.grad(f)(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            h = torch.func.hessian(f)(x)
        det = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
        x = (
            x
            - torch.stack([h[1, 1] * g[0] - h[0, 1] * g[1], h[0, 0] * g[1] - h[1, 0] * g[0]]) / det
        )
        yield x


@parity(tol=SUMMED)
def test_gradient_penalty_with_a_module(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
    ).double()
    for i, p in enumerate(net.parameters()):
        p.data = data(torch, *p.shape, dtype="float64", salt=i)
    x = data(torch, 6, 3, dtype="float64")
    slope = torch.func.grad(lambda a: net(a).sum())(x)
    penalty = ((slope.norm(dim=1) - 1) ** 2).mean() + net(x).mean()
    penalty.backward()
    yield penalty.detach(), [p.grad for p in net.parameters()]


def test_against_finite_differences():
    torch = subject()
    x = data(torch, 4, dtype="float64")
    w = data(torch, 4, dtype="float64", salt=1)

    def f(a):
        return (a.exp() * w).sum().tanh() + (
            a * a.roll(1) if hasattr(torch, "roll") else a * w
        ).sum()

    step = 1e-6
    for g, of in (
        (torch.func.grad(f), f),
        (torch.func.grad(lambda a: torch.func.grad(f)(a)[1]), lambda a: torch.func.grad(f)(a)[1]),
    ):
        exact = g(x)
        for i in range(4):
            e = torch.zeros(4, dtype=torch.float64)
            e[i] = step
            estimate = (of(x + e) - of(x - e)).item() / (2 * step)
            assert exact[i].item() == pytest.approx(estimate, rel=1e-6, abs=1e-8)
