"""Views that a custom Function returns in a transform of torch.func, and inputs marked as dirty.

There PyTorch's results are wrappers: a write to such a view is part of the history of the view
alone, unless its base has a history outside of all transforms, which makes it the error that it is
without a transform.
"""

from __future__ import annotations

from types import SimpleNamespace

from parity import GRADIENT, data, parity


def functions(torch):
    class Whole(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x.view_as(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 3

        @staticmethod
        def jvp(ctx, t):
            return t * 3

    class AsIs(Whole):
        @staticmethod
        def forward(x):
            return x

    class Rest(Whole):
        @staticmethod
        def forward(x):
            return x[1:]

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g[:1] * 0, g * 5])

        @staticmethod
        def jvp(ctx, t):
            return t[1:] * 5

    class Parts(Whole):
        @staticmethod
        def forward(x):
            return x[:1], x[1:]

        @staticmethod
        def backward(ctx, g, h):
            return torch.cat([g * 2, h * 3])

        @staticmethod
        def jvp(ctx, t):
            return t[:1] * 2, t[1:] * 3

    class AndNew(Whole):
        @staticmethod
        def forward(x):
            return x.view_as(x), x * 2

        @staticmethod
        def backward(ctx, g, h):
            return g * 3 + h * 2

        @staticmethod
        def jvp(ctx, t):
            return t * 3, t * 2

    class Constant(AndNew):
        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_non_differentiable(output[0])

        @staticmethod
        def backward(ctx, g, h):
            return h * 2

        @staticmethod
        def jvp(ctx, t):
            return None, t * 2

    class Doubled(Whole):
        @staticmethod
        def forward(x):
            return x.mul_(2)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_dirty(inputs[0])

        @staticmethod
        def backward(ctx, g):
            return g * 2

        @staticmethod
        def jvp(ctx, t):
            return t.mul_(2)

    class Kept(Doubled):
        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_dirty(inputs[0])
            ctx.save_for_backward(output)
            ctx.save_for_forward(output)

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

        @staticmethod
        def jvp(ctx, t):
            return t.mul_(ctx.saved_tensors[0])

    class Product(Doubled):
        @staticmethod
        def forward(x, y):
            x.mul_(y)
            return x, x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_dirty(inputs[0])
            ctx.save_for_backward(inputs[1])

        @staticmethod
        def backward(ctx, g, h):
            (y,) = ctx.saved_tensors
            return (g + h * y) * y, g * 0 + h * 0 + 1

        @staticmethod
        def jvp(ctx, t, u):
            return t.mul_(2), t * 3

    return SimpleNamespace(**{f.__name__: f.apply for f in (
        Whole, AsIs, Rest, Parts, AndNew, Constant, Doubled, Kept, Product
    )})  # fmt: skip


def both(f, b, use):
    """What `use` makes of a tensor and of what a Function gives for it."""
    return use(b, f(b))


def doubled(t):
    return t.mul_(2)


def no_grad_write(torch, v):
    with torch.no_grad():
        v.mul_(2)


# Of a tensor `a`, the Functions `f` and an ordinary tensor `c`.
VIEWS = {
    "the variable's": lambda torch, f, a, c: f.Whole(a).mul_(2),
    "the variable itself": lambda torch, f, a, c: f.AsIs(a).mul_(2),
    "of a result": lambda torch, f, a, c: both(f.Whole, a * 1, lambda b, v: doubled(v) * b),
    "as it is": lambda torch, f, a, c: both(f.AsIs, a * 1, lambda b, v: doubled(v) * b),
    "the base": lambda torch, f, a, c: both(f.Whole, a * 1, lambda b, v: doubled(b) * v),
    "by the variable": lambda torch, f, a, c: both(f.Whole, a * 1, lambda b, v: v.mul_(a) * b),
    "a part": lambda torch, f, a, c: both(f.Rest, a * 1, lambda b, v: doubled(v) * b[1:]),
    "of a view": lambda torch, f, a, c: both(
        f.Rest, (a * 1).view(3), lambda b, v: (doubled(v), b)[1]
    ),
    "a view of it": lambda torch, f, a, c: both(
        f.Whole, a * 1, lambda b, v: (doubled(v[1:]), v * b)[1]
    ),
    "one of two": lambda torch, f, a, c: both(
        f.Parts, a * 1, lambda b, v: doubled(v[0]) * v[1] * b[:1]
    ),
    "the base of two": lambda torch, f, a, c: both(
        f.Parts, a * 1, lambda b, v: doubled(b)[1:] * v[1]
    ),
    "beside a new one": lambda torch, f, a, c: both(
        f.AndNew, a * 1, lambda b, v: doubled(v[0]) * v[1]
    ),
    "the new one": lambda torch, f, a, c: both(f.AndNew, a * 1, lambda b, v: doubled(v[1]) * v[0]),
    "in no_grad mode": lambda torch, f, a, c: both(
        f.Whole, a * 1, lambda b, v: (no_grad_write(torch, v), v * b)[1]
    ),
    "twice": lambda torch, f, a, c: both(f.Whole, a * 1, lambda b, v: doubled(doubled(v)) * b),
    "of another": lambda torch, f, a, c: both(
        lambda b: f.Whole(f.Whole(b)), a * 1, lambda b, v: doubled(v) * b
    ),
    "a constant's": lambda torch, f, a, c: f.Whole(c).mul_(2) * a,
}
CONSTANT = {
    "without derivative": lambda torch, f, a, c: both(
        f.Constant, a * 1, lambda b, v: doubled(v[0]) * v[1]
    ),
    "by the variable": lambda torch, f, a, c: both(
        f.Constant, a * 1, lambda b, v: v[0].mul_(a) * v[1]
    ),
    "a constant's by the variable": lambda torch, f, a, c: f.Whole(c).mul_(a) + c,
    "then the constant": lambda torch, f, a, c: (f.Whole(c).mul_(a), c * a)[1],
}
DIRTY = {
    "a result": lambda torch, f, a, c: f.Doubled(a * 1),
    "its input": lambda torch, f, a, c: both(f.Doubled, a * 1, lambda b, v: b * b),
    "the same": lambda torch, f, a, c: both(
        f.Doubled, a * 1, lambda b, v: b * (3 if b is v else 4)
    ),
    "a view": lambda torch, f, a, c: both(lambda b: f.Doubled(b[1:]), a * 1, lambda b, v: b),
    "written again": lambda torch, f, a, c: both(f.Doubled, a * 1, lambda b, v: (v.mul_(3), b)[1]),
    "a view written again": lambda torch, f, a, c: both(
        lambda b: f.Doubled(b[1:]).mul_(3), a * 1, lambda b, v: b
    ),
    "twice": lambda torch, f, a, c: f.Doubled(f.Doubled(a * 1)),
    "of a Function's view": lambda torch, f, a, c: both(
        lambda b: f.Doubled(f.Whole(b)), a * 1, lambda b, v: v * b
    ),
    "a Function's view of it": lambda torch, f, a, c: doubled(f.Whole(f.Doubled(a * 1))),
    "kept": lambda torch, f, a, c: f.Kept(a * 1),
    "kept constant": lambda torch, f, a, c: f.Kept(c * 1) * a,
    "of two": lambda torch, f, a, c: (lambda r: r[0] * r[1])(f.Product(a * 1, a)),
    "a constant of two": lambda torch, f, a, c: (lambda r: r[0] * r[1])(f.Product(c * 1, a)),
}
GRADIENTS = {
    "grad": lambda torch, f, x: torch.func.grad(lambda a: f(a).sum())(x),
    "vjp": lambda torch, f, x: (lambda r: (r[0], r[1](r[0].detach())))(torch.func.vjp(f, x)),
    "jacrev": lambda torch, f, x: torch.func.jacrev(f)(x),
    "grad of grad": lambda torch, f, x: torch.func.grad(
        lambda b: torch.func.grad(lambda a: f(a).sum())(b).sum()
    )(x),
    "grad in grad": lambda torch, f, x: torch.func.grad(
        lambda b: torch.func.grad(lambda a: (f(b) ** 2 * a.sum()).sum())(b).sum()
    )(x),
}
MAPPED = {
    "vmap": lambda torch, f, x: torch.vmap(f)(torch.stack([x, x * 2])),
    "vmap of grad": lambda torch, f, x: torch.vmap(torch.func.grad(lambda a: f(a).sum()))(
        torch.stack([x, x * 2])
    ),
    "grad of vmap": lambda torch, f, x: torch.func.grad(lambda a: torch.vmap(f)(a).sum())(
        torch.stack([x, x * 2])
    ),
    "vmap of vmap": lambda torch, f, x: torch.vmap(torch.vmap(f))(
        torch.stack([x, x * 2]).expand(2, 2, 3).clone()
    ),
}
PUSHED = {
    "jvp": lambda torch, f, x: torch.func.jvp(f, (x,), (x.detach() * 2,)),
    "jvp of grad": lambda torch, f, x: torch.func.jvp(
        torch.func.grad(lambda a: f(a).sum()), (x,), (x.detach() * 2,)
    ),
    "grad of jvp": lambda torch, f, x: torch.func.grad(
        lambda a: torch.func.jvp(f, (a,), (a * 2,))[1].sum()
    )(x),
    "vmap of jvp": lambda torch, f, x: torch.vmap(lambda a: torch.func.jvp(f, (a,), (a * 2,)))(
        torch.stack([x, x * 2])
    ),
}


def run(torch, f, transform, x_grad):
    made = functions(torch)
    x = data(torch, 3, dtype="float64", grad=x_grad)
    c = data(torch, 3, dtype="float64", salt=1)
    yield lambda: transform(torch, lambda a: f(torch, made, a, c), x)
    yield x, c


# How often it was written to is counted for each level of its own in PyTorch.
COUNTED = GRADIENT.ignoring("version", "is_view")


@parity(which=VIEWS, transform={**GRADIENTS, **MAPPED}, x_grad=(False, True), tol=COUNTED)
def test_writing_to_a_view(torch, which, transform, x_grad):
    yield from run(torch, VIEWS[which], {**GRADIENTS, **MAPPED}[transform], x_grad)


@parity(which=VIEWS, transform=PUSHED, tol=COUNTED)
def test_writing_to_a_view_with_tangents(torch, which, transform):
    yield from run(torch, VIEWS[which], PUSHED[transform], False)


@parity(which=CONSTANT, transform=GRADIENTS, x_grad=(False, True), tol=COUNTED)
def test_writing_to_a_view_without_history(torch, which, transform, x_grad):
    yield from run(torch, CONSTANT[which], GRADIENTS[transform], x_grad)


@parity(which=DIRTY, transform=GRADIENTS, x_grad=(False, True), tol=COUNTED)
def test_writing_to_an_input(torch, which, transform, x_grad):
    yield from run(torch, DIRTY[which], GRADIENTS[transform], x_grad)


@parity
def test_what_a_view_is_inside_and_outside(torch):
    f = functions(torch)
    x = data(torch, 3)
    seen = []

    def of_view(a):
        v = f.Whole(a)
        seen.append((v._is_view(), v._base is None, v.requires_grad, v.grad_fn.name()))
        seen.append((f.Constant(a)[0].requires_grad, f.Constant(a)[0].is_leaf))
        return v

    out, pull = torch.func.vjp(of_view, x)
    yield seen
    yield out._is_view(), out._base is x, pull(out)
    out.mul_(2)
    yield x, x._version
