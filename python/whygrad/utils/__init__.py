"""Helpers around tensors: hooks and data loading."""

from . import data, hooks

__all__ = ["data", "hooks"]
