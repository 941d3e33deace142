"""autograd.Function: every way to define one, and every way to get it wrong."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, parity, scripts, table

# Small Functions, good and bad; each row below uses some of them.
SETUP = """
Function = torch.autograd.Function
class Double(Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x); return x * 2
    @staticmethod
    def backward(ctx, g): x, = ctx.saved_tensors; return g * 2 + 0 * x
class Cube(Function):
    @staticmethod
    def forward(x): return x ** 3
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs); ctx.set_materialize_grads(True)
    @staticmethod
    def backward(ctx, g): return 3 * ctx.saved_tensors[0] ** 2 * g
class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor, flag=None): ctx.factor = factor; return x * factor
    @staticmethod
    def backward(ctx, g): return g * ctx.factor, None, None
class Two(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.save_for_backward(a, b); return a + b, a * b
    @staticmethod
    def backward(ctx, g, h):
        a, b = ctx.saved_tensors
        return (g + h * b, g + h * a)
class Unmaterialized(Function):
    seen = []
    @staticmethod
    def forward(ctx, a): ctx.set_materialize_grads(False); return a * 1, a * 2
    @staticmethod
    def backward(ctx, g, h): Unmaterialized.seen.append((g is None, h is None)); return g if h is None else h * 2
class InPlace(Function):
    @staticmethod
    def forward(ctx, x): ctx.mark_dirty(x); return x.add_(1)
    @staticmethod
    def backward(ctx, g): return g * 5
class NoGrad(Function):
    @staticmethod
    def forward(ctx, x):
        i = x.argmax(); y = x > 0; z = x * 3
        ctx.mark_non_differentiable(i, y)
        return z, i, y
    @staticmethod
    def backward(ctx, g, gi, gy): return g * 3
class Once(Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x); return x * x
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g): return 2 * ctx.saved_tensors[0] * g
class Needs(Function):
    seen = []
    @staticmethod
    def forward(ctx, a, n, b): Needs.seen.append(ctx.needs_input_grad); return a * n + b
    @staticmethod
    def backward(ctx, g): Needs.seen.append(ctx.needs_input_grad); return g, None, g
def returning(value):
    class Returning(Function):
        @staticmethod
        def forward(ctx, x, y): return x * y
        @staticmethod
        def backward(ctx, g): return value(g)
    return Returning
def producing(value):
    class Producing(Function):
        @staticmethod
        def forward(ctx, x): return value(x)
        @staticmethod
        def backward(ctx, *g): return g[0]
    return Producing
class Raises(Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): raise KeyError("my own")
class RaisesForward(Function):
    @staticmethod
    def forward(ctx, x): raise KeyError("my own")
    @staticmethod
    def backward(ctx, g): return g
class NoBackward(Function):
    @staticmethod
    def forward(ctx, x): return x * 2
class NoForward(Function):
    pass
class Instance(Function):
    def forward(self, x): return x
    def backward(self, g): return g
class Identity(Function):
    @staticmethod
    def forward(ctx, x): return x
    @staticmethod
    def backward(ctx, g): return g * 10
class View(Function):
    @staticmethod
    def forward(ctx, x): return x.view(-1)
    @staticmethod
    def backward(ctx, g): return g.view(2, 2) * 10
class SavesOutput(Function):
    @staticmethod
    def forward(ctx, x): y = x.exp(); ctx.save_for_backward(y); return y
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
class KeepsOnCtx(Function):
    @staticmethod
    def forward(ctx, x): ctx.x = x; ctx.y = [1]; return x * 1
    @staticmethod
    def backward(ctx, g): return g * ctx.x * len(ctx.y)
class Dirty(Function):
    @staticmethod
    def forward(ctx, x): ctx.mark_dirty(x); x.add_(1); return x * 2
    @staticmethod
    def backward(ctx, g): return g
class SavesNone(Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x, None); return x * 1
    @staticmethod
    def backward(ctx, g): a, b = ctx.saved_tensors; return g if b is None else None
class SavesWrong(Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(3); return x * 1
    @staticmethod
    def backward(ctx, g): return g
class Vjp(Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def vjp(ctx, g): return g * 2
x = torch.tensor([1.0, 2.0, -3.0], requires_grad=True)
y = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
p = torch.tensor([1.0, 2.0, 3.0])
"""

test_functions = table(
    """
z = Double.apply(x); z.grad_fn.name(); type(z.grad_fn).__name__; graph(z); z.sum().backward()
z = Double.apply(x); z.sum().backward(retain_graph=True); z.sum().backward(); z.sum().backward()
z = Double.apply(p); z.sum().backward()
z = Double.apply(x * 1); graph(z); z.sum().backward()
z = Double.apply(Double.apply(x)); graph(z); z.sum().backward()
z = Double.apply(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); graph(g)
z = Double.apply(x); x.data.add_(1); z.sum().backward()
w = x * 1; z = Double.apply(w); w.add_(1); z.sum().backward()
with torch.no_grad(): z = Double.apply(x)
z = Cube.apply(x); z.sum().backward(); graph(z)
z = Cube.apply(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); h, = torch.autograd.grad(g.sum(), x, create_graph=True); h.sum().backward()
z = Scale.apply(x, 3.0); z.sum().backward()
z = Scale.apply(x, 3.0, True); z.sum().backward()
z = Scale.apply(x, torch.tensor(2.0)); z.sum().backward()
a, b = Two.apply(x, y); graph(a); graph(b); a.output_nr; b.output_nr; (a + b).sum().backward()
a, b = Two.apply(x, y); a.sum().backward()
a, b = Two.apply(x, y); b.sum().backward()
a, b = Two.apply(x, x); (a * b).sum().backward()
a, b = Two.apply(x, p); (a * b).sum().backward()
a, b = Unmaterialized.apply(x); a.sum().backward(); Unmaterialized.seen
a, b = Unmaterialized.apply(x); b.sum().backward(); Unmaterialized.seen
a = p.clone(); z = InPlace.apply(a); z is a; a._version; a
a = x * 1; z = InPlace.apply(a); z is a; graph(z); a._version; z.sum().backward()
a = x * 1; v = a[:2]; z = InPlace.apply(v); graph(a); a.sum().backward()
z = InPlace.apply(x)
z, i, b = NoGrad.apply(x); i.requires_grad; b.requires_grad; z.sum().backward()
z = Once.apply(x); z.sum().backward()
z = Once.apply(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); g.requires_grad; g.sum().backward()
z = Needs.apply(x, 2, p); z.sum().backward(); Needs.seen
z = Needs.apply(x, 2, y); z.sum().backward(); Needs.seen
z = Needs.apply(p, 2, p); Needs.seen
z = returning(lambda g: g).apply(x, y); z.sum().backward()
z = returning(lambda g: (g, g, g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g, g, None)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g,)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g, None)).apply(x, y); z.sum().backward()
z = returning(lambda g: (None, None)).apply(x, y); z.sum().backward()
z = returning(lambda g: [g, g]).apply(x, y); z.sum().backward()
z = returning(lambda g: None).apply(x, y); z.sum().backward()
z = returning(lambda g: (g[:2], g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g.sum(), g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g.expand(2, 3), g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g.view(3, 1), g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g.double(), g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (1, g)).apply(x, y); z.sum().backward()
z = returning(lambda g: ("a", g)).apply(x, y); z.sum().backward()
z = returning(lambda g: (g, g)).apply(x, p); z.sum().backward()
z = returning(lambda g: (g, g)).apply(x, 2); z.sum().backward()
z = producing(lambda t: t.long()).apply(x); z.requires_grad
z = producing(lambda t: t.sum()).apply(x); z.backward(torch.tensor(2.0))
z = producing(lambda t: t.detach()).apply(x); z.requires_grad; z.sum().backward()
z = producing(lambda t: 3).apply(x)
z = producing(lambda t: None).apply(x)
z = producing(lambda t: (t * 1, 3)).apply(x)
z = producing(lambda t: (t * 1, None)).apply(x)
z = producing(lambda t: [t * 1, t * 2]).apply(x)
z = producing(lambda t: ()).apply(x)
z = producing(lambda t: "a").apply(x)
z = producing(lambda t: (t, t)).apply(x)
z = Raises.apply(x); z.sum().backward()
z = RaisesForward.apply(x)
z = NoBackward.apply(x); z.sum().backward()
z = NoForward.apply(x)
z = Instance.apply(x)
z = Instance()(x)
Double()
Double.apply()
Double.apply(x, x)
Double.apply(1)
z = Identity.apply(x); z is x; z.grad_fn.name(); z._base is None; z.sum().backward()
z = Identity.apply(x * 1); z.add_(1)
z = Identity.apply(x); z.add_(1)
z = Identity.apply(p); z is p
w = torch.ones(2, 2, requires_grad=True); z = View.apply(w); z.sum().backward()
w = torch.ones(2, 2, requires_grad=True); z = View.apply(w * 1); z.add_(1)
z = SavesOutput.apply(x); z.sum().backward()
z = SavesOutput.apply(x); z.add_(1); z.sum().backward()
z = SavesOutput.apply(x); g, = torch.autograd.grad(z.sum(), x, create_graph=True); g.sum().backward()
z = KeepsOnCtx.apply(x); z.sum().backward()
z = Dirty.apply(x * 1)
z = SavesNone.apply(x); z.sum().backward()
z = SavesWrong.apply(x)
z = Vjp.apply(x); z.sum().backward()
z = Double.apply(x); z.grad_fn.saved_tensors[0] is x; z.sum().backward(); z.grad_fn.saved_tensors
z = KeepsOnCtx.apply(x); z.grad_fn.y; z.grad_fn.x is x
issubclass(Double, Function); Double.__name__; isinstance(Double.apply(x).grad_fn, torch.autograd.Function)
z = Double.apply(x); z.mul_(2); graph(z); z.sum().backward()
z = Double.apply(x).view(3, 1); z.mul_(2); graph(z); z.sum().backward()
z = Double.apply(x.double()); z.sum().backward()
""",
    setup=SETUP,
)

test_in_a_program = scripts(
    tol=SUMMED,
    relu="""
        class Relu(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.clamp(min=0)
            @staticmethod
            def backward(ctx, g):
                x, = ctx.saved_tensors
                g = g.clone()
                g[x < 0] = 0
                return g
        x = data(3, 4, grad=True)
        w = data(4, 4, salt=1, grad=True)
        loss = Relu.apply(x @ w).pow(2).mean()
        graph(loss)
        loss.backward()
    """,
    written_views="""
        class Write(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.mark_dirty(x)
                return x.mul_(3)
            @staticmethod
            def backward(ctx, g): return g * 3
        x = data(2, 3, grad=True)
        a = x * 2
        v = a[0]
        Write.apply(v) is v
        graph(v)
        graph(a)
        v.sum().backward()
        a = x * 2
        v, w = a[0], a.t()
        a.mul_(2)
        Write.apply(v)
        Write.apply(w)
        Write.apply(v)
        graph(v)
        v._version
        (v.sum() + a.sum() + w[1].sum()).backward()
    """,
    straight_through="""
        class Round(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): return x.round()
            @staticmethod
            def backward(ctx, g): return g
        x = data(5, grad=True)
        Round.apply(x).sum().backward()
    """,
)


@parity
def test_grad_mode_inside(torch):
    """forward runs without recording; backward records only for create_graph."""
    seen = []

    class Mode(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(torch.is_grad_enabled())
            seen.append((x * 2).requires_grad)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append((torch.is_grad_enabled(), g.requires_grad))
            return g * 2

    x = torch.ones(2, requires_grad=True)
    Mode.apply(x).sum().backward()
    torch.autograd.grad(Mode.apply(x).sum(), x, create_graph=True)
    with torch.no_grad():
        Mode.apply(x)
    yield seen


@parity
def test_backward_inside_backward(torch):
    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            with torch.enable_grad():
                x = ctx.saved_tensors[0].detach().requires_grad_()
                y = (x * x * x).sum()
            y.backward()
            return g * x.grad

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    Nested.apply(Nested.apply(x)).sum().backward()
    yield x
