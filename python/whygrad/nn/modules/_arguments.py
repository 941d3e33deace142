"""What `Module` reads of its arguments, and what it calls their types in messages."""

from __future__ import annotations

from typing import Any

import whygrad
from whygrad import Tensor


def typename(value: Any) -> str:
    """The name that error messages give the type of `value`."""
    if isinstance(value, Tensor):
        return value.type()
    cls = value if isinstance(value, type) else type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool]:
    """Sort the arguments of `Module.to` into (device, dtype, non_blocking)."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    non_blocking = kwargs.get("non_blocking", False)
    rest = list(args)
    other = kwargs.get("tensor")
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
    if other is not None:
        device, dtype = other.device, other.dtype
    else:
        if rest and not isinstance(rest[0], whygrad.dtype):
            device = rest.pop(0)
        if rest and not isinstance(rest[0], bool):
            dtype = rest.pop(0)
    if rest:
        non_blocking = rest.pop(0)
    if device is not None and not isinstance(device, whygrad.device):
        device = whygrad.device(device)
    return device, dtype, non_blocking
