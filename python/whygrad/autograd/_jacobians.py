"""Jacobians by finite differences and by the backward pass, in the old form of `torch.autograd.gradcheck`.

`gradcheck` itself does not use these; they are for programs that compare Jacobians on their own. A Jacobian is a matrix
with a row for each element of an input and a column for each element of an output.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .. import _C
from .._grad_mode import _unsafe_preserve_version_counter
from . import grad

Tensor = _C.Tensor


def _deprecated(name: str, grad_out: float) -> None:
    warnings.warn(
        f"`{name}` was part of PyTorch's private API and not meant to be exposed. We are deprecating it and it will be "
        "removed in a future version of PyTorch. If you have a specific use for this or feature request for this to be "
        "a stable API, please file us an issue at https://github.com/pytorch/pytorch/issues/new",
        FutureWarning,
        stacklevel=3,
    )
    if grad_out != 1.0:
        raise ValueError(
            f"Expected grad_out to be 1.0. {name} no longer supports values of grad_out != 1.0."
        )


def _as_tuple(value: Any) -> tuple:
    return (
        value if isinstance(value, tuple) else tuple(value) if isinstance(value, list) else (value,)
    )


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def _iter_tensors(x: Tensor | Iterable[Any], only_requiring_grad: bool = False) -> Iterator[Tensor]:
    """The tensors in nested iterables."""
    if isinstance(x, Tensor):
        if x.requires_grad or not only_requiring_grad:
            yield x
    elif isinstance(x, Iterable) and not isinstance(x, str):
        for part in x:
            yield from _iter_tensors(part, only_requiring_grad)


def _differentiable_outputs(x: Any) -> tuple[Tensor, ...]:
    """The results of a function that have a history."""
    return tuple(o for o in _as_tuple(x) if o.requires_grad)


def _get_numerical_jacobian(
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Any = None,
    target: Any = None,
    eps: float = 1e-3,
    is_forward_ad: bool = False,
) -> list[tuple[Tensor, ...]]:
    """For each tensor of `target` that requires grad: the Jacobian of each differentiable output of `fn(*inputs)`.

    Args:
        fn: is called twice for every element of `target`.
        inputs: its arguments; elements are changed in place, and put back.
        outputs: what it gives for them, if that is known.
        target: those of the inputs by which to differentiate, all if it is None.
        eps: by how much an element is changed to either side.
        is_forward_ad: also those of complex outputs.
    """
    found = []
    if outputs is None:
        outputs = _as_tuple(fn(*_as_tuple(inputs)))
    if not is_forward_ad and any(o.is_complex() for o in outputs):
        raise ValueError(
            "Expected output to be non-complex. get_numerical_jacobian no longer supports functions that return complex "
            "outputs."
        )
    every = list(_iter_tensors(inputs))
    for x in _iter_tensors(inputs if target is None else target, only_requiring_grad=True):
        place = next(i for i, t in enumerate(every) if t is x)
        found.append(
            get_numerical_jacobian_wrt_specific_input(
                fn, place, inputs, outputs, eps, input=x, is_forward_ad=is_forward_ad
            )
        )
    return found


def get_numerical_jacobian_wrt_specific_input(
    fn: Callable[..., Any],
    input_idx: int,
    inputs: Any,
    outputs: Any,
    eps: float,
    input: Tensor | None = None,
    is_forward_ad: bool = False,
) -> tuple[Tensor, ...]:
    """The Jacobians of the outputs by one input, `input` or the tensor of that number; see `_get_numerical_jacobian`."""
    x = inputs[input_idx] if input is None else input
    steps = (eps, eps * 1j) if x.is_complex() else (eps,)
    rows = []
    for place in itertools.product(*map(range, x.shape)):
        parts = [_difference(fn, inputs, x.detach(), place, step) for step in steps]
        rows.append([p[0] if len(p) == 1 else p[0] + p[1] * 1j for p in zip(*parts, strict=True)])
    chosen = [o for o in _as_tuple(outputs) if _is_differentiable(o)]
    if x.is_complex() and any(o.is_complex() for o in chosen):
        raise AssertionError("Expected ds_dx to be real-valued, not complex")
    if not rows:
        return tuple(o.new_zeros((0, o.numel())) for o in chosen)
    return tuple(_C.stack([row[i] for row in rows]) for i in range(len(chosen)))


def _difference(
    fn: Callable[..., Any], inputs: Any, values: Tensor, place: tuple[int, ...], step: complex
) -> list[Tensor]:
    """The difference quotients of all outputs for one element of `values`, by steps of `step`."""
    given = _as_tuple(inputs)
    before = values[place].item()
    results = []
    try:
        for value in (before - step, before + step):
            with _unsafe_preserve_version_counter(values):
                values[place] = value
            out = [o.detach().clone() for o in _as_tuple(fn(*given)) if _is_differentiable(o)]
            results.append(out)
    finally:
        with _unsafe_preserve_version_counter(values):
            values[place] = before
    return [((b - a) / (2 * abs(step))).reshape(-1) for a, b in zip(*results, strict=True)]


def get_numerical_jacobian(
    fn: Callable[[Any], Any],
    inputs: Any,
    target: Any = None,
    eps: float = 1e-3,
    grad_out: float = 1.0,
) -> tuple[Tensor, ...]:
    """Deprecated: the Jacobians of the first output of `fn(inputs)` by the tensors that require grad.

    Raises:
        ValueError: `grad_out` is not 1, or the output is complex.
    """
    _deprecated("get_numerical_jacobian", grad_out)
    found = _get_numerical_jacobian(lambda *given: fn(given), inputs, None, target, eps)
    return tuple(jacobians[0] for jacobians in found)


def get_analytical_jacobian(
    inputs: Any, output: Tensor, nondet_tol: float = 0.0, grad_out: float = 1.0
) -> tuple[tuple[Tensor, ...], bool, bool, bool]:
    """Deprecated: the Jacobians of an output by the tensors that require grad, a pass for each element.

    Returns:
        The Jacobians; whether a second run of the passes gave the same; whether the gradients had the sizes and the
        dtypes of the inputs.

    Raises:
        ValueError: `grad_out` is not 1, or the output is complex.
    """
    _deprecated("get_analytical_jacobian", grad_out)
    if output.is_complex():
        raise ValueError(
            "Expected output to be non-complex. get_analytical_jacobian no longer supports functions that return complex "
            "outputs."
        )
    targets = list(_iter_tensors(inputs, True))
    first, second = (_passes(targets, output) for _ in range(2))
    fits = [(g, t) for row in first for g, t in zip(row, targets, strict=True) if g is not None]
    jacobians, again = (
        tuple(_columns([row[i] for row in rows], t) for i, t in enumerate(targets))
        for rows in (first, second)
    )
    return (
        jacobians,
        all(
            bool(((a - b).abs() <= nondet_tol).all()) for a, b in zip(jacobians, again, strict=True)
        ),
        all(g.size() == t.size() for g, t in fits),
        all(g.dtype == t.dtype for g, t in fits),
    )


def _passes(targets: list[Tensor], output: Tensor) -> list[tuple]:
    """The gradients of every element of the output."""
    rows = []
    for i in range(output.numel()):
        unit = _C.zeros_like(output, memory_format=_C.contiguous_format)
        unit.view(-1)[i] = 1
        rows.append(grad(output, targets, unit, retain_graph=True, allow_unused=True))
    return rows


def _columns(gradients: list[Tensor | None], target: Tensor) -> Tensor:
    """A Jacobian from its columns; zeros where there is no gradient, or one of another size."""
    made = target.new_zeros((target.numel(), len(gradients)))
    for i, g in enumerate(gradients):
        if g is not None and g.size() == target.size():
            made[:, i] = g.detach().reshape(-1)
    return made
