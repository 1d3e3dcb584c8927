"""An executor without workers: it runs shards one after the other in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datascan.executors.base import BYTES, NO_ROW, RECORDS, OnDone, OnTick, R, Task, WorkerSlot
from datascan.records.shard import Shard


class SerialExecutor:
    """Runs every shard in this process: nothing to start, but a crash ends the process."""

    def map(
        self,
        task: Task[R],
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[R],
    ) -> Iterator[list[R]]:
        """Yield the result of ``task`` for each shard; see :meth:`Executor.map`."""
        slot = WorkerSlot(TickingSlots(on_tick), 0)
        for shard in shards:
            slot.reset()
            results = [task(shard, slot)]
            on_done(shard.index, results)
            yield results


class TickingSlots(list[int]):
    """The slot of this process: ``on_tick`` is called whenever the shard advances."""

    def __init__(self, on_tick: OnTick) -> None:
        super().__init__([NO_ROW, 0, 0, 0])
        self.on_tick = on_tick

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        if index == BYTES:
            self.on_tick(self[RECORDS], self[BYTES])
