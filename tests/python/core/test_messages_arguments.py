"""Wrong arguments: what is no operand, what is missing, what has the wrong type or does not fit.

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

test_objects = table(
    """
w.item()
int(w)
w.__bool__()
if w: pass
w and x
x[0] in x
[1, 2] in x
None in x
len(torch.tensor(1))
for i in torch.tensor(1): pass
list(torch.tensor(1))
x.tolist()[5]
x()
getattr(x, "nope")
torch.device()
torch.device(1.0)
torch.device(None)
torch.device("cpu", 0, 1)
torch.device(index=0)
torch.device(foo=1)
torch.device("cpu", foo=1)
torch.device("cpu", 1.0)
torch.device("cpu", None)
torch.device("cpu", -1)
torch.device([])
torch.device([1, "a"])
torch.device((1,))
torch.device(torch.Size([1]))
torch.device(torch.float32)
torch.device(b"cpu")
torch.device(True)
torch.device(x)
torch.device(device="cpu")
torch.device(type=None)
torch.device("cpu", type="cpu")
torch.device(torch.device("cpu"), 0)
torch.Size([np.int64(1), np.int32(2)])
torch.Size(np.array([1, 2]))
torch.Size([np.float64(1)])
torch.Size([torch.tensor(1), True])
torch.from_numpy()
torch.from_numpy(np.ones(2), 1)
torch.from_numpy(ndarray=np.ones(2))
torch.add(torch.device("cpu"), 1)
torch.cumsum(x, torch.Size([1]))
torch.cumsum(x, torch.strided)
torch.div(x, 2, rounding_mode=b"floor")
torch.div(x, x, rounding_mode=b"trunc")
x.div_(2, rounding_mode=b"foo")
""",
    setup=SETUP,
    tol=CLOSE,
)

test_operators = table(
    """
x < "a"
x == "a"; x != None; x == []
x + "a"
x + None
x + [1, 2, 3]
"a" + x
None + x
[1] + x
x - "a"
x * None
x / "a"
x // "a"
x % "a"
x ** "a"
x @ "a"
x @ 2
2 @ x
x & 1
x | x
~x
x ^ 1
x += "a"
x @= x
-(x > 1)
+(x > 1)
abs(x > 1)
divmod(x, 2)
x.__lt__("a"); x.__add__("a")
""",
    setup=SETUP,
    tol=CLOSE,
)

test_arguments = table(
    """
torch.add(x)
torch.add()
torch.add(x, x, x)
torch.add(x, "a")
torch.add("a", x)
torch.add(x, None)
torch.add(x, x, beta=1)
torch.add(x, x, alpha="a")
torch.add(x, x, alpha=None)
torch.add(x, x, out=None)
x.add()
x.add(x, x)
x.add(x, out=x)
x.add_(x, x)
x.mul("a")
x.mul(x, x)
torch.mul(x, y=2)
torch.sub(x, [1])
torch.div(x, x, rounding_mode="up")
torch.pow(x)
torch.pow(2, 2)
torch.pow("a", 2)
torch.exp()
torch.exp(1)
torch.exp("a")
torch.exp(x, x)
torch.exp(x, dim=1)
x.exp(1)
x.exp(out=x)
torch.sum()
torch.sum(1)
torch.sum(x, "a")
torch.sum(x, dim="a")
torch.sum(x, 1.5)
torch.sum(x, [0, 1.5])
torch.sum(x, 0, 1, 2)
torch.sum(x, 0, keepdim="a")
torch.sum(x, dtype="a")
torch.sum(x, dtype=float)
x.sum(0, 1)
x.sum(nope=1)
x.mean("a")
x.max("a")
x.max(0, 1, 2)
torch.max(x, x, x)
torch.max()
x.argmax("a")
""",
    setup=SETUP,
    tol=CLOSE,
)

test_shapes = table(
    """
x.view()
x.view("a")
x.view(1.5)
x.view((2, 3.5))
x.view([2, "a"])
x.view(3, 2.0)
x.view(None)
x.reshape("a")
x.reshape(2, 1.5)
x.reshape()
torch.reshape(x, 6)
torch.reshape(x, 2, 3)
x.permute("a")
x.permute()
x.permute(0)
x.permute(0, 0)
x.permute(0, 5)
x.permute(0, 1, 2)
torch.permute(x, 0, 1)
x.transpose(0)
x.transpose()
x.transpose("a", 1)
x.transpose(0, 5)
x.transpose(0, 1, 2)
torch.transpose(x, 0)
x.t(1)
torch.ones(2, 2, 2).t()
x.expand()
x.expand("a")
x.expand(3, 3)
x.expand(-1)
x.expand(-1, 2, 3)
x.expand(2, -2)
x.expand(6)
torch.ones(1).expand(-1, -1)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_dims = table(
    """
torch.broadcast_to(x, (3, 3))
torch.broadcast_to(x, 3)
torch.broadcast_tensors(x, torch.ones(4))
torch.broadcast_shapes((2, 3), (4,))
torch.broadcast_shapes("a")
x.squeeze("a")
x.squeeze(5)
x.unsqueeze()
x.unsqueeze(5)
x.unsqueeze(-4)
x.unsqueeze("a")
x.unsqueeze(1.0)
x.flatten(5)
x.flatten(0, 5)
x.flatten("a")
x.unflatten(0, (2, 2))
x.unflatten(0, (-1, -1))
x.unflatten(5, (1, 2))
x.unflatten(0, ())
x.unflatten(0, (-1, 4))
x.select(0)
x.select(5, 0)
x.select(0, 5)
x.select(0, -3)
torch.tensor(1.).select(0, 0)
x.narrow(0, 0, 5)
x.narrow(0, 3, 1)
x.narrow(0, -5, 1)
x.narrow(0, 0, -1)
x.narrow(5, 0, 1)
torch.tensor(1.).narrow(0, 0, 1)
x.logsumexp(())
x.logsumexp([])
x.logsumexp((), keepdim=True)
x[:0].logsumexp(())
torch.tensor(1.0).logsumexp(())
x[::2**63-1]
x[:, ::2**63-1]
x[0:2:2**63-1]
x[1::2**63-1]
x[::2**62]
x[::2**63-1] = 1
torch.ones(1)[::2**63-1]
torch.zeros(2, 0).var(correction=-1)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_parts = table(
    """
x.split(0)
x.split(-1)
x.split([1, 2])
x.split([-1, 3])
x.split("a")
x.split(1, 5)
torch.split(x, 1.5)
torch.split(x)
torch.tensor(1.).split(1)
x.chunk(2, 5)
x.chunk("a")
torch.tensor(1.).chunk(1)
x.tensor_split(0)
x.tensor_split("a")
torch.tensor(1.).tensor_split(1)
x.unbind(5)
torch.tensor(1.).unbind()
x.diagonal(0, 0, 0)
x.diagonal(0, 0, 5)
x[0].diagonal()
x.unfold(0, 5, 1)
x.unfold(0, 1, 0)
x.unfold(5, 1, 1)
x.unfold(0, -1, 1)
x.movedim(0, 5)
x.movedim((0, 0), (0, 1))
x.movedim((0, 1), (0, 0))
x.movedim((0, 1), (0,))
torch.movedim(x, 0, "a")
x.swapaxes(0, 5)
x.as_strided((10,), (1,))
x.as_strided((2,), (1, 1))
x.as_strided((2,), (-1,))
x.as_strided((-2,), (1,))
x.as_strided((2,), (1,), -1)
x.as_strided((2,))
""",
    setup=SETUP,
    tol=CLOSE,
)

test_sizes = table(
    """
x.view(7)
x.view(-1, -1)
x.view(-2, 3)
x.view(-1, 4)
x.view(5, -1)
x.T.view(6)
x.reshape(7)
x.reshape(-1, -1)
x.reshape(4, -1)
x.reshape(-5, 3)
x.view_as(torch.ones(7))
x.reshape_as(torch.ones(7))
x.view_as(1)
x.repeat(2)
x.repeat()
x.repeat(-1, 1)
x.repeat("a")
x.tile("a")
x.repeat_interleave(-1)
x.repeat_interleave(torch.tensor([1, 2, 3]), 0)
x.repeat_interleave(torch.tensor([-1, 2]), 0)
x.repeat_interleave(2, 5)
x.roll(1, 5)
x.roll((1, 2), 0)
x.roll("a")
x.roll((), 0)
x.flip(5)
x.flip(0, 0)
x.flip("a")
x[0].tril()
torch.tril(torch.tensor(1.))
x.tril("a")
""",
    setup=SETUP,
    tol=CLOSE,
)

# Bool tensors in lists of ints, lists in the place of lists of tensors, keywords that nobody knows.
test_lists_and_keywords = table(
    """
x.split(torch.tensor([1, 1]))
x.split(torch.tensor([1]))
x.split(torch.tensor(()))
x.split(torch.tensor([[1, 1]]))
x.split(torch.tensor([1.0, 1.0]))
x.split(torch.tensor(1.5))
torch.split(x, torch.tensor([1, 1]))
torch.tensor_split(x, torch.tensor([[1]]))
torch.tensor_split(x, torch.tensor([[1, 2]]))
torch.tensor_split(x, torch.tensor([1]))
torch.tensor_split(x, torch.tensor([2], dtype=torch.int32))
torch.tensor_split(x, torch.tensor(2.0))
x.amax(torch.tensor(True))
torch.amin(x, dim=torch.tensor(False))
x.amax((torch.tensor(True),))
x.sum(torch.tensor(True))
x.std(torch.tensor(True))
x.flip(torch.tensor(True))
x.roll(torch.tensor(True))
x.count_nonzero(torch.tensor(True))
x.permute(torch.tensor(True))
x.view(torch.tensor(True))
x.reshape(torch.tensor(True))
x.expand(torch.tensor(True))
x.repeat(torch.tensor(True))
torch.zeros(torch.tensor(True))
x.new_zeros(torch.tensor(True))
torch.atleast_1d(x, n)
torch.atleast_2d(x, 1)
torch.atleast_3d()
torch.atleast_1d([x, 1])
torch.atleast_1d(torch.tensor(1), foo=1)
torch.max(x, 0, out=(1, 2))
torch.max(x, 0, out=(x, 2))
torch.add(0.0, [2], ..., "t", start=1)
x.addcmul(size=1)
x.sub_([1], True, 0.0, target=1)
x.copy_(x, (1,), max=1)
x.addbmm_(alpha=x)
x.var(object, dim=x, diagonal=x)
x.atan2(x, input=1)
torch.rsub(x)
torch.rsub(x, "a")
torch.rsub(x, 1, 2)
torch.rsub(x, x, 2)
x.subtract(1, 2)
x.subtract(1, 2, 3)
x.subtract_(1, 2, 3)
torch.subtract(x, "a", out=x)
torch.subtract(1, x)
torch.multiply(1, x)
torch.multiply(x, "a")
torch.multiply(x, "a", out=x)
torch.multiply(x, 1, out=x)
torch.floor_divide(1, x)
x.sub(float("inf"), n)
""",
    setup=SETUP,
    tol=CLOSE,
)
