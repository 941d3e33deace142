"""Random programs of views, in-place changes, operations, hooks and backward, in both engines.

The programs and what is compared are in programs.py. A failure prints the shortest program found
that shows it. WHYGRAD_FUZZ=long runs many more programs.
"""

from __future__ import annotations

import itertools

import parity
import pytest
from fuzz import programs
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

# A program is grown from a seed while PyTorch runs it, so that its lines fit the pool. Numbers of
# seeds cannot be shrunk; the program is.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# At least a thousand programs, in parts that run side by side.
PARTS = 4
EXAMPLES = max(1_000, settings.default.max_examples) // PARTS


@pytest.mark.parametrize("part", range(PARTS))
@settings(phases=PHASES, max_examples=EXAMPLES)
@given(st.integers(0, 2**30 - 1), st.integers(2, 14), st.booleans())
def test_programs_agree(part, seed, length, watched):
    lines = programs.random_program(part << 30 | seed, length)
    if programs.disagreement(lines, watched):
        lines = programs.shrunk(lines, watched)
        _, found = programs.disagreement(lines, watched)
        text = "\n".join([programs.START, *lines, *found[:12]])
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("line", [line for kind in programs.KINDS for line in kind])
def test_most_lines_do_something(line):
    """Guards the grammar: each line works on some tensors of the pool."""
    for i, j, k in itertools.product(range(6), range(6), (0, 2)):
        engine = programs.Engine(parity.reference())
        engine.run('handles.append(p[0].register_hook(hook("a")))')
        engine.run("p[0].sum().backward(); p[3].retain_grad()")
        a, b, c = f"p[{i}]", f"p[{j}]", f"p[{k}]"
        if engine.run(line.format(a=a, b=b, c=c, n=2, k=0, i=i))["raised"] is None:
            return
    pytest.fail(f"never works: {line}")
