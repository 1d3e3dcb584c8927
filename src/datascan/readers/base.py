"""The reader interface, and how the reader for a path is chosen."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.errors import DatasetError, RecordError, UsageError
from datascan.executors.base import Executor
from datascan.executors.select import default_executor
from datascan.files import STANDARD_INPUT, explain_absence, find_pointer, find_pointer_inside
from datascan.plugins import (
    READERS,
    Plugin,
    find_plugin,
    leave_out,
    load,
    load_class,
    reader_names,
    unusable,
)
from datascan.plugins.installed import find_versions
from datascan.readers.dataset_files import FileStatus, list_below
from datascan.records.block import Block, Fault
from datascan.records.part import PartIdentity
from datascan.records.shard import Plan, Shard
from datascan.records.writer import Writer
from datascan.text import escape_surrogates

KEYS_AT_ONCE = 4096
"""The number of keys that are looked up together to find one."""


def ignore_rows(row: int, count: int) -> None:
    """Track nothing."""


class Reader(ABC):
    """A dataset on disk, opened read-only. It holds paths, never handles, so it pickles."""

    name: ClassVar[str]
    accepts_many: ClassVar[bool] = False
    """Whether several paths can form one dataset."""
    is_seekable: ClassVar[bool] = True
    """Whether a row of a shard can be read without reading the rows before it."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Names of the packages whose versions may affect what is read, for the report."""
    needs_worker: ClassVar[bool] = True
    """Whether ``plan``, ``keys`` and ``find_missing`` read records, and so need a worker process.

    False if they only list files, or start workers themselves.
    """

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        self.paths = paths
        self.options = options
        self.on_found: Callable[[int], None] | None = None
        """If set, ``plan`` calls it now and then with the number of files found so far.

        It may end the planning by an exception.
        """

    @property
    def path(self) -> Path:
        """The path that the user gave; the first of several."""
        return self.paths[0]

    @property
    def identity(self) -> DatasetIdentity:
        """The dataset as a baseline knows it: images in a list are identified by the list."""
        options = self.options.read
        file = options.list_file
        paths = self.paths if file is None or file == STANDARD_INPUT else (file,)
        part = (options.db or options.data_key or "").strip("/")
        return DatasetIdentity(paths, escape_surrogates(part))

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is a dataset of this format. Reads a few bytes, never raises."""

    @abstractmethod
    def plan(self) -> Plan:
        """Cut the dataset into shards, in store order, from the data and ``options`` alone.

        Raises:
            DatasetError: if there is nothing to scan.
        """

    @abstractmethod
    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The rows ``shard.first`` <= row < ``shard.last`` as blocks, in order.

        What cannot be read becomes a fault, never an exception.

        Args:
            shard: the shard, or a slice of it.
            track: called with a row of the shard and a number of rows before native code
                touches them, so that a crash can be blamed on them.
            decode: whether to decode images. Otherwise each block holds its values and its
                encoded images only (``Block.encoded``): no labels, faults or fingerprints.
        """

    @abstractmethod
    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of ``rows`` (ascending) of ``shard``, bytes other than UTF-8 escaped."""

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """How many rows the whole shard has; called to find a record, or if workers died."""
        return sum(block.records for block in self.read(shard.slice(0, None), track))

    def find_key(self, plan: Plan, key: str) -> Iterator[tuple[int, int]]:
        """The shard and the row of every record with this key, as ``keys`` shows it.

        Readers that know where a key can be search less than all keys.
        """
        for shard in plan.shards:
            rows = self.count_rows(shard, ignore_rows)
            for first in range(0, rows, KEYS_AT_ONCE):
                asked = range(first, min(first + KEYS_AT_ONCE, rows))
                found = zip(asked, self.keys(shard, asked), strict=True)
                yield from ((shard.index, row) for row, known in found if known == key)

    def suggest_keys(self, plan: Plan, key: str) -> list[str]:  # noqa: ARG002  (for subclasses)
        """Keys that may be meant by one that does not exist; a few, quickly found."""
        return []

    def describe_start(self, shard: Shard) -> str:
        """Where the shard begins, in words, from its description alone."""
        return f"part {shard.index + 1:,}"

    def find_missing(self, records: int) -> Iterator[Fault]:  # noqa: ARG002  (for subclasses)
        """Faults of a store that seems whole but from which only ``records`` were read."""
        return iter(())

    def observe(self) -> Any:
        """What a writer would change, before planning; see :meth:`find_writer`. Never raises."""
        return None

    def find_writer(self, before: Any) -> Writer | None:  # noqa: ARG002  (for subclasses)
        """The process that has written to the dataset since ``before`` was observed, if any."""
        return None

    def were_changed(self, shard: Shard, rows: Sequence[int], before: Any) -> list[bool]:  # noqa: ARG002  (for subclasses)
        """Whether each of the rows was changed after ``before``; asked of a writer by record."""
        return [True] * len(rows)

    def identify_part(self, shard: Shard) -> PartIdentity | None:  # noqa: ARG002  (for subclasses)
        """What identifies a shard of the plan, regardless of its index. Never raises.

        Files must not have been read before their states are looked up. None if a change might go
        unnoticed: then its results are not used again.
        """
        return None

    def list_files(self) -> Iterator[FileStatus]:
        """The files of the dataset that hold records, once it is planned. Never raises."""
        return list_below(self.paths)

    def versions(self) -> dict[str, str]:
        """The versions of what reads the dataset, by name, once it is planned."""
        return find_versions(self.libraries)

    def executor(self, plan: Plan) -> Executor:
        """What reads the dataset, or some of its records again, unless the caller chooses."""
        return default_executor(plan, self.options.run)

    def preload(self) -> None:  # noqa: B027  (most readers import at the top)
        """Import what reading needs, before workers are forked, which inherit it."""

    def close(self) -> None:  # noqa: B027  (most readers create nothing)
        """Remove temporary files; safe to call twice."""


class GuardedReader(Reader):
    """The reader of another package. What it raises is an error that names the plug-in."""

    def __init__(self, plugin: Plugin, reader: Reader) -> None:
        super().__init__(reader.paths, reader.options)
        self.plugin, self.reader = plugin, reader
        # Class variables of other readers, but each guarded reader has those of what it guards.
        vars(self).update(
            name=reader.name,
            accepts_many=reader.accepts_many,
            is_seekable=reader.is_seekable,
            needs_worker=reader.needs_worker,
        )

    @property
    def identity(self) -> DatasetIdentity:
        """The dataset as a baseline knows it."""
        with self.plugin.failures_as(DatasetError):
            return self.reader.identity

    @classmethod
    def accepts(cls, path: Path) -> bool:  # noqa: ARG003  (it is chosen by name)
        """Always False: the guard is chosen by the name of what it guards."""
        return False

    def plan(self) -> Plan:
        """The plan of the reader."""
        with self.plugin.failures_as(DatasetError):
            return self.plugin.require(self.reader.plan(), Plan, "plan")

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The blocks of the reader. What it raises concerns the records that it reads."""
        with self.plugin.failures_as(RecordError):
            blocks = iter(self.reader.read(shard, track, decode=decode))
        end = object()
        while True:
            with self.plugin.failures_as(RecordError):
                block = next(blocks, end)
            if block is end:
                return
            with self.plugin.failures_as(DatasetError):
                yield self.plugin.require(block, Block, "read")

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of the reader, one for each row."""
        with self.plugin.failures_as(DatasetError):
            keys = self.plugin.require(self.reader.keys(shard, rows), list, "keys")
            if len(keys) != len(rows):
                raise ValueError(f"keys() returned {len(keys):,} keys for {len(rows):,} rows")
            return keys

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """The count of the reader, for which it may read the records."""
        with self.plugin.failures_as(RecordError):
            return self.plugin.require(self.reader.count_rows(shard, track), int, "count_rows")

    def describe_start(self, shard: Shard) -> str:
        """The words of the reader."""
        with self.plugin.failures_as(DatasetError):
            start = self.reader.describe_start(shard)
            return self.plugin.require(start, str, "describe_start")

    def find_missing(self, records: int) -> Iterator[Fault]:
        """The faults of the reader."""
        with self.plugin.failures_as(DatasetError):
            yield from self.reader.find_missing(records)

    def observe(self) -> Any:
        """What the reader observes."""
        with self.plugin.failures_as(DatasetError):
            return self.reader.observe()

    def find_writer(self, before: Any) -> Writer | None:
        """The writer that the reader finds."""
        with self.plugin.failures_as(DatasetError):
            found = self.reader.find_writer(before)
            return None if found is None else self.plugin.require(found, Writer, "find_writer")

    def were_changed(self, shard: Shard, rows: Sequence[int], before: Any) -> list[bool]:
        """The answer of the reader."""
        with self.plugin.failures_as(DatasetError):
            found = self.reader.were_changed(shard, rows, before)
            return self.plugin.require(found, list, "were_changed")

    def identify_part(self, shard: Shard) -> PartIdentity | None:
        """The identity that the reader states."""
        with self.plugin.failures_as(DatasetError):
            found = self.reader.identify_part(shard)
            return found and self.plugin.require(found, PartIdentity, "identify_part")

    def list_files(self) -> Iterator[FileStatus]:
        """The files that the reader lists."""
        with self.plugin.failures_as(DatasetError):
            for file in self.reader.list_files():
                yield self.plugin.require(file, FileStatus, "list_files")

    def versions(self) -> dict[str, str]:
        """The version of the package, and those that the reader states."""
        with self.plugin.failures_as(DatasetError):
            own = self.plugin.require(self.reader.versions(), dict, "versions")
            return {str(name): str(version) for name, version in own.items()} | find_versions(
                [self.plugin.package]
            )

    def close(self) -> None:
        """Close the reader."""
        with self.plugin.failures_as(DatasetError):
            self.reader.close()


def open_reader(paths: Sequence[Path], options: Options, backend: str | None) -> Reader:
    """The reader for ``paths``.

    Raises:
        UsageError: if no path is given, or the backend does not exist or takes one path only.
        DatasetError: if a path does not exist, or no reader recognises it.
    """
    if not paths:
        raise UsageError("no path was given")
    for path in paths:
        if not os.path.lexists(path):
            raise DatasetError(f"no such path: {path}{explain_absence(path)}")
    if pointer := find_pointer(paths[0]):
        raise DatasetError(pointer)
    if backend is None:
        backend = detect_reader(paths[0])
    if backend not in (known := reader_names()):
        raise UsageError(f"no such backend: {backend}; there are {', '.join(sorted(known))}")
    kind = load_reader(backend)
    if kind is None:
        raise unusable("reader", backend)
    if len(paths) > 1 and not kind.accepts_many:
        raise UsageError(f"datascan {backend} scans one path at a time, not {len(paths)}")
    plugin = find_plugin("reader", backend)
    if plugin is None:
        return kind(tuple(paths), options)
    with plugin.failures_as(DatasetError):
        return GuardedReader(plugin, kind(tuple(paths), options))


def load_reader(name: str) -> type[Reader] | None:
    """The reader of that name; None if it is another package's and cannot be used."""
    if name in READERS:
        return cast("type[Reader]", load(READERS[name]))
    return load_class("reader", name, Reader, ("name",))


def detect_reader(path: Path) -> str:
    """The first backend that recognises ``path``; readers are imported one after the other.

    Raises:
        DatasetError: if none does.
    """
    for name in reader_names():
        kind = load_reader(name)
        if kind is not None and accepts(kind, path):
            return name
    if pointer := find_pointer_inside(path):
        raise DatasetError(f"{path} has {pointer}, but not its data (dvc pull)")
    raise DatasetError(
        f"{path} is not a dataset that datascan can read: not an LMDB or LevelDB folder, "
        "an HDF5 file or a list of them, an image or a folder of images"
    )


def accepts(kind: type[Reader], path: Path) -> bool:
    """Whether a reader recognises ``path``; another package's that raises is not asked again."""
    plugin = find_plugin("reader", kind.name)
    if plugin is None:
        return kind.accepts(path)
    try:
        return kind.accepts(path)
    except Exception as error:  # noqa: BLE001  (the code of others may raise anything)
        leave_out(plugin, error)
        return False
