"""Linear regression three ways: by hand, with autograd, with nn and optim."""

import torch
from torch import nn, optim

torch.manual_seed(42)
X = torch.rand(100, 1) * 10
noise = torch.randn(100, 1)
Y = 2.5 * X + 1.0 + noise
print(X[:5], Y[:5])
print(X.mean(), X.std(), Y.var(), noise.abs().max())

w, b = 0.0, 0.0
for _ in range(50):
    error = X * w + b - Y
    w -= 0.01 * (2 * error * X).mean().item()
    b -= 0.01 * (2 * error).mean().item()
print(f"by hand  w {w:.4f} b {b:.4f}")

w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(50):
    loss = ((X * w + b - Y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        b -= 0.01 * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if epoch % 10 == 0:
        print(epoch, f"{loss.item():.4f}")
print("autograd", w, b)

model = nn.Linear(1, 1)
print(model, list(model.state_dict()))
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
criterion = nn.MSELoss()
for epoch in range(300):
    optimizer.zero_grad()
    loss = criterion(model(X), Y)
    loss.backward()
    optimizer.step()
print("nn", model.weight, model.bias, f"{loss.item():.4f}")

A = torch.cat([X, torch.ones(100, 1)], dim=1)
G, v = A.t() @ A, A.t().mm(Y).squeeze(1)
det = G[0, 0] * G[1, 1] - G[0, 1] * G[1, 0]
print(
    "normal equations",
    (G[1, 1] * v[0] - G[0, 1] * v[1]) / det,
    (G[0, 0] * v[1] - G[1, 0] * v[0]) / det,
)
prediction = model(torch.tensor([[4.0]]))
print(prediction.item() > 10, prediction.shape)
model(torch.ones(3, 2))
