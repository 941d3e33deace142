"""`torch.autograd.functional`: products with Jacobians and Hessians, and these matrices themselves.

Each function calls `func` once, with tensors of its own that share the memory of the inputs, and
differentiates what it returns by them; the inputs stay as they are. Start at `vjp`.

As in PyTorch `jvp` and `hvp` differentiate a gradient by its grad_outputs, in which it is linear. With
vectorize=True all rows go through `_row_gradients`, one pass for all, and all columns of strategy="forward-mode"
through `_columns`, which calls the function once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import _C
from .._grad_mode import enable_grad
from . import forward_ad, grad

Tensor = _C.Tensor

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]

# What strict mode says of gradients that are not there (by index of the input) ...
_NO_OUTPUT = (
    "The output of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode."
)
_NO_JACOBIAN = (
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode."
)
_NO_TANGENT = (
    "The gradient with respect to the input is independent of entry {} in the grad_outputs when "
    "using the double backward trick to compute forward mode gradients. This is not allowed in "
    "strict mode."
)
_NO_TANGENT_OF_JACOBIAN = (
    "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. "
    "This is not allowed in strict mode as it prevents from using the double backward trick to "
    "replace forward mode AD."
)
# ... and of those that are there and do not require grad.
_CONSTANT_GRADIENT = (
    "The gradient with respect to input {} is independent of the inputs of the user-provided "
    "function. This is not allowed in strict mode."
)
_CONSTANT_JACOBIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input {} is independent of the input. This is not allowed in strict mode. You "
    "should ensure that your function is twice differentiable and that the jacobian depends on the "
    "inputs (this would be violated by a linear function for example)."
)
_CONSTANT_JACOBIAN_RESULT = (
    "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode when create_graph=True."
)
_CONSTANT_HESSIAN_RESULT = (
    "The hessian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode when create_graph=True."
)


# --- arguments and results ------------------------------------------------------------------------


def _as_tuple(value: Any, what: str, function: str | None) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether `value` is a tuple, and its tensors as one."""
    is_tuple = isinstance(value, tuple)
    tensors = value if is_tuple else (value,)
    for i, item in enumerate(tensors):
        if not isinstance(item, Tensor):
            found = f"the value at index {i}" if is_tuple else f"the given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"{found} has type {type(item)}."
            )
    return is_tuple, tensors


def _own_inputs(inputs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    """What `func` gets: leaves, or views of the inputs to which a graph shall lead back."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_()
        for t in inputs
    )


def _vectors(
    v: Any, function: str, like: Sequence[Tensor], is_tuple: bool, create_graph: bool
) -> tuple[Tensor, ...]:
    """The tensors of `v`, which must have the shapes of those of `like`."""
    _, vectors = _as_tuple(v, "v", function)
    if len(vectors) != len(like):
        if is_tuple:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (vector, tensor) in enumerate(zip(vectors, like, strict=True)):
        if vector.size() != tensor.size():
            entry = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {tensor.size()} but got {vector.size()}."
            )
    return tuple(t.view_as(t) if create_graph and t.requires_grad else t.detach() for t in vectors)


def _vectors_like_inputs(
    v: Any, function: str, inputs: Sequence[Tensor], is_tuple: bool, create_graph: bool
) -> tuple[Tensor, ...] | None:
    """As `_vectors`; None stands for the 1 that a single number is multiplied by."""
    if v is not None:
        return _vectors(v, function, inputs, is_tuple, create_graph)
    if len(inputs) != 1 or inputs[0].nelement() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single "
            "Tensor with a single element."
        )
    return None


def _call(
    func: Callable[..., Any], inputs: Sequence[Tensor], function: str, strict: bool
) -> tuple[bool, tuple[Tensor, ...]]:
    """The outputs of `func`, as `_as_tuple` gives them."""
    is_tuple, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", function)
    for i, output in enumerate(outputs):
        if strict and not output.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs "
                "must be computed in a differentiable manner from the input when running in strict "
                "mode."
            )
    return is_tuple, outputs


def _call_for_number(
    func: Callable[..., Any], inputs: Sequence[Tensor], function: str, strict: bool
) -> Tensor:
    """The output of `func`, which must be one tensor of one element."""
    is_tuple, outputs = _call(func, inputs, function, strict)
    if is_tuple:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].nelement() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single "
            "element"
        )
    return outputs[0]


def _result(values: Sequence[Tensor], is_tuple: bool, create_graph: bool) -> Any:
    """The tensors as they are returned: without history unless create_graph, and one by itself."""
    if not values:
        raise IndexError("tuple index out of range")
    if not create_graph:
        values = [t.detach() for t in values]
    return tuple(values) if is_tuple else values[0]


# --- gradients ------------------------------------------------------------------------------------


def _gradients(
    outputs: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    is_batched: bool = False,
) -> tuple[Tensor | None, ...]:
    """`grad` by outputs that may lack a history, with None for inputs that nothing depends on."""
    pairs = [
        (output, None if grad_outputs is None else grad_outputs[i])
        for i, output in enumerate(outputs)
        if output is not None and output.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    roots, grads = zip(*pairs, strict=True)
    return grad(
        roots,
        inputs,
        grads,
        retain_graph,
        create_graph,
        allow_unused=True,
        is_grads_batched=is_batched,
    )


def _check_first(gradients: Sequence[Tensor | None], strict: bool, constant: str) -> None:
    """In strict mode, gradients that are differentiated again must be there and require grad."""
    if strict:
        for i, gradient in enumerate(gradients):
            if gradient is None:
                raise RuntimeError(_NO_OUTPUT.format(i))
            if not gradient.requires_grad:
                raise RuntimeError(constant.format(i))


def _filled(
    gradients: Sequence[Tensor | None],
    like: Sequence[Tensor],
    strict: bool,
    create_graph: bool,
    missing: str,
    constant: str,
) -> list[Tensor]:
    """The gradients, or zeros where there are none; strict mode does not allow any."""
    filled = []
    for i, (gradient, tensor) in enumerate(zip(gradients, like, strict=True)):
        if strict and gradient is None:
            raise RuntimeError(missing.format(i))
        if strict and create_graph and gradient is not None and not gradient.requires_grad:
            raise RuntimeError(constant.format(i))
        filled.append(_C.zeros_like(tensor) if gradient is None else gradient)
    return filled


def _probes(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Grad_outputs for a gradient that is itself differentiated by them; any value will do."""
    return [_C.zeros_like(t, requires_grad=True) for t in tensors]


# --- products -------------------------------------------------------------------------------------


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """The outputs of `func`, and the product of the vector `v` with its Jacobian at `inputs`.

    Args:
        func: takes the inputs as positional arguments, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors; the product has their shapes and nesting.
        v: as the outputs of `func`; may be left out for a single output of one element.
        create_graph: let both results be differentiable, by `inputs` and `v` too.
        strict: raise an error where an output does not depend on an input, in place of zeros.

    Raises:
        TypeError: inputs, outputs or `v` that are neither a tensor nor a tuple of tensors.
        RuntimeError: a `v` of another length or shape, what strict forbids.
    """
    with enable_grad():
        is_inputs_tuple, inputs = _as_tuple(inputs, "inputs", "vjp")
        inputs = _own_inputs(inputs, create_graph)
        is_outputs_tuple, outputs = _call(func, inputs, "vjp", strict)
        vectors = None
        if v is not None:
            vectors = _vectors(v, "vjp", outputs, is_outputs_tuple, create_graph)
        elif len(outputs) != 1 or outputs[0].nelement() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
        found = _gradients(outputs, inputs, vectors, create_graph)
        product = _filled(
            found, inputs, strict, create_graph, _NO_OUTPUT, _CONSTANT_JACOBIAN_RESULT
        )
        return (
            _result(outputs, is_outputs_tuple, create_graph),
            _result(product, is_inputs_tuple, create_graph),
        )


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """The outputs of `func`, and the product of its Jacobian at `inputs` with the vector `v`.

    Takes two backward passes: the gradient is linear in the grad_outputs, and its derivative by
    them is the product.

    Args:
        func: takes the inputs as positional arguments, returns a tensor or a tuple of tensors; the
            product has the shapes and nesting of what it returns.
        inputs: a tensor or a tuple of tensors.
        v: as `inputs`; may be left out for a single input of one element.
        create_graph: let both results be differentiable, by `inputs` and `v` too.
        strict: raise an error where an output does not depend on an input, in place of zeros.

    Raises:
        TypeError: inputs, outputs or `v` that are neither a tensor nor a tuple of tensors.
        RuntimeError: a `v` of another length or shape, outputs of integers, what strict forbids.
    """
    with enable_grad():
        is_inputs_tuple, inputs = _as_tuple(inputs, "inputs", "jvp")
        inputs = _own_inputs(inputs, create_graph)
        vectors = _vectors_like_inputs(v, "jvp", inputs, is_inputs_tuple, create_graph)
        is_outputs_tuple, outputs = _call(func, inputs, "jvp", strict)
        probes = _probes(outputs)
        gradients = _gradients(outputs, inputs, probes, create_graph=True)
        _check_first(gradients, strict, _CONSTANT_GRADIENT)
        found = _gradients(gradients, probes, vectors, create_graph)
        product = _filled(
            found, outputs, strict, create_graph, _NO_TANGENT, _CONSTANT_JACOBIAN_RESULT
        )
        return (
            _result(outputs, is_outputs_tuple, create_graph),
            _result(product, is_outputs_tuple, create_graph),
        )


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """The output of `func`, and the product of the vector `v` with its Hessian at `inputs`.

    Args:
        func: takes the inputs as positional arguments, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors; the product has their shapes and nesting.
        v: as `inputs`; may be left out for a single input of one element.
        create_graph: let both results be differentiable, by `inputs` and `v` too.
        strict: raise an error where a derivative does not depend on an input, in place of zeros.

    Raises:
        TypeError: inputs, outputs or `v` that are neither a tensor nor a tuple of tensors.
        RuntimeError: a `v` of another length or shape, several outputs, what strict forbids.
    """
    with enable_grad():
        is_tuple, inputs = _as_tuple(inputs, "inputs", "vhp")
        inputs = _own_inputs(inputs, create_graph)
        vectors = _vectors_like_inputs(v, "vhp", inputs, is_tuple, create_graph)
        output = _call_for_number(func, inputs, "vhp", strict)
        jacobian = _gradients([output], inputs, create_graph=True)
        _check_first(jacobian, strict, _CONSTANT_JACOBIAN)
        found = _gradients(jacobian, inputs, vectors, create_graph)
        product = _filled(
            found, inputs, strict, create_graph, _NO_JACOBIAN, _CONSTANT_HESSIAN_RESULT
        )
        return (
            _result([output], False, create_graph),
            _result(product, is_tuple, create_graph),
        )


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """The output of `func`, and the product of its Hessian at `inputs` with the vector `v`.

    Takes three backward passes, where `vhp` takes two; the results are equal where the Hessian is
    symmetric, as it is wherever the second derivatives are continuous.

    Args:
        func: takes the inputs as positional arguments, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors; the product has their shapes and nesting.
        v: as `inputs`; may be left out for a single input of one element.
        create_graph: let both results be differentiable, by `inputs` and `v` too.
        strict: raise an error where a derivative does not depend on an input, in place of zeros.

    Raises:
        TypeError: inputs, outputs or `v` that are neither a tensor nor a tuple of tensors.
        RuntimeError: a `v` of another length or shape, several outputs, what strict forbids.
    """
    with enable_grad():
        is_tuple, inputs = _as_tuple(inputs, "inputs", "hvp")
        inputs = _own_inputs(inputs, create_graph)
        vectors = _vectors_like_inputs(v, "hvp", inputs, is_tuple, create_graph)
        output = _call_for_number(func, inputs, "hvp", strict)
        jacobian = _gradients([output], inputs, create_graph=True)
        _check_first(jacobian, strict, _CONSTANT_JACOBIAN)
        probes = _probes(inputs)
        gradients = _gradients(jacobian, inputs, probes, create_graph=True)
        found = _gradients(gradients, probes, vectors, create_graph)
        product = _filled(
            found, inputs, strict, create_graph, _NO_TANGENT_OF_JACOBIAN, _CONSTANT_HESSIAN_RESULT
        )
        return (
            _result([output], False, create_graph),
            _result(product, is_tuple, create_graph),
        )


# --- matrices -------------------------------------------------------------------------------------


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func` at `inputs`.

    For each output and input a tensor whose shape is that of the output followed by that of the
    input. A single output or input drops its level of the nesting `result[output][input]`.

    Args:
        func: takes the inputs as positional arguments, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: let the result be differentiable.
        strict: raise an error where an output does not depend on an input, in place of zeros.
        vectorize: differentiate all outputs at once (for now one row after the other).
        strategy: "reverse-mode", row by row in the dtype of the inputs, or "forward-mode", column
            by column in the dtype of the outputs; the latter needs vectorize, has no strict and no
            create_graph, gives lists for tuples of inputs, and keeps the history of inputs that
            require grad.

    Raises:
        AssertionError: an unknown strategy.
        NotImplementedError, RuntimeError: options that do not go together, what strict forbids.
        TypeError: inputs or outputs that are neither a tensor nor a tuple of tensors.
    """
    assert strategy in ("forward-mode", "reverse-mode"), (
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function '
        'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
        'prefer to use "reverse-mode".'
    )
    if strategy == "forward-mode":
        for option, chosen, error in (
            ("create_graph", create_graph, NotImplementedError),
            ("strict", strict, RuntimeError),
        ):
            if chosen:
                raise error(
                    f"torch.autograd.functional.jacobian: `{option}=True` and "
                    '`strategy="forward-mode"` are not supported together (yet). Please either set '
                    f'`{option}=False` or `strategy="reverse-mode"`.'
                )
        return _forward_jacobian(func, inputs, vectorize)
    with enable_grad():
        is_inputs_tuple, inputs = _as_tuple(inputs, "inputs", "jacobian")
        inputs = _own_inputs(inputs, create_graph)
        is_outputs_tuple, outputs = _call(func, inputs, "jacobian", strict)
        if vectorize:
            if strict:
                raise RuntimeError(
                    "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are "
                    "not supported together. Please either set `strict=False` or `vectorize=False`."
                )
            matrix = _all_rows(outputs, inputs, create_graph)
        else:
            matrix = [_rows(i, o, inputs, create_graph, strict) for i, o in enumerate(outputs)]
        if not matrix:
            raise IndexError("tuple index out of range")
        rows = [_result(row, is_inputs_tuple, create_graph) for row in matrix]
        return tuple(rows) if is_outputs_tuple else rows[0]


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of `func` at `inputs`: the Jacobian of its gradient.

    A tensor for a single input, whose shape is that of the input twice; for a tuple of inputs a
    tuple of tuples, `result[i][j]` with the shapes of inputs i and j.

    Args:
        func: takes the inputs as positional arguments, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors.
        create_graph: let the result be differentiable.
        strict: raise an error where a derivative does not depend on an input, in place of zeros.
        vectorize: as in `jacobian`, for the outer one.
        outer_jacobian_strategy: the strategy of the outer one; the inner one is "reverse-mode".

    Raises:
        AssertionError: an unknown strategy.
        NotImplementedError, RuntimeError: options that do not go together, several outputs, what
            strict forbids.
        TypeError: inputs or outputs that are neither a tensor nor a tuple of tensors.
    """
    is_tuple, inputs = _as_tuple(inputs, "inputs", "hessian")
    assert outer_jacobian_strategy in ("forward-mode", "reverse-mode"), (
        'Expected strategy to be either "forward-mode" or "reverse-mode".'
    )

    def number(*inputs: Tensor) -> Tensor:
        return _call_for_number(func, inputs, "hessian", strict).squeeze()

    def gradient(*inputs: Tensor) -> Any:
        if (
            outer_jacobian_strategy == "forward-mode"
        ):  # of tensors that do not require grad a copy is used
            inputs = tuple(t.requires_grad_() for t in inputs)
        gradients = jacobian(number, inputs, create_graph=True)
        _check_first(gradients, strict, _CONSTANT_JACOBIAN)
        return gradients

    matrix = jacobian(
        gradient, inputs, create_graph, strict, vectorize, strategy=outer_jacobian_strategy
    )
    return matrix if is_tuple else matrix[0][0]


def _rows(
    i: int, output: Tensor, inputs: Sequence[Tensor], create_graph: bool, strict: bool
) -> list[Tensor]:
    """The i-th output's part of a Jacobian: one backward per element, through this output only."""
    missing = (
        f"Output {i} of the user-provided function is independent of input {{}}. This is not "
        "allowed in strict mode."
    )
    constant = _CONSTANT_JACOBIAN_RESULT.format(i)  # of the output, as in PyTorch
    rows = []
    for j in range(output.nelement()):
        element = output.reshape(-1)[j]
        found = _gradients([element], inputs, None, create_graph, retain_graph=True)
        rows.append(_filled(found, inputs, strict, create_graph, missing, constant))
    columns = zip(*rows, strict=True) if rows else [()] * len(inputs)
    return [
        _C.stack(column).view(output.size() + t.size())
        for column, t in zip(columns, inputs, strict=True)
    ]


def _all_rows(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], create_graph: bool
) -> list[list[Tensor]]:
    """A Jacobian from the gradients of all outputs for each unit vector in their place."""
    basis = _standard_basis(outputs)
    found = _row_gradients(outputs, inputs, basis, create_graph)
    columns = [
        [
            part.view(output.size() + t.size())
            for part, output in zip(_parts(rows, t, outputs), outputs, strict=True)
        ]
        for rows, t in zip(found, inputs, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _forward_jacobian(func: Callable[..., Any], inputs: Any, vectorize: bool) -> Any:
    """A Jacobian by columns, each the tangents of the outputs for a unit vector of tangents of the inputs."""
    is_inputs_tuple, given = _as_tuple(inputs, "inputs", "jacobian")
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
            "only implemented for `vectorize=True`."
        )
    columns, outputs, is_outputs_tuple = _columns(func, given, _standard_basis(given))
    matrix: list[Any] = []
    for column, output in zip(columns, outputs, strict=True):
        row = [
            part.movedim(0, -1).reshape(output.size() + t.size())
            for part, t in zip(_parts(column, output, given), given, strict=True)
        ]
        matrix.append(row if is_inputs_tuple else row[0])
    if not is_outputs_tuple:
        return matrix[0]
    return matrix if is_inputs_tuple else tuple(matrix)


def _columns(
    func: Callable[..., Any], inputs: Sequence[Tensor], basis: Sequence[Tensor]
) -> tuple[list[Tensor | None], tuple[Tensor, ...], bool]:
    """For each output its tangents, stacked, one for each row of the stacked tangents of the inputs; None: zero.

    `func` is called once, mapped over the rows if it can be; on copies of its inputs, so that those of the caller are
    written to once.
    """
    from ..func._batching.reading import value_of
    from ..func.vmap import map_directions

    is_tuple = False
    outputs: tuple[Tensor, ...] = ()
    written: list[Tensor | None] = []
    kept = [t.clone() for t in inputs]

    def tangents(*directions: Tensor) -> tuple[Tensor, ...]:
        nonlocal is_tuple, outputs, written
        with forward_ad.dual_level():
            duals = [
                forward_ad.make_dual(t.clone(), d.view_as(t))
                for t, d in zip(kept, directions, strict=True)
            ]
            versions = [d._version for d in duals]
            is_tuple, results = _as_tuple(func(*duals), "outputs", None)
            unpacked = [forward_ad.unpack_dual(o) for o in results]
            written = [
                None if d._version == version else value_of(d.detach())
                for d, version in zip(duals, versions, strict=True)
            ]
        outputs = tuple(u.primal for u in unpacked)
        return tuple(_C.zeros_like(u.primal) if u.tangent is None else u.tangent for u in unpacked)

    columns = map_directions(tangents, list(basis), "error")
    for t, values in zip(inputs, written, strict=True):
        if values is not None:
            t.detach().copy_(values)
    return list(columns), outputs, is_tuple


def _unit_vectors(
    tensors: Sequence[Tensor], first: int = 0, count: int | None = None
) -> list[Tensor]:
    """The unit vectors of the space of all elements: for each tensor its parts of them, as rows.

    All of them, or `count` from the one with the number `first`.
    """
    assert tensors, "Expected at least one tensor"
    n = sum(t.numel() for t in tensors) if count is None else count
    basis, start = [], 0
    for t in tensors:
        block = _C.zeros((n, t.numel()), dtype=t.dtype)
        block.diagonal(first - start).fill_(1)
        basis.append(block)
        start += t.numel()
    return basis


def _standard_basis(
    tensors: Sequence[Tensor], first: int = 0, count: int | None = None
) -> list[Tensor]:
    """The same in the shapes of the tensors, stacked."""
    parts = _unit_vectors(tensors, first, count)
    return [p.view(len(p), *t.size()) for p, t in zip(parts, tensors, strict=True)]


def _construct_standard_basis_for(
    tensors: tuple[Tensor, ...], tensor_numels: tuple[int, ...]
) -> tuple[Tensor, ...]:
    """The unit vectors of the space of all elements: for each tensor its parts of them, as rows."""
    assert tensor_numels == tuple(t.numel() for t in tensors)
    return tuple(_unit_vectors(tensors))


def _row_gradients(
    outputs: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
    rows: Sequence[Tensor],
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    """As `_gradients`, once for each row of the stacked grad_outputs, and stacked like them."""
    if not any(o is not None and o.requires_grad for o in outputs):
        return (None,) * len(inputs)

    rows[0][0]  # no rows: an IndexError, as in PyTorch
    return _gradients(outputs, inputs, rows, create_graph, retain_graph=True, is_batched=True)


def _parts(rows: Tensor | None, like: Tensor, groups: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The rows, zeros like `like` if there are none, split into one group per tensor of `groups`."""
    sizes = [t.nelement() for t in groups]
    if rows is None:
        rows = _C.zeros_like(like).expand(sum(sizes), *like.size())
    return rows.split(sizes)
