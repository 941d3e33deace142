"""`install_as_torch` and what modules answer for names that whygrad lacks."""

import os
import subprocess
import sys
import textwrap

import pytest


def run(code):
    """What `code` prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_module_object_for_each_name():
    run(
        """
        import sys
        import whygrad
        import whygrad.nn as before
        spec = before.__spec__
        whygrad.install_as_torch()
        finders = list(sys.meta_path)
        whygrad.install_as_torch()
        assert sys.meta_path == finders
        import torch, torch.nn, torch.utils.data, torch.nn.functional
        assert torch is whygrad and torch.nn is before and sys.modules["torch"] is whygrad
        import whygrad.utils.data
        assert sys.modules["torch.utils.data"] is whygrad.utils.data
        for name, module in list(sys.modules.items()):
            if name == "torch" or name.startswith("torch."):
                assert module is sys.modules["whygrad" + name[5:]], name
                assert module.__spec__.name == module.__name__, name
        assert before.__spec__ is spec
        from importlib import import_module, reload
        assert import_module("torch.nn.functional") is whygrad.nn.functional
        import pickle
        assert pickle.loads(b"ctorch.nn\\nLinear\\n.") is whygrad.nn.Linear
        """
    )


def test_find_spec():
    run(
        """
        import importlib.util, sys
        import whygrad
        whygrad.install_as_torch()
        spec = importlib.util.find_spec("torch")
        assert spec.name == "torch" and spec.origin == whygrad.__file__
        assert "torch" not in sys.modules
        assert importlib.util.find_spec("torch.nn.functional").name.endswith("nn.functional")
        assert importlib.util.find_spec("torch.no_such_thing") is None
        import torch
        assert importlib.util.find_spec("torch").origin == whygrad.__file__
        """
    )


def test_real_torch_already_imported():
    pytest.importorskip("torch")
    run(
        """
        import torch, sys
        import whygrad
        finders = list(sys.meta_path)
        try:
            whygrad.install_as_torch()
        except ImportError as error:
            assert "real PyTorch is already imported" in str(error), error
            assert torch.__file__ in str(error) and "python -m whygrad run" in str(error)
        else:
            raise AssertionError
        assert sys.meta_path == finders and sys.modules["torch"] is torch
        """
    )


MISSING = "whygrad does not have {} yet"


@pytest.mark.parametrize(
    "statement, kind, text, name",
    [
        ("torch.nope", "AttributeError", "module 'torch' has no attribute 'nope'", "torch.nope"),
        (
            "torch.nn.Nope",
            "AttributeError",
            "module 'torch.nn' has no attribute 'Nope'",
            "torch.nn.Nope",
        ),
        (
            "torch.nn.functional.nope",
            "AttributeError",
            "module 'torch.nn.functional' has no attribute 'nope'",
            "torch.nn.functional.nope",
        ),
        ("import torch.nope", "ModuleNotFoundError", "No module named 'torch.nope'", "torch.nope"),
        (
            "from torch.nope.more import x",
            "ModuleNotFoundError",
            "No module named 'torch.nope'",
            "torch.nope",
        ),
        (
            "from torch import nope",
            "ImportError",
            "cannot import name 'nope' from 'torch' ({}/__init__.py)",
            "torch.nope",
        ),
        (
            "from torch.nn.functional import nope",
            "ImportError",
            "cannot import name 'nope' from 'torch.nn.functional' ({}/nn/functional.py)",
            "torch.nn.functional.nope",
        ),
    ],
)
def test_missing_names(statement, kind, text, name):
    printed = run(
        f"""
        import os
        import whygrad
        whygrad.install_as_torch()
        import torch, torch.nn.functional
        try:
            {statement}
        except Exception as error:
            print(type(error).__name__)
            print(str(error).replace(os.path.dirname(whygrad.__file__), "{{}}"))
            print(error.__notes__)
        """
    )
    assert printed.splitlines() == [kind, text, str([MISSING.format(name)])]


def test_missing_names_without_the_alias():
    """`import whygrad as torch`: the text is PyTorch's, and probing is quiet."""
    run(
        f"""
        import whygrad as torch
        try:
            torch.nope
        except AttributeError as error:
            assert str(error) == "module 'torch' has no attribute 'nope'"
            assert error.name == "nope" and error.obj is torch
            assert error.__notes__ == [{MISSING.format("torch.nope")!r}]
        assert not hasattr(torch, "nope") and getattr(torch, "nope", 5) == 5
        assert not hasattr(torch.nn, "Nope") and not hasattr(torch.nn.functional, "nope")
        try:
            torch.__nope__
        except AttributeError as error:
            assert not hasattr(error, "__notes__")
        """
    )


def test_builtins_are_not_touched():
    run(
        """
        import builtins
        before = dict(vars(builtins))
        import whygrad
        whygrad.install_as_torch()
        import torch
        assert {k: v for k, v in vars(builtins).items() if k != "_"} == before
        """
    )
