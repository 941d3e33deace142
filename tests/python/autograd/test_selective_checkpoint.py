"""Selective checkpoints against PyTorch: what policies are asked about, gradients, errors."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import GRADIENT, scripts, table

SETUP = """
import functools
C = torch.utils.checkpoint
P = C.CheckpointPolicy
aten = torch.ops.aten
N = torch.nn
asked = []
def shown(v): return list(v.shape) if isinstance(v, torch.Tensor) else v
# What only makes constants is written in other ways; see the coverage notes.
constants = ("lift_fresh", "ones", "zeros", "full", "arange", "scalar_tensor", "eye")
def ask(decide):
    def policy(ctx, op, *args, **kwargs):
        if op.__name__.split(".")[0] not in constants: asked.append(str(op)); asked.append([shown(a) for a in args if isinstance(a, torch.Tensor)])
        return decide(op) if callable(decide) else decide
    return policy
def select(policy, f, *a, mutation=False, **k):
    return C.checkpoint(f, *a, use_reentrant=False, context_fn=functools.partial(C.create_selective_checkpoint_contexts, policy, allow_cache_entry_mutation=mutation), **k)
def seen(f, *a):
    y = select(ask(P.PREFER_RECOMPUTE), f, *a)
    return asked
def outs(ctx, op, *args, **kwargs): asked.append([str(op), ctx.op_output, ctx.is_recompute, type(ctx).__name__]); return P.MUST_SAVE
def fickle(*fs): runs = iter([*fs] + 9 * [fs[-1]]); return lambda a: next(runs)(a)
w = (torch.arange(6.0).reshape(2, 3) / 4 + 0.5).requires_grad_()
v = (torch.arange(6.0).reshape(2, 3) / 8 + 0.25).requires_grad_()
m = (torch.arange(9.0).reshape(3, 3) / 8 - 0.5).requires_grad_()
b = (torch.arange(24.0).reshape(2, 4, 3) / 12 - 1).requires_grad_()
bias = torch.arange(3.0).requires_grad_()
"""

# Which operations a policy hears of, with the shapes of their operands.
test_operations = table(
    """
seen(lambda a: F.linear(a, m, bias), w)
seen(lambda a: F.linear(a, m), w)
seen(lambda a: F.linear(a, m, bias), b)
seen(lambda a: F.linear(a, m), b)
seen(lambda a: a @ a, m)
seen(lambda a: a @ a.transpose(-1, -2), b)
seen(lambda a: a @ m, b)
seen(lambda a: a @ a[0], m)
seen(lambda a: a @ a, bias)
seen(lambda a: torch.addmm(a, a, a), m)
seen(lambda a: torch.baddbmm(a @ a.mT, a, a.mT), b)
seen(lambda a: a.softmax(-1), w)
seen(lambda a: F.log_softmax(a, 0), w)
seen(lambda a: a.softmax(-1, dtype=torch.float64), w)
seen(lambda a: F.layer_norm(a, (3,), bias, bias), w)
seen(lambda a: F.gelu(F.gelu(a), approximate="tanh"), w)
seen(lambda a: F.silu(F.relu(a)).sigmoid().tanh(), w)
seen(lambda a: F.relu(a * 1, inplace=True), w)
seen(lambda a: a * (a.detach() * 1).clamp_(0.5).clamp_(max=v.detach()).nan_to_num_().round_(decimals=2).logit_(0.1).div_(2, rounding_mode="floor"), w)
select(outs, lambda a: a.split(1)[0] * 2, w); asked
select(outs, lambda a: a.split(2)[0] * 2, w); asked
select(outs, lambda a: a.unbind(1)[0] + a.max(1)[0], w); asked
seen(lambda a: F.leaky_relu(F.elu(a)) + F.softplus(a) + F.hardtanh(a) + F.selu(a) + F.relu6(a) + F.hardswish(a) + F.mish(a), w)
seen(lambda a: F.glu(a), w[:, :2].contiguous().detach().requires_grad_())
seen(lambda a: F.dropout(a, 0.5), w)
seen(lambda a: F.dropout(a, 0.5, training=False), w)
seen(lambda a: F.cross_entropy(a, torch.tensor([0, 2])), w)
seen(lambda a: F.nll_loss(a, torch.tensor([0, 2]), reduction="sum"), w)
seen(lambda a: F.mse_loss(a, v) + F.huber_loss(a, v) + F.smooth_l1_loss(a, v), w)
seen(lambda a: F.binary_cross_entropy_with_logits(a, torch.ones(2, 3)), w)
seen(lambda a: F.l1_loss(a, v), w)
seen(lambda a: F.embedding(torch.tensor([0, 1]), a), w)
seen(lambda a: a + v - 1 + 2 * a, w)
seen(lambda a: torch.add(a, v, alpha=2) - torch.sub(a, v, alpha=3), w)
seen(lambda a: 1 - a / v, w)
seen(lambda a: 1 / a, w)
seen(lambda a: a ** 2 + a ** a + 2 ** a, w)
seen(lambda a: -a.exp().sqrt().log(), w)
seen(lambda a: a.abs() + a.sign() + a.rsqrt() + a.square() + a.reciprocal(), w)
seen(lambda a: (a == 0) | (a > v) & ~(a <= 1), w)
seen(lambda a: torch.maximum(a, v) + torch.atan2(a, v) + a.clamp(min=0) + a.clamp(0, 1) + a.clamp_min(0), w)
seen(lambda a: torch.where(a > 1, a, v), w)
seen(lambda a: a.masked_fill(a > 1, -1.0), w)
seen(lambda a: torch.lerp(a, v, 0.5) + torch.addcmul(a, a, v, value=2), w)
seen(lambda a: a.sum() + a.sum(0).sum(-1), w)
seen(lambda a: a.mean() + a.mean(0, keepdim=True), w)
seen(lambda a: a.var(0) + a.std(0), w)
seen(lambda a: a.max() + a.max(0).values + a.amax(-1).sum(), w)
seen(lambda a: a.argmax(-1), w)
seen(lambda a: a.cumsum(0).prod().sum() + a.logsumexp(0) + a.norm(), w)
seen(lambda a: a.view(3, 2).reshape(6).reshape(2, 3).t().reshape(6), w)
seen(lambda a: a.permute(1, 0).unsqueeze(0).squeeze(0).expand(3, 2).transpose(0, 1).contiguous().flatten(), w)
seen(lambda a: a.t().contiguous().view(-1).unbind(0), w)
seen(lambda a: a[0, 1:], w)
seen(lambda a: a[torch.tensor([0, 1])], w)
seen(lambda a: a[a > 1], w)
seen(lambda a: torch.cat([a, v]).split(1), w)
seen(lambda a: torch.stack([a, v]).chunk(2), w)
seen(lambda a: a.gather(0, torch.tensor([[0, 1, 0]])), w)
seen(lambda a: a.index_select(0, torch.tensor([1])), w)
seen(lambda a: torch.tril(a) + torch.triu(a), m)
seen(lambda a: a.clone().double().float(), w)
seen(lambda a: (a * 1).add_(1).sub_(v).zero_().fill_(2), w)
seen(lambda a: (a * 1).copy_(v), w)
seen(lambda a: a + torch.rand(3) + torch.randn(3) + torch.rand_like(a) + torch.randn_like(a), w)
seen(lambda a: a.detach() + a.data, w)
seen(lambda a: a.outer(a), bias)
seen(lambda a: F.normalize(a, dim=0), w)
seen(lambda a: a.nonzero(), w)
seen(lambda a: F.softmax(a @ a.transpose(-2, -1) / 3 ** 0.5, dim=-1) @ a, b)
seen(lambda a: F.linear(F.gelu(F.linear(F.layer_norm(a, (3,), bias, bias), m, bias)), m) + a, b)
torch.manual_seed(0); net = N.Sequential(N.LayerNorm(3), N.Linear(3, 3), N.GELU(), N.Dropout(0.1), N.Linear(3, 3), N.ReLU(), N.Softmax(-1)); seen(net, b)
seen(lambda a: F.cross_entropy(F.linear(a, m, bias).tanh(), torch.tensor([0, 1]), reduction="none"), w)
""",
    setup=SETUP,
)

test_gradients = table(
    """
y = select(ask(P.MUST_SAVE), lambda a: a.exp().sin(), w); y; y.sum().backward(); w.grad; asked
y = select(ask(P.PREFER_SAVE), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(P.MUST_RECOMPUTE), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(P.PREFER_RECOMPUTE), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(P.MUST_CPU_OFFLOAD), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(False), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask(None), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select(ask("a"), lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select([aten.mm.default, aten.addmm.default], lambda a: F.linear(F.linear(a, m, bias).tanh(), m).sin(), w); y.sum().backward(); w.grad; m.grad; bias.grad
y = select([aten.bmm.default], lambda a: F.softmax(a @ a.transpose(-2, -1), -1) @ a, b); y.sin().sum().backward(); b.grad
y = select(ask(True), lambda a: F.softmax(a @ a.transpose(-2, -1), -1) @ a, b); y.sin().sum().backward(); b.grad
y = select(ask(True), lambda a: F.layer_norm(a * v, (3,), bias, bias).sin(), w); y.sum().backward(); w.grad; v.grad; bias.grad
y = select([aten.native_layer_norm.default], lambda a: F.layer_norm(a * v, (3,), bias, bias).sin(), w); y.sum().backward(); w.grad; v.grad; bias.grad
y = select(ask(True), lambda a: F.cross_entropy(a * v, torch.tensor([0, 2])), w); y.backward(); w.grad; v.grad
y = select(ask(True), lambda a: F.cross_entropy(a * v, torch.tensor([0, 2]), label_smoothing=0.1).sin(), w); y.backward(); w.grad; v.grad
y = select(ask(True), lambda a: F.gelu(a) * F.silu(v) + F.softplus(a), w); y.sum().backward(); w.grad; v.grad
y = select(ask(True), lambda a: (a * 2).max(0)[0].exp() + a.sin().amin(0), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().var(0) + a.std(0) * a.norm(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: (a.exp() ** v).cumprod(0).prod(1) / a.logsumexp(1), w); y.sum().backward(); w.grad; v.grad
y = select(ask(True), lambda a: a.exp()[torch.tensor([0, 0, 1])].gather(1, torch.tensor([[0], [1], [2]])).sin(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp()[a > 1].sin(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().masked_fill(a > 1, 0.0).where(a < 2, v).sin(), w); y.sum().backward(); w.grad; v.grad
y = select(ask(True), lambda a: torch.stack([a.exp(), v.sin()]).exp(), w); y.sum().backward(); w.grad; v.grad
y = select(ask(True), lambda a: torch.cat([x.exp() for x in a.sin().split(1)]).exp(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().view(-1).sin().t().unsqueeze(0).expand(2, 6).exp(), w); y.sum().backward(); w.grad
y = select([aten.view.default], lambda a: a.exp().view(6).sin(), w); y.sum().backward(); w.grad
y = select([aten.clone.default, aten.t.default], lambda a: a.t().contiguous().exp(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.double().exp().float().sin(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: torch.exp(a) * 2 + a.detach().exp(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: (1 - a.exp()) * (2 / a) - 3 * a, w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().nonzero().sum() * a.sin(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: a[a.argmax(0), torch.arange(3)].exp(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: F.embedding(torch.tensor([0, 1, 0]), a.exp()).sin(), w); y.sum().backward(); w.grad
y = select([aten.exp.default], lambda a: a.sin().exp().cos().exp(), w); y.sum().backward(); w.grad; asked
y = select([aten.exp.default], lambda a: a * a.exp() * a.exp(), w); y.sum().backward(); w.grad
y = select([], lambda a: a.exp().sin(), w); y.sum().backward(); w.grad
y = select([aten.exp.default], lambda a: (a.sin() * 2).exp(), w, early_stop=False); y.sum().backward(); w.grad
y = select([aten.sin.default], lambda a: torch.utils.checkpoint.checkpoint(lambda c: c.exp().sin(), a, use_reentrant=False).cos(), w); y.sum().backward(); w.grad
y = select([aten.cos.default], lambda a: select([aten.exp.default], lambda c: c.exp().sin(), a).cos().tan(), w); y.sum().backward(); w.grad
y = select(ask(True), lambda a: select(ask(True), lambda c: c.exp().sin(), a).cos().tan(), w); asked; y.sum().backward(); w.grad
y = C.checkpoint(lambda a: select(ask(True), lambda c: c.exp().sin(), a).cos().tan(), w, use_reentrant=False); y.sum().backward(); w.grad
y = select(ask(True), lambda a: (a.exp(), a.sin()), w); y[0].sum().backward(); w.grad
y = select(ask(True), lambda a: (a.exp(), a.sin()), w); (y[0] * y[1]).sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().sin(), w); g = torch.autograd.grad(y.sum(), w, create_graph=True)[0]; g; g.sum().backward(); w.grad
y = select(ask(True), lambda a: a.exp().sin(), w.detach()); y; asked
y = select(outs, lambda a: a.exp().max(0), w); asked
y = select(outs, lambda a: (torch.var_mean(a.exp(), 0), a.sum()), w); asked
""",
    setup=SETUP,
    tol=GRADIENT,
)

test_no_grad_and_random = scripts(
    no_grad=SETUP
    + """
def f(a):
    with torch.no_grad():
        factor = a.exp()
    return (a * factor).sin()
y = select([aten.exp.default], f, w)
y.sum().backward()
w.grad
""",
    without_history=SETUP
    + """
with torch.no_grad():
    y = select(ask(True), lambda a: a.exp().sin(), w)
y
asked
""",
    no_early_stop=SETUP
    + """
with C.set_checkpoint_early_stop(False):
    y = select(ask(True), lambda a: a.exp().sin() * 2, w)
y.sum().backward()
w.grad
""",
    random=SETUP
    + """
torch.manual_seed(3)
y = select([aten.rand.default, aten.mul.Tensor], lambda a: (a * torch.rand(2, 3)).sin(), w)
y.sum().backward()
w.grad
y = select([aten.mul.Tensor], lambda a: F.dropout(a, 0.5).sin(), w)
y.sum().backward()
w.grad
torch.rand(2)
""",
    custom_function=SETUP
    + """
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y
    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]
y = select([aten.exp.default], lambda a: Exp.apply(a).sin(), w)
y.sum().backward()
w.grad
""",
    a_pass_inside=SETUP
    + """
def f(a):
    c = a.exp()
    g, = torch.autograd.grad(c.sin().sum(), c, create_graph=True)
    return g * c
y = select([aten.exp.default], f, w)
y.sum().backward()
w.grad
""",
    module=SETUP
    + """
torch.manual_seed(0)
net = N.Sequential(N.LayerNorm(3), N.Linear(3, 5), N.GELU(), N.Linear(5, 3), N.Tanh())
plain = net(b)
plain.sum().backward()
want = [p.grad.clone() for p in net.parameters()]
for kept in ([aten.addmm.default], [aten.gelu.default], [aten.native_layer_norm.default, aten.tanh.default], [aten.addmm.default, aten.gelu.default, aten.native_layer_norm.default, aten.tanh.default, aten.view.default, aten.t.default]):
    net.zero_grad()
    y = select(kept, net, b)
    y.sum().backward()
    print([torch.equal(p.grad, g) for p, g in zip(net.parameters(), want)], torch.equal(y, plain))
""",
    tol=GRADIENT,
)

test_errors = table(
    """
C.create_selective_checkpoint_contexts([aten.mm])
C.create_selective_checkpoint_contexts(["x"])
C.create_selective_checkpoint_contexts([3])
C.create_selective_checkpoint_contexts(3)
C.create_selective_checkpoint_contexts({aten.exp.default})
C.create_selective_checkpoint_contexts((aten.exp.default,))
C.create_selective_checkpoint_contexts(None)
C.SelectiveCheckpointContext(False)
c = C.SelectiveCheckpointContext(is_recompute=True); c.is_recompute; c.op_output
y = select(ask(True), lambda a: a.exp().add_(1).sin(), w); y.sum().backward()
y = select([aten.exp.default], lambda a: a.exp().add_(1).sin(), w); y.sum().backward()
y = select([aten.add_.Tensor], lambda a: (a * 2).add_(1).sin(), w); y.sum().backward()
y = select([aten.mul.Tensor], lambda a: ((a * 2).add_(1), a.sin().cos())[1], w); y.sum().backward()
y = select([aten.mul.Tensor], lambda a: ((a * 2).add_(1), a.sin().cos())[1], w, mutation=True); y.sum().backward(); w.grad
y = select(ask(True), lambda a: F.dropout(a, 0.5).sin(), w); y.sum().backward()
y = select(ask(True), lambda a: a.exp().sin(), w); y.sum().backward(retain_graph=True); y.sum().backward()
y = select(ask(False), lambda a: a.exp().sin(), w); y.sum().backward(retain_graph=True); y.sum().backward(); w.grad
y = select([aten.exp.default], lambda a: a.sin().exp(), w); y.sum().backward(retain_graph=True); y.sum().backward()
y = select(ask(True), fickle(lambda a: a.exp().sin(), lambda a: a.exp().exp().sin()), w); y.sum().backward()
y = select(ask(False), fickle(lambda a: a.exp().sin(), lambda a: a.exp().exp().sin()), w); y.sum().backward()
y = select(ask(True), fickle(lambda a: a.exp().sin().exp(), lambda a: a.exp()), w); y.sum().backward()
y = select(ask(True), fickle(lambda a: a.exp().sin(), lambda a: a.cos().sin()), w); y.sum().backward()
y = select(ask(True), fickle(lambda a: a.exp().sin(), lambda a: 1 / 0), w); y.sum().backward()
y = select(lambda *a: {}["policy"], lambda a: a.exp(), w)
select(ask(True), lambda a: a.exp(), w, debug=True)
C.checkpoint(lambda a: a.exp(), w, use_reentrant=True, context_fn=lambda: C.create_selective_checkpoint_contexts([]))
y = select(ask(True), lambda a: a @ a, w)
""",
    setup=SETUP,
    tol=GRADIENT,
)
