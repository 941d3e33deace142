"""`torch._C._functions`: the classes of nodes, by name, and two functions that end a graph."""

from __future__ import annotations

import re
import sys
from typing import Any

from .. import _C
from .._dropin import module_getattr

_missing = module_getattr(__name__)


def __getattr__(name: str) -> Any:
    """The class of the nodes of that name: `isinstance(t.grad_fn, torch._C._functions.MulBackward0)`."""
    if name in ("AccumulateGrad", "CopySlices") or re.fullmatch(r"[A-Z]\w*Backward\d+", name):
        return _C._class_of_nodes(name)
    return _missing(name)


def _checked(inputs: tuple, expected: int) -> tuple:
    if len(inputs) != expected:
        raise TypeError(f"expected {expected} arguments, got {len(inputs)} instead")
    for i, t in enumerate(inputs):
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"argument {i} is not a Variable")
    return inputs


class _End:
    """What the two functions have of nodes."""

    next_functions = ()

    def name(self) -> str:
        """Give the name in C++."""
        return f"torch::autograd::{type(self).__name__}"


class DelayedError(_End):
    """Called with `num_inputs` tensors it gives them back, behind a node whose derivative is an error.

    Raises:
        RuntimeError: with `msg`, in a backward pass that runs through them.
    """

    def __init__(self, *args: Any) -> None:
        if len(args) != 2:
            raise RuntimeError(f"Requires two arguments, got {len(args)}")
        self._msg, self._n = args
        if not isinstance(self._msg, str):
            raise RuntimeError("argument 'msg' must be a string")
        if not isinstance(self._n, int):
            raise RuntimeError("argument 'num_inputs' must be an int")

    def __call__(self, *inputs: Any) -> Any:
        """Give the tensors, one as it is, several as a tuple."""
        results = tuple([t.data for t in _checked(inputs, self._n)])
        _C._end_graph(inputs, results, self._msg)
        return results[0] if len(results) == 1 else results


class UndefinedGrad(_End):
    """Called with a tensor it gives a copy, from which no gradient flows back."""

    def __init__(self, *args: Any) -> None:
        if args:
            raise RuntimeError(f"Requires zero arguments, got {len(args)}")

    def __call__(self, *inputs: Any) -> Any:
        """Give the copy."""
        result = _checked(inputs, 1)[0].data.clone()
        _C._end_graph(inputs, (result,), None)
        return result


for _cls in (DelayedError, UndefinedGrad):
    _cls.__module__ = "builtins"
_C._functions = sys.modules[__name__]
