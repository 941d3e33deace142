"""Settings of the Python tests: the engine under test as a fixture, and hypothesis' profiles."""

from __future__ import annotations

import os

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


@pytest.fixture
def torch():
    """The engine under test, for checks that need no reference."""
    engine = parity.subject()
    parity.reset(engine)
    return engine
