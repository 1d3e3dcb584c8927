"""What every executor must obey.

Inherit :class:`ExecutorLaws` in a test module, and make the executor::

    class TestThreads(ExecutorLaws):
        def make_executor(self, workers):
            return FuturesExecutor(ThreadPoolExecutor(workers))

Executors whose workers may crash inherit :class:`IsolationLaws`, too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datascan.executors.base import Executor, ScanCancelled, WorkerSlot, ignore_done, ignore_tick
from datascan.records.shard import Shard


@dataclass(frozen=True)
class TouchTask:
    """Waits, creates a file named after the shard in ``home``, and returns the shard's result.

    The span of a shard is the seconds to wait and the result. Running a shard twice is an error.
    """

    home: Path

    def __call__(self, shard: Shard, slot: WorkerSlot) -> object:
        """Run the task."""
        seconds, result = shard.span
        time.sleep(seconds)
        (self.home / str(shard.index)).touch(exist_ok=False)
        slot.advance(1, 8)
        return result

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """Never called: no worker crashes."""
        raise AssertionError("no worker crashes")

    def on_failure(self, shard: Shard, reason: str) -> object:
        """Never called: no worker crashes."""
        raise AssertionError(f"no worker crashes, but {reason}")


@dataclass(frozen=True)
class FailingTask(TouchTask):
    """Raises an error at shard 2."""

    def __call__(self, shard: Shard, slot: WorkerSlot) -> object:
        """Run the task, or raise."""
        if shard.index == 2:
            raise LookupError("not a fault of the dataset")
        return super().__call__(shard, slot)


def make_shards(count: int, seconds: float = 0.0) -> list[Shard]:
    """Shards with descending indices, so that the given order differs from theirs."""
    return [Shard(i, (seconds, f"result {i}")) for i in reversed(range(count))]


class ExecutorLaws:
    """What every executor must obey."""

    @abstractmethod
    def make_executor(self, workers: int) -> Executor:
        """The executor, with up to ``workers`` workers if it has any."""

    @pytest.fixture(autouse=True)
    def _leaves_no_worker(self) -> Iterator[None]:
        threads = set(threading.enumerate())
        yield
        assert multiprocessing.active_children() == []
        assert set(threading.enumerate()) <= threads

    def run(
        self,
        task: TouchTask,
        shards: Sequence[Shard],
        *,
        workers: int = 2,
        on_tick: Callable[[int, int], None] = ignore_tick,
        on_done: Callable[[int, list[object]], None] = ignore_done,
    ) -> Iterator[list[object]]:
        """The results of a task on shards."""
        return self.make_executor(workers).map(task, shards, on_tick=on_tick, on_done=on_done)

    def test_results_come_in_the_order_of_the_shards(self, tmp_path: Path) -> None:
        """Results are added up, which need not commute."""
        shards = [
            Shard(i, (0.05 if place == 0 else 0.0, i)) for place, i in enumerate([5, 0, 9, 2])
        ]
        assert list(self.run(TouchTask(tmp_path), shards)) == [[5], [0], [9], [2]]

    def test_every_shard_runs_once(self, tmp_path: Path) -> None:
        """Records must not be counted twice."""
        shards = make_shards(20)
        assert len(list(self.run(TouchTask(tmp_path), shards, workers=3))) == 20
        assert {path.name for path in tmp_path.iterdir()} == {str(i) for i in range(20)}

    def test_results_may_be_none(self, tmp_path: Path) -> None:
        """None is a result like any other."""
        shards = [Shard(i, (0.0, None)) for i in range(3)]
        assert list(self.run(TouchTask(tmp_path), shards)) == [[None], [None], [None]]

    def test_without_shards_nothing_happens(self, tmp_path: Path) -> None:
        """An empty dataset has none."""
        done: list[object] = []
        results = self.run(TouchTask(tmp_path), [], on_done=lambda *event: done.append(event))
        assert list(results) == done == []

    def test_more_workers_than_shards(self, tmp_path: Path) -> None:
        """Some workers have nothing to do."""
        results = list(self.run(TouchTask(tmp_path), make_shards(2), workers=4))
        assert results == [["result 1"], ["result 0"]]

    def test_an_executor_can_be_used_again(self, tmp_path: Path) -> None:
        """A scan uses it for the measurements, and again to confirm duplicates."""
        executor = self.make_executor(2)
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            results = executor.map(
                TouchTask(tmp_path / name),
                make_shards(3),
                on_tick=ignore_tick,
                on_done=ignore_done,
            )
            assert list(results) == [["result 2"], ["result 1"], ["result 0"]]

    def test_on_done_is_called_once_per_shard_before_its_results_are_yielded(
        self, tmp_path: Path
    ) -> None:
        """``--resume`` saves the results of a shard before they are used."""
        done: dict[int, list[object]] = {}

        def on_done(index: int, results: list[object]) -> None:
            assert index not in done
            done[index] = list(results)

        shards = make_shards(8, seconds=0.01)
        results = self.run(TouchTask(tmp_path), shards, on_done=on_done)
        for shard, result in zip(shards, results, strict=True):
            assert done[shard.index] == result
        assert done == {i: [f"result {i}"] for i in range(8)}

    def test_callbacks_are_called_in_the_thread_that_iterates(self, tmp_path: Path) -> None:
        """They draw the progress bar, and write files."""
        callers = set()

        def call(*_: object) -> None:
            callers.add(threading.get_ident())

        list(self.run(TouchTask(tmp_path), make_shards(4), on_tick=call, on_done=call))
        assert callers == {threading.get_ident()}

    def test_on_tick_receives_records_and_bytes(self, tmp_path: Path) -> None:
        """They are those of the shards under way, for the progress bar."""
        ticks: list[tuple[int, int]] = []
        shards = make_shards(4, seconds=0.01)
        list(self.run(TouchTask(tmp_path), shards, on_tick=lambda *tick: ticks.append(tick)))
        assert ticks
        # Each shard has 1 record of 8 bytes, and at most 2 shards are under way.
        assert {records for records, _ in ticks} <= {0, 1, 2}
        assert {nbytes for _, nbytes in ticks} <= {0, 8, 16}

    @pytest.mark.parametrize("callback", ["on_tick", "on_done"])
    def test_an_exception_of_a_callback_ends_the_map(self, tmp_path: Path, callback: str) -> None:
        """This is how a signal cancels a scan."""

        def cancel(*_: object) -> None:
            raise ScanCancelled

        shards = make_shards(200, seconds=0.02)
        callbacks: dict[str, Any] = {callback: cancel}
        results = self.run(TouchTask(tmp_path), shards, **callbacks)
        with pytest.raises(ScanCancelled):
            list(results)
        # Shards that are under way may end, but most are never started.
        assert len(list(tmp_path.iterdir())) < 100

    def test_an_error_of_the_task_is_raised(self, tmp_path: Path) -> None:
        """A defect must not be mistaken for a fault of the dataset."""
        with pytest.raises(LookupError, match="not a fault of the dataset"):
            list(self.run(FailingTask(tmp_path), make_shards(5)))

    def test_an_iterator_that_is_discarded_stops_its_workers(self, tmp_path: Path) -> None:
        """No process outlives the scan."""
        results = self.run(TouchTask(tmp_path), make_shards(200, seconds=0.02))
        assert next(results) == ["result 199"]
        del results
        assert multiprocessing.active_children() == []
        assert len(list(tmp_path.iterdir())) < 100


@dataclass(frozen=True)
class CrashingTask:
    """Kills its process at the rows in ``deadly`` of a shard; the result is the rows read."""

    deadly: tuple[int, ...]
    marks: bool = True

    def __call__(self, shard: Shard, slot: WorkerSlot) -> tuple[list[int], str]:
        """Read the rows, or die."""
        rows = list(range(shard.first, shard.span if shard.last is None else shard.last))
        for row in rows:
            if self.marks:
                slot.mark(row, 1)
            if row in self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return rows, ""

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The span of the shard."""
        return int(shard.span)

    def on_failure(self, shard: Shard, reason: str) -> tuple[list[int], str]:
        """The rows of the part that failed, and the reason."""
        assert shard.last is not None
        return list(range(shard.first, shard.last)), reason


class IsolationLaws:
    """What executors must obey whose workers may crash."""

    @abstractmethod
    def make_executor(self, workers: int) -> Executor:
        """The executor, with up to ``workers`` workers."""

    @pytest.mark.parametrize("marks", [True, False])
    @pytest.mark.parametrize("deadly", [(0,), (4,), (3, 4, 9)])
    def test_a_crash_costs_only_the_rows_that_cause_it(
        self, deadly: tuple[int, ...], *, marks: bool
    ) -> None:
        """The other rows of the shard are read, and the reason is reported."""
        done: dict[int, list[object]] = {}
        results = list(
            self.make_executor(2).map(
                CrashingTask(deadly, marks),
                [Shard(0, 10), Shard(1, 3)] if min(deadly) > 2 else [Shard(0, 10)],
                on_tick=ignore_tick,
                on_done=lambda index, results: done.update({index: list(results)}),
            )
        )
        assert done == dict(enumerate(results))
        assert [row for rows, _ in results[0] for row in rows] == list(range(10))
        failed = {row: reason for rows, reason in results[0] if reason for row in rows}
        assert failed == dict.fromkeys(deadly, "killed by SIGKILL")
        assert results[1:] in ([], [[([0, 1, 2], "")]])
