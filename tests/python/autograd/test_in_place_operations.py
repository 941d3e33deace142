"""Each operation in place, on every kind of tensor that it may meet: versions, histories, refusals.

A case is a statement about `t`. It is run where t is a constant, a leaf, a result, a view of each,
one of several views of a result, an expanded view, and under no_grad; then where it is an inference tensor, a view of
one or made in inference mode, in the mode and outside.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, data, parity

ROWS = """
t.add_(1)
t.add_(s, alpha=2)
t.add_(o)
t += 1
t -= s
t *= 2
t *= s
t /= s
t /= 2
t %= 2
t **= 2
t.sub_(s)
t.mul_(2)
t.mul_(s)
t.mul_(t)
t.mul_(o)
t.div_(s)
t.div_(2)
t.div_(s, rounding_mode="floor")
t.true_divide_(s)
t.fmod_(2)
t.fmod_(s)
t.remainder_(2)
t.remainder_(s)
t.pow_(2)
t.pow_(s)
t.pow_(0)
t.pow_(1)
t.atan2_(s)
t.hypot_(s)
t.xlogy_(s)
t.lerp_(s, 0.5)
t.lerp_(s, s)
t.addcmul_(s, s)
t.addcdiv_(s, s, value=2)
t.clamp_(0, 1)
t.clamp_(s, s)
t.clamp_min_(0.5)
t.clamp_max_(s)
t.clip_(0, 1)
t.abs_()
t.neg_()
t.sign_()
t.sgn_()
t.square_()
t.reciprocal_()
t.floor_()
t.ceil_()
t.round_()
t.trunc_()
t.frac_()
t.exp_()
t.exp2_()
t.expm1_()
t.log_()
t.log1p_()
t.log2_()
t.log10_()
t.sqrt_()
t.rsqrt_()
t.sin_()
t.cos_()
t.tan_()
t.asin_()
t.acos_()
t.atan_()
t.sinh_()
t.cosh_()
t.tanh_()
t.asinh_()
t.atanh_()
t.erf_()
t.erfc_()
t.sigmoid_()
t.relu_()
t.logit_()
F.relu(t, inplace=True)
F.relu6(t, inplace=True)
F.elu(t, inplace=True)
F.celu(t, inplace=True)
F.selu(t, inplace=True)
F.silu(t, inplace=True)
F.mish(t, inplace=True)
F.hardtanh(t, inplace=True)
F.hardswish(t, inplace=True)
F.hardsigmoid(t, inplace=True)
F.leaky_relu(t, inplace=True)
F.leaky_relu(t, -0.1, inplace=True)
F.dropout(t, 0.0, inplace=True)
F.dropout(t, 1.0, inplace=True)
F.dropout(t, training=False, inplace=True)
t.cumsum_(0)
t.cumprod_(0)
t.tril_()
t.triu_()
t.addmm_(s, torch.ones(3, 3))
t.addmm_(o, torch.ones(3, 3), beta=2, alpha=3)
t.eq_(1)
t.lt_(s)
t.logical_not_()
t.logical_and_(s)
t.zero_()
t.fill_(2)
t.fill_(s[0, 0])
t.copy_(s)
t.copy_(o)
t.copy_(s.double())
t.copy_(t)
t.copy_(s[0])
t.masked_fill_(m, 0)
t.masked_fill_(m, s[0, 0])
t.masked_scatter_(m, s)
t.index_put_((i,), s[:1])
t.index_put_((i,), s[:1], accumulate=True)
t.index_put_((m,), s[0, 0])
t.index_add_(0, i, s[:1])
t.index_add_(0, i, o[:1], alpha=2)
t.index_copy_(0, i, s[:1])
t.index_fill_(0, i, 3)
t.index_fill_(0, i, s[0, 0])
t.scatter_(0, i[None], 2.0)
t.scatter_(0, i[None], s[:1, :1])
t.scatter_(0, i[None], 2.0, reduce="multiply")
t.scatter_add_(0, i[None], s[:1, :1])
t[0] = 1
t[0] = s[0]
t[:, 1] = s[:, 1]
t[...] = s
t[...] = 2
t[:] = s
t[0, 0] = s[0, 0]
t[0, 0] += s[0, 0]
t[0] *= 2
t[i] = s[:1]
t[i] = 1.0
t[i] += 1
t[m] = 0
t[m] = s[m]
t[m] *= 2
t[None] = s
t[0:0] = 5
t[::2] = s[::2]
t[0][0] = 7
t[t > 0.5] = 0
t[..., None].mul_(2)
t.t().mul_(2)
t.view(-1)[0] = 1
t.unbind()[0].mul_(2)
t.detach().mul_(2)
t.data.mul_(2)
t.detach_()
t.requires_grad_()
t.requires_grad_(False)
t.t_()
t.transpose_(0, 1)
t.swapaxes_(0, 1)
t.unsqueeze_(0)
t.squeeze_()
t.squeeze_(0)
t.as_strided_((2, 2), (1, 1))
t.resize_(2, 3)
t.resize_(6)
t.resize_(2)
t.data = torch.zeros(2, 3)
t.data = s.detach()
t.data = torch.zeros(4)
t.uniform_()
t.normal_()
t.bernoulli_()
t.exponential_()
t.random_()
torch.add(s, 1, out=t)
torch.add(o, 1, out=t)
torch.mul(o, t, out=t)
torch.exp(o, out=t)
torch.neg_(t)
torch.relu_(t)
torch.clamp_(t, 0, 1)
torch.sigmoid_(t)
torch.matmul(o, torch.ones(3, 3), out=t)
torch.stack([o[0], o[1]], out=t)
torch.where(m, o, o, out=t)
nn.init.ones_(t)
nn.init.uniform_(t)
torch.index_select(o, 0, torch.tensor([0, 1]), out=t)
t.__setitem__(0, 1.0)
t.__iadd__(1)
t.__imul__(s)
t.add_(torch.ones(4, 2, 3))
t.add_(torch.ones(3, 3))
t.add_(s.double())
t.mul_(torch.tensor(2.0, dtype=torch.float64))
t.add_(1.5, alpha=2)
t.copy_(torch.ones(4))
t[5] = 1
t[0] = torch.ones(5)
t[0] = "a"
t.fill_(torch.ones(2))
t.index_add_(0, i, s)
t.masked_fill_(m, s)
t.pow_("a")
""".strip().splitlines()

# How `t` comes to be, from a constant c, a leaf x and results of them.
KINDS = {
    "constant": "t = c.clone()",
    "view of a constant": "b = torch.cat([c, c]); t = b[1:3]",
    "leaf": "t = x",
    "view of a leaf": "b = x; t = b.view(2, 3)",
    "result": "t = x * 1",
    "view": "b = torch.cat([x, x]) * 1; t = b[1:3]",
    "transposed view of a view": "b = torch.cat([x, x]) * 1; t = b.view(2, 6)[:, ::2].t().t()",
    "one of several": "b = torch.stack([x, x]); t = b.unbind()[0]",
    "chunk": "b = torch.cat([x, x]); t = b.chunk(2)[0]",
    "expanded": "b = x[:1] * 1; t = b.expand(2, 3)",
    "detached": "b = x * 1; t = b.detach()",
    "unrecorded view": "b = x * 1; t = torch.no_grad()(lambda: b.view(2, 3))()",
    "unrecorded view of a leaf": "b = x; t = torch.no_grad()(lambda: b.view(2, 3))()",
}


def operands(torch, recorded):
    return {
        **{"torch": torch, "F": torch.nn.functional, "nn": torch.nn},
        "c": data(torch, 2, 3, lo=0.2, hi=0.8),
        "x": data(torch, 2, 3, lo=0.2, hi=0.8, salt=1, grad=True),
        "s": (data(torch, 2, 3, lo=0.2, hi=0.8, salt=2) * 1).requires_grad_(recorded),
        "o": data(torch, 2, 3, lo=0.2, hi=0.8, salt=3),
        "m": data(torch, 2, 3, dtype="bool"),
        "i": torch.tensor([1]),
    }


def run(torch, kind, row, recorded, names):
    """What there is to see after `row`, as a list; `names` receives the variables."""
    names.update(operands(torch, recorded))
    x = names["x"]
    exec(KINDS[kind], names)
    t = names["t"]
    base = names.get("b")
    versions = [u._version for u in (t, base) if u is not None]
    other = None if base is None else base[:1]
    if recorded:
        exec(row, names)
    else:
        with torch.no_grad():
            exec(row, names)
    u = names["t"]
    seen = [u is t, u, u._version - versions[0], u._is_view(), u._base is base, u.grad_fn]
    if base is not None:
        seen += [base, base._version - versions[-1], base.grad_fn]
        seen += [other, other.grad_fn]
    seen += [edges(v.grad_fn) for v in (u, base, other) if v is not None]
    if u.requires_grad:
        (u * u).sum().backward()
        seen += [x.grad, names["s"].grad]
    return seen


def edges(node, depth=4):
    if node is None or depth == 0:
        return None
    return [node.name(), [(k, edges(f, depth - 1)) for f, k in node.next_functions]]


@parity(tol=GRADIENT, row=ROWS)
def test_in_place(torch, row):
    for kind in KINDS:
        for recorded in (True, False):
            torch.manual_seed(0)
            yield kind, recorded
            names = {}
            yield lambda k=kind, r=recorded, n=names: run(torch, k, row, r, n)
            yield names["t"], names["t"]._version, names["x"]  # also what a failure has left


INFERENCE_KINDS = {
    "inference": "t = torch.inference_mode()(c.clone)()",
    "view of inference": "b = torch.inference_mode()(torch.cat)([c, c]); t = b[1:3]",
    "view in the mode": "b = torch.cat([c, c]); t = torch.inference_mode()(lambda: b[1:3])()",
    "view of a result": "b = torch.cat([x, x]) * 1; t = torch.inference_mode()(lambda: b[1:3])()",
}


@parity(tol=GRADIENT, row=ROWS)
def test_inference_mode(torch, row):
    for kind, made in INFERENCE_KINDS.items():
        for inside in (True, False):
            torch.manual_seed(0)
            names = operands(torch, recorded=False)
            exec(made, names)

            def write(names=names, inside=inside):
                with torch.inference_mode(inside):
                    exec(row, names)

            yield kind, inside
            yield write
            yield names["t"], names.get("b")
