"""Hooks: `RemovableHandle`, what every `register_*_hook` returns, and `BackwardHook` of modules."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import _C
from ..autograd.function import Function

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]

Tensor = _C.Tensor

_ids = itertools.count()
_last = -1


class _Counted(type):
    @property
    def next_id(cls) -> int:
        """The id of the next handle; kept in the class, it would void its caches each time."""
        return _last + 1


class RemovableHandle(metaclass=_Counted):
    """Removes one hook from the dictionary it lives in.

    The dictionary is held weakly, so a handle never keeps a module alive, and `remove()` after
    the module is gone does nothing. Usable as a context manager that removes the hook on exit.

    Args:
        hooks_dict: an OrderedDict that maps `handle.id` to the hook.
        extra_dict: an OrderedDict, or a list of them, with more entries under the same id.
    """

    id: int
    hooks_dict_ref: Any
    extra_dict_ref: tuple[Any, ...]

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        global _last
        self.id = _last = next(_ids)
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        if extra_dict is None:
            self.extra_dict_ref = ()
            return
        if isinstance(extra_dict, dict):
            extra_dict = (extra_dict,)
        self.extra_dict_ref = tuple(weakref.ref(extra) for extra in extra_dict)

    def remove(self) -> None:
        """Take the hook out; a second call does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __reduce__(self) -> tuple[Any, ...]:
        # Not by the name of the class, whose module it says is torch's.
        return _new_handle, (), self.__getstate__()

    def __getstate__(self) -> tuple[Any, ...]:
        extra = tuple(ref() for ref in self.extra_dict_ref)
        return (self.hooks_dict_ref(), self.id, extra)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        hooks, self.id, extra = state
        # A dictionary that died before pickling is replaced by an empty one nobody else holds.
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks is None else hooks)
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if d is None else d) for d in extra)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


def _new_handle() -> RemovableHandle:
    return RemovableHandle.__new__(RemovableHandle)


def unserializable_hook(f: Any) -> Any:
    """Mark a hook as one that pickles silently leave out; gives it back."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Tensor) -> None:
    """Warn of each hook on the tensor that a pickle of it does not contain, but for marked ones."""
    for hook in (tensor._backward_hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the "
                "function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )


class BackwardHookFunction(Function):
    """Hands tensors on as they are: its node is where the hooks of a module sit."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The inputs, of which those without gradient stay so."""
        ctx.mark_non_differentiable(*(t for t in tensors if not t.requires_grad))
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        """The gradients as they come."""
        return grads


def _replaced(what: str, kind: str, now: Sequence[Any], before: Sequence[Any]) -> Sequence[Any]:
    """The gradients that a hook returned, which must be as many as before."""
    if len(now) != len(before):
        raise RuntimeError(
            f"{what} returned an invalid number of {kind}, got {len(now)}, but expected "
            f"{len(before)}"
        )
    return now


class BackwardHook:
    """Runs the backward hooks of a module for one call of it.

    The tensors that enter the module and those that leave it each pass a node that does nothing.
    When the gradients of the outputs arrive, they are kept (`grad_outputs`) and the pre-hooks run;
    when those of the inputs are there, the hooks run with both. If no input requires grad nothing
    arrives there, so the hooks run at the outputs.

    Args:
        module: what the hooks get as their first argument.
        user_hooks: called as `hook(module, grad_input, grad_output)`.
        user_pre_hooks: called as `hook(module, grad_output)`.
    """

    def __init__(
        self,
        module: Any,
        user_hooks: Iterable[Callable[..., Any]],
        user_pre_hooks: Iterable[Callable[..., Any]],
    ) -> None:
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs: Sequence[Any] | None = None
        self.n_inputs = -1
        self.n_outputs = -1
        self.input_tensors_index: list[int] | None = None
        self.output_tensors_index: list[int] | None = None

    def setup_input_hook(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments to call forward with."""
        self.n_inputs = len(args)
        args, self.input_tensors_index, node = self._pass_through(args)
        if node is not None:
            node.register_hook(self._at_inputs())
        return args

    def setup_output_hook(self, args: Any) -> Any:
        """What to return in place of the output of forward, a tensor or a tuple."""
        outputs = args if isinstance(args, tuple) else (args,)
        self.n_outputs = len(outputs)
        outputs, self.output_tensors_index, node = self._pass_through(outputs)
        if node is not None:
            node.register_hook(self._at_outputs())
        return outputs if isinstance(args, tuple) else outputs[0]

    @staticmethod
    def _pass_through(args: Any) -> tuple[Any, list[int] | None, Any]:
        """The arguments behind a new node, the places of the tensors among them, and the node."""
        index = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not (_C.is_grad_enabled() and any(args[i].requires_grad for i in index)):
            return args, None, None
        passed = BackwardHookFunction.apply(*(args[i] for i in index))
        result = list(args)
        for i, tensor in zip(index, passed, strict=True):
            result[i] = tensor
        node = next(t.grad_fn for t in passed if t.grad_fn is not None)
        # A named tuple is made of its fields one by one.
        make = type(args)._make if hasattr(type(args), "_make") else type(args)
        return make(result), index, node

    @staticmethod
    def _spread(grads: Iterable[Any], index: Iterable[int], n: int) -> tuple[Any, ...]:
        """`grads` at the places `index` of a tuple of `n`."""
        result: list[Any] = [None] * n
        for i, grad in zip(index, grads, strict=True):
            result[i] = grad
        return tuple(result)

    def _at_outputs(self) -> Callable[..., Any]:
        # After the node: it has made zeros of missing gradients, which may be replaced.
        def hook(_: Any, grad_output: tuple[Any, ...]) -> tuple[Any, ...] | None:
            index = self.output_tensors_index or []
            grads: Sequence[Any] = self._spread(grad_output, index, self.n_outputs)
            changed = False
            for user_pre_hook in self.user_pre_hooks:
                result = user_pre_hook(self.module, grads)
                if result is not None:
                    grads = _replaced("Backward pre hook", "grad_output", result, grads)
                    changed = True
            self.grad_outputs = grads
            # As they are before hooks without inputs run, which may change nothing.
            delivered = tuple(grads[i] for i in index) if changed else None
            if self.input_tensors_index is None:
                self._without_inputs()
            return delivered

        return hook

    def _without_inputs(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs "
            "require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=5,
        )
        nothing = (None,) * max(self.n_inputs, 0)
        for user_hook in self.user_hooks:
            result = user_hook(self.module, nothing, self.grad_outputs)
            if result is None or (isinstance(result, tuple) and all(r is None for r in result)):
                continue
            raise RuntimeError(
                "Backward hook for Modules where no input requires gradient should always return "
                "None or None for all "
                "gradients."
            )
        self.grad_outputs = None

    def _at_inputs(self) -> Callable[..., Any]:
        def hook(grad_input: tuple[Any, ...], _: Any) -> tuple[Any, ...] | None:
            if self.grad_outputs is None:
                return None  # this gradient has not come through the outputs
            index = self.input_tensors_index or []
            grads: Sequence[Any] = self._spread(grad_input, index, self.n_inputs)
            for user_hook in self.user_hooks:
                result = user_hook(self.module, grads, self.grad_outputs)
                if result is not None:
                    grads = _replaced("Backward hook", "grad_input", result, grads)
            self.grad_outputs = None
            return tuple(grads[i] for i in index)

        return hook


for _c in (RemovableHandle, BackwardHook):
    _c.__module__ = "torch.utils.hooks"  # as scripts print it
