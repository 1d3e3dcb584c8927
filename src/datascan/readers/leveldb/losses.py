"""What a key range could not read, as faults that name the records before and after.

Blocks that cannot be read and that no readable record separates are one stretch, reported once: by
the range in which it begins.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.leveldb.merge import (
    FIRST_BYTES,
    Merger,
    Window,
    count_before,
    count_up_to,
    empty_batch,
)
from datascan.readers.leveldb.tables import Loss
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn


class Stretch(Struct):
    """Keys that cannot be read, up to and including ``end``, after the record ``before``.

    ``is_ours`` is False if another range reports it.
    """

    before: bytes | None
    end: bytes
    reason: str
    is_ours: bool

    def fault(self, after: bytes | None) -> tuple[Fault, ...]:
        """The fault, given the first record after the stretch."""
        if not self.is_ours:
            return ()
        first = "the beginning" if self.before is None else repr(format_key(self.before))
        last = "the end" if after is None else repr(format_key(after))
        detail = f"the records between {first} and {last} cannot be read: {self.reason}"
        return (Fault(None, "damaged-store", detail),)


class LossReporter:
    """Reads a key range, and turns what is lost in it into faults."""

    def __init__(self, merger: Merger, span: KeyRange) -> None:
        self.merger = merger
        self.span = span
        self.stretch: Stretch | None = None
        self.last: bytes | None = None

    def batches(self, *, values: bool, at_first: int = FIRST_BYTES) -> Iterator[KeyValueBatch]:
        """The entries of the range, each batch with the faults that end in it.

        ``at_first``: see :meth:`Merger.windows`.
        """
        for window in self.merger.windows(self.span, values=values, at_first=at_first):
            faults = self._faults_of(window)
            if len(window.batch) or faults:
                yield replace(window.batch, faults=faults)
        if self.stretch is not None and self.stretch.is_ours:
            yield replace(empty_batch(), faults=self._end_of_stretch())
        self.stretch = None

    def _end_of_stretch(self) -> tuple[Fault, ...]:
        """The fault of a stretch that reaches the end of the range: look beyond it."""
        if self.span.stop is not None:
            for window in self.merger.windows(KeyRange(self.span.stop, None), values=False):
                faults = self._faults_of(window, beyond=True)
                if self.stretch is None:
                    return faults
        return self.stretch.fault(None) if self.stretch is not None else ()

    def _faults_of(self, window: Window, *, beyond: bool = False) -> tuple[Fault, ...]:
        keys = window.batch.keys
        faults: tuple[Fault, ...] = ()
        for loss in window.losses:
            if self.stretch is not None:
                reached = count_up_to(keys, self.stretch.end)
                if count_before(keys, loss.begin) <= reached:
                    self.stretch.end = max(self.stretch.end, loss.end)
                    continue
                faults += self.stretch.fault(keys[reached])
                self.stretch = None
            if beyond:
                return faults
            self.stretch = self._begin(loss, keys)
        if self.stretch is not None:
            reached = count_up_to(keys, self.stretch.end)
            if reached < len(keys):
                faults += self.stretch.fault(keys[reached])
                self.stretch = None
        if len(keys):
            self.last = keys[len(keys) - 1]
        return faults

    def _begin(self, loss: Loss, keys: BytesColumn) -> Stretch:
        """The stretch that a loss opens."""
        preceding = count_before(keys, loss.begin)
        before = keys[preceding - 1] if preceding else self.last
        is_ours = True
        if before is None and self.span.first is not None:
            before, is_continued = self.merger.last_before(self.span.first)
            is_ours = loss.begin >= self.span.first and not is_continued
        return Stretch(before, loss.end, loss.reason, is_ours)
