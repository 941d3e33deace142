"""backward and grad: accumulation, graphs, retained gradients, errors."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import SUMMED, data, parity, scripts, table

test_programs = scripts(
    accumulate="""
        x = torch.ones(3, requires_grad=True)
        (x * 2).sum().backward()
        (x * 3).sum().backward()
        x.grad.zero_()
        (x * 4).sum().backward()
        x.grad = None
        (x * x).sum().backward()
        g = x.grad
        (x * 1).sum().backward()
        g is x.grad
        x.grad = torch.ones(3)
        (x * 2).sum().backward()
    """,
    diamond="""
        x = data(4, grad=True)
        y = x.exp()
        z = y * x + y / x
        w = (z + y).sum()
        graph(w)
        w.backward()
    """,
    retain_graph="""
        x = data(3, grad=True)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        y.backward()
        z = (x + 1).sum()
        z.backward()
        z.backward()
        x.exp().sum().backward()
    """,
    retain_grad="""
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.retain_grad()
        z = y * y
        z.sum().backward()
        y.grad
        y.retains_grad
        x.retains_grad
        x.retain_grad()
        z.grad
        torch.ones(1).retain_grad()
    """,
    retain_grad_in_place="""
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.mul_(3)
        z = y.exp()
        z.retain_grad()
        z.sum().backward()
        y.grad
    """,
    non_leaf_grad="""
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        y.grad
        y.sum().backward()
        y.grad
        y.grad is None
        torch.ones(2).grad
    """,
    unused="""
        x = torch.ones(2, requires_grad=True)
        y = torch.ones(2, requires_grad=True)
        z = torch.ones(2)
        w = x * 2
        torch.autograd.grad(w.sum(), y)
        torch.autograd.grad(w.sum(), [x, y])
        torch.autograd.grad((x * 2).sum(), [x, y])
        torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)
        torch.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True)
        torch.autograd.grad((x * 2).sum(), z)
        torch.autograd.grad((x * 2).sum(), [x, z], allow_unused=True)
        torch.autograd.grad(z.sum(), x)
        torch.autograd.grad((x * 2).sum(), [])
        torch.autograd.grad((x * 2).sum(), x, allow_unused=False, materialize_grads=True)
    """,
    grad_outputs="""
        x = torch.arange(3.0, requires_grad=True)
        y = x * x
        torch.autograd.grad(y, x)
        y = x * x
        torch.autograd.grad(y, x, torch.ones(3))
        torch.autograd.grad(x * x, x, grad_outputs=[torch.tensor([1.0, 0.0, 2.0])])
        torch.autograd.grad([x * x, x.sum()], [x], [torch.ones(3), None])
        torch.autograd.grad([x * x, x.sum()], [x], [torch.ones(3)])
        torch.autograd.grad(x * x, x, torch.ones(2))
        torch.autograd.grad(x * x, x, torch.ones(3, 1))
        torch.autograd.grad(x * x, x, torch.ones(3, dtype=torch.float64))
        torch.autograd.grad(x * x, x, 1.0)
        (x * x).backward(torch.ones(3))
        (x * x).backward(gradient=torch.ones(3))
        (x * x).backward(torch.ones(()))
        (x * x).backward(torch.ones(1))
        (x * x).backward(2)
        (x * x).backward()
        x.sum().backward(torch.tensor(2.0))
        x.sum().backward(torch.tensor([2.0]))
        torch.autograd.backward(x * x, torch.ones(3))
        torch.autograd.backward([x.sum(), (x * x).sum()])
        torch.autograd.backward([x * x, x.sum()], [torch.ones(3), None])
        torch.autograd.backward([x * x], [None])
        torch.autograd.backward(())
    """,
    inputs_of_backward="""
        x = torch.ones(2, requires_grad=True)
        y = torch.ones(2, requires_grad=True)
        (x * y).sum().backward(inputs=[x])
        (x * y).sum().backward(inputs=x)
        z = x * y
        z.retain_grad()
        (z * z).sum().backward(inputs=[z, y])
        (x * y).sum().backward(inputs=[])
        (x * y).sum().backward(inputs=[torch.ones(2)])
        torch.autograd.backward((x * y).sum(), inputs=[y])
        z.grad
    """,
    grad_of_a_non_leaf="""
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        z = (y * y).sum()
        torch.autograd.grad(z, y, retain_graph=True)
        torch.autograd.grad(z, [y, x], retain_graph=True)
        torch.autograd.grad(z, z, retain_graph=True)
        torch.autograd.grad(y.sum(), z, allow_unused=True)
        torch.autograd.grad(x.sum(), x)
        x.grad
    """,
    nothing_requires_grad="""
        x = torch.ones(2)
        x.sum().backward()
        x.backward()
        torch.autograd.grad(x.sum(), x)
        torch.tensor(1.0, requires_grad=True).backward()
        y = torch.tensor(3.0, requires_grad=True)
        y.backward()
        y.backward(torch.tensor(2.0))
        torch.ones(3, requires_grad=True).backward()
        i = torch.arange(3)
        i.sum().backward()
    """,
    requires_grad_rules="""
        i = torch.arange(3)
        i.requires_grad_()
        i.requires_grad = True
        torch.arange(3, requires_grad=True)
        b = torch.tensor(True).requires_grad_()
        x = torch.ones(2)
        x.requires_grad = True
        y = x * 2
        y.requires_grad = False
        y.requires_grad_(False)
        y.requires_grad = True
        x.requires_grad_(False)
        x.requires_grad_(True) is x
        z = x.long()
        z = x > 0
        z = x.argmax()
        (x > 0).float().requires_grad
        h = torch.ones(2, dtype=torch.float16, requires_grad=True)
        h.is_leaf
        (torch.ones(2) * 2).is_leaf
    """,
    detach="""
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        d = y.detach()
        d.add_(1)
        e = y.data
        e.mul_(5)
        y
        d.requires_grad_()
        (d * d).sum().backward()
        y.sum().backward()
        z = x.exp()
        z.detach_() is z
        z
        v = (x * 2)[0]
        v.detach_()
        x.detach_()
        x.data = torch.zeros(2)
        x.data = torch.zeros(3, dtype=torch.float64)
        x.data.requires_grad
        x.detach().requires_grad
        x.data = torch.zeros(3, dtype=torch.int64)
        w = torch.ones(2)
        w.data = torch.arange(4)
    """,
    saved_and_changed="""
        x = torch.ones(2, 3, requires_grad=True)
        y = x.exp()
        y.add_(1)
        y.sum().backward()
        y = x.exp()
        y[0] = 0
        y.sum().backward()
        y = x * 1
        z = y * y
        y.mul_(2)
        z.sum().backward()
        a = torch.ones(2, 3)
        z = x * a
        a.add_(1)
        z.sum().backward()
        y = x.sin()
        y.mul_(2)
        y.sum().backward()
        y = x * 1
        z = y.sin()
        y.zero_()
        z.sum().backward()
        y = x.sigmoid()
        v = y.view(-1)
        v.add_(1)
        y.sum().backward()
        y = x.tanh()
        y.detach().zero_()
        y.sum().backward()
        y = x.tanh()
        y.data.zero_()
        y.sum().backward()
        w = torch.ones(3, 2, requires_grad=True)
        z = x @ w
        with torch.no_grad(): w.add_(1)
        z.sum().backward()
    """,
    leaf_in_place="""
        x = torch.ones(3, requires_grad=True)
        x.add_(1)
        x += 1
        x[0] = 5
        x[:2].mul_(2)
        x.view(3, 1).zero_()
        x.zero_()
        x.copy_(torch.zeros(3))
        with torch.no_grad(): x.add_(1)
        with torch.no_grad(): x[0] = 7
        x.detach().mul_(2)
        x.data[1] = 9
        torch.add(x, 1, out=torch.ones(3))
        torch.ones(3).add_(x)
        y = torch.ones(3)
        y.add_(x)
        y.sum().backward()
    """,
    mixed_dtypes="""
        x = torch.ones(2, requires_grad=True)
        d = torch.ones(2, dtype=torch.float64, requires_grad=True)
        h = torch.ones(2, dtype=torch.float16, requires_grad=True)
        y = x * d
        graph(y)
        y.sum().backward()
        (h * x).sum().backward()
        (x * torch.tensor(2.0, dtype=torch.float64)).sum().backward()
        i = torch.arange(2)
        (x * i).sum().backward()
        z = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        (x * z).sum().backward()
        graph(x * z)
        x.grad = torch.ones(2, dtype=torch.float64)
        x.grad = torch.ones(3)
        x.grad = 3
        x.grad = torch.arange(2)
    """,
    broadcasting="""
        x = data(3, 1, grad=True)
        y = data(1, 4, salt=1, grad=True)
        s = torch.tensor(2.0, requires_grad=True)
        z = x * y + s
        graph(z)
        z.sum().backward()
        (x.expand(3, 4) * 2).sum().backward()
        (s * torch.ones(2, 3)).sum().backward()
    """,
    loop="""
        w = data(4, 4, grad=True)
        h = torch.ones(4)
        for _ in range(5): h = torch.tanh(w @ h)
        graph(h)
        h.sum().backward()
    """,
    backward_under_no_grad="""
        x = torch.ones(2, requires_grad=True)
        y = (x * x).sum()
        with torch.no_grad(): y.backward()
        x.grad.requires_grad
        y = (x * x).sum()
        with torch.no_grad(): g = torch.autograd.grad(y, x, create_graph=True)
    """,
    gradient_layout="""
        x = data(2, 3, grad=True)
        x.t().sum().backward()
        x.grad.stride()
        y = torch.zeros(3, 2).t().requires_grad_()
        (y * data(2, 3)).sum().backward()
        z = data(4, grad=True)
        z.expand(3, 4).sum().backward()
        w = data(4, grad=True)
        w.sum().backward()
        w.grad.stride()
        v = data(4, grad=True)
        v.backward(torch.ones(1).expand(4))
        g = torch.ones(4)
        u = data(4, grad=True)
        u.backward(g)
        u.grad is g
        g.add_(1)
        u.grad
    """,
    tol=SUMMED,
)

# The nodes behind a gradient are an engine's own formulas.
test_double_backward = scripts(
    create_graph="""
        x = data(3, grad=True)
        y = (x ** 3).sum()
        g, = torch.autograd.grad(y, x, create_graph=True)
        h, = torch.autograd.grad(g.sum(), x, create_graph=True)
        t, = torch.autograd.grad(h.sum(), x)
        (g * g).sum().backward()
        x.grad = None
        y.backward(create_graph=True)
        x.grad.sum().backward()
    """,
    tol=SUMMED.ignoring("grad_fn"),
)

test_names_and_edges = table(
    """
graph(x + y); graph(x - y); graph(x * y); graph(x / y); graph(x ** y); graph(-x); graph(x + 1); graph(1 - x); graph(2 / x)
graph(x ** 2); graph(2 ** x); graph(x @ y.t()); graph(x.exp().log().sqrt()); graph(abs(x)); graph(x % 2); graph(x % y)
graph(x[0]); graph(x[:, 1:]); graph(x[[0, 1]]); graph(x[x > 0]); graph(x[0, 1:, None]); graph(x[None]); graph(x[..., 0])
graph(x.view(-1)); graph(x.reshape(-1)); graph(x.t().reshape(-1)); graph(x.t()); graph(x.T); graph(x.permute(1, 0))
graph(x.transpose(0, 1)); graph(x.expand(2, 3, 4)); graph(x.unsqueeze(0)); graph(x.squeeze()); graph(x[:1].squeeze(0))
graph(x.flatten()); graph(x.t().flatten()); graph(x.select(0, 1)); graph(x.narrow(0, 0, 1)); graph(x.movedim(0, 1))
graph(x.split(2)[0]); graph(x.split([1, 2])[1]); graph(x.chunk(2)[1]); graph(x.unbind()[2]); graph(torch.cat([x, y]))
graph(torch.stack([x, y])); graph(torch.stack([x, y], 1)); graph(torch.cat([x, x.detach()]))
graph(x.sum()); graph(x.sum(0)); graph(x.mean()); graph(x.mean(1)); graph(x.prod()); graph(x.prod(1)); graph(x.max()); graph(x.max(1)[0])
graph(x.min()); graph(x.amax(1)); graph(x.var()); graph(x.std(0)); graph(x.norm()); graph(x.norm(2, 1)); graph(x.cumsum(0)); graph(x.logsumexp(0))
graph(x.softmax(0)); graph(x.log_softmax(1)); graph(x.relu()); graph(x.sigmoid()); graph(x.tanh()); graph(F.gelu(x)); graph(F.silu(x))
graph(F.elu(x)); graph(F.leaky_relu(x)); graph(F.softplus(x)); graph(F.dropout(x)); graph(F.dropout(x, training=False))
graph(F.mse_loss(x, y)); graph(F.l1_loss(x, y)); graph(F.cross_entropy(x, torch.tensor([0, 1, 2]))); graph(F.nll_loss(x, torch.tensor([0, 1, 2])))
graph(F.binary_cross_entropy(x.sigmoid(), y.sigmoid())); graph(F.binary_cross_entropy_with_logits(x, y))
graph(F.embedding(torch.tensor([0, 1]), x)); graph(F.linear(x, y)); graph(F.linear(x, y, torch.ones(3))); graph(x.mm(y.t())); graph(torch.mv(x, y[0]))
graph(torch.dot(x[0], y[0])); graph(torch.outer(x[0], y[0])); graph(torch.bmm(x[None], y.t()[None])); graph(torch.addmm(y, x, y.t()[:, :3] @ y))
graph(torch.where(x > 0, x, y)); graph(torch.maximum(x, y)); graph(x.clamp(0, 1)); graph(x.clamp(min=0)); graph(x.clamp(y, y + 1)); graph(x.clamp_min(0))
graph(x.masked_fill(x > 0, 0)); graph(x.gather(0, torch.zeros(1, 1, dtype=torch.int64))); graph(x.index_select(0, torch.tensor([0])))
graph(x.scatter(0, torch.zeros(1, 1, dtype=torch.int64), 1.0)); graph(x.clone()); graph(x.contiguous()); graph(x.t().contiguous())
graph(x.double()); graph(x.to(torch.float16)); graph(x.lerp(y, 0.5)); graph(torch.lerp(x, y, y)); graph(x.addcmul(x, y)); graph(x.addcdiv(x, y))
graph(torch.div(x, y, rounding_mode="floor")); graph(torch.div(x, y, rounding_mode="trunc")); graph(x.floor()); graph(x.round()); graph(x.sign())
graph(torch.add(x, y, alpha=2)); graph(x.square()); graph(x.reciprocal()); graph(x.erf()); graph(x.atan2(y)); graph(torch.einsum("ij,kj->ik", x, y))
(x * 1).add_(1).grad_fn.name()
z = x * 1; z += 1; graph(z); z *= 2; graph(z); z[0] = 1; graph(z); z.zero_(); graph(z); z.fill_(2); graph(z); z.copy_(y); graph(z)
z = x * 1; z.exp_(); graph(z); z.relu_(); graph(z); z.clamp_(0, 1); graph(z); z.t_(); graph(z); z.unsqueeze_(0); graph(z)
z = x.exp(); z.grad_fn.next_functions; z.grad_fn.next_functions[0][0].variable is x; z.grad_fn is z.grad_fn; z.grad_fn.name()
z = x.exp(); z.grad_fn == z.grad_fn; hash(z.grad_fn) == hash(z.grad_fn); type(z.grad_fn).__name__; z.grad_fn.metadata
z = x.exp(); z.output_nr; x.unbind()[2].output_nr; x.max(0)[0].output_nr
z = x.exp(); z.grad_fn(torch.ones(3, 4))
str((x * 2).grad_fn)[:13]; x.view(-1).grad_fn.name(); (x * 2).sum().grad_fn.next_functions[0][0].next_functions
y.requires_grad_(False); graph(x * y); graph(x + y); graph(y @ x.t()); graph(torch.cat([y, x]))
""",
    setup="x, y = data(3, 4, lo=0.5, grad=True), data(3, 4, lo=0.5, salt=1, grad=True)",
    tol=SUMMED,
)


RESULTS = """
y * y; y * 2; y * y.detach(); y.exp(); y + y; y * torch.ones(3, 1); y * torch.ones(2); y / y; y - 2; y.sin()
torch.where(y > 0, y, y); y.pow(2); y * z; z * y; z + y; z - y; torch.lerp(y, z, 0.3); y.clamp(0, 1); y.sum(0) * y
y.exp() * y; y.t() * 2; y.relu(); y.log_softmax(0); y.softmax(1); y.tanh() * y; torch.addcmul(y, z, z)
"""


@parity(tol=SUMMED, source=("x.t()", "x.t().exp()", "x.exp().t()", "x.t() * 1"))
def test_layout_and_version_of_gradients(torch, source):
    """Gradients that hooks see lie in memory as PyTorch's do, whatever memory was written again."""
    for result in RESULTS.replace("\n", ";").strip(";").split(";"):
        for ones in (False, True):
            x = (data(torch, 2, 3).abs() + 0.5).requires_grad_()
            names = {"torch": torch, "x": x, "z": data(torch, 3, 2)}
            names["y"] = y = eval(source, names)
            seen = []
            y.register_hook(seen.append)
            w = eval(result.strip(), names)
            w.backward(torch.ones_like(w)) if ones else (w * w).sum().backward()
            yield [(g, g.stride(), g._version) for g in seen], x.grad, x.grad._version


@parity(tol=SUMMED)
def test_retained_gradients_are_contiguous(torch):
    for shape in ((2, 3), (1, 1), (3, 1)):
        for use in (lambda y: y, lambda y: y * y, lambda y: y.t() * y.t(), lambda y: y.t()):
            for base in (lambda x: x * x, lambda x: x.t()):
                x = data(torch, *shape, grad=True)
                y = base(x)
                y.retain_grad()
                use(y).sum().backward()
                yield y.grad, y.grad.stride(), y.grad._version
                y = base(x)
                use(y).sum().backward(inputs=[y])
                yield y.grad, y.grad.stride(), y.grad._version


@parity(tol=SUMMED)
def test_graph_of_gradients_of_copies(torch):
    def graph(node):
        name = type(node).__name__
        return name, *(graph(n) for n, _ in node.next_functions if n is not None)

    for f in (
        *(lambda x, v, s, r=r: x.repeat(r) for r in ((2, 1), (1, 1), (2, 2, 2), (1, 2), (0, 1))),
        *(lambda x, v, s, r=r: v.repeat(r) for r in ((3,), (2, 1), (1, 1), (2, 0))),
        *(lambda x, v, s, r=r: s.repeat(r) for r in ((3,), (2, 2), (0,))),
        *(lambda x, v, s, d=d: x.unfold(d, 2, 1) for d in (0, 1)),
        lambda x, v, s: s.unfold(0, 1, 1),
        lambda x, v, s: x.gather(0, torch.zeros(1, 3, dtype=torch.int64)),
        lambda x, v, s: torch.zeros(2, 3).index_copy(0, torch.tensor([0]), x[:1]),
        lambda x, v, s: torch.zeros(2, 3).index_add(0, torch.tensor([0]), x[:1]),
        lambda x, v, s: torch.zeros(2, 3).index_add(0, torch.tensor([0]), x[:1], alpha=2),
        lambda x, v, s: torch.zeros(()).index_add(0, torch.tensor(0), s),
        lambda x, v, s: torch.zeros(()).index_copy(0, torch.tensor(0), v[:1]),
        lambda x, v, s: x.as_strided((1, 2, 3), (6, 3, 1)),
        lambda x, v, s: x.as_strided((2, 2, 3), (0, 3, 1)),
        lambda x, v, s: x.as_strided((2, 1, 3), (0, 0, 1)),
        lambda x, v, s: x.as_strided((0, 2), (1, 1)),
    ):
        inputs = data(torch, 2, 3, grad=True), data(torch, 3, grad=True), data(torch, grad=True)
        y = f(*inputs)
        for g in torch.autograd.grad((y * y).sum(), inputs, create_graph=True, allow_unused=True):
            if g is not None:
                yield g, g.grad_fn and graph(g.grad_fn), g.stride(), g._version, g._base is None
    x = data(torch, 2, 3, grad=True) * 1
    y = x.gather(0, torch.zeros(1, 3, dtype=torch.int64))
    x.add_(1)
    yield lambda: y.sum().backward()
