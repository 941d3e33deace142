"""Reparameterised and score-function gradients, a flow with its log-determinant, a mixture."""

import math

import torch
from torch import nn
from torch.func import jacrev, jvp, vmap

torch.manual_seed(4)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(6, 8)
        self.mean, self.logvar = nn.Linear(8, 2), nn.Linear(8, 2)
        self.decoder = nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 6))

    def forward(self, x):
        h = torch.relu(self.encoder(x))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        return self.decoder(z), mean, logvar


model = VAE()
x = torch.rand(10, 6)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for _ in range(3):
    out, mean, logvar = model(x)
    reconstruction = nn.functional.binary_cross_entropy_with_logits(out, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    optimizer.zero_grad()
    (reconstruction + kl).backward()
    optimizer.step()
    print(f"{reconstruction.item():.4f} {kl.item():.4f}")

logits = torch.zeros(4, requires_grad=True)
reward = torch.tensor([0.0, 1.0, 0.2, 0.5])
baseline = 0.0
policy = torch.optim.SGD([logits], lr=0.3, momentum=0.9)
for _ in range(5):
    probabilities = torch.softmax(logits, 0)
    actions = torch.multinomial(probabilities, 8, replacement=True)
    chosen = torch.log_softmax(logits, 0)[actions]
    loss = -(chosen * (reward[actions] - baseline)).mean()
    policy.zero_grad()
    loss.backward()
    policy.step()
    baseline = 0.9 * baseline + 0.1 * reward[actions].mean().item()
print(torch.softmax(logits, 0))


class Coupling(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 4))

    def forward(self, x):
        a, b = x.chunk(2, -1)
        shift, scale = self.net(a).chunk(2, -1)
        return torch.cat([a, b * scale.tanh().exp() + shift], -1), scale.tanh().sum(-1)


flow = Coupling()
p = torch.randn(4)
_, logdet = flow(p)
J = jacrev(lambda p: flow(p)[0])(p)
product = J.diagonal().prod()
print(
    f"{logdet.item():.5f} {product.log().item():.5f}",
    torch.allclose(product.log(), logdet, atol=1e-5),
)


def trace_estimate(x, noise):
    out, tangent = jvp(lambda x: flow(x)[0], (x,), (noise,))
    return (noise * tangent).sum()


noise = torch.randint(0, 2, (200, 4)).float() * 2 - 1
print(abs(vmap(trace_estimate, (None, 0))(p, noise).mean() - J.trace()).item() < 0.5)

data = torch.cat([torch.randn(50) - 2, torch.randn(50) * 0.5 + 1])
weights, centres, scales = (
    torch.zeros(2, requires_grad=True),
    torch.tensor([-1.0, 0.5], requires_grad=True),
    torch.zeros(2, requires_grad=True),
)


def log_prob(x):
    z = (x[:, None] - centres) / scales.exp()
    parts = -0.5 * z**2 - scales - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(parts + torch.log_softmax(weights, 0), dim=1)


for step in range(30):
    loss = -log_prob(data).mean()
    grads = torch.autograd.grad(loss, [weights, centres, scales])
    with torch.no_grad():
        for value, g in zip([weights, centres, scales], grads):
            value -= 0.2 * g
print(f"{loss.item():.4f}", centres, scales.exp())
