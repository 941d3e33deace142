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
cosine_similarity = whygrad.cosine_similarity
pairwise_distance = whygrad.pairwise_distance


# -- activations --------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(x, 0)`."""
    return whygrad.relu_(input) if inplace else whygrad.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`x` where positive, else `negative_slope * x`."""
    if inplace:
        return _nn.leaky_relu_(input, negative_slope)
    return _nn.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, else `alpha (exp(x) - 1)`."""
    return _nn.elu_(input, alpha) if inplace else _nn.elu(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`x sigmoid(x)`."""
    return _nn.silu_(input) if inplace else _nn.silu(input)


def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`max(x, 0) + min(0, alpha (exp(x / alpha) - 1))`. Barron, 2017."""
    return whygrad.celu_(input, alpha) if inplace else whygrad.celu(input, alpha)


# Klambauer et al., "Self-Normalizing Neural Networks", 2017, equation 14.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """`scale * elu(x, alpha)` with the two constants that keep mean 0 and variance 1."""
    if inplace:
        return _nn.elu_(input, _SELU_ALPHA, _SELU_SCALE)
    return _nn.elu(input, _SELU_ALPHA, _SELU_SCALE)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """`x` cut to the range from `min_val` to `max_val`; its gradient is 0 at both ends."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if inplace:
        return _nn.hardtanh_(input, min_val, max_val)
    return _nn.hardtanh(input, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`min(max(x, 0), 6)`."""
    return _nn.hardtanh_(input, 0, 6) if inplace else _nn.hardtanh(input, 0, 6)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`relu6(x + 3) / 6`."""
    return _nn.hardsigmoid_(input) if inplace else _nn.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x relu6(x + 3) / 6`. Howard et al., "Searching for MobileNetV3", 2019."""
    return _nn.hardswish_(input) if inplace else _nn.hardswish(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x tanh(softplus(x))`. Misra, 2019."""
    return _nn.mish_(input) if inplace else _nn.mish(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`x` where it is greater than `threshold`, else `value`."""
    if inplace:
        return whygrad.threshold_(input, threshold, value)
    return whygrad.threshold(input, threshold, value)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """`a sigmoid(b)`, where a and b are the halves of `input` along `dim`."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _nn.glu(input, dim)


def tanhshrink(input: Tensor) -> Tensor:
    """`x - tanh(x)`."""
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """`x / (1 + |x|)`."""
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
    if dim is None:
        dim = _implicit_softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`softmax(-x)` along `dim`, computed in `dtype` if given."""
    if dim is None:
        dim = _implicit_softmax_dim("softmin", input.dim(), _stacklevel)
    return softmax(-input, dim, _stacklevel, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`log(softmax(x))` along `dim`, computed in `dtype` if given, without overflow."""
    if dim is None:
        dim = _implicit_softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


# -- linear maps and lookups --------------------------------------------------------------------


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`y_k = x1 @ weight[k] @ x2 + bias_k`, for inputs (..., in1) and (..., in2)."""
    if input1.dim() != input2.dim():
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}"
        )
    for number, value, size in ((1, input1, weight.size(1)), (2, input2, weight.size(2))):
        if value.size(-1) != size:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got "
                f"{value.size(-1)} but expected {size}"
            )
    batch = list(input1.shape[:-1])
    for dim, (size1, size2) in enumerate(zip(batch, input2.shape, strict=False)):
        if size1 != size2:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {size1} and "
                f"{size2}"
            )
    flat1 = input1.reshape(-1, input1.size(-1))
    flat2 = input2.reshape(-1, input2.size(-1))
    result = whygrad.einsum("ni,kij,nj->nk", flat1, weight, flat2)
    result = result.reshape([*batch, weight.size(0)])
    return result if bias is None else result + bias


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
    if sparse:
        raise NotImplementedError("embedding: sparse gradients do not exist in whygrad")
    rows = weight.size(0)
    if padding_idx is None:
        padding_idx = -1
    elif padding_idx >= rows or padding_idx < -rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    elif padding_idx < 0:
        padding_idx += rows
    if max_norm is not None:
        with whygrad.no_grad():
            used = input.reshape(-1)
            values = weight[used]
            length = values.norm(norm_type, 1, keepdim=True)
            scale = whygrad.where(length > max_norm, max_norm / (length + 1e-7), 1.0)
            weight[used] = values * scale
    return whygrad.embedding(weight, input, padding_idx, scale_grad_by_freq, False)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 of shape (*, num_classes), 1 at the class of each element and 0 elsewhere.

    `num_classes=-1` takes the greatest class plus one.
    """
    if tensor.dtype != whygrad.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return whygrad.zeros([*tensor.shape, num_classes], dtype=whygrad.int64)
    if tensor.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    greatest = tensor.max().item()
    if num_classes == -1:
        num_classes = greatest + 1
    elif greatest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    result = whygrad.zeros([*tensor.shape, num_classes], dtype=whygrad.int64)
    return result.scatter_(-1, tensor.unsqueeze(-1), 1)


# -- dropout and normalisation ------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While `training`, zero each element with probability `p` and scale the rest by 1/(1-p)."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not inplace:
        return whygrad.dropout(input, p, training)
    if training and p > 0:
        input.mul_(whygrad.dropout(whygrad.ones_like(input), p, True))
    return input


def _check_layer(name: str, input: Tensor, shape: Any, **affine: Tensor | None) -> None:
    """`shape` must be that of the last dims, and of the affine parameters."""
    shape = list(shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            f"one element, but got normalized_shape = {shape}"
        )
    for label, tensor in affine.items():
        if tensor is not None and list(tensor.shape) != shape:
            raise RuntimeError(
                f"Expected {label} to be of same shape as normalized_shape, but got {label} of "
                f"shape {list(tensor.shape)} and normalized_shape = {shape}"
            )
    if list(input.shape[-len(shape) :]) != shape or input.dim() < len(shape):
        # PyTorch prints the two functions' shapes differently.
        expected = ("*, " if name == "layer_norm" else "*") + ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [{expected}], but got "
            f"input of size{list(input.shape)}"
        )


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """`(x - mean) / sqrt(var + eps) * weight + bias` over the last dimensions."""
    _check_layer("layer_norm", input, normalized_shape, weight=weight, bias=bias)
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
    _check_layer("rms_norm", input, normalized_shape, weight=weight)
    return _nn.rms_norm(input, normalized_shape, weight, eps)


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """`x / max(norm(x, p), eps)`, with the norm taken along `dim`."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / length if out is None else whygrad.div(input, length, out=out)
