"""Errors that lost gradients end in, each caught and printed, from several calls."""

import torch
import torch.nn.functional as F
from torch import nn


def attempt(name, action):
    """Print what the action returns, or how it fails."""
    try:
        print(f"{name}: {action()}")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")


def tracked():
    return torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


plain = torch.tensor([1.0, 2.0, 3.0])
whole = torch.tensor([1, 2, 3])
leaf = tracked()

attempt("no history", lambda: (plain * 2).sum().backward())
attempt("no scalar", lambda: (leaf * 2).backward())
attempt("wrong gradient", lambda: (leaf * 2).backward(torch.ones(2)))
attempt("leaf, operator", lambda: leaf.__iadd__(1))
attempt("leaf, method", lambda: leaf.mul_(2))
attempt("leaf, function", lambda: F.relu(leaf, inplace=True))
attempt("leaf, index", lambda: leaf.__setitem__(0, 5.0))
attempt("leaf, out", lambda: torch.add(plain, 1, out=leaf))
attempt("view of a leaf", lambda: leaf[:2].zero_())
attempt("numpy", lambda: leaf.numpy())
attempt("numpy of a result", lambda: (leaf * 2).numpy())
attempt("integers", lambda: whole.requires_grad_())
attempt("integers made so", lambda: torch.ones(3, dtype=torch.int64, requires_grad=True))
attempt("an integer parameter", lambda: nn.Parameter(whole))
attempt("hook", lambda: plain.register_hook(print))
attempt("retain", lambda: plain.retain_grad())
attempt("flag of a result", lambda: (leaf * 2).requires_grad_(False))
attempt("unused", lambda: torch.autograd.grad(leaf.sum(), tracked()))
attempt("allowed", lambda: torch.autograd.grad(leaf.sum(), tracked(), allow_unused=True))
attempt("deepcopy", lambda: __import__("copy").deepcopy(leaf * 2))
attempt("truth", lambda: bool(leaf))
attempt("shapes", lambda: plain + torch.ones(2))
attempt("products", lambda: torch.ones(2, 3) @ torch.ones(2, 3))
attempt("dtypes", lambda: torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64))
attempt("dims", lambda: plain.sum(3))
attempt("place", lambda: plain[3])
attempt("target", lambda: F.cross_entropy(torch.ones(1, 3), torch.tensor([3])))
attempt("row", lambda: nn.Embedding(2, 2)(torch.tensor([2])))
attempt("layer", lambda: nn.Linear(2, 2)(plain))
attempt("state", lambda: nn.Linear(2, 2).load_state_dict({"weight": torch.ones(3, 3)}))
attempt("device", lambda: plain.to("nowhere"))
attempt("no such", lambda: plain.no_such_method())


def changed_after_use():
    doubled = tracked() * 2
    squared = doubled.square()
    doubled.add_(1)
    squared.sum().backward()


def used_twice():
    total = tracked().square().sum()
    total.backward()
    total.backward()


attempt("changed", changed_after_use)
attempt("twice", used_twice)
used_twice()
