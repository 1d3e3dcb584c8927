"""However workers end, every row is read once, in order, and as few as possible are given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.executors.base import NO_ROW
from datascan.executors.isolation import (
    MAX_CRASHES,
    MAX_TIMEOUTS,
    MAX_UNLOCATED_CRASHES,
    MAX_UNLOCATED_SPLITS,
    PIECES,
    ShardPart,
    ShardTask,
    WorkerCrash,
    out_of_memory,
    split_around,
    suspect_rows,
    too_slow,
)
from datascan.records.shard import Shard

ROWS = 100
BLOCK = 8
Rows = tuple[range, bool]
"""The result of a part: its rows, and whether they were given up."""


def give_up(shard: Shard, reason: str) -> Rows:
    assert reason == "reason"
    return range(shard.first, shard.last if shard.last is not None else shard.first), True


def run(find_crash, *, rows=ROWS, can_count=True) -> tuple[list[Rows], int]:
    """The results of a shard of ``rows`` rows, and the number of crashes.

    ``find_crash(part)`` is the crash of a worker that reads the part, or None.
    """
    task: ShardTask[Rows] = ShardTask.of(Shard(0, None))
    crashes = 0
    while not task.is_done:
        part = next(part for part in task.parts if not part.done)
        crash = find_crash(part)
        if crash is not None:
            crashes += 1
            following = task.next_parts(part, crash, give_up, can_count=can_count)
        elif part.is_counted:
            following = [part.with_row_count(rows)]
        else:
            following, part.done = [part], True
            part.result = range(part.shard.first, last_of(part, rows)), False
        at = task.parts.index(part)
        task.parts[at : at + 1] = following
    return task.results, crashes


def last_of(part: ShardPart[Rows], rows: int) -> int:
    return rows if part.shard.last is None else min(rows, part.shard.last)


def given_up(results: list[Rows]) -> list[int]:
    return [row for rows, is_given_up in results if is_given_up for row in rows]


def rows_of(results: list[Rows]) -> list[int]:
    return [row for rows, _ in results for row in rows]


def blockwise(deadly):
    """Crash in the first block of a part that holds a deadly row."""

    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        last = last_of(part, ROWS)
        if part.is_counted:
            return None
        for first in range(part.shard.first, last, BLOCK):
            rows = range(first, min(first + BLOCK, last))
            if deadly & set(rows):
                return WorkerCrash(first, len(rows), "reason")
        return None

    return find_crash


@given(st.sets(st.integers(0, ROWS - 1), max_size=8))
def test_only_deadly_rows_are_given_up(deadly):
    results, _ = run(blockwise(deadly))
    assert rows_of(results) == list(range(ROWS))
    assert given_up(results) == sorted(deadly)


@given(st.data())
def test_however_workers_crash_no_row_is_lost(data):
    left = data.draw(st.integers(0, 40))

    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        nonlocal left
        first, last = part.shard.first, last_of(part, ROWS)
        if not left or part.is_counted:
            return None
        left -= 1
        row = data.draw(st.one_of(st.just(NO_ROW), st.integers(first, last)))
        # Readers never announce rows beyond the end of a shard.
        ahead = last - max(row, first)
        return WorkerCrash(row, data.draw(st.integers(0, min(BLOCK, ahead))), "reason")

    results, crashes = run(find_crash)
    assert rows_of(results) == list(range(ROWS))
    assert len(given_up(results)) <= crashes // 2


def test_a_few_crashes_before_any_row_is_marked_prove_nothing():
    crashes = iter([WorkerCrash(NO_ROW, 0, "reason")] * (MAX_UNLOCATED_CRASHES - 1))
    results, _ = run(lambda _: next(crashes, None))
    assert results == [(range(ROWS), False)]


def test_a_shard_that_cannot_be_started_is_counted_and_given_up_row_by_row():
    results, crashes = run(
        lambda part: None if part.is_counted else WorkerCrash(NO_ROW, 0, "reason")
    )
    assert rows_of(results) == given_up(results) == list(range(ROWS))
    assert crashes < MAX_UNLOCATED_CRASHES + 4 * (MAX_UNLOCATED_SPLITS + 1)


def test_a_shard_that_cannot_even_be_counted_is_lost():
    results, crashes = run(lambda _: WorkerCrash(NO_ROW, 0, "reason"))
    assert results == [(range(0), True)]
    assert crashes == 2 * MAX_UNLOCATED_CRASHES


def test_a_shard_whose_rows_cannot_be_counted_is_given_up_as_a_whole():
    results, _ = run(lambda _: WorkerCrash(NO_ROW, 0, "reason"), can_count=False)
    assert results == [(range(0), True)]


def test_a_shard_that_is_too_slow_to_begin_is_given_up_at_once():
    hang = WorkerCrash(NO_ROW, 0, "reason", is_hung=True)
    results, crashes = run(lambda part: None if part.is_counted else hang)
    assert given_up(results) == list(range(ROWS))
    assert crashes == 2


def slow(deadly, block):
    """Take too long for each block of rows that holds a deadly one."""

    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        last = last_of(part, ROWS)
        for first in range(part.shard.first, last, block):
            rows = range(first, min(first + block, last))
            if deadly & set(rows):
                return WorkerCrash(first, len(rows), "reason", is_hung=True)
        return None

    return find_crash


@pytest.mark.parametrize(("block", "timeouts"), [(1, 1), (16, 2), (100, 3)])
def test_few_timeouts_find_a_record_that_takes_too_long(block, timeouts):
    results, crashes = run(slow({38}, block))
    assert rows_of(results) == list(range(ROWS))
    assert given_up(results) == [38]
    assert crashes == timeouts


def test_rows_that_all_take_too_long_together_are_given_up_together():
    """A chunk that no one can decompress costs some timeouts, not one for each of its rows."""
    results, crashes = run(slow(set(range(ROWS)), ROWS))
    assert rows_of(results) == given_up(results) == list(range(ROWS))
    assert crashes < 2 * MAX_TIMEOUTS + PIECES


def test_rows_that_are_too_slow_only_together_are_all_read():
    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        rows = last_of(part, ROWS) - part.shard.first
        return WorkerCrash(part.shard.first, rows, "reason", is_hung=True) if rows > 6 else None

    results, crashes = run(find_crash)
    assert rows_of(results) == list(range(ROWS))
    assert (given_up(results), crashes) == ([], 5)


def test_a_shard_whose_reader_crashes_from_some_row_on():
    """No row from 30 on can be reached or counted."""

    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        if part.is_counted or part.shard.last is None or part.shard.last > 30:
            return WorkerCrash(max(30, part.shard.first), 0, "reason")
        return None

    results, _ = run(find_crash)
    assert results == [(range(30), False), (range(30, 30), True)]


def test_crashes_after_the_last_row_come_to_an_end():
    results, _ = run(lambda part: WorkerCrash(last_of(part, ROWS), 0, "reason"))
    assert rows_of(results)[:5] == list(range(5))


def test_a_shard_that_crashes_at_ever_new_rows_is_split():
    crashes = 0

    def find_crash(part: ShardPart[Rows]) -> WorkerCrash | None:
        nonlocal crashes
        if part.shard != Shard(0, None):
            return None
        crashes += 1
        return WorkerCrash(crashes % 90, 1 + crashes % 7, "reason")

    results, _ = run(find_crash)
    assert crashes == MAX_CRASHES + 1
    assert rows_of(results) == list(range(ROWS))


def test_marks_outside_a_part_suspect_only_its_own_rows():
    part = Shard(0, None, 10, 20)
    assert suspect_rows(part, WorkerCrash(4, 12, "reason")) == (10, 6)
    assert suspect_rows(part, WorkerCrash(16, 12, "reason")) == (16, 4)
    assert suspect_rows(part, WorkerCrash(2, 3, "reason")) == (10, 0)
    assert suspect_rows(part, WorkerCrash(20, 5, "reason")) == (10, 0)
    assert suspect_rows(part, WorkerCrash(15, 0, "reason")) == (15, 0)


def test_a_split_around_one_row():
    parts = split_around(Shard(0, None, 5, 9), 7, 8, give_up, "reason")
    assert [(p.shard.first, p.shard.last, p.done) for p in parts] == [
        (5, 7, False),
        (7, 8, True),
        (8, 9, False),
    ]


def test_limits_are_named_with_their_options():
    assert too_slow(1) == "took longer than 1 second (--timeout)"
    assert too_slow(60.0) == "took longer than 60 seconds (--timeout)"
    assert out_of_memory(4_000_000_000) == "needed more than 4 GB of memory (--max-memory)"
    assert out_of_memory(None) == "needed more memory than there is"
