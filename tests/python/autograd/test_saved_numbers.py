"""What nodes show: the tensors that they save, and the numbers, sizes, dims and flags beside them: `grad_fn._saved_dim`.

A case is an expression; every node behind it is looked at.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import parity

ROWS = """
x+y
torch.add(x, y, alpha=2)
x+2
x-y
x-2
2-x
torch.sub(x, y, alpha=2)
x*y
x*2
x/y
x/2
2/x
torch.div(x, y, rounding_mode="floor")
torch.div(x, 2, rounding_mode="trunc")
x//y
x.fmod(y)
x.fmod(2)
x%y
x%2
2%x
x**y
x**2
x**3.5
2**x
x.square()
torch.maximum(x, y)
torch.minimum(x, y)
x.atan2(y)
x.hypot(y)
torch.addcmul(x, y, y, value=2)
torch.addcdiv(x, y, y, value=2)
x.lerp(y, 0.3)
x.lerp(y, y)
x.clamp(0, 1)
x.clamp(0)
x.clamp(max=1)
x.clamp(y, y)
x.clamp_min(0.5)
x.clamp_min(y)
x.clamp_max(0.5)
x.clamp_max(y)
torch.where(m, x, y)
-x
x.abs()
x.sign()
x.sgn()
x.reciprocal()
x.floor()
x.ceil()
x.round()
x.round(decimals=2)
x.trunc()
x.frac()
x.exp()
x.exp2()
x.expm1()
x.log()
x.log2()
x.log10()
x.log1p()
x.xlogy(y)
torch.xlogy(x, 2)
torch.xlogy(2, x)
x.logit()
x.logit(0.1)
x.sqrt()
x.rsqrt()
x.sin()
x.cos()
x.tan()
x.asin()
x.acos()
x.atan()
x.sinh()
x.cosh()
x.tanh()
x.asinh()
(x+1).acosh()
x.atanh()
x.erf()
x.erfc()
x.sigmoid()
x.relu()
F.leaky_relu(x)
F.elu(x)
F.celu(x)
F.selu(x)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.silu(x)
F.mish(x)
F.softplus(x)
F.logsigmoid(x)
F.hardtanh(x)
F.relu6(x)
F.hardsigmoid(x)
F.hardswish(x)
F.softshrink(x)
F.hardshrink(x)
F.threshold(x, 0.5, 1)
F.prelu(x, torch.ones(1, requires_grad=True, dtype=torch.float64))
F.leaky_relu(x*1, inplace=True)
F.elu(x*1, inplace=True)
F.celu(x*1, inplace=True)
F.threshold(x*1, 0.5, 1, inplace=True)
F.hardtanh(x*1, inplace=True)
(x*1).eq_(y)
(x*1).eq_(1)
x.sum()
x.sum(0)
x.sum(0, keepdim=True)
x.sum((0, 1))
x.mean()
x.mean(0)
x.mean((0, 1), keepdim=True)
x.amax(0)
x.amin((0, 1))
x.amax()
torch.aminmax(x)[0]
torch.aminmax(x, dim=0)[0]
x.max()
x.min()
x.max(0)[0]
x.min(1, keepdim=True)[0]
x.prod()
x.prod(0)
x.nansum()
x.nansum(0)
x.nanmean()
x.var()
x.var(0)
x.var((0, 1), correction=2, keepdim=True)
x.std()
x.std(0)
torch.var_mean(x)[0]
torch.std_mean(x, 0)[0]
x.logsumexp(0)
x.norm()
x.norm(3)
x.norm(2, 0)
torch.linalg.vector_norm(x)
x.dist(y)
x.cumsum(0)
x.cumsum(0, dtype=torch.float32)
x.cumprod(0)
x.softmax(0)
x.log_softmax(1)
F.softmax(x, 0, dtype=torch.float32)
x.trace()
F.glu(torch.cat([x, x], 1))
F.cosine_similarity(x, y)
F.layer_norm(x, (3, ))
F.mse_loss(x, y)
F.l1_loss(x, y)
F.smooth_l1_loss(x, y)
F.huber_loss(x, y)
F.kl_div(x, y)
F.binary_cross_entropy(x, y.detach())
F.binary_cross_entropy_with_logits(x, y)
F.nll_loss(x, torch.tensor([0, 1]))
F.nll_loss(x, torch.tensor([0, 1]), weight=torch.ones(3, dtype=torch.float64))
F.cross_entropy(x, torch.tensor([0, 1]))
x.matmul(w)
x.mm(w)
b3.bmm(b3)
x.mv(v)
v.dot(v)
v.vdot(v)
v.outer(v)
torch.addmm(s2, x, w, beta=2, alpha=3)
torch.addmv(v2, x, v, beta=2, alpha=3)
torch.baddbmm(b3, b3, b3, beta=2, alpha=3)
torch.addbmm(w, b3, b3, beta=2, alpha=3)
torch.kron(x, x)
F.linear(x, w)
F.linear(x, w, v)
F.linear(b3, w)
x.clone()
x.contiguous()
x.t().contiguous()
x.float()
x.to(torch.float32)
(x*1).copy_(y)
(x*1).fill_(2)
(x*1).fill_(y[0, 0])
(x*1).zero_()
x.view(-1)
x.view(3, 2)
x.reshape(-1)
x.t().reshape(-1)
x.t()[None].reshape(2, 3)
x.flatten()
x.permute(1, 0)
x.transpose(0, 1)
x.t()
x.movedim(0, 1)
x.expand(2, 2, 3)
x[None].squeeze()
x[None].squeeze(0)
x[None].squeeze((0, ))
x.unsqueeze(0)
x.select(0, 1)
x[1]
x[-1]
x[:, 1:2]
x[:1]
x[0:9:2]
x.narrow(0, 0, 1)
x.split(1)[0]
x.split([1, 1])[0]
x.chunk(2)[0]
x.unbind()[0]
x.unfold(0, 2, 1)
x.diagonal()
x.diagonal(1, 0, 1)
x.as_strided((2, ), (1, ))
x.as_strided((2, ), (1, ), 1)
x.view(torch.float64)
(x*1).t_()
(x*1).transpose_(0, 1)
(x*1).squeeze_()
(x*1).squeeze_(0)
(x*1).unsqueeze_(0)
(x*1).as_strided_((2, ), (1, ))
torch.cat([x, y])
torch.stack([x, y])
torch.hstack([x, y])
x.repeat(2, 1)
x.tile(2)
x.repeat_interleave(2)
x.repeat_interleave(2, 0)
x.roll(1)
x.roll((1, 1), (0, 1))
x.flip(0)
x.tril()
x.triu(1)
(x*1).tril_()
x.index_select(0, i)
x.gather(0, i[None])
x.take(i)
x.masked_select(m)
x[m]
x[i]
x[:, i]
x[i, i]
F.embedding(i, x)
x.index_put((i, ), y[:1])
x.index_put((i, ), y[:1], accumulate=True)
x.index_add(0, i, y[:1])
x.index_add(0, i, y[:1], alpha=2)
x.index_copy(0, i, y[:1])
x.index_fill(0, i, 2)
x.index_fill(0, i, y[0, 0])
x.scatter(0, i[None], 2)
x.scatter(0, i[None], y)
x.scatter(0, i[None], 2, reduce="add")
x.masked_scatter(m, y)
x.scatter_add(0, i[None], y)
x.masked_fill(m, 2)
x.masked_fill(m, y[0, 0])
(x*1).uniform_()
(x*1).normal_()
(x*1).bernoulli_()
(x*1).exponential_()
(x*1).random_()
(x*1).log_normal_()
(x*1).cauchy_()
(x*1).geometric_(0.5)
torch.normal(x, 1.0)
torch.normal(1.0, x)
x.bernoulli()
torch.cartesian_prod(v, v)
torch.meshgrid(v, v)[0]
torch.rsub(x, y)
torch.rsub(x, 2, alpha=3)
x.sum_to_size(1, 3)
x.addcmul(y, y)
x.float_power(2)
x.nan_to_num()
x.copysign(y)
x.copysign(2)
x.relu().grad_fn(torch.ones(2, 3, dtype=torch.float64))
G(x.tanh(), x)
G(x.sigmoid(), x)
G(x.relu(), x)
G(F.leaky_relu(x), x)
G(F.elu(x), x)
G(F.gelu(x), x)
G(F.softplus(x), x)
G(F.hardtanh(x), x)
G(F.hardswish(x), x)
G(F.softshrink(x), x)
G(F.hardshrink(x), x)
G(F.threshold(x, .5, 1), x)
G(F.logsigmoid(x), x)
G(F.prelu(x, w[:1, 0]), x)
G(x.select(0, 1), x)
G(x[:, 1:], x)
G(x.diagonal(), x)
G(x.unfold(0, 2, 1), x)
G(x.softmax(0), x)
G(x.log_softmax(0), x)
G(F.glu(torch.cat([x, x], 1)), x)
G(F.mse_loss(x, y), x)
G(F.l1_loss(x, y), x)
G(F.smooth_l1_loss(x, y), x)
G(F.huber_loss(x, y), x)
G(F.binary_cross_entropy(x, y.detach()), x)
G(F.nll_loss(x, torch.tensor([0, 1])), x)
G(x.max(0)[0], x)
G(x.gather(0, i[None]), x)
G(x.prod(0), x)
G(x.cumprod(0), x)
G(x.norm(3), x)
G(x.as_strided((2, ), (1, )), x)
G(x.logit(0.1), x)
G(x.masked_select(m), x)
G(x.cumsum(0), x)
G(x.repeat(2, 1), x)
x.sum(-1)
x.select(-1, -1)
x[:, -2:]
x[-1:]
x[1:1]
x.narrow(-1, -2, 1)
x.split(1, -1)[0]
x.split_with_sizes([1, 2], -1)[0]
x.tensor_split(2, -1)[0]
x.chunk(2, -1)[0]
x.unbind(-1)[0]
x.transpose(-1, 0)
x.permute(-1, 0)
x.unsqueeze(-1)
x[None].squeeze(-3)
x[None].squeeze((-3, ))
x.diagonal(-1, -1, -2)
x.softmax(-1)
x.log_softmax(-1)
x.cumsum(-1)
x.cumprod(-1)
x.prod(-1)
x.amax(-1)
x.max(-1)[0]
x.mean((-1, -2))
x.var(-1)
x.std((-1, -2), correction=-1)
x.std(-1, unbiased=False)
x.logsumexp(-1)
x.norm(dim=-1)
torch.cat([x, x], -1)
torch.stack([x, x], -1)
x.flip(-1)
x.roll(-1, -1)
x.index_select(-1, torch.tensor([0]))
x.gather(-1, torch.tensor([[0]]))
torch.add(x, y, alpha=-1)
torch.add(x, y, alpha=0.5)
torch.add(x, y, alpha=1.0)
x.tril(-1)
x.unfold(-1, 2, 1)
x.index_add(-1, torch.tensor([0]), y[:, :1], alpha=-2)
x.repeat_interleave(2, -1)
x.select_scatter(y[0], -2, -1)
x.slice_scatter(y[:, :2], -1, -2)
x.diagonal_scatter(v2)
x.index_fill(-1, torch.tensor([0]), -1.)
x.renorm(2, -1, 1.)
x.scatter_reduce(-1, torch.tensor([[0]]), y, "sum")
x.index_reduce(0, i, y[:1], "prod")
x.put(i, v[:1])
x.addr(v2, v, beta=2, alpha=0.5)
F.glu(torch.cat([x, x]), -2)
x.unsafe_split(1, -1)[0]
x.unsafe_chunk(2)[0]
x.narrow_copy(-1, -2, 1)
torch.select_copy(x, 0, 1)
torch.view_copy(x, (3, 2))
torch.clamp(x, -1)
x**-2
F.elu(x, 2)
F.elu(x, 0.5)
F.leaky_relu(x, 1)
F.hardtanh(x, 0, 1)
F.softplus(x, 2, 3)
F.softplus(x, 1.5)
torch.addcmul(x, y, y, value=0.5)
torch.addcdiv(x, y, y)
F.bilinear(x, y, b3)
F.bilinear(x, y, b3, v2)
F.bilinear(b3, b3, b3)
G(F.bilinear(x, y, b3), x)
G(F.bilinear(x, y, b3), y)
torch.einsum("ij,jk->ik", x, w)
torch.einsum("ij,kj->ki", x, y)
torch.einsum("bij,bjk->bik", b3, b3)
torch.einsum("...ij,...jk", b3, b3)
torch.einsum("bhi,bhj->bij", b3, b3)
torch.einsum("ij,jk,kl->il", x, w, w)
torch.einsum("ij,ij->", x, y)
torch.einsum("ij,ij,ij->i", x, y, x)
torch.einsum("bij,bik,bjk->b", b3, b3, b3)
torch.tensordot(x, w, 1)
""".strip().splitlines()


def names(torch):
    def t(values):
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    def G(y, x):  # the gradient of y, whose node is that of a derivative
        return torch.autograd.grad(y.sum(), x, create_graph=True)[0]

    return {
        "torch": torch,
        "F": torch.nn.functional,
        "G": G,
        "x": t([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
        "y": t([[0.3, 0.2, 0.1], [0.6, 0.7, 0.4]]),
        "w": t([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
        "v": t([1.0, 2.0, 3.0]),
        "v2": t([1.0, 2.0]),
        "s2": t([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]),
        "b3": t([[[1.0, 2.0, 3.0]] * 3] * 2),
        "m": torch.tensor([[True, False, True], [False, True, False]]),
        "i": torch.tensor([1]),
    }


def numbers(torch, node):
    """What a node saves that is no tensor, with its type: True is not 1 here, nor 1.0."""
    shown = []
    for name in sorted({n for n in dir(node) if n.startswith("_saved_")}):
        if f"_raw{name}" not in dir(node):
            value = getattr(node, name)
            shown.append((name, type(value).__name__, str(value)))
    return shown


def story(torch, node, seen):
    """All nodes, in the order of a first visit."""
    if node is None or node in seen:
        return []
    seen.append(node)
    rest = [line for f, _ in node.next_functions for line in story(torch, f, seen)]
    return [(node.name(), numbers(torch, node)), *rest]


@parity(row=ROWS)
def test_numbers(torch, row):
    known = names(torch)
    result = eval(row, known)
    before = [line for line in story(torch, result.grad_fn, []) if line[1]]
    yield before
    if result.grad_fn and "NotImplemented" not in result.grad_fn.name():
        nodes = []
        story(torch, result.grad_fn, nodes)
        result.sum().backward()
        yield [line for line in story(torch, result.grad_fn, []) if line[1]] == before


def tensors(node):
    """The tensors that a node saves, by name; None where it did not need one."""
    shown = []
    for name in sorted({n for n in dir(node) if n.startswith("_raw_saved_")}):
        if name != "_raw_saved_buffer":  # of logsigmoid: what it computes on the way
            value = getattr(node, name.removeprefix("_raw"))
            many = value if isinstance(value, tuple) else (value,)
            shown.append((name, [t is not None and (tuple(t.shape), t.dtype) for t in many]))
    return shown


# Which operands are saved depends on which of them require grad.
TENSORS = """
x.take(torch.tensor([0, 2]))
x.masked_select(m)
x.index_add(0, i, y[:1])
x.index_add(0, i, c[:1])
x.index_copy(0, i, y[:1])
x.index_copy(0, i, c[:1])
c.index_add(0, i, y[:1])
x.put(i, v[:1])
x.put(i, c[0, :1])
x.sgn()
x.clone().sgn_()
x.pow(torch.tensor(2.0))
c ** x
x.div(y, rounding_mode="floor")
x.div(c, rounding_mode="trunc")
c.div(x, rounding_mode="trunc")
x.div(2, rounding_mode="floor")
x.clone().div_(y, rounding_mode="floor")
x.relu().grad_fn(torch.ones(2, 3, dtype=torch.float64))
F.leaky_relu(x).grad_fn(torch.ones(2, 3, dtype=torch.float64))
F.dropout(x, 1.0)
F.cross_entropy(x, y)
F.elu(x.clone(), inplace=True)
G(F.elu(x.clone(), inplace=True), x)
G(F.prelu(x, v), x)
""".strip().splitlines()


@parity(row=[*dict.fromkeys([*ROWS, *TENSORS])])
def test_tensors(torch, row):
    known = {**names(torch), "c": torch.full((2, 3), 2.0, dtype=torch.float64)}
    result, nodes = eval(row, known), []
    story(torch, result.grad_fn, nodes)
    yield [(node.name(), tensors(node)) for node in nodes]
    if result.grad_fn and "NotImplemented" not in result.grad_fn.name():
        for _ in range(2):
            yield lambda: result.sum().backward()


@parity
def test_one_operand_asked_for(torch):
    """Sizes are known where no gradient is wanted."""
    known = names(torch)
    for row in (
        "x.mm(w)",
        "x.detach().mm(w)",
        "x.mm(w.detach())",
        "torch.addmm(s2, x.detach(), w)",
    ):
        yield numbers(torch, eval(row, known).grad_fn)
    yield numbers(torch, (known["x"].t() * 1).t().mm(known["w"].t()).grad_fn)


@parity
def test_numbers_have_no_raw_form(torch):
    node = names(torch)["x"].sum(0).grad_fn
    yield [n for n in dir(node) if n.startswith("_raw_saved")]
    for name in ("_raw_saved_dim", "_saved_nothing"):
        yield lambda name=name: getattr(node, name)
