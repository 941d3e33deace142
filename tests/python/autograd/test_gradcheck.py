"""gradcheck and gradgradcheck: verdicts, messages, and what the function is called with.

Start at `names_of`: what the lines of the tables below can use. Numbers in messages are rounded
before they are compared, since the engines add up in different order.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import inspect
import itertools
import re
import sys

import opinfo
import parity
import pytest
from parity import SELFTEST, data
from parity import parity as both

NUMBER = re.compile(r"-?\d+\.\d*(e[+-]\d+)?")


def rounded(text):
    """The text with its numbers to five digits, and tensors without the spaces that align them."""
    text = NUMBER.sub(lambda m: f"{float(m[0]):.5g}", text)
    return re.sub(r"(?<=[\[,]) +", " ", re.sub(r"\n +", " ", text))


def verdict(check, *arguments, **options):
    """What a check returns or raises."""
    try:
        return check(*arguments, **options)
    except Exception as error:
        cause = error.__cause__ and type(error.__cause__).__name__
        return type(error).__name__, rounded(str(error)), cause


def op(torch):
    """Functions with `forward(*inputs)` and `backward(inputs, *gradients)`.

    With `raw`, undefined gradients arrive as None.
    """

    def make(forward, backward, raw=False):
        class Op(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *inputs):
                ctx.set_materialize_grads(not raw)
                ctx.save_for_backward(*inputs)
                return forward(*inputs)

            @staticmethod
            def backward(ctx, *gradients):
                return backward(ctx.saved_tensors, *gradients)

        return Op.apply

    return make


def raising(value, error=RuntimeError):
    raise error(value)


def names_of(torch, fast):
    """The names that a line can use, `check` and `check2` among them."""

    def bound(check):
        return lambda f, inputs, *more, **kw: verdict(check, f, inputs, *more, **{"fast_mode": fast, **kw})  # fmt: skip

    def tensor(values, dtype=torch.float64, grad=True):
        return torch.tensor(values, dtype=dtype, requires_grad=grad)

    return {
        "torch": torch,
        "check": bound(torch.autograd.gradcheck),
        "check2": bound(torch.autograd.gradgradcheck),
        "op": op(torch),
        "double": lambda wrong: op(torch)(lambda x: x * 2, lambda s, g: g * wrong),
        "n": itertools.count(1),
        "raising": raising,
        "GradcheckError": sys.modules[torch.autograd.gradcheck.__module__].GradcheckError,
        "put": lambda x, data: setattr(x, "data", data),
        "x": tensor([1.0, 2.0]),
        "y": tensor([3.0, 4.0, 5.0]),
        "p": tensor([3.0, 4.0], grad=False),
        "f": tensor([1.0, 2.0], torch.float32),
        "i": torch.tensor([3, 4]),
        "tensor": tensor,
        "J": tensor([[1000.0, -1000.0], [-1000.0, 1000.0]], grad=False),
    }


def lines(text):
    return [line for line in text.strip().splitlines() if line and not line.startswith("#")]


CASES = """
# right
check(lambda x: x * x, x)
check(lambda x: x * x, (x,))
check(lambda x, y: (x * 2, x * y.sum()), [x, y])
check(lambda x, y: x * 2, (x, y))
check(lambda x: x, x)
check(lambda x: (x, x * 2), x)
check(lambda x: [x * 2, x * 3], x)
check(lambda x: (x * x).unbind(), x)
check(lambda x: [x * x] * 2, x)
check(lambda x, y: x * y, (x, x))
check(lambda x, v: x * 2 + v * 3, (x, x.view(2)))
check(lambda x: x.max(0), x)
check(lambda x: (x * 2, x.long()), x)
check(lambda x: (x * 2, p), x)
check(lambda i, x, s, p: i * x * p, (i, x, "s", p))
check(lambda x: x.clone().mul_(x), x)
check(lambda x: x.t() * 2, torch.arange(6.0, dtype=torch.float64).view(2, 3).requires_grad_().t()[1:])
check(lambda x: (x * 2).t(), tensor([[1.0, 2.0], [3.0, 4.0]]))
check(lambda x: x * 2, tensor(2.0))
check(lambda x: x * 2, torch.zeros(0, 2, dtype=torch.float64, requires_grad=True))
check(lambda x: x[:0] * 2, x)
check(lambda x: (), x)
check(lambda x: x * x, torch.nn.Parameter(p))
check(lambda x: tensor([1.0, 2.0]), x)
check(lambda x: x ** 3, tensor([1e6]))
# wrong
check(double(3), x)
check(double(3), x, raise_exception=False)
check(double(3), tensor(1.0))
check(double(3), tensor([[[1.0, 2.0]]]))
check(double(3), torch.ones(40, dtype=torch.float64, requires_grad=True))
check(double(3), torch.zeros(0, 2, dtype=torch.float64, requires_grad=True))
check(double(float("nan")), x)
check(op(lambda x: x * 2, lambda s, g: None), x)
check(op(lambda x: x * float("nan"), lambda s, g: g * float("nan")), x)
check(op(lambda x: x * float("inf"), lambda s, g: g * float("inf")), x, rtol=1.0)
check(op(lambda x, y: (x * 2, y * 3), lambda s, g, h: (g * 2, h * 2)), (x, y))
check(op(lambda x, y: (x * 2, y * 3), lambda s, g, h: (g * 3, h * 2)), (x, y))
check(op(lambda x, y: (x * 2, y * 3), lambda s, g, h: (g * 2, h * 3 + g.sum())), (x, y))
check(op(lambda x, y: (x * 2, x * y.sum()), lambda s, g, h: (g * 2 + h * 12, (h * s[0]).sum().expand(3))), (x, y))
check(lambda i, x, s, p: op(lambda x: x * 2, lambda s, g: g * 3)(x), (i, x, "s", p))
check(lambda x, y: (x * 2, y * 3, double(5)(x)), (x, y))
check(op(torch.matmul, lambda s, g: (None, (J + J.abs() * 9e-4).t() @ g)), (J, x))
check(lambda x: x.abs(), tensor([0.0, 1.0]))
check(lambda x: torch.relu(x), tensor([0.0, 1.0]))
check(lambda x: x.sqrt(), tensor([0.0, 1.0]))
check(lambda x: x * 2, torch.ones(3, dtype=torch.float64, requires_grad=True).as_strided((2, 2), (1, 1)))
check(lambda x: x.mul_(2), x * 1)
check(lambda x: x.mul_(2), x)
# the same twice
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 1e-9)), x)
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 1e-9)), x, nondet_tol=1e-12)
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 1e-9)), x, nondet_tol=1e-3)
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 0.1)), x)
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 0.1)), x, raise_exception=False)
check(op(lambda x: x * 2, lambda s, g: g * (2 + next(n) * 0.1)), x, nondet_tol=1.0)
check(op(lambda x: x * 2, lambda s, g: g * 3 if next(n) < 3 else g * (3 + next(n) * 0.1)), x, nondet_tol=10.0)
check(op(lambda x: x * 2, lambda s, g: g * 3 if next(n) < 3 else g * (3 + next(n) * 0.1)), x)
check(lambda x: x * 2, x, nondet_tol=-1)
# gradients of zero, undefined gradients
check(op(lambda x: x.sum(), lambda s, g: torch.ones_like(s[0])), x)
check(op(lambda x: x.sum(), lambda s, g: torch.ones_like(s[0])), x, check_undefined_grad=False)
check(op(lambda x: x.sum(), lambda s, g: torch.ones_like(s[0])), x, raise_exception=False)
check(op(lambda x: x * 2, lambda s, g: torch.ones_like(s[0]) if g is None else g * 2, raw=True), x)
check(op(lambda x: x * 2, lambda s, g: torch.ones_like(s[0]) if g is None else g * 2, raw=True), x, check_undefined_grad=False)
check(op(lambda x: x * 2, lambda s, g: torch.ones_like(s[0]) if g is None else g * 2, raw=True), x, raise_exception=False)
check(op(lambda x: x * 2, lambda s, g: torch.zeros_like(s[0]) if g is None else g * 2, raw=True), x)
check(op(lambda x: x * 2, lambda s, g: g * 2, raw=True), x)
check(op(lambda x: x * 2, lambda s, g: raising("mine") if g is None else g * 2, raw=True), x)
check(op(lambda x: x * 2, lambda s, g: raising("mine") if g is None else g * 2, raw=True), x, raise_exception=False)
check(op(lambda x: x * 2, lambda s, g: raising("mine") if g is None else g * 2, raw=True), x, check_undefined_grad=False)
check(op(lambda x: x * 2, lambda s, g: raising("mine", NotImplementedError) if g is None else g * 2, raw=True), x)
check(op(lambda x: x * 2, lambda s, g: raising("mine", KeyError) if g is None else g * 2, raw=True), x)
check(lambda x: (x * 2, op(lambda x: x * 2, lambda s, g: raising("mine") if g is None else g * 2, raw=True)(x)), x)
check(op(lambda x: (x * 2, x * 3), lambda s, g, h: (g if g is not None else 0) * 2 + (h if h is not None else 0) * 3 if g is not None or h is not None else None, raw=True), x)
check(op(lambda x: (x * 2, x * 3), lambda s, g, h: torch.ones_like(s[0]) if g is None and h is not None and not h.any() else (2 * g if g is not None else 0 * s[0]) + (3 * h if h is not None else 0), raw=True), x)
# types of gradients
check(op(lambda x: x * 2, lambda s, g: (g * 2).float()), x, check_grad_dtypes=True)
check(op(lambda x: x * 2, lambda s, g: (g * 2).float()), x)
check(lambda x: (x * 2).double(), f, eps=1e-2, check_grad_dtypes=True)
check(lambda x: (x * 2).float(), x, eps=1e-2, check_grad_dtypes=True)
check(op(lambda x: x.sum(), lambda s, g: g.expand(2) * 1 if g.any() else (put(x, torch.ones(3, dtype=x.dtype)), g.expand(2) * 1)[1]), x)
check(op(lambda x: x.sum(), lambda s, g: g.expand(2) * 1 if g.any() else (put(x, torch.ones(2)), g.expand(2) * 1)[1]), x)
check(op(lambda x: x.sum(), lambda s, g: (put(x, torch.ones(2)), g.expand(2) * 1)[1]), x)
check(op(lambda x: x.sum(), lambda s, g: (put(x, torch.ones(2)), g.expand(2) * next(n))[1]), x)
check(lambda x: (x.sum(), next(n) == 1 and put(x, torch.ones(2, 1, dtype=x.dtype)))[0], x)
check(lambda x: (x.sum(), next(n) == 1 and put(x, torch.ones(2, 1, dtype=x.dtype)))[0], x, check_grad_dtypes=True)
check(lambda x: (x.sum(), next(n) == 1 and put(x, torch.ones(3, dtype=x.dtype)))[0], x)
# outputs without derivative
check(lambda x: x.detach(), x)
check(lambda x: x.detach(), x, raise_exception=False)
check(lambda x: x.detach() * 1e-15, x)
check(lambda x: -x.detach(), x)
check(lambda x: x.detach() * 0, x)
check(lambda x: x.detach() * 0, x, check_undefined_grad=False)
check(lambda x: x.detach() * float("nan"), x)
check(lambda x: torch.stack([x.detach()[0], -x.detach()[0]]), x)
check(lambda x, y: (y.detach() * 0, y.detach()), (x, y))
check(lambda x: x.detach().sum(), torch.ones(0, dtype=torch.float64, requires_grad=True))
check(lambda x: x.detach()[:0], x)
check(lambda x: x.detach(), tensor(1.0))
check(lambda x: (x.long(), x.detach()), x)
check(lambda x: x.long(), x)
check(lambda x: x.round().long(), x)
# inputs
check(lambda x: x * 2, p)
check(lambda x: x * 2, i)
check(lambda: 3, ())
check(lambda x: 3, "a")
check(lambda x: 3, None)
check(lambda x, y: x, (v for v in (x, y)))
check(lambda x: x[0], ([x, y],))
check(lambda x: x["a"], {"a": x})
check(lambda x: x * 2, torch.ones(1, dtype=torch.float64, requires_grad=True).expand(3))
check(lambda y, x: x * 2, (x, torch.ones(1, dtype=torch.float64, requires_grad=True).expand(2, 3)))
check(lambda x: x * 2, torch.ones(1, 0, dtype=torch.float64, requires_grad=True).expand(2, 0))
check(lambda x: x * 2, torch.ones((), dtype=torch.float64, requires_grad=True).expand(1))
check(lambda y, x: x * 2 * y, (torch.ones(1, dtype=torch.float64).expand(2), x))
check(lambda x: x * 2, f, eps=1e-2)
check(lambda x: x * 2, f)
check(op(lambda x: x * 2, lambda s, g: g.double() * 3), f, eps=1e-2)
check(lambda x, f: x * f, (x, f.detach()))
check(lambda x: x * 2, f.half().detach().requires_grad_(), eps=0.1, atol=0.1)
check(lambda x: x.detach() * x, f.bfloat16().detach().requires_grad_(), eps=0.125)
# functions that fail, or give something else
check(3, x)
check(lambda x, y: x, x)
check(lambda x: None, x)
check(lambda x: 3, x)
check(lambda x: "ab", x)
check(lambda x: {"a": x * 2}, x)
check(lambda x: (v for v in (x * 2, x)), x)
check(lambda x: (x * 2, None), x)
check(lambda x: (x * 2, 3), x)
check(lambda x: raising("mine", KeyError), x)
check(lambda x: raising("mine"), x, raise_exception=False)
check(lambda x: raising("mine", GradcheckError), x)
check(lambda x: raising("mine", GradcheckError), x, raise_exception=False)
check(lambda x: raising("mine", GradcheckError) if next(n) > 1 else x * 2, x, raise_exception=False)
check(lambda x: raising("mine") if next(n) > 1 else x * 2, x)
check(op(lambda x: x * 2, lambda s, g: raising("mine")), x)
check(op(lambda x: x * 2, lambda s, g: raising("mine")), x, raise_exception=False)
check(lambda x: x * 2 if next(n) < 2 else (x * 2)[:1], x)
check(lambda x: x * 2 if next(n) < 3 else (x * 2)[:1], x)
check(lambda x: x * 2 if next(n) < 3 else (x * 2).float(), x)
check(lambda x: x * 2 if next(n) < 3 else (x * 2)[:1].float(), x)
check(lambda x: x * 2 if next(n) < 9 else (x * 2)[:1], tensor([[1.0, 2.0], [3.0, 4.0]]))
check(lambda x: x * 2 if next(n) < 3 else (x * 2).float(), tensor(1.0))
check(lambda x: (x * 2, x * 3) if next(n) < 2 else x * 2, x)
check(lambda x: (x * 2, x * 3) if next(n) > 1 else x * 2, x)
check(lambda x: x * 2 if next(n) < 2 else 7, x)
# tolerances
[check(double(2 + k * 1e-4), x, raise_exception=False) for k in range(-25, 25)]
[check(double(2 + k * 1e-6), x, rtol=0, raise_exception=False) for k in range(-25, 25)]
[check(double(2 + k * 1e-6), x, atol=0, raise_exception=False) for k in range(1990, 2010)]
[check(double(2 + k * 1e-6), x, rtol=0, atol=atol, raise_exception=False) for k in range(5) for atol in (0, 1e-6, 3e-6)]
check(lambda x: x ** 2, x, eps=1, atol=3)
check(lambda x: x ** 2, x, eps=-1e-6)
check(lambda x: x ** 3, x, eps=0.1)
check(lambda x: x * 2, x, eps=0)
check(lambda x: x * 2, x, eps=float("nan"))
check(lambda x: x * 2, x, eps="a")
check(lambda x: x * 2, x, eps=None)
check(lambda x: x * 2, x, eps=torch.tensor(1e-6))
check(lambda x: x * 2, x, eps=True)
check(lambda x: x * 2, x, atol=-1)
check(lambda x: x * 2, x, atol="a")
check(lambda x: x * 2, x, atol=None)
check(lambda x: x * 2, x, rtol=-1)
check(lambda x: x * 2, x, rtol=float("nan"))
check(lambda x: x * 2, x, rtol="a")
check(lambda x: x * 2, x, nondet_tol="a")
check(lambda x: x * 2, x, nondet_tol=None)
check(lambda x: x * 2, x, nondet_tol=float("nan"))
check(lambda x: x * 2, x, masked=True)
check(lambda x: x * 2, x, masked=3)
# keywords
check(lambda x: x * 2, x, 1e-6)
check(lambda x: x * 2, x, foo=3)
check(lambda x: x * 2, x, check_backward_ad=False)
check(lambda x: x * 2, x, check_backward_ad=False, check_batched_grad=True)
check(lambda x: x * 2, x, check_backward_ad=False, check_forward_ad=True, check_batched_grad=True)
check(lambda x: x * 2, x, check_batched_forward_grad=True)
check(lambda x: x * 2, x, check_batched_forward_grad=True, raise_exception=False)
check(lambda x: x * 2, p, check_forward_ad=True)
check(lambda x: x * 2, p, check_batched_grad=True)
"""

# The derivative of a function is a function: everything above holds for it too.
CASES_OF_SECOND_ORDER = """
check2(lambda x: x * x, x)
check2(lambda x: x * x, x, gen_non_contig_grad_outputs=True)
check2(lambda x: x * 2, x)
check2(lambda x, y: (x * x, x.sum() * y), (x, y))
check2(lambda x, y: x * x, (x, y))
check2(lambda x: (x * x, x.detach()), x)
check2(lambda x: (x * x).unbind(), x)
check2(lambda x: [x * x] * 2, x)
check2(lambda x: x.clone().mul_(x), x)
check2(lambda i, x, s: i * x * x, (i, x, "s"))
check2(lambda x, y: x * y, (x, x))
check2(lambda x: x * x, torch.ones(2, 3, dtype=torch.float64, requires_grad=True).t())
check2(lambda x: x.sum(), tensor([[1.0, 2.0]]))
check2(op(lambda x: x * x, lambda s, g: g * 2 * s[0]), x)
check2(op(lambda x: x * x, lambda s, g: g * 2 * s[0].detach()), x)
check2(op(lambda x: x * x, lambda s, g: g * 2 * s[0].detach()), x, raise_exception=False)
check2(op(lambda x: x * x, lambda s, g: (g * 2 * s[0]).detach()), x)
check2(op(lambda x: x * x, lambda s, g: g * 2 * s[0], raw=True), x)
check2(op(lambda x: x * x, lambda s, g: op(lambda x, g: g * 2 * x, lambda t, h: (2 * h, 2 * t[0] * h))(s[0], g)), x)
check2(lambda x: x * x, x, nondet_tol=-1.0)
check2(lambda x: x * x, x, p)
check2(lambda x: x * x, x, (p,))
check2(lambda x: x * x, x, [p.clone().requires_grad_()])
check2(lambda x: x * x, x, (p, p))
check2(lambda x: x * x, x, y)
check2(lambda x: x * x, x, i)
check2(lambda x: (x * x, x * 3), x, (p,))
check2(lambda x: (x * x, x.detach()), x, (p, p))
check2(lambda x: x * x, x, p[:1].clone().requires_grad_().expand(2))
check2(lambda x: x * x, p)
check2(lambda x: x * x, p, x)
check2(lambda x: x * x, f, eps=1e-2)
check2(lambda x: 3, x)
check2(3, x)
check2(lambda x: x * x, 3)
check2(lambda x: x * x, x, masked=True)
check2(lambda x: x * x, x, check_grad_dtypes=True)
check2(lambda x: x * x, x, check_rev_over_rev=False)
check2(lambda x: x * x, x, check_rev_over_rev=False, check_fwd_over_rev=True)
check2(lambda x: x * x, x, check_rev_over_rev=False, check_fwd_over_rev=True, check_undefined_grad=False, check_batched_grad=True)
check2(lambda x: x * x, x, None, 1e-6)
check2(lambda x: x * x, x, foo=3)
"""

# In fast mode PyTorch fails to say what is wrong here: "Float did not match Double".
CASES_OF_MIXED_TYPES = """
check(lambda f, x: x * f, (f, x))
check(lambda x, f: x * f, (x, f))
check(lambda x: (x * 2).float(), x)
check(op(lambda x: (x * 2).double(), lambda s, g: g.float() * 3), f, eps=1e-2)
check2(lambda x: x * x, x, f)
"""

# In fast mode PyTorch compares derivatives of different outputs.
CASES_OF_MIXED_OUTPUTS = """
check(lambda x: (x.detach(), x * 2), x)
check(lambda x: (p, x * 2, x * 3), x)
check(lambda x: (torch.ones(3, dtype=x.dtype), x * 2), x)
check(lambda x: (x * 2, p, x * 3), x)
check(lambda x: (x.detach(), double(3)(x)), x)
check(lambda x: (x * 2, p, double(3)(x)), x)
check2(lambda x: (x.detach(), x * x), x)
"""


@both(line=lines(CASES + CASES_OF_SECOND_ORDER), fast=(False, True))
def test_verdicts(torch, line, fast):
    return eval(line, names_of(torch, fast))


@both(line=lines(CASES_OF_MIXED_TYPES + CASES_OF_MIXED_OUTPUTS))
def test_verdicts_of_slow_mode(torch, line):
    return eval(line, names_of(torch, False))


@both(
    line=lines("""
check(lambda x: x * 2, x)
check(lambda x: x * 0, x)
check2(lambda x: x * 2, x, p)
""")
)
def test_without_grad_mode(torch, line):
    with torch.no_grad():
        return eval(line, names_of(torch, False))


# --- what the function is called with -------------------------------------------------------------

FUNCTIONS = {
    "one": lambda torch, f: f,
    "two inputs, three outputs": lambda torch, f: lambda x, y: (f(x), y * 2, f(x) * y.sum()),
    "unused input": lambda torch, f: lambda x, y: f(x),
    "input is output": lambda torch, f: lambda x: (x, f(x)),
    "views": lambda torch, f: lambda x: f(x).unbind(),
    "0-d and empty": lambda torch, f: lambda x: (f(x).sum(), f(x)[:0]),
    "another dtype": lambda torch, f: lambda x: f(x).float(),
    "wrong": lambda torch, f: lambda x: (f(x), f(x * 3).detach() * x),
}


@both(name=FUNCTIONS, fast=(False, True), order=(1, 2), tol=parity.CLOSE)
def test_calls(torch, name, fast, order):
    """All calls of the function and of its backward, in order, with what they get."""
    log = []

    def seen(*tensors):
        for t in tensors:
            facts = t is not None and (str(t.dtype), t.stride(), t.requires_grad, t._version)
            log.append((facts, t is not None and parity.array_of(t, torch)))

    def square(x):
        return x * x

    def backward(inputs, g):
        log.append("backward")
        seen(g)
        return (torch.zeros_like(inputs[0]) if g is None else g) * 2 * inputs[0]

    f = FUNCTIONS[name](torch, op(torch)(square, backward, raw=True))

    def called(*arguments):
        log.append("call")
        seen(*arguments)
        log.append([a is x for a, x in zip(arguments, inputs)])
        return f(*arguments)

    shapes = [(2, 3), (2,)] if "input" in name and name != "input is output" else [(2, 3)]
    inputs = [data(torch, *s, dtype="float64").requires_grad_() for s in shapes]
    if name == "another dtype":
        inputs = [x.detach().t().requires_grad_() for x in inputs]
    check = torch.autograd.gradcheck if order == 1 else torch.autograd.gradgradcheck
    kept = [x.detach().clone() for x in inputs]
    result = verdict(check, called, inputs, fast_mode=fast, eps=1e-3)
    if name == "wrong" and fast:
        log.clear()  # PyTorch computes more Jacobians for the message than it shows
    unchanged = [bool((a == b).all()) and a._version == 0 for a, b in zip(kept, inputs)]
    return result, log, unchanged, torch.get_rng_state()


@both(shape=[(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)], noncontiguous=(False, True))
def test_random_grad_outputs(torch, shape, noncontiguous):
    """The random gradients of the outputs are PyTorch's, and so is where they lie."""
    seen = []

    def f(x):
        y = x * x
        y.register_hook(lambda g: seen.append((g.tolist(), g.stride(), g.storage_offset())))
        return y

    x = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradgradcheck(f, x, gen_non_contig_grad_outputs=noncontiguous)
    return seen[0]


# --- where whygrad differs ------------------------------------------------------------------------

ours = pytest.mark.skipif(SELFTEST, reason="PyTorch behaves otherwise, or has what is missing")


@ours
@pytest.mark.filterwarnings("ignore:Input #")
@pytest.mark.parametrize("line", lines(CASES_OF_MIXED_TYPES))
def test_mixed_types_in_fast_mode(torch, line):
    kind, text, _ = eval(line, names_of(torch, True))
    slow = eval(line, names_of(torch, False))[1]
    assert kind == "GradcheckError" and text.startswith("Jacobian mismatch for output 0")
    matrices = slow[slow.index("numerical:") + len("numerical:") :].split("\nanalytical:")
    assert len(matrices) == 2 and all(m.strip() in text for m in matrices)


# Outputs without derivative are left out wherever they stand. PyTorch fails on these in slow mode,
# and in fast mode compares derivatives of different outputs.
RIGHT = """
check(lambda x: (x.long(), x * 2), x)
check(lambda x: (x > 1.5, x * 2), x)
check(lambda x: x > 1.5, x, fast_mode=False)
check(lambda x: (x.detach(), x.long(), x * 2), x)
check(lambda x: (x.detach(), x * 2), x)
check(lambda x: (torch.ones(3, dtype=x.dtype), x * 2), x)
check(lambda x: (x * 2, p, x * 3), x)
check(lambda x: x.max(0)[::-1], x)
check2(lambda x: (x.long(), x * x), x)
check2(lambda x: x.detach(), x)
check2(lambda x: x.sum() ** 2, x, (None,))
"""
WRONG = """
0: check(lambda x: (x.long(), double(3)(x)), x)
0: check(lambda x: (x > 1.5, x.detach(), double(3)(x)), x)
1: check(lambda x: (x * 2, p, double(3)(x)), x)
1: check(lambda x: (x.long(), x * 2, double(3)(x)), x)
"""


@ours
@pytest.mark.parametrize("fast", (False, True))
@pytest.mark.parametrize("line", lines(RIGHT))
def test_outputs_without_derivative(torch, line, fast):
    assert eval(line, names_of(torch, fast)) is True


@ours
@pytest.mark.parametrize("fast", (False, True))
@pytest.mark.parametrize("line", lines(WRONG))
def test_wrong_output_among_those_without_derivative(torch, line, fast):
    place, line = line.split(": ", 1)
    kind, text, _ = eval(line, names_of(torch, fast))
    assert kind == "GradcheckError"
    assert text.startswith(f"Jacobian mismatch for output {place} with respect to input 0")
    assert "[[2, 0], [0, 2]]" in text and "[[3, 0], [0, 3]]" in text


@ours
@pytest.mark.parametrize("fast", (False, True))
def test_inputs_are_restored_when_the_function_fails(torch, fast):
    for last in (2, 3, 4, 5):
        x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        calls = itertools.count(1)

        def f(x):
            return raising("mine", KeyError) if next(calls) == last else x * x

        if fast and last > 3:
            assert torch.autograd.gradcheck(f, x, fast_mode=True, check_undefined_grad=False)
        else:
            with pytest.raises(KeyError, match="mine"):
                torch.autograd.gradcheck(f, x, fast_mode=fast)
        assert x.tolist() == [1.0, 2.0]


# --- batches of gradients -------------------------------------------------------------------------


def drifting(torch):
    """A function and a Function whose derivatives grow from call to call."""
    count = itertools.count(1)

    class Drift(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * (2 + 0.01 * next(count))

    return lambda x: x * (2 + 0.01 * next(count)), Drift.apply


BATCHED = {
    "one": lambda f, x, y: f(x) + y,
    "second output": lambda f, x, y: (x * 2, f(x) * y, x.detach()),
    "second input": lambda f, x, y: (x * 2, x.detach(), f(y) * x),
    "both": lambda f, x, y: (f(x) * y, f(y).sum()),
    "right": lambda f, x, y: ((x * y).sin(), x.sum(), y.detach()),
}


@both(name=tuple(BATCHED), fast=(False, True), forward=(False, True))
def test_batched_gradients(torch, name, fast, forward):
    x, y = (data(torch, 2, dtype="float64", grad=True, salt=i) for i in range(2))
    plain, function = drifting(torch)
    f = plain if forward else function
    options = {"check_batched_forward_grad": True, "check_forward_ad": True}
    if not forward:
        options = {"check_batched_grad": True}
    for raises in (True, False):
        found = verdict(
            torch.autograd.gradcheck,
            lambda *inputs: BATCHED[name](f, *inputs),
            (x, y),
            atol=1e9,
            nondet_tol=1e9,
            fast_mode=fast,
            check_undefined_grad=False,
            raise_exception=raises,
            **options,
        )
        # How often the derivative is called for a batch is the engine's own.
        yield found if isinstance(found, bool) else found[1].split("Got:")[0]
        yield torch.rand(())


@both(name=("sin", "sum", "matrix"), fast=(False, True))
def test_batches_of_second_order(torch, name, fast):
    x = data(torch, 2, 3, dtype="float64", grad=True)
    f = {"sin": lambda x: x.sin() * x, "sum": lambda x: x.sum(0), "matrix": lambda x: x @ x.T}[name]
    yield torch.autograd.gradgradcheck(f, (x,), check_batched_grad=True, fast_mode=fast)


@both(fast=(False, True))
def test_batches_of_what_has_no_batching(torch, fast):
    """The values are the same for all tangents: branches and Functions that cannot be mapped."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0] ** 2

        @staticmethod
        def jvp(ctx, t):
            return t * 3 * ctx.saved_tensors[0] ** 2

    def fills(x):
        y = torch.zeros(3, dtype=x.dtype)
        y[1:] = x[:2]
        return y

    x = data(torch, 3, dtype="float64", grad=True)
    options = {"check_batched_grad": True, "check_batched_forward_grad": True, "fast_mode": fast}
    for f in (Cube.apply, lambda x: x * 2 if x[0] > 0 else x * x, lambda x: x[x > 0] ** 2, fills):
        yield torch.autograd.gradcheck(f, x, check_forward_ad=True, **options)


@ours
def test_batches_that_fail(torch):
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    options = {"check_forward_ad": True, "check_batched_forward_grad": True}

    def f(x):
        return x * 2 + torch.rand(2) * 1e-30

    with pytest.raises(torch.autograd.gradcheck.__globals__["GradcheckError"]) as caught:
        torch.autograd.gradcheck(f, x, **options)
    assert str(caught.value).startswith(
        "While computing batched gradients, got: vmap: called random"
    )
    assert "with forward-mode AD" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not torch.autograd.gradcheck(f, x, raise_exception=False, **options)


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ("gradcheck", "gradgradcheck"))
def test_signature(torch, name):
    found = [
        [
            (p.name, p.kind, p.default)
            for p in inspect.signature(getattr(t.autograd, name)).parameters.values()
        ]
        for t in (parity.reference(), torch)
    ]
    assert found[0] == found[1]


# --- whygrad's own operations ---------------------------------------------------------------------

SHAPES = {1: [(2, 3)], 2: [(2, 3), (3,)], 3: [(2, 3), (3,), (2, 1)]}


@pytest.mark.parametrize("name", opinfo.row_names(differentiable=True))
def test_elementwise_rows(torch, name):
    """Both orders, undefined gradients included; in slow mode only the first."""
    row = opinfo.row(name)
    operands = row.operands(torch, *SHAPES[row.arity], dtype="float64", grad=True)

    def f(*operands):
        return row.call(torch, *operands)

    assert torch.autograd.gradcheck(f, operands)
    if name not in opinfo.FIRST_ORDER:
        assert torch.autograd.gradgradcheck(f, operands, fast_mode=True)
