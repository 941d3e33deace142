"""Views of conjugates and negatives: conj(), imag of a conjugate, _neg_view(), and all other operations on them.

That an operation gives for such a view what it gives for a copy of its values is tested for every function and
method that there is, with what arguments it takes (`CALLS`): a new one needs no line here.
"""

from __future__ import annotations

import itertools
import random

import pytest
from opinfo import row, row_names
from parity import CLOSE, GRADIENT, SELFTEST, check_script, subject, table

SETUP = (
    "z = data(3, 2, dtype='complex64'); w = data(3, 2, dtype='complex64', grad=True); c = z.conj()"
)
BITS = "t.is_conj(), t.is_neg(), t._is_view(), t.is_contiguous(), t.stride()"

test_views = table(
    f"""
c._base is z; c.data_ptr() == z.data_ptr(); c.conj().is_conj(); c.conj()._base is z; c.is_conj(); c.is_contiguous(); c
c.resolve_conj() is c; z.resolve_conj() is z; z.resolve_neg() is z; c.resolve_neg() is c; c.resolve_conj().is_conj()
x = data(3); x.conj() is x; torch.conj(x) is x; x.resolve_conj() is x; x.resolve_neg() is x; torch.conj_physical(x) is x
t = c[0]; {BITS}; t = c.t(); {BITS}; t = c.t().reshape(-1); {BITS}; t = c.flatten(); {BITS}; t = c.view(-1); {BITS}
t = c.clone(); {BITS}; t = c.contiguous(); t is c; t = c.t().contiguous(); {BITS}; t = c.detach(); {BITS}; t = c.data; {BITS}
t = c.ravel(); {BITS}; t = c.expand(2, 3, 2); {BITS}; t = c.unbind()[0]; {BITS}; t = c.diagonal(); {BITS}; t = c.as_strided((2,), (1,)); {BITS}; t
t = c.to(torch.complex128); {BITS}; t = c.to(torch.complex64); {BITS}; t = c.to(torch.complex64, copy=True); {BITS}
t = c.real; {BITS}; t = c.imag; {BITS}; t = c.conj().imag; {BITS}; t = c.imag.clone(); {BITS}; t = c.imag.double(); {BITS}; t = c.imag.float(); {BITS}
t = c.imag.resolve_neg(); {BITS}; t = c.imag.detach(); {BITS}; t = c.imag[0]; {BITS}; t = c.imag.t().reshape(-1); {BITS}
t = z.mH; {BITS}; t = z.H; {BITS}; t = z.adjoint(); {BITS}; t = z.adjoint().adjoint(); {BITS}; t = c.mH; {BITS}; t
t = c[[0, 1]]; {BITS}; t = c[z.real > 0]; {BITS}; t = c.index_select(0, torch.tensor([0])); {BITS}
t = c + 1; {BITS}; t = c.t() * 2; {BITS}; t = c @ z.t(); {BITS}; t = c.sum(); {BITS}; t = -c; {BITS}; t = torch.cat([c, c]); {BITS}; t = c.cumsum(0); {BITS}
torch.empty_like(c).is_conj(); t = torch.zeros_like(c.imag); {BITS}; t = torch.ones_like(c.t()); {BITS}; t = c.new_zeros(2); {BITS}
t = z._neg_view(); {BITS}; t; t = t.imag; {BITS}; t; t = z._neg_view().conj(); {BITS}; t; t = t.imag; {BITS}; t; t = z._neg_view().real; {BITS}; t
t = torch.view_as_real(z._neg_view()); {BITS}; t; t = torch.view_as_complex(torch.view_as_real(z)._neg_view()); {BITS}; t
t = z._conj(); {BITS}; t = torch._conj(z); {BITS}; t = torch._neg_view(z); {BITS}; t = z._conj_physical(); {BITS}; t = torch._conj_physical(z); {BITS}
t = torch.arange(3)._neg_view(); {BITS}; t; t = torch.ones(3, dtype=torch.float16)._neg_view(); t + 1; t
torch.is_conj(c); torch.is_neg(c.imag); torch.is_neg(c); torch.equal(c, c); torch.equal(c, z); torch.equal(c, c.resolve_conj()); torch.allclose(c, z.conj_physical())
c.is_set_to(z); c.is_set_to(c); torch.is_same_size(c, z); c.storage_offset(); c.untyped_storage().data_ptr() == z.data_ptr()
torch.view_as_real(c)
c.numpy()
c.imag.numpy()
w.conj().numpy()
c.__array__()
c.numpy(force=True); c.imag.numpy(force=True); w.conj().imag.numpy(force=True)
c.view(torch.float32)
c.imag.view(torch.int32)
torch.ones(2, dtype=torch.bool)._neg_view() + 1
str(c); repr(c[0, 0]); str(c.imag); format(c[0, 0]); str(w.conj()); str(w.conj().imag); c.tolist(); c.imag.tolist(); c[0, 1].item()
complex(c[0, 0]); float(c.imag[0, 0]); int(c.imag[0, 0]); bool(c[0, 0]); c.imag.int(); c.imag.bool(); c.to(torch.float32)
torch.tensor(c).is_conj(); torch.as_tensor(c).is_conj(); torch.complex(z.real, c.imag); [1, 2, 3][torch.tensor(2)._neg_view()]
import copy; t = copy.copy(c); {BITS}; t; t = copy.deepcopy(c); {BITS}; t; t = copy.copy(c.imag); {BITS}; t; t = copy.deepcopy(c.imag); {BITS}; t
import pickle; t = pickle.loads(pickle.dumps(c)); {BITS}; t; t = pickle.loads(pickle.dumps(c.imag)); {BITS}; t; t = pickle.loads(pickle.dumps(c.t())); {BITS}; t
t = nn.Parameter(c); {BITS}; t
""",
    setup=SETUP,
    tol=CLOSE,
)

test_writes = table(
    """
c.mul_(2j); z; c._version, z._version, c.is_conj()
c[0] = 5j; z; c[:, 1] = z[:, 0]; z; c[z.real > 0] = 1j; z; c[[0, 2]] += 2 + 1j; z
c.imag.mul_(3); z; c.imag = 2.0; z; c.real = 1.0; z; c.imag.fill_(1); z; c.imag[0] += c.real[1]; z
z.copy_(c); z; c.copy_(z); z; c.copy_(c); z; z.real.copy_(c.imag); z; c.imag.copy_(z.real); z; c.copy_(z.real); z
c.mul_(z); z; z.mul_(c); z; z.add_(c); z; c.add_(c); z; c.sub_(c.conj()); z
x = torch.zeros(3, 2, dtype=torch.complex64); x.copy_(c); x.is_conj(); x.set_(c); x.is_conj(); x
x = torch.zeros(3, 2, dtype=torch.complex64).conj(); x.set_(z); x.is_conj(); x; x.set_(); x.is_conj(); x
x = torch.zeros(3, 2, dtype=torch.complex64); x.data = c; x.is_conj(); x; x.data = z; x.is_conj(); x
x = torch.zeros(3, 2, dtype=torch.complex64).conj(); torch.add(z, 1, out=x); x.is_conj(); x; torch.mm(z, z[:2], out=x); x; x._base
x = torch.zeros(0, dtype=torch.complex64).conj(); torch.add(z, 1, out=x); x.is_conj(); x; x = torch.zeros(5, dtype=torch.complex64).conj(); torch.mul(z, 2, out=x); x
torch.mul(c, 2, out=z); z; torch.mul(z, 2, out=c); z; torch.cumsum(z, 0, out=c); z; torch.cat([z[:1], z[1:]], out=c); z
c.resize_(1, 6); c.is_conj(); c; c.t_(); c.is_conj(); c; c.unsqueeze_(0); c.is_conj(); z
c.conj_physical_(); z; c.zero_(); z; c.fill_(1 + 2j); z; c.fill_(torch.tensor(2j)); z; c.sgn_(); z; c.exp_(); z
c.masked_fill_(z.real > 0, 1 + 2j); z; c.index_put_((torch.tensor([0]),), torch.tensor(1 + 2j)); z; c.index_fill_(0, torch.tensor([1]), 3j); z
c.index_add_(0, torch.tensor([0, 0]), z[:2].clone()); z; c.scatter_(0, torch.tensor([[0, 1]]), z[2:].clone()); z; c.addmm_(z, z[:2]); z; c.tril_(); z
c.index_put_((torch.tensor([9]),), torch.tensor(1j))
x = torch.ones(3)._neg_view(); x.add_(1); x; x._base; x.is_neg(); x.random_(0, 10); (x >= 0).all(); x.clamp_(max=1); F.relu(x, inplace=True); x._base; x.sqrt_()
x = torch.arange(4.)._neg_view(); x.max(0); x.argmax(); x.softmax(0); x.cumsum(0); x.amin(); F.layer_norm(x, (4,)); x.std(); x.norm(); x.mean()
x = torch.arange(4.)._neg_view(); torch.max(x.view(2, 2), 0, out=(x[:2], torch.empty(2, dtype=torch.long))); x; torch.cumsum(x, 0, out=x); x._base
f = z.flatten(); f[1:].add_(f.conj()[:-1]); f; f.conj()[1:].add_(f[:-1]); f; torch.add(f[:-1].conj(), 1, out=f[1:]); f
f = z.flatten(); f[1:].copy_(f.conj()[:-1])
f = z.flatten(); f.conj()[1:].copy_(f[:-1])
w.conj().mul_(2)
w.conj().imag.zero_()
w.conj().detach_()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_histories = table(
    """
graph(w.conj()); graph(w.conj().conj()); graph(w.conj().imag); graph(w.conj().real); graph(w.mH); graph(w.conj().resolve_conj()); graph(w.conj().clone())
graph(w.conj_physical()); graph(w._neg_view()); graph(w._neg_view().resolve_neg()); graph(w.conj() * 2)
y = w * 1; c = y.conj(); c.mul_(2); graph(y); graph(c); y.abs().sum().backward(); w.grad
y = w * 1; c = y.conj(); y.mul_(2); graph(c); c.imag.sum().backward(); w.grad
y = w * 1; c = y.conj()[0]; y.mul_(2j); graph(c); c.abs().sum().backward(); w.grad
y = w * 1; c = y[0].conj(); y.mul_(2j); graph(c); c.abs().sum().backward(); w.grad
y = w * 1; c = y.conj().imag; y.mul_(2j); graph(c)[:2]; c.sum().backward(); w.grad
y = w * 1; c = y.conj().imag; c.mul_(2); y; y.grad_fn; c.grad_fn; y.abs().sum().backward(); w.grad
y = w * 1; c = y.conj(); c.mul_(1 + 2j); (y * (1 + 3j)).real.sum().backward(); w.grad
y = w * 1; c = y.conj(); c[0] = w[1]; (y * (1 + 3j)).real.sum().backward(); w.grad
y = w * 1; c = y.conj(); c.t().copy_(w[:2].t().conj().mul(2).t().reshape(2, 2).repeat(1, 2)[:, :3]); (y * (1 + 3j)).real.sum().backward(); w.grad
y = w * 1; c = y.conj(); c.exp_(); c.grad_fn; (y * (1 + 3j)).real.sum().backward(); w.grad
y = w * 1; c = y.conj(); c.imag = w.real; c.real.mul_(w.imag); (y * (1 + 3j)).real.sum().backward(); w.grad
c = w.conj(); y = c * c; y.grad_fn._saved_self.is_conj(); y.grad_fn._saved_self._is_view(); y.grad_fn._saved_self
a = w * 1; c = a.conj(); y = c * c; a.add_(1); y.sum().abs().backward()
(w.conj() * 2j).sum().abs().backward(); w.grad; w.grad.is_conj(); (w.conj() * 2j).sum().abs().backward(); w.grad; w.grad.is_conj()
g = torch.autograd.grad(w.conj().abs().sum(), w, create_graph=True)[0]; g.is_conj(); g.grad_fn; torch.autograd.grad(g.abs().sum() + g.real.sum(), w)
g = torch.autograd.grad(w.conj().imag.sum(), w)[0]; g.is_conj(); g.is_neg(); g
x = data(3, grad=True); x._neg_view().exp().sum().backward(); x.grad; x.grad.is_neg()
y = w * 1; y.backward(torch.ones(3, 2, dtype=torch.complex64).conj()); w.grad; w.grad.is_conj()
w.grad = z.conj(); w.grad.is_conj(); w.abs().sum().backward(); w.grad
c = z.conj().requires_grad_(); (c * c).real.sum().backward(); c.grad; c.is_leaf; c.grad.is_conj()
y = w * 1; h = []; y.register_hook(lambda g: g.conj()); y.register_hook(lambda g: h.append(g.is_conj())); y.abs().sum().backward(); h; w.grad
with torch.autograd.graph.saved_tensors_hooks(lambda t: t.conj(), lambda t: t.conj()): y = w * w; y.abs().sum().backward(); w.grad
torch.utils.checkpoint.checkpoint(lambda x: x.conj() * x.exp().conj(), w, use_reentrant=False).abs().sum().backward(); w.grad
torch.func.grad(lambda x: x.conj().abs().sum())(z); torch.func.grad(lambda x: (x.conj().imag * x.real).sum())(z); torch.func.vmap(lambda x: x.conj())(z); torch.func.vmap(lambda x: x.conj())(z).is_conj()
torch.func.vjp(lambda x: x.conj() * 2, z)[1](z.conj())
""",
    setup=SETUP,
    tol=GRADIENT,
)


test_uses = table(
    """
torch.dot(v.conj(), u).is_conj(); torch.dot(v.conj(), u.conj()).is_conj(); torch.dot(v, u.conj()).is_conj(); torch.vdot(v.conj(), u).is_conj(); torch.vdot(v, u.conj()).is_conj(); torch.vdot(v.conj(), u.conj()).is_conj()
t = torch.dot(v.conj(), u.conj()); t; t.numpy()
t = torch.vdot(v, u.conj()); t; t.numpy()
torch.mm(c.t(), z); torch.mm(c.mT, c); torch.mm(c.mH, c); (c.mH @ c).is_conj(); torch.mv(c.t(), v.conj()); torch.bmm(c[None].mT, c[None]); torch.einsum('ij,ik->jk', c, c); torch.outer(v.conj(), u.conj()); torch.addmm(z[:2], c.mT, c, beta=2j, alpha=1j)
t = w.conj(); t._is_view(); t._base is w; t.grad_fn; t.grad_fn.name(); t.imag.grad_fn; t._neg_view().grad_fn; t.real.grad_fn; w.imag.grad_fn; t.mH.grad_fn; t.H.grad_fn
t = c.imag; t._base is z; t.storage_offset(); t.stride(); t.data_ptr() - z.data_ptr(); c.real.data_ptr() - z.data_ptr()
c.as_strided((2, 2), (1, 2), 1); c.as_strided((2, 2), (1, 2)).is_conj(); c.expand(2, 3, 2).is_conj(); c[None, ..., 0].is_conj(); c.mT.is_conj(); c.movedim(0, 1).is_conj(); c.squeeze().is_conj(); c.unfold(0, 2, 1).is_conj(); c.view(6).is_conj(); c.narrow(0, 0, 1).is_conj(); c.split(1)[0].is_conj(); c.chunk(2)[0].is_conj()
c.storage().data_ptr() == z.storage().data_ptr(); c.untyped_storage().nbytes(); c.is_shared(); c.element_size(); c.nbytes
y = w * 1; c2 = y.conj(); y._version; c2._version; c2.mul_(2); y._version; c2._version; y.mul_(2); c2._version; c2.imag.add_(1); y._version; y
y = w * 1; c2 = y.conj(); s = (c2 * c2).sum(); y.mul_(2); s.real.backward()
y = w * 1; c2 = y.conj(); s = (y * y).sum(); c2.mul_(2); s.real.backward()
y = w * 1; c2 = y.detach().conj(); s = (y * y).sum(); c2.mul_(2); s.real.backward()
t = torch.view_as_real(c.resolve_conj()); t.is_conj(); torch.view_as_real(c.conj()); torch.view_as_complex(torch.view_as_real(z)._neg_view()).is_neg()
x = torch.zeros(3, 2, dtype=torch.complex64); torch.add(c, c, out=x.conj()); x; torch.mul(z, 1j, out=x.conj()); x; torch.exp(c, out=x.conj()); x; torch.sum(c, 0, out=x.conj()[0]); x; torch.real(x)
x = torch.zeros(3); torch.add(x, 1, out=x._neg_view()); x; torch.sin(x, out=x._neg_view()); x; torch.sum(x, 0, out=x._neg_view()[0]); x; torch.where(x > 0, x, 1, out=x._neg_view()); x; torch.cat([x[:1], x[1:]], out=x._neg_view()); x; x
x = torch.zeros(3, 2); torch.linspace(0, 1, 3, out=x[:, 0]._neg_view()); x; torch.arange(3., out=x[:, 1]._neg_view()); x; torch.ones(3, 2, out=x._neg_view()); x; torch.full((3, 2), 2., out=x._neg_view()); x; torch.eye(3, 2, out=x._neg_view()); x
x = torch.zeros(3, 2, dtype=torch.complex64); torch.linspace(0, 1j, 3, out=x[:, 0].conj()); x; torch.logspace(0, 1j, 3, out=x[:, 1].conj()); x; torch.complex(z.real, z.imag, out=x.conj()); x; torch.polar(z.real.abs(), z.imag, out=x.conj()); x; torch.gather(c, 0, torch.tensor([[0, 1], [1, 0], [2, 2]]), out=x.conj()); x; torch.index_select(c, 0, torch.tensor([2, 1, 0]), out=x.conj()); x; torch.cumsum(c, 0, out=x.conj()); x; torch.stack([c[0], c[1], c[2]], out=x.conj()); x; torch.lerp(c, z, 0.5, out=x.conj()); x; torch.mm(c, z[:2], out=x.conj()); x; torch.take(c, torch.arange(6).view(3, 2), out=x.conj()); x
torch.manual_seed(0); x = torch.zeros(3, 2, dtype=torch.complex64); x.conj().normal_(); x; x = torch.zeros(20)._neg_view(); x.normal_(); x; x._base; x.uniform_(); x._base; x.bernoulli_(0.5); x; x.random_(3); x; torch.randn(20, out=x); x._base; torch.rand(20, out=x); torch.randperm(20, out=x); x._base
torch.manual_seed(0); torch.bernoulli(torch.full((4,), -0.5)._neg_view()); torch.multinomial(torch.tensor([-0.5, -0.5])._neg_view(), 1); torch.normal(torch.zeros(2)._neg_view(), torch.full((2,), -1.0)._neg_view()); F.dropout(torch.ones(4)._neg_view(), 0.5)
x = torch.arange(-4, 0)._neg_view(); torch.ones(5)[x]; torch.ones(5)[x[0]]; torch.ones(5).index_select(0, x); F.one_hot(x); F.embedding(x, torch.arange(10.).view(5, 2)); range(x[3]); [0, 1][x[3]]; torch.zeros(3).index_fill_(0, x[3:], 2); torch.ones(5).gather(0, x); torch.arange(x[3]); torch.zeros(5).index_add_(0, x, torch.ones(4)); torch.zeros(5).scatter_(0, x, 2.0); torch.tensor([x[0], x[1]]); x.tolist(); x.split([1, 3])
x = torch.arange(-4., 0)._neg_view(); F.cross_entropy(x, torch.tensor(1)); F.nll_loss(x[None], torch.tensor([-1])._neg_view()); F.layer_norm(x, (4,), x, x); F.softmax(x, 0); F.gelu(x); torch.cumprod(x, 0); torch.roll(x, 1); torch.flip(x, (0,)); torch.logsumexp(x, 0); torch.trace(x.view(2, 2)); torch.tril(x.view(2, 2)); torch.nonzero(x - 1); x.nan_to_num(); torch.linalg.norm(x)
x = torch.zeros(2, 2); x._neg_view().fill_diagonal_(3); x; x._neg_view().index_put_((torch.tensor([0]), torch.tensor([1])), torch.tensor(5.), accumulate=True); x; x._neg_view().masked_scatter_(torch.ones(2, 2) > 0, torch.arange(4.)); x; x._neg_view().put_(torch.tensor([0]), torch.tensor([9.])); x; x._neg_view().index_copy_(0, torch.tensor([1]), torch.ones(1, 2)); x; x._neg_view().scatter_add_(0, torch.tensor([[0, 1]]), torch.ones(1, 2)); x; x._neg_view().scatter_reduce_(0, torch.tensor([[0, 1]]), torch.ones(1, 2), 'prod'); x; x._neg_view().index_reduce_(0, torch.tensor([0]), torch.ones(1, 2), 'amax'); x; x._neg_view().addcmul_(x, x); x; x._neg_view().clamp_(min=0); x; x._neg_view().cumsum_(0); x; x._neg_view().addmm_(x, x); x; x._neg_view().baddbmm_(x, x)
p = nn.Parameter(w.detach().conj()); o = torch.optim.SGD([p], 0.1, momentum=0.9); (p * p).real.sum().backward(); o.step(); o.step(); p; p.is_conj()
p = nn.Parameter(w.detach()); p.grad = c; o = torch.optim.SGD([p], 0.1, momentum=0.9); o.step(); o.step(); p
x = torch.zeros(3, 2, dtype=torch.complex64); x.copy_(c); x.conj().copy_(c); x; x.conj().copy_(z); x; x.copy_(c.imag); x; x.conj().copy_(c.imag); x; x.imag.copy_(c.imag); x; x.conj().imag.copy_(c.imag); x; x.real[:] = c.imag; x; x.conj()[1:] = c[:2]; x; x.conj()[0] = 1 + 2j; x; x.conj().imag[0] = 7; x
str(c.imag); repr(c); c.imag.tolist(); c.tolist(); c[0, 0].item(); c.imag[0, 0].item(); np.asarray(c.imag)
np.asarray(c)
torch.as_tensor(c).is_conj(); torch.asarray(c).is_conj(); c.type(torch.complex128).is_conj(); c.cdouble().is_conj(); c.cpu().is_conj(); c.clone(memory_format=torch.contiguous_format).is_conj(); torch.zeros_like(c).is_conj(); c.contiguous().is_conj()
x = w.conj().detach().requires_grad_(); x.is_leaf; y = (x * x).sum(); y.real.backward(); x.grad; x.grad.is_conj()
h = w.conj(); h.retain_grad(); h.imag.sum().backward(); h.grad; h.grad.is_conj(); h.grad.is_neg(); w.grad; w.grad.is_conj()
z; torch.func.grad(lambda t: (t.conj().mH @ t).real.sum())(z); torch.func.jacrev(lambda t: t.conj())(v); torch.func.jacfwd(lambda t: t.conj().imag)(v)
torch.func.vmap(lambda t: t.is_conj())(c); torch.func.vmap(lambda t: t * 2)(c); torch.func.vmap(lambda t: t.resolve_conj())(c)
torch.autograd.gradcheck(lambda t: t.conj().imag * t.real, (data(2, dtype='complex128', grad=True),), check_forward_ad=True); torch.autograd.gradgradcheck(lambda t: t.conj().mul(t).sin(), (data(2, dtype='complex128', grad=True),)); torch.autograd.gradcheck(lambda t: t * t, (data(2, dtype='complex128').conj().requires_grad_(),))
z.requires_grad_(); d = z.conj(); d.add_(1)
z.requires_grad_(); torch.add(z, 1, out=c)
y = w * 1; a = y.conj(); a.detach_()
with torch.no_grad(): a = w.conj(); a.mul_(2); w; a._version
with torch.inference_mode(): a = w.conj(); b = torch.ones(2, dtype=torch.complex64).conj(); b.mul_(1j); b; b.is_inference()
a = z.conj(); a.set_(z); a.is_conj(); a = z.conj(); a.is_conj(); a = z.conj(); a.data = v; a.is_conj(); a = torch.zeros(2); a.data = c.imag; a.is_neg(); a
a = z.conj(); a.resize_(2); a.is_conj(); a; z.resize_as_(a); z
a = z.conj().t(); a.swapaxes_(0, 1); a.is_conj(); a; a.squeeze_(); a.transpose_(0, 1); a.is_conj()
hash(c) == hash(c); c is c; len(c); [t.is_conj() for t in c]; c in [c]; c == z; (c == c).all(); c.ne(z); torch.isclose(c, z); c.isnan(); c.abs(); c.angle(); c.sgn(); c.is_nonzero
torch.where(z.real > 0, c, z); torch.where(z.real > 0, c, c).is_conj(); torch.stack([c, c]); torch.meshgrid(v.conj(), v.conj(), indexing='ij')[0].is_conj(); torch.broadcast_tensors(c, z[None])[0].is_conj(); torch.atleast_3d(c).is_conj(); torch.hstack([c, z]); torch.tile(c, (2,)); c.repeat(2, 1)
""",
    setup=f"{SETUP}; v = data(3, dtype='complex64'); u = data(3, dtype='complex64', salt=1)",
    tol=GRADIENT,
)


def test_forward_mode():
    torch = subject()
    fw = torch.autograd.forward_ad
    z = torch.randn(3, 2, dtype=torch.cdouble)
    t = torch.randn(3, 2, dtype=torch.cdouble)
    with fw.dual_level():
        d = fw.make_dual(z, t)
        for f in (
            lambda x: x.conj(),
            lambda x: x.conj()[0],
            lambda x: x.conj().imag,
            lambda x: x[0].imag,
            lambda x: x.conj().real,
            lambda x: x.conj().t().conj(),
            lambda x: x._neg_view().conj().imag,
        ):
            primal, tangent = fw.unpack_dual(f(d))
            assert torch.equal(primal, f(z)) and torch.equal(tangent, f(t))
            assert (tangent.is_conj(), tangent.is_neg()) == (primal.is_conj(), primal.is_neg())
        for make in ((z.conj(), t), (z, t.conj()), (z.conj(), t.conj()), (z.conj()[1:], t[1:])):
            dual = fw.make_dual(*make)
            assert torch.equal(fw.unpack_dual(dual).tangent, make[1])
            primal, tangent = fw.unpack_dual(dual * dual.conj())
            assert torch.allclose(tangent, make[1] * make[0].conj() + make[0] * make[1].conj())
        base = d * 1
        base.conj().imag.mul_(2)
        base.conj()[0] = 1j * d[1]
        primal, tangent = fw.unpack_dual(base)
        expected = torch.complex(t.real, 2 * t.imag)
        expected[0] = (1j * t[1]).conj()
        assert torch.allclose(tangent, expected)
    _, pushed = torch.func.jvp(lambda x: x.conj() * x, (z,), (t,))
    assert torch.allclose(pushed, z * t.conj() + t * z.conj())


def test_buffers_follow_the_memory():
    """A lazy view that was computed with shows what is written afterwards, noticed by versions or not."""
    torch = subject()
    z = torch.randn(4, 4, dtype=torch.cdouble)
    for view in (
        z.conj(),
        z.conj().t(),
        z.conj()[::2, 1:],
        z.conj().imag,
        z.conj().expand(2, 4, 4),
    ):
        for write in (z.mul_, z.data.mul_):
            assert torch.equal(torch.flip(view, (0,)), torch.flip(view.clone(), (0,)))
            write(1j)
            assert torch.equal(torch.flip(view, (0,)), torch.flip(view.clone(), (0,)))


def test_failed_writes_leave_the_memory():
    torch = subject()
    z = torch.randn(4, dtype=torch.cdouble)
    c, before = z.conj(), z.clone()
    with pytest.raises(IndexError):
        c.index_put_((torch.tensor([0, 9]),), torch.tensor(1j, dtype=torch.cdouble))
    with pytest.raises(RuntimeError):
        c.scatter_(0, torch.tensor([0, 9]), before)
    assert torch.equal(z, before)
    z.add_(1)
    c.zero_()
    assert torch.equal(z, torch.zeros_like(z))


# --- every operation ------------------------------------------------------------------------------

# Arguments for x, y of one shape (2, 2): a call counts where the operation takes them.
CALLS = """
x | x, y | x, 2 | 2, x | x, 0 | x, 1, 0 | x, y, y | x, (0,) | x, (1, 0) | x, -1 | x, 0, 1 | x, 1, 2 | x, 2, 0 | [x, y] | [x, y], 0 | [x, y], 1
x, i | x, 0, i | x, 0, i, y | x, 0, i2 | x, 0, i2, y | x, 0, i2, 2 | x, 0, i, 2 | x, m | x, m, 2 | x, m, y | m, x, y | x, (i,) | x, (i,), y | x, (i, i), y[0]
x[0], y[0] | x, y[0] | x[0], x, y[0] | x, x[0], y[0] | x[None], y[None] | y[None], x[None], x[None] | y, x[None], y[None] | x, y, 0.5 | x, y, 2, 3
x, (4,) | x, (2, 2) | x, (2, 2), (1, 2) | x, (4, 2, 2) | x, ((1, 1),) | x, (1, 1) | x, 1, 1 | x, 0, 0, 1 | x, 0, 0, 1, 1 | x, y[0], 0 | x, y[0], 0, 1
x, 2, 0, 1 | x, 2, 0, False | x, 0, True | x, 1, i, y, 'sum' | x, 0, i2, y, 'prod' | x, 0, i2, y, 'amax' | x, 0.5 | x, 0.5, 0 | x, -1.0, 1.0 | x, 'sum' | x, dtype
'ij,jk', [x, y] | 'ij->i', [x] | x, y, y[0] | x, y, [0], [0] | x, (2,), y[0], y[1] | x, (2,) | x, [1, 1] | x, y, y, 1 | x, i | x, y.sum() | x.sum(), y | x.sum()
"""  # fmt: skip

# They look at no values, show the bits themselves, or refuse such views as in PyTorch.
OTHERS = {
    "is_conj", "is_neg", "is_set_to", "empty_like", "new", "new_empty", "new_empty_strided", "resize_", "resize_as_", "set_",
    "view_as_real", "view_copy", "view", "_is_view", "data_ptr", "detach_",
}  # fmt: skip


# PyTorch has no gradient where an exponent is bool; a loop over plain memory gives one, formulas do not.
NO_GRADIENT = {"pow(x, m)", "Tensor.pow(x, m)"}


def operations(torch):
    names = {n: getattr(torch, n) for n in dir(torch) if not n.startswith("__")}
    names |= {f"nn.{n}": f for n, f in vars(torch._C._nn).items()}
    names |= {
        f"Tensor.{n}": getattr(torch.Tensor, n) for n in dir(torch.Tensor) if not n.startswith("__")
    }
    kinds = (type(torch.add), type(torch.Tensor.add))
    for name, f in names.items():
        if isinstance(f, kinds) and not {name, name.split(".")[-1]} & OTHERS:
            yield name, f


def flat(value, torch):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v, torch)]
    return [value]


def lazy(kind, values):
    """Values as a view of other memory than their own."""
    if kind == "conj":
        return values.conj().resolve_conj().clone().conj()
    if kind == "neg_conj":
        return values.conj().neg().conj()._neg_view()
    return values.neg()._neg_view()


def outcome(torch, f, call, x, y):
    """Results, gradients and what is left of the operands; None where the call is wrong."""
    torch.manual_seed(0)
    i, i2 = torch.tensor([1, 0]), torch.tensor([[1, 0], [0, 0]])
    names = {
        "x": x,
        "y": y,
        "i": i,
        "i2": i2,
        "m": torch.tensor([[True, False], [True, True]]),
        "dtype": torch.cdouble,
    }
    leaves = [t for t in (x, y) if t.requires_grad]
    try:
        results = flat(f(*eval(f"({call},)", names)), torch)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AttributeError):
        return None
    grads = []
    tensors = [r for r in results if isinstance(r, torch.Tensor)]
    loss = sum(
        (r.abs() + 0.1 * torch.real(r)).sum() for r in tensors if r.requires_grad and r.numel()
    )
    if leaves and isinstance(loss, torch.Tensor) and loss.requires_grad:
        try:
            grads = torch.autograd.grad(loss, leaves, allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            assert "Internal" not in str(error)
            grads = [str(error)]
    return results, list(grads)


def same(torch, a, b):
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        a, b = a.detach(), b.detach()
        return (
            a.dtype == b.dtype
            and a.shape == b.shape
            and torch.allclose(
                a.resolve_conj().resolve_neg(),
                b.resolve_conj().resolve_neg(),
                1e-9,
                1e-12,
                equal_nan=True,
            )
        )
    return a == b or (a != a and b != b)


@pytest.mark.skipif(SELFTEST, reason="compares whygrad with itself")
@pytest.mark.parametrize("kind", ["conj", "neg_conj", "neg"])
def test_every_operation(kind):
    torch = subject()
    dtype = torch.float64 if kind == "neg" else torch.cdouble
    generator = torch.Generator().manual_seed(1)
    a = torch.rand(2, 2, dtype=dtype, generator=generator) * 0.5 + 0.25
    b = torch.rand(2, 2, dtype=dtype, generator=generator) * 0.5 + 0.25
    calls = [c.strip() for line in CALLS.strip().splitlines() for c in line.split("|")]
    found, worked = [], set()
    for name, f in operations(torch):
        writes = name.endswith("_") and not name.startswith("_")
        for call, grad, where in itertools.product(calls, (False, True), ("x", "y", "xy")):
            plain = [t.clone().requires_grad_(grad) for t in (a, b)]
            views = [t.clone().requires_grad_(grad) for t in (a, b)]
            views = [lazy(kind, t) if n in where else t for n, t in zip("xy", views, strict=True)]
            if grad:
                if where != "xy" or writes:
                    continue
                views = [lazy(kind, t).detach().requires_grad_() for t in (a, b)]
            expected = outcome(torch, f, call, *plain)
            if expected is None:
                continue
            got = outcome(torch, f, call, *views)
            worked.add(name)
            label = f"{name}({call}) {where} {grad}"
            if got is None:
                found.append(f"{label} fails")
                continue
            grads = ([], []) if f"{name}({call})" in NO_GRADIENT else (expected[1], got[1])
            for e, g in zip(expected[0] + grads[0], got[0] + grads[1], strict=False):
                if not same(torch, e, g):
                    found.append(f"{label}: {e} and {g}")
                    break
            for e, g in zip(plain, views, strict=True):
                if not same(torch, e, g):
                    found.append(f"{label} leaves {e} and {g}")
    assert not found, "\n".join(found[:40])
    assert len(worked) > (250 if kind == "neg" else 200)


@pytest.mark.parametrize("name", row_names(differentiable=True))
def test_rows_have_their_derivatives(name):
    """Of negated views for all rows, of conjugates for those that take complex numbers."""
    torch, r = subject(), row(name)
    for kind, dtype in (("neg", "float64"), ("conj", "complex128"), ("neg_conj", "complex128")):
        operands = r.operands(torch, *[(2, 3)] * r.arity, dtype=dtype)
        try:
            r.call(torch, *operands)
        except (RuntimeError, TypeError, NotImplementedError):
            assert dtype == "complex128"
            continue
        views = [lazy(kind, t).detach().requires_grad_() for t in operands]
        assert views[0].is_conj() or views[0].is_neg()

        def f(*args, r=r):
            return r.call(torch, *args)

        if name == "silu" and dtype == "complex128":
            continue
        assert torch.autograd.gradcheck(f, views, check_forward_ad=True)
        mapped = torch.vmap(f)(*views)
        assert torch.allclose(mapped, f(*operands), 1e-9, 1e-12)


# --- random programs ------------------------------------------------------------------------------

VIEWS = [
    "{a}.conj()", "{a}._neg_view()", "{a}.t()", "{a}[:, :1]", "{a}[1:]", "{a}.view(-1)[:2].view(1, 2)", "{a}.mH", "{a}.real", "{a}.imag",
    "{a}.detach()", "{a}.expand_as({a})", "{a}.resolve_conj()", "{a}.resolve_neg()", "{a}.contiguous()", "{a}.reshape(-1, 1)",
]  # fmt: skip
WRITES = [
    "{a}.mul_(1 + 2 * I({a}))", "{a}.add_({b}.sum())", "{a}.copy_({b})", "{a}[0] = {b}[0]", "{a}.imag = 0.5", "{a}.real.mul_(2)", "{a}.imag.mul_({b}.real)",
    "{a}.exp_()", "{a}.zero_()", "{a}.mul_({b})", "{a}.conj().sub_({b})", "{a}.imag.copy_({b}.imag)", "{a}.index_put_((torch.tensor([0]),), {b}[0])",
    "{a}.masked_fill_({a}.abs() > 1, 0.25)", "{a}.t_()", "{a}.tril_()", "{a}.square_()",
]  # fmt: skip
VALUES = [
    "{a} * {b}",
    "{a} @ {b}",
    "{a}.abs() + {b}",
    "torch.cat([{a}, {b}])",
    "{a}.sum(0, keepdim=True)",
    "{a} * {a}.conj()",
    "{a}[[0]]",
]


def program(seed):
    choose = random.Random(seed)
    lines = [
        "I = lambda t: 1j if t.is_complex() else 1",
        "w = data(2, 2, dtype='complex128', grad=True); u = data(2, 2, dtype='complex128', salt=1, grad=True)",
        "p0 = w * 1; p1 = u * 1",
    ]
    n = 2
    for _ in range(choose.randrange(2, 9)):
        a, b = f"p{choose.randrange(n)}", f"p{choose.randrange(n)}"
        kind = choose.choice([VIEWS, VIEWS, WRITES, WRITES, VALUES])
        line = choose.choice(kind).format(a=a, b=b)
        if kind is not WRITES:
            line, n = f"p{n} = p{choose.randrange(n)}; p{n} = {line}", n + 1
        lines.append(line)
    lines.append(
        f"bits = [(t.is_conj(), t.is_neg()) for t in [{', '.join(f'p{k}' for k in range(n))}]]"
    )
    weights = ", ".join(f"(p{k} * ({k + 1} + 0.5j)).real.sum()" for k in range(n))
    lines.append(f"loss = sum([{weights}])")
    lines.append("loss.backward()")
    return "\n".join(lines)


@pytest.mark.parametrize("part", range(4))
def test_random_programs(part):
    for seed in range(60):
        source = program(part * 1000 + seed)
        try:
            check_script(source, GRADIENT.ignoring("grad_fn", "version", "is_view"))
        except AssertionError as error:
            pytest.fail(f"{source}\n\n{error}", pytrace=False)
        except pytest.fail.Exception as error:
            pytest.fail(f"{source}\n\n{error}", pytrace=False)
