"""LevelDB: a folder of tables and logs, read without the library, which would change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.dataset_files import FileStatus, find_status
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.reader import KeyValueReader
from datascan.readers.leveldb.activity import Activity, find_writer, list_names, observe
from datascan.readers.leveldb.files import Folder, is_leveldb
from datascan.readers.leveldb.store import Store
from datascan.records.block import Fault
from datascan.records.part import PartIdentity, find_state
from datascan.records.shard import Plan
from datascan.records.writer import Writer


class LevelDbReader(KeyValueReader):
    """Reads the newest version of every key, without touching the folder."""

    name = "leveldb"
    libraries = (*KeyValueReader.libraries, "google-crc32c")

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self._store: Store | None = None

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """A folder with a CURRENT or a manifest, or with numbered tables or logs."""
        return is_leveldb(path)

    def plan(self) -> Plan:
        """Check the folder, then plan as for any key-value store."""
        check(self.path)
        return super().plan()

    @property
    def store(self) -> Store:
        """The tables and logs, inspected when they are first needed."""
        if self._store is None:
            self._store = Store.of(self.path)
        return self._store

    def faults(self) -> tuple[Fault, ...]:
        """Files that are missing, truncated or damaged, and logs of which records are lost."""
        return self.store.faults

    def key_ranges(self) -> list[KeyRange]:
        """Ranges of about as many bytes on disk; none for an empty store."""
        return self.store.key_ranges(self.options.read.shard_bytes)

    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of a key range."""
        return self.store.iter_entries(span, values=values)

    def sample_entries(self, span: KeyRange) -> Iterator[KeyValueBatch]:
        """The entries of a key range, the first ones from a few blocks."""
        return self.store.sample_entries(span)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, if it can be read."""
        return self.store.get(key)

    def identify_range(self, span: KeyRange) -> PartIdentity:
        """The tables and logs that may have keys of the range; all files of a damaged store."""
        if self.store.faults:
            with suppress(OSError):
                names = list_names(self.path)
                return PartIdentity.of(names, [find_state(self.path / name) for name in names])
        tables, logs = self.store.files_of(span)
        paths = [*(self.path / table.path.name for table in tables), *(log.path for log in logs)]
        return PartIdentity.of(
            [*(table.table for table in tables), len(logs)], map(find_state, paths)
        )

    def nbytes(self) -> int:
        """The bytes of all tables, and of the values in the logs."""
        return self.store.nbytes

    def list_files(self) -> Iterator[FileStatus]:
        """The files that hold records or say which files do."""
        with suppress(OSError):  # the folder was removed meanwhile
            yield from (find_status(self.path / name, name) for name in list_names(self.path))

    def observe(self) -> Activity | None:
        """The state of all files, and whether another process has the store open."""
        return observe(self.path)

    def find_writer(self, before: Activity | None) -> Writer | None:
        """A process that changed files, or holds the store's lock."""
        return find_writer(self.path.name, before, self.observe())

    def close(self) -> None:
        """Forget what was inspected."""
        self._store = None


def check(path: Path) -> None:
    """Check that ``path`` can be a LevelDB.

    Raises:
        DatasetError: if it cannot.
    """
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
        raise DatasetError(f"{path} is not a LevelDB: it has no CURRENT, no manifest and no tables")
