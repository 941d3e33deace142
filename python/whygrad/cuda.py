"""`torch.cuda` on a build without kernels: questions have answers, all else fails by name."""

from __future__ import annotations

from typing import Any

__all__ = [
    "device_count",
    "is_available",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
]


def is_available() -> bool:
    """Whether a GPU can be used."""
    return False


def device_count() -> int:
    """The number of GPUs that can be used."""
    return 0


def is_initialized() -> bool:
    """Whether a GPU is in use."""
    return False


def manual_seed(seed: int) -> None:
    """Seed the current GPU's generator; without a GPU there is nothing to seed."""


def manual_seed_all(seed: int) -> None:
    """Seed every GPU's generator; without a GPU there is nothing to seed."""


def empty_cache() -> None:
    """Give cached GPU memory back; without a GPU there is none."""


def synchronize(device: Any = None) -> None:
    """Wait for the GPU."""
    raise AssertionError("Torch not compiled with CUDA enabled")
