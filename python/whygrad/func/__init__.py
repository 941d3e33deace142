"""`torch.func`: transforms of functions (derivatives, maps over batches), and modules as functions of their state."""

from ._forward import hessian, jacfwd, jvp
from ._functional_call import functional_call, stack_module_state
from ._rearrange import rearrange
from ._transforms import grad, grad_and_value, jacrev, linearize, vjp
from ._wrappers import debug_unwrap, functionalize
from .vmap import vmap

__all__ = [
    "grad",
    "grad_and_value",
    "functionalize",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "vjp",
    "vmap",
    "functional_call",
    "stack_module_state",
    "debug_unwrap",
]

for _name in __all__:
    globals()[_name].__module__ = "torch.func"
