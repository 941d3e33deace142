"""The methods of Tensor that are Python: conversion, printing, copying, iteration.

They are set on the C type at import; what is hot is C++ (python/bind/methods.cpp).
"""

from __future__ import annotations

import contextlib
import copy
import copyreg
import math
import numbers
from collections.abc import Iterator
from typing import Any

from . import _C
from ._tensor_str import tensor_format, tensor_repr
from .overrides import (
    handle_torch_function,
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
    overridden,
)
from .storage import TypedStorage, _legacy_types

Tensor = _C.Tensor


def _method(function: Any) -> Any:
    function.__qualname__ = f"Tensor.{function.__name__}"
    setattr(Tensor, function.__name__, function)
    return function


@_method
def __repr__(self: Tensor, *, tensor_contents: str | None = None) -> str:
    if has_torch_function_unary(self):
        return overridden(Tensor.__repr__, locals())
    return tensor_repr(self, tensor_contents=tensor_contents)


@_method
def __format__(self: Tensor, spec: str) -> str:
    if has_torch_function_unary(self):
        return overridden(Tensor.__format__, locals())
    return tensor_format(self, spec)


@_method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


@_method
def __contains__(self: Tensor, element: Any) -> bool:
    if has_torch_function_unary(self):
        return overridden(Tensor.__contains__, locals())
    if isinstance(element, (Tensor, numbers.Number)):
        found: Any = element == self
        return bool(found.any().item())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


@_method
def __complex__(self: Tensor) -> complex:
    if has_torch_function_unary(self):
        return overridden(Tensor.__complex__, locals(), name="torch.Tensor.__complex__")
    return complex(float(self.real), float(self.imag) if self.is_complex() else 0.0)


def _operator(method: str, *names: str, name: str = "") -> None:
    """Make Tensor's attributes `names` a function in Python around a method in C; see Note [Operators].

    It asks those who override it with all its arguments. A TypeError is NotImplemented.
    """
    operation = getattr(_C.TensorBase, method)

    def operator(self: Tensor, *args: Any) -> Any:
        asked = (self, *args)
        try:
            if has_torch_function(asked):
                return handle_torch_function(operator, asked, self, *args)
            return operation(self, *args)
        except TypeError:
            return NotImplemented

    operator.__name__ = name or names[0]
    operator.__qualname__ = f"Tensor{'Base' * (operator.__name__[0] != '_')}.{operator.__name__}"
    for each in names:
        _C._set_operator(Tensor, each, operator)


for _name in ("floordiv", "rfloordiv", "rlshift", "rmatmul", "rmod", "rpow", "rrshift", "rsub"):
    _operator(f"__{_name}__", f"__{_name}__")
_operator("__rtruediv__", "__rdiv__", "__rtruediv__")
_operator("__pow__", "__pow__", name="pow")
_operator("__ipow__", "__ipow__", name="pow_")
for _name, _as in {"abs": "abs", "neg": "neg", "pos": "positive", "itruediv": "__idiv__"}.items():
    _C._set_operator(Tensor, f"__{_name}__", getattr(Tensor, _as))
type.__setattr__(Tensor, "__array_priority__", 1000)


def __hash__(self: Tensor) -> int:
    return id(self)


__hash__.__qualname__ = "Tensor.__hash__"
_C._set_operator(Tensor, "__hash__", __hash__)


@_method
def __reversed__(self: Tensor) -> Tensor:
    if has_torch_function_unary(self):
        return overridden(Tensor.__reversed__, locals())
    return self if self.dim() == 0 else self.flip(0)


@_method
def __dir__(self: Tensor) -> list[str]:
    if has_torch_function_unary(self):
        return overridden(Tensor.__dir__, locals())
    return sorted({*dir(type(self)), *self.__dict__})


@_method
def numpy(self: Tensor, *args: Any, force: bool = False, **unknown: Any) -> Any:
    """The values as a numpy array over the same memory (a copy where force=True has to detach)."""
    if args:
        were = "was" if len(args) == 1 else "were"
        raise TypeError(f"numpy() takes 0 positional arguments but {len(args)} {were} given")
    for name in unknown:
        raise TypeError(f"numpy() got an unexpected keyword argument '{name}'")
    if not isinstance(force, bool):
        raise TypeError(f"numpy(): argument 'force' must be bool, not {type(force).__name__}")
    if has_torch_function_unary(self):
        return overridden(Tensor.numpy, locals(), name="torch.Tensor.numpy")
    import numpy as np

    if force:
        self = self.detach()
    elif self.requires_grad and _C.is_grad_enabled():
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self.is_conj():
        if not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that has conjugate bit set. Use tensor.resolve_conj().numpy() instead."
            )
        self = self.resolve_conj()
    if self.is_neg():
        if not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that has negative bit set. Use tensor.resolve_neg().numpy() instead."
            )
        self = self.resolve_neg()
    return np.asarray(_Memory(self))


class _Memory:
    """Shows a tensor's memory to numpy and keeps it alive."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return _C._array_interface(self.tensor)


@_method
def __array__(self: Tensor, dtype: Any = None) -> Any:
    if has_torch_function_unary(self):
        return overridden(Tensor.__array__, locals())
    # Without `copy`, as in PyTorch: NumPy 2 then warns where it asks for a copy and makes it itself.
    array = self.numpy()
    return array if dtype is None else array.astype(dtype, copy=False)


@_method
def __array_wrap__(
    self: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Tensor:
    if has_torch_function_unary(self):
        return overridden(Tensor.__array_wrap__, locals())
    if array.dtype == bool:
        array = array.astype("uint8")
    return _C.from_numpy(array)


@_method
def nonzero(self: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of the elements that are not zero: one row each, or one tensor per dim with as_tuple."""
    if has_torch_function_unary(self):
        return overridden(Tensor.nonzero, locals(), name="torch.Tensor.nonzero")
    from ._functions import nonzero

    return nonzero(self, as_tuple=as_tuple)


@_method
def norm(
    self: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """The p-norm of all elements, or along dims; "fro" and None are 2."""
    if has_torch_function_unary(self):
        return overridden(Tensor.norm, locals())
    from ._functions import norm

    return norm(self, p, dim, keepdim, dtype=dtype)


@_method
def split(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size, or of the sizes listed, along a dim."""
    if has_torch_function_unary(self):
        return overridden(Tensor.split, locals())
    if isinstance(split_size, Tensor):
        with contextlib.suppress(ValueError):
            split_size = int(split_size)
    if isinstance(split_size, int):
        return _C._nn.split(self, split_size, dim)
    return _C.split_with_sizes(self, split_size, dim)


@_method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if has_torch_function_unary(self):
        return overridden(Tensor.__deepcopy__, locals())
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    if self.is_conj() or self.is_neg():
        result = self.detach().clone()
    else:  # tensors that share memory share it in the copy
        memory = _C._whole_storage(self)
        key: Any = ("memory", memory.data_ptr(), memory.dtype)
        if key not in memo:
            memo[key] = memory.clone()
        result = memo[key].as_strided(self.size(), self.stride(), self.storage_offset()).data
    if type(self) is not Tensor:
        result = _C._make_subclass(type(self), result, False)
    result.requires_grad_(self.requires_grad)
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = copy.deepcopy(self.grad, memo)
    if self.__dict__:
        result.__dict__ = copy.deepcopy(self.__dict__, memo)
    return result


class _Whole:
    """The whole storage of a tensor as a flat tensor: shared by `copy.copy`, bytes in a pickle."""

    def __init__(self, flat: Tensor) -> None:
        self.flat = flat

    def __reduce__(self) -> tuple:
        data = b"" if self.flat.numel() == 0 else _bytes(self.flat)
        return _restored, (data, _dtype_name(self.flat.dtype))


def _restored(data: bytes, dtype: str) -> _Whole:
    kind = getattr(_C, dtype)
    flat = _C.frombuffer(bytearray(data), dtype=kind) if data else _C.empty(0, dtype=kind)
    return _Whole(flat.clone())


def _rebuild(
    cls: Any,
    memory: _Whole,
    shape: tuple,
    stride: tuple,
    offset: int,
    requires_grad: bool,
    attributes: Any,
    conjugate: bool = False,
    negative: bool = False,
) -> Tensor:
    """Undo `__reduce_ex__`."""
    t = _C.empty(0, dtype=memory.flat.dtype).set_(memory.flat, offset, shape, stride)
    if conjugate:
        t = t.conj().detach()
    if negative:
        t = t._neg_view().detach()
    if requires_grad:
        t.requires_grad_()
    if cls is not None:
        t = t.as_subclass(cls)  # a view, as in PyTorch
    if attributes:
        t.__dict__.update(attributes)
    return t


@_method
def __reduce_ex__(self: Tensor, protocol: int) -> tuple:
    if has_torch_function_unary(self):
        return overridden(Tensor.__reduce_ex__, locals())
    from .utils.hooks import warn_if_has_hooks

    warn_if_has_hooks(self)
    cls = None if type(self) is Tensor else type(self)
    layout = (tuple(self.shape), self.stride(), self.storage_offset())
    memory = _Whole(_C._whole_storage(self))
    state = (self.requires_grad, self.__dict__ or None, self.is_conj(), self.is_neg())
    return _rebuild, (cls, memory, *layout, *state)


@_method
def untyped_storage(self: Tensor) -> Any:
    """The memory of this tensor as bytes; the same object for all tensors that share it."""
    if has_torch_function_unary(self):
        return overridden(Tensor.untyped_storage, locals(), name="torch.Tensor.untyped_storage")
    return _C._storage_of(self)


@_method
def _typed_storage(self: Tensor) -> Any:
    return TypedStorage(wrap_storage=self.untyped_storage(), dtype=self.dtype, _internal=True)


@_method
def storage(self: Tensor) -> Any:
    """The memory of this tensor as elements of its dtype; deprecated, see `untyped_storage`."""
    if has_torch_function_unary(self):
        return overridden(Tensor.storage, locals())
    return TypedStorage(wrap_storage=_C._storage_of(self), dtype=self.dtype)


@_method
def storage_type(self: Tensor) -> Any:
    """The legacy class of `storage()`, such as `torch.FloatStorage`."""
    if has_torch_function_unary(self):
        return overridden(Tensor.storage_type, locals())
    return _legacy_types[self.dtype]


@_method
def is_shared(self: Tensor) -> bool:
    """Whether forked processes share the memory."""
    if has_torch_function_unary(self):
        return overridden(Tensor.is_shared, locals())
    return _C._storage_of(self).is_shared()


@_method
def share_memory_(self: Tensor) -> Tensor:
    """Moves the elements, of all tensors over the same memory, to memory that processes forked from now on share."""
    if has_torch_function_unary(self):
        return overridden(Tensor.share_memory_, locals())
    _C._storage_of(self).share_memory_()
    return self


def _changed(self: Tensor, name: str, others: tuple[Any, ...], function: Any) -> Tensor:
    """Each element becomes what the function makes of it and of those of the others; no new version."""
    if self.requires_grad:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
        )
    if self.is_complex():
        raise NotImplementedError(f"{name} is not implemented for complex tensors")
    operands = [t.expand(self.shape).reshape(-1).tolist() for t in (self, *others)]
    exact = not self.is_floating_point()
    numbers = [
        math.ldexp(value, 0) if not exact else int(value) for value in map(function, *operands)
    ]
    self.data.copy_(_C.tensor(numbers, dtype=self.dtype).reshape(self.shape))
    return self


@_method
def apply_(self: Tensor, callable: Any) -> Tensor:
    """Replaces each element by `callable(element)`. Slow: for small tensors only."""
    if has_torch_function_unary(self):
        return overridden(Tensor.apply_, locals(), name="torch.Tensor.apply_")
    return _changed(self, "apply_", (), callable)


def _map(self: Tensor, name: str, others: dict[str, Any], callable: Any) -> Tensor:
    for position, (key, other) in enumerate(others.items(), 1):
        if not isinstance(other, Tensor):
            raise TypeError(
                f"{name}(): argument '{key}' (position {position}) must be Tensor, not {type(other).__name__}"
            )
    for key, other in others.items():
        if other.dtype != self.dtype and not self.requires_grad:
            raise TypeError(f"{name}: expected {self.type()} for '{key}' (got {other.type()})")
    return _changed(self, name, tuple(others.values()), callable)


@_method
def map_(self: Tensor, other: Any, callable: Any) -> Tensor:
    """Replaces each element by `callable(element, element of other)`; the other tensor is expanded."""
    if has_torch_function_variadic(self, other):
        return overridden(Tensor.map_, locals(), name="torch.Tensor.map_")
    return _map(self, "map_", {"other": other}, callable)


@_method
def map2_(self: Tensor, x: Any, y: Any, callable: Any) -> Tensor:
    """As `map_`, with two other tensors."""
    if has_torch_function_variadic(self, x, y):
        return overridden(Tensor.map2_, locals(), name="torch.Tensor.map2_")
    return _map(self, "map2_", {"x": x, "y": y}, callable)


# The classes say they are torch's; pickles must not need a module of that name.
def _dtype_name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _named(name: str) -> Any:
    return getattr(_C, name)


def _made(kind: str, value: Any) -> Any:
    return getattr(_C, kind)(value)


copyreg.pickle(_C.dtype, lambda d: (_named, (_dtype_name(d),)))
copyreg.pickle(_C.Size, lambda s: (_made, ("Size", tuple(s))))
copyreg.pickle(_C.device, lambda d: (_made, ("device", str(d))))


def _bytes(t: Tensor) -> bytes:
    import ctypes

    return ctypes.string_at(t.data_ptr(), t.nbytes)


@_method
def __setstate__(self: Tensor, state: Any) -> None:
    """Take (requires_grad, anything, hooks): the state of tensors in old pickles."""
    if has_torch_function_unary(self):
        return overridden(Tensor.__setstate__, locals())
    if not self.is_leaf:
        raise RuntimeError("__setstate__ can be only called on leaf Tensors")
    if len(state) == 4:
        self.set_(*state)
        return None
    self.requires_grad, _, self._backward_hooks = state  # type: ignore[misc]
    return None


def _convert_type(
    self: Tensor, dtype: Any = None, non_blocking: bool = False, *, memory_format: Any = None
) -> Any:
    """The type's name ("torch.FloatTensor"), or the tensor converted to a dtype or type."""
    if has_torch_function_unary(self):
        places = 1 if dtype is None else 2
        return overridden(Tensor.type, locals(), n_positional=places, name="torch.Tensor.type")
    if dtype is None:
        return f"torch.{SCALAR_NAMES[_dtype_name(self.dtype)]}Tensor"
    if isinstance(dtype, _C.dtype):
        return self.to(dtype, memory_format=memory_format)
    if not isinstance(dtype, (str, type)):
        raise TypeError("dtype must be a type, str, or dtype object")
    name = dtype if isinstance(dtype, str) else dtype.__name__
    for key, legacy in SCALAR_NAMES.items():
        if name == f"torch.{legacy}Tensor":
            return self.to(getattr(_C, key), memory_format=memory_format)
    raise ValueError(f"invalid type: '{name}'")


# What dtypes are called in messages, and in the names of the old tensor types.
SCALAR_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long",
    "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


_convert_type.__name__ = "type"
Tensor.type = _convert_type  # type: ignore[method-assign]


@_method
def _view_func(self: Tensor, new_base: Tensor) -> Tensor | None:
    """The view of `new_base` that this tensor is of its base.

    None for a tensor that is no view, or a `new_base` that does not lie in its memory as the base does.
    """
    if has_torch_function_unary(self):
        return overridden(Tensor._view_func, locals())
    return _C._view_of_another(self, new_base, True)


@_method
def _view_func_unsafe(self: Tensor, new_base: Tensor) -> Tensor | None:
    """The same without regard to how `new_base` lies in memory."""
    if has_torch_function_unary(self):
        return overridden(Tensor._view_func_unsafe, locals())
    return _C._view_of_another(self, new_base, False)


@_method
def cuda(
    self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Tensor:
    """Move to the GPU; an error without one."""
    if has_torch_function_unary(self):
        return overridden(Tensor.cuda, locals(), name="torch.Tensor.cuda")
    return self.to("cuda" if device is None else device)


def _make_wrapper_subclass(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError(
        "whygrad does not have Tensor._make_wrapper_subclass, nor __torch_dispatch__, for which it is"
    )


Tensor._make_wrapper_subclass = staticmethod(_make_wrapper_subclass)  # type: ignore[method-assign]


def _make_subclass(cls: Any, data: Tensor, require_grad: bool = False) -> Any:
    """The memory of `data`, without its history, as a tensor of a subclass."""
    return _C._make_subclass(cls, data, bool(require_grad))


Tensor._make_subclass = staticmethod(_make_subclass)  # type: ignore[method-assign, assignment]


def register_hook(self: Tensor, hook: Any) -> Any:
    """Call `hook(grad)` whenever a gradient of this tensor is computed.

    What the hook returns, if not None, takes the place of the gradient. Gives a handle with `remove()`.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if has_torch_function_unary(self):
        return overridden(Tensor.register_hook, locals())
    return _C._register_hook(self, hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> Any:
    """Call `hook(tensor)` whenever `.grad` of this leaf has been accumulated; see `register_hook`."""
    if has_torch_function_unary(self):
        return overridden(Tensor.register_post_accumulate_grad_hook, locals())
    return _C._register_post_accumulate_grad_hook(self, hook)


for _f in (register_hook, register_post_accumulate_grad_hook):
    _f.__qualname__ = f"Tensor.{_f.__name__}"
    _method(_f)
