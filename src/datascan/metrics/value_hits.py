"""Records with bad values: how many of them, and the position of the first one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, Flagged, TallyMap
from datascan.records.block import ArrayColumn, Block
from datascan.records.statistics import in_float64

FindSuspects = Callable[[ArrayColumn], NDArray[np.bool_]]
"""Which records of a column may hold a bad value, bool (m,): fast, without false negatives."""

IsBad = Callable[[NDArray[Any]], NDArray[np.bool_]]
"""Which values are bad, as bool of the same shape."""

ColumnName = tuple[str, tuple[int, ...], bool]
"""Name and shape of a column, and whether it holds the records' own values."""

HitMap = TallyMap[ColumnName, Flagged]
"""Records with bad values, by column."""


def measure_value_hits(block: Block, find_suspects: FindSuspects, is_bad: IsBad) -> HitMap | None:
    """Bad values of all float columns.

    Facts, int64 (n, 3), are the number of bad values, the flat position of the first, and its bits.
    """
    found: dict[ColumnName, Flagged] = {}
    for column in block.arrays:
        if not column.is_float or not column.size:
            continue
        suspects = np.flatnonzero(find_suspects(column))
        if not len(suspects):
            continue
        values = column.take(suspects)
        bad = is_bad(values)
        counts = bad.sum(axis=1)
        hit = counts > 0
        if hit.any():
            first = bad[hit].argmax(axis=1)
            rows = suspects[hit]
            value = in_float64(values[hit, first])
            facts = np.stack([counts[hit], first, value.view(np.int64)], axis=1)
            name = (column.name, column.shape, column.primary)
            flagged = Flagged.of(block.start + column.rows[rows], facts)
            # Records of one shape but different storage are two columns with the same name.
            found[name] = found[name] + flagged if name in found else flagged
    return TallyMap(found) if found else None


class ValueHits(Struct, frozen=True, eq=False):
    """All bad values by record; each fact of ``flagged`` is the record's range of ``entries``."""

    flagged: Flagged
    names: tuple[ColumnName, ...]
    entries: NDArray[np.int64]

    @classmethod
    def of(cls, tally: HitMap) -> ValueHits:
        """Sort the hits of all columns by record."""
        # The records' own values come first.
        names = tuple(sorted(tally.entries, key=lambda name: (not name[2], *name[:2])))
        tallies = [tally.entries[name] for name in names]
        addresses = np.concatenate([t.addresses.array for t in tallies])
        facts = np.concatenate([t.facts.array for t in tallies])
        sizes = [len(t.addresses.array) for t in tallies]
        name_indices = np.repeat(np.arange(len(names)), sizes)
        order = np.argsort(addresses, kind="stable")
        entries = np.column_stack([name_indices, facts])[order]
        records, starts = np.unique(addresses[order], return_index=True)
        stops = np.append(starts[1:], len(order))
        ranges = np.stack([starts, stops], axis=1).astype(np.int64)
        return cls(Flagged(Concatenated((records,)), Concatenated((ranges,))), names, entries)

    @property
    def shares(self) -> NDArray[np.float64]:
        """The share of bad values among those of each record's columns with any, float64 (n,)."""
        sizes = np.array([np.prod(shape) for _, shape, _ in self.names])
        return self._sum(self.entries[:, 1]) / self._sum(sizes[self.entries[:, 0]])

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """The absolute value of the first bad value of each record, float64 (n,)."""
        first = self.flagged.facts.array[:, 0]
        return np.abs(np.ascontiguousarray(self.entries[first, 3]).view(np.float64))

    def _sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The sum of a value of all entries of each record."""
        starts = self.flagged.facts.array[:, 0]
        return np.add.reduceat(values.astype(np.float64), starts)

    def describe(self, fact: NDArray[np.int64]) -> str:
        """Describe one record: "2 of 64 values, first nan at [0, 3, 4]"."""
        return "; ".join(self._format_entry(*map(int, e)) for e in self.entries[fact[0] : fact[1]])

    def _format_entry(self, name: int, count: int, first: int, bits: int) -> str:
        column, shape, primary = self.names[name]
        size = int(np.prod(shape))
        value = float(np.int64(bits).view(np.float64))
        place = [int(i) for i in np.unravel_index(first, shape)] if shape else []
        where = f" at {place}" if place else ""
        prefix = "" if primary else f"{column}: "
        return f"{prefix}{count:,} of {size:,} values, first {value:g}{where}"
