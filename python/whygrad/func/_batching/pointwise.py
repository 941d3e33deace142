"""Rules of operations that act element by element, for all rows of the elementwise table at once.

The operands are aligned on the right as one sample's are: a batched one with fewer dims gets dims of
size 1 behind its batch. One that is not batched broadcasts as it is.
"""

from __future__ import annotations

from typing import Any

from whygrad import _C

from . import shapes
from .batched import (
    BatchedTensor,
    is_batched,
    name_of,
    no_out,
    not_in_place,
    of_batches_only,
    own_part,
    physical_of,
    rank_of,
    rule,
    without_overrides,
    wrap,
    wrap_all,
)
from .reading import common_sample

Tensor = _C.Tensor

_ROWS = [r["name"] for r in _C._elementwise_rows() if r["forms"]] + list(_C._elementwise_aliases)
_DUNDERS = [
    f"__{prefix}{name}__"
    for name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split()
    for prefix in ("", "r")
] + [f"__{name}__" for name in "neg pos abs invert eq ne lt le gt ge".split()]
_MORE = "clamp clip div divide true_divide round rsub logit selu relu6 gelu isclose nan_to_num float_power"
# What has its parts in a last dim of their own behaves as if they were none.
_COMPLEX = "real imag real.get imag.get conj_physical _conj_physical complex polar view_as_real view_as_complex"


def padded(physical: Tensor, missing: int) -> Tensor:
    """With `missing` dims of size 1 behind the batch."""
    shape = physical.shape
    return physical.view((shape[0], *(1,) * missing, *shape[1:]))


def aligned(level: int, values: Any) -> tuple[list[Any], int]:
    """The values with batched tensors replaced by physical ones, of one rank; and that rank."""
    ranks = [
        v._rank if type(v) is BatchedTensor else v.dim() for v in values if isinstance(v, Tensor)
    ]
    rank = max(ranks)
    if len(ranks) > 1 and min(ranks) == 0:
        values = _of_decided_dtype(values)
    if min(ranks) < rank:
        values = [
            padded(v._physical, rank - v._rank)
            if type(v) is BatchedTensor and v._level == level and v._rank < rank
            else v
            for v in values
        ]
    return [
        v._physical if type(v) is BatchedTensor and v._level == level else v for v in values
    ], rank


def _of_decided_dtype(values: Any) -> list[Any]:
    """Tensors of no dims in the dtype of the result: in a batch they have dims, and would decide it otherwise."""
    tensors = [v for v in values if isinstance(v, Tensor)]
    if len({t.dtype for t in tensors}) < 2:
        return list(values)
    with without_overrides():
        ranks = [t.dim() for t in tensors]
        strong = [t for t, r in zip(tensors, ranks, strict=True) if r] or tensors
        dtype = strong[0].dtype
        for t in strong:
            dtype = _C.promote_types(dtype, t.dtype)
        if max(ranks) > 0:
            one = _C.empty(1, dtype=dtype)
            for t, r in zip(tensors, ranks, strict=True):
                if not r:
                    dtype = _C.promote_types(dtype, _C.result_type(one, t))
    return [
        v.to(dtype)
        if isinstance(v, Tensor) and rank_of(v) == 0 and v.dtype not in (dtype, _C.bool)
        else v
        for v in values
    ]


@rule(" ".join(dict.fromkeys([*_ROWS, *_DUNDERS, *_MORE.split(), *_COMPLEX.split()])))
def elementwise(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if len(args) == 1:
        a = args[0]
        if not kwargs and type(a) is BatchedTensor:
            return wrap(func(a._physical), level)
    elif len(args) == 2 and not kwargs:
        # The common case, short.
        a, b = args
        if type(a) is BatchedTensor and a._level == level:
            if not isinstance(b, Tensor):
                return wrap_all(func(a._physical, b), level)  # NotImplemented for some
            if type(b) is BatchedTensor and b._level == level:
                if a._rank == b._rank:
                    return wrap(func(a._physical, b._physical), level)
            elif 0 < rank_of(b) <= a._rank:
                return wrap(func(a._physical, b), level)
    if kwargs.get("out") is not None:
        raise no_out(func)
    if is_batched(kwargs.get("alpha"), level):
        raise RuntimeError(shapes.item_message())
    values, _ = aligned(level, [*args, *kwargs.values()])
    n = len(args)
    return wrap_all(func(*values[:n], **dict(zip(kwargs, values[n:], strict=True))), level)


@rule("where")
def where(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if len(args) + len(kwargs) == 1:
        (condition,) = (*args, *kwargs.values())
        sample = common_sample(condition, level)
        if sample is None:
            raise RuntimeError(dynamic("where"))
        return func(sample)
    return elementwise(level, func, args, kwargs)


def dynamic(name: str) -> str:
    return (
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
        f"aten::{name}. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this feature."
    )


_IN_PLACE_ROWS = [f"{name}_" for name in dict.fromkeys([*_ROWS, *_MORE.split()])]
_IN_PLACE_DUNDERS = [
    f"__i{name}__"
    for name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split()
]


# Those that say of a target without batch that it does not have the shape of the result.
_WHOLE_ARITHMETIC = frozenset(
    "add_ atan2_ arctan2_ bitwise_and_ bitwise_or_ bitwise_xor_ bitwise_left_shift_ bitwise_right_shift_ __iadd__ "
    "__iand__ __ior__ __ixor__ __ilshift__ __irshift__".split()
)


@rule(" ".join([*_IN_PLACE_ROWS, *_IN_PLACE_DUNDERS]))
def elementwise_in_place(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if not is_batched(args[0], level) and name_of(func) not in _WHOLE_ARITHMETIC:
        raise not_in_place(func, level)
    values, _ = aligned(level, [*args, *kwargs.values()])
    n = len(args)
    try:
        func(*values[:n], **dict(zip(kwargs, values[n:], strict=True)))
    except RuntimeError as error:
        if not is_batched(args[0], level):
            of_batches_only(error)
        raise
    return args[0]


@rule("copy_ fill_ zero_")
def written(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if not is_batched(args[0], level):
        raise not_in_place(func, level)
    values, _ = aligned(level, args)
    if name_of(func) == "fill_" and len(args) == 2 and isinstance(args[1], Tensor):
        if rank_of(args[1]) != 0:
            own_part(func, args, kwargs)  # says that it takes no dims
        values[0].copy_(values[1])
    else:
        func(*values, **kwargs)
    return args[0]


@rule("masked_fill masked_fill_")
def masked_fill(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    names = ("input", "mask", "value")
    given = dict(zip(names, args, strict=False)) | kwargs
    tensor, mask, value = (given[n] for n in names)
    in_place = name_of(func).endswith("_")
    if in_place and not is_batched(tensor, level):
        raise not_in_place(func, level, whole=isinstance(value, Tensor))
    if is_batched(value, level):
        if rank_of(value) != 0:
            own_part(func, args, kwargs)
        (tensor_, mask_, value_), _ = aligned(level, (tensor, mask, value.to(tensor.dtype)))
        filled = _C.where(mask_, value_, tensor_)
        if not in_place:
            return wrap(filled, level)
        tensor_.copy_(filled)
        return tensor
    (tensor_, mask_), _ = aligned(level, (tensor, mask))
    result = func(tensor_, mask_, value)
    return tensor if in_place else wrap(result, level)


# --- copies and tensors like another --------------------------------------------------------------


@rule(
    "clone contiguous detach zeros_like ones_like empty_like full_like float double half bfloat16 long int short "
    "char byte bool cfloat cdouble cpu cuda type conj _conj _neg_view resolve_conj resolve_neg alias"
)
def like(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    (first, *others) = args or (kwargs.pop("input"),)
    if type(first) is not BatchedTensor or first._level != level:
        raise RuntimeError(shapes.item_message())  # full_like(a, value): a number is read
    if func is _C.Tensor.type and not others and not kwargs:
        return own_part(func, args, kwargs)
    return wrap_all(func(first._physical, *others, **kwargs), level)


@rule("to")
def to(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    # Of another tensor only the dtype counts.
    args = tuple(
        _C.empty((), dtype=a.dtype) if isinstance(a, Tensor) and i else a
        for i, a in enumerate(args)
    )
    if isinstance(kwargs.get("other"), Tensor):
        kwargs = {**kwargs, "other": _C.empty((), dtype=kwargs["other"].dtype)}
    if not is_batched(args[0], level):
        return func(*args, **kwargs)
    result = func(args[0]._physical, *args[1:], **kwargs)
    return args[0] if result is args[0]._physical else wrap(result, level)


@rule("max min")
def larger(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """`max(a, b)`, or the reduction."""
    other = kwargs.get("other", args[1] if len(args) > 1 else None)
    if isinstance(other, Tensor):
        return elementwise(level, func, args, kwargs)
    return shapes.reduction_along_one(level, func, args, kwargs)


@rule("type_as")
def type_as(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return args[0].to(args[1].dtype)


@rule("new_empty new_zeros new_ones new_full")
def new(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, *others = args
    batch = tensor._physical.shape[0]
    if "size" in kwargs:
        kwargs = {**kwargs, "size": (batch, *_sizes(kwargs["size"]))}
        return wrap(func(tensor._physical, *others, **kwargs), level)
    if others and isinstance(others[0], (tuple, list)):
        others[0] = (batch, *others[0])
    else:
        others = [(batch, *others)]
    return wrap(func(tensor._physical, *others, **kwargs), level)


@rule("new_tensor")
def new_tensor(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return func(_C.empty((), dtype=args[0].dtype), *args[1:], **kwargs)


def _sizes(size: Any) -> tuple:
    return (size,) if isinstance(size, int) else tuple(size)


@rule("broadcast_tensors")
def broadcast_tensors(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensors = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    size = next(t._physical.shape[0] for t in tensors if is_batched(t, level))
    values, _ = aligned(level, [wrap(physical_of(t, level, size), level) for t in tensors])
    return wrap_all(func(*values), level)
