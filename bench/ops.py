"""Large tensors on two threads, and matrix products of all sizes."""

from __future__ import annotations

from .harness import Case

# Drawn in (-3, 3), where every branch of the functions below is taken.
_LARGE = """
F = torch.nn.functional
a = torch.rand(10_000_000) * 6 - 3
b = torch.rand(10_000_000) * 6 - 3
out = torch.empty(10_000_000)
"""
_SQUARE = "x = torch.rand(3162, 3162); out = torch.empty(3162, 3162)"
_ROWS = "x = torch.rand(1000, 10_000)"

_CHAIN = """
((x.sin() * x.exp() + x * x).tanh().sum()).backward()
x.grad = None
"""


def _matmul(n: int) -> Case:
    small = n <= 64
    return Case(
        f"matmul {n}x{n}, float32",
        f"a = torch.rand({n}, {n}); b = torch.rand({n}, {n})",
        "a @ b",
        target=2 if small else 0.9,
        threads=1 if small else 2,
    )


CASES = [
    Case("a + b, 10^7 elements", _LARGE, "a + b", 3.5, 2),
    Case("exp(a), 10^7 elements", _LARGE, "a.exp()", 3.5, 2),
    Case("tanh(a), 10^7 elements", _LARGE, "a.tanh()", 3.5, 2),
    Case("gelu(a), 10^7 elements", _LARGE, "F.gelu(a)", 3.5, 2),
    Case("add(a, b, out=), 10^7 elements", _LARGE, "torch.add(a, b, out=out)", 1.0, 2),
    Case("exp(a, out=), 10^7 elements", _LARGE, "torch.exp(a, out=out)", 1.0, 2),
    Case("tanh(a, out=), 10^7 elements", _LARGE, "torch.tanh(a, out=out)", 1.0, 2),
    Case("a.sum(), 10^7 elements", _LARGE, "a.sum()", 1.0, 2),
    Case("x.sum(dim=0), 1000x10000", _ROWS, "x.sum(dim=0)", 1.0, 2),
    Case("out.copy_(x.t()), 3162x3162", _SQUARE, "out.copy_(x.t())", 1.0, 2),
    Case(
        "chain of 6 ops, 1024x1024, forward + backward",
        "x = torch.rand(1024, 1024, requires_grad=True)",
        _CHAIN,
        3,
        2,
    ),
    *(_matmul(n) for n in (32, 64, 128, 256, 512, 1024, 2048)),
]
