"""Shards and plans: how a dataset is divided before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datascan.records.block import Fault

ROW_BITS = 32
"""An address is ``shard.index << ROW_BITS | row``: int64, ascending in store order."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of consecutive records that one worker reads: a description, never a handle.

    ``span`` means something only to the reader that planned it (a key range, a row range, a slice
    of a list of files). It pickles. Only rows ``first`` <= row < ``last`` of it are to be read.
    """

    index: int
    span: Any
    first: int = 0
    last: int | None = None

    def slice(self, first: int, last: int | None) -> Shard:
        """The same shard, reduced to the rows from ``first`` up to ``last``."""
        return Shard(self.index, self.span, first, last)

    @property
    def base(self) -> int:
        """The address of row 0."""
        return self.index << ROW_BITS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reader knows of its dataset before reading it.

    ``stated``: the place where the dataset's author wrote down a number of records, and that
    number. ``claimed``: how many the store's own bookkeeping says it has. ``cost`` is the
    work in bytes of plain reading, where that is more than ``nbytes``. ``damaged`` asks for a
    worker process even where one would not pay. ``bgr``: three planes of a record are its blue,
    green and red ones. ``other_files`` lie in the dataset's folder and are no part of it.
    """

    shards: tuple[Shard, ...]
    layout: str
    nbytes: int
    declared_count: tuple[str, int] | None = None
    store_count: int | None = None
    faults: tuple[Fault, ...] = ()
    class_names: tuple[str, ...] = ()
    records: int | None = None
    work_bytes: int | None = None
    needs_isolation: bool = False
    has_text_labels: bool = False
    is_bgr: bool = False
    ignored_files: int = 0
