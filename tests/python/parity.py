"""Comparison of whygrad with PyTorch: a case is written once and run under both engines.

Everything observable is compared after every step: values, gradients, dtype, shape, strides,
offset, version, grad_fn names, warnings, exceptions and their messages, Python values. Start at
`parity` (cases as functions), `table` (cases as lines of code) and `observe` (what is observable).

WHYGRAD_PARITY_SELFTEST=1 runs PyTorch against itself, which checks the cases themselves.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import os
import re
import types
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

SELFTEST = os.environ.get("WHYGRAD_PARITY_SELFTEST") == "1"

FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
DTYPES = (*FLOATS, *INTEGERS, "bool")
COMPLEX = ("complex64", "complex128")
PARTS = {"complex64": "float32", "complex128": "float64"}

# Bits of the fraction and smallest exponent of each floating-point format.
FORMATS = {
    "float64": (52, -1022),
    "float32": (23, -126),
    "float16": (10, -14),
    "bfloat16": (7, -126),
}


@cache
def reference() -> types.ModuleType:
    """PyTorch. Its once-per-process warnings are made to appear every time."""
    import torch

    torch.set_warn_always(True)
    torch.set_num_threads(1)
    return torch


@cache
def subject() -> types.ModuleType:
    """The engine under test: whygrad, or PyTorch in a self-test."""
    if SELFTEST:
        return reference()
    import whygrad

    whygrad.set_warn_always(True)
    return whygrad


# --- tolerances -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tolerance:
    """Allowed distance in units in the last place (ulp) of each format; the rest is exact.

    With `whole`, an ulp is that of the largest finite element: the error of a sum scales with its
    terms, not with what is left after they cancel. `floor` is the least magnitude that an ulp is
    taken of. With `signed`, zeros have to have the same sign, which in exact comparison they always
    have. Fields named in `ignored` are not compared.
    """

    ulps: Mapping[str, float]
    whole: bool = False
    floor: float = 0.0
    signed: bool = False
    ignored: frozenset[str] = frozenset()

    def ignoring(self, *fields: str) -> Tolerance:
        return replace(self, ignored=self.ignored | set(fields))


EXACT = Tolerance({})
CLOSE = Tolerance({"float64": 8, "float32": 8, "float16": 1, "bfloat16": 1})
SUMMED = Tolerance({"float64": 32, "float32": 32, "float16": 4, "bfloat16": 4}, whole=True)

# Gradients of numbers about 1: sums whose terms may cancel entirely.
GRADIENT = replace(SUMMED, floor=1.0)


@dataclass(frozen=True)
class Array:
    """Elements of a tensor; bfloat16 is held as float32, which is exact."""

    dtype: str
    values: np.ndarray


def ulp(dtype: str, magnitude: np.ndarray) -> np.ndarray:
    """Distance between neighbours of the format `dtype` at `magnitude`."""
    fraction, smallest = FORMATS[dtype]
    exponent = np.frexp(magnitude)[1] - 1
    return np.exp2(np.maximum(exponent, smallest).astype(np.float64) - fraction)


def unequal(ref: Array, got: Array, tolerance: Tolerance) -> np.ndarray:
    """Mask of the elements that differ; NaN equals NaN, and in exact comparison -0.0 is not 0.0."""
    a, b = ref.values, got.values
    if ref.dtype in PARTS:
        return unequal_parts(ref, got, tolerance)
    limit = tolerance.ulps.get(ref.dtype, 0)
    if a.dtype.kind != "f":
        return a != b
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    other_sign = (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    if not limit:
        return differs | other_sign
    a, b = a.astype(np.float64), b.astype(np.float64)
    size = np.maximum(np.abs(a), np.abs(b))
    if tolerance.whole:
        finite = size[np.isfinite(size)]
        size = np.full_like(size, finite.max() if finite.size else 0.0)
    size = np.maximum(size, tolerance.floor)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(a - b) <= limit * ulp(ref.dtype, np.where(np.isfinite(size), size, 1.0))
    return (differs & ~near) | (other_sign & tolerance.signed)


def unequal_parts(ref: Array, got: Array, tolerance: Tolerance) -> np.ndarray:
    """The same of complex numbers: an ulp of both parts is that of the number's size."""
    part = PARTS[ref.dtype]
    limit = tolerance.ulps.get(part, 0)
    size = np.maximum(np.abs(ref.values), np.abs(got.values)).astype(np.float64)
    finite = size[np.isfinite(size)]
    if tolerance.whole:
        size = np.full_like(size, finite.max() if finite.size else 0.0)
    size = np.maximum(size, tolerance.floor)
    allowed = limit * ulp(part, np.where(np.isfinite(size), size, 1.0))
    differs = np.zeros(ref.values.shape, bool)
    for which in ("real", "imag"):
        a, b = getattr(ref.values, which), getattr(got.values, which)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if limit:
            with np.errstate(invalid="ignore", over="ignore"):
                same |= np.abs(a - b) <= allowed
        if not limit or tolerance.signed:
            same &= ~((a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b)))
        differs |= ~same
    return differs


# --- observation ----------------------------------------------------------------------------------


def dtype_name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def array_of(tensor: Any, torch: Any) -> Array:
    plain, name = tensor.detach(), dtype_name(tensor.dtype)
    if name == "bfloat16":
        plain = plain.to(torch.float32)
    # A copy: some zero gradients of PyTorch have no memory to look at, and what NumPy has looked at
    # can no longer be resized.
    return Array(name, np.array(plain.clone().numpy()))


def attempt(read: Callable[[], Any]) -> Any:
    """What `read` returns, or the exception it raises, as an observation."""
    try:
        return read()
    except Exception as error:
        return {"raises": type(error).__name__, "message": plain_text(error)}


def node_name(node: Any) -> Any:
    return None if node is None else [type(node).__name__, node.name()]


Versions = dict[int, tuple[Any, int]]


def version_since(tensor: Any, versions: Versions) -> int:
    """Changes since the tensor was first seen; what an engine does while making one is its own."""
    _, first = versions.setdefault(id(tensor), (tensor, tensor._version))
    return tensor._version - first


def observe_tensor(tensor: Any, torch: Any, versions: Versions) -> dict[str, Any]:
    fields: dict[str, Callable[[], Any]] = {
        "class": lambda: type(tensor).__name__,
        "dtype": lambda: str(tensor.dtype),
        "shape": lambda: list(tensor.shape),
        "stride": lambda: list(tensor.stride()),
        "offset": tensor.storage_offset,
        "contiguous": tensor.is_contiguous,
        "version": lambda: version_since(tensor, versions),
        "requires_grad": lambda: tensor.requires_grad,
        "is_leaf": lambda: tensor.is_leaf,
        "is_view": tensor._is_view,
        "is_conj": tensor.is_conj,
        "is_neg": tensor.is_neg,
        "is_inference": tensor.is_inference,
        "grad_fn": lambda: node_name(tensor.grad_fn),
        "values": lambda: array_of(tensor, torch),
        "grad": lambda: observe_grad(tensor, torch, versions),
    }
    return {name: attempt(read) for name, read in fields.items()}


def observe_grad(tensor: Any, torch: Any, versions: Versions) -> Any:
    """The gradient, but for its version: how often an engine wrote while adding up is its own."""
    if not (tensor.is_leaf or tensor.retains_grad) or tensor.grad is None:
        return None
    return {k: v for k, v in observe(tensor.grad, torch, versions).items() if k != "version"}


def numbers(torch: Any, tensor: Any) -> Array | None:
    """Only the dtype and elements of a tensor, for results whose layout and history are free."""
    return None if tensor is None else array_of(tensor, torch)


def observe(value: Any, torch: Any, versions: Versions) -> Any:
    """A picture of `value`, free of the engine it came from, that later changes cannot alter.

    `versions` belongs to the running case: the tensors seen so far, with their first versions.
    """
    if isinstance(value, torch.Tensor):
        return observe_tensor(value, torch, versions)
    if value is None or isinstance(
        value, bool | int | float | complex | str | bytes | slice | Array
    ):
        return value
    if isinstance(value, type):
        return {"class": "type", "name": value.__name__}
    if isinstance(value, np.ndarray):
        return {"class": "ndarray", "values": Array(str(value.dtype), value.copy())}
    if isinstance(value, np.generic):
        return {"class": type(value).__name__, "value": value.item()}
    if isinstance(value, list | tuple):
        items = [observe(item, torch, versions) for item in value]
        return {"class": type(value).__name__, "length": len(items), "items": items}
    if isinstance(value, Mapping):
        return {"class": type(value).__name__}, {
            str(key): observe(item, torch, versions) for key, item in value.items()
        }
    if isinstance(value, BaseException):
        return {"exception": type(value).__name__, "message": str(value)}
    if isinstance(value, torch.dtype | torch.device):
        return {"class": type(value).__name__, "value": repr(value)}
    if hasattr(value, "next_functions"):
        return node_name(value)
    return {"class": type(value).__name__}


def graph(root: Any) -> list[Any]:
    """The graph behind a tensor or node: names in the order of a first visit, with their edges.

    Edges that lead nowhere are left out: those of numbers, and of tensors without gradient.
    """
    seen: dict[Any, int] = {}
    lines: list[Any] = []
    pending = [root if hasattr(root, "next_functions") else root.grad_fn]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen[node] = len(seen)
        edges = node.next_functions
        lines.append([node.name(), [(f.name(), index) for f, index in edges if f is not None]])
        pending.extend(f for f, _ in reversed(edges))
    return lines


# --- running a case -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    label: str
    outcome: Any
    warnings: list[tuple[str, str]]


def plain_text(message: Any) -> str:
    """Text of a warning or exception without what it says to those who work on PyTorch."""
    places = (
        r" \(Triggered internally at .*?\)$|\nException raised from .*"
        r"|  \(Could this error message be improved\? .*"
    )
    return re.sub(places, "", str(message), flags=re.S)


def step(label: str, action: Callable[[], Any], torch: Any, versions: Versions) -> Step:
    """Runs `action` and pictures what it returns, raises and warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = attempt(lambda: observe(action(), torch, versions))
        heard = [(w.category.__name__, plain_text(w.message)) for w in caught]
        # Not NumPy's complaints about PyTorch's side of its protocols, nor Python 3.12's of its
        # throw() into generators, nor its own of its first dual tensor, nor the same warning twice
        # in a row, which Python shows once.
        theirs = re.compile(
            r"__array_|^the \(type, exc, tb\) signature of throw\(\)|^`torch.jit.script` is deprec"
        )
        heard = [w for w, _ in itertools.groupby(heard) if not theirs.search(w[1])]
    return Step(label, outcome, heard)


def reset(torch: Any) -> None:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


def run(case: Callable[..., Any], torch: Any, **arguments: Any) -> list[Step]:
    """Steps of a case: each value it yields, each function it yields (called), and its result."""
    reset(torch)
    versions: Versions = {}
    if not inspect.isgeneratorfunction(case):
        return [step("result", lambda: case(torch, **arguments), torch, versions)]
    steps: list[Step] = []
    generator = case(torch, **arguments)
    running = True

    def advance() -> Any:
        nonlocal running
        running = False
        for value in generator:
            running = True
            return value() if isinstance(value, types.FunctionType) else value

    while running:
        steps.append(step("", advance, torch, versions))
        if frame := generator.gi_frame:
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            local = {k: v for k, v in frame.f_locals.items() if isinstance(v, str | int | bool)}
            steps[-1] = Step(f"line {frame.f_lineno}: {line}  {local or ''}", *_rest(steps[-1]))
        else:
            steps[-1] = Step("end of the case", *_rest(steps[-1]))
    return steps


def _rest(s: Step) -> tuple[Any, list[tuple[str, str]]]:
    return s.outcome, s.warnings


def data(
    torch: Any,
    *shape: int,
    dtype: str = "float32",
    lo: float = -2,
    hi: float = 2,
    grad: bool = False,
    salt: int = 0,
) -> Any:
    """A tensor of fixed values between `lo` and `hi`, the same under both engines."""
    if 0 in shape:
        return torch.zeros(shape, dtype=getattr(torch, dtype), requires_grad=grad)
    seed = zlib.crc32(repr((shape, dtype, lo, hi, salt)).encode())
    random = np.random.default_rng(seed)
    values = random.uniform(lo, hi, shape)
    if dtype in PARTS:
        values = np.asarray(values + 1j * random.uniform(lo, hi, shape))
        return torch.from_numpy(values.astype(dtype)).requires_grad_(grad)
    if dtype == "bool":
        return torch.from_numpy(np.asarray(values > (lo + hi) / 2))
    if dtype == "bfloat16":
        return (
            torch.from_numpy(np.asarray(values, "float32")).to(torch.bfloat16).requires_grad_(grad)
        )
    values = np.asarray(np.floor(values) if "int" in dtype else values)
    return torch.from_numpy(values.astype(dtype)).requires_grad_(grad)


@dataclass(frozen=True)
class Script:
    """Statements run one by one; after each, every variable is compared, and so is what it printed.

    The names torch, F, nn, np, data (see above) and graph are at hand. With `stop`, the first
    exception ends the program.
    """

    source: str
    stop: bool = False

    def statements(self) -> Iterator[tuple[str, types.CodeType, bool]]:
        for node in ast.parse(self.source).body:
            text = ast.unparse(node)
            value = isinstance(node, ast.Expr)
            tree: ast.AST = ast.Expression(node.value) if value else ast.Module([node], [])  # type: ignore[attr-defined]
            yield text, compile(tree, "<case>", "eval" if value else "exec"), value

    def run(self, torch: Any) -> list[Step]:
        reset(torch)
        hidden = {
            "torch": torch,
            "F": torch.nn.functional,
            "nn": torch.nn,
            "np": np,
            "data": lambda *shape, **options: data(torch, *shape, **options),
            "graph": graph,
        }
        variables: dict[str, Any] = dict(hidden)
        versions: Versions = {}
        steps = []
        for text, code, is_value in self.statements():

            def action(code: types.CodeType = code, is_value: bool = is_value) -> Any:
                return eval(code, variables) if is_value else exec(code, variables)

            done = step(text, action, torch, versions)
            if self.stop and isinstance(done.outcome, dict) and "raises" in done.outcome:
                steps.append(done)  # what a failed statement has half done is not compared
                break
            shown = {k: v for k, v in variables.items() if k not in hidden and k[0] != "_"}
            state = {k: observe(v, torch, versions) for k, v in shown.items()}
            same = {k: next(o for o in shown if shown[o] is shown[k]) for k in shown}
            outcome = {"value": done.outcome, "variables": state, "same object": same}
            steps.append(Step(text, outcome, done.warnings))
        return steps


# --- comparison -----------------------------------------------------------------------------------


def differences(ref: Any, got: Any, tolerance: Tolerance, path: str = "") -> Iterator[str]:
    """Lines that say where two pictures differ."""
    if type(ref) is not type(got):
        sides = [outcome_text(v) if isinstance(v, dict) else brief(v) for v in (ref, got)]
        yield f"{path}: torch {sides[0]}, whygrad {sides[1]}"
    elif isinstance(ref, dict) and ("raises" in ref) != ("raises" in got):
        yield f"{path}: torch {outcome_text(ref)}, whygrad {outcome_text(got)}"
    elif isinstance(ref, dict):
        for key in [*ref, *(k for k in got if k not in ref)]:
            if key in tolerance.ignored:
                continue
            if key not in ref or key not in got:
                side, value = ("torch", ref[key]) if key in ref else ("whygrad", got[key])
                yield f"{path}.{key}: only {side} has it: {brief(value)}"
            else:
                yield from differences(ref[key], got[key], tolerance, f"{path}.{key}")
    elif isinstance(ref, list | tuple):
        if len(ref) != len(got):
            yield f"{path}: torch {brief(ref)}, whygrad {brief(got)}"
        for index, (a, b) in enumerate(zip(ref, got, strict=False)):
            yield from differences(a, b, tolerance, f"{path}[{index}]")
    elif isinstance(ref, Array):
        yield from array_differences(ref, got, tolerance, path)
    elif isinstance(ref, float):
        # A Python number read from a tensor: most are float32.
        arrays = [Array("float32", np.array(x)) for x in (ref, got)]
        if unequal(*arrays, tolerance).any():
            yield f"{path}: torch {ref!r}, whygrad {got!r}"
    elif isinstance(ref, complex):
        arrays = [Array("complex64", np.array(x, "complex64")) for x in (ref, got)]
        if unequal(*arrays, tolerance).any():
            yield f"{path}: torch {ref!r}, whygrad {got!r}"
    elif ref != got:
        yield f"{path}: torch {brief(ref)}, whygrad {brief(got)}"


def array_differences(ref: Array, got: Array, tolerance: Tolerance, path: str) -> Iterator[str]:
    if ref.values.shape != got.values.shape or ref.values.dtype != got.values.dtype:
        return  # reported as shape and dtype
    mask = unequal(ref, got, tolerance)
    if not mask.any():
        return
    place = tuple(int(i) for i in np.argwhere(mask)[0])
    a, b = ref.values[place], got.values[place]
    count = f"{mask.sum()} of {mask.size} elements differ"
    text = f"{path}: {count}, first at {list(place)}: torch {a!r}, whygrad {b!r}"
    if ref.dtype in FORMATS and np.isfinite(a) and np.isfinite(b):
        distance = abs(float(a) - float(b)) / float(ulp(ref.dtype, np.array(max(abs(a), abs(b)))))
        text += f" ({distance:.3g} ulp; {tolerance.ulps.get(ref.dtype, 0)} allowed)"
    yield text


def outcome_text(picture: dict[str, Any]) -> str:
    """An exception in full, a value in short."""
    if "raises" in picture:
        return f"raises {picture['raises']}: {brief(picture['message'], 200)}"
    return f"returns {brief(picture, 100)}"


def brief(value: Any, limit: int = 600) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."


def of_cuda_build(seen: str) -> bool:
    """Whether `seen`, what PyTorch did differently, is because it is a build for CUDA.

    whygrad does what PyTorch's build for the CPU does, which has other errors for other devices.
    """
    return bool(reference().version.cuda and re.search("cuda|NVIDIA", seen))


def needs_cpu_build(seen: str) -> None:
    """Skips the test of a whole program for which `of_cuda_build` holds."""
    if of_cuda_build(seen):
        pytest.skip("this PyTorch is a build for CUDA; the case needs the build for the CPU")


def step_differences(ref: Sequence[Step], got: Sequence[Step], tolerance: Tolerance) -> list[str]:
    """The report: each differing step with its differences."""
    report = []
    for a, b in itertools.zip_longest(ref, got):
        if a is None or b is None:
            report.append(
                f"only {'torch' if b is None else 'whygrad'} has the step: {(a or b).label}"
            )
            break
        found = [
            *differences(a.outcome, b.outcome, tolerance),
            *differences(a.warnings, b.warnings, tolerance, ".warnings"),
        ]
        if found and not of_cuda_build(repr(a.outcome)):
            report.append(a.label + "".join(f"\n    {line}" for line in found[:12]))
    return report


def broken(steps: Iterable[Step]) -> list[str]:
    """Steps that fail under PyTorch for a name it does not know: the case itself is wrong."""
    return [
        f"{s.label}: {brief(s.outcome)}"
        for s in steps
        if re.search(
            # Before Python 3.11 `with` asks for __enter__ as for any attribute.
            r"'raises': '(NameError|AttributeError|SyntaxError)', 'message': (?!'__enter__')",
            repr(s.outcome)[:400],
        )
        and "getattr" not in s.label
    ]


def compare(ref: Sequence[Step], got: Sequence[Step], tolerance: Tolerance) -> None:
    """Fails the running test with the report if the steps differ."""
    if wrong := broken(ref):
        pytest.fail("the case is broken under PyTorch:\n" + "\n".join(wrong), pytrace=False)
    if report := step_differences(ref, got, tolerance):
        more = f"\n... {len(report) - 20} more" if len(report) > 20 else ""
        shown = "\n".join(report[:20]) + more
        pytest.fail(f"whygrad differs from torch in {len(report)} steps\n{shown}", pytrace=False)


def check(case: Callable[..., Any], tolerance: Tolerance = EXACT, **arguments: Any) -> None:
    """Runs a case function under both engines and compares."""
    compare(run(case, reference(), **arguments), run(case, subject(), **arguments), tolerance)


def check_script(source: str, tolerance: Tolerance = EXACT, stop: bool = False) -> None:
    """Runs statements under both engines and compares after each."""
    script = Script(source, stop)
    compare(script.run(reference()), script.run(subject()), tolerance)


# --- making tests ---------------------------------------------------------------------------------


def parity(case: Any = None, *, tol: Tolerance = EXACT, **parameters: Sequence[Any]) -> Any:
    """Decorator: turns `case(torch, **parameters)` into a test, one per combination of parameters.

    The case returns a value, or yields values; a yielded function is called, and what it raises is
    part of the comparison.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        def test(**arguments: Any) -> None:
            check(function, tol, **arguments)

        test.__name__, test.__doc__ = function.__name__, function.__doc__
        test.__module__ = function.__module__
        kind = inspect.Parameter.KEYWORD_ONLY
        test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in parameters]
        )
        for name, values in parameters.items():
            test = pytest.mark.parametrize(name, values, ids=_id)(test)
        return test

    return decorate if case is None else decorate(case)


def _id(value: Any) -> str:
    return str(value).replace("\n", "; ")[:70]


def table(rows: str, *, setup: str = "", tol: Tolerance = EXACT) -> Callable[..., None]:
    """A test per line of `rows`: statements separated by `;`, after `setup`, up to an exception."""
    lines = [line for line in rows.strip().splitlines() if line and not line.startswith("#")]

    @pytest.mark.parametrize("row", lines, ids=_id)
    def test(row: str) -> None:
        check_script(f"{setup}\n{row}", tol, stop=True)

    return test


def scripts(*, tol: Tolerance = EXACT, **sources: str) -> Callable[..., None]:
    """A test per named script: several statements, compared after each."""

    @pytest.mark.parametrize("name", sources)
    def test(name: str) -> None:
        check_script(inspect.cleandoc(sources[name]), tol)

    return test
