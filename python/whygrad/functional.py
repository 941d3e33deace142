"""`torch.functional`: the functions of torch that PyTorch has in Python, by their other name."""

from ._functions import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_shapes,
    broadcast_tensors,
    cartesian_prod,
    einsum,
    meshgrid,
    norm,
    split,
    tensordot,
)

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "einsum",
    "norm",
    "meshgrid",
    "split",
    "tensordot",
]
