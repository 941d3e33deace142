"""Reductions and products over complex numbers."""

from __future__ import annotations

from dataclasses import replace

from parity import SUMMED, table

NEAR = replace(SUMMED, ulps={"float64": 64, "float32": 64})

test_reductions = table(
    """
z.sum(); z.sum(0); z.sum((0, 1)); z.sum(1, keepdim=True); z.t().sum(0); w.sum(); z.sum(dtype=torch.complex128); x.sum(dtype=torch.complex64)
z.mean(); z.mean(0); z.mean(1, keepdim=True); x.mean(dtype=torch.complex64)
z.sum(dtype=torch.float32)
z.prod(); z.prod(0); z.prod(1, keepdim=True); torch.tensor([0j, 2]).prod(); torch.empty(0, dtype=torch.cfloat).prod()
z.cumsum(0); z.cumsum(1); z.cumprod(0); z.cumprod(1); w.cumsum(-1); w.t().cumprod(0); x.cumsum(0, dtype=torch.complex64)
z.var(); z.std(); z.var(0); z.std(1, keepdim=True); z.var(0, correction=0); torch.var_mean(z); torch.std_mean(z, 0)
z.norm(); z.norm(1); z.norm(3); z.norm(float('inf')); z.norm(float('-inf')); z.norm(0); z.norm(2, 0); torch.linalg.vector_norm(z, 1, 0)
z.any(); z.all(); z.any(0); z.all(1); torch.zeros(2, dtype=torch.cfloat).any(); torch.count_nonzero(z); torch.tensor([0j, 1j]).nonzero()
torch.sum(torch.empty(0, 2, dtype=torch.cfloat), 0); torch.empty(0, dtype=torch.cfloat).sum(); torch.trace(z[:3]); w.trace()
torch.sum(z, 0, out=torch.empty(4, dtype=torch.cfloat)); F.l1_loss(z, z * 2); F.l1_loss(z, x); F.normalize(z)
z.expand(2, 3, 4).sum(); z[:, ::2].sum(0); z[:0].mean()
z.max()
z.amax(0)
z.argmax()
z.softmax(0)
torch.nanmean(z)
""",
    setup="z = data(3, 4, dtype='complex64'); w = data(3, 4, dtype='complex128'); x = data(3, 4)",
    tol=NEAR,
)

test_products = table(
    """
z @ w; torch.mm(z, w); torch.matmul(z, w); z.t().contiguous().t() @ w; z @ w.t().contiguous().t(); z[:, ::2] @ w[::2]
z.mv(w[:, 0]); z @ w[:, 0]; w[:, 0] @ z.t(); z.double if 0 else z.to(torch.complex128) @ w.to(torch.complex128)
torch.dot(z[0], w[:, 0]); torch.vdot(z[0], w[:, 0]); torch.dot(z[0], z[1]); torch.vdot(z[:, 0], z[:, 1]); torch.inner(z, z)
torch.outer(z[0], w[0]); torch.bmm(b, c); b @ c; torch.matmul(b, w); torch.matmul(z, c); torch.baddbmm(d, b, c)
torch.addmm(e, z, w); torch.addmm(e, z, w, beta=2, alpha=0.5); torch.addmm(e, z, w, beta=1j, alpha=2 - 1j); torch.addmm(e[0], z, w, beta=0)
torch.addmv(e[:, 0], z, w[:, 0]); torch.addr(e, z[:, 0], w[0]); torch.baddbmm(d, b, c, beta=0.5, alpha=1j)
F.linear(z, w.t()); F.linear(z, w.t(), w[0]); torch.einsum('ij,jk->ik', z, w); torch.einsum('ij->j', z); torch.einsum('bij,bjk->ik', b, c)
torch.tensordot(z, w, 1); torch.mm(z, w, out=torch.empty(3, 5, dtype=torch.cfloat)); torch.empty(0, 2, dtype=torch.cfloat) @ torch.empty(2, 3, dtype=torch.cfloat)
torch.empty(2, 0, dtype=torch.cfloat) @ torch.empty(0, 3, dtype=torch.cfloat); e.clone().addmm_(z, w)
z @ x
torch.mm(z, x)
torch.mv(z, x[:, 0])
torch.dot(z[0], x[:, 0])
z @ z
""",
    setup="z = data(3, 4, dtype='complex64'); w = data(4, 5, dtype='complex64'); x = data(4, 5); "
    "b = data(2, 3, 4, dtype='complex64'); c = data(2, 4, 5, dtype='complex64'); d = data(2, 3, 5, dtype='complex64'); "
    "e = data(3, 5, dtype='complex64')",
    tol=NEAR,
)
