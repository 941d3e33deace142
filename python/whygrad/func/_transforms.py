"""grad, grad_and_value, vjp, jacrev, linearize: derivatives of functions as functions.

Each runs the function at a level of its own (`_levels.Pulled`) and asks for the gradients of its
arguments. The transforms nest to any depth, and the function may use tensors from outside of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import _C
from .._grad_mode import set_grad_enabled
from ..autograd.functional import _standard_basis
from ..utils._pytree import tree_flatten, tree_structure, treespec_pprint
from ._levels import (
    Pulled,
    Tensor,
    argnums_t,
    check_real,
    enter_level,
    keep_root,
    leave_level,
    lower,
    make_variable,
    pull_back,
    split_aux,
    tree_lower,
    variables_for,
)

_GRAD = "grad_and_value(f)(*args)"
_VJP = "vjp(f, *primals)"


def _grad_and_value(
    func: Callable, argnums: argnums_t, has_aux: bool, args: tuple, kwargs: dict
) -> tuple[Any, Any, Any]:
    aux = None
    enter_level()
    try:
        args, variables, spec = variables_for(args, argnums)
        value = func(*args, **kwargs)
        if has_aux:
            value, aux = split_aux(value, _GRAD)
        if not isinstance(value, Tensor):
            raise RuntimeError(f"{_GRAD}: Expected f(*args) to return a Tensor, got {type(value)}")
        if value.dim() != 0:
            raise RuntimeError(
                f"{_GRAD}: Expected f(*args) to return a scalar Tensor, got tensor with {value.dim()} dims. "
                "Maybe you wanted to use the vjp or jacrev APIs instead?"
            )
    finally:
        ran_own_code = leave_level()
    # The graph is kept: what is left of the level may still use it.
    gradients = pull_back((keep_root(value),), None, variables, True, ran_own_code)
    gradient = gradients[0] if spec is None else spec.unflatten(gradients)
    return gradient, lower(value), tree_lower(aux) if has_aux else None


def grad(func: Callable, argnums: argnums_t = 0, has_aux: bool = False) -> Callable:
    """The function that gives the gradient of `func`.

    It takes what `func` takes, and gives a gradient for each tensor of the arguments `argnums`, in
    their structure: the argument's shape and dtype, zeros where `func` does not depend on it.

    Args:
        func: gives a tensor of no dims, or with `has_aux` a pair of it and any tree of tensors.
        argnums: which positional argument to differentiate by, or a tuple of several.
        has_aux: the result is then a pair of the gradient and the second part of `func`'s result.

    Raises:
        RuntimeError: `argnums` or what `func` returns is not as above.
        ValueError: an argument of `argnums` is no tree of tensors.
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, _, aux = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return (gradient, aux) if has_aux else gradient

    return wrapper


def grad_and_value(
    func: Callable, argnums: argnums_t = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """As `grad`; the function gives pairs of the gradient and what `func` returned."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        gradient, value, aux = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return gradient, ((value, aux) if has_aux else value)

    return wrapper


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """What `func` returns for `primals`, and the function that multiplies by its Jacobian from the left.

    That function takes cotangents in the structure, shapes and dtypes of the output and gives a tuple
    with a gradient for each of `primals`. It can be called many times. With `has_aux`, `func` gives a
    pair (output, aux), and aux is the third element of the result.

    Raises:
        RuntimeError: `func` gives something else than tensors; of the function: the cotangents have
            another structure or shape than the output.
        ValueError: `primals` hold something else than tensors.
    """
    pulled = Pulled(func, primals, {}, None, has_aux, _VJP)

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        if create_graph is not None:
            with set_grad_enabled(create_graph):
                return vjp_fn(cotangents, retain_graph)
        if pulled.spec is None and isinstance(cotangents, Tensor):
            given = (cotangents,)
        else:
            leaves, spec = tree_flatten(cotangents)
            expected = pulled.spec or tree_structure(0)
            if spec != expected:
                raise RuntimeError(
                    "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                    f"function. cotangents: {treespec_pprint(spec)}, primal output: {treespec_pprint(expected)}"
                )
            given = tuple(leaves)
        return pulled.as_primals(pulled.gradients(pulled.roots, given, retain_graph))

    return (pulled.value, vjp_fn, pulled.aux) if has_aux else (pulled.value, vjp_fn)


def jacrev(
    func: Callable,
    argnums: argnums_t = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:
    """The function that gives the Jacobian of `func`, a row for each element of its output.

    The result has the structure of `func`'s output, in each place the structure of the arguments
    `argnums`, with tensors of the output's shape followed by the argument's.

    Args:
        func: gives a tree of tensors, or with `has_aux` a pair of one and any other.
        argnums: which positional argument to differentiate by, or a tuple of several.
        has_aux: the result is then a pair of the Jacobian and the second part of `func`'s result.
        chunk_size: how many rows to compute in one pass; all if it is None.

    Raises:
        RuntimeError: as for `vjp` and for `grad`.
        ValueError: `chunk_size` is not positive.
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        pulled = Pulled(func, args, kwargs, argnums, has_aux, _VJP)
        check_real(pulled.variables, "jacrev", "inputs")
        check_real(pulled.outputs, "jacrev", "outputs")
        blocks = [pulled.as_primals(block) for block in _blocks(pulled, chunk_size)]
        jacobian = blocks[0] if pulled.spec is None else pulled.spec.unflatten(blocks)
        return (jacobian, pulled.aux) if has_aux else jacobian

    return wrapper


def _blocks(pulled: Pulled, chunk_size: int | None) -> list[list[Tensor]]:
    """The Jacobian of each output, for each variable.

    The rows of all outputs are those of one pass, so that what several outputs depend on is gone through once.
    """
    sizes = [output.numel() for output in pulled.outputs]
    n = sum(sizes)
    if chunk_size == 1 and n:  # as in PyTorch nobody sees a batch
        rows = []
        for i in range(n):
            row = tuple(part[0] for part in _standard_basis(pulled.outputs, i, 1))
            rows.append(pulled.gradients(pulled.roots, row, True))
        found = [_C.stack(column) for column in zip(*rows, strict=True)]
    elif chunk_size is None or chunk_size >= n:
        found = list(pulled.rows(tuple(_standard_basis(pulled.outputs)), n))
    else:
        parts = []
        for i in range(0, n, chunk_size):
            count = min(chunk_size, n - i)
            basis = tuple(_standard_basis(pulled.outputs, i, count))
            parts.append(pulled.rows(basis, count))
        found = [_C.cat(column) for column in zip(*parts, strict=True)]
    columns = [
        [
            part.view((*output.shape, *v.shape))
            for part, output in zip(g.split(sizes), pulled.outputs, strict=True)
        ]
        for g, v in zip(found, pulled.variables, strict=True)
    ]
    return [list(block) for block in zip(*columns, strict=True)]


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """What `func` returns for `primals`, and its derivative there as a linear function.

    That function takes tangents in the structure, shapes and dtypes of `primals` and gives the
    directional derivative in the structure of the output, without running `func` again.
    It is the derivative of vjp's function, which is linear in the cotangents, by these.

    Raises:
        RuntimeError: as for `vjp`; of the function: tangents that do not fit `primals`.
    """
    flat, primal_spec = tree_flatten(primals)
    pulled = Pulled(func, primals, {}, None, False, _VJP)
    enter_level()
    try:
        cotangents = tuple(make_variable(_C.zeros_like(o.detach())) for o in pulled.outputs)
        gradients = pulled.gradients(pulled.roots, cotangents, True)
    finally:
        ran_own_code = leave_level()
    roots = tuple(map(keep_root, gradients))

    def jvp_fn(*tangents: Any) -> Any:
        given, spec = tree_flatten(tangents)
        if spec != primal_spec:
            raise RuntimeError(
                f"Expected the tangents {spec} to have the same argspec as the primals {primal_spec}"
            )
        for i, (tangent, primal) in enumerate(zip(given, flat, strict=True)):
            for what in ("shape", "dtype"):
                if getattr(tangent, what) != getattr(primal, what):
                    raise RuntimeError(
                        f"tangent:{i} with {what} {getattr(tangent, what)} in flattened pytree doesn't match the {what} "
                        f"{getattr(primal, what)} of the corresponding primal."
                    )
        result = pull_back(roots, tuple(given), cotangents, True, ran_own_code)
        return result[0] if pulled.spec is None else pulled.spec.unflatten(result)

    return pulled.value, jvp_fn
