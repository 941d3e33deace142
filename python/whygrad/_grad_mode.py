"""no_grad, enable_grad, set_grad_enabled: context managers, decorators and calls.

The flag is the core's, one per thread. A decorated generator function runs every step in the mode and
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


for _cls in (no_grad, enable_grad, set_grad_enabled, set_multithreading_enabled):
    _cls.__module__ = "torch.autograd.grad_mode"
