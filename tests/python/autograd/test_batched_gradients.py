"""`autograd.grad` with `is_grads_batched`, and windows on the samples of a `vmap`: what is refused."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, table

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
