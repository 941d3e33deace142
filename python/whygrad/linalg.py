"""`torch.linalg`: what whygrad has of it."""

from typing import Any

from . import _C
from .overrides import has_torch_function_unary as _has_torch_function_unary
from .overrides import overridden as _overridden

vector_norm = _C._nn.linalg_vector_norm
matmul = _C._nn.linalg_matmul


def norm(
    A: Any,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """The norm of all elements (ord=None), of vectors along one dim, or "fro" over two dims."""
    if _has_torch_function_unary(A):
        return _overridden(norm, locals(), name="torch.linalg.linalg_norm")
    whole = ord is None and dim is None
    vectors = (
        isinstance(dim, int)
        or ord is None
        or ord == "fro"
        or (A.dim() == 1 and not isinstance(ord, str))
    )
    if not vectors:
        raise NotImplementedError(
            "linalg.norm: matrix norms other than 'fro' are not in whygrad yet"
        )
    if ord == "fro" and dim is None and A.dim() != 2:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            + f"{A.dim()}D."
        )
    values = A.flatten() if whole and not keepdim else A
    result = vector_norm(values, 2 if ord in (None, "fro") else ord, dim, keepdim, dtype=dtype)
    return result if out is None else out.resize_(result.shape).copy_(result)


norm.__name__ = "linalg_norm"  # as PyTorch calls it
