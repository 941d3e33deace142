"""Names of torch.autograd that are not for everybody, but that programs and test suites use."""

from __future__ import annotations

import importlib
from typing import Any

from parity import GRADIENT, Tolerance, data, parity, table


def module(torch: Any, name: str) -> Any:
    """Also one that a function of its name hides."""
    return importlib.import_module(f"{torch.__name__}.{name}")


# --- Jacobians ------------------------------------------------------------------------------------

JACOBIANS = {
    "one": lambda torch, x, y, z: (lambda i: i[0] * 2, (x,)),
    "two": lambda torch, x, y, z: (lambda i: i[0] * i[1], (x, y)),
    "several outputs": lambda torch, x, y, z: (lambda i: (i[0] * i[1], i[0].sum()), (x, y)),
    "a number": lambda torch, x, y, z: (lambda i: (i[0] * i[1].sum()).sum(), (x, y)),
    "not contiguous": lambda torch, x, y, z: (lambda i: i[0] ** 2, (torch.stack([x, x]).t(),)),
    "without gradient": lambda torch, x, y, z: (lambda i: i[0] * i[1], (x, y.detach())),
    "an integer": lambda torch, x, y, z: (lambda i: i[0] * i[1], (x, torch.tensor(3))),
    "no elements": lambda torch, x, y, z: (lambda i: i[0] * 2, (x[:0].detach().requires_grad_(),)),
    "no output": lambda torch, x, y, z: (lambda i: i[0][:0], (x,)),
    "complex": lambda torch, x, y, z: (lambda i: (i[0].abs() ** 2).sum(), (z,)),
    "a complex output": lambda torch, x, y, z: (lambda i: i[0] * 2, (z,)),
    "unused": lambda torch, x, y, z: (lambda i: i[0] * 2, (x, y)),
}
NUMERICAL = Tolerance({"float64": 1e9}, whole=True, floor=1.0)  # of differences by a thousandth


@parity(which=JACOBIANS, tol=NUMERICAL)
def test_jacobians_of_gradcheck(torch, which):
    gradcheck = module(torch, "autograd.gradcheck")
    x = data(torch, 3, dtype="float64", grad=True)
    y = data(torch, 3, dtype="float64", grad=True, salt=1)
    z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
    f, inputs = JACOBIANS[which](torch, x, y, z)
    inputs = tuple(t if t.is_leaf else t.detach().requires_grad_() for t in inputs)
    yield lambda: gradcheck.get_numerical_jacobian(f, inputs)
    yield lambda: gradcheck.get_numerical_jacobian(f, inputs, eps=1e-2, target=inputs[:1])
    yield lambda: gradcheck._get_numerical_jacobian(lambda *given: f(given), inputs, eps=1e-4)
    outputs = f(inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    yield lambda: gradcheck.get_analytical_jacobian(inputs, outputs[0])
    yield lambda: gradcheck.get_numerical_jacobian_wrt_specific_input(
        lambda *given: f(given), 0, inputs, outputs, 1e-4
    )
    yield [(t._version, t.grad) for t in inputs]


@parity(tol=GRADIENT)
def test_other_functions_of_gradcheck(torch):
    gradcheck = module(torch, "autograd.gradcheck")
    x = data(torch, 2, dtype="float64", grad=True)
    y = x.detach()
    yield lambda: gradcheck.get_numerical_jacobian(lambda i: i[0], (x,), grad_out=2.0)
    yield lambda: gradcheck.get_analytical_jacobian((x,), x * 2, grad_out=2.0)
    yield lambda: gradcheck.get_analytical_jacobian((x,), y)
    yield list(gradcheck._iter_tensors([x, ["a", (y,)], 3, torch.tensor(1)]))
    yield list(gradcheck._iter_tensors([x, ["a", (y,)], 3, torch.tensor(1)], True))
    yield gradcheck._differentiable_outputs([x, y]), gradcheck._differentiable_outputs(x)
    functional = torch.autograd.functional
    for tensors in ((x,), (x, y[:1]), (x.float(), y.half()), (torch.ones(2, 2), x), ()):
        numels = tuple(t.numel() for t in tensors)
        yield lambda t=tensors, n=numels: functional._construct_standard_basis_for(t, n)

    class Unstable(torch.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            Unstable.calls += 1
            return g * Unstable.calls

    yield gradcheck.get_analytical_jacobian((x,), Unstable.apply(x))[1:]
    yield gradcheck.get_analytical_jacobian((x,), Unstable.apply(x), nondet_tol=10.0)[1:]


# --- the gradients that a pass begins with --------------------------------------------------------

test_gradients_of_roots = table(
    """
    autograd._make_grads((s, z), (None, z), False)
    autograd._make_grads((z,), (None,), False)
    autograd._make_grads((z,), (torch.ones(3),), False)
    autograd._make_grads((z,), (3,), False)
    autograd._make_grads((z.detach(),), (None,), False)
    autograd._make_grads((s.long(),), (None,), False)
    autograd._make_grads((z * 1j,), (z,), False)
    autograd._make_grads((s * 1j,), (None,), False)
    autograd._make_grads((z,), (torch.ones(4, 2, dtype=torch.float64),), True)
    autograd._make_grads((edge(z),), (torch.ones(2, dtype=torch.float64),), False)
    autograd._make_grads((edge(z),), (None,), False)
    autograd._make_grads((edge(s),), (None,), False)
    autograd._make_grads((s,), (None, None), False)
    autograd._calculate_shape(z, torch.ones(2), False)
    autograd._calculate_shape(z, torch.ones(4, 3), True)
    autograd._calculate_shape(edge(z), torch.ones(2), False)
    autograd._calculate_shape(edge(z), torch.ones(4, 2), True)
    autograd._tensor_or_tensors_to_tuple(None, 2)
    autograd._tensor_or_tensors_to_tuple(x, 1)
    autograd._tensor_or_tensors_to_tuple([x, None], 2)
    autograd._profiler_enabled(), str(autograd.DeviceType.CPU)
    with p: r = [autograd._profiler_enabled()]
    with p: pass; r = autograd._profiler_enabled()
    """.replace("\n    ", "\n"),
    setup="""
autograd = torch.autograd
edge = autograd.graph.get_gradient_edge
x = data(2, dtype="float64", grad=True)
z = x * 2
s = z.sum()
p = autograd.profiler.profile()
""",
)

# --- views, versions, hooks -----------------------------------------------------------------------

test_views_of_other_bases = table(
    """
    r = b.view(3, 1)._view_func(new)
    r = b.view(3, 1)._view_func(new.double())
    r = b.view(3, 1)._view_func(torch.arange(4.0))
    r = b.view(3, 1)._view_func(torch.arange(6.0)[::2])
    r = b.view(3, 1)._view_func(torch.arange(4.0)[1:])
    r = b.view(3, 1)._view_func_unsafe(torch.arange(4.0))
    r = b[1:].view(2, 1).t()._view_func(new)
    r = b[1:]._view_func(new * w)
    r = b[1:]._view_func(new.requires_grad_())
    r = b.expand(2, 3)._view_func(new)
    r = b.unbind()[1]._view_func(new)
    r = b.split(2)[1]._view_func(new)
    r = b.as_strided((2,), (1,), 1)._view_func(new)
    r = b._view_func(new)
    r = b.detach()._view_func(new)
    r = torch.ones(3, dtype=torch.complex64).conj()._view_func(new * 1j)
    r = torch.ones(3, dtype=torch.complex64).imag._view_func(new * 1j)
    r = b.view(3)._view_func(3)
    v = b[1:]; r = v._view_func(new); r.mul_(2)
    v = b[1:]; r = v._view_func(new); r.is_set_to(new[1:]), r._base is new
    """.replace("\n    ", "\n"),
    setup="""
w = data(3, grad=True)
b = w * 1
new = torch.arange(3.0)
""",
)

test_versions_and_creations = table(
    """
    meta(b.view(3))
    meta(b.unbind()[0])
    meta(b.split(1)[0])
    meta(w.view(3))
    meta(b.detach())
    meta(b)
    meta(no_grad_view)
    [(c.name, int(c)) for c in CreationMeta.__members__.values()]
    repr(CreationMeta.NO_GRAD_MODE), str(CreationMeta(2)), CreationMeta.__module__
    v = b.view(3); core._set_creation_meta(v, CreationMeta.NO_GRAD_MODE); meta(v); v.mul_(2)
    v = b.view(3); core._set_creation_meta(v, CreationMeta.MULTI_OUTPUT_NODE); v.mul_(2)
    v = b.view(3); core._set_creation_meta(v, CreationMeta.IN_CUSTOM_FUNCTION); v.mul_(2)
    v = b.view(3); core._set_creation_meta(v, CreationMeta.INFERENCE_MODE); v.mul_(2)
    u = b.unbind()[0]; core._set_creation_meta(u, CreationMeta.DEFAULT); u.mul_(2)
    core._set_creation_meta(no_grad_view, CreationMeta.DEFAULT); no_grad_view.mul_(2)
    core._set_creation_meta(b, CreationMeta.DEFAULT)
    core._unsafe_set_version_counter((b,), (5,)); b._version, b.view(3)._version
    core._unsafe_set_version_counter((b,), (5, 6))
    core._unsafe_set_version_counter((b,), (-1,))
    y = b.exp(); core._unsafe_set_version_counter((y,), (3,)); y.sum().backward()
    y = b * 2; y.grad_fn._sequence_nr() + 1 == core._get_sequence_nr()
    core._top_saved_tensors_default_hooks(True)
    with hooks(pack, unpack): r = core._top_saved_tensors_default_hooks(True) == (pack, unpack)
    """.replace("\n    ", "\n"),
    setup="""
core = torch._C._autograd
CreationMeta = core.CreationMeta
w = data(3, grad=True)
b = w * 1
with torch.no_grad(): no_grad_view = b.view(3)
def meta(t): return str(core._get_creation_meta(t))
hooks = torch.autograd.graph.saved_tensors_hooks
def pack(t): return t
def unpack(t): return t
""",
)
