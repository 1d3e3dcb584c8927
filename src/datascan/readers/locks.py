"""Which locks other processes hold on a file. Nothing is locked to find out.

Source: fcntl(2), "Advisory record locking"; proc(5), /proc/locks.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from datascan.files import open_regular

FLOCK = struct.Struct("hhqqi")
"""``struct flock`` on 64-bit Linux: type, whence, start, length, process."""

OWN_FILES = Path("/proc/self/fd")
SYSTEM_LOCKS = Path("/proc/locks")
IS_LINUX = sys.platform == "linux" and sys.maxsize > 1 << 32
"""On other systems no lock is seen, and a writer is recognised by what it changes."""


def is_locked(path: Path) -> bool:
    """Whether another process holds an ``fcntl`` lock on a file; False if that is unknown.

    A process that closes a file loses all ``fcntl`` locks that it has on it. So a file that this
    process has open itself is left alone.
    """
    if not IS_LINUX:
        return False
    import fcntl  # noqa: PLC0415  (not on every system)

    try:
        if is_open_here(path):
            return False
        with open_regular(path) as file:
            asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            found = fcntl.fcntl(file.fileno(), fcntl.F_GETLK, asked)
    except (OSError, ValueError):
        return False
    return bool(FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


def is_open_here(path: Path) -> bool:
    """Whether this process has the file open.

    Raises:
        OSError: if the file does not exist, or the system does not say.
    """
    wanted = path.stat()
    for name in os.listdir(OWN_FILES):  # noqa: PTH208  (names only)
        try:
            found = os.stat(OWN_FILES / name)  # noqa: PTH116  (much faster)
        except OSError:
            continue  # the listing itself, which is closed by now
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True
    return False


def has_exclusive_flock(path: Path, locks: Sequence[str] | None = None) -> bool:
    """Whether a process has locked the file by ``flock`` for itself, as HDF5 does to write.

    ``locks``: what :func:`read_locks` returned, for many files.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return False
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    name = f"{device}:{found.st_ino}"
    lines = read_locks() if locks is None else locks
    return any(
        "FLOCK" in words and "WRITE" in words and name in words for words in map(str.split, lines)
    )


def read_locks() -> list[str]:
    """A line for each lock of the system; none if it does not say."""
    try:
        return SYSTEM_LOCKS.read_text().splitlines() if IS_LINUX else []
    except (OSError, ValueError):
        return []
