"""Whether a process writes to a LevelDB.

Every process that opens a LevelDB holds its LOCK, also to read. What a writer leaves at any
moment is consistent, so only files that change during the scan explain what cannot be read.

Source: LevelDB, db/db_impl.cc, db/filename.cc, util/env_posix.cc.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from datascan.readers.leveldb.files import CURRENT, Folder
from datascan.readers.locks import is_locked
from datascan.records.writer import REACH, Writer

LOCK = "LOCK"

FileState = tuple[int, int, int]
"""Inode, size and time of modification of a file."""


class Activity(Struct, frozen=True):
    """Device and inode of the folder, the state of each file in it, and whether LOCK is held."""

    folder: tuple[int, int]
    files: Mapping[str, FileState]
    is_open: bool


def observe(path: Path) -> Activity | None:
    """The state of a store; None if it cannot be listed."""
    try:
        found = path.stat()
        names = list_names(path)
    except (OSError, ValueError):
        return None
    files = {name: state for name in names if (state := file_state(path / name))}
    return Activity((found.st_dev, found.st_ino), files, is_locked(path / LOCK))


def list_names(path: Path) -> list[str]:
    """The names of the files that hold records or say which files do.

    Raises:
        OSError: if the folder cannot be listed.
    """
    folder = Folder.of(path)
    groups = (folder.manifests, folder.tables, folder.logs)
    return [CURRENT, *(name for group in groups for name in group.values())]


def file_state(path: Path) -> FileState | None:
    """The state of a file; None if it does not exist."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def find_writer(name: str, before: Activity | None, after: Activity | None) -> Writer | None:
    """The writer that two states of a store show, if there is one."""
    if before is None:
        return None
    if after is None or after.folder != before.folder:
        return Writer(f"{name} was replaced or removed during the scan", REACH)
    names = before.files.keys() | after.files.keys()
    changed = sorted(n for n in names if before.files.get(n) != after.files.get(n))
    if changed:
        more = f" and {len(changed) - 1:,} more files" if len(changed) > 1 else ""
        words = f"another process writes to {name}: {changed[0]}{more} changed during the scan"
        return Writer(words, REACH)
    if before.is_open or after.is_open:
        return Writer(f"another process has {name} open: it holds {LOCK}")
    return None
