"""`torch.vmap` together with `torch.func`'s derivatives, and custom Functions under it."""

from __future__ import annotations

from parity import GRADIENT, SUMMED, data, numbers, parity, table

SETUP = """
func = torch.func
grad, grad_and_value, jacrev, vjp, vmap = func.grad, func.grad_and_value, func.jacrev, func.vjp, func.vmap
def d(*shape, **options): return data(*shape, dtype="float64", **options)
def plain(t): return t.detach().clone(memory_format=torch.contiguous_format)
def tree(r): return [plain(t) for t in torch.utils._pytree.tree_leaves(r)]
x, t = d(3, 4), d(3, 2)
w, b = d(2, 4), d(2, salt=1)
def reshaping(a):
    b = a * 1
    b.unsqueeze_(0); b.t_(); b.squeeze_(1)
    return (b * b).sum()
def loss(w, b, x, t): return ((torch.nn.functional.linear(x, w, b).tanh() - t) ** 2).sum()
"""

# Each row gives values; how they were recorded is each engine's own.
test_derivatives_of_samples = table(
    """
r = tree(vmap(grad(loss), (None, None, 0, 0))(w, b, x, t))
r = tree(vmap(grad(loss, (0, 1)), (None, None, 0, 0))(w, b, x, t))
r = tree(vmap(grad(loss, (0, 1, 2, 3)), (None, None, 0, 0))(w, b, x, t))
r = tree(vmap(grad_and_value(loss), (None, None, 0, 0))(w, b, x, t))
r = tree(vmap(grad(loss), (None, None, 0, 0), 1)(w, b, x, t))
r = tree(vmap(grad(loss), (None, None, 0, 0), chunk_size=2)(w, b, x, t))
r = tree(vmap(grad(loss, 2), (0, None, None, None))(d(5, 2, 4), b, x[0], t[0]))
r = tree(grad(lambda w: vmap(loss, (None, None, 0, 0))(w, b, x, t).sum())(w))
r = tree(grad(lambda x: vmap(lambda a: a.sin().prod())(x).sum())(x))
r = tree(vmap(grad(lambda a: grad(lambda c: (c ** 3).sum())(a).sum()))(x))
r = tree(vmap(vmap(grad(lambda a: a.sin() * a)))(x))
r = tree(vmap(vmap(grad(lambda a, c: (a * c).sin()), (0, None)), (None, 0))(d(5), d(2)))
r = tree(vmap(vmap(grad(lambda a, c: (a * c).sin()), (None, 0)), (0, None))(d(5), d(2)))
r = tree(vmap(lambda a: vmap(lambda c: grad(lambda e: (e * a * c).sin())(c))(a).sum())(x))
r = tree(vmap(lambda a: grad(lambda c: vmap(lambda e: e * c.sum() * a[0])(c).sum())(a))(x))
r = tree(vmap(grad(lambda a: w.sum() * a.sum()))(x))
r = tree(vmap(lambda a: grad(lambda c: (c * a[:2]).sum())(b))(x))
r = tree(vmap(lambda a: grad(lambda c: (c * c).sum())(b))(x))
r = tree(vmap(grad(lambda a: (a * a.detach()).sum()))(x))
r = tree(vmap(grad(lambda a: torch.ones((), dtype=a.dtype)))(x))
r = tree(vmap(grad(lambda p: (p['w'] @ p['x']).sum()), ({'w': None, 'x': 0},))({'w': w, 'x': x}))
r = tree(vmap(jacrev(lambda a: a ** 2))(x))
r = tree(vmap(jacrev(lambda a, w: torch.tanh(w @ a), 1), (0, None))(x, w))
r = tree(vmap(jacrev(jacrev(lambda a: (a ** 3).sum() * a[0])))(x))
r = tree(jacrev(vmap(lambda a: a.sin() * a[0]))(x))
r = tree(jacrev(jacrev(lambda x: vmap(lambda a: (a ** 3).sum())(x).sum()))(x))
f, pull = vjp(lambda a: w @ a, x[0]); r = tree(vmap(pull)(torch.eye(2, dtype=torch.float64)))
f, pull = vjp(lambda a: (w @ a, a.sum()), x[0]); r = tree(vmap(pull)(((torch.eye(2, dtype=torch.float64)), d(2))))
r = tree(vmap(lambda a: vjp(lambda c: (w @ c).sin(), a)[1](torch.ones(2, dtype=torch.float64)))(x))
r = tree(vmap(lambda a: vmap(vjp(lambda c: (w @ c).sin(), a)[1])(torch.eye(2, dtype=torch.float64)))(x))
r = tree(vmap(lambda a: vjp(lambda c: (w @ c).sin(), a)[0])(x))
r = tree(vmap(lambda a: grad_and_value(lambda c: ((c * a).sum(), c + a), has_aux=True)(a))(x))
r = tree(vmap(grad(reshaping))(x))
r = tree(grad(lambda x: vmap(reshaping)(x).sum())(x))
r = tree(func.hessian(reshaping)(x[0]))
vmap(grad(lambda a: a))(x)
vmap(grad(lambda a: (a, a)))(x)
r = []; vmap(grad(lambda a: (r.append(a.requires_grad), a.sum())[1]))(x); r
r = []; grad(lambda x: vmap(lambda a: (r.append(a.requires_grad), a.sum())[1])(x).sum())(x); r
""",
    setup=SETUP,
    tol=SUMMED,
)


@parity(tol=SUMMED)
def test_gradients_of_gradients_of_samples(torch):
    """What vmap(grad) gives can be differentiated by what stands outside."""
    func = torch.func
    w = data(torch, 4, dtype="float64", grad=True)
    x = data(torch, 3, 4, dtype="float64", grad=True)
    per_sample = torch.vmap(func.grad(lambda w, a: (w * a).sin().sum()), (None, 0))(w, x)
    yield numbers(torch, per_sample)
    yield [numbers(torch, g) for g in torch.autograd.grad((per_sample**2).sum(), (w, x))]


@parity(tol=SUMMED)
def test_windows_on_memory_that_samples_share(torch):
    x, scales = data(torch, 3, 3), data(torch, 4, salt=1)

    def back(x):
        def f(a):
            return (a.as_strided((2, 2), (3, 1), 1) ** 2).sum()

        return lambda scale: torch.func.vjp(f, x)[1](scale)[0]

    yield numbers(torch, torch.vmap(back(x))(scales))
    yield numbers(torch, torch.vmap(back(x.t()))(scales))
    yield numbers(torch, torch.vmap(torch.vmap(back(x)))(scales.view(2, 2)))


@parity(tol=SUMMED)
def test_models(torch):
    """Ensembles of modules, and the gradients of each model for each sample."""
    func, nn = torch.func, torch.nn

    def model(salt):
        m = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
        with torch.no_grad():
            for i, p in enumerate(m.parameters()):
                p.copy_(data(torch, *p.shape, dtype="float64", salt=10 * salt + i))
        return m

    models = [model(i) for i in range(3)]
    params, buffers = func.stack_module_state(models)
    x, t = data(torch, 6, 4, dtype="float64"), data(torch, 6, 2, dtype="float64")

    def run(params, buffers, x):
        return func.functional_call(models[0], (params, buffers), (x,))

    yield numbers(torch, torch.vmap(run, (0, 0, None))(params, buffers, x))
    yield numbers(torch, torch.vmap(run)(params, buffers, data(torch, 3, 6, 4, dtype="float64")))

    def loss(params, buffers, x, t):
        return ((run(params, buffers, x) - t) ** 2).mean()

    of_samples = torch.vmap(func.grad(loss), (None, None, 0, 0))
    own = {k: v.detach() for k, v in models[0].named_parameters()}
    yield {k: numbers(torch, g) for k, g in of_samples(own, {}, x, t).items()}
    of_models = torch.vmap(of_samples, (0, 0, None, None))
    yield {k: numbers(torch, g) for k, g in of_models(params, buffers, x, t).items()}


@parity(tol=SUMMED)
def test_maml(torch):
    """A step of gradient descent for each task, differentiated by what all tasks start from."""
    func = torch.func
    w = data(torch, 4, dtype="float64")
    x, t = data(torch, 3, 5, 4, dtype="float64"), data(torch, 3, 5, dtype="float64")

    def loss(w, x, t):
        return ((x @ w - t) ** 2).mean()

    def after_a_step(w, x, t):
        return loss(w - 0.1 * func.grad(loss)(w, x, t), x, t)

    def over_tasks(w):
        return torch.vmap(after_a_step, (None, 0, 0))(w, x, t).sum()

    yield numbers(torch, over_tasks(w))
    yield numbers(torch, func.grad(over_tasks)(w))
    yield numbers(torch, torch.vmap(func.grad(after_a_step), (None, 0, 0))(w, x, t))


@parity(tol=SUMMED)
def test_hessian_vector_products(torch):
    func = torch.func

    def f(x):
        return (x**3).sum() * x[0]

    def hvp(x, v):
        return func.grad(lambda y: (func.grad(f)(y) * v).sum())(x)

    x = data(torch, 4, dtype="float64")
    yield numbers(torch, torch.vmap(hvp, (None, 0))(x, torch.eye(4, dtype=torch.float64)))
    yield numbers(
        torch,
        torch.vmap(hvp)(
            data(torch, 3, 4, dtype="float64"), data(torch, 3, 4, dtype="float64", salt=1)
        ),
    )


# --- custom Functions -----------------------------------------------------------------------------

FUNCTIONS = """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(x): return x ** 3
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(inputs[0])
    @staticmethod
    def backward(ctx, g): return 3 * g * ctx.saved_tensors[0] ** 2
class OldForm(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(ctx, x): return x ** 3
class Generated(Cube): generate_vmap_rule = True
class Own(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return Own.apply(x), in_dims[0]
class Told(Cube):
    @staticmethod
    def vmap(info, in_dims, x):
        seen.append((info.batch_size, info.randomness, in_dims))
        return x * 1, in_dims[0]
class Both(Own): generate_vmap_rule = True
class NoPair(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return x
class One(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return (x,)
class Three(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return x, 0, 0
class TwoDims(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return x, (0, 0)
class Shared(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return x[0], None
class Moved(Cube):
    @staticmethod
    def vmap(info, in_dims, x): return x.t() ** 3, 1
class Several(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x, n, y): return x * y.sum(), x + n
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], inputs[2])
        ctx.n, ctx.kept = inputs[1], inputs[0]
    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y.sum() + h * ctx.n + ctx.kept * 0, None, (g * x).sum().expand_as(y)
class Random(Generated):
    @staticmethod
    def forward(x): return x + torch.rand(2)
seen = []
x = data(3, 2, grad=True)
y = data(2, grad=True)
vmap = torch.vmap
def values(r): return [t.detach() for t in (r if isinstance(r, (tuple, list)) else [r])]
"""

test_custom_functions = table(
    """
vmap(Cube.apply)(x)
vmap(lambda a: Cube.apply(torch.ones(2)) + a)(x)
vmap(OldForm.apply)(x)
vmap(Both.apply)(x)
vmap(NoPair.apply)(x)
vmap(One.apply)(x)
vmap(Three.apply)(x)
vmap(TwoDims.apply)(x)
vmap(Random.apply)(x)
r = values(vmap(Generated.apply)(x))
r = values(vmap(Generated.apply, 1)(x))
r = values(vmap(vmap(Generated.apply))(x))
r = values(torch.autograd.grad(vmap(Generated.apply)(x).sum(), x))
r = values(torch.autograd.grad(vmap(vmap(Generated.apply))(x).sum(), x))
g, = torch.autograd.grad(vmap(Generated.apply)(x).sum(), x, create_graph=True); r = values(torch.autograd.grad(g.sum(), x))
r = values(vmap(lambda a: Generated.apply(torch.ones(2)) + a)(x))
r = values(vmap(Own.apply)(x))
r = values(vmap(vmap(Own.apply))(x))
r = values(torch.autograd.grad(vmap(Own.apply)(x).sum(), x))
r = values(vmap(Told.apply)(x))
r = values(vmap(vmap(Told.apply, randomness='same'), randomness='different')(x))
r = values(vmap(Shared.apply)(x))
r = values(vmap(Moved.apply)(x))
r = values(vmap(Several.apply, (0, None, None))(x, 3, y))
r = values(torch.autograd.grad(sum(z.sum() for z in vmap(Several.apply, (0, None, None))(x, 3, y)), (x, y)))
r = values(torch.autograd.grad(sum(z.sum() for z in vmap(Several.apply, (None, None, 0))(y, 3, x)), (x, y)))
r = values(torch.autograd.grad(sum(z.sum() for z in vmap(Several.apply, (0, None, 0))(x, 3, x * 2)), x))
r = values(vmap(Random.apply, randomness='different')(x))
r = values(vmap(Random.apply, randomness='same')(x))
r = values(torch.func.vmap(torch.func.grad(lambda a: Generated.apply(a).sum()))(x))
r = values(torch.func.grad(lambda x: vmap(Generated.apply)(x).sum())(x))
r = values(torch.func.vmap(torch.func.grad(lambda a: Own.apply(a).sum()))(x))
""",
    setup=FUNCTIONS,
    tol=GRADIENT,
)


NO_ROWS = {
    "elementwise": lambda a: a.sin() * a,
    "takes rows": lambda a: a.roll(1).flip(0).cumsum(0),
    "row by row": lambda a: a.view(2, 2).trace() + a.repeat(2).sum(),
    "product": lambda a: a.view(2, 2) @ a.view(2, 2),
}


@parity(f=NO_ROWS, sizes=((0,), (2, 0), (0, 2)))
def test_hooks_of_a_pass_without_rows(torch, f, sizes):
    seen = []

    class Double(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(a):
            return a * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            seen.append(("backward", g.shape))
            return g * 2

    def g(a):
        b = Double.apply(a * 3)
        b.register_hook(lambda g: seen.append(g.shape))
        return NO_ROWS[f](b)

    out, pull = torch.func.vjp(g, data(torch, 4, dtype="float64"))
    for _ in sizes:
        pull = torch.vmap(pull)
    yield tuple(pull(out.new_zeros(*sizes, *out.shape))[0].shape), seen


def product(torch):
    """A Function whose derivative is itself applied, and that leaves it to the engine to sum over broadcast dims."""

    class Mul(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, y):
            return x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)
            ctx.first = inputs[0]

        @staticmethod
        def backward(ctx, g):
            _, y = ctx.saved_tensors
            return Mul.apply(g, y), Mul.apply(g, ctx.first)

        @staticmethod
        def jvp(ctx, a, b):
            x, y = ctx.saved_tensors
            return a * y + x * b

    return Mul


# Of functions f(x, y) of samples.
COMPOSITIONS = {
    "grad": lambda t, f, x, y: t.vmap(t.func.grad(f, (0, 1)))(x, y),
    "grad, y shared": lambda t, f, x, y: t.vmap(t.func.grad(f, (0, 1)), (0, None))(x, y[0]),
    "grad, x shared": lambda t, f, x, y: t.vmap(t.func.grad(f, (0, 1)), (None, -1))(
        x[0], y.movedim(0, -1)
    ),
    "grad of vmap": lambda t, f, x, y: t.func.grad(lambda x, y: t.vmap(f)(x, y).sum(), (0, 1))(
        x, y
    ),
    "grad of vmap, y shared": lambda t, f, x, y: t.func.grad(
        lambda x, y: t.vmap(f, (0, None))(x, y).sum(), (0, 1)
    )(x, y[0]),
    "vmap of grad of vmap": lambda t, f, x, y: t.vmap(
        t.func.grad(lambda x, y: t.vmap(f, (None, 0))(x, y).sum(), (0, 1)), (0, None)
    )(x, y),
    "jvp of vmap of grad": lambda t, f, x, y: t.func.jvp(
        lambda x, y: t.vmap(t.func.grad(f, (0, 1)))(x, y), (x, y), (x + 1, y - 1)
    ),
    "vmap of jvp of grad": lambda t, f, x, y: t.vmap(
        lambda v: t.func.jvp(lambda x: t.func.grad(f)(x, y[0]), (x[0],), (v,))
    )(x),
    "hessian": lambda t, f, x, y: t.func.hessian(f, (0, 1))(x[0], y[0]),
    "vmap of hessian": lambda t, f, x, y: t.vmap(t.func.hessian(f))(x, y),
    "jacrev of jacrev": lambda t, f, x, y: t.func.jacrev(t.func.jacrev(f), 1)(x[0], y[0]),
}


@parity(
    what=COMPOSITIONS,
    shapes=[((2,), (2,)), ((2,), (3, 2)), ((3, 1), (2,)), ((3, 2), ())],
    tol=SUMMED,
)
def test_gradients_that_the_engine_sums(torch, what, shapes):
    x, y = (data(torch, 3, *s, dtype="float64", salt=i) for i, s in enumerate(shapes))
    mul = product(torch).apply
    found = COMPOSITIONS[what](torch, lambda x, y: (mul(x, y) ** 2).sum(), x, y)
    leaves = torch.utils._pytree.tree_leaves(found)
    yield [(tuple(t.shape), numbers(torch, t)) for t in leaves]


def numpy_function(torch, seen):
    """A Function whose `vmap` has no derivative of its own."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return torch.from_numpy(x.detach().numpy() ** 3)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])
            ctx.save_for_forward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            seen.append(g.shape)
            return 3 * g * ctx.saved_tensors[0] ** 2

        @staticmethod
        def jvp(ctx, t):
            return 3 * t * ctx.saved_tensors[0] ** 2

        @staticmethod
        def vmap(info, in_dims, x):
            return torch.from_numpy(x.detach().numpy() ** 3), in_dims[0]

    return Cube


@parity(what=["grad", "vmap of vmap", "jvp", "jacrev", "hessian"])
def test_derivatives_within_a_vmap_are_those_of_the_function(torch, what):
    seen = []
    f = numpy_function(torch, seen).apply
    x = data(torch, 3, 4, 2, dtype="float64")
    func, vmap = torch.func, torch.vmap
    total = lambda a: f(a).sum()  # noqa: E731
    runs = {
        "grad": lambda: vmap(func.grad(total))(x),
        "vmap of vmap": lambda: vmap(vmap(func.grad(total)), 1)(x),
        "jvp": lambda: vmap(lambda a: func.jvp(f, (a,), (a + 1,))[1])(x),
        "jacrev": lambda: vmap(func.jacrev(total))(x),
        "hessian": lambda: vmap(func.grad(lambda a: func.grad(total)(a).sum()))(x),
    }
    yield numbers(torch, runs[what]())
    yield [tuple(s) for s in seen]


@parity(generated=(False, True), randomness=("same", "different", "error"))
def test_random_numbers_after_a_custom_function(torch, generated, randomness):
    class Double(torch.autograd.Function):
        generate_vmap_rule = generated

        @staticmethod
        def forward(a):
            return a * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2

        if not generated:

            @staticmethod
            def vmap(info, in_dims, a):
                return a * 2, in_dims[0]

    x = torch.zeros(3, 2)
    yield lambda: torch.vmap(lambda a: Double.apply(a) + torch.rand(2), randomness=randomness)(x)
    yield lambda: torch.vmap(
        lambda a: torch.func.grad(lambda b: Double.apply(b).sum())(a) + torch.rand(2),
        randomness=randomness,
    )(x)


# What backward and jvp of a Function of one argument of shape (2,) return for their own.
WRONG = {
    "sum": lambda t, g: g.sum(),
    "longer": lambda t, g: t.ones(5),
    "another dim": lambda t, g: t.ones(4, 2),
    "a number": lambda t, g: 1.0,
    "two": lambda t, g: (g, g),
    "nothing": lambda t, g: None,
    "double": lambda t, g: g.double(),
}


@parity(which=WRONG)
def test_what_mapped_derivatives_return(torch, which):
    class Double(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(a):
            return a * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.kept = {"a": [inputs[0]]}

        @staticmethod
        def backward(ctx, g):
            return WRONG[which](torch, g * ctx.kept["a"][0])

        @staticmethod
        def jvp(ctx, t):
            return WRONG[which](torch, t * 3)

    x = data(torch, 3, 2)
    yield lambda: numbers(torch, torch.vmap(torch.func.grad(lambda a: Double.apply(a).sum()))(x))
    if which not in ("double", "nothing"):
        yield lambda: numbers(
            torch, torch.vmap(lambda a, b: torch.func.jvp(Double.apply, (a,), (b,))[1])(x, x)
        )
