"""The blocks of a shard, even if a reader or decoder raises an exception."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator

from msgspec import Struct

from datascan.errors import DatascanError, describe_exception
from datascan.executors.base import ScanCancelled, WorkerSlot
from datascan.readers.base import Reader
from datascan.records.block import Block, Fault
from datascan.records.shard import Shard

MAX_FAILURES = 64
"""After this many exceptions in one shard, rows that fail together are given up together."""


def tracked_blocks(
    reader: Reader, shard: Shard, slot: WorkerSlot, *, decode: bool = True
) -> Iterator[Block]:
    """The shard's blocks; the rows of each stay marked until the next one is requested.

    If reading raises an exception, the rows are split until one record is left, which becomes
    ``reader-crash``. Errors that are meant for users, and a lack of memory, are raised.
    """
    pending: list[Shard | Block] = [shard]
    failures = 0
    while pending:
        part = pending.pop()
        if isinstance(part, Block):
            yield from mark_blocks([part], shard, slot)
            continue
        reading = PartReading(reader, part, slot)
        try:
            yield from reading.blocks(decode=decode)
        except (DatascanError, MemoryError, ScanCancelled):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOMEM:
                raise
            failures += 1
            pieces = reading.split(describe_exception(error), is_last=failures > MAX_FAILURES)
            pending += reversed(pieces)


def mark_blocks(blocks: Iterable[Block], shard: Shard, slot: WorkerSlot) -> Iterator[Block]:
    """The blocks; the rows of each stay marked until the next one is requested."""
    for block in blocks:
        row = block.start - shard.base
        # The reader may have marked the rows one by one, but the block is processed as a whole.
        slot.mark(row, block.records)
        yield block
        slot.advance(block.records, block.nbytes)
        slot.mark(row + block.records, 0)


class PartReading(Struct):
    """The reading of a part of a shard.

    ``next_row``: the first row that is not in a block yet, at first that of the part. ``marked``:
    what the reader marked last, a row and a number of rows.
    """

    reader: Reader
    part: Shard
    slot: WorkerSlot
    next_row: int = 0
    marked: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.next_row = self.part.first

    def blocks(self, *, decode: bool) -> Iterator[Block]:
        """The blocks of the part."""
        blocks = self.reader.read(self.part, self._track, decode=decode)
        for block in mark_blocks(blocks, self.part, self.slot):
            yield block
            self.next_row = block.start - self.part.base + block.records

    def split(self, reason: str, *, is_last: bool) -> list[Shard | Block]:
        """What replaces the rows that are not in a block yet: the suspected ones in halves.

        A single row, and all suspected ones if this ``is_last``, are given up.
        """
        first, last = self.next_row, self.part.last
        row, end = self._suspects()
        if row >= end:
            if last is None:
                return [self._count(reason)]
            row, end = first, last
        if row >= end:
            return [failed_block(self.reader, self.part.slice(first, first), reason)]
        pieces: list[Shard | Block] = [self.part.slice(first, row)] if first < row else []
        middle = (row + end) // 2
        if is_last or middle == row:
            pieces.append(failed_block(self.reader, self.part.slice(row, end), reason))
        else:
            pieces += [self.part.slice(row, middle), self.part.slice(middle, end)]
        if last is None or end < last:
            pieces.append(self.part.slice(end, last))
        return pieces

    def _track(self, row: int, count: int) -> None:
        self.marked = row, count
        self.slot.mark(row, count)

    def _suspects(self) -> tuple[int, int]:
        """The marked rows that are not in a block yet, as (first, end)."""
        row, count = self.marked
        end = row + count if self.part.last is None else min(row + count, self.part.last)
        return max(row, self.next_row), end

    def _count(self, reason: str) -> Shard | Block:
        """The rest of the part, now that its end is known; a fault if it cannot be counted."""
        first = self.next_row
        try:
            rows = self.reader.count_rows(self.part, self.slot.mark)
        except (DatascanError, MemoryError, ScanCancelled):
            raise
        except Exception:  # noqa: BLE001  (what was raised first is reported)
            rows = first
        if rows <= first:
            return failed_block(self.reader, self.part.slice(first, None), reason)
        return self.part.slice(first, rows)


def failed_block(reader: Reader, part: Shard, reason: str) -> Block:
    """A block in which every row of ``part`` is ``reader-crash``.

    If the rows could not even be counted (``part.last`` is None), one fault says so.
    """
    records = 0 if part.last is None else part.last - part.first
    faults = tuple(Fault(row, "reader-crash", reason) for row in range(records))
    if not records:
        where = f"row {part.first:,} behind " if part.first else ""
        lost = f"{reason}: no record from {where}{reader.describe_start(part)} on can be counted"
        faults = (Fault(None, "reader-crash", f"{lost}, up to the next part"),)
    return Block(part.base + part.first, records, 0, faults=faults)
