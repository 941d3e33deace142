"""Deep graphs, collected cycles, flat memory, threads: what a comparison of values cannot see."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from parity import SELFTEST

DEPTH = 1_000_000


def resident() -> int:
    """Bytes of memory in use by this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def collected(make) -> bool:
    """Whether what `make` builds dies once nobody holds it; it returns a weak reference."""
    gc.collect()
    alive = make()
    gc.collect()
    return alive() is None


class Token:
    """Something whose death can be seen."""


def test_a_million_nodes(torch):
    """The chain builds, runs backward and is freed without recursion."""
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(DEPTH):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1 and y.item() == DEPTH + 1
    del y


def test_a_million_nodes_dropped_unused(torch):
    x = torch.ones(1, requires_grad=True)
    token = Token()
    alive = weakref.ref(token)
    y = x * 1
    y.register_hook(lambda g, t=token: None)
    del token
    for _ in range(DEPTH):
        y = y * 1
    del y
    gc.collect()
    assert alive() is None


def test_a_deep_chain_of_functions(torch):
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x + 0

        @staticmethod
        def backward(ctx, g):
            return g

    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = Same.apply(y)
    y.backward()
    assert x.grad.item() == 1
    del y


def test_a_deep_chain_of_views_and_changes(torch):
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    for _ in range(20_000):
        y = y.view(4)
        y[1:3].add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [1] * 4
    del y


def test_a_wide_graph(torch):
    x = torch.ones(1, dtype=torch.float64, requires_grad=True)
    parts = [x * k for k in range(20_000)]
    torch.stack(parts).sum().backward()
    assert x.grad.item() == sum(range(20_000))


def test_double_backward_through_a_long_chain(torch):
    x = torch.full((1,), 0.5, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(2000):
        y = y * 1.001
    (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    g.backward()
    assert np.isclose(x.grad.item(), 2 * 1.001**4000)


@pytest.mark.skipif(SELFTEST, reason="PyTorch leaks cycles that pass through its nodes")
@pytest.mark.parametrize(
    "make",
    [
        "y.register_hook(lambda g, t=token, y=y: None)",
        "x.register_hook(lambda g, t=token, x=x: None)",
        "y.t = token; y.self = y",
        "x.t = token; x.y = y",
        "token.y = y; y.t = token; x.grad = x.detach().clone(); x.grad.x = x; x.grad.t = token",
        "class F(torch.autograd.Function):\n"
        " @staticmethod\n"
        " def forward(ctx, x): ctx.t = token; ctx.save_for_backward(x); return x * 1\n"
        " @staticmethod\n"
        " def backward(ctx, g): return g\n"
        "y = F.apply(x); y.grad_fn.y = y; y.grad_fn.t = token",
        "z = y.sum(); z.backward(create_graph=True); x.grad.t = token; x.grad.me = x",
        "y.retain_grad(); y.sum().backward(); y.grad.t = token; y.grad.y = y",
        "v = y[1:]; v.t = token; v.base = y; y.v = v",
        "n = y.grad_fn; y.t = token; y.n = n; x.n = n",
    ],
)
def test_cycles_are_collected(torch, make):
    def build():
        token = Token()
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        exec(make, {"torch": torch, "token": token, "x": x, "y": y})
        return weakref.ref(token)

    assert collected(build)


@pytest.mark.parametrize("view", [False, True])
def test_a_function_that_saves_what_it_wrote_to(torch, view):
    """It is freed without the collector: what a node saves of its output does not hold the node."""

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x.mul_(2))
            ctx.save_for_backward(x)
            return x

    base = torch.ones(2, requires_grad=True) * 1
    written = base[:] if view else base
    alive = weakref.ref(Double.apply(written))
    gc.disable()
    try:
        del base, written
        assert alive() is None
    finally:
        gc.enable()


def test_a_tensor_in_use_is_not_collected(torch):
    """The collector must not clear what the engine still needs."""
    x = torch.ones(3, requires_grad=True)
    x.me = x
    y = (x * 2).exp()
    kept = weakref.ref(x)
    del x
    gc.collect()
    y.sum().backward()
    assert kept().grad is not None
    assert kept().me is kept()


def train(torch, steps):
    w = torch.ones(8, 8, requires_grad=True)
    for _ in range(steps):
        loss = torch.tanh(w @ w).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
        w.grad = None


def views(torch, steps):
    x = torch.ones(16)
    for _ in range(steps):
        x.view(4, 4).t()[1:].add_(0)
        x[x > 0] = 1.0


def errors(torch, steps):
    x = torch.ones(3, requires_grad=True)
    for _ in range(steps // 4):
        for wrong in (
            lambda: x + torch.ones(4),
            lambda: x.add_(1),
            lambda: x.view(5),
            lambda: x[7],
        ):
            with pytest.raises((RuntimeError, IndexError)):
                wrong()


def functions(torch, steps):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = torch.ones(3, requires_grad=True)
    for _ in range(steps // 4):
        y = Twice.apply(x)
        y.register_hook(lambda g: g * 1)
        y.sum().backward()
        x.grad = None


def exchange(torch, steps):
    for _ in range(steps):
        torch.from_numpy(np.zeros(100)).numpy()
        torch.tensor([1.0, 2.0]).tolist()


def silent(torch, steps):
    """A long loop without recording: nothing may be kept of the steps gone by."""
    x = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        y = x * 1
        for _ in range(steps):
            y = y * 1.0 + 0.0
    z = x.detach()
    for _ in range(steps):
        z = z + 1


@pytest.mark.parametrize("work", [train, views, errors, functions, exchange, silent])
def test_memory_stays_flat(torch, work):
    work(torch, 5_000)
    gc.collect()
    before = resident()
    work(torch, 100_000 if work is silent else 20_000)
    gc.collect()
    assert resident() - before < 4 * 2**20


def test_independent_backward_passes_in_threads(torch):
    results = {}

    def work(k):
        x = torch.full((64,), float(k), requires_grad=True)
        for _ in range(50):
            x.grad = None
            (x * x).sum().backward()
        results[k] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: [2.0 * k] * 64 for k in range(8)}


def test_shared_leaf_in_threads(torch):
    w = torch.ones(16, requires_grad=True)

    def work():
        for _ in range(100):
            (w * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad.tolist() == [800.0] * 16


def test_an_exception_leaves_the_engine_usable(torch):
    x = torch.ones(2, requires_grad=True)
    for _ in range(100):
        y = x * 2
        y.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (y * 3 + x).sum().backward()
    x.grad = None
    (x * 5).sum().backward()
    assert x.grad.tolist() == [5, 5]
