"""torch.utils.checkpoint of whygrad alone: random nests against the same program without a checkpoint, what
is kept in memory and when it is freed, and where PyTorch fails or shows less."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc
import random
import re
import threading
import traceback
import weakref

import numpy as np
import pytest
from parity import SELFTEST, subject


def whygrad():
    """For what PyTorch does not do, or does not show."""
    if SELFTEST:
        pytest.skip("of whygrad alone")
    torch = subject()
    return torch, torch.utils.checkpoint.checkpoint


def random_function(torch, checkpoint, rng, depth):
    """A random function of a vector: elementwise operations, products, in-place writes, several
    uses of a value, and calls of more of its kind through `checkpoint`."""
    steps = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(["unary", "scale", "twice", "write", "view", "matrix", "call", "call"])
        inner = (
            random_function(torch, checkpoint, rng, depth - 1) if depth and kind == "call" else None
        )
        steps.append(
            (kind, rng.choice(["sin", "cos", "tanh", "exp", "sigmoid"]), inner, rng.random())
        )

    def run(a, weight):
        for kind, name, inner, number in steps:
            if kind == "unary":
                a = getattr(a, name)()
            elif kind == "scale":
                a = a * weight * (number + 0.5)
            elif kind == "twice":
                a = getattr(a, name)() * a + a
            elif kind == "write":
                a = a * 1
                a[0] = 0.5
                a.mul_(weight).sigmoid_()
            elif kind == "view":
                a = (a.view(2, 2).T * weight.view(2, 2)).reshape(4)
            elif kind == "matrix":
                a = (a.view(2, 2) @ weight.view(2, 2)).flatten().tanh()
            elif inner is not None:
                a = checkpoint(inner, a, weight)
        return a.tanh()

    return run


@pytest.mark.parametrize("seed", range(40))
def test_random_nests_against_no_checkpoint(seed):
    """Values, gradients and gradients of gradients are those of the program without checkpoints."""
    torch, checkpoint = whygrad()
    results = []
    for with_checkpoints in (False, True):
        choices = random.Random(seed + 1000)

        def call(function, *args):
            stop = choices.random() < 0.5
            if not with_checkpoints:
                return function(*args)
            return checkpoint(function, *args, use_reentrant=False, early_stop=stop)

        function = random_function(torch, call, random.Random(seed), 3)
        a = torch.tensor([0.3, -0.7, 1.1, 0.2], dtype=torch.float64, requires_grad=True)
        w = torch.tensor([0.9, 0.4, -0.6, 1.2], dtype=torch.float64, requires_grad=True)
        y = call(function, a, w)
        first = torch.autograd.grad(y.sum(), [a, w], create_graph=True, allow_unused=True)
        first = [g for g in first if g is not None]
        total = sum((g * g).sum() for g in first)
        second = []
        if total.requires_grad:
            second = torch.autograd.grad(total, [a, w], allow_unused=True, retain_graph=True)
        y.sum().backward()
        kept = [t.detach().numpy() for t in (y, *first, *second, a.grad, w.grad) if t is not None]
        results.append(kept)
    assert len(results[0]) == len(results[1])
    for plain, again in zip(*results, strict=True):
        np.testing.assert_allclose(again, plain, rtol=1e-12, atol=1e-14)


SIZE = 1 << 16


def in_use(torch):
    gc.collect()
    return torch.memory_stats()["allocated_bytes.current"]


def chain(a, log=None):
    for _ in range(6):
        a = a.sin()
        if log is not None:
            log.append(weakref.ref(a))
    return a


@pytest.mark.parametrize("way", [True, False])
@pytest.mark.parametrize("depth", [1, 2])
def test_activations_are_not_kept(way, depth):
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    before = in_use(torch)
    log = []

    def f(a):
        return chain(a, log) if depth == 1 else checkpoint(chain, a.exp(), log, use_reentrant=False)

    y = checkpoint(f, x, use_reentrant=way)
    assert len(log) == 6
    alive = [ref for ref in log if ref() is not None]
    assert [ref() for ref in alive] in ([], [y])  # the result may be one of them
    assert in_use(torch) - before < 1.5 * 4 * SIZE  # only the result
    y.sum().backward()
    del y
    assert all(ref() is None for ref in log)
    assert in_use(torch) - before < 1.5 * 4 * SIZE  # only the gradient
    plain = []
    kept = chain(x, plain)
    assert all(ref() is not None for ref in plain[:-1]) and kept is not None


def test_what_a_pass_does_not_need_is_not_kept_after_it():
    """A pass over a part of a region saves all of it again, and frees the rest at its end."""
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    y = torch.ones(SIZE, requires_grad=True)
    a, b = checkpoint(lambda s, t: (chain(s), chain(t)), x, y, use_reentrant=False)
    a, b = a.sum(), b.sum()
    before = in_use(torch)
    for _ in range(3):
        torch.autograd.grad(a, x, retain_graph=True)
        assert in_use(torch) - before < 4 * SIZE
    node = b.grad_fn.next_functions[0][0]
    for _ in range(3):
        node._saved_self  # noqa: B018
        assert in_use(torch) - before < 4 * SIZE
    torch.autograd.grad(b, y)


def test_what_a_pass_has_used_is_freed_within_it():
    """Of a sequence of checkpoints one at a time is in memory during the pass, and goes with its
    arguments."""
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    y = x
    for _ in range(8):
        y = checkpoint(chain, y, use_reentrant=False)
    y = y.sum()
    at_the_end = []
    x.register_hook(lambda g: at_the_end.append(in_use(torch)))
    before = in_use(torch)
    torch.reset_peak_memory_stats()
    y.backward()
    peak = torch.memory_stats()["allocated_bytes.peak"] - before
    assert peak < 10 * 4 * SIZE
    assert at_the_end[0] - before < -5 * 4 * SIZE


def test_what_the_graph_has_dropped_is_not_saved_again():
    torch, checkpoint = whygrad()
    x = torch.ones(SIZE, requires_grad=True)
    at_the_end = []

    def f(a):
        a = a * 1
        (slope,) = torch.autograd.grad(chain(a).sum(), a)
        return (a * slope).exp()

    y = checkpoint(f, x, use_reentrant=False).sum()
    x.register_hook(lambda g: at_the_end.append(in_use(torch)))
    before = in_use(torch)
    y.backward(retain_graph=True)
    assert at_the_end[0] - before < 3 * 4 * SIZE


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_pass_within_the_function_in_a_group(early_stop):
    """PyTorch fails with an assertion of its own."""
    torch, checkpoint = whygrad()
    calls = []

    def f(a):
        calls.append(a)
        b = (a * 2).sin()
        return (b * torch.autograd.grad(b.sum(), a, create_graph=True)[0]).exp()

    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with torch.utils.checkpoint.GraphExecGroup():
        y = checkpoint(f, w, use_reentrant=False, early_stop=early_stop)
        (got,) = torch.autograd.grad(y.sum(), w)
    assert len(calls) == 3
    assert got.equal(torch.autograd.grad(f(w).sum(), w)[0])


def test_graphs_die_without_the_collector():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)

    class Held:
        pass

    def make():
        held = Held()

        def f(a):
            return (a * (held is not None)).sin().exp()

        y = checkpoint(lambda a: checkpoint(f, a, use_reentrant=False), w, use_reentrant=False)
        return y, weakref.ref(held)

    gc.collect()
    gc.disable()
    try:
        y, ref = make()
        assert ref() is not None
        y.sum().backward()
        assert ref() is None  # the graph has been freed
        y, ref = make()
        del y
        assert ref() is None
        y, ref = make()
        torch.autograd.grad(y.sum(), w, retain_graph=True)
        assert ref() is not None
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_cycles_are_collected():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)

    class Model(torch.nn.Module):
        def forward(self, a):
            return (a * 2).sin().exp()

    model = Model()
    model.result = checkpoint(model, w, use_reentrant=False)
    ref = weakref.ref(model)
    del model
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_function_that_writes_to_what_it_saved(early_stop):
    """As without a checkpoint; unless the function is stopped before it writes."""
    torch, checkpoint = whygrad()
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def f(a):
        b = a * 2
        c = b.sin()
        b.add_(1)
        return c

    y = checkpoint(f, w, use_reentrant=False, early_stop=early_stop)
    if early_stop:
        y.sum().backward()
        np.testing.assert_allclose(w.grad.numpy(), 2 * np.cos([2.0, 4.0, 6.0]), rtol=1e-6)
        return
    with pytest.raises(RuntimeError) as plain:
        f(w).sum().backward()
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert str(caught.value) == str(plain.value).replace(", which is output 0 of Add,", "")


def test_a_function_that_catches_the_stop():
    """PyTorch fails with an assertion of its own; here the function ends and nothing is lost."""
    torch, checkpoint = whygrad()
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    caught = []

    def f(a):
        for attempt in range(3):
            try:
                return (a * 2).sin()
            except Exception as error:
                caught.append(error)
        return a

    checkpoint(f, w, use_reentrant=False).sum().backward()
    assert len(caught) == 3
    np.testing.assert_allclose(w.grad.numpy(), 2 * np.cos([2.0, 4.0, 6.0]), rtol=1e-6)


def test_groups_and_passes_of_threads():
    torch, checkpoint = whygrad()
    group = torch.utils.checkpoint.GraphExecGroup
    seen, grads = [], []
    weights = [torch.full((3,), float(i), requires_grad=True) for i in range(4)]
    results = [checkpoint(chain, w, use_reentrant=False) for w in weights]

    def work(y, w):
        seen.append(group._get_current_group())
        for _ in range(20):
            grads.append(torch.autograd.grad(y.sum(), w, retain_graph=True)[0].tolist())

    with group():
        threads = [threading.Thread(target=work, args=pair) for pair in zip(results, weights)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert seen == [None] * 4
    want = [torch.autograd.grad(chain(w).sum(), w)[0].tolist() for w in weights]
    assert len(grads) == 80 and all(g in want for g in grads)


# --- debug=True -----------------------------------------------------------------------------------


def failing(torch, **options):
    w = torch.ones(3, requires_grad=True)
    runs = iter([lambda a: a.sin().exp(), lambda a: a.double().cos().exp()])
    y = torch.utils.checkpoint.checkpoint(
        lambda a: next(runs)(a), w, use_reentrant=False, **options
    )
    with pytest.raises(torch.utils.checkpoint.CheckpointError) as caught:
        y.sum().backward()
    return caught.value


@pytest.mark.parametrize("how", ["argument", "context"])
def test_debug(how):
    """What PyTorch says, test_checkpoint.py compares; the places are those of the program."""
    torch, _ = whygrad()
    if how == "argument":
        error = failing(torch, debug=True)
    else:
        with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):
            error = failing(torch, debug=False)
    text = str(error)
    plain = failing(torch)
    assert str(error.__cause__) == str(plain) and isinstance(error.__cause__, type(plain))
    line = failing.__code__.co_firstlineno + 2
    assert len(re.findall(rf"^{re.escape(__file__)}:{line}:<lambda>$", text, re.M)) == 5
    assert "utils/checkpoint.py" not in text


def test_debug_off_and_undecided():
    torch, _ = whygrad()
    set_debug = torch.utils.checkpoint.set_checkpoint_debug_enabled
    tip = "Tip: To see a more detailed error message"
    with set_debug(False):
        assert tip in str(failing(torch, debug=True))
        with set_debug(None):
            assert tip not in str(failing(torch, debug=True))
            assert tip in str(failing(torch, debug=False))
    assert tip not in str(failing(torch, debug=True))


def test_tracebacks_show_the_function():
    torch, checkpoint = whygrad()
    w = torch.ones(3, requires_grad=True)
    runs = iter([False, True])

    def the_function(a):
        if next(runs):
            raise KeyError("again")
        return a.sin().exp()

    y = checkpoint(the_function, w, use_reentrant=False)
    with pytest.raises(KeyError) as caught:
        y.sum().backward()
    assert "the_function" in [f.name for f in traceback.extract_tb(caught.tb)]
