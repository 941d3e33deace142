"""Tensors as Python objects: copies, pickles, weak references, identity, parameters without a shape.

A case is a line of code that ends at its first exception.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc
import pickle
import weakref

from parity import SUMMED, parity, table

SETUP = """
import copy, pickle
seen = []
def rt(t, p=2): return pickle.loads(pickle.dumps(t, p))
x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
c = torch.arange(6.0)
y = x * 2
class Sub(torch.Tensor): pass
class Named:
    def __repr__(self): return "a hook"
    def __call__(self, g): seen.append(1)
"""

test_copies_and_pickles = table(
    """
copy.deepcopy(x); copy.deepcopy(x) is x
copy.deepcopy(y)
copy.copy(y)
copy.copy(x); copy.copy(x) is x; copy.copy(x).data_ptr() == x.data_ptr(); copy.copy(x)._is_view()
rt(y)
rt(x); rt(c); rt(c[1:3]); rt(c.view(2, 3).t()); rt(c[1:3]).untyped_storage().nbytes() if hasattr(c, "untyped_storage") else 24
rt(c.view(2, 3).t()).stride(); rt(c[2:]).storage_offset()
a, b = rt((c, c[1:3])); b[0] = 100; a
a, b = copy.deepcopy((c, c[1:3])); b[0] = 100; a; a._is_view(), b._is_view(); b._base
a, b = rt((c, c)); a is b
a, b = copy.deepcopy((c, c)); a is b
x.sum().backward(); d = copy.deepcopy(x); d.grad; d.grad is x.grad; rt(x).grad; copy.copy(x).grad
x.foo = 5; d = copy.deepcopy(x); d.foo; rt(x).foo; copy.copy(x).foo
c.foo = [1]; d = copy.copy(c); d.foo is c.foo
h = x.register_post_accumulate_grad_hook(lambda g: seen.append(1)); d = copy.deepcopy(x); d.sum().backward(); seen; d._post_accumulate_grad_hooks
h = x.register_post_accumulate_grad_hook(lambda g: seen.append(1)); d = rt(x); d.sum().backward(); seen
p = nn.Parameter(torch.ones(2)); q = copy.deepcopy(p); type(q).__name__; q.requires_grad; q is p; q
p = nn.Parameter(torch.ones(2), requires_grad=False); q = copy.deepcopy(p); q.requires_grad; rt(p).requires_grad; type(rt(p)).__name__; copy.copy(p)
p = nn.Parameter(torch.ones(2)); p.sum().backward(); copy.deepcopy(p).grad; rt(p).grad; copy.copy(p).grad
p = nn.Parameter(torch.ones(2)); p.foo = 5; hasattr(copy.deepcopy(p), "foo"); rt(p).foo; copy.copy(p).foo
p = nn.Parameter(torch.ones(2)); p.register_hook(lambda g: seen.append(1)); q = copy.deepcopy(p); q.sum().backward(); seen
p = nn.Parameter(c[2:4]); q = copy.deepcopy(p); q.storage_offset(); rt(p).storage_offset(); q._is_view()
p = nn.Parameter(torch.ones(2)); a, b = copy.deepcopy((p, p)); a is b; a, b = rt((p, p)); a is b
b = nn.Buffer(torch.ones(2)); type(b).__name__; q = copy.deepcopy(b); type(q).__name__; isinstance(q, nn.Buffer); q.persistent; isinstance(rt(b), nn.Buffer); isinstance(copy.copy(b), nn.Buffer)
b = nn.Buffer(torch.ones(2), persistent=False); q = copy.deepcopy(b); q.persistent; rt(b).persistent; b.__dict__
x.__setstate__
y.__setstate__((1, 2))
y.__setstate__(5)
x.__deepcopy__({}); x.__deepcopy__({id(x): 7})
x.__deepcopy__()
y.__deepcopy__({})
d = y.detach(); copy.deepcopy(d)
v = x.view(2, 2); copy.deepcopy(v)
v = c.view(2, 3); d = copy.deepcopy(v); d._is_view(); d._base; d.shape; copy.copy(v)._is_view()
with_grad = torch.ones(2, requires_grad=True); with_grad.grad = torch.ones(2); d = copy.deepcopy(with_grad); d.grad.add_(1); with_grad.grad
w = torch.ones(2, requires_grad=True); (w * w).sum().backward(create_graph=True); copy.deepcopy(w)
w = torch.ones(2, requires_grad=True); w.grad = torch.ones(2, requires_grad=True) * 1; copy.deepcopy(w)
e = torch.ones(3, 1).expand(3, 4); d = copy.deepcopy(e); d.stride(); rt(e).stride()
e = torch.ones(()); copy.deepcopy(e); rt(e); rt(torch.ones(0)); copy.deepcopy(torch.ones(0, 3))
rt(torch.ones(2).half()); rt(torch.ones(2).bfloat16()); rt(torch.ones(2).bool()); rt(torch.arange(3)); rt(torch.ones(2).double())
[rt(x, p).requires_grad for p in range(6)]
rt(torch.Size([1, 2])); rt(torch.float32) is torch.float32; rt(torch.device("cpu")); copy.deepcopy(torch.float32) is torch.float32; copy.copy(torch.Size([2]))
copy.deepcopy(y.grad_fn)
pickle.dumps(y.grad_fn)
copy.copy(y.grad_fn)
h = x.register_hook(print); k = rt(h); k.id == h.id; type(k).__name__
h = x.register_hook(print); k = copy.deepcopy(h); k.id == h.id
copy.deepcopy(nn.Linear(2, 2)).weight.requires_grad; m = nn.Linear(2, 2); m.w = m.weight * 1; copy.deepcopy(m)
m = nn.Linear(2, 2); m(torch.ones(1, 2)).sum().backward(); copy.deepcopy(m).weight.grad; rt(m).weight.grad
nn.Parameter(torch.arange(3))
nn.Parameter(torch.arange(3), requires_grad=False)
nn.Parameter(y).is_leaf; nn.Parameter(y).grad_fn; nn.Parameter(x).data_ptr() == x.data_ptr()
nn.Parameter(); nn.Parameter(requires_grad=False); repr(nn.Parameter(c))
nn.Parameter(c) * 2; type(nn.Parameter(c) * 2).__name__; type(nn.Parameter(c).data).__name__; type(nn.Parameter(c).detach()).__name__; type(nn.Parameter(c)[0]).__name__
nn.Buffer(); nn.Buffer(x).requires_grad; nn.Buffer(y)
p = nn.Parameter(c); nn.Parameter(p) is p; isinstance(torch.ones(2), nn.Parameter); isinstance(p, torch.Tensor)
x.register_hook(Named()); d = copy.deepcopy(x); d.sum().backward(); seen; d._backward_hooks
x.register_hook(Named()); d = rt(x); d.sum().backward(); seen
x.register_hook(Named()); d = copy.copy(x); d.sum().backward(); seen
x.register_hook(torch.utils.hooks.unserializable_hook(Named())); d = rt(x); d.sum().backward(); seen
v = nn.Parameter(torch.ones(2)); v.register_hook(Named()); d = rt(v); d.sum().backward(); seen
x.__setstate__((False, None, None)); x.requires_grad; x._backward_hooks
x.__setstate__(5)
c.__setstate__((1, 2, 3))
c.__setstate__((True, None))
c.__setstate__((True, None, None)); c.requires_grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_weak_references_and_identity = table(
    """
weak = __import__("weakref"); r = weak.ref(y); del y; r() is None
weak = __import__("weakref"); r = weak.ref(x); y.grad_fn.next_functions[0][0].variable is r(); del x; r() is None
weak = __import__("weakref"); r = weak.ref(x); r() is x; hash(r) == hash(x); weak.ref(x) is r
weak = __import__("weakref"); gone = []; f = weak.finalize(c, gone.append, 5); del c; gone; f.alive
weak = __import__("weakref"); d = weak.WeakKeyDictionary(); d[x] = 1; x in d; len(d); d[x]
weak = __import__("weakref"); d = weak.WeakValueDictionary(); d["x"] = x * 1; len(d)
weak = __import__("weakref"); r = weak.ref(y.grad_fn); r() is y.grad_fn
y.grad_fn is y.grad_fn; f = y.grad_fn; y.grad_fn is f; f.next_functions[0][0] is f.next_functions[0][0]
y.sum().backward(); g = x.grad; x.grad is g; x.grad = g; x.grad is g; x.grad.foo = 5; x.grad.foo; y2 = (x * 3).sum().backward(); x.grad is g; x.grad.foo
y.sum().backward(); g = x.grad; x.grad = None; g; x.grad
y.sum().backward(); g = x.grad; del x.grad; x.grad
x.grad = x
x.grad = torch.ones(3)
x.grad = torch.ones(4).double()
x.grad = 5
x.grad = torch.ones(4); g = x.grad; (x * 1).sum().backward(); x.grad is g; g
x.grad = torch.ones(4); x.grad.requires_grad_(); (x * 1).sum().backward(); x.grad
""",
    setup=SETUP,
    tol=SUMMED,
)

test_parameters_without_a_shape = table(
    """
u = nn.parameter.UninitializedParameter(); u.requires_grad; (u.materialize((2, 3)), u.data.fill_(0))[0]; type(u).__name__; u.shape
u = nn.parameter.UninitializedParameter(); u + 1
u = nn.parameter.UninitializedParameter(); u.shape
u = nn.parameter.UninitializedParameter(); repr(u)
u = nn.parameter.UninitializedBuffer(); (u.materialize((2, 3)), u.data.fill_(0))[0]; type(u).__name__; u.shape; u.requires_grad
u = nn.parameter.UninitializedParameter(requires_grad=False); q = copy.deepcopy(u); type(q).__name__; q.requires_grad; nn.parameter.is_lazy(u)
u = nn.parameter.UninitializedParameter(); q = rt(u); type(q).__name__; u.device; u.dtype; u.is_leaf
u = nn.parameter.UninitializedParameter(dtype=torch.float64); u.dtype; (u.materialize((2,), dtype=torch.float32), u.data.fill_(0))[0]; u.dtype
u = nn.parameter.UninitializedParameter(); u.numel()
u = nn.parameter.UninitializedParameter(); u.share_memory_()
u = nn.parameter.UninitializedParameter(); u.sum()
m = nn.Module(); m.p = nn.parameter.UninitializedParameter(); [n for n, _ in m.named_parameters()]
isinstance(nn.parameter.UninitializedParameter(), nn.Parameter); isinstance(nn.parameter.UninitializedBuffer(), nn.Buffer); nn.parameter.UninitializedTensorMixin.__name__
u = nn.parameter.UninitializedParameter(); u.data; type(u.data).__name__; u.size()
u = nn.parameter.UninitializedParameter(); u.half().dtype; u.double().dtype; u.to("cpu") is u; u.cpu() is u; u.float() is u
u = nn.parameter.UninitializedParameter(); u.grad; u.requires_grad_(False).requires_grad; u.is_leaf; u.__deepcopy__({}); hash(u) == id(u); u.is_floating_point()
u = nn.parameter.UninitializedParameter(); u.foo = 1; (u.materialize((2,)), u.data.fill_(0))[0]; u.foo; isinstance(u, nn.Parameter)
u = nn.parameter.UninitializedParameter(); u.detach()
u = nn.parameter.UninitializedParameter(); u * 2
u = nn.parameter.UninitializedBuffer(requires_grad=True); u.requires_grad; u.shape
u = nn.parameter.UninitializedBuffer(persistent=False); u.persistent
m = nn.Module(); m.p = nn.parameter.UninitializedParameter(); m.state_dict(); m.double(); m.p.dtype; m
""",
    setup=SETUP,
    tol=SUMMED,
)


def test_a_cycle_through_a_tensor_hook_is_collected(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g, y=y: None)
    x.register_post_accumulate_grad_hook(lambda t, x=x: None)
    y.sum().backward()
    gone = [weakref.ref(x), weakref.ref(y)]
    del x, y
    gc.collect()
    assert [g() for g in gone] == [None, None]


def test_pickles_do_not_need_a_module_torch(torch):
    x = torch.ones(2, requires_grad=True)
    handle = x.register_hook(print)
    text = pickle.dumps([torch.nn.Parameter(x), torch.float32, torch.Size([1]), handle], 0)
    assert not [line for line in text.split(b"\n") if line.startswith(b"ctorch")]
    assert pickle.loads(text)[3].id == handle.id


@parity(
    dtype=("float32", "complex64", "int64"), arguments=[(), (True,), (False, True), (True, False)]
)
def test_variables(torch, dtype, arguments):
    yield lambda: torch.autograd.Variable(torch.ones(2, dtype=getattr(torch, dtype)), *arguments)
