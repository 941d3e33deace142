"""`torch.autograd.gradcheck`: derivatives against finite differences. Start at `gradcheck`.

Slow mode compares every element of the Jacobians: a pair of calls of the function per element of
the inputs, a backward pass per element of the outputs. Fast mode compares u.J.v for one pair of
random vectors: a pair of calls per input, a pass per output. The checks of both are methods of
`_Check`. The backward pass is checked of the parts of complex outputs, and forward mode by the parts of
complex inputs, one after the other. `gradgradcheck` is `gradcheck` of the function that computes the gradients.

In the package `autograd`, `gradcheck` is the function and hides this module, as in PyTorch.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import _C
from . import _gradcheck_messages as said
from . import forward_ad, grad
from ._jacobians import _differentiable_outputs as _differentiable_outputs
from ._jacobians import _get_numerical_jacobian as _get_numerical_jacobian
from ._jacobians import _iter_tensors as _iter_tensors
from ._jacobians import get_analytical_jacobian as get_analytical_jacobian
from ._jacobians import get_numerical_jacobian as get_numerical_jacobian
from ._jacobians import (
    get_numerical_jacobian_wrt_specific_input as get_numerical_jacobian_wrt_specific_input,
)
from .function import Function

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Tensor = _C.Tensor


class GradcheckError(RuntimeError):
    """Gradients are wrong, by `gradcheck` or `gradgradcheck`."""


def _as_tuple(value: Any) -> tuple:
    """What a function takes or gives: several values in a tuple or list, or one of any type."""
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def _close(a: Tensor, b: Tensor, rtol: float, atol: float) -> bool:
    dtype = _C.promote_types(a.dtype, b.dtype)
    return _C.allclose(a.to(dtype), b.to(dtype), rtol, atol)


def _random_unit_vector(like: Tensor, generator: _C.Generator) -> Tensor:
    """A vector of length 1 in the shape of `like`, without negative elements."""
    vector = _C.rand(like.numel(), generator=generator).to(like.dtype)
    return vector.div_(vector.norm()).view(like.shape)


def _random_directions(x: Tensor, generator: _C.Generator) -> list[Tensor]:
    """One for `x`, or for each of its parts."""
    return [_random_unit_vector(p, generator) for p in _parts(x)]


def _parts(x: Tensor) -> list[Tensor]:
    """A tensor alone, or its real and its imaginary part."""
    return [_C.real(x), _C.imag(x)] if x.is_complex() else [x]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """One tensor of what was found for the parts."""
    return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]


def _zeros(like: Tensor) -> Tensor:
    return _C.zeros_like(like, memory_format=_C.contiguous_format)


def _unit_vectors(output: Tensor) -> Iterator[Tensor]:
    """The columns of the identity in the shape of `output`, all in one memory."""
    vector = _zeros(output)
    flat = vector.view(-1)
    for i in range(flat.numel()):
        flat.zero_()
        flat[i] = 1
        yield vector


class _Undefined(Function):
    """The identity, whose gradient is undefined whatever arrives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> None:
        return None


class _Check:
    """A function at one point, with the tolerances; its checks raise GradcheckError.

    Outputs that do not require grad take no part, unless none does: then they must be constant.
    `part` is said of mismatches of the outputs, or with forward mode the inputs, numbered in `of_part`.
    """

    part = ""
    of_part: frozenset[int] = frozenset()

    def __init__(
        self,
        func: Callable[..., Any],
        arguments: tuple,
        eps: float,
        atol: float,
        rtol: float,
        nondet_tol: float,
        check_grad_dtypes: bool,
    ) -> None:
        self.func = func
        self.arguments = arguments
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.check_grad_dtypes = check_grad_dtypes
        self.inputs = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
        self.outputs = self.call()
        self.places = [i for i, o in enumerate(self.outputs) if o.requires_grad]
        self.differentiable = [self.outputs[i] for i in self.places]

    def call(self) -> list:
        """The function's outputs now."""
        return [*_as_tuple(self.func(*self.arguments))]

    # --- complex numbers ---

    def by_output_parts(self) -> Iterator[_Check]:
        """The checks of the parts of complex outputs; without any, this one."""
        if not any(o.is_complex() for o in self.outputs):
            yield self
            return
        chosen = frozenset(k for k, o in enumerate(self.differentiable) if o.is_complex())
        for name, part in (("imaginary", _C.imag), ("real", _C.real)):

            def func(*arguments: Any, part: Callable[[Tensor], Tensor] = part) -> tuple:
                found = _as_tuple(self.func(*arguments))
                return tuple(part(o) if o.is_complex() else o for o in found)

            yield self.of(func, self.arguments, f"{name} part of complex outputs", chosen)

    def by_input_parts(self) -> Iterator[_Check]:
        """The checks by the parts of complex inputs; without any, this one."""
        places = {
            i for i, a in enumerate(self.arguments) if isinstance(a, Tensor) and a.is_complex()
        }
        if not places:
            yield self
            return
        chosen = frozenset(i for i, x in enumerate(self.inputs) if x.is_complex())
        kept = [_parts(a.detach()) if i in places else a for i, a in enumerate(self.arguments)]
        for which, name in ((1, "imaginary"), (0, "real")):

            def func(*arguments: Any, which: int = which) -> Any:
                numbers = [*arguments]
                for i in places:
                    pair = [*kept[i]]
                    pair[which] = arguments[i]
                    numbers[i] = _C.complex(*pair)
                return self.func(*numbers)

            arguments = [*self.arguments]
            for i in places:
                part = kept[i][which].clone()
                arguments[i] = part.requires_grad_(self.arguments[i].requires_grad)
            yield self.of(func, tuple(arguments), f"{name} part of complex inputs", chosen)

    def of(
        self, func: Callable[..., Any], arguments: tuple, part: str, of_part: frozenset
    ) -> _Check:
        """The check of `func` with the same tolerances."""
        check = _Check(
            func, arguments, self.eps, self.atol, self.rtol, self.nondet_tol, self.check_grad_dtypes
        )
        check.part, check.of_part = f"While considering the {part} only, ", of_part
        return check

    def mismatch(self, forward: bool, k: int, i: int, numerical: Tensor, analytical: Tensor) -> str:
        """What to say of output k and input i."""
        text = said.MISMATCH.format(said.BY_MODE[forward], k, i, numerical, analytical)
        return self.part + text if (i if forward else k) in self.of_part else text

    # --- numerical ---

    def difference(
        self, place: Tensor, step: Any, outputs: list[int], index: tuple | None = None
    ) -> list[Tensor]:
        """Central differences of the outputs of these numbers, flat.

        Args:
            place: an input or one element of it, written and restored.
            step: what to add and subtract there.
            outputs: numbers of outputs.
            index: of the element.
        """
        kept = place.clone()
        try:
            place.copy_(kept - step)
            before = self.copies(outputs, whole=index is None)
            place.copy_(kept + step)
            after = self.copies(outputs, whole=index is None)
        finally:
            place.copy_(kept)
        where = "" if index is None else f"on index {index} "
        result = []
        for a, b in zip(before, after, strict=True):
            for what in ("shape", "dtype"):
                one, other = getattr(a, what), getattr(b, what)
                assert one == other, (
                    f"Expected `func` to return outputs with the same {what} when inputs are perturbed "
                    f"{where}by {self.eps}, but got: {what}s {one} and {other}."
                )
            result.append(((b - a) / (2 * self.eps)).reshape(-1))
        return result

    def copies(self, outputs: list[int], whole: bool) -> list[Tensor]:
        """The outputs of these numbers now; `whole`: there must be as many as at first."""
        found = self.call()
        assert not whole or len(found) == len(self.outputs), (
            f"Expected all_Ju and func_out to have the same length, but got {len(found)} and {len(self.outputs)}"
        )
        return [found[i].clone().detach() for i in outputs]

    def numerical_jacobians(self, x: Tensor, outputs: list[int]) -> list[Tensor]:
        """For each output a matrix: a row per element of `x`, a column per element of the output.

        That of a real output by x + iy is that by x plus i times that by y.
        """
        jacobians = [
            _C.zeros(
                x.numel(),
                self.outputs[i].numel(),
                dtype=_C.promote_types(x.dtype, self.outputs[i].dtype)
                if x.is_complex()
                else self.outputs[i].dtype,
            )
            for i in outputs
        ]
        for row, index in enumerate(itertools.product(*map(range, x.shape))):
            steps = [self.eps, 1j * self.eps] if x.is_complex() else [self.eps]
            found = [self.difference(x.data[index], step, outputs, index) for step in steps]
            for jacobian, *columns in zip(jacobians, *found, strict=True):
                jacobian[row] = _joined(columns)
        return jacobians

    # --- analytical ---

    def gradients(self, output: Tensor, vector: Tensor | None) -> tuple[list[Tensor], bool, bool]:
        """For each input the Jacobian of `output`, or its product with `vector` as one column.

        Also whether all gradients had the dtypes, and the shapes, of their inputs.
        """
        vectors = _unit_vectors(output) if vector is None else [vector]
        width = output.numel() if vector is None else 1
        jacobians = [_C.zeros(x.numel(), width, dtype=x.dtype) for x in self.inputs]
        same_dtypes = same_shapes = True
        for number, v in enumerate(vectors):
            found = grad(output, self.inputs, v, retain_graph=True, allow_unused=True)
            for x, jacobian, g in zip(self.inputs, jacobians, found, strict=True):
                if g is None:
                    continue
                same_dtypes &= g.dtype == x.dtype
                same_shapes &= g.shape == x.shape
                column = jacobian[:, number]
                assert column.numel() == g.numel(), (
                    f"Expected out_jacobian column to have {g.numel()} elements, but got {column.numel()}"
                )
                column.copy_(g.detach().reshape(-1))
        return jacobians, same_dtypes, same_shapes

    def analytical_jacobians(self, output: Tensor, vector: Tensor | None = None) -> list[Tensor]:
        """`gradients`, which must have the types of the inputs, and be the same once more."""
        jacobians, same_dtypes, same_shapes = self.gradients(output, vector)
        again, _, _ = self.gradients(output, vector)
        # PyTorch's messages: the first one is of dtypes, the second one of shapes.
        if not same_dtypes:
            raise GradcheckError("Analytical gradient has incorrect size")
        if self.check_grad_dtypes and not same_shapes:
            raise GradcheckError("Gradient has dtype mismatch")
        for a, b in zip(jacobians, again, strict=True):
            if a.numel() and (a - b).abs().max() > self.nondet_tol:
                raise GradcheckError(said.NOT_REENTRANT.format(self.nondet_tol))
        return jacobians

    def push_forward(self, tangents: Sequence[Tensor | None]) -> list[Tensor]:
        """The tangents of the differentiable outputs for these of the inputs."""
        given = iter(tangents)

        def dual(a: Any) -> Any:
            if not (isinstance(a, Tensor) and a.requires_grad):
                return a
            t = next(given)
            return a.detach() if t is None else forward_ad.make_dual(a.detach(), t)

        with forward_ad.dual_level():
            outputs = _as_tuple(self.func(*[dual(a) for a in self.arguments]))
            found = []
            for i in self.places:
                t = forward_ad.unpack_dual(outputs[i]).tangent
                found.append(_C.zeros_like(outputs[i]) if t is None else t)
            return [t.detach() for t in found]

    def forward_products(self, i: int, tangent: Tensor) -> list[Tensor]:
        """For each differentiable output its Jacobian by input `i`, times the tangent."""
        tangents = [_C.zeros_like(x).detach() for x in self.inputs]
        tangents[i] = tangent.view_as(tangents[i])
        return self.push_forward(tangents)

    def forward_jacobians(self, i: int) -> list[Tensor]:
        """For each output the matrix of forward mode: a row per element of input i."""
        x = self.inputs[i]
        rows = [self.forward_products(i, v.clone()) for v in _unit_vectors(x)]
        return [
            _C.stack([row[k].reshape(-1) for row in rows]) if rows else _C.zeros(0, o.numel())
            for k, o in enumerate(self.differentiable)
        ]

    # --- the checks ---

    def slow(self, forward: bool) -> None:
        """Compare whole Jacobians, those of the backward pass or of forward mode."""
        places = self.places
        if not self.differentiable:
            places = [
                i for i, o in enumerate(self.outputs) if o.is_floating_point() or o.is_complex()
            ]
        numerical = [self.numerical_jacobians(x, places) for x in self.inputs]
        if not self.differentiable:
            if any(n.ne(0).any() for found in numerical for n in found):
                raise GradcheckError(said.NOT_ZERO)
            return
        if forward:
            by_input = [self.forward_jacobians(i) for i in range(len(self.inputs))]
            analytical = [list(of_output) for of_output in zip(*by_input, strict=True)]
        else:
            analytical = [self.analytical_jacobians(o) for o in self.differentiable]
        for k, jacobians in enumerate(analytical):
            for i, a in enumerate(jacobians):
                n = numerical[i][k]
                if not _close(a, n, self.rtol, self.atol):
                    raise GradcheckError(self.mismatch(forward, k, i, n, a))

    def fast(self, forward: bool) -> None:
        """Compare u.J.v, or of forward mode u.J, for random unit vectors that are the same in every call."""
        generator = _C.Generator()
        us = [_random_directions(x, generator) for x in self.inputs]
        vs = [_random_unit_vector(o, generator) for o in self.differentiable]
        places = self.places or [*range(len(self.outputs))]
        found = [
            [
                self.difference(x.data, self.eps * u * factor, places)
                for u, factor in zip(directions, (1, 1j), strict=False)
            ]
            for x, directions in zip(self.inputs, us, strict=True)
        ]
        if not self.differentiable:
            every = itertools.chain.from_iterable(itertools.chain.from_iterable(found))
            if any(d.numel() and d.abs().max() > 0 for d in every):
                raise GradcheckError(said.NOT_ZERO)
            return
        if forward:
            for i, (u,) in enumerate(us):
                for k, a in enumerate(self.forward_products(i, u)):
                    n = found[i][0][k]
                    a = a.reshape(-1)
                    # What `atol` in every element of the Jacobian adds up to.
                    if not _close(a, n, self.rtol, self.atol * float(u.sum())):
                        text = self.mismatch(True, k, i, n, a)
                        raise GradcheckError(text + self.in_slow_mode(k, i, forward=True))
            return
        products = [
            [
                [
                    p.view(-1) * u.view(-1)
                    for p, u in zip(_parts(a.view(-1)), directions, strict=True)
                ]
                for a, directions in zip(self.analytical_jacobians(o, v), us, strict=True)
            ]
            for o, v in zip(self.differentiable, vs, strict=True)
        ]
        for k, v in enumerate(vs):
            for i, (u, *_) in enumerate(us):
                n = _joined([(differences[k] * v.view(-1)).sum() for differences in found[i]])
                a = _joined([p.sum() for p in products[k][i]])
                # What `atol` in every element of the Jacobian adds up to.
                atol = self.atol * float(v.sum()) * float(u.sum())
                if not _close(a, n, self.rtol, atol):
                    text = self.mismatch(False, k, i, n, a)
                    raise GradcheckError(text + self.in_slow_mode(k, i, forward=False))

    def in_slow_mode(self, k: int, i: int, forward: bool) -> str:
        """What slow mode says of a Jacobian that fast mode has found wrong."""
        n = self.numerical_jacobians(self.inputs[i], self.places)[k]
        if forward:
            a = self.forward_jacobians(i)[k]
        else:
            a = self.gradients(self.differentiable[k], None)[0][i]
        text = said.IN_SLOW_MODE.format("", n, a, (n - a).abs().max())
        return text + said.SLOW_MODE_PASSES if _close(a, n, self.rtol, self.atol) else text

    def zero_gradients(self) -> None:
        """The backward pass must give zeros, of the right types, for gradients of zero."""
        if not self.differentiable:
            return
        zeros = [_zeros(o) for o in self.differentiable]
        found = grad(self.differentiable, self.inputs, zeros, allow_unused=True)
        for x, g in zip(self.inputs, found, strict=True):
            if g is None:
                continue
            if g.ne(0).any():
                raise GradcheckError("backward not multiplied by grad_output")
            if g.dtype != x.dtype:
                raise GradcheckError("grad is incorrect type")
            if g.shape != x.shape:
                raise GradcheckError("grad is incorrect size")

    def undefined_gradients(self) -> None:
        """The same where the gradient of one output, or of all, is undefined."""

        def differentiable() -> list[Tensor]:
            return [o for o in self.call() if o.requires_grad]

        every = differentiable()
        if not every:
            return
        cases = [[_Undefined.apply(o) for o in every]]
        if len(every) > 1:
            for i in range(len(every)):
                outputs = differentiable()
                outputs[i] = _Undefined.apply(outputs[i])
                cases.append(outputs)
        for outputs in cases:
            zeros = [_zeros(o) for o in outputs]
            try:
                found = grad(outputs, self.inputs, zeros, allow_unused=True)
            except RuntimeError as error:
                self.warn_of_new_check()
                raise GradcheckError(
                    f"Expected backward function to handle undefined output grads. {said.SEE_NOTES}"
                ) from error
            if any(g is not None and g.ne(0).any() for g in found):
                self.warn_of_new_check()
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are undefined or "
                    f"zero. {said.SEE_NOTES}"
                )

    def undefined_tangents(self) -> None:
        """An input without tangent must count as one whose tangent is zero."""
        if not self.differentiable:
            return
        generator = _C.Generator()
        every = [_random_unit_vector(x, generator).view_as(x) for x in self.inputs]
        for i, x in enumerate(self.inputs):
            zero: list[Tensor | None] = [*every]
            zero[i] = _C.zeros_like(x).detach()
            undefined: list[Tensor | None] = [*every]
            undefined[i] = None
            found = zip(self.push_forward(zero), self.push_forward(undefined), strict=True)
            for k, (a, b) in enumerate(found):
                if not _close(a, b, 1e-5, 1e-8):
                    raise GradcheckError(
                        "Mismatch in tangent values for output with index: ",
                        k,
                        " when input: ",
                        x,
                        " has an undefined tangent value. ",
                        " Got: ",
                        a,
                        " but expected: ",
                        b,
                    )

    # --- batches ---

    def batched_gradients(self) -> None:
        """A pass for a batch of gradients must give what a pass for each gives."""
        for k, o in enumerate(self.differentiable):
            vectors = [_C.randn_like(o) for _ in range(2)]

            def gradients(v: Tensor, o: Tensor = o, is_batched: bool = False) -> list[Any]:
                options: Any = {"retain_graph": True, "allow_unused": True}
                return [*grad(o, self.inputs, v, is_grads_batched=is_batched, **options)]

            found = self.of_batch(vectors, gradients, lambda v: gradients(v, is_batched=True))
            for i, (got, expected) in enumerate(found):
                self.compare_batches(got, expected, k, i, forward=False)

    def batched_tangents(self) -> None:
        """Forward mode for a batch of tangents of one input must give what it gives for each."""
        from ..func.vmap import map_directions

        for number, x in enumerate(self.arguments):
            if not (isinstance(x, Tensor) and x.requires_grad):
                continue

            def push(tangent: Tensor, number: int = number, x: Tensor = x) -> list[Tensor]:
                arguments = [*self.arguments]
                with forward_ad.dual_level():
                    arguments[number] = forward_ad.make_dual(x.detach(), tangent)
                    duals = [
                        forward_ad.unpack_dual(o)
                        for o in _as_tuple(self.func(*arguments))
                        if isinstance(o, Tensor)
                    ]
                return [_zeros(d.primal) if d.tangent is None else d.tangent for d in duals]

            tangents = [_C.randn_like(x) for _ in range(2)]
            found = self.of_batch(
                tangents,
                push,
                lambda batch, push=push: map_directions(push, [batch], "error"),
                forward=True,
            )
            for k, (got, expected) in enumerate(found):
                self.compare_batches(got, expected, k, k, forward=True)

    @staticmethod
    def of_batch(
        vectors: list[Tensor], one: Callable, all_at_once: Callable, forward: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """The results for the stacked vectors, each beside what `one` gives for every vector, stacked."""
        rows = [one(v) for v in vectors]
        expected = [
            None if any(r is None for r in column) else _C.stack(column)
            for column in zip(*rows, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")
            try:
                found = all_at_once(_C.stack(vectors))
            except RuntimeError as error:
                raise GradcheckError(
                    f"While computing batched gradients, got: {error}\n{said.BATCHED_FAILED[forward]}"
                ) from error
        return zip(found, expected, strict=True)

    @staticmethod
    def compare_batches(got: Any, expected: Any, k: int, i: int, forward: bool) -> None:
        """Complain of differences."""
        if got is None or _close(got, expected, 1e-5, 1e-8):
            return
        raise GradcheckError(
            f"For output {k} and input {i}:\n{said.BATCHED_FAILED[forward]}\n\nGot:\n{got}\n\nExpected:\n{expected}"
        )

    @staticmethod
    def warn_of_new_check() -> None:
        """Say that older versions did not look at undefined gradients."""
        warnings.warn(
            "Backwards compatibility: New undefined gradient support checking feature is enabled by default, but "
            "it may break existing callers of this function. If this is true for you, you can call this function "
            'with "check_undefined_grad=False" to disable the feature',
            stacklevel=2,
        )


def _check_inputs(arguments: tuple) -> None:
    if not any(isinstance(a, Tensor) and a.requires_grad for a in arguments):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )
    for i, a in enumerate(arguments):
        if not (isinstance(a, Tensor) and a.requires_grad):
            continue
        if a.dtype not in (_C.float64, _C.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=2,
            )
        if any(stride == 0 and size > 1 for stride, size in zip(a.stride(), a.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )


def gradcheck(
    func: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of `func` at `inputs` with central finite differences.

    Both are elements of the Jacobian: they differ if `abs(analytical - numerical)` is greater than
    `atol + rtol * abs(numerical)`. True if nothing is wrong.

    Args:
        func: takes the inputs; gives a tensor or several.
        inputs: its arguments. Gradients are checked of tensors that require grad, which should be
            float64 and without elements that share memory. They are written to, and restored.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: if False, give False instead of raising GradcheckError.
        nondet_tol: by how much the gradients of two equal backward passes may differ.
        check_undefined_grad: check also that the backward pass takes undefined gradients for zeros.
        check_grad_dtypes: refuse also gradients of another shape; those of another dtype always are.
        check_batched_grad: check the gradients for batches of gradients of each output.
        check_batched_forward_grad: check forward mode for batches of tangents of each input.
        check_forward_ad: check forward mode.
        check_backward_ad: check the backward pass.
        fast_mode: compare one random product with the Jacobian from both sides instead of all of it.
        masked: has a meaning for sparse tensors only.

    Raises:
        GradcheckError: the gradients are wrong; the message shows both Jacobians.
        ValueError: no input requires grad.
        RuntimeError: an input that requires grad has a stride of zero.
    """
    assert check_forward_ad or check_backward_ad, (
        "Expected at least one of check_forward_ad or check_backward_ad to be True"
    )
    assert not check_batched_grad or check_backward_ad, (
        "Setting check_batched_grad=True requires check_backward_ad to be True"
    )
    assert not check_batched_forward_grad or check_forward_ad, (
        "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
    )
    arguments = _as_tuple(inputs)
    _check_inputs(arguments)
    try:
        check = _Check(func, arguments, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        compare = _Check.fast if fast_mode else _Check.slow
        if check_backward_ad:
            for of_part in check.by_output_parts():
                compare(of_part, forward=False)
        if check_forward_ad:
            for of_part in check.by_input_parts():
                compare(of_part, forward=True)
            if check_undefined_grad:
                check.undefined_tangents()
        if check_batched_forward_grad:
            check.batched_tangents()
        if not check_backward_ad:
            return True
        if check_batched_grad:
            check.batched_gradients()
        check.zero_gradients()
        if check_undefined_grad:
            check.undefined_gradients()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _random_grad_output(output: Tensor, noncontiguous: bool) -> Tensor:
    """Numbers between -1 and 1; with `noncontiguous` every other one of a tensor twice as wide."""
    shape = [*output.shape]
    every_other = noncontiguous and output.numel() > 1
    if every_other:
        shape[-1] *= 2
    values = _C.empty(shape, dtype=output.dtype).uniform_(-1, 1)
    return (values[..., 1::2] if every_other else values).requires_grad_()


def gradgradcheck(
    func: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare the gradients of the gradients of `func` with central finite differences.

    This is `gradcheck` of the function that takes `inputs` and `grad_outputs` and gives the
    gradients of `inputs`.

    Args:
        func: takes the inputs; gives a tensor or several.
        inputs: its arguments, as for `gradcheck`.
        grad_outputs: gradients of the outputs that require grad; by default random numbers from
            the global generator, which are inputs to check too.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        gen_non_contig_grad_outputs: make the random numbers not contiguous.
        raise_exception: if False, give False instead of raising GradcheckError.
        nondet_tol: by how much the gradients of two equal backward passes may differ.
        check_undefined_grad: check also that the backward pass takes undefined gradients for zeros.
        check_grad_dtypes: refuse also gradients of another shape; those of another dtype always are.
        check_batched_grad: as for `gradcheck`.
        check_fwd_over_rev: check forward mode of the gradients.
        check_rev_over_rev: check the gradients of the gradients.
        fast_mode: compare one random product with the Jacobian from both sides instead of all of it.
        masked: has a meaning for sparse tensors only.

    Raises:
        GradcheckError: the gradients of the gradients are wrong.
        ValueError: no input requires grad.
        RuntimeError: an input that requires grad has a stride of zero.
    """
    assert check_fwd_over_rev or check_rev_over_rev, (
        "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
    )
    assert not check_undefined_grad or check_rev_over_rev, (
        "Setting check_undefined_grad=True requires check_rev_over_rev to be True"
    )
    assert not check_batched_grad or check_rev_over_rev, (
        "Setting check_batched_grad=True requires check_rev_over_rev to be True"
    )

    def differentiable(a: Any) -> Any:
        """An input of which a gradient is wanted; for forward mode it comes as a dual tensor without history."""
        return a if a.requires_grad else a.requires_grad_()

    def outputs_of(arguments: tuple) -> list[Tensor]:
        return [o for o in _as_tuple(func(*arguments)) if o.requires_grad]

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        given = arguments[count:]
        arguments = tuple(
            differentiable(a) if i in places else a for i, a in enumerate(arguments[:count])
        )
        outputs = outputs_of(arguments)
        wanted = [arguments[i] for i in places]
        found = grad(outputs, wanted, given, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    arguments = _as_tuple(inputs)
    count = len(arguments)
    places = [i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad]
    if grad_outputs is None:
        given = tuple(
            _random_grad_output(o, gen_non_contig_grad_outputs) for o in outputs_of(arguments)
        )
    else:
        given = _as_tuple(grad_outputs)
    return gradcheck(
        gradients,
        arguments + given,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
