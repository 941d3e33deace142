"""Each operation against the rules of autograd: what it saves, what it frees, what is a view.

A case is an expression. It is evaluated on leaves, on their products and without history. Then its
graph is run twice, and each operand and the result are changed after it. At last it gets no
gradient at all, and only one operand is asked for. It is evaluated in inference mode, and on inference tensors.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import re

from parity import GRADIENT, data, parity

LEAVES = """
x, y, z = data(3, 4, lo=0.2, hi=0.8, grad=True), data(3, 4, lo=0.2, hi=0.8, salt=1, grad=True), data(4, lo=0.2, hi=0.8, grad=True)
p, q, i = data(3, 4), data(3, 4, dtype="float64", grad=True), torch.tensor([0, 2])
leaves = x, y, z, q
"""
PRODUCTS = LEAVES + "x, y, z, q = (t * 1 for t in leaves)"
CONSTANTS = LEAVES + "x, y, z, q = (t.detach() for t in leaves)"

ROWS = """
x + 1
F.embedding(i, x)
torch.lerp(x, y, 0.5)
torch.lerp(x, p, 0.5)
x.index_add(0, i, p[:2])
torch.hypot(x, y)
2 * x
1 + x
2 ** x
torch.cat([x, p])
torch.stack([p, x])
x + y
x + z
z + x
x + p
p + x
x + q
x * 2
x * y
x * z
x * p
p * x
x * q
q * x
x - y
x - 1
1 - x
x - p
p - x
x / 2
2 / x
x / y
x / p
p / x
x / z
x ** 2
x ** y
p ** x
-x
x.abs()
x.exp()
x.log()
x.sqrt()
x.sin()
x.tanh()
x.sigmoid()
x.relu()
x.floor()
x.sign()
x.reciprocal()
x.square()
torch.add(x, y, alpha=2)
torch.sub(x, p, alpha=2)
torch.rsub(x, y)
torch.maximum(x, y)
torch.minimum(x, p)
torch.atan2(x, y)
torch.atan2(p, x)
torch.hypot(x, y)
torch.fmod(x, 2)
torch.fmod(x, y)
torch.remainder(x, 2)
torch.remainder(x, y)
torch.remainder(p, x)
torch.lerp(x, y, z)
torch.addcmul(x, y, p)
torch.addcmul(p, x, y)
torch.addcmul(x, z, z)
torch.addcdiv(x, y, p)
torch.addcdiv(p, p, x)
x.clamp(0, 1)
x.clamp(min=0)
x.clamp(max=y)
x.clamp(y, p)
p.clamp(x, y)
x.clamp_min(y)
x.clamp_max(0)
torch.where(p > 0, x, y)
torch.where(p > 0, x, 0)
torch.where(p > 0, p, x)
torch.where(p > 0, x, q)
torch.where(p > 0, x, z)
x.sum()
x.sum(0)
x.sum(1, keepdim=True)
x.sum(dtype=torch.float64)
x.mean()
x.mean(0)
x.prod()
x.prod(0)
x.var()
x.var(0)
x.std()
x.std(1)
x.norm()
x.norm(dim=0)
x.norm(1)
x.norm(3, 0)
x.logsumexp(0)
x.max()
x.amax(0)
x.amin()
x.nansum()
x.cumsum(0)
x.cumprod(0)
x.softmax(0)
x.log_softmax(1)
torch.aminmax(x)[0]
torch.var_mean(x)[1]
torch.std_mean(x, 0)[0]
torch.dist(x, y)
torch.linalg.vector_norm(x)
x.view(-1)
x.view(2, 6)
x.reshape(-1)
x.t().reshape(-1)
x.flatten()
x.t()
x.T
x.transpose(0, 1)
x.permute(1, 0)
x.unsqueeze(0)
x[None].squeeze()
x[None].squeeze(0)
x.expand(2, 3, 4)
x.expand_as(x)
x.view_as(x)
x[0]
x[:, 1]
x[1:]
x[::2]
x[..., 0]
x[None]
x[i]
x[:, i]
x[i, i]
x[x > 0.5]
x[0, i]
x.select(0, 1)
x.narrow(0, 1, 1)
x.split(2)[0]
x.split([1, 2])[1]
x.chunk(2)[0]
x.unbind()[1]
x.diagonal()
x.as_strided((2, 2), (1, 1))
x.unfold(0, 2, 1)
x.movedim(0, 1)
x.unflatten(1, (2, 2))
torch.cat([x, y])
torch.cat([x, q])
torch.stack([x, y])
torch.hstack([x, y])
x.repeat(2, 1)
x.tile(2)
x.repeat_interleave(2, 0)
x.roll(1)
x.roll(1, 0)
x.flip(0)
x.tril()
x.triu(1)
x.clone()
x.t().contiguous()
x.double()
x.half()
x.to(torch.float64)
q.float()
x.type_as(q)
x.index_select(0, i)
x.gather(0, i[None])
x.index_fill(0, i, 1.0)
x.index_fill(0, i, z[0])
x.index_put((i,), y[:2])
x.index_put((i,), y[:2], accumulate=True)
p.index_put((i,), y[:2])
x.scatter(0, i[None], 1.0)
x.masked_fill(p > 0, 0)
x.masked_fill(p > 0, z[0])
p.masked_fill(p > 0, z[0])
x.masked_scatter(p > 0, y)
x.take_along_dim(i[None], 0)
x @ y.t()
x @ p.t()
p @ x.t()
x @ z
p @ z
z @ y.t()
z @ z
torch.dot(z, p[0])
torch.mv(x, z)
torch.mv(p, z)
torch.outer(z, z)
torch.addmm(x[:, :3], x, y.t())
torch.addmm(z[:3], p, y.t())
torch.addmm(p[:, :3], x, p.t())
torch.addmv(z[:3], x, z)
torch.addmv(p[:, 0], p, z)
torch.matmul(x[None], y.t())
F.linear(x, y)
F.linear(x, y, z[:3])
F.linear(p, y, z[:3])
F.linear(x, p, p[:3, 0])
F.linear(x[None], y, z[:3])
F.linear(z, y)
torch.inner(x, y)
F.gelu(x)
F.silu(x)
F.elu(x)
F.celu(x)
F.selu(x)
F.leaky_relu(x)
F.softplus(x)
F.hardtanh(x)
F.mish(x)
F.glu(x)
F.prelu(x, z[:1])
F.prelu(x, p[0])
F.logsigmoid(x)
F.threshold(x, 0.5, 0)
F.hardshrink(x)
F.softshrink(x)
F.relu6(x)
F.dropout(x, 1.0)
F.l1_loss(x, y)
F.l1_loss(x, p)
F.kl_div(x, y)
F.kl_div(x, p)
F.kl_div(p, x)
F.binary_cross_entropy(x, y)
F.binary_cross_entropy(x, p.sigmoid())
F.binary_cross_entropy(x, y, p.exp())
F.binary_cross_entropy_with_logits(x, y)
F.binary_cross_entropy_with_logits(x, p, pos_weight=z)
F.nll_loss(x, torch.tensor([0, 1, 2]))
F.nll_loss(x, torch.tensor([0, 1, 2]), p[0])
F.cross_entropy(x, torch.tensor([0, 1, 2]))
F.cross_entropy(x, y)
F.cross_entropy(x, p.softmax(1), label_smoothing=0.1)
F.cross_entropy(x, torch.tensor([0, 1, 2]), label_smoothing=0.1)
F.layer_norm(x, (4,))
F.layer_norm(x, (4,), z)
F.layer_norm(x, (4,), z, z)
F.layer_norm(p, (4,), z, p[0])
F.layer_norm(p, (4,), p[0], z)
F.rms_norm(x, (4,))
F.rms_norm(x, (4,), z)
F.normalize(x)
F.cosine_similarity(x, y)
F.pairwise_distance(x, y)
torch.logit(x)
torch.xlogy(p.exp(), x)
torch.xlogy(x, 2.0)
torch.nn.functional.log_softmax(x, 0, dtype=torch.float64)
x.softmax(0, dtype=torch.float64)
x.sum_to_size(1, 4)
x.broadcast_to(2, 3, 4)
x.expm1()
x.rsqrt()
x.round()
x.round(decimals=1)
x.trunc()
x.frac()
x.erf()
x.erfc()
x.log1p()
x.asin()
x.acosh()
x.atanh()
x.new_zeros(2).copy_(z[:2])
torch.zeros(3, 4).copy_(q)
torch.zeros(3, 4).add_(x)
torch.zeros(3, 4).fill_(z[0])
torch.ones(3, 4).mul_(x)
(x * 1).mul_(p)
(x * 1).add_(z)
(x * 1).zero_()
(x * 1).fill_(2)
2 ** x
torch.baddbmm(x[None, :, :3], x[None], p.t()[None])
torch.tensordot(x, y, dims=2)
torch.inner(z, z)
F.prelu(x, z)
F.prelu(p, z)
F.mse_loss(x, y)
F.mse_loss(x, p)
F.mse_loss(p, x)
F.smooth_l1_loss(x, y)
F.huber_loss(x, p)
torch.xlogy(x, y)
1 + x
2 * x
torch.cat([x, p])
torch.stack([p, x])
""".strip().splitlines()


def evaluate(torch, setup, row):
    def make(*shape, **options):
        return data(torch, *shape, **options)

    names = {"torch": torch, "F": torch.nn.functional, "data": make}
    exec(setup, names)
    return names, eval(row, names)


def used(row):
    return [name for name in ("x", "y", "z", "p", "q", "i") if re.search(rf"\b{name}\b", row)]


@parity(tol=GRADIENT, row=ROWS)
def test_running_twice_and_changing_operands(torch, row):
    for setup in (LEAVES, PRODUCTS):
        names, t = evaluate(torch, setup, row)
        yield lambda t=t: t.sum().backward()
        yield lambda t=t: t.mean().backward()
        yield [leaf.grad for leaf in names["leaves"]]
    for operand in used(row):
        names, t = evaluate(torch, PRODUCTS, row)
        names[operand].add_(1)
        yield lambda t=t: t.sum().backward()
        yield operand, [leaf.grad for leaf in names["leaves"]]


@parity(tol=GRADIENT, row=ROWS)
def test_changing_results_and_views(torch, row):
    for setup in (LEAVES, PRODUCTS, CONSTANTS):
        for grad_mode in (True, False):
            torch.set_grad_enabled(grad_mode)
            names, t = evaluate(torch, setup, row)
            torch.set_grad_enabled(True)
            base = t._base
            yield t.is_leaf, t.requires_grad, t.grad_fn, t.output_nr, t.stride(), t._version
            if base is not None:
                yield base.shape, base.stride(), base.requires_grad, base.grad_fn
                yield [name for name in used(row) if names[name] is base]
            yield lambda t=t: t.add_(1)
            yield lambda t=t: t.sum().backward()
            yield [leaf.grad for leaf in names["leaves"]]
    names, t = evaluate(torch, PRODUCTS, row)
    t.detach().add_(1)
    yield lambda: t.sum().backward()


@parity(tol=GRADIENT, row=ROWS)
def test_undefined_gradients(torch, row):
    """Nodes run although no gradient reaches them, and give none."""

    class Stop(torch.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            return t.clone()

        @staticmethod
        def backward(ctx, g):
            return None

    seen = []
    names, t = evaluate(torch, PRODUCTS, row)
    t.grad_fn.register_hook(lambda *gs: seen.append([[g is None for g in k] for k in gs]))
    Stop.apply(t).sum().backward()
    yield seen, [leaf.grad for leaf in names["leaves"]]
    wanted = [names[name] for name in used(row) if name in "xyzq"]
    yield lambda: torch.autograd.grad(Stop.apply(eval(row, names)).sum(), wanted, allow_unused=True)


@parity(tol=GRADIENT.ignoring("is_view"), row=ROWS)
def test_one_operand_of_several(torch, row):
    """A gradient is the same whatever else is asked for, recorded or not."""
    for name in used(row):
        if name in "xyzq":
            names, t = evaluate(torch, LEAVES, row)
            v = torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype).view(t.shape)
            leaf = names[name]
            (g,) = torch.autograd.grad(t, leaf, v, create_graph=True, allow_unused=True)
            yield name, None if g is None else (g.detach(), g.requires_grad)
            yield torch.autograd.grad(t, leaf, v, allow_unused=True)
            for other in used(row):
                if other != name and other in "xyzq":
                    names[other].requires_grad_(False)
            t = eval(row, names)
            yield t.grad_fn, torch.autograd.grad(t, leaf, v, allow_unused=True)


def on_inference_tensors(torch, setup, kept=""):
    """The operands of `setup`, all but `kept` made in inference mode."""
    names, _ = evaluate(torch, setup, "None")
    with torch.inference_mode():
        copies, _ = evaluate(torch, setup, "None")
    return names | {name: copies[name] for name in "xyzpqi" if name not in kept}


# PyTorch saves the divisor for the gradient of the first operand, which does not read it.
SAVED_FOR_NOTHING = {("torch.addcdiv(x, y, p)", "x")}


# Where PyTorch makes views of what it has just made for operands without history is its own.
@parity(tol=GRADIENT.ignoring("is_view", "version"), row=ROWS)
def test_inference_mode(torch, row):
    constants = on_inference_tensors(torch, CONSTANTS)
    for names in (evaluate(torch, LEAVES, "None")[0], constants):
        with torch.inference_mode():
            result = eval(row, names)
        yield result
    yield lambda: eval(row, constants)
    for name in used(row):
        if name in "xyzq" and (row, name) not in SAVED_FOR_NOTHING:
            names = on_inference_tensors(torch, CONSTANTS, kept=name)
            names[name].requires_grad_()
            yield name
            yield lambda n=names: (eval(row, n).sum().backward(), n[name].grad)
