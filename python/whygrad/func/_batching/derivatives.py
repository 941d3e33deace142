"""Derivatives of batched tensors: taken of the physical ones, whose graph is the only one.

Samples do not depend on each other, so a pass over a graph of physical tensors gives every sample its own
gradient, provided that the variables are physical in all batches: see `over_open_levels`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from whygrad import _C
from whygrad._vmap_levels import Level, Running, open_levels
from whygrad.autograd.graph import GradientEdge

from .batched import BatchedTensor, all_shared, is_batched, mark_shared, physical_of, wrap

Tensor = _C.Tensor


def over_open_levels(tensor: Tensor) -> Tensor:
    """The tensor batched at every level that is open, by repetition without copying where it is not yet.

    A variable must be: else the samples would share it, and its gradient would be their sum. A row that is run by
    itself (`map_directions`) shares nothing.
    """
    levels = open_levels()
    if levels and levels[-1].repeated and levels[-1].size == 1:
        own = levels_of(tensor)
        levels = [x for x in levels if x.number in own or not (x.repeated and x.size == 1)]
    return _over_levels(tensor, levels)


def _over_levels(tensor: Tensor, levels: Sequence[Level]) -> Tensor:
    """The tensor batched at these levels, outermost first; it is so at no others."""
    if not levels:
        return tensor
    *outer, level = levels
    physical = physical_of(tensor, level.number, level.size)
    over = wrap(_over_levels(physical, outer), level.number)
    over._shared = (
        tensor._shared if type(tensor) is BatchedTensor and tensor._level == level.number else True
    )
    level.shares = level.shares or over._shared
    return over


def levels_of(tensor: Tensor) -> list[int]:
    """The levels at which a tensor is batched, outermost first."""
    found: list[int] = []
    while type(tensor) is BatchedTensor:
        found.append(tensor._level)
        tensor = tensor._physical
    return found[::-1]


def shared_levels(tensor: Tensor) -> set[int]:
    """Those of them whose samples all have the same values."""
    found = set()
    while type(tensor) is BatchedTensor:
        if tensor._shared:
            found.add(tensor._level)
        tensor = tensor._physical
    return found


def innermost(tensor: Any) -> Any:
    """The physical tensor below all levels: the batches are its first dims, outermost first."""
    while type(tensor) is BatchedTensor:
        tensor = tensor._physical
    return tensor


def rewrapped(physical: Tensor, levels: Sequence[int], shared: Collection[int] = ()) -> Tensor:
    """The inverse of `innermost`: the tensor batched at these levels, and shared at some."""
    for level in levels:
        physical = wrap(physical, level)
        if level in shared:
            physical._shared = True
    return physical


# A pass: roots, their gradients (None: one) and variables, and perhaps the rows of the gradients.
Pass = Callable[..., Sequence[Any]]


class Rows:
    """The rows of gradients, in front of all else, as one batch of the levels of some `vmap`s, outermost first.

    `show` and `hide` are for the core: hooks and custom Functions see rows as batches of their levels.
    """

    def __init__(self, levels: Sequence[tuple[int, int]]) -> None:
        self.levels = levels
        self.sizes = tuple(size for _, size in levels)
        self.size = math.prod(self.sizes)

    def show(self, gradient: Tensor) -> Tensor:
        return rewrapped(
            gradient.reshape(self.sizes + gradient.shape[1:]), [number for number, _ in self.levels]
        )

    def hide(self, made: Any) -> Tensor:
        for number, size in reversed(self.levels):
            made = physical_of(made, number, size)
        return made.reshape(self.size, *made.shape[len(self.sizes) :])

    def within(self, level: int, size: int) -> Rows:
        """These, for each sample of an outer level."""
        return Rows([(level, size), *self.levels])


# --- levels of derivatives, from within a `vmap`; see `_levels` ---------------------------------------


def make_variable(tensor: Tensor) -> Tensor:
    """A variable of this level that stands for a tensor, physical in the batch of every level that is open."""
    if not open_levels() or not isinstance(tensor, Tensor):
        return _C._variable(tensor)
    outer = over_open_levels(tensor)
    return rewrapped(_C._variable(innermost(outer)), levels_of(outer), shared_levels(outer))


def make_dual(
    primal: Tensor,
    tangent: Tensor,
    level: int,
    attach: Callable[[Tensor, Tensor, int], Tensor] = _C._dual_variable,
) -> Tensor:
    """The dual tensor of a level of forward mode, physical in every batch that one of the two is in."""
    numbers = {*levels_of(primal), *levels_of(tangent)}
    if not numbers:
        return attach(primal, tangent, level)
    if primal.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(primal.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    levels = [level for level in open_levels() if level.number in numbers]
    outer = _over_levels(primal, levels)
    physical = innermost(outer)
    if shared_levels(outer):
        # The samples may have tangents of their own: they cannot share memory.
        physical = physical.clone(memory_format=_C.contiguous_format)
    dual = attach(physical, innermost(_over_levels(tangent, levels)), level)
    return rewrapped(dual, sorted(numbers), shared_levels(outer))


def unpack_dual(tensor: Tensor, level: int) -> tuple[Tensor, Tensor | None]:
    """A batched tensor without its tangent, and the tangent, None if there is none."""
    primal, tangent = _C._unpack_dual(innermost(tensor), level)
    levels = levels_of(tensor)
    primal = rewrapped(primal, levels, shared_levels(tensor))
    return primal, None if tangent is None else rewrapped(tangent, levels)


def tangent_of(tensor: Tensor, level: int) -> Tensor | None:
    """The tangent of a level of forward mode, None if there is none."""
    tangent = _C._tangent(innermost(tensor), level)
    return None if tangent is None else rewrapped(tangent, levels_of(tensor))


def _of_physical(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def run(tensor: Tensor) -> Tensor:
        if type(tensor) is not BatchedTensor:
            return function(tensor)
        return rewrapped(function(innermost(tensor)), levels_of(tensor), shared_levels(tensor))

    return run


lower = _of_physical(_C._lower)
keep_root = _of_physical(_C._keep_root)


def pull_back(
    roots: tuple, grads: tuple | None, variables: tuple, retain_graph: bool, ran_own_code: bool
) -> tuple[Any, ...]:
    """The gradients of variables, zeros for those that no root depends on."""
    run = _puller(retain_graph, ran_own_code)
    given = (None,) * len(roots) if grads is None else tuple(grads)
    return _through_levels(run, tuple(roots), given, tuple(variables))


def pull_back_rows(
    roots: tuple, rows: tuple, n: int, variables: tuple, retain_graph: bool, ran_own_code: bool
) -> tuple[Any, ...]:
    """The same for each of n rows of a batch of gradients."""
    run = _puller(retain_graph, ran_own_code)
    with Running(n, "error") as level:
        return _through_levels(run, tuple(roots), rows, tuple(variables), Rows([(level, n)]))


def _puller(retain_graph: bool, ran_own_code: bool) -> Pass:
    def run(roots: tuple, grads: tuple, variables: tuple, *rows: Rows) -> Sequence[Any]:
        given = None if all(g is None for g in grads) else grads
        return _C._pull_back(roots, given, variables, retain_graph, ran_own_code, *rows)

    return run


# --- passes ---------------------------------------------------------------------------------------


def run_backward(
    roots: Sequence[Any],
    grads: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Any],
    allow_unused: bool,
    is_grads_batched: bool = False,
) -> tuple[Any, ...]:
    """`autograd.grad` of tensors of which some are batched, or with a batch in front of every gradient."""

    def run(roots: tuple, grads: tuple, targets: tuple, *rows: Rows) -> Sequence[Any]:
        return _C._run_backward(
            roots, grads, retain_graph, create_graph, targets, allow_unused, False, *rows
        )

    if not is_grads_batched:
        return _through_levels(run, tuple(roots), tuple(grads), tuple(targets))
    n = check_rows(roots, grads)
    with Running(n, "error", legacy=True) as level:
        rows = Rows([(level, n)])
        return _through_levels(run, tuple(roots), tuple(grads), tuple(targets), rows)


def check_rows(roots: Sequence[Any], grads: Sequence[Any]) -> int:
    """How many gradients there are for each root; PyTorch's errors if that cannot be said."""
    for root, g in zip(roots, grads, strict=False):
        if g is None and isinstance(root, Tensor) and root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if g is not None and isinstance(root, GradientEdge):
            expected = root.node._input_metadata[root.output_nr].shape
            if list(g.shape[1:]) != list(expected):
                raise RuntimeError("Batched grads are not supported with GradientEdge")
    for i, (root, g) in enumerate(zip(roots, grads, strict=False)):
        if isinstance(root, Tensor):
            g = _batch_for(root, g, i)
        if g is not None and isinstance(root, Tensor) and g.shape[1:] != root.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{i}] has a shape of {_C.Size(g.shape[2:])} and output[{i}] "
                f"has a shape of {root.shape}. If you only want some tensors in `grad_output` to be considered "
                "batched, consider using vmap."
            )
    if any(g is None or g.dim() == 0 for g in grads):
        raise ValueError(
            "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a Tensor of "
            "dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0."
        )
    sizes = [g.shape[0] for g in grads]
    if any(n != sizes[0] for n in sizes):
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the "
            "mapped dimension"
        )
    if sizes and not sizes[0]:
        raise IndexError("index 0 is out of bounds for dimension 0 with size 0")
    return sizes[0] if sizes else 0


def _batch_for(root: Tensor, grads: Tensor | None, index: int) -> Tensor | None:
    """The gradients as they are, if there are some, with a batch; PyTorch's errors if not."""
    if grads is None:
        if root.requires_grad and root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if (
            root.requires_grad and root.dim() > 0
        ):  # ones like the root, whose first dim is the batch
            raise RuntimeError(
                f"invalid gradient at index {index} - got {list(root.shape[1:])} but expected shape compatible with "
                f"{list(root.shape)}"
            )
        raise ValueError(
            "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a Tensor of "
            "dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0."
        )
    grads[0:0] if grads.dim() else grads[0]
    return grads


def _through_levels(
    run: Pass, roots: tuple, grads: tuple, targets: tuple, rows: Rows | None = None
) -> tuple[Any, ...]:
    """A pass over physical tensors, level by level from the innermost.

    Where only gradients are batched, their samples are rows of gradients. A batch of the roots goes behind the rows.
    """
    level = max(
        (t._level for t in (*roots, *grads, *targets) if type(t) is BatchedTensor), default=0
    )
    if level == 0:
        return tuple(run(roots, grads, targets, *([rows] if rows else [])))
    if not any(is_batched(t, level) for t in (*roots, *targets)):
        size = next(g._physical.shape[0] for g in grads if is_batched(g, level))
        return _as_rows(run, roots, grads, targets, level, size, rows)
    size = next(t._physical.shape[0] for t in (*roots, *targets) if is_batched(t, level))
    given = []
    for root, g in zip(roots, grads, strict=True):
        if not is_batched(root, level):
            given.append(_part(g, level).sum(0) if is_batched(g, level) else g)
        elif g is not None:
            given.append(_behind_rows(physical_of(g, level, size), rows))
        elif root.is_complex():
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {root.dtype}"
            )
        elif root.numel() == 1:
            ones = _C.ones_like(root._physical)
            given.append(ones.expand(rows.size, *ones.shape) if rows else ones)
        else:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
    found = _through_levels(
        run,
        tuple(_part(r, level) for r in roots),
        tuple(given),
        tuple(_part(t, level) for t in targets),
        rows,
    )
    result = tuple(
        wrap(_before_rows(f, rows), level) if f is not None and is_batched(t, level) else f
        for f, t in zip(found, targets, strict=True)
    )
    if all_shared((*roots, *grads), level):
        mark_shared(result, level)
    return result


def _as_rows(
    run: Pass,
    roots: tuple,
    grads: tuple,
    targets: tuple,
    level: int,
    size: int,
    rows: Rows | None,
) -> tuple[Any, ...]:
    """A pass for gradients whose batch of a level nothing else has: it becomes rows, or more of them."""
    given = [None if g is None else physical_of(g, level, size) for g in grads]
    if rows:
        given = [None if g is None else g.flatten(0, 1) for g in given]
    all_rows = rows.within(level, size) if rows else Rows([(level, size)])
    found = _through_levels(run, roots, tuple(given), targets, all_rows)
    if rows:
        found = tuple(f if f is None else f.unflatten(0, (size, rows.size)) for f in found)
    result = tuple(None if f is None else wrap(f, level) for f in found)
    if all_shared(grads, level):
        mark_shared(result, level)
    return result


def _part(value: Any, level: int) -> Any:
    return value._physical if is_batched(value, level) else value


def _behind_rows(tensor: Tensor, rows: Rows | None) -> Tensor:
    """Gradients with the batch of a level behind the rows, if there are some."""
    return tensor.transpose(0, 1) if rows else tensor


def _before_rows(tensor: Tensor, rows: Rows | None) -> Tensor:
    """The inverse, for results: they lie in memory as in PyTorch, where the batch is before the rows all along."""
    if not rows:
        return tensor
    moved = tensor.transpose(0, 1)
    return moved if 0 in moved.stride() else moved.contiguous()
