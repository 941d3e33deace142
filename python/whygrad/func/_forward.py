"""jvp, jacfwd and hessian: derivatives along directions, computed together with the values.

A function runs once at a level of its own, on dual tensors, and its results are read there (`_push`). The columns of a
Jacobian are computed at once: the function is mapped over the unit vectors as tangents.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import _C
from ..autograd import forward_ad
from ..autograd.functional import _standard_basis
from ..utils._pytree import tree_flatten
from ._batching.derivatives import make_dual, tangent_of
from ._levels import (
    Tensor,
    argnums_t,
    check_output_types,
    check_real,
    checked_argnums,
    lower,
    split_aux,
    tree_lower,
)
from ._transforms import jacrev
from .vmap import map_directions

_JVP = "jvp(f, primals, tangents)"


def _push(
    call: Callable[[list], Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    strict: bool,
    has_aux: bool,
) -> tuple[Any, Any, Any]:
    """What `call` gives for dual tensors in the place of `primals`; its tangents in the same structure; aux."""
    aux = None
    with forward_ad._transform_level() as level:
        duals = []
        for primal, tangent in zip(primals, tangents, strict=True):
            forward_ad._check_dtypes(primal, tangent)
            duals.append(make_dual(primal, tangent, level))
        value = call(duals)
        if has_aux:
            value, aux = split_aux(value, _JVP)
        outputs, spec = tree_flatten(value)
        check_output_types(outputs, value, _JVP)
        found = [tangent_of(output, level) for output in outputs]
        if strict and any(t is None for t in found):
            raise RuntimeError(
                f"{_JVP[:-1]}, strict=True): The output of f is independent of the inputs. "
                "This is not allowed with strict=True."
            )
    outputs = [lower(output) for output in outputs]
    pushed = [
        _C.zeros_like(o.detach()) if t is None else lower(t)
        for t, o in zip(found, outputs, strict=True)
    ]
    return spec.unflatten(outputs), spec.unflatten(pushed), tree_lower(aux) if has_aux else None


def jvp(
    func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """What `func` returns for `primals`, and its derivative there along `tangents`.

    The second has the structure and shapes of the first; zeros where `func` does not depend on `primals`.

    Args:
        func: gives a tree of tensors, or with `has_aux` a pair of one and any other.
        primals: a tuple of the positional arguments, trees of floating-point tensors.
        tangents: of the same structure and shapes, of any floating-point dtypes.
        strict: refuse an output that does not depend on `primals`.
        has_aux: the second part of `func`'s result is then the third element of the result.

    Raises:
        RuntimeError: structures or shapes do not fit, there is something else than tensors in them, `func` gives
            something else than tensors, or a level of `forward_ad` is open.
        ValueError: a dtype that is not floating-point.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    leaves, spec = tree_flatten(primals)
    directions, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"{_JVP}: Expected primals and tangents to have the same python structure. For example, if primals is a "
            "tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{spec} and tangents with structure {tangent_spec}"
        )
    for name, values in (("primals", leaves), ("tangents", directions)):
        if not values:
            raise RuntimeError(f"{_JVP}: Expected {name} to contain at least one Tensor.")
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"{_JVP}: Expected {name} to only contain Tensors, got {type(value)}"
                )
    output, pushed, aux = _push(
        lambda duals: func(*spec.unflatten(duals)), leaves, directions, strict, has_aux
    )
    return (output, pushed, aux) if has_aux else (output, pushed)


def jacfwd(
    func: Callable, argnums: argnums_t = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable:
    """The function that gives the Jacobian of `func`, its columns computed in forward mode.

    The result is as that of `jacrev`. `func` is run once, on all unit vectors as tangents: this is the better way
    where its results have more elements than the arguments.

    Args:
        func: gives a tree of tensors, or with `has_aux` a pair of one and any other.
        argnums: which positional argument to differentiate by, or a tuple of several.
        has_aux: the result is then a pair of the Jacobian and the second part of `func`'s result.
        randomness: as for `vmap`, between the columns.

    Raises:
        RuntimeError: as for `jvp`; `argnums` does not fit.
    """

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        places = checked_argnums(argnums, len(args))
        chosen = args[places] if isinstance(places, int) else tuple(args[i] for i in places)
        leaves, spec = tree_flatten(chosen)
        assert leaves, "tensors must have at least one element"
        check_real(leaves, "jacfwd", "inputs")
        basis = _standard_basis(leaves)

        def call(duals: list) -> Any:
            own = spec.unflatten(duals)
            inside = list(args)
            if isinstance(places, int):
                inside[places] = own
            else:
                for i, arg in zip(places, own, strict=True):
                    inside[i] = arg
            return func(*inside)

        def column(*tangents: Tensor) -> Any:
            _, pushed, aux = _push(call, leaves, tangents, False, has_aux)
            return (pushed, aux) if has_aux else pushed

        columns = map_directions(column, basis, randomness)
        aux = None
        if has_aux:
            columns, aux = columns
            kept, aux_spec = tree_flatten(aux)
            aux = aux_spec.unflatten([t[0] for t in kept])
        found, output_spec = tree_flatten(columns)
        check_real(found, "jacfwd", "outputs")
        sizes = [t.numel() for t in leaves]
        jacobian = output_spec.unflatten(
            [
                spec.unflatten(
                    [
                        part.movedim(0, -1).reshape((*c.shape[1:], *t.shape))
                        for part, t in zip(c.split(sizes), leaves, strict=True)
                    ]
                )
                for c in found
            ]
        )
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable, argnums: argnums_t = 0) -> Callable:
    """The function that gives the second derivatives of `func`: `jacfwd` of `jacrev`.

    In each place of `func`'s output the structure of the arguments `argnums`, and in each place of
    that again, with tensors of the output's shape followed by the two arguments'.

    Raises:
        RuntimeError, ValueError: as for `jacrev` and `jacfwd`.
    """
    return jacfwd(jacrev(func, argnums), argnums)
