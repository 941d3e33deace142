"""`DataLoader`: samples of a dataset, in batches, read here or by worker processes.

Start at `DataLoader.__iter__`. `_SingleProcessDataLoaderIter` reads here;
`_MultiProcessingDataLoaderIter` hands out tasks and collects replies (`_utils/worker.py`).
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import whygrad

from ._utils.collate import default_collate, default_convert
from ._utils.fetch import create_fetcher
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
# Seconds that a worker gets to end by itself.
_PATIENCE = 5.0


def get_worker_info() -> Any:
    """Number, seed and dataset copy of this worker process; None outside of one."""
    # Imported when asked for: a program without workers never loads multiprocessing.
    from ._utils import worker

    return worker.get_worker_info()


class _InfiniteConstantSampler(Sampler[None]):
    """Yields None for ever: an iterable-style dataset has no keys."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches.

    Args:
        dataset: map style (`__getitem__`) or iterable style (IterableDataset).
        batch_size: samples in a batch; None gives the samples themselves.
        shuffle: draw the order anew for each pass.
        sampler: the order, instead of `shuffle`.
        batch_sampler: the keys of each batch, instead of all of the above and `drop_last`.
        num_workers: processes that read; 0 reads in this one.
        collate_fn: makes a batch of a list of samples.
        pin_memory: accepted; there is no device whose copies would profit.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker; 0 waits for ever.
        worker_init_fn: called in each worker with its number.
        multiprocessing_context: how workers are started: a context, or its name.
        generator: of random numbers, for the order and for the workers' seeds.
        prefetch_factor: batches that each worker is ahead; 2 when left out.
        persistent_workers: keep the workers between passes.
        pin_memory_device: accepted, see `pin_memory`.
        in_order: give batches in their order; otherwise as workers finish them.
    """

    dataset: Dataset[T_co]
    batch_size: int | None
    num_workers: int
    sampler: Any
    _iterator: Any = None
    __initialized = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing.let "
                "num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        elif prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")

        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order

        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            for name, value, unset in (
                ("shuffle", shuffle, shuffle in (False, None)),
                ("sampler", sampler, sampler is None),
                ("batch_sampler", batch_sampler, batch_sampler is None),
            ):
                if not unset:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, "
                        f"but got {name}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )

        if sampler is None:
            if self._iterable:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)  # type: ignore[arg-type]
            else:
                sampler = SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)  # type: ignore[arg-type]
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._batched else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._reported_length: int | None = None
        self.__initialized = True
        self._warn_about_too_many_workers()

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started; None is the default of Python."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            import multiprocessing
            from multiprocessing.context import BaseContext

            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{methods!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string "
                    "specifying the start method, but got "
                    f"multiprocessing_context={context}"
                )
        self.__multiprocessing_context = context

    def __setattr__(self, attr: str, val: Any) -> None:
        if self.__initialized and attr in _FIXED:
            raise ValueError(
                f"{attr} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(attr, val)

    @property
    def _batched(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        """What yields one key, or one list of keys, for each step."""
        return self.batch_sampler if self._batched else self.sampler

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self._warn_about_too_many_workers()
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self) -> _BaseDataLoaderIter:
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        # The dataset's own word, which __next__ compares with what it yields.
        length = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        if self.drop_last:
            return length // self.batch_size
        return -(-length // self.batch_size)

    def _warn_about_too_many_workers(self) -> None:
        if not self.num_workers:
            return
        try:
            cores = len(os.sched_getaffinity(0))
        except AttributeError:  # not on Linux
            cores = os.cpu_count() or self.num_workers
        if self.num_workers > cores:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our "
                f"suggested max number of worker in current system is {cores}, which is smaller "
                "than what this DataLoader is going to create. Please be aware that excessive "
                "worker creation might get DataLoader running slow or even freeze, lower the "
                "worker number to avoid potential slowness/freeze if necessary.",
                stacklevel=3,
            )


class _BaseDataLoaderIter:
    """One pass over a DataLoader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._sampler_iter = iter(loader._index_sampler)
        # Drawn even without workers: a seed stands for the same order either way.
        self._base_seed = (
            whygrad.empty((), dtype=whygrad.int64).random_(generator=loader.generator).item()
        )
        self._num_yielded = 0
        # As it is now: list() asks for the length after it has made the iterator.
        self._reported_length = loader._reported_length
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                stacklevel=5,
            )

    def __iter__(self) -> Any:
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Start the next pass."""
        self._sampler_iter = iter(loader._index_sampler)
        self._num_yielded = 0

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        data = self._next_data()
        self._num_yielded += 1
        length = self._reported_length
        if length is not None and self._num_yielded > length:
            message = (
                f"Length of IterableDataset {self._loader.dataset} was reported to be {length}"
                "(when accessing len(dataloader)), but "
                f"{self._num_yielded} samples have been fetched. "
            )
            if self._loader.num_workers > 0:
                message += (
                    "For multiprocessing data-loading, this could be caused by not properly "
                    "configuring the IterableDataset replica at each worker. Please see "
                    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset "
                    "for examples."
                )
            warnings.warn(message, stacklevel=2)
        return data

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Reads in this process."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        super().__init__(loader)
        self._fetcher = create_fetcher(
            loader._iterable,
            loader.dataset,
            loader._batched,
            loader.collate_fn,
            loader.drop_last,
        )

    def _next_data(self) -> Any:
        return self._fetcher.fetch(next(self._sampler_iter))


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, context: Any, settings: Any, others: list[_Worker], forked: bool) -> None:
        from ._utils.worker import worker_loop

        task_reader, self.tasks = context.Pipe(duplex=False)
        self.replies, reply_writer = context.Pipe(duplex=False)
        # A forked child holds copies of all open pipes; it closes those that are ours, or no
        # worker would notice that we are gone.
        inherited = []
        if forked:
            for worker in (*others, self):
                inherited += [worker.tasks, worker.replies]
        self.process = context.Process(
            target=worker_loop, args=(settings, task_reader, reply_writer, inherited), daemon=True
        )
        self.process.start()
        task_reader.close()
        reply_writer.close()
        self.active = True
        self.outstanding = 0


def _stop_workers(workers: list[_Worker], owner: int) -> None:
    """End all processes: ask, wait, then end by force."""
    if os.getpid() != owner:
        # A forked child got a copy of this object; the processes are not its own.
        return
    for worker in workers:
        # Closed pipes are the request: a worker that is waiting reads the end of the file.
        worker.tasks.close()
        worker.replies.close()
    for worker in workers:
        worker.process.join(timeout=_PATIENCE)
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join(timeout=_PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
    workers.clear()


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Hands out numbered tasks to workers in turn, and gives their replies in order."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        import multiprocessing
        import weakref

        from ._utils.worker import Settings

        context = loader.multiprocessing_context or multiprocessing.get_context()
        forked = context.get_start_method() == "fork"
        self._workers: list[_Worker] = []
        # Runs when this object dies and at exit, whichever comes first.
        self._stop = weakref.finalize(self, _stop_workers, self._workers, os.getpid())
        for worker_id in range(loader.num_workers):
            settings = Settings(
                loader._iterable,
                loader.dataset,
                loader._batched,
                loader.collate_fn,
                loader.drop_last,
                self._base_seed,
                worker_id,
                loader.num_workers,
                loader.worker_init_fn,
            )
            self._workers.append(_Worker(context, settings, self._workers, forked))
        self._epoch = 0
        self._start_pass()

    def _start_pass(self) -> None:
        self._turn = itertools.cycle(range(len(self._workers)))
        self._sent = 0  # number of the next task
        self._given = 0  # number of the next reply to give
        self._arrived: dict[int, tuple[int, Any]] = {}
        ahead = self._loader.prefetch_factor or 0
        for _ in range(ahead * len(self._workers)):
            self._send_task()

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Start the next pass of persistent workers."""
        super()._reset(loader)
        if not self._workers:
            raise RuntimeError("the workers of this DataLoader have ended after an error")
        from ._utils.worker import Restart

        # Replies to an unfinished pass come before the answer to the restart; drop them.
        self._epoch -= 1
        for worker in self._workers:
            self._send(worker, Restart(self._epoch))
        waiting = set(self._workers)
        while waiting:
            worker, number, _, _ = self._receive(waiting)
            if number == self._epoch:
                waiting.remove(worker)
                worker.active = True
                worker.outstanding = 0
        self._start_pass()

    def _send(self, worker: _Worker, task: Any) -> None:
        try:
            worker.tasks.send(task)
        except (BrokenPipeError, ConnectionResetError):
            self._fail_dead([worker])

    def _send_task(self) -> None:
        """Give the next task to the next worker that is not at its end."""
        limit = self._loader.prefetch_factor or 1
        for _ in range(len(self._workers)):
            worker = self._workers[next(self._turn)]
            if worker.active and (self._loader.in_order or worker.outstanding < limit):
                break
        else:
            return
        try:
            index = next(self._sampler_iter)
        except StopIteration:
            return
        self._send(worker, (self._sent, index))
        worker.outstanding += 1
        self._sent += 1

    def _fail_dead(self, dead: list[_Worker]) -> None:
        pids = ", ".join(str(worker.process.pid) for worker in dead)
        self._stop()
        self._given = self._sent
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly")

    def _receive(self, workers: Iterable[_Worker]) -> tuple[_Worker, int, int, Any]:
        """The next reply of any of `workers`; raises if one has died, or after the timeout."""
        from multiprocessing.connection import wait

        from ._utils import transport

        by_pipe = {worker.replies: worker for worker in workers}
        by_sentinel = {worker.process.sentinel: worker for worker in workers}
        timeout = self._loader.timeout
        ready = wait([*by_pipe, *by_sentinel], timeout=timeout if timeout > 0 else None)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
        # A worker that has died may still have sent something before.
        for item in ready:
            worker = by_pipe.get(item)
            if worker is not None:
                try:
                    return (worker, *transport.receive(worker.replies))
                except (EOFError, OSError):
                    self._fail_dead([worker])
        self._fail_dead([by_sentinel[item] for item in ready])
        raise AssertionError("unreachable")

    def _take(self, number: int | None) -> tuple[int, Any]:
        """The reply to task `number`, or to any task if None."""
        from ._utils.worker import END

        while number not in self._arrived:
            worker, answered, kind, content = self._receive(self._workers)
            worker.outstanding -= 1
            if kind == END:
                worker.active = False
            if number is None:
                return kind, content
            self._arrived[answered] = (kind, content)
        return self._arrived.pop(number)

    def _next_data(self) -> Any:
        from ._utils.worker import DATA, ERROR

        while True:
            if self._given == self._sent:
                if not self._loader.persistent_workers:
                    self._stop()
                raise StopIteration
            kind, content = self._take(self._given if self._loader.in_order else None)
            self._given += 1
            self._send_task()
            if kind == DATA:
                return content
            if kind == ERROR:
                content.reraise()
