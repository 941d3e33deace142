"""`torch.autograd.Variable`: the old name of Tensor, and the engine that hooks queue callbacks in."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .. import _C
from .._dropin import module_getattr

__all__ = ["Variable", "VariableMeta"]


class _EngineBase:
    """The engine as Python sees it."""

    def run_backward(
        self,
        tensors: tuple[Any, ...],
        grad_tensors: tuple[Any, ...],
        keep_graph: bool,
        create_graph: bool,
        inputs: tuple[Any, ...] = (),
        allow_unreachable: bool = False,
        accumulate_grad: bool = False,
    ) -> tuple[Any, ...] | None:
        """Run a pass: what `torch.autograd.backward` and `grad` do when they have read their arguments.

        Args:
            tensors: roots, tensors or GradientEdges.
            grad_tensors: the gradient of each; none is made up.
            keep_graph: whether another pass may follow.
            create_graph: record the pass.
            inputs: gradients of these only.
            allow_unreachable: whether these may be out of reach.
            accumulate_grad: add the gradients to `.grad`; without it they are returned.

        Raises:
            RuntimeError: what is no tuple, a gradient missing.
        """
        for name, given in (("tensors", tensors), ("grad_tensors", grad_tensors)):
            if not isinstance(given, tuple):
                raise RuntimeError(
                    f"{name} argument is expected to be a tuple, but got {type(given).__name__}"
                )
        if len(tensors) != len(grad_tensors):
            raise RuntimeError(f"got {len(tensors)} tensors and {len(grad_tensors)} gradients")
        for i, (root, grad) in enumerate(zip(tensors, grad_tensors, strict=True)):
            if isinstance(root, _C.Tensor) and not root.requires_grad:
                raise RuntimeError(
                    f"element {i} of tensors does not require grad and does not have a grad_fn"
                )
            if grad is None:
                what = (
                    "corresponding Tensor requires grad"
                    if isinstance(root, _C.Tensor)
                    else "corresponding output is a GradientEdge.This is not supported."
                )
                raise RuntimeError(f"element {i} of gradients tuple is None, but the {what}")
            if not isinstance(grad, _C.Tensor):
                raise RuntimeError(f"element {i} of gradients tuple is not a Tensor or None")
        result = _C._run_backward(
            tensors,
            grad_tensors,
            keep_graph,
            create_graph,
            inputs,
            allow_unreachable,
            accumulate_grad,
        )
        return None if accumulate_grad else result

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
_C._ImperativeEngine = ImperativeEngine = _EngineBase  # type: ignore[assignment, misc]


class VariableMeta(type):
    """Makes every tensor an instance of Variable."""

    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, _C.Tensor)


class Variable(metaclass=VariableMeta):
    """`Variable(data, requires_grad=False)` gives a tensor that shares the memory of `data`."""

    _execution_engine = _EngineBase()

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        """Give the tensor; `volatile` has no meaning any more."""
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                UserWarning,
                stacklevel=2,
            )
        if data is None:
            return _C.Tensor()
        if not isinstance(data, _C.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        if requires_grad and not (data.is_floating_point() or data.is_complex()):
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        return data.detach().requires_grad_(requires_grad)


for _cls in (VariableMeta, Variable):
    _cls.__module__ = "torch.autograd.variable"

__getattr__ = module_getattr(__name__)
