"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Datasets written by Caffe, in a folder next to the project; skips the test without them."""
    if not SHARED.is_dir():
        pytest.skip("the datasets written by Caffe are not available")
    return SHARED
