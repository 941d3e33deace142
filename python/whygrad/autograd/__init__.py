"""`torch.autograd`: backward, grad, Function, the grad modes and the check of gradients."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .. import _C
from .. import overrides as _overrides
from .._grad_mode import (
    _unsafe_preserve_version_counter as _unsafe_preserve_version_counter,
)
from .._grad_mode import (
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .._vmap_levels import open_levels as _open_levels
from . import _node_classes as _node_classes
from . import anomaly_mode, forward_ad, function, grad_mode, graph, profiler, variable
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function, NestedIOFunction
from .graph import _engine_run_backward as _engine_run_backward
from .profiler import kineto_available as kineto_available
from .variable import Variable

Tensor = _C.Tensor

__all__ = [
    "Function",
    "NestedIOFunction",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "enforce_grad_layout_policy",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]


def _as_tuple(value: Any) -> tuple:
    single = isinstance(value, Tensor | graph.GradientEdge) or hasattr(value, "__torch_function__")
    return (value,) if single else tuple(value)


def _targets(value: Any) -> tuple:
    return _as_tuple(value.values() if isinstance(value, Mapping) else value)


def _tensor_or_tensors_to_tuple(tensors: Any, length: int) -> tuple:
    if tensors is None:
        return (None,) * length
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _grads_for(tensors: tuple, grads: Any) -> tuple:
    # Those without a root are ignored, as in PyTorch.
    return _tensor_or_tensors_to_tuple(grads, len(tensors))[: len(tensors)]


def _calculate_shape(
    output: Tensor | graph.GradientEdge, grad: Tensor, is_grads_batched: bool
) -> tuple[Any, Any]:
    """The shapes of an output and of its gradient, without the batch of gradients if there is one."""
    if not isinstance(output, graph.GradientEdge):
        shape = output.shape
    elif is_grads_batched:
        raise RuntimeError("Batched grads are not supported with GradientEdge")
    else:
        shape = _C.Size(output.node._input_metadata[output.output_nr].shape)
    return shape, grad.shape[1:] if is_grads_batched else grad.shape


def _make_grads(
    outputs: Sequence[Any], grads: Sequence[Tensor | None], is_grads_batched: bool
) -> tuple[Tensor | None, ...]:
    """The gradients that a pass begins with: those given, and ones; None for outputs that are not recorded.

    Raises:
        RuntimeError: they do not fit the outputs, or one that is missing cannot be one.
        TypeError: something else than a tensor or None.
    """
    pairs = list(zip(outputs, grads, strict=False))
    for _, grad in pairs:
        if not (grad is None or isinstance(grad, Tensor)):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(grad).__name__}"
            )
    if is_grads_batched:
        from ..func._batching.derivatives import check_rows

        check_rows(*zip(*pairs, strict=True))
        return tuple(grad for _, grad in pairs)
    return tuple(_C._root_gradient(*pair, i) for i, pair in enumerate(pairs))


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensor | Sequence[Tensor] | Mapping[Any, Tensor] | None = None,
) -> None:
    """Accumulate the gradients of `tensors` into the leaves of their graph.

    Args:
        tensors: roots; those without a gradient given must have one element.
        grad_tensors: gradients of the roots, each of its root's shape.
        retain_graph: keep the graph for another pass (default: as `create_graph`).
        create_graph: record the pass, so that gradients can be differentiated again.
        grad_variables: old name of `grad_tensors`.
        inputs: accumulate into these only; of a mapping, into its values.

    Raises:
        RuntimeError: a root that does not require grad, shapes that differ, a graph already freed.
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = _as_tuple(tensors)
    if _overrides.has_torch_function(roots):
        options: Any = {"grad_tensors": grad_tensors, "retain_graph": retain_graph}
        options |= {"create_graph": create_graph}
        options |= {"inputs": None if inputs is None else _targets(inputs)}
        return _overrides.handle_torch_function(backward, roots, roots, **options)
    targets: tuple = ()
    if inputs is not None:
        targets = _targets(inputs)
        if not targets:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _C._run_backward(
        roots, _grads_for(roots, grad_tensors), retain_graph, create_graph, targets, True, True
    )


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] | Mapping[Any, Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    A tuple, or a dict with the keys of `inputs` if that is a mapping.

    Args:
        outputs: roots; those without a gradient given must have one element.
        inputs: tensors that require grad, leaves or not; of a mapping, its values.
        grad_outputs: gradients of the roots, each of its root's shape.
        retain_graph: keep the graph for another pass (default: as `create_graph`).
        create_graph: record the pass, so that the results can be differentiated.
        only_inputs: must be True.
        allow_unused: give None for an input the outputs do not depend on, instead of an error.
        is_grads_batched: the gradients of the roots have a batch in front, and so have the results. One
            pass runs, in which hooks and custom Functions see what a `vmap` shows them.
        materialize_grads: give zeros for such inputs.

    Raises:
        RuntimeError: an input or output that does not require grad, an unused input.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    roots, targets = _as_tuple(outputs), _targets(inputs)
    if allow_unused is None:
        allow_unused = materialize_grads
    if _overrides.has_torch_function(roots + targets):
        arguments = {**locals(), "outputs": roots, "inputs": targets}
        answer = _overrides.overridden(grad, arguments, relevant=roots + targets)
        if isinstance(inputs, Mapping):
            return cast(Any, dict(zip(inputs, answer, strict=True)))
        return answer
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = _grads_for(roots, grad_outputs)
    if is_grads_batched or _open_levels():
        from ..func._batching import derivatives

        result = derivatives.run_backward(
            roots, grads, retain_graph, create_graph, targets, allow_unused, is_grads_batched
        )
    else:
        result = _C._run_backward(
            roots, grads, retain_graph, create_graph, targets, allow_unused, False
        )
    if materialize_grads:
        if any(
            g is None and isinstance(t, graph.GradientEdge)
            for g, t in zip(result, targets, strict=True)
        ):
            raise RuntimeError(
                "materialize_grads cannot be used when the given input is a GradientEdge"
            )
        result = tuple(
            _C.zeros_like(t, requires_grad=create_graph) if g is None else g
            for g, t in zip(result, targets, strict=True)
        )
    if isinstance(inputs, Mapping):
        return cast(Any, dict(zip(inputs, result, strict=True)))
    return result


from . import functional  # noqa: E402  (it takes `grad` from here)
from .gradcheck import gradcheck, gradgradcheck  # noqa: E402

DeviceType = profiler.DeviceType
_profiler_enabled = profiler._profiler_enabled
_is_checkpoint_valid = Variable._execution_engine.is_checkpoint_valid
is_multithreading_enabled = _C._is_multithreading_enabled
SavedTensor = _C._autograd.SavedTensor
_push_saved_tensors_default_hooks = _C._autograd._push_saved_tensors_default_hooks
_pop_saved_tensors_default_hooks = _C._autograd._pop_saved_tensors_default_hooks
has_torch_function = _overrides.has_torch_function
handle_torch_function = _overrides.handle_torch_function
is_tensor_like = _overrides.is_tensor_like
_get_sequence_nr = _C._get_sequence_nr
