"""Import time and peak memory, each in fresh processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from .harness import Plan

# The child prints the seconds `import` took and the growth of its peak resident memory in bytes
# (VmHWM: getrusage would also count the parent's peak, which a forked child inherits).
_CHILD = """
import json, time
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
before = peak()
start = time.perf_counter()
import {engine} as torch
seconds = time.perf_counter() - start
{program}
print(json.dumps([seconds, peak() - before]))
"""

_TRAIN = """
before = peak()
x = torch.rand(1024, 1024, requires_grad=True)
for _ in range(3):
    ((x.sin() * x.exp() + x * x).tanh().sum()).backward()
    x.grad = None
"""


@dataclass(frozen=True)
class Probe:
    """One row: a program, what is read of it, and the most the subject may need."""

    name: str
    program: str
    reads: int  # 0: seconds of the import, 1: bytes
    limit: float | None = None

    @property
    def unit(self) -> str:
        """What the numbers are: seconds or bytes."""
        return ("seconds", "bytes")[self.reads]


PROBES = [
    Probe("import", "", 0, limit=0.15),
    Probe("memory after import", "", 1),
    Probe("peak memory of the 1024x1024 chain", _TRAIN, 1),
]


def run(probe: Probe, engine: str) -> float:
    """The probe's number for one fresh process that imports `engine`."""
    program = _CHILD.format(engine=engine, program=probe.program)
    # Bytecode is kept, as in any installation: compiling is no part of what an import costs there.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    value: float = json.loads(done.stdout)[probe.reads]
    return value


def measure(probe: Probe, reference: str, subject: str, plan: Plan) -> tuple[float, float]:
    """Smallest numbers of the reference and of the subject over a few processes each.

    The first pair only fills the file cache and writes bytecode.
    """
    processes = 1 + min(plan.rounds, 3)
    pairs = [(run(probe, reference), run(probe, subject)) for _ in range(processes)][1:]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
