"""Backward passes inside backward passes, to any depth, with the recursion limit as it is."""

from __future__ import annotations

import contextvars
import sys
import threading
import traceback

import pytest
from parity import parity

DEEP = 1200


def nest(torch, depth, innermost=lambda: None, around=lambda inner: inner()):
    """Passes, each started by a hook of the one before; the last hook calls `innermost`."""
    x = torch.ones(3, requires_grad=True)
    left = depth

    def hook(g):
        nonlocal left
        if left == 0:
            return innermost()
        left -= 1
        with torch.enable_grad():
            around(one_pass)
        return None

    def one_pass():
        y = x * 2
        y.register_hook(hook)
        y.sum().backward()

    with torch.enable_grad():
        one_pass()
    return x.grad.tolist()


@parity
def test_passes_from_hooks(torch):
    yield nest(torch, 150)


@parity
def test_passes_from_functions(torch):
    yield recursive(torch, 150)


def recursive(torch, depth):
    class Recursive(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.n = n
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            if ctx.n:
                with torch.enable_grad():
                    x = torch.ones(2, requires_grad=True)
                    (inner,) = torch.autograd.grad(Recursive.apply(x, ctx.n - 1).sum(), x)
                    g = g + inner
            return g, None

    x = torch.ones(2, requires_grad=True)
    Recursive.apply(x, depth).sum().backward()
    return x.grad.tolist()


def test_any_depth(torch):
    limit = sys.getrecursionlimit()
    assert limit == 1000
    assert nest(torch, DEEP) == [2.0 * (DEEP + 1)] * 3
    assert recursive(torch, DEEP) == [DEEP + 1.0] * 2
    assert sys.getrecursionlimit() == limit


def test_where_the_stack_is_already_deep(torch):
    """A nested pass gets a stack of its own before the recursion limit is in its way."""

    def down(n):
        return nest(torch, 30, around=lambda inner: up(inner, 60)) if n == 0 else down(n - 1)

    def up(inner, n):
        return inner() if n == 0 else up(inner, n - 1)

    assert down(400) == [62.0] * 3


def test_reentrant_checkpoints(torch):
    checkpoint = torch.utils.checkpoint.checkpoint

    def f(x, n):
        return x.sin() if n == 0 else checkpoint(f, x * 1.0, n - 1, use_reentrant=True) + x

    x = torch.ones(2, requires_grad=True)
    f(x, 150).sum().backward()
    y = torch.ones(2, requires_grad=True)
    (y.sin() + y * 150).sum().backward()
    assert torch.allclose(x.grad, y.grad)


def test_an_error_comes_from_any_depth(torch):
    def fail():
        raise ValueError("deep")

    with pytest.raises(ValueError, match="^deep$") as caught:
        nest(torch, DEEP, fail)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].name == "fail"
    assert sum(f.name == "one_pass" for f in frames) == DEEP + 1

    def fail_in_the_core():
        torch.ones(2, requires_grad=True).backward()

    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        nest(torch, DEEP, fail_in_the_core)
    assert nest(torch, 3) == [8.0] * 3


def test_what_passes_inherit(torch):
    """Modes and hooks of the thread reach a nested pass, and its end restores them."""
    variable = contextvars.ContextVar("variable", default=0)
    packed, seen = [], []

    def look():
        seen.append((torch.is_grad_enabled(), torch.autograd.is_multithreading_enabled()))
        seen.append(variable.get())
        before = len(packed)
        x = torch.ones(1, requires_grad=True)
        with torch.enable_grad():
            x.exp()
        seen.append(len(packed) - before)
        with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append("own") or t, id):
            with torch.enable_grad():
                x.exp()
        with torch.enable_grad():
            x.exp()
        seen.append(len(packed) - before)

    def pack(t):
        packed.append(t)
        return t

    variable.set(7)
    with torch.autograd.set_multithreading_enabled(False):
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            nest(torch, 120, look)
    assert seen == [(False, False), 7, 1, "own", 2]
    assert torch.is_grad_enabled()


def test_settings_that_passes_inherit(torch):
    seen = []

    def look():
        seen.append(torch._C._is_grad_layout_enforcement_enabled())
        seen.append(torch.autograd.forward_ad._is_fwd_grad_enabled())
        with torch.enable_grad():
            x = torch.ones(2, requires_grad=True)
            y = x * 2
            z = y * y
            y.zero_()
            seen.append(torch.autograd.grad(z.sum(), x)[0].tolist())

    with torch.autograd.grad_mode.enforce_grad_layout_policy(False):
        with torch.autograd.forward_ad._set_fwd_grad_enabled(False):
            with torch.autograd.graph.allow_mutation_on_saved_tensors():
                nest(torch, 120, look)
    assert seen == [False, False, [8.0, 8.0]]


def test_transforms_that_passes_inherit(torch):
    """A captured tensor is not written to, however many passes of inner transforms lie between."""
    captured, seen = torch.ones(3), []

    def transformed(left):
        def f(t):
            y = t * 2
            y.register_hook(lambda g: next_one(left) and None)
            return y.sum()

        return torch.func.grad(f)(torch.ones(3)).tolist()

    def next_one(left):
        if left:
            seen.append(transformed(left - 1))
        else:
            with pytest.raises(RuntimeError, match="mutate a captured Tensor"):
                captured.add_(1)

    torch.func.grad(lambda t: (transformed(120), t.sum())[1])(torch.ones(3))
    assert seen == [[2.0] * 3] * 120


def test_a_filtered_pass_is_known_at_any_depth(torch):
    valid = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(
        lambda g: (
            nest(torch, 120, lambda: valid.append(torch.autograd._is_checkpoint_valid())) and None
        )
    )
    torch.autograd.grad(y.sum(), x)
    assert valid == [False]


def test_passes_over_the_same_nodes(torch):
    """Every pass has counts and buffers of its own, whatever thread it runs on."""
    x = torch.ones(2, requires_grad=True)
    y = x.exp() * x
    left = [120]

    def hook(g):
        if left[0]:
            left[0] -= 1
            with torch.enable_grad():
                (y * 1.0).sum().backward(retain_graph=True)

    y.register_hook(hook)
    (y * 1.0).sum().backward(retain_graph=True)
    z = torch.ones(2, requires_grad=True)
    (z.exp() * z).sum().backward()
    assert torch.allclose(x.grad, z.grad * 121)


def test_nested_passes_on_several_threads(torch):
    results = []
    threads = [threading.Thread(target=lambda: results.append(nest(torch, 300))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [[602.0] * 3] * 4
