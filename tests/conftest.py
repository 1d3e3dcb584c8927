"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# As the command does: with threads of NumPy's, worker processes could not be forked.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# What datascan asks of its surroundings; the tests that want one of these set it.
for name in ("CI", "FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)

# How long an example takes depends on what else the machine does.
settings.register_profile("datascan", deadline=None)
settings.load_profile("datascan")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Datasets written by Caffe, in a folder next to the project; skips the test without them."""
    if not SHARED.is_dir():
        pytest.skip("the datasets written by Caffe are not available")
    return SHARED
