"""Newton steps by conjugate gradients on Hessian-vector products, with a line search."""

import torch
from torch.autograd.functional import hessian, hvp, jacobian, vhp

torch.set_default_dtype(torch.float64)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


x = torch.tensor([-1.0, 0.8, 1.2, 0.5], requires_grad=True)
for i in range(4):
    value = rosenbrock(x)
    (g,) = torch.autograd.grad(value, x)

    def product(v):
        return hvp(rosenbrock, x.detach(), v)[1] + 300 * v

    step, r = torch.zeros_like(g), -g.clone()
    p = r.clone()
    for k in range(8):
        Ap = product(p)
        alpha = r.dot(r) / p.dot(Ap)
        step = step + alpha * p
        new = r - alpha * Ap
        if new.norm() < 1e-10:
            break
        p = new + (new.dot(new) / r.dot(r)) * p
        r = new
    rate = 1.0
    while rosenbrock(x.detach() + rate * step) > value and rate > 1e-4:
        rate /= 2
    with torch.no_grad():
        x += rate * step
    print(i, f"{value.item():.8f} {g.norm().item():.6f} {rate} {k}")
H = hessian(rosenbrock, x.detach())
print(H)
print(vhp(rosenbrock, x.detach(), torch.ones(4))[1])
print(jacobian(lambda x: torch.stack([rosenbrock(x), x.prod()]), x.detach(), strict=True))
try:
    jacobian(lambda x: torch.ones(2), x.detach(), strict=True)
except RuntimeError as error:
    print(error)
