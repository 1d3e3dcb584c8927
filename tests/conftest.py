"""What several tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Datasets written by Caffe, where they are at hand beside the project."""
    if not SHARED.is_dir():
        pytest.skip("no datasets beside the project")
    return SHARED
