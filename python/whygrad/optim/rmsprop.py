"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import whygrad
from whygrad import Tensor

from .optimizer import Optimizer, _as_real, _check_lr, _check_modes, _number, _scalar_dtype

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """`p -= lr * g / (sqrt(v) + eps)`, with v the running average of g**2 (factor `alpha`).

    Hinton's lecture notes. `centered` subtracts the square of the average of g from v (Graves,
    2013); `momentum` adds a buffer of the updates.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check_lr(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not momentum >= 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not alpha >= 0.0:
            raise ValueError(f"Invalid alpha value: {alpha}")
        _check_modes(
            "RMSprop", foreach=foreach, differentiable=differentiable, capturable=capturable
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("momentum", 0)
            group.setdefault("centered", False)
            group.setdefault("foreach", None)
            group.setdefault("maximize", False)
            group.setdefault("differentiable", False)
            group.setdefault("capturable", False)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update once; returns what `closure` returned."""
        return self._run_step(closure)

    def _start(self, p: Tensor, values: dict[str, Any], group: dict[str, Any]) -> None:
        """Fill the state of a parameter that gets its first gradient."""
        values["step"] = whygrad.tensor(0.0, dtype=_scalar_dtype())
        values["square_avg"] = whygrad.zeros_like(p)
        if group["momentum"] > 0:
            values["momentum_buffer"] = whygrad.zeros_like(p)
        if group["centered"]:
            values["grad_avg"] = whygrad.zeros_like(p)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, alpha, eps = _number(group["lr"]), group["alpha"], group["eps"]
        momentum, weight_decay = group["momentum"], group["weight_decay"]
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            values = self.state[p]
            if not values:
                self._start(p, values, group)
            values["step"].add_(1)
            if group["maximize"]:
                grad = -grad
            if weight_decay != 0:
                grad = grad.add(p, alpha=weight_decay)
            grad, param = _as_real(grad), _as_real(p)
            square_avg = _as_real(values["square_avg"])
            square_avg.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
            if group["centered"]:
                grad_avg = _as_real(values["grad_avg"])
                grad_avg.lerp_(grad, 1 - alpha)
                scale = square_avg.addcmul(grad_avg, grad_avg, value=-1).sqrt_().add_(eps)
            else:
                scale = square_avg.sqrt().add_(eps)
            if momentum > 0:
                buffer = _as_real(values["momentum_buffer"])
                buffer.mul_(momentum).addcdiv_(grad, scale)
                param.add_(buffer, alpha=-lr)
            else:
                param.addcdiv_(grad, scale, value=-lr)
