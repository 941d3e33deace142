"""Views of the parts of complex numbers and numbers made of parts, with writes through them; conjugates."""

from __future__ import annotations

from parity import CLOSE, scripts, subject, table

SETUP = "z = data(3, 2, dtype='complex64'); x = data(3, 2); w = data(3, 2, dtype='complex128')"

test_parts = table(
    """
torch.view_as_real(z); torch.view_as_real(z.t()); torch.view_as_real(z[1:]); torch.view_as_real(z[0, 1]); torch.view_as_real(w)
torch.view_as_real(x)
torch.view_as_complex(x); torch.view_as_complex(data(2, 3, 2)); torch.view_as_complex(data(2)); torch.view_as_complex(data(4, 2)[::2])
torch.view_as_complex(data(3, 3))
torch.view_as_complex(data(3, 2).t().contiguous().t())
torch.view_as_complex(torch.tensor(1.0))
torch.view_as_complex(data(3, 3)[:, :2])
torch.view_as_complex(data(7)[1:3])
torch.view_as_complex(torch.ones(2, dtype=torch.int64))
z.real; z.imag; w.real; z.t().imag; torch.real(z); torch.imag(z); torch.real(x); x.real is x
x.imag
torch.imag(x)
z.real = 5.0; z; z.imag = x; z; z.real = z.imag; z
x.real = 1.0; x
x.imag = 1.0
v = z.real; v.mul_(2); z; v._version, z._version; v._is_view(), v._base is z
v = torch.view_as_real(z); v[0, 0, 1] = 7; z; v.zero_(); z
v = torch.view_as_complex(x); v += 1j; x; v.fill_(2 - 1j); x
z.view(torch.float32); z.view(torch.float64); w.view(torch.complex64); data(4).view(torch.complex64)
torch.complex(x, x + 1); torch.complex(x, x[0]); torch.complex(x, torch.tensor(1.0)); torch.complex(x.double(), x.double())
torch.complex(x, x.double())
torch.complex(x.long(), x.long())
torch.polar(x.abs(), x); torch.polar(x, x[0]); torch.polar(x.double(), x.double())
z.conj_physical(); torch.conj_physical(z); z.conj_physical_(); x.conj_physical(); x.conj() is x; torch.conj(x) is x
z.conj_physical().is_conj(); z.is_conj(); z.is_neg(); z.resolve_conj() is z; z.resolve_neg() is z; x.resolve_conj() is x
z.abs(); z.angle(); z.sgn(); torch.abs(z.t()); x.angle(); x.sgn(); torch.tensor([1, -1]).angle(); torch.tensor([float('nan'), -0.0]).angle()
""",
    setup=SETUP,
    tol=CLOSE,
)

test_conjugates = table(
    """
z.conj().is_conj(); z.conj().conj().is_conj(); (z.conj() + 0); z.conj()[1].is_conj(); z.conj().t().is_conj(); z.conj().clone().is_conj()
z.mH + 0; z.adjoint() + 0; z.H + 0; z.mT; z.T; z.mH.is_conj(); x.mH; x.H; x.adjoint(); data(2, 2, 2, dtype='complex64').mH + 0
z.conj().resolve_conj(); z.conj().tolist(); z.conj()[0, 0].item(); z.conj() * z; z.conj() @ z.t(); torch.dot(z[0].conj(), z[1])
z.conj().abs(); z.conj().sum(); z.conj().real + 0; torch.cat([z.conj(), z]); z.conj().to(torch.complex128); z.conj().contiguous() + 0
z[0].H
z[0].mH
z[0].adjoint()
z.conj().numpy()
""",
    setup=SETUP,
    tol=CLOSE,
)

# What is written is real: its gradient is the real part of that of the window.
test_real_operands_of_writes = table(
    """
c[0].add_(x[0]); backward(c)
c[:, 1].mul_(x[:, 1]); c[1].sub_(x[0], alpha=2); backward(c)
c.t()[0].div_(x[:, 0]).addcmul_(x[:, 1], x[:, 0]); backward(c)
c[1:].conj().mul_(x[1:]); backward(c)
c.imag.add_(x); c[0].lerp_(c[1], 0.25); backward(c)
c[2].copy_(x[1]); c[0] = x[2]; backward(c)
""",
    setup="z = data(3, 2, dtype='complex128', grad=True); x = data(3, 2, dtype='float64', grad=True); c = z * 2\n"
    "def backward(c):\n    (c * c).sum().abs().backward()\n    return z.grad, x.grad",
    tol=CLOSE,
)


test_written_through = scripts(
    tol=CLOSE.ignoring("grad_fn"),
    real_of_a_computed="""
        a = data(3, dtype='complex64', grad=True)
        z = a * 1
        z.real.mul_(2)
        z.abs().sum().backward()
        a.grad
    """,
    imag_set="""
        a = data(3, dtype='complex64', grad=True)
        x = data(3, grad=True)
        z = a * 1
        z.imag = x * x
        (z * z.conj()).real.sum().backward()
        a.grad, x.grad
    """,
    view_as_real_written="""
        a = data(3, dtype='complex128', grad=True)
        z = a * a
        v = torch.view_as_real(z)
        v[:, 0] = 3
        v[1] *= 2
        (z * z).real.sum().backward()
        a.grad
    """,
    base_written="""
        a = data(3, dtype='complex128', grad=True)
        z = a * a
        r = z.real
        z.mul_(1j)
        r.sum().backward()
        a.grad
    """,
    complex_view_written="""
        x = data(3, 2, grad=True)
        y = x * 1
        z = torch.view_as_complex(y)
        z *= 1j
        y.pow(2).mul(data(3, 2)).sum().backward()
        x.grad
    """,
    complex_view_of_a_part="""
        x = data(4, 4, grad=True)
        y = x * 1
        z = torch.view_as_complex(y[1:, 2:])
        z.mul_(2 - 1j)
        (y * y * data(4, 4, salt=2)).sum().backward()
        x.grad
    """,
    base_of_a_complex_view_written="""
        x = data(3, 2, grad=True)
        y = x * 1
        z = torch.view_as_complex(y)
        y.mul_(3)
        z.abs().sum().backward()
        x.grad
    """,
    leaves="""
        a = data(3, dtype='complex64', grad=True)
        a.real.zero_()
        a.real = 1.0
        torch.view_as_real(a).zero_()
    """,
)

# After a write to the base, or through the view, a view is made again by the steps that made it.
test_views_made_again = table(
    """
y = w * 1; v = torch.view_as_real(y); y.mul_(2); graph(v); v.sum().backward(); w.grad
y = w * 1; v = torch.view_as_real(y); v.mul_(2); graph(v); graph(y); v.sum().backward(); w.grad
y = w * 1; v = y.real; y.mul_(2j); graph(v); v.sum().backward(); w.grad
y = w * 1; v = y.imag; v.mul_(2); graph(v); v.sum().backward(); w.grad
y = w * 1; v = y.real[0:2]; y.mul_(2); graph(v); v.sum().backward(); w.grad
y = w * 1; v = y.real[0:2].t(); v.mul_(2); graph(v); v.exp().sum().backward(); w.grad
y = w * 1; v = y[0:2].real; y.mul_(2); graph(v); v.exp().sum().backward(); w.grad
y = w * 1; v = y.t()[0].imag[1:]; v.exp_(); graph(v); (v * v).sum().backward(); w.grad
y = w * 1; v = y[0].conj(); y.mul_(2j); graph(v); v.imag.sum().backward(); w.grad
y = w * 1; v = y.conj()[0]; y.mul_(2j); graph(v); v.imag.sum().backward(); w.grad
y = w * 1; v = y.conj().conj(); y.mul_(2j); graph(v); v.imag.sum().backward(); w.grad
y = w * 1; v = y.conj().real; y.mul_(2j); graph(v); v.sum().backward(); w.grad
y = w * 1; v = y[1].conj().imag[0:1]; v.mul_(2); graph(v); graph(y); y.imag.sum().backward(); w.grad
y = w * 1; v = torch.view_as_real(y)._neg_view(); y.mul_(2j); graph(v); v.sum().backward(); w.grad
y = w * 1; v = torch.view_as_complex(torch.view_as_real(y)); y.mul_(2j); graph(v); v.imag.sum().backward(); w.grad
y = u * 1; v = torch.view_as_complex(y); y.mul_(2); graph(v); v.imag.sum().backward(); u.grad
y = u * 1; v = torch.view_as_complex(y); v.mul_(2j); graph(v); graph(y); v.imag.sum().backward(); u.grad
y = u * 1; v = torch.view_as_complex(y[1:]); y.mul_(2); graph(v); v.imag.sum().backward(); u.grad
y = u * 1; v = torch.view_as_complex(y)[1:].real; v.mul_(2); graph(v); v.sum().backward(); u.grad
y = w * 1; a = y.real; b = a[0]; c = y.conj(); b.mul_(3); c.mul_(2j); graph(a); graph(b); graph(c); (a.sum() + b.sum() + c.real.sum()).backward(); w.grad
y = u * 1; v = y.conj(); y.mul_(2); graph(v); v = y._neg_view(); y.mul_(2); graph(v); v.sum().backward(); u.grad
y = z * 1; v = y.imag; y.mul_(w); graph(v); v.sum().backward(); w.grad
y = w * 1; y.conj_physical_(); graph(y); y._version; y.imag.sum().backward(); w.grad
y = w * 1; v = y[0]; v.conj_physical_(); graph(y); y.imag.sum().backward(); w.grad
y = u * 1; y.conj_physical_(); graph(y); y._version; torch.conj_physical_(y); y.sum().backward(); u.grad
""",
    setup="z = data(3, 2, dtype='complex64'); w = data(3, 2, dtype='complex64', grad=True); u = data(3, 2, grad=True)",
    tol=CLOSE,
)


def test_a_part_that_was_transposed_in_place():
    """PyTorch makes such a part again with the shape that it had, and gives up on the gradient."""
    torch = subject()
    w = torch.tensor([[1 + 1j, 2 - 1j, 3j]], requires_grad=True)
    y = w * 1
    v = y.real
    v.t_()
    y.mul_(2)
    assert v.grad_fn.name() == "AsStridedBackward0" and v.shape == (3, 1)
    (v * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert w.grad.tolist() == [[2, 4, 6]]
