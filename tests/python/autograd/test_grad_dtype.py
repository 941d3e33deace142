"""`Tensor.grad_dtype`: the dtype of the gradients of a leaf."""

from __future__ import annotations

from parity import table

SETUP = """
x = torch.ones(3, requires_grad=True)
def wide(g): return g.double()
F = type("F", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x.clone()), "backward": staticmethod(lambda ctx, g: g.double())})
d, f, h = torch.float64, torch.float32, torch.float16
"""

test_rules = table(
    """
x.grad_dtype, torch.ones(3).grad_dtype, torch.ones(3, dtype=torch.int64).grad_dtype, x.detach().grad_dtype
(x * 2).grad_dtype
x.grad_dtype = d; x.grad_dtype; (x * 2).sum().backward(); x.grad; (x * 2).sum().backward(); x.grad
x.grad_dtype = d; x.grad = torch.ones(3, dtype=d); (x * 2).sum().backward(); x.grad; x.grad = torch.ones(3)
x.grad_dtype = None; x.grad_dtype; (x * 2).sum().backward(); x.grad
x.grad_dtype = None; x.grad = torch.ones(3, dtype=d); (x * 2).sum().backward(); x.grad
x.grad_dtype = None; x.grad = torch.ones(3, dtype=torch.int64); x.grad
x.grad_dtype = None; F.apply(x).sum().backward(); x.grad; (x * 1).sum().backward(); F.apply(x).sum().backward(); x.grad
x.grad_dtype = None; (x * 1).sum().backward(); F.apply(x).sum().backward(); x.grad
x.grad_dtype = None; x.grad = torch.ones(4)
x.grad_dtype = 3
x.grad_dtype = "a"
(x * 2).sum().backward(); x.grad_dtype = d
(x * 2).sum().backward(); x.grad_dtype = f; x.grad_dtype = None; x.grad_dtype = f; x.grad_dtype = h
y = x * 2; y.grad_dtype = d
v = x.view(3); v.grad_dtype = d
v = x.detach(); v.grad_dtype = d; v.grad_dtype, x.grad_dtype
z = torch.ones(3); z.grad_dtype = d; z.requires_grad_(); (z * 2).sum().backward(); z.grad
z = torch.ones(3, dtype=torch.int64); z.grad_dtype = d; z.grad_dtype
z = torch.ones(3); z.grad_dtype = d; z.grad = torch.ones(3, dtype=d); z.grad; z.grad = torch.ones(3)
y = x * 2; x.grad_dtype = d; y.sum().backward(); x.grad
y = x * 2; x.grad_dtype = None; y.sum().backward(); x.grad
x.grad_dtype = d; y = x * 2; str(y.grad_fn.next_functions[0][0]._input_metadata[0].dtype); x.grad_dtype = h; y.sum().backward(); x.grad
x.grad_dtype = d; (x * 2).sum().backward(); x.grad = None; x.grad_dtype = f; (x * 2).sum().backward(); x.grad
x.grad_dtype = d; torch.autograd.grad((x * 2).sum(), x)
x.grad_dtype = d; seen = []; k = x.register_hook(seen.append); (x * 2).sum().backward(); seen
x.grad_dtype = d; x.backward(torch.ones(3)); x.grad
x.grad_dtype = None; x.backward(torch.ones(3, dtype=d)); x.grad
x.grad_dtype = None; k = x.register_hook(wide); (x * 2).sum().backward()
x.grad_dtype = d; k = x.register_hook(lambda g: g.float()); (x * 2).sum().backward()
x.grad_dtype = h; F.apply(x).sum().backward(); x.grad
x.grad_dtype = d; (x * x).sum().backward(create_graph=True); x.grad; x.grad.sum().backward()
x.grad_dtype = d; copy = __import__("copy"); copy.deepcopy(x).grad_dtype, x.clone().detach().grad_dtype
x.grad_dtype = d; x.data = x.data.half(); x.grad_dtype, x.dtype
x.data = x.data.half(); x.grad_dtype
y = x * 1; y.detach_(); y.grad_dtype = d; y.grad_dtype
z = torch.ones(3); z.grad_dtype = d; z.mul_(x); z.grad_dtype
x.grad = torch.ones(3, dtype=d)
x.grad_dtype = d; x.grad = torch.ones(3)
x.grad_dtype = d; y = x * 1; y.sum().backward(); g = x.grad; (x * 1).sum().backward(); g is x.grad
p = torch.nn.Parameter(torch.ones(3)); p.grad_dtype = d; (p * 2).sum().backward(); p.grad
""",
    setup=SETUP,
)


def test_a_gradient_of_integers_is_refused(torch):
    import pytest

    x = torch.ones(3, requires_grad=True)
    x.grad_dtype = torch.int64
    with pytest.raises(RuntimeError, match="Long"):
        (x * 2).sum().backward()
    assert x.grad is None
