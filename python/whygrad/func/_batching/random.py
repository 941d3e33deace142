"""Rules of operations that draw random numbers.

Which numbers the samples of a batch get is the `randomness` of the `vmap` that is innermost, whether or
not an argument is batched: "different" draws for the batch as one call on the physical tensors would,
"same" draws for one sample, "error" refuses. Calls without a batched argument come here through
`_C._set_random_interception`, which is on while a `vmap` runs.
"""

from __future__ import annotations

from typing import Any

from whygrad import _C
from whygrad._vmap_levels import Level, Running, open_levels

from .batched import (
    BatchedTensor,
    bind,
    draws,
    is_batched,
    name_of,
    no_out,
    not_in_place,
    own_part,
    physical_of,
    rank_of,
    rule,
    wrap,
    wrap_all,
)

Tensor = _C.Tensor

_REFUSED = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
    "randomness flags on vmap or perform the randomness operation out of vmap"
)
_REFUSED_BY_LEGACY = (
    "vmap: We do not yet support calling random operations inside of vmap. Please perform random operations outside of "
    "vmap as a workaround"
)
_SAME_OF_BATCHED = "Vmap does not currently support same randomness with a batched tensor input. Please file an issue with functorch"
_DIFFERENT_IN_PLACE = (
    "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same "
    "randomness. If this is necessary for your usage, please file an issue with functorch."
)


def drawn(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Run a random operation under the innermost `vmap`; NotImplemented where there is none."""
    levels = open_levels()
    if not levels:
        return NotImplemented
    call = bind(func, args, kwargs)
    if call is None:
        return own_part(func, args, kwargs)
    name = name_of(func)
    if name == "dropout" and not (call.values["train"] and call.values["p"] > 0):
        x = call.values["input"]
        if type(x) is BatchedTensor:
            return wrap(func(x._physical, *list(call.values.values())[1:]), x._level)
        return NotImplemented
    level = levels[-1]
    if level.randomness == "error":
        raise RuntimeError(_REFUSED_BY_LEGACY if level.legacy else _REFUSED)
    if call.values.get("out") is not None:
        raise no_out(func)
    return (_same if level.randomness == "same" else _different)(call, name, level)


def _outside(call: Any, **changes: Any) -> Any:
    """What the call gives under the outer levels."""
    levels = open_levels()
    level = levels.pop()
    try:
        return call.run(**changes)
    finally:
        levels.append(level)


def _different(call: Any, name: str, level: Level) -> Any:
    size = level.size
    if name.endswith("_") and not is_batched(call.values["input"], level.number):
        if is_batched(call.values.get("p"), level.number):
            raise not_in_place(call.func, level.number)
        raise RuntimeError(_DIFFERENT_IN_PLACE)
    if name == "randperm":
        rows = [_outside(call) for _ in range(size)]
        return wrap(_C.stack(rows), level.number)
    changes: dict[str, Any] = {}
    for key, v in call.values.items():
        if key == "size":
            changes[key] = (size, *((v,) if isinstance(v, int) else v))
        elif isinstance(v, Tensor):
            changes[key] = physical_of(v, level.number, size)
    call.values.pop("requires_grad", None)
    if (
        name == "multinomial" and rank_of(call.values["input"]) == 2
    ):  # of rows; it takes no more dims
        changes["input"] = changes["input"].flatten(0, 1)
        result = _outside(call, **changes)
        return wrap(result.unflatten(0, (size, call.values["input"].shape[0])), level.number)
    result = _outside(call, **changes)
    return call.values["input"] if name.endswith("_") else wrap_all(result, level.number)


def _same(call: Any, name: str, level: Level) -> Any:
    number = level.number
    tensors = {k: v for k, v in call.values.items() if isinstance(v, Tensor)}
    if not any(is_batched(v, number) for v in tensors.values()):
        return _outside(call)
    first = call.values.get("input")
    if name.endswith("_like"):
        return _outside(call, input=_C.empty(first.shape, dtype=first.dtype))
    if name == "dropout":
        return first * _outside(call, input=_C.ones(first.shape, dtype=first.dtype))
    if name.endswith("_") and all(v is first for v in tensors.values() if is_batched(v, number)):
        first.copy_(_outside(call, input=_C.empty(first.shape, dtype=first.dtype)))
        return first
    raise RuntimeError(_SAME_OF_BATCHED)


@rule(
    "rand randn randint randperm normal rand_like randn_like randint_like bernoulli bernoulli_ multinomial dropout "
    "uniform_ normal_ log_normal_ cauchy_ exponential_ geometric_ random_"
)
def random_rule(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return drawn(func, args, kwargs)


draws.add(random_rule)
Running.drawn = staticmethod(drawn)
