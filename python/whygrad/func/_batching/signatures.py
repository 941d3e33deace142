"""The parameters of an operation, read from its `__doc__`, and the arguments of a call by their names.

`bind(func, args, kwargs)` chooses the overload as the binding does and gives a `Call`. Rules change its
`values` and run it; what a rule does not touch arrives at the operation as it was given.
"""

from __future__ import annotations

import re
from typing import Any

from whygrad import _C

Tensor = _C.Tensor

# Names of the parameters that are dims.
DIMS = frozenset(
    "dim dims dim0 dim1 dim2 axis0 axis1 source destination start_dim end_dim dimension".split()
)

_SPLIT = re.compile(r", (?![^(\[]*[)\]])")
_ITEM = re.compile(r"(torch\.\w+|tuple of \w+|\w+) (\w+)(?: = (.*))?")
_SYNONYMS = {"self": "input", "axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input"}


def _is_int(v: Any) -> bool:
    return isinstance(v, int) and not isinstance(v, bool)


def _is_list_of_ints(v: Any) -> bool:
    return isinstance(v, (tuple, list)) and all(isinstance(i, (int, Tensor)) for i in v)


def _is_ints(v: Any) -> bool:
    return _is_int(v) or _is_list_of_ints(v)


_ACCEPTS: dict[str, Any] = {
    "Tensor": lambda v: isinstance(v, Tensor),
    "int": lambda v: _is_int(v) or (not isinstance(v, (bool, float)) and hasattr(v, "__index__")),
    "float": lambda v: isinstance(v, (int, float)),
    "bool": lambda v: isinstance(v, bool),
    "Number": lambda v: isinstance(v, (int, float, complex, bool, Tensor)),
    "tuple of ints": _is_ints,
    "tuple of Tensors": lambda v: isinstance(v, (tuple, list)),
    "str": lambda v: isinstance(v, str),
    "torch.dtype": lambda v: isinstance(v, _C.dtype),
}


def _anything(_: Any) -> bool:
    return True


class Parameter:
    """One parameter: its name, the type's name, its default as text (None: required)."""

    __slots__ = ("accepts", "default", "kind", "name", "optional")

    def __init__(self, kind: str, name: str, default: str | None) -> None:
        self.kind, self.name, self.default = kind, name, default
        self.accepts = _ACCEPTS.get(kind, _anything)
        self.optional = default == "None"


class Overload:
    """The parameters of one overload, those by position first."""

    __slots__ = ("by_name", "n_positional", "parameters", "spread")

    def __init__(self, line: str, is_method: bool) -> None:
        body = line[line.index("(") + 1 : -1]
        items = _SPLIT.split(body) if body else []
        parameters = [Parameter("Tensor", "input", None)] if is_method else []
        self.n_positional = -1
        for item in items:
            if item == "*":
                self.n_positional = len(parameters)
                continue
            match = _ITEM.fullmatch(item)
            assert match, item
            parameters.append(Parameter(*match.groups()))
        if self.n_positional < 0:
            self.n_positional = len(parameters)
        self.parameters = parameters
        self.by_name = {p.name: p for p in parameters}
        # x.view(2, 3): a list that may be spread over the arguments.
        first = 1 if is_method else 0
        self.spread = first
        if self.n_positional != first + 1 or parameters[first].kind != "tuple of ints":
            self.spread = -1

    def match(self, args: tuple, kwargs: dict) -> dict[str, Any] | None:
        """The values by name if this overload takes them."""
        n = self.spread
        if n >= 0 and len(args) > n + 1 and all(_is_int(a) for a in args[n:]):
            args = (*args[:n], tuple(args[n:]))
        if len(args) > self.n_positional:
            return None
        values = {}
        for p, a in zip(self.parameters, args, strict=False):
            if not (p.accepts(a) or (a is None and p.optional)):
                return None
            values[p.name] = (a,) if p.kind == "tuple of ints" and _is_int(a) else a
        for name, a in kwargs.items():
            named = self.by_name.get(name) or self.by_name.get(_SYNONYMS.get(name, ""))
            if named is None and name in ("input", "self", "x"):
                named = self.parameters[0]
            if named is None or named.name in values:
                return None
            p = named
            if not (p.accepts(a) or (a is None and p.optional)):
                return None
            values[p.name] = (a,) if p.kind == "tuple of ints" and _is_int(a) else a
        for p in self.parameters:
            if p.default is None and p.name not in values:
                return None
        return values


_overloads: dict[Any, list[Overload]] = {}


def overloads(func: Any) -> list[Overload]:
    """The overloads of an operation in the order in which they are tried."""
    found = _overloads.get(func)
    if found is None:
        is_method = isinstance(func, type(Tensor.sum))
        lines = (func.__doc__ or "").splitlines()
        found = _overloads[func] = [Overload(line, is_method) for line in lines]
        for o in found:
            # One int is a list of ints unless another overload takes an int in its place.
            for i, p in enumerate(o.parameters):
                kinds = [q.parameters[i].kind for q in found if len(q.parameters) > i]
                if p.kind == "tuple of ints" and "int" in kinds:
                    p.accepts = _is_list_of_ints
    return found


class Call:
    """A call of an operation: what was given, by the names of the parameters."""

    __slots__ = ("func", "level", "overload", "size", "values")
    level: int
    size: int

    def __init__(self, func: Any, overload: Overload, values: dict[str, Any]) -> None:
        self.func, self.overload, self.values = func, overload, values

    def run(self, **changes: Any) -> Any:
        """Call the operation, with some values changed."""
        values = {**self.values, **changes}
        first = self.overload.parameters[0].name
        return self.func(values.pop(first), **values)


def bind(func: Any, args: tuple, kwargs: dict) -> Call | None:
    """The call by names, or None if no overload fits."""
    for overload in overloads(func):
        values = overload.match(args, kwargs)
        if values is not None:
            return Call(func, overload, values)
    return None
