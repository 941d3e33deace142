"""Functions of tensors that are not tracked, tracked later, or tracked in some calls only."""

import torch

torch.manual_seed(0)


def double_sine(t):
    t.requires_grad_(True)
    return torch.sin(t) * 2


x = torch.randn(10)
print(x.requires_grad, x.is_leaf, x.grad_fn)
y = double_sine(x)
print(x.requires_grad, y.requires_grad, y.is_leaf, y.grad_fn)
try:
    y.backward()
except RuntimeError as error:
    print(type(error).__name__, error)
y.sum().backward()
print(x.grad)
print(torch.allclose(x.grad, 2 * torch.cos(x)))


def sometimes(t, train):
    with torch.set_grad_enabled(train):
        result = torch.sin(t) * 2
    return result


x = torch.randn(4, requires_grad=True)
print(sometimes(x, True))
print(sometimes(x, False))
sometimes(x, True).sum().backward()
print(x.grad)
print(torch.is_grad_enabled())
torch.set_grad_enabled(False)
print((x * 2).requires_grad, torch.is_grad_enabled())
torch.set_grad_enabled(True)
print((x * 2).requires_grad)

w = torch.ones(3)
v = torch.ones(3, requires_grad=True)
(w * v).sum().backward()
print(w.grad, v.grad)
print((w * 2).grad_fn, (w * 2).requires_grad)

i = torch.tensor([1, 2, 3])
try:
    i.requires_grad_()
except RuntimeError as error:
    print(error)
try:
    torch.tensor([True], requires_grad=True)
except RuntimeError as error:
    print(error)

loss = (torch.randn(5) * 2).sum()
loss.backward()
