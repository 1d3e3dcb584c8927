"""Where workers are: a board that they share with their parent, and each one's desk on it."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any, Protocol

from datascan.errors import DatascanError

ROW, COUNT, RECORDS, BYTES = range(4)
PLACES = 4
NOWHERE = -1


class Board(Protocol):
    """Where workers are: four int64 a worker, shared with the parent process."""

    def __getitem__(self, index: int) -> int: ...
    def __setitem__(self, index: int, value: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """A worker's own four places on the board."""

    board: Board
    at: int

    def mark(self, row: int, count: int) -> None:
        """Say that native code is about to touch ``count`` rows from ``row`` on.

        A count of 0 says that the shard is read on from there, nobody knows yet how far.
        """
        self.board[self.at + COUNT] = count
        self.board[self.at + ROW] = row

    def advance(self, records: int, nbytes: int) -> None:
        """Say that so much more of the shard is done."""
        self.board[self.at + RECORDS] += records
        self.board[self.at + BYTES] += nbytes

    def clear(self) -> None:
        """Begin a shard."""
        self.board[self.at + ROW] = NOWHERE
        self.board[self.at + COUNT] = self.board[self.at + RECORDS] = self.board[
            self.at + BYTES
        ] = 0

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Row, count, records and bytes as they stand now."""
        row, count, records, nbytes = (self.board[self.at + i] for i in range(PLACES))
        return row, count, records, nbytes


def shared_board(context: BaseContext, workers: int) -> Any:
    """A board for so many workers that processes of ``context`` can write on.

    Raises:
        DatascanError: where there is no memory to share.
    """
    places = PLACES * workers
    try:
        if context.get_start_method() == "fork":
            # Memory without a file: there may be no folder that one could be written to.
            return memoryview(mmap.mmap(-1, 8 * places)).cast("q")
        return context.RawArray("q", places)
    except OSError as error:
        raise DatascanError(
            f"cannot share memory with workers ({error.strerror or error}); try --workers 0"
        ) from error
