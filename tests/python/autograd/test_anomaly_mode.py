"""Anomaly mode: what it takes for an error, and what it says of where the error comes from."""

from __future__ import annotations

import re
import sys
import threading
import warnings

import pytest
from parity import parity, plain_text, table

FRAME = re.compile(r'  File "(.*?)", line (\d+), in (.*)\n(?:    (.*)\n)?')


def calls(text):
    """The calls of a traceback that are in this file; the others are the engine's and pytest's."""
    found = [frame for frame in FRAME.findall(text) if frame[0] == __file__]
    return [(line, name, source) for _, line, name, source in found]


def told(action):
    """What `action` raises and warns of; of tracebacks what calls() says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = action()
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
    texts = [(w.category.__name__, plain_text(w.message)) for w in caught]
    return outcome, [(kind, FRAME.sub("", text), calls(text)) for kind, text in texts]


def root(x):
    return (
        x
        .sqrt()
    )  # fmt: skip


def through_a_call(x):
    y = root(x)
    return y


def functions(torch):
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise ValueError("mine")

    class Nan(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, constant):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return (g * float("nan"), None) if ctx.needs_input_grad[0] else (None, g * float("nan"))

    return Fails, Nan


def leaf(torch, *values):
    return torch.tensor(values, requires_grad=True)


def backward_of(torch, f, check_nan=True, x=(-1.0, 2.0)):
    def run():
        with torch.autograd.detect_anomaly(check_nan):
            x_ = leaf(torch, *x)
            y = f(x_)
            y.sum().backward()
            return x_.grad.tolist()[1]

    return told(run)


@parity
def test_nan(torch):
    Fails, Nan = functions(torch)
    one = torch.ones(2)
    yield backward_of(torch, through_a_call)
    yield backward_of(torch, through_a_call, check_nan=False)
    yield backward_of(torch, lambda x: through_a_call(x).t())
    yield backward_of(torch, lambda x: root(x).expand(3, 2))
    yield backward_of(torch, lambda x: root(x.half()))
    yield backward_of(torch, lambda x: root(x.double()))
    yield backward_of(torch, lambda x: Nan.apply(x, 3))
    yield backward_of(torch, lambda x: Nan.apply(one, x))
    yield backward_of(torch, lambda x: x * float("inf"))
    yield backward_of(torch, lambda x: x + one * float("nan"))
    yield backward_of(torch, lambda x: one * float("nan") * x)
    yield backward_of(torch, lambda x: one * float("nan") / x)
    yield backward_of(torch, lambda x: (x * one).prod() * float("nan"))


@parity(size=[63, 64, 65, 5000], place=[0, -1, 40])
def test_nan_among_many(torch, size, place):
    for make in (
        lambda x: x,
        lambda x: x[::2],
        lambda x: x.double(),
        lambda x: x.half(),
        lambda x: x.view(1, -1).t(),
        lambda x: x.view(-1, 1).expand(-1, 3),
    ):

        def f(x, make=make):
            scale = torch.ones(size)
            scale[place] = float("nan")
            return make(x * scale)

        yield backward_of(torch, f, x=(1.0,) * size)


@parity(size=[7, 40, 5000])
def test_infinities_are_not_nan(torch, size):
    """Their sum is NaN: no mistake for one."""

    def f(x):
        scale = torch.ones(size)
        scale[0], scale[-1] = float("inf"), -float("inf")
        scale[64:65] = -float("inf")  # is added to the first
        return x * scale

    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        yield backward_of(torch, lambda x, dtype=dtype: f(x.to(dtype)), x=(1.0,) * size)
    yield backward_of(torch, lambda x: f(x) * 1e38, x=(1.0,) * size)


@parity
def test_errors_of_nodes(torch):
    Fails, _ = functions(torch)
    yield backward_of(torch, lambda x: Fails.apply(through_a_call(x)))
    yield backward_of(torch, Fails.apply, check_nan=False)

    def written(x):
        y = x.exp()
        y.add_(1)
        return y

    def used_up(x):
        y = x.exp()
        y.sum().backward()
        return y

    yield backward_of(torch, written)
    yield backward_of(torch, used_up)


HOOKS = {
    "tensor": lambda torch, x, y, hook: y.register_hook(lambda g: hook(g)),
    "pre": lambda torch, x, y, hook: y.grad_fn.register_prehook(lambda g: (hook(g[0]),)),
    "post": lambda torch, x, y, hook: y.grad_fn.register_hook(lambda i, o: (hook(i[0]),)),
    "leaf": lambda torch, x, y, hook: x.register_hook(lambda g: hook(g)),
    "accumulated": lambda torch, x, y, hook: x.register_post_accumulate_grad_hook(
        lambda p: hook(p.grad) and None
    ),
    "end": lambda torch, x, y, hook: y.register_hook(
        lambda g: torch.autograd.Variable._execution_engine.queue_callback(lambda: hook(g))
    ),
}


@parity(place=list(HOOKS))
def test_hooks(torch, place):
    def hooked(hook):
        def f(x):
            y = x.exp()
            HOOKS[place](torch, x, y, hook)
            return y

        return f

    yield backward_of(torch, hooked(lambda g: 1 // 0))
    if place not in ("accumulated", "end"):
        yield backward_of(torch, hooked(lambda g: g * float("nan")))


@parity
def test_a_graph_from_outside_the_mode(torch):
    Fails, _ = functions(torch)

    def run(f, *x):
        y = f(leaf(torch, *x))
        with torch.autograd.detect_anomaly():
            y.sum().backward()

    yield told(lambda: run(root, -1.0))
    yield told(lambda: run(Fails.apply, 1.0))

    def run_later(f):
        x = leaf(torch, 0.0, 2.0)
        y = f(x)
        with torch.autograd.detect_anomaly(check_nan=False):
            (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        with torch.autograd.detect_anomaly():
            (g * 0).sum().backward()

    yield told(lambda: run_later(root))


@parity
def test_what_induced_a_calculation(torch):
    _, Nan = functions(torch)

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return Nan.apply(g * x, 1)

    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            with torch.enable_grad():
                root(leaf(torch, -1.0, 2.0)).sum().backward()
            return g

    def twice(f):
        x = leaf(torch, 0.0, 2.0)
        with torch.autograd.detect_anomaly(check_nan=False):
            (g,) = torch.autograd.grad(f(x * 1).sum(), x, create_graph=True)
        with torch.autograd.detect_anomaly():
            (g * 0).sum().backward()

    def three_times(f):
        x = leaf(torch, 1.0, 2.0)
        with torch.autograd.detect_anomaly():
            (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
            (g,) = torch.autograd.grad(g.sum(), x, create_graph=True)
            g.register_hook(lambda g: 1 // 0)
            g.sum().backward()

    yield told(lambda: twice(through_a_call))
    yield told(lambda: twice(Own.apply))
    yield told(lambda: three_times(lambda x: (x * x * x).exp()))
    yield backward_of(torch, Nested.apply)


@parity
def test_metadata_of_nodes(torch):
    with torch.autograd.set_detect_anomaly(True):
        y = through_a_call(leaf(torch, 1.0))
        z = y * 2
    for node in (y.grad_fn, z.grad_fn, y.grad_fn.next_functions[0][0], (y * 2).grad_fn):
        yield [calls(line) for line in node.metadata.get("traceback_", []) if calls(line)]


@parity
def test_repeated_calls(torch):
    """Tracebacks of Python do not repeat a line more than three times."""

    def deep(x, n):
        return x.exp() if n == 0 else deep(x, n - 1)

    with torch.autograd.set_detect_anomaly(True):
        y = deep(leaf(torch, 1.0), 20)
    yield y.grad_fn.metadata["traceback_"][-3:]


@parity
def test_calls_are_told_apart(torch):
    """Nodes of one function called from several places, in any order and depth."""

    def leafward(x):
        return x * 2

    def other(x):
        return leafward(x)

    def generator(x):
        while True:
            x = yield leafward(x)

    x = leaf(torch, 1.0)
    with torch.autograd.set_detect_anomaly(True):
        g = generator(x)
        made = [leafward(x)]
        made += [leafward(x), other(x)]
        made.append(other(leafward(x)))
        made += [next(g), x * 3]
        made += [g.send(x) for _ in range(2)]
        for _ in range(2):
            made.append(leafward(x))
        made.append(sorted([x], key=leafward)[0] * 1)
        made.append(eval("leafward(x)", {"leafward": leafward, "x": x}))
        threads = [threading.Thread(target=lambda: made.append(other(x))) for _ in range(2)]
        for t in threads:
            t.start()
            t.join()
    for y in made:
        yield calls("".join(y.grad_fn.metadata["traceback_"]))


test_switches = table(
    """
torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
c = torch.autograd.detect_anomaly(); torch.is_anomaly_enabled(); c.__enter__(); torch.is_anomaly_enabled(); c.__exit__(); torch.is_anomaly_enabled()
c = torch.autograd.detect_anomaly(check_nan=False); c.__enter__(); torch.is_anomaly_check_nan_enabled(); c.__exit__(); torch.is_anomaly_check_nan_enabled()
c = torch.autograd.set_detect_anomaly(True, False); torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled(); c.__enter__(); c.__exit__(); torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
c = torch.autograd.set_detect_anomaly(True); d = torch.autograd.set_detect_anomaly(False); torch.is_anomaly_enabled(); d.__exit__(); torch.is_anomaly_enabled(); c.__exit__(); torch.is_anomaly_enabled()
torch.autograd.anomaly_mode.set_detect_anomaly is torch.autograd.set_detect_anomaly, torch.autograd.anomaly_mode.detect_anomaly is torch.autograd.detect_anomaly
c = torch.autograd.detect_anomaly(1)
c = torch.autograd.detect_anomaly(check_nan=1); c.__enter__()
torch.autograd.set_detect_anomaly(1)
torch.autograd.set_detect_anomaly(1, 2)
torch.autograd.set_detect_anomaly(True, 2)
torch.autograd.set_detect_anomaly()
torch._C.set_anomaly_enabled()
torch.set_anomaly_enabled(True, False); torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled(); torch.set_anomaly_enabled(False)
torch.set_anomaly_enabled(1)
torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
"""
)


@parity
def test_the_mode_is_one_of_the_process(torch):
    seen = []
    with torch.autograd.set_detect_anomaly(True):
        t = threading.Thread(target=lambda: seen.append(torch.is_anomaly_enabled()))
        t.start()
        t.join()
    yield seen


@parity
def test_a_hook_that_switches_it(torch):
    def off_meanwhile(x):
        y = x * 2
        y.register_hook(lambda g: torch.autograd.set_detect_anomaly(False) and None)
        return y * float("nan")

    yield backward_of(torch, off_meanwhile)
    yield torch.is_anomaly_enabled()

    def on_meanwhile():
        x = leaf(torch, 1.0)
        y = root(x * -1)
        z = y * 2
        z.register_hook(lambda g: torch.autograd.set_detect_anomaly(True) and None)
        try:
            z.sum().backward()
        finally:
            torch.autograd.set_detect_anomaly(False)

    yield told(on_meanwhile)


def test_a_warning_that_is_an_error_does_not_hide_the_failure(torch, monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda u: shown.append(str(u.exc_value)))
    with torch.autograd.set_detect_anomaly(True):
        y = root(leaf(torch, -1.0))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeError, match="returned nan values in its 0th output"):
                y.backward()
    assert len(shown) == 1
    assert "Error detected in SqrtBackward0" in shown[0]


def test_the_mode_keeps_no_graph_alive(torch):
    """What a node remembers of others is their name and place."""
    import gc
    import weakref

    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.set_detect_anomaly(True):
        y = x.exp()
        alive = weakref.ref(y)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        kept = g.detach().requires_grad_().exp()
        del y, g
        gc.collect()
        assert alive() is None
        kept.sum().backward()


@parity
def test_calls_in_the_place_of_others(torch):
    """The calls of a node are those in progress, also where others had their frames in the same memory before."""
    x = torch.ones(2, requires_grad=True)

    def taken():
        return calls("".join(x.exp().grad_fn.metadata["traceback_"]))

    def twice():
        first = taken()
        second = taken()
        return [first, second]

    def deep(n, f):
        if n == 0:
            return f()
        return deep(n - 1, f)

    def tree(n):
        if n == 0:
            return [taken()]
        left = tree(n - 1)
        right = tree(n - 1)
        return left + right

    def generator():
        while True:
            yield taken()
            yield deep(3, taken)

    def fails():
        kept.append(taken())
        kept.append(sys._getframe())
        raise ValueError

    with torch.autograd.set_detect_anomaly(True):
        for n in (0, 1, 5, 12, 30):
            yield deep(n, twice)
            yield deep(n, twice)
            yield deep(n, lambda n=n: deep(n, twice) + [taken()] + deep(n // 2, twice))
            yield [deep(n, taken) for _ in range(3)], deep(n, taken), deep(n, taken)
            yield deep(n, lambda: tree(4))
            # One frame, under other callers each time.
            g = generator()
            yield next(g), next(g)
            yield deep(n, lambda g=g: next(g)), deep(n, lambda g=g: (next(g), next(g)))
            yield deep(n + 9, lambda g=g: [next(g) for _ in range(4)]), next(g), next(g)
            # Frames that somebody holds after their end, and one that is traced without lines.
            kept = []
            for _ in range(2):
                with pytest.raises(ValueError):
                    deep(n, fails)
            yield kept[0], kept[2], deep(n, taken)

            def without_lines(n=n):
                before = deep(n, twice)
                sys._getframe().f_trace_lines = False
                return before, deep(n, twice), taken()

            yield deep(n, without_lines)
        threads = []
        for n in (3, 20):
            for _ in range(2):
                thread = threading.Thread(target=lambda n=n: threads.append(deep(n, twice)))
                thread.start()
                thread.join()
                threads.append(deep(n, twice))
        yield threads
