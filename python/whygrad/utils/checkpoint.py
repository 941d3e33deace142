"""`torch.utils.checkpoint`: activations that are computed again in the backward pass, not kept.

Start with `checkpoint`. With use_reentrant=False a call of it is a `_Region`: a graph holds empty
`_Slot`s for what the function saves, and the first of them that a pass unpacks runs the function
again and fills them all. With use_reentrant=True a call is one node, `CheckpointFunction`, whose
derivative runs the function again and a pass of its own over that.

Selective checkpoints, which keep the results of some operations, are in `_selective.py`.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import whygrad

from .. import _C
from .._grad_mode import enable_grad, no_grad
from .._vmap_levels import open_levels
from ..autograd import graph  # not its names: it imports this package
from ..autograd.function import Function
from ..random import get_rng_state, set_rng_state
from ._checkpoint_log import Log
from ._selective import (
    SAC_IGNORED_OPS as SAC_IGNORED_OPS,
)
from ._selective import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
)

Tensor = _C.Tensor

__all__ = [
    "checkpoint",
    "checkpoint_sequential",
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "detach_variable",
    "get_device_states",
    "set_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
    "DefaultDeviceType",
    "set_checkpoint_debug_enabled",
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "create_selective_checkpoint_contexts",
    "GraphExecGroup",
]


class CheckpointError(RuntimeError):
    """A function that was run again saved other tensors, or they were used in a way not allowed."""


def _split(args: Sequence[Any]) -> tuple[list[Tensor], list[int], list[Any]]:
    """The tensors among `args`, their places, and `args` with None in these places."""
    places = [i for i, value in enumerate(args) if isinstance(value, Tensor)]
    others = [None if isinstance(value, Tensor) else value for value in args]
    return [args[i] for i in places], places, others


def _joined(tensors: Sequence[Tensor], places: Sequence[int], others: Sequence[Any]) -> list[Any]:
    """The arguments that `_split` took apart."""
    args = list(others)
    for place, tensor in zip(places, tensors, strict=True):
        args[place] = tensor
    return args


# --- random numbers -------------------------------------------------------------------------------


class DefaultDeviceType:
    """The type of the devices whose generators are restored, unless tensors of a call tell it."""

    _default_device_type: str | None = None

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Set the type for the whole process."""
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type() -> str:
        """The type that was set; else "cuda" if there is such a device, or "cpu"."""
        kind = DefaultDeviceType._default_device_type
        return kind or ("cuda" if whygrad.cuda.is_available() else "cpu")


def _device_module(device_type: str) -> Any:
    return getattr(whygrad, device_type)


def _devices(args: Iterable[Any]) -> tuple[str, list[int]]:
    """The type and the indices of the devices of tensors in `args`, the CPU left out."""
    devices = [a.device for a in args if isinstance(a, Tensor) and a.device.type != "cpu"]
    if not devices:
        return DefaultDeviceType.get_device_type(), []
    kind = devices[0].type
    return kind, sorted({d.index or 0 for d in devices if d.type == kind})


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The indices of the devices, but for the CPU, of the tensors in `args`, and the states of
    their generators.
    """
    kind, devices = _devices(args)
    return devices, [_device_module(kind).get_rng_state(i) for i in devices]


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Set the states of the generators of `devices`.

    Args:
        devices: indices, as `get_device_states` gives them.
        states: one for each.
        device_type: the type of the devices; by default that of DefaultDeviceType.
    """
    if device_type is None:
        device_type = DefaultDeviceType.get_device_type()
    if device_type != "meta":
        for device, state in zip(devices, states, strict=False):
            _device_module(device_type).set_rng_state(state, device)


class _RandomState:
    """The states of the generators from which a function called with `args` draws."""

    def __init__(self, args: Sequence[Any]) -> None:
        self.cpu = get_rng_state()
        self.kind, _ = _devices(args)
        self.devices: tuple[list[int], list[Tensor]] = ([], [])
        if self.kind not in ("cpu", "meta") and _device_module(self.kind).is_initialized():
            self.devices = get_device_states(*args)

    @contextlib.contextmanager
    def replayed(self) -> Iterator[None]:
        """The generators start from the states in this context, and after it go on as before."""
        devices, states = self.devices
        cpu = get_rng_state()
        before = [_device_module(self.kind).get_rng_state(i) for i in devices]
        try:
            set_rng_state(self.cpu)
            set_device_states(devices, states, device_type=self.kind)
            yield
        finally:
            set_rng_state(cpu)
            set_device_states(devices, before, device_type=self.kind)


def _replayed(state: _RandomState | None) -> AbstractContextManager[None]:
    return contextlib.nullcontext() if state is None else state.replayed()


# --- use_reentrant=True ---------------------------------------------------------------------------


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """`inputs` with each tensor detached, but requiring grad if it did.

    Raises:
        RuntimeError: `inputs` is not a tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        value.detach().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value
        for value in inputs
    )


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn if no tensor in `inputs` requires grad."""
    if not any(value.requires_grad for value in inputs if isinstance(value, Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )


class CheckpointFunction(Function):
    """Calls a function unrecorded; the derivative calls it again, recorded, and runs a pass."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        """Give `run_function(*args)`."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.random_state = _RandomState(args) if preserve_rng_state else None
        tensors, ctx.places, ctx.others = _split(args)
        ctx.save_for_backward(*tensors)
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Give the gradients of the arguments; those of other leaves are accumulated."""
        if not _C._is_checkpoint_valid():
            raise RuntimeError(_NOT_VALID)
        inputs = detach_variable(tuple(_joined(ctx.saved_tensors, ctx.places, ctx.others)))
        with _replayed(ctx.random_state), enable_grad():
            outputs = ctx.run_function(*inputs)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        roots = [
            (output, grad)
            for output, grad in zip(outputs, grads, strict=False)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not roots:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        whygrad.autograd.backward([output for output, _ in roots], [grad for _, grad in roots])
        return (None, None, *(i.grad if isinstance(i, Tensor) else None for i in inputs))


# --- use_reentrant=False --------------------------------------------------------------------------


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """The default of `context_fn`: two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


_early_stop: bool | None = None
_debug: bool | None = None


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Decide `early_stop` of all checkpoints that are called within this context."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Decide `debug` of all checkpoints that are called within this context; None: they decide."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


class _Current(threading.local):
    group: GraphExecGroup | None = None


_current = _Current()


class GraphExecGroup:
    """Backward passes within this context share what is computed again: each checkpointed function
    runs at most once more for all of them.

    No two of the passes may use the same saved tensor. Contexts do not nest.
    """

    def __enter__(self) -> GraphExecGroup:
        if _current.group is not None:
            raise RuntimeError(
                f"GraphExecGroup contexts cannot be nested. Already inside group {_current.group}"
            )
        _current.group = self
        return self

    def __exit__(self, *args: object) -> None:
        _current.group = None

    @classmethod
    def _get_current_group(cls) -> GraphExecGroup | None:
        return _current.group


def _metadata(tensor: Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


# What `determinism_check` compares of the tensors saved the first time and again.
_CHECKS: dict[Any, Callable[[Tensor], Any]] = {"default": _metadata, "none": lambda tensor: None}


class _StopRecomputationError(Exception):
    """Ends a function that is run again, once it has saved everything."""


class _Inputs(Function):
    """A node of no graph, only to save tensors.

    So hooks around a checkpoint, those of another one for instance, get its arguments, and it is an
    error to write to them.
    """

    anchor = _C.empty(0, requires_grad=True)

    @staticmethod
    def forward(anchor: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        return anchor.detach()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1])


class _Batched:
    """The same within a `vmap`, to which a Function would be another operation."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.saved_tensors = tensors


class _Slot:
    """Stands in a graph for the tensor that the function of a region saved as its `index`-th."""

    __slots__ = ("__weakref__", "index", "metadata")

    def __init__(self, index: int, metadata: Any) -> None:
        self.index = index
        self.metadata = metadata


# A tensor that was saved again, with its version at that time; None once it is taken.
_Value = tuple[Tensor, int] | None


class _Region:
    """One call of a function whose saved tensors are computed again when they are needed.

    The graph owns it, by way of the hooks, and owns the slots: what it drops is not saved again.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        context: AbstractContextManager[Any],
        preserve_rng_state: bool,
        check: Callable[[Tensor], Any],
        early_stop: bool,
        debug: bool,
    ) -> None:
        self.function = function
        self.kwargs = kwargs
        self.context = context
        self.random_state = _RandomState(args) if preserve_rng_state else None
        self.check = check
        self.early_stop = early_stop
        self.log = Log() if debug else None
        tensors, self.places, self.others = _split(args)
        self.inputs: Any = None
        if tensors and open_levels():
            # Batched: they end with their vmap, and so does every way to run the function again.
            self.inputs = _Batched(tensors)
        elif tensors:
            self.inputs = _Inputs.apply(_Inputs.anchor, tensors).grad_fn
        self.slots: list[weakref.ref[_Slot]] = []
        self.complete = False  # whether the first run has ended
        self.values: dict[Any, list[_Value]] = {}  # by pass, or group of passes

    def pack(self, tensor: Tensor) -> _Slot:
        slot = _Slot(len(self.slots), self.check(tensor))
        self.slots.append(weakref.ref(slot))
        return slot

    def unpack(self, slot: _Slot) -> Tensor:
        group = _current.group
        key: Any = _C._current_graph_task_id() if group is None else group
        if key == -1:
            return _taken(self.run_again(), slot.index)
        values = self.values.get(key)
        if values is None or slot.index >= len(values):
            values = self.values[key] = self.run_again()
            if group is None:
                self.forget_after_pass(key)
        elif values[slot.index] is None:
            raise CheckpointError(_UNPACKED_TWICE.format(_NO_OVERLAP if group else ""))
        return _taken(values, slot.index)

    def unpack_explaining(self, slot: _Slot) -> Tensor:
        """`unpack` with debug=True."""
        try:
            return self.unpack(slot)
        except CheckpointError as error:
            assert self.log is not None
            raise CheckpointError(self.log.text()) from error

    def forget_after_pass(self, key: int) -> None:
        """Free what the running pass has not taken at its end. The graph may go before that."""
        reference = weakref.ref(self)

        def forget() -> None:
            region = reference()
            if region is not None:
                region.values.pop(key, None)

        _C._queue_callback(forget)

    def run_again(self) -> list[_Value]:
        """What the function saves: a value for each slot that is in use.

        Raises:
            CheckpointError: it is not what it was the first time.
        """
        slots = self.slots
        values: list[_Value] = [None] * len(slots)
        differences: list[str] = []
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal count
            index = count
            count += 1
            tensor = tensor.detach()
            if index < len(slots):
                slot = slots[index]()
                if slot is not None:
                    values[index] = tensor, tensor._version
                    if slot.metadata != (metadata := self.check(tensor)):
                        differences.append(_difference(index, slot.metadata, metadata))
            elif self.complete and not self.early_stop:
                raise CheckpointError(_TOO_MANY)
            # Again if the function has caught it.
            if self.early_stop and count >= len(slots):
                raise _StopRecomputationError
            return tensor

        tensors = () if self.inputs is None else self.inputs.saved_tensors
        args = _joined(tensors, self.places, self.others)
        with contextlib.suppress(_StopRecomputationError):
            with graph.saved_tensors_hooks(pack, lambda tensor: tensor), enable_grad():
                with _replayed(self.random_state), self.context, _logged(self.log, Log.again):
                    self.function(*args, **self.kwargs)
        if count < len(slots):
            raise CheckpointError(_TOO_FEW.format(len(slots), count))
        if differences:
            raise CheckpointError(_DIFFERENT.format("".join(differences)))
        return values


def _logged(
    log: Log | None, run: Callable[[Log], AbstractContextManager[None]]
) -> AbstractContextManager[None]:
    return contextlib.nullcontext() if log is None else run(log)


def _taken(values: list[_Value], index: int) -> Tensor:
    """The value out of `values`, for the pass to free it.

    Raises:
        RuntimeError: it was written to after it was saved.
    """
    value = values[index]
    values[index] = None
    assert value is not None
    tensor, version = value
    if tensor._version != version:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace "
            f"operation: [{tensor.type()} {list(tensor.shape)}] is at version {tensor._version}; "
            f"expected version {version} instead. Hint: enable anomaly detection to find the "
            "operation that failed to compute its gradient, with "
            "torch.autograd.set_detect_anomaly(True, check_nan=False)."
        )
    return tensor


def _difference(index: int, first: Any, again: Any) -> str:
    return f"tensor at position {index}:\nsaved metadata: {first}\nrecomputed metadata: {again}\n"


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[
        [], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
    ] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Give `function(*args, **kwargs)`; in the backward pass it is called again, instead of keeping
    what it saves for that.

    It must do the same again. Its positional arguments must not be written to before.

    Args:
        function: what is called, a module for instance.
        args: its positional arguments.
        use_reentrant: True for the older way, which needs an argument that requires grad, takes no
            `kwargs`, sees no tensors in lists and the like, and does not work with `autograd.grad`
            and `inputs=`. To be given; the default is True, with a warning.
        context_fn: gives two contexts, for the first call and for the others.
        determinism_check: "default" to compare shape, dtype and device of what is saved, "none".
        debug: list in errors which operators ran the first time and then, and where.
        early_stop: end a later call as soon as all is saved that is needed.
        kwargs: its keyword arguments; `preserve_rng_state=False` says that it draws no random
            numbers, or need not draw the same again, and is not passed on.

    Raises:
        ValueError: an option that does not exist, or not with this `use_reentrant`.
        CheckpointError: in the backward pass, the function saved something else than before.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an "
            f"exception. {_WHICH_VARIANT}",
            stacklevel=1,  # once in a program, as from PyTorch
        )
        use_reentrant = True
    preserve_rng_state = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve_rng_state, *args)

    if _debug is not None:
        debug = _debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}"
        )
    first, again = context_fn()
    if not _C.is_grad_enabled():
        return function(*args, **kwargs)
    region = _Region(
        function,
        args,
        kwargs,
        again,
        preserve_rng_state,
        _CHECKS[determinism_check],
        early_stop if _early_stop is None else _early_stop,
        debug,
    )
    unpack = region.unpack_explaining if debug else region.unpack
    hooks = graph.saved_tensors_hooks(region.pack, unpack)
    with hooks, first, _logged(region.log, Log.first):
        result = function(*args, **kwargs)
    region.complete = True
    return result


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Call functions one after the other, all but the last of `segments` parts as checkpoints.

    Args:
        functions: a `Sequential`, or a list of modules or functions of one argument.
        segments: the number of parts.
        input: the argument of the first function.
        use_reentrant: as for `checkpoint`.
        kwargs: `preserve_rng_state`, as for `checkpoint`.

    Raises:
        ValueError: other keyword arguments; more parts than functions.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. In version 2.9 we will raise an exception if use_reentrant is not "
            f"passed. {_WHICH_VARIANT}",
            stacklevel=2,
        )
        use_reentrant = True
    preserve_rng_state = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if isinstance(functions, whygrad.nn.Sequential):
        functions = list(functions.children())
    size = len(functions) // segments

    def part(functions: Any) -> Callable[[Any], Any]:
        def call(value: Any) -> Any:
            for function in functions:
                value = function(value)
            return value

        return call

    value, end = input, 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        value = checkpoint(
            part(functions[start:end]),
            value,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return part(functions[end:])(value)


# --- messages -------------------------------------------------------------------------------------

_WHICH_VARIANT = (
    "use_reentrant=False is recommended, but if you need to preserve the current default behavior, "
    "you can pass use_reentrant=True. Refer to docs for more details on the differences between "
    "the two variants."
)
_NOT_VALID = (
    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an "
    "`inputs` parameter to .backward(). To resolve this error, you can either set "
    "use_reentrant=False, or call .backward() without passing the `inputs` argument."
)
_UNPACKED_TWICE = (
    "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked "
    "once. {}If you are calling ctx.saved_tensors in backward, make sure to do so only once. "
    "Otherwise please open an issue with details on your use case."
)
_NO_OVERLAP = (
    "Performing two backward calls that overlap (i.e. require the same saved activation in order "
    "to compute gradients) is not allowed while under the torch.utils.checkpoint.GraphExecGroup "
    "context. "
)
_TIP = """

Tip: To see a more detailed error message, either pass `debug=True` to
`torch.utils.checkpoint.checkpoint(...)` or wrap the code block
with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to
enable checkpoint‑debug mode globally.

If this error occurs under torch.compile with automatic_dynamic_shapes enabled,
it may be because the recomputation selected a different compiled graph than the
forward pass (e.g., a dynamic graph instead of the original static graph).
To fix this, either:
  - Use torch._dynamo.mark_dynamic() to explicitly mark varying dimensions as
    dynamic upfront, avoiding the static-to-dynamic transition.
  - Call torch._C._dynamo.eval_frame._set_lru_cache(False) to disable LRU cache
    reordering, which can change which graph is checked first between forward
    and recompute.
See https://github.com/pytorch/pytorch/issues/166926 for more details and
workaround examples.
"""
_TOO_MANY = (
    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the "
    f"original forward pass.{_TIP}"
)
_TOO_FEW = (
    "torch.utils.checkpoint: A different number of tensors was saved during the original forward "
    "and recomputation.\nNumber of tensors saved during forward: {}\n"
    f"Number of tensors saved during recomputation: {{}}.{_TIP}"
)
_DIFFERENT = (
    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata "
    f"than during the forward pass.\n{{}}.{_TIP}"
)
