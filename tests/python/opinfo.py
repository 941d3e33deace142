"""What the tests of operations need to know: the rows of the elementwise table, sample inputs, and
a gradient check by finite differences that owes nothing to any autograd engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from parity import CLOSE, EXACT, GRADIENT, SELFTEST, Tolerance, data, reference, subject

TABLE = Path(__file__).parents[2] / "csrc" / "ops" / "elementwise.def"

# Rows whose results IEEE arithmetic fixes to the last bit; the others may differ by CLOSE. No sqrt:
# PyTorch's is off by an ulp for some numbers.
EXACT_ROWS = set(
    "add sub mul div neg abs sign square reciprocal floor ceil round trunc frac relu maximum "
    "minimum clamp_min clamp_max floor_divide fmod remainder hardtanh hardshrink threshold "
    "leaky_relu isnan isinf isfinite eq ne lt le gt ge logical_and logical_or logical_xor "
    "logical_not bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift "
    "bitwise_right_shift".split()
)

# Rows that cannot be differentiated at all, or only once.
NOT_DIFFERENTIABLE = {"floor_divide"}
FIRST_ORDER = {"hardsigmoid"}

# Where torch.nn.functional spells a row's name differently, and values of parameters that have no
# default.
FUNCTIONAL = {"log_sigmoid": "logsigmoid"}
PARAMETERS = {"threshold": (0.5, 0.25)}


@dataclass(frozen=True)
class Row:
    """An elementwise operation as the tests see it."""

    name: str
    arity: int
    domain: tuple[float, float]

    @property
    def tolerance(self) -> Tolerance:
        if self.name in EXACT_ROWS:
            return EXACT
        return GRADIENT if self.arity == 3 else CLOSE  # products and differences that cancel

    @property
    def differentiable(self) -> bool:
        return self.domain[0] < self.domain[1] and self.name not in NOT_DIFFERENTIABLE

    def call(self, torch: Any, *operands: Any, **options: Any) -> Any:
        """The function of this name, applied; torch.NAME, or torch.nn.functional.NAME."""
        operands += PARAMETERS.get(self.name, ())
        if hasattr(reference(), self.name):
            return getattr(torch, self.name)(*operands, **options)
        name = FUNCTIONAL.get(self.name, self.name)
        return getattr(torch.nn.functional, name)(*operands, **options)

    def operands(self, torch: Any, *shapes: Sequence[int], dtype: str, grad: bool = False) -> list:
        """Tensors of these shapes with values inside the domain, where the formula is smooth."""
        lo, hi = self.domain if self.differentiable else (0.0, 5.0)
        if dtype in ("uint8", "bool"):
            lo = max(lo, 0.0)
        pairs = enumerate(shapes)
        return [data(torch, *s, dtype=dtype, lo=lo, hi=hi, grad=grad, salt=i) for i, s in pairs]


@cache
def rows() -> tuple[Row, ...]:
    """The rows of the table that have a public function."""
    if SELFTEST:
        found = parse_table(TABLE.read_text())
    else:
        found = [
            Row(r["name"], r["arity"], tuple(r["domain"])) for r in subject()._C._elementwise_rows()
        ]
    functional = reference().nn.functional
    return tuple(
        row
        for row in found
        if hasattr(reference(), row.name) or hasattr(functional, FUNCTIONAL.get(row.name, row.name))
    )


def parse_table(text: str) -> list[Row]:
    """Rows of the table's source: enough for a self-test, when no engine can be asked."""
    arity = {"UNARY": 1, "BINARY": 2, "TERNARY": 3, "TEST": 1, "COMPARE": 2}
    found = []
    for kind, name, rest in re.findall(r"^WG_([A-Z]+)(?:_P)?\((\w+), (.*)\)$", text, re.M):
        if kind in arity:
            last = rest.split(", ")
            smooth = kind not in ("TEST", "COMPARE")
            domain = (float(last[-3]), float(last[-2])) if smooth else (0.0, 0.0)
            found.append(Row(name, arity[kind], domain))
    return found


def row_names(*, differentiable: bool = False) -> list[str]:
    return [r.name for r in rows() if r.differentiable or not differentiable]


def row(name: str) -> Row:
    return next(r for r in rows() if r.name == name)


# Shapes of the operands of a row: 0-d, empty, equal, broadcast.
SHAPES: dict[int, list[tuple[tuple[int, ...], ...]]] = {
    1: [((),), ((0,),), ((2, 0, 3),), ((1,),), ((7,),), ((3, 4),), ((2, 3, 5),), ((33, 17),)],
    2: [
        ((), ()), ((3,), ()), ((), (3,)), ((0,), (1,)), ((2, 0), (2, 1)), ((7,), (7,)),
        ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 1, 3), (4, 1)), ((33, 17), (33, 17)), ((3,), (4,)),
    ],
    3: [
        ((), (), ()), ((3,), (), (3,)), ((7,), (7,), (7,)), ((3, 4), (4,), (3, 1)),
        ((0,), (1,), (0,)), ((33, 17), (33, 17), (33, 17)), ((3,), (4,), (3,)),
    ],
}  # fmt: skip

# Ways to lay out the same values: how a view is cut from a larger tensor.
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda t: t.t(),
    "strided": lambda t: t[::2, ::3],
    "offset": lambda t: t[1:, 2:],
    "expanded": lambda t: t[:1].expand(5, -1),
    "permuted": lambda t: t.unsqueeze(0).permute(2, 0, 1),
}


def specials(dtype: str) -> np.ndarray:
    """The values at which implementations differ: zeros, infinities, NaN, extremes, ties."""
    kind = {"float16": np.float16, "float64": np.float64}.get(dtype, np.float32)
    info = np.finfo(kind)
    edge = [info.max, info.tiny, info.smallest_subnormal, info.eps, 1 - info.epsneg]
    usual = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 20.0, 88.5, 104.0, 1000.0, np.inf]
    values = [*edge, *usual]
    return np.array([*values, *(-v for v in values), np.nan], dtype=kind)


# --- gradients by finite differences --------------------------------------------------------------


def numerical_gradient(value: Callable[[], float], array: np.ndarray, step: float) -> np.ndarray:
    """Central differences of `value()` with respect to each element of `array`, which it reads."""
    flat, result = array.reshape(-1), np.zeros(array.size)
    for i in range(array.size):
        kept = flat[i]
        flat[i] = kept + step
        above = value()
        flat[i] = kept - step
        result[i] = (above - value()) / (2 * step)
        flat[i] = kept
    return result.reshape(array.shape)


def gradcheck(
    torch: Any,
    function: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    *,
    order: int = 2,
    step: float = 1e-6,
    tolerance: float = 2e-6,
) -> None:
    """Compares the gradients of `function` up to `order` with finite differences, in float64.

    The outputs are weighted at random into one number L; then the gradients of L are weighted into
    the next number, which depends on the weights as well, so that the whole Hessian is exercised.
    """
    rng = np.random.default_rng(7)
    arrays = [np.array(a, "float64", order="C") for a in arrays]

    def number(level: int) -> tuple[Any, list[Any]]:
        """The weighted number of this level and the inputs, both alive for differentiation."""
        inputs = [torch.from_numpy(a.copy()).requires_grad_() for a in (*arrays, *weights)]
        own, extra = inputs[: len(arrays)], iter(inputs[len(arrays) :])
        outputs: Any = function(*own)
        for depth in range(level):
            outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
            terms = [(y * next_weight(extra, y)).sum() for y in outputs if y.requires_grad]
            if not terms:
                return None, own
            total = sum(terms[1:], terms[0])
            if depth + 1 < level:
                outputs = gradients(total, own, create_graph=True)
        return total, own

    def gradients(total: Any, own: list[Any], create_graph: bool = False) -> list[Any]:
        found = torch.autograd.grad(total, own, create_graph=create_graph, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for g, x in zip(found, own, strict=True)]

    weights: list[np.ndarray] = []

    def next_weight(extra: Iterator[Any], output: Any) -> Any:
        known = next(extra, None)
        if known is None:
            weights.append(rng.uniform(0.5, 1.5, tuple(output.shape)))
            known = torch.from_numpy(weights[-1].copy()).requires_grad_()
        return known

    for level in range(1, order + 1):
        weights.clear()
        total, own = number(level)
        if total is None:
            return
        analytic = gradients(total, own)
        for index, array in enumerate(arrays):
            numeric = numerical_gradient(lambda: float(number(level)[0].detach()), array, step)
            got = analytic[index].detach().clone().numpy()
            worst = np.abs(got - numeric).max(initial=0) / max(1.0, np.abs(numeric).max(initial=0))
            assert worst <= tolerance * 50 ** (level - 1), (
                f"order {level}, input {index}: gradient\n{got}\nfinite differences\n{numeric}"
            )
