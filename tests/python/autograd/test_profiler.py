"""torch.autograd.profiler and torch.profiler: what is recorded, tables, traces, schedules.

Times and the inner calls of PyTorch's operations are its own, so that most of this looks at whygrad
alone.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from parity import parity, subject, table

torch = subject()
profiler = torch.autograd.profiler


def names(events: Any) -> list[str]:
    return [e.name for e in events]


def small_step() -> tuple[Any, Any]:
    lin = torch.nn.Linear(4, 3)
    x = torch.ones(2, 4)
    with profiler.profile(record_shapes=True) as p:
        with profiler.record_function("forward"):
            y = (lin(x).relu() * 2)[0]
            loss = torch.cat([y, y]).sum()
        loss.backward()
    return p, lin


def test_calls_of_every_kind_and_derivatives_are_recorded_in_order() -> None:
    p, lin = small_step()
    seen = names(p.function_events)
    calls = ["linear", "t", "addmm", "relu", "mul", "__getitem__", "select", "cat", "sum"]
    assert seen[: len(calls) + 1] == ["forward", *(f"aten::{c}" for c in calls)]
    within = [(e.name, e.cpu_parent.name) for e in p.function_events if e.cpu_parent]
    assert {
        ("aten::addmm", "aten::linear"),
        ("aten::select", "aten::__getitem__"),
        ("aten::mm", "AddmmBackward0"),
    } <= set(within)
    turns = [n for n in seen if n.startswith("autograd::engine::evaluate_function: ")]
    nodes = [t.split(": ", 1)[1] for t in turns]
    assert nodes == [
        "SumBackward0",
        "CatBackward0",
        "SelectBackward0",
        "MulBackward0",
        "ReluBackward0",
        "AddmmBackward0",
        "torch::autograd::AccumulateGrad",
        "TBackward0",
        "torch::autograd::AccumulateGrad",
    ]
    assert lin.weight.grad is not None


def test_events_lie_within_their_parents_and_times_add_up() -> None:
    p, _ = small_step()
    events = p.function_events
    for e in events:
        assert e.time_range.end >= e.time_range.start >= 0
        assert e.self_cpu_time_total <= e.cpu_time_total
        for child in e.cpu_children:
            assert child.cpu_parent is e
            assert e.time_range.start <= child.time_range.start
            assert child.time_range.end <= e.time_range.end
    top = [e for e in events if e.cpu_parent is None]
    whole = sum(e.cpu_time_total for e in top)
    assert events.self_cpu_time_total == pytest.approx(whole)
    inside = [e for e in events if e.name == "aten::linear"]
    assert [e.cpu_parent.name for e in inside] == ["forward"]
    assert inside[0].input_shapes == [[2, 4], [3, 4], [3]]


def test_sequence_numbers_lead_from_a_derivative_to_its_node() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    number = y.grad_fn._sequence_nr()
    with profiler.profile() as p:
        y.sum().backward()
    assert [e.sequence_nr for e in p.function_events if e.name == "ExpBackward0"] == [number]


@parity
def test_events_of_pytorch_too(torch: Any) -> Iterator[Any]:
    """Forward calls bear the number of the node that they record; Functions and optimizers show."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * g * ctx.saved_tensors[0] ** 2

    x = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([x], lr=0.1)
    with torch.autograd.profiler.profile() as p:
        y = x.exp()
        z = Cube.apply(y)
        with torch.no_grad():
            x.cos()
        torch.ones(3)
        z.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    number = {t.grad_fn._sequence_nr(): name for t, name in ((y, "exp"), (z, "cube"))}
    shared = r"aten::(exp|cos|ones|sum|backward)$|Cube|.*(Exp|Cube|Sum)Backward|Optimizer"
    for e in p.function_events:
        if re.match(shared, e.name):
            yield (
                e.name,
                e.scope,
                number.get(e.sequence_nr),
                e.sequence_nr < 0,
                e.is_user_annotation,
            )


def test_averages_and_tables() -> None:
    x = torch.ones(3)
    with profiler.profile(record_shapes=True) as p:
        for _ in range(5):
            x.add(1)
        torch.ones(4, 4).add(torch.ones(4))
    averages = {a.key: a for a in p.key_averages()}
    assert averages["aten::add"].count == 6
    assert averages["aten::ones"].count == 2
    total = sum(e.cpu_time_total for e in p.function_events if e.name == "aten::add")
    assert averages["aten::add"].cpu_time_total == pytest.approx(total)
    assert averages["aten::add"].cpu_time == pytest.approx(total / 6)
    by_shape = p.key_averages(group_by_input_shape=True)
    assert sorted((a.count, a.input_shapes) for a in by_shape if a.key == "aten::add") == [
        (1, [[4, 4], [4]]),
        (5, [[3], []]),
    ]
    text = p.key_averages().table(sort_by="count", row_limit=1, header="the most called")
    lines = text.splitlines()
    assert lines[1] == "the most called" and set(lines[2]) == {"-", " "}
    titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    assert lines[3].split() == " ".join([*titles, "# of Calls"]).split()
    assert lines[5].split()[0] == "aten::add" and lines[5].split()[-1] == "6"
    assert len(lines) == 8 and lines[7].startswith("Self CPU time total: ")
    assert p.total_average().count == len(p.function_events)
    assert "aten::add" in str(p)


# Whatever calls it: PyTorch shows more of what an operation calls within itself.
PRODUCTS = re.compile("aten::(mm|addmm|bmm|baddbmm|mul|add|sub|div|mul_|add_|mv|dot|linear)$")


@parity
def test_flops_are_counted_as_in_pytorch(torch: Any) -> Iterator[Any]:
    """But for derivatives of elementwise operations, which are no calls here."""
    x, y, v = torch.ones(4, 5, requires_grad=True), torch.ones(5, 6), torch.ones(5)
    a, b = torch.ones(2, 4, 5), torch.ones(2, 5, 3)

    def calls() -> None:
        z = torch.mm(x, y)
        z + 1
        z * z
        torch.addmm(torch.ones(4, 6), x, y, beta=0.5)
        torch.bmm(a, b)
        torch.baddbmm(torch.ones(2, 4, 3), a, b)
        torch.matmul(x, v)
        x @ y
        torch.nn.functional.linear(x, torch.ones(3, 5), torch.ones(3))
        torch.nn.functional.linear(x, torch.ones(3, 5))
        torch.mul(2, x)
        torch.add(1, x)
        torch.add(x, x, alpha=2)
        x - 1
        x / 2
        a.mul_(2)
        a.add_(2)
        x * a
        torch.einsum("ij,jk->ik", x, y)
        torch.dot(v, v)
        z.sum().backward()

    for options in ({"with_flops": True}, {}):
        with torch.autograd.profiler.profile(**options) as p:
            calls()
        yield [(e.name, e.flops) for e in p.function_events if PRODUCTS.match(e.name)]
        yield sorted((e.key, e.flops) for e in p.key_averages() if PRODUCTS.match(e.key))
        yield p.record_shapes
    with torch.profiler.profile(with_flops=True) as p:
        calls()
    yield sum(e.flops for e in p.events() if e.cpu_parent is None)
    yield sum(e.flops for e in p.events())


EVENTS = {
    "nested": ((1, "a", 0.0, 10.0), (2, "b", 1.0, 4.0), (3, "c", 2.0, 3.0), (4, "b", 5.0, 9.5)),
    "alike": ((1, "a", 0.0, 10.0), (2, "a", 1.0, 9.0), (3, "a", 2.0, 8.0), (4, "b", 3.0, 4.0)),
    "two alike": ((1, "a", 0.0, 10.0), (2, "a", 1.0, 4.0), (3, "a", 5.0, 8.0)),
    "one after another": ((1, "a", 0.0, 1.0), (2, "b", 1.0, 2.5e3), (3, "c", 2.5e3, 9e7)),
    "at the same time": ((1, "a", 0.0, 4.0), (2, "b", 0.0, 4.0), (3, "c", 2.0, 6.0)),
    "long names": tuple((i, "x" * i, i, i + 0.5) for i in range(2, 12)),
    "out of order": ((1, "b", 2.0, 3.0), (2, "a", 0.0, 10.0)),
}


@parity(which=EVENTS)
def test_events_made_by_hand(torch: Any, which: str) -> Iterator[Any]:
    util = torch.autograd.profiler_util

    def made(**more: Any) -> Any:
        events = util.EventList(
            [
                util.FunctionEvent(id=i, name=n, thread=0, start_us=s, end_us=e, node_id=0, **more)
                for i, n, s, e in EVENTS[which]
            ],
            profile_memory=bool(more),
            with_flops=bool(more),
        )
        events._build_tree()
        return events

    events = made()
    yield [(e.id, e.cpu_parent and e.cpu_parent.id, [c.id for c in e.cpu_children]) for e in events]
    yield [(e.self_cpu_time_total, e.cpu_time_total, e.cpu_time, repr(e)) for e in events]
    yield events.self_cpu_time_total, events.table(), repr(events), str(events)
    yield events.total_average()
    events = made(flops=2500, cpu_memory_usage=5000, input_shapes=[[2, 3], []], stack=["f(1)", "g"])
    for options in (
        {},
        {"sort_by": "self_cpu_time_total"},
        {"sort_by": "flops", "row_limit": 1},
        {"row_limit": 0},
        {"row_limit": -1, "header": "a header"},
        {"top_level_events_only": True},
        {"time_unit": "ms"},
        {"time_unit": "s", "max_name_column_width": 8},
        {"max_shapes_column_width": 10},
    ):
        yield lambda options=options: events.key_averages().table(**options)
        yield lambda options=options: events.key_averages(True).table(**options)
    yield [
        (a.key, a.count, a.flops, a.cpu_memory_usage, a.self_cpu_memory_usage, a.cpu_time)
        for a in events.key_averages()
    ]
    averages = events.key_averages(group_by_stack_n=1)
    yield [(a.key, a.stack, a.input_shapes) for a in averages]
    for e in events:
        e.flops = 0
    for options in ({}, {"max_src_column_width": 4}):
        yield events.key_averages(group_by_stack_n=2).table(**options)


@parity
def test_averages_made_by_hand(torch: Any) -> Iterator[Any]:
    util = torch.autograd.profiler_util

    def event(**more: Any) -> Any:
        return util.FunctionEvent(
            **{"id": 0, "node_id": 0, "name": "foo", "thread": 0, "start_us": 10, "end_us": 15}
            | more
        )

    average = util.FunctionEventAvg()
    yield {k: v for k, v in vars(average).items() if k in ("key", "count", "flops", "node_id")}
    average.add(event(flops=3))
    average.add(event(start_us=20, end_us=30, flops=4))
    average.add(average)
    yield average.key, average.count, average.cpu_time_total, average.self_cpu_time_total
    yield average.cpu_time, average.device_time_total, average.flops, repr(average)
    yield lambda: average.add(event(name="bar"))
    average += event()
    yield average.count, average.cpu_time_str, average.cpu_time_total_str
    e = event()
    yield {
        n: getattr(e, n)
        for n in (
            "count cpu_children cpu_memory_usage cpu_parent cpu_time cpu_time_str cpu_time_total "
            "device_index device_memory_usage device_resource_id device_time device_time_str "
            "device_time_total flops fwd_thread id input_shapes is_async is_legacy is_remote "
            "is_python_function is_user_annotation kernels key name node_id overload_name scope "
            "self_cpu_memory_usage self_cpu_percent self_cpu_time_total self_device_time_total "
            "sequence_nr stack thread total_cpu_percent trace_name use_device"
        ).split()
    }
    yield str(e.device_type), e.time_range.elapsed_us(), vars(e.time_range)


test_options = table(
    """
profile(use_device="cuda").use_device
profile(use_device="nowhere").use_device
profile(use_cuda=True).use_device
profile(use_cpu=False)
profile(with_flops=True).record_shapes
profile().__exit__(None, None, None)
profile().total_average()
profile().self_cpu_time_total
profile().key_averages()
    """,
    setup="profile = torch.autograd.profiler.profile",
)


def test_nothing_is_recorded_outside() -> None:
    x = torch.ones(3)
    with profiler.profile() as p:
        pass
    x.add(1)
    with profiler.record_function("alone"):
        pass
    assert len(p.function_events) == 0 and p.key_averages().table() == ""
    with profiler.profile(enabled=False) as nothing:
        x.add(1)
    assert nothing is None


def test_an_error_within_closes_what_is_open() -> None:
    x = torch.ones(3)
    p = profiler.profile()
    with pytest.raises(RuntimeError), p, profiler.record_function("outer"):
        x.add(torch.ones(4))
    assert names(p.function_events) == ["outer", "aten::ones", "aten::add"]
    assert all(e.time_range.end >= e.time_range.start for e in p.function_events)
    with profiler.profile() as again:
        x.add(1)
    assert names(again.function_events) == ["aten::add"]


@parity
def test_a_profile_within_another_takes_its_place(torch: Any) -> Iterator[Any]:
    profile = torch.autograd.profiler.profile
    x = torch.ones(2)
    with profile() as p:
        x.sin()
        with profile() as q:
            x.cos()
        x.tan()
    yield names(p.function_events), names(q.function_events)
    with torch.profiler.profile() as p, profile() as q:
        x.sin()
    yield names(p.events()), names(q.function_events)
    first, second = profile(), profile()
    first.__enter__()
    x.sin()
    second.__enter__()
    x.cos()
    first.__exit__(None, None, None)
    x.tan()
    second.__exit__(None, None, None)
    yield names(first.function_events), names(second.function_events)
    with profile() as p:
        x.sin()
    yield names(p.function_events)


def test_hooks_and_functions_record_what_they_call() -> None:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.mul(2)

    x = torch.ones(3, requires_grad=True)
    x.register_hook(lambda g: g.neg())
    with profiler.profile() as p:
        Twice.apply(x).sum().backward()
    events = {e.name: e for e in p.function_events}
    assert events["aten::mul"].cpu_parent is not None
    assert {"TwiceBackward", "aten::neg"} <= set(events)
    assert x.grad.tolist() == [-2.0] * 3


def test_record_function_as_a_decorator_nests_with_itself() -> None:
    @profiler.record_function("f")
    def f(n: int) -> None:
        if n:
            f(n - 1)

    with profiler.profile() as p:
        f(2)
    a, b, c = p.function_events
    assert [e.name for e in (a, b, c)] == ["f", "f", "f"]
    assert c.cpu_parent is b and b.cpu_parent is a and a.is_user_annotation


def test_other_threads_are_not_recorded() -> None:
    x = torch.ones(3, requires_grad=True)
    results = []
    with profiler.profile() as p:
        t = threading.Thread(target=lambda: results.append(x.mul(3).sum().backward()))
        t.start()
        t.join()
        x.add(1)
    assert names(p.function_events) == ["aten::add"]
    assert results == [None] and x.grad.tolist() == [3.0] * 3


def test_threads_that_go_on_in_place_of_one_are_recorded() -> None:
    """Deeply nested passes run on threads of their own."""

    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, depth):
            ctx.save_for_backward(x)
            ctx.depth = depth
            return x * 2

        @staticmethod
        def backward(ctx, g):
            if ctx.depth:
                with torch.enable_grad(), profiler.record_function("deeper"):
                    x = ctx.saved_tensors[0].detach().requires_grad_()
                    Nested.apply(x, ctx.depth - 1).sum().backward()
            return g * 2, None

    x = torch.ones(3, requires_grad=True)
    with profiler.profile() as p:
        Nested.apply(x, 120).sum().backward()
        x.exp()
    found = names(p.function_events)
    assert (found.count("deeper"), found.count("aten::sum"), found.count("aten::exp")) == (
        120,
        121,
        1,
    )
    deepest = [e for e in p.function_events if e.name == "deeper"][-1]
    above = []
    while deepest is not None:
        above.append(deepest.name)
        deepest = deepest.cpu_parent
    assert above.count("deeper") == 120
    assert len({e.thread for e in p.function_events}) > 1


def test_memory_and_stacks(tmp_path: Any) -> None:
    with profiler.profile(profile_memory=True, with_stack=True) as p:
        kept = torch.ones(1 << 20)
    (e,) = p.function_events
    assert e.cpu_memory_usage >= kept.nbytes and "4.00 MB" in p.key_averages().table()
    assert "test_memory_and_stacks" in e.stack[0] and __file__ in e.stack[0]
    p.export_stacks(str(tmp_path / "stacks"))
    (line,) = (tmp_path / "stacks").read_text().splitlines()
    assert "test_memory_and_stacks" in line and line.rsplit(" ", 1)[1].isdigit()


def test_a_trace_holds_every_event(tmp_path: Any) -> None:
    p, _ = small_step()
    p.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    assert [e["name"] for e in events] == names(p.function_events)
    assert {e["cat"] for e in events} == {"cpu_op", "user_annotation"}
    assert all(e["dur"] >= 0 and e["ts"] >= 0 for e in events)
    linear = next(e for e in events if e["name"] == "aten::linear")
    assert linear["args"]["Input Dims"] == [[2, 4], [3, 4], [3]]


def test_a_schedule_records_its_steps_and_hands_over_each_stretch(tmp_path: Any) -> None:
    x = torch.ones(3)
    stretches = []

    def ready(p: Any) -> None:
        stretches.append((p.step_num, names(p.events())))

    plan = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with torch.profiler.profile(schedule=plan, on_trace_ready=ready) as p:
        for step in range(10):
            (x.sin, x.cos)[step % 2]()
            p.step()
    assert [n for n, _ in stretches] == [4, 8]
    for first, (_, seen) in zip((2, 6), stretches, strict=True):
        steps = [f"ProfilerStep#{first}", f"ProfilerStep#{first + 1}"]
        assert seen == [steps[0], "aten::sin", steps[1], "aten::cos"]
    write = torch.profiler.tensorboard_trace_handler(str(tmp_path), "worker", use_gzip=True)
    with torch.profiler.profile(on_trace_ready=write) as p:
        x.tan()
        p.add_metadata("note", "a text")
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("worker.") and file.name.endswith(".pt.trace.json.gz")
    trace = json.loads(gzip.decompress(file.read_bytes()))
    assert trace["note"] == "a text"
    assert [e["name"] for e in trace["traceEvents"] if e["ph"] == "X"] == ["aten::tan"]


test_schedules_are_those_of_pytorch = table(
    """
    actions(wait=1, warmup=1, active=2, repeat=1)
    actions(wait=0, warmup=0, active=1)
    actions(wait=2, warmup=1, active=3, repeat=2, skip_first=3)
    actions(wait=2, warmup=1, active=1, skip_first=1, skip_first_wait=1)
    actions(wait=-1, warmup=0, active=1)
    actions(wait=0, warmup=-1, active=1)
    actions(wait=0, warmup=0, active=0)
    actions(wait=0, warmup=1, active=1, repeat=-1)
    torch.profiler.schedule(wait=0, warmup=1, active=1)(-1)
    [a.name for a in torch.profiler.ProfilerAction]
    [a.name for a in torch.profiler.supported_activities()]
    str(torch.autograd.profiler.profile())
    twice(torch.autograd.profiler.profile())
    sorted((a.name, int(a.value)) for a in torch.profiler.ProfilerActivity.__members__.values())
    torch.profiler.profile(activities=[])
    torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]).activities
    torch.profiler.profile().stop()
    torch.profiler.profile().events()
    torch.profiler.profile().key_averages()
    torch.profiler.profile().export_chrome_trace('never written')
    p = torch.profiler.profile(); p.step(); p.step_num, p.current_action
    """,
    setup="""
def actions(**arguments):
    plan = torch.profiler.schedule(**arguments)
    return [str(plan(i)) for i in range(20)]
def twice(p):
    with p: pass
    with p: pass
""",
)
