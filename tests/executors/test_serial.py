"""The serial executor obeys the laws, and reports every step of progress."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from datascan.executors.base import ignore_done, ignore_tick
from datascan.executors.serial import SerialExecutor
from datascan.records.shard import Shard
from datascan.testing.executor_laws import ExecutorLaws


class TestSerialExecutor(ExecutorLaws):
    def make_executor(self, workers):
        return SerialExecutor()


@dataclass(frozen=True)
class HungryTask:
    """Cannot allocate what the rows in ``large`` need; the result is the rows read."""

    large: tuple[int, ...]
    marks: bool = True

    def __call__(self, shard, slot):
        rows = range(shard.first, ROWS if shard.last is None else shard.last)
        if self.marks:
            slot.mark(rows.start, len(rows))
        if set(rows) & set(self.large):
            raise MemoryError
        return list(rows), ""

    def count_rows(self, shard, slot):
        return ROWS

    def on_failure(self, shard, reason):
        return list(range(shard.first, shard.last)), reason


ROWS = 20


@pytest.mark.parametrize("marks", [True, False])
@pytest.mark.parametrize("large", [(), (0,), (7,), (3, 4, 19)])
def test_records_that_need_too_much_memory_are_given_up(large, marks):
    done = {}
    (results,) = SerialExecutor().map(
        HungryTask(large, marks), [Shard(0, None)], on_tick=ignore_tick, on_done=done.__setitem__
    )
    assert done == {0: results}
    assert [row for rows, _ in results for row in rows] == list(range(ROWS))
    failed = {row: reason for rows, reason in results if reason for row in rows}
    assert failed == dict.fromkeys(large, "needed more memory than there is")


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
