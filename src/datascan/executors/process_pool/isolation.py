"""What becomes of a piece of a shard whose worker died or stood still.

It is tried again as long as it may have been chance, cut around the rows that are suspected, and
blamed where a single record is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from datascan.executors.base import NOWHERE
from datascan.records.shard import Shard

R = TypeVar("R")
Blame = Callable[[Shard, str], R]

PROOF = 2
"""So many deaths in a row at the same rows are laid to them."""

BLIND_PROOF = 5
"""And so many where nobody knows at which rows: whoever kills workers at random does so, too."""

MOST_DEATHS = 50
"""A piece that costs this many workers at ever new places is cut up all the same."""

MOST_BLIND_CUTS = 24
"""A shard is halved so often without knowing where its workers die; then all the rest is blamed."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended, or why it had to: the rows at its desk, and words for the reason."""

    row: int
    count: int
    reason: str
    stood_still: bool = False


@dataclass(eq=False)
class Piece(Generic[R]):
    """A part of a shard that is still to be read, or its result.

    ``is_counted`` asks for the number of the shard's rows first. ``deaths`` is how many workers it
    has cost, ``again`` how many of the last ones died at the rows ``suspect``.
    """

    shard: Shard
    result: R | None = None
    done: bool = False
    is_counted: bool = False
    deaths: int = 0
    suspect: tuple[int, int] | None = None
    again: int = 0

    def of_extent(self, rows: int) -> Piece[R]:
        """The piece to be read, now that its shard is known to have so many rows."""
        return Piece(self.shard.cut(self.shard.first, max(self.shard.first, rows)))


@dataclass(eq=False)
class Job(Generic[R]):
    """A shard to be read: in one piece, as long as no worker dies of it."""

    shard: Shard
    pieces: list[Piece[R]]
    blind_cuts: int = 0

    @classmethod
    def of(cls, shard: Shard) -> Job[R]:
        """The shard in one piece."""
        return cls(shard, [Piece(shard)])

    @property
    def is_done(self) -> bool:
        """Whether all pieces have their results."""
        return all(piece.done for piece in self.pieces)

    @property
    def results(self) -> list[R]:
        """The results of finished pieces, in order."""
        return [piece.result for piece in self.pieces if piece.result is not None]

    def after(
        self, piece: Piece[R], death: Death, blame: Blame[R], *, can_count: bool
    ) -> list[Piece[R]]:
        """What is to be read in the place of ``piece`` after its worker's death."""
        row, count = suspected(piece.shard, death)
        again = piece.again + 1 if piece.suspect == (row, count) else 1
        shard = piece.shard
        # Where nothing can be cut yet, all would be lost.
        is_blind = not count and row == shard.first and shard.last is None
        proof = BLIND_PROOF if is_blind and not death.stood_still else PROOF
        if again < proof and piece.deaths < MOST_DEATHS:
            return [
                Piece(
                    shard,
                    is_counted=piece.is_counted,
                    deaths=piece.deaths + 1,
                    suspect=(row, count),
                    again=again,
                )
            ]
        if count:
            return around(shard, row, row + count, blame, death.reason)
        if row > shard.first:
            return [Piece(shard.cut(shard.first, row)), Piece(shard.cut(row, shard.last))]
        if shard.last is None and can_count and not piece.is_counted:
            return [Piece(shard, is_counted=True)]
        if self._is_lost(piece, death):
            return [Piece(shard, blame(shard, death.reason), done=True)]
        self.blind_cuts += 1
        return around(shard, shard.first, shard.last or shard.first, blame, death.reason)

    def _is_lost(self, piece: Piece[R], death: Death) -> bool:
        """Whether a piece, nobody knows where in it workers die, is not worth more of them."""
        is_unknown = piece.is_counted or piece.shard.last is None
        return is_unknown or death.stood_still or self.blind_cuts == MOST_BLIND_CUTS


def suspected(shard: Shard, death: Death) -> tuple[int, int]:
    """The rows of ``shard`` at which a worker died: the first, and how many (0: nobody knows)."""
    row, end = max(death.row, shard.first), death.row + death.count
    if shard.last is not None:
        end = min(end, shard.last)
    if death.row == NOWHERE or (shard.last is not None and row >= shard.last):
        # In front of all rows, or behind them: it may have been any.
        return shard.first, 0
    return row, max(0, end - row)


def around(shard: Shard, first: int, last: int, blame: Blame[R], reason: str) -> list[Piece[R]]:
    """The shard with the rows ``first`` <= row < ``last`` in halves; a single one is blamed."""
    follow: list[Piece[R]] = []
    if first > shard.first:
        follow.append(Piece(shard.cut(shard.first, first)))
    if last - first <= 1:
        guilty = shard.cut(first, last)
        follow.append(Piece(guilty, blame(guilty, reason), done=True))
    else:
        half = (first + last) // 2
        follow += [Piece(shard.cut(first, half)), Piece(shard.cut(half, last))]
    if shard.last is None or last < shard.last:
        follow.append(Piece(shard.cut(last, shard.last)))
    return follow
