"""Runs of rows: what a shard of HDF5 files consists of, cut by limits, samples and size.

A dataset may consist of thousands of files with a few rows each. Their rows are read together, as
if they were those of one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from datascan.readers.sample import Spans
from datascan.records.part import is_boundary

if TYPE_CHECKING:
    from datascan.readers.hdf5.inventory import DatasetInfo
    from datascan.readers.hdf5.selection import Table

MAX_SHARD_ROWS = 1 << 19
"""The maximum number of rows of a shard: what is known of short rows takes more than they do."""

MAX_SMALL_ROWS, MAX_SMALL_BYTES = 64, 1 << 16
"""Runs of at most this size are read together."""

MAX_GROUP_ROWS, MAX_GROUP_BYTES = 4096, 1 << 22
MIN_GROUP_RUNS, BOUNDARIES = 16, 64
"""A group of this many runs ends at one file in this many, on average; see ``is_boundary``."""


class RowRun(Struct, frozen=True):
    """Rows ``first`` <= row < ``stop`` of a table; ``file`` and ``table`` are indices."""

    file: int
    table: int
    first: int
    stop: int

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.stop - self.first


class RunGroup(Struct, frozen=True):
    """Runs that are read together.

    ``starts``: the row of the shard at which each begins, and the number of all rows.
    """

    runs: tuple[RowRun, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, runs: Sequence[RowRun]) -> RunGroup:
        """The group of some runs."""
        starts = np.cumsum([0, *(run.rows for run in runs)]).tolist()
        return cls(tuple(runs), tuple(starts))

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.starts[-1]

    def find(self, row: int) -> tuple[RowRun, int]:
        """The run to which a row of the shard belongs, and the row of its table."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        run = self.runs[number]
        return run, run.first + row - self.starts[number]

    def cut(self, first: int, stop: int) -> Iterator[RowRun]:
        """The runs of rows ``first`` <= row < ``stop`` of the shard."""
        for run, start in zip(self.runs, self.starts, strict=False):
            low, high = max(first, start), min(stop, start + run.rows)
            if low < high:
                shift = run.first - start
                yield RowRun(run.file, run.table, low + shift, high + shift)


def limit_runs(runs: Iterator[RowRun], limit: int | None) -> Iterator[RowRun]:
    """The runs of the first ``limit`` rows, the last one shortened."""
    for run in runs:
        if limit is None or run.rows <= limit:
            yield run
        elif limit:
            yield RowRun(run.file, run.table, run.first, run.first + limit)
        if limit is not None and (limit := limit - run.rows) <= 0:
            return


def cut_runs(runs: Sequence[RowRun], spans: Spans) -> tuple[list[RowRun], tuple[int, ...]]:
    """The rows of ``spans``, which are indices of records, as runs, and the first index of each."""
    found: list[RowRun] = []
    origins: list[int] = []
    starts = np.cumsum([0, *(run.rows for run in runs)])
    for first, stop in spans:
        # Empty runs start where the next one does; the last of them has the row.
        for number in range(int(np.searchsorted(starts, first, side="right")) - 1, len(runs)):
            run, start = runs[number], int(starts[number])
            low, high = max(first, start), min(stop, start + run.rows)
            if low >= stop:
                break
            shift = run.first - start
            found.append(RowRun(run.file, run.table, low + shift, high + shift))
            origins.append(low)
    return found, tuple(origins)


def group_runs(
    runs: Sequence[RowRun],
    table_of: Callable[[RowRun], Table],
    shard_bytes: int,
    name_of: Callable[[RowRun], bytes] = lambda _: b"",
) -> Iterator[RowRun | RunGroup]:
    """The same rows in the same order, with small runs of equal tables in groups.

    ``shard_bytes``: how large a group may be. ``name_of``: the name of the file of a run, by whose
    hash groups end, so that a file that is added changes few groups.
    """
    group: list[RowRun] = []
    rows, kind = 0, None
    for run in runs:
        table = table_of(run)
        own = kind_of(table) if is_small(run, table) else None
        fits = rows + run.rows <= max_group_rows(table, shard_bytes)
        fits &= len(group) < MIN_GROUP_RUNS or not is_boundary(name_of(run), BOUNDARIES)
        if group and (own is None or own != kind or not fits):
            yield RunGroup.of(group) if len(group) > 1 else group[0]
            group, rows = [], 0
        kind = own
        if own is None:
            yield run
        else:
            group.append(run)
            rows += run.rows
    if group:
        yield RunGroup.of(group) if len(group) > 1 else group[0]


def is_small(run: RowRun, table: Table) -> bool:
    """Whether the rows of a run may be read together with those of others, without HDF5."""
    columns = (table.data, table.label, *table.extras)
    is_direct = all(column is None or column.place is not None for column in columns)
    is_few = run.rows <= MAX_SMALL_ROWS and run.rows * record_bytes(table) <= MAX_SMALL_BYTES
    return is_direct and is_few and run.rows == table.data.rows


def max_group_rows(table: Table, shard_bytes: int) -> int:
    """How many rows of tables of a kind are read together."""
    return min(MAX_GROUP_ROWS, min(MAX_GROUP_BYTES, shard_bytes) // max(1, record_bytes(table)))


def kind_of(table: Table) -> tuple[object, ...]:
    """What two tables have in common whose rows can be in one block."""

    def column_kind(column: DatasetInfo | None) -> tuple[object, ...] | None:
        return (column.name, column.shape, column.dtype) if column else None

    columns = (table.data, table.label, *table.extras)
    return tuple(column_kind(column) for column in columns)


def record_bytes(table: Table) -> int:
    """The size of one record in bytes, without its label."""
    return table.data.record_bytes + sum(extra.record_bytes for extra in table.extras)


def rows_per_shard(table: Table, shard_bytes: int) -> int:
    """The number of rows of about ``shard_bytes``: complete chunks, and at least one."""
    rows = min(MAX_SHARD_ROWS, max(1, shard_bytes // max(1, record_bytes(table))))
    chunk = max(1, table.data.chunk_rows)
    return max(chunk, rows // chunk * chunk)
