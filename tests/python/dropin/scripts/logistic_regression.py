"""Logistic regression with binary cross-entropy, of probabilities and of logits."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)
N = 200
labels = (torch.rand(N) > 0.5).float()
points = torch.randn(N, 2) + labels.unsqueeze(1) * 2.5
print(labels[:10], points[:3])


class Logistic(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x)).squeeze(1)


model = Logistic(2)
print(model)
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), parameter.requires_grad)
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(101):
    loss = criterion(model(points), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        print(step, f"{loss.item():.4f}")
with torch.no_grad():
    accuracy = ((model(points) > 0.5).float() == labels).float().mean()
print(model.linear.weight, model.linear.bias)
print(f"accuracy {accuracy:.3f}")

logits = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0], requires_grad=True)
targets = torch.tensor([0.0, 1.0, 0.5, 1.0, 0.0])
loss = F.binary_cross_entropy_with_logits(logits, targets)
loss.backward()
print(loss, logits.grad)
loss = nn.BCEWithLogitsLoss(reduction="none")(logits, targets)
print(loss)
print(F.binary_cross_entropy(torch.sigmoid(logits), targets, reduction="sum"))
try:
    F.binary_cross_entropy(torch.rand(3), torch.rand(4))
except ValueError as error:
    print(error)
F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0]))
