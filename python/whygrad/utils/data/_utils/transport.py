"""Batches between processes: pickled, with the elements of tensors beside the pickle.

Start at `pack`, `send` and `receive`. A tensor travels as a numpy array, whose memory pickle hands
over as a separate buffer, so it is copied once into the pipe and once out of it.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

import whygrad
from whygrad import Tensor

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Smaller buffers stay in the pickle: a message of their own would cost more than the copy.
_SEPARATE_FROM = 4096


def _rebuild_tensor(array: Any, dtype_name: str, requires_grad: bool) -> Tensor:
    tensor = whygrad.from_numpy(array)
    if dtype_name == "bfloat16":
        tensor = tensor.to(whygrad.bfloat16)
    return tensor.requires_grad_() if requires_grad else tensor


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not Tensor:
            return NotImplemented
        if obj.requires_grad and not obj.is_leaf:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since "
                "autograd does not support crossing process boundaries.  If you just want to "
                "transfer the data, call detach() on the tensor before serializing (e.g., putting "
                "it on the queue)."
            )
        plain = obj.detach()
        dtype_name = str(obj.dtype).rpartition(".")[2]
        if dtype_name == "bfloat16":
            # numpy has no such type: float32 holds the same values.
            plain = plain.to(whygrad.float32)
        # A view would take all of its storage along.
        array = np.ascontiguousarray(plain.numpy(force=True)).reshape(tuple(obj.shape))
        return _rebuild_tensor, (array, dtype_name, obj.requires_grad)


def pack(obj: Any) -> list[Any]:
    """`obj` as messages for `send`; raises what pickling it raises."""
    buffers: list[Any] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _SEPARATE_FROM:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=keep_inside).dump(obj)
    return [stream.getbuffer(), *buffers]


def send(connection: Connection, messages: list[Any]) -> None:
    """Send what `pack` returned."""
    connection.send_bytes(pickle.dumps([message.nbytes for message in messages]))
    for message in messages:
        connection.send_bytes(message)


def receive(connection: Connection) -> Any:
    """The next object that the other side sent; EOFError or OSError if it is gone."""
    sizes = pickle.loads(connection.recv_bytes())
    content = connection.recv_bytes()
    buffers = []
    for size in sizes[1:]:
        buffer = np.empty(size, dtype=np.uint8)
        connection.recv_bytes_into(buffer)
        buffers.append(buffer)
    return pickle.loads(content, buffers=buffers)
