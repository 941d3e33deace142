"""`autograd.grad` with `is_grads_batched`, and windows on the samples of a `vmap`."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, parity, table

test_gradients_with_a_batch = table(
    """
torch.autograd.grad(x * 2, x, torch.eye(3), is_grads_batched=True)
torch.autograd.grad([x * 2, x.sum()], x, [torch.eye(3), torch.ones(3)], is_grads_batched=True)
torch.autograd.grad(x.sum(), x, is_grads_batched=True)
torch.autograd.grad(x * 2, x, is_grads_batched=True)
torch.autograd.grad([x * 2, x.sum()], x, [torch.eye(3), None], is_grads_batched=True)
torch.autograd.grad([x * 2, x.sum()], x, [torch.eye(3), torch.ones(2)], is_grads_batched=True)
torch.autograd.grad(x * 2, x, torch.ones(3), is_grads_batched=True)
torch.autograd.grad(x * 2, x, torch.ones(2, 4), is_grads_batched=True)
torch.autograd.grad(x[:1], x, is_grads_batched=True)
torch.autograd.grad(x[:1, None], x, is_grads_batched=True)
torch.autograd.grad(torch.autograd.graph.get_gradient_edge(x * 2), x, torch.ones(2, 3), is_grads_batched=True)
torch.autograd.grad(torch.autograd.graph.get_gradient_edge(x * 2), x, torch.ones(3), is_grads_batched=True)
torch.autograd.grad(torch.autograd.graph.get_gradient_edge(x * 2), x, torch.ones(2, 4), is_grads_batched=True)
""",
    setup="x = torch.ones(3, requires_grad=True)",
    tol=GRADIENT,
)

test_windows_on_samples = table(
    """
torch.vmap(lambda t: t.as_strided((3,), (2,)))(x)
torch.vmap(lambda t: t[1:].as_strided((4,), (1,)))(x)
torch.vmap(lambda t: t.as_strided((0,), (9,), 9))(x)
torch.vmap(lambda t: t.t().as_strided((4,), (1,)))(y)
torch.vmap(lambda t: t.as_strided((3,), (4,)), in_dims=2)(y)
torch.vmap(lambda t: t.as_strided((2,), (0,)))(e)
torch.vmap(lambda t: t.as_strided((2,), (1,)))(e)
torch.vmap(lambda t: t.as_strided((5,), (1,), 1))(x)
torch.vmap(lambda t: t.as_strided((6,), (1,), 0))(x)
torch.vmap(lambda t: t[1:].as_strided((5,), (1,), 0))(x)
torch.vmap(lambda t: t.as_strided((2, 2), (3, 2), -1))(x)
torch.vmap(lambda t: t.as_strided((2,), (1, 2)))(x)
""",
    setup="x = torch.arange(10.0).view(2, 5); y = torch.arange(12.0).view(3, 2, 2); e = torch.ones(1).expand(3, 2)",
)

# One pass runs for all gradients of a batch: what hooks and custom Functions see of it, and what they may do.

HOOKS = """
y.register_hook(seen) and None
y.register_hook(lambda g: seen(g) or g * g)
y.register_hook(lambda g: seen(g) or torch.ones(3)) and None
y.register_hook(lambda g: seen(g) or g.mul_(2)) and None
y.register_hook(lambda g: torch.ones(2)) and None
y.register_hook(lambda g: g.double()) and None
y.register_hook(lambda g: g * g.sum().item()) and None
y.register_hook(lambda g: g if g.sum() > 0 else g * 2) and None
y.register_hook(lambda g: g * torch.rand(3)) and None
y.register_hook(lambda g: print(g)) and None
x.register_hook(lambda g: seen(g) or g * 2) and None
z.register_hook(lambda g: seen(g) or g + 1) and None
y.grad_fn.register_prehook(lambda gs: seen(*gs) or (gs[0] * 2,)) and None
y.grad_fn.register_hook(lambda gi, go: seen(*gi, *go)) and None
y.grad_fn.register_hook(lambda gi, go: tuple(None if g is None else g * 3 for g in gi)) and None
x.register_post_accumulate_grad_hook(lambda t: seen(t)) and None
""".strip().splitlines()
PASSES = """
torch.autograd.grad(z, x, torch.eye(3), is_grads_batched=True)
torch.vmap(lambda g: torch.autograd.grad(z, x, g))(torch.eye(3))
torch.vmap(lambda g: torch.autograd.grad(z, x, g), in_dims=1)(torch.ones(3, 4))
torch.vmap(torch.vmap(lambda g: torch.autograd.grad(z, x, g)))(torch.eye(3).expand(2, 3, 3))
torch.vmap(lambda g: torch.autograd.grad([z, x.sum()], x, [g, torch.ones(())]))(torch.eye(3))
torch.autograd.grad(z, x, torch.ones(0, 3), is_grads_batched=True)
torch.autograd.grad(z, [x, w], torch.eye(3), is_grads_batched=True, allow_unused=True)
torch.autograd.grad(z, [x, w], torch.eye(3), is_grads_batched=True)
torch.autograd.grad(z, [x, w], torch.eye(3), is_grads_batched=True, materialize_grads=True)
""".strip().splitlines()


def values(found):
    if isinstance(found, tuple):
        return [values(f) for f in found]
    return None if found is None else (tuple(found.shape), found.tolist(), found.requires_grad)


def result_of(run):
    try:
        return values(run())
    except Exception as error:
        return type(error).__name__, str(error).split(" (Triggered")[0]


@parity(hook=HOOKS, run=PASSES, tol=GRADIENT)
def test_hooks(torch, hook, run):
    shapes = []

    def seen(*grads):
        shapes.append([None if g is None else (tuple(g.shape), type(g).__name__) for g in grads])

    w = torch.ones(3, requires_grad=True)
    x = torch.arange(1.0, 4.0).requires_grad_()
    y = x.sin() * x
    z = y * 3
    names = {"torch": torch, "seen": seen, "w": w, "x": x, "y": y, "z": z}
    eval(hook, names)
    yield result_of(lambda: eval(run, names))
    yield shapes


def functions(torch):
    class Plain(torch.autograd.Function):
        shapes = []

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            Plain.shapes.append((tuple(g.shape), type(g).__name__))
            return g * 2 * ctx.saved_tensors[0]

    class Separate(Plain):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

    class Items(Separate):
        @staticmethod
        def backward(ctx, g):
            return g * g.sum().item()

    class Branches(Separate):
        @staticmethod
        def backward(ctx, g):
            return g if g.sum() > 0 else g * 2

    class Calls(Separate):
        @staticmethod
        def backward(ctx, g):
            return Separate.apply(g)

    class Mapped(Separate):
        generate_vmap_rule = True

        @staticmethod
        def backward(ctx, g):
            return Mapped.apply(g) * ctx.saved_tensors[0]

    class Nothing(Separate):
        @staticmethod
        def backward(ctx, g):
            return None

    class Shared(Separate):
        @staticmethod
        def backward(ctx, g):
            return torch.ones(3)

    class Wide(Separate):
        @staticmethod
        def backward(ctx, g):
            return g.expand(2, 3)

    class Random(Separate):
        @staticmethod
        def backward(ctx, g):
            return g * torch.rand(3)

    class Writes(Separate):
        @staticmethod
        def backward(ctx, g):
            out = torch.zeros(3)
            out[0] = g[0]
            return out

    class WritesToBatch(Separate):
        @staticmethod
        def backward(ctx, g):
            out = torch.zeros_like(g)
            out[0] = g[0]
            return out

    found = [Plain, Separate, Items, Branches, Calls, Mapped, Nothing, Shared, Wide, Random]
    return {f.__name__: f for f in [*found, Writes, WritesToBatch]}


FUNCTIONS = (
    *("Plain", "Separate", "Items", "Branches", "Calls", "Mapped", "Nothing", "Shared", "Wide"),
    *("Random", "Writes", "WritesToBatch"),
)
CALLS = """
torch.autograd.grad(f(x * 2), x, torch.eye(3), is_grads_batched=True, allow_unused=True)
torch.vmap(lambda g: torch.autograd.grad(y, x, g, allow_unused=True, retain_graph=True))(torch.eye(3))
torch.autograd.functional.jacobian(f, d, vectorize=True)
torch.func.jacrev(f)(d)
torch.func.jacrev(f, chunk_size=2)(d)
torch.func.jacrev(f, chunk_size=1)(d)
torch.vmap(torch.func.vjp(f, d)[1])(torch.eye(3))
""".strip().splitlines()


@parity(name=FUNCTIONS, call=CALLS, tol=GRADIENT)
def test_functions(torch, name, call):
    all_functions = functions(torch)
    f = all_functions[name].apply
    x = torch.arange(1.0, 4.0).requires_grad_()
    names = {"torch": torch, "f": f, "x": x, "y": f(x), "d": x.detach()}
    yield result_of(lambda: eval(call, names))
    yield all_functions["Plain"].shapes


STRIDES = """
x.sin()
x @ x.t()
x.t() * 2
x.t()
x.sum(0)
x.softmax(-1)
x.cumsum(0)
x.exp().t()
x[1:] * 2
x.view(-1)
x.mean()
x.expand(2, 3, 4)
""".strip().splitlines()


@parity(line=STRIDES, tol=GRADIENT)
def test_strides_of_jacobians(torch, line):
    x = torch.arange(12.0).view(3, 4) / 7
    yield torch.func.jacrev(lambda x: eval(line, {"x": x}))(x).stride()
    yield torch.func.hessian(lambda x: eval(line, {"x": x}).sin().sum())(x).stride()


@parity(tol=GRADIENT)
def test_hooks_in_a_transform(torch):
    x = torch.arange(1.0, 4.0)
    shapes = []

    def f(a):
        y = a.sin()
        y.register_hook(lambda g: shapes.append(tuple(g.shape)) or g * g)
        return y * a

    yield values(torch.func.jacrev(f)(x))
    yield values(torch.func.jacrev(f, chunk_size=2)(x))
    yield values(torch.vmap(torch.func.jacrev(f))(torch.stack([x, x + 1])))
    yield values(torch.func.jacrev(torch.vmap(f))(torch.stack([x, x + 1])))
    yield values(torch.func.jacfwd(torch.func.jacrev(f))(x))
    yield values(torch.func.jacrev(torch.func.jacrev(f))(x))
    yield shapes


@parity(name=("Separate", "Items", "Branches", "Random", "WritesToBatch", "Writes"))
def test_gradcheck_of_batches(torch, name):
    class Doubled(functions(torch)[name]):
        @staticmethod
        def forward(x):
            return x.clone()

    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    options = {
        "check_batched_grad": True,
        "raise_exception": True,
        "atol": 10.0,
        "nondet_tol": 10.0,
    }
    try:
        yield torch.autograd.gradcheck(Doubled.apply, (x,), **options)
    except Exception as error:
        yield type(error).__name__, str(error)
