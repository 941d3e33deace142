"""`torch.__version__`: a string that compares as a version.

`torch.__version__ >= "2.9"` and `torch.__version__ >= (2, 9)` mean what they say, where strings
would compare letter by letter. The order is that of PEP 440.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from .version import __version__ as _version

__all__ = ["TorchVersion"]

_PARTS = re.compile(
    r"v?(\d+(?:\.\d+)*)"
    r"(?:[._-]?(a|b|rc)[a-z]*[._-]?(\d*))?"
    r"(?:[._-]?(post)[._-]?(\d*))?"
    r"(?:[._-]?(dev)[._-]?(\d*))?"
    r"(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$",
    re.IGNORECASE,
)


def _key(text: str) -> tuple | None:
    """What versions sort by; None for a text that is none."""
    match = _PARTS.match(text)
    if match is None:
        return None
    numbers, pre, pre_number, post, post_number, dev, dev_number, local = match.groups()
    release = [int(n) for n in numbers.split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    # Development releases come first, then candidates, the release, and what came after it.
    if pre:
        stage: tuple = (1, pre.lower(), int(pre_number or 0))
    else:
        stage = (0,) if dev and not post else (2,)
    after = int(post_number or 0) if post else -1
    before = int(dev_number or 0) if dev else float("inf")
    parts = re.split(r"[._-]", local) if local else []
    suffix = tuple((1, int(p), "") if p.isdigit() else (0, 0, p.lower()) for p in parts)
    return tuple(release), stage, after, before, suffix


class TorchVersion(str):
    """A version; comparable with strings, and with tuples and lists of numbers."""

    def _compare(self, other: Any, compare: Callable[[Any, Any], bool], of_str: Any) -> Any:
        text = other
        if isinstance(other, (tuple, list)):
            text = ".".join(str(part) for part in other)
        ours = _key(self)
        theirs = _key(text) if isinstance(text, str) else None
        if ours is None or theirs is None:
            return of_str(self, other)
        return compare(ours, theirs)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, operator.lt, str.__lt__)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, operator.le, str.__le__)

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq, str.__eq__)

    def __ne__(self, other: object) -> bool:
        return self._compare(other, operator.ne, str.__ne__)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, operator.ge, str.__ge__)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, operator.gt, str.__gt__)

    __hash__ = str.__hash__


__version__ = TorchVersion(_version)
