"""`python -m whygrad run` behaves as `python`, except that torch is whygrad, in children too."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

RUN = ("-m", "whygrad", "run")
SERVED = "import torch, whygrad; print(torch is whygrad)"


def python(*command, flags=(), directory=None, stdin="", env=None):
    return subprocess.run(
        [sys.executable, *flags, *map(str, command)],
        cwd=directory,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
    )


def check(*command, **kwargs):
    """Run `python command` and `python -m whygrad run command`; they must not differ."""
    want = python(*command, **kwargs)
    got = python(*RUN, *command, **kwargs)
    assert (got.returncode, got.stdout, got.stderr) == (want.returncode, want.stdout, want.stderr)
    return got


@pytest.fixture
def script(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


REPORT = """
    import sys, os, pickle, __main__
    class Thing: pass
    print(sys.argv, sys.path, __name__, __spec__ is None, __main__.__dict__.get("__file__"))
    print(sorted(vars(__main__)), __builtins__, type(__loader__))
    print(sys._getframe().f_back and sys._getframe().f_back.f_code.co_name)
    print(pickle.loads(pickle.dumps(Thing())).__class__ is Thing, Thing.__module__)
    print(sys.executable, sys.flags, sys.warnoptions, sys._xoptions, os.getcwd(), sys.stdin.read())
"""


def test_script_sees_what_python_shows(script, tmp_path):
    path = script(REPORT)
    check(path)
    check(path, "-m", "-c", "--", "-h", "run", "", directory=tmp_path)
    check("program.py", "-x", directory=tmp_path)
    check(path, stdin="some input")


@pytest.mark.parametrize(
    "flags", [("-O",), ("-OO", "-B"), ("-W", "error::UserWarning"), ("-X", "dev"), ("-P",), ("-s",)]
)
def test_interpreter_options_are_kept(script, flags):
    if flags == ("-P",) and sys.version_info < (3, 11):
        pytest.skip("-P is new in Python 3.11")
    check(script(REPORT), flags=flags)


def test_unbuffered_is_kept(script):
    path = script("import sys; print(sys.stdout.write_through)")
    assert check(path, flags=("-u",)).stdout == "True\n"


def test_module_code_and_stdin(script, tmp_path):
    script(REPORT)
    check("-m", "program", "-a", directory=tmp_path)
    check("-c", "import sys; print(sys.argv, sys.path[0])", "-m", "x", directory=tmp_path)
    check("-cimport sys; print(sys.argv)", "a", directory=tmp_path)
    check("-", "a", "-b", stdin="import sys; print(sys.argv, __name__)", directory=tmp_path)
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text("import sys; print(sys.argv, __package__, sys.path[0])")
    check("-m", "package", "b", directory=tmp_path)
    check("package", "c", directory=tmp_path)


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "raise SystemExit",
        "raise SystemExit(0)",
        "raise SystemExit(3)",
        "raise SystemExit('words')",
        "raise SystemExit(None)",
        "import sys; sys.exit([1, 2])",
        "import os; os._exit(7)",
        "import os; os.abort()",
        "1 / 0",
        "def f():\n    raise ValueError('two\\nlines') from KeyError(1)\nf()",
        "raise KeyboardInterrupt",
        "import signal, os; os.kill(os.getpid(), signal.SIGTERM)",
        "syntax error here",
        "import no_such_module",
        "class E(BaseException): pass\nraise E('x')",
        "import atexit; atexit.register(print, 'bye'); raise RuntimeError",
        "import threading\nthreading.Thread(target=lambda: 1 / 0, name='T').start()",
        "import warnings; warnings.warn('careful')",
        "import traceback; traceback.print_stack()",
        "def f(): f()\nf()",
    ],
)
def test_endings(script, ending):
    check(script(ending))


def test_missing_script_is_pythons_error(tmp_path):
    assert check("nosuch.py", directory=tmp_path).returncode == 2
    check("-m", "no_such_module", directory=tmp_path)


def test_interrupt_ends_it_by_signal(script):
    path = script(
        """
        import sys, time
        print("ready", flush=True)
        time.sleep(60)
        """
    )
    # Tests that a shell started in the background inherit that SIGINT is ignored.
    process = subprocess.Popen(
        [sys.executable, *RUN, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert stderr.endswith("KeyboardInterrupt\n") and "whygrad" not in stderr


def test_torch_is_served(script, tmp_path):
    path = script(
        """
        import torch
        import torch.nn.functional as F
        from torch import nn
        from torch.utils.data import DataLoader
        import whygrad, whygrad.utils.data, sys
        assert torch is whygrad is sys.modules["torch"]
        assert nn is whygrad.nn is torch.nn is sys.modules["torch.nn"]
        assert F is whygrad.nn.functional is nn.functional
        assert DataLoader is whygrad.utils.data.DataLoader
        print("served")
        """
    )
    assert python(*RUN, path).stdout == "served\n"
    assert python(*RUN, "-m", "program", directory=tmp_path).stdout == "served\n"
    assert python(*RUN, "-c", SERVED).stdout == "True\n"
    assert python(*RUN, "-", stdin=SERVED).stdout == "True\n"


def test_torch_is_not_loaded_before_it_is_asked_for():
    code = "import sys; print([name for name in sys.modules if name in ('torch', 'whygrad')])"
    assert python(*RUN, "-c", code).stdout == "[]\n"


def test_child_processes_are_served(script):
    path = script(
        f"""
        import subprocess, sys, os
        subprocess.run([sys.executable, "-c", {SERVED!r}])
        subprocess.run([sys.executable, "-m", "whygrad", "run", "-c", {SERVED!r}])
        os.system(f"{{sys.executable}} -c '{SERVED}'")
        """
    )
    assert python(*RUN, path).stdout == "True\n" * 3


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_is_served(script, method):
    path = script(
        """
        import multiprocessing, sys
        import torch
        class Job:
            def __init__(self, n): self.n = n
        def work(job):
            import whygrad
            return torch is whygrad, job.n + 1, __name__ == "__mp_main__", type(job).__module__
        if __name__ == "__main__":
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                print(pool.map(work, [Job(1), Job(2)]))
        """
    )
    got = python(*RUN, path, method)
    again = method != "fork"
    module = "__mp_main__" if again else "__main__"
    assert got.stdout == f"{[(True, n, again, module) for n in (2, 3)]}\n", got.stderr


def test_other_environments_are_left_alone():
    """A child that is another environment's Python must find its own torch, or none."""
    code = "import sys; print(any('_dropin._Finder' in repr(finder) for finder in sys.meta_path))"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    assert python(*RUN, "-c", start).stdout == "True\n"
    leave = f"import os; os.environ['WHYGRAD_RUN_PREFIX'] = '/another'; {start}"
    assert python(*RUN, "-c", leave).stdout == "False\n"


@pytest.mark.parametrize("text", ["print('theirs', __file__)", "import missing_thing"])
def test_an_existing_sitecustomize_still_runs(tmp_path, text):
    """It runs in the command's own interpreter first, then in the program's, as always."""
    (tmp_path / "sitecustomize.py").write_text(text)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    code = "import sys; print(sys.path); import sitecustomize; print(sitecustomize.__file__)"
    want = python("-c", code, env={"PYTHONPATH": path})
    got = python(*RUN, "-c", code, env={"PYTHONPATH": path})
    own = python("-c", "", env={"PYTHONPATH": path})
    if text.startswith("import"):
        assert "missing_thing" in own.stderr and "ModuleNotFoundError" in want.stderr
        assert got.stderr == own.stderr + want.stderr
    else:
        assert got.stdout == own.stdout + want.stdout and "theirs" in own.stdout
    assert got.returncode == want.returncode
    served = python(*RUN, "-c", SERVED, env={"PYTHONPATH": path})
    assert served.stdout.endswith("True\n")


def test_environment_is_extended_only():
    show = "import os; print({k: v for k, v in os.environ.items() if k != '_'})"
    before = eval(python("-c", show).stdout)
    once = eval(python(*RUN, "-c", show).stdout)
    added = {name: value for name, value in once.items() if before.get(name) != value}
    assert set(added) == {"PYTHONPATH", "WHYGRAD_RUN_PREFIX"}
    inherited = before.get("PYTHONPATH")
    startup = once["PYTHONPATH"].split(os.pathsep)[0]
    assert once["PYTHONPATH"] == (f"{startup}{os.pathsep}{inherited}" if inherited else startup)
    assert eval(python(*RUN, *RUN, "-c", show).stdout) == once


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("run",), "a script, -m module or -c code is required"),
        (("run", "-x"), "whygrad run: error: unrecognized arguments: -x"),
        (("run", "--fast", "program.py"), "unrecognized arguments: --fast"),
        (("run", "-m"), "argument -m: expected one argument"),
        (("run", "-c"), "argument -c: expected one argument"),
        (("walk",), "invalid choice: 'walk'"),
        (("--fast",), "required: command"),
        (("-x", "run", "program.py"), "unrecognized arguments: -x"),
    ],
)
def test_usage_errors(arguments, words):
    got = python("-m", "whygrad", *arguments)
    assert got.returncode == 2 and got.stdout == ""
    assert got.stderr.startswith("usage: python -m whygrad") and words in got.stderr


def test_help():
    for arguments in ((), ("-h",), ("run", "-h")):
        got = python("-m", "whygrad", *arguments)
        assert got.returncode == 0 and got.stdout.startswith("usage: python -m whygrad")


def test_options_that_switch_off_the_environment_are_refused():
    got = python(*RUN, "-c", "1", flags=("-E",))
    assert got.returncode in (1, 2)  # 1 where PYTHONPATH itself is what makes whygrad importable
    if got.returncode == 2:
        assert "-I or -E switches off what serves torch" in got.stderr


def test_numpy_is_imported_when_it_is_needed():
    """It would be the larger part of what `import torch` costs."""
    code = "import sys, whygrad; print('numpy' in sys.modules); whygrad.ones(2).numpy()"
    result = python("-c", code + "; print('numpy' in sys.modules)")
    assert result.stdout.split() == ["False", "True"], result.stderr
