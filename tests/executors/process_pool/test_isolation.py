"""Whatever kills workers: every row is read once, in order, and as few as can be are blamed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datascan.executors.base import NO_ROW
from datascan.executors.process_pool.isolation import (
    CRASHES_TO_BLAME_UNLOCATED,
    MAX_CRASHES,
    MAX_UNLOCATED_SPLITS,
    ShardPart,
    ShardTask,
    WorkerCrash,
    split_around,
    suspect_rows,
)
from datascan.records.shard import Shard

ROWS = 100
BLOCK = 8
Rows = tuple[range, bool]
"""The result of a piece: its rows, and whether they are blamed."""


def blame(shard: Shard, reason: str) -> Rows:
    assert reason == "why"
    return range(shard.first, shard.last if shard.last is not None else shard.first), True


def settle(die, *, rows=ROWS, can_count=True) -> tuple[list[Rows], int]:
    """The results of a shard of ``rows`` rows of which ``die(piece)`` says whether it kills.

    And how many workers it took.
    """
    job: ShardTask[Rows] = ShardTask.of(Shard(0, None))
    deaths = 0
    while not job.is_done:
        piece = next(piece for piece in job.parts if not piece.done)
        death = die(piece)
        if death is not None:
            deaths += 1
            follow = job.next_parts(piece, death, blame, can_count=can_count)
        elif piece.is_counted:
            follow = [piece.with_row_count(rows)]
        else:
            follow, piece.done = [piece], True
            piece.result = range(piece.shard.first, last_of(piece, rows)), False
        at = job.parts.index(piece)
        job.parts[at : at + 1] = follow
    return job.results, deaths


def last_of(piece: ShardPart[Rows], rows: int) -> int:
    return rows if piece.shard.last is None else min(rows, piece.shard.last)


def blamed(results: list[Rows]) -> list[int]:
    return [row for rows, guilty in results if guilty for row in rows]


def seen(results: list[Rows]) -> list[int]:
    return [row for rows, _ in results for row in rows]


def blockwise(deadly):
    """Dies in the first block, as a piece cuts them, that holds a deadly row."""

    def die(piece: ShardPart[Rows]) -> WorkerCrash | None:
        last = last_of(piece, ROWS)
        if piece.is_counted:
            return None
        for first in range(piece.shard.first, last, BLOCK):
            rows = range(first, min(first + BLOCK, last))
            if deadly & set(rows):
                return WorkerCrash(first, len(rows), "why")
        return None

    return die


@given(st.sets(st.integers(0, ROWS - 1), max_size=8))
def test_deadly_rows_are_blamed_alone(deadly):
    results, _ = settle(blockwise(deadly))
    assert seen(results) == list(range(ROWS))
    assert blamed(results) == sorted(deadly)


@given(st.data())
def test_however_workers_die_no_row_is_lost(data):
    left = data.draw(st.integers(0, 40))

    def die(piece: ShardPart[Rows]) -> WorkerCrash | None:
        nonlocal left
        first, last = piece.shard.first, last_of(piece, ROWS)
        if not left or piece.is_counted:
            return None
        left -= 1
        row = data.draw(st.one_of(st.just(NO_ROW), st.integers(first, last)))
        # Readers never announce rows beyond the end of a shard.
        ahead = last - max(row, first)
        return WorkerCrash(row, data.draw(st.integers(0, min(BLOCK, ahead))), "why")

    results, deaths = settle(die)
    assert seen(results) == list(range(ROWS))
    assert len(blamed(results)) <= deaths // 2


def test_deaths_before_any_row_is_known_are_no_proof():
    lives = iter([WorkerCrash(NO_ROW, 0, "why")] * (CRASHES_TO_BLAME_UNLOCATED - 1))
    results, _ = settle(lambda _: next(lives, None))
    assert results == [(range(ROWS), False)]


def test_a_shard_that_cannot_be_begun_is_counted_and_blamed_row_by_row():
    results, deaths = settle(
        lambda piece: None if piece.is_counted else WorkerCrash(NO_ROW, 0, "why")
    )
    assert seen(results) == blamed(results) == list(range(ROWS))
    assert deaths < CRASHES_TO_BLAME_UNLOCATED + 4 * (MAX_UNLOCATED_SPLITS + 1)


def test_a_shard_that_cannot_even_be_counted_is_lost():
    results, deaths = settle(lambda _: WorkerCrash(NO_ROW, 0, "why"))
    assert results == [(range(0), True)]
    assert deaths == 2 * CRASHES_TO_BLAME_UNLOCATED


def test_what_cannot_be_counted_is_blamed_as_a_whole():
    results, _ = settle(lambda _: WorkerCrash(NO_ROW, 0, "why"), can_count=False)
    assert results == [(range(0), True)]


def test_a_worker_that_stands_still_is_tried_twice():
    still = WorkerCrash(NO_ROW, 0, "why", stood_still=True)
    results, deaths = settle(lambda piece: None if piece.is_counted else still)
    assert blamed(results) == list(range(ROWS))
    assert deaths == 4


def test_a_shard_that_ends_early_for_its_reader():
    """Everything from row 30 on is out of reach, and its rows cannot be counted."""

    def die(piece: ShardPart[Rows]) -> WorkerCrash | None:
        if piece.is_counted or piece.shard.last is None or piece.shard.last > 30:
            return WorkerCrash(max(30, piece.shard.first), 0, "why")
        return None

    results, _ = settle(die)
    assert results == [(range(30), False), (range(30, 30), True)]


def test_deaths_behind_the_last_row_come_to_an_end():
    results, _ = settle(lambda piece: WorkerCrash(last_of(piece, ROWS), 0, "why"))
    assert seen(results)[:5] == list(range(5))


def test_a_shard_that_kills_at_ever_new_places_is_cut_up():
    deaths = 0

    def die(piece: ShardPart[Rows]) -> WorkerCrash | None:
        nonlocal deaths
        if piece.shard != Shard(0, None):
            return None
        deaths += 1
        return WorkerCrash(deaths % 90, 1 + deaths % 7, "why")

    results, _ = settle(die)
    assert deaths == MAX_CRASHES + 1
    assert seen(results) == list(range(ROWS))


def test_marks_outside_of_a_piece_suspect_only_its_own_rows():
    piece = Shard(0, None, 10, 20)
    assert suspect_rows(piece, WorkerCrash(4, 12, "why")) == (10, 6)
    assert suspect_rows(piece, WorkerCrash(16, 12, "why")) == (16, 4)
    assert suspect_rows(piece, WorkerCrash(2, 3, "why")) == (10, 0)
    assert suspect_rows(piece, WorkerCrash(20, 5, "why")) == (10, 0)
    assert suspect_rows(piece, WorkerCrash(15, 0, "why")) == (15, 0)


def test_around_one_row():
    pieces = split_around(Shard(0, None, 5, 9), 7, 8, blame, "why")
    assert [(p.shard.first, p.shard.last, p.done) for p in pieces] == [
        (5, 7, False),
        (7, 8, True),
        (8, 9, False),
    ]
