"""The loss functions of `nn.functional`.

Every loss takes `reduction`: "none" keeps one value per element (or per sample), "mean"
averages, "sum" adds up. `size_average` and `reduce` are the old way to say it.
"""

from __future__ import annotations

import warnings

import whygrad
from whygrad import Tensor
from whygrad._C import _nn
from whygrad.overrides import has_torch_function_variadic, overridden

from . import _reduction

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]


def _reduce(loss: Tensor, number: int) -> Tensor:
    """Apply the reduction with this number."""
    if number == 0:
        return loss
    return loss.mean() if number == 1 else loss.sum()


def _reduce_weighted(loss: Tensor, weight: Tensor, reduction: str, by_weight: bool) -> Tensor:
    """Multiply by `weight` and reduce; the mean is divided by the sum of weights if `by_weight`."""
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'."
        )
    loss = loss * weight
    if by_weight and reduction == "mean":
        return loss.sum() / weight.sum()
    return _reduce(loss, _reduction.get_enum(reduction))


def _warn_of_sizes(input: Tensor, target: Tensor) -> None:
    warnings.warn(
        f"Using a target size ({target.size()}) that is different to the input size "
        f"({input.size()}). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size.",
        stacklevel=3,
    )


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """`(input - target)**2`, times `weight` if given."""
    if has_torch_function_variadic(input, target, weight):
        return overridden(mse_loss, locals())
    differ = target.size() != input.size()
    if differ:
        _warn_of_sizes(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if differ:
        input, target = whygrad.broadcast_tensors(input, target)
    if weight is not None:
        return _reduce_weighted(_nn.mse_loss(input, target, 0), weight, reduction, True)
    return _nn.mse_loss(input, target, _reduction.get_enum(reduction))


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """`|input - target|`, times `weight` if given."""
    if has_torch_function_variadic(input, target):
        return overridden(l1_loss, locals())
    differ = target.size() != input.size()
    if differ:
        _warn_of_sizes(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if differ:
        input, target = whygrad.broadcast_tensors(input, target)
    if weight is not None:
        return _reduce_weighted(_nn.l1_loss(input, target, 0), weight, reduction, True)
    return _nn.l1_loss(input, target, _reduction.get_enum(reduction))


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """`d**2 / (2 beta)` where `d = |input - target| < beta`, else `d - beta/2`."""
    if has_torch_function_variadic(input, target):
        return overridden(smooth_l1_loss, locals())
    differ = target.size() != input.size()
    if differ:
        _warn_of_sizes(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if differ:
        input, target = whygrad.broadcast_tensors(input, target)
    return _nn.smooth_l1_loss(input, target, _reduction.get_enum(reduction), beta)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """`d**2 / 2` where `d = |input - target| < delta`, else `delta (d - delta/2)`."""
    if has_torch_function_variadic(input, target, weight):
        return overridden(huber_loss, locals())
    differ = target.size() != input.size()
    if differ:
        _warn_of_sizes(input, target)
    if differ:
        input, target = whygrad.broadcast_tensors(input, target)
    if weight is None:
        return _nn.huber_loss(input, target, _reduction.get_enum(reduction), delta)
    return _reduce_weighted(_nn.huber_loss(input, target, 0, delta), weight, reduction, False)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`-input[n, target[n]]`, for log-probabilities of shape (N, C, ...) or (C,).

    `weight`, of shape (C,), scales each class; the mean is over the weights that were used.
    Targets equal to `ignore_index` count as nothing.
    """
    if has_torch_function_variadic(input, target, weight):
        return overridden(nll_loss, locals())
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    return _nn.nll_loss_nd(input, target, weight, _reduction.get_enum(reduction), ignore_index)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of unnormalised scores `input`, of shape (N, C, ...) or (C,).

    Args:
        input: the scores.
        target: class indices of shape (N, ...), or probabilities of the shape of `input`.
        weight: a scale per class, of shape (C,).
        size_average: see `reduction`.
        ignore_index: targets of this value count as nothing.
        reduce: see `reduction`.
        reduction: "none", "mean" or "sum".
        label_smoothing: share of the target that is spread evenly over the classes.
    """
    if has_torch_function_variadic(input, target, weight):
        return overridden(cross_entropy, locals())
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    return _nn.cross_entropy_loss(input, target, weight, number, ignore_index, label_smoothing)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`-(t log p + (1-t) log(1-p))` for probabilities `input`; logs are cut at -100."""
    if has_torch_function_variadic(input, target, weight):
        return overridden(binary_cross_entropy, locals())
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(whygrad.broadcast_shapes(target.shape, weight.shape))
    return _nn.binary_cross_entropy(input, target, weight, number)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of `sigmoid(input)`; `pos_weight` scales the positive term."""
    if has_torch_function_variadic(input, target, weight, pos_weight):
        return overridden(binary_cross_entropy_with_logits, locals())
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()})"
        )
    return whygrad.binary_cross_entropy_with_logits(input, target, weight, pos_weight, number)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """`t (log t - input)` for log-probabilities `input`; `target` is `log t` if `log_target`.

    Kullback and Leibler, 1951. `reduction="batchmean"` divides the sum by the batch size, which
    is the definition; "mean" divides by the number of elements.
    """
    if has_torch_function_variadic(input, target):
        return overridden(kl_div, locals())
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size.'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            stacklevel=2,
        )
    if reduction != "batchmean":
        number = _reduction.get_enum(reduction)
        return whygrad.kl_div(input, target, number, log_target=log_target)
    total = whygrad.kl_div(input, target, 2, log_target=log_target)
    return total / input.shape[0] if input.dim() != 0 else total


for _f in __all__:
    globals()[_f].__module__ = f"{__package__}.functional"
