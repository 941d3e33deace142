"""Structures of trees as text: `treespec_dumps` and `treespec_loads` of `torch.utils._pytree`.

The text is JSON: the number of the protocol, and a dict of type, context and children for each node.
How the context of a type is written is part of its registration, `NodeDef.dump` and `NodeDef.load`.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict, namedtuple
from enum import Enum
from typing import Any

from ._pytree import _LEAF, SUPPORTED_NODES, TreeSpec, _named_names

__all__ = ["EnumEncoder", "enum_object_hook", "treespec_dumps", "treespec_loads"]

PROTOCOL = 1


class EnumEncoder(json.JSONEncoder):
    """Writes members of enumerations by module and name."""

    def default(self, obj: object) -> Any:
        """Give a dict that `enum_object_hook` knows again."""
        if not isinstance(obj, Enum):
            return super().default(obj)
        cls = type(obj)
        return {
            "__enum__": True,
            "fqn": f"{cls.__module__}:{cls.__qualname__}",
            "name": obj.name,
        }


def enum_object_hook(obj: dict[str, Any]) -> Any:
    """The member of an enumeration that `EnumEncoder` has written; any other dict as it is."""
    if "__enum__" not in obj:
        return obj
    module, _, path = obj["fqn"].partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found[obj["name"]]


def _dump_defaults(context: Any) -> dict[str, Any]:
    factory, keys = context
    return {
        "default_factory_module": factory.__module__,
        "default_factory_name": factory.__qualname__,
        "dict_context": keys,
    }


def _load_defaults(written: Any) -> list[Any]:
    module = importlib.import_module(written["default_factory_module"])
    return [getattr(module, written["default_factory_name"]), written["dict_context"]]


def _dump_named(cls: type) -> str:
    if cls not in _named_names:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {cls} because we didn't register a serializated_type_name. "
            "Please register using `_register_namedtuple`."
        )
    return _named_names[cls]


def _load_named(name: str) -> type:
    for cls, known in _named_names.items():
        if known == name:
            return cls
    raise NotImplementedError(
        f"Can't deserialize TreeSpec of namedtuple class {name} because we couldn't find a serialized name."
    )


SUPPORTED_NODES[defaultdict] = SUPPORTED_NODES[defaultdict]._replace(
    dump=_dump_defaults, load=_load_defaults
)
SUPPORTED_NODES[namedtuple] = SUPPORTED_NODES[namedtuple]._replace(
    dump=_dump_named, load=_load_named
)


def _written(spec: TreeSpec) -> dict[str, Any]:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    node = SUPPORTED_NODES.get(spec.type)
    if node is None or node.name is None:
        raise NotImplementedError(
            f"No registered serialization name for {spec.type} found. Please update your _register_pytree_node call with "
            "a `serialized_type_name` kwarg."
        )
    if node.dump is not None:
        context = node.dump(spec.context)
    else:
        try:
            context = json.dumps(spec.context, cls=EnumEncoder)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or register a custom serializer "
                "using _register_pytree_node."
            ) from error
    children = [_written(child) for child in spec.children()]
    return {"type": node.name, "context": context, "children_spec": children}


def _read(written: dict[str, Any]) -> TreeSpec:
    name, context, children = (written[key] for key in ("type", "context", "children_spec"))
    if name is None:
        return _LEAF
    # The latest of a name counts.
    node = next((n for n in reversed(SUPPORTED_NODES.values()) if n.name == name), None)
    if node is None:
        raise NotImplementedError(f"Deserializing {name} in pytree is not registered.")
    if node.load is not None:
        context = node.load(context)
    else:
        context = json.loads(context, object_hook=enum_object_hook)
    return TreeSpec(node.type, context, [_read(child) for child in children])


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """The structure as text, of which `treespec_loads` makes it again.

    Raises:
        NotImplementedError: a type was registered without `serialized_type_name`.
        TypeError: `treespec` is none, or a context that JSON does not know.
        ValueError: a protocol other than 1.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}."
        )
    _check_protocol(protocol := PROTOCOL if protocol is None else protocol)
    return json.dumps((protocol, _written(treespec)), cls=EnumEncoder)


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that `treespec_dumps` has written.

    Raises:
        NotImplementedError: no type of that name is registered.
        ValueError: a protocol other than 1.
    """
    protocol, written = json.loads(serialized)
    _check_protocol(protocol)
    return _read(written)


def _check_protocol(protocol: Any) -> None:
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")
