"""Helpers around tensors: hooks, data loading, checkpoints."""

from . import _pytree, checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]
