"""`torch.autograd.grad_mode`."""

from .._grad_mode import (
    _DecoratorContextManager as _DecoratorContextManager,
)
from .._grad_mode import (
    _enter_inference_mode as _enter_inference_mode,
)
from .._grad_mode import (
    _exit_inference_mode as _exit_inference_mode,
)
from .._grad_mode import (
    _NoParamDecoratorContextManager as _NoParamDecoratorContextManager,
)
from .._grad_mode import (
    _unsafe_preserve_version_counter as _unsafe_preserve_version_counter,
)
from .._grad_mode import (
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)

__all__ = [
    "enable_grad",
    "enforce_grad_layout_policy",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]
