"""Derivatives of derivatives: values at ties and edges, and what the nodes of gradients are called.

Activations run to the third order, on smooth points and on those where formulas differ: zeros, bounds,
infinities, NaN. Losses run with operands of two dtypes.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, Tolerance, data, parity, scripts, table

SMOOTH = (-6.0, -2.0, -0.25, 0.25, 0.5, 2.0, 6.0, 7.0)
SPECIAL = (
    *(-30.0, -20.0, -6.0, -3.0, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0),
    *(20.0, 30.0, float("inf"), -float("inf"), float("nan")),
)
ACTIVATIONS = """
F.hardsigmoid(x)
F.hardsigmoid(x.clone(), inplace=True)
F.hardswish(x)
F.hardswish(x.clone(), inplace=True)
F.hardtanh(x)
F.hardtanh(x, -2.0, 0.5)
F.hardtanh(x.clone(), inplace=True)
F.relu(x)
F.relu(x.clone(), inplace=True)
F.relu6(x)
F.softshrink(x)
F.softshrink(x, 1.0)
F.hardshrink(x)
F.threshold(x, 0.5, 0.1)
F.threshold(x.clone(), 0.5, 0.1, inplace=True)
F.leaky_relu(x)
F.leaky_relu(x, -0.2)
F.leaky_relu(x.clone(), inplace=True)
F.elu(x)
F.elu(x, -2.0)
F.elu(x, 0.5)
F.elu(x.clone(), inplace=True)
F.elu(x.clone(), 0.5, inplace=True)
F.celu(x)
F.celu(x, 2.0)
F.celu(x.clone(), 2.0, inplace=True)
F.selu(x)
F.selu(x.clone(), inplace=True)
F.mish(x)
F.mish(x.clone(), inplace=True)
F.silu(x)
F.silu(x.clone(), inplace=True)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.logsigmoid(x)
F.softplus(x)
F.softplus(x, 2.0, 1.0)
x.sigmoid()
x.tanh()
x.nan_to_num(1.0, 2.0, 3.0)
""".strip().splitlines()


@parity(tol=Tolerance({"float64": 4096}, floor=1.0), row=ACTIVATIONS, special=(False, True))
def test_activations(torch, row, special):
    x = torch.tensor(SPECIAL if special else SMOOTH, dtype=torch.float64, requires_grad=True)
    y = eval(row, {"torch": torch, "F": torch.nn.functional, "x": x})
    w = torch.linspace(1, 2, len(x), dtype=torch.float64).requires_grad_()
    grads = torch.autograd.grad(y, x, w, create_graph=True)
    # PyTorch's third one of this form is not a number far from zero.
    last = 2 if special and "approximate" in row else 3
    for order in range(1, last + 1):
        yield [None if g is None else (g.detach(), g.requires_grad) for g in grads]
        if grads[0] is None or not grads[0].requires_grad:
            return
        # Further on the nodes are those of formulas.
        yield grads[0].grad_fn if order == 1 else None
        total = (grads[0] * torch.linspace(1, 3, len(x), dtype=torch.float64)).sum()
        try:
            grads = torch.autograd.grad(total, (x, w), create_graph=True, allow_unused=True)
        except RuntimeError as error:
            yield error
            return


MIXED = ("float64", "float32", "bfloat16", "int64", "bool")


@parity(
    tol=Tolerance({"float64": 256, "float32": 64, "bfloat16": 4}, floor=1.0),
    loss=("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "binary_cross_entropy"),
    first=MIXED,
    second=MIXED,
)
def test_losses_of_two_dtypes(torch, loss, first, second):
    """The gradient has the dtype of its operand, made by one node; or there is none."""
    coarse = getattr(torch, next(d for d in reversed(MIXED[:3]) if d in (first, second, "float64")))

    def rounded(t):  # products of two precisions
        return None if t is None else (t.detach().to(coarse), t.dtype, t.grad_fn)

    function = getattr(torch.nn.functional, loss)
    for reduction in ("none", "mean"):
        for wanted in ("x", "t", "xt"):
            x = data(torch, 2, 3, dtype=first, lo=0.25, hi=0.75)
            t = data(torch, 2, 3, dtype=second, lo=0.25, hi=0.75, salt=3)
            operands = [v for name, v in (("x", x), ("t", t)) if name in wanted]
            if not all(v.is_floating_point() for v in operands):
                continue
            for v in operands:
                v.requires_grad_()
            try:
                y = function(x, t, reduction=reduction)
                yield y.dtype, y.grad_fn
                for create_graph in (False, True):
                    y = function(x, t, reduction=reduction)
                    grads = torch.autograd.grad(y.sum(), operands, create_graph=create_graph)
                    yield [rounded(g) for g in grads]
                total = sum((g * g).sum() for g in grads)
                yield [rounded(g) for g in torch.autograd.grad(total, operands, allow_unused=True)]
            except (RuntimeError, NotImplementedError) as error:
                yield error


test_prelu = table(
    """
g = torch.autograd.grad(y.sum(), (x, w), create_graph=True); graph(g[0]); graph(g[1]); g[0].grad_fn is g[1].grad_fn; g[1].output_nr
g = torch.autograd.grad(y.sum(), x, create_graph=True); graph(g[0]); g[0].output_nr
g = torch.autograd.grad(y.sum(), w, create_graph=True); graph(g[0]); g[0].output_nr
g = torch.autograd.grad((y * y).sum(), (x, w), create_graph=True); torch.autograd.grad(g[0].sum() + g[1].sum(), (x, w))
g = torch.autograd.grad(F.prelu(x, w.detach()).sum(), x, create_graph=True); graph(g[0])
""",
    setup="x = data(3, 4, grad=True); w = data(4, grad=True); y = F.prelu(x, w)",
    tol=GRADIENT,
)

test_reductions_by_index = scripts(
    tol=GRADIENT,
    zeros="""
        x = torch.ones(3, dtype=torch.float64, requires_grad=True)
        s = torch.zeros(4, dtype=torch.float64, requires_grad=True)
        i = torch.tensor([0, 0, 1, 2])
        y = x.index_reduce(0, i, s, "prod")
        g, h = torch.autograd.grad(y.sum(), (s, x), create_graph=True)
        h.sum().backward()
        g.sum().backward()
        y = x.scatter_reduce(0, i, s, "prod")
        g, h = torch.autograd.grad(y.sum(), (s, x), create_graph=True)
        h.sum().backward()
        g.sum().backward()
        """,
    one_zero="""
        x = torch.ones(3, dtype=torch.float64, requires_grad=True)
        s = torch.tensor([0.0, 2.0, 3.0, 0.0], dtype=torch.float64, requires_grad=True)
        i = torch.tensor([0, 0, 1, 2])
        g, = torch.autograd.grad(x.scatter_reduce(0, i, s, "prod").sum(), s, create_graph=True)
        (g * g).sum().backward()
        """,
)
