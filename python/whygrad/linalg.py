"""`torch.linalg`: what whygrad has of it."""

from typing import Any

from . import _C
from ._tensor import SCALAR_NAMES as _SCALAR_NAMES
from .overrides import has_torch_function_unary as _has_torch_function_unary
from .overrides import overridden as _overridden

vector_norm = _C._nn.linalg_vector_norm
matmul = _C._nn.linalg_matmul

_INF = float("inf")


def norm(
    input: Any,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """The norm of all elements (no ord and no dim), of vectors (one dim), or of matrices (two dims).

    Raises:
        RuntimeError: dims and order do not go together, or as for `matrix_norm`.
        NotImplementedError: as for `matrix_norm`.
    """
    if _has_torch_function_unary(input):
        return _overridden(norm, locals(), name="torch.linalg.linalg_norm")
    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}"
        )
    if dims is None and ord is not None and input.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{input.dim()}D."
        )
    n = input.dim() if dims is None else len(dims)
    if ord is not None and (isinstance(ord, str) or n == 2):
        found = _matrix_norm(input, ord, (-2, -1) if dims is None else dims, keepdim, dtype)
    else:
        found = vector_norm(input, 2 if ord is None else ord, dims, keepdim, dtype=dtype)
    return _into(out, found, "linalg.norm")


def matrix_norm(
    input: Any,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Norms of the matrices in two dims: "fro", or the greatest (1) or smallest (-1) sum of a column, or (inf, -inf) of a row.

    Raises:
        RuntimeError: another order; fewer dims than two; a dtype that is not of floating point.
        NotImplementedError: orders of singular values (2, -2 and "nuc").
    """
    if _has_torch_function_unary(input):
        return _overridden(matrix_norm, locals(), name="torch.linalg.linalg_matrix_norm")
    if not isinstance(dim, (tuple, list)):
        raise TypeError(
            f"linalg_matrix_norm(): argument 'dim' must be tuple of ints, not {type(dim).__name__}"
        )
    return _into(out, _matrix_norm(input, ord, dim, keepdim, dtype), "linalg.matrix_norm")


norm.__name__ = "linalg_norm"  # as PyTorch calls them
matrix_norm.__name__ = "linalg_matrix_norm"


def _name(dtype: Any) -> str:
    return _SCALAR_NAMES[str(dtype).removeprefix("torch.")]


def _matrix_norm(A: Any, ord: Any, dims: Any, keepdim: bool, dtype: Any) -> Any:
    if isinstance(ord, complex):
        raise RuntimeError(
            "linalg.matrix_norm: Expected a non-complex scalar as the order of norm."
        )
    of_singular_values = ord in (2, -2, "nuc")
    if not of_singular_values and ord not in (1, -1, _INF, -_INF, "fro"):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    _check_matrix(A, of_singular_values)
    if len(dims) != 2:
        got = " ".join(map(str, dims))
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {got}")
    for d in dims:
        A.size(d)  # an IndexError if there is no such dim
    row, column = (d % A.dim() for d in dims)
    if row == column:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({row}, {column})")
    _check_dtype(A, dtype)
    if ord == "fro":
        return vector_norm(A, 2, (row, column), keepdim, dtype=dtype)
    if of_singular_values:
        raise NotImplementedError(
            f"linalg.matrix_norm: order {ord} needs singular values, which are not in whygrad yet"
        )
    summed, chosen = (row, column) if abs(ord) == 1 else (column, row)
    sums = vector_norm(A, 1, summed, keepdim, dtype=dtype)
    if chosen > summed and not keepdim:
        chosen -= 1
    if ord < 0:
        return sums.amin(chosen, keepdim)
    if sums.shape[chosen]:
        return sums.amax(chosen, keepdim)
    shape = list(sums.shape)  # the greatest of no sums is 0
    shape[chosen : chosen + 1] = [1] if keepdim else []
    return _C.zeros(shape, dtype=sums.dtype)


def _check_matrix(A: Any, of_singular_values: bool) -> None:
    if A.dim() < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    name = _name(A.dtype)
    if not (A.is_floating_point() or A.is_complex()):
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {name}"
        )
    if of_singular_values and A.dtype in (_C.float16, _C.bfloat16):
        raise RuntimeError(f"linalg.matrix_norm: Low precision dtypes not supported. Got {name}")


def _check_dtype(A: Any, dtype: Any) -> None:
    if dtype is None:
        return
    name = _name(dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            f"linalg.matrix_norm: dtype should be floating point or complex, but got {name}"
        )
    if A.is_complex() != dtype.is_complex:
        what = "complex" if A.is_complex() else "real"
        raise RuntimeError(
            f"linalg.matrix_norm: dtype should be {what} for {what} inputs, but got {name}"
        )
    if _C.promote_types(A.dtype, dtype) != dtype:
        raise RuntimeError(
            f"linalg.matrix_norm: the dtype of the input ({_name(A.dtype)}) should be convertible without narrowing to the "
            f"specified dtype ({name})"
        )


def _into(out: Any, found: Any, name: str) -> Any:
    """`out` with the values, if there is one."""
    if out is None:
        return found
    if out.dtype != found.dtype:
        raise RuntimeError(
            f"{name} expected out tensor dtype {_name(found.dtype)} but got: {_name(out.dtype)}"
        )
    return out.resize_(found.shape).copy_(found)
