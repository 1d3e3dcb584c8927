"""A reader for one record of a dataset: found by its index or key, read without the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from datascan.decoders.base import Tracker
from datascan.errors import DatasetError
from datascan.readers.base import Reader, ignore_rows
from datascan.readers.dataset_files import FileStatus
from datascan.records.block import Block
from datascan.records.shard import Plan, Shard
from datascan.text import pluralize

COUNTED_BYTES = 4 << 30
"""A record that was found by its key gets an index if there are at most this many bytes before it:
its predecessors must be counted."""

MAX_LISTED = 20
"""The most records of one key that are listed."""

WHOLE_RULES = (
    "batch-label-gap",
    "class-imbalance",
    "conflicting-label",
    "constant-feature",
    "duplicate-record",
    "empty-class",
    "key-gap",
    "label-shift",
    "length-mismatch",
    "live-writer",
    "mixed-channels",
    "not-inspected",
    "odd-size",
    "outside-reference",
    "partial-download",
    "record-count-change",
    "record-count-mismatch",
    "shape-mismatch",
)
"""Rules that compare a record with others, or judge the dataset: not for a single record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which record: ``index`` if it is given, else ``key``, else what ``text`` means.

    A text is a key if a record has that very key. Otherwise, "17", "#17", "1,700" and a line of a
    report that begins with "#17 " are indices.
    """

    text: str = ""
    key: str | None = None
    index: int | None = None


NUMBER = re.compile(
    r"\s*(?:#?(-?[0-9]{1,30}|[0-9]{1,3}(?:,[0-9]{3}){1,6})\s*|#([0-9]{1,30})\s.*)", re.DOTALL
)


def parse_number(text: str) -> int | None:
    """The index in what reports show of a record: "17", "#17", "1,700", "#17  cat/017.jpg"."""
    found = NUMBER.fullmatch(text)
    return None if found is None else int((found[1] or found[2]).replace(",", ""))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is. ``index`` is None if its predecessors were too many to be counted.

    ``note`` says how an ambiguous text was understood.
    """

    shard: int
    row: int
    index: int | None
    note: str = ""


class OneRecordReader(Reader):
    """The dataset of another reader, reduced to one record and its neighbours.

    After ``plan``, ``place`` says where the record is, and ``around`` are pieces of shards that
    hold the record and ``neighbours`` records on each side, in store order.
    """

    def __init__(self, reader: Reader, wanted: Wanted, neighbours: int = 0) -> None:
        super().__init__(reader.paths, reader.options)
        self.reader, self.wanted, self.neighbours = reader, wanted, neighbours
        self.place = Place(0, 0, None)
        self.around: tuple[Shard, ...] = ()
        self.whole = Plan(shards=(), layout="unknown", nbytes=0)
        self._counts: dict[int, int] = {}
        # Class variables of other readers, but this one has those of what it reads.
        vars(self).update(
            name=reader.name,
            accepts_many=reader.accepts_many,
            is_seekable=reader.is_seekable,
            needs_worker=reader.needs_worker,
        )

    @classmethod
    def accepts(cls, path: Any) -> bool:  # noqa: ARG003  (it is made for a reader)
        """Always False: the reader has been chosen already."""
        return False

    def plan(self) -> Plan:
        """The plan of the dataset, with the record as its only shard.

        Raises:
            DatasetError: if there is no such record, or more than one; says how many there are.
        """
        self.reader.on_found = self.on_found
        try:
            self.whole = plan = self.reader.plan()
        finally:
            self.reader.on_found = None
        self.place = place = self._locate(plan)
        self.around = tuple(self._pieces(plan, place))
        shard = plan.shards[place.shard].slice(place.row, place.row + 1)
        return replace(
            plan,
            shards=(Shard(0, shard.span, shard.first, shard.last),),
            records=1,
            declared_count=None,
            store_count=None,
            faults=(),
            partial=(),
            uninspected=(),
            work_bytes=None,
            nbytes=0,
            is_read_in_order=False,
            sampled_from=plan.total_records or 1,
            origins=((place.index or 0) - place.row,),
        )

    def preload(self) -> None:
        """Import what the reader needs."""
        self.reader.preload()

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The blocks of the reader."""
        return self.reader.read(shard, track, decode=decode)

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of the reader."""
        return self.reader.keys(shard, rows)

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """The count of the reader."""
        return self.reader.count_rows(shard, track)

    def list_files(self) -> Iterator[FileStatus]:
        """None: one record does not identify the dataset."""
        return iter(())

    def versions(self) -> dict[str, str]:
        """The versions that the reader states."""
        return self.reader.versions()

    def close(self) -> None:
        """Close the reader."""
        self.reader.close()

    def _locate(self, plan: Plan) -> Place:
        """The place of the wanted record.

        Raises:
            DatasetError: if there is no such record, or more than one.
        """
        wanted = self.wanted
        if wanted.index is not None:
            return self._at(plan, wanted.index)
        if wanted.key is not None:
            return self._of_key(plan, wanted.key)
        text = wanted.text
        number = parse_number(text)
        found = self._find(plan, text)
        if found and number is not None:
            place = self._one_of(plan, text, found)
            if place.index == number:
                return place
            note = f"{text} is a key; --index {number} is the record with that number"
            return replace(place, note=note)
        if found or number is None:
            return self._one_of(plan, text, found)
        if text.startswith("0") and len(text) > 1:
            hint = f" (--index {number} is the record with that number)"
            raise DatasetError(self._missing(plan, text) + hint)
        return self._at(plan, number)

    def _at(self, plan: Plan, index: int) -> Place:
        """The place of the record with that index."""
        first = 0
        for shard in plan.shards if index >= 0 else ():
            rows = self._count(shard)
            if index < first + rows:
                return Place(shard.index, index - first + shard.first, index)
            first += rows
        total = first if index >= 0 else plan.total_records
        if total is None:
            total = sum(self._count(shard) for shard in plan.shards)
        last = f"; indices are 0 to {total - 1:,}" if total else ""
        raise DatasetError(
            f"there is no record {index}: {self.path} has {pluralize(total, 'record')}{last}"
        )

    def _of_key(self, plan: Plan, key: str) -> Place:
        return self._one_of(plan, key, self._find(plan, key))

    def _find(self, plan: Plan, key: str) -> list[tuple[int, int]]:
        return [*islice(self.reader.find_key(plan, key), MAX_LISTED + 1)]

    def _one_of(self, plan: Plan, key: str, found: Sequence[tuple[int, int]]) -> Place:
        """The only place of a key."""
        if not found:
            raise DatasetError(self._missing(plan, key))
        if len(found) == 1:
            shard, row = found[0]
            return Place(shard, row, self._index(plan, shard, row))
        indices = [self._index(plan, *one) for one in found[:MAX_LISTED]]
        named = ", ".join("?" if index is None else f"#{index}" for index in indices)
        more = " and more" if len(found) > MAX_LISTED else ""
        raise DatasetError(f"{key} occurs more than once: {named}{more} (--index chooses one)")

    def _missing(self, plan: Plan, key: str) -> str:
        """What to say of a key that does not exist."""
        near = self.reader.suggest_keys(plan, key)
        hint = f"; near it: {', '.join(near)}" if near else ""
        return f"{self.path} has no record with the key {key}{hint}"

    def _index(self, plan: Plan, shard: int, row: int) -> int | None:
        """The index of a record; None if there is too much before it."""
        before = plan.shards[:shard]
        is_cheap = plan.records is not None
        if not is_cheap and shard * self.options.read.shard_bytes > COUNTED_BYTES:
            return None
        return sum(map(self._count, before)) + row - plan.shards[shard].first

    def _count(self, shard: Shard) -> int:
        """The number of records of a shard, counted once."""
        if shard.index not in self._counts:
            rows = self.reader.count_rows(shard, ignore_rows)
            last = rows if shard.last is None else min(shard.last, rows)
            self._counts[shard.index] = last - shard.first
        return self._counts[shard.index]

    def _pieces(self, plan: Plan, place: Place) -> Iterator[Shard]:
        """The neighbours of the record, as slices of shards."""
        if not self.neighbours:
            return
        before, number, stop = self.neighbours, place.shard, place.row
        pieces: list[Shard] = []
        while True:
            shard = plan.shards[number]
            first = max(shard.first, stop - before)
            pieces.append(shard.slice(first, stop))
            before -= stop - first
            number -= 1
            if before <= 0 or number < 0:
                break
            stop = plan.shards[number].first + self._count(plan.shards[number])
        yield from (piece for piece in reversed(pieces) if piece.last != piece.first)
        after, first = self.neighbours + 1, place.row
        for shard in plan.shards[place.shard :]:
            end = shard.first + self._count(shard)
            stop = min(end, first + after)
            if stop > first:
                yield shard.slice(first, stop)
            after -= stop - first
            if after <= 0:
                return
            first = plan.shards[shard.index + 1].first if shard.index + 1 < len(plan.shards) else 0
