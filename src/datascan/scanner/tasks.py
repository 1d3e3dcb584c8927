"""The tasks that an executor runs on shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datascan.executors.base import Executor, Progress, ScanCancelled, WorkerSlot
from datascan.metrics.base import Concatenated, Tally, TallyMap, add_all
from datascan.readers.base import Reader, tracked_blocks
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard
from datascan.scanner.checkpoint import CheckpointLike
from datascan.scanner.reread import RowsByShard, blocks_with_rows

Metrics = Mapping[str, Callable[[Block], Any]]


@dataclass(frozen=True, slots=True)
class PartialResult(Tally):
    """What has been measured: the records of every shard (or piece of one), and the tallies."""

    shards: Concatenated
    records: Concatenated
    nbytes: int
    tallies: TallyMap


@dataclass(frozen=True)
class MeasureTask:
    """The task of a worker: read a shard, measure its blocks, add up."""

    reader: Reader
    metrics: Metrics

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """How many rows the whole shard has."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> PartialResult:
        """The sum over the shard's blocks."""
        total = add_all(
            self._measured(shard, block) for block in tracked_blocks(self.reader, shard, slot)
        )
        return total or self._measured(shard, Block(shard.base + shard.first, 0, 0))

    def on_failure(self, shard: Shard, reason: str) -> PartialResult:
        """The sum where ``shard``, cut to the rows to blame, killed its worker."""
        records = 0 if shard.last is None else shard.last - shard.first
        faults = tuple(Fault(row, "reader-crash", reason) for row in range(records))
        if not records:
            # It could not even be counted.
            where = f"row {shard.first:,} behind " if shard.first else ""
            start = f"{where}{self.reader.describe_start(shard)}"
            lost = f"{reason}: no record from {start} on can be counted"
            faults = (Fault(None, "reader-crash", f"{lost}, up to the next part"),)
        return self._measured(shard, Block(shard.base + shard.first, records, 0, faults=faults))

    def _measured(self, shard: Shard, block: Block) -> PartialResult:
        found = {name: measure(block) for name, measure in self.metrics.items()}
        return PartialResult(
            Concatenated((np.array([shard.index]),)),
            Concatenated((np.array([block.records]),)),
            block.nbytes,
            TallyMap({name: tally for name, tally in found.items() if tally is not None}),
        )


@dataclass(frozen=True, slots=True)
class DigestResult:
    """Digests by address; and the records that could not be read again, their rows addresses."""

    found: dict[int, bytes]
    lost: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class DigestTask:
    """The task that confirms duplicates: digests of the chosen rows of each shard."""

    reader: Reader
    rows: RowsByShard

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """How many rows the whole shard has."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> DigestResult:
        """Digests of the chosen rows, by address."""
        found: dict[int, bytes] = {}
        blocks = tracked_blocks(self.reader, shard, slot)
        for block, rows in blocks_with_rows(blocks, shard, self.rows[shard.index]):
            if block.digests is not None:
                addresses = (block.start + rows).tolist()
                found.update(zip(addresses, block.digests(rows), strict=True))
        return DigestResult(found)

    def on_failure(self, shard: Shard, reason: str) -> DigestResult:
        """Those chosen of the rows to blame: nobody knows whether they are copies."""
        rows = self.rows[shard.index]
        last = len(rows) if shard.last is None else np.searchsorted(rows, shard.last)
        chosen = rows[np.searchsorted(rows, shard.first) : last] | shard.base
        why = f"{reason} when it was to be compared with records that may be the same"
        faults = (Fault(address, "reader-crash", why) for address in chosen.tolist())
        return DigestResult({}, tuple(faults))


def measure_shards(
    task: MeasureTask, plan: Plan, executor: Executor, progress: Progress, kept: CheckpointLike
) -> tuple[PartialResult, bool]:
    """Measure all shards and add them up: the sum, and whether it holds the whole dataset."""
    done = ProgressCounter(progress)
    complete = True
    progress.start(plan)

    def measured() -> Iterator[PartialResult]:
        nonlocal complete
        try:
            missing = [shard for shard in plan.shards if shard.index not in kept.finished]
            fresh = executor.map(task, missing, on_tick=done.update, on_done=kept.keep)
            for shard in plan.shards:
                for piece in kept.finished.get(shard.index) or next(fresh):
                    done.add(int(piece.records.array.sum()), piece.nbytes)
                    yield piece
                done.update(0, 0)
        except ScanCancelled:
            complete = False

    nothing = PartialResult(
        Concatenated((np.empty(0, int),)), Concatenated((np.empty(0, int),)), 0, TallyMap({})
    )
    return add_all(measured()) or nothing, complete


@dataclass
class ProgressCounter:
    """Records and bytes of all finished shards, told to ``progress`` with those under way."""

    progress: Progress
    records: int = 0
    nbytes: int = 0

    def add(self, records: int, nbytes: int) -> None:
        """A piece of a shard is finished."""
        self.records += records
        self.nbytes += nbytes

    def update(self, records: int, nbytes: int) -> None:
        """So much more is read of shards that are not finished."""
        self.progress.update(self.records + records, self.nbytes + nbytes)
