"""The HDF5 reader: data and label, or every numeric dataset if there is no such pair."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.errors import DatasetError
from datascan.readers.base import Reader
from datascan.readers.dataset_files import FileStatus, find_status
from datascan.readers.hdf5.activity import Activity, find_writer, observe
from datascan.readers.hdf5.files import Source, expand_sources, is_list, may_be_hdf5
from datascan.readers.hdf5.runs import (
    RowRun,
    RunGroup,
    cut_runs,
    group_runs,
    limit_runs,
    record_bytes,
    rows_per_shard,
)
from datascan.readers.key_spellings import key_spellings
from datascan.readers.sample import sample_spans
from datascan.records.block import Block, Fault, Uninspected
from datascan.records.key_hashes import hash_rows
from datascan.records.part import PartIdentity, find_state
from datascan.records.shard import Plan, Shard
from datascan.records.writer import Writer

if TYPE_CHECKING:
    from datascan.readers.hdf5.blocks import OpenTable
    from datascan.readers.hdf5.references import RootFile
    from datascan.readers.hdf5.selection import Table
    from datascan.readers.hdf5.text_labels import TextLabels

KEY = re.compile(r"(.+)\[(\d{1,18})\]", re.DOTALL)
MAX_SUGGESTED = 3


class PlannedFile(Struct, frozen=True):
    """A file and its readable tables. ``selects_all``: see ``Selection``.

    ``label_source``: the file of the labels, if that is another one. ``refers``: see ``RootFile``.
    """

    source: Source
    tables: tuple[Table, ...]
    selects_all: bool
    label_source: Source | None = None
    refers: bool = False


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
        self._expanded: tuple[list[Source], list[Fault]] | None = None
        self._opened: tuple[int, RootFile] | None = None
        self._labels: tuple[int, RootFile] | None = None
        self._table: tuple[tuple[int, int], OpenTable] | None = None

    def __getstate__(self) -> dict[str, Any]:
        names = ("_expanded", "_opened", "_table", "_labels", "on_found")
        return {**self.__dict__, **dict.fromkeys(names)}

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is an HDF5 file by signature or extension, or a list of such files."""
        return path.is_file() and (may_be_hdf5(path) or is_list(path))

    def plan(self) -> Plan:
        """Select the datasets of every file, and cut their rows into shards.

        Raises:
            DatasetError: if a path is not an HDF5 file, or the datasets cannot be selected.
        """
        from datascan.readers.hdf5.label_files import SourcePlan, pair_files  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.plan_task import plan_sources  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.skipped import add_skipped  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415  (imports h5py, which detection does not need)

        sources, found_faults = self._expand()
        faults = list(found_faults)
        limit = self.options.read.limit
        plans = plan_sources(sources, self.options, self._tick)
        planned = [SourcePlan(*pair) for pair in zip(sources, plans, strict=False)]
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
            tables = tuple(found.tables)
            files.append(
                PlannedFile(one.source, tables, selects_all, one.label_source, found.refers)
            )
            needs_isolation |= found.is_decoded
            labels |= found.label_texts
        self.files = tuple(files)
        rows = sum(table.data.rows for file in files for table in file.tables)
        self.text_labels = TextLabels.of(labels)
        runs = list(limit_runs(self._runs(), limit))
        count = sum(run.rows for run in runs)
        spans = sample_spans(self.options.read.sample, count)
        origins: tuple[int, ...] = ()
        parts: list[RowRun | RunGroup]
        if spans is not None:
            runs, origins = cut_runs(runs, spans)
            parts = [*runs]
        else:
            parts = list(self._group(runs))
        return Plan(
            shards=tuple(Shard(i, part) for i, part in enumerate(parts)),
            layout="hdf5-datasets" if any(file.selects_all for file in files) else "hdf5",
            nbytes=sum(run.rows * record_bytes(self.get_table(run)) for run in runs),
            faults=tuple(faults),
            class_names=self.text_labels.names,
            uninspected=add_skipped(skipped),
            # Under a limit, later files were not even opened.
            total_records=rows + sum(fault.lost for fault in faults) if all_read else None,
            records=sum(run.rows for run in runs),
            needs_isolation=needs_isolation,
            is_read_in_order=spans is None,
            sampled_from=None if spans is None else count,
            origins=origins,
        )

    def _group(self, runs: Sequence[RowRun]) -> Iterator[RowRun | RunGroup]:
        def name_of(run: RowRun) -> bytes:
            return os.fsencode(self.files[run.file].source.path.name)

        yield from group_runs(runs, self.get_table, self.options.read.shard_bytes, name_of)

    def _expand(self) -> tuple[list[Source], list[Fault]]:
        """The files of the dataset, looked for once."""
        if self._expanded is None:
            self._expanded = expand_sources(self.paths)
        return self._expanded

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
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415  (imports h5py, which detection does not need)

        run: RowRun | RunGroup = shard.span
        if isinstance(run, RunGroup):
            yield from self._read_group(run, shard, track)
            return
        first = run.first + shard.first
        stop = run.stop if shard.last is None else min(run.stop, run.first + shard.last)
        table, why = self._try_open(run)
        if table is None:
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
        for block in read_blocks(table, context, first, stop):
            row = run.first + block.start - shard.base
            yield replace(block, key_hashes=self._hash_keys(run, row, block.records))

    def _hash_keys(self, run: RowRun, row: int, records: int) -> NDArray[np.uint64]:
        """The hashes of the keys of ``records`` rows of a table from ``row`` on."""
        return hash_rows(self._table_name(run).encode("utf-8", "surrogatepass"), row, records)

    def _table_name(self, run: RowRun) -> str:
        """The name of a table without the folder of its file."""
        return f"{self.files[run.file].source.path.name}:{self.get_table(run).data.name}"

    def _read_group(self, group: RunGroup, shard: Shard, track: Tracker) -> Iterator[Block]:
        """The rows of a shard as one block."""
        from datascan.readers.hdf5.blocks import BlockContext  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.small_files import Piece, read_pieces  # noqa: PLC0415  (imports h5py, which detection does not need)
        from datascan.readers.hdf5.text_labels import TextLabels  # noqa: PLC0415  (imports h5py, which detection does not need)

        pieces: list[Piece] = []
        last = group.rows if shard.last is None else min(shard.last, group.rows)
        at = 0
        hashes: list[NDArray[np.uint64]] = []
        for run in group.cut(shard.first, last):
            pieces.append(Piece(at, run.first, run.stop, *self._try_open(run)))
            hashes.append(self._hash_keys(run, run.first, run.rows))
            at += run.rows
        if pieces:
            context = BlockContext(
                base=shard.base + shard.first,
                track=TableTracker(track, -shard.first),
                options=self.options.read,
                text_labels=TextLabels(),
            )
            yield replace(read_pieces(pieces, context), key_hashes=np.concatenate(hashes))

    def _try_open(self, run: RowRun) -> tuple[OpenTable | None, str]:
        """The table of a run; None and the reason if it cannot be opened any more."""
        from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason  # noqa: PLC0415  (imports h5py, which detection does not need)

        try:
            return self._open(run), ""
        except HDF5_ERRORS as error:
            shown = self.files[run.file].source.shown
            return None, f"{shown} can no longer be opened: {reason(error)}"

    def _open(self, run: RowRun) -> OpenTable:
        """The table's datasets, kept open for consecutive shards of the same table."""
        from datascan.readers.hdf5.blocks import open_table  # noqa: PLC0415  (imports h5py, which detection does not need)

        key = run.file, run.table
        if self._table is None or self._table[0] != key:
            if self._table is not None and self._table[0][0] != run.file:
                self.close()
            planned = self.files[run.file]
            table = open_table(
                self.get_table(run),
                use_paths=planned.selects_all,
                root=partial(self._open_root, run.file),
                label_root=partial(self._open_label_root, run.file),
            )
            self._table = key, table
        return self._table[1]

    def _open_root(self, number: int) -> RootFile:
        from datascan.readers.hdf5.references import RootFile  # noqa: PLC0415  (imports h5py, which detection does not need)

        if self._opened is None:
            path = self.files[number].source.path
            self._opened = number, RootFile(path, follow_links=self.options.read.follow_links)
        return self._opened[1]

    def _open_label_root(self, number: int) -> RootFile:
        from datascan.readers.hdf5.references import RootFile  # noqa: PLC0415  (imports h5py, which detection does not need)

        source = self.files[number].label_source
        if source is None:
            return self._open_root(number)
        if self._labels is None or self._labels[0] != number:
            root = RootFile(source.path, follow_links=self.options.read.follow_links)
            self._labels = number, root
        return self._labels[1]

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """Keys of the form ``file.h5:dataset[row]``."""
        run: RowRun | RunGroup = shard.span
        if isinstance(run, RunGroup):
            return [self._key(*run.find(row)) for row in rows]
        return [self._key(run, run.first + row) for row in rows]

    def find_key(self, plan: Plan, key: str) -> Iterator[tuple[int, int]]:
        """The rows with this key; the file may be named with or without its folder."""
        match = KEY.fullmatch(key)
        if match is None:
            return
        names, row = key_spellings(match[1]), int(match[2])
        for shard in plan.shards:
            at = 0
            for run in self._runs_of(shard):
                if run.first <= row < run.stop and set(self._names(run)) & set(names):
                    yield shard.index, at + row - run.first
                at += run.rows

    def suggest_keys(self, plan: Plan, key: str) -> list[str]:  # noqa: ARG002  (all tables are known)
        """The last row of each of the first tables."""
        tables = ((file, table) for file in self.files for table in file.tables)
        return [
            f"{file.source.shown}:{table.data.name}[{table.data.rows - 1}]"
            for file, table in islice(tables, MAX_SUGGESTED)
            if table.data.rows
        ]

    def _names(self, run: RowRun) -> tuple[str, ...]:
        """How the table of a run may be called, before the number of its row."""
        return f"{self.files[run.file].source.shown}:{self.get_table(run).data.name}", (
            self._table_name(run)
        )

    def _runs_of(self, shard: Shard) -> Sequence[RowRun]:
        return shard.span.runs if isinstance(shard.span, RunGroup) else (shard.span,)

    def _key(self, run: RowRun, row: int) -> str:
        return f"{self.files[run.file].source.shown}:{self.get_table(run).data.name}[{row}]"

    def identify_part(self, shard: Shard) -> PartIdentity | None:
        """The rows, their tables and the states of their files.

        None if a file names others: those may be missing, and be there next time.
        """
        run: RowRun | RunGroup = shard.span
        facts: list[object] = [shard.first, shard.last, self.text_labels]
        paths: dict[Path, None] = {}
        for one in run.runs if isinstance(run, RunGroup) else (run,):
            file = self.files[one.file]
            if file.refers:
                return None
            sources = (file.source, file.label_source)
            facts += [file.selects_all, self.get_table(one), one.first, one.stop, *sources]
            paths |= dict.fromkeys(source.path for source in sources if source is not None)
        return PartIdentity.of(facts, map(find_state, paths))

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """The number of rows of the shard."""
        return int(shard.span.rows)

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
        try:
            sources, _ = self._expand()
        except (OSError, ValueError, DatasetError):
            return {}
        return observe(sources)

    def find_writer(self, before: Activity) -> Writer | None:
        """A process that changed a file, or has it open for writing."""
        return find_writer(before, self.observe())

    def close(self) -> None:
        """Close the open file, if there is one."""
        if self._opened is not None:
            self._opened[1].close()
        if self._labels is not None:
            self._labels[1].close()
        self._opened = self._table = self._labels = None


class TableTracker(Struct, frozen=True):
    """Tracks rows of a table as rows of the shard that starts at its row ``first``."""

    track: Tracker
    first: int

    def __call__(self, row: int, count: int) -> None:
        """Track ``count`` rows of the table, starting with ``row``."""
        self.track(row - self.first, count)
