"""`vmap`: a function of one sample, run over a batch of them at once.

The arguments are wrapped in batched tensors, the function is called once, and its results are
unwrapped; the rules by which operations act on batches are in `_batching`. Start with `vmap`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from whygrad import _C
from whygrad._vmap_levels import Running
from whygrad.nn.parameter import Parameter
from whygrad.utils._pytree import (
    TreeSpec,
    _broadcast_to_and_flatten,
    tree_flatten,
    tree_unflatten,
)

from ._batching.batched import BatchedTensor, physical_of, wrap
from ._batching.reading import without_batch

Tensor = _C.Tensor
_PLAIN = (Tensor, BatchedTensor, Parameter)

InDims = Any
OutDims = Any


def _name(func: Any) -> str:
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return func.__name__ if hasattr(func, "__name__") else repr(func)


def vmap(
    func: Callable[..., Any],
    in_dims: InDims = 0,
    out_dims: OutDims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over a dim of its arguments.

    Args:
        func: takes and returns tensors, or nested tuples, lists and dicts of them. It sees one sample.
        in_dims: which dim of each argument is the batch, None for an argument that all samples share. An
            int for all arguments, or a structure like the tuple of arguments; an int in it serves a whole
            nested argument. Keyword arguments are shared.
        out_dims: where the batch goes in each result; None for a result that does not depend on the batch.
        randomness: whether samples draw "different" or the "same" random numbers; "error" refuses to draw.
        chunk_size: run this many samples at a time, and concatenate the results.

    Raises:
        ValueError: structures or sizes that do not fit, results that are not tensors.
        RuntimeError: an unknown randomness; operations that depend on the values of a sample.
    """
    _check_randomness(randomness)
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return vmap_impl(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs)

    return wrapped


def _check_randomness(randomness: str) -> None:
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )


def map_directions(func: Callable[..., Any], basis: list[Tensor], randomness: str) -> Any:
    """`func` mapped over the rows of `basis`, which it takes as tangents.

    So all samples have the same values, and may be asked for them. What a batch of copies cannot do, such as to write
    itself to a tensor that is not one, can be done for one row after the other.
    """
    _check_randomness(randomness)
    flat, spec = tree_flatten(tuple(basis))
    size, dims = len(flat[0]), [0] * len(flat)
    state = _C.default_generator.get_state()
    try:
        return _run(func, size, dims, flat, spec, 0, randomness, {}, repeated=True)
    except Exception as error:
        if not hasattr(error, "_of_batches_only"):
            raise
    _C.default_generator.set_state(state)
    rows = []
    for row in range(size):
        if randomness == "same":
            _C.default_generator.set_state(state)
        with Running(1, randomness, repeated=True) as level:
            outputs, output_spec = tree_flatten(func(*(b[row] for b in basis)))
            rows.append([physical_of(o, level, 1) for o in outputs])
    return output_spec.unflatten([_C.cat(column) for column in zip(*rows, strict=True)])


def vmap_impl(
    func: Callable[..., Any],
    in_dims: InDims,
    out_dims: OutDims,
    randomness: str,
    chunk_size: int | None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Map `func` over one call's arguments; see `vmap`."""
    size, dims, flat, spec = _check_inputs(in_dims, args, func)
    if chunk_size is not None:
        return _in_chunks(func, dims, size, flat, spec, out_dims, randomness, chunk_size, kwargs)
    return _run(func, size, dims, flat, spec, out_dims, randomness, kwargs)


def _check_inputs(in_dims: Any, args: tuple, func: Any) -> tuple[int, list, list, TreeSpec]:
    """The size of the batch, and for each leaf of the arguments its dim; the leaves and the structure."""
    if not isinstance(in_dims, int) and not isinstance(in_dims, tuple):
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially "
            f"nested) tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap "
            "over a function with no inputs. The latter is unsupported."
        )
    flat, spec = tree_flatten(args)
    dims = _broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure of "
            f"`inputs`. in_dims has structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    sizes = []
    for i, (arg, dim) in enumerate(zip(flat, dims, strict=True)):
        if dim is None:
            continue
        head = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
        if not isinstance(dim, int):
            raise ValueError(
                f"{head}Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(arg, Tensor):
            raise ValueError(
                f"{head}Got in_dim={dim} for an input but the input is of type {type(arg)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        rank = arg.dim()
        if dim < -rank or dim >= rank:
            raise ValueError(
                f"{head}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {rank} so "
                f"expected in_dim to satisfy -{rank} <= in_dim < {rank}."
            )
        if dim < 0:
            dims[i] = dim = dim + rank
        sizes.append(arg.size(dim))
    return _common_size(sizes), dims, flat, spec


def _common_size(sizes: list[int]) -> int:
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(n != sizes[0] for n in sizes):
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the "
            "mapped dimension"
        )
    return sizes[0]


def _front(tensor: Tensor, dim: int) -> Tensor:
    """The physical tensor: of no subclass, whose functions would see the batch."""
    if type(tensor) not in _PLAIN:
        tensor = tensor.as_subclass(Tensor)
    return tensor if dim == 0 else tensor.movedim(dim, 0)


def _run(
    func: Any,
    size: int,
    dims: list,
    flat: list,
    spec: TreeSpec,
    out_dims: Any,
    randomness: str,
    kwargs: dict[str, Any],
    repeated: bool = False,
) -> Any:
    with Running(size, randomness, repeated) as level:
        batched = [
            arg if dim is None else wrap(_front(arg, dim), level)
            for arg, dim in zip(flat, dims, strict=True)
        ]
        outputs = func(*tree_unflatten(batched, spec), **kwargs)
        return _unwrapped(outputs, out_dims, level, size, func)


def _unwrapped(outputs: Any, out_dims: Any, level: int, size: int, func: Any) -> Any:
    """The results with the batch where `out_dims` wants it."""
    if isinstance(outputs, Tensor):
        leaves, spec = [outputs], None
    else:
        leaves, spec = tree_flatten(outputs)
    if isinstance(out_dims, int):
        dims: Any = [out_dims] * len(leaves)
    elif spec is None and isinstance(out_dims, tuple) and len(out_dims) == 1:
        dims = list(out_dims)
    else:
        dims = _broadcast_to_and_flatten(out_dims, spec or tree_flatten(outputs)[1])
        if dims is None:
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
                f"structure of `outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has "
                f"structure {spec or tree_flatten(outputs)[1]}."
            )
    if not all(d is None or isinstance(d, int) for d in dims):
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of "
            "ints representing where in the outputs the vmapped dimension should appear."
        )
    results = []
    for leaf, dim in zip(leaves, dims, strict=True):
        if dim is not None and not isinstance(leaf, Tensor):
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(leaf)}. Did you "
                "mean to set out_dims= to None for output?"
            )
        if type(leaf) is BatchedTensor and leaf._shared:
            leaf = without_batch(leaf, level)
        if dim is None:
            if type(leaf) is BatchedTensor and leaf._level == level:
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor when out_dim is None"
                )
            results.append(leaf)
            continue
        physical = physical_of(leaf, level, size)
        results.append(physical if dim == 0 else physical.movedim(0, dim))
    return results[0] if spec is None else tree_unflatten(results, spec)


def _in_chunks(
    func: Any,
    dims: list,
    size: int,
    flat: list,
    spec: TreeSpec,
    out_dims: Any,
    randomness: str,
    chunk_size: int,
    kwargs: dict[str, Any],
) -> Any:
    """The results of runs over parts of the batch, concatenated where the batch is."""
    starts = range(0, size, chunk_size)
    state = _C.default_generator.get_state() if randomness == "same" else None
    chunks = []
    out_spec: Any = None
    for start in starts or [0]:
        n = min(chunk_size, size - start)
        if state is not None:
            _C.default_generator.set_state(state)
        part = [
            arg if dim is None else arg.narrow(dim, start, n)
            for arg, dim in zip(flat, dims, strict=True)
        ]
        result = _run(func, n, dims, part, spec, out_dims, randomness, kwargs)
        leaves, out_spec = tree_flatten(result)
        chunks.append(leaves)
    places = _broadcast_to_and_flatten(out_dims, out_spec)
    if places is None:  # (dim,) for one result
        places = list(out_dims)
    joined = []
    for parts, dim in zip(zip(*chunks, strict=True), places, strict=True):
        joined.append(parts[0] if dim is None else _C.cat(list(parts), dim))
    return tree_unflatten(joined, out_spec)
