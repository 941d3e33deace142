"""What writes do to histories beside ordinary in-place operations: out= of functions that make tensors and of
copies of parts, shapes that in-place products refuse; and what shares memory with other processes.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import multiprocessing
import os
import re

import pytest
from parity import GRADIENT, SELFTEST, parity, scripts, subject, table

# Each writes into `o`, a tensor of three elements.
FACTORIES = """
torch.full((3,), 2.0, out=o)
torch.zeros(3, out=o)
torch.ones(3, out=o)
torch.arange(3.0, out=o)
torch.linspace(0, 1, 3, out=o)
torch.logspace(0, 1, 3, out=o)
torch.eye(3, 1, out=o)
torch.rand(3, out=o)
torch.randn(3, out=o)
torch.randint(3, (3,), out=o)
torch.randperm(3, out=o)
torch.range(0, 2, out=o)
torch.normal(0.0, 1.0, (3,), out=o)
""".strip().splitlines()


@parity(row=FACTORIES, grad_mode=(True, False))
def test_factories(torch, row, grad_mode):
    """A leaf that requires grad is refused, what has a history gets a node without a formula."""

    def of(make):
        made = make()
        o, *others = made if isinstance(made, tuple) else (made,)
        with torch.set_grad_enabled(grad_mode):
            try:
                result = eval(row, {"torch": torch, "o": o})
                yield result is o
            except RuntimeError as error:
                yield error
        yield [(t._version, t.requires_grad, t.is_leaf, t.shape, t.grad_fn) for t in (o, *others)]
        for t in (o, *others):
            if t.grad_fn:
                yield lambda t=t: t.sum().backward()

    leaf = torch.ones(4, requires_grad=True)
    yield from of(lambda: torch.ones(3, dtype=torch.int64 if "randperm" in row else None))
    yield from of(lambda: torch.ones(3, requires_grad=True))
    yield from of(lambda: leaf[:3] * 2)
    yield from of(lambda: (leaf * 2)[:3].detach())
    yield from of(lambda: (lambda b: (b[:3], b))(leaf * 2))
    yield from of(lambda: (lambda b: (b[:3], b))(torch.ones(4)))
    yield from of(lambda: torch.ones(2))
    yield from of(lambda: torch.ones(2, requires_grad=True) * 2)
    yield from of(lambda: torch.ones(1).expand(3))


test_empty = table("""
o = torch.ones(3); torch.empty(3, out=o) is o; o._version
(lambda o: (torch.empty(3, out=o).shape, o._version))(torch.ones(2))
o = torch.ones(3, requires_grad=True) * 1; torch.empty(3, out=o)
o = torch.ones(3, requires_grad=True) * 1; torch.zeros(3, out=o, requires_grad=True).requires_grad; o.grad_fn
o = torch.ones(3); torch.full((3,), 1.0, out=o, requires_grad=True).requires_grad
""")

test_products_in_place = table(
    """
data(2, 4).addmm_(a, b)
data(2, 3).addmm_(2, a, b)
data(2, 3).addmm_(2, 0.5, a, b)
data(2, 4).addmm_(2, a, b)
data(2, 3, 1).addmm_(a, b)
data(5, 4, 3).addmm_(a, b)
data(1, 3).addmm_(a, b)
data(3).addmm_(a, b)
data().addmm_(a, b)
data(2, 3).addmm_(a, a)
data(2, 4, dtype="float64").addmm_(a, b)
data(1, 3).expand(2, 3).addmm_(a, b)
data(2, 3).addmm_(a, b, beta=2, alpha=0.5)
y = data(2, 3, grad=True) * 1; y.addmm_(a, w); y.grad_fn; y._version; y.sum().backward(); w.grad
data(2, 3, grad=True).addmm_(a, b)
data(2).addmv_(b, data(3))
data(1, 4).addmv_(b, data(3))
data(3, 5).baddbmm_(data(2, 3, 4), data(2, 4, 5))
data(1, 3, 5).baddbmm_(data(2, 3, 4), data(2, 4, 5))
data(2, 3).addr_(data(3), data(3))
""",
    setup="a = data(2, 4); b = data(4, 3); w = data(4, 3, grad=True)",
    tol=GRADIENT,
)

test_parts_into_out = table(
    """
torch.unbind_copy(a, out=o); o
torch.unbind_copy(a, 0, out=list(o)); [t._version for t in o]
torch.unbind_copy(a, 1, out=o)
torch.unbind_copy(a, out=o[:2])
torch.unbind_copy(a, out=())
torch.unbind_copy(a, out=o[0])
torch.unbind_copy(a, out=tuple(torch.zeros(4, dtype=torch.float64) for _ in range(3)))
torch.unbind_copy(a, out=tuple(torch.zeros(0) for _ in range(3)))
torch.unbind_copy(g, out=o); [t.requires_grad for t in o]
torch.unbind_copy(a, out=h)
torch.unbind_copy(a, out=None)
torch.split_copy(a, 2, out=p); p
torch.split_copy(a, 2, 0, out=p); [t._version for t in p]
torch.split_copy(a, 1, out=p)
torch.split_copy(a, 2, 1, out=p)
torch.split_copy(g, 2, out=p); [t.requires_grad for t in p]
torch.split_copy(a, 1, out=tuple(t[None] for t in h)); h
torch.split_with_sizes_copy(a, [2, 1], out=p); p
torch.split_with_sizes_copy(a, [1, 1], out=p)
torch.split_with_sizes_copy(a, [1, 1, 1], out=p)
torch.split_with_sizes_copy(g, (2, 1), 0, out=p); [t._version for t in p]
""",
    setup="""
a = data(3, 4); g = data(3, 4, grad=True)
o = tuple(torch.zeros(4) for _ in range(3)); p = torch.zeros(2, 4), torch.zeros(1, 4)
h = tuple(torch.zeros(4, requires_grad=True) for _ in range(3))
""",
)

test_without_derivative = scripts(
    view_of_an_input="""
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                y = x.view(-1)
                ctx.mark_non_differentiable(y)
                return y
            @staticmethod
            def backward(ctx, g):
                return g
        x = torch.ones(2, 2, requires_grad=True)
        b = x * 2
        y = F.apply(b)
        y.grad_fn
        b.mul_(3)
        y.grad_fn
        y.is_leaf
        y * 2
        y.view(4)
        y.mul_(2)
        y.requires_grad
        """,
)

test_accumulation = scripts(
    recorded="""
        x = torch.ones(3, requires_grad=True)
        w = torch.zeros(3)
        x.grad = w
        x.sum().backward()
        x.grad is w
        x.sum().backward(create_graph=True)
        x.grad is w
        w._version
        (x * x).sum().backward(create_graph=True)
        x.grad.grad_fn
        x.grad.sum().backward()
        """,
)


@pytest.mark.skipif(SELFTEST, reason="PyTorch loses the gradient of the whole base")
def test_a_function_without_gradient_for_a_view_that_it_wrote():
    torch = subject()

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            ctx.mark_dirty(v)
            return v.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return None

    x = torch.ones(3, requires_grad=True)
    base = x * 2
    F.apply(base[0])
    base.sum().backward()
    assert x.grad.tolist() == [0, 2, 2]


test_equal_parts = table(
    """
torch.hsplit(x, 3); torch.hsplit(v, 3); x.hsplit(2); c.hsplit(2)
torch.hsplit(x, [1, 4]); torch.hsplit(x, (1, 4)); x.hsplit([2]); x.hsplit((2, 3)); x.hsplit(2, 3)
torch.hsplit(x, []); torch.hsplit(x, [-2])
torch.hsplit(x, 4)
torch.hsplit(v, 4)
torch.hsplit(data(), 2)
torch.hsplit(x, 0)
torch.hsplit(x, -1)
torch.vsplit(x, 2); x.vsplit([1, 2]); x.vsplit(4); c.vsplit(1)
x.vsplit(3)
torch.vsplit(v, 2)
torch.vsplit(v, [2])
torch.dsplit(c, 2); c.dsplit([2, 3])
c.dsplit(4)
torch.dsplit(x, 2)
torch.dsplit(x, [2])
torch.hsplit(x, 2.0)
torch.hsplit(x)
torch.hsplit(x, torch.tensor(2))
torch.hsplit(x, torch.tensor([2, 3]))
torch.hsplit(input=x, sections=2); x.hsplit(indices=[1])
[y.grad_fn for y in torch.hsplit(x, 2)]; sum((y * y).sum() for y in torch.hsplit(x, 2)).backward(); x.grad
b = x * 1; y = b.vsplit(2)[0]; y.mul_(2); b.grad_fn; y.grad_fn
""",
    setup="x = data(4, 6, grad=True); v = data(6); c = data(2, 4, 6)",
)

test_shared_memory = scripts(
    one_process="""
        x = torch.ones(3)
        x.is_shared()
        x.share_memory_() is x
        x.is_shared(), x[1:].is_shared(), x.detach().is_shared()
        (x * 1).is_shared(), x.clone().is_shared()
        x._version
        x.untyped_storage().is_shared()
        x.untyped_storage().share_memory_().is_shared()
        m = nn.Linear(2, 2)
        m.share_memory() is m
        m.weight.is_shared()
        v = torch.arange(4.0)
        u = v[2:]
        u.share_memory_()
        v.is_shared()
        v.add_(1)
        w = torch.ones(2, requires_grad=True)
        w.share_memory_()
        (w * w).sum().backward()
        w.grad.is_shared()
        z = torch.ones(2).share_memory_()
        z.set_(torch.ones(3))
        z.is_shared()
        torch.ones(0).share_memory_().is_shared()
        big = torch.arange(1000.0).share_memory_()
        big.sum()
        n = torch.from_numpy(np.arange(3.0)).share_memory_()
        n.is_shared()
        n.add_(1)
        """,
)


def test_shared_with_a_forked_process():
    torch = subject()
    shared, apart = torch.zeros(3).share_memory_(), torch.zeros(3)

    def write():
        shared.add_(1)
        apart.add_(1)

    process = multiprocessing.get_context("fork").Process(target=write)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert shared.tolist() == [1, 1, 1] and apart.tolist() == [0, 0, 0]


def test_shared_memory_is_given_back():
    torch = subject()

    def mapped():
        with open(f"/proc/{os.getpid()}/maps") as maps:
            return len(re.findall(r"rw-s .*(?:/dev/zero|deleted)", maps.read()))

    before = mapped()
    tensors = [torch.ones(5000).share_memory_() for _ in range(3)]
    assert mapped() > before
    tensors.clear()
    assert mapped() == before
