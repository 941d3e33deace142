"""torch.autograd.forward_ad: levels, dual tensors, views and writes, custom Functions, gradcheck."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import warnings

import pytest
from parity import GRADIENT, SUMMED, parity, reference, scripts, subject, table


@pytest.fixture(autouse=True)
def level_is_closed():
    """PyTorch compiles something when it makes its first dual tensor, and warns."""
    torch = reference()
    with warnings.catch_warnings(), torch.autograd.forward_ad.dual_level():
        warnings.simplefilter("ignore")
        torch.autograd.forward_ad.make_dual(torch.ones(1), torch.ones(1))
    yield
    for engine in (torch, subject()):
        while engine.autograd.forward_ad._current_level >= 0:
            engine.autograd.forward_ad.exit_dual_level()


# `dual(t)` has the tangent 0, 1, 2, ...; `T(t)` is a plain copy of the tangent of t.
TOOLS = """
fw = torch.autograd.forward_ad
def values(t): return None if t is None else torch.tensor(t.tolist(), dtype=t.dtype)
def T(t): return values(fw.unpack_dual(t).tangent)
def dual(t): return fw.make_dual(t, torch.arange(float(t.numel())).view(t.shape).to(t.dtype))
while fw._current_level >= 0: fw.exit_dual_level()
_ = fw.enter_dual_level()
"""
CLOSE = """
fw.exit_dual_level()
"""


def programs(**sources):
    indented = {
        name: "\n".join([TOOLS, *(line.strip() for line in text.splitlines()), CLOSE])
        for name, text in sources.items()
    }
    return scripts(tol=GRADIENT, **indented)


# --- levels and dual tensors ----------------------------------------------------------------------

test_outside_of_a_level = table(
    """
    fw.make_dual(x, x)
    fw.make_dual(x, x, level=-2)
    fw.make_dual(x, x, level=0)
    u = fw.unpack_dual(x); u.primal is x; u.tangent; u._fields; isinstance(u, tuple)
    fw.exit_dual_level()
    fw.exit_dual_level(level=3)
    torch._C._exit_dual_level(level=0)
    torch._C._exit_dual_level(level=-1)
    fw.enter_dual_level(); fw.enter_dual_level()
    fw.enter_dual_level(); fw.exit_dual_level(level=5)
    fw.enter_dual_level(); fw.exit_dual_level(); fw.exit_dual_level()
    torch._C._enter_dual_level(); torch._C._exit_dual_level(level=0)
    fw._is_fwd_grad_enabled()
    """.replace("\n    ", "\n"),
    setup="""
fw = torch.autograd.forward_ad
while fw._current_level >= 0: fw.exit_dual_level()
x = torch.ones(3)
""",
)

test_dual_tensors = table(
    """
    d = fw.make_dual(x, v); d._base is x; fw.unpack_dual(d).tangent is v; d.data_ptr() == x.data_ptr()
    d = fw.make_dual(x, v); p = fw.unpack_dual(d).primal; p._base is x; T(p); T(p.view(2, 2)); T(p * 2)
    fw.make_dual(x, torch.ones(5))
    fw.make_dual(x, torch.ones(1))
    fw.make_dual(x, torch.ones(4, dtype=torch.int64))
    fw.make_dual(x.long(), torch.ones(4))
    fw.make_dual(x.long(), x.long())
    fw.make_dual(getattr(1.0, 'real'), torch.ones(4))
    fw.make_dual(x, getattr(x, 'grad'))
    fw.make_dual(fw.make_dual(x, v), v)
    fw.make_dual(x, fw.make_dual(x, v))
    fw.make_dual(x, v, level=1)
    fw.make_dual(x, v, level=-1)
    fw.unpack_dual(x).primal is x; fw.unpack_dual(x).tangent
    fw.unpack_dual(3)
    T(x.long())
    T(fw.unpack_dual(x, level=1).primal)
    d = fw.make_dual(torch.arange(6.0).view(2, 3).t(), torch.ones(3, 2)); fw.unpack_dual(d).tangent.stride()
    t = torch.arange(6.0)[2:]; d = fw.make_dual(x, t); fw.unpack_dual(d).tangent is t
    d = fw.make_dual(torch.arange(6.0)[2:], v); fw.unpack_dual(d).tangent.storage_offset()
    d = fw.make_dual(x, torch.ones(1).expand(4)); fw.unpack_dual(d).tangent.stride()
    d = fw.make_dual(torch.arange(8.0)[::2], v); fw.unpack_dual(d).tangent.stride()
    fw.make_dual(torch.ones(1).expand(4), v)
    t = v.clone().requires_grad_(); d = fw.make_dual(torch.arange(8.0)[::2], t); fw.unpack_dual(d).tangent.grad_fn.name()
    d = fw.make_dual(x, v); fw._current_level; fw.exit_dual_level(); T(d); fw.enter_dual_level(); T(d); T(d * 2)
    repr(fw.make_dual(x, v)); repr(fw.make_dual(torch.tensor(1.0), torch.tensor(2.0))); repr(dual(torch.ones(2, requires_grad=True)))
    import copy; d = dual(x); T(copy.copy(d)); T(copy.deepcopy(d)); T(nn.Parameter(d)); T(fw.make_dual(nn.Parameter(x), v))
    d = dual(x); T(d.detach()); T(d.data); T(d.clone()); T(d.int()); T(d > 1); T(d.double()); T(d.requires_grad_())
    d = dual(x); y = d * 2; y.detach_(); T(y)
    d = dual(x); d.numpy(); d.tolist(); d.sum().item(); T(torch.zeros_like(d)); T(d.argmax()); T(d.max(0)[0])
    d = dual(x); T(d.round()); T(d.sign()); T(d - d); T(d + 0.0); T(+d); T(d.contiguous())
    d = dual(x); fw.unpack_dual(d + 0.0).tangent is fw.unpack_dual(d).tangent; fw.unpack_dual(d.clone()).tangent is fw.unpack_dual(d).tangent
    d = dual(x); d.resize_(2)
    d = dual(x); d.data = torch.zeros(4); T(d)
    """.replace("\n    ", "\n"),
    setup=TOOLS + "x = torch.ones(4); v = torch.arange(4.0)",
)

test_out = table(
    """
    torch.add(dual(x), x, out=torch.empty(2, 2))
    torch.add(x, x, out=dual(torch.ones(2, 2)))
    torch.mm(dual(x), x, out=torch.empty(2, 2))
    torch.sum(dual(x), 0, out=torch.empty(2))
    torch.eq(dual(x), 0, out=torch.empty(2, 2, dtype=torch.bool))
    torch.cat([x, dual(x)], out=torch.empty(4, 2))
    """.replace("\n    ", "\n"),
    setup=TOOLS + "x = torch.ones(2, 2)",
)


@parity
def test_context_managers(torch):
    fw = torch.autograd.forward_ad
    x, v = torch.ones(3), torch.arange(3.0)

    @fw.dual_level()
    def decorated():
        return fw.unpack_dual(fw.make_dual(x, v) * 2).tangent

    yield decorated()

    def nested():
        with fw.dual_level(), fw.dual_level():
            pass

    yield nested
    yield fw._current_level
    with fw.dual_level() as level:
        yield level
        with fw._set_fwd_grad_enabled(False):
            d = fw.make_dual(x, v)
            y = d * 2
            yield fw.unpack_dual(d).tangent, fw._is_fwd_grad_enabled()
        yield fw.unpack_dual(d).tangent, fw.unpack_dual(y).tangent, fw._is_fwd_grad_enabled()
        with torch.no_grad():
            yield fw.unpack_dual(d * 2).tangent
        fw._set_fwd_grad_enabled(False)
        yield fw._is_fwd_grad_enabled()
        fw._set_fwd_grad_enabled(True)
        yield fw._is_fwd_grad_enabled()

    def raises():
        with fw.dual_level():
            raise KeyError("mine")

    yield raises
    yield fw._current_level


# --- views and writes -----------------------------------------------------------------------------

test_views_and_writes = programs(
    writing_to_a_dual="""
        d = dual(torch.ones(4))
        t = fw.unpack_dual(d).tangent
        v = d[:2]
        v.mul_(3)
        T(d), T(v)
        d.mul_(dual(torch.ones(4)))
        T(d), T(v)
        v.add_(1)
        T(d), T(v)
        v.zero_()
        T(d), T(v)
        fw.unpack_dual(d).tangent is t
        values(t)
    """,
    the_base_is_not_dual="""
        x = torch.zeros(4)
        d = dual(x)
        d.add_(d)
        T(x), T(d)
    """,
    through_views_of_a_constant="""
        b = torch.zeros(4)
        v = b.view(2, 2)
        w = v[1]
        v[0].copy_(dual(torch.ones(2)))
        T(b), T(v), T(w), T(b[:2])
        w.add_(dual(torch.ones(2)))
        T(b), T(v), T(w)
    """,
    base_of_views="""
        b = torch.zeros(4)
        v = b.view(2, 2)
        b.copy_(dual(torch.ones(4)))
        T(b), T(v), T(v.t())
        u = v.t()
        u.mul_(2)
        T(b)
    """,
    view_of_a_dual_is_written_to_by_a_dual="""
        d = dual(torch.ones(2, 3))
        e = d.t()[1:]
        e.mul_(dual(torch.full((2, 2), 2.0)))
        T(d), T(e)
        e[0] = 5.0
        T(d)
        d[:, 2] = dual(torch.ones(2))
        T(d), T(e)
    """,
    what_clears="""
        ops = [lambda d: d.copy_(torch.ones(4)), lambda d: d.fill_(2.0), lambda d: d.mul_(0), lambda d: d.__setitem__(0, 5.0), lambda d: d.floor_(), lambda d: d.fill_(torch.tensor(1.0)), lambda d: d.masked_fill_(torch.tensor([True, False, True, False]), 3.0), lambda d: d.eq_(1)]
        duals = [dual(torch.ones(4)) for _ in ops]
        _ = [f(d) for f, d in zip(ops, duals)]
        [T(d) for d in duals]
        d = dual(torch.ones(4))
        _ = d.uniform_()
        T(d)
        d = dual(torch.ones(4))
        _ = d.data.zero_()
        T(d)
    """,
    shapes_in_place="""
        d = dual(torch.ones(2, 3))
        _ = d.t_()
        T(d)
        _ = d.unsqueeze_(0)
        T(d)
        _ = d.squeeze_(0)
        d.mul_(2)
        T(d)
        d.transpose_(0, 1).add_(d)
        T(d)
    """,
    several_views_at_once="""
        d = dual(torch.ones(4))
        a, b = d.split(2)
        a.mul_(2)
        T(d), T(a), T(b)
        [T(p) for p in d.unbind()]
        [T(p) for p in d.chunk(2)]
    """,
    expanded="""
        d = dual(torch.ones(3, 1))
        e = d.expand(3, 2)
        T(e)
        fw.unpack_dual(e).tangent.stride()
        d.mul_(3)
        T(e)
        T(e.sum(1))
        T(e.as_strided((2, 2), (1, 0)))
    """,
    detached_memory="""
        b = torch.zeros(4)
        w = b.detach()
        w.add_(dual(torch.ones(4)))
        T(b), T(w)
    """,
    integers_have_no_tangent="""
        i = torch.zeros(4, dtype=torch.int64)
        i.copy_(dual(torch.ones(4)))
        T(i)
        T(dual(torch.ones(4)).long().float())
    """,
    self_on_both_sides="""
        d = dual(torch.full((3,), 2.0))
        d.div_(d + 1)
        T(d)
        d.sub_(d.clone(), alpha=0.5)
        T(d)
        d.pow_(2)
        T(d)
        d.exp_()
        T(d)
        d.sigmoid_().tanh_()
        T(d)
        _ = d.clamp_(0.5, 0.6)
        T(d)
    """,
    writes_by_index="""
        d = dual(torch.ones(3, 2))
        e = dual(torch.ones(3, 2))
        d[torch.tensor([0, 2])] = e[:2]
        T(d)
        _ = d.index_add_(0, torch.tensor([1]), e[2:])
        T(d)
        _ = d.scatter_(0, torch.tensor([[0, 1]]), e)
        T(d)
        _ = d.masked_scatter_(torch.tensor([[True, False]]), e)
        T(d)
        d[d > 1] = 0.0
        T(d)
        z = torch.zeros(3, 2)
        z[1] = e[0]
        T(z)
    """,
    leaves="""
        p = torch.ones(4, requires_grad=True)
        p.mul_(dual(torch.ones(4)))
        d = dual(p)
        d.mul_(2)
        with torch.no_grad(): v = p.view(4)
        _ = v.mul_(dual(torch.ones(4)))
        T(p), T(v)
    """,
    tangent_is_a_leaf="""
        v = torch.arange(4.0, requires_grad=True)
        d = fw.make_dual(torch.ones(4), v)
        d.mul_(2)
    """,
)


def test_self_on_both_sides_of_a_write(torch):
    """Not compared: PyTorch reads the tangent that it has just written."""
    fw = torch.autograd.forward_ad
    with fw.dual_level():
        d = fw.make_dual(torch.full((3,), 2.0), torch.arange(3.0))
        d.mul_(d)
        assert fw.unpack_dual(d).tangent.tolist() == [0.0, 4.0, 8.0]


# --- mixed with the backward pass -----------------------------------------------------------------

test_with_backward = programs(
    forward_over_reverse="""
        p = torch.ones(4, requires_grad=True)
        d = dual(p)
        y = (d ** 3).exp().sum()
        g, = torch.autograd.grad(y, p, create_graph=True)
        T(g)
        g, = torch.autograd.grad(y, p)
        T(g)
        y = (d * d).sum()
        y.backward()
        T(p.grad)
    """,
    accumulation="""
        p = torch.ones(4, requires_grad=True)
        p.grad = torch.zeros(4)
        (dual(torch.ones(4)) * p).sum().backward()
        T(p.grad)
        q = torch.ones(4, 4).t().requires_grad_()
        (dual(torch.ones(4, 4)) * q).sum().backward()
        T(q.grad)
    """,
    hooks_see_tangents="""
        seen = []
        p = torch.ones(4, requires_grad=True)
        d = dual(p) * 1
        _ = d.register_hook(lambda g: seen.append(T(g)))
        d.retain_grad()
        (d ** 2).sum().backward()
        seen
        T(d.grad), T(p.grad)
    """,
    reverse_over_forward="""
        p = torch.ones(4, requires_grad=True)
        v = torch.arange(4.0, requires_grad=True)
        d = fw.make_dual(p, v)
        t = fw.unpack_dual(d.sin().sum()).tangent
        torch.autograd.grad(t, (p, v), retain_graph=True)
        t.backward()
        p.grad, v.grad
        _u = fw.unpack_dual(d.sin()).primal
        _u.grad_fn.name(), d.grad_fn.name()
        _u.sum().backward()
        p.grad
    """,
    in_place_with_history="""
        p = torch.ones(4, requires_grad=True)
        v = torch.arange(4.0, requires_grad=True)
        y = fw.make_dual(p, v) * 2
        y[2:].mul_(y[:2])
        _t = fw.unpack_dual(y).tangent
        T(y)
        torch.autograd.grad((_t * _t).sum(), (p, v))
        torch.autograd.grad(y.sum(), p)
    """,
    saved_tensor_hooks="""
        p = torch.ones(4, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t): y = dual(p).sin()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t): z = dual(p).exp()
        T(torch.autograd.grad(y.sum(), p)[0])
        T(torch.autograd.grad(z.sum(), p)[0])
    """,
    long_history="""
        p = torch.ones(3, requires_grad=True)
        y = dual(p)
        for _ in range(50): y = (y * y).sum(0, keepdim=True).sqrt().expand(3) * 0.5
        T(y)
    """,
    modules="""
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Linear(4, 2))
        x = dual(torch.ones(2, 3))
        T(net(x))
        T(F.cross_entropy(net(x), torch.tensor([0, 1])))
        _g = torch.autograd.grad(F.cross_entropy(net(x), torch.tensor([0, 1])), list(net.parameters()))
        [(values(t), T(t)) for t in _g]
    """,
)


# --- custom Functions -----------------------------------------------------------------------------


def function(torch, forward, jvp):
    body = {"forward": staticmethod(forward), "jvp": staticmethod(jvp)}
    return type("F", (torch.autograd.Function,), body).apply


def doubled_in_place(ctx, x):
    ctx.mark_dirty(x)
    return x.mul_(2)


def one_is_constant(ctx, x):
    y = x * 2
    ctx.mark_non_differentiable(y)
    return x * 3, y


FUNCTIONS = {
    "wrong count": (lambda c, x: (x * 2, x * 3), lambda c, t: t),
    "too many": (lambda c, x: x * 2, lambda c, t: (t, t)),
    "no tensor": (lambda c, x: x * 2, lambda c, t: 3),
    "shape": (lambda c, x: x * 2, lambda c, t: t[:2]),
    "integer output": (lambda c, x: (x * 2, x.long()), lambda c, t: (t, t)),
    "integer output, None": (lambda c, x: (x * 2, x.long()), lambda c, t: (t, None)),
    "number output": (lambda c, x: (x * 2, 3), lambda c, t: (t, None)),
    "constant output": (one_is_constant, lambda c, t: (t, None)),
    "constant output has tangent": (one_is_constant, lambda c, t: (t, t)),
    "as it is": (lambda c, x: x, lambda c, t: t),
    "as it is, view": (lambda c, x: x, lambda c, t: t.view_as(t)),
    "as it is, copy": (lambda c, x: x, lambda c, t: t.clone()),
    "view, copy": (lambda c, x: x.view(2, 2), lambda c, t: t.view(2, 2).clone()),
    "view, view of a copy": (lambda c, x: x.view(2, 2), lambda c, t: t.clone().view(2, 2)),
    "view, view of a view": (lambda c, x: x.view(2, 2), lambda c, t: t[:].view(2, 2)),
    "view, without history": (lambda c, x: x.view(2, 2), lambda c, t: t.detach().view(2, 2)),
    "view": (lambda c, x: x.view(2, 2), lambda c, t: t.view(2, 2)),
    "the same": (lambda c, x: x * 2, lambda c, t: t),
    "in place": (doubled_in_place, lambda c, t: t.mul_(2)),
    "in place, fresh": (doubled_in_place, lambda c, t: t * 2),
    "in place, not written to": (doubled_in_place, lambda c, t: t),
    "in place, written to and fresh": (doubled_in_place, lambda c, t: t.mul_(2) * 1),
    "raises": (lambda c, x: x * 2, lambda c, t: {}[0]),
}


@parity(name=list(FUNCTIONS))
def test_what_jvp_returns(torch, name):
    fw = torch.autograd.forward_ad
    f = function(torch, *FUNCTIONS[name])

    def run():
        d = fw.make_dual(torch.ones(4), torch.arange(4.0))
        found = f(d)
        found = found if isinstance(found, tuple) else (found,)
        tangents = [fw.unpack_dual(t).tangent for t in found if isinstance(t, torch.Tensor)]
        return found[0] is d, fw.unpack_dual(d).tangent, tangents

    with fw.dual_level():
        yield run


@parity
def test_inputs_without_tangent_that_come_out_as_they_are(torch):
    fw = torch.autograd.forward_ad
    for jvp in (lambda c, t, u: (u, t * 2), lambda c, t, u: (u.view_as(u), t * 2)):
        f = function(torch, lambda c, x, w: (w, x * 2), jvp)
        with fw.dual_level():
            found = f(fw.make_dual(torch.ones(4), torch.arange(4.0)), torch.ones(4))
            yield fw.unpack_dual(found[0]).tangent  # PyTorch forgets the other


@parity
def test_views_of_a_dual_base_within_jvp(torch):
    fw = torch.autograd.forward_ad
    for jvp in (lambda c, t: t.view(2, 1), lambda c, t: t.clone().view(2, 1)):
        f = function(torch, lambda c, x: x.view(2, 1), jvp)

        def run(f=f):
            base = fw.make_dual(torch.ones(4), torch.arange(4.0))
            return fw.unpack_dual(f(base[:2])).tangent

        with fw.dual_level():
            yield run


@parity(materialize=(False, True))
def test_tangents_of_what_has_no_derivative(torch, materialize):
    def jvp(ctx, *tangents):
        seen.append(tangents)
        return tangents[0] if tangents[0] is not None else tangents[1]

    def forward(ctx, x, y, *others):
        ctx.set_materialize_grads(materialize)
        return x * 1

    seen = []
    f = function(torch, forward, jvp)
    others = torch.tensor([1, 2]), torch.tensor(True), 3, None, torch.ones(2).half()
    with torch.autograd.forward_ad.dual_level():
        x, t = torch.ones(2), torch.arange(2.0)
        d = torch.autograd.forward_ad.make_dual(x, t)
        f(d, x, *others)
        f(x, d, *others)
    yield seen


@parity
def test_what_jvp_sees(torch):
    fw = torch.autograd.forward_ad
    seen = []

    def forward(ctx, x, y, n):
        ctx.save_for_forward(x, y)
        seen.append((torch.is_grad_enabled(), fw._is_fwd_grad_enabled()))
        seen.append(fw.unpack_dual(x).tangent)
        return x * y

    def jvp(ctx, tx, ty, n):
        x, y = ctx.saved_tensors
        seen.append((torch.is_grad_enabled(), fw._is_fwd_grad_enabled(), n))
        seen.append((tx, ty, fw.unpack_dual(x).tangent, ctx.needs_input_grad))
        return tx * y + x * ty

    f = function(torch, forward, jvp)
    yield f(torch.ones(3), torch.ones(3), 2)
    with fw.dual_level():
        d = fw.make_dual(torch.ones(3), torch.arange(3.0))
        yield fw.unpack_dual(f(d, torch.full((3,), 2.0), 3)).tangent
        yield seen
        with fw._set_fwd_grad_enabled(False):
            yield fw.unpack_dual(f(d, d, 3)).tangent

    def unmaterialized(ctx, x, y):
        ctx.set_materialize_grads(False)
        return x + y

    f = function(torch, unmaterialized, lambda ctx, tx, ty: (seen.append(ty), tx.clone())[1])
    with fw.dual_level():
        yield fw.unpack_dual(f(fw.make_dual(torch.ones(3), torch.arange(3.0)), d)).tangent
        yield seen[-1]


@parity
def test_function_in_every_mode(torch):
    fw = torch.autograd.forward_ad

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs)
            ctx.save_for_backward(*inputs)

        @staticmethod
        def jvp(ctx, t):
            (x,) = ctx.saved_tensors
            return 2 * x * t

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    p = torch.arange(3.0, requires_grad=True)
    v = torch.ones(3, requires_grad=True)
    with fw.dual_level():
        y = Square.apply(fw.make_dual(p, v))
        t = fw.unpack_dual(y).tangent
        yield y, t.detach()
        yield torch.autograd.grad(t.sum(), (p, v), retain_graph=True)
        (g,) = torch.autograd.grad(y.sum(), p, retain_graph=True)
        yield fw.unpack_dual(g).tangent.detach()

    class NoJvp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    class SavesNumber(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(3)
            return x * 2

    with fw.dual_level():
        yield lambda: NoJvp.apply(fw.make_dual(torch.ones(2), torch.ones(2)))
    yield NoJvp.apply(torch.ones(2))
    yield lambda: SavesNumber.apply(torch.ones(2))


# --- functional, gradcheck ------------------------------------------------------------------------


@parity(tol=SUMMED)
def test_jacobians(torch):
    functional = torch.autograd.functional
    options = {"strategy": "forward-mode", "vectorize": True}
    x = torch.arange(4.0, dtype=torch.float64)

    def in_place(a):
        return a.mul_(2) * 1

    yield functional.jacobian(lambda a: a**2, x, **options)
    yield functional.jacobian(lambda a, b: (a * b.sum(), b), (x, x), **options)
    yield functional.jacobian(lambda a: torch.zeros(2), x, **options)
    y = x.clone()
    yield functional.jacobian(in_place, y, **options), y
    options = {"outer_jacobian_strategy": "forward-mode", "vectorize": True}
    yield functional.hessian(lambda a: (a**3).sum(), x, **options).detach()
    with torch.autograd.forward_ad.dual_level():
        yield lambda: functional.jacobian(in_place, x, strategy="forward-mode", vectorize=True)


def wrong_by(factor, *, ignores_missing=False):
    def make(torch):
        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                ctx.set_materialize_grads(False)
                ctx.save_for_backward(x, y)
                ctx.save_for_forward(x, y)
                return x * y

            @staticmethod
            def backward(ctx, g):
                x, y = ctx.saved_tensors
                return (None, None) if g is None else (y * g, x * g)

            @staticmethod
            def jvp(ctx, tx, ty):
                x, y = ctx.saved_tensors
                if tx is None:
                    return ty * x * (2 if ignores_missing else 1)
                return tx * y * factor if ty is None else (tx * y + ty * x) * factor

        return Product.apply

    return make


@parity(fast=[False, True], tol=SUMMED)
def test_gradcheck(torch, fast):
    def found(*arguments, **options):
        try:
            return torch.autograd.gradcheck(*arguments, fast_mode=fast, **options)
        except torch.autograd.gradcheck.__globals__["GradcheckError"] as error:
            # In fast mode PyTorch shows a history of the Jacobian.
            return str(error).replace(", grad_fn=<CopySlices>", "")

    x = torch.arange(1.0, 3.0, dtype=torch.float64, requires_grad=True)
    y = torch.ones(2, dtype=torch.float64, requires_grad=True)
    for make in (wrong_by(1), wrong_by(1.5), wrong_by(1, ignores_missing=True)):
        f = make(torch)
        yield found(f, (x, y), check_forward_ad=True)
        yield found(f, (x, y), check_forward_ad=True, check_backward_ad=False)
    yield lambda: torch.autograd.gradgradcheck(
        lambda a: a**3, x, check_fwd_over_rev=True, fast_mode=fast
    )
    yield lambda: torch.autograd.gradgradcheck(
        lambda a: a**3,
        x,
        check_fwd_over_rev=True,
        check_rev_over_rev=False,
        check_undefined_grad=False,
        fast_mode=fast,
    )


# --- parts, copies and storages -------------------------------------------------------------------

test_parts_and_copies = table(
    """
d = dual(x); a = d.unsafe_split(1)[1]; T(a); _ = a.mul_(2); T(a)
T(torch.select_copy(dual(x), 0, 1))
c = torch.t_copy(dual(x)); _ = c.mul_(3); T(c)
T(torch.unbind_copy(dual(x), 1)[2])
T(torch.select_scatter(dual(x), torch.ones(3), 0, 1))
T(torch.slice_scatter(x, dual(torch.ones(1, 3)), 0, 0, 1))
T(dual(x).put(torch.tensor([4]), torch.ones(1)))
d = dual(x) * 1; _ = d.put_(torch.tensor([4]), dual(torch.ones(1))); T(d)
d = dual(x) * 1; _ = d.fill_diagonal_(7); T(d)
d = dual(x) * 1; _ = d.scatter_reduce_(0, torch.tensor([[0, 1, 0]]), dual(x[:1]), "sum"); T(d)
T(dual(x).nan_to_num()); T(torch.copysign(dual(x), -1.0)); T(torch.float_power(dual(x), 2))
dual(x).set_(torch.zeros(5))
x.set_(dual(torch.zeros(5)))
dual(x).set_(torch.zeros(5).untyped_storage())
dual(x).resize_as_(torch.zeros(5))
torch.detach_copy(dual(x))
""",
    setup=TOOLS + "x = torch.arange(1.0, 7.0).view(2, 3)\n",
    tol=GRADIENT,
)
