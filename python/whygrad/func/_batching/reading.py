"""Values under a `vmap` whose samples are alike but for their tangents: these can be read."""

from __future__ import annotations

from typing import Any

from whygrad._vmap_levels import open_levels

from .batched import BatchedTensor, is_batched


def common_sample(tensor: Any, level: int | None = None) -> Any:
    """The sample that all are like, None if they may differ; by default at the innermost level."""
    levels = open_levels()
    level = len(levels) if level is None else level
    if level > len(levels) or not levels[level - 1].repeated or not is_batched(tensor, level):
        return None
    samples = tensor._physical.detach()
    if type(samples) is BatchedTensor:
        return samples[0]  # which is asked the same
    if not len(samples) or not bool(((samples == samples[:1]) | (samples != samples)).all()):
        return None
    return samples[0]
