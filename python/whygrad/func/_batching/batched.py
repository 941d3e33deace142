"""Batched tensors: what a function sees under `vmap`, and how its operations find their rules.

A `BatchedTensor` looks like one sample. It holds the physical tensor, which has the batch in front, and
the level of the `vmap` that it belongs to; under nested `vmap` the physical tensor of level 2 may be
batched at level 1. Its own memory is one element that nobody reads. `__torch_function__` receives every
call, takes the innermost level among the arguments and runs the rule of the operation, which
calls operations on physical tensors: those of an outer level find their rules in the same way, and the
rest is recorded on the one tape, so that derivatives know nothing of batches.

Start with `dispatch`; rules are in the other files of this package, by `rule(names)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from whygrad import _C
from whygrad._grad_mode import inference_mode
from whygrad._vmap_levels import Level, depth_of_vmap, open_levels
from whygrad.utils._pytree import tree_map_only

from .signatures import Call, bind

Tensor = _C.Tensor
_make_subclass = _C._make_subclass
without_overrides: Any = _C.DisableTorchFunctionSubclass
_elements: dict[Any, Tensor] = {}


class BatchedTensor(Tensor):
    """One sample of `_physical`, a tensor with the batch of level `_level` in front; `_rank` is `dim()`.

    If it is `_shared`, all samples have the same values: it was computed of such tensors alone, and can be read. Nothing
    is known of their tangents.
    """

    _physical: Tensor
    _level: int
    _rank: int
    _shared = False

    # Programs and messages see the class that they know.
    __module__ = "torch"
    _overrides_operations_only = True

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return dispatch(func, args, kwargs or {})


BatchedTensor.__name__ = BatchedTensor.__qualname__ = "Tensor"


def wrap(physical: Tensor, level: int) -> BatchedTensor:
    """The batched tensor of `level` over a tensor with the batch in front."""
    dtype = physical.dtype
    element = _elements.get(dtype)
    if element is None:
        with inference_mode(False):
            element = _elements[dtype] = _C.zeros((), dtype=dtype)
    shape = physical.shape[1:]
    result = _make_subclass(BatchedTensor, element.expand(shape), False)
    result._physical = physical
    result._level = level
    result._rank = len(shape)
    return result


def wrap_all(result: Any, level: int) -> Any:
    """The result of an operation with every tensor in it wrapped."""
    if isinstance(result, Tensor):
        return wrap(result, level)
    if isinstance(result, (tuple, list)):
        return type(result)([wrap_all(r, level) for r in result])
    return result


def is_batched(value: Any, level: int) -> bool:
    """Whether a value is a tensor batched at just this level."""
    return type(value) is BatchedTensor and value._level == level


def is_legacy(level: int) -> bool:
    """Whether a level is that of `is_grads_batched`, and its pass runs."""
    levels = open_levels()
    return level <= len(levels) and levels[level - 1].legacy


def rank_of(tensor: Tensor) -> int:
    """The number of dims of one sample."""
    return tensor._rank if type(tensor) is BatchedTensor else tensor.dim()


def physical_of(tensor: Any, level: int, size: int) -> Any:
    """A tensor with the batch in front: the physical one, or one that repeats the sample without copying."""
    if type(tensor) is BatchedTensor and tensor._level == level:
        return tensor._physical
    return tensor.expand((size, *tensor.shape))


def own_part(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call on what is known of one sample: its shape and dtype. Of no use for values."""
    with without_overrides():
        return func(*args, **kwargs)


def _deepest(values: Any, level: int) -> int:
    for v in values:
        if type(v) is BatchedTensor:
            if v._level > level:
                level = v._level
        elif type(v) is tuple or type(v) is list:
            level = _deepest(v, level)
        elif type(v) is slice:
            level = _deepest((v.start, v.stop, v.step), level)
    return level


def batch_size(values: Any, level: int) -> int:
    """The size of the batch of `level`, from a tensor that has it."""
    for v in values:
        if type(v) is BatchedTensor:
            if v._level == level:
                return v._physical.shape[0]
        elif type(v) is tuple or type(v) is list:
            size = batch_size(v, level)
            if size >= 0:
                return size
        elif type(v) is slice:
            size = batch_size((v.start, v.stop, v.step), level)
            if size >= 0:
                return size
    return -1


def dispatch(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Run `func` over the batch of the innermost level among its arguments."""
    level = _deepest(args, 0)
    if kwargs:
        level = _deepest(kwargs.values(), level)
    found = _by_function.get(func)
    if found is None:
        found = _by_function[func] = _find(func)
    if level > len(open_levels()) and found not in outlives:
        raise RuntimeError(
            "Either your tensor may have escaped from inside a function being vmapped and this is a user error (see "
            "https://pytorch.org/functorch/stable/ux_limitations.html), or there is an internal functorch error in "
            "`gen_vmap_plumbing` Please file an issue if it looks like the latter"
        )
    result = found(level, func, args, kwargs)
    if 0 < level <= len(levels := open_levels()) and levels[level - 1].shares:
        drawn = found in draws and levels[level - 1].randomness == "different"
        if not drawn and all_shared((*args, *kwargs.values()), level):
            mark_shared(result, level)
    return result


def all_shared(values: Any, level: int) -> bool:
    """Whether the samples of a level differ in none of these values."""
    for v in values:
        if type(v) is BatchedTensor:
            if v._level == level and not v._shared:
                return False
        elif type(v) is tuple or type(v) is list:
            if not all_shared(v, level):
                return False
        elif type(v) is slice and not all_shared((v.start, v.stop, v.step), level):
            return False
    return True


def mark_shared(result: Any, level: int) -> None:
    """Note that the samples of a level differ in none of the tensors of a result."""
    if type(result) is BatchedTensor:
        result._shared = result._shared or result._level == level
    elif isinstance(result, (tuple, list)):
        for r in result:
            mark_shared(r, level)


# --- rules ----------------------------------------------------------------------------------------

Rule = Callable[[int, Any, tuple, dict[str, Any]], Any]
_by_name: dict[str, Rule] = {}
_by_function: dict[Any, Rule] = {}


def name_of(func: Any) -> str:
    """The name under which a rule is filed: `sum`, `__add__`, of a property `shape.get`."""
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__", "__delete__"):
        owner = func.__self__
        return f"{getattr(owner, '__name__', None) or owner.fget.__name__}.{name.strip('_')}"
    return name


def rule(names: str) -> Callable[[Rule], Rule]:
    """Decorator: files `rule(level, func, args, kwargs)` under names separated by spaces."""

    def file(function: Rule) -> Rule:
        for name in names.split():
            assert name not in _by_name, name
            _by_name[name] = function
        return function

    return file


def bound(names: str) -> Callable[[Callable[[Call], Any]], Rule]:
    """Decorator: files a rule that takes a `Call`, the arguments by name, and gives physical results.

    An operation `NAME_` writes to its first operand, which must be batched and is the result.
    """

    def file(function: Callable[[Call], Any]) -> Rule:
        def run(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
            call = bind(func, args, kwargs)
            if call is None:
                own_part(func, args, kwargs)  # the binding says what does not fit
                raise TypeError(f"{name_of(func)}(): invalid combination of arguments")
            if call.values.pop("out", None) is not None:
                raise no_out(func)
            call.level = level
            call.size = batch_size(call.values.values(), level)
            return wrap_all(function(call), level)

        def run_in_place(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
            if not is_batched(args[0], level):
                raise not_in_place(func, level)
            run(level, func, args, kwargs)
            return args[0]

        for name in names.split():
            assert name not in _by_name, name
            _by_name[name] = run_in_place if name.endswith("_") else run
        return run

    return file


def _find(func: Any) -> Rule:
    return _by_name.get(name_of(func), sample_by_sample)


def no_out(func: Any) -> RuntimeError:
    return RuntimeError(
        f"Batching rule not implemented for aten::{name_of(func)}.out; the fallback path doesn't work on out= or "
        "view ops."
    )


def of_batches_only(error: Exception) -> Exception:
    """Marks an error about what a batch cannot do and a single sample could: see `map_directions`."""
    error._of_batches_only = True  # type: ignore[attr-defined]
    return error


# How the error of writing a batch to a tensor that has none names the operation: PyTorch has three forms.
_ARITHMETIC = frozenset(
    "sub_ mul_ div_ clamp_min_ clamp_max_ logical_and_ logical_or_ logical_xor_ copy_ multiply_ divide_ true_divide_ "
    "masked_fill_ __isub__ __imul__ __itruediv__".split()
)
_BY_NAME = frozenset("index_put_ index_add_ index_fill_ fill_ scatter_add_ scatter_reduce_".split())


def not_in_place(
    func: Any, level: int, name: str | None = None, *, whole: bool = False
) -> Exception:
    """The error; with `whole` it names operation and level, of whatever form it is otherwise."""
    name = name or name_of(func)
    where = "in a vmap"
    if name in _ARITHMETIC and not is_legacy(level) and not whole:
        name = "inplace arithmetic"
    elif name == "bernoulli_":
        name = "inplace bernoulli"
    elif name not in _BY_NAME:
        name, where = f"aten::{name}", f"at level {depth_of_vmap(level)}"
    return of_batches_only(
        RuntimeError(
            f"vmap: {name}(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that "
            "has more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped "
            f"over {where}. Please try to use out-of-place operators instead of {name}. If said operator is being called "
            "inside the PyTorch framework, please file a bug report instead."
        )
    )


def of_sample(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The rule of what shape and dtype of a sample answer; also of a tensor whose `vmap` is over."""
    return own_part(func, args, kwargs)


outlives: set[Rule] = {of_sample}  # rules that answer after the `vmap` is over
draws: set[Rule] = set()  # rules of random operations


# --- sample by sample -----------------------------------------------------------------------------


def _sample(value: Any, level: int, i: int) -> Any:
    if type(value) is BatchedTensor:
        if value._level != level:
            return value
        physical = value._physical
        # Of an empty batch, one that has the shape and dtype of its results.
        return physical[i] if physical.shape[0] else physical.new_zeros(physical.shape[1:])
    if isinstance(value, (tuple, list)):
        return type(value)([_sample(v, level, i) for v in value])
    return value


def _stacked(results: list[Any]) -> Any:
    first = results[0]
    if isinstance(first, Tensor):
        return _C.stack(results)
    if isinstance(first, (tuple, list)):
        return type(first)([_stacked(list(r)) for r in zip(*results, strict=True)])
    return first


def by_samples(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Run an operation once per sample and stack the results."""
    name = name_of(func)
    in_place = name.endswith("_") and not name.endswith("__")
    if in_place and not is_batched(args[0], level):
        raise not_in_place(func, level)
    size = batch_size((*args, *kwargs.values()), level)
    if kwargs.get("out") is not None:
        raise no_out(func)
    if size == 0 and is_legacy(level):
        raise RuntimeError(
            f"aten::{name}: Fallback not implemented for batch size 0. Please file an issue"
        )
    results = []
    for i in range(size or 1):
        own = {k: _sample(v, level, i) for k, v in kwargs.items()}
        results.append(func(*_sample(args, level, i), **own))
    if in_place:
        return args[0]
    stacked = _stacked(results)
    return wrap_all(stacked if size else tree_map_only(Tensor, lambda r: r[:0], stacked), level)


def sample_by_sample(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The rule of operations that have none: `by_samples`, with a warning that it is slow."""
    if not all_shared((*args, *kwargs.values()), level):
        warnings.warn(
            f"There is a performance drop because we have not yet implemented the batching rule for "
            f"aten::{name_of(func)}. Please file us an issue on GitHub so that we can prioritize its implementation.",
            UserWarning,
            stacklevel=4,
        )
    return by_samples(level, func, args, kwargs)


__all__ = [
    "BatchedTensor",
    "Call",
    "Level",
    "batch_size",
    "bound",
    "by_samples",
    "all_shared",
    "draws",
    "dispatch",
    "is_batched",
    "is_legacy",
    "mark_shared",
    "name_of",
    "no_out",
    "not_in_place",
    "of_batches_only",
    "of_sample",
    "open_levels",
    "outlives",
    "own_part",
    "physical_of",
    "rank_of",
    "rule",
    "sample_by_sample",
    "without_overrides",
    "wrap",
    "wrap_all",
]
