"""`torch.autograd.graph`: nodes of the graph, hooks on what it saves, hooks on several gradients."""

from __future__ import annotations

import abc
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

from .. import _C
from .._grad_mode import no_grad
from ..utils._dtype_abbrs import dtype_abbrs
from ..utils.hooks import RemovableHandle
from .function import _SingleLevelFunction

Tensor = _C.Tensor

__all__ = [
    "saved_tensors_hooks",
    "save_on_cpu",
    "disable_saved_tensors_hooks",
    "register_multi_grad_hook",
    "allow_mutation_on_saved_tensors",
    "Node",
    "GradientEdge",
    "get_gradient_edge",
    "increment_version",
    "set_override_stale_capture_stream",
    "set_warn_on_accumulate_grad_stream_mismatch",
]


class Node(abc.ABC):
    """What every `grad_fn` is: `isinstance(tensor.grad_fn, Node)`. It cannot be made from Python."""

    @abc.abstractmethod
    def name(self) -> str:
        """The name of the operation, such as "MulBackward0"."""

    @property
    @abc.abstractmethod
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each input: the node that made it, and which of its outputs it is."""

    @abc.abstractmethod
    def metadata(self) -> dict:
        """A dict that lives as long as the node."""

    @property
    @abc.abstractmethod
    def _input_metadata(self) -> list[Any]:
        """Shape, dtype and device of each gradient that arrives."""

    @abc.abstractmethod
    def _register_hook_dict(self, tensor: Tensor) -> None:
        """Make the hooks of a tensor hooks of this node."""

    @abc.abstractmethod
    def _sequence_nr(self) -> int:
        """How many nodes the process had recorded before this one."""

    @abc.abstractmethod
    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` after each run; a tuple replaces `grad_inputs`."""

    @abc.abstractmethod
    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_outputs)` before each run; a tuple replaces `grad_outputs`."""

    @classmethod
    def __subclasshook__(cls, subclass: type, /) -> bool:
        # A Function is no node: those that it makes are of a class of their own.
        if cls is Node and _C._is_node_type(subclass):
            return not issubclass(subclass, _SingleLevelFunction)
        return NotImplemented


class GradientEdge(NamedTuple):
    """The place where the gradient of a tensor arrives: a node and which of its outputs it is.

    In `backward` and `grad` it stands for the tensor, whose memory may be free.
    """

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that the gradient of `tensor` takes.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    node, output_nr = _C._gradient_edge(tensor)
    assert node is not None, "Expected gradient function to be set"
    return GradientEdge(node, output_nr)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write to the tensor, or to each of several, that autograd has not seen."""
    if isinstance(tensor, Tensor):
        tensor = (tensor,)
    _C._increment_version(tensor)


class saved_tensors_hooks:
    """Within this context a graph keeps `pack_hook(t)` in place of each tensor t that it saves.

    When it needs t again it calls `unpack_hook` on that, which must give a tensor with the values of
    t. Contexts nest, the innermost holds. A pack hook must not write to its argument.
    """

    def __init__(
        self,
        pack_hook: Callable[[Tensor], Any],
        unpack_hook: Callable[[Any], Tensor],
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        _C._autograd._push_saved_tensors_default_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args: object) -> None:
        _C._autograd._pop_saved_tensors_default_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Within this context a graph keeps what it saves in the memory of the CPU."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> tuple[_C.device, Tensor]:
            return tensor.device, tensor.cpu()

        def unpack(packed: tuple[_C.device, Tensor]) -> Tensor:
            device, tensor = packed
            return tensor.to(device, non_blocking=pin_memory)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within this context, setting saved tensor hooks raises RuntimeError with this message."""
    before = _C._autograd._saved_tensors_hooks_get_disabled_error_message()
    try:
        _C._autograd._saved_tensors_hooks_disable(error_message)
        yield
    finally:
        if before is None:
            _C._autograd._saved_tensors_hooks_enable()
        else:
            _C._autograd._saved_tensors_hooks_disable(before)


class _Handle:
    """Stands in a graph for a saved tensor."""


class _AllowMutationOnSavedContext:
    """The tensors that graphs of this context have saved, by handle: as they are, or as they were."""

    def __init__(self) -> None:
        self.cloned: MutableMapping[_Handle, Tensor] = WeakKeyDictionary()
        self.original: MutableMapping[_Handle, Tensor] = WeakKeyDictionary()
        # A tensor at one version has one handle; tensors that share memory are written to together.
        self.tid_to_weakhandle: MutableMapping[_TensorId, _Handle] = WeakValueDictionary()
        self.sid_to_tid: dict[_MemoryId, set[_TensorId]] = defaultdict(set)

    def clear(self) -> None:
        self.cloned.clear()
        self.original.clear()
        self.tid_to_weakhandle.clear()
        self.sid_to_tid.clear()

    def pack(self, tensor: Tensor) -> _Handle:
        memory = _memory_id(tensor)
        tid = (id(tensor), *memory)
        self.sid_to_tid[memory].add(tid)
        handle = self.tid_to_weakhandle.get(tid)
        if handle is None:
            handle = self.tid_to_weakhandle[tid] = _Handle()
            self.original[handle] = tensor
        return handle

    def unpack(self, handle: _Handle) -> Tensor:
        kept = self.cloned if handle in self.cloned else self.original
        assert handle in kept, (
            "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
            "in which the graph was originally recorded."
        )
        return kept[handle]

    def before_write(self, tensor: Tensor) -> None:
        for tid in self.sid_to_tid.pop(_memory_id(tensor), ()):
            handle = self.tid_to_weakhandle.get(tid)
            if handle is not None and handle in self.original:
                with no_grad():
                    self.cloned[handle] = self.original.pop(handle).clone()


_MemoryId = tuple[int, int]
_TensorId = tuple[int, int, int]


def _memory_id(tensor: Tensor) -> _MemoryId:
    return _C._autograd._storage_address(tensor), tensor._version


_mutation_is_allowed = False


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Within this context tensors that a graph has saved may be written to: they are cloned first.

    The graph must be run backward within it too. Contexts do not nest.
    """
    global _mutation_is_allowed
    context = _AllowMutationOnSavedContext()
    with saved_tensors_hooks(context.pack, context.unpack):
        if _mutation_is_allowed:
            raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
        _mutation_is_allowed = True
        _C._autograd._set_write_watcher(context.before_write)
        try:
            yield context
        finally:
            _C._autograd._set_write_watcher(None)
            context.clear()
            _mutation_is_allowed = False


class _MultiHandle(RemovableHandle):
    """Removes a hook from all of its tensors."""

    def __init__(self, handles: Iterable[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self) -> Any:
        return self.handles

    def __setstate__(self, state: Any) -> None:
        self.handles = state


def _get_grad_fn_or_grad_acc(t: Tensor | GradientEdge) -> Any:
    """The node that the gradient of a tensor or edge arrives at."""
    if isinstance(t, GradientEdge):
        return t.node
    node = _C._gradient_edge(t)[0] if t.requires_grad else None
    assert node is not None, "Expected gradient function to be set"
    return node


def _register_logging_hooks_on_whole_graph(
    t_outputs: Sequence[Tensor | GradientEdge],
) -> Callable[[], None]:
    """Let every node that these lead to log its gradients when it runs, until the result is called."""
    return _log_nodes([_get_grad_fn_or_grad_acc(t) for t in t_outputs])


def _log_nodes(roots: list[Any]) -> Callable[[], None]:
    """The same for nodes: the core asks for it in a pass while the logger is at level DEBUG."""

    def prehook(gradients: Sequence[Tensor | None]) -> None:
        shown = [
            "None" if g is None else f"{dtype_abbrs[g.dtype]}[{', '.join(map(str, g.shape))}]"
            for g in gradients
        ]
        node = _C._current_autograd_node()
        _log().debug(f"Executing: {node} with grad_outputs: [{','.join(shown)}]")

    reached = list(dict.fromkeys(roots))
    seen = set(reached)
    for node in reached:  # which grows
        for fn, _ in node.next_functions:
            if fn is not None and fn not in seen:
                seen.add(fn)
                reached.append(fn)
    # A variable of a transform passes its gradient on to what it stands for, which no node of PyTorch's does.
    speaking = [n for n in reached if not (hasattr(n, "variable") and n.next_functions)]
    handles = [node.register_prehook(prehook) for node in speaking]

    def remove() -> None:
        for handle in handles:
            handle.remove()

    return remove


def _log() -> Any:
    import logging  # only here: the package imports faster without

    return logging.getLogger("torch.autograd.graph")


def __getattr__(name: str) -> Any:
    if name == "log":
        return _log()
    raise AttributeError(f"module 'torch.autograd.graph' has no attribute {name!r}")


def _engine_run_backward(t_outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Run a pass: see `Variable._execution_engine.run_backward`."""
    from .variable import Variable

    return Variable._execution_engine.run_backward(t_outputs, *args, **kwargs)  # type: ignore[arg-type]


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[[Sequence[Tensor | None]], None] | Callable[[Tensor], None],
    *,
    mode: Literal["all", "any"] = "all",
) -> RemovableHandle:
    """Call `fn` once in each backward pass that computes gradients of `tensors`.

    Args:
        tensors: they require grad.
        fn: with mode "all" it gets the list of the gradients when all that the pass computes are
            there, None for the others; with "any" it gets the first one.
        mode: "all" or "any".

    Returns:
        A handle whose `remove()` takes the hook off all the tensors.

    Raises:
        ValueError: another mode.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()

    if mode == "all":
        nodes = [_get_grad_fn_or_grad_acc(t) for t in tensors]
        # By the number of the pass: how many gradients it will bring, and those that are there.
        expected: dict[int, int] = {}
        arrived: dict[int, list[Tensor | None]] = defaultdict(lambda: [None] * len(nodes))
        count: dict[int, int] = defaultdict(int)

        def collect(i: int, grad: Tensor) -> None:
            task = _C._current_graph_task_id()
            assert task != -1, "expected this hook to be called inside a backward call"
            with lock:
                if task not in expected:
                    expected[task] = sum(map(_C._will_engine_execute_node, nodes))
                arrived[task][i] = grad
                count[task] += 1
                complete = count[task] == expected[task]
                grads = arrived[task]
                if complete:
                    del arrived[task], count[task], expected[task]
            if complete:
                fn(grads)  # type: ignore[arg-type]

        return _MultiHandle(t.register_hook(partial(collect, i)) for i, t in enumerate(tensors))

    last = -1

    def first(grad: Tensor) -> None:
        nonlocal last
        task = _C._current_graph_task_id()
        assert task != -1, "expected this hook to be called inside a backward call"
        with lock:
            seen, last = task == last, task
        if not seen:
            fn(grad)  # type: ignore[arg-type]

    return _MultiHandle([t.register_hook(first) for t in tensors if t.requires_grad])


def _check_flag(enabled: Any) -> None:
    if not isinstance(enabled, bool):
        raise RuntimeError(f"enabled must be a bool, but got {type(enabled).__name__}")


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Of streams on a GPU; whygrad has none, so there is nothing to warn of."""
    _check_flag(enabled)


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Of streams on a GPU; whygrad has none, so there is nothing to override."""
    _check_flag(enabled)
