"""The reader interface, and how the reader for a path is chosen."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.errors import DatasetError, UsageError
from datascan.executors.base import WorkerSlot
from datascan.plugins import READERS, load
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard
from datascan.text import escape_surrogates


class Reader(ABC):
    """A dataset on disk, opened read-only. It holds paths, never handles, so it pickles."""

    name: ClassVar[str]
    accepts_many: ClassVar[bool] = False
    """Whether several paths can form one dataset."""
    is_seekable: ClassVar[bool] = True
    """Whether a row of a shard can be read without reading the rows before it."""

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        self.paths = paths
        self.options = options

    @property
    def path(self) -> Path:
        """The path that the user gave; the first of several."""
        return self.paths[0]

    @property
    def identity(self) -> DatasetIdentity:
        """The dataset as a baseline knows it: images in a list are identified by the list."""
        options = self.options.read
        paths = (options.list_file,) if options.list_file else self.paths
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
        """How many rows the whole shard has; called only if reading it killed workers."""
        return sum(block.records for block in self.read(shard.slice(0, None), track))

    def describe_start(self, shard: Shard) -> str:
        """Where the shard begins, in words, from its description alone."""
        return f"part {shard.index + 1:,}"

    def find_missing(self, records: int) -> Iterator[Fault]:  # noqa: ARG002
        """Faults of a store that seems whole but from which only ``records`` were read."""
        return iter(())

    def close(self) -> None:  # noqa: B027  (most readers create nothing)
        """Remove temporary files; safe to call twice."""


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
    """The first backend that recognises ``path``; readers are imported one after the other.

    Raises:
        DatasetError: if none does.
    """
    for name, target in READERS.items():
        if load(target).accepts(path):
            return name
    raise DatasetError(
        f"{path} is no dataset that datascan knows: neither an LMDB or LevelDB folder, "
        "nor an HDF5 file or a list of them, nor a folder with images"
    )


def tracked_blocks(
    reader: Reader, shard: Shard, slot: WorkerSlot, *, decode: bool = True
) -> Iterator[Block]:
    """The shard's blocks; the rows of each stay marked until the next one is requested."""
    for block in reader.read(shard, slot.mark, decode=decode):
        row = block.start - shard.base
        # The reader may have marked the rows one by one, but the block is processed as a whole.
        slot.mark(row, block.records)
        yield block
        slot.advance(block.records, block.nbytes)
        slot.mark(row + block.records, 0)
