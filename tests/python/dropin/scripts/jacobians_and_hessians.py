"""Jacobians, Hessians and products with them, by every way that torch.func and autograd have."""

import torch
import torch.nn.functional as F
from torch.autograd import functional as AF
from torch.func import functional_call, hessian, jacfwd, jacrev, jvp, vjp, vmap

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
D = 6
weight, bias, x = torch.randn(D, D), torch.randn(D), torch.randn(D)


def predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


def by_rows():
    xp = x.clone().requires_grad_()
    y = predict(weight, bias, xp)
    return torch.stack([torch.autograd.grad(y, xp, v, retain_graph=True)[0] for v in torch.eye(D)])


rows = by_rows()
print(rows)
_, pull = vjp(lambda x: predict(weight, bias, x), x)
(pulled,) = vmap(pull)(torch.eye(D))
print((pulled - rows).abs().max() < 1e-12, pulled.shape)
for transform in (jacrev, jacfwd):
    print(transform.__name__, torch.allclose(transform(predict, argnums=2)(weight, bias, x), rows))
    a, b = transform(predict, argnums=(0, 1))(weight, bias, x)
    print(a.shape, b.shape, f"{a.sum():.8f} {b.sum():.8f}")
print(torch.allclose(AF.jacobian(lambda x: predict(weight, bias, x), x), rows))
print(torch.allclose(AF.jacobian(lambda x: predict(weight, bias, x), x, vectorize=True), rows))

batch = torch.randn(5, D)
per_sample = vmap(jacrev(predict, argnums=2), in_dims=(None, None, 0))(weight, bias, batch)
print(per_sample.shape, f"{per_sample.square().sum():.8f}")
H = hessian(lambda x: predict(weight, bias, x).sum())(x)
H2 = jacfwd(jacrev(lambda x: predict(weight, bias, x).sum()))(x)
H3 = jacrev(jacrev(lambda x: predict(weight, bias, x).sum()))(x)
H4 = AF.hessian(lambda x: predict(weight, bias, x).sum(), x)
print(H.diagonal(), [torch.allclose(H, other) for other in (H2, H3, H4)])


def hvp(f, x, v):
    return jvp(torch.func.grad(f), (x,), (v,))[1]


def hvp_reverse(f, x, v):
    _, pull = vjp(torch.func.grad(f), x)
    return pull(v)[0]


v = torch.randn(D)
f = lambda x: (predict(weight, bias, x) ** 2).sum()
print(hvp(f, x, v))
print(
    torch.allclose(hvp(f, x, v), hvp_reverse(f, x, v)),
    torch.allclose(hvp(f, x, v), AF.hvp(f, x, v)[1]),
)
print(torch.allclose(hvp(f, x, v), hessian(f)(x) @ v))

net = torch.nn.Sequential(torch.nn.Linear(D, 4), torch.nn.GELU(), torch.nn.Linear(4, 2))
params = dict(net.named_parameters())
jac = jacrev(lambda p: functional_call(net, p, x))(params)
for name, value in jac.items():
    print(name, tuple(value.shape), f"{value.sum():.8f}")
laplace = vmap(lambda x: hessian(lambda x: functional_call(net, params, x).sum())(x).trace())(batch)
print(laplace)
try:
    jacrev(lambda x: x.long())(x)
except RuntimeError as error:
    print(error)
