"""The serial executor obeys the laws, and reports every step of progress."""

from __future__ import annotations

from datascan.executors.base import ignore_done
from datascan.executors.serial import SerialExecutor
from datascan.records.shard import Shard
from datascan.testing.executor_laws import ExecutorLaws


class TestSerialExecutor(ExecutorLaws):
    def make_executor(self, workers):
        return SerialExecutor()


class StepTask:
    """Advances in three steps."""

    def __call__(self, shard, slot):
        for _ in range(3):
            slot.advance(2, 10)
        return slot.state


def test_every_step_is_reported_while_the_shard_runs():
    ticks = []
    shards = [Shard(0, None), Shard(1, None)]
    results = SerialExecutor().map(
        StepTask(), shards, on_tick=lambda *tick: ticks.append(tick), on_done=ignore_done
    )
    assert next(results) == [(-1, 0, 6, 30)]
    assert ticks == [(0, 0), (2, 10), (4, 20), (6, 30)]
    assert list(results) == [[(-1, 0, 6, 30)]]
    assert ticks[4:] == ticks[:4]
