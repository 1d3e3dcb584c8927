"""Files known by device and inode, so that no other name hides them."""

from __future__ import annotations

import os
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode."""


def key(found: os.stat_result) -> Identity:
    """Device and inode."""
    return found.st_dev, found.st_ino


def state(path: Path) -> os.stat_result | None:
    """The state of what ``path`` leads to; None if there is nothing."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
