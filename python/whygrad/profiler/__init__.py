"""`torch.profiler`: profiles with a schedule, for loops of steps.

`profile` runs a `torch.autograd.profiler.profile` for each stretch of steps that the schedule
records.
"""

from __future__ import annotations

import enum
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import profiler as _recorder
from ..autograd.profiler import kineto_available, record_function
from ..autograd.profiler_util import EventList

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What can be recorded; here the CPU."""

    CPU = 0
    XPU = 1
    CUDA = 2
    HPU = 3
    MTIA = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a step is for."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """What this machine can record."""
    return {ProfilerActivity.CPU}


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """A function from the number of a step to what it is for.

    After `skip_first` steps come cycles of `wait` steps without recording, `warmup` steps, and
    `active` recorded ones; `repeat` cycles, or without end if 0.

    Raises:
        AssertionError: a number is negative, or `active` is not positive.
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), "
            f"warmup={warmup} (need >= 0), active={active} (need > 0), "
            f"repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def _always(_: int) -> ProfilerAction:
    return ProfilerAction.RECORD


class profile:
    """Records operations and derivatives, all the time or step by step as the schedule says.

    Args:
        activities: what to record; only `ProfilerActivity.CPU` exists here.
        schedule: from the number of a step to a `ProfilerAction`; call `step()` after each step.
        on_trace_ready: called with the profile whenever a stretch of recorded steps has ended.
        record_shapes, profile_memory, with_stack, with_flops: as for
            `torch.autograd.profiler.profile`.
        acc_events: keep the events of former stretches as well.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
    ) -> None:
        self.activities = supported_activities() if activities is None else set(activities)
        if use_cuda is not None:
            warnings.warn(
                "`use_cuda` is deprecated, use `activities` argument instead",
                FutureWarning,
                stacklevel=2,
            )
        if not self.activities & supported_activities():
            raise AssertionError("No valid profiler activities found")
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_flops = with_flops
        self.with_modules = with_modules
        self.acc_events = acc_events
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.profiler: _recorder.profile | None = None
        self.step_rec_fn: record_function | None = None
        self.preset_metadata: dict[str, str] = {}
        self._former: list[EventList] = []
        self._recording = False

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, with step 0."""
        self._change(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """End; what is being recorded becomes a trace."""
        self._end_step()
        if self.current_action in _RECORDING:
            self._started("stopping trace")
        if self._recording:
            self._save()
        self.current_action = ProfilerAction.NONE

    def step(self) -> None:
        """Tell that the next step begins."""
        self._end_step()
        before, self.step_num = self.current_action, self.step_num + 1
        self.current_action = self.schedule(self.step_num)
        self._change(before, self.current_action)
        self._begin_step()

    def _change(self, before: ProfilerAction, after: ProfilerAction) -> None:
        if self._recording and before is ProfilerAction.RECORD_AND_SAVE:
            self._save()
        wanted = after in _RECORDING
        if wanted and not self._recording and before is not ProfilerAction.RECORD:
            self.profiler = _recorder.profile(
                record_shapes=self.record_shapes,
                profile_memory=self.profile_memory,
                with_stack=self.with_stack,
                with_flops=self.with_flops,
            )
            self.profiler.__enter__()
            self._recording = True
        elif not wanted and self._recording:
            self._finish()

    def _finish(self) -> None:
        assert self.profiler is not None
        self.profiler.__exit__(None, None, None)
        self._recording = False
        if self.acc_events and self.profiler.function_events is not None:
            self._former.append(self.profiler.function_events)

    def _save(self) -> None:
        self._finish()
        if self.on_trace_ready:
            self.on_trace_ready(self)

    def _begin_step(self) -> None:
        if self.record_steps:
            self.step_rec_fn = record_function(f"ProfilerStep#{self.step_num}")
            self.step_rec_fn.__enter__()

    def _end_step(self) -> None:
        if self.step_rec_fn is not None:
            self.step_rec_fn.__exit__(None, None, None)
            self.step_rec_fn = None

    def _started(self, purpose: str) -> _recorder.profile:
        if self.profiler is None:
            raise AssertionError(f"Profiler must be initialized before {purpose}")
        return self.profiler

    def events(self) -> EventList:
        """The events of the last stretch that was recorded, or of all with acc_events=True."""
        last = self._started("accessing events")._events()
        if not self.acc_events:
            return last
        every = [e for part in self._former for e in part]
        return EventList(every, profile_memory=self.profile_memory, with_flops=self.with_flops)

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events summed up by name: see `EventList.key_averages`."""
        self._started("getting key averages")
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace for chrome://tracing or Perfetto; compressed if the name ends in ".gz"."""
        self._started("exporting chrome trace")
        plain = path[:-3] if path.endswith(".gz") else path
        with open(plain, "w", encoding="utf-8") as file:
            content: dict[str, Any] = {"schemaVersion": 1, "record_shapes": int(self.record_shapes)}
            content |= {"profile_memory": int(self.profile_memory), "displayTimeUnit": "ms"}
            for key, value in self.preset_metadata.items():
                content[key] = json.loads(value)
            content |= {"traceEvents": self.events()._trace_events(), "traceName": path}
            json.dump(content, file)
        if plain != path:
            import gzip  # only here: the package imports faster without
            import shutil

            with open(plain, "rb") as source, gzip.open(path, "wb") as target:
                shutil.copyfileobj(source, target)
            os.remove(plain)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write stacks for flame graphs; needs with_stack=True."""
        self._started("exporting stacks").export_stacks(path, metric)

    def toggle_collection_dynamic(
        self, enable: bool, activities: Iterable[ProfilerActivity] | None = None
    ) -> None:
        """There is one activity here, which is recorded throughout."""

    def add_metadata(self, key: str, value: str) -> None:
        """Put a text into the trace."""
        self.preset_metadata[key] = json.dumps(value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """Put JSON into the trace."""
        self.preset_metadata[key] = value

    preset_metadata_json = add_metadata_json


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """An `on_trace_ready` that writes traces into a directory, named as TensorBoard wants them."""

    def handler(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        import socket

        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        ending = ".gz" if use_gzip else ""
        name = f"{worker}.{time.time_ns()}.pt.trace.json{ending}"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handler
