"""A LevelDB folder that is only read: its tables and logs, as its manifest lists them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from datascan.errors import DatasetError
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.leveldb.inspection import inspect, log_faults
from datascan.readers.leveldb.losses import LossReporter
from datascan.readers.leveldb.merge import SAMPLE_BYTES, Merger, overlaps
from datascan.readers.leveldb.partition import split_keys
from datascan.readers.leveldb.replay import LogFile, LoggedEntries, replay
from datascan.readers.leveldb.tables import TableFile
from datascan.records.block import Fault


class Store(Struct, frozen=True):
    """The tables and logged entries of a store, and what is wrong with it. Holds no file open."""

    tables: tuple[TableFile, ...]
    logged: LoggedEntries
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, path: Path) -> Store:
        """The store in ``path``.

        Raises:
            DatasetError: if a file of it cannot be read, or its keys are in an unknown order.
        """
        try:
            found = inspect(path)
            logged, flaws = replay(found.logs)
        except OSError as error:
            name = error.filename or path
            raise DatasetError(f"cannot read {name}: {error.strerror}") from error
        return cls(found.tables, logged, (*found.faults, *log_faults(flaws)))

    @property
    def nbytes(self) -> int:
        """The bytes of all tables, and of the values in the logs."""
        return sum(table.table.size for table in self.tables) + int(self.logged.places[:, 2].sum())

    @property
    def merger(self) -> Merger:
        """Reads key ranges."""
        return Merger(self.tables, self.logged)

    def key_ranges(self, target: int) -> list[KeyRange]:
        """Ranges of about ``target`` bytes on disk; none for an empty store."""
        if next(self.sample_entries(KeyRange(), values=False), None) is None:
            return []
        edges = split_keys(self.tables, self.logged, target)
        return [KeyRange(first, stop) for first, stop in pairwise([None, *edges, None])]

    def files_of(self, span: KeyRange) -> tuple[list[TableFile], tuple[LogFile, ...]]:
        """The tables that may have keys of a range, and the logs if any of them has one."""
        tables = [table for table in self.tables if overlaps(table, span)]
        return tables, self.logged.logs if self.logged.rows_in(span.first, span.stop) else ()

    def iter_entries(self, span: KeyRange, *, values: bool) -> Iterator[KeyValueBatch]:
        """The entries of a key range, about 6 MB at a time."""
        return LossReporter(self.merger, span).batches(values=values)

    def sample_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:
        """The entries of a key range, of which only the first few are needed."""
        return LossReporter(self.merger, span).batches(values=values, at_first=SAMPLE_BYTES)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None if it is missing or cannot be read."""
        for window in self.merger.windows(KeyRange(key, key + b"\0"), values=True):
            if len(window.batch):
                return window.batch.values[0]
        return None
