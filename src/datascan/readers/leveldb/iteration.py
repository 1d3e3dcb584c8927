"""Entries of an open LevelDB in key order, past damage, with a fault for every loss.

LevelDB's iterators step over a block that they cannot read, and only their status says so, for
good. plyvel's ordinary iterator (fast) raises then, and does not ask at the very end; its raw
iterator (slow) raises at every step, but can be read on. So: the fast one up to the damage, the raw
one through it, and the fast one again from where a new iterator has nothing to complain of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import plyvel

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.leveldb.inspection import damaged
from datascan.readers.leveldb.recovery import words_of
from datascan.readers.leveldb.tables import Run
from datascan.records.buffers import BytesColumn

BATCH_BYTES = 1 << 22
BATCH_RECORDS = 4096

NEAR = 64
"""The number of entries after damage that are each tested for its end; then ever fewer."""

CHECKED = {"verify_checksums": True, "fill_cache": False}


def walk(
    db: Any, span: KeyRange, *, values: bool, begin: bytes | None = None
) -> Iterator[KeyValueBatch]:
    """The entries of ``span`` from ``begin`` on, some megabytes at a time; values if requested.

    A damaged stretch is reported once, by the range in which it starts.
    """
    at: bytes | None = span.first or b"" if begin is None else begin
    while at is not None:
        at = yield from undamaged(db, at, span.stop, values=values)
        if at is not None:
            at = yield from Damage(db, span, values=values).passed(at)


def undamaged(db: Any, at: bytes, stop: bytes | None, *, values: bool) -> Run:
    """Entries from ``at`` on; returns where to look closer, None if all was read."""
    last: bytes | None = None
    try:
        with closing(db.iterator(start=at, stop=stop, include_value=values, **CHECKED)) as iterator:
            for keys, found in gathered(iterator, values=values):
                last = keys[-1]
                at = last + b"\0"
                yield make_batch(keys, found)
    except plyvel.Error:
        return at
    return at if is_damaged_after(db, last, at) else None


def gathered(iterator: Any, *, values: bool) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Keys and values (none unless asked for) in lists of about ``BATCH_BYTES``."""
    run = 1
    while True:
        keys: list[bytes] = []
        found: list[bytes] = []
        nbytes = 0
        while nbytes < BATCH_BYTES and len(keys) < BATCH_RECORDS:
            entries = list(islice(iterator, min(run, BATCH_RECORDS - len(keys))))
            if not entries:
                break
            if values:
                more_keys, more_values = zip(*entries, strict=True)
                keys += more_keys
                found += more_values
                nbytes += sum(map(len, more_values))
                # Longer runs, as long as they do not overshoot by much.
                fitting = (BATCH_BYTES - nbytes) * len(found) // max(1, nbytes)
                run = max(1, min(8 * run, fitting))
            else:
                keys += entries
                run = BATCH_RECORDS
        if not keys:
            return
        yield keys, found


def is_damaged_after(db: Any, last: bytes | None, at: bytes) -> bool:
    """Whether stepping on from the key ``last``, or seeking ``at`` without one, meets damage."""
    with closing(db.raw_iterator(**CHECKED)) as raw:
        if last is None:
            return complaint(raw.seek, at) is not None
        return complaint(raw.seek, last) is not None or complaint(raw.next) is not None


class Damage:
    """The way of one range through a stretch that cannot be read."""

    def __init__(self, db: Any, span: KeyRange, *, values: bool) -> None:
        self.db = db
        self.span = span
        self.values = values

    def passed(self, at: bytes) -> Run:
        """Entries from ``at`` through the next stretch; returns the first key after it."""
        with closing(self.db.raw_iterator(**CHECKED)) as raw:
            words = complaint(raw.seek, at)
            entries = Entries(raw, values=self.values)
            while words is None and self._is_inside(raw) and len(entries.keys) < BATCH_RECORDS:
                entries.add()
                words = complaint(raw.next)
            last = entries.keys[-1] if entries.keys else None
            yield from entries.taken()
            if words is None:
                return last + b"\0" if last is not None and self._is_inside(raw) else None
            begins_here = at != self.span.first or last is not None
            behind = yield from self._through(raw, at, to_its_end=begins_here)
            if begins_here:
                yield lost(last if last is not None else at[:-1] or None, behind, words)
            stop = self.span.stop
            return behind if behind is not None and (stop is None or behind < stop) else None

    def _is_inside(self, raw: Any) -> bool:
        return raw.valid() and (self.span.stop is None or raw.key() < self.span.stop)

    def _through(self, raw: Any, at: bytes, *, to_its_end: bool) -> Run:
        """Entries inside the stretch (other tables may be intact); returns its end."""
        entries = Entries(raw, values=self.values)
        behind: bytes | None = None
        steps = 0
        while raw.valid():
            # The end is looked for beyond this range too, so that every plan tells the same.
            if not self._is_inside(raw) and not to_its_end:
                break
            key = raw.key()
            is_due = steps < NEAR or steps & (steps - 1) == 0
            if is_due and key != at and not is_damaged_after(self.db, None, key):
                behind = key
                break
            if self._is_inside(raw):
                entries.add()
                if entries.nbytes >= BATCH_BYTES or len(entries.keys) >= BATCH_RECORDS:
                    yield from entries.taken()
            complaint(raw.next)
            steps += 1
        yield from entries.taken()
        return behind


class Entries:
    """Collects entries of a raw iterator."""

    def __init__(self, raw: Any, *, values: bool) -> None:
        self.raw = raw
        self.with_values = values
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.nbytes = 0

    def add(self) -> None:
        """Take the present entry."""
        self.keys.append(self.raw.key())
        if self.with_values:
            self.values.append(self.raw.value())
            self.nbytes += len(self.values[-1])

    def taken(self) -> Iterator[KeyValueBatch]:
        """What was gathered, if anything; it begins anew."""
        if self.keys:
            yield make_batch(self.keys, self.values)
        self.keys, self.values, self.nbytes = [], [], 0


def complaint(move: Callable[..., None], *target: bytes) -> str | None:
    """Move a raw iterator; what LevelDB complains of. It has moved all the same."""
    try:
        move(*target)
    except plyvel.Error as error:
        return words_of(error)
    return None


def make_batch(keys: list[bytes], values: list[bytes]) -> KeyValueBatch:
    """Entries as columns; without values each has no bytes."""
    if values:
        return KeyValueBatch(BytesColumn.of(keys), BytesColumn.of(values))
    nothing = np.zeros(len(keys), np.int64)
    return KeyValueBatch(BytesColumn.of(keys), BytesColumn(np.empty(0, np.uint8), nothing, nothing))


def lost(before: bytes | None, behind: bytes | None, words: str) -> KeyValueBatch:
    """No entries, and the fault that those between two keys cannot be read."""
    first = "the beginning" if before is None else repr(format_key(before))
    last = "the end" if behind is None else repr(format_key(behind))
    detail = f"the records between {first} and {last} cannot be read: {words}"
    return replace(make_batch([], []), faults=(damaged(detail),))
