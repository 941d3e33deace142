"""Every operation under `torch.vmap`, with each choice of batched operands.

A line of CASES is an expression of samples, the operands of SAMPLES. It runs under `vmap` with every
subset of its operands batched and is compared with PyTorch's result, with a loop over the samples, and its gradients
with the loop's.
"""

from __future__ import annotations

import ast
import itertools
import re
import warnings

import numpy as np
import pytest
from parity import attempt, data, reference, reset, subject

SIZE = 3

# Names of operands: shape of a sample and how it is made.
SAMPLES = {
    "a": {"shape": (4, 5)},
    "b": {"shape": (4, 5), "salt": 1},
    "c": {"shape": (2, 4, 5)},
    "d": {"shape": (2, 5, 3)},
    "e": {"shape": (2, 4, 3)},
    "m": {"shape": (5, 3)},
    "v": {"shape": (5,)},
    "w": {"shape": (5,), "salt": 1},
    "u": {"shape": (4,)},
    "s": {"shape": ()},
    "o": {"shape": (1, 5)},
    "q": {"shape": (4, 4)},
    "p": {"shape": (4, 5), "lo": 0.1, "hi": 0.9},
    "r": {"shape": (4, 5), "lo": 0.1, "hi": 0.9, "salt": 1},
    "h": {"shape": (5,), "lo": 0.1, "hi": 0.9},
    "f": {"shape": (4, 5), "dtype": "float32"},
    "z": {"shape": (), "dtype": "float32"},
    "n": {"shape": (4, 5), "dtype": "int64", "lo": -9, "hi": 9},
    "l": {"shape": (4, 5), "dtype": "int64", "lo": 0, "hi": 5, "salt": 1},
    "i": {"shape": (4, 5), "salt": 2},  # made places below 5, two to a row that differ
    "j": {"shape": (4,), "salt": 3},
    "x": {"shape": (), "dtype": "int64", "lo": 0, "hi": 4},
    "y": {"shape": (2, 2), "dtype": "int64", "lo": -4, "hi": 4},
    "t": {"shape": (4,), "dtype": "int64", "lo": 0, "hi": 5},
    "k": {"shape": (4, 5), "dtype": "bool"},
    "g": {"shape": (5,), "dtype": "bool"},
}

CASES = """
a + b
a + v
v - a
a * s
s * 2
s + z
f + s
z * n
s / n
2 - a
a / 3
3 / p
a ** 2
2 ** a
p ** r
n // 2
n % 3
-a
abs(a)
~k
n & l
n | 3
k ^ g
n << 1
l >> 1
a == b
a < s
a >= 0
n != l
torch.add(a, v, alpha=2)
torch.add(a, other=v)
torch.sub(v, a, alpha=0.5)
torch.rsub(a, v)
a.mul(v)
a.true_divide(p)
torch.div(a, p, rounding_mode='floor')
torch.floor_divide(n, 3)
torch.addcmul(a, b, v)
torch.addcdiv(a, b, h, value=2)
torch.lerp(a, b, 0.3)
torch.lerp(a, b, p)
torch.maximum(a, v)
torch.minimum(s, a)
torch.fmod(a, 0.7)
torch.atan2(a, b)
torch.hypot(a, v)
torch.xlogy(p, r)
torch.where(k, a, b)
torch.where(g, a, s)
torch.where(k, a, 0.0)
torch.where(a > 0, a, v)
a.where(k, b)
torch.clamp(a, -1, 1)
torch.clamp(a, min=s)
torch.clamp(a, v, 1 + v)
a.clamp(max=0.5)
torch.clip(a, 0, 1)
a.exp().sin()
p.log()
p.logit()
torch.round(a, decimals=1)
torch.isclose(a, b, rtol=10)
torch.isnan(a)
torch.logical_and(k, g)
torch.sigmoid(a)
torch.tanh(s)
F.relu(a)
F.relu6(a)
F.gelu(a, approximate='tanh')
F.selu(a)
F.elu(a, 0.5)
F.celu(a)
F.silu(a)
F.mish(a)
F.softplus(a)
F.softsign(a)
F.tanhshrink(a)
F.leaky_relu(a, 0.2)
F.hardtanh(a)
F.hardswish(a)
F.hardsigmoid(a)
F.hardshrink(a)
F.softshrink(a)
F.threshold(a, 0.1, 0.2)
F.logsigmoid(a)
F.prelu(a, v)
F.prelu(a, v[:1])
F.glu(c, 1)
F.normalize(a, dim=0)
F.softmax(a, -1)
F.softmin(a, 0)
F.log_softmax(a, 1)
torch.softmax(s, 0)
a.softmax(0, dtype=torch.float32)
a.masked_fill(k, 2.0)
a.masked_fill(g, s)
v.masked_fill(k, 1.0)
a.type_as(f)
a.to(f)
a.to(torch.float32)
a.float()
a.clone()
a.contiguous()
a.detach()
torch.zeros_like(a)
torch.ones_like(a)
torch.full_like(a, 2.0)
a.new_zeros(2, 3)
a.new_zeros((2, 3))
a.new_ones(2)
a.new_full((2,), 7.0)
a.new_zeros(())
torch.broadcast_tensors(a, v)
a.sum()
a.sum(0)
a.sum((0, 1))
a.sum(-1, keepdim=True)
a.sum(dim=1, dtype=torch.float32)
a.sum(())
s.sum()
s.sum(0)
s.sum(-1, keepdim=True)
torch.sum(a, 1)
a.mean()
a.mean(1)
a.mean((0, 1), keepdim=True)
n.sum()
a.amax()
a.amax(0)
a.amin((0, 1), True)
a.aminmax()
a.aminmax(dim=1)
a.max()
a.max(1)
a.min(0, keepdim=True)
torch.max(a, b)
torch.min(a, v)
a.argmax()
a.argmax(1)
a.argmin(0, keepdim=True)
a.argmax(keepdim=True)
a.prod()
a.prod(1)
a.prod(0, keepdim=True)
a.var()
a.var(0)
a.var(1, unbiased=False)
a.std(dim=1, correction=0)
a.std(unbiased=False)
torch.var_mean(a)
torch.var_mean(a, 1)
torch.std_mean(a, dim=0, keepdim=True)
a.logsumexp(0)
a.logsumexp((0, 1))
a.nansum(1)
a.nanmean()
a.nanmean(1)
n.count_nonzero()
n.count_nonzero(0)
k.all()
k.any(1)
k.all(0, keepdim=True)
k.any(dim=(0, 1))
a.norm()
a.norm(1)
a.norm(2, 1)
a.norm(float('inf'), 0, True)
torch.linalg.vector_norm(a, 3, 1)
torch.dist(a, b)
torch.dist(a, v, 1)
a.cumsum(0)
a.cumsum(-1)
s.cumsum(0)
a.cumprod(1)
q.trace()
a.view(20)
a.view(2, -1)
a.view((5, 4))
a.reshape(-1)
a.reshape(2, 10)
a.t().reshape(-1)
s.reshape(1, 1)
a.ravel()
s.ravel()
a.flatten()
c.flatten(1)
c.flatten(0, 1)
s.flatten()
a.unflatten(0, (2, 2))
a.permute(1, 0)
c.permute((2, 0, 1))
c.permute(-1, 0, 1)
a.transpose(0, 1)
c.transpose(-1, 0)
c.swapaxes(0, 2)
s.transpose(0, -1)
a.t()
v.t()
a.T
c.mT
torch.adjoint(c)
c.movedim(0, 2)
c.movedim((0, 1), (1, 2))
torch.moveaxis(c, 0, -1)
v.expand(4, 5)
o.expand(4, -1)
s.expand(2, 3)
v.expand_as(a)
torch.broadcast_to(v, (2, 4, 5))
a.view_as(b)
a.reshape_as(m.new_zeros(10, 2))
o.squeeze()
o.squeeze(0)
o.squeeze((0, 1))
s.squeeze(0)
a.unsqueeze(0)
a.unsqueeze(-1)
s.unsqueeze(0)
a.select(1, 2)
a.select(-1, -1)
a.narrow(1, 1, 3)
a.split(2)
a.split([1, 4], 1)
a.split(3, dim=-1)
torch.split(a, 2)
a.split_with_sizes([1, 3])
a.tensor_split(3)
a.tensor_split((1, 2), 1)
a.hsplit(1)
a.hsplit([1, 2])
v.hsplit((1,))
a.vsplit(1)
a.vsplit([1])
c.dsplit([1])
a.hsplit(7)
v.vsplit(1)
a.chunk(2)
a.chunk(2, -1)
a.unbind()
a.unbind(1)
a.unfold(1, 2, 2)
s.unfold(0, 1, 1)
a.diagonal()
a.diagonal(1)
c.diagonal(0, 1, 2)
a.as_strided((2, 2), (1, 2))
a.flip(0)
a.flip((0, 1))
a.roll(1)
a.roll(2, 1)
a.roll((1, 2), (0, 1))
a.tril()
a.triu(1)
a.repeat(2, 1)
a.repeat(2, 1, 1)
v.tile(2)
v.tile((2, 2))
a.repeat_interleave(2)
a.repeat_interleave(2, 1)
a.sum_to_size(1, 5)
a.sum_to_size(5)
torch.cat([a, b])
torch.cat((a, b, a), 1)
torch.cat([a, o], dim=0)
torch.concat([a, b], -1)
torch.stack([a, b])
torch.stack([v, w], dim=-1)
torch.stack([s, s])
torch.hstack([v, w])
torch.hstack([a, b])
torch.vstack([v, w])
torch.vstack([a, v])
torch.dstack([v, w])
torch.column_stack([v, w])
torch.column_stack([u, a])
torch.atleast_1d(s)
torch.atleast_2d(v)
torch.atleast_3d(v)
torch.atleast_3d(a)
torch.atleast_2d(s, v)
torch.meshgrid(v, u, indexing='ij')
torch.meshgrid(v, u, s, indexing='xy')
torch.cartesian_prod(v, u)
a @ m
a @ v
v @ m
v @ w
c @ d
c @ m
a @ d
v @ d
c @ v
torch.matmul(u, a)
torch.matmul(v, c.transpose(1, 2))
torch.mm(a, m)
torch.bmm(c, d)
torch.mv(a, v)
torch.dot(v, w)
torch.vdot(v, w)
torch.vdot(torch.complex(v, w), torch.complex(w, w + v)).abs()
torch.outer(v, u)
torch.ger(v, u)
torch.inner(a, v)
torch.inner(a, b)
torch.addmm(e[0], a, m, beta=2, alpha=0.5)
torch.addmm(v[:3], a, m)
torch.addmv(u, a, v)
torch.baddbmm(e, c, d)
torch.addbmm(e[0], c, d, beta=0.5)
torch.kron(a, o)
torch.kron(v, a)
torch.tensordot(a, m, 1)
torch.tensordot(c, a, ([1, 2], [0, 1]))
torch.einsum('ij,jk->ik', a, m)
torch.einsum('ij,ij', a, b)
torch.einsum('bij,bjk', c, d)
torch.einsum('...j,j->...', c, v)
torch.einsum('ij->', a)
torch.einsum('ii->i', q)
F.linear(a, b)
F.linear(v, a)
F.linear(a, b, u)
F.linear(v, a, u)
F.linear(c, b, u)
F.bilinear(a, m.t()[:, :3].repeat(2, 1)[:4], q[:2].reshape(2, 4)[:, :3].repeat(1, 5).reshape(2, 5, 3))
F.layer_norm(a, (5,))
F.layer_norm(a, (5,), v, w)
F.layer_norm(a, (4, 5))
F.rms_norm(a, (5,), v)
F.cosine_similarity(a, b)
F.cosine_similarity(a, v, 0)
F.cosine_similarity(v, w, dim=-1)
F.pairwise_distance(a, b)
F.pairwise_distance(a, v, 1, keepdim=True)
F.embedding(l, a.repeat(2, 1))
F.embedding(l, a.repeat(2, 1), padding_idx=1)
F.embedding(x, a)
F.one_hot(l, 6)
F.mse_loss(a, b)
F.mse_loss(a, b, reduction='none')
F.l1_loss(a, b, reduction='sum')
F.smooth_l1_loss(a, b)
F.huber_loss(a, b, delta=0.5)
F.mse_loss(s, s * 2)
F.kl_div(a, p)
F.kl_div(a, p, reduction='batchmean', log_target=True)
F.binary_cross_entropy(p, r)
F.binary_cross_entropy(p, r, h)
F.binary_cross_entropy(p, r, reduction='none')
F.binary_cross_entropy_with_logits(a, p)
F.binary_cross_entropy_with_logits(a, p, h, pos_weight=h, reduction='sum')
F.nll_loss(a, t)
F.nll_loss(a, t, h)
F.nll_loss(a, t, reduction='none')
F.nll_loss(a, t, ignore_index=1)
F.nll_loss(v, x)
F.cross_entropy(a, t)
F.cross_entropy(v, x)
F.cross_entropy(a, t, h, reduction='sum')
F.cross_entropy(a, t, h)
F.cross_entropy(a, t, reduction='none', ignore_index=2)
F.cross_entropy(a, p)
F.cross_entropy(a, p, h, label_smoothing=0.1)
F.cross_entropy(v, h)
F.cross_entropy(a, t, label_smoothing=0.2)
F.cross_entropy(c, l[:2] % 4)
a[0]
a[-1, 2]
a[1:3]
a[:, ::2]
a[..., 1]
a[None]
a[:, None, 1:]
a[[0, 2]]
a[[0, 2], [1, 1]]
a[:, [0, 2]]
a[j]
a[j, 1]
a[1, i[:, 0]]
a[j, j]
a[:, i[:, 0]]
a[y]
a[j[:, None], i[:2]]
c[:, j, 1]
c[0, :, i]
c[x % 2, j]
c[:, j, 1:]
c[j % 2, :, j]
c[..., i]
c[1:, j]
c[None, :, j]
a.index_select(0, j)
a.index_select(1, i[:, 0])
s.index_select(0, x * 0)
a.gather(1, i)
a.gather(0, j[:, None])
a.take(i)
torch.take_along_dim(a, i, 1)
torch.take_along_dim(a, l)
torch.take_along_dim(a, -1 - l, -1)
torch.take_along_dim(a, -1 - l)
a.scatter(1, i, b[:, :2])
a.scatter(1, i, 2.0)
a.detach().scatter(1, i, b[:, :2].detach(), reduce="add")
a.scatter_add(1, i, b[:, :2])
a.index_add(0, j, b[:2])
a.index_add(1, j, b[:, :2], alpha=2)
a.index_copy(0, j[:1], b[:1])
a.index_fill(0, j, 3.0)
a.index_fill(1, j, s)
a.index_put((j,), v)
a.index_put((j, j), s, accumulate=True)
a.index_put((j,), b[:2], True)
a.masked_scatter(k, b)
torch.linspace(0, 1, 3) + s
a.is_floating_point() and a
len(a) * a
a.shape[0] * a
a.size(-1) * a
a.numel() * a
a.dim() * a
sum(a)
sum(row.sum() for row in a)
torch.stack([x * 2 for x in a])
list(a)
torch.copysign(a, v)
torch.copysign(a, 2.0)
torch.nan_to_num(a, nan=1.0)
torch.float_power(p, v)
a.float_power(2)
torch.select_copy(a, -1, 2)
torch.narrow_copy(a, 0, 1, 2)
torch.unbind_copy(a, 1)
torch.split_with_sizes_copy(a, [1, 4], 1)
torch.diagonal_copy(a)
torch.unfold_copy(a, 1, 2, 2)
torch.transpose_copy(a, 0, -1)
torch.permute_copy(c, (2, 0, 1))
torch.view_copy(a, (2, 10))
torch.t_copy(a)
torch.squeeze_copy(o, 0)
torch.expand_copy(o, (4, 5))
torch.slice_copy(a, 1, 1, 4, 2)
torch.unsqueeze_copy(a, -1)
torch.alias_copy(a)
torch.positive(a)
a.unsafe_chunk(2, 1)
a.unsafe_split(3)
torch.select_scatter(a, u, 1, 0)
torch.slice_scatter(a, o, 0, 1, 2)
torch.diagonal_scatter(q, u)
v.select_scatter(s, 0, 2)
a.scatter_reduce(1, l, b, "sum")
a.scatter_reduce(1, l, b, "amax", include_self=False)
a.clone().scatter_reduce_(1, l, b, "mean")
a.put(y, q[:2, :2])
a.index_reduce(1, t, a[:, :4], "amin")
torch.addr(a, u, v, beta=2, alpha=3)
torch.addr(k, k[:, 0], g, beta=2, alpha=3)
torch.argwhere(a * 0 + 1)
a.renorm(2, 0, 1.0)
a.clone().nan_to_num_()
a.clone().fill_diagonal_(2.0)
a.new_tensor([1.0, 2.0]) + s
a.stride(0) * a
a.is_contiguous() * a
torch.result_type(a, f).itemsize * a
"""


def operands_of(case: str) -> list[str]:
    names = [n.id for n in ast.walk(ast.parse(case)) if isinstance(n, ast.Name)]
    bound = {c.target.id for c in ast.walk(ast.parse(case)) if isinstance(c, ast.comprehension)}
    return sorted({n for n in names if n in SAMPLES} - bound)


def make(torch, name, batched, grad=False):
    options = dict(SAMPLES[name])
    shape = options.pop("shape")
    options.setdefault("dtype", "float64")
    if name in "ij":
        places = np.argsort(
            array(data(torch, *((SIZE, *shape) if batched else shape), **options)), -1
        )
        return torch.from_numpy(places[..., :2].copy())
    grad = grad and options["dtype"].startswith("float") and name != "h"
    return data(torch, *((SIZE, *shape) if batched else shape), grad=grad, **options)


def flat(value):
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v)]
    return [value]


def function(torch, case, names):
    known = {"torch": torch, "F": torch.nn.functional}
    code = compile(case, "<case>", "eval")
    return lambda *values: eval(code, {**known, **dict(zip(names, values, strict=True))})


def mapped(torch, case, batched, grad=False):
    """The operands, and the results under `vmap`."""
    names = operands_of(case)
    operands = [make(torch, n, n in batched, grad) for n in names]
    in_dims = tuple(0 if n in batched else None for n in names)
    results = flat(torch.vmap(function(torch, case, names), in_dims)(*operands))
    return operands, results


def looped(torch, case, batched, grad=False):
    names = operands_of(case)
    operands = [make(torch, n, n in batched, grad) for n in names]
    run = function(torch, case, names)
    rows = [
        flat(run(*(o[r] if n in batched else o for n, o in zip(names, operands, strict=True))))
        for r in range(SIZE)
    ]
    return operands, [torch.stack(parts) for parts in zip(*rows, strict=True)]


def array(tensor):
    return tensor.detach().numpy()


def same(got, expected):
    assert str(got.dtype) == str(expected.dtype)
    assert tuple(got.shape) == tuple(expected.shape)
    np.testing.assert_allclose(array(got), array(expected), rtol=1e-6, atol=1e-7)


def subsets(names):
    return [c for n in range(1, len(names) + 1) for c in itertools.combinations(names, n)]


def gradients(torch, operands, results):
    total = 0
    for i, r in enumerate(results):
        if r.requires_grad and r.dtype.is_floating_point:
            weights = data(torch, *r.shape, dtype="float64", salt=i).to(r.dtype)
            total = total + (r * weights).sum()
    wanted = [o for o in operands if o.requires_grad]
    if isinstance(total, int) or not wanted:
        return []
    return torch.autograd.grad(total, wanted, allow_unused=True)


# Messages of PyTorch for what it cannot map, and whygrad can.
ONLY_OURS = "Batching rule not implemented|We could not generate a fallback|inplace arithmetic"
# Results that are not the loop's.
WRONG_IN_TORCH = {"a.argmax(keepdim=True)", "a.index_fill(1, j, s)"}
LINES = CASES.strip().splitlines()


@pytest.mark.parametrize("case", LINES)
def test_operation(case):
    torch, whygrad = reference(), subject()
    for batched in subsets(operands_of(case)):
        reset(torch)
        reset(whygrad)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = attempt(lambda: mapped(torch, case, batched)[1])
            ours = attempt(lambda: mapped(whygrad, case, batched)[1])
            if isinstance(theirs, dict) and re.search(ONLY_OURS, theirs["message"]):
                theirs = None
            if isinstance(theirs, dict):
                assert isinstance(ours, dict), f"{batched}: {theirs}"
                assert ours == theirs
                continue
            assert not isinstance(ours, dict), f"{batched}: {ours}"
            operands, ours = mapped(whygrad, case, batched, grad=True)
            operands_loop, loop = looped(whygrad, case, batched, grad=True)
            if theirs is None or case in WRONG_IN_TORCH:
                theirs = loop
            assert len(ours) == len(theirs) == len(loop)
            for o, t, one in zip(ours, theirs, loop, strict=True):
                same(o, t)
                same(o, one)
            found = gradients(whygrad, operands, ours)
            expected = gradients(whygrad, operands_loop, loop)
            for g, e in zip(found, expected, strict=True):
                assert (g is None) == (e is None), batched
                if g is not None:
                    same(g, e)
