"""Functions that make tensors: the core makes them, here are device=, requires_grad= and out=."""

from __future__ import annotations

from typing import Any

from . import _C

Tensor = _C.Tensor

__all__ = [
    "arange", "as_strided", "as_tensor", "asarray", "empty", "empty_like", "empty_strided", "eye", "frombuffer",
    "full", "full_like", "linspace", "logspace", "ones", "ones_like", "range", "scalar_tensor", "tensor", "zeros",
    "zeros_like",
]  # fmt: skip

as_strided = _C.as_strided


def _is_int(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.dim() == 0 and not value.is_floating_point() and value.dtype != _C.bool
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _size_args(args: tuple, size: Any = None, function: str = "empty") -> tuple:
    """`f(2, 3)`, `f((2, 3))`, `f(torch.Size([2, 3]))` and `f(size=(2, 3))` as one tuple."""
    if not args:
        if size is None:
            raise TypeError(f'{function}() missing 1 required positional arguments: "size"')
        args = (size,)
    first = args[0]
    if len(args) == 1 and isinstance(first, (tuple, list)):
        args = tuple(first)
    elif not _is_int(first):
        name = type(first).__name__
        raise TypeError(
            f"{function}(): argument 'size' (position 1) must be tuple of ints, not {name}"
        )
    for place, value in enumerate(args, 1):
        if type(value) is not int and not _is_int(value):
            raise TypeError(
                f"{function}(): argument 'size' failed to unpack the object at pos {place} with error "
                f'"type must be tuple of ints,but got {type(value).__name__}"'
            )
    return args


def _finish(t: Tensor, device: Any, requires_grad: bool) -> Tensor:
    if device is not None and device != "cpu":
        t = t.to(device)
    if requires_grad:
        if not t.is_floating_point():
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        t.requires_grad_(True)
    return t


def _write_out(out: Tensor | None, t: Tensor) -> Tensor:
    if out is None:
        return t
    out.resize_(t.shape).copy_(t)
    return out


_MISSING: Any = object()


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """A new tensor with the values of `data` (numbers, nested sequences, arrays, tensors), always copied.

    The dtype is inferred from the values unless given: bool, int64 or the default float dtype.
    """
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    if isinstance(dtype, str):
        raise TypeError("tensor(): argument 'dtype' must be torch.dtype, not str")
    t = _C._from_data(data, dtype, requires_grad)
    return t if device is None else _finish(t, device, False)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where it is a tensor or array of that dtype already."""
    if isinstance(data, Tensor):
        t = data
    elif type(data).__name__ == "ndarray":
        t = _C.from_numpy(data)
    else:
        t = _C._from_data(data, dtype)
    if dtype is not None and t.dtype != dtype:
        t = t.to(dtype)
    return _finish(t, device, False)


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`as_tensor` with a choice of copying."""
    t = as_tensor(obj, dtype, device)
    if copy:
        t = t.clone()
    return t.detach().requires_grad_(True) if requires_grad else t


def empty(*args: Any, size: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
          requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None, names: Any = None) -> Tensor:  # fmt: skip
    """A tensor of the given size without defined values."""
    if out is not None:
        return out.resize_(_size_args(args, size, "empty"))
    return _finish(_C.empty(_size_args(args, size, "empty"), dtype=dtype), device, requires_grad)


def zeros(*args: Any, size: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
          requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Zeros of the given size."""
    if out is not None:
        return out.resize_(_size_args(args, size, "zeros")).zero_()
    return _finish(_C.zeros(_size_args(args, size, "zeros"), dtype=dtype), device, requires_grad)


def ones(*args: Any, size: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
         requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Ones of the given size."""
    if out is not None:
        return out.resize_(_size_args(args, size, "ones")).fill_(1)
    return _finish(_C.ones(_size_args(args, size, "ones"), dtype=dtype), device, requires_grad)


def full(size: Any, fill_value: Any = _MISSING, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
         requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """One value in every place; the dtype follows the value unless given."""
    if fill_value is _MISSING:
        raise TypeError('full() missing 1 required positional arguments: "fill_value"')
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if out is not None:
        return out.resize_(size).fill_(fill_value)
    return _finish(_C.full(size, fill_value, dtype=dtype), device, requires_grad)


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                  requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """A tensor without defined values whose strides are given, in elements."""
    return _finish(_C.empty_strided(size, stride, dtype=dtype), device, requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """A tensor shaped as `input` without defined values."""
    return _finish(_C.empty_like(input, dtype=dtype), device, requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, memory_format: Any = None, out: Any = None) -> Tensor:  # fmt: skip
    """Zeros shaped as `input`."""
    return _finish(_C.zeros_like(input, dtype=dtype), device, requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None, out: Any = None) -> Tensor:  # fmt: skip
    """Ones shaped as `input`."""
    return _finish(_C.ones_like(input, dtype=dtype), device, requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """One value in every place, shaped as `input`."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    return _finish(_C.full_like(input, fill_value, dtype=dtype), device, requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
                  requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """A 0-d tensor."""
    t = _C.scalar_tensor(s, dtype=dtype or _C.get_default_dtype())
    return _finish(t, device, requires_grad)


def arange(*args: Any, start: Any = None, end: Any = None, step: Any = None, out: Any = None, dtype: Any = None,
           layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """`arange(end)`, `arange(start, end)` or `arange(start, end, step)`: start, start + step, ... below end."""
    given = list(args)
    if len(given) == 1 and end is None:
        end = given.pop()
        if isinstance(end, str):
            raise TypeError("arange(): argument 'end' (position 1) must be Number, not str")
    elif given:
        for name in ("start", "end", "step"):
            if not given:
                break
            value = given.pop(0)
            if name == "start":
                start = value
            elif name == "end":
                end = value
            else:
                step = value
    if end is None:
        raise TypeError('arange() missing 1 required positional arguments: "end"')
    t = _C.arange(0 if start is None else start, end, 1 if step is None else step, dtype=dtype)
    return _finish(_write_out(out, t), device, requires_grad)


def range(start: Any = 0, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """As arange, with `end` included; deprecated in PyTorch."""
    import warnings

    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    count = int((end - start) / step) + 1
    t = _C.arange(0, count, 1, dtype=dtype or _C.get_default_dtype()) * step + start
    return _finish(_write_out(out, t), device, requires_grad)


def linspace(start: Any, end: Any, steps: int, *, out: Any = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """`steps` numbers from start to end, both included."""
    return _finish(
        _write_out(out, _C.linspace(start, end, steps, dtype=dtype)), device, requires_grad
    )


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, out: Any = None, dtype: Any = None,
             layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """`steps` numbers from base**start to base**end, equally spaced in the exponent."""
    return _finish(
        _write_out(out, _C.logspace(start, end, steps, base, dtype=dtype)), device, requires_grad
    )


def eye(n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """n rows, m columns (default n), ones on the diagonal."""
    return _finish(_write_out(out, _C.eye(n, m, dtype=dtype)), device, requires_grad)


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d tensor over the memory of an object with the buffer protocol."""
    return _finish(_C._from_buffer(buffer, dtype, count, offset), None, requires_grad)
