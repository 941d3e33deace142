"""What a profile is made of: events, their averages, tables and traces.

Start with `EventList`; the events come from the core as tuples, see `EventList.of`. Times are in
microseconds, as in PyTorch.
"""

from __future__ import annotations

import json
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


def _time_text(us: float) -> str:
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def _memory_text(size: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(size) >= unit:
            return f"{size / unit:.2f} {name}"
    return f"{size} B"


def _share_text(part: float, whole: float) -> str:
    return f"{part * 100 / whole:.2f}%" if whole else "NaN" if part else "0.00%"


class _Times:
    """The forms of an event's times; nothing runs on a device here."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time = device_time_total = self_device_time_total = 0.0
    cuda_time = 0.0
    device_memory_usage = self_device_memory_usage = 0
    use_device: str | None = None
    flops: int | None = None
    overload_name = ""
    node_id = -1
    is_async = is_remote = is_legacy = False

    @property
    def cpu_time(self) -> float:
        """The average of `cpu_time_total`."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        return _time_text(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _time_text(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _time_text(self.self_cpu_time_total)


class FunctionEvent(_Times):
    """One call of an operation, one derivative, or one region that the user named."""

    count = 1

    def __init__(self, id: int, row: tuple, origin_ns: int) -> None:
        name, scope, begin, end, _, thread, sequence_nr, size, shapes, stack = row
        self.id = id
        self.name = self.trace_name = name
        self.thread = thread
        self.time_range = Interval((begin - origin_ns) / 1e3, (end - origin_ns) / 1e3)
        self.sequence_nr = sequence_nr
        self.cpu_memory_usage = size
        self.input_shapes: list = shapes or []
        self.stack: list[str] = stack or []
        self.scope = scope  # 0: a call, 1: a derivative, 7: a region of the user's
        self.is_user_annotation = scope == 7
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

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
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start} end_us={self.time_range.end} "
            f"cpu_children={[c.id for c in self.cpu_children]} thread={self.thread} "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} seq_nr={self.sequence_nr}>"
        )


class FunctionEventAvg(_Times):
    """Events of one key, summed up."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes: Any = None
        self.stack: list[str] | None = None
        self.is_user_annotation = False
        self.scope = 0
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Take in an event or other sums, of the same key if this has one."""
        if self.key is None:
            self.key = other.key
            self.input_shapes = other.input_shapes
            self.stack = other.stack
            self.is_user_annotation = other.is_user_annotation
            self.scope = other.scope
            self.cpu_parent = other.cpu_parent
            self.cpu_children = other.cpu_children
        assert other.key == self.key
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.count += other.count
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str}  "
            f"self_cuda_time=0.000us cuda_time=0.000us input_shapes={self.input_shapes or ''} "
            f"cpu_memory_usage={self.cpu_memory_usage} cuda_memory_usage=0>"
        )


class EventList(list):
    """Events or their averages, with tables and traces of them."""

    def __init__(self, *args: Any, profile_memory: bool = False, **_: Any) -> None:
        super().__init__(*args)
        self._profile_memory = profile_memory

    @classmethod
    def of(cls, rows: Iterable[tuple], origin_ns: int, profile_memory: bool) -> EventList:
        """The events of the core's tuples, in the order in which they began, with parents and children."""
        rows = list(rows)
        events = cls((FunctionEvent(i, r, origin_ns) for i, r in enumerate(rows)))
        events._profile_memory = profile_memory
        for event, row in zip(events, rows, strict=True):
            if row[4] >= 0:
                event.cpu_parent = events[row[4]]
                event.cpu_parent.cpu_children.append(event)
        return events

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
            key: tuple = (event.key, event.is_user_annotation)
            if group_by_input_shapes:
                key += (str(event.input_shapes),)
            if group_by_stack_n > 0:
                key += tuple(event.stack[:group_by_stack_n])
            groups.setdefault(key, FunctionEventAvg()).add(event)
        for average in groups.values():
            average.stack = (average.stack or [])[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = ""
        return EventList(groups.values(), profile_memory=self._profile_memory)

    def total_average(self) -> FunctionEventAvg:
        """All events summed up."""
        total = FunctionEventAvg()
        for event in self:
            total.key = event.key
            total.add(event)
        total.key = "Total"
        total.input_shapes = total.input_shapes or []
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
        `self_cpu_memory_usage` or `count`, the largest first; without it the events stay as they are. At most
        `row_limit` rows, all if it is -1; `top_level_events_only` leaves out events within others.
        """
        if not self:
            return ""
        events = list(self)
        if sort_by is not None:
            events.sort(key=lambda e: getattr(e, sort_by.replace("cuda", "device")), reverse=True)
        if top_level_events_only:
            events = [e for e in events if e.cpu_parent is None]
        if row_limit >= 0:
            events = events[:row_limit]
        total = self.self_cpu_time_total
        columns: list[tuple[str, Callable[[Any], str], int]] = [
            ("Name", lambda e: e.key, max_name_column_width),
            ("Self CPU %", lambda e: _share_text(e.self_cpu_time_total, total), 0),
            ("Self CPU", lambda e: e.self_cpu_time_total_str, 0),
            ("CPU total %", lambda e: _share_text(e.cpu_time_total, total), 0),
            ("CPU total", lambda e: e.cpu_time_total_str, 0),
            ("CPU time avg", lambda e: e.cpu_time_str, 0),
        ]
        if self._profile_memory:
            columns += [
                ("CPU Mem", lambda e: _memory_text(e.cpu_memory_usage), 0),
                ("Self CPU Mem", lambda e: _memory_text(e.self_cpu_memory_usage), 0),
            ]
        columns.append(("# of Calls", lambda e: str(e.count), 0))
        if any(e.input_shapes for e in self):
            columns.append(("Input Shapes", lambda e: str(e.input_shapes), max_shapes_column_width))
        if any(e.stack for e in self):
            columns.append(
                ("Source Location", lambda e: (e.stack or [""])[0], max_src_column_width)
            )
        return _layout(columns, events, header) + f"Self CPU time total: {_time_text(total)}\n"

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


def _layout(columns: list, events: list, header: str | None) -> str:
    cells = [[title for title, _, _ in columns]]
    for e in events:
        row = []
        for _, text, limit in columns:
            cell = text(e)
            if limit and len(cell) > limit - 3:
                cell = cell[: limit - 3] + "..."
            row.append(cell)
        cells.append(row)
    widths = [
        max(12, *(len(row[i]) for row in cells)) + (4 if columns[i][2] else 0)
        for i in range(len(columns))
    ]
    widths = [min(w, c[2]) if c[2] else w for w, c in zip(widths, columns, strict=True)]
    rule = "  ".join("-" * w for w in widths) + "  \n"
    lines = ["  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) + "  \n" for r in cells]
    top = "=" * (len(rule) - 3) + f"\n{header}\n" if header is not None else ""
    return top + rule + lines[0] + rule + "".join(lines[1:]) + rule
