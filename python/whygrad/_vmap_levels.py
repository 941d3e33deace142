"""The `vmap`s that are running, outermost first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import _C


@dataclass
class Level:
    """A running `vmap`: its level, the size of its batch, and its mode of randomness."""

    number: int
    size: int
    randomness: str
    transforms: int = 0  # how many derivatives were being taken when it began
    repeated: bool = False  # whether the samples are alike but for their tangents
    shares: bool = (
        False  # whether there are variables that all samples share, made physical in the batch
    )
    legacy: bool = False  # PyTorch's older vmap, of is_grads_batched, whose errors are its own


class _State(threading.local):
    def __init__(self) -> None:
        self.levels: list[Level] = []


_state = _State()


def open_levels() -> list[Level]:
    """The levels of this thread, outermost first."""
    return _state.levels


def depth_of_vmap(level: int) -> int:
    """The number of a `vmap` among all that are open, and derivatives that are being taken."""
    levels = _state.levels
    return level + levels[level - 1].transforms if level <= len(levels) else level


def depth_of_derivative(number: int) -> int:
    """The same of a derivative."""
    return number + sum(level.transforms < number for level in _state.levels)


def differentiated() -> bool:
    """Whether a derivative is being taken within the innermost `vmap`."""
    return _C._transform_level() > _state.levels[-1].transforms


@contextmanager
def without_levels(first: int) -> Iterator[None]:
    """While it is entered, only the levels before that of index `first` are open."""
    levels = _state.levels
    closed = levels[first:]
    del levels[first:]
    try:
        yield
    finally:
        levels += closed
        if closed:  # those that ran meanwhile may have switched it off
            _C._set_random_interception(Running.drawn)


class Running:
    """While it is entered, a `vmap` runs: random operations ask it what to draw."""

    drawn: Callable[..., Any] | None = None  # set by the rules of random operations

    def __init__(
        self, size: int, randomness: str, repeated: bool = False, legacy: bool = False
    ) -> None:
        number = len(_state.levels) + 1
        self.level = Level(number, size, randomness, repeated=repeated, legacy=legacy)

    def __enter__(self) -> int:
        levels = _state.levels
        self.level.transforms = _C._transform_level()
        if not levels:
            _C._set_random_interception(Running.drawn)
        levels.append(self.level)
        return self.level.number

    def __exit__(self, *exception: object) -> None:
        levels = _state.levels
        levels.pop()
        if not levels:
            _C._set_random_interception(None)
