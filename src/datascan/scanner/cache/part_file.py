"""The file with the results of the parts of one dataset, scanned with one set of options.

It has a header, a fingerprint, and an entry for each part: its identity, when it was read, length,
checksum, and what was measured (``stored_results``). A file is never changed: a new one replaces it
in one step, so two scans at once, or one that is killed, leave a complete file.

The file may come from a stranger. Only a regular file of the user is read, in which no entry claims
more bytes than there are; what an entry holds is compared with the types that the metrics declare.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import xxhash

from datascan.files import FLAGS, require_regular, user_id
from datascan.scanner.forms import DamagedError

MAGIC = b"datascan cache "
"""The first bytes of the files of all versions."""

HEADER = MAGIC + b"1\n"
FINGERPRINT_BYTES = 32
ENTRY = struct.Struct("<32sQQQ")
"""Before the body of an entry: the digest of its part, when it was read (seconds since 1970), the
length of the body, and the XXH3 of all before it and of the body."""

CHECKSUM_AT = ENTRY.size - 8

MAX_BYTES = 1 << 30
"""The largest file that is read or written: results of some 50 million records."""

HEAD_BYTES = len(HEADER) + FINGERPRINT_BYTES

MAX_DATE = 253402300799
"""The last second of the year 9999."""

NEW_FILE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
UNFINISHED = ".unfinished"
"""The extension of a file that is being written."""


class AnotherVersionError(Exception):
    """A file in the format of another version."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """The entry of a part: ``octets`` are all of it, ``body`` what was measured."""

    digest: bytes
    read: int
    octets: bytes

    @classmethod
    def of(cls, digest: bytes, read: int, body: bytes) -> StoredPart:
        """The entry of a part that was read at a time in seconds."""
        start = ENTRY.pack(digest, read, len(body), 0)[:CHECKSUM_AT]
        return cls(digest, read, start + checksum(start, body) + body)

    @property
    def body(self) -> memoryview:
        """What was measured."""
        return memoryview(self.octets)[ENTRY.size :]


def checksum(start: bytes, body: bytes | memoryview) -> bytes:
    """The XXH3 of an entry, eight bytes."""
    digest = xxhash.xxh3_64(start)
    digest.update(body)
    return struct.pack("<Q", digest.intdigest())


def read_parts(
    path: Path, fingerprint: bytes, wanted: frozenset[bytes]
) -> Iterator[StoredPart | None]:
    """The entries of those parts that are ``wanted``; None for each of the others.

    Raises:
        OSError: if the file cannot be read, or must not be.
        AnotherVersionError: if another version of datascan wrote it.
        DamagedError: if it is damaged.
    """
    with open_own(path) as file:
        end = os.fstat(file.fileno()).st_size
        head = HEADER + fingerprint
        found = file.read(len(head))
        if found != head:
            if found.startswith(MAGIC) and not found.startswith(HEADER):
                raise AnotherVersionError
            raise DamagedError("it has another beginning")
        at = len(head)
        while at < end:
            start = file.read(ENTRY.size)
            if len(start) < ENTRY.size:
                raise DamagedError("the last entry is not complete")
            digest, read, length, expected = ENTRY.unpack(start)
            at += ENTRY.size + length
            if at > end or read > MAX_DATE:
                raise DamagedError("an entry has impossible numbers")
            if digest not in wanted:
                file.seek(length, os.SEEK_CUR)
                yield None
                continue
            body = file.read(length)
            if checksum(start[:CHECKSUM_AT], body) != struct.pack("<Q", expected):
                raise DamagedError("an entry has the wrong checksum")
            yield StoredPart(digest, read, start + body)


def open_own(path: Path) -> BinaryIO:
    """Open a regular file of this user, and no link to one, for reading.

    Raises:
        OSError: if that is not what is at ``path``, or it is too large.
    """
    try:
        descriptor = os.open(path, FLAGS | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link", str(path)) from error
        raise
    try:
        found = os.fstat(descriptor)
        require_regular(found, path)
        require_own(found, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


def require_own(found: os.stat_result, path: Path) -> None:
    """Raise OSError for a file of another user, or one that is too large."""
    if found.st_uid not in {user_id(), 0}:
        raise OSError(0, "it belongs to another user", str(path))
    if found.st_size > MAX_BYTES:
        raise OSError(0, f"it has more than {MAX_BYTES:,} bytes", str(path))


def write_parts(path: Path, fingerprint: bytes, parts: Iterable[StoredPart]) -> None:
    """Replace the file in one step, or leave it as it is.

    Raises:
        OSError: if it cannot be written.
    """
    unfinished = path.with_name(f"{os.urandom(16).hex()}{UNFINISHED}")
    descriptor = os.open(unfinished, NEW_FILE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(HEADER + fingerprint)
            for part in parts:
                file.write(part.octets)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def is_own_file(found: os.stat_result) -> bool:
    """Whether the state is that of a regular file of this user."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == user_id()
