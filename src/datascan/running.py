"""Running a task on shards: in this process, or in workers where they pay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from datascan.block import Block
from datascan.desks import BYTES, NOWHERE, RECORDS, Desk
from datascan.model import Options, Plan, Reader, Shard
from datascan.processes import cores, may_have_children
from datascan.workers import Keep, Workers

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

WORTH_A_WORKER = 64 << 20
"""Below so many bytes a worker process does not pay for its start."""


class Work(Protocol[R_co]):
    """What is done with a shard, and what stands for one that kills its worker."""

    @property
    def reader(self) -> Reader:
        """Reads the shards."""

    def __call__(self, shard: Shard, desk: Desk) -> R_co:
        """The result for the shard."""

    def blame(self, shard: Shard, reason: str) -> R_co:
        """The result for a shard, cut to the rows to blame."""


def run(
    task: Work[R],
    plan: Plan,
    shards: Sequence[Shard],
    tick: Callable[[int, int], None] = lambda *_: None,
    keep: Keep[R] = lambda *_: None,
) -> Iterator[list[R]]:
    """The results of ``task`` for each of ``shards``, in order, in this process or in workers.

    ``tick`` hears of records and bytes read of unfinished shards; it may raise :class:`Stop`.
    ``keep`` is given every finished shard at once.
    """
    options = task.reader.options
    count = worker_count(plan, options, len(shards))
    if count == 0:
        desk = Desk(Ticking(tick), 0)
        for shard in shards:
            desk.clear()
            result = task(shard, desk)
            keep(shard.index, [result])
            yield [result]
        return
    count_rows = partial(extent, task.reader)
    with Workers(task, task.blame, count_rows, count=count, timeout=options.timeout) as workers:
        yield from workers.map(shards, lambda: tick(*workers.under_way), keep)


def extent(reader: Reader, shard: Shard, desk: Desk) -> int:
    """Another task of a worker: how many rows the shard has."""
    reader.mark = desk.mark
    return reader.count(shard)


class Ticking(list[int]):
    """The board of a scan in this process: every advance is told at once."""

    def __init__(self, tick: Callable[[int, int], None]) -> None:
        super().__init__([NOWHERE, 0, 0, 0])
        self.tick = tick

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        if index == BYTES:
            self.tick(self[RECORDS], self[BYTES])


def worker_count(plan: Plan, options: Options, shards: int) -> int:
    """How many workers to start; 0 where none was asked for, none would pay, or none may be."""
    if not may_have_children():
        return 0
    if options.workers is not None:
        return min(options.workers, shards)
    if (plan.cost or plan.nbytes) < WORTH_A_WORKER and not plan.damaged:
        return 0
    return min(cores(), shards)


def marked(reader: Reader, shard: Shard, desk: Desk) -> Iterator[Block]:
    """The shard's blocks, each with its rows marked as long as it is worked on."""
    reader.mark = desk.mark
    for block in reader.read(shard):
        row = block.start - shard.base
        # Also what a reader has marked one by one is now worked on together.
        desk.mark(row, block.records)
        yield block
        desk.advance(block.records, block.nbytes)
        desk.mark(row + block.records, 0)
