"""HDF5 files: data and label, or every dataset of numbers where there is no such pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.readers.base import Reader
from datascan.readers.hdf5.files import Source, expand_sources, is_hdf5, is_list
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard

if TYPE_CHECKING:
    from datascan.readers.hdf5.blocks import OpenTable
    from datascan.readers.hdf5.selection import Selection, Table
    from datascan.readers.hdf5.text_labels import TextLabels

MAX_SHARD_ROWS = 1 << 24
"""A shard holds at most so many rows."""


@dataclass(frozen=True, slots=True)
class RowRun:
    """Rows ``first`` <= row < ``stop`` of a table of a file, both by number."""

    file: int
    table: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A file and those of its tables that can be read."""

    source: Source
    tables: tuple[Table, ...]
    whole: bool


class Hdf5Reader(Reader):
    """Reads files one after the other, each opened read-only and without a lock."""

    name = "hdf5"
    accepts_many = True

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.files: tuple[Planned, ...] = ()
        self.words: TextLabels | None = None
        self._opened: tuple[int, Any] | None = None
        self._table: tuple[tuple[int, int], OpenTable] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_table": None}

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """A file with the HDF5 signature, or a text whose first lines name such files."""
        return path.is_file() and (is_hdf5(path) or is_list(path))

    def plan(self) -> Plan:
        """Choose the datasets of every file, and cut their rows into shards."""
        from datascan.readers.hdf5.planning import FileQuery, isolated_planner  # noqa: PLC0415
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415

        sources, faults = expand_sources(self.paths)
        limit = self.options.read.limit
        files: list[Planned] = []
        first: Selection | None = None
        rows, risky = 0, False
        words: set[bytes] = set()
        with isolated_planner(self.options) as plan_file:
            for source in sources:
                if limit is not None and rows >= limit:
                    break
                found = plan_file(FileQuery(source, self.options.read, first))
                faults += found.faults
                if found.selection is None:
                    continue
                first = first or found.selection
                files.append(Planned(source, tuple(found.tables), found.selection.whole))
                rows += sum(table.data.rows for table in found.tables)
                risky |= found.is_decoded
                words |= found.label_texts
        self.files = tuple(files)
        self.words = TextLabels.of(words)
        runs = list(limit_runs(self._runs(), limit))
        return Plan(
            shards=tuple(Shard(i, run) for i, run in enumerate(runs)),
            layout="hdf5-datasets" if any(file.whole for file in files) else "hdf5",
            nbytes=sum((run.stop - run.first) * record_bytes(self.table_of(run)) for run in runs),
            faults=tuple(faults),
            class_names=self.words.names,
            records=sum(run.stop - run.first for run in runs),
            needs_isolation=risky,
        )

    def _runs(self) -> Iterator[RowRun]:
        for number, file in enumerate(self.files):
            for at, table in enumerate(file.tables):
                step = rows_per_shard(table, self.options.read.shard_bytes)
                for first in range(0, table.data.rows, step):
                    yield RowRun(number, at, first, min(first + step, table.data.rows))

    def table_of(self, run: RowRun) -> Table:
        """The table whose rows ``run`` describes."""
        return self.files[run.file].tables[run.table]

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The shard's blocks."""
        from datascan.readers.hdf5.blocks import BlockContext, blocks  # noqa: PLC0415
        from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason  # noqa: PLC0415
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415

        run: RowRun = shard.span
        first = run.first + shard.first
        stop = run.stop if shard.last is None else min(run.stop, run.first + shard.last)
        try:
            table = self._open(run)
        except HDF5_ERRORS as error:
            why = f"{self.files[run.file].source.shown} can no longer be opened: {reason(error)}"
            faults = tuple(Fault(row, "damaged-store", why) for row in range(stop - first))
            yield Block(shard.base + shard.first, stop - first, 0, faults=faults)
            return
        words = self.words or TextLabels()
        context = BlockContext(
            base=shard.base - run.first,
            track=TableTracker(track, run.first),
            options=self.options.read,
            text_labels=words,
            decode_images=decode,
        )
        yield from blocks(table, context, first, stop)

    def _open(self, run: RowRun) -> OpenTable:
        """The table's columns, opened once for all shards that follow one another."""
        from datascan.readers.hdf5.blocks import open_table  # noqa: PLC0415
        from datascan.readers.hdf5.open_file import open_file  # noqa: PLC0415

        planned = self.files[run.file]
        if self._opened is None or self._opened[0] != run.file:
            self.close()
            self._opened = run.file, open_file(planned.source.path)
        key = run.file, run.table
        if self._table is None or self._table[0] != key:
            table = open_table(self._opened[1], self.table_of(run), whole=planned.whole)
            self._table = key, table
        return self._table[1]

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """``file.h5:dataset[row]``."""
        run: RowRun = shard.span
        name = f"{self.files[run.file].source.shown}:{self.table_of(run).data.name}"
        return [f"{name}[{run.first + row}]" for row in rows]

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """How many rows the shard has."""
        run: RowRun = shard.span
        return run.stop - run.first

    def close(self) -> None:
        """Close the file that is open, if any."""
        if self._opened is not None:
            self._opened[1].close()
        self._opened = self._table = None


@dataclass(frozen=True)
class TableTracker:
    """Tracks rows of a table as rows of the shard that begins at its row ``first``."""

    track: Tracker
    first: int

    def __call__(self, row: int, count: int) -> None:
        """Track ``count`` rows of the table from ``row`` on."""
        self.track(row - self.first, count)


def limit_runs(runs: Iterator[RowRun], limit: int | None) -> Iterator[RowRun]:
    """The runs that hold the first ``limit`` rows, the last one cut."""
    for run in runs:
        rows = run.stop - run.first
        if limit is None or rows <= limit:
            yield run
        elif limit:
            yield RowRun(run.file, run.table, run.first, run.first + limit)
        if limit is not None and (limit := limit - rows) <= 0:
            return


def record_bytes(table: Table) -> int:
    """The bytes of one record, without its label."""
    return table.data.record_bytes + sum(extra.record_bytes for extra in table.extras)


def rows_per_shard(table: Table, shard_bytes: int) -> int:
    """Rows of about ``shard_bytes``: whole chunks, and at least one."""
    rows = min(MAX_SHARD_ROWS, max(1, shard_bytes // max(1, record_bytes(table))))
    chunk = max(1, table.data.chunk_rows)
    return max(chunk, rows // chunk * chunk)
