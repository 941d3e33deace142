"""Values that all samples of a `vmap` share although a derivative is taken by them: they can be read."""

from __future__ import annotations

from parity import GRADIENT, data, parity, table

TRANSFORMS = {
    "grad": lambda torch, f: torch.func.grad(f),
    "value": lambda torch, f: torch.func.grad_and_value(f),
    "vjp": lambda torch, f: (
        lambda a, b: torch.func.vjp(lambda c: f(c, b), a)[1](torch.ones((), dtype=a.dtype))
    ),
    "jacrev": lambda torch, f: torch.func.jacrev(f),
    "grad of grad": lambda torch, f: torch.func.grad(
        lambda a, b: torch.func.grad(lambda c: f(c, b) * c.prod())(a).sum()
    ),
    "jvp": lambda torch, f: lambda a, b: torch.func.jvp(lambda c: f(c, b), (a,), (b,)),
    "jvp of shared": lambda torch, f: lambda a, b: torch.func.jvp(lambda c: f(c, b), (a,), (a,)),
}


def loop(a, b):
    c = a
    while c.norm() < 20:
        c = c * 2
    return (c * b).sum()


def assigned(a, b):
    c = a * 1
    c[a > 0] = 0.0
    return (c * b).sum()


def written(a, b):
    c = a * 1
    c.mul_(2)
    return (c * b).sum() * c.sum().item()


# Functions of a tensor that all samples share and of one that they do not.
FUNCTIONS = {
    "item": lambda torch, a, b: (a * b).sum() * (a * 2).sum().item(),
    "no sample": lambda torch, a, b: (a * a).sum() * (a * 2).sum().item(),
    "if": lambda torch, a, b: (a * b).sum() if a.sum() > 0 else (a * a * b).sum(),
    "all": lambda torch, a, b: (a * b).sum() * (2 if (a.abs() < 10).all() else 3),
    "number": lambda torch, a, b: (a * b).sum() * int(a[1] * 10) * round(float(a.detach()[2]), 1),
    "mask": lambda torch, a, b: a[a > 0].sum() * b.sum(),
    "nonzero": lambda torch, a, b: (a * b).sum() * (a > 0).nonzero().shape[0],
    "where": lambda torch, a, b: (a * b).sum() * torch.where(a > 0)[0].shape[0],
    "assigned": lambda torch, a, b: assigned(a, b),
    "list": lambda torch, a, b: (a * b).sum() * a.tolist()[0],
    "equal": lambda torch, a, b: (a * b).sum() * (2 if torch.equal(a, a * 1) else 3),
    "allclose": lambda torch, a, b: (a * b).sum() * (2 if torch.allclose(a, a * 2) else 3),
    "loop": lambda torch, a, b: loop(a, b),
    "written": lambda torch, a, b: written(a, b),
    "parts": lambda torch, a, b: sum(c * b.sum() if c > 0 else c for c in a),
    "place": lambda torch, a, b: (a * b).sum() * a[int(a.argmax())],
    "length": lambda torch, a, b: (a[: int((a > -5).sum())] * b).sum(),
    "joined": lambda torch, a, b: (a * b).sum() * torch.stack([a, a * 2]).sum().item(),
    "text": lambda torch, a, b: (a * b).sum() * float(f"{a.detach()[2]:.3f}"),
    "grad": lambda torch, a, b: (
        (a * b).sum() * torch.func.grad(lambda c: (c**3).sum())(a).sum().item()
    ),
    "vjp": lambda torch, a, b: (
        (a * b).sum() * torch.func.vjp(lambda c: c**3, a)[1](a)[0].sum().item()
    ),
    "jvp": lambda torch, a, b: (
        (a * b).sum()
        * torch.func.jvp(lambda c: c**3 * (2 if c.sum() > 0 else 3), (a,), (b,))[1].sum()
    ),
    "jvp's value": lambda torch, a, b: (
        (a * b).sum() * torch.func.jvp(lambda c: c**3, (a,), (b,))[0].sum().item()
    ),
    "autograd.grad": lambda torch, a, b: (
        (a * b).sum() * torch.autograd.grad((a**3).sum(), a, create_graph=True)[0].sum().item()
    ),
    "within": lambda torch, a, b: (
        torch.vmap(lambda c: c * (2 if a.sum() > 0 else 3))(torch.stack([a, a])).sum() * b.sum()
    ),
    # These depend on the sample, and are errors.
    "of samples": lambda torch, a, b: (a * b).sum() * (a * b).sum().item(),
    "if of samples": lambda torch, a, b: (a * b).sum() if (a + b * 0).sum() > 0 else a.sum(),
    "joined samples": lambda torch, a, b: (a * b).sum() * torch.cat([a, b]).sum().item(),
    "grad of samples": lambda torch, a, b: (
        (a * b).sum() * torch.func.grad(lambda c: (c**3 * b).sum())(a).sum().item()
    ),
    "vjp of samples": lambda torch, a, b: (
        (a * b).sum() * torch.func.vjp(lambda c: c**3, a)[1](b)[0].sum().item()
    ),
}

# How a result lies in memory depends on where PyTorch had a batch; values that are zero for all have none there.
LAID_OUT = GRADIENT.ignoring("is_view", "stride", "contiguous")


@parity(which=FUNCTIONS, transform=TRANSFORMS, tol=LAID_OUT)
def test_reading(torch, which, transform):
    a = data(torch, 3, dtype="float64")
    samples = torch.stack([a, a * 2])
    f = TRANSFORMS[transform](torch, lambda a, b: FUNCTIONS[which](torch, a, b))
    yield lambda: torch.vmap(f, (None, 0))(a, samples)


@parity(which=("item", "if", "mask", "nonzero", "of samples"), tol=LAID_OUT)
def test_reading_under_two_vmaps(torch, which):
    a = data(torch, 3, dtype="float64")
    samples = torch.stack([a, a * 2])
    f = torch.func.grad(lambda a, b: FUNCTIONS[which](torch, a, b))
    pairs = torch.stack([samples, samples + 1])
    yield lambda: torch.vmap(torch.vmap(f, (None, 0)), (None, 0))(a, pairs)
    yield lambda: torch.vmap(torch.vmap(f, (None, 0)), (0, 0))(samples, pairs)
    yield lambda: torch.vmap(torch.vmap(f, (0, None)), (None, 0))(samples, a.expand(2, 3))


SETUP = """
x = data(3, dtype="float64")
b = torch.stack([x, x * 2])
grad, vmap = torch.func.grad, torch.vmap
class Square(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x): return x * x
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, g): return 2 * g * ctx.saved_tensors[0]
"""

test_what_is_shared = table(
    """
r = vmap(grad(lambda a, b: (a * b).sum() * Square.apply(a).sum().item()), (None, 0))(x, b)
r = vmap(grad(lambda a, b: (a * b).sum() * Square.apply(b).sum().item()), (None, 0))(x, b)
r = vmap(grad(lambda a, b: (a * b).sum() * torch.rand_like(a).sum().item()), (None, 0), randomness="different")(x, b)
r = vmap(grad(lambda a, b: (a * b).sum() * (torch.nn.functional.dropout(a, 0.5) * 0).sum().item()), (None, 0), randomness="different")(x, b)
r = vmap(grad(lambda a, b: (a * b).sum() * (torch.rand_like(a) * 0 + a).sum().item()), (None, 0), randomness="same")(x, b)
r = vmap(grad(lambda a, b: (a * a).sum()), (None, 0))(x, b)
r = vmap(lambda a, b: grad(lambda a: (a * a).sum())(a), (None, 0), None)(x, b)
r = vmap(lambda a, b: grad(lambda a: (a * b).sum())(a), (None, 0), None)(x, b)
r = vmap(grad(lambda a, b: (torch.nn.functional.one_hot((a > 0).long())).sum() * (a * b).sum()), (None, 0))(x, b)
""",
    setup=SETUP,
    tol=GRADIENT.ignoring("is_view"),
)
