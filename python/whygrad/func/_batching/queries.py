"""Rules of what is asked of a tensor: its shape and dtype are those of one sample, its values cannot be read."""

from __future__ import annotations

from typing import Any

from whygrad import _C
from whygrad._tensor_str import tensor_repr
from whygrad._vmap_levels import differentiated, open_levels

from .batched import (
    BatchedTensor,
    dispatch,
    is_batched,
    is_legacy,
    name_of,
    of_batches_only,
    of_sample,
    outlives,
    own_part,
    physical_of,
    rule,
    wrap,
)
from .reading import common_sample, on_common_samples
from .shapes import item_message

Tensor = _C.Tensor


def refuse(
    names: str, message: str, error: type[Exception] = RuntimeError, *, shared: bool = False
) -> None:
    """File, under names separated by spaces, a rule that raises; if `shared`, only where samples may differ."""

    def refused(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        if (
            shared
            and (result := on_common_samples(level, func, args, kwargs)) is not NotImplemented
        ):
            return result
        raise of_batches_only(error(message))

    rule(names)(refused)


_LEGACY = "Batching rule not implemented for aten::{}. We could not generate a fallback."


_NO_MEMORY = "Cannot access data pointer of Tensor that doesn't have storage"


rule(
    "size dim ndimension numel nelement element_size __len__ is_floating_point is_complex is_signed is_same_size "
    "result_type get_device __hash__ is_conj is_neg has_names dim_order "
    "shape.get ndim.get dtype.get device.get layout.get itemsize.get nbytes.get is_cpu.get is_cuda.get is_meta.get "
    "is_mps.get is_sparse.get is_sparse_csr.get is_quantized.get is_xpu.get is_mtia.get is_maia.get is_ipu.get "
    "is_vulkan.get grad_fn.get is_leaf.get grad.get output_nr.get "
    "retains_grad.get name.get names.get is_mkldnn.get is_xla.get is_nested.get __array_priority__.get _backward_hooks.get "
    "_post_accumulate_grad_hooks.get retain_grad register_hook requires_grad.set grad.set"
)(of_sample)  # History is the physical tensor's; to the function a sample has none, as in PyTorch.


@rule("is_inference")
def is_inference(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
    """A sample is made where the function runs, whatever the batch is."""
    return _C.is_inference_mode_enabled()


@rule("stride")
def stride(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, *dim = (*args, *kwargs.values())
    strides = tensor._physical.stride()[1:]
    if not dim:
        return strides
    own_part(func, args, kwargs)
    return strides[dim[0]]


@rule("is_contiguous")
def is_contiguous(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
    tensor, *_ = args
    expected = 1
    shape, strides = tensor.shape, tensor._physical.stride()[1:]
    if tensor.numel() == 0:
        return True
    for n, s in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and s != expected:
            return False
        expected *= n
    return True


@rule("storage_offset _is_view _version.get _base.get")
def of_physical(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    result = (
        func(args[0]._physical)
        if name_of(func)[-4:] != ".get"
        else func(args[0]._physical, *args[1:])
    )
    return wrap(result, level) if isinstance(result, Tensor) else result


@rule("requires_grad.get")
def requires_grad(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether it has a history within the innermost `vmap`: only where derivatives are taken in there.

    Where samples are alike but for their tangents, they have the history of what was repeated.
    """
    levels = open_levels()
    if not levels:
        return False
    if not differentiated() and not levels[-1].repeated:
        return False
    tensor = args[0]
    while type(tensor) is BatchedTensor:
        tensor = tensor._physical
    return tensor.requires_grad


outlives.update((is_inference, requires_grad, stride, is_contiguous, of_physical))


@rule("item __float__ __int__ __index__ __complex__")
def item(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    sample = common_sample(args[0], level)
    if sample is not None:
        return func(sample)
    raise RuntimeError(_LEGACY.format("item") if is_legacy(level) else item_message())


@rule("__bool__ is_nonzero")
def truth(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    sample = common_sample(args[0], level)
    if sample is not None:
        return func(sample)
    if is_legacy(level):
        raise RuntimeError(_LEGACY.format("is_nonzero"))
    raise RuntimeError(
        item_message()
        if differentiated()
        else "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support "
        "that yet, please file an issue at https://github.com/pytorch/pytorch/issues ."
    )


for _name in ("equal", "is_pinned", "is_distributed"):
    refuse(_name, _LEGACY.format(_name), shared=True)
refuse(
    "pin_memory",
    "Batching rule not implemented for aten::pin_memory; the fallback path doesn't work on out= or view ops.",
)

refuse(
    "allclose",
    "vmap over torch.allclose isn't supported yet. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues if you need this feature.",
    shared=True,
)

refuse("tolist", _NO_MEMORY, shared=True)
refuse("data_ptr _array_interface numpy __array__", _NO_MEMORY)

refuse(
    "_whole_storage __deepcopy__ untyped_storage storage __reduce_ex__",
    "Cannot access storage of BatchedTensorImpl",
    NotImplementedError,
)


@rule("as_strided_ detach_")
def of_memory(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    raise RuntimeError(
        f"Batching rule not implemented for aten::{name_of(func)}; the fallback path doesn't work on out= or view ops."
    )


refuse("data.set", "mutating directly with `.data` under vmap transform is not allowed.")


@rule("data.get")
def data(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    if differentiated():
        return args[0].detach()
    raise RuntimeError("accessing `data` under vmap transform is not allowed")


@rule("requires_grad_")
def require_grad(level: int, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensor, *flag = args
    if open_levels()[level - 1].repeated and is_batched(tensor, level):
        func(tensor._physical, *flag, **kwargs)
        return tensor
    raise RuntimeError(
        "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) inside "
        "of a function being transformed by a functorch transform. This is unsupported, please attempt to use the "
        "functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function "
        "being transformed instead."
    )


refuse(
    "backward",
    "backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
    "functorch.vjp instead or call backward() outside of functorch transforms.",
)


def representation(tensor: Any) -> str:
    """`BatchedTensor(lvl=1, bdim=0, value=...)` around what the physical tensor shows."""
    if is_legacy(tensor._level):  # which asks whether elements are finite
        raise RuntimeError(_LEGACY.format("is_nonzero"))
    batches = []
    while type(tensor) is BatchedTensor:
        batches.append(tensor._level)
        tensor = tensor._physical
    return tensor_repr(tensor, batches=batches)


def _refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise of_batches_only(RuntimeError(_NO_MEMORY))


def _no_storage(self: Any, *args: Any) -> Any:
    raise of_batches_only(NotImplementedError("Cannot access storage of BatchedTensorImpl"))


def _format(self: Any, spec: str) -> str:
    return format(self.item(), spec) if self._rank == 0 else representation(self)


def _itself(self: Any, cls: Any) -> Any:
    return self


def wrap_below(gradient: Any, level: int) -> Any:
    """A physical gradient batched at a level, below those of rows that a pass gives it (`derivatives.Rows`)."""
    if type(gradient) is not BatchedTensor or gradient._level < level:
        return wrap(gradient, level)
    return wrap(wrap_below(gradient._physical.transpose(0, 1), level), gradient._level)


def physical_below(found: Any, level: int, size: int) -> Any:
    """The inverse of `wrap_below`, also of what is not batched at the level."""
    if type(found) is not BatchedTensor or found._level <= level:
        return physical_of(found, level, size)
    return wrap(physical_below(found._physical, level, size).transpose(0, 1), found._level)


def _register_hook(self: Any, hook: Any) -> Any:
    """The hook sees the gradient of a sample, when that of the physical tensor passes."""
    level, size = self._level, self._physical.shape[0]

    def of_samples(gradient: Any) -> Any:
        found = hook(wrap_below(gradient, level))
        return found if found is None else physical_below(found, level, size)

    if not self.requires_grad:
        return Tensor.register_hook(self, hook)
    return self._physical.register_hook(of_samples)


# Methods that are Python, which do not ask for overrides.
for _names, _method in (
    ("numpy __array__", _refuse),
    (
        "__deepcopy__ __reduce_ex__ untyped_storage storage _typed_storage is_shared share_memory_",
        _no_storage,
    ),
    ("__repr__ __str__", representation),
    ("__format__", _format),
    # Also where overrides are off: nobody may read the element that is there.
    ("__index__", lambda self: dispatch(Tensor.__index__, (self,), {})),
    ("__float__", lambda self: dispatch(Tensor.__float__, (self,), {})),
    ("as_subclass", _itself),
    ("register_hook", _register_hook),
):
    for _name in _names.split():
        setattr(BatchedTensor, _name, _method)
