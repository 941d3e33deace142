"""Named results of operations that return several tensors, as `torch.return_types`.

The binding finds here the type that has an operation's name.
"""

from __future__ import annotations

import operator
from typing import Any

__all__: list[str] = []


def _make(name: str, fields: tuple[str, ...]) -> type:
    """A tuple with named fields that prints as PyTorch's."""

    class Result(tuple):
        __slots__ = ()
        _fields = fields
        n_fields = len(fields)
        n_sequence_fields = len(fields)

        def __repr__(self) -> str:
            items = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self, strict=True))
            return f"torch.return_types.{name}(\n{items})"

        def __reduce__(self) -> Any:
            return (_rebuild, (name, tuple(self)))

    for i, field in enumerate(fields):
        setattr(Result, field, property(operator.itemgetter(i)))
    Result.__name__ = Result.__qualname__ = name
    Result.__module__ = "torch.return_types"
    globals()[name] = Result
    __all__.append(name)
    return Result


def _rebuild(name: str, values: tuple) -> Any:
    return globals()[name](values)


_VALUES = ("values", "indices")
FIELDS: dict[str, tuple[str, ...]] = {
    "max": _VALUES,
    "min": _VALUES,
    "median": _VALUES,
    "mode": _VALUES,
    "sort": _VALUES,
    "topk": _VALUES,
    "kthvalue": _VALUES,
    "cummax": _VALUES,
    "cummin": _VALUES,
    "aminmax": ("min", "max"),
}
_make("_unpack_dual", ("primal", "tangent"))
for _name, _fields in FIELDS.items():
    _make(_name, _fields)
    _make(_name + "_out", _fields)
