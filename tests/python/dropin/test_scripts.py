"""The scripts in `scripts/` do the same under `python` with PyTorch and under `whygrad run`.

Compared without tolerance: everything printed, the exit code, and for a script that ends in an
exception its type, its text and the lines of the script in the traceback. Only addresses of
objects (`0x...`) are masked, and notes may follow the text of an exception.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
TRACEBACK = "Traceback (most recent call last):\n"


def run(*command):
    # One thread, so that PyTorch adds in the order that it always takes with one thread.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=environment, timeout=120
    )


def masked(text):
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def lines_of(script, stderr):
    """The numbers of the script's own lines in the last traceback."""
    return re.findall(
        rf'File "{re.escape(str(script))}", line (\d+)', stderr.rpartition(TRACEBACK)[2]
    )


def exception(stderr):
    """The type and text of the exception that ended the program, with its notes; or ''."""
    _, found, last = stderr.rpartition(TRACEBACK)
    return re.sub(r"\A(?: .*\n)+", "", last) if found else ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_same_as_pytorch(script):
    want = run(str(script))
    got = run("-m", "whygrad", "run", str(script))
    assert masked(got.stdout) == masked(want.stdout), got.stderr
    assert got.returncode == want.returncode, got.stderr
    assert lines_of(script, got.stderr) == lines_of(script, want.stderr)
    text = exception(want.stderr)
    if text:
        assert masked(exception(got.stderr)).startswith(masked(text))
    else:
        assert TRACEBACK not in got.stderr


def test_scripts_are_not_vacuous():
    """Each script prints something, and all but one show how a program ends in an error."""
    assert len(SCRIPTS) >= 12
    endings = [run(str(script)) for script in SCRIPTS[:2]]
    assert all(ended.stdout and exception(ended.stderr) for ended in endings)
