"""`torch.testing.assert_close`: compares numbers, tensors and containers of these.

Start at `assert_close`. It works in two steps: `_pairs` walks both containers and makes one pair
for each leaf, `compare` of each pair raises `_Mismatch`. So what cannot be compared at all is
reported before any difference.
"""

from __future__ import annotations

import cmath
import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import whygrad
from whygrad import _C, Tensor

# (rtol, atol) by the type that a comparison is made in: about half of its digits for results of
# several operations. Types that are not here are compared for equality.
_TOLERANCES: dict[Any, tuple[float, float]] = {
    _C.float16: (1e-3, 1e-5),
    _C.bfloat16: (1.6e-2, 1e-5),
    _C.float32: (1.3e-6, 1e-5),
    _C.float64: (1e-7, 1e-7),
    _C.complex64: (1.3e-6, 1e-5),
    _C.complex128: (1e-7, 1e-7),
    float: (1e-7, 1e-7),
    complex: (1e-7, 1e-7),
}

_ALLCLOSE_TOLERANCES: dict[Any, tuple[float, float]] = {
    _C.float16: (1e-3, 1e-3),
    _C.float32: (1e-4, 1e-5),
    _C.float64: (1e-5, 1e-8),
}


class _Mismatch(Exception):  # noqa: N818
    """What the user gets as `kind(text)`, found at the item `path`."""

    def __init__(self, text: str, path: tuple[Any, ...], kind: type[Exception] = AssertionError):
        super().__init__(text)
        self.kind = kind
        self.path = path

    def text(self) -> str:
        if not self.path:
            return str(self)
        item = "".join(f"[{key!r}]" for key in self.path)
        return f"{self}\n\nThe failure occurred for item {item}"


class _Options(NamedTuple):
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool

    def tolerances(self, *types: Any) -> tuple[float, float]:
        """(rtol, atol): those given, or the largest of `types`."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(kind, (0.0, 0.0)) for kind in types]
        return max(rtol for rtol, _ in pairs), max(atol for _, atol in pairs)


class _Pair:
    """Two leaves at `path`; `compare` raises `_Mismatch` unless they are close."""

    def __init__(self, actual: Any, expected: Any, path: tuple[Any, ...], options: _Options):
        self.actual, self.expected, self.path, self.options = actual, expected, path, options

    def compare(self) -> None:
        raise NotImplementedError

    def differ(self, text: str) -> _Mismatch:
        return _Mismatch(text, self.path)


class _NonePair(_Pair):
    def compare(self) -> None:
        if not (self.actual is None and self.expected is None):
            raise self.differ(f"None mismatch: {self.actual} is not {self.expected}")


class _BooleanPair(_Pair):
    def compare(self) -> None:
        if bool(self.actual) is not bool(self.expected):
            raise self.differ(
                f"Booleans mismatch: {bool(self.actual)} is not {bool(self.expected)}"
            )


class _NumberPair(_Pair):
    def compare(self) -> None:
        actual, expected = (
            value.item() if hasattr(value, "item") else value
            for value in (self.actual, self.expected)
        )
        if self.options.check_dtype and type(actual) is not type(expected):
            raise self.differ(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
        rtol, atol = self.options.tolerances(type(actual), type(expected))
        if not _numbers_are_close(actual, expected, rtol, atol, self.options.equal_nan):
            raise self.differ(_numbers_differ(actual, expected, rtol, atol))


class _TensorPair(_Pair):
    def compare(self) -> None:
        actual, expected = self.actual, self.expected
        self.compare_attributes()
        if actual.dtype != expected.dtype:
            dtype = whygrad.promote_types(actual.dtype, expected.dtype)
            actual, expected = actual.to(dtype), expected.to(dtype)
        rtol, atol = self.options.tolerances(self.actual.dtype, self.expected.dtype)
        matches = whygrad.isclose(
            actual, expected, rtol=rtol, atol=atol, equal_nan=self.options.equal_nan
        )
        if bool(matches.all()):
            return
        if actual.dim() == 0:
            raise self.differ(_numbers_differ(actual.item(), expected.item(), rtol, atol))
        raise self.differ(_tensors_differ(actual, expected, matches, rtol, atol))

    def compare_attributes(self) -> None:
        actual, expected, options = self.actual, self.expected, self.options

        def check(name: str, a: Any, b: Any) -> None:
            if a != b:
                raise self.differ(f"The values for attribute '{name}' do not match: {a} != {b}.")

        check("shape", actual.shape, expected.shape)
        if options.check_layout:
            check("layout", actual.layout, expected.layout)
        if options.check_stride:
            check("stride()", actual.stride(), expected.stride())
        if options.check_device:
            check("device", actual.device, expected.device)
        if options.check_dtype:
            check("dtype", actual.dtype, expected.dtype)


def _numbers_are_close(
    actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool
) -> bool:
    """|actual - expected| <= atol + rtol * |expected|, for finite numbers."""
    if actual == expected:
        return True
    if cmath.isnan(actual) and cmath.isnan(expected):
        return equal_nan
    difference = abs(actual - expected)
    return math.isfinite(difference) and difference <= atol + rtol * abs(expected)


def _limit(tolerance: float, is_exact: bool) -> str:
    return "" if is_exact else f" (up to {tolerance} allowed)"


def _numbers_differ(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    is_exact = rtol == 0 and atol == 0
    # True and False, which have no difference in Python's sense, are 1 and 0.
    difference = abs(actual - expected)
    relative = difference / abs(expected) if expected != 0 else math.inf
    return (
        f"Scalars are not {'equal' if is_exact else 'close'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{_limit(atol, is_exact)}\n"
        f"Relative difference: {relative}{_limit(rtol, is_exact)}"
    )


def _tensors_differ(
    actual: Tensor, expected: Tensor, matches: Tensor, rtol: float, atol: float
) -> str:
    is_exact = rtol == 0 and atol == 0
    total = actual.numel()
    count = total - int(matches.sum())
    if not (actual.dtype.is_floating_point or actual.dtype.is_complex):
        actual, expected = actual.to(_C.int64), expected.to(_C.int64)
    # What matches, two infinities for example, is no difference.
    difference = (actual - expected).abs().masked_fill(matches, 0)
    relative = (difference / expected.abs()).masked_fill(matches, 0)

    def greatest(kind: str, values: Tensor, tolerance: float) -> str:
        index = int(values.flatten().argmax())
        at: tuple[int, ...] = ()
        for size in reversed(values.shape):
            index, place = divmod(index, size)
            at = (place, *at)
        value = values[at].item()
        return f"Greatest {kind} difference: {value} at index {at}{_limit(tolerance, is_exact)}"

    return (
        f"Tensor-likes are not {'equal' if is_exact else 'close'}!\n\n"
        f"Mismatched elements: {count} / {total} ({count / total:.1%})\n"
        f"{greatest('absolute', difference, atol)}\n"
        f"{greatest('relative', relative, rtol)}"
    )


def _as_tensor(value: Any) -> Tensor | None:
    """`value` as a tensor without history; None if it is not like one."""
    if isinstance(value, _C.TensorBase):
        return value.detach()
    try:
        return whygrad.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        return None


def _pair(
    actual: Any, expected: Any, path: tuple[Any, ...], allow_subclasses: bool, options: _Options
) -> _Pair:
    if actual is None or expected is None:
        return _NonePair(actual, expected, path, options)
    import numpy as np  # not with `import torch`, of which it would be the larger part

    numbers = (int, float, complex, np.number, np.bool_)
    if isinstance(actual, numbers) and isinstance(expected, numbers):
        booleans = [isinstance(value, (bool, np.bool_)) for value in (actual, expected)]
        if all(booleans):
            return _BooleanPair(actual, expected, path, options)
        if not any(booleans):
            return _NumberPair(actual, expected, path, options)
    elif type(actual) is type(expected) or (
        allow_subclasses
        and (isinstance(actual, type(expected)) or isinstance(expected, type(actual)))
    ):
        tensors = _as_tensor(actual), _as_tensor(expected)
        if None not in tensors:
            return _TensorPair(*tensors, path, options)
    raise _Mismatch(
        "No comparison pair was able to handle inputs of type"
        f" {type(actual)} and {type(expected)}.",
        path,
        TypeError,
    )


def _pairs(
    actual: Any, expected: Any, path: tuple[Any, ...], allow_subclasses: bool, options: _Options
) -> Iterator[_Pair]:
    """The pairs of all leaves, in order."""

    def below(key: Any, a: Any, b: Any) -> Iterator[_Pair]:
        return _pairs(a, b, (*path, key), allow_subclasses, options)

    def is_sequence(value: Any) -> bool:
        return isinstance(value, Sequence) and not isinstance(value, str)

    if is_sequence(actual) and is_sequence(expected):
        if len(actual) != len(expected):
            raise _Mismatch(
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path
            )
        for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
            yield from below(i, a, b)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            raise _Mismatch(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(expected.keys() - actual.keys())}\n"
                f"Additional keys in the actual mapping: {sorted(actual.keys() - expected.keys())}",
                path,
            )
        keys: list[Any] = list(actual)
        with contextlib.suppress(TypeError):  # keys of several types stay in the mapping's order
            keys.sort()
        for key in keys:
            yield from below(key, actual[key], expected[key])
    else:
        yield _pair(actual, expected, path, allow_subclasses, options)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raises an AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere.

    `actual` and `expected` are numbers, tensors, NumPy arrays, None, or sequences and mappings of
    these, nested to any depth. Both must be of one type, or, unless `allow_subclasses` is False,
    one of a subclass of the other's type.

    `rtol` and `atol` are given together. Without them they depend on the dtype: float16 1e-3 and
    1e-5, bfloat16 1.6e-2 and 1e-5, float32 1.3e-6 and 1e-5, float64 and Python's floats 1e-7 and
    1e-7, all others 0. With `equal_nan` two NaNs are equal. The `check_` arguments say which
    attributes are compared too; without `check_dtype` values are compared in the common dtype.
    `msg` is the text of the error, or a function that makes it from the usual one.

    Raises:
        AssertionError: they differ; the text says how much and where.
        TypeError: values that cannot be compared.
        ValueError: one of `rtol` and `atol` without the other.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    options = _Options(rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride)
    try:
        for pair in [*_pairs(actual, expected, (), allow_subclasses, options)]:
            pair.compare()
    except _Mismatch as mismatch:
        text, kind = mismatch.text(), mismatch.kind
    else:
        return
    if kind is AssertionError and msg is not None:
        text = msg if isinstance(msg, str) else msg(text)
    raise kind(text)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older form of `assert_close`: converts both to tensors, and ignores their dtypes."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future"
        " release. Please use `torch.testing.assert_close()` instead. You can find detailed upgrade"
        " instructions in https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, _C.TensorBase):
        actual = whygrad.tensor(actual)
    if not isinstance(expected, _C.TensorBase):
        expected = whygrad.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        pairs = [_ALLCLOSE_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = max(r for r, _ in pairs), max(a for _, a in pairs)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )
