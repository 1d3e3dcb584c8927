"""Whether a process writes to an LMDB environment.

A snapshot stays intact while the next transaction is written: LMDB reuses only pages that were
free one transaction earlier. The write lock is a robust mutex in the lock file, whose first word
is the thread that holds it; it counts only while a process has the environment open.

Source: LMDB 0.9, mdb.c: MDB_txninfo, mdb_find_oldest, mdb_page_alloc; glibc, pthread_mutex_t.
"""

from __future__ import annotations

import struct
from pathlib import Path

from msgspec import Struct

from datascan.errors import DatasetError
from datascan.files import open_regular
from datascan.readers.lmdb.pages import MAGIC, PageFile
from datascan.readers.locks import is_locked
from datascan.records.writer import CONTENT, REACH, Writer

LOCK_BYTES = 128
MUTEX = 64
"""The offset of the writers' mutex in the lock file of 64-bit Linux."""

OWNER_DIED = 0x4000_0000
THREAD = 0x3FFF_FFFF


class Activity(Struct, frozen=True):
    """Device and inode of the data file, the newest transaction; is it being written?"""

    file: tuple[int, int]
    transaction: int
    is_written: bool


def observe(data: Path, lock: Path) -> Activity | None:
    """The state of an environment; None if it cannot be read."""
    try:
        found = data.stat()
        meta = PageFile(data).surviving_meta
    except (OSError, ValueError, DatasetError):
        return None
    identity = found.st_dev, found.st_ino
    return Activity(identity, meta.transaction if meta else 0, holds_write_lock(lock))


def find_writer(name: str, before: Activity | None, after: Activity | None) -> Writer | None:
    """The writer that two states of an environment show, if there is one."""
    everything = REACH + CONTENT
    if before is None:
        return None
    if after is None or after.file != before.file or after.transaction < before.transaction:
        return Writer(f"{name} was replaced or removed during the scan", everything)
    commits = after.transaction - before.transaction
    if commits > 1:
        words = f"another process committed {commits:,} transactions to {name} during the scan"
        return Writer(words, everything)
    if commits:
        return Writer(f"another process committed a transaction to {name} during the scan")
    if before.is_written or after.is_written:
        return Writer(f"another process holds the write lock of {name}")
    return None


def holds_write_lock(lock: Path) -> bool:
    """Whether a process is in a write transaction, according to the lock file."""
    try:
        with open_regular(lock) as file:
            head = file.read(LOCK_BYTES) or b""
    except (OSError, ValueError):
        return False
    if len(head) < LOCK_BYTES or struct.unpack_from("<I", head)[0] != MAGIC:
        return False
    (word,) = struct.unpack_from("<I", head, MUTEX)
    return bool(word & THREAD) and not word & OWNER_DIED and is_locked(lock)
