"""Selective checkpoints of whygrad alone: that what is kept is not computed again, what memory it
takes, random functions against the same without a checkpoint, and where PyTorch is wrong."""

from __future__ import annotations

import functools
import random
import threading

import pytest
from autograd.test_checkpoint_memory import random_function, whygrad


def selective(torch, policy, **options):
    """`checkpoint` with this policy."""
    checkpoint = torch.utils.checkpoint
    contexts = functools.partial(checkpoint.create_selective_checkpoint_contexts, policy, **options)

    def run(function, *args):
        return checkpoint.checkpoint(function, *args, use_reentrant=False, context_fn=contexts)

    return run


# A function of a vector, and the operations of it to keep. The operand is a vector of 2.25.
KEPT = {
    "exp.default": lambda F, a: a.exp().sin(),
    "mul.Tensor": lambda F, a: (a * a).sin(),
    "pow.Tensor_Scalar": lambda F, a: (a**3).sin(),
    "sigmoid.default": lambda F, a: a.sigmoid().sin(),
    "gelu.default": lambda F, a: F.gelu(a).sin(),
    "mm.default": lambda F, a: (a.view(4, 1) @ a.view(1, 4)).sin(),
    "bmm.default": lambda F, a: (a.view(1, 4, 1) @ a.view(1, 1, 4)).sin(),
    "dot.default": lambda F, a: (a @ a).sin(),
    "_softmax.default": lambda F, a: a.softmax(0).sin(),
    "_log_softmax.default": lambda F, a: a.log_softmax(0).sin(),
    "native_layer_norm.default": lambda F, a: F.layer_norm(a, (4,)).sin(),
    "sum.default": lambda F, a: a.sum().sin(),
    "sum.dim_IntList": lambda F, a: a.sum(0).sin(),
    "mean.default": lambda F, a: a.mean().sin(),
    "var.correction": lambda F, a: a.var(0).sin(),
    "max.dim": lambda F, a: a.max(0)[0].sin(),
    "cumsum.default": lambda F, a: a.cumsum(0).sin(),
    "cumprod.default": lambda F, a: a.cumprod(0).sin(),
    "linalg_vector_norm.default": lambda F, a: a.norm().sin(),
    "logsumexp.default": lambda F, a: a.logsumexp(0).sin(),
    "clone.default": lambda F, a: a.clone().sin(),
    "_to_copy.default": lambda F, a: a.double().sin(),
    "mse_loss.default": lambda F, a: F.mse_loss(a, a * 2).sin(),
    "glu.default": lambda F, a: F.glu(a).sin(),
    "tril.default": lambda F, a: a.view(2, 2).tril().sin(),
}


def all_kept(name):
    return lambda context, op, *args, **kwargs: op.__name__ == name


BEFORE = [2.25, 2.25, 2.25, 2.5]
AFTER = [0.5, -1.0, 3.0, 0.25]


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_not_computed_again(name):
    """The operand is changed behind the back of everybody: what runs again sees it."""
    torch, _ = whygrad()
    function = functools.partial(KEPT[name], torch.nn.functional)

    def saved_by_sine(run, values, then=None):
        a = torch.tensor(values, requires_grad=True)
        y = run(function, a)
        if then is not None:
            a.data.copy_(torch.tensor(then))
        return y.grad_fn._saved_self.tolist()

    def plain(function, a):
        return function(a)

    want, other = saved_by_sine(plain, BEFORE), saved_by_sine(plain, AFTER)
    assert want != other
    assert saved_by_sine(selective(torch, all_kept(name)), BEFORE, AFTER) == want
    assert saved_by_sine(selective(torch, all_kept("none")), BEFORE, AFTER) == other


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_memory(kept):
    """After the first run there is what the policy says and the argument, nothing else."""
    torch, _ = whygrad()
    count = 0

    def policy(context, op, *args, **kwargs):
        nonlocal count
        count += op is torch.ops.aten.sigmoid.default
        return op is torch.ops.aten.sigmoid.default and count <= kept

    def function(a):
        for _ in range(8):
            a = a.sigmoid() * 2
        return a.sum()

    n = 1 << 18
    a = torch.ones(n, requires_grad=True)
    before = torch.memory_stats()["allocated_bytes.current"]
    y = selective(torch, policy)(function, a)
    taken = torch.memory_stats()["allocated_bytes.current"] - before
    assert kept * 4 * n <= taken < kept * 4 * n + n
    y.backward()
    want = a.grad.clone()
    a.grad = None
    function(a).backward()
    assert torch.equal(a.grad, want)
    del y, want
    a.grad = None
    assert torch.memory_stats()["allocated_bytes.current"] - before < n


def test_nothing_is_allocated_for_what_is_kept():
    """The run in the backward pass makes no results where all are there."""
    torch, _ = whygrad()

    def function(a):
        for _ in range(8):
            a = a.sigmoid()
        return a.sum()

    def peak(policy):
        a = torch.ones(1 << 18, requires_grad=True)
        y = selective(torch, policy)(function, a)
        held = torch.memory_stats()["allocated_bytes.current"]
        torch.reset_peak_memory_stats()
        y.backward()
        return torch.memory_stats()["allocated_bytes.peak"] - held

    everything = peak(lambda *args, **kwargs: True)
    nothing = peak(lambda *args, **kwargs: False)
    result = 4 << 18
    assert everything < 3 * result and nothing >= 8 * result


@pytest.mark.parametrize("seed", range(40))
def test_random_functions(seed):
    """Any policy gives the gradients that there are without a checkpoint, or says that a write
    stands in its way."""
    torch, _ = whygrad()
    rng = random.Random(seed)

    def policy(context, op, *args, **kwargs):
        return "_." not in op.__name__ and rng.random() < 0.6

    def gradients(checkpoint):
        function = random_function(torch, checkpoint, random.Random(seed), 2)
        a = torch.tensor([0.1, 0.4, -0.3, 0.8], requires_grad=True)
        weight = torch.tensor([1.5, -0.5, 0.25, 2.0], requires_grad=True)
        y = checkpoint(function, a, weight)
        return torch.autograd.grad(y.sum(), [a, weight], allow_unused=True)

    want = gradients(lambda function, *args: function(*args))
    try:
        got = gradients(selective(torch, policy, allow_cache_entry_mutation=False))
    except RuntimeError as error:
        assert str(error).endswith("has been mutated")
        return
    for g, w in zip(got, want, strict=True):
        assert (g is None and w is None) or torch.equal(g, w)


def test_writes():
    """An operation that writes runs again where its result is kept and may be written to; PyTorch
    gives the gradient of the operand as it was before."""
    torch, _ = whygrad()
    a = torch.tensor([0.5, 1.5], requires_grad=True)
    run = selective(torch, [torch.ops.aten.add_.Tensor], allow_cache_entry_mutation=True)
    run(lambda x: (x * 2).add_(1).sin(), a).sum().backward()
    assert torch.allclose(a.grad, 2 * (2 * a.detach() + 1).cos())


def test_random_numbers_after_those_that_are_kept():
    """They are the same in both runs; in PyTorch others are drawn the second time."""
    torch, _ = whygrad()
    aten = torch.ops.aten
    torch.manual_seed(0)
    drawn = []

    def function(a):
        factor = torch.rand(3)
        noise = torch.bernoulli(torch.full((3,), 0.5))
        drawn.append((factor * 1, noise * 1))
        return (a * factor * noise).sin()

    a = torch.ones(3, requires_grad=True)
    y = selective(torch, [aten.rand.default])(function, a)
    y.sum().backward()
    assert len(drawn) == 2
    assert all(torch.equal(one, two) for one, two in zip(*drawn, strict=True))


def test_forward_mode():
    """A tangent is computed: nothing stands for an operation that has one."""
    torch, _ = whygrad()
    forward = torch.autograd.forward_ad
    a = torch.tensor([0.5, 1.5], requires_grad=True)
    with forward.dual_level():
        dual = forward.make_dual(a, torch.tensor([1.0, 2.0]))
        y = selective(torch, lambda *args, **kwargs: True)(lambda x: x.exp().sin(), dual)
        tangent = forward.unpack_dual(y).tangent
        (g,) = torch.autograd.grad(tangent.sum(), a)
        want = forward.unpack_dual(dual.exp().sin()).tangent
        (h,) = torch.autograd.grad(want.sum(), a)
        assert torch.equal(tangent, want) and torch.equal(g, h)


def test_threads():
    """Each thread has its own watchers."""
    torch, _ = whygrad()
    other = []

    def policy(context, op, *args, **kwargs):
        thread = threading.Thread(target=lambda: other.append(torch.ones(2).exp().sum().item()))
        thread.start()
        thread.join()
        return True

    a = torch.ones(2, requires_grad=True)
    y = selective(torch, policy)(lambda x: x.exp().sin(), a)
    y.sum().backward()
    assert len(other) == 2 and a.grad is not None


def test_a_failing_function_leaves_nobody_watching():
    torch, _ = whygrad()
    asked = []

    def policy(context, op, *args, **kwargs):
        asked.append(op)
        return True

    def fails(x):
        x.exp()
        raise KeyError("x")

    with pytest.raises(KeyError):
        selective(torch, policy)(fails, torch.ones(2, requires_grad=True))
    torch.ones(2).exp()
    assert asked == [torch.ops.aten.exp.default]


def test_contexts_left_at_a_wrong_time():
    """Left twice, in another thread or while they listen: an error, and those that watch go on."""
    torch, _ = whygrad()
    create = torch.utils.checkpoint.create_selective_checkpoint_contexts
    x = torch.ones(3)
    context, _ = create(lambda *args, **kwargs: True)

    def leave():
        with pytest.raises(RuntimeError, match="innermost watcher"):
            context.__exit__(None, None, None)

    leave()
    seen = []

    def policy(_, op, *args, **kwargs):
        seen.append(str(op))
        with pytest.raises(RuntimeError, match="innermost watcher"):
            listening.__exit__(None, None, None)
        return False

    listening, _ = create(policy)
    with context:
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        with listening:
            x.exp()
            x.sin()
    x.cos()
    leave()
    assert seen == ["aten.exp.default", "aten.sin.default"]
