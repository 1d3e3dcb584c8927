"""Reads a sample of small records again, for rules that ask what may be chance."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import prod

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.executors.base import Executor, WorkerSlot
from datascan.metrics.base import DatasetSummary
from datascan.metrics.chance import MAX_VALUES
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.readers.base import Reader
from datascan.readers.tracked import tracked_blocks
from datascan.records.shard import Shard, join_addresses
from datascan.records.statistics import in_float64
from datascan.scanner.reread import RowsByShard, blocks_with_rows, reread, rows_by_shard

MAX_RECORDS = 2_048
MAX_SHARDS = 16
"""A sample is taken from at most this many shards, so that little is read again."""


@dataclass(frozen=True)
class SampleSmallTask:
    """The task that reads the values of chosen rows: arrays (m, size), by size."""

    reader: Reader
    rows: RowsByShard

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> list[NDArray[np.float64]]:
        """The values of the records' own columns, as float64."""
        found = []
        blocks = tracked_blocks(self.reader, shard, slot)
        for block, rows in blocks_with_rows(blocks, shard, self.rows[shard.index]):
            for column in block.arrays:
                chosen = np.flatnonzero(np.isin(column.rows, rows))
                if column.primary and len(chosen) and column.size <= MAX_VALUES:
                    with suppress(OSError):  # the file was cut: the sample does without
                        values = column.take(chosen).reshape(len(chosen), -1)
                        found.append(in_float64(values))
        return found

    def on_failure(self, shard: Shard, reason: str) -> list[NDArray[np.float64]]:  # noqa: ARG002  (the sample does without)
        """Nothing of rows that cannot be read again."""
        return []


class SmallRecords(Struct, frozen=True):
    """Reads the sample when a rule asks for it; ``tick`` is called meanwhile."""

    reader: Reader
    executor: Executor
    tick: Callable[[], None]

    def __call__(self, dataset: DatasetSummary) -> NDArray[np.float64] | None:
        """Values (m, d) of records of the most frequent size; None if records are large."""
        if not dataset.is_complete or not has_small_records(dataset):
            return None
        rows = rows_by_shard(choose_records(dataset))
        task = SampleSmallTask(self.reader, rows)
        pieces = reread(task, dataset.plan, self.executor, rows, on_tick=self.tick)
        by_size: dict[int, list[NDArray[np.float64]]] = {}
        for values in (values for piece in pieces for values in piece):
            by_size.setdefault(values.shape[1], []).append(values)
        samples = [np.concatenate(group) for _, group in sorted(by_size.items())]
        return max(samples, key=len) if samples else None


def has_small_records(dataset: DatasetSummary) -> bool:
    """Whether all records are arrays of few values, and not images."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    kinds = () if tally is None else tally.kinds
    return bool(kinds) and all(not k.mode and prod(k.shape) <= MAX_VALUES for k in kinds)


def choose_records(dataset: DatasetSummary) -> NDArray[np.int64]:
    """The addresses of the sample: evenly spread over shards that are evenly spread."""
    filled = np.flatnonzero(dataset.counts)
    shards = filled[spread(len(filled), MAX_SHARDS)]
    parts = [
        join_addresses(np.full(len(rows), shard), rows + dataset.firsts[shard])
        for shard in shards.tolist()
        for rows in (spread(int(dataset.counts[shard]), MAX_RECORDS // len(shards)),)
    ]
    return np.concatenate(parts)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of the numbers below ``count``, evenly spread, ascending."""
    chosen = min(count, most)
    return (np.arange(chosen) * count // max(1, chosen)).astype(np.int64)
