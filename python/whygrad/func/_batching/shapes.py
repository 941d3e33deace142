"""Rules of reductions, views and rearranged copies: their dims and sizes are those of one sample.

The batch is the first dim of every operand, so a dim moves up by one, and a shape gets the batch in
front. A sample without dims, of which dim 0 and -1 may be asked, gets one for the time of the call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from whygrad import _C
from whygrad._vmap_levels import differentiated

from .batched import (
    BatchedTensor,
    Call,
    bind,
    bound,
    by_samples,
    is_batched,
    name_of,
    no_out,
    not_in_place,
    own_part,
    physical_of,
    rank_of,
    rule,
    sample_by_sample,
    without_overrides,
    wrap,
    wrap_all,
)
from .signatures import DIMS

Tensor = _C.Tensor


def physical_dim(dim: Any, rank: int) -> int:
    """The place behind the batch of a sample's dim."""
    dim = int(dim)
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})"
        )
    return dim % rank + 1


def physical_dims(dims: Any, rank: int) -> Any:
    if isinstance(dims, (tuple, list)):
        return tuple(physical_dim(d, rank) for d in dims)
    return physical_dim(dims, rank)


def tensors_of(call: Call) -> dict[str, Any]:
    """The tensors among the arguments, physical, each with a dim if its sample has none."""
    found = {}
    for name, v in call.values.items():
        if isinstance(v, Tensor):
            p = physical_of(v, call.level, call.size)
            found[name] = p.unsqueeze(1) if rank_of(v) == 0 else p
    return found


def dims_of(call: Call, rank: int) -> dict[str, Any]:
    """The dims among the arguments, those with defaults included, counted from the batch."""
    found = {}
    for p in call.overload.parameters:
        if p.name in DIMS:
            value = call.values.get(p.name)
            if p.name not in call.values and p.default not in (None, "None", "()"):
                value = int(p.default)
            if value is not None:
                found[p.name] = physical_dims(value, rank)
    return found


def first_of(call: Call) -> Any:
    return call.values[call.overload.parameters[0].name]


def without_dim(result: Any) -> Any:
    """Takes away the dim that a sample without dims got."""
    if isinstance(result, Tensor):
        return result.squeeze(1)
    return type(result)([without_dim(r) for r in result])


# --- operations along dims ------------------------------------------------------------------------


@bound(
    "cumsum cumsum_ cumprod cumprod_ softmax log_softmax flip gather scatter scatter_ scatter_add scatter_add_ scatter_reduce "
    "scatter_reduce_ transpose transpose_copy swapaxes swapdims "
    "movedim moveaxis sort argsort logcumsumexp cummax cummin topk kthvalue"
)
def along_dims(call: Call) -> Any:
    tensor = first_of(call)
    rank = rank_of(tensor)
    result = call.run(**tensors_of(call), **dims_of(call, rank))
    leading = call.values.get("index", tensor)
    return without_dim(result) if rank_of(leading) == 0 else result


@rule("arange range full scalar_tensor eye zeros ones empty empty_strided")
def of_numbers(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    raise RuntimeError(item_message())


@rule("fill_diagonal_")
def fill_diagonal_(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if any(is_batched(v, level) for v in (*args[1:], *kwargs.values())):
        raise RuntimeError(item_message())
    return sample_by_sample(level, func, args, kwargs)


@rule("linspace logspace")
def steps(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return by_samples(level, func, args, kwargs)


@bound(
    "select narrow split split_with_sizes tensor_split chunk unbind unfold diagonal glu unflatten select_copy narrow_copy "
    "split_copy split_with_sizes_copy unbind_copy unfold_copy diagonal_copy slice_copy unsafe_split unsafe_split_with_sizes unsafe_chunk"
)
def parts_along_dims(call: Call) -> Any:
    tensor = first_of(call)
    rank = rank_of(tensor)
    if rank == 0 and name_of(call.func) not in ("unfold", "unfold_copy", "unflatten"):
        own_part(call.func, tuple(call.values.values()), {})  # says that a number has no parts
    values = dims_of(call, rank)
    if any(is_batched(call.values.get(name), call.level) for name in ("start", "index")):
        raise RuntimeError(item_message())
    if is_batched(call.values.get("tensor_indices_or_sections"), call.level):
        raise RuntimeError(
            "Batching rule not implemented for aten::tensor_split.tensor_indices_or_sections. We could not generate a "
            "fallback."
        )
    physical = physical_of(tensor, call.level, call.size)
    if rank == 0:
        physical = physical.unsqueeze(1)
    result = call.run(**{call.overload.parameters[0].name: physical}, **values)
    if rank == 0 and name_of(call.func) in ("unfold", "unfold_copy"):
        return result.select(1, 0)  # the one window of a number is a vector
    return result


@bound("select_scatter slice_scatter diagonal_scatter")
def replaced_along_dims(call: Call) -> Any:
    tensor, source = call.values["input"], call.values["src"]
    rank = rank_of(tensor)
    if rank == 0:
        own_part(call.func, tuple(call.values.values()), {})  # says that a number has no parts
    physical = physical_of(tensor, call.level, call.size)
    new = physical_of(source, call.level, call.size)
    return call.run(input=physical, src=new, **dims_of(call, rank))


@bound("alias_copy detach_copy positive conj_physical_")
def as_whole(call: Call) -> Any:
    return call.run(input=first_of(call)._physical)


@rule("as_strided_copy expand_copy permute_copy squeeze_copy t_copy unsqueeze_copy view_copy")
def copy_of_view(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if kwargs.get("out") is not None:
        raise no_out(func)
    view = getattr(Tensor, name_of(func).removesuffix("_copy"))
    return view(*args, **kwargs).clone(memory_format=_C.contiguous_format)


@rule("hsplit vsplit dsplit")
def equal_parts(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    own_part(func, args, kwargs)  # has the faults of the call
    call = bind(func, args, kwargs)
    assert call is not None
    tensor = first_of(call)
    dims = {"hsplit": min(rank_of(tensor), 2) - 1, "vsplit": 0, "dsplit": 2}
    parts = call.values.get("sections", call.values.get("indices"))
    return tensor.tensor_split(parts, dims[name_of(func)])


def item_message() -> str:
    if differentiated():
        return (
            "vmap: It looks like you're either (1) calling .item() on a Tensor or (2) attempting to use a Tensor in some "
            "data-dependent control flow or (3) encountering this error in PyTorch internals. For (1): we don't support "
            "vmap over calling .item() on a Tensor, please try to rewrite what you're doing with other operations. For "
            "(2): we don't support data-dependent control flow in vmap yet, please file an issue at "
            "https://github.com/pytorch/pytorch/issues . For (3): please file an issue."
        )
    return (
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a "
        "Tensor, please try to rewrite what you're doing with other operations. If error is occurring somewhere "
        "inside PyTorch internals, please file a bug report."
    )


@bound("flatten")
def flatten(call: Call) -> Any:
    return call.run(**tensors_of(call), **dims_of(call, rank_of(first_of(call))))


@bound("unsqueeze")
def unsqueeze(call: Call) -> Any:
    tensor = first_of(call)
    return tensor._physical.unsqueeze(physical_dim(call.values["dim"], tensor._rank + 1))


@bound("squeeze")
def squeeze(call: Call) -> Any:
    tensor = first_of(call)
    dims = call.values.get("dim")
    if dims is None:
        dims = tuple(i + 1 for i, n in enumerate(tensor.shape) if n == 1)
    elif tensor._rank == 0:
        physical_dims(dims, 0)
        dims = ()
    else:
        dims = physical_dims(dims, tensor._rank)
    return tensor._physical.squeeze(dims)


@bound("permute")
def permute(call: Call) -> Any:
    tensor = first_of(call)
    return tensor._physical.permute((0, *physical_dims(tuple(call.values["dims"]), tensor._rank)))


@rule("t adjoint T.get mT.get H.get mH.get")
def transposed(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor = args[0] if args else kwargs["input"]
    name, rank = name_of(func), tensor._rank
    if name == "T.get" or (name in ("t", "H.get") and rank < 2):
        if name != "T.get" or rank <= 2:
            own_part(func, args, kwargs)
        return wrap(tensor._physical.permute((0, *range(rank, 0, -1))), level)
    if rank < 2 or (rank > 2 and name in ("t", "H.get")):
        own_part(func, args, kwargs)
    turned = tensor._physical.transpose(-2, -1)
    return wrap(turned if name in ("t", "mT.get") else turned.conj(), level)


@bound("tril triu tril_ triu_")
def triangle(call: Call) -> Any:
    tensor = first_of(call)
    if tensor._rank < 2:
        own_part(call.func, (tensor,), {})
    return call.run(input=tensor._physical)


@bound("roll")
def roll(call: Call) -> Any:
    tensor = first_of(call)
    physical = tensor._physical
    dims = call.values.get("dims", ())
    if isinstance(dims, int):
        dims = (dims,)
    if not dims:
        if not isinstance(call.values["shifts"], int) and len(call.values["shifts"]) != 1:
            own_part(call.func, (tensor, call.values["shifts"]), {})
        flat = physical.reshape((call.size, tensor.numel()))
        return flat.roll(call.values["shifts"], 1).reshape(physical.shape)
    if tensor._rank == 0:
        return physical.unsqueeze(1).roll(call.values["shifts"], physical_dims(dims, 0)).squeeze(1)
    return physical.roll(call.values["shifts"], physical_dims(dims, tensor._rank))


@bound("trace")
def trace(call: Call) -> Any:
    tensor = first_of(call)
    if tensor._rank != 2:
        own_part(call.func, (tensor,), {})
    return tensor._physical.diagonal(0, 1, 2).sum(-1)


# --- reductions -----------------------------------------------------------------------------------


@bound(
    "sum mean amax amin nansum nanmean var std var_mean std_mean logsumexp count_nonzero linalg_vector_norm all any"
)
def reduction(call: Call) -> Any:
    tensor = first_of(call)
    if not is_batched(tensor, call.level):
        raise RuntimeError(item_message())  # another argument is, which must be a number
    rank = tensor._rank
    name = call.overload.parameters[0].name
    dims = call.values.pop("dim", None)
    dims = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if not dims and name_of(call.func) == "nanmean" and "dim" in call.values:
        dims = ()
    physical = tensor._physical
    keep = call.values.pop("keepdim", False)
    if rank == 0:
        physical_dims(dims, 0)
        physical = physical.unsqueeze(1)
    dims = physical_dims(dims, rank) if dims else tuple(range(1, max(rank, 1) + 1))
    call.values.pop(name)
    if "unbiased" in call.values:
        call.values["correction"] = int(call.values.pop("unbiased"))
    options = call.values
    if name_of(call.func) == "count_nonzero":
        return call.func(physical, dims)
    if name_of(call.func) == "linalg_vector_norm":
        order = options.pop("ord", 2)
        result = call.func(physical, order, dims, keep, **options)
    else:
        result = call.func(physical, dim=dims, keepdim=keep, **options)
    return without_dim(result) if rank == 0 and keep else result


@bound("prod argmax argmin aminmax median mode")
def reduction_along_one(call: Call) -> Any:
    """Along one dim, or over all elements made one dim."""
    tensor = first_of(call)
    rank = tensor._rank
    physical = tensor._physical
    dim, keep = call.values.pop("dim", None), call.values.pop("keepdim", False)
    call.values.pop("input")
    if dim is not None:
        if rank == 0:
            physical_dim(dim, 0)
            physical = physical.unsqueeze(1)
        result = call.func(physical, dim=physical_dim(dim, rank), keepdim=keep, **call.values)
        return without_dim(result) if rank == 0 and keep else result
    flat = physical.reshape((call.size, tensor.numel()))
    name = name_of(call.func)
    if name in ("max", "min"):
        return getattr(_C, f"a{name}")(flat, 1)
    result = call.func(flat, dim=1, **call.values)
    if name == "median":
        return result[0]
    if keep:
        shape = (call.size, *(1,) * rank)
        if isinstance(result, Tensor):
            return result.reshape(shape)
        return type(result)([r.reshape(shape) for r in result])
    return result


# --- shapes ---------------------------------------------------------------------------------------


def _shape_of(call: Call, name: str) -> tuple[int, ...]:
    shape = call.values[name]
    return (shape,) if isinstance(shape, int) else tuple(shape)


@bound("view")
def view(call: Call) -> Any:
    tensor = first_of(call)
    if "dtype" in call.values:
        if tensor._rank == 0:
            own_part(call.func, (tensor, call.values["dtype"]), {})
        return tensor._physical.view(call.values["dtype"])
    return tensor._physical.view((call.size, *_inferred(tensor, _shape_of(call, "size"))))


@bound("reshape")
def reshape(call: Call) -> Any:
    tensor = first_of(call)
    return tensor._physical.reshape((call.size, *_inferred(tensor, _shape_of(call, "shape"))))


def _inferred(tensor: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape whose -1 is known, where a batch of none would leave it open."""
    if -1 not in shape or tensor._physical.shape[0]:
        return shape
    known = math.prod(n for n in shape if n != -1)
    missing = tensor.numel() // known if known else -1
    return tuple(missing if n == -1 else n for n in shape)


@bound("ravel")
def ravel(call: Call) -> Any:
    return first_of(call)._physical.reshape((call.size, first_of(call).numel()))


@rule("view_as reshape_as expand_as")
def as_other(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, other = (*args, *kwargs.values())
    return getattr(tensor, name_of(func).removesuffix("_as"))(other.shape)


@bound("expand broadcast_to")
def expand(call: Call) -> Any:
    tensor = first_of(call)
    shape = _shape_of(call, "size")
    physical = tensor._physical
    if len(shape) > tensor._rank:
        physical = physical.view((call.size, *(1,) * (len(shape) - tensor._rank), *tensor.shape))
    elif len(shape) < tensor._rank:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(shape)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({tensor._rank})"
        )
    return physical.expand((call.size, *shape))


@bound("repeat tile")
def repeat(call: Call) -> Any:
    tensor = first_of(call)
    name = "repeats" if "repeats" in call.values else "dims"
    times = _shape_of(call, name)
    if name == "dims" and len(times) < tensor._rank:
        times = (1,) * (tensor._rank - len(times)) + times
    physical = tensor._physical
    if len(times) > tensor._rank:
        physical = physical.view((call.size, *(1,) * (len(times) - tensor._rank), *tensor.shape))
    elif len(times) < tensor._rank:
        own_part(call.func, (tensor, times), {})
    return physical.repeat((1, *times))


@bound("sum_to_size")
def sum_to_size(call: Call) -> Any:
    tensor = first_of(call)
    shape = _shape_of(call, "size")
    physical = tensor._physical
    if len(shape) < tensor._rank:
        extra = tuple(range(1, 1 + tensor._rank - len(shape)))
        physical = physical.sum(extra)
    elif len(shape) > tensor._rank:
        own_part(call.func, (tensor, shape), {})
    return physical.sum_to_size((call.size, *shape))


@rule("repeat_interleave")
def repeat_interleave(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    given = (*args, *kwargs.values())
    if any(is_batched(a, level) for a in given[1:]) or not is_batched(given[0], level):
        return sample_by_sample(level, func, args, kwargs)
    return repeated(level, func, args, kwargs)


@bound("_repeated")
def repeated(call: Call) -> Any:
    tensor = first_of(call)
    dim = call.values.pop("dim", None)
    physical = tensor._physical
    if dim is None:
        return call.run(input=physical.reshape((call.size, tensor.numel())), dim=1)
    if tensor._rank == 0:
        physical = physical.unsqueeze(1)
    return call.run(input=physical, dim=physical_dim(dim, tensor._rank))


@bound("as_strided")
def as_strided(call: Call) -> Any:
    """Over the memory of each sample, with a stride for the batch in front; an offset is the first sample's."""
    physical = first_of(call)._physical
    size, stride = call.values["size"], call.values["stride"]
    offset = call.values.get("storage_offset")
    _check_window(physical, list(size), list(stride), offset)
    if call.size > 1 and physical.stride(0) == 0 and physical.requires_grad:
        # Samples that share one memory would share their gradients as well.
        if offset is not None:
            offset -= physical.storage_offset()
        physical = _apart(physical)
    return physical.as_strided(
        (call.size, *size), (physical.stride(0) if call.size else 1, *stride), offset
    )


def _apart(physical: Any) -> Any:
    """Memory of its own for every sample, in which it lies with the same strides."""
    strides = physical.stride()[1:]
    for dim, stride in enumerate(strides, 1):
        if stride == 0:
            physical = physical.narrow(dim, 0, min(1, physical.shape[dim]))
    shape = physical.shape
    extent = 1 + sum((n - 1) * s for n, s in zip(shape[1:], strides, strict=True))
    memory = physical.new_zeros((shape[0], extent))
    memory.as_strided(shape, (extent, *strides)).copy_(physical)
    return memory


def _check_window(physical: Any, size: list[int], stride: list[int], offset: int | None) -> None:
    """A window on one sample shows nothing of the others."""
    if len(size) != len(stride):
        raise RuntimeError(
            "Tensor.as_strided(size, stride, ...): size and stride must have the same length! "
            f"Got size {size} and stride {stride}"
        )
    first = physical.storage_offset()
    start = first if offset is None else offset

    def end(start: int, size: Sequence[int], stride: Sequence[int]) -> int:
        return start + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))

    last, whole = end(start, size, stride), end(first, physical.shape[1:], physical.stride()[1:])
    if 0 not in size and (start < first or last > whole):
        raise RuntimeError(
            f"result = tensor.as_strided({size}, {stride}, {start}) can access memory outside of `tensor`. `result` "
            f"can access some memory in range [{start}, {last}], but `tensor` can only access some memory in range "
            f"[{first}, {whole}]. This is not supported inside of vmap, please try to rewrite the `as_strided` call as "
            "a sequence of PyTorch view operations"
        )


# --- in place, the shape --------------------------------------------------------------------------


@rule("t_ transpose_ swapaxes_ swapdims_ squeeze_ unsqueeze_")
def reshaped_in_place(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor = args[0]
    if not is_batched(tensor, level):
        raise not_in_place(func, level)
    name = name_of(func)
    new = getattr(tensor, name.removesuffix("_"))(*args[1:], **kwargs)
    physical = tensor._physical
    rank = tensor._rank
    if name == "unsqueeze_":
        physical.unsqueeze_(physical_dim((*args[1:], *kwargs.values())[0], rank + 1))
    elif name == "squeeze_":
        given = (*args[1:], *kwargs.values())
        if given:
            dims = physical_dims(given[0], rank) if rank else ()
        else:
            dims = tuple(i + 1 for i, n in enumerate(tensor.shape) if n == 1)
        physical.squeeze_(dims)
    elif rank >= 2:
        a, b = (0, 1) if name == "t_" else (*args[1:], *kwargs.values())
        physical.transpose_(physical_dim(a, rank), physical_dim(b, rank))
    return _reshaped(tensor, new.shape)


def _reshaped(tensor: Any, shape: Any) -> Any:
    """The batched tensor, after its physical tensor got another shape."""
    with without_overrides():  # the element belongs to no transform: it is not written to
        tensor.data = tensor.detach().as_strided(shape, (0,) * len(shape))
    tensor._rank = len(shape)
    return tensor


@rule("resize_")
def resize_(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, *sizes = args
    if not is_batched(tensor, level):
        raise not_in_place(func, level)
    shape = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else tuple(sizes)
    func(tensor._physical, (tensor._physical.shape[0], *shape), **kwargs)
    return _reshaped(tensor, shape)


# --- several tensors ------------------------------------------------------------------------------


def _all_physical(tensors: Any, level: int) -> list[Any]:
    size = next(t._physical.shape[0] for t in tensors if is_batched(t, level))
    return [physical_of(t, level, size) for t in tensors]


def _list_and_dim(args: tuple, kwargs: dict[str, Any], func: Any) -> tuple[Any, Any]:
    if kwargs.get("out") is not None:
        raise no_out(func)
    given = dict(zip(("tensors", "dim"), args, strict=False)) | kwargs
    return given["tensors"], given.get("dim", given.get("axis", 0))


@rule("cat concat concatenate")
def cat(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensors, dim = _list_and_dim(args, kwargs, func)
    if any(rank_of(t) == 0 for t in tensors):
        own_part(func, args, kwargs)  # says that numbers cannot be concatenated
    rank = max(rank_of(t) for t in tensors)
    # An empty vector may stand among tensors of any shape.
    tensors = [t for t in tensors if rank_of(t) == rank or tuple(t.shape) != (0,)]
    if not any(is_batched(t, level) for t in tensors):
        return func(tensors, dim)
    return wrap(func(_all_physical(tensors, level), physical_dim(dim, rank)), level)


@rule("stack")
def stack(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensors, dim = _list_and_dim(args, kwargs, func)
    rank = rank_of(tensors[0]) + 1
    return wrap(func(_all_physical(tensors, level), physical_dim(dim, rank)), level)


def _with_dims(tensors: Any, n: int) -> Any:
    return [getattr(_C._nn, f"atleast_{n}d")(t) for t in tensors]


@rule("hstack vstack row_stack dstack column_stack")
def stacked(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensors, _ = _list_and_dim(args, kwargs, func)
    name = name_of(func)
    if name == "hstack":
        tensors = _with_dims(tensors, 1)
        return _C.cat(tensors, 0 if rank_of(tensors[0]) == 1 else 1)
    if name == "dstack":
        return _C.cat(_with_dims(tensors, 3), 2)
    if name == "column_stack":
        return _C.cat([t.reshape(t.numel(), 1) if rank_of(t) < 2 else t for t in tensors], 1)
    return _C.cat(_with_dims(tensors, 2), 0)


@rule("atleast_1d atleast_2d atleast_3d")
def atleast(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    (value,) = (*args, *kwargs.values())
    if not isinstance(value, Tensor):
        return tuple(func(v) for v in value)
    if type(value) is not BatchedTensor:
        return func(value)
    n, rank = int(name_of(func)[8]), value._rank
    physical = value._physical
    while rank < n:
        # Vectors become rows; matrices get their third dim last.
        physical = physical.unsqueeze(rank + 1 if rank == 2 else 1)
        rank += 1
    return wrap_all(physical, level) if rank != value._rank else value
