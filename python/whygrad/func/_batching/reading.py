"""Values under a `vmap` in which its samples do not differ: these can be read."""

from __future__ import annotations

from typing import Any

from whygrad._vmap_levels import open_levels
from whygrad.autograd import forward_ad

from .batched import BatchedTensor, is_batched


def common_sample(tensor: Any, level: int) -> Any:
    """The sample that all are like, None if they may differ."""
    levels = open_levels()
    if level > len(levels) or not is_batched(tensor, level):
        return None
    if tensor._shared:
        return _shared_sample(tensor, level)
    if not levels[level - 1].repeated:
        return None
    samples = tensor._physical.detach()
    if type(samples) is BatchedTensor:
        return samples[0]  # which is asked the same
    if not len(samples) or not bool(((samples == samples[:1]) | (samples != samples)).all()):
        return None
    return samples[0]


def _shared_sample(tensor: Any, level: int) -> Any:
    """The same of a tensor that says so itself, unless it has been written to."""
    sample, dim, samples = tensor._physical[0], 0, tensor._physical
    while type(samples) is BatchedTensor:
        samples, dim = samples._physical, dim + 1
    samples = samples.detach()
    first = samples.narrow(dim, 0, 1)
    return sample if ((samples == first) | (samples != samples)).all() else None


def without_batch(tensor: Any, level: int) -> Any:
    """A tensor that all samples share as the one that it is, with its history, unless they may differ in tangents."""
    if forward_ad._default_level() >= 0 or not is_batched(tensor, level):
        return tensor
    sample = _shared_sample(tensor, level)
    return tensor if sample is None else sample


def on_common_samples(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What an operation gives of the sample that all are like; NotImplemented if they may differ."""
    given = [*args, *kwargs.values()]
    read = [common_sample(v, level) if is_batched(v, level) else v for v in given]
    if any(r is None and v is not None for r, v in zip(read, given, strict=True)):
        return NotImplemented
    return func(*read[: len(args)], **dict(zip(kwargs, read[len(args) :], strict=True)))


def value_of(tensor: Any) -> Any:
    """The same for the innermost level; the tensor itself if it is not batched there."""
    level = len(open_levels())
    return common_sample(tensor, level) if is_batched(tensor, level) else tensor
