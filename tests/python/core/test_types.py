"""torch.Size, device, dtype, finfo and iinfo, and tensors as Python and NumPy values."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

TYPES_AND_VALUES = """if True:  # one step
    x = torch.arange(6.0).view(2, 3); s = torch.tensor(7.0); e = torch.zeros(0, 3); n = torch.arange(6).view(2, 3); b = x > 2; o = torch.tensor([3.5]); g = torch.tensor([2.0], requires_grad=True)
    import pickle, copy, operator, array
    S = torch.Size
    class Ix:
        def __index__(self): return 1
    class Fl:
        def __float__(self): return 1.5
    class SubDt(str): pass
"""

test_types_and_values = table(
    """
S()
S([])
S([1, 2])
S((1, 2, 3))
S(range(3))
S(x for x in [1, 2])
S(torch.tensor([1, 2]))
S([torch.tensor(1)])
S([torch.tensor([1])])
S([torch.tensor(1.0)])
S([1.0])
S(["a"])
S("ab")
S([None])
S([True])
S([np.float32(3)])
S([Ix()])
S([-1])
S([2**63])
S([2**70])
S([2**70]).numel()
S([2**40, 2**40]).numel()
S(5)
S(None)
S(1, 2)
S([1], [2])
S(a=1)
S(np.array([1.0]))
S([[1]])
S(S([1, 2]))
repr(S([1]))
str(S([1, 2]))
f"{S([1, 2])}"
S([1, 2])[0]
S([1, 2])[-1]
S([1, 2])[5]
S([1, 2])[0:1]
S([1, 2])[:]
S([1, 2])[::-1]
S([1, 2])[None]
S([1, 2])["a"]
S([1, 2])[1.0]
type(S([1, 2])[0:1])
type(S([1, 2])[0])
S([1]) + S([2])
S([1]) + (2,)
S([1]) + [2]
(2,) + S([1])
[2] + S([1])
type((2,) + S([1]))
type(S([1]) + (2,))
S([1]) + ("a",)
S([1]) + None
S([1]) + 1
S([1]) * 2
2 * S([1])
type(2 * S([1]))
S([1]) * "a"
S([1]) * 1.5
S([1, 2]) == (1, 2)
S([1, 2]) == [1, 2]
S([1, 2]) != (1, 2)
S([1, 2]) < (1, 3)
(1, 2) == S([1, 2])
hash(S([1, 2])) == hash((1, 2))
S([1, 2]).numel()
S([]).numel()
S([0, 5]).numel()
S([1, 2]).count(1)
S([1, 2]).index(2)
S([1, 2]).index(9)
1 in S([1, 2])
list(S([1, 2]))
len(S([1, 2]))
pickle.loads(pickle.dumps(S([1, 2])))
type(pickle.loads(pickle.dumps(S([1, 2]))))
copy.copy(S([1]))
copy.deepcopy(S([1]))
type(copy.deepcopy(S([1])))
S([1, 2]).__reduce__()[1]
isinstance(S([1]), tuple)
S.__mro__[1]
S.__name__, S.__module__, S.__qualname__
S([1, 2]).numel(1)
S.numel(S([2]))
sum(S([1, 2]))
max(S([1, 2]))
sorted(S([2, 1]))
reversed(S([1, 2]))
tuple(S([1, 2]))
x.shape
x.size()
x.shape[:1]
x.size(0)
x.size(5)
x.size("a")
x.size(dim=0)
x.size(None)
x.size(0, 1)
x.size([0])
torch.empty(S([2, 3])).shape
x.view(S([3, 2])).shape
bool(S([]))
S([1, 2]).__add__((3,))
S([1, 2]).__radd__((3,))
S.__radd__
S([1, 2]).__mul__(2)
S([1, 2]).__rmul__(2)
S([1, 2]).__getitem__(slice(0, 1))
torch.device("cpu")
torch.device("cpu:0")
torch.device("cpu:1")
torch.device("cuda")
torch.device("cuda:0")
torch.device("cuda:127")
torch.device("cuda:128")
torch.device("cuda:255")
torch.device("cuda:999")
torch.device("cuda:1000")
torch.device("cuda:00")
torch.device("cuda:01")
torch.device("cuda:-1")
torch.device("cuda:a")
torch.device("cuda:")
torch.device("cuda:1:2")
torch.device(":1")
torch.device("")
torch.device("cpu ")
torch.device(" cpu")
torch.device("CPU")
torch.device("cpu0")
torch.device("foo")
torch.device("foo:1")
torch.device("1")
torch.device(0)
torch.device(1)
torch.device(-1)
torch.device(torch.device("cpu"))
torch.device(torch.device("cpu"), 1)
torch.device("cpu", 0)
torch.device("cpu", 1)
torch.device("cuda", 3)
torch.device("cuda", -1)
torch.device("cuda", -2)
torch.device("cuda", 128)
torch.device("cuda", 1000)
torch.device("cuda", None)
torch.device("cuda", "a")
torch.device("cuda", 1.0)
torch.device("cuda", True)
torch.device("cuda:0", 0)
torch.device("cuda:0", 1)
torch.device(type="cpu")
torch.device(type="cpu", index=0)
torch.device(type="cuda", index=None)
torch.device(np.str_("cpu"))
torch.device("cpu") == torch.device("cpu")
torch.device("cpu") == torch.device("cpu:0")
torch.device("cpu") == "cpu"
torch.device("cpu") != "cpu"
torch.device("cpu") != torch.device("cuda")
torch.device("cpu") == None
torch.device("cpu") < torch.device("cuda")
hash(torch.device("cpu")) == hash(torch.device("cpu"))
len({torch.device("cpu"), torch.device("cpu"), torch.device("cpu:0")})
str(torch.device("cpu"))
str(torch.device("cuda:1"))
repr(torch.device("cuda:1"))
f"{torch.device('cuda:1')}"
torch.device("cuda:1").type
torch.device("cuda:1").index
torch.device("cpu").index
pickle.loads(pickle.dumps(torch.device("cuda:1")))
pickle.loads(pickle.dumps(torch.device("cpu")))
copy.deepcopy(torch.device("cpu"))
torch.device("cuda:1").__reduce__()[1]
torch.device.__name__, torch.device.__module__
isinstance(torch.device("cpu"), torch.device)
with torch.device("cpu"): y = torch.ones(2)
torch.device("cpu")()
x.device
x.device == torch.device("cpu")
x.to("cpu") is x
x.to("foo")
x.to(0)
x.to("cuda")
torch.ones(2, device="cuda:0")
torch.ones(2, device=None).device
torch.ones(2, device=1.5)
torch.ones(2, device="cpu", dtype=torch.int8).device
torch.float32
repr(torch.float32)
str(torch.int8)
torch.float is torch.float32, torch.double is torch.float64, torch.half is torch.float16, torch.long is torch.int64, torch.int is torch.int32, torch.short is torch.int16
torch.float32 == torch.float
torch.float32 == "torch.float32"
torch.float32 < torch.float64
hash(torch.float32) == hash(torch.float)
[d.is_floating_point for d in (torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.bool)]
[d.is_signed for d in (torch.float32, torch.float16, torch.uint8, torch.int8, torch.bool)]
[d.itemsize for d in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.bool, torch.int64)]
torch.float32.to_real()
torch.int32.to_real()
torch.dtype()
torch.dtype("float32")
torch.dtype.__name__, torch.dtype.__module__
torch.float32.__module__
torch.float32()
pickle.loads(pickle.dumps(torch.float16)) is torch.float16
copy.deepcopy(torch.float16) is torch.float16
copy.copy(torch.float16) is torch.float16
torch.float16.__reduce__()
isinstance(torch.float32, torch.dtype)
{torch.float32: 1}[torch.float]
torch.strided
torch.strided.__class__.__name__
repr(torch.contiguous_format)
torch.channels_last
torch.preserve_format
x.layout
x.is_contiguous(memory_format=torch.channels_last)
torch.finfo(torch.float32)
torch.finfo(torch.float64)
torch.finfo(torch.float16)
torch.finfo(torch.bfloat16)
torch.finfo()
torch.finfo(None)
torch.finfo(torch.int8)
torch.finfo(torch.bool)
torch.finfo("float32")
torch.finfo(float)
torch.finfo(1.0)
torch.finfo(type=torch.float32)
torch.finfo(dtype=torch.float32)
torch.finfo(torch.float32, 1)
repr(torch.finfo(torch.float32))
repr(torch.finfo(torch.float64))
repr(torch.finfo(torch.float16))
repr(torch.finfo(torch.bfloat16))
[getattr(torch.finfo(d), k) for d in (torch.float32, torch.float64, torch.float16, torch.bfloat16) for k in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")]
torch.finfo(torch.float32) == torch.finfo(torch.float32)
torch.finfo(torch.float32) == torch.finfo(torch.float64)
torch.finfo(torch.float32) != torch.finfo(torch.float64)
hash(torch.finfo(torch.float32)) == hash(torch.finfo(torch.float32))
torch.finfo(torch.float32) == torch.iinfo(torch.int8)
torch.iinfo(torch.int32)
repr(torch.iinfo(torch.int32))
repr(torch.iinfo(torch.uint8))
torch.iinfo(torch.float32)
torch.iinfo(torch.bool)
torch.iinfo()
torch.iinfo(None)
torch.iinfo("int32")
torch.iinfo(int)
torch.iinfo(type=torch.int8)
torch.iinfo(torch.int8, 2)
[getattr(torch.iinfo(d), k) for d in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64) for k in ("bits", "max", "min", "dtype")]
torch.iinfo(torch.int8) == torch.iinfo(torch.int8)
torch.iinfo(torch.int8) == torch.iinfo(torch.uint8)
torch.finfo.__name__, torch.finfo.__module__
torch.iinfo.__name__, torch.iinfo.__module__
type(torch.finfo(torch.float32).bits), type(torch.finfo(torch.float32).max), type(torch.iinfo(torch.int8).max)
torch.finfo(torch.float32).bits.__class__
str(torch.finfo(torch.float32))
pickle.loads(pickle.dumps(torch.finfo(torch.float32)))
copy.deepcopy(torch.finfo(torch.float32))
torch.set_default_dtype(torch.float64); torch.finfo()
torch.set_default_dtype(torch.int64)
torch.set_default_dtype("float32")
torch.set_default_dtype(None)
torch.get_default_dtype()
torch.promote_types(torch.int8, torch.uint8)
torch.promote_types(torch.int8)
torch.promote_types(torch.int8, "a")
torch.can_cast(torch.float32, torch.int8)
torch.can_cast(torch.float32, "a")
torch.result_type(x, n)
torch.result_type(1, 2.0)
torch.result_type(n, 1.5)
torch.result_type("a", 1)
torch.is_floating_point(x)
torch.is_floating_point(1)
torch.is_tensor(x), torch.is_tensor(1)
x.is_signed()
x.item()
s.item()
o.item()
e.item()
e.tolist()
n.tolist()
b.tolist()
s.tolist()
x.half().tolist()
x.bfloat16().tolist()
torch.tensor([[[]]]).tolist()
torch.zeros(2, 0).tolist()
torch.zeros(0, 2).tolist()
x.T.tolist()
g.tolist()
g.item()
type(n[0, 0].item()), type(b[0, 0].item()), type(s.item())
torch.tensor(float("nan")).item()
int(s)
int(x)
int(o)
int(b[0, 0])
int(torch.tensor(float("nan")))
int(torch.tensor(float("inf")))
int(torch.tensor(1e30))
int(torch.tensor(-2.7))
int(g)
float(s)
float(x)
float(g)
float(n[0, 1])
float(e)
int(e)
bool(s)
bool(x)
bool(e)
bool(o)
bool(g)
bool(torch.tensor(float("nan")))
bool(torch.tensor([[0.0]]))
bool(torch.zeros(1, 0))
operator.index(n[0, 1])
operator.index(s)
operator.index(x)
operator.index(b[0, 0])
operator.index(n[0, :1])
operator.index(torch.tensor([[3]]))
operator.index(e)
[1, 2, 3][n[0, 1]]
range(n[0, 2])
range(s)
"abc"[n[0, 1]]
len(x), len(e)
len(s)
list(x)
list(s)
iter(s)
iter(x)
next(iter(x))
[r for r in x]
[r.grad_fn for r in g]
reversed(x)
list(reversed(x))
reversed(s)
1 in x
1.0 in x
n[0] in x
"a" in x
None in x
x in x
[1.0] in x
True in b
torch.tensor(1) in x
torch.tensor([0.0, 1.0]) in x
np.float32(1) in x
np.array([1.0]) in x
hash(x) == hash(x)
x.__index__()
n[0, 1].__index__()
round(s)
import math; math.floor(s)
s.__int__(), s.__float__()
s.is_nonzero()
x.is_nonzero()
e.is_nonzero()
torch.is_nonzero(s)
x.element_size(), n.element_size(), b.element_size()
x.nelement(), x.numel(), e.numel()
x.dim(), x.ndimension(), s.ndim
x.item(1)
x.tolist(1)
x.numpy(1)
x.numpy(force=1)
x.numpy(force=True)
g.numpy()
g.numpy(force=True)
x.numpy(foo=1)
x.bfloat16().numpy()
x.bfloat16().numpy(force=True)
(g * 2).numpy()
x.T.numpy().strides
x.numpy().flags.writeable
e.numpy().shape
s.numpy()
b.numpy()
x.half().numpy()
np.asarray(g)
np.asarray(x)
np.array(x)
np.array(x, dtype=np.int32)
np.array(x, copy=False)
np.array(x, copy=True)
np.asarray(x, dtype=np.int64)
np.asarray(x.bfloat16())
np.array([x, x])
np.array([s, s])
np.array([g])
np.sin(x)
np.add(x, 1)
np.add(x, x)
np.add(np.ones(3), x)
np.ones(3) + x
x + np.ones(3)
np.ones(3) * s
s * np.ones(3)
np.float64(2) * x
x * np.float64(2)
np.float32(2) * n
np.int64(2) * n
np.exp(g)
np.maximum(x, 1)
np.sum(x)
np.mean(x)
np.isnan(x)
np.greater(x, 2)
np.multiply.outer(s, x)
np.add.reduce(x)
np.concatenate([x, x])
np.stack([x, x])
np.where(b, x, 0)
np.dot(x, x.T)
np.testing.assert_allclose(x, x)
np.array_equal(x, x)
x.__array__()
x.__array__(np.int32)
x.__array__(dtype=np.int32)
g.__array__()
x.__array_priority__
x.__array_wrap__(np.ones(2))
x.__array_wrap__(np.array([True]))
x.__array_wrap__(np.float32(1))
x == np.arange(6).reshape(2, 3)
np.arange(6).reshape(2, 3) == x
memoryview(x)
bytes(x)
array.array("f", x[0])
""",
    setup=TYPES_AND_VALUES,
    tol=CLOSE,
)


# Questions whose answer is that of every tensor on a CPU without an accelerator.
test_places = table(
    """
x.get_device(); torch.get_device(x); x.is_distributed(); torch.is_distributed(x); torch.get_device(input=x)
x.is_mkldnn, x.is_sparse_csr, x.is_nested, x.is_xpu, x.is_xla, x.is_mtia, x.is_maia, x.is_ipu, x.is_vulkan
x.is_pinned(); x.is_pinned(None); x.is_pinned('cpu'); x.is_pinned(device='cuda'); x.is_pinned(torch.device('cpu'))
x.pin_memory()
x.pin_memory(None)
x.pin_memory('cpu')
x.pin_memory(device='cuda')
x.pin_memory(1, 2)
x.is_pinned('foo')
x.get_device(1)
torch.func.vmap(lambda t: t * t.get_device() + t.is_nested + t.is_vulkan + t.is_sparse_csr)(x)
torch.func.vmap(lambda t: t.is_pinned())(x)
torch.func.vmap(lambda t: t.is_distributed())(x)
torch.func.vmap(lambda t: t.pin_memory())(x)
""",
    setup="x = data(3, grad=True)",
)
