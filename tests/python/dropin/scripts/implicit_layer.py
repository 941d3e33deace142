"""A deep equilibrium layer: the fixed point is differentiated implicitly with a hook."""

import torch
from torch import autograd, nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


class Equilibrium(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.linear = nn.Linear(n, n)
        with torch.no_grad():
            self.linear.weight.mul_(0.5)

    def f(self, z, x):
        return torch.tanh(self.linear(z) + x)

    def solve(self, g, z, tolerance=1e-12, limit=200):
        for i in range(limit):
            new = g(z)
            if (new - z).norm() < tolerance:
                break
            z = new
        return new, i

    def forward(self, x):
        with torch.no_grad():
            z, self.steps = self.solve(lambda z: self.f(z, x), torch.zeros_like(x))
        z = self.f(z, x)
        z0 = z.clone().detach().requires_grad_()
        f0 = self.f(z0, x)

        def backward_hook(grad):
            out, self.backward_steps = self.solve(
                lambda y: autograd.grad(f0, z0, y, retain_graph=True)[0] + grad, grad
            )
            return out

        if z.requires_grad:
            z.register_hook(backward_hook)
        return z


layer = Equilibrium(5)
x = torch.randn(3, 5, requires_grad=True)
z = layer(x)
print(z)
z.square().sum().backward()
print(layer.steps, layer.backward_steps)
print(x.grad)
print(layer.linear.weight.grad.norm(), layer.linear.bias.grad)
print(
    autograd.gradcheck(
        layer,
        torch.randn(2, 5, requires_grad=True),
        eps=1e-5,
        atol=1e-5,
        check_undefined_grad=False,
    )
)
with torch.no_grad():
    print(layer(x).requires_grad)
