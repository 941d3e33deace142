"""MAML on sine waves with torch.func: an inner loop of gradient steps inside of a gradient."""

import math

import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, jacrev, vjp
from torch.utils._pytree import tree_flatten, tree_map

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
with torch.no_grad():
    for i, p in enumerate(net.parameters()):
        p.copy_(torch.linspace(-0.5, 0.5, p.numel()).reshape(p.shape) * (1 + i))


def task(k):
    x = torch.linspace(-2, 2, 6).reshape(-1, 1)
    return x, torch.sin(x + 0.3 * k) * (1 + 0.1 * k)


def loss(params, x, y):
    return ((functional_call(net, params, (x,)) - y) ** 2).mean()


def adapt(params, x, y, steps=2, rate=0.05):
    for _ in range(steps):
        gradient = grad(loss)(params, x, y)
        params = tree_map(lambda p, g: p - rate * g, params, gradient)
    return params


def outer(params):
    losses = []
    for k in range(3):
        x, y = task(k)
        adapted = adapt(params, x[:4], y[:4])
        losses.append(loss(adapted, x[4:], y[4:]))
    return torch.stack(losses).mean()


params = {name: p.detach() for name, p in net.named_parameters()}
for step in range(4):
    gradient, value = grad_and_value(outer)(params)
    norm = math.sqrt(sum((g**2).sum().item() for g in tree_flatten(gradient)[0]))
    print(f"step {step}: loss {value.item():.8f}, gradient {norm:.8f}")
    params = tree_map(lambda p, g: p - 0.1 * g, params, gradient)


def energy(x):
    return (x.sin() * x).sum() + x.prod()


x = torch.tensor([0.5, -1.0, 2.0])
v = torch.tensor([1.0, 2.0, -1.0])
print("gradient", [f"{g:.8f}" for g in grad(energy)(x).tolist()])
print("hessian", [[f"{h:.8f}" for h in row] for row in jacrev(jacrev(energy))(x).tolist()])
print("product", [f"{h:.8f}" for h in vjp(grad(energy), x)[1](v)[0].tolist()])
print("jacobian", [[f"{j:.8f}" for j in row] for row in jacrev(torch.tanh)(x).tolist()])
print("fourth", f"{grad(grad(grad(grad(lambda a: a.sin() * a**2))))(torch.tensor(0.7)).item():.8f}")
