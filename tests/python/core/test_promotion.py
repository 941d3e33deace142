"""Type promotion: every pair of dtypes, with dimensioned and 0-d tensors and Python numbers."""

from __future__ import annotations

from parity import CLOSE, DTYPES, data, parity

OPERATIONS = {
    "add": lambda torch, a, b: a + b,
    "sub": lambda torch, a, b: a - b,
    "mul": lambda torch, a, b: a * b,
    "div": lambda torch, a, b: a / b,
    "pow": lambda torch, a, b: a**b,
    "floordiv": lambda torch, a, b: a // b,
    "mod": lambda torch, a, b: a % b,
    "lt": lambda torch, a, b: a < b,
    "eq": lambda torch, a, b: a == b,
    "where": lambda torch, a, b: torch.where(torch.tensor([True, False, True]), a, b),
    "maximum": lambda torch, a, b: torch.maximum(a, b),
    "atan2": lambda torch, a, b: torch.atan2(a, b),
    "and": lambda torch, a, b: a & b,
    "logical_or": lambda torch, a, b: torch.logical_or(a, b),
    "lerp": lambda torch, a, b: torch.lerp(a, b, 0.5),
}
NUMBERS = (True, 2, -3, 2.5)


def operands(torch, dtype, other, salt=0):
    unsigned = "uint8" in (dtype, other)
    return [
        data(torch, *shape, dtype=dtype, lo=1 if unsigned else -3, hi=6, salt=salt)
        for shape in ((3,), ())
    ]


@parity(operation=OPERATIONS, left=DTYPES, tol=CLOSE)
def test_two_tensors(torch, operation, left):
    apply = OPERATIONS[operation]
    for right in DTYPES:
        for a in operands(torch, left, right):
            for b in operands(torch, right, left, salt=1):
                yield lambda: apply(torch, a, b)


@parity(operation=OPERATIONS, dtype=DTYPES, tol=CLOSE)
def test_tensor_and_number(torch, operation, dtype):
    apply = OPERATIONS[operation]
    for number in NUMBERS:
        for a in operands(torch, dtype, dtype):
            yield lambda: apply(torch, a, number)
            yield lambda: apply(torch, number, a)


@parity(name=("add_", "sub_", "mul_", "div_", "pow_", "copy_", "fmod_"), left=DTYPES, tol=CLOSE)
def test_in_place(torch, name, left):
    for right in DTYPES:
        for b in operands(torch, right, left, salt=1):
            for a in operands(torch, left, right):
                yield lambda: getattr(a, name)(b)
    for number in NUMBERS:
        for a in operands(torch, left, left):
            if name != "copy_":
                yield lambda: getattr(a, name)(number)


@parity(left=DTYPES, right=DTYPES)
def test_functions_of_dtypes(torch, left, right):
    one, two = getattr(torch, left), getattr(torch, right)
    yield torch.promote_types(one, two)
    yield torch.can_cast(one, two)
    for a in (torch.ones(2, dtype=one), torch.tensor(1, dtype=one)):
        for b in (torch.ones(2, dtype=two), torch.tensor(1, dtype=two), True, 1, 1.0):
            yield torch.result_type(a, b)
    yield torch.cat([torch.ones(2, dtype=one), torch.zeros(1, dtype=two)])
    yield lambda: torch.stack([torch.ones(2, dtype=one), torch.zeros(2, dtype=two)])


@parity(dtype=DTYPES, tol=CLOSE)
def test_functions_of_one_tensor(torch, dtype):
    """Integers become the default dtype; names and texts of what is refused are compared too."""
    x = data(torch, 4, dtype=dtype, lo=1, hi=5)
    for name in (
        "neg abs sign exp log sqrt sin tanh sigmoid relu floor round trunc square reciprocal sum "
        "mean prod max min argmax std cumsum all any logical_not bitwise_not isnan norm".split()
    ):
        yield lambda: getattr(x, name)() if name != "cumsum" else x.cumsum(0)
    for name in "neg_ abs_ exp_ sqrt_ sigmoid_ floor_ square_ reciprocal_".split():
        yield lambda: getattr(x.clone(), name)()
    for name in "gelu silu softplus elu leaky_relu softmax log_softmax".split():
        options = {"dim": 0} if "max" in name else {}
        yield lambda: getattr(torch.nn.functional, name)(x, **options)
