"""Random nestings of `torch.func` transforms with closures, compared with PyTorch."""

from __future__ import annotations

import contextlib
import warnings

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parity import Tolerance, check, data, numbers

# A tree of transforms. Each level may use the variables of all levels around it and two tensors from
# outside, of which `w` may require grad. An expression is a list of choices, read by `Expression`.
ROUNDING = Tolerance({"float64": 1e5}, whole=True, floor=1.0)  # of hundreds of operations

REVERSE = ("grad", "vjp", "jacrev", "autograd.grad", "value")
FORWARD = ("jvp", "along itself", "jacfwd", "vmap")


def nestings(transforms, most):
    """Lists of levels, outermost first."""
    level = st.tuples(
        st.sampled_from(transforms),
        st.lists(st.integers(0, 79), min_size=3, max_size=6),  # the function of this level
        st.sampled_from(("plain", "plain", "no_grad", "enable_grad")),  # around the inner transform
        st.booleans(),  # whether the inner transform is at this level's own variable
    )
    return st.lists(level, min_size=1, max_size=most)


def expression(torch, terms, choices):
    """A product and sum of bounded functions of `terms`."""
    total = terms[-1]
    for choice in choices:
        kind, which = divmod(choice, 8)
        other = terms[which % len(terms)]
        if kind == 0:
            total = total * other
        elif kind == 1:
            total = total + other.sin()
        elif kind == 2:
            total = total.tanh() * 2
        elif kind == 3:
            total = total * other.exp().clamp(max=3)
        elif kind == 4:
            total = total - other.detach() * terms[-1]
        elif kind == 5:
            total = (total * 1).mul_(other)
        elif kind == 6:
            total = torch.stack([total, other]).prod(0)
        elif kind == 7:
            total = total + other.view(-1)[:1] * total.sum()
        elif kind == 8:
            total = total * 1
            if total.requires_grad:
                total.register_hook(lambda g: g * 1.5 + g.sin())
        else:
            with torch.no_grad():
                constant = other.cos()
            total = total * constant
    return total.tanh()


def around(torch, mode):
    if mode == "no_grad":
        return torch.no_grad()
    return torch.enable_grad() if mode == "enable_grad" else contextlib.nullcontext()


def evaluate(torch, levels, outer):
    """A tensor of the shape of outer[-1], made by the first of `levels` and those inside of it."""
    (transform, choices, mode, at_own), *inner = levels

    def f(a):
        terms = [*outer, a]
        result = expression(torch, terms, choices)
        if inner:
            with around(torch, mode):
                inside = evaluate(torch, inner, terms if at_own else [*terms, a * 0.5])
            result = result * inside + a
        return result

    x = outer[-1]
    func = torch.func
    if transform == "grad":
        return func.grad(lambda a: f(a).sum())(x)
    if transform == "value":
        g, v = func.grad_and_value(lambda a: (f(a) ** 2).sum())(x)
        return g * v
    if transform == "vjp":
        value, pull = func.vjp(f, x)
        return pull(outer[0])[0] + value
    if transform == "jacrev":
        return func.jacrev(f)(x).sum(0)
    if transform == "jvp":
        value, pushed = func.jvp(f, (x,), (outer[0],))
        return pushed + value * 0.5
    if transform == "along itself":
        return func.jvp(f, (x,), (x,))[1]
    if transform == "jacfwd":
        return func.jacfwd(f)(x).sum(0)
    if transform == "vmap":
        rows = torch.stack([x, outer[0], outer[1] * x])
        return torch.vmap(f)(rows).sum(0)
    value = f(x)
    if not (x.requires_grad and value.requires_grad and torch.is_grad_enabled()):
        return value
    (g,) = torch.autograd.grad(value.sum(), x, create_graph=True, allow_unused=True)
    return value if g is None else g


def compare(levels, x_grad, w_grad, no_grad):
    def case(torch):
        c = data(torch, 2, dtype="float64", lo=-1, hi=1)
        w = data(torch, 2, dtype="float64", lo=-1, hi=1, grad=w_grad, salt=1)
        x = data(torch, 2, dtype="float64", lo=-1, hi=1, grad=x_grad, salt=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.no_grad() if no_grad else contextlib.nullcontext():
                result = evaluate(torch, levels, [c, w, x])
        yield numbers(torch, result), result.requires_grad
        if result.requires_grad:
            result.sum().backward()
        yield numbers(torch, w.grad), numbers(torch, x.grad)

    check(case, ROUNDING)


def examples(count):
    return settings(
        max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )


@examples(150)
@given(nestings(REVERSE, 4), st.booleans(), st.booleans(), st.booleans())
def test_random_nestings(levels, x_grad, w_grad, no_grad):
    compare(levels, x_grad, w_grad, no_grad)


@examples(40)
@given(nestings(FORWARD + REVERSE, 3), st.booleans(), st.booleans(), st.booleans())
def test_random_nestings_in_forward_mode(levels, x_grad, w_grad, no_grad):
    compare(levels, x_grad, w_grad, no_grad)
