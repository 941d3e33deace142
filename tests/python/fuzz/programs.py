"""Random programs for both engines: their grammar, how one is run, and what is compared after it.

A program is a list of lines that work on a pool `p` of tensors. All numbers are small integers in
float64, so every result is exact. Start at `disagreement`.
"""

from __future__ import annotations

import copy
import random
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import parity

START = """
p = [data(2, 3, dtype="float64", lo=-3, hi=4).floor().requires_grad_()]
p.append(data(3, dtype="float64", lo=-3, hi=4).floor().requires_grad_())
p.append(data(2, 3, dtype="float64", lo=-3, hi=4, salt=1).floor())
p.append(p[0] * 1)
p.append(torch.tensor(2.0, dtype=torch.float64, requires_grad=True))
p.append(data(4, dtype="float64", lo=-3, hi=4).floor())
handles, log = [], []

def hook(name, factor=None):
    def seen(*grads):
        log.append((name, torch.is_grad_enabled(), [show(g) for g in grads]))
        return None if factor is None else grads[0] * factor
    return seen

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * 2 + y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        log.append(("Double", ctx.needs_input_grad, show(g)))
        return g * 2, g.sum_to_size(y.shape)

class Write(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    @staticmethod
    def backward(ctx, g):
        return g * 3

class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 5

class Window(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, g):
        return g

class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y, z = x * 2, x.detach() > 0
        ctx.mark_non_differentiable(z)
        ctx.set_materialize_grads(False)
        return y, z, x + 1

    @staticmethod
    def backward(ctx, g, _, h):
        log.append(("Pair", show(g), show(h)))
        return g if h is None else h if g is None else g * 2 + h

class Nothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return None
"""

# {a}, {b}, {c}: tensors of the pool; {n}: a small number; {k}: a small index; {i}: the index of {a}.
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
{a}.split([1, 1])[{k}]
{a}.chunk(2)[{k}]
{a}.unbind()[{k}]
{a}.unbind(-1)[{k}]
{a}.diagonal()
{a}.unfold(0, 2, 1)
{a}.as_strided((2,), (1,), {a}.storage_offset())
{a}.as_strided((2, 2), (1, 1))
{a}.permute(*range({a}.dim())[::-1])
{a}.movedim(0, -1)
{a}.view_as({b})
{a}.detach()
{a}.data
{a}.contiguous()
torch.atleast_2d({a})
{a}.unsafe_split(1)[{k}]
{a}.unsafe_chunk(2)[{k}]
{a}.unsafe_split_with_sizes([1, 1])[{k}]
{a}.as_strided((2, 2), (0, 1))
{a}.expand(3, *{a}.shape)[{k}]
{a}.view_as({a})
{a}.split(1, -1)[{k}][..., 0]
torch.no_grad()(lambda t: t.view(-1))({a})
torch.no_grad()(lambda t: t.unbind()[{k}])({a})
torch.no_grad()(lambda t: t[{k}].mul_(2))({a})
copy.copy({a})
Same.apply({a})
Window.apply({a})
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
{a}.amax(-1)
{a}.prod(0)
{a} @ {b}
{a}[[0, 0]]
{a}[{b} > 0]
{a}[torch.tensor([{k}, 0])]
{a}.index_select(0, torch.tensor([0, 0]))
{a}.gather(0, torch.zeros_like({a}[:1], dtype=torch.int64))
torch.cat([{a}, {b}])
torch.stack([{a}, {a}])
torch.where({a} > 0, {a}, {b})
torch.maximum({a}, {b})
torch.add({a}, {b}, alpha={n})
torch.addcmul({a}, {b}, {c}, value={n})
torch.tril({a})
{a}.repeat(2, 1)
{a}.flip(0)
{a}.masked_fill({a} > 0, {n})
{a}.float()
{a}.select_scatter({b}, 0, {k})
{a}.slice_scatter({b}, 0, {k})
{a}.diagonal_scatter({b}[:2])
torch.select_copy({a}, 0, {k})
torch.t_copy({a})
torch.narrow_copy({a}, 0, {k}, 1)
{a}.put(torch.tensor([{k}, 0]), {b}[:2])
{a}.scatter_reduce(0, torch.zeros_like({a}, dtype=torch.int64), {a}, "sum")
{a}.index_reduce(0, torch.tensor([0]), {b}[:1], "amax")
{a}.addr({b}[:2], {c}.reshape(-1)[:3])
torch.ones_like({a})
torch.zeros(2, 3, dtype=torch.float64)
torch.tensor([1., 2, 3], dtype=torch.float64, requires_grad=True)
Double.apply({a}, {b})
Pair.apply({a})[{k}]
Write.apply({a})
Nothing.apply({a})
""".strip().splitlines()

CHANGES = """
{a}.add_({b})
{a}.mul_({b})
{a}.sub_({n})
{a}.mul_({n})
{a}.mul_({a})
{a}.neg_()
{a}.relu_()
{a}.abs_()
{a}.clamp_(-2, 2)
{a}.pow_(2)
{a}.cumsum_(0)
{a}.tril_()
{a}.addcmul_({b}, {c})
{a}.zero_()
{a}.fill_diagonal_({n})
{a}.put_(torch.tensor([{k}, 0]), {b}[:2])
{a}.put_(torch.tensor([{k}, 0]), {b}[:2], accumulate=True)
{a}.scatter_reduce_(0, torch.zeros_like({a}, dtype=torch.int64), {b}.detach(), "sum")
{a}.set_({b}.detach())
{a}.set_({b})
{a}.set_({b}.detach(), 0, (1,), (1,))
{a}.resize_(1)
{a}.resize_as_({b}) if 8 * ({a}.storage_offset() + {b}.numel()) <= {a}.untyped_storage().nbytes() else None
{a}.detach()[{k}:].zero_()
{a}.as_strided_((2,), (1,))
{a}.unsafe_split(1)[{k}].mul_({n})
{a}.split(1)[{k}].mul_({n})
{a}.fill_({n})
{a}.fill_({b})
{a}.copy_({b})
{a}.masked_fill_({b} > 0, {n})
{a}.index_add_(0, torch.tensor([0]), {b}[:1])
{a}.index_copy_(0, torch.tensor([0]), {b}[:1])
{a}.index_fill_(0, torch.tensor([0]), {n})
{a}.detach_()
{a}.requires_grad_()
{a}.requires_grad_(False)
{a}.retain_grad()
{a}.t_()
{a}.unsqueeze_(0)
{a}.squeeze_()
{a}.transpose_(0, -1)
{a}.__setitem__({k}, {n})
{a}.__setitem__({k}, {b})
{a}.__setitem__(slice({k}, None), {b})
{a}.__setitem__(..., {b})
{a}.__setitem__([0, -1], {n})
{a}.__setitem__({a} > 0, {n})
{a}.__setitem__({a} > 0, {b})
{a}.__iadd__({b})
{a}.__imul__({a})
{a}.data.copy_({b})
{a}.detach().mul_({n})
{a}.unbind()[{k}].mul_({n})
{a}.view(-1)[{k}:].add_({b})
setattr({a}, "grad", None)
setattr({a}, "grad", {b}.detach().clone())
setattr({a}, "data", {b}.detach().clone())
setattr({a}, "requires_grad", True)
{a}.grad.mul_({n}) if {a}.is_leaf else None
p.pop({i})
torch.add({a}, {b}, out={a})
torch.mul({a}, {b}, out={c})
""".strip().splitlines()

# PyTorch crashes when a hook is the first to ask a view of a changed base for its node.
HOOKS = """
{a}.grad_fn; handles.append({a}.register_hook(hook("tensor {i}")))
{a}.grad_fn; handles.append({a}.register_hook(hook("twice {i}", 2)))
handles.append({a}.grad_fn.register_hook(hook("node {i}")))
handles.append({a}.grad_fn.register_prehook(hook("before {i}")))
handles.append({a}.grad_fn.next_functions[0][0].register_hook(hook("next {i}")))
handles.append({a}.register_post_accumulate_grad_hook(lambda t: log.append(show(t.grad))))
{a}.grad_fn; handles.append({a}.register_hook(lambda g: p[0].grad_fn and torch.autograd.grad(p[0].sum(), p[0], retain_graph=True) and None))
{a}.grad_fn; handles.append({a}.register_hook(lambda g: {b}.mul_(2) and None))
{a}.grad_fn; handles.append({a}.register_hook(lambda g: log.append(handles.pop().remove())))
handles.pop().remove()
handles.pop(0).remove()
""".strip().splitlines()

BACKWARD = """
{a}.sum().backward()
{a}.sum().backward(retain_graph=True)
({a} * {a}).sum().backward()
({a} * {b}).sum().backward(retain_graph=True)
{a}.sum().backward(retain_graph=True); {a}.mul_({n}); {a}.sum().backward()
{a}.sum().backward(retain_graph=True, inputs=[{b}]); {b}.add_(1)
{a}.backward(torch.ones_like({a}))
{a}.backward({b}.detach())
{a}.backward({b})
{a}.backward({b}, retain_graph=True, inputs=[{c}])
{a}.sum().backward(create_graph=True)
{a}.sum().backward(inputs=[{b}, {c}], retain_graph=True)
torch.autograd.backward([{a}.sum(), {b}.sum()], retain_graph=True)
p.extend(torch.autograd.grad({a}.sum(), {b}))
p.extend(torch.autograd.grad(({a} * {a}).sum(), {b}, create_graph=True))
p.extend(torch.autograd.grad({a}, {b}, {c}, create_graph=True))
p.extend(torch.autograd.grad({a}.sum(), [{b}, {a}], retain_graph=True))
p.extend(torch.autograd.grad({a}.sum(), [{b}, {c}], retain_graph=True, materialize_grads=True))
log.append([show(g) for g in torch.autograd.grad({a}.sum(), [{b}, {c}], retain_graph=True, allow_unused=True)])
p.append({a}.grad.clone()) if {a}.is_leaf and {a}.grad is not None else None
p.append({a}.grad) if ({a}.is_leaf or {a}.retains_grad) and {a}.grad is not None else None
""".strip().splitlines()


def with_results(expressions: list[str]) -> list[str]:
    return [f"p.append({e})" for e in expressions]


KINDS = [with_results(VIEWS), with_results(OPERATIONS), CHANGES, HOOKS, BACKWARD]
# How often each kind is taken.
WEIGHTS = [4, 3, 5, 2, 3]
MODES = ["{}"] * 8 + ["with torch.no_grad(): {}", "with torch.enable_grad(): {}"]
MAX_POOL = 16


def random_line(choose: random.Random, size: int) -> tuple[str, set[int]]:
    """A line for a pool of `size` tensors, as text, and which of them it may write to."""
    template = choose.choice(choose.choices(KINDS, WEIGHTS)[0])
    i, j, k = (choose.randrange(size) for _ in range(3))
    line = template.format(
        a=f"p[{i}]",
        b=f"p[{j}]",
        c=f"p[{k}]",
        n=choose.choice((2, -1, 3, 0)),
        k=choose.choice((0, 1, -1)),
        i=i,
    )
    writes = template in CHANGES or "Write" in template
    return choose.choice(MODES).format(line), {i, k} if writes else set()


# --- running ---


def show(tensor: Any) -> Any:
    """What hooks note of a gradient."""
    if not hasattr(tensor, "detach"):
        return None if tensor is None else [show(t) for t in tensor]
    return list(tensor.shape), [x + 0.0 for x in np.ravel(tensor.detach().tolist()).tolist()]


class Engine:
    """One engine with its pool of tensors."""

    def __init__(self, torch: Any) -> None:
        parity.reset(torch)
        self.names: dict[str, Any] = {
            "torch": torch,
            "copy": copy,
            "show": show,
            "data": lambda *shape, **options: parity.data(torch, *shape, **options),
        }
        exec(START, self.names)

    @property
    def pool(self) -> list[Any]:
        return self.names["p"]

    def run(self, line: str) -> Any:
        """Runs a line; what it raised and warned of."""
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            raised = None
            try:
                exec(line, self.names)
            except Exception as error:
                raised = f"{type(error).__name__}: {parity.plain_text(error)}"
        told = sorted({f"{w.category.__name__}: {parity.plain_text(w.message)}" for w in heard})
        return {"raised": raised, "warnings": told}

    def state(self) -> dict[str, Any]:
        """Everything that can be seen of the pool."""
        shown = {f"p[{i}]": picture(t) for i, t in enumerate(self.pool)}
        memory = [address for t in self.pool for address in addresses(t)]
        bases = [next((i for i, o in enumerate(self.pool) if t._base is o), -1) for t in self.pool]
        return {
            **shown,
            "shares memory": [memory.index(m) for m in memory],
            "base": [None if t._base is None else i for t, i in zip(self.pool, bases, strict=True)],
            "log": list(self.names["log"]),
        }

    def graphs(self) -> list[Any]:
        return [attempt(lambda t=t: parity.graph(t)) for t in self.pool]


def attempt(read: Any) -> Any:
    try:
        return read()
    except Exception as error:
        return f"{type(error).__name__}: {parity.plain_text(error)}"


def grad_of(t: Any) -> Any:
    """The gradient where it may be asked for: of leaves and where it is retained."""
    return t.grad if t.retains_grad or attempt(lambda: t.is_leaf) is True else None


def addresses(t: Any) -> Iterator[Any]:
    """Where a tensor and its gradient lie in memory; empty tensors lie nowhere."""
    for x in (t, grad_of(t)):
        if x is None or x.numel() == 0:
            yield None
        else:
            yield x.data_ptr() - x.storage_offset() * x.element_size()


def picture(t: Any) -> dict[str, Any]:
    """All about one tensor."""
    name = attempt(lambda: t.grad_fn and (type(t.grad_fn).__name__, t.grad_fn.name()))
    leaf = attempt(lambda: t.is_leaf)
    seen = {
        "shape": tuple(t.shape),
        "stride": t.stride(),
        "offset": t.storage_offset(),
        "dtype": str(t.dtype),
        "version": t._version,
        "requires_grad": t.requires_grad,
        "is_leaf": leaf,
        "grad_fn": name,
        "output_nr": attempt(lambda: t.output_nr),
        "retains_grad": t.retains_grad,
        "values": np.ravel(t.detach().tolist()).tolist(),
    }
    if leaf is True or t.retains_grad:
        seen["grad"] = None if t.grad is None else picture_of_grad(t.grad)
    return seen


def picture_of_grad(g: Any) -> dict[str, Any]:
    return {
        "shape": tuple(g.shape),
        "stride": g.stride(),
        "requires_grad": g.requires_grad,
        "grad_fn": attempt(lambda: g.grad_fn and g.grad_fn.name()),
        "values": np.ravel(g.detach().tolist()).tolist(),
    }


# --- comparing ---


def differences(a: Any, b: Any, path: str = "") -> Iterator[str]:
    """Lines that say where two pictures differ: PyTorch's and whygrad's."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            yield from differences(a.get(key), b.get(key), f"{path}.{key}")
    elif a != b:
        yield f"{path}: torch {a!r}, whygrad {b!r}"


def too_large(engine: Engine) -> bool:
    """Whether some number left the integers that float64 holds exactly."""
    for t in engine.pool:
        for x in (t, grad_of(t)):
            if x is not None and x.numel() and not float(x.detach().double().abs().max()) < 2**40:
                return True
    return False


def disagreement(lines: Sequence[str], watched: bool = True) -> tuple[int, list[str]] | None:
    """The index of the first line after which the engines differ, and how; None if they agree.

    `watched`: look at everything after each line; looking settles what engines put off, so a
    program is also run unwatched.
    """
    reference, subject = Engine(parity.reference()), Engine(parity.subject())
    for at, line in enumerate(lines):
        outcomes = [engine.run(line) for engine in (reference, subject)]
        found = list(differences(*outcomes))
        if not found and watched:
            if too_large(reference):
                return None
            found = list(differences(reference.state(), subject.state()))
        if found:
            return at, found
    if too_large(reference):
        return None
    found = list(differences(reference.state(), subject.state()))
    graphs = [engine.graphs() for engine in (reference, subject)]
    for i, (a, b) in enumerate(zip(*graphs, strict=False)):
        found += differences(a, b, f"graph of p[{i}]")
    return (len(lines), found) if found else None


def shrunk(lines: Sequence[str], watched: bool) -> list[str]:
    """The program without the lines that its disagreement does not need."""
    kept, i = list(lines), 0
    while i < len(kept):
        shorter = kept[:i] + kept[i + 1 :]
        if disagreement(shorter, watched):
            kept = shorter
        else:
            i += 1
    return kept


def overlaps_itself(t: Any) -> bool:
    """Whether elements share memory: what writing to them gives is left undefined."""
    places = np.zeros(tuple(t.shape), np.int64)
    for index, stride in zip(np.indices(places.shape), t.stride(), strict=True):
        places += index * stride
    return np.unique(places).size < places.size


def random_program(seed: int, length: int) -> list[str]:
    """Lines that PyTorch has run, so that indices fit the pool; most of them without an error."""
    choose = random.Random(seed)
    engine = Engine(parity.reference())
    lines: list[str] = []
    while len(lines) < length and engine.pool:
        line, written = random_line(choose, len(engine.pool))
        before = len(engine.pool)
        overlapping = any(overlaps_itself(engine.pool[i]) for i in written)
        raised = engine.run(line)["raised"]
        lines.append(line)
        undefined = overlapping and not raised
        if undefined or (raised and choose.random() < 0.8 and len(engine.pool) == before):
            lines.pop()
            engine = Engine(parity.reference())
            for again in lines:
                engine.run(again)
        if len(engine.pool) > MAX_POOL:
            break
    return lines


def signature(found: Sequence[str]) -> str:
    """What kind of disagreement: its first line without numbers."""
    return re.sub(r"[-\d.e]+", "#", found[0])[:200]
