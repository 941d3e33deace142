"""Activation modules: each applies the function of `nn.functional` with the same name."""

from __future__ import annotations

import warnings
from typing import Any

import whygrad
from whygrad import Tensor

from .. import functional as F
from ..parameter import Parameter
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return whygrad.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return whygrad.tanh(input)


class LogSigmoid(Module):
    """`log(sigmoid(x))`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.logsigmoid(input)


class Softsign(Module):
    """`x / (1 + |x|)`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.softsign(input)


class Tanhshrink(Module):
    """`x - tanh(x)`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.tanhshrink(input)


class _InPlace(Module):
    """An activation whose only option is to work in place."""

    __constants__ = ["inplace"]
    inplace: bool

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """`max(x, 0)`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.relu(input, self.inplace)


class SELU(_InPlace):
    """The scaled ELU that keeps mean 0 and variance 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.selu(input, self.inplace)


class SiLU(_InPlace):
    """`x sigmoid(x)`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """`x tanh(softplus(x))`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.mish(input, self.inplace)


class Hardsigmoid(Module):
    """`relu6(x + 3) / 6`."""

    __constants__ = ["inplace"]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """`x relu6(x + 3) / 6`."""

    __constants__ = ["inplace"]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.hardswish(input, self.inplace)


class Hardtanh(Module):
    """`x` cut to the range from `min_val` to `max_val`."""

    __constants__ = ["inplace", "max_val", "min_val"]

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        if min_value is not None:
            warnings.warn(
                "keyword argument `min_value` is deprecated and rename to `min_val`",
                FutureWarning,
                stacklevel=2,
            )
            min_val = min_value
        if max_value is not None:
            warnings.warn(
                "keyword argument `max_value` is deprecated and rename to `max_val`",
                FutureWarning,
                stacklevel=2,
            )
            max_val = max_value
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"max_val must be larger than min_val, got {max_val} and {min_val}"
            )

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The range, and whether it works in place."""
        text = f"min_val={self.min_val}, max_val={self.max_val}"
        return text + ", inplace=True" if self.inplace else text


class ReLU6(Hardtanh):
    """`min(max(x, 0), 6)`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """`x` where positive, else `negative_slope * x`."""

    __constants__ = ["inplace", "negative_slope"]

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope, and whether it works in place."""
        text = f"negative_slope={self.negative_slope}"
        return text + ", inplace=True" if self.inplace else text


class ELU(Module):
    """`x` where positive, else `alpha (exp(x) - 1)`."""

    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Alpha, and whether it works in place."""
        text = f"alpha={self.alpha}"
        return text + ", inplace=True" if self.inplace else text


class CELU(Module):
    """`max(x, 0) + min(0, alpha (exp(x / alpha) - 1))`."""

    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Alpha, and whether it works in place."""
        text = f"alpha={self.alpha}"
        return text + ", inplace=True" if self.inplace else text


class GELU(Module):
    """`x Phi(x)`, exact or with the tanh approximation (`approximate="tanh"`)."""

    __constants__ = ["approximate"]

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """`a sigmoid(b)`, where a and b are the halves of the input along `dim`."""

    __constants__ = ["dim"]

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Half as long along `dim`."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softplus(Module):
    """`log(1 + exp(beta x)) / beta`, and `x` itself where `beta x > threshold`."""

    __constants__ = ["beta", "threshold"]

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Beta and threshold."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardshrink(Module):
    """`x`, but 0 where `|x| <= lambd`."""

    __constants__ = ["lambd"]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Lambda."""
        return str(self.lambd)


class Softshrink(Module):
    """`x` moved towards 0 by `lambd`."""

    __constants__ = ["lambd"]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Lambda."""
        return str(self.lambd)


class Threshold(Module):
    """`x` where it is greater than `threshold`, else `value`."""

    __constants__ = ["inplace", "threshold", "value"]

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The two numbers, and whether it works in place."""
        text = f"threshold={self.threshold}, value={self.value}"
        return text + ", inplace=True" if self.inplace else text


class PReLU(Module):
    """`x` where positive, else `weight * x`, with learned `weight`.

    `num_parameters` is 1, or the number of channels (dimension 1 of the input).
    """

    __constants__ = ["num_parameters"]

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        self.num_parameters = num_parameters
        super().__init__()
        self.init = init
        self.weight = Parameter(whygrad.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the weight with `init`."""
        with whygrad.no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of parameters."""
        return f"num_parameters={self.num_parameters}"


class _Softmax(Module):
    """What Softmax, Softmin and LogSoftmax share: the dimension."""

    __constants__ = ["dim"]
    dim: int | None

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmin(_Softmax):
    """`softmax(-x)` along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax(_Softmax):
    """`exp(x) / sum(exp(x))` along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_Softmax):
    """`log(softmax(x))` along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, which the result keeps."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of an image: (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3, _stacklevel=5)
