"""A short trial, from which the time and the memory of a scan are estimated."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from datascan.checks.base import Check
from datascan.errors import DatascanError, describe_exception
from datascan.executors.base import Executor, ScanCancelled
from datascan.readers.base import Reader
from datascan.records.shard import Plan
from datascan.scanner.first_error import ErrorCounter
from datascan.scanner.guard import usable_checks
from datascan.scanner.scan import collect_metrics
from datascan.scanner.spread import spread_order
from datascan.scanner.tasks import MeasureTask, PartialResult

SECONDS = 2.0
MAX_PARTS = 16
KILOBYTE = 1024 if sys.platform == "linux" else 1
"""The unit of ``ru_maxrss``; on other systems, bytes."""

RECORD_BYTES = 100
"""About what a record takes in the tallies: fingerprint, label and position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What was read in the trial, and how long it took."""

    parts: int
    records: int
    nbytes: int
    seconds: float
    bad_records: int
    error: str

    @property
    def speed(self) -> float:
        """Bytes per second; 0 if nothing was read."""
        return self.nbytes / self.seconds if self.seconds else 0.0


class Trial:
    """Reads a few parts that are spread over the dataset, for ``SECONDS`` at most."""

    def __init__(self, reader: Reader, checks: Sequence[Check[Any]]) -> None:
        self.reader, self.checks = reader, usable_checks(checks)
        self.bad_records = self.parts = self.records = self.nbytes = 0
        self.unfinished = (0, 0)
        self.end = 0.0

    def run(self, plan: Plan, executor: Executor) -> TrialResult:
        """Read until the time is over; an error ends the trial, and is part of the result."""
        task = MeasureTask(self.reader, collect_metrics(self.checks))
        errors = ErrorCounter(self.checks, self.reader.options, self._show_errors)
        shards = list(islice(spread_order(plan), MAX_PARTS))
        began = time.monotonic()
        self.end = began + SECONDS
        error = ""

        def done(_: int, pieces: list[PartialResult]) -> None:
            errors.add(pieces)
            self._done(pieces)

        try:
            for _ in executor.map(task, shards, on_tick=self._tick, on_done=done):
                pass
        except ScanCancelled:
            pass
        except DatascanError as raised:
            error = str(raised)
        except Exception as raised:  # noqa: BLE001  (of a reader or a check; a scan would say more)
            error = describe_exception(raised)
        seconds = time.monotonic() - began
        return TrialResult(
            parts=self.parts,
            records=self.records + self.unfinished[0],
            nbytes=self.nbytes + self.unfinished[1],
            seconds=seconds,
            bad_records=self.bad_records,
            error=error,
        )

    def _tick(self, records: int, nbytes: int) -> None:
        self.unfinished = (records, nbytes)
        if time.monotonic() > self.end:
            raise ScanCancelled

    def _done(self, pieces: Sequence[PartialResult]) -> None:
        self.parts += 1
        self.unfinished = (0, 0)
        self.records += sum(int(piece.records.array.sum()) for piece in pieces)
        self.nbytes += sum(piece.nbytes for piece in pieces)

    def _show_errors(self, records: int) -> None:
        self.bad_records = records


def peak_memory() -> tuple[int | None, int | None]:
    """The largest memory yet, in bytes, of this process and of a worker that has ended."""
    try:
        import resource  # noqa: PLC0415  (not available on Windows)
    except ImportError:
        return None, None
    own, others = (
        resource.getrusage(who).ru_maxrss * KILOBYTE
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, others


def estimate_records(plan: Plan, trial: TrialResult, limit: int | None) -> tuple[int | None, bool]:
    """How many records a scan would read, and whether that is an estimate."""
    known = plan.records if plan.records is not None else plan.store_count
    if known is None and limit is not None and plan.total_records is not None:
        known = min(limit, plan.total_records)
    if known is not None:
        # The count of a damaged store may be wrong.
        return known, bool(plan.faults) and plan.records is None
    if trial.parts == len(plan.shards) and not trial.error:
        return trial.records, False
    if not trial.records or not trial.nbytes:
        return None, True
    about = round(plan.nbytes * trial.records / trial.nbytes)
    return (about if limit is None else min(limit, about)), True


def estimate_bytes(plan: Plan, reader: Reader, records: int | None) -> int:
    """How many bytes a scan would read."""
    total = plan.total_records
    if reader.is_seekable or not total or records is None or records >= total:
        return plan.nbytes
    # The size of a store is that of all its records, however many are read.
    return plan.nbytes * records // total


def estimate_seconds(nbytes: int, records: int | None, trial: TrialResult) -> float | None:
    """How long it takes to read that at the speed of the trial; None if that is not known."""
    if trial.nbytes and trial.speed:
        return nbytes / trial.speed
    if trial.records and records is not None:
        return trial.seconds * records / trial.records
    return None if nbytes or trial.error else 0.0


def estimate_memory(processes: int, records: int | None) -> int | None:
    """About how much memory all processes take together; None if that is not known.

    The workers of the trial must have ended.
    """
    own, worker = peak_memory()
    if own is None:
        return None
    return own + processes * (worker or 0) + RECORD_BYTES * (records or 0)
