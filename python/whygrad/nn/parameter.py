"""`Parameter` and `Buffer`: tensors that a module registers when they are assigned to it.

Start at `_MarkedTensorMeta`: any tensor can be marked as a parameter or a buffer, so
`isinstance` asks for the mark as well as for the class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import whygrad
from whygrad import _C, Tensor

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


class _MarkedTensorMeta(type(Tensor)):  # type: ignore[misc]
    """Makes `isinstance(t, cls)` true for tensors of another class that carry the mark."""

    _mark: str

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return isinstance(instance, Tensor) and getattr(instance, cls._mark, False)


def _rebuild_parameter(
    cls: Callable[..., Tensor], data: Tensor, requires_grad: bool, attributes: dict | None
) -> Tensor:
    """Undo `Parameter.__reduce_ex__`."""
    result = cls(data, requires_grad)
    if attributes:
        result.__dict__.update(attributes)
    return result


class Parameter(Tensor, metaclass=_MarkedTensorMeta):
    """A tensor that becomes a parameter of the module it is assigned to.

    Args:
        data: values of the parameter, any shape and dtype; an empty tensor when left out.
            A tensor of another class keeps its class and is marked as a parameter.
        requires_grad: whether gradients are accumulated; needs a floating point dtype.
    """

    _mark = "_is_param"
    _is_param = True
    __torch_function__ = _C._disabled_torch_function_impl

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        """Wrap `data` without copying it: the parameter shares its storage and version."""
        if data is None:
            data = whygrad.empty(0)
        if type(data) is Tensor or type(data) is cls:
            return Tensor._make_subclass(cls, data, requires_grad)
        # A tensor of the caller's own class: keep that class, and only mark it.
        result = data.detach()
        if not hasattr(data, "_physical"):  # within a vmap what is made of it has no history anyway
            result.requires_grad_(requires_grad)
        if type(result) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires "
                "that detach() returns an instance of the same type, but return type "
                f"{type(result).__name__} was found instead. To use the type as a Parameter, "
                "please correct the detach() semantics defined by its __torch_dispatch__() "
                "implementation."
            )
        result._is_param = True
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Copy the values and `requires_grad`; a gradient is not copied."""
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, proto: Any) -> tuple[Any, ...]:
        """Pickle as (data, requires_grad, attributes)."""
        attributes = getattr(self, "__dict__", None) or None
        return _rebuild_parameter, (type(self), self.data, self.requires_grad, attributes)

    def __repr__(self, *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + Tensor.__repr__(self, *args, **kwargs)


_C._set_parameter_type(Parameter)


class Buffer(Tensor, metaclass=_MarkedTensorMeta):
    """Makes a tensor that becomes a buffer of the module it is assigned to.

    The result is a tensor of the class of `data`, marked as a buffer.

    Args:
        data: values of the buffer, any shape and dtype; an empty tensor when left out.
        persistent: whether the buffer is part of the module's `state_dict`.
    """

    _mark = "_is_buffer"

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        """Share the storage of `data`."""
        if data is None:
            data = whygrad.empty(0)
        result = data.detach().requires_grad_(data.requires_grad)
        result.persistent = persistent
        result._is_buffer = True
        return result


def is_lazy(param: Any) -> bool:
    """Whether `param` still waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)


# What may be asked of a tensor without a shape.
_OF_ANY_TENSOR = tuple(
    getattr(Tensor, name)
    for name in (
        *("half", "float", "double", "char", "short", "int", "long", "to", "cpu", "cuda", "size"),
        *("is_complex", "is_floating_point", "get_device", "copy_", "__hash__"),
    )
    if hasattr(Tensor, name)
)


class UninitializedTensorMixin:
    """A tensor that has a dtype and a device and waits for its shape: see `materialize`."""

    cls_to_become: type

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a `cls_to_become` of this shape, with memory that is not initialised.

        Device and dtype stay as they are unless given.
        """
        device = self.data.device if device is None else device
        dtype = self.data.dtype if dtype is None else dtype
        self.data = whygrad.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        """Raise: there is none."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self) -> Any:
        """Raise: there is no memory."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self: Any, proto: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad,)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Refuse all but questions that do not depend on the shape."""
        if func in _OF_ANY_TENSOR or type(func).__name__ == "method-wrapper":
            return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[misc]
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {func}. This error happens when you "
            "are using a `LazyModule` or explicitly manipulating "
            f"`torch.nn.parameter.{cls.__name__}` objects. When using LazyModules Call `forward` "
            "with a dummy batch to initialize the parameters before calling torch functions"
        )


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet.

    Args:
        requires_grad: whether gradients will be accumulated.
        device, dtype: as of other tensors.
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        """Hold an empty tensor."""
        data = whygrad.empty(0, device=device, dtype=dtype)
        return Tensor._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Make another of the same dtype."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):  # type: ignore[misc]
    """A buffer whose shape is not known yet; see `UninitializedParameter`."""

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        """Hold an empty tensor."""
        data = whygrad.empty(0, device=device, dtype=dtype)
        result = Tensor._make_subclass(cls, data, requires_grad)  # type: ignore[arg-type]
        result.persistent = persistent
        result._is_buffer = True
        return result
