"""Programs over complex numbers, each compared with PyTorch: autograd and its errors, tensors and their dtypes,
random numbers, modules, losses, optimizers, operations and what they refuse.
"""

from __future__ import annotations

from dataclasses import replace

from parity import GRADIENT, scripts, table

NEAR = replace(GRADIENT, ulps={"float64": 4096, "float32": 512})
SETUP = (
    "z = data(3, dtype='complex128', grad=True); w = data(3, dtype='complex128', salt=1); "
    "x = data(3, dtype='float64', grad=True); m = data(3, 3, dtype='complex128', grad=True); "
    "c = data(3, dtype='complex64', grad=True)"
)

test_autograd = table(
    """
(z*z).sum().backward()
z.sum().backward()
z.backward()
z.abs().sum().backward(); z.grad
torch.autograd.grad(z.sum(), z)
torch.autograd.grad(z.abs().sum(), z, torch.tensor(1j))
torch.autograd.grad(z.abs().sum(), z, torch.tensor(1j, dtype=torch.complex128))
torch.autograd.grad(z.sum(), z, torch.tensor(1.0))
torch.autograd.grad(z.sum(), z, torch.tensor(1.0, dtype=torch.float64))
torch.autograd.grad(z.sum(), z, torch.tensor(1j))
torch.autograd.grad(z.sum(), z, torch.tensor(1j, dtype=torch.complex128))
torch.autograd.backward([z.sum(), x.sum()])
h = x.register_hook(lambda g: g * 1j); x.sum().backward(); x.grad
h = z.register_hook(lambda g: g.real); z.sum().abs().backward(); z.grad
y = x * 2; h = y.register_hook(lambda g: g * 1j); y.sum().backward()
x.grad = torch.zeros(3, dtype=torch.complex128)
z.grad = torch.zeros(3, dtype=torch.float64)
z.grad = torch.zeros(3, dtype=torch.complex64)
z.grad = torch.zeros(3, dtype=torch.complex128); z.abs().sum().backward(); z.grad
z.retain_grad(); y = z * 1j; y.retain_grad(); (y.real ** 2).sum().backward(); y.grad; z.grad
torch.autograd.functional.jacobian(lambda a: a * a, z)
torch.autograd.functional.jacobian(lambda a: a.abs(), z)
torch.autograd.functional.jacobian(lambda a: torch.complex(a, a), x)
torch.autograd.functional.jacobian(lambda a: a * a, z, vectorize=True)
torch.autograd.functional.jacobian(lambda a: a * a, z, create_graph=True)
torch.autograd.functional.hessian(lambda a: a.abs().sum(), z)
torch.autograd.functional.hessian(lambda a: a.sum(), z)
torch.autograd.functional.hessian(lambda a: (a.real**3).sum(), z, vectorize=True)
torch.autograd.functional.vjp(lambda a: a * a, z, w)
torch.autograd.functional.vjp(lambda a: a * a, z, w.real)
torch.autograd.functional.vjp(lambda a: a.abs().sum(), z)
torch.autograd.functional.vjp(lambda a: a.sum(), z)
torch.autograd.functional.jvp(lambda a: a * a, z, w)
torch.autograd.functional.jvp(lambda a: a.abs(), z, w)
torch.autograd.functional.jvp(lambda a: a * a, z, w.real)
torch.autograd.functional.vhp(lambda a: a.abs().sum(), z, w)
torch.autograd.functional.hvp(lambda a: a.abs().sum(), z, w)
torch.func.grad(lambda a: a.abs().sum())(w)
torch.func.grad(lambda a: a.sum())(w)
torch.func.grad_and_value(lambda a: (a*a.conj()).real.sum())(w)
torch.func.jacrev(lambda a: a * a)(w)
torch.func.jacrev(lambda a: a.abs())(w)
torch.func.jacfwd(lambda a: a * a)(w)
torch.func.jacfwd(lambda a: a.abs())(w)
torch.func.jacrev(lambda a: torch.complex(a, a))(x.detach())
torch.func.hessian(lambda a: a.abs().sum())(w)
f = torch.func.vjp(lambda a: a * a, w); f[1](w); f[1](w.real)
torch.vmap(lambda a: a * a.conj())(w); torch.vmap(lambda a: a @ a)(m.detach()); torch.vmap(torch.func.grad(lambda a: (a*a).abs().sum()))(m.detach())
checkpoint = torch.utils.checkpoint.checkpoint; y = checkpoint(lambda a: (a * a).exp(), z, use_reentrant=False); y.abs().sum().backward(); z.grad
checkpoint = torch.utils.checkpoint.checkpoint; y = checkpoint(lambda a: (a * a).exp(), z, use_reentrant=True); y.abs().sum().backward(); z.grad
torch.autograd.gradcheck(lambda a: a * a, z); torch.autograd.gradcheck(lambda a: a.abs(), z); torch.autograd.gradgradcheck(lambda a: a * a * a, z); torch.autograd.gradcheck(lambda a: torch.complex(a, a * 2), x); torch.autograd.gradcheck(lambda a: a * a, z, fast_mode=True); torch.autograd.gradgradcheck(lambda a: a.abs(), z)
torch.autograd.gradcheck(lambda a: a * a, c)
torch.autograd.gradcheck(lambda a: a * a, torch.complex(x, x).detach())
torch.autograd.gradcheck(lambda a: a.sum(), z, raise_exception=False)
torch.is_grad_enabled(); y = z.view_as_real() if hasattr(z, 'view_as_real') else torch.view_as_real(z); y.sum().backward(); z.grad
a = torch.zeros(3, dtype=torch.complex128); a.real = x; a.imag = 2 * x.detach(); a; a.abs().sum().backward(); x.grad
z.real = x
x.real; x.imag
x.clone().imag = x
y = x.clone(); y.real = x * 2; y
y = z.detach().clone(); y.real = 3.0; y.imag = torch.ones(3); y.real = w; y
y = z.detach().clone(); y.real = 1j; y
torch.autograd.grad(z, z, w, is_grads_batched=False)
torch.autograd.grad(z * 2, z, torch.stack([w, w]), is_grads_batched=True)
y = (z * z).sum(); y.backward(torch.ones((), dtype=torch.complex128)); z.grad
y = z * z; y.backward(w); z.grad
y = z * z; y.backward(w.real)
y = z.abs(); y.backward(w)
y = x.to(torch.complex64); y
y = z.to(torch.float64); y; y.sum().backward(); z.grad
z.requires_grad_(False); torch.tensor([1+2j], requires_grad=True); torch.ones(2, dtype=torch.cfloat, requires_grad=True)
z.detach().requires_grad_(); z.is_complex(); x.is_complex(); torch.is_complex(z); torch.is_complex(1j)
""",
    setup=SETUP,
    tol=NEAR,
)

test_tensors = table(
    """
bool(torch.tensor(1j)); int(torch.tensor(1+0j)); float(torch.tensor(1+0j)); complex(torch.tensor(1+2j)); complex(torch.tensor(2.0))
int(torch.tensor(1j))
float(torch.tensor(1j))
torch.tensor(1j).item(); torch.tensor([1j,2]).tolist(); torch.tensor(1j).__index__()
torch.tensor(1j) < 1
round(torch.tensor(1j))
f'{torch.tensor(1+2j)}'; f'{torch.tensor(1+2j):.2f}'
repr(z); str(c); repr(torch.tensor([1e10+1j, 1e-5j])); repr(torch.tensor([complex('nan'), complex('inf')]))
hash(z) is None; z == z; len(z); list(z.detach())
y = z.detach().clone(); y[0] = 1j; y[1] = 2; y[2] = True; y
y = x.detach().clone(); y[0] = 1j
y = x.detach().clone(); y[0] = torch.tensor(1j); y
y = x.detach().clone(); y[:] = w; y
y = x.detach().clone(); y.copy_(w); y.fill_(2); y.fill_(1j)
y = torch.zeros(3, dtype=torch.int64); y[0] = 1j
y = torch.zeros(3, dtype=torch.int64); y.fill_(1+0j); y
y = torch.full((2,), 1j); y; torch.full((2,), 1j, dtype=torch.float32)
torch.full((2,), 1+0j, dtype=torch.float32)
torch.full_like(x, 1j)
torch.tensor([1+2j], dtype=torch.float32)
torch.tensor([1+2j, 3]); torch.tensor([1, 2.0, 1j]); torch.tensor([True, 1j]); torch.tensor(1j).dtype
torch.tensor([1, 2], dtype=torch.complex64); torch.tensor(x.detach(), dtype=torch.complex64)
torch.as_tensor([1j]); torch.as_tensor(np.array([1j])); torch.asarray([1j, 2]); torch.from_numpy(np.array([1j], 'complex64')); torch.scalar_tensor(1j)
torch.scalar_tensor(1j, dtype=torch.complex64); torch.scalar_tensor(1j, dtype=torch.float32)
torch.set_default_dtype(torch.float64); torch.tensor(1j); torch.tensor([1j]); 1j * torch.ones(2, dtype=torch.int64); torch.polar(torch.ones(2), torch.ones(2)).dtype; torch.ones(2, dtype=torch.int64) + 1j; torch.ones(2, dtype=torch.float32) + 1j
torch.set_default_dtype(torch.complex64)
torch.can_cast(torch.complex64, torch.float64); torch.can_cast(torch.float64, torch.complex64); torch.can_cast(torch.complex128, torch.complex64)
torch.finfo(torch.complex64).eps; torch.finfo(torch.complex128).max; torch.finfo(torch.complex64); torch.finfo(torch.complex64).dtype
torch.iinfo(torch.complex64)
torch.cfloat is torch.complex64; torch.cdouble is torch.complex128; z.cfloat(); z.cdouble(); x.cfloat(); z.type(); z.type(torch.complex64)
z.double()
z.to(torch.int64)
z.bool()
z.half()
""",
    setup=SETUP,
    tol=NEAR,
)

test_random = table(
    """
torch.randn(5, dtype=torch.complex64); torch.randn(20, dtype=torch.complex64); torch.randn(5, dtype=torch.complex128); torch.randn(17, dtype=torch.complex128); torch.rand(5, dtype=torch.complex64); torch.rand(20, dtype=torch.complex128); torch.randn_like(z); torch.rand_like(z)
torch.randint(0, 5, (3,), dtype=torch.complex64)
torch.randperm(5, dtype=torch.complex64)
y = torch.zeros(20, dtype=torch.complex64); y.normal_(); y.normal_(1.0, 2.0); y.uniform_()
y = torch.zeros(20, dtype=torch.complex64); y.normal_(1j, 2.0)
y = torch.zeros(20, dtype=torch.complex64); y.uniform_(1.0, 2.0)
y = torch.zeros(5, dtype=torch.complex64); y.exponential_()
y = torch.zeros(5, dtype=torch.complex64); y.cauchy_()
y = torch.zeros(5, dtype=torch.complex64); y.log_normal_()
y = torch.zeros(5, dtype=torch.complex64); y.geometric_(0.5)
y = torch.zeros(5, dtype=torch.complex64); y.random_()
y = torch.zeros(5, dtype=torch.complex64); y.random_(5)
y = torch.zeros(5, dtype=torch.complex64); y.bernoulli_()
y = torch.zeros(5, dtype=torch.complex64); y.bernoulli_(torch.ones(5))
torch.normal(0.0, 1.0, (5,), dtype=torch.complex64)
torch.normal(w, 1.0)
torch.normal(w, torch.ones(3))
torch.normal(0.0, w)
torch.normal(w, w)
torch.bernoulli(w)
torch.multinomial(w, 1)
torch.multinomial(w.abs(), 1)
""",
    setup=SETUP,
    tol=NEAR,
)

test_modules = table(
    """
l = nn.Linear(3, 2, dtype=torch.complex64); l.weight; l.bias
l = nn.Linear(3, 2); l.to(torch.complex64)
l = nn.Linear(3, 2).to(torch.complex64); l.weight.dtype
l = nn.Linear(3, 2).double(); l.type(torch.complex128).weight.dtype
l = nn.Linear(3, 2); l(c)
l = nn.Linear(3, 2, dtype=torch.complex64).double(); l.weight.dtype
l = nn.Linear(3, 2, dtype=torch.complex64).float(); l.weight.dtype
l = nn.Linear(3, 2, dtype=torch.complex64).half(); l.weight.dtype
l = nn.Linear(3, 2, dtype=torch.complex64).to(torch.float32); l.weight.dtype
p = nn.Parameter(w); p; p.requires_grad; nn.Parameter(torch.ones(2, dtype=torch.cfloat), requires_grad=False)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.normal_(p); nn.init.zeros_(p); nn.init.ones_(p); nn.init.constant_(p, 1j)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.kaiming_normal_(p); nn.init.xavier_normal_(p)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.kaiming_uniform_(p)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.xavier_uniform_(p)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.uniform_(p)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.trunc_normal_(p)
p = nn.Parameter(torch.zeros(3, 4, dtype=torch.complex64)); nn.init.sparse_(p, 0.5)
p = nn.Parameter(torch.zeros(3, 4, 2, dtype=torch.complex64)); nn.init.dirac_(p)
e = nn.Embedding(4, 3, dtype=torch.complex64); e.weight; e(torch.tensor([1, 2]))
nn.LayerNorm(3, dtype=torch.complex64)(c)
nn.RMSNorm(3, dtype=torch.complex64)(c)
F.rms_norm(z, (3,), w)
F.dropout(z, 0.5, False); F.dropout(z, 0.0); F.dropout(z, 1.0)
F.dropout(z, 0.5)
nn.BCELoss()(c, c)
nn.CrossEntropyLoss()(m, torch.tensor([0, 1, 2]))
nn.MSELoss()(z, w)
nn.L1Loss()(z, w); F.l1_loss(z, w, reduction='sum'); F.l1_loss(z, w, reduction='none'); F.l1_loss(z, x); F.l1_loss(x, w); F.l1_loss(z, w).backward(); z.grad
F.mse_loss(z, w)
F.mse_loss(x, w)
F.mse_loss(z, x)
F.smooth_l1_loss(z, w)
F.huber_loss(z, w)
F.softmax(z, 0)
F.log_softmax(z, 0)
F.sigmoid(z); F.tanh(z); F.silu(z); F.tanhshrink(z); F.softsign(z); F.logsigmoid(x)
F.logsigmoid(z)
F.normalize(z, dim=0)
F.cosine_similarity(z, w, dim=0)
F.pairwise_distance(m, m)
F.pairwise_distance(m, m.detach() + 1)
F.glu(data(4, dtype='complex64', grad=True))
F.prelu(z, w[:1])
F.softmin(z, 0)
F.one_hot(z)
F.kl_div(z, w)
F.nll_loss(m, torch.tensor([0,1,2]))
F.binary_cross_entropy(z, w)
F.binary_cross_entropy_with_logits(z, w)
F.binary_cross_entropy_with_logits(z.detach(), w)
F.bilinear(c, c, data(2, 3, 3, dtype='complex64'))
F.bilinear(c.detach(), c.detach(), data(2, 3, 3, dtype='complex64'))
""",
    setup=SETUP,
    tol=NEAR,
)

test_comparisons = table(
    """
torch.allclose(z, z); torch.allclose(z, w); torch.isclose(z, z * (1 + 1e-6)); torch.equal(z, z); torch.equal(z, w); torch.equal(z, x)
torch.isclose(z, x)
torch.isclose(z, z, rtol=-1)
torch.allclose(torch.tensor([complex('nan')]), torch.tensor([complex('nan')]), equal_nan=True); torch.isclose(torch.tensor([complex(float('nan'),1), complex(float('inf'), 2)]), torch.tensor([complex(1, float('nan')), complex(float('inf'), 2)]), equal_nan=True)
torch.testing.assert_close(z, z); torch.testing.assert_close(z, w)
torch.testing.assert_close(z, w, rtol=0, atol=1)
torch.testing.assert_close(z, c)
torch.testing.assert_close(z, c, check_dtype=False)
torch.testing.assert_close(1j, 1j); torch.testing.assert_close(1j, 2j)
torch.testing.assert_close(1j, 2.0)
torch.testing.assert_close(torch.tensor(complex('nan')), torch.tensor(complex('nan')))
torch.testing.assert_close(torch.tensor(complex('nan')), torch.tensor(complex('nan')), equal_nan=True)
torch.testing.make_tensor((3,), dtype=torch.complex64, device='cpu'); torch.testing.make_tensor((3,), dtype=torch.complex128, device='cpu', low=0, high=1); torch.testing.make_tensor((3, 2), dtype=torch.complex64, device='cpu', requires_grad=True, noncontiguous=True); torch.testing.make_tensor((3,), dtype=torch.complex64, device='cpu', exclude_zero=True)
torch.testing.make_tensor((3,), dtype=torch.complex64, device='cpu', low=1j)
""",
    setup=SETUP,
    tol=NEAR,
)

test_made = table(
    """
torch.linspace(0, 1j, 4); torch.linspace(1j, 2, 5); torch.linspace(0, 1, 4, dtype=torch.complex64); torch.linspace(torch.tensor(1j), 2, 3); torch.linspace(0, 1j, 1); torch.linspace(0, 1j, 0)
torch.linspace(0, 1j, 4, dtype=torch.float32)
torch.linspace(0, 1j, 4, out=torch.empty(4))
torch.linspace(0, 1j, 4, out=torch.zeros(4, dtype=torch.complex64)); torch.linspace(0, 1j, 50, dtype=torch.complex128); torch.linspace(-3.7+2j, 9.1-1j, 33)
torch.logspace(0, 1j, 4); torch.logspace(0, 1, 4, dtype=torch.complex64); torch.logspace(0, 1+1j, 5, base=2.0); torch.logspace(1j, 1, 1); torch.logspace(0, 1j, 33, dtype=torch.complex128)
torch.logspace(0, 1j, 4, dtype=torch.float32)
torch.logspace(0, 1, 4, base=2j)
torch.arange(0, 1j)
torch.range(0, 1, dtype=torch.complex64)
torch.eye(2, dtype=torch.complex64); torch.zeros(2, dtype=torch.complex64); torch.ones_like(z); torch.tril(m); torch.triu(m)
""",
    setup=SETUP,
    tol=NEAR,
)

test_operations = table(
    """
torch.logsumexp(z, 0); torch.logsumexp(m, 1); torch.logsumexp(m, (0, 1)); torch.logsumexp(m, 1, keepdim=True); torch.logsumexp(m, 0).abs().sum().backward(); m.grad
torch.logsumexp(torch.tensor([complex('inf'), 1j]), 0); torch.logsumexp(torch.tensor([complex('-inf'), complex('-inf')]), 0); torch.logsumexp(torch.tensor([complex('nan'), 1j]), 0)
torch.logsumexp(torch.zeros(0, dtype=torch.complex64), 0)
torch.dist(z, w); torch.dist(z, w, 1); torch.dist(z, w, 0); torch.dist(z, w, float('inf')); torch.dist(z, w, 3); torch.dist(z, x); torch.dist(z, w).backward(); z.grad
torch.renorm(m, 2, 0, 1.0); torch.renorm(m, 1, 1, 0.5); torch.renorm(m, 2, 0, 1.0).abs().sum().backward(); m.grad
torch.renorm(m, 1j, 0, 1.0)
torch.nan_to_num(torch.tensor([complex('nan'), complex(float('inf'), float('nan')), complex(1, float('-inf'))])); torch.nan_to_num(w, 1.0, 2.0, 3.0); torch.nan_to_num(torch.tensor([complex('nan'), complex(float('inf'), float('nan')), complex(1, float('-inf'))]), 1.0, 2.0, 3.0)
torch.nan_to_num(z)
y = z.clone(); y.nan_to_num_(); y.abs().sum().backward(); z.grad
y = torch.empty(0, dtype=torch.complex128); torch.nan_to_num(w, out=y); y
y = z.detach().clone(); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'sum'); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'prod'); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'mean'); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'sum', include_self=False); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'prod', include_self=False); y.scatter_reduce_(0, torch.tensor([0, 0, 1]), w, 'mean', include_self=False)
w.scatter_reduce(0, torch.tensor([0, 0, 1]), w, 'amax')
w.scatter_reduce(0, torch.tensor([0, 0, 1]), w, 'amin')
z.scatter_reduce(0, torch.tensor([0, 0, 1]), w, 'sum')
w.index_reduce(0, torch.tensor([0, 0, 1]), w, 'prod'); w.index_reduce(0, torch.tensor([0, 0, 1]), w, 'mean')
w.index_reduce(0, torch.tensor([0, 0, 1]), w, 'amax')
y = data(3, 3, dtype='complex64'); y.index_reduce(0, torch.tensor([0, 0, 1]), y, 'prod'); y.index_reduce(0, torch.tensor([0, 0, 1]), y, 'mean'); y
y = data(3, 3, dtype='complex64'); y.index_reduce(0, torch.tensor([0, 0, 1]), y, 'amax')
m.index_reduce(0, torch.tensor([0, 0, 1]), m, 'mean')
torch.addcmul(z, w, w, value=1j); torch.addcdiv(z, w, w, value=1-2j); z.addcmul(w, w, value=2j).abs().sum().backward(); z.grad; y = z.detach().clone(); y.addcmul_(w, w, value=1j); y.addcdiv_(w, w, value=1j); torch.addcmul(z, z, z, value=1j).grad_fn._saved_value
torch.addcmul(z, w, x, value=1j).abs().sum().backward(); z.grad; x.grad
torch.addcdiv(z, x, w, value=1j).abs().sum().backward(); z.grad; x.grad
torch.addcmul(x, x, x, value=1j)
torch.addcmul(x, x, x, value=1+0j)
torch.add(z, w, alpha=1j); torch.sub(z, w, alpha=1j); torch.add(z, 2, alpha=1j); torch.add(x, w, alpha=1j); torch.add(z, x, alpha=1j).abs().sum().backward(); z.grad; x.grad; torch.add(z, z, alpha=1j).grad_fn._saved_alpha; graph(torch.add(z, z, alpha=1j))
torch.rsub(z, w, alpha=1j); torch.rsub(z, 1j, alpha=2)
torch.add(x, x, alpha=1j)
torch.add(x, x, alpha=1+0j)
y = z.detach().clone(); y.add_(w, alpha=1j); y.sub_(w, alpha=2j)
torch.addmm(m, m, m, beta=1j, alpha=2j); torch.addmv(z, m, w, beta=1j, alpha=2j); torch.addr(m, z, w, beta=1j, alpha=2j); torch.baddbmm(m[None], m[None], m[None], beta=1j, alpha=2j)
torch.addmm(x[None], x[None], x[:, None] * x, beta=1j)
torch.addmm(m, m, m, beta=1j, alpha=2j).abs().sum().backward(); m.grad
y = torch.addbmm(m, m[None], m[None], beta=1j, alpha=2j); y.abs().sum().backward(); m.grad
z.norm(); z.norm(1); z.norm(float('inf')); m.norm('fro'); m.norm(2, 0); m.norm(0); z.norm(3, dtype=torch.complex128)
z.norm(2, dtype=torch.float64)
torch.linalg.vector_norm(z); torch.linalg.vector_norm(z, 1); torch.linalg.vector_norm(m, float('inf'), 0); torch.linalg.vector_norm(z, float('-inf')); torch.linalg.vector_norm(z, 0); torch.linalg.vector_norm(z, dtype=torch.complex128)
torch.linalg.vector_norm(z, dtype=torch.float64)
torch.linalg.vector_norm(z, 1j)
z.var(); z.std(); m.var(0); m.std(1, correction=0); m.mean(0); torch.var_mean(m); torch.std_mean(z); z.var(0, True).backward(); z.grad
z.std().backward(); z.grad
m.cumsum(0); m.cumprod(1); m.prod(); m.prod(1); m.prod(1).abs().sum().backward(); m.grad
m.cumprod(0).abs().sum().backward(); m.grad
z.mean(dtype=torch.complex64); z.sum(dtype=torch.complex64); x.sum(dtype=torch.complex128); x.mean(dtype=torch.complex64); x.prod(dtype=torch.complex64); x.cumsum(0, dtype=torch.complex64)
z.sum(dtype=torch.float64)
z.mean(dtype=torch.float64)
z.mean(dtype=torch.int64)
z.nansum()
z.nanmean()
torch.count_nonzero(z); torch.nonzero(z); torch.argwhere(z); z.any(); z.all(); torch.is_nonzero(torch.tensor(1j))
z.amax()
z.aminmax()
m.max(0)
m.argmax(0)
m.min(0)
z.max(z)
y = z.detach().clone(); y.index_put_((torch.tensor([0, 0, 1]),), w, accumulate=True); y.index_put_((torch.tensor([2]),), torch.tensor(1j, dtype=torch.complex128)); y.index_add_(0, torch.tensor([0, 0]), w[:2], alpha=1j); y.scatter_add_(0, torch.tensor([0, 0]), w[:2]); y.scatter_(0, torch.tensor([0]), 1j); y.scatter_(0, torch.tensor([0, 0]), w[:2], reduce='add'); y.scatter_(0, torch.tensor([0, 0]), w[:2], reduce='multiply'); y.index_copy_(0, torch.tensor([1]), w[:1]); y.index_fill_(0, torch.tensor([1]), 1j); y.masked_fill_(torch.tensor([True, False, True]), 1j); y.masked_scatter_(torch.tensor([True, False, True]), w); y.put_(torch.tensor([0]), w[:1]); y.put_(torch.tensor([0]), w[:1], accumulate=True)
torch.index_put(z, (torch.tensor([0, 0, 1]),), z * 2, accumulate=True).abs().sum().backward(); z.grad
z.index_put((torch.tensor([0]),), x[:1])
z.index_add(0, torch.tensor([0, 0]), x[:2])
x.index_add(0, torch.tensor([0, 0]), x[:2], alpha=1j)
z.scatter_add(0, torch.tensor([0, 0]), z[:2]).abs().sum().backward(); z.grad
z.scatter(0, torch.tensor([0, 0]), x[:2])
z.scatter(0, torch.tensor([0, 0]), 1j).abs().sum().backward(); z.grad
x.scatter(0, torch.tensor([0, 0]), 1j)
x.index_fill(0, torch.tensor([0]), 1j)
x.masked_fill(torch.tensor([True, False, True]), 1j)
x.masked_fill(torch.tensor([True, False, True]), torch.tensor(1j))
z.masked_fill(torch.tensor([True, False, True]), torch.tensor(1j)).abs().sum().backward(); z.grad
z.masked_select(torch.tensor([True, False, True])).abs().sum().backward(); z.grad
x.masked_scatter(torch.tensor([True, False, True]), z)
z.masked_scatter(torch.tensor([True, False, True]), x)
z.take(torch.tensor([0, 2])).abs().sum().backward(); z.grad
torch.complex(x, x.float())
torch.complex(z, z)
torch.complex(x, 1.0)
torch.complex(torch.tensor([1]), torch.tensor([1]))
torch.polar(x, x.float())
torch.view_as_real(x)
torch.view_as_complex(x)
torch.view_as_complex(torch.zeros(3, 2, dtype=torch.int64))
torch.view_as_complex(z)
z.sgn(); z.sign()
z.float_power(2); z ** 2; z ** 2.5; z ** 1j; 2 ** z; z ** z; torch.pow(2j, z); z.square(); z.pow(torch.tensor(2)); x ** 1j; x.abs() ** z
(x ** 1j).abs().sum().backward(); x.grad
(2 ** z).real.sum().backward(); z.grad
z.float_power_(2)
c.detach().float_power_(2)
torch.complex(x, x).float_power(z).real.sum().backward(); x.grad; z.grad
einsum = torch.einsum('i,ij->j', z, m); einsum; einsum.abs().sum().backward(); z.grad
z @ m; m @ m; m.mv(z); z.dot(w); torch.vdot(z, w); z.vdot(x)
z.dot(x)
m @ x
torch.outer(z, w); torch.outer(z, x); torch.outer(x, z)
torch.linalg.matmul(m, m); torch.inner(z, w); torch.tensordot(m, m, 1); torch.trace(m)
torch.cat([z, x]); torch.stack([z, w]); torch.cat([z, x]).abs().sum().backward(); x.grad; z.grad
torch.stack([z, x])
torch.where(torch.tensor([True, False, True]), z, x); torch.where(torch.tensor([True, False, True]), z, 1.0); torch.where(torch.tensor([True, False, True]), 1j, x)
torch.where(torch.tensor([True, False, True]), z, x).abs().sum().backward()
torch.lerp(z, w, 0.3); torch.lerp(z, w, 1j); torch.lerp(z, w, w); torch.lerp(z, w, 0.3).abs().sum().backward(); z.grad
torch.lerp(x, x, 1j)
torch.lerp(z, x, 0.5)
torch.clamp(z, 0, 1)
z.clip(1j)
z.clamp(min=w)
z.clamp_min(w)
z.clamp_(0)
z > 0
z.maximum(w)
torch.isinf(z); torch.isfinite(z); torch.isnan(z)
z.trunc()
z.round()
z.fmod(2)
z // 2
divmod(z, 2)
torch.div(z, w, rounding_mode='trunc')
z.logit()
z.erf()
z.relu()
F.relu6(z)
F.hardswish(z)
F.threshold(z, 1, 2)
F.threshold(z, 1j, 2)
z.numpy(force=True); z.detach().numpy(); z.__array__
z.storage_offset(); z.untyped_storage().nbytes(); z.element_size(); z.nbytes; z.itemsize
z.view(torch.float64); z.view(torch.complex64); z.real.stride(); x.view(torch.complex64)
x.view(torch.complex128)
data(4, dtype='float64', grad=True).view(torch.complex128)
z.view(torch.float64).sum().backward()
z.data.dtype; z.T; m.T; m.t()
z.new_tensor([1]); z.new_tensor(1j); z.new_zeros(2); z.new_full((2,), 1j); x.new_full((2,), 1j)
torch.ops.aten.mul.Tensor(z, w); torch.ops.aten.view_as_real.default(z); torch.ops.aten.abs.default(z)
torch.ops.aten.complex.default(x, x); torch.ops.aten.polar.default(x, x); torch.ops.aten.angle.default(z); torch.ops.aten.sgn.default(z)
c.to(torch.complex128).abs().sum().backward(); c.grad
torch.result_type(z, 1.0); torch.result_type(x, 1j); torch.result_type(torch.tensor(1j), x); torch.result_type(1j, 2.0)
z.angle(); z.abs()
y = data(3, 3, dtype='complex64'); y.index_reduce(1, torch.tensor([0, 0, 1]), y, 'mean', include_self=False)
torch.int64.to_complex()
torch.lerp(z, w, 0.3).grad_fn; torch.cat([x, z, x]).grad_fn
""",
    setup=SETUP,
    tol=NEAR,
)

test_programs = scripts(
    tol=NEAR,
    function_1=SETUP
    + """
class F1(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g * 1j
F1.apply(x).sum().backward()
x.grad
F1.apply(z).abs().sum().backward()
z.grad
""",
    function_2=SETUP
    + """
class F2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a.real.clone()
    @staticmethod
    def backward(ctx, g): return g
F2.apply(z).sum().backward()
z.grad
z.grad.dtype
""",
    function_3=SETUP
    + """
class F3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return torch.complex(a, a)
    @staticmethod
    def backward(ctx, g): return g
F3.apply(x).abs().sum().backward()
""",
    anomaly_1=SETUP
    + """
with torch.autograd.detect_anomaly():
    y = torch.sqrt(z * 0).abs().sum()
    y.backward()
""",
    anomaly_2=SETUP
    + """
with torch.autograd.detect_anomaly():
    y = torch.log(z * 0).real.sum()
    y.backward()
""",
    saved_hooks_1=SETUP
    + """
with torch.autograd.graph.saved_tensors_hooks(lambda t: (t.dtype, t.clone()), lambda p: p[1]):
    y = (z * w).exp().abs().sum()
y.backward()
z.grad
""",
    saved_hooks_2=SETUP
    + """
with torch.autograd.graph.saved_tensors_hooks(lambda t: t.to(torch.complex64), lambda p: p.to(torch.complex128)):
    y = (z * w).exp().real.sum()
y.backward()
z.grad
""",
    dual_2=SETUP
    + """
fwAD = torch.autograd.forward_ad
with fwAD.dual_level():
    d = fwAD.make_dual(x.detach(), w)
""",
    gradcheck_1=SETUP
    + """
class B(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * a
    @staticmethod
    def backward(ctx, g): return g * 3
torch.autograd.gradcheck(B.apply, z)
""",
    gradcheck_2=SETUP
    + """
class B(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a.abs()
    @staticmethod
    def backward(ctx, g): return g * 3
torch.autograd.gradcheck(B.apply, z)
""",
    gradcheck_3=SETUP
    + """
class B(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return torch.complex(a, a)
    @staticmethod
    def backward(ctx, g): return g.real
torch.autograd.gradcheck(B.apply, x)
""",
    program_1=SETUP
    + """
l = nn.Linear(3, 2, dtype=torch.complex64)
with torch.no_grad(): l.weight.copy_(torch.ones(2, 3) * 1j); l.bias.zero_()
y = l(c); y; y.abs().sum().backward(); l.weight.grad; c.grad
""",
    program_2=SETUP
    + """
e = nn.Embedding(4, 3, dtype=torch.complex64)
with torch.no_grad(): r = e(torch.tensor([1, 2]))
r
""",
)

test_optimizers = scripts(
    tol=NEAR.ignoring("version"),
    sgd_1=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.SGD([p], lr=0.1)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    sgd_2=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.2)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
o.state[p]['momentum_buffer']
""",
    sgd_3=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True, maximize=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    adam_1=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.Adam([p], lr=0.1, weight_decay=0.2)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
o.state[p]['exp_avg']; o.state[p]['exp_avg_sq']; o.state[p]['step']
""",
    adam_2=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.Adam([p], lr=0.1, amsgrad=True, maximize=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
o.state[p]['max_exp_avg_sq']
""",
    adamw_1=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.AdamW([p], lr=0.1, amsgrad=True, foreach=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    adamw_2=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.AdamW([p], lr=0.1, foreach=False)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    adam_3=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.Adam([p], lr=0.1, fused=True)
(p * z.detach()).abs().sum().backward(); o.step()
p
""",
    adagrad_1=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.Adagrad([p], lr=0.1, weight_decay=0.1, lr_decay=0.1, initial_accumulator_value=0.5)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
o.state[p]['sum']
""",
    adagrad_2=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.Adagrad([p], lr=0.1, foreach=True, maximize=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    rmsprop_1=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.RMSprop([p], lr=0.1, weight_decay=0.1, momentum=0.9, centered=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
o.state[p]['square_avg']; o.state[p]['grad_avg']; o.state[p]['momentum_buffer']
""",
    rmsprop_2=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.RMSprop([p], lr=0.1, maximize=True)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
    rmsprop_3=SETUP
    + """
p = nn.Parameter(w.clone()); o = torch.optim.RMSprop([p], lr=0.1, foreach=False)
for _ in range(3): o.zero_grad(); (p * z.detach()).abs().sum().backward(); o.step()
p
""",
)
