"""Storages: the memory of tensors as objects.

`UntypedStorage` is bytes, `TypedStorage` (deprecated) the same memory as elements of a dtype.
Tensors that share memory have the same storage object.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from . import _C

__all__ = [
    "TypedStorage",
    "UntypedStorage",
]

_REMOVAL = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
    "only storage class. This should only matter to you if you are using storages directly.  To "
    "access UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)
_CONVERSIONS = {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16",
    "long": "int64", "int": "int32", "short": "int16", "char": "int8", "byte": "uint8",
    "bool": "bool", "complex_float": "complex64", "complex_double": "complex128",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _CONVERSIONS.items()}


class UntypedStorage(_C.StorageBase):
    """The bytes that one or more tensors share.

    `UntypedStorage()`, `UntypedStorage(nbytes)` and `UntypedStorage(list of bytes)` make new ones.
    """

    def __new__(cls, *args: Any, device: Any = None) -> UntypedStorage:
        """Memory of a size, or of the values given."""
        if not args:
            values = _C.empty(0, dtype=_C.uint8)
        elif len(args) == 1 and isinstance(args[0], int):
            values = _C.empty(args[0], dtype=_C.uint8)
        elif len(args) == 1 and isinstance(args[0], Sequence):
            for item in args[0]:
                if not isinstance(item, int):
                    kinds = type(args[0]).__name__, type(item).__name__
                    raise RuntimeError(
                        "torch.UntypedStorage(): tried to construct a storage from a sequence "
                        f"({kinds[0]}), but one of the items was of type {kinds[1]} instead of int"
                    )
            values = _C.tensor(list(args[0]), dtype=_C.uint8)
        else:
            got = ", ".join(type(a).__name__ for a in args)
            raise TypeError(
                f"torch.UntypedStorage() received an invalid combination of arguments - got ({got})"
            )
        return _C._storage_of(values)

    @property
    def device(self) -> Any:
        """Where the memory is: the CPU."""
        return _C.device("cpu")

    is_cuda = is_hpu = is_sparse = is_sparse_csr = False

    def size(self) -> int:
        """Number of bytes."""
        return self.nbytes()

    def element_size(self) -> int:
        """1."""
        return 1

    def untyped(self) -> UntypedStorage:
        """The memory as bytes."""
        return self

    def get_device(self) -> int:
        """-1: no GPU."""
        return -1

    def __len__(self) -> int:
        return self.nbytes()

    def __getitem__(self, index: Any) -> Any:
        values = self._bytes()
        if isinstance(index, slice):
            return _C._storage_of(values[index].clone())
        return values[_checked(index, len(self))].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._bytes().data[index if isinstance(index, slice) else _checked(index, len(self))] = (
            value
        )

    def __iter__(self) -> Any:
        return iter(self.tolist())

    def tolist(self) -> list[int]:
        """The elements as a list."""
        return self._bytes().tolist()

    def clone(self) -> UntypedStorage:
        """A copy with memory of its own."""
        return _C._storage_of(self._bytes().clone())

    def copy_(self, source: Any, non_blocking: Any = None) -> UntypedStorage:
        """Takes the bytes of a storage of the same size."""
        if isinstance(source, TypedStorage):
            source = source._untyped_storage
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"size does not match, self was {self.nbytes()} bytes "
                f"but src was {source.nbytes()} bytes"
            )
        self._bytes().data.copy_(source._bytes())
        return self

    def fill_(self, value: int) -> UntypedStorage:
        """Sets every element."""
        self._bytes().data.fill_(value)
        return self

    def type(self) -> str:
        """The name of the class."""
        return "torch.storage.UntypedStorage"

    def new(self) -> UntypedStorage:
        """An empty storage."""
        return UntypedStorage()

    def cpu(self) -> UntypedStorage:
        """The storage itself."""
        return self

    def is_pinned(self, device: Any = None) -> bool:
        """Whether the memory is page-locked: never."""
        return False

    def __copy__(self) -> UntypedStorage:
        return self.clone()

    def __deepcopy__(self, memo: dict) -> UntypedStorage:
        memo = memo.setdefault("torch", {})
        if self._cdata not in memo:
            memo[self._cdata] = self.clone()
        return memo[self._cdata]

    def __reduce__(self) -> tuple:
        return _restored, (bytes(self.tolist()),)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def __repr__(self) -> str:
        return _described(self, self.tolist(), "torch.storage.UntypedStorage")


def _restored(data: bytes) -> UntypedStorage:
    return UntypedStorage(list(data))


def _described(storage: Any, values: list, name: str) -> str:
    rows = "".join(f" {value}\n" for value in values)
    return f"{rows}[{name}(device={storage.device}) of size {len(values)}]"


def _checked(index: Any, size: int) -> int:
    index = index.__index__()
    if not -size <= index < size:
        raise IndexError(f"index {index} out of range for storage of size {size}")
    return index


for _name, _dtype in _CONVERSIONS.items():

    def _convert(self: Any, _dtype: str = _dtype) -> TypedStorage:
        values = self._values() if isinstance(self, TypedStorage) else self._bytes()
        kind = getattr(_C, _dtype)
        return TypedStorage(wrap_storage=_C._storage_of(values.to(kind, copy=True)), dtype=kind)

    _convert.__name__ = _name
    setattr(UntypedStorage, _name, _convert)


_warned = False


def _warn() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(_REMOVAL, UserWarning, stacklevel=3)


class TypedStorage:
    """Memory as elements of a dtype; deprecated, see `UntypedStorage`."""

    dtype: Any = None
    _untyped_storage: UntypedStorage

    def __new__(
        cls,
        *args: Any,
        wrap_storage: Any = None,
        dtype: Any = None,
        device: Any = None,
        _internal: bool = False,
    ) -> TypedStorage:
        """Memory of a size, of the values given, or that of another storage."""
        if not _internal:
            _warn()
        self = object.__new__(TypedStorage)
        self.dtype = dtype or cls.dtype or _C.get_default_dtype()
        if wrap_storage is not None:
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(
                    f"Argument 'wrap_storage' must be UntypedStorage, but got {type(wrap_storage)}"
                )
            self._untyped_storage = wrap_storage
        elif args and isinstance(args[0], int):
            self._untyped_storage = _C._storage_of(_C.empty(args[0], dtype=self.dtype))
        else:
            data = list(args[0]) if args else []
            self._untyped_storage = _C._storage_of(_C.tensor(data, dtype=self.dtype))
        return self

    def _values(self) -> Any:
        """The elements as a tensor over the same memory."""
        empty = _C.empty(0, dtype=self.dtype)
        size = self._untyped_storage.nbytes() // empty.element_size()
        return empty.set_(self._untyped_storage, 0, (size,))

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    @property
    def device(self) -> Any:
        """Where the memory is: the CPU."""
        return self._untyped_storage.device

    is_cuda = is_hpu = is_sparse = False

    def untyped(self) -> UntypedStorage:
        """The memory as bytes."""
        _warn()
        return self._untyped_storage

    def size(self) -> int:
        """Number of elements."""
        _warn()
        return self._values().numel()

    def nbytes(self) -> int:
        """Size in bytes."""
        _warn()
        return self._untyped_storage.nbytes()

    def element_size(self) -> int:
        """Bytes of an element."""
        _warn()
        return self._values().element_size()

    def data_ptr(self) -> int:
        """Address of the first byte."""
        _warn()
        return self._untyped_storage.data_ptr()

    def get_device(self) -> int:
        """-1: no GPU."""
        _warn()
        return -1

    def __len__(self) -> int:
        _warn()
        return self._values().numel()

    def __getitem__(self, index: Any) -> Any:
        _warn()
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        values = self._values()
        return values[_checked(index, values.numel())].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        _warn()
        values = self._values().data
        values[index if isinstance(index, slice) else _checked(index, values.numel())] = value

    def __iter__(self) -> Any:
        return iter(self._values().tolist())

    def tolist(self) -> list:
        """The elements as a list."""
        _warn()
        return self._values().tolist()

    def clone(self) -> TypedStorage:
        """A copy with memory of its own."""
        _warn()
        return self._same(self._untyped_storage.clone())

    def _same(self, storage: UntypedStorage) -> TypedStorage:
        return TypedStorage(wrap_storage=storage, dtype=self.dtype, _internal=True)

    def copy_(self, source: Any, non_blocking: Any = None) -> TypedStorage:
        """Takes the elements of a typed storage of the same size."""
        _warn()
        self._values().data.copy_(source._values())
        return self

    def fill_(self, value: Any) -> TypedStorage:
        """Sets every element."""
        _warn()
        self._values().data.fill_(value)
        return self

    def resize_(self, size: int) -> TypedStorage:
        """Changes the number of elements; the beginning keeps its values."""
        _warn()
        self._untyped_storage.resize_(size * self._values().element_size())
        return self

    def resizable(self) -> bool:
        """Whether the memory may be replaced by more of it."""
        _warn()
        return self._untyped_storage.resizable()

    def cpu(self) -> TypedStorage:
        """The storage itself."""
        _warn()
        return self

    def is_pinned(self, device: Any = None) -> bool:
        """Whether the memory is page-locked: never."""
        _warn()
        return False

    def is_shared(self) -> bool:
        """Whether forked processes share the memory."""
        _warn()
        return self._untyped_storage.is_shared()

    def share_memory_(self) -> TypedStorage:
        """Moves the elements to memory that processes forked from now on share."""
        _warn()
        self._untyped_storage.share_memory_()
        return self

    def type(self, dtype: Any = None) -> Any:
        """The name of the legacy type, or the values as another one."""
        _warn()
        if dtype is None:
            return f"torch.{_legacy_name(self.dtype)}"
        return getattr(self, _NAMES[str(dtype).removeprefix("torch.")])()

    def pickle_storage_type(self) -> str:
        """The name of the legacy class."""
        _warn()
        return _legacy_name(self.dtype)

    def __copy__(self) -> TypedStorage:
        return self.clone()

    def __deepcopy__(self, memo: dict) -> TypedStorage:
        return self._same(self._untyped_storage.__deepcopy__(memo))

    def __reduce__(self) -> tuple:
        return _restored_typed, (self._untyped_storage, self.dtype)

    def __repr__(self) -> str:
        _warn()
        name = "torch.storage.TypedStorage"
        return _described(self, self._values().tolist(), name).replace(
            "(device", f"(dtype={self.dtype}, device"
        )


def _restored_typed(storage: UntypedStorage, dtype: Any) -> TypedStorage:
    return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


for _name in _CONVERSIONS:
    setattr(TypedStorage, _name, getattr(UntypedStorage, _name))


class _LegacyStorageMeta(type):
    """Of `FloatStorage` and its like: a typed storage of their dtype is an instance."""

    dtype: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype == cls.dtype

    def __call__(cls, *args: Any, **options: Any) -> TypedStorage:
        return TypedStorage(*args, dtype=cls.dtype, **options)


def _legacy_name(dtype: Any) -> str:
    name = _NAMES[str(dtype).removeprefix("torch.")]
    return ("BFloat16" if name == "bfloat16" else name.title().replace("_", "")) + "Storage"


def _legacy_class(name: str, dtype: Any) -> _LegacyStorageMeta:
    doc = f"Typed storages of {str(dtype).removeprefix('torch.')}."
    return _LegacyStorageMeta(name, (), {"dtype": dtype, "__module__": "torch", "__doc__": doc})


FloatStorage = _legacy_class("FloatStorage", _C.float32)
DoubleStorage = _legacy_class("DoubleStorage", _C.float64)
HalfStorage = _legacy_class("HalfStorage", _C.float16)
BFloat16Storage = _legacy_class("BFloat16Storage", _C.bfloat16)
LongStorage = _legacy_class("LongStorage", _C.int64)
IntStorage = _legacy_class("IntStorage", _C.int32)
ShortStorage = _legacy_class("ShortStorage", _C.int16)
CharStorage = _legacy_class("CharStorage", _C.int8)
ByteStorage = _legacy_class("ByteStorage", _C.uint8)
BoolStorage = _legacy_class("BoolStorage", _C.bool)
ComplexFloatStorage = _legacy_class("ComplexFloatStorage", _C.complex64)
ComplexDoubleStorage = _legacy_class("ComplexDoubleStorage", _C.complex128)
Storage = FloatStorage
_legacy_types = {
    kind.dtype: kind
    for kind in (
        FloatStorage,
        DoubleStorage,
        HalfStorage,
        BFloat16Storage,
        LongStorage,
        IntStorage,
        ShortStorage,
        CharStorage,
        ByteStorage,
        BoolStorage,
        ComplexFloatStorage,
        ComplexDoubleStorage,
    )
}
_C._set_storage_class(UntypedStorage)
