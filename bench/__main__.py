"""`python -m bench`: whygrad against PyTorch, as a table and as JSON."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from . import harness, memory, ops, overhead, training

GROUPS = {
    "overhead (1 thread)": overhead.CASES,
    "large tensors (2 threads), matrix products": ops.CASES,
    "training (1 thread)": training.CASES,
    "whygrad alone: without and with (1 thread)": overhead.ALONE,
}
MEMORY = "import and memory (fresh processes)"
WIDTH = 48


def main() -> int:
    """Run the benchmarks that the command line asks for; 1 if a target is missed and matters."""
    arguments = _parser().parse_args()
    plan = harness.QUICK if arguments.quick else harness.Plan()
    if arguments.rounds:
        plan = replace(plan, rounds=arguments.rounds)
    wanted = re.compile(arguments.only or "", re.IGNORECASE)
    reference = importlib.import_module("torch")
    subject = importlib.import_module(arguments.engine)

    rows: list[dict[str, Any]] = []
    for group, cases in GROUPS.items():
        chosen = [replace(case, group=group) for case in cases if wanted.search(case.name)]
        if chosen:
            _heading(group, arguments.engine)
        for case in chosen:
            rows.append(_case_row(harness.measure(case, reference, subject, plan)))
            print(_case_line(rows[-1]), flush=True)
    probes = [probe for probe in memory.PROBES if wanted.search(probe.name)]
    if probes:
        _heading(MEMORY, arguments.engine)
    for probe in probes:
        rows.append(_probe_row(probe, arguments.engine, plan))
        print(_probe_line(rows[-1]), flush=True)

    missed = [row["name"] for row in rows if row["met"] is False]
    targets = sum(row["met"] is not None for row in rows)
    print(f"\n{targets - len(missed)} of {targets} targets met")
    if arguments.json:
        report = {"environment": _environment(reference, subject), "results": rows}
        path = Path(arguments.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"written to {path}")
    return 1 if missed and arguments.strict else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short samples and few rounds")
    parser.add_argument("--only", metavar="PATTERN", help="cases whose name matches the pattern")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds per case")
    parser.add_argument("--json", metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument(
        "--engine",
        default="whygrad",
        help="what is compared with torch; `torch` itself checks the harness: all ratios near 1",
    )
    return parser


def _heading(group: str, engine: str) -> None:
    engine = engine[:11]
    print(f"\n{group}\n{'':{WIDTH}}{'torch':>11}{engine:>12}{'ratio':>9}{'median':>9}{'target':>9}")


def _case_row(result: harness.Result) -> dict[str, Any]:
    case = result.case
    row: dict[str, Any] = {
        "name": case.name,
        "group": case.group,
        "threads": case.threads,
        "target": case.target,
        "limit": case.limit,
        "met": result.met,
    }
    if result.error:
        return row | {"error": result.error}
    reference, subject = result.best
    return row | {
        "torch": reference,
        "subject": subject,
        "ratio": result.ratio,
        "median_ratio": result.median_ratio,
        "torch_rounds": result.reference,
        "subject_rounds": result.subject,
    }


def _probe_row(probe: memory.Probe, engine: str, plan: harness.Plan) -> dict[str, Any]:
    row: dict[str, Any] = {"name": probe.name, "group": MEMORY, "unit": probe.unit}
    try:
        reference, subject = memory.measure(probe, "torch", engine, plan)
    except RuntimeError as error:
        met = None if probe.limit is None else False
        return row | {"error": str(error), "limit": probe.limit, "met": met}
    return row | {
        "torch": reference,
        "subject": subject,
        "ratio": reference / subject if subject else float("inf"),
        "limit": probe.limit,
        "met": None if probe.limit is None else subject <= probe.limit,
    }


def _case_line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']:{WIDTH}}  {row['error']}"
    target = "" if row["target"] is None else f"{row['target']:g}{_mark(row)}"
    if row["limit"] is not None:
        target = f"<={row['limit']:g}{_mark(row)}"
        ratios = f"{1 / row['ratio']:9.2f}{1 / row['median_ratio']:9.2f}"
    else:
        ratios = f"{row['ratio']:9.2f}{row['median_ratio']:9.2f}"
    times = f"{_time(row['torch']):>11}{_time(row['subject']):>12}"
    return f"{row['name']:{WIDTH}}{times}{ratios}{target:>9}"


def _probe_line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']:{WIDTH}}  {row['error']}"
    show = _time if row["unit"] == "seconds" else _size
    limit = "" if row["limit"] is None else f"<={show(row['limit'])}{_mark(row)}"
    return (
        f"{row['name']:{WIDTH}}{show(row['torch']):>11}{show(row['subject']):>12}"
        f"{row['ratio']:9.2f}{limit:>18}"
    )


def _mark(row: dict[str, Any]) -> str:
    return " ok" if row["met"] else " !!"


def _time(seconds: float) -> str:
    for scale, unit in ((1e-6, "ns"), (1e-3, "us"), (1.0, "ms")):
        if seconds < scale:
            return f"{seconds / scale * 1e3:.4g} {unit}"
    return f"{seconds:.3g} s"


def _size(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"


def _environment(reference: ModuleType, subject: ModuleType) -> dict[str, Any]:
    def version(module: ModuleType) -> str:
        return f"{module.__name__} {getattr(module, '__version__', '?')}"

    return {
        "date": datetime.date.today().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "reference": version(reference),
        "subject": version(subject),
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
