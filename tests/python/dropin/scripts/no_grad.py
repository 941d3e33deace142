"""no_grad, enable_grad and set_grad_enabled as blocks, decorators and calls."""

import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

with torch.no_grad():
    y = x * 2
    print(y.requires_grad, y.grad_fn, torch.is_grad_enabled())
    with torch.enable_grad():
        z = x * 3
        print(z.requires_grad, z)
    print(torch.is_grad_enabled())
    x += 1  # allowed here, and not recorded
print(x, x.is_leaf, x._version)


@torch.no_grad()
def evaluate(t):
    """Docstring stays."""
    return (t * t).sum()


print(evaluate(x), evaluate.__name__, evaluate.__doc__)


@torch.no_grad()
def count(t):
    for row in t:
        yield row * 2


for value in count(x):
    print(value, torch.is_grad_enabled())

try:
    with torch.no_grad():
        raise ValueError("leaves the block")
except ValueError as error:
    print(error, torch.is_grad_enabled())

a = torch.ones(2, requires_grad=True)
b = a * 2
with torch.no_grad():
    c = b + a
d = (c * b).sum()
d.backward()
print(a.grad, c)

# A gradient descent step on a leaf, by hand.
w = torch.tensor([5.0], requires_grad=True)
for _ in range(5):
    loss = ((w - 2) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.25 * w.grad
        w.grad.zero_()
    print(f"{w.item():.4f} {loss.item():.4f}")

with torch.no_grad():
    y = x * 2
y.sum().backward()
