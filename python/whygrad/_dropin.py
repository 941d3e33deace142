"""The drop-in: `torch` and everything below it as other names of whygrad's own modules.

`install_as_torch` puts a finder in front of the import system; `torch.nn` and `whygrad.nn` are
then one module object, loaded once. `module_getattr` makes the `__getattr__` with which every
module of whygrad answers for names that it lacks. This file imports nothing of whygrad, because
`_startup/sitecustomize.py` loads it at interpreter start, before whygrad itself.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

# Every interpreter under `whygrad run` imports this file, so it keeps clear of `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType, ModuleType
    from typing import NoReturn, TypeVar

    _E = TypeVar("_E", bound=BaseException)

_OURS = "whygrad"
_THEIRS = "torch"


def install_as_torch() -> None:
    """Serve `import torch` and all its submodules with whygrad, from now on in this process.

    Calling it again changes nothing.

    Raises:
        ImportError: the real PyTorch is already imported. Objects of it may be in use, and two
            modules of one name cannot both be right.
    """
    real = sys.modules.get(_THEIRS)
    if real is not None and real is not sys.modules.get(_OURS):
        raise ImportError(
            "install_as_torch: the real PyTorch is already imported "
            f"({getattr(real, '__file__', None) or real!r}); call install_as_torch() before "
            "anything imports torch, or run the program with `python -m whygrad run`",
            name=_THEIRS,
        )
    if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AliasFinder())


def module_getattr(module_name: str) -> Callable[[str], NoReturn]:
    """A module-level `__getattr__` for `module_name`, for names that the module lacks.

    It raises what Python raises for PyTorch's module of that name: AttributeError, or ImportError
    from `from torch import name`; a note says that whygrad does not have the name yet.
    """
    public = _THEIRS + module_name[len(_OURS) :]

    def __getattr__(name: str) -> NoReturn:
        module = sys.modules[module_name]
        note = f"whygrad does not have {public}.{name} yet"
        # A submodule that is still being imported: Python finds it after an AttributeError.
        loading = f"{module_name}.{name}" in sys.modules
        if _runs_from_import(sys._getframe(1)) and not loading:
            path = getattr(module, "__file__", None)
            message = f"cannot import name {name!r} from {public!r} ({path or 'unknown location'})"
            raise _noted(ImportError(message, name=public, path=path), note)
        missing = AttributeError(
            f"module {public!r} has no attribute {name!r}", name=name, obj=module
        )
        # The interpreter and tools probe for `__path__`, `__wrapped__` and the like.
        if not name.startswith("__"):
            _noted(missing, note)
        raise missing

    return __getattr__


class _AliasFinder:
    """Finds `torch.X` where whygrad has `whygrad.X`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _THEIRS and not name.startswith(_THEIRS + "."):
            return None
        import importlib.util

        ours = _OURS + name[len(_THEIRS) :]
        found = importlib.util.find_spec(ours)
        if found is not None:
            loader = _AliasLoader(ours)
            alias = ModuleSpec(name, loader, origin=found.origin)  # type: ignore[arg-type]
            alias.submodule_search_locations = found.submodule_search_locations
            return alias
        if name == _THEIRS:
            raise ModuleNotFoundError(f"No module named {_OURS!r}", name=_OURS)
        # Import statements get the error with a note, `importlib.util.find_spec` gets None.
        if sys._getframe(2).f_code.co_name == "_find_and_load_unlocked":
            missing = ModuleNotFoundError(f"No module named {name!r}", name=name)
            raise _noted(missing, f"whygrad does not have {name} yet")
        return None


class _AliasLoader:
    """Loads `torch.X` as the module object of `whygrad.X`."""

    def __init__(self, ours: str) -> None:
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        import importlib

        module = importlib.import_module(self._ours)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module has run already, but the import system has just given it the alias's spec.
        module.__spec__ = self._own_spec


def _runs_from_import(frame: FrameType) -> bool:
    """Whether `frame` is at the instruction that takes one name in `from module import name`."""
    import opcode

    return frame.f_code.co_code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]


def _noted(error: _E, note: str) -> _E:
    """`error` with a PEP 678 note, which Python 3.10 does not print but keeps."""
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        error.__notes__ = [note]  # type: ignore[attr-defined]
    return error
