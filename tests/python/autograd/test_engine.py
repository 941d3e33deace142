"""What a backward pass does around the gradients: hooks, captures, callbacks, odd leaves."""

from __future__ import annotations

import gc
import weakref

import pytest
from parity import EXACT, SUMMED, scripts, table

FUNCTIONS = """
make = lambda n, b: type(n, (torch.autograd.Function,), {'forward': staticmethod(lambda ctx, x: x * 2), 'backward': staticmethod(b)})
Double, Nothing = make('Double', lambda ctx, g: g * 2), make('Nothing', lambda ctx, g: None)
x = torch.ones(3, requires_grad=True)
seen = []
y = x * 2
"""

test_captures_and_hooks = table(
    """
h = y.register_hook(lambda g: g * 10); a = torch.autograd.grad(y.sum(), y, retain_graph=True); b = torch.autograd.grad(y.sum(), [y, x])
h = y.grad_fn.register_prehook(lambda g: (g[0] * 10,)); a = torch.autograd.grad(y.sum(), y, retain_graph=True); b = torch.autograd.grad(y.sum(), [y, x])
h = y.grad_fn.register_hook(lambda *g: seen.append(len(g))); y.sum().backward(inputs=[y]); y.grad; seen; y.sum().backward(inputs=[y])
w = torch.ones(2, 3, requires_grad=True); z = x + w; h = z.grad_fn.register_hook(lambda a, b: seen.append([g.shape for g in a])); z.sum().backward(); seen
h = y.register_hook(lambda g: (g,)); y.sum().backward()
h = y.register_hook(lambda g: g.double()); y.sum().backward()
h = y.grad_fn.register_hook(lambda a, b: (a[0],)); y.sum().backward()
h = y.grad_fn.register_hook(lambda a, b: a[0]); y.sum().backward()
h = y.grad_fn.register_hook(lambda a, b: (a[0], a[0])); y.sum().backward()
h = y.grad_fn.register_prehook(lambda a: 3); y.sum().backward()
h = y.register_hook(lambda g: seen.append(g)); h = x.register_hook(lambda g: seen.append(g)); Nothing.apply(y).sum().backward(); seen
h = y.register_hook(lambda g: torch.ones(3)); Nothing.apply(y).sum().backward()
Nothing.apply(y).sum().backward(); Nothing.apply(y).sum().backward()
h = y.register_hook(lambda g: h2.remove()); h2 = y.register_hook(lambda g: seen.append(1)); y.sum().backward(retain_graph=True); y.sum().backward(); seen
h = x.register_hook(lambda g: seen.append(1)); len(x._backward_hooks); x._backward_hooks.clear(); y.sum().backward(); seen
x._backward_hooks = {1: lambda g: seen.append(1)}; y.sum().backward(); seen
h = y.register_hook(lambda g: seen.append(1)); y.mul_(2); y._backward_hooks; y.sum().backward(); seen
h = y.register_hook(lambda g: seen.append(1)); y.detach_(); y.requires_grad_(); y.sum().backward(); seen
v = y[1:]; h = v.register_hook(lambda g: seen.append(1)); y.mul_(2); v.grad_fn; v._backward_hooks; h = v.register_hook(lambda g: seen.append(2)); v.sum().backward(); seen
x.register_hook()
x.register_hook(1, 2)
x.register_post_accumulate_grad_hook()
y.register_post_accumulate_grad_hook(print)
y.grad_fn.metadata["a"] = 1; y.grad_fn.metadata
hasattr(y.grad_fn, "__dict__"), hasattr(y.grad_fn, "foo")
weakref = __import__("weakref"); weakref.ref(y.grad_fn)
y.exp().grad_fn(torch.ones(3)); y.exp().grad_fn(); y.exp().grad_fn(3)
y.grad_fn(None); y.grad_fn(torch.ones(3), a=3)
""",
    setup=FUNCTIONS,
    tol=SUMMED,
)

test_odd_passes = scripts(
    tol=EXACT,
    callbacks="""
        engine = torch.autograd.Variable._execution_engine
        x, seen = torch.ones(3, requires_grad=True), []
        y = x * 2
        h = y.register_hook(lambda g: engine.queue_callback(lambda: seen.append(x.grad.tolist())))
        y.sum().backward()
        seen
        y = x * 2
        h = y.register_hook(lambda g: (engine.queue_callback(lambda: seen.append("never")), 1 / 0))
        y.sum().backward()
        (x * 2).sum().backward()
        seen
        engine.queue_callback(lambda: None)
    """,
    roots_taken_out_of_the_graph="""
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        z = y.sum()
        h = y.register_hook(lambda g: (z.detach_(), y.detach_(), None)[2])
        z.backward()
        x.grad
    """,
    leaves_that_change="""
        x = torch.ones(3, requires_grad=True)
        w = torch.ones(3, requires_grad=True)
        y = x * 2
        with torch.no_grad(): x.requires_grad_(False)
        x.mul_(w)
        y.sum().backward()
        z = torch.ones(3, requires_grad=True)
        y = z * z
        z.data = torch.zeros(4)
        y.sum().backward()
        z = torch.ones(3, requires_grad=True)
        y = z * 1
        z.data = torch.zeros(3, dtype=torch.float64)
        y.sum().backward()
    """,
    gradients_of_any_dtype="""
        F = type("F", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2), "backward": staticmethod(lambda ctx, g: g.long())})
        x = torch.ones(3, requires_grad=True)
        F.apply(x).sum().backward()
        (x * 2).backward(torch.ones(3, dtype=torch.int64))
        torch.autograd.grad(x * 2, x, torch.ones(3, dtype=torch.bool))
    """,
    gradients_that_share_memory="""
        x = torch.ones(3, requires_grad=True)
        g = torch.ones(3, 1)
        x.view(3, 1).backward(g)
        x.grad.add_(7)
        g
        x.grad = None
        g = torch.ones(3)
        (x + 0).backward(g)
        x.grad.add_(7)
        g
    """,
    variable="""
        V = torch.autograd.Variable
        V(torch.ones(2), requires_grad=True)
        V(3)
        isinstance(torch.ones(2), V), V is torch.Tensor
    """,
    not_recorded="""
        make = lambda f: type("F", (torch.autograd.Function,), {"forward": staticmethod(f), "backward": staticmethod(lambda ctx, g: g)})
        Same, Write = make(lambda ctx, x: x), make(lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1])
        x, z = torch.ones(3, requires_grad=True), torch.ones(3)
        with torch.no_grad(): a, b = Same.apply(x), Write.apply(x)
        a._base is None, b is x
        w = Same.apply(z)
        w._base is z
        w.mul_(x)
    """,
    views_in_place="""
        x = torch.ones(2, 3, requires_grad=True)
        y = x * 1
        y.t_().unsqueeze_(0).squeeze_().transpose_(0, 1).as_strided_((3,), (1,), 1)
        graph(y)
        y.sum().backward()
        x.t_()
        b = x * 2
        v = b[0:1]
        v.t_()
        graph(v)
        graph(b)
        z = x * x
        x.detach().t_()
        torch.ones(2, 3, 4).t_()
    """,
)

test_names_in_errors = table(
    """
y = x ** x; z = y * y; y.detach().add_(1); z.sum().backward()
y = Double.apply(x); z = y * y; y.detach().add_(1); z.sum().backward()
y = torch.zeros(3).copy_(x); z = y * y; y.detach().add_(1); z.sum().backward()
z = y * y; y[0] = 3; z.sum().backward()
y = (x * 1).cumprod_(0); y.mul_(2); y.sum().backward()
y = x * 1; y.pow_(2); y.grad_fn._saved_self.grad_fn.name()
""",
    setup=FUNCTIONS,
)


def test_handles_keep_nothing_alive(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    handles = [x.register_hook(id), y.register_hook(id), y.grad_fn.register_hook(id)]
    alive = weakref.ref(x)
    del x, y
    gc.collect()
    assert alive() is None
    for handle in handles:
        handle.remove()


def test_ctx_keeps_its_node(torch):
    kept = []

    class Keeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            kept.append(ctx)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            kept.append(ctx)
            return g

    x = torch.ones(3, requires_grad=True)
    y = Keeps.apply(x)
    assert y.grad_fn is kept[0]
    y.sum().backward()
    assert kept[1] is kept[0]
    del y
    gc.collect()
    assert kept[0].next_functions[0][0].variable is x
    alive = weakref.ref(kept[0])
    kept.clear()
    gc.collect()
    assert alive() is None


def test_attributes_survive_again_and_again(torch):
    """What C++ keeps for Python may come and go any number of times."""
    p = torch.nn.Parameter(torch.ones(2))
    p.note = 1
    graph = [p * 2]
    del p
    for _ in range(3):
        p = graph[-1].grad_fn.next_functions[0][0].variable
        assert p.note == 1
        graph[:] = [p * 3]
        del p
        gc.collect()


def test_a_gradient_kept_by_python_is_not_written_over(torch):
    """Not even when its Python object was handed out by C++ a second time."""
    kept = []

    def keep(g):
        g.note = True
        kept.append(g)

    x = torch.ones(3, requires_grad=True)
    y = x * 1
    y.register_hook(keep)
    (y * 3).sum().backward()
    (x * 1).sum().backward()
    assert kept[0].tolist() == [3, 3, 3]
    assert x.grad.tolist() == [4, 4, 4]


def test_a_saved_tensor_of_another_shape_is_not_read_past_its_end(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * x
    x.data = torch.zeros(2)
    with pytest.raises(RuntimeError, match="The size of tensor a"):
        y.sum().backward()


def test_a_dying_accumulator_is_not_taken_back(torch):
    """The leaf is used again by what runs while its graph is being freed."""
    x = torch.ones(3, requires_grad=True)
    results = []

    class Uses:
        def __del__(self):
            results.append(x * 3)

    y = x * 2
    y.grad_fn.next_functions[0][0].register_hook(lambda *g, uses=Uses(): None)
    del y
    gc.collect()
    assert len(results) == 1
    results[0].sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
