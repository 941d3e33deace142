"""Random numbers: the same values as PyTorch's CPU generator for the same seed."""

import torch

torch.manual_seed(0)
print(torch.rand(5))
print(torch.randn(5))
print(torch.randn(4, 5))
print(torch.randint(0, 10, (8,)), torch.randint(-5, 5, (2, 3)), torch.randint(2**40, (2,)))
print(torch.randperm(10))
print(torch.rand(3, dtype=torch.float64), torch.randn(3, dtype=torch.float64))
print(torch.randn(20, dtype=torch.float64))
print(torch.bernoulli(torch.full((8,), 0.3)))
print(torch.empty(6).normal_(1.0, 2.0), torch.empty(6).uniform_(-1, 1))
print(torch.empty(17).normal_())
print(torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 6, replacement=True))
print(torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 2))
print(torch.nn.functional.dropout(torch.ones(10), 0.4))
print(torch.normal(torch.zeros(3), torch.ones(3)))
print(torch.randn(1), torch.randn(()), torch.rand(1, 1))
print(torch.rand_like(torch.zeros(2, 2)), torch.randn_like(torch.zeros(3)))

torch.manual_seed(123)
first = torch.rand(100)
torch.manual_seed(123)
print(torch.equal(first, torch.rand(100)), torch.initial_seed())
generator = torch.Generator().manual_seed(7)
print(torch.rand(3, generator=generator), torch.randperm(5, generator=generator))
state = torch.get_rng_state()
a = torch.randn(3)
torch.set_rng_state(state)
print(torch.equal(a, torch.randn(3)))
for n in (15, 16, 17, 33, 1000):
    torch.manual_seed(n)
    print(n, torch.randn(n).sum(), torch.rand(n)[-1], torch.randint(100, (n,)).sum(), torch.rand(1))

layer = torch.nn.Linear(3, 2)
print(layer.weight, layer.bias)
for init in ("xavier_uniform_", "kaiming_normal_", "normal_", "uniform_"):
    w = torch.empty(2, 3)
    getattr(torch.nn.init, init)(w)
    print(init, w)
raise SystemExit(3)
