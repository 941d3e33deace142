"""`torch.autograd.forward_ad`: derivatives along a direction, computed together with the values.

Inside a level `make_dual` gives a tensor a tangent, every operation gives its results theirs, and
`unpack_dual` reads them. What operations make of tangents is the core's (`csrc/autograd/forward.h`).
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from .. import _C
from .._grad_mode import _DecoratorContextManager
from .._vmap_levels import open_levels

__all__ = [
    "UnpackedDualTensor",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
    "dual_level",
]

Tensor = _C.Tensor

_current_level = -1  # none


class _Own(threading.local):
    level = -1  # of the innermost transform of this thread


_own = _Own()


def _default_level() -> int:
    return max(_own.level, _current_level)


def enter_dual_level() -> int:
    """Open the level, which `make_dual` and `unpack_dual` then use, and give its number.

    Raises:
        RuntimeError: it is open already.
    """
    global _current_level
    level = _C._enter_dual_level()
    if level != _current_level + 1:
        raise RuntimeError(
            "Entering a new forward AD level but the current level is not valid. Make sure you did not "
            "modified it directly."
        )
    _current_level = level
    return level


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: all its tangents are gone.

    Raises:
        RuntimeError: another one was opened last, or none is open.
    """
    global _current_level
    if level is None:
        level = _current_level
    if level != _current_level:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not "
            "supported."
        )
    _C._exit_dual_level(level=level)
    _current_level = level - 1


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` gives."""

    primal: Tensor
    tangent: Tensor | None


def _check_dtypes(primal: Tensor, tangent: Tensor) -> None:
    for name, t in (("primal", primal), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A view of `tensor` that has this tangent.

    Args:
        tensor: of a floating-point dtype, without tangent.
        tangent: of the same shape; taken as it is if it lies in memory like `tensor`, else copied.
        level: by default the one that is open.

    Raises:
        RuntimeError: no level is open, a tangent is there already, or the shapes differ.
        ValueError: a dtype that is not floating-point.
    """
    if level is None:
        level = _default_level()
    if level < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    _check_dtypes(tensor, tangent)
    if open_levels():
        from ..func._batching import derivatives

        return derivatives.make_dual(tensor, tangent, level, _C._make_dual)
    return _C._make_dual(tensor, tangent, level=level)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """A view of `tensor` without its tangent, and the tangent, None if there is none.

    Outside of a level it gives `tensor` itself.
    """
    if level is None:
        level = _default_level()
    elif level > 0 and _C._tangent(tensor, 0) is not None:
        raise RuntimeError("Invalid level given to _fw_primal")
    if level < 0:
        return UnpackedDualTensor(tensor, None)
    if open_levels():
        from ..func._batching import derivatives

        return UnpackedDualTensor(*derivatives.unpack_dual(tensor, level))
    return UnpackedDualTensor(*_C._unpack_dual(tensor, level=level))


class dual_level(_DecoratorContextManager):
    """Opens a level for the statements in it; gives its number."""

    def __enter__(self) -> int:
        """Open it."""
        self.level = enter_dual_level()
        return self.level

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Close it."""
        exit_dual_level()


class _transform_level:
    """The level of a transform of `torch.func`: these nest, also with its other transforms; gives its number."""

    def __enter__(self) -> int:
        level = _C._enter_forward_transform()
        self.outer, _own.level = _own.level, level
        return level

    def __exit__(self, *exception: object) -> None:
        _own.level = self.outer
        _C._leave_level()


_is_fwd_grad_enabled = _C._is_fwd_grad_enabled


class _set_fwd_grad_enabled(_DecoratorContextManager):
    """Switches at once whether operations see tangents; as a context manager also back again."""

    def __init__(self, mode: bool) -> None:
        self.prev = _is_fwd_grad_enabled()
        self.mode = mode
        _C._set_fwd_grad_enabled(mode)

    def __enter__(self) -> None:
        """Do nothing: the switch was made by the construction."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore what was before the construction."""
        _C._set_fwd_grad_enabled(self.prev)

    def clone(self) -> _set_fwd_grad_enabled:
        """A context manager of the same mode."""
        return type(self)(self.mode)
