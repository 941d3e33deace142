"""Operations that read and write by index: what their arguments may be, and in which order that is checked.

PyTorch refuses a leaf or view first, then looks at memory that elements share, shapes, dtypes and
last at the range of the indices; the cases have several of these faults at once.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SQUARE_BRACKETS = """if True:  # one step
    x = torch.arange(24.0).view(2, 3, 4); v = torch.arange(5.0); s = torch.tensor(7.0); e = torch.zeros(0, 3)
    g = torch.arange(24.0).view(2, 3, 4).requires_grad_(); xt = torch.arange(24.0).view(4, 3, 2).permute(2, 1, 0); xe=torch.arange(3.0).view(3,1).expand(2,3,4)
    n = torch.arange(24).view(2,3,4)
    m = torch.tensor([True, False, True]); i = torch.tensor([0, 2, -1]); j = torch.tensor([[0, 1], [1, 0]])
    class Ix:
        def __index__(self): return 1
    class Fl:
        def __float__(self): return 1.0
    class It:
        def __int__(self): return 1
    class Sq:
        def __len__(self): return 2
        def __getitem__(self, k):
            if k > 1: raise IndexError
            return k
    class Ar:
        def __array__(self, dtype=None, copy=None): return np.array([0, 1])
"""

test_square_brackets = table(
    """
x[[torch.tensor([0, 1])]]
torch.tensor([torch.tensor([0, 1])])
x[[torch.tensor([0, 1])], 0]
x[0, [torch.tensor([0, 1])]]
x[[torch.tensor([0])], 0]
x[[torch.tensor(0), torch.tensor(1)], 0]
x[[np.array([0, 1])], 0]
x[[np.array([0, 1]), 0], 0]
x[[[0, 1], np.array([0, 1])], 0]
x[[range(2)], 0]
x[[(0, 1)], 0]
x[[1.7], 0]
x[[-0.5], 0]
x[[float("nan")], 0]
x[[1e30], 0]
x[[True, 0], 0]
x[[True, 1.0], 0]
x[[np.bool_(True), np.bool_(False)], 0]
x[[np.float32(1)], 0]
x[[np.uint8(1)], 0]
x[[torch.tensor(1, dtype=torch.uint8)], 0]
x[[torch.tensor(True), torch.tensor(False)], 0]
x[[torch.tensor(1.0)], 0]
x[[torch.tensor(1.0, requires_grad=True)], 0]
x[[2**63], 0]
x[[None], 0]
x[[object()], 0]
x[[Ix()], 0]
x[[Fl()], 0]
x[[[]], 0]
x[[[], [1]], 0]
x[[[1], []], 0]
x[["a", "b"], 0]
x["ab", 0]
x[b"ab", 0]
x[bytearray(b"ab")]
x[memoryview(b"ab")]
x[[b"a"], 0]
x[[slice(None)], 0]
x[[...], 0]
x[[{}], 0]
x[np.array([1.0]), 0]
x[np.array([1.7, -1.2]), 0]
x[np.array([1], dtype=np.uint8), 0]
x[np.array([1], dtype=">i8"), 0]
x[np.array([[1]])[:, ::-1], 0]
x[np.array(1.0), 0]
x[np.array(1.7)]
x[np.array(1, dtype=np.uint8)]
x[np.array(["a"]), 0]
x[np.array([object()]), 0]
s[-1]
s[0]
s[1]
s[::0]
s[1.5:]
s[np.int64(0)]
s[np.int64(1)]
s[torch.tensor(0)]
s[torch.tensor([0])]
s[[0]]
s[0, 0]
s[0] = 1
s[-1] = 1
s[5] = 1
s[np.int64(0)] = 1
s[np.int64(1)] = 1
s[torch.tensor(0)] = 1
s[:] = 1
s[::0] = 1
s[::0] = "a"
n[::-1] = 2**63
n[::0] = float("nan")
n[0] = float("nan")
n[0] = 2**63
n[0] = -2**63-1
n[0] = 1e300
b = x > 3; b[0] = 1e300; b
u = n.to(torch.uint8); u[0] = -1; u
u = n.to(torch.uint8); u[0] = 256
u = n.to(torch.uint8); u[0] = -300
u = n.to(torch.uint8); u[0] = 2.7; u
u = n.to(torch.int8); u[0] = 200
u = n.half(); u[0] = 1e6; u[0,0,0]
x[0] = 1e300; x
x[0] = 2**70; x
x[False] = object()
x[False] = 1
x[True] = 1; x._version
x[False] = x
x[True] = torch.ones(5)
x[False] = torch.ones(5)
x[torch.tensor(False)] = torch.ones(5)
x[False, 0] = torch.ones(5)
x[...] = torch.ones(5)
x[...] = x; x._version
x[:] = x; x._version
x[()] = x; x._version
x[None] = x; x._version
x[0] = x[0]; x._version
xe[0] = 3; xe._version
xe[0] = torch.tensor(3)
xe[:] = 3
xe[...] = 3
xe[0, 0, 0] = 3
xe.fill_(1)
xe.fill_(torch.tensor(1.0))
xe.zero_()
xe.copy_(torch.tensor(1.0))
xe.expand(1, 2, 3, 4)
x.copy_(x); x._version
x.copy_(x)
g.copy_(g)
gl = g * 1; gl.copy_(gl); gl.grad_fn
gl = g * 1; gl[...] = gl; gl.grad_fn
gl = g * 1; gl[...] = gl; gl.sum().backward(); g.grad
g[...] = g
xe[...] = xe
xe.copy_(xe)
x[:2].copy_(x[:2])
n.fill_(torch.tensor(float("nan")))
x[torch.tensor([0]), 0, 0, 0]
x[m[:2], :, :, :]
x[[True, False], :, :, :]
x[[[True]*3]*2, :, :, :]
x[[[True]*3]*2, :, :]
x[[[True]*3]*2, :1]
x[torch.ones(2, 3, dtype=torch.bool), :1]
x[torch.ones(2, 3, dtype=torch.bool), :, :1]
x[torch.ones(2, 3, dtype=torch.bool).to(torch.uint8), :, :1]
x[np.ones((2, 3), dtype=bool), :1]
x[np.ones((2, 3), dtype=bool), :, :1]
x[np.ones((2, 3), dtype=bool), 0]
x[np.ones((2, 3), dtype=bool), :, 0]
x[[[True]*3]*2, 0]
x[[[True]*3]*2, :, 0]
x[[[True]*3]*2, [0]]
x[[[True]*3]*2, ..., 0]
x[..., [[True]*4]*3]
x[..., torch.ones(3, 4, dtype=torch.bool)]
x[..., np.ones((3, 4), dtype=bool)]
x[0, [[True]*4]*3]
x[[[True]*3]*2, None]
x[None, [[True]*3]*2]
x[torch.zeros(0, dtype=torch.bool), :, :, :]
x[torch.ones(2, 3, 4, 1, dtype=torch.bool)]
x[True, True, True, True, 0, 0, 0]
x[True, True, True, True, 0, 0, 0, 0]
x[m, torch.tensor([])]
x[torch.tensor([])]
x[torch.tensor([]), 0]
x[torch.tensor([], dtype=torch.float64), 0]
x[torch.zeros(0, 2)]
x[torch.tensor([], dtype=torch.int16)]
xe[(), torch.zeros(0, dtype=torch.bool)]
x[(), 0]
x[((), 0)]
x[(), m[:2].to(torch.uint8)]
x[(0,), ()]
x[range(0)]
x[[[0, 1], [1, 0]], 2**62:]
e[[[0, 1], [1, 0]], 2**62:]
e[[[0, 1], [1, 0]]]
e[[[0, 1], [1, 0]], 1:]
e[torch.tensor([0, 1]), :0]
e[torch.tensor([0, 1]), 0]
torch.zeros(2, 0)[:, torch.tensor([0])]
torch.zeros(2, 0)[torch.tensor([5])]
torch.zeros(2, 0)[torch.tensor([], dtype=torch.long)]
torch.zeros(2, 3)[torch.tensor([5]), :0]
v[..., ..., 0]
x[..., ..., 0]
x[..., 0, ...]
x[0, ..., 0, ..., 0]
x[..., ..., ..., ...]
x[-2**70:2]
x[:-2**70]
x[2**70:2**71]
x[-2**63:]
x[-2**63-1:]
x[:2**63-1]
x[:2**63]
x[2**62::2**62]
x[1:0]
x[torch.tensor(2**62):]
x[torch.tensor(2.0):]
x[torch.tensor([1, 2]):]
x[:torch.tensor([2])]
x[:torch.tensor(1.0, requires_grad=True)]
x[torch.tensor(True):]
x[np.float32(1):]
x[Ix():Ix()]
x[0:2:Ix()]
x[None:None:None]
x[It():]
x[0][torch.tensor(1, dtype=torch.int16)]
x[torch.tensor(1, dtype=torch.int8, requires_grad=False), 0]
x[torch.tensor(1.0)]
x[torch.tensor(1.0), 0]
x[0, torch.tensor(9)]
x[0, 9]
x[..., 9]
x[None, 9]
x[True, 9]
x[:, True, 9]
x[:, 9, 0]
w = v.half(); w[0] = 1e300; w
w = v.half(); w[[0]] = 1e6; w
w = v.half(); w[0] = 10**6; w
w = v.half(); w[0] = np.float32(1e6); w
w = v.bfloat16(); w[0] = 1e39; w
w = v.bfloat16(); w[0] = 1e300; w
w = v.half(); w.fill_(1e6)
w = v.half(); w.fill_(1e300)
torch.full((), 1e6, dtype=torch.half)
torch.scalar_tensor(1e6, dtype=torch.half)
w = v.double(); w[0] = 1e308; w
w = v.double(); w[0] = 2**63-1; w
w = v.double(); w[0] = 10**20; w
w = v.int(); w[0] = 2**31; w
w = v.int(); w[0] = 2.0**31; w
w = v.int(); w[0] = -2.5; w
w = v.to(torch.uint8); w[0] = -2.5; w
w = v.to(torch.uint8); w[0] = -0.5; w
w = v.to(torch.uint8); w[0] = -255; w
w = v.to(torch.uint8); w[0] = -256; w
w = v.bool(); w[0] = 2**62; w
w = v.bool(); w[0] = float("nan"); w
w = v.bool(); w[0] = 0.5; w
y = x * 1; w = torch.full_like(x[torch.tensor([1, 0], dtype=torch.uint8)].detach(), 3.0).requires_grad_(); y[torch.tensor([1, 0], dtype=torch.uint8)] = w * 2
y = g * 1; y[torch.tensor([1, 0], dtype=torch.uint8)] = torch.ones(()); y.grad_fn
y = g * 1; y[torch.tensor([1, 0], dtype=torch.uint8)] = torch.ones(1, 3, 4); y.sum().backward()
x.index_select(0, torch.tensor([9]))
x.index_select(1, torch.tensor([9]))
x.index_select(2, torch.tensor([9]))
x.mT.index_select(2, torch.tensor([9]))
x[0].index_select(0, torch.tensor([9]))
x[0].T.index_select(0, torch.tensor([9]))
x[0].T.index_select(1, torch.tensor([9]))
xt.index_select(0, torch.tensor([9]))
xt.index_select(1, torch.tensor([9]))
xt.index_select(2, torch.tensor([9]))
x[0][:0].index_select(1, torch.tensor([9]))
x[0][:, :0].index_select(0, torch.tensor([9]))
x[0][:1].index_select(0, torch.tensor([9]))
x[0][:1].index_select(1, torch.tensor([9]))
x[:, :1].index_select(1, torch.tensor([9]))
x[:, :1].index_select(2, torch.tensor([9]))
x.bool().index_select(2, torch.tensor([9]))
T = torch.tensor([[1, 2], {3}], dtype=torch.float32)
T = torch.tensor([[1, 2], {3, 4}], dtype=torch.float32)
T = torch.tensor([[1, 2], {3: 1, 4: 1}], dtype=torch.float32)
T = torch.tensor([[1, 2], "ab"], dtype=torch.float32)
T = torch.tensor([[1, 2], "ab"], dtype=torch.int64)
T = torch.tensor([[1, 2], "ab"])
T = torch.tensor([[1, 2], torch.tensor(1)])
T = torch.tensor([[1, 2], None], dtype=torch.float32)
T = torch.tensor([[1, 2], b"ab"], dtype=torch.float32)
T = torch.tensor([[1, 2], (3, 4), range(2)])
T = torch.tensor([[1, 2], torch.tensor([1.5, 2.5])])
T = torch.tensor([True, np.bool_(False)])
T = torch.tensor([-0.5], dtype=torch.uint8)
T = torch.tensor([-0.99], dtype=torch.uint8)
T = torch.tensor([255.5], dtype=torch.uint8)
T = torch.tensor([127.9], dtype=torch.int8)
T = torch.tensor([-128.9], dtype=torch.int8)
T = torch.tensor([2.0**63], dtype=torch.int64)
T = torch.tensor([-2.0**63], dtype=torch.int64)
T = torch.tensor([2.0**31 - 0.5], dtype=torch.int32)
T = torch.tensor([np.float64(1.5)], dtype=torch.int64)
T = torch.tensor([np.float64(float("nan"))], dtype=torch.bool)
T = torch.tensor([10**400], dtype=torch.float32)
T = torch.tensor([10**30], dtype=torch.float32)
T = torch.tensor([10**30], dtype=torch.half)
T = torch.tensor([True], dtype=torch.int8)
""",
    setup=SQUARE_BRACKETS,
    tol=CLOSE,
)

ALONG_A_DIM = """if True:  # one step
    x = torch.arange(12.0).view(3, 4); v = torch.arange(5.0); s = torch.tensor(7.0); e = torch.zeros(0, 3)
    g = torch.arange(12.0).view(3, 4).clone().requires_grad_(); gl = g * 1; ex = torch.arange(4.0).expand(3, 4); n = torch.arange(12).view(3, 4)
    i = torch.tensor([0, 2]); i3 = torch.tensor([0, 2, 1]); m = x > 5; gv = torch.arange(5.0).requires_grad_(); F32=torch.tensor([0.0, 1.0]); l = torch.arange(4)
"""

test_along_a_dim = table(
    """
gv.index_add_(9, i, torch.ones(2))
gv.index_add_(0, i, torch.ones(9))
v.index_add_(9, i, torch.ones(2))
v.index_add_(9, F32, n)
v.index_add_(0, F32, n)
v.index_add_(0, i, n)
v.index_add_(0, i3, torch.ones(2))
v.index_add_(0, i3.view(1, 3), torch.ones(3))
v.index_add_(0, i3.view(1, 3).float(), torch.ones(3))
ex.index_add_(0, i, torch.ones(2, 4))
ex.index_add_(9, i, torch.ones(2, 4))
ex.index_add_(0, F32, n)
ex.index_add_(0, i3, torch.ones(2, 4))
ex.index_add_(0, i, torch.ones(2, 5))
ex.index_add_(0, torch.tensor([9, 0]), torch.ones(2, 4))
x.index_add_(0, i3, x)
x.index_add_(0, i3, x[:])
x.index_add_(0, torch.tensor([0, 1]), x[:2])
x.index_add_(0, torch.tensor([0, 1]), x[:2].double())
n.index_add_(1, n[0], n)
l.index_add_(0, l, torch.ones(4).long())
l.index_add_(0, torch.arange(4), l)
x.index_add_(0, i, torch.ones(2, 5))
x.index_add_(0, i, torch.ones(2))
x.index_add_(1, i, torch.ones(2))
x.index_add_(1, i, torch.ones(3, 2, 1))
x.index_add_(0, torch.tensor([9, 0]), torch.ones(2, 4))
x.index_add_(0, torch.tensor([-1, 0]), torch.ones(2, 4))
v.index_add_(0, torch.tensor([-1, 0]), torch.ones(2))
v.index_add_(0, torch.tensor([-1, 9]), torch.ones(2))
x.index_add_(1, torch.tensor(0), torch.ones(3, 1))
x.index_add_(0, torch.tensor(0), torch.ones(1, 4))
x.index_add_(0, torch.tensor([], dtype=torch.long), torch.ones(0, 4))
x.index_add_(0, torch.tensor([]), torch.ones(0, 4))
s.index_add_(0, torch.tensor([0]), torch.tensor(2.0))
s.index_add_(0, torch.tensor(0), torch.tensor(2.0))
s.index_add_(0, torch.tensor([0]), torch.ones(1))
s.index_add_(0, torch.tensor([0, 0]), torch.ones(2))
s.index_add_(0, torch.tensor([1]), torch.tensor(2.0))
s.index_add_(1, torch.tensor([0]), torch.tensor(2.0))
e.index_add_(0, torch.tensor([], dtype=torch.long), torch.ones(0, 3))
e.index_add_(0, torch.tensor([0]), torch.ones(1, 3))
e.index_add_(1, i, torch.ones(0, 2))
n.index_add_(0, i, torch.ones(2, 4).long(), alpha=1.5)
n.index_add_(0, i, torch.ones(2, 4).long(), alpha=True)
m.index_add_(0, i, torch.ones(2, 4).bool(), alpha=2)
m.index_add_(0, i, torch.ones(2, 4).bool())
m.index_add_(0, i, torch.ones(2, 4).bool(), alpha=1.5)
x.index_add_(0, i, torch.ones(2, 4), alpha="a")
torch.index_add(x, 0, i, torch.ones(2, 5))
torch.index_add(x, 9, i, torch.ones(2, 4))
torch.index_add(g, 0, i, torch.ones(2, 4))
torch.index_add(g, 0, F32, torch.ones(2, 4))
torch.index_add(ex, 0, i, torch.ones(2, 4))
torch.index_add(x, 0, i, torch.ones(2, 4), out=x)
torch.index_add(x, 0, i, torch.ones(2, 4), out=n)
torch.index_add(x, 0, i, torch.ones(2, 4), out=torch.empty(0))
gv.index_copy_(9, i, torch.ones(2))
gv.index_copy_(0, i, torch.ones(9))
v.index_copy_(9, i, torch.ones(2))
v.index_copy_(0, F32, n)
v.index_copy_(0, i.int(), torch.ones(2))
v.index_copy_(0, i, n)
v.index_copy_(0, i3, torch.ones(2))
v.index_copy_(0, i.view(1, 2), torch.ones(2))
v.index_copy_(0, i.view(1, 2).float(), n)
v.index_copy_(0, i, torch.ones(2, 2))
v.index_copy_(0, i, torch.tensor(1.0))
v.index_copy_(0, torch.tensor(1), torch.tensor(1.0))
v.index_copy_(0, torch.tensor([1]), torch.tensor(1.0))
v.index_copy_(0, torch.tensor([9]), torch.tensor([1.0]))
v.index_copy_(0, torch.tensor([-1]), torch.tensor([1.0]))
ex.index_copy_(0, i, torch.ones(2, 4))
ex.index_copy_(0, i, torch.ones(2, 5))
ex.index_copy_(9, i, torch.ones(2, 4))
ex.index_copy_(0, F32, torch.ones(2, 4))
ex.index_copy_(0, torch.tensor([9, 9]), torch.ones(2, 4))
x.index_copy_(0, i3, x)
x.index_copy_(0, torch.tensor([0, 1]), x[:2])
l.index_copy_(0, l, torch.ones(4).long())
x.index_copy_(0, i, torch.ones(2, 5))
x.index_copy_(1, i, torch.ones(4, 2))
x.index_copy_(1, i, torch.ones(2))
x.index_copy_(0, torch.tensor([9, 0]), torch.ones(2, 4))
x.index_copy_(0, i, torch.ones(3, 4))
s.index_copy_(0, torch.tensor([0]), torch.tensor(2.0))
s.index_copy_(0, torch.tensor([0]), torch.ones(1))
s.index_copy_(0, torch.tensor([0, 0]), torch.ones(2))
s.index_copy_(0, torch.tensor([1]), torch.tensor(2.0))
s.index_copy_(0, torch.tensor([], dtype=torch.long), torch.ones(0))
e.index_copy_(0, torch.tensor([], dtype=torch.long), torch.ones(0, 3))
torch.index_copy(x, 0, i, torch.ones(2, 4), out=x)
torch.index_copy(x, 0, F32, torch.ones(2, 4))
gv.index_fill_(9, i, 1.0)
gv.index_fill_(0, F32, 1.0)
gv.index_fill_(0, i, torch.ones(2))
v.index_fill_(9, i, 1.0)
v.index_fill_(0, F32, 1.0)
v.index_fill_(0, i.int(), 1.0)
v.index_fill_(0, i.view(1, 2), 1.0)
v.index_fill_(0, i.view(1, 2).float(), 1.0)
v.index_fill_(0, i, torch.ones(2))
v.index_fill_(9, i, torch.ones(2))
v.index_fill_(0, F32, torch.ones(2))
v.index_fill_(0, torch.tensor([9]), 1.0)
v.index_fill_(0, torch.tensor([-1]), 1.0)
v.index_fill_(0, torch.tensor([-6]), 1.0)
v.index_fill_(0, torch.tensor(1), 1.0)
v.index_fill_(0, i, 1e300)
v.index_fill_(9, i, 1e300)
v.index_fill_(0, torch.tensor([9]), 1e300)
v.index_fill_(0, i, "a")
n.index_fill_(0, i, 2.7)
n.index_fill_(0, i, float("nan"))
n.index_fill_(0, i, torch.tensor(2.7))
n.index_fill_(0, i, torch.tensor(float("nan")))
v.index_fill_(0, i, torch.tensor(1e300, dtype=torch.double))
n.index_fill_(0, i, True)
m.index_fill_(0, i, 2)
ex.index_fill_(0, i, 1.0)
ex.index_fill_(0, F32, 1.0)
ex.index_fill_(9, i, 1.0)
ex.index_fill_(0, torch.tensor([9]), 1.0)
ex.index_fill_(0, i, torch.ones(2))
l.index_fill_(0, l, 1)
s.index_fill_(0, torch.tensor([0]), 1.0)
s.index_fill_(0, torch.tensor([1]), 1.0)
s.index_fill_(0, torch.tensor([0, 0]), 1.0)
s.index_fill_(1, torch.tensor([0]), 1.0)
e.index_fill_(0, torch.tensor([], dtype=torch.long), 1.0)
torch.index_fill(x, 0, F32, 1.0)
torch.index_fill(g, 0, i, torch.ones(2))
torch.index_fill(x, 0, i, torch.tensor(2.0))
x.index_select(9, i)
x.index_select(0, F32)
x.index_select(0, i.view(1, 2))
x.index_select(9, F32)
x.index_select(0, torch.tensor(1))
x.index_select(0, torch.tensor([9]))
x.index_select(1, torch.tensor([9]))
x.index_select(0, torch.tensor([-1]))
x.index_select(0, i.int())
x.index_select(0, i.to(torch.int16))
x.index_select(0, m[0])
v.index_select(0, torch.tensor([9]))
s.index_select(0, torch.tensor([0]))
s.index_select(0, torch.tensor(0))
s.index_select(0, torch.tensor([1]))
s.index_select(0, torch.tensor([0, 0]))
s.index_select(1, torch.tensor([0]))
s.index_select(0, torch.tensor([], dtype=torch.long))
e.index_select(0, torch.tensor([0]))
e.index_select(0, torch.tensor([], dtype=torch.long))
e.index_select(1, i)
e.index_select(1, torch.tensor([9]))
torch.zeros(0).index_select(0, torch.tensor([0]))
torch.zeros(2, 0).index_select(0, torch.tensor([5]))
torch.zeros(2, 0, 3).index_select(2, torch.tensor([5]))
n.index_select(0, torch.tensor([9]))
m.index_select(0, i)
torch.index_select(x, 0, i, out=torch.empty(0))
torch.index_select(x, 0, i, out=torch.empty(1, dtype=torch.long))
torch.index_select(x, 0, i, out=torch.empty(5))
torch.index_select(g, 0, i, out=torch.empty(0))
torch.index_select(x.T, 0, i, out=torch.empty(0))
x.index_select(0, [0, 1])
x.index_select(0, 0)
x.index_select("a", i)
x.index_select(i, 0)
torch.index_select(x, i)
x.index_add_(0, i)
x.index_add_(0, i, 1.0)
x.index_fill_(0, i)
x.index_copy_(0, i, 1.0)
""",
    setup=ALONG_A_DIM,
    tol=CLOSE,
)

MASKS_AND_INDEX_PUT = """if True:  # one step
    x = torch.arange(12.0).view(3, 4); v = torch.arange(5.0); s = torch.tensor(7.0); e = torch.zeros(0, 3)
    g = torch.arange(12.0).view(3, 4).clone().requires_grad_(); gl = g * 1; ex = torch.arange(4.0).expand(3, 4); n = torch.arange(12).view(3, 4)
    i = torch.tensor([0, 2]); i3 = torch.tensor([0, 2, 1]); m = x > 5; gv = torch.arange(5.0).requires_grad_(); F32=torch.tensor([0.0, 1.0]); l = torch.arange(4)
    j = torch.tensor([[0, 1, 2, 0]]); u = m.to(torch.uint8); mv = v > 2; t3 = torch.ones(2, 3, 4)
"""

test_masks_and_index_put = table(
    """
gv.masked_fill_(m, 1.0)
gv.masked_fill_(F32, 1.0)
gv.masked_fill_(mv, torch.ones(2))
x.masked_fill_(mv, 1.0)
x.masked_fill_(u, 1.0)
x.masked_fill_(u, torch.ones(2))
x.masked_fill_(m, torch.ones(2))
x.masked_fill_(mv, torch.ones(2))
x.masked_fill_(n, 1.0)
x.masked_fill_(t3 > 0, 1.0)
x.masked_fill_(m[0], 1.0)
x.masked_fill_(m[:, :1], 1.0)
x.masked_fill_(torch.tensor(True), 1.0)
x.masked_fill_(m, 1e300)
x.masked_fill_(m, torch.tensor(1e300, dtype=torch.double))
n.masked_fill_(m, 2.7)
n.masked_fill_(m, float("nan"))
n.masked_fill_(m, torch.tensor(2.7))
n.masked_fill_(m, torch.tensor(float("nan")))
n.masked_fill_(n > 100, float("nan"))
n.masked_fill_(m, 2**63)
u.masked_fill_(m, -1)
u.masked_fill_(m, 256)
m.masked_fill_(m, 0)
m.masked_fill_(m, False)
b = torch.ones(6, dtype=torch.bool); b[:4].masked_fill_(b[2:], False)
ex.masked_fill_(m, 1.0)
ex.masked_fill_(u, 1.0)
ex.masked_fill_(m, torch.ones(2))
ex.masked_fill_(mv, 1.0)
ex.masked_fill_(m, torch.tensor(1.0))
x.masked_fill_(m, "a")
x.masked_fill_(m)
x.masked_fill_(m, None)
x.masked_fill_([True], 1.0)
s.masked_fill_(torch.tensor(True), 1.0)
s.masked_fill_(torch.tensor([True]), 1.0)
e.masked_fill_(torch.tensor(True), 1.0)
e.masked_fill_(torch.ones(0, 3, dtype=torch.bool), 1e300)
s.masked_fill(torch.tensor([True, False]), 1.0)
x.masked_fill(mv, 1.0)
x.masked_fill(t3 > 0, 1.0)
x.T.masked_fill(m.T, 1.0)
x.T.masked_fill(m.T[:1], 1.0)
x[:, :1].masked_fill(m, 1.0)
ex.masked_fill(m, 1.0)
x.masked_fill(u, 1.0)
x.masked_fill(u, torch.ones(2))
x.masked_fill(m, torch.ones(2))
x.masked_fill(m, torch.ones(1))
x.masked_fill(m, torch.tensor(2, requires_grad=False))
x.masked_fill(m, torch.tensor(2.0, requires_grad=True))
n.masked_fill(m, 2.5)
n.masked_fill(m, torch.tensor(2.5))
g.masked_fill(m, 1.0)
g.masked_fill(u, 1.0)
gv.masked_scatter_(m, v)
gv.masked_scatter_(mv, n)
x.masked_scatter_(m, n)
x.masked_scatter_(u, x)
x.masked_scatter_(n, x.clone())
x.masked_scatter_(mv, x.clone())
x.masked_scatter_(m, v)
x.masked_scatter_(m, x)
x.masked_scatter_(m, x.clone())
x.masked_scatter_(m[0], x.clone())
x.masked_scatter_(t3 > 0, x.clone())
x.masked_scatter_(m, torch.tensor(1.0))
x.masked_scatter_(x > 10, torch.tensor(1.0))
x.masked_scatter_(torch.tensor(True), torch.arange(12.0))
ex.masked_scatter_(m, x)
ex.masked_scatter_(u, x)
ex.masked_scatter_(m, n)
ex.masked_scatter_(mv, x)
m.masked_scatter_(m, m)
m.masked_scatter_(m, m.clone())
x.masked_scatter(m, v)
x.masked_scatter(m, n)
x.masked_scatter(mv, x)
x.masked_scatter(u, x)
x.masked_scatter(t3 > 0, torch.ones(24))
x.masked_scatter(m, x)
g.masked_scatter(m, x)
ex.masked_scatter(m, x)
x.T.masked_scatter(m.T, x)
x.masked_select(m)
x.masked_select(u)
x.masked_select(n)
x.masked_select(mv)
x.masked_select(m[0])
x.masked_select(t3 > 0)
x.masked_select(torch.tensor(True))
s.masked_select(torch.tensor(True))
s.masked_select(torch.tensor([True, True]))
s.masked_select(torch.tensor(False))
x.T.masked_select(m)
x.T.masked_select(m.T)
torch.masked_select(x, m, out=torch.empty(0))
torch.masked_select(x, m, out=torch.empty(3))
torch.masked_select(x, m, out=torch.empty(0, dtype=torch.long))
torch.masked_select(x, m, out=torch.empty(12)[::2])
x.index_put_((i,), torch.ones(4))
x.index_put_([i], torch.ones(4))
x.index_put_(i, torch.ones(4))
x.index_put_((i, None), torch.ones(2, 4))
x.index_put_((None, i), torch.ones(3, 2))
x.index_put_((i, i, i), torch.ones(2))
x.index_put_((), torch.ones(2))
x.index_put_((None,), torch.ones(2))
x.index_put_((i,), 1.0)
x.index_put_((i,), torch.tensor(1))
x.index_put_((i,), torch.tensor(1.0))
x.index_put_((0,), torch.tensor(1.0))
x.index_put_(([0],), torch.tensor(1.0))
x.index_put_((i,), torch.ones(2, 4), True)
x.index_put_((i,), torch.ones(2, 4), 1)
x.index_put_((i,), torch.ones(2, 4), accumulate=None)
x.index_put_((i,), torch.ones(2, 4), accumulate="a")
x.index_put_((i,), torch.ones(5))
x.index_put_((F32,), torch.ones(5))
x.index_put_((m,), torch.ones(5))
x.index_put_((m,), torch.ones(1))
x.index_put_((m,), torch.ones(1).long())
x.index_put_((m,), torch.ones(1).double(), True)
x.index_put_((m,), torch.ones(1), True)
x.index_put_((u,), torch.ones(1))
x.index_put_((u,), torch.ones(1), True)
x.index_put_((m, i), torch.ones(1))
x.index_put_((m[0],), torch.ones(1))
x.index_put_((m[:, 0],), torch.ones(1))
x.index_put_((None, m[0]), torch.ones(1))
x.index_put_((m[:, 0], m[0]), torch.ones(1))
x.index_put_((i3, m[0]), torch.ones(1))
x.index_put_((i, m[0]), torch.ones(1))
x.index_put_((i, i3), torch.ones(1))
x.index_put_((torch.tensor(1), torch.tensor(2)), torch.ones(1))
x.index_put_((torch.tensor(1), torch.tensor(2)), torch.tensor(5.0))
x.index_put_((torch.tensor(True),), torch.tensor(5.0))
x.index_put_((torch.tensor(9),), torch.tensor(5.0))
x.index_put_((torch.tensor(-4),), torch.tensor(5.0))
x.index_put_((i,), x)
x.index_put_((i3,), x)
x.index_put_((i3,), x[:])
x.index_put_((i3,), x.T)
n.index_put_((n[0],), torch.tensor(1))
n.index_put_((n,), torch.tensor(1))
l.index_put_((l,), torch.tensor(1))
m.index_put_((m,), torch.tensor(True))
m.index_put_((m,), m)
gv.index_put_((F32,), n)
gv.index_put_((i,), torch.ones(9))
gl.index_put_((i,), torch.ones(9))
ex.index_put_((i,), torch.ones(4))
ex.index_put_((i,), torch.ones(9))
ex.index_put_((F32,), torch.ones(9))
ex.index_put_((i, i, i), torch.ones(9))
ex.index_put_((m,), torch.ones(1))
ex.index_put_((m,), torch.ones(2))
ex.index_put_((m,), torch.ones(1), True)
x.index_put((i,), torch.ones(2, 4), accumulate=True)
ex.index_put((i,), torch.ones(2, 4), accumulate=True)
x.T.index_put((i,), torch.ones(2, 3))
g.index_put((i,), torch.ones(2, 5))
torch.index_put(x, (i,), torch.ones(2, 4))
torch.index_put_(x, (i,), torch.ones(2, 4))
torch.index_put(x, (i,))
x.index_put_()
x.index_put_((i,))
x.index_put_((i, "a"), torch.ones(2))
x.index_put_("a", torch.ones(2))
x.index_put_(None, torch.ones(2))
x.index_put_((e,), torch.ones(2))
e.index_put_((i,), torch.ones(3))
e.index_put_((i[:0],), torch.ones(3))
e.index_put_((None, i), torch.ones(1))
s.index_put_((torch.tensor(True),), torch.tensor(2.0))
s.index_put_((i,), torch.tensor(2.0))
""",
    setup=MASKS_AND_INDEX_PUT,
    tol=CLOSE,
)

GATHER_AND_SCATTER = """if True:  # one step
    x = torch.arange(12.0).view(3, 4); v = torch.arange(5.0); s = torch.tensor(7.0); e = torch.zeros(0, 3)
    g = torch.arange(12.0).view(3, 4).clone().requires_grad_(); gl = g * 1; ex = torch.arange(4.0).expand(3, 4); n = torch.arange(12).view(3, 4)
    i = torch.tensor([0, 2]); i3 = torch.tensor([0, 2, 1]); m = x > 5; gv = torch.arange(5.0).requires_grad_(); F32=torch.tensor([0.0, 1.0]); l = torch.arange(4)
    j = torch.tensor([[0, 1, 2, 0]]); u = m.to(torch.uint8); mv = v > 2; t3 = torch.ones(2, 3, 4); bad = torch.tensor([[9, 1, 2, 0]]); z = torch.zeros(0, dtype=torch.long)
"""

test_gather_and_scatter = table(
    """
x.scatter_(0, j, x, reduce="add")
x.scatter_(0, j, 2.0, reduce="foo")
gv.scatter_(9, j, 2.0, reduce="foo")
x.scatter_(0, j, x.clone(), reduce="multiply")
ex.scatter_(0, j, x, reduce="add")
x.scatter(0, j, 1e300)
x.scatter_(0, j, 1e300)
x.scatter_(0, bad, 1e300)
x.scatter_(0, j, "a")
x.scatter_(0, j)
n.scatter_(0, j, 2.5)
n.scatter_(0, n, 1)
n.scatter_(1, n[:, :2], 1)
l.scatter_(0, l, 1)
x.scatter_(0, j, x[:])
x.scatter_(0, j, x.T)
x.scatter_(0, j, x[1:])
x.gather(9, j)
x.gather(0, F32)
x.gather(0, j)
x.gather(0, bad)
x.gather(0, i)
x.gather(0, n)
x.gather(1, n)
x.gather(0, torch.tensor(0))
x.gather(0, z)
x.gather(0, torch.tensor([]))
x.gather(0, j.int())
x.gather(0, j.to(torch.int16))
x.gather(0, j, sparse_grad=True)
x.gather(0, torch.zeros(1, 5, dtype=torch.long))
x.gather(0, torch.zeros(9, 4, dtype=torch.long))
x.gather(0, -j)
s.gather(0, torch.tensor(0))
s.gather(0, torch.tensor([0]))
s.gather(0, torch.tensor([0, 0]))
s.gather(0, torch.tensor([1]))
s.gather(1, torch.tensor([1]))
v.gather(0, torch.tensor(1))
e.gather(0, torch.zeros(1, 3, dtype=torch.long))
e.gather(0, torch.zeros(0, 3, dtype=torch.long))
e.gather(1, torch.zeros(0, 9, dtype=torch.long))
torch.gather(x, 0, j, out=torch.empty(0))
torch.gather(x, 0, j, out=torch.empty(0, dtype=torch.long))
torch.gather(x, 0, j, out=torch.empty(3))
x.take(i)
x.take(F32)
x.take(i.int())
x.take(torch.tensor(13))
x.take(torch.tensor(-13))
x.take(torch.tensor(-12))
x.take(torch.tensor([[0, 11]]))
e.take(z)
e.take(torch.tensor([0]))
e.take(F32)
x.T.take(i)
torch.take(x, i, out=torch.empty(0))
x.take_along_dim(j)
x.take_along_dim(j, 0)
x.take_along_dim(j, 9)
x.take_along_dim(F32, 0)
x.take_along_dim(i, 0)
x.take_along_dim(bad, 0)
x.take_along_dim(torch.tensor([12]))
x.take_along_dim(torch.tensor([-1]))
x.take_along_dim(j.T, 1)
x.take_along_dim(torch.zeros(2, 2, dtype=torch.long), 0)
x.take_along_dim(j, dim=None)
x.take_along_dim(i.int(), 0)
x.take_along_dim(-j, 0)
s.take_along_dim(torch.tensor(0), 0)
s.take_along_dim(torch.tensor(0))
s.take_along_dim(torch.tensor(1))
torch.take_along_dim(x, j, 0, out=torch.empty(0))
torch.nonzero(x, out=torch.empty(0, dtype=torch.long))
torch.nonzero(x, out=torch.empty(0, dtype=torch.long)).stride()
torch.nonzero(x, out=torch.empty(11, 2, dtype=torch.long)).stride()
torch.nonzero(x, out=torch.empty(2, 11, dtype=torch.long).T).stride()
torch.nonzero(x, out=torch.empty(22, dtype=torch.long)).stride()
torch.nonzero(x, out=torch.empty(0))
torch.nonzero(x, out=n)
x.nonzero()
x.nonzero(as_tuple=True)
x.nonzero(as_tuple=False)
torch.nonzero(x, as_tuple=True)
torch.nonzero(x, as_tuple=1)
s.nonzero()
s.nonzero(as_tuple=True)
torch.tensor(0).nonzero()
torch.tensor(0).nonzero(as_tuple=True)
e.nonzero()
e.nonzero(as_tuple=True)
torch.argwhere(x)
torch.argwhere(s)
s.argwhere()
torch.argwhere(torch.tensor(0))
torch.argwhere(e)
x.argwhere().stride()
torch.nonzero("a")
torch.tensor([float("nan"), -0.0, 0.0]).nonzero()
torch.count_nonzero(x)
gv.scatter(1, j, x)
gv.scatter_add_(9, bad, n.clone())
gv.scatter_(9, torch.tensor(0), x)
x.scatter_add_(0, bad, torch.ones(2))
e.scatter(9, i, 1.5)
g.scatter(9, i, s)
gv.scatter_add_(0, bad, s)
x.scatter_(9, z, n.clone())
ex.scatter(9, F32, x.clone())
ex.scatter_(9, bad, torch.ones(2))
gv.scatter(1, i, x)
s.scatter(1, i, torch.ones(2))
e.scatter_(1, F32, torch.ones(2))
v.scatter_add_(0, F32, n.clone())
e.scatter(0, bad, x.clone())
s.scatter(1, F32, x)
s.scatter(1, torch.tensor(0), 1.5)
g.scatter_(9, j, x)
g.scatter(9, torch.tensor(0), 1.5)
s.scatter_add_(1, F32, torch.ones(2))
v.scatter(1, j, n.clone())
g.scatter_(0, z, 1.5)
x.scatter_add_(1, i, torch.ones(2))
s.scatter_add_(9, z, torch.ones(2))
s.scatter_(9, i, x)
gv.scatter_(0, torch.tensor(0), x.clone())
x.scatter_(0, z, s)
g.scatter_(0, F32, n.clone())
e.scatter_add_(0, F32, n.clone())
v.scatter(1, j, s)
g.scatter(0, torch.tensor(0), x.clone())
s.scatter_add_(0, F32, torch.ones(2))
e.scatter_(9, bad, x.clone())
x.scatter_add_(9, z, n.clone())
x.scatter_(0, torch.tensor(0), x.clone())
gv.scatter_(9, z, x)
gv.scatter(9, bad, torch.ones(2))
e.scatter_(1, F32, s)
s.scatter_add_(1, bad, x.clone())
v.scatter_add_(9, torch.tensor(0), torch.ones(2))
x.scatter_add_(9, torch.tensor(0), x.clone())
ex.scatter(1, torch.tensor(0), n.clone())
v.scatter_(9, z, s)
x.scatter_add_(0, bad, s)
s.scatter_add_(9, j, torch.ones(2))
gv.scatter_(1, z, s)
ex.scatter_add_(1, z, x)
s.scatter_add_(0, torch.tensor(0), x)
ex.scatter(9, F32, x)
x.scatter(1, torch.tensor(0), x)
g.scatter(1, z, s)
gv.scatter(9, F32, x)
v.scatter_(0, bad, 1.5)
gv.scatter(9, bad, x.clone())
ex.scatter_(9, j, x.clone())
v.scatter_(9, i, 1.5)
e.scatter_(0, torch.tensor(0), 1.5)
gv.scatter(9, i, s)
ex.scatter(1, z, x.clone())
ex.scatter(0, z, x)
ex.scatter(1, F32, s)
ex.scatter(9, z, torch.ones(2))
gv.scatter_(9, F32, torch.ones(2))
ex.scatter_(0, j, torch.ones(2))
s.scatter_add_(9, i, x)
s.scatter_(9, j, torch.ones(2))
gv.scatter_add_(0, F32, s)
s.scatter(1, bad, 1.5)
x.scatter_(9, torch.tensor(0), x.clone())
ex.scatter_(1, j, 1.5)
x.scatter_(0, bad, x)
e.scatter_add_(9, i, s)
x.scatter_(0, torch.tensor(0), torch.ones(2))
v.scatter(9, j, s)
s.scatter_add_(0, bad, x.clone())
v.scatter_(1, torch.tensor(0), x.clone())
s.scatter(1, torch.tensor(0), s)
x.scatter_(1, z, 1.5)
v.scatter(9, F32, s)
e.scatter_add_(0, torch.tensor(0), n.clone())
x.scatter(0, torch.tensor(0), 1.5)
ex.scatter(0, torch.tensor(0), x.clone())
s.scatter(0, j, torch.ones(2))
v.scatter_(0, F32, x)
g.scatter_(0, i, x.clone())
s.scatter(1, bad, x)
v.scatter_add_(1, i, n.clone())
x.scatter_add_(1, torch.tensor(0), n.clone())
x.scatter_(9, F32, x)
gv.scatter(9, F32, x.clone())
ex.scatter_add_(9, F32, x.clone())
v.scatter_(9, j, torch.ones(2))
e.scatter(9, torch.tensor(0), torch.ones(2))
ex.scatter_(9, F32, n.clone())
g.scatter(9, j, torch.ones(2))
g.scatter(1, torch.tensor(0), torch.ones(2))
x.scatter_(0, i, 1.5)
g.scatter(9, bad, 1.5)
v.scatter_add_(1, bad, n.clone())
e.scatter(0, z, x.clone())
x.scatter_(9, i, s)
g.scatter(9, j, 1.5)
s.scatter_(0, j, torch.ones(2))
x.scatter(9, F32, x.clone())
g.scatter_add_(9, torch.tensor(0), s)
x.scatter_(9, bad, 1.5)
gv.scatter(9, F32, torch.ones(2))
s.scatter_(1, z, 1.5)
g.scatter_(1, i, torch.ones(2))
s.scatter_(1, bad, s)
g.scatter_(1, bad, x)
x.scatter_(9, i, x.clone())
g.scatter_(0, F32, x.clone())
s.scatter_add_(9, bad, x)
s.scatter_(0, torch.tensor(0), n.clone())
gv.scatter_add_(1, i, x.clone())
x.scatter_add_(0, i, x.clone())
v.scatter_(0, torch.tensor(0), torch.ones(2))
s.scatter_(1, F32, n.clone())
x.scatter_(1, F32, x.clone())
gv.scatter_(1, bad, 1.5)
gv.scatter(1, j, 1.5)
x.scatter(1, z, 1.5)
v.scatter_(0, F32, s)
e.scatter(9, j, x)
gv.scatter(0, bad, n.clone())
gv.scatter_(1, F32, x)
x.scatter_add_(9, i, x)
ex.scatter_(0, F32, 1.5)
s.scatter_add_(1, F32, s)
gv.scatter_(1, z, n.clone())
x.scatter_add_(1, torch.tensor(0), x.clone())
gv.scatter_add_(0, i, x)
e.scatter(0, z, n.clone())
x.scatter(1, bad, 1.5)
e.scatter_(0, z, n.clone())
gv.scatter_add_(1, torch.tensor(0), x)
s.scatter(0, torch.tensor(0), torch.ones(2))
ex.scatter_add_(0, i, x)
ex.scatter_add_(9, z, x.clone())
x.scatter_add_(1, j, torch.ones(2))
v.scatter_add_(9, j, torch.ones(2))
s.scatter_(0, torch.tensor(0), x.clone())
v.scatter(1, bad, 1.5)
v.scatter(1, j, x.clone())
g.scatter_add_(1, z, torch.ones(2))
ex.scatter(0, i, 1.5)
ex.scatter_add_(0, torch.tensor(0), torch.ones(2))
x.scatter_(9, F32, torch.ones(2))
ex.scatter_add_(0, F32, n.clone())
torch.take_along_dim(torch.ones(2, 2), torch.ones(2, 2), 0)
torch.take_along_dim(torch.ones(2, 2), torch.ones(2, 2).int(), 0)
torch.take_along_dim(torch.ones(2, 2), torch.ones(2).int(), 0)
torch.ones(3, 4).scatter_(1, torch.tensor([[9]]), torch.ones(2))
torch.ones(3, 4).scatter_(0, torch.tensor([[9]]), torch.ones(2))
torch.ones(3, 4).scatter_(1, torch.tensor([[9]]), torch.ones(2, 2, 2))
torch.ones(3, 4).scatter_(1, torch.tensor([[9]]), torch.tensor(1.0))
torch.ones(3, 4, 2).scatter_(2, torch.tensor([[[9]]]), torch.ones(2))
torch.ones(3, 4, 2).scatter_(1, torch.tensor([[[9]]]), torch.ones(2))
torch.ones(3, 4, 2).scatter_(1, torch.tensor([[[0]]]), torch.ones(2, 2))
torch.ones(3, 4, 2).scatter_(2, torch.tensor([[[0]]]), torch.ones(2, 2))
torch.ones(3, 4, 2).scatter_(0, torch.tensor([[[0]]]), torch.ones(2, 2))
torch.ones(3, 4, 2).scatter_(0, torch.tensor([[[0, 0, 0, 0]]]), torch.ones(2, 2))
torch.ones(3, 4, 2).scatter_(2, torch.tensor([[[0]] * 7]), torch.ones(2, 2))
torch.ones(3, 4, 2).scatter_(2, torch.tensor([[[0]] * 7]), torch.ones(2, 2, 2, 2))
torch.ones(3, 4, 2).scatter_(0, torch.tensor([0]), torch.ones(2, 2))
torch.ones(3).requires_grad_().scatter_(0, torch.tensor([0]), 1.0, reduce="foo")
torch.ones(3).requires_grad_().scatter_(0, torch.tensor([0.0]), 1.0, reduce="foo")
torch.ones(3).scatter_(9, torch.tensor([0.0]), 1.0, reduce="foo")
torch.ones(3).scatter_(0, torch.tensor([0.0]), 1.0, reduce="foo")
torch.ones(3).scatter_(0, torch.tensor([0, 0, 0, 0]), torch.ones(1), reduce="foo")
torch.ones(1).expand(3).scatter_(0, torch.tensor([0]), 1.0, reduce="foo")
torch.ones(3).scatter_(0, torch.tensor([9]), 1.0, reduce="foo")
""",
    setup=GATHER_AND_SCATTER,
    tol=CLOSE,
)
