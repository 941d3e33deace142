"""The scripts in `scripts/` do the same under `python` with PyTorch and under `whygrad run`.

Compared without tolerance: everything printed, the exit code, and everything said on stderr:
warnings, and the type, text and own lines of the exception that a script ends in. Only addresses
of objects and the libraries' own frames are left out, and notes may follow the text.
"""

from pathlib import Path

import programs
import pytest
from parity import needs_cpu_build

pytest.importorskip("torch")

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What each script does under PyTorch; run from copies, beside which the outcome is put."""
    folder = tmp_path_factory.mktemp("scripts")
    copies = {}
    for script in SCRIPTS:
        copy = folder / script.name
        copy.write_text(script.read_text())
        copies[script] = copy
    return copies, programs.under_torch(copies.values())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_same_as_pytorch(script, theirs):
    copies, endings = theirs
    want = endings[copies[script]]
    got = programs.under_whygrad(copies[script])
    if programs.own_lines(got.err) != programs.own_lines(want.err):
        needs_cpu_build(want.err)
    assert got.out == want.out, got.err
    assert got.code == want.code, got.err
    assert programs.own_lines(got.err) == programs.own_lines(want.err)


def test_scripts_are_not_vacuous(theirs):
    """Each script prints something, and many show how a program ends in an error."""
    copies, endings = theirs
    assert len(SCRIPTS) >= 12
    assert all(endings[copies[script]].out for script in SCRIPTS)
    raised = [e for e in endings.values() if "Traceback (most recent call last):\n" in e.err]
    assert len(raised) >= 8
    assert all(ending.code == 1 for ending in raised)
