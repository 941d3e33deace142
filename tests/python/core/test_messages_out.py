"""out= and the lists of overloads: memory that is shared, dtypes that are given, what is accepted.

A case is a line of code; what it raises or warns of is compared between the two engines, so that no
text of PyTorch stands here (and values only have to be near). `x` is a matrix, `w` one that requires
grad, `n` one of integers; `c` and `e` are batches of matrices; `m` is memory that others look at.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SETUP = """
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) + 1).requires_grad_()
n = x.long()
b = x > 2
c, e = torch.ones(2, 2, 3), torch.ones(2, 3, 2)
m = torch.arange(40.0) / 7
s, later = m[:9].view(3, 3), m[1:10].view(3, 3)
i = torch.tensor([0, 1, 2])
l = i.expand(3, 3).contiguous()
"""

test_shared_memory = table(
    """
torch.cat([x, x], out=x)
torch.hstack([x, x], out=x)
torch.vstack([x, x], out=x)
torch.cat([m[:2], m[2:4]], out=m[:4])
torch.cat([m[:2]], out=m[:2])
torch.cat([m[:2], m[2:4]], out=m[10:14])
torch.cat([m[:2], m[2:4]], out=m[10:11].expand(4))
torch.cumsum(s, 0, out=s)
torch.cumsum(s, 0, out=later)
torch.cumprod(s, 0, out=later)
torch.max(s, s, out=later)
torch.max(s, s, out=s)
torch.outer(s[0], s[0], out=s)
torch.addmm(s, s, s, out=later)
torch.addbmm(s, s[None], s[None], out=later)
torch.addmm(s, x.T, x, out=torch.zeros(1).expand(3, 3))
torch.mm(s, s, out=torch.zeros(1).expand(3, 3))
torch.softmax(s, 0, out=torch.zeros(1).expand(3, 3))
torch.index_select(s, 0, i, out=s)
torch.index_select(s, 0, i, out=later)
torch.gather(s, 0, l, out=s)
torch.gather(s, 0, l, out=m[20:29].view(3, 3))
torch.take(s, l, out=later)
torch.take_along_dim(s, l, 0, out=later)
torch.masked_select(s, s > 1, out=m[:1])
torch.nonzero(i, out=i[:2].view(2, 1))
torch.index_add(s, 0, i, later, out=s)
torch.index_add(s, 0, i, m[20:29].view(3, 3), out=s)
torch.index_copy(s, 0, i, m[20:29].view(3, 3), out=later)
torch.scatter(s, 0, l, m[20:29].view(3, 3), out=s)
torch.scatter(m[20:29].view(3, 3), 0, l, s, out=s)
torch.scatter_add(s, 0, l, m[20:29].view(3, 3), out=later)
torch.relu(x, out=x)
torch.index_select(x, 0, n[0, :2], out=torch.empty(1).expand(3))
torch.masked_select(x, b, out=torch.empty(1).expand(2))
torch.take(x, n, out=torch.empty(1).expand(3))
torch.take(x, n, out=x.view(-1))
torch.masked_select(x, b, out=x)
torch.index_select(x, 0, n[0, :2], out=x)
torch.gather(x, 0, n.clamp(0, 1), out=x)
torch.nonzero(x, out=torch.empty(1, dtype=torch.int64).expand(3))
torch.gather(x, 0, n.clamp(0, 1), out=torch.empty(1).expand(3))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_given_dtypes = table(
    """
torch.sum(x, 0, dtype=torch.float64, out=torch.empty(3))
torch.prod(x, 0, dtype=torch.float64, out=torch.empty(3))
torch.cumsum(x, 0, dtype=torch.float64, out=torch.empty(2, 3))
torch.mean(x, 0, dtype=torch.float64, out=torch.empty(3))
torch.mean(x, dtype=torch.float64, out=torch.empty(()))
torch.mean(n, 0, dtype=torch.float64, out=torch.empty(3))
torch.nansum(x, 0, dtype=torch.float64, out=torch.empty(3))
torch.nanmean(x, 0, dtype=torch.float64, out=torch.empty(3))
torch.std(x, 0, out=torch.empty(3, dtype=torch.float64))
torch.var(x.double() / 3, 0, out=torch.empty(3))
torch.std(x, 0, out=torch.empty(3, dtype=torch.int64))
torch.mean(n, 3)
torch.mean(n, (0, 0))
torch.mean(x, (0, 0), dtype=torch.int64)
torch.var_mean(n)
torch.std_mean(n)
n.int().cumsum_(0)
n.int().cumsum_(0, dtype=torch.float32)
n.cumprod_(0, dtype=torch.int32)
torch.ones(2).addmm_(x, x.T)
torch.ones(1).addmv_(x, x[0])
torch.ones(1, 2, 2).baddbmm_(c, e)
torch.amax(n, 5, out=torch.empty(0))
torch.amax(x, (0, 0), out=torch.empty(0, dtype=torch.float64))
torch.any(x, dim=5, out=torch.empty(0))
torch.any(x, 0, out=torch.empty(0, dtype=torch.uint8))
torch.all(b, out=torch.empty(0, dtype=torch.uint8))
torch.cumsum(w, 5, out=torch.empty(0))
torch.cumsum(w, 1, out=torch.empty(0, dtype=torch.int64))
torch.amin(b, 1, out=w)
torch.std(b, dim=1, out=w)
torch.linalg.vector_norm(n, dim=0, out=w)
torch.min(x, 1, out=(w, torch.empty(0, dtype=torch.int64)))
torch.aminmax(b, out=(w, torch.empty(0)))
torch.argmax(w, 5, out=torch.empty(0, dtype=torch.int64))
torch.argmax(w, 0, out=torch.empty(0, dtype=torch.int64))
torch.softmax(x, 0, out=w)
torch.softmax(w, 5, out=x)
torch.softmax(w, 0, torch.float64, out=torch.empty(0))
torch.nansum(w, dim=0, dtype=torch.int64)
torch.cumsum(w, dim=0, dtype=torch.int64)
torch.cumsum(x[0, 0], 0, dtype=torch.bool)
torch.cumsum(x[:0], 0, dtype=torch.bool)
torch.cumsum(x, 0, dtype=torch.bool)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_overloads = table(
    """
torch.div(x, x, rounding_mode=1)
torch.div(x)
x.div(x, rounding_mode=1)
x.div_(2, rounding_mode=1)
torch.div(x, 2, rounding_mode=None)
torch.divide(x, x, rounding_mode=1)
torch.divide("a")
torch.true_divide("a")
torch.where(b, 1)
torch.where(b, "a", x)
torch.where(b, x, "a")
torch.where(1, x, x)
torch.where(b, 1, 2.5)
torch.where(b, x, 1)
torch.where(b, 1, x)
x.where(b)
x.where(b, "a")
x.where(b, 1)
torch.mm(x)
torch.mm(x, x.T, "a")
torch.addmm(x, x, x, beta="a")
torch.baddbmm(c, c, c, beta="a")
torch.baddbmm(c, x, x)
torch.baddbmm(torch.ones(2, 2, 2), c, e.double())
torch.baddbmm(torch.ones(2, 2, 2), c.double(), e)
torch.addmm(torch.ones(2), x.double(), x.T)
nn.Linear(3, 2)(x.double())
F.linear(c, x.double(), torch.ones(2).double())
torch.softmax(x, dim=0, keepdim=True)
x.argmax(dim=0, out=x)
torch.bitwise_left_shift(n, "a")
n.bitwise_right_shift("a")
x << 1
x >> n
n << 1.5
b >> b
w << 1
torch.linalg.vector_norm(torch.zeros(0, 3), -1)
torch.linalg.vector_norm(torch.zeros(0, 3), -2.5, 0)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_tensordot = table(
    """
torch.tensordot(x, x, dims=(0, 0))
torch.tensordot(x, x, dims="a")
torch.tensordot(x, x, dims=1.5)
torch.tensordot(x, x, dims=None)
torch.tensordot(x, x, dims=1)
torch.tensordot(x, x, dims=([-1], [0]))
torch.tensordot(x, x.double())
torch.tensordot(x, torch.ones(1, 3), dims=([0], [0]))
torch.tensordot(torch.ones(2, 1), x, dims=([1], [0]))
torch.tensordot(n, n[:1], dims=([0], [0]))
y = torch.tensordot(w, x[:1], dims=([0], [0])); graph(y); y.sum().backward()
""",
    setup=SETUP,
    tol=CLOSE,
)

# What PyTorch records without a formula, and numbers where they count as tensors.
test_softmax_and_numbers = table(
    """
o = torch.ones(2, 3); torch.softmax(w, 1, out=o); o
o = torch.ones(2, 3); torch.log_softmax(w.clone(), 1, out=o); o; o.sum().backward()
o = torch.ones(2, 3); torch.softmax(x, 1, out=o); o
o = w.clone(); torch.softmax(x, 1, out=o); o
o = w.clone(); torch.softmax(w, 1, out=o); o
o = w.clone(); torch.log_softmax(o, 1, out=o); o
o = torch.ones(4, 3)[:2]; torch.softmax(w, 1, out=o); o; o._base
with torch.no_grad(): torch.softmax(x, 1, out=w); w
torch.softmax(w, 1, out=w)
torch.softmax(x, 1, out=1)
torch.add(x, x, out=1)
torch.add(x, x, out=1.0)
torch.add(x, x, out=True)
torch.add(1, 1, out=1)
torch.add(w, w, out=1.0)
torch.sub(n, n, out=1.5)
torch.mul(n, n, out=1)
torch.div(n, n + 1, out=1)
torch.floor_divide(n, n + 1, out=1)
torch.multiply(n, n, out=1)
torch.subtract(n, n, out=1)
torch.add(n, n, out="a")
torch.add(n, n, out=[1])
torch.fmod(n, 2, out=1)
torch.sum(x, 0, out=1)
torch.cat([x, x], out=1)
torch.zeros(2, out=1)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_where_to_write = table(
    """
o = torch.ones(2, 3); F.hardshrink(x, out=o) is o; o; F.softshrink(x, 1.5, out=o) is o; o; torch.hardshrink(x, 2.5, out=o); o
o = torch.ones(2, 3); F.softplus(x, out=o) is o; o; F.logsigmoid(x, out=o) is o; o
o = torch.ones(2, 2); F.linear(x, x, out=o) is o; o; F.linear(x, x, torch.ones(2), out=o); o
F.linear(x, x, out=torch.ones(2, 2).double())
F.linear(x, w, out=torch.ones(2, 2))
F.softplus(w, out=torch.ones(2, 3))
F.hardshrink(x, out=torch.ones(2, 3).long())
F.softshrink(x, out=torch.ones(2))
o = torch.ones(2, 3).double(); torch.clamp(x, x - 1, x + 1, out=o); o; torch.clip(x, min=x + 1, out=o); o
torch.clamp(x, x, x, out=n)
torch.clamp(x, 0, 1, out=torch.ones(2, 3).double())
torch.complex(x, x, out=torch.ones(2, 3, dtype=torch.complex128))
torch.polar(x, x, out=torch.ones(2, 3))
torch.nan_to_num(x, out=torch.ones(2, 3).double())
torch.mv(x, x[0], out=torch.ones(2).double())
torch.expand_copy(w, (2, 2, 3), out=torch.ones(2, 2, 3)).grad_fn.name()
torch.permute_copy(w, (1, 0), out=torch.ones(3, 2)).sum().backward()
torch.view_copy(w, (6,), out=torch.ones(6, requires_grad=True))
o = torch.ones(6, requires_grad=True) * 1; torch.view_copy(x, (6,), out=o).grad_fn.name()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_numbers_that_count_as_tensors = table(
    """
torch.true_divide(3, 2); torch.divide(3.0, 2); torch.div(7.0, 2.0, rounding_mode="floor"); torch.divide(-7, 2, rounding_mode="trunc")
torch.divide(7, 2, rounding_mode=None); torch.div(True, 2, rounding_mode="floor"); torch.true_divide(1j, 2)
o = torch.ones(()); torch.divide(3, 2, out=o) is o; o; torch.true_divide(x, 2, out=x); x
torch.div(7, 0, rounding_mode="floor")
torch.div(3, 2, rounding_mode="up")
torch.true_divide(3, "2")
""",
    setup=SETUP,
)

# Of an out= of another shape and another dtype some operations change the shape first, with a warning, others look first.
test_shape_or_dtype_first = table(
    "\n".join(
        f"torch.{call}, out=torch.ones(7, 2).short())"
        for call in (
            "t_copy(x", "diagonal_copy(x", "view_copy(x, (6,)", "slice_scatter(x, x", "dot(x[0], x[0]", "vdot(x[0], x[0]",
            "kron(x, x", "mean(x, 0", "std(x", "var(x, 1", "stack([x, x]", "cat([x, x]", "mm(x, x.t()", "sum(x, 0",
            "matmul(x, x[0]", "addmm(x.t() @ x, x.t(), x", "gather(x, 0, (n > 1).long()", "softmax(x, 0",
        )
    ),
    setup=SETUP,
)  # fmt: skip
