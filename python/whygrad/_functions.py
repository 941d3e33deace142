"""Functions of `torch` that need Python: queries, argument forms, results with names."""

from __future__ import annotations

from builtins import bool as _bool
from builtins import range as _range
from typing import Any

from . import _C
from .overrides import (
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
    overridden,
)
from .storage import TypedStorage, UntypedStorage

Tensor = _C.Tensor
__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d",
    "broadcast_shapes", "broadcast_tensors", "cartesian_prod", "einsum", "detach_", "is_storage", "is_tensor", "meshgrid",
    "nonzero", "norm", "split", "tensordot", "set_default_dtype", "set_default_device", "use_deterministic_algorithms",
    "set_default_tensor_type",
]  # fmt: skip


def is_tensor(obj: Any) -> bool:
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def set_default_dtype(d: Any) -> None:
    """Make `d` the dtype of new floating point tensors."""
    _C._set_default_dtype(d)


def set_default_tensor_type(t: Any) -> None:
    """Old form of set_default_dtype, by type name or dtype."""
    names = {
        "FloatTensor": _C.float32,
        "DoubleTensor": _C.float64,
        "HalfTensor": _C.float16,
        "BFloat16Tensor": _C.bfloat16,
    }
    name = t.rsplit(".", 1)[-1] if isinstance(t, str) else getattr(t, "__name__", "")
    if isinstance(t, _C.dtype):
        _C._set_default_dtype(t)
    elif name in names:
        _C._set_default_dtype(names[name])
    else:
        raise TypeError(f"invalid type object: {t}")


def set_default_device(device: Any) -> None:
    """Only the CPU can be the default device."""
    if device is not None:
        _C.empty(0).to(device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Everything here is deterministic already."""
    for name, place, value in (("mode", " (position 1)", mode), ("warn_only", "", warn_only)):
        if not isinstance(value, _bool):
            raise TypeError(
                f"_set_deterministic_algorithms(): argument '{name}'{place} must be bool, not {type(value).__name__}"
            )


def einsum(*args: Any) -> Tensor:
    """Sums of products by Einstein's convention: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"
        )
    if isinstance(args[0], Tensor):
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

        def text(sublist: Any) -> str:
            return "".join("..." if s is Ellipsis else letters[s] for s in sublist)

        equation = ",".join(text(args[i + 1]) for i in _range(0, len(args) - 1, 2))
        if len(args) % 2:
            equation += "->" + text(args[-1])
        return einsum(equation, *[args[i] for i in _range(0, len(args) - 1, 2)])
    equation, *operands = args
    if has_torch_function(operands):
        return overridden(einsum, {"args": args})
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        return einsum(equation, *operands[0]) if operands[0] else _C.einsum(equation, [])
    return _C.einsum(equation, operands)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over the last `dims` dims of a and the first of b, or over the two listed groups."""
    if has_torch_function_variadic(a, b):
        return overridden(tensordot, locals())
    if not isinstance(dims, (tuple, list, Tensor, int)):
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] containing two lists, "
            f"but got dims={dims}"
        )
    if isinstance(dims, (list, tuple)):
        dims_a, dims_b = dims
    elif isinstance(dims, Tensor) and dims.numel() > 1:
        dims_a, dims_b = dims[0].tolist(), dims[1].tolist()
    else:
        count = int(dims)
        if count < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if count > (a.dim() if a.dim() < b.dim() else b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims_a, dims_b = list(_range(-count, 0)), list(_range(count))
    return _C._nn.tensordot(a, b, dims_a, dims_b, out=out)


def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: Any = None,
) -> Tensor:
    """The p-norm of all elements, or along dims; "fro" and None are 2."""
    if has_torch_function_unary(input):
        return overridden(norm, locals())
    dims = (dim,) if isinstance(dim, int) else dim
    if isinstance(p, str) and not (p == "fro" and (dims is None or len(dims) < 3)):
        from .linalg import matrix_norm

        every = tuple(_range(input.dim()))
        return matrix_norm(input, p, every if dims is None else dims, keepdim, dtype=dtype, out=out)
    order = 2 if p is None or p == "fro" else p
    return _C._nn.linalg_vector_norm(input, order, dim, keepdim, dtype=dtype, out=out)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size, or of the sizes listed, along a dim."""
    if has_torch_function_unary(tensor):
        return overridden(split, locals())
    return tensor.split(split_size_or_sections, dim)


def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The places of the elements that are not zero: one row each, or one tensor per dim with as_tuple."""
    if has_torch_function_unary(input):
        return overridden(nonzero, locals(), name="torch.nonzero")
    if not isinstance(as_tuple, _bool):
        kind = type(as_tuple).__name__
        raise TypeError(f"nonzero(): argument 'as_tuple' must be bool, not {kind}")
    if as_tuple:
        return _C.where(input)
    return _C.nonzero(input, out=out)


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that all the given shapes broadcast to."""
    sizes = [(shape,) if isinstance(shape, int) else shape for shape in shapes]
    for shape in sizes:
        if not isinstance(shape, (tuple, list, str)):
            raise RuntimeError(
                f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {shape}"
            )
    result = [1] * sorted(map(len, sizes), reverse=True)[0] if sizes else []
    for index, shape in enumerate(sizes):
        for place in _range(-1, -1 - len(shape), -1):
            size = shape[place]
            if size in (1, result[place]):
                continue
            if result[place] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {size} at {place}! Mismatching argument at "
                    f"index {index} had {shape}; but expected shape should be broadcastable to {result}"
                )
            if size < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            result[place] = size
    return _C.Size(result)


def _check_tensors(tensors: tuple) -> None:
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}"
            )


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Every tensor expanded to the common shape."""
    if has_torch_function(tensors):
        return overridden(broadcast_tensors, locals())
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    _check_tensors(tensors)
    shape: Any = ()
    for t in tensors:
        shape = _common(shape, t.shape)
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def _common(a: Any, b: Any) -> Any:
    length = len(a) if len(a) > len(b) else len(b)
    padded_a = (1,) * (length - len(a)) + tuple(a)
    padded_b = (1,) * (length - len(b)) + tuple(b)
    for i, (x, y) in enumerate(zip(padded_a, padded_b, strict=True)):
        if x != y and x != 1 and y != 1:
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {i}"
            )
    return tuple(y if x == 1 else x for x, y in zip(padded_a, padded_b, strict=True))


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of 1-d tensors; indexing "ij" (the default) or "xy"."""
    if has_torch_function(tensors):
        return overridden(meshgrid, locals())
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        given, tensors = tensors, tuple(tensors[0])
        if has_torch_function(tensors):
            called: Any = {"tensors": given, "indexing": indexing}
            return overridden(meshgrid, called, relevant=given, name="torch.meshgrid")
    _check_tensors(tensors)
    if indexing is None:
        _C._warn_once(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument. (Triggered "
            "internally at /__w/pytorch/pytorch/aten/src/ATen/native/TensorShape.cpp:4215.)"
        )
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in tensors:
        if t.dim() > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t}"
            )
    if any(t.dtype != tensors[0].dtype for t in tensors):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    flip = indexing == "xy" and len(tensors) >= 2
    order = [tensors[1], tensors[0], *tensors[2:]] if flip else list(tensors)
    shape = [t.numel() for t in order]
    grids = []
    for i, t in enumerate(order):
        view = [1] * len(order)
        view[i] = t.numel()
        grids.append(t.view(view).expand(shape))
    if flip:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def _one_or_all(function: Any, tensors: tuple[Any, ...]) -> Any:
    """A tensor for one tensor, a tuple for several or a list of them."""
    return function(tensors[0] if len(tensors) == 1 else tensors)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor as a vector if it is a number, else itself."""
    if has_torch_function(tensors):
        return overridden(atleast_1d, locals())
    return _one_or_all(_C._nn.atleast_1d, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with dims of size 1 in front, as many as two dims need."""
    if has_torch_function(tensors):
        return overridden(atleast_2d, locals())
    return _one_or_all(_C._nn.atleast_2d, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with dims of size 1 around, as many as three dims need."""
    if has_torch_function(tensors):
        return overridden(atleast_3d, locals())
    return _one_or_all(_C._nn.atleast_3d, tensors)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of elements of 1-d tensors, one per row."""
    if has_torch_function(tensors):
        return overridden(cartesian_prod, locals())
    for t in tensors:
        if t.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([g.reshape(-1) for g in meshgrid(*tensors, indexing="ij")], dim=1)


def detach_(input: Tensor) -> Tensor:
    """`input.detach_()`: the tensor without its history."""
    if has_torch_function_unary(input):
        return overridden(detach_, locals(), name="torch.detach_")
    return input.detach_()


def is_storage(obj: Any, /) -> bool:
    """Whether obj is a storage, typed or not."""
    return isinstance(obj, (UntypedStorage, TypedStorage))
