"""Random programs of views, in-place changes, operations and backward passes, in both engines.

After every instruction the whole state is compared: values, versions, grad_fn names, gradients and
errors. All numbers are small integers in float64, so every result is exact. A failure prints a
program that runs as it stands. WHYGRAD_FUZZ=long runs many more programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import parity
import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

START = """
p = [data(2, 3, dtype="float64", lo=-3, hi=4).floor().requires_grad_()]
p.append(data(3, dtype="float64", lo=-3, hi=4).floor().requires_grad_())
p.append(data(2, 3, dtype="float64", lo=-3, hi=4, salt=1).floor())
p.append(p[0] * 1)
p.append(torch.tensor(2.0, dtype=torch.float64, requires_grad=True))
p.append(data(4, dtype="float64", lo=-3, hi=4).floor())
"""

# {a}, {b}: tensors of the pool; {n}: a small number; {k}: a small index.
VIEWS = """
{a}.view(-1)
{a}.view(3, -1)
{a}.reshape(-1)
{a}.t()
{a}.transpose(0, -1)
{a}[{k}]
{a}[{k}:]
{a}[::2]
{a}[..., {k}]
{a}[None]
{a}[...]
{a}.unsqueeze({k})
{a}.squeeze(0)
{a}.squeeze()
{a}.flatten()
{a}.expand(2, *{a}.shape)
{a}.expand_as({b})
{a}.select(-1, {k})
{a}.narrow(0, {k}, 1)
{a}.split(1)[{k}]
{a}.chunk(2)[{k}]
{a}.unbind()[{k}]
{a}.permute(*range({a}.dim())[::-1])
{a}.view_as({b})
{a}.detach()
{a}.data
{a}.contiguous()
""".strip().splitlines()

OPERATIONS = """
{a} + {b}
{a} * {b}
{a} - {b}
{a} * {n}
{n} - {a}
-{a}
{a}.relu()
{a}.abs()
{a}.clone()
{a} ** 2
{a}.clamp(-2, 2)
{a}.sum()
{a}.sum(0)
{a}.sum(-1, keepdim=True)
{a}.cumsum(0)
{a}.max()
{a}.max(0)[0]
{a}.prod(0)
{a} @ {b}
{a}[[0, 0]]
{a}[{b} > 0]
{a}[torch.tensor([{k}, 0])]
torch.cat([{a}, {b}])
torch.stack([{a}, {a}])
torch.where({a} > 0, {a}, {b})
torch.maximum({a}, {b})
torch.add({a}, {b}, alpha={n})
{a}.masked_fill({a} > 0, {n})
torch.ones_like({a})
torch.zeros(2, 3, dtype=torch.float64)
""".strip().splitlines()

CHANGES = """
{a}.add_({b})
{a}.mul_({b})
{a}.sub_({n})
{a}.mul_({n})
{a}.neg_()
{a}.relu_()
{a}.abs_()
{a}.clamp_(-2, 2)
{a}.pow_(2)
{a}.zero_()
{a}.fill_({n})
{a}.copy_({b})
{a}.masked_fill_({b} > 0, {n})
{a}.detach_()
{a}.requires_grad_()
{a}.requires_grad_(False)
{a}.retain_grad()
{a}.__setitem__({k}, {n})
{a}.__setitem__({k}, {b})
{a}.__setitem__(slice({k}, None), {b})
{a}.__setitem__(..., {b})
{a}.__setitem__([0, -1], {n})
{a}.__setitem__({a} > 0, {n})
{a}.__iadd__({b})
{a}.__imul__({a})
setattr({a}, "grad", None)
{a}.data.copy_({b})
p.pop({i})
torch.add({a}, {b}, out={a})
torch.mul({a}, {b}, out={c})
""".strip().splitlines()

BACKWARD = """
{a}.sum().backward()
{a}.sum().backward(retain_graph=True)
({a} * {a}).sum().backward()
({a} * {b}).sum().backward(retain_graph=True)
{a}.backward(torch.ones_like({a}))
{a}.backward({b}.detach())
{a}.backward({b})
{a}.sum().backward(create_graph=True)
p.extend(torch.autograd.grad({a}.sum(), {b}))
p.extend(torch.autograd.grad(({a} * {a}).sum(), {b}, create_graph=True))
p.extend(torch.autograd.grad({a}.sum(), [{b}, {a}], retain_graph=True))
p.append({a}.grad.clone()) if {a}.is_leaf and {a}.grad is not None else None
""".strip().splitlines()


def with_results(expressions: list[str]) -> list[str]:
    return [f"p.append({e})" for e in expressions]


SHOWN_VIEWS = set(with_results(VIEWS))

index = st.integers(0, 15)
kinds = st.one_of(
    st.sampled_from(with_results(VIEWS)),
    st.sampled_from(with_results(VIEWS)),
    st.sampled_from(with_results(OPERATIONS)),
    st.sampled_from(CHANGES),
    st.sampled_from(CHANGES),
    st.sampled_from(BACKWARD),
)
instructions = st.tuples(
    kinds, index, index, index, st.sampled_from((2, -1, 3, 0)), st.sampled_from((0, 1, -1)),
    st.sampled_from((False,) * 7 + (True,)),
)  # fmt: skip

# Exact, but for the sign of zero. Of two things wrong at once, either may be named;
# strides have tests of their own.
EXACT = parity.Tolerance({"float64": 0.5}, ignored=frozenset({"message", "stride", "contiguous"}))


class Engine:
    """One engine with its pool of tensors."""

    def __init__(self, torch: Any) -> None:
        parity.reset(torch)
        self.torch = torch
        self.versions: parity.Versions = {}
        self.names = {
            "torch": torch,
            "data": lambda *shape, **options: parity.data(torch, *shape, **options),
        }
        exec(START, self.names)

    @property
    def pool(self) -> list[Any]:
        return self.names["p"]

    def run(self, text: str) -> parity.Step:
        """Runs an instruction; pictures what it raised and the whole pool after it."""

        def action() -> None:
            exec(text, self.names)

        done = parity.step(text, action, self.torch, self.versions)
        state = [parity.observe(t, self.torch, self.versions) for t in self.pool]
        return parity.Step(text, {"raised": done.outcome, "pool": state}, done.warnings)

    def graphs(self) -> list[Any]:
        return [parity.attempt(lambda: parity.graph(t)) for t in self.pool]


def text_of(instruction: tuple, size: int) -> str:
    """The instruction as a line of code, for a pool of `size` tensors."""
    template, i, j, k, number, small, silent = instruction
    a, b, c = (f"p[{n % size}]" for n in (i, j, k))
    line = template.format(a=a, b=b, c=c, n=number, k=small, i=i % size)
    # Views made without recording are a world of their own; autograd/ has programs with them.
    silent = silent and template not in SHOWN_VIEWS
    return f"with torch.no_grad(): {line}" if silent else line


def too_large(step: parity.Step) -> bool:
    """Whether some number left the integers that float64 holds exactly."""

    def arrays(picture: Any) -> Iterator[parity.Array]:
        if isinstance(picture, parity.Array):
            yield picture
        elif isinstance(picture, dict):
            for value in picture.values():
                yield from arrays(value)

    pictures = [a for p in step.outcome["pool"] for a in arrays(p)]
    return any(a.values.size and not np.abs(a.values).max() < 2**40 for a in pictures)


@given(st.lists(instructions, min_size=2, max_size=14))
def test_programs_agree(program):
    reference, subject = Engine(parity.reference()), Engine(parity.subject())
    note(START)
    for instruction in program:
        if not reference.pool or len(reference.pool) > 24:
            break
        text = text_of(instruction, len(reference.pool))
        note(text)
        steps = [engine.run(text) for engine in (reference, subject)]
        assume(not too_large(steps[0]))
        report = parity.step_differences(steps[:1], steps[1:], EXACT)
        if report:
            pytest.fail("\n".join(report), pytrace=False)
    graphs = [engine.graphs() for engine in (reference, subject)]
    report = list(parity.differences(*graphs, EXACT, "graphs"))
    if report:
        pytest.fail("\n".join(report), pytrace=False)


def test_most_instructions_do_something():
    """Guards the generator: each line works on some tensors of the pool."""
    torch = parity.reference()
    lines = [*with_results(VIEWS), *with_results(OPERATIONS), *CHANGES, *BACKWARD]
    for line in lines:
        outcomes = []
        for i in range(6):
            for j in range(6):
                engine = Engine(torch)
                text = text_of((line, i, j, 2, 2, 0, False), 6)
                outcomes.append(engine.run(text).outcome["raised"] is None)
        assert any(outcomes), line
