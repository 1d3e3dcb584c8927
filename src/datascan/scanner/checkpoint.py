"""Saves finished shards to a file during the scan, so that a later run can resume from it.

The file has a header, the fingerprint of the dataset and the options, and an entry for each
finished shard: length, CRC, and what was measured. Entries are appended, so a killed scan loses at
most the entry that it was writing; an incomplete entry is cut off. The unpickler that reads the
file creates tallies and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from datascan._version import __version__
from datascan.errors import OutputError
from datascan.executors.base import Progress
from datascan.metrics.base import Tally
from datascan.plugins import plugins_of
from datascan.readers.base import Reader
from datascan.records.shard import Plan

HEADER = b"datascan resume 2\n"
ENTRY = struct.Struct("<QI")
SAFE = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class Checkpoint:
    """A file with the finished shards of one dataset, scanned with one set of options.

    Attributes:
        finished: the results of each finished shard, by its index.
        stale: whether the file was written for another dataset or other options, and is now
            overwritten.

    Raises:
        OutputError: if the file cannot be read or written.
    """

    def __init__(self, path: Path, fingerprint: bytes) -> None:
        self.path = path
        self.finished: dict[int, list[Any]] = {}
        head = HEADER + fingerprint
        self.stale = False
        try:
            self.file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        try:
            self._begin(head)
        except OSError as error:
            self.file.close()
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        except pickle.UnpicklingError as error:
            self.file.close()
            raise OutputError(f"cannot resume from {path}: {error}") from error
        except OutputError:
            self.file.close()
            raise

    def _begin(self, head: bytes) -> None:
        """Read the finished shards, or write the header."""
        old = self.file.read(len(head))
        if old and not old.startswith(HEADER):
            raise OutputError(
                f"cannot write {self.path}: it exists and was not written by datascan"
            )
        self.stale = bool(old) and old != head
        end = self._load() if old == head else len(head)
        if old != head:
            self.file.seek(0)
            self.file.write(head)
        self.file.truncate(end)
        self.file.seek(end)
        self.file.flush()

    def keep(self, shard: int, pieces: Sequence[Any]) -> None:
        """Append a finished shard."""
        body = pickle.dumps((shard, list(pieces)), pickle.HIGHEST_PROTOCOL)
        try:
            self.file.write(ENTRY.pack(len(body), zlib.crc32(body)) + body)
            self.file.flush()
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _load(self) -> int:
        """Read all complete entries; returns where the last one ends."""
        end = self.file.tell()
        while len(head := self.file.read(ENTRY.size)) == ENTRY.size:
            length, crc = ENTRY.unpack(head)
            body = self.file.read(length)
            if len(body) != length or zlib.crc32(body) != crc:
                break
            shard, pieces = TallyUnpickler(io.BytesIO(body)).load()
            self.finished[shard] = pieces
            end = self.file.tell()
        return end


class TallyUnpickler(pickle.Unpickler):
    """Creates tallies, also those of plug-ins, and NumPy arrays, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse everything but tallies and arrays."""
        if (module, name) in SAFE:
            return super().find_class(module, name)
        if module.startswith(("datascan.metrics.", "datascan.checks.")):
            return super().find_class(module, name)
        if (module, name) in {
            ("datascan.scanner.tasks", "PartialResult"),
            ("datascan.scanner.guard", "GuardedTally"),
        }:
            return super().find_class(module, name)
        roots = {plugin.target.partition(".")[0] for plugin in plugins_of("check").values()}
        if module.partition(".")[0] in {root.partition(":")[0] for root in roots}:
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, Tally):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not a tally")


def fingerprint(reader: Reader, plan: Plan, measures: Sequence[str], version: str) -> bytes:
    """A hash of the dataset as it is and of the options that affect what is measured, 32 bytes."""
    options = (reader.options.read, reader.options.check)
    digest = hashlib.sha256()
    for fact in (version, reader.name, options, sorted(measures), plan.layout, plan.shards):
        digest.update(repr(fact).encode("utf-8", "surrogateescape"))
    for file in files_of(reader):
        digest.update(repr(file).encode("utf-8", "surrogateescape"))
    return digest.digest()


def files_of(reader: Reader) -> Iterator[tuple[str, int, int]]:
    """Path, size and modification time (ns) of every file of the dataset."""
    for path in reader.paths:
        if path.is_file():
            yield str(path), path.stat().st_size, path.stat().st_mtime_ns
        for folder, below, names in os.walk(path):
            below.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file():
                    status = file.stat()
                    yield str(file), status.st_size, status.st_mtime_ns


def open_checkpoint(
    reader: Reader, plan: Plan, measures: Sequence[str], progress: Progress
) -> CheckpointLike:
    """The checkpoint in the file that the user chose, or one that saves nothing.

    Raises:
        OutputError: if the file cannot be read or written.
    """
    path = reader.options.run.resume
    if path is None:
        return NullCheckpoint()
    resume = Checkpoint(path, fingerprint(reader, plan, measures, __version__))
    if resume.stale:
        progress.notify(
            f"{path} is for another dataset or other options; starting from the beginning"
        )
    elif resume.finished:
        count = len(resume.finished)
        progress.notify(f"resuming from {path}: {count:,} of {len(plan.shards):,} parts are done")
    return resume


class CheckpointLike(Protocol):
    """Finished shards by index, and a place to save more."""

    finished: dict[int, list[Any]]

    def keep(self, shard: int, pieces: Sequence[Any]) -> None:
        """Save a finished shard."""

    def close(self) -> None:
        """Save no more shards."""


class NullCheckpoint:
    """Saves nothing."""

    def __init__(self) -> None:
        self.finished: dict[int, list[Any]] = {}

    def keep(self, shard: int, pieces: Sequence[Any]) -> None:
        """Save nothing."""

    def close(self) -> None:
        """Nothing to close."""
