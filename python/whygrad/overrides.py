"""`torch.overrides`: how classes and modes answer calls in place of whygrad.

A class with `__torch_function__(cls, func, types, args=(), kwargs=None)` is asked about every call
that one of its objects takes part in, a `TorchFunctionMode` about every call while it is open.
Functions of the extension ask by themselves (python/bind/override.h); one in Python begins with

    if has_torch_function_variadic(input, weight):
        return overridden(linear, locals())

The questions are functions of C, and cost some 30 ns.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import keyword
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import _C

Tensor = _C.Tensor

__all__ = [
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

has_torch_function = _C._has_torch_function
has_torch_function_unary = _C._has_torch_function_unary
has_torch_function_variadic = _C._has_torch_function_variadic

_handle = _C._handle_torch_function


# -- asking --------------------------------------------------------------------------------------


def handle_torch_function(
    public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the open mode or the classes of `relevant_args` answer to `public_api(*args, **kwargs)`.

    Subclasses are asked before their bases, and else the arguments from left to right.

    Raises:
        TypeError: all of them answered NotImplemented.
    """
    return _handle(public_api, tuple(relevant_args), args, kwargs, None)


def overridden(
    function: Any,
    arguments: dict[str, Any],
    *,
    n_positional: int | None = None,
    relevant: Iterable[Any] | None = None,
    name: str = "",
) -> Any:
    """The answer to a call of `function`, whose first line asks with its locals() as `arguments`.

    Those who answer hear of the parameters without a default by position, or of `n_positional`, and
    of the rest by keyword. All arguments are asked, or those that are `relevant`. A `name`, as
    "torch.nonzero", is that of a function which PyTorch has in C: of that they hear as it was
    called, without the parameters that keep their defaults.
    """
    names, optional, rest, n_required = _parameters(function)
    first = n_required if n_positional is None else n_positional
    args = tuple([arguments[n] for n in names[:first]])
    if rest:
        args += tuple(arguments[rest])
    kwargs = {n: arguments[n] for n in names[first:]}
    if name:
        kwargs = {n: v for n, v in kwargs.items() if v is not optional[n]}
    asked = relevant if relevant is not None else (*args, *kwargs.values())
    return _handle(function, asked, args, kwargs if kwargs or not name else None, name or None)


@functools.cache
def _parameters(function: Any) -> tuple[tuple[str, ...], dict[str, Any], str, int]:
    """Names, those without a default first; the defaults; *args; how many have none."""
    parameters = inspect.signature(function).parameters.values()
    required = tuple(
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    )
    optional = {p.name: p.default for p in parameters if p.default is not p.empty}
    rest = "".join(p.name for p in parameters if p.kind is p.VAR_POSITIONAL)
    return required + tuple(optional), optional, rest, len(required)


def is_tensor_like(inp: Any) -> bool:
    """Whether inp is a Tensor or has `__torch_function__`."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator for functions; dispatcher(*args, **kwargs) gives those who are to be asked."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return decorate


# -- modes ---------------------------------------------------------------------------------------


class TorchFunctionMode:
    """While it is entered, every call on this thread goes to its `__torch_function__`.

    That one runs with the mode put aside: what it calls goes to the mode around it. `types` are the
    classes that override the call.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        _C._push_on_torch_function_stack(self)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        _C._pop_torch_function_stack()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> TorchFunctionMode:
        """An instance: the old spelling of a call of the class."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """Changes nothing."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        return func(*args, **(kwargs or {}))


_len_torch_function_stack = _C._len_torch_function_stack
_get_function_stack_at = _C._get_function_stack_at
_push_mode = _C._push_on_torch_function_stack


def _pop_mode() -> Any:
    return _C._pop_torch_function_stack()


def _is_torch_function_mode_enabled() -> bool:
    """Whether a mode would hear of a call."""
    return _C._len_torch_function_stack() > 0 and not _C._is_torch_function_all_disabled()


def _get_current_function_mode() -> Any:
    n = _C._len_torch_function_stack()
    return _C._get_function_stack_at(n - 1) if n else None


def _get_current_function_mode_stack() -> list[Any]:
    return [_C._get_function_stack_at(i) for i in range(_C._len_torch_function_stack())]


@contextlib.contextmanager
def _pop_mode_temporarily() -> Iterator[Any]:
    mode = _C._pop_torch_function_stack()
    try:
        yield mode
    finally:
        _C._push_on_torch_function_stack(mode)


# -- what can be overridden ----------------------------------------------------------------------


def _public_modules() -> list[tuple[str, Any]]:
    root = __name__.rpartition(".")[0]
    names = ["", ".functional", ".nn.functional", ".nn.init", ".linalg"]
    return [("torch" + name, sys.modules[root + name]) for name in names]


# Functions that ask nobody, as in PyTorch, or ask only modes.
_ASKS_NOBODY = {
    *(
        "is_tensor",
        "is_storage",
        "is_grad_enabled",
        "set_grad_enabled",
        "no_grad",
        "enable_grad",
        "from_numpy",
        "frombuffer",
    ),
    *(
        "broadcast_shapes",
        "functional.broadcast_shapes",
        "get_default_dtype",
        "set_default_dtype",
        "set_default_device",
        "set_default_tensor_type",
    ),
    *("use_deterministic_algorithms", "set_printoptions", "install_as_torch", "range"),
    *("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state"),
    *("get_num_threads", "set_num_threads", "set_warn_always", "is_warn_always_enabled"),
    *("memory_stats", "reset_peak_memory_stats", "empty_cache"),
    *(
        "is_inference_mode_enabled",
        "is_anomaly_enabled",
        "set_anomaly_enabled",
        "is_anomaly_check_nan_enabled",
        "vmap",
    ),
    *("nn.functional.sigmoid", "nn.functional.tanh"),
}
_ASKS_MODES = {
    *(
        "tensor",
        "as_tensor",
        "asarray",
        "scalar_tensor",
        "zeros",
        "ones",
        "empty",
        "full",
        "empty_strided",
    ),
    *(
        "arange",
        "linspace",
        "logspace",
        "eye",
        "rand",
        "randn",
        "randint",
        "randperm",
        "can_cast",
        "promote_types",
    ),
}
# Of nn.init only these ask; the others fill their tensor with methods, which do.
_OF_INIT = {"uniform_", "normal_", "constant_", "kaiming_uniform_"}
# Of Tensor: they have nothing to do with values, or are how classes and objects are made.
_OF_THE_CLASS = {
    *(
        "__class__",
        "__dict__",
        "__dir__",
        "__doc__",
        "__hash__",
        "__module__",
        "__new__",
        "__init__",
        "__weakref__",
    ),
    *(
        "__torch_function__",
        "__iter__",
        "__str__",
        "__subclasshook__",
        "__init_subclass__",
        "__getattribute__",
    ),
    *(
        "__setattr__",
        "__delattr__",
        "__del__",
        "__reduce__",
        "__sizeof__",
        "__getstate__",
        "__delitem__",
        "__array_priority__",
    ),
    *(
        "as_subclass",
        "_make_subclass",
        "_make_wrapper_subclass",
        "_typed_storage",
        "__annotations__",
    ),
}


def _public_functions(place: str, module: Any) -> Iterator[tuple[str, Callable, bool]]:
    """Names of functions, and whether they can be overridden."""
    borrowed = {id(value) for value in globals().values()}
    for name, value in vars(module).items():
        if (
            name[0] == "_"
            or not callable(value)
            or isinstance(value, type)
            or id(value) in borrowed
        ):
            continue
        full = f"{place}.{name}".removeprefix("torch.")
        asks = full not in _ASKS_NOBODY and full not in _ASKS_MODES
        yield name, value, asks and (place != "torch.nn.init" or name in _OF_INIT)


@functools.cache
def _overridable() -> tuple[dict[Any, list[Callable]], dict[Callable, str], set[Callable]]:
    """What can be overridden by place, its names, and what cannot."""
    by_place: dict[Any, list[Callable]] = {}
    names: dict[Callable, str] = {}  # the last of several, as in PyTorch
    ignored: set[Callable] = set()

    def add(place: Any, name: str, function: Callable) -> None:
        by_place.setdefault(place, []).append(function)
        names[function] = name

    for place, module in _public_modules():
        for name, function, asks in _public_functions(place, module):
            if asks:
                add(module, f"{place}.{name}", function)
            else:
                ignored.add(function)
                names[function] = f"{place}.{name}"
    for name in dir(Tensor):
        value = getattr(Tensor, name)
        if name in _OF_THE_CLASS or value is None:
            with contextlib.suppress(TypeError):
                ignored.add(value)
                if callable(value) and value is not getattr(object, name, None):
                    names[value] = f"torch.Tensor.{name}"
        elif callable(value):
            add(Tensor, f"torch.Tensor.{name}", value)
        elif hasattr(value, "__get__"):
            by_place.setdefault(value, []).append(value.__get__)
            for accessor in ("__get__", "__set__"):
                names[getattr(value, accessor)] = f"torch.Tensor.{name}.{accessor}"
    return by_place, names, ignored


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions that `__torch_function__` is asked about, by module, class or property."""
    return {place: list(functions) for place, functions in _overridable()[0].items()}


def get_ignored_functions() -> set[Callable]:
    """The functions of torch that classes are not asked about."""
    return set(_overridable()[2])


def get_default_nowrap_functions() -> set[Callable]:
    """Functions whose results Tensor.__torch_function__ leaves in the class that they have."""
    return _C._get_nowrap_functions()


def resolve_name(f: Callable) -> str | None:
    """The public name of an overridable function, as "torch.Tensor.add"; None for all others."""
    return _overridable()[1].get(f)


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether func is a method of Tensor, or reads a property of it."""
    return func in _overridable()[0][Tensor] or getattr(func, "__name__", "") == "__get__"


def _signature(function: Callable) -> inspect.Signature:
    """The parameters of a function; those in C tell them in the first line of their docstring."""
    with contextlib.suppress(TypeError, ValueError):
        return inspect.signature(function)
    line, kinds = (function.__doc__ or "()").split("\n")[0], inspect.Parameter
    found: dict[str, inspect.Parameter] = {}
    kind: Any = kinds.POSITIONAL_OR_KEYWORD
    for part in line.partition("(")[2].rpartition(")")[0].split(", "):
        declared, has_default, _ = part.partition(" = ")
        name = declared.rpartition(" ")[2]
        if name == "*":
            kind = kinds.KEYWORD_ONLY
        elif name.isidentifier() and not keyword.iskeyword(name):
            found[name] = kinds(name, kind, default=None if has_default else kinds.empty)
    if not found:
        return inspect.Signature(
            [kinds("args", kinds.VAR_POSITIONAL), kinds("kwargs", kinds.VAR_KEYWORD)]
        )
    return inspect.Signature(list(found.values()))


def get_testing_overrides() -> dict[Callable, Callable]:
    """For every overridable function one of the same parameters that returns -1."""

    def dummy(function: Callable) -> Callable:
        def override(*args: Any, **kwargs: Any) -> int:
            return -1

        override.__signature__ = _signature(function)  # type: ignore[attr-defined]
        return override

    return {f: dummy(f) for functions in _overridable()[0].values() for f in functions}
