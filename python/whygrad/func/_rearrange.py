"""rearrange: dims of a tensor permuted, joined and taken apart by a pattern with their names."""

from __future__ import annotations

import math
import re

from .. import _C

Tensor = _C.Tensor
_ELLIPSIS, _JOINED = "...", "(...)"  # by itself, and within parentheses


class DimensionBindError(Exception):
    """Sizes that do not fit the pattern."""


def _side(text: str) -> list[list[str]]:
    """One side of a pattern: a list of names for each dim; [] for one of size 1."""
    if "." in text.replace(_ELLIPSIS, "", 1):
        many = "; only one ellipsis for tensor " if _ELLIPSIS in text else ""
        raise ValueError(f"Expression may contain dots only inside ellipsis (...){many}")
    groups: list[list[str]] = []
    within: list[str] | None = None
    seen: set[str] = set()
    for token in re.findall(r"\.\.\.|\w+|\S", text):
        if token == "(":
            if within is not None:
                raise ValueError(
                    "Axis composition is one-level (brackets inside brackets not allowed)"
                )
            within = []
        elif token == ")":
            if within is None:
                raise ValueError("Brackets are not balanced")
            groups.append(within)
            within = None
        else:
            _check_token(token, seen)
            names = [] if token == "1" else [token]
            if within is None:
                groups.append(names)
            else:
                within += [_JOINED] if token == _ELLIPSIS else names
    if within is not None:
        raise ValueError(f"Imbalanced parentheses in expression: '{text}'")
    return groups


def _check_token(token: str, seen: set[str]) -> None:
    if token == "1":
        return
    if not re.fullmatch(r"\.\.\.|\w+", token):
        raise ValueError(f"Unknown character '{token}'")
    if token.isdecimal():
        raise ValueError("rearrange only supports unnamed axes of size 1")
    if token[0] == "_" or token[-1] == "_":
        raise ValueError(
            f"Invalid axis identifier: {token}\naxis name should should not start or end with underscore"
        )
    if token in seen:
        raise ValueError(f"Indexing expression contains duplicate dimension '{token}'")
    seen.add(token)


def _names(groups: list[list[str]]) -> set[str]:
    return {name for group in groups for name in group if name not in (_ELLIPSIS, _JOINED)}


def _parts(size: int, group: list[str], lengths: dict[str, int]) -> list[int]:
    """The sizes of the dims that a dim of this size consists of; at most one is not given."""
    unknown = [name for name in group if name not in lengths]
    known = math.prod(lengths[name] for name in group if name in lengths)
    if len(unknown) > 1:
        raise DimensionBindError(
            f"cannot infer the sizes of two dimensions at once {unknown[0]} and {unknown[1]}"
        )
    if unknown and (known == 0 or size % known):
        sizes = tuple(lengths.get(name, "?") for name in group)
        raise DimensionBindError(
            f"inferred dimension does not evenly fit into larger dimension: {size} vs {sizes}"
        )
    if not unknown and known != size:
        raise DimensionBindError(
            f"Dimension sizes to do not match ({size} != {known}) when matching dimension pack "
            f"({', '.join(group)}{',' * (len(group) == 1)})"
        )
    return [lengths.get(name, size // max(known, 1)) for name in group]


def rearrange(
    tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int
) -> Tensor:
    """The elements of a tensor in the order that a pattern such as `"b (h w) c -> b c h w"` says.

    Each name stands for a dim; in parentheses several make one dim, the last of them varying fastest. `...`
    stands for any number of dims, `1` and `()` for one of size 1.

    Args:
        tensor: of any shape and dtype; a list or tuple of tensors is stacked first, along a new first dim.
        pattern: names of the dims before and after.
        axes_lengths: sizes of names; within parentheses one may be left out.

    Raises:
        ValueError: a pattern that is wrong or does not have the tensor's number of dims.
        DimensionBindError: sizes that do not fit.
        TypeError: a size that is no integer.
    """
    sides = pattern.split("->")
    if not isinstance(tensor, Tensor):
        tensor = _C.stack(tensor)
    if len(sides) != 2:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = map(_side, sides)
    if any(_ELLIPSIS in g or _JOINED in g for g in right) and [_ELLIPSIS] not in left:
        raise ValueError(f"Ellipsis found in right side, but not left side of a pattern {pattern}")
    if any(_JOINED in group for group in left):
        raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
    if one_sided := _names(left) ^ _names(right):
        raise ValueError(
            f"Identifiers only on one side of rearrange expression (should be on both): {one_sided}"
        )
    if unknown := axes_lengths.keys() - _names(left):
        raise ValueError(f"Identifiers not found in rearrange expression: {unknown}")
    for length in axes_lengths.values():
        if not isinstance(length, int):
            raise TypeError(f"rearrange axis lengths must be integers, got: {type(length)}")
    open_ended = [_ELLIPSIS] in left
    named = len(left) - open_ended
    rest = tensor.dim() - named
    if rest < 0 or (rest and not open_ended):
        raise ValueError(
            f"Number of dimensions in pattern ({named}) must be {'less than or ' * open_ended}equal to the number of "
            f"dimensions in the tensor ({tensor.dim()})"
        )
    others = [f"{_ELLIPSIS}{i}" for i in range(rest)]
    left, right = _spread(left, others), _spread(right, others)
    sizes: dict[str, int] = {}
    for size, group in zip(tensor.shape, left, strict=True):
        sizes.update(zip(group, _parts(size, group, axes_lengths), strict=True))
    order = {name: i for i, name in enumerate(sizes)}
    apart = tensor.reshape([*sizes.values()])
    turned = apart.permute([order[name] for group in right for name in group])
    return turned.reshape([math.prod(sizes[name] for name in group) for group in right])


def _spread(groups: list[list[str]], others: list[str]) -> list[list[str]]:
    """The groups with the dims that the ellipsis stands for in its place."""
    result: list[list[str]] = []
    for group in groups:
        if group == [_ELLIPSIS]:
            result += [[name] for name in others]
        else:
            result.append([n for name in group for n in (others if name == _JOINED else [name])])
    return result
