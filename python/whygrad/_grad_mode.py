"""no_grad, enable_grad, set_grad_enabled, inference_mode: context managers, decorators and calls.

The modes are the core's, of each thread its own. A decorated generator function runs every step in the mode and
hands control back in the caller's; of a coroutine function only the making of the coroutine is decorated.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from . import _C

_get = _C.is_grad_enabled
_set = _C._set_grad_enabled


def _wrap_generator(mode: Any, function: Callable) -> Callable:
    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        try:
            with mode.clone():
                value = generator.send(None)
            while True:
                try:
                    request = yield value
                except GeneratorExit:
                    with mode.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    with mode.clone():
                        value = generator.throw(error)
                else:
                    with mode.clone():
                        value = generator.send(request)
        except StopIteration as stop:
            return stop.value

    return generate


class _DecoratorContextManager:
    """Sets the mode on entering and restores the previous one on leaving."""

    def __init__(self) -> None:
        self.prev = False

    def clone(self) -> Any:
        """A context manager of the same mode that can be entered while this one is."""
        return type(self)()

    def __call__(self, orig_func: Any) -> Any:
        """Decorate a function, generator function or class."""
        function = orig_func
        if inspect.isclass(function):
            import warnings

            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only "
                "decorate functions or methods. To preserve the current behavior of class decoration, you can "
                "directly decorate the `__init__` method and nothing else.",
                FutureWarning,
                stacklevel=2,
            )
            cls = function
            function = lambda *args, **kwargs: cls(*args, **kwargs)  # noqa: E731  (its name shows)
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(self, function)

        @functools.wraps(function)
        def decorate_context(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return decorate_context


class _NoParamDecoratorContextManager(_DecoratorContextManager):
    """Decorates also without brackets."""

    def __new__(cls, orig_func: Any = None) -> Any:
        """A manager, or the function decorated."""
        if orig_func is None:
            return super().__new__(cls)
        return cls()(orig_func)


class no_grad(_NoParamDecoratorContextManager):
    """Operations in it are not recorded; results do not require grad."""

    def __enter__(self) -> None:
        """Switch recording off."""
        self.prev = _get()
        _set(False)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the mode from before."""
        _set(self.prev)


class enable_grad(_NoParamDecoratorContextManager):
    """Operations in it are recorded, also within no_grad."""

    def __enter__(self) -> None:
        """Switch recording on."""
        self.prev = _get()
        _set(True)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the mode from before."""
        _set(self.prev)


class set_grad_enabled(_DecoratorContextManager):
    """Switches recording at once when called; as a context manager also back again."""

    def __init__(self, mode: bool) -> None:
        self.prev = _get()
        self.mode = mode
        _set(mode)

    def __call__(self, orig_func: Any) -> Any:
        """Decorate a function; the switch made by the construction is undone."""
        _set(self.prev)
        return super().__call__(orig_func)

    def __enter__(self) -> None:
        """Switch to the mode."""
        _set(self.mode)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the mode from before the construction."""
        _set(self.prev)

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}(mode={self.mode})"

    def clone(self) -> set_grad_enabled:
        """A context manager of the same mode."""
        return type(self)(self.mode)


def _enter_inference_mode(mode: bool) -> Any:
    make: Any = _C._InferenceMode  # switches when it is made
    context = make(mode)
    context.__enter__()
    return context


def _exit_inference_mode(mode: Any) -> None:
    mode.__exit__(None, None, None)


class inference_mode(_DecoratorContextManager):
    """Operations in it are not recorded, and what they make are inference tensors.

    Those count no writes in place and have no views, which saves time. In return they can never be saved for
    backward, nor written to outside of the mode (RuntimeError); a clone() made outside is a normal
    tensor. Views of normal tensors are normal tensors.

    Args:
        mode: False leaves inference mode, for operations that are recorded again.
    """

    def __new__(cls, mode: Any = True) -> Any:
        """A manager, or the function decorated."""
        if isinstance(mode, bool):
            return super().__new__(cls)
        return cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        del self.prev  # kept by the context
        self.mode = mode

    def __enter__(self) -> None:
        """Switch to the mode."""
        self._inference_mode_context = _enter_inference_mode(self.mode)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore all modes from before."""
        self._inference_mode_context.__exit__(exc_type, exc_value, traceback)

    def clone(self) -> inference_mode:
        """A context manager of the same mode."""
        return type(self)(self.mode)


class enforce_grad_layout_policy(_DecoratorContextManager):
    """Whether new gradients get the strides of their leaves; set when called, as a manager restored.

    When it is off, a gradient that nobody else holds becomes `.grad` as it is, and gradients of other strides
    are no reason for a warning.
    """

    def __init__(self, enable: bool = True) -> None:
        self.prev = _C._is_grad_layout_enforcement_enabled()
        _C._set_grad_layout_enforcement_enabled(enable)
        self.mode = enable

    def __call__(self, orig_func: Any) -> Any:
        """Decorate a function; the switch made by the construction is undone."""
        _C._set_grad_layout_enforcement_enabled(self.prev)
        return super().__call__(orig_func)

    def __enter__(self) -> None:
        """Nothing more: the construction has switched."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the mode from before the construction."""
        _C._set_grad_layout_enforcement_enabled(self.prev)

    def clone(self) -> enforce_grad_layout_policy:
        """A context manager of the same mode."""
        return type(self)(self.mode)


class _unsafe_preserve_version_counter(_DecoratorContextManager):
    """Writes to `tensors`, one tensor or a tuple, within it are not counted.

    For those who put back the same values: what was saved for backward is not protected.
    """

    def __init__(self, tensors: _C.Tensor | tuple[_C.Tensor, ...]) -> None:
        self.tensors = (tensors,) if isinstance(tensors, _C.Tensor) else tensors
        assert isinstance(self.tensors, tuple), "Expected tensors to be a tuple"
        self.prev_versions = tuple(t._version for t in self.tensors)

    def __enter__(self) -> None:
        """Nothing: the versions were read by the construction."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the versions."""
        _C._unsafe_set_version_counter(self.tensors, self.prev_versions)


class set_multithreading_enabled(_DecoratorContextManager):
    """Switches at once when called whether a backward pass may use threads of its own; as a context manager also
    back again. One flag per thread. On the CPU a pass runs on the thread that calls it in any case.
    """

    def __init__(self, mode: bool) -> None:
        self.prev = _C._is_multithreading_enabled()
        _C._set_multithreading_enabled(mode)
        self.mode = mode

    def __enter__(self) -> None:
        """Leave the flag as it is."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Restore the flag from before the construction."""
        _C._set_multithreading_enabled(self.prev)

    def clone(self) -> set_multithreading_enabled:
        """A context manager of the same flag."""
        return type(self)(self.mode)


for _cls in (
    no_grad,
    enable_grad,
    set_grad_enabled,
    set_multithreading_enabled,
    inference_mode,
    enforce_grad_layout_policy,
    _unsafe_preserve_version_counter,
):
    _cls.__module__ = "torch.autograd.grad_mode"
