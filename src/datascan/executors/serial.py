"""An executor without workers: it runs shards one after the other in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datascan.executors.base import BYTES, NO_ROW, RECORDS, OnDone, OnTick, R, Task, WorkerSlot
from datascan.executors.isolation import ShardPart, ShardTask, WorkerCrash, out_of_memory
from datascan.records.shard import Shard


class SerialExecutor:
    """Runs every shard in this process: nothing to start, but nothing to stop a record either.

    A crash ends the process, and a record may take any time and all of the memory. Only if memory
    cannot be allocated is the record given up, and the next one read.
    """

    def map(
        self,
        task: Task[R],
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[R],
    ) -> Iterator[list[R]]:
        """Yield the results of ``task`` for each shard; see :meth:`Executor.map`."""
        slot = WorkerSlot(TickingSlots(on_tick), 0)
        for shard in shards:
            results = run_shard(task, shard, slot)
            on_done(shard.index, results)
            yield results


def run_shard(task: Task[R], shard: Shard, slot: WorkerSlot) -> list[R]:
    """The results of a shard: one, or those of its parts if memory ran out."""
    work = ShardTask[R].of(shard)
    while not work.is_done:
        at = next(i for i, part in enumerate(work.parts) if not part.done)
        work.parts[at : at + 1] = run_part(task, work, work.parts[at], slot)
    return work.results


def run_part(
    task: Task[R], work: ShardTask[R], part: ShardPart[R], slot: WorkerSlot
) -> list[ShardPart[R]]:
    """The part with its result, or the parts that replace it if memory ran out."""
    slot.reset()
    try:
        if part.is_counted:
            return [part.with_row_count(task.count_rows(part.shard, slot))]
        part.result, part.done = task(part.shard, slot), True
    except MemoryError:
        row, count, _, _ = slot.state
        crash = WorkerCrash(row, count, out_of_memory(None))
        return work.next_parts(part, crash, task.on_failure, can_count=True)
    return [part]


class TickingSlots(list[int]):
    """The slot of this process: ``on_tick`` is called whenever the shard advances."""

    def __init__(self, on_tick: OnTick) -> None:
        super().__init__([NO_ROW, 0, 0, 0])
        self.on_tick = on_tick

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        if index == BYTES:
            self.on_tick(self[RECORDS], self[BYTES])
