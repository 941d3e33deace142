"""Batched tensors and the rules of their operations; see `batched`."""

from whygrad._vmap_levels import Level, open_levels

from . import derivatives, indexing, pointwise, products, queries, random, shapes
from .batched import BatchedTensor, is_batched, physical_of, wrap

__all__ = [
    "BatchedTensor",
    "Level",
    "derivatives",
    "indexing",
    "is_batched",
    "open_levels",
    "physical_of",
    "pointwise",
    "products",
    "queries",
    "random",
    "shapes",
    "wrap",
]
