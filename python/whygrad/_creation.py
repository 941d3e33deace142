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


def _size_args(size: tuple) -> Any:
    """`f(2, 3)`, `f((2, 3))` and `f(torch.Size([2, 3]))` as one tuple."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        return tuple(size[0])
    return size


def _finish(t: Tensor, device: Any, requires_grad: bool) -> Tensor:
    if device is not None and device != "cpu":
        t = t.to(device)
    if requires_grad:
        t.requires_grad_(True)
    return t


def _write_out(out: Tensor | None, t: Tensor) -> Tensor:
    if out is None:
        return t
    out.resize_(t.shape).copy_(t)
    return out


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


def empty(*size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
          requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None, names: Any = None) -> Tensor:  # fmt: skip
    """A tensor of the given size without defined values."""
    if out is not None:
        return out.resize_(_size_args(size))
    return _finish(_C.empty(_size_args(size), dtype=dtype), device, requires_grad)


def zeros(*size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
          requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Zeros of the given size."""
    if out is not None:
        return out.resize_(_size_args(size)).zero_()
    return _finish(_C.zeros(_size_args(size), dtype=dtype), device, requires_grad)


def ones(*size: Any, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
         requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Ones of the given size."""
    if out is not None:
        return out.resize_(_size_args(size)).fill_(1)
    return _finish(_C.ones(_size_args(size), dtype=dtype), device, requires_grad)


def full(size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
         requires_grad: bool = False, pin_memory: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """One value in every place; the dtype follows the value unless given."""
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
        raise TypeError("arange() missing 1 required positional arguments: \"end\"")
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
    return _finish(_write_out(out, _C.linspace(start, end, steps, dtype=dtype)), device, requires_grad)


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, out: Any = None, dtype: Any = None,
             layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """`steps` numbers from base**start to base**end, equally spaced in the exponent."""
    return _finish(_write_out(out, _C.logspace(start, end, steps, base, dtype=dtype)), device, requires_grad)


def eye(n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """n rows, m columns (default n), ones on the diagonal."""
    return _finish(_write_out(out, _C.eye(n, m, dtype=dtype)), device, requires_grad)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-d tensor over the memory of an object with the buffer protocol."""
    return _finish(_C._from_buffer(buffer, dtype, count, offset), None, requires_grad)
