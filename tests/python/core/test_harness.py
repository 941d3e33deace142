"""The comparison itself: every kind of difference between two engines must be noticed."""

from __future__ import annotations

import pytest
from parity import CLOSE, EXACT, SUMMED, Script, reference, run, step_differences

# Pairs of programs that differ in one observable, and the word the report must contain.
DIFFERENT = {
    "value": (
        "x = torch.tensor([1.0, 2.0])",
        "x = torch.tensor([1.0, 2.0000002])",
        "elements",
    ),
    "integer": ("x = torch.tensor([1, 2])", "x = torch.tensor([1, 3])", "elements"),
    "bool": ("x = torch.tensor([True])", "x = torch.tensor([False])", "elements"),
    "bfloat16": (
        "x = torch.tensor([1.0]).to(torch.bfloat16)",
        "x = torch.tensor([1.01]).to(torch.bfloat16)",
        "elements",
    ),
    "sign of zero": ("x = torch.zeros(2)", "x = -torch.zeros(2)", "elements"),
    "nan": ("x = torch.tensor([float('nan')])", "x = torch.tensor([1.0])", "elements"),
    "infinity": ("x = torch.tensor([float('inf')])", "x = torch.tensor([3e38])", "elements"),
    "dtype": ("x = torch.zeros(2)", "x = torch.zeros(2).double()", "dtype"),
    "shape": ("x = torch.zeros(2, 1)", "x = torch.zeros(1, 2)", "shape"),
    "strides": ("x = torch.zeros(2, 2)", "x = torch.zeros(2, 2).t()", "stride"),
    "contiguous": ("x = torch.zeros(2, 2)", "x = torch.zeros(2, 2).t()", "contiguous"),
    "offset": ("x = torch.zeros(2)", "x = torch.zeros(3)[1:]", "offset"),
    "version": ("x = torch.zeros(2); x.zero_()", "x = torch.zeros(2); x.abs()", "version"),
    "requires_grad": (
        "x = torch.ones(1)",
        "x = torch.ones(1, requires_grad=True)",
        "requires_grad",
    ),
    "is_leaf": (
        "x = torch.ones(1, requires_grad=True)",
        "x = torch.ones(1, requires_grad=True).clone()",
        "is_leaf",
    ),
    "grad_fn": (
        "x = torch.ones(1, requires_grad=True) * 1",
        "x = torch.ones(1, requires_grad=True) / 1",
        "grad_fn",
    ),
    "gradient": (
        "x = torch.ones(1, requires_grad=True); (x * 2).backward()",
        "x = torch.ones(1, requires_grad=True); (x * 3).backward()",
        "grad",
    ),
    "missing gradient": (
        "x = torch.ones(1, requires_grad=True); (x * 2).backward()",
        "x = torch.ones(1, requires_grad=True); (x * 2)",
        "grad",
    ),
    "message": ("raise ValueError('a')", "raise ValueError('b')", "message"),
    "exception": ("raise ValueError('a')", "raise TypeError('a')", "raises"),
    "no exception": ("raise ValueError('a')", "1", "raises"),
    "warning": ("import warnings; warnings.warn('a')", "import warnings; 1", "warnings"),
    "text of a warning": (
        "import warnings; warnings.warn('a')",
        "import warnings; warnings.warn('b')",
        "warnings",
    ),
    "category": (
        "import warnings; warnings.warn('a')",
        "import warnings; warnings.warn('a', FutureWarning)",
        "warnings",
    ),
    "python value": ("1", "2", "value"),
    "python type": ("1", "1.0", "value"),
    "true is not one": ("True", "1", "value"),
    "python float": ("0.5", "0.25", "value"),
    "container": ("(1, 2)", "[1, 2]", "class"),
    "length": ("[1]", "[1, 1]", "length"),
    "key": ("{'a': 1}", "{'b': 1}", "only"),
    "object": ("x = [1]; y = x", "x = [1]; y = [1]", "same object"),
    "size": ("torch.zeros(2).shape", "tuple(torch.zeros(2).shape)", "class"),
    "dtype object": ("torch.float32", "torch.float64", "value"),
    "array": ("np.zeros(2)", "np.ones(2)", "elements"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_noticed(name: str) -> None:
    one, two, word = DIFFERENT[name]
    torch = reference()
    report = step_differences(Script(one).run(torch), Script(two).run(torch), EXACT)
    assert any(word in line for line in report), report
    assert step_differences(Script(one).run(torch), Script(one).run(torch), EXACT) == []


@pytest.mark.parametrize(
    ("one", "two", "tolerance", "same"),
    [
        ("1.0", "1.0 + 2**-20", CLOSE, True),
        ("1.0", "1.0 + 2**-19", CLOSE, False),
        ("1e-30", "2e-30", CLOSE, False),
        ("float('inf')", "3e38", CLOSE, False),
        ("float('nan')", "1.0", CLOSE, False),
        ("-0.0", "0.0", CLOSE, True),
        ("1e-9", "2e-9", SUMMED, True),
        ("1e-5", "2e-5", SUMMED, False),
    ],
)
def test_tolerances(one: str, two: str, tolerance, same: bool) -> None:
    programs = [f"x = torch.tensor([1.0, {value}])" for value in (one, two)]
    steps = [Script(p).run(reference()) for p in programs]
    assert (step_differences(*steps, tolerance) == []) is same


def test_steps_of_a_generator() -> None:
    """A yielded function is called, its exception is a step, and the case goes on."""

    def case(torch, last):
        yield 1
        yield lambda: torch.zeros(2).view(3)
        yield last

    torch = reference()
    one, two = (run(case, torch, last=value) for value in (1, 2))
    assert len(one) == 4 and one[1].outcome["raises"] == "RuntimeError"
    report = step_differences(one, two, EXACT)
    assert len(report) == 1 and "yield last" in report[0]


def test_a_shorter_run_is_noticed() -> None:
    def case(torch, count):
        yield from range(count)

    torch = reference()
    assert step_differences(run(case, torch, count=2), run(case, torch, count=3), EXACT)
