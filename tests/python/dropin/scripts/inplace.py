"""In-place operations on leaves, views, saved tensors, and what backward says about them."""

import torch


def attempt(function):
    try:
        print(function())
    except RuntimeError as error:
        print(type(error).__name__ + ":", error)


a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
attempt(lambda: a.add_(b))
attempt(lambda: a[0].mul_(2))
attempt(lambda: a.view(3, 1).zero_())

y = a * 2
y.add_(1)
print(y, y._version)
y.sum().backward()
print(a.grad)
a.grad = None

y = a.exp()
y.mul_(2)
attempt(lambda: y.sum().backward())

x = torch.ones(2, 3, requires_grad=True)
y = x * x
x2 = x * 1
z = (x2 * y).sum()
x2 += 1
attempt(lambda: z.backward())

base = torch.zeros(2, 3)
w = torch.ones(3, requires_grad=True)
base[0] = w * 2
print(base, base.requires_grad)
base[1].copy_(w * 3)
print(base)
row = base[1]
row *= 2
print(base, row)
base.sum().backward()
print(w.grad)

t = torch.arange(6.0).reshape(2, 3)
v = t.t()
v[0] += 10
print(t, t._version, v._version)
t.view(-1)[::2].fill_(-1)
print(v)

w = torch.ones(3, requires_grad=True)
c = w.clone()
c[c > 0] = 0.5
c.clamp_(max=0.4)
c.pow_(2)
c.sum().backward()
print(w.grad, c)

m = torch.arange(4.0, requires_grad=True)
n = m * 1
n[1:3].mul_(n[0] + 2).sigmoid_()
n.sum().backward()
print(m.grad)

s = torch.tensor(1.0, requires_grad=True)
attempt(lambda: (s * 2).backward() or s.grad)
p = s.exp()
p.backward()
attempt(lambda: p.backward())

q = torch.ones(3, dtype=torch.int64)
attempt(lambda: q.add_(0.5))
attempt(lambda: torch.ones(3).add_(torch.ones(2, 3)))
a += b
