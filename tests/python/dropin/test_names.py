"""Programs under `whygrad run` see the names, modules and versions that they see with PyTorch.

Each line of NAMES is run as a program by `python` with PyTorch and by `whygrad run`, and what it
prints must be equal. The tests below it are about whygrad alone.
"""

# ruff: noqa: E501 (one program per line)
import functools
import os
import subprocess
import sys

import pytest
from parity import needs_cpu_build
from programs import own_lines, under_torch, under_whygrad

pytest.importorskip("torch")

RUN = ("-m", "whygrad", "run")


def python(*command, flags=(), **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, *flags, *command],
        capture_output=True, text=True, timeout=120, env=environment, **options,
    )  # fmt: skip


NAMES = """
print(torch.__name__, torch.nn.__name__, torch.nn.functional.__name__, torch.__package__, torch.__spec__.name)
print(torch.nn.Linear, torch.optim.SGD, torch.Tensor, torch.Size, torch.device, torch.dtype, torch.float32, torch.no_grad)
print(torch.nn.Linear.__module__, torch.optim.Adam.__module__, torch.utils.data.Dataset.__module__, torch.nn.Parameter.__module__, torch.Tensor.__module__, torch.autograd.Function.__module__)
print(torch.Tensor.__mro__, torch.add, torch.Tensor.add, torch.add.__name__, torch.add.__module__)
import inspect; print([inspect.isbuiltin(f) for f in (torch.add, torch.exp_, torch.max, torch.nn.functional.relu_, torch.nn.functional.gelu, torch.linalg.vector_norm)])
import copy, pickle; print(pickle.loads(pickle.dumps(torch.add)) is torch.add, copy.deepcopy(torch.max) is torch.max, pickle.loads(pickle.dumps(torch._C._nn.gelu)) is torch._C._nn.gelu)
x = torch.eye(2); print(type(torch.max(x, 0)), type(x.min(0)), x.max(1).values, torch.aminmax(x), type(torch.max(x, 0, out=(x[0], x[0].long()))), type(torch.var_mean(x)))
print([name in sys.modules for name in ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils.data", "torch.autograd")])
print(sys.modules["torch"] is torch, sys.modules["torch.nn"] is torch.nn, torch.nn.functional is sys.modules["torch.nn.functional"])
import torch.nn.functional as F, torch.optim as optim; from torch.utils.data import DataLoader; print(F.__name__, optim.__name__, DataLoader)
from torch import nn, optim; from torch.nn import functional; print(nn.__name__, optim.__name__, functional.__name__)
from torch.autograd import functional; import torch.autograd.functional as A; print(functional is A is torch.autograd.functional, "torch.autograd.functional" in sys.modules, A.__name__, A.hessian.__module__, A.jvp)
from torch.autograd.functional import *; print(jacobian.__name__, sorted(n for n in ("vjp", "jvp", "vhp", "hvp", "hessian", "grad", "Tensor") if n in globals()))
import importlib; print(importlib.import_module("torch.nn").__name__, importlib.import_module(".functional", "torch.nn").__name__)
import importlib.util as u; print(u.find_spec("torch").name, u.find_spec("torch.nn.functional").name, u.find_spec("torch.nope"))
import pkgutil; print(pkgutil.resolve_name("torch.nn:Linear"), {"functional", "init", "modules"} <= {m.name for m in pkgutil.iter_modules(torch.nn.__path__)})
import inspect; print(inspect.getmodule(torch.nn.Linear).__name__, inspect.ismodule(torch.nn), inspect.isclass(torch.nn.Linear), inspect.getsource(torch.nn.ReLU)[:10])
import pydoc; print(pydoc.describe(torch), pydoc.locate("torch.nn.Linear"))
import torch.autograd.gradcheck as g; m = sys.modules["torch.autograd.gradcheck"]; print(g is torch.autograd.gradcheck is m.gradcheck, type(g), g.__name__, g.__module__, m.__name__)
from torch.autograd.gradcheck import GradcheckError, gradgradcheck; print(GradcheckError, GradcheckError.__mro__, gradgradcheck is torch.autograd.gradgradcheck)
from torch.autograd import gradcheck; import pickle; print(type(gradcheck), pickle.loads(pickle.dumps(gradcheck)) is gradcheck)
from torch.autograd import *; print(type(gradcheck), type(gradgradcheck))
import torch.utils.checkpoint as c; from torch.utils.checkpoint import checkpoint; print(c.__name__, c is torch.utils.checkpoint, c.checkpoint is checkpoint, checkpoint.__module__, c.checkpoint_sequential.__name__, hasattr(c, "nope"))
print("torch.utils.checkpoint" in sys.modules, torch.utils.checkpoint.CheckpointError, torch.utils.checkpoint.CheckpointFunction, torch.utils.checkpoint.CheckpointPolicy.MUST_SAVE, torch.utils.checkpoint.DefaultDeviceType)
from torch.utils.checkpoint import *; print(sorted({"checkpoint", "checkpoint_sequential", "GraphExecGroup", "noop_context_fn", "detach_variable", "check_backward_validity", "warnings", "Tensor"} & globals().keys()))
import inspect; print([str(p.replace(annotation=p.empty)).split(" at ")[0] for p in inspect.signature(torch.utils.checkpoint.checkpoint).parameters.values()])
for _ in range(2): print(torch.utils.checkpoint.checkpoint(torch.sin, torch.ones(2, requires_grad=True), use_reentrant=True), torch.utils.checkpoint.checkpoint_sequential([torch.sin], 1, torch.ones(1, requires_grad=True)))
import warnings; warnings.filterwarnings("ignore", module="torch"); torch.utils.checkpoint.checkpoint(torch.sin, torch.ones(2)); torch.utils.checkpoint.checkpoint_sequential([torch.sin], 1, torch.ones(1))
n = [torch.cos, torch.sin]; torch.utils.checkpoint.checkpoint(lambda x: n.pop()(x.double() if len(n) == 1 else x).exp(), torch.ones(2, requires_grad=True), use_reentrant=False).sum().backward()
from torch.nn import *; print(Linear, Module)
from torch.nn.functional import *; print(relu.__name__, relu.__module__)
from torch.optim import *; print(SGD)
from torch.utils.data import *; print(DataLoader)
from torch import *; print("nn" in globals(), "Tensor" in globals(), "no_grad" in globals(), "float32" in globals(), "set_grad_enabled" in globals())
print(torch.__version__.split("+")[0], torch.version.__version__.split("+")[0], type(torch.__version__), isinstance(torch.__version__, str))
v = torch.__version__; print(v > "1.9", v >= "2.9", v < "10.0", v >= "2.13", v >= (2, 0), v > (2, 13), v < (2, 13, 1), v == "2.13.0", v != "2.13.0", v >= [2, 13], v < "3", v >= "2.13.0rc1", v < "2.13.0.post1", v == 2, v < "2.x")
import operator; print([operator.lt(torch.__version__, "2.13.0a0"), hash(torch.__version__) == hash(str(torch.__version__))])
print(torch.__version__ < 2)
print(tuple(int(p) for p in torch.__version__.split("+")[0].split(".")[:2]), torch.version.cuda, torch.cuda.is_available())
import pickle; m = torch.nn.Linear(2, 1); print(pickle.loads(pickle.dumps(type(m))), b"whygrad" in pickle.dumps(type(m)), pickle.loads(pickle.dumps(torch.__version__)) == torch.__version__)
import pickle; print([pickle.loads(pickle.dumps(o)) for o in (torch.float32, torch.Size([1]), torch.device("cpu"), torch.arange(3), torch.nn.functional.relu.__name__)])
import copy; print(copy.deepcopy(torch.nn.Linear(1, 1)).__class__, copy.copy(torch.float32))
import typing; print(typing.get_type_hints(torch.nn.Linear.forward), typing.Optional[torch.Tensor], torch.Tensor | None)
import unittest.mock as mock; p = mock.patch("torch.nn.functional.relu", lambda x: 5); p.start(); print(torch.nn.functional.relu(1)); p.stop()
import unittest.mock as mock; p = mock.patch.object(torch, "ones", return_value=3); p.start(); print(torch.ones(1)); p.stop(); print(torch.ones(1))
torch.mine = 5; from torch import mine; print(mine, torch.mine)
print(hasattr(torch, "nope"), getattr(torch, "nope", 5), hasattr(torch.nn, "Nope"), hasattr(torch.Tensor, "nope"), hasattr(torch.optim, "Nope"), hasattr(torch.utils.data, "Nope"))
import warnings; warnings.filterwarnings("ignore", module="torch"); torch.ones(2, 3, 4).T; torch.ones(1).std()
import warnings; warnings.filterwarnings("ignore", message="The use of"); torch.ones(2, 3, 4).T; torch.ones(1).std()
import warnings; warnings.simplefilter("error"); torch.ones(2, 3, 4).T
y = torch.ones(2, requires_grad=True) * 2; y.grad; y.grad
for _ in range(2): float(torch.ones(1, requires_grad=True))
for _ in range(3): torch.ones(2, 3, 4).T
float(torch.ones(1, requires_grad=True)); float(torch.zeros(1, requires_grad=True))
torch.set_warn_always(True); print(torch.is_warn_always_enabled()); float(torch.ones(1, requires_grad=True)); torch.ones(1, 2, 3).T
""".strip().splitlines()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Of each line: its program, and how that ends under PyTorch."""
    folder = tmp_path_factory.mktemp("names")
    paths = [folder / f"program_{i}.py" for i in range(len(NAMES))]
    for path, line in zip(paths, NAMES, strict=True):
        path.write_text(f"import sys, torch, torch.utils.data\n{line}\n")
    endings = under_torch(paths)
    return {line: (path, endings[path]) for path, line in zip(paths, NAMES, strict=True)}


@pytest.mark.parametrize("line", NAMES, ids=lambda line: line[:60])
def test_same_as_pytorch(expected, line):
    path, want = expected[line]
    got = under_whygrad(path)
    if (got.out, own_lines(got.err)) != (want.out, own_lines(want.err)):
        needs_cpu_build(line + want.err)
    assert (got.out, got.code) == (want.out, want.code), got.err
    assert own_lines(got.err) == own_lines(want.err)


# What Python itself says of a name that is not there, and the line where it says it.
MISSING = [
    ("torch.nope", "AttributeError: module 'torch' has no attribute 'nope'", "torch.nope"),
    ("torch.nn.Nope", "AttributeError: module 'torch.nn' has no attribute 'Nope'", "torch.nn.Nope"),
    (
        "torch.optim.Nope()",
        "AttributeError: module 'torch.optim' has no attribute 'Nope'",
        "torch.optim.Nope",
    ),
    (
        "torch.utils.data.Nope",
        "AttributeError: module 'torch.utils.data' has no attribute 'Nope'",
        "torch.utils.data.Nope",
    ),
    ("from torch import nope", "ImportError: cannot import name 'nope' from 'torch'", "torch.nope"),
    (
        "from torch.nn import Nope",
        "ImportError: cannot import name 'Nope' from 'torch.nn'",
        "torch.nn.Nope",
    ),
    ("import torch.nope", "ModuleNotFoundError: No module named 'torch.nope'", "torch.nope"),
    (
        "from torch.nope.more import x",
        "ModuleNotFoundError: No module named 'torch.nope'",
        "torch.nope",
    ),
]


@pytest.mark.parametrize("statement, text, name", MISSING, ids=[case[0] for case in MISSING])
def test_missing_names_end_at_the_line_that_asks(tmp_path, statement, text, name):
    """The traceback is Python's for a module without the name: no frame of whygrad is in it."""
    path = tmp_path / "program.py"
    path.write_text(f"import torch\n\n{statement}\n")
    got = python(*RUN, str(path))
    assert got.returncode == 1 and got.stdout == ""
    frames = [line for line in got.stderr.splitlines() if line.lstrip().startswith("File ")]
    assert frames == [f'  File "{path}", line 3, in <module>']
    said = got.stderr.splitlines()
    assert any(line.startswith(text) for line in said)
    if sys.version_info >= (3, 11):
        assert said[-1] == f"whygrad does not have {name} yet"


def test_a_library_can_try_what_is_missing(tmp_path):
    code = """
import torch
try:
    import torch.nope
except ImportError as error:
    print(type(error).__name__, error.name, error.path)
try:
    from torch.nn import Nope
except ImportError as error:
    print(type(error).__name__, error.name)
try:
    import torch._dynamo_of_nobody as d
except ModuleNotFoundError:
    d = None
print(d, getattr(torch, "nope", None), "torch.nope" in __import__("sys").modules)
"""
    path = tmp_path / "program.py"
    path.write_text(code)
    want, got = python(str(path)), python(*RUN, str(path))
    assert (got.stdout, got.stderr, got.returncode) == (want.stdout, want.stderr, 0)


def test_whygrad_is_the_alias():
    """Under `run` each module is one object under both names, and is called torch."""
    code = (
        "import whygrad, torch, whygrad.nn.functional, torch.utils.data as d, whygrad.utils.data;"
        "import sys; assert whygrad is torch and whygrad.nn is torch.nn is sys.modules['whygrad.nn'];"
        "assert d is whygrad.utils.data and torch.__name__ == 'torch' == whygrad.__spec__.name;"
        "assert whygrad._C is torch._C and sys.modules['torch._C'] is whygrad._C;"
        "whygrad.install_as_torch(); torch.install_as_torch(); print('fine')"
    )
    assert python(*RUN, "-c", code).stdout == "fine\n"


@pytest.mark.parametrize("first", ["whygrad", "torch"])
def test_an_import_does_not_hide_the_function_of_a_modules_name(first):
    """`autograd.gradcheck` is a function in the package and a module in sys.modules."""
    second = "torch" if first == "whygrad" else "whygrad"
    code = (
        f"import {first}.autograd.gradcheck as a, {second}.autograd.gradcheck as b, torch, sys;"
        f"from {second}.autograd.gradcheck import gradcheck as c;"
        "assert a is b is c is torch.autograd.gradcheck and callable(a);"
        "modules = [sys.modules[f'{name}.autograd.gradcheck'] for name in ('torch', 'whygrad')];"
        "assert modules[0] is modules[1] and modules[0].gradcheck is a; print('fine')"
    )
    assert python(*RUN, "-c", code).stdout == "fine\n"
    installed = f"import whygrad; whygrad.install_as_torch(); {code}"
    assert python("-c", installed).stdout == "fine\n"


def test_installed_later_the_modules_keep_their_names():
    code = (
        "import whygrad, sys; whygrad.install_as_torch(); import torch; "
        "assert torch is whygrad and torch.__name__ == 'whygrad';"
        "assert sys.modules['torch.nn'] is whygrad.nn and sys.modules['torch.optim'] is torch.optim;"
        "print(torch.nn.Linear)"
    )
    assert python("-c", code).stdout == "<class 'whygrad.nn.modules.linear.Linear'>\n"


FLAGS = [
    ("-W", "error"),
    ("-W", "ignore"),
    ("-W", "error::UserWarning:__main__"),
    ("-W", "always"),
    ("-X", "dev"),
    ("-bb",),
    ("-Werror", "-Wignore::UserWarning"),
]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_warning_options(tmp_path, flags):
    (tmp_path / "program.py").write_text(
        "import warnings\nimport torch\nwarnings.warn('own')\nfor _ in range(2):\n    torch.ones(1).std()\n"
    )
    # Only the program's own part: PyTorch's import warns under some of these options.
    code = "import sys, runpy; sys.argv = ['program.py']; import warnings\n"
    code += "with warnings.catch_warnings():\n    warnings.simplefilter('ignore'); import torch\n"
    code += "runpy.run_path('program.py', run_name='__main__')"
    want = python("-c", code, flags=flags, cwd=tmp_path)
    got = python(*RUN, "-c", code, flags=flags, cwd=tmp_path)
    assert got.returncode == want.returncode

    def own(text):
        return [line for line in text.splitlines() if "program.py" in line or "Warning" in line]

    assert own(got.stderr) == own(want.stderr)


def test_warnings_of_the_environment(tmp_path):
    code = "import torch; torch.ones(2, 3, 4).T; print('on')"
    for setting in ("error::UserWarning", "ignore", "always"):
        options = {"env": {"PYTHONWARNINGS": setting}, "cwd": tmp_path}
        want, got = python("-c", code, **options), python(*RUN, "-c", code, **options)
        assert (got.stdout, got.returncode) == (want.stdout, want.returncode)
        assert got.stderr.splitlines()[-1:] == want.stderr.splitlines()[-1:]


@pytest.mark.parametrize("body", ["print(i)", "sys.stdout.write(f'{i}\\n'); sys.stdout.flush()"])
def test_a_closed_pipe(tmp_path, body):
    """The reader goes away: the program ends as it does under `python`."""
    path = tmp_path / "program.py"
    path.write_text(f"import sys, torch\nfor i in range(100000):\n    {body}\n")

    def ending(*command):
        process = subprocess.Popen(
            [sys.executable, *command, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        error = process.stderr.read().decode()
        process.stderr.close()
        return process.wait(timeout=60), error.splitlines()[-1:]

    assert ending(*RUN) == ending()


def test_threads_and_exit_handlers(tmp_path):
    (tmp_path / "program.py").write_text(
        """
import atexit, threading, time, torch
atexit.register(print, "first registered")
atexit.register(lambda: print("last registered", torch.ones(1).item()))
seen = []
def work():
    seen.append(torch.is_grad_enabled())
    time.sleep(0.1)
    print("thread", torch.arange(3).sum().item())
with torch.no_grad():
    thread = threading.Thread(target=work)
    thread.start()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("main", seen, torch.is_grad_enabled())
raise SystemExit("done")
"""
    )
    want, got = python("program.py", cwd=tmp_path), python(*RUN, "program.py", cwd=tmp_path)
    assert (got.stdout, got.stderr, got.returncode) == (want.stdout, want.stderr, 1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_modules_and_tensors_go_to_other_processes(tmp_path, method):
    (tmp_path / "program.py").write_text(
        f"""
import multiprocessing, sys, torch
def work(queue, model, x):
    queue.put((type(model), type(x), torch.__name__, model(x).tolist(), __name__))
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.fill_(0.5), model.bias.zero_()
    queue = context.SimpleQueue()
    child = context.Process(target=work, args=(queue, model, torch.ones(3, 2)))
    child.start()
    print(*queue.get())
    child.join()
    failing = context.Process(target=sys.exit, args=(7,))
    failing.start(), failing.join()
    print(child.exitcode, failing.exitcode)
"""
    )
    want, got = python("program.py", cwd=tmp_path), python(*RUN, "program.py", cwd=tmp_path)
    assert got.stdout == want.stdout, got.stderr
    assert got.returncode == want.returncode == 0


@pytest.mark.parametrize("path", [(), ("Tensor",), ("linalg",), ("nn",), ("autograd",)])
def test_no_names_that_pytorch_lacks(path):
    import torch
    import whygrad

    theirs, ours = (functools.reduce(getattr, path, m) for m in (torch, whygrad))
    imported = {"Any", "Tensor", "annotations"}
    more = {n for n in dir(ours) if not n.startswith("_") and not hasattr(theirs, n)}
    allocator = {"memory_stats", "reset_peak_memory_stats", "empty_cache"}
    assert more - imported <= {"install_as_torch", *allocator}
