"""Small LevelDB stores, their files on disk, and ways to damage them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from datascan.readers.leveldb.log import Record, read_log
from datascan.readers.leveldb.manifest import State, state_of
from tests.builders.leveldb_writer import write_store

try:
    import plyvel
except ImportError:  # no wheel for this system
    plyvel = None

BLOCK_BYTES = 4096
"""A block of a table ends with the entry that makes it larger than this."""


def open_leveldb(path: Path, **settings: Any) -> Any:
    """A store that is open for writing, by LevelDB itself; skips the test without plyvel."""
    if plyvel is None:
        pytest.skip("plyvel, which writes the store, is not installed")
    return plyvel.DB(str(path), **settings)


def write_leveldb(
    path: Path,
    *sessions: Mapping[bytes, bytes | None],
    compression: str | None = None,
    in_tables: bool = True,
) -> Path:
    """A store at ``path``; each session puts its values, and deletes keys whose value is None.

    The log of a session becomes a table when the store is opened again; with ``in_tables``, so does
    the last one. Without plyvel, an own writer makes the same of it, if nothing is compressed.
    """
    if plyvel is None and compression is None:
        write_store(path, *sessions, in_tables=in_tables)
        return path
    for session in sessions:
        with open_leveldb(path, create_if_missing=True, compression=compression) as db:
            for key, value in session.items():
                if value is None:
                    db.delete(key)
                else:
                    db.put(key, value)
    if in_tables or not sessions:
        open_leveldb(path, create_if_missing=True, compression=compression).close()
    return path


def numbered(indices: Iterable[int], size: int = 100) -> dict[bytes, bytes]:
    """Keys of eight digits with distinct values."""
    return {b"%08d" % i: (b"%08d|" % i * (size // 9 + 1))[:size] for i in indices}


def files(path: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """The content, mode and time stamps of all files, to notice any change."""
    found = {}
    for name in [".", *sorted(entry.name for entry in path.iterdir())]:
        stat = (path / name).stat()
        content = b"" if name == "." else (path / name).read_bytes()
        found[name] = (content, stat.st_mode, stat.st_mtime_ns, stat.st_ctime_ns)
    return found


def state(path: Path) -> State:
    """The state of the store according to its manifest."""
    name = (path / "CURRENT").read_text().strip()
    return state_of(item.payload for item in read_log(path / name) if isinstance(item, Record))


def table_files(path: Path) -> list[Path]:
    """The files of the store's tables, ordered by their first keys."""
    tables = sorted(state(path).tables, key=lambda table: table.first)
    return [path / f"{table.number:06}.ldb" for table in tables]


def log_file(path: Path) -> Path:
    """The only log of the store that is not empty."""
    (log,) = [log for log in path.glob("*.log") if log.stat().st_size]
    return log


def flip(path: Path, at: int, count: int = 16) -> None:
    """Invert ``count`` bytes from offset ``at``, which counts from the end if it is negative."""
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at : at + count] = bytes(byte ^ 0xFF for byte in content[at : at + count])
    path.write_bytes(content)


def cut(path: Path, size: int) -> None:
    """Truncate a file to ``size`` bytes or, if negative, by that many."""
    content = path.read_bytes()
    path.write_bytes(content[:size])


def as_leveldb_reads(path: Path, into: Path) -> dict[bytes, bytes]:
    """The entries that LevelDB itself reads from a copy in ``into``, in its most lenient mode."""
    shutil.copytree(path, into)
    with open_leveldb(into, paranoid_checks=False) as db:
        return dict(db.iterator())


def merged(sessions: Sequence[Mapping[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """The content of a store after ``sessions``, in key order."""
    found: dict[bytes, bytes] = {}
    for session in sessions:
        for key, value in session.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
    return dict(sorted(found.items()))
