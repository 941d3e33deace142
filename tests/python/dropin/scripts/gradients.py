"""autograd.grad, accumulation, retained graphs, vectors as gradients, higher orders, errors."""

import torch


def attempt(function):
    try:
        print(function())
    except (RuntimeError, IndexError) as error:
        print(type(error).__name__ + ":", error)


x = torch.tensor([2.0], requires_grad=True)
y = torch.tensor([3.0], requires_grad=True)
(x + y).backward()
print(f"x: {x.grad} y: {y.grad}")
(x * y).backward()
print(x.grad, y.grad)
x.grad.zero_()
y.grad = None
z = x * y
z.backward(retain_graph=True)
z.backward()
print(x.grad, y.grad)
attempt(lambda: (x * y + x.exp()).pow(2).backward() or x.grad)

v = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
attempt(lambda: (v * 2).backward())
(v * v).backward(torch.tensor([1.0, 0.1, 0.01]))
print(v.grad)
attempt(lambda: (v * v).backward(torch.ones(2)))
attempt(lambda: torch.autograd.grad((v**3).sum(), v))
attempt(lambda: torch.autograd.grad(v.sum(), x))
attempt(lambda: torch.autograd.grad(v.sum(), [v, x], allow_unused=True))
attempt(lambda: torch.autograd.grad([v.sum(), (v * x).sum()], [v, x]))

t = torch.linspace(-1, 0.5, 5, dtype=torch.float64).requires_grad_()
f = torch.sin(t) * torch.exp(-t * t) + torch.tanh(t) / (1 + t.square())
for order in range(1, 4):
    (f,) = torch.autograd.grad(f.sum(), t, create_graph=True)
    print(order, f)

m = torch.arange(6.0).view(2, 3).requires_grad_()
n = torch.arange(12.0).view(3, 4).requires_grad_()
(m @ n).relu().mean().backward()
print(m.grad, n.grad)
m.grad = None
(m[0] * m[1]).sum().backward()
print(m.grad)
m.grad = None
m[:, [0, 2, 0]].sum().backward()
print(m.grad)
m.grad = None
torch.where(m > 2, m * m, -m).max(dim=1).values.sum().backward()
print(m.grad)
m.grad = None
(
    torch.stack([m, m * 2]).sum(0).softmax(1).log() * torch.cat([m.detach(), m.detach()])[:2]
).sum().backward()
print(m.grad)

a = torch.ones(3, requires_grad=True)
b = a
for _ in range(5000):
    b = b + a * 1e-3
b.sum().backward()
print(a.grad)
attempt(lambda: torch.ones(2, 3) + torch.ones(4))
attempt(lambda: torch.ones(2, 3)[5])
attempt(lambda: torch.ones(2, 3).view(4))
attempt(lambda: torch.ones(2).sum(dim=3))
z.backward()
