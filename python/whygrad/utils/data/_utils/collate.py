"""Samples to batches: `default_collate` stacks, `default_convert` only makes tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import whygrad
from whygrad import Tensor

__all__ = ["collate", "default_collate", "default_convert"]


def _is_numpy(value: Any) -> bool:
    """Whether `value` is an array or a number of numpy; numpy is not imported to find out."""
    cls = type(value)
    return cls.__module__ == "numpy" and cls.__name__ not in ("str_", "bytes_", "string_")


def _holds_numbers(array: Any) -> bool:
    return array.dtype.kind in "biufc"


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _rebuilt_mapping(like: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the type of `like`, or a dict if that cannot be made."""
    try:
        if isinstance(like, MutableMapping):
            clone = copy.copy(like)
            clone.update(items)
            return clone
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _rebuilt_sequence(like: Sequence[Any], items: list[Any]) -> Any:
    """A sequence of the type of `like`, or a list if that cannot be made."""
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def default_convert(data: Any) -> Any:
    """Arrays of numbers to tensors, also inside of mappings, sequences and named tuples.

    Everything else is left as it is.
    """
    if isinstance(data, Tensor):
        return data
    if _is_numpy(data):
        if type(data).__name__ == "ndarray" and not _holds_numbers(data):
            return data
        return whygrad.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: default_convert(data[key]) for key in data})
    if _is_namedtuple(data):
        return type(data)(*(default_convert(item) for item in data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt_sequence(data, [default_convert(item) for item in data])
    return data


def _unsupported(found: Any) -> TypeError:
    return TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {found}"
    )


CollateFns = dict[Any, Callable[..., Any]]


def collate(batch: Any, *, collate_fn_map: CollateFns | None = None) -> Any:
    """Join the samples of `batch`: of mappings, sequences and named tuples member by member.

    Args:
        batch: a list of samples of one kind.
        collate_fn_map: a function for each type of leaf, called as
            `fn(batch, collate_fn_map=collate_fn_map)`. The leaves that `default_collate` knows
            are always known here.
    """
    elem = batch[0]
    kind = type(elem)
    if collate_fn_map is not None:
        fn = collate_fn_map.get(kind)
        if fn is None:
            matches = (f for cls, f in collate_fn_map.items() if isinstance(elem, cls))
            fn = next(matches, None)
        if fn is not None:
            return fn(batch, collate_fn_map=collate_fn_map)

    if isinstance(elem, Tensor):
        return whygrad.stack(list(batch), 0)
    if _is_numpy(elem):
        if kind.__name__ == "ndarray":
            if not _holds_numbers(elem):
                raise _unsupported(elem.dtype)
            return whygrad.stack([whygrad.as_tensor(array) for array in batch], 0)
        import numpy

        return whygrad.as_tensor(numpy.array(batch))
    if isinstance(elem, float):
        return whygrad.tensor(batch, dtype=whygrad.float64)
    if isinstance(elem, int):
        return whygrad.tensor(batch)
    if isinstance(elem, (str, bytes)):
        return batch

    if isinstance(elem, Mapping):
        joined = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in elem
        }
        return _rebuilt_mapping(elem, joined)
    if _is_namedtuple(elem):
        return kind(
            *(
                collate(members, collate_fn_map=collate_fn_map)
                for members in zip(*batch, strict=True)
            )
        )
    if isinstance(elem, Sequence):
        samples = list(batch)
        if any(len(sample) != len(elem) for sample in samples):
            raise RuntimeError("each element in list of batch should be of equal size")
        joined_items = [
            collate(members, collate_fn_map=collate_fn_map)
            for members in zip(*samples, strict=True)
        ]
        return joined_items if isinstance(elem, tuple) else _rebuilt_sequence(elem, joined_items)
    raise _unsupported(kind)


def default_collate(batch: Any) -> Any:
    """Join a list of samples into a batch: one more dimension, in front.

    Tensors and arrays are stacked, numbers become a tensor (floats float64), strings stay a list,
    and mappings, sequences and named tuples are joined member by member.

    Raises:
        TypeError: for samples of any other type.
        RuntimeError: sequences of different lengths, or tensors of different shapes.
    """
    return collate(batch)
