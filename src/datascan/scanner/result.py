"""A scanned dataset whose reader is still open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.readers.base import Reader
from datascan.records.shard import ROW_BITS


@dataclass(frozen=True)
class ScanResult:
    """A dataset that has been read and judged, its reader still open."""

    reader: Reader
    summary: DatasetSummary
    issues: tuple[Issue, ...]
    nbytes: int
    seconds: float
    rules: tuple[str, ...] = ()


def lookup_keys(reader: Reader, dataset: DatasetSummary, addresses: NDArray[np.int64]) -> list[str]:
    """Keys of the records at ``addresses``, ascending, int64 (n,)."""
    found: list[str] = []
    owners = addresses >> ROW_BITS
    rows = addresses & ((1 << ROW_BITS) - 1)
    for owner in dict.fromkeys(owners.tolist()):
        found += reader.keys(dataset.plan.shards[owner], rows[owners == owner].tolist())
    return found


def keys_by_shard(
    flagged: Flagged, scanned: ScanResult
) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Places among the flagged records and their keys, one shard's at a time."""
    addresses = flagged.addresses.array
    order = np.argsort(addresses, kind="stable")
    owners = addresses[order] >> ROW_BITS
    edges = np.flatnonzero(np.diff(owners, prepend=-1, append=-1)).tolist() if len(order) else []
    for start, end in pairwise(edges):
        places = order[start:end]
        shard = scanned.summary.plan.shards[int(owners[start])]
        rows, which = np.unique(addresses[places] & ((1 << ROW_BITS) - 1), return_inverse=True)
        keys = scanned.reader.keys(shard, rows.tolist())
        yield places, [keys[i] for i in which.tolist()]
