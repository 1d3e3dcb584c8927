"""Shards and plans: how a dataset is divided before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datascan.records.block import Fault

ROW_BITS = 32
"""A record's address is ``shard.index << ROW_BITS | row``: int64, ascending in store order."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of consecutive records that one worker reads. It holds no open files and pickles.

    ``span`` is interpreted only by the reader that planned the shard: a key range, a row range, a
    slice of a list of files. Only rows ``first`` <= row < ``last`` are read.
    """

    index: int
    span: Any
    first: int = 0
    last: int | None = None

    def slice(self, first: int, last: int | None) -> Shard:
        """The same shard, limited to rows ``first`` <= row < ``last``."""
        return Shard(self.index, self.span, first, last)

    @property
    def base(self) -> int:
        """The address of row 0."""
        return self.index << ROW_BITS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reader knows about its dataset before reading it.

    ``declared_count``: the metadata key in which the dataset's author stated the number of
    records, and that number. ``store_count``: the number that the store itself keeps.
    ``work_bytes``: the work, in bytes of plain reading, if it exceeds ``nbytes``.
    ``needs_isolation``: read in a worker process even if the dataset is too small to gain from
    it. ``is_bgr``: records of three planes are in the order blue, green, red. ``ignored_files``:
    the number of files in the dataset's folder that do not belong to it.
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
