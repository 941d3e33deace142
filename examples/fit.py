"""Fit a parabola to noisy points by gradient descent, without nn or optim."""

import torch

torch.manual_seed(0)
x = torch.linspace(-1, 1, 200)
y = 3 * x**2 - x + 0.5 + 0.1 * torch.randn(200)
powers = torch.stack([torch.ones(200), x, x**2], dim=1)

w = torch.zeros(3, requires_grad=True)
for step in range(301):
    loss = ((powers @ w - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.5 * w.grad
        w.grad.zero_()
    if step % 100 == 0:
        print(f"{step:3d} {loss.item():.4f}")
print(w)
print(loss)
