"""The functional form of the layers: activations, linear maps, normalisation.

The losses are in `_losses.py`. What the core has as one operation is called there, the rest is
written here with tensor operations.
"""

from __future__ import annotations

import warnings
from typing import Any

import whygrad
from whygrad import Tensor
from whygrad._C import _nn
from whygrad.overrides import (
    has_torch_function_unary,
    has_torch_function_variadic,
    overridden,
)

from ._losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    # losses
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    # activations
    "celu",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    # the rest
    "bilinear",
    "cosine_similarity",
    "dropout",
    "embedding",
    "layer_norm",
    "linear",
    "normalize",
    "one_hot",
    "pairwise_distance",
    "rms_norm",
]

elu_ = _nn.elu_
gelu = _nn.gelu
leaky_relu_ = _nn.leaky_relu_
linear = _nn.linear
logsigmoid = _nn.log_sigmoid
softplus = _nn.softplus
softshrink = _nn.softshrink
hardshrink = whygrad.hardshrink
prelu = whygrad.prelu
relu_ = whygrad.relu_
bilinear = whygrad.bilinear
one_hot = _nn.one_hot
cosine_similarity = whygrad.cosine_similarity
pairwise_distance = whygrad.pairwise_distance


# -- activations --------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(x, 0)`."""
    if has_torch_function_unary(input):
        return overridden(relu, locals())
    return whygrad.relu_(input) if inplace else whygrad.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`x` where positive, else `negative_slope * x`."""
    if has_torch_function_unary(input):
        return overridden(leaky_relu, locals())
    if inplace:
        return _nn.leaky_relu_(input, negative_slope)
    return _nn.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, else `alpha (exp(x) - 1)`."""
    if has_torch_function_unary(input):
        return overridden(elu, locals())
    return _nn.elu_(input, alpha) if inplace else _nn.elu(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`x sigmoid(x)`."""
    if has_torch_function_unary(input):
        return overridden(silu, locals())
    return _nn.silu_(input) if inplace else _nn.silu(input)


def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`max(x, 0) + min(0, alpha (exp(x / alpha) - 1))`. Barron, 2017."""
    if has_torch_function_unary(input):
        return overridden(celu, locals())
    return whygrad.celu_(input, alpha) if inplace else whygrad.celu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """`scale * elu(x, alpha)` with the two constants that keep mean 0 and variance 1."""
    if has_torch_function_unary(input):
        return overridden(selu, locals())
    return whygrad.selu_(input) if inplace else whygrad.selu(input)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """`x` cut to the range from `min_val` to `max_val`; its gradient is 0 at both ends."""
    if has_torch_function_unary(input):
        return overridden(hardtanh, locals())
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if inplace:
        return _nn.hardtanh_(input, min_val, max_val)
    return _nn.hardtanh(input, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`min(max(x, 0), 6)`."""
    if has_torch_function_unary(input):
        return overridden(relu6, locals())
    return _nn.relu6_(input) if inplace else _nn.relu6(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`relu6(x + 3) / 6`."""
    if has_torch_function_unary(input):
        return overridden(hardsigmoid, locals())
    return _nn.hardsigmoid_(input) if inplace else _nn.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x relu6(x + 3) / 6`. Howard et al., "Searching for MobileNetV3", 2019."""
    if has_torch_function_unary(input):
        return overridden(hardswish, locals())
    return _nn.hardswish_(input) if inplace else _nn.hardswish(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x tanh(softplus(x))`. Misra, 2019."""
    if has_torch_function_unary(input):
        return overridden(mish, locals())
    return _nn.mish_(input) if inplace else _nn.mish(input)


def _threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`x` where it is greater than `threshold`, else `value`."""
    if has_torch_function_unary(input):
        return overridden(_threshold, locals())
    if inplace:
        return whygrad.threshold_(input, threshold, value)
    return whygrad.threshold(input, threshold, value)


threshold = _threshold  # messages name the one before


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """`a sigmoid(b)`, where a and b are the halves of `input` along `dim`."""
    if has_torch_function_unary(input):
        return overridden(glu, locals())
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _nn.glu(input, dim)


def tanhshrink(input: Tensor) -> Tensor:
    """`x - tanh(x)`."""
    if has_torch_function_unary(input):
        return overridden(tanhshrink, locals())
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """`x / (1 + |x|)`."""
    if has_torch_function_unary(input):
        return overridden(softsign, locals())
    return input / (input.abs() + 1)


def _implicit_softmax_dim(name: str, dims: int, stacklevel: int) -> int:
    dim = 0 if dims in (0, 1, 3) else 1
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return dim


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`exp(x) / sum(exp(x))` along `dim`, computed in `dtype` if given."""
    if has_torch_function_unary(input):
        return overridden(softmax, locals())
    if dim is None:
        dim = _implicit_softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`softmax(-x)` along `dim`, computed in `dtype` if given."""
    if has_torch_function_unary(input):
        return overridden(softmin, locals())
    if dim is None:
        dim = _implicit_softmax_dim("softmin", input.dim(), _stacklevel)
    return softmax(-input, dim, _stacklevel, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`log(softmax(x))` along `dim`, computed in `dtype` if given, without overflow."""
    if has_torch_function_unary(input):
        return overridden(log_softmax, locals())
    if dim is None:
        dim = _implicit_softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


# -- linear maps and lookups --------------------------------------------------------------------


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight`, a matrix, at the integers of `input`: shape (*, columns).

    Row `padding_idx` gets no gradient. With `max_norm`, rows in use that are longer in the norm
    `norm_type` are first scaled down, in place.
    """
    if has_torch_function_variadic(input, weight):
        return overridden(embedding, locals())
    if sparse:
        raise NotImplementedError("embedding: sparse gradients do not exist in whygrad")
    if padding_idx is None:
        padding_idx = -1
    elif padding_idx > 0:
        if padding_idx >= weight.size(0):
            raise AssertionError("Padding_idx must be within num_embeddings")
    elif padding_idx < 0:
        if padding_idx < -weight.size(0):
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx += weight.size(0)
    if max_norm is not None:
        with whygrad.no_grad():
            used = input.contiguous().reshape(-1)
            values = weight[used]
            length = values.norm(norm_type, 1, keepdim=True)
            scale = whygrad.where(length > max_norm, max_norm / (length + 1e-7), 1.0)
            weight[used] = values * scale
    return whygrad.embedding(weight, input, padding_idx, scale_grad_by_freq, False)


# -- dropout and normalisation ------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While `training`, zero each element with probability `p` and scale the rest by 1/(1-p)."""
    if has_torch_function_unary(input):
        return overridden(dropout, locals())
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not inplace:
        return whygrad.dropout(input, p, training)
    if training and p > 0:
        input.mul_(whygrad.dropout(whygrad.ones_like(input), p, True))
    return input


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """`(x - mean) / sqrt(var + eps) * weight + bias` over the last dimensions."""
    if has_torch_function_variadic(input, weight, bias):
        return overridden(layer_norm, locals())
    return _nn.layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """`x / sqrt(mean(x**2) + eps) * weight` over the last dimensions.

    `eps=None` stands for the machine epsilon of the dtype.
    """
    if has_torch_function_variadic(input, weight):
        return overridden(rms_norm, locals())
    return _nn.rms_norm(input, normalized_shape, weight, eps)


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """`x / max(norm(x, p), eps)`, with the norm taken along `dim`."""
    if has_torch_function_unary(input):
        return overridden(normalize, locals())
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / length if out is None else whygrad.div(input, length, out=out)
