"""Named results of operations that return several tensors, as `torch.return_types`.

The binding finds here the type that has an operation's name.
"""

from __future__ import annotations

from typing import Any

from . import _C
from .utils._pytree import SequenceKey, register_pytree_node

__all__: list[str] = ["all_return_types", "pytree_register_structseq"]
all_return_types: list[type] = []


def pytree_register_structseq(cls: type) -> None:
    """Make objects of a class of C's named tuples nodes of pytrees."""
    register_pytree_node(
        cls,
        lambda t: (list(t), None),
        lambda values, _: cls(values),
        flatten_with_keys_fn=lambda t: ([(SequenceKey(i), v) for i, v in enumerate(t)], None),
    )


def _make(name: str, fields: tuple[str, ...]) -> None:
    """A tuple with named fields that prints as PyTorch's."""
    cls: Any = _C._named_tuple(f"torch.return_types.{name}", fields)
    # By name: the module that pickle would ask is PyTorch's where this one is imported as whygrad.
    cls.__reduce__ = lambda self: (_rebuild, (name, tuple(self)))
    globals()[name] = cls
    pytree_register_structseq(cls)
    if not name.startswith("_"):
        __all__.append(name)
        all_return_types.append(cls)


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
