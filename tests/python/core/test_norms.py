"""Norms of vectors and of matrices: which one an order and dims ask for, and what they refuse."""

from __future__ import annotations

import pytest
from parity import COMPLEX, GRADIENT, data, parity, subject, table

INF = float("inf")
FUNCTIONS = ("norm", "linalg.norm", "linalg.matrix_norm")


def _named(torch, name):
    for part in name.split("."):
        torch = getattr(torch, part)
    return torch


@parity(
    order=(1, -1, INF, -INF, 1.0, True, "fro"),
    dim=((0, 1), (1, 0), (-1, -2), (0, -1)),
    keepdim=(False, True),
    shape=((2, 3), (2, 3, 2)),
    tol=GRADIENT,
)
def test_matrix_norms(torch, order, dim, keepdim, shape):
    x = data(torch, *shape, dtype="float64", grad=True)
    for name in FUNCTIONS:
        found = _named(torch, name)(x, order, dim, keepdim)
        yield name, found
        yield torch.autograd.grad((found * found).sum(), x)


@parity(order=(1, -1, INF, -INF, "fro"), dtype=(*COMPLEX, "float16", "float32"), tol=GRADIENT)
def test_dtypes(torch, order, dtype):
    x = data(torch, 3, 2, dtype=dtype)
    yield torch.linalg.matrix_norm(x, order)
    for to in (torch.float64, torch.complex128, torch.int64, torch.float16):
        yield f"{to}", lambda to=to: torch.linalg.matrix_norm(x, order, dtype=to)


test_which = table(
    """
L.norm(w)
L.norm(w, keepdim=True)
L.norm(w.t())
L.norm(b)
L.norm(s)
L.norm(w[0], 3, keepdim=True)
L.norm(w[0], 1, (0,))
L.norm(w, 3, 1)
L.norm(b, INF, -1, True)
L.norm(w, 1); L.norm(w.t(), 1)
L.norm(w, dim=(0, 1)); L.norm(b, dim=(0, 2), keepdim=True)
L.norm(w, out=torch.empty(0)); L.norm(w, 1, out=torch.empty(()))
L.norm(x, 1, out=torch.empty(())); L.matrix_norm(x, out=torch.empty(0))
L.norm(w, 1, dtype=torch.float64); L.norm(w, dtype=torch.float64)
L.norm(w, 3, 0, dtype=torch.float64)
L.matrix_norm(w); L.matrix_norm(b); L.matrix_norm(b, 1); L.matrix_norm(b, -INF, keepdim=True)
L.matrix_norm(input=w, ord=1)
L.matrix_norm(e, 1); L.matrix_norm(e, INF); L.matrix_norm(e.t(), INF, keepdim=True)
L.matrix_norm(e.t(), 1)
L.matrix_norm(e, -INF)
L.matrix_norm(e.t(), -1)
torch.vmap(lambda a: L.norm(a, 1))(b)
torch.vmap(lambda a: L.matrix_norm(a, -INF, keepdim=True))(b)
torch.norm(w, "fro", (0, 1)); torch.norm(w, "fro", 0); torch.norm(b, "fro")
torch.norm(w, 1); torch.norm(w, INF, (0, 1))
""",
    setup="""
L, INF = torch.linalg, float("inf")
x = data(2, 3)
w = data(2, 3, grad=True)
b = data(2, 3, 2, grad=True)
s = data(grad=True)
e = torch.zeros(0, 3, requires_grad=True)
""",
    tol=GRADIENT,
)

test_refusals = table(
    """
L.norm(x, 1, (0, 1, 2))
L.norm(x, None, ())
L.norm(x[0], 1, (0, 1))
L.norm(b, 1)
L.norm(s, 2)
L.norm(b, "fro")
L.norm(x, "fro", 0)
L.norm(x[0], "fro")
L.norm(x, 3)
L.norm(x, "x", 0)
L.norm(x, 1, (5, 0))
L.norm(x, 3, (5, 0))
L.norm(x, 1, (1, 1))
L.norm(x, 1, (1, -1))
L.norm(x.long(), 1)
L.norm(x.long(), 1, 0)
L.norm(x.long(), "fro")
L.norm(x, 1, out=torch.empty((), dtype=torch.float64))
L.matrix_norm(x, 1, out=torch.empty((), dtype=torch.float64))
L.matrix_norm(x, 1, (0,))
L.matrix_norm(x, 1, ())
L.matrix_norm(x, 0)
L.matrix_norm(x, "y")
L.matrix_norm(s, 1)
L.matrix_norm(s, 3)
L.matrix_norm(x.long(), 3)
L.matrix_norm(x.long(), 1, (0,))
L.matrix_norm(x, 1, (0, 5), dtype=torch.int64)
L.matrix_norm(x, 1, dtype=torch.int64)
L.matrix_norm(x, "fro", dtype=torch.float16)
L.matrix_norm(x, 1, dtype=torch.complex64)
L.matrix_norm(x.half(), 2)
L.matrix_norm(x.half(), "nuc", (0, 0))
L.matrix_norm(x[0], 2)
torch.norm(x, "fro", (0, 1, 2))
torch.norm(b, "nuc")
torch.norm(x, "nuc", 0)
torch.norm(x, "x")
torch.norm(x, 1, (0, 0))
""",
    setup="""
L = torch.linalg
x = data(2, 3)
b = data(2, 3, 2)
s = data()
""",
)


@pytest.mark.parametrize("order", [2, -2, "nuc"])
def test_orders_of_singular_values_fail_by_name(order):
    torch = subject()
    for norm in (torch.linalg.norm, torch.linalg.matrix_norm):
        with pytest.raises(NotImplementedError, match="singular values"):
            norm(torch.ones(2, 3), order)
    with pytest.raises(NotImplementedError, match="singular values"):
        torch.norm(torch.ones(2, 3), "nuc")
