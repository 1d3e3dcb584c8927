"""Saves finished shards to a file during the scan, so that a later run can resume from it.

The file has a header, the fingerprint of the dataset and the options, and an entry for each
finished shard: length, checksum, and what was measured (``stored_results``). Entries are appended,
so a killed scan loses at most the entry that it was writing; an incomplete entry is cut off.

The file may come from a stranger. Reading it imports, calls and opens nothing: an entry is numbers
and texts, compared with the types that the metrics of this scan declare. A file that does not pass
is reported and kept next to the new one, and the scan starts from the beginning.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import xxhash

from datascan._version import __version__
from datascan.errors import OutputError
from datascan.executors.base import Progress
from datascan.files import STANDARD_INPUT, open_regular, resolve_own_links
from datascan.readers.base import Reader
from datascan.readers.dataset_files import find_status
from datascan.records.shard import Plan
from datascan.scanner.forms import DamagedError, UnstorableError
from datascan.scanner.stored_results import ResultForms
from datascan.scanner.tasks import KeptShards, Metrics, NullCheckpoint, PartialResult

MAGIC = b"datascan resume "
"""The first bytes of the files of all versions."""

HEADER = MAGIC + b"3\n"
ENTRY = struct.Struct("<QQ")
"""Before an entry: its length in bytes, and its XXH3."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk that is full, or of a user whose quota is used up."""

FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


class NoSpaceError(OutputError):
    """The disk is full."""


class Checkpoint:
    """A file with the finished shards of one dataset, scanned with one set of options.

    Attributes:
        finished: the results of each finished shard, by its index.
        replaced: why the file was not used, and was renamed; empty if it was used or new.
        incomplete: whether the last entry was not complete.

    Raises:
        NoSpaceError: if the disk is full. Later, that costs this file and not the scan.
        OutputError: if the file cannot be read or written, or is not a checkpoint.
    """

    dates: Mapping[int, int] | None = None

    def __init__(
        self, path: Path, fingerprint: bytes, forms: ResultForms, progress: Progress
    ) -> None:
        self.path, self.forms, self.progress = path, forms, progress
        self.finished: dict[int, list[PartialResult]] = {}
        self.replaced, self.incomplete, self.full = "", False, False
        try:
            self.file = open_file(path)
        except OSError as error:
            raise failure(path, error) from error
        try:
            self._begin(HEADER + fingerprint)
        except OSError as error:
            self._abandon()
            raise failure(path, error) from error
        except OutputError:
            self._abandon()
            raise

    def _begin(self, head: bytes) -> None:
        """Read the finished shards, or write the header."""
        old = self.file.read(len(head))
        if old and not old.startswith(MAGIC):
            raise OutputError(
                f"cannot write {self.path}: it exists and was not written by datascan"
            )
        end = len(head)
        if old == head:
            try:
                end = self._load()
            except DamagedError as error:
                self.finished, self.replaced = {}, f"is damaged ({error})"
        elif old:
            same = old.startswith(HEADER)
            another = "is for another dataset, or one that has changed, or other options"
            self.replaced = another if same else "is from another version of datascan"
        if self.replaced:
            self._set_aside()
        if self.replaced or old != head:
            self.file.write(head)
        self.file.truncate(end)
        self.file.seek(end)
        self.file.flush()

    def _set_aside(self) -> None:
        """Rename the file, and begin a new one: it may be hours of work for other options.

        Raises:
            OutputError: if another file has the name that it would get.
        """
        path = resolve_own_links(self.path)
        kept = set_aside_path(path)
        if os.path.lexists(kept) and not is_checkpoint(kept):
            raise OutputError(
                f"cannot write {self.path}: it {self.replaced}, and cannot be kept as {kept.name}, "
                "which exists and is not a checkpoint"
            )
        self.file.close()
        path.replace(kept)
        self.file = open_file(self.path)

    def keep(self, shard: int, pieces: Sequence[PartialResult]) -> None:
        """Append a finished shard."""
        if self.full:
            return
        try:
            body = self.forms.encode(shard, pieces)
        except UnstorableError as error:
            self.full = True
            self.progress.notify(f"{self.path} saves no more of this scan: {error}")
            return
        try:
            self.file.write(ENTRY.pack(len(body), xxhash.xxh3_64_intdigest(body)))
            self.file.write(body)
            self.file.flush()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Close the file. If it could not be written, what is in its buffer is lost."""
        try:
            self.file.close()
        except OSError as error:
            # Closing writes the buffer once more: that it fails again is known.
            if not self.full:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Save no more, and report the error; the scan itself continues."""
        self.full = True
        self.progress.fail_output(failure(self.path, error))

    def _abandon(self) -> None:
        """Close the file after an error, which another one about its buffer must not replace."""
        with suppress(OSError):
            self.file.close()

    def _load(self) -> int:
        """Read all complete entries; returns the offset at which the last one ends.

        Raises:
            DamagedError: if an entry has the wrong checksum, or does not parse.
        """
        end, size = self.file.tell(), os.fstat(self.file.fileno()).st_size
        while size - end >= ENTRY.size:
            length, checksum = ENTRY.unpack(self.file.read(ENTRY.size))
            if length > size - end - ENTRY.size:
                break
            body = self.file.read(length)
            if len(body) != length or xxhash.xxh3_64_intdigest(body) != checksum:
                raise DamagedError("an entry has the wrong checksum")
            shard, pieces = self.forms.decode(body)
            if shard in self.finished:
                raise DamagedError("a part occurs twice")
            self.finished[shard] = pieces
            end += ENTRY.size + length
        self.incomplete = end < size
        return end


def failure(path: Path, error: OSError) -> OutputError:
    """The error of a checkpoint that cannot be written."""
    kind = NoSpaceError if error.errno in NO_SPACE else OutputError
    return kind(f"cannot write {path}: {error.strerror}")


def set_aside_path(path: Path) -> Path:
    """What a checkpoint is called once it is not used any more."""
    return path.with_name(f"{path.name}.old")


def is_checkpoint(path: Path) -> bool:
    """Whether a file that is not a link begins like a checkpoint."""
    with suppress(OSError), open_regular(path, inside=path.parent) as file:
        return not path.is_symlink() and (file.read(len(MAGIC)) or b"") == MAGIC
    return False


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading and writing; it is created if it does not exist."""
    descriptor = os.open(resolve_own_links(path), FLAGS, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file")
    return os.fdopen(descriptor, "r+b")


def fingerprint(reader: Reader, plan: Plan, measures: Sequence[str], version: str) -> bytes:
    """A hash of the dataset as it is and of the options that affect what is measured, 32 bytes."""
    options = (reader.options.read, reader.options.check)
    digest = hashlib.sha256()
    for fact in (version, reader.name, options, sorted(measures), plan.layout, plan.shards):
        digest.update(repr(fact).encode("utf-8", "surrogateescape"))
    listed = reader.options.read.list_file
    lists = [] if listed in (None, STANDARD_INPUT) else [find_status(str(listed), str(listed))]
    # Records may be in files elsewhere, which a list names.
    for file in chain(files_of(reader), lists, reader.list_files()):
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


def open_checkpoint(reader: Reader, plan: Plan, metrics: Metrics, progress: Progress) -> KeptShards:
    """The checkpoint in the file that the user chose, or one that saves nothing.

    On a full disk, it is one that saves nothing, and ``progress`` has the error.

    Raises:
        OutputError: if the file cannot be read or written.
    """
    path = reader.options.run.resume
    if path is None:
        return NullCheckpoint()
    try:
        forms = ResultForms(metrics, len(plan.shards))
    except UnstorableError as error:
        progress.notify(f"{path} is not used: {error}")
        return NullCheckpoint()
    identity = fingerprint(reader, plan, list(metrics), __version__)
    try:
        resume = Checkpoint(path, identity, forms, progress)
    except NoSpaceError as error:
        progress.fail_output(error)
        return NullCheckpoint()
    if resume.replaced:
        kept = f"it is kept as {set_aside_path(path)}"
        progress.notify(f"{path} {resume.replaced}; {kept}, and all is read from the beginning")
    elif resume.finished or resume.incomplete:
        done = f"{len(resume.finished):,} of {len(plan.shards):,} parts are done"
        torn = "; the last entry is incomplete and is read again" if resume.incomplete else ""
        progress.notify(f"resuming from {path}: {done}{torn}")
    return resume
