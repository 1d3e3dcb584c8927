"""Records in which some values are wrong: how many of them, and where the first one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, Flagged, TallyMap
from datascan.records.block import ArrayColumn, Block

Suspect = Callable[[ArrayColumn], NDArray[np.bool_]]
"""Which records of a part may hold a wrong value, bool (m,): quick, never misses one."""

Matches = Callable[[NDArray[Any]], NDArray[np.bool_]]
"""Which values are wrong: any shape to bool of the same shape."""


def measure_value_hits(block: Block, suspect: Suspect, wrong: Matches) -> TallyMap | None:
    """Wrong values of all float parts: facts are (count, flat position of the first, its bits)."""
    found: dict[tuple[str, tuple[int, ...], bool], Flagged] = {}
    for part in block.arrays:
        if not part.is_float or not part.size:
            continue
        doubtful = np.flatnonzero(suspect(part))
        if not len(doubtful):
            continue
        values = part.take(doubtful)
        bad = wrong(values)
        counts = bad.sum(axis=1)
        hit = counts > 0
        if hit.any():
            first = bad[hit].argmax(axis=1)
            rows = doubtful[hit]
            value = values[hit, first].astype(np.float64)
            facts = np.stack([counts[hit], first, value.view(np.int64)], axis=1)
            name = (part.name, part.shape, part.primary)
            flagged = Flagged.of(block.start + part.rows[rows], facts)
            # Two parts of a block may have one name: records of one shape, written differently.
            found[name] = found[name] + flagged if name in found else flagged
    return TallyMap(found) if found else None


@dataclass(frozen=True, eq=False)
class ValueHits:
    """All wrong values, by record: ``flagged`` has one entry a record, a range of ``entries``."""

    flagged: Flagged
    names: tuple[tuple[str, tuple[int, ...], bool], ...]
    entries: NDArray[np.int64]

    @classmethod
    def of(cls, tally: TallyMap) -> ValueHits:
        """Sort what was measured by record."""
        # The block's own values first, whichever part failed first.
        names = tuple(sorted(tally.entries, key=lambda name: (not name[2], *name[:2])))
        tallies = [tally.entries[name] for name in names]
        addresses = np.concatenate([t.addresses.array for t in tallies])
        facts = np.concatenate([t.facts.array for t in tallies])
        sizes = [len(t.addresses.array) for t in tallies]
        number = np.repeat(np.arange(len(names)), sizes)
        order = np.argsort(addresses, kind="stable")
        entries = np.column_stack([number, facts])[order]
        records, starts = np.unique(addresses[order], return_index=True)
        stops = np.append(starts[1:], len(order))
        ranges = np.stack([starts, stops], axis=1).astype(np.int64)
        return cls(Flagged(Concatenated((records,)), Concatenated((ranges,))), names, entries)

    def describe(self, fact: NDArray[np.int64]) -> str:
        """Words for one record: "2 of 64 values, first nan at [0, 3, 4]"."""
        return "; ".join(self._entry(*map(int, e)) for e in self.entries[fact[0] : fact[1]])

    def _entry(self, name: int, count: int, first: int, bits: int) -> str:
        column, shape, primary = self.names[name]
        size = int(np.prod(shape))
        value = float(np.int64(bits).view(np.float64))
        place = [int(i) for i in np.unravel_index(first, shape)] if shape else []
        where = f" at {place}" if place else ""
        whose = "" if primary else f"{column}: "
        return f"{whose}{count:,} of {size:,} values, first {value:g}{where}"
