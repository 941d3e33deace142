"""Datasets, samplers and the DataLoader: equal orders and batches, and workers that fail well."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from nn.engines import agree, failure, plain

Point = namedtuple("Point", "x y")


def seeded(torch, seed=3):
    return torch.Generator().manual_seed(seed)


def numbers(torch, n=7):
    x = torch.arange(n)
    return torch.utils.data.TensorDataset(x, x * 2.5)


def counting(torch, length=7):
    class Counting(torch.utils.data.IterableDataset):
        def __iter__(self):
            info = torch.utils.data.get_worker_info()
            start = 0 if info is None else info.id * 10
            return iter(range(start, start + length))

    return Counting()


# -- datasets and samplers ----------------------------------------------------------------------


def test_datasets():
    def case(torch):
        D = torch.utils.data
        ds, x = numbers(torch), torch.arange(5)
        both = ds + ds
        subset = D.Subset(ds, [1, 2, 5])
        stacked = D.StackDataset(ds, range(7)), D.StackDataset(a=ds, b=range(7))
        iterable = counting(torch)
        attempts = [
            lambda: D.TensorDataset(x, x[:2]),
            lambda: D.ConcatDataset([]),
            lambda: D.ConcatDataset([iterable]),
            lambda: both[-15],
            lambda: D.Dataset()[0],
            lambda: len(D.Dataset()),
            lambda: len(iterable),
            lambda: D.StackDataset(),
            lambda: D.StackDataset(ds, range(3)),
            lambda: D.StackDataset(ds, a=ds),
            lambda: list(D.ChainDataset([ds])),
        ]
        return [
            [ds[1], len(ds), both[-1], both[8], len(both), both.cumulative_sizes],
            [subset[1], subset[[0, 2]], subset.__getitems__([0, 2]), len(subset)],
            [stacked[0][2], stacked[1][2], list(iterable + iterable)],
            [failure(attempt) for attempt in attempts],
        ]

    agree(case)


@pytest.mark.parametrize("lengths", [[4, 3], [0.5, 0.3, 0.2], [2, 2], [0.5, 0.2], [0.5, -0.5, 1]])
def test_random_split(lengths):
    def case(torch):
        split = torch.utils.data.random_split
        parts = split(numbers(torch), lengths), split(range(7), lengths, generator=seeded(torch))
        return [[list(part.indices) for part in group] for group in parts], torch.rand(1)

    agree(case)


def test_empty_split_warns():
    agree(lambda torch: len(torch.utils.data.random_split(range(1), [0.5, 0.5])))


def test_samplers():
    def case(torch):
        D = torch.utils.data
        weights = [0.1, 0.2, 0.7]
        samplers = [
            D.SequentialSampler(range(4)),
            D.RandomSampler(range(9)),
            D.RandomSampler(range(9), generator=seeded(torch)),
            D.RandomSampler(range(5), num_samples=12, generator=seeded(torch)),
            D.RandomSampler(range(5), num_samples=10, generator=seeded(torch)),
            D.RandomSampler(range(5), True, num_samples=40, generator=seeded(torch)),
            D.SubsetRandomSampler([3, 4, 5], generator=seeded(torch)),
            D.WeightedRandomSampler(weights, 6, generator=seeded(torch)),
            D.WeightedRandomSampler(weights, 3, False, generator=seeded(torch)),
            D.BatchSampler(range(5), 2, True),
            D.BatchSampler(D.SequentialSampler(range(5)), 2, False),
        ]
        return [(list(s), len(s), list(s)) for s in samplers], torch.rand(1)

    agree(case)


def test_generator_after_sampling():
    def case(torch):
        generator = seeded(torch)
        list(torch.utils.data.RandomSampler(range(5), num_samples=10, generator=generator))
        return torch.rand(2, generator=generator)

    agree(case)


def test_bad_samplers():
    def case(torch):
        D = torch.utils.data
        attempts = [
            lambda: D.RandomSampler(range(3), num_samples=-1),
            lambda: D.RandomSampler(range(3), replacement=3),
            lambda: D.RandomSampler([]),
            lambda: D.WeightedRandomSampler([[0.1]], 3),
            lambda: D.WeightedRandomSampler([0.1], 0),
            lambda: D.WeightedRandomSampler([0.1], 2, 3),
            lambda: D.BatchSampler([1], 0, False),
            lambda: D.BatchSampler([1], 1, 3),
            lambda: len(D.Sampler()),
            lambda: iter(D.Sampler()),
        ]
        return [failure(attempt) for attempt in attempts]

    agree(case)


# -- collating ----------------------------------------------------------------------------------


def batches(torch):
    return {
        "tensors": [torch.ones(2), torch.zeros(2)],
        "floats": [1.5, 2],
        "ints": [1, 2],
        "mixed": [1, 2.5],
        "bools": [True, False],
        "strings": ["a", "b"],
        "bytes": [b"a"],
        "arrays": [np.ones(2), np.zeros(2)],
        "0-d arrays": [np.array(1.5), np.array(2.0)],
        "numpy floats": [np.float32(2), np.float32(3)],
        "numpy ints": [np.int64(2), np.int64(3)],
        "tuples": [(1, 2.0, "x"), (3, 4.0, "y")],
        "lists": [[1, torch.ones(1)], [2, torch.ones(1)]],
        "dicts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        "ordered": [OrderedDict(a=1), OrderedDict(a=3)],
        "named": [Point(1, 2), Point(3, 4)],
        "nested": [{"a": [(1, 2)]}, {"a": [(3, 4)]}],
        "unequal": [[1], [2, 3]],
        "sets": [{1}, {2}],
        "nones": [None, None],
        "text arrays": [np.array("x")],
        "missing key": [{"a": 1}, {"b": 2}],
        "empty": [],
        "shapes": [torch.ones(2), torch.ones(3)],
        "ranges": [range(2), range(2)],
    }


@pytest.mark.parametrize("name", list(batches(__import__("torch"))))
def test_collate(name):
    agree(lambda torch: torch.utils.data.default_collate(batches(torch)[name]))


def test_convert():
    def case(torch):
        convert = torch.utils.data.default_convert
        values = [np.ones(2), (1, "s", np.float64(3)), Point(1, np.ones(1)), {"a": np.array(1)}]
        return [convert(v) for v in values], convert(values), convert("abc"), convert(np.array("a"))

    agree(case)


# -- loading ------------------------------------------------------------------------------------

OPTIONS = [
    {"batch_size": 2, "shuffle": True},
    {"batch_size": 3, "drop_last": True},
    {"batch_size": None},
    {"batch_size": None, "shuffle": True},
    {"batch_sampler": [[0, 2], [1]]},
    {"sampler": [3, 1, -1], "batch_size": 2},
    {},
]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_batches(options, workers):
    def case(torch):
        D = torch.utils.data
        loader = D.DataLoader(numbers(torch), num_workers=workers, **options)
        again = D.DataLoader(
            numbers(torch), num_workers=workers, generator=seeded(torch), **options
        )
        return list(loader), list(loader), len(loader), list(again), torch.rand(1)

    agree(case)


def test_batches_of_a_subset():
    def case(torch):
        D = torch.utils.data
        part, _ = D.random_split(numbers(torch), [5, 2])
        nested = D.Subset(part, [4, 0, 1])
        return [list(D.DataLoader(d, batch_size=2, shuffle=True)) for d in (part, nested)]

    agree(case)


def test_batches_keep_gradients():
    def case(torch):
        x = torch.arange(4.0).requires_grad_()
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=3)
        total = sum((batch * batch).sum() for (batch,) in loader)
        total.backward()
        return total, x.grad

    agree(case)


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize(
    "options", [{"batch_size": 2}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}]
)
def test_iterable_dataset(options, workers):
    def case(torch):
        loader = torch.utils.data.DataLoader(counting(torch), num_workers=workers, **options)
        return list(loader), list(loader)

    agree(case)


def test_reported_length_of_iterable_dataset():
    def case(torch):
        class Short(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter(range(5))

            def __len__(self):
                return 3

            def __repr__(self):
                return "Short()"

            __str__ = __repr__

        loader = torch.utils.data.DataLoader(Short(), batch_size=1)
        return len(loader), list(loader)

    agree(case)


BAD = [
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"num_workers": 1, "prefetch_factor": -1},
    {"persistent_workers": True},
    {"shuffle": True, "sampler": [1]},
    {"batch_sampler": [[1]], "batch_size": 2},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 2.5},
    {"drop_last": 3},
    {"multiprocessing_context": "fork"},
    {"num_workers": 1, "multiprocessing_context": "zz"},
    {"num_workers": 1, "multiprocessing_context": 3},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_options(options):
    agree(lambda torch: torch.utils.data.DataLoader(numbers(torch), **options))


def test_bad_use():
    def case(torch):
        D = torch.utils.data
        loader = D.DataLoader(numbers(torch))
        attempts = [
            lambda: setattr(loader, "batch_size", 3),
            lambda: setattr(loader, "dataset", 3),
            lambda: D.DataLoader(counting(torch), shuffle=True),
            lambda: D.DataLoader(counting(torch), sampler=[1]),
            lambda: D.DataLoader(counting(torch), batch_sampler=[[1]]),
            lambda: len(D.DataLoader(counting(torch))),
            lambda: iter(D.DataLoader(numbers(torch), timeout=3)),
        ]
        return [failure(attempt) for attempt in attempts], D.get_worker_info()

    agree(case)


def test_too_many_workers():
    agree(lambda torch: torch.utils.data.DataLoader(numbers(torch), num_workers=9999).num_workers)


# -- workers ------------------------------------------------------------------------------------


def test_worker_seeds():
    """Which worker reads what, and with which random numbers, is PyTorch's."""

    def case(torch):
        class Seeds(torch.utils.data.Dataset):
            def __len__(self):
                return 8

            def __getitem__(self, i):
                info = torch.utils.data.get_worker_info()
                drawn = random.random(), float(np.random.rand()), float(torch.rand(1))
                return i, info.id, info.seed, info.num_workers, torch.initial_seed(), *drawn

        loader = torch.utils.data.DataLoader(
            Seeds(), num_workers=2, batch_size=2, shuffle=True, collate_fn=list
        )
        return list(loader), torch.rand(1)

    agree(case)


def test_persistent_workers():
    def case(torch):
        class Pid(torch.utils.data.Dataset):
            def __len__(self):
                return 6

            def __getitem__(self, i):
                return i, os.getpid()

        loader = torch.utils.data.DataLoader(
            Pid(), num_workers=2, persistent_workers=True, shuffle=True, generator=seeded(torch)
        )
        passes = [list(loader) for _ in range(2)]
        next(iter(loader))  # an unfinished pass
        passes.append(list(loader))
        orders = [[int(i) for i, _ in one] for one in passes]
        return orders, len({int(pid) for one in passes for _, pid in one})

    agree(case)


def test_worker_init_and_dtypes():
    def case(torch):
        names = ["float64", "float32", "float16", "bfloat16", "int64", "uint8", "bool"]
        state = {}

        class Values(torch.utils.data.Dataset):
            def __len__(self):
                return 3

            def __getitem__(self, i):
                tensors = {n: (torch.arange(6) + i).view(2, 3).to(getattr(torch, n)) for n in names}
                grad = torch.ones(2, requires_grad=True)
                big = torch.arange(5000.0) + i
                part = torch.arange(9000.0).view(90, 100)[::2, i:].t()
                return [tensors, state, grad, torch.zeros(0, 3), torch.tensor(i), big, part]

        loader = torch.utils.data.DataLoader(
            Values(),
            batch_size=None,
            num_workers=2,
            worker_init_fn=lambda i: state.update(worker=i),
        )
        got = list(loader)
        got[0][5].add_(1)  # what arrives can be written to
        return got, got[0][2].requires_grad

    agree(case)


FAILURES = {
    "ValueError": "raise ValueError('boo')",
    "KeyError": "raise KeyError('a')",
    "UnicodeDecodeError": "b'\\xff'.decode('utf8')",
    "StopIteration": "raise StopIteration",
}


DEATHS = {
    "exit": "os._exit(3)",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
    "SystemExit": "raise SystemExit(4)",
}


def failing(torch, code):
    class Failing(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, i):
            if i == 3:
                exec(code, {"os": os, "signal": signal})
            return i

    return Failing()


@pytest.mark.parametrize("name", DEATHS)
def test_dead_worker(torch, name):
    """PyTorch's message; PyTorch itself sometimes raises a ConnectionResetError instead."""
    loader = torch.utils.data.DataLoader(failing(torch, DEATHS[name]), num_workers=2)
    with pytest.raises(RuntimeError, match=r"^DataLoader worker \(pid\(s\) \d+\) exited"):
        list(loader)


@pytest.mark.parametrize("name", FAILURES)
def test_failing_worker(name):
    """The same exception type and the same first and last line; never a hang."""

    def case(torch):
        seen = []
        try:
            for batch in torch.utils.data.DataLoader(failing(torch, FAILURES[name]), num_workers=2):
                seen.append(batch)
        except Exception as error:
            lines = plain(str(error)).strip().splitlines()
            return type(error).__name__, lines[0].rstrip("01."), lines[-1]
        return seen

    agree(case)


def test_failing_start():
    def case(torch):
        def init(worker_id):
            raise ValueError("init")

        loader = torch.utils.data.DataLoader(numbers(torch), num_workers=1, worker_init_fn=init)
        return failure(lambda: list(loader)).splitlines()[::100]

    agree(case)


def test_loading_goes_on_after_an_error():
    def case(torch):
        class Odd(torch.utils.data.Dataset):
            def __len__(self):
                return 6

            def __getitem__(self, i):
                if i == 2:
                    raise ValueError("two")
                return i

        it = iter(torch.utils.data.DataLoader(Odd(), num_workers=2))
        return [failure(lambda: next(it)).splitlines()[0] for _ in range(8)]

    agree(case)


def test_timeout():
    def case(torch):
        class Slow(torch.utils.data.Dataset):
            def __len__(self):
                return 1

            def __getitem__(self, i):
                time.sleep(30)

        return failure(lambda: list(torch.utils.data.DataLoader(Slow(), num_workers=1, timeout=1)))

    agree(case)


def test_batch_that_cannot_be_sent(torch):
    """PyTorch waits for ever here."""

    class Functions(torch.utils.data.Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, i):
            return lambda: i

    loader = torch.utils.data.DataLoader(Functions(), num_workers=1, collate_fn=list)
    with pytest.raises(Exception, match="pickle|local object"):
        list(loader)


def test_out_of_order(torch):
    class Uneven(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, i):
            time.sleep(0.5 if i == 0 else 0)
            return i

    loader = torch.utils.data.DataLoader(Uneven(), num_workers=2, batch_size=None, in_order=False)
    got = list(loader)
    assert sorted(got) == list(range(8))
    assert got[0] != 0


def test_no_process_is_left_behind(torch):
    """Neither after a whole pass, nor after an unfinished one that nobody holds."""
    import gc
    import multiprocessing

    loader = torch.utils.data.DataLoader(numbers(torch, 100), num_workers=2)
    list(loader)
    it = iter(loader)
    next(it)
    del it
    gc.collect()
    assert not multiprocessing.active_children()


def run_script(torch, body):
    script = f"import {torch.__name__} as torch\n" + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_workers_end_when_the_parent_is_killed(torch):
    body = """
        import os, signal, sys
        class Pid(torch.utils.data.Dataset):
            def __len__(self): return 1000
            def __getitem__(self, i): return os.getpid()
        it = iter(torch.utils.data.DataLoader(Pid(), num_workers=2, batch_size=1))
        print(*{int(next(it)) for _ in range(4)}, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    # The workers hold the pipe of stdout too: the call returns when they have ended.
    result = run_script(torch, body)
    assert result.returncode == -signal.SIGKILL
    assert len(result.stdout.split()) == 2


def test_spawned_workers(torch, tmp_path):
    name = torch.__name__
    script = tmp_path / "spawned.py"
    script.write_text(
        textwrap.dedent(f"""
        import {name} as torch
        class Squares(torch.utils.data.Dataset):
            def __len__(self): return 4
            def __getitem__(self, i): return torch.tensor(float(i * i))
        if __name__ == "__main__":
            loader = torch.utils.data.DataLoader(
                Squares(), num_workers=2, batch_size=2, multiprocessing_context="spawn"
            )
            print([batch.tolist() for batch in loader])
        """)
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, env=env
    )
    assert (result.stdout, result.stderr) == ("[[0.0, 1.0], [4.0, 9.0]]\n", "")


def test_import_is_light(torch):
    """Worker processes and their transport are imported by those who need them."""
    body = f"""
        import sys
        loaded = [m for m in sys.modules if m.startswith("{torch.__name__}.utils.data")]
        assert loaded
        print(*(m for m in loaded if m.endswith(("worker", "transport"))))
    """
    result = run_script(torch, body)
    assert (result.stdout, result.stderr) == ("\n", "")
