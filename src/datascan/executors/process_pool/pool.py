"""An executor that runs shards in worker processes and survives their crashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datascan.executors.base import Limits, OnDone, OnTick, R, Task
from datascan.executors.process_pool.worker_group import WorkerGroup
from datascan.records.shard import Shard


@dataclass(frozen=True, slots=True)
class ProcessPool:
    """Runs shards in up to ``workers`` processes (at least 1), which may crash or hang.

    ``timeout`` is how many seconds a record may take, ``max_memory`` how many bytes a worker may
    allocate (None: no limit). A worker that exceeds a limit or ends by itself is replaced, and its
    shard is narrowed down to the rows at fault.

    Raises:
        ValueError: if there are no workers to run on.
    """

    workers: int
    timeout: float
    max_memory: int | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"a process pool needs at least 1 worker, not {self.workers}")

    def map(
        self,
        task: Task[R],
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[R],
    ) -> Iterator[list[R]]:
        """Yield the results of ``task`` for each shard; see :meth:`Executor.map`.

        Raises:
            DatascanError: if worker processes cannot be started.
        """
        if not shards:
            return
        group = WorkerGroup(
            task,
            task.on_failure,
            task.count_rows,
            count=min(self.workers, len(shards)),
            limits=Limits(self.timeout, self.max_memory),
        )
        with group:
            yield from group.map(shards, on_tick=on_tick, on_done=on_done)
