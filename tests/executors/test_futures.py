"""Another engine is one file: an executor on top of any executor of ``concurrent.futures``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from functools import partial

import numpy as np

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.checks.nan_value import NanValue
from datascan.executors.base import OnDone, OnTick, R, Task, WorkerSlot
from datascan.records.shard import Shard
from datascan.scanner.scan import scan
from datascan.testing.executor_laws import ExecutorLaws
from tests.builders.plain import PlainReader

TICK_SECONDS = 0.1


@dataclass(frozen=True)
class FuturesExecutor:
    """Runs shards in the pool that ``make_pool`` starts; a crash of its workers is an error."""

    make_pool: Callable[[], futures.Executor]

    def map(
        self,
        task: Task[R],
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[R],
    ) -> Iterator[list[R]]:
        with self.make_pool() as pool:
            submitted = {pool.submit(task, s, WorkerSlot.private()): s.index for s in shards}
            pending = set(submitted)
            try:
                for future in submitted:
                    while future in pending:
                        finished, pending = futures.wait(
                            pending, TICK_SECONDS, return_when=futures.FIRST_COMPLETED
                        )
                        for one in finished:
                            on_done(submitted[one], [one.result()])
                        on_tick(0, 0)
                    yield [future.result()]
            finally:
                pool.shutdown(cancel_futures=True)


class TestFuturesExecutor(ExecutorLaws):
    def make_executor(self, workers):
        return FuturesExecutor(partial(futures.ThreadPoolExecutor, workers))


def test_a_scan_by_another_engine_finds_the_same():
    values = np.ones((50, 4), np.float32)
    values[:, 0] = np.arange(50)
    values[7, 1] = np.nan
    values[41] = values[3]

    def findings(executor):
        reader = PlainReader(values, np.arange(50) % 3)
        result = scan(reader, [NanValue(), DuplicateRecord()], executor=executor)
        assert result.summary.records == 50
        return [
            (issue.rule, issue.message, issue.flagged.addresses.array.tolist())
            for issue in result.issues
        ]

    threads = FuturesExecutor(partial(futures.ThreadPoolExecutor, 3))
    assert {rule for rule, *_ in findings(threads)} == {"nan-value", "duplicate-record"}
    assert findings(threads) == findings(None)
