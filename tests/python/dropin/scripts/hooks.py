"""Hooks on tensors, retained gradients and gradients of intermediate results."""

import warnings

import torch

warnings.simplefilter("ignore")

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x * 2
seen = []
handle = x.register_hook(lambda g: seen.append(g.clone()))
doubled = y.register_hook(lambda g: g * 2)
(y**2).sum().backward()
print(x.grad, seen)
doubled.remove()
handle.remove()
x.grad = None
((x * 2) ** 2).sum().backward()
print(x.grad, len(seen))

x.grad = None
order = []
y = x.exp()
y.register_hook(lambda g: order.append("first"))
y.register_hook(lambda g: order.append("second"))
x.register_hook(lambda g: order.append("leaf"))
y.sum().backward()
print(order)

x = torch.ones(2, requires_grad=True)
h = x * 3
h.retain_grad()
(h * h).sum().backward()
print(h.grad, x.grad)
k = x * 3
k.sum().backward()
print(k.grad, k.is_leaf, k.retains_grad, h.retains_grad)


def clip(g):
    return g.clamp(-1, 1)


w = torch.tensor([3.0, -0.2], requires_grad=True)
w.register_hook(clip)
(w**2).sum().backward()
print(w.grad)

z = (x * w).sum()
print(z.grad_fn, z.grad_fn.next_functions[0][0])
print([f.name() for f, _ in z.grad_fn.next_functions[0][0].next_functions])

try:
    w.register_hook(lambda g: torch.ones(5))
    (w * 1).sum().backward()
except RuntimeError as error:
    print(error)

u = torch.randn(3)
u.register_hook(lambda g: g * 2)
