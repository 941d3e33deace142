"""Runs when an interpreter starts under `python -m whygrad run`, and in its child processes.

`whygrad/_cli.py` puts this directory first on PYTHONPATH. Python imports `sitecustomize` before
the program, so this makes `import torch` mean whygrad, then gives way to the `sitecustomize`
that it hides, if there is one. whygrad itself is not imported until the program asks for torch.
"""

import importlib
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _serve_torch() -> None:
    package = os.path.dirname(_here)
    if importlib.util.find_spec("whygrad") is None:  # started from a source tree
        sys.path.append(os.path.dirname(package))
    # By path, because importing torch._dropin would import all of whygrad. It is named torch's
    # because the modules of this program are.
    path = os.path.join(package, "_dropin.py")
    spec = importlib.util.spec_from_file_location("torch._dropin", path)
    assert spec is not None and spec.loader is not None
    dropin = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = dropin
    spec.loader.exec_module(dropin)
    dropin.install_as_torch()


# PYTHONPATH keeps this directory, for child processes; this program does not need it.
sys.path[:] = [entry for entry in sys.path if entry != _here]

# A child may be the Python of another environment, which has its own torch.
if os.environ.get("WHYGRAD_RUN_PREFIX") == sys.prefix:
    _serve_torch()

_this = sys.modules.pop("sitecustomize")
try:
    importlib.import_module("sitecustomize")
except ModuleNotFoundError as error:
    if error.name != "sitecustomize":
        raise
finally:
    sys.modules.setdefault("sitecustomize", _this)
