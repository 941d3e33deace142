"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whygrad import _C

from .optimizer import Optimizer, _check_lr, _check_modes, _number

__all__ = ["SGD"]


class SGD(Optimizer):
    """`p -= lr * g`, with momentum: `b = momentum * b + (1 - dampening) * g; p -= lr * b`.

    Sutskever et al., 2013, with the learning rate outside of the momentum buffer. `nesterov`
    uses `g + momentum * b` in place of `b`; `weight_decay` adds `weight_decay * p` to the
    gradient; `maximize` goes up instead of down. The first gradient starts the buffer as it is.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _check_lr(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        _check_modes("SGD", foreach=foreach, fused=fused, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", None)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update once; returns what `closure` returned."""
        return self._run_step(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        params = []
        grads = []
        for p in group["params"]:
            grad = p.grad
            if grad is not None:
                params.append(p)
                grads.append(grad)
        if not params:
            return
        momentum = group["momentum"]
        state = self.state
        buffers = [state[p].get("momentum_buffer") for p in params] if momentum != 0 else []
        # Not `None in buffers`: that would compare tensors elementwise.
        missing = any(buffer is None for buffer in buffers)
        _C._sgd_step(
            params,
            grads,
            buffers,
            lr=_number(group["lr"]),
            momentum=momentum,
            dampening=group["dampening"],
            weight_decay=_number(group["weight_decay"]),
            nesterov=group["nesterov"],
            maximize=group["maximize"],
        )
        if missing:
            # The core has put new buffers in the places of None.
            for p, buffer in zip(params, buffers, strict=True):
                state[p]["momentum_buffer"] = buffer
