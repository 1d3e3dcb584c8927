"""The result of a scan, with the reader still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.config.baseline import BaselineEntry
from datascan.metrics.base import DatasetSummary
from datascan.readers.base import Reader
from datascan.records.shard import Plan, group_by_shard
from datascan.scanner.early_stop import EarlyEnd


class CacheUse(Struct, frozen=True):
    """How many parts were ``read``, and how many ``reused`` from earlier scans.

    ``since``: when the first of these was read, in seconds since 1970; None if no part was reused.
    """

    read: int
    reused: int
    since: int | None


class ScanResult(Struct, frozen=True, kw_only=True):
    """A scanned dataset: what the checks found, and the open reader for what is read later.

    ``issues`` are reported, the accepted ones marked. ``evidence`` is everything that was found,
    before a baseline, by the selected checks and by those that the caller requires.
    ``unmatched`` are the entries of the baseline for this dataset that accept nothing any more.
    ``ended`` says why the scan ended early, if it did.
    ``cache``: None if the scan used none.
    ``inapplicable`` says which of ``rules`` do not apply to the dataset, and why.
    """

    reader: Reader
    summary: DatasetSummary
    issues: tuple[Issue, ...]
    nbytes: int
    seconds: float
    rules: tuple[str, ...] = ()
    evidence: tuple[Issue, ...] = ()
    inapplicable: Mapping[str, str] = {}
    unmatched: tuple[BaselineEntry, ...] = ()
    ended: EarlyEnd | None = None
    cache: CacheUse | None = None

    def lookup_keys(self, addresses: NDArray[np.int64]) -> list[str]:
        """The key of the record at each of ``addresses``, int64 (n,) in any order."""
        keys = [""] * len(addresses)
        for positions, found in self.iter_keys(addresses):
            for position, key in zip(positions.tolist(), found, strict=True):
                keys[position] = key
        return keys

    def iter_keys(
        self, addresses: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
        """Positions in ``addresses`` and the keys of the records there, shard by shard.

        The keys of one shard at most are in memory.
        """
        return iter_keys(self.reader, self.summary.plan, addresses)


def iter_keys(
    reader: Reader, plan: Plan, addresses: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Positions in ``addresses`` and the keys of the records there, shard by shard."""
    for group in group_by_shard(addresses):
        rows, which = np.unique(group.rows, return_inverse=True)
        keys = reader.keys(plan.shards[group.shard], rows.tolist())
        yield group.positions, [keys[i] for i in which.tolist()]
