"""What PyTorch warns of on stderr, and how often."""

import warnings

import torch
import torch.nn.functional as F

x = torch.ones(3, requires_grad=True)
y = x * 2
y.sum().backward()
for _ in range(2):
    print(y.grad)
print((x * 3).grad)

for _ in range(3):
    print(torch.ones(2, 3, 4).T.shape)
print(torch.zeros(1, 2, 3).T.shape)

print(float((x * 2).sum()), float(x.mean()))
print(torch.ones(1).std())
print(F.mse_loss(torch.ones(2, 1), torch.ones(2)))
print(torch.add(torch.ones(2), 1, out=torch.ones(3)))
print(torch.tensor(x.detach()))
shared = torch.zeros(1).expand(3)
print(shared.masked_fill_(torch.tensor([True, False, False]), 4.0))

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    print((x * 4).grad)
warnings.filterwarnings("error", message="Using a target size")
F.l1_loss(torch.ones(2, 1), torch.ones(2))
