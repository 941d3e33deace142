"""What runs in a worker process: `worker_loop`.

A worker reads tasks from one pipe and writes replies to another. A thread does the writing, so
that the worker is always ready to read: if both sides could wait to write, they could wait for
each other. The worker ends when told to, or when the other end of its task pipe is gone.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import whygrad

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["WorkerInfo", "get_worker_info"]


class WorkerInfo:
    """What `get_worker_info` tells a worker about itself."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any
    worker_method: str

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Number, seed and dataset copy of this worker; None outside of one."""
    return _worker_info


class WorkerError(NamedTuple):
    """An exception of a worker, as type and text."""

    type: Any
    text: str

    def reraise(self) -> None:
        """Raise the same type again, with the worker's traceback as message."""
        if self.type is KeyError:
            raise KeyError(_Verbatim(self.text))
        try:
            error = self.type(self.text)
        except Exception:
            # The type takes other arguments than a message.
            raise RuntimeError(self.text) from None
        raise error


class _Verbatim(str):
    """A text that a KeyError, which prints the repr of its key, prints as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Settings(NamedTuple):
    """What a worker is started with."""

    iterable: bool
    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    base_seed: int
    worker_id: int
    num_workers: int
    init_fn: Callable[[int], None] | None


class Restart(NamedTuple):
    """A task: start over, for the next pass of persistent workers."""

    epoch: int


# Kinds of reply.
DATA, END, ERROR = range(3)


def _seed_everything(settings: Settings) -> int:
    import random

    import numpy as np

    seed = settings.base_seed + settings.worker_id
    random.seed(seed)
    whygrad.manual_seed(seed)
    # numpy seeds have 32 bits: consecutive ones would be correlated, so they are hashed.
    entropy = [settings.worker_id, settings.base_seed]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))
    return seed


def _error_reply(worker_id: int, error: Exception) -> tuple[int, Any]:
    where = f"in DataLoader worker process {worker_id}"
    text = f"Caught {type(error).__name__} {where}.\nOriginal {traceback.format_exc()}"
    return ERROR, WorkerError(type(error), text)


def worker_loop(
    settings: Settings, tasks: Connection, replies: Connection, inherited: list[Connection]
) -> None:
    """Serve tasks until told to stop.

    Args:
        settings: what to read, and how.
        tasks: gives (number, index), Restart or None.
        replies: takes (number, kind, content).
        inherited: ends of pipes that only the parent should hold; a fork copies them.
    """
    from . import transport
    from .fetch import create_fetcher

    for connection in inherited:
        connection.close()

    outbox: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()

    def write() -> None:
        try:
            while True:
                transport.send(replies, outbox.get())
        except (BrokenPipeError, ConnectionResetError):
            pass

    def reply(number: int, kind: int, content: Any) -> None:
        try:
            messages = transport.pack((number, kind, content))
        except Exception as error:
            kind, failure = _error_reply(settings.worker_id, error)
            try:
                messages = transport.pack((number, kind, failure))
            except Exception:
                # The exception's type cannot be pickled either.
                failure = WorkerError(RuntimeError, failure.text)
                messages = transport.pack((number, kind, failure))
        outbox.put(messages)

    fetcher: Any = None
    # What every task is answered with until the next pass: a failed start, or the end.
    standing: tuple[int, Any] | None = None

    def start() -> None:
        nonlocal fetcher, standing
        try:
            fetcher = create_fetcher(
                settings.iterable,
                settings.dataset,
                settings.batched,
                settings.collate_fn,
                settings.drop_last,
            )
            standing = None
        except Exception as error:
            standing = _error_reply(settings.worker_id, error)

    try:
        whygrad.set_num_threads(1)
        seed = _seed_everything(settings)
        global _worker_info
        _worker_info = WorkerInfo(
            id=settings.worker_id,
            num_workers=settings.num_workers,
            seed=seed,
            dataset=settings.dataset,
            rng=None,
            worker_method="multiprocessing",
        )
        threading.Thread(target=write, daemon=True).start()
        try:
            if settings.init_fn is not None:
                settings.init_fn(settings.worker_id)
        except Exception as error:
            standing = _error_reply(settings.worker_id, error)
        else:
            start()

        while True:
            task = tasks.recv()
            if task is None:
                return
            if isinstance(task, Restart):
                start()
                reply(task.epoch, END, None)
                continue
            number, index = task
            if standing is not None:
                reply(number, *standing)
                continue
            try:
                kind, content = DATA, fetcher.fetch(index)
            except Exception as error:
                if isinstance(error, StopIteration) and settings.iterable:
                    kind, content = standing = END, None
                else:
                    kind, content = _error_reply(settings.worker_id, error)
            reply(number, kind, content)
    except (EOFError, KeyboardInterrupt):
        # The parent is gone, or says so itself.
        return
