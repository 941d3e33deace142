"""Custom Functions under `vmap`: by their static method `vmap`, or with forward and backward mapped themselves.

`apply` is called in place of the Function's own while a `vmap` runs, and takes the innermost level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from whygrad import _C
from whygrad._vmap_levels import Level, Running, open_levels
from whygrad.utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten

from .batched import (
    BatchedTensor,
    all_shared,
    is_batched,
    mark_shared,
    of_batches_only,
    physical_of,
    wrap,
)

Tensor = _C.Tensor

_DETAILS = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What the static method `vmap` is told of the `vmap` that runs."""

    batch_size: int
    randomness: str


def apply(function: Any, args: tuple, base: Any, run: Callable[[Any, tuple], Any]) -> Any:
    """Apply a Function under the innermost `vmap`.

    `base` is the class Function, `run(function, args)` applies one without regard to `vmap`.

    Raises:
        RuntimeError: the Function has no setup_context or cannot be mapped; its `vmap` gives no pair of an
            output and dims.
    """
    levels = open_levels()
    if not levels:
        return run(function, args)
    level = levels[-1]
    leaves, spec = tree_flatten(args)
    mapped = [is_batched(a, level.number) for a in leaves]
    if (level.repeated or level.legacy) and not any(mapped):
        levels.pop()
        try:
            return apply(function, args, base, run)
        finally:
            levels.append(level)
    if level.legacy and not (function._has_setup_context and _C.is_grad_enabled()):
        return run(function, args)  # what is not recorded is Python code like any other
    if not function._has_setup_context:
        raise _unmappable(
            level,
            RuntimeError(
                "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
                f"override the setup_context staticmethod. {_DETAILS}"
            ),
        )
    has_own = getattr(function, "vmap", None) is not getattr(base, "vmap", None)
    if function.generate_vmap_rule and has_own:
        raise RuntimeError(
            f"You tried to vmap over {function.__name__}, but it has both generate_vmap_rule=True and an overridden "
            "vmap staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to "
            f"avoid ambiguity. {_DETAILS}"
        )
    if not function.generate_vmap_rule and not has_own and not level.legacy:
        raise _unmappable(
            level,
            RuntimeError(
                f"You tried to vmap over {function.__name__}, but it does not have vmap support. Please override and "
                f"implement the vmap staticmethod or set generate_vmap_rule=True. {_DETAILS}"
            ),
        )
    physical = [a._physical if m else a for a, m in zip(leaves, mapped, strict=True)]
    levels.pop()
    try:
        if has_own and not any(mapped):
            return apply(function, args, base, run)
        inner = tree_unflatten(physical, spec)
        if has_own:
            in_dims = tree_unflatten([0 if m else None for m in mapped], spec)
            result = function.vmap(VmapInfo(level.size, level.randomness), in_dims, *inner)
            return _placed(result, level)
        plan = _Plan(function, level, [is_batched(a, level.number) for a in args])
        outputs = apply(_mapped(plan, base), inner, base, run)
        result = _wrapped(outputs, plan.outputs, level.number)
        if level.shares and all_shared(args, level.number):
            mark_shared(result, level.number)
        return result
    finally:
        levels.append(level)


def _unmappable(level: Level, error: Exception) -> Exception:
    """An error that functions of `autograd.functional` do not meet, whose columns can be taken one by one."""
    return error if _C._transform_level() > level.transforms else of_batches_only(error)


def _placed(result: Any, level: Level) -> Any:
    """What `vmap` returned, (output, out_dims), as batched tensors."""
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} returns" if isinstance(result, tuple) else f"a {type(result)}"
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure "
            f"compatible with the output. Got {got} instead"
        )
    output, out_dims = result
    leaves, spec = tree_flatten(output)
    dims = _broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise RuntimeError(
            "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
            f"out_dims={out_dims} to be compatible with the structure of `output`. out_dims has structure "
            f"{tree_flatten(out_dims)[1]} but output has structure {spec}. {_DETAILS}"
        )
    placed = []
    for leaf, dim in zip(leaves, dims, strict=True):
        if dim is None or not isinstance(leaf, Tensor):
            placed.append(leaf)
        else:
            dim = int(dim)
            placed.append(wrap(leaf if dim == 0 else leaf.movedim(dim, 0), level.number))
    return tree_unflatten(placed, spec)


# --- generate_vmap_rule ---------------------------------------------------------------------------


class _Plan:
    """One call that is mapped: which of its arguments, outputs and saved tensors are batched."""

    def __init__(self, function: Any, level: Level, inputs: list[bool]) -> None:
        self.function, self.level, self.inputs = function, level, inputs
        self.outputs: list[bool] = []
        self.saved: list[bool] = []
        self.saved_for_forward: list[bool] = []
        self.shapes: list[Any] = []  # of samples of the arguments, None of what is no tensor

    def running(self) -> Running:
        return Running(self.level.size, self.level.randomness)


def _wrapped(values: Any, batched: list[bool], level: int) -> Any:
    if not isinstance(values, tuple):
        return wrap(values, level) if batched[0] else values
    return tuple(wrap(v, level) if b else v for v, b in zip(values, batched, strict=True))


class _Kept:
    """A tensor among the attributes of a ctx that is batched in the call of `plan`."""

    def __init__(self, plan: _Plan, physical: Any) -> None:
        self.plan, self.physical = plan, physical


class _Context:
    """The ctx that a Function's own code sees: what it keeps are physical tensors, what it reads are samples.

    Under nested `vmap` the ctx is such a one of the level outside.
    """

    def __init__(self, ctx: Any, level: int, plan: _Plan, saved: str = "saved") -> None:
        object.__setattr__(self, "_of", (ctx, level, plan))
        object.__setattr__(self, "_saved", saved)

    def save_for_backward(self, *tensors: Any) -> None:
        self._save("saved", self._of[0].save_for_backward, tensors)

    def save_for_forward(self, *tensors: Any) -> None:
        self._save("saved_for_forward", self._of[0].save_for_forward, tensors)

    def _save(self, name: str, save: Any, tensors: tuple) -> None:
        _, level, plan = self._of
        setattr(plan, name, [is_batched(t, level) for t in tensors])
        save(*self._physical(tensors))

    @property
    def saved_tensors(self) -> tuple:
        ctx, level, plan = self._of
        return _wrapped(tuple(ctx.saved_tensors), getattr(plan, self._saved), level)

    def mark_non_differentiable(self, *tensors: Any) -> None:
        self._of[0].mark_non_differentiable(*self._physical(tensors))

    def mark_dirty(self, *tensors: Any) -> None:
        self._of[0].mark_dirty(*self._physical(tensors))

    def _physical(self, tensors: tuple) -> list[Any]:
        level = self._of[1]
        return [t._physical if is_batched(t, level) else t for t in tensors]

    def _keep(self, value: Any) -> Any:
        _, level, plan = self._of
        if type(value) is _Kept:  # by the level within
            return _Kept(value.plan, self._keep(value.physical))
        return _Kept(plan, value._physical) if is_batched(value, level) else value

    def _show(self, value: Any) -> Any:
        _, level, plan = self._of
        if type(value) is not _Kept:
            return value
        shown = self._show(value.physical)
        return wrap(shown, level) if value.plan is plan else _Kept(value.plan, shown)

    def __getattr__(self, name: str) -> Any:
        return self._show(getattr(object.__getattribute__(self, "_of")[0], name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._of[0], name, self._keep(value))


def _sums_to(given: Any, shape: Any) -> bool:
    """Whether the engine brings a gradient of one shape to the other, which it cannot tell from a batch of them."""
    trailing = zip(reversed(shape), reversed(given), strict=False)
    return given != shape and len(given) >= len(shape) and all(n in (1, m) for n, m in trailing)


def _mapped(plan: _Plan, base: Any) -> Any:
    """A Function over physical tensors whose forward, backward and jvp are those of the plan's, mapped."""
    function = plan.function

    def forward(*args: Any) -> Any:
        with plan.running() as level:
            samples = _wrapped(args, plan.inputs, level)
            plan.shapes = [a.shape if isinstance(a, Tensor) else None for a in samples]
            outputs = function.forward(*samples)
            given = outputs if isinstance(outputs, tuple) else (outputs,)
            plan.outputs = [is_batched(o, level) for o in given]
            physical = tuple(
                o._physical if b else o for o, b in zip(given, plan.outputs, strict=True)
            )
        return physical if isinstance(outputs, tuple) else physical[0]

    def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
        with plan.running() as level:
            function.setup_context(
                _Context(ctx, level, plan),
                _wrapped(inputs, plan.inputs, level),
                _wrapped(output, plan.outputs, level),
            )

    def backward(ctx: Any, *grads: Any) -> Any:
        shown = [b and g is not None for b, g in zip(plan.outputs, grads, strict=True)]
        with plan.running() as level:
            found = function.backward(_Context(ctx, level, plan), *_wrapped(grads, shown, level))
            given = found if isinstance(found, tuple) else (found,)
            result = []
            for g, batched, shape in zip(given, plan.inputs, plan.shapes, strict=False):
                if isinstance(g, Tensor) and shape is not None and _sums_to(g.shape, shape):
                    g = g.sum_to_size(shape)
                if type(g) is BatchedTensor and g._level == level and not batched:
                    g = g._physical.sum(0)  # of an argument that all samples share
                elif g is not None and batched:
                    g = physical_of(g, level, plan.level.size)
                result.append(g)
        result += given[len(result) :]
        return tuple(result)

    def jvp(ctx: Any, *tangents: Any) -> Any:
        shown = [b and isinstance(t, Tensor) for b, t in zip(plan.inputs, tangents, strict=True)]
        with plan.running() as level:
            of_samples = _wrapped(tangents, shown, level)
            found = function.jvp(_Context(ctx, level, plan, "saved_for_forward"), *of_samples)
            given = found if isinstance(found, tuple) else (found,)
            physical = tuple(
                physical_of(t, level, plan.level.size) if b and t is not None else t
                for t, b in zip(given, plan.outputs, strict=True)
            )
        return physical if isinstance(found, tuple) else physical[0]

    namespace = {
        "forward": staticmethod(forward),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
        "generate_vmap_rule": True,
    }
    if function.jvp is not base.jvp:
        namespace["jvp"] = staticmethod(jvp)
    return type(base)(f"Vmapped{function.__name__}", (base,), namespace)
