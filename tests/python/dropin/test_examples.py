"""The examples do what they and the README say, run by `python -m whygrad run`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"


def run(*command, directory=None):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_digits_learns_and_draws(tmp_path):
    for name in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(name)
    done = run("-m", "whygrad", "run", EXAMPLES / "digits.py", directory=tmp_path)
    accuracy = float(re.search(r"test accuracy ([\d.]+)%", done.stdout)[1])
    assert 97 <= accuracy <= 100
    assert "(920 steps)" in done.stdout and "40/40" in done.stderr  # the progress bar
    assert (tmp_path / "digits_loss.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_fit_prints_what_the_readme_shows():
    code, output = re.search(
        r"```python\n(import torch\n.*?)```.*?```text\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.DOTALL,
    ).groups()
    example = (EXAMPLES / "fit.py").read_text()
    assert example.partition('"""\n\n')[2] == code
    assert run("-m", "whygrad", "run", EXAMPLES / "fit.py").stdout == output


def test_fit_is_the_same_under_pytorch():
    pytest.importorskip("torch")
    ours = run("-m", "whygrad", "run", EXAMPLES / "fit.py").stdout
    assert ours == run(EXAMPLES / "fit.py").stdout
