"""Forward mode of every operation: against PyTorch, and against the backward pass.

The cases are those of the tests of operations: expressions with their shapes, and the rows of the
elementwise table. For a function f with Jacobian J and second derivative H, at x along v, weighted
by w: the tangent J v is compared with PyTorch's and by <w, J v> = <J^T w, v>; the tangent of the
gradient J^T w (forward over reverse), the gradient of <w, J v> (reverse over forward) and the
second backward pass all give H v.
"""

import warnings

import opinfo
import parity
import pytest
from ops.test_structural import LINES, evaluate, parse
from parity import GRADIENT, Tolerance, check, data, reference

# In PyTorch the slope of this loss has a constant added to its denominator.
ROUGH = Tolerance({"float64": 1e5}, whole=True, floor=1.0)

each_line = pytest.mark.parametrize("line", LINES)
each_row = pytest.mark.parametrize("name", opinfo.row_names(differentiable=True))


@pytest.fixture(scope="module", autouse=True)
def warmed_up():
    """PyTorch compiles something when it makes its first dual tensor, and warns."""
    torch = reference()
    with warnings.catch_warnings(), torch.autograd.forward_ad.dual_level():
        warnings.simplefilter("ignore")
        torch.autograd.forward_ad.make_dual(torch.ones(1), torch.ones(1))


def inputs_of(torch, shapes):
    return [data(torch, *s, dtype="float64", salt=k, grad=True) for k, s in enumerate(shapes)]


def row_operands(torch, row):
    shapes = [(2, 3), (3,), (2, 1)][: row.arity]
    return row.operands(torch, *shapes, dtype="float64", grad=True)


def along(torch, xs):
    """Directions, one per input."""
    return [data(torch, *x.shape, dtype="float64", salt=100 + k) for k, x in enumerate(xs)]


def tangents(torch, function, xs, vs):
    """The outputs with a derivative, as (primal, tangent); needs a level."""
    fwad = torch.autograd.forward_ad
    found = function([fwad.make_dual(x, v) for x, v in zip(xs, vs, strict=True)])
    found = found if isinstance(found, list | tuple) else [found]
    return [tuple(fwad.unpack_dual(y)) for y in found if y.dtype.is_floating_point]


def compare_with_torch(function, make_inputs, tolerance=GRADIENT):
    def case(torch):
        xs = make_inputs(torch)
        with torch.autograd.forward_ad.dual_level():
            for _, t in tangents(torch, function(torch), xs, along(torch, xs)):
                yield parity.numbers(torch, t)

    check(case, tolerance)


def total(pairs):
    return sum((w * y).sum() for y, w in pairs)


def close(torch, got, expected):
    for a, b in zip(got, expected, strict=True):
        a = torch.zeros_like(b) if a is None else a.detach()
        assert a.shape == b.shape
        assert torch.allclose(a, b.detach(), rtol=1e-9, atol=1e-9, equal_nan=True), (a, b)


def compare_with_reverse(torch, function, make_inputs):
    fwad = torch.autograd.forward_ad
    options = {"create_graph": True, "allow_unused": True, "materialize_grads": True}
    xs = make_inputs(torch)
    vs = along(torch, xs)
    outputs = function(xs)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    outputs = [y for y in outputs if y.dtype.is_floating_point]
    ws = [data(torch, *y.shape, dtype="float64", salt=200 + k) for k, y in enumerate(outputs)]
    if not any(y.requires_grad for y in outputs):
        return
    gradients = torch.autograd.grad(total(zip(outputs, ws, strict=True)), xs, **options)
    expected = total(zip(gradients, vs, strict=True))
    second = [torch.zeros_like(x) for x in xs]
    if expected.requires_grad:
        second = torch.autograd.grad(expected, xs, allow_unused=True, materialize_grads=True)

    with fwad.dual_level():
        pairs = tangents(torch, function, xs, vs)
        close(torch, [p for p, _ in pairs], outputs)
        given = [(t, w) for (_, t), w in zip(pairs, ws, strict=True) if t is not None]
        got = total(given) if given else torch.zeros((), dtype=torch.float64)
        close(torch, [got], [expected])
        if got.requires_grad:
            found = torch.autograd.grad(got, xs, allow_unused=True, retain_graph=True)
            close(torch, found, second)

        duals = [fwad.make_dual(x, v) for x, v in zip(xs, vs, strict=True)]
        primals = function(duals)
        primals = primals if isinstance(primals, list | tuple) else [primals]
        primals = [y for y in primals if y.dtype.is_floating_point]
        for create_graph in (True, False):
            found = torch.autograd.grad(
                total(zip(primals, ws, strict=True)),
                duals,
                retain_graph=True,
                **options | {"create_graph": create_graph},
            )
            close(torch, found, gradients)
            close(torch, [fwad.unpack_dual(g).tangent for g in found], second)


@each_line
def test_tangents(line):
    expression, shapes = parse(line)
    compare_with_torch(
        lambda torch: lambda xs: evaluate(torch, expression, xs),
        lambda torch: inputs_of(torch, shapes),
        ROUGH if "binary_cross_entropy(" in expression else GRADIENT,
    )


@each_line
def test_against_reverse(line, torch):
    expression, shapes = parse(line)
    if "float32" in expression or "padding_idx" in expression:
        return  # rounded, or a gradient left out on purpose
    compare_with_reverse(
        torch, lambda xs: evaluate(torch, expression, xs), lambda torch: inputs_of(torch, shapes)
    )


@each_row
def test_tangents_of_elementwise(name):
    row = opinfo.row(name)
    compare_with_torch(
        lambda torch: lambda xs: row.call(torch, *xs), lambda torch: row_operands(torch, row)
    )


@pytest.mark.parametrize(
    "name", [n for n in opinfo.row_names(differentiable=True) if n not in opinfo.FIRST_ORDER]
)
def test_elementwise_against_reverse(name, torch):
    row = opinfo.row(name)
    compare_with_reverse(
        torch, lambda xs: row.call(torch, *xs), lambda torch: row_operands(torch, row)
    )


WITH_NUMBERS = """
torch.lerp(x, y, 0.4)
torch.addcmul(x, y, y, value=0.3)
torch.addcdiv(x, y, y + 5, value=0.3)
torch.add(x, y, alpha=0.3) - 0.7 * x
torch.rsub(x, y, alpha=0.3) / 0.7
torch.clamp(x, -0.3, 0.7)
torch.where(x > 0.1, x * 0.3, 0.7)
(x.abs() + 0.1) ** 0.3
0.3 ** x
torch.xlogy(x, 0.3)
torch.copysign(x, -0.3)
x.abs().fmod(0.3)
torch.logit(x.sigmoid(), 0.01)
torch.nn.functional.elu(x, 0.3)
torch.nn.functional.softplus(x, 0.3, 0.7)
""".strip().splitlines()


@pytest.mark.parametrize("expression", WITH_NUMBERS)
def test_numbers_keep_their_precision(expression, torch):
    def function(torch):
        return lambda xs: eval(expression, {"torch": torch, "x": xs[0], "y": xs[1]})

    def make_inputs(torch):
        return inputs_of(torch, [(2, 3), (3,)])

    compare_with_torch(function, make_inputs)
    compare_with_reverse(torch, function(torch), make_inputs)


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("dtype", parity.FLOATS)
def test_numbers_do_not_widen_tangents(dtype, shape):
    def case(torch):
        fwad = torch.autograd.forward_ad
        with fwad.dual_level():
            x, y = (data(torch, *shape, dtype=dtype, salt=k) for k in (0, 1))
            d = fwad.make_dual(x, y)
            yield fwad.unpack_dual(torch.lerp(d, y, 0.4)).tangent
            yield fwad.unpack_dual(torch.lerp(y, d, 0.7)).tangent

    check(case, parity.CLOSE)
