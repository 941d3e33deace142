"""`torch.linalg`: what whygrad has of it."""

from . import _C
from ._dropin import module_getattr

if hasattr(_C, "linalg_vector_norm"):
    vector_norm = _C.linalg_vector_norm
matmul = _C.matmul

__getattr__ = module_getattr(__name__)
