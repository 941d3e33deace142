"""Dropout."""

from __future__ import annotations

from whygrad import Tensor

from .. import functional as F
from .module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """While training, zeroes each element with probability `p` and scales the rest by 1/(1-p)."""

    __constants__ = ["inplace", "p"]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Probability and whether it works in place."""
        return f"p={self.p}, inplace={self.inplace}"
