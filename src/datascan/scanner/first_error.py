"""Finds errors in finished shards: their number while the scan runs, and the first of all.

Only rules that judge a record by itself are used. Others compare it with the rest of the dataset,
which has not been read yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datascan.checks.base import Check, Issue
from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Options, Severity
from datascan.metrics.base import DatasetSummary, add_all, metric_name, sorted_distinct
from datascan.metrics.faults import FaultMap, measure_faults, tally_faults
from datascan.metrics.value_hits import HitMap
from datascan.readers.base import Reader
from datascan.records.shard import Plan
from datascan.scanner.early_stop import EarlyEnd, Watch
from datascan.scanner.result import ScanResult
from datascan.scanner.tasks import PartialResult

VALUE_RULES = ("nan-value", "inf-value")

BY_RECORD = (
    *VALUE_RULES,
    "extreme-value",
    "non-finite-label",
    "value-out-of-range",
    "unexpected-class",
    "unexpected-dtype",
    "unexpected-shape",
    "label-beyond-outputs",
)
"""Rules that judge a record by itself, besides those about faults."""

Evaluate = Callable[[Check[Any], DatasetSummary], Iterator[Issue]]


def judges_by_record(check: Check[Any], options: Options) -> bool:
    """Whether a check judges a record without the rest of the dataset."""
    if check.rule == "label-out-of-range":
        # Otherwise, all labels together decide whether they are classes.
        return options.check.num_classes is not None or options.check.label_type == "class"
    return isinstance(check, FaultCheck) or check.rule in BY_RECORD


class ErrorCounter:
    """Counts records with errors in finished shards: faults, NaN and Inf. Costs next to nothing.

    ``show`` is given the number so far whenever it grows; None: nothing is counted.
    """

    def __init__(
        self,
        checks: Sequence[Check[Any]],
        options: Options,
        show: Callable[[int], None] | None,
    ) -> None:
        severities = dict(options.verdict.severity)
        errors = [c for c in checks if severities.get(c.rule, c.severity) == Severity.ERROR]
        self.show = show
        self.count = 0
        self.faults = [check.rule for check in errors if isinstance(check, FaultCheck)]
        self.values = [
            metric_name(check.measure)
            for check in errors
            if check.rule in VALUE_RULES and check.measure is not None
        ]

    def add(self, pieces: Sequence[PartialResult]) -> None:
        """Count the records of a finished shard."""
        if self.show is None:
            return
        found = [addresses for piece in pieces for addresses in self._addresses(piece)]
        if found:
            self.count += len(sorted_distinct(np.concatenate(found)))
            self.show(self.count)

    def _addresses(self, piece: PartialResult) -> Iterator[Any]:
        """The addresses of records with errors; some occur several times."""
        tallies = piece.tallies.entries
        faults: FaultMap | None = tallies.get(metric_name(measure_faults))
        for rule in self.faults if faults else ():
            if faults is not None and rule in faults.entries:
                yield faults.entries[rule].records.addresses.array
        for name in self.values:
            hits: HitMap | None = tallies.get(name)
            for flagged in hits.entries.values() if hits else ():
                yield flagged.addresses.array


class FirstError:
    """Ends the scan at the first error that is neither accepted nor too mild to fail it.

    Records of a rule with a tolerance do not end it: whether they are tolerated shows at the end.

    Shards are judged in the order in which the scan adds them up, which does not depend on the
    number of workers, so that the same record is named however many there are.
    """

    def __init__(
        self,
        checks: Sequence[Check[Any]],
        evaluate: Evaluate,
        reader: Reader,
        plan: Plan,
        watch: Watch,
    ) -> None:
        self.options = reader.options
        self.checks = [check for check in checks if judges_by_record(check, self.options)]
        self.evaluate, self.reader, self.plan, self.watch = evaluate, reader, plan, watch

    def judge_plan(self) -> None:
        """Judge what planning has found.

        Raises:
            ScanCancelled: if that is an error.
        """
        if self.plan.faults:
            tallies = {metric_name(measure_faults): tally_faults(self.plan.faults, 0)}
            self._judge(np.zeros(len(self.plan.shards), np.int64), tallies)

    def judge(self, pieces: Sequence[PartialResult]) -> None:
        """Judge a finished shard.

        Raises:
            ScanCancelled: if it has an error.
        """
        total = add_all(pieces)
        if total is not None:
            counts = np.zeros(len(self.plan.shards), np.int64)
            np.add.at(counts, total.shards.array, total.records.array)
            self._judge(counts, total.tallies.entries)

    def _judge(self, counts: Any, tallies: Mapping[str, Any]) -> None:
        part = DatasetSummary(self.plan, self.options, counts, tallies, is_complete=False)
        found = [issue for check in self.checks for issue in self.evaluate(check, part)]
        failing = [issue for issue in found if self._fails(issue)]
        if failing and self.options.verdict.baseline is not None:
            failing = self._without_accepted(failing, part)
        if failing:
            self.watch.end(min(map(first_of, failing), key=place_of))

    def _fails(self, issue: Issue) -> bool:
        level = self.options.verdict.fail_on
        if issue.rule in dict(self.options.verdict.tolerance):
            return False
        return level != "never" and issue.severity.rank >= Severity(level).rank

    def _without_accepted(self, issues: Sequence[Issue], part: DatasetSummary) -> list[Issue]:
        """What of the issues the baseline does not accept; keys are looked up in a new worker."""
        from datascan.readers.isolated import IsolatedReader  # noqa: PLC0415  (rarely used)
        from datascan.scanner.baseline_filter import BaselineFilter  # noqa: PLC0415  (rarely used)

        baseline = self.options.verdict.baseline
        if baseline is None:
            return list(issues)
        inner = self.reader.reader if isinstance(self.reader, IsolatedReader) else self.reader
        reader = IsolatedReader(inner, lambda _: None)
        try:
            accepting = BaselineFilter(baseline.of_dataset(self.reader.identity))
            scanned = ScanResult(
                reader=reader, summary=part, issues=tuple(issues), nbytes=0, seconds=0.0
            )
            return [one for one in accepting.apply(scanned).issues if one.accepted is None]
        finally:
            reader.end_worker()


class Shards(Struct, frozen=True):
    """Counts the errors of finished shards, and ends the scan at the first one if asked to."""

    errors: ErrorCounter
    first: FirstError | None = None

    def begin(self) -> None:
        """Judge what planning has found."""
        if self.first is not None:
            self.first.judge_plan()

    def finished(self, pieces: Sequence[PartialResult]) -> None:
        """Count the errors of a shard."""
        self.errors.add(pieces)

    def added(self, pieces: Sequence[PartialResult]) -> None:
        """Judge a shard."""
        if self.first is not None:
            self.first.judge(pieces)


def first_of(issue: Issue) -> EarlyEnd:
    """The first record of an issue, or its first detail if it does not name records."""
    end = EarlyEnd(by="fail-fast", rule=issue.rule, detail=next(iter(issue.details), issue.message))
    if issue.flagged is None or not len(issue.flagged.addresses.array):
        return end
    addresses = issue.flagged.addresses.array
    first = int(np.argmin(addresses))
    detail = issue.describe(issue.flagged.facts.array[first])
    return replace(end, detail=detail, address=int(addresses[first]))


def place_of(end: EarlyEnd) -> tuple[bool, int, str]:
    """Faults of the dataset come first, then records in store order."""
    return end.address is not None, end.address or 0, end.rule
