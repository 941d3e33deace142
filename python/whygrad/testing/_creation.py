"""`torch.testing.make_tensor`: a tensor with random values of an interval."""

from __future__ import annotations

import math
import warnings
from typing import Any

import whygrad
from whygrad import _C, Tensor


def make_tensor(
    *shape: int | tuple[int, ...] | list[int],
    dtype: _C.dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Tensor of `shape` and `dtype` with values drawn uniformly from [low, high).

    `shape` is given as numbers, or as one tuple or list. By default the interval is [-9, 9) for
    floating-point dtypes and the parts of complex ones, [-9, 10) for signed integers, [0, 10) for
    uint8 and [0, 2) for bool; what the dtype cannot hold of it is cut off. `noncontiguous` gives
    every other element of a larger tensor. With `exclude_zero` zeros become the smallest positive
    number of the dtype.

    Raises:
        ValueError: an empty interval, one outside of the dtype's range, or contradicting arguments.
        TypeError: a dtype that is none.
    """
    size: Any = (
        tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got"
            f" {noncontiguous=} and {memory_format=}"
        )
    if not isinstance(dtype, _C.dtype):
        raise TypeError(
            f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor(). To"
            " request support, file an issue at: https://github.com/pytorch/pytorch/issues"
        )
    continuous = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not continuous:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got"
            f" {dtype=}"
        )
    low, high = _interval(dtype, low, high)

    spread = noncontiguous and math.prod(size) > 1
    drawn = (*size[:-1], 2 * size[-1]) if spread else size
    if continuous:
        result = whygrad.empty(drawn, device=device, dtype=dtype)
        (whygrad.view_as_real(result) if dtype.is_complex else result).uniform_(low, high)
    else:
        result = whygrad.randint(math.ceil(low), math.ceil(high), drawn, device=device, dtype=dtype)
    if spread:
        result = result[..., 1::2]
    if memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        smallest = whygrad.finfo(dtype).tiny if continuous else 1
        result[result == 0] = smallest
    result.requires_grad_(requires_grad)
    return result


def _interval(dtype: _C.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    """[low, high) as far as `dtype` reaches; the default for what is None."""
    default: tuple[int, int]
    continuous = dtype.is_floating_point or dtype.is_complex
    if continuous:
        info = whygrad.finfo(dtype)
        default, lowest, beyond = (-9, 9), info.min, info.max
    elif dtype == _C.bool:
        default, lowest, beyond = (0, 2), 0, 2
    else:
        limits = whygrad.iinfo(dtype)
        default, lowest, beyond = (0 if limits.min == 0 else -9, 10), limits.min, limits.max
        # randint's end is an int64, so that the largest of these cannot be drawn.
        beyond = min(beyond + 1, whygrad.iinfo(_C.int64).max)

    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if low != low or high != high:
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and continuous:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is"
            " deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < lowest or low >= beyond:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only"
            f" supports [{lowest}, {beyond})"
        )
    return min(max(low, lowest), beyond), min(max(high, lowest), beyond)
