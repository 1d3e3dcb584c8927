"""A short run of ``scripts/fuzz``: some variants of each kind of dataset."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_damage_at_random():
    result = subprocess.run(
        [sys.executable, "-m", "tests.damage.fuzz", "--variants", "84", "--seconds", "60"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "failures" in result.stdout
