"""What becomes of a piece of a shard whose worker died or stood still.

It is tried again as long as it may have been chance, cut around the rows that are suspected, and
blamed where a single record is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from datascan.executors.base import NO_ROW
from datascan.records.shard import Shard

R = TypeVar("R")
OnFailure = Callable[[Shard, str], R]

CRASHES_TO_BLAME = 2
"""So many deaths in a row at the same rows are laid to them."""

CRASHES_TO_BLAME_UNLOCATED = 5
"""And so many where nobody knows at which rows: whoever kills workers at random does so, too."""

MAX_CRASHES = 50
"""A piece that costs this many workers at ever new places is cut up all the same."""

MAX_UNLOCATED_SPLITS = 24
"""A shard is halved so often without knowing where its workers die; then all the rest is blamed."""


@dataclass(frozen=True, slots=True)
class WorkerCrash:
    """How a worker ended, or why it had to: the rows at its desk, and words for the reason."""

    row: int
    count: int
    reason: str
    stood_still: bool = False


@dataclass(eq=False)
class ShardPart(Generic[R]):
    """A part of a shard that is still to be read, or its result.

    ``is_counted`` asks for the number of the shard's rows first. ``deaths`` is how many workers it
    has cost, ``again`` how many of the last ones died at the rows ``suspect``.
    """

    shard: Shard
    result: R | None = None
    done: bool = False
    is_counted: bool = False
    crashes: int = 0
    suspect: tuple[int, int] | None = None
    again: int = 0

    def with_row_count(self, rows: int) -> ShardPart[R]:
        """The piece to be read, now that its shard is known to have so many rows."""
        return ShardPart(self.shard.slice(self.shard.first, max(self.shard.first, rows)))


@dataclass(eq=False)
class ShardTask(Generic[R]):
    """A shard to be read: in one piece, as long as no worker dies of it."""

    shard: Shard
    parts: list[ShardPart[R]]
    unlocated_splits: int = 0

    @classmethod
    def of(cls, shard: Shard) -> ShardTask[R]:
        """The shard in one piece."""
        return cls(shard, [ShardPart(shard)])

    @property
    def is_done(self) -> bool:
        """Whether all pieces have their results."""
        return all(piece.done for piece in self.parts)

    @property
    def results(self) -> list[R]:
        """The results of finished pieces, in order."""
        return [piece.result for piece in self.parts if piece.result is not None]

    def next_parts(
        self, piece: ShardPart[R], death: WorkerCrash, blame: OnFailure[R], *, can_count: bool
    ) -> list[ShardPart[R]]:
        """What is to be read in the place of ``piece`` after its worker's death."""
        row, count = suspect_rows(piece.shard, death)
        again = piece.again + 1 if piece.suspect == (row, count) else 1
        shard = piece.shard
        # Where nothing can be cut yet, all would be lost.
        is_blind = not count and row == shard.first and shard.last is None
        proof = (
            CRASHES_TO_BLAME_UNLOCATED if is_blind and not death.stood_still else CRASHES_TO_BLAME
        )
        if again < proof and piece.crashes < MAX_CRASHES:
            return [
                ShardPart(
                    shard,
                    is_counted=piece.is_counted,
                    crashes=piece.crashes + 1,
                    suspect=(row, count),
                    again=again,
                )
            ]
        if count:
            return split_around(shard, row, row + count, blame, death.reason)
        if row > shard.first:
            return [
                ShardPart(shard.slice(shard.first, row)),
                ShardPart(shard.slice(row, shard.last)),
            ]
        if shard.last is None and can_count and not piece.is_counted:
            return [ShardPart(shard, is_counted=True)]
        if self._is_lost(piece, death):
            return [ShardPart(shard, blame(shard, death.reason), done=True)]
        self.unlocated_splits += 1
        return split_around(shard, shard.first, shard.last or shard.first, blame, death.reason)

    def _is_lost(self, piece: ShardPart[R], death: WorkerCrash) -> bool:
        """Whether a piece, nobody knows where in it workers die, is not worth more of them."""
        is_unknown = piece.is_counted or piece.shard.last is None
        return is_unknown or death.stood_still or self.unlocated_splits == MAX_UNLOCATED_SPLITS


def suspect_rows(shard: Shard, death: WorkerCrash) -> tuple[int, int]:
    """The rows of ``shard`` at which a worker died: the first, and how many (0: nobody knows)."""
    row, end = max(death.row, shard.first), death.row + death.count
    if shard.last is not None:
        end = min(end, shard.last)
    if death.row == NO_ROW or (shard.last is not None and row >= shard.last):
        # In front of all rows, or behind them: it may have been any.
        return shard.first, 0
    return row, max(0, end - row)


def split_around(
    shard: Shard, first: int, last: int, blame: OnFailure[R], reason: str
) -> list[ShardPart[R]]:
    """The shard with the rows ``first`` <= row < ``last`` in halves; a single one is blamed."""
    follow: list[ShardPart[R]] = []
    if first > shard.first:
        follow.append(ShardPart(shard.slice(shard.first, first)))
    if last - first <= 1:
        guilty = shard.slice(first, last)
        follow.append(ShardPart(guilty, blame(guilty, reason), done=True))
    else:
        half = (first + last) // 2
        follow += [ShardPart(shard.slice(first, half)), ShardPart(shard.slice(half, last))]
    if shard.last is None or last < shard.last:
        follow.append(ShardPart(shard.slice(last, shard.last)))
    return follow
