"""`torch.autograd.Variable`: the old name of Tensor, and the engine that hooks queue callbacks in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _C
from .._dropin import module_getattr

__all__ = ["Variable", "VariableMeta"]


class _EngineBase:
    """The engine as Python sees it."""

    def queue_callback(self, callback: Callable[[], Any]) -> None:
        """Call `callback()` at the end of the running backward pass.

        Raises:
            RuntimeError: no pass is running.
        """
        _C._queue_callback(callback)

    def is_checkpoint_valid(self) -> bool:
        """Whether a pass that is started now may accumulate in any leaf: not if it is started within
        one for some inputs only, `autograd.grad` for instance.
        """
        valid: bool = _C._is_checkpoint_valid()
        return valid


_EngineBase.__module__ = "torch._C"


class VariableMeta(type):
    """Makes every tensor an instance of Variable."""

    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, _C.Tensor)


class Variable(metaclass=VariableMeta):
    """`Variable(data, requires_grad=False)` gives a tensor that shares the memory of `data`."""

    _execution_engine = _EngineBase()

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        """Give the tensor; `volatile` has no meaning any more."""
        if data is None:
            return _C.Tensor()
        if not isinstance(data, _C.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)


for _cls in (VariableMeta, Variable):
    _cls.__module__ = "torch.autograd.variable"

__getattr__ = module_getattr(__name__)
