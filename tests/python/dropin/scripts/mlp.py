"""A small network on XOR and on three classes, with SGD and Adam; state, modes and repr."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)
X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
print(net)
print(net[0].weight)
optimizer = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
for step in range(301):
    loss = nn.MSELoss()(net(X), Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step in (0, 1, 5, 10):
        print(step, f"{loss.item():.4f}")
print(loss.item() < 1e-3, net(X).round().abs())


class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.first = nn.Linear(4, hidden)
        self.second = nn.Linear(hidden, 3)
        self.register_buffer("scale", torch.full((4,), 0.5))

    def forward(self, x):
        return self.second(F.relu(self.first(x * self.scale)))


x = torch.randn(60, 4)
target = torch.arange(60) % 3
x[torch.arange(60), target] += 3
model = Net()
print(model)
print(
    sum(p.numel() for p in model.parameters()),
    [tuple(v.shape) for v in model.state_dict().values()],
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(60):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), target)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        norm = sum(p.grad.norm() ** 2 for p in model.parameters()) ** 0.5
        print(epoch, f"{loss.item():.4f} {norm.item():.4f}")
model.eval()
print(model.training, model.first.training)
with torch.no_grad():
    probabilities = F.softmax(model(x[:3]), dim=1)
print(probabilities, torch.allclose(probabilities.sum(dim=1), torch.ones(3)))
print(F.log_softmax(model(x[:1]), dim=-1))
print(F.nll_loss(F.log_softmax(model(x), dim=1), target))

copy = Net()
copy.load_state_dict(model.state_dict())
print(torch.equal(copy(x), model(x)))
for parameter in model.first.parameters():
    parameter.requires_grad = False
print([name for name, p in model.named_parameters() if p.requires_grad])
model(torch.randn(2, 5))
