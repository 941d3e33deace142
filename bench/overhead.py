"""What an operation costs besides its arithmetic: tensors of a few elements, one thread."""

from __future__ import annotations

import textwrap

from .harness import Case

_PLAIN = "a = torch.rand(3); b = torch.rand(3)"
_GRAD = "a = torch.rand(3, requires_grad=True); b = torch.rand(3, requires_grad=True)"

_CHAIN = """
y = x
for _ in range(100):
    y = y * x
y.sum().backward()
x.grad = None
"""

# Between the lines of a statement, since the mode is one of the process.
_ANOMALY_SETUP = """
anomaly = torch._C.set_anomaly_enabled
"""

_ANOMALY = """
anomaly(True)
{statement}
anomaly(False)
"""

_ROWS = """
rows = torch.func.jacrev(lambda x: (x.sin() * x).exp().tanh())
short, medium, long, longest = (torch.rand(n) for n in (4, 32, 256, 1000))
"""

_CHECKPOINT_SETUP = """
checkpoint = torch.utils.checkpoint.checkpoint
x = torch.rand(3, requires_grad=True)
def function(x):
    return x.sin().exp()
"""

_FUNCTION_SETUP = """
x = torch.rand(3, requires_grad=True)
one = torch.ones(3)
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 2 * x * g
"""

_HOOK_SETUP = """
x = torch.rand(3, requires_grad=True)
one = torch.ones(3)
def hook(g):
    return g
"""

_MODULE_HOOK_SETUP = """
x = torch.rand(3, requires_grad=True)
one = torch.ones(3)
module = torch.nn.Tanh()
module.register_full_backward_hook(lambda module, grad_input, grad_output: None)
"""

_VMAP_SETUP = """
F = torch.nn.functional
x, t = torch.rand(64, 16), torch.rand(64, 4)
w1, b1, w2, b2 = parameters = [
    torch.rand(s, requires_grad=True) for s in ((32, 16), (32,), (4, 32), (4,))
]
stacked = [torch.stack([p.detach()] * 8) for p in parameters]
def model(w1, b1, w2, b2, x):
    return F.linear(F.linear(x, w1, b1).relu(), w2, b2)
def loss(x, t):
    return ((model(*parameters, x) - t) ** 2).mean()
mapped = torch.vmap(lambda x: model(*parameters, x))
mapped_loss = torch.vmap(loss)
models = torch.vmap(model, (0, 0, 0, 0, None))
def loss_of(parameters, x, t):
    return ((model(*parameters, x) - t) ** 2).mean()
constants = [p.detach() for p in parameters]
per_sample = torch.vmap(torch.func.grad(loss_of), (None, 0, 0))
"""

_MLP_SETUP = """
x = torch.rand(8, 16)
w1 = torch.rand(16, 16, requires_grad=True)
w2 = torch.rand(16, 16, requires_grad=True)
"""

_MLP = """
((x @ w1).tanh() @ w2).tanh().sum().backward()
w1.grad = None
w2.grad = None
"""

_FUNC = """
func = torch.func
x = torch.rand(3)
ten = torch.rand(10)
grad = func.grad(lambda a: (a * a).sum())
nested = func.grad(lambda b: grad(b).sum())
hessian = func.hessian(lambda a: (a.sin() * a * a.sum()).sum())
w1, w2, inputs = torch.rand(8, 8), torch.rand(8, 4), torch.rand(8)
mlp = lambda a: ((a @ w1).tanh() @ w2).tanh()
jacobian = func.jacrev(mlp)
along = (torch.rand(8),)
"""

CASES = [
    Case("a + b, 3 elements", _PLAIN, "a + b", 8),
    Case("a + b, 3 elements, grad", _GRAD, "a + b", 12),
    Case("x * 2.0, 3 elements", _PLAIN, "a * 2.0", 15),
    Case("x * 2.0, 3 elements, grad", _GRAD, "a * 2.0", 15),
    Case("x.sin(), 3 elements", _PLAIN, "a.sin()", 12),
    Case("x.sin(), 3 elements, grad", _GRAD, "a.sin()", 12),
    Case("x.sum(), 3 elements, grad", _GRAD, "a.sum()", 12),
    Case("x[0]", _PLAIN, "a[0]", 5),
    Case("x[0], grad", _GRAD, "a[0]", 5),
    Case("x.view(3, 1)", _PLAIN, "a.view(3, 1)", 5),
    Case("x.view(3, 1), grad", _GRAD, "a.view(3, 1)", 5),
    Case(
        "chain of 100 muls, forward + backward",
        "x = torch.ones(3, requires_grad=True)",
        _CHAIN,
        15,
    ),
    Case("(x * y).sum().backward()", _GRAD, "(a * b).sum().backward(); a.grad = b.grad = None", 15),
    Case("two-layer tanh MLP 8x16, forward + backward", _MLP_SETUP, _MLP, 8),
    # PyTorch's mode makes it 5 to 7 times as slow, whygrad's may cost a tenth: 15 and 8 times that.
    Case(
        "chain of 100 muls, anomaly mode",
        _ANOMALY_SETUP + "x = torch.ones(3, requires_grad=True)",
        _ANOMALY.format(statement=_CHAIN.strip()),
        70,
    ),
    Case(
        "two-layer tanh MLP 8x16, anomaly mode",
        _ANOMALY_SETUP + _MLP_SETUP,
        _ANOMALY.format(statement=_MLP.strip()),
        36,
    ),
    Case("custom Function, forward", _FUNCTION_SETUP, "Square.apply(x)", 4),
    Case(
        "custom Function, forward + backward",
        _FUNCTION_SETUP,
        "Square.apply(x).backward(one); x.grad = None",
        4,
    ),
    Case(
        "tensor hook, registered and run",
        _HOOK_SETUP,
        "y = x * 2.0; y.register_hook(hook); y.backward(one); x.grad = None",
        3,
    ),
    Case("tensor hook, registered", _HOOK_SETUP, "y = x * 2.0; y.register_hook(hook)", 3),
    Case(
        "module with a full backward hook, forward + backward",
        _MODULE_HOOK_SETUP,
        "module(x).backward(one); x.grad = None",
        3,
    ),
    Case("vmap of x.sin()", "x = torch.rand(64, 16); f = torch.vmap(torch.sin)", "f(x)", 1),
    Case("vmap of a two-layer net, batch 64", _VMAP_SETUP, "mapped(x)", 1),
    Case(
        "vmap of a net and its loss, forward + backward",
        _VMAP_SETUP,
        "mapped_loss(x, t).sum().backward()",
        1,
    ),
    Case("vmap over 8 models", _VMAP_SETUP, "models(*stacked, x)", 1),
    Case("gradients per sample, batch 64", _VMAP_SETUP, "per_sample(constants, x, t)", 1),
    Case(
        "checkpoint of 2 ops, forward",
        _CHECKPOINT_SETUP,
        "checkpoint(function, x, use_reentrant=False)",
        3,
    ),
    Case(
        "checkpoint of 2 ops, forward + backward",
        _CHECKPOINT_SETUP,
        "checkpoint(function, x, use_reentrant=False).sum().backward()",
        3,
    ),
    Case("func.grad of 2 ops, 3 elements", _FUNC, "grad(x)", 4),
    Case("func.grad of func.grad", _FUNC, "nested(x)", 4),
    Case("func.jacrev of a two-layer MLP, 8 to 4", _FUNC, "jacobian(inputs)", 4),
    Case("func.jacrev of 4 outputs", _ROWS, "rows(short)", 4),
    Case("func.jacrev of 32 outputs", _ROWS, "rows(medium)", 3),
    Case("func.jacrev of 256 outputs", _ROWS, "rows(long)", 1),
    Case("func.jacrev of 1000 outputs", _ROWS, "rows(longest)", 1),
    Case("func.jvp of a two-layer MLP, 8 to 4", _FUNC, "func.jvp(mlp, (inputs,), along)", 4),
    Case("func.hessian, 10 inputs", _FUNC, "hessian(ten)", 4),
]


# A program in anomaly mode against the same without it.
_MODE = "anomaly({mode}); {statement}; anomaly(False)"


def _alone(name: str, setup: str, statement: str) -> list[Case]:
    """Called from a shallow and from a deep stack, without and with the check for NaN."""
    setup = f"{_ANOMALY_SETUP}{setup}{_DEEP}def statement():\n" + textwrap.indent(
        "\n".join(line for line in statement.strip().splitlines()), "    "
    )
    return [
        Case(
            f"{name}, {what}, depth {depth}",
            setup,
            _MODE.format(mode=mode, statement=f"deep(statement, {depth})"),
            baseline=_MODE.format(mode="False", statement=f"deep(statement, {depth})"),
            limit=1.1,
        )
        for depth in (1, 20)
        for what, mode in (("anomaly", "True, False"), ("anomaly and NaN", "True"))
    ]


_DEEP = """
def deep(f, n):
    return f() if n == 1 else deep(f, n - 1)
"""

_LOOP = """
y = x
for _ in range(20):
    y = (y * x).sin()
y.sum().backward()
x.grad = None
"""

_NETWORK_SETUP = """
nn = torch.nn
layers = [layer for _ in range(4) for layer in (nn.Linear(64, 64), nn.Tanh())]
network = nn.Sequential(*layers)
inputs = torch.rand(32, 64)
"""

_NETWORK = """
network.zero_grad()
network(inputs).square().mean().backward()
"""

ALONE = [
    *_alone("40 ops of 10", "x = torch.rand(10, requires_grad=True)", _LOOP),
    *_alone("40 ops of 1000", "x = torch.rand(1000, requires_grad=True)", _LOOP),
    *_alone("MLP 32x64", _NETWORK_SETUP, _NETWORK),
]
