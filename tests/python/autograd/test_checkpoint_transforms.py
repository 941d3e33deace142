"""torch.utils.checkpoint under vmap and inside the transforms of torch.func, against PyTorch: values, or the
errors that say what does not go together."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, table

SETUP = """
import functools
C = torch.utils.checkpoint
T = torch.func
def again(f, *a, **k): return C.checkpoint(f, *a, use_reentrant=False, **k)
def node(f, *a, **k): return C.checkpoint(f, *a, use_reentrant=True, **k)
def select(f, *a): return again(f, *a, context_fn=functools.partial(C.create_selective_checkpoint_contexts, [torch.ops.aten.exp.default]))
def f(a): return a.sin().exp().cos()
x = torch.ones(3)
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    T.jvp(torch.sin, (x,), (x,))  # the first one warns, in PyTorch
b = torch.arange(6.0).reshape(2, 3) / 4
w = (torch.arange(6.0).reshape(2, 3) / 4 + 0.5).requires_grad_()
"""

test_transforms = table(
    """
T.vmap(lambda a: again(f, a))(b)
T.vmap(lambda a: select(f, a))(b)
T.vmap(lambda a: again(f, a), in_dims=1)(b) * 1
T.vmap(T.vmap(lambda a: again(f, a)))(b)
T.vmap(lambda a, c: again(lambda a, c: a * c, a, c), in_dims=(0, None))(b, x)
T.vmap(lambda a: again(f, a))(w)
y = T.vmap(lambda a: again(f, a))(w); y.sum().backward()
T.vmap(lambda a: node(f, a))(b)
T.grad(lambda a: again(f, a).sum())(x)
T.grad(lambda a: select(f, a).sum())(x)
T.grad(lambda a: node(f, a).sum())(x)
T.vjp(lambda a: again(f, a), x)
T.jacrev(lambda a: again(f, a))(x)
T.jacrev(lambda a: node(f, a))(x)
T.jacrev(T.grad(lambda a: again(f, a).sum()))(x)
T.vmap(T.grad(lambda a: again(f, a).sum()))(b)
T.grad(lambda b: T.vmap(lambda a: again(f, a))(b).sum())(b)
[t * 1 for t in T.jvp(lambda a: again(f, a), (x,), (x,))]
[t * 1 for t in T.jvp(lambda a: select(f, a), (x,), (x,))]
T.jvp(lambda a: node(f, a), (x,), (x,))
T.jacfwd(lambda a: again(f, a))(x)
y = again(lambda a: T.grad(lambda c: c.sin().sum())(a).exp(), w); y.sum().backward(); w.grad
y = again(lambda a: T.vmap(lambda c: c.sin() * 2)(a).exp(), w); y.sum().backward(); w.grad
y = select(lambda a: T.vmap(lambda c: c.exp().sin())(a), w); y.sum().backward(); w.grad
y = node(lambda a: T.vmap(lambda c: c.sin() * 2)(a).exp(), w); y.sum().backward(); w.grad
torch.autograd.functional.vjp(lambda a: again(f, a), x, x)
torch.autograd.functional.jacobian(lambda a: again(f, a), x)
torch.autograd.grad(again(f, w), w, torch.ones(2, 2, 3), is_grads_batched=True)
""",
    setup=SETUP,
    tol=GRADIENT,
)
