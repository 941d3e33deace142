"""Signs of zeros, infinities and NaN in results and gradients over complex numbers, at all hostile points.

PyTorch's loops over whole vectors and over single numbers differ in a few functions. `neg` is C's here, which is that
over single numbers; `sgn` is z / |z| part by part, and gradients of `tanh` and `sigmoid` multiply by complex numbers, as those
over vectors do; `acos` over complex128 has the signs of C's and of complex64, where PyTorch's loops have others.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from parity import CLOSE, COMPLEX, PARTS, parity

SIGNED = replace(CLOSE, ulps={"float64": 64, "float32": 64}, signed=True)
INF, NAN = float("inf"), float("nan")
PARTS_OF_POINTS = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, INF, -INF, NAN)
FEW = (0.0, -0.0, 1.0, -2.0, INF, -INF, NAN)
UNARY = (
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan asin atan sinh cosh tanh asinh acosh atanh "
    "sigmoid reciprocal square abs angle sgn"
).split()
NUMBERS = (0, -0.0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.5, INF, 1j, -1j, 0j, 1 + 0j, 2 + 0j, 1 + 2j)
NUMBER_FORMS = {
    "+": lambda z, c: z + c,
    "-": lambda z, c: z - c,
    "r-": lambda z, c: c - z,
    "*": lambda z, c: z * c,
    "/": lambda z, c: z / c,
    "r/": lambda z, c: c / z,
    "**": lambda z, c: z**c,
    "r**": lambda z, c: c**z,
}
BINARY = {
    "add": lambda t, a, b: t.add(a, b),
    "sub": lambda t, a, b: t.sub(a, b),
    "rsub": lambda t, a, b: t.rsub(a, b),
    "sub scaled": lambda t, a, b: t.sub(a, b, alpha=2),
    "add turned": lambda t, a, b: t.add(a, b, alpha=1j),
    "sub turned": lambda t, a, b: t.sub(a, b, alpha=1j),
    "mul": lambda t, a, b: t.mul(a, b),
    "div": lambda t, a, b: t.div(a, b),
    "pow": lambda t, a, b: t.pow(a, b),
    "addcmul": lambda t, a, b: t.addcmul(a, a, b, value=2),
    "addcdiv": lambda t, a, b: t.addcdiv(a, a, b, value=2),
}


def points(parts=PARTS_OF_POINTS):
    return [complex(a, b) for a in parts for b in parts]


def vectors(torch, numbers, dtype):
    """Each number sixteen times: whole vectors of any instruction set."""
    return torch.tensor(list(numbers), dtype=getattr(torch, dtype)).repeat_interleave(16)


@parity(name=UNARY, dtype=COMPLEX, tol=SIGNED)
def test_functions(torch, name, dtype):
    yield getattr(torch, name)(vectors(torch, points(), dtype))


@parity(tol=SIGNED)
def test_acos(torch):
    yield torch.acos(vectors(torch, points(), "complex64"))


@parity(dtype=COMPLEX, tol=SIGNED)
def test_neg(torch, dtype):
    for p in points():
        yield -torch.tensor(p, dtype=getattr(torch, dtype))


@parity(name=BINARY, dtype=COMPLEX, tol=SIGNED)
def test_two_operands(torch, name, dtype):
    f, few, real = BINARY[name], points(FEW), PARTS[dtype]
    a, b = zip(*itertools.product(few, few), strict=True)
    yield f(torch, vectors(torch, a, dtype), vectors(torch, b, dtype))
    a, b = zip(*itertools.product(few, FEW), strict=True)
    yield f(torch, vectors(torch, a, dtype), vectors(torch, b, real))
    yield f(torch, vectors(torch, b, real), vectors(torch, a, dtype))


@parity(form=NUMBER_FORMS, dtype=COMPLEX, tol=SIGNED)
def test_numbers(torch, form, dtype):
    f = NUMBER_FORMS[form]
    z, x = vectors(torch, points(), dtype), vectors(torch, PARTS_OF_POINTS, PARTS[dtype])
    for number in NUMBERS:
        yield f(z, number)
        if isinstance(number, complex):
            yield f(x, number)


def gradients(torch, f, operands, dtypes):
    """The gradients at each point, by itself: not PyTorch's vectors."""
    found = []
    for point, g in itertools.product(operands, (1, 1j, complex(-0.0, 1.0), 0.5 - 2j)):
        leaves = [
            torch.tensor([p], dtype=getattr(torch, d), requires_grad=True)
            for p, d in zip(point, dtypes, strict=True)
        ]
        y = f(*leaves)
        if not y.is_complex():
            g = complex(g).real
        found.append(torch.autograd.grad(y, leaves, torch.tensor([g], dtype=y.dtype)))
    return [torch.cat(of_operand) for of_operand in zip(*found, strict=True)]


BY_VECTORS = ("abs", "tanh", "sigmoid")


@parity(name=[n for n in [*UNARY, "neg"] if n not in BY_VECTORS], dtype=COMPLEX, tol=SIGNED)
def test_gradients_of_functions(torch, name, dtype):
    yield gradients(torch, getattr(torch, name), [(p,) for p in points(FEW)], [dtype])


@parity(name=BY_VECTORS, dtype=COMPLEX, tol=SIGNED)
def test_gradients_over_vectors(torch, name, dtype):
    z = vectors(torch, points(), dtype).requires_grad_()
    y = getattr(torch, name)(z)
    for g in (1,) if name == "abs" else (1, 1j, complex(-0.0, 1.0)):
        yield torch.autograd.grad(y, z, torch.full_like(y, g), retain_graph=True)


@parity(name=BINARY, dtype=COMPLEX, tol=SIGNED)
def test_gradients_of_two_operands(torch, name, dtype):
    few, parts, real = points((0.0, -0.0, 2.0, -INF)), (0.0, -0.0, -2.0, INF), PARTS[dtype]

    def f(a, b):
        return BINARY[name](torch, a, b)

    yield gradients(torch, f, itertools.product(few, few), [dtype, dtype])
    yield gradients(torch, f, itertools.product(few, parts), [dtype, real])
    yield gradients(torch, f, itertools.product(parts, few), [real, dtype])


@parity(form=NUMBER_FORMS, dtype=COMPLEX, tol=SIGNED)
def test_gradients_with_numbers(torch, form, dtype):
    few = [(p,) for p in points((0.0, -0.0, 2.0, -INF))]
    for number in NUMBERS:
        yield gradients(torch, lambda z, c=number: NUMBER_FORMS[form](z, c), few, [dtype])


@parity(dtype=COMPLEX, tol=SIGNED)
def test_gradients_of_parts(torch, dtype):
    real, parts = PARTS[dtype], itertools.product(FEW, FEW)
    yield gradients(torch, lambda a, b: torch.polar(a.detach(), b), parts, [real, real])[1:]
    few = [(p, p) for p in points(FEW)]
    yield gradients(torch, lambda a, b: torch.lerp(a, b, 0.25), few, [dtype, dtype])


@parity(dtype=("float32", "float64"), length=(1, 3, 67))
def test_addcdiv_of_real_numbers(torch, dtype, length):
    # The order of product and quotient shows in the last bit.
    a, b, c = (torch.randn(length, dtype=getattr(torch, dtype)) for _ in range(3))
    yield torch.addcdiv(a, b, c, value=3.3)
