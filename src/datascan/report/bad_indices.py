"""The indices of all bad records, kept with a report: its JSON has only 20 examples of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.errors import DatasetError
from datascan.metrics.base import DatasetSummary, sorted_distinct
from datascan.plugins import require_rules
from datascan.report.figures import Finding

KEPT = "bad_indices_by_finding"
"""The name under which a report keeps them: an attribute, not a field."""

R = TypeVar("R", bound=msgspec.Struct)


class FoundRecords(Struct, frozen=True, eq=False):
    """The records of an issue that is not accepted: indices, int64 (n,), in any order."""

    rule: str
    severity: str
    indices: NDArray[np.int64]


def keep_bad_indices(report: R, issues: Iterable[Issue], dataset: DatasetSummary) -> R:
    """The report, which now knows the indices of all records that ``issues`` name."""
    vars(report)[KEPT] = tuple(
        FoundRecords(
            issue.rule, issue.severity.value, dataset.indices(issue.flagged.addresses.array)
        )
        for issue in issues
        if issue.flagged is not None and issue.accepted is None
    )
    return report


def copy_bad_indices(report: R, source: msgspec.Struct) -> R:
    """The report, which now knows the indices that ``source`` knows, if any."""
    vars(report).update(vars(source))
    return report


def find_bad_indices(
    kept: Mapping[str, Any], findings: Iterable[Finding], rules: Iterable[str] | None
) -> NDArray[np.int64]:
    """The indices of all records with errors, or of all that ``rules`` name, int64 (n,), ascending.

    ``kept`` are the attributes of the report, ``findings`` its findings.

    Raises:
        UsageError: if a rule does not exist.
        DatasetError: if the report was loaded from a file and does not have all of them.
    """
    chosen = None if rules is None else frozenset(rules)
    require_rules(sorted(chosen or ()))
    found: tuple[FoundRecords, ...] | None = kept.get(KEPT)
    if found is None:
        found = tuple(find_in_examples(findings, chosen))
    parts = [one.indices for one in found if is_chosen(one.rule, one.severity, chosen)]
    return sorted_distinct(np.concatenate([np.empty(0, np.int64), *parts]))


def is_chosen(rule: str, severity: str, rules: frozenset[str] | None) -> bool:
    """Whether a finding is one of ``rules``, or without them an error."""
    return severity == "error" if rules is None else rule in rules


def find_in_examples(
    findings: Iterable[Finding], rules: frozenset[str] | None
) -> Iterator[FoundRecords]:
    """The records of a report that was loaded from a file.

    Raises:
        DatasetError: if a finding that counts has more records than examples.
    """
    for finding in findings:
        if finding.accepted is not None or not is_chosen(finding.rule, finding.severity, rules):
            continue
        indices = [example.index for example in finding.examples if example.index is not None]
        if indices and len(indices) < finding.records:
            raise DatasetError(
                f"the saved report names {len(indices)} of {finding.records:,} records of "
                f"{finding.rule}: scan again, or use --bad-records"
            )
        yield FoundRecords(finding.rule, finding.severity, np.array(indices, np.int64))
