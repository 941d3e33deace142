"""`torch.autograd.anomaly_mode`: where in the forward pass the failure of a backward pass comes from.

With the mode on, the error that ends a backward pass comes with a warning that shows the calls which
recorded the failing node, and unless `check_nan` is False a gradient with NaN is such an error. The mode
is one of the process. It costs a few percent.
"""

from __future__ import annotations

import warnings
from typing import Any

from .. import _C

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class _AnomalyMode:
    """Restores the mode from before on leaving."""

    def __init__(self) -> None:
        self.prev = _C.is_anomaly_enabled()
        self.prev_check_nan = _C.is_anomaly_check_nan_enabled()

    def __exit__(self, *args: object) -> None:
        """Restore the mode from before."""
        _C.set_anomaly_enabled(self.prev, self.prev_check_nan)


class detect_anomaly(_AnomalyMode):
    """Switches the mode on on entering; warns that it is for debugging.

    Args:
        check_nan: whether a gradient with NaN is an error.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        """Switch the mode on."""
        _C.set_anomaly_enabled(True, self.check_nan)


class set_detect_anomaly(_AnomalyMode):
    """Switches the mode at once when called; as a context manager also back again.

    Args:
        mode: on or off.
        check_nan: whether a gradient with NaN is an error.

    Raises:
        TypeError: an argument that is no bool.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__()
        _C.set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        """Leave the mode as it is."""


for _cls in (detect_anomaly, set_detect_anomaly):
    _cls.__module__ = "torch.autograd.anomaly_mode"


def __getattr__(name: str) -> Any:
    from .._dropin import module_getattr

    return module_getattr(__name__)(name)
