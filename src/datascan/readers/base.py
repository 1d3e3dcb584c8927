"""What a reader is, and how the reader for a path is found."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import ClassVar

from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options
from datascan.errors import DatasetError, UsageError
from datascan.executors.base import WorkerSlot
from datascan.plugins import READERS, load
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard
from datascan.text import escape_surrogates


class Reader(ABC):
    """A dataset on disk, opened read-only. Holds paths, so it pickles.

    Raises :class:`datascan.errors.DatasetError` from ``plan`` where there is nothing to scan.
    """

    name: ClassVar[str]
    accepts_many: ClassVar[bool] = False
    """Whether several paths make one dataset."""
    is_seekable: ClassVar[bool] = True
    """Whether a row of a shard can be read without those before it."""

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        self.paths = paths
        self.options = options
        self.mark: Callable[[int, int], None] = ignore_mark

    @property
    def path(self) -> Path:
        """The path that the user gave; the first of several."""
        return self.paths[0]

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` looks like this backend. Reads a few bytes, never raises."""

    @abstractmethod
    def plan(self) -> Plan:
        """Cut the dataset into shards, in store order, from the data and ``options`` alone."""

    @abstractmethod
    def read(self, shard: Shard) -> Iterator[Block]:
        """The rows ``shard.first`` to ``shard.last`` as blocks, in order.

        ``self.mark(row, count)`` is called before rows are touched by native code, so that a
        crash can be laid to them. What cannot be read becomes a fault, never an exception.
        """

    @abstractmethod
    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of ``rows`` (ascending) of ``shard``; not UTF-8: with backslash escapes."""

    def count_rows(self, shard: Shard) -> int:
        """How many rows the whole shard has; asked only where reading it killed workers."""
        return sum(block.records for block in self.read(shard.slice(0, None)))

    def describe_start(self, shard: Shard) -> str:
        """What tells people where the shard begins, from its description alone."""
        return f"part {shard.index + 1:,}"

    def with_options(self, options: Options) -> Reader:
        """The same planned dataset, to be read under other options. Only the first is closed."""
        other = copy(self)
        other.options = options
        return other

    def find_missing(self, records: int) -> Iterator[Fault]:  # noqa: ARG002
        """What is wrong where only ``records`` were read though nothing seems damaged."""
        return iter(())

    def close(self) -> None:  # noqa: B027  (most readers make nothing)
        """Remove whatever was made beside the dataset; safe to call twice."""


def ignore_mark(row: int, count: int) -> None:
    """Take no note of the position (the default of ``Reader.mark``)."""


def open_reader(paths: Sequence[Path], options: Options, backend: str | None) -> Reader:
    """The reader for ``paths``.

    Raises:
        DatasetError: where a path does not exist, or no reader knows it.
    """
    if not paths:
        raise UsageError("no path was given")
    for path in paths:
        if not os.path.lexists(path):
            raise DatasetError(f"no such path: {path}")
    if backend is None:
        backend = detect_reader(paths[0])
    if backend not in READERS:
        raise UsageError(f"no such backend: {backend}; there are {', '.join(sorted(READERS))}")
    kind: type[Reader] = load(READERS[backend])
    if len(paths) > 1 and not kind.accepts_many:
        raise UsageError(f"datascan {backend} scans one path at a time, not {len(paths)}")
    return kind(tuple(paths), options)


def detect_reader(path: Path) -> str:
    """The first backend that recognises ``path``; readers are imported one after the other."""
    for name, target in READERS.items():
        if load(target).accepts(path):
            return name
    raise DatasetError(
        f"{path} is no dataset that datascan knows: neither an LMDB or LevelDB folder, "
        "nor an HDF5 file or a list of them, nor a folder with images"
    )


def count_shard_rows(reader: Reader, shard: Shard, desk: WorkerSlot) -> int:
    """How many rows the shard has, as a task of a worker."""
    reader.mark = desk.mark
    return reader.count_rows(shard)


def tracked_blocks(reader: Reader, shard: Shard, desk: WorkerSlot) -> Iterator[Block]:
    """The shard's blocks, each with its rows marked as long as it is worked on."""
    reader.mark = desk.mark
    for block in reader.read(shard):
        row = block.start - shard.base
        # Also what a reader has marked one by one is now worked on together.
        desk.mark(row, block.records)
        yield block
        desk.advance(block.records, block.nbytes)
        desk.mark(row + block.records, 0)


def identity_of(reader: Reader) -> DatasetIdentity:
    """What a reader reads: images that a list names are known by the list."""
    options = reader.options
    paths = (options.list_file,) if options.list_file else reader.paths
    return DatasetIdentity(
        paths, escape_surrogates((options.db or options.data_key or "").strip("/"))
    )
