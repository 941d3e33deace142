"""What a function may do while `torch.func` transforms it: hooks, in-place, autograd, custom Functions."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from parity import GRADIENT, data, parity, subject, table

SETUP = """
grad, vjp = torch.func.grad, torch.func.vjp
x = data(3, dtype="float64")
w = data(3, dtype="float64", grad=True, salt=1)
c = data(3, dtype="float64", salt=2)
y = w * w
i = torch.arange(3)
m = torch.tensor([True, False, True])
def do(f): return grad(lambda a: (f(a), (a * a).sum())[1])(x)
"""

# --- writing --------------------------------------------------------------------------------------


def cube_in_place(torch, a, w, c):
    z = torch.zeros(3, 3, dtype=torch.float64)
    z[1] = a
    z[:, 0] *= a
    return (z**3).sum()


def view_of_a_product(torch, a, w, c):
    z = a * 1
    z.view(3, 1)[1:].mul_(2)
    return (z * z * a).sum()


def operators(torch, a, w, c):
    z = a * w
    z += w
    z *= a
    z -= c
    return (z / 2).sum()


def between_levels(torch, a, w, c):
    z = a * 1
    inner = torch.func.grad(lambda b: (b * z).sum())(a)
    z.mul_(2)
    return (z * inner).sum()


def in_an_inner_level(torch, a, w, c):
    def g(b):
        z = a * b
        z.mul_(a).add_(w)
        return z.sum()

    return (torch.func.grad(g)(a) * a).sum()


WRITES = {
    "a copy": lambda torch, a, w, c: a.clone().sin_().sum(),
    "a result": lambda torch, a, w, c: (a * 2).mul_(a).sum(),
    "zeros": lambda torch, a, w, c: (torch.zeros(3, dtype=torch.float64).add_(a) * a).sum(),
    "a result of w": lambda torch, a, w, c: ((w * 2).add_(1) * a).sum(),
    "a result of c": lambda torch, a, w, c: ((c * 2).add_(a) * a).sum(),
    "a copy of c": lambda torch, a, w, c: (c.clone().add_(a) * a).sum(),
    "what a gradient reads": lambda torch, a, w, c: a.exp().mul_(2).sum(),
    "the argument": lambda torch, a, w, c: a.sin_().sum(),
    "a view of the argument": lambda torch, a, w, c: a.view(-1).sin_().sum(),
    "an element of the argument": lambda torch, a, w, c: a.__setitem__(0, 1.0),
    "the argument in no_grad": lambda torch, a, w, c: torch.no_grad()(a.clone().add_)(1).sum(),
    "cube": cube_in_place,
    "view": view_of_a_product,
    "operators": operators,
    "between levels": between_levels,
    "in an inner level": in_an_inner_level,
}


@parity(which=WRITES, x_grad=(False, True), tol=GRADIENT)
def test_writing_to_what_was_made_inside(torch, which, x_grad):
    x = data(torch, 3, dtype="float64", grad=x_grad)
    w = data(torch, 3, dtype="float64", grad=True, salt=1)
    c = data(torch, 3, dtype="float64", salt=2)
    f = lambda a: WRITES[which](torch, a, w, c)  # noqa: E731
    yield lambda: torch.func.grad(f)(x)
    yield lambda: torch.func.grad(lambda a: torch.func.grad(f)(a).sum())(x)
    yield x, w, c


test_writing_to_what_was_captured = table(
    """
do(lambda a: c.add_(1))
do(lambda a: c.add_(a))
do(lambda a: c.mul_(2.0))
do(lambda a: c.div_(2, rounding_mode="floor"))
do(lambda a: c.sin_())
do(lambda a: torch.relu_(c))
do(lambda a: c.zero_())
do(lambda a: c.fill_(1))
do(lambda a: c.fill_(c[0]))
do(lambda a: c.copy_(a))
do(lambda a: c.pow_(2))
do(lambda a: c.pow_(a))
do(lambda a: c.clamp_(min=0))
do(lambda a: c.clamp_(min=c))
do(lambda a: c.lerp_(a, 0.5))
do(lambda a: c.addcmul_(a, a))
do(lambda a: c.masked_fill_(m, 1.0))
do(lambda a: c.index_fill_(0, i, 1.0))
do(lambda a: c.index_add_(0, i, a))
do(lambda a: c.scatter_(0, i, a))
do(lambda a: c.scatter_(0, i, 1.0))
do(lambda a: c.index_put_((i,), a))
do(lambda a: c.normal_())
do(lambda a: c.bernoulli_(0.5))
do(lambda a: c.resize_(4))
do(lambda a: c.t_())
do(lambda a: c.detach_())
do(lambda a: i.add_(1))
do(lambda a: i.bitwise_left_shift_(1))
do(lambda a: m.logical_not_())
do(lambda a: m.eq_(False))
do(lambda a: c.__iadd__(1))
do(lambda a: c.__ipow__(a))
do(lambda a: c.__setitem__(0, a[0]))
do(lambda a: c.__setitem__(slice(None), 1.0))
do(lambda a: c.__setitem__(i, 1.0))
do(lambda a: c.__setitem__(m, a[:2]))
do(lambda a: c.view(-1).add_(1))
do(lambda a: c[1:].mul_(a[1:]))
do(lambda a: c.detach().add_(1))
do(lambda a: c.data.add_(1))
do(lambda a: w.add_(1))
do(lambda a: y.mul_(2))
do(lambda a: x.add_(1))
do(lambda a: torch.no_grad()(lambda: c.add_(1))())
do(lambda a: torch.nn.init.zeros_(c))
do(lambda a: F.relu(c, inplace=True))
do(lambda a: torch.add(c, 1, out=c))
do(lambda a: torch.mm(a.detach().view(1, 3), a.detach().view(3, 1), out=torch.ones(1, 1, dtype=torch.float64)))
do(lambda a: grad(lambda b: (a.mul_(2), b.sum())[1])(a))
do(lambda a: (lambda z: grad(lambda b: (z.mul_(2), b.sum())[1])(a))(a * 1))
do(lambda a: a.detach().add_(1))
vjp(lambda a: c.add_(a), x)
torch.func.jacrev(lambda a: c.add_(a))(x)
""",
    setup=SETUP,
)

# --- what tensors are asked to do -----------------------------------------------------------------

# Inference mode is off in a function that is differentiated.
test_inference_mode = table(
    """
r = told(within(grad(lambda a: (a**3).sum()), x))
r = told(within(grad(lambda a: (a**3).sum()), i))
r = told(grad(lambda a: (a**3).sum())(i))
r = told(grad(lambda a: (a * i).sum())(x))
r = told(within(grad(lambda a: (a * i * w).sum()), x))
r = told(within(grad(lambda a: (a**2 * w).sum()), w))
r = told(within(grad(grad(lambda a: (a**3).sum())), x[0]))
r = told(within(torch.func.jacrev(grad(lambda a: (a**3).sum())), x))
r = told(within(torch.vmap(grad(lambda a: a**3)), i))
r = told(within(torch.func.jacfwd(torch.sin), i))
r = [told(t) for t in within(torch.func.jvp, torch.sin, (i,), (x,))]
r = told(within(grad(lambda a: a.clone().mul_(i).sum()), i))
r = told(within(grad(lambda a: torch.autograd.grad((a**3).sum(), a, create_graph=True)[0].sum()), x))
r = within(grad(lambda a: (a.sum(), a * 2), has_aux=True), x)[1].is_inference()
within(grad(lambda a: (i.mul_(2), a.sum())[1]), x)
within(lambda: (grad(look)(i), torch.vmap(look)(i), look(x))); torch.vmap(look)(i); modes
_ = within(torch.func.jvp, look, (i,), (x,)); modes
within(torch.enable_grad()(lambda: (grad(look)(i), look(x)))); modes
o, back = within(vjp, torch.sin, x); r = told(o), told(back(x)[0]), told(within(back, i)[0])
r = told(grad(half)(x))
r = told(within(grad(half), i))
""",
    setup=SETUP
    + """
def within(f, *a):
    with torch.inference_mode(): return f(*a)
def told(t): return t.detach().clone(), t.is_inference(), t.requires_grad
i = within(lambda: x * 2)
modes = []
def look(a):
    modes.append((torch.is_inference_mode_enabled(), torch.is_grad_enabled(), a.is_inference(), torch.ones(1).is_inference()))
    return a.sum()
def half(a):
    with torch.inference_mode(): b = a * a
    return (a * b.clone()).sum()
""",
)


test_requests = table(
    """
do(lambda a: a.requires_grad_())
do(lambda a: a.requires_grad_(False))
do(lambda a: c.requires_grad_())
do(lambda a: torch.ones(2).requires_grad_())
do(lambda a: setattr(torch.ones(2), "requires_grad", True))
grad(lambda a: (setattr(a, "requires_grad", False), (a * a).sum())[1])(x)
grad(lambda a: (lambda b: (setattr(b, "requires_grad", True), (b * b * a).sum())[1])(a.detach()))(x)
do(lambda a: a.retain_grad())
do(lambda a: (a * 2).retain_grad())
do(lambda a: w.retain_grad())
do(lambda a: a.sum().backward())
do(lambda a: torch.autograd.backward(a.sum()))
do(lambda a: torch.autograd.backward([a.sum()], inputs=[a]))
do(lambda a: w.sum().backward())
do(lambda a: a.grad)
do(lambda a: torch.autograd.functional.jacobian(torch.sin, a))
do(lambda a: torch.autograd.functional.hvp(lambda b: b.sin().sum(), a, a))
do(lambda a: torch.autograd.graph.saved_tensors_hooks(id, id).__enter__())
do(lambda a: torch.autograd.graph.save_on_cpu().__enter__())
c.register_hook(print)
do(lambda a: c.register_hook(print))
do(lambda a: (w * 2).register_hook(print))
do(lambda a: a.register_post_accumulate_grad_hook(print))
do(lambda a: (a * 2).register_post_accumulate_grad_hook(print))
grad(lambda a: a.sum() * a[0].item())(x)
grad(lambda a: a.sum() * a.tolist()[0])(x)
grad(lambda a: a.sum() if a.sum() > 0 else -a.sum())(x)
""",
    setup=SETUP,
)


@parity
def test_saved_tensor_hooks_around_a_transform(torch):
    x = data(torch, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        yield lambda: torch.func.grad(lambda a: a.sin().sum())(x)
        yield lambda: torch.func.vjp(torch.sin, x)
    yield torch.func.grad(lambda a: a.sin().sum())(x)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 2, lambda t: t):
        y = data(torch, 3, grad=True) ** 2
    yield torch.autograd.grad(y.sum(), y.grad_fn.next_functions[0][0].variable)


# --- autograd inside ------------------------------------------------------------------------------

test_autograd_grad = table(
    """
grad(lambda a: torch.autograd.grad((a ** 3).sum(), a, create_graph=True)[0].sum())(x)
grad(lambda a: torch.autograd.grad((a ** 3).sum(), a)[0].sum())(x)
grad(lambda a: (torch.autograd.grad((a ** 3).sum(), a)[0] * a).sum())(x)
grad(lambda a: torch.autograd.grad((a * w).sum(), w, create_graph=True)[0].sum())(x)
grad(lambda a: torch.autograd.grad((w * w).sum(), w, create_graph=True)[0].sum())(x)
grad(lambda a: (torch.autograd.grad(y.sum(), w)[0] * a).sum())(x)
grad(lambda a: (torch.autograd.grad(y, w, a, create_graph=True)[0] * a).sum())(x)
grad(lambda a: torch.autograd.grad((a * a).sum(), [a, w], allow_unused=True)[1])(x)
grad(lambda a: grad(lambda b: torch.autograd.grad((b * a).sum(), a, create_graph=True)[0].sum())(a).sum())(x)
grad(lambda a: grad(lambda b: torch.autograd.grad((b ** 2 * a).sum(), b, create_graph=True)[0].sum())(a).sum())(x)
grad(lambda a: torch.autograd.grad(a.detach().sum(), a))(x)
torch.autograd.grad(grad(lambda a: (a * a * w).sum())(x).sum(), w)
torch.autograd.grad(grad(lambda a: (a * a * w).sum())(x).sum(), [w, x])
""",
    setup=SETUP,
    tol=GRADIENT,
)

HOOKS = {
    "doubles": lambda w: lambda g: g * 2,
    "uses w": lambda w: lambda g: g * w,
    "reads": lambda w: lambda g: None,
    "squares": lambda w: lambda g: g * g,
}


@parity(
    hook=HOOKS,
    where=("argument", "result", "node", "outside"),
    x_grad=(False, True),
    tol=GRADIENT,
)
def test_hooks_inside(torch, hook, where, x_grad):
    x = data(torch, 3, dtype="float64", grad=x_grad)
    w = data(torch, 3, dtype="float64", grad=True, salt=1)
    v = w * w
    if where == "outside":
        v.register_hook(HOOKS[hook](w))

    def f(a):
        b = a * a
        if where == "argument":
            a.register_hook(HOOKS[hook](w))
        elif where == "result":
            b.register_hook(HOOKS[hook](w))
        elif where == "node":
            b.grad_fn.register_prehook(lambda gs: tuple(HOOKS[hook](w)(g) for g in gs))
        return (b * v).sum()

    if where == "node" and hook == "reads":
        return
    g, value = torch.func.grad_and_value(f)(x)
    yield g, value
    value.register_hook(lambda g: g * 7)
    (g.sum() + value).backward()
    yield x, w
    out, pull = torch.func.vjp(f, x)
    out.register_hook(lambda g: g * 5)
    yield pull(torch.tensor(2.0, dtype=torch.float64))
    yield torch.func.grad(lambda a: torch.func.grad(f)(a).sum())(x)


@parity
def test_a_handle_of_a_hook_works_inside(torch):
    x = data(torch, 3)
    calls = []

    def f(a):
        handle = a.register_hook(lambda g: calls.append("removed"))
        a.register_hook(lambda g: calls.append("kept"))
        handle.remove()
        return a.sum()

    yield torch.func.grad(f)(x)
    yield calls


# --- custom Functions -----------------------------------------------------------------------------


def functions(torch):
    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    class Once(Square):
        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    class Pair(torch.autograd.Function):
        @staticmethod
        def forward(x, k, y):
            return x * k, y.exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.k = inputs[1]
            ctx.save_for_backward(output[1])

        @staticmethod
        def backward(ctx, g, h):
            return g * ctx.k, None, h * ctx.saved_tensors[0]

    return Old, Square, Once, Pair


@parity(x_grad=(False, True), tol=GRADIENT)
def test_custom_functions(torch, x_grad):
    old, square, once, pair = functions(torch)
    grad = torch.func.grad
    x = data(torch, 3, dtype="float64", grad=x_grad)
    w = data(torch, 3, dtype="float64", grad=True, salt=1)
    yield lambda: grad(lambda a: old.apply(a).sum())(x)
    yield lambda: grad(lambda a: (old.apply(w) * a).sum())(x)
    yield lambda: grad(lambda a: old.apply(1))(x)
    yield old.apply(x)
    yield grad(lambda a: square.apply(a).sum())(x)
    yield grad(lambda a: (square.apply(w) * a).sum())(x)
    yield grad(lambda a: grad(lambda b: (square.apply(b) * a).sum())(a).sum())(x)
    yield grad(lambda a: grad(lambda b: square.apply(square.apply(b)).sum())(a).sum())(x)
    yield grad(lambda a: once.apply(a).sum())(x)
    yield lambda: grad(lambda a: grad(lambda b: once.apply(b).sum())(a).sum())(x)
    yield lambda: grad(lambda a: grad(lambda b: once.apply(b * a).sum())(a).sum())(x)
    yield grad(lambda a: sum(t.sum() for t in pair.apply(a, 3, a)), 0)(x)
    yield grad(lambda a: pair.apply(a, 3, w)[1].sum(), 0)(x)
    yield torch.func.jacrev(lambda a: square.apply(a).sum())(x).shape


# --- lives and threads ----------------------------------------------------------------------------


def test_nothing_stays_alive():
    torch = subject()

    class Marked(torch.Tensor):
        pass

    kept = []

    def f(a):
        b = (a * a).exp()
        b.mark = type("Mark", (), {})()
        kept.append(weakref.ref(b.mark))
        a.register_hook(lambda g: g + 0 * b)
        return b.sum()

    x = torch.ones(3)
    g = torch.func.grad(lambda a: torch.func.grad(f)(a).sum())(x)
    torch.func.vjp(f, x)[1](torch.ones(()))
    torch.func.jacrev(f)(x)
    del g
    gc.collect()
    assert [ref() for ref in kept] == [None] * len(kept)


def test_memory_does_not_grow():
    torch = subject()
    x = torch.ones(1000, requires_grad=True)
    w = torch.ones(1000, requires_grad=True)

    def once():
        g = torch.func.grad(lambda a: (a.exp() * w * a).sum())(x)
        g.sum().backward()
        torch.func.vjp(lambda a: a.exp() * w, x)[1](w)
        with pytest.raises(ZeroDivisionError):
            torch.func.grad(lambda a: (a * w).sum() * (1 // 0))(x)

    for _ in range(3):
        once()
    gc.collect()
    before = torch.memory_stats()["allocated_bytes.current"]
    for _ in range(30):
        once()
    gc.collect()
    assert torch.memory_stats()["allocated_bytes.current"] == before


def test_levels_belong_to_their_thread():
    torch = subject()
    x = torch.ones(3)
    seen = []

    def elsewhere():
        c.add_(1)  # not captured: there is no transform here
        t = torch.ones(2).requires_grad_()
        (t * t).sum().backward()
        seen.append(t.grad.tolist())
        seen.append(torch.func.grad(lambda a: (a * a).sum())(t.detach()).tolist())

    c = torch.zeros(3)

    def f(a):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return (a * a).sum()

    assert torch.func.grad(f)(x).tolist() == [2, 2, 2]
    assert seen == [[2, 2], [2, 2]]


@parity
def test_a_tensor_that_leaves_by_the_back_door(torch):
    x = data(torch, 3)
    w = data(torch, 3, grad=True, salt=1)
    out = []

    def f(a):
        out.extend([a * 2, a * w, torch.ones(2), torch.ones(2, requires_grad=True)])
        return a.sum()

    torch.func.grad(f)(x)
    a, b, c, _ = out
    yield lambda: a.sum().backward()
    yield a.detach() + 1, c + 1
    yield lambda: (a * w).sum().backward()
    yield w, torch.func.grad(lambda t: (t * c[0]).sum())(x)


def test_a_parameter_made_in_a_transform_learns_outside_of_it():
    """Modules that make their parameters in the first call."""
    torch = subject()
    cell = {}

    def f(a):
        if "p" not in cell:
            cell["p"] = torch.nn.Parameter(torch.ones(3))
        return (a * cell["p"]).sum()

    x = torch.ones(3)
    assert torch.func.grad(f)(x).tolist() == [1, 1, 1]
    (cell["p"] * x).sum().backward()
    assert cell["p"].grad.tolist() == [1, 1, 1]
    cell["p"].data.mul_(2)
    assert torch.func.grad(f)(x).tolist() == [2, 2, 2]


@parity
def test_printing_inside(torch):
    x = torch.tensor([1.0, 2.0])
    w = torch.tensor([3.0], requires_grad=True)
    texts = []

    def f(a):
        texts.extend(map(str, (a, a * 2, x, w, torch.ones(2), torch.zeros(0), a.sum() > 0)))

        def g(b):
            texts.extend(map(repr, (a, b, a * b, torch.ones(2, 2))))
            return b.sum()

        return torch.func.grad(g)(a).sum()

    torch.func.grad(f)(x)
    return texts
