"""Rules of reading and writing by index.

Where only the indexed tensor is batched, its batch is one more dim in front. Where an index is,
the number of the sample becomes one more index, which broadcasts against it.
"""

from __future__ import annotations

from typing import Any

from whygrad import _C
from whygrad._functions import broadcast_shapes

from .batched import (
    BatchedTensor,
    Call,
    bound,
    by_samples,
    is_batched,
    name_of,
    not_in_place,
    own_part,
    physical_of,
    rank_of,
    rule,
    sample_by_sample,
    wrap,
)
from .pointwise import dynamic
from .reading import common_sample, on_common_samples
from .shapes import physical_dim

Tensor = _C.Tensor

_BOOLEAN = (
    "vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing "
    "with a boolean mask."
)


def _is_list_of_numbers(index: Any) -> bool:
    return isinstance(index, (list, range))


def _entries(index: Any) -> list[Any]:
    """The entries of an index, one per dim or group of dims, lists made tensors."""
    entries = list(index) if isinstance(index, tuple) else [index]
    return [_C.tensor(e) if _is_list_of_numbers(e) and not _has_tensors(e) else e for e in entries]


def _has_tensors(value: Any) -> bool:
    return isinstance(value, Tensor) or (
        isinstance(value, (list, tuple)) and any(_has_tensors(v) for v in value)
    )


def _is_mask(entry: Any) -> bool:
    return isinstance(entry, Tensor) and entry.dtype in (_C.bool, _C.uint8)


def _readable(entry: Any, level: int) -> Any:
    """An entry of an index; of masks how many elements they pick must be the same for all samples."""
    if not (is_batched(entry, level) and _is_mask(entry)):
        return entry
    mask = common_sample(entry, level)
    if mask is None:
        raise RuntimeError(_BOOLEAN)
    return mask


def _dims_taken(entry: Any) -> int:
    """How many dims of the indexed tensor an entry stands for."""
    if entry is None or isinstance(entry, bool):
        return 0
    if _is_mask(entry):
        return rank_of(entry)
    return 1


def _with_ellipsis_resolved(entries: list[Any], rank: int) -> list[Any]:
    for i, e in enumerate(entries):
        if e is Ellipsis:
            rest = rank - sum(_dims_taken(x) for x in entries if x is not Ellipsis)
            return entries[:i] + [slice(None)] * max(rest, 0) + entries[i + 1 :]
    return entries


class PhysicalIndex:
    """Where the elements that an index picks of each sample are in the physical tensor.

    They are `tensor[places]`, with the dims in the order `order` if that is not None. `tensor` is a
    view of the physical tensor, from which numbers have picked already.
    """

    def __init__(
        self, physical: Any, rank: int, index: Any, level: int, size: int, whole: bool = False
    ) -> None:
        """With `whole` the batch is always an index."""
        entries = [_readable(e, level) for e in _with_ellipsis_resolved(_entries(index), rank)]
        self.order = None
        advanced = [i for i, e in enumerate(entries) if isinstance(e, Tensor) and rank_of(e)]
        apart = bool(advanced) and advanced[-1] - advanced[0] != len(advanced) - 1
        if not (whole or apart) and not any(is_batched(e, level) for e in entries):
            self.tensor, self.places = physical, (slice(None), *entries)
            return
        # Numbers pick first, and do not count among the indices.
        found: list[Any] = []
        dim = 1
        for e in entries:
            if isinstance(e, int) and not isinstance(e, bool):
                physical = physical.select(dim, e)
                continue
            if _is_mask(e):
                found += list(_C.where(e))
            else:
                found.append(e)
            dim += _dims_taken(e)
        rank = max(rank_of(e) for e in found if isinstance(e, Tensor))
        places = []
        for e in found:
            if is_batched(e, level):
                shape = e._physical.shape
                e = e._physical.reshape((shape[0], *(1,) * (rank - e._rank), *shape[1:]))
            places.append(e)
        # The number of the sample is one more index, in front, so the dims of the indices come first.
        self.tensor = physical
        self.places = (_C.arange(size).reshape((size, *(1,) * rank)), *places)
        own = [i for i, e in enumerate(found) if isinstance(e, Tensor) and rank_of(e)]
        if own and own[-1] - own[0] == len(own) - 1:
            # In a sample they stand where the indices do, if these are side by side.
            before = sum(e is None or isinstance(e, slice) for e in found[: own[0]])
            if before:
                kept = sum(not isinstance(e, Tensor) for e in found)
                kept += physical.dim() - 1 - sum(e is not None for e in found)
                self.order = [0, *range(1 + rank, 1 + rank + before), *range(1, 1 + rank)]
                self.order += range(1 + rank + before, 1 + rank + kept)

    def get(self) -> Any:
        """The picked elements, with the batch in front."""
        result = self.tensor[self.places]
        return result if self.order is None else result.permute(self.order)

    def fitted(self, value: Any, level: int, size: int) -> Any:
        """A tensor of values, made to broadcast against the places."""
        picked = self.tensor.detach()[self.places]
        new = physical_of(value, level, size)
        missing = picked.dim() - 1 - rank_of(value)
        if missing > 0:
            new = new.view((size, *(1,) * missing, *new.shape[1:]))
        elif missing < 0 and all(n == 1 for n in new.shape[1 : 1 - missing]):
            new = new.reshape((size, *new.shape[1 - missing :]))
        if self.order is None:
            return new
        new = new.expand([picked.shape[i] for i in self.order])
        return new.permute([self.order.index(i) for i in range(len(self.order))])


@rule("__getitem__")
def getitem(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, index = args
    if is_batched(tensor, level):
        # The usual index is of numbers and slices.
        if type(index) is int:
            if not tensor._rank or not -tensor.shape[0] <= index < tensor.shape[0]:
                own_part(func, args, kwargs)  # says what is wrong
            return wrap(tensor._physical.select(1, index), level)
        size = tensor._physical.shape[0]
    else:
        entries = index if isinstance(index, tuple) else (index,)
        size = next(e._physical.shape[0] for e in entries if is_batched(e, level))
    if isinstance(index, list) and _has_tensors(index):
        return by_samples(level, func, args, kwargs)
    physical = physical_of(tensor, level, size)
    try:
        return wrap(PhysicalIndex(physical, rank_of(tensor), index, level, size).get(), level)
    except IndexError:
        own_part(func, args, kwargs)  # says it of the sample
        raise


@rule("__setitem__")
def setitem(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, index, value = args
    if not is_batched(tensor, level):
        indexed = any(
            isinstance(e, Tensor) for e in (index if isinstance(index, tuple) else (index,))
        )
        raise not_in_place(func, level, "index_put_" if indexed else "copy_")
    size = tensor._physical.shape[0]
    place = PhysicalIndex(tensor._physical, tensor._rank, index, level, size)
    if isinstance(value, Tensor):
        value = place.fitted(value, level, size)
    place.tensor[place.places] = value


@rule("index_put index_put_")
def index_put(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    names = ("input", "indices", "values", "accumulate")
    given = dict(zip(names, args, strict=False)) | kwargs
    tensor, values = given["input"], given["values"]
    in_place = name_of(func) == "index_put_"
    if in_place and not is_batched(tensor, level):
        raise not_in_place(func, level)
    entries = tuple(given["indices"])
    everything = [tensor, values, *entries]
    size = next(t._physical.shape[0] for t in everything if is_batched(t, level))
    physical = physical_of(tensor, level, size)
    if not in_place:
        physical = physical.clone()
    place = PhysicalIndex(physical, rank_of(tensor), entries, level, size, whole=True)
    new = place.fitted(values, level, size)
    place.tensor.index_put_(place.places, new, given.get("accumulate", False))
    return tensor if in_place else wrap(physical, level)


# --- along one dim --------------------------------------------------------------------------------


def _rows_first(physical: Any, dim: int) -> Any:
    return physical.movedim(dim, 1)


@bound("index_select")
def index_select(call: Call) -> Any:
    tensor, index = call.values["input"], call.values["index"]
    rank = rank_of(tensor)
    physical = physical_of(tensor, call.level, call.size)
    dim = physical_dim(call.values["dim"], rank)
    if rank == 0:
        physical = physical.unsqueeze(1)
    if not is_batched(index, call.level):
        result = physical.index_select(dim, index)
    else:
        if index._rank > 1:
            own_part(call.func, (tensor, call.values["dim"], index), {})
        places = index._physical.reshape((call.size, index.numel()))
        batch = _C.arange(call.size).unsqueeze(1)
        result = _rows_first(physical, dim)[batch, places].movedim(1, dim)
    return result.squeeze(1) if rank == 0 else result


@bound("take")
def take(call: Call) -> Any:
    tensor, index = call.values["input"], call.values["index"]
    flat = physical_of(tensor, call.level, call.size).reshape((call.size, tensor.numel()))
    places = physical_of(index, call.level, call.size)
    batch = _C.arange(call.size).reshape((call.size, *(1,) * rank_of(index)))
    return flat[batch, places]


@bound("take_along_dim")
def take_along_dim(call: Call) -> Any:
    tensor, indices, dim = (call.values.get(name) for name in ("input", "indices", "dim"))
    physical = physical_of(tensor, call.level, call.size)
    places = physical_of(indices, call.level, call.size)
    if dim is None:
        return physical.reshape((call.size, -1)).gather(1, places.reshape((call.size, -1)))
    own_part(call.func, tuple(call.values.values()), {})
    return call.run(
        input=physical, indices=places, dim=physical_dim(dim, rank_of(call.values["input"]))
    )


@bound("index_add index_add_ index_copy index_copy_ index_fill index_fill_")
def write_rows(call: Call) -> Any:
    tensor, index = call.values["input"], call.values["index"]
    name = name_of(call.func)
    in_place = name.endswith("_")
    name = name.removesuffix("_")
    if (
        name == "index_fill"
        and isinstance(call.values["value"], Tensor)
        and rank_of(call.values["value"])
    ):
        own_part(call.func, tuple(call.values.values()), {})  # says that it takes a number
    rank = rank_of(tensor)
    dim = physical_dim(call.values["dim"], rank)
    physical = physical_of(tensor, call.level, call.size)
    if rank == 0:
        physical = physical.unsqueeze(1)
    source = call.values.get("source", call.values.get("value"))
    new: Any = source
    if isinstance(source, Tensor):
        new = physical_of(source, call.level, call.size)
        if name != "index_fill" and rank_of(source) == 0:
            new = new.unsqueeze(1)
    simple = not is_batched(index, call.level)
    if simple and not (name == "index_fill" and is_batched(source, call.level)):
        given = {"dim": dim, "source" if name != "index_fill" else "value": new}
        if name == "index_fill":
            given["value"] = source
        result = call.run(input=physical, **given)
        return result.squeeze(1) if rank == 0 else result
    places = physical_of(index, call.level, call.size).reshape((call.size, index.numel()))
    batch = _C.arange(call.size).unsqueeze(1)
    target = physical if in_place else physical.clone()
    rows = _rows_first(target, dim)
    if name == "index_fill":
        new = (
            new.reshape((-1, *(1,) * (rows.dim() - 1)))
            if isinstance(new, Tensor)
            else _C.tensor(new)
        )
        new = new.to(rows.dtype)
    else:
        new = _rows_first(new, dim)
        if "alpha" in call.values:
            new = new * call.values["alpha"]
    rows.index_put_((batch, places), new, name == "index_add")
    return target.squeeze(1) if rank == 0 else target


@rule("nonzero masked_select bincount unique")
def of_unknown_shape(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    values = [*args, *kwargs.values()]
    if name_of(func) == "masked_select":
        mask = common_sample(values[1], level) if is_batched(values[1], level) else values[1]
        if mask is not None:
            shape = broadcast_shapes(values[0].shape, mask.shape)
            return values[0].expand(shape)[mask.expand(shape)]
    if name_of(func) == "masked_select":
        raise RuntimeError(
            "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support this because for "
            "each batch this would return a differently shaped Tensor. Please file an issue at "
            "https://github.com/pytorch/pytorch/issues if you need this feature."
        )
    if (result := on_common_samples(level, func, args, kwargs)) is not NotImplemented:
        return result
    raise RuntimeError(dynamic(name_of(func)))


@rule("masked_scatter masked_scatter_")
def masked_scatter(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return sample_by_sample(level, func, args, kwargs)


@bound("one_hot")
def one_hot(call: Call) -> Any:
    tensor = call.values["input"]
    assert type(tensor) is BatchedTensor
    if call.values.get("num_classes", -1) == -1 and common_sample(tensor, call.level) is None:
        raise RuntimeError(
            "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive num_classes argument."
        )
    return call.run(input=tensor._physical)
