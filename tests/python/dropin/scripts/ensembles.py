"""Several models in one: stack_module_state, vmap over models and data, a training step."""

import copy

import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

torch.manual_seed(1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x):
        return self.net(x) * self.scale


models = [Model() for _ in range(4)]
params, buffers = stack_module_state(models)
print(
    {k: tuple(v.shape) for k, v in params.items()}, {k: tuple(v.shape) for k, v in buffers.items()}
)
base = copy.deepcopy(models[0])


def run(params, buffers, x):
    return functional_call(base, (params, buffers), (x,))


x = torch.randn(4, 7, 6)
own = vmap(run)(params, buffers, x)
shared = vmap(run, in_dims=(0, 0, None))(params, buffers, x[0])
loop = torch.stack([m(xi) for m, xi in zip(models, x)])
print(own.shape, torch.allclose(own, loop, atol=1e-6))
print(torch.allclose(shared[2], models[2](x[0]), atol=1e-6))
target = torch.randint(0, 3, (4, 7))


def loss(params, buffers, x, y):
    return nn.functional.cross_entropy(run(params, buffers, x), y)


for step in range(5):
    gradient = vmap(grad(loss))(params, buffers, x, target)
    with torch.no_grad():
        for k in params:
            params[k] -= 0.5 * gradient[k]
    print(step, [f"{v:.4f}" for v in vmap(loss)(params, buffers, x, target).tolist()])

draws = vmap(lambda p: torch.rand(2) + p.sum() * 0, randomness="different")(params["net.0.bias"])
print(draws.shape, (draws[0] == draws[1]).all().item())
same = vmap(lambda p: torch.rand(2) + p.sum() * 0, randomness="same")(params["net.0.bias"])
print((same[0] == same[1]).all().item())
try:
    vmap(lambda p: torch.rand(2))(params["net.0.bias"])
except RuntimeError as error:
    print(error)
try:
    stack_module_state([])
except RuntimeError as error:
    print(error)
try:
    vmap(run, in_dims=(0, 0))(params, buffers, x)
except ValueError as error:
    print(str(error).splitlines()[0][:60])
