"""The layout of the source: includes run one way, files stay short, nothing names a machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CSRC = ROOT / "csrc"

# A file may include its own directory and those before it.
LEVELS = ("base", "scalar", "tensor", "dispatch", "cpu", "autograd", "ops", "why")

# Files of ops/ that lower levels use: the table and what expands its rows, and the declarations of
# the operations. They stand on the level given here, for what includes them and what they include.
PLACED = {
    "ops/elementwise.def": "scalar",
    "ops/structural.def": "scalar",
    "ops/formulas.h": "scalar",
    "ops/op.h": "scalar",
    "ops/row.h": "scalar",
    "ops/elementwise.h": "tensor",
    "ops/functions.h": "tensor",
}

# Kernels for the GPU see scalar functions and the tables of operations, nothing else of the core.
KERNEL_INCLUDES = re.compile(r"scalar/.*|ops/[a-z_]+\.def|ops/row\.h")

MAX_LINES = 800
GENERATED = {"python/whygrad/_C.pyi"}

# Directories of one person's machine. The few programs that the source may name live elsewhere.
MACHINE_PATH = re.compile(r"(?<![\w.$}\])])/(?:work|root|home|Users|tmp|opt|mnt|data)/\w")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
SUFFIXES = {".h", ".cpp", ".def", ".cu", ".cuh"}


def sources(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.suffix in SUFFIXES)


def includes(path: Path) -> list[str]:
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def level(path: str) -> int:
    directory = PLACED.get(path) or path.split("/", 1)[0]
    assert directory in LEVELS, f"{path}: unknown directory of csrc, known are {LEVELS}"
    return LEVELS.index(directory)


def wrong_includes(path: str, included: list[str]) -> list[str]:
    """Those of `included` that the file `path` (relative to csrc/) must not include."""
    own = level(path)
    return [
        name
        for name in included
        if name.startswith(".")
        or "/" not in name
        or name.split("/", 1)[0] not in LEVELS
        or level(name) > own
    ]


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_there_is_something_to_check():
    assert len(sources(CSRC)) > 20


def test_core_includes_run_one_way():
    wrong = {}
    for path in sources(CSRC):
        name = path.relative_to(CSRC).as_posix()
        if bad := wrong_includes(name, includes(path)):
            wrong[name] = bad
    assert not wrong, f"a file of csrc/ may include its own level of {LEVELS} and lower ones"


def test_kernels_include_only_scalar_functions_and_tables():
    kernels = ROOT / "cuda" / "kernels"
    wrong = {}
    for path in sources(kernels) if kernels.is_dir() else []:
        own = {other.name for other in sources(kernels)}
        bad = [n for n in includes(path) if n not in own and not KERNEL_INCLUDES.fullmatch(n)]
        if bad:
            wrong[path.name] = bad
    assert not wrong


@pytest.mark.parametrize(
    ("path", "included", "wrong"),
    [
        ("tensor/tensor.h", "base/error.h", False),
        ("tensor/tensor.h", "tensor/dtype.h", False),
        ("ops/reduce.cpp", "autograd/record.h", False),
        ("tensor/tensor.h", "autograd/node.h", True),
        ("base/error.h", "scalar/math.h", True),
        ("cpu/loops.h", "autograd/node.h", True),
        ("cpu/loops.h", "ops/row.h", False),
        ("autograd/engine.cpp", "ops/functions.h", False),
        ("cpu/loops.h", "ops/reduce.h", True),
        ("dispatch/kernel_table.h", "cpu/loops.h", True),
        ("ops/row.h", "tensor/tensor.h", True),
        ("ops/functions.h", "autograd/record.h", True),
        ("autograd/engine.cpp", "why/explain.h", True),
        ("cpu/loops.h", "../base/error.h", True),
        ("cpu/loops.h", "loops.h", True),
        ("why/explain.cpp", "bind/tensor.h", True),
    ],
)
def test_the_check_itself(path, included, wrong):
    assert bool(wrong_includes(path, [included])) is wrong


def test_include_lines_are_found():
    text = '#include "a/b.h"\n  #  include "c/d.h"\n#include <vector>\n// #include "e/f.h"\n'
    assert INCLUDE.findall(text) == ["a/b.h", "c/d.h"]


def test_files_are_short():
    folders = ("csrc", "cuda", "python", "tests", "bench", "examples")
    code = {*SUFFIXES, ".py", ".pyi"}
    long = {}
    for path in tracked_files():
        inside = path.relative_to(ROOT)
        if inside.as_posix() in GENERATED:
            continue
        if inside.parts[0] in folders and path.suffix in code:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines >= MAX_LINES:
                long[inside.as_posix()] = lines
    assert not long, f"files of {MAX_LINES} lines or more"


def test_no_file_names_a_machines_path():
    found = {}
    for path in tracked_files():
        if path == Path(__file__).resolve():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if match := MACHINE_PATH.search(line):
                found[f"{path.relative_to(ROOT).as_posix()}:{number}"] = match.group()
    assert not found
