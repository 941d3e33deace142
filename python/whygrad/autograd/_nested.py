"""Walks over nested lists, tuples and dicts, which programs take from `torch.autograd.function`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import _C

Tensor = _C.Tensor


def _unknown(value: Any, accepted: str | None) -> ValueError:
    from ..nn.modules._arguments import typename

    return ValueError(
        f"Auto nesting doesn't know how to process an input object of type {typename(value)}"
        + (f". Accepted types: {accepted}, or lists/tuples of them" if accepted else "")
    )


def _iter_filter(
    condition: Callable[[Any], bool],
    allow_unknown: bool = False,
    condition_msg: str | None = None,
    conversion: Callable[[Any], Any] | None = None,
) -> Callable[[Any], Iterator[Any]]:
    """A walk over the values that fulfil the condition, after conversion; None has none."""

    def walk(value: Any) -> Iterator[Any]:
        if conversion is not None:
            value = conversion(value)
        if condition(value):
            yield value
        elif isinstance(value, list | tuple | dict):
            for v in value.values() if isinstance(value, dict) else value:
                yield from walk(v)
        elif value is None:
            return
        elif allow_unknown:
            yield value
        else:
            raise _unknown(value, condition_msg)

    return walk


def _nested_map(
    condition: Callable[[Any], bool],
    fn: Callable[[Any], Any],
    condition_msg: str | None = None,
) -> Callable[[Any], Any]:
    """A copy with `fn` of the values that fulfil the condition in their places."""

    def copy(value: Any) -> Any:
        if condition(value):
            return fn(value)
        if value is None:
            return None
        if isinstance(value, list | tuple):
            items = [copy(v) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if isinstance(value, dict):
            return {k: copy(v) for k, v in value.items()}
        raise _unknown(value, condition_msg)

    return copy


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _is_tensor_or_none(value: Any) -> bool:
    return value is None or isinstance(value, Tensor)


_iter_tensors = _iter_filter(_is_tensor, condition_msg="Tensors")
_iter_tensors_permissive = _iter_filter(_is_tensor, allow_unknown=True)
_iter_None_tensors = _iter_filter(  # noqa: N816  (PyTorch's name)
    _is_tensor_or_none, condition_msg="Tensors or None"
)
_map_tensor_data = _nested_map(_is_tensor, lambda t: t.data, "Tensors")


def _unflatten(input: Any, proto: Any) -> Any:
    """The values in the places of `proto`, which are all that is neither None nor a list or tuple."""
    values = list(input)
    taken = 0

    def fill(place: Any) -> Any:
        nonlocal taken
        if isinstance(place, list | tuple):
            return type(place)(fill(p) for p in place)
        if place is None:
            return None
        taken += 1
        return values[taken - 1]

    return fill(proto)
