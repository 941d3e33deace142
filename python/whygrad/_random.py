"""Random tensors: the same numbers as PyTorch's CPU generator for the same seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from . import _C
from ._creation import _finish, _size_args

Tensor = _C.Tensor
Generator = _C.Generator
default_generator = _C.default_generator
_fill = _C._fill_random
_fill_new = _C._fill_new

# How PyTorch's messages name the narrower integers.
_C_NAMES = {
    "torch.uint8": "unsigned char", "torch.int8": "signed char", "torch.int16": "short", "torch.int32": "int",
    "torch.int64": "long",
}  # fmt: skip

__all__ = [
    "bernoulli", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; negative seeds wrap round as in PyTorch."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator from the system and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed the default generator was given."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator: uint8 of 5056 elements, in PyTorch's format."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue from a state that get_rng_state() gave."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **_: Any) -> Iterator[None]:
    """Restore the default generator on leaving."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def _filled(size: Any, dtype: Any, out: Any, kind: str, a: Any, b: Any, generator: Any) -> Tensor:
    """`out`, or a new tensor, of this size with random numbers."""
    if out is not None:
        return _fill(out.resize_(size), kind, a, b, generator)
    return _fill_new(_C.empty(size, dtype=dtype), kind, a, b, generator)


def rand(*args: Any, size: Any = None, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None,
         device: Any = None, pin_memory: bool = False, requires_grad: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1) of the given size."""
    t = _filled(_size_args(args, size, "rand"), dtype, out, "uniform_", 0.0, 1.0, generator)
    return _finish(t, device, requires_grad)


def randn(*args: Any, size: Any = None, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None,
          device: Any = None, pin_memory: bool = False, requires_grad: bool = False, names: Any = None) -> Tensor:  # fmt: skip
    """Standard normal numbers of the given size."""
    t = _filled(_size_args(args, size, "randn"), dtype, out, "normal_", 0.0, 1.0, generator)
    return _finish(t, device, requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None, generator: Any = None) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1) of the shape of `input`."""
    t = _C.empty_like(input, dtype=dtype)
    return _finish(_fill_new(t, "uniform_", 0.0, 1.0, generator), device, requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, memory_format: Any = None, generator: Any = None) -> Tensor:  # fmt: skip
    """Standard normal numbers of the shape of `input`."""
    t = _C.empty_like(input, dtype=dtype)
    return _finish(_fill_new(t, "normal_", 0.0, 1.0, generator), device, requires_grad)


def randint(*args: Any, low: int | None = None, high: int | None = None, size: Any = None, generator: Any = None,
            out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
            pin_memory: bool = False) -> Tensor:  # fmt: skip
    """Integers in [low, high), `randint(high, size)` or `randint(low, high, size)`; int64 by default."""
    rest = list(args)
    if size is None:
        size = rest.pop()
    if high is None:
        high = rest.pop()
    if low is None:
        low = rest.pop() if rest else 0
    if isinstance(size, int):
        raise TypeError("randint(): argument 'size' must be tuple of ints, not int")
    if rest:
        raise TypeError(f"randint() takes at most 3 positional arguments ({len(args)} given)")
    kind = dtype or _C.int64
    if not kind.is_floating_point and kind != _C.bool:
        bits = 8 * kind.itemsize
        smallest = -(2 ** (bits - 1)) if kind.is_signed else 0
        for name, bound in (("from", low), ("to - 1", high - 1)):
            if not smallest <= bound < smallest + 2**bits:
                raise RuntimeError(f"{name} is out of bounds for {_C_NAMES[str(kind)]}")
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    t = _filled(size, dtype or _C.int64, out, "random_", low, high, generator)
    return _finish(t, device, requires_grad)


def randint_like(input: Tensor, *args: int, low: int | None = None, high: int | None = None, dtype: Any = None,
                 layout: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Integers in [low, high) of the shape and dtype of `input`."""
    bounds = [v for v in (*args, low, high) if v is not None]
    lo, hi = (0, bounds[0]) if len(bounds) == 1 else bounds
    t = _C.empty_like(input, dtype=dtype)
    return _finish(_fill_new(t, "random_", lo, hi, None), device, requires_grad)


def randperm(n: int, *, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """A random permutation of 0 .. n-1; int64 by default."""
    t = _C._randperm(n, dtype or _C.int64, generator)
    if out is not None:
        out.resize_(t.shape).copy_(t)
        return out
    return _finish(t, device, requires_grad)


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Any = None, out: Any = None
) -> Tensor:
    """0 or 1 for each probability in `input` (or for the one probability p)."""
    probability = input if p is None else p
    if out is not None:
        return _fill(out.resize_(input.shape), "bernoulli_", probability, None, generator)
    return _fill_new(_C.empty_like(input), "bernoulli_", probability, None, generator)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None,
                out: Any = None) -> Tensor:  # fmt: skip
    """Indices drawn from each row of weights: (num_samples,) or (rows, num_samples), int64."""
    t = _C._multinomial(input, num_samples, replacement, generator)
    if out is not None:
        out.resize_(t.shape).copy_(t)
        return out
    return t


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, out: Any = None, dtype: Any = None,
           layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """Normal numbers with the given means and standard deviations (tensors or numbers)."""
    if size is not None:
        t = _filled(_size_args((size,)), dtype, out, "normal_", mean, std, generator)
        return _finish(t, device, requires_grad)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        raise TypeError("normal() needs a tensor for mean or std, or a size")
    if isinstance(std, Tensor) and bool((std < 0).any()):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    like = mean if isinstance(mean, Tensor) else std
    shape = like.shape
    if isinstance(mean, Tensor) and isinstance(std, Tensor):
        shape = (mean.detach() + std.detach()).shape
    t = _C.empty(shape, dtype=like.dtype) if out is None else out.resize_(shape)
    with_noise = _fill(t, "normal_", 0.0, 1.0, generator)
    detached_std = std.detach() if isinstance(std, Tensor) else std
    detached_mean = mean.detach() if isinstance(mean, Tensor) else mean
    return with_noise.mul_(detached_std).add_(detached_mean)
