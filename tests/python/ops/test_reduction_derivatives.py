"""Derivatives of reductions, scans and norms of layers to second order: values, layouts and graphs.

A case is a function of `x`; the gradient, its graph under create_graph and what that graph gives in turn
are compared between the two engines.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import numpy as np
import pytest
from parity import GRADIENT, table

SETUP = """
def roots(y):
    return [t for t in (y if isinstance(y, tuple) else (y,)) if t.requires_grad]
def gradients(x, f):
    x = x.detach().requires_grad_()
    seen = []
    for part in (0, 1, None):
        ys = roots(f(x))
        ys = ys if part is None else ys[part : part + 1]
        if not ys: continue
        ws = [torch.full_like(y, 0.5).requires_grad_() for y in ys]
        plain, = torch.autograd.grad(ys, x, ws, retain_graph=True)
        g, = torch.autograd.grad(ys, x, ws, create_graph=True)
        seen += [plain, g, graph(g) if g.requires_grad else None]
        if g.requires_grad:
            v = (torch.arange(g.numel(), dtype=g.dtype) % 3 + 0.5).reshape(g.shape)
            seen += torch.autograd.grad(g, [x, *ws], v, allow_unused=True)
    return seen
f, s, z = data(2, 3), data() + 0.1, torch.zeros(2, 0, 3)
p, e, h = data(2, 3, 4).permute(2, 0, 1), data(3, 1).expand(3, 4), data(2, 3, dtype="float16")
t = torch.tensor([[1.0, 1.0, 3.0], [3.0, 1.0, 0.0]]); o = torch.tensor([[0.0, 2.0, 3.0], [0.0, 0.0, 2.0]])
n = torch.tensor([[1.0, float("nan"), 3.0], [0.0, -1.0, 2.0]])
"""
# Whether a derivative was put together from a view of something is an engine's own.
RESULT = GRADIENT.ignoring("is_view")
CALLS = {
    "max min": ["()", "(0)", "(-1, keepdim=True)"],
    "amax amin logsumexp": ["(0)", "((0, -1))", "(-1, keepdim=True)"],
    "aminmax": ["()", "(dim=0)", "(dim=-1, keepdim=True)"],
    "nansum sum mean": ["()", "(0)", "((0, -1))", "(-1, keepdim=True)"],
    "prod": ["()", "(0)", "(-1, keepdim=True)"],
    "cumsum cumprod": ["(0)", "(-1)", "(-1, dtype=torch.float64)"],
    "var std": ["()", "(0)", "((0, -1), correction=0)", "(-1, keepdim=True)", "(correction=9)"],
    "norm": ["()", "(1, 0)", "(3, 0)", "(2, (0, -1))"],
}
CASES = [
    f"gradients({x}, lambda x: x.{op}{call})"
    for ops, calls in CALLS.items()
    for op in ops.split()
    for call in calls
    for x in ("f s z p e h t o n".split() if op in ("max", "cumprod") else "f s t o".split() if op == "prod" else "f s p o".split())
    if not (x == "s" and "(0, -1)" in call)
]  # fmt: skip
CASES += [
    f"gradients({x}, lambda x: torch.{op}_mean(x{rest}))"
    for op in ("var", "std")
    for x in ("f", "s", "h")
    for rest in ("", ", 0", ", correction=6", ", -1, keepdim=True")
]

test_reductions = table("\n".join(CASES), setup=SETUP, tol=RESULT)

test_functions = table(
    """
gradients(f, lambda x: torch.dist(x, x.detach() * 2))
gradients(f, lambda x: torch.dist(x, x * 2, 1))
gradients(f, lambda x: F.layer_norm(x, (3,)))
gradients(p, lambda x: F.layer_norm(x, (2, 3)))
gradients(z, lambda x: F.layer_norm(x, (3,)))
gradients(f, lambda x: F.layer_norm(x, (3,), x.detach()[0], x.detach()[1]))
gradients(f, lambda x: F.layer_norm(x.detach(), (3,), x[0] * 1, x.detach()[1]))
gradients(f, lambda x: F.rms_norm(x, (3,)))
gradients(p, lambda x: F.rms_norm(x, (2, 3)))[:3]
gradients(f, lambda x: F.rms_norm(x.detach(), (3,), x[0] * 1))
F.layer_norm(h, (3,)); F.layer_norm(h, (3,), f[0], f[1]); F.rms_norm(h, (3,)); F.layer_norm(f.bfloat16(), (3,))
F.layer_norm(f.long(), (3,))
F.rms_norm(f.long(), (3,))
F.layer_norm(f, (3,), f[0].double())
w = f[0].clone().requires_grad_(); b = w * 1; y = F.layer_norm(f, (3,), w, b); b.add_(1); y.sum().backward()
w = f[0].clone().requires_grad_(); v = w * 1; y = F.layer_norm(f, (3,), v); v.add_(1); y.sum().backward()
w = f.clone().requires_grad_(); y = F.layer_norm(w, (3,)); y.grad_fn._saved_input, y.grad_fn._saved_weight, y.grad_fn._saved_result1, y.grad_fn._saved_result2
w = f.clone().requires_grad_(); F.layer_norm(w, (3,)).sum().backward()
x = torch.ones(1, 1, 1, requires_grad=True); x.sum().backward()
x = torch.ones(1, 1, requires_grad=True); (x.sum(1) * 2).exp().sum().backward()
x = torch.ones(2, 0, requires_grad=True); (x.sum() * 2).backward()
x = torch.ones(3, requires_grad=True); g, = torch.autograd.grad(x.max(0)[0], x); g._version
x = torch.ones(3, requires_grad=True); g, = torch.autograd.grad(x.max(), x); g._version
x = torch.ones(3, requires_grad=True); torch.autograd.grad(sum(torch.aminmax(x)), x)[0]._version; torch.autograd.grad(x.aminmax()[0], x)[0]._version
x = torch.ones(3, requires_grad=True); torch.autograd.grad(sum(torch.aminmax(x)), x, create_graph=True)[0]._version
x = torch.ones(3, 2, requires_grad=True); g, = torch.autograd.grad(x.trace(), x); g, g._version; torch.autograd.grad(x.trace(), x, create_graph=True)[0]._version
x = torch.ones(3, 2, requires_grad=True); g, = torch.autograd.grad(F.embedding(torch.tensor([1, 1, 0]), x).sum(), x); g, g._version
""",
    setup=SETUP,
    tol=RESULT,
)


@pytest.mark.parametrize("weighted", [False, True])
def test_third_order_of_layer_norm(torch, weighted):
    """Against the composition, since PyTorch takes mean and deviation for constants there."""

    def composed(x, w, b):
        centred = x - x.mean(-1, keepdim=True)
        normal = centred / ((centred * centred).mean(-1, keepdim=True) + 1e-5).sqrt()
        return normal * w + b if weighted else normal

    def built_in(x, w, b):
        parameters = (w, b) if weighted else ()
        return torch.nn.functional.layer_norm(x, (3,), *parameters)

    def third(f):
        rng = np.random.default_rng(0)
        x, g, w, b = (
            torch.tensor(rng.normal(size=shape), requires_grad=True)
            for shape in ((2, 3), (2, 3), 3, 3)
        )
        inputs = [x, g, *((w,) if weighted else ())]
        total = (f(x, w, b) * g).sum()
        for _ in range(2):
            grads = torch.autograd.grad(total, inputs, create_graph=True)
            total = sum((d * d * (i + 1)).sum() for i, d in enumerate(grads))
        return [d.numpy() for d in torch.autograd.grad(total, inputs)]

    for ours, expected in zip(third(built_in), third(composed), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)
