"""The files of a LevelDB folder, distinguished by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

CURRENT = "CURRENT"
MANIFEST = re.compile(r"MANIFEST-(\d{1,19})")
TABLE = re.compile(r"(\d{1,19})\.(?:ldb|sst)")
LOG = re.compile(r"(\d{1,19})\.log")
INFO_LOG = "LOG"
ROCKSDB = re.compile(r"IDENTITY|OPTIONS-\d+")
"""Names of files that RocksDB writes, whose folders look alike."""

A_FEW = 1000


class Folder(Struct, frozen=True):
    """Names of files by their numbers, and all other names."""

    path: Path
    manifests: Mapping[int, str]
    tables: Mapping[int, str]
    logs: Mapping[int, str]
    others: frozenset[str]

    @classmethod
    def of(cls, path: Path, most: int | None = None) -> Folder:
        """List ``path``, or the first ``most`` names in it.

        Raises:
            OSError: if it cannot be listed.
        """
        manifests: dict[int, str] = {}
        tables: dict[int, str] = {}
        logs: dict[int, str] = {}
        others: set[str] = set()
        for entry in islice(path.iterdir(), most):
            name = entry.name
            if found := MANIFEST.fullmatch(name):
                manifests[int(found[1])] = name
            elif found := TABLE.fullmatch(name):
                # Of two with one number LevelDB takes the .ldb, which sorts first.
                tables[int(found[1])] = min(name, tables.get(int(found[1]), name))
            elif found := LOG.fullmatch(name):
                logs[int(found[1])] = name
            else:
                others.add(name)
        return cls(path, manifests, tables, logs, frozenset(others))

    @property
    def is_rocksdb(self) -> bool:
        """Whether RocksDB wrote it."""
        return any(ROCKSDB.fullmatch(name) for name in self.others)


def is_leveldb(path: Path) -> bool:
    """Whether ``path`` looks like a LevelDB folder, even one without its CURRENT. Never raises."""
    try:
        if not path.is_dir():
            return False
        if (path / CURRENT).is_file():
            return True
        folder = Folder.of(path, A_FEW)
    except (OSError, ValueError):
        return False
    has_log = bool(folder.logs) and INFO_LOG in folder.others
    return bool(folder.manifests or folder.tables) or has_log
