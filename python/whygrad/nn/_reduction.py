"""How losses name their reduction: the string of today, the flags of old, the core's number."""

from __future__ import annotations

import warnings

_NUMBERS = {"none": 0, "mean": 1, "elementwise_mean": 1, "sum": 2}


def get_enum(reduction: str) -> int:
    """The number that the core's losses take for `reduction`."""
    if reduction == "elementwise_mean":
        warnings.warn(
            "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.",
            stacklevel=3,
        )
    number = _NUMBERS.get(reduction, -1)
    if number < 0:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return number


def legacy_get_string(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True
) -> str:
    """The reduction that the two old flags stand for, with a warning that they are old."""
    averages = size_average is None or bool(size_average)
    reduces = reduce is None or bool(reduce)
    reduction = "none" if not reduces else "mean" if averages else "sum"
    if emit_warning:
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=4,
        )
    return reduction
