"""Initial values: every function fills its tensor in place, without recording, and returns it.

fan_in and fan_out are the numbers of inputs and outputs of one unit: dimensions 1 and 0 of the
tensor, each times the size of the receptive field (the remaining dimensions).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import whygrad
from whygrad import Tensor
from whygrad.overrides import has_torch_function_unary, overridden

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_UNIT_GAIN = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)


# Share of the normal distribution above which `trunc_normal_` draws from it.
_ENOUGH_INSIDE = 0.3


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer's standard deviation must grow to pass `nonlinearity`.

    `param` is the negative slope of "leaky_relu", 0.01 when left out.
    """
    if nonlinearity in _UNIT_GAIN:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the uniform distribution on [a, b)."""
    if has_torch_function_unary(tensor):
        return overridden(uniform_, locals(), n_positional=0)
    with whygrad.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the normal distribution N(mean, std**2)."""
    if has_torch_function_unary(tensor):
        return overridden(normal_, locals(), n_positional=0)
    with whygrad.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Draw from N(mean, std**2) cut to [a, b], by rejection.

    Proposals come from the normal distribution if enough of it lies within [a, b], and else from
    the uniform one on [a, b], accepted with probability density / greatest density. Robert,
    "Simulation of truncated normal variables", 1995.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    low, high = (a - mean) / std, (b - mean) / std
    inside = (math.erf(high / math.sqrt(2.0)) - math.erf(low / math.sqrt(2.0))) / 2
    # The standardised point of [a, b] where the density is greatest.
    peak = 0.0 if low <= 0 <= high else min(abs(low), abs(high))

    def propose(out: Tensor) -> Tensor:
        """Fill `out`, and return where it is to be drawn again."""
        if inside > _ENOUGH_INSIDE:
            out.normal_(mean, std, generator=generator)
            return (out < a) | (out > b)
        out.uniform_(a, b, generator=generator)
        chance = whygrad.empty_like(out).uniform_(generator=generator)
        z = (out - mean) / std
        return chance > ((peak * peak - z * z) / 2).exp()

    with whygrad.no_grad():
        rejected = propose(tensor)
        while rejected.any():
            # Drawn for all elements, needed or not: the order of the generator's numbers.
            fresh = whygrad.empty_like(tensor)
            again = propose(fresh)
            tensor.copy_(whygrad.where(rejected, fresh, tensor))
            rejected = rejected & again
        return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    if has_torch_function_unary(tensor):
        return overridden(constant_, locals(), n_positional=0)
    with whygrad.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    with whygrad.no_grad():
        return tensor.fill_(1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    with whygrad.no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity."""
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with whygrad.no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
        return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution kernel, of 3 to 5 dimensions, so that it passes its input on.

    Within each of the `groups`, output channel i is input channel i, as far as there are both.
    """
    dims = tensor.dim()
    if dims not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.size(0) % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    out_per_group = tensor.size(0) // groups
    centre = [size // 2 for size in tensor.shape[2:]]
    with whygrad.no_grad():
        tensor.zero_()
        for group in range(groups):
            for i in range(min(out_per_group, tensor.size(1))):
                place = (group * out_per_group + i, i, *centre)
                tensor[place] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    inputs, outputs = tensor.size(1), tensor.size(0)
    field = math.prod(tensor.shape[2:]) if tensor.dim() > 2 else 1
    return inputs * field, outputs * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    lowered = mode.lower()
    if lowered not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {lowered} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if lowered == "fan_in" else fan_out


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain sqrt(6 / (fan_in + fan_out)). Glorot and Bengio, 2010."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    with whygrad.no_grad():
        return tensor.uniform_(-bound, bound, generator=generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with variance 2 gain**2 / (fan_in + fan_out). Glorot and Bengio, 2010."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    with whygrad.no_grad():
        return tensor.normal_(0.0, std, generator=generator)


def _is_empty(tensor: Tensor) -> bool:
    if 0 not in tensor.shape:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Uniform in ±gain sqrt(3 / fan). He et al., 2015. `a` is the slope of a leaky ReLU."""
    if has_torch_function_unary(tensor):
        return overridden(kaiming_uniform_, locals(), n_positional=0)
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    std = calculate_gain(nonlinearity, a) / math.sqrt(fan)
    bound = math.sqrt(3.0) * std
    with whygrad.no_grad():
        return tensor.uniform_(-bound, bound, generator=generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan). He et al., 2015."""
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    std = calculate_gain(nonlinearity, a) / math.sqrt(fan)
    with whygrad.no_grad():
        return tensor.normal_(0.0, std, generator=generator)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix from N(0, std**2), with a fraction `sparsity` of each column zero.

    Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with whygrad.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            # The default generator picks the rows, even when another one drew the values.
            tensor[whygrad.randperm(rows)[:zeros], column] = 0
    return tensor
