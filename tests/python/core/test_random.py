"""Random numbers: the same values as PyTorch's CPU generator for the same seed."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, parity, table

SIZES = (1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 100, 1000, 100_001)
SAMPLERS = {
    "rand": lambda torch, n: torch.rand(n),
    "rand float64": lambda torch, n: torch.rand(n, dtype=torch.float64),
    "rand float16": lambda torch, n: torch.rand(n, dtype=torch.float16),
    "rand bfloat16": lambda torch, n: torch.rand(n, dtype=torch.bfloat16),
    "randint": lambda torch, n: torch.randint(10, (n,)),
    "randint bounds": lambda torch, n: torch.randint(-5, 1000, (n,)),
    "randint wide": lambda torch, n: torch.randint(0, 2**40, (n,)),
    "randint int32": lambda torch, n: torch.randint(0, 7, (n,), dtype=torch.int32),
    "randint float": lambda torch, n: torch.randint(0, 7, (n,), dtype=torch.float32),
    "randperm": lambda torch, n: torch.randperm(n),
    "bernoulli": lambda torch, n: torch.bernoulli(torch.full((n,), 0.3)),
    "bernoulli_": lambda torch, n: torch.zeros(n).bernoulli_(0.7),
    "bernoulli_ tensor": lambda torch, n: torch.zeros(n).bernoulli_(torch.linspace(0, 1, n)),
    "uniform_": lambda torch, n: torch.zeros(n).uniform_(-2, 3),
    "random_": lambda torch, n: torch.zeros(n, dtype=torch.int64).random_(),
    "random_ bounds": lambda torch, n: torch.zeros(n, dtype=torch.int64).random_(3, 9),
    "dropout": lambda torch, n: torch.nn.functional.dropout(torch.ones(n), 0.4),
    "multinomial": lambda torch, n: torch.multinomial(torch.arange(1.0, n + 1), n, True),
    "multinomial without": lambda torch, n: torch.multinomial(torch.ones(n), n),
}
NORMALS = {
    "randn": lambda torch, n: torch.randn(n),
    "randn float64": lambda torch, n: torch.randn(n, dtype=torch.float64),
    "randn float16": lambda torch, n: torch.randn(n, dtype=torch.float16),
    "normal_": lambda torch, n: torch.zeros(n).normal_(2, 3),
    "normal": lambda torch, n: torch.normal(1.0, 2.0, (n,)),
    "normal tensors": lambda torch, n: torch.normal(torch.zeros(n), torch.ones(n)),
    "exponential_": lambda torch, n: torch.zeros(n).exponential_(),
}


@parity(sampler=SAMPLERS)
def test_samplers(torch, sampler):
    for size in SIZES if "without" not in sampler else SIZES[:-1]:
        torch.manual_seed(size)
        yield lambda: SAMPLERS[sampler](torch, size)
        yield torch.rand(3)  # the generator stands at the same place


@parity(sampler=NORMALS, tol=CLOSE)
def test_normal_samplers(torch, sampler):
    for size in SIZES:
        torch.manual_seed(size)
        yield lambda: NORMALS[sampler](torch, size)
        yield torch.randn(3), torch.rand(3)


test_calls = table(
    """
torch.rand(()); torch.rand(2, 3); torch.rand((2, 3)); torch.rand(0); torch.rand(2, requires_grad=True)
torch.randn(()); torch.randn(3, 4); torch.randn([2]); torch.randn(2, 3, dtype=torch.float64); torch.randn(5)
torch.rand_like(torch.zeros(2, 3)); torch.randn_like(torch.zeros(2, 3)); torch.randint_like(torch.zeros(3), 5)
torch.randn_like(torch.zeros(4, 5).t()); torch.rand_like(torch.zeros(4, 5).t())
torch.randn_like(torch.zeros(3, dtype=torch.int64))
torch.rand(2, dtype=torch.int64)
torch.randn(2, dtype=torch.int64)
torch.randint(5, (2, 3)); torch.randint(2, 5, (4,)); torch.randint(high=3, size=(2,)); torch.randint(0, 2, (3,)).dtype
torch.randint(5, 5, (1,))
torch.randint(0, 5, 3)
torch.randint(0, 300, (3,), dtype=torch.uint8)
torch.randint(-1, 3, (3,), dtype=torch.uint8)
torch.randperm(0); torch.randperm(10); torch.randperm(5, dtype=torch.int32); torch.randperm(4).dtype
torch.randperm(-1)
torch.manual_seed(5) is not None; torch.rand(1); torch.manual_seed(5); torch.rand(1); torch.initial_seed()
torch.manual_seed(-1); torch.rand(2)
torch.manual_seed(2**63); torch.rand(2)
torch.manual_seed(2**64)
torch.manual_seed("a")
torch.manual_seed(1.5); torch.rand(1)
torch.manual_seed(3); state = torch.get_rng_state(); a = torch.rand(2); torch.set_rng_state(state); torch.rand(2)
torch.manual_seed(3); torch.randn(7); state = torch.get_rng_state(); a = torch.randn(2); torch.set_rng_state(state); torch.randn(2)
g = torch.Generator(); g.manual_seed(7); torch.rand(3, generator=g); torch.randperm(5, generator=g); torch.randn(2, generator=g)
g = torch.Generator().manual_seed(7); torch.randint(9, (3,), generator=g); torch.zeros(2).uniform_(generator=g); g.initial_seed()
g = torch.Generator(device="cpu"); g.manual_seed(1); s = g.get_state(); torch.rand(1, generator=g); g.set_state(s); torch.rand(1, generator=g)
torch.zeros(3).uniform_(1, 0)
torch.zeros(3).normal_(0, -1)
torch.zeros(3, dtype=torch.int64).uniform_()
torch.zeros(3).bernoulli_(1.5)
torch.bernoulli(torch.tensor([1.5]))
torch.bernoulli(torch.tensor([1]))
torch.multinomial(torch.tensor([0.1, 0.9]), 3)
torch.multinomial(torch.tensor([0.1, 0.9]), 3, replacement=True); torch.multinomial(torch.tensor([[0.1, 0.9], [1, 0]]), 2, True)
torch.multinomial(torch.tensor([0.0, 0.0]), 1)
torch.multinomial(torch.tensor([-1.0, 2.0]), 1)
torch.multinomial(torch.tensor([1, 2]), 1)
torch.multinomial(torch.tensor([1.0, 2.0]), 0)
torch.zeros(3, 4).t().uniform_(); torch.zeros(3, 4).t().normal_(); torch.zeros(10, 4)[:, ::2].normal_()
torch.zeros(40).view(20, 2).t().normal_()
x = torch.zeros(6); x[::2].uniform_(); x; x._version
x = torch.zeros(3, requires_grad=True); x.uniform_()
x = torch.ones(4, requires_grad=True); F.dropout(x, 0.5).sum().backward()
x = torch.ones(4, requires_grad=True); y = x * 1; y.normal_(); y.sum().backward()
x = torch.ones(4, requires_grad=True); torch.bernoulli(x * 0.5)
F.dropout(torch.ones(20), 0.25); F.dropout(torch.ones(4), 0.0); F.dropout(torch.ones(4), 1.0); F.dropout(torch.ones(4), training=False)
F.dropout(torch.ones(4), 1.5)
F.dropout(torch.ones(4), -0.1)
F.dropout(torch.ones(4), 0.5, inplace=True); F.dropout(torch.ones(20, dtype=torch.float64)); F.dropout(torch.ones(0))
nn.Dropout(0.3)(torch.ones(10)); nn.Dropout(0.3).eval()(torch.ones(10))
torch.rand(5); torch.randn(5); torch.rand(5); torch.randn(20); torch.randn(1); torch.randint(5, (2,)); torch.rand(1)
torch.randn(1); torch.randn(1); torch.rand(1); torch.randn(1, dtype=torch.float64); torch.randn(1)
x = torch.zeros(0).uniform_(); torch.randn(0); torch.rand(1)
torch.empty(5).normal_(); torch.empty(17).normal_(1, 2); torch.empty(3, 6).normal_(std=0.1)
nn.init.normal_(torch.empty(3, 4)); nn.init.uniform_(torch.empty(5)); nn.init.xavier_uniform_(torch.empty(3, 4))
nn.init.kaiming_uniform_(torch.empty(3, 4)); nn.init.kaiming_normal_(torch.empty(30, 4)); nn.init.xavier_normal_(torch.empty(5, 4))
nn.Linear(3, 4).weight; nn.Linear(3, 4).bias
""",
    tol=CLOSE,
)
