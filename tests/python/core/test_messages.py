"""What PyTorch raises and warns of: recorded errors of every kind.

A case is a line of code; what it raises or warns of is compared between the two engines, so that no
text of PyTorch stands here (and values only have to be near). `x` is a matrix, `w` one that requires grad, `n` one of integers.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SETUP = """
Function = torch.autograd.Function
once_differentiable = torch.autograd.function.once_differentiable
def make(name, **members): return type(name, (Function,), {k: staticmethod(v) for k, v in members.items()})
x = torch.arange(6.0).reshape(2, 3)
w = (torch.arange(6.0).reshape(2, 3) + 1).requires_grad_()
n = x.long()
"""

test_autograd = table(
    """
make("Id", forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g)() is None
f = make("Fails", forward=lambda ctx, x: x * 1, backward=lambda ctx, g: (_ for _ in ()).throw(Exception("Simulate error on backward pass"))); f.apply(w).sum().backward()
torch.no_grad()(type("Model", (), {}))
f = make("NoBackward", forward=lambda ctx, x: x * 1); f.apply(w).sum().backward()
make("NoForward").apply(w)
f = make("Both", forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g, vjp=lambda ctx, g: g); f.apply(w).sum().backward()
type("Old", (Function,), {"forward": lambda self, x: x})()(w)
torch.set_grad_enabled(False); v = w.view(-1); torch.set_grad_enabled(True); v.mul_(2)
f = make("MyView", forward=lambda ctx, x: x.view(-1), backward=lambda ctx, g: g.view(2, 3)); y = w * 1; torch.set_grad_enabled(False); v = f.apply(y); torch.set_grad_enabled(True); v.mul_(2)
w.numpy()
(w * 1)[0].detach_()
f = make("MyFunction", forward=lambda ctx, x: x * 1, backward=lambda ctx, g: torch.ones(10)); f.apply(torch.ones(5, 5, requires_grad=True)).sum().backward()
f = make("Two", forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul_(2), x * 3)[1:], backward=lambda ctx, g, h: g); f.apply((w * 1)[0])
torch.ones((), requires_grad=True).mul(1).backward(torch.ones(4))
torch.tensor([1, 2], requires_grad=True)
n.requires_grad_()
n.requires_grad = True
f = make("Func", forward=lambda ctx, x: x.view(-1), backward=lambda ctx, g: g.view(2, 3)); f.apply(w * 1).mul_(2)
(w * 1).split(1)[0].mul_(2)
(w * 1).split_with_sizes([1, 1])[0].mul_(2)
(w * 1).unbind()[0].mul_(2)
y = w * 1; torch.set_grad_enabled(False); v = y.view(-1); torch.set_grad_enabled(True); v.view(6).mul_(2)
f = make("Dirty", forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul(2))[1], backward=lambda ctx, g: g); f.apply(w * 1)
torch.autograd.grad(w.sum(), torch.ones(1, requires_grad=True))
torch.autograd.grad(w.sum(), [w, torch.ones(1, requires_grad=True)])
y = w.exp(); y.sum().backward(); y.sum().backward()
y = w * 1; z = y * y; y.detach_(); z.sum().backward()
w.sum().backward(inputs=[])
torch.autograd.grad(w.sum(), [])
w[0].mul_(2)
w.data = n
x.sum().backward()
w.backward()
torch.mul(w, w, out=torch.empty(2, 3))
v = torch.ones(1, 2, 3, requires_grad=True).clone(); y = v * v; torch.set_grad_enabled(False); v.add_(1); torch.set_grad_enabled(True); y.sum().backward()
v = torch.ones(10, 20, requires_grad=True); y = v * v; exec("with torch.no_grad(): v.add_(1); v.add_(1)"); y.sum().backward()
v = w.sin(); y = v * v; torch.set_grad_enabled(False); v.add_(1); torch.set_grad_enabled(True); y.sum().backward()
v = w * 1; v[0] = 1; y = v * v; v[0] = 2; y.sum().backward()
v = torch.ones(5, requires_grad=True); y = v * v; exec("with torch.no_grad(): v.add_(1)"); y.sum().backward()
v = torch.ones((), requires_grad=True); y = v * v; exec("with torch.no_grad(): v.add_(1)"); y.sum().backward()
(w * 1).register_post_accumulate_grad_hook(print)
w.grad = 2
w.exp().grad_fn()
w.exp().grad_fn(x, x)
torch.autograd.grad(w.sum(), w, allow_unused=False, materialize_grads=True)
torch.ones(2, requires_grad=True).mul(1).acosh_().sum().backward()
f = make("Once", forward=lambda ctx, x: x * 1, backward=once_differentiable(lambda ctx, g: g * 2)); torch.autograd.grad((f.apply(w) ** 2).sum(), w, create_graph=True)[0].sum().backward()
f = make("AsIs", forward=lambda x: x, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(output), backward=lambda ctx, g: g); f.apply(w)
a, b = x.unbind(); a.mul_(w[0])
w.register_post_accumulate_grad_hook(lambda p: torch.ones(2, 3)); w.sum().backward()
w.register_hook(lambda g: 1 / 0); (w * 2).sum().backward()
v = w.sin(); y = v * v; v.add_(1); y.sum().backward()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_views = table(
    """
torch.ones(2).transpose(0, 1)
torch.ones(1, 2, 3, 4).transpose(0, -7)
torch.ones(1, 2, 3, 4).transpose(5, 0)
torch.empty(2, 4, 2**29, 2**29)
torch.empty(0, 2**62, 4)
torch.ones(2).expand(1, 1)
torch.broadcast_to(torch.ones(2), (3, 1))
torch.ones(2).expand(4, 1, 1)
torch.zeros(0).reshape(-1, 0)
torch.zeros(0).reshape(3, 0, -1, 0)
x.chunk(-2)
x.chunk(0)
x.flatten(1, 0)
torch.empty(0).reshape(2**62, 4, 0)
torch.empty(1).expand(2**40, 2**40)
torch.tensor(True).view(torch.int32)
torch.tensor(True).view(torch.int64)
torch.tensor(True).view(torch.int16)
torch.ones(2, 3, dtype=torch.bfloat16).view(torch.float32)
torch.ones(2, 3, dtype=torch.bfloat16).view(torch.int32)
torch.ones(2, 3, dtype=torch.bool).view(torch.int16)
torch.ones(9, dtype=torch.bfloat16)[1:].view(torch.float32)
torch.ones(9, dtype=torch.bfloat16)[1:].view(torch.int32)
torch.ones(9, dtype=torch.bool)[1:].view(torch.int16)
torch.ones(4, 4, dtype=torch.bool).t().view(torch.int32)
torch.ones(8, 4, dtype=torch.bool).t().view(torch.int64)
torch.ones(4, 4, dtype=torch.bool).t().view(torch.int16)
torch.ones(8, dtype=torch.bfloat16).as_strided((2, 2, 2), (2, 1, 1)).view(torch.float32)
torch.ones(8, dtype=torch.bfloat16).as_strided((2, 2, 2), (2, 1, 1)).view(torch.int32)
torch.ones(8, dtype=torch.bool).as_strided((2, 2, 2), (2, 1, 1)).view(torch.int16)
x[0].H
torch.ones(2, 3, 4).H
x[0].mT
torch.arange(6.).tensor_split(torch.ones(2, 2).long())
torch.arange(6.).tensor_split(torch.ones(2))
torch.broadcast_shapes((1, -1), (2, 3))
torch.broadcast_shapes(-1)
torch.empty_strided((1, 2), (2**62, 2**62)); torch.empty(0, 2**40, 2**40)
torch.empty(0).as_strided([2**40, 2**40], [0, 0])
torch.broadcast_shapes((2, 3), (-1, 3))
torch.broadcast_shapes(5, -1)
x.as_strided((1,), (1,), 1094795585)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_indexing = table(
    """
torch.ones(5, 4, 3)[torch.ones(1, dtype=torch.bool)]
torch.ones(5, 4, 3)[torch.ones(4, 4, dtype=torch.bool)]
torch.ones(5, 4, 3)[torch.ones(6, dtype=torch.bool)]
torch.ones(10)[-11]
torch.ones(10)[torch.tensor([-11])]
torch.ones(10)[10]
torch.ones(10)[[10]]
torch.ones(1, 1, 10)[:, :, [12]]
torch.ones(1, 1, 10)[:, :, [15]]
torch.ones(2)[4]
torch.ones(1, 5)[0, 5]
torch.ones(0, 2)[[0]]
torch.tensor(1.)[0]
v = torch.ones(4); v[[0, 1, 2, 3]] = torch.ones(0)
v = torch.ones(4); v[[0]] = torch.ones(3)
v = torch.ones(4); v[[0, 1, 2, 3]] = torch.ones(3)
x.take_along_dim(torch.ones(2, 3, dtype=torch.bool), 1)
torch.take_along_dim(x, torch.ones(2, 3), 1)
torch.take_along_dim(x, torch.ones(2, 3, dtype=torch.int32), 1)
torch.take_along_dim(torch.ones(1, 1, 1, 1), n[None], 1)
x[0.5:]
torch.ones(0)[0]
""",
    setup=SETUP,
    tol=CLOSE,
)

test_reductions = table(
    """
torch.ones(2, 0).argmax(1)
torch.ones(2, 0).argmax()
torch.argmin(torch.ones(2, 0), 1)
torch.aminmax(x, dim=0, out=(torch.ones(3, dtype=torch.int32), torch.ones(3)))
torch.aminmax(n, dim=0, out=(torch.ones(3, dtype=torch.float64), torch.ones(3)))
torch.all(x, out=torch.empty((), dtype=torch.half))
torch.any(x, 1, out=torch.empty(2, dtype=torch.half))
x.sum((0, 0))
x.amax((0, -2))
torch.ones([1] * 65).sum(0)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_binary_operations = table(
    """
torch.add(x, x, alpha=True)
torch.add(n, n, alpha=0.5)
torch.add(x, x, alpha=1j)
n ** -1
(x > 1) - 1
(x > 1) - (x > 2)
n // 0
n % torch.zeros(3, dtype=torch.int64)
torch.ones(2, 1).add_(torch.ones(2, 2))
torch.ones(2).mul_(torch.ones(2, 2))
torch.tensor(1.).sub_(torch.ones(3))
torch.ones(2, dtype=torch.int32).add_(torch.ones(2, dtype=torch.float64))
m = x > 1; m += 1.5
torch.ones(2, dtype=torch.int32).mul_(0.5)
torch.ones(1).expand(3).add_(1)
v = torch.ones(4); v[1:].add_(v[:-1])
""",
    setup=SETUP,
    tol=CLOSE,
)

test_functions = table(
    """
bool(x)
bool(x[2:])
torch.index_select(torch.ones(2, 3), 1, torch.tensor([5]))
"a" in x
torch.ones(2, 3, 4, 120) + torch.ones(5)
torch.ones(2, 3, 4, 5) * torch.ones(120)
torch.ones(2, 3, 4, 5) / torch.ones(4)
F.nll_loss(torch.ones(2, 3), torch.ones(2).double())
torch.index_select(torch.tensor(1.), 0, torch.ones(0, dtype=torch.int64))
torch.index_select(torch.tensor(1.), 0, torch.ones(2, dtype=torch.int64))
torch.index_select(torch.ones(2, 0), 1, torch.ones(1, dtype=torch.int64))
x.masked_fill_(x.byte(), 1)
x.masked_select(x.byte())
torch.tensor(1.).index_add_(0, torch.tensor([0]), torch.ones(1, 1, 1))
F.nll_loss(torch.ones(2, 3), torch.tensor([0, 1]), weight=torch.ones(1, 3))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), weight=torch.ones(4))
torch.use_deterministic_algorithms(1)
torch.use_deterministic_algorithms(False, warn_only=1)
torch.tensor()
x.unflatten("a", (1, 2))
torch.add(torch.ones(2, 3, 4, 5), 1, out=torch.ones(3, 4, 5))
torch.ones(1).expand(3).index_fill_(0, torch.tensor([0]), 2)
v = torch.ones(1).expand(3); v[torch.tensor([0])] = torch.tensor(2.)
torch.ones(1).expand(3).index_put_((torch.tensor([0]),), torch.tensor(2.))
torch.ones(1).expand(3).masked_fill_(torch.tensor(True), 2)
x.sum(2**70)
type("Sequence", (), {"__getitem__": lambda self, i: 1, "__len__": lambda self: 0})() + torch.Size([1])
torch.index_select(torch.ones(3), 0, torch.tensor([5]))
torch.tensor(1.).index_copy_(0, torch.tensor([0]), torch.ones(1, 1, 1))
x[2**70]
torch.tensor(2**70)
x + 2**70
torch.full((2,), 2**70)
n == 2**70
n.fill_(2**70)
torch.manual_seed(2**70)
torch.ones(2**70)
torch.ones(2).view(2**70)
""",
    setup=SETUP,
    tol=CLOSE,
)

test_modules = table(
    """
F.nll_loss(torch.ones(2, 3), n)
nn.Linear(2, 1).load_state_dict({**nn.Linear(2, 1).state_dict(), "nonsense": x})
nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 2)), "bias": torch.ones(1)})
nn.Linear(2, 1).load_state_dict({"weight": (1, 2), "bias": torch.ones(1)})
m = type("MyModule", (nn.Module,), {"get_extra_state": lambda self: 1, "set_extra_state": lambda self, s: None})(); m.load_state_dict({})
m = type("MyModule", (nn.Module,), {})(); m.load_state_dict({"_extra_state": 1})
m = type("MyModule", (nn.Module,), {})(); m.fc1 = nn.Linear(3, 5); m.load_state_dict({"fc1.weight": torch.ones(2, 4), "fc1.bias": torch.ones(5)})
v = w * 1; F.elu_(v, alpha=-2.0).sum().backward()
v = w * 1; F.elu(v, alpha=-2.0, inplace=True).sum().backward()
v = w * 1; F.leaky_relu(v, -0.2, inplace=True).sum().backward()
F.l1_loss(torch.ones(2, 5), torch.ones(2, 6))
v = torch.ones(3, requires_grad=True); v.grad = torch.full((3,), float("inf")); nn.utils.clip_grad_norm_([v], 1.0, norm_type=0.1, error_if_nonfinite=True)
F.binary_cross_entropy(x, x)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), label_smoothing=1.2)
nn.Linear(1, 1).load_state_dict(5)
nn.Linear(1, 1).load_state_dict("a")
nn.Module().register_buffer(None, x)
nn.Module().register_buffer(5, x)
nn.Module().add_module(None, nn.ReLU())
nn.Module().register_module(5, nn.ReLU())
nn.Module().register_parameter(None, nn.Parameter(x))
nn.Module().register_parameter(5, nn.Parameter(x))
nn.Unflatten(1, (2, 3, 4.0))
F.cross_entropy(torch.ones(10, 3), torch.ones(3).long())
F.binary_cross_entropy(torch.ones(25), torch.ones(25, 1))
F.cross_entropy(torch.ones(2, 3), n)
F.nll_loss(torch.ones(2, 5), torch.tensor(1))
F.nll_loss(torch.ones(10), torch.ones(10).long())
""",
    setup=SETUP,
    tol=CLOSE,
)
