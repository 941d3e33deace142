"""__torch_function__ and modes: who is asked, in which order, and what becomes of the answers."""

from __future__ import annotations

import gc
import operator
import threading
import weakref
from importlib import import_module

import numpy as np
import pytest
from parity import parity


def overrides(torch):
    return import_module(f"{torch.__name__}.overrides")


def talker(torch, log, name, answer=None, base=None):
    """A class that notes that it was asked and gives `answer`, or what its base says."""

    class Talker(base or torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            log.append((name, func.__name__, [t.__name__ for t in types]))
            if answer is not None:
                return answer
            return super().__torch_function__(func, types, args, kwargs or {})

    Talker.__name__ = name
    return Talker


@parity
def test_subclasses_before_their_bases(torch):
    log = []
    first = talker(torch, log, "First")
    second = talker(torch, log, "Second", base=first)
    third = talker(torch, log, "Third", NotImplemented, base=second)
    a, b, c = (torch.ones(2).as_subclass(cls) for cls in (first, second, third))
    for x, y in ((a, b), (b, a), (a, c), (c, b)):
        log.clear()
        yield lambda x=x, y=y: type(torch.add(x, y)).__name__
        yield [*log]
        yield lambda x=x, y=y: type(x * y).__name__
    log.clear()
    yield lambda: type(torch.cat([a, b, c, torch.ones(2)])).__name__
    yield [*log]


@parity
def test_unrelated_classes(torch):
    """Tensor.__torch_function__ declines for a class that is not a subclass of all types."""
    log = []
    left, right = talker(torch, log, "Left"), talker(torch, log, "Right")
    decided = talker(torch, log, "Decided", 7)
    a, b, c = (torch.ones(2).as_subclass(cls) for cls in (left, right, decided))
    for x, y in ((a, b), (a, c), (c, a)):
        for f in (torch.add, torch.nn.functional.mse_loss):
            log.clear()
            yield lambda f=f, x=x, y=y: f(x, y)
            yield [*log]
        for name in ("add", "sub", "eq", "lt", "iadd", "imul", "pow"):
            operation = getattr(operator, name)
            yield lambda f=operation, x=x, y=y: type(f(x, y)).__name__


class Silent:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


CALLS = """
torch.add(x, 1); torch.sum(x, dim=0); x.sum(); x.dim(); x.shape; setattr(x, 'grad', None); x[0]
x[0:1, None]; -x; abs(x)
bool(x); len(x); repr(x); x.backward(); x.split(1); torch.split(x, 1); torch.einsum('i', x)
torch.cat([y, x])
F.relu(x); F.linear(y, x); F.mse_loss(y, x); F.softmax(x, 0); torch.autograd.grad(x, x)
torch.autograd.backward(x)
torch.broadcast_tensors(y, x); torch.linalg.vector_norm(x); torch.linalg.norm(x)
torch.nn.init.uniform_(x); x.numpy()
x.type(); x.register_hook(print); x + 1; 1 - x; x // 2; 2 / x; x ** 2; x @ y; y & x; x == 1
x < 1; x.__add__(1)
operator.iadd(x, 1); operator.ipow(x, 2); operator.setitem(y, 0, x); torch.add(d, y); y + d
d + y; y == d; d < y
F.relu(d); y[d]; torch.stack([d]); torch.zeros(d); torch.norm(x); x.norm(); x.detach(); x.data
x.item(); torch.where(d, x, y)
"""
CALLS = [c.strip() for line in CALLS.strip().splitlines() for c in line.split(";")]


@parity(call=CALLS, mode=[False, True])
def test_nobody_answers(torch, call, mode):
    class Declining(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    class Mode(overrides(torch).TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return NotImplemented

        def __repr__(self):
            return "<a mode>"

    names = {
        "torch": torch,
        "F": torch.nn.functional,
        "operator": operator,
        "x": torch.ones(2).as_subclass(Declining),
        "y": torch.ones(2),
        "d": Silent(),
    }
    yield lambda: eval(call, names)
    if mode:

        def run():
            with Mode():
                return eval(call, names)

        yield run


@parity(kind=[TypeError, ValueError])
def test_errors_of_those_who_answer(torch, kind):
    """A TypeError from an operator means "not for me", as from any __add__; others pass."""

    class Failing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise kind("no")

    x, y = torch.ones(2).as_subclass(Failing), torch.ones(2)
    arithmetic = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift"
    others = "eq ne lt ge iadd imul itruediv ipow imod"
    for f in f"{arithmetic} {others}".split():
        yield lambda f=f: getattr(operator, f)(x, 1)
        yield lambda f=f: getattr(operator, f)(1, x)
        yield lambda f=f: getattr(operator, f)(y, x)
    yield lambda: x[0]
    yield lambda: -x
    yield lambda: bool(x)
    yield lambda: len(x)
    yield lambda: x.shape
    yield lambda: torch.add(x, 1)
    yield lambda: torch.nn.functional.relu(x)
    yield lambda: setattr(x, "grad", None)
    yield lambda: operator.setitem(x, 0, 1)


@parity(call=[
    "z + None", "z + 'a'", "z + [1]", "z == None", "z == [1]", "z != 'a'", "z < None", "z + D()",
    "D() + z", "y + D()", "D() + y", "y - D()", "D() - y", "y / D()", "D() / y", "y // D()",
    "D() // y", "y ** D()", "D() ** y", "y @ D()", "D() @ y", "y == D()", "D() == y", "y < D()",
    "D() < y", "y & D()", "D() & y", "y + [z]", "y == [z]", "y[D()]", "y[0, D()]", "y[[D()]]",
    "torch.cat([y, D()])", "torch.sum(D())", "y.add(D())", "torch.stack([D(), y])",
    "torch.broadcast_tensors(D(), y)", "F.relu(D())", "torch.einsum('i', D())",
    "torch.einsum('i', [D()])", "torch.tensor(D())", "torch.as_tensor(D())",
    "operator.iadd(y, D())", "operator.setitem(y, 0, D())", "F.linear(y, D())", "torch.zeros(D())",
    "torch.full((2,), D())", "y.view(D())", "torch.sum(y, dim=D())", "torch.add(y, y, alpha=D())",
    "torch.add(1, D())", "torch.where(D(), 1, 2)", "setattr(y, 'grad', D())",
    "torch.allclose(y, D())", "torch.is_tensor(D())", "torch.numel(D())",
    "torch.autograd.grad(D(), y)", "torch.autograd.backward(D())", "torch.stack(D())",
    "torch.split(D(), 1)", "torch.atleast_1d(D())", "torch.norm(D())",
    "torch.nn.init.uniform_(D())", "F.dropout(D())", "F.softmax(D(), 0)", "F.mse_loss(y, D())",
    "F.cross_entropy(D(), y)", "torch.tensordot(D(), y)", "torch.result_type(D(), y)",
    "torch.nonzero(D())", "torch.linalg.norm(D())", "torch.cartesian_prod(D(), y)",
    "F.embedding(D(), y)", "torch.sin()", "torch.meshgrid(D(), y)", "F.layer_norm(y, (2,), D())",
    "F.binary_cross_entropy(D(), y)", "y.split(D())",
]
)  # fmt: skip
def test_objects_that_are_no_tensors(torch, call):
    log = []

    class D:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            log.append(
                (
                    "D",
                    func.__name__,
                    [t.__name__ for t in types],
                    [type(a).__name__ for a in args],
                    kwargs and [*kwargs],
                )
            )
            return 7

    names = {
        "torch": torch,
        "F": torch.nn.functional,
        "operator": operator,
        "D": D,
        "y": torch.ones(2),
    }
    names["z"] = torch.ones(2).as_subclass(talker(torch, log, "L"))
    yield lambda: eval(call, names)
    yield [*log]


@parity
def test_a_plain_method_answers_with_a_warning(torch):
    class P:
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func.__name__

    yield lambda: torch.add(P(), torch.ones(1))
    yield lambda: torch.ones(1) * P()


@parity
def test_switched_off(torch):
    """Within these contexts no class is asked, and results are tensors of the class Tensor."""
    log = []
    cls = talker(torch, log, "L")
    x = torch.ones(2).as_subclass(cls)
    mode = overrides(torch).BaseTorchFunctionMode

    class Noting(mode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            log.append(("mode", func.__name__, [t.__name__ for t in types]))
            return super().__torch_function__(func, types, args, kwargs)

    for context in (torch._C.DisableTorchFunctionSubclass, torch._C.DisableTorchFunction):
        log.clear()

        def run(context=context):
            with Noting(), context():
                return [
                    type(x + 1).__name__,
                    type(torch.nn.functional.relu(x)).__name__,
                    type(x[0]).__name__,
                ]

        yield run
        yield [*log]
        yield torch._C._is_torch_function_enabled()
        with context():
            yield torch._C._is_torch_function_enabled(), torch._C._is_torch_function_all_disabled()
            with torch._C.DisableTorchFunctionSubclass():
                yield torch._C._is_torch_function_all_disabled()

    class Off(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

    o = torch.ones(2).as_subclass(Off)
    log.clear()
    yield lambda: [type(v).__name__ for v in (o, o + 1, o + x, x + o, o.detach(), o[0], o.data)]
    yield [*log]
    yield lambda: torch._C._disabled_torch_function_impl(torch.add, (), (x, 1))


@parity
def test_modes_nest(torch):
    log = []
    base = overrides(torch).TorchFunctionMode

    class Mode(base):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def __torch_function__(self, func, types, args=(), kwargs=None):
            log.append(
                (self.name, func.__name__, len(overrides(torch)._get_current_function_mode_stack()))
            )
            return func(*args, **(kwargs or {}))

    x = torch.ones(2)
    with Mode("outer") as outer, Mode("inner") as inner:
        yield lambda: x + 1
        yield lambda: torch.nn.functional.relu(x)
        yield lambda: 2 / x
        yield overrides(torch)._get_current_function_mode() is inner
        yield [
            m is n
            for m, n in zip(
                overrides(torch)._get_current_function_mode_stack(), (outer, inner), strict=True
            )
        ]
        with overrides(torch)._pop_mode_temporarily() as popped:
            yield lambda: x * 2
            yield popped is inner
        with outer:
            yield lambda: x - 2
    yield [*log]
    yield overrides(torch)._get_current_function_mode()
    yield lambda: inner.__exit__(None, None, None)
    yield lambda: torch._C._get_function_stack_at(0)

    def fail():
        with Mode("left by an exception"):
            raise KeyError("k")

    yield fail
    yield torch._C._len_torch_function_stack()
    yield lambda: base().__torch_function__(torch.add, (), (x, 1))


@parity
def test_a_mode_that_replaces_results(torch):
    class Doubling(overrides(torch).TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is torch.ones:
                return torch.zeros(*args, **(kwargs or {}))
            if func is torch.nn.functional.relu:
                return func(*args, **(kwargs or {})) * 2
            if func is torch.Tensor.add:
                return torch.Tensor.sub(*args)
            if getattr(func, "__self__", None) is torch.Tensor.shape:
                return "a shape"
            return func(*args, **(kwargs or {}))

    x = torch.tensor([1.0, -1.0], requires_grad=True)
    with Doubling():
        made, activated, added, shape = torch.ones(2), torch.nn.functional.relu(x), x + 1, x.shape
    yield made, activated, added
    yield shape
    activated.sum().backward()
    yield x


@parity
def test_grad_modes_are_calls_too(torch):
    log = []

    class Mode(overrides(torch).TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            log.append((func.__name__, args if func.__name__ == "_set_grad_enabled" else len(args)))
            return func(*args, **(kwargs or {}))

    with Mode():
        with torch.no_grad():
            torch.zeros(1)
        torch.set_grad_enabled(False)
        torch.set_grad_enabled(True)
    yield log


@parity
def test_reentrancy(torch):
    """An answer may call operations of its own class; with super() they are not asked about."""
    depth = [0]

    class Again(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            depth[0] += 1
            if func is torch.Tensor.mul:
                return torch.Tensor.add(*args)
            return super().__torch_function__(func, types, args, kwargs or {})

    x = torch.ones(2).as_subclass(Again)
    yield lambda: (x * 2).as_subclass(torch.Tensor)
    yield depth[0]


@parity
def test_functions_of_ones_own(torch):
    """handle_torch_function and wrap_torch_function, as a library uses them."""
    o = overrides(torch)
    log = []
    x, y = torch.ones(2).as_subclass(talker(torch, log, "L", 5)), torch.ones(2)

    def scaled(t, factor=2):
        """Doc."""
        if o.has_torch_function((t,)):
            return o.handle_torch_function(scaled, (t,), t, factor=factor)
        return t * factor

    @o.wrap_torch_function(lambda t, *rest, **named: (t,))
    def shifted(t, by=1):
        """Doc."""
        return t + by

    yield lambda: [scaled(x), shifted(x, by=3), shifted.__name__, shifted.__doc__]
    yield lambda: [scaled(y), shifted(y, 3)]
    yield [*log]
    yield lambda: o.handle_torch_function(scaled, (3,), 3)
    yield [
        o.has_torch_function((x,)), o.has_torch_function([y, 3]), o.has_torch_function((y, [x])),
        o.has_torch_function(()), o.is_tensor_like(3), o.is_tensor_like(x), o.is_tensor_like(y),
        o.is_tensor_like(torch.nn.Parameter(y)), o.is_tensor_like(Silent()),
        o.is_tensor_like(Silent),
    ]  # fmt: skip
    yield lambda: o.has_torch_function(3)
    c = torch._C
    yield [
        c._has_torch_function_unary(x),
        c._has_torch_function_unary(y),
        c._has_torch_function_variadic(y, 1, x),
    ]


@parity
def test_names_of_functions(torch):
    o, F, T = overrides(torch), torch.nn.functional, torch.Tensor
    functions = [
        torch.add, T.add, T.shape.__get__, T.grad.__set__, T.T.__get__, F.relu, F.linear,
        torch.einsum, torch.split, torch.meshgrid, torch.functional.norm,
        T.__repr__, torch.linalg.norm, torch.nn.init.uniform_, torch.autograd.grad, print,
        T.__getitem__, torch.nn.Linear,
        T.__add__, T.__rsub__, torch.sum, F.cross_entropy, T.split, T.backward, T.requires_grad_,
        T.add_, torch.relu,
    ]  # fmt: skip
    for f in functions:
        yield o.resolve_name(f), o.is_tensor_method_or_property(f)
    yield lambda: o.resolve_name([])
    yield len(o.get_default_nowrap_functions() & {T._base.__get__, T.grad.__get__})


# -- without PyTorch ----------------------------------------------------------------------


def overridable(torch):
    return [
        (place, f)
        for place, functions in overrides(torch).get_overridable_functions().items()
        for f in functions
    ]


def test_every_overridable_function_asks(torch):
    """Each is called with an object that answers, in every parameter without a default."""
    import inspect

    asked = []

    class Answering:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(func)
            return 5

    class AnsweringTensor(torch.Tensor):
        __torch_function__ = Answering.__torch_function__

    dummies = overrides(torch).get_testing_overrides()
    silent = []
    for f in dummies:
        name = overrides(torch).resolve_name(f)
        of_tensor = overrides(torch).is_tensor_method_or_property(f)
        x = torch.ones(2).as_subclass(AnsweringTensor) if of_tensor else Answering()
        required = [
            p for p in inspect.signature(dummies[f]).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
        args = [x] * max(len(required), 1)
        einsum = name == "torch.functional.einsum"
        if einsum or name in ("torch.Tensor.__setitem__", "torch.Tensor.__format__"):
            args = ["i", x] if einsum else [x, "i", x][: len(args)]
        asked.clear()
        try:
            result = f(*args)
        except Exception as error:
            result = error
        if len(asked) != 1:
            silent.append((name, result))
    assert not silent
    assert len(dummies) > 600


def test_testing_overrides_have_the_parameters(torch):
    import inspect

    dummies = overrides(torch).get_testing_overrides()
    assert dummies[torch.add](1, 2) == -1
    assert list(inspect.signature(dummies[torch.add]).parameters) == [
        "input",
        "other",
        "alpha",
        "out",
    ]
    assert str(inspect.signature(dummies[torch.nn.functional.relu])).startswith("(input")
    assert not set(dummies) & overrides(torch).get_ignored_functions()


def test_modes_belong_to_their_thread(torch):
    seen, started, done = [], threading.Event(), threading.Event()

    class Mode(overrides(torch).TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(threading.get_ident())
            return func(*args, **(kwargs or {}))

    x = torch.ones(2)

    def other():
        started.wait(10)
        x + 1
        torch.relu(x)
        x.shape  # noqa: B018
        assert torch._C._len_torch_function_stack() == 0
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with Mode():
        started.set()
        assert done.wait(10)
        x + 1
    thread.join()
    assert seen == [threading.get_ident()]


def test_asking_leaks_nothing(torch):
    import sys

    log: list = []
    sub = talker(torch, log, "L")

    class Mode(overrides(torch).BaseTorchFunctionMode):
        pass

    class Plain(torch.Tensor):
        pass

    class Failing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise ValueError

    x, p, f, y = (
        torch.ones(2).as_subclass(sub),
        torch.ones(2).as_subclass(Plain),
        torch.ones(2).as_subclass(Failing),
        torch.ones(2),
    )
    calls = [
        lambda t: t + 1, lambda t: 1 - t, lambda t: torch.add(y, t), lambda t: t.shape,
        lambda t: torch.relu(t), lambda t: t[0],
        lambda t: torch.nn.functional.relu(t), lambda t: torch.cat([t, y]),
        lambda t: t.sum(dim=0), lambda t: t == 1,
        lambda t: torch.nn.functional.linear(t, y), lambda t: torch.split(t, 1), lambda t: len(t),
        lambda t: t.add_(0),
        lambda t: setattr(t, "grad", None), lambda t: torch.einsum("i->", t), lambda t: t.max(0),
        lambda t: t.dim(),
    ]  # fmt: skip
    watched = [
        x,
        p,
        f,
        y,
        sub,
        Plain,
        Failing,
        torch.add,
        torch.nn.functional.relu,
        torch.Tensor,
        None,
    ]

    def once():
        for t in (x, p, f):
            for call in calls:
                try:
                    call(t)
                except ValueError:
                    assert t is f
        with Mode():
            for call in calls:
                call(y)
        log.clear()

    once()
    gc.collect()
    counts = [sys.getrefcount(o) for o in watched]
    for _ in range(20):
        once()
    gc.collect()
    after = [sys.getrefcount(o) for o in watched]
    assert all(abs(a - b) < 20 for a, b in zip(counts, after, strict=True)), (counts, after)
    alive = weakref.ref(x + 1)
    gc.collect()
    assert alive() is None


def test_hostile_answers(torch):
    """A __torch_function__ that cannot be called, classes that change while they are asked."""

    class Number(torch.Tensor):
        __torch_function__ = 3

    class Property:
        @property
        def __torch_function__(self):
            raise KeyError("k")

    class Changing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            del cls.__torch_function__
            return func(*args)

    x, y = torch.ones(2).as_subclass(Number), torch.ones(2)
    for call in (
        lambda: torch.add(x, 1),
        lambda: x[0],
        lambda: x.shape,
        lambda: len(x),
        lambda: torch.nn.functional.relu(x),
    ):
        with pytest.raises(TypeError, match="not callable"):
            call()
    with pytest.raises(KeyError):
        torch.add(Property(), y)
    with pytest.raises(KeyError):
        y + Property()
    assert type(torch.ones(2).as_subclass(Changing) + 1) is Changing
    with pytest.raises(TypeError):
        torch.Tensor.__torch_function__()
    with pytest.raises(TypeError):
        torch.Tensor.__torch_function__(torch.add, 3)
    with pytest.raises(TypeError):
        torch.Tensor.__torch_function__(torch.add, (torch.Tensor,), 3)
    with pytest.raises(TypeError):
        torch._C._handle_torch_function(torch.add)
    many = [torch.ones(1).as_subclass(type(f"T{i}", (torch.Tensor,), {})) for i in range(50)]
    with pytest.raises(TypeError, match="Multiple dispatch failed"):
        torch.cat(many)
    nested: list = []
    nested.append(nested)
    with pytest.raises(TypeError):
        torch.add(nested, 1)
    assert np.array_equal(torch.Tensor.__torch_function__(torch.add, (), (y, 1)).numpy(), [2, 2])
