"""What relates to views and is none: copies of views, parts without a common history, copies of a tensor with a view
of it replaced; and set_, resize_as_ and the storages behind tensors.

A case is a line of code that ends at its first exception.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import gc

import pytest
from parity import GRADIENT, SELFTEST, subject, table

SETUP = """
x = data(2, 3, dtype="float64", grad=True)
y = data(2, 3, dtype="float64", salt=1, grad=True) * 1
v = data(3, dtype="float64", grad=True)
u = data(2, dtype="float64", grad=True)
c = data(2, 3)
i = torch.tensor([1])
w = torch.arange(1.0, 4.0, dtype=torch.float64)
def back(t): return (t * t * torch.arange(1.0, t.numel() + 1, dtype=t.dtype).view(t.shape)).sum().backward()
def twice(t, *of): return [torch.autograd.grad(g.pow(2).sum(), of, allow_unused=True, retain_graph=True) for g in torch.autograd.grad(t.pow(3).sum(), of, create_graph=True, allow_unused=True) if g is not None]
"""

test_copies_of_views = table(
    """
z = torch.select_copy(x, 0, -1); graph(z); back(z)
z = torch.slice_copy(x, 1, 0, 2); graph(z); back(z); z._is_view()
z = torch.narrow_copy(x, -1, -2, 1); graph(z); back(z)
z = x.narrow_copy(0, 1, 1); graph(z); twice(z, x)
z = torch.t_copy(x); graph(z); back(z); z.stride()
z = torch.transpose_copy(x, 0, 1); graph(z); back(z)
z = torch.permute_copy(x, (1, 0)); graph(z); back(z)
z = torch.expand_copy(x, (2, 2, 3)); graph(z); back(z)
z = torch.squeeze_copy(x[:, :1]); graph(z); back(z)
z = torch.squeeze_copy(x[:1], 0); graph(z); back(z)
z = torch.squeeze_copy(x[:1], (0, 1)); graph(z); back(z)
z = torch.unsqueeze_copy(x, -1); graph(z); back(z)
z = torch.view_copy(x, (3, 2)); graph(z); back(z)
z = torch.view_copy(c, dtype=torch.int32)
z = torch.alias_copy(x); graph(z); back(z)
z = torch.diagonal_copy(x); graph(z); back(z)
z = torch.unfold_copy(x, 1, 2, 1); graph(z); back(z)
z = torch.as_strided_copy(x, (2, 2), (1, 1)); graph(z); back(z)
z = torch.unbind_copy(x); graph(z[1]); back(z[1])
z = torch.split_copy(x, 2, 1); graph(z[1]); back(z[0])
z = torch.split_with_sizes_copy(x, [1, 2], 1); graph(z[1]); back(z[0] + 1)
z = torch.detach_copy(x); graph(z); z.sum().backward()
z = torch.select_copy(x, 0, 1); z.mul_(2); x
torch.select_copy(x, 0, 5)
torch.view_copy(x, (4,))
torch.narrow_copy(x, 0, 5, 1)
torch.t_copy(c, out=torch.empty(3, 2))
torch.t_copy(c, out=torch.empty(0))
torch.t_copy(c, out=torch.empty(3, 2, dtype=torch.float64))
torch.narrow_copy(c, 0, 0, 1, out=torch.empty(1, 3, dtype=torch.float64))
torch.expand_copy(c, (2, 2, 3), out=torch.empty(0))
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_parts_without_a_common_history = table(
    """
a, b = y.unsafe_split(1); graph(a); a._is_view(); a._base; a._version; back(a)
a, b = y.unsafe_split(1); a.mul_(2); y._version; y; graph(y); graph(a); graph(b); b._version
a, b = y.unsafe_chunk(2); a.mul_(2); b.exp_(); back(a + b)
a, b = torch.unsafe_split_with_sizes(y, [1, 2], 1); a.add_(1); graph(a); back(b)
a, b = torch.unsafe_chunk(x, 2, dim=1); graph(b); a.data_ptr() == x.data_ptr(); x._version
s = torch.no_grad()(lambda: x.unsafe_split(1))(); s[0].requires_grad; s[0].mul_(2); x
s = c.unsafe_split(1); s[0].add_(1); c._version; c; s[0]._version
x.unsafe_split(0)
x.unsafe_split(-1)
x.unsafe_split_with_sizes([1])
torch.unsafe_chunk(x, 0)
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_a_view_replaced = table(
    """
z = x.select_scatter(v, 0, 1); graph(z); back(z); twice(x.select_scatter(v, 0, 1), x, v)
z = x.select_scatter(u, -1, -1); graph(z); back(z)
z = x.slice_scatter(y[:, :2], 1, 1); graph(z); back(z)
z = x.slice_scatter(u[:, None].expand(2, 2), 1, 0, 3, 2); back(z); twice(x.slice_scatter(y[:1], 0, 1), x, y)
z = x.diagonal_scatter(u); graph(z); back(z)
z = x.diagonal_scatter(u, 1); back(z); twice(x.diagonal_scatter(u), x, u)
x.detach().as_strided_scatter(w, (3,), (2,)); x.detach()[1:].as_strided_scatter(w, (3,), (1,), 0)
z = c[:, :2].select_scatter(torch.zeros(2), 0, 0); z.stride(); z.storage_offset()
z = c[1:, 1:].diagonal_scatter(torch.zeros(1)); z.stride(); z.storage_offset()
z = c.t().select_scatter(torch.zeros(2), 0, 0); z.stride()
z = c[:1].expand(2, 3).select_scatter(torch.zeros(3), 0, 0); z.stride()
c.select_scatter(w, 0, 0); c.long().select_scatter(w, 0, 0)
x.select_scatter(u, 0, 1)
x.select_scatter(v, 0, 5)
x.select_scatter(v, 5, 0)
x.slice_scatter(v, 0, 1)
x.slice_scatter(v[None], 0, 1, step=0)
x.diagonal_scatter(v)
x.as_strided_scatter(u, (3,), (1,))
x.as_strided_scatter(v, (3,), (100,))
x.as_strided_scatter(v, (3,), (0,))
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_positions_and_reductions = table(
    """
z = x.put(torch.tensor([0, -1]), u); graph(z); back(z); twice(x.put(i, u[:1]), x, u)
z = x.put(torch.tensor([0, 0]), u, accumulate=True); back(z)
y.put_(torch.tensor([1, 4]), u); graph(y); back(y)
z = x.t().put(i, u[:1]); z.stride()
x.put(i, u); x
x.put(i.int(), u[:1])
x.put(i + 9, u[:1])
x.put(i - 9, u[:1])
x.put(i, u[:1].float())
torch.empty(0).put(i, torch.ones(1))
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "sum"); graph(z); back(z)
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "prod"); back(z); twice(x.scatter_reduce(0, i[None], y, "prod"), x, y)
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "mean"); back(z); twice(x.scatter_reduce(0, i[None], y, "mean"), x, y)
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "amax"); back(z); twice(x.scatter_reduce(0, i[None], y, "amax"), x, y)
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "amin", include_self=False); back(z)
z = x.scatter_reduce(0, torch.tensor([[0, 0, 1], [0, 1, 1]]), y, "prod", include_self=False); back(z)
z = x.scatter_reduce(1, torch.zeros(2, 3, dtype=torch.int64), y * torch.tensor([0.0, 1.0, 2.0]), "prod"); back(z)
z = (x * 0).scatter_reduce(1, torch.zeros(2, 3, dtype=torch.int64), y, "prod"); back(z)
z = x.scatter_reduce(1, torch.zeros(2, 3, dtype=torch.int64), y * 0, "prod"); z.sum().backward()
z = x.scatter_reduce(1, torch.zeros(2, 3, dtype=torch.int64), y * 0, "prod"); twice(z, x, y)
z = (x * 0).scatter_reduce(1, torch.zeros(2, 3, dtype=torch.int64), y * 0, "amax"); z.sum().backward()
y.scatter_reduce_(0, i[None], x, "sum"); graph(y); back(y)
c.scatter_reduce(0, i[None], c * float("nan"), "amax"); c.long().scatter_reduce(0, i[None], c.long(), "mean"); c.bool().scatter_reduce(0, i[None], c.bool(), "amin", include_self=False)
x.scatter_reduce(0, i[None], y, "median")
x.scatter_reduce(0, i[None], c, "sum")
x.scatter_reduce(0, i, y, "sum")
x.scatter_reduce(0, i[None] + 5, y, "sum")
c.bool().scatter_reduce(0, i[None], c.bool(), "mean")
torch.scatter_reduce(c, 0, i[None], c, "sum", out=torch.empty(2, 3))
torch.scatter_reduce(c, 0, i[None], c, "sum", out=torch.empty(2, 3, dtype=torch.float64))
z = x.index_reduce(0, torch.tensor([0, 0]), y, "prod"); graph(z); back(z)
z = x.index_reduce(0, torch.tensor([0, 0]), y, "mean", include_self=False); back(z)
z = x.index_reduce(1, torch.tensor([0, 2, 0]), y, "amax"); back(z); twice(x.index_reduce(0, i, y[:1], "amin"), x, y)
y.index_reduce_(0, i, x[:1], "amax"); graph(y); back(y)
c.long().index_reduce(0, torch.tensor([0, 0]), c.long(), "mean")
x.index_reduce(0, i, y[:1], "sum")
x.index_reduce(0, i, y, "prod")
x.index_reduce(0, i + 5, y[:1], "prod")
x.index_reduce(0, i[None], y[:1], "prod")
x.index_reduce(0, i, y[:1, :2], "prod")
torch.tensor(3.0).index_reduce(0, torch.tensor(0), torch.tensor(2.0), "prod")
z = x.renorm(2, 0, 1.5); graph(z); back(z); twice(x.renorm(2, 0, 1.5), x)
z = x.renorm(1, -1, 2); back(z)
z = x.renorm(3.5, 1, 0.5); back(z)
z = x.renorm(float("inf"), 0, 1); back(z)
y.renorm_(2, 0, 1); graph(y); back(y)
c.half().renorm(2, 1, 1); v.detach().renorm(2, 0, 1)
x.renorm(-1, 0, 1)
x.renorm(2, 0, -1)
z = x.addr(u, v); graph(z); back(z); twice(x.addr(u, v), x, u, v)
z = x.addr(u, v, beta=0.5, alpha=-2); back(z)
z = (x * float("nan")).addr(u, v, beta=0); z
y.addr_(u, v, alpha=2); graph(y); back(y)
torch.ones(2, 3, dtype=torch.bool).addr(torch.tensor([True, False]), torch.tensor([True, False, True])); torch.ones(2, 3, dtype=torch.int64).addr(torch.tensor([1, 2]), torch.tensor([1, 2, 3]))
x.addr(u, u)
x.addr(x, v)
y.addr_(u, u)
v.detach().addr_(u.detach(), v.detach())
torch.ones(2, 3, dtype=torch.int64).addr(torch.tensor([1, 2]), torch.tensor([1, 2, 3]), alpha=0.5)
torch.addr(c, c[:, 0], c[0], out=c)
z = x.copysign(y); graph(z); back(z)
z = x.copysign(-2); graph(z); back(z)
y.copysign_(-1.5); graph(y); back(y); torch.tensor([1, 0]).copysign(-2); torch.copysign(torch.tensor([True]), torch.tensor([-0.0]))
torch.tensor([1, 0]).copysign_(-2)
a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True); y = torch.copysign(a, b).sum(); [g._version for g in torch.autograd.grad(y, (a, b), retain_graph=True)]; [g._version for g in torch.autograd.grad(y, (a, b), create_graph=True)]; y.backward(); a.grad._version; b.grad._version
t = torch.tensor([1.0, float("nan"), float("inf"), -float("inf")], requires_grad=True); z = t.nan_to_num(); graph(z); z.sum().backward(); t.nan_to_num(nan=2, posinf=3, neginf=-4); t.detach().half().nan_to_num(); t.detach().bfloat16().nan_to_num()
torch.tensor([1, 2]).nan_to_num(); torch.tensor([True]).nan_to_num(); y.nan_to_num_(); graph(y)
z = x.float_power(2); graph(z); back(z); c.float_power(2).dtype; torch.float_power(2, c); torch.tensor([2]).float_power(torch.tensor(3))
y.float_power_(3); graph(y); back(y)
c.float_power_(2)
torch.float_power(c, 2, out=torch.empty(2, 3))
torch.float_power(2, 3)
y.fill_diagonal_(5); graph(y); back(y)
torch.zeros(7, 3).fill_diagonal_(1, wrap=True); torch.zeros(12, 3).fill_diagonal_(1, wrap=True); torch.zeros(3, 7).t().fill_diagonal_(1, wrap=True); torch.zeros(2, 2, 2).fill_diagonal_(1)
v.detach().fill_diagonal_(1)
torch.zeros(2, 3, 2).fill_diagonal_(1)
x.fill_diagonal_(1)
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_other_memory = table(
    """
a = torch.zeros(3); a.set_(); a._version
a = torch.zeros(3); a.set_(c); a.data_ptr() == c.data_ptr(); a.is_set_to(c); c.add_(1); a; a._version; c._version
a = torch.zeros(3); a.set_(c.untyped_storage()); a.set_(c.untyped_storage(), 1, (2,)); a.set_(c.untyped_storage(), 1, (2, 2), (2, 1)); a.set_(c.storage(), 0, (3,)); a._version
a = torch.zeros(3); a.set_(c, 2, (2,), (2,)); a.mul_(2); c
a = torch.zeros(3); b = a[1:]; a.set_(c); b; b._base is a; b._version; a._version
a = torch.zeros(3); b = a[1:]; b.set_(c[0]); b.add_(1); a; c; b._is_view(); a._version; b._version
torch.zeros(3).set_(torch.tensor([1.0]).untyped_storage(), 0, (2, 2)).shape; torch.zeros(3).set_(torch.tensor([1.0]).untyped_storage(), 0, (2, 2)).untyped_storage().nbytes()
y.set_(v); graph(y); y.sum().backward()
y.set_(v.detach()); graph(y)
b = y[0]; b.set_(v); graph(y); graph(b); y.sum().backward()
x.set_(v)
x.detach().set_(c)
torch.no_grad()(lambda: x.set_(v))(); x.requires_grad; x.is_leaf; x.sum().backward()
z = y * y; y.set_(y.detach() * 2); z.sum().backward()
a = torch.zeros(3); a.add_(1); a.mul_(2); a.set_(c); a._version; b = a[1:]; a.set_(); b.add_(1); b._version; a._version
a = torch.ones(3, requires_grad=True); b = a * 2; torch.no_grad()(lambda: a.set_(torch.ones(5)))().shape; (a * 3).sum().backward(); a.grad
c.set_(c.untyped_storage(), -1, (2,))
c.set_(c.untyped_storage(), 0, (-2,))
c.set_(c.untyped_storage(), 0, (2,), (-1,))
c.set_(c.untyped_storage(), 0, (2**62, 2**62), (1, 1))
c.set_(torch.from_numpy(np.zeros(2, "float32")).untyped_storage(), 0, (4, 4))
c.set_(1)
c.is_set_to(c); c.is_set_to(c.detach()); c.is_set_to(c[:1]); c.is_set_to(c.view(-1)); c.is_set_to(c.double()); c.is_set_to(1)
a = torch.zeros(6); a.resize_as_(c); a.shape; a._version; a.resize_as_(c); a._version; torch.resize_as_(a, torch.zeros(2)); a.resize_as_(torch.zeros(3, 2).t(), memory_format=torch.preserve_format).stride()
y.resize_as_(c)
import copy; a = torch.zeros(3); b = copy.copy(a); b.add_(1); a; a._version; b.data_ptr() == a.data_ptr()
""",
    setup=SETUP,
)

test_storages = table(
    """
s = c.untyped_storage(); s is c.untyped_storage(); s is c[1:].untyped_storage(); s is c.t().untyped_storage(); s is c.detach().untyped_storage(); s is c.data.untyped_storage(); s is c.clone().untyped_storage()
s = c.untyped_storage(); s._cdata == c[0].untyped_storage()._cdata; s.data_ptr() == c.data_ptr(); s.nbytes(); s.size(); len(s); s.element_size(); s.device; s.resizable(); s.is_shared(); s.is_pinned(); str(s.type())
s = torch.tensor([1, 2], dtype=torch.uint8).untyped_storage(); s.tolist(); s[0]; s[-1]; s[0:1].tolist(); list(s); s.__setitem__(0, 7); s[0]
s = torch.tensor([1, 2], dtype=torch.uint8).untyped_storage(); s[5]
a = torch.zeros(2, dtype=torch.uint8); a.untyped_storage().fill_(3); a; a._version; a.untyped_storage().copy_(torch.UntypedStorage([5, 6])); a; a.untyped_storage().clone().fill_(0); a
_a = torch.zeros(4); s = _a.untyped_storage(); s.resize_(8); s.nbytes(); _a.resize_(2); s.nbytes(); _a.resize_(4).shape; s.nbytes()
torch.zeros(2).untyped_storage().copy_(torch.UntypedStorage(3))
torch.UntypedStorage().nbytes(); torch.UntypedStorage(5).nbytes(); torch.UntypedStorage([1, 2]).tolist()
torch.UntypedStorage("a")
t = c.storage(); t.size(); len(t); t.nbytes(); t.dtype; t.element_size(); t.tolist() == c.flatten().tolist(); t[1] == c[0, 1].item(); t.untyped() is c.untyped_storage(); t.data_ptr() == c.data_ptr(); t.pickle_storage_type(); t.type()
t = c.storage(); t.__setitem__(0, 5.0); c; t.__setitem__(slice(0, 2), 1.0); c; t.fill_(2); c; t.clone().tolist(); t.double().tolist()
c.storage()[7]
c.storage()[0:1]
isinstance(c.storage(), torch.FloatStorage); isinstance(c.storage(), torch.DoubleStorage); torch.FloatStorage(3).size(); torch.LongStorage([1, 2]).tolist(); torch.TypedStorage([1, 2], dtype=torch.int64).tolist(); c.storage_type() is torch.FloatStorage; torch.is_storage(c.storage()); torch.is_storage(c.untyped_storage()); torch.is_storage(c)
torch.from_numpy(np.zeros(3)).untyped_storage().resizable(); torch.from_numpy(np.zeros(3)).untyped_storage().resize_(100)
import copy; copy.copy(c.untyped_storage()).tolist() == c.untyped_storage().tolist(); copy.deepcopy(c.storage()).tolist() == c.storage().tolist()
torch.tensor([1, 2]).apply_(lambda a: a * 2); c.t().apply_(lambda a: -a); c._version; c.map_(c.clone(), lambda a, b: a * b); c.map_(c[0].clone(), lambda a, b: a + b); c.map2_(c, c, lambda a, b, d: a + b + d); torch.tensor([True]).apply_(lambda a: not a)
x.apply_(lambda a: a)
x.map_(x, lambda a, b: a)
c.apply_(lambda a: "s")
c.apply_(lambda a: 1 / 0)
c.apply_(5)
c.map_(x.detach(), lambda a, b: a)
c.map_(1, lambda a, b: a)
c.map_(torch.ones(5), lambda a, b: a)
""",
    setup=SETUP,
)


def test_memory_stays_readable_when_a_storage_shrinks(torch):
    t = torch.arange(1000.0)
    t.untyped_storage().resize_(0)
    assert (t + 1).shape == (1000,)
    t.untyped_storage().resize_(4000)
    assert t.untyped_storage().nbytes() == 4000
    with pytest.raises((RuntimeError, MemoryError)):
        t.untyped_storage().resize_(-1)
    with pytest.raises((RuntimeError, TypeError)):
        t.untyped_storage().resize_("a")


@pytest.mark.skipif(SELFTEST, reason="the objects of whygrad's binding")
def test_a_storage_object_outlives_its_tensor():
    torch = subject()
    storage = torch.arange(3).untyped_storage()
    gc.collect()
    assert storage.nbytes() == 24
    t = torch.empty(0, dtype=torch.int64).set_(storage)
    del storage
    gc.collect()
    assert t.tolist() == [0, 1, 2]
    assert t.untyped_storage().tolist()[8] == 1
    with pytest.raises(TypeError):
        torch._C._set_storage_class(int)
    with pytest.raises(TypeError):
        torch._C._storage_of(3)
