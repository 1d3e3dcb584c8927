"""Ends a scan before all was read: at a signal, at the first error, or when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from datascan.config.options import RunOptions
from datascan.executors.base import Progress, ScanCancelled

if TYPE_CHECKING:
    from datascan.errors import OutputError
    from datascan.records.shard import Plan

MIN_SHARD_BYTES = 1 << 19
SHARDS = 128
"""Under a limit of time, shards are small, because unfinished ones are lost: there are about this
many, unless they would be smaller than that."""


class EarlyEnd(Struct, frozen=True, kw_only=True):
    """Why a scan ended early.

    Attributes:
        by: what ended it: "signal" includes a progress of the caller that cancels the scan.
        signal: the number of that signal, 0 if it is not known.
        seconds: the time that it had, if that was the reason.
        all_read: whether all records were read, though not every rule was judged.
        rule: the rule of the first error, if that was the reason.
        detail: what is wrong, in words.
        address: the address of the record with the error; None if the error is not of a record.
    """

    by: Literal["fail-fast", "max-time", "signal"]
    signal: int = 0
    seconds: float | None = None
    all_read: bool = False
    rule: str = ""
    detail: str = ""
    address: int | None = None


class Watch:
    """Progress that also ends the scan, and remembers why.

    The time starts when the watch is made, so that it includes planning.
    """

    def __init__(self, progress: Progress, run: RunOptions) -> None:
        self.progress = progress
        self.seconds = run.max_time
        self.began = time.monotonic()
        self.ended: EarlyEnd | None = None
        self.found: Callable[[int], None] | None = getattr(progress, "found", None)
        """Is given the number of records with errors found so far, if the progress shows it."""

    def start(self, plan: Plan) -> None:
        """The scan of ``plan`` begins."""
        self.progress.start(plan)

    def update(self, records: int, nbytes: int) -> None:
        """Show how much was read.

        Raises:
            ScanCancelled: if the time is over, or the progress ends the scan.
        """
        if self.seconds is not None and time.monotonic() - self.began >= self.seconds:
            self.end(EarlyEnd(by="max-time", seconds=self.seconds))
        try:
            self.progress.update(records, nbytes)
        except ScanCancelled as cancelled:
            self.end(EarlyEnd(by="signal", signal=cancelled.signal))

    def end(self, why: EarlyEnd) -> None:
        """End the scan; the first reason counts.

        Raises:
            ScanCancelled: always.
        """
        self.ended = self.ended or why
        raise ScanCancelled

    def disarm(self) -> None:
        """All was read: what follows does not depend on the time any more."""
        self.seconds = None

    def notify(self, text: str) -> None:
        """Show one line that the user should see at once."""
        self.progress.notify(text)

    def fail_output(self, error: OutputError) -> None:
        """Pass on that an output cannot be written any more."""
        self.progress.fail_output(error)
