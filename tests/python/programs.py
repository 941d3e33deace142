"""Programs run as programs: by plain Python with PyTorch and by `python -m whygrad run`.

`under_torch` runs many in forks of one process that has imported torch, which takes the time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from parity import SELFTEST

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}

# Each script as `python FILE` runs it; the frames above it are taken from a traceback.
_RUN_UNDER_TORCH = """
import os, runpy, sys, torch
for path in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    for descriptor, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(path + "." + kind, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = [path]
    code = 0
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as error:
        code = error.code or 0
    except BaseException as error:
        code, trace = 1, error.__traceback__
        while trace.tb_frame.f_code.co_filename != path:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    sys.stdout.flush()
    with open(path + ".code", "w") as file:
        file.write(str(code))
    os._exit(0)
"""


@dataclass(frozen=True)
class Ending:
    """What a program printed, what it complained of, and its exit code."""

    out: str
    err: str
    code: int


def under_torch(scripts: Iterable[Path]) -> dict[Path, Ending]:
    """What each script does under PyTorch."""
    paths = list(scripts)
    command = [sys.executable, "-c", _RUN_UNDER_TORCH, *map(str, paths)]
    subprocess.run(command, env=ENVIRONMENT, check=True, timeout=600)

    def ending(path: Path) -> Ending:
        out, err, code = (Path(f"{path}.{kind}").read_text() for kind in ("out", "err", "code"))
        return Ending(masked(out), masked(err), int(code))

    return {path: ending(path) for path in paths}


def under_whygrad(script: Path) -> Ending:
    """What the script does under `whygrad run` (in a self-test, under PyTorch)."""
    ours = [] if SELFTEST else ["-m", "whygrad", "run"]
    done = subprocess.run(
        [sys.executable, *ours, str(script)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Ending(masked(done.stdout), masked(done.stderr), done.returncode)


def masked(text: str) -> str:
    """Without addresses of objects."""
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def own_lines(err: str) -> list[str]:
    """What is said on stderr, without the frames of the libraries and notes of whygrad."""
    kept, skipping = [], False
    for line in err.splitlines():
        if line.startswith("  File "):
            skipping = bool(re.search(r"[/\\](torch|whygrad)[/\\]|<frozen|runpy.py", line))
        elif not line.startswith("    "):
            skipping = False
        if not skipping and not line.startswith("whygrad does not have"):
            kept.append(line)
    return kept
