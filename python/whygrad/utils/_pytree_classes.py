"""Nodes of trees by what their class is: dataclasses, and constants that are part of the structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from ._pytree import CONSTANT_NODES, GetAttrKey, _private_register_pytree_node

__all__ = [
    "ConstantNode",
    "is_constant_class",
    "register_constant",
    "register_dataclass",
]


def register_dataclass(
    cls: type,
    *,
    field_names: list[str] | None = None,
    drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Make objects of a dataclass nodes: the children are its fields, but for those that are None.

    Args:
        cls: a dataclass, or with `field_names` any class that is made of these as keywords.
        field_names: the fields; default: all that `__init__` takes.
        drop_field_names: fields that `field_names` leaves out, which an object that is put
            together again has with their defaults.
        serialized_type_name: how `treespec_dumps` writes the class.

    Raises:
        ValueError: the names are not those of the fields.
    """
    dropped = set(drop_field_names or ())
    if not dataclasses.is_dataclass(cls):
        if field_names is None:
            raise ValueError(
                f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a "
                "dataclass."
            )
    else:
        fields = [f.name for f in dataclasses.fields(cls) if f.init]
        if field_names is None:
            field_names, dropped = fields, set()
        wanted = set(fields) - dropped
        missing, unexpected = wanted - set(field_names), set(field_names) - wanted
        text = ""
        if missing:
            text += (
                f"Missing fields in `field_names`: {missing}. If you want to include these fields in the pytree, please "
                "add them to `field_names`, otherwise please add them to `drop_field_names`.\n"
            )
        if unexpected:
            text += (
                f"Unexpected fields in `field_names`: {unexpected}. Please remove these fields, or add them to "
                "`drop_field_names`.\n"
            )
        if text:
            raise ValueError(f"field_names does not include all dataclass fields.\n{text}")
    names = list(field_names)

    def flatten(obj: Any) -> tuple[list[Any], Any]:
        values = {name: getattr(obj, name) for name in names}
        given = [name for name in names if values[name] is not None]
        context = [given, [name for name in names if values[name] is None]]
        return [values[name] for name in given], context

    def unflatten(children: Iterable[Any], context: Any) -> Any:
        given, absent = context
        return cls(**dict(zip(given, children, strict=True)), **dict.fromkeys(absent))

    def flatten_with_keys(obj: Any) -> tuple[list[Any], Any]:
        children, context = flatten(obj)
        return [(GetAttrKey(n), c) for n, c in zip(context[0], children, strict=True)], context

    _private_register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=serialized_type_name,
        flatten_with_keys_fn=flatten_with_keys,
    )


@dataclasses.dataclass(frozen=True)
class ConstantNode:
    """The context of a node that is a constant."""

    value: Any


def register_constant(cls: type) -> None:
    """Make objects of `cls` part of the structure: nodes without children, which compare by `==`.

    Raises:
        TypeError: `cls` compares or hashes as plain objects do.
    """
    for method, lacks in (
        ("__eq__", cls.__eq__ is object.__eq__),
        ("__hash__", cls.__hash__ is None),
    ):
        if lacks:
            raise TypeError(
                f"register_constant(cls) expects `cls` to have a non-default `{method}` implementation."
            )
    _private_register_pytree_node(
        cls,
        lambda obj: ([], ConstantNode(obj)),
        lambda _, context: context.value,
        flatten_with_keys_fn=lambda obj: ([], ConstantNode(obj)),
    )
    CONSTANT_NODES.add(cls)


def is_constant_class(cls: type) -> bool:
    """Whether `register_constant` has been told of `cls`."""
    return isinstance(cls, type) and cls in CONSTANT_NODES
