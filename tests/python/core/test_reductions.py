"""Reductions, cumulative sums, softmax and norms: dims, keepdim, dtypes, empty inputs, NaN."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, parity, table

SETUP = """
x = data(3, 4, 5); i = data(4, 6, dtype="int64", lo=-9, hi=9); b = data(3, 4, dtype="bool")
n = torch.tensor([[1.0, float("nan"), 3.0], [4.0, 5.0, float("-inf")]]); s = torch.tensor(2.5)
e = torch.zeros(0); z = torch.zeros(2, 0, 3)
"""
OVER_DIMS = "sum mean prod max min argmax argmin var std all any norm amax amin logsumexp".split()
MANY_DIMS = "sum mean var std all any norm amax amin logsumexp".split()
DIMS = ("0", "1", "-1", "2, keepdim=True", "dim=1", "dim=-2, keepdim=True", "3", "-4")
CALLS = [
    call.format(op)
    for op in OVER_DIMS
    for call in (
        *(["x.{}()", "i.{}()", "b.{}()", "n.{}()", "s.{}()", "e.{}()", "z.{}()"] if op != "logsumexp" else []),
        *(f"x.{{}}({dim})" if op != "norm" else f"x.{{}}(2, {dim})" for dim in DIMS),
        *(f"{v}.{{}}(dim={d})" for v, d in
          (("i", 0), ("b", 1), ("n", 0), ("n", 1), ("s", 0), ("s", -1), ("s", 1), ("z", 0), ("z", 1), ("z", 2), ("e", 0))),
        "x.transpose(0, 2).{}(dim=1)", "x[:, ::2].{}(dim=2)", "x[:1].expand(4, 4, 5).{}(dim=0)",
        "torch.{}(x, dim=1)", "x.half().{}(dim=1)", "x.bfloat16().{}(dim=0)", "x.double().{}(dim=-1)",
    )
]  # fmt: skip
CALLS += [
    f"x.{op}({dims})" if op != "norm" else f"x.norm(2, {dims})"
    for op in MANY_DIMS
    for dims in ("(0, 1)", "dim=(0, -1), keepdim=True", "dim=[1]", "dim=(0, 0)", "dim=(0, 5)")
] + [f"x.{op}(dim=())" for op in MANY_DIMS if op not in ("norm", "logsumexp")]

test_over_dims = table("\n".join(CALLS), setup=SETUP, tol=SUMMED)

test_other_calls = table(
    """
x.sum(dtype=torch.float64)
i.sum(dtype=torch.float32)
i.sum(dtype=torch.int32)
i.int().sum()
i.byte().sum()
b.sum()
b.sum(0)
b.mean()
i.mean()
i.mean(dtype=torch.float32)
x.sum(dim=None)
x.sum(dim=None, keepdim=True)
x.sum("a")
x.sum(1.5)
x.sum(axis=1)
torch.sum(x, dim=1, out=torch.zeros(3, 5))
torch.sum(x, 1, out=torch.zeros(2))
torch.sum(x, 1, out=torch.zeros(3, 5, dtype=torch.int64))
torch.sum([1, 2])
x.prod(dtype=torch.float64)
x.prod(0, dtype=torch.float64)
x.prod((0, 1))
i.prod()
x.max(1)
x.max(1).values; x.max(1).indices; x.max(1)[0]; type(x.max(1)).__name__
x.max(dim=1, keepdim=True)
x.max(torch.zeros(5))
x.min(torch.zeros(4, 1))
torch.max(x, torch.zeros(1))
torch.max(x, 1)
torch.min(x, dim=0)
torch.max(x, 1, True)
n.max(1); n.min(1); n.argmax(1); n.argmin(1); n.max(); n.min(); n.argmax()
torch.tensor([1.0, 3.0, 3.0]).argmax(); torch.tensor([3.0, 1.0, 3.0]).max(0); torch.tensor([1, 1]).argmin()
torch.tensor([True, False]).max(); torch.tensor([True, False]).argmax()
x.argmax(keepdim=True)
x.argmax(None)
x.argmax((0, 1))
x.var(unbiased=False)
x.var(1, False)
x.var(1, unbiased=False, keepdim=True)
x.var(1, correction=0)
x.var(correction=2)
x.std(correction=0)
x.std(1, unbiased=True)
x[:, :1, :1].var(0)
x[:1].var(0)
x[:1].std()
x[:1, :1, :1].var()
x[0, 0, 0].std()
torch.var(x, 0, correction=0)
torch.std_mean(x); torch.var_mean(x, 1)
i.std()
i.all(1); i.any(); e.all(); e.any(); b.all(dim=0, keepdim=True); i.byte().all()
torch.all(b); torch.any(b, 1); torch.all(b, dim=(0, 1))
x.cumsum(0)
x.cumsum(1)
x.cumsum(-1)
x.cumsum(dim=2, dtype=torch.float64)
x.cumsum(3)
x.cumsum()
i.cumsum(0)
b.cumsum(1)
b.cumsum(1, dtype=torch.int32)
s.cumsum(0)
e.cumsum(0)
n.cumsum(1)
x.transpose(0, 2).cumsum(1)
x.cumprod(1)
torch.cumsum(x, 1, out=torch.zeros(3, 4, 5))
x.clone().cumsum_(1)
x.norm()
x.norm(1)
x.norm(p=2)
x.norm(float("inf"))
x.norm(float("-inf"))
x.norm(0)
x.norm(3)
x.norm(0.5)
x[0].norm("fro")
x.norm(2, (0, 1))
x.norm(dim=1)
x.norm(1, -1, True)
x.norm(p=2, dim=1, keepdim=True, dtype=torch.float64)
i.norm()
i.float().norm()
e.norm()
z.norm(2, 1)
torch.norm(x); torch.norm(x, 1); torch.norm(x, dim=0)
torch.linalg.norm(x); torch.linalg.vector_norm(x, 1, dim=0); torch.linalg.norm(x[0], dim=0)
y = x.clone().requires_grad_(); n = torch.linalg.norm(y.transpose(0, 1)); graph(n)
x.softmax(0)
x.softmax(-1)
x.softmax(3)
x.softmax(dim=1, dtype=torch.float64)
F.softmax(x, dim=1)
F.softmax(x)
F.softmax(s)
F.softmax(x[0])
F.softmax(x[0, 0])
F.log_softmax(x, dim=-1)
F.log_softmax(x)
F.log_softmax(x, 1, dtype=torch.float64)
F.softmin(x, dim=1)
torch.softmax(x, 1)
torch.log_softmax(x, -1)
x.log_softmax(0)
x.transpose(0, 2).softmax(1)
i.softmax(0)
i.softmax(0, dtype=torch.float32)
s.softmax(0)
s.log_softmax(-1)
e.softmax(0)
z.softmax(1)
n.softmax(1)
n.log_softmax(1)
torch.full((2, 3), float("-inf")).softmax(1)
torch.tensor([1e4, 1e4 + 1, -1e4]).softmax(0)
torch.tensor([1e4, 1e4 + 1, -1e4]).log_softmax(0)
x.half().softmax(1); x.bfloat16().log_softmax(2)
x.logsumexp(1)
torch.logsumexp(x, (0, 1)); torch.logsumexp(torch.tensor([-float("inf"), -float("inf")]), 0)
x.sum() == x.sum(); x.isnan().any(); torch.allclose(x, x + 1e-9); torch.equal(x, x.clone())
torch.allclose(n, n); torch.allclose(n, n, equal_nan=True); torch.isclose(x, x + 1e-3)
torch.equal(x, x[:1]); x.equal(x)
torch.allclose(x, x.double())
n.isnan().sum()
(x != 0).sum()
""",
    setup=SETUP,
    tol=SUMMED,
)


@parity(
    tol=SUMMED, size=(1, 7, 16, 100, 1000, 4096, 100_003), dtype=("float32", "float64", "float16")
)
def test_long_sums(torch, size, dtype):
    import numpy as np

    values = np.random.default_rng(size).uniform(-1, 1, size).astype(dtype)
    x = torch.from_numpy(values)
    for op in ("sum", "mean", "std", "norm", "max", "argmin"):
        yield lambda: getattr(x, op)()
        yield lambda: getattr(x[::2], op)()
    y = x[: size // 4 * 4].view(4, -1)
    if size > 4:
        for dim in (0, 1):
            yield y.sum(dim), y.t().sum(dim), y.mean(dim), y.softmax(dim), y.max(dim), y.cumsum(dim)
