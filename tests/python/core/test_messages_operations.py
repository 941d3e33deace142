"""Operands that do not fit: shapes, dims, indices out of range, dtypes.

A case is a line of code; what it raises or warns of is compared between the two engines, so that no
text of PyTorch stands here (and values only have to be near). `x` is a matrix, `w` one that requires grad, `n` one of integers.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SETUP = """
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) + 1).requires_grad_()
n = x.long()
"""

test_cat = table(
    """
torch.cat([])
torch.cat(x)
torch.cat(x, x)
torch.cat([x, x], 5)
torch.cat([x, x[0]])
torch.cat([x, torch.ones(2, 4)])
torch.cat([x, torch.ones(3, 3)], 1)
torch.cat([x, 1])
torch.cat([x, None])
torch.cat([torch.tensor(1.), x])
torch.cat((x, x), "a")
torch.cat([x, x], dims=0)
torch.cat()
torch.cat([x, x], out=torch.empty(4, 3, dtype=torch.int64))
torch.stack([])
torch.stack([x, x[0]])
torch.stack([x, x], 5)
torch.stack(x)
torch.stack([1, 2])
torch.stack([x, torch.ones(2, 4)])
torch.hstack([])
torch.vstack([x, torch.ones(2, 4)])
torch.hstack([x, torch.ones(3, 4)])
torch.dstack([x, torch.ones(3, 4)])
torch.column_stack([x, torch.ones(3)])
""",
    setup=SETUP,
    tol=CLOSE,
)

test_broadcasting = table(
    """
x + torch.ones(4)
x.add(torch.ones(4))
x.add_(torch.ones(4))
torch.add(x, torch.ones(4))
torch.add(x, torch.ones(4), out=torch.empty(0))
x += torch.ones(4)
x - torch.ones(3, 2)
x * torch.ones(3, 2)
x / torch.ones(3, 2)
x ** torch.ones(3, 2)
x // torch.ones(3, 2)
x % torch.ones(3, 2)
x == torch.ones(3, 2)
x < torch.ones(3, 2)
n & torch.ones(3, 2).long()
torch.maximum(x, torch.ones(3, 2))
torch.atan2(x, torch.ones(3, 2))
torch.where(x > 1, x, torch.ones(3, 2))
torch.where(torch.ones(4) > 1, x, x)
torch.lerp(x, torch.ones(3, 2), 0.5)
torch.lerp(x, x, torch.ones(3, 2))
torch.addcmul(x, x, torch.ones(3, 2))
torch.clamp(x, torch.ones(3, 2))
torch.logical_and(x, torch.ones(3, 2))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_assignment = table(
    """
x.copy_(torch.ones(4))
x.copy_(torch.ones(3, 2))
x.copy_(5)
x.copy_("a")
x[0] = torch.ones(4)
x[:] = torch.ones(3, 2)
x[0] = "a"
x[0] = None
x[0] = [1, 2]
x[0] = [1, 2, 3]; x
x[0] = (1, 2, 3)
x[0, 0] = torch.ones(2)
x[0, 0] = torch.ones(1); x
x[[0, 1]] = torch.ones(3, 3)
x[x > 1] = torch.ones(3)
x[x > 1] = torch.ones(4); x
x[x > 1] = "a"
x[n] = 1
x[5] = 1
x[0, 5] = 1
x[[5]] = 1
x[[0], [5]] = 1
x[-3] = 1
x[0, 0, 0] = 1
x["a"] = 1
x[1.0] = 1
x[None, "a"] = 1
""",
    setup=SETUP,
    tol=CLOSE,
)

test_reading_by_index = table(
    """
x[5]
x[0, 5]
x[0, -4]
x[[5]]
x[[0, 5]]
x[[[0, 5]]]
x[:, [5]]
x[0, [5]]
x[[0], [5]]
x[[0, 1], [0, 1, 2]]
x[n]
x[torch.tensor(5)]
x[torch.tensor([5])]
x[torch.tensor([-3])]
x[torch.tensor([0.5])]
x[torch.tensor(0.5)]
x[1.0]
x["a"]
x[["a"]]
x[[0.5]]
x[[1.5, 2]]
x[None, None, 5]
x[..., 5]
x[..., ...]
x[0, 0, 0]
x[0, :, 0]
x[..., 0, 0, 0]
x[::-1]
x[::0]
x["a":]
x[:1.5]
x[torch.tensor([0]):]
x[torch.tensor([0, 1]):]
x[torch.tensor(0.5):]
x[torch.ones(3) > 0]
x[torch.ones(2, 2) > 0]
x[torch.ones(2, 3, 1) > 0]
x[:, torch.ones(2) > 0]
x[torch.ones(3, dtype=torch.uint8)]
x[torch.ones(2, dtype=torch.uint8)]
x[[True, False, True]]
x[[True, False]]
x[True]; x[False]; x[True, 0]
x[{}]
x[{1}]
x[object()]
x[np.array([5])]
x[np.array(["a"])]
x[np.int64(5)]
x[np.float64(1)]
x[range(5)]
x[range(2)]
x[slice(0, 1), slice(0, 1), slice(0, 1)]
x[0][0][0]
x[()] ; x[[]]
torch.tensor(1.)[:]
torch.tensor(1.)[[0]]
torch.tensor(1.)[None][5]
torch.tensor(1.)[0] = 1
del x[0]
torch.ones(0, 3)[0]
torch.ones(0, 3)[torch.tensor([0])]
torch.ones(0, 3)[:, 3]
w[5]
w[[5]]
w[:, n]
""",
    setup=SETUP,
    tol=CLOSE,
)

test_index_operations = table(
    """
x.index_select(0, torch.tensor([5]))
x.index_select(0, torch.tensor([-1]))
x.index_select(1, torch.tensor([5]))
x.index_select(5, torch.tensor([0]))
x.index_select(0, n)
x.index_select(0, torch.tensor([0.0]))
x.index_select(0, 0)
x.index_select(0, [0])
torch.index_select(x, 0, torch.tensor([0]), out=torch.empty(1, 3, dtype=torch.int64))
x.gather(0, torch.tensor([[5]]))
x.gather(0, torch.tensor([[-1]]))
x.gather(0, torch.tensor([0]))
x.gather(5, n)
x.gather(0, n.float())
x.gather(0, torch.zeros(2, 4).long())
x.gather(1, torch.zeros(3, 3).long())
x.gather(0)
x.gather(0, 1)
x.scatter(0, torch.tensor([[5]]), 1.0)
x.scatter(0, torch.tensor([0]), 1.0)
x.scatter(0, n, x)
x.scatter(0, n.float(), x)
x.scatter(5, n, x)
x.scatter(0, torch.zeros(2, 4).long(), 1.0)
x.scatter(0, torch.zeros(2, 3).long(), torch.ones(1, 3))
x.scatter(0, torch.zeros(2, 3).long(), n)
x.scatter_(0, torch.tensor([[-1]]), 1.0)
x.scatter_add(0, torch.tensor([[5]]), x)
x.take(torch.tensor([6]))
x.take(torch.tensor([-7]))
x.take(torch.tensor([0.5]))
torch.ones(0).take(torch.tensor([0]))
x.index_add(0, torch.tensor([5]), x[:1])
x.index_add(0, torch.tensor([-1]), x[:1])
x.index_add(0, torch.tensor([0, 1]), x[:1])
x.index_add(0, torch.tensor([0]), x[0])
x.index_add(0, torch.tensor([0]), torch.ones(1, 4))
x.index_add(0, torch.tensor([0]), x[:1].double())
x.index_add(0, torch.tensor([0.0]), x[:1])
x.index_add(0, n, x)
x.index_add(5, torch.tensor([0]), x[:1])
x.index_copy(0, torch.tensor([5]), x[:1])
x.index_copy(0, torch.tensor([0, 1]), x[:1])
x.index_copy(0, torch.tensor([0]), torch.ones(1, 4))
x.index_copy(0, torch.tensor([0]), x[:1].double())
x.index_copy(0, torch.tensor([0.0]), x[:1])
x.index_fill(0, torch.tensor([5]), 1.0)
x.index_fill(0, torch.tensor([0.0]), 1.0)
x.index_fill(0, torch.tensor([0]), torch.ones(2))
x.index_fill(5, torch.tensor([0]), 1.0)
x.index_fill(0, n, 1.0)
x.index_put((torch.tensor([5]),), x[0])
x.index_put((torch.tensor([0]),), x[0].double())
x.index_put([torch.tensor([0])] * 3, x[0])
x.index_put(torch.tensor([0]), x[0])
x.index_put((torch.tensor([0]),), 1.0)
x.index_put((torch.tensor([0]),), torch.ones(4))
x.masked_fill(x, 0)
x.masked_fill(n, 0)
x.masked_fill(torch.ones(4) > 0, 0)
x.masked_fill(x > 1, torch.ones(2))
x.masked_fill(x > 1, "a")
n.masked_fill(x > 1, 1.5)
x.masked_select(x)
x.masked_select(torch.ones(4) > 0)
x.masked_select([True])
torch.nonzero(1)
torch.where(x)
torch.where(x, x, x)
torch.where(n, x, x)
torch.embedding(x, torch.tensor([5]))
F.embedding(torch.tensor([5]), x)
F.embedding(torch.tensor([-1]), x)
F.embedding(torch.tensor([0.0]), x)
F.embedding(torch.tensor([0]), x[0])
F.embedding(torch.tensor([0]), x, padding_idx=5)
nn.Embedding(2, 3)(torch.tensor([2]))
nn.Embedding(2, 3)(x)
nn.Embedding(2, 3, padding_idx=2)
nn.Embedding(2, 3, padding_idx=-3)
F.one_hot(torch.tensor([5]), 3)
F.one_hot(torch.tensor([-1]))
F.one_hot(x)
F.one_hot(torch.tensor([0]), 0)
F.one_hot(torch.ones(0).long())
""",
    setup=SETUP,
    tol=CLOSE,
)

test_products = table(
    """
x @ x
x.matmul(x)
torch.matmul(x, x)
torch.matmul(x, torch.tensor(1.))
torch.matmul(torch.tensor(1.), x)
torch.matmul(x, x, out=torch.empty(0))
x.mm(x)
torch.mm(x, x)
torch.mm(x[0], x)
torch.mm(x, x[0])
torch.mm(x[None], x)
torch.bmm(x, x)
torch.bmm(x[None], x[None])
torch.bmm(x[None], torch.ones(2, 3, 1))
x.mv(torch.ones(2))
torch.mv(x, x)
torch.mv(x[0], x[0])
torch.dot(x, x)
torch.dot(x[0], torch.ones(2))
torch.dot(x[0], x[0].double())
torch.dot(x[0], 1)
torch.vdot(x, x)
torch.outer(x, x)
torch.outer(x[0], x)
torch.ger(x, x)
torch.inner(x, torch.ones(2))
torch.addmm(x, x, x)
torch.addmm(torch.ones(5), x, x.T)
torch.addmm(x[0], x[0], x)
torch.addmv(x[0], x, x[0])
torch.addmv(torch.ones(5), x, x[0])
torch.baddbmm(torch.ones(5), x[None], x.T[None])
F.linear(x, torch.ones(4, 2))
F.linear(x, torch.ones(4, 3), torch.ones(5))
F.linear(x, torch.ones(3), torch.ones(5))
F.linear(x, torch.ones(2, 2, 3))
nn.Linear(2, 4)(x)
nn.Linear(3, 4)("a")
nn.Linear(3, 4)()
nn.Linear(3, 4)(x, x)
nn.Linear("a", 4)
nn.Linear(-1, 4)
x @ x.T.double()
torch.mm(x, x.T.double())
torch.mm(n, x.T)
torch.mv(x, x[0].double())
torch.bmm(x[None], x.T[None].double())
torch.matmul(n, n.T); torch.matmul(x > 1, (x > 1).T)
torch.addmm(x[:, :2].double(), x, x.T)
F.linear(x, x.double())
F.linear(x, x, torch.ones(2).double())
F.linear(x.half(), x)
torch.einsum("ij,jk->ik", x, x)
torch.einsum("ij", x, x)
torch.einsum("ij,jk", x)
torch.einsum("ijk", x)
torch.einsum("i1", x)
torch.einsum("ij->ik", x)
torch.einsum("ij->ii", x)
torch.einsum("ii", x)
torch.einsum("i.j", x)
torch.einsum("ij->", "a")
torch.einsum(x)
torch.einsum("...ij->ij", torch.ones(2, 2, 2))
torch.tensordot(x, x, 5)
torch.tensordot(x, x, ([0], [0, 1]))
torch.tensordot(x, x, -1)
torch.linalg.vector_norm(n)
torch.norm(n)
x.norm(p="a")
x.norm(dim=5)
torch.dist(x, torch.ones(4))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_reductions = table(
    """
x.sum(5)
x.sum(-3)
x.sum((0, 5))
x.sum((0, 0))
x.sum((0, -2))
torch.sum(x, 5)
x.mean(5)
n.mean()
n.mean(0)
(x > 1).mean()
n.mean(dtype=torch.int64)
x.prod(5)
x.prod((0, 1))
x.max(5)
x.min(5)
x.amax(5)
x.amin((0, 0))
x.aminmax(dim=5)
x.argmax(5)
x.argmin(5)
torch.ones(0).max()
torch.ones(0).min()
torch.ones(0).amax()
torch.ones(0).argmax()
torch.ones(0).aminmax()
torch.ones(2, 0).max(1)
torch.ones(2, 0).min(1)
torch.ones(2, 0).amax(1)
torch.ones(2, 0).aminmax(dim=1)
x.all(5)
x.any(5)
x.all((0, 5))
x.var(5)
x.std(5)
n.var()
n.std()
(x > 1).std()
torch.std(n, 0)
x.var(0, correction="a")
x.var(unbiased="a")
torch.tensor(1.).var()
torch.ones(1).std()
x.logsumexp()
x.logsumexp(5)
x.cumsum()
x.cumsum(5)
x.cumprod(5)
x.cumsum("a")
x.softmax()
x.softmax(5)
n.softmax(0)
F.softmax(x)
F.softmax(n, 0)
F.softmax(x, 5)
F.log_softmax(x)
F.log_softmax(n, 0)
x.log_softmax(5)
nn.Softmax()(x)
nn.LogSoftmax()(x)
nn.Softmin()(x)
F.softmin(x)
x.count_nonzero(5)
x.nansum(5)
torch.sum(x, 0, out=torch.empty(3, dtype=torch.int64))
torch.sum(x, 0, out=torch.empty(5))
torch.max(x, 0, out=torch.empty(3))
torch.max(x, 0, out=(torch.empty(3), torch.empty(3)))
torch.max(x, 0, out=(torch.empty(3), torch.empty(3).long(), torch.empty(3)))
torch.argmax(x, 0, out=torch.empty(3))
torch.min(x, out=torch.empty(()))
""",
    setup=SETUP,
    tol=CLOSE,
)
