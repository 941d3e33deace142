"""Modules as functions of their parameters and buffers: functional_call and stack_module_state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import _C

Tensor = _C.Tensor

_MISSING = object()


def _place(module: Any, name: str) -> tuple[dict, str]:
    """The dictionary that holds the tensor of this dotted name, and its key there."""
    path, _, last = name.rpartition(".")
    for step in path.split(".") if path else ():
        within = getattr(module, step, _MISSING)
        if within is _MISSING:
            raise AttributeError(f"{type(module).__name__} has no attribute `{step}`")
        if not hasattr(within, "_parameters"):
            raise TypeError(f"submodule `{path}`: {within} is not an instance of torch.nn.Module")
        module = within
    if last == "":
        raise KeyError('tensor name can\'t be empty string ""')
    for registry in (module._parameters, module._buffers):
        if last in registry:
            return registry, last
    held = getattr(module, last, None)
    if held is not None and not isinstance(held, Tensor):
        raise TypeError(f"attribute `{last}`: {held} is not an instance of torch.Tensor")
    return module.__dict__, last


def _names(module: Any) -> dict[str, int]:
    """Of every parameter and buffer, by all its names: which tensor it is."""
    return {
        name: id(tensor)
        for members in (module.named_parameters, module.named_buffers)
        for name, tensor in members(remove_duplicate=False)
    }


def _with_ties(module: Any, tensors: Mapping[str, Tensor], names: dict[str, int]) -> dict:
    """`tensors`, given to all the names of each tensor that they replace."""
    groups: dict[int, list[str]] = {}
    for name, identity in names.items():
        groups.setdefault(identity, []).append(name)
    tied = {name: groups[identity] for name, identity in names.items()}
    result = dict(tensors)
    for name, tensor in tensors.items():
        group = tied.get(name, ())
        if len(group) > 1:
            given = [n for n in group if n in tensors]
            if any(tensors[n] is not tensor for n in given):
                raise ValueError(
                    f"functional_call got multiple values for keys {sorted(given)}, which are tied. "
                    "Consider using tie_weights=False"
                )
            result.update(dict.fromkeys(group, tensor))
    return result


@contextlib.contextmanager
def _replaced(
    module: Any, tensors: Mapping[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """The module with other tensors; afterwards `tensors` holds what it had at the end."""
    names = _names(module)
    replacing = _with_ties(module, tensors, names) if tie_weights else dict(tensors)
    if strict:
        lines = [
            f"\n\t{kind} key(s): {', '.join(map(repr, keys))}."
            for kind, keys in (
                ("Unexpected", sorted(replacing.keys() - names.keys())),
                ("Missing", sorted(names.keys() - replacing.keys())),
            )
            if keys
        ]
        if lines:
            raise RuntimeError(
                f"Error(s) in reparametrizing for {type(module).__name__}:{''.join(lines)}"
            )
    former: list[tuple[dict, str, str, Any]] = []
    try:
        for name, tensor in replacing.items():
            if not (tensor is None or isinstance(tensor, Tensor)):
                raise TypeError(f"{tensor} is not an instance of torch.Tensor")
            registry, key = _place(module, name)
            former.append((registry, key, name, registry.get(key, _MISSING)))
            registry[key] = tensor
        yield
    finally:
        for registry, key, name, tensor in reversed(former):
            if name in tensors and key in registry and isinstance(tensors, dict):
                tensors[name] = registry[key]
            if tensor is _MISSING:
                registry.pop(key, None)
            else:
                registry[key] = tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """What `module(*args, **kwargs)` gives with other parameters and buffers in place of its own.

    The module is afterwards as before. What it assigns to a replaced name is put into the dict.

    Args:
        module: any module; names are those of `named_parameters` and `named_buffers`.
        parameter_and_buffer_dicts: tensors by name, or several such dicts without a common name.
        args: a tuple of positional arguments; anything else is the only one.
        kwargs: keyword arguments.
        tie_weights: a tensor that the module has under several names is replaced under all of them.
        strict: there must be a tensor for every name, and for no other.

    Raises:
        ValueError: no dicts; a name in several of them; different tensors for one that is tied.
        RuntimeError: with `strict`, names that are missing or not the module's.
        TypeError: something else than a tensor, or a name of something else.
    """
    dicts = parameter_and_buffer_dicts
    if isinstance(dicts, Mapping):
        tensors = dicts
    elif isinstance(dicts, Sequence):
        if not all(isinstance(d, Mapping) for d in dicts):
            raise ValueError(
                "Expected all elements of parameter_and_buffer_dicts to be dictionaries"
            )
        names = [name for d in dicts for name in d]
        repeated = [name for i, name in enumerate(names) if name in names[:i]]
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
        tensors = {name: tensor for d in dicts for name, tensor in d.items()}
    else:
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _replaced(module, tensors, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of several modules of one kind, stacked along a new first dim.

    Two dicts by name. The parameters are new leaves that require grad if those of the modules do.

    Raises:
        RuntimeError: no modules, or of several classes, modes or shapes, or only some of the
            parameters of one name require grad.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    stacked = {name: _stacked(name, [p[name] for p in parameters]) for name in parameters[0]}
    return stacked, {name: _C.stack([b[name] for b in buffers]).detach() for name in buffers[0]}


def _stacked(name: str, tensors: list[Tensor]) -> Tensor:
    wanted = tensors[0].requires_grad
    if any(t.requires_grad != wanted for t in tensors):
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return _C.stack(tensors).detach().requires_grad_(wanted)
