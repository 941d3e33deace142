"""Helpers around tensors: hooks, data loading, checkpoints."""

from . import checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]
