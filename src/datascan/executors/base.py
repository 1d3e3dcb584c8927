"""What an executor, a task and a worker slot are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from datascan.config.options import Options
    from datascan.records.shard import Plan, Shard

ROW, COUNT, RECORDS, BYTES = range(4)
SLOT_FIELDS = 4
NO_ROW = -1


class SharedSlots(Protocol):
    """Where workers are: four int64 a worker, shared with the parent process."""

    def __getitem__(self, index: int) -> int: ...
    def __setitem__(self, index: int, value: int) -> None: ...


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """A worker's own four places on the board."""

    slots: SharedSlots
    offset: int

    def mark(self, row: int, count: int) -> None:
        """Say that native code is about to touch ``count`` rows from ``row`` on.

        A count of 0 says that the shard is read on from there, nobody knows yet how far.
        """
        self.slots[self.offset + COUNT] = count
        self.slots[self.offset + ROW] = row

    def advance(self, records: int, nbytes: int) -> None:
        """Say that so much more of the shard is done."""
        self.slots[self.offset + RECORDS] += records
        self.slots[self.offset + BYTES] += nbytes

    def reset(self) -> None:
        """Begin a shard."""
        self.slots[self.offset + ROW] = NO_ROW
        self.slots[self.offset + COUNT] = self.slots[self.offset + RECORDS] = self.slots[
            self.offset + BYTES
        ] = 0

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Row, count, records and bytes as they stand now."""
        row, count, records, nbytes = (self.slots[self.offset + i] for i in range(SLOT_FIELDS))
        return row, count, records, nbytes


R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Task(Protocol[R_co]):
    """What is done with a shard, and what stands for one that kills its worker."""

    @property
    def options(self) -> Options:
        """The options of the scan."""

    def count_rows(self, shard: Shard, desk: WorkerSlot) -> int:
        """How many rows the whole shard has; asked only if reading it killed workers."""

    def __call__(self, shard: Shard, desk: WorkerSlot) -> R_co:
        """The result for the shard."""

    def on_failure(self, shard: Shard, reason: str) -> R_co:
        """The result for a shard, cut to the rows to blame."""


class ScanCancelled(Exception):  # noqa: N818  (no error: what was seen so far is reported)
    """Raised by ``Progress.update`` to end the scan early."""


class Progress(Protocol):
    """Whatever shows how far the scan is. ``update`` may raise :class:`ScanCancelled`."""

    def start(self, plan: Plan) -> None:
        """The scan of ``plan`` begins."""

    def update(self, records: int, nbytes: int) -> None:
        """So many records and bytes have been read in all."""

    def notify(self, text: str) -> None:
        """Something that the user should know at once, in one line."""


class NullProgress:
    """Shows nothing."""

    def start(self, plan: Plan) -> None:
        """Show nothing."""

    def update(self, records: int, nbytes: int) -> None:
        """Show nothing."""

    def notify(self, text: str) -> None:
        """Show nothing."""
