"""debug=True of checkpoints: the operators of the first and of the last run, as text."""

from __future__ import annotations

import contextlib
import os
import sys
import weakref
from collections.abc import Iterator
from typing import Any

from .. import _C
from .._grad_mode import no_grad

_HERE = os.path.dirname(__file__)
_SHORT = {"float": "f", "bfloat": "bf", "int": "i", "uint": "u", "bool": "b8"}


def _dtype_text(tensor: _C.Tensor) -> str:
    """f32 for torch.float32."""
    name = str(tensor.dtype).rsplit(".", 1)[-1]
    letters = name.rstrip("0123456789")
    return _SHORT[letters] + name[len(letters) :]


class _Numbers:
    """Tensors by the order in which they were first seen."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[_C.Tensor], int]] = {}
        self._next = 0

    def of(self, tensor: _C.Tensor) -> int:
        known = self._known.get(id(tensor))
        if known is None or known[0]() is not tensor:
            known = self._known[id(tensor)] = weakref.ref(tensor), self._next
            self._next += 1
        return known[1]

    def text(self, value: Any) -> str:
        """A value as the log shows it: a tensor by its number."""
        if isinstance(value, _C.Tensor):
            return f"${self.of(value)}"
        if isinstance(value, (list, tuple)):
            return str([self.text(v) for v in value])
        return str(value)

    def described(self, tensor: _C.Tensor) -> str:
        return f"${self.of(tensor)}: {_dtype_text(tensor)}{list(tensor.shape)}"


def _places() -> str:
    """The lines of the program that are being executed."""
    places = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if os.path.dirname(code.co_filename) != _HERE:
            places.append(f"{code.co_filename}:{frame.f_lineno}:{code.co_name}")
        frame = frame.f_back
    return "\n".join(places)


_Run = list[tuple[str, str]]


@contextlib.contextmanager
def _watching(run: _Run) -> Iterator[None]:
    run.clear()
    numbers = _Numbers()

    def operation(call: Any) -> None:
        args = [numbers.text(a) for a in call.args]
        args += [f"{name}={numbers.text(v)}" for name, v in call.kwargs.items()]
        try:
            call.run()
        except Exception:
            # Mostly the last one, which is stopped when it has saved what is needed.
            with contextlib.suppress(Exception), no_grad():
                call.run()
            raise
        finally:
            results = ", ".join(numbers.described(t) for t in call.results if t is not None)
            run.append((f"{results} = torch._ops.aten.{call.name}({', '.join(args)})", _places()))

    _C._push_operation_watcher(operation)
    try:
        yield
    finally:
        _C._pop_operation_watcher()


class Log:
    """The operators that ran the first time and the last time that a function was run again."""

    def __init__(self) -> None:
        self._first: _Run = []
        self._again: _Run = []

    def first(self) -> Any:
        """A context that logs what runs in it."""
        return _watching(self._first)

    def again(self) -> Any:
        """The same for a run that computes again."""
        return _watching(self._again)

    def text(self) -> str:
        """The message of an error."""

        def traces(run: _Run, when: str) -> str:
            return "".join(
                f"{what}   ({i} of {len(run)} in {when})\n\n{places}\n\n\n"
                for i, (what, places) in enumerate(run, 1)
            )

        def lines(run: _Run) -> str:
            return "".join(f"{what}\n" for what, _ in run)

        return _LOG.format(
            traces(self._first, "original"),
            traces(self._again, "recompute"),
            lines(self._first),
            lines(self._again),
        )


_LOG = """\
 An error happened while unpacking tensors; dumping logs of latest computation
because you passed `debug=True` to `torch.utils.checkpoint.checkpoint()`.
Scroll all the way down for guidance on how to navigate these logs.

+~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~+
|        1. Stack traces of the operators that ran in the original forward     |
+------------------------------------------------------------------------------+

{}
+~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~+
|        2. Stack traces of the operators that ran during recomputation        |
+------------------------------------------------------------------------------+

{}
+~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~+
|       3. Log of operators in the original forward and recomputation          |
+------------------------------------------------------------------------------+
(Scroll up to correlate stack traces with each operation listed below. This
 helps identify their source in the code.)

IMPORTANT: Differences in "detach" calls between the original forward and the
           recomputation are expected. They are introduced by the checkpointing
           mechanism and can be ignored.

Operations executed during the original forward:

{}
Operations executed during recomputation:

{}
+------------------------------------------------------------------------------+
 ERROR: Detected non-determinism while running activation checkpointing

 You are seeing this error because you passed `debug=True` to checkpoint and
 tensors to be saved during the original forward and differ between those saved
 during recomputation. This can happen if different operators were ran in the
 original forward and in the recomputation.

 To identify where the mismatch may be coming from, you can do the following:

 1) Compare the operators ran during original forward and recomputation to
    see where they differ. These operators are printed above in the order they
    were executed.

 2) Review the stack trace for each operator to locate its invocation source.
    Each operator's stack trace is printed in their execution order.

 Note that the logs can be quite long. Here's how they are structured:
 (Tip: you can Ctrl-f for these headers)

 1. Stack traces of the operators that ran in the original forward
 2. Stack traces of the operators that ran during recomputation
 3. Log of operators in the original forward and recomputation
 4. Error message                                             <--- You are here
--------------------------------------------------------------------------------
"""
