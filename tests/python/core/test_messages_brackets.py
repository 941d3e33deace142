"""x[...] and x[...] = v with every kind of index and value: what is refused, what is warned of, what is a view."""

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
