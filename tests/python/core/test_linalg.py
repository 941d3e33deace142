"""Matrix products over every combination of dimensions."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, data, numbers, parity, table

SHAPES = ((), (4,), (4, 4), (3, 4), (4, 3), (1, 4), (4, 1), (2, 3, 4), (2, 4, 3), (1, 4, 4), (5, 1, 3, 4),
          (2, 4, 2), (0,), (0, 4), (4, 0), (2, 4, 0), (3,))  # fmt: skip


@parity(tol=SUMMED, left=SHAPES, dtype=("float32", "float64", "int64", "float16", "bfloat16"))
def test_matmul(torch, left, dtype):
    a = data(torch, *left, dtype=dtype)
    for right in SHAPES:
        b = data(torch, *right, dtype=dtype, salt=1)
        yield lambda: a @ b
        for name in ("mm", "bmm", "mv", "dot", "outer", "inner"):
            if dtype == "float32":
                yield lambda: getattr(torch, name)(a, b)
        if dtype == "float32":
            yield lambda: torch.nn.functional.linear(a, b)


@parity(tol=SUMMED, left=[s for s in SHAPES if s])
def test_gradients_of_matmul(torch, left):
    for right in SHAPES:
        a = data(torch, *left, dtype="float64", grad=True)
        b = data(torch, *right, dtype="float64", salt=1, grad=True)

        def backward():
            y = a @ b
            y.backward(torch.ones_like(y))
            return y, numbers(torch, a.grad), numbers(torch, b.grad)

        yield backward


@parity(tol=SUMMED, n=(1, 2, 3, 7, 16, 17, 33, 64, 100, 129))
def test_sizes_and_strides(torch, n):
    for m, k in ((n, n), (5, n), (n, 1), (130, 3)):
        a, b = data(torch, n, k), data(torch, k, m, salt=1)
        yield a @ b, a.t().contiguous().t() @ b, a @ b.t().contiguous().t()
        yield torch.cat([a, a], 1)[:, ::2] @ b if k > 1 else 0
        yield a[:1].expand(n, k) @ b, a @ b[:, :1], a[0] @ b, a @ b[:, 0]
        yield torch.addmm(b[0], a, b, beta=0.5, alpha=2), a.t() @ a, a @ a.t()
        yield a.double() @ b.double(), torch.nn.functional.linear(a, b.t(), b[0])


test_other_products = table("""
torch.addmm(c, a, b)
torch.addmm(c, a, b, beta=0)
torch.addmm(c, a, b, beta=2, alpha=0.5)
torch.addmm(c[0], a, b)
torch.addmm(torch.tensor(1.0), a, b)
torch.addmm(torch.full((3, 5), float("nan")), a, b, beta=0)
torch.addmm(c, b, a)
torch.addmm(c.t(), a, b)
c.addmm(a, b)
c.addmm_(a, b)
torch.addmv(c[:, 0], a, v)
torch.addbmm(c, a[None], b[None])
torch.baddbmm(c[None], a[None], b[None])
torch.mm(a, b, out=torch.zeros(3, 5))
torch.matmul(a, b, out=torch.zeros(1))
torch.mm(a, a)
torch.mm(a, v)
torch.mm(a.double(), b)
a @ b.double()
a @ b.long()
a @ 2
a @ [1]
2 @ a
torch.mv(a, v)
torch.mv(a, a)
torch.mv(a, v[:2])
torch.dot(v, v)
torch.dot(v, v[:2])
torch.dot(a, a)
torch.dot(v, v.double())
torch.bmm(a[None], b[None])
torch.bmm(a[None].expand(2, 3, 4), b[None].expand(2, 4, 5))
torch.bmm(a[None], b)
torch.bmm(a[None].expand(2, 3, 4), b[None].expand(3, 4, 5))
torch.bmm(a[None], a[None])
torch.outer(v, v[:2])
torch.ger(v, v)
torch.outer(a, v)
torch.inner(a, a)
torch.kron(v, v)
F.linear(a, b.t())
F.linear(a, b.t(), torch.ones(5))
F.linear(v, b.t(), torch.ones(5))
F.linear(a, v)
F.linear(a[None], b.t(), torch.ones(5))
F.linear(a, b)
F.linear(a, b.t(), torch.ones(4))
F.linear(a, b.t().double())
F.linear(v, v)
F.linear(torch.zeros(0, 4), b.t())
torch.einsum("ij,jk->ik", a, b)
torch.einsum("ij,jk", a, b)
torch.einsum("ij->ji", a)
torch.einsum("ij->i", a)
torch.einsum("ij->", a)
torch.einsum("ij,ij->ij", a, a)
torch.einsum("i,j->ij", v, v)
torch.einsum("i,i->", v, v)
torch.einsum("ii->i", q)
torch.einsum("ii", q)
torch.einsum("bij,bjk->bik", a[None].expand(2, 3, 4), b[None].expand(2, 4, 5))
torch.einsum("...ij,jk->...ik", a[None], b)
torch.einsum("b...,b...->...", a, a)
torch.einsum("i j, j k -> i k", a, b)
torch.einsum("ij,kj,lj->ikl", a, a, a)
torch.einsum("ij,j", a, v)
torch.einsum("Ab,bC->AC", a, b)
torch.einsum("ij,jk->ik", [a, b])
torch.einsum("ij,jk->ik", a)
torch.einsum("ij,jk->il", a, b)
torch.einsum("ij,jk->ik", a, a)
torch.einsum("ijk->i", a)
torch.einsum("i->ii", v)
torch.einsum("i1", v)
torch.trace(q)
torch.tensordot(a, b, dims=1)
a.matmul(b); a.mm(b); a.mv(v); v.dot(v); v.outer(v); a[None].bmm(b[None]); a.__matmul__(b)
a.requires_grad_(); (a @ b).sum().backward()
a.requires_grad_(); v.requires_grad_(); (a @ v).sum().backward()
v.requires_grad_(); (v @ b).sum().backward()
v.requires_grad_(); (v @ v).backward()
b.requires_grad_(); F.linear(a, b.t(), torch.ones(5, requires_grad=True)).sum().backward()
a.requires_grad_(); graph(F.linear(a, b.t(), torch.ones(5))); graph(F.linear(a, b.t()))
a.requires_grad_(); graph(a @ b); graph(a[None] @ b); graph(a @ v); graph(a[None].expand(2, 3, 4) @ b)
a.requires_grad_(); graph(torch.einsum("ij,jk->ik", a, b)); graph(torch.addmm(c, a, b))
""", tol=SUMMED, setup="a, b, c, v, q = data(3, 4), data(4, 5), data(3, 5), data(4), data(4, 4)")  # fmt: skip


@parity(tol=SUMMED)
def test_how_linear_adds_its_bias(torch):
    """One product where the bias is a vector in one piece; else it is added in place."""
    weights = data(torch, 5, 3, grad=True), data(torch, 3, 5, grad=True).t(), data(torch, 5, 3)
    biases = (
        *(data(torch, 5, grad=True), data(torch, 5), data(torch, 5, 2, grad=True)[:, 0]),
        *(data(torch), data(torch, 1), data(torch, 2, 5), None),
    )
    for input in (
        *(data(torch, 4, 2, 3), data(torch, 4, 2, 3, grad=True), data(torch, 4, 3, 2).mT),
        *(data(torch, 2, 3), data(torch, 3), data(torch, 2, 4, 2, 3), data(torch, 0, 2, 3)),
    ):
        for weight in weights:
            for bias in biases:

                def run(input=input, weight=weight, bias=bias):
                    y = torch.nn.functional.linear(input, weight, bias)
                    nodes, node = [], y.grad_fn
                    while node is not None:
                        nodes.append(node.name())
                        node = node.next_functions[0][0] if node.next_functions else None
                    return y, nodes, y.stride(), y._base is None, y._version

                yield run
