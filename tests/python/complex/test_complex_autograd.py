"""Derivatives over complex numbers: conventions, both orders against finite differences, forward mode."""

from __future__ import annotations

from dataclasses import replace

import pytest
from parity import GRADIENT, subject, table

NEAR = replace(GRADIENT, ulps={"float64": 128, "float32": 128})
SETUP = (
    "z = data(3, dtype='complex128', grad=True); w = data(3, dtype='complex128', salt=1, grad=True); "
    "x = data(3, dtype='float64', grad=True)"
)

test_conventions = table(
    """
(z * z.conj()).real.sum().backward(); z.grad
(z * w).real.sum().backward(); z.grad; w.grad
(z * x).imag.sum().backward(); z.grad; x.grad
(x * 1j).abs().sum().backward(); x.grad
(x + z).abs().sum().backward(); x.grad; z.grad
z.sum().backward()
z[0].backward()
z.sum().backward(torch.tensor(1.0))
z.sum().backward(torch.tensor(1j, dtype=torch.complex128)); z.grad
z.abs().sum().backward(torch.tensor(1j, dtype=torch.complex128))
torch.autograd.grad(z.sum(), z, torch.tensor(2 - 1j, dtype=torch.complex128))
torch.autograd.grad((z ** 2).sum(), [z], torch.tensor(1 + 0j, dtype=torch.complex128), create_graph=True)
z.angle().sum().backward(); z.grad
z.sgn().real.sum().backward(); z.grad
torch.zeros(2, dtype=torch.cdouble, requires_grad=True).abs().sum().backward()
torch.polar(x.abs(), x).imag.sum().backward(); x.grad
torch.complex(x, x * x).abs().sum().backward(); x.grad
s = data(3, dtype="complex64", grad=True); s.to(torch.complex128).abs().sum().backward(); s.grad
x.to(torch.complex64).imag.sum().backward(); x.grad
x.to(torch.complex128).abs().sum().backward(); x.grad
z.real.sum().backward(); z.grad; z.imag.sum().backward(); z.grad
z.norm().backward(); z.grad; z.var().backward(); z.grad; z.std().backward(); z.grad
z.prod().abs().backward(); z.grad; z.cumprod(0).abs().sum().backward(); z.grad
h = []; z.register_hook(lambda g: h.append(g.dtype)); (z * 2).abs().sum().backward(); str(h[0])
z.grad = torch.ones(3)
z.grad = torch.ones(3, dtype=torch.complex128); z.abs().sum().backward(); z.grad
z.mul_(2)
y = z * 1; y.mul_(w); y += x; y.abs().sum().backward(); z.grad; w.grad; x.grad
y = x * 1; y.copy_(z); y.sum().backward(); z.grad
y = z * 1; y[1] = x[0]; y.abs().sum().backward(); z.grad; x.grad
y = z * 1; y.fill_(1j); y.abs().sum().backward(); z.grad
complex(z[0]); z.detach().requires_grad; z.requires_grad_(False).requires_grad
F.silu(z)
(z * 1).grad_fn, z.conj().grad_fn, z.real.grad_fn, torch.view_as_real(z).grad_fn, z.sgn().grad_fn, z.angle().grad_fn
graph(z.exp() * w); graph((z @ w).real); graph(torch.polar(x, x)); graph(z.imag)
""",
    setup=SETUP,
    tol=NEAR,
)

UNARY = {
    "exp": 1, "exp2": 1, "expm1": 1, "log": 1, "log2": 1, "log10": 1, "log1p": 1, "sqrt": 1, "rsqrt": 1, "sin": 1,
    "cos": 1, "tan": 1, "asin": 1, "acos": 1, "atan": 1, "sinh": 1, "cosh": 1, "tanh": 1, "asinh": 1, "acosh": 1,
    "atanh": 1, "sigmoid": 1, "reciprocal": 1, "square": 1, "neg": 1, "abs": 1, "angle": 1, "sgn": 1, "conj": 1,
    "conj_physical": 1, "real": 1, "imag": 1, "view_as_real": 1, "sum": 1, "mean": 1, "prod": 1, "var": 1, "std": 1,
    "positive": 1,
}  # fmt: skip

FUNCTIONS = {
    "add": "a + b", "mul": "a * b", "sub": "a - b", "div": "a / b", "pow": "a ** b", "pow_number": "a ** (1.5 - 1j)",
    "square": "a ** 2", "number_pow": "(1 + 2j) ** a", "mixed": "a * x + b / x", "real_pow": "x ** a", "pow_real": "a ** x", "negative_pow": "(-x) ** a",
    "lerp": "torch.lerp(a, b, a)", "addcmul": "torch.addcmul(a, b, a, value=2)", "addcdiv": "torch.addcdiv(a, b, a, value=2)",
    "where": "torch.where(x > 0, a, b)", "add_alpha": "torch.add(a, b, alpha=1j)", "number": "(2 - 1j) * a / (1 + 1j) + 1j",
    "matmul": "m @ m", "mv": "m @ a", "dot": "torch.dot(a, b)", "vdot": "torch.vdot(a, b)", "outer": "torch.outer(a, b)",
    "addmm": "torch.addmm(m, m, m, beta=1j, alpha=2 - 1j)", "bmm": "m[None] @ m[None]", "addmv": "torch.addmv(a, m, b, alpha=1j)",
    "einsum": "torch.einsum('ij,kj->ik', m, m.conj())", "baddbmm": "torch.baddbmm(m[None], m[None], m[None], alpha=1j)",
    "cumsum": "m.cumsum(0)", "cumprod": "m.cumprod(1)", "prod": "m.prod(0)", "prod_zero": "(m * (m.real > 0)).prod(0)",
    "norm": "m.norm()", "norm1": "m.norm(1)", "norm3": "m.norm(3, 0)", "norm_inf": "m.norm(float('inf'))", "var": "m.var(0)",
    "cat": "torch.cat([a, b, x])", "index": "m[torch.tensor([0, 2, 0])]", "gather": "m.gather(0, torch.tensor([[0, 1, 2]]))",
    "index_put": "m.index_put((torch.tensor([0, 0]),), a.expand(2, 3), accumulate=True)", "polar": "torch.polar(x, x)",
    "scatter_add": "a.scatter_add(0, torch.tensor([0, 0, 1]), b)", "masked_fill": "a.masked_fill(x > 0, 2j)",
    "complex": "torch.complex(x, x * x)", "view_as_complex": "torch.view_as_complex(torch.stack([x, x * x], -1))",
    "in_place": "(a * 1).mul_(b).add_(x)", "through_views": "written(a * 1, x)", "adjoint": "m.adjoint() @ m", "trace": "m.trace()",
    "abs_of_mixed": "(a * x).abs() + b.angle()", "to": "x.to(torch.complex128) * a", "l1": "torch.nn.functional.l1_loss(a, b)",
    "logsumexp": "torch.logsumexp(m, 0)", "logsumexp_all": "torch.logsumexp(m, (0, 1), True)", "dist": "torch.dist(a, b)",
    "dist1": "torch.dist(a, b, 1)", "dist3": "torch.dist(a, b, 3)", "renorm": "torch.renorm(m, 2, 0, 0.7)", "renorm1": "torch.renorm(m, 1, 1, 0.7)",
    "rms_norm": "torch.nn.functional.rms_norm(m, (3,), a)", "addcmul_value": "torch.addcmul(a, b, x, value=1 - 2j)",
    "addcdiv_value": "torch.addcdiv(a, b, a + 3, value=1j)", "sub_alpha": "torch.sub(a, x, alpha=2 + 1j)",
    "rsub_alpha": "torch.rsub(a, b, alpha=1j)", "addbmm": "torch.addbmm(m, m[None], m[None], beta=1j, alpha=2j)",
    "addr": "torch.addr(m, a, b, beta=1j, alpha=2j)", "index_add": "a.index_add(0, torch.tensor([0, 2]), b[:2], alpha=1j)",
    "normalize": "torch.nn.functional.normalize(m, dim=0)", "pairwise": "torch.nn.functional.pairwise_distance(m, m.t() * 2)",
    "softsign": "torch.nn.functional.softsign(a)", "tanhshrink": "torch.nn.functional.tanhshrink(a)",
    "linear": "torch.nn.functional.linear(m, m, a)", "roll": "m.roll(1, 0) * m.flip(1)", "diagonal": "m.diagonal() * m.tril(-1)[2]",
    "masked_scatter": "a.masked_scatter(x > 0.8, b)", "index_copy": "a.index_copy(0, torch.tensor([1]), b[:1])",
    "take": "m.take(torch.tensor([0, 4, 4]))", "put": "m.put(torch.tensor([0, 4]), a[:2], accumulate=True)",
    "cumprod_zero": "(m * (m.real > 0)).cumprod(0)", "unfold": "m.unfold(0, 2, 1).sum(-1)", "std_mean": "torch.std_mean(m, 0)[0]",
    "float_power": "a.float_power(b)", "mean": "m.mean(1)", "triu": "m.triu() @ m", "kron": "torch.tensordot(a, b, 0)", "real_of_product": "(a * b).real * x",
}  # fmt: skip


def inputs(torch):
    def numbers(*shape, salt):
        values = torch.randn(
            *shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(salt)
        )
        return torch.view_as_complex(values).requires_grad_()

    a, b, m = numbers(3, salt=1), numbers(3, salt=2), numbers(3, 3, salt=3)
    x = torch.tensor([0.7, 1.4, 0.9], dtype=torch.float64, requires_grad=True)
    return a, b, m, x


def written(y, x):
    y.real.mul_(2)
    y.imag = x
    return y * y


def function(text, torch):
    return lambda a, b, m, x: eval(
        text, {"torch": torch, "a": a, "b": b, "m": m, "x": x, "written": written}
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_finite_differences(name):
    torch = subject()
    f = function(FUNCTIONS[name], torch)
    check = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    assert check[0](f, inputs(torch), check_forward_ad=True)
    assert check[1](f, inputs(torch), check_fwd_over_rev=name not in ("through_views",))


@pytest.mark.parametrize("name", UNARY)
def test_unary_against_finite_differences(name):
    torch = subject()
    f = getattr(torch, name)
    z = inputs(torch)[0]
    assert torch.autograd.gradcheck(f, z, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, z, check_fwd_over_rev=True)
    assert torch.autograd.gradcheck(f, z, fast_mode=True)


def test_gradcheck_finds_a_missing_conjugate():
    torch = subject()

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * a

        @staticmethod
        def backward(ctx, g):
            (a,) = ctx.saved_tensors
            return g * 2 * a

    with pytest.raises(torch.autograd.gradcheck.__globals__["GradcheckError"]):
        torch.autograd.gradcheck(Wrong.apply, inputs(torch)[0])


test_transforms = table(
    """
torch.func.grad(lambda z: (z * z.conj()).real.sum())(v); torch.func.grad(lambda z: z.abs().sum())(v)
f, back = torch.func.vjp(lambda z: z * z, v); f; back(v)
torch.vmap(lambda z: z.conj() * z)(v); torch.vmap(torch.view_as_real)(v); torch.vmap(lambda z: z.real + z.imag)(v)
torch.vmap(torch.view_as_complex)(data(3, 2)); torch.vmap(torch.complex)(u, u); torch.vmap(torch.mm)(s, s); torch.vmap(lambda m: m.mH + 0)(s)
torch.vmap(torch.func.grad(lambda z: z.abs()))(v)
torch.func.grad(lambda z: z.sum())(v)
torch.func.jacrev(lambda z: z * 2)(v)
torch.func.jacrev(lambda a: a * 1j)(u)
torch.func.jacfwd(lambda z: z * 2)(v)
torch.autograd.functional.vjp(lambda z: z * z, v, v); torch.autograd.functional.jvp(lambda z: z * z, v, v)
torch.autograd.functional.jacobian(lambda z: z ** 2, v)
""",
    setup="v = data(3, dtype='complex128'); u = data(3, dtype='float64'); s = data(2, 3, 3, dtype='complex128')",
    tol=NEAR.ignoring(
        "grad_fn",
        "requires_grad",
        "is_view",
        "is_leaf",
        "version",
        "stride",
        "contiguous",
        "offset",
    ),
)

test_custom_functions = table(
    """
Square.apply(z).abs().sum().backward(); z.grad
ToReal.apply(z).sum().backward(); z.grad
ToComplex.apply(x).abs().sum().backward(); x.grad
Wrong.apply(x).sum().backward()
x.register_hook(lambda g: g * 1j); (x * 2).sum().backward()
""",
    setup=SETUP
    + """
def _sq(ctx, z): ctx.save_for_backward(z); return z * z
def _sqb(ctx, g): (z,) = ctx.saved_tensors; return g * (2 * z).conj()
Square = type("Square", (torch.autograd.Function,), {"forward": staticmethod(_sq), "backward": staticmethod(_sqb)})
ToReal = type("ToReal", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, z: z.real.clone()), "backward": staticmethod(lambda ctx, g: g.to(torch.complex128))})
ToComplex = type("ToComplex", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 1j), "backward": staticmethod(lambda ctx, g: (g * -1j).real)})
Wrong = type("Wrong", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x.clone()), "backward": staticmethod(lambda ctx, g: g * 1j)})
""",
    tol=NEAR,
)


def test_jvp():
    torch = subject()
    z, _, _, x = [t.detach() for t in inputs(torch)]
    t = torch.tensor([1j, 1 - 1j, 2], dtype=torch.complex128)
    y, pushed = torch.func.jvp(lambda z: z * z.conj(), (z,), (t,))
    assert torch.allclose(pushed, z * t.conj() + t * z.conj())
    _, pushed = torch.func.jvp(torch.abs, (z,), (t,))
    assert pushed.dtype == torch.float64
    assert torch.allclose(pushed, (z.conj() * t).real / z.abs())
    _, pushed = torch.func.jvp(lambda a: a * 1j, (x,), (x,))
    assert torch.allclose(pushed, x * 1j)


def test_jacfwd_of_complex_results_is_refused():
    torch = subject()
    with pytest.raises(RuntimeError, match="jacfwd: Expected all outputs to be real but received"):
        torch.func.jacfwd(lambda x: x * 1j)(inputs(torch)[3].detach())


def test_tangents_of_parts_share_memory():
    torch = subject()
    fw = torch.autograd.forward_ad
    z, _, _, x = [t.detach() for t in inputs(torch)]
    with fw.dual_level():
        d = fw.make_dual(z.clone(), torch.ones_like(z))
        d.real.mul_(3)
        d.imag = fw.make_dual(x, 5 * torch.ones_like(x))
        tangent = fw.unpack_dual(d).tangent
    assert torch.equal(tangent, torch.full_like(tangent, 3 + 5j))
