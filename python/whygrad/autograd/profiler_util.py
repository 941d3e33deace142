"""What a profile is made of: events, their averages, tables and traces.

Start with `EventList`; the events come from the core as tuples, see `EventList.of`. Times are in
microseconds, as in PyTorch.
"""

from __future__ import annotations

import enum
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]


def _stack_here() -> list[str]:
    """The frames of the caller, the innermost first, as "file(line): function"."""
    lines = []
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return lines


class Interval:
    """From `start` to `end`, in microseconds."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end

    def elapsed_us(self) -> float:
        """The length."""
        return self.end - self.start


def _format_time(us: float, unit: str | None = None) -> str:
    if unit in _UNITS:
        return f"{us / _UNITS[unit]:.3f}{unit}"
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


_UNITS: dict[str | None, float] = {"s": 1e6, "ms": 1e3, "us": 1.0}


def _format_memory(size: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(size) >= unit:
            return f"{size / unit:.2f} {name}"
    return f"{size} B"


def _format_time_share(part: float, whole: float) -> str:
    return f"{part * 100 / whole:.2f}%" if whole else "NaN" if part else "0.00%"


class DeviceType(enum.Enum):
    """Where something runs; here on the CPU."""

    CPU = 0


_PRODUCTS = {"aten::mm": 0, "aten::bmm": 0, "aten::addmm": 1, "aten::baddbmm": 1}


def _flops(name: str, shapes: list) -> int:
    """How many operations on numbers a call is, of products of matrices, sums and products; 0 of others.

    As in PyTorch, sums and products count the elements of their first operand.
    """
    if name in ("aten::mul", "aten::add"):
        return math.prod(shapes[0]) if shapes else 0
    first = _PRODUCTS.get(name)
    if first is None or len(shapes) < first + 2:
        return 0
    a, b = shapes[first : first + 2]
    return 2 * math.prod(a) * b[-1] if len(a) == len(b) > 1 else 0


class _Times:
    """The forms of an event's times; nothing runs on a device here."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time = cuda_time = 0.0
    device_time_total = self_device_time_total = 0
    device_memory_usage = self_device_memory_usage = 0
    device_type = DeviceType.CPU

    @property
    def cpu_time(self) -> float:
        """The average of `cpu_time_total`."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        return _format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _format_time(self.self_cpu_time_total)

    @property
    def device_time_str(self) -> str:
        return _format_time(self.device_time)

    @property
    def device_time_total_str(self) -> str:
        return _format_time(self.device_time_total)

    @property
    def self_device_time_total_str(self) -> str:
        return _format_time(self.self_device_time_total)


class FunctionEvent(_Times):
    """One call of an operation, one derivative, or one region that the user named.

    Which events lie within it is found out by the list that it is in: `EventList._build_tree`.
    """

    count = 1

    def __init__(
        self,
        id: int,
        name: str,
        thread: int,
        start_us: float,
        end_us: float,
        overload_name: str | None = None,
        fwd_thread: int | None = None,
        input_shapes: list | None = None,
        stack: list[str] | None = None,
        scope: int = 0,
        use_device: str | None = None,
        cpu_memory_usage: int = 0,
        device_memory_usage: int = 0,
        is_async: bool = False,
        is_remote: bool = False,
        sequence_nr: int = -1,
        node_id: int = -1,
        device_type: DeviceType = DeviceType.CPU,
        device_index: int = 0,
        device_resource_id: int | None = None,
        is_legacy: bool = False,
        flops: int | None = None,
        trace_name: str | None = None,
        concrete_inputs: list | None = None,
        kwinputs: dict | None = None,
        is_user_annotation: bool = False,
        is_python_function: bool = False,
    ) -> None:
        self.id = id
        self.node_id = node_id
        self.name = name
        self.overload_name = overload_name
        self.trace_name = trace_name
        self.time_range = Interval(start_us, end_us)
        self.thread = thread
        self.fwd_thread = fwd_thread
        self.input_shapes: Any = input_shapes
        self.concrete_inputs = concrete_inputs
        self.kwinputs = kwinputs
        self.stack: Any = stack
        self.scope = scope  # 0: a call, 1: a derivative, 7: a region of the user's
        self.use_device = use_device
        self.cpu_memory_usage = cpu_memory_usage
        self.device_memory_usage = device_memory_usage
        self.is_async = is_async
        self.is_remote = is_remote
        self.sequence_nr = sequence_nr
        self.device_type = device_type
        self.device_index = device_index
        self.device_resource_id = thread if device_resource_id is None else device_resource_id
        self.is_legacy = is_legacy
        self.flops = flops
        self.is_user_annotation = is_user_annotation
        self.is_python_function = is_python_function
        self.self_cpu_percent = self.total_cpu_percent = self.total_device_percent = -1
        self.kernels: list = []
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @classmethod
    def of(cls, id: int, row: tuple, origin_ns: int, with_flops: bool) -> FunctionEvent:
        """The event of a tuple of the core's."""
        name, scope, begin, end, _, thread, sequence_nr, size, shapes, stack = row
        return cls(
            id,
            name,
            thread,
            (begin - origin_ns) / 1e3,
            (end - origin_ns) / 1e3,
            overload_name="",
            input_shapes=shapes or [],
            stack=stack or [],
            scope=scope,
            cpu_memory_usage=size,
            sequence_nr=sequence_nr,
            flops=_flops(name, shapes or []) if with_flops else 0,
            trace_name=name,
            is_user_annotation=scope == 7,
        )

    def append_cpu_child(self, child: FunctionEvent) -> None:
        """Note an event within this one."""
        self.cpu_children.append(child)

    def set_cpu_parent(self, parent: FunctionEvent) -> None:
        """Note the event that this one is in."""
        self.cpu_parent = parent

    @property
    def key(self) -> str:
        """What events are put together by."""
        return self.name

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """The time from begin to end."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """The time that no event within this one took."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """The bytes that no event within this one allocated."""
        return self.cpu_memory_usage - sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        device = self.use_device
        return (
            f"<FunctionEvent id={self.id} name={self.name} overload_name={self.overload_name} "
            f"device_type={self.device_type} node_id={self.node_id} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start} end_us={self.time_range.end} "
            f"cpu_children={[c.id for c in self.cpu_children]} {device}_time={self.device_time_str} "
            f"name={self.name} thread={self.thread} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage} {device}_memory_usage={self.device_memory_usage} "
            f"is_async={self.is_async} is_remote={self.is_remote} seq_nr={self.sequence_nr} is_legacy={self.is_legacy}>"
        )


class FunctionEventAvg(_Times):
    """Events of one key, summed up."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes: Any = None
        self.overload_name: str | None = None
        self.stack: list[str] | None = None
        self.use_device: str | None = None
        self.node_id = 0
        self.flops = 0
        self.is_async = self.is_remote = self.is_legacy = self.is_user_annotation = False
        self.scope: int | None = None
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Take in an event or other sums, of the same key if this has one."""
        if self.key is None:
            self.key = other.key
            self.input_shapes = other.input_shapes
            self.overload_name = other.overload_name
            self.stack = other.stack
            self.use_device = other.use_device
            self.node_id = other.node_id
            self.is_async, self.is_remote = other.is_async, other.is_remote
            self.is_legacy = other.is_legacy
            self.is_user_annotation = other.is_user_annotation
            self.scope = other.scope
            self.cpu_parent = other.cpu_parent
            self.cpu_children = other.cpu_children
        if other.key != self.key:
            raise AssertionError(f"Expected keys to match, but got {other.key} vs {self.key}")
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.count += other.count
        self.flops += other.flops or 0
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str}  "
            f"self_cuda_time=0.000us cuda_time=0.000us input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage} cuda_memory_usage=0>"
        )


class EventList(list):
    """Events or their averages, with tables and traces of them."""

    def __init__(
        self,
        *args: Any,
        use_device: str | None = None,
        profile_memory: bool = False,
        with_flops: bool = False,
    ) -> None:
        super().__init__(*args)
        self._use_device = use_device
        self._profile_memory = profile_memory
        self._with_flops = with_flops
        self._tree_built = False

    @classmethod
    def of(
        cls, rows: Iterable[tuple], origin_ns: int, profile_memory: bool, with_flops: bool
    ) -> EventList:
        """The events of the core's tuples, in the order in which they began, with parents and children."""
        rows = list(rows)
        events = cls(
            (FunctionEvent.of(i, r, origin_ns, with_flops) for i, r in enumerate(rows)),
            profile_memory=profile_memory,
            with_flops=with_flops,
        )
        for event, row in zip(events, rows, strict=True):
            if row[4] >= 0:
                events[row[4]].append_cpu_child(event)
                event.set_cpu_parent(events[row[4]])
        events._tree_built = True
        return events

    def _build_tree(self) -> None:
        """Find out which events lie within which, and leave out those that are their parent's only one and its like."""
        self._populate_cpu_children()
        while True:
            twins = set()
            for event in self:
                above = event.cpu_parent
                if above is None or above.name != event.name or len(above.cpu_children) != 1:
                    continue
                above.cpu_children = event.cpu_children
                for child in event.cpu_children:
                    child.set_cpu_parent(above)
                twins.add(id(event))
            if not twins:
                break
            self[:] = [e for e in self if id(e) not in twins]
        self._tree_built = True

    def _populate_cpu_children(self) -> None:
        """Make each event the child of the innermost of its thread that was running when it began."""
        running: dict[tuple, list[FunctionEvent]] = {}
        for event in sorted(self, key=lambda e: (e.time_range.start, -e.time_range.end)):
            if event.is_async or event.device_type is not DeviceType.CPU:
                continue
            around = running.setdefault((event.thread, event.node_id), [])
            while around and not (
                event.time_range.start < around[-1].time_range.end
                and event.time_range.end <= around[-1].time_range.end
            ):
                around.pop()
            if around:
                around[-1].append_cpu_child(event)
                if event.cpu_parent is not None:
                    raise AssertionError(f"There is already a CPU parent event for {event.key}")
                event.set_cpu_parent(around[-1])
            around.append(event)

    def __str__(self) -> str:
        return self.table()

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of the times that belong to one event alone: the time within any event."""
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events of one name summed up; with the same input shapes, or the same innermost n frames."""
        groups: dict[tuple, FunctionEventAvg] = {}
        for event in self:
            key: tuple = (event.key, event.node_id, event.device_type, event.is_legacy)
            key += (event.is_user_annotation,)
            if group_by_input_shapes:
                key += (str(event.input_shapes),)
            if group_by_stack_n > 0:
                key += tuple(event.stack[:group_by_stack_n])
            groups.setdefault(key, FunctionEventAvg()).add(event)
        for average in groups.values():
            average.stack = (average.stack or [])[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = ""
        return EventList(
            groups.values(),
            use_device=self._use_device,
            profile_memory=self._profile_memory,
            with_flops=self._with_flops,
        )

    def total_average(self) -> FunctionEventAvg:
        """All events summed up."""
        total = FunctionEventAvg()
        for event in self:
            total.key = None
            total.add(event)
        total.key = "Total"
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as a table.

        `sort_by` is `cpu_time`, `cpu_time_total`, `self_cpu_time_total`, `cpu_memory_usage`,
        `self_cpu_memory_usage`, `flops` or `count`, the largest first; without it the events stay as they are. At most
        `row_limit` rows, all if it is -1; `top_level_events_only` leaves out events within others. Times are in
        `time_unit`, "s", "ms" or "us", or each in what suits it.
        """
        if not self:
            return ""
        events = list(self)
        if sort_by is not None:
            events.sort(key=lambda e: getattr(e, sort_by.replace("cuda", "device")), reverse=True)
        every = events
        if top_level_events_only:
            events = [e for e in events if e.cpu_parent is None]
        if row_limit >= 0:
            events = events[:row_limit]
        total = self.self_cpu_time_total

        def time(us: float) -> str:
            return _format_time(us, time_unit)

        columns = [
            _Names("Name", lambda e: e.key, every, max_name_column_width),
            _Column("Self CPU %", lambda e: _format_time_share(e.self_cpu_time_total, total)),
            _Column("Self CPU", lambda e: time(e.self_cpu_time_total)),
            _Column("CPU total %", lambda e: _format_time_share(e.cpu_time_total, total)),
            _Column("CPU total", lambda e: time(e.cpu_time_total)),
            _Column("CPU time avg", lambda e: time(e.cpu_time)),
        ]
        if self._profile_memory:
            columns += [
                _Column("CPU Mem", lambda e: _format_memory(e.cpu_memory_usage)),
                _Column("Self CPU Mem", lambda e: _format_memory(e.self_cpu_memory_usage)),
            ]
        columns.append(_Column("# of Calls", lambda e: str(e.count)))
        if any(e.node_id != -1 for e in self):
            columns.append(_Column("Node ID", lambda e: str(e.node_id)))
        if any(e.input_shapes for e in self):
            columns.append(
                _Column(
                    "Input Shapes", lambda e: str(e.input_shapes), every, max_shapes_column_width
                )
            )
        if any(e.stack for e in self):
            columns.append(_Stacks("Source Location", str, every, max_src_column_width))
        counts = [e.flops for e in self if (e.flops or 0) > 0] if self._with_flops else []
        if counts:
            power = max(0, min(int(math.log10(min(counts)) // 3), 5))
            title = f"Total {('', 'K', 'M', 'G', 'T', 'P')[power]}FLOPs"
            columns.append(
                _Column(title, lambda e: f"{e.flops / 1e3**power:8.3f}" if e.flops else "--")
            )
        notes = [header] if header is not None else []
        if top_level_events_only:
            notes.append("This report only display top-level ops statistics")
        return _layout(columns, events, notes) + f"Self CPU time total: {time(total)}\n"

    def export_chrome_trace(self, path: str) -> None:
        """Write the events as JSON that chrome://tracing and Perfetto show."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 1, "traceEvents": self._trace_events()}, file)

    def _trace_events(self) -> list[dict]:
        pid = os.getpid()
        events: list[dict] = [
            {"ph": "M", "name": "process_name", "ts": 0, "pid": pid, "tid": 0, "args": {"name": "python"}},
            {"ph": "M", "name": "process_labels", "ts": 0, "pid": pid, "tid": 0, "args": {"labels": "CPU"}},
        ]  # fmt: skip
        for e in self:
            args: dict[str, Any] = {"External id": e.id}
            if e.sequence_nr >= 0:
                args["Sequence number"] = e.sequence_nr
            if e.input_shapes:
                args["Input Dims"] = e.input_shapes
            if e.stack:
                args["Call stack"] = ";".join(reversed(e.stack))
            times = {"ts": e.time_range.start, "dur": e.cpu_time_total}
            events.append(
                {"ph": "X", "cat": "user_annotation" if e.is_user_annotation else "cpu_op", "name": e.name, "pid": pid, "tid": e.thread, **times, "args": args}
            )  # fmt: skip
        return events

    def export_stacks(self, path: str, metric: str) -> None:
        """Write one line per stack, "outermost;...;innermost microseconds", for flame graphs."""
        if metric not in self.supported_export_stacks_metrics():
            raise ValueError(
                "metric should be one of: " + str(self.supported_export_stacks_metrics())
            )
        with open(path, "w", encoding="utf-8") as file:
            for e in self:
                value = int(getattr(e, metric.replace("cuda", "device")))
                if e.stack and value > 0:
                    frames = [f.translate(str.maketrans(" ;\t\n", "____")) for f in e.stack]
                    file.write(";".join(reversed(frames)) + f" {value}\n")

    def supported_export_stacks_metrics(self) -> list[str]:
        """What `export_stacks` can count."""
        return ["self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total", "self_privateuse1_time_total"]  # fmt: skip


class _Column:
    """A column of a table; with `events` it is as wide as their texts need, up to a limit."""

    def __init__(
        self,
        title: str,
        text: Callable[[Any], str],
        events: list | None = None,
        limit: int = 0,
    ) -> None:
        self.title, self.text, self.limit = title, text, limit
        self.width = 12
        if events is not None:
            self.width = max(len(line) for e in events for line in self.lines(e)) + 4
            if limit > 0:
                self.width = min(self.width, limit)

    def lines(self, event: Any) -> list[str]:
        return [self.text(event)]

    def shown(self, line: str) -> str:
        return line[: self.width].rjust(self.width) if self.limit else line.rjust(self.width)


class _Names(_Column):
    def shown(self, line: str) -> str:
        if self.limit > 0 and len(line) >= self.limit - 3:
            line = line[: self.limit - 3] + "..."
        return line.rjust(self.width)


class _Stacks(_Column):
    """Several lines for each event, of which the end is shown, and an empty one."""

    def lines(self, event: Any) -> list[str]:
        return [*(event.stack or [""]), ""]

    def shown(self, line: str) -> str:
        if len(line) > self.width:
            line = "..." + line[len(line) - self.width + 3 :]
        return line.ljust(self.width)


def _layout(columns: list[_Column], events: list, notes: list[str]) -> str:
    rule = "  ".join("-" * c.width for c in columns) + "  \n"
    rows = [
        [c.title.ljust(c.width) if type(c) is _Stacks else c.title.rjust(c.width) for c in columns]
    ]
    for event in events:
        cells = [c.lines(event) for c in columns]
        for i in range(max(map(len, cells))):
            texts = [lines[i] if i < len(lines) else "" for lines in cells]
            rows.append([c.shown(t) for c, t in zip(columns, texts, strict=True)])
    lines = ["  ".join(row) + "  \n" for row in rows]
    top = "=" * (len(rule) - 3) + "\n" if notes else ""
    top += "".join(f"{note}\n" for note in notes)
    return top + rule + lines[0] + rule + "".join(lines[1:]) + rule
