"""One case under both engines, for nn, optim and data: `agree(case)`.

Layers may be built from other operations than PyTorch's, so unlike `parity` this compares what a
user computes with (values, gradients, exceptions, warnings, text) and not the graph behind it.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import parity

# Relative and absolute distance allowed, by dtype; the rest is exact.
CLOSE = {"float64": 1e-11, "float32": 2e-5, "float16": 2e-3, "bfloat16": 2e-2}


def plain(text: str) -> str:
    """Text without what names the engine, an address or a place."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text.replace("whygrad.", "torch."))
    return re.sub(r"\s+\(Triggered internally.*", "", text, flags=re.S)


def picture(value: Any, torch: Any) -> Any:
    """`value` free of its engine."""
    if isinstance(value, torch.Tensor):
        array = parity.array_of(value, torch)
        return {"dtype": array.dtype, "shape": list(value.shape), "values": array.values}
    if isinstance(value, Mapping):
        return {str(key): picture(item, torch) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *(picture(item, torch) for item in value)]
    if isinstance(value, str):
        return plain(value)
    if value is None or isinstance(value, bool | int | float | bytes):
        return value
    return plain(repr(value))


def outcome(case: Callable[..., Any], torch: Any, arguments: Mapping[str, Any]) -> Any:
    """What the case returns, or raises, and what it warns of."""
    parity.reset(torch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = picture(case(torch, **arguments), torch)
        except Exception as error:
            result = {"raises": type(error).__name__, "message": plain(str(error))}
    return result, [(w.category.__name__, plain(str(w.message))) for w in caught]


def check(ref: Any, got: Any, where: str = "result") -> None:
    """Fail where two pictures differ."""
    assert type(ref) is type(got), f"{where}: torch {ref!r}, whygrad {got!r}"
    if isinstance(ref, dict) and "values" in ref and isinstance(ref["values"], np.ndarray):
        assert (ref["dtype"], ref["shape"]) == (got["dtype"], got["shape"]), where
        limit = CLOSE.get(ref["dtype"], 0)
        np.testing.assert_allclose(
            got["values"], ref["values"], rtol=limit, atol=limit, err_msg=where
        )
    elif isinstance(ref, dict):
        assert list(ref) == list(got), f"{where}: torch {list(ref)}, whygrad {list(got)}"
        for key in ref:
            check(ref[key], got[key], f"{where}.{key}")
    elif isinstance(ref, list | tuple):
        assert len(ref) == len(got), f"{where}: torch {ref!r}, whygrad {got!r}"
        for i, (a, b) in enumerate(zip(ref, got, strict=True)):
            check(a, b, f"{where}[{i}]")
    elif isinstance(ref, float):
        same = math.isclose(ref, got, rel_tol=1e-6, abs_tol=1e-9) or (ref != ref and got != got)
        assert same, f"{where}: torch {ref!r}, whygrad {got!r}"
    else:
        assert ref == got, f"{where}: torch {ref!r}, whygrad {got!r}"


def agree(case: Callable[..., Any], **arguments: Any) -> Any:
    """Run `case(torch, **arguments)` under PyTorch and whygrad; fail where they differ."""
    ref = outcome(case, parity.reference(), arguments)
    got = outcome(case, parity.subject(), arguments)
    check(ref, got)
    return ref[0]


def failure(action: Callable[[], Any]) -> str:
    """The exception that `action` raises, as text; the result if it raises none."""
    try:
        return f"no error: {action()!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
