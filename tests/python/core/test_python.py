"""Tensors as Python objects: conversion, iteration, formatting, copying, pickling, attributes."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import copy
import gc
import pickle
import weakref

from parity import DTYPES, data, parity, subject, table

test_conversion = table(
    """
s.item(); float(s); int(s); bool(s); complex(s)
i.item(); float(i); int(i); bool(i); hex(i); range(i); [10, 20, 30, 40][i]; i.__index__()
b.item(); float(b); int(b); bool(b); b.__index__()
torch.tensor([2.5]).item(); float(torch.tensor([[2.5]])); int(torch.tensor([2.9])); bool(torch.tensor([0.0]))
x.item()
float(x)
int(x)
bool(x)
bool(torch.zeros(0))
torch.zeros(0).item()
x.__index__()
s.__index__()
range(s)
if x: pass
not s; s and 1; s or 2; bool(torch.tensor(float("nan")))
int(torch.tensor(float("nan")))
int(torch.tensor(float("inf")))
int(torch.tensor(1e30)); int(torch.tensor(-2.7)); float(torch.tensor(2**53 + 1)); int(torch.tensor(2**62))
round(s); round(s, 1)
import math; math.sqrt(s); math.floor(s); math.ceil(s)
math = __import__("math"); math.trunc(s)
f"{s}"; f"{s:.2f}"; f"{s:5.1e}"; f"{i:d}"; f"{i:05}"; f"{b}"; f"{s!r}"; format(s, ".1f"); str(s); repr(i)
f"{x}"
f"{x:.2f}"
f"{s.requires_grad_():.2f}"; f"{torch.tensor([1.5])}"
f"{torch.tensor([1.5]):.2f}"
"%.2f %d %s" % (s, i, s)
len(x); len(torch.zeros(0)); len(torch.zeros(2, 0))
len(s)
list(x); list(torch.zeros(0)); [v for v in torch.tensor([1, 2])]; next(iter(x)); tuple(torch.arange(2))
iter(s)
for v in s: pass
a, b, c = x
a, b = x
a, *rest = x
dict(zip("ab", torch.tensor([1, 2])))
sum(torch.tensor([1, 2, 3])); max(torch.tensor([1, 5, 3])); min(torch.tensor([1, 5, 3])); sorted(torch.tensor([3, 1, 2]))
any(torch.tensor([0, 1])); all(torch.tensor([0, 1])); list(enumerate(torch.tensor([5]))); list(reversed(torch.tensor([1, 2])))
reversed(x)
list(map(float, torch.tensor([1.5, 2]))); list(zip(x, x))[0]; [*torch.tensor([1, 2])]
2.5 in torch.tensor([1.0, 2.5]); 3 in torch.tensor([1, 2]); s in torch.tensor([2.5]); x[0] in x
"a" in x
None in x
[1] in x
hash(x) == hash(x); hash(x) == id(x); len({x, x, x.clone()}); {x: 1}[x]
x is x; x.view(-1) is x; x[0] is x[0]; x.T is x.T; x.data is x.data; x.shape is x.shape; x.dtype is torch.float32
x == x; (x == x).all(); x != x; x.eq(x).sum() == x.numel(); torch.equal(x, x); x in [x]
s in [s]
x.a = 1; x.a; x.__dict__
getattr(x, "nonsense", None)
getattr(x, "nonsense")
getattr(torch, "nonsense")
x.requires_grad = 1
x.requires_grad = None
x.grad = 1
x.data = 1
del x.grad; x.grad
x.is_floating_point(); x.is_complex(); x.is_signed(); i.is_signed(); s.is_nonzero()
isinstance(x, torch.Tensor); type(x).__name__; torch.is_tensor(x); callable(x); bool(x.size()); isinstance(3, torch.Tensor)
isinstance(nn.Parameter(x), torch.Tensor); type(nn.Parameter(x)).__name__; nn.Parameter(x) + 1; nn.Parameter(x).requires_grad
nn.Parameter(x, requires_grad=False).requires_grad; nn.Parameter(i)
nn.Parameter(x).data; nn.Parameter(x).detach(); nn.Parameter(x).is_leaf; nn.Parameter(torch.ones(1)).clone()
x(); 1
x < 3 < 5
-(x > 0)
1 if x.sum() > 0 else 2; x.sum() < 1e9; 0 < s < 3; s == 2.5; s != 2.5; not s == 2.5
x.dim() == x.ndim == len(x.shape); x.shape[0] * x.shape[1]; x.shape[-1]; x.size() == (3, 4); x.shape == torch.Size([3, 4])
a, b = x.shape; [*x.shape, 5]; x.shape + (1,); torch.zeros(*x.shape).shape; torch.zeros(x.shape).shape; x.view(*x.shape).shape
str(x.shape); f"{x.shape}"; x.shape.numel(); tuple(x.shape); list(x.shape); x.shape.index(4); x.shape.count(3)
torch.set_grad_enabled(False); x.clone().requires_grad_() * 2
torch.no_grad; torch.Tensor; torch.nn.functional.relu(x)
""",
    setup="""
x = data(3, 4); s = torch.tensor(2.5); i = torch.tensor(3); b = torch.tensor(True)
""",
)


@parity(dtype=DTYPES)
def test_numbers_of_every_dtype(torch, dtype):
    x = data(torch, 3, dtype=dtype, lo=0, hi=4)
    yield x.tolist(), x[0].item(), float(x[1]), int(x[1]), bool(x[2]), type(x[0].item()).__name__
    yield repr(x[0].item()), list(x), x[0] in x, f"{x[0]}"


@parity
def test_deepcopy(torch):
    x = data(torch, 3, 4)
    yield copy.deepcopy(x), copy.deepcopy(x) is x, copy.copy(x)
    yield copy.deepcopy(x.t()), copy.deepcopy(x[1:, ::2])
    leaf = data(torch, 3, grad=True)
    (leaf * 2).sum().backward()
    yield copy.deepcopy(leaf)
    yield lambda: copy.deepcopy(leaf * 2)
    twice = copy.deepcopy([leaf, leaf, leaf.detach()])
    yield twice, twice[0] is twice[1]
    twice[2].add_(1)
    yield twice
    shallow, tail = copy.copy(x), copy.copy(x[1:])
    shallow[1] = 5
    yield x, shallow, tail, tail.storage_offset(), copy.copy(leaf * 2), copy.copy(leaf).grad
    parameter = copy.deepcopy(torch.nn.Parameter(x))
    yield parameter, type(parameter).__name__
    tagged = x.clone()
    tagged.tag = "kept"
    yield copy.deepcopy(tagged).tag


@parity(protocol=(2, 4, 5))
def test_pickle(torch, protocol):
    for dtype in DTYPES:
        x = data(torch, 3, 4, dtype=dtype, lo=0, hi=9)
        for value in (x, x.t(), x[1:, 1], x[:0], x[0, 0]):
            yield pickle.loads(pickle.dumps(value, protocol))
    yield pickle.loads(pickle.dumps(data(torch, 3, grad=True), protocol))
    yield pickle.loads(pickle.dumps(data(torch, 3, grad=True) * 2, protocol))
    yield pickle.loads(pickle.dumps(torch.nn.Parameter(torch.ones(2)), protocol))
    yield pickle.loads(
        pickle.dumps([torch.float16, torch.Size([2]), torch.device("cpu")], protocol)
    )
    x = torch.zeros(4)
    pair = pickle.loads(pickle.dumps((x, x[1:]), protocol))
    pair[0].add_(1)
    yield pair


def test_identity_survives(torch):
    """A tensor held only by the engine keeps its Python object, attributes included."""
    x = torch.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    x.grad.tag = "mine"
    name = id(x.grad)
    gc.collect()
    assert x.grad is x.grad and id(x.grad) == name and x.grad.tag == "mine"
    leaf = torch.ones(2, requires_grad=True)
    leaf.tag = "leaf"
    y = leaf * 2
    del leaf
    gc.collect()
    assert y.grad_fn.next_functions[0][0].variable.tag == "leaf"


def test_weak_references(torch):
    x = torch.ones(3)
    alive = weakref.ref(x)
    assert alive() is x
    del x
    gc.collect()
    assert alive() is None


@parity
def test_too_large(torch):
    """An allocation that fails leaves everything usable."""
    for numel in (10**13, 2**50):
        yield lambda: torch.empty(numel)
        yield lambda: torch.ones(1).expand(numel).clone()
        yield lambda: torch.ones(3).resize_(numel)
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    yield lambda: y.repeat(10**12)
    y.sum().backward()
    yield y, x.grad


def test_memory_stats():
    torch = subject()
    torch.empty_cache()
    before = torch.memory_stats()
    x = torch.ones(1 << 20)
    during = torch.memory_stats()
    assert during["allocated_bytes.current"] == before["allocated_bytes.current"] + x.nbytes
    assert during["reserved_bytes.current"] >= before["reserved_bytes.current"] + x.nbytes
    assert during["num_allocs"] == before["num_allocs"] + 1
    x = None
    after = torch.memory_stats()
    assert after["allocated_bytes.current"] == before["allocated_bytes.current"]
    assert after["reserved_bytes.current"] == during["reserved_bytes.current"]  # kept for reuse
    assert after["allocated_bytes.peak"] >= during["allocated_bytes.current"]
    torch.reset_peak_memory_stats()
    assert torch.memory_stats()["allocated_bytes.peak"] == after["allocated_bytes.current"]
    x = torch.zeros(1 << 20)
    assert torch.memory_stats()["num_cache_hits"] > after["num_cache_hits"]
    x = None
    torch.empty_cache()
    assert torch.memory_stats()["reserved_bytes.current"] <= before["reserved_bytes.current"]


test_named_results = table(
    """
[R.n_fields, R.n_sequence_fields, R.n_unnamed_fields, R.__match_args__, R.__module__, R.__name__, R.__mro__[1:]]
r = R((1, 2)); r, R([3, 4]).indices, r == (1, 2), len(r), hash(r) == hash((1, 2)), r[:1], r + (3,)
R((1,))
R((1, 2, 3))
R(1, 2)
R()
told(lambda r: r.foo), told(lambda r: setattr(r, "values", 3)), told(lambda r: setattr(r, "z", 3))
hasattr(R, "_fields"), hasattr(R, "_asdict"), isinstance(R((1, 2)), tuple)
r = copy.copy(x.max(0)); s = copy.deepcopy(x.max(0)); t = pickle.loads(pickle.dumps(R((1, 2)))); type(t) is R
r = matched(x.max(0)); s = matched(R((1, 2)))
repr(x.max(0)), str(x.aminmax())
"pytree_register_structseq" in torch.return_types.__all__, R in torch.return_types.all_return_types
""",
    setup="""
import copy, pickle
x = torch.arange(6.0).view(2, 3)
R = torch.return_types.max
def told(f):
    try: f(R((1, 2)))
    except AttributeError as error: return str(error)
def matched(r):
    match r:
        case R(values, indices): return indices, values
""",
)
