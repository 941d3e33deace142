"""`torch.testing`: `assert_close` for results, `make_tensor` for inputs."""

from ._comparison import assert_allclose, assert_close
from ._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
