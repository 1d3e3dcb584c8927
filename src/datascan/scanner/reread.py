"""Reading some records again after the scan: to confirm duplicates, and to draw samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from datascan.executors.base import Executor, R, Task, ignore_done
from datascan.records.block import Block
from datascan.records.shard import Plan, Shard, group_by_shard

Rows = NDArray[np.int64]
RowsByShard = Mapping[int, Rows]


def rows_by_shard(addresses: NDArray[np.int64]) -> dict[int, Rows]:
    """The rows, ascending, of the records at ``addresses``, by the index of their shard."""
    return {group.shard: group.rows for group in group_by_shard(addresses)}


def reread(
    task: Task[R],
    plan: Plan,
    executor: Executor,
    *rows: RowsByShard,
    on_tick: Callable[[], None],
) -> Iterator[R]:
    """The results of ``task`` for the shards that hold any of ``rows``, in store order."""
    wanted = set().union(*rows)
    shards = [shard for shard in plan.shards if shard.index in wanted]
    for results in executor.map(task, shards, on_tick=lambda *_: on_tick(), on_done=ignore_done):
        yield from results


def slices_with_rows(shard: Shard, rows: Rows, *, one_by_one: bool) -> Iterator[Shard]:
    """Slices of ``shard`` that hold all of ``rows`` that are in it: int64 (n,), ascending.

    One slice for each row if the rows can be read ``one_by_one``, else from the first to the last.
    """
    stop = len(rows) if shard.last is None else np.searchsorted(rows, shard.last)
    inside = rows[np.searchsorted(rows, shard.first) : stop].tolist()
    if one_by_one:
        yield from (shard.slice(row, row + 1) for row in inside)
    elif inside:
        yield shard.slice(inside[0], inside[-1] + 1)


def blocks_with_rows(
    blocks: Iterable[Block], shard: Shard, rows: Rows
) -> Iterator[tuple[Block, Rows]]:
    """Those ``blocks`` of ``shard`` that hold any of its ``rows``, and which of their own rows."""
    for block in blocks:
        start = block.start - shard.base
        first, last = np.searchsorted(rows, (start, start + block.records))
        if first < last:
            yield block, rows[first:last] - start
