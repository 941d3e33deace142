"""Settings of the Python tests: the engine under test as a fixture, hypothesis' profiles, and the
list of known differences from PyTorch.

known_differences.txt names the tests that fail for a reason that is known and open. They are
expected to fail; one that passes is reported as XPASS, and its line can go.
`pytest --update-known` runs everything and rewrites the list.
"""

from __future__ import annotations

import os
from pathlib import Path

import parity
import pytest
from hypothesis import HealthCheck, settings

COMMON = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("quick", max_examples=300, derandomize=True, database=None, **COMMON)
settings.register_profile("long", max_examples=20_000, **COMMON)
settings.load_profile("long" if os.environ.get("WHYGRAD_FUZZ") == "long" else "quick")

KNOWN = Path(__file__).with_name("known_differences.txt")


@pytest.fixture
def torch():
    """The engine under test, for checks that need no reference."""
    engine = parity.subject()
    parity.reset(engine)
    return engine


def pytest_addoption(parser):
    parser.addoption("--update-known", action="store_true", help=f"rewrite {KNOWN.name}")


def name_of(nodeid: str) -> str:
    """A test's name in the list: from this folder, whatever folder pytest was started in."""
    return nodeid.removeprefix("tests/python/")


def known() -> set[str]:
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def pytest_collection_modifyitems(config, items):
    if parity.SELFTEST or config.getoption("--update-known"):
        return
    expected = known()
    for item in items:
        if name_of(item.nodeid) in expected:
            item.add_marker(pytest.mark.xfail(reason="known difference from PyTorch", strict=False))


class Recorder:
    """Collects the outcome of every test that ran, and rewrites its line of the list."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(name_of(report.nodeid))
        elif report.when == "call":
            self.passed.add(name_of(report.nodeid))

    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workerinput"):
            return  # with xdist, only the main process has heard of every test
        comments = [s for s in KNOWN.read_text().splitlines() if s.startswith("#")]
        lines = sorted((known() - self.passed) | self.failed)
        KNOWN.write_text("\n".join([*comments, *lines]) + "\n")


def pytest_configure(config):
    if config.getoption("--update-known"):
        config.pluginmanager.register(Recorder())
