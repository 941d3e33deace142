"""Rules of products, layers and losses.

A product becomes one matrix product where one side has no batch, and a batched one where both have.
Operations that are compositions are composed here again, from operations on samples; each of
them has its rule.
"""

from __future__ import annotations

import string
from typing import Any

from whygrad import _C

from .batched import (
    BatchedTensor,
    Call,
    bind,
    bound,
    by_samples,
    is_batched,
    name_of,
    no_out,
    not_in_place,
    own_part,
    physical_of,
    rank_of,
    rule,
    wrap,
)
from .pointwise import padded

Tensor = _C.Tensor


def _part(t: Any, level: int) -> tuple[Any, bool]:
    if type(t) is BatchedTensor and t._level == level:
        return t._physical, True
    return t, False


def product(a: Any, b: Any, level: int) -> Any:
    """The physical `matmul` of samples, at least one of them batched."""
    rank_a, rank_b = rank_of(a), rank_of(b)
    (a, a_batched), (b, b_batched) = _part(a, level), _part(b, level)
    if not b_batched:
        # The batch is one more dim of the left side, where the right side is a matrix or a vector.
        if rank_b <= 2 and (rank_a > 1 or rank_b == 1 or rank_a == 1):
            return _C.matmul(a, b)
    elif not a_batched:
        if rank_a == 1 and rank_b == 1:
            return _C.matmul(b, a)
        if rank_a == 2 and rank_b == 1:
            return _C.matmul(b, a.t())
        if rank_b >= 2 and rank_a <= rank_b:
            return _C.matmul(a, b)
    if rank_a == 1:
        a = a.unsqueeze(-2)
    if rank_b == 1:
        b = b.unsqueeze(-1)
    rank = max(rank_a, rank_b, 2)
    if a_batched and max(rank_a, 2) < rank:
        a = padded(a, rank - max(rank_a, 2))
    if b_batched and max(rank_b, 2) < rank:
        b = padded(b, rank - max(rank_b, 2))
    result = _C.matmul(a, b)
    if rank_a == 1:
        result = result.squeeze(-2)
    return result.squeeze(-1) if rank_b == 1 else result


_RANKS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "vdot": (1, 1)}


@rule("matmul mm bmm mv dot vdot __matmul__ __rmatmul__")
def matmul(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if kwargs:
        call = bind(func, args, kwargs)
        if call is None or call.values.get("out_dtype") is not None:
            return by_samples(level, func, args, kwargs)
        if call.values.pop("out", None) is not None:
            raise no_out(func)
        args = tuple(call.values.values())
    if len(args) != 2:
        return by_samples(level, func, args, kwargs)
    a, b = args
    name = name_of(func)
    if name == "__rmatmul__":
        a, b = b, a
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return own_part(func, args, kwargs)
    ranks = rank_of(a), rank_of(b)
    if _RANKS.get(name, ranks) != ranks:
        if name in ("dot", "vdot"):
            raise RuntimeError(f"Got wrong shapes for {name}")
        raise RuntimeError(
            f"Shape mismatch: Got incorrect dims for {name}(a, b). a has dim {ranks[0]}and b has dim {ranks[1]}but "
            f"expected them to have dim {_RANKS[name][0]} and dim {_RANKS[name][1]}"
        )
    if 0 in ranks:
        own_part(func, args, kwargs)  # says that numbers have no product
    if name == "bmm" and a.shape[0] != b.shape[0]:
        own_part(func, args, kwargs)
    return wrap(product(a.conj() if name == "vdot" else a, b, level), level)


@rule("linear")
def linear(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    if not is_batched(weight, level):
        if is_batched(bias, level):
            return func(x, weight) + bias
        return wrap(func(x._physical, weight, bias), level)
    if rank_of(weight) != 2:
        own_part(func, args, kwargs)
    w = weight._physical
    if rank_of(x) == 1 and is_batched(x, level):
        # One row per sample: with the bias in one batched product.
        rows = x._physical.unsqueeze(1)
        if bias is not None and is_batched(bias, level):
            return wrap(_C.baddbmm(bias._physical.unsqueeze(1), rows, w.mT).squeeze(1), level)
        result = wrap(_C.bmm(rows, w.mT).squeeze(1), level)
    else:
        result = wrap(product(x, wrap(w.mT, level), level), level)
    return result if bias is None else result + bias


# --- compositions of products ---------------------------------------------------------------------


def composed(names: str) -> Any:
    """Decorator: files a function of the operation's own parameters, composed of operations on samples.

    `NAME_` computes it and writes it to its first operand.
    """

    def file(function: Any) -> Any:
        def run(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
            call = bind(func, args, kwargs)
            if call is None:
                return own_part(func, args, kwargs)
            if call.values.pop("out", None) is not None:
                raise no_out(func)
            first = call.overload.parameters[0].name
            if first == "beta":
                return by_samples(level, func, args, kwargs)
            call.level = level
            result = function(call.values.pop(first), **call.values)
            return by_samples(level, func, args, kwargs) if result is NotImplemented else result

        def run_in_place(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
            if not is_batched(args[0], level):
                raise not_in_place(func, level)
            return args[0].copy_(run(level, func, args, kwargs))

        for name in names.split():
            rule(name)(run)
            rule(f"{name}_")(run_in_place)
        return function

    return file


def _scaled_sum(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (input if beta == 1 else input * beta)


@composed("addmm")
def addmm(input, mat1, mat2, out_dtype=None, *, beta=1, alpha=1):  # type: ignore[no-untyped-def]
    if out_dtype is not None:
        return NotImplemented
    return _scaled_sum(input, _C.mm(mat1, mat2), beta, alpha)


@composed("addr")
def addr(input, vec1, vec2, *, beta=1, alpha=1):  # type: ignore[no-untyped-def]
    if input.dtype == vec1.dtype == vec2.dtype == _C.bool:
        return NotImplemented  # takes the truth of beta and alpha
    return _scaled_sum(input, _C.outer(vec1, vec2), beta, alpha)


@composed("addmv")
def addmv(input, mat, vec, *, beta=1, alpha=1):  # type: ignore[no-untyped-def]
    return _scaled_sum(input, _C.mv(mat, vec), beta, alpha)


@composed("baddbmm")
def baddbmm(input, batch1, batch2, out_dtype=None, *, beta=1, alpha=1):  # type: ignore[no-untyped-def]
    if out_dtype is not None:
        return NotImplemented
    return _scaled_sum(input, _C.bmm(batch1, batch2), beta, alpha)


@composed("addbmm")
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):  # type: ignore[no-untyped-def]
    return _scaled_sum(input, _C.bmm(batch1, batch2).sum(0), beta, alpha)


@composed("outer ger")
def outer(input, vec2):  # type: ignore[no-untyped-def]
    if rank_of(input) != 1 or rank_of(vec2) != 1:
        return own_part(_C.outer, (input, vec2), {})
    return input.unsqueeze(-1) * vec2


@composed("inner")
def inner(input, other):  # type: ignore[no-untyped-def]
    if rank_of(input) == 0 or rank_of(other) == 0:
        return input * other
    own_part(_C.inner, (input, other), {})
    return _contracted(input, other, [rank_of(input) - 1], [rank_of(other) - 1])


@composed("tensordot")
def tensordot(a, b, dims_self, dims_other):  # type: ignore[no-untyped-def]
    own_part(_C._nn.tensordot, (a, b, dims_self, dims_other), {})
    ours = [d % max(rank_of(a), 1) for d in dims_self]
    theirs = [d % max(rank_of(b), 1) for d in dims_other]
    return _contracted(a, b, ours, theirs)


def _contracted(a: Any, b: Any, ours: list[int], theirs: list[int]) -> Any:
    """Sums of products over pairs of dims: one product of matrices."""
    # Where one side has size 1 the other is summed.
    for x, y in zip(ours, theirs, strict=True):
        if a.shape[x] == 1 != b.shape[y]:
            b = b.sum(y, keepdim=True)
        elif b.shape[y] == 1 != a.shape[x]:
            a = a.sum(x, keepdim=True)
    free_a = [i for i in range(rank_of(a)) if i not in ours]
    free_b = [i for i in range(rank_of(b)) if i not in theirs]
    n, rows, columns = 1, 1, 1
    for i in ours:
        n *= a.shape[i]
    for i in free_a:
        rows *= a.shape[i]
    for i in free_b:
        columns *= b.shape[i]
    shape = [a.shape[i] for i in free_a] + [b.shape[i] for i in free_b]
    left = a.permute(free_a + ours).reshape(rows, n)
    right = b.permute(theirs + free_b).reshape(n, columns)
    return _C.mm(left, right).reshape(shape)


@composed("kron")
def kron(input, other):  # type: ignore[no-untyped-def]
    rank = max(rank_of(input), rank_of(other))
    a = input.reshape((1,) * (rank - rank_of(input)) + tuple(input.shape))
    b = other.reshape((1,) * (rank - rank_of(other)) + tuple(other.shape))
    shape = [n * m for n, m in zip(a.shape, b.shape, strict=True)]
    a = a.reshape([n for pair in zip(a.shape, (1,) * rank, strict=True) for n in pair])
    b = b.reshape([n for pair in zip((1,) * rank, b.shape, strict=True) for n in pair])
    return (a * b).reshape(shape)


@composed("bilinear")
def bilinear(input1, input2, weight, bias=None):  # type: ignore[no-untyped-def]
    result = _C.einsum("...i,oij,...j->...o", [input1, weight, input2])
    return result if bias is None else result + bias


@rule("einsum")
def einsum(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = list(operands[0])
    own_part(_C.einsum, (equation, operands), {})  # says what does not fit
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    if not arrow:
        letters = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        right = ("..." if "..." in left else "") + "".join(letters)
    batch = next(c for c in string.ascii_letters if c not in equation)
    terms = left.split(",")
    physical = []
    for i, t in enumerate(operands):
        if is_batched(t, level):
            terms[i] = batch + terms[i]
            physical.append(t._physical)
        else:
            physical.append(t)
    return wrap(_C.einsum(f"{','.join(terms)}->{batch}{right}", physical), level)


# --- layers ---------------------------------------------------------------------------------------


@composed("layer_norm")
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):  # type: ignore[no-untyped-def]
    plain = _C._nn.layer_norm
    own_part(plain, (input, normalized_shape, weight, bias, eps), {})
    level = max(t._level for t in (input, weight, bias) if type(t) is BatchedTensor)
    if is_batched(weight, level) or is_batched(bias, level):
        result = plain(input, normalized_shape, None, None, eps)
        result = result if weight is None else result * weight
        return result if bias is None else result + bias
    return wrap(plain(input._physical, normalized_shape, weight, bias, eps), level)


@composed("rms_norm")
def rms_norm(input, normalized_shape, weight=None, eps=None):  # type: ignore[no-untyped-def]
    plain = _C._nn.rms_norm
    own_part(plain, (input, normalized_shape, weight, eps), {})
    level = max(t._level for t in (input, weight) if type(t) is BatchedTensor)
    if is_batched(weight, level):
        return plain(input, normalized_shape, None, eps) * weight
    return wrap(plain(input._physical, normalized_shape, weight, eps), level)


@composed("prelu")
def prelu(input, weight):  # type: ignore[no-untyped-def]
    if rank_of(weight) == 1 and weight.shape[0] != 1 and rank_of(input) >= 2:
        weight = weight.reshape(weight.shape[0], *(1,) * (rank_of(input) - 2))
    elif rank_of(weight) == 1 and weight.shape[0] == 1:
        weight = weight[0]
    return _C.where(input > 0, input, input * weight)


@composed("cosine_similarity")
def cosine_similarity(x1, x2, dim=1, eps=1e-8):  # type: ignore[no-untyped-def]
    own_part(_C.cosine_similarity, (x1, x2, dim, eps), {})
    x1, x2 = _broadcast(x1, x2)
    level = max(t._level for t in (x1, x2) if type(t) is BatchedTensor)
    size = next(t._physical.shape[0] for t in (x1, x2) if is_batched(t, level))
    rank = max(rank_of(x1), 1)
    a, b = physical_of(x1, level, size), physical_of(x2, level, size)
    if rank_of(x1) == 0:
        return wrap(_C.cosine_similarity(a.unsqueeze(1), b.unsqueeze(1), 1, eps), level)
    return wrap(_C.cosine_similarity(a, b, dim % rank + 1, eps), level)


def _broadcast(a: Any, b: Any) -> tuple[Any, Any]:
    rank = max(rank_of(a), rank_of(b))
    sizes = [(1,) * (rank - rank_of(t)) + tuple(t.shape) for t in (a, b)]
    shape = tuple(y if x == 1 else x for x, y in zip(*sizes, strict=True))
    return a.expand(shape), b.expand(shape)


@composed("pairwise_distance")
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):  # type: ignore[no-untyped-def]
    return _C._nn.linalg_vector_norm(x1 - x2 + eps, p, -1, keepdim)


@composed("dist")
def dist(input, other, p=2):  # type: ignore[no-untyped-def]
    return _C._nn.linalg_vector_norm(input - other, p)


@bound("embedding")
def embedding(call: Call) -> Any:
    weight, indices = call.values["weight"], call.values["indices"]
    if not is_batched(weight, call.level):
        return call.run(indices=indices._physical)
    padding = call.values.get("padding_idx", -1)
    table = weight._physical
    if padding >= 0:
        # No gradient goes to the row of padding.
        rows = _C.arange(table.shape[1])
        table = _C.where((rows == padding).unsqueeze(-1), table.detach(), table)
    place = physical_of(indices, call.level, call.size)
    flat = place.reshape((call.size, indices.numel()))
    batch = _C.arange(call.size).unsqueeze(-1)
    return table[batch, flat].reshape((*place.shape, table.shape[-1]))


# --- losses ---------------------------------------------------------------------------------------


def _reduced(loss: Any, reduction: int) -> Any:
    """0: as it is; 1: the mean of each sample; 2: its sum."""
    return loss if reduction == 0 else loss.mean() if reduction == 1 else loss.sum()


@bound(
    "mse_loss l1_loss smooth_l1_loss huber_loss kl_div binary_cross_entropy binary_cross_entropy_with_logits"
)
def loss_of_elements(call: Call) -> Any:
    reduction = call.values.pop("reduction", 1)
    tensors = {k: v for k, v in call.values.items() if isinstance(v, Tensor)}
    if name_of(call.func) == "binary_cross_entropy":
        own_part(call.func, tuple(tensors.values()), {})  # takes operands of one shape only
    rank = max(rank_of(t) for t in tensors.values())
    physical = {}
    for name, t in tensors.items():
        p = physical_of(t, call.level, call.size)
        physical[name] = padded(p, rank - rank_of(t)) if rank_of(t) < rank else p
    if name_of(call.func) == "binary_cross_entropy" and "weight" in physical:
        physical["weight"] = physical["weight"].expand(physical["input"].shape)
    loss = call.run(**physical, reduction=0)
    if reduction == 0 or rank == 0:
        return loss
    dims = tuple(range(1, rank + 1))
    return loss.mean(dims) if reduction == 1 else loss.sum(dims)


@composed("nll_loss_nd")
def nll_loss(input, target, weight=None, reduction=1, ignore_index=-100):  # type: ignore[no-untyped-def]
    own_part(_C._nn.nll_loss_nd, (input.detach(), target, weight, 0, ignore_index), {})
    classes = 0 if rank_of(input) == 1 else 1
    kept = target != ignore_index
    place = _C.where(kept, target, 0)
    picked = -input.gather(classes, place.unsqueeze(classes)).squeeze(classes)
    if weight is None:
        scale = kept.to(input.dtype)
    else:
        scale = _C.where(kept, weight[place], 0.0)
    loss = _C.where(kept, picked * scale if weight is not None else picked, 0.0)
    return loss.sum() / scale.sum() if reduction == 1 else _reduced(loss, reduction)


@composed("cross_entropy_loss")
def cross_entropy(  # type: ignore[no-untyped-def]
    input, target, weight=None, reduction=1, ignore_index=-100, label_smoothing=0.0
):
    classes = 0 if rank_of(input) == 1 else 1
    probabilities = target.is_floating_point()
    if label_smoothing != 0 and not probabilities:
        return NotImplemented
    scores = input.log_softmax(classes)
    if not probabilities:
        return nll_loss(scores, target, weight, reduction, ignore_index)
    if label_smoothing != 0:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[classes]
    if weight is not None:
        scores = scores * weight.reshape(-1, *(1,) * (rank_of(input) - 1 - classes))
    loss = -(scores * target).sum(classes)
    if reduction == 1 and rank_of(input) > 1:
        return loss.sum() / (input.numel() // input.shape[1])
    return loss if reduction == 0 else loss.sum()
