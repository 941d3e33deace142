"""Code blocks of articles about lost gradients, run as programs: they must behave as under PyTorch.

seeds/ holds the blocks as published, mistakes included. Each runs under PyTorch and under
`python -m whygrad run FILE`; output, errors and exit code are compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from parity import SELFTEST, plain_text

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.py"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

# On the first line, so that line numbers stay as they are.
FIXED_NUMBERS = "__import__('torch').manual_seed(0); "

# Runs each script as `python FILE` would, in a fork of a process that has imported torch already.
RUN_UNDER_TORCH = """
import os, runpy, sys, torch
for path in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    for descriptor, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(path + "." + kind, os.O_WRONLY | os.O_CREAT), descriptor)
    code = 0
    try:
        runpy.run_path(path, run_name="__main__")
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


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, tuple[Path, str, str, int]]:
    """Of each block: the script, and what it prints, complains of and returns under PyTorch."""
    folder = tmp_path_factory.mktemp("seeds")
    scripts = {seed.stem: folder / seed.name for seed in SEEDS}
    for seed in SEEDS:
        scripts[seed.stem].write_text(FIXED_NUMBERS + seed.read_text().lstrip("\n"))
    command = [sys.executable, "-c", RUN_UNDER_TORCH, *map(str, scripts.values())]
    subprocess.run(command, env=ENVIRONMENT, check=True, timeout=300)

    def result(script: Path) -> tuple[Path, str, str, int]:
        out, err, code = (Path(f"{script}.{kind}").read_text() for kind in ("out", "err", "code"))
        return script, out, err, int(code)

    return {name: result(script) for name, script in scripts.items()}


def plain_errors(text: str) -> str:
    """stderr without the frames of the libraries and the places in PyTorch's sources."""
    kept, skipping = [], False
    for line in text.splitlines():
        if line.startswith("  File "):
            skipping = bool(re.search(r"[/\\](torch|whygrad)[/\\]|<frozen|runpy.py", line))
        elif not line.startswith("    "):
            skipping = False
        if not skipping:
            kept.append(plain_text(line))
    return "\n".join(kept)


@pytest.mark.parametrize("name", [seed.stem for seed in SEEDS])
def test_seed(name: str, expected) -> None:
    script, out, err, code = expected[name]
    ours = [] if SELFTEST else ["-m", "whygrad", "run"]
    got = subprocess.run(
        [sys.executable, *ours, str(script)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert got.stdout == out
    assert got.returncode == code
    if code:
        # Notes below the message are whygrad's own.
        assert plain_errors(got.stderr).startswith(plain_errors(err))
    else:
        assert plain_errors(got.stderr) == plain_errors(err)


def test_the_blocks_are_all_here() -> None:
    assert len(SEEDS) == 15
