"""The loss functions of `nn.functional`.

Every loss takes `reduction`: "none" keeps one value per element (or per sample), "mean"
averages, "sum" adds up. `size_average` and `reduce` are the old way to say it.
"""

from __future__ import annotations

import warnings

import whygrad
from whygrad import Tensor
from whygrad._C import _nn

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


def _check_same_size(input: Tensor, target: Tensor) -> None:
    if target.shape != input.shape:
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
    if target.shape != input.shape:
        _check_same_size(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if target.shape != input.shape:
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
    if target.shape != input.shape:
        _check_same_size(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if target.shape != input.shape:
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
    if target.shape != input.shape:
        _check_same_size(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    diff = input - target
    size = diff.abs()
    if beta == 0:
        return _reduce(size, number)
    loss = whygrad.where(size < beta, diff * diff * (0.5 / beta), size - 0.5 * beta)
    return _reduce(loss, number)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """`d**2 / 2` where `d = |input - target| < delta`, else `delta (d - delta/2)`."""
    if target.shape != input.shape:
        _check_same_size(input, target)
    number = _reduction.get_enum(reduction) if weight is None else 0
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    diff = input - target
    size = diff.abs()
    loss = whygrad.where(size <= delta, diff * diff * 0.5, (size - 0.5 * delta) * delta)
    if weight is not None:
        return _reduce_weighted(loss, weight, reduction, False)
    return _reduce(loss, number)


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
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    return _nn.nll_loss(input, target, weight, _reduction.get_enum(reduction), ignore_index)


def _class_weight(input: Tensor, weight: Tensor, class_dim: int) -> Tensor:
    """`weight` of shape (C,) shaped to broadcast along `class_dim` of `input`."""
    shape = [1] * input.dim()
    shape[class_dim] = weight.shape[0]
    return weight.view(shape)


def _cross_entropy_soft(
    input: Tensor, target: Tensor, weight: Tensor | None, number: int, label_smoothing: float
) -> Tensor:
    """Cross entropy with a probability for each class."""
    class_dim = 0 if input.dim() == 1 else 1
    classes = input.shape[class_dim]
    if not target.is_floating_point():
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            + target.type().rpartition(".")[2].removesuffix("Tensor")
        )
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = input.log_softmax(class_dim) * target
    if weight is not None:
        terms = terms * _class_weight(input, weight, class_dim)
    if number == 0:
        return -terms.sum(class_dim)
    if number == 2:
        return -terms.sum()
    # The mean is per sample, not per element.
    return -terms.sum() / max(input.numel() // max(classes, 1), 1)


def _cross_entropy_smoothed(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    number: int,
    ignore_index: int,
    label_smoothing: float,
) -> Tensor:
    """Cross entropy with class indices, mixed with the uniform distribution."""
    class_dim = 0 if input.dim() == 1 else 1
    logp = input.log_softmax(class_dim)
    nll = _nn.nll_loss(logp, target, weight, number, ignore_index)
    uniform = logp if weight is None else logp * _class_weight(input, weight, class_dim)
    ignored = target == ignore_index
    uniform = (-uniform.sum(class_dim)).masked_fill(ignored, 0)
    if number == 1:
        if weight is None:
            uniform = uniform.sum() / (~ignored).sum()
        else:
            used = weight[target.masked_fill(ignored, 0)].masked_fill(ignored, 0)
            uniform = uniform.sum() / used.sum()
    elif number == 2:
        uniform = uniform.sum()
    return nll * (1 - label_smoothing) + uniform * (label_smoothing / input.shape[class_dim])


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
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if target.shape == input.shape:
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _cross_entropy_soft(input, target, weight, number, label_smoothing)
    if label_smoothing > 0:
        return _cross_entropy_smoothed(input, target, weight, number, ignore_index, label_smoothing)
    return _nn.cross_entropy(input, target, weight, number, ignore_index)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """`-(t log p + (1-t) log(1-p))` for probabilities `input`; logs are cut at -100."""
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None and weight.shape != target.shape:
        shape = whygrad.broadcast_shapes(weight.shape, target.shape)
        weight = weight.expand(shape)
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
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    number = _reduction.get_enum(reduction)
    if target.shape != input.shape:
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
    if log_target:
        loss = target.exp() * (target - input)
    else:
        # 0 log 0 is 0: the logarithm is taken of 1 there.
        safe = target.masked_fill(target == 0, 1)
        loss = target * safe.log() - target * input
    if reduction != "batchmean":
        return _reduce(loss, _reduction.get_enum(reduction))
    total = loss.sum()
    return total / input.shape[0] if input.dim() != 0 else total
