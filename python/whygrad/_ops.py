"""`torch.ops`: operations as objects, under the names that PyTorch has for them below autograd.

`torch.ops.aten.mm` is an `OpOverloadPacket`, `torch.ops.aten.mm.default` an `OpOverload`. They
exist for what can be watched (`_C._operation_names`), and are what policies of selective
checkpoints are told. Calling one calls the function of `torch` or the method of Tensor of its name.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from . import _C


def _function(name: str) -> Any:
    """The function that Python has under the name of an operation."""
    for owner in (_C, _C._nn, _C.Tensor):
        found = getattr(owner, name, None)
        if found is not None:
            return found
    raise NotImplementedError(f"aten::{name} is no function in whygrad, it is only part of others")


class OpOverload:
    """One form of an operation."""

    def __init__(self, packet: OpOverloadPacket, overload: str) -> None:
        self._overloadpacket = packet
        self._overloadname = overload
        self._name = packet._qualified_op_name + ("" if overload == "default" else f".{overload}")
        self.__name__ = f"{packet.__name__}.{overload}"
        self.__module__ = packet.__module__

    @property
    def namespace(self) -> str:
        """`aten`."""
        return self._name.split("::")[0]

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        """The operation, with all its forms."""
        return self._overloadpacket

    def name(self) -> str:
        """`aten::sum.dim_IntList`; the default form has only the name of the operation."""
        return self._name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._overloadpacket(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self) -> str:
        op = self._name.split("::")[1].split(".")[0]
        return f"<OpOverload(op='{self.namespace}.{op}', overload='{self._overloadname}')>"

    def __deepcopy__(self, memo: Any) -> OpOverload:
        return self

    def __reduce__(self) -> Any:
        return _named, (self._overloadpacket.__name__, self._overloadname)


class OpOverloadPacket:
    """An operation; its forms are its attributes."""

    def __init__(self, namespace: str, name: str, overloads: list[str]) -> None:
        self._qualified_op_name = f"{namespace}::{name}"
        self._overload_names = overloads
        self.__name__ = name
        self.__module__ = f"torch._ops.{namespace}"
        for overload in overloads:
            setattr(self, overload, OpOverload(self, overload))

    def __getattr__(self, key: str) -> Any:
        text = str(self)
        if key.startswith("__"):
            raise AttributeError(
                f"'{key}' can't have an overload name beginning with '__' and the underlying op "
                f"{text} has no attribute {key} either."
            )
        raise AttributeError(f"The underlying op of '{text}' has no overload name '{key}'")

    def __iter__(self) -> Iterator[str]:
        return iter(self._overload_names)

    def overloads(self) -> list[str]:
        """The names of the forms."""
        return list(self._overload_names)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _function(self.__name__)(*args, **kwargs)

    def __str__(self) -> str:
        return self._qualified_op_name.replace("::", ".")

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"

    def __deepcopy__(self, memo: Any) -> OpOverloadPacket:
        return self

    def __reduce__(self) -> Any:
        return _packet, (self.__name__,)


class _OpNamespace(types.ModuleType):
    """The operations of a namespace; all are in `aten`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"torch.ops.{name}")
        self.__file__ = "torch.ops"
        self._name = name

    def __getattr__(self, key: str) -> Any:
        raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{key}'")


class _Ops(types.ModuleType):
    """`torch.ops`: namespaces as attributes. One that is not `aten` is empty."""

    __file__ = "_ops.py"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module 'torch.ops' has no attribute '{name}'")
        namespace = _OpNamespace(name)
        setattr(self, name, namespace)
        return namespace


def _all_packets() -> dict[str, OpOverloadPacket]:
    overloads: dict[str, list[str]] = {}
    for full in _C._operation_names():
        name, _, overload = full.partition(".")
        overloads.setdefault(name, []).append(overload)
    return {
        name: OpOverloadPacket("aten", name, sorted(all, key=lambda o: (o != "default", o)))
        for name, all in overloads.items()
    }


ops = _Ops("torch.ops")
vars(ops.aten).update(_all_packets())

# By the name that the core has for it.
by_name: dict[str, OpOverload] = {
    overload.__name__: overload
    for packet in vars(ops.aten).values()
    if isinstance(packet, OpOverloadPacket)
    for overload in (getattr(packet, name) for name in packet.overloads())
}


def _packet(name: str) -> Any:
    return getattr(ops.aten, name)


def _named(name: str, overload: str) -> OpOverload:
    return by_name[f"{name}.{overload}"]
