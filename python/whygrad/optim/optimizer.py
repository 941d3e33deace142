"""`Optimizer`, the base class: parameter groups, state, saving, hooks.

Start at `Optimizer.add_param_group` (what is accepted) and `_run_step` (how a step runs). An
optimizer of this package only defines `_update_group`.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import whygrad
from whygrad import _C, Tensor

from ..autograd import profiler
from ..utils.hooks import RemovableHandle

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
]

_global_step_pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
_global_step_post_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()


class _RequiredParameter:
    """Stands in `defaults` for an option that every parameter group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


def _add_hook(hooks: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Register `hook(optimizer, args, kwargs)`, run before every step of every optimizer."""
    return _add_hook(_global_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Register `hook(optimizer, args, kwargs)`, run after every step of every optimizer."""
    return _add_hook(_global_step_post_hooks, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step`, with the hooks before and after it."""

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        # Present only when a scheduler asks whether a step came before its own.
        if "_opt_called" in own:
            own["_opt_called"] = True
        if profiler.recording and "_in_step" not in own:
            with _region(self, "step"):
                return _step_between_hooks(step, self, (self, *args), kwargs)
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or _global_step_pre_hooks
            or _global_step_post_hooks
        ) and "_in_step" not in own:
            return _step_between_hooks(step, self, (self, *args), kwargs)
        return step(self, *args, **kwargs)

    return wrapper


def _region(optimizer: Optimizer, method: str) -> profiler.record_function:
    """What a profile shows of a call of the method."""
    return profiler.record_function(f"Optimizer.{method}#{type(optimizer).__name__}.{method}")


def _step_between_hooks(
    step: Callable[..., Any], self: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run the hooks around `step(*args, **kwargs)`; `args[0]` is the optimizer."""
    # Global hooks enclose the optimizer's own.
    for hook in (*_global_step_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
        replaced = hook(self, args, kwargs)
        if replaced is not None:
            if not isinstance(replaced, tuple) or len(replaced) != 2:
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{replaced}."
                )
            args, kwargs = replaced
    # A step that calls `super().step()` is one step: the inner one runs no hooks.
    self.__dict__["_in_step"] = True
    try:
        result = step(*args, **kwargs)
    finally:
        del self.__dict__["_in_step"]
    for hook in (*self._optimizer_step_post_hooks.values(), *_global_step_post_hooks.values()):
        hook(self, args, kwargs)
    return result


def _number(value: Any) -> float:
    """A hyperparameter that may be a one-element tensor, as a number."""
    return value.item() if isinstance(value, Tensor) else value


def _as_real(t: Tensor) -> Tensor:
    """What is updated of a parameter or its state: complex numbers part by part."""
    return whygrad.view_as_real(t) if t.is_complex() else t


def _scalar_dtype() -> Any:
    """The dtype of step counters."""
    double = whygrad.float64
    return double if whygrad.get_default_dtype() == double else whygrad.float32


def _check_lr(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def _check_modes(
    name: str,
    *,
    foreach: bool | None = None,
    fused: bool | None = None,
    differentiable: bool = False,
    capturable: bool = False,
) -> None:
    """Reject implementations that exclude each other, and those that do not exist here.

    `foreach` and `fused` choose among equal implementations; here there is one, so they change
    nothing.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    for option, value in (("differentiable", differentiable), ("capturable", capturable)):
        if value:
            raise NotImplementedError(f"{name}: {option}=True does not exist in whygrad")


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: tensors, (name, tensor) pairs, or dictionaries that describe a group each, with
            the tensors under "params" and options that replace the defaults.
        defaults: the options of a group that does not give its own.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Tensor, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._add_hook_tables()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {params.type()}"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _add_hook_tables(self) -> None:
        for name in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            self.__dict__.setdefault(name, OrderedDict())

    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._add_hook_tables()
        self.__dict__.setdefault("defaults", {})
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(
                f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"
            )
        return text + ")"

    # -- hooks ------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register `hook(optimizer, args, kwargs)`; it may return new `(args, kwargs)`."""
        return _add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Register `hook(optimizer, args, kwargs)`, run after each step."""
        return _add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> RemovableHandle:
        """Register `hook(optimizer)`, run before `state_dict`."""
        return _add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Register `hook(optimizer, state_dict)`; it may return a new one."""
        return _add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Register `hook(optimizer, state_dict)`, run before loading; it may return a new one."""
        return _add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> RemovableHandle:
        """Register `hook(optimizer)`, run after loading."""
        return _add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # -- saving and loading -----------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The state and the groups, with each parameter replaced by its number."""
        for pre_hook in self._optimizer_state_dict_pre_hooks.values():
            pre_hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            (numbers[id(key)] if isinstance(key, Tensor) else key): value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` returned.

        State tensors get the dtype of their parameter, and are shared when they have it already.

        Raises:
            ValueError: the groups differ in number or size.
        """
        state_dict = state_dict.copy()
        for pre_hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = pre_hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced

        groups = self.param_groups
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        params: dict[Any, Tensor] = {}
        for group, saved in zip(groups, saved_groups, strict=True):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
            params.update(zip(saved["params"], group["params"], strict=True))
            saved["params"] = group["params"]
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]

        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _like_param(params[key], value)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # -- groups -----------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dictionary with tensors, or (name, tensor) pairs, under "params"."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            if not all(named):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are "
                    "missing"
                )
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params

        for p in params:
            if not isinstance(p, Tensor):
                cls = type(p)
                module = "" if cls.__module__ == "builtins" else cls.__module__ + "."
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{module}{cls.__name__}"
                )
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)

        ids = {id(p) for p in params}
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=4,
            )
        if any(id(p) in ids for group in self.param_groups for p in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups:
            has_names = "param_names" in param_group
            if has_names != ("param_names" in self.param_groups[0]):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with' if has_names else 'without'} names to the optimizer"
                )
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradient of every parameter, or fill it with zeros."""
        if profiler.recording:
            with _region(self, "zero_grad"):
                return self._drop_gradients(set_to_none)
        return self._drop_gradients(set_to_none)

    def _drop_gradients(self, set_to_none: bool) -> None:
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None
            return
        for group in self.param_groups:
            for p in group["params"]:
                grad = p.grad
                if grad is not None:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    # -- stepping ---------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; every subclass defines it.

        Args:
            closure: computes the loss again, with gradients, and returns it.
        """
        raise NotImplementedError

    def _update_group(self, group: dict[str, Any]) -> None:
        """Update the parameters of one group from their gradients; nothing is recorded."""
        raise NotImplementedError

    def _run_step(self, closure: Callable[[], Any] | None) -> Any:
        """Run `closure` with gradients and `_update_group` without; return the loss."""
        loss = None
        if closure is not None:
            with whygrad.enable_grad():
                loss = closure()
        # A context manager would be most of the time of a small step.
        enabled = whygrad.is_grad_enabled()
        _C._set_grad_enabled(False)
        try:
            for group in self.param_groups:
                if group.get("fused"):
                    _check_fused(group["params"])
                self._update_group(group)
        finally:
            _C._set_grad_enabled(enabled)
        return loss


def _check_fused(params: list[Tensor]) -> None:
    """Fused implementations are for real numbers."""
    for p in params:
        if p.grad is not None and not p.is_floating_point():
            raise RuntimeError(
                "`fused=True` requires all the params to be floating point Tensors of supported "
                "devices: ['mps', 'cuda', 'xpu', 'hpu', 'cpu', 'mtia', 'privateuseone'] but "
                f"{p.dtype} and {p.device.type}"
            )


def _like_param(param: Tensor, value: Any, key: Any = None) -> Any:
    """Loaded state, with tensors in the dtype and on the device of `param`."""
    if isinstance(value, Tensor):
        if key == "step":
            # A counter: float32 even for half-precision parameters, which cannot count far.
            return value
        if param.is_floating_point():
            return value.to(param.device, param.dtype)
        return value.to(param.device)
    if isinstance(value, dict):
        return {k: _like_param(param, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_like_param(param, v) for v in value)  # type: ignore[call-arg]
    return value
