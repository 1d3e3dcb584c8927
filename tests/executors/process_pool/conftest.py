"""Worker processes that start fast."""

from __future__ import annotations

import pytest

from datascan.executors.process_pool import worker_group


@pytest.fixture
def forked(monkeypatch):
    """Workers are forked, although threads of NumPy would have them spawned."""
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")
