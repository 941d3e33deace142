"""Hooks on tensors: order, removal, changed gradients, errors."""

from __future__ import annotations

from parity import parity, scripts


@parity
def test_order_and_values(torch):
    seen = []

    def hook(name, change=None):
        def run(grad):
            seen.append((name, grad.tolist(), grad.requires_grad))
            return None if change is None else change(grad)

        return run

    x = torch.ones(2, requires_grad=True)
    y = x * 2
    z = y * 3
    x.register_hook(hook("x1"))
    x.register_hook(hook("x2", lambda g: g * 10))
    handle = x.register_hook(hook("removed"))
    x.register_hook(hook("x3"))
    y.register_hook(hook("y", lambda g: g + 1))
    z.register_hook(hook("z"))
    handle.remove()
    handle.remove()
    z.sum().backward(retain_graph=True)
    yield seen, x
    z.sum().backward()
    yield seen, x


@parity
def test_retained_grad_and_hooks(torch):
    """retain_grad sees the gradient that the hooks leave, whatever the order of registration."""
    for retain_first in (True, False):
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        if retain_first:
            y.retain_grad()
        y.register_hook(lambda g: g * 5)
        y.register_hook(lambda g: g + 1)
        if not retain_first:
            y.retain_grad()
        (y * 3).sum().backward()
        yield x, y


@parity
def test_hooks_before_and_after_in_place(torch):
    seen = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g.tolist())))
    y.sum().backward()
    yield seen, x


@parity
def test_accumulated_use_runs_a_hook_once(torch):
    seen = []
    x = torch.ones(2, requires_grad=True)
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * x + x.exp() * 0).sum().backward()
    y = x * 1
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 2 + y * y).sum().backward()
    yield seen, x


@parity
def test_hooks_and_autograd_grad(torch):
    seen = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    x.register_hook(lambda g: seen.append("x") or g * 7)
    y.register_hook(lambda g: seen.append("y") or g * 3)
    yield torch.autograd.grad((y * y).sum(), x, retain_graph=True), seen
    yield torch.autograd.grad((y * y).sum(), [x, y]), seen


@parity
def test_hooks_with_create_graph(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    yield g
    g.sum().backward()
    yield x


@parity
def test_what_a_hook_may_return(torch):
    for value in (
        lambda g: g.double(),
        lambda g: g[:1],
        lambda g: g.expand(3, 2),
        lambda g: 3,
        lambda g: "a",
        lambda g: (g,),
        lambda g: None,
        lambda g: g.sum(),
        lambda g: g.mul_(2),
    ):
        for leaf in (True, False):
            x = torch.ones(2, requires_grad=True)
            y = x if leaf else x * 2
            y.register_hook(value)
            yield lambda: (y * 3).sum().backward()
            yield x


@parity
def test_exceptions_in_hooks(torch):
    def fail(grad):
        raise ZeroDivisionError("mine")

    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(fail)
    yield lambda: y.sum().backward()
    yield x
    yield lambda: (x * 3).sum().backward()
    yield x
    x.register_hook(fail)
    yield lambda: (x * 3).sum().backward()
    yield x


@parity
def test_hooks_that_change_hooks(torch):
    """A hook may register and remove others while it runs."""
    seen = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    handles = []

    def first(grad):
        seen.append("first")
        handles[1].remove()
        y.register_hook(lambda g: seen.append("late"))

    handles.append(y.register_hook(first))
    handles.append(y.register_hook(lambda g: seen.append("second")))
    y.sum().backward(retain_graph=True)
    yield seen
    y.sum().backward(retain_graph=True)
    yield seen


@parity
def test_post_accumulate_grad_hook(torch):
    seen = []
    x = torch.ones(2, requires_grad=True)
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    yield seen, x
    handle.remove()
    (x * 2).sum().backward()
    yield seen, x
    yield lambda: (x * 2).register_post_accumulate_grad_hook(lambda p: None)


@parity
def test_node_hooks(torch):
    seen = []
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    node = y.grad_fn
    handle = node.register_hook(
        lambda gi, go: seen.append((len(gi), [g.tolist() for g in go])) or (gi[0] * 5, gi[1])
    )
    node.register_prehook(lambda go: seen.append("pre") or (go[0] * 2,))
    y.sum().backward(retain_graph=True)
    yield seen, x
    handle.remove()
    y.sum().backward()
    yield seen, x


test_errors = scripts(
    errors="""
        torch.ones(2).register_hook(print)
        x = torch.ones(2, requires_grad=True)
        x.register_hook()
        x.register_hook(3)
        h = x.register_hook(lambda g: None)
        type(h).__name__
        with h: pass
        (x * 2).sum().backward()
        y = x.detach()
        y.register_hook(lambda g: g)
        x.requires_grad_(False)
        x.register_hook(lambda g: g)
    """,
)
