"""Rules of autograd.Function: what may be saved, returned, marked and asked, and at which moment.

A case is a line of code that ends at its first exception. `make` makes a Function of two lambdas,
`also` does things in order and gives the last.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, scripts, table

SETUP = """
Function, once = torch.autograd.Function, torch.autograd.function.once_differentiable
grad = torch.autograd.grad
seen = []
def make(forward, backward=lambda ctx, *g: g[0], name="F", **more): return type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward), **{k: staticmethod(v) for k, v in more.items()}})
def also(*a): return a[-1]
def story(t, depth=6): return walk(t.grad_fn, depth)
def walk(f, depth): return f if f is None or depth == 0 else (f.name(), [(walk(n, depth - 1), k) for n, k in f.next_functions])
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
w = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)
c = torch.tensor([7.0, 8.0, 9.0])
y = x * 2
"""

test_saved_tensors = table(
    """
u = y[:2]; z = make(lambda ctx, t: also(ctx.mark_dirty(t), t.mul_(2), ctx.save_for_backward(t), t), lambda ctx, g: also(seen.append(ctx.saved_tensors), g * 2)).apply(u); z is u; y.sum().backward(); x.grad; seen
u = y[:2]; z = make(lambda ctx, t: also(ctx.mark_dirty(t), t.mul_(2), ctx.save_for_backward(t), t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(u); g, = grad(z.sum(), x, create_graph=True); g
u = y[:2]; z = make(lambda ctx, t: also(ctx.mark_dirty(t), t.mul_(2), ctx.save_for_backward(t), t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(u); y.add_(1); z.sum().backward()
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: 2 * g * ctx.saved_tensors[0]).apply(x); g, = grad(z.sum(), x, create_graph=True); story(g); h, = grad(g.sum(), x); h
z = make(lambda ctx, t: (lambda r: also(ctx.save_for_backward(r), r))(t.exp()), lambda ctx, g: g * ctx.saved_tensors[0]).apply(x); g, = grad(z.sum(), x, create_graph=True); story(g); grad(g.sum(), x)
z = make(lambda ctx, t: (lambda r: also(ctx.save_for_backward(t, r), r))(t.exp()), lambda ctx, g: also(seen.append([s.grad_fn and s.grad_fn.name() for s in ctx.saved_tensors]), g)).apply(x); z.sum().backward(); seen
z = make(lambda ctx, t: (lambda r: also(ctx.save_for_backward(t, r), r))(t.exp()), lambda ctx, g: also(seen.append([s.grad_fn and s.grad_fn.name() for s in ctx.saved_tensors]), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: (lambda m: also(ctx.save_for_backward(m), m * 2))(t * t), lambda ctx, g: also(seen.append((ctx.saved_tensors[0].requires_grad, ctx.saved_tensors[0].tolist())), g)).apply(x); z.sum().backward(); seen
z = make(lambda ctx, t: (lambda m: also(ctx.save_for_backward(m), m * 2))(t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(x); g, = grad(z.sum(), x, create_graph=True); g.requires_grad; story(g)
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: also(seen.append(ctx.saved_tensors[0] is x), g)).apply(x); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: also(seen.append(ctx.saved_tensors[0] is y), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: also(seen.append(ctx.saved_tensors[0] is ctx.saved_tensors[0]), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(t), ctx.save_for_backward(t, t), t * t), lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(t, None, t), t * t), lambda ctx, g: also(seen.append([s is None for s in ctx.saved_tensors]), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward([t]), t * t)).apply(y)
z = make(lambda ctx, t: also(ctx.save_for_backward(t, 3), t * t)).apply(y)
z = make(lambda ctx, t: also(ctx.save_for_backward("a"), t * t)).apply(y)
z = make(lambda ctx, t: also(ctx.save_for_backward(*[t] * 5), t * t), lambda ctx, g: also(seen.append(len(ctx.saved_tensors)), g)).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); y.add_(1); z.sum().backward()
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: g).apply(y); y.add_(1); z.sum().backward(); x.grad
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); y.detach().add_(1); z.sum().backward()
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); y.data.add_(1); z.sum().backward(); x.grad
z = make(lambda ctx, t: also(ctx.save_for_backward(t[:2]), t * t), lambda ctx, g: also(ctx.saved_tensors, g)).apply(y); y.add_(1); z.sum().backward()
z = make(lambda ctx, t: (lambda r: also(ctx.save_for_backward(r), r))(t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); z.add_(1); z.sum().backward()
z = make(lambda ctx, t: (lambda r: also(ctx.save_for_backward(r), r, r.view(3, 1)))(t * t), lambda ctx, g: also(seen.append(ctx.saved_tensors[0].requires_grad), g.view(3))).apply(y); z.sum().backward(); seen
z = make(lambda ctx, t: also(ctx.save_for_backward(c), t * c), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); c.add_(1); z.sum().backward()
z = make(lambda ctx, t: also(ctx.save_for_backward(w), t * w), lambda ctx, g: also(seen.append(ctx.saved_tensors[0].requires_grad), g * ctx.saved_tensors[0])).apply(y); g, = grad(z.sum(), x, create_graph=True); g.sum().backward(); w.grad; seen
z = make(lambda ctx, t: also(setattr(ctx, "kept", t), t * t), lambda ctx, g: 2 * g * ctx.kept).apply(x); g, = grad(z.sum(), x, create_graph=True); grad(g.sum(), x)
z = make(lambda ctx, t: also(setattr(ctx, "kept", t), t * t), lambda ctx, g: 2 * g * ctx.kept).apply(y); y.add_(1); z.sum().backward(); x.grad
z = make(lambda ctx, t: (lambda r: also(setattr(ctx, "kept", r), r))(t.exp()), lambda ctx, g: g * ctx.kept).apply(x); g, = grad(z.sum(), x, create_graph=True); g.requires_grad; grad(g.sum(), x)
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t)).apply(y); f = z.grad_fn; f.saved_tensors[0] is y; len(f.saved_tensors)
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: also(ctx.saved_tensors, g)).apply(y); z.sum().backward(retain_graph=True); z.grad_fn.saved_tensors[0] is y; z.sum().backward(); z.sum().backward()
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t), lambda ctx, g: also(seen.append(1), g)).apply(y); z.sum().backward(); z.sum().backward()
z = make(lambda ctx, t: also(ctx.to_save, t * t)).apply(y)
z = make(lambda ctx, t: also(seen.append(ctx.to_save), ctx.save_for_backward(t), seen.append(len(ctx.to_save)), t * t)).apply(y); seen
z = make(lambda ctx, t: also(setattr(ctx, "to_save", (t,)), t * t), lambda ctx, g: g * ctx.saved_tensors[0]).apply(y); z.sum().backward(); x.grad
z = make(lambda ctx, t: also(setattr(ctx, "saved_tensors", getattr(ctx, "needs_input_grad")), t * t)).apply(y)
z = make(lambda ctx, t: t * t).apply(y); z.grad_fn.saved_tensors; z.grad_fn.to_save
z = make(lambda ctx, t: also(ctx.save_for_backward(t), t * t)).apply(c); z.grad_fn
""",
    setup=SETUP,
    tol=SUMMED,
)

test_outputs = table(
    """
z = make(lambda ctx, t: (t * 1, 5, "a", None, [t])).apply(y); z[1:4]; z[0].grad_fn.name()
z = make(lambda ctx, t: [t * 1]).apply(y)
z = make(lambda ctx, t: (t * 1,)).apply(y); type(z).__name__, len(z); story(z[0])
z = make(lambda ctx, t: {"a": t * 1}).apply(y)
z = make(lambda ctx, t: t.long()).apply(y); z.requires_grad; z.grad_fn
z = make(lambda ctx, t: (t * 1, t.long()), lambda ctx, g, h: also(seen.append((h is None, None if h is None else (h.dtype, h.tolist()))), g)).apply(y); z[1].requires_grad; z[0].sum().backward(); seen
z = make(lambda ctx, t: also(ctx.set_materialize_grads(False), (t * 1, t.long())), lambda ctx, g, h: also(seen.append(h is None), g)).apply(y); z[0].sum().backward(); seen
z = make(lambda ctx, t: t > 1).apply(y); z.requires_grad
z = make(lambda ctx, t: t.double()).apply(y); z.sum().backward(); x.grad
z = make(lambda ctx, t: t[:0]).apply(y); z.sum().backward()
z = make(lambda ctx, t: t.sum(), lambda ctx, g: g.expand(3)).apply(y); z.backward(); x.grad
z = make(lambda ctx, t: t.clone().requires_grad_()).apply(y); story(z); z.sum().backward(); x.grad
z = make(lambda ctx, t: w).apply(y); z is w; story(z); z.requires_grad
z = make(lambda ctx, t: w * 1).apply(y); story(z); z.sum().backward(); x.grad; w.grad
z = make(lambda ctx, t: c).apply(y); z is c; story(z); c.requires_grad; c.is_leaf
z = make(lambda ctx, t: c).apply(y); z.sum().backward(); x.grad; story(c)
z = make(lambda ctx, t: torch.enable_grad()(lambda: t * w)()).apply(y); story(z); z.sum().backward(); w.grad; x.grad
a, b = make(lambda ctx, t: (lambda r: (r, r))(t * 2), lambda ctx, g, h: g + h).apply(y); a is b; story(a); a.output_nr, b.output_nr; (a + b).sum().backward(); x.grad
a, b = make(lambda ctx, t: (lambda r: (r, r[:1]))(t * 2), lambda ctx, g, h: g).apply(y); b._base is a, a._is_view(), b._is_view(); story(b)
a, b = make(lambda ctx, t: (lambda r: (r, r[:1]))(t * 2), lambda ctx, g, h: g).apply(y); a.mul_(2)
a, b = make(lambda ctx, t: (lambda r: (r, r.detach()))(t * 2), lambda ctx, g, h: g).apply(y); a.data_ptr() == b.data_ptr(); b.requires_grad; a.mul_(2); b
a, b = make(lambda ctx, t: t.unbind()[:2], lambda ctx, g, h: torch.stack([g, h, g])).apply(y); a._is_view(); (a * b).backward(); x.grad
z = make(lambda ctx, s, t: (t, s), lambda ctx, g, h: (h, g)).apply(y, w); z[0] is w, z[1] is y; story(z[0]); (z[0] * z[1]).sum().backward(); x.grad; w.grad
z = make(lambda ctx, s, t: s * t, lambda ctx, g: (g, g)).apply(y, y); z.sum().backward(); x.grad; story(z)
z = make(lambda ctx, t: torch.ones(2, 3), lambda ctx, g: g.sum(0)).apply(y); z.sum().backward(); x.grad
z = make(lambda ctx: torch.ones(2)).apply(); z.requires_grad
z = make(lambda ctx, a, b=5: a * b, lambda ctx, g: (g, None)[:len(ctx.needs_input_grad)]).apply(y); z.sum().backward(); x.grad
z = make(lambda ctx, a, b=5: a * b, lambda ctx, g: (g, None)).apply(y, 3); z.sum().backward(); x.grad
make(lambda ctx, a: a * 1).apply(y, y)
make(lambda ctx: 1).apply(y)
make(lambda a: a * 1).apply(y)
make(lambda ctx, *a: a[0] * 1, lambda ctx, g: (g,) + (None,) * 2).apply(y, 1, "b").sum().backward(); x.grad
make(lambda ctx, a, l: a * l[0], lambda ctx, g: (g, None)).apply(y, [w]).sum().backward(); x.grad; w.grad
make(lambda ctx, l: l[0] * 2).apply([y]).requires_grad
make(lambda ctx, a, d: a * d["k"], lambda ctx, g: (g, None)).apply(y, {"k": 2}).sum().backward(); x.grad
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, None)).apply(y, torch.arange(3)).sum().backward(); x.grad
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, g)).apply(y, torch.arange(3)).sum().backward(); x.grad
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, g)).apply(y, 5).sum().backward()
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, torch.ones(7))).apply(y, c).sum().backward(); x.grad
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, "x")).apply(y, c).sum().backward()
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, None, None, None)).apply(y, c).sum().backward(); x.grad
make(lambda ctx, a, n: a * 1, lambda ctx, g: (g, None, None, 1)).apply(y, c).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: ()).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: (g, g)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: [g]).apply(y).sum().backward(); x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: 5).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: 5.0).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: True).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: {"a": g}).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: np.ones(3)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: iter([g])).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx: None).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g, h: g).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda g: g).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g[:1]).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g.expand(2, 3)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g.view(3, 1)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g[None]).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: torch.ones(2, 2, 3)).apply(y).sum().backward(); x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: torch.tensor(1.0)).apply(y).sum().backward()
make(lambda ctx, a: a.sum(), lambda ctx, g: g).apply(y).backward()
make(lambda ctx, a: a * 1, lambda ctx, g: torch.zeros(0)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g.half()).apply(y).sum().backward(); x.grad.dtype
make(lambda ctx, a: a * 1, lambda ctx, g: g.bool()).apply(y).sum().backward(); x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: g.int()).apply(x).sum().backward(); x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: nn.Parameter(g)).apply(x).sum().backward(); type(x.grad).__name__; x.grad.requires_grad
make(lambda ctx, a: a * 1, lambda ctx, g: x).apply(x).sum().backward(); x.grad is x; x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: w).apply(x).sum().backward(); x.grad is w; x.grad.requires_grad
make(lambda ctx, a: a * 1, lambda ctx, g: g).apply(x).backward(c); x.grad is c; x.grad.data_ptr() == c.data_ptr()
make(lambda ctx, a: a * 1, lambda ctx, g: g.mul_(2)).apply(x).backward(c); c; x.grad
make(lambda ctx, a, b: a + b, lambda ctx, g: (g, g)).apply(x, w).backward(c); x.grad is w.grad; x.grad.data_ptr() == w.grad.data_ptr(); x.grad.add_(1); w.grad; c
make(lambda ctx, a, b: a + b, lambda ctx, g: (g, g)).apply(x, x).backward(c); c; x.grad
k = torch.ones(3); make(lambda ctx, a: a * 1, lambda ctx, g: k).apply(x).sum().backward(); x.grad is k; k.add_(1); x.grad
k = torch.ones(6); make(lambda ctx, a: a * 1, lambda ctx, g: k[::2]).apply(x).sum().backward(); x.grad.stride()
""",
    setup=SETUP,
    tol=SUMMED,
)

test_marks_and_questions = table(
    """
z = make(lambda ctx, a, b: also(seen.append(ctx.needs_input_grad), a * b), lambda ctx, g: (g, g)).apply(y, c); seen; z.grad_fn.needs_input_grad
z = make(lambda ctx, a, n, b: also(seen.append(ctx.needs_input_grad), a * b), lambda ctx, g: (g, None, g)).apply(c, "n", w); seen
torch.set_grad_enabled(False); z = make(lambda ctx, a: also(seen.append(ctx.needs_input_grad), a * 1)).apply(y); seen
z = make(lambda ctx, a, b: a * b, lambda ctx, g: also(seen.append(ctx.needs_input_grad), (g, g))[1]).apply(y, w); grad(z.sum(), w); seen
z = make(lambda ctx, a, b: a * b, lambda ctx, g: also(seen.append(ctx.needs_input_grad), (g, g))[1]).apply(y, w)
z = make(lambda ctx, a, b: a * b, lambda ctx, g: also(seen.append(ctx.needs_input_grad), (g, g))).apply(y, w); w.requires_grad_(False); z.sum().backward(); seen; w.grad
z = make(lambda ctx, a: also(setattr(ctx, "needs_input_grad", (False,)), a * 1), lambda ctx, g: also(seen.append(ctx.needs_input_grad), g)).apply(y); z.sum().backward(); seen; x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(), a * 1)).apply(y); z.sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a * 1)).apply(y)
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a * 1)).apply(c)
v = y[:2]; z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2), ctx.mark_non_differentiable(a), (a, a * 3))).apply(v); v; y
v = c[:2]; z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.mul_(2), ctx.mark_non_differentiable(a), (a, b * 3)), lambda ctx, g, h: (None, h)).apply(v, w); c; z[1].sum().backward(); w.grad
v = x.detach().requires_grad_().clone(); u = torch.no_grad()(lambda: v[:2])(); z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2), (a, a * 3))).apply(u)
z = make(lambda ctx, a: also(ctx.mark_dirty(w), a * 1)).apply(y)
z = make(lambda ctx, a: also(ctx.mark_dirty(a), ctx.mark_dirty(), a.mul_(2)), lambda ctx, g: g * 2).apply(y); z.sum().backward()
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2)), lambda ctx, g: g * 2).apply(y); z is y; z._version; z.sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a), lambda ctx, g: g * 2).apply(y); z is y; z._version; z.sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2), (a, a * 2)), lambda ctx, g, h: g + h).apply(y); story(z[0]); story(z[1]); (z[0] + z[1]).sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2), (a * 2, a)), lambda ctx, g, h: g + h).apply(y); z[1] is y; z[1].output_nr; z[1].sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.detach().mul_(2), a), lambda ctx, g: g * 2).apply(y); z._version; z.sum().backward(); x.grad
z = make(lambda ctx, a: also(ctx.mark_dirty(a), a.mul_(2))).apply(c); z is c; c.requires_grad; c._version
z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.add_(b)), lambda ctx, g: (g, g)).apply(c, w); z is c; story(c); c.sum().backward(); w.grad
z = make(lambda ctx, a, b: also(ctx.mark_dirty(a), a.add_(b)), lambda ctx, g: (g, g)).apply(x, w)
z = make(lambda ctx, a, b: also(ctx.mark_dirty(a, b), (a.mul_(2), b.mul_(3))), lambda ctx, g, h: (g * 2, h * 3)).apply(y, w * 1); story(z[0], 2); (z[0] * z[1]).sum().backward(); x.grad; w.grad
z = make(lambda ctx, a: also(ctx.mark_non_differentiable(a), a)).apply(y); z is y; z.requires_grad; story(z)
z = make(lambda ctx, a: (lambda r: also(ctx.mark_non_differentiable(r), r))(a * 2)).apply(y); z.requires_grad; z.grad_fn
z = make(lambda ctx, a: (lambda r, s: also(ctx.mark_non_differentiable(s), (r, s)))(a * 2, a * 3), lambda ctx, g, h: also(seen.append(h.tolist()), g)).apply(y); z[1].requires_grad; z[0].sum().backward(); seen
z = make(lambda ctx, a: (lambda r, s: also(ctx.set_materialize_grads(False), ctx.mark_non_differentiable(s), (r, s)))(a * 2, a * 3), lambda ctx, g, h: also(seen.append(h), g)).apply(y); z[0].sum().backward(); seen
z = make(lambda ctx, a: (lambda r, s: also(ctx.mark_non_differentiable(r), ctx.mark_non_differentiable(s), (r, s)))(a * 2, a * 3)).apply(y); z[0].requires_grad, z[1].requires_grad
z = make(lambda ctx, a: also(ctx.mark_non_differentiable(a * 5), a * 1)).apply(y); z.requires_grad
z = make(lambda ctx, a: also(ctx.mark_non_differentiable(), a * 1)).apply(y); z.requires_grad
z = make(lambda ctx, a: (a * 1, a * 2), lambda ctx, g, h: also(seen.append((g.tolist(), h.tolist(), h.shape, h.dtype, h.stride())), g)).apply(y); z[0].sum().backward(); seen
z = make(lambda ctx, a: (a * 1, a.double()[None]), lambda ctx, g, h: also(seen.append((h.tolist(), h.shape, h.dtype)), g)).apply(y); z[0].sum().backward(); seen
z = make(lambda ctx, a: also(ctx.set_materialize_grads(), a * 1)).apply(y)
z = make(lambda ctx, a: also(setattr(ctx, "materialize_grads", False), a * 1, (a * 1, a * 2)), lambda ctx, g, h: also(seen.append(h is None), g)).apply(y); z[0].sum().backward(); seen
z = make(lambda ctx, a: a * 1, once(lambda ctx, g: also(seen.append(torch.is_grad_enabled()), g * 2))).apply(y); grad(z.sum(), x, create_graph=True)[0].requires_grad; seen
z = make(lambda ctx, a: a * 1, once(lambda ctx, g: g * 2)).apply(y); g, = grad(z.sum(), x, create_graph=True); story(g, 1); g.sum().backward()
z = make(lambda ctx, a: a * 1, once(lambda ctx, g: g * 2)).apply(y); z.sum().backward(); x.grad; x.grad.requires_grad
z = make(lambda ctx, a: a * 1, once(lambda ctx, g: None)).apply(y); g = grad(z.sum(), y, create_graph=True, allow_unused=True); g
z = make(lambda ctx, a, b: a * b, once(lambda ctx, g: (g, None))).apply(y, w); g = grad(z.sum(), [y, w], create_graph=True, allow_unused=True); g[0].requires_grad; g[1]
z = make(lambda ctx, a: a * 1, once(lambda ctx, g: g * w)).apply(y); g, = grad(z.sum(), x, create_graph=True); g.requires_grad
z = make(lambda ctx, a: a * 1, lambda ctx, g: g.detach() * 2).apply(y); g, = grad(z.sum(), x, create_graph=True); g.requires_grad
z = make(lambda ctx, a: a * 1, lambda ctx, g: g * w).apply(y); g, = grad(z.sum(), x, create_graph=True); g.sum().backward(); w.grad
z = make(lambda ctx, a: a * 1, lambda ctx, g: g * w).apply(y); g, = grad(z.sum(), x); g.requires_grad
z = make(lambda ctx, a: a * 1, lambda ctx, g: g * w).apply(x); z.sum().backward(); x.grad.requires_grad
F2 = make(lambda ctx, a: a * 1); z = F2.apply(y); z.grad_fn.name(); type(z.grad_fn).__name__; isinstance(z.grad_fn, F2); isinstance(z.grad_fn, Function); type(z.grad_fn).__mro__[1].__name__
F2 = make(lambda ctx, a: also(seen.append(type(ctx).__name__), a * 1), name="Mine"); z = F2.apply(y); seen; z.grad_fn.name()
F2 = make(lambda ctx, a: also(setattr(ctx, "k", 5), a * 1)); z = F2.apply(y); z.grad_fn.k; getattr(z.grad_fn, "other")
F2 = make(lambda ctx, a: a * 1, lambda ctx, g: also(setattr(ctx, "k", ctx.__dict__.get("k", 0) + 1), seen.append(ctx.k), g)); z = F2.apply(y); z.sum().backward(retain_graph=True); z.sum().backward(); seen
F2 = make(lambda ctx, a: a * 1); F2.apply(y).grad_fn is F2.apply(y).grad_fn; z = F2.apply(y); z.grad_fn is z.grad_fn
F2 = make(lambda ctx, a: a * 1, lambda ctx, g: also(seen.append(ctx.next_functions[0][0].name()), g)); F2.apply(y).sum().backward(); seen
F2 = make(lambda ctx, a: also(seen.append(ctx.name()), a * 1)); F2.apply(y); seen
F2 = make(lambda ctx, a: also(seen.append(ctx.metadata), a * 1)); F2.apply(y); seen
F2 = make(lambda ctx, a: a * 1); F2.apply(y).grad_fn(torch.ones(3))
F2 = make(lambda ctx, a: a * 1); F2.apply(y).grad_fn.apply(torch.ones(3))
F2 = make(lambda ctx, a: a * 1); F2.forward(None, y); F2.backward(None, c)
F2 = make(lambda ctx, a: a * 1); F2()
F2 = make(lambda ctx, a: a * 1); F2(y)
F2 = make(lambda ctx, a: a * 1); F2().apply(y)
F2 = make(lambda ctx, a: a * 1); F2.apply
Function.apply(y)
Function.forward(None, y)
Function.backward(None, y)
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1)}).apply(y).sum().backward()
type("A", (Function,), {"backward": staticmethod(lambda ctx, a: a * 1)}).apply(y)
type("A", (Function,), {"forward": lambda self, a: a * 1, "backward": staticmethod(lambda ctx, g: g)}).apply(y)
type("A", (Function,), {"forward": classmethod(lambda cls, ctx, a: a * 1), "backward": staticmethod(lambda ctx, g: g)}).apply(y).sum().backward(); x.grad
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1), "backward": classmethod(lambda cls, ctx, g: g)}).apply(y).sum().backward(); x.grad
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1), "backward": lambda ctx, g: g * 3}).apply(y).sum().backward(); x.grad
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1), "vjp": staticmethod(lambda ctx, g: g * 3)}).apply(y).sum().backward(); x.grad
type("A", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1), "vjp": staticmethod(lambda ctx, g: g * 3), "backward": staticmethod(lambda ctx, g: g)}).apply(y).sum().backward()
type("B", (make(lambda ctx, a: a * 2, lambda ctx, g: g * 2),), {}).apply(y).sum().backward(); x.grad
type("B", (make(lambda ctx, a: a * 2, lambda ctx, g: g * 2),), {"backward": staticmethod(lambda ctx, g: g * 7)}).apply(y).sum().backward(); x.grad
type("B", (make(lambda ctx, a: a * 2, lambda ctx, g: g * 2),), {}).apply(y).grad_fn.name()
make(lambda ctx, a: 1 / 0).apply(y)
make(lambda ctx, a: a + torch.ones(5)).apply(y)
make(lambda ctx, a: a.add_(1)).apply(x)
make(lambda ctx, a: a.add_(1)).apply(y).sum().backward(); y; x.grad
make(lambda ctx, a: a * 1, lambda ctx, g: 1 / 0).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: g + torch.ones(5)).apply(y).sum().backward()
make(lambda ctx, a: a * 1, lambda ctx, g: x.add_(1)).apply(y).sum().backward(); x
""",
    setup=SETUP,
    tol=SUMMED,
)

test_setup_context = table(
    """
z = make(lambda a: a * 2, lambda ctx, g: g * 2, setup_context=lambda ctx, inputs, output: seen.append((len(inputs), type(inputs).__name__, output.requires_grad))).apply(y); z.sum().backward(); seen; x.grad
z = make(lambda a: a * 2, lambda ctx, g: g * ctx.saved_tensors[0], setup_context=lambda ctx, inputs, output: ctx.save_for_backward(output)).apply(y); g, = grad(z.sum(), x, create_graph=True); grad(g.sum(), x)
z = make(lambda a: (a * 2, a * 3), lambda ctx, g, h: g + h, setup_context=lambda ctx, inputs, output: seen.append(type(output).__name__)).apply(y); seen
z = make(lambda a, b: a * b, lambda ctx, g: (g * ctx.b, None), setup_context=lambda ctx, inputs, output: setattr(ctx, "b", inputs[1])).apply(y, 5); z.sum().backward(); x.grad
z = make(lambda a: a.mul_(2), lambda ctx, g: g * 2, setup_context=lambda ctx, inputs, output: ctx.mark_dirty(*inputs)).apply(y); z is y; z.sum().backward(); x.grad
z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: ctx.mark_non_differentiable(output)).apply(y); z.requires_grad
z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: 5).apply(y); z.requires_grad
z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: seen.append((torch.is_grad_enabled(), (inputs[0] * 2).requires_grad))).apply(y); seen
z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx: None).apply(y)
z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: 1 / 0).apply(y)
z = make(lambda a: a, lambda ctx, g: g * 10, setup_context=lambda ctx, inputs, output: seen.append(inputs[0] is output)).apply(y); seen; z is y; z.sum().backward(); x.grad
z = make(lambda a: a[:2], lambda ctx, g: torch.cat([g, g[:1]]), setup_context=lambda ctx, inputs, output: seen.append(output._is_view())).apply(y); seen; z.sum().backward(); x.grad
z = make(lambda: torch.ones(2), lambda ctx, g: None, setup_context=lambda ctx, inputs, output: seen.append(inputs)).apply(); seen
torch.set_grad_enabled(False); z = make(lambda a: a * 2, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: seen.append(ctx.needs_input_grad)).apply(y); seen
""",
    setup=SETUP,
    tol=SUMMED,
)

test_programs = scripts(
    tol=SUMMED,
    a_gradient_that_is_scaled="""
        class Reverse(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, scale): ctx.scale = scale; return x.view_as(x)
            @staticmethod
            def backward(ctx, g): return -ctx.scale * g, None
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = Reverse.apply(x, 0.5)
        graph(y)
        (y * y).sum().backward()
        x.grad
        g, = torch.autograd.grad((Reverse.apply(x, 2.0) ** 3).sum(), x, create_graph=True)
        g.sum().backward()
        x.grad
    """,
    a_view_written_to_beside_another_output="""
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a):
                ctx.mark_dirty(a.mul_(2))
                return a, a * 3
        b = torch.ones(3, requires_grad=True) * 1
        v = b[:2]
        F.apply(v)
        v, b
    """,
    a_recomputation="""
        class Checkpoint(torch.autograd.Function):
            @staticmethod
            def forward(ctx, f, *inputs):
                ctx.f = f
                ctx.save_for_backward(*inputs)
                return f(*inputs)
            @staticmethod
            def backward(ctx, g):
                inputs = [t.detach().requires_grad_(t.requires_grad) for t in ctx.saved_tensors]
                with torch.enable_grad(): out = ctx.f(*inputs)
                torch.autograd.backward(out, g)
                return (None, *(t.grad for t in inputs))
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        w = torch.tensor([3.0, 4.0], requires_grad=True)
        c = torch.tensor([5.0, 6.0])
        y = Checkpoint.apply(lambda a, b, k: (a * b).sin() * k, x, w, c)
        graph(y)
        (y * x).sum().backward()
        x.grad, w.grad
        z = Checkpoint.apply(lambda a: Checkpoint.apply(lambda b: b.exp(), a) * a, x)
        z.sum().backward()
        x.grad
    """,
    a_function_that_calls_a_function="""
        class Inner(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): return x * 2
            @staticmethod
            def backward(ctx, g): return g * 3
        class Outer(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): return Inner.apply(x) + 1
            @staticmethod
            def backward(ctx, g): return Inner.apply(g)
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = Outer.apply(x)
        graph(y)
        g, = torch.autograd.grad(y.sum(), x, create_graph=True)
        y.sum().backward(create_graph=True)
        graph(x.grad)
    """,
    second_derivatives_by_hand="""
        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): ctx.save_for_backward(x); return x ** 3
            @staticmethod
            def backward(ctx, g): x, = ctx.saved_tensors; return CubeBackward.apply(x, g)
        class CubeBackward(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, g): ctx.save_for_backward(x, g); return 3 * x ** 2 * g
            @staticmethod
            def backward(ctx, gg): x, g = ctx.saved_tensors; return 6 * x * g * gg, 3 * x ** 2 * gg
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = Cube.apply(x)
        g, = torch.autograd.grad(y.sum(), x, create_graph=True)
        graph(g)
        h, = torch.autograd.grad(g.sum(), x, create_graph=True)
        h
        torch.autograd.grad(h.sum(), x)
        v = torch.tensor([1.0, 10.0], requires_grad=True)
        g, = torch.autograd.grad(Cube.apply(x), x, v, create_graph=True)
        torch.autograd.grad(g.sum(), [x, v])
    """,
    state_over_passes="""
        class Counts(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): ctx.n = 0; ctx.save_for_backward(x); return x * 1
            @staticmethod
            def backward(ctx, g): ctx.n += 1; return g * ctx.n + 0 * ctx.saved_tensors[0]
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = Counts.apply(x)
        for k in range(3): y.sum().backward(retain_graph=True)
        x.grad
        y.grad_fn.n
        torch.autograd.grad(y.sum(), x)
        y.grad_fn.n
        y.sum().backward()
        y.grad_fn.n
    """,
    many_outputs_of_many_inputs="""
        seen = []
        class Mix(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *xs): ctx.n = len(xs); return tuple(x * (k + 1) for k, x in enumerate(xs)) + (sum(xs),)
            @staticmethod
            def backward(ctx, *gs):
                seen.append((len(gs), ctx.needs_input_grad, [g.tolist() for g in gs]))
                return tuple(g * (k + 1) + gs[-1] for k, g in enumerate(gs[:-1]))
        xs = [torch.tensor([float(k)], requires_grad=k != 1) for k in range(4)]
        out = Mix.apply(*xs)
        [o.requires_grad for o in out]
        [o.output_nr for o in out]
        out[0].backward(retain_graph=True)
        [x.grad for x in xs]
        torch.autograd.backward(out)
        [x.grad for x in xs]
        torch.autograd.grad(Mix.apply(*xs)[-1], xs[3])
        seen
    """,
)
