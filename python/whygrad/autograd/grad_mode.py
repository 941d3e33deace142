"""`torch.autograd.grad_mode`."""

from .._grad_mode import enable_grad, no_grad, set_grad_enabled, set_multithreading_enabled

__all__ = ["enable_grad", "no_grad", "set_grad_enabled", "set_multithreading_enabled"]
