"""Finished shards, kept in a file as the scan goes, so that a later run goes on from there.

The file is a header, the fingerprint of dataset and options, then one entry for each finished
shard: length, CRC, and what was measured. Entries are appended, so that a kill costs no more than
the one being written; what is torn is cut off. It is read by an unpickler that makes nothing but
tallies.
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
    """The finished shards of this dataset under these options, and where more are kept.

    Attributes:
        finished: by shard number, what was measured of it, in pieces.
        fresh: False where shards of an earlier run were found.
        stale: whether the file was of another dataset or other options, and is begun anew.

    Raises:
        OutputError: where the file cannot be read or written.
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
            raise OutputError(f"cannot go on from {path}: {error}") from error
        except OutputError:
            self.file.close()
            raise

    def _begin(self, head: bytes) -> None:
        """Read what is there, or write the header."""
        old = self.file.read(len(head))
        if old and not old.startswith(HEADER):
            raise OutputError(f"cannot write {self.path}: it is not empty, and no file of ours")
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
        """Read all whole entries; where the last of them ends."""
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
    """Makes tallies of datascan and arrays of NumPy, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse everything that is not known to be harmless."""
        if (module, name) in SAFE:
            return super().find_class(module, name)
        if module.startswith(("datascan.metrics.", "datascan.checks.")):
            return super().find_class(module, name)
        if (module, name) == ("datascan.scanner.tasks", "PartialResult"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no tally")


def fingerprint(reader: Reader, plan: Plan, measures: Sequence[str], version: str) -> bytes:
    """What tells this dataset, as it is now, and these options from all others: 32 bytes."""
    options = (reader.options.read, reader.options.check)
    digest = hashlib.sha256()
    for fact in (version, reader.name, options, sorted(measures), plan.layout, plan.shards):
        digest.update(repr(fact).encode("utf-8", "surrogateescape"))
    for file in files_of(reader):
        digest.update(repr(file).encode("utf-8", "surrogateescape"))
    return digest.digest()


def files_of(reader: Reader) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of change of every file of the dataset."""
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


class Teller(Protocol):
    """Whoever tells the user something at once."""

    def notify(self, text: str) -> None:
        """Tell it."""


def open_checkpoint(
    reader: Reader, plan: Plan, measures: Sequence[str], progress: Teller
) -> CheckpointLike:
    """The shards that an earlier run has finished, where the user keeps them."""
    path = reader.options.run.resume
    if path is None:
        return NullCheckpoint()
    resume = Checkpoint(path, fingerprint(reader, plan, measures, __version__))
    if resume.stale:
        progress.notify(f"{path} is of another dataset, or of other options: the scan starts anew")
    elif resume.finished:
        count = len(resume.finished)
        progress.notify(f"going on from {path}: {count:,} of {len(plan.shards):,} parts are done")
    return resume


class CheckpointLike(Protocol):
    """Finished shards by number, and a place for more of them."""

    finished: dict[int, list[Any]]

    def keep(self, shard: int, pieces: Sequence[Any]) -> None:
        """Keep a finished shard."""

    def close(self) -> None:
        """Nothing more is to be kept."""


class NullCheckpoint:
    """Keeps nothing."""

    def __init__(self) -> None:
        self.finished: dict[int, list[Any]] = {}

    def keep(self, shard: int, pieces: Sequence[Any]) -> None:
        """Forget it."""

    def close(self) -> None:
        """Nothing to close."""
