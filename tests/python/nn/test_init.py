"""nn.init draws what PyTorch draws; nn.utils clips and flattens as PyTorch does."""

import math

import pytest
from nn.engines import agree, failure

FUNCTIONS = ["uniform_", "normal_", "trunc_normal_", "ones_", "zeros_", "eye_", "dirac_"]
FUNCTIONS += ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"]


@pytest.mark.parametrize("shape", [(4, 3), (5,), (6, 4, 3), (4, 3, 2, 5), (0, 3)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name, shape):
    def case(torch):
        tensor = torch.full(shape, 7.0)
        result = getattr(torch.nn.init, name)(tensor)
        return result is tensor, result, torch.rand(1)

    agree(case)


OPTIONS = [
    ("sparse_", (6, 4), (0.3,), {}),
    ("sparse_", (6,), (0.3,), {}),
    ("constant_", (3,), (2.5,), {}),
    ("uniform_", (4,), (-2, 5), {}),
    ("normal_", (40,), (3, 0.1), {}),
    ("dirac_", (6, 2, 3), (3,), {}),
    ("dirac_", (6, 2, 3), (4,), {}),
    ("kaiming_uniform_", (4, 3), (), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (4, 3), (), {"mode": "bogus"}),
    ("kaiming_normal_", (4, 3), (), {"nonlinearity": "bogus"}),
    ("xavier_uniform_", (4, 3), (), {"gain": 3}),
]


@pytest.mark.parametrize(("name", "shape", "args", "options"), OPTIONS)
def test_options(name, shape, args, options):
    agree(lambda torch: getattr(torch.nn.init, name)(torch.full(shape, 7.0), *args, **options))


# Much, some and almost nothing of the normal distribution lies within the bounds.
BOUNDS = [(0, 1, -2, 2), (0, 1, -0.4, 0.4), (0, 1, -0.35, 0.35), (0, 1, 3, 4), (9, 1, -2, 2)]


@pytest.mark.parametrize("arguments", [*BOUNDS, (5, 2, -2, 2), (1, 0.5, -2, 2), (0, 1, -3, -2.5)])
def test_truncated_normal(arguments):
    agree(lambda torch: (torch.nn.init.trunc_normal_(torch.empty(40), *arguments), torch.rand(1)))


def test_own_generator_and_grad():
    def case(torch):
        weight = torch.nn.Parameter(torch.zeros(4, 3))
        torch.nn.init.xavier_uniform_(weight, generator=torch.Generator().manual_seed(3))
        return weight, weight.requires_grad, weight.is_leaf, torch.rand(1)

    agree(case)


@pytest.mark.parametrize("param", [None, 0.3, True, "x"])
@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "zz"])
def test_gain(name, param):
    agree(lambda torch: torch.nn.init.calculate_gain(name, param))


def gradients(torch):
    params = [
        torch.nn.Parameter(torch.arange(6.0).view(2, 3) - 2),
        torch.nn.Parameter(torch.ones(3)),
    ]
    for p in params:
        p.grad = p.data * 2
    return [*params, torch.nn.Parameter(torch.ones(2))]


@pytest.mark.parametrize("arguments", [(2,), (1, math.inf), (100.0,), (1.0, 1), (1, 3)])
def test_clip_grad_norm(arguments):
    def case(torch):
        params = gradients(torch)
        norm = torch.nn.utils.clip_grad_norm_(params, *arguments)
        return norm, [p.grad for p in params]

    agree(case)


def test_clip_grad_rejects_non_finite_norms():
    def case(torch):
        (param, *_) = gradients(torch)
        param.grad[0, 0] = math.nan
        clip = torch.nn.utils.clip_grad_norm_
        return failure(lambda: clip(param, 1.0, error_if_nonfinite=True)), clip([], 1.0)

    agree(case)


def test_clip_grad_value_and_vectors():
    def case(torch):
        params = gradients(torch)
        torch.nn.utils.clip_grad_value_(params, 0.5)
        vector = torch.nn.utils.parameters_to_vector(params)
        torch.nn.utils.vector_to_parameters(vector.detach() * 2, params)
        return vector, vector.requires_grad, params, [p.grad for p in params]

    agree(case)
