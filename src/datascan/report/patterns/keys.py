"""The keys of the records that are compared, looked up once for all findings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct

from datascan.metrics.base import sorted_distinct
from datascan.report.patterns.survey import Numbers
from datascan.scanner.result import ScanResult


class Keys(Struct, frozen=True, eq=False):
    """The ``keys`` of the records at ``positions``, int64 (n,), ascending."""

    positions: Numbers
    keys: list[str]

    @classmethod
    def of(cls, scanned: ScanResult, wanted: Iterable[Numbers]) -> Keys:
        """Look up the keys of the records at all these positions."""
        positions = sorted_distinct(np.concatenate([np.empty(0, np.int64), *wanted]))
        return cls(positions, scanned.lookup_keys(scanned.summary.addresses(positions)))

    def at(self, positions: Numbers) -> list[str]:
        """The keys at ``positions``, all of which were looked up; empty if none were."""
        if not len(self.positions):
            return []
        return [self.keys[i] for i in np.searchsorted(self.positions, positions).tolist()]
