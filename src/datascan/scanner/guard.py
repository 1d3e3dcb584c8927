"""Checks of other packages: what they raise costs their verdict, not the scan.

Built-in checks are not guarded: an error in one of them is a defect and must be seen.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from msgspec import Struct

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, metric_name
from datascan.plugins import Plugin, describe_error, plugins_of, report_failure
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class GuardedTally:
    """A tally of another package's check, or the error that was raised instead of it."""

    value: Any
    error: str | None = None

    def __add__(self, right: GuardedTally) -> GuardedTally:
        if error := self.error or right.error:
            return GuardedTally(None, error)
        try:
            return GuardedTally(self.value + right.value)
        except Exception as raised:  # noqa: BLE001  (the code of others may raise anything)
            return GuardedTally(None, describe_error(raised))

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker that cannot send its result dies, and the records would be blamed for it.
        if error := pickling_error(self.value):
            return GuardedTally, (None, error)
        return GuardedTally, (self.value, self.error)


class GuardedMetric(Struct, frozen=True):
    """The ``measure`` of another package's check."""

    measure: Callable[[Block], Any]

    def __call__(self, block: Block) -> GuardedTally | None:
        """Measure a block."""
        try:
            found = self.measure(block)
        except MemoryError:
            raise
        except Exception as raised:  # noqa: BLE001  (the code of others may raise anything)
            return GuardedTally(None, describe_error(raised))
        return None if found is None else GuardedTally(found)


def pickling_error(value: Any) -> str | None:
    """Why ``value`` cannot cross to another process, if it cannot."""
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301  (its own pickle)
    except Exception as raised:  # noqa: BLE001  (the code of others may raise anything)
        return describe_error(raised)
    return None


def usable_checks(checks: Iterable[Check[Any]]) -> list[Check[Any]]:
    """The checks without those of other packages whose ``measure`` cannot cross to a worker."""
    external = plugins_of("check")
    found = []
    for check in checks:
        plugin = external.get(check.rule)
        if plugin is not None and (error := pickling_error(check.measure)):
            report_failure(plugin, error)
        else:
            found.append(check)
    return found


def guarded_metrics(checks: Sequence[Check[Any]]) -> dict[str, Callable[[Block], Any]]:
    """The metrics of all checks by name; those that only checks of other packages use, guarded."""
    external = plugins_of("check")
    guarded, plain = {}, {}
    for check in checks:
        if check.measure is None:
            continue
        name = metric_name(check.measure)
        if check.rule in external:
            guarded[name] = GuardedMetric(check.measure)
        else:
            plain[name] = check.measure
    return {**guarded, **plain}


def without_guards(tallies: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The tallies themselves, and the errors of those that could not be measured, by metric."""
    found, failed = {}, {}
    for name, tally in tallies.items():
        if not isinstance(tally, GuardedTally):
            found[name] = tally
        # Also in a scan without workers: the report does not depend on them.
        elif error := tally.error or pickling_error(tally.value):
            failed[name] = error
        else:
            found[name] = tally.value
    return found, failed


def evaluate_guarded(
    check: Check[Any],
    evaluate: Callable[[Check[Any], DatasetSummary], Iterable[Issue]],
    dataset: DatasetSummary,
    failed: Mapping[str, str],
    plugin: Plugin,
) -> tuple[Issue, ...] | None:
    """The issues of the check of ``plugin``; None, and a warning, if it failed."""
    error = None if check.measure is None else failed.get(metric_name(check.measure))
    try:
        issues = () if error else tuple(evaluate(check, dataset))
        error = error or next(filter(None, (malformed(check, issue) for issue in issues)), None)
    except Exception as raised:  # noqa: BLE001  (the code of others may raise anything)
        error = describe_error(raised)
    if error:
        report_failure(plugin, error)
        return None
    return tuple(
        replace(issue, describe=partial(describe_safely, issue.describe)) for issue in issues
    )


def malformed(check: Check[Any], issue: Issue) -> str | None:
    """What is wrong with an issue, if anything is."""
    if issue.rule != check.rule:
        return f"evaluate() yielded an issue of the rule {issue.rule!r}"
    texts = (issue.message, issue.fix, issue.about, *issue.details, *issue.keys)
    if not all(isinstance(text, str) for text in texts):
        return "evaluate() yielded an issue whose texts are not all str"
    if not isinstance(issue.severity, Severity) or not isinstance(issue.records, int):
        return "evaluate() yielded an issue without a Severity or a number of records"
    return None


def describe_safely(describe: Callable[[Any], str], fact: Any) -> str:
    """The detail of a flagged record; facts are described only when they are reported."""
    try:
        return str(describe(fact))
    except Exception as raised:  # noqa: BLE001  (the code of others may raise anything)
        return f"{fact} (cannot be described: {describe_error(raised)})"
