"""Every callable of the package with complex operands, against PyTorch: what it computes, its derivatives of
both orders, or how it refuses. A case runs once more with real numbers if it differs: a difference that these
show as well is no matter of complex numbers, and other tests know of it. All of it with operands in memory, and
with such as are conjugates of what memory holds (negatives, if they are real).
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from parity import GRADIENT, SELFTEST, data, dtype_name, numbers, reference, run, subject
from parity import step_differences as compared

NEAR = replace(GRADIENT, ulps={"float64": 4096, "float32": 512, "float16": 8, "bfloat16": 8})

# Arguments of a call; z, w, v are complex, x, y real, s is a complex 0-d tensor.
CALLS = """
z|v|z, w|z, x|x, z|z, 2|z, 1j|1j, z|z, w, x|x, z, w|z, w, 1j|z, 1j, 2j|z, None, 1j|mask, z, w|z, mask, 1j
z, 0, idx1, 1j|z, 0, idx1, w|z, 0, idx, w|z, 0, idx, w, 'sum'|z, 0, idx1, w, 'mean'|z, (idx1,), w, True|[z, w]
z, dim=0|z, 0, 1|z, (3, 3)|z, dtype=c128|x, dtype=c64|z, out=ez|z, out=ex|z, w, out=ez|x, z, out=ez
3, dtype=c64|0, 1j, 3|z, z, value=1j|z, w, alpha=1j|z, v, v, alpha=1j|x, x, w, value=2|x, x, x, value=1j
z, p=1, dim=0|z, 2, 0, 1.0|z, s, 1|z, w, reduction='none'|z, lab|z, w, lab|b, b|m, z|z, b, b|z, b, b, alpha=1j
c64, f32|z, atol=1|v, idx1, v, True|z, float('inf')|z, nan=1.0
"""
PATTERNS = [call for line in CALLS.strip().splitlines() for call in line.split("|")]

# Made otherwise than by a call, without a result to compare, or of another process.
LEFT_OUT = set(
    "compile load save seed initial_seed get_rng_state set_rng_state manual_seed fork_rng set_default_dtype "
    "set_default_device set_default_tensor_type set_num_threads get_num_threads set_num_interop_threads "
    "set_printoptions use_deterministic_algorithms set_warn_always set_grad_enabled set_anomaly_enabled "
    "memory_stats empty_cache typename vmap hessian data_ptr register_hook register_post_accumulate_grad_hook "
    "backward share_memory_ untyped_storage storage storage_type set_ is_set_to numpy to_dlpack "
    "as_subclass apply_ map_ map2_ empty empty_like empty_strided new new_empty new_empty_strided resize_ "
    "resize_as_ "
    "is_tensor is_storage frombuffer from_file".split()
)  # fmt: skip

# Messages about two faults at once name the other one, and what the coverage notes say of single functions.
DIFFERENT = {
    ("celu", "z, 1j"), ("celu_", "z, 1j"), ("nn.functional.celu", "z, 1j"), ("nn.functional.celu", "z, 1j, 2j"),
    ("nn.functional.elu", "z, 1j, 2j"), ("nn.functional.leaky_relu", "z, 1j, 2j"),
    ("nn.functional.softshrink", "z, 1j"), ("multinomial", "z, out=ez"),
    ("slice_scatter", "x, z"),
}  # fmt: skip

# Operands that the test makes conjugates or negatives, and what fails in PyTorch with such, which have no device there, or
# with an out= of these that is resized.
LAZY = {*"zwvxmbs", "ez", "ex"}
DIFFERENT_VIEWS = {"Tensor.new_tensor", "nn.init.trunc_normal_", "diagonal_copy"}


def names() -> Iterator[str]:
    for module in ("", "nn.functional", "linalg", "nn.init", "special", "Tensor", "testing"):
        ours: Any = subject()
        theirs: Any = reference()
        for part in filter(None, module.split(".")):
            ours, theirs = getattr(ours, part, None), getattr(theirs, part, None)
        for name in sorted(dir(ours)):
            f = getattr(ours, name, None)
            if name in LEFT_OUT or name.startswith("_") or not callable(f):
                continue
            if module == "Tensor" and hasattr(reference(), name):
                continue  # the method of a function
            if callable(getattr(theirs, name, None)) and not isinstance(f, type | types.ModuleType):
                yield f"{module}.{name}" if module else name


def lazy(t: Any) -> Any:
    """A view that shows something else than lies in memory."""
    return t.conj() if t.is_complex() else t._neg_view()


def operands(torch: Any, call: str, real: bool) -> dict[str, Any]:
    """What the call names."""
    c64, c128 = ("float32", "float64") if real else ("complex64", "complex128")
    makers: dict[str, Callable[[], Any]] = {
        "z": lambda: data(torch, 3, 3, dtype=c64, grad=True),
        "w": lambda: data(torch, 3, 3, dtype=c64, salt=1, grad=True),
        "v": lambda: data(torch, 3, dtype=c128, grad=True),
        "x": lambda: data(torch, 3, 3, grad=True),
        "m": lambda: data(torch, 2, 3, dtype=c64),
        "b": lambda: data(torch, 2, 3, 3, dtype=c64, grad=True),
        "s": lambda: torch.tensor(1.5 if real else 1 + 2j),
        "idx": lambda: torch.tensor([[0, 1, 2], [2, 2, 0], [1, 0, 0]]),
        "idx1": lambda: torch.tensor([0, 2, 2]),
        "lab": lambda: torch.tensor([0, 2, 1]),
        "mask": lambda: data(torch, 3, 3) > 0,
        "c64": lambda: getattr(torch, c64),
        "c128": lambda: getattr(torch, c128),
        "f32": lambda: torch.float32,
        "ez": lambda: torch.zeros(3, 3, dtype=getattr(torch, c64)),
        "ex": lambda: torch.zeros(3, 3),
    }
    return {k: makers[k]() for k in re.findall(r"\w+", call) if k in makers}


def tensors(value: Any, torch: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in tensors(v, torch)] if isinstance(value, list | tuple) else []


def case(
    torch: Any, name: str, call: str, real: bool = False, views: bool = False
) -> Iterator[Any]:
    given = operands(torch, call, real)
    leaves = [t for t in given.values() if isinstance(t, torch.Tensor) and t.requires_grad]
    if views:
        shown = {k: lazy(t) for k, t in given.items() if k in LAZY}
        given |= shown
    f = torch
    for part in name.split("."):
        f = getattr(f, part)

    def written(first: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(first, torch.Tensor):
            bits = first.is_conj() or first.is_neg()
            first = lazy(lazy(first).clone()) if bits else first.clone()
        return f(first, *rest, **options)

    text = call.replace("1j", "1.5").replace("2j", "2.5") if real else call
    result: list[Any] = []

    def called() -> Any:
        torch.manual_seed(3)
        in_place = name.endswith("_") and not name.endswith("__")
        value = eval(f"f({text})", {**given, "f": written if in_place else f})
        result.append(list(value) if inspect.isgenerator(value) else value)
        return result[0]

    def differentiated(outputs: list[Any], salt: int) -> Any:
        directions = [data(torch, *o.shape, dtype=dtype_name(o.dtype), salt=salt) for o in outputs]
        found = torch.autograd.grad(
            outputs, leaves, directions, create_graph=True, allow_unused=True
        )
        result.append([g for g in found if g is not None and g.requires_grad])
        return [numbers(torch, g) for g in found]

    yield called
    outputs = [t for t in tensors(result, torch) if t.grad_fn is not None]
    if not outputs:
        return
    result.clear()
    yield lambda: differentiated(outputs, 7)
    if result and result[0]:
        yield lambda: differentiated(result[0], 8)


@pytest.mark.skipif(SELFTEST, reason="compares PyTorch with itself")
@pytest.mark.parametrize("name", [*names()])
@pytest.mark.parametrize("views", [False, True])
def test_every_callable(name, views):
    found = []
    for call in PATTERNS:
        if (name, call) in DIFFERENT or (views and name in DIFFERENT_VIEWS):
            continue
        if views and not LAZY & set(re.findall(r"\w+", call)):
            continue
        sides = [
            run(case, torch, name=name, call=call, views=views)
            for torch in (reference(), subject())
        ]
        if report := compared(*sides, NEAR):
            real = [
                run(case, torch, name=name, call=call, real=True)
                for torch in (reference(), subject())
            ]
            if not compared(*real, NEAR):
                found.append(f"{name}({call})\n" + "\n".join(report))
    if found:
        pytest.fail("\n".join(found), pytrace=False)
