"""Passes on several threads: over shared graphs and leaves, with hooks that let other threads run."""

from __future__ import annotations

import threading
import time
import traceback

import pytest
from parity import parity, table


def on_threads(n, f):
    """Runs f(i) on n threads, which start together; raises what the first that failed raised."""
    start, errors = threading.Barrier(n), []

    def run(i):
        start.wait()
        try:
            f(i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def pause(*_):
    """Other threads run now."""
    time.sleep(0.0002)


def test_gradients_of_a_shared_leaf_add_up(torch):
    x = torch.ones(50, requires_grad=True)

    def work(i):
        for _ in range(50):
            y = x * 2
            y.register_hook(pause)
            y.sum().backward()

    on_threads(6, work)
    assert x.grad.tolist() == [600.0] * 50


def test_what_hooks_unpack_for_several_passes(torch):
    """One may find what another has unpacked, and that it is put back while a hook lets others run."""
    x, w = torch.rand(5, requires_grad=True), torch.rand(5, requires_grad=True)

    def unpack(t):
        for _ in range(3):
            time.sleep(0)
        return t.clone()

    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), unpack):
        y = (x * w).sin().sum()

    def gradients():
        return torch.autograd.grad(y, (x, w), retain_graph=True)

    expected = gradients()

    def work(i):
        for _ in range(200):
            for g, e in zip(gradients(), expected, strict=True):
                assert torch.equal(g, e)

    on_threads(4, work)


def test_a_shared_graph(torch):
    """Each pass has its own counts and buffers, whichever nodes it meets."""
    x = torch.rand(5, requires_grad=True)
    a = x.exp()
    b = a * x
    c = (a.sin() * b).sum() + b.sum()
    for t in (a, b):
        t.register_hook(pause)
    c.grad_fn.register_prehook(pause)
    (expected,) = torch.autograd.grad(c, x, retain_graph=True)
    results = []

    def work(i):
        for _ in range(10):
            if i % 3 == 0:
                results.append(torch.autograd.grad(c, x, retain_graph=True)[0])
            elif i % 3 == 1:
                c.backward(retain_graph=True)
            else:
                ga, gx = torch.autograd.grad(c, (a, x), retain_graph=True, create_graph=True)
                results.append(gx)

    on_threads(6, work)
    for g in results:
        assert torch.equal(g, expected)
    assert torch.allclose(x.grad, expected * 20)


def test_a_pass_that_frees_what_another_needs(torch):
    """One of them gets the gradient, the others it or the error; what is in use is not freed."""
    for _ in range(20):
        x = torch.rand(4, 4, requires_grad=True)
        y = x.exp() @ x.sin() @ x
        y.register_hook(pause)
        loss = (y * y).sum()
        done, errors = [], []

        def work(i, loss=loss, x=x, done=done, errors=errors):
            try:
                done.append(torch.autograd.grad(loss, x)[0])
            except RuntimeError as error:
                errors.append(str(error))

        on_threads(4, work)
        assert len(done) + len(errors) == 4
        assert all("backward through the graph a second time" in e for e in errors)
        assert all(torch.equal(g, done[0]) for g in done)


def test_hooks_added_and_removed_meanwhile(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    z = y * 3
    counts = []

    def add_and_remove(i):
        for _ in range(100):
            handles = [t.register_hook(lambda g: counts.append(1)) for t in (x, y, z)]
            handles.append(y.grad_fn.register_hook(lambda *g: None))
            handles.append(y.grad_fn.register_prehook(pause))
            for h in handles:
                h.remove()

    def passes(i):
        for _ in range(40):
            z.sum().backward(retain_graph=True)

    on_threads(4, lambda i: (add_and_remove if i % 2 else passes)(i))
    assert x.grad.tolist() == [480.0] * 3


def test_a_gradient_taken_away_meanwhile(torch):
    x = torch.ones(64, 64, requires_grad=True)

    def passes(i):
        for _ in range(30):
            (x @ x).sum().backward()
            y = x * 1
            y.register_hook(pause)
            y.sum().backward()

    def take(i):
        for _ in range(300):
            x.grad = None
            pause()

    on_threads(4, lambda i: (take if i == 0 else passes)(i))


def test_an_error_belongs_to_the_thread_that_calls(torch):
    def fail(g):
        raise ValueError(threading.current_thread().name)

    x = torch.ones(3, requires_grad=True)
    seen = []

    def work(i):
        y = x * 2
        if i % 2:
            y.register_hook(fail)
        else:
            y.register_hook(pause)
        try:
            y.sum().backward()
        except ValueError as error:
            names = [f.name for f in traceback.extract_tb(error.__traceback__)]
            seen.append((str(error) == threading.current_thread().name, names))

    on_threads(6, work)
    assert [ok for ok, _ in seen] == [True] * 3
    assert all(names == ["work", "fail"] for _, names in seen)
    assert x.grad.tolist() == [6.0] * 3


@parity
def test_modes_belong_to_threads(torch):
    def look():
        seen = []
        t = threading.Thread(
            target=lambda: seen.append(
                (torch.is_grad_enabled(), torch.autograd.is_multithreading_enabled())
            )
        )
        t.start()
        t.join()
        return seen

    yield look()
    with torch.no_grad(), torch.autograd.set_multithreading_enabled(False):
        yield look()
        yield torch.autograd.is_multithreading_enabled()
    yield torch.autograd.is_multithreading_enabled()


@parity
def test_numbers_of_nodes_belong_to_threads(torch):
    x = torch.ones(3, requires_grad=True)

    def numbers():
        first = torch.autograd._get_sequence_nr()
        y = x * 1
        z = y * 2
        seen.append([y.grad_fn._sequence_nr() - first, z.grad_fn._sequence_nr() - first])
        return first

    seen = []
    numbers()
    for _ in range(2):
        t = threading.Thread(target=lambda: seen.append(numbers()))
        t.start()
        t.join()
    yield seen
    yield (x * 1).grad_fn.next_functions[0][0]._sequence_nr()


test_set_multithreading_enabled = table(
    """
c = torch.autograd.set_multithreading_enabled(False); torch.autograd.is_multithreading_enabled(); c.__enter__(); torch.autograd.is_multithreading_enabled(); c.__exit__(None, None, None); torch.autograd.is_multithreading_enabled()
f = torch.autograd.set_multithreading_enabled(False)(torch.autograd.is_multithreading_enabled); f(); torch.autograd.set_multithreading_enabled(True).mode; torch.autograd.is_multithreading_enabled()
torch.autograd.set_multithreading_enabled(1)
torch.autograd.set_multithreading_enabled()
torch._C._is_multithreading_enabled(); torch.autograd.grad_mode.set_multithreading_enabled is torch.autograd.set_multithreading_enabled
"""
)


@pytest.mark.parametrize("what", ["product", "backward"])
def test_others_run_during_long_work(torch, what):
    """A product of large matrices gives the lock up; a pass offers it between nodes."""
    go, seen = threading.Event(), threading.Event()
    end = False

    def other():
        while True:
            go.wait()
            go.clear()
            if end:
                return
            seen.set()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        a = torch.rand(700, 700)
        x = torch.rand(200_000, requires_grad=True)
        for _ in range(200):
            y = x
            if what == "backward":
                for _ in range(60):
                    y = y.sin()
            root = torch.ones(200_000)
            seen.clear()
            go.set()
            if what == "product":
                a @ a
            else:
                y.backward(root)
            if seen.is_set():
                return
        pytest.fail("no other thread ran")
    finally:
        end = True
        go.set()
        thread.join()


def test_memory_given_up_during_a_product(torch):
    """Operands that another thread takes away or replaces stay where they are until the end."""
    n = 400
    expected = torch.full((n, n), float(n))
    stop = threading.Event()
    operands = [None]

    def take():
        while not stop.is_set():
            t = operands[0]
            if t is not None:
                t.data = torch.zeros(1)
                t.resize_(2)
                operands[0] = None
            pause()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        for _ in range(60):
            a, b = torch.ones(n, n), torch.ones(n, n)
            operands[0] = a
            try:
                c = a @ b
            except RuntimeError:
                continue  # taken before
            assert torch.equal(c, expected)
    finally:
        stop.set()
        thread.join()
