"""`torch.autograd.Function`: operations with a derivative written in Python.

The node, the bookkeeping of what forward returned and the checks of what backward returned are the
core's (`_C._function_apply`); here is the class that users derive from and the object they call `ctx`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .. import _C
from .._grad_mode import no_grad
from .._vmap_levels import open_levels
from ._nested import _iter_filter as _iter_filter
from ._nested import _iter_None_tensors as _iter_None_tensors
from ._nested import _iter_tensors as _iter_tensors
from ._nested import _iter_tensors_permissive as _iter_tensors_permissive
from ._nested import _map_tensor_data as _map_tensor_data
from ._nested import _nested_map as _nested_map
from ._nested import _unflatten as _unflatten
from ._node_classes import DelayedError

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]

Tensor = _C.Tensor


class FunctionCtx:
    """What `forward` and `backward` share: the methods of `ctx`."""

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for backward, as `ctx.saved_tensors`, with the check of versions."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for jvp, which finds them in `ctx.saved_tensors`."""
        for t in tensors:
            assert isinstance(t, Tensor) or t is None, (
                "save_for_forward expects all arguments to be tensors; you should save non-tensors as "
                "attributes on ctx."
            )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs forward changed in place; they must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which outputs have no derivative."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for outputs without gradient."""
        self.materialize_grads = value

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Do nothing: tensors that share memory are known."""
        warnings.warn(
            "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )


_ContextMethodMixin = FunctionCtx  # its older name


class _HookMixin:
    @staticmethod
    def _register_hook(backward_hooks: Any, hook: Any) -> tuple[Any, Any]:
        """Put the hook into a dict, made if there is none; gives the dict and the handle."""
        from ..utils.hooks import RemovableHandle

        hooks = OrderedDict() if backward_hooks is None else backward_hooks
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        return hooks, handle


class BackwardCFunction(_C._FunctionBase, FunctionCtx, _HookMixin):
    """The node of a Function; every Function has a subclass of it named NAMEBackward."""

    def apply(self, *grads: Any) -> Any:
        """Call the user's derivative with the gradients of the outputs."""
        function = self._get_user_fn()
        if self._forward_cls.boxed_grads_call:
            return function(self, list(grads))
        return function(self, *grads)

    def apply_boxed(self, grads: list[Any]) -> Any:
        """Call the user's derivative with a list, out of which it may take the gradients to free them."""
        return self._get_user_fn()(self, grads)

    def apply_jvp(self, *tangents: Any) -> Any:
        """Call the user's forward derivative with the tangents of the inputs."""
        return self._forward_cls.jvp(self, *tangents)

    def _get_user_fn(self) -> Callable[..., Any]:
        cls = self._forward_cls
        backward, vjp = cls.backward, cls.vjp
        if backward is not Function.backward and vjp is not Function.vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                "implement one of them."
            )
        return vjp if vjp is not Function.vjp else backward


class FunctionMeta(type):
    """Gives each Function the class of its nodes, `_backward_cls`."""

    def __init__(cls, name: str, bases: tuple, namespace: dict) -> None:
        super().__init__(name, bases, namespace)
        cls._backward_cls = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls})
        cls._backward_cls.__module__ = "torch.autograd.function"


def _no_setup_context(ctx: Any, inputs: Any, output: Any) -> None:
    """Mark the absence of a user's setup_context."""
    raise NotImplementedError("setup_context is not implemented.")


@functools.cache
def _signature(forward: Callable) -> tuple[inspect.Signature, int]:
    """The signature of a forward, and the number of arguments that are positional by any reading."""
    signature = inspect.signature(forward)
    kinds = [p.kind for p in signature.parameters.values()]
    plain = all(k is inspect.Parameter.POSITIONAL_OR_KEYWORD for k in kinds)
    return signature, len(kinds) if plain else -1


def _only_by_keyword(signature: inspect.Signature, name: str) -> bool:
    """Whether an argument has no place among those that are given to forward one by one."""
    p = signature.parameters.get(name)
    if p is None:
        kinds = [q.kind for q in signature.parameters.values()]
        return inspect.Parameter.VAR_KEYWORD in kinds
    return p.kind is inspect.Parameter.KEYWORD_ONLY


def _positional(forward: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple:
    """The arguments of forward, after ctx, with keywords in their places."""
    parameters = list(_signature(forward)[0].parameters.values())[1:]
    names = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    for name in kwargs:
        if name not in names:
            raise TypeError(f"forward() got an unexpected keyword argument {name!r}")
        if names.index(name) < len(args):
            raise TypeError(f"forward() got multiple values for argument {name!r}")
    placed = list(args)
    for p in parameters[len(args) : max(map(names.index, kwargs)) + 1]:
        if p.name not in kwargs and p.default is inspect.Parameter.empty:
            raise TypeError(f"forward() missing 1 required positional argument: {p.name!r}")
        placed.append(kwargs.get(p.name, p.default))
    return tuple(placed)


class _SingleLevelFunction(_C._FunctionBase, FunctionCtx, _HookMixin, metaclass=FunctionMeta):
    """What users override."""

    _has_setup_context = False
    clear_saved_tensors_on_access = False
    boxed_grads_call = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._has_setup_context = cls.setup_context is not _no_setup_context

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; overridden by every Function."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    setup_context = staticmethod(_no_setup_context)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Give the gradients of forward's arguments; overridden by Functions that are differentiated."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Give the tangents of forward's outputs; overridden by Functions that forward mode goes through."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record the operation."""
        if cls._has_setup_context:
            signature, n = _signature(cls.forward)
            if kwargs or len(args) != n:
                for name in kwargs:
                    if _only_by_keyword(signature, name):
                        raise TypeError(f"forward() got an unexpected keyword argument {name!r}")
                bound = signature.bind(*args, **kwargs)
                bound.apply_defaults()
                args = bound.args
        elif kwargs:
            args = _positional(cls.forward, args, kwargs)
        if open_levels():
            from ..func._batching import custom

            return custom.apply(cls, args, Function, _run)
        return _C._function_apply(cls, cls._backward_cls, args)


def _run(cls: Any, args: tuple) -> Any:
    return _C._function_apply(cls, cls._backward_cls, args)


class Function(_SingleLevelFunction):
    """Base of custom operations: define static `forward` and `backward`, call `apply`.

    `forward(ctx, *args)`, or `forward(*args)` together with `setup_context(ctx, inputs, output)`.
    `backward(ctx, *grad_outputs)` returns one gradient (or None) per argument of forward.

    With `clear_saved_tensors_on_access = True` the saved tensors are freed when backward has asked
    for them, which it may once. With `boxed_grads_call = True` backward gets its gradients as one
    list. With `generate_vmap_rule = True` vmap maps forward and backward themselves, else it calls
    the static method `vmap`.
    """

    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: instances are not called any more."""
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """Compute the outputs of a batch, and their batch dims; for Functions that vmap goes through."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )


class InplaceFunction(Function):
    """An older base of Functions that have an option `inplace`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """A base of older Functions; what they define is not called any more."""

    def forward_extended(self, *inputs: Any) -> Any:
        """Compute the outputs from nested inputs."""
        raise NotImplementedError

    def backward_extended(self, *grads: Any) -> Any:
        """Give nested gradients."""
        raise NotImplementedError


for _name in (*__all__[:-1], "_SingleLevelFunction"):
    globals()[_name].__module__ = "torch.autograd.function"  # as warnings and scripts print it


def once_differentiable(fn: Callable) -> Callable:
    """Decorate a backward that is not itself differentiable: differentiating it is an error."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        if not _C.is_grad_enabled():
            return outputs
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        many = isinstance(outputs, tuple)
        result = list(outputs) if many else [outputs]
        places = [
            i
            for i, o in enumerate(result)
            if isinstance(o, Tensor) and (o.is_floating_point() or o.is_complex())
        ]
        if places:
            leaves = [result[i].detach() for i in places]
            for leaf in leaves:
                leaf.requires_grad = True  # requires_grad_() is refused in a transform
            guarded = DelayedError(
                "trying to differentiate twice a function that was marked with @once_differentiable",
                len(leaves),
            )(*leaves)
            for i, g in zip(
                places, guarded if isinstance(guarded, tuple) else (guarded,), strict=True
            ):
                result[i] = g
        return tuple(result) if many else result[0]

    return wrapper
