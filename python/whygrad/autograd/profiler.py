"""`torch.autograd.profiler`: records what runs within a region, and names regions.

Operations are recorded as they are called from Python, derivatives as the engine runs them. Nothing is paid
for where nobody records.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from typing import Any

from .. import _C
from .profiler_util import DeviceType as DeviceType
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "emit_itt",
    "emit_nvtx",
    "kineto_available",
    "profile",
    "record_function",
]


recording = False  # whether somebody does, on any thread


def _profiler_enabled() -> bool:
    return recording


def kineto_available() -> bool:
    """Whether `torch.profiler` can record: always."""
    return True


class _Annotations:
    """Names calls for a tool outside of the process while it is entered."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled
        self.record_shapes = record_shapes
        self.entered = False

    def __enter__(self) -> Any:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError(f"{self._kind} annotation context manager is not reentrant")
        self.entered = True
        self._begin()
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> Any:
        return False

    _kind = ""

    def _begin(self) -> None:
        pass


class emit_itt(_Annotations):
    """Names every call for Intel's tracing tools, of which none listens to whygrad."""

    _kind = "ITT"


class emit_nvtx(_Annotations):
    """Names every call for NVIDIA's profilers; needs a GPU.

    Raises:
        AssertionError: on entering it, since there is none.
    """

    _kind = "NVTX"

    def _begin(self) -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")


class profile:
    """Records the operations and derivatives that this thread runs within `with profile() as p:`.

    Args:
        enabled: False makes it a context that does nothing.
        record_shapes: keep the shapes of the operands.
        with_flops: count the operations on numbers of products of matrices, sums and products; keeps shapes.
        profile_memory: keep how many bytes were allocated less those freed.
        with_stack: keep the Python frames of every call.
        use_device: there is none; a warning says so.

    As in PyTorch, a profile within another one takes its place: that one is left without events.

    Raises:
        RuntimeError: on entering it twice.
        AssertionError: `use_cpu` is False.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Any = None,
    ) -> None:
        self.enabled = enabled
        self.use_cuda = use_cuda
        if use_cuda:
            warnings.warn(
                "The attribute `use_cuda` will be deprecated soon, please use ``use_device = 'cuda'`` instead.",
                FutureWarning,
                stacklevel=2,
            )
            use_device = "cuda"
        if use_device is not None and enabled:
            warnings.warn(
                "CUDA is not available, disabling CUDA profiling"
                if use_device == "cuda"
                else f"The {use_device} is not a valid device option.",
                stacklevel=2,
            )
            use_device = None
        self.use_device = use_device
        self.use_cpu = use_cpu
        if enabled and not use_cpu:
            raise AssertionError("Device-only events supported only with Kineto (use_kineto=True)")
        self.record_shapes = record_shapes or with_flops
        self.with_flops = with_flops
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_modules = with_modules
        self.entered = False
        self.function_events: EventList | None = None
        self.profiling_start_time_ns = self.profiling_end_time_ns = 0
        self._origin_ns = 0

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        global recording
        _C._profiler_start(self.record_shapes, self.profile_memory, self.with_stack)
        self.entered = recording = True
        self._origin_ns = time.perf_counter_ns()
        self.profiling_start_time_ns = time.time_ns()
        return self

    def __exit__(self, *exc: Any) -> bool | None:
        global recording
        if not self.enabled:
            return None
        recording = False
        self.profiling_end_time_ns = time.time_ns()
        rows = _C._profiler_stop()
        self.function_events = EventList.of(
            rows, self._origin_ns, self.profile_memory, self.with_flops
        )
        return False

    def _events(self) -> EventList:
        if self.function_events is None:
            return EventList()
        return self.function_events

    def __repr__(self) -> str:
        if self.function_events is None:
            return "<unfinished torch.autograd.profile>"
        return repr(self.function_events)

    def __str__(self) -> str:
        if self.function_events is None:
            return "<unfinished torch.autograd.profile>"
        return str(self.key_averages())

    def table(self, *args: Any, **kwargs: Any) -> str:
        """All events as a table: see `EventList.table`."""
        return self._events().table(*args, **kwargs)

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace: see `EventList.export_chrome_trace`."""
        self._events().export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write stacks: see `EventList.export_stacks`. Needs with_stack=True."""
        assert self.with_stack, "export_stacks() requires with_stack=True"
        self._events().export_stacks(path, metric)

    def toggle_collection_dynamic(self, enabled: bool, activities: Any = None) -> None:
        """There is one activity here, which is recorded throughout."""

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events summed up by name: see `EventList.key_averages`."""
        return self._events().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """All events summed up."""
        return self._events().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """The time within any event, in microseconds."""
        return self._events().self_cpu_time_total


class record_function(contextlib.ContextDecorator):
    """Names a region of the program in profiles: `with record_function("forward"):`, or as a decorator.

    Args:
        name: what the profile shows.
        args: shown beside the name, if given.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args
        self._open: list[int] = []  # of calls within each other

    def __enter__(self) -> record_function:
        self._open.append(_C._profiler_enter(self.name))
        return self

    def __exit__(self, *exc: Any) -> None:
        _C._profiler_leave(self._open.pop())
