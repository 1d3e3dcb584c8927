"""What happens to a part of a shard whose worker crashed, ran out of memory or took too long.

After a crash, it is retried as long as that may have been a coincidence, then split around the
suspected rows, and given up when a single record is left. Rows that took too long are split at
once, and a single record that did is given up: it has had all of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Generic, TypeVar, cast

from msgspec import Struct

from datascan.executors import cgroup
from datascan.executors.base import NO_ROW
from datascan.records.shard import Shard
from datascan.text import format_size

R = TypeVar("R")
OnFailure = Callable[[Shard, str], R]

MAX_LOCATED_CRASHES = 2
"""After this many crashes in a row at the same rows, the rows are at fault."""

MAX_UNLOCATED_CRASHES = 5
"""As above if the rows are unknown; more, since killing workers at random looks the same."""

MAX_CRASHES = 50
"""A part that has cost this many workers is split, even if they crashed at different rows."""

MAX_UNLOCATED_SPLITS = 24
"""A shard is halved this often while its crashes have no known row; then the part is given up."""

PIECES = 16
"""Rows that took too long are split into this many pieces, so that few timeouts find the record."""

MAX_TIMEOUTS = 12
"""After this many in one shard, rows that take too long together are given up together."""


def too_slow(seconds: float) -> str:
    """Why rows are given up that took longer than the time limit."""
    unit = "second" if seconds == 1 else "seconds"
    return f"took longer than {seconds:g} {unit} (--timeout)"


def out_of_memory(nbytes: int | None) -> str:
    """Why rows are given up for which ``nbytes`` were too little; None: there is no limit."""
    if nbytes is None:
        return "needed more memory than there is"
    limit = "the limit of the cgroup" if nbytes == cgroup.memory_limit() else "--max-memory"
    return f"needed more than {format_size(nbytes)} of memory ({limit})"


class WorkerCrash(Struct, frozen=True):
    """How a worker ended: the rows in its slot, and the reason in words.

    ``is_hung`` if it was killed because the rows took longer than the time limit.
    """

    row: int
    count: int
    reason: str
    is_hung: bool = False


class ShardPart(Struct, Generic[R], eq=False):
    """A part of a shard that is still to read, or its result.

    ``is_counted`` if the rows of the shard must be counted first. ``crashes`` is how many workers
    the part has cost; the last ``repeats`` of them crashed at the rows ``suspect`` (first row,
    number of rows).
    """

    shard: Shard
    result: R | None = None
    done: bool = False
    is_counted: bool = False
    crashes: int = 0
    suspect: tuple[int, int] | None = None
    repeats: int = 0

    def with_row_count(self, rows: int) -> ShardPart[R]:
        """The part to read, now that its shard is known to have ``rows`` rows."""
        return ShardPart(self.shard.slice(self.shard.first, max(self.shard.first, rows)))


class ShardTask(Struct, Generic[R], eq=False):
    """A shard to read: a single part, unless crashes force a split."""

    shard: Shard
    parts: list[ShardPart[R]]
    unlocated_splits: int = 0
    timeouts: int = 0

    @classmethod
    def of(cls, shard: Shard) -> ShardTask[R]:
        """The shard as a single part."""
        return cls(shard, [ShardPart(shard)])

    @property
    def is_done(self) -> bool:
        """Whether all parts have their results."""
        return all(part.done for part in self.parts)

    @property
    def results(self) -> list[R]:
        """The results of finished parts, in order of rows."""
        return [cast("R", part.result) for part in self.parts if part.done]

    def next_parts(
        self, part: ShardPart[R], crash: WorkerCrash, on_failure: OnFailure[R], *, can_count: bool
    ) -> list[ShardPart[R]]:
        """The parts that replace ``part`` after its worker crashed."""
        row, count = suspect_rows(part.shard, crash)
        repeats = part.repeats + 1 if part.suspect == (row, count) else 1
        shard = part.shard
        # Nothing is known to split at, so that giving up would lose the whole shard.
        is_blind = not count and row == shard.first and shard.last is None
        limit = MAX_UNLOCATED_CRASHES if is_blind else MAX_LOCATED_CRASHES
        if repeats < limit and part.crashes < MAX_CRASHES and not crash.is_hung:
            return [
                ShardPart(
                    shard,
                    is_counted=part.is_counted,
                    crashes=part.crashes + 1,
                    suspect=(row, count),
                    repeats=repeats,
                )
            ]
        if count:
            pieces = self._count_pieces() if crash.is_hung else 2
            return split_around(shard, row, row + count, on_failure, crash.reason, pieces=pieces)
        if row > shard.first:
            return [
                ShardPart(shard.slice(shard.first, row)),
                ShardPart(shard.slice(row, shard.last)),
            ]
        if shard.last is None and can_count and not part.is_counted:
            return [ShardPart(shard, is_counted=True)]
        if self._is_lost(part, crash):
            return [ShardPart(shard, on_failure(shard, crash.reason), done=True)]
        self.unlocated_splits += 1
        return split_around(shard, shard.first, shard.last or shard.first, on_failure, crash.reason)

    def _count_pieces(self) -> int:
        """Into how many pieces rows are split that took too long together."""
        self.timeouts += 1
        return PIECES if self.timeouts <= MAX_TIMEOUTS else 1

    def _is_lost(self, part: ShardPart[R], crash: WorkerCrash) -> bool:
        """Whether to give up a part whose crashes have no known row, rather than halve it."""
        is_unknown = part.is_counted or part.shard.last is None
        return is_unknown or crash.is_hung or self.unlocated_splits == MAX_UNLOCATED_SPLITS


def suspect_rows(shard: Shard, crash: WorkerCrash) -> tuple[int, int]:
    """The rows of ``shard`` at which a worker crashed: the first, and how many (0: unknown)."""
    row, end = max(crash.row, shard.first), crash.row + crash.count
    if shard.last is not None:
        end = min(end, shard.last)
    if crash.row == NO_ROW or (shard.last is not None and row >= shard.last):
        # Before the first row or after the last one: any row may have caused it.
        return shard.first, 0
    return row, max(0, end - row)


def split_around(  # noqa: PLR0913  (rows, and what happens to them)
    shard: Shard, first: int, last: int, on_failure: OnFailure[R], reason: str, *, pieces: int = 2
) -> list[ShardPart[R]]:
    """The shard with the rows ``first`` <= row < ``last`` in equal pieces.

    A single row is given up; with one piece, all rows are.
    """
    parts: list[ShardPart[R]] = []
    if first > shard.first:
        parts.append(ShardPart(shard.slice(shard.first, first)))
    if last - first <= 1 or pieces == 1:
        culprit = shard.slice(first, last)
        parts.append(ShardPart(culprit, on_failure(culprit, reason), done=True))
    else:
        count = min(pieces, last - first)
        edges = [first + (last - first) * i // count for i in range(count + 1)]
        parts += [ShardPart(shard.slice(a, b)) for a, b in pairwise(edges)]
    if shard.last is None or last < shard.last:
        parts.append(ShardPart(shard.slice(last, shard.last)))
    return parts
