"""What the transforms have in common: arguments become variables of a level, and results leave it again.

The levels themselves are the core's (csrc/autograd/transform.h, Note [Levels]). What is done to tensors there is
done to the physical ones of batched tensors: `_batching.derivatives`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import _C
from ..utils._pytree import TreeSpec, tree_flatten, tree_map
from ._batching.derivatives import keep_root, lower, make_variable, pull_back, pull_back_rows

Tensor = _C.Tensor
argnums_t = int | tuple[int, ...]

enter_level = _C._enter_level
leave_level = _C._leave_level


def _checked_argnum(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum + count if argnum < 0 else argnum


def checked_argnums(argnums: Any, count: int) -> Any:
    """`argnums` with none of them negative.

    Raises:
        RuntimeError: it is no int and no tuple of ints, or they are out of range, none, or not unique.
    """
    if isinstance(argnums, int):
        return _checked_argnum(argnums, count)
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    places = tuple(_checked_argnum(n, count) for n in argnums)
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {places}")
    return places


def variables_for(args: tuple, argnums: Any) -> tuple[tuple, tuple, TreeSpec | None]:
    """The arguments with variables of this level at `argnums`; these variables, and their structure.

    The structure is None for a single tensor.

    Raises:
        RuntimeError: `argnums` does not fit, or a tensor there is not of floating point.
        ValueError: there is something else than tensors at `argnums`.
    """
    places = checked_argnums(argnums, len(args))
    if isinstance(places, int):
        chosen = args[places]
        if isinstance(chosen, Tensor):
            variable = make_variable(chosen)
            return (*args[:places], variable, *args[places + 1 :]), (variable,), None
        leaves, spec = tree_flatten(chosen)
        variables = tuple(map(make_variable, leaves))
        return (
            (*args[:places], spec.unflatten(variables), *args[places + 1 :]),
            variables,
            spec,
        )
    leaves, spec = tree_flatten(tuple(args[i] for i in places))
    variables = tuple(map(make_variable, leaves))
    inside = list(args)
    for i, tree in zip(places, spec.unflatten(variables), strict=True):
        inside[i] = tree
    return tuple(inside), variables, spec


def tree_lower(tree: Any) -> Any:
    """What a tree of tensors of the level above is in this one.

    Raises:
        RuntimeError: there is something else than tensors in it.
    """
    return lower(tree) if isinstance(tree, Tensor) else tree_map(lower, tree)


def split_aux(output: Any, name: str) -> tuple[Any, Any]:
    """The two parts of what a function with has_aux=True returned."""
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return output


class Pulled:
    """A function that has run at a level of its own: what it returned, and its derivative.

    Attributes:
        value, aux: what it returned, outside of the level.
        outputs, spec: the tensors of `value`, and its structure (None for a single tensor).
    """

    __slots__ = (
        "aux",
        "outputs",
        "primal_spec",
        "ran_own_code",
        "roots",
        "spec",
        "value",
        "variables",
    )

    def __init__(
        self, func: Callable, args: tuple, kwargs: dict, argnums: Any, has_aux: bool, name: str
    ) -> None:
        self.aux: Any = None
        self.spec: TreeSpec | None = None
        self.primal_spec: TreeSpec | None = None
        enter_level()
        try:
            if argnums is None:
                leaves, primals = tree_flatten(args)
                self.variables = tuple(map(make_variable, leaves))
                self.primal_spec = primals
                args = primals.unflatten(self.variables)
            else:
                args, self.variables, self.primal_spec = variables_for(args, argnums)
            value = func(*args, **kwargs)
            if has_aux:
                value, self.aux = split_aux(value, name)
            if isinstance(value, Tensor):
                outputs = [value]
            else:
                outputs, self.spec = tree_flatten(value)
            check_outputs(outputs, value, name)
        finally:
            self.ran_own_code = leave_level()
        self.roots = tuple(map(keep_root, outputs))
        self.outputs = tuple(map(lower, outputs))
        self.value = self.outputs[0] if self.spec is None else self.spec.unflatten(self.outputs)
        if has_aux:
            self.aux = tree_lower(self.aux)

    def gradients(self, roots: tuple, cotangents: tuple | None, retain_graph: bool) -> tuple:
        """Those of the variables; zeros where there is none."""
        return pull_back(roots, cotangents, self.variables, retain_graph, self.ran_own_code)

    def rows(self, bases: tuple, n: int) -> tuple:
        """The gradients for each of n rows of cotangents, stacked for each root, in one pass."""
        return pull_back_rows(self.roots, bases, n, self.variables, True, self.ran_own_code)

    def as_primals(self, leaves: Any) -> Any:
        """Values for each variable, in the structure of the arguments."""
        return leaves[0] if self.primal_spec is None else self.primal_spec.unflatten(leaves)


def check_output_types(outputs: list, value: Any, name: str) -> None:
    """There must be some, all tensors."""
    if not outputs or value is None:
        raise RuntimeError(
            f"{name}: Expected f to be a function that has non-empty output (got output = {outputs})"
        )
    for output in outputs:
        if not isinstance(output, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, got unsupported type {type(output)}"
            )


def check_real(tensors: Iterable[Any], name: str, which: str) -> None:
    """Jacobians of complex numbers do not exist here, as in PyTorch."""
    for i, t in enumerate(tensors):
        if isinstance(t, Tensor) and t.is_complex():
            raise RuntimeError(
                f"{name}: Expected all {which} to be real but received complex tensor at flattened input idx: {i}"
            )


def check_outputs(outputs: list, value: Any, name: str) -> None:
    """There must be some, all tensors of floating point."""
    check_output_types(outputs, value, name)
    for output in outputs:
        if not (output.is_floating_point() or output.is_complex()):
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                f"{output.dtype}"
            )
