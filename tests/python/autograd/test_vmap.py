"""`torch.vmap`: which dims are mapped and where they go, what a function may do with a sample, random
numbers, and gradients through it. Operations are in test_vmap_operations.py.
"""

from __future__ import annotations

import warnings

import pytest
from parity import SELFTEST, SUMMED, data, numbers, parity, scripts, subject, table

SETUP = """
def vmap(f, *args, **options): return torch.vmap(f, **options)(*args)
def ident(a): return a
x = data(3, 4)
w = torch.ones(4)
"""

# --- dims -----------------------------------------------------------------------------------------

test_arguments = table(
    """
r = vmap(ident, x)
r = vmap(lambda a: a * 2, x)
r = vmap(lambda a: a * 2, x, in_dims=1)
r = vmap(lambda a: a * 2, x, in_dims=-1)
r = vmap(lambda a, b: a + b, x, w, in_dims=(0, None))
r = vmap(lambda a, b: a + b, x, w, in_dims=(1, None), out_dims=1)
r = vmap(lambda a, b: a * b, x, 3, in_dims=(0, None))
r = vmap(lambda d: d['a'] + d['b'], {'a': x, 'b': w}, in_dims=({'a': 0, 'b': None},))
r = vmap(lambda d: d['a'] + d['b'], {'a': x, 'b': x}, in_dims=(0,))
r = vmap(lambda p, q: p[0] + p[1] * q, (x, w), x, in_dims=((0, None), 0))
r = vmap(lambda p: p[0] + p[1], [x, x])
r = torch.vmap(lambda a, *, k: a + k)(x, k=w)
r = torch.vmap(lambda a, *, k: a + k)(x, k=torch.ones(3))
r = torch.vmap(lambda a, *, k: a + k)(x, k=2.0)
r = torch.vmap(torch.nn.functional.linear, in_dims=(0, None))(x, torch.ones(2, 4))
r = vmap(ident, torch.ones(0, 4))
r = vmap(lambda a: a.sin().sum(), torch.ones(0, 4))
r = vmap(lambda a: torch.addr(torch.ones(2, 4), a[:2], a), torch.ones(0, 4))
r = vmap(lambda a: a.select_scatter(torch.tensor(1.0), 0, 0), torch.ones(0, 4))
r = vmap(lambda a: a.diagonal_scatter(torch.ones(2)), torch.ones(0, 2, 2))
vmap(lambda: 3)
vmap(ident, 3)
vmap(lambda a, b: a, x, 3)
vmap(lambda a, b: a, x, 3, in_dims=(0,))
vmap(ident, x, in_dims='x')
vmap(ident, x, in_dims=[0])
vmap(ident, x, in_dims=None)
vmap(ident, x, in_dims=(0.5,))
vmap(ident, x, in_dims=(None,))
vmap(ident, x, in_dims=2)
vmap(ident, x, in_dims=-3)
vmap(ident, torch.ones(()))
vmap(lambda a, b: a, x, torch.ones(2))
vmap(lambda d: d, {'a': x}, in_dims=({'b': 0},))
vmap(torch.nn.ReLU(), 3)
import functools; vmap(functools.partial(torch.add, alpha=2), 3)
vmap(ident, x, randomness='none')
vmap(ident, x, chunk_size=0)
vmap(ident, x, chunk_size=-1)
torch.vmap(ident).__name__
torch.vmap is torch.func.vmap
""",
    setup=SETUP,
)

test_results = table(
    """
r = vmap(ident, x, out_dims=1)
r = vmap(ident, x, out_dims=-1)
r = vmap(lambda a: (a, a[0]), x)
r = vmap(lambda a: (a, a), x, out_dims=(0, 1))
r = vmap(lambda a: [a, a * 2], x, out_dims=[1, 0])
r = vmap(lambda a: {'a': a, 'b': a}, x, out_dims={'a': 0, 'b': 1})
r = vmap(lambda a: (a, {'z': a}), x, out_dims=(0, 1))
r = vmap(ident, x, out_dims=(1,))
r = vmap(lambda a: w, x)
r = vmap(lambda a: w, x, out_dims=None)
r = vmap(lambda a: (a, None), x, out_dims=(0, None))
r = vmap(lambda a: (a, 3), x, out_dims=(0, None))
r = vmap(lambda a: None, x, out_dims=None)
r = vmap(lambda a: (), x)
r = vmap(lambda a: a.max(0), x)
r = vmap(lambda a: a.max(0), x)[1]
vmap(lambda a: 3, x)
vmap(lambda a: None, x)
vmap(lambda a: (a, 'x'), x)
vmap(ident, x, out_dims=2)
vmap(ident, x, out_dims=None)
vmap(lambda a: (a, a), x, out_dims=(0,))
vmap(lambda a: (a, a), x, out_dims=[0, 0])
vmap(ident, x, out_dims=(0, 1))
vmap(ident, x, out_dims='x')
vmap(ident, x, out_dims=1.0)
""",
    setup=SETUP,
)

test_chunks = table(
    """
r = vmap(lambda a: a * 2, x, chunk_size=1)
r = vmap(lambda a: a * 2, x, chunk_size=2)
r = vmap(lambda a: a * 2, x, chunk_size=7)
r = vmap(lambda a: a * 2, x, chunk_size=2, in_dims=1, out_dims=1)
r = vmap(lambda a, b: (a + b, a), x, w, chunk_size=2, in_dims=(0, None), out_dims=(1, 0))
r = vmap(lambda a: {'a': a}, x, chunk_size=2)
r = vmap(lambda a: a + torch.rand(1), x, chunk_size=2, randomness='different')
r = vmap(lambda a: a + torch.rand(1), x, chunk_size=2, randomness='same')
""",
    setup=SETUP,
)

# --- what a sample is -----------------------------------------------------------------------------

test_questions = table(
    """
r = []; vmap(lambda a: (r.append((a.shape, a.dim(), a.ndim, len(a), a.numel(), a.size(), a.size(0), a.size(-1))), a)[1], x)
r = []; vmap(lambda a: (r.append((a.dtype, a.device, a.is_floating_point(), a.element_size(), a.itemsize)), a)[1], x)
r = []; vmap(lambda a: (r.append((a.stride(), a.stride(0), a.is_contiguous(), a.storage_offset())), a)[1], x, in_dims=1)
r = []; vmap(lambda a: (r.append((a.requires_grad, a.grad_fn, a.is_leaf, a.grad)), a * 2)[1], x.requires_grad_())
r = []; vmap(lambda a: (r.append(repr(a)), a)[1], x)
r = []; vmap(lambda a: (r.append(f'{a}'), a)[1], x)
r = []; torch.vmap(torch.vmap(lambda a: (r.append(repr(a)), a)[1]))(x)
r = []; vmap(lambda a: (r.append(repr(a)), a)[1], torch.ones(2, 2, 2))
r = []; vmap(torch.func.grad(lambda a: (r.append(repr(a * 2)), a.sum())[1]), x)
r = []; torch.func.grad(lambda a: vmap(lambda b: (r.append(repr(b * 2)), b)[1], a).sum())(x)
r = []; torch.vmap(torch.vmap(torch.func.grad(lambda a: (r.append(repr(a)), a)[1])))(x)
r = []; vmap(torch.func.grad(torch.func.grad(lambda a: (r.append(repr(a)), a)[1])), x[:, 0])
r = []; vmap(torch.func.grad(lambda a: vmap(lambda b: (r.append(repr(b)), b)[1], a).sum()), x)
r = []; vmap(lambda a: (r.append(isinstance(a, torch.Tensor)), a)[1], x)
S = type('S', (torch.Tensor,), {}); r = vmap(torch.sin, x.as_subclass(S)); type(r).__name__
S = type('S', (torch.Tensor,), {}); r = vmap(lambda a: a * 2, x.as_subclass(S), in_dims=1); type(r).__name__
asked = []; S = type('S', (torch.Tensor,), {'__torch_function__': classmethod(lambda c, f, *a: (asked.append(f.__name__), torch.Tensor.__torch_function__(f, *a))[1])}); r = vmap(torch.sin, x.as_subclass(S)); sorted(set(asked))
vmap(lambda a: a.sum().item(), x)
vmap(lambda a: a if a.sum() > 0 else -a, x)
vmap(lambda a: float(a.sum()), x)
vmap(lambda a: int(a.sum()), x)
vmap(lambda a: [1, 2, 3][a], torch.tensor([0, 1]))
vmap(lambda a: a.is_nonzero(), x[:, 0])
vmap(lambda a: a.tolist(), x)
vmap(lambda a: a.numpy(), x)
vmap(lambda a: a.data_ptr(), x)
vmap(lambda a: a.data, x)
vmap(lambda a: setattr(a, 'data', a), x)
r = vmap(torch.func.grad(lambda a: (a.data * a).sum()), x)
vmap(torch.func.grad(lambda a: a.sum() * a.sum().item()), x)
vmap(torch.func.grad(lambda a: a.sum() if a.sum() > 0 else -a.sum()), x)
vmap(lambda a: torch.zeros(a), torch.tensor([2, 2]))
vmap(lambda a: torch.arange(a), torch.tensor([2, 2]))
vmap(lambda a: w.view(a), torch.tensor([4, 4]))
vmap(lambda a: w.select(0, a), torch.tensor([1, 2]))
vmap(lambda a: w.roll(a), torch.tensor([1, 2]))
vmap(lambda a: w.repeat(a), torch.tensor([1, 2]))
vmap(lambda a: w.add(w, alpha=a), torch.tensor([1, 2]))
vmap(lambda a: w.norm(a), torch.tensor([1.0, 2.0]))
vmap(lambda a: f'{a.sum():.2f}', x)
vmap(lambda a: a if 3 in a else a, x)
r = []; vmap(lambda a: (r.append((a == 'a', a != 'a')), a)[1], x)
vmap(lambda a: torch.equal(a, a), x)
vmap(lambda a: torch.allclose(a, a), x)
vmap(lambda a: a.nonzero(), x)
vmap(lambda a: a.masked_select(a > 0), x)
vmap(lambda a: w.masked_select(a > 0), x)
vmap(lambda a: a.untyped_storage(), x)
vmap(lambda a: torch.where(a), x)
vmap(lambda a: a[a > 0], x)
vmap(lambda a: __import__('copy').deepcopy(a), x)
vmap(lambda a: torch.tensor([a[0], a[1]]), x)
vmap(lambda a: torch.arange(a[0]), x)
vmap(lambda a: torch.full((2,), a[0]), x)
vmap(lambda a: torch.full_like(a, a[0]), x)
vmap(lambda a, i: a[:i], x, torch.tensor([1, 2, 3]))
vmap(lambda a: a.requires_grad_(), x)
vmap(lambda a: a.requires_grad_(False), x)
vmap(lambda a: a.retain_grad(), x.requires_grad_())
vmap(lambda a: (a * torch.ones(4, requires_grad=True)).sum().backward(), x)
vmap(lambda a: torch.add(a, a, out=torch.empty(4)), x)
vmap(lambda a, b: torch.add(a, a, out=b), x, x)
r = vmap(lambda a: torch.as_tensor(a), x)
r = vmap(lambda a: a.new_tensor([1.0, 2.0]), x)
kept = []; vmap(lambda a: (kept.append(a), a)[1], x); r = repr(kept.pop())
vmap(lambda a: (globals().__setitem__('_k', a), a)[1], x); _k * 2
""",
    setup=SETUP,
)

test_faults = table(
    """
vmap(lambda a, b: a + b, x, torch.ones(3, 5))
vmap(lambda a: a.sum(3), x)
vmap(lambda a: a.softmax(3), x)
vmap(lambda a: a.cumsum(1), x)
vmap(lambda a: a.transpose(0, 1), x)
vmap(lambda a: a.permute(1, 0), x)
vmap(lambda a: a.squeeze(3), x)
vmap(lambda a: a.view(3), x)
vmap(lambda a: a.expand(3), x)
vmap(lambda a: a.expand(3), torch.ones(3, 2, 3))
vmap(lambda a: a.t(), torch.ones(2, 2, 2, 2))
vmap(lambda a: torch.cat([a, torch.ones(2, 2)]), x)
vmap(lambda a: torch.stack([a, torch.ones(2)]), x)
vmap(lambda a: a[7], x)
vmap(lambda a: a[0, 0], x)
vmap(lambda a: a[0], x[:, 0])
vmap(lambda a: list(a), x[:, 0])
vmap(lambda a: len(a), x[:, 0])
vmap(lambda a: a.gather(1, torch.tensor([0])), x)
vmap(lambda a: torch.mv(a, a), x)
vmap(lambda a: torch.mm(a, a), x)
vmap(lambda a: torch.bmm(a, a), x)
vmap(lambda a: torch.dot(a, a), torch.ones(3, 2, 4))
vmap(lambda a: a @ torch.ones(5, 2), x)
vmap(lambda a: a @ a, torch.ones(3))
vmap(lambda a: torch.nn.functional.linear(a, torch.ones(2, 3)), x)
vmap(lambda a: torch.nn.functional.one_hot(a), x.long())
vmap(lambda a, r: a.tensor_split(r), x, torch.ones(3, 1, dtype=torch.long))
vmap(lambda a: torch.sum(a, 'x'), x)
vmap(lambda a: torch.where(a > 0, a, torch.ones(7)), x)
""",
    setup=SETUP,
)

# No operation is run sample by sample, which a warning would say.
test_rules = table(
    """
r = vmap(lambda a: torch.addr(torch.ones(4, 4), a, w), x)
r = vmap(lambda a: a.select_scatter(w[0], 0, 1), x)
r = vmap(lambda a: a.slice_scatter(a[:1], 0, 3), x)
r = vmap(lambda a: a.view(2, 2).diagonal_scatter(w[:2]), x)
r = vmap(lambda a: torch.positive(a), x)
r = vmap(lambda a: torch.positive(a), x > 0)
r = vmap(lambda a: torch.view_copy(a, (2, 2)), x)
""",
    setup=SETUP,
)

# --- in place -------------------------------------------------------------------------------------

test_in_place = table(
    """
r = vmap(lambda a: a.add_(1), x)
r = vmap(lambda a: a.mul_(a), x); s = x
r = vmap(lambda a: a.copy_(w), x)
r = vmap(lambda a: a.fill_(a[0]), x)
r = vmap(lambda a: a.zero_(), x)
r = vmap(lambda a: a[1:].mul_(2), x)
r = vmap(lambda a: a.view(2, 2).t_(), x)
r = vmap(lambda a: a.unsqueeze_(0).sum(0), x)
r = vmap(lambda a: a.masked_fill_(a > 0, 1.0), x)
r = vmap(lambda a: a.index_add_(0, torch.tensor([0, 1]), a[2:].clone()), x)
r = vmap(lambda a: a.resize_(2, 2), x)
r = vmap(lambda a: (a.__setitem__(0, 5.0), a)[1], x)
r = vmap(lambda a: (a.__setitem__(0, a[1]), a)[1], x)
r = vmap(lambda a: (a.__setitem__(slice(1, 3), a[:2].clone()), a)[1], x)
r = vmap(lambda a: (a.__setitem__(torch.tensor([0, 2]), a[:2].clone()), a)[1], x)
r = vmap(lambda a, i: (a.__setitem__(i, 7.0), a)[1], x, torch.tensor([0, 1, 3]))
r = vmap(lambda a, i: (a.__setitem__(i, a[0]), a)[1], x, torch.tensor([0, 1, 3]))
vmap(lambda a: torch.ones(4).add_(a), x)
vmap(lambda a: torch.ones(4).mul_(a), x)
vmap(lambda a: torch.ones(4).copy_(a), x)
vmap(lambda a: torch.ones(4).masked_fill_(a > 2, 1.0), x)
vmap(lambda a: torch.ones(4).index_put_((torch.tensor([0, 1]),), a[:2]), x)
vmap(lambda a: torch.ones(4).index_add_(0, torch.tensor([0, 1]), a[:2]), x)
vmap(lambda a: torch.ones(4).scatter_add_(0, torch.tensor([0, 1]), a[:2]), x)
vmap(lambda a: torch.ones(4).fill_(a[0]), x)
vmap(lambda a: torch.ones(4).__setitem__(0, a[0]), x)
vmap(lambda a: torch.ones(4).__setitem__(torch.tensor([0, 1]), a[:2]), x)
vmap(lambda a: a.add_(torch.ones(2, 4)), x)
vmap(lambda a, b: a.add_(b), x, torch.ones(3, 2, 4))
""",
    setup=SETUP,
)


# For these PyTorch takes the samples one by one, with a warning.
@parity(
    tol=SUMMED,
    write=[
        "a.masked_fill_(a > 0, a[0])",
        "a.scatter_(0, torch.tensor([0, 1]), a[2:].clone())",
        "a.cumsum_(0)",
        "a.clamp_(min=0)",
        "a.pow_(2)",
        "a.lerp_(torch.ones(4), 0.5)",
        "a.addcmul_(a, a)",
        "a.view(2, 2).addmm_(a.view(2, 2).clone(), torch.ones(2, 2))",
        "a.index_copy_(0, torch.tensor([0, 1]), a[2:].clone())",
        "a.view(2, 2).tril_()",
    ],
)
def test_in_place_natively(torch, write):
    x = data(torch, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.vmap(lambda a: eval(write, {"torch": torch, "a": a}))(x)
    return numbers(torch, x)


@parity(
    write=[
        "torch.ones(4).masked_fill_(a > 2, torch.tensor(1.0))",
        "torch.ones(4).masked_fill_(torch.ones(4) > 2, a[0])",
        "torch.ones(4).pow_(a)",
        "torch.ones(2, 2).fill_diagonal_(a[0])",
    ],
    inside_grad=[False, True],
)
def test_refused_writes(torch, write, inside_grad):
    def run(x):
        return torch.vmap(lambda a: eval(write, {"torch": torch, "a": a}))(x)

    x = data(torch, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's says that it has no rule
        with pytest.raises(RuntimeError) as refused:
            (torch.func.grad(run) if inside_grad else run)(x)
    return str(refused.value)


# --- random numbers -------------------------------------------------------------------------------


@parity(
    draw=[
        "torch.rand(2)",
        "torch.randn(2)",
        "torch.randint(10, (2,))",
        "torch.randperm(4)",
        "torch.normal(0.0, 1.0, (2,))",
        "torch.normal(a, 1.0)",
        "torch.normal(torch.zeros(4), a.abs())",
        "torch.normal(torch.zeros(4), 1.0)",
        "torch.rand_like(a)",
        "torch.rand_like(torch.ones(2))",
        "torch.randint_like(a, 5)",
        "torch.rand_like(a, dtype=torch.float64)",
        "F.dropout(a)",
        "F.dropout(torch.ones(4))",
        "F.dropout(a, training=False)",
        "F.dropout(a, 0.0)",
        "F.dropout(a, inplace=True)",
        "a.normal_()",
        "torch.empty(2).normal_()",
        "torch.empty(2).uniform_()",
        "a.random_(5)",
        "a.uniform_()",
        "a.exponential_()",
        "torch.bernoulli(a.abs() / 3)",
        "torch.bernoulli(a, 0.5)",
        "a.bernoulli_(0.5)",
        "a.bernoulli_(torch.sigmoid(a))",
        "a.bernoulli_(torch.full((4,), 0.5))",
        "torch.ones(4).bernoulli_(torch.sigmoid(a))",
        "torch.bernoulli(torch.full((2,), 0.5))",
        "torch.multinomial(a.abs() + 0.1, 2)",
        "torch.multinomial(torch.ones(3), 2)",
        "torch.multinomial(torch.stack([a, a + 1]).abs() + 0.1, 2)",
        "torch.rand(1, generator=torch.Generator())",
    ],
    randomness=["error", "different", "same"],
)
def test_random(torch, draw, randomness):
    known = {"torch": torch, "F": torch.nn.functional}
    x = data(torch, 3, 4)
    yield lambda: numbers(
        torch, torch.vmap(lambda a: eval(draw, known, {"a": a}), randomness=randomness)(x)
    )
    yield numbers(torch, torch.rand(1))  # the generator has moved as far


@parity(outer=["error", "different", "same"], inner=["error", "different", "same"])
def test_random_nested(torch, outer, inner):
    def draw(a):
        return a + torch.rand(2)

    def f(a):
        return torch.vmap(draw, randomness=inner)(a) + torch.rand(1)

    x = data(torch, 3, 4, 2)
    yield lambda: numbers(torch, torch.vmap(f, randomness=outer)(x))
    yield lambda: numbers(
        torch,
        torch.vmap(
            lambda a: torch.vmap(lambda b: torch.rand_like(a), randomness=inner)(a),
            randomness=outer,
        )(x),
    )
    if "same" not in (inner, outer):
        weights = torch.rand(2, 3, 4)
        pick = torch.vmap(lambda a: torch.multinomial(a, 2), randomness=inner)
        yield lambda: numbers(torch, torch.vmap(pick, randomness=outer)(weights))


# --- nested ---------------------------------------------------------------------------------------


@parity(
    tol=SUMMED,
    expression=[
        "a + b",
        "a * b.sum()",
        "torch.stack([a, b])",
        "a @ b",
        "torch.where(a > 0, a, b)",
        "(a + 1).softmax(0) * b",
        "a[0] + b[1:]",
        "torch.cat([a, b]).view(2, -1).t()",
    ],
    dims=[
        "((0, 0), (0, 0))",
        "((0, None), (None, 0))",
        "((None, 0), (0, None))",
        "((1, 0), (0, 1))",
    ],
)
def test_nested(torch, expression, dims):
    (outer_a, outer_b), (inner_a, inner_b) = eval(dims)

    def size(outer, inner):
        return [n for n, d in ((3, outer), (3, inner)) if d is not None]

    a = data(torch, *size(outer_a, inner_a), 3)
    b = data(torch, *size(outer_b, inner_b), 3, salt=1)

    def f(a, b):
        return eval(expression, {"torch": torch, "a": a, "b": b})

    inner = torch.vmap(f, in_dims=(inner_a, inner_b))
    return numbers(torch, torch.vmap(inner, in_dims=(outer_a, outer_b))(a, b))


@parity(tol=SUMMED)
def test_three_levels(torch):
    def f(a, b, c):
        return (a * b).sum() + c.sin()

    g = torch.vmap(f, (0, None, None))
    g = torch.vmap(g, (None, 0, None), 1)
    g = torch.vmap(g, (None, None, 0), -1)
    r = g(data(torch, 2, 5), data(torch, 3, 5), data(torch, 4))
    return list(r.shape), numbers(torch, r)


# --- gradients ------------------------------------------------------------------------------------

test_gradients = scripts(
    tol=SUMMED,
    shared="""
        w = data(4, grad=True)
        x = data(3, 4)
        y = torch.vmap(lambda a: (a * w).sin().sum())(x)
        y.sum().backward()
        w.grad
    """,
    batched="""
        x = data(3, 4, grad=True)
        y = torch.vmap(lambda a: a * a)(x)
        y.sum().backward()
    """,
    in_no_grad="""
        x = data(3, 4, grad=True)
        def f(a):
            with torch.no_grad():
                b = a * 2
            return a * b
        y = torch.vmap(f)(x)
        y.sum().backward()
    """,
    detached="""
        x = data(3, 4, grad=True)
        y = torch.vmap(lambda a: a * a.detach())(x)
        y.sum().backward()
    """,
    rows="""
        w = data(3, grad=True)
        y = w * w * w
        r = torch.vmap(lambda v: torch.autograd.grad(y, w, v, retain_graph=True))(torch.eye(3))
        s = torch.vmap(lambda v: torch.autograd.grad(y, w, v))(torch.eye(3))
        torch.vmap(lambda v: torch.autograd.grad(y, w, v))(torch.eye(3))
    """,
    rows_of_two="""
        w, u = data(3, grad=True), data(3, grad=True, salt=1)
        y = w * u
        r = torch.vmap(lambda v: torch.autograd.grad(y, (w, u), v))(torch.eye(3))
    """,
    is_grads_batched="""
        w = data(3, grad=True)
        y = w * w
        r = torch.autograd.grad(y, w, torch.eye(3), is_grads_batched=True)
    """,
)


@parity(tol=SUMMED)
def test_is_grads_batched_recorded(torch):
    w, u = data(torch, 3, grad=True), data(torch, 2, grad=True)
    y, z = w * w, u.sum() * w
    given = torch.eye(3), torch.ones(3, 3)
    r = torch.autograd.grad((y, z), (w, u), given, is_grads_batched=True, create_graph=True)
    yield [numbers(torch, t) for t in r]
    yield torch.autograd.grad(r[0].sum() + r[1].sum(), w)
    unused = data(torch, 2, grad=True)
    yield torch.autograd.grad(
        w * w, (w, unused), torch.eye(3), is_grads_batched=True, allow_unused=True
    )[1]
    yield lambda: torch.autograd.grad((w * w,), (w,), (torch.eye(4),), is_grads_batched=True)


@parity(tol=SUMMED)
def test_is_grads_batched_faults(torch):
    w = data(torch, 3, grad=True)
    rows, one = data(torch, 2, 3), torch.tensor(1.0)
    grad = torch.autograd.grad
    yield lambda: grad(w * w, w, one, is_grads_batched=True)
    yield lambda: grad(w * w, w, is_grads_batched=True)
    yield lambda: grad((w * w).sum(), w, is_grads_batched=True)
    yield lambda: grad((w * w, w.sum()), w, (rows, None), is_grads_batched=True)
    yield lambda: grad(w * w, w, rows[:, :2], is_grads_batched=True)
    y = w * w
    yield numbers(torch, grad(y, w, rows, is_grads_batched=True)[0])
    yield lambda: grad(y, w, rows, is_grads_batched=True)


@pytest.mark.skipif(SELFTEST, reason="PyTorch's public vmap has no rule for dual tensors")
def test_dual_tensors():
    torch = subject()
    forward_ad = torch.autograd.forward_ad
    x, t = data(torch, 2, 3), data(torch, 2, 3, salt=1)

    def tangent(x, t):
        with forward_ad.dual_level():
            y = forward_ad.make_dual(x, t).sin()
            assert forward_ad.unpack_dual(y).primal.shape == (3,)
            return forward_ad.unpack_dual(y * y).tangent

    expected = 2 * x.sin() * x.cos() * t
    for in_dims, given in (((0, 0), (x, t)), ((None, 0), (x[0], t)), ((0, None), (x, t[0]))):
        rows = [
            tangent(*(g[i] if d == 0 else g for d, g in zip(in_dims, given, strict=True)))
            for i in range(2)
        ]
        assert torch.allclose(torch.vmap(tangent, in_dims)(*given), torch.stack(rows))
    assert torch.allclose(torch.vmap(tangent)(x, t), expected)


@parity(tol=SUMMED)
def test_parameters_of_samples(torch):
    x = data(torch, 4, 2)
    nn = torch.nn

    def square(x):
        p = nn.Parameter(x)
        assert isinstance(p, nn.Parameter)
        return (p * p).sum()

    def layer(x):
        m = nn.Identity()
        m.w = nn.Parameter(x)
        return m.w * len(list(m.parameters()))

    yield torch.vmap(square)(x)
    yield torch.vmap(layer)(x)
    yield torch.vmap(lambda x: nn.Parameter(x, requires_grad=False) * 2)(x)
    yield torch.vmap(torch.func.grad(lambda x: (nn.Parameter(x) * x).sum()))(x)


@parity(tol=SUMMED)
def test_ensemble(torch):
    """Models of one shape run as one, over the same inputs or each over its own."""
    nn = torch.nn
    weights = [
        (data(torch, 5, 4, salt=i), data(torch, 5, salt=i), data(torch, 2, 5, salt=i))
        for i in range(3)
    ]
    w, b, u = (torch.stack(p) for p in zip(*weights, strict=True))

    def model(w, b, u, x):
        return nn.functional.linear(nn.functional.linear(x, w, b).tanh(), u)

    x = data(torch, 7, 4)
    yield numbers(torch, torch.vmap(model, (0, 0, 0, None))(w, b, u, x))
    yield numbers(torch, torch.vmap(model, (0, 0, 0, 0))(w, b, u, data(torch, 3, 7, 4)))


@pytest.mark.parametrize("levels", [1, 3])
def test_no_level_stays_open(torch, levels):
    """After an error nothing is left of a `vmap`."""

    def fail(a):
        raise KeyError("own")

    f = fail
    for _ in range(levels):
        f = torch.vmap(f)
    with pytest.raises(KeyError, match="own"):
        f(torch.ones(2, 2, 2))
    torch.rand(2)
    assert torch.vmap(lambda a: a + 1)(torch.ones(2)).tolist() == [2.0, 2.0]
