"""Times one statement under two engines, interleaved; docs/benchmarks.md says how and why.

A `Case` is code: `setup` runs once per engine with `torch` bound to that engine, `statement` is
timed in a loop. What is measured is therefore what the line costs in a user's own program, without
the call of a wrapper around it.
"""

from __future__ import annotations

import gc
import statistics
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import repeat
from types import ModuleType

Loop = Callable[[Iterable[None]], float]

_TEMPLATE = """
def prepare(torch):
{setup}
    def loop(iterations, clock):
        start = clock()
        for _ in iterations:
{statement}
        return clock() - start
    return loop
"""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        name: what the row is called; `--only` matches it.
        setup: code that runs once per engine, with `torch` bound to the engine.
        statement: the code that is timed.
        target: PyTorch's time divided by whygrad's, at least; None for a row without one.
        threads: threads of both engines.
        group: the heading it is printed under.
        baseline: a statement whose time under whygrad takes the place of PyTorch's.
        limit: how many times that it may take, at most; in the place of a target.
    """

    name: str
    setup: str
    statement: str
    target: float | None = None
    threads: int = 1
    group: str = ""
    baseline: str | None = None
    limit: float | None = None


@dataclass
class Result:
    """What was measured of one case: seconds per run of the statement, one entry a round."""

    case: Case
    reference: list[float] = field(default_factory=list)
    subject: list[float] = field(default_factory=list)
    error: str | None = None

    @property
    def best(self) -> tuple[float, float]:
        """Shortest time of the reference and of the subject."""
        return min(self.reference), min(self.subject)

    @property
    def ratio(self) -> float:
        """Best time of the reference ÷ best time of the subject."""
        reference, subject = self.best
        return reference / subject

    @property
    def median_ratio(self) -> float:
        """Median over the rounds of the two times of one round, which were taken side by side."""
        return statistics.median(
            reference / subject
            for reference, subject in zip(self.reference, self.subject, strict=True)
        )

    @property
    def met(self) -> bool | None:
        """Whether the target or the limit is kept; None without one."""
        if self.case.limit is not None:
            return self.error is None and 1 / self.ratio <= self.case.limit
        if self.case.target is None:
            return None
        return self.error is None and self.ratio >= self.case.target


@dataclass(frozen=True)
class Plan:
    """How long to measure: rounds, and the least seconds of one sample."""

    rounds: int = 9
    sample: float = 0.03
    # libgomp's workers spin for a few milliseconds after PyTorch's last parallel loop; left alone
    # they would take the other engine's core.
    pause: float = 0.01


QUICK = Plan(rounds=3, sample=0.005)


def compile_case(case: Case, engine: ModuleType) -> Loop:
    """The timing loop of `case` under `engine`: takes an iterable, returns seconds spent in it."""
    source = _TEMPLATE.format(
        setup=textwrap.indent(case.setup.strip() or "pass", " " * 4),
        statement=textwrap.indent(case.statement.strip(), " " * 12),
    )
    namespace: dict[str, Callable[[ModuleType], Callable[..., float]]] = {}
    exec(compile(source, f"<{case.name}>", "exec"), namespace)
    loop = namespace["prepare"](engine)
    return lambda iterations: loop(iterations, time.perf_counter)


def calibrate(loop: Loop, sample: float) -> int:
    """Runs of the statement that take at least `sample` seconds."""
    loop(repeat(None, 2))
    runs = 1
    while (seconds := loop(repeat(None, runs))) < sample:
        runs = max(runs + 1, min(10 * runs, int(1.2 * sample * runs / max(seconds, 1e-9))))
    return runs


def measure(case: Case, reference: ModuleType, subject: ModuleType, plan: Plan) -> Result:
    """Time `case` under both engines, in alternating order, for `plan.rounds` rounds.

    An engine that cannot run the case gives a result with `error` set, not an exception.
    """
    result = Result(case)
    try:
        for engine in (reference, subject):
            engine.set_num_threads(case.threads)
        if case.baseline is None:
            loops = [compile_case(case, engine) for engine in (reference, subject)]
        else:
            plain = replace(case, statement=case.baseline)
            loops = [compile_case(c, subject) for c in (plain, case)]
        runs = [calibrate(loop, plan.sample) for loop in loops]
    except Exception as error:
        result.error = f"{type(error).__name__}: {error}".splitlines()[0]
        return result
    samples = [result.reference, result.subject]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for round_ in range(plan.rounds):
            for which in (0, 1) if round_ % 2 == 0 else (1, 0):
                time.sleep(plan.pause)
                loops[which](repeat(None, 1))  # brings its data back into the caches
                samples[which].append(loops[which](repeat(None, runs[which])) / runs[which])
    finally:
        if collecting:
            gc.enable()
    return result
