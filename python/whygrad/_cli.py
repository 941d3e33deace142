"""The command line: `python -m whygrad run script.py`, also installed as `whygrad`.

`run` replaces this process by a plain `python script.py` in which `_startup/sitecustomize.py`
has made `import torch` mean whygrad. Since the script really runs under plain Python, sys.argv,
`__main__`, the exit code, signals, tracebacks, pickling and the start of child processes are
Python's own; child processes inherit the environment and are served too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

_STARTUP = str(Path(__file__).resolve().parent / "_startup")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line `argv` (without the program's name; `sys.argv[1:]` by default).

    Does not return: the process becomes the program's, or exits with the help or an error.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser, run_parser = _parsers()
    if arguments[:1] != ["run"]:
        parser.parse_args(arguments or ["-h"])
        parser.error("the command comes first")
    # What follows `run` is Python's own command line. argparse cannot take that as it is, and
    # sees only what does not begin like a program.
    program = arguments[1:]
    if not program or not _is_program(program[0]):
        run_parser.parse_args(program)
        run_parser.error("a script, -m module or -c code is required")
    if program in (["-m"], ["-c"]):
        run_parser.error(f"argument {program[0]}: expected one argument")
    _run(program, run_parser)


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The parser of the whole command line and that of `run`, for usage, help and errors."""
    as_module = Path(sys.argv[0]).name == "__main__.py"
    parser = argparse.ArgumentParser(
        prog="python -m whygrad" if as_module else "whygrad",
        description="whygrad, a PyTorch-compatible autograd engine",
    )
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    run_parser = commands.add_parser(
        "run",
        usage="%(prog)s [-h] (script | - | -m module | -c code) [argument ...]",
        help="run a PyTorch script on whygrad",
        description="Run an unmodified PyTorch program with `import torch` served by whygrad. "
        "Everything else is as under `python`, also in child processes.",
    )
    run_parser.add_argument("script", nargs="?", help="a script, or - for standard input")
    run_parser.add_argument("-m", metavar="module", help="run a module, as `python -m`")
    run_parser.add_argument("-c", metavar="code", help="run code, as `python -c`")
    run_parser.add_argument("argument", nargs="*", help="arguments of the program")
    return parser, run_parser


def _is_program(argument: str) -> bool:
    """Whether `argument` begins what Python runs: script, -, -m module or -c code."""
    return argument == "-" or not argument.startswith("-") or argument[:2] in ("-m", "-c")


def _run(program: Sequence[str], parser: argparse.ArgumentParser) -> NoReturn:
    """Become `python <program>` with torch served by whygrad. Does not return."""
    for flag, off in (("-I or -E", sys.flags.ignore_environment), ("-S", sys.flags.no_site)):
        if off:
            parser.error(f"python's option {flag} switches off what serves torch to the program")
    environment = dict(os.environ)
    inherited = environment.get("PYTHONPATH")
    entries = inherited.split(os.pathsep) if inherited else []
    others = [entry for entry in entries if entry != _STARTUP]
    environment["PYTHONPATH"] = os.pathsep.join([_STARTUP, *others])
    environment["WHYGRAD_RUN_PREFIX"] = sys.prefix
    # What was printed so far (by a sitecustomize) would be lost with this process' buffers.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *_interpreter_flags(), *program], environment)


def _interpreter_flags() -> list[str]:
    """The options that this interpreter was started with, such as -O, -X dev or -W error."""
    # What multiprocessing passes to its children; there is no public name for it.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    if getattr(sys.stdout, "write_through", False):
        flags.append("-u")
    if sys.flags.inspect:
        flags.append("-i")
    return flags
