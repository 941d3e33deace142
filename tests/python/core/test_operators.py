"""What Tensor has under the names of its operators, and what those who override them see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from parity import parity, table

BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
NAMES = [
    *(
        f"__{form}{name}__"
        for name in BINARY
        for form in ("", "r", "i")
        if form + name != "imatmul"
    ),
    *(
        f"__{name}__"
        for name in "eq ne lt le gt ge neg pos abs invert bool int float index".split()
    ),
    *(f"__{name}__" for name in "hash rdiv div idiv nonzero long iter str".split()),
]


@parity(name=NAMES)
def test_kinds(torch: Any, name: str) -> Iterator[Any]:
    Tensor = torch.Tensor
    value = getattr(Tensor, name)
    yield callable(value), type(value).__name__ == "function" and name != "__str__", value.__name__
    yield [other for other in NAMES if getattr(Tensor, other) is value]
    yield [n for n in ("add", "abs", "neg", "positive") if getattr(Tensor, n) is value]
    yield torch.overrides.resolve_name(value)
    yield torch.overrides.is_tensor_method_or_property(value)


SETUP = """
import operator
got = []
T = torch.Tensor
class S(T):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        python = type(func).__name__ == "function"
        got.append((func.__name__, python, [n for n in dir(T) if getattr(T, n, None) is func]))
        got.append((torch.overrides.resolve_name(func), [type(a).__name__ for a in args], kwargs))
        return 5
class Quiet(T): pass
s, t = torch.ones(3, dtype=torch.int64).as_subclass(S), torch.ones(3, dtype=torch.int64)
q, x = torch.ones(3).as_subclass(Quiet), torch.arange(1., 4.)
def asked(f, *args):
    got.clear()
    try: result = f(*args)
    except Exception as e: result = (type(e).__name__, str(e))
    return result, list(got)
all_binary = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt le gt ge".split()
"""

test_what_is_asked = table(
    """
[asked(getattr(operator, name), s, s) for name in all_binary]
[asked(getattr(operator, name), s, t) for name in all_binary]
[asked(getattr(operator, name), t, s) for name in all_binary]
[asked(getattr(operator, name), s, 2) for name in all_binary]
[asked(getattr(operator, name), 2, s) for name in all_binary]
[asked(getattr(operator, name), s, 2.5) for name in all_binary]
[asked(getattr(operator, f"i{name.strip('_')}"), s, 2) for name in all_binary[:7] + all_binary[8:13]]
[asked(getattr(operator, f"i{name.strip('_')}"), t, s) for name in all_binary[:7] + all_binary[8:13]]
[asked(f, s) for f in (operator.neg, operator.pos, abs, operator.invert, operator.index, int, float, bool)]
[asked(getattr(s, f"__r{name}__"), 2) for name in "add sub mul div truediv floordiv mod pow and or xor lshift rshift".split()]
[asked(getattr(s, f"__r{name}__"), t) for name in "add sub mul div truediv floordiv mod pow matmul lshift rshift".split()]
[asked(getattr(s, f"__{name}__"), t) for name in "add sub mul truediv floordiv mod pow matmul and or xor eq ne lt ipow iadd".split()]
[asked(getattr(s, f"__{name}__")) for name in "neg pos abs invert int index".split()]
asked(hash, s)[1], hash(s) == id(s), s.__hash__() == id(s)
asked(lambda: 3 in s), asked(lambda: s[0]), asked(lambda: reversed(s))
""",
    setup=SETUP,
)

test_called_by_name = table(
    """
x.__rsub__(2), x.__rpow__(2), x.__rdiv__(2), x.__rtruediv__(2), x.__rfloordiv__(2), x.__rmod__(2)
t.__rlshift__(2), t.__rrshift__(2), t.__rand__(2), t.__ror__(2), t.__rxor__(2), x.__rmatmul__(x)
x.__radd__(1), x.__rmul__(2), x.__floordiv__(2), x.__pow__(2), x.__div__(2), x.__truediv__(2)
x.__ipow__(2) is x, x.__idiv__(2) is x, x.__itruediv__(2) is x, x.__iadd__(1) is x, x
x.__lt__(2), x.__eq__(2), x.__ne__(x), t.__invert__(), x[0].__bool__(), x[0].__nonzero__()
x[0].__int__(), x[0].__long__(), x[0].__float__(), t[0].__index__(), x.__len__(), x.__neg__(), x.__pos__(), x.__abs__()
x.__rsub__("a"), x.__add__("a"), x.__and__("a"), x.__lt__("a"), x.__eq__("a"), x.__pow__("a"), x.__rmatmul__(2)
x.__rsub__(), x.__rsub__(1, 2), x.__pow__()
T.__and__(3, x)
T.__rsub__(3, x)
torch.ones(()).__len__()
len(torch.ones(()))
[f(q) for f in (lambda v: v + 1, lambda v: 1 - v, lambda v: 2 ** v, lambda v: v // 2, lambda v: v @ v, abs, lambda v: v == 1)]
type(q.__rsub__(2)).__name__, type(2 - q).__name__, type(q.__pow__(2)).__name__, len(q)
q += 1; type(q).__name__, q; q **= 2; type(q).__name__, q
T.__array_priority__
str(q), T.__str__(x)
""",
    setup=SETUP,
)


@parity(how=["subclass", "changed later", "mixin", "in the base", "metaclass", "parameter"])
def test_operators_that_classes_define(torch: Any, how: str) -> Iterator[Any]:
    # The slots of a class follow what its names lead to, also when that changes.
    Tensor = torch.Tensor
    other = lambda self, o: "mine"  # noqa: E731
    Meta = type("Meta", (type(Tensor),), {"__init__": lambda cls, *args: None})
    own = dict.fromkeys(("__add__", "__rsub__", "__eq__", "__iadd__", "__pow__"), other)
    own["__len__"] = own["__bool__"] = lambda self: True
    own["__hash__"] = lambda self: 7
    if how == "subclass":
        cls = type("C", (Tensor,), own)
    elif how == "mixin":
        cls = type("C", (type("M", (), own), Tensor), {})
    elif how == "parameter":
        cls = type("C", (torch.nn.Parameter,), own)
    elif how == "in the base":
        cls = type("D", (type("C", (Tensor,), own),), {})
    elif how == "metaclass":
        cls = Meta("C", (Tensor,), own)
    else:
        cls = type("C", (Tensor,), {})
        for name, value in own.items():
            setattr(cls, name, value)
    x = cls(torch.ones(2)) if how == "parameter" else torch.ones(2).as_subclass(cls)
    yield x + 1, type(1 + x).__name__, 1 - x, type(x - 1).__name__, x == 1, x**2, len(x), bool(x)
    yield hash(x), type(x * 2).__name__, type(2 / x).__name__, type(-x).__name__
    y = x
    y += 1
    yield y, x != 1
    if how == "changed later":
        for name in own:
            delattr(cls, name)
        yield (x + 1).tolist(), (1 - x).tolist(), (x == 1).tolist(), len(x), hash(x) == id(x)


def test_a_parameter_takes_the_slots_of_tensor() -> None:
    # That they look the methods up by name would cost more than a small addition.
    whygrad = pytest.importorskip("whygrad")
    p, calls = whygrad.nn.Parameter(whygrad.ones(2)), []
    before = whygrad.Tensor.__add__
    whygrad._C._set_operator(whygrad.Tensor, "__add__", lambda self, o: calls.append(o))
    try:
        p + 1
    finally:
        whygrad._C._set_operator(whygrad.Tensor, "__add__", before)
    assert calls == []
