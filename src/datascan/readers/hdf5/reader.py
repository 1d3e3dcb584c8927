"""The HDF5 reader: data and label, or every numeric dataset if there is no such pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.readers.base import Reader
from datascan.readers.dataset_files import FileStatus, find_status
from datascan.readers.hdf5.activity import Activity, find_writer, observe
from datascan.readers.hdf5.files import Source, expand_sources, is_hdf5, is_list
from datascan.readers.sample import Spans, sample_spans
from datascan.records.block import Block, Fault, Uninspected
from datascan.records.key_hashes import hash_rows
from datascan.records.shard import Plan, Shard
from datascan.records.writer import Writer

if TYPE_CHECKING:
    from datascan.readers.hdf5.blocks import OpenTable
    from datascan.readers.hdf5.references import RootFile
    from datascan.readers.hdf5.selection import Selection, Table
    from datascan.readers.hdf5.text_labels import TextLabels

MAX_SHARD_ROWS = 1 << 24
"""The maximum number of rows of a shard."""


@dataclass(frozen=True, slots=True)
class RowRun:
    """Rows ``first`` <= row < ``stop`` of a table; ``file`` and ``table`` are indices."""

    file: int
    table: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file and its readable tables. ``selects_all``: see ``Selection``.

    ``label_source``: the file of the labels, if that is another one.
    """

    source: Source
    tables: tuple[Table, ...]
    selects_all: bool
    label_source: Source | None = None


class Hdf5Reader(Reader):
    """Reads HDF5 files one after the other, each opened read-only and without a lock."""

    name = "hdf5"
    accepts_many = True
    needs_worker = False
    libraries = ("h5py", "hdf5plugin", "isal", "pillow", "simplejpeg")

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.files: tuple[PlannedFile, ...] = ()
        self.text_labels: TextLabels | None = None
        self._opened: tuple[int, Any] | None = None
        self._labels: RootFile | None = None
        self._table: tuple[tuple[int, int], OpenTable] | None = None

    def __getstate__(self) -> dict[str, Any]:
        kept = {"_opened": None, "_table": None, "_labels": None, "on_found": None}
        return {**self.__dict__, **kept}

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` has the HDF5 signature, or is a list of such files."""
        return path.is_file() and (is_hdf5(path) or is_list(path))

    def plan(self) -> Plan:
        """Select the datasets of every file, and cut their rows into shards.

        Raises:
            DatasetError: if a path is not an HDF5 file, or the datasets cannot be selected.
        """
        from datascan.readers.hdf5.label_files import SourcePlan, pair_files  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.planning import FileQuery, isolated_planner  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.skipped import add_skipped  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415  (imports h5py, which detection does not need)

        sources, faults = expand_sources(self.paths)
        limit = self.options.read.limit
        planned: list[SourcePlan] = []
        first: Selection | None = None
        rows = 0
        with isolated_planner(self.options, self._tick) as plan_file:
            for source in sources:
                self._tick()
                if limit is not None and rows >= limit:
                    break
                found = plan_file(FileQuery(source, self.options.read, first))
                planned.append(SourcePlan(source, found))
                first = first or found.selection
                if found.unlike is None:
                    rows += sum(table.data.rows for table in found.tables)
        all_read = len(planned) == len(sources)
        planned = pair_files(planned) if len(planned) > 1 else planned
        files: list[PlannedFile] = []
        needs_isolation = False
        labels: set[bytes] = set()
        skipped: list[Uninspected] = []
        for one in planned:
            found = one.plan
            faults += found.faults if found.unlike is None else [found.unlike]
            if found.unlike is None:
                skipped += found.skipped
            if found.selection is None or found.unlike is not None:
                continue
            selects_all = found.selection.selects_all
            files.append(
                PlannedFile(one.source, tuple(found.tables), selects_all, one.label_source)
            )
            needs_isolation |= found.is_decoded
            labels |= found.label_texts
        self.files = tuple(files)
        rows = sum(table.data.rows for file in files for table in file.tables)
        self.text_labels = TextLabels.of(labels)
        runs = list(limit_runs(self._runs(), limit))
        count = sum(run.stop - run.first for run in runs)
        spans = sample_spans(self.options.read.sample, count)
        origins: tuple[int, ...] = ()
        if spans is not None:
            runs, origins = cut_runs(runs, spans)
        return Plan(
            shards=tuple(Shard(i, run) for i, run in enumerate(runs)),
            layout="hdf5-datasets" if any(file.selects_all for file in files) else "hdf5",
            nbytes=sum((run.stop - run.first) * record_bytes(self.get_table(run)) for run in runs),
            faults=tuple(faults),
            class_names=self.text_labels.names,
            uninspected=add_skipped(skipped),
            # Under a limit, later files were not even opened.
            total_records=rows + sum(fault.lost for fault in faults) if all_read else None,
            records=sum(run.stop - run.first for run in runs),
            needs_isolation=needs_isolation,
            is_read_in_order=spans is None,
            sampled_from=None if spans is None else count,
            origins=origins,
        )

    def _tick(self) -> None:
        if self.on_found is not None:
            self.on_found(0)

    def _runs(self) -> Iterator[RowRun]:
        for number, file in enumerate(self.files):
            for index, table in enumerate(file.tables):
                step = rows_per_shard(table, self.options.read.shard_bytes)
                for first in range(0, table.data.rows, step):
                    yield RowRun(number, index, first, min(first + step, table.data.rows))

    def get_table(self, run: RowRun) -> Table:
        """The table to which the rows of ``run`` belong."""
        return self.files[run.file].tables[run.table]

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The shard's blocks."""
        from datascan.readers.hdf5.blocks import BlockContext, read_blocks  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415  (imports h5py, which detection does not need)

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
        context = BlockContext(
            base=shard.base - run.first,
            track=TableTracker(track, run.first),
            options=self.options.read,
            text_labels=self.text_labels or TextLabels(),
            decode_images=decode,
        )
        name = self._table_name(run).encode("utf-8", "surrogatepass")
        for block in read_blocks(table, context, first, stop):
            row = run.first + block.start - shard.base
            yield replace(block, key_hashes=hash_rows(name, row, block.records))

    def _table_name(self, run: RowRun) -> str:
        """The name of a table without the folder of its file."""
        return f"{self.files[run.file].source.path.name}:{self.get_table(run).data.name}"

    def _open(self, run: RowRun) -> OpenTable:
        """The table's datasets, kept open for consecutive shards of the same table."""
        from datascan.readers.hdf5.blocks import open_table  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.references import RootFile  # noqa: PLC0415  (imports h5py, which detection does not need)

        planned = self.files[run.file]
        if self._opened is None or self._opened[0] != run.file:
            self.close()
            follows = self.options.read.follow_links
            self._opened = run.file, RootFile(planned.source.path, follow_links=follows)
            if planned.label_source is not None:
                self._labels = RootFile(planned.label_source.path, follow_links=follows)
        key = run.file, run.table
        if self._table is None or self._table[0] != key:
            table = open_table(
                self._opened[1],
                self.get_table(run),
                use_paths=planned.selects_all,
                labels=self._labels,
            )
            self._table = key, table
        return self._table[1]

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """Keys of the form ``file.h5:dataset[row]``."""
        run: RowRun = shard.span
        name = f"{self.files[run.file].source.shown}:{self.get_table(run).data.name}"
        return [f"{name}[{run.first + row}]" for row in rows]

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """The number of rows of the shard."""
        run: RowRun = shard.span
        return run.stop - run.first

    def list_files(self) -> Iterator[FileStatus]:
        """The files with records or labels."""
        pairs = ((file.source, file.label_source) for file in self.files)
        paths = dict.fromkeys(one.path for pair in pairs for one in pair if one is not None)
        return (find_status(path, path.name) for path in paths)

    def versions(self) -> dict[str, str]:
        """The versions of the packages, and of the HDF5 library itself."""
        import h5py  # noqa: PLC0415  (detection does not need it)

        return {**super().versions(), "hdf5": str(h5py.version.hdf5_version)}

    def observe(self) -> Activity:
        """The state of all files, and whether they are open for writing."""
        return observe(self.paths)

    def find_writer(self, before: Activity) -> Writer | None:
        """A process that changed a file, or has it open for writing."""
        return find_writer(before, self.observe())

    def close(self) -> None:
        """Close the open file, if there is one."""
        if self._opened is not None:
            self._opened[1].close()
        if self._labels is not None:
            self._labels.close()
        self._opened = self._table = self._labels = None


@dataclass(frozen=True)
class TableTracker:
    """Tracks rows of a table as rows of the shard that starts at its row ``first``."""

    track: Tracker
    first: int

    def __call__(self, row: int, count: int) -> None:
        """Track ``count`` rows of the table, starting with ``row``."""
        self.track(row - self.first, count)


def limit_runs(runs: Iterator[RowRun], limit: int | None) -> Iterator[RowRun]:
    """The runs of the first ``limit`` rows, the last one shortened."""
    for run in runs:
        rows = run.stop - run.first
        if limit is None or rows <= limit:
            yield run
        elif limit:
            yield RowRun(run.file, run.table, run.first, run.first + limit)
        if limit is not None and (limit := limit - rows) <= 0:
            return


def cut_runs(runs: Sequence[RowRun], spans: Spans) -> tuple[list[RowRun], tuple[int, ...]]:
    """The rows of ``spans``, which are indices of records, as runs, and the first index of each."""
    found: list[RowRun] = []
    origins: list[int] = []
    starts = np.cumsum([0, *(run.stop - run.first for run in runs)])
    for first, stop in spans:
        # Empty runs start where the next one does; the last of them has the row.
        for number in range(int(np.searchsorted(starts, first, side="right")) - 1, len(runs)):
            run, start = runs[number], int(starts[number])
            low, high = max(first, start), min(stop, start + run.stop - run.first)
            if low >= stop:
                break
            shift = run.first - start
            found.append(RowRun(run.file, run.table, low + shift, high + shift))
            origins.append(low)
    return found, tuple(origins)


def record_bytes(table: Table) -> int:
    """The size of one record in bytes, without its label."""
    return table.data.record_bytes + sum(extra.record_bytes for extra in table.extras)


def rows_per_shard(table: Table, shard_bytes: int) -> int:
    """The number of rows of about ``shard_bytes``: complete chunks, and at least one."""
    rows = min(MAX_SHARD_ROWS, max(1, shard_bytes // max(1, record_bytes(table))))
    chunk = max(1, table.data.chunk_rows)
    return max(chunk, rows // chunk * chunk)
