"""Straight-through estimators, gradient reversal, penalties, stop-gradients, clipping by hooks."""

import torch
from torch import nn
from torch.autograd import Function

torch.manual_seed(0)


class Round(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        return grad


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


class Clamp(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, low, high):
        return x.clamp(low, high)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.low, ctx.high = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        inside = (x >= ctx.low) & (x <= ctx.high)
        return grad * (inside | (grad * x > 0)), None, None


x = torch.tensor([-1.6, 0.4, 2.5], requires_grad=True)
(Round.apply(x) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
print(x.grad, Round.apply(x))
y = Reverse.apply(x, 0.5)
print(y.grad_fn, torch.autograd.grad(y.sum(), x))
print(torch.autograd.grad(Clamp.apply(x, -1.0, 1.0).square().sum(), x))
print(torch.vmap(torch.func.grad(lambda x: Clamp.apply(x, -1.0, 1.0) ** 2))(x.detach()))
st = x + (x.sign() - x).detach()
print(st, torch.autograd.grad(st.sum(), x))

critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
real, fake = torch.randn(6, 2), torch.randn(6, 2)
alpha = torch.rand(6, 1)
between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
score = critic(between)
(gradient,) = torch.autograd.grad(
    score, between, torch.ones_like(score), create_graph=True, retain_graph=True, only_inputs=True
)
penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
(critic(fake).mean() - critic(real).mean() + 10 * penalty).backward()
print(f"{penalty:.6f}", [f"{p.grad.norm():.3f}" for p in critic.parameters()])

log = []
for name, p in critic.named_parameters():
    p.register_hook(lambda g, name=name: log.append(name))
    p.register_hook(lambda g: g.clamp(-0.01, 0.01))
critic.zero_grad()
critic(real).square().mean().backward()
print(sorted(log), max(p.grad.abs().max().item() for p in critic.parameters()))

steps = []
optimizers = {p: torch.optim.SGD([p], lr=0.1) for p in critic.parameters()}


def step(p):
    optimizers[p].step()
    optimizers[p].zero_grad()
    steps.append(tuple(p.shape))


for p in critic.parameters():
    p.register_post_accumulate_grad_hook(step)
before = [p.detach().clone() for p in critic.parameters()]
critic(real).square().mean().backward()
print(sorted(steps), [p.grad for p in critic.parameters()])
print([not torch.equal(a, b) for a, b in zip(before, critic.parameters())])

w = torch.randn(3, requires_grad=True)
outer = w.detach().requires_grad_()
for _ in range(3):
    inner = ((outer - w) ** 2).sum() + outer.exp().sum()
    (g,) = torch.autograd.grad(inner, outer, create_graph=True)
    outer = outer - 0.1 * g
outer.sum().backward()
print(w.grad)
