"""The tasks that an executor runs on the shards of a dataset."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from datascan.executors.base import Executor, Progress, ScanCancelled, WorkerSlot
from datascan.metrics.base import Concatenated, Tally, TallyMap, add_all
from datascan.readers.base import Reader
from datascan.readers.tracked import failed_block, tracked_blocks
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard
from datascan.scanner.reread import RowsByShard, blocks_with_rows

Metrics = Mapping[str, Callable[[Block], Any]]


@dataclass(frozen=True, slots=True)
class PartialResult(Tally):
    """What was measured in some shards or parts of them: their record counts, and the tallies."""

    shards: Concatenated
    records: Concatenated
    nbytes: int
    tallies: TallyMap[str, Any]


class KeptShards(Protocol):
    """Finished shards by index, and a place to save more."""

    finished: dict[int, list[PartialResult]]

    @property
    def dates(self) -> Mapping[int, int] | None:
        """When those were read that are from a cache, in seconds since 1970; None without one."""

    def keep(self, shard: int, pieces: Sequence[PartialResult]) -> None:
        """Save a finished shard."""

    def close(self) -> None:
        """Save no more shards."""


class NullCheckpoint:
    """Saves nothing."""

    dates: Mapping[int, int] | None = None

    def __init__(self) -> None:
        self.finished: dict[int, list[PartialResult]] = {}

    def keep(self, shard: int, pieces: Sequence[PartialResult]) -> None:
        """Save nothing."""

    def close(self) -> None:
        """Nothing to close."""


class ShardWatch(Protocol):
    """Sees the results of finished shards, and may end the scan by :class:`ScanCancelled`."""

    def begin(self) -> None:
        """The first shard is about to be read."""

    def finished(self, pieces: Sequence[PartialResult]) -> None:
        """A shard is finished; in any order, and without ending the scan."""

    def added(self, pieces: Sequence[PartialResult]) -> None:
        """A shard was added up; in the order of the scan, for any number of workers."""


class NullShardWatch:
    """Sees nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def finished(self, pieces: Sequence[PartialResult]) -> None:
        """Do nothing."""

    def added(self, pieces: Sequence[PartialResult]) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class MeasureTask:
    """The task that measures: it reads a shard, measures its blocks and adds up the tallies."""

    reader: Reader
    metrics: Metrics

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> PartialResult:
        """The sum over the shard's blocks."""
        total = add_all(self._measure(shard, slot))
        return total or self._measured(shard, Block(shard.base + shard.first, 0, 0))

    def on_failure(self, shard: Shard, reason: str) -> PartialResult:
        """The result for rows that crash workers: a fault for each of them."""
        return self._measured(shard, failed_block(self.reader, shard, reason))

    def _measure(self, shard: Shard, slot: WorkerSlot) -> Iterator[PartialResult]:
        """What is found in each block.

        Metrics may read values again. If that fails because the file was cut meanwhile, the block
        is read anew, so that the rows that are still there are measured.
        """
        for block in tracked_blocks(self.reader, shard, slot):
            try:
                yield self._measured(shard, block)
            except OSError as error:
                if error.errno == errno.ENOMEM:
                    raise
                yield from self._measure_again(rows_of(shard, block), slot)

    def _measure_again(self, part: Shard, slot: WorkerSlot) -> Iterator[PartialResult]:
        """What is found in the rows of a block that was not measured; at last, a fault each."""
        for block in tracked_blocks(self.reader, part, slot):
            try:
                yield self._measured(part, block)
            except OSError as error:
                if error.errno == errno.ENOMEM:
                    raise
                yield self.on_failure(rows_of(part, block), reason_of(error))

    def _measured(self, shard: Shard, block: Block) -> PartialResult:
        found = {name: measure(block) for name, measure in self.metrics.items()}
        return PartialResult(
            Concatenated((np.array([shard.index]),)),
            Concatenated((np.array([block.records]),)),
            block.nbytes,
            TallyMap({name: tally for name, tally in found.items() if tally is not None}),
        )


class DigestResult(Struct, frozen=True):
    """Digests by address, and a fault for each record that could not be read again.

    The rows of the faults are addresses.
    """

    found: dict[int, bytes]
    lost: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class DigestTask:
    """The task that confirms duplicates: digests of the chosen rows of each shard."""

    reader: Reader
    rows: RowsByShard

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows in the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> DigestResult:
        """Digests of the chosen rows, by address."""
        found: dict[int, bytes] = {}
        lost: list[Fault] = []
        blocks = tracked_blocks(self.reader, shard, slot)
        for block, rows in blocks_with_rows(blocks, shard, self.rows[shard.index]):
            if block.digests is not None:
                addresses = (block.start + rows).tolist()
                try:
                    found.update(zip(addresses, block.digests(rows), strict=True))
                except OSError as error:  # the values were cut off meanwhile
                    if error.errno == errno.ENOMEM:
                        raise
                    lost += not_compared(addresses, reason_of(error))
        return DigestResult(found, tuple(lost))

    def on_failure(self, shard: Shard, reason: str) -> DigestResult:
        """A fault for each chosen row: whether it has duplicates stays unknown."""
        rows = self.rows[shard.index]
        last = len(rows) if shard.last is None else np.searchsorted(rows, shard.last)
        chosen = rows[np.searchsorted(rows, shard.first) : last] | shard.base
        return DigestResult({}, tuple(not_compared(chosen.tolist(), reason)))


def not_compared(addresses: Sequence[int], reason: str) -> Iterator[Fault]:
    """A fault for each record of which it stays unknown whether it has duplicates."""
    why = f"{reason} when it was to be compared with records that may be the same"
    return (Fault(address, "reader-crash", why) for address in addresses)


def reason_of(error: OSError) -> str:
    """Why values could not be read a second time."""
    return f"read once, but not again: {error.strerror or error}"


def rows_of(shard: Shard, block: Block) -> Shard:
    """The rows of a block as a part of its shard."""
    first = block.start - shard.base
    return shard.slice(first, first + block.records)


NOTHING = PartialResult(
    Concatenated((np.empty(0, int),)), Concatenated((np.empty(0, int),)), 0, TallyMap({})
)
"""The sum of no shards."""


def measure_shards(  # noqa: PLR0913  (all needed, and each of another kind)
    task: MeasureTask,
    plan: Plan,
    executor: Executor,
    progress: Progress,
    kept: KeptShards,
    *,
    watch: ShardWatch | None = None,
) -> tuple[PartialResult, bool]:
    """Measure all shards: the sum, and whether it covers the whole dataset."""
    done = ProgressCounter(progress)
    watch, complete = watch or NullShardWatch(), True
    progress.start(plan)

    def finish(index: int, pieces: list[PartialResult]) -> None:
        watch.finished(pieces)
        kept.keep(index, pieces)

    def measured() -> Iterator[PartialResult]:
        nonlocal complete
        try:
            for piece in chain.from_iterable(kept.finished.values()):
                done.add(int(piece.records.array.sum()), piece.nbytes)
            watch.begin()
            done.update(0, 0)
            missing = [shard for shard in plan.shards if shard.index not in kept.finished]
            fresh = executor.map(task, missing, on_tick=done.update, on_done=finish)
            for shard in plan.shards:
                old = kept.finished.get(shard.index)
                if old:
                    watch.finished(old)
                pieces = old or next(fresh)
                for piece in pieces:
                    if not old:
                        done.add(int(piece.records.array.sum()), piece.nbytes)
                    yield piece
                watch.added(pieces)
                done.update(0, 0)
        except ScanCancelled:
            complete = False

    return add_all(measured()) or NOTHING, complete


class ProgressCounter(Struct):
    """Reports the records and bytes of finished and unfinished shards to ``progress``."""

    progress: Progress
    records: int = 0
    nbytes: int = 0

    def add(self, records: int, nbytes: int) -> None:
        """Add the records and bytes of a finished part of a shard."""
        self.records += records
        self.nbytes += nbytes

    def update(self, records: int, nbytes: int) -> None:
        """Report progress, with ``records`` and ``nbytes`` of unfinished shards."""
        self.progress.update(self.records + records, self.nbytes + nbytes)
