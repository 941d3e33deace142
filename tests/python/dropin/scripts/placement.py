"""Where tensors are and whether that costs their gradient: devices, dtypes, copies, modules."""

import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(device, device.type, device.index, torch.device("cpu") == device)

x = torch.arange(4.0, requires_grad=True)
moved = x.to(device)
print(moved is x, moved.is_leaf, moved.device)
wide = x.to(torch.float64)
print(wide.is_leaf, wide.grad_fn, wide.dtype)
copied = x.to(device, copy=True)
print(copied.is_leaf, copied.grad_fn)
(wide.sum() + copied.float().sum()).backward()
print(x.grad, wide.is_leaf)

fresh = torch.ones(2, device=device, requires_grad=True)
made = torch.ones(2, requires_grad=True).to(device) * 1
made.retain_grad()
(fresh * made).sum().backward()
print(fresh.grad, made.grad)

torch.manual_seed(1)
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(device)
before = list(model.parameters())
model = model.double().float().cpu()
print(all(a is b for a, b in zip(before, model.parameters())))
print({name: (p.dtype, p.is_leaf, p.device.type) for name, p in model.named_parameters()})
model(torch.ones(1, 2, device=device)).sum().backward()
print([p.grad.norm().item() > 0 for p in model.parameters()])
print(type(model), type(model[0].weight), model)
torch.ones(2, device="cuda")
