"""The type stubs: up to date with the extension module, good enough for mypy in user programs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STUBGEN = ROOT / "python" / "stubgen.py"

PROGRAM = """
import whygrad as torch
import whygrad.nn as nn
import whygrad.nn.functional as F
from whygrad.autograd.functional import jvp
from whygrad.utils.checkpoint import checkpoint

x: torch.Tensor = torch.zeros(3)
y = torch.randn(2, 3, requires_grad=True)
z: torch.Tensor = (x + 1) * 2.0 - y @ x.view(3, 1) if x.dim() else y
values, indices = z.max(dim=0)
total: torch.Tensor = torch.exp(y).sum(dim=(0, 1), keepdim=True) + x.sum()
total.sum().backward()
if y.grad is not None:
    print(y.grad.shape[0], y.grad.tolist(), float(y.grad.sum()))
parts: tuple[torch.Tensor, ...] = y.split(1)
rows: int = y.size(0)
shape: torch.Size = y.shape
q = torch.where(y > 0, y, 0.0).clamp(min=0).clamp_(0, 1)
q[0] = 1.0
q += 1
r: torch.Tensor = torch.cat([y, y], dim=0).to(torch.float64).to("cpu").float()
network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
loss: torch.Tensor = F.mse_loss(network(y), torch.zeros(2, 2))
kind: torch.dtype = r.dtype
with torch.no_grad():
    y.mul_(2)
matrix = torch.autograd.functional.jacobian(torch.exp, x, vectorize=True)
again: torch.Tensor = checkpoint(network, y, use_reentrant=False, early_stop=False)
with torch.utils.checkpoint.set_checkpoint_early_stop(False):
    again = torch.utils.checkpoint.checkpoint_sequential(network, 2, y, use_reentrant=True)
value, product = jvp(lambda a: a * 2, (x,), (x,), create_graph=True)
"""

# One wrong line each, with what mypy must say of it.
MISTAKES = {
    "torch.no_such_function(3)": "has no attribute",
    "x.no_such_method()": "has no attribute",
    'x.view("a")': "No overload|incompatible type",
    "torch.exp(3)": "incompatible type",
    "x.sum(keepdims=[])": "No overload|incompatible type|Unexpected",
    "n: int = x.exp()": "Incompatible types in assignment",
    'x.requires_grad = "yes"': "Incompatible types in assignment",
    "torch.autograd.functional.no_such_function(x)": "has no attribute",
    "torch.autograd.functional.hessian(torch.exp, x, no_such_option=1)": "Unexpected keyword",
    "torch.autograd.functional.vjp(x, 3, strict=[])": "incompatible type",
    "torch.utils.checkpoint.no_such_function(x)": "has no attribute",
    "torch.utils.checkpoint.checkpoint(3, x, use_reentrant=False)": "incompatible type",
    "torch.utils.checkpoint.set_checkpoint_early_stop()": "Missing positional",
}


def run_mypy(tmp_path: Path, program: str) -> str:
    pytest.importorskip("mypy")
    path = tmp_path / "program.py"
    path.write_text(program)
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--follow-imports=silent"]
    environment = {"MYPYPATH": str(ROOT / "python"), "PATH": "", "HOME": str(tmp_path)}
    result = subprocess.run(
        [*command, "--cache-dir", str(tmp_path.parent / "mypy"), str(path)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return result.stdout


def test_the_committed_stubs_are_up_to_date():
    result = subprocess.run(
        [sys.executable, str(STUBGEN), "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr


def test_every_operation_has_a_signature():
    import whygrad

    stub = (ROOT / "python" / "whygrad" / "_C.pyi").read_text()
    for name in whygrad._C._function_names:
        definitions = re.findall(rf"^def {name}\((.*)\) -> .*: \.\.\.$", stub, re.MULTILINE)
        assert definitions, name
        assert not any("*args" in d for d in definitions), name


def test_mypy_passes_on_a_typed_program(tmp_path):
    output = run_mypy(tmp_path, PROGRAM)
    assert output.startswith("Success"), output


def test_mypy_finds_mistakes(tmp_path):
    lines = ["import whygrad as torch", "x = torch.zeros(3)", *MISTAKES]
    output = run_mypy(tmp_path, "\n".join(lines) + "\n")
    for i, (line, message) in enumerate(MISTAKES.items(), 3):
        found = [text for text in output.splitlines() if text.startswith(f"program.py:{i}: error")]
        assert found, f"nothing said of {line!r}:\n{output}"
        assert re.search(message, found[0]), found[0]
