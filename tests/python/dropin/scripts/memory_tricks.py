"""Saved tensors seen, moved, compressed and counted; graph nodes with hooks."""

import torch
from torch import nn
from torch.autograd.graph import GradientEdge, get_gradient_edge, save_on_cpu, saved_tensors_hooks

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 1))
x = torch.randn(16, 8)

sizes = []


def pack(t):
    sizes.append((tuple(t.shape), t.dtype, t.requires_grad, t.is_leaf))
    return t.half() if t.is_floating_point() and t.numel() > 100 else t


def unpack(t):
    return t.float() if t.dtype == torch.float16 else t


exact = torch.autograd.grad(net(x).sum(), list(net.parameters()))
with saved_tensors_hooks(pack, unpack):
    out = net(x)
rough = torch.autograd.grad(out.sum(), list(net.parameters()))
print(*sizes, sep="\n")
print(
    [f"{(a - b).abs().max():.0e}" for a, b in zip(exact, rough)][:1],
    "close",
    all(torch.allclose(a, b, atol=2e-2) for a, b in zip(exact, rough)),
)
with save_on_cpu():
    moved = torch.autograd.grad(net(x).sum(), list(net.parameters()))
print(all(torch.equal(a, b) for a, b in zip(exact, moved)))
with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
    try:
        with saved_tensors_hooks(pack, unpack):
            net(x)
    except RuntimeError as error:
        print(error)


def walk(fn, depth=0, seen=None):
    seen = set() if seen is None else seen
    if fn is None or fn in seen or depth > 12:
        return
    seen.add(fn)
    saved = sorted(n for n in dir(fn) if n.startswith("_saved"))
    print(" " * depth + fn.name(), saved)
    for child, _ in fn.next_functions:
        walk(child, depth + 1, seen)


walk(net(x).sum().grad_fn)
y = net(x)
order = []
node = y.grad_fn
node.register_prehook(lambda grads: order.append(("pre", [tuple(g.shape) for g in grads])))
node.register_hook(
    lambda ins, outs: order.append(("post", [None if g is None else tuple(g.shape) for g in ins]))
)
y.sum().backward()
print(order)
h = net[0](x)
edge = get_gradient_edge(h)
z = net[1:](h).sum()
(g,) = torch.autograd.grad(z, edge)
print(type(edge).__name__, isinstance(edge, GradientEdge), g.shape)
got = []
handle = torch.autograd.graph.register_multi_grad_hook(
    list(net.parameters()), lambda gs: got.append(len(gs))
)
net(x).sum().backward()
handle.remove()
net(x).sum().backward()
print(got)
with torch.autograd.graph.allow_mutation_on_saved_tensors():
    a = torch.ones(3, requires_grad=True)
    b = a.clone()
    c = (b**2).sum()
    b.mul_(5)
    c.backward()
print(a.grad)
