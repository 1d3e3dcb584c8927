"""Shards and plans: how a dataset is divided before it is read; addresses of records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.records.block import Fault, Uninspected

ROW_BITS = 32
"""A record's address is ``shard.index << ROW_BITS | row``: int64, ascending in store order."""

Addresses = NDArray[np.int64]


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


class PartialDownload(Struct, frozen=True):
    """A file that a downloader did not finish, and whether the finished file exists, too."""

    name: str
    has_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a reader knows about its dataset before reading it.

    Attributes:
        shards: all of them, in store order; ``shards[i].index`` is ``i``.
        layout: the name of the decoder or of the arrangement of the records.
        nbytes: about how many bytes the records take.
        declared_count: a number of records that the dataset's author wrote down, and where.
        store_count: the number of records according to the store's own bookkeeping.
        faults: faults of the dataset as a whole, found while planning.
        class_names: names of classes by label, if the dataset has any.
        records: the number of records, if it is known before reading.
        work_bytes: the cost of the scan in bytes of plain reading, if it is more than ``nbytes``.
        needs_isolation: whether reading needs a worker process even if that takes longer.
        is_bgr: whether the three planes of a record are blue, green and red.
        ignored_files: files in the dataset's folder that do not belong to it.
        excluded: how many files and folders were left out on request.
        uninspected: fields and files that are not read.
        total_records: the number of records of the whole dataset, if known, limited or not.
        has_file_names: whether each record is a file.
        partial: downloads among its files that did not finish.
        notes: how names were understood, by subject, for the report: which level of folders is the
            class, which keys are not records.
        sampled_from: the number of records from which a sample was chosen; None without one.
        origins: of a sample, the index in the dataset of row 0 of each shard.
        is_read_in_order: whether loaders read the records in store order, as Caffe reads an LMDB.
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
    is_bgr: bool = False
    ignored_files: int = 0
    excluded: tuple[int, int] = (0, 0)
    uninspected: tuple[Uninspected, ...] = ()
    total_records: int | None = None
    has_file_names: bool = False
    partial: tuple[PartialDownload, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    is_read_in_order: bool = True
    sampled_from: int | None = None
    origins: tuple[int, ...] = ()


def split_addresses(addresses: Addresses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The shard and the row of each address, int64 (n,) each."""
    return addresses >> ROW_BITS, addresses & ((1 << ROW_BITS) - 1)


def join_addresses(shards: NDArray[np.int64], rows: NDArray[np.int64]) -> Addresses:
    """The address of each pair of shard and row, int64 (n,)."""
    return (shards << ROW_BITS) | rows


class ShardGroup(Struct, frozen=True, eq=False):
    """Those of some addresses that belong to one shard, ascending.

    ``positions`` are indices into the addresses that were grouped, ``rows`` are rows of the
    shard, int64 (k,) each. An address that occurs twice is in the group twice.
    """

    shard: int
    positions: NDArray[np.int64]
    rows: NDArray[np.int64]


def group_by_shard(addresses: Addresses) -> Iterator[ShardGroup]:
    """Group ``addresses``, int64 (n,) in any order, by shard: one group at a time, ascending."""
    if not len(addresses):
        return
    order = np.argsort(addresses, kind="stable")
    shards, rows = split_addresses(addresses[order])
    starts = np.flatnonzero(np.diff(shards, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        yield ShardGroup(int(shards[start]), order[start:stop], rows[start:stop])
