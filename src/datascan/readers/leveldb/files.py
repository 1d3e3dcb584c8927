"""The files of a LevelDB folder, by name.

Source: LevelDB, db/filename.cc.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

CURRENT = "CURRENT"
MANIFEST = re.compile(r"MANIFEST-(\d+)")
TABLE = re.compile(r"(\d+)\.(?:ldb|sst)")
LOG = re.compile(r"(\d+)\.log")
INFO_LOG = "LOG"
ROCKSDB = re.compile(r"IDENTITY|OPTIONS-\d+")
"""Files that only RocksDB writes; its folders look like LevelDB's otherwise."""

MAX_ENTRIES_TO_DETECT = 1000


@dataclass(frozen=True, slots=True)
class Folder:
    """The names of manifests, tables and logs by file number, and all other names."""

    path: Path
    manifests: Mapping[int, str]
    tables: Mapping[int, str]
    logs: Mapping[int, str]
    others: frozenset[str]

    @classmethod
    def of(cls, path: Path, max_entries: int | None = None) -> Folder:
        """List ``path``, or its first ``max_entries`` entries.

        Raises:
            OSError: if it cannot be listed.
        """
        manifests: dict[int, str] = {}
        tables: dict[int, str] = {}
        logs: dict[int, str] = {}
        others: set[str] = set()
        for entry in islice(path.iterdir(), max_entries):
            name = entry.name
            if match := MANIFEST.fullmatch(name):
                manifests[int(match[1])] = name
            elif match := TABLE.fullmatch(name):
                # Of two tables with one number LevelDB uses the .ldb, which sorts first.
                tables[int(match[1])] = min(name, tables.get(int(match[1]), name))
            elif match := LOG.fullmatch(name):
                logs[int(match[1])] = name
            else:
                others.add(name)
        return cls(path, manifests, tables, logs, frozenset(others))

    @property
    def next_number(self) -> int:
        """A file number that is higher than all others."""
        return 1 + max([1, *self.manifests, *self.tables, *self.logs])

    @property
    def is_rocksdb(self) -> bool:
        """Whether RocksDB wrote the folder."""
        return any(ROCKSDB.fullmatch(name) for name in self.others)


def is_leveldb(path: Path) -> bool:
    """Whether ``path`` looks like a LevelDB folder, even one without its CURRENT. Never raises."""
    try:
        if not path.is_dir():
            return False
        if (path / CURRENT).is_file():
            return True
        folder = Folder.of(path, MAX_ENTRIES_TO_DETECT)
    except (OSError, ValueError):
        return False
    has_log = bool(folder.logs) and INFO_LOG in folder.others
    return bool(folder.manifests or folder.tables) or has_log
