"""How tensors are written: `repr(tensor)`, `format(tensor)` and `torch.set_printoptions`.

The text equals PyTorch's character for character. Start at `tensor_repr`. Elements are read
with `tolist()` after a tensor that is too long has been cut to its edges, so the cost does not
depend on how large it is; everything else works on Python numbers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ._vmap_levels import depth_of_derivative, depth_of_vmap


@dataclasses.dataclass
class PrintOptions:
    """What `set_printoptions` changes."""

    precision: int = 4
    """Digits after the point."""
    threshold: float = 1000
    """Tensors with more elements than this are summarised."""
    edgeitems: int = 3
    """Elements shown at each end of a summarised dimension."""
    linewidth: int = 80
    """Characters a line may have."""
    sci_mode: bool | None = None
    """Scientific notation always (True), never (False), or where the values call for it (None)."""


PRINT_OPTS = PrintOptions()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; options left at None keep their value.

    `profile` is "default", "short" or "full" and is applied first. `sci_mode` is the exception
    to None: it always takes the value given, so that None returns to the automatic choice.
    """
    changes = dict(_PROFILES.get(profile, {})) if profile is not None else {}
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes.update((name, value) for name, value in given.items() if value is not None)
    for name, value in changes.items():
        setattr(PRINT_OPTS, name, value)
    PRINT_OPTS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for `set_printoptions`."""
    return dataclasses.asdict(PRINT_OPTS)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Within the block, print with these options of `set_printoptions`."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_repr(
    t: Any,
    *,
    tensor_contents: str | None = None,
    engine: Any = None,
    batches: Sequence[int] = (),
) -> str:
    """The text of `repr(t)`: the elements, then what a reader could not tell from them.

    Args:
        t: a tensor of any shape, dtype and layout in memory.
        tensor_contents: text to put where the elements would be.
        engine: the module whose Tensor, Parameter and default dtype count as the plain ones
            (whygrad itself unless given).
        batches: the levels of `vmap` that it is the physical tensor of.
    """
    if engine is None:
        engine = sys.modules[__package__ or "whygrad"]
    kind = type(t)
    plain = kind is engine.Tensor or kind is engine.nn.Parameter
    prefix = "tensor(" if plain else f"{kind.__name__}("

    level = engine._C._level_of(t) if hasattr(engine._C, "_level_of") else 0
    notes = _annotations(t, engine, level == 0)
    if tensor_contents is not None:
        body = tensor_contents
    elif t.device.type == "meta":
        body = "..."
    elif t.numel() == 0:
        body = "[]"
    else:
        body = _elements(t, len(prefix))

    text = _append(prefix + body, notes, len(prefix)) + ")"
    layers = [(depth_of_derivative(n), "GradTrackingTensor(lvl={},") for n in range(1, level + 1)]
    layers += [(depth_of_vmap(n), "BatchedTensor(lvl={}, bdim=0,") for n in batches]
    for depth, head in sorted(layers):
        text = f"{head.format(depth)} value=\n{textwrap.indent(text, '    ')}\n)"
    return text if plain or not isinstance(t, engine.nn.Parameter) else f"Parameter({text})"


def parameter_repr(t: Any) -> str:
    """The text of `repr(t)` for a Parameter."""
    return "Parameter containing:\n" + tensor_repr(t)


def tensor_format(t: Any, spec: str, *, engine: Any = None) -> str:
    """The text of `format(t, spec)`: a 0-d Tensor formats as the number it holds.

    Raises:
        TypeError: a format was asked for a tensor of another shape, or for a subclass.
    """
    if engine is None:
        engine = sys.modules[__package__ or "whygrad"]
    if type(t) is engine.Tensor and t.dim() == 0 and t.device.type != "meta":
        return format(t.item(), spec)
    return object.__format__(t, spec)


def _annotations(t: Any, engine: Any, history: bool) -> list[str]:
    """The `name=value` parts that follow the elements, in the order they are printed."""
    notes = []
    device = t.device
    if device.type != "cpu":
        notes.append(f"device='{device}'")

    # A reader takes elements to be int64, bool or the default float dtype. No elements: to be
    # the default float dtype, in one dimension.
    hidden_dtypes = [engine.get_default_dtype()]
    if device.type == "meta":
        notes.append(f"size={tuple(t.shape)}")
    elif t.numel() == 0:
        if t.dim() != 1:
            notes.append(f"size={tuple(t.shape)}")
    else:
        if not PRINT_OPTS.edgeitems:
            notes.append(f"size={tuple(t.shape)}")
        hidden_dtypes += [engine.int64, engine.bool]
        if t.dtype.is_complex:
            hidden_dtypes.append(_default_complex(engine))
    if t.dtype not in hidden_dtypes:
        notes.append(f"dtype={t.dtype}")

    if not history:
        return notes
    try:
        grad_fn = t.grad_fn
        name = None if grad_fn is None else grad_fn.name().rpartition("::")[2]
    except RuntimeError:  # a view whose history an in-place operation has made unusable
        name = "Invalid"
    if name is not None:
        notes.append(f"grad_fn=<{name}>")
    elif t.requires_grad:
        notes.append("requires_grad=True")
    tangent = engine.autograd.forward_ad.unpack_dual(t).tangent
    if tangent is not None:
        notes.append(f"tangent={tangent}")
    return notes


def _default_complex(engine: Any) -> Any:
    """The complex dtype whose parts have the default dtype."""
    return engine.complex128 if engine.get_default_dtype() == engine.float64 else engine.complex64


def _append(text: str, notes: Sequence[str], indent: int) -> str:
    """`text, note, note`, with a line break before each note that would pass the line's end."""
    column = len(text) - text.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > PRINT_OPTS.linewidth:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text


# The elements. A tensor becomes nested lists of numbers, in which `...` stands for what a
# summary leaves out.


def _elements(t: Any, indent: int) -> str:
    dtype = t.dtype
    t = t.detach()
    nested = _edges(t) if t.numel() > PRINT_OPTS.threshold else t.tolist()
    shown = list(_leaves(nested))
    write: Callable[[Any], str]
    if dtype.is_complex:
        write = _ComplexStyle(shown)
    elif dtype.is_floating_point:
        write = _FloatStyle(shown)
    else:
        write = _PlainStyle(shown)
    if not t.dim():
        return write(nested)
    return _brackets(nested, t.dim(), indent, write)


def _edges(t: Any) -> Any:
    """The nested list of `t` with only the edge items of each dimension that is too long."""
    if t.dim() == 0:
        return t.item()
    edge = PRINT_OPTS.edgeitems
    size = t.shape[0]
    if size <= 2 * edge:
        return t.tolist() if t.dim() == 1 else [_edges(t[i]) for i in range(size)]
    if t.dim() == 1:
        return [*t[:edge].tolist(), ..., *t[size - edge :].tolist()]
    return [
        *(_edges(t[i]) for i in range(edge)),
        ...,
        *(_edges(t[i]) for i in range(size - edge, size)),
    ]


def _leaves(nested: Any) -> Iterator[Any]:
    if isinstance(nested, list):
        for item in nested:
            yield from _leaves(item)
    elif nested is not ...:
        yield nested


def _brackets(nested: list[Any], dim: int, indent: int, write: Any) -> str:
    """`nested`, a list of lists `dim` deep, in brackets; `indent` is the column it starts at."""
    margin = "\n" + " " * (indent + 1)
    if dim > 1:
        parts = [
            "..." if item is ... else _brackets(item, dim - 1, indent + 1, write) for item in nested
        ]
        return "[" + ("," + "\n" * (dim - 2) + margin).join(parts) + "]"
    gap = " ..." if len(nested) > 1 else "..."
    cells = [gap if value is ... else write(value) for value in nested]
    per_line = max(1, math.floor((PRINT_OPTS.linewidth - indent) / (write.width + 2)))
    lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
    return "[" + ("," + margin).join(lines) + "]"


class _PlainStyle:
    """Integers and bools: as Python writes them, right-aligned."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.width = max((len(str(value)) for value in values), default=1)

    def __call__(self, value: Any) -> str:
        return str(value).rjust(self.width)


class _FloatStyle:
    """Floats in one of three notations for the whole tensor: `1.`, `1.2500` or `1.2500e+00`.

    The notation and the width come from the finite values other than zero alone; a wider nan or
    inf just sticks out.
    """

    def __init__(self, values: Sequence[float]) -> None:
        decisive = [value for value in values if value and math.isfinite(value)]
        self.whole = all(value.is_integer() for value in decisive)
        self.scientific = False
        self.width = 1
        if decisive:
            sizes = [abs(value) for value in decisive]
            low, high = min(sizes), max(sizes)
            self.scientific = (
                high / low > 1000 or high > 1e8 or (not self.whole and low < 1e-4)
                if PRINT_OPTS.sci_mode is None
                else PRINT_OPTS.sci_mode
            )
            self.width = max(len(self(value)) for value in decisive)

    def __call__(self, value: float) -> str:
        if self.scientific:
            text = f"{value:.{PRINT_OPTS.precision}e}"
        elif self.whole:
            text = f"{value:.0f}" + ("." if math.isfinite(value) else "")
        else:
            text = f"{value:.{PRINT_OPTS.precision}f}"
        return text.rjust(self.width)


class _ComplexStyle:
    """Complex numbers: the real and the imaginary parts each have a notation of their own."""

    def __init__(self, values: Sequence[complex]) -> None:
        self.real = _FloatStyle([value.real for value in values])
        self.imag = _FloatStyle([value.imag for value in values])
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip() + "j"
        sign = "" if imag[0] in "+-" else "+"
        return self.real(value.real) + sign + imag
