"""Running shards in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datascan.executors.base import BYTES, NO_ROW, RECORDS


class LocalSlots(list[int]):
    """The board of a scan in this process: every advance is told at once."""

    def __init__(self, tick: Callable[[int, int], None]) -> None:
        super().__init__([NO_ROW, 0, 0, 0])
        self.tick = tick

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        if index == BYTES:
            self.tick(self[RECORDS], self[BYTES])
