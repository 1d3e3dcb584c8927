"""Reads some records of a finding again, for the places of their bad values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.executors.base import Executor, WorkerSlot
from datascan.metrics.base import sorted_distinct
from datascan.readers.base import Reader
from datascan.readers.tracked import tracked_blocks
from datascan.records.block import ArrayColumn
from datascan.records.shard import Shard
from datascan.report.patterns.survey import Numbers, keep_shards
from datascan.scanner.reread import (
    RowsByShard,
    blocks_with_rows,
    reread,
    rows_by_shard,
    slices_with_rows,
)
from datascan.scanner.result import ScanResult
from datascan.scanner.small_records import spread

MAX_READ = 4_096
"""All records of a finding are read again if they are no more, and in at most 16 shards.

Of a dataset that is small as a whole, the shards do not matter.
"""

MAX_SAMPLE = 512
"""Otherwise this many of them are read, in at most 4 shards."""

MAX_SHARDS = 4

MAX_BYTES = 64 << 20
"""The most bytes of them, estimated from the mean size of the records."""

MIN_READ = 32

SPAN_BYTES = 32 << 20
"""In a larger part of a shard, a few records are read one by one, if the reader can."""

MAX_SEEKS = 16
"""How many."""

MAX_LISTED = 4
"""Of each axis up to this many indices are listed; of more, only the first and the last."""

IsBad = Callable[[NDArray[Any]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class AxisPlaces:
    """The indices along one axis at which a record has bad values, ascending.

    ``listed``: all of them; None if there are more than 4.
    """

    first: int
    last: int
    listed: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class RecordPlaces:
    """Where the ``count`` bad values of one record are, in one column."""

    address: int
    column: str
    primary: bool
    shape: tuple[int, ...]
    count: int
    axes: tuple[AxisPlaces, ...]


@dataclass(frozen=True)
class FoundPlaces:
    """The places found in some records, and the names of all columns of numbers seen."""

    records: list[RecordPlaces]
    columns: frozenset[str]


@dataclass(frozen=True)
class PlaceTask:
    """The task that finds the bad values of chosen rows."""

    reader: Reader
    rows: RowsByShard
    is_bad: IsBad
    max_span: int
    """Rows that are further apart are read one by one."""

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> FoundPlaces:
        """The places in the chosen rows of the shard."""
        rows = self.rows[shard.index]
        found: list[RecordPlaces] = []
        columns: set[str] = set()
        apart = is_apart(rows, self.max_span) and self.reader.is_seekable
        for part in slices_with_rows(shard, rows, one_by_one=apart):
            blocks = tracked_blocks(self.reader, part, slot, decode=False)
            for block, places in blocks_with_rows(blocks, shard, rows):
                for column in block.arrays:
                    if column.size:
                        columns.add(column.name)
                        found += self._find(column, block.start, places)
        return FoundPlaces(found, frozenset(columns))

    def on_failure(self, shard: Shard, reason: str) -> FoundPlaces:  # noqa: ARG002  (a sample without these records is enough)
        """Nothing of rows that cannot be read again."""
        return FoundPlaces([], frozenset())

    def _find(self, column: ArrayColumn, start: int, places: Numbers) -> list[RecordPlaces]:
        chosen = np.flatnonzero(np.isin(column.rows, places))
        if not len(chosen):
            return []
        bad = self.is_bad(column.take(chosen)).reshape(len(chosen), *column.shape)
        kind = column.name, column.primary, column.shape
        return [
            RecordPlaces(start + int(column.rows[at]), *kind, int(one.sum()), find_axes(one))
            for at, one in zip(chosen.tolist(), bad, strict=True)
            if one.any()
        ]


def find_axes(bad: NDArray[np.bool_]) -> tuple[AxisPlaces, ...]:
    """The places of bad values along each axis of a record, which has at least one."""
    found = []
    for axis in range(bad.ndim):
        others = tuple(other for other in range(bad.ndim) if other != axis)
        indices = np.flatnonzero(bad.any(axis=others)).tolist()
        listed = tuple(indices) if len(indices) <= MAX_LISTED else None
        found.append(AxisPlaces(indices[0], indices[-1], listed))
    return tuple(found)


def read_places(
    scanned: ScanResult,
    addresses: Numbers,
    is_bad: IsBad,
    executor: Executor,
    on_tick: Callable[[], None],
) -> FoundPlaces:
    """The places of bad values in a sample of the records at ``addresses``, evenly spread."""
    dataset = scanned.summary
    max_span = max(1, SPAN_BYTES * dataset.records // max(1, scanned.nbytes))
    rows = choose_read(scanned, addresses, max_span)
    task = PlaceTask(scanned.reader, rows, is_bad, max_span)
    pieces = list(reread(task, dataset.plan, executor, rows, on_tick=on_tick))
    records = [record for piece in pieces for record in piece.records]
    return FoundPlaces(records, frozenset().union(*(piece.columns for piece in pieces)))


def choose_read(scanned: ScanResult, addresses: Numbers, max_span: int) -> dict[int, Numbers]:
    """The rows of the records that are read again, ascending, by shard."""
    dataset = scanned.summary
    whole = sorted_distinct(dataset.positions(addresses))
    affordable = max(MIN_READ, MAX_BYTES * dataset.records // max(1, scanned.nbytes))
    count = min(MAX_READ, affordable)
    positions = whole if scanned.nbytes <= MAX_BYTES else keep_shards(dataset, whole)
    if len(positions) < len(whole) or len(whole) > count:
        positions = keep_shards(dataset, whole, MAX_SHARDS)
        count = min(MAX_SAMPLE, affordable)
    rows = rows_by_shard(dataset.addresses(positions[spread(len(positions), count)]))
    if scanned.reader.is_seekable:
        return {
            shard: one[spread(len(one), MAX_SEEKS)] if is_apart(one, max_span) else one
            for shard, one in rows.items()
        }
    return rows


def is_apart(rows: Numbers, max_span: int) -> bool:
    """Whether ``rows``, ascending, are too far from each other to read all between them."""
    return int(rows[-1] - rows[0]) >= max_span
