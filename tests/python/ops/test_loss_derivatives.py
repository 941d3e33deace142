"""Derivatives of losses: which operations they are made of, and what they write to."""

from __future__ import annotations

from parity import GRADIENT, data, parity

WEIGHTS = {"none": lambda v: None, "row": lambda v: v[0], "whole": lambda v: v}


@parity(
    name=("binary_cross_entropy", "binary_cross_entropy_with_logits"),
    reduction=("none", "mean", "sum"),
    weight=WEIGHTS,
    pos_weight=(False, True),
    dtype=("float64", "float32"),
    tol=GRADIENT,
)
def test_binary_cross_entropy(torch, name, reduction, weight, pos_weight, dtype):
    """Gradients by both operands, recorded or not, with how often they were written to."""
    if pos_weight and name == "binary_cross_entropy":
        return
    x, t, v = (data(torch, 3, 4, dtype=dtype, salt=i).sigmoid().detach() for i in range(3))
    x.requires_grad_(), t.requires_grad_()
    options = {"weight": WEIGHTS[weight](v)}
    if pos_weight:
        options["pos_weight"] = v[1] * 2
    loss = getattr(torch.nn.functional, name)(x, t, reduction=reduction, **options)
    g = torch.linspace(0.5, 1.5, loss.numel(), dtype=loss.dtype).view(loss.shape)
    for create_graph in (False, True):
        for leaf in (x, t):
            (found,) = torch.autograd.grad(loss, leaf, g, True, create_graph)
            yield found, found._version
            if create_graph:
                yield torch.autograd.grad((found * v).sum(), (x, t), allow_unused=True)
