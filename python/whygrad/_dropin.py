"""The drop-in: `torch` and `whygrad` as two names of the same modules.

`install_as_torch` puts a finder in front of the import system. Each module is loaded once, under
the name of the package that is imported first, and is found under the other name too. Under
`whygrad run` nothing has imported whygrad yet: there the modules, their classes and their pickles
are named torch, as programs expect. In a program that imports whygrad first they stay whygrad.

`module_getattr` makes the `__getattr__` with which every module answers for names that it lacks.
This file imports nothing of whygrad when it is loaded, because `_startup/sitecustomize.py` does
that at interpreter start, before the program asks for torch.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

# Every interpreter under `whygrad run` imports this file, so it keeps clear of `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType
    from typing import NoReturn

_NAMES = ("whygrad", "torch")


def install_as_torch() -> None:
    """Serve `import torch` and all its submodules with whygrad, from now on in this process.

    Calling it again changes nothing.

    Raises:
        ImportError: the real PyTorch is already imported. Objects of it may be in use, and two
            modules of one name cannot both be right.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    real = sys.modules.get("torch")
    if real is not None and real is not sys.modules.get("whygrad"):
        raise ImportError(
            "install_as_torch: the real PyTorch is already imported "
            f"({getattr(real, '__file__', None) or real!r}); call install_as_torch() before "
            "anything imports torch, or run the program with `python -m whygrad run`",
            name="torch",
        )
    sys.meta_path.insert(0, _Finder("whygrad" if "whygrad" in sys.modules else "torch"))


def module_getattr(module_name: str) -> Callable[[str], NoReturn]:
    """A module-level `__getattr__` for `module_name`, for names that the module lacks.

    It raises what Python raises for PyTorch's module of that name: AttributeError, or ImportError
    from `from torch import name`; a note says that whygrad does not have the name yet. It is a
    function of C, so that the traceback ends at the line that asks.
    """
    from ._C import _module_getattr

    answer: Callable[[str], NoReturn] = _module_getattr(module_name)
    return answer


class _Finder:
    """Finds each module under both names; `home` is the one under which modules are loaded."""

    def __init__(self, home: str) -> None:
        self._home = home

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package not in _NAMES:
            return None
        if package != self._home:
            found = self._alias(name, self._home + name[len(package) :])
        elif package == "torch":
            found = self._ours(name, rest, path)
        else:
            return None
        # Import statements get the error with a note, `importlib.util.find_spec` gets None.
        importing = sys._getframe(2).f_code.co_name == "_find_and_load_unlocked"
        if found is None and package == "torch" and rest and importing:
            error = ModuleNotFoundError(f"No module named {name!r}", name=name)
            note = f"whygrad does not have {name} yet"
            if sys.version_info >= (3, 11):
                error.add_note(note)
            else:
                error.__notes__ = [note]  # type: ignore[attr-defined]
            raise error
        return found

    def _alias(self, name: str, home: str) -> ModuleSpec | None:
        """The spec of `name` as another name of the module `home`."""
        import importlib.util

        found = importlib.util.find_spec(home)
        if found is None:
            return None
        alias = ModuleSpec(name, _AliasLoader(found), origin=found.origin)  # type: ignore[arg-type]
        alias.submodule_search_locations = found.submodule_search_locations
        return alias

    def _ours(self, name: str, rest: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """The spec of the file of `whygrad.rest` under the name `torch.rest`."""
        import os
        from importlib.util import spec_from_file_location

        if not rest:
            package = os.path.dirname(os.path.abspath(__file__))
            file = os.path.join(package, "__init__.py")
            return spec_from_file_location(name, file, submodule_search_locations=[package])
        # An editable install has a finder of its own, which knows the modules as whygrad's.
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            found = find("whygrad." + rest, path) if find and finder is not self else None
            if found is not None and found.origin:
                return spec_from_file_location(
                    name,
                    found.origin,
                    submodule_search_locations=found.submodule_search_locations,
                )
        return None


def _share_loaded(home: str, alias: str) -> None:
    """Put what is loaded of the package `home` into sys.modules under its other name too.

    Otherwise an import of `autograd.gradcheck` would put the module over the function of that name.
    """
    for name, loaded in list(sys.modules.items()):
        if name.startswith(home + "."):
            sys.modules.setdefault(alias + name[len(home) :], loaded)


def package_is_loaded(home: str) -> None:
    """To be called at the end of the package's import: its modules may have asked for the alias."""
    for alias in _NAMES:
        if alias != home and sys.modules.get(alias) is sys.modules[home]:
            _share_loaded(home, alias)


class _AliasLoader:
    """Loads a module as the object that another name of it has already."""

    def __init__(self, spec: ModuleSpec) -> None:
        self._spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        import importlib

        module = importlib.import_module(self._spec.name)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module has run already, but the import system has just given it the alias's spec.
        alias, home = module.__spec__.name, self._spec.name  # type: ignore[union-attr]
        module.__spec__ = self._own_spec
        _share_loaded(home, alias)

    def get_code(self, name: str) -> CodeType | None:
        """For `runpy`: `python -m whygrad` works where whygrad is the alias."""
        loader = self._spec.loader
        return loader.get_code(self._spec.name)  # type: ignore[union-attr]


# Python leaves the frames of its own import system out of the traceback of an ImportError, but not
# those of finders: this one passes as part of it.
_Finder.find_spec.__code__ = _Finder.find_spec.__code__.replace(
    co_filename="<frozen importlib._bootstrap>"
)
