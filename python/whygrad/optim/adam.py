"""Adam, and the base of AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import whygrad
from whygrad import _C, Tensor

from .optimizer import Optimizer, _check_lr, _check_modes, _number, _scalar_dtype

__all__ = ["Adam"]


def _check_betas(betas: tuple[Any, Any], foreach: bool | None) -> None:
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    tensors = [isinstance(beta, Tensor) for beta in betas]
    if any(tensors) and not all(tensors):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if tensors[i]:
            if foreach:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")


class Adam(Optimizer):
    """`p -= lr * m' / (sqrt(v') + eps)`, with m' and v' the corrected averages of g and g**2.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015. `betas` are the factors of
    the two averages. `amsgrad` uses the greatest v so far (Reddi et al., 2018). `weight_decay`
    adds `weight_decay * p` to the gradient, or with `decoupled_weight_decay` scales p by
    `1 - lr * weight_decay`; `maximize` goes up instead of down.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor):
            if foreach and not capturable:
                raise ValueError(
                    "lr as a Tensor is not supported for capturable=False and foreach=True"
                )
            if lr.numel() != 1:
                raise ValueError("Tensor lr must be 1-element")
        _check_lr(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_betas(betas, foreach)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        _check_modes(
            type(self).__name__,
            foreach=foreach,
            fused=fused,
            differentiable=differentiable,
            capturable=capturable,
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            for p in group["params"]:
                values = self.state.get(p)
                if values and not isinstance(values["step"], Tensor):
                    values["step"] = whygrad.tensor(float(values["step"]), dtype=_scalar_dtype())

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update once; returns what `closure` returned."""
        return self._run_step(closure)

    def _start(self, p: Tensor, values: dict[str, Any], amsgrad: bool) -> None:
        """Fill the state of a parameter that gets its first gradient."""
        values["step"] = whygrad.tensor(0.0, dtype=_scalar_dtype())
        values["exp_avg"] = whygrad.zeros_like(p)
        values["exp_avg_sq"] = whygrad.zeros_like(p)
        if amsgrad:
            values["max_exp_avg_sq"] = whygrad.zeros_like(p)

    def _update_group(self, group: dict[str, Any]) -> None:
        params: list[Tensor] = []
        grads: list[Tensor] = []
        exp_avgs: list[Tensor] = []
        exp_avg_sqs: list[Tensor] = []
        max_exp_avg_sqs: list[Tensor] = []
        steps: list[Tensor] = []
        amsgrad = group["amsgrad"]
        state = self.state
        # Gathered anew at each step: gradients come and go, and users edit groups and state.
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            values = state[p]
            if not values:
                self._start(p, values, amsgrad)
            params.append(p)
            grads.append(grad)
            exp_avgs.append(values["exp_avg"])
            exp_avg_sqs.append(values["exp_avg_sq"])
            steps.append(values["step"])
            if amsgrad:
                max_exp_avg_sqs.append(values["max_exp_avg_sq"])
        if not params:
            return
        beta1, beta2 = group["betas"]
        _C._adam_step(
            params,
            grads,
            exp_avgs,
            exp_avg_sqs,
            max_exp_avg_sqs,
            steps,
            lr=_number(group["lr"]),
            beta1=_number(beta1),
            beta2=_number(beta2),
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            amsgrad=amsgrad,
            maximize=group["maximize"],
            decoupled=group["decoupled_weight_decay"],
        )
