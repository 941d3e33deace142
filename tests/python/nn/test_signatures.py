"""What exists has PyTorch's parameters, in order and with its defaults."""

import inspect
from collections.abc import Iterator

import parity
import pytest

SPACES = ["nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "utils.data"]


def resolve(torch, path):
    for name in path.split("."):
        torch = getattr(torch, name)
    return torch


def signature(thing):
    """(name, default, kind) of each parameter; None for what is written in C."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return None

    def default(p):
        # The default generator, by itself or as None.
        text = "None" if type(p.default).__name__ == "Generator" else repr(p.default)
        return text.replace("whygrad.", "torch.")

    return [(p.name, default(p), p.kind) for p in found.parameters.values()]


def methods(cls) -> Iterator[tuple[str, object]]:
    for base in cls.__mro__[:-1]:
        for name, value in vars(base).items():
            if inspect.isfunction(value) and (name[0] != "_" or name in ("__init__", "__call__")):
                yield name, getattr(cls, name)


@pytest.mark.parametrize("space", SPACES)
def test_signatures(space):
    ours, theirs = (resolve(engine, space) for engine in (parity.subject(), parity.reference()))
    wrong = []
    for name in ours.__all__:
        assert hasattr(theirs, name), f"PyTorch has no {space}.{name}"
        pairs = [(name, getattr(ours, name), getattr(theirs, name))]
        if inspect.isclass(pairs[0][1]):
            pairs += [
                (f"{name}.{method}", fn, getattr(pairs[0][2], method, None))
                for method, fn in methods(pairs[0][1])
            ]
        for label, mine, reference in pairs:
            if reference is None:
                wrong.append(f"{label}: PyTorch has no such method")
                continue
            got, expected = signature(mine), signature(reference)
            if got is not None and expected is not None and got != expected:
                wrong.append(f"{label}:\n    {got}\n    {expected}")
    assert not wrong, "\n".join(wrong)
