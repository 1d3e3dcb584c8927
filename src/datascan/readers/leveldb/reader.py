"""The LevelDB reader. It opens a clone of the folder, because LevelDB changes what it opens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import plyvel

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.reader import KeyValueReader
from datascan.readers.leveldb.files import Folder, is_leveldb
from datascan.readers.leveldb.iteration import CHECKED, walk
from datascan.readers.leveldb.partition import split_keys
from datascan.readers.leveldb.store import Store
from datascan.records.block import Fault
from datascan.records.shard import Plan


class LevelDbReader(KeyValueReader):
    """Reads the newest version of every key, without changing the folder."""

    name = "leveldb"

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self._store: Store | None = None

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is a folder with LevelDB's CURRENT, manifest, tables or logs."""
        return is_leveldb(path)

    def plan(self) -> Plan:
        """Clone and recover the store, then plan as for any key-value store.

        Raises:
            DatasetError: if the path is not a LevelDB, or cannot be cloned.
        """
        require_leveldb(self.path)
        return super().plan()

    @property
    def store(self) -> Store:
        """The clones, made on first use."""
        if self._store is None:
            self._store = Store.of(self.path)
        return self._store

    def faults(self) -> tuple[Fault, ...]:
        """Faults for files that are missing, truncated or damaged, and for lost log records."""
        return self.store.recovered.faults

    def key_ranges(self) -> list[KeyRange]:
        """Ranges of about equal size on disk; empty for an empty store."""
        if next(self.iter_entries(KeyRange(), values=False), None) is None:
            return []
        db, tables = self.store.db, self.store.recovered.tables
        edges = split_keys(tables, self.options.read.shard_bytes, db.approximate_size)
        return [KeyRange(first, stop) for first, stop in pairwise([None, *edges, None])]

    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of a key range: directly from tables, and by LevelDB where that fails."""
        begin: bytes | None = None
        if self.store.disjoint_tables is not None:
            begin = yield from self.store.disjoint_tables.iter_entries(span, values=values)
            if begin is None:
                return
        if self.store.db is not None:
            yield from walk(self.store.db, span, values=values, begin=begin)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None if it does not exist or cannot be read."""
        try:
            return None if self.store.db is None else self.store.db.get(key, **CHECKED)
        except plyvel.Error:
            return None

    def nbytes(self) -> int:
        """The size in bytes of all tables, including those made from logs."""
        return sum(table.size for table in self.store.recovered.tables)

    def close(self) -> None:
        """Remove the clones."""
        if self._store is not None:
            self._store.close()
            self._store = None


def require_leveldb(path: Path) -> None:
    """Raise :class:`DatasetError` unless ``path`` looks like a LevelDB."""
    if not path.exists():
        raise DatasetError(f"{path} does not exist")
    if not path.is_dir():
        raise DatasetError(f"{path} is not a folder, as a LevelDB is")
    try:
        folder = Folder.of(path)
    except OSError as error:
        raise DatasetError(f"cannot list {path}: {error.strerror}") from error
    if folder.is_rocksdb:
        raise DatasetError(f"{path} was written by RocksDB, which LevelDB cannot read")
    if not is_leveldb(path):
        raise DatasetError(f"{path} is not a LevelDB: it has no CURRENT, manifest or tables")
