"""The empirical neural tangent kernel of a small network, in three ways."""

import torch
from torch import nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


net = Net().double()
params = {k: v.detach() for k, v in net.named_parameters()}
a, b = torch.randn(5, 4).double(), torch.randn(3, 4).double()


def f(params, x):
    return functional_call(net, params, (x.unsqueeze(0),)).squeeze(0)


def contraction(x1, x2):
    j1 = vmap(jacrev(f), (None, 0))(params, x1)
    j2 = vmap(jacrev(f), (None, 0))(params, x2)
    parts = [
        torch.einsum("Naf,Mbf->NMab", u.flatten(2), v.flatten(2))
        for u, v in zip(j1.values(), j2.values())
    ]
    return sum(parts)


def products(x1, x2):
    def kernel(x1, x2):
        def column(vec):
            _, pull = vjp(lambda p: f(p, x1), params)
            return jvp(lambda p: f(p, x2), (params,), pull(vec))[1]

        return vmap(column)(torch.eye(3).double())

    return vmap(vmap(kernel, (None, 0)), (0, None))(x1, x2)


one, two = contraction(a, b), products(a, b)
print(one.shape, two.shape)
print(one[0, 0])
print(torch.allclose(one, two, atol=1e-10))
print(torch.linalg.norm(one.sum((2, 3))))
print(torch.einsum("NMaa->NM", one))
