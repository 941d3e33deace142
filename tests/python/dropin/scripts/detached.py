"""detach, .data and clone: what they share and what they cut."""

import torch

a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = a.detach()
print(b, b.requires_grad, b.data_ptr() == a.data_ptr())
b[0] = 10.0
print(a, a._version, b._version)
c = a.clone()
print(c, c.requires_grad)
d = a.clone().detach().requires_grad_(True)
print(d, d.is_leaf)

(a * d).sum().backward()
print(a.grad, d.grad)

a.grad = None
y = a * 2
z = y.detach() * y
z.sum().backward()
print(a.grad)

a.grad.zero_()
a.data += 1
print(a, a._version)
(a**2).sum().backward()
print(a.grad)

h = a * 3
h.detach_()
print(h, h.requires_grad, h.is_leaf)

x = torch.ones(3, requires_grad=True)
e = x.exp()
e.detach().zero_()
try:
    e.sum().backward()
except RuntimeError as error:
    print(error)

x = torch.ones(3, requires_grad=True)
e = x.exp()
e.data.zero_()  # not seen by the version counter: a wrong gradient, as under PyTorch
e.sum().backward()
print(x.grad)

for bad in (lambda: x.detach().sum().backward(), lambda: torch.autograd.grad(x.detach().sum(), x)):
    try:
        bad()
    except RuntimeError as error:
        print(error)

detached = a.detach()
(detached * 2).sum().backward()
