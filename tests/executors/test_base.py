"""Worker slots: what a worker is doing, and how far it is."""

from __future__ import annotations

from datascan.executors.base import NO_ROW, NullProgress, WorkerSlot
from datascan.records.shard import Plan


def test_a_slot_holds_the_last_mark_and_the_sum_of_progress():
    slot = WorkerSlot.private()
    assert slot.state == (NO_ROW, 0, 0, 0)
    slot.mark(7, 3)
    slot.advance(2, 50)
    slot.advance(1, 5)
    slot.mark(10, 0)
    assert slot.state == (10, 0, 3, 55)
    slot.reset()
    assert slot.state == (NO_ROW, 0, 0, 0)


def test_slots_of_several_workers_do_not_overlap():
    numbers = [9] * 12
    first, second, third = (WorkerSlot(numbers, offset) for offset in (0, 4, 8))
    second.reset()
    second.mark(5, 2)
    second.advance(1, 8)
    assert second.state == (5, 2, 1, 8)
    assert first.state == third.state == (9, 9, 9, 9)


def test_private_slots_are_separate():
    WorkerSlot.private().mark(1, 1)
    assert WorkerSlot.private().state == (NO_ROW, 0, 0, 0)


def test_null_progress_shows_nothing(capsys):
    progress = NullProgress()
    progress.start(Plan(shards=(), layout="plain", nbytes=0))
    progress.update(1, 2)
    progress.notify("three")
    assert capsys.readouterr() == ("", "")
