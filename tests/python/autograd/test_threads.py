"""Passes on several threads: over shared graphs and leaves, with hooks that let other threads run."""

from __future__ import annotations

import subprocess
import sys
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


# Elements that loops take long over, and some more of them.
MANY = 600_000
N = 2_000_000
SIDE = 1500


def index_of(torch, n):
    return torch.arange(n - 1, -1, -1)


LONG = {
    "exp": (lambda t: t.rand(N), lambda t, x: x.exp()),
    "mul": (lambda t: t.rand(N), lambda t, x: x * x),
    "strided": (lambda t: t.rand(SIDE, SIDE).t(), lambda t, x: x + 1),
    "in place": (lambda t: t.rand(N), lambda t, x: x.add_(1)),
    "dtype": (lambda t: t.rand(N), lambda t, x: x.double()),
    "copy": (lambda t: t.rand(SIDE, SIDE).t(), lambda t, x: x.contiguous()),
    "zeros": (lambda t: None, lambda t, x: t.zeros(N)),
    "sum": (lambda t: t.rand(N), lambda t, x: x.sum()),
    "sum over rows": (lambda t: t.rand(SIDE, SIDE), lambda t, x: x.sum(0)),
    "max": (lambda t: t.rand(N), lambda t, x: x.max()),
    "var": (lambda t: t.rand(N), lambda t, x: x.var()),
    "softmax": (lambda t: t.rand(1, N), lambda t, x: x.softmax(1)),
    "cumsum": (lambda t: t.rand(N), lambda t, x: x.cumsum(0)),
    "product": (lambda t: t.rand(500, 500), lambda t, x: x @ x),
    "vector": (lambda t: t.rand(SIDE, SIDE), lambda t, x: x @ x[0]),
    "cat": (lambda t: t.rand(N), lambda t, x: t.cat((x, x))),
    "stack": (lambda t: t.rand(N), lambda t, x: t.stack((x, x))),
    "index": (lambda t: (t.rand(N), index_of(t, N)), lambda t, x: x[0][x[1]]),
    "index_select": (
        lambda t: (t.rand(N), index_of(t, N)),
        lambda t, x: x[0].index_select(0, x[1]),
    ),
    "masked_fill": (lambda t: (t.rand(N), t.rand(N) > 0.5), lambda t, x: x[0].masked_fill(x[1], 0)),
    "gradient": (
        lambda t: (t.rand(N, requires_grad=True).sin(), t.rand(N)),
        lambda t, x: x[0].backward(x[1], retain_graph=True),
    ),
}


def sgd(t):
    p = t.rand(N, requires_grad=True)
    p.grad = t.rand(N)
    return t.optim.SGD([p], lr=0.1, momentum=0.9)


LONG["optimizer"] = (sgd, lambda t, x: x.step())


class Other:
    """A thread that runs f when the interpreter's lock is given up by an operation, not from time to time."""

    def __init__(self, f=lambda: None):
        self.f, self.go, self.done, self.end = f, threading.Event(), threading.Event(), False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while True:
            self.go.wait()
            self.go.clear()
            if self.end:
                return
            self.f()
            self.done.set()

    def __enter__(self):
        self.interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end = True
        self.go.set()
        self.thread.join()
        sys.setswitchinterval(self.interval)

    def ran_during(self, operation):
        """(the result, whether f ran from beginning to end while the operation did)"""
        self.done.clear()
        self.go.set()
        result = operation()
        during = self.done.is_set()
        self.done.wait()
        return result, during


@pytest.mark.parametrize("what", LONG)
def test_others_run_during_long_loops(torch, what):
    make, operation = LONG[what]
    operand = make(torch)
    with Other() as other:
        for _ in range(200):
            if other.ran_during(lambda: operation(torch, operand))[1]:
                return
    pytest.fail("no other thread ran")


def test_a_counter_advances_during_one_loop(torch):
    """Not only once: others have the lock until the loop ends."""
    count, stop = 0, threading.Event()

    def run():
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0)

    x = torch.rand(20_000_000)
    interval = sys.getswitchinterval()
    thread = threading.Thread(target=run)
    sys.setswitchinterval(1000)
    try:
        thread.start()
        for _ in range(20):
            before = count
            x.exp()
            if count - before > 20:
                return
        pytest.fail(f"it advanced by {count - before}")
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_large_gradients_of_a_shared_leaf_add_up(torch):
    x = torch.ones(MANY, requires_grad=True)

    def work(i):
        for k in range(10):
            (x * (i + 1)).sum().backward()

    on_threads(4, work)
    assert (x.grad == 10.0 * (1 + 2 + 3 + 4)).all()


def test_gradients_retained_and_accumulated_by_two_passes(torch):
    x = torch.ones(MANY, requires_grad=True)
    y = x * 2
    y.retain_grad()
    root = torch.ones(MANY)
    on_threads(4, lambda i: [y.backward(root, retain_graph=True) for _ in range(10)])
    assert (y.grad == 40).all() and (x.grad == 80).all()


def test_large_graphs_and_tensors_that_threads_share(torch):
    """What each thread computes is what one alone does, with a buffer of its own written to meanwhile."""
    torch.manual_seed(0)
    w = torch.randn(8, 8, requires_grad=True)
    x = torch.randn(MANY // 8, 8)
    shared = (x @ w).tanh()
    index = index_of(torch, len(x))

    def program(i):
        own = x * (i + 1)
        own += 1
        h = (shared * own).softmax(1)[index]
        out = torch.cat((h, (h @ w).cumsum(0)), 1)
        loss = out.std(0).sum() + out.logsumexp(1).mean() + (w * w).mean()
        own_root = torch.ones(())
        (g,) = torch.autograd.grad(loss, w, own_root, retain_graph=True)
        return loss.item(), g

    expected = [program(i) for i in range(4)]
    got = {}

    def work(i):
        got[i] = [program(i) for _ in range(4)]

    on_threads(4, work)
    for i, (loss, g) in enumerate(expected):
        for other_loss, other_g in got[i]:
            assert loss == other_loss
            assert torch.equal(g, other_g)


def test_saved_tensor_hooks_of_a_shared_graph(torch):
    """A pass that puts what is packed back does not take it from another's loop."""
    x = torch.rand(MANY, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):
        y = (x * x).sin().exp()
    root = torch.ones(MANY)
    (expected,) = torch.autograd.grad(y, x, root, retain_graph=True)

    def work(i):
        for _ in range(10):
            (g,) = torch.autograd.grad(y, x, root, retain_graph=True)
            assert torch.equal(g, expected)

    on_threads(4, work)


def run_program(text):
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_loop_while_the_interpreter_ends(torch):
    """A daemon thread that waits for the lock then is ended there, between frames of C++."""
    program = f"""
import atexit, sys, threading, time, {torch.__name__} as torch
x = torch.rand(1_000_000)
def loop():
    while True:
        x.exp()
threading.Thread(target=loop, daemon=True).start()
class Last:
    def __del__(self, sleep=time.sleep):
        sleep(0.05)  # the thread gets the lock
        print(bool(x.exp().sum() > 0))
sys.modules["last one"] = Last()
def keep_busy():
    end = time.time() + 0.05
    while time.time() < end:
        pass
atexit.register(keep_busy)  # the loop ends meanwhile
sys.setswitchinterval(1000)
"""
    assert run_program(program) == "True\n"


def test_a_fork_while_another_thread_is_in_a_loop(torch):
    program = f"""
import os, threading, {torch.__name__} as torch
x = torch.rand(1_000_000, requires_grad=True)
stop = False
def loop():
    while not stop:
        x.detach().exp()
thread = threading.Thread(target=loop)
thread.start()
for _ in range(10):
    child = os.fork()
    if not child:
        y = x.sin()
        y.sum().backward()
        ok = torch.equal(x.grad, x.cos())
        x.data = torch.zeros(1)
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
thread.join()
print("end")
"""
    assert run_program(program) == "end\n"


@pytest.mark.parametrize("what", ["product", "exp", "sum"])
def test_memory_given_up_during_a_loop(torch, what):
    """Operands that another thread takes away or replaces stay where they are until the end."""
    n = 800
    f, expected = {
        "product": (lambda a, b: a @ b, torch.full((n, n), float(n))),
        "exp": (lambda a, b: a.exp(), torch.ones(n, n).exp()),
        "sum": (lambda a, b: a.sum(0), torch.full((n,), float(n))),
    }[what]
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
                c = f(a, b)
            except RuntimeError:
                continue  # taken before
            assert c.shape != expected.shape or torch.equal(c, expected)
    finally:
        stop.set()
        thread.join()
