"""Values under a `vmap` whose samples are alike but for their tangents: these can be read."""

from __future__ import annotations

from typing import Any

from whygrad._vmap_levels import open_levels

from .batched import BatchedTensor, is_batched


def common_sample(tensor: Any, level: int) -> Any:
    """The sample that all are like, None if they may differ."""
    levels = open_levels()
    if level > len(levels) or not levels[level - 1].repeated or not is_batched(tensor, level):
        return None
    samples = tensor._physical.detach()
    if type(samples) is BatchedTensor:
        return samples[0]  # which is asked the same
    if not len(samples) or not bool(((samples == samples[:1]) | (samples != samples)).all()):
        return None
    return samples[0]


def value_of(tensor: Any) -> Any:
    """The same for the innermost level; the tensor itself if it is not batched there."""
    level = len(open_levels())
    return common_sample(tensor, level) if is_batched(tensor, level) else tensor
