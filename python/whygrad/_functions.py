"""Functions of `torch` that need Python: queries, argument forms, results with names."""

from __future__ import annotations

from builtins import range as _range
from typing import Any

from . import _C, return_types

Tensor = _C.Tensor

__all__ = [
    "allclose", "broadcast_shapes", "broadcast_tensors", "cartesian_prod", "einsum", "equal", "finfo",
    "iinfo", "is_floating_point", "is_complex", "is_nonzero", "is_tensor", "isclose",
    "meshgrid", "nonzero", "numel", "tensordot", "result_type", "set_default_dtype", "set_default_device", "use_deterministic_algorithms",
    "set_default_tensor_type", "max", "min", "aminmax", "is_same_size", "relu", "relu_", "detach",
]  # fmt: skip

max = return_types.named("max", _C.max)
min = return_types.named("min", _C.min)
aminmax = return_types.named("aminmax", _C.aminmax)
relu = _C.relu
relu_ = _C.relu_


def is_tensor(obj: Any) -> bool:
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating point one."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is a complex one."""
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero."""
    if input.numel() != 1:
        which = "no values" if input.numel() == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {which} is ambiguous")
    return bool(input.item())


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return input.shape == other.shape


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The same memory without history."""
    return input.detach()


def result_type(tensor1: Any, tensor2: Any) -> Any:
    """The dtype of an arithmetic operation on the two."""
    first = tensor1 if isinstance(tensor1, Tensor) else tensor2
    probes = [
        t.detach().flatten()[:1] if t.dim() else t.detach()
        for t in (tensor1, tensor2)
        if isinstance(t, Tensor)
    ]
    other = [t for t in (tensor1, tensor2) if not isinstance(t, Tensor)]
    operands = probes + other if len(probes) == 1 else probes
    if any(t.numel() == 0 for t in probes):
        operands = [
            _C.zeros((1,) * t.dim(), dtype=t.dtype) if isinstance(t, Tensor) else t
            for t in operands
        ]
    if first is None:
        raise TypeError("result_type() needs a tensor")
    return _C.where(_C.ones((), dtype=_C.bool), operands[0], operands[1]).dtype


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


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all values are equal."""
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        bad, position = (input, 1) if not isinstance(input, Tensor) else (other, 2)
        name = "input" if position == 1 else "other"
        raise TypeError(
            f"equal(): argument '{name}' (position {position}) must be Tensor, not {type(bad).__name__}"
        )
    return input.shape == other.shape and bool((input.detach() == other.detach()).all())


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|, or both are equal."""
    if input.dtype != other.dtype:
        raise RuntimeError(f"{_short(input.dtype)} did not match {_short(other.dtype)}")
    if rtol < 0 or atol < 0:
        name, value = ("rtol", rtol) if rtol < 0 else ("atol", atol)
        raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    a, b = input.detach(), other.detach()
    close = a == b
    if equal_nan and a.is_floating_point():
        close = close | (a.isnan() & b.isnan())
    if rtol == 0 and atol == 0:
        return close
    if not a.is_floating_point():
        a, b = a.double(), b.double()
    allowed = atol + (rtol * b).abs()
    distance = (a - b).abs()
    return close | (distance.isfinite() & (distance <= allowed))


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as isclose()."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


_LEGACY = {"float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long",
           "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}  # fmt: skip


def _short(dtype: Any) -> str:
    return _LEGACY[str(dtype).removeprefix("torch.")]


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
    operands = args[1:]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return _C.einsum(args[0], list(operands))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over the last `dims` dims of a and the first of b, or over the two listed groups."""
    if isinstance(dims, (list, tuple)):
        dims_a, dims_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    elif isinstance(dims, Tensor) and dims.numel() > 1:
        dims_a, dims_b = dims[0].tolist(), dims[1].tolist()
    else:
        count = int(dims)
        if count < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if count > (a.dim() if a.dim() < b.dim() else b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims_a, dims_b = list(_range(-count, 0)), list(_range(count))
    result = _C._nn.tensordot(a, b, dims_a, dims_b)
    return result if out is None else out.resize_(result.shape).copy_(result)


def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The places of the elements that are not zero: one row each, or one tensor per dim with as_tuple."""
    if as_tuple:
        return _C.where(input)
    return _C.nonzero(input, out=out)


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that all the given shapes broadcast to."""
    result: list[int] = []
    for index, shape in enumerate(shapes):
        sizes = [shape] if isinstance(shape, int) else list(shape)
        length = len(result) if len(result) > len(sizes) else len(sizes)
        a = [1] * (length - len(result)) + result
        b = [1] * (length - len(sizes)) + sizes
        result = []
        for place, (x, y) in enumerate(zip(a, b, strict=True)):
            if x != y and x != 1 and y != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {y} at {place - length}! Mismatching argument at "
                    f"index {index} had {(shape,) if isinstance(shape, int) else shape}; but expected shape should be broadcastable to {a}"
                )
            result.append(y if x == 1 else x)
    return _C.Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Every tensor expanded to the common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
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
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if indexing is None:
        import warnings

        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument. (Triggered "
            "internally at /__w/pytorch/pytorch/aten/src/ATen/native/TensorShape.cpp:4317.)",
            UserWarning,
            stacklevel=2,
        )
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in tensors:
        if t.dim() > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t}"
            )
    flip = indexing == "xy" and len(tensors) >= 2
    order = [tensors[1], tensors[0], *tensors[2:]] if flip else list(tensors)
    shape = [t.numel() for t in order]
    grids = []
    for i, t in enumerate(order):
        view = [1] * len(order)
        view[i] = t.numel()
        grids.append(t.view(view).expand(shape))
    if flip:
        grids = [g.transpose(0, 1) for g in grids]
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of elements of 1-d tensors, one per row."""
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([g.reshape(-1) for g in meshgrid(*tensors, indexing="ij")], dim=1)


class finfo:
    """The properties of a floating point dtype."""

    def __init__(self, type: Any = None) -> None:
        dtype = type or _C.get_default_dtype()
        values = _FLOATS.get(str(dtype))
        if values is None:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        self.bits, self.eps, self.max, self.smallest_normal, self.resolution = values
        self.min = -self.max
        self.tiny = self.smallest_normal
        self.dtype = str(dtype).removeprefix("torch.")

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


_FLOATS = {
    "torch.float16": (16, 2.0**-10, 65504.0, 2.0**-14, 1e-3),
    "torch.bfloat16": (16, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 1e-2),
    "torch.float32": (32, 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 1e-6),
    "torch.float64": (64, 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022, 1e-15),
}


class iinfo:
    """The properties of an integer dtype."""

    def __init__(self, type: Any) -> None:
        bits = _INTS.get(str(type))
        if bits is None:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'"
            )
        self.bits = bits
        unsigned = str(type) == "torch.uint8"
        self.max = 2**bits - 1 if unsigned else 2 ** (bits - 1) - 1
        self.min = 0 if unsigned else -(2 ** (bits - 1))
        self.dtype = str(type).removeprefix("torch.")

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


_INTS = {"torch.uint8": 8, "torch.int8": 8, "torch.int16": 16, "torch.int32": 32, "torch.int64": 64}
