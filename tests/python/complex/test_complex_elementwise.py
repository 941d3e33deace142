"""Elementwise operations over complex numbers: values, also at hostile points, results' dtypes, errors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from parity import CLOSE, COMPLEX, data, parity, subject, table

ROWS = (
    [r for r in subject()._C._elementwise_rows() if r["forms"]] if hasattr(subject(), "_C") else []
)
UNARY = (
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh "
    "sigmoid reciprocal square neg abs angle sgn isnan isinf isfinite logical_not"
).split()
BINARY = "add sub mul div pow eq ne logical_and logical_or logical_xor".split()
# Functions of complex numbers are as exact as those of the C library on both sides.
NEAR = replace(CLOSE, ulps={"float64": 64, "float32": 64})

# Rows without complex numbers that can be called with tensors alone.
REFUSING = [
    r["name"]
    for r in ROWS
    if not r["complex"] and r["arity"] < 3 and all("=" in p for p in r["params"].split(", ") if p)
]

HOSTILE = (0.0, 1.0, -1.0, 2.0, -2.5, 0.5, float("inf"), float("-inf"), float("nan"), 1e-3, 100.0)


@parity(name=UNARY, dtype=COMPLEX, tol=NEAR)
def test_unary(torch, name, dtype):
    z = data(torch, 3, 4, dtype=dtype)
    f = getattr(torch, name)
    yield f(z)
    yield f(z.t())
    yield f(z[:, ::2])
    yield f(z[0, 0])
    yield f(torch.empty(0, dtype=z.dtype))
    if name not in ("abs", "angle", "logical_not"):
        out = torch.empty(3, 4, dtype=f(z).dtype)
        if name not in ("isnan", "isinf", "isfinite"):
            yield f(z, out=out)
            yield getattr(z.clone(), name + "_")()
    else:
        yield lambda: getattr(z.clone(), "abs_")()


@parity(name=[n for n in UNARY if n not in ("neg", "acos", "log1p")], dtype=COMPLEX, tol=NEAR)
def test_hostile_points(torch, name, dtype):
    # Whole vectors of any instruction set: PyTorch's sgn() of infinities is another in a remainder.
    z = torch.tensor(
        [complex(a, b) for a in HOSTILE for b in HOSTILE] * 16, dtype=getattr(torch, dtype)
    )
    result = getattr(torch, name)(z)
    yield result + 0  # signs of zeros differ


@parity(name=BINARY, dtype=COMPLEX, tol=NEAR)
def test_binary(torch, name, dtype):
    f = getattr(torch, name)
    for other in (*COMPLEX, "float32", "float64", "int64", "bool"):
        for shape in ((3, 4), (4,), ()):
            a, b = data(torch, 3, 4, dtype=dtype), data(torch, *shape, dtype=other, salt=1)
            yield lambda: f(a, b)
            yield lambda: f(b, a)
            yield lambda: getattr(a.clone(), name + "_")(b)
    for number in (2, 2.5, 1 - 2j, True):
        yield lambda: f(data(torch, 3, dtype=dtype), number)


test_operators = table(
    """
z + 1j; 1j + z; z - 2; 2j - z; z * 1.5; (1 + 1j) * z; z / 2j; 2j / z; z ** 2; z ** -1; z ** 0.5; z ** (1 + 1j); 2 ** z; 1j ** z
x + 1j; x * 1j; 1j - x; x / 1j; x ** 1j; 1j ** x; i + 1j; i * 2j; b * 1j
z ** 0; z ** 1; z ** 3; z ** x; x ** z; z ** torch.tensor(2.0); torch.pow(z, 2.5); torch.float_power(z, 2); torch.float_power(x, z)
-z; +z; abs(z); z == z; z != 1j; z == x; z.eq(1 + 1j); bool((z == z).all())
y = z.clone(); y += 1j; y *= z; y -= x; y /= 2j; y **= 2; y
x += 1j
x.mul_(z)
x.add_(1j)
torch.add(x, x, out=z); torch.mul(z, z, out=x)
torch.add(z, z, alpha=2); torch.add(z, x, alpha=1j); torch.sub(z, z, alpha=2.5); torch.add(x, x, alpha=1j)
torch.rsub(z, 1j); torch.lerp(z, w, 0.25); torch.lerp(z, w, 0.75); torch.lerp(z, w, w); torch.lerp(z, x, 0.5)
torch.addcmul(z, w, z, value=2); torch.addcdiv(z, w, z); torch.addcmul(x, z, z); torch.addcmul(z, x, x, value=-1)
torch.where(x > 0, z, w); torch.where(x > 0, z, x); torch.where(x > 0, 1j, x); torch.where(x > 0, z, 0)
F.silu(z); F.tanhshrink(z); F.softsign(z); torch.positive(z)
z.masked_fill(x > 0, 1j); z.clone().masked_fill_(x > 0, 2); x.masked_fill(x > 0, 1j)
torch.logical_and(z, x); torch.logical_not(torch.tensor([0j, 1j])); torch.logical_xor(z, torch.zeros(3))
torch.isclose(z, z + 1e-7); torch.isnan(torch.tensor([complex('nan'), complex(0, float('nan')), 1j]))
""",
    setup="z = data(3, dtype='complex64'); w = data(3, dtype='complex64', salt=1); x = data(3); i = torch.arange(3); b = x > 0",
    tol=NEAR,
)

test_refused = table(
    """
z < z
z > 1
z <= 1j
x >= 1j
torch.maximum(z, z)
torch.minimum(z, z)
z // 2
z % 2
torch.fmod(z, 2)
torch.floor(z)
torch.ceil(z)
torch.trunc(z)
torch.round(z)
torch.frac(z)
torch.sign(z)
torch.relu(z)
torch.atan2(z, z)
torch.hypot(z, z)
torch.copysign(z, z)
torch.erf(z)
torch.xlogy(z, z)
torch.clamp(z, 0, 1)
torch.clamp(z, min=0)
z.clamp_min(0)
z & z
~z
F.gelu(z)
F.elu(z)
F.leaky_relu(z)
F.softplus(z)
F.hardtanh(z)
F.mish(z)
F.mse_loss(z, z)
z.max()
z.argmax()
torch.div(z, 2, rounding_mode='floor')
torch.nansum(z)
torch.arange(3, dtype=torch.complex64)
""",
    setup="z = data(3, dtype='complex64'); x = data(3)",
)


@pytest.mark.parametrize("row", REFUSING)
def test_rows_without_complex_numbers_say_so(row):
    """None computes with the real parts."""
    torch = subject()
    f = getattr(torch, row, None) or getattr(torch.nn.functional, row, None)
    if f is None:
        pytest.skip("no function")
    z = torch.tensor([1 + 1j, 2j])
    arity = next(r["arity"] for r in ROWS if r["name"] == row)
    with pytest.raises((NotImplementedError, RuntimeError)):
        f(*[z] * arity)
