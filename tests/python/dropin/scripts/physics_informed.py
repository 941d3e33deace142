"""A network that solves u'' = -u: derivatives of the network in the loss."""

import torch
from torch import nn

torch.manual_seed(2)
torch.set_default_dtype(torch.float64)
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
t = torch.linspace(0, 2, 24).unsqueeze(1)


def derivative(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


for step in range(60):
    x = t.clone().requires_grad_(True)
    u = net(x)
    du = derivative(u, x)
    ddu = derivative(du, x)
    residual = ((ddu + u) ** 2).mean()
    start = (u[0] - 1) ** 2 + du[0] ** 2
    loss = residual + start.sum()
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    if step % 20 == 0:
        print(f"{step:3d} {loss.item():.7f} {norm.item():.7f}")
print(u.grad_fn, du.grad_fn, ddu.grad_fn)
print(f"{(net(t) - torch.cos(t)).abs().max().item():.5f}")
