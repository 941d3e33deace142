"""Adagrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import whygrad
from whygrad import Tensor

from .optimizer import Optimizer, _as_real, _check_lr, _check_modes, _number, _scalar_dtype

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """`p -= lr_t * g / (sqrt(s) + eps)`, with s the sum of all g**2.

    Duchi, Hazan and Singer, 2011. `lr_t = lr / (1 + (t - 1) * lr_decay)`; s starts at
    `initial_accumulator_value`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _check_lr(lr)
        if not lr_decay >= 0.0:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not initial_accumulator_value >= 0.0:
            raise ValueError(
                f"Invalid initial_accumulator_value value: {initial_accumulator_value}"
            )
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_modes("Adagrad", foreach=foreach, fused=fused, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for p in group["params"]:
                self._start(p, group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("foreach", None)
            group.setdefault("maximize", False)
            group.setdefault("differentiable", False)
            group.setdefault("fused", None)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update once; returns what `closure` returned."""
        return self._run_step(closure)

    def _start(self, p: Tensor, group: dict[str, Any]) -> None:
        first = group["initial_accumulator_value"]
        self.state[p].update(
            step=whygrad.tensor(0.0, dtype=_scalar_dtype()),
            sum=whygrad.full_like(p, complex(first, first) if p.is_complex() else first),
        )

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, eps, weight_decay = _number(group["lr"]), group["eps"], group["weight_decay"]
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            values = self.state[p]
            total = _as_real(values["sum"])
            steps = values["step"].add_(1).item()
            if group["maximize"]:
                grad = -grad
            if weight_decay != 0:
                grad = grad.add(p, alpha=weight_decay)
            grad = _as_real(grad)
            rate = lr / (1 + (steps - 1) * group["lr_decay"])
            total.addcmul_(grad, grad, value=1)
            _as_real(p).addcdiv_(grad, total.sqrt().add_(eps), value=-rate)
