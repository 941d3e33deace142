"""A recurrent cell written by hand: backpropagation through time, truncated and whole."""

import torch
from torch import nn

torch.manual_seed(3)


class GRUCell(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.x = nn.Linear(inputs, 3 * hidden)
        self.h = nn.Linear(hidden, 3 * hidden)

    def forward(self, x, h):
        xr, xz, xn = self.x(x).chunk(3, 1)
        hr, hz, hn = self.h(h).chunk(3, 1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        return (1 - z) * n + z * h


cell, readout = GRUCell(2, 6), nn.Linear(6, 1)
params = [*cell.parameters(), *readout.parameters()]
optimizer = torch.optim.Adam(params, lr=0.02)
t = torch.linspace(0, 12, 61)
series = torch.stack([t.sin(), t.cos()], dim=1).unsqueeze(1)
for epoch in range(3):
    h = torch.zeros(1, 6)
    total = 0.0
    for start in range(0, 60, 20):
        h = h.detach()
        loss = torch.zeros(())
        for i in range(start, start + 20):
            h = cell(series[i], h)
            loss = loss + (readout(h) - series[i + 1, :, :1]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(epoch, f"{total:.4f}")
h = torch.zeros(1, 6, requires_grad=True)
state, states = h, []
for i in range(10):
    state = cell(series[i], state)
    state.retain_grad()
    states.append(state)
states[-1].sum().backward()
print([f"{s.grad.norm():.3f}" for s in states], h.grad)
buffer = torch.empty(10, 1, 6)
state = torch.zeros(1, 6)
for i in range(10):
    state = cell(series[i], state)
    buffer[i] = state
print(buffer.grad_fn, buffer.requires_grad)
g = torch.autograd.grad(buffer.sum(), params[:4])
print([f"{v.norm():.4f}" for v in g])
try:
    h = torch.zeros(1, 6)
    for i in range(3):
        h = cell(series[i], h)
        h.sum().backward()
except RuntimeError as error:
    print(str(error).split(".")[0])
