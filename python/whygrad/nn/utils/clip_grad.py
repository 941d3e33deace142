"""Gradient clipping by norm and by value."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import whygrad
from whygrad import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Fn = TypeVar("Fn", bound=Callable[..., Any])


def _without_grad(fn: Fn) -> Fn:
    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with whygrad.no_grad():
            return fn(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def _as_list(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


@_without_grad
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all `tensors` together, as if they were one vector: a 0-d tensor.

    Args:
        tensors: one tensor or several.
        norm_type: the p of the p-norm; `inf` for the greatest absolute value.
        error_if_nonfinite: raise RuntimeError if the result is NaN or infinite.
        foreach: accepted for compatibility; there is one implementation.
    """
    tensors = _as_list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return whygrad.tensor(0.0)
    norms = [t.norm(norm_type) for t in tensors]
    total = whygrad.stack(norms).norm(norm_type)
    if error_if_nonfinite and not whygrad.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@_without_grad
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients in place by `max_norm / total_norm`, if that is below one."""
    scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for p in _as_list(parameters):
        if p.grad is not None:
            p.grad.mul_(scale)


@_without_grad
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their joint norm is at most `max_norm`.

    Returns:
        The norm before clipping.
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    else:
        is_generator = not isinstance(parameters, (list, tuple, set)) and iter(parameters) is iter(
            parameters
        )
        parameters = list(parameters)
        if is_generator and not parameters:
            warnings.warn(
                "`parameters` is an empty generator, no gradient clipping will occur.",
                stacklevel=3,
            )
    total = get_total_norm(
        [p.grad for p in parameters if p.grad is not None], norm_type, error_if_nonfinite
    )
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


@_without_grad
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Cut each element of the gradients, in place, to ±`clip_value`."""
    clip_value = float(clip_value)
    for p in _as_list(parameters):
        if p.grad is not None:
            p.grad.clamp_(min=-clip_value, max=clip_value)
