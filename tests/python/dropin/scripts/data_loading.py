"""Datasets and DataLoader: order, batches, collation, and a training loop over them."""

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.tensor([float(i)]), i * i


data = Squares(7)
loader = DataLoader(data, batch_size=3)
print(len(data), len(loader), data[2])
for x, y in loader:
    print(x, y, x.shape, y.dtype)
print(len(DataLoader(data, batch_size=3, drop_last=True)))
for x, _ in DataLoader(data, batch_size=3, drop_last=True):
    print(x.flatten())

torch.manual_seed(0)
for epoch in range(2):
    print(epoch, [y.tolist() for _, y in DataLoader(data, batch_size=2, shuffle=True)])
generator = torch.Generator().manual_seed(5)
shuffled = DataLoader(
    TensorDataset(torch.arange(6)), batch_size=4, shuffle=True, generator=generator
)
print([batch[0].tolist() for batch in shuffled], [batch[0].tolist() for batch in shuffled])

for batch in DataLoader([{"a": 1, "b": [1.5, 2.5]}, {"a": 2, "b": [3.5, 4.5]}], batch_size=2):
    print(batch)
for batch in DataLoader(["x", "y", "z"], batch_size=2):
    print(batch)

X = torch.linspace(-1, 1, 64).unsqueeze(1)
Y = X**2
torch.manual_seed(2)
model = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(10):
    total = 0.0
    for x, y in DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    print(epoch, f"{total / len(X):.4f}")
TensorDataset(torch.ones(2), torch.ones(3))
