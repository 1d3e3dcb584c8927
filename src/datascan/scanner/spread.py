"""Measures as many shards as there is time for, spread evenly over the dataset.

The dataset is cut into segments of equal length, which are read side by side: the first shard of
each, then the second of each, and so on. If the time ends, the beginning of every segment was read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from datascan.executors.base import Executor, Progress, ScanCancelled, WorkerSlot
from datascan.metrics.base import add_all
from datascan.readers.base import Reader
from datascan.records.shard import Plan, Shard
from datascan.scanner.tasks import (
    NOTHING,
    KeptShards,
    MeasureTask,
    PartialResult,
    ProgressCounter,
    ShardWatch,
)

MAX_SEGMENTS = 512
MAX_LARGE_SEGMENTS = 16
LARGE_RECORD = 1 << 20
"""The sums of all segments are in memory. Those of records of this size or more may be large."""

COUNT_SECONDS = 1.0
"""How long records of shards that were not read may be counted, to know the indices of others."""


def segments_of(plan: Plan) -> list[Sequence[Shard]]:
    """The shards in segments of equal length."""
    records = plan.records or plan.store_count or 0
    is_large = records and plan.nbytes > LARGE_RECORD * records
    most = MAX_LARGE_SEGMENTS if is_large else MAX_SEGMENTS
    shards, count = plan.shards, min(most, len(plan.shards))
    return [shards[i * len(shards) // count : (i + 1) * len(shards) // count] for i in range(count)]


def spread_order(plan: Plan) -> Iterator[Shard]:
    """All shards: the first of each segment, then the second of each, and so on."""
    segments = segments_of(plan)
    for turn in range(max(map(len, segments), default=0)):
        yield from (segment[turn] for segment in spread_evenly(segments) if turn < len(segment))


def spread_evenly(segments: Sequence[Sequence[Shard]]) -> Iterator[Sequence[Shard]]:
    """The segments in an order whose every beginning is spread evenly: with reversed bits."""
    bits = (len(segments) - 1).bit_length()
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2) if bits else 0
        if place < len(segments):
            yield segments[place]


@dataclass
class SegmentSums:
    """The sum of each segment, which grows as its shards are finished.

    Shards are added in store order. One that is finished before its predecessor waits for it.
    """

    segments: list[Sequence[Shard]]
    sums: dict[int, PartialResult] = field(default_factory=dict)
    waiting: dict[int, list[PartialResult]] = field(default_factory=dict)
    added: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.segment = {s.index: i for i, shards in enumerate(self.segments) for s in shards}
        self.next = [shards[0].index for shards in self.segments]

    def add(self, index: int, pieces: list[PartialResult]) -> None:
        """Add a finished shard."""
        self.added.add(index)
        self.waiting[index] = pieces
        segment = self.segment[index]
        while (ready := self.waiting.pop(self.next[segment], None)) is not None:
            self._extend(segment, ready)
            self.next[segment] += 1
            if self.next[segment] > self.segments[segment][-1].index:
                return

    def total(self) -> PartialResult | None:
        """The sum of all finished shards, in store order."""
        for index in sorted(self.waiting):
            self._extend(self.segment[index], self.waiting[index])
        self.waiting = {}
        return add_all(self.sums[segment] for segment in sorted(self.sums))

    def _extend(self, segment: int, pieces: list[PartialResult]) -> None:
        before = [self.sums[segment]] if segment in self.sums else []
        total = add_all([*before, *pieces])
        if total is not None:
            self.sums[segment] = total


def measure_spread(  # noqa: PLR0913  (what measure_shards takes)
    task: MeasureTask,
    plan: Plan,
    executor: Executor,
    progress: Progress,
    kept: KeptShards,
    *,
    watch: ShardWatch,
) -> tuple[PartialResult, bool, set[int]]:
    """Measure shards until the scan is cancelled.

    Returns the sum, whether it covers the whole dataset, and the indices of the shards in it.
    """
    done = ProgressCounter(progress)
    sums = SegmentSums(segments_of(plan))

    def finish(index: int, pieces: list[PartialResult]) -> None:
        kept.keep(index, pieces)
        include(index, pieces)

    def include(index: int, pieces: list[PartialResult]) -> None:
        watch.finished(pieces)
        for piece in pieces:
            done.add(int(piece.records.array.sum()), piece.nbytes)
        sums.add(index, pieces)

    progress.start(plan)
    try:
        watch.begin()
        for index, pieces in sorted(kept.finished.items()):
            include(index, pieces)
            watch.added(pieces)
        missing = [shard for shard in spread_order(plan) if shard.index not in kept.finished]
        for pieces in executor.map(task, missing, on_tick=done.update, on_done=finish):
            watch.added(pieces)
            done.update(0, 0)
    except ScanCancelled:
        return sums.total() or NOTHING, False, sums.added
    return sums.total() or NOTHING, True, sums.added


@dataclass(frozen=True)
class CountTask:
    """The task that counts the records of a shard; None if they cannot be counted."""

    reader: Reader

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> int | None:
        """The number of its records."""
        rows = self.reader.count_rows(shard, slot.mark)
        return rows if shard.last is None else min(rows, shard.last)

    def on_failure(self, shard: Shard, reason: str) -> None:
        """Unknown."""


NOT_COUNTED = "count only the records that were read: the others could not be counted in time"


def with_origins(
    plan: Plan, total: PartialResult, added: set[int], reader: Reader, executor: Executor
) -> Plan:
    """The plan of what was read: with the index of the first row of every shard.

    For that, the records of the shards between those that were read are counted.
    """
    last = max(added, default=-1)
    absent = [shard for shard in plan.shards[:last] if shard.index not in added]
    if not absent:
        return plan
    plan = replace(plan, is_read_in_order=False)
    if plan.origins:
        return plan
    counts = np.zeros(len(plan.shards), np.int64)
    np.add.at(counts, total.shards.array, total.records.array)
    counted = count_absent(absent, reader, executor)
    if len(counted) < len(absent):
        return replace(plan, notes=(*plan.notes, ("indices", NOT_COUNTED)))
    for index, rows in counted.items():
        counts[index] = rows
    return replace(plan, origins=tuple((np.cumsum(counts) - counts).tolist()))


def count_absent(shards: Sequence[Shard], reader: Reader, executor: Executor) -> dict[int, int]:
    """The number of records of each shard, as far as there is time to count them."""
    end = time.monotonic() + COUNT_SECONDS
    found: dict[int, int] = {}

    def tick(*_: object) -> None:
        if time.monotonic() > end:
            raise ScanCancelled

    def keep(index: int, counts: list[int | None]) -> None:
        if None not in counts:
            found[index] = sum(count or 0 for count in counts)
        tick()

    try:
        for _ in executor.map(CountTask(reader), shards, on_tick=tick, on_done=keep):
            pass
    except ScanCancelled:
        pass
    return found
