"""`torch.types`: names of types, for annotations."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO, Any, Union

from . import _C
from ._dropin import module_getattr

__all__ = ["Device", "FileLike", "Number"]

Tensor = _C.Tensor
Size = _C.Size

_TensorOrTensors = Union[Tensor, Sequence[Tensor]]  # noqa: UP007  (a value, also on Python 3.10)
_TensorOrOptionalTensors = Union[Tensor, Sequence[Union[Tensor, None]]]  # noqa: UP007

_dtype = _C.dtype
_device = _C.device
_layout = _C.layout
_int, _float, _complex = builtins.int, builtins.float, builtins.complex
_bool, _str, _bytes = builtins.bool, builtins.str, builtins.bytes
_size = Union[_C.Size, list[int], tuple[int, ...]]  # noqa: UP007

Number = Union[int, float, bool]  # noqa: UP007
_Number = (int, float, bool)
Device = Union[_C.device, str, int, None]  # noqa: UP007
FileLike = Union[str, os.PathLike[str], IO[bytes]]  # noqa: UP007

__getattr__: Any = module_getattr(__name__)
