"""Reading and writing through every kind of index."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import parity, table

SETUP = """
x = torch.arange(24.0).view(2, 3, 4); v = torch.arange(5.0); s = torch.tensor(7.0)
m = torch.tensor([True, False, True]); i = torch.tensor([0, 2, -1]); j = torch.tensor([[0, 1], [1, 0]])
"""

# What stands between the brackets of x[...].
INDICES = """
0
-1
1, 2
1, 2, 3
-1, -1, -1
2
-3
0, 3
0, 0, 4
0, 0, 0, 0
True
False
None
...
..., 0
0, ...
..., 0, None
..., ...
None, 0
0, None, 1
None, None
:
1:
:1
::2
:, ::2
:, 1:3, ::3
:, :, 3:1
:, :, -2:
:, :, -100:100
:, 5:
::-1
:, ::0
:, ::100
1:2, None, :, 0
:, True
None, True
slice(0, 1)
slice(None), slice(1, None, 2)
[0]
[0, 1]
[0, 1, 1, 0]
[-1, 0]
[2]
[0, -3]
[]
[[0, 1], [1, 0]]
[True, False]
[True, False, True]
:, [True, False, True]
:, [0, 2]
:, :, [3, 0, 3]
[0, 1], [0, 2]
[0, 1], [0, 2], [1, 3]
[0, 1], [[0], [2]]
[0, 1], [0, 1, 2]
[0, 1], :, [1, 3]
0, :, [1, 3]
[0, 1], 1
1, [0, 2]
..., [0, 1]
[0, 1], ...
None, [0, 1]
[0, 1], None
:, [0, 1], [1, 2]
:, None, [0, 1]
i
:, i
:, i, i
i[:2]
j
:, j
j, j
j, 0
0, j
j, :, j
j[:0]
:, m
:, m, 1
:, m, :2
1, m
m
m, 0
:, :, m
0, :, m
x > 5
x[0] > 5
:, x[0] > 5
x > 100
x[:, 0] > 5
torch.tensor(1)
torch.tensor(-1), 0
torch.tensor([1])
torch.tensor(True)
torch.tensor(False)
torch.tensor([1, 0], dtype=torch.int32)
torch.tensor([1, 0], dtype=torch.int16)
torch.tensor([1, 0], dtype=torch.uint8)
torch.tensor([1, 0], dtype=torch.int8)
torch.tensor([1.0])
torch.tensor(1.0)
torch.tensor([], dtype=torch.int64)
np.array([1, 0])
np.array([True, False])
:, np.array([0, 2])
np.int64(1)
np.array(1)
range(2)
(0, 1)
((0, 1),)
((0, 1), (1, 2))
[0, None]
[0, slice(None)]
torch.tensor([[0], [1]]), torch.tensor([[0, 1]])
torch.tensor([0]), torch.tensor([0, 1, 2])
torch.tensor([5])
:, torch.tensor([3])
:, torch.tensor([-4])
1.5
"a"
[1.5]
{}
"""

lines = INDICES.strip().splitlines()

test_read = table("\n".join(f"x[{line}]" for line in lines), setup=SETUP)
test_read_of_a_transposed = table("\n".join(f"x.mT.mT[{line}]" for line in lines[:60]), setup=SETUP)
test_write_number = table("\n".join(f"x[{line}] = -1" for line in lines), setup=SETUP)
test_write_tensor = table(
    "\n".join(f"y = x.clone(); x[{line}] = torch.full_like(y[{line}], -2)" for line in lines),
    setup=SETUP,
)
test_in_place_through_an_index = table("\n".join(f"x[{line}] += 10" for line in lines), setup=SETUP)
test_gradient_of_read = table(
    "\n".join(f"y = x[{line}]; (y * y).sum().backward()" for line in lines),
    setup=SETUP + "x.requires_grad_()",
)
test_gradient_of_write = table(
    "\n".join(
        f"y = x * 1; w = torch.full_like(x[{line}].detach(), 3.0).requires_grad_(); "
        f"y[{line}] = w * 2; (y * y).sum().backward(); graph(y)"
        for line in lines
    ),
    setup=SETUP + "x.requires_grad_()",
)

test_other_cases = table(
    """
v[1]
v[5]
v[-6]
v[1:4][1]
v[m]
v[torch.tensor([True, False, True, False, True])]
v[v > 2]
v[[0, 0, 1]]
v[torch.tensor([4, 0])]
v[torch.tensor([5])]
v[torch.tensor([-6])]
v[torch.tensor([-5])]
s[0]
s[()]
s[...]
s[None]
s[True]
s[torch.tensor(True)]
s[:]
s[[]]
s[...] = 3; s
s[()] = 3; s
s[0] = 3
s[None] = 3; s
torch.zeros(0)[0]
torch.zeros(0)[torch.tensor([0])]
torch.zeros(0)[torch.tensor([], dtype=torch.int64)]
torch.zeros(0, 3)[:, 1]
torch.zeros(0, 3)[0]
torch.zeros(3, 0)[0]
torch.zeros(3, 0)[[0, 2]]
v[2**40]
v[2**63]
v[-(2**40):2**40]
v["a":]
v[1.5:]
v[torch.tensor(1):torch.tensor(3)]
v[np.int64(1):]
v[1:4] = torch.tensor([1.0, 2.0, 3.0]); v
v[1:4] = torch.tensor([1, 2, 3]); v
v[1:4] = 2.5; v
v[1:4] = torch.tensor([9.0]); v
v[1:4] = torch.tensor([1.0, 2.0])
v[1:4] = torch.ones(2, 3)
v[1:4] = torch.ones(1, 3); v
v[1:4] = [1, 2, 3]
v[1:4] = np.ones(3)
v[1:4] = "a"
v[1:4] = None
v[i] = torch.tensor([1.0, 2.0, 3.0]); v
v[i] = torch.tensor([1, 2, 3])
v[i] = torch.tensor(4); v
v[i] = torch.tensor([1.0, 2.0])
v[i] = torch.ones(2, 3)
v[v > 2] = 0; v
v[v > 2] = torch.tensor([8.0, 9.0]); v
v[v > 2] = torch.tensor([8.0, 9.0, 10.0])
v[v > 2] = torch.tensor([8, 9])
v[v > 2] *= 2; v
v[0] = True; v
v[0] = torch.tensor([1.0]); v
v[0] = torch.tensor([1.0, 2.0])
w = v.long(); w[0] = 2.7; w
w = v.long(); w[1:3] = torch.tensor([1.5, 2.5]); w
w = v.long(); w[[0, 1]] = 2.7; w
w = v.bool(); w[0] = 5; w
w = v.half(); w[0] = 1e6; w
x[0] = v
x[0, 0] = v[:4]; x
x[:, 0] = x[:, 1]; x
x[..., 0] = torch.tensor([[1.0], [2.0]]); x
x[0][1][2] = 50; x
v.expand(2, 5)[0, 0] = 3
v[:] = v.flip(0); v
v[1:] = v[:-1]
v[:-1] = v[1:]
x.index_put_((i,), s)
v.index_put((torch.tensor([0, 0]),), torch.tensor([1.0, 2.0]), accumulate=True)
v.index_put_((torch.tensor([1, 1, 2]),), torch.ones(3), accumulate=True)
v.nonzero()
x.nonzero()[:3]
x[x[0, 0] > 0, 0]
v[None, :, None]
v.__getitem__(1); v.__setitem__(0, 5); v
del v[0]
v[...]
v[:] is v
v[0]._version; v[0:2].add_(1); v._version
3 in v; 9 in v
v.index_select(0, i)
v.take(i)
torch.where(v > 2)
torch.where(v > 2, v, -v)
torch.where(v > 2, v, 0)
torch.where(v > 2, 1, 0)
torch.where(v > 2, 1.5, v.long())
torch.where(v, v, v)
torch.where(v > 2, torch.ones(2), v)
v.where(v > 2, torch.tensor(0.0))
""",
    setup=SETUP,
)


@parity
def test_out_of_range_is_refused_and_writes_nothing(torch):
    for bad in (5, -6, 100, -100, 2**31, 2**62, -(2**62)):
        x = torch.arange(5.0)
        index = torch.tensor([0, bad])
        yield lambda: x[index]
        yield lambda: x.__setitem__(index, 9.0)
        yield lambda: x.index_put_((index,), torch.ones(2))
        yield lambda: x.index_select(0, index)
        yield lambda: x.gather(0, index)
        yield lambda: x.scatter_(0, index, 1.0)
        yield lambda: x.index_add_(0, index, torch.ones(2))
        yield lambda: x.index_fill_(0, index, 3.0)
        yield lambda: torch.nn.functional.embedding(index, torch.ones(5, 2))
        yield lambda: torch.nn.functional.one_hot(index.clamp(-6, 100), 5)
        yield lambda: x.take(index)


@parity
def test_indices_that_are_not_contiguous(torch):
    x = torch.arange(24.0).view(2, 3, 4)
    z = torch.arange(1.0, 25.0).view(4, 2, 3).movedim(0, 2).requires_grad_()
    transposed = torch.arange(6).view(2, 3).t() % 2
    turned = (torch.arange(24).view(2, 3, 4) % 3).permute(2, 0, 1)
    yield lambda: x[transposed]
    yield lambda: x[torch.arange(3).view(3, 1) % 2, transposed]
    yield lambda: z[torch.arange(3).view(3, 1) % 2, transposed]
    yield lambda: z[:, turned]
    yield lambda: z[..., turned[:, 0], :][transposed, transposed]
    yield lambda: z[transposed, :, transposed]
    z[transposed, :, transposed].pow(2).sum().backward()
    yield z.grad
    y = x.clone()
    y[transposed, torch.arange(6).view(2, 3).t() // 2] = (
        torch.arange(24.0).view(4, 2, 3).permute(2, 1, 0)
    )
    yield y
    # Values with the same stride in both dims of the index.
    y = torch.zeros(4, 6)
    y[torch.arange(4).view(2, 2)] = torch.arange(4.0).as_strided((2, 2, 1), (1, 1, 0))
    yield y
