"""Whether a process writes to an HDF5 file.

A writer keeps part of a file in memory until it closes it, so a file that is open for writing may
be inconsistent although it does not change.

Source: HDF5 File Format Specification 3.0, II.A: "File Consistency Flags" of superblock 2 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from datascan.files import open_regular
from datascan.readers.hdf5.files import MIN_USER_BLOCK, Source, decode_name
from datascan.readers.hdf5.superblock import SIGNATURE
from datascan.readers.locks import has_exclusive_flock, read_locks
from datascan.records.writer import CONTENT, REACH, Writer

WRITING = 0x01 | 0x04
"""Flags of a file that is open for writing, or for writing while others read."""

VERSIONS = (2, 3)
MAX_OFFSET = 1 << 16
"""The superblock is searched for up to here: at 0, or 512, 1024, 2048, ... after a user block."""


class FileActivity(Struct, frozen=True):
    """Device and inode, size and time of modification; is it marked as open for writing?"""

    file: tuple[int, int]
    content: tuple[int, int]
    is_marked: bool


Activity = Mapping[Path, FileActivity]


def observe(sources: Sequence[Source]) -> Activity:
    """The state of every file of a dataset that can be read."""
    files = dict.fromkeys(source.path for source in sources)
    return {path: state for path in files if (state := observe_file(path))}


def observe_file(path: Path) -> FileActivity | None:
    """The state of a file; None if it cannot be read."""
    try:
        found = path.stat()
        marked = is_marked(path)
    except (OSError, ValueError):
        return None
    content = found.st_size, found.st_mtime_ns
    return FileActivity((found.st_dev, found.st_ino), content, marked)


def is_marked(path: Path) -> bool:
    """Whether the superblock says that the file is open for writing.

    Raises:
        OSError: if it cannot be read.
    """
    with open_regular(path) as file:
        head = file.read(MIN_USER_BLOCK) or b""
        if not head.startswith(SIGNATURE):
            head += file.read(MAX_OFFSET) or b""
    start = 0
    while start + 12 <= len(head):
        if head.startswith(SIGNATURE, start):
            return head[start + 8] in VERSIONS and head[start + 11] & WRITING > 0
        start = 2 * start or MIN_USER_BLOCK
    return False


def find_writer(before: Activity, after: Activity) -> Writer | None:
    """The writer that two states of a dataset show, or a lock that it holds now, if there is one.

    The locks of the system take 10 ms to read. A writer that has let go of its lock since the first
    state has changed the file, or left it as it was.
    """
    locks = read_locks()
    for path, state in before.items():
        if sign := find_sign(path, state, after.get(path), locks):
            return Writer(sign, REACH + CONTENT)
    return None


def find_sign(
    path: Path, before: FileActivity, after: FileActivity | None, locks: Sequence[str]
) -> str:
    """What shows that a file is being written; "" if nothing does. ``locks``: of the system."""
    name = decode_name(path.name)
    if after is None or after.file != before.file:
        return f"{name} was replaced or removed during the scan"
    if after.content != before.content:
        return f"another process writes to {name}: it changed during the scan"
    if has_exclusive_flock(path, locks):
        return f"another process has {name} open for writing"
    if after.is_marked:
        return (
            f"{name} is marked as open for writing: by a process that still writes, or by one "
            "that ended without closing it (h5clear -s removes the mark)"
        )
    return ""
