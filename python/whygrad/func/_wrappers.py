"""Names of torch.func that look behind PyTorch's wrappers of tensors, of which whygrad has none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import _C

Tensor = _C.Tensor


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """`func` itself: here there is no compiler that would need it without in-place operations.

    Raises:
        RuntimeError: `remove` is neither "mutations" nor "mutations_and_views".
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            "     remove='mutations': all inplace and out= operators will be removed from the program, and replaced with "
            "their out-of-place equivalents.\n"
            "     remove='mutations_and_views': In addition to the above, all aliasing operators {view} will be replaced "
            "with their non-aliasing counterparts, {view}_copy.\n"
        )

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The values of a tensor of a transformed function, without its history; else the tensor itself.

    Args:
        tensor: of any shape and dtype; the result shares its memory.
        recurse: accepted for compatibility; there are no layers to look through.
    """
    return tensor.detach() if _C._transform_level() and tensor.requires_grad else tensor
