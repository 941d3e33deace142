"""Gradients for a batch of gradients in one pass, of every operation, against a pass for each.

The cases are those of the tests of operations: expressions with their shapes, and the rows of the
elementwise table. Compared are the gradients without and with a history, and what that gives: the
second derivatives by the inputs and by the gradients that were given.
"""

import warnings

import opinfo
import pytest
from ops.test_structural import LINES, evaluate, parse
from parity import data

ROWS = 3

each_line = pytest.mark.parametrize("line", LINES)
each_row = pytest.mark.parametrize("name", opinfo.row_names(differentiable=True))


def inputs_of(torch, shapes):
    return [data(torch, *s, dtype="float64", salt=k, grad=True) for k, s in enumerate(shapes)]


def gradients(torch, output, inputs, given, rows, create_graph):
    options = {"allow_unused": True, "retain_graph": True, "create_graph": create_graph}
    if rows:
        return torch.autograd.grad(output, inputs, given, is_grads_batched=True, **options)
    found = [torch.autograd.grad(output, inputs, g, **options) for g in given]
    return [
        None if column[0] is None else torch.stack(column) for column in zip(*found, strict=True)
    ]


def total(found):
    return sum((t * t.detach().cos()).sum() for t in found if t is not None)


def derivatives(torch, output, inputs, rows, twice):
    """All that is compared, a list of tensors and None."""
    given = data(torch, ROWS, *output.shape, dtype="float64", salt=50).to(output.dtype)
    given.requires_grad_()
    first = gradients(torch, output, inputs, given.detach(), rows, False)
    recorded = gradients(torch, output, inputs, given, rows, True)
    scalar = total(recorded)
    second = []
    if twice and torch.is_tensor(scalar) and scalar.requires_grad:
        second = torch.autograd.grad(scalar, [*inputs, given], allow_unused=True)
    return [*first, *recorded, *second]


def compare(torch, function, make_inputs, twice=True):
    results = []
    for rows in (True, False):
        torch.manual_seed(0)
        inputs = make_inputs()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = function(inputs)
            outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
            results.append(
                [
                    derivatives(torch, y, inputs, rows, twice)
                    for y in outputs
                    if torch.is_tensor(y) and y.requires_grad and y.dtype.is_floating_point
                ]
            )
    for got, expected in zip(*results, strict=True):
        for a, b in zip(got, expected, strict=True):
            assert (a is None) == (b is None)
            if a is None:
                continue
            assert a.shape == b.shape
            tolerance = 1e-9 if a.dtype == torch.float64 else 1e-5
            assert torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), (a, b)


@each_line
def test_operations(line, torch):
    expression, shapes = parse(line)
    compare(torch, lambda xs: evaluate(torch, expression, xs), lambda: inputs_of(torch, shapes))


@each_row
def test_rows(name, torch):
    row = opinfo.row(name)
    shapes = [(2, 3), (3,), (2, 1)][: row.arity]
    compare(
        torch,
        lambda xs: row.call(torch, *xs),
        lambda: row.operands(torch, *shapes, dtype="float64", grad=True),
        twice=name not in opinfo.FIRST_ORDER,
    )


@each_row
def test_rows_without_dims(name, torch):
    row = opinfo.row(name)
    shapes = [(), (2,), ()][: row.arity]
    compare(
        torch,
        lambda xs: row.call(torch, *xs),
        lambda: row.operands(torch, *shapes, dtype="float64", grad=True),
        twice=name not in opinfo.FIRST_ORDER,
    )
