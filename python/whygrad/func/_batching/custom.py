"""Custom Functions under `vmap`: by their static method `vmap`, or with forward and backward mapped themselves.

`apply` is called in place of the Function's own while a `vmap` runs, and takes the innermost level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from whygrad import _C
from whygrad._vmap_levels import Level, Running, differentiated, open_levels, without_levels
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
from .derivatives import innermost

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
        with without_levels(-1):
            return apply(function, args, base, run)
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
    # A derivative that is taken within the vmap is that of the Function, not that of what its `vmap` does.
    within = differentiated()
    own = has_own and not (any(mapped) and within)
    with without_levels(-1):
        if has_own and not any(mapped):
            return apply(function, args, base, run)
        inner = tree_unflatten(physical, spec)
        if own:
            return _by_own_rule(function, level, inner, mapped)
        # Outside of all transforms its node is that of the mapped Function, of which no derivative is taken within.
        outside = any(
            isinstance(p, Tensor) and _C._has_history_outside(innermost(p)) for p in physical
        )
        name = function.__name__ if within and not outside else f"Vmapped{function.__name__}"
        inputs = [is_batched(a, level.number) for a in args]
        plan = _Plan(function, name, level, mapped, inputs)
        outputs = apply(_mapped(plan, base), inner, base, run)
        result = _wrapped(outputs, plan.outputs, level.number)
        if level.shares and all_shared(args, level.number):
            mark_shared(result, level.number)
        return result


def _unmappable(level: Level, error: Exception) -> Exception:
    """An error that functions of `autograd.functional` do not meet, whose columns can be taken one by one."""
    return error if _C._transform_level() > level.transforms else of_batches_only(error)


def _by_own_rule(function: Any, level: Level, args: tuple, mapped: list[bool]) -> Any:
    """What the static method `vmap` returns for physical arguments, (output, out_dims), as batched tensors."""
    in_dims = tree_unflatten([0 if m else None for m in mapped], tree_flatten(args)[1])
    result = function.vmap(VmapInfo(level.size, level.randomness), in_dims, *args)
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


# --- generate_vmap_rule, and derivatives within a vmap ---------------------------------------------


class _Plan:
    """One call that is mapped: which of its arguments, outputs and saved tensors are batched.

    `mapped` is of all tensors in the arguments, `inputs` of the arguments, which have gradients.
    """

    def __init__(
        self, function: Any, name: str, level: Level, mapped: list[bool], inputs: list[bool]
    ) -> None:
        self.function, self.name, self.level = function, name, level
        self.mapped, self.inputs = mapped, inputs
        self.outputs: list[bool] = []
        self.saved: list[bool] = []
        self.saved_for_forward: list[bool] = []
        # Of samples; None of what is no tensor.
        self.input_shapes: list[Any] = []
        self.output_shapes: list[Any] = []

    @contextmanager
    def running(self, given: tuple = ()) -> Iterator[int]:
        """The `vmap` runs once more, in its place if it is still open: what a ctx keeps in a list is of this level.

        Rows of gradients that are `given` belong to a level that was opened since.
        """
        levels = open_levels()
        place = next((i for i, level in enumerate(levels) if level is self.level), len(levels))
        if any(type(g) is BatchedTensor for g in given):
            place = len(levels)
        with (
            without_levels(place),
            Running(self.level.size, self.level.randomness) as number,
        ):
            yield number

    def samples(self, args: tuple, level: int) -> Any:
        """The arguments as the Function sees them."""
        leaves, spec = tree_flatten(args)
        return tree_unflatten(_wrapped(tuple(leaves), self.mapped, level), spec)

    def forward(self, args: tuple) -> Any:
        """The outputs for physical arguments, physical; notes what is batched."""
        if self.function.generate_vmap_rule:
            with self.running() as level:
                outputs = self._noted(self.function.forward(*self.samples(args, level)), level)
        else:
            outputs = _by_own_rule(self.function, self.level, args, self.mapped)
            outputs = self._noted(outputs, self.level.number)
        self.input_shapes = [
            (a.shape[1:] if b else a.shape) if isinstance(a, Tensor) else None
            for a, b in zip(args, self.inputs, strict=True)
        ]
        return outputs

    def _noted(self, outputs: Any, level: int) -> Any:
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        self.outputs = [is_batched(o, level) for o in given]
        self.output_shapes = [o.shape if isinstance(o, Tensor) else None for o in given]
        physical = tuple(o._physical if b else o for o, b in zip(given, self.outputs, strict=True))
        return physical if isinstance(outputs, tuple) else physical[0]

    def gradients(self, found: Any, level: int, node: str) -> tuple:
        """What `backward` returned, physical and of the shapes of the arguments.

        The engine sums a gradient to the shape of its argument, but cannot tell a batch from what is to be summed.
        """
        given = found if isinstance(found, tuple) else (found,)
        result = []
        for i, (g, batched, shape) in enumerate(
            zip(given, self.inputs, self.input_shapes, strict=False)
        ):
            if isinstance(g, Tensor) and shape is not None:
                if g.shape != shape:
                    g = self._summed(g, shape, i, node)
                if type(g) is BatchedTensor and g._level == level and not batched:
                    g = g._physical.sum(0)  # of an argument that all samples share
                elif batched:
                    g = physical_of(g, level, self.level.size)
            result.append(g)
        return (*result, *given[len(result) :])

    def _summed(self, g: Tensor, shape: Any, index: int, node: str) -> Tensor:
        trailing = zip(reversed(shape), reversed(g.shape), strict=False)
        if len(g.shape) < len(shape) or any(n not in (1, m) for n, m in trailing):
            raise RuntimeError(
                f"Function {node} returned an invalid gradient at index {index} - got {list(g.shape)} but "
                f"expected shape compatible with {list(shape)}"
            )
        return g.sum_to_size(shape)

    def tangents(self, found: Any, level: int) -> Any:
        """What `jvp` returned, physical."""
        given = found if isinstance(found, tuple) else (found,)
        result = []
        for t, batched, shape in zip(given, self.outputs, self.output_shapes, strict=False):
            if batched and isinstance(t, Tensor):
                if t.shape != shape:
                    raise RuntimeError(
                        "Trying to set a forward gradient that has a different size than that of the original Tensor, "
                        f"this is not supported. Tensor is of size {list(shape)} while the given forward gradient is of "
                        f"size {list(t.shape)}."
                    )
                t = physical_of(t, level, self.level.size)
            result.append(t)
        result += given[len(result) :]
        return tuple(result) if isinstance(found, tuple) else result[0]


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


def _mapped(plan: _Plan, base: Any) -> Any:
    """A Function over physical tensors whose forward, backward and jvp are those of the plan's, mapped."""
    function = plan.function

    def forward(*args: Any) -> Any:
        return plan.forward(args)

    def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
        with plan.running() as level:
            samples = plan.samples(inputs, level), _wrapped(output, plan.outputs, level)
            function.setup_context(_Context(ctx, level, plan), *samples)

    def backward(ctx: Any, *grads: Any) -> Any:
        shown = [b and g is not None for b, g in zip(plan.outputs, grads, strict=True)]
        with plan.running(grads) as level:
            found = function.backward(_Context(ctx, level, plan), *_wrapped(grads, shown, level))
            return plan.gradients(found, level, ctx.name())

    def jvp(ctx: Any, *tangents: Any) -> Any:
        shown = [b and isinstance(t, Tensor) for b, t in zip(plan.inputs, tangents, strict=True)]
        with plan.running(tangents) as level:
            of_samples = _wrapped(tangents, shown, level)
            found = function.jvp(_Context(ctx, level, plan, "saved_for_forward"), *of_samples)
            return plan.tangents(found, level)

    namespace = {
        "forward": staticmethod(forward),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
        "generate_vmap_rule": True,
    }
    if function.jvp is not base.jvp:
        namespace["jvp"] = staticmethod(jvp)
    return type(base)(plan.name, (base,), namespace)
