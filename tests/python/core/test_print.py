"""Printing: `repr`, `format` and `set_printoptions` give PyTorch's text, character for character.

Each case builds a tensor from an engine module. It is checked twice: `torch` formats PyTorch's
own tensors with our code (formatting alone), `whygrad` compares whygrad's text with PyTorch's.
"""

import contextlib
import math
import random

import numpy as np
import pytest
import whygrad
from whygrad import _tensor_str

torch = pytest.importorskip("torch")

FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.fixture(params=["torch", "whygrad"])
def engine(request):
    return torch if request.param == "torch" else whygrad


@pytest.fixture(autouse=True)
def default_state():
    yield
    for module in (torch, whygrad):
        module.set_printoptions(profile="default")
        module.set_default_dtype(module.float32)


@contextlib.contextmanager
def options(engine, **kwargs):
    before = _tensor_str.get_printoptions()
    torch.set_printoptions(**kwargs)
    _tensor_str.set_printoptions(**kwargs)
    assert _tensor_str.get_printoptions() == torch._tensor_str.get_printoptions()
    try:
        yield
    finally:
        torch.set_printoptions(**before)
        _tensor_str.set_printoptions(**before)


def text(engine, tensor):
    return _tensor_str.tensor_repr(tensor, engine=torch) if engine is torch else repr(tensor)


def check(engine, make):
    assert text(engine, make(engine)) == repr(make(torch))


CASES = {
    "zero_dim": lambda e: e.tensor(3.5),
    "zero_dim_int": lambda e: e.tensor(3),
    "zero_dim_bool": lambda e: e.tensor(True),
    "zero_dim_whole": lambda e: e.tensor(2.0),
    "zero_dim_nan": lambda e: e.tensor(math.nan),
    "empty": lambda e: e.zeros(0),
    "empty_2d": lambda e: e.zeros(0, 3),
    "empty_3d_grad": lambda e: e.zeros(2, 0, 3, requires_grad=True),
    "empty_int64": lambda e: e.zeros(0, dtype=e.int64),
    "empty_bool_2d": lambda e: e.zeros(3, 0, dtype=e.bool),
    "empty_double": lambda e: e.zeros(0, dtype=e.float64),
    "fractions": lambda e: e.tensor([0.1, 2.0]),
    "whole": lambda e: e.tensor([1.0, 100.0]),
    "ratio_1000": lambda e: e.tensor([1.0, 1000.0]),
    "ratio_1001": lambda e: e.tensor([1.0, 1001.0]),
    "fraction_ratio_1000": lambda e: e.tensor([0.5, 500.0]),
    "fraction_ratio_above": lambda e: e.tensor([0.5, 501.0]),
    "large_whole": lambda e: e.tensor([1e8]),
    "larger_whole": lambda e: e.tensor([1.00000008e8]),
    "small": lambda e: e.tensor([1e-4], dtype=e.float64),
    "smaller": lambda e: e.tensor([0.99e-4], dtype=e.float64),
    "denormal": lambda e: e.tensor([5e-324, 1e300], dtype=e.float64),
    "negative_zero": lambda e: e.tensor([0.0, -0.0]),
    "nan_inf": lambda e: e.tensor([math.nan, math.inf, -math.inf, 1.0]),
    "nan_inf_fraction": lambda e: e.tensor([math.nan, math.inf, -math.inf, 0.25]),
    "only_inf": lambda e: e.tensor([math.inf, -math.inf]),
    "zero_with_tiny": lambda e: e.tensor([0.0, 1e-7]),
    "bools": lambda e: e.tensor([[True, False], [False, False]]),
    "negative_ints": lambda e: e.tensor([[-1, 22], [333, -4444]]),
    "int32": lambda e: e.tensor([1, 2], dtype=e.int32),
    "uint8": lambda e: e.tensor([1, 255], dtype=e.uint8),
    "half": lambda e: e.tensor([0.1, 65504.0], dtype=e.float16),
    "bfloat16": lambda e: e.tensor([0.1, 3.0], dtype=e.bfloat16),
    "long_line": lambda e: e.arange(40),
    "long_float_line": lambda e: e.arange(40) / 7,
    "at_line_end": lambda e: e.ones(14, requires_grad=True),
    "note_after_line_end": lambda e: e.ones(13, dtype=e.float64, requires_grad=True),
    "four_dims": lambda e: e.arange(24).reshape(2, 3, 2, 2),
    "summary": lambda e: e.arange(1001),
    "no_summary": lambda e: e.arange(1000),
    "summary_2d": lambda e: e.arange(4000).reshape(4, 1000) / 3,
    "summary_3d": lambda e: e.arange(8000).reshape(20, 20, 20),
    "summary_short_dims": lambda e: e.arange(6 * 6 * 60).reshape(6, 6, 60),
    "summary_hides_style": lambda e: e.cat([e.zeros(500), e.tensor([0.5]), e.zeros(600)]),
    "requires_grad": lambda e: e.ones(2, requires_grad=True),
    "grad_fn": lambda e: e.ones(2, requires_grad=True) + 1,
    "grad_fn_scalar": lambda e: e.ones(2, requires_grad=True).sum(),
    "grad_fn_double": lambda e: e.ones(2, dtype=e.float64, requires_grad=True).exp(),
    "detached": lambda e: (e.ones(2, requires_grad=True) * 2).detach(),
    "transposed": lambda e: e.arange(6).reshape(2, 3).t(),
    "strided": lambda e: e.arange(20.0)[::3],
    "expanded": lambda e: e.tensor([[1.5], [2.5]]).expand(2, 3),
    "transposed_summary": lambda e: e.arange(2000.0).reshape(4, 500).t(),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case(engine, case):
    check(engine, case)


def test_golden():
    """PyTorch's text written out, so that the checks do not rest on one comparison alone."""
    t = whygrad.tensor
    assert repr(t([0.1, 2.0])) == "tensor([0.1000, 2.0000])"
    assert repr(t([[1, -20], [3, 4]])) == "tensor([[  1, -20],\n        [  3,   4]])"
    assert repr(t([1e-5, 1.0])) == "tensor([1.0000e-05, 1.0000e+00])"
    assert repr(whygrad.zeros(0, 2)) == "tensor([], size=(0, 2))"
    assert repr(t([1.0], requires_grad=True) * 2) == "tensor([2.], grad_fn=<MulBackward0>)"
    assert repr(whygrad.arange(2000)) == "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"
    assert repr(whygrad.nn.Parameter(t(1.0))) == (
        "Parameter containing:\ntensor(1., requires_grad=True)"
    )


@pytest.mark.parametrize("default", ["float32", "float64"])
@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
def test_dtype_is_named_unless_default(engine, default, dtype):
    for module in (torch, engine):
        module.set_default_dtype(getattr(module, default))
    check(engine, lambda e: e.ones(2, dtype=getattr(e, dtype)))
    check(engine, lambda e: e.ones(0, dtype=getattr(e, dtype)))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "default", "precision": 2},
        {"precision": 0},
        {"precision": 10},
        {"sci_mode": True},
        {"sci_mode": False},
        {"edgeitems": 0},
        {"edgeitems": 1, "threshold": 0},
        {"linewidth": 1},
        {"linewidth": 200, "threshold": 4},
    ],
    ids=str,
)
def test_options(engine, kwargs):
    with options(engine, **kwargs):
        for name in (
            *("zero_dim", "empty_2d", "fractions", "whole", "nan_inf", "larger_whole", "small"),
            *("negative_zero", "long_line", "long_float_line", "four_dims", "summary_2d"),
            *("grad_fn_double", "bools", "summary_hides_style"),
        ):
            check(engine, CASES[name])


def test_sci_mode_none_resets_and_others_stay():
    whygrad.set_printoptions(precision=2, sci_mode=True)
    whygrad.set_printoptions(linewidth=100)
    assert _tensor_str.get_printoptions() == {
        "precision": 2,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 100,
        "sci_mode": None,
    }


def test_printoptions_block_restores():
    before = _tensor_str.get_printoptions()
    with pytest.raises(ZeroDivisionError), _tensor_str.printoptions(precision=1, sci_mode=True):
        assert repr(whygrad.tensor([2.5])) == "tensor([2.5e+00])"
        raise ZeroDivisionError
    assert _tensor_str.get_printoptions() == before


def test_parameters_and_subclasses(engine):
    def parameter(e):
        return e.nn.Parameter(e.ones(2, 3))

    want = repr(parameter(torch))
    if engine is torch:
        got = "Parameter containing:\n" + text(engine, parameter(engine))
    else:
        got = repr(parameter(engine))
    assert got == want

    def subclass(e):
        kind = type("Mine", (e.Tensor,), {})
        return e.Tensor._make_subclass(kind, e.ones(2, 30))

    assert text(engine, subclass(engine)) == repr(subclass(torch))


def test_tensor_contents(engine):
    t = engine.ones(2, requires_grad=True)
    want = torch.ones(2, requires_grad=True).__repr__(tensor_contents="[...]")
    if engine is torch:
        assert _tensor_str.tensor_repr(t, tensor_contents="[...]", engine=torch) == want
    else:
        assert t.__repr__(tensor_contents="[...]") == want


def test_str_is_repr():
    t = whygrad.tensor([1.0, 2.5])
    assert str(t) == f"{t}" == repr(t)


@pytest.mark.parametrize("spec", ["", ".2f", "e", "d", ">12", ".3", "x"])
def test_format(engine, spec):
    def outcome(form, e, make):
        try:
            return form(make(e))
        except (TypeError, ValueError) as error:
            return type(error), str(error)

    def ours(t):
        return (
            _tensor_str.tensor_format(t, spec, engine=torch) if engine is torch else f"{t:{spec}}"
        )

    for make in (
        lambda e: e.tensor(3.5),
        lambda e: e.tensor(3.5, requires_grad=True) * 2,
        lambda e: e.tensor(7),
        lambda e: e.tensor(True),
        lambda e: e.ones(1),
        lambda e: e.ones(2, 2),
        lambda e: e.nn.Parameter(e.tensor(2.0)),
    ):
        assert outcome(ours, engine, make) == outcome(lambda t: format(t, spec), torch, make)


def test_printing_leaves_no_trace(engine):
    """Reading the elements of a tensor with history neither changes nor extends it."""
    x = engine.arange(5000.0, dtype=engine.float64).requires_grad_()
    y = x * 2
    before = y.grad_fn
    text(engine, y)
    assert y.grad_fn is before
    y.sum().backward()
    assert x.grad.tolist() == [2.0] * 5000


def random_values(rng, count):
    """Values of one of the kinds that the notation depends on, as float64."""
    x = rng.standard_normal(count)
    scale = 10.0 ** rng.integers(-6, 9, count)
    kind = rng.integers(9)
    x = [x, x.round(), (x * 100).round(), x * scale, (x * scale).round(), x * 0, abs(x), x * 1e-5][
        kind % 8
    ]
    for special in (math.nan, math.inf, -math.inf, 0.0, -0.0, 1000.0, 1e8, 1e-4):
        if rng.random() < 0.08:
            x[rng.random(count) < 0.3] = special
    return x


@pytest.mark.parametrize("seed", range(40))
def test_random_tensors(engine, seed):
    """Random shapes, dtypes, values, layouts and options; 40 tensors per seed."""
    rng = np.random.default_rng(seed)
    choose = random.Random(seed).choice
    for _ in range(40):
        dims = choose([0, 1, 1, 2, 2, 3, 4])
        longest = {0: 1, 1: 300, 2: 40, 3: 12, 4: 7}[dims]
        shape = [choose([0, 1, 2, 3, 5, longest, longest]) for _ in range(dims)]
        values = random_values(rng, math.prod(shape))
        dtype = choose(FLOATS * 2 + INTEGERS)
        if dtype == "bool":
            values = values > 0
        elif dtype in INTEGERS:
            values = np.nan_to_num(values, posinf=0, neginf=0).clip(-(2**60), 2**60)
            values = values.astype(np.int64).astype(dtype)
        changes = [
            lambda t: t,
            lambda t: t.transpose(0, -1) if t.dim() > 1 else t,
            lambda t: t[::2] if t.dim() else t,
            lambda t: t.unsqueeze(0).expand(2, *t.shape),
        ]
        change = choose(changes)
        grad = dtype in FLOATS and choose([False, False, True])

        def make(e):
            wide = e.float64 if dtype in FLOATS else getattr(e, dtype)  # noqa: B023
            t = e.tensor(values.tolist(), dtype=wide).to(getattr(e, dtype))  # noqa: B023
            return change(t.reshape(shape)).requires_grad_(grad)  # noqa: B023

        kwargs = {
            "precision": choose([4, 4, 0, 1, 7]),
            "threshold": choose([1000, 1000, 0, 20]),
            "edgeitems": choose([3, 3, 1, 2]),
            "linewidth": choose([80, 80, 20, 120]),
            "sci_mode": choose([None, None, None, True, False]),
        }
        with options(engine, **kwargs):
            check(engine, make)
