"""Fetchers: from what a sampler yields to the data of one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import whygrad

from ..dataset import Subset, TensorDataset
from .collate import default_collate

__all__ = ["create_fetcher"]


def _gather(dataset: Any, keys: list[int]) -> list[Any] | None:
    """The default batch of a TensorDataset, or a Subset of one, in one step per tensor.

    The same values as stacking the samples, at a fraction of the time. None if it does not apply:
    another dataset, or tensors whose gradient would be recorded sample by sample.
    """
    while type(dataset) is Subset:
        keys = [dataset.indices[key] for key in keys]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or any(t.requires_grad for t in dataset.tensors):
        return None
    index = whygrad.tensor(keys)
    return [tensor[index] for tensor in dataset.tensors]


class _MapFetcher:
    """Reads a map-style dataset by key, or by a list of keys if `batched`."""

    def __init__(
        self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
    ) -> None:
        self.dataset = dataset
        self.batched = batched
        self.collate_fn = collate_fn

    def fetch(self, index: Any) -> Any:
        """The data of one step."""
        if not self.batched:
            return self.collate_fn(self.dataset[index])
        if self.collate_fn is default_collate and index and type(index[0]) is int:
            batch = _gather(self.dataset, index)
            if batch is not None:
                return batch
        several = getattr(self.dataset, "__getitems__", None)
        if several:
            data = several(index)
        else:
            data = [self.dataset[key] for key in index]
        return self.collate_fn(data)


class _IterableFetcher:
    """Reads an iterable-style dataset, as many samples at a time as there are indices."""

    def __init__(
        self, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
    ) -> None:
        self.iterator = iter(dataset)
        self.batched = batched
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index: Any) -> Any:
        """The data of one step; raises StopIteration at the end."""
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.iterator))
        data = []
        for _ in index:
            try:
                data.append(next(self.iterator))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(index)):
            raise StopIteration
        return self.collate_fn(data)


def create_fetcher(
    iterable: bool, dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
) -> Any:
    """The fetcher for a dataset of either style."""
    cls = _IterableFetcher if iterable else _MapFetcher
    return cls(dataset, batched, collate_fn, drop_last)
